//! From a parsed statement to a running plan: what the session does for queries, and commands that contain queries
//! (COPY, EXPLAIN, CREATE TABLE AS, cursors) do as well.

use crate::input::ValueInput;
use crate::sql_function;
use adt::array::{ArrayBuilder, ElementLayout};
use analyzer::{Analyzed, ExprKind, Names, ParamTypes, Wanted};
use base::{Oid, Result, err};
use catalog::Session;
use datum::{Datum, OwnedDatum, Repr};
use executor::{Budget, Compiler, Execution, Inputs, ParamValue, Prepared, evaluate_once};
use functions::{Call, Registry, invoke};
use ir::{Const, Expr, Plan, Query, expr_collation, expr_type, expr_typmod};
use planner::{BoundParameter, PlanOptions, PlannerHooks};
use std::sync::Arc;
use syntax::{Explain, RawStatement, Statement};

/// Reads literals through the input functions of their types.
pub struct Literals;

impl analyzer::ConstantInput for Literals {
    fn input(&self, session: &Session, type_oid: Oid, typmod: i32, text: &str) -> Result<Option<OwnedDatum>> {
        ValueInput::text(session, type_oid, typmod)?.read(session, text.as_bytes())
    }

    fn type_modifier(&self, session: &Session, type_oid: Oid, words: &[String]) -> Result<i32> {
        const CSTRING: Oid = Oid(2275);
        const CSTRING_ARRAY: Oid = Oid(1263);
        const INT4: Oid = Oid(23);
        let row = session.type_row(type_oid)?;
        let Some(oid) = row.typmodin.some() else {
            let name = session.format_type(type_oid, None)?;
            return Err(err!(SYNTAX_ERROR, "type modifier is not allowed for type \"{name}\""));
        };
        let mut list = ArrayBuilder::new(CSTRING, ElementLayout { len: -2, by_value: false, align: 1 });
        for word in words {
            list.push(Some(word.as_bytes()))?;
        }
        let payload = list.finish()?;
        let function = Registry::get().function(&*session.function(oid)?)?;
        let call = Call {
            session,
            function: oid,
            collation: Oid(0),
            argument_types: &[CSTRING_ARRAY],
            result_type: INT4,
            variadic: false,
            columns: None,
        };
        let value = invoke(&call, &function, &[Some(Datum::Bytes(&payload))], &[Repr::Bytes], Repr::Int4)?;
        Ok(value.map_or(-1, |v| v.as_datum().int4()))
    }
}

/// What the planner asks: constants folded by the executor, stored expressions, sizes of files.
struct Hooks {
    session: Arc<Session>,
}

impl PlannerHooks for Hooks {
    fn fold(&self, _: &Session, expr: &Expr) -> Result<Option<Const>> {
        let type_oid = expr_type(expr);
        let value = evaluate(&self.session, expr)?;
        Ok(Some(Const {
            type_oid,
            typmod: expr_typmod(expr),
            collation: expr_collation(expr),
            layout: self.session.type_layout(type_oid)?,
            value,
            location: None,
        }))
    }

    fn read_expressions(&self, session: &Session, text: &str) -> Result<Vec<Expr>> {
        // Index columns are stored as a list, an index predicate is one expression.
        let layouts = |oid| session.type_layout(oid);
        match text.starts_with('(') {
            true => ir::text::read_expr_list(text, &layouts),
            false => ir::text::read_expr(text, &layouts).map(|expr| vec![expr]),
        }
    }

    fn function_body(&self, session: &Session, call: &ir::FuncExpr) -> Result<Option<Expr>> {
        sql_function::inline_expression(session, call)
    }

    fn function_query(
        &self,
        session: &Session,
        call: &ir::FuncExpr,
        function: &ir::RangeTableFunction,
    ) -> Result<Option<Query>> {
        sql_function::inline_query(session, call, function)
    }

    fn block_count(&self, session: &Session, relation: &access_api::Relation) -> Result<u32> {
        heap::block_count(&session.context()?, relation)
    }
}

/// How a plan is going to be run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To its end at once: workers may take part.
    Once,
    /// In pieces.
    Pieces,
    /// By FETCH, in a function.
    FunctionCursor,
    /// By FETCH, after DECLARE: the first rows are to come fast.
    Cursor,
}

/// Binds a statement to the catalogs. Parameters whose types are open get them from their use.
///
/// # Errors
/// PostgreSQL's, with positions into `sql`.
pub fn analyze<'s>(
    session: &Session,
    statement: &'s RawStatement,
    sql: &str,
    params: &mut ParamTypes,
) -> Result<Analyzed<'s>> {
    analyzer::analyze(session, &Literals, statement, sql, params)
}

/// Expands views and rules, and plans what comes of it. `params`: the values to plan for, or none for a plan that
/// serves any.
///
/// # Errors
/// PostgreSQL's.
pub fn plan(
    session: &Arc<Session>,
    query: Query,
    params: Option<&[ParamValue]>,
    purpose: Purpose,
) -> Result<Vec<Arc<Prepared>>> {
    let hooks = Hooks { session: session.clone() };
    let bound: Option<Vec<BoundParameter>> = params.map(|params| {
        params.iter().map(|p| BoundParameter { type_oid: p.type_oid, value: p.value.clone() }).collect()
    });
    let queries = analyzer::rewrite(session, query)?;
    queries
        .into_iter()
        .map(|query| {
            let options = PlanOptions {
                params: bound.as_deref(),
                parallel: purpose == Purpose::Once,
                fast_start: purpose == Purpose::Cursor,
                cursor_tuple_fraction: session.settings().get(settings::CURSOR_TUPLE_FRACTION),
                places: matches!(purpose, Purpose::Cursor | Purpose::FunctionCursor),
                ..PlanOptions::new(&hooks)
            };
            Ok(Prepared::new(Arc::new(planner::plan(session, query, &options)?)))
        })
        .collect()
}

/// Analyses and plans the query inside another command.
///
/// # Errors
/// PostgreSQL's; `0A000` for what is no query.
pub fn analyze_and_plan(
    session: &Arc<Session>,
    statement: &Statement,
    sql: &str,
    params: &[ParamValue],
    purpose: Purpose,
) -> Result<Vec<Arc<Prepared>>> {
    let mut types = ParamTypes::fixed(params.iter().map(|p| p.type_oid).collect());
    let query = analyzer::analyze_inner(session, &Literals, statement, sql, &mut types)?;
    plan(session, query, Some(params), purpose)
}

/// Learns the types of the parameters in a statement that EXPLAIN explains.
///
/// # Errors
/// PostgreSQL's, with positions into `sql`.
pub fn learn_parameters(
    session: &Session,
    explain: &Explain,
    sql: &str,
    params: &mut ParamTypes,
) -> Result<()> {
    match &*explain.query {
        Statement::Select(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_) => {
            analyzer::analyze_inner(session, &Literals, &explain.query, sql, params).map(|_| ())
        }
        _ => Ok(()),
    }
}

/// The value of an expression that reads no row.
///
/// # Errors
/// What its functions fail with.
pub fn evaluate(session: &Arc<Session>, expr: &Expr) -> Result<Option<OwnedDatum>> {
    let eval = Compiler::new(session, Inputs::None).compile(expr)?;
    let prepared = executor::bare(Plan::default())?;
    let snapshot = session.transaction()?.latest_snapshot()?;
    let options = executor::Options {
        budget: Budget::new(usize::MAX),
        hooks: crate::hooks::hooks(),
        instrument: None,
        trusted: true,
    };
    let mut execution = Execution::new(session, prepared, &[], snapshot, &options)?;
    Ok(evaluate_once(&mut execution, &eval)?.get(0).map(Datum::to_owned))
}

/// The value of EXECUTE's parameter `number`, as one of the type that the statement was prepared with.
///
/// # Errors
/// `42804` when it cannot be; those of evaluating.
pub fn evaluate_parameter(
    session: &Arc<Session>,
    expr: &syntax::Expr,
    number: usize,
    type_oid: Oid,
) -> Result<Option<OwnedDatum>> {
    let wanted = Wanted::Parameter { number, type_oid };
    let expr = analyzer::analyze_expression(
        session,
        &Literals,
        expr,
        Names::None,
        ExprKind::ExecuteParameter,
        wanted,
    )?;
    evaluate(session, &expr)
}
