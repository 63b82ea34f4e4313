//! Whether conditions imply a partial index's predicate.

use crate::clause::BTREE;
use crate::selectivity::same_expr;
use base::Result;
use catalog::Session;
use ir::{BoolOp, Expr};

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
            let implied = match (b.amopstrategy, a.amopstrategy) {
                (1, 1 | 2) | (2, 2) | (3, 2) => compared.is_le(),
                (2 | 3, 1) => compared.is_lt(),
                (3, 3) => compared.is_eq(),
                (5, 4 | 5) | (4, 4) | (3, 4) => compared.is_ge(),
                (4 | 3, 5) => compared.is_gt(),
                _ => false,
            };
            if implied {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
