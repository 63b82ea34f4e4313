//! What functions ask about stored definitions, answered by the analyzer.

use crate::explain::Constants;
use analyzer::definition::Definitions;
use base::{Oid, Result};
use catalog::Session;
use functions::hooks::Deparser;

/// The pg_get_*def functions.
pub struct StoredDefinitions;

pub(crate) fn definitions(session: &Session) -> Definitions<'_> {
    Definitions { session, output: &Constants }
}

/// The text of an index's column, counted from 0.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn index_column(session: &Session, index: Oid, number: usize) -> Result<Option<String>> {
    definitions(session).index(index, Some(number + 1), true)
}

impl Deparser for StoredDefinitions {
    fn expression(
        &self,
        session: &Session,
        tree: &str,
        relation: Oid,
        pretty: bool,
    ) -> Result<Option<String>> {
        definitions(session).expression(tree, relation, pretty)
    }

    fn view(&self, session: &Session, view: Oid, pretty: bool, wrap: Option<i32>) -> Result<Option<String>> {
        // A negative column breaks no lists; without one each item has its line.
        let wrap = usize::try_from(wrap.unwrap_or(0)).ok();
        definitions(session).view(view, pretty, wrap)
    }

    fn updatable(
        &self,
        session: &Session,
        relation: Oid,
        triggers: bool,
        attribute: Option<i16>,
    ) -> Result<i32> {
        let updatable = analyzer::updatable(session, relation, triggers)?;
        let written = match (attribute, &updatable.attributes) {
            (Some(attribute), Some(list)) => list.contains(&attribute),
            _ => true,
        };
        Ok(if written { updatable.events } else { 0 })
    }

    fn rule(&self, session: &Session, rule: Oid, pretty: bool) -> Result<Option<String>> {
        definitions(session).rule(rule, pretty)
    }

    fn index(&self, session: &Session, index: Oid, column: i32, pretty: bool) -> Result<Option<String>> {
        // A column that there is not has an empty definition, as has a negative one.
        let column = (column != 0).then(|| usize::try_from(column).unwrap_or(usize::MAX));
        definitions(session).index(index, column, pretty)
    }

    fn constraint(&self, session: &Session, constraint: Oid, pretty: bool) -> Result<Option<String>> {
        definitions(session).constraint(constraint, pretty)
    }

    fn trigger(&self, session: &Session, trigger: Oid, pretty: bool) -> Result<Option<String>> {
        definitions(session).trigger(trigger, pretty)
    }

    fn function(&self, session: &Session, function: Oid) -> Result<Option<String>> {
        definitions(session).function(function)
    }

    fn function_arguments(&self, session: &Session, function: Oid, identity: bool) -> Result<Option<String>> {
        match identity {
            true => definitions(session).function_identity_arguments(function),
            false => definitions(session).function_arguments(function),
        }
    }

    fn function_result(&self, session: &Session, function: Oid) -> Result<Option<String>> {
        definitions(session).function_result(function)
    }

    fn function_body(&self, session: &Session, function: Oid) -> Result<Option<String>> {
        definitions(session).function_body(function)
    }

    fn function_default(&self, session: &Session, function: Oid, argument: i32) -> Result<Option<String>> {
        definitions(session).function_argument_default(function, argument)
    }

    fn partition_key(&self, session: &Session, relation: Oid) -> Result<Option<String>> {
        definitions(session).partition_key(relation)
    }

    fn partition_constraint(&self, session: &Session, relation: Oid) -> Result<Option<String>> {
        definitions(session).partition_constraint(relation)
    }

    fn statistics(&self, session: &Session, statistics: Oid, columns: bool) -> Result<Option<String>> {
        match columns {
            true => definitions(session).statistics_columns(statistics),
            false => definitions(session).statistics(statistics),
        }
    }

    fn statistics_expressions(&self, session: &Session, statistics: Oid) -> Result<Option<Vec<String>>> {
        definitions(session).statistics_expressions(statistics)
    }
}
