//! INSERT ... ON CONFLICT. A row is first looked for; where there is none, the new row goes in speculatively, so that
//! two sessions which insert the same key at once do not both stop each other with an error.

use super::target::{ReturnedRows, Target, datums, image, read_row};
use super::update::{Attempt, Update, update_row};
use crate::composite::form_composite;
use crate::constraint::row_batch;
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::index_entries::{Entered, Uniqueness};
use crate::recheck::serialization_error;
use base::{Oid, Result, Tid, err};
use datum::{Batch, Column, Datum, Repr, Selection};
use heap::{InsertOptions, LockWait, Outcome, RowLock, Visibility};
use ir::{Expr, OnConflict, Var, VarSource};
use lock::{LockMode, LockTag};
use std::sync::Arc;

pub struct ConflictSpec {
    /// Empty: all unique indexes.
    arbiters: Vec<Oid>,
    update: Option<UpdateSpec>,
}

struct UpdateSpec {
    /// Attribute set (from 0) and its value, over the existing row and then the one that was to be inserted.
    set: Vec<(usize, Eval)>,
    /// Subplans of `SET (…) = (SELECT …)`: they set the params that the list reads.
    sources: Vec<Eval>,
    condition: Vec<Eval>,
    /// Whether whole rows are asked for.
    whole_rows: bool,
}

/// A row's columns in the input of the set list: its attributes, and these behind them.
const CTID: usize = 0;
const TABLE: usize = 1;
const WHOLE: usize = 2;
const EXTRA: usize = 3;

impl ConflictSpec {
    pub fn new(
        execution: &Execution,
        target: &Target,
        conflict: &OnConflict,
        arbiters: &[Oid],
    ) -> Result<ConflictSpec> {
        if !conflict.update {
            return Ok(ConflictSpec { arbiters: arbiters.to_vec(), update: None });
        }
        let count = target.entry.desc().len();
        let relation = target.relation;
        let excluded = conflict.excluded_relation;
        // The existing row, then the new one.
        let resolve = |var: &Var| {
            let place = match var.attribute {
                -1 => Some(count + CTID),
                -6 => Some(count + TABLE),
                0 => Some(count + WHOLE),
                number => usize::try_from(number - 1).ok().filter(|a| *a < count),
            }?;
            match var.source {
                VarSource::Relation(r) if r == relation => Some(place),
                VarSource::Relation(r) if r == excluded => Some(count + EXTRA + place),
                VarSource::Inner => Some(count + EXTRA + place),
                _ => None,
            }
        };
        let mut compiler = Compiler::new(&execution.session, Inputs::Resolve(&resolve));
        let junk: Vec<ir::Expr> = conflict.set.iter().filter(|t| t.junk).map(|t| t.expr.clone()).collect();
        let sources = compiler.compile_all(&junk)?;
        let mut set = Vec::new();
        for entry in conflict.set.iter().filter(|t| !t.junk) {
            if let Ok(attribute) = usize::try_from(entry.number - 1) {
                set.push((attribute, compiler.compile(&entry.expr)?));
            }
        }
        let condition = compiler.compile_all(&conflict.set_where)?;
        let mut exprs = conflict.set.iter().map(|t| &t.expr).chain(&conflict.set_where);
        let whole_rows = exprs.any(|e| ir::any(e, &mut |e| matches!(e, Expr::Var(v) if v.attribute == 0)));
        let update = Some(UpdateSpec { set, sources, condition, whole_rows });
        Ok(ConflictSpec { arbiters: arbiters.to_vec(), update })
    }

    pub fn updates(&self) -> bool {
        self.update.is_some()
    }
}

type AfterInsert =
    fn(&mut Execution, &Target, Tid, &[Option<Datum<'_>>], usize, &mut ReturnedRows) -> Result<()>;

/// Inserts a row or does what was asked for instead; whether something was done.
pub fn insert(
    execution: &mut Execution,
    target: &Target,
    spec: &ConflictSpec,
    values: &[Option<Datum<'_>>],
    row: usize,
    returned: &mut ReturnedRows,
    after: AfterInsert,
) -> Result<bool> {
    loop {
        execution.check()?;
        if let Some(tid) = target.indexes.find_conflict(execution, values, &spec.arbiters)? {
            let Some(update) = &spec.update else {
                must_be_visible(execution, target, tid)?;
                count(execution, false);
                return Ok(false);
            };
            match update_existing(execution, target, update, tid, values, row, returned)? {
                Some(done) => return Ok(done),
                None => continue,
            }
        }
        if let Some(tid) = speculate(execution, target, spec, values)? {
            count(execution, true);
            after(execution, target, tid, values, row, returned)?;
            return Ok(true);
        }
    }
}

fn count(execution: &mut Execution, inserted: bool) {
    let id = execution.prepared.plan.plan.id;
    if let Some(instruments) = &mut execution.instruments {
        let counters = instruments.get_mut(id);
        counters.tuples_inserted += u64::from(inserted);
        counters.conflicting_tuples += u64::from(!inserted);
    }
}

/// Inserts the row under a token that others wait for; `None` if another row with its key came first.
fn speculate(
    execution: &mut Execution,
    target: &Target,
    spec: &ConflictSpec,
    values: &[Option<Datum<'_>>],
) -> Result<Option<Tid>> {
    let context = execution.context.clone();
    let xid = context.transaction.xid()?;
    // Others find the token on the row, so it only has to differ from the transaction's former ones.
    let token = (execution.session.instance().system.random.next_u64() as u32).max(1);
    let tag = LockTag::SpeculativeToken { xid, token };
    context.transaction.lock(tag, LockMode::Exclusive, &context.wait)?;
    let options = InsertOptions { speculative: Some(token), ..InsertOptions::default() };
    let relation = &target.entry.relation;
    let result = (|| {
        let tid = heap::insert(&context, relation, values, &options, None)?;
        let arbiters = Uniqueness::Arbiters(&spec.arbiters);
        match target.indexes.insert(execution, values, tid, None, arbiters)? {
            Entered::Done => {
                heap::confirm_speculative(&context, relation, tid)?;
                Ok(Some(tid))
            }
            Entered::Conflict => {
                heap::abort_speculative(&context, relation, tid)?;
                Ok(None)
            }
        }
    })();
    context.transaction.unlock(&tag, LockMode::Exclusive);
    result
}

/// Under a kept snapshot, a row that the snapshot does not show must not decide anything.
fn must_be_visible(execution: &Execution, target: &Target, tid: Tid) -> Result<()> {
    if !execution.context.transaction.isolation().keeps_snapshot() {
        return Ok(());
    }
    let visibility = Visibility::Mvcc(execution.snapshot.clone());
    let own = Visibility::Own;
    let relation = &target.entry.relation;
    let visible = heap::fetch(&execution.context, relation, tid, &visibility)?.is_some();
    if visible || is_own(execution, target, tid, &own)? {
        return Ok(());
    }
    Err(serialization_error(false))
}

fn is_own(execution: &Execution, target: &Target, tid: Tid, own: &Visibility) -> Result<bool> {
    let Some(tuple) = heap::fetch(&execution.context, &target.entry.relation, tid, own)? else {
        return Ok(false);
    };
    let xmin = tuple.view()?.xmin();
    Ok(execution.context.transaction.xid_if_assigned().is_some_and(|x| x.low() == xmin))
}

/// DO UPDATE of the row at `tid`; `None` when it has changed meanwhile and all is to be tried again.
fn update_existing(
    execution: &mut Execution,
    target: &Target,
    spec: &UpdateSpec,
    tid: Tid,
    values: &[Option<Datum<'_>>],
    row: usize,
    returned: &mut ReturnedRows,
) -> Result<Option<bool>> {
    let context = execution.context.clone();
    let relation = &target.entry.relation;
    let sets_key = spec.set.iter().any(|(a, _)| target.indexes.attributes.key.contains(a));
    let mode = if sets_key { RowLock::ForUpdate } else { RowLock::ForNoKeyUpdate };
    let command = execution.snapshot.command;
    let (outcome, tuple) = heap::lock_tuple(&context, relation, tid, command, mode, LockWait::Block, false)?;
    let keeps_snapshot = context.transaction.isolation().keeps_snapshot();
    let tuple = match (outcome, tuple) {
        (Outcome::Done, Some(tuple)) => tuple,
        (Outcome::Invisible | Outcome::SelfModified(_), _) => {
            return Err(err!(CARDINALITY_VIOLATION, "ON CONFLICT DO UPDATE command cannot affect row a second time")
                .hint(
                "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.",
            ));
        }
        (Outcome::Updated(_), _) if keeps_snapshot => return Err(serialization_error(false)),
        (Outcome::Deleted(_), _) if keeps_snapshot => return Err(serialization_error(true)),
        _ => return Ok(None),
    };
    must_be_visible(execution, target, tid)?;
    let old = image(tid, read_row(execution, &target.entry, &tuple)?);
    let mut columns = input_columns(target, spec, &datums(&old.values), Some(tid))?;
    columns.extend(input_columns(target, spec, values, None)?);
    let both = Batch::new(columns, 1);
    let one = Selection::All(1);
    if filter(&spec.condition, execution, &both, one.clone())?.is_empty() {
        return Ok(Some(false));
    }
    let mut new = old.values.clone();
    for source in &spec.sources {
        source.evaluate(execution, &both, &one)?;
    }
    for (attribute, value) in &spec.set {
        new[*attribute] = value.evaluate(execution, &both, &one)?.get(0).map(Datum::to_owned);
    }
    match update_row(execution, target, &old, new, true)? {
        Attempt::Leaves(_) => Err(err!(FEATURE_NOT_SUPPORTED, "invalid ON UPDATE specification")
            .detail("The result tuple would appear in a different partition than the original tuple.")),
        Attempt::Done(new) => {
            count(execution, false);
            Update { target, old, new }.after(execution, row, returned)?;
            Ok(Some(true))
        }
        Attempt::Skipped => Ok(Some(false)),
        Attempt::Again(_) => Ok(None),
    }
}

/// One of the two rows for the set list.
fn input_columns(
    target: &Target,
    spec: &UpdateSpec,
    values: &[Option<Datum<'_>>],
    tid: Option<Tid>,
) -> Result<Vec<Arc<Column>>> {
    let mut columns = row_batch(&target.entry, values).columns().to_vec();
    let bytes = tid.map(Tid::to_bytes);
    let constant = |repr, value| Arc::new(Column::constant(repr, value));
    columns.push(constant(Repr::Bytes, bytes.as_ref().map(|b| Datum::Bytes(b))));
    columns.push(constant(Repr::Int4, Some(Datum::from(target.entry.class.oid))));
    let whole = match spec.whole_rows {
        true => Some(form_composite(target.entry.desc(), -1, values)?),
        false => None,
    };
    columns.push(constant(Repr::Bytes, whole.as_deref().map(Datum::Bytes)));
    Ok(columns)
}
