//! What ANALYZE computes of several columns together, from the sample that column statistics are computed from.
//!
//! Rows are told apart by ranks: each column's values are sorted once, and a row then has a number per column that
//! orders as its value does, NULLs last. Everything else (combinations, dependencies, common values) compares numbers.

use super::{DEPENDENCIES, DISTINCT, EXPRESSIONS, MOST_COMMON};
use crate::analyze::Subject;
use crate::copy::expressions;
use crate::execution;
use adt::multivariate::{Common, CommonColumn, CommonItem, Dependencies, Dependency, Distinct, DistinctItem};
use base::quicksort::quicksort;
use base::{Error, Oid, Result};
use catalog::{
    CatalogRow, Payload, PgStatistic, PgStatisticExt, PgStatisticExtData, RelationEntry, Session, index,
};
use datum::{Batch, Column, Datum, Selection};
use functions::array::ElementType;
use std::cmp::Ordering;
use std::sync::Arc;

const BTREE: Oid = Oid(403);
/// Rows with longer values take no part, because they would make the stored list large.
const MAX_VALUE_BYTES: usize = 1024;
const HEADER_BYTES: usize = 4;

/// A statistics object of a table, as ANALYZE needs it.
pub(crate) struct Object {
    row: Arc<PgStatisticExt>,
    exprs: Vec<ir::Expr>,
}

/// The objects of a table, in the order of their OIDs.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn objects_of(session: &Session, table: Oid) -> Result<Vec<Object>> {
    let mut rows = session.rows::<PgStatisticExt>(index::PG_STATISTIC_EXT_RELID, &[table.into()])?.to_vec();
    rows.sort_by_key(|row| row.oid);
    let object = |row: Arc<PgStatisticExt>| -> Result<Object> {
        let exprs = row.stxexprs.as_deref().map(|text| executor::stored_expressions(session, text));
        Ok(Object { exprs: exprs.transpose()?.unwrap_or_default(), row })
    };
    rows.into_iter().map(object).collect()
}

/// What an object is computed from and how finely.
pub(crate) struct Needed {
    target: usize,
    /// Its expressions, with how they are analyzed.
    exprs: Vec<Subject>,
}

impl Needed {
    pub(crate) fn target(&self) -> usize {
        self.target
    }
}

/// The sample of a table.
pub(crate) struct Sample<'a> {
    pub table: &'a RelationEntry,
    pub batch: &'a Batch,
    pub total_rows: f64,
    pub inherit: bool,
}

impl Object {
    /// How the object is to be computed when `targets` gives the statistics targets of the columns that are analyzed
    /// (-1: the default); `None` if some column is not, or has no statistics.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub(crate) fn needed(
        &self,
        session: &Session,
        targets: &[(i16, i32)],
        default: usize,
    ) -> Result<Option<Needed>> {
        let mut highest = -1;
        for column in &self.row.stxkeys {
            let Some((_, target)) = targets.iter().find(|t| t.0 == *column) else { return Ok(None) };
            highest = highest.max(*target);
        }
        let target = match self.row.stxstattarget {
            Some(target) if target >= 0 => target as usize,
            _ => usize::try_from(highest).unwrap_or(default),
        };
        let mut exprs = Vec::new();
        for expr in &self.exprs {
            let (type_oid, collation) = (ir::expr_type(expr), ir::expr_collation(expr));
            exprs.push(Subject::of(session, type_oid, collation, target)?.computed());
        }
        Ok(Some(Needed { target, exprs }))
    }

    pub(crate) fn name(&self, session: &Session) -> Result<String> {
        Ok(format!("{}.{}", session.namespace_name(self.row.stxnamespace)?, self.row.stxname))
    }

    /// Computes and stores what the object is to hold.
    ///
    /// # Errors
    /// What the expressions fail with.
    pub(crate) fn build(&self, session: &Arc<Session>, needed: &Needed, sample: &Sample<'_>) -> Result<()> {
        if needed.target == 0 {
            return Ok(());
        }
        let values = self.expression_values(session, sample)?;
        let wants = |kind: i8| self.row.stxkind.contains(&kind);
        let (mut distinct, mut dependencies, mut common) = (None, None, None);
        if wants(DISTINCT) || wants(DEPENDENCIES) || wants(MOST_COMMON) {
            let data = self.ranked(session, sample, &values)?;
            if wants(DISTINCT) {
                distinct = Some(Payload(data.distinct(sample.total_rows).encode().into()));
            }
            if wants(DEPENDENCIES) {
                let found = data.dependencies(session)?;
                dependencies = (!found.items.is_empty()).then(|| Payload(found.encode().into()));
            }
            if wants(MOST_COMMON) {
                let found = data.common(session, needed.target, sample.total_rows)?;
                common = found.map(|found| Payload(found.encode().into()));
            }
        }
        let expressions = match wants(EXPRESSIONS) {
            true => Some(expression_statistics(session, &needed.exprs, &values)?),
            false => None,
        };
        let row = PgStatisticExtData {
            stxoid: self.row.oid,
            stxdinherit: sample.inherit,
            stxdndistinct: distinct,
            stxddependencies: dependencies,
            stxdmcv: common,
            stxdexpr: expressions,
        };
        let keys = [self.row.oid.into(), Datum::Bool(sample.inherit)];
        let known = session.find::<PgStatisticExtData>(index::PG_STATISTIC_EXT_DATA_STXOID_INH, &keys)?;
        match known.into_iter().next() {
            Some((tid, _)) => session.update(tid, &row),
            None => session.insert(&row).map(|_| ()),
        }
    }

    fn expression_values(&self, session: &Arc<Session>, sample: &Sample<'_>) -> Result<Vec<Arc<Column>>> {
        if self.exprs.is_empty() {
            return Ok(Vec::new());
        }
        let mut execution = execution::bare(session)?;
        let all = Selection::All(sample.batch.rows());
        let evaluate = |expr: &ir::Expr| -> Result<Arc<Column>> {
            expressions::over_row(session, sample.table, expr)?.evaluate(&mut execution, sample.batch, &all)
        };
        self.exprs.iter().map(evaluate).collect()
    }

    /// All columns and expressions, with the ranks of their values.
    fn ranked<'a>(
        &self,
        session: &Session,
        sample: &'a Sample<'_>,
        values: &'a [Arc<Column>],
    ) -> Result<Ranked<'a>> {
        let rows = sample.batch.rows();
        let mut columns = Vec::new();
        for number in &self.row.stxkeys {
            let attribute = &sample.table.desc().attributes()[*number as usize - 1];
            let column = sample.batch.column(*number as usize - 1);
            let (type_oid, collation) = (attribute.type_oid, attribute.collation);
            columns.push(RankedColumn::new(session, *number, type_oid, collation, column, rows)?);
        }
        for (at, (expr, column)) in self.exprs.iter().zip(values).enumerate() {
            let (type_oid, collation) = (ir::expr_type(expr), ir::expr_collation(expr));
            let number = -(at as i16) - 1;
            columns.push(RankedColumn::new(session, number, type_oid, collation, column, rows)?);
        }
        Ok(Ranked { columns, rows })
    }
}

fn expression_statistics(session: &Session, subjects: &[Subject], values: &[Arc<Column>]) -> Result<Payload> {
    let class = session.require_relation(PgStatistic::OID)?;
    let desc = session
        .row_type(class.class.reltype)?
        .ok_or_else(|| Error::internal("pg_statistic has no row type"))?;
    let element = ElementType::of(session, class.class.reltype)?;
    let mut rows = Vec::new();
    for (subject, column) in subjects.iter().zip(values) {
        // The sample stands for itself: nothing is said of rows that were not seen.
        let rows_seen = column.len();
        let found = subject.compute(column, rows_seen, rows_seen as f64);
        let row = subject.row(Oid::INVALID, 0, false, column, &found)?.encode();
        let fields: Vec<_> = row.iter().map(|v| v.as_ref().map(datum::OwnedDatum::as_datum)).collect();
        rows.push((rows_seen > 0).then(|| functions::record::form(session, &desc, &fields)).transpose()?);
    }
    let array = element.array(rows.iter().map(|row| row.as_deref().map(Datum::Bytes)))?;
    Ok(Payload(array.into()))
}

/// A column's values with their ranks.
struct RankedColumn<'a> {
    number: i16,
    element: ElementType,
    column: &'a Column,
    ranks: Vec<u32>,
    /// The rank of NULL, above all others.
    null: u32,
}

impl<'a> RankedColumn<'a> {
    fn new(
        session: &Session,
        number: i16,
        type_oid: Oid,
        collation: Oid,
        column: &'a Column,
        rows: usize,
    ) -> Result<RankedColumn<'a>> {
        let (base, _) = session.base_type(type_oid)?;
        let no_order =
            || Error::internal(format!("cache lookup failed for ordering operator for type {type_oid}"));
        let class = session.default_opclass(base, BTREE)?.ok_or_else(no_order)?;
        let order =
            match session.family_order(class.opcfamily, class.opcintype, class.opcintype, collation)? {
                Some(order) => order,
                None => session.structured_order(base, collation)?,
            };
        let compare = |a: &u32, b: &u32| match (column.get(*a as usize), column.get(*b as usize)) {
            (Some(a), Some(b)) => order.compare(a, b),
            (None, None) => Ordering::Equal,
            (a, _) => {
                if a.is_none() {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
        };
        let mut sorted: Vec<u32> = (0..rows as u32).collect();
        sorted.sort_by(compare);
        let mut ranks = vec![0; rows];
        let mut rank = 0;
        for (place, row) in sorted.iter().enumerate() {
            if place > 0 && compare(&sorted[place - 1], row) != Ordering::Equal {
                rank += 1;
            }
            ranks[*row as usize] = rank;
        }
        let null = match sorted.last() {
            Some(row) if column.get(*row as usize).is_none() => rank,
            _ => rank + 1,
        };
        Ok(RankedColumn { number, element: ElementType::of(session, type_oid)?, column, ranks, null })
    }

    fn too_wide(&self, row: usize) -> bool {
        self.element.layout.is_varlena()
            && matches!(self.column.get(row), Some(Datum::Bytes(b)) if b.len() + HEADER_BYTES > MAX_VALUE_BYTES)
    }
}

struct Ranked<'a> {
    columns: Vec<RankedColumn<'a>>,
    rows: usize,
}

impl Ranked<'_> {
    fn compare(&self, columns: &[usize], a: u32, b: u32) -> Ordering {
        columns
            .iter()
            .map(|c| self.columns[*c].ranks[a as usize].cmp(&self.columns[*c].ranks[b as usize]))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// All rows, or those without long values in these columns, in order.
    fn sorted(&self, columns: &[usize], wide: bool) -> Vec<u32> {
        let fits = |row: &u32| wide || columns.iter().all(|c| !self.columns[*c].too_wide(*row as usize));
        let mut rows: Vec<u32> = (0..self.rows as u32).filter(fits).collect();
        rows.sort_unstable_by(|a, b| self.compare(columns, *a, *b));
        rows
    }

    fn numbers(&self, columns: &[usize]) -> Vec<i16> {
        columns.iter().map(|c| self.columns[*c].number).collect()
    }

    fn distinct(&self, total_rows: f64) -> Distinct {
        let mut items = Vec::new();
        for width in 2..=self.columns.len() {
            for columns in combinations(self.columns.len(), width) {
                let rows = self.sorted(&columns, true);
                let mut runs: Vec<usize> = Vec::new();
                for (place, row) in rows.iter().enumerate() {
                    if place > 0 && self.compare(&columns, rows[place - 1], *row).is_eq() {
                        *runs.last_mut().expect("the first row begins a run") += 1;
                    } else {
                        runs.push(1);
                    }
                }
                let once = runs.iter().filter(|run| **run == 1).count();
                let distinct = estimate_distinct(total_rows, self.rows, runs.len(), once);
                items.push(DistinctItem { distinct, columns: self.numbers(&columns) });
            }
        }
        Distinct { items }
    }

    fn dependencies(&self, session: &Session) -> Result<Dependencies> {
        let mut items = Vec::new();
        for width in 2..=self.columns.len() {
            for implying in combinations(self.columns.len(), width - 1) {
                for implied in (0..self.columns.len()).filter(|c| !implying.contains(c)) {
                    session.interrupt_check()?;
                    let degree = self.degree(&implying, implied);
                    if degree == 0.0 {
                        continue;
                    }
                    let mut columns = self.numbers(&implying);
                    columns.push(self.columns[implied].number);
                    items.push(Dependency { degree, columns });
                }
            }
        }
        Ok(Dependencies { items })
    }

    /// The part of the rows whose values in some columns always go with the same value in another.
    fn degree(&self, implying: &[usize], implied: usize) -> f64 {
        let mut all = implying.to_vec();
        all.push(implied);
        let rows = self.sorted(&all, false);
        let (mut supporting, mut from) = (0, 0);
        for place in 1..=rows.len() {
            let ends = place == rows.len() || self.compare(implying, rows[from], rows[place]).is_ne();
            if !ends {
                continue;
            }
            let ranks = &self.columns[implied].ranks;
            // In order, so that the first and the last are the same only if all are.
            if ranks[rows[from] as usize] == ranks[rows[place - 1] as usize] {
                supporting += place - from;
            }
            from = place;
        }
        supporting as f64 / self.rows as f64
    }

    fn common(&self, session: &Session, target: usize, total_rows: f64) -> Result<Option<Common>> {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let rows = self.sorted(&all, false);
        session.interrupt_check()?;
        // A row of each group, and how many there are.
        let mut groups: Vec<(u32, usize)> = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            match groups.last_mut() {
                Some((_, count)) if self.compare(&all, rows[place - 1], *row).is_eq() => *count += 1,
                _ => groups.push((*row, 1)),
            }
        }
        // Of groups that are equally common, those that PostgreSQL keeps.
        quicksort(&mut groups, &mut |a, b| b.1.cmp(&a.1));
        let least = least_count(self.rows as f64, total_rows);
        let kept = groups.iter().take(target).take_while(|group| group.1 as f64 >= least).count();
        if kept == 0 {
            return Ok(None);
        }
        let mut columns = Vec::new();
        let mut places: Vec<Vec<u32>> = Vec::new();
        let mut counts: Vec<Vec<usize>> = Vec::new();
        for column in &self.columns {
            let mut of_rank = vec![0; column.null as usize + 1];
            groups.iter().for_each(|(row, count)| of_rank[column.ranks[*row as usize] as usize] += count);
            counts.push(of_rank);
            let ranks = groups[..kept].iter().map(|(row, _)| (column.ranks[*row as usize], *row));
            let mut ranks: Vec<(u32, u32)> = ranks.filter(|(rank, _)| *rank != column.null).collect();
            ranks.sort_by_key(|(rank, _)| *rank);
            ranks.dedup_by_key(|(rank, _)| *rank);
            let mut values = Vec::new();
            for (_, row) in &ranks {
                let Some(value) = column.column.get(*row as usize) else { continue };
                values.push(column.element.with_bytes(value, |bytes| bytes.into()));
            }
            let layout = column.element.layout;
            columns.push(CommonColumn {
                type_oid: column.element.oid,
                type_len: layout.len,
                by_value: layout.by_value,
                values,
            });
            places.push(ranks.into_iter().map(|(rank, _)| rank).collect());
        }
        let item = |(row, count): &(u32, usize)| {
            let mut base_frequency = 1.0;
            let mut values = Vec::with_capacity(self.columns.len());
            for ((column, places), counts) in self.columns.iter().zip(&places).zip(&counts) {
                let rank = column.ranks[*row as usize];
                base_frequency *= counts[rank as usize] as f64 / self.rows as f64;
                values.push(places.binary_search(&rank).ok().map(|place| place as u16));
            }
            CommonItem { values, frequency: *count as f64 / self.rows as f64, base_frequency }
        };
        let items = groups[..kept].iter().map(item).collect();
        Ok(Some(Common { columns, items }))
    }
}

/// How often a combination must have been seen for its frequency to be known to 20 %, nineteen times of twenty.
fn least_count(rows: f64, total_rows: f64) -> f64 {
    let rest = total_rows - rows;
    let divisor = rest + 0.04 * rows * (total_rows - 1.0);
    if divisor == 0.0 { 0.0 } else { rows * rest / divisor }
}

/// The estimator Duj1, as for single columns.
fn estimate_distinct(total_rows: f64, rows: usize, distinct: usize, once: usize) -> f64 {
    let (n, d, f1) = (rows as f64, distinct as f64, once as f64);
    let estimate = n * d / (n - f1 + f1 * n / total_rows);
    let estimate = if estimate < d { d } else { estimate };
    let estimate = if estimate > total_rows { total_rows } else { estimate };
    (estimate + 0.5).floor()
}

/// All choices of `width` of the numbers below `count`, each ascending, in order.
fn combinations(count: usize, width: usize) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..width {
        found = found
            .into_iter()
            .flat_map(|chosen| {
                let from = chosen.last().map_or(0, |last| last + 1);
                (from..count).map(move |next| [&chosen[..], &[next]].concat())
            })
            .collect();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_ascend() {
        assert_eq!(combinations(3, 2), [[0, 1], [0, 2], [1, 2]]);
        assert_eq!(combinations(4, 4), [[0, 1, 2, 3]]);
    }

    #[test]
    fn estimates_of_a_whole_table_are_what_was_counted() {
        assert_eq!(estimate_distinct(1000.0, 1000, 11, 1), 11.0);
        assert_eq!(least_count(1000.0, 1000.0), 0.0);
        assert!(least_count(30_000.0, 1_000_000.0) > 20.0);
    }
}
