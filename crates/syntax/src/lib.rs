//! The SQL front end: lexer, syntax tree, parser. See README.md.
#![forbid(unsafe_code)]

pub mod ast;
pub mod keyword;
mod lexer;
mod parser;
mod quote;
mod string_literal;
#[cfg(test)]
mod tests;

pub use ast::*;
pub use quote::quote_identifier;

use base::{Error, Result};
use parser::Parser;

/// The statements of a query string; empty ones are skipped.
///
/// # Errors
/// `42601` and the like with PostgreSQL's words and the byte offset; `54001` if nested too deeply.
pub fn parse(sql: &str) -> Result<Vec<RawStatement>> {
    Parser::new(sql)?.statements()
}

/// Like [`parse`], and adds the notices and warnings (truncated identifiers, for example) to `notices`.
pub fn parse_with_notices(sql: &str, notices: &mut Vec<Error>) -> Result<Vec<RawStatement>> {
    let mut parser = Parser::new(sql)?;
    let statements = parser.statements();
    notices.append(&mut parser.notices);
    statements
}

/// A type name alone, as `regtype` and `parse_type` take it. May carry SETOF, which most callers refuse.
pub fn parse_type_name(text: &str) -> Result<TypeName> {
    let mut parser = Parser::new(text)?;
    let type_name = parser.type_name()?;
    parser.end()?;
    Ok(type_name)
}

/// A scalar expression alone.
pub fn parse_expression(text: &str) -> Result<Expr> {
    let mut parser = Parser::new(text)?;
    let expr = parser.expr()?;
    parser.end()?;
    Ok(expr)
}

/// An expression of PL/pgSQL: what may stand after the word SELECT, up to FOR UPDATE.
pub fn parse_plpgsql_expression(text: &str) -> Result<SelectStatement> {
    let mut parser = Parser::new(text)?;
    let query = parser.plpgsql_expression()?;
    parser.end()?;
    Ok(query)
}

/// `target := expression` of PL/pgSQL.
pub fn parse_plpgsql_assignment(text: &str) -> Result<AssignStatement> {
    let mut parser = Parser::new(text)?;
    let assignment = parser.plpgsql_assignment()?;
    parser.end()?;
    Ok(assignment)
}
