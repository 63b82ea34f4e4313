//! MERGE: for each row of the join between source and target, the first action whose condition holds.

use super::delete;
use super::insert;
use super::target::{ReturnedRows, Target, datums, image, read_row};
use super::update::{Attempt, Moved, Update, move_row, tid_of, update_row};
use super::{Routing, Spec, recheck_row};
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::hooks::{RowEvent, RowImage};
use base::{Error, Result, err};
use datum::{Batch, Datum, Row, Selection};
use ir::{CommandType, MergeMatch, ModifyTable, TargetEntry, Var, VarSource};

struct Action {
    matched: MergeMatch,
    command: CommandType,
    condition: Vec<Eval>,
    /// Attribute (from 0) and value.
    values: Vec<(usize, Eval)>,
}

pub struct MergeSpec {
    /// Per target.
    actions: Vec<Vec<Action>>,
    /// Per target: tells MATCHED from NOT MATCHED BY SOURCE where both may come.
    join_conditions: Vec<Option<Eval>>,
}

impl MergeSpec {
    pub fn new(
        execution: &Execution,
        modify: &ModifyTable,
        targets: &[Target],
        outer: &[TargetEntry],
    ) -> Result<MergeSpec> {
        let mut all = Vec::new();
        let mut join_conditions = Vec::new();
        for (place, target) in targets.iter().enumerate() {
            let count = target.entry.desc().len();
            // Columns: the target row's attributes, its ctid, then the child's.
            let resolve = |var: &Var| {
                let attribute = usize::try_from(var.attribute - 1).ok();
                match var.source {
                    VarSource::Relation(r) if r == target.relation && var.attribute == -1 => Some(count),
                    VarSource::Relation(r) if r == target.relation => attribute.filter(|a| *a < count),
                    VarSource::Outer => attribute.filter(|a| *a < outer.len()).map(|a| count + 1 + a),
                    _ => None,
                }
            };
            let mut compiler = Compiler::new(&execution.session, Inputs::Resolve(&resolve));
            let mut actions = Vec::new();
            for action in modify.merge_actions.get(place).into_iter().flatten() {
                let mut values = Vec::new();
                for (index, entry) in action.targets.iter().filter(|t| !t.junk).enumerate() {
                    let number = match action.command {
                        CommandType::Update => {
                            action.update_columns.get(index).copied().unwrap_or(entry.number)
                        }
                        _ => entry.number,
                    };
                    if let Ok(attribute) = usize::try_from(number - 1) {
                        values.push((attribute, compiler.compile(&entry.expr)?));
                    }
                }
                actions.push(Action {
                    matched: action.matched,
                    command: action.command,
                    condition: compiler.compile_all(&action.condition)?,
                    values,
                });
            }
            let join = modify.merge_join_conditions.get(place).and_then(Option::as_ref);
            join_conditions.push(join.map(|e| compiler.compile(e)).transpose()?);
            all.push(actions);
        }
        Ok(MergeSpec { actions: all, join_conditions })
    }

    pub fn events(&self) -> Vec<RowEvent> {
        let has = |command| self.actions.iter().flatten().any(|a| a.command == command);
        let events = [
            (CommandType::Insert, RowEvent::Insert),
            (CommandType::Update, RowEvent::Update),
            (CommandType::Delete, RowEvent::Delete),
        ];
        events.into_iter().filter(|(command, _)| has(*command)).map(|(_, event)| event).collect()
    }
}

/// The target's row (NULLs without one) beside the child's.
fn side_by_side(target: &Target, old: Option<&RowImage>, batch: &Batch, row: usize) -> Batch {
    let count = target.entry.desc().len();
    let nothing = vec![None; count];
    let values = old.map_or(nothing, |o| datums(&o.values));
    let mut columns = crate::constraint::row_batch(&target.entry, &values).columns().to_vec();
    let tid = old.map(|o| o.tid.to_bytes());
    let tid = datum::Column::constant(datum::Repr::Bytes, tid.as_ref().map(|t| Datum::Bytes(t)));
    columns.push(std::sync::Arc::new(tid));
    columns.extend(batch.slice(row, 1).columns().iter().cloned());
    Batch::new(columns, 1)
}

/// Carries out the action for one row of the join; whether something was done.
pub fn run(
    execution: &mut Execution,
    spec: &Spec,
    place: usize,
    batch: &Batch,
    row: usize,
    returned: &mut ReturnedRows,
    mut routing: Routing<'_>,
) -> Result<bool> {
    let Some(merge) = &spec.merge else { return Err(Error::internal("MERGE without actions")) };
    let target = &spec.targets[place];
    let has_target = spec.tid_column.is_some_and(|c| batch.value(c, row).is_some());
    if !has_target {
        return not_matched(execution, spec, merge, place, batch, row, returned, &mut routing);
    }
    let mut tid = tid_of(spec, batch, row)?;
    let (mut source, mut source_row) = (batch.clone(), row);
    loop {
        let Some(tuple) = heap::fetch_any(&execution.context, &target.entry.relation, tid)? else {
            return Ok(false);
        };
        let old = image(tid, read_row(execution, &target.entry, &tuple)?);
        let input = side_by_side(target, Some(&old), &source, source_row);
        let by_source = match &merge.join_conditions[place] {
            Some(condition) => {
                filter(std::slice::from_ref(condition), execution, &input, Selection::All(1))?.is_empty()
            }
            None => false,
        };
        let kind = if by_source { MergeMatch::NotMatchedBySource } else { MergeMatch::Matched };
        let Some(action) = choose(execution, &merge.actions[place], kind, &input)? else { return Ok(false) };
        let attempt = match action.command {
            CommandType::Update => {
                let mut values = old.values.clone();
                for (attribute, eval) in &action.values {
                    let value = eval.evaluate(execution, &input, &Selection::All(1))?;
                    values[*attribute] = value.get(0).map(Datum::to_owned);
                }
                update_row(execution, target, &old, values, routing.is_open())
            }
            CommandType::Delete => delete::delete_row(execution, target, tid, Some(&old)),
            _ => return Ok(false),
        };
        let mut attempt = attempt?;
        if let Attempt::Leaves(values) = &attempt {
            attempt = match move_row(execution, target, &old, values, &mut routing)? {
                Moved::Done(new, table) => {
                    if target.returns() {
                        returned.table = Some(table);
                        returned.push(Some(old), Some(new), source_row);
                    }
                    return Ok(true);
                }
                Moved::Skipped => Attempt::Skipped,
                Moved::Again(newest) => Attempt::Again(newest),
            };
        }
        match attempt {
            Attempt::Leaves(_) => return Ok(false),
            Attempt::Done(new) => {
                if action.command == CommandType::Update {
                    Update { target, old, new }.after(execution, source_row, returned)?;
                } else {
                    delete::after(execution, target, Some(old), source_row, returned, false)?;
                }
                return Ok(true);
            }
            Attempt::Skipped => {
                let twice = is_own_change(execution, target, tid)?;
                return if twice { Err(second_time()) } else { Ok(false) };
            }
            Attempt::Again(newest) => {
                let Some((next, recomputed)) = recheck_row(execution, spec, target, batch, row, newest)?
                else {
                    return not_matched(execution, spec, merge, place, batch, row, returned, &mut routing);
                };
                tid = next;
                returned.source = Some(recomputed.clone());
                source = recomputed;
                source_row = 0;
            }
        }
    }
}

fn second_time() -> Error {
    err!(CARDINALITY_VIOLATION, "MERGE command cannot affect row a second time")
        .hint("Ensure that not more than one source row matches any one target row.")
}

/// Whether this transaction has replaced or deleted the version.
fn is_own_change(execution: &Execution, target: &Target, tid: base::Tid) -> Result<bool> {
    let Some(tuple) = heap::fetch_any(&execution.context, &target.entry.relation, tid)? else {
        return Ok(false);
    };
    let xmax = tuple.view()?.xmax();
    Ok(execution.context.transaction.xid_if_assigned().is_some_and(|x| x.low() == xmax))
}

fn choose<'a>(
    execution: &mut Execution,
    actions: &'a [Action],
    kind: MergeMatch,
    input: &Batch,
) -> Result<Option<&'a Action>> {
    for action in actions.iter().filter(|a| a.matched == kind) {
        if !filter(&action.condition, execution, input, Selection::All(1))?.is_empty() {
            return Ok(Some(action));
        }
    }
    Ok(None)
}

fn not_matched(
    execution: &mut Execution,
    spec: &Spec,
    merge: &MergeSpec,
    place: usize,
    batch: &Batch,
    row: usize,
    returned: &mut ReturnedRows,
    routing: &mut Routing<'_>,
) -> Result<bool> {
    let target = &spec.targets[place];
    let input = side_by_side(target, None, batch, row);
    let actions = &merge.actions[place];
    let Some(action) = choose(execution, actions, MergeMatch::NotMatchedByTarget, &input)? else {
        return Ok(false);
    };
    if action.command != CommandType::Insert {
        return Ok(false);
    }
    let mut values: Row = vec![None; target.entry.desc().len()];
    for (attribute, eval) in &action.values {
        values[*attribute] =
            eval.evaluate(execution, &input, &Selection::All(1))?.get(0).map(Datum::to_owned);
    }
    if routing.is_open() {
        let Some((new, table)) = routing.insert(execution, &target.entry, &values)? else { return Ok(false) };
        if target.returns() {
            returned.table = Some(table);
            returned.push(None, Some(new), row);
        }
        return Ok(true);
    }
    insert::insert_row(execution, None, target, values, row, returned)
}
