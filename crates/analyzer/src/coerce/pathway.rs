//! Which coercions exist: chapter 10.4 of the manual, and pg_cast.

use crate::state::Analyzer;
use crate::types::*;
use base::{Oid, Result};
use catalog::{PgInherits, Session, index};

/// In which way a coercion was asked for; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CoercionContext {
    Implicit,
    Assignment,
    Explicit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pathway {
    Relabel,
    Function(Oid),
    ThroughIo,
    Array,
}

/// The category letter of a type and whether it is preferred in it.
pub(crate) fn category(session: &Session, oid: Oid) -> Result<(u8, bool)> {
    let row = session.type_row(oid)?;
    Ok((row.typcategory as u8, row.typispreferred))
}

/// The relation of a composite type or of a domain over one.
pub(crate) fn composite_relation(session: &Session, oid: Oid) -> Result<Option<Oid>> {
    let (base, _) = session.base_type(oid)?;
    Ok(session.type_row(base)?.typrelid.some())
}

pub(crate) fn is_composite(session: &Session, oid: Oid) -> Result<bool> {
    Ok(composite_relation(session, oid)?.is_some())
}

/// record or a composite type.
pub(crate) fn is_row_type(session: &Session, oid: Oid) -> Result<bool> {
    Ok(oid == RECORD || is_composite(session, oid)?)
}

/// The way from one type to another, if `context` allows one.
pub(crate) fn find_pathway(
    session: &Session,
    target: Oid,
    source: Oid,
    context: CoercionContext,
) -> Result<Option<Pathway>> {
    let (source, _) = session.base_type(source)?;
    let (target, _) = session.base_type(target)?;
    if source == target {
        return Ok(Some(Pathway::Relabel));
    }
    if let Some(cast) = session.cast(source, target)? {
        let needed = match cast.castcontext as u8 {
            b'i' => CoercionContext::Implicit,
            b'a' => CoercionContext::Assignment,
            _ => CoercionContext::Explicit,
        };
        if context < needed {
            return Ok(None);
        }
        return Ok(Some(match cast.castmethod as u8 {
            b'f' => Pathway::Function(cast.castfunc),
            b'i' => Pathway::ThroughIo,
            _ => Pathway::Relabel,
        }));
    }
    if target != OIDVECTOR
        && target != INT2VECTOR
        && let (Some(to), Some(from)) = (session.element_type(target)?, session.element_type(source)?)
        && find_pathway(session, to, from, context)?.is_some()
    {
        return Ok(Some(Pathway::Array));
    }
    let to_string = context >= CoercionContext::Assignment && category(session, target)?.0 == b'S';
    let from_string = context >= CoercionContext::Explicit && category(session, source)?.0 == b'S';
    Ok((to_string || from_string).then_some(Pathway::ThroughIo))
}

/// How values of a type are fitted to a typmod: a function, or one for each array element.
pub(crate) fn find_typmod_function(session: &Session, type_oid: Oid) -> Result<Option<Pathway>> {
    let (element, array) = match session.element_type(type_oid)? {
        Some(element) => (element, true),
        None => (type_oid, false),
    };
    let function = session.cast(element, element)?.and_then(|cast| cast.castfunc.some());
    Ok(function.map(|oid| if array { Pathway::Array } else { Pathway::Function(oid) }))
}

/// Whether the row type `sub` is that of a child of `base`'s table.
pub(crate) fn inherits_from(session: &Session, sub: Oid, base: Oid) -> Result<bool> {
    let (Some(sub), Some(base)) =
        (composite_relation(session, sub)?, session.type_row(base)?.typrelid.some())
    else {
        return Ok(false);
    };
    let mut seen = vec![sub];
    let mut at = 0;
    while at < seen.len() {
        let parents = session.rows::<PgInherits>(index::PG_INHERITS_RELID_SEQNO, &[seen[at].into()])?;
        for parent in parents.iter().map(|row| row.inhparent) {
            if parent == base {
                return Ok(true);
            }
            if !seen.contains(&parent) {
                seen.push(parent);
            }
        }
        at += 1;
    }
    Ok(false)
}

/// Whether arguments of types `inputs` can be passed where `targets` are declared.
pub(crate) fn can_coerce(
    session: &Session,
    inputs: &[Oid],
    targets: &[Oid],
    context: CoercionContext,
) -> Result<bool> {
    let mut generic = false;
    for (&input, &target) in inputs.iter().zip(targets) {
        if input == target || target == ANY {
            continue;
        }
        if is_polymorphic(target) {
            generic = true;
            continue;
        }
        if input == UNKNOWN || find_pathway(session, target, input, context)?.is_some() {
            continue;
        }
        let allowed = (input == RECORD && is_composite(session, target)?)
            || (target == RECORD && is_composite(session, input)?)
            || (target == RECORD_ARRAY
                && session.element_type(input)?.map_or(Ok(false), |e| is_composite(session, e))?)
            || inherits_from(session, input, target)?;
        if !allowed {
            return Ok(false);
        }
    }
    Ok(!generic || super::polymorphic::consistent(session, inputs, targets)?)
}

impl Analyzer<'_> {
    pub(crate) fn type_name_of(&self, oid: Oid) -> Result<String> {
        self.session.format_type(oid, None)
    }
}
