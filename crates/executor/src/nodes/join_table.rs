//! The hash table of a join: inner rows, found by their keys; those of one key are chained.

use crate::key_table::{KeyTable, NONE, Scratch};
use crate::keys::Encoder;
use base::Result;
use datum::{Batch, Column, Selection};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub struct JoinTable {
    keys: KeyTable,
    /// `None` when all rows have keys and no two the same: then a key's number is its row.
    chains: Option<Chains>,
    pub rows: Batch,
    /// Rows that have found a partner, if that is asked for later. Participants of a parallel join share them.
    matched: Vec<AtomicBool>,
}

struct Chains {
    /// Per distinct key: its newest row.
    heads: Vec<u32>,
    /// Per row: the row before it under the same key.
    next: Vec<u32>,
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
        let all = Selection::All(rows.rows());
        keys.insert(&references, &all, false, &mut Scratch::default(), &mut numbers)?;
        let chains = (keys.len() != rows.rows()).then(|| {
            let mut heads = vec![NONE; keys.len()];
            let mut next = vec![NONE; rows.rows()];
            for (row, number) in numbers.iter().enumerate().filter(|(_, n)| **n != NONE) {
                next[row] = heads[*number as usize];
                heads[*number as usize] = row as u32;
            }
            Chains { heads, next }
        });
        let tracked = if track { rows.rows() } else { 0 };
        let matched = (0..tracked).map(|_| AtomicBool::new(false)).collect();
        Ok(JoinTable { keys, chains, rows, matched })
    }

    /// The first candidate of each selected outer row.
    pub fn probe(
        &self,
        columns: &[Arc<Column>],
        rows: &Selection,
        scratch: &mut Scratch,
        firsts: &mut Vec<u32>,
    ) -> Result<()> {
        let references: Vec<&Column> = columns.iter().map(|c| &**c).collect();
        self.keys.find(&references, rows, false, scratch, firsts)?;
        if let Some(chains) = &self.chains {
            firsts.iter_mut().filter(|n| **n != NONE).for_each(|n| *n = chains.heads[*n as usize]);
        }
        Ok(())
    }

    /// The candidate after this one.
    #[inline]
    pub fn after(&self, row: u32) -> u32 {
        self.chains.as_ref().map_or(NONE, |chains| chains.next[row as usize])
    }

    /// Whether no outer row can have a second candidate.
    pub fn is_unique(&self) -> bool {
        self.chains.is_none()
    }

    pub fn buckets(&self) -> usize {
        self.keys.len()
    }

    /// Notes that a row has found a partner; whether it had one before. False where nobody asks.
    #[inline]
    pub fn mark(&self, row: u32) -> bool {
        self.matched.get(row as usize).is_some_and(|flag| flag.swap(true, Ordering::Relaxed))
    }

    #[inline]
    pub fn is_marked(&self, row: u32) -> bool {
        self.matched.get(row as usize).is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    pub fn forget_marks(&self) {
        self.matched.iter().for_each(|flag| flag.store(false, Ordering::Relaxed));
    }

    /// Rows that are tracked: all or none.
    pub fn tracked(&self) -> usize {
        self.matched.len()
    }

    pub fn memory_bytes(&self) -> usize {
        let chains = self.chains.as_ref().map_or(0, |c| 4 * (c.heads.len() + c.next.len()));
        self.keys.memory_bytes() + chains + self.matched.len()
    }
}
