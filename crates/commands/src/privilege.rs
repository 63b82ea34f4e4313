//! Who may do what to which object: owners, privileges, default privileges.

use base::{Oid, Result, bail, err};
use catalog::acl::{self, AclItem, privilege as bits};
use catalog::{
    ObjectAddress, Payload, PgClass, PgDatabase, PgNamespace, PgTablespace, PgType, RelationEntry, Session,
    index,
};
use lock::LockMode;
use syntax::{Role, RoleKind};

/// The grantee that stands for everybody.
pub(crate) const PUBLIC: Oid = Oid(0);

/// What objects of a kind are granted by default: everything to the owner, and to everybody.
#[derive(Clone, Copy)]
pub(crate) struct Defaults {
    pub owner: u64,
    pub public: u64,
}

pub(crate) const TABLE: Defaults = Defaults { owner: bits::ALL_TABLE, public: 0 };
pub(crate) const SEQUENCE: Defaults =
    Defaults { owner: bits::USAGE | bits::SELECT | bits::UPDATE, public: 0 };
pub(crate) const COLUMN: Defaults = Defaults { owner: 0, public: 0 };
pub(crate) const SCHEMA: Defaults = Defaults { owner: bits::USAGE | bits::CREATE, public: 0 };
pub(crate) const DATABASE: Defaults = Defaults {
    owner: bits::CREATE | bits::CREATE_TEMP | bits::CONNECT,
    public: bits::CREATE_TEMP | bits::CONNECT,
};
pub(crate) const FUNCTION: Defaults = Defaults { owner: bits::EXECUTE, public: bits::EXECUTE };
pub(crate) const LANGUAGE: Defaults = Defaults { owner: bits::USAGE, public: bits::USAGE };
pub(crate) const TYPE: Defaults = Defaults { owner: bits::USAGE, public: bits::USAGE };
pub(crate) const TABLESPACE: Defaults = Defaults { owner: bits::CREATE, public: 0 };

/// The grants of an object: as stored, or the default ones.
///
/// # Errors
/// `XX001` for a damaged list.
pub(crate) fn grants(stored: Option<&Payload>, owner: Oid, defaults: Defaults) -> Result<Vec<AclItem>> {
    if let Some(stored) = stored {
        return acl::decode(stored);
    }
    let mut items = Vec::new();
    if defaults.public != 0 {
        items.push(AclItem {
            grantee: PUBLIC,
            grantor: owner,
            privileges: defaults.public,
            grant_options: 0,
        });
    }
    if defaults.owner != 0 {
        items.push(AclItem { grantee: owner, grantor: owner, privileges: defaults.owner, grant_options: 0 });
    }
    Ok(items)
}

/// The privileges that a role holds, directly or through roles it inherits from.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn held(
    session: &Session,
    role: Oid,
    stored: Option<&Payload>,
    owner: Oid,
    defaults: Defaults,
) -> Result<u64> {
    if session.is_superuser(role)? {
        return Ok(!0);
    }
    let items = grants(stored, owner, defaults)?;
    acl::privileges_of(&items, &mut |grantee| Ok(grantee == PUBLIC || session.has_role(role, grantee)?))
}

/// # Errors
/// `42501` unless the current user may create in the schema.
pub(crate) fn require_create_in(session: &Session, namespace: Oid) -> Result<()> {
    require_create_in_as(session, namespace, session.user())
}

/// # Errors
/// `42501` unless `role` may create in the schema.
pub(crate) fn require_create_in_as(session: &Session, namespace: Oid, role: Oid) -> Result<()> {
    if Some(namespace) == session.temporary_namespace() {
        return Ok(());
    }
    require_namespace(session, namespace, role, bits::CREATE)
}

fn require_namespace(session: &Session, namespace: Oid, role: Oid, wanted: u64) -> Result<()> {
    let Some(row) = session.row::<PgNamespace>(index::PG_NAMESPACE_OID, &[namespace.into()])? else {
        bail!(INVALID_SCHEMA_NAME, "schema with OID {namespace} does not exist");
    };
    if held(session, role, row.nspacl.as_ref(), row.nspowner, SCHEMA)? & wanted == 0 {
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied for schema {}", row.nspname);
    }
    Ok(())
}

/// # Errors
/// `42501` unless the current user holds the privilege on the current database.
pub(crate) fn database_allows(session: &Session, wanted: u64) -> Result<bool> {
    let Some(row) = session.row::<PgDatabase>(index::PG_DATABASE_OID, &[session.database().into()])? else {
        return Ok(false);
    };
    Ok(held(session, session.user(), row.datacl.as_ref(), row.datdba, DATABASE)? & wanted != 0)
}

/// # Errors
/// `42501` unless the current user may put relations into the tablespace.
pub(crate) fn require_tablespace(session: &Session, name: &str) -> Result<Oid> {
    let rows = session.rows::<PgTablespace>(index::PG_TABLESPACE_SPCNAME, &[name.into()])?;
    let Some(row) = rows.first() else { bail!(UNDEFINED_OBJECT, "tablespace \"{name}\" does not exist") };
    let own = row.oid == session.database_tablespace();
    if !own
        && held(session, session.user(), row.spcacl.as_ref(), row.spcowner, TABLESPACE)? & bits::CREATE == 0
    {
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied for tablespace {name}");
    }
    Ok(row.oid)
}

/// # Errors
/// `42501` unless the current user may use the type.
pub(crate) fn require_type(session: &Session, type_oid: Oid) -> Result<()> {
    let element = session.element_type(type_oid)?.unwrap_or(type_oid);
    let row = session.type_row(element)?;
    if held(session, session.user(), row.typacl.as_ref(), row.typowner, TYPE)? & bits::USAGE == 0 {
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied for type {}", session.format_type(element, None)?);
    }
    Ok(())
}

/// The word for a relation's kind in privilege messages.
pub(crate) fn relation_word(kind: u8) -> &'static str {
    match kind {
        b'i' | b'I' => "index",
        b'S' => "sequence",
        b'v' => "view",
        b'm' => "materialized view",
        b'f' => "foreign table",
        _ => "table",
    }
}

/// # Errors
/// `42501` unless the current user holds one of the `wanted` privileges on the relation.
pub(crate) fn require_on_relation(session: &Session, entry: &RelationEntry, wanted: u64) -> Result<()> {
    let defaults = if entry.kind() == b'S' { SEQUENCE } else { TABLE };
    let class = &entry.class;
    if held(session, session.user(), class.relacl.as_ref(), class.relowner, defaults)? & wanted == 0 {
        bail!(
            INSUFFICIENT_PRIVILEGE,
            "permission denied for {} {}",
            relation_word(entry.kind()),
            class.relname
        );
    }
    Ok(())
}

/// Whether the current user is the owner, is in the owner's role, or is a superuser.
pub(crate) fn is_owner(session: &Session, owner: Oid) -> Result<bool> {
    session.has_role(session.user(), owner)
}

/// # Errors
/// `42501` `must be owner of table x`.
pub(crate) fn require_owner(session: &Session, owner: Oid, word: &str, name: &str) -> Result<()> {
    if is_owner(session, owner)? {
        return Ok(());
    }
    Err(err!(INSUFFICIENT_PRIVILEGE, "must be owner of {word} {name}"))
}

/// The current user owns the relation, and it is no catalog.
///
/// # Errors
/// `42501`.
pub(crate) fn require_relation_owner(session: &Session, entry: &RelationEntry) -> Result<()> {
    require_class_owner(session, &entry.class)?;
    refuse_catalog(&entry.class)
}

/// # Errors
/// `42501` unless the current user owns the relation.
pub(crate) fn require_class_owner(session: &Session, class: &PgClass) -> Result<()> {
    require_owner(session, class.relowner, relation_word(class.relkind as u8), &class.relname)
}

/// # Errors
/// `42501` for system catalogs, which only the system changes.
pub(crate) fn refuse_catalog(class: &PgClass) -> Result<()> {
    if class.oid.0 < 16384 && matches!(class.relnamespace.0, 11 | 99) {
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied: \"{}\" is a system catalog", class.relname);
    }
    Ok(())
}

/// # Errors
/// `42501` `must be owner of type x`.
pub(crate) fn require_type_owner(session: &Session, row: &PgType) -> Result<()> {
    if is_owner(session, row.typowner)? {
        return Ok(());
    }
    Err(err!(INSUFFICIENT_PRIVILEGE, "must be owner of type {}", session.format_type(row.oid, None)?))
}

/// # Errors
/// `42501` unless the current user is a superuser or has CREATEROLE.
pub(crate) fn has_create_role(session: &Session) -> Result<bool> {
    Ok(session.role(session.user())?.is_some_and(|r| r.rolsuper || r.rolcreaterole))
}

/// The role that a statement names; `None` for PUBLIC.
///
/// # Errors
/// `42704` if there is no such role.
pub(crate) fn role(session: &Session, role: &Role) -> Result<Option<Oid>> {
    Ok(Some(match &role.kind {
        RoleKind::Public => return Ok(None),
        RoleKind::CurrentRole | RoleKind::CurrentUser => session.user(),
        RoleKind::SessionUser => session.session_user(),
        RoleKind::Name(name) => session.require_role(name)?.oid,
    }))
}

/// As [`role`], where PUBLIC is no role.
///
/// # Errors
/// `42704`.
pub(crate) fn required_role(session: &Session, named: &Role) -> Result<Oid> {
    role(session, named)?.ok_or_else(|| err!(UNDEFINED_OBJECT, "role \"public\" does not exist"))
}

/// Takes the lock that keeps a role (or another shared object) from being dropped.
///
/// # Errors
/// What waiting for the lock fails with.
pub(crate) fn lock_object(
    session: &Session,
    object: ObjectAddress,
    shared: bool,
    mode: LockMode,
) -> Result<()> {
    let database = if shared { Oid::INVALID } else { session.database() };
    let tag = lock::LockTag::Object {
        database,
        class: object.class,
        object: object.object,
        sub: object.sub as u16,
    };
    session.transaction()?.lock(tag, mode, &session.wait_policy())?;
    Ok(())
}

/// Checks that the current user may give objects to `owner`.
///
/// # Errors
/// `42501` `must be able to SET ROLE "x"`.
pub(crate) fn require_can_set_role(session: &Session, owner: Oid) -> Result<()> {
    if session.can_set_role(session.user(), owner)? {
        return Ok(());
    }
    Err(err!(INSUFFICIENT_PRIVILEGE, "must be able to SET ROLE \"{}\"", session.user_name(owner)?))
}

/// A table that is still to be looked at for what the transaction has done to its rows must stay as it is. `command`:
/// what is to be done to it.
///
/// # Errors
/// `55006`.
pub(crate) fn require_not_in_use(session: &Session, class: &PgClass, command: &str) -> Result<()> {
    if executor::has_pending_events(session, class.oid) {
        let name = &class.relname;
        bail!(OBJECT_IN_USE, "cannot {command} \"{name}\" because it has pending trigger events");
    }
    Ok(())
}
