//! GROUP BY: grouping sets, and the check that ungrouped columns do not reach the output.

use crate::context::ExprKind;
use crate::relation::NewEntry;
use crate::state::Analyzer;
use base::{Oid, Result, err};
use catalog::{PgConstraint, index};
use ir::{
    Alias, Expr, GroupingSet, Query, RangeTableEntry, RangeTableKind, RelSet, SortGroupClause, TargetEntry,
    Var, VarSource, equal, expr_collation, expr_location, expr_type, expr_typmod, walk_levels_mut,
};
use syntax::{Expr as Ast, GroupItem};

/// The most grouping sets that CUBE, ROLLUP and cross products may multiply to.
const MAX_GROUPING_SETS: usize = 4096;

impl Analyzer<'_> {
    /// The clauses and, where there are any, the grouping sets.
    pub(crate) fn group_clause(
        &mut self,
        items: &[GroupItem],
        list: &mut Vec<TargetEntry>,
        sort: &[SortGroupClause],
    ) -> Result<(Vec<SortGroupClause>, Vec<GroupingSet>)> {
        let mut clauses = Vec::new();
        let mut sets = Vec::new();
        let has_sets = items.iter().any(|i| !matches!(i, GroupItem::Expr(_)));
        for item in items {
            match item {
                GroupItem::Expr(expr) => {
                    for member in flatten_row(expr) {
                        let target =
                            self.group_item(member, list, &mut clauses, sort, ExprKind::GroupBy, false)?;
                        if has_sets {
                            sets.push(GroupingSet::Simple(vec![target]));
                        }
                    }
                }
                other => sets.push(self.grouping_set(other, list, &mut clauses, sort)?),
            }
        }
        Ok((clauses, sets))
    }

    fn grouping_set(
        &mut self,
        item: &GroupItem,
        list: &mut Vec<TargetEntry>,
        clauses: &mut Vec<SortGroupClause>,
        sort: &[SortGroupClause],
    ) -> Result<GroupingSet> {
        let mut simple = |analyzer: &mut Self, expr: &Ast| -> Result<GroupingSet> {
            let mut refs = Vec::new();
            for member in flatten_row(expr) {
                let target = analyzer.group_item(member, list, clauses, sort, ExprKind::GroupBy, false)?;
                if !refs.contains(&target) {
                    refs.push(target);
                }
            }
            Ok(GroupingSet::Simple(refs))
        };
        Ok(match item {
            GroupItem::Expr(expr) => simple(self, expr)?,
            GroupItem::Empty { .. } => GroupingSet::Empty,
            GroupItem::Rollup { items, .. } => {
                GroupingSet::Rollup(items.iter().map(|e| simple(self, e)).collect::<Result<_>>()?)
            }
            GroupItem::Cube { items, location } => {
                if items.len() > 12 {
                    return Err(err!(TOO_MANY_COLUMNS, "CUBE is limited to 12 elements").at(*location));
                }
                GroupingSet::Cube(items.iter().map(|e| simple(self, e)).collect::<Result<_>>()?)
            }
            GroupItem::Sets { items, .. } => {
                let mut sets = Vec::with_capacity(items.len());
                for item in items {
                    let set = self.deeper(|a| a.grouping_set(item, list, clauses, sort))?;
                    // Nested GROUPING SETS are one list.
                    match set {
                        GroupingSet::Sets(inner) => sets.extend(inner),
                        other => sets.push(other),
                    }
                }
                GroupingSet::Sets(sets)
            }
        })
    }

    /// After all clauses: checks ungrouped columns and lets the output read from the grouping step.
    pub(crate) fn check_grouping(&mut self, query: &mut Query, location: usize) -> Result<()> {
        let in_recursive_term = self.has_self_reference();
        if self.current().has_aggregates && in_recursive_term {
            let at = query.target_list.iter().find_map(|t| find_aggregate(&t.expr));
            return Err(err!(
                INVALID_RECURSION,
                "aggregate functions are not allowed in a recursive query's recursive term"
            )
            .or_at(at.flatten()));
        }
        let common = match common_columns(&query.grouping_sets) {
            Some(common) => Some(common),
            None if query.grouping_sets.is_empty() => None,
            None => {
                return Err(
                    err!(STATEMENT_TOO_COMPLEX, "too many grouping sets present (maximum 4096)").at(location)
                );
            }
        };
        let has_joins =
            self.current().range_table.iter().any(|e| matches!(e.kind, RangeTableKind::Join { .. }));
        let table = self.current().range_table.clone();
        let mut grouped: Vec<(Expr, usize, String)> = Vec::new();
        for clause in &query.group_clause {
            let Some(target) = query.target_list.iter().find(|t| t.sort_group_ref == clause.target) else {
                continue;
            };
            let mut expr = target.expr.clone();
            if has_joins {
                flatten_join_vars(&mut expr, 0, &table)?;
            }
            let name = target.name.clone().unwrap_or_else(|| "?column?".to_owned());
            grouped.push((expr, clause.target, name));
        }
        let group_index = self.add_group_entry(&grouped)?;
        let nullable = |target: usize| common.as_ref().is_some_and(|c| !c.contains(&target));
        let mut check = Check {
            grouped: &grouped,
            simple: grouped.iter().all(|g| matches!(g.0, Expr::Var(_))),
            nullable: grouped.iter().map(|g| nullable(g.1)).collect(),
            group_index,
            table: &table,
            dependent: Vec::new(),
            dependencies: Vec::new(),
        };
        for target in &mut query.target_list {
            // What is grouped by is that column, even if another is of the same expression.
            match grouped.iter().position(|g| g.1 == target.sort_group_ref) {
                Some(at) => target.expr = check.column(at, 0, expr_location(&target.expr)),
                None => self.finish_grouping_expr(&mut target.expr, &mut check, has_joins)?,
            }
        }
        if let Some(having) = &mut query.having {
            self.finish_grouping_expr(having, &mut check, has_joins)?;
        }
        query.constraint_dependencies = check.dependencies;
        Ok(())
    }

    fn has_self_reference(&self) -> bool {
        self.current()
            .range_table
            .iter()
            .any(|e| matches!(e.kind, RangeTableKind::Cte { self_reference: true, .. }))
    }

    fn add_group_entry(&mut self, grouped: &[(Expr, usize, String)]) -> Result<usize> {
        if grouped.is_empty() {
            return Ok(0);
        }
        let eref =
            Alias { name: "*GROUP*".to_owned(), columns: grouped.iter().map(|g| g.2.clone()).collect() };
        let kind = RangeTableKind::Group { exprs: grouped.iter().map(|g| g.0.clone()).collect() };
        let columns = grouped
            .iter()
            .map(|g| Self::column(expr_type(&g.0), expr_typmod(&g.0), expr_collation(&g.0)))
            .collect();
        let entry = NewEntry { kind, alias: None, eref, lateral: false, in_from: false };
        Ok(self.add_entry(entry, columns, 0).index)
    }

    fn finish_grouping_expr(&self, expr: &mut Expr, check: &mut Check<'_>, has_joins: bool) -> Result<()> {
        walk_levels_mut(expr, 0, &mut |e, depth| {
            if let Expr::Grouping { args, refs, levels_up, .. } = e
                && *levels_up == depth
            {
                *refs = grouping_refs(args, depth, check, has_joins)?;
            }
            Ok(true)
        })?;
        if has_joins {
            flatten_join_vars(expr, 0, check.table)?;
        }
        self.substitute(expr, 0, check, false)
    }

    /// Replaces grouped expressions by columns of the grouping step, and refuses other columns.
    fn substitute(&self, expr: &mut Expr, depth: u32, check: &mut Check<'_>, direct: bool) -> Result<()> {
        match expr {
            Expr::Aggref(aggregate) if aggregate.levels_up == depth => {
                for arg in &mut aggregate.direct_args {
                    self.substitute(arg, depth, check, true)?;
                }
                return Ok(());
            }
            Expr::Aggref(aggregate) if aggregate.levels_up > depth => return Ok(()),
            Expr::Grouping { levels_up, .. } if *levels_up >= depth => return Ok(()),
            _ => {}
        }
        if depth == 0
            && !check.simple
            && let Some(at) = check.grouped.iter().position(|g| equal(&g.0, expr))
        {
            *expr = check.column(at, depth, expr_location(expr));
            return Ok(());
        }
        // Constants are like others if they are grouped by, because grouping sets make NULLs of them.
        if let Expr::Const(_) | Expr::Param(_) = expr {
            return Ok(());
        }
        if let Expr::Var(var) = expr {
            if var.levels_up == depth
                && let Some(replacement) = self.substitute_var(var, depth, check, direct)?
            {
                *expr = replacement;
            }
            return Ok(());
        }
        ir::for_each_child_mut(expr, &mut |child| self.substitute(child, depth, check, direct))?;
        if let Expr::SubLink(link) = expr {
            self.substitute_query(&mut link.query, depth + 1, check)?;
        }
        Ok(())
    }

    fn substitute_query(&self, query: &mut Query, depth: u32, check: &mut Check<'_>) -> Result<()> {
        ir::query_exprs_mut(query, &mut |e| self.substitute(e, depth, check, false))?;
        for cte in &mut query.ctes {
            self.substitute_query(&mut cte.query, depth + 1, check)?;
        }
        for entry in &mut query.range_table {
            if let RangeTableKind::Subquery { query, .. } = &mut entry.kind {
                self.substitute_query(query, depth + 1, check)?;
            }
        }
        Ok(())
    }

    fn substitute_var(
        &self,
        var: &Var,
        depth: u32,
        check: &mut Check<'_>,
        direct: bool,
    ) -> Result<Option<Expr>> {
        let VarSource::Relation(relation) = var.source else { return Ok(None) };
        let same = |g: &(Expr, usize, String)| match &g.0 {
            Expr::Var(own) => {
                own.source == var.source && own.attribute == var.attribute && own.levels_up == 0
            }
            _ => false,
        };
        if let Some(at) = check.grouped.iter().position(same) {
            return Ok(Some(check.column(at, depth, var.location)));
        }
        if relation == check.group_index && check.group_index != 0 {
            return Ok(None);
        }
        if check.dependent.contains(&relation) {
            return Ok(None);
        }
        let entry = &check.table[relation - 1];
        if let RangeTableKind::Relation { oid, .. } = &entry.kind
            && let Some(constraint) = self.key_is_grouped(*oid, relation, check)?
        {
            check.dependent.push(relation);
            check.dependencies.push(constraint);
            return Ok(None);
        }
        let column = match var.attribute {
            0 => "*".to_owned(),
            n if n > 0 => entry.eref.columns.get(n as usize - 1).cloned().unwrap_or_default(),
            n => ["ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"][(-n - 1) as usize % 6].to_owned(),
        };
        let table = &entry.eref.name;
        if depth == 0 {
            let error = err!(
                GROUPING_ERROR,
                "column \"{table}.{column}\" must appear in the GROUP BY clause or be used in an aggregate function"
            );
            let error = if direct {
                error.detail("Direct arguments of an ordered-set aggregate must use only grouped columns.")
            } else {
                error
            };
            return Err(error.or_at(var.location));
        }
        Err(err!(GROUPING_ERROR, "subquery uses ungrouped column \"{table}.{column}\" from outer query")
            .or_at(var.location))
    }

    /// The table's primary key, if all its columns are grouped.
    fn key_is_grouped(&self, table: Oid, relation: usize, check: &Check<'_>) -> Result<Option<Oid>> {
        let rows = self
            .session
            .rows::<PgConstraint>(index::PG_CONSTRAINT_CONRELID_CONTYPID_CONNAME, &[table.into()])?;
        for row in rows.iter().filter(|r| r.contype as u8 == b'p' && !r.condeferrable) {
            let Some(key) = &row.conkey else { continue };
            let grouped = |attribute: i16| {
                check.grouped.iter().zip(&check.nullable).any(|(g, nullable)| {
                    !nullable
                        && matches!(&g.0, Expr::Var(v)
                            if v.source == VarSource::Relation(relation) && v.attribute == attribute && v.levels_up == 0)
                })
            };
            if key.iter().all(|k| grouped(*k)) {
                return Ok(Some(row.oid));
            }
        }
        Ok(None)
    }
}

/// What is grouped, and what was found while checking.
struct Check<'c> {
    /// Expression, sort_group_ref and name of each grouping column.
    grouped: &'c [(Expr, usize, String)],
    /// All are plain columns.
    simple: bool,
    /// Whether a grouping set leaves the column out.
    nullable: Vec<bool>,
    group_index: usize,
    table: &'c [RangeTableEntry],
    /// Relations whose primary key is grouped.
    dependent: Vec<usize>,
    dependencies: Vec<Oid>,
}

impl Check<'_> {
    fn column(&self, at: usize, depth: u32, location: Option<usize>) -> Expr {
        let expr = &self.grouped[at].0;
        let attribute = at as i16 + 1;
        Expr::Var(Var {
            source: VarSource::Relation(self.group_index),
            attribute,
            type_oid: expr_type(expr),
            typmod: expr_typmod(expr),
            collation: expr_collation(expr),
            nulling: if self.nullable[at] { RelSet::single(self.group_index) } else { RelSet::new() },
            levels_up: depth,
            returning: ir::Returning::Default,
            syntactic: (self.group_index, attribute),
            location,
        })
    }
}

fn grouping_refs(args: &[Expr], depth: u32, check: &Check<'_>, has_joins: bool) -> Result<Vec<usize>> {
    let mut refs = Vec::with_capacity(args.len());
    for arg in args {
        let mut expr = arg.clone();
        if has_joins {
            flatten_join_vars(&mut expr, depth, check.table)?;
        }
        // Seen from inside a subquery, the grouped columns are further up.
        let found = check.grouped.iter().find(|g| match (&g.0, &expr) {
            (Expr::Var(own), Expr::Var(var)) => {
                own.source == var.source && own.attribute == var.attribute && var.levels_up == depth
            }
            (own, expr) => depth == 0 && equal(own, expr),
        });
        match found {
            Some(found) => refs.push(found.1),
            None => {
                return Err(err!(
                    GROUPING_ERROR,
                    "arguments to GROUPING must be grouping expressions of the associated query level"
                )
                .or_at(expr_location(arg)));
            }
        }
    }
    Ok(refs)
}

fn find_aggregate(expr: &Expr) -> Option<Option<usize>> {
    let mut found = None;
    ir::any(expr, &mut |e| match e {
        Expr::Aggref(a) => {
            found = Some(a.location);
            true
        }
        _ => false,
    });
    found
}

fn flatten_row(expr: &Ast) -> Vec<&Ast> {
    match expr {
        Ast::Row { args, explicit: false, .. } => args.iter().flat_map(flatten_row).collect(),
        other => vec![other],
    }
}

/// The columns that are in every grouping set; `None` without sets or with too many.
fn common_columns(sets: &[GroupingSet]) -> Option<Vec<usize>> {
    if sets.is_empty() {
        return None;
    }
    let mut expanded: Vec<Vec<usize>> = vec![Vec::new()];
    for set in sets {
        let choices = expand_set(set)?;
        if expanded.len().checked_mul(choices.len())? > MAX_GROUPING_SETS {
            return None;
        }
        expanded = expanded
            .iter()
            .flat_map(|known| choices.iter().map(|c| known.iter().chain(c).copied().collect()))
            .collect();
    }
    let mut common = expanded.pop()?;
    common.retain(|c| expanded.iter().all(|set| set.contains(c)));
    Some(common)
}

/// The plain sets that one grouping set stands for.
fn expand_set(set: &GroupingSet) -> Option<Vec<Vec<usize>>> {
    let simple = |s: &GroupingSet| match s {
        GroupingSet::Simple(refs) => refs.clone(),
        _ => Vec::new(),
    };
    Some(match set {
        GroupingSet::Empty => vec![Vec::new()],
        GroupingSet::Simple(refs) => vec![refs.clone()],
        GroupingSet::Rollup(members) => {
            (0..=members.len()).rev().map(|n| members[..n].iter().flat_map(simple).collect()).collect()
        }
        GroupingSet::Cube(members) => (0..1usize << members.len().min(12))
            .map(|mask| {
                let chosen = members.iter().enumerate().filter(|(i, _)| mask & (1 << i) != 0);
                chosen.flat_map(|(_, m)| simple(m)).collect()
            })
            .collect(),
        GroupingSet::Sets(members) => {
            let mut all = Vec::new();
            for member in members {
                all.extend(expand_set(member)?);
                if all.len() > MAX_GROUPING_SETS {
                    return None;
                }
            }
            all
        }
    })
}

/// Replaces join alias variables of the query `depth` levels up by what they stand for.
pub(crate) fn flatten_join_vars(expr: &mut Expr, depth: u32, table: &[RangeTableEntry]) -> Result<()> {
    walk_levels_mut(expr, depth, &mut |e, depth| {
        let Expr::Var(var) = e else { return Ok(true) };
        let VarSource::Relation(index) = var.source else { return Ok(false) };
        if var.levels_up != depth || var.attribute <= 0 {
            return Ok(false);
        }
        let Some(RangeTableKind::Join { alias_vars, .. }) = table.get(index - 1).map(|t| &t.kind) else {
            return Ok(false);
        };
        let mut replacement = alias_vars[var.attribute as usize - 1].clone();
        let (location, nulling) = (var.location, var.nulling.clone());
        walk_levels_mut(&mut replacement, 0, &mut |inner, level| {
            if let Expr::Var(inner) = inner
                && inner.levels_up == level
            {
                inner.levels_up += depth;
                inner.nulling.extend(&nulling);
                inner.location = inner.location.or(location);
            }
            Ok(true)
        })?;
        *e = replacement;
        // What it stands for may be a column of a join below.
        Ok(!matches!(e, Expr::Var(_)) || {
            flatten_join_vars(e, depth, table)?;
            false
        })
    })
}
