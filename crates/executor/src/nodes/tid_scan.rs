//! Tid scan: rows by their ctid.

use super::scan::{ScanSpec, relation_of};
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, evaluate_once};
use crate::node::Node;
use crate::place::current_row;
use crate::rows::Leftover;
use adt::array::{ArrayView, ElementLayout};
use base::{Error, Result, Tid, err};
use datum::{Batch, Datum};
use heap::Visibility;
use ir::{Expr, Plan, VarSource};
use std::sync::Arc;

enum Wanted {
    One(Eval),
    Any(Eval),
    /// The row that a cursor stands on.
    Current(Cursor),
}

enum Cursor {
    Named(String),
    /// The name is the value of `$n`, counted from 1.
    Param(usize),
}

impl Cursor {
    fn name(&self, execution: &Execution) -> Result<String> {
        match self {
            Cursor::Named(name) => Ok(name.clone()),
            Cursor::Param(number) => {
                let value = number.checked_sub(1).and_then(|at| execution.params.get(at));
                let name = value.and_then(|column| column.get(0)).map(|name| name.text().to_owned());
                name.ok_or_else(|| err!(UNDEFINED_OBJECT, "no value found for parameter {number}"))
            }
        }
    }
}

struct Spec {
    scan: ScanSpec,
    wanted: Vec<Wanted>,
}

/// Whether the expression is the relation's ctid.
pub fn is_ctid(expr: &Expr) -> bool {
    matches!(expr, Expr::Var(v) if v.attribute == -1 && matches!(v.source, VarSource::Relation(_)))
}

pub fn build(
    execution: &mut Execution,
    plan: &Plan,
    relation: usize,
    quals: &[Expr],
) -> Result<Box<dyn Node>> {
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let entry = relation_of(execution, relation)?;
        let mut compiler = Compiler::new(&execution.session, Inputs::None);
        let mut wanted = Vec::new();
        for qual in quals {
            wanted.push(match qual {
                Expr::Op(op) if op.args.len() == 2 => {
                    let value = if is_ctid(&op.args[0]) { &op.args[1] } else { &op.args[0] };
                    Wanted::One(compiler.compile(value)?)
                }
                Expr::ScalarArrayOp(op) => Wanted::Any(compiler.compile(&op.args[1])?),
                Expr::CurrentOf { cursor: Some(name), .. } => Wanted::Current(Cursor::Named(name.clone())),
                Expr::CurrentOf { cursor: None, param, .. } => Wanted::Current(Cursor::Param(*param)),
                _ => return Err(Error::internal("a condition on ctid that is none")),
            });
        }
        Ok(Spec { scan: ScanSpec::new(&execution.session, entry, plan, relation, &[])?, wanted })
    })?;
    Ok(Box::new(TidScan {
        spec,
        id: plan.id,
        started: false,
        leftover: Leftover::default(),
        substituted: false,
    }))
}

struct TidScan {
    spec: Arc<Spec>,
    id: usize,
    started: bool,
    leftover: Leftover,
    substituted: bool,
}

impl TidScan {
    fn tids(&self, execution: &mut Execution) -> Result<Vec<Tid>> {
        const TID: ElementLayout = ElementLayout { len: 6, by_value: false, align: 2 };
        let mut tids = Vec::new();
        for wanted in &self.spec.wanted {
            match wanted {
                Wanted::One(eval) => tids.extend(evaluate_once(execution, eval)?.get(0).map(Datum::tid)),
                Wanted::Any(eval) => {
                    let array = evaluate_once(execution, eval)?;
                    let Some(array) = array.get(0) else { continue };
                    for element in ArrayView::new(array.bytes())?.iter(TID) {
                        tids.extend(element?.map(|e| Datum::Bytes(e).tid()));
                    }
                }
                Wanted::Current(cursor) => {
                    let (name, entry) = (cursor.name(execution)?, &self.spec.scan.entry);
                    if let Some(tid) = current_row(&execution.session, &name, entry)? {
                        // The row may have been updated since the cursor came by.
                        let (context, snapshot) = (&execution.context, &execution.snapshot);
                        tids.push(heap::latest_version(context, &entry.relation, tid, snapshot)?);
                    }
                }
            }
        }
        tids.sort_unstable();
        tids.dedup();
        Ok(tids)
    }
}

impl Node for TidScan {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let spec = self.spec.clone();
        if let Some(result) = spec.scan.substitute(execution, &mut self.substituted, self.id)? {
            return Ok(result);
        }
        if let Some(batch) = self.leftover.next(want) {
            return spec.scan.projection.apply(execution, &batch).map(Some);
        }
        if std::mem::replace(&mut self.started, true) {
            return Ok(None);
        }
        let visibility = Visibility::Mvcc(execution.snapshot.clone());
        let mut rows = spec.scan.rows();
        for tid in self.tids(execution)? {
            if let Some(tuple) = heap::fetch(&execution.context, &spec.scan.entry.relation, tid, &visibility)?
            {
                spec.scan.push_tuple(execution, &tuple, &mut rows)?;
            }
        }
        let batch = spec.scan.batch(&mut rows)?;
        let batch = spec.scan.filter(execution, batch, false, self.id)?;
        if batch.is_empty() {
            return Ok(None);
        }
        let batch = self.leftover.put(batch, want);
        spec.scan.projection.apply(execution, &batch).map(Some)
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        self.started = false;
        self.leftover.clear();
        self.substituted = false;
        Ok(())
    }
}
