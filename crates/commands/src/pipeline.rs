//! From a parsed statement to a running plan: what the session does for queries, and commands that contain queries
//! (COPY, EXPLAIN, CREATE TABLE AS, cursors) do as well.

use crate::input::ValueInput;
use analyzer::{Analyzed, ParamTypes};
use base::{Oid, Result};
use catalog::Session;
use datum::OwnedDatum;
use executor::ParamValue;
use ir::{PlannedStmt, Query};
use std::sync::Arc;
use syntax::Statement;

/// Reads literals through the input functions of their types.
pub struct Literals;

impl analyzer::ConstantInput for Literals {
    fn input(&self, session: &Session, type_oid: Oid, typmod: i32, text: &str) -> Result<Option<OwnedDatum>> {
        ValueInput::text(session, type_oid, typmod)?.read(session, text.as_bytes())
    }
}

/// Binds a statement to the catalogs. Parameters whose types are open get them from their use.
///
/// # Errors
/// PostgreSQL's, with positions into `sql`.
pub fn analyze(session: &Session, statement: &Statement, sql: &str, params: &mut ParamTypes) -> Result<Analyzed> {
    analyzer::analyze(session, &Literals, statement, sql, params)
}

/// Expands views and rules, and plans what comes of it. `params`: the values to plan for, or none for a plan that
/// serves any.
///
/// # Errors
/// PostgreSQL's.
pub fn plan(session: &Session, query: Query, params: Option<&[ParamValue]>) -> Result<Vec<Arc<PlannedStmt>>> {
    let queries = analyzer::rewrite(session, &Literals, query)?;
    queries.into_iter().map(|query| plan_one(session, query, params)).collect()
}

fn plan_one(session: &Session, query: Query, params: Option<&[ParamValue]>) -> Result<Arc<PlannedStmt>> {
    let options = planner::PlanOptions { params: params.map(bound), ..planner::PlanOptions::default() };
    Ok(Arc::new(planner::plan(session, query, &options)?))
}

fn bound(params: &[ParamValue]) -> Vec<planner::BoundParam> {
    params
        .iter()
        .map(|p| planner::BoundParam { type_oid: p.type_oid, layout: p.layout, value: p.value.clone() })
        .collect()
}
