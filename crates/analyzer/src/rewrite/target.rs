//! The target list of INSERT, UPDATE and MERGE: defaults, identity and generated columns.

use super::updatable::rewrite_view_target;
use base::{Error, Result, bail, err};
use catalog::{RelationEntry, Session};
use datum::Attribute;
use ir::{CommandType, Const, Expr, Overriding, Query, RangeTableKind, TargetEntry, Var, VarSource};

pub(super) fn rewrite_target(session: &Session, query: &mut Query, depth: usize) -> Result<()> {
    if depth > super::MAX_VIEW_DEPTH {
        bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    }
    let entry = &query.range_table[query.result_relation - 1];
    let RangeTableKind::Relation { oid, .. } = entry.kind else {
        return Err(Error::internal("target is not a relation"));
    };
    let relation = session
        .relation(oid)?
        .ok_or_else(|| Error::internal(format!("could not open relation with OID {oid}")))?;
    let name = &relation.class.relname;
    if relation.rules.iter().any(|r| r.ev_type as u8 != b'1' && r.ev_enabled as u8 != b'D') {
        return Err(Error::unsupported("rule on a table"));
    }
    match relation.class.relkind as u8 {
        b'r' | b'p' | b'v' => {}
        b'f' => return Err(Error::unsupported("changing a foreign table")),
        b'm' => return Err(err!(WRONG_OBJECT_TYPE, "cannot change materialized view \"{name}\"")),
        b'S' => return Err(err!(WRONG_OBJECT_TYPE, "cannot change sequence \"{name}\"")),
        b't' => return Err(err!(WRONG_OBJECT_TYPE, "cannot change TOAST relation \"{name}\"")),
        _ => return Err(err!(WRONG_OBJECT_TYPE, "cannot change relation \"{name}\"")),
    }
    let values = values_entry(query);
    if let Some(at) = values {
        fill_values_defaults(session, query, &relation, at)?;
    }
    let list = std::mem::take(&mut query.target_list);
    query.target_list = match query.command {
        CommandType::Insert => complete(session, &relation, list, CommandType::Insert, query.overriding)?,
        CommandType::Update => complete(session, &relation, list, CommandType::Update, query.overriding)?,
        _ => list,
    };
    for action in &mut query.merge_actions {
        let list = std::mem::take(&mut action.targets);
        action.targets = match action.command {
            CommandType::Insert | CommandType::Update => {
                complete(session, &relation, list, action.command, action.overriding)?
            }
            _ => list,
        };
    }
    if let Some(conflict) = &mut query.on_conflict {
        let list = std::mem::take(&mut conflict.set);
        conflict.set = complete(session, &relation, list, CommandType::Update, Overriding::NotSet)?;
    }
    if relation.kind() == b'v' {
        rewrite_view_target(session, query, &relation)?;
        return rewrite_target(session, query, depth + 1);
    }
    Ok(())
}

/// The multi-row VALUES that INSERT takes its rows from, counted from 0.
fn values_entry(query: &Query) -> Option<usize> {
    if query.command != CommandType::Insert {
        return None;
    }
    let [ir::JoinNode::Relation(index)] = query.join_tree.items[..] else { return None };
    matches!(query.range_table[index - 1].kind, RangeTableKind::Values { .. }).then(|| index - 1)
}

/// DEFAULT in VALUES lists becomes the column's default; where a column is all DEFAULT, the target entry decides.
fn fill_values_defaults(
    session: &Session,
    query: &mut Query,
    relation: &RelationEntry,
    at: usize,
) -> Result<()> {
    let attribute_of = |column: usize, targets: &[TargetEntry]| {
        targets.iter().find_map(|t| {
            let reads = ir::any(&t.expr, &mut |e| {
                matches!(e, Expr::Var(Var { source: VarSource::Relation(r), attribute, .. })
                    if *r == at + 1 && *attribute as usize == column + 1)
            });
            reads.then_some(t.number)
        })
    };
    let RangeTableKind::Values { lists, .. } = &query.range_table[at].kind else { return Ok(()) };
    let mut lists = lists.clone();
    let width = lists.first().map_or(0, Vec::len);
    for column in 0..width {
        let is_default = |e: &Expr| matches!(e, Expr::SetToDefault { .. });
        if !lists.iter().any(|l| is_default(&l[column])) {
            continue;
        }
        let Some(number) = attribute_of(column, &query.target_list) else { continue };
        let attribute = &relation.relation.desc.attributes()[number as usize - 1];
        let all = lists.iter().all(|l| is_default(&l[column]));
        if !all && query.overriding == Overriding::NotSet {
            refuse_always(attribute, "insert")?;
        }
        // Nobody reads these values then.
        let unused = all || query.overriding == Overriding::User && attribute.identity != 0;
        for list in &mut lists {
            if is_default(&list[column]) {
                if unused {
                    list[column] = typed_null(session, attribute)?;
                    continue;
                }
                list[column] = match default_expr(session, relation, number)? {
                    Some(default) => default,
                    // The view's table decides.
                    None if relation.kind() == b'v' => continue,
                    None => typed_null(session, &relation.desc().attributes()[number as usize - 1])?,
                };
            }
        }
        if all {
            // As if the column had not been named.
            query.target_list.retain(|t| t.number != number);
        }
    }
    if let RangeTableKind::Values { lists: slot, .. } = &mut query.range_table[at].kind {
        *slot = lists;
    }
    Ok(())
}

fn refuse_always(attribute: &Attribute, verb: &str) -> Result<()> {
    let name = &attribute.name;
    if attribute.identity == b'a' {
        let error = if verb == "insert" {
            err!(GENERATED_ALWAYS, "cannot insert a non-DEFAULT value into column \"{name}\"")
                .detail(format!("Column \"{name}\" is an identity column defined as GENERATED ALWAYS."))
                .hint("Use OVERRIDING SYSTEM VALUE to override.")
        } else {
            err!(GENERATED_ALWAYS, "column \"{name}\" can only be updated to DEFAULT")
                .detail(format!("Column \"{name}\" is an identity column defined as GENERATED ALWAYS."))
        };
        return Err(error);
    }
    Ok(())
}

/// The target list in attribute order, with defaults where INSERT leaves columns out.
fn complete(
    session: &Session,
    relation: &RelationEntry,
    list: Vec<TargetEntry>,
    command: CommandType,
    overriding: Overriding,
) -> Result<Vec<TargetEntry>> {
    let desc = &relation.relation.desc;
    let insert = command == CommandType::Insert;
    let mut slots: Vec<Option<TargetEntry>> = (0..desc.len()).map(|_| None).collect();
    let mut junk = Vec::new();
    for target in list {
        if target.junk {
            junk.push(target);
            continue;
        }
        let at = target.number as usize - 1;
        slots[at] = Some(match slots[at].take() {
            None => target,
            Some(known) => merge_assignments(known, target)?,
        });
    }
    let mut result = Vec::with_capacity(desc.len());
    for (i, (attribute, slot)) in desc.attributes().iter().zip(slots).enumerate() {
        if attribute.dropped {
            continue;
        }
        let number = i as i16 + 1;
        let mut slot = slot;
        let mut wants_default = slot.as_ref().map_or(insert, |t| matches!(t.expr, Expr::SetToDefault { .. }));
        if let (Some(_), false) = (&slot, wants_default) {
            if attribute.identity != 0 && insert && overriding == Overriding::User {
                wants_default = true;
            } else if !(insert && overriding == Overriding::System) {
                refuse_always(attribute, if insert { "insert" } else { "update" })?;
            }
            if attribute.generated != 0 {
                let name = &attribute.name;
                let error = if insert {
                    err!(GENERATED_ALWAYS, "cannot insert a non-DEFAULT value into column \"{name}\"")
                } else {
                    err!(GENERATED_ALWAYS, "column \"{name}\" can only be updated to DEFAULT")
                };
                return Err(error.detail(format!("Column \"{name}\" is a generated column.")));
            }
        }
        if attribute.generated != 0 {
            // Computed when the row is stored.
            continue;
        }
        if wants_default {
            let default = default_expr(session, relation, number)?;
            slot = match (default, insert) {
                (Some(expr), _) => Some(TargetEntry::new(expr, number, Some(attribute.name.clone()))),
                // A column left out is NULL without being named.
                (None, true) => None,
                (None, false) => {
                    let expr = typed_null(session, attribute)?;
                    Some(TargetEntry::new(expr, number, Some(attribute.name.clone())))
                }
            };
        }
        result.extend(slot);
    }
    let next = desc.len() as i16 + 1;
    for (i, mut target) in junk.into_iter().enumerate() {
        target.number = next + i as i16;
        result.push(target);
    }
    Ok(result)
}

/// Two assignments to parts of one column: the second is made to the first one's result.
fn merge_assignments(known: TargetEntry, new: TargetEntry) -> Result<TargetEntry> {
    let twice = || {
        let name = new.name.clone().unwrap_or_default();
        err!(SYNTAX_ERROR, "multiple assignments to same column \"{name}\"")
    };
    let expr = match (known.expr, new.expr.clone()) {
        (
            Expr::FieldStore { arg, mut values, mut fields, result_type },
            Expr::FieldStore { values: more, fields: also, result_type: same, .. },
        ) if result_type == same && fields.iter().all(|f| !also.contains(f)) => {
            values.extend(more);
            fields.extend(also);
            Expr::FieldStore { arg, values, fields, result_type }
        }
        (known @ (Expr::Subscript(_) | Expr::FieldStore { .. }), Expr::Subscript(mut outer))
            if outer.assign.is_some() =>
        {
            outer.container = Box::new(known);
            Expr::Subscript(outer)
        }
        (known @ Expr::Subscript(_), Expr::FieldStore { values, fields, result_type, .. }) => {
            Expr::FieldStore { arg: Box::new(known), values, fields, result_type }
        }
        _ => return Err(twice()),
    };
    Ok(TargetEntry { expr, ..new.clone() })
}

fn typed_null(session: &Session, attribute: &Attribute) -> Result<Expr> {
    Ok(Expr::Const(Const {
        type_oid: attribute.type_oid,
        typmod: attribute.typmod,
        collation: attribute.collation,
        layout: session.type_layout(attribute.type_oid)?,
        value: None,
        location: None,
    }))
}

/// The default of a column: its sequence's next value, its own default, its type's.
pub(super) fn default_expr(session: &Session, relation: &RelationEntry, number: i16) -> Result<Option<Expr>> {
    let attribute = &relation.relation.desc.attributes()[number as usize - 1];
    if attribute.identity != 0 {
        let sequence = session.identity_sequence(relation.class.oid, number)?;
        return Ok(Some(Expr::NextValue { sequence, type_oid: attribute.type_oid }));
    }
    let layouts = |oid| session.type_layout(oid);
    if let Some(Some(text)) = relation.defaults.get(number as usize - 1)
        && attribute.generated == 0
    {
        return ir::text::read_expr(text, &layouts).map(Some);
    }
    // A domain's default applies to columns of the domain.
    let row = session.type_row(attribute.type_oid)?;
    match &row.typdefaultbin {
        Some(text) => ir::text::read_expr(text, &layouts).map(Some),
        None => Ok(None),
    }
}
