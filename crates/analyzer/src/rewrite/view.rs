//! Views: a reference to one becomes a subquery, its rule's query.

use super::rewrite_query;
use super::updatable::is_joined;
use base::{Error, Oid, Result, err};
use catalog::{RelationEntry, Session};
use ir::{Expr, Query, RangeTableKind, query_exprs_mut};

/// Expands views in all range tables of the query and what is inside it.
pub(super) fn expand(session: &Session, query: &mut Query, depth: usize) -> Result<()> {
    for cte in &mut query.ctes {
        rewrite_query(session, &mut cte.query, depth + 1)?;
    }
    let target = query.result_relation;
    for at in 0..query.range_table.len() {
        let entry = &mut query.range_table[at];
        match &mut entry.kind {
            RangeTableKind::Subquery { query: inner, .. } => rewrite_query(session, inner, depth + 1)?,
            RangeTableKind::Relation { oid, relkind, permission, .. } if *relkind != b'c' => {
                let (oid, permission) = (*oid, *permission);
                let relation = session
                    .relation(oid)?
                    .ok_or_else(|| Error::internal(format!("could not open relation with OID {oid}")))?;
                let check_as = query.permissions.get(permission.wrapping_sub(1)).map(|p| p.check_as);
                check_row_security(session, &relation, check_as.unwrap_or_default())?;
                let kind = relation.class.relkind as u8;
                // A materialized view is read like a table.
                // A view that was the target before its table became it is not read.
                if at + 1 == target || kind != b'v' || !is_joined(&query.join_tree.items, at + 1) {
                    continue;
                }
                let mut inner = view_query(session, &relation)?;
                rewrite_query(session, &mut inner, depth + 1)?;
                let security_barrier = has_option(&relation, "security_barrier");
                query.range_table[at].kind = RangeTableKind::Subquery {
                    query: Box::new(inner),
                    security_barrier,
                    view: Some(oid),
                    permission,
                };
            }
            _ => {}
        }
    }
    query_exprs_mut(query, &mut |expr| expand_in_expr(session, expr, depth))
}

fn expand_in_expr(session: &Session, expr: &mut Expr, depth: usize) -> Result<()> {
    if let Expr::SubLink(link) = expr {
        rewrite_query(session, &mut link.query, depth + 1)?;
    }
    ir::for_each_child_mut(expr, &mut |child| expand_in_expr(session, child, depth))
}

pub(super) fn has_option(relation: &RelationEntry, name: &str) -> bool {
    relation.class.reloptions.iter().flatten().any(|option| {
        let (key, value) = option.split_once('=').unwrap_or((option, "true"));
        key == name && matches!(value, "true" | "on" | "yes" | "1")
    })
}

/// The stored query of a view; its relations are checked as the view's owner.
pub fn view_query(session: &Session, relation: &RelationEntry) -> Result<Query> {
    let name = &relation.class.relname;
    let rule = relation
        .rules
        .iter()
        .find(|r| r.ev_type as u8 == b'1')
        .ok_or_else(|| err!(INTERNAL_ERROR, "view \"{name}\" has no rule"))?;
    let mut queries = ir::text::read_rule(&rule.ev_action, &|oid| session.type_layout(oid))?;
    let mut query = match queries.len() {
        1 => queries.remove(0),
        _ => return Err(Error::corrupted(format!("rule of view \"{name}\" is not one query"))),
    };
    if !has_option(relation, "security_invoker") {
        check_as(&mut query, relation.class.relowner)?;
    }
    Ok(query)
}

/// Lets all relations in the query be checked as `owner`.
fn check_as(query: &mut Query, owner: Oid) -> Result<()> {
    for permission in &mut query.permissions {
        permission.check_as = owner;
    }
    for cte in &mut query.ctes {
        check_as(&mut cte.query, owner)?;
    }
    for entry in &mut query.range_table {
        if let RangeTableKind::Subquery { query, .. } = &mut entry.kind {
            check_as(query, owner)?;
        }
    }
    query_exprs_mut(query, &mut |expr| check_expr_as(expr, owner))
}

fn check_expr_as(expr: &mut Expr, owner: Oid) -> Result<()> {
    if let Expr::SubLink(link) = expr {
        check_as(&mut link.query, owner)?;
    }
    ir::for_each_child_mut(expr, &mut |child| check_expr_as(child, owner))
}

/// `check_as`: the owner of the view that reads the relation, if one does.
fn check_row_security(session: &Session, relation: &RelationEntry, check_as: Oid) -> Result<()> {
    let class = &relation.class;
    if !class.relrowsecurity {
        return Ok(());
    }
    let user = check_as.some().unwrap_or_else(|| session.user());
    let bypasses = session.role(user)?.is_some_and(|role| role.rolsuper || role.rolbypassrls);
    let owns = !class.relforcerowsecurity && session.has_role(user, class.relowner)?;
    if bypasses || owns {
        return Ok(());
    }
    if !session.settings().get(settings::ROW_SECURITY) {
        return Err(err!(
            INSUFFICIENT_PRIVILEGE,
            "query would be affected by row-level security policy for table \"{}\"",
            class.relname
        ));
    }
    Err(Error::unsupported("row-level security"))
}
