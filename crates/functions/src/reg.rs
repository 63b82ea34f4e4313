//! The alias types of oid: regclass, regtype, regproc and so on, which show and take names.

use crate::call::{Call, Function};
use crate::names;
use crate::table::functions;
use crate::wire;
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::{PgCollation, PgNamespace, PgOperator, PgProc, PgTsConfig, PgTsDict, PgType, Session, index};
use std::sync::Arc;
use syntax::quote_identifier;

/// `-` is 0, digits are an OID, everything else a name.
fn parse(session: &Session, text: &str, find: fn(&Session, &str) -> Result<Oid>) -> Result<Oid> {
    if text == "-" {
        return Ok(Oid::INVALID);
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Oid(adt::integer::parse_oid(text, "oid")?));
    }
    find(session, text)
}

/// The result of a lookup that gives NULL instead of an error for a name that is wrong or unknown.
fn lenient(result: Result<Oid>) -> Result<Option<Oid>> {
    const TOLERATED: [SqlState; 10] = [
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_FUNCTION,
        SqlState::UNDEFINED_OBJECT,
        SqlState::UNDEFINED_PARAMETER,
        SqlState::INVALID_SCHEMA_NAME,
        SqlState::AMBIGUOUS_FUNCTION,
        SqlState::INVALID_NAME,
        SqlState::SYNTAX_ERROR,
        SqlState::INVALID_TEXT_REPRESENTATION,
        SqlState::FEATURE_NOT_SUPPORTED,
    ];
    match result {
        Ok(oid) => Ok(Some(oid)),
        Err(error) if TOLERATED.contains(&error.state()) => Ok(None),
        Err(error) => Err(error),
    }
}

pub fn relation(session: &Session, text: &str) -> Result<Oid> {
    let parts = names::split(text)?;
    let (schema, name) = names::schema_and_name(session, &parts)?;
    let missing = || err!(UNDEFINED_TABLE, "relation \"{}\" does not exist", parts.join("."));
    if let Some(schema) = schema
        && session.namespace_by_name(schema)?.is_none()
    {
        return Err(missing());
    }
    session.relation_by_name(schema, name)?.ok_or_else(missing)
}

/// Functions of a name that may be qualified: of its schema, or of all on the search path.
fn functions_named(session: &Session, parts: &[String]) -> Result<Vec<Arc<PgProc>>> {
    let (schema, name) = names::schema_and_name(session, parts)?;
    let found = session.functions_by_name(name)?;
    let namespaces = match schema {
        Some(schema) => session.namespace_by_name(schema)?.into_iter().collect(),
        None => session.search_path()?.to_vec(),
    };
    let mut kept: Vec<Arc<PgProc>> = Vec::new();
    for namespace in namespaces {
        for function in found.iter().filter(|f| f.pronamespace == namespace) {
            // A function hides those of the same arguments in later schemas.
            if !kept.iter().any(|k| k.proargtypes == function.proargtypes) {
                kept.push(function.clone());
            }
        }
    }
    Ok(kept)
}

fn function(session: &Session, text: &str) -> Result<Oid> {
    match &functions_named(session, &names::split(text)?)?[..] {
        [] => bail!(UNDEFINED_FUNCTION, "function \"{text}\" does not exist"),
        [only] => Ok(only.oid),
        _ => bail!(AMBIGUOUS_FUNCTION, "more than one function named \"{text}\""),
    }
}

/// Name and argument types of `name(type, type)`; NONE is 0 where it may stand.
fn signature(session: &Session, text: &str, none: bool) -> Result<(String, Vec<Oid>)> {
    let mut quoted = false;
    let open = text.char_indices().find(|(_, c)| {
        if *c == '"' {
            quoted = !quoted;
        }
        *c == '(' && !quoted
    });
    let Some((open, _)) = open else {
        bail!(INVALID_TEXT_REPRESENTATION, "expected a left parenthesis");
    };
    let Some(inner) = text[open + 1..].trim_end().strip_suffix(')') else {
        bail!(INVALID_TEXT_REPRESENTATION, "expected a right parenthesis");
    };
    let mut types = Vec::new();
    let (mut depth, mut quoted, mut start) = (0_i32, false, 0);
    let mut pieces = Vec::new();
    for (at, c) in inner.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                pieces.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !inner.trim().is_empty() {
        pieces.push(&inner[start..]);
    }
    for piece in pieces {
        let piece = piece.trim();
        if piece.is_empty() {
            bail!(INVALID_TEXT_REPRESENTATION, "expected a type name");
        }
        types.push(match none && piece.eq_ignore_ascii_case("none") {
            true => Oid::INVALID,
            false => names::parse_type(session, piece)?.0,
        });
    }
    Ok((text[..open].to_owned(), types))
}

pub fn procedure(session: &Session, text: &str) -> Result<Oid> {
    let (name, types) = signature(session, text, false)?;
    let found = functions_named(session, &names::split(&name)?)?;
    match found.iter().find(|f| f.proargtypes == types) {
        Some(function) => Ok(function.oid),
        None => bail!(UNDEFINED_FUNCTION, "function \"{text}\" does not exist"),
    }
}

/// The schema before an operator, which itself is no identifier.
fn operator_name(session: &Session, text: &str) -> Result<(Option<Oid>, String)> {
    let text = text.trim();
    match text.rsplit_once('.') {
        None => Ok((None, text.to_owned())),
        Some((schema, name)) => {
            let parts = names::split(schema)?;
            let Some(namespace) = session.namespace_by_name(&parts[parts.len() - 1])? else {
                bail!(INVALID_SCHEMA_NAME, "schema \"{}\" does not exist", parts[parts.len() - 1]);
            };
            Ok((Some(namespace), name.to_owned()))
        }
    }
}

fn operators_named(session: &Session, text: &str) -> Result<Vec<Arc<PgOperator>>> {
    let (namespace, name) = operator_name(session, text)?;
    let found = session.operators_by_name(&name)?;
    let namespaces = match namespace {
        Some(namespace) => vec![namespace],
        None => session.search_path()?.to_vec(),
    };
    Ok(namespaces
        .iter()
        .flat_map(|namespace| found.iter().filter(move |o| o.oprnamespace == *namespace).cloned())
        .collect())
}

fn operator(session: &Session, text: &str) -> Result<Oid> {
    match &operators_named(session, text)?[..] {
        [] => bail!(UNDEFINED_FUNCTION, "operator does not exist: {text}"),
        [only] => Ok(only.oid),
        _ => bail!(AMBIGUOUS_FUNCTION, "more than one operator named {text}"),
    }
}

fn operator_with_types(session: &Session, text: &str) -> Result<Oid> {
    let (name, types) = signature(session, text, true)?;
    let (left, right) = match types[..] {
        [left, right] => (left, right),
        [_] => {
            return Err(err!(UNDEFINED_PARAMETER, "missing argument")
                .hint("Use NONE to denote the missing argument of a unary operator."));
        }
        _ => {
            return Err(err!(TOO_MANY_ARGUMENTS, "too many arguments")
                .hint("Provide two argument types for operator."));
        }
    };
    let found = operators_named(session, &name)?;
    match found.iter().find(|o| o.oprleft == left && o.oprright == right) {
        Some(operator) => Ok(operator.oid),
        None => bail!(UNDEFINED_FUNCTION, "operator does not exist: {text}"),
    }
}

fn type_named(session: &Session, text: &str) -> Result<Oid> {
    Ok(names::parse_type(session, text)?.0)
}

fn one_name(text: &str) -> Result<String> {
    let mut parts = names::split(text)?;
    match (parts.pop(), parts.is_empty()) {
        (Some(name), true) => Ok(name),
        _ => bail!(INVALID_NAME, "invalid name syntax"),
    }
}

fn role(session: &Session, text: &str) -> Result<Oid> {
    Ok(session.require_role(&one_name(text)?)?.oid)
}

fn namespace(session: &Session, text: &str) -> Result<Oid> {
    session.require_namespace(&one_name(text)?)
}

fn collation(session: &Session, text: &str) -> Result<Oid> {
    let parts = names::split(text)?;
    let (schema, name) = names::schema_and_name(session, &parts)?;
    match session.collation_by_name(schema, name)? {
        Some(oid) => Ok(oid),
        None => {
            bail!(UNDEFINED_OBJECT, "collation \"{}\" for encoding \"UTF8\" does not exist", parts.join("."))
        }
    }
}

/// The first of the objects (schema, oid) of one name that the search path or the given schema finds.
fn first_on_path(session: &Session, schema: Option<&str>, found: &[(Oid, Oid)]) -> Result<Option<Oid>> {
    let namespaces = match schema {
        Some(schema) => session.namespace_by_name(schema)?.into_iter().collect(),
        None => session.search_path()?.to_vec(),
    };
    let first = namespaces.iter().find_map(|namespace| found.iter().find(|(n, _)| n == namespace));
    Ok(first.map(|(_, oid)| *oid))
}

fn text_search_configuration(session: &Session, text: &str) -> Result<Oid> {
    let parts = names::split(text)?;
    let (schema, name) = names::schema_and_name(session, &parts)?;
    let rows = session.scan_all::<PgTsConfig>()?;
    let found: Vec<_> = rows.iter().filter(|r| r.cfgname == name).map(|r| (r.cfgnamespace, r.oid)).collect();
    first_on_path(session, schema, &found)?.ok_or_else(|| {
        err!(UNDEFINED_OBJECT, "text search configuration \"{}\" does not exist", parts.join("."))
    })
}

fn text_search_dictionary(session: &Session, text: &str) -> Result<Oid> {
    let parts = names::split(text)?;
    let (schema, name) = names::schema_and_name(session, &parts)?;
    let rows = session.scan_all::<PgTsDict>()?;
    let found: Vec<_> =
        rows.iter().filter(|r| r.dictname == name).map(|r| (r.dictnamespace, r.oid)).collect();
    first_on_path(session, schema, &found)?.ok_or_else(|| {
        err!(UNDEFINED_OBJECT, "text search dictionary \"{}\" does not exist", parts.join("."))
    })
}

fn shown(oid: Oid, name: impl FnOnce() -> Result<String>) -> Result<String> {
    if oid.is_valid() { name() } else { Ok("-".to_owned()) }
}

fn qualified(session: &Session, namespace: Oid, name: &str) -> Result<String> {
    Ok(format!("{}.{name}", quote_identifier(&session.namespace_name(namespace)?)))
}

/// A function's name, with its schema if the name alone would not find just this one.
fn function_out(session: &Session, oid: Oid) -> Result<String> {
    let Some(row) = session.row::<PgProc>(index::PG_PROC_OID, &[oid.into()])? else {
        return Ok(oid.to_string());
    };
    let name = quote_identifier(&row.proname);
    match &functions_named(session, std::slice::from_ref(&row.proname))?[..] {
        [only] if only.oid == oid => Ok(name.into_owned()),
        _ => qualified(session, row.pronamespace, &name),
    }
}

fn operator_out(session: &Session, oid: Oid) -> Result<String> {
    let Some(row) = session.row::<PgOperator>(index::PG_OPERATOR_OID, &[oid.into()])? else {
        return Ok(oid.to_string());
    };
    match &operators_named(session, &row.oprname)?[..] {
        [only] if only.oid == oid => Ok(row.oprname.clone()),
        _ => qualified(session, row.oprnamespace, &row.oprname),
    }
}

fn type_out(session: &Session, oid: Oid) -> Result<String> {
    match session.row::<PgType>(index::PG_TYPE_OID, &[oid.into()])? {
        Some(_) => session.format_type(oid, None),
        None => Ok(oid.to_string()),
    }
}

fn role_out(session: &Session, oid: Oid) -> Result<String> {
    Ok(match session.role(oid)? {
        Some(role) => quote_identifier(&role.rolname).into_owned(),
        None => oid.to_string(),
    })
}

fn namespace_out(session: &Session, oid: Oid) -> Result<String> {
    Ok(match session.row::<PgNamespace>(index::PG_NAMESPACE_OID, &[oid.into()])? {
        Some(row) => quote_identifier(&row.nspname).into_owned(),
        None => oid.to_string(),
    })
}

fn collation_out(session: &Session, oid: Oid) -> Result<String> {
    let Some(row) = session.row::<PgCollation>(index::PG_COLLATION_OID, &[oid.into()])? else {
        return Ok(oid.to_string());
    };
    let name = quote_identifier(&row.collname);
    match session.collation_by_name(None, &row.collname)? == Some(oid) {
        true => Ok(name.into_owned()),
        false => qualified(session, row.collnamespace, &name),
    }
}

fn configuration_out(session: &Session, oid: Oid) -> Result<String> {
    let Some(row) = session.row::<PgTsConfig>(index::PG_TS_CONFIG_OID, &[oid.into()])? else {
        return Ok(oid.to_string());
    };
    let name = quote_identifier(&row.cfgname);
    match lenient(text_search_configuration(session, &name))? == Some(oid) {
        true => Ok(name.into_owned()),
        false => qualified(session, row.cfgnamespace, &name),
    }
}

fn dictionary_out(session: &Session, oid: Oid) -> Result<String> {
    let Some(row) = session.row::<PgTsDict>(index::PG_TS_DICT_OID, &[oid.into()])? else {
        return Ok(oid.to_string());
    };
    let name = quote_identifier(&row.dictname);
    match lenient(text_search_dictionary(session, &name))? == Some(oid) {
        true => Ok(name.into_owned()),
        false => qualified(session, row.dictnamespace, &name),
    }
}

macro_rules! alias {
    ($name:literal, $find:ident, |$session:ident, $oid:ident| $out:expr) => {
        functions! {
            (concat!($name, "in")) [call] (text: str) -> Oid = parse(call.session, text, $find);
            (concat!($name, "out")) [call] (oid: Oid) -> String = {
                let ($session, $oid) = (call.session, oid);
                shown(oid, || $out)
            };
            (concat!($name, "recv")) (bytes: [u8]) -> Oid = Ok(Oid(wire::u32(bytes)?));
            (concat!($name, "send")) (oid: Oid) -> Vec<u8> = Ok(oid.0.to_be_bytes().to_vec());
        }
    };
}

/// The type modifier in a type's name.
fn type_modifier(session: &Session, text: &str) -> Result<Option<i32>> {
    let mut typmod = -1;
    let found = lenient(names::parse_type(session, text).map(|(oid, modifier)| {
        typmod = modifier;
        oid
    }))?;
    Ok(found.map(|_| typmod))
}

const LOOKUPS: &[Function] = functions! {
    "text_regclass" [call] (text: str) -> Oid = relation(call.session, text);
    "to_regclass" [call] (text: str) -> Option<Oid> = lenient(parse(call.session, text, relation));
    "to_regproc" [call] (text: str) -> Option<Oid> = lenient(parse(call.session, text, function));
    "to_regprocedure" [call] (text: str) -> Option<Oid> = lenient(parse(call.session, text, procedure));
    "to_regoper" [call] (text: str) -> Option<Oid> = lenient(parse(call.session, text, operator));
    "to_regoperator" [call] (text: str) -> Option<Oid> = lenient(parse(call.session, text, operator_with_types));
    "to_regtype" [call] (text: str) -> Option<Oid> = lenient(parse(call.session, text, type_named));
    "to_regtypemod" [call] (text: str) -> Option<i32> = type_modifier(call.session, text);
    "to_regrole" [call] (text: str) -> Option<Oid> = lenient(parse(call.session, text, role));
    "to_regnamespace" [call] (text: str) -> Option<Oid> = lenient(parse(call.session, text, namespace));
    "to_regcollation" [call] (text: str) -> Option<Oid> = lenient(parse(call.session, text, collation));
};

pub const FUNCTIONS: &[&[Function]] = &[
    LOOKUPS,
    alias!("regclass", relation, |session, oid| session.display_relation(oid)),
    alias!("regproc", function, |session, oid| function_out(session, oid)),
    alias!("regprocedure", procedure, |session, oid| session.display_function(oid)),
    alias!("regoper", operator, |session, oid| operator_out(session, oid)),
    alias!("regoperator", operator_with_types, |session, oid| session.display_operator(oid)),
    alias!("regtype", type_named, |session, oid| type_out(session, oid)),
    alias!("regrole", role, |session, oid| role_out(session, oid)),
    alias!("regnamespace", namespace, |session, oid| namespace_out(session, oid)),
    alias!("regcollation", collation, |session, oid| collation_out(session, oid)),
    alias!("regconfig", text_search_configuration, |session, oid| configuration_out(session, oid)),
    alias!("regdictionary", text_search_dictionary, |session, oid| dictionary_out(session, oid)),
];

impl Call<'_> {
    /// The relation that a text names.
    ///
    /// # Errors
    /// `42P01`
    pub fn relation_named(&self, text: &str) -> Result<Oid> {
        relation(self.session, text)
    }

    /// An error for an OID that no relation has.
    pub fn no_relation(&self, oid: Oid) -> Error {
        err!(UNDEFINED_TABLE, "relation with OID {oid} does not exist")
    }
}
