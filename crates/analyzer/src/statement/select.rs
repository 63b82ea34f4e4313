//! SELECT and VALUES.

use crate::coerce::common::common_typmod;
use crate::context::ExprKind;
use crate::state::{Analyzer, Level};
use base::{Oid, Result, err};
use ir::{CommandType, Expr, FromExpr, Query, TargetEntry, expr_collation, expr_location, expr_type};
use syntax::{DistinctClause, Expr as Ast, SelectBody, SelectStatement, SimpleSelect, Statement};

impl Analyzer<'_> {
    /// A subquery, in a level of its own.
    pub(crate) fn subselect(
        &mut self,
        select: &SelectStatement,
        parent_cte: Option<usize>,
        locked: bool,
        keep_unknown: bool,
    ) -> Result<Query> {
        let level = Level { parent_cte, locked_from_parent: locked, keep_unknown, ..Level::default() };
        self.in_level(level, |a| a.select(select))
    }

    /// Any statement that can stand in WITH or be planned, in a level of its own.
    pub(crate) fn substatement(&mut self, statement: &Statement, parent_cte: Option<usize>) -> Result<Query> {
        let level = Level { parent_cte, ..Level::default() };
        self.in_level(level, |a| a.plannable(statement))
    }

    /// # Errors
    /// `XX000` for what cannot be planned: the caller tells statements apart first.
    pub(crate) fn plannable(&mut self, statement: &Statement) -> Result<Query> {
        match statement {
            Statement::Select(select) => self.select(select),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Merge(merge) => self.merge_statement(merge),
            other => Err(base::Error::unsupported(other.tag())),
        }
    }

    pub(crate) fn select(&mut self, select: &SelectStatement) -> Result<Query> {
        self.deeper(|a| match &select.body {
            SelectBody::Select(simple) => a.simple_select(select, simple),
            SelectBody::Values(lists) => a.values(select, lists),
            SelectBody::SetOperation(set) => a.set_operation(select, set),
        })
    }

    /// Moves what was gathered at the current level into the query.
    pub(crate) fn finish_query(&mut self, query: &mut Query) -> Result<()> {
        let level = self.level();
        query.range_table = std::mem::take(&mut level.range_table);
        query.permissions = std::mem::take(&mut level.permissions);
        query.ctes = std::mem::take(&mut level.ctes);
        query.has_aggregates = level.has_aggregates;
        query.has_window_functions = level.has_window_functions;
        query.has_target_srfs = level.has_target_srfs;
        query.has_sublinks = level.has_sublinks;
        query.has_modifying_cte |= level.has_modifying_cte;
        query.can_set_tag = true;
        self.assign_query_collations(query)
    }

    fn simple_select(&mut self, select: &SelectStatement, simple: &SimpleSelect) -> Result<Query> {
        let mut query = Query { command: CommandType::Select, ..Query::default() };
        if let Some(with) = &select.with {
            query.has_recursive = with.recursive;
            self.with_clause(with)?;
        }
        if let Some(into) = &simple.into {
            return Err(err!(SYNTAX_ERROR, "SELECT ... INTO is not allowed here").at(into.relation.location));
        }
        self.level().locking =
            select.locking.iter().map(|l| l.relations.iter().map(|r| r.name.clone()).collect()).collect();
        self.level().windows = simple.windows.clone();
        let items = self.analyze_from(&simple.from)?;
        let mut list = self.target_list(&simple.targets, ExprKind::SelectTarget)?;
        self.mark_origins(&mut list);
        let quals = self.condition(simple.where_clause.as_ref(), ExprKind::Where, "WHERE")?;
        query.having = self.condition(simple.having.as_ref(), ExprKind::Having, "HAVING")?;
        query.sort_clause = self.sort_clause(&select.order_by, &mut list, ExprKind::OrderBy, false)?;
        let (groups, sets) = self.group_clause(&simple.group_by, &mut list, &query.sort_clause)?;
        query.group_clause = groups;
        query.grouping_sets = sets;
        query.group_distinct = simple.group_distinct;
        match &simple.distinct {
            None => {}
            Some(DistinctClause::All) => {
                query.distinct_clause = self.distinct_clause(&mut list, &query.sort_clause, false)?;
            }
            Some(DistinctClause::On(items)) => {
                query.distinct_clause = self.distinct_on_clause(items, &mut list, &query.sort_clause)?;
                query.has_distinct_on = true;
            }
        }
        self.limit(select, &mut query)?;
        query.windows = self.window_clauses(&mut list)?;
        if !self.current().keep_unknown {
            self.settle_unknown_targets(&mut list)?;
        }
        query.target_list = list;
        query.join_tree = FromExpr { items, quals };
        self.row_marks(select, &mut query)?;
        self.check_where_for_aggregates(&query)?;
        let grouped = self.current().has_aggregates
            || !query.group_clause.is_empty()
            || !query.grouping_sets.is_empty()
            || query.having.is_some();
        // Collations are settled before grouping compares expressions, and its own column copies them.
        self.assign_query_collations(&mut query)?;
        self.collate_range_table()?;
        if grouped {
            self.check_grouping(&mut query, select.location)?;
        }
        self.finish_query(&mut query)?;
        Ok(query)
    }

    /// Collations of expressions in the current level's range table.
    pub(crate) fn collate_range_table(&mut self) -> Result<()> {
        let mut table = std::mem::take(&mut self.level().range_table);
        let result = table
            .iter_mut()
            .try_for_each(|entry| ir::entry_exprs_mut(entry, &mut |e| self.assign_collations(e)));
        self.level().range_table = table;
        result
    }

    pub(crate) fn limit(&mut self, select: &SelectStatement, query: &mut Query) -> Result<()> {
        query.limit_offset = self.limit_clause(select.offset.as_ref(), ExprKind::Offset, select.with_ties)?;
        query.limit_count = self.limit_clause(select.limit.as_ref(), ExprKind::Limit, select.with_ties)?;
        query.limit_with_ties = select.with_ties;
        Ok(())
    }

    /// A JOIN/ON or WHERE clause cannot hold aggregates of its own level; most are refused when met.
    fn check_where_for_aggregates(&self, query: &Query) -> Result<()> {
        let Some(quals) = &query.join_tree.quals else { return Ok(()) };
        let mut failure = None;
        ir::walk_levels(quals, 0, &mut |e, depth| {
            if let Expr::Aggref(a) = e
                && a.levels_up == depth
                && failure.is_none()
            {
                failure = Some(
                    err!(GROUPING_ERROR, "aggregate functions are not allowed in WHERE").or_at(a.location),
                );
            }
            true
        });
        failure.map_or(Ok(()), Err)
    }

    /// The lists of a VALUES body, each column coerced to its common type.
    pub(crate) fn values_columns(
        &mut self,
        rows: Vec<Vec<Expr>>,
        keep_unknown: bool,
    ) -> Result<(Vec<Vec<Expr>>, Vec<Oid>, Vec<i32>, Vec<Oid>)> {
        let width = rows.first().map_or(0, Vec::len);
        let mut columns: Vec<Vec<Expr>> = (0..width).map(|_| Vec::with_capacity(rows.len())).collect();
        let count = rows.len();
        for row in rows {
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(value);
            }
        }
        let (mut types, mut typmods, mut collations) = (Vec::new(), Vec::new(), Vec::new());
        for column in &mut columns {
            if keep_unknown {
                // INSERT takes the values as they are.
                types.push(expr_type(&column[0]));
                typmods.push(common_typmod(column.iter(), expr_type(&column[0])));
                collations.push(self.common_collation(column, true)?);
                continue;
            }
            let refs: Vec<&Expr> = column.iter().collect();
            let common = self.common_type(&refs, "VALUES")?;
            let taken = std::mem::take(column);
            for value in taken {
                let value = self.coerce_to_common(value, common, "VALUES")?;
                column.push(value);
            }
            types.push(common);
            typmods.push(common_typmod(column.iter(), common));
            collations.push(self.common_collation(column, true)?);
        }
        let mut lists: Vec<Vec<Expr>> = (0..count).map(|_| Vec::with_capacity(width)).collect();
        for column in columns {
            for (list, value) in lists.iter_mut().zip(column) {
                list.push(value);
            }
        }
        Ok((lists, types, typmods, collations))
    }

    pub(crate) fn values_lists(&mut self, lists: &[Vec<Ast>]) -> Result<Vec<Vec<Expr>>> {
        let mut rows: Vec<Vec<Expr>> = Vec::with_capacity(lists.len());
        for list in lists {
            let saved = std::mem::replace(&mut self.level().kind, ExprKind::Values);
            let row = self.expand_row_items(list);
            self.level().kind = saved;
            let row = row?;
            if rows.first().is_some_and(|first| first.len() != row.len()) {
                return Err(err!(SYNTAX_ERROR, "VALUES lists must all be the same length")
                    .or_at(row.first().and_then(expr_location)));
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn values(&mut self, select: &SelectStatement, lists: &[Vec<Ast>]) -> Result<Query> {
        let mut query = Query { command: CommandType::Select, ..Query::default() };
        if let Some(with) = &select.with {
            query.has_recursive = with.recursive;
            self.with_clause(with)?;
        }
        let rows = self.values_lists(lists)?;
        let (lists, types, typmods, collations) = self.values_columns(rows, false)?;
        let lateral = lists.iter().flatten().any(|e| crate::expr::find_variable(e, 0).is_some());
        let item = self.add_values(lists, types, typmods, collations, lateral);
        self.level().namespace.push(item.clone());
        let mut list = Vec::new();
        for (name, expr) in self.expand_item(&item, 0, None)? {
            let number = self.take_number();
            list.push(TargetEntry::new(expr, number, Some(name)));
        }
        query.sort_clause = self.sort_clause(&select.order_by, &mut list, ExprKind::OrderBy, false)?;
        self.limit(select, &mut query)?;
        if let Some(lock) = select.locking.first() {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "{} cannot be applied to VALUES",
                super::locking::strength_name(lock.strength)
            ));
        }
        query.target_list = list;
        query.join_tree = FromExpr { items: vec![ir::JoinNode::Relation(item.index)], quals: None };
        self.finish_query(&mut query)?;
        Ok(query)
    }
}

/// Type and collation facts of an output list.
pub(crate) fn output_types(list: &[TargetEntry]) -> (Vec<String>, Vec<Oid>, Vec<i32>, Vec<Oid>) {
    let mut facts = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for target in ir::visible_targets(list) {
        facts.0.push(target.name.clone().unwrap_or_default());
        facts.1.push(expr_type(&target.expr));
        facts.2.push(ir::expr_typmod(&target.expr));
        facts.3.push(expr_collation(&target.expr));
    }
    facts
}
