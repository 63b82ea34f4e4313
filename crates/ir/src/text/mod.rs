//! Trees in PostgreSQL's stored text form (pg_node_tree): what pg_rewrite.ev_action, pg_attrdef.adbin,
//! pg_constraint.conbin and pg_index.indexprs hold. Field for field that of version 18; locations are stored as -1.
//!
//! ```text
//! node    = "{" NAME (":" field value)* "}"
//! list    = "(" node* ")" | "(o" oid* ")" | "(i" int* ")" | "(b" int* ")"     -- b: a bitmap set
//! value   = node | list | token | "<>" | LENGTH "[" byte* "]"                 -- <>: nothing; bytes: a datum
//! ```
//! Tokens escape white space, brackets and the backslash by a backslash.

mod expr_reader;
mod expr_writer;
mod query_reader;
mod query_writer;
mod token;

#[cfg(test)]
mod tests;

use crate::{Expr, PartitionBound, Query, RangeDatum};
use base::{Oid, Result};
use datum::TypeLayout;
use expr_reader::Reader;
use expr_writer::Writer;
use token::{Node, parse};

/// How types lie in memory: constants are stored as their bytes.
pub type Layouts<'l> = dyn Fn(Oid) -> Result<TypeLayout> + 'l;

/// One stored expression.
///
/// # Errors
/// `XX001` when the text is not one; `0A000` for nodes that are not known.
pub fn read_expr(text: &str, layouts: &Layouts<'_>) -> Result<Expr> {
    Reader { layouts }.expr(&parse(text)?)
}

/// A stored list of expressions, as of an index or of a function's defaults.
///
/// # Errors
/// As [`read_expr`].
pub fn read_expr_list(text: &str, layouts: &Layouts<'_>) -> Result<Vec<Expr>> {
    Reader { layouts }.exprs(&parse(text)?)
}

/// A rule's action: a list of queries.
///
/// # Errors
/// As [`read_expr`].
pub fn read_rule(text: &str, layouts: &Layouts<'_>) -> Result<Vec<Query>> {
    let reader = Reader { layouts };
    match parse(text)? {
        Node::List(items) => items.iter().map(|n| reader.query(n)).collect(),
        Node::Null => Ok(Vec::new()),
        other => Ok(vec![reader.query(&other)?]),
    }
}

/// A partition's bound.
///
/// # Errors
/// As [`read_expr`].
pub fn read_bound(text: &str, layouts: &Layouts<'_>) -> Result<PartitionBound> {
    let node = parse(text)?;
    let object = node.object()?;
    let reader = Reader { layouts };
    if object.name != "PARTITIONBOUNDSPEC" {
        return Err(token::damaged("partition bound expected"));
    }
    let constant = |node: &Node<'_>| match reader.expr(node)? {
        Expr::Const(constant) => Ok(constant),
        _ => Err(token::damaged("constant expected")),
    };
    let range = |field: &str| -> Result<Vec<RangeDatum>> {
        let items = object.get(field)?.items()?;
        let datum = |node: &Node<'_>| -> Result<RangeDatum> {
            let datum = node.object()?;
            Ok(match datum.number::<i32>("kind")? {
                -1 => RangeDatum::MinValue,
                1 => RangeDatum::MaxValue,
                _ => RangeDatum::Value(constant(datum.get("value")?)?),
            })
        };
        items.iter().map(datum).collect()
    };
    let strategy = object.char("strategy")?;
    Ok(match (object.bool("is_default")?, strategy) {
        (true, strategy) => PartitionBound::Default(strategy),
        (false, b'h') => PartitionBound::Hash {
            modulus: object.number("modulus")?,
            remainder: object.number("remainder")?,
        },
        (false, b'l') => PartitionBound::List(
            object.get("listdatums")?.items()?.iter().map(constant).collect::<Result<_>>()?,
        ),
        (false, _) => PartitionBound::Range { lower: range("lowerdatums")?, upper: range("upperdatums")? },
    })
}

pub fn write_bound(bound: &PartitionBound) -> String {
    let (strategy, modulus, remainder) = match bound {
        PartitionBound::Default(strategy) => (*strategy, 0, 0),
        PartitionBound::Hash { modulus, remainder } => (b'h', *modulus, *remainder),
        PartitionBound::List(_) => (b'l', 0, 0),
        PartitionBound::Range { .. } => (b'r', 0, 0),
    };
    let mut writer = Writer::default();
    let is_default = matches!(bound, PartitionBound::Default(_));
    let writer_ref = writer.open("PARTITIONBOUNDSPEC").char("strategy", strategy);
    writer_ref.plain("is_default", is_default).plain("modulus", modulus).plain("remainder", remainder);
    let list: &[crate::Const] = if let PartitionBound::List(values) = bound { values } else { &[] };
    writer.nodes("listdatums", list, |w, c| w.expr(&Expr::Const(c.clone())));
    let (lower, upper): (&[RangeDatum], &[RangeDatum]) = match bound {
        PartitionBound::Range { lower, upper } => (lower, upper),
        _ => (&[], &[]),
    };
    for (field, datums) in [("lowerdatums", lower), ("upperdatums", upper)] {
        writer.nodes(field, datums, |w, datum| {
            let (kind, value) = match datum {
                RangeDatum::MinValue => (-1, None),
                RangeDatum::Value(constant) => (0, Some(Expr::Const(constant.clone()))),
                RangeDatum::MaxValue => (1, None),
            };
            w.open("PARTITIONRANGEDATUM").plain("kind", kind).node("value", value.as_ref()).location();
            w.close();
        });
    }
    writer.location();
    writer.close();
    writer.text
}

pub fn write_expr(expr: &Expr) -> String {
    let mut writer = Writer::default();
    writer.expr(expr);
    writer.text
}

pub fn write_expr_list(exprs: &[Expr]) -> String {
    let mut writer = Writer::default();
    writer.list(exprs, |w, e| w.expr(e));
    writer.text
}

pub fn write_rule(queries: &[Query]) -> String {
    let mut writer = Writer::default();
    writer.list(queries, |w, q| {
        w.query(q);
    });
    writer.text
}
