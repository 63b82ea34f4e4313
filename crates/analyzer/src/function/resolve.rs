//! Overload resolution: chapters 10.2 and 10.3 of the manual.

use crate::coerce::pathway::{CoercionContext, Pathway, can_coerce, category, find_pathway, is_composite};
use crate::state::Analyzer;
use crate::types::*;
use base::{Oid, Result};
use catalog::PgProc;
use ir::Expr;
use std::sync::Arc;

/// A function that a call could mean, its arguments laid out as the call has them.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub function: Arc<PgProc>,
    /// Declared types, one for each argument after defaults and VARIADIC are expanded, in call order.
    pub args: Vec<Oid>,
    /// Arguments that a VARIADIC parameter takes; 0 when it was not expanded.
    pub variadic_args: usize,
    pub defaults: usize,
    /// For each call argument and then each default, the parameter it fills.
    pub positions: Option<Vec<usize>>,
    /// Place of its schema in the search path.
    path: usize,
    ambiguous: bool,
}

/// What a call turned out to be.
pub(crate) enum Resolved {
    NotFound,
    Ambiguous,
    /// A cast in function notation, `float8(x)`: its target.
    Coercion(Oid),
    Function(Box<Candidate>),
}

pub(crate) struct CallShape<'c> {
    pub types: &'c [Oid],
    /// Names of the trailing named arguments.
    pub names: &'c [String],
    pub expand_variadic: bool,
    pub expand_defaults: bool,
    /// CALL: a procedure's parameters for results are arguments, too.
    pub procedure: bool,
}

impl Analyzer<'_> {
    /// Splits a qualified name into schema and name, checking the database part.
    pub(crate) fn split_name<'n>(&self, parts: &'n [String]) -> Result<(Option<&'n str>, &'n str)> {
        match parts {
            [name] => Ok((None, name)),
            [schema, name] => Ok((Some(schema), name)),
            [database, schema, name] if *database == self.session.database_name() => Ok((Some(schema), name)),
            [_, _, _] => Err(base::err!(
                FEATURE_NOT_SUPPORTED,
                "cross-database references are not implemented: {}",
                parts.join(".")
            )),
            _ => Err(base::err!(
                SYNTAX_ERROR,
                "improper qualified name (too many dotted names): {}",
                parts.join(".")
            )),
        }
    }

    fn candidates(&self, name: &[String], shape: &CallShape<'_>) -> Result<Vec<Candidate>> {
        let (schema, name) = self.split_name(name)?;
        let schema = match schema {
            Some(schema) => Some(match self.session.namespace_by_name(schema)? {
                Some(oid) => oid,
                None => return Err(base::err!(UNDEFINED_SCHEMA, "schema \"{schema}\" does not exist")),
            }),
            None => None,
        };
        let path = self.session.search_path()?;
        let mut found: Vec<Candidate> = Vec::new();
        for function in self.session.functions_by_name(name)?.iter() {
            let place = match schema {
                Some(schema) if function.pronamespace == schema => 0,
                Some(_) => continue,
                None => match path.iter().position(|n| *n == function.pronamespace) {
                    Some(place) => place,
                    None => continue,
                },
            };
            let fitted = match shape.procedure && function.proallargtypes.is_some() {
                true => fit(&with_results(function), shape),
                false => fit(function, shape),
            };
            if let Some(mut candidate) = fitted {
                candidate.path = place;
                add_candidate(&mut found, candidate);
            }
        }
        Ok(found)
    }

    pub(crate) fn resolve_function(
        &mut self,
        name: &[String],
        shape: &CallShape<'_>,
        args: Option<&[Expr]>,
    ) -> Result<Resolved> {
        let candidates = self.candidates(name, shape)?;
        let types = shape.types;
        if let Some(exact) = candidates.iter().find(|c| c.args == types) {
            return Ok(if exact.ambiguous {
                Resolved::Ambiguous
            } else {
                Resolved::Function(Box::new(exact.clone()))
            });
        }
        // A one-argument call may be a cast in function notation.
        if types.len() == 1
            && args.is_some()
            && shape.names.is_empty()
            && let Some(target) = self.function_as_type(name)?
            && self.is_functional_cast(types[0], target, args)?
        {
            return Ok(Resolved::Coercion(target));
        }
        let mut usable = Vec::new();
        for candidate in candidates {
            if can_coerce(self.session, types, &candidate.args, CoercionContext::Implicit)? {
                usable.push(candidate);
            }
        }
        let chosen = match usable.len() {
            0 => return Ok(Resolved::NotFound),
            1 => 0,
            _ => {
                let lists: Vec<&[Oid]> = usable.iter().map(|c| c.args.as_slice()).collect();
                match self.select_candidate(types, &lists)? {
                    Some(chosen) => chosen,
                    None => return Ok(Resolved::Ambiguous),
                }
            }
        };
        let chosen = usable.swap_remove(chosen);
        Ok(if chosen.ambiguous { Resolved::Ambiguous } else { Resolved::Function(Box::new(chosen)) })
    }

    fn function_as_type(&self, name: &[String]) -> Result<Option<Oid>> {
        let (schema, name) = self.split_name(name)?;
        let Some(oid) = self.session.type_by_name(schema, name)? else { return Ok(None) };
        let row = self.session.type_row(oid)?;
        let usable = row.typisdefined && !row.typrelid.is_valid();
        Ok(usable.then_some(oid))
    }

    fn is_functional_cast(&self, source: Oid, target: Oid, args: Option<&[Expr]>) -> Result<bool> {
        if source == UNKNOWN {
            return Ok(matches!(args, Some([Expr::Const(_)])));
        }
        Ok(match find_pathway(self.session, target, source, CoercionContext::Explicit)? {
            Some(Pathway::Relabel) => true,
            Some(Pathway::ThroughIo) => {
                let row = source == RECORD || is_composite(self.session, source)?;
                !(row && category(self.session, target)?.0 == b'S')
            }
            _ => false,
        })
    }

    /// Chooses among candidates to which the inputs can be coerced; `None` when none is best.
    pub(crate) fn select_candidate(&self, inputs: &[Oid], lists: &[&[Oid]]) -> Result<Option<usize>> {
        let mut bases = Vec::with_capacity(inputs.len());
        for &input in inputs {
            bases.push(if input == UNKNOWN { UNKNOWN } else { self.session.base_type(input)?.0 });
        }
        let unknowns = inputs.iter().filter(|i| **i == UNKNOWN).count();
        // Most exact matches.
        let all: Vec<usize> = (0..lists.len()).collect();
        let exact = |c: usize| bases.iter().zip(lists[c]).filter(|(b, a)| **b != UNKNOWN && b == a).count();
        let mut left = keep_best(&all, exact);
        if let [only] = left[..] {
            return Ok(Some(only));
        }
        // Most exact or preferred.
        let mut categories = Vec::with_capacity(bases.len());
        for &base in &bases {
            categories.push(category(self.session, base)?.0);
        }
        let mut scores = vec![0; lists.len()];
        for &candidate in &left {
            for (i, &arg) in lists[candidate].iter().enumerate() {
                if bases[i] == UNKNOWN {
                    continue;
                }
                let preferred = || -> Result<bool> {
                    let (category, preferred) = category(self.session, arg)?;
                    Ok(preferred && category == categories[i])
                };
                scores[candidate] += usize::from(arg == bases[i] || preferred()?);
            }
        }
        left = keep_best(&left, |c| scores[c]);
        if let [only] = left[..] {
            return Ok(Some(only));
        }
        if unknowns == 0 {
            return Ok(None);
        }
        if let Some(by_category) = self.narrow_unknowns(&bases, lists, &left)? {
            left = by_category;
            if let [only] = left[..] {
                return Ok(Some(only));
            }
        }
        // All known inputs alike: take unknown ones for the same.
        if unknowns < bases.len() {
            let mut known = bases.iter().filter(|b| **b != UNKNOWN);
            let first = *known.next().expect("some input is known");
            if known.all(|b| *b == first) {
                let same = vec![first; bases.len()];
                let mut fitting = Vec::new();
                for &candidate in &left {
                    if can_coerce(self.session, &same, lists[candidate], CoercionContext::Implicit)? {
                        fitting.push(candidate);
                    }
                }
                if let [only] = fitting[..] {
                    return Ok(Some(only));
                }
            }
        }
        Ok(None)
    }

    /// For unknown inputs: candidates of the category they agree on (string before others), preferred types first.
    fn narrow_unknowns(&self, bases: &[Oid], lists: &[&[Oid]], left: &[usize]) -> Result<Option<Vec<usize>>> {
        let mut slots: Vec<Option<(u8, bool)>> = vec![None; bases.len()];
        for (i, base) in bases.iter().enumerate() {
            if *base != UNKNOWN {
                continue;
            }
            let mut slot: Option<(u8, bool)> = None;
            let mut conflict = false;
            for &candidate in left {
                let (current, preferred) = category(self.session, lists[candidate][i])?;
                match &mut slot {
                    None => slot = Some((current, preferred)),
                    Some((known, has_preferred)) if *known == current => *has_preferred |= preferred,
                    Some(_) if current == b'S' => slot = Some((current, preferred)),
                    Some(_) => conflict = true,
                }
            }
            match slot {
                Some((b'S', _)) => slots[i] = slot,
                Some(_) if !conflict => slots[i] = slot,
                _ => return Ok(None),
            }
        }
        let mut fitting = Vec::new();
        'candidates: for &candidate in left {
            for (i, slot) in slots.iter().enumerate() {
                let Some((wanted, has_preferred)) = slot else { continue };
                let (current, preferred) = category(self.session, lists[candidate][i])?;
                if current != *wanted || (*has_preferred && !preferred) {
                    continue 'candidates;
                }
            }
            fitting.push(candidate);
        }
        Ok((!fitting.is_empty()).then_some(fitting))
    }

    /// `f(integer, text)` for messages.
    pub(crate) fn function_signature(
        &self,
        name: &[String],
        names: &[String],
        types: &[Oid],
    ) -> Result<String> {
        let positional = types.len() - names.len().min(types.len());
        let mut parts = Vec::new();
        for (i, &oid) in types.iter().enumerate() {
            let text = self.type_name_of(oid)?;
            match i.checked_sub(positional).and_then(|n| names.get(n)) {
                Some(name) => parts.push(format!("{name} => {text}")),
                None => parts.push(text),
            }
        }
        Ok(format!("{}({})", name.join("."), parts.join(", ")))
    }
}

fn keep_best(candidates: &[usize], score: impl Fn(usize) -> usize) -> Vec<usize> {
    let best = candidates.iter().map(|c| score(*c)).max().unwrap_or(0);
    candidates.iter().copied().filter(|c| score(*c) == best).collect()
}

/// The row of a procedure as if its parameters for results were inputs.
fn with_results(function: &PgProc) -> Arc<PgProc> {
    let mut row = function.clone();
    row.proargtypes = row.proallargtypes.clone().unwrap_or_default();
    row.pronargs = row.proargtypes.len() as i16;
    for mode in row.proargmodes.iter_mut().flatten().filter(|m| **m as u8 == b'o') {
        *mode = b'i' as i8;
    }
    Arc::new(row)
}

/// Whether a function can take a call of this shape, and how.
fn fit(function: &Arc<PgProc>, shape: &CallShape<'_>) -> Option<Candidate> {
    let declared = function.pronargs.max(0) as usize;
    let defaults_available = function.pronargdefaults.max(0) as usize;
    let given = shape.types.len();
    let variadic = function.provariadic;
    let candidate = |args: Vec<Oid>, variadic_args, defaults, positions| Candidate {
        function: function.clone(),
        args,
        variadic_args,
        defaults,
        positions,
        path: 0,
        ambiguous: false,
    };
    let types = &function.proargtypes;
    if !shape.names.is_empty() {
        if variadic.is_valid() && shape.expand_variadic {
            return None;
        }
        if declared > given && (!shape.expand_defaults || declared > given + defaults_available)
            || declared < given
        {
            return None;
        }
        let positions = match_names(function, given, shape.names)?;
        let args = positions.iter().map(|p| types[*p]).collect();
        return Some(candidate(args, 0, declared - given, Some(positions)));
    }
    if variadic.is_valid() && shape.expand_variadic && declared <= given && declared > 0 {
        let mut args: Vec<Oid> = types[..declared - 1].to_vec();
        args.resize(given, variadic);
        return Some(candidate(args, given - declared + 1, 0, None));
    }
    if declared == given {
        return Some(candidate(types.clone(), 0, 0, None));
    }
    if shape.expand_defaults && declared > given && declared <= given + defaults_available {
        let mut args = types.clone();
        args.truncate(given);
        return Some(candidate(args, 0, declared - given, None));
    }
    None
}

/// The parameters that a call with trailing named arguments fills, defaults last; `None` if it does not fit.
fn match_names(function: &PgProc, given: usize, names: &[String]) -> Option<Vec<usize>> {
    let declared = function.pronargs.max(0) as usize;
    let all_names = function.proargnames.as_ref()?;
    let modes = function.proargmodes.as_ref();
    // Input parameters in order, with their names.
    let inputs: Vec<&str> = all_names
        .iter()
        .enumerate()
        .filter(|(i, _)| {
            modes.is_none_or(|m| m.get(*i).is_some_and(|m| matches!(*m as u8, b'i' | b'b' | b'v')))
        })
        .map(|(_, name)| name.as_str())
        .collect();
    let positional = given - names.len();
    let mut positions: Vec<usize> = (0..positional).collect();
    let mut filled = vec![false; declared];
    filled.iter_mut().take(positional).for_each(|f| *f = true);
    for name in names {
        let at = inputs.iter().position(|i| i == name)?;
        if at >= declared || filled[at] {
            return None;
        }
        filled[at] = true;
        positions.push(at);
    }
    let first_default = declared - function.pronargdefaults.max(0) as usize;
    for (at, filled) in filled.iter().enumerate() {
        if !filled && at < first_default {
            return None;
        }
    }
    Some(positions)
}

/// Adds a candidate unless one of the same arguments hides it.
fn add_candidate(found: &mut Vec<Candidate>, new: Candidate) {
    let Some(at) = found.iter().position(|old| old.args == new.args) else {
        found.push(new);
        return;
    };
    let old = &mut found[at];
    let prefer_new = if new.path != old.path {
        Some(new.path < old.path)
    } else if (new.variadic_args > 0) != (old.variadic_args > 0) {
        Some(old.variadic_args > 0)
    } else if (new.defaults > 0) != (old.defaults > 0) {
        Some(old.defaults > 0)
    } else {
        None
    };
    match prefer_new {
        Some(true) => *old = new,
        Some(false) => {}
        None => old.ambiguous = true,
    }
}
