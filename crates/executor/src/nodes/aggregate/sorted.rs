//! Groups of an input that comes sorted by the grouping columns. A generation of groups is finished, and the states
//! used anew, at the first boundary after it has become large enough.

use super::{Spec, States};
use crate::context::Execution;
use crate::keys::GroupWatch;
use crate::node::Node;
use crate::rows::Leftover;
use base::Result;
use datum::{Batch, Column, MAX_BATCH_ROWS, Selection};
use std::sync::Arc;

pub fn build(execution: &Execution, spec: Arc<Spec>, child: Box<dyn Node>) -> Result<Box<dyn Node>> {
    let states = States::new(execution, &spec)?;
    let watch = GroupWatch::new(spec.encoder.clone());
    Ok(Box::new(SortedAggregate {
        spec,
        states,
        child,
        watch,
        groups: 0,
        input: None,
        at: 0,
        cut: false,
        end: false,
        leftover: Leftover::default(),
    }))
}

struct SortedAggregate {
    spec: Arc<Spec>,
    states: States,
    child: Box<dyn Node>,
    watch: GroupWatch,
    /// Groups of this generation.
    groups: usize,
    /// Input whose rows from `at` on begin another generation.
    input: Option<Batch>,
    at: usize,
    /// Whether the row at `at` is already known to begin a group.
    cut: bool,
    end: bool,
    leftover: Leftover,
}

impl SortedAggregate {
    /// Takes in rows until the generation is complete, that is, `want` groups are known to have ended.
    fn fill(&mut self, execution: &mut Execution, want: usize) -> Result<()> {
        let spec = self.spec.clone();
        loop {
            let batch = match self.input.take() {
                Some(batch) => batch,
                None => {
                    execution.check()?;
                    match self.child.next(execution, MAX_BATCH_ROWS)? {
                        Some(batch) => batch,
                        None => {
                            self.end = true;
                            return Ok(());
                        }
                    }
                }
            };
            let from = std::mem::take(&mut self.at);
            let mut known_new = std::mem::take(&mut self.cut);
            let columns: Vec<&Column> = spec.group_columns.iter().map(|c| &**batch.column(*c)).collect();
            let kept = spec.kept_columns(&batch);
            let mut numbers = vec![0; batch.rows()];
            let mut end = batch.rows();
            for (row, number) in numbers.iter_mut().enumerate().skip(from) {
                let previous = row.checked_sub(1).filter(|previous| *previous >= from);
                let begins =
                    std::mem::take(&mut known_new) || self.watch.is_new_after(&columns, previous, row)?;
                if begins {
                    if self.groups >= want {
                        end = row;
                        self.cut = true;
                        break;
                    }
                    self.states.kept.append(&kept, row, 1);
                    self.groups += 1;
                }
                *number = self.groups as u32 - 1;
            }
            self.states.resize(self.groups);
            if end > from {
                let rows = match from {
                    0 => Selection::All(end),
                    _ => Selection::Rows((from as u32..end as u32).collect()),
                };
                self.states.update(execution, &spec, &batch, &numbers, &rows)?;
            }
            if end < batch.rows() {
                self.input = Some(batch);
                self.at = end;
                return Ok(());
            }
        }
    }
}

impl Node for SortedAggregate {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        let want = want.min(MAX_BATCH_ROWS);
        while !self.end {
            self.fill(execution, want)?;
            if self.groups == 0 {
                return Ok(None);
            }
            let spec = self.spec.clone();
            self.states.complete(execution, &spec)?;
            let kept = self.states.kept.take();
            let groupings = spec.grouping_values(&spec.group_columns);
            let batch = spec.output(execution, &mut self.states, kept, 0, self.groups, &groupings)?;
            self.states.reset(execution);
            self.groups = 0;
            if let Some(batch) = batch {
                return Ok(Some(self.leftover.put(batch, want)));
            }
        }
        Ok(None)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.states.reset(execution);
        self.watch.reset();
        self.groups = 0;
        self.input = None;
        self.at = 0;
        self.cut = false;
        self.end = false;
        self.leftover.clear();
        self.child.rescan(execution)
    }
}
