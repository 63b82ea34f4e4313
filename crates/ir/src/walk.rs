//! Walking and rewriting expressions: every traversal goes through [`for_each_child`] or [`map_children`], so that a
//! new variant is added in one place.

use crate::{Expr, TargetEntry};
use base::{Error, Oid, Result};

/// Calls `visit` with each direct child expression. A sublink's query is not entered; its test is.
pub fn for_each_child<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a Expr)) {
    let opt = |e: &'a Option<Box<Expr>>, visit: &mut dyn FnMut(&'a Expr)| {
        if let Some(e) = e {
            visit(e);
        }
    };
    match expr {
        Expr::Var(_)
        | Expr::Const(_)
        | Expr::Param(_)
        | Expr::CaseTest { .. }
        | Expr::SqlValue { .. }
        | Expr::CoerceToDomainValue { .. }
        | Expr::SetToDefault { .. }
        | Expr::CurrentOf { .. }
        | Expr::NextValue { .. }
        | Expr::MergeAction { .. } => {}
        Expr::Aggref(agg) => {
            agg.direct_args.iter().for_each(&mut *visit);
            agg.args.iter().for_each(|t| visit(&t.expr));
            opt(&agg.filter, visit);
        }
        Expr::WindowFunc(window) => {
            window.args.iter().for_each(&mut *visit);
            opt(&window.filter, visit);
        }
        Expr::Subscript(subscript) => {
            subscript.upper.iter().chain(&subscript.lower).flatten().for_each(&mut *visit);
            visit(&subscript.container);
            opt(&subscript.assign, visit);
        }
        Expr::Func(f) => f.args.iter().for_each(visit),
        Expr::Op(op) | Expr::Distinct(op) | Expr::NullIf(op) => op.args.iter().for_each(visit),
        Expr::ScalarArrayOp(op) => op.args.iter().for_each(visit),
        Expr::SubLink(link) => opt(&link.test, visit),
        Expr::SubPlan(plan) => {
            opt(&plan.test, visit);
            plan.args.iter().for_each(visit);
        }
        Expr::Grouping { args, .. }
        | Expr::Bool { args, .. }
        | Expr::Row { args, .. }
        | Expr::Coalesce { args, .. }
        | Expr::MinMax { args, .. } => args.iter().for_each(visit),
        Expr::Array { elements, .. } => elements.iter().for_each(visit),
        Expr::NamedArg { arg, .. }
        | Expr::FieldSelect { arg, .. }
        | Expr::Relabel { arg, .. }
        | Expr::CoerceViaIo { arg, .. }
        | Expr::ConvertRowtype { arg, .. }
        | Expr::Collate { arg, .. }
        | Expr::NullTest { arg, .. }
        | Expr::BooleanTest { arg, .. }
        | Expr::CoerceToDomain { arg, .. }
        | Expr::Returning { arg, .. } => visit(arg),
        Expr::ArrayCoerce { arg, element, .. } => {
            visit(arg);
            visit(element);
        }
        Expr::FieldStore { arg, values, .. } => {
            visit(arg);
            values.iter().for_each(visit);
        }
        Expr::Case { arg, whens, default, .. } => {
            opt(arg, visit);
            for when in whens {
                visit(&when.condition);
                visit(&when.result);
            }
            opt(default, visit);
        }
        Expr::RowCompare { left, right, .. } => left.iter().chain(right).for_each(visit),
        Expr::PlaceHolder(placeholder) => visit(&placeholder.expr),
    }
}

/// Whether `test` holds for the expression or one below it.
pub fn any(expr: &Expr, test: &mut dyn FnMut(&Expr) -> bool) -> bool {
    if test(expr) {
        return true;
    }
    let mut found = false;
    for_each_child(expr, &mut |child| found = found || any(child, test));
    found
}

/// The expression with each direct child replaced by `f(child)`.
pub fn map_children(mut expr: Expr, f: &mut dyn FnMut(Expr) -> Expr) -> Expr {
    let never: Result<()> = for_each_child_mut(&mut expr, &mut |child| {
        let taken = std::mem::replace(child, Expr::MergeAction { location: None });
        *child = f(taken);
        Ok(())
    });
    debug_assert!(never.is_ok());
    expr
}

/// Like [`map_children`], stopping at the first error.
///
/// # Errors
/// What `f` fails with.
pub fn try_map(mut expr: Expr, f: &mut dyn FnMut(Expr) -> Result<Expr, Error>) -> Result<Expr, Error> {
    for_each_child_mut(&mut expr, &mut |child| {
        let taken = std::mem::replace(child, Expr::MergeAction { location: None });
        *child = f(taken)?;
        Ok(())
    })?;
    Ok(expr)
}

/// Calls `visit` with each direct child expression, to be changed in place; stops at the first error.
///
/// # Errors
/// What `visit` fails with.
pub fn for_each_child_mut(expr: &mut Expr, visit: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
    fn targets(list: &mut [TargetEntry], visit: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
        list.iter_mut().try_for_each(|t| visit(&mut t.expr))
    }
    fn opt(e: &mut Option<Box<Expr>>, visit: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
        e.as_deref_mut().map_or(Ok(()), visit)
    }
    match expr {
        Expr::Var(_)
        | Expr::Const(_)
        | Expr::Param(_)
        | Expr::CaseTest { .. }
        | Expr::SqlValue { .. }
        | Expr::CoerceToDomainValue { .. }
        | Expr::SetToDefault { .. }
        | Expr::CurrentOf { .. }
        | Expr::NextValue { .. }
        | Expr::MergeAction { .. } => Ok(()),
        Expr::Aggref(agg) => {
            agg.direct_args.iter_mut().try_for_each(&mut *visit)?;
            targets(&mut agg.args, visit)?;
            opt(&mut agg.filter, visit)
        }
        Expr::WindowFunc(window) => {
            window.args.iter_mut().try_for_each(&mut *visit)?;
            opt(&mut window.filter, visit)
        }
        Expr::Subscript(subscript) => {
            subscript.upper.iter_mut().chain(&mut subscript.lower).flatten().try_for_each(&mut *visit)?;
            visit(&mut subscript.container)?;
            opt(&mut subscript.assign, visit)
        }
        Expr::Func(f) => f.args.iter_mut().try_for_each(visit),
        Expr::Op(op) | Expr::Distinct(op) | Expr::NullIf(op) => op.args.iter_mut().try_for_each(visit),
        Expr::ScalarArrayOp(op) => op.args.iter_mut().try_for_each(visit),
        Expr::SubLink(link) => opt(&mut link.test, visit),
        Expr::SubPlan(plan) => {
            opt(&mut plan.test, visit)?;
            plan.args.iter_mut().try_for_each(visit)
        }
        Expr::Grouping { args, .. }
        | Expr::Bool { args, .. }
        | Expr::Row { args, .. }
        | Expr::Coalesce { args, .. }
        | Expr::MinMax { args, .. } => args.iter_mut().try_for_each(visit),
        Expr::Array { elements, .. } => elements.iter_mut().try_for_each(visit),
        Expr::NamedArg { arg, .. }
        | Expr::FieldSelect { arg, .. }
        | Expr::Relabel { arg, .. }
        | Expr::CoerceViaIo { arg, .. }
        | Expr::ConvertRowtype { arg, .. }
        | Expr::Collate { arg, .. }
        | Expr::NullTest { arg, .. }
        | Expr::BooleanTest { arg, .. }
        | Expr::CoerceToDomain { arg, .. }
        | Expr::Returning { arg, .. } => visit(arg),
        Expr::ArrayCoerce { arg, element, .. } => {
            visit(arg)?;
            visit(element)
        }
        Expr::FieldStore { arg, values, .. } => {
            visit(arg)?;
            values.iter_mut().try_for_each(visit)
        }
        Expr::Case { arg, whens, default, .. } => {
            opt(arg, visit)?;
            for when in whens {
                visit(&mut when.condition)?;
                visit(&mut when.result)?;
            }
            opt(default, visit)
        }
        Expr::RowCompare { left, right, .. } => left.iter_mut().chain(right).try_for_each(visit),
        Expr::PlaceHolder(placeholder) => visit(&mut std::sync::Arc::make_mut(placeholder).expr),
    }
}

const BOOL: Oid = Oid(16);
const BYTEA: Oid = Oid(17);
const INT4: Oid = Oid(23);
const TEXT: Oid = Oid(25);

/// The type an expression yields.
pub fn expr_type(expr: &Expr) -> Oid {
    match expr {
        Expr::Var(v) => v.type_oid,
        Expr::Const(c) => c.type_oid,
        Expr::Param(p) => p.type_oid,
        Expr::Aggref(a) => match a.split {
            // States travel in their serialised form.
            crate::AggSplit::Initial => BYTEA,
            _ => a.result_type,
        },
        Expr::Grouping { .. } => INT4,
        Expr::WindowFunc(w) => w.result_type,
        Expr::Subscript(s) => s.result_type,
        Expr::Func(f) => f.result_type,
        Expr::NamedArg { arg, .. } | Expr::Collate { arg, .. } | Expr::Returning { arg, .. } => {
            expr_type(arg)
        }
        Expr::Op(op) => op.result_type,
        Expr::NullIf(op) => expr_type(&op.args[0]),
        Expr::Distinct(_)
        | Expr::ScalarArrayOp(_)
        | Expr::Bool { .. }
        | Expr::RowCompare { .. }
        | Expr::NullTest { .. }
        | Expr::BooleanTest { .. }
        | Expr::CurrentOf { .. } => BOOL,
        Expr::SubLink(link) => link.result_type,
        Expr::SubPlan(plan) => plan.result_type,
        Expr::FieldSelect { result_type, .. }
        | Expr::FieldStore { result_type, .. }
        | Expr::Relabel { result_type, .. }
        | Expr::CoerceViaIo { result_type, .. }
        | Expr::ArrayCoerce { result_type, .. }
        | Expr::ConvertRowtype { result_type, .. }
        | Expr::Case { result_type, .. }
        | Expr::Coalesce { result_type, .. }
        | Expr::MinMax { result_type, .. }
        | Expr::CoerceToDomain { result_type, .. } => *result_type,
        Expr::CaseTest { type_oid, .. }
        | Expr::SqlValue { type_oid, .. }
        | Expr::CoerceToDomainValue { type_oid, .. }
        | Expr::SetToDefault { type_oid, .. }
        | Expr::NextValue { type_oid, .. } => *type_oid,
        Expr::Array { array_type, .. } => *array_type,
        Expr::Row { row_type, .. } => *row_type,
        Expr::MergeAction { .. } => TEXT,
        Expr::PlaceHolder(placeholder) => expr_type(&placeholder.expr),
    }
}

/// The type modifier an expression yields, -1 where unknown.
pub fn expr_typmod(expr: &Expr) -> i32 {
    match expr {
        Expr::Var(v) => v.typmod,
        Expr::Const(c) => c.typmod,
        Expr::Param(p) => p.typmod,
        Expr::Subscript(s) => s.typmod,
        Expr::SubLink(link) => link.typmod,
        Expr::SubPlan(plan) => plan.typmod,
        Expr::NamedArg { arg, .. } | Expr::Collate { arg, .. } | Expr::Returning { arg, .. } => {
            expr_typmod(arg)
        }
        Expr::NullIf(op) => expr_typmod(&op.args[0]),
        // A length coercion function's constant second argument is the typmod it enforces.
        Expr::Func(f) if f.form != crate::CoercionForm::ExplicitCall && (2..=3).contains(&f.args.len()) => {
            match &f.args[1] {
                Expr::Const(c) if c.type_oid == INT4 => match c.value {
                    Some(datum::OwnedDatum::Int4(typmod)) => typmod,
                    _ => -1,
                },
                _ => -1,
            }
        }
        Expr::FieldSelect { typmod, .. }
        | Expr::Relabel { typmod, .. }
        | Expr::ArrayCoerce { typmod, .. }
        | Expr::CaseTest { typmod, .. }
        | Expr::SqlValue { typmod, .. }
        | Expr::CoerceToDomain { typmod, .. }
        | Expr::CoerceToDomainValue { typmod, .. }
        | Expr::SetToDefault { typmod, .. } => *typmod,
        Expr::Case { result_type, whens, default, .. } => {
            let branches = whens.iter().map(|w| &w.result).chain(default.as_deref());
            common_typmod(branches, *result_type)
        }
        Expr::Coalesce { result_type, args, .. } | Expr::MinMax { result_type, args, .. } => {
            common_typmod(args.iter(), *result_type)
        }
        Expr::Array { elements, element_type, array_type, multidimensional, .. } => {
            common_typmod(elements.iter(), if *multidimensional { *array_type } else { *element_type })
        }
        Expr::PlaceHolder(placeholder) => expr_typmod(&placeholder.expr),
        _ => -1,
    }
}

/// The typmod that all branches of type `wanted` share.
fn common_typmod<'a>(branches: impl Iterator<Item = &'a Expr>, wanted: Oid) -> i32 {
    let mut common = None;
    for branch in branches {
        let typmod = expr_typmod(branch);
        if expr_type(branch) != wanted || typmod < 0 || common.is_some_and(|c| c != typmod) {
            return -1;
        }
        common = Some(typmod);
    }
    common.unwrap_or(-1)
}

/// The collation of an expression's result; 0 for types without one.
pub fn expr_collation(expr: &Expr) -> Oid {
    match expr {
        Expr::Var(v) => v.collation,
        Expr::Const(c) => c.collation,
        Expr::Param(p) => p.collation,
        Expr::Aggref(a) => a.collation,
        Expr::WindowFunc(w) => w.collation,
        Expr::Subscript(s) => s.collation,
        Expr::Func(f) => f.collation,
        Expr::Op(op) | Expr::NullIf(op) => op.collation,
        Expr::SubLink(link) => link.collation,
        Expr::SubPlan(plan) => plan.collation,
        Expr::NamedArg { arg, .. } | Expr::Returning { arg, .. } => expr_collation(arg),
        Expr::FieldSelect { collation, .. }
        | Expr::Relabel { collation, .. }
        | Expr::CoerceViaIo { collation, .. }
        | Expr::ArrayCoerce { collation, .. }
        | Expr::Collate { collation, .. }
        | Expr::Case { collation, .. }
        | Expr::CaseTest { collation, .. }
        | Expr::Array { collation, .. }
        | Expr::Coalesce { collation, .. }
        | Expr::MinMax { collation, .. }
        | Expr::CoerceToDomain { collation, .. }
        | Expr::CoerceToDomainValue { collation, .. }
        | Expr::SetToDefault { collation, .. } => *collation,
        Expr::SqlValue { type_oid, .. } if type_oid.0 == 19 => Oid(950),
        Expr::MergeAction { .. } => Oid(100),
        Expr::PlaceHolder(placeholder) => expr_collation(&placeholder.expr),
        _ => Oid(0),
    }
}

/// Where in the statement an expression starts, if known.
pub fn expr_location(expr: &Expr) -> Option<usize> {
    let own = match expr {
        Expr::Var(v) => v.location,
        Expr::Const(c) => c.location,
        Expr::Param(p) => p.location,
        Expr::Aggref(a) => a.location,
        Expr::WindowFunc(w) => w.location,
        Expr::Func(f) => f.location,
        Expr::Op(op) | Expr::Distinct(op) | Expr::NullIf(op) => op.location,
        Expr::ScalarArrayOp(op) => op.location,
        Expr::SubLink(link) => link.location,
        Expr::Grouping { location, .. }
        | Expr::NamedArg { location, .. }
        | Expr::Bool { location, .. }
        | Expr::Relabel { location, .. }
        | Expr::CoerceViaIo { location, .. }
        | Expr::ArrayCoerce { location, .. }
        | Expr::ConvertRowtype { location, .. }
        | Expr::Collate { location, .. }
        | Expr::Case { location, .. }
        | Expr::Array { location, .. }
        | Expr::Row { location, .. }
        | Expr::Coalesce { location, .. }
        | Expr::MinMax { location, .. }
        | Expr::SqlValue { location, .. }
        | Expr::NullTest { location, .. }
        | Expr::BooleanTest { location, .. }
        | Expr::CoerceToDomain { location, .. }
        | Expr::CoerceToDomainValue { location, .. }
        | Expr::SetToDefault { location, .. }
        | Expr::MergeAction { location } => *location,
        _ => None,
    };
    let mut leftmost = own;
    for_each_child(expr, &mut |child| {
        if let Some(location) = expr_location(child) {
            leftmost = Some(leftmost.map_or(location, |l| l.min(location)));
        }
    });
    leftmost
}
