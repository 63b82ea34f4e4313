//! What the participants of a parallel hash join share: one table, or, where that would not fit into the memory of all of
//! them, both sides divided by their keys' hashes into files, whose parts are then joined by one participant each.
//!
//! Each participant reads its part of the inner rows; the last to end puts all of them into the table, while the others
//! wait. When there are too many rows, all write theirs to one division, and the same with the outer rows; the last to end
//! closes the divisions, and from then on everybody takes parts.
//!
//! Nobody is waited for who has not begun: participants that come when the table is there, or the parts are, just use
//! them. What they would have read has been read by the others, as no part is handed out before somebody asks for it.

use super::join_table::JoinTable;
use crate::context::Execution;
use crate::node::Node;
use crate::rows::batch_bytes;
use crate::spill::{Division, PartReader};
use base::Result;
use datum::{Batch, MAX_BATCH_ROWS};
use hashbrown::DefaultHashBuilder;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::sync::Arc;
use std::time::Duration;

#[derive(Default)]
pub struct SharedHash {
    /// Hashes that rows are divided by are everybody's.
    pub hasher: DefaultHashBuilder,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Participants that are reading inner rows.
    reading: usize,
    /// Somebody puts the rows into the table.
    is_building: bool,
    batches: Vec<Batch>,
    /// Bytes that all have read.
    bytes: usize,
    table: Option<Arc<JoinTable>>,
    /// Participants that are reading outer rows.
    probing: usize,
    /// One of them was the last; who has come since has found no outer rows.
    is_over: bool,
    /// Where rows go that are too many for a table.
    inner: Option<Arc<Mutex<Division>>>,
    outer: Option<Arc<Mutex<Division>>>,
    /// How many parts the sides are divided into.
    count: usize,
    /// All inner rows are divided.
    is_divided: bool,
    parts: Vec<Part>,
}

/// A part of both sides.
pub struct Part {
    pub outer: PartReader,
    pub inner: PartReader,
}

/// What became of the inner rows.
pub enum Built {
    Table(Arc<JoinTable>),
    /// They are divided; so are the outer rows to be.
    Parts {
        outer: Arc<Mutex<Division>>,
        count: usize,
    },
}

/// What a participant does with its inner rows.
pub trait Builder {
    /// Whether rows have keys to divide them by.
    fn can_divide(&self) -> bool;

    /// # Errors
    /// `53200`, and what evaluating the keys fails with.
    fn table(&mut self, execution: &mut Execution, rows: Vec<Batch>) -> Result<JoinTable>;

    /// # Errors
    /// What evaluating the keys and writing fail with.
    fn divide(&mut self, execution: &mut Execution, rows: &Batch, into: &Mutex<Division>) -> Result<()>;
}

/// How often those who wait look whether the statement goes on.
const LOOK: Duration = Duration::from_millis(5);
/// Parts that both sides are divided into at most.
pub const MAX_PARTS: usize = 1024;

/// How many parts to divide into when `bytes` have come and there are more: the whole is unknown; four times what has
/// come is a guess, and a part that is too large still works.
pub fn part_count(bytes: usize, memory: usize) -> usize {
    (4 * bytes / memory.max(1)).next_power_of_two().clamp(4, MAX_PARTS)
}

impl SharedHash {
    /// The table, or the divided rows, made together with whoever else is there by now. To be left with
    /// [`SharedHash::leave`], or [`SharedHash::end_outer`].
    ///
    /// # Errors
    /// What reading and `builder` fail with; that of another participant.
    pub fn build(
        &self,
        execution: &mut Execution,
        inner: &mut Box<dyn Node>,
        builder: &mut dyn Builder,
    ) -> Result<Built> {
        let begun = {
            let mut state = self.state.lock();
            let begins = !state.is_building && !state.is_divided && state.table.is_none();
            state.reading += usize::from(begins);
            begins
        };
        if begun {
            let read = self.read(execution, inner, builder)?;
            self.end_reading(execution, read, builder)?;
        }
        let mut state = self.state.lock();
        loop {
            if let Some(table) = state.table.clone() {
                state.probing += 1;
                return Ok(Built::Table(table));
            }
            if state.is_divided
                && let Some(outer) = state.outer.clone()
            {
                state.probing += 1;
                return Ok(Built::Parts { outer, count: state.count });
            }
            self.changed.wait_for(&mut state, LOOK);
            execution.check()?;
        }
    }

    /// This participant's inner rows, as far as they are not divided.
    fn read(
        &self,
        execution: &mut Execution,
        inner: &mut Box<dyn Node>,
        builder: &mut dyn Builder,
    ) -> Result<Vec<Batch>> {
        let participants = execution.team.as_ref().map_or(1, |team| team.participants());
        let limit = execution.memory.hash_mem_bytes.saturating_mul(participants);
        let (mut read, mut charged) = (Vec::new(), 0);
        while let Some(batch) = inner.next(execution, MAX_BATCH_ROWS)? {
            execution.check()?;
            let size = batch_bytes(&batch);
            let charge = match builder.can_divide() {
                true => execution.memory.charge(size).is_ok(),
                false => execution.memory.charge(size).map(|()| true)?,
            };
            charged += if charge { size } else { 0 };
            read.push(batch);
            let mut state = self.state.lock();
            state.bytes += size;
            if (state.bytes > limit || !charge) && builder.can_divide() && state.inner.is_none() {
                let count = part_count(state.bytes, execution.memory.hash_mem_bytes);
                state.count = count;
                state.inner = Some(Arc::new(Mutex::new(Division::create(execution, count)?)));
                state.outer = Some(Arc::new(Mutex::new(Division::create(execution, count)?)));
            }
            if let Some(division) = state.inner.clone() {
                drop(state);
                for batch in read.drain(..) {
                    builder.divide(execution, &batch, &division)?;
                }
                execution.memory.release(std::mem::take(&mut charged));
            }
        }
        Ok(read)
    }

    /// Adds what a participant has read to what there is; the last one completes it.
    fn end_reading(
        &self,
        execution: &mut Execution,
        mut read: Vec<Batch>,
        builder: &mut dyn Builder,
    ) -> Result<()> {
        let mut state = self.state.lock();
        state.batches.append(&mut read);
        state.reading -= 1;
        if state.reading > 0 {
            return Ok(());
        }
        state.is_building = true;
        let (batches, division) = (std::mem::take(&mut state.batches), state.inner.clone());
        drop(state);
        match division {
            Some(division) => {
                for batch in batches {
                    builder.divide(execution, &batch, &division)?;
                }
                self.state.lock().is_divided = true;
            }
            None => {
                let table = builder.table(execution, batches)?;
                execution.memory.charge(table.memory_bytes())?;
                self.state.lock().table = Some(Arc::new(table));
            }
        }
        self.changed.notify_all();
        Ok(())
    }

    /// This participant has no more outer rows; whether it is the last.
    pub fn leave(&self) -> bool {
        let mut state = self.state.lock();
        state.probing -= 1;
        state.probing == 0 && !std::mem::replace(&mut state.is_over, true)
    }

    /// This participant has divided its outer rows. The last one to do so makes the parts of them, and the others wait for
    /// that.
    ///
    /// # Errors
    /// What writing the rest fails with; that of another participant.
    pub fn end_outer(&self, execution: &Execution) -> Result<()> {
        let mut state = self.state.lock();
        state.probing -= 1;
        if state.probing == 0 && !std::mem::replace(&mut state.is_over, true) {
            let result = Self::close(&mut state);
            drop(state);
            self.changed.notify_all();
            return result;
        }
        while !state.is_over {
            self.changed.wait_for(&mut state, LOOK);
            execution.check()?;
        }
        Ok(())
    }

    fn close(state: &mut MutexGuard<'_, State>) -> Result<()> {
        let closed = |division: Option<Arc<Mutex<Division>>>| -> Result<Vec<PartReader>> {
            match division {
                Some(division) => division.lock().finish(),
                None => Ok(Vec::new()),
            }
        };
        // Whoever comes later is given the outer side's division, too, and has nothing to write to it.
        let (outer, inner) = (closed(state.outer.clone())?, closed(state.inner.take())?);
        state.parts = outer.into_iter().zip(inner).map(|(outer, inner)| Part { outer, inner }).collect();
        Ok(())
    }

    /// A part that nobody has taken yet.
    pub fn next_part(&self) -> Option<Part> {
        self.state.lock().parts.pop()
    }
}
