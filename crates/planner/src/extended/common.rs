//! Estimates from lists of common combinations of values.
//!
//! Items that match the conditions make up `matched` of the rows; were the columns independent, they would make up
//! `base`. The difference corrects the product of the single estimates, which stands for what the list does not hold.

use super::{ExtendedStatistics, Reads, choose, column_of, compares, relabelled, with_constant};
use crate::clause;
use crate::selectivity::{Context, clamp, constant_elements};
use crate::types::Root;
use adt::multivariate::Common;
use base::{Error, Oid, Result};
use datum::{OwnedDatum, TypeLayout};
use ir::{BoolOp, Const, Expr, RelSet};
use std::rc::Rc;

/// A list of common values, ready for comparing.
pub(super) struct CommonValues {
    types: Vec<(Oid, TypeLayout)>,
    items: Vec<Item>,
}

struct Item {
    values: Vec<Option<OwnedDatum>>,
    frequency: f64,
    base_frequency: f64,
}

/// Sums over the items that match.
#[derive(Clone, Copy, Default)]
struct Sums {
    matched: f64,
    base: f64,
}

impl Sums {
    fn of<'i>(items: impl Iterator<Item = &'i Item>) -> Sums {
        items.fold(Sums::default(), |sums, item| Sums {
            matched: sums.matched + item.frequency,
            base: sums.base + item.base_frequency,
        })
    }

    /// `simple`: the estimate without the list; `total`: the part of the rows that the list holds.
    fn combine(self, simple: f64, total: f64) -> f64 {
        let other = clamp(simple - self.base).min(1.0 - total);
        clamp(self.matched + other)
    }
}

impl<'a> Root<'a> {
    fn common_values(&self, statistics: &ExtendedStatistics) -> Result<Option<Rc<CommonValues>>> {
        if let Some(known) = statistics.common.get() {
            return Ok(known.clone());
        }
        let loaded = match &statistics.data.stxdmcv {
            Some(payload) => Some(Rc::new(self.read_common(&payload.0)?)),
            None => None,
        };
        Ok(statistics.common.get_or_init(|| loaded).clone())
    }

    fn read_common(&self, payload: &[u8]) -> Result<CommonValues> {
        let stored = Common::decode(payload)?;
        let mut types = Vec::new();
        let mut values: Vec<Vec<OwnedDatum>> = Vec::new();
        for column in &stored.columns {
            let layout = self.session().type_layout(column.type_oid)?;
            if layout.len != column.type_len {
                return Err(Error::corrupted("a list of common values does not fit its types"));
            }
            let datum = |bytes: &[u8]| match layout.len {
                ..0 => OwnedDatum::Bytes(bytes.into()),
                _ => datum::fixed_datum(bytes, layout.repr).to_owned(),
            };
            types.push((column.type_oid, layout));
            values.push(column.values.iter().map(|bytes| datum(bytes)).collect());
        }
        let items = stored.items.iter().map(|item| Item {
            values: item
                .values
                .iter()
                .zip(&values)
                .map(|(place, values)| place.map(|place| values[usize::from(place)].clone()))
                .collect(),
            frequency: item.frequency,
            base_frequency: item.base_frequency,
        });
        Ok(CommonValues { types, items: items.collect() })
    }

    /// What part of the rows pass the conditions that lists of common values are of use for, which are marked.
    pub(super) fn by_common_values(
        &self,
        rti: usize,
        exprs: &[&Expr],
        context: Context<'_>,
        is_or: bool,
        estimated: &mut [bool],
    ) -> Result<f64> {
        let mut total = if is_or { 0.0 } else { 1.0 };
        if self.extended_of(rti).all(|s| s.data.stxdmcv.is_none()) {
            return Ok(total);
        }
        let mut conditions = Vec::with_capacity(exprs.len());
        for (expr, done) in exprs.iter().zip(estimated.iter()) {
            let reads = if *done { None } else { self.compatible(rti, expr)? };
            conditions.push(reads.unwrap_or_default());
        }
        let alone = context.without_extended();
        loop {
            let objects = self.extended_of(rti).filter(|s| s.data.stxdmcv.is_some());
            let Some(object) = choose(objects, &conditions) else { return Ok(total) };
            let Some(values) = self.common_values(object)? else { return Ok(total) };
            // Each with whether it is about a single column or expression.
            let mut covered: Vec<(&Expr, bool)> = Vec::new();
            for (at, reads) in conditions.iter_mut().enumerate() {
                if reads.is_empty() || !object.covers(reads) {
                    continue;
                }
                covered.push((exprs[at], reads.columns.len() + reads.exprs.len() == 1));
                estimated[at] = true;
                *reads = Reads::default();
            }
            if is_or {
                let own = self.any_common(rti, object, &values, &covered, alone)?;
                total = total + own - total * own;
            } else {
                let list: Vec<&Expr> = covered.iter().map(|(expr, _)| *expr).collect();
                let simple = self.all_selectivity(&list, alone)?;
                let matches = self.matches(rti, object, &values, &list, false)?;
                let sums = Sums::of(marked(&values, &matches));
                total *= sums.combine(simple, values.total());
            }
        }
    }

    /// P(A or B) = P(A) + P(B) - P(A and B), with A what came before, for one condition after another.
    fn any_common(
        &self,
        rti: usize,
        object: &ExtendedStatistics,
        values: &CommonValues,
        covered: &[(&Expr, bool)],
        alone: Context<'_>,
    ) -> Result<f64> {
        let total = values.total();
        let (mut result, mut simple_before) = (0.0, 0.0);
        let mut before = vec![false; values.items.len()];
        for (expr, single) in covered {
            let simple = self.expr_selectivity(expr, alone)?;
            let simple_overlap = simple_before * simple;
            simple_before = clamp(simple_before + simple - simple_overlap);
            let matches = self.matches(rti, object, values, &[expr], false)?;
            let both: Vec<bool> = matches.iter().zip(&before).map(|(new, old)| *new && *old).collect();
            before.iter_mut().zip(&matches).for_each(|(old, new)| *old |= *new);
            // The statistics of a single column know better.
            let own = match single {
                true => simple,
                false => Sums::of(marked(values, &matches)).combine(simple, total),
            };
            let overlap = Sums::of(marked(values, &both)).combine(simple_overlap, total);
            result = clamp(result + own - overlap);
        }
        Ok(result)
    }

    /// What a condition is about, if it is of a form that lists of common values are of use for.
    fn compatible(&self, rti: usize, expr: &Expr) -> Result<Option<Reads>> {
        let reads = clause::relids(expr);
        if reads != RelSet::single(rti) {
            return Ok(None);
        }
        let mut found = Reads::default();
        let mut leakproof = true;
        if !self.collect(rti, expr, &mut found, &mut leakproof)? {
            return Ok(None);
        }
        if !leakproof && !self.may_see_all(rti, &found)? {
            return Ok(None);
        }
        Ok(Some(found))
    }

    /// Notes columns and expressions of a condition; false if it is of another form.
    fn collect(&self, rti: usize, expr: &Expr, found: &mut Reads, leakproof: &mut bool) -> Result<bool> {
        let expr = relabelled(expr);
        let note = |expr: &Expr, found: &mut Reads| match (expr, column_of(expr, rti)) {
            (_, Some(column)) => {
                found.add_column(column);
                true
            }
            (Expr::Var(_), None) => false,
            (expr, None) => {
                found.exprs.push(expr.clone());
                true
            }
        };
        Ok(match expr {
            Expr::Op(op) => {
                let Some((inner, _, _)) = with_constant(&op.args) else { return Ok(false) };
                self.note_operator(op.operator, leakproof)? && note(inner, found)
            }
            Expr::ScalarArrayOp(op) => {
                let Some((inner, _, true)) = with_constant(&op.args[..]) else { return Ok(false) };
                self.note_operator(op.operator, leakproof)? && note(inner, found)
            }
            Expr::Bool { args, .. } => {
                for arg in args {
                    if !self.collect(rti, arg, found, leakproof)? {
                        return Ok(false);
                    }
                }
                true
            }
            Expr::NullTest { arg, .. } => note(arg, found),
            other => note(other, found),
        })
    }

    /// Whether an operator compares; notes whether its function might tell of its arguments.
    fn note_operator(&self, operator: Oid, leakproof: &mut bool) -> Result<bool> {
        let row = self.session().operator(operator)?;
        if !compares(&self.estimator(row.oprrest)?) {
            return Ok(false);
        }
        *leakproof = *leakproof && self.session().function(row.oprcode)?.proleakproof;
        Ok(true)
    }

    /// Which items pass all conditions or, with `is_or`, any of them.
    fn matches(
        &self,
        rti: usize,
        object: &ExtendedStatistics,
        values: &CommonValues,
        exprs: &[&Expr],
        is_or: bool,
    ) -> Result<Vec<bool>> {
        let mut matches = vec![!is_or; values.items.len()];
        for expr in exprs {
            let own = self.matches_one(rti, object, values, expr, &matches, is_or)?;
            for (known, new) in matches.iter_mut().zip(own) {
                *known = if is_or { *known || new } else { *known && new };
            }
        }
        Ok(matches)
    }

    /// Which items pass one condition. Items for which `known` is decided already may come out either way.
    fn matches_one(
        &self,
        rti: usize,
        object: &ExtendedStatistics,
        values: &CommonValues,
        expr: &Expr,
        known: &[bool],
        is_or: bool,
    ) -> Result<Vec<bool>> {
        let place = |expr: &Expr| -> Result<usize> {
            let found = match column_of(expr, rti) {
                Some(column) => object.columns.iter().position(|c| *c == column),
                None => object.exprs.iter().position(|e| e == expr).map(|at| object.columns.len() + at),
            };
            found.ok_or_else(|| Error::internal("expression not found in statistics object"))
        };
        let holds = |at: usize, test: &dyn Fn(&Option<OwnedDatum>) -> bool| -> Vec<bool> {
            values.items.iter().map(|item| test(&item.values[at])).collect()
        };
        match expr {
            Expr::Op(op) => {
                let Some((inner, constant, on_left)) = with_constant(&op.args) else {
                    return Err(Error::internal("incompatible clause"));
                };
                let (at, collation) = (place(inner)?, ir::expr_collation(inner));
                let test = self.operator_test(
                    op.operator,
                    collation,
                    values.types[at],
                    (constant.type_oid, constant.layout),
                    on_left,
                )?;
                let Some(constant) = &constant.value else { return Ok(vec![false; known.len()]) };
                let mut matches = Vec::with_capacity(known.len());
                for (item, known) in values.items.iter().zip(known) {
                    matches.push(match &item.values[at] {
                        Some(value) if *known != is_or => test.holds(self, value, constant)?,
                        _ => false,
                    });
                }
                Ok(matches)
            }
            Expr::ScalarArrayOp(op) => {
                let Some((inner, array, true)) = with_constant(&op.args[..]) else {
                    return Err(Error::internal("incompatible clause"));
                };
                let (at, collation) = (place(inner)?, ir::expr_collation(inner));
                let elements = constant_elements(self.session(), &Expr::Const(array.clone()))?;
                self.matches_array(op, values, at, collation, &elements, known, is_or)
            }
            Expr::NullTest { arg, is_null, .. } => {
                Ok(holds(place(arg)?, &|value| value.is_none() == *is_null))
            }
            Expr::Bool { op: BoolOp::Not, args, .. } => {
                let args: Vec<&Expr> = args.iter().collect();
                let matches = self.matches(rti, object, values, &args, false)?;
                Ok(matches.into_iter().map(|m| !m).collect())
            }
            Expr::Bool { op, args, .. } => {
                let args: Vec<&Expr> = args.iter().collect();
                self.matches(rti, object, values, &args, *op == BoolOp::Or)
            }
            other => Ok(holds(place(relabelled(other))?, &|value| *value == Some(OwnedDatum::Bool(true)))),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn matches_array(
        &self,
        op: &ir::ScalarArrayOp,
        values: &CommonValues,
        at: usize,
        collation: Oid,
        elements: &Option<Vec<Expr>>,
        known: &[bool],
        is_or: bool,
    ) -> Result<Vec<bool>> {
        let Some(elements) = elements else { return Ok(vec![false; known.len()]) };
        let mut matches = Vec::with_capacity(known.len());
        let elements: Vec<&Const> = elements
            .iter()
            .filter_map(|element| match element {
                Expr::Const(constant) => Some(constant),
                _ => None,
            })
            .collect();
        let test = match elements.first() {
            Some(first) => Some(self.operator_test(
                op.operator,
                collation,
                values.types[at],
                (first.type_oid, first.layout),
                true,
            )?),
            None => None,
        };
        for (item, known) in values.items.iter().zip(known) {
            let (Some(value), true) = (&item.values[at], *known != is_or) else {
                matches.push(false);
                continue;
            };
            let mut holds = !op.use_or;
            for element in &elements {
                let own = match (&element.value, &test) {
                    (Some(element), Some(test)) if holds != op.use_or => test.holds(self, value, element)?,
                    (None, _) => false,
                    _ => break,
                };
                holds = if op.use_or { holds || own } else { holds && own };
            }
            matches.push(holds);
        }
        Ok(matches)
    }
}

fn marked<'v>(values: &'v CommonValues, matches: &[bool]) -> impl Iterator<Item = &'v Item> {
    values.items.iter().zip(matches).filter(|(_, matches)| **matches).map(|(item, _)| item)
}

impl CommonValues {
    fn total(&self) -> f64 {
        self.items.iter().map(|item| item.frequency).sum()
    }
}
