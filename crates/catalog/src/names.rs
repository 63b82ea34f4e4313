//! Names: schemas, the search path, who is visible.

use crate::acl;
use crate::index;
use crate::rows::*;
use crate::session::Session;
use base::{Oid, Result, bail};
use datum::Datum;
use std::sync::Arc;

pub const PG_CATALOG: Oid = Oid(11);

/// A search path resolved for a user and a value of the setting.
pub(crate) struct CachedPath {
    generation: u64,
    user: Oid,
    epoch: u64,
    path: Arc<[Oid]>,
    creation: Option<Oid>,
}

impl Session {
    pub fn namespace_by_name(&self, name: &str) -> Result<Option<Oid>> {
        if name == "pg_temp" {
            return Ok(*self.temporary_namespace.lock());
        }
        Ok(self.row::<PgNamespace>(index::PG_NAMESPACE_NSPNAME, &[Datum::from(name)])?.map(|n| n.oid))
    }

    /// # Errors
    /// `3F000` if there is no such schema.
    pub fn require_namespace(&self, name: &str) -> Result<Oid> {
        match self.namespace_by_name(name)? {
            Some(oid) => Ok(oid),
            None => bail!(INVALID_SCHEMA_NAME, "schema \"{name}\" does not exist"),
        }
    }

    pub fn namespace_name(&self, oid: Oid) -> Result<String> {
        Ok(self
            .row::<PgNamespace>(index::PG_NAMESPACE_OID, &[oid.into()])?
            .map_or_else(String::new, |n| n.nspname.clone()))
    }

    /// Schemas in the order they are searched, those searched implicitly included.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn search_path(&self) -> Result<Arc<[Oid]>> {
        Ok(self.resolved_path()?.0)
    }

    /// Where new objects go.
    ///
    /// # Errors
    /// `3F000` when the search path names no schema that exists.
    pub fn creation_namespace(&self) -> Result<Oid> {
        match self.resolved_path()?.1 {
            Some(oid) => Ok(oid),
            None => bail!(INVALID_SCHEMA_NAME, "no schema has been selected to create in"),
        }
    }

    fn resolved_path(&self) -> Result<(Arc<[Oid]>, Option<Oid>)> {
        let user = self.user();
        let epoch = self.with_cache(|c| c.invalidations());
        let (generation, setting) = {
            let settings = self.settings();
            let generation = settings.generation();
            if let Some(cached) = &*self.path.lock()
                && (cached.generation, cached.user, cached.epoch) == (generation, user, epoch)
                && !self.has_catalog_changes()
            {
                return Ok((cached.path.clone(), cached.creation));
            }
            (generation, settings.get(settings::SEARCH_PATH).to_owned())
        };
        let temporary = *self.temporary_namespace.lock();
        let mut path: Vec<Oid> = Vec::new();
        for name in settings::list::split_identifiers(&setting).unwrap_or_default() {
            let namespace = match name.as_str() {
                "$user" => self.namespace_by_name(&self.user_name(user)?)?,
                name => self.namespace_by_name(name)?,
            };
            if let Some(oid) = namespace
                && !path.contains(&oid)
                && self.may_use_namespace(oid, user)?
            {
                path.push(oid);
            }
        }
        let creation = path.first().copied();
        if !path.contains(&PG_CATALOG) {
            path.insert(0, PG_CATALOG);
        }
        if let Some(temporary) = temporary
            && !path.contains(&temporary)
        {
            path.insert(0, temporary);
        }
        let path: Arc<[Oid]> = path.into();
        *self.path.lock() = Some(CachedPath { generation, user, epoch, path: path.clone(), creation });
        Ok((path, creation))
    }

    /// Whether a role may look up objects in a schema.
    fn may_use_namespace(&self, namespace: Oid, user: Oid) -> Result<bool> {
        const PG_READ_ALL_DATA: Oid = Oid(6181);
        const PG_WRITE_ALL_DATA: Oid = Oid(6182);
        if self.is_superuser(user)? || Some(namespace) == *self.temporary_namespace.lock() {
            return Ok(true);
        }
        let Some(row) = self.row::<PgNamespace>(index::PG_NAMESPACE_OID, &[namespace.into()])? else {
            return Ok(false);
        };
        let held = match &row.nspacl {
            None => self.has_role(user, row.nspowner)?,
            Some(payload) => {
                let held = acl::privileges_of(&acl::decode(payload)?, &mut |grantee| {
                    Ok(!grantee.is_valid() || self.has_role(user, grantee)?)
                })?;
                held & acl::privilege::USAGE != 0
            }
        };
        Ok(held || self.has_role(user, PG_READ_ALL_DATA)? || self.has_role(user, PG_WRITE_ALL_DATA)?)
    }

    /// The temporary schema of this session, once it has one.
    pub fn temporary_namespace(&self) -> Option<Oid> {
        *self.temporary_namespace.lock()
    }

    pub fn set_temporary_namespace(&self, namespace: Option<Oid>) {
        *self.temporary_namespace.lock() = namespace;
        *self.path.lock() = None;
    }

    /// current_schemas(include_implicit).
    pub fn current_schemas(&self, include_implicit: bool) -> Result<Vec<String>> {
        let (path, creation) = self.resolved_path()?;
        let start = path.iter().position(|oid| Some(*oid) == creation).unwrap_or(path.len());
        let shown = if include_implicit { &path[..] } else { &path[start..] };
        shown.iter().map(|oid| self.namespace_name(*oid)).collect()
    }

    /// A relation by name; without a schema, the first on the search path.
    ///
    /// # Errors
    /// `3F000` when `schema` does not exist.
    pub fn relation_by_name(&self, schema: Option<&str>, name: &str) -> Result<Option<Oid>> {
        match schema {
            Some(schema) => {
                let Some(namespace) = self.namespace_by_name(schema)? else {
                    if schema == "pg_temp" {
                        return Ok(None);
                    }
                    bail!(INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist");
                };
                self.relation_in(namespace, name)
            }
            None => self.first_on_path(|session, namespace| session.relation_in(namespace, name)),
        }
    }

    pub fn relation_in(&self, namespace: Oid, name: &str) -> Result<Option<Oid>> {
        let keys = [Datum::from(name), namespace.into()];
        Ok(self.row::<PgClass>(index::PG_CLASS_RELNAME_NSP, &keys)?.map(|c| c.oid))
    }

    fn first_on_path(&self, look: impl Fn(&Session, Oid) -> Result<Option<Oid>>) -> Result<Option<Oid>> {
        for namespace in self.search_path()?.iter() {
            if let Some(oid) = look(self, *namespace)? {
                return Ok(Some(oid));
            }
        }
        Ok(None)
    }

    /// A type by name, as in [`Session::relation_by_name`].
    ///
    /// # Errors
    /// `3F000` when `schema` does not exist.
    pub fn type_by_name(&self, schema: Option<&str>, name: &str) -> Result<Option<Oid>> {
        match schema {
            Some(schema) => self.type_in(self.require_namespace(schema)?, name),
            None => self.first_on_path(|session, namespace| session.type_in(namespace, name)),
        }
    }

    pub fn type_in(&self, namespace: Oid, name: &str) -> Result<Option<Oid>> {
        let keys = [Datum::from(name), namespace.into()];
        Ok(self.row::<PgType>(index::PG_TYPE_TYPNAME_NSP, &keys)?.map(|t| t.oid))
    }

    /// A collation by name, for UTF-8 or any encoding.
    ///
    /// # Errors
    /// `3F000` when `schema` does not exist.
    pub fn collation_by_name(&self, schema: Option<&str>, name: &str) -> Result<Option<Oid>> {
        let look = |session: &Session, namespace: Oid| -> Result<Option<Oid>> {
            let rows = session.rows::<PgCollation>(index::PG_COLLATION_NAME_ENC_NSP, &[Datum::from(name)])?;
            let fits =
                |c: &&Arc<PgCollation>| c.collnamespace == namespace && matches!(c.collencoding, 6 | -1);
            Ok(rows.iter().find(fits).map(|c| c.oid))
        };
        match schema {
            Some(schema) => look(self, self.require_namespace(schema)?),
            None => self.first_on_path(look),
        }
    }

    /// Whether an unqualified name finds this relation.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn is_visible_relation(&self, oid: Oid) -> Result<bool> {
        let Some(class) = self.row::<PgClass>(index::PG_CLASS_OID, &[oid.into()])? else { return Ok(false) };
        if !self.search_path()?.contains(&class.relnamespace) {
            return Ok(false);
        }
        Ok(self.relation_by_name(None, &class.relname)? == Some(oid))
    }

    pub fn is_visible_type(&self, oid: Oid) -> Result<bool> {
        let Some(row) = self.row::<PgType>(index::PG_TYPE_OID, &[oid.into()])? else { return Ok(false) };
        if !self.search_path()?.contains(&row.typnamespace) {
            return Ok(false);
        }
        Ok(self.type_by_name(None, &row.typname)? == Some(oid))
    }

    /// Visible: no schema before its own on the path has a function of this name with the same arguments.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn is_visible_function(&self, oid: Oid) -> Result<bool> {
        let Some(row) = self.row::<PgProc>(index::PG_PROC_OID, &[oid.into()])? else { return Ok(false) };
        let path = self.search_path()?;
        let same = self.functions_by_name(&row.proname)?;
        let first = path.iter().find(|namespace| {
            same.iter().any(|f| f.pronamespace == **namespace && f.proargtypes == row.proargtypes)
        });
        Ok(first == Some(&row.pronamespace))
    }

    pub fn is_visible_operator(&self, oid: Oid) -> Result<bool> {
        let Some(row) = self.row::<PgOperator>(index::PG_OPERATOR_OID, &[oid.into()])? else {
            return Ok(false);
        };
        let path = self.search_path()?;
        let same = self.operators_by_name(&row.oprname)?;
        let first = path.iter().find(|namespace| {
            same.iter().any(|o| {
                o.oprnamespace == **namespace && o.oprleft == row.oprleft && o.oprright == row.oprright
            })
        });
        Ok(first == Some(&row.oprnamespace))
    }
}
