//! INSERT, UPDATE and DELETE of simple views: the view's table takes the view's place.
//!
//! A view can be changed when it selects from one relation without doing more than renaming, reordering and filtering.
//! The statement's references to view columns become what the view computes, its target the view's table, and the view's
//! condition is added to the statement's. The view stays in the range table, unread, so that privileges on it are checked.

use super::view::{has_option, view_query};
use base::{Error, Oid, Result, bail, err};
use catalog::{RelationEntry, Session, option};
use ir::{
    BoolOp, CheckOption, CoercionForm, CommandType, Const, Expr, JoinNode, Permission, Query,
    RangeTableEntry, RangeTableKind, RelSet, Returning, TargetEntry, Var, VarSource, walk_levels_mut,
    walk_query_levels_mut,
};

/// Attribute numbers in permission sets are counted from the lowest system column's.
const FIRST_ATTRIBUTE: i16 = 7;

/// The bit of tgtype that INSTEAD OF triggers have.
const INSTEAD: i16 = 64;

/// Makes the view's table the statement's target.
///
/// # Errors
/// `55000` for views that cannot be changed, `0A000` for columns that cannot, and for what is not built.
pub(super) fn rewrite_view_target(session: &Session, query: &mut Query, view: &RelationEntry) -> Result<()> {
    let name = view.name();
    if view.triggers.iter().any(|t| t.tgtype & INSTEAD != 0) {
        return Err(Error::unsupported("INSTEAD OF trigger"));
    }
    let inner = view_query(session, view)?;
    let writes = |command: CommandType| matches!(command, CommandType::Insert | CommandType::Update);
    let checked = writes(query.command) || query.merge_actions.iter().any(|a| writes(a.command));
    if let Some(detail) = refusal(session, &inner, checked)? {
        return Err(not_updatable(query, name, detail));
    }
    if checked {
        check_columns(query, &inner, view)?;
    }
    replace_target(session, query, inner, view)
}

fn not_updatable(query: &Query, name: &str, detail: &str) -> Error {
    let merge = query.command == CommandType::Merge;
    let command = match query.merge_actions.iter().find(|a| a.command != CommandType::Select) {
        Some(action) if merge => action.command,
        _ => query.command,
    };
    let (what, doing, event) = match command {
        CommandType::Insert => ("insert into", "inserting into", "INSERT"),
        CommandType::Update => ("update", "updating", "UPDATE"),
        _ => ("delete from", "deleting from", "DELETE"),
    };
    let hint = match merge {
        true => {
            format!("To enable {doing} the view using MERGE, provide an INSTEAD OF {event} trigger.")
        }
        false => format!(
            "To enable {doing} the view, provide an INSTEAD OF {event} trigger or an unconditional ON {event} DO INSTEAD rule."
        ),
    };
    err!(OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot {what} view \"{name}\"").detail(detail).hint(hint)
}

/// Why a view with this query cannot be written through, which WITH CHECK OPTION is for.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn why_not_updatable(session: &Session, query: &Query) -> Result<Option<&'static str>> {
    refusal(session, query, true)
}

/// What may be done to a relation: events as bits of PostgreSQL's command numbers, and attributes (`None`: all).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updatable {
    pub events: i32,
    pub attributes: Option<Vec<i16>>,
}

const UPDATE_BIT: i32 = 1 << 2;
const INSERT_BIT: i32 = 1 << 3;
const DELETE_BIT: i32 = 1 << 4;
const ALL_BITS: i32 = UPDATE_BIT | INSERT_BIT | DELETE_BIT;

/// What INSERT, UPDATE and DELETE can do to a relation: a table by itself, a view by its table's taking its place, and,
/// with `triggers`, by INSTEAD OF triggers.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn updatable(session: &Session, relation: Oid, triggers: bool) -> Result<Updatable> {
    updatable_at(session, relation, triggers, 0)
}

fn updatable_at(session: &Session, relation: Oid, triggers: bool, depth: usize) -> Result<Updatable> {
    let nothing = Updatable { events: 0, attributes: None };
    if depth > super::MAX_VIEW_DEPTH {
        bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    }
    let Some(relation) = session.relation(relation)? else { return Ok(nothing) };
    match relation.kind() {
        b'r' | b'p' => return Ok(Updatable { events: ALL_BITS, attributes: None }),
        b'v' => {}
        _ => return Ok(nothing),
    }
    let mut events = 0;
    for rule in relation.rules.iter().filter(|r| r.is_instead && r.ev_qual == "<>") {
        events |= (1 << (rule.ev_type as u8 - b'0')) & ALL_BITS;
    }
    if triggers {
        for trigger in relation.triggers.iter().filter(|t| t.tgtype & INSTEAD != 0) {
            let of = [(4, INSERT_BIT), (8, DELETE_BIT), (16, UPDATE_BIT)];
            events |= of.iter().filter(|(bit, _)| trigger.tgtype & bit != 0).fold(0, |all, (_, e)| all | e);
        }
    }
    if events == ALL_BITS {
        return Ok(Updatable { events, attributes: None });
    }
    let inner = view_query(session, &relation)?;
    let own = Updatable { events, attributes: Some(Vec::new()) };
    if refusal(session, &inner, false)?.is_some() {
        return Ok(own);
    }
    let Some((base, entry)) = base_entry(&inner) else { return Ok(own) };
    let RangeTableKind::Relation { oid, .. } = &entry.kind else { return Ok(own) };
    let below = updatable_at(session, *oid, triggers, depth + 1)?;
    let written = |attribute| below.attributes.as_ref().is_none_or(|list| list.contains(&attribute));
    let mut attributes = Vec::new();
    for column in inner.target_list.iter().filter(|t| column_refusal(t, base).is_none()) {
        if let Expr::Var(var) = &column.expr
            && written(var.attribute)
        {
            attributes.push(column.number);
        }
    }
    let by_table = if attributes.is_empty() { DELETE_BIT } else { ALL_BITS };
    Ok(Updatable { events: events | (by_table & below.events), attributes: Some(attributes) })
}

/// Why a view with this query cannot be changed.
fn refusal(session: &Session, query: &Query, needs_columns: bool) -> Result<Option<&'static str>> {
    const SINGLE: &str =
        "Views that do not select from a single table or view are not automatically updatable.";
    let clauses = [
        (!query.distinct_clause.is_empty(), "Views containing DISTINCT are not automatically updatable."),
        (
            !query.group_clause.is_empty() || !query.grouping_sets.is_empty(),
            "Views containing GROUP BY are not automatically updatable.",
        ),
        (query.having.is_some(), "Views containing HAVING are not automatically updatable."),
        (
            query.set_operations.is_some(),
            "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.",
        ),
        (!query.ctes.is_empty(), "Views containing WITH are not automatically updatable."),
        (
            query.limit_offset.is_some() || query.limit_count.is_some(),
            "Views containing LIMIT or OFFSET are not automatically updatable.",
        ),
        (query.has_aggregates, "Views that return aggregate functions are not automatically updatable."),
        (query.has_window_functions, "Views that return window functions are not automatically updatable."),
        (query.has_target_srfs, "Views that return set-returning functions are not automatically updatable."),
    ];
    if let Some((_, detail)) = clauses.iter().find(|(holds, _)| *holds) {
        return Ok(Some(detail));
    }
    let Some((base, entry)) = base_entry(query) else { return Ok(Some(SINGLE)) };
    let RangeTableKind::Relation { oid, sample, .. } = &entry.kind else { return Ok(Some(SINGLE)) };
    if !matches!(session.require_relation(*oid)?.kind(), b'r' | b'f' | b'v' | b'p') {
        return Ok(Some(SINGLE));
    }
    if sample.is_some() {
        return Ok(Some("Views containing TABLESAMPLE are not automatically updatable."));
    }
    let any = query.target_list.iter().any(|t| column_refusal(t, base).is_none());
    Ok((needs_columns && !any)
        .then_some("Views that have no updatable columns are not automatically updatable."))
}

/// The one relation the query selects from, with its range table index.
fn base_entry(query: &Query) -> Option<(usize, &RangeTableEntry)> {
    let [JoinNode::Relation(index)] = query.join_tree.items[..] else { return None };
    Some((index, query.range_table.get(index - 1)?))
}

fn column_refusal(target: &TargetEntry, base: usize) -> Option<&'static str> {
    const NOT_A_COLUMN: &str = "View columns that are not columns of their base relation are not updatable.";
    match &target.expr {
        _ if target.junk => Some(NOT_A_COLUMN),
        Expr::Var(var) if var.source == VarSource::Relation(base) && var.levels_up == 0 => {
            match var.attribute {
                0 => Some("View columns that return whole-row references are not updatable."),
                n if n < 0 => Some("View columns that refer to system columns are not updatable."),
                _ => None,
            }
        }
        _ => Some(NOT_A_COLUMN),
    }
}

fn check_columns(query: &Query, inner: &Query, view: &RelationEntry) -> Result<()> {
    let Some((base, _)) = base_entry(inner) else { return Ok(()) };
    let check = |command: CommandType, list: &[TargetEntry]| {
        let verb = match (query.command, command) {
            (CommandType::Merge, _) => "merge into",
            (_, CommandType::Insert) => "insert into",
            _ => "update",
        };
        for assigned in list.iter().filter(|t| !t.junk) {
            let Some(column) = inner.target_list.get(assigned.number as usize - 1) else { continue };
            if let Some(detail) = column_refusal(column, base) {
                let name = &view.desc().attributes()[assigned.number as usize - 1].name;
                return Err(err!(
                    FEATURE_NOT_SUPPORTED,
                    "cannot {verb} column \"{name}\" of view \"{}\"",
                    view.name()
                )
                .detail(detail));
            }
        }
        Ok(())
    };
    check(query.command, &query.target_list)?;
    if let Some(conflict) = &query.on_conflict {
        check(query.command, &conflict.set)?;
    }
    query.merge_actions.iter().try_for_each(|action| check(action.command, &action.targets))
}

fn replace_target(
    session: &Session,
    query: &mut Query,
    mut inner: Query,
    view: &RelationEntry,
) -> Result<()> {
    let Some((base, entry)) = base_entry(&inner) else {
        return Err(Error::internal("view without a relation"));
    };
    let mut entry = entry.clone();
    let old = query.result_relation;
    let new = query.range_table.len() + 1;
    let own = inner.permissions.clone();
    renumber(&mut inner, base, new)?;
    let view_permission = match &query.range_table[old - 1].kind {
        RangeTableKind::Relation { permission, lock_mode, .. } => {
            if let RangeTableKind::Relation { lock_mode: mode, .. } = &mut entry.kind {
                *mode = *lock_mode;
            }
            query.permissions.get(permission.wrapping_sub(1)).cloned()
        }
        _ => None,
    };
    if let (Some(of_view), RangeTableKind::Relation { permission, .. }) = (view_permission, &mut entry.kind) {
        let of_base = own.get(permission.wrapping_sub(1)).cloned().unwrap_or_default();
        let invoker = has_option(view, "security_invoker");
        let check_as = if invoker { of_view.check_as } else { view.class.relowner };
        query.permissions.push(base_permission(&of_view, of_base, check_as, &inner.target_list));
        *permission = query.permissions.len();
    }
    // The base is the target now, not a member of FROM.
    entry.in_from = query.range_table[old - 1].in_from;
    let security_barrier = has_option(view, "security_barrier");
    let quals = inner.join_tree.quals.take();
    query.has_sublinks |= inner.has_sublinks;
    replace_columns(query, old, &inner.target_list, view)?;
    if query.command != CommandType::Delete {
        add_check_option(query, view, quals.as_deref());
    }
    if query.command != CommandType::Insert
        && let Some(quals) = quals
    {
        if security_barrier {
            entry.security_quals.insert(0, *quals);
        } else {
            add_qual(query, *quals);
        }
    }
    let oid = match entry.kind {
        RangeTableKind::Relation { oid, .. } => oid,
        _ => return Err(Error::internal("view without a relation")),
    };
    query.range_table.push(entry);
    query.result_relation = new;
    if query.command == CommandType::Merge {
        query.merge_target_relation = new;
    }
    replace_in_joins(&mut query.join_tree.items, old, new);
    let renumber = |list: &mut [TargetEntry]| {
        for target in list.iter_mut().filter(|t| !t.junk) {
            if let Some(Expr::Var(var)) = inner.target_list.get(target.number as usize - 1).map(|t| &t.expr) {
                target.number = var.attribute;
            }
        }
    };
    renumber(&mut query.target_list);
    for action in &mut query.merge_actions {
        renumber(&mut action.targets);
    }
    if let Some(conflict) = &mut query.on_conflict {
        renumber(&mut conflict.set);
        if conflict.excluded_relation > 0 {
            replace_excluded(session, query, oid, new, &inner.target_list, view)?;
        }
    }
    Ok(())
}

/// What the view, or one over it by a cascaded option, demands of rows that are written through it. Conditions of inner
/// views come first.
fn add_check_option(query: &mut Query, view: &RelationEntry, quals: Option<&Expr>) {
    let from_above = query.check_options.first().is_some_and(|above| above.cascaded);
    let own = option(&view.class, "check_option");
    let cascaded = from_above || own == Some("cascaded");
    if !from_above && own.is_none() {
        return;
    }
    if cascaded || quals.is_some() {
        let (view, condition) = (view.name().to_owned(), quals.cloned());
        query.check_options.insert(0, CheckOption { view, condition, cascaded });
    }
}

/// EXCLUDED becomes a row of the view's relation, too.
fn replace_excluded(
    session: &Session,
    query: &mut Query,
    oid: Oid,
    base: usize,
    columns: &[TargetEntry],
    view: &RelationEntry,
) -> Result<()> {
    let Some(conflict) = &query.on_conflict else { return Ok(()) };
    let old = conflict.excluded_relation;
    let relation = session.require_relation(oid)?;
    let mut entry = query.range_table[old - 1].clone();
    if let RangeTableKind::Relation { oid: of, .. } = &mut entry.kind {
        *of = oid;
    }
    let described = relation.desc().attributes();
    entry.eref.columns = described.iter().map(|a| a.name.clone()).collect();
    query.range_table.push(entry);
    let new = query.range_table.len();
    // The view's columns, of EXCLUDED instead of the target.
    let mut computed = columns.to_vec();
    for column in &mut computed {
        walk_levels_mut(&mut column.expr, 0, &mut |expr, depth| {
            if let Expr::Var(var) = expr
                && var.levels_up == depth
                && var.source == VarSource::Relation(base)
            {
                var.source = VarSource::Relation(new);
                var.syntactic.0 = new;
            }
            Ok(true)
        })?;
    }
    if let Some(conflict) = &mut query.on_conflict {
        conflict.excluded_targets.clear();
    }
    replace_columns(query, old, &computed, view)?;
    let mut targets = Vec::with_capacity(described.len() + 1);
    let var = |attribute: i16, type_oid, typmod, collation| {
        Expr::Var(Var {
            source: VarSource::Relation(new),
            attribute,
            type_oid,
            typmod,
            collation,
            nulling: RelSet::new(),
            levels_up: 0,
            returning: Returning::Default,
            syntactic: (new, attribute),
            location: None,
        })
    };
    for (number, a) in (1i16..).zip(described) {
        let expr = match a.dropped {
            true => null_int4(session)?,
            false => var(number, a.type_oid, a.typmod, a.collation),
        };
        targets.push(TargetEntry::new(expr, number, Some(a.name.clone())));
    }
    let whole = var(0, relation.class.reltype, -1, Oid::INVALID);
    let mut whole = TargetEntry::new(whole, 0, None);
    whole.junk = true;
    targets.push(whole);
    if let Some(conflict) = &mut query.on_conflict {
        conflict.excluded_relation = new;
        conflict.excluded_targets = targets;
    }
    Ok(())
}

/// What must be allowed on the base relation: what is on the view, for the columns behind the view's.
fn base_permission(
    of_view: &Permission,
    base: Permission,
    check_as: Oid,
    columns: &[TargetEntry],
) -> Permission {
    let translate = |set: &RelSet| {
        let mut translated = RelSet::new();
        for column in columns {
            let whole = set.contains(FIRST_ATTRIBUTE as usize);
            let used = whole || set.contains((column.number + FIRST_ATTRIBUTE) as usize);
            if let (true, Expr::Var(var)) = (used, &column.expr) {
                translated.insert((var.attribute + FIRST_ATTRIBUTE) as usize);
            }
        }
        translated
    };
    Permission {
        relation: base.relation,
        inherit: base.inherit,
        required: of_view.required,
        check_as,
        selected: translate(&of_view.selected),
        inserted: translate(&of_view.inserted),
        updated: translate(&of_view.updated),
    }
}

/// Lets the query's variables of entry `from` be of entry `to`.
fn renumber(query: &mut Query, from: usize, to: usize) -> Result<()> {
    walk_query_levels_mut(query, 0, &mut |expr, depth| {
        if let Expr::Var(var) = expr
            && var.levels_up == depth
        {
            if var.source == VarSource::Relation(from) {
                var.source = VarSource::Relation(to);
            }
            if var.syntactic.0 == from {
                var.syntactic.0 = to;
            }
        }
        Ok(true)
    })
}

/// Columns of the view become what it computes.
fn replace_columns(
    query: &mut Query,
    old: usize,
    columns: &[TargetEntry],
    view: &RelationEntry,
) -> Result<()> {
    walk_query_levels_mut(query, 0, &mut |expr, depth| {
        let Expr::Var(var) = &*expr else { return Ok(true) };
        if var.source != VarSource::Relation(old) || var.levels_up != depth {
            return Ok(false);
        }
        let (levels_up, returning) = (var.levels_up, var.returning);
        let mut replaced = column_value(var, columns, view)?;
        walk_levels_mut(&mut replaced, 0, &mut |inner, level| {
            if let Expr::Var(inner) = inner
                && inner.levels_up == level
            {
                inner.levels_up += levels_up;
                inner.returning = returning;
            }
            Ok(true)
        })?;
        // What is computed from OLD or NEW is NULL where there is no such row.
        if returning != Returning::Default && !matches!(replaced, Expr::Var(_)) {
            replaced =
                Expr::Returning { levels_up, old: returning == Returning::Old, arg: Box::new(replaced) };
        }
        *expr = replaced;
        Ok(false)
    })
}

fn column_value(var: &Var, columns: &[TargetEntry], view: &RelationEntry) -> Result<Expr> {
    if var.attribute == 0 {
        return Ok(Expr::Row {
            args: columns.iter().filter(|c| !c.junk).map(|c| c.expr.clone()).collect(),
            row_type: var.type_oid,
            form: CoercionForm::ImplicitCast,
            column_names: view.desc().attributes().iter().map(|a| a.name.clone()).collect(),
            location: var.location,
        });
    }
    columns
        .iter()
        .find(|c| c.number == var.attribute)
        .map(|c| c.expr.clone())
        .ok_or_else(|| Error::internal(format!("could not find column {} of a view", var.attribute)))
}

/// ANDs a condition to the query's.
pub(super) fn add_qual(query: &mut Query, qual: Expr) {
    let quals = &mut query.join_tree.quals;
    *quals = Some(Box::new(match quals.take() {
        None => qual,
        Some(known) => Expr::Bool { op: BoolOp::And, args: vec![*known, qual], location: None },
    }));
}

fn replace_in_joins(nodes: &mut [JoinNode], old: usize, new: usize) {
    for node in nodes {
        match node {
            JoinNode::Relation(index) if *index == old => *index = new,
            JoinNode::Relation(_) => {}
            JoinNode::From(from) => replace_in_joins(&mut from.items, old, new),
            JoinNode::Join(join) => {
                replace_in_joins(std::slice::from_mut(&mut join.left), old, new);
                replace_in_joins(std::slice::from_mut(&mut join.right), old, new);
            }
        }
    }
}

/// Whether FROM holds the range table entry.
pub(super) fn is_joined(nodes: &[JoinNode], index: usize) -> bool {
    nodes.iter().any(|node| match node {
        JoinNode::Relation(own) => *own == index,
        JoinNode::From(from) => is_joined(&from.items, index),
        JoinNode::Join(join) => {
            is_joined(std::slice::from_ref(&join.left), index)
                || is_joined(std::slice::from_ref(&join.right), index)
        }
    })
}

/// What stands for a dropped column.
fn null_int4(session: &Session) -> Result<Expr> {
    const INT4: Oid = Oid(23);
    let (layout, collation) = (session.type_layout(INT4)?, Oid::INVALID);
    Ok(Expr::Const(Const { type_oid: INT4, typmod: -1, collation, layout, value: None, location: None }))
}
