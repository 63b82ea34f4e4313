//! VALUES: expression lists, evaluated in pieces.

use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::node::Node;
use crate::rows::{Projection, builders};
use base::{Error, Result};
use datum::{Batch, MAX_BATCH_ROWS, Repr, Selection};
use ir::{Plan, RangeTableKind};
use std::sync::Arc;

struct Spec {
    lists: Vec<Vec<Eval>>,
    reprs: Vec<Repr>,
    quals: Vec<Eval>,
    projection: Projection,
}

pub fn build(execution: &mut Execution, plan: &Plan, relation: usize) -> Result<Box<dyn Node>> {
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let session = execution.session.clone();
        let entry = relation.checked_sub(1).and_then(|r| prepared.plan.range_table.get(r));
        let Some(RangeTableKind::Values { lists, types, .. }) = entry.map(|e| &e.kind) else {
            return Err(Error::internal("a scan of VALUES over something else"));
        };
        let mut compiler = Compiler::new(&session, Inputs::None);
        let lists = lists.iter().map(|list| compiler.compile_all(list)).collect::<Result<_>>()?;
        let reprs = types.iter().map(|t| compiler.repr(*t)).collect::<Result<_>>()?;
        let attributes: Vec<i16> = (1..=types.len() as i16).collect();
        let mut compiler = Compiler::new(&session, Inputs::Scan { relation, attributes: &attributes });
        let quals = compiler.compile_all(&plan.qual)?;
        let projection = Projection::new(compiler.compile_all(plan.target_list.iter().map(|t| &t.expr))?);
        Ok(Spec { lists, reprs, quals, projection })
    })?;
    Ok(Box::new(ValuesScan { spec, at: 0 }))
}

struct ValuesScan {
    spec: Arc<Spec>,
    at: usize,
}

impl Node for ValuesScan {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let spec = self.spec.clone();
        while self.at < spec.lists.len() {
            let end = spec.lists.len().min(self.at + want.min(MAX_BATCH_ROWS));
            let mut columns = builders(&spec.reprs);
            let none = Batch::new(Vec::new(), 1);
            for list in &spec.lists[self.at..end] {
                for (builder, eval) in columns.iter_mut().zip(list) {
                    builder.push(eval.evaluate(execution, &none, &Selection::All(1))?.get(0));
                }
            }
            let rows = end - self.at;
            self.at = end;
            let batch = Batch::new(columns.into_iter().map(|c| Arc::new(c.finish())).collect(), rows);
            let kept = filter(&spec.quals, execution, &batch, Selection::All(rows))?;
            if !kept.is_empty() {
                return spec.projection.apply(execution, &batch.select(&kept)).map(Some);
            }
        }
        Ok(None)
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        self.at = 0;
        Ok(())
    }
}
