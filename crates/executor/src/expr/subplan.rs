//! Subqueries in expressions: init plans, which run once when they are first asked for, and correlated subplans, which
//! run for each row.

use super::{Compiler, Eval, Frames, boolean};
use crate::context::Execution;
use crate::element::ElementType;
use crate::key_table::{KeyTable, NONE, Scratch};
use crate::keys::Encoder;
use crate::node::{self, Node};
use crate::rows::{broadcast, builders};
use adt::array::{ArrayBuilder, ArrayStack};
use base::{Error, Result, bail};
use datum::{Batch, Column, ColumnBuilder, Datum, MAX_BATCH_ROWS, OwnedDatum, Repr, Selection};
use ir::{Expr, ParamKind, SubLinkKind, SubPlan};
use std::sync::Arc;

/// An uncorrelated subplan whose result goes into exec params.
pub struct InitPlan {
    subplan: Arc<SubPlan>,
    reprs: Arc<[Repr]>,
    element: Option<ElementType>,
    /// Exec params that the subplan reads.
    depends_on: Arc<[usize]>,
    /// The version of those when it ran last.
    evaluated: Option<u64>,
}

impl InitPlan {
    /// # Errors
    /// `XX000` for a subplan that cannot be one.
    pub fn new(execution: &Execution, subplan: &SubPlan) -> Result<InitPlan> {
        let prepared = execution.prepared.clone();
        let Some(plan) = prepared.plan.subplans.get(subplan.plan) else {
            return Err(Error::internal("a subplan that is not there"));
        };
        let session = &execution.session;
        let reprs = match subplan.kind {
            SubLinkKind::Exists => [Repr::Bool].into(),
            SubLinkKind::Array => [Repr::Bytes].into(),
            _ => node::output_reprs(session, plan)?,
        };
        let element = match subplan.kind {
            SubLinkKind::Array => Some(array_element(session, subplan)?),
            _ => None,
        };
        Ok(InitPlan {
            subplan: Arc::new(subplan.clone()),
            reprs,
            element,
            depends_on: prepared.params_of(plan).into(),
            evaluated: None,
        })
    }
}

fn array_element(session: &catalog::Session, subplan: &SubPlan) -> Result<ElementType> {
    let element = session.element_type(session.base_type(subplan.result_type)?.0)?;
    ElementType::new(session, element.ok_or_else(|| Error::internal("ARRAY(...) that is no array"))?)
}

/// The value of an exec param; runs the init plan that sets it, if that has not run.
pub fn exec_param(execution: &mut Execution, id: usize) -> Result<Arc<Column>> {
    if let Some(Some(init)) = execution.init_plans.get(id)
        && init.evaluated != Some(execution.params_version(&init.depends_on))
    {
        run_init_plan(execution, id)?;
    }
    match execution.exec_params.get(id) {
        Some(Some(column)) => Ok(column.clone()),
        _ => Err(Error::internal(format!("exec param {id} has no value"))),
    }
}

fn run_init_plan(execution: &mut Execution, id: usize) -> Result<()> {
    let Some(Some(init)) = execution.init_plans.get(id) else { return Ok(()) };
    let (subplan, reprs, element) = (init.subplan.clone(), init.reprs.clone(), init.element);
    let version = execution.params_version(&init.depends_on);
    let mut node = take_node(execution, subplan.plan)?;
    node.rescan(execution)?;
    let values = single_result(execution, &mut *node, &subplan, element, reprs.len())?;
    execution.subplans[subplan.plan] = Some(node);
    for (index, param) in subplan.set_params.iter().enumerate() {
        let value = values.get(index).and_then(|v| v.as_ref());
        let repr = reprs.get(index).copied().unwrap_or(Repr::Bytes);
        execution.set_param(*param, repr, value.map(OwnedDatum::as_datum));
        if let Some(Some(init)) = execution.init_plans.get_mut(*param) {
            init.evaluated = Some(version);
        }
    }
    Ok(())
}

/// The node of a subplan, taken out of the execution; whoever takes it puts it back.
pub fn subplan_node(execution: &mut Execution, subplan: usize) -> Result<Box<dyn Node>> {
    take_node(execution, subplan)
}

fn take_node(execution: &mut Execution, subplan: usize) -> Result<Box<dyn Node>> {
    if let Some(slot) = execution.subplans.get_mut(subplan)
        && let Some(node) = slot.take()
    {
        return Ok(node);
    }
    let prepared = execution.prepared.clone();
    match prepared.plan.subplans.get(subplan) {
        Some(plan) => node::build(execution, plan),
        None => Err(Error::internal("a subplan that is not there")),
    }
}

/// What EXISTS, a scalar or row subquery or ARRAY() yields, from a node at its start.
fn single_result(
    execution: &mut Execution,
    node: &mut dyn Node,
    subplan: &SubPlan,
    element: Option<ElementType>,
    columns: usize,
) -> Result<Vec<Option<OwnedDatum>>> {
    match (subplan.kind, element) {
        (SubLinkKind::Exists, _) => {
            let found = node.next(execution, 1)?.is_some();
            Ok(vec![Some(OwnedDatum::Bool(found))])
        }
        (SubLinkKind::Array, Some(element)) => {
            if of_arrays(execution, subplan)? {
                return stacked(execution, node, element);
            }
            let mut builder = ArrayBuilder::new(element.oid, element.array_layout());
            let mut buffer = Vec::new();
            while let Some(batch) = node.next(execution, MAX_BATCH_ROWS)? {
                for row in 0..batch.rows() {
                    builder.push(batch.value(0, row).map(|v| element.bytes(v, &mut buffer)))?;
                }
            }
            Ok(vec![Some(OwnedDatum::Bytes(builder.finish()?.into()))])
        }
        _ => match node.next(execution, 2)? {
            None => Ok(vec![None; columns]),
            Some(batch) => {
                if batch.rows() > 1 || node.next(execution, 1)?.is_some() {
                    bail!(
                        CARDINALITY_VIOLATION,
                        "more than one row returned by a subquery used as an expression"
                    );
                }
                Ok(batch.row(0))
            }
        },
    }
}

/// Whether what ARRAY() collects are arrays themselves.
fn of_arrays(execution: &Execution, subplan: &SubPlan) -> Result<bool> {
    let plan = execution.prepared.plan.subplans.get(subplan.plan);
    let Some(column) = plan.and_then(|plan| plan.target_list.first()) else { return Ok(false) };
    let collected = execution.session.base_type(ir::expr_type(&column.expr))?.0;
    Ok(execution.session.element_type(collected)?.is_some())
}

/// The arrays that a subquery yields, as one with a dimension more.
fn stacked(
    execution: &mut Execution,
    node: &mut dyn Node,
    element: ElementType,
) -> Result<Vec<Option<OwnedDatum>>> {
    let mut stack = ArrayStack::default();
    while let Some(batch) = node.next(execution, MAX_BATCH_ROWS)? {
        for row in 0..batch.rows() {
            stack.push(batch.value(0, row).map(|value| value.bytes()))?;
        }
    }
    let payload = match stack.finish(element.oid, element.array_layout())? {
        Some(payload) => payload,
        None => ArrayBuilder::new(element.oid, element.array_layout()).finish()?,
    };
    Ok(vec![Some(OwnedDatum::Bytes(payload.into()))])
}

/// Runs the node of a data-modifying CTE to its end.
pub fn finish_cte(execution: &mut Execution, subplan: usize) -> Result<()> {
    let mut node = take_node(execution, subplan)?;
    while node.next(execution, MAX_BATCH_ROWS)?.is_some() {
        execution.check()?;
    }
    execution.subplans[subplan] = Some(node);
    Ok(())
}

/// A subplan in an expression.
pub struct SubPlanEval {
    subplan: SubPlan,
    /// Values of the exec params that it is given.
    args: Vec<(usize, Eval, Repr)>,
    test: Option<Test>,
    repr: Repr,
    element: Option<ElementType>,
    hashed: Option<Hashed>,
}

/// `expr OP subquery column`, evaluated over the subplan's batches with the outer row held fast.
struct Test {
    eval: Eval,
    /// Columns of the outer row that it reads.
    inputs: Vec<bool>,
}

/// The subplan's rows in a hash table, for `= ANY`.
struct Hashed {
    left: Vec<Eval>,
    /// The places of the compared columns in the subplan's output.
    columns: Vec<usize>,
    encoder: Arc<Encoder>,
}

/// A subplan's rows in one execution.
pub struct Contents {
    version: u64,
    keys: KeyTable,
    /// Rows with a NULL among their columns, which may match without being known to.
    with_nulls: Vec<Vec<Option<OwnedDatum>>>,
    /// Of several columns: the rows without NULLs, each once, for values that are NULL in part.
    whole: Vec<Vec<Option<OwnedDatum>>>,
    empty: bool,
}

impl SubPlanEval {
    pub fn compile(compiler: &mut Compiler<'_>, subplan: &SubPlan) -> Result<SubPlanEval> {
        let session = compiler.session;
        let mut args = Vec::new();
        for (id, arg) in subplan.parameter_params.iter().zip(&subplan.args) {
            args.push((*id, compiler.compile(arg)?, compiler.repr(ir::expr_type(arg))?));
        }
        let element = match subplan.kind {
            SubLinkKind::Array => Some(array_element(session, subplan)?),
            _ => None,
        };
        let repr = match subplan.kind {
            SubLinkKind::Exists | SubLinkKind::Any | SubLinkKind::All | SubLinkKind::RowCompare => Repr::Bool,
            SubLinkKind::Array => Repr::Bytes,
            SubLinkKind::MultiExpr => Repr::Bool,
            _ => compiler.repr(subplan.result_type)?,
        };
        let hashed = match (&subplan.test, subplan.use_hash_table && subplan.kind == SubLinkKind::Any) {
            (Some(test), true) => hashed(compiler, subplan, test)?,
            _ => None,
        };
        let test = match &subplan.test {
            Some(test) => {
                let mut inputs = Vec::new();
                ir::any(test, &mut |e| {
                    if let Expr::Var(var) = e
                        && let Ok(column) = compiler.column_of(var)
                    {
                        if inputs.len() <= column {
                            inputs.resize(column + 1, false);
                        }
                        inputs[column] = true;
                    }
                    false
                });
                Some(Test { eval: compiler.compile(test)?, inputs })
            }
            None => None,
        };
        Ok(SubPlanEval { subplan: subplan.clone(), args, test, repr, element, hashed })
    }

    pub fn sets_params(&self) -> bool {
        self.subplan.kind == SubLinkKind::MultiExpr
    }

    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        if self.args.is_empty()
            && let Some(hashed) = &self.hashed
        {
            return self.probe(hashed, execution, input, rows, frames);
        }
        let mut args = Vec::with_capacity(self.args.len());
        for (id, arg, repr) in &self.args {
            args.push((*id, arg.evaluate_in(execution, input, rows, frames)?, *repr));
        }
        let mut node = take_node(execution, self.subplan.plan)?;
        let result = self.for_each_row(execution, &mut *node, &args, input, rows);
        if let Some(slot) = execution.subplans.get_mut(self.subplan.plan) {
            *slot = Some(node);
        }
        result
    }

    fn for_each_row(
        &self,
        execution: &mut Execution,
        node: &mut dyn Node,
        args: &[(usize, Arc<Column>, Repr)],
        input: &Batch,
        rows: &Selection,
    ) -> Result<Arc<Column>> {
        let mut out = ColumnBuilder::new(self.repr, rows.bound());
        let mut params = match self.sets_params() {
            true => self.output_builders(execution)?,
            false => Vec::new(),
        };
        rows.try_for_each(|row| -> Result<()> {
            execution.check()?;
            for (id, column, repr) in args {
                execution.set_param(*id, *repr, column.get(row));
            }
            node.rescan(execution)?;
            out.pad_to(row);
            match self.subplan.kind {
                SubLinkKind::Any | SubLinkKind::All => {
                    let holds = self.quantified(execution, node, input, row)?;
                    out.push(holds.map(Datum::Bool));
                }
                SubLinkKind::RowCompare => {
                    let holds = self.row_compare(execution, node, input, row)?;
                    out.push(holds.map(Datum::Bool));
                }
                SubLinkKind::MultiExpr => {
                    let values = single_result(execution, node, &self.subplan, None, params.len())?;
                    for (builder, value) in params.iter_mut().zip(&values) {
                        builder.pad_to(row);
                        builder.push(value.as_ref().map(OwnedDatum::as_datum));
                    }
                    out.push_null();
                }
                _ => {
                    let values = single_result(execution, node, &self.subplan, self.element, 1)?;
                    out.push(values.first().and_then(|v| v.as_ref()).map(OwnedDatum::as_datum));
                }
            }
            Ok(())
        })?;
        for (id, column) in self.subplan.set_params.iter().zip(params) {
            execution.set_param_column(*id, Arc::new(column.finish()));
        }
        Ok(Arc::new(out.finish()))
    }

    fn output_builders(&self, execution: &Execution) -> Result<Vec<ColumnBuilder>> {
        match execution.prepared.plan.subplans.get(self.subplan.plan) {
            Some(plan) => Ok(builders(&node::output_reprs(&execution.session, plan)?)),
            None => Err(Error::internal("a subplan that is not there")),
        }
    }

    /// ANY or ALL of the subplan's rows against one outer row.
    fn quantified(
        &self,
        execution: &mut Execution,
        node: &mut dyn Node,
        input: &Batch,
        row: usize,
    ) -> Result<Option<bool>> {
        let any = self.subplan.kind == SubLinkKind::Any;
        let Some(test) = &self.test else { return Err(Error::internal("ANY or ALL without a test")) };
        let mut result = Some(!any);
        let mut want = 16;
        while let Some(batch) = node.next(execution, want)? {
            want = MAX_BATCH_ROWS;
            for (id, column) in self.subplan.param_ids.iter().zip(batch.columns()) {
                execution.set_param_column(*id, column.clone());
            }
            let outer = broadcast(input, row, &test.inputs, batch.rows());
            let holds = test.eval.evaluate(execution, &outer, &Selection::All(batch.rows()))?;
            for inner in 0..batch.rows() {
                match boolean::truth(&holds, inner) {
                    Some(value) if value == any => return Ok(Some(any)),
                    Some(_) => {}
                    None => result = None,
                }
            }
        }
        Ok(result)
    }

    fn row_compare(
        &self,
        execution: &mut Execution,
        node: &mut dyn Node,
        input: &Batch,
        row: usize,
    ) -> Result<Option<bool>> {
        let Some(test) = &self.test else { return Err(Error::internal("a row comparison without a test")) };
        let Some(batch) = node.next(execution, 2)? else { return Ok(None) };
        if batch.rows() > 1 || node.next(execution, 1)?.is_some() {
            bail!(CARDINALITY_VIOLATION, "more than one row returned by a subquery used as an expression");
        }
        for (id, column) in self.subplan.param_ids.iter().zip(batch.columns()) {
            execution.set_param_column(*id, column.clone());
        }
        let outer = broadcast(input, row, &test.inputs, 1);
        let holds = test.eval.evaluate(execution, &outer, &Selection::All(1))?;
        Ok(boolean::truth(&holds, 0))
    }

    fn probe(
        &self,
        hashed: &Hashed,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        let mut left = Vec::with_capacity(hashed.left.len());
        for eval in &hashed.left {
            left.push(eval.evaluate_in(execution, input, rows, frames)?);
        }
        let contents = hashed.load(execution, &self.subplan)?;
        let references: Vec<&Column> = left.iter().map(|c| &**c).collect();
        let (mut numbers, mut scratch) = (Vec::new(), Scratch::default());
        contents.keys.find(&references, rows, false, &mut scratch, &mut numbers)?;
        let mut results = vec![None; rows.bound()];
        let mut unsure = Vec::new();
        rows.for_each(|row| {
            if contents.empty {
                results[row] = Some(false);
            } else if numbers[row] != NONE {
                results[row] = Some(true);
            } else {
                results[row] = Some(false);
                let null_key = left.iter().any(|c| c.is_null(row));
                if null_key || !contents.with_nulls.is_empty() {
                    unsure.push((row, null_key));
                }
            }
        });
        for (row, null_key) in unsure {
            if self.may_match(hashed, &contents, &left, row, null_key)? {
                results[row] = None;
            }
        }
        execution.hashed_subplans[self.subplan.plan] = Some(contents);
        Ok(Arc::new(boolean::map(rows, |row| results[row])))
    }

    /// Whether a row that equals none may equal one that has a NULL, or has a NULL itself.
    fn may_match(
        &self,
        hashed: &Hashed,
        contents: &Contents,
        left: &[Arc<Column>],
        row: usize,
        null_key: bool,
    ) -> Result<bool> {
        if left.len() == 1 {
            return Ok(null_key || !contents.with_nulls.is_empty());
        }
        let (mut a, mut b) = (Vec::new(), Vec::new());
        // Against rows without NULLs the columns that are known may still differ.
        let whole = if null_key { &contents.whole[..] } else { &[] };
        for other in contents.with_nulls.iter().chain(whole) {
            let mut possible = true;
            for (index, column) in left.iter().enumerate() {
                if let (Some(x), Some(y)) = (column.get(row), &other[index]) {
                    a.clear();
                    b.clear();
                    hashed.encoder.encode_value(index, x, &mut a)?;
                    hashed.encoder.encode_value(index, y.as_datum(), &mut b)?;
                    possible &= a == b;
                }
            }
            if possible {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Hashed {
    /// The table as of this execution, taken out; whoever takes it puts it back.
    fn load(&self, execution: &mut Execution, subplan: &SubPlan) -> Result<Contents> {
        let prepared = execution.prepared.clone();
        let Some(plan) = prepared.plan.subplans.get(subplan.plan) else {
            return Err(Error::internal("a subplan that is not there"));
        };
        let version = execution.params_version(prepared.params_of(plan));
        if let Some(contents) = execution.hashed_subplans[subplan.plan].take()
            && contents.version == version
        {
            return Ok(contents);
        }
        let mut node = take_node(execution, subplan.plan)?;
        node.rescan(execution)?;
        let mut contents = Contents {
            version,
            keys: KeyTable::new(self.encoder.clone()),
            with_nulls: Vec::new(),
            whole: Vec::new(),
            empty: true,
        };
        let (mut numbers, mut scratch) = (Vec::new(), Scratch::default());
        while let Some(batch) = node.next(execution, MAX_BATCH_ROWS)? {
            execution.check()?;
            contents.empty = false;
            let columns: Vec<&Column> = self.columns.iter().map(|c| &**batch.column(*c)).collect();
            let before = contents.keys.memory_bytes();
            let all = Selection::All(batch.rows());
            contents.keys.insert(&columns, &all, false, &mut scratch, &mut numbers)?;
            execution.memory.charge(contents.keys.memory_bytes().saturating_sub(before))?;
            if self.columns.len() > 1 {
                for (row, number) in numbers.iter().enumerate() {
                    if *number != NONE && *number as usize == contents.whole.len() {
                        let values: Vec<_> =
                            columns.iter().map(|c| c.get(row).map(Datum::to_owned)).collect();
                        execution.memory.charge(values.len() * size_of::<OwnedDatum>())?;
                        contents.whole.push(values);
                    }
                }
            }
            for (row, _) in numbers.iter().enumerate().filter(|(_, n)| **n == NONE) {
                if self.columns.len() > 1 || contents.with_nulls.is_empty() {
                    contents
                        .with_nulls
                        .push(columns.iter().map(|c| c.get(row).map(Datum::to_owned)).collect());
                }
            }
        }
        execution.subplans[subplan.plan] = Some(node);
        Ok(contents)
    }
}

/// The parts of `a = $1 AND b = $2 ...`, if the test is that.
fn hashed(compiler: &mut Compiler<'_>, subplan: &SubPlan, test: &Expr) -> Result<Option<Hashed>> {
    let comparisons: Vec<&Expr> = match test {
        Expr::Bool { op: ir::BoolOp::And, args, .. } => args.iter().collect(),
        other => vec![other],
    };
    let (mut left, mut columns, mut types) = (Vec::new(), Vec::new(), Vec::new());
    for comparison in comparisons {
        let Expr::Op(op) = comparison else { return Ok(None) };
        let [outer, inner] = &op.args[..] else { return Ok(None) };
        let mut inner = inner;
        while let Expr::Relabel { arg, .. } = inner {
            inner = arg;
        }
        let Expr::Param(param) = inner else { return Ok(None) };
        let place = match param.kind {
            ParamKind::Exec => subplan.param_ids.iter().position(|id| *id == param.id),
            ParamKind::SubLink => param.id.checked_sub(1),
            _ => None,
        };
        let Some(place) = place else { return Ok(None) };
        left.push(compiler.compile(outer)?);
        columns.push(place);
        types.push(ir::expr_type(outer));
    }
    let encoder = Arc::new(Encoder::of_types(compiler.session, types)?);
    Ok(Some(Hashed { left, columns, encoder }))
}
