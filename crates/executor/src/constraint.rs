//! What a table demands of its rows: generated columns, NOT NULL, CHECK. And how rows show in messages.

use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs};
use crate::stored;
use base::{Error, Oid, Result, SqlState, err};
use catalog::{RelationEntry, Session};
use datum::{Batch, ColumnBuilder, Datum, OwnedDatum, Repr, Selection};
use functions::{Call, Registry};
use std::sync::Arc;

/// The range table index that stored expressions use for their table.
pub const STORED_RELATION: usize = 1;

/// The compiled constraints of a table.
pub struct RowConstraints {
    entry: Arc<RelationEntry>,
    not_null: Vec<usize>,
    /// Virtual columns that must not be NULL, with their expressions.
    virtual_not_null: Vec<(usize, Eval)>,
    checks: Vec<(String, Eval)>,
    /// What a partition's bounds say of its rows.
    partition: Vec<Eval>,
    /// Whether rows are taken to be the partition's.
    trusted: bool,
    /// Stored generated columns.
    pub generated: Vec<(usize, Eval)>,
}

/// All attributes, as columns of a batch of whole rows.
pub fn all_attributes(entry: &RelationEntry) -> Vec<i16> {
    (1..=entry.desc().len() as i16).collect()
}

/// An expression stored with a table, over batches of whole rows.
pub fn compile_stored(session: &Session, entry: &RelationEntry, text: &str) -> Result<Eval> {
    let attributes = all_attributes(entry);
    let inputs = Inputs::Scan { relation: STORED_RELATION, attributes: &attributes };
    let expr = stored::over_table(session, entry, stored::expression(session, text)?)?;
    Compiler::new(session, inputs).compile(&expr)
}

impl RowConstraints {
    /// # Errors
    /// `0A000` for expressions that have no evaluation yet.
    pub fn new(session: &Session, entry: &Arc<RelationEntry>) -> Result<RowConstraints> {
        let attributes = entry.desc().attributes();
        let (mut not_null, mut virtual_not_null) = (Vec::new(), Vec::new());
        for (index, attribute) in attributes.iter().enumerate().filter(|(_, a)| a.not_null && !a.dropped) {
            match &entry.defaults[index] {
                Some(text) if attribute.generated == b'v' => {
                    virtual_not_null.push((index, compile_stored(session, entry, text)?));
                }
                _ => not_null.push(index),
            }
        }
        let mut checks = Vec::new();
        for check in entry.checks.iter().filter(|c| c.conenforced) {
            let text = check.conbin.as_deref().unwrap_or_default();
            checks.push((check.conname.clone(), compile_stored(session, entry, text)?));
        }
        let mut generated = Vec::new();
        for (index, attribute) in attributes.iter().enumerate() {
            if attribute.generated == b's'
                && !attribute.dropped
                && let Some(text) = &entry.defaults[index]
            {
                generated.push((index, compile_stored(session, entry, text)?));
            }
        }
        let conditions = partition::own_conditions(session, entry)?;
        let all = all_attributes(entry);
        let inputs = Inputs::Scan { relation: STORED_RELATION, attributes: &all };
        let partition = match conditions.is_empty() {
            true => Vec::new(),
            false => Compiler::new(session, inputs).compile_all(&conditions)?,
        };
        let entry = entry.clone();
        Ok(RowConstraints { entry, not_null, virtual_not_null, checks, partition, trusted: false, generated })
    }

    /// Rows come by way of the partition's parent, which has seen to it that they belong there.
    pub fn trust_routing(&mut self) {
        self.trusted = true;
    }

    /// The first row of the first `end` that is none of the partition's.
    fn misplaced(&self, execution: &mut Execution, rows: &Batch, end: usize) -> Result<Option<usize>> {
        let mut first = None;
        for condition in &self.partition {
            let holds = condition.evaluate(execution, rows, &Selection::All(rows.rows()))?;
            let end = first.unwrap_or(end);
            first = (0..end).find(|row| holds.get(*row) == Some(Datum::Bool(false))).or(first);
        }
        Ok(first)
    }

    /// The first row that does not belong to the partition, with its error.
    ///
    /// # Errors
    /// What the bounds' functions fail with.
    pub fn first_misplaced(&self, execution: &mut Execution, rows: &Batch) -> Result<Option<(usize, Error)>> {
        let row = self.misplaced(execution, rows, rows.rows())?;
        Ok(row.map(|row| (row, self.placement_error(execution, &values_of(rows, row)))))
    }

    /// Whether a row belongs to the partition.
    ///
    /// # Errors
    /// What the bounds' functions fail with.
    pub fn is_placed(&self, execution: &mut Execution, values: &[Option<Datum<'_>>]) -> Result<bool> {
        if self.partition.is_empty() {
            return Ok(true);
        }
        let row = row_batch(&self.entry, values);
        Ok(self.misplaced(execution, &row, 1)?.is_none())
    }

    pub fn has_expressions(&self) -> bool {
        !self.checks.is_empty() || !self.generated.is_empty() || !self.virtual_not_null.is_empty()
    }

    /// The rows with their generated columns computed.
    ///
    /// # Errors
    /// What the expressions fail with.
    pub fn generate(&self, execution: &mut Execution, rows: Batch) -> Result<Batch> {
        if self.generated.is_empty() {
            return Ok(rows);
        }
        let mut columns = rows.columns().to_vec();
        for (index, eval) in &self.generated {
            columns[*index] = eval.evaluate(execution, &rows, &Selection::All(rows.rows()))?;
        }
        Ok(Batch::new(columns, rows.rows()))
    }

    /// The first row that breaks a constraint, with its error.
    ///
    /// # Errors
    /// What the expressions fail with.
    pub fn first_violation(&self, execution: &mut Execution, rows: &Batch) -> Result<Option<(usize, Error)>> {
        let mut first: Option<(usize, Error)> = None;
        for index in &self.not_null {
            let column = rows.column(*index);
            if column.has_nulls()
                && let Some(row) = (0..rows.rows()).find(|row| column.is_null(*row))
                && first.as_ref().is_none_or(|(found, _)| row < *found)
            {
                first = Some((row, self.null_error(execution, *index, &values_of(rows, row))));
            }
        }
        for (index, column) in &self.virtual_not_null {
            let end = first.as_ref().map_or(rows.rows(), |(row, _)| *row);
            let values = column.evaluate(execution, rows, &Selection::All(rows.rows()))?;
            if let Some(row) = (0..end).find(|row| values.get(*row).is_none()) {
                first = Some((row, self.null_error(execution, *index, &values_of(rows, row))));
            }
        }
        for (name, check) in &self.checks {
            let end = first.as_ref().map_or(rows.rows(), |(row, _)| *row);
            let holds = check.evaluate(execution, rows, &Selection::All(rows.rows()))?;
            let broken = (0..end).find(|row| holds.get(*row) == Some(Datum::Bool(false)));
            if let Some(row) = broken {
                first = Some((row, self.check_error(execution, name, &values_of(rows, row))));
            }
        }
        if !self.trusted && !self.partition.is_empty() {
            let end = first.as_ref().map_or(rows.rows(), |(row, _)| *row);
            if let Some(row) = self.misplaced(execution, rows, end)? {
                first = Some((row, self.placement_error(execution, &values_of(rows, row))));
            }
        }
        Ok(first)
    }

    /// Checks one row. Cheap without CHECK constraints.
    ///
    /// # Errors
    /// `23502`, `23514`.
    pub fn check_row(&self, execution: &mut Execution, values: &[Option<Datum<'_>>]) -> Result<()> {
        if let Some(index) = self.not_null.iter().find(|i| values[**i].is_none()) {
            return Err(self.null_error(execution, *index, values));
        }
        let has_expressions = !self.checks.is_empty() || !self.virtual_not_null.is_empty();
        if !has_expressions && (self.trusted || self.partition.is_empty()) {
            return Ok(());
        }
        let row = row_batch(&self.entry, values);
        match self.first_violation(execution, &row)? {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    fn placement_error(&self, execution: &Execution, values: &[Option<Datum<'_>>]) -> Error {
        let name = self.entry.name();
        let error = err!(CHECK_VIOLATION, "new row for relation \"{name}\" violates partition constraint");
        self.with_row(execution, error, values)
    }

    fn null_error(&self, execution: &Execution, attribute: usize, values: &[Option<Datum<'_>>]) -> Error {
        let column = &self.entry.desc().attributes()[attribute].name;
        let message = format!(
            "null value in column \"{column}\" of relation \"{}\" violates not-null constraint",
            self.entry.name()
        );
        let error = Error::new(SqlState::NOT_NULL_VIOLATION, message).column(column.as_str());
        self.with_row(execution, error, values)
    }

    fn check_error(&self, execution: &Execution, constraint: &str, values: &[Option<Datum<'_>>]) -> Error {
        let name = self.entry.name();
        let error = err!(
            CHECK_VIOLATION,
            "new row for relation \"{name}\" violates check constraint \"{constraint}\""
        );
        self.with_row(execution, error.constraint(constraint), values)
    }

    fn with_row(&self, execution: &Execution, error: Error, values: &[Option<Datum<'_>>]) -> Error {
        let session = &execution.session;
        let schema = session.namespace_name(self.entry.class.relnamespace).unwrap_or_default();
        let error = error.table(schema, self.entry.name());
        match describe_row(session, &self.entry, values) {
            Ok(row) => error.detail(format!("Failing row contains {row}.")),
            Err(_) => error,
        }
    }
}

fn values_of(rows: &Batch, row: usize) -> Vec<Option<Datum<'_>>> {
    rows.columns().iter().map(|c| c.get(row)).collect()
}

/// One row as a batch.
pub fn row_batch(entry: &RelationEntry, values: &[Option<Datum<'_>>]) -> Batch {
    let columns = entry.desc().attributes().iter().zip(values).map(|(attribute, value)| {
        let mut builder = ColumnBuilder::new(attribute.layout.repr, 1);
        builder.push(*value);
        Arc::new(builder.finish())
    });
    Batch::new(columns.collect(), 1)
}

/// A value's text, by its type's output function.
///
/// # Errors
/// `0A000` for a type whose output function has no body yet.
pub fn text_of(session: &Session, type_oid: Oid, value: Datum<'_>) -> Result<String> {
    let output = session.function(session.type_row(type_oid)?.typoutput)?;
    let body = Registry::get().function(&output)?;
    let call = Call {
        session,
        function: output.oid,
        collation: Oid::INVALID,
        argument_types: &[type_oid],
        result_type: Oid(2275),
        variadic: false,
        columns: None,
    };
    let repr = session.type_layout(type_oid)?.repr;
    let text = functions::invoke(&call, &body, &[Some(value)], &[repr], Repr::Bytes)?;
    Ok(match text {
        Some(OwnedDatum::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        _ => String::new(),
    })
}

/// Longest text of one column in a row shown.
const MAX_VALUE_BYTES: usize = 64;

/// `(1, abc, null)`.
///
/// # Errors
/// As [`text_of`].
pub fn describe_row(
    session: &Session,
    entry: &RelationEntry,
    values: &[Option<Datum<'_>>],
) -> Result<String> {
    let mut shown = Vec::new();
    for (attribute, value) in entry.desc().attributes().iter().zip(values) {
        if attribute.dropped {
            continue;
        }
        shown.push(match value {
            None if attribute.generated == b'v' => "virtual".to_string(),
            None => "null".to_string(),
            Some(value) => {
                let text = text_of(session, attribute.type_oid, *value)?;
                match text.len() <= MAX_VALUE_BYTES {
                    true => text,
                    false => {
                        let end =
                            (0..=MAX_VALUE_BYTES).rev().find(|e| text.is_char_boundary(*e)).unwrap_or(0);
                        format!("{}...", &text[..end])
                    }
                }
            }
        });
    }
    Ok(format!("({})", shown.join(", ")))
}

/// `Key (a, b)=(1, 2)`, of values of the given types.
pub fn describe_key(
    session: &Session,
    names: &[&str],
    types: &[Oid],
    values: &[Option<Datum<'_>>],
) -> Result<String> {
    let mut texts = Vec::with_capacity(values.len());
    for (type_oid, value) in types.iter().zip(values) {
        texts.push(match value {
            Some(value) => text_of(session, *type_oid, *value)?,
            None => "null".to_string(),
        });
    }
    Ok(format!("Key ({})=({})", names.join(", "), texts.join(", ")))
}
