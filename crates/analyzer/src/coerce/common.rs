//! The common type of UNION, CASE, COALESCE, VALUES, ARRAY and their kin: chapter 10.5 of the manual.

use super::pathway::*;
use crate::state::Analyzer;
use crate::types::*;
use base::{Oid, Result, err};
use catalog::Session;
use ir::{CoercionForm, Expr, expr_location, expr_type, expr_typmod};

/// The common type of known types, `None` when they are of several categories or not coercible.
pub(crate) fn common_type_of(session: &Session, types: &[Oid]) -> Result<Option<Oid>> {
    let mut chosen = types[0];
    if chosen != UNKNOWN && types.iter().all(|t| *t == chosen) {
        return Ok(Some(chosen));
    }
    if chosen != UNKNOWN {
        chosen = session.base_type(chosen)?.0;
    }
    for &next in &types[1..] {
        if next == UNKNOWN {
            continue;
        }
        let next = session.base_type(next)?.0;
        match better_common_type(session, chosen, next)? {
            Some(better) => chosen = better,
            None => return Ok(None),
        }
    }
    Ok(Some(if chosen == UNKNOWN { TEXT } else { chosen }))
}

/// The better of two candidates for the common type; `None` when their categories differ.
fn better_common_type(session: &Session, chosen: Oid, next: Oid) -> Result<Option<Oid>> {
    if chosen == UNKNOWN || chosen == next {
        return Ok(Some(next));
    }
    let (next_category, _) = category(session, next)?;
    let (chosen_category, chosen_preferred) = category(session, chosen)?;
    if next_category != chosen_category {
        return Ok(None);
    }
    let forward = can_coerce(session, &[chosen], &[next], CoercionContext::Implicit)?;
    let backward = can_coerce(session, &[next], &[chosen], CoercionContext::Implicit)?;
    Ok(Some(if !chosen_preferred && forward && !backward { next } else { chosen }))
}

impl Analyzer<'_> {
    /// # Errors
    /// `42804` `CASE types text and integer cannot be matched` for `context` CASE.
    pub(crate) fn common_type(&mut self, exprs: &[&Expr], context: &str) -> Result<Oid> {
        let mut chosen = expr_type(exprs[0]);
        if chosen != UNKNOWN && exprs.iter().all(|e| expr_type(e) == chosen) {
            return Ok(chosen);
        }
        chosen = self.session.base_type(chosen)?.0;
        for expr in &exprs[1..] {
            let next = expr_type(expr);
            if next == UNKNOWN {
                continue;
            }
            let next = self.session.base_type(next)?.0;
            match better_common_type(self.session, chosen, next)? {
                Some(better) => chosen = better,
                None => {
                    return Err(err!(
                        DATATYPE_MISMATCH,
                        "{context} types {} and {} cannot be matched",
                        self.type_name_of(chosen)?,
                        self.type_name_of(next)?
                    )
                    .or_at(expr_location(expr)));
                }
            }
        }
        Ok(if chosen == UNKNOWN { TEXT } else { chosen })
    }

    /// Whether all can be coerced implicitly to `target`.
    pub(crate) fn common_type_works(&self, target: Oid, exprs: &[&Expr]) -> Result<bool> {
        for expr in exprs {
            if !can_coerce(self.session, &[expr_type(expr)], &[target], CoercionContext::Implicit)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn coerce_to_common(&mut self, expr: Expr, target: Oid, context: &str) -> Result<Expr> {
        let source = expr_type(&expr);
        if source == target {
            return Ok(expr);
        }
        if !can_coerce(self.session, &[source], &[target], CoercionContext::Implicit)? {
            return Err(err!(
                CANNOT_COERCE,
                "{context} could not convert type {} to {}",
                self.type_name_of(source)?,
                self.type_name_of(target)?
            )
            .or_at(expr_location(&expr)));
        }
        self.coerce_type(
            expr,
            source,
            target,
            -1,
            CoercionContext::Implicit,
            CoercionForm::ImplicitCast,
            None,
        )
    }
}

/// The typmod that all have, where all are of `type_oid`; else -1.
pub(crate) fn common_typmod<'a>(exprs: impl IntoIterator<Item = &'a Expr>, type_oid: Oid) -> i32 {
    let mut common = None;
    for expr in exprs {
        let typmod = expr_typmod(expr);
        if expr_type(expr) != type_oid || common.is_some_and(|c| c != typmod) {
            return -1;
        }
        common = Some(typmod);
    }
    common.unwrap_or(-1)
}
