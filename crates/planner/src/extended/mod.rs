//! Statistics of several columns together and of expressions (CREATE STATISTICS): conditions on one table that they say
//! more of than the product of what is known of each column.
//!
//! Lists of common values ([`common`]) are tried first, because they tell of the very values asked for; what is left
//! is tried with functional dependencies ([`dependency`]); the rest is independent. Numbers of groups come from
//! [`distinct`].

mod common;
mod dependency;
mod distinct;
mod visible;

use crate::clause::relids;
use crate::selectivity::Context;
use crate::types::{Rel, Root};
use adt::multivariate::{Dependencies, Distinct};
use base::{Error, Result};
use catalog::{CatalogRow, PgStatistic, PgStatisticExt, PgStatisticExtData, RelationEntry, index};
use common::CommonValues;
use datum::{ColumnBuilder, Datum, MissingValues, OwnedDatum, TupleView, Varlena, deform_into};
use ir::{Expr, RangeTableKind, VarSource};
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

/// The most columns that one object is about, and one more.
const TOO_MANY: usize = adt::multivariate::MAX_COLUMNS + 1;

/// What a statistics object of a relation holds.
pub(crate) struct ExtendedStatistics {
    /// Of the relation with all that inherit from it.
    inherit: bool,
    /// Attribute numbers, ascending.
    columns: Vec<i16>,
    exprs: Vec<Expr>,
    data: Arc<PgStatisticExtData>,
    common: OnceCell<Option<Rc<CommonValues>>>,
}

impl ExtendedStatistics {
    fn distinct(&self) -> Result<Option<Distinct>> {
        self.data.stxdndistinct.as_ref().map(|payload| Distinct::decode(&payload.0)).transpose()
    }

    fn dependencies(&self) -> Result<Option<Dependencies>> {
        self.data.stxddependencies.as_ref().map(|payload| Dependencies::decode(&payload.0)).transpose()
    }

    fn covers(&self, reads: &Reads) -> bool {
        reads.columns.iter().all(|c| self.columns.contains(c))
            && reads.exprs.iter().all(|e| self.exprs.contains(e))
    }

    fn width(&self) -> usize {
        self.columns.len() + self.exprs.len()
    }
}

/// The columns and expressions that a condition is about.
#[derive(Clone, Default)]
struct Reads {
    columns: Vec<i16>,
    exprs: Vec<Expr>,
}

impl Reads {
    fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.exprs.is_empty()
    }

    fn add_column(&mut self, column: i16) {
        if !self.columns.contains(&column) {
            self.columns.push(column);
        }
    }
}

/// The attribute that an expression is, if it is one that users define of this relation.
fn column_of(expr: &Expr, rti: usize) -> Option<i16> {
    match expr {
        Expr::Var(v) if v.source == VarSource::Relation(rti) && v.levels_up == 0 && v.attribute > 0 => {
            Some(v.attribute)
        }
        _ => None,
    }
}

/// An expression without the one relabelling that constant folding leaves.
fn relabelled(expr: &Expr) -> &Expr {
    match expr {
        Expr::Relabel { arg, .. } => arg,
        other => other,
    }
}

impl<'a> Root<'a> {
    /// Reads the statistics objects of a table.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn load_extended_statistics(
        &self,
        entry: &RelationEntry,
        rti: usize,
        rel: &mut Rel<'a>,
    ) -> Result<()> {
        if !matches!(entry.kind(), b'r' | b'm' | b'f' | b'p') || entry.oid().0 < 16384 {
            return Ok(());
        }
        let session = self.session();
        let rows = session.rows::<PgStatisticExt>(index::PG_STATISTIC_EXT_RELID, &[entry.oid().into()])?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| row.oid);
        for row in rows {
            let mut exprs = Vec::new();
            if let Some(text) = &row.stxexprs {
                for mut expr in self.hooks().read_expressions(session, text)? {
                    crate::preprocess::renumber(&mut expr, 1, rti)?;
                    exprs.push(self.fold(expr)?);
                }
            }
            for inherit in [true, false] {
                let keys = [row.oid.into(), Datum::Bool(inherit)];
                let found =
                    session.row::<PgStatisticExtData>(index::PG_STATISTIC_EXT_DATA_STXOID_INH, &keys)?;
                let Some(data) = found else { continue };
                rel.statistics.push(Rc::new(ExtendedStatistics {
                    inherit,
                    columns: row.stxkeys.clone(),
                    exprs: exprs.clone(),
                    data,
                    common: OnceCell::new(),
                }));
            }
        }
        Ok(())
    }

    /// Whether a range table entry stands for its relation with all that inherit from it.
    pub fn stands_for_family(&self, rti: usize) -> bool {
        matches!(self.rte(rti).kind, RangeTableKind::Relation { inherit: true, .. })
            && self.base(rti).entry.as_ref().is_some_and(|entry| entry.class.relhassubclass)
    }

    /// The statistics objects that tell of the rows a range table entry stands for.
    fn extended_of(&self, rti: usize) -> impl Iterator<Item = &Rc<ExtendedStatistics>> {
        let family = !self.base(rti).statistics.is_empty() && self.stands_for_family(rti);
        self.base(rti).statistics.iter().filter(move |s| s.inherit == family)
    }

    /// What is known of an expression's values from a statistics object.
    pub fn expression_statistics(&self, rti: usize, expr: &Expr) -> Result<Option<Arc<PgStatistic>>> {
        for statistics in self.extended_of(rti) {
            let Some(payload) = &statistics.data.stxdexpr else { continue };
            let Some(at) = statistics.exprs.iter().position(|e| relabelled(e) == expr) else { continue };
            let entry = self.session().require_relation(PgStatistic::OID)?;
            let Some(layout) = entry.class.reltype.some() else { continue };
            let rows = crate::statistics::array_values(payload, self.session().type_layout(layout)?)?;
            return match rows.into_iter().nth(at) {
                Some(Some(OwnedDatum::Bytes(row))) => statistics_row(&entry, &row).map(Some),
                _ => Ok(None),
            };
        }
        Ok(None)
    }

    /// The one relation that all conditions are about.
    fn single_relation(&self, exprs: &[&Expr]) -> Option<usize> {
        let mut found = None;
        for expr in exprs {
            let reads = relids(expr);
            match (reads.len(), reads.iter().next()) {
                (0, _) => {}
                (1, Some(rti)) if found.is_none_or(|known| known == rti) => found = Some(rti),
                _ => return None,
            }
        }
        found.filter(|rti| self.has_base(*rti))
    }

    /// What part of the rows pass those conditions that statistics of several columns are of use for (all of them or,
    /// with `is_or`, any), and which those are; an empty list stands for none.
    ///
    /// # Errors
    /// What evaluating operators fails with.
    pub fn extended_selectivity(
        &self,
        exprs: &[&Expr],
        context: Context<'_>,
        is_or: bool,
    ) -> Result<(f64, Vec<bool>)> {
        let nothing = (if is_or { 0.0 } else { 1.0 }, Vec::new());
        if !context.extended || self.rels.iter().flatten().all(|rel| rel.statistics.is_empty()) {
            return Ok(nothing);
        }
        let Some(rti) = self.single_relation(exprs) else { return Ok(nothing) };
        if self.extended_of(rti).next().is_none() {
            return Ok(nothing);
        }
        let mut estimated = vec![false; exprs.len()];
        let mut selectivity = self.by_common_values(rti, exprs, context, is_or, &mut estimated)?;
        if !is_or {
            selectivity *= self.by_dependencies(rti, exprs, context, &mut estimated)?;
        }
        Ok((selectivity, estimated))
    }
}

/// A row of pg_statistic from a composite value.
fn statistics_row(entry: &RelationEntry, payload: &[u8]) -> Result<Arc<PgStatistic>> {
    // A tuple begins with its length.
    let bytes = [&[0; 4], payload].concat();
    let desc = entry.desc();
    let needed: Vec<usize> = (0..desc.len()).collect();
    let mut builders: Vec<_> =
        desc.attributes().iter().map(|a| ColumnBuilder::new(a.layout.repr, 1)).collect();
    let mut detoast =
        |_: Varlena<'_>| -> Result<Vec<u8>> { Err(Error::corrupted("row value with a toasted field")) };
    deform_into(TupleView::new(&bytes)?, desc, &needed, MissingValues::Null, &mut builders, &mut detoast)?;
    let columns: Vec<_> = builders.into_iter().map(ColumnBuilder::finish).collect();
    let values: Vec<Option<Datum<'_>>> = columns.iter().map(|column| column.get(0)).collect();
    PgStatistic::decode(&values).map(Arc::new)
}

/// The object of those with what is wanted that covers the most columns and expressions of conditions, at least two;
/// of several, the one about the fewest.
fn choose<'s>(
    objects: impl Iterator<Item = &'s Rc<ExtendedStatistics>>,
    conditions: &[Reads],
) -> Option<&'s Rc<ExtendedStatistics>> {
    let mut best = None;
    let (mut most, mut narrowest) = (2, TOO_MANY);
    for object in objects {
        let mut matched = Reads::default();
        for reads in conditions.iter().filter(|reads| !reads.is_empty() && object.covers(reads)) {
            reads.columns.iter().for_each(|column| matched.add_column(*column));
            for expr in &reads.exprs {
                if !matched.exprs.contains(expr) {
                    matched.exprs.push(expr.clone());
                }
            }
        }
        let count = matched.columns.len() + matched.exprs.len();
        if count > most || count == most && object.width() < narrowest {
            (best, most, narrowest) = (Some(object), count, object.width());
        }
    }
    best
}

/// Kinds of estimators whose operators compare.
fn compares(estimator: &str) -> bool {
    matches!(estimator, "eqsel" | "neqsel" | "scalarltsel" | "scalarlesel" | "scalargtsel" | "scalargesel")
}

/// An operator's arguments as an expression and a constant, and whether the expression is on the left.
fn with_constant(args: &[Expr]) -> Option<(&Expr, &ir::Const, bool)> {
    let [left, right] = args else { return None };
    match (relabelled(left), relabelled(right)) {
        (expr, Expr::Const(constant)) => Some((expr, constant, true)),
        (Expr::Const(constant), expr) => Some((expr, constant, false)),
        _ => None,
    }
}
