//! What the rows of a partition fulfil, as conditions over its columns.

use crate::key::{KeyColumn, PartitionKey, Strategy};
use crate::{bound_of, parent_of, partitions_of};
use base::{Error, Oid, Result};
use catalog::{RelationEntry, Session};
use datum::{OwnedDatum, TypeLayout};
use ir::{
    BoolOp, CoercionForm, Const, Expr, FuncExpr, OpExpr, PartitionBound, RangeDatum, ScalarArrayOp, VarSource,
};
use std::cmp::Ordering;

const BOOL: Oid = Oid(16);
const EQUAL: i16 = 3;

fn and(mut list: Vec<Expr>) -> Expr {
    if list.len() == 1 { list.remove(0) } else { Expr::Bool { op: BoolOp::And, args: list, location: None } }
}

fn or(mut list: Vec<Expr>) -> Expr {
    if list.len() == 1 { list.remove(0) } else { Expr::Bool { op: BoolOp::Or, args: list, location: None } }
}

fn not(expr: Expr) -> Expr {
    Expr::Bool { op: BoolOp::Not, args: vec![expr], location: None }
}

fn truth() -> Expr {
    Expr::Const(Const {
        type_oid: BOOL,
        typmod: -1,
        collation: Oid(0),
        layout: TypeLayout { len: 1, by_value: true, align: 1, repr: datum::Repr::Bool },
        value: Some(OwnedDatum::Bool(true)),
        location: None,
    })
}

fn null_test(arg: &Expr, is_null: bool) -> Expr {
    Expr::NullTest { arg: Box::new(arg.clone()), is_null, row_argument: false, location: None }
}

/// The key column as its operators take it.
fn operand(column: &KeyColumn) -> Expr {
    let pseudo = matches!(column.input_type.0, 2249 | 2276 | 2277 | 2283 | 3500 | 3831 | 4537);
    if (column.type_oid == column.input_type || pseudo)
        && ir::expr_collation(&column.expr) == column.collation
    {
        return column.expr.clone();
    }
    Expr::Relabel {
        arg: Box::new(column.expr.clone()),
        result_type: if pseudo { column.type_oid } else { column.input_type },
        typmod: -1,
        collation: column.collation,
        form: CoercionForm::ExplicitCast,
        location: None,
    }
}

fn operator(session: &Session, column: &KeyColumn, strategy: i16) -> Result<(Oid, Oid)> {
    let found = session.family_operator(column.family, column.input_type, column.input_type, strategy)?;
    let operator =
        found.ok_or_else(|| Error::internal("missing operator of a partition key's operator family"))?;
    Ok((operator, session.operator(operator)?.oprcode))
}

fn compare(session: &Session, column: &KeyColumn, strategy: i16, value: &Const) -> Result<Expr> {
    let (operator, function) = operator(session, column, strategy)?;
    Ok(Expr::Op(OpExpr {
        operator,
        function,
        result_type: BOOL,
        returns_set: false,
        collation: Oid(0),
        input_collation: column.collation,
        args: vec![operand(column), Expr::Const(value.clone())],
        location: None,
    }))
}

/// What a bound says of the parent's columns (of range table entry 1), as a list that is implicitly ANDed.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn bound_conditions(
    session: &Session,
    parent: &RelationEntry,
    key: &PartitionKey,
    bound: &PartitionBound,
    others: &[PartitionBound],
) -> Result<Vec<Expr>> {
    match (bound, key.strategy) {
        (PartitionBound::Hash { modulus, remainder }, _) => {
            Ok(vec![hash_condition(session, parent, key, *modulus, *remainder)?])
        }
        (PartitionBound::List(values), _) => list_condition(session, key, values, false),
        (PartitionBound::Range { lower, upper }, _) => range_condition(session, key, lower, upper, false),
        (PartitionBound::Default(_), Strategy::List) => {
            let mut values: Vec<Const> = Vec::new();
            for other in others {
                if let PartitionBound::List(list) = other {
                    values.extend(list.iter().cloned());
                }
            }
            if let Some(order) = &key.columns[0].order {
                values.sort_by(|a, b| match (&a.value, &b.value) {
                    (Some(a), Some(b)) => order.compare(a.as_datum(), b.as_datum()),
                    (a, b) => b.is_some().cmp(&a.is_some()),
                });
            }
            list_condition(session, key, &values, true)
        }
        (PartitionBound::Default(_), Strategy::Range) => {
            let mut arms = Vec::new();
            for other in others {
                if let PartitionBound::Range { lower, upper } = other {
                    arms.push(and(range_condition(session, key, lower, upper, true)?));
                }
            }
            if arms.is_empty() {
                return Ok(Vec::new());
            }
            let mut all: Vec<Expr> = key.columns.iter().map(|c| null_test(&c.expr, false)).collect();
            all.push(or(arms));
            Ok(vec![not(and(all))])
        }
        (PartitionBound::Default(_), Strategy::Hash) => Ok(Vec::new()),
    }
}

fn hash_condition(
    session: &Session,
    parent: &RelationEntry,
    key: &PartitionKey,
    modulus: i32,
    remainder: i32,
) -> Result<Expr> {
    const SATISFIES_HASH_PARTITION: Oid = Oid(5028);
    let constant = |type_oid: Oid, value: i32| -> Result<Expr> {
        Ok(Expr::Const(Const {
            type_oid,
            typmod: -1,
            collation: Oid(0),
            layout: session.type_layout(type_oid)?,
            value: Some(OwnedDatum::Int4(value)),
            location: None,
        }))
    };
    let mut args = vec![
        constant(Oid(26), parent.oid().0 as i32)?,
        constant(Oid(23), modulus)?,
        constant(Oid(23), remainder)?,
    ];
    args.extend(key.columns.iter().map(|c| c.expr.clone()));
    Ok(Expr::Func(FuncExpr {
        function: SATISFIES_HASH_PARTITION,
        result_type: BOOL,
        returns_set: false,
        variadic: false,
        form: CoercionForm::ExplicitCall,
        collation: Oid(0),
        input_collation: Oid(0),
        args,
        location: None,
    }))
}

fn list_condition(
    session: &Session,
    key: &PartitionKey,
    values: &[Const],
    negate: bool,
) -> Result<Vec<Expr>> {
    let column = &key.columns[0];
    let has_null = values.iter().any(|v| v.value.is_none());
    let known: Vec<&Const> = values.iter().filter(|v| v.value.is_some()).collect();
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let equal = match known.as_slice() {
        [] => None,
        [only] => Some(compare(session, column, EQUAL, only)?),
        many => match session.array_type(column.type_oid)? {
            Some(array_type) if session.element_type(column.type_oid)?.is_none() => {
                let (operator, function) = operator(session, column, EQUAL)?;
                let array = Expr::Array {
                    array_type,
                    collation: column.collation,
                    element_type: column.type_oid,
                    elements: many.iter().map(|v| Expr::Const((*v).clone())).collect(),
                    multidimensional: false,
                    location: None,
                };
                Some(Expr::ScalarArrayOp(ScalarArrayOp {
                    operator,
                    function,
                    use_or: true,
                    input_collation: column.collation,
                    args: Box::new([operand(column), array]),
                    location: None,
                }))
            }
            _ => {
                let arms: Result<Vec<Expr>> =
                    many.iter().map(|v| compare(session, column, EQUAL, v)).collect();
                Some(or(arms?))
            }
        },
    };
    let condition: Vec<Expr> = match (has_null, equal) {
        (true, Some(equal)) => vec![or(vec![null_test(&column.expr, true), equal])],
        (true, None) => vec![null_test(&column.expr, true)],
        (false, Some(equal)) => vec![null_test(&column.expr, false), equal],
        (false, None) => Vec::new(),
    };
    Ok(if negate { vec![not(and(condition))] } else { condition })
}

fn range_condition(
    session: &Session,
    key: &PartitionKey,
    lower: &[RangeDatum],
    upper: &[RangeDatum],
    for_default: bool,
) -> Result<Vec<Expr>> {
    let mut result: Vec<Expr> = Vec::new();
    if !for_default {
        result.extend(key.columns.iter().map(|c| null_test(&c.expr, false)));
    }
    let mut first = 0;
    // Leading columns of which the partition has one value only.
    for (at, column) in key.columns.iter().enumerate() {
        let (Some(RangeDatum::Value(low)), Some(RangeDatum::Value(high))) = (lower.get(at), upper.get(at))
        else {
            break;
        };
        let same = match (&column.order, &low.value, &high.value) {
            (Some(order), Some(a), Some(b)) => order.compare(a.as_datum(), b.as_datum()) == Ordering::Equal,
            _ => false,
        };
        if !same || at + 1 == key.columns.len() {
            break;
        }
        result.push(compare(session, column, EQUAL, low)?);
        first = at + 1;
    }
    let low = arms(session, key, lower, first, true)?;
    let high = arms(session, key, upper, first, false)?;
    for list in [low, high] {
        if !list.is_empty() {
            result.push(or(list));
        }
    }
    if result.is_empty() {
        if for_default {
            return Ok(key.columns.iter().map(|c| null_test(&c.expr, false)).collect());
        }
        return Ok(vec![truth()]);
    }
    Ok(result)
}

/// `(a > x) OR (a = x AND b >= y)`: the keys on one side of a bound.
fn arms(
    session: &Session,
    key: &PartitionKey,
    bound: &[RangeDatum],
    first: usize,
    lower: bool,
) -> Result<Vec<Expr>> {
    const LESS: i16 = 1;
    const LESS_EQUAL: i16 = 2;
    const GREATER_EQUAL: i16 = 4;
    const GREATER: i16 = 5;
    let mut list = Vec::new();
    for arm in first..key.columns.len() {
        let mut parts = Vec::new();
        for at in first..=arm {
            let RangeDatum::Value(value) = &bound[at] else { continue };
            let next = bound.get(at + 1);
            let strategy = if at < arm {
                EQUAL
            } else if lower {
                let closed = next.is_none() || matches!(next, Some(RangeDatum::MinValue));
                if closed { GREATER_EQUAL } else { GREATER }
            } else {
                if matches!(next, Some(RangeDatum::MaxValue)) { LESS_EQUAL } else { LESS }
            };
            parts.push(compare(session, &key.columns[at], strategy, value)?);
        }
        if !parts.is_empty() {
            list.push(and(parts));
        }
        let goes_on = matches!(bound[arm], RangeDatum::Value(_))
            && matches!(bound.get(arm + 1), Some(RangeDatum::Value(_)));
        if !goes_on {
            break;
        }
    }
    Ok(list)
}

/// Columns renumbered: `map` has the new number (0 for none) of each.
///
/// # Errors
/// `XX000` for a column that is not there.
pub fn map_columns(expr: &mut Expr, map: &[i16]) -> Result<()> {
    if let Expr::Var(v) = expr
        && v.levels_up == 0
        && v.source == VarSource::Relation(1)
        && v.attribute > 0
    {
        let number = map.get(v.attribute as usize - 1).copied().unwrap_or(0);
        if number == 0 {
            return Err(Error::internal("a partition lacks a column of the key"));
        }
        v.attribute = number;
        v.syntactic.1 = number;
        return Ok(());
    }
    ir::for_each_child_mut(expr, &mut |child| map_columns(child, map))
}

/// Everything that a partition's bound and those of its ancestors say of its rows, over its own columns.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn own_conditions(session: &Session, entry: &RelationEntry) -> Result<Vec<Expr>> {
    let Some(bound) = bound_of(session, &entry.class)? else { return Ok(Vec::new()) };
    let Some(parent) = parent_of(session, entry.oid())? else { return Ok(Vec::new()) };
    let parent = session.require_relation(parent)?;
    let Some(partitions) = partitions_of(session, &parent)? else { return Ok(Vec::new()) };
    let mut all = own_conditions(session, &parent)?;
    all.extend(bound_conditions(session, &parent, &partitions.key, &bound, &partitions.own)?);
    let map: Vec<i16> = parent
        .desc()
        .attributes()
        .iter()
        .map(|a| if a.dropped { 0 } else { entry.desc().position(&a.name).map_or(0, |at| at as i16 + 1) })
        .collect();
    for expr in &mut all {
        map_columns(expr, &map)?;
    }
    Ok(all)
}
