//! Sort orders: what ORDER BY, merges and bounds of index scans compare with.

use access_api::KeyOrder;
use base::{Error, Oid, Result};
use catalog::Session;
use datum::{Batch, Column, Datum};
use ir::{SortColumn, TargetEntry, expr_type};
use std::cmp;
use std::sync::Arc;

const BTREE: Oid = Oid(403);

/// One column of a sort order.
#[derive(Clone)]
pub struct SortKey {
    /// Column of the rows, from 0.
    pub column: usize,
    pub order: Arc<dyn KeyOrder>,
    pub descending: bool,
    pub nulls_first: bool,
}

/// The B-tree order of an operator: family, its left input type, and its strategy (5: `>`).
pub struct OperatorOrder {
    pub family: Oid,
    pub left: Oid,
    pub strategy: i16,
}

/// What an operator means in the first B-tree family that has it.
///
/// # Errors
/// `XX000` if it is no ordering operator.
pub fn operator_order(session: &Session, operator: Oid) -> Result<OperatorOrder> {
    let families = session.operator_families(operator)?;
    let found = families.iter().find(|f| f.amopmethod == BTREE);
    let found = found
        .ok_or_else(|| Error::internal(format!("operator {operator} is not a valid ordering operator")))?;
    Ok(OperatorOrder { family: found.amopfamily, left: found.amoplefttype, strategy: found.amopstrategy })
}

impl SortKey {
    /// # Errors
    /// `0A000` when the type's comparison has no body yet.
    ///
    /// `type_oid`: that of the column's values, as operators of arrays and rows serve many types.
    pub fn new(session: &Session, column: &SortColumn, type_oid: Oid) -> Result<SortKey> {
        let operator = operator_order(session, column.operator)?;
        let column_index =
            usize::try_from(column.column - 1).map_err(|_| Error::internal("a sort column below 1"))?;
        let plain = session.family_order(operator.family, operator.left, operator.left, column.collation)?;
        let order = match plain {
            Some(order) => order,
            None => session.structured_order(type_oid, column.collation)?,
        };
        Ok(SortKey {
            column: column_index,
            order,
            descending: operator.strategy == 5,
            nulls_first: column.nulls_first,
        })
    }

    /// Ascending, nulls last, by a family's order of one type.
    pub fn of_family(
        session: &Session,
        column: usize,
        family: Oid,
        type_oid: Oid,
        collation: Oid,
    ) -> Result<SortKey> {
        let order = match session.family_order(family, type_oid, type_oid, collation)? {
            Some(order) => order,
            None => session.structured_order(type_oid, collation)?,
        };
        Ok(SortKey { column, order, descending: false, nulls_first: false })
    }

    /// The value's rank (nulls on their side) and prefix: what sorts lower has the lower pair.
    pub fn normalised(&self, value: Option<Datum<'_>>) -> (u8, u64) {
        let Some(value) = value else { return (if self.nulls_first { 0 } else { 2 }, 0) };
        let prefix = self.order.prefix(value);
        (1, if self.descending { !prefix } else { prefix })
    }

    /// As [`SortKey::normalised`], with the eight bytes that follow, where values are byte strings.
    pub fn normalised_far(&self, value: Option<Datum<'_>>) -> (u8, u64, u64) {
        let (rank, first) = self.normalised(value);
        let second = match value {
            Some(value) if self.order.bytewise() => self.normalised(Some(Datum::Bytes(behind(value, 8)))).1,
            _ => 0,
        };
        (rank, first, second)
    }

    /// Compares two values of this column, nulls included.
    #[inline]
    pub fn compare(&self, a: Option<Datum<'_>>, b: Option<Datum<'_>>) -> cmp::Ordering {
        match (a, b) {
            (Some(a), Some(b)) => {
                let order = self.order.compare(a, b);
                if self.descending { order.reverse() } else { order }
            }
            (None, None) => cmp::Ordering::Equal,
            (None, _) if self.nulls_first => cmp::Ordering::Less,
            (None, _) => cmp::Ordering::Greater,
            (_, None) if self.nulls_first => cmp::Ordering::Greater,
            (_, None) => cmp::Ordering::Less,
        }
    }
}

/// A whole sort order.
#[derive(Clone)]
pub struct Ordering {
    pub keys: Arc<[SortKey]>,
}

impl Ordering {
    /// `targets`: the columns of the rows.
    pub fn new(session: &Session, columns: &[SortColumn], targets: &[TargetEntry]) -> Result<Ordering> {
        let keys = columns.iter().map(|column| {
            let target = usize::try_from(column.column - 1).ok().and_then(|c| targets.get(c));
            let target = target.ok_or_else(|| Error::internal("a sort column that is not there"))?;
            SortKey::new(session, column, expr_type(&target.expr))
        });
        let keys = keys.collect::<Result<Vec<_>>>()?;
        Ok(Ordering { keys: keys.into() })
    }

    pub fn compare(&self, a: &Batch, row_a: usize, b: &Batch, row_b: usize) -> cmp::Ordering {
        self.compare_from(0, a, row_a, b, row_b)
    }

    /// As [`Ordering::compare`], by the keys from `first` on.
    pub fn compare_from(
        &self,
        first: usize,
        a: &Batch,
        row_a: usize,
        b: &Batch,
        row_b: usize,
    ) -> cmp::Ordering {
        for key in &self.keys[first..] {
            let order = key.compare(a.value(key.column, row_a), b.value(key.column, row_b));
            if order != cmp::Ordering::Equal {
                return order;
            }
        }
        cmp::Ordering::Equal
    }

    /// The rows of `rows` that come before row 0 of `threshold`.
    pub fn before(&self, rows: &Batch, threshold: &Batch) -> Vec<u32> {
        let Some(key) = self.keys.first() else { return Vec::new() };
        let limit = key.normalised(threshold.value(key.column, 0));
        let column = rows.column(key.column);
        let is_before = |row: &u32| match key.normalised(column.get(*row as usize)).cmp(&limit) {
            cmp::Ordering::Less => true,
            cmp::Ordering::Greater => false,
            cmp::Ordering::Equal => self.compare(rows, *row as usize, threshold, 0) == cmp::Ordering::Less,
        };
        (0..rows.rows() as u32).filter(is_before).collect()
    }

    /// The rows of one (long) batch in order; equal ones stay in theirs.
    pub fn permutation(&self, rows: &Batch) -> Vec<u32> {
        let mut entries: Vec<Entry> = (0..rows.rows() as u32).map(|row| (0, 0, row)).collect();
        if !self.keys.is_empty() {
            self.sort_level(rows, &mut entries, Level { key: 0, part: Part::Bytes(0) }, 0);
        }
        entries.into_iter().map(|(_, _, row)| row).collect()
    }

    /// Sorts rows that are equal as far as they have been looked at: by eight bytes of a key, then those whose eight bytes
    /// are equal by what follows.
    fn sort_level(&self, rows: &Batch, entries: &mut [Entry], level: Level, depth: usize) {
        let key = &self.keys[level.key];
        let column = rows.column(key.column);
        for entry in entries.iter_mut() {
            let value = column.get(entry.2 as usize);
            (entry.0, entry.1) = match level.part {
                Part::Bytes(0) => key.normalised(value),
                Part::Bytes(skipped) => key.normalised(value.map(|v| Datum::Bytes(behind(v, skipped)))),
                Part::Length => {
                    let length = value.map_or(0, |v| v.bytes().len() as u64);
                    (0, if key.descending { !length } else { length })
                }
            };
        }
        // Rows that are equal in all keys stay in the order they came in.
        entries.sort_unstable();
        for run in entries.chunk_by_mut(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|run| run.len() > 1) {
            match self.next_level(column, run, level) {
                None => {}
                Some(next) if run.len() >= LEAST_RUN && depth < DEEPEST && next.is_near() => {
                    self.sort_level(rows, run, next, depth + 1);
                }
                Some(next) => run.sort_unstable_by(|a, b| {
                    let order = self.compare_from(next.key, rows, a.2 as usize, rows, b.2 as usize);
                    order.then(a.2.cmp(&b.2))
                }),
            }
        }
    }

    /// What rows that are equal at this level are to be sorted by; `None` if they are equal altogether.
    fn next_level(&self, column: &Column, run: &[Entry], level: Level) -> Option<Level> {
        let next_key = || {
            let key = level.key + 1;
            (key < self.keys.len()).then_some(Level { key, part: Part::Bytes(0) })
        };
        let order = &self.keys[level.key].order;
        let Part::Bytes(skipped) = level.part else { return next_key() };
        if order.prefix_decides() || column.is_null(run[0].2 as usize) {
            return next_key();
        }
        if !order.bytewise() {
            // The whole key decides, and all that follow with it.
            return Some(Level { key: level.key, part: Part::Bytes(usize::MAX) });
        }
        let length = |entry: &Entry| column.get(entry.2 as usize).map_or(0, |v| v.bytes().len());
        if run.iter().any(|entry| length(entry) > skipped + 8) {
            return Some(Level { key: level.key, part: Part::Bytes(skipped + 8) });
        }
        let first = length(&run[0]);
        match run.iter().all(|entry| length(entry) == first) {
            true => next_key(),
            false if order.prefix(Datum::Bytes(b" ")) == order.prefix(Datum::Bytes(b"")) => next_key(),
            false => Some(Level { key: level.key, part: Part::Length }),
        }
    }
}

/// A row with what it is sorted by at the moment.
type Entry = (u8, u64, u32);

/// What rows are sorted by at a time.
#[derive(Clone, Copy)]
struct Level {
    key: usize,
    part: Part,
}

#[derive(Clone, Copy)]
enum Part {
    /// Eight bytes behind so many.
    Bytes(usize),
    /// Of strings that differ in nothing else than that one has zero bytes at its end.
    Length,
}

impl Level {
    /// Long strings that begin alike are better compared whole.
    fn is_near(self) -> bool {
        matches!(self.part, Part::Length | Part::Bytes(..=64))
    }
}

/// Fewer rows are sorted by comparing them whole.
const LEAST_RUN: usize = 6;
/// Levels that are gone down.
const DEEPEST: usize = 48;

fn behind(value: Datum<'_>, skipped: usize) -> &[u8] {
    value.bytes().get(skipped..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datum::{ColumnBuilder, Repr};

    fn key(column: usize, source: &str, descending: bool, nulls_first: bool) -> SortKey {
        let order = catalog::order::by_source(source, Oid(0)).unwrap();
        SortKey { column, order, descending, nulls_first }
    }

    fn batch(a: &[Option<&str>], b: &[Option<i32>]) -> Batch {
        let mut texts = ColumnBuilder::new(Repr::Bytes, a.len());
        a.iter().for_each(|v| texts.push(v.map(Datum::from)));
        let mut numbers = ColumnBuilder::new(Repr::Int4, b.len());
        b.iter().for_each(|v| numbers.push(v.map(Datum::Int4)));
        Batch::new(vec![Arc::new(texts.finish()), Arc::new(numbers.finish())], a.len())
    }

    #[test]
    fn sorts_by_prefix_then_whole_key_then_next_key() {
        let rows = batch(
            &[Some("longer-text-b"), Some("a"), None, Some("longer-text-a"), Some("a")],
            &[Some(1), Some(1), Some(1), Some(1), Some(2)],
        );
        let ordering = |descending| Ordering {
            keys: Arc::new([key(0, "bttextcmp", false, false), key(1, "btint4cmp", descending, false)]),
        };
        assert_eq!(ordering(false).permutation(&rows), [1, 4, 3, 0, 2]);
        assert_eq!(ordering(true).permutation(&rows), [4, 1, 3, 0, 2]);
    }

    /// Many rows whose keys begin alike, against comparing them whole.
    #[test]
    fn runs_of_equal_beginnings_are_sorted_by_what_follows() {
        let text = |i: usize| match i % 9 {
            0 => None,
            1 => Some(format!("a long beginning {}", i * 7919 % 13)),
            2 => Some(format!("a long beginning {} {}", i % 3, "and more ".repeat(9 + i % 2))),
            n => Some("ab    \0 cd"[..n].to_owned()),
        };
        let texts: Vec<Option<String>> = (0..4000).map(text).collect();
        let texts: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
        let numbers: Vec<Option<i32>> = (0..4000).map(|i| (i % 10 != 3).then_some(i * 31 % 17)).collect();
        let rows = batch(&texts, &numbers);
        for source in ["bttextcmp", "bpcharcmp", "byteacmp"] {
            for descending in [false, true] {
                let ordering = Ordering {
                    keys: Arc::new([
                        key(0, source, descending, false),
                        key(1, "btint4cmp", !descending, descending),
                    ]),
                };
                let mut expected: Vec<u32> = (0..4000).collect();
                expected.sort_by(|a, b| ordering.compare(&rows, *a as usize, &rows, *b as usize));
                assert_eq!(ordering.permutation(&rows), expected, "{source} {descending}");
            }
        }
    }

    #[test]
    fn nulls_go_where_they_are_told() {
        let rows = batch(&[None; 3], &[Some(-1), None, Some(1)]);
        let order = |descending, nulls_first| Ordering {
            keys: Arc::new([key(1, "btint4cmp", descending, nulls_first)]),
        };
        assert_eq!(order(false, false).permutation(&rows), [0, 2, 1]);
        assert_eq!(order(true, true).permutation(&rows), [1, 2, 0]);
    }
}
