//! Expressions that COPY FROM evaluates over a row of the table: defaults, generated columns, constraints, index keys.

use base::Result;
use catalog::{IndexEntry, RelationEntry, Session};
use executor::{Compiler, Eval, Inputs};
use ir::Expr;

/// Compiles an expression whose variables are the table's columns, for batches of whole rows.
///
/// # Errors
/// `0A000` for functions without a body.
pub fn over_row(session: &Session, entry: &RelationEntry, expr: &Expr) -> Result<Eval> {
    let attributes: Vec<i16> = (1..=entry.desc().len() as i16).collect();
    let mut expr = expr.clone();
    executor::over_rows_of(session, entry, 1, &mut expr)?;
    Compiler::new(session, Inputs::Scan { relation: 1, attributes: &attributes }).compile(&expr)
}

/// One that a catalog holds.
///
/// # Errors
/// As [`over_row`]; `XX000` for a text that is none.
pub fn stored(session: &Session, entry: &RelationEntry, text: &str) -> Result<Eval> {
    over_row(session, entry, &executor::stored_expression(session, text)?)
}

/// The key and included columns of an index: attributes, counted from 0, or expressions.
///
/// # Errors
/// As [`stored`].
pub fn index_keys(
    session: &Session,
    entry: &RelationEntry,
    index: &IndexEntry,
) -> Result<Vec<std::result::Result<usize, Eval>>> {
    let mut expressions = match &index.index.indexprs {
        Some(text) => executor::stored_expressions(session, text)?,
        None => Vec::new(),
    }
    .into_iter();
    let mut keys = Vec::new();
    for attribute in &index.index.indkey {
        keys.push(if *attribute > 0 {
            Ok(*attribute as usize - 1)
        } else {
            let expr = expressions
                .next()
                .ok_or_else(|| base::Error::internal("too few entries in indexprs list"))?;
            Err(over_row(session, entry, &expr)?)
        });
    }
    Ok(keys)
}

/// What a column gets when the file has nothing for it; `None` for NULL.
///
/// # Errors
/// As [`stored`].
pub fn default(session: &Session, entry: &RelationEntry, attribute: usize) -> Result<Option<Eval>> {
    let description = &entry.desc().attributes()[attribute];
    if description.generated != 0 {
        return Ok(None);
    }
    if description.identity != 0 {
        let sequence = session.identity_sequence(entry.oid(), attribute as i16 + 1)?;
        let next = Expr::NextValue { sequence, type_oid: description.type_oid };
        return Ok(Some(Compiler::new(session, Inputs::None).compile(&next)?));
    }
    let text = match &entry.defaults[attribute] {
        Some(text) => Some(text.clone()),
        None => session.type_row(description.type_oid)?.typdefaultbin.clone(),
    };
    let Some(text) = text else { return Ok(None) };
    let expr = executor::stored_expression(session, &text)?;
    Ok(Some(Compiler::new(session, Inputs::None).compile(&expr)?))
}
