//! GRANT and REVOKE of privileges on objects.

use crate::acl_object::Owned;
use crate::drop::find_type;
use crate::invocation::{Invocation, Outcome};
use crate::name;
use crate::notice::warning;
use crate::privilege;
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::acl::{AclItem, privilege as bits};
use catalog::*;
use lock::LockMode;
use std::sync::Arc;
use syntax::{DropBehavior, Grant, GrantTarget, ObjectRef, ObjectType, Privilege};

/// GRANT and REVOKE.
///
/// # Errors
/// `42704`, `42501`, `0LP01`, `2BP01`; ALTER DEFAULT PRIVILEGES `0A000`.
pub(crate) fn grant(invocation: &mut Invocation<'_>, statement: &Grant) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let mut grantees = Vec::new();
    for role in &statement.grantees {
        let grantee = privilege::role(session, role)?.unwrap_or(privilege::PUBLIC);
        if statement.grant_option && !statement.revoke && grantee == privilege::PUBLIC {
            bail!(INVALID_GRANT_OPERATION, "grant options can only be granted to roles");
        }
        grantees.push(grantee);
    }
    if let Some(role) = &statement.grantor {
        let grantor = privilege::required_role(session, role)?;
        if grantor != session.user() {
            return Err(err!(FEATURE_NOT_SUPPORTED, "grantor must be current user"));
        }
    }
    for object in targets(session, statement)? {
        apply(session, statement, object, &grantees)?;
    }
    Ok(Outcome::Tag(if statement.revoke { "REVOKE" } else { "GRANT" }.to_owned()))
}

fn targets(session: &Arc<Session>, statement: &Grant) -> Result<Vec<ObjectAddress>> {
    match &statement.target {
        GrantTarget::Defaults => Err(Error::unsupported("ALTER DEFAULT PRIVILEGES")),
        GrantTarget::Objects(objects) => {
            objects.iter().map(|object| target(session, statement.object_type, object)).collect()
        }
        GrantTarget::AllInSchemas(schemas) => {
            let mut found = Vec::new();
            for schema in schemas {
                let namespace = session.require_namespace(schema)?;
                add_all(session, statement.object_type, namespace, &mut found)?;
            }
            Ok(found)
        }
    }
}

fn add_all(
    session: &Session,
    kind: ObjectType,
    namespace: Oid,
    found: &mut Vec<ObjectAddress>,
) -> Result<()> {
    match kind {
        ObjectType::Table | ObjectType::Sequence => {
            let kinds: &[u8] = if kind == ObjectType::Table { b"rvmfp" } else { b"S" };
            for class in session.scan_all::<PgClass>()? {
                if class.relnamespace == namespace && kinds.contains(&(class.relkind as u8)) {
                    found.push(ObjectAddress::new::<PgClass>(class.oid));
                }
            }
        }
        ObjectType::Function | ObjectType::Procedure | ObjectType::Routine => {
            for function in session.scan_all::<PgProc>()? {
                let procedure = function.prokind as u8 == b'p';
                let wanted = match kind {
                    ObjectType::Function => !procedure,
                    ObjectType::Procedure => procedure,
                    _ => true,
                };
                if function.pronamespace == namespace && wanted {
                    found.push(ObjectAddress::new::<PgProc>(function.oid));
                }
            }
        }
        _ => return Err(Error::internal("GRANT ON ALL of an unexpected kind")),
    }
    Ok(())
}

fn target(session: &Arc<Session>, kind: ObjectType, object: &ObjectRef) -> Result<ObjectAddress> {
    use ObjectType as O;
    match (kind, object) {
        (O::Table | O::Sequence, ObjectRef::Relation(named)) => {
            let entry = name::open_relation(session, named, LockMode::AccessShare)?;
            match entry.kind() {
                b'i' | b'I' => bail!(WRONG_OBJECT_TYPE, "\"{}\" is an index", entry.name()),
                b'c' => bail!(WRONG_OBJECT_TYPE, "\"{}\" is a composite type", entry.name()),
                other if kind == O::Sequence && other != b'S' => {
                    bail!(WRONG_OBJECT_TYPE, "\"{}\" is not a sequence", entry.name())
                }
                _ => Ok(ObjectAddress::new::<PgClass>(entry.oid())),
            }
        }
        (O::Table | O::Sequence, ObjectRef::Name(named)) => {
            target(session, kind, &ObjectRef::Relation(name::as_relation_name(named)?))
        }
        (O::Schema, ObjectRef::Name(named)) => {
            Ok(ObjectAddress::new::<PgNamespace>(session.require_namespace(named.name())?))
        }
        (O::Database, ObjectRef::Name(named)) => {
            let rows = session.rows::<PgDatabase>(index::PG_DATABASE_DATNAME, &[named.name().into()])?;
            match rows.first() {
                Some(row) => Ok(ObjectAddress::new::<PgDatabase>(row.oid)),
                None => bail!(UNDEFINED_DATABASE, "database \"{}\" does not exist", named.name()),
            }
        }
        (O::Language, ObjectRef::Name(named)) => {
            let rows = session.rows::<PgLanguage>(index::PG_LANGUAGE_NAME, &[named.name().into()])?;
            match rows.first() {
                Some(row) if !row.lanpltrusted => {
                    Err(err!(WRONG_OBJECT_TYPE, "language \"{}\" is not trusted", row.lanname).detail(
                        "GRANT and REVOKE are not allowed on untrusted languages, because only superusers can use \
                         untrusted languages.",
                    ))
                }
                Some(row) => Ok(ObjectAddress::new::<PgLanguage>(row.oid)),
                None => bail!(UNDEFINED_OBJECT, "language \"{}\" does not exist", named.name()),
            }
        }
        (O::Tablespace, ObjectRef::Name(named)) => {
            let rows = session.rows::<PgTablespace>(index::PG_TABLESPACE_SPCNAME, &[named.name().into()])?;
            match rows.first() {
                Some(row) => Ok(ObjectAddress::new::<PgTablespace>(row.oid)),
                None => bail!(UNDEFINED_OBJECT, "tablespace \"{}\" does not exist", named.name()),
            }
        }
        (O::Type | O::Domain, ObjectRef::Type(named)) => match find_type(session, named)? {
            Some(oid) => Ok(ObjectAddress::new::<PgType>(oid)),
            None => bail!(UNDEFINED_OBJECT, "type \"{}\" does not exist", named.names.join(".")),
        },
        (O::Function | O::Procedure | O::Routine, ObjectRef::Routine(signature)) => {
            crate::routine::find(session, kind, signature).map(ObjectAddress::new::<PgProc>)
        }
        _ => Err(Error::unsupported("GRANT on objects of this kind")),
    }
}

fn bit(name: &str) -> Option<u64> {
    Some(match name {
        "insert" => bits::INSERT,
        "select" => bits::SELECT,
        "update" => bits::UPDATE,
        "delete" => bits::DELETE,
        "truncate" => bits::TRUNCATE,
        "references" => bits::REFERENCES,
        "trigger" => bits::TRIGGER,
        "execute" => bits::EXECUTE,
        "usage" => bits::USAGE,
        "create" => bits::CREATE,
        "temporary" | "temp" => bits::CREATE_TEMP,
        "connect" => bits::CONNECT,
        "set" => bits::SET,
        "alter system" => bits::ALTER_SYSTEM,
        "maintain" => bits::MAINTAIN,
        _ => return None,
    })
}

const COLUMN_PRIVILEGES: u64 = bits::INSERT | bits::SELECT | bits::UPDATE | bits::REFERENCES;

/// What a privilege list asks for, on the whole object.
fn wanted(statement: &Grant, owned: &Owned) -> Result<u64> {
    let all = owned.defaults.owner;
    if statement.privileges.is_empty() {
        return Ok(all);
    }
    let mut wanted = 0;
    for Privilege { name, columns, .. } in &statement.privileges {
        if !columns.is_empty() {
            continue;
        }
        let Some(name) = name else {
            wanted |= all;
            continue;
        };
        let Some(bit) = bit(name) else {
            bail!(SYNTAX_ERROR, "unrecognized privilege type \"{name}\"");
        };
        // GRANT ON TABLE takes sequences and their privileges, too.
        let lenient = owned.word == "sequence" && statement.object_type == ObjectType::Table;
        if bit & all == 0 && !(lenient && bit & (bits::ALL_TABLE | bits::USAGE) != 0) {
            let kind = match statement.object_type {
                ObjectType::Table if bit != bits::USAGE => "relation",
                _ => owned.word,
            };
            bail!(INVALID_GRANT_OPERATION, "invalid privilege type {} for {kind}", name.to_uppercase());
        }
        wanted |= bit & all;
    }
    Ok(wanted)
}

fn apply(session: &Arc<Session>, statement: &Grant, object: ObjectAddress, grantees: &[Oid]) -> Result<()> {
    let owned = Owned::read(session, object)?;
    let whole = wanted(statement, &owned)?;
    if object.class == PgClass::OID {
        apply_columns(session, statement, object, grantees, whole)?;
    }
    if whole != 0 || statement.privileges.iter().all(|p| p.columns.is_empty()) {
        change(session, statement, owned, whole, grantees)?;
    }
    Ok(())
}

/// Privileges on columns; and a REVOKE on the table takes those on its columns along.
fn apply_columns(
    session: &Arc<Session>,
    statement: &Grant,
    object: ObjectAddress,
    grantees: &[Oid],
    whole: u64,
) -> Result<()> {
    let entry = session.require_relation(object.object)?;
    for Privilege { name, columns, .. } in statement.privileges.iter().filter(|p| !p.columns.is_empty()) {
        let wanted = match name {
            None => COLUMN_PRIVILEGES,
            Some(name) => match bit(name) {
                None => {
                    bail!(SYNTAX_ERROR, "unrecognized privilege type \"{name}\"");
                }
                Some(bit) if bit & COLUMN_PRIVILEGES == 0 => {
                    bail!(
                        INVALID_GRANT_OPERATION,
                        "invalid privilege type {} for column",
                        name.to_uppercase()
                    )
                }
                Some(bit) => bit,
            },
        };
        for column in columns {
            let Some(position) = entry.desc().position(column) else {
                bail!(
                    UNDEFINED_COLUMN,
                    "column \"{column}\" of relation \"{}\" does not exist",
                    entry.name()
                );
            };
            let owned = Owned::read(session, ObjectAddress::column(entry.oid(), position as i16 + 1))?;
            change(session, statement, owned, wanted, grantees)?;
        }
    }
    if statement.revoke && whole & COLUMN_PRIVILEGES != 0 {
        for number in 1..=entry.desc().len() as i16 {
            let owned = Owned::read(session, ObjectAddress::column(entry.oid(), number))?;
            if owned.grants.iter().any(|g| g.privileges & whole != 0) {
                change(session, statement, owned, whole & COLUMN_PRIVILEGES, grantees)?;
            }
        }
    }
    Ok(())
}

/// The role in whose name the current user grants, and what it may grant.
fn best_grantor(session: &Session, owned: &Owned) -> Result<(Oid, u64)> {
    let user = session.user();
    if session.has_role(user, owned.owner)? {
        return Ok((owned.owner, !0));
    }
    // Column privileges may be granted on by whoever may do so for the table.
    let mut grants = owned.grants.clone();
    if owned.object.sub != 0 {
        grants.extend(Owned::read(session, ObjectAddress { sub: 0, ..owned.object })?.grants);
    }
    let mut best = (user, 0u64);
    for item in &grants {
        if item.grantee != privilege::PUBLIC
            && item.grant_options.count_ones() > best.1.count_ones()
            && session.has_role(user, item.grantee)?
        {
            best = (item.grantee, item.grant_options);
        }
    }
    Ok(best)
}

fn change(
    session: &Arc<Session>,
    statement: &Grant,
    mut owned: Owned,
    wanted: u64,
    grantees: &[Oid],
) -> Result<()> {
    let (grantor, options) = best_grantor(session, &owned)?;
    if options == 0 {
        let mut any = 0;
        for item in &owned.grants {
            if item.grantee == privilege::PUBLIC || session.has_role(session.user(), item.grantee)? {
                any |= item.privileges;
            }
        }
        if any & wanted == 0 {
            bail!(INSUFFICIENT_PRIVILEGE, "permission denied for {} {}", owned.word, owned.name);
        }
    }
    let granted = wanted & options;
    if granted != wanted && !statement.privileges.is_empty() || granted == 0 {
        let (state, text) = match (statement.revoke, granted == 0) {
            (false, true) => (SqlState::WARNING_PRIVILEGE_NOT_GRANTED, "no privileges were granted for"),
            (false, false) => {
                (SqlState::WARNING_PRIVILEGE_NOT_GRANTED, "not all privileges were granted for")
            }
            (true, true) => (SqlState::WARNING_PRIVILEGE_NOT_REVOKED, "no privileges could be revoked for"),
            (true, false) => {
                (SqlState::WARNING_PRIVILEGE_NOT_REVOKED, "not all privileges could be revoked for")
            }
        };
        session.notice(warning(state, format!("{text} \"{}\"", owned.name)));
    }
    for grantee in grantees {
        if statement.revoke {
            revoke(&mut owned, *grantee, grantor, granted, statement)?;
        } else {
            add(&mut owned, *grantee, grantor, granted, statement.grant_option)?;
        }
    }
    // Stored even if unchanged: what was default until now is explicit from here on.
    owned.store_grants(session)
}

fn add(owned: &mut Owned, grantee: Oid, grantor: Oid, privileges: u64, with_option: bool) -> Result<()> {
    if privileges == 0 {
        return Ok(());
    }
    // Granting options in a circle would keep them alive for ever.
    if with_option
        && grantee != owned.owner
        && reaches(&owned.grants, grantee, grantor, owned.owner, privileges)
    {
        bail!(INVALID_GRANT_OPERATION, "grant options cannot be granted back to your own grantor");
    }
    let found = owned.grants.iter_mut().find(|g| (g.grantee, g.grantor) == (grantee, grantor));
    let item = match found {
        Some(item) => item,
        None => {
            owned.grants.push(AclItem { grantee, grantor, privileges: 0, grant_options: 0 });
            owned.grants.last_mut().ok_or_else(|| Error::internal("a grant just added is gone"))?
        }
    };
    item.privileges |= privileges;
    if with_option {
        item.grant_options |= privileges;
    }
    Ok(())
}

/// Whether `from` has granted options on one of the privileges to `to`, through others maybe.
fn reaches(grants: &[AclItem], from: Oid, to: Oid, owner: Oid, privileges: u64) -> bool {
    if to == owner {
        return false;
    }
    let mut seen = vec![from];
    let mut at = 0;
    while let Some(role) = seen.get(at).copied() {
        at += 1;
        for item in grants.iter().filter(|g| g.grantor == role && g.grant_options & privileges != 0) {
            if item.grantee == to {
                return true;
            }
            if !seen.contains(&item.grantee) {
                seen.push(item.grantee);
            }
        }
    }
    false
}

fn revoke(owned: &mut Owned, grantee: Oid, grantor: Oid, privileges: u64, statement: &Grant) -> Result<()> {
    let Some(item) = owned.grants.iter_mut().find(|g| (g.grantee, g.grantor) == (grantee, grantor)) else {
        return Ok(());
    };
    let before = item.grant_options;
    item.grant_options &= !privileges;
    if !statement.grant_option {
        item.privileges &= !privileges;
    }
    let lost = before & !item.grant_options;
    owned.grants.retain(|g| g.privileges != 0 || g.grant_options != 0);
    revoke_dependents(owned, grantee, lost, statement.behavior == DropBehavior::Cascade)
}

/// What a role granted on the strength of options that it has lost goes, too.
fn revoke_dependents(owned: &mut Owned, role: Oid, lost: u64, cascade: bool) -> Result<()> {
    let mut pending = vec![(role, lost)];
    while let Some((role, lost)) = pending.pop() {
        if role == owned.owner {
            continue;
        }
        // Options may have come from others as well.
        let still = owned.grants.iter().filter(|g| g.grantee == role).fold(0, |all, g| all | g.grant_options);
        let gone = lost & !still;
        for item in owned.grants.iter_mut().filter(|g| g.grantor == role && g.privileges & gone != 0) {
            if !cascade {
                return Err(err!(DEPENDENT_OBJECTS_STILL_EXIST, "dependent privileges exist")
                    .hint("Use CASCADE to revoke them too."));
            }
            pending.push((item.grantee, item.grant_options & gone));
            item.privileges &= !gone;
            item.grant_options &= !gone;
        }
        owned.grants.retain(|g| g.privileges != 0 || g.grant_options != 0);
    }
    Ok(())
}

/// initdb's last word on privileges: everyone may read the catalogs and views of pg_catalog that have no grants yet.
///
/// # Errors
/// What reading and writing pg_class fails with.
pub fn catalogs_to_public(session: &Session) -> Result<()> {
    const PG_CATALOG: Oid = Oid(11);
    for (tid, mut class) in session.find::<PgClass>(catalog::index::PG_CLASS_RELNAME_NSP, &[])? {
        if class.relnamespace != PG_CATALOG
            || !matches!(class.relkind as u8, b'r' | b'v' | b'm' | b'S')
            || class.relacl.is_some()
        {
            continue;
        }
        let mut items = privilege::grants(None, class.relowner, privilege::TABLE)?;
        items.push(AclItem {
            grantee: Oid(0),
            grantor: class.relowner,
            privileges: bits::SELECT,
            grant_options: 0,
        });
        class.relacl = Some(acl::encode(&items));
        session.update(tid, &class)?;
    }
    session.command_counter_increment()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned() -> Owned {
        Owned {
            object: ObjectAddress::new::<PgClass>(Oid(20000)),
            owner: Oid(10),
            grants: Vec::new(),
            word: "table",
            name: "t".to_owned(),
            defaults: privilege::TABLE,
        }
    }

    #[test]
    fn grants_in_a_row_and_back() {
        let mut table = owned();
        add(&mut table, Oid(100), Oid(10), bits::SELECT, true).unwrap();
        add(&mut table, Oid(101), Oid(100), bits::SELECT, false).unwrap();
        assert!(add(&mut table, Oid(100), Oid(100), bits::SELECT, true).is_ok());
        let error = revoke_dependents(&mut table, Oid(100), bits::INSERT, false);
        assert!(error.is_ok());
        table.grants.retain(|g| g.grantee != Oid(100));
        assert!(revoke_dependents(&mut table, Oid(100), bits::SELECT, false).is_err());
        revoke_dependents(&mut table, Oid(100), bits::SELECT, true).unwrap();
        assert!(table.grants.is_empty());
    }
}
