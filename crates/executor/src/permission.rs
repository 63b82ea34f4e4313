//! Privileges on the relations of a statement, checked before it runs.

use base::{Error, Oid, Result, SqlState, bail};
use catalog::acl::{self, privilege};
use catalog::{PgAttribute, PgClass, Session, index};
use datum::Datum;
use ir::{Permission, RelSet};

/// Offset of attribute numbers in a permission's column sets.
const FIRST_ATTRIBUTE: i32 = 7;

/// # Errors
/// `42501` for what the user may not do.
pub fn check_permissions(session: &Session, permissions: &[Permission]) -> Result<()> {
    permissions.iter().filter(|p| p.required != 0).try_for_each(|p| check(session, p))
}

fn check(session: &Session, permission: &Permission) -> Result<()> {
    let user = permission.check_as.some().unwrap_or_else(|| session.user());
    if session.is_superuser(user)? {
        return Ok(());
    }
    let Some(class) = session.row::<PgClass>(index::PG_CLASS_OID, &[permission.relation.into()])? else {
        bail!(UNDEFINED_TABLE, "relation with OID {} does not exist", permission.relation);
    };
    let held = relation_privileges(session, &class, user)?;
    let mut missing = permission.required & !held;
    if missing == 0 {
        return Ok(());
    }
    let by_column = privilege::SELECT | privilege::INSERT | privilege::UPDATE;
    if missing & !by_column == 0 {
        for (bit, columns) in [
            (privilege::SELECT, &permission.selected),
            (privilege::INSERT, &permission.inserted),
            (privilege::UPDATE, &permission.updated),
        ] {
            if missing & bit != 0 && columns_allowed(session, &class, user, bit, columns)? {
                missing &= !bit;
            }
        }
        if missing == 0 {
            return Ok(());
        }
    }
    let kind = match class.relkind as u8 {
        b'v' => "view",
        b'm' => "materialized view",
        b'S' => "sequence",
        b'f' => "foreign table",
        _ => "table",
    };
    Err(Error::new(
        SqlState::INSUFFICIENT_PRIVILEGE,
        format!("permission denied for {kind} {}", class.relname),
    ))
}

/// What the user holds on a whole relation.
fn relation_privileges(session: &Session, class: &PgClass, user: Oid) -> Result<u64> {
    const PG_READ_ALL_DATA: Oid = Oid(6181);
    const PG_WRITE_ALL_DATA: Oid = Oid(6182);
    const PG_MAINTAIN: Oid = Oid(6337);
    let mut held = match &class.relacl {
        Some(payload) => {
            let items = acl::decode(payload)?;
            acl::privileges_of(&items, &mut |grantee| {
                Ok(!grantee.is_valid() || session.has_role(user, grantee)?)
            })?
        }
        None if session.has_role(user, class.relowner)? => privilege::ALL_TABLE | privilege::USAGE,
        None => 0,
    };
    if session.has_role(user, PG_READ_ALL_DATA)? {
        held |= privilege::SELECT;
    }
    let is_catalog = class.oid.0 < 16384;
    if !is_catalog && session.has_role(user, PG_WRITE_ALL_DATA)? {
        held |= privilege::INSERT | privilege::UPDATE | privilege::DELETE;
    }
    if session.has_role(user, PG_MAINTAIN)? {
        held |= privilege::MAINTAIN;
    }
    Ok(held)
}

fn columns_allowed(
    session: &Session,
    class: &PgClass,
    user: Oid,
    bit: u64,
    columns: &RelSet,
) -> Result<bool> {
    let allowed = |number: i16| -> Result<bool> {
        let keys = [class.oid.into(), Datum::Int2(number)];
        let Some(row) = session.row::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &keys)? else {
            return Ok(false);
        };
        let Some(payload) = &row.attacl else { return Ok(false) };
        let items = acl::decode(payload)?;
        let held = acl::privileges_of(&items, &mut |grantee| {
            Ok(!grantee.is_valid() || session.has_role(user, grantee)?)
        })?;
        Ok(held & bit != 0)
    };
    if columns.is_empty() {
        // Nothing named, as in SELECT count(*): a privilege on any column will do; INSERT needs none by name.
        for number in 1..=class.relnatts {
            if allowed(number)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    for member in columns.iter() {
        let number = member as i32 - FIRST_ATTRIBUTE;
        if number == 0 {
            for number in 1..=class.relnatts {
                let keys = [class.oid.into(), Datum::Int2(number)];
                let row = session.row::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &keys)?;
                if row.is_some_and(|r| !r.attisdropped) && !allowed(number)? {
                    return Ok(false);
                }
            }
        } else if !allowed(number as i16)? {
            return Ok(false);
        }
    }
    Ok(true)
}
