//! Parse analysis and rewriting: from syntax trees to typed queries. See README.md.
#![forbid(unsafe_code)]

mod assignment;
mod clause;
mod coerce;
mod collation;
mod context;
pub mod definition;
pub mod deparse;
mod expr;
mod from;
mod function;
mod group;
mod name;
mod operator;
mod params;
mod relation;
mod rewrite;
mod routine;
mod state;
mod statement;
mod target;
mod type_name;
mod types;
mod window;

pub use coerce::CoercionContext;
pub use context::ExprKind;
pub use params::ParamTypes;
pub use rewrite::{Updatable, rewrite, updatable, view_query, why_not_updatable};
pub use routine::{
    NamedValue, ParameterNames, Precedence, Returned, analyze_body, analyze_call, cast_of_param, fit_result,
};
pub use state::Variable;
pub use statement::view::{
    Names, Wanted, analyze_expression, analyze_inner, analyze_view, check_cursor_query, resolve_collation,
    resolve_type,
};

use base::{Oid, Result};
use catalog::Session;
use datum::OwnedDatum;
use ir::{Expr, Query};
use state::Analyzer;
use syntax::{RawStatement, Statement};

/// The functions of types that analysis calls; implemented above, where functions are.
pub trait ConstantInput {
    /// A literal as a value of a base type: its input function.
    ///
    /// # Errors
    /// What the input function fails with.
    fn input(&self, session: &Session, type_oid: Oid, typmod: i32, text: &str) -> Result<Option<OwnedDatum>>;

    /// The words in a type name's parentheses as a typmod: typmodin.
    ///
    /// # Errors
    /// What the function fails with.
    fn type_modifier(&self, session: &Session, type_oid: Oid, words: &[String]) -> Result<i32>;
}

/// An analysed statement.
#[derive(Debug)]
pub enum Analyzed<'s> {
    Query(Box<Query>),
    /// Everything that is not planned.
    Utility(&'s Statement),
}

/// Analyses one statement. `sql` is the text its locations point into.
///
/// # Errors
/// Every error of PostgreSQL's parse analysis, with its position.
pub fn analyze<'s>(
    session: &Session,
    input: &dyn ConstantInput,
    statement: &'s RawStatement,
    sql: &str,
    params: &mut ParamTypes,
) -> Result<Analyzed<'s>> {
    let is_query = match &statement.statement {
        Statement::Select(select) => !has_into(select),
        Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Merge(_) => true,
        _ => false,
    };
    if !is_query {
        return Ok(Analyzed::Utility(&statement.statement));
    }
    analyze_inner(session, input, &statement.statement, sql, params).map(|q| Analyzed::Query(Box::new(q)))
}

/// SELECT INTO is CREATE TABLE AS, a utility statement.
fn has_into(select: &syntax::SelectStatement) -> bool {
    match &select.body {
        syntax::SelectBody::Select(simple) => simple.into.is_some(),
        syntax::SelectBody::SetOperation(set) => has_into(&set.left),
        syntax::SelectBody::Values(_) => false,
    }
}

/// Every parameter must have found one type.
fn finish_params(analyzer: &Analyzer<'_>, query: &Query) -> Result<()> {
    if !analyzer.params.is_variable() {
        return Ok(());
    }
    let mut failure = None;
    ir::walk_query_levels(query, 0, &mut |e, _| {
        if let (Expr::Param(param), None) = (e, &failure) {
            failure = analyzer.check_param(param).err();
        }
        failure.is_none()
    });
    failure.map_or(Ok(()), Err)
}
