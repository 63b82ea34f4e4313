//! A referenced row has lost its key: nothing may refer to it any more, or what does is changed along.

use super::child::schema_of;
use super::queue::Event;
use super::search::{Search, places, types_of};
use super::{CASCADE, NO_ACTION, RESTRICT, SET_NULL, columns};
use crate::constraint::{compile_stored, describe_key, row_batch};
use crate::context::Execution;
use crate::index_entries::as_datums;
use crate::nodes::modify::{self, Target};
use base::{Error, Result, err};
use catalog::RelationEntry;
use datum::{Datum, OwnedDatum, Row, Selection};
use std::sync::Arc;

/// Rows changed along at a time.
const STEP: usize = 1024;

/// # Errors
/// `23503`, `23001`; whatever changing the referencing rows fails with.
pub fn check(
    execution: &mut Execution,
    event: &Event,
    key: &Row,
    new_key: Option<&[Option<OwnedDatum>]>,
) -> Result<()> {
    let session = execution.session.clone();
    let constraint = &event.constraint;
    let parent = session.require_relation(constraint.confrelid)?;
    let child = session.require_relation(constraint.conrelid)?;
    let parent_attributes = places(columns(&constraint.confkey));
    let types = types_of(&parent, &parent_attributes);
    let action = match new_key {
        Some(_) => constraint.confupdtype as u8,
        None => constraint.confdeltype as u8,
    };
    if action == NO_ACTION {
        // Another row may have taken over the key.
        let same = Search {
            entry: &parent,
            attributes: parent_attributes.clone(),
            types: types.clone(),
            values: key,
        };
        if !same.rows(execution, 1)?.is_empty() {
            return Ok(());
        }
    }
    let child_attributes = places(columns(&constraint.conkey));
    let search = Search { entry: &child, attributes: child_attributes.clone(), types, values: key };
    if matches!(action, NO_ACTION | RESTRICT) {
        if search.rows(execution, 1)?.is_empty() {
            return Ok(());
        }
        return Err(still_referenced(execution, event, &parent, &child, key, action == RESTRICT));
    }
    let referential = Action::new(execution, event, &child, &child_attributes, action, new_key)?;
    loop {
        let found = search.rows(execution, STEP)?;
        if found.is_empty() {
            return Ok(());
        }
        for tid in found {
            execution.check()?;
            referential.apply(execution, tid)?;
        }
        session.command_counter_increment()?;
    }
}

fn still_referenced(
    execution: &Execution,
    event: &Event,
    parent: &RelationEntry,
    child: &RelationEntry,
    key: &Row,
    restrict: bool,
) -> Error {
    let constraint = &event.constraint.conname;
    let (table, by) = (parent.name(), child.name());
    let error = match restrict {
        true => err!(
            RESTRICT_VIOLATION,
            "update or delete on table \"{table}\" violates RESTRICT setting of foreign key constraint \"{constraint}\" on table \"{by}\""
        ),
        false => err!(
            FOREIGN_KEY_VIOLATION,
            "update or delete on table \"{table}\" violates foreign key constraint \"{constraint}\" on table \"{by}\""
        ),
    };
    let attributes = places(columns(&event.constraint.confkey));
    let described = parent.desc().attributes();
    let names: Vec<&str> = attributes.iter().map(|a| described[*a].name.as_str()).collect();
    let types = types_of(parent, &attributes);
    let error = error.table(schema_of(execution, child), by).constraint(constraint.as_str());
    let referenced = if restrict { "referenced" } else { "still referenced" };
    match describe_key(&execution.session, &names, &types, &as_datums(key)) {
        Ok(key) => error.detail(format!("{key} is {referenced} from table \"{by}\".")),
        Err(_) => error,
    }
}

/// What is done to each referencing row.
struct Action {
    target: Target,
    change: Change,
}

enum Change {
    Delete,
    /// Attribute (from 0) and its new value.
    Set(Vec<(usize, Option<OwnedDatum>)>),
}

impl Action {
    fn new(
        execution: &mut Execution,
        event: &Event,
        child: &Arc<RelationEntry>,
        attributes: &[usize],
        action: u8,
        new_key: Option<&[Option<OwnedDatum>]>,
    ) -> Result<Action> {
        let change = match (action, new_key) {
            (CASCADE, None) => Change::Delete,
            (CASCADE, Some(values)) => {
                Change::Set(attributes.iter().copied().zip(values.iter().cloned()).collect())
            }
            _ => {
                // ON DELETE SET NULL (columns) names some of the key's columns.
                let named = match new_key {
                    None => event.constraint.confdelsetcols.as_deref().map(places),
                    Some(_) => None,
                };
                let chosen = named.filter(|n| !n.is_empty()).unwrap_or_else(|| attributes.to_vec());
                let mut values = Vec::with_capacity(chosen.len());
                for attribute in chosen {
                    let value =
                        if action == SET_NULL { None } else { default_of(execution, child, attribute)? };
                    values.push((attribute, value));
                }
                Change::Set(values)
            }
        };
        let assigned = match &change {
            Change::Delete => Vec::new(),
            Change::Set(values) => values.iter().map(|(a, _)| *a).collect(),
        };
        Ok(Action { target: Target::bare(&execution.session, child.clone(), assigned)?, change })
    }

    fn apply(&self, execution: &mut Execution, tid: base::Tid) -> Result<()> {
        match &self.change {
            Change::Delete => modify::delete_one(execution, &self.target, tid),
            Change::Set(values) => modify::update_one(execution, &self.target, tid, values),
        }
    }
}

/// A column's default; generated and missing ones are NULL.
fn default_of(
    execution: &mut Execution,
    entry: &RelationEntry,
    attribute: usize,
) -> Result<Option<OwnedDatum>> {
    let Some(text) = &entry.defaults[attribute] else { return Ok(None) };
    let eval = compile_stored(&execution.session, entry, text)?;
    let nothing = row_batch(entry, &vec![None; entry.desc().len()]);
    Ok(eval.evaluate(execution, &nothing, &Selection::All(1))?.get(0).map(Datum::to_owned))
}
