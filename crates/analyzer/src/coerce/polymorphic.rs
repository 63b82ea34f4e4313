//! Polymorphic parameters: chapter 36.2.5 of the manual.
//!
//! anyelement and its kin demand one type E: anyelement = E, anyarray = E[], anyrange over E. The anycompatible kin
//! find a common type C instead. Unknown literals take whatever type the others decide.

use super::common::common_type_of;
use super::pathway::{CoercionContext, find_pathway};
use crate::types::*;
use base::{Oid, Result, err};
use catalog::{PgRange, Session, index};

/// What one family of polymorphic parameters has been found to be.
#[derive(Default)]
struct Family {
    element: Option<Oid>,
    array: Option<Oid>,
    range: Option<Oid>,
    multirange: Option<Oid>,
    unknowns: bool,
}

struct Solution {
    exact: Family,
    compatible: Family,
}

/// The subtype and multirange of a range type.
pub(crate) fn range_facts(session: &Session, range: Oid) -> Result<Option<(Oid, Oid)>> {
    let row = session.row::<PgRange>(index::PG_RANGE_RNGTYPID, &[range.into()])?;
    Ok(row.map(|r| (r.rngsubtype, r.rngmultitypid)))
}

/// The range type of a multirange type.
pub(crate) fn multirange_range(session: &Session, multirange: Oid) -> Result<Option<Oid>> {
    let row = session.row::<PgRange>(index::PG_RANGE_RNGMULTITYPID, &[multirange.into()])?;
    Ok(row.map(|r| r.rngtypid))
}

fn require_same(session: &Session, slot: &mut Option<Oid>, found: Oid, name: &str) -> Result<()> {
    match *slot {
        Some(known) if known != found => {
            Err(err!(DATATYPE_MISMATCH, "arguments declared \"{name}\" are not all alike").detail(format!(
                "{} versus {}",
                session.format_type(known, None)?,
                session.format_type(found, None)?
            )))
        }
        _ => {
            *slot = Some(found);
            Ok(())
        }
    }
}

fn solve(session: &Session, actual: &[Oid], declared: &[Oid]) -> Result<Solution> {
    let mut exact = Family::default();
    let mut compatible = Family::default();
    let mut candidates = Vec::new();
    let (mut non_array, mut enumeration, mut compatible_non_array) = (false, false, false);
    for (&given, &wanted) in actual.iter().zip(declared) {
        non_array |= wanted == ANYNONARRAY;
        enumeration |= wanted == ANYENUM;
        compatible_non_array |= wanted == ANYCOMPATIBLE_NONARRAY;
        if !is_polymorphic(wanted) {
            continue;
        }
        if given == UNKNOWN {
            if is_any_family(wanted) {
                exact.unknowns = true
            } else {
                compatible.unknowns = true
            }
            continue;
        }
        let base = session.base_type(given)?.0;
        match wanted {
            ANYELEMENT | ANYNONARRAY | ANYENUM => {
                require_same(session, &mut exact.element, given, "anyelement")?
            }
            ANYARRAY => require_same(session, &mut exact.array, base, "anyarray")?,
            ANYRANGE => require_same(session, &mut exact.range, base, "anyrange")?,
            ANYMULTIRANGE => require_same(session, &mut exact.multirange, base, "anymultirange")?,
            ANYCOMPATIBLE | ANYCOMPATIBLE_NONARRAY => candidates.push(given),
            ANYCOMPATIBLE_ARRAY => {
                let element = session.element_type(base)?;
                candidates.push(element.ok_or_else(|| not_a(session, "array", "anycompatiblearray", base))?);
                compatible.array = Some(base);
            }
            ANYCOMPATIBLE_RANGE => require_same(session, &mut compatible.range, base, "anycompatiblerange")?,
            _ => require_same(session, &mut compatible.multirange, base, "anycompatiblemultirange")?,
        }
    }
    derive_element(session, &mut exact, "any")?;
    if let Some(element) = exact.element {
        if non_array && session.element_type(session.base_type(element)?.0)?.is_some() {
            return Err(err!(
                DATATYPE_MISMATCH,
                "type matched to anynonarray is an array type: {}",
                session.format_type(element, None)?
            ));
        }
        if enumeration && session.type_row(element)?.typtype as u8 != b'e' {
            return Err(err!(
                DATATYPE_MISMATCH,
                "type matched to anyenum is not an enum type: {}",
                session.format_type(element, None)?
            ));
        }
    }
    solve_compatible(session, &mut compatible, candidates, compatible_non_array)?;
    Ok(Solution { exact, compatible })
}

fn not_a(session: &Session, what: &str, parameter: &str, found: Oid) -> base::Error {
    let name = session.format_type(found, None).unwrap_or_default();
    let article = if what == "array" { "an" } else { "a" };
    err!(DATATYPE_MISMATCH, "argument declared {parameter} is not {article} {what} but type {name}")
}

/// Lets arrays, ranges and multiranges say what the element is, and checks that they agree.
fn derive_element(session: &Session, family: &mut Family, prefix: &str) -> Result<()> {
    if let Some(multirange) = family.multirange {
        let range = multirange_range(session, multirange)?
            .ok_or_else(|| not_a(session, "multirange", &format!("{prefix}multirange"), multirange))?;
        match family.range {
            Some(known) if known != range => {
                return Err(inconsistent(
                    session,
                    &format!("{prefix}multirange"),
                    multirange,
                    &format!("{prefix}range"),
                    known,
                ));
            }
            _ => family.range = Some(range),
        }
    }
    let mut sources = Vec::new();
    if let Some(array) = family.array {
        // pg_statistic's columns are declared anyarray themselves.
        let element = if array == ANYARRAY { Some(ANYELEMENT) } else { session.element_type(array)? };
        sources.push((
            "array",
            array,
            element.ok_or_else(|| not_a(session, "array", &format!("{prefix}array"), array))?,
        ));
    }
    if let Some(range) = family.range {
        let (subtype, _) = range_facts(session, range)?
            .ok_or_else(|| not_a(session, "range", &format!("{prefix}range"), range))?;
        sources.push(("range", range, subtype));
    }
    for (what, container, element) in sources {
        match family.element {
            Some(known) if known != element => {
                return Err(inconsistent(
                    session,
                    &format!("{prefix}{what}"),
                    container,
                    &format!("{prefix}element"),
                    known,
                ));
            }
            _ => family.element = Some(element),
        }
    }
    Ok(())
}

fn inconsistent(session: &Session, first: &str, a: Oid, second: &str, b: Oid) -> base::Error {
    let name = |oid| session.format_type(oid, None).unwrap_or_default();
    err!(DATATYPE_MISMATCH, "argument declared {first} is not consistent with argument declared {second}")
        .detail(format!("{} versus {}", name(a), name(b)))
}

fn solve_compatible(
    session: &Session,
    family: &mut Family,
    mut candidates: Vec<Oid>,
    non_array: bool,
) -> Result<()> {
    if let Some(multirange) = family.multirange {
        let range = multirange_range(session, multirange)?
            .ok_or_else(|| not_a(session, "multirange", "anycompatiblemultirange", multirange))?;
        family.range.get_or_insert(range);
    }
    if let Some(range) = family.range {
        let (subtype, _) = range_facts(session, range)?
            .ok_or_else(|| not_a(session, "range", "anycompatiblerange", range))?;
        family.element = Some(subtype);
    } else if !candidates.is_empty() {
        family.element = common_type_of(session, &candidates)?;
        if family.element.is_none() {
            let (a, b) = (candidates[0], candidates[candidates.len() - 1]);
            return Err(err!(
                DATATYPE_MISMATCH,
                "arguments of anycompatible family cannot be cast to a common type"
            )
            .detail(format!(
                "{} versus {}",
                session.format_type(a, None)?,
                session.format_type(b, None)?
            )));
        }
    }
    let Some(element) = family.element else { return Ok(()) };
    if non_array && session.element_type(session.base_type(element)?.0)?.is_some() {
        return Err(err!(
            DATATYPE_MISMATCH,
            "type matched to anycompatiblenonarray is an array type: {}",
            session.format_type(element, None)?
        ));
    }
    candidates.retain(|c| *c != element);
    for candidate in candidates {
        if find_pathway(session, element, candidate, CoercionContext::Implicit)?.is_none() {
            return Err(err!(
                DATATYPE_MISMATCH,
                "arguments of anycompatible family cannot be cast to a common type"
            ));
        }
    }
    Ok(())
}

/// Whether the actual types fit the polymorphic parameters among `declared`.
pub(crate) fn consistent(session: &Session, actual: &[Oid], declared: &[Oid]) -> Result<bool> {
    match solve(session, actual, declared) {
        Ok(_) => Ok(true),
        Err(error) if error.state() == base::SqlState::DATATYPE_MISMATCH => Ok(false),
        Err(error) => Err(error),
    }
}

fn concrete(session: &Session, family: &Family, wanted: Oid) -> Result<Option<Oid>> {
    Ok(match wanted {
        ANYELEMENT | ANYNONARRAY | ANYENUM | ANYCOMPATIBLE | ANYCOMPATIBLE_NONARRAY => family.element,
        ANYARRAY | ANYCOMPATIBLE_ARRAY => match family.element {
            Some(ANYELEMENT) => Some(ANYARRAY),
            Some(element) => {
                if wanted == ANYARRAY && family.array.is_some() {
                    return Ok(family.array);
                }
                let array = session.array_type(element)?;
                Some(array.ok_or_else(|| {
                    let name = session.format_type(element, None).unwrap_or_default();
                    err!(UNDEFINED_OBJECT, "could not find array type for data type {name}")
                })?)
            }
            None => None,
        },
        ANYRANGE | ANYCOMPATIBLE_RANGE => family.range,
        _ => match (family.multirange, family.range) {
            (Some(multirange), _) => Some(multirange),
            (None, Some(range)) => range_facts(session, range)?.map(|facts| facts.1),
            _ => None,
        },
    })
}

/// Replaces the polymorphic types among `declared` by what they stand for, and returns the result type.
///
/// # Errors
/// `42804` if the actual types do not fit; `42P18`... as PostgreSQL raises them.
pub(crate) fn enforce(
    session: &Session,
    actual: &[Oid],
    declared: &mut [Oid],
    result: Oid,
    allow_polymorphic: bool,
) -> Result<Oid> {
    if !is_polymorphic(result) && !declared.iter().any(|d| is_polymorphic(*d)) {
        return Ok(result);
    }
    let mut solution = solve(session, actual, declared)?;
    if solution.exact.element.is_none() && declared.iter().any(|d| is_any_family(*d)) {
        if allow_polymorphic {
            solution.exact.element = Some(ANYELEMENT);
        } else {
            return Err(err!(
                DATATYPE_MISMATCH,
                "could not determine polymorphic type because input has type unknown"
            ));
        }
    }
    if solution.compatible.element.is_none() && declared.iter().any(|d| is_compatible_family(*d)) {
        // With only unknown inputs, anycompatible is text, as for UNION.
        let needs_range =
            declared.iter().any(|d| matches!(*d, ANYCOMPATIBLE_RANGE | ANYCOMPATIBLE_MULTIRANGE));
        if needs_range {
            return Err(err!(
                DATATYPE_MISMATCH,
                "could not determine polymorphic type {} because input has type unknown",
                "anycompatiblerange"
            ));
        }
        solution.compatible.element = Some(TEXT);
    }
    let pick = |wanted: Oid| -> Result<Oid> {
        let family = if is_any_family(wanted) { &solution.exact } else { &solution.compatible };
        match concrete(session, family, wanted)? {
            Some(oid) => Ok(oid),
            None => {
                let name = session.format_type(wanted, None)?;
                Err(err!(
                    DATATYPE_MISMATCH,
                    "could not determine polymorphic type {name} because input has type unknown"
                ))
            }
        }
    };
    for (slot, &given) in declared.iter_mut().zip(actual) {
        if is_any_family(*slot) && given != UNKNOWN {
            // What was given decides; a domain over an array is passed as its base.
            *slot = match *slot {
                ANYELEMENT | ANYNONARRAY | ANYENUM => given,
                _ => session.base_type(given)?.0,
            };
        } else if is_polymorphic(*slot) {
            *slot = pick(*slot)?;
        }
    }
    if is_polymorphic(result) { pick(result) } else { Ok(result) }
}
