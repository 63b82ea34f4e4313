//! What merge joins cost. A merge join stops when either side ends, and yields nothing until both have come to the
//! greater of their first values: how much of each side that leaves is estimated from the ranges of the joined columns.

use crate::cost::{clamp_rows, relation_bytes};
use crate::cost_join::{Cost, JoinInput};
use crate::selectivity::DEFAULT_INEQ;
use crate::statistics::VariableStats;
use crate::types::{Clause, ClauseRef, Path, PathKey, PathKind, Root};
use base::{Oid, Result};
use datum::OwnedDatum;
use ir::{Expr, JoinKind};
use std::cmp::Ordering;

/// The part of one side's rows before the first match, and that before the end of the join.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scanned {
    start: f64,
    end: f64,
}

const ALL: Scanned = Scanned { start: 0.0, end: 1.0 };

/// B-tree strategies in one direction of the order.
struct Operators {
    less: Oid,
    less_or_equal: Oid,
}

impl<'a> Root<'a> {
    /// Cost of a merge join of sorted inputs; whether the inner side is materialised and may do without going back.
    pub fn mergejoin_cost(
        &self,
        input: &JoinInput<'_>,
        outer: &Path,
        inner: &Path,
        merge: &[ClauseRef],
        inner_sorted_here: bool,
    ) -> Result<(Cost, bool, bool)> {
        let costs = self.costs();
        let (outer_all, inner_all) = (outer.rows.max(1.0), inner.rows.max(1.0));
        let (outer_part, inner_part) = self.merged_parts(input.kind, outer, merge)?;
        let (outer_skip, inner_skip) = (
            (outer_all * outer_part.start).round_ties_even(),
            (inner_all * inner_part.start).round_ties_even(),
        );
        let (outer_rows, inner_rows) =
            (clamp_rows(outer_all * outer_part.end), clamp_rows(inner_all * inner_part.end));
        // The parts as whole rows make them.
        let (outer_start, outer_end) = (outer_skip / outer_all, outer_rows / outer_all);
        let (inner_start, inner_end) = (inner_skip / inner_all, inner_rows / inner_all);
        let (outer_run, inner_run) = (outer.total - outer.startup, inner.total - inner.startup);
        let mut startup = outer.startup + outer_run * outer_start + inner.startup + inner_run * inner_start;
        let mut run = outer_run * (outer_end - outer_start);
        let inner_run = inner_run * (inner_end - inner_start);
        let merge_qual = self.clauses_cost(merge)?;
        let all_qual = self.clauses_cost(input.clauses)?;
        let skip_mark_restore = input.stops_at_match() && merge.len() == input.clauses.len();
        let tuples = self.approximate_rows(outer_all, inner_all, input, merge)?;
        let is_unique_outer = matches!(outer.kind, PathKind::UniqueInner { .. });
        let rescanned =
            if is_unique_outer || skip_mark_restore { 0.0 } else { (tuples - inner_all).max(0.0) };
        let ratio = 1.0 + rescanned / inner_rows;
        let bare = inner_run * ratio;
        let materialized = inner_run + costs.cpu_operator * inner_rows * ratio;
        let can_mark = matches!(
            inner.kind,
            PathKind::Sort { .. }
                | PathKind::Index { .. }
                | PathKind::Material { .. }
                | PathKind::Result { child: None, .. }
        );
        let cheaper = costs.enable_material && materialized < bare;
        let needed = !inner_sorted_here && !can_mark;
        let spills = inner_sorted_here && relation_bytes(inner_all, inner.target.width) > costs.work_memory;
        let materialize = !skip_mark_restore && (cheaper || needed || costs.enable_material && spills);
        run += if materialize { materialized } else { bare };
        startup += merge_qual.startup + merge_qual.per_tuple * (outer_skip + inner_skip * ratio);
        run += merge_qual.per_tuple * (outer_rows - outer_skip + (inner_rows - inner_skip) * ratio);
        startup += all_qual.startup - merge_qual.startup + input.target.cost.startup;
        run += (costs.cpu_tuple + all_qual.per_tuple - merge_qual.per_tuple) * tuples;
        run += input.target.cost.per_tuple * input.rows;
        let disabled = outer.disabled + inner.disabled + u32::from(!costs.enable_mergejoin);
        Ok((Cost { startup, total: startup + run, disabled }, materialize, skip_mark_restore))
    }

    /// What is read of the outer and of the inner side, by the first merge clause.
    fn merged_parts(&self, kind: JoinKind, outer: &Path, merge: &[ClauseRef]) -> Result<(Scanned, Scanned)> {
        let (Some(clause), Some(key)) = (merge.first(), outer.keys.first()) else { return Ok((ALL, ALL)) };
        if kind == JoinKind::Full {
            return Ok((ALL, ALL));
        }
        let (left, right) = self.scanned(clause, key)?;
        let (mut outer_part, mut inner_part) =
            if clause.left.is_subset(&outer.relids) { (left, right) } else { (right, left) };
        match kind {
            JoinKind::Left | JoinKind::Anti => outer_part = ALL,
            JoinKind::Right | JoinKind::RightAnti => inner_part = ALL,
            _ => {}
        }
        Ok((outer_part, inner_part))
    }

    fn scanned(&self, clause: &Clause, key: &PathKey) -> Result<(Scanned, Scanned)> {
        let wanted = PathKey { ec: 0, ..*key };
        if let Some((_, known)) = clause.merge_parts.borrow().iter().find(|(k, _)| *k == wanted) {
            return Ok(*known);
        }
        let parts = self.scanned_now(clause, key)?;
        clause.merge_parts.borrow_mut().push((wanted, parts));
        Ok(parts)
    }

    fn operators(&self, key: &PathKey, left: Oid, right: Oid) -> Result<Option<Operators>> {
        let (less, less_or_equal) = if key.descending { (5, 4) } else { (1, 2) };
        let find = |strategy| self.session().family_operator(key.family, left, right, strategy);
        Ok(match (find(less)?, find(less_or_equal)?) {
            (Some(less), Some(less_or_equal)) => Some(Operators { less, less_or_equal }),
            _ => None,
        })
    }

    fn scanned_now(&self, clause: &Clause, key: &PathKey) -> Result<(Scanned, Scanned)> {
        let Expr::Op(op) = &clause.expr else { return Ok((ALL, ALL)) };
        let row = self.session().operator(op.operator)?;
        let (left_type, right_type) = (row.oprleft, row.oprright);
        let (left, right) = (self.examine(&op.args[0])?, self.examine(&op.args[1])?);
        let (Some(forth), Some(back)) =
            (self.operators(key, left_type, right_type)?, self.operators(key, right_type, left_type)?)
        else {
            return Ok((ALL, ALL));
        };
        let collation = op.input_collation;
        let (Some(left_range), Some(right_range)) = (
            self.value_range(&left, key, left_type, collation)?,
            self.value_range(&right, key, right_type, collation)?,
        ) else {
            return Ok((ALL, ALL));
        };
        let part =
            |stats: &VariableStats, operator: Oid, bound: &OwnedDatum, of_type: Oid| -> Result<Option<f64>> {
                let constant = self.value_const(bound, of_type, collation)?;
                let part = self.inequality(stats, operator, collation, key.descending, &constant, bound)?;
                Ok((part != DEFAULT_INEQ).then_some(part))
            };
        let (mut l, mut r) = (ALL, ALL);
        l.end = part(&left, forth.less_or_equal, &right_range.1, right_type)?.unwrap_or(1.0);
        r.end = part(&right, back.less_or_equal, &left_range.1, left_type)?.unwrap_or(1.0);
        // Only one side can end early, and only one start late: the smaller end and the greater start are believed.
        match l.end.total_cmp(&r.end) {
            Ordering::Greater => l.end = 1.0,
            Ordering::Less => r.end = 1.0,
            Ordering::Equal => (l.end, r.end) = (1.0, 1.0),
        }
        l.start = part(&left, forth.less, &right_range.0, right_type)?.unwrap_or(0.0);
        r.start = part(&right, back.less, &left_range.0, left_type)?.unwrap_or(0.0);
        match l.start.total_cmp(&r.start) {
            Ordering::Less => l.start = 0.0,
            Ordering::Greater => r.start = 0.0,
            Ordering::Equal => (l.start, r.start) = (0.0, 0.0),
        }
        for (part, stats) in [(&mut l, &left), (&mut r, &right)] {
            if key.nulls_first && stats.row.is_some() {
                part.start = (part.start + stats.null_fraction()).clamp(0.0, 1.0);
                part.end = (part.end + stats.null_fraction()).clamp(0.0, 1.0);
            }
            if part.start >= part.end {
                *part = ALL;
            }
        }
        Ok((l, r))
    }

    fn value_const(&self, value: &OwnedDatum, type_oid: Oid, collation: Oid) -> Result<ir::Const> {
        let layout = self.session().type_layout(type_oid)?;
        let value = Some(value.clone());
        Ok(ir::Const { type_oid, typmod: -1, collation, layout, value, location: None })
    }

    /// The first and the last value of a column in an order, as far as its statistics tell.
    fn value_range(
        &self,
        stats: &VariableStats,
        key: &PathKey,
        type_oid: Oid,
        collation: Oid,
    ) -> Result<Option<(OwnedDatum, OwnedDatum)>> {
        if stats.row.is_none() {
            return Ok(None);
        }
        let Some(order) = self.session().family_order(key.family, type_oid, type_oid, collation)? else {
            return Ok(None);
        };
        let mut values = match stats.histogram(self)? {
            Some(slot) => slot.values,
            None => Vec::new(),
        };
        if let Some(common) = stats.most_common(self)? {
            // Common values alone tell the range only if there are no others.
            let whole = common.numbers.iter().map(|n| f64::from(*n)).sum::<f64>() + stats.null_fraction();
            if !values.is_empty() || whole > 0.99999 {
                values.extend(common.values);
            }
        }
        let compare = |a: &&OwnedDatum, b: &&OwnedDatum| order.compare(a.as_datum(), b.as_datum());
        let (least, most) = (values.iter().min_by(compare), values.iter().max_by(compare));
        Ok(least.cloned().zip(most.cloned()).map(|(a, b)| if key.descending { (b, a) } else { (a, b) }))
    }
}
