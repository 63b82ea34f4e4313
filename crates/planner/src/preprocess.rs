//! From a query as analysed to one ready for path generation: the order of the transformations of one query level.

use crate::clause::{
    ands, bool_const, children_mut, contains_aggregate, contains_subplan, contains_volatile, deep,
    deep_query, forced_null_vars, from_relids, make_and, node_relids, nonnullable_rels, nonnullable_vars,
    null_const, returns_set, shift_levels,
};
use crate::fold::{Folder, canonicalize};
use crate::types::Root;
use base::{Error, Oid, Result, bail};
use ir::{
    CoercionForm, CommandType, Expr, FromExpr, JoinKind, JoinNode, Param, ParamKind, PlanRowMark, Query,
    RangeTableEntry, RangeTableKind, RelSet, SortGroupClause, TargetEntry, VarSource,
};

/// Query levels nested in one another beyond which planning gives up.
const MAX_LEVELS: usize = 200;

impl<'a> Root<'a> {
    /// Plans this level up to its final paths.
    ///
    /// # Errors
    /// As [`crate::plan`].
    pub fn plan_query(&mut self, tuple_fraction: f64) -> Result<()> {
        self.level = self.g.levels.borrow().len();
        if self.level >= MAX_LEVELS {
            bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        }
        self.session().interrupt_check()?;
        self.g.levels.borrow_mut().push(Vec::new());
        self.tuple_fraction = tuple_fraction;
        let planned = self.plan_level();
        self.g.levels.borrow_mut().pop();
        planned
    }

    fn plan_level(&mut self) -> Result<()> {
        self.ctes.truncate(self.level);
        self.ctes.push(Vec::new());
        self.process_ctes()?;
        self.flatten_for_pull_up()?;
        self.transform_merge()?;
        replace_empty_from(&mut self.query);
        if self.query.has_sublinks {
            self.pull_up_sublinks()?;
        }
        self.inline_functions()?;
        self.pull_up_subqueries()?;
        self.flatten_union_all()?;
        self.collect_row_marks()?;
        self.preprocess_expressions()?;
        self.move_having()?;
        if has_outer_join(&self.query.join_tree) {
            self.reduce_outer_joins()?;
            if self.query.command != CommandType::Merge {
                self.remove_useless_joins()?;
            }
        }
        self.remove_useless_results();
        self.plan_grouping()
    }

    /// Replaces columns of joins and of the grouping step by what they stand for.
    fn flatten_aliases(&mut self) -> Result<()> {
        let replaceable = |rte: &RangeTableEntry| {
            matches!(rte.kind, RangeTableKind::Join { .. } | RangeTableKind::Group { .. })
        };
        if !self.query.range_table.iter().any(replaceable) {
            return Ok(());
        }
        let mut range_table = self.query.range_table.clone();
        if !self.query.grouping_sets.is_empty() {
            // Columns of the grouping step may be NULL where what they stand for below it is not: they must not be
            // taken for the same.
            let clauses = &self.query.group_clause;
            for rte in &mut range_table {
                if let RangeTableKind::Group { exprs } = &mut rte.kind {
                    for (expr, clause) in exprs.iter_mut().zip(clauses) {
                        let inner = std::mem::replace(expr, bool_const(None));
                        *expr = Expr::PlaceHolder(std::sync::Arc::new(ir::PlaceHolder {
                            expr: inner,
                            relations: RelSet::new(),
                            nulling: RelSet::new(),
                            id: clause.target,
                            levels_up: 0,
                        }));
                    }
                }
            }
        }
        deep_query(&mut self.query, 0, &mut |e, level| {
            flatten_var(&range_table, e, level, 0)?;
            Ok(false)
        })?;
        self.query.range_table.iter_mut().for_each(|rte| {
            if let RangeTableKind::Group { exprs } = &mut rte.kind {
                exprs.clear();
            }
        });
        Ok(())
    }

    /// Refuses what cannot be planned yet.
    fn check_relations(&self) -> Result<()> {
        for rte in &self.query.range_table {
            if matches!(rte.kind, RangeTableKind::Relation { relkind: b'f', .. }) {
                return Err(Error::unsupported("a foreign table in a query"));
            }
        }
        Ok(())
    }

    /// Replaces virtual generated columns by their expressions.
    fn expand_virtual_columns(&mut self) -> Result<()> {
        for rti in 1..=self.query.range_table.len() {
            let Some(oid) = self.relation_oid(rti) else { continue };
            let Some(entry) = self.session().relation(oid)? else { continue };
            let mut replacements = Vec::new();
            for (i, attribute) in entry.desc().attributes().iter().enumerate() {
                if attribute.generated != b'v' || attribute.dropped {
                    continue;
                }
                let Some(text) = &entry.defaults[i] else { continue };
                let expr = self.hooks().read_expressions(self.session(), text)?.into_iter().next();
                replacements.extend(expr.map(|e| (i as i16 + 1, e)));
            }
            if replacements.is_empty() {
                continue;
            }
            for (_, e) in &mut replacements {
                renumber(e, 1, rti)?;
            }
            let missing = null_const(self.session(), Oid(23), -1, Oid(0))?;
            deep_query(&mut self.query, 0, &mut |e, level| {
                let Expr::Var(v) = e else { return Ok(false) };
                if v.source != VarSource::Relation(rti) || v.levels_up != level {
                    return Ok(false);
                }
                let virtual_column = |number: i16, of: &ir::Var| -> Result<Option<Expr>> {
                    let Some((_, expr)) = replacements.iter().find(|(n, _)| *n == number) else {
                        return Ok(None);
                    };
                    let mut expr = expr.clone();
                    of_side(&mut expr, rti, of.returning)?;
                    shift_levels(&mut expr, level as i32, 0)?;
                    Ok(Some(expr))
                };
                if let Some(expr) = virtual_column(v.attribute, v)? {
                    *e = expr;
                    return Ok(true);
                }
                if v.attribute == 0 {
                    let v = v.clone();
                    let mut args = Vec::new();
                    for (i, attribute) in entry.desc().attributes().iter().enumerate() {
                        let number = i as i16 + 1;
                        args.push(match virtual_column(number, &v)? {
                            Some(expr) => expr,
                            None if attribute.dropped => missing.clone(),
                            None => Expr::Var(ir::Var {
                                attribute: number,
                                type_oid: attribute.type_oid,
                                typmod: attribute.typmod,
                                collation: attribute.collation,
                                syntactic: (v.syntactic.0, number),
                                ..v.clone()
                            }),
                        });
                    }
                    *e = Expr::Row {
                        args,
                        row_type: v.type_oid,
                        form: ir::CoercionForm::ImplicitCast,
                        column_names: entry.desc().attributes().iter().map(|a| a.name.clone()).collect(),
                        location: v.location,
                    };
                    return Ok(true);
                }
                Ok(false)
            })?;
        }
        Ok(())
    }

    /// Join columns and generated ones in their full form.
    pub fn flatten_for_pull_up(&mut self) -> Result<()> {
        self.flatten_aliases()?;
        self.check_relations()?;
        self.expand_virtual_columns()
    }

    /// Whether a cursor's rows, being those of one table, are to come with their places.
    fn wants_places(&self) -> bool {
        let query = &self.query;
        let [ir::JoinNode::Relation(relation)] = &query.join_tree.items[..] else { return false };
        self.tells_places
            && matches!(self.rte(*relation).kind, RangeTableKind::Relation { .. })
            && query.set_operations.is_none()
            && query.group_clause.is_empty()
            && query.grouping_sets.is_empty()
            && query.distinct_clause.is_empty()
            && !(query.has_aggregates || query.has_window_functions || query.has_target_srfs)
            && query.having.is_none()
    }

    /// FOR UPDATE and its kin: which relations are locked and how, and which are refetched when rows have changed.
    fn collect_row_marks(&mut self) -> Result<()> {
        let query = &self.query;
        if query.row_marks.is_empty()
            && !self.wants_places()
            && !matches!(query.command, CommandType::Update | CommandType::Delete | CommandType::Merge)
        {
            return Ok(());
        }
        let mut rest = from_relids(&query.join_tree);
        rest.remove(query.result_relation);
        let mut marks = Vec::new();
        for mark in &query.row_marks {
            if rest.contains(mark.relation)
                && !matches!(self.rte(mark.relation).kind, RangeTableKind::Relation { .. })
            {
                continue;
            }
            if !rest.contains(mark.relation) {
                continue;
            }
            rest.remove(mark.relation);
            marks.push(PlanRowMark {
                relation: mark.relation,
                strength: Some(mark.strength),
                wait: mark.wait,
                tid_column: None,
                tableoid_column: None,
                members: Vec::new(),
                whole_row_column: None,
            });
        }
        for relation in rest.iter() {
            if !matches!(self.rte(relation).kind, RangeTableKind::Result) {
                let wait = ir::LockWait::Block;
                marks.push(PlanRowMark {
                    relation,
                    strength: None,
                    wait,
                    tid_column: None,
                    tableoid_column: None,
                    members: Vec::new(),
                    whole_row_column: None,
                });
            }
        }
        self.row_marks = marks;
        Ok(())
    }

    pub fn fold(&self, expr: Expr) -> Result<Expr> {
        Folder::new(self.session(), self.hooks(), self.g.options.params, false).fold(expr)
    }

    /// The expression as its present value may be guessed: for estimates only.
    pub fn estimate(&self, expr: &Expr) -> Expr {
        if matches!(expr, Expr::Const(_) | Expr::Var(_)) {
            return expr.clone();
        }
        let folded =
            Folder::new(self.session(), self.hooks(), self.g.options.params, true).fold(expr.clone());
        folded.unwrap_or_else(|_| expr.clone())
    }

    /// Simplifies an expression of this level, plans the sublinks in it and turns references to enclosing levels into
    /// params.
    pub fn preprocess_expr(&mut self, expr: Expr, is_qual: bool) -> Result<Expr> {
        let mut expr = self.fold(expr)?;
        if is_qual {
            expr = canonicalize(expr);
        }
        if ir::any(&expr, &mut |e| matches!(e, Expr::SubLink(_))) {
            expr = self.plan_sublinks(expr, is_qual)?;
        }
        if self.level > 0 {
            self.replace_outer_references(&mut expr)?;
        }
        Ok(expr)
    }

    fn preprocess_qual(&mut self, qual: Option<Box<Expr>>) -> Result<Option<Box<Expr>>> {
        let Some(qual) = qual else { return Ok(None) };
        Ok(Some(Box::new(self.preprocess_expr(*qual, true)?)))
    }

    fn preprocess_targets(&mut self, list: &mut [TargetEntry]) -> Result<()> {
        for entry in list {
            let taken = std::mem::replace(&mut entry.expr, bool_const(None));
            entry.expr = self.preprocess_expr(taken, false)?;
        }
        Ok(())
    }

    fn preprocess_list(&mut self, list: &mut [Expr]) -> Result<()> {
        for expr in list {
            let taken = std::mem::replace(expr, bool_const(None));
            *expr = self.preprocess_expr(taken, false)?;
        }
        Ok(())
    }

    fn preprocess_option(&mut self, expr: Option<Box<Expr>>) -> Result<Option<Box<Expr>>> {
        expr.map(|e| Ok(Box::new(self.preprocess_expr(*e, false)?))).transpose()
    }

    fn preprocess_expressions(&mut self) -> Result<()> {
        let mut targets = std::mem::take(&mut self.query.target_list);
        // Multi-assignment sublinks stand behind their uses and must be planned first.
        self.preprocess_targets(&mut targets)?;
        self.query.target_list = targets;
        let mut returning = std::mem::take(&mut self.query.returning);
        self.preprocess_targets(&mut returning)?;
        self.query.returning = returning;
        let mut from = std::mem::take(&mut self.query.join_tree);
        self.preprocess_from(&mut from)?;
        self.query.join_tree = from;
        let having = self.query.having.take();
        self.query.having = self.preprocess_qual(having)?;
        let mut windows = std::mem::take(&mut self.query.windows);
        for window in &mut windows {
            window.start_offset = self.preprocess_option(window.start_offset.take())?;
            window.end_offset = self.preprocess_option(window.end_offset.take())?;
        }
        self.query.windows = windows;
        let (offset, count) = (self.query.limit_offset.take(), self.query.limit_count.take());
        self.query.limit_offset = self.preprocess_option(offset)?;
        self.query.limit_count = self.preprocess_option(count)?;
        if let Some(mut conflict) = self.query.on_conflict.take() {
            for element in &mut conflict.arbiter {
                self.preprocess_list(std::slice::from_mut(&mut element.expr))?;
            }
            self.preprocess_targets(&mut conflict.set)?;
            self.resolve_multi_params(&mut conflict.set)?;
            conflict.arbiter_where =
                conflict.arbiter_where.map(|e| self.preprocess_expr(e, true)).transpose()?;
            conflict.set_where = conflict.set_where.map(|e| self.preprocess_expr(e, true)).transpose()?;
            self.query.on_conflict = Some(conflict);
        }
        let mut options = std::mem::take(&mut self.query.check_options);
        options.retain(|option| option.condition.is_some());
        for option in &mut options {
            option.condition = option.condition.take().map(|e| self.preprocess_expr(e, true)).transpose()?;
        }
        self.query.check_options = options;
        let mut actions = std::mem::take(&mut self.query.merge_actions);
        for action in &mut actions {
            self.preprocess_targets(&mut action.targets)?;
            action.condition = action.condition.take().map(|e| self.preprocess_expr(e, true)).transpose()?;
        }
        self.query.merge_actions = actions;
        let condition = self.query.merge_join_condition.take();
        self.query.merge_join_condition = self.preprocess_qual(condition)?;
        let mut live = from_relids(&self.query.join_tree);
        for at in 0..self.append_members.len() {
            live.insert(self.append_members[at].child);
            let mut columns = std::mem::take(&mut self.append_members[at].columns);
            for column in columns.iter_mut().flatten() {
                if !matches!(column, Expr::Var(v) if v.levels_up == 0) {
                    let taken = std::mem::replace(column, bool_const(None));
                    *column = self.preprocess_expr(taken, false)?;
                }
                deep(column, 0, &mut |e, _| {
                    crate::clause::strip_locations(e);
                    Ok(false)
                })?;
            }
            self.append_members[at].columns = columns;
        }
        for i in 0..self.query.range_table.len() {
            if live.contains(i + 1) {
                self.preprocess_rte(i)?;
            }
        }
        Ok(())
    }

    fn preprocess_rte(&mut self, i: usize) -> Result<()> {
        let mut rte = self.query.range_table[i].clone();
        self.preprocess_list(&mut rte.security_quals)?;
        match &mut rte.kind {
            RangeTableKind::Relation { sample: Some(sample), .. } => {
                self.preprocess_list(&mut sample.args)?;
                sample.repeatable =
                    sample.repeatable.take().map(|e| self.preprocess_expr(e, false)).transpose()?;
            }
            RangeTableKind::Function { functions, .. } => {
                for function in functions {
                    let call = function.expr.clone();
                    let taken = std::mem::replace(&mut function.expr, bool_const(None));
                    function.expr = self.preprocess_expr(taken, false)?;
                    // A row that is NULL as a whole would not say which columns it has.
                    if matches!(function.expr, Expr::Const(_)) && is_record(&call) {
                        function.expr = call;
                    }
                }
            }
            RangeTableKind::Values { lists, .. } => {
                for list in lists {
                    self.preprocess_list(list)?;
                }
            }
            _ => {}
        }
        self.query.range_table[i] = rte;
        Ok(())
    }

    fn preprocess_from(&mut self, from: &mut FromExpr) -> Result<()> {
        for item in &mut from.items {
            self.preprocess_node(item)?;
        }
        from.quals = self.preprocess_qual(from.quals.take())?;
        Ok(())
    }

    fn preprocess_node(&mut self, node: &mut JoinNode) -> Result<()> {
        match node {
            JoinNode::Relation(_) => Ok(()),
            JoinNode::From(from) => self.preprocess_from(from),
            JoinNode::Join(join) => {
                self.preprocess_node(&mut join.left)?;
                self.preprocess_node(&mut join.right)?;
                join.quals = self.preprocess_qual(join.quals.take())?;
                Ok(())
            }
        }
    }

    /// Conditions of HAVING that could as well be checked before grouping move to WHERE.
    fn move_having(&mut self) -> Result<()> {
        let Some(having) = self.query.having.take() else { return Ok(()) };
        self.has_having_qual = true;
        let mut kept = Vec::new();
        let mut moved = Vec::new();
        for clause in ands(*having) {
            let stays = contains_aggregate(&clause)
                || contains_volatile(self.session(), &clause)?
                || contains_subplan(&clause)
                || !self.query.grouping_sets.is_empty()
                || returns_set(&clause);
            if stays {
                kept.push(clause);
            } else if !self.query.group_clause.is_empty() {
                moved.push(clause);
            } else {
                moved.push(clause.clone());
                kept.push(clause);
            }
        }
        if !moved.is_empty() {
            let own = self.query.join_tree.quals.take().map(|q| ands(*q)).unwrap_or_default();
            let all = own.into_iter().chain(moved).collect();
            self.query.join_tree.quals = Some(Box::new(make_and(all)));
        }
        self.having = kept;
        Ok(())
    }

    /// References to enclosing levels become params that the enclosing level passes in.
    pub fn replace_outer_references(&self, expr: &mut Expr) -> Result<()> {
        let (up, type_oid) = match &*expr {
            Expr::Var(v) if v.levels_up > 0 => (v.levels_up, v.type_oid),
            Expr::Aggref(a) if a.levels_up > 0 => (a.levels_up, a.result_type),
            Expr::Grouping { levels_up, .. } if *levels_up > 0 => (*levels_up, Oid(23)),
            Expr::PlaceHolder(p) if p.levels_up > 0 => (p.levels_up, ir::expr_type(&p.expr)),
            Expr::Returning { levels_up, arg, .. } if *levels_up > 0 => (*levels_up, ir::expr_type(arg)),
            _ => return children_mut(expr, &mut |child| self.replace_outer_references(child)),
        };
        let (typmod, collation) = (ir::expr_typmod(expr), ir::expr_collation(expr));
        let mut wanted = expr.clone();
        shift_levels(&mut wanted, -(up as i32), up)?;
        crate::clause::deep(&mut wanted, 0, &mut |e, _| {
            crate::clause::strip_locations(e);
            Ok(false)
        })?;
        let target = self
            .level
            .checked_sub(up as usize)
            .ok_or_else(|| Error::internal("a column refers to a query level that does not exist"))?;
        let mut levels = self.g.levels.borrow_mut();
        let id = match levels[target].iter().find(|(e, _)| *e == wanted) {
            Some((_, id)) => *id,
            None => {
                let id = self.g.new_param(type_oid);
                levels[target].push((wanted, id));
                id
            }
        };
        *expr = Expr::Param(Param { kind: ParamKind::Exec, id, type_oid, typmod, collation, location: None });
        Ok(())
    }

    /// Outer joins whose null-extended rows a condition above throws away become plain joins; left joins of which only
    /// unmatched rows remain become anti joins.
    fn reduce_outer_joins(&mut self) -> Result<()> {
        let session = self.session();
        let mut from = std::mem::take(&mut self.query.join_tree);
        let mut known = Known::default();
        if let Some(quals) = &from.quals {
            known.add(session, quals);
        }
        for item in &mut from.items {
            reduce_node(session, item, &known);
        }
        self.query.join_tree = from;
        Ok(())
    }

    /// Drops one-row entries of nothing that are joined with something.
    fn remove_useless_results(&mut self) {
        let range_table = &self.query.range_table;
        let is_result = |node: &JoinNode| matches!(node, JoinNode::Relation(rti) if matches!(range_table[*rti - 1].kind, RangeTableKind::Result));
        fn clean(from: &mut FromExpr, is_result: &dyn Fn(&JoinNode) -> bool) {
            for item in &mut from.items {
                clean_node(item, is_result);
            }
            let mut lifted = Vec::new();
            let items = std::mem::take(&mut from.items);
            for item in items {
                match item {
                    // Sublists without a condition of their own, or with one: both are part of this list.
                    JoinNode::From(inner) => {
                        from.items.extend(inner.items);
                        lifted.extend(inner.quals.map(|q| *q));
                    }
                    item => from.items.push(item),
                }
            }
            if !lifted.is_empty() {
                let own = from.quals.take().map(|q| *q);
                let all: Vec<Expr> = own.into_iter().chain(lifted).flat_map(ands).collect();
                from.quals = Some(Box::new(make_and(all)));
            }
            let mut kept = from.items.len();
            from.items.retain(|item| {
                let drop = kept > 1 && is_result(item);
                kept -= usize::from(drop);
                !drop
            });
        }
        fn clean_node(node: &mut JoinNode, is_result: &dyn Fn(&JoinNode) -> bool) {
            match node {
                JoinNode::Relation(_) => {}
                JoinNode::From(from) => clean(from, is_result),
                JoinNode::Join(join) => {
                    clean_node(&mut join.left, is_result);
                    clean_node(&mut join.right, is_result);
                    if join.kind == JoinKind::Inner {
                        let taken = std::mem::replace(node, JoinNode::Relation(0));
                        let JoinNode::Join(join) = taken else { unreachable!("matched above") };
                        let mut from = FromExpr { items: vec![join.left, join.right], quals: join.quals };
                        clean(&mut from, is_result);
                        *node = match (from.items.len(), &from.quals) {
                            (1, None) => from.items.remove(0),
                            _ => JoinNode::From(Box::new(from)),
                        };
                    }
                }
            }
        }
        let mut from = std::mem::take(&mut self.query.join_tree);
        // Inner joins become lists; the search reorders them within join_collapse_limit.
        clean(&mut from, &is_result);
        self.query.join_tree = from;
    }
}

pub(crate) fn replace_empty_from(query: &mut Query) {
    if !query.join_tree.items.is_empty() || query.set_operations.is_some() {
        return;
    }
    let eref = ir::Alias { name: "*RESULT*".into(), columns: Vec::new() };
    query.range_table.push(RangeTableEntry {
        kind: RangeTableKind::Result,
        alias: None,
        eref,
        lateral: false,
        in_from: false,
        security_quals: Vec::new(),
    });
    query.join_tree.items.push(JoinNode::Relation(query.range_table.len()));
}

/// Makes references to one range table entry of this level refer to another.
pub(crate) fn renumber(expr: &mut Expr, from: usize, to: usize) -> Result<()> {
    deep(expr, 0, &mut |e, level| {
        if let Expr::Var(v) = e
            && v.levels_up == level
            && v.source == VarSource::Relation(from)
        {
            v.source = VarSource::Relation(to);
        }
        Ok(false)
    })
}

/// Replaces a column of a join or grouping entry of the query `level` levels above by its meaning.
fn flatten_var(range_table: &[RangeTableEntry], expr: &mut Expr, level: u32, depth: usize) -> Result<()> {
    let Expr::Var(v) = expr else { return Ok(()) };
    let VarSource::Relation(rti) = v.source else { return Ok(()) };
    if v.levels_up != level {
        return Ok(());
    }
    let Some(rte) = range_table.get(rti.wrapping_sub(1)) else {
        return Err(Error::internal("a column refers to a range table entry that does not exist"));
    };
    if depth > range_table.len() {
        return Err(Error::internal("join columns refer to one another in a circle"));
    }
    let columns = match &rte.kind {
        RangeTableKind::Join { alias_vars, .. } => alias_vars,
        RangeTableKind::Group { exprs } => exprs,
        _ => return Ok(()),
    };
    let mut replacement = if v.attribute == 0 {
        Expr::Row {
            args: columns.clone(),
            row_type: v.type_oid,
            form: CoercionForm::ImplicitCast,
            column_names: rte.eref.columns.clone(),
            location: None,
        }
    } else {
        let column = columns.get(v.attribute as usize - 1);
        column.cloned().ok_or_else(|| Error::internal("a join has fewer columns than are read"))?
    };
    deep(&mut replacement, 0, &mut |e, inner| {
        flatten_var(range_table, e, inner, depth + 1)?;
        Ok(false)
    })?;
    shift_levels(&mut replacement, level as i32, 0)?;
    *expr = replacement;
    Ok(())
}

fn is_record(call: &Expr) -> bool {
    const RECORD: Oid = Oid(2249);
    ir::expr_type(call) == RECORD
}

fn has_outer_join(from: &FromExpr) -> bool {
    fn in_node(node: &JoinNode) -> bool {
        match node {
            JoinNode::Relation(_) => false,
            JoinNode::From(from) => has_outer_join(from),
            JoinNode::Join(join) => {
                matches!(join.kind, JoinKind::Left | JoinKind::Right | JoinKind::Full | JoinKind::Anti)
                    || in_node(&join.left)
                    || in_node(&join.right)
            }
        }
    }
    from.items.iter().any(in_node)
}

/// What conditions above a join say about the rows that matter.
#[derive(Clone, Default)]
struct Known {
    rels: RelSet,
    vars: Vec<(usize, i16)>,
    nulls: Vec<(usize, i16)>,
}

impl Known {
    fn add(&mut self, session: &catalog::Session, quals: &Expr) {
        self.rels.extend(&nonnullable_rels(session, quals, true));
        nonnullable_vars(session, quals, true, &mut self.vars);
        forced_null_vars(quals, &mut self.nulls);
    }
}

fn reduce_node(session: &catalog::Session, node: &mut JoinNode, known: &Known) {
    match node {
        JoinNode::Relation(_) => {}
        JoinNode::From(from) => {
            let mut known = known.clone();
            if let Some(quals) = &from.quals {
                known.add(session, quals);
            }
            from.items.iter_mut().for_each(|item| reduce_node(session, item, &known));
        }
        JoinNode::Join(join) => {
            let left = node_relids(&join.left);
            let right = node_relids(&join.right);
            join.kind = match join.kind {
                JoinKind::Left if known.rels.overlaps(&right) => JoinKind::Inner,
                JoinKind::Right if known.rels.overlaps(&left) => JoinKind::Inner,
                JoinKind::Full => match (known.rels.overlaps(&left), known.rels.overlaps(&right)) {
                    (true, true) => JoinKind::Inner,
                    (true, false) => JoinKind::Left,
                    (false, true) => JoinKind::Right,
                    (false, false) => JoinKind::Full,
                },
                kind => kind,
            };
            if join.kind == JoinKind::Right {
                std::mem::swap(&mut join.left, &mut join.right);
                join.kind = JoinKind::Left;
            }
            let right = node_relids(&join.right);
            if join.kind == JoinKind::Left
                && let Some(quals) = &join.quals
            {
                let mut strict = Vec::new();
                nonnullable_vars(session, quals, true, &mut strict);
                if known.nulls.iter().any(|v| right.contains(v.0) && strict.contains(v)) {
                    join.kind = JoinKind::Anti;
                }
            }
            let mut with_own = known.clone();
            if let Some(quals) = &join.quals {
                with_own.add(session, quals);
            }
            let own_only = {
                let mut own = Known::default();
                if let Some(quals) = &join.quals {
                    own.add(session, quals);
                }
                own
            };
            let nothing = Known::default();
            let (for_left, for_right) = match join.kind {
                JoinKind::Inner | JoinKind::Semi => (&with_own, &with_own),
                JoinKind::Full => (&nothing, &nothing),
                // What is known of the right side's rows above the join is of null-extended ones; the join's own
                // condition is what filters them below.
                _ => (known, &own_only),
            };
            reduce_node(session, &mut join.left, for_left);
            reduce_node(session, &mut join.right, for_right);
        }
    }
}

/// The target entry that a sort or group clause names.
pub(crate) fn target_of<'t>(clause: &SortGroupClause, targets: &'t [TargetEntry]) -> Result<&'t TargetEntry> {
    targets
        .iter()
        .find(|t| t.sort_group_ref == clause.target && clause.target != 0)
        .ok_or_else(|| Error::internal("ORDER/GROUP BY expression not found in targetlist"))
}

/// The columns of a relation in an expression as those of the old or the new row.
fn of_side(expr: &mut Expr, rti: usize, side: ir::Returning) -> Result<()> {
    if let Expr::Var(v) = expr
        && v.source == VarSource::Relation(rti)
    {
        v.returning = side;
        return Ok(());
    }
    ir::for_each_child_mut(expr, &mut |child| of_side(child, rti, side))
}
