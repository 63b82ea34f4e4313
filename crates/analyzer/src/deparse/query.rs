//! Queries, laid out as pg_get_viewdef does.

use super::quote_identifier;
use super::{Level, Printer, system_name};
use base::{Error, Result};
use ir::{
    CommandType, Expr, FromExpr, GroupingSet, JoinKind, JoinNode, Query, RangeTableEntry, RangeTableKind,
    SetOperationKind, SetOperationTree, TargetEntry, Var, VarSource, WindowClause, walk_levels_mut,
};

impl Printer<'_> {
    pub(super) fn var_text(&self, var: &Var) -> Result<String> {
        if self.levels.is_empty() {
            return self.names.map_or_else(|| Err(Error::internal("variable without names")), |n| n.var(var));
        }
        let unknown = || Error::internal("variable of an unknown query level");
        let at = self.levels.len().checked_sub(1 + var.levels_up as usize).ok_or_else(unknown)?;
        let level = &self.levels[at];
        let VarSource::Relation(mut index) = var.source else { return Err(unknown()) };
        let mut attribute = var.attribute;
        if var.syntactic.0 > 0 {
            (index, attribute) = var.syntactic;
        }
        let entry = level.table.get(index.wrapping_sub(1)).ok_or_else(unknown)?;
        // A column of an unnamed join is that of the table below, or the merged column itself.
        if let (RangeTableKind::Join { alias_vars, .. }, true) = (&entry.kind, entry.alias.is_none()) {
            if attribute > 0 {
                if let Some(Expr::Var(inner)) = alias_vars.get(attribute as usize - 1) {
                    let inner = Var { levels_up: var.levels_up, ..inner.clone() };
                    return self.var_text(&inner);
                }
                let name = entry.eref.columns.get(attribute as usize - 1).cloned().unwrap_or_default();
                return Ok(quote_identifier(&name));
            }
        }
        let table = level.names.get(index - 1).cloned().unwrap_or_default();
        if attribute == 0 {
            return Ok(format!("{}.*", quote_identifier(&table)));
        }
        let column = if attribute < 0 {
            system_name(attribute).to_owned()
        } else {
            let name = entry.eref.columns.get(attribute as usize - 1).cloned().unwrap_or_default();
            quote_identifier(&name)
        };
        let qualified = level.qualified || at + 1 != self.levels.len();
        Ok(if qualified && !table.is_empty() {
            format!("{}.{column}", quote_identifier(&table))
        } else {
            column
        })
    }

    pub(super) fn subquery(&mut self, query: &Query) -> Result<()> {
        let saved = self.indent;
        self.indent += 8;
        self.query(query, None)?;
        self.indent = saved;
        Ok(())
    }

    pub(super) fn query(&mut self, query: &Query, column_names: Option<&[String]>) -> Result<()> {
        if query.command != CommandType::Select {
            return Err(Error::unsupported("printing a data-modifying statement"));
        }
        let mut query = query.clone();
        flatten_group(&mut query)?;
        let tables =
            query.range_table.iter().filter(|e| !matches!(e.kind, RangeTableKind::Group { .. })).count();
        let qualified = !self.levels.is_empty() || tables != 1;
        let names = self.table_names(&query.range_table);
        self.levels.push(Level { table: query.range_table.clone(), names, qualified });
        let windows = query.windows.iter().map(|w| (w.clone(), query.target_list.clone())).collect();
        self.windows.push(windows);
        let result = self.query_body(&query, column_names);
        self.windows.pop();
        self.levels.pop();
        result
    }

    /// Names that tell all entries of this and the enclosing levels apart.
    fn table_names(&self, table: &[RangeTableEntry]) -> Vec<String> {
        let mut used: Vec<String> = self.levels.iter().flat_map(|l| l.names.iter().cloned()).collect();
        let mut names = Vec::with_capacity(table.len());
        for entry in table {
            let named = !matches!(entry.kind, RangeTableKind::Group { .. } | RangeTableKind::Result)
                && !(matches!(entry.kind, RangeTableKind::Join { .. }) && entry.alias.is_none());
            if !named {
                names.push(String::new());
                continue;
            }
            let mut name = entry.eref.name.clone();
            let mut number = 0;
            while used.contains(&name) {
                number += 1;
                name = format!("{}_{number}", entry.eref.name);
            }
            used.push(name.clone());
            names.push(name);
        }
        names
    }

    fn query_body(&mut self, query: &Query, column_names: Option<&[String]>) -> Result<()> {
        if !query.ctes.is_empty() {
            self.with(query)?;
        }
        match &query.set_operations {
            Some(tree) => {
                self.set_operation(tree, query)?;
            }
            None => self.select(query, column_names)?,
        }
        if !query.sort_clause.is_empty() {
            self.clause("  ORDER BY ");
            self.sort_list(&query.sort_clause, &query.target_list)?;
        }
        if let Some(offset) = &query.limit_offset {
            self.clause("  OFFSET ");
            self.plain(offset)?;
        }
        if let Some(limit) = &query.limit_count {
            if query.limit_with_ties {
                self.clause("  FETCH FIRST ");
                self.plain(limit)?;
                self.push(" ROWS WITH TIES");
            } else {
                self.clause("  LIMIT ");
                match &**limit {
                    Expr::Const(c) if c.value.is_none() => self.push("ALL"),
                    limit => self.plain(limit)?,
                }
            }
        }
        self.row_marks(query)
    }

    fn row_marks(&mut self, query: &Query) -> Result<()> {
        for mark in query.row_marks.iter().filter(|m| !m.pushed_down) {
            self.clause(match mark.strength {
                ir::LockStrength::ForKeyShare => " FOR KEY SHARE",
                ir::LockStrength::ForShare => " FOR SHARE",
                ir::LockStrength::ForNoKeyUpdate => " FOR NO KEY UPDATE",
                ir::LockStrength::ForUpdate => " FOR UPDATE",
            });
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

    /// Starts a clause on a line of its own.
    fn clause(&mut self, word: &str) {
        self.line();
        self.push(word);
    }

    fn with(&mut self, query: &Query) -> Result<()> {
        self.push(if query.has_recursive { " WITH RECURSIVE " } else { " WITH " });
        for (i, cte) in query.ctes.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            self.push(&quote_identifier(&cte.name));
            if !cte.alias_columns.is_empty() {
                let names: Vec<String> = cte.alias_columns.iter().map(|n| quote_identifier(n)).collect();
                self.push(&format!("({})", names.join(", ")));
            }
            self.push(match cte.materialized {
                ir::Materialized::Default => " AS (",
                ir::Materialized::Always => " AS MATERIALIZED (",
                ir::Materialized::Never => " AS NOT MATERIALIZED (",
            });
            let saved = self.indent;
            self.indent += 8;
            self.line();
            self.query(&cte.query, None)?;
            self.indent = saved + 8;
            self.line();
            self.push(")");
            self.indent = saved;
        }
        self.line();
        Ok(())
    }

    fn select(&mut self, query: &Query, column_names: Option<&[String]>) -> Result<()> {
        if let Some(lists) = simple_values(query) {
            return self.values(&lists);
        }
        self.push(" SELECT");
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
        self.targets(&query.target_list, column_names)?;
        self.from(&query.join_tree)?;
        if let Some(quals) = &query.join_tree.quals {
            self.clause("  WHERE ");
            self.plain(quals)?;
        }
        self.group_by(query)?;
        if let Some(having) = &query.having {
            self.clause(" HAVING ");
            self.plain(having)?;
        }
        let named: Vec<&WindowClause> = query.windows.iter().filter(|w| w.name.is_some()).collect();
        for (i, window) in named.iter().enumerate() {
            if i == 0 {
                self.clause("  WINDOW ")
            } else {
                self.push(", ")
            }
            let name = quote_identifier(window.name.as_deref().unwrap_or_default());
            self.push(&format!("{name} AS "));
            self.window_spec(window, &query.target_list)?;
        }
        Ok(())
    }

    fn targets(&mut self, list: &[TargetEntry], column_names: Option<&[String]>) -> Result<()> {
        let saved = self.indent;
        for (i, target) in ir::visible_targets(list).enumerate() {
            if i == 0 {
                self.push(" ");
            } else {
                self.push(",");
                self.indent = saved + 4;
                self.line();
            }
            self.indent = saved + 4;
            let wanted = column_names.and_then(|n| n.get(i)).or(target.name.as_ref());
            let natural = match &target.expr {
                Expr::Var(var) if var.attribute != 0 => {
                    let text = self.var_text(var)?;
                    self.push(&text);
                    text.rsplit('.').next().map(str::to_owned)
                }
                other => {
                    self.expr(other)?;
                    None
                }
            };
            if let Some(wanted) = wanted {
                let wanted = quote_identifier(wanted);
                let unnamed = natural.is_none() && wanted == "\"?column?\"";
                if natural.as_ref() != Some(&wanted) && !unnamed {
                    self.push(&format!(" AS {wanted}"));
                }
            }
        }
        self.indent = saved;
        Ok(())
    }

    fn values(&mut self, lists: &[Vec<Expr>]) -> Result<()> {
        self.push(" VALUES ");
        for (i, list) in lists.iter().enumerate() {
            self.push(if i > 0 { ", (" } else { "(" });
            for (i, value) in list.iter().enumerate() {
                if i > 0 {
                    self.push(",");
                }
                self.expr(value)?;
            }
            self.push(")");
        }
        Ok(())
    }

    fn group_by(&mut self, query: &Query) -> Result<()> {
        if query.group_clause.is_empty() && query.grouping_sets.is_empty() {
            return Ok(());
        }
        self.clause("  GROUP BY ");
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
            self.sort_list(&window.order, targets)?;
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

    fn from(&mut self, from: &FromExpr) -> Result<()> {
        let shown: Vec<&JoinNode> = from.items.iter().filter(|n| self.is_shown(n)).collect();
        let saved = self.indent;
        for (i, node) in shown.into_iter().enumerate() {
            if i == 0 {
                self.clause("   FROM ");
            } else {
                self.push(",");
                self.indent = saved + 4;
                self.line();
            }
            self.indent = saved + 4;
            self.from_node(node)?;
            self.indent = saved;
        }
        Ok(())
    }

    fn is_shown(&self, node: &JoinNode) -> bool {
        let JoinNode::Relation(index) = node else { return true };
        let level = self.levels.last();
        level.and_then(|l| l.table.get(index - 1)).is_some_and(|e| e.in_from)
    }

    fn from_node(&mut self, node: &JoinNode) -> Result<()> {
        match node {
            JoinNode::Relation(index) => self.from_entry(*index),
            JoinNode::From(from) => {
                for (i, node) in from.items.iter().enumerate() {
                    if i > 0 {
                        self.push(", ");
                    }
                    self.from_node(node)?;
                }
                Ok(())
            }
            JoinNode::Join(join) => {
                self.push("(");
                self.from_node(&join.left)?;
                self.line();
                if join.natural {
                    self.push(" NATURAL");
                }
                self.push(match join.kind {
                    JoinKind::Inner if join.quals.is_none() && !join.natural => " CROSS JOIN ",
                    JoinKind::Left => " LEFT JOIN ",
                    JoinKind::Full => " FULL JOIN ",
                    JoinKind::Right => " RIGHT JOIN ",
                    _ => " JOIN ",
                });
                self.from_node(&join.right)?;
                if !join.using.is_empty() && !join.natural {
                    let names: Vec<String> = join.using.iter().map(|n| quote_identifier(n)).collect();
                    self.push(&format!(" USING ({})", names.join(", ")));
                    if let Some(alias) = &join.using_alias {
                        self.push(&format!(" AS {}", quote_identifier(&alias.name)));
                    }
                } else if let (Some(quals), false) = (&join.quals, join.natural) {
                    self.push(" ON (");
                    self.plain(quals)?;
                    self.push(")");
                }
                self.push(")");
                if let Some(alias) = &join.alias {
                    self.push(&format!(" {}", quote_identifier(&alias.name)));
                }
                Ok(())
            }
        }
    }

    fn from_entry(&mut self, index: usize) -> Result<()> {
        let Some(level) = self.levels.last() else { return Ok(()) };
        let entry = level.table[index - 1].clone();
        let name = level.names[index - 1].clone();
        if entry.lateral {
            self.push("LATERAL ");
        }
        let mut natural = String::new();
        match &entry.kind {
            RangeTableKind::Relation { oid, inherit, sample, .. } => {
                let text = self.relation_name(*oid)?;
                if !inherit {
                    self.push("ONLY ");
                }
                self.push(&text);
                natural = self.session.relation(*oid)?.map(|e| e.class.relname.clone()).unwrap_or_default();
                if sample.is_some() {
                    return Err(Error::unsupported("printing TABLESAMPLE"));
                }
            }
            RangeTableKind::Subquery { query, .. } => {
                self.push("(");
                self.subquery(query)?;
                self.push(")");
            }
            RangeTableKind::Function { functions, ordinality } => {
                if functions.len() > 1 {
                    self.push("ROWS FROM(");
                }
                for (i, function) in functions.iter().enumerate() {
                    if i > 0 {
                        self.push(", ");
                    }
                    self.expr(&function.expr)?;
                }
                if functions.len() > 1 {
                    self.push(")");
                }
                if *ordinality {
                    self.push(" WITH ORDINALITY");
                }
            }
            RangeTableKind::Values { lists, .. } => {
                self.push("(");
                let saved = std::mem::take(&mut self.indent);
                self.values(lists)?;
                self.indent = saved;
                self.push(")");
            }
            RangeTableKind::Cte { name, .. } | RangeTableKind::NamedTuplestore { name, .. } => {
                self.push(&quote_identifier(name));
                natural = name.clone();
            }
            _ => {}
        }
        self.alias(&entry, &name, &natural)
    }

    fn alias(&mut self, entry: &RangeTableEntry, name: &str, natural: &str) -> Result<()> {
        let is_function = matches!(entry.kind, RangeTableKind::Function { .. });
        let needs_columns = is_function
            || matches!(entry.kind, RangeTableKind::Values { .. })
            || entry.alias.as_ref().is_some_and(|a| !a.columns.is_empty());
        if name != natural || is_function {
            self.push(&format!(" {}", quote_identifier(name)));
        }
        let mut definitions = Vec::new();
        if let RangeTableKind::Function { functions, .. } = &entry.kind {
            for function in functions {
                for i in 0..function.column_types.len() {
                    let type_name = self.type_text(function.column_types[i], function.column_typmods[i])?;
                    definitions.push(format!("{} {type_name}", quote_identifier(&function.column_names[i])));
                }
            }
        }
        if !definitions.is_empty() {
            self.push(&format!("({})", definitions.join(", ")));
        } else if needs_columns && !entry.eref.columns.is_empty() {
            let names: Vec<String> =
                entry.eref.columns.iter().filter(|c| !c.is_empty()).map(|c| quote_identifier(c)).collect();
            self.push(&format!("({})", names.join(", ")));
        }
        Ok(())
    }

    fn set_operation(&mut self, tree: &SetOperationTree, query: &Query) -> Result<()> {
        match tree {
            SetOperationTree::Relation(index) => {
                let RangeTableKind::Subquery { query: leaf, .. } = &query.range_table[index - 1].kind else {
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
                self.query(leaf, None)?;
                if parens {
                    self.push(")");
                }
                Ok(())
            }
            SetOperationTree::Operation(op) => {
                self.set_member(&op.left, query, op)?;
                self.line();
                self.push(match op.kind {
                    SetOperationKind::Union => "UNION",
                    SetOperationKind::Intersect => "INTERSECT",
                    SetOperationKind::Except => "EXCEPT",
                });
                if op.all {
                    self.push(" ALL");
                }
                self.line();
                self.set_member(&op.right, query, op)
            }
        }
    }

    fn set_member(
        &mut self,
        tree: &SetOperationTree,
        query: &Query,
        parent: &ir::SetOperation,
    ) -> Result<()> {
        let parens = match tree {
            SetOperationTree::Operation(op) => !(op.kind == parent.kind && op.all == parent.all),
            SetOperationTree::Relation(_) => false,
        };
        if parens {
            self.push("(");
        }
        self.set_operation(tree, query)?;
        if parens {
            self.push(")");
        }
        Ok(())
    }
}

/// The lists of a query that is nothing but VALUES.
fn simple_values(query: &Query) -> Option<Vec<Vec<Expr>>> {
    let [JoinNode::Relation(index)] = query.join_tree.items[..] else { return None };
    let RangeTableKind::Values { lists, .. } = &query.range_table.get(index - 1)?.kind else { return None };
    let plain = |(i, t): (usize, &TargetEntry)| matches!(&t.expr, Expr::Var(v) if v.source == VarSource::Relation(index) && v.attribute as usize == i + 1);
    let unnamed = query.range_table[index - 1].alias.is_none();
    (unnamed && query.target_list.iter().enumerate().all(plain)).then(|| lists.clone())
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
                if let Expr::Var(inner) = inner {
                    if inner.levels_up == level {
                        inner.levels_up += depth;
                    }
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
