//! Queries, laid out as pg_get_viewdef does.

use super::quote_identifier;
use super::{Level, Printer, system_name};
use base::{Error, Result, bail};
use ir::{
    CommandType, Expr, GroupingSet, JoinNode, Query, RangeTableKind, SetOperationKind, SetOperationTree,
    TargetEntry, Var, VarSource, WindowClause, walk_levels_mut,
};

/// The step clauses are indented by, and undented by for their key words.
const STEP: isize = 8;

impl Printer<'_> {
    /// `top`: the variable is an output column by itself.
    pub(super) fn var_text(&self, var: &Var, top: bool) -> Result<String> {
        let unknown = || Error::internal("variable of an unknown query level");
        let Some(at) = self.levels.len().checked_sub(1 + var.levels_up as usize) else {
            return self.names.map_or_else(|| Err(unknown()), |n| n.var(var));
        };
        let level = &self.levels[at];
        let VarSource::Relation(mut index) = var.source else { return Err(unknown()) };
        let mut attribute = var.attribute;
        if var.syntactic.0 > 0 {
            (index, attribute) = var.syntactic;
        }
        let entry = level.table.get(index.wrapping_sub(1)).ok_or_else(unknown)?;
        let names = &level.columns.get(index - 1).ok_or_else(unknown)?.names;
        let name_of = |attribute: i16| match names.get(attribute as usize - 1) {
            Some(name) if !name.is_empty() => name.clone(),
            _ => "?dropped?column?".to_owned(),
        };
        // A column of an unnamed join is that of the table below, or the merged column itself.
        if let (RangeTableKind::Join { alias_vars, .. }, true) = (&entry.kind, entry.alias.is_none())
            && attribute > 0
        {
            if let Some(Expr::Var(inner)) = alias_vars.get(attribute as usize - 1) {
                let inner = Var { levels_up: inner.levels_up + var.levels_up, ..inner.clone() };
                return self.var_text(&inner, top);
            }
            return Ok(quote_identifier(&name_of(attribute)));
        }
        let table = match var.returning {
            ir::Returning::Default => level.names.get(index - 1).cloned().unwrap_or_default(),
            ir::Returning::Old => "old".to_owned(),
            ir::Returning::New => "new".to_owned(),
        };
        if attribute == 0 {
            let cast =
                if top { format!("::{}", self.type_text(var.type_oid, var.typmod)?) } else { String::new() };
            return Ok(format!("{}.*{cast}", quote_identifier(&table)));
        }
        let column = if attribute < 0 { system_name(attribute).to_owned() } else { name_of(attribute) };
        // The name of an output column that is something else would be taken for that.
        let ambiguous = || {
            let this = Expr::Var(var.clone());
            level.outputs.iter().any(|(name, expr)| *name == column && !ir::equal(expr, &this))
        };
        let qualified = level.qualified
            || at + 1 != self.levels.len()
            || var.returning != ir::Returning::Default
            || (self.in_order_by && ambiguous());
        let column = quote_identifier(&column);
        Ok(if qualified && !table.is_empty() {
            format!("{}.{column}", quote_identifier(&table))
        } else {
            column
        })
    }

    /// `visible`: the names of the output columns matter to what is around.
    pub(crate) fn query(&mut self, query: &Query, columns: Option<&[String]>, visible: bool) -> Result<()> {
        const MAX_QUERIES: usize = 100;
        if query.command != CommandType::Select {
            return Err(Error::unsupported("printing a data-modifying statement"));
        }
        if self.levels.len() > MAX_QUERIES {
            bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        }
        let mut query = query.clone();
        flatten_group(&mut query)?;
        let level = self.level_of(&query, columns)?;
        let in_order_by = std::mem::take(&mut self.in_order_by);
        self.levels.push(level);
        let windows = query.windows.iter().map(|w| (w.clone(), query.target_list.clone())).collect();
        self.windows.push(windows);
        let indent = self.indent;
        let result = self.query_body(&query, columns, visible);
        self.indent = indent;
        self.windows.pop();
        self.levels.pop();
        self.in_order_by = in_order_by;
        result
    }

    pub(super) fn level_of(&self, query: &Query, columns: Option<&[String]>) -> Result<Level> {
        let tables =
            query.range_table.iter().filter(|e| !matches!(e.kind, RangeTableKind::Group { .. })).count();
        let outputs = ir::visible_targets(&query.target_list)
            .enumerate()
            .filter_map(|(i, t)| {
                let name = columns.and_then(|c| c.get(i)).or(t.name.as_ref())?;
                Some((name.clone(), t.expr.clone()))
            })
            .collect();
        Ok(Level {
            names: self.table_names(&query.range_table),
            columns: query.range_table.iter().map(|e| self.column_names(e)).collect::<Result<_>>()?,
            qualified: !self.levels.is_empty() || tables != 1,
            outputs,
            ctes: query.ctes.iter().map(|c| c.name.clone()).collect(),
            table: query.range_table.clone(),
        })
    }

    fn query_body(&mut self, query: &Query, columns: Option<&[String]>, visible: bool) -> Result<()> {
        if !query.ctes.is_empty() {
            self.with(query)?;
        }
        match &query.set_operations {
            Some(tree) => self.set_operation(tree, query, columns, visible)?,
            None => self.select(query, columns, visible)?,
        }
        if !query.sort_clause.is_empty() {
            self.keyword(" ORDER BY ", -STEP, STEP, 1);
            self.sort_list(&query.sort_clause, &query.target_list, query.set_operations.is_some())?;
        }
        if let Some(offset) = &query.limit_offset {
            self.keyword(" OFFSET ", -STEP, STEP, 0);
            self.plain(offset)?;
        }
        if let Some(limit) = &query.limit_count {
            if query.limit_with_ties {
                self.keyword(" FETCH FIRST ", -STEP, STEP, 0);
                self.push("(");
                self.plain(limit)?;
                self.push(") ROWS WITH TIES");
            } else {
                self.keyword(" LIMIT ", -STEP, STEP, 0);
                match &**limit {
                    Expr::Const(c) if c.value.is_none() => self.push("ALL"),
                    limit => self.plain(limit)?,
                }
            }
        }
        self.row_marks(query)
    }

    fn row_marks(&mut self, query: &Query) -> Result<()> {
        if !query.has_for_update {
            return Ok(());
        }
        for mark in query.row_marks.iter().filter(|m| !m.pushed_down) {
            let words = match mark.strength {
                ir::LockStrength::ForKeyShare => " FOR KEY SHARE",
                ir::LockStrength::ForShare => " FOR SHARE",
                ir::LockStrength::ForNoKeyUpdate => " FOR NO KEY UPDATE",
                ir::LockStrength::ForUpdate => " FOR UPDATE",
            };
            self.keyword(words, -STEP, STEP, 0);
            let name = self.levels.last().and_then(|l| l.names.get(mark.relation - 1)).cloned();
            self.push(&format!(" OF {}", quote_identifier(&name.unwrap_or_default())));
            match mark.wait {
                ir::LockWait::Block => {}
                ir::LockWait::Skip => self.push(" SKIP LOCKED"),
                ir::LockWait::Error => self.push(" NOWAIT"),
            }
        }
        Ok(())
    }

    /// Ends the line where lines are broken at all.
    fn line(&mut self) {
        if self.style.indent {
            self.keyword("", 0, 0, 0);
        }
    }

    fn with(&mut self, query: &Query) -> Result<()> {
        if self.style.indent {
            self.indent += STEP;
            self.push(" ");
        }
        self.push(if query.has_recursive { "WITH RECURSIVE " } else { "WITH " });
        for (i, cte) in query.ctes.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            self.push(&quote_identifier(&cte.name));
            if !cte.alias_columns.is_empty() {
                self.push(&format!("({})", quoted_list(&cte.alias_columns)));
            }
            self.push(match cte.materialized {
                ir::Materialized::Default => " AS (",
                ir::Materialized::Always => " AS MATERIALIZED (",
                ir::Materialized::Never => " AS NOT MATERIALIZED (",
            });
            self.line();
            self.query(&cte.query, None, true)?;
            self.line();
            self.push(")");
            if let Some(search) = &cte.search {
                let order = if search.breadth_first { "BREADTH" } else { "DEPTH" };
                let columns = quoted_list(&search.columns);
                let sequence = quote_identifier(&search.sequence_column);
                self.push(&format!(" SEARCH {order} FIRST BY {columns} SET {sequence}"));
            }
            if let Some(cycle) = &cte.cycle {
                let mark = quote_identifier(&cycle.mark_column);
                self.push(&format!(" CYCLE {} SET {mark}", quoted_list(&cycle.columns)));
                if !(is_bool(&cycle.mark_value, true) && is_bool(&cycle.mark_default, false)) {
                    self.push(" TO ");
                    self.plain(&cycle.mark_value)?;
                    self.push(" DEFAULT ");
                    self.plain(&cycle.mark_default)?;
                }
                self.push(&format!(" USING {}", quote_identifier(&cycle.path_column)));
            }
        }
        if self.style.indent {
            self.indent -= STEP;
            self.line();
        } else {
            self.push(" ");
        }
        Ok(())
    }

    fn select(&mut self, query: &Query, columns: Option<&[String]>, visible: bool) -> Result<()> {
        if self.style.indent {
            self.indent += STEP;
            self.push(" ");
        }
        if let Some(lists) = simple_values(query, columns) {
            return self.values(&lists);
        }
        self.push("SELECT");
        if !query.distinct_clause.is_empty() {
            self.push(" DISTINCT");
            if query.has_distinct_on {
                self.push(" ON (");
                for (i, clause) in query.distinct_clause.iter().enumerate() {
                    if i > 0 {
                        self.push(", ");
                    }
                    if let Some(t) = query.target_list.iter().find(|t| t.sort_group_ref == clause.target) {
                        self.sort_expr(t)?;
                    }
                }
                self.push(")");
            }
        }
        self.targets(&query.target_list, columns, visible)?;
        self.from(&query.join_tree)?;
        if let Some(quals) = &query.join_tree.quals {
            self.keyword(" WHERE ", -STEP, STEP, 1);
            self.plain(quals)?;
        }
        self.group_by(query)?;
        if let Some(having) = &query.having {
            self.keyword(" HAVING ", -STEP, STEP, 0);
            self.plain(having)?;
        }
        let named: Vec<&WindowClause> = query.windows.iter().filter(|w| w.name.is_some()).collect();
        for (i, window) in named.iter().enumerate() {
            if i == 0 {
                self.keyword(" WINDOW ", -STEP, STEP, 1)
            } else {
                self.push(", ")
            }
            let name = quote_identifier(window.name.as_deref().unwrap_or_default());
            self.push(&format!("{name} AS "));
            self.window_spec(window, &query.target_list)?;
        }
        Ok(())
    }

    fn targets(&mut self, list: &[TargetEntry], columns: Option<&[String]>, visible: bool) -> Result<()> {
        let mut broken = false;
        for (i, target) in ir::visible_targets(list).enumerate() {
            self.push(if i == 0 { " " } else { ", " });
            let outer = std::mem::take(&mut self.text);
            let result = self.target(target, columns.and_then(|c| c.get(i)), visible);
            let item = std::mem::replace(&mut self.text, outer);
            result?;
            broken = self.append_item(&item, i > 0, broken);
        }
        Ok(())
    }

    /// Appends a list's item, on a new line where it would become too long or the one before took several. Answers
    /// whether this one takes several.
    pub(super) fn append_item(&mut self, item: &str, may_break: bool, broken: bool) -> bool {
        let (true, Some(wrap)) = (self.style.indent, self.style.wrap) else {
            self.push(item);
            return false;
        };
        let leading = item.starts_with('\n');
        if leading {
            while self.text.ends_with(' ') {
                self.text.pop();
            }
        } else {
            let line = self.text.len() - self.text.rfind('\n').map_or(0, |at| at + 1);
            if may_break && (line + item.len() > wrap || broken) {
                self.keyword("", -STEP, STEP, 4);
            }
        }
        self.push(item);
        item[usize::from(leading)..].contains('\n')
    }

    fn target(&mut self, target: &TargetEntry, column: Option<&String>, visible: bool) -> Result<()> {
        let natural = match &target.expr {
            Expr::Var(var) => {
                let text = self.var_text(var, true)?;
                self.push(&text);
                self.var_name(var)
            }
            other => {
                self.expr(other)?;
                (!visible).then(|| "?column?".to_owned())
            }
        };
        let Some(wanted) = column.or(target.name.as_ref()) else { return Ok(()) };
        if natural.as_ref() != Some(wanted) {
            self.push(&format!(" AS {}", quote_identifier(wanted)));
        }
        Ok(())
    }

    /// The bare name of the column that a variable is printed as.
    fn var_name(&self, var: &Var) -> Option<String> {
        let level = &self.levels[self.levels.len().checked_sub(1 + var.levels_up as usize)?];
        let VarSource::Relation(mut index) = var.source else { return None };
        let mut attribute = var.attribute;
        if var.syntactic.0 > 0 {
            (index, attribute) = var.syntactic;
        }
        let entry = level.table.get(index - 1)?;
        if let (RangeTableKind::Join { alias_vars, .. }, true) = (&entry.kind, entry.alias.is_none())
            && let Some(Expr::Var(inner)) = alias_vars.get((attribute as usize).wrapping_sub(1))
        {
            return self.var_name(&Var { levels_up: inner.levels_up + var.levels_up, ..inner.clone() });
        }
        match attribute {
            0 => None,
            n if n > 0 => level.columns.get(index - 1)?.names.get(n as usize - 1).cloned(),
            n => Some(system_name(n).to_owned()),
        }
    }

    pub(super) fn values(&mut self, lists: &[Vec<Expr>]) -> Result<()> {
        self.push("VALUES ");
        for (i, list) in lists.iter().enumerate() {
            self.push(if i > 0 { ", (" } else { "(" });
            for (i, value) in list.iter().enumerate() {
                if i > 0 {
                    self.push(",");
                }
                self.plain(value)?;
            }
            self.push(")");
        }
        Ok(())
    }

    fn group_by(&mut self, query: &Query) -> Result<()> {
        if query.group_clause.is_empty() && query.grouping_sets.is_empty() {
            return Ok(());
        }
        self.keyword(" GROUP BY ", -STEP, STEP, 1);
        if query.group_distinct {
            self.push("DISTINCT ");
        }
        if query.grouping_sets.is_empty() {
            let refs: Vec<usize> = query.group_clause.iter().map(|c| c.target).collect();
            return self.group_refs(&refs, &query.target_list);
        }
        for (i, set) in query.grouping_sets.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            self.grouping_set(set, &query.target_list, true)?;
        }
        Ok(())
    }

    fn group_refs(&mut self, refs: &[usize], targets: &[TargetEntry]) -> Result<()> {
        for (i, wanted) in refs.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            if let Some(target) = targets.iter().find(|t| t.sort_group_ref == *wanted) {
                self.sort_expr(target)?;
            }
        }
        Ok(())
    }

    fn grouping_set(&mut self, set: &GroupingSet, targets: &[TargetEntry], top: bool) -> Result<()> {
        let (open, sets) = match set {
            GroupingSet::Empty => {
                self.push("()");
                return Ok(());
            }
            GroupingSet::Simple(refs) => {
                let parens = !top || refs.len() != 1;
                if parens {
                    self.push("(");
                }
                self.group_refs(refs, targets)?;
                if parens {
                    self.push(")");
                }
                return Ok(());
            }
            GroupingSet::Rollup(sets) => ("ROLLUP(", sets),
            GroupingSet::Cube(sets) => ("CUBE(", sets),
            GroupingSet::Sets(sets) => ("GROUPING SETS (", sets),
        };
        self.push(open);
        let plain = !matches!(set, GroupingSet::Sets(_));
        for (i, inner) in sets.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            self.grouping_set(inner, targets, plain)?;
        }
        self.push(")");
        Ok(())
    }

    pub(super) fn window_spec(&mut self, window: &WindowClause, targets: &[TargetEntry]) -> Result<()> {
        self.push("(");
        let mut separator = "";
        if let Some(base) = &window.reference_name {
            self.push(&quote_identifier(base));
            separator = " ";
        }
        if !window.partition.is_empty() && window.reference_name.is_none() {
            self.push("PARTITION BY ");
            let refs: Vec<usize> = window.partition.iter().map(|c| c.target).collect();
            self.group_refs(&refs, targets)?;
            separator = " ";
        }
        if !window.order.is_empty() && !window.copied_order {
            self.push(&format!("{separator}ORDER BY "));
            self.sort_list(&window.order, targets, false)?;
            separator = " ";
        }
        self.frame(window, separator)?;
        self.push(")");
        Ok(())
    }

    fn frame(&mut self, window: &WindowClause, separator: &str) -> Result<()> {
        let bits = window.frame_options;
        let has = |bit: u32| bits & bit != 0;
        if !has(0x1) {
            return Ok(());
        }
        self.push(separator);
        self.push(if has(0x2) {
            "RANGE "
        } else if has(0x4) {
            "ROWS "
        } else {
            "GROUPS "
        });
        if has(0x10) {
            self.push("BETWEEN ");
        }
        if has(0x20) {
            self.push("UNBOUNDED PRECEDING");
        } else if has(0x200) {
            self.push("CURRENT ROW");
        } else if let Some(offset) = &window.start_offset {
            self.plain(offset)?;
            self.push(if has(0x800) { " PRECEDING" } else { " FOLLOWING" });
        }
        if has(0x10) {
            self.push(" AND ");
            if has(0x100) {
                self.push("UNBOUNDED FOLLOWING");
            } else if has(0x400) {
                self.push("CURRENT ROW");
            } else if let Some(offset) = &window.end_offset {
                self.plain(offset)?;
                self.push(if has(0x1000) { " PRECEDING" } else { " FOLLOWING" });
            }
        }
        for (bit, text) in
            [(0x8000, " EXCLUDE CURRENT ROW"), (0x10000, " EXCLUDE GROUP"), (0x20000, " EXCLUDE TIES")]
        {
            if has(bit) {
                self.push(text);
            }
        }
        Ok(())
    }

    fn set_operation(
        &mut self,
        tree: &SetOperationTree,
        query: &Query,
        columns: Option<&[String]>,
        visible: bool,
    ) -> Result<()> {
        let op = match tree {
            SetOperationTree::Operation(op) => op,
            SetOperationTree::Relation(index) => return self.set_leaf(*index, query, columns, visible),
        };
        let nested = matches!(&*op.left, SetOperationTree::Operation(left) if (left.kind, left.all) != (op.kind, op.all));
        if nested {
            self.push("(");
            self.keyword("", STEP, 0, 0);
        }
        self.set_operation(&op.left, query, columns, visible)?;
        if nested {
            self.keyword(") ", -STEP, 0, 0);
        } else if self.style.indent {
            self.line();
        } else {
            self.push(" ");
        }
        self.push(match op.kind {
            SetOperationKind::Union => "UNION ",
            SetOperationKind::Intersect => "INTERSECT ",
            SetOperationKind::Except => "EXCEPT ",
        });
        if op.all {
            self.push("ALL ");
        }
        let nested = matches!(&*op.right, SetOperationTree::Operation(_));
        let step = if nested { STEP } else { 0 };
        if nested {
            self.push("(");
        }
        self.keyword("", step, 0, 0);
        self.set_operation(&op.right, query, columns, false)?;
        if self.style.indent {
            self.indent -= step;
        }
        if nested {
            self.keyword(")", 0, 0, 0);
        }
        Ok(())
    }

    fn set_leaf(
        &mut self,
        index: usize,
        query: &Query,
        columns: Option<&[String]>,
        visible: bool,
    ) -> Result<()> {
        let Some(RangeTableKind::Subquery { query: leaf, .. }) =
            query.range_table.get(index - 1).map(|e| &e.kind)
        else {
            return Err(Error::internal("set operation on what is no query"));
        };
        let parens = !leaf.ctes.is_empty()
            || !leaf.sort_clause.is_empty()
            || !leaf.row_marks.is_empty()
            || leaf.limit_count.is_some()
            || leaf.limit_offset.is_some()
            || leaf.set_operations.is_some();
        if parens {
            self.push("(");
        }
        self.query(leaf, columns, visible)?;
        if parens {
            self.push(")");
        }
        Ok(())
    }
}

pub(super) fn quoted_list(names: &[String]) -> String {
    names.iter().map(|n| quote_identifier(n)).collect::<Vec<_>>().join(", ")
}

fn is_bool(expr: &Expr, wanted: bool) -> bool {
    matches!(expr, Expr::Const(c) if c.value.as_ref().is_some_and(|v| matches!(v, datum::OwnedDatum::Bool(b) if *b == wanted)))
}

/// The lists of a query that is nothing but VALUES.
fn simple_values(query: &Query, columns: Option<&[String]>) -> Option<Vec<Vec<Expr>>> {
    let mut values = query.range_table.iter().filter_map(|entry| match &entry.kind {
        RangeTableKind::Values { lists, .. } if entry.in_from => Some((entry, lists)),
        _ => None,
    });
    let (entry, lists) = values.next()?;
    let only = query.range_table.len() == 1 && matches!(query.join_tree.items[..], [JoinNode::Relation(1)]);
    if !only || entry.alias.is_some() || query.target_list.len() != entry.eref.columns.len() {
        return None;
    }
    let plain = |(i, target): (usize, &TargetEntry)| {
        let name = columns.and_then(|c| c.get(i)).or(target.name.as_ref());
        let reads = matches!(&target.expr, Expr::Var(v) if v.attribute as usize == i + 1 && v.levels_up == 0);
        reads && !target.junk && name == entry.eref.columns.get(i)
    };
    query.target_list.iter().enumerate().all(plain).then(|| lists.clone())
}

/// Replaces columns of the grouping step by what is grouped.
fn flatten_group(query: &mut Query) -> Result<()> {
    let found = query.range_table.iter().enumerate().find_map(|(i, e)| match &e.kind {
        RangeTableKind::Group { exprs } => Some((i + 1, exprs.clone())),
        _ => None,
    });
    let Some((index, exprs)) = found else { return Ok(()) };
    let replace = |expr: &mut Expr| {
        walk_levels_mut(expr, 0, &mut |e, depth| {
            let Expr::Var(var) = e else { return Ok(true) };
            if var.source != VarSource::Relation(index) || var.levels_up != depth || var.attribute <= 0 {
                return Ok(false);
            }
            let Some(grouped) = exprs.get(var.attribute as usize - 1) else { return Ok(false) };
            let mut grouped = grouped.clone();
            walk_levels_mut(&mut grouped, 0, &mut |inner, level| {
                if let Expr::Var(inner) = inner
                    && inner.levels_up == level
                {
                    inner.levels_up += depth;
                }
                Ok(true)
            })?;
            *e = grouped;
            Ok(false)
        })
    };
    query.target_list.iter_mut().try_for_each(|t| replace(&mut t.expr))?;
    query.having.as_deref_mut().map_or(Ok(()), replace)
}
