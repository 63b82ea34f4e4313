//! Result: a row of its own, or its child's rows under a condition asked once. Also rows that never were.

use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::node::{self, Node};
use crate::rows::Projection;
use base::Result;
use catalog::Session;
use datum::{Batch, Selection};
use ir::{Const, Expr, Plan, PlanNode};
use std::sync::Arc;

struct Spec {
    constant: Vec<Eval>,
    quals: Vec<Eval>,
    projection: Projection,
    empty: bool,
}

pub fn build(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    let prepared = execution.prepared.clone();
    let child = plan.left.as_deref();
    let spec = prepared.spec(plan, || {
        let session = execution.session.clone();
        let inputs = if child.is_some() { Inputs::Outer } else { Inputs::None };
        let mut compiler = Compiler::new(&session, inputs);
        let (constant, empty) = match &plan.node {
            PlanNode::Result { constant_qual } => (compiler.compile_all(constant_qual)?, false),
            _ => (Vec::new(), true),
        };
        // What an empty result would have computed may not even be computable.
        let mut projection = Vec::new();
        for target in plan.target_list.iter().filter(|_| !empty) {
            projection.push(match child {
                Some(_) => compiler.compile(&target.expr)?,
                None => compiler.compile(&without_columns(&session, target.expr.clone())?)?,
            });
        }
        Ok(Spec {
            constant,
            quals: compiler.compile_all(&plan.qual)?,
            projection: Projection::new(projection),
            empty,
        })
    })?;
    let child = match child {
        Some(child) if !spec.empty => Some(node::build(execution, child)?),
        _ => None,
    };
    Ok(Box::new(ResultNode { spec, child, id: plan.id, state: State::Start }))
}

/// The output of a join that is known to be empty still names columns, which are never asked for.
fn without_columns(session: &Session, expr: Expr) -> Result<Expr> {
    match expr {
        Expr::Var(var) => Ok(Expr::Const(Const {
            type_oid: var.type_oid,
            typmod: var.typmod,
            collation: var.collation,
            layout: session.type_layout(var.type_oid)?,
            value: None,
            location: None,
        })),
        other => ir::try_map(other, &mut |child| without_columns(session, child)),
    }
}

enum State {
    Start,
    Open,
    Done,
}

struct ResultNode {
    spec: Arc<Spec>,
    child: Option<Box<dyn Node>>,
    id: usize,
    state: State,
}

impl Node for ResultNode {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let State::Start = self.state {
            let none = Batch::new(Vec::new(), 1);
            let holds = !self.spec.empty
                && !filter(&self.spec.constant, execution, &none, Selection::All(1))?.is_empty();
            self.state = if holds { State::Open } else { State::Done };
        }
        loop {
            if let State::Done = self.state {
                return Ok(None);
            }
            let input = match &mut self.child {
                Some(child) => match child.next(execution, want)? {
                    Some(batch) => batch,
                    None => {
                        self.state = State::Done;
                        continue;
                    }
                },
                None => {
                    self.state = State::Done;
                    Batch::new(Vec::new(), 1)
                }
            };
            let rows = filter(&self.spec.quals, execution, &input, Selection::All(input.rows()))?;
            if let Some(instruments) = &mut execution.instruments {
                instruments.get_mut(self.id).removed_by_filter += (input.rows() - rows.len()) as u64;
            }
            if !rows.is_empty() {
                return self.spec.projection.apply(execution, &input.select(&rows)).map(Some);
            }
        }
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.state = State::Start;
        match &mut self.child {
            Some(child) => child.rescan(execution),
            None => Ok(()),
        }
    }

    fn set_bound(&mut self, rows: u64) {
        if let Some(child) = &mut self.child
            && self.spec.quals.is_empty()
        {
            child.set_bound(rows);
        }
    }
}
