//! One aggregate call of a node: its compiled arguments, and the states of its groups.

use crate::context::Execution;
use crate::expr::{CallInfo, Compiler, Eval, Frames, filter, operand};
use crate::keys::{Encoder, GroupWatch};
use crate::nodes::sorter::Sorter;
use crate::order::{Ordering, SortKey};
use base::{Error, Oid, Result};
use datum::{Batch, Column, ColumnBuilder, Datum, MAX_BATCH_ROWS, Repr, Selection};
use functions::{Accumulator, AggregateFunction, Registry};
use ir::{AggSplit, Aggref, SortColumn, SortGroupClause, TargetEntry, expr_collation, expr_type};
use std::sync::Arc;

const NUMERIC: Oid = Oid(1700);

/// What is compiled once.
pub struct AggregateCall {
    pub info: CallInfo,
    body: AggregateFunction,
    /// Direct arguments first, then the aggregated ones, then what only ORDER BY reads.
    inputs: Vec<Eval>,
    /// How many of the inputs are arguments.
    arguments: usize,
    filter: Option<Eval>,
    ordered: Option<Ordered>,
    presorted: bool,
    split: AggSplit,
    /// Whether the one argument is of type numeric.
    numeric: bool,
    pub repr: Repr,
}

/// DISTINCT or ORDER BY within the aggregate: the input is sorted by group first.
struct Ordered {
    ordering: Ordering,
    /// The group's number, then the inputs.
    reprs: Arc<[Repr]>,
    distinct: Option<(Arc<Encoder>, Vec<usize>)>,
}

impl AggregateCall {
    /// `presorted`: the rows of each group come in the order that the call asks for.
    pub fn compile(compiler: &mut Compiler<'_>, aggref: &Aggref, presorted: bool) -> Result<AggregateCall> {
        let session = compiler.session;
        let row = session.function(aggref.function)?;
        let aggregate = session.aggregate(aggref.function)?;
        let transition = session.function(aggregate.aggtransfn)?;
        let finish = match aggregate.aggfinalfn.some() {
            Some(function) => session.function(function)?.prosrc.clone(),
            None => String::new(),
        };
        let body = Registry::get().aggregate(&row.proname, &transition.prosrc, &finish)?;
        let live: Vec<&TargetEntry> = aggref.args.iter().filter(|t| !t.junk).collect();
        let junk: Vec<&TargetEntry> = aggref.args.iter().filter(|t| t.junk).collect();
        let mut inputs = compiler.compile_all(&aggref.direct_args)?;
        inputs.extend(compiler.compile_all(live.iter().map(|t| &t.expr))?);
        let arguments = inputs.len();
        inputs.extend(compiler.compile_all(junk.iter().map(|t| &t.expr))?);
        let columns: Vec<&TargetEntry> = live.into_iter().chain(junk).collect();
        let ordered = ordered(compiler, aggref, &columns)?;
        Ok(AggregateCall {
            info: CallInfo {
                function: aggref.function,
                collation: aggref.input_collation,
                argument_types: aggref.argument_types.as_slice().into(),
                result_type: aggref.result_type,
                variadic: aggref.variadic,
                columns: None,
            },
            body,
            inputs,
            arguments,
            filter: aggref.filter.as_deref().map(|f| compiler.compile(f)).transpose()?,
            ordered,
            presorted,
            split: aggref.split,
            numeric: aggref.split != AggSplit::Final && matches!(aggref.argument_types[..], [NUMERIC]),
            repr: if aggref.split == AggSplit::Initial {
                Repr::Bytes
            } else {
                compiler.repr(aggref.result_type)?
            },
        })
    }
}

impl AggregateCall {
    /// Whether states are handed on instead of results.
    pub fn is_first_half(&self) -> bool {
        self.split == AggSplit::Initial
    }
}

fn ordered(compiler: &Compiler<'_>, aggref: &Aggref, columns: &[&TargetEntry]) -> Result<Option<Ordered>> {
    if aggref.order_by.is_empty() && aggref.distinct.is_empty() {
        return Ok(None);
    }
    let session = compiler.session;
    let direct = aggref.direct_args.len();
    // Column 0 is the group's number.
    let place = |clause: &SortGroupClause| -> Result<usize> {
        let found = columns.iter().position(|c| c.sort_group_ref == clause.target);
        found
            .map(|c| 1 + direct + c)
            .ok_or_else(|| Error::internal("ORDER BY of an aggregate names no argument"))
    };
    // ORDER BY agrees with DISTINCT where both are given.
    let clauses = if aggref.order_by.is_empty() { &aggref.distinct } else { &aggref.order_by };
    let mut keys = vec![SortKey::of_family(session, 0, Oid(1976), Oid(23), Oid::INVALID)?];
    for clause in clauses {
        let column = place(clause)?;
        keys.push(SortKey::new(
            session,
            &SortColumn {
                column: column as i16 + 1,
                operator: clause.sort_operator,
                collation: expr_collation(&columns[column - 1 - direct].expr),
                nulls_first: clause.nulls_first,
            },
            expr_type(&columns[column - 1 - direct].expr),
        )?);
    }
    let mut reprs = vec![Repr::Int4];
    for arg in &aggref.direct_args {
        reprs.push(compiler.repr(expr_type(arg))?);
    }
    for column in columns {
        reprs.push(compiler.repr(expr_type(&column.expr))?);
    }
    let distinct = match aggref.distinct.is_empty() {
        true => None,
        false => {
            let places = aggref.distinct.iter().map(place).collect::<Result<Vec<_>>>()?;
            let types = places.iter().map(|p| expr_type(&columns[p - 1 - direct].expr));
            let encoder = Encoder::of_types(session, std::iter::once(Oid(23)).chain(types))?;
            Some((Arc::new(encoder), std::iter::once(0).chain(places).collect()))
        }
    };
    Ok(Some(Ordered { ordering: Ordering { keys: keys.into() }, reprs: reprs.into(), distinct }))
}

/// The states of one call's groups.
pub struct CallState {
    accumulator: Box<dyn Accumulator>,
    sorter: Option<Sorter>,
    /// Of presorted input, what is no repetition.
    distinct: Option<GroupWatch>,
}

impl CallState {
    pub fn new(execution: &Execution, call: &AggregateCall) -> Result<CallState> {
        let accumulator = (call.body.start)(&call.info.call(&execution.session))?;
        let ordered = call.ordered.as_ref();
        let sorter = ordered
            .filter(|_| !call.presorted)
            .map(|ordered| Sorter::new(ordered.ordering.clone(), ordered.reprs.clone()));
        let distinct = ordered.filter(|_| call.presorted).and_then(|ordered| ordered.distinct.as_ref());
        let distinct = distinct.map(|(encoder, _)| GroupWatch::new(encoder.clone()));
        Ok(CallState { accumulator, sorter, distinct })
    }

    pub fn resize(&mut self, groups: usize) {
        self.accumulator.resize(groups);
    }

    pub fn memory_bytes(&self) -> usize {
        self.accumulator.memory_bytes()
    }

    /// Row r of the batch belongs to group `groups[r]`.
    pub fn update(
        &mut self,
        execution: &mut Execution,
        call: &AggregateCall,
        batch: &Batch,
        groups: &[u32],
        rows: &Selection,
    ) -> Result<()> {
        let filtered;
        let rows = match &call.filter {
            None => rows,
            Some(condition) => {
                filtered = filter(std::slice::from_ref(condition), execution, batch, rows.clone())?;
                &filtered
            }
        };
        if rows.is_empty() {
            return Ok(());
        }
        if call.numeric
            && call.ordered.is_none()
            && let [input] = &call.inputs[..]
        {
            let value = operand(input, execution, batch, rows, &mut Frames::new())?;
            if let Some(decimals) = &value.decimals
                && self.accumulator.update_decimals(groups, decimals, rows)
            {
                return Ok(());
            }
            let column = value.into_column(rows);
            let info = call.info.call(&execution.session);
            return self.accumulator.update(&info, groups, &[&column], rows);
        }
        let mut columns: smallvec::SmallVec<[Arc<Column>; 4]> = smallvec::SmallVec::new();
        for input in &call.inputs {
            columns.push(input.evaluate(execution, batch, rows)?);
        }
        let fresh;
        let rows = match self.distinct.is_some() {
            true => {
                fresh = self.fresh(call, &columns, groups, rows)?;
                &fresh
            }
            false => rows,
        };
        let Some(sorter) = &mut self.sorter else {
            let arguments: smallvec::SmallVec<[&Column; 4]> =
                columns.iter().take(call.arguments).map(|c| &**c).collect();
            let info = call.info.call(&execution.session);
            return match (call.split, arguments.as_slice()) {
                (AggSplit::Final, [saved]) => self.accumulator.combine(&info, groups, saved, rows),
                _ => self.accumulator.update(&info, groups, &arguments, rows),
            };
        };
        let mut selected = Vec::with_capacity(rows.len());
        rows.for_each(|row| selected.push(row as u32));
        let mut numbers = ColumnBuilder::new(Repr::Int4, selected.len());
        selected.iter().for_each(|row| numbers.push(Some(Datum::Int4(groups[*row as usize] as i32))));
        let mut all = vec![Arc::new(numbers.finish())];
        all.extend(columns.iter().map(|c| Arc::new(c.take(&selected))));
        let batch = Batch::new(all, selected.len());
        sorter.add(execution, batch)
    }

    /// Of presorted rows, those that differ from the one before them in their group or in what is to be distinct.
    fn fresh(
        &mut self,
        call: &AggregateCall,
        inputs: &[Arc<Column>],
        groups: &[u32],
        rows: &Selection,
    ) -> Result<Selection> {
        let (Some(watch), Some((_, places))) =
            (&mut self.distinct, call.ordered.as_ref().and_then(|ordered| ordered.distinct.as_ref()))
        else {
            return Ok(rows.clone());
        };
        let mut numbers = ColumnBuilder::new(Repr::Int4, groups.len());
        groups.iter().for_each(|group| numbers.push(Some(Datum::Int4(*group as i32))));
        let numbers = numbers.finish();
        let columns: Vec<&Column> = places
            .iter()
            .map(|place| place.checked_sub(1).map_or(&numbers, |input| &*inputs[input]))
            .collect();
        let mut fresh = Vec::with_capacity(rows.len());
        let mut previous = None;
        rows.try_for_each(|row| -> Result<()> {
            if watch.is_new_after(&columns, previous, row)? {
                fresh.push(row as u32);
            }
            previous = Some(row);
            Ok(())
        })?;
        Ok(Selection::Rows(fresh))
    }

    /// Hands the sorted input on, when the call wants it sorted. To be called once before results are asked for.
    pub fn complete(&mut self, execution: &mut Execution, call: &AggregateCall) -> Result<()> {
        let (Some(sorter), Some(ordered)) = (&mut self.sorter, &call.ordered) else { return Ok(()) };
        sorter.finish(execution)?;
        let mut watch = ordered.distinct.as_ref().map(|(encoder, _)| GroupWatch::new(encoder.clone()));
        let mut groups = Vec::new();
        while let Some(batch) = sorter.next(MAX_BATCH_ROWS)? {
            execution.check()?;
            groups.clear();
            groups.extend((0..batch.rows()).map(|row| batch.value(0, row).map_or(0, |v| v.int4() as u32)));
            let mut rows = Selection::All(batch.rows());
            if let (Some(watch), Some((_, places))) = (&mut watch, &ordered.distinct) {
                let columns: Vec<&Column> = places.iter().map(|p| &**batch.column(*p)).collect();
                let mut fresh = Vec::with_capacity(batch.rows());
                for row in 0..batch.rows() {
                    if watch.is_new_after(&columns, row.checked_sub(1), row)? {
                        fresh.push(row as u32);
                    }
                }
                rows = Selection::Rows(fresh);
            }
            let arguments: Vec<&Column> = batch.columns()[1..=call.arguments].iter().map(|c| &**c).collect();
            self.accumulator.update(&call.info.call(&execution.session), &groups, &arguments, &rows)?;
        }
        sorter.clear(execution);
        Ok(())
    }

    pub fn finish(
        &mut self,
        execution: &Execution,
        call: &AggregateCall,
        group: usize,
        out: &mut ColumnBuilder,
    ) -> Result<()> {
        if call.split == AggSplit::Initial {
            let mut saved = Vec::new();
            self.accumulator.save(group, &mut saved)?;
            out.push(Some(Datum::Bytes(&saved)));
            return Ok(());
        }
        self.accumulator.finish(&call.info.call(&execution.session), group, out)
    }

    pub fn reset(&mut self, execution: &mut Execution) {
        self.accumulator.reset();
        if let Some(watch) = &mut self.distinct {
            watch.reset();
        }
        if let Some(sorter) = &mut self.sorter {
            sorter.clear(execution);
        }
    }
}
