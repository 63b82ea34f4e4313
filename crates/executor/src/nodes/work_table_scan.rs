//! Work table scan: what the step before of a recursive union found.

use super::subquery_scan::RowsSpec;
use crate::context::Execution;
use crate::node::Node;
use crate::rows::Leftover;
use base::{Error, Result};
use datum::{Attribute, Batch};
use ir::{Plan, RangeTableKind};
use std::sync::Arc;

/// The rows that the recursive side reads now.
pub type WorkTable = Arc<Vec<Batch>>;

pub fn build(execution: &mut Execution, plan: &Plan, relation: usize, param: usize) -> Result<Box<dyn Node>> {
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let entry = relation.checked_sub(1).and_then(|r| prepared.plan.range_table.get(r));
        let Some((RangeTableKind::Cte { types, typmods, collations, .. }, eref)) =
            entry.map(|e| (&e.kind, &e.eref))
        else {
            return Err(Error::internal("a work table scan over something else"));
        };
        let attributes = types.iter().enumerate().map(|(index, type_oid)| {
            let name = eref.columns.get(index).cloned().unwrap_or_default();
            let typmod = typmods.get(index).copied().unwrap_or(-1);
            let collation = collations.get(index).copied().unwrap_or_default();
            let layout = execution.session.type_layout(*type_oid)?;
            Ok(Attribute::result(name, *type_oid, typmod, layout, collation))
        });
        RowsSpec::new(execution, plan, relation, attributes.collect::<Result<_>>()?)
    })?;
    Ok(Box::new(WorkTableScan { spec, param, at: 0, leftover: Leftover::default(), id: plan.id }))
}

struct WorkTableScan {
    spec: Arc<RowsSpec>,
    param: usize,
    at: usize,
    leftover: Leftover,
    id: usize,
}

impl Node for WorkTableScan {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        loop {
            let batch = match self.leftover.next(want) {
                Some(batch) => batch,
                None => {
                    let table = execution.work_tables.get(self.param).and_then(|t| t.as_ref());
                    let Some(batch) = table.and_then(|t| t.get(self.at)).cloned() else { return Ok(None) };
                    self.at += 1;
                    self.leftover.put(batch, want)
                }
            };
            if let Some(batch) = self.spec.output(execution, batch, self.id)? {
                return Ok(Some(batch));
            }
        }
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        self.at = 0;
        self.leftover.clear();
        Ok(())
    }
}
