//! Batches: what plan nodes hand to each other.

use crate::{Column, Datum, Row};
use std::sync::Arc;

/// Nodes make no batch longer than this.
pub const MAX_BATCH_ROWS: usize = 1024;

/// Rows as columns, 0 to [`MAX_BATCH_ROWS`] of them. Columns are shared: passing one through a projection copies nothing.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    columns: Vec<Arc<Column>>,
    rows: usize,
}

impl Batch {
    /// # Panics
    /// When a column that is not constant has another length than `rows`.
    pub fn new(columns: Vec<Arc<Column>>, rows: usize) -> Batch {
        debug_assert!(columns.iter().all(|c| c.is_constant() || c.len() == rows));
        Batch { columns, rows }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub fn columns(&self) -> &[Arc<Column>] {
        &self.columns
    }

    pub fn column(&self, index: usize) -> &Arc<Column> {
        &self.columns[index]
    }

    pub fn value(&self, column: usize, row: usize) -> Option<Datum<'_>> {
        self.columns[column].get(row)
    }

    pub fn row(&self, row: usize) -> Row {
        self.columns.iter().map(|c| c.get(row).map(Datum::to_owned)).collect()
    }

    /// The rows of `selection`, in its order.
    pub fn select(&self, selection: &Selection) -> Batch {
        match selection {
            Selection::All(n) if *n == self.rows => self.clone(),
            Selection::All(n) => self.slice(0, *n),
            Selection::Rows(rows) => {
                let columns = self.columns.iter().map(|c| Arc::new(c.take(rows))).collect();
                Batch { columns, rows: rows.len() }
            }
        }
    }

    /// `len` rows from `start`.
    pub fn slice(&self, start: usize, len: usize) -> Batch {
        if start == 0 && len == self.rows {
            return self.clone();
        }
        let rows: Vec<u32> = (start as u32..(start + len) as u32).collect();
        self.select(&Selection::Rows(rows))
    }
}

/// Which rows of a batch an expression is to be evaluated for. Values at other rows are unspecified.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// The first n rows, which is all of them.
    All(usize),
    /// These rows, ascending.
    Rows(Vec<u32>),
}

impl Selection {
    pub fn len(&self) -> usize {
        match self {
            Selection::All(n) => *n,
            Selection::Rows(rows) => rows.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `f` with each selected row number, and stops at its first error.
    #[inline]
    pub fn try_for_each<E>(&self, mut f: impl FnMut(usize) -> Result<(), E>) -> Result<(), E> {
        match self {
            Selection::All(n) => (0..*n).try_for_each(&mut f),
            Selection::Rows(rows) => rows.iter().try_for_each(|row| f(*row as usize)),
        }
    }

    /// Calls `f` with each selected row number.
    #[inline]
    pub fn for_each(&self, mut f: impl FnMut(usize)) {
        match self {
            Selection::All(n) => (0..*n).for_each(&mut f),
            Selection::Rows(rows) => rows.iter().for_each(|row| f(*row as usize)),
        }
    }

    /// The selected rows for which `keep` holds.
    pub fn filter(&self, mut keep: impl FnMut(usize) -> bool) -> Selection {
        // Without branches, as nobody can foresee which rows are kept.
        let mut rows = vec![0; self.len()];
        let mut kept = 0;
        self.for_each(|row| {
            rows[kept] = row as u32;
            kept += usize::from(keep(row));
        });
        rows.truncate(kept);
        if let Selection::All(n) = self
            && rows.len() == *n
        {
            return Selection::All(*n);
        }
        Selection::Rows(rows)
    }

    /// One past the highest row number that may be selected.
    pub fn bound(&self) -> usize {
        match self {
            Selection::All(n) => *n,
            Selection::Rows(rows) => rows.last().map_or(0, |row| *row as usize + 1),
        }
    }
}
