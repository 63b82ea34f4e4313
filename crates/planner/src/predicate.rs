//! Whether conditions imply a partial index's predicate.

use crate::clause::{BTREE, array_length};
use crate::selectivity::{constant_elements, same_expr};
use base::Result;
use catalog::Session;
use ir::{BoolOp, Expr};
use std::cmp::Ordering;

/// Every condition of `predicate` follows from `clauses` together.
pub(crate) fn implied_by(session: &Session, predicate: &[Expr], clauses: &[Expr]) -> Result<bool> {
    for wanted in predicate {
        let mut found = false;
        for clause in clauses {
            if one_implies(session, wanted, clause)? {
                found = true;
                break;
            }
        }
        if !found {
            let arms = match wanted {
                Expr::Bool { op: BoolOp::Or, args, .. } => args.as_slice(),
                _ => &[],
            };
            for arm in arms {
                found = found || implied_by(session, std::slice::from_ref(arm), clauses)?;
            }
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

fn one_implies(session: &Session, wanted: &Expr, clause: &Expr) -> Result<bool> {
    if wanted == clause {
        return Ok(true);
    }
    match (wanted, clause) {
        (_, Expr::Bool { op: BoolOp::And, args, .. }) => {
            for arg in args {
                if one_implies(session, wanted, arg)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        (_, Expr::Bool { op: BoolOp::Or, args, .. }) => {
            for arg in args {
                if !one_implies(session, wanted, arg)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Expr::NullTest { arg, is_null: false, row_argument: false, .. }, Expr::Op(op)) => {
            // A strict operator is not true of NULL.
            Ok(session.function(op.function)?.proisstrict && op.args.iter().any(|a| same_expr(a, arg)))
        }
        (Expr::NullTest { arg, is_null: false, row_argument: false, .. }, Expr::ScalarArrayOp(op)) => {
            Ok(op.use_or && session.function(op.function)?.proisstrict && same_expr(&op.args[0], arg))
        }
        (Expr::Op(want), Expr::Op(have)) => comparison_implies(session, want, have),
        _ => Ok(false),
    }
}

/// `x < 5` implies `x < 10`, and so on, for constants of one type in one B-tree family.
fn comparison_implies(session: &Session, want: &ir::OpExpr, have: &ir::OpExpr) -> Result<bool> {
    any_comparison(session, want, have, |have, want, order| match (have, want) {
        (1, 1 | 2) | (2, 2) | (3, 2) => order.is_le(),
        (2 | 3, 1) => order.is_lt(),
        (3, 3) => order.is_eq(),
        (5, 4 | 5) | (4, 4) | (3, 4) => order.is_ge(),
        (4 | 3, 5) => order.is_gt(),
        _ => false,
    })
}

/// Whether `decides` holds for the strategies of the two comparisons, the given one's first, and the order of their
/// constants, in some B-tree family that has both. They must compare the same expression with constants.
fn any_comparison(
    session: &Session,
    want: &ir::OpExpr,
    have: &ir::OpExpr,
    decides: impl Fn(i16, i16, Ordering) -> bool,
) -> Result<bool> {
    let ([want_left, Expr::Const(want_const)], [have_left, Expr::Const(have_const)]) =
        (&want.args[..], &have.args[..])
    else {
        return Ok(false);
    };
    if !same_expr(want_left, have_left) || want.input_collation != have.input_collation {
        return Ok(false);
    }
    let (Some(w), Some(h)) = (&want_const.value, &have_const.value) else { return Ok(false) };
    for a in session.operator_families(want.operator)?.iter().filter(|r| r.amopmethod == BTREE) {
        for b in session.operator_families(have.operator)?.iter().filter(|r| r.amopmethod == BTREE) {
            if a.amopfamily != b.amopfamily {
                continue;
            }
            let (left, right) = (b.amoprighttype, a.amoprighttype);
            let Some(order) = session.family_order(a.amopfamily, left, right, want.input_collation)? else {
                continue;
            };
            let compared = order.compare(h.as_datum(), w.as_datum());
            if decides(b.amopstrategy, a.amopstrategy, compared) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Arrays with more elements are not taken apart.
const MAX_ELEMENTS: usize = 100;

/// Conditions of which one contradicts another: of `predicate` and `clauses` together no row makes all true.
pub(crate) fn refuted_by(session: &Session, predicate: &[Expr], clauses: &[Expr]) -> Result<bool> {
    for wanted in predicate {
        for clause in clauses {
            if refutes(session, wanted, clause)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Constants of an array in a comparison, as comparisons by themselves; whether one of them is enough.
fn elements(session: &Session, op: &ir::ScalarArrayOp) -> Result<Option<(bool, Vec<Expr>)>> {
    let list = match &op.args[1] {
        Expr::Array { elements, multidimensional: false, .. } => Some(elements.clone()),
        array @ Expr::Const(_) if array_length(array).is_some_and(|n| n <= MAX_ELEMENTS) => {
            constant_elements(session, array)?
        }
        _ => None,
    };
    let Some(list) = list.filter(|l| l.len() <= MAX_ELEMENTS) else { return Ok(None) };
    let one = |value: Expr| {
        Expr::Op(ir::OpExpr {
            operator: op.operator,
            function: op.function,
            result_type: crate::clause::BOOL,
            returns_set: false,
            collation: base::Oid(0),
            input_collation: op.input_collation,
            args: vec![op.args[0].clone(), value],
            location: None,
        })
    };
    Ok(Some((op.use_or, list.into_iter().map(one).collect())))
}

fn all(session: &Session, list: &[Expr], test: &dyn Fn(&Session, &Expr) -> Result<bool>) -> Result<bool> {
    for item in list {
        if !test(session, item)? {
            return Ok(false);
        }
    }
    Ok(!list.is_empty())
}

fn any(session: &Session, list: &[Expr], test: &dyn Fn(&Session, &Expr) -> Result<bool>) -> Result<bool> {
    for item in list {
        if test(session, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn refutes(session: &Session, wanted: &Expr, clause: &Expr) -> Result<bool> {
    let of_clause = |s: &Session, arm: &Expr| refutes(s, wanted, arm);
    let of_wanted = |s: &Session, arm: &Expr| refutes(s, arm, clause);
    match (wanted, clause) {
        (_, Expr::Bool { op: BoolOp::And, args, .. }) => any(session, args, &of_clause),
        (Expr::Bool { op: BoolOp::And, args, .. }, _) => any(session, args, &of_wanted),
        (_, Expr::Bool { op: BoolOp::Or, args, .. }) => all(session, args, &of_clause),
        (Expr::Bool { op: BoolOp::Or, args, .. }, _) => all(session, args, &of_wanted),
        (_, Expr::ScalarArrayOp(op)) => match elements(session, op)? {
            Some((true, list)) => all(session, &list, &of_clause),
            Some((false, list)) => any(session, &list, &of_clause),
            None => refutes_null(session, wanted, clause),
        },
        (Expr::ScalarArrayOp(op), _) => match elements(session, op)? {
            Some((true, list)) => all(session, &list, &of_wanted),
            Some((false, list)) => any(session, &list, &of_wanted),
            None => refutes_null(session, wanted, clause),
        },
        (Expr::Bool { op: BoolOp::Not, args, .. }, _) => one_implies(session, &args[0], clause),
        (_, Expr::Bool { op: BoolOp::Not, args, .. }) => Ok(same_expr(&args[0], wanted)),
        (Expr::NullTest { arg: a, is_null: x, .. }, Expr::NullTest { arg: b, is_null: y, .. }) => {
            Ok(x != y && same_expr(a, b))
        }
        (Expr::NullTest { arg, is_null: true, row_argument: false, .. }, Expr::Op(op))
        | (Expr::Op(op), Expr::NullTest { arg, is_null: true, row_argument: false, .. }) => {
            Ok(session.function(op.function)?.proisstrict && op.args.iter().any(|a| same_expr(a, arg)))
        }
        (Expr::Op(want), Expr::Op(have)) => comparison_refutes(session, want, have),
        _ => Ok(false),
    }
}

/// `x = ANY (…)`, with an array that cannot be taken apart, and `x IS NULL`.
fn refutes_null(session: &Session, wanted: &Expr, clause: &Expr) -> Result<bool> {
    match (wanted, clause) {
        (Expr::NullTest { arg, is_null: true, row_argument: false, .. }, Expr::ScalarArrayOp(op))
        | (Expr::ScalarArrayOp(op), Expr::NullTest { arg, is_null: true, row_argument: false, .. }) => {
            Ok(op.use_or && session.function(op.function)?.proisstrict && same_expr(&op.args[0], arg))
        }
        _ => Ok(false),
    }
}

/// `x < 5` and `x > 10` exclude each other, and so on.
fn comparison_refutes(session: &Session, want: &ir::OpExpr, have: &ir::OpExpr) -> Result<bool> {
    any_comparison(session, want, have, |have, want, order| match (have, want) {
        (1, 3..=5) | (2 | 3, 5) => order.is_le(),
        (2 | 3, 4) | (2, 3) => order.is_lt(),
        (3, 3) => order.is_ne(),
        (5, 1..=3) | (4 | 3, 1) => order.is_ge(),
        (4 | 3, 2) | (4, 3) => order.is_gt(),
        _ => false,
    })
}
