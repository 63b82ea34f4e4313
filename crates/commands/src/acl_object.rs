//! Objects that have owners and grants: reading and writing both, whatever catalog they are in.

use crate::privilege::{self, Defaults};
use crate::relation;
use crate::shared_dependency::{self as shared, Kind};
use base::{Error, Oid, Result, Tid};
use catalog::acl::{self, AclItem};
use catalog::*;
use datum::Datum;

/// An object's owner and grants.
pub(crate) struct Owned {
    pub object: ObjectAddress,
    pub owner: Oid,
    pub grants: Vec<AclItem>,
    /// As messages call it: `table`, `orders`.
    pub word: &'static str,
    pub name: String,
    pub defaults: Defaults,
}

macro_rules! with_row {
    ($session:expr, $row:ty, $index:expr, $oid:expr) => {{
        let rows = $session.find::<$row>($index, &[Datum::from($oid)])?;
        rows.into_iter()
            .next()
            .ok_or_else(|| Error::internal(format!("cache lookup failed for object {}", $oid)))?
    }};
}

impl Owned {
    /// # Errors
    /// `XX000` when it is not there, `0A000` for catalogs without owners here.
    pub(crate) fn read(session: &Session, object: ObjectAddress) -> Result<Owned> {
        let oid = object.object;
        let (owner, stored, defaults, word, name) = match object.class {
            PgClass::OID => return Owned::read_relation(session, object),
            PgNamespace::OID => {
                let (_, row): (Tid, PgNamespace) =
                    with_row!(session, PgNamespace, index::PG_NAMESPACE_OID, oid);
                (row.nspowner, row.nspacl, privilege::SCHEMA, "schema", row.nspname)
            }
            PgDatabase::OID => {
                let (_, row): (Tid, PgDatabase) = with_row!(session, PgDatabase, index::PG_DATABASE_OID, oid);
                (row.datdba, row.datacl, privilege::DATABASE, "database", row.datname)
            }
            PgProc::OID => {
                let (_, row): (Tid, PgProc) = with_row!(session, PgProc, index::PG_PROC_OID, oid);
                (row.proowner, row.proacl, privilege::FUNCTION, "function", row.proname)
            }
            PgType::OID => {
                let (_, row): (Tid, PgType) = with_row!(session, PgType, index::PG_TYPE_OID, oid);
                (row.typowner, row.typacl, privilege::TYPE, "type", row.typname)
            }
            PgLanguage::OID => {
                let (_, row): (Tid, PgLanguage) = with_row!(session, PgLanguage, index::PG_LANGUAGE_OID, oid);
                (row.lanowner, row.lanacl, privilege::LANGUAGE, "language", row.lanname)
            }
            PgTablespace::OID => {
                let (_, row): (Tid, PgTablespace) =
                    with_row!(session, PgTablespace, index::PG_TABLESPACE_OID, oid);
                (row.spcowner, row.spcacl, privilege::TABLESPACE, "tablespace", row.spcname)
            }
            PgStatisticExt::OID => {
                let (_, row): (Tid, PgStatisticExt) =
                    with_row!(session, PgStatisticExt, index::PG_STATISTIC_EXT_OID, oid);
                let (defaults, word) = (privilege::COLUMN, "statistics object");
                return Ok(Owned {
                    object,
                    owner: row.stxowner,
                    grants: Vec::new(),
                    word,
                    name: row.stxname,
                    defaults,
                });
            }
            class => return Err(Error::unsupported(format!("privileges on objects of catalog {class}"))),
        };
        let grants = privilege::grants(stored.as_ref(), owner, defaults)?;
        Ok(Owned { object, owner, grants, word, name, defaults })
    }

    fn read_relation(session: &Session, object: ObjectAddress) -> Result<Owned> {
        let (_, class) = relation::class_row(session, object.object)?;
        let word = privilege::relation_word(class.relkind as u8);
        let owner = class.relowner;
        if object.sub == 0 {
            let defaults = if class.relkind as u8 == b'S' { privilege::SEQUENCE } else { privilege::TABLE };
            let grants = privilege::grants(class.relacl.as_ref(), owner, defaults)?;
            return Ok(Owned { object, owner, grants, word, name: class.relname, defaults });
        }
        let keys = [object.object.into(), Datum::Int2(object.sub as i16)];
        let rows = session.find::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &keys)?;
        let stored = rows.into_iter().next().and_then(|(_, row)| row.attacl);
        let defaults = privilege::COLUMN;
        let grants = privilege::grants(stored.as_ref(), owner, defaults)?;
        Ok(Owned { object, owner, grants, word, name: class.relname, defaults })
    }

    /// Stores the grants and records whom they name.
    ///
    /// # Errors
    /// What writing fails with.
    pub(crate) fn store_grants(&self, session: &Session) -> Result<()> {
        let oid = self.object.object;
        let stored = (!(self.object.sub != 0 && self.grants.is_empty())).then(|| acl::encode(&self.grants));
        match self.object.class {
            PgClass::OID if self.object.sub != 0 => {
                relation::update_attribute(session, oid, self.object.sub as i16, |row| row.attacl = stored)?;
            }
            PgClass::OID => relation::update_class(session, oid, |row| row.relacl = stored)?,
            PgNamespace::OID => {
                let (tid, mut row): (Tid, PgNamespace) =
                    with_row!(session, PgNamespace, index::PG_NAMESPACE_OID, oid);
                row.nspacl = stored;
                session.update(tid, &row)?;
            }
            PgDatabase::OID => {
                let (tid, mut row): (Tid, PgDatabase) =
                    with_row!(session, PgDatabase, index::PG_DATABASE_OID, oid);
                row.datacl = stored;
                session.update(tid, &row)?;
            }
            PgProc::OID => {
                let (tid, mut row): (Tid, PgProc) = with_row!(session, PgProc, index::PG_PROC_OID, oid);
                row.proacl = stored;
                session.update(tid, &row)?;
            }
            PgType::OID => {
                let (tid, mut row): (Tid, PgType) = with_row!(session, PgType, index::PG_TYPE_OID, oid);
                row.typacl = stored;
                session.update(tid, &row)?;
            }
            PgLanguage::OID => {
                let (tid, mut row): (Tid, PgLanguage) =
                    with_row!(session, PgLanguage, index::PG_LANGUAGE_OID, oid);
                row.lanacl = stored;
                session.update(tid, &row)?;
            }
            _ => {
                let (tid, mut row): (Tid, PgTablespace) =
                    with_row!(session, PgTablespace, index::PG_TABLESPACE_OID, oid);
                row.spcacl = stored;
                session.update(tid, &row)?;
            }
        }
        let roles: Vec<Oid> = self.grants.iter().flat_map(|item| [item.grantee, item.grantor]).collect();
        shared::record_roles(session, self.object, self.owner, &roles, Kind::Acl)?;
        session.command_counter_increment()
    }

    /// Gives the object to another owner, in whose name the old owner's grants then stand.
    ///
    /// # Errors
    /// What writing fails with.
    pub(crate) fn change_owner(&mut self, session: &Session, owner: Oid) -> Result<()> {
        let oid = self.object.object;
        let old = self.owner;
        match self.object.class {
            PgClass::OID => relation::update_class(session, oid, |row| row.relowner = owner)?,
            PgNamespace::OID => {
                let (tid, mut row): (Tid, PgNamespace) =
                    with_row!(session, PgNamespace, index::PG_NAMESPACE_OID, oid);
                row.nspowner = owner;
                session.update(tid, &row)?;
            }
            PgDatabase::OID => {
                let (tid, mut row): (Tid, PgDatabase) =
                    with_row!(session, PgDatabase, index::PG_DATABASE_OID, oid);
                row.datdba = owner;
                session.update(tid, &row)?;
            }
            PgProc::OID => {
                let (tid, mut row): (Tid, PgProc) = with_row!(session, PgProc, index::PG_PROC_OID, oid);
                row.proowner = owner;
                session.update(tid, &row)?;
            }
            PgType::OID => {
                let (tid, mut row): (Tid, PgType) = with_row!(session, PgType, index::PG_TYPE_OID, oid);
                row.typowner = owner;
                session.update(tid, &row)?;
            }
            PgStatisticExt::OID => {
                let (tid, mut row): (Tid, PgStatisticExt) =
                    with_row!(session, PgStatisticExt, index::PG_STATISTIC_EXT_OID, oid);
                row.stxowner = owner;
                session.update(tid, &row)?;
            }
            class => return Err(Error::unsupported(format!("changing owners in catalog {class}"))),
        }
        session.command_counter_increment()?;
        shared::change_owner(session, self.object, owner)?;
        self.owner = owner;
        let stored = self.has_stored_grants(session)?;
        for item in &mut self.grants {
            for role in [&mut item.grantee, &mut item.grantor] {
                if *role == old {
                    *role = owner;
                }
            }
        }
        merge(&mut self.grants);
        if stored { self.store_grants(session) } else { session.command_counter_increment() }
    }

    fn has_stored_grants(&self, session: &Session) -> Result<bool> {
        let oid = self.object.object;
        Ok(match self.object.class {
            PgClass::OID => relation::class_row(session, oid)?.1.relacl.is_some(),
            PgNamespace::OID => {
                let (_, row): (Tid, PgNamespace) =
                    with_row!(session, PgNamespace, index::PG_NAMESPACE_OID, oid);
                row.nspacl.is_some()
            }
            PgDatabase::OID => {
                let (_, row): (Tid, PgDatabase) = with_row!(session, PgDatabase, index::PG_DATABASE_OID, oid);
                row.datacl.is_some()
            }
            PgProc::OID => {
                let (_, row): (Tid, PgProc) = with_row!(session, PgProc, index::PG_PROC_OID, oid);
                row.proacl.is_some()
            }
            PgStatisticExt::OID => false,
            _ => {
                let (_, row): (Tid, PgType) = with_row!(session, PgType, index::PG_TYPE_OID, oid);
                row.typacl.is_some()
            }
        })
    }
}

/// Items of one grantee and grantor become one.
fn merge(grants: &mut Vec<AclItem>) {
    let mut merged: Vec<AclItem> = Vec::with_capacity(grants.len());
    for item in grants.drain(..) {
        match merged.iter_mut().find(|m| (m.grantee, m.grantor) == (item.grantee, item.grantor)) {
            Some(known) => {
                known.privileges |= item.privileges;
                known.grant_options |= item.grant_options;
            }
            None => merged.push(item),
        }
    }
    *grants = merged;
}
