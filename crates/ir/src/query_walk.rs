//! Walking whole queries: every expression of a query, and of the queries inside it with their depth.

use crate::{
    Expr, FromExpr, JoinNode, Query, RangeTableEntry, RangeTableKind, TargetEntry, for_each_child,
    for_each_child_mut,
};
use base::Result;

macro_rules! query_walkers {
    ($exprs:ident, $from:ident, $node:ident, $entry:ident, $iter:ident, $as_deref:ident, $($mutability:tt)?) => {
        fn $node<'a>(node: &'a $($mutability)? JoinNode, f: &mut dyn FnMut(&'a $($mutability)? Expr) -> Result<()>) -> Result<()> {
            match node {
                JoinNode::Relation(_) => Ok(()),
                JoinNode::Join(join) => {
                    let join = &$($mutability)? **join;
                    $node(&$($mutability)? join.left, f)?;
                    $node(&$($mutability)? join.right, f)?;
                    join.quals.$as_deref().map_or(Ok(()), f)
                }
                JoinNode::From(from) => $from(from, f),
            }
        }

        fn $from<'a>(from: &'a $($mutability)? FromExpr, f: &mut dyn FnMut(&'a $($mutability)? Expr) -> Result<()>) -> Result<()> {
            for item in from.items.$iter() {
                $node(item, f)?;
            }
            from.quals.$as_deref().map_or(Ok(()), f)
        }

        /// The expressions of one range table entry; not those of its subquery.
        pub fn $entry<'a>(entry: &'a $($mutability)? RangeTableEntry, f: &mut dyn FnMut(&'a $($mutability)? Expr) -> Result<()>) -> Result<()> {
            match &$($mutability)? entry.kind {
                RangeTableKind::Relation { sample: Some(sample), .. } => {
                    let sample = &$($mutability)? **sample;
                    sample.args.$iter().try_for_each(&mut *f)?;
                    if let Some(repeatable) = &$($mutability)? sample.repeatable {
                        f(repeatable)?;
                    }
                }
                RangeTableKind::Join { alias_vars, .. } => alias_vars.$iter().try_for_each(&mut *f)?,
                RangeTableKind::Function { functions, .. } => {
                    for function in functions.$iter() {
                        f(&$($mutability)? function.expr)?;
                    }
                }
                RangeTableKind::Values { lists, .. } => {
                    for list in lists.$iter() {
                        list.$iter().try_for_each(&mut *f)?;
                    }
                }
                RangeTableKind::Group { exprs } => exprs.$iter().try_for_each(&mut *f)?,
                _ => {}
            }
            entry.security_quals.$iter().try_for_each(f)
        }

        /// Every expression of the query itself, in PostgreSQL's order; sublinks are expressions, their queries
        /// and those of the range table and of CTEs are not entered.
        ///
        /// # Errors
        /// What `f` fails with.
        pub fn $exprs<'a>(query: &'a $($mutability)? Query, f: &mut dyn FnMut(&'a $($mutability)? Expr) -> Result<()>) -> Result<()> {
            for target in query.target_list.$iter() {
                f(&$($mutability)? target.expr)?;
            }
            if let Some(conflict) = query.on_conflict.$as_deref() {
                for element in conflict.arbiter.$iter() {
                    f(&$($mutability)? element.expr)?;
                }
                if let Some(e) = &$($mutability)? conflict.arbiter_where {
                    f(e)?;
                }
                for target in conflict.set.$iter() {
                    f(&$($mutability)? target.expr)?;
                }
                if let Some(e) = &$($mutability)? conflict.set_where {
                    f(e)?;
                }
                for target in conflict.excluded_targets.$iter() {
                    f(&$($mutability)? target.expr)?;
                }
            }
            for option in query.check_options.$iter() {
                if let Some(e) = &$($mutability)? option.condition {
                    f(e)?;
                }
            }
            for action in query.merge_actions.$iter() {
                if let Some(e) = &$($mutability)? action.condition {
                    f(e)?;
                }
                for target in action.targets.$iter() {
                    f(&$($mutability)? target.expr)?;
                }
            }
            if let Some(e) = query.merge_join_condition.$as_deref() {
                f(e)?;
            }
            for target in query.returning.$iter() {
                f(&$($mutability)? target.expr)?;
            }
            $from(&$($mutability)? query.join_tree, f)?;
            for e in [query.having.$as_deref(), query.limit_offset.$as_deref(), query.limit_count.$as_deref()] {
                if let Some(e) = e {
                    f(e)?;
                }
            }
            for window in query.windows.$iter() {
                for e in [window.start_offset.$as_deref(), window.end_offset.$as_deref()] {
                    if let Some(e) = e {
                        f(e)?;
                    }
                }
            }
            for entry in query.range_table.$iter() {
                $entry(entry, f)?;
            }
            Ok(())
        }
    };
}

query_walkers!(query_exprs, from_exprs, node_exprs, entry_exprs, iter, as_deref,);
query_walkers!(query_exprs_mut, from_exprs_mut, node_exprs_mut, entry_exprs_mut, iter_mut, as_deref_mut, mut);

/// The queries of CTEs and of subqueries in FROM.
pub fn subqueries<'a>(query: &'a Query, f: &mut dyn FnMut(&'a Query)) {
    query.ctes.iter().for_each(|cte| f(&cte.query));
    for entry in &query.range_table {
        if let RangeTableKind::Subquery { query, .. } = &entry.kind {
            f(query);
        }
    }
}

/// Visits the expression and all below it, sublinks' queries included, with the number of query levels between
/// `expr` and the place plus `depth`. `visit` answers whether to go on below.
pub fn walk_levels<'a>(expr: &'a Expr, depth: u32, visit: &mut dyn FnMut(&'a Expr, u32) -> bool) {
    if !visit(expr, depth) {
        return;
    }
    for_each_child(expr, &mut |child| walk_levels(child, depth, visit));
    if let Expr::SubLink(link) = expr {
        walk_query_levels(&link.query, depth + 1, visit);
    }
}

/// Like [`walk_levels`] for all expressions of a query whose own level is `depth`.
pub fn walk_query_levels<'a>(query: &'a Query, depth: u32, visit: &mut dyn FnMut(&'a Expr, u32) -> bool) {
    let walked = query_exprs(query, &mut |expr| {
        walk_levels(expr, depth, visit);
        Ok(())
    });
    debug_assert!(walked.is_ok());
    subqueries(query, &mut |inner| walk_query_levels(inner, depth + 1, visit));
}

/// Like [`walk_levels`], changing expressions in place.
///
/// # Errors
/// What `visit` fails with.
pub fn walk_levels_mut(
    expr: &mut Expr,
    depth: u32,
    visit: &mut dyn FnMut(&mut Expr, u32) -> Result<bool>,
) -> Result<()> {
    if !visit(expr, depth)? {
        return Ok(());
    }
    for_each_child_mut(expr, &mut |child| walk_levels_mut(child, depth, visit))?;
    if let Expr::SubLink(link) = expr {
        walk_query_levels_mut(&mut link.query, depth + 1, visit)?;
    }
    Ok(())
}

/// Like [`walk_query_levels`], changing expressions in place.
///
/// # Errors
/// What `visit` fails with.
pub fn walk_query_levels_mut(
    query: &mut Query,
    depth: u32,
    visit: &mut dyn FnMut(&mut Expr, u32) -> Result<bool>,
) -> Result<()> {
    query_exprs_mut(query, &mut |expr| walk_levels_mut(expr, depth, visit))?;
    for cte in &mut query.ctes {
        walk_query_levels_mut(&mut cte.query, depth + 1, visit)?;
    }
    for entry in &mut query.range_table {
        if let RangeTableKind::Subquery { query, .. } = &mut entry.kind {
            walk_query_levels_mut(query, depth + 1, visit)?;
        }
    }
    Ok(())
}

/// Whether two expressions are the same but for their places in the statement.
pub fn equal(a: &Expr, b: &Expr) -> bool {
    if std::mem::discriminant(a) != std::mem::discriminant(b) {
        return false;
    }
    let (mut a, mut b) = (a.clone(), b.clone());
    forget_locations(&mut a);
    forget_locations(&mut b);
    a == b
}

/// Sets every location in the expression to unknown, and what else does not take part in comparison.
pub fn forget_locations(expr: &mut Expr) {
    let walked = walk_levels_mut(expr, 0, &mut |e, _| {
        if let Some(location) = location_mut(e) {
            *location = None;
        }
        match e {
            Expr::Var(var) => var.syntactic = (0, 0),
            Expr::Case { whens, .. } => whens.iter_mut().for_each(|w| w.location = None),
            Expr::SubLink(link) => {
                link.query.ctes.iter_mut().for_each(|cte| cte.location = None);
            }
            _ => {}
        }
        Ok(true)
    });
    debug_assert!(walked.is_ok());
}

fn location_mut(expr: &mut Expr) -> Option<&mut Option<usize>> {
    Some(match expr {
        Expr::Var(v) => &mut v.location,
        Expr::Const(c) => &mut c.location,
        Expr::Param(p) => &mut p.location,
        Expr::Aggref(a) => &mut a.location,
        Expr::WindowFunc(w) => &mut w.location,
        Expr::Func(f) => &mut f.location,
        Expr::Op(op) | Expr::Distinct(op) | Expr::NullIf(op) => &mut op.location,
        Expr::ScalarArrayOp(op) => &mut op.location,
        Expr::SubLink(link) => &mut link.location,
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
        | Expr::MergeAction { location } => location,
        _ => return None,
    })
}

/// A target list's visible entries.
pub fn visible_targets(targets: &[TargetEntry]) -> impl Iterator<Item = &TargetEntry> {
    targets.iter().filter(|t| !t.junk)
}
