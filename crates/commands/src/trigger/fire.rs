//! Firing triggers: which are due, in the order of their names, and calling their functions.

use super::bits;
use crate::routine;
use base::{Oid, Result, err};
use catalog::{PgConstraint, PgTrigger, RelationEntry, Session, index};
use datum::{Batch, Column, Datum, OwnedDatum, Row};
use executor::{
    Compiler, Inputs, QueuedTrigger, RowConstraints, RowEvent, RowHooks, RowImage, evaluate_once,
};
use ir::VarSource;
use std::sync::Arc;

/// A call of a trigger function.
pub struct TriggerCall<'t> {
    pub trigger: &'t PgTrigger,
    pub relation: &'t RelationEntry,
    /// BEFORE, AFTER or INSTEAD OF.
    pub when: &'static str,
    /// INSERT, UPDATE, DELETE or TRUNCATE.
    pub event: &'static str,
    pub for_each_row: bool,
    pub old: Option<&'t Row>,
    pub new: Option<&'t Row>,
}

impl TriggerCall<'_> {
    /// The arguments that CREATE TRIGGER gave.
    pub fn arguments(&self) -> Vec<String> {
        let count = self.trigger.tgnargs.max(0) as usize;
        let parts = self.trigger.tgargs.0.split(|b| *b == 0).take(count);
        parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect()
    }
}

fn event_bit(event: RowEvent) -> i16 {
    match event {
        RowEvent::Insert => bits::INSERT,
        RowEvent::Update => bits::UPDATE,
        RowEvent::Delete => bits::DELETE,
    }
}

fn event_word(event: RowEvent) -> &'static str {
    match event {
        RowEvent::Insert => "INSERT",
        RowEvent::Update => "UPDATE",
        RowEvent::Delete => "DELETE",
    }
}

/// The relation's own triggers of one kind that are switched on, by name.
fn due(relation: &RelationEntry, event: i16, level: i16, time: i16, updated: &[i16]) -> Vec<PgTrigger> {
    let mask = bits::ROW | bits::BEFORE | bits::INSTEAD;
    let mut found: Vec<PgTrigger> = relation
        .triggers
        .iter()
        .filter(|t| !t.tgisinternal && matches!(t.tgenabled as u8, b'O' | b'A'))
        .filter(|t| t.tgtype & event != 0 && t.tgtype & mask == level | time)
        .filter(|t| {
            event != bits::UPDATE || t.tgattr.is_empty() || t.tgattr.iter().any(|c| updated.contains(c))
        })
        .cloned()
        .collect();
    found.sort_by(|a, b| a.tgname.cmp(&b.tgname));
    found
}

/// Whether the trigger's WHEN holds for these rows.
fn holds(
    session: &Arc<Session>,
    relation: &RelationEntry,
    trigger: &PgTrigger,
    old: Option<&Row>,
    new: Option<&Row>,
) -> Result<bool> {
    let Some(text) = &trigger.tgqual else { return Ok(true) };
    let mut expr = crate::expression::load(session, text)?;
    for side in [1, 2] {
        executor::over_rows_of(session, relation, side, &mut expr)?;
    }
    let attributes = relation.desc().attributes();
    let width = attributes.len();
    let place = |var: &ir::Var| match (var.source, usize::try_from(var.attribute)) {
        (VarSource::Relation(1), Ok(at @ 1..)) => Some(at - 1),
        (VarSource::Relation(2), Ok(at @ 1..)) => Some(width + at - 1),
        _ => None,
    };
    let eval = Compiler::new(session, Inputs::Resolve(&place)).compile(&expr)?;
    let mut columns = Vec::with_capacity(2 * width);
    for row in [old, new] {
        for (at, attribute) in attributes.iter().enumerate() {
            let value = row.and_then(|r| r.get(at)).and_then(Option::as_ref).map(OwnedDatum::as_datum);
            columns.push(Arc::new(Column::constant(attribute.layout.repr, value)));
        }
    }
    let mut execution = crate::expression::execution(session)?;
    let batch = Batch::new(columns, 1);
    let value = match trigger.tgtype & bits::ROW != 0 {
        true => eval.evaluate(&mut execution, &batch, &datum::Selection::All(1))?,
        false => evaluate_once(&mut execution, &eval)?,
    };
    Ok(matches!(value.get(0), Some(Datum::Bool(true))))
}

/// A trigger of a partitioned table must leave a new row in the partition that it was routed to.
fn require_placed(
    session: &Arc<Session>,
    relation: &RelationEntry,
    trigger: &PgTrigger,
    row: &Row,
) -> Result<()> {
    let values: Vec<Option<Datum<'_>>> = row.iter().map(|v| v.as_ref().map(OwnedDatum::as_datum)).collect();
    let mut execution = crate::expression::execution(session)?;
    let entry = session.require_relation(relation.oid())?;
    if RowConstraints::new(session, &entry)?.is_placed(&mut execution, &values)? {
        return Ok(());
    }
    Err(err!(
        FEATURE_NOT_SUPPORTED,
        "moving row to another partition during a BEFORE FOR EACH ROW trigger is not supported"
    )
    .detail(format!(
        "Before executing trigger \"{}\", the row was to be in partition \"{}.{}\".",
        trigger.tgname,
        session.namespace_name(relation.class.relnamespace)?,
        relation.name()
    )))
}

/// AFTER and statement triggers return nothing that counts.
fn call(session: &Arc<Session>, call: &TriggerCall<'_>) -> Result<Option<Row>> {
    routine::call_trigger(session, call)
}

/// What executions are given for the triggers of the relations that they change.
pub(crate) struct TriggerHooks;

impl TriggerHooks {
    fn statement(
        session: &Arc<Session>,
        relation: &RelationEntry,
        bit: i16,
        event: &'static str,
        before: bool,
    ) -> Result<()> {
        let time = if before { bits::BEFORE } else { 0 };
        let all: Vec<i16> = (1..=relation.desc().len() as i16).collect();
        for trigger in due(relation, bit, 0, time, &all) {
            if !holds(session, relation, &trigger, None, None)? {
                continue;
            }
            let when = if before { "BEFORE" } else { "AFTER" };
            let described = TriggerCall {
                trigger: &trigger,
                relation,
                when,
                event,
                for_each_row: false,
                old: None,
                new: None,
            };
            if call(session, &described)?.is_some() && before {
                return Err(err!(
                    E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                    "BEFORE STATEMENT trigger cannot return a value"
                ));
            }
        }
        Ok(())
    }
}

/// Fires the TRUNCATE triggers of a relation.
///
/// # Errors
/// What they raise.
pub(crate) fn truncated(session: &Arc<Session>, relation: &RelationEntry, before: bool) -> Result<()> {
    TriggerHooks::statement(session, relation, bits::TRUNCATE, "TRUNCATE", before)
}

impl RowHooks for TriggerHooks {
    fn before_statement(
        &self,
        session: &Arc<Session>,
        relation: &RelationEntry,
        event: RowEvent,
    ) -> Result<()> {
        TriggerHooks::statement(session, relation, event_bit(event), event_word(event), true)
    }

    fn before_row(
        &self,
        session: &Arc<Session>,
        relation: &RelationEntry,
        event: RowEvent,
        old: Option<&RowImage>,
        new: Option<Row>,
        updated: &[i16],
    ) -> Result<Option<Row>> {
        let old_row = old.map(|image| &image.values);
        let mut current = new;
        for trigger in due(relation, event_bit(event), bits::ROW, bits::BEFORE, updated) {
            if !holds(session, relation, &trigger, old_row, current.as_ref())? {
                continue;
            }
            let described = TriggerCall {
                trigger: &trigger,
                relation,
                when: "BEFORE",
                event: event_word(event),
                for_each_row: true,
                old: old_row,
                new: current.as_ref(),
            };
            match call(session, &described)? {
                None => return Ok(None),
                Some(row) if event != RowEvent::Delete => {
                    if trigger.tgparentid.is_valid()
                        && event == RowEvent::Insert
                        && current.as_ref() != Some(&row)
                    {
                        require_placed(session, relation, &trigger, &row)?;
                    }
                    current = Some(row);
                }
                Some(_) => {}
            }
        }
        Ok(Some(current.or_else(|| old_row.cloned()).unwrap_or_default()))
    }

    fn after_row(
        &self,
        session: &Arc<Session>,
        relation: &RelationEntry,
        event: RowEvent,
        old: Option<&RowImage>,
        new: Option<&RowImage>,
        updated: &[i16],
    ) -> Result<()> {
        let (old_row, new_row) = (old.map(|i| &i.values), new.map(|i| &i.values));
        for trigger in due(relation, event_bit(event), bits::ROW, 0, updated) {
            if !holds(session, relation, &trigger, old_row, new_row)? {
                continue;
            }
            let constraint = match trigger.tgconstraint.some() {
                Some(oid) => session.row::<PgConstraint>(index::PG_CONSTRAINT_OID, &[oid.into()])?,
                None => None,
            };
            let queued =
                QueuedTrigger { trigger: trigger.oid, event, old: old_row.cloned(), new: new_row.cloned() };
            let options = crate::execution::options(session);
            executor::queue_trigger(session, relation, constraint.as_deref(), queued, &options)?;
        }
        Ok(())
    }

    fn fire(&self, session: &Arc<Session>, relation: Oid, queued: &QueuedTrigger) -> Result<()> {
        let Some(entry) = session.relation(relation)? else { return Ok(()) };
        let Some(trigger) = entry.triggers.iter().find(|t| t.oid == queued.trigger) else { return Ok(()) };
        let described = TriggerCall {
            trigger,
            relation: &entry,
            when: "AFTER",
            event: event_word(queued.event),
            for_each_row: true,
            old: queued.old.as_ref(),
            new: queued.new.as_ref(),
        };
        call(session, &described).map(|_| ())
    }

    fn after_statement(
        &self,
        session: &Arc<Session>,
        relation: &RelationEntry,
        event: RowEvent,
    ) -> Result<()> {
        TriggerHooks::statement(session, relation, event_bit(event), event_word(event), false)
    }
}
