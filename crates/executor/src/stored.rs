//! Expressions as catalogs store them: defaults, checks, index expressions and predicates.

use crate::constraint::STORED_RELATION;
use base::{Oid, Result};
use catalog::{RelationEntry, Session};
use datum::OwnedDatum;
use ir::{CoercionForm, Const, Expr, VarSource};

/// The expression of a pg_node_tree.
///
/// # Errors
/// `XX001` when the text is none.
pub fn expression(session: &Session, text: &str) -> Result<Expr> {
    ir::text::read_expr(text, &|oid| session.type_layout(oid))
}

/// The expressions of a pg_node_tree that holds a list.
///
/// # Errors
/// `XX001` when the text is none.
pub fn list(session: &Session, text: &str) -> Result<Vec<Expr>> {
    ir::text::read_expr_list(text, &|oid| session.type_layout(oid))
}

/// An expression stored with a table, over the columns that its rows really have: virtual generated columns are replaced
/// by their expressions, whole rows by their columns, tableoid by the table.
///
/// # Errors
/// `XX001` when a generation expression is none.
pub fn over_table(session: &Session, table: &RelationEntry, mut expr: Expr) -> Result<Expr> {
    over_rows_of(session, table, STORED_RELATION, &mut expr)?;
    Ok(expr)
}

/// The same where the table's rows are those of another entry of the range table.
///
/// # Errors
/// As [`over_table`].
pub fn over_rows_of(
    session: &Session,
    table: &RelationEntry,
    relation: usize,
    expr: &mut Expr,
) -> Result<()> {
    replace(session, table, relation, expr, true)
}

fn replace(
    session: &Session,
    table: &RelationEntry,
    relation: usize,
    expr: &mut Expr,
    virtuals: bool,
) -> Result<()> {
    let Expr::Var(var) = &*expr else {
        return ir::for_each_child_mut(expr, &mut |child| replace(session, table, relation, child, virtuals));
    };
    if var.source != VarSource::Relation(relation) || var.levels_up != 0 {
        return Ok(());
    }
    let attributes = table.desc().attributes();
    let constant = |type_oid: Oid, value: Option<OwnedDatum>| -> Result<Expr> {
        Ok(Expr::Const(Const {
            type_oid,
            typmod: -1,
            collation: Oid(0),
            layout: session.type_layout(type_oid)?,
            value,
            location: None,
        }))
    };
    const TABLEOID: i16 = -6;
    const INT4: Oid = Oid(23);
    match var.attribute {
        TABLEOID => *expr = constant(Oid(26), Some(table.oid().into()))?,
        0 => {
            let mut args = Vec::with_capacity(attributes.len());
            for (at, attribute) in attributes.iter().enumerate() {
                if attribute.dropped {
                    args.push(constant(INT4, None)?);
                    continue;
                }
                let mut column = Expr::Var(ir::Var {
                    attribute: at as i16 + 1,
                    type_oid: attribute.type_oid,
                    typmod: attribute.typmod,
                    collation: attribute.collation,
                    ..var.clone()
                });
                replace(session, table, relation, &mut column, virtuals)?;
                args.push(column);
            }
            *expr = Expr::Row {
                args,
                row_type: var.type_oid,
                form: CoercionForm::ImplicitCast,
                column_names: attributes.iter().map(|a| a.name.clone()).collect(),
                location: None,
            };
        }
        number => {
            let Ok(at) = usize::try_from(number - 1) else { return Ok(()) };
            let text = table.defaults.get(at).and_then(Option::as_ref);
            if let (Some(b'v'), Some(text), true) = (attributes.get(at).map(|a| a.generated), text, virtuals)
            {
                *expr = expression(session, text)?;
                renumber(expr, relation)?;
                // Such an expression refers to no other virtual column.
                return replace(session, table, relation, expr, false);
            }
        }
    }
    Ok(())
}

fn renumber(expr: &mut Expr, relation: usize) -> Result<()> {
    match expr {
        Expr::Var(var) => {
            var.source = VarSource::Relation(relation);
            Ok(())
        }
        other => ir::for_each_child_mut(other, &mut |child| renumber(child, relation)),
    }
}
