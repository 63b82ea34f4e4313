//! Privileges: has_*_privilege, pg_has_role, aclitem and its functions.

use crate::call::{Call, Function};
use crate::set::{ReadyRows, SetFunction};
use crate::table::functions;
use crate::{names, reg};
use base::{Oid, Result, bail, err};
use catalog::acl::{AclItem, decode, encode, privilege};
use catalog::*;
use datum::OwnedDatum;

/// Kinds of objects that have privileges.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Table,
    Sequence,
    Database,
    Function,
    Language,
    Schema,
    Tablespace,
    Type,
    Wrapper,
    Server,
}

/// What an owner has and what everybody has, by default. The letter is acldefault's.
fn default_acl(letter: u8, owner: Oid) -> Option<Vec<AclItem>> {
    use privilege::*;
    let (public, own) = match letter {
        b'c' => (0, 0),
        b'r' => (0, ALL_TABLE),
        b's' => (0, SELECT | UPDATE | USAGE),
        b'd' => (CREATE_TEMP | CONNECT, CREATE | CREATE_TEMP | CONNECT),
        b'f' => (EXECUTE, EXECUTE),
        b'l' | b'T' => (USAGE, USAGE),
        b'L' => (0, SELECT | UPDATE),
        b'n' => (0, USAGE | CREATE),
        b't' => (0, CREATE),
        b'F' | b'S' => (0, USAGE),
        b'p' => (0, SET | ALTER_SYSTEM),
        _ => return None,
    };
    let mut items = Vec::new();
    if public != 0 {
        items.push(AclItem { grantee: Oid::INVALID, grantor: owner, privileges: public, grant_options: 0 });
    }
    if own != 0 {
        items.push(AclItem { grantee: owner, grantor: owner, privileges: own, grant_options: 0 });
    }
    Some(items)
}

/// Owner, the letter of its default privileges, and what was granted.
struct Object {
    owner: Oid,
    letter: u8,
    acl: Option<Payload>,
}

impl Kind {
    fn find(self, session: &Session, oid: Oid) -> Result<Option<Object>> {
        let key = [oid.into()];
        macro_rules! object {
            ($row:ty, $index:ident, $owner:ident, $acl:ident, $letter:expr) => {
                session.row::<$row>(index::$index, &key)?.map(|row| Object {
                    owner: row.$owner,
                    letter: $letter,
                    acl: row.$acl.clone(),
                })
            };
        }
        Ok(match self {
            Kind::Table | Kind::Sequence => {
                session.row::<PgClass>(index::PG_CLASS_OID, &key)?.map(|row| Object {
                    owner: row.relowner,
                    letter: if row.relkind as u8 == b'S' { b's' } else { b'r' },
                    acl: row.relacl.clone(),
                })
            }
            Kind::Database => object!(PgDatabase, PG_DATABASE_OID, datdba, datacl, b'd'),
            Kind::Function => object!(PgProc, PG_PROC_OID, proowner, proacl, b'f'),
            Kind::Language => object!(PgLanguage, PG_LANGUAGE_OID, lanowner, lanacl, b'l'),
            Kind::Schema => object!(PgNamespace, PG_NAMESPACE_OID, nspowner, nspacl, b'n'),
            Kind::Tablespace => object!(PgTablespace, PG_TABLESPACE_OID, spcowner, spcacl, b't'),
            Kind::Type => object!(PgType, PG_TYPE_OID, typowner, typacl, b'T'),
            Kind::Wrapper => {
                object!(PgForeignDataWrapper, PG_FOREIGN_DATA_WRAPPER_OID, fdwowner, fdwacl, b'F')
            }
            Kind::Server => object!(PgForeignServer, PG_FOREIGN_SERVER_OID, srvowner, srvacl, b'S'),
        })
    }

    fn named(self, session: &Session, name: &str) -> Result<Oid> {
        let missing = |kind: &str| err!(UNDEFINED_OBJECT, "{kind} \"{name}\" does not exist");
        match self {
            Kind::Table => reg::relation(session, name),
            Kind::Sequence => {
                let oid = reg::relation(session, name)?;
                let row = session.row::<PgClass>(index::PG_CLASS_OID, &[oid.into()])?;
                if row.is_some_and(|row| row.relkind as u8 != b'S') {
                    bail!(WRONG_OBJECT_TYPE, "\"{name}\" is not a sequence");
                }
                Ok(oid)
            }
            Kind::Database => session
                .row::<PgDatabase>(index::PG_DATABASE_DATNAME, &[name.into()])?
                .map(|row| row.oid)
                .ok_or_else(|| err!(UNDEFINED_DATABASE, "database \"{name}\" does not exist")),
            Kind::Function => reg::procedure(session, name),
            Kind::Language => session
                .row::<PgLanguage>(index::PG_LANGUAGE_NAME, &[name.into()])?
                .map(|row| row.oid)
                .ok_or_else(|| missing("language")),
            Kind::Schema => session.require_namespace(name),
            Kind::Tablespace => session
                .row::<PgTablespace>(index::PG_TABLESPACE_SPCNAME, &[name.into()])?
                .map(|row| row.oid)
                .ok_or_else(|| missing("tablespace")),
            Kind::Type => Ok(names::parse_type(session, name)?.0),
            Kind::Wrapper => session
                .row::<PgForeignDataWrapper>(index::PG_FOREIGN_DATA_WRAPPER_NAME, &[name.into()])?
                .map(|row| row.oid)
                .ok_or_else(|| missing("foreign-data wrapper")),
            Kind::Server => session
                .row::<PgForeignServer>(index::PG_FOREIGN_SERVER_NAME, &[name.into()])?
                .map(|row| row.oid)
                .ok_or_else(|| missing("server")),
        }
    }

    /// The privileges that may be asked for.
    fn privileges(self) -> &'static [(&'static str, u64)] {
        use privilege::*;
        match self {
            Kind::Table => &[
                ("SELECT", SELECT),
                ("INSERT", INSERT),
                ("UPDATE", UPDATE),
                ("DELETE", DELETE),
                ("TRUNCATE", TRUNCATE),
                ("REFERENCES", REFERENCES),
                ("TRIGGER", TRIGGER),
                ("MAINTAIN", MAINTAIN),
            ],
            Kind::Sequence => &[("USAGE", USAGE), ("SELECT", SELECT), ("UPDATE", UPDATE)],
            Kind::Database => {
                &[("CREATE", CREATE), ("TEMPORARY", CREATE_TEMP), ("TEMP", CREATE_TEMP), ("CONNECT", CONNECT)]
            }
            Kind::Function => &[("EXECUTE", EXECUTE)],
            Kind::Schema => &[("CREATE", CREATE), ("USAGE", USAGE)],
            Kind::Tablespace => &[("CREATE", CREATE)],
            Kind::Language | Kind::Type | Kind::Wrapper | Kind::Server => &[("USAGE", USAGE)],
        }
    }
}

const COLUMN_PRIVILEGES: &[(&str, u64)] = &[
    ("SELECT", privilege::SELECT),
    ("INSERT", privilege::INSERT),
    ("UPDATE", privilege::UPDATE),
    ("REFERENCES", privilege::REFERENCES),
];

/// What is asked for: bits, each with whether it must be grantable.
fn wanted(text: &str, known: &[(&str, u64)]) -> Result<Vec<(u64, bool)>> {
    text.split(',')
        .map(|word| {
            let word = word.trim();
            let upper = word.to_ascii_uppercase();
            let (name, grant) = match upper.strip_suffix(" WITH GRANT OPTION") {
                Some(name) => (name.trim_end(), true),
                None => (upper.as_str(), false),
            };
            match known.iter().find(|(known, _)| *known == name) {
                Some((_, bit)) => Ok((*bit, grant)),
                None => bail!(INVALID_PARAMETER_VALUE, "unrecognized privilege type: \"{word}\""),
            }
        })
        .collect()
}

fn role_named(session: &Session, name: &str) -> Result<Oid> {
    if name == "public" { Ok(Oid::INVALID) } else { Ok(session.require_role(name)?.oid) }
}

/// Whether a role (0: everybody) has one of the privileges.
fn has_any(session: &Session, role: Oid, object: &Object, wanted: &[(u64, bool)]) -> Result<bool> {
    if role.is_valid() && session.is_superuser(role)? {
        return Ok(true);
    }
    let items = match &object.acl {
        Some(payload) => decode(payload)?,
        None => default_acl(object.letter, object.owner).unwrap_or_default(),
    };
    let owns = role.is_valid() && session.has_role(role, object.owner)?;
    let (mut held, mut grantable) = (0, if owns { u64::MAX } else { 0 });
    for item in items {
        let covers = !item.grantee.is_valid() || (role.is_valid() && session.has_role(role, item.grantee)?);
        if covers {
            held |= item.privileges;
            grantable |= item.grant_options;
        }
    }
    Ok(wanted.iter().any(|(bit, grant)| if *grant { grantable & bit != 0 } else { held & bit != 0 }))
}

fn check(call: &Call<'_>, role: Oid, kind: Kind, oid: Oid, privileges: &str) -> Result<Option<bool>> {
    let wanted = wanted(privileges, kind.privileges())?;
    match kind.find(call.session, oid)? {
        Some(object) => has_any(call.session, role, &object, &wanted).map(Some),
        None => Ok(None),
    }
}

fn check_named(call: &Call<'_>, role: Oid, kind: Kind, name: &str, privileges: &str) -> Result<Option<bool>> {
    let oid = kind.named(call.session, name)?;
    check(call, role, kind, oid, privileges)
}

macro_rules! privilege_functions {
    ($name:literal, $kind:expr) => {
        functions! {
            (concat!("has_", $name, "_privilege_name_name")) [call] (role: str, object: str, p: str) -> Option<bool> =
                check_named(call, role_named(call.session, role)?, $kind, object, p);
            (concat!("has_", $name, "_privilege_name")) [call] (object: str, p: str) -> Option<bool> =
                check_named(call, call.session.user(), $kind, object, p);
            (concat!("has_", $name, "_privilege_name_id")) [call] (role: str, object: Oid, p: str) -> Option<bool> =
                check(call, role_named(call.session, role)?, $kind, object, p);
            (concat!("has_", $name, "_privilege_id")) [call] (object: Oid, p: str) -> Option<bool> =
                check(call, call.session.user(), $kind, object, p);
            (concat!("has_", $name, "_privilege_id_name")) [call] (role: Oid, object: str, p: str) -> Option<bool> =
                check_named(call, role, $kind, object, p);
            (concat!("has_", $name, "_privilege_id_id")) [call] (role: Oid, object: Oid, p: str) -> Option<bool> =
                check(call, role, $kind, object, p);
        }
    };
}

/// A column given by name or number.
enum Column<'a> {
    Named(&'a str),
    Number(i16),
    Any,
}

fn check_column(
    call: &Call<'_>,
    role: Oid,
    relation: Oid,
    column: Column<'_>,
    privileges: &str,
) -> Result<Option<bool>> {
    let session = call.session;
    let wanted = wanted(privileges, COLUMN_PRIVILEGES)?;
    let Some(table) = Kind::Table.find(session, relation)? else { return Ok(None) };
    let attributes = session.rows::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &[relation.into()])?;
    let live: Vec<_> = attributes.iter().filter(|a| !a.attisdropped).collect();
    let chosen: Vec<_> = match column {
        Column::Any => live.into_iter().filter(|a| a.attnum > 0).collect(),
        Column::Number(number) => match live.into_iter().find(|a| a.attnum == number) {
            Some(attribute) => vec![attribute],
            None => return Ok(None),
        },
        Column::Named(name) => match live.into_iter().find(|a| a.attname == name) {
            Some(attribute) => vec![attribute],
            None => {
                let relation = session.row::<PgClass>(index::PG_CLASS_OID, &[relation.into()])?;
                let relation = relation.map_or_else(String::new, |r| r.relname.clone());
                bail!(UNDEFINED_COLUMN, "column \"{name}\" of relation \"{relation}\" does not exist");
            }
        },
    };
    if has_any(session, role, &table, &wanted)? {
        return Ok(Some(true));
    }
    for attribute in chosen {
        let object = Object { owner: table.owner, letter: b'c', acl: attribute.attacl.clone() };
        if has_any(session, role, &object, &wanted)? {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

const COLUMNS: &[Function] = functions! {
    "has_any_column_privilege_name_name" [call] (role: str, table: str, p: str) -> Option<bool> =
        check_column(call, role_named(call.session, role)?, call.relation_named(table)?, Column::Any, p);
    "has_any_column_privilege_name" [call] (table: str, p: str) -> Option<bool> =
        check_column(call, call.session.user(), call.relation_named(table)?, Column::Any, p);
    "has_any_column_privilege_name_id" [call] (role: str, table: Oid, p: str) -> Option<bool> =
        check_column(call, role_named(call.session, role)?, table, Column::Any, p);
    "has_any_column_privilege_id" [call] (table: Oid, p: str) -> Option<bool> =
        check_column(call, call.session.user(), table, Column::Any, p);
    "has_any_column_privilege_id_name" [call] (role: Oid, table: str, p: str) -> Option<bool> =
        check_column(call, role, call.relation_named(table)?, Column::Any, p);
    "has_any_column_privilege_id_id" [call] (role: Oid, table: Oid, p: str) -> Option<bool> =
        check_column(call, role, table, Column::Any, p);
    "has_column_privilege_name_name_name" [call] (role: str, table: str, column: str, p: str) -> Option<bool> =
        check_column(call, role_named(call.session, role)?, call.relation_named(table)?, Column::Named(column), p);
    "has_column_privilege_name_name_attnum" [call] (role: str, table: str, column: i16, p: str) -> Option<bool> =
        check_column(call, role_named(call.session, role)?, call.relation_named(table)?, Column::Number(column), p);
    "has_column_privilege_name_id_name" [call] (role: str, table: Oid, column: str, p: str) -> Option<bool> =
        check_column(call, role_named(call.session, role)?, table, Column::Named(column), p);
    "has_column_privilege_name_id_attnum" [call] (role: str, table: Oid, column: i16, p: str) -> Option<bool> =
        check_column(call, role_named(call.session, role)?, table, Column::Number(column), p);
    "has_column_privilege_id_name_name" [call] (role: Oid, table: str, column: str, p: str) -> Option<bool> =
        check_column(call, role, call.relation_named(table)?, Column::Named(column), p);
    "has_column_privilege_id_name_attnum" [call] (role: Oid, table: str, column: i16, p: str) -> Option<bool> =
        check_column(call, role, call.relation_named(table)?, Column::Number(column), p);
    "has_column_privilege_id_id_name" [call] (role: Oid, table: Oid, column: str, p: str) -> Option<bool> =
        check_column(call, role, table, Column::Named(column), p);
    "has_column_privilege_id_id_attnum" [call] (role: Oid, table: Oid, column: i16, p: str) -> Option<bool> =
        check_column(call, role, table, Column::Number(column), p);
    "has_column_privilege_name_name" [call] (table: str, column: str, p: str) -> Option<bool> =
        check_column(call, call.session.user(), call.relation_named(table)?, Column::Named(column), p);
    "has_column_privilege_name_attnum" [call] (table: str, column: i16, p: str) -> Option<bool> =
        check_column(call, call.session.user(), call.relation_named(table)?, Column::Number(column), p);
    "has_column_privilege_id_name" [call] (table: Oid, column: str, p: str) -> Option<bool> =
        check_column(call, call.session.user(), table, Column::Named(column), p);
    "has_column_privilege_id_attnum" [call] (table: Oid, column: i16, p: str) -> Option<bool> =
        check_column(call, call.session.user(), table, Column::Number(column), p);
};

/// MEMBER: belongs to it; USAGE: has its privileges; SET: may become it; each with ADMIN option possible.
fn has_role(call: &Call<'_>, member: Oid, role: Oid, privileges: &str) -> Result<bool> {
    let session = call.session;
    for word in privileges.split(',') {
        let upper = word.trim().to_ascii_uppercase();
        let held = match upper.as_str() {
            "USAGE" => session.has_role(member, role)?,
            "MEMBER" => session.is_member(member, role)?,
            "SET" => session.can_set_role(member, role)?,
            _ if upper.ends_with(" WITH ADMIN OPTION") || upper.ends_with(" WITH GRANT OPTION") => {
                session.is_superuser(member)? || is_admin(session, member, role)?
            }
            _ => bail!(INVALID_PARAMETER_VALUE, "unrecognized privilege type: \"{}\"", word.trim()),
        };
        if held {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_admin(session: &Session, member: Oid, role: Oid) -> Result<bool> {
    let grants = session.rows::<PgAuthMembers>(index::PG_AUTH_MEMBERS_ROLE_MEMBER, &[role.into()])?;
    for grant in grants.iter().filter(|g| g.admin_option) {
        if session.has_role(member, grant.member)? {
            return Ok(true);
        }
    }
    Ok(false)
}

const ROLES: &[Function] = functions! {
    "pg_has_role_name_name" [call] (member: str, role: str, p: str) -> bool =
        has_role(call, call.session.require_role(member)?.oid, call.session.require_role(role)?.oid, p);
    "pg_has_role_name" [call] (role: str, p: str) -> bool =
        has_role(call, call.session.user(), call.session.require_role(role)?.oid, p);
    "pg_has_role_name_id" [call] (member: str, role: Oid, p: str) -> bool =
        has_role(call, call.session.require_role(member)?.oid, role, p);
    "pg_has_role_id" [call] (role: Oid, p: str) -> bool = has_role(call, call.session.user(), role, p);
    "pg_has_role_id_name" [call] (member: Oid, role: str, p: str) -> bool =
        has_role(call, member, call.session.require_role(role)?.oid, p);
    "pg_has_role_id_id" [call] (member: Oid, role: Oid, p: str) -> bool = has_role(call, member, role, p);
};

/// An aclitem's sixteen bytes.
fn item_bytes(item: &AclItem) -> Vec<u8> {
    let mut out = Vec::with_capacity(16);
    out.extend_from_slice(&item.grantee.0.to_le_bytes());
    out.extend_from_slice(&item.grantor.0.to_le_bytes());
    out.extend_from_slice(&(item.privileges | item.grant_options << 32).to_le_bytes());
    out
}

fn item(bytes: &[u8]) -> Result<AclItem> {
    let mut reader = base::bytes::Reader::new(bytes);
    let (grantee, grantor, bits) = (Oid(reader.u32()?), Oid(reader.u32()?), reader.u64()?);
    Ok(AclItem { grantee, grantor, privileges: bits & 0xffff_ffff, grant_options: bits >> 32 })
}

/// A role's name as aclitem shows it: in quotes unless it is of letters, digits and underscores.
fn item_role(session: &Session, role: Oid) -> Result<String> {
    let Some(row) = session.role(role)? else { return Ok(role.to_string()) };
    let safe = row.rolname.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80);
    Ok(if safe { row.rolname.clone() } else { format!("\"{}\"", row.rolname.replace('"', "\"\"")) })
}

fn item_out(session: &Session, bytes: &[u8]) -> Result<String> {
    let item = item(bytes)?;
    let mut out = String::new();
    if item.grantee.is_valid() {
        out.push_str(&item_role(session, item.grantee)?);
    }
    out.push('=');
    for (bit, letter) in privilege::LETTERS.iter().enumerate() {
        if item.privileges & 1 << bit != 0 {
            out.push(char::from(*letter));
        }
        if item.grant_options & 1 << bit != 0 {
            out.push('*');
        }
    }
    out.push('/');
    out.push_str(&item_role(session, item.grantor)?);
    Ok(out)
}

/// A role's name at the start, unquoted, and what follows.
fn take_role(text: &str) -> Result<(String, &str)> {
    let text = text.trim_start();
    let mut name = String::new();
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()))
            .unwrap_or(text.len());
        return Ok((text[..end].to_owned(), text[end..].trim_start()));
    };
    let mut rest = quoted;
    loop {
        let Some(end) = rest.find('"') else {
            bail!(INVALID_TEXT_REPRESENTATION, "unterminated quoted string");
        };
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                name.push('"');
                rest = next;
            }
            None => return Ok((name, rest.trim_start())),
        }
    }
}

fn item_in(session: &Session, text: &str) -> Result<Vec<u8>> {
    let (mut grantee, mut rest) = take_role(text)?;
    if !rest.starts_with('=') && matches!(grantee.as_str(), "group" | "user") {
        (grantee, rest) = take_role(rest)?;
        if grantee.is_empty() {
            return Err(err!(INVALID_TEXT_REPRESENTATION, "missing name")
                .hint("A name must follow the \"group\" or \"user\" key word."));
        }
    }
    let Some(rest) = rest.strip_prefix('=') else {
        bail!(INVALID_TEXT_REPRESENTATION, "missing \"=\" sign");
    };
    let (mut privileges, mut grant_options, mut last) = (0_u64, 0_u64, 0_u64);
    let mut chars = rest.char_indices();
    let mut tail = "";
    for (at, c) in chars.by_ref() {
        if c == '*' {
            grant_options |= last;
        } else if let Some(bit) = privilege::LETTERS.iter().position(|l| char::from(*l) == c) {
            last = 1 << bit;
            privileges |= last;
        } else if c == '/' {
            tail = &rest[at..];
            break;
        } else if c.is_whitespace() {
            tail = rest[at..].trim_start();
            break;
        } else {
            bail!(
                INVALID_TEXT_REPRESENTATION,
                "invalid mode character: must be one of \"{}\"",
                String::from_utf8_lossy(privilege::LETTERS)
            );
        }
    }
    let grantee = match grantee.is_empty() {
        true => Oid::INVALID,
        false => session.require_role(&grantee)?.oid,
    };
    let grantor = match tail.strip_prefix('/') {
        Some(name) => {
            let (name, end) = take_role(name)?;
            if name.is_empty() {
                bail!(INVALID_TEXT_REPRESENTATION, "a name must follow the \"/\" sign");
            }
            tail = end;
            session.require_role(&name)?.oid
        }
        None => Oid(10),
    };
    if !tail.trim().is_empty() {
        bail!(INVALID_TEXT_REPRESENTATION, "extra garbage at the end of the ACL specification");
    }
    Ok(item_bytes(&AclItem { grantee, grantor, privileges, grant_options }))
}

/// Names of the privilege bits, in their order.
const NAMES: [&str; 15] = [
    "INSERT",
    "SELECT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "REFERENCES",
    "TRIGGER",
    "EXECUTE",
    "USAGE",
    "CREATE",
    "TEMPORARY",
    "CONNECT",
    "SET",
    "ALTER SYSTEM",
    "MAINTAIN",
];

fn make_item(grantee: Oid, grantor: Oid, privileges: &str, grantable: bool) -> Result<Vec<u8>> {
    let known: Vec<(&str, u64)> = NAMES.iter().enumerate().map(|(bit, name)| (*name, 1 << bit)).collect();
    let bits = wanted(privileges, &known)?.iter().fold(0, |bits, (bit, _)| bits | bit);
    let grant_options = if grantable { bits } else { 0 };
    Ok(item_bytes(&AclItem { grantee, grantor, privileges: bits, grant_options }))
}

fn acl_contains(acl: &[u8], wanted: &[u8]) -> Result<bool> {
    let wanted = item(wanted)?;
    let items = decode(&Payload(acl.into()))?;
    Ok(items.iter().any(|i| {
        i.grantee == wanted.grantee
            && i.grantor == wanted.grantor
            && i.privileges & wanted.privileges == wanted.privileges
            && i.grant_options & wanted.grant_options == wanted.grant_options
    }))
}

fn acl_default(letter: i8, owner: Oid) -> Result<Vec<u8>> {
    match default_acl(letter as u8, owner) {
        Some(items) => Ok(encode(&items).0.into_vec()),
        None => {
            Err(err!(INTERNAL_ERROR, "unrecognized object type abbreviation: {}", char::from(letter as u8)))
        }
    }
}

const ITEMS: &[Function] = functions! {
    "aclitemin" [call] (text: str) -> Vec<u8> = item_in(call.session, text);
    "aclitemout" [call] (value: [u8]) -> String = item_out(call.session, value);
    "aclitem_eq" (a: [u8], b: [u8]) -> bool = Ok(a == b);
    "hash_aclitem" (value: [u8]) -> i32 = {
        let item = item(value)?;
        Ok((item.privileges | item.grant_options << 32).wrapping_add(u64::from(item.grantee.0))
            .wrapping_add(u64::from(item.grantor.0)) as i32)
    };
    "makeaclitem" (grantee: Oid, grantor: Oid, privileges: str, grantable: bool) -> Vec<u8> =
        make_item(grantee, grantor, privileges, grantable);
    "aclcontains" (acl: [u8], item: [u8]) -> bool = acl_contains(acl, item);
    "acldefault_sql" (letter: i8, owner: Oid) -> Vec<u8> = acl_default(letter, owner);
};

pub const EXPLODE: SetFunction = SetFunction {
    source: "aclexplode",
    start: |_, args| {
        let Some(Some(acl)) = args.first() else { return Ok(ReadyRows::new(Vec::new())) };
        let mut rows = Vec::new();
        for item in decode(&Payload(acl.bytes().into()))? {
            for (bit, name) in NAMES.iter().enumerate() {
                if item.privileges & 1 << bit != 0 {
                    rows.push(vec![
                        Some(OwnedDatum::from(item.grantor)),
                        Some(OwnedDatum::from(item.grantee)),
                        Some(OwnedDatum::from(*name)),
                        Some(OwnedDatum::Bool(item.grant_options & 1 << bit != 0)),
                    ]);
                }
            }
        }
        Ok(ReadyRows::new(rows))
    },
};

pub const FUNCTIONS: &[&[Function]] = &[
    privilege_functions!("table", Kind::Table),
    privilege_functions!("sequence", Kind::Sequence),
    privilege_functions!("database", Kind::Database),
    privilege_functions!("function", Kind::Function),
    privilege_functions!("language", Kind::Language),
    privilege_functions!("schema", Kind::Schema),
    privilege_functions!("tablespace", Kind::Tablespace),
    privilege_functions!("type", Kind::Type),
    privilege_functions!("foreign_data_wrapper", Kind::Wrapper),
    privilege_functions!("server", Kind::Server),
    COLUMNS,
    ROLES,
    ITEMS,
];
