//! A referenced row has lost its key: nothing may refer to it any more, or what does is changed along.

use super::child::schema_of;
use super::convert::Conversion;
use super::queue::Event;
use super::search::{Search, attributes_of, for_each_row, leaves, places, types_of};
use super::{CASCADE, NO_ACTION, RESTRICT, SET_NULL, columns};
use crate::constraint::{compile_stored, describe_key, row_batch};
use crate::context::Execution;
use crate::index_entries::as_datums;
use crate::nodes::modify::{self, Routing, Target};
use base::{Error, Oid, Result, err};
use catalog::{LockMode, PgConstraint, RelationEntry, Session, quote_identifier};
use datum::{Datum, OwnedDatum, Row, Selection};
use std::sync::Arc;

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
            entry: parent.clone(),
            attributes: parent_attributes.clone(),
            types: types.clone(),
            values: key,
        };
        if same.one(execution)?.is_some() {
            return Ok(());
        }
    }
    let child_attributes = places(columns(&constraint.conkey));
    let attributes = child_attributes.clone();
    let search = Search { entry: child.clone(), attributes, types: types.clone(), values: key };
    if matches!(action, NO_ACTION | RESTRICT) {
        if search.all(execution, 1)?.is_empty() {
            return Ok(());
        }
        return Err(still_referenced(execution, event, &parent, &child, key, action == RESTRICT));
    }
    // All are found first: a row may still have the old key afterwards, if a cast rounds.
    let found = search.all(execution, usize::MAX)?;
    if found.is_empty() {
        return Ok(());
    }
    let act = || {
        let change = change_of(execution, event, &child, &child_attributes, &types, action, new_key)?;
        let mut routes = None;
        for part in found {
            let referential = Action::new(execution, &child, part.entry, &change)?;
            let root = (child.kind() == b'p').then_some(&child);
            for tid in part.tids {
                execution.check()?;
                referential.apply(execution, tid, &mut Routing::unplanned(root, &mut routes))?;
            }
        }
        Ok(())
    };
    if let Err(error) = act() {
        let statement = statement(&session, event, action, new_key.is_some())?;
        return Err(Error::context(error, format!("SQL statement \"{statement}\"")));
    }
    session.command_counter_increment()
}

/// The action as SQL, which errors give as their context.
fn statement(session: &Session, event: &Event, action: u8, update: bool) -> Result<String> {
    let constraint = &event.constraint;
    let (parent, child) =
        (session.require_relation(constraint.confrelid)?, session.require_relation(constraint.conrelid)?);
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let (keys, referenced) = (places(columns(&constraint.conkey)), places(columns(&constraint.confkey)));
    let column = |place: usize| &child.desc().attributes()[place];
    let schema = session.namespace_name(child.class.relnamespace).unwrap_or_default();
    let table = format!("{}.{}", quoted(&schema), quoted(child.name()));
    let only = if child.kind() == b'p' { "" } else { "ONLY " };
    let (mut text, mut parameters) = (format!("DELETE FROM {only}{table}"), 0);
    if action != CASCADE || update {
        let named = constraint.confdelsetcols.as_deref().filter(|n| !update && !n.is_empty());
        let mut set = Vec::new();
        for place in named.map_or(keys.clone(), places) {
            let value = match action {
                CASCADE => {
                    parameters += 1;
                    format!("${parameters}")
                }
                SET_NULL => "NULL".to_string(),
                _ => "DEFAULT".to_string(),
            };
            set.push(format!("{} = {value}", quoted(&column(place).name)));
        }
        text = format!("UPDATE {only}{table} SET {}", set.join(", "));
    }
    let operators = constraint.conpfeqop.as_deref().unwrap_or_default();
    for (index, ((key, parent_key), operator)) in keys.iter().zip(&referenced).zip(operators).enumerate() {
        let operator = session.operator(*operator)?;
        let cast = |has: Oid, wants: Oid| -> Result<String> {
            if has == wants {
                return Ok(String::new());
            }
            let row = session.type_row(wants)?;
            let schema = session.namespace_name(row.typnamespace).unwrap_or_default();
            Ok(format!("::{}.{}", quote_identifier(&schema), quote_identifier(&row.typname)))
        };
        parameters += 1;
        let schema = session.namespace_name(operator.oprnamespace).unwrap_or_default();
        text.push_str(&format!(
            " {} ${parameters}{} OPERATOR({}.{}) {}{}",
            if index == 0 { "WHERE" } else { "AND" },
            cast(parent.desc().attributes()[*parent_key].type_oid, operator.oprleft)?,
            quote_identifier(&schema),
            operator.oprname,
            quoted(&column(*key).name),
            cast(column(*key).type_oid, operator.oprright)?
        ));
    }
    Ok(text)
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

/// What is done to each referencing row of one table.
struct Action {
    target: Target,
    change: Change,
}

#[derive(Clone)]
enum Change {
    Delete,
    /// Attribute (from 0) and its new value.
    Set(Vec<(usize, Option<OwnedDatum>)>),
}

fn change_of(
    execution: &mut Execution,
    event: &Event,
    child: &RelationEntry,
    attributes: &[usize],
    types: &[Oid],
    action: u8,
    new_key: Option<&[Option<OwnedDatum>]>,
) -> Result<Change> {
    match (action, new_key) {
        (CASCADE, None) => Ok(Change::Delete),
        (CASCADE, Some(values)) => {
            let session = execution.session.clone();
            let mut assigned = Vec::with_capacity(values.len());
            for ((attribute, from), value) in attributes.iter().zip(types).zip(values) {
                let to = &child.desc().attributes()[*attribute];
                let value = match Conversion::assigning(&session, *from, to)? {
                    Some(conversion) => conversion.value(execution, value.as_ref())?,
                    None => value.clone(),
                };
                assigned.push((*attribute, value));
            }
            Ok(Change::Set(assigned))
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
                let value = if action == SET_NULL { None } else { default_of(execution, child, attribute)? };
                values.push((attribute, value));
            }
            Ok(Change::Set(values))
        }
    }
}

impl Action {
    /// `change` is told by the attributes of `child`, of which `table` may be a partition.
    fn new(
        execution: &Execution,
        child: &RelationEntry,
        table: Arc<RelationEntry>,
        change: &Change,
    ) -> Result<Action> {
        let (assigned, change) = match change {
            Change::Delete => (Vec::new(), Change::Delete),
            Change::Set(values) => {
                let attributes: Vec<usize> = values.iter().map(|(a, _)| *a).collect();
                let own = attributes_of(child, &table, &attributes)?;
                let values = own.iter().zip(values).map(|(own, (_, value))| (*own, value.clone())).collect();
                (own, Change::Set(values))
            }
        };
        Ok(Action { target: Target::bare(&execution.session, table, assigned)?, change })
    }

    fn apply(&self, execution: &mut Execution, tid: base::Tid, routing: &mut Routing<'_>) -> Result<()> {
        match &self.change {
            Change::Delete => modify::delete_one(execution, &self.target, tid),
            Change::Set(values) => modify::update_one(execution, &self.target, tid, values, routing),
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

/// Checks that no row refers to one of a partition that goes away. `constraint` is the copy for the partition.
///
/// # Errors
/// `23503`.
pub fn check_partition_removal(
    execution: &mut Execution,
    partition: &Arc<RelationEntry>,
    constraint: &PgConstraint,
) -> Result<()> {
    let session = execution.session.clone();
    let child = session.require_relation(constraint.conrelid)?;
    let keys = places(columns(&constraint.conkey));
    let types = types_of(&child, &keys);
    let referenced = places(columns(&constraint.confkey));
    for leaf in leaves(execution, &child, LockMode::AccessShare)? {
        let own: Vec<i16> =
            attributes_of(&child, &leaf, &keys)?.into_iter().map(|at| at as i16 + 1).collect();
        for_each_row(execution, &leaf, &own, &mut |execution, key| {
            let search = Search {
                entry: partition.clone(),
                attributes: referenced.clone(),
                types: types.clone(),
                values: &key,
            };
            if search.one(execution)?.is_none() {
                return Ok(());
            }
            let names: Vec<&str> = keys.iter().map(|a| child.desc().attributes()[*a].name.as_str()).collect();
            let (gone, name) = (partition.name(), &constraint.conname);
            let described = describe_key(&execution.session, &names, &types, &as_datums(&key))?;
            Err(err!(
                FOREIGN_KEY_VIOLATION,
                "removing partition \"{gone}\" violates foreign key constraint \"{name}\""
            )
            .detail(format!("{described} is still referenced from table \"{}\".", child.name()))
            .table(schema_of(execution, &child), child.name())
            .constraint(name.as_str()))
        })?;
    }
    Ok(())
}
