//! Changes that no plan makes, but a command (COPY): the bookkeeping of a statement that changes tables.

use crate::context::Execution;
use crate::foreign_key;
use base::{Result, Tid};
use catalog::RelationEntry;
use datum::Datum;
use std::sync::Arc;

/// An execution whose rows' foreign keys and deferrable unique keys are checked when it finishes.
pub struct Bulk {
    execution: Execution,
}

impl Bulk {
    pub fn begin(mut execution: Execution) -> Bulk {
        execution.statement = foreign_key::enter(&execution.session);
        Bulk { execution }
    }

    pub fn execution(&mut self) -> &mut Execution {
        &mut self.execution
    }

    /// Makes the rows visible to what follows, and checks what is not deferred.
    ///
    /// # Errors
    /// `23503`, `23505`.
    pub fn finish(mut self) -> Result<()> {
        self.execution.session.command_counter_increment()?;
        foreign_key::check_immediate(&mut self.execution)
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        foreign_key::forget_immediate(&mut self.execution);
        foreign_key::leave(&self.execution.session);
    }
}

/// A row was inserted into a table with foreign keys.
pub fn queue_foreign_keys(
    execution: &mut Execution,
    entry: &Arc<RelationEntry>,
    values: &[Option<Datum<'_>>],
    tid: Tid,
) {
    foreign_key::queue_insert(execution, entry, values, tid);
}
