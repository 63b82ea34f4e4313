//! Subquery scan: the rows of a subquery, filtered and projected.

use crate::composite::form_composite;
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::node::{self, Node};
use crate::rows::Projection;
use base::Result;
use catalog::Session;
use datum::{Attribute, Batch, ColumnBuilder, Datum, Repr, Selection, TupleDesc};
use ir::{Expr, Plan, TargetEntry, VarSource, expr_collation, expr_type, expr_typmod};
use std::sync::Arc;

/// Filter and output over rows whose columns are the attributes of a range table entry.
pub struct RowsSpec {
    quals: Vec<Eval>,
    projection: Projection,
    /// The row type, if the row as a whole is asked for.
    whole: Option<(Arc<TupleDesc>, i32)>,
}

impl RowsSpec {
    /// `attributes`: what the rows consist of.
    pub fn new(
        execution: &Execution,
        plan: &Plan,
        relation: usize,
        attributes: Vec<Attribute>,
    ) -> Result<RowsSpec> {
        let session = &execution.session;
        let mut numbers: Vec<i16> = (1..=attributes.len() as i16).collect();
        let mut whole_type = None;
        for expr in plan.target_list.iter().map(|t| &t.expr).chain(&plan.qual) {
            ir::any(expr, &mut |e| {
                if let Expr::Var(var) = e
                    && var.attribute == 0
                    && var.source == VarSource::Relation(relation)
                {
                    whole_type = Some(var.type_oid);
                }
                false
            });
        }
        let whole = match whole_type {
            None => None,
            Some(type_oid) => {
                numbers.push(0);
                Some(match session.row_type(type_oid)? {
                    Some(desc) => (desc, -1),
                    None => {
                        let desc = Arc::new(TupleDesc::new(attributes));
                        let typmod = session.instance().records.typmod_of(&desc);
                        (desc, typmod)
                    }
                })
            }
        };
        let mut compiler = Compiler::new(session, Inputs::Scan { relation, attributes: &numbers });
        Ok(RowsSpec {
            quals: compiler.compile_all(&plan.qual)?,
            projection: Projection::new(compiler.compile_all(plan.target_list.iter().map(|t| &t.expr))?),
            whole,
        })
    }

    fn with_whole_row(&self, batch: Batch) -> Result<Batch> {
        let Some((desc, typmod)) = &self.whole else { return Ok(batch) };
        let mut out = ColumnBuilder::new(Repr::Bytes, batch.rows());
        let mut values = vec![None; desc.len()];
        for row in 0..batch.rows() {
            values.iter_mut().zip(batch.columns()).for_each(|(v, c)| *v = c.get(row));
            out.push(Some(Datum::Bytes(&form_composite(desc, *typmod, &values)?)));
        }
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(out.finish()));
        Ok(Batch::new(columns, batch.rows()))
    }

    /// The rows that pass, projected; `None` if there are none.
    pub fn output(&self, execution: &mut Execution, batch: Batch, id: usize) -> Result<Option<Batch>> {
        let batch = self.with_whole_row(batch)?;
        let rows = filter(&self.quals, execution, &batch, Selection::All(batch.rows()))?;
        if let Some(instruments) = &mut execution.instruments {
            instruments.get_mut(id).removed_by_filter += (batch.rows() - rows.len()) as u64;
        }
        if rows.is_empty() {
            return Ok(None);
        }
        self.projection.apply(execution, &batch.select(&rows)).map(Some)
    }
}

/// The attributes of a target list's rows, junk left out.
pub fn attributes_of(session: &Session, targets: &[TargetEntry]) -> Result<Vec<Attribute>> {
    let live = targets.iter().filter(|t| !t.junk).map(|target| {
        let type_oid = expr_type(&target.expr);
        let name = target.name.clone().unwrap_or_else(|| "?column?".to_string());
        let layout = session.type_layout(type_oid)?;
        Ok(Attribute::result(name, type_oid, expr_typmod(&target.expr), layout, expr_collation(&target.expr)))
    });
    live.collect()
}

pub fn build(execution: &mut Execution, plan: &Plan, relation: usize, child: &Plan) -> Result<Box<dyn Node>> {
    let node = node::build(execution, child)?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let attributes = attributes_of(&execution.session, &child.target_list)?;
        RowsSpec::new(execution, plan, relation, attributes)
    })?;
    let columns = child.target_list.iter().filter(|t| !t.junk).count();
    Ok(Box::new(SubqueryScan { spec, child: node, columns, id: plan.id }))
}

struct SubqueryScan {
    spec: Arc<RowsSpec>,
    child: Box<dyn Node>,
    /// Columns that are not junk; they come first.
    columns: usize,
    id: usize,
}

impl Node for SubqueryScan {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        while let Some(batch) = self.child.next(execution, want)? {
            let batch = Batch::new(batch.columns()[..self.columns].to_vec(), batch.rows());
            if let Some(batch) = self.spec.output(execution, batch, self.id)? {
                return Ok(Some(batch));
            }
            execution.check()?;
        }
        Ok(None)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.child.rescan(execution)
    }

    fn set_bound(&mut self, rows: u64) {
        if self.spec.quals.is_empty() {
            self.child.set_bound(rows);
        }
    }
}
