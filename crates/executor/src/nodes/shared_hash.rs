//! The table of a parallel hash join. Each participant reads its part of the inner rows; the last to end puts all of
//! them into the table, while the others wait.
//!
//! Nobody is waited for who has not begun: participants that come when the table is there just use it. What they would
//! have read has been read by the others, as no part is handed out before somebody asks for it.

use super::join_table::JoinTable;
use crate::context::Execution;
use crate::node::Node;
use crate::rows::batch_bytes;
use base::Result;
use datum::{Batch, MAX_BATCH_ROWS};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::Duration;

#[derive(Default)]
pub struct SharedHash {
    state: Mutex<State>,
    built: Condvar,
}

#[derive(Default)]
struct State {
    /// Participants that are reading inner rows.
    reading: usize,
    /// Somebody puts the rows into the table.
    is_building: bool,
    batches: Vec<Batch>,
    table: Option<Arc<JoinTable>>,
    /// Participants that are reading outer rows.
    probing: usize,
    /// One of them was the last; who has come since has found no outer rows.
    is_over: bool,
}

/// How often those who wait look whether the statement goes on.
const LOOK: Duration = Duration::from_millis(5);

impl SharedHash {
    /// The table, built together with whoever else is there by now. To be left with [`SharedHash::leave`].
    ///
    /// # Errors
    /// What reading and `build` fail with; that of another participant.
    pub fn table(
        &self,
        execution: &mut Execution,
        inner: &mut Box<dyn Node>,
        build: impl FnOnce(&mut Execution, Vec<Batch>) -> Result<JoinTable>,
    ) -> Result<Arc<JoinTable>> {
        let begun = {
            let mut state = self.state.lock();
            let begins = !state.is_building && state.table.is_none();
            state.reading += usize::from(begins);
            begins
        };
        let mut read = Vec::new();
        while begun && let Some(batch) = inner.next(execution, MAX_BATCH_ROWS)? {
            execution.check()?;
            execution.memory.charge(batch_bytes(&batch))?;
            read.push(batch);
        }
        let mut state = self.state.lock();
        if begun {
            state.batches.append(&mut read);
            state.reading -= 1;
            if state.reading == 0 {
                state.is_building = true;
                let batches = std::mem::take(&mut state.batches);
                drop(state);
                let table = build(execution, batches)?;
                execution.memory.charge(table.memory_bytes())?;
                state = self.state.lock();
                state.table = Some(Arc::new(table));
                self.built.notify_all();
            }
        }
        loop {
            if let Some(table) = state.table.clone() {
                state.probing += 1;
                return Ok(table);
            }
            self.built.wait_for(&mut state, LOOK);
            execution.check()?;
        }
    }

    /// This participant has no more outer rows; whether it is the last.
    pub fn leave(&self) -> bool {
        let mut state = self.state.lock();
        state.probing -= 1;
        state.probing == 0 && !std::mem::replace(&mut state.is_over, true)
    }
}
