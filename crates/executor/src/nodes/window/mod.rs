//! WindowAgg: the rows of a partition are collected, the functions computed over them, and the rows handed on.

mod frame;
mod function;

use super::group::group_encoder;
use crate::context::Execution;
use crate::expr::{CallInfo, Compiler, Eval, Inputs, evaluate_once, filter};
use crate::keys::{Encoder, GroupWatch};
use crate::node::{self, Node};
use crate::rows::{Leftover, Projection, RowBuffer, batch_bytes};
use base::{Error, Oid, Result, bail};
use datum::{Batch, Column, Datum, MAX_BATCH_ROWS, OwnedDatum, Repr, Selection};
use frame::{Frames, Peers, RangeBounds, option};
use function::{WindowCall, needs_range};
use functions::{Function, Registry};
use ir::{Expr, Plan, WindowAgg};
use std::sync::Arc;

struct Spec {
    calls: Vec<WindowCall>,
    partition: (Arc<Encoder>, Vec<usize>),
    order: (Arc<Encoder>, Vec<usize>),
    options: u32,
    start_offset: Option<Eval>,
    end_offset: Option<Eval>,
    range: Option<RangeSpec>,
    input: Arc<[Repr]>,
    /// Conditions on the output, the run condition among them where it decides what is returned.
    quals: Vec<Eval>,
    projection: Projection,
    id: usize,
}

/// RANGE with an offset: the type's in_range functions.
struct RangeSpec {
    /// The ordering column.
    column: usize,
    start: Option<(Function, CallInfo)>,
    end: Option<(Function, CallInfo)>,
    ascending: bool,
    nulls_first: bool,
    repr: Repr,
    offset_reprs: (Repr, Repr),
}

pub fn build(execution: &mut Execution, plan: &Plan, window: &WindowAgg) -> Result<Box<dyn Node>> {
    let child = node::build_child(execution, plan.left.as_deref())?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || Spec::new(execution, plan, window))?;
    Ok(Box::new(WindowNode {
        watch: GroupWatch::new(spec.partition.0.clone()),
        rows: RowBuffer::new(spec.input.clone()),
        spec,
        child,
        input: None,
        at: 0,
        cut: false,
        end: false,
        partition: None,
        returned: 0,
        charged: 0,
        leftover: Leftover::default(),
        offsets: None,
    }))
}

fn collect(expr: &Expr, found: &mut Vec<Expr>, window: usize) {
    match expr {
        Expr::WindowFunc(call) if call.window == window => {
            if !found.contains(expr) {
                found.push(expr.clone());
            }
        }
        _ => ir::for_each_child(expr, &mut |child| collect(child, found, window)),
    }
}

impl Spec {
    fn new(execution: &Execution, plan: &Plan, window: &WindowAgg) -> Result<Spec> {
        let session = &execution.session;
        let child = plan.left.as_deref().ok_or_else(|| Error::internal("a window without its child"))?;
        let input = node::output_reprs(session, child)?;
        let mut found = Vec::new();
        let outputs = plan.target_list.iter().map(|t| &t.expr).chain(&plan.qual).chain(&window.run_condition);
        outputs.for_each(|e| collect(e, &mut found, window.window));
        let mut compiler = Compiler::new(session, Inputs::Outer);
        let mut calls = Vec::with_capacity(found.len());
        for expr in &found {
            if let Expr::WindowFunc(call) = expr {
                calls.push(WindowCall::compile(&mut compiler, call)?);
            }
        }
        let mut constant = Compiler::new(session, Inputs::None);
        let start_offset = window.start_offset.as_ref().map(|e| constant.compile(e)).transpose()?;
        let end_offset = window.end_offset.as_ref().map(|e| constant.compile(e)).transpose()?;
        let mut compiler = Compiler::new(session, Inputs::Outer).resolving(found, input.len());
        let mut quals = compiler.compile_all(&plan.qual)?;
        if window.top {
            quals.extend(compiler.compile_all(&window.run_condition)?);
        }
        Ok(Spec {
            calls,
            partition: group_encoder(session, plan, &window.partition)?,
            order: group_encoder(session, plan, &window.order)?,
            options: window.frame_options,
            start_offset,
            end_offset,
            range: range_spec(execution, child, window)?,
            input,
            quals,
            projection: Projection::new(compiler.compile_all(plan.target_list.iter().map(|t| &t.expr))?),
            id: plan.id,
        })
    }
}

fn range_spec(execution: &Execution, child: &Plan, window: &WindowAgg) -> Result<Option<RangeSpec>> {
    if !needs_range(window.frame_options) {
        return Ok(None);
    }
    let session = &execution.session;
    let column = window.order.first().and_then(|o| usize::try_from(o.column - 1).ok());
    let target = column.and_then(|c| child.target_list.get(c));
    let (Some(column), Some(target)) = (column, target) else {
        return Err(Error::internal("RANGE with an offset needs one ordering column"));
    };
    let type_oid = ir::expr_type(&target.expr);
    let offset_type = |e: &Option<Expr>| e.as_ref().map_or(Oid(23), ir::expr_type);
    let function = |oid: Oid, offset: Oid| -> Result<Option<(Function, CallInfo)>> {
        let Some(oid) = oid.some() else { return Ok(None) };
        let body = Registry::get().function(&*session.function(oid)?)?;
        let info = CallInfo {
            function: oid,
            collation: window.in_range_collation,
            argument_types: [type_oid, type_oid, offset, Oid(16), Oid(16)].into(),
            result_type: Oid(16),
            variadic: false,
            columns: None,
        };
        Ok(Some((body, info)))
    };
    let (start, end) = (offset_type(&window.start_offset), offset_type(&window.end_offset));
    Ok(Some(RangeSpec {
        column,
        start: function(window.start_in_range, start)?,
        end: function(window.end_in_range, end)?,
        ascending: window.in_range_ascending,
        nulls_first: window.in_range_nulls_first,
        repr: session.type_layout(type_oid)?.repr,
        offset_reprs: (session.type_layout(start)?.repr, session.type_layout(end)?.repr),
    }))
}

struct WindowNode {
    spec: Arc<Spec>,
    child: Box<dyn Node>,
    watch: GroupWatch,
    /// The partition being collected.
    rows: RowBuffer,
    input: Option<Batch>,
    at: usize,
    /// Whether the row at `at` is known to begin a partition.
    cut: bool,
    end: bool,
    /// The computed partition, its functions' values as further columns.
    partition: Option<Batch>,
    returned: usize,
    charged: usize,
    leftover: Leftover,
    offsets: Option<[Option<OwnedDatum>; 2]>,
}

impl WindowNode {
    /// The frame's offsets, evaluated once.
    fn offsets(&mut self, execution: &mut Execution) -> Result<[Option<OwnedDatum>; 2]> {
        if let Some(offsets) = &self.offsets {
            return Ok(offsets.clone());
        }
        let mut offsets = [None, None];
        let evals = [(&self.spec.start_offset, "starting"), (&self.spec.end_offset, "ending")];
        for (slot, (eval, which)) in offsets.iter_mut().zip(evals) {
            let Some(eval) = eval else { continue };
            let value = evaluate_once(execution, eval)?.get(0).map(Datum::to_owned);
            let Some(value) = value else {
                bail!(NULL_VALUE_NOT_ALLOWED, "frame {which} offset must not be null");
            };
            if self.spec.options & (option::ROWS | option::GROUPS) != 0
                && matches!(value, OwnedDatum::Int8(v) if v < 0)
            {
                bail!(INVALID_PRECEDING_OR_FOLLOWING_SIZE, "frame {which} offset must not be negative");
            }
            *slot = Some(value);
        }
        self.offsets = Some(offsets.clone());
        Ok(offsets)
    }

    /// Collects the next partition; `false` when there is none.
    fn collect(&mut self, execution: &mut Execution) -> Result<bool> {
        let spec = self.spec.clone();
        execution.memory.release(std::mem::take(&mut self.charged));
        loop {
            if self.input.is_none() && !self.end {
                execution.check()?;
                self.input = self.child.next(execution, MAX_BATCH_ROWS)?;
                self.at = 0;
                match &self.input {
                    Some(batch) => {
                        let bytes = batch_bytes(batch);
                        execution.memory.charge(bytes)?;
                        self.charged += bytes;
                    }
                    None => self.end = true,
                }
            }
            let Some(batch) = &self.input else { return Ok(self.rows.rows() > 0) };
            let from = self.at;
            let mut known_new = std::mem::take(&mut self.cut);
            let columns: Vec<&Column> = spec.partition.1.iter().map(|c| &**batch.column(*c)).collect();
            let mut end = batch.rows();
            for row in from..batch.rows() {
                let previous = row.checked_sub(1).filter(|previous| *previous >= from);
                let begins =
                    std::mem::take(&mut known_new) || self.watch.is_new_after(&columns, previous, row)?;
                if begins && (row > from || self.rows.rows() > 0) {
                    end = row;
                    self.cut = true;
                    break;
                }
            }
            self.rows.append(batch, from, end - from);
            if end < batch.rows() {
                self.at = end;
                return Ok(true);
            }
            self.input = None;
        }
    }

    fn compute(&mut self, execution: &mut Execution) -> Result<()> {
        let spec = self.spec.clone();
        let [start, end] = self.offsets(execution)?;
        let partition = self.rows.take();
        let mut watch = GroupWatch::new(spec.order.0.clone());
        let columns: Vec<&Column> = spec.order.1.iter().map(|c| &**partition.column(*c)).collect();
        let mut begins = Vec::with_capacity(partition.rows());
        for row in 0..partition.rows() {
            begins.push(watch.is_new_after(&columns, row.checked_sub(1), row)?);
        }
        let peers = Peers::new(&begins);
        let number = |offset: &Option<OwnedDatum>| match offset {
            Some(OwnedDatum::Int8(v)) => *v,
            _ => 0,
        };
        let mut all = partition.columns().to_vec();
        for call in &spec.calls {
            let frames = Frames::new(spec.options, number(&start), number(&end), &peers);
            let session = execution.session.clone();
            let mut range = InRange {
                session: &session,
                spec: spec.range.as_ref(),
                options: spec.options,
                values: spec.range.as_ref().map(|r| partition.column(r.column).clone()),
                start: start.as_ref(),
                end: end.as_ref(),
            };
            all.push(Arc::new(call.evaluate(execution, &partition, frames, &mut range)?));
        }
        self.partition = Some(Batch::new(all, partition.rows()));
        self.returned = 0;
        Ok(())
    }
}

/// Comparisons of a RANGE frame with an offset.
struct InRange<'a> {
    session: &'a catalog::Session,
    spec: Option<&'a RangeSpec>,
    options: u32,
    values: Option<Arc<Column>>,
    start: Option<&'a OwnedDatum>,
    end: Option<&'a OwnedDatum>,
}

impl InRange<'_> {
    /// in_range(value of `row`, value of `current`, offset, sub, less); NULLs are for the caller.
    fn ask(&self, row: usize, current: usize, at_start: bool, sub: bool, less: bool) -> Result<bool> {
        let (Some(spec), Some(values)) = (self.spec, &self.values) else { return Ok(false) };
        let (function, offset, repr) = match at_start {
            true => (&spec.start, self.start, spec.offset_reprs.0),
            false => (&spec.end, self.end, spec.offset_reprs.1),
        };
        let (Some((body, info)), Some(offset)) = (function, offset) else { return Ok(false) };
        let args = [
            values.get(row),
            values.get(current),
            Some(offset.as_datum()),
            Some(Datum::Bool(sub)),
            Some(Datum::Bool(less)),
        ];
        let reprs = [spec.repr, spec.repr, repr, Repr::Bool, Repr::Bool];
        let result = functions::invoke(&info.call(self.session), body, &args, &reprs, Repr::Bool)?;
        Ok(result == Some(OwnedDatum::Bool(true)))
    }

    fn nulls(&self, row: usize, current: usize) -> Option<(bool, bool, bool)> {
        let (spec, values) = (self.spec?, self.values.as_ref()?);
        let (row, current) = (values.is_null(row), values.is_null(current));
        (row || current).then_some((row, current, spec.nulls_first))
    }
}

impl RangeBounds for InRange<'_> {
    fn before_start(&mut self, row: usize, current: usize) -> Result<bool> {
        if let Some((row, current, nulls_first)) = self.nulls(row, current) {
            return Ok(if nulls_first { row && !current } else { !row && current });
        }
        let ascending = self.spec.is_none_or(|s| s.ascending);
        let sub = (self.options & option::START_OFFSET_PRECEDING != 0) == ascending;
        Ok(!self.ask(row, current, true, sub, !ascending)?)
    }

    fn within_end(&mut self, row: usize, current: usize) -> Result<bool> {
        if let Some((row, current, nulls_first)) = self.nulls(row, current) {
            return Ok(if nulls_first { row || !current } else { !row || current });
        }
        let ascending = self.spec.is_none_or(|s| s.ascending);
        let sub = (self.options & option::END_OFFSET_PRECEDING != 0) == ascending;
        self.ask(row, current, false, sub, ascending)
    }
}

impl Node for WindowNode {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        loop {
            if let Some(partition) = &self.partition
                && self.returned < partition.rows()
            {
                let len = want.min(partition.rows() - self.returned).min(MAX_BATCH_ROWS);
                let batch = partition.slice(self.returned, len);
                self.returned += len;
                let rows = filter(&self.spec.quals, execution, &batch, Selection::All(batch.rows()))?;
                if let Some(instruments) = &mut execution.instruments {
                    instruments.get_mut(self.spec.id).removed_by_filter += (batch.rows() - rows.len()) as u64;
                }
                if rows.is_empty() {
                    continue;
                }
                let batch = self.spec.projection.apply(execution, &batch.select(&rows))?;
                return Ok(Some(self.leftover.put(batch, want)));
            }
            self.partition = None;
            if !self.collect(execution)? {
                return Ok(None);
            }
            self.compute(execution)?;
        }
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.watch.reset();
        self.rows.take();
        self.input = None;
        self.cut = false;
        self.end = false;
        self.partition = None;
        self.offsets = None;
        self.leftover.clear();
        execution.memory.release(std::mem::take(&mut self.charged));
        self.child.rescan(execution)
    }
}
