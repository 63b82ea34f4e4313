//! Memoize: the rows of a parameterised child, kept by the values of its parameters.

use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, evaluate_once};
use crate::instrument::Counters;
use crate::keys::Encoder;
use crate::node::{self, Node};
use crate::rows::{Leftover, batch_bytes};
use base::{Error, Result};
use datum::{Batch, Column};
use hashbrown::HashMap;
use ir::{Expr, ParamKind, Plan, PlanNode};
use std::collections::VecDeque;
use std::sync::Arc;

struct Spec {
    keys: Vec<Eval>,
    encoder: Encoder,
    /// Exec params below that are no keys: when one changes, all is forgotten.
    others: Vec<usize>,
}

pub fn build(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    let PlanNode::Memoize { keys, single_row, .. } = &plan.node else {
        return Err(Error::internal("not a memoize node"));
    };
    let child = node::build_child(execution, plan.left.as_deref())?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let mut compiler = Compiler::new(&execution.session, Inputs::None);
        let is_key = |id: usize| {
            keys.iter().any(|k| matches!(k, Expr::Param(p) if p.kind == ParamKind::Exec && p.id == id))
        };
        Ok(Spec {
            keys: compiler.compile_all(keys)?,
            encoder: Encoder::of_types(&execution.session, keys.iter().map(ir::expr_type))?,
            others: prepared.params_of(plan).iter().copied().filter(|id| !is_key(*id)).collect(),
        })
    })?;
    Ok(Box::new(Memoize {
        spec,
        child,
        single_row: *single_row,
        cache: HashMap::new(),
        order: VecDeque::new(),
        bytes: 0,
        version: None,
        state: State::Start,
        leftover: Leftover::default(),
        report: Counters::default(),
    }))
}

type Key = Arc<[u8]>;

enum State {
    Start,
    /// Replaying kept rows; at this batch.
    Replaying(Arc<[Batch]>, usize),
    /// Reading the child, and keeping what it yields under the key.
    Filling(Key, Vec<Batch>),
    /// Reading the child whose rows are too many to keep.
    Passing,
    Done,
}

struct Memoize {
    spec: Arc<Spec>,
    child: Box<dyn Node>,
    /// The child yields one row at most.
    single_row: bool,
    cache: HashMap<Key, Arc<[Batch]>>,
    /// Keys, the oldest first.
    order: VecDeque<Key>,
    bytes: usize,
    version: Option<u64>,
    state: State,
    leftover: Leftover,
    report: Counters,
}

/// Of an entry beside its rows.
const ENTRY_BYTES: usize = 128;

impl Memoize {
    fn start(&mut self, execution: &mut Execution) -> Result<()> {
        let version = execution.params_version(&self.spec.others);
        if self.version.replace(version) != Some(version) {
            self.forget(execution);
        }
        let mut columns = Vec::with_capacity(self.spec.keys.len());
        for key in &self.spec.keys {
            columns.push(evaluate_once(execution, key)?);
        }
        let references: Vec<&Column> = columns.iter().map(|c| &**c).collect();
        let mut key = Vec::new();
        self.spec.encoder.encode_row(&references, 0, &mut key)?;
        self.state = match self.cache.get(key.as_slice()) {
            Some(rows) => {
                self.report.cache_hits += 1;
                State::Replaying(rows.clone(), 0)
            }
            None => {
                self.report.cache_misses += 1;
                self.child.rescan(execution)?;
                State::Filling(key.into(), Vec::new())
            }
        };
        Ok(())
    }

    fn forget(&mut self, execution: &mut Execution) {
        self.cache.clear();
        self.order.clear();
        execution.memory.release(std::mem::take(&mut self.bytes));
    }

    fn keep(&mut self, execution: &mut Execution, key: Key, rows: Vec<Batch>) -> Result<()> {
        let size = rows.iter().map(batch_bytes).sum::<usize>() + key.len() + ENTRY_BYTES;
        while self.bytes + size > execution.memory.hash_mem_bytes {
            let Some(oldest) = self.order.pop_front() else { return Ok(()) };
            if let Some(rows) = self.cache.remove(&oldest) {
                let freed = rows.iter().map(batch_bytes).sum::<usize>() + oldest.len() + ENTRY_BYTES;
                self.bytes -= freed;
                execution.memory.release(freed);
                self.report.cache_evictions += 1;
            }
        }
        execution.memory.charge(size)?;
        self.bytes += size;
        self.report.cache_memory = self.report.cache_memory.max(self.bytes as u64);
        self.order.push_back(key.clone());
        self.cache.insert(key, rows.into());
        Ok(())
    }
}

impl Node for Memoize {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        if let State::Start = self.state {
            self.start(execution)?;
        }
        match &mut self.state {
            State::Start | State::Done => Ok(None),
            State::Replaying(rows, at) => {
                let Some(batch) = rows.get(*at).cloned() else {
                    self.state = State::Done;
                    return Ok(None);
                };
                *at += 1;
                Ok(Some(self.leftover.put(batch, want)))
            }
            State::Passing => self.child.next(execution, want),
            State::Filling(..) => {
                let batch = self.child.next(execution, want)?;
                let State::Filling(key, mut rows) = std::mem::replace(&mut self.state, State::Done) else {
                    return Ok(batch);
                };
                let Some(batch) = batch else {
                    self.keep(execution, key, rows)?;
                    return Ok(None);
                };
                rows.push(batch.clone());
                if self.single_row {
                    // Complete although nobody may ask for the end.
                    self.keep(execution, key, rows)?;
                    return Ok(Some(batch));
                }
                let size: usize = rows.iter().map(batch_bytes).sum();
                self.state = match size > execution.memory.hash_mem_bytes {
                    true => State::Passing,
                    false => State::Filling(key, rows),
                };
                Ok(Some(batch))
            }
        }
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        self.state = State::Start;
        self.leftover.clear();
        Ok(())
    }

    fn report(&self, counters: &mut Counters) {
        counters.cache_hits = self.report.cache_hits;
        counters.cache_misses = self.report.cache_misses;
        counters.cache_evictions = self.report.cache_evictions;
        counters.cache_memory = self.report.cache_memory;
    }
}
