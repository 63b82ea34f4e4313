//! What a stored query refers to: relations, columns, functions, types, through all its levels.

use crate::dependency;
use base::Oid;
use catalog::{ObjectAddress, PgClass, PgConstraint, PgOperator, PgType};
use ir::{Expr, Query, RangeTableEntry, RangeTableKind, SortGroupClause, VarSource};

/// The objects that a query refers to.
pub(crate) fn of_query(query: &Query) -> Vec<ObjectAddress> {
    let mut found = Vec::new();
    visit_query(query, &mut Vec::new(), &mut found);
    found.sort_unstable();
    found.dedup();
    // A column's dependency covers the relation's.
    let columns: Vec<Oid> = found.iter().filter(|o| o.sub != 0).map(|o| o.object).collect();
    found.retain(|o| {
        o.sub != 0 || o.class != <PgClass as catalog::CatalogRow>::OID || !columns.contains(&o.object)
    });
    found
}

fn visit_query<'q>(
    query: &'q Query,
    levels: &mut Vec<&'q [RangeTableEntry]>,
    found: &mut Vec<ObjectAddress>,
) {
    levels.push(&query.range_table);
    for entry in &query.range_table {
        match &entry.kind {
            RangeTableKind::Relation { oid, .. } => found.push(ObjectAddress::new::<PgClass>(*oid)),
            RangeTableKind::Subquery { query, .. } => visit_query(query, levels, found),
            RangeTableKind::Function { functions, .. } => {
                for function in functions {
                    visit_owned(&function.expr, levels, found);
                    found.extend(function.column_types.iter().map(|t| ObjectAddress::new::<PgType>(*t)));
                }
            }
            RangeTableKind::Values { lists, .. } => {
                lists.iter().flatten().for_each(|e| visit_owned(e, levels, found));
            }
            RangeTableKind::Join { .. }
            | RangeTableKind::Cte { .. }
            | RangeTableKind::NamedTuplestore { .. }
            | RangeTableKind::Group { .. }
            | RangeTableKind::Result => {}
        }
    }
    for cte in &query.ctes {
        visit_query(&cte.query, levels, found);
    }
    let sorts = [&query.group_clause, &query.distinct_clause, &query.sort_clause];
    sorts.into_iter().flatten().for_each(|clause| add_sort(clause, found));
    for window in &query.windows {
        window.partition.iter().chain(&window.order).for_each(|clause| add_sort(clause, found));
    }
    found.extend(query.constraint_dependencies.iter().map(|c| ObjectAddress::new::<PgConstraint>(*c)));
    // What a join's columns stand for counts where they are used.
    let mut plain = query.clone();
    plain.range_table.iter_mut().for_each(|entry| entry.kind = RangeTableKind::Result);
    let mut exprs = Vec::new();
    let collected = ir::query_exprs(&plain, &mut |expr| {
        exprs.push(expr.clone());
        Ok(())
    });
    debug_assert!(collected.is_ok());
    for expr in &exprs {
        visit_owned(expr, levels, found);
    }
    levels.pop();
}

fn add_sort(clause: &SortGroupClause, found: &mut Vec<ObjectAddress>) {
    for operator in [clause.equality_operator, clause.sort_operator] {
        if operator.is_valid() {
            found.push(ObjectAddress::new::<PgOperator>(operator));
        }
    }
}

fn visit_owned(expr: &Expr, levels: &[&[RangeTableEntry]], found: &mut Vec<ObjectAddress>) {
    match expr {
        Expr::Var(var) => {
            let VarSource::Relation(index) = var.source else { return };
            let Some(at) = levels.len().checked_sub(1 + var.levels_up as usize) else { return };
            let Some(entry) = index.checked_sub(1).and_then(|i| levels[at].get(i)) else { return };
            match &entry.kind {
                RangeTableKind::Relation { oid, .. } => {
                    found.push(ObjectAddress::column(*oid, var.attribute.max(0)));
                }
                RangeTableKind::Join { alias_vars, .. } => {
                    let column = usize::try_from(var.attribute - 1).ok().and_then(|i| alias_vars.get(i));
                    if let Some(column) = column {
                        visit_owned(column, &levels[..=at], found);
                    }
                }
                RangeTableKind::Group { exprs } => {
                    let column = usize::try_from(var.attribute - 1).ok().and_then(|i| exprs.get(i));
                    if let Some(column) = column {
                        visit_owned(column, &levels[..=at], found);
                    }
                }
                _ => {}
            }
            return;
        }
        Expr::SubLink(link) => {
            let mut inner: Vec<&[RangeTableEntry]> = levels.to_vec();
            visit_query(&link.query, &mut inner, found);
        }
        other => dependency::add_node(other, found),
    }
    ir::for_each_child(expr, &mut |child| visit_owned(child, levels, found));
}
