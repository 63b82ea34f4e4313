//! A store of rows that are read again: in memory up to work_mem, in a temporary file beyond.

use crate::context::Execution;
use crate::rows::batch_bytes;
use crate::spill::SpillFile;
use base::Result;
use datum::Batch;

#[derive(Default)]
pub struct Store {
    batches: Vec<Batch>,
    bytes: usize,
    /// What came after memory was full.
    file: Option<SpillFile>,
}

impl Store {
    /// # Errors
    /// `53200`, and what writing fails with.
    pub fn add(&mut self, execution: &mut Execution, batch: Batch) -> Result<()> {
        if let Some(file) = &mut self.file {
            return file.write(&batch);
        }
        let bytes = batch_bytes(&batch);
        execution.memory.charge(bytes)?;
        self.bytes += bytes;
        self.batches.push(batch);
        if self.bytes > execution.memory.work_mem_bytes {
            self.file = Some(SpillFile::create(execution)?);
        }
        Ok(())
    }

    pub fn clear(&mut self, execution: &mut Execution) {
        execution.memory.release(std::mem::take(&mut self.bytes));
        self.batches.clear();
        self.file = None;
    }

    /// Batches in memory; they come first.
    pub fn in_memory(&self) -> &[Batch] {
        &self.batches
    }

    /// Reads the file's rows from its start.
    ///
    /// # Errors
    /// What writing the rest fails with.
    pub fn rewind_file(&mut self) -> Result<()> {
        match &mut self.file {
            Some(file) => file.rewind(),
            None => Ok(()),
        }
    }

    /// # Errors
    /// What reading fails with.
    pub fn next_from_file(&mut self) -> Result<Option<Batch>> {
        match &mut self.file {
            Some(file) => file.next(),
            None => Ok(None),
        }
    }
}
