//! Column statistics as rows of pg_statistic.

use super::compute::ColumnStatistics;
use adt::array::{ArrayBuilder, ElementLayout};
use base::{Oid, Result};
use catalog::{Payload, PgStatistic, Session, index};
use datum::{Column, Datum, Repr, TypeLayout};

const KIND_COMMON: i16 = 1;
const KIND_HISTOGRAM: i16 = 2;
const KIND_CORRELATION: i16 = 3;

/// What a column's type is and how it compares.
#[derive(Clone, Copy, Debug)]
pub struct ColumnType {
    pub type_oid: Oid,
    pub layout: TypeLayout,
    pub collation: Oid,
    pub equal: Oid,
    pub less: Oid,
}

/// One of the five places for a kind of statistics.
#[derive(Default)]
struct Slot {
    kind: i16,
    operator: Oid,
    collation: Oid,
    numbers: Option<Vec<f32>>,
    values: Option<Payload>,
}

/// Replaces what pg_statistic says of a column.
///
/// # Errors
/// What reading and writing the catalog fail with.
pub fn store(session: &Session, row: &PgStatistic) -> Result<()> {
    let keys = [row.starelid.into(), Datum::Int2(row.staattnum), Datum::Bool(row.stainherit)];
    match session.find::<PgStatistic>(index::PG_STATISTIC_RELID_ATT_INH, &keys)?.into_iter().next() {
        Some((tid, _)) => session.update(tid, row),
        None => session.insert(row).map(|_| ()),
    }
}

/// The row of a relation's attribute, of its own rows or also those it inherits.
///
/// # Errors
/// `54000` for values that make too large an array.
pub fn row(
    (relation, attribute, inherit): (Oid, i16, bool),
    column: &Column,
    column_type: &ColumnType,
    statistics: &ColumnStatistics,
) -> Result<PgStatistic> {
    let mut slots = slots(column, column_type, statistics)?.into_iter();
    let mut next = || slots.next().unwrap_or_default();
    let [one, two, three, four, five] = [next(), next(), next(), next(), next()];
    Ok(PgStatistic {
        starelid: relation,
        staattnum: attribute,
        stainherit: inherit,
        stanullfrac: statistics.null_fraction as f32,
        stawidth: statistics.width,
        stadistinct: statistics.distinct as f32,
        stakind1: one.kind,
        stakind2: two.kind,
        stakind3: three.kind,
        stakind4: four.kind,
        stakind5: five.kind,
        staop1: one.operator,
        staop2: two.operator,
        staop3: three.operator,
        staop4: four.operator,
        staop5: five.operator,
        stacoll1: one.collation,
        stacoll2: two.collation,
        stacoll3: three.collation,
        stacoll4: four.collation,
        stacoll5: five.collation,
        stanumbers1: one.numbers,
        stanumbers2: two.numbers,
        stanumbers3: three.numbers,
        stanumbers4: four.numbers,
        stanumbers5: five.numbers,
        stavalues1: one.values,
        stavalues2: two.values,
        stavalues3: three.values,
        stavalues4: four.values,
        stavalues5: five.values,
    })
}

fn slots(column: &Column, column_type: &ColumnType, statistics: &ColumnStatistics) -> Result<Vec<Slot>> {
    let ColumnType { collation, equal, less, .. } = *column_type;
    let mut slots = Vec::new();
    if !statistics.common.is_empty() {
        slots.push(Slot {
            kind: KIND_COMMON,
            operator: equal,
            collation,
            numbers: Some(statistics.common.iter().map(|(_, share)| *share as f32).collect()),
            values: Some(array(column, column_type, statistics.common.iter().map(|(row, _)| *row))?),
        });
    }
    if !statistics.histogram.is_empty() {
        slots.push(Slot {
            kind: KIND_HISTOGRAM,
            operator: less,
            collation,
            numbers: None,
            values: Some(array(column, column_type, statistics.histogram.iter().copied())?),
        });
    }
    if let Some(correlation) = statistics.correlation {
        slots.push(Slot {
            kind: KIND_CORRELATION,
            operator: less,
            collation,
            numbers: Some(vec![correlation as f32]),
            values: None,
        });
    }
    Ok(slots)
}

fn array(column: &Column, column_type: &ColumnType, rows: impl Iterator<Item = usize>) -> Result<Payload> {
    let TypeLayout { len, by_value, align, repr } = column_type.layout;
    let mut builder = ArrayBuilder::new(column_type.type_oid, ElementLayout { len, by_value, align });
    let mut scratch = Vec::new();
    for row in rows {
        let Some(value) = column.get(row) else { continue };
        scratch.clear();
        match value {
            Datum::Bool(v) => scratch.push(u8::from(v)),
            Datum::Char(v) => scratch.push(v as u8),
            Datum::Int2(v) => scratch.extend_from_slice(&v.to_le_bytes()),
            Datum::Int4(v) => scratch.extend_from_slice(&v.to_le_bytes()),
            Datum::Int8(v) => scratch.extend_from_slice(&v.to_le_bytes()),
            Datum::Float4(v) => scratch.extend_from_slice(&v.to_le_bytes()),
            Datum::Float8(v) => scratch.extend_from_slice(&v.to_le_bytes()),
            Datum::Bytes(v) => {
                scratch.extend_from_slice(v);
                if repr == Repr::Name {
                    scratch.resize(len.max(0) as usize, 0);
                }
            }
        }
        builder.push(Some(&scratch))?;
    }
    Ok(Payload(builder.finish()?.into()))
}
