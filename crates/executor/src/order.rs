//! Sort orders: what ORDER BY, merges and bounds of index scans compare with.

use access_api::KeyOrder;
use base::{Error, Oid, Result};
use catalog::Session;
use datum::{Batch, Column, Datum};
use ir::SortColumn;
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
    pub fn new(session: &Session, column: &SortColumn) -> Result<SortKey> {
        let order = operator_order(session, column.operator)?;
        let column_index =
            usize::try_from(column.column - 1).map_err(|_| Error::internal("a sort column below 1"))?;
        let mut key = Self::of_family(session, column_index, order.family, order.left, column.collation)?;
        key.descending = order.strategy == 5;
        key.nulls_first = column.nulls_first;
        Ok(key)
    }

    /// Ascending, nulls last, by a family's order of one type.
    pub fn of_family(
        session: &Session,
        column: usize,
        family: Oid,
        type_oid: Oid,
        collation: Oid,
    ) -> Result<SortKey> {
        let unsupported = || -> Error {
            let name = session.format_type(type_oid, None).unwrap_or_default();
            Error::unsupported(format!("sorting values of type {name}"))
        };
        let order = session.family_order(family, type_oid, type_oid, collation)?.ok_or_else(unsupported)?;
        Ok(SortKey { column, order, descending: false, nulls_first: false })
    }

    /// The value's rank (nulls on their side) and prefix: what sorts lower has the lower pair.
    fn normalised(&self, value: Option<Datum<'_>>) -> (u8, u64) {
        let Some(value) = value else { return (if self.nulls_first { 0 } else { 2 }, 0) };
        let prefix = self.order.prefix(value);
        (1, if self.descending { !prefix } else { prefix })
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
    pub fn new(session: &Session, columns: &[SortColumn]) -> Result<Ordering> {
        let keys = columns.iter().map(|c| SortKey::new(session, c)).collect::<Result<Vec<_>>>()?;
        Ok(Ordering { keys: keys.into() })
    }

    pub fn compare(&self, a: &Batch, row_a: usize, b: &Batch, row_b: usize) -> cmp::Ordering {
        self.compare_from(0, a, row_a, b, row_b)
    }

    fn compare_from(&self, first: usize, a: &Batch, row_a: usize, b: &Batch, row_b: usize) -> cmp::Ordering {
        for key in &self.keys[first..] {
            let order = key.compare(a.value(key.column, row_a), b.value(key.column, row_b));
            if order != cmp::Ordering::Equal {
                return order;
            }
        }
        cmp::Ordering::Equal
    }

    /// The rows of one (long) batch in order; equal ones stay in theirs.
    pub fn permutation(&self, rows: &Batch) -> Vec<u32> {
        let Some(key) = self.keys.first() else { return (0..rows.rows() as u32).collect() };
        let column = rows.column(key.column);
        let mut entries: Vec<(u8, u64, u32)> = Vec::with_capacity(rows.rows());
        normalise(key, column, rows.rows(), &mut entries);
        let from = usize::from(key.order.prefix_decides());
        if from == self.keys.len() {
            entries.sort_unstable();
        } else {
            entries.sort_unstable_by(|a, b| {
                let by_prefix = (a.0, a.1).cmp(&(b.0, b.1));
                by_prefix
                    .then_with(|| self.compare_from(from, rows, a.2 as usize, rows, b.2 as usize))
                    .then(a.2.cmp(&b.2))
            });
        }
        entries.into_iter().map(|(_, _, row)| row).collect()
    }
}

fn normalise(key: &SortKey, column: &Column, rows: usize, out: &mut Vec<(u8, u64, u32)>) {
    out.extend((0..rows).map(|row| {
        let (rank, prefix) = key.normalised(column.get(row));
        (rank, prefix, row as u32)
    }));
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
