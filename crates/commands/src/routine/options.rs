//! The options of CREATE and ALTER FUNCTION.

use crate::name;
use crate::settings;
use base::{Error, Oid, Result, bail, err};
use catalog::Session;
use syntax::{
    FunctionOption, FunctionOptionKind as Kind, Literal, ObjectName, SetAction, SetStatement, SignedNumber,
    TypeName, Volatility,
};

/// What was said, each at most once.
#[derive(Default)]
pub(super) struct Options<'o> {
    pub body: Option<&'o [String]>,
    pub language: Option<&'o str>,
    pub transform: Option<&'o [TypeName]>,
    pub window: bool,
    pub strict: Option<bool>,
    pub volatility: Option<Volatility>,
    pub security_definer: Option<bool>,
    pub leakproof: Option<bool>,
    pub cost: Option<f32>,
    pub rows: Option<f32>,
    pub support: Option<&'o ObjectName>,
    pub set: Vec<&'o SetStatement>,
    pub parallel: Option<u8>,
}

fn put<T>(slot: &mut Option<T>, value: T, location: usize) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(err!(SYNTAX_ERROR, "conflicting or redundant options").at(location)),
    }
}

fn number(number: &SignedNumber) -> Result<f32> {
    let text = match number {
        Literal::Integer(value) => value.to_string(),
        Literal::Numeric(text) => text.clone(),
        _ => return Err(Error::internal("a number that is none")),
    };
    text.parse::<f32>().map_err(|_| Error::internal("a number that is none"))
}

impl<'o> Options<'o> {
    /// # Errors
    /// `42601` for what is said twice, `42P13` for what procedures cannot have, `22023`.
    pub(super) fn read(options: &'o [FunctionOption], procedure: bool) -> Result<Options<'o>> {
        let mut read = Options::default();
        for FunctionOption { kind, location } in options {
            let at = *location;
            let for_functions = !matches!(
                kind,
                Kind::As(_)
                    | Kind::Language(_)
                    | Kind::Transform(_)
                    | Kind::SecurityDefiner(_)
                    | Kind::Set(_)
            );
            if procedure && for_functions {
                return Err(
                    err!(INVALID_FUNCTION_DEFINITION, "invalid attribute in procedure definition").at(at)
                );
            }
            match kind {
                Kind::As(texts) => put(&mut read.body, texts, at)?,
                Kind::Language(name) => put(&mut read.language, name, at)?,
                Kind::Transform(types) => put(&mut read.transform, types, at)?,
                Kind::Window => {
                    if std::mem::replace(&mut read.window, true) {
                        return Err(err!(SYNTAX_ERROR, "conflicting or redundant options").at(at));
                    }
                }
                Kind::Strict(strict) => put(&mut read.strict, *strict, at)?,
                Kind::Volatility(volatility) => put(&mut read.volatility, *volatility, at)?,
                Kind::SecurityDefiner(definer) => put(&mut read.security_definer, *definer, at)?,
                Kind::Leakproof(leakproof) => put(&mut read.leakproof, *leakproof, at)?,
                Kind::Cost(cost) => put(&mut read.cost, number(cost)?, at)?,
                Kind::Rows(rows) => put(&mut read.rows, number(rows)?, at)?,
                Kind::Support(name) => put(&mut read.support, name, at)?,
                Kind::Set(set) => read.set.push(set),
                Kind::Parallel(word) => {
                    let letter = match word.as_str() {
                        "safe" => b's',
                        "restricted" => b'r',
                        "unsafe" => b'u',
                        _ => {
                            bail!(SYNTAX_ERROR, "parameter \"parallel\" must be SAFE, RESTRICTED, or UNSAFE")
                        }
                    };
                    put(&mut read.parallel, letter, at)?;
                }
            }
        }
        if read.cost.is_some_and(|cost| cost <= 0.0) {
            bail!(INVALID_PARAMETER_VALUE, "COST must be positive");
        }
        if read.rows.is_some_and(|rows| rows <= 0.0) {
            bail!(INVALID_PARAMETER_VALUE, "ROWS must be positive");
        }
        Ok(read)
    }

    /// The planner support function that is named.
    ///
    /// # Errors
    /// `42883`, `42P17`, `42501`.
    pub(super) fn support_function(&self, session: &Session) -> Result<Option<Oid>> {
        const INTERNAL: Oid = Oid(2281);
        let Some(named) = self.support else { return Ok(None) };
        let (schema, last) = name::split(session, named)?;
        let shown = named.parts.join(".");
        let namespaces = match schema {
            Some(schema) => vec![session.require_namespace(schema)?],
            None => session.search_path()?.to_vec(),
        };
        let functions = session.functions_by_name(last)?;
        let found = namespaces
            .iter()
            .find_map(|n| functions.iter().find(|f| f.pronamespace == *n && f.proargtypes == [INTERNAL]));
        let Some(found) = found else {
            bail!(UNDEFINED_FUNCTION, "function {shown}(internal) does not exist");
        };
        if found.prorettype != INTERNAL {
            bail!(INVALID_OBJECT_DEFINITION, "support function {shown} must return type internal");
        }
        if !session.is_superuser(session.user())? {
            bail!(INSUFFICIENT_PRIVILEGE, "must be superuser to specify a support function");
        }
        Ok(Some(found.oid))
    }
}

pub(super) fn volatility_letter(volatility: Volatility) -> i8 {
    (match volatility {
        Volatility::Immutable => b'i',
        Volatility::Stable => b's',
        Volatility::Volatile => b'v',
    }) as i8
}

/// pg_proc.proconfig after the SET and RESET clauses.
///
/// # Errors
/// `42704`, `22023`, `55P02`.
pub(super) fn configuration(
    session: &Session,
    before: Option<Vec<String>>,
    clauses: &[&SetStatement],
) -> Result<Option<Vec<String>>> {
    let mut list = before.unwrap_or_default();
    for clause in clauses {
        let (name, value) = match &clause.action {
            SetAction::ResetAll => {
                list.clear();
                continue;
            }
            SetAction::Value { name, values } => (name, Some(settings::value_text(session, name, values)?)),
            SetAction::FromCurrent { name } => (name, Some(session.settings().show(name)?)),
            SetAction::Default { name } | SetAction::Reset { name } => (name, None),
            _ => return Err(Error::unsupported("this SET clause of a function")),
        };
        let checked = settings::Checked::new(session, name, value.as_deref())?;
        let same = |entry: &String| {
            entry.split_once('=').is_some_and(|(known, _)| known.eq_ignore_ascii_case(&checked.name))
        };
        match value {
            None => list.retain(|entry| !same(entry)),
            Some(value) => {
                let entry = format!("{}={value}", checked.name);
                match list.iter().position(same) {
                    Some(at) => list[at] = entry,
                    None => list.push(entry),
                }
            }
        }
    }
    Ok((!list.is_empty()).then_some(list))
}
