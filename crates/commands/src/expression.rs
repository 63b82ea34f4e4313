//! Expressions and types of DDL: analysing them, storing and reading them in the catalogs, evaluating them.

use crate::pipeline::Literals;
use analyzer::{ExprKind, Names, Wanted};
use base::{Oid, Result};
use catalog::{RelationEntry, Session};
use datum::{Batch, Column, Datum, Selection, TypeLayout};
use executor::{Budget, Compiler, Eval, Execution, Inputs, Options};
use ir::Expr;
use std::collections::HashSet;
use std::sync::Arc;
use syntax::{Expr as Ast, ObjectName, TypeName};

pub(crate) use analyzer::ExprKind as Kind;

/// A type name with its typmod, without SETOF.
///
/// # Errors
/// `42704` and what type modifiers fail with.
pub(crate) fn resolve_type(session: &Session, name: &TypeName) -> Result<(Oid, i32)> {
    analyzer::resolve_type(session, &Literals, name)
}

/// # Errors
/// `42704`.
pub(crate) fn collation_by_name(session: &Session, name: &ObjectName) -> Result<Oid> {
    analyzer::resolve_collation(session, &Literals, name)
}

/// Analyses an expression over the columns of a relation (or over nothing).
///
/// # Errors
/// Those of analysis, with what the context forbids.
pub(crate) fn analyze(
    session: &Arc<Session>,
    expr: &Ast,
    kind: ExprKind,
    table: Option<&RelationEntry>,
) -> Result<Expr> {
    let wanted = match kind {
        ExprKind::CheckConstraint => Wanted::Boolean("CHECK"),
        ExprKind::IndexPredicate => Wanted::Boolean("WHERE"),
        ExprKind::TriggerWhen => Wanted::Boolean("WHEN"),
        ExprKind::Policy => Wanted::Boolean("POLICY"),
        _ => Wanted::Any,
    };
    let names = table.map_or(Names::None, Names::Relation);
    analyzer::analyze_expression(session, &Literals, expr, names, kind, wanted)
}

/// Analyses an expression whose value goes into a column.
///
/// # Errors
/// As [`analyze`]; `42804` where the value does not fit.
pub(crate) fn analyze_for_column(
    session: &Arc<Session>,
    expr: &Ast,
    kind: ExprKind,
    table: Option<&RelationEntry>,
    column: &str,
    type_oid: Oid,
    typmod: i32,
) -> Result<Expr> {
    let names = table.map_or(Names::None, Names::Relation);
    let wanted = Wanted::Column { name: column, type_oid, typmod };
    analyzer::analyze_expression(session, &Literals, expr, names, kind, wanted)
}

/// Analyses a domain's CHECK, where VALUE stands for the value.
///
/// # Errors
/// As [`analyze`].
pub(crate) fn analyze_domain_check(
    session: &Arc<Session>,
    expr: &Ast,
    type_oid: Oid,
    typmod: i32,
    collation: Oid,
) -> Result<Expr> {
    let names = Names::Domain { type_oid, typmod, collation };
    let wanted = Wanted::Boolean("CHECK");
    analyzer::analyze_expression(session, &Literals, expr, names, ExprKind::DomainCheck, wanted)
}

pub(crate) fn store(expr: &Expr) -> String {
    ir::text::write_expr(expr)
}

pub(crate) fn store_list(exprs: &[Expr]) -> String {
    ir::text::write_expr_list(exprs)
}

fn layouts(session: &Session) -> impl Fn(Oid) -> Result<TypeLayout> + '_ {
    |type_oid| session.type_layout(type_oid)
}

/// # Errors
/// `XX001` when the text is no expression.
pub(crate) fn load(session: &Session, text: &str) -> Result<Expr> {
    ir::text::read_expr(text, &layouts(session))
}

/// # Errors
/// `XX001` when the text is no list of expressions.
pub(crate) fn load_list(session: &Session, text: &str) -> Result<Vec<Expr>> {
    ir::text::read_expr_list(text, &layouts(session))
}

/// Whether the expression's value may change while its inputs do not: it calls functions that are not immutable.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn is_mutable(session: &Session, expr: &Expr) -> Result<bool> {
    calls_worse_than(session, expr, b"i")
}

/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn is_volatile(session: &Session, expr: &Expr) -> Result<bool> {
    calls_worse_than(session, expr, b"is")
}

fn calls_worse_than(session: &Session, expr: &Expr, allowed: &[u8]) -> Result<bool> {
    let function =
        |oid: Oid| -> Result<bool> { Ok(!allowed.contains(&(session.function(oid)?.provolatile as u8))) };
    let worse = match expr {
        Expr::Func(call) => function(call.function)?,
        Expr::Op(op) | Expr::Distinct(op) | Expr::NullIf(op) => {
            function(session.operator(op.operator)?.oprcode)?
        }
        Expr::ScalarArrayOp(op) => function(session.operator(op.operator)?.oprcode)?,
        Expr::CoerceViaIo { arg, result_type, .. } => {
            function(session.type_row(ir::expr_type(arg))?.typoutput)?
                || function(session.type_row(*result_type)?.typinput)?
        }
        Expr::SqlValue { .. } => !allowed.contains(&b's'),
        Expr::NextValue { .. } => true,
        _ => false,
    };
    if worse {
        return Ok(true);
    }
    let mut found = Ok(false);
    ir::for_each_child(expr, &mut |child| {
        if matches!(found, Ok(false)) {
            found = calls_worse_than(session, child, allowed);
        }
    });
    found
}

/// What index expressions and predicate come to for a batch of rows.
pub(crate) struct Outputs {
    pub columns: Vec<Arc<Column>>,
    /// Rows that the predicate keeps.
    pub kept: HashSet<usize>,
}

/// Evaluates index expressions and a predicate over rows of one table.
pub(crate) struct RowEvaluator {
    execution: Execution,
    columns: Vec<Eval>,
    predicate: Vec<Eval>,
}

/// Something to evaluate expressions in, outside of any query.
///
/// # Errors
/// `XX000` outside of a transaction.
pub(crate) fn execution(session: &Arc<Session>) -> Result<Execution> {
    let snapshot = session.transaction()?.latest_snapshot()?;
    let prepared = executor::bare(ir::Plan::default())?;
    let options = Options {
        budget: Budget::new(usize::MAX / 2),
        hooks: crate::hooks::hooks(),
        instrument: None,
        trusted: true,
    };
    Execution::new(session, prepared, &[], snapshot, &options)
}

impl RowEvaluator {
    /// `attributes`: the numbers of the table's attributes that batches carry, in their order.
    ///
    /// # Errors
    /// `0A000` for functions without bodies.
    pub(crate) fn new(
        session: &Arc<Session>,
        exprs: &[Expr],
        predicate: &[Expr],
        attributes: &[i16],
    ) -> Result<RowEvaluator> {
        let mut compiler = Compiler::new(session, Inputs::Scan { relation: 1, attributes });
        let columns = compiler.compile_all(exprs)?;
        let predicate = compiler.compile_all(predicate)?;
        Ok(RowEvaluator { execution: execution(session)?, columns, predicate })
    }

    /// # Errors
    /// What the functions fail with.
    pub(crate) fn evaluate(&mut self, batch: &Batch) -> Result<Outputs> {
        let all = Selection::All(batch.rows());
        let mut kept: HashSet<usize> = (0..batch.rows()).collect();
        for condition in &self.predicate {
            let column = condition.evaluate(&mut self.execution, batch, &all)?;
            kept.retain(|row| matches!(column.get(*row), Some(Datum::Bool(true))));
        }
        let mut rows: Vec<u32> = kept.iter().map(|row| *row as u32).collect();
        rows.sort_unstable();
        let selection = Selection::Rows(rows);
        let columns: Result<Vec<_>> =
            self.columns.iter().map(|e| e.evaluate(&mut self.execution, batch, &selection)).collect();
        Ok(Outputs { columns: columns?, kept })
    }
}
