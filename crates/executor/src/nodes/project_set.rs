//! ProjectSet: set-returning functions in the target list. A row goes on until the longest of its sets has ended;
//! the shorter ones are NULL meanwhile.

use super::function_scan::{SetSource, out_columns};
use crate::composite::form_composite;
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs};
use crate::node::{self, Node};
use crate::rows::builders;
use base::{Result, bail};
use catalog::Session;
use datum::{Batch, Column, ColumnBuilder, Datum, MAX_BATCH_ROWS, Repr, Selection, TupleDesc};
use functions::SetRows;
use ir::{Expr, Plan, expr_type};
use std::sync::Arc;

enum Target {
    Value(Eval),
    /// Computed anew for every row that comes out.
    Volatile(Eval),
    Set {
        source: SetSource,
        /// The fields that make up one value of a composite result.
        row: Option<(Arc<TupleDesc>, i32)>,
        /// Whether a built-in set gives rows whose type only the set itself knows.
        anonymous: bool,
    },
}

struct Spec {
    targets: Vec<Target>,
    reprs: Arc<[Repr]>,
}

pub fn build(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    let child = match plan.left.as_deref() {
        Some(child) => Some(node::build(execution, child)?),
        None => None,
    };
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let session = execution.session.clone();
        let mut compiler =
            Compiler::new(&session, if child.is_some() { Inputs::Outer } else { Inputs::None });
        let mut targets = Vec::new();
        for target in &plan.target_list {
            let returns_set = match &target.expr {
                Expr::Func(f) => f.returns_set,
                Expr::Op(o) => o.returns_set,
                _ => false,
            };
            targets.push(match returns_set {
                false if is_volatile(&session, &target.expr)? => {
                    Target::Volatile(compiler.compile(&target.expr)?)
                }
                false => Target::Value(compiler.compile(&target.expr)?),
                true => {
                    let row = row_of(execution, &target.expr)?;
                    let source = SetSource::compile(&mut compiler, &target.expr)?;
                    let anonymous = row.is_none()
                        && expr_type(&target.expr) == TupleDesc::RECORD_TYPE
                        && matches!(source, SetSource::BuiltIn { .. });
                    Target::Set { source, row, anonymous }
                }
            });
        }
        Ok(Spec { targets, reprs: node::output_reprs(&session, plan)? })
    })?;
    Ok(Box::new(ProjectSet {
        spec,
        child,
        batch: None,
        row: 0,
        inputs: Vec::new(),
        sets: Vec::new(),
        single: true,
    }))
}

fn is_volatile(session: &Session, expr: &Expr) -> Result<bool> {
    let mut failed = Ok(());
    let found = ir::any(expr, &mut |e| {
        let function = match e {
            Expr::NextValue { .. } => return true,
            Expr::Func(call) => call.function,
            Expr::Op(op) if !op.function.is_valid() => return false,
            Expr::Op(op) | Expr::Distinct(op) | Expr::NullIf(op) => op.function,
            _ => return false,
        };
        match session.function(function) {
            Ok(row) => row.provolatile as u8 == b'v',
            Err(error) => {
                failed = Err(error);
                true
            }
        }
    });
    failed.map(|()| found)
}

/// The row type of a set's values, when they are rows.
fn row_of(execution: &Execution, expr: &Expr) -> Result<Option<(Arc<TupleDesc>, i32)>> {
    let session = &execution.session;
    let type_oid = expr_type(expr);
    if let Some(desc) = session.row_type(type_oid)? {
        return Ok(Some((desc, -1)));
    }
    if type_oid != TupleDesc::RECORD_TYPE {
        return Ok(None);
    }
    Ok(out_columns(session, expr)?.map(|desc| {
        let desc = Arc::new(desc);
        let typmod = session.instance().records.typmod_of(&desc);
        (desc, typmod)
    }))
}

/// A set in progress for the current row.
enum Running {
    Value,
    Volatile,
    Set(Box<dyn SetRows>),
    Ended,
}

struct ProjectSet {
    spec: Arc<Spec>,
    child: Option<Box<dyn Node>>,
    batch: Option<Batch>,
    row: usize,
    /// For the batch: the values of plain targets, and the arguments of sets.
    inputs: Vec<Vec<Arc<Column>>>,
    /// Empty between two rows.
    sets: Vec<Running>,
    /// Without a child: whether the one row is still to come.
    single: bool,
}

impl ProjectSet {
    fn next_batch(&mut self, execution: &mut Execution) -> Result<bool> {
        let batch = match &mut self.child {
            Some(child) => child.next(execution, 64)?,
            None => std::mem::take(&mut self.single).then(|| Batch::new(Vec::new(), 1)),
        };
        let Some(batch) = batch else { return Ok(false) };
        let rows = Selection::All(batch.rows());
        self.inputs.clear();
        for target in &self.spec.targets {
            let evals = match target {
                Target::Value(eval) => std::slice::from_ref(eval),
                Target::Volatile(_) => &[],
                Target::Set { source, .. } => source.args(),
            };
            let columns =
                evals.iter().map(|e| e.evaluate(execution, &batch, &rows)).collect::<Result<_>>()?;
            self.inputs.push(columns);
        }
        self.batch = Some(batch);
        self.row = 0;
        Ok(true)
    }

    fn start_row(&mut self, execution: &Execution) -> Result<()> {
        for (target, inputs) in self.spec.targets.iter().zip(&self.inputs) {
            self.sets.push(match target {
                Target::Value(_) => Running::Value,
                Target::Volatile(_) => Running::Volatile,
                Target::Set { source, .. } => {
                    let values: Vec<_> = inputs.iter().map(|c| c.get(self.row)).collect();
                    source.start(execution, &values, false)?.map_or(Running::Ended, Running::Set)
                }
            });
        }
        Ok(())
    }

    /// Appends up to `limit` rows of the current input row; 0 when its sets have ended.
    fn step(&mut self, execution: &mut Execution, limit: usize, out: &mut [ColumnBuilder]) -> Result<usize> {
        let live = self.sets.iter().filter(|s| matches!(s, Running::Set(_))).count();
        // Several sets keep step row by row, and so does what may change from row to row.
        let single = live > 1 || self.sets.iter().any(|s| matches!(s, Running::Volatile));
        let limit = if single { 1 } else { limit };
        let mut produced = vec![0; self.sets.len()];
        let mut changing = Vec::new();
        for (index, set) in self.sets.iter_mut().enumerate() {
            // Also for the step that finds the sets at their end, as in PostgreSQL.
            if let (Target::Volatile(eval), Some(batch)) = (&self.spec.targets[index], &self.batch) {
                let rows = Selection::Rows(vec![self.row as u32]);
                changing.push((index, eval.evaluate(execution, batch, &rows)?));
            }
            let Running::Set(rows) = set else { continue };
            let Target::Set { source, row, anonymous } = &self.spec.targets[index] else { continue };
            let Some(info) = source.info() else { continue };
            let call = info.call(&execution.session);
            if *anonymous && !rows.whole_rows() {
                bail!(
                    FEATURE_NOT_SUPPORTED,
                    "function returning record called in context that cannot accept type record"
                );
            }
            let fields_of = row.as_ref().filter(|_| !rows.whole_rows());
            produced[index] = match fields_of {
                None => rows.next(&call, limit, &mut out[index..=index])?,
                Some((desc, typmod)) => {
                    let reprs: Vec<Repr> = desc.attributes().iter().map(|a| a.layout.repr).collect();
                    let mut fields = builders(&reprs);
                    let count = rows.next(&call, limit, &mut fields)?;
                    let fields: Vec<Column> = fields.into_iter().map(ColumnBuilder::finish).collect();
                    for row in 0..count {
                        let values: Vec<_> = fields.iter().map(|f| f.get(row)).collect();
                        out[index].push(Some(Datum::Bytes(&form_composite(desc, *typmod, &values)?)));
                    }
                    count
                }
            };
            if produced[index] == 0 {
                *set = Running::Ended;
            }
        }
        let rows = produced.iter().copied().max().unwrap_or(0);
        for (index, set) in self.sets.iter().enumerate() {
            match set {
                Running::Value => {
                    (0..rows).for_each(|_| out[index].push(self.inputs[index][0].get(self.row)));
                }
                Running::Volatile => {}
                _ => (produced[index]..rows).for_each(|_| out[index].push_null()),
            }
        }
        for (index, column) in changing {
            (0..rows).for_each(|_| out[index].push(column.get(self.row)));
        }
        Ok(rows)
    }
}

impl Node for ProjectSet {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let want = want.min(MAX_BATCH_ROWS);
        let mut out = builders(&self.spec.reprs);
        let mut rows = 0;
        while rows < want {
            let available = self.batch.as_ref().is_some_and(|b| self.row < b.rows());
            if !available {
                execution.check()?;
                if !self.next_batch(execution)? {
                    break;
                }
            }
            if self.sets.is_empty() {
                self.start_row(execution)?;
            }
            let produced = self.step(execution, want - rows, &mut out)?;
            rows += produced;
            if produced == 0 {
                self.sets.clear();
                self.row += 1;
            }
        }
        let columns = out.into_iter().map(|b| Arc::new(b.finish())).collect();
        Ok((rows > 0).then(|| Batch::new(columns, rows)))
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.batch = None;
        self.sets.clear();
        self.single = true;
        match &mut self.child {
            Some(child) => child.rescan(execution),
            None => Ok(()),
        }
    }
}
