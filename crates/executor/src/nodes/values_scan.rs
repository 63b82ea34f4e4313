//! VALUES: expression lists, evaluated in pieces.

use super::subquery_scan::RowsSpec;
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs};
use crate::node::Node;
use crate::rows::builders;
use base::{Error, Result};
use datum::{Attribute, Batch, MAX_BATCH_ROWS, Repr, Selection};
use ir::{Plan, RangeTableKind};
use std::sync::Arc;

struct Spec {
    lists: Vec<Vec<Eval>>,
    reprs: Vec<Repr>,
    rows: RowsSpec,
}

pub fn build(execution: &mut Execution, plan: &Plan, relation: usize) -> Result<Box<dyn Node>> {
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let session = execution.session.clone();
        let entry = relation.checked_sub(1).and_then(|r| prepared.plan.range_table.get(r));
        let Some((RangeTableKind::Values { lists, types, typmods, collations, .. }, eref)) =
            entry.map(|e| (&e.kind, &e.eref))
        else {
            return Err(Error::internal("a scan of VALUES over something else"));
        };
        let mut compiler = Compiler::new(&session, Inputs::None);
        let lists = lists.iter().map(|list| compiler.compile_all(list)).collect::<Result<_>>()?;
        let attributes = types.iter().enumerate().map(|(index, type_oid)| {
            let name = eref.columns.get(index).cloned().unwrap_or_default();
            let typmod = typmods.get(index).copied().unwrap_or(-1);
            let collation = collations.get(index).copied().unwrap_or_default();
            Ok(Attribute::result(name, *type_oid, typmod, session.type_layout(*type_oid)?, collation))
        });
        let attributes = attributes.collect::<Result<Vec<_>>>()?;
        let reprs = attributes.iter().map(|a| a.layout.repr).collect();
        Ok(Spec { lists, reprs, rows: RowsSpec::new(execution, plan, relation, attributes)? })
    })?;
    Ok(Box::new(ValuesScan { spec, at: 0, id: plan.id }))
}

struct ValuesScan {
    spec: Arc<Spec>,
    at: usize,
    id: usize,
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
            if let Some(batch) = spec.rows.output(execution, batch, self.id)? {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        self.at = 0;
        Ok(())
    }
}
