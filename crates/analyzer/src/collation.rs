//! Collation derivation: chapter 23.2 of the manual. Every expression ends with a collation and every function and
//! operator with the one that its inputs agree on.

use crate::state::Analyzer;
use crate::types::*;
use base::{Error, Oid, Result, err};
use catalog::{PgCollation, index};
use ir::{Expr, Query, expr_location, expr_type, for_each_child_mut, query_exprs_mut};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    None,
    Implicit,
    Conflict,
    Explicit,
}

/// What is known of an expression's collation.
#[derive(Clone, Copy)]
struct State {
    collation: Oid,
    strength: Strength,
    location: Option<usize>,
    /// The other collation of a conflict.
    other: Oid,
    other_location: Option<usize>,
}

const NOTHING: State = State {
    collation: Oid::INVALID,
    strength: Strength::None,
    location: None,
    other: Oid::INVALID,
    other_location: None,
};

impl Analyzer<'_> {
    pub(crate) fn assign_collations(&self, expr: &mut Expr) -> Result<()> {
        self.collate_expr(expr).map(|_| ())
    }

    /// For all expressions of a query; subqueries were done when they were analysed.
    pub(crate) fn assign_query_collations(&self, query: &mut Query) -> Result<()> {
        query_exprs_mut(query, &mut |expr| self.assign_collations(expr))
    }

    /// The collation that a set of expressions shares, as for UNION; `None` if they conflict and that is allowed.
    pub(crate) fn common_collation(&self, exprs: &mut [Expr], none_ok: bool) -> Result<Oid> {
        let mut state = NOTHING;
        for expr in exprs {
            let next = self.collate_expr(expr)?;
            self.merge(&mut state, next)?;
        }
        if state.strength == Strength::Conflict {
            if none_ok {
                return Ok(Oid::INVALID);
            }
            return Err(self.implicit_conflict(&state)?);
        }
        Ok(state.collation)
    }

    fn collation_name(&self, oid: Oid) -> Result<String> {
        let row = self.session.row::<PgCollation>(index::PG_COLLATION_OID, &[oid.into()])?;
        Ok(row.map(|r| r.collname.clone()).unwrap_or_default())
    }

    fn implicit_conflict(&self, state: &State) -> Result<Error> {
        Ok(err!(
            COLLATION_MISMATCH,
            "collation mismatch between implicit collations \"{}\" and \"{}\"",
            self.collation_name(state.collation)?,
            self.collation_name(state.other)?
        )
        .hint("You can choose the collation by applying the COLLATE clause to one or both expressions.")
        .or_at(state.other_location))
    }

    fn merge(&self, state: &mut State, next: State) -> Result<()> {
        if next.strength > state.strength {
            *state = next;
            return Ok(());
        }
        if next.strength < state.strength || next.collation == state.collation {
            return Ok(());
        }
        match next.strength {
            Strength::None | Strength::Conflict => {}
            Strength::Implicit => {
                // A non-default collation beats the default one.
                if state.collation == DEFAULT_COLLATION {
                    *state = next;
                } else if next.collation != DEFAULT_COLLATION {
                    state.strength = Strength::Conflict;
                    state.other = next.collation;
                    state.other_location = next.location;
                }
            }
            Strength::Explicit => {
                return Err(err!(
                    COLLATION_MISMATCH,
                    "collation mismatch between explicit collations \"{}\" and \"{}\"",
                    self.collation_name(state.collation)?,
                    self.collation_name(next.collation)?
                )
                .or_at(next.location));
            }
        }
        Ok(())
    }

    fn collate_children(&self, expr: &mut Expr) -> Result<State> {
        let mut state = NOTHING;
        for_each_child_mut(expr, &mut |child| {
            let next = self.collate_expr(child)?;
            self.merge(&mut state, next)
        })?;
        Ok(state)
    }

    /// The expression's own state from its children's.
    fn derived(&self, inner: State, type_oid: Oid, location: Option<usize>) -> Result<State> {
        let own = self.session.type_collation(type_oid)?;
        if !own.is_valid() {
            return Ok(NOTHING);
        }
        if inner.strength == Strength::None {
            // Collatable output of non-collatable input: the type's collation.
            return Ok(State { collation: own, strength: Strength::Implicit, location, ..NOTHING });
        }
        Ok(inner)
    }

    fn collate_expr(&self, expr: &mut Expr) -> Result<State> {
        let location = expr_location_shallow(expr);
        match expr {
            Expr::Var(_)
            | Expr::Const(_)
            | Expr::Param(_)
            | Expr::CaseTest { .. }
            | Expr::SqlValue { .. }
            | Expr::CoerceToDomainValue { .. }
            | Expr::SetToDefault { .. }
            | Expr::MergeAction { .. }
            | Expr::CurrentOf { .. }
            | Expr::NextValue { .. } => {
                let collation = ir::expr_collation(expr);
                let strength = if collation.is_valid() { Strength::Implicit } else { Strength::None };
                return Ok(State { collation, strength, location, ..NOTHING });
            }
            Expr::Collate { arg, collation, .. } => {
                self.collate_expr(arg)?;
                return Ok(State {
                    collation: *collation,
                    strength: Strength::Explicit,
                    location,
                    ..NOTHING
                });
            }
            Expr::FieldSelect { arg, result_type, collation, .. } => {
                self.collate_expr(arg)?;
                let strength =
                    if collation.is_valid() && self.session.type_collation(*result_type)?.is_valid() {
                        Strength::Implicit
                    } else {
                        Strength::None
                    };
                return Ok(State { collation: *collation, strength, location, ..NOTHING });
            }
            Expr::Row { args, .. } => {
                for arg in args {
                    self.collate_expr(arg)?;
                }
                return Ok(NOTHING);
            }
            Expr::RowCompare { .. } => return self.collate_row_compare(expr),
            Expr::SubLink(link) => {
                if let Some(test) = &mut link.test {
                    self.collate_expr(test)?;
                }
                let strength = if link.collation.is_valid() { Strength::Implicit } else { Strength::None };
                return Ok(State { collation: link.collation, strength, location, ..NOTHING });
            }
            Expr::Aggref(_) => return self.collate_aggregate(expr),
            Expr::Case { .. } => return self.collate_case(expr),
            Expr::Subscript(subscript) => {
                for index in subscript.upper.iter_mut().chain(&mut subscript.lower).flatten() {
                    self.collate_expr(index)?;
                }
                let mut inner = self.collate_expr(&mut subscript.container)?;
                if let Some(assign) = &mut subscript.assign {
                    let next = self.collate_expr(assign)?;
                    self.merge(&mut inner, next)?;
                }
                let state = self.derived(inner, subscript.result_type, location)?;
                subscript.collation = settled(&state);
                return Ok(state);
            }
            Expr::CoerceToDomain { arg, result_type, collation, .. } => {
                let inner = self.collate_expr(arg)?;
                let own = self.session.type_collation(*result_type)?;
                let state = self.domain_state(inner, own, location);
                *collation = settled(&state);
                return Ok(state);
            }
            Expr::ArrayCoerce { arg, result_type, collation, element, .. } => {
                let inner = self.collate_expr(arg)?;
                self.collate_expr(element)?;
                let state = self.derived(inner, *result_type, location)?;
                *collation = settled(&state);
                return Ok(state);
            }
            _ => {}
        }
        let inner = self.collate_children(expr)?;
        let input = settled(&inner);
        let state = self.derived(inner, expr_type(expr), location)?;
        set_collations(expr, settled(&state), input);
        Ok(state)
    }

    /// A domain's own collation, unless its input says another explicitly or is not that of the base type.
    fn domain_state(&self, inner: State, own: Oid, location: Option<usize>) -> State {
        if !own.is_valid() {
            return NOTHING;
        }
        if own != DEFAULT_COLLATION || inner.strength == Strength::None {
            return State { collation: own, strength: Strength::Implicit, location, ..NOTHING };
        }
        inner
    }

    fn collate_row_compare(&self, expr: &mut Expr) -> Result<State> {
        let Expr::RowCompare { left, right, input_collations, .. } = expr else { return Ok(NOTHING) };
        let mut collations = Vec::with_capacity(left.len());
        for (l, r) in left.iter_mut().zip(right.iter_mut()) {
            let mut state = self.collate_expr(l)?;
            let next = self.collate_expr(r)?;
            self.merge(&mut state, next)?;
            if state.strength == Strength::Conflict {
                return Err(self.implicit_conflict(&state)?);
            }
            collations.push(state.collation);
        }
        *input_collations = collations;
        Ok(NOTHING)
    }

    fn collate_case(&self, expr: &mut Expr) -> Result<State> {
        let location = expr_location_shallow(expr);
        let Expr::Case { result_type, collation, arg, whens, default, .. } = expr else { return Ok(NOTHING) };
        // Only the results count; the test argument was done before its placeholders were made.
        if let Some(arg) = arg {
            self.collate_expr(arg)?;
        }
        let mut inner = NOTHING;
        for when in whens {
            self.collate_expr(&mut when.condition)?;
            let next = self.collate_expr(&mut when.result)?;
            self.merge(&mut inner, next)?;
        }
        if let Some(default) = default {
            let next = self.collate_expr(default)?;
            self.merge(&mut inner, next)?;
        }
        let state = self.derived(inner, *result_type, location)?;
        *collation = settled(&state);
        Ok(state)
    }

    fn collate_aggregate(&self, expr: &mut Expr) -> Result<State> {
        let location = expr_location_shallow(expr);
        let Expr::Aggref(aggregate) = expr else { return Ok(NOTHING) };
        let mut inner = NOTHING;
        for arg in &mut aggregate.direct_args {
            let next = self.collate_expr(arg)?;
            self.merge(&mut inner, next)?;
        }
        // Of an ordered-set aggregate's ordered columns, only a lone one takes part.
        let merge_args = aggregate.kind == b'n' || aggregate.args.len() == 1;
        for target in &mut aggregate.args {
            let next = self.collate_expr(&mut target.expr)?;
            if merge_args && !target.junk {
                self.merge(&mut inner, next)?;
            }
        }
        if let Some(filter) = &mut aggregate.filter {
            self.collate_expr(filter)?;
        }
        aggregate.input_collation = settled(&inner);
        let state = self.derived(inner, aggregate.result_type, location)?;
        aggregate.collation = settled(&state);
        Ok(state)
    }
}

/// The collation to store: none where inputs conflict; the executor complains if it needs one.
fn settled(state: &State) -> Oid {
    if state.strength == Strength::Conflict { Oid::INVALID } else { state.collation }
}

fn expr_location_shallow(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Var(v) => v.location,
        Expr::Const(c) => c.location,
        Expr::Collate { location, .. } => *location,
        other => expr_location(other),
    }
}

fn set_collations(expr: &mut Expr, own: Oid, input: Oid) {
    match expr {
        Expr::Func(f) => (f.collation, f.input_collation) = (own, input),
        Expr::Op(op) | Expr::Distinct(op) | Expr::NullIf(op) => {
            (op.collation, op.input_collation) = (own, input);
        }
        Expr::ScalarArrayOp(op) => op.input_collation = input,
        Expr::WindowFunc(w) => (w.collation, w.input_collation) = (own, input),
        Expr::MinMax { collation, input_collation, .. } => (*collation, *input_collation) = (own, input),
        Expr::Relabel { collation, .. }
        | Expr::CoerceViaIo { collation, .. }
        | Expr::Array { collation, .. }
        | Expr::Coalesce { collation, .. } => *collation = own,
        _ => {}
    }
}
