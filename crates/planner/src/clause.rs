//! What can be asked of an expression: which relations and columns it reads, whether it is volatile, strict, and so on;
//! and walking of whole queries.

use base::{Oid, Result};
use catalog::Session;
use datum::{OwnedDatum, Repr, TypeLayout};
use ir::{
    BoolOp, BooleanTest, Const, Expr, FromExpr, JoinNode, OpExpr, Query, RangeTableKind, RelSet, TargetEntry,
    Var, VarSource,
};

pub(crate) const BOOL: Oid = Oid(16);
pub(crate) const BTREE: Oid = Oid(403);
pub(crate) const HASH: Oid = Oid(405);

pub(crate) fn bool_const(value: Option<bool>) -> Expr {
    Expr::Const(Const {
        type_oid: BOOL,
        typmod: -1,
        collation: Oid(0),
        layout: TypeLayout { len: 1, by_value: true, align: 1, repr: Repr::Bool },
        value: value.map(OwnedDatum::Bool),
        location: None,
    })
}

/// NULL of a type.
pub(crate) fn null_const(session: &Session, type_oid: Oid, typmod: i32, collation: Oid) -> Result<Expr> {
    let layout = session.type_layout(type_oid)?;
    Ok(Expr::Const(Const { type_oid, typmod, collation, layout, value: None, location: None }))
}

pub(crate) fn const_bool(expr: &Expr) -> Option<Option<bool>> {
    match expr {
        Expr::Const(c) if c.type_oid == BOOL => Some(match c.value {
            Some(OwnedDatum::Bool(b)) => Some(b),
            _ => None,
        }),
        _ => None,
    }
}

/// FALSE or NULL as a condition: nothing passes it.
pub(crate) fn is_never(expr: &Expr) -> bool {
    matches!(const_bool(expr), Some(None | Some(false)))
}

/// A reference to a range table entry's column at this query level.
pub(crate) fn var(rti: usize, attribute: i16, type_oid: Oid, typmod: i32, collation: Oid) -> Var {
    Var {
        source: VarSource::Relation(rti),
        attribute,
        type_oid,
        typmod,
        collation,
        nulling: RelSet::new(),
        levels_up: 0,
        returning: ir::Returning::Default,
        syntactic: (0, 0),
        location: None,
    }
}

/// This level's range table index of a column reference.
pub(crate) fn var_rti(var: &Var) -> Option<usize> {
    match var.source {
        VarSource::Relation(rti) if var.levels_up == 0 => Some(rti),
        _ => None,
    }
}

pub(crate) fn children_mut(expr: &mut Expr, f: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
    let taken = std::mem::replace(expr, Expr::MergeAction { location: None });
    *expr = ir::try_map(taken, &mut |mut child| {
        f(&mut child)?;
        Ok(child)
    })?;
    Ok(())
}

/// Visits an expression and everything below it, sublinks' queries included; `f` gets the level of nesting below the
/// start, and answers whether it has dealt with the whole subtree.
pub(crate) fn deep(
    expr: &mut Expr,
    level: u32,
    f: &mut dyn FnMut(&mut Expr, u32) -> Result<bool>,
) -> Result<()> {
    if f(expr, level)? {
        return Ok(());
    }
    if let Expr::SubLink(link) = expr {
        deep_query(&mut link.query, level + 1, f)?;
    }
    children_mut(expr, &mut |child| deep(child, level, f))
}

fn deep_targets(
    list: &mut [TargetEntry],
    level: u32,
    f: &mut dyn FnMut(&mut Expr, u32) -> Result<bool>,
) -> Result<()> {
    list.iter_mut().try_for_each(|t| deep(&mut t.expr, level, f))
}

fn deep_from(
    from: &mut FromExpr,
    level: u32,
    f: &mut dyn FnMut(&mut Expr, u32) -> Result<bool>,
) -> Result<()> {
    from.items.iter_mut().try_for_each(|item| deep_node(item, level, f))?;
    from.quals.as_deref_mut().map_or(Ok(()), |q| deep(q, level, f))
}

pub(crate) fn deep_node(
    node: &mut JoinNode,
    level: u32,
    f: &mut dyn FnMut(&mut Expr, u32) -> Result<bool>,
) -> Result<()> {
    match node {
        JoinNode::Relation(_) => Ok(()),
        JoinNode::From(from) => deep_from(from, level, f),
        JoinNode::Join(join) => {
            deep_node(&mut join.left, level, f)?;
            deep_node(&mut join.right, level, f)?;
            join.quals.as_deref_mut().map_or(Ok(()), |q| deep(q, level, f))
        }
    }
}

/// Visits the expressions of a range table entry that belong to query level `level`.
pub(crate) fn deep_rte(
    kind: &mut RangeTableKind,
    level: u32,
    f: &mut dyn FnMut(&mut Expr, u32) -> Result<bool>,
) -> Result<()> {
    match kind {
        RangeTableKind::Relation { sample: Some(sample), .. } => {
            sample.args.iter_mut().chain(&mut sample.repeatable).try_for_each(|e| deep(e, level, f))
        }
        RangeTableKind::Subquery { query, .. } => deep_query(query, level + 1, f),
        RangeTableKind::Join { alias_vars, .. } => alias_vars.iter_mut().try_for_each(|e| deep(e, level, f)),
        RangeTableKind::Function { functions, .. } => {
            functions.iter_mut().try_for_each(|x| deep(&mut x.expr, level, f))
        }
        RangeTableKind::Values { lists, .. } => {
            lists.iter_mut().flatten().try_for_each(|e| deep(e, level, f))
        }
        RangeTableKind::Group { exprs } => exprs.iter_mut().try_for_each(|e| deep(e, level, f)),
        _ => Ok(()),
    }
}

/// Visits every expression of a query, the queries below it included; its own expressions are at `level`.
pub(crate) fn deep_query(
    query: &mut Query,
    level: u32,
    f: &mut dyn FnMut(&mut Expr, u32) -> Result<bool>,
) -> Result<()> {
    deep_targets(&mut query.target_list, level, f)?;
    deep_targets(&mut query.returning, level, f)?;
    deep_from(&mut query.join_tree, level, f)?;
    let single =
        [&mut query.having, &mut query.limit_count, &mut query.limit_offset, &mut query.merge_join_condition];
    for expr in single.into_iter().flatten() {
        deep(expr, level, f)?;
    }
    for window in &mut query.windows {
        for expr in [&mut window.start_offset, &mut window.end_offset].into_iter().flatten() {
            deep(expr, level, f)?;
        }
    }
    if let Some(conflict) = &mut query.on_conflict {
        deep_targets(&mut conflict.set, level, f)?;
        deep_targets(&mut conflict.excluded_targets, level, f)?;
        let own = conflict
            .arbiter
            .iter_mut()
            .map(|element| &mut element.expr)
            .chain(&mut conflict.arbiter_where)
            .chain(&mut conflict.set_where);
        own.into_iter().try_for_each(|e| deep(e, level, f))?;
    }
    for option in &mut query.check_options {
        option.condition.iter_mut().try_for_each(|e| deep(e, level, f))?;
    }
    for action in &mut query.merge_actions {
        deep_targets(&mut action.targets, level, f)?;
        action.condition.iter_mut().try_for_each(|e| deep(e, level, f))?;
    }
    for rte in &mut query.range_table {
        deep_rte(&mut rte.kind, level, f)?;
        rte.security_quals.iter_mut().try_for_each(|e| deep(e, level, f))?;
    }
    query.ctes.iter_mut().try_for_each(|cte| deep_query(&mut cte.query, level + 1, f))
}

/// Adds `delta` to the level of every reference that reaches out of `levels` levels of nesting.
pub(crate) fn shift_levels(expr: &mut Expr, delta: i32, from: u32) -> Result<()> {
    deep(expr, from, &mut |e, level| {
        shift_one(e, delta, level);
        Ok(false)
    })
}

pub(crate) fn shift_query_levels(query: &mut Query, delta: i32, from: u32) -> Result<()> {
    shift_ctes(query, delta, from);
    deep_query(query, from, &mut |e, level| {
        shift_one(e, delta, level);
        Ok(false)
    })
}

fn shifted(levels: u32, delta: i32, from: u32) -> u32 {
    if levels >= from { levels.saturating_add_signed(delta) } else { levels }
}

fn shift_one(expr: &mut Expr, delta: i32, from: u32) {
    match expr {
        Expr::Var(v) => v.levels_up = shifted(v.levels_up, delta, from),
        Expr::Aggref(a) => a.levels_up = shifted(a.levels_up, delta, from),
        Expr::Grouping { levels_up, .. } | Expr::Returning { levels_up, .. } => {
            *levels_up = shifted(*levels_up, delta, from);
        }
        Expr::PlaceHolder(p) => {
            let p = std::sync::Arc::make_mut(p);
            p.levels_up = shifted(p.levels_up, delta, from);
        }
        Expr::SubLink(link) => shift_ctes(&mut link.query, delta, from + 1),
        _ => {}
    }
}

/// References to CTEs count levels too.
fn shift_ctes(query: &mut Query, delta: i32, from: u32) {
    for rte in &mut query.range_table {
        match &mut rte.kind {
            RangeTableKind::Cte { levels_up, .. } => *levels_up = shifted(*levels_up, delta, from),
            RangeTableKind::Subquery { query, .. } => shift_ctes(query, delta, from + 1),
            _ => {}
        }
    }
    for cte in &mut query.ctes {
        shift_ctes(&mut cte.query, delta, from + 1);
    }
}

/// Whether any reference in the query reaches `level` levels above it or further (1: the enclosing query).
pub(crate) fn query_reaches_up(query: &Query, least: u32) -> bool {
    let mut copy = query.clone();
    let mut found = false;
    let walked = deep_query(&mut copy, 0, &mut |e, level| {
        let up = match e {
            Expr::Var(v) => v.levels_up,
            Expr::Aggref(a) => a.levels_up,
            Expr::Grouping { levels_up, .. } | Expr::Returning { levels_up, .. } => *levels_up,
            _ => 0,
        };
        found |= up >= level + least;
        Ok(found)
    });
    debug_assert!(walked.is_ok());
    found
}

/// Range table entries of this level that an expression reads (sublinks' queries included).
pub(crate) fn relids(expr: &Expr) -> RelSet {
    let mut set = RelSet::new();
    collect_relids(expr, &mut set);
    set
}

fn collect_relids(expr: &Expr, set: &mut RelSet) {
    match expr {
        Expr::Var(v) => set.extend(&var_rti(v).map_or_else(RelSet::new, RelSet::single)),
        Expr::CurrentOf { relation, .. } => set.insert(*relation),
        Expr::SubLink(link) => {
            let mut query = (*link.query).clone();
            let walked = deep_query(&mut query, 1, &mut |e, level| {
                if let Expr::Var(Var { source: VarSource::Relation(rti), levels_up, .. }) = e
                    && *levels_up == level
                {
                    set.insert(*rti);
                }
                Ok(false)
            });
            debug_assert!(walked.is_ok());
            ir::for_each_child(expr, &mut |child| collect_relids(child, set));
        }
        _ => ir::for_each_child(expr, &mut |child| collect_relids(child, set)),
    }
}

/// Columns of this level that an expression reads, in order, aggregates' arguments included.
pub(crate) fn vars(expr: &Expr, out: &mut Vec<Var>) {
    match expr {
        Expr::Var(v) if v.levels_up == 0 => out.push(v.clone()),
        _ => ir::for_each_child(expr, &mut |child| vars(child, out)),
    }
}

/// The columns, aggregates and window functions that an expression is computed from. `into_aggregates` and
/// `into_windows`: their arguments instead of themselves.
pub(crate) fn leaves(expr: &Expr, into_aggregates: bool, into_windows: bool, out: &mut Vec<Expr>) {
    match expr {
        Expr::Var(v) if v.levels_up == 0 => out.push(expr.clone()),
        Expr::Aggref(_) | Expr::Grouping { .. } | Expr::PlaceHolder(_) if !into_aggregates => {
            out.push(expr.clone())
        }
        Expr::WindowFunc(_) if !into_windows => out.push(expr.clone()),
        _ => ir::for_each_child(expr, &mut |child| leaves(child, into_aggregates, into_windows, out)),
    }
}

pub(crate) fn contains_aggregate(expr: &Expr) -> bool {
    ir::any(expr, &mut |e| matches!(e, Expr::Aggref(_) | Expr::Grouping { .. }))
}

pub(crate) fn contains_window_function(expr: &Expr) -> bool {
    ir::any(expr, &mut |e| matches!(e, Expr::WindowFunc(_)))
}

pub(crate) fn contains_subplan(expr: &Expr) -> bool {
    ir::any(expr, &mut |e| matches!(e, Expr::SubPlan(_) | Expr::SubLink(_)))
}

pub(crate) fn returns_set(expr: &Expr) -> bool {
    ir::any(expr, &mut |e| match e {
        Expr::Func(f) => f.returns_set,
        Expr::Op(op) => op.returns_set,
        _ => false,
    })
}

pub(crate) fn is_set_returning(expr: &Expr) -> bool {
    match expr {
        Expr::Func(f) => f.returns_set,
        Expr::Op(op) => op.returns_set,
        _ => false,
    }
}

/// The functions that an expression node itself calls.
pub(crate) fn called(session: &Session, expr: &Expr, visit: &mut dyn FnMut(Oid) -> Result<()>) -> Result<()> {
    match expr {
        Expr::Func(f) => visit(f.function),
        Expr::Op(op) | Expr::Distinct(op) | Expr::NullIf(op) => visit(function_of(session, op)?),
        Expr::ScalarArrayOp(op) => visit(op.function),
        Expr::Aggref(a) => visit(a.function),
        Expr::WindowFunc(w) => visit(w.function),
        Expr::CoerceViaIo { arg, result_type, .. } => {
            visit(session.type_row(*result_type)?.typinput)?;
            visit(session.type_row(ir::expr_type(arg))?.typoutput)
        }
        Expr::RowCompare { operators, .. } => {
            operators.iter().try_for_each(|op| visit(session.operator(*op)?.oprcode))
        }
        _ => Ok(()),
    }
}

pub(crate) fn function_of(session: &Session, op: &OpExpr) -> Result<Oid> {
    if op.function.is_valid() { Ok(op.function) } else { Ok(session.operator(op.operator)?.oprcode) }
}

fn any_function(session: &Session, expr: &Expr, test: &dyn Fn(&catalog::PgProc) -> bool) -> Result<bool> {
    let mut found = false;
    let mut failed = Ok(());
    ir::any(expr, &mut |e| {
        let asked = called(session, e, &mut |function| {
            found |= test(&*session.function(function)?);
            Ok(())
        });
        if asked.is_err() {
            failed = asked;
            return true;
        }
        found
    });
    failed.map(|()| found)
}

pub(crate) fn contains_volatile(session: &Session, expr: &Expr) -> Result<bool> {
    if ir::any(expr, &mut |e| matches!(e, Expr::NextValue { .. })) {
        return Ok(true);
    }
    let in_query = ir::any(
        expr,
        &mut |e| matches!(e, Expr::SubLink(link) if query_is_volatile(session, &link.query).unwrap_or(true)),
    );
    Ok(in_query || any_function(session, expr, &|f| f.provolatile as u8 == b'v')?)
}

fn query_is_volatile(session: &Session, query: &Query) -> Result<bool> {
    let mut copy = query.clone();
    let mut found = false;
    deep_query(&mut copy, 0, &mut |e, _| {
        called(session, e, &mut |function| {
            found |= session.function(function)?.provolatile as u8 == b'v';
            Ok(())
        })?;
        Ok(found)
    })?;
    Ok(found)
}

/// May reveal its arguments (in messages, or by its choice of time) before security conditions have been checked.
pub(crate) fn contains_leaky(session: &Session, expr: &Expr) -> Result<bool> {
    let mut reads = Vec::new();
    vars(expr, &mut reads);
    if reads.is_empty() {
        return Ok(false);
    }
    any_function(session, expr, &|f| !f.proleakproof)
}

/// Might yield something other than NULL for NULL inputs.
pub(crate) fn contains_nonstrict(session: &Session, expr: &Expr) -> Result<bool> {
    let odd = ir::any(expr, &mut |e| match e {
        Expr::Aggref(_)
        | Expr::Grouping { .. }
        | Expr::WindowFunc(_)
        | Expr::Distinct(_)
        | Expr::NullIf(_)
        | Expr::SubLink(_)
        | Expr::SubPlan(_)
        | Expr::Case { .. }
        | Expr::CaseTest { .. }
        | Expr::Array { .. }
        | Expr::Row { .. }
        | Expr::RowCompare { .. }
        | Expr::Coalesce { .. }
        | Expr::MinMax { .. }
        | Expr::NullTest { .. }
        | Expr::BooleanTest { .. }
        | Expr::ArrayCoerce { .. }
        | Expr::FieldStore { .. }
        | Expr::ScalarArrayOp(_)
        | Expr::SqlValue { .. }
        | Expr::CoerceToDomain { .. } => true,
        Expr::Bool { op, .. } => *op != BoolOp::Not,
        Expr::Subscript(s) => s.assign.is_some(),
        _ => false,
    });
    Ok(odd || any_function(session, expr, &|f| !f.proisstrict)?)
}

fn is_strict(session: &Session, function: Oid) -> bool {
    session.function(function).is_ok_and(|f| f.proisstrict)
}

/// An operator with an array that yields no TRUE (`false_ok`: or no FALSE) for a NULL on the left.
fn strict_array_op(session: &Session, op: &ir::ScalarArrayOp, false_ok: bool) -> bool {
    if !is_strict(session, op.function) {
        return false;
    }
    (op.use_or && false_ok) || array_length(&op.args[1]).is_some_and(|n| n > 0)
}

/// The number of elements of a constant or constructed array.
pub(crate) fn array_length(array: &Expr) -> Option<usize> {
    match array {
        Expr::Array { elements, multidimensional: false, .. } => Some(elements.len()),
        Expr::Const(Const { value: Some(OwnedDatum::Bytes(payload)), .. }) => {
            let dimensions = i32::from_le_bytes(payload.get(..4)?.try_into().ok()?);
            let mut total = if dimensions == 0 { 0 } else { 1usize };
            for d in 0..dimensions.clamp(0, 6) as usize {
                let at = 12 + 4 * d;
                total = total
                    .saturating_mul(i32::from_le_bytes(payload.get(at..at + 4)?.try_into().ok()?) as usize);
            }
            Some(total)
        }
        Expr::Relabel { arg, .. } => array_length(arg),
        _ => None,
    }
}

/// What is NULL whenever a condition is TRUE (or an expression not NULL), turned around: the relations of which some
/// column must be non-null. `top`: the condition is TRUE; else only not NULL.
pub(crate) fn nonnullable_rels(session: &Session, expr: &Expr, top: bool) -> RelSet {
    let union = |args: &[Expr]| {
        args.iter().fold(RelSet::new(), |set, e| set.union(&nonnullable_rels(session, e, false)))
    };
    match expr {
        Expr::Var(v) => var_rti(v).map_or_else(RelSet::new, RelSet::single),
        Expr::Func(f) if is_strict(session, f.function) => union(&f.args),
        Expr::Op(op) if is_strict(session, op.function) => union(&op.args),
        Expr::ScalarArrayOp(op) if strict_array_op(session, op, top) => union(&op.args[..]),
        Expr::Bool { op: BoolOp::And, args, .. } if top => {
            args.iter().fold(RelSet::new(), |set, e| set.union(&nonnullable_rels(session, e, true)))
        }
        Expr::Bool { op: BoolOp::And | BoolOp::Or, args, .. } => {
            let mut sets = args.iter().map(|e| nonnullable_rels(session, e, top));
            let first = sets.next().unwrap_or_default();
            sets.fold(first, |a, b| a.intersection(&b))
        }
        Expr::Bool { op: BoolOp::Not, args, .. } => union(args),
        Expr::NullTest { arg, is_null: false, row_argument: false, .. } if top => {
            nonnullable_rels(session, arg, false)
        }
        Expr::BooleanTest {
            arg,
            test: BooleanTest::True | BooleanTest::False | BooleanTest::NotUnknown,
            ..
        } if top => nonnullable_rels(session, arg, false),
        Expr::Relabel { arg, .. }
        | Expr::CoerceViaIo { arg, .. }
        | Expr::ArrayCoerce { arg, .. }
        | Expr::ConvertRowtype { arg, .. }
        | Expr::Collate { arg, .. } => nonnullable_rels(session, arg, false),
        _ => RelSet::new(),
    }
}

/// As [`nonnullable_rels`], by column.
pub(crate) fn nonnullable_vars(session: &Session, expr: &Expr, top: bool, out: &mut Vec<(usize, i16)>) {
    match expr {
        Expr::Var(v) => out.extend(var_rti(v).map(|rti| (rti, v.attribute))),
        Expr::Func(f) if is_strict(session, f.function) => {
            f.args.iter().for_each(|e| nonnullable_vars(session, e, false, out));
        }
        Expr::Op(op) if is_strict(session, op.function) => {
            op.args.iter().for_each(|e| nonnullable_vars(session, e, false, out));
        }
        Expr::ScalarArrayOp(op) if strict_array_op(session, op, top) => {
            op.args.iter().for_each(|e| nonnullable_vars(session, e, false, out));
        }
        Expr::Bool { op: BoolOp::And, args, .. } if top => {
            args.iter().for_each(|e| nonnullable_vars(session, e, true, out));
        }
        Expr::Bool { op: BoolOp::And | BoolOp::Or, args, .. } => {
            let mut common: Option<Vec<(usize, i16)>> = None;
            for arg in args {
                let mut own = Vec::new();
                nonnullable_vars(session, arg, top, &mut own);
                common = Some(match common {
                    None => own,
                    Some(c) => c.into_iter().filter(|v| own.contains(v)).collect(),
                });
            }
            out.extend(common.unwrap_or_default());
        }
        Expr::Bool { op: BoolOp::Not, args, .. } => {
            args.iter().for_each(|e| nonnullable_vars(session, e, false, out))
        }
        Expr::NullTest { arg, is_null: false, row_argument: false, .. } if top => {
            nonnullable_vars(session, arg, false, out);
        }
        Expr::BooleanTest {
            arg,
            test: BooleanTest::True | BooleanTest::False | BooleanTest::NotUnknown,
            ..
        } if top => {
            nonnullable_vars(session, arg, false, out);
        }
        Expr::Relabel { arg, .. }
        | Expr::CoerceViaIo { arg, .. }
        | Expr::ArrayCoerce { arg, .. }
        | Expr::Collate { arg, .. } => nonnullable_vars(session, arg, false, out),
        _ => {}
    }
}

/// Columns that a condition requires to be NULL.
pub(crate) fn forced_null_vars(expr: &Expr, out: &mut Vec<(usize, i16)>) {
    match expr {
        Expr::NullTest { arg, is_null: true, row_argument: false, .. } => {
            if let Expr::Var(v) = &**arg {
                out.extend(var_rti(v).map(|rti| (rti, v.attribute)));
            }
        }
        Expr::BooleanTest { arg, test: BooleanTest::Unknown, .. } => {
            if let Expr::Var(v) = &**arg {
                out.extend(var_rti(v).map(|rti| (rti, v.attribute)));
            }
        }
        Expr::Bool { op: BoolOp::And, args, .. } => args.iter().for_each(|e| forced_null_vars(e, out)),
        _ => {}
    }
}

pub(crate) fn make_and(mut args: Vec<Expr>) -> Expr {
    match args.len() {
        0 => bool_const(Some(true)),
        1 => args.remove(0),
        _ => Expr::Bool { op: BoolOp::And, args, location: None },
    }
}

pub(crate) fn and_with(first: Expr, second: Expr) -> Expr {
    make_and([first].into_iter().chain(ands(second)).collect())
}

pub(crate) fn make_or(mut args: Vec<Expr>) -> Expr {
    match args.len() {
        0 => bool_const(Some(false)),
        1 => args.remove(0),
        _ => Expr::Bool { op: BoolOp::Or, args, location: None },
    }
}

/// A condition as a list that is implicitly ANDed.
pub(crate) fn ands(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::Bool { op: BoolOp::And, args, .. } => args.into_iter().flat_map(ands).collect(),
        e if const_bool(&e) == Some(Some(true)) => Vec::new(),
        e => vec![e],
    }
}

/// The expression below binary-compatible casts.
pub(crate) fn strip_relabel(expr: &Expr) -> &Expr {
    match expr {
        Expr::Relabel { arg, .. } => strip_relabel(arg),
        e => e,
    }
}

/// The operator clause with its sides exchanged, if there is a commutator.
pub(crate) fn commute(session: &Session, op: &OpExpr) -> Result<Option<OpExpr>> {
    let commutator = session.operator(op.operator)?.oprcom;
    if !commutator.is_valid() || op.args.len() != 2 {
        return Ok(None);
    }
    let mut swapped = op.clone();
    swapped.operator = commutator;
    swapped.function = session.operator(commutator)?.oprcode;
    swapped.args.swap(0, 1);
    Ok(Some(swapped))
}

/// `left OP right`.
pub(crate) fn make_op(
    session: &Session,
    operator: Oid,
    collation: Oid,
    left: Expr,
    right: Expr,
) -> Result<Expr> {
    let row = session.operator(operator)?;
    Ok(Expr::Op(OpExpr {
        operator,
        function: row.oprcode,
        result_type: row.oprresult,
        returns_set: false,
        collation: Oid(0),
        input_collation: collation,
        args: vec![left, right],
        location: None,
    }))
}

/// Whether an operator is equality in some B-tree family.
pub(crate) fn equality_families(session: &Session, operator: Oid) -> Result<Vec<Oid>> {
    let rows = session.operator_families(operator)?;
    Ok(rows.iter().filter(|r| r.amopmethod == BTREE && r.amopstrategy == 3).map(|r| r.amopfamily).collect())
}

/// Range table entries below a join tree node, joins' own entries left out.
pub(crate) fn node_relids(node: &JoinNode) -> RelSet {
    match node {
        JoinNode::Relation(rti) => RelSet::single(*rti),
        JoinNode::Join(join) => node_relids(&join.left).union(&node_relids(&join.right)),
        JoinNode::From(from) => from_relids(from),
    }
}

pub(crate) fn from_relids(from: &FromExpr) -> RelSet {
    from.items.iter().fold(RelSet::new(), |set, item| set.union(&node_relids(item)))
}

/// Makes expressions comparable: without places in the text and without what only the deparser reads of columns.
pub(crate) fn strip_locations(expr: &mut Expr) {
    match expr {
        Expr::Var(v) => {
            v.location = None;
            v.nulling = RelSet::new();
            v.syntactic = (0, 0);
        }
        Expr::Const(c) => c.location = None,
        Expr::Param(p) => p.location = None,
        Expr::Aggref(a) => a.location = None,
        Expr::WindowFunc(w) => w.location = None,
        Expr::Func(f) => f.location = None,
        Expr::Op(op) | Expr::Distinct(op) | Expr::NullIf(op) => op.location = None,
        Expr::ScalarArrayOp(op) => op.location = None,
        Expr::SubLink(link) => link.location = None,
        Expr::Case { whens, location, .. } => {
            *location = None;
            whens.iter_mut().for_each(|w| w.location = None);
        }
        Expr::Grouping { location, .. }
        | Expr::NamedArg { location, .. }
        | Expr::Bool { location, .. }
        | Expr::Relabel { location, .. }
        | Expr::CoerceViaIo { location, .. }
        | Expr::ArrayCoerce { location, .. }
        | Expr::ConvertRowtype { location, .. }
        | Expr::Collate { location, .. }
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
        | Expr::MergeAction { location } => *location = None,
        _ => {}
    }
}
