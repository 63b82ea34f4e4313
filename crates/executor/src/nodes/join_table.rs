//! The hash table of a join: inner rows chained under their distinct keys.

use crate::keys::{Encoder, KeyTable, NONE};
use base::Result;
use datum::{Batch, Column, Selection};
use std::sync::Arc;

pub struct JoinTable {
    keys: KeyTable,
    /// Per distinct key: its newest row.
    heads: Vec<u32>,
    /// Per row: the row before it under the same key.
    next: Vec<u32>,
    pub rows: Batch,
    /// Rows that have found a partner, if that is asked for later.
    pub matched: Vec<bool>,
}

impl JoinTable {
    /// `columns`: the key columns of `rows`. Rows with a NULL key match nothing.
    pub fn new(
        encoder: Arc<Encoder>,
        rows: Batch,
        columns: &[Arc<Column>],
        track: bool,
    ) -> Result<JoinTable> {
        let mut keys = KeyTable::new(encoder);
        let mut numbers = Vec::new();
        let references: Vec<&Column> = columns.iter().map(|c| &**c).collect();
        keys.insert(&references, &Selection::All(rows.rows()), false, &mut numbers)?;
        let mut heads = vec![NONE; keys.len()];
        let mut next = vec![NONE; rows.rows()];
        for (row, number) in numbers.iter().enumerate().filter(|(_, n)| **n != NONE) {
            next[row] = heads[*number as usize];
            heads[*number as usize] = row as u32;
        }
        let matched = if track { vec![false; rows.rows()] } else { Vec::new() };
        Ok(JoinTable { keys, heads, next, rows, matched })
    }

    /// The first candidate of each selected outer row.
    pub fn probe(&mut self, columns: &[Arc<Column>], rows: &Selection, firsts: &mut Vec<u32>) -> Result<()> {
        let references: Vec<&Column> = columns.iter().map(|c| &**c).collect();
        self.keys.find(&references, rows, false, firsts)?;
        firsts.iter_mut().filter(|n| **n != NONE).for_each(|n| *n = self.heads[*n as usize]);
        Ok(())
    }

    /// The candidate after this one.
    #[inline]
    pub fn after(&self, row: u32) -> u32 {
        self.next[row as usize]
    }

    pub fn buckets(&self) -> usize {
        self.keys.len()
    }

    pub fn memory_bytes(&self) -> usize {
        self.keys.memory_bytes() + 4 * (self.heads.len() + self.next.len()) + self.matched.len()
    }
}
