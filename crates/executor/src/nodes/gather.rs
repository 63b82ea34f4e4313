//! Gather: rows of the workers and of the leader itself, as they come. Gather Merge: sorted rows of each, merged.

use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::instrument::Counters;
use crate::merging::Merger;
use crate::node::{self, Node};
use crate::order::Ordering;
use crate::parallel::{Crew, Found, Task};
use crate::prepare::rescan_param;
use crate::rows::{Leftover, Projection};
use base::{Error, Result};
use datum::{Batch, MAX_BATCH_ROWS, Repr, Selection};
use ir::{Plan, PlanNode};
use std::sync::Arc;

pub fn build(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || Spec::new(execution, plan))?;
    let child = node::build_child(execution, plan.left.as_deref())?;
    let streams =
        spec.order.as_ref().map(|(ordering, reprs)| Merger::new(ordering.clone(), reprs.clone(), 0));
    Ok(Box::new(Gather {
        spec,
        child,
        child_done: false,
        crew: None,
        streams,
        leftover: Leftover::default(),
        bound: None,
        launched: 0,
    }))
}

struct Spec {
    id: usize,
    workers: usize,
    /// Whether the leader runs the child as well.
    leads: bool,
    /// The child's order and columns, for Gather Merge.
    order: Option<(Ordering, Arc<[Repr]>)>,
    quals: Vec<Eval>,
    projection: Projection,
}

impl Spec {
    fn new(execution: &Execution, plan: &Plan) -> Result<Spec> {
        let session = &execution.session;
        let child = plan.left.as_deref().ok_or_else(|| Error::internal("a Gather without its child"))?;
        let mut compiler = Compiler::new(session, Inputs::Outer);
        let targets = compiler.compile_all(plan.target_list.iter().map(|t| &t.expr))?;
        let participates = session.settings().get(settings::PARALLEL_LEADER_PARTICIPATION);
        let (workers, leads, order) = match &plan.node {
            PlanNode::GatherMerge { workers, keys } => {
                let ordering = Ordering::new(session, keys, &child.target_list)?;
                (*workers, participates, Some((ordering, node::output_reprs(session, child)?)))
            }
            PlanNode::Gather { workers, single_copy, .. } => (*workers, participates && !single_copy, None),
            _ => return Err(Error::internal("not a Gather")),
        };
        let quals = compiler.compile_all(&plan.qual)?;
        Ok(Spec { id: plan.id, workers, leads, order, quals, projection: Projection::new(targets) })
    }
}

struct Gather {
    spec: Arc<Spec>,
    /// The leader's own share of the work.
    child: Box<dyn Node>,
    child_done: bool,
    crew: Option<Crew>,
    /// For Gather Merge: stream 0 is the leader's, the others are the workers'.
    streams: Option<Merger>,
    leftover: Leftover,
    bound: Option<u64>,
    launched: u64,
}

impl Gather {
    fn start(&mut self, execution: &mut Execution) -> Result<Crew> {
        let task = Task { gather: self.spec.id, workers: self.spec.workers, bound: self.bound };
        let crew = Crew::start(execution, task)?;
        self.child_done = !self.spec.leads && crew.launched() > 0;
        self.launched += crew.launched() as u64;
        if let Some(streams) = &mut self.streams {
            streams.restart(1 + crew.launched());
        }
        Ok(crew)
    }

    fn own_rows(&mut self, execution: &mut Execution, crew: &Crew, want: usize) -> Result<Option<Batch>> {
        if self.child_done {
            return Ok(None);
        }
        let child = &mut self.child;
        let batch = crew.lead(execution, |execution| child.next(execution, want))?;
        self.child_done = batch.is_none();
        Ok(batch)
    }

    /// The next rows of whoever has some.
    fn any_rows(&mut self, execution: &mut Execution, crew: &mut Crew, want: usize) -> Result<Option<Batch>> {
        let mut found = crew.look()?;
        loop {
            match found {
                Found::Rows(batch) => return Ok(Some(batch)),
                Found::End if self.child_done => return Ok(None),
                Found::Nothing if self.child_done => {}
                Found::End | Found::Nothing => {
                    if let Some(batch) = self.own_rows(execution, crew, want)? {
                        return Ok(Some(batch));
                    }
                }
            }
            found = match crew.look()? {
                Found::Nothing => crew.wait(execution)?,
                found => found,
            };
        }
    }

    fn rows(&mut self, execution: &mut Execution, crew: &mut Crew, want: usize) -> Result<Option<Batch>> {
        let Some(mut streams) = self.streams.take() else {
            return self.any_rows(execution, crew, want);
        };
        let batch = streams.next(want, |stream| match stream {
            0 => self.own_rows(execution, crew, MAX_BATCH_ROWS),
            worker => crew.rows_of(execution, worker - 1),
        });
        self.streams = Some(streams);
        batch
    }
}

impl Node for Gather {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        let mut crew = match self.crew.take() {
            Some(crew) => crew,
            None => self.start(execution)?,
        };
        while let Some(batch) = self.rows(execution, &mut crew, want)? {
            let rows = filter(&self.spec.quals, execution, &batch, Selection::All(batch.rows()))?;
            if !rows.is_empty() {
                self.crew = Some(crew);
                let batch = self.spec.projection.apply(execution, &batch.select(&rows))?;
                return Ok(Some(self.leftover.put(batch, want)));
            }
        }
        self.crew = Some(crew);
        Ok(None)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        // The workers are gone before the leader begins anew.
        self.crew = None;
        self.leftover.clear();
        self.child_done = false;
        let shared_out = rescan_param(&execution.prepared.plan);
        execution.touch_param(shared_out);
        self.child.rescan(execution)
    }

    fn set_bound(&mut self, rows: u64) {
        if self.spec.quals.is_empty() {
            self.bound = Some(rows);
            self.child.set_bound(rows);
        }
    }

    fn report(&self, counters: &mut Counters) {
        counters.workers_launched = self.launched;
    }
}
