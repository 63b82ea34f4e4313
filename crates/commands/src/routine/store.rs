//! The row of a routine in pg_proc, new or in place of an old one, and what it depends on.

use super::create::SQL_LANGUAGE;
use super::parameters::Parameters;
use crate::privilege;
use crate::query_dependency::of_query;
use crate::shared_dependency as shared;
use crate::{dependency, expression};
use base::{Oid, Result, bail, err};
use catalog::{DependencyKind, ObjectAddress, PgLanguage, PgNamespace, PgProc, PgType, Session, index};
use datum::Datum;
use ir::{Query, expr_type};

const RECORD: Oid = Oid(2249);
const INTERNAL: Oid = Oid(2281);
/// The most arguments a function takes.
const MAX_ARGUMENTS: usize = 100;

pub(crate) struct NewRoutine<'n> {
    pub name: &'n str,
    pub namespace: Oid,
    pub replace: bool,
    pub returns_set: bool,
    pub result: Oid,
    pub language: Oid,
    pub source: String,
    pub library: Option<String>,
    /// A parsed body, as it is stored and as queries.
    pub sql_body: Option<(String, Vec<Query>)>,
    pub kind: u8,
    pub security_definer: bool,
    pub leakproof: bool,
    pub strict: bool,
    pub volatility: i8,
    pub parallel: u8,
    pub parameters: Parameters,
    pub configuration: Option<Vec<String>>,
    pub support: Oid,
    pub cost: f32,
    pub rows: f32,
}

/// Inserts or replaces the row. The result is visible to what follows.
///
/// # Errors
/// `42723` when it is there and may not be replaced, `42P13` where it must not change.
pub(crate) fn store(session: &Session, new: NewRoutine<'_>) -> Result<Oid> {
    check_signature(session, &new)?;
    let parameters = &new.parameters;
    let text = (!parameters.defaults.is_empty()).then(|| expression::store_list(&parameters.defaults));
    let mut row = PgProc {
        oid: Oid(0),
        proname: new.name.to_owned(),
        pronamespace: new.namespace,
        proowner: session.user(),
        prolang: new.language,
        procost: new.cost,
        prorows: new.rows,
        provariadic: parameters.variadic,
        prosupport: new.support,
        prokind: new.kind as i8,
        prosecdef: new.security_definer,
        proleakproof: new.leakproof,
        proisstrict: new.strict,
        proretset: new.returns_set,
        provolatile: new.volatility,
        proparallel: new.parallel as i8,
        pronargs: parameters.inputs.len() as i16,
        pronargdefaults: parameters.defaults.len() as i16,
        prorettype: new.result,
        proargtypes: parameters.inputs.clone(),
        proallargtypes: parameters.all.clone(),
        proargmodes: parameters.modes.clone(),
        proargnames: parameters.names.clone(),
        proargdefaults: text,
        protrftypes: None,
        prosrc: new.source.clone(),
        probin: new.library.clone(),
        prosqlbody: new.sql_body.as_ref().map(|(text, _)| text.clone()),
        proconfig: new.configuration.clone(),
        proacl: None,
    };
    let functions = session.functions_by_name(new.name)?;
    let old = functions
        .iter()
        .find(|f| f.pronamespace == new.namespace && f.proargtypes == parameters.inputs)
        .cloned();
    match &old {
        Some(old) => {
            check_replacement(session, old, &row, &new)?;
            (row.oid, row.proowner, row.proacl) = (old.oid, old.proowner, old.proacl.clone());
            let found = session.find::<PgProc>(index::PG_PROC_OID, &[Datum::from(old.oid)])?;
            let Some((tid, _)) = found.into_iter().next() else {
                bail!(INTERNAL_ERROR, "cache lookup failed for function {}", old.oid);
            };
            session.update(tid, &row)?;
            session.forget_dependencies(ObjectAddress::new::<PgProc>(row.oid), None)?;
        }
        None => {
            row.oid = session.new_oid::<PgProc>(index::PG_PROC_OID)?;
            session.insert(&row)?;
            shared::record_owner(session, ObjectAddress::new::<PgProc>(row.oid), row.proowner)?;
        }
    }
    record(session, &row, &new)?;
    session.command_counter_increment()?;
    Ok(row.oid)
}

fn record(session: &Session, row: &PgProc, new: &NewRoutine<'_>) -> Result<()> {
    let object = ObjectAddress::new::<PgProc>(row.oid);
    let mut on = vec![
        ObjectAddress::new::<PgNamespace>(row.pronamespace),
        ObjectAddress::new::<PgLanguage>(row.prolang),
        ObjectAddress::new::<PgType>(row.prorettype),
    ];
    let types = row.proallargtypes.as_ref().unwrap_or(&row.proargtypes);
    on.extend(types.iter().map(|t| ObjectAddress::new::<PgType>(*t)));
    if row.prosupport.is_valid() {
        on.push(ObjectAddress::new::<PgProc>(row.prosupport));
    }
    on.sort_unstable();
    on.dedup();
    session.record_dependencies(object, on, DependencyKind::Normal)?;
    if let (SQL_LANGUAGE, Some((_, queries))) = (row.prolang, &new.sql_body) {
        let mut needed: Vec<ObjectAddress> = queries.iter().flat_map(of_query).collect();
        needed.sort_unstable();
        needed.dedup();
        session.record_dependencies(object, needed, DependencyKind::Normal)?;
    }
    for default in &new.parameters.defaults {
        let normal = DependencyKind::Normal;
        dependency::record_expression(session, object, default, None, normal, normal)?;
    }
    Ok(())
}

/// A polymorphic result needs a polymorphic argument to tell what it is; so does `internal`.
fn check_signature(session: &Session, new: &NewRoutine<'_>) -> Result<()> {
    let parameters = &new.parameters;
    if parameters.inputs.len() > MAX_ARGUMENTS {
        bail!(TOO_MANY_ARGUMENTS, "functions cannot have more than {MAX_ARGUMENTS} arguments");
    }
    let mut results = vec![new.result];
    if let (Some(all), Some(modes)) = (&parameters.all, &parameters.modes) {
        let is_output = |mode: i8| !matches!(mode as u8, b'i' | b'v');
        results.extend(all.iter().zip(modes).filter(|(_, m)| is_output(**m)).map(|(t, _)| *t));
    }
    for result in results {
        if let Some(detail) = polymorphic_problem(session, result, &parameters.inputs)? {
            return Err(err!(INVALID_FUNCTION_DEFINITION, "cannot determine result data type").detail(detail));
        }
        if result == INTERNAL && !parameters.inputs.contains(&INTERNAL) {
            return Err(err!(INVALID_FUNCTION_DEFINITION, "unsafe use of pseudo-type \"internal\"")
                .detail("A result of type internal requires at least one input of type internal."));
        }
    }
    Ok(())
}

/// Why the inputs cannot tell what a polymorphic result is.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn polymorphic_problem(session: &Session, result: Oid, inputs: &[Oid]) -> Result<Option<String>> {
    const EXACT: [u32; 6] = [2283, 2277, 2776, 3500, 3831, 4537];
    const COMPATIBLE: [u32; 5] = [5077, 5078, 5079, 5080, 4538];
    let any = |of: &[u32]| inputs.iter().any(|i| of.contains(&i.0));
    let (of, needed) = match result.0 {
        3831 | 4537 => (&[3831, 4537][..], "anyrange or anymultirange"),
        5080 | 4538 => (&[5080, 4538][..], "anycompatiblerange or anycompatiblemultirange"),
        other if EXACT.contains(&other) => {
            (&EXACT[..], "anyelement, anyarray, anynonarray, anyenum, anyrange, or anymultirange")
        }
        other if COMPATIBLE.contains(&other) => (
            &COMPATIBLE[..],
            "anycompatible, anycompatiblearray, anycompatiblenonarray, anycompatiblerange, or anycompatiblemultirange",
        ),
        _ => return Ok(None),
    };
    if any(of) {
        return Ok(None);
    }
    let name = session.format_type(result, None)?;
    Ok(Some(format!("A result of type {name} requires at least one input of type {needed}.")))
}

fn input_names(row: &PgProc) -> Vec<&str> {
    let Some(names) = &row.proargnames else { return Vec::new() };
    let is_input = |i: usize| {
        row.proargmodes
            .as_ref()
            .is_none_or(|m| m.get(i).is_some_and(|m| matches!(*m as u8, b'i' | b'b' | b'v')))
    };
    names.iter().enumerate().filter(|(i, _)| is_input(*i)).map(|(_, n)| n.as_str()).collect()
}

fn check_replacement(session: &Session, old: &PgProc, row: &PgProc, new: &NewRoutine<'_>) -> Result<()> {
    let name = &row.proname;
    if !new.replace {
        bail!(DUPLICATE_FUNCTION, "function \"{name}\" already exists with same argument types");
    }
    privilege::require_owner(session, old.proowner, "function", name)?;
    if old.prokind != row.prokind {
        let kind = match old.prokind as u8 {
            b'a' => "an aggregate function",
            b'p' => "a procedure",
            b'w' => "a window function",
            _ => "a function",
        };
        return Err(
            err!(WRONG_OBJECT_TYPE, "cannot change routine kind").detail(format!("\"{name}\" is {kind}."))
        );
    }
    let command = match row.prokind as u8 {
        b'p' => "DROP PROCEDURE",
        b'a' => "DROP AGGREGATE",
        _ => "DROP FUNCTION",
    };
    let hint =
        || -> Result<String> { Ok(format!("Use {command} {} first.", session.display_function(old.oid)?)) };
    let changed = |text: &str| -> base::Error { err!(INVALID_FUNCTION_DEFINITION, "{text}") };
    if old.prorettype != row.prorettype || old.proretset != row.proretset {
        return Err(changed(match row.prokind as u8 {
            b'p' => "cannot change whether a procedure has output parameters",
            _ => "cannot change return type of existing function",
        })
        .hint(hint()?));
    }
    if row.prorettype == RECORD && session.result_columns(old, &[])? != session.result_columns(row, &[])? {
        return Err(changed("cannot change return type of existing function")
            .detail("Row type defined by OUT parameters is different.")
            .hint(hint()?));
    }
    let names = input_names(row);
    for (at, known) in input_names(old).into_iter().enumerate() {
        if !known.is_empty() && names.get(at) != Some(&known) {
            let text = format!("cannot change name of input parameter \"{known}\"");
            return Err(changed(&text).hint(hint()?));
        }
    }
    if old.pronargdefaults > 0 {
        if row.pronargdefaults < old.pronargdefaults {
            return Err(changed("cannot remove parameter defaults from existing function").hint(hint()?));
        }
        let text = old.proargdefaults.as_deref().unwrap_or_default();
        let before = expression::load_list(session, text)?;
        let skipped = new.parameters.defaults.len() - before.len().min(new.parameters.defaults.len());
        for (was, is) in before.iter().zip(&new.parameters.defaults[skipped..]) {
            if expr_type(was) != expr_type(is) {
                let text = "cannot change data type of existing parameter default value";
                return Err(changed(text).hint(hint()?));
            }
        }
    }
    Ok(())
}
