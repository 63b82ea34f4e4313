//! Which operands need no parentheses when printing pretty.

use super::Printer;
use ir::{BoolOp, CoercionForm, Expr};

impl Printer<'_> {
    /// Whether `expr` below `parent` is read the same without parentheses.
    pub(super) fn is_simple(&self, expr: &Expr, parent: &Expr) -> bool {
        match expr {
            Expr::Var(_)
            | Expr::Const(_)
            | Expr::Param(_)
            | Expr::CoerceToDomainValue { .. }
            | Expr::SetToDefault { .. }
            | Expr::CurrentOf { .. }
            | Expr::Subscript(_)
            | Expr::Array { .. }
            | Expr::Row { .. }
            | Expr::Coalesce { .. }
            | Expr::MinMax { .. }
            | Expr::SqlValue { .. }
            | Expr::NextValue { .. }
            | Expr::NullIf(_)
            | Expr::Aggref(_)
            | Expr::Grouping { .. }
            | Expr::WindowFunc(_)
            | Expr::MergeAction { .. }
            | Expr::Func(_)
            | Expr::Case { .. } => true,
            Expr::FieldSelect { .. } => !matches!(parent, Expr::FieldSelect { .. }),
            Expr::FieldStore { .. } => !matches!(parent, Expr::FieldStore { .. }),
            Expr::CoerceToDomain { arg, .. }
            | Expr::Relabel { arg, .. }
            | Expr::CoerceViaIo { arg, .. }
            | Expr::ArrayCoerce { arg, .. }
            | Expr::ConvertRowtype { arg, .. }
            | Expr::Returning { arg, .. } => self.is_simple(arg, expr),
            Expr::Op(_) if matches!(parent, Expr::Op(_)) => self.binds_tighter(expr, parent),
            Expr::Op(_)
            | Expr::SubLink(_)
            | Expr::NullTest { .. }
            | Expr::BooleanTest { .. }
            | Expr::Distinct(_) => matches!(parent, Expr::Bool { .. }) || separates(parent),
            Expr::Bool { op, .. } => match parent {
                Expr::Bool { op: outer, .. } => match op {
                    BoolOp::Not | BoolOp::And => matches!(outer, BoolOp::And | BoolOp::Or),
                    BoolOp::Or => *outer == BoolOp::Or,
                },
                _ => separates(parent),
            },
            _ => false,
        }
    }

    /// Arithmetic below arithmetic: `*` below `+`, or the left operand of an operator as strong.
    fn binds_tighter(&self, expr: &Expr, parent: &Expr) -> bool {
        let (Some(inner), Some(outer)) = (self.strength(expr), self.strength(parent)) else { return false };
        let Expr::Op(op) = parent else { return false };
        inner > outer || (inner == outer && op.args.first().is_some_and(|first| std::ptr::eq(first, expr)))
    }

    /// 1 for `+` and `-`, 2 for `*`, `/` and `%` with two operands.
    fn strength(&self, expr: &Expr) -> Option<u8> {
        let Expr::Op(op) = expr else { return None };
        if op.args.len() != 2 {
            return None;
        }
        match self.operator_name(op.operator).ok()?.as_str() {
            "+" | "-" => Some(1),
            "*" | "/" | "%" => Some(2),
            _ => None,
        }
    }
}

/// Constructs that delimit their operands themselves.
fn separates(parent: &Expr) -> bool {
    match parent {
        Expr::Func(call) => call.form == CoercionForm::ExplicitCall,
        Expr::Subscript(_)
        | Expr::Array { .. }
        | Expr::Row { .. }
        | Expr::Coalesce { .. }
        | Expr::MinMax { .. }
        | Expr::NullIf(_)
        | Expr::Aggref(_)
        | Expr::Grouping { .. }
        | Expr::WindowFunc(_)
        | Expr::Case { .. } => true,
        _ => false,
    }
}
