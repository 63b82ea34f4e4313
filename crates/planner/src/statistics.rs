//! What pg_statistic knows of a column.

use crate::clause::{strip_relabel, var_rti};
use crate::types::Root;
use adt::array::{ArrayView, ElementLayout};
use base::{Error, Oid, Result};
use catalog::{Payload, PgStatistic, index};
use datum::{Datum, OwnedDatum, TypeLayout};
use ir::{Expr, RangeTableKind, VarSource};
use std::sync::Arc;

const KIND_MCV: i16 = 1;
const KIND_HISTOGRAM: i16 = 2;
const KIND_CORRELATION: i16 = 3;

/// One slot of a statistics row.
pub(crate) struct Slot {
    pub values: Vec<OwnedDatum>,
    pub numbers: Vec<f32>,
    pub operator: Oid,
}

/// What is known of an expression: the relation it is of and, for a plain column, its statistics.
#[derive(Clone, Default)]
pub(crate) struct VariableStats {
    pub rti: Option<usize>,
    pub attribute: i16,
    pub type_oid: Oid,
    pub row: Option<Arc<PgStatistic>>,
    /// A unique index says that no value occurs twice.
    pub is_unique: bool,
    /// Rows of its relation before and after restriction.
    pub rel_tuples: f64,
    pub rel_rows: f64,
    /// Output of a DISTINCT or GROUP BY on just this column.
    pub is_boolean: bool,
}

impl VariableStats {
    pub fn null_fraction(&self) -> f64 {
        self.row.as_ref().map_or(0.0, |r| f64::from(r.stanullfrac))
    }

    fn slot(&self, kind: i16, layout: TypeLayout, wanted_values: bool) -> Result<Option<Slot>> {
        let Some(row) = &self.row else { return Ok(None) };
        let slots = [
            (row.stakind1, row.staop1, &row.stanumbers1, &row.stavalues1),
            (row.stakind2, row.staop2, &row.stanumbers2, &row.stavalues2),
            (row.stakind3, row.staop3, &row.stanumbers3, &row.stavalues3),
            (row.stakind4, row.staop4, &row.stanumbers4, &row.stavalues4),
            (row.stakind5, row.staop5, &row.stanumbers5, &row.stavalues5),
        ];
        let Some((_, operator, numbers, values)) = slots.into_iter().find(|s| s.0 == kind) else {
            return Ok(None);
        };
        let values = match values {
            Some(payload) if wanted_values => array_elements(payload, layout)?,
            _ => Vec::new(),
        };
        Ok(Some(Slot { values, numbers: numbers.clone().unwrap_or_default(), operator }))
    }

    /// Most common values with their frequencies.
    pub fn most_common(&self, root: &Root<'_>) -> Result<Option<Slot>> {
        self.slot(KIND_MCV, root.session().type_layout(self.type_oid)?, true)
    }

    pub fn histogram(&self, root: &Root<'_>) -> Result<Option<Slot>> {
        self.slot(KIND_HISTOGRAM, root.session().type_layout(self.type_oid)?, true)
    }

    /// How far the physical order follows the order of `operator` (a `<`), -1 to 1.
    pub fn correlation(&self, root: &Root<'_>, operator: Option<Oid>) -> Result<Option<f64>> {
        let slot = self.slot(KIND_CORRELATION, root.session().type_layout(self.type_oid)?, false)?;
        Ok(slot
            .filter(|s| operator == Some(s.operator))
            .and_then(|s| s.numbers.first().map(|n| f64::from(*n))))
    }
}

/// The elements of a one-dimensional array without NULLs.
pub(crate) fn array_elements(payload: &Payload, layout: TypeLayout) -> Result<Vec<OwnedDatum>> {
    let without_nulls: Option<Vec<OwnedDatum>> = array_values(payload, layout)?.into_iter().collect();
    without_nulls.ok_or_else(|| Error::corrupted("array has nulls"))
}

/// The elements of an array, in storage order.
pub(crate) fn array_values(payload: &Payload, layout: TypeLayout) -> Result<Vec<Option<OwnedDatum>>> {
    let stored = ElementLayout { len: layout.len, by_value: layout.by_value, align: layout.align };
    let value = |bytes: &[u8]| match layout.len {
        ..0 => OwnedDatum::Bytes(bytes.into()),
        _ => datum::fixed_datum(bytes, layout.repr).to_owned(),
    };
    let elements = ArrayView::new(&payload.0)?.elements(stored)?;
    Ok(elements.into_iter().map(|element| element.map(value)).collect())
}

impl<'a> Root<'a> {
    /// Statistics of an expression, as far as there are any.
    pub fn examine(&self, expr: &Expr) -> Result<VariableStats> {
        let inner = strip_relabel(expr);
        let mut stats = VariableStats { type_oid: ir::expr_type(inner), ..VariableStats::default() };
        stats.is_boolean = stats.type_oid == crate::clause::BOOL;
        let relids = crate::clause::relids(inner);
        if relids.len() == 1 {
            let rti = relids.iter().next().unwrap_or(0);
            if self.has_base(rti) {
                stats.rti = Some(rti);
                (stats.rel_tuples, stats.rel_rows) = (self.base(rti).tuples, self.base(rti).rows);
            }
        }
        if let Expr::Var(v) = inner
            && var_rti(v).is_some()
        {
            stats.attribute = v.attribute;
            self.examine_column(v, &mut stats)?;
        } else if let Some(rti) = stats.rti {
            self.examine_index_expression(rti, inner, &mut stats)?;
            if stats.row.is_none() {
                stats.row = self.expression_statistics(rti, inner)?;
            }
        }
        Ok(stats)
    }

    /// `inherit`: of the relation with all that inherit from it.
    fn statistic(&self, relation: Oid, attribute: i16, inherit: bool) -> Result<Option<Arc<PgStatistic>>> {
        let keys = [relation.into(), Datum::Int2(attribute), Datum::Bool(inherit)];
        self.session().row::<PgStatistic>(index::PG_STATISTIC_RELID_ATT_INH, &keys)
    }

    fn examine_column(&self, v: &ir::Var, stats: &mut VariableStats) -> Result<()> {
        let VarSource::Relation(rti) = v.source else { return Ok(()) };
        if !self.has_base(rti) {
            return Ok(());
        }
        match &self.rte(rti).kind {
            RangeTableKind::Relation { oid, .. } => {
                stats.row = self.statistic(*oid, v.attribute, self.stands_for_family(rti))?;
                stats.is_unique = self.base(rti).indexes.iter().any(|i| {
                    i.unique
                        && i.key_columns == 1
                        && i.keys[0] == v.attribute
                        && (i.predicate.is_empty() || i.predicate_ok)
                });
            }
            RangeTableKind::Subquery { .. } => {
                let Some(subroot) = &self.base(rti).subroot else { return Ok(()) };
                let query = &subroot.query;
                if query.set_operations.is_some() || !query.grouping_sets.is_empty() {
                    return Ok(());
                }
                let Some(target) = subroot.targets.iter().find(|t| t.number == v.attribute && !t.junk) else {
                    return Ok(());
                };
                let grouped = |clauses: &[ir::SortGroupClause]| {
                    clauses.len() == 1
                        && clauses[0].target == target.sort_group_ref
                        && target.sort_group_ref > 0
                };
                if grouped(&query.distinct_clause)
                    || (query.distinct_clause.is_empty() && grouped(&query.group_clause))
                {
                    stats.is_unique = true;
                }
                if !query.distinct_clause.is_empty() || !query.group_clause.is_empty() {
                    return Ok(());
                }
                if let Expr::Var(inner) = &target.expr
                    && var_rti(inner).is_some()
                {
                    let below = subroot.examine(&target.expr)?;
                    stats.row = below.row;
                    stats.is_unique |= below.is_unique && query.join_tree.items.len() == 1;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn examine_index_expression(&self, rti: usize, expr: &Expr, stats: &mut VariableStats) -> Result<()> {
        for info in &self.base(rti).indexes {
            for (column, indexed) in info.columns.iter().enumerate().take(info.key_columns) {
                if info.keys[column] == 0 && strip_relabel(indexed) == expr {
                    stats.row = self.statistic(info.entry.oid, column as i16 + 1, false)?;
                    stats.is_unique |= info.unique && info.key_columns == 1 && info.predicate.is_empty();
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The average width of a column from statistics.
    pub fn statistic_width(&self, relation: Oid, attribute: i16) -> Result<Option<i32>> {
        Ok(self.statistic(relation, attribute, false)?.map(|r| r.stawidth).filter(|w| *w > 0))
    }

    /// The number of distinct values of an expression, and whether that is a mere default.
    pub fn distinct_values(&self, stats: &VariableStats) -> (f64, bool) {
        let mut distinct = 0.0;
        let mut null_fraction = 0.0;
        let mut default = false;
        if let Some(row) = &stats.row {
            distinct = f64::from(row.stadistinct);
            null_fraction = f64::from(row.stanullfrac);
        } else if stats.is_boolean {
            distinct = 2.0;
        } else if let Some(rti) = stats.rti.filter(|_| stats.attribute != 0)
            && matches!(self.rte(rti).kind, RangeTableKind::Values { .. })
        {
            distinct = -1.0;
        } else {
            // ctid is unique, tableoid has one value; of the rest nothing is known.
            match stats.attribute {
                -1 if stats.rti.is_some() => distinct = -1.0,
                -6 if stats.rti.is_some() => distinct = 1.0,
                _ => {}
            }
        }
        if stats.is_unique {
            distinct = -(1.0 - null_fraction);
        }
        if distinct > 0.0 {
            return (clamp(distinct), default);
        }
        if stats.rti.is_none() || stats.rel_tuples <= 0.0 {
            default = true;
            return (200.0, default);
        }
        if distinct < 0.0 {
            return (clamp(-distinct * stats.rel_tuples), default);
        }
        if stats.rel_tuples < 200.0 {
            return (clamp(stats.rel_tuples), default);
        }
        (200.0, true)
    }
}

fn clamp(rows: f64) -> f64 {
    crate::cost::clamp_rows(rows)
}
