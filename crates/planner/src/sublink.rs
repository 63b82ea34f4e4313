//! Subqueries in expressions, and WITH: joins where they can be, else plans of their own that run once (InitPlan) or for
//! each row (SubPlan).

use crate::clause::{
    ands, bool_const, children_mut, contains_volatile, deep_query, from_relids, make_and, node_relids,
    null_const, query_reaches_up, relids, shift_levels, shift_query_levels, var,
};
use crate::types::{CteState, QualCost, Root, SubPlanEntry};
use crate::upper::{materialize, materializes_output};
use base::{Error, Oid, Result};
use ir::{
    Alias, BoolOp, CommandType, Expr, FromExpr, JoinExpr, JoinKind, JoinNode, Materialized, Param, ParamKind,
    Plan, Query, RangeTableEntry, RangeTableKind, RelSet, SubLink, SubLinkKind, SubPlan, VarSource,
};

fn exec_param(id: usize, type_oid: Oid, typmod: i32, collation: Oid) -> Expr {
    Expr::Param(Param { kind: ParamKind::Exec, id, type_oid, typmod, collation, location: None })
}

impl<'a> Root<'a> {
    /// Plans this level's CTEs, or puts them where they are used.
    pub fn process_ctes(&mut self) -> Result<()> {
        for i in 0..self.query.ctes.len() {
            let cte = self.query.ctes[i].clone();
            let select = cte.query.command == CommandType::Select;
            let state = CteState {
                name: cte.name.clone(),
                plan: None,
                rows: 0.0,
                startup: 0.0,
                total: 0.0,
                width: 0,
                work_table: None,
            };
            let level = self.level;
            self.ctes[level].push(state);
            if cte.references == 0 && select {
                continue;
            }
            let inlined = match cte.materialized {
                Materialized::Never => true,
                Materialized::Default => cte.references == 1,
                Materialized::Always => false,
            };
            if inlined
                && !cte.recursive
                && select
                && cte.query.row_marks.is_empty()
                && !self.volatile_query(&cte.query)?
            {
                self.inline_cte(&cte.name, &cte.query)?;
                continue;
            }
            let fraction = 0.0;
            let mut child = Root::new(&self.g, (*cte.query).clone(), self.ctes.clone());
            child.has_recursion = cte.recursive;
            if cte.recursive {
                child.work_table = Some((self.g.new_param(Oid(0)), 0.0));
            }
            child.plan_query(fraction)?;
            let path = child.cheapest_final(fraction);
            let plan = child.create_top_plan(&path)?;
            let param = self.g.new_param(Oid(0));
            let state = self.ctes[level].last_mut().expect("pushed above");
            (state.rows, state.startup, state.total) = (plan.rows, plan.startup_cost, plan.total_cost);
            state.width = plan.width as i32;
            let number = self.g.subplans.borrow().len();
            state.plan = Some((number, param));
            let name = format!("CTE {}", cte.name);
            let (startup_cost, per_call_cost) = (plan.startup_cost, plan.total_cost - plan.startup_cost);
            // The rows of a CTE lie with the leader alone.
            let plan = Plan { parallel_safe: false, ..plan };
            self.g.init_params.borrow_mut().insert(param);
            self.g.subplans.borrow_mut().push(SubPlanEntry { plan: Some(plan), root: child });
            self.init_plans.push(Expr::SubPlan(Box::new(SubPlan {
                kind: SubLinkKind::Cte,
                test: None,
                param_ids: Vec::new(),
                plan: number,
                name,
                result_type: Oid(0),
                typmod: -1,
                collation: Oid(0),
                use_hash_table: false,
                unknown_equals_false: false,
                set_params: vec![param],
                parameter_params: Vec::new(),
                args: Vec::new(),
                startup_cost,
                per_call_cost,
            })));
        }
        Ok(())
    }

    fn volatile_query(&self, query: &Query) -> Result<bool> {
        let link = SubLink {
            kind: SubLinkKind::Exists,
            id: 0,
            test: None,
            operator_name: Vec::new(),
            query: Box::new(query.clone()),
            result_type: Oid(16),
            typmod: -1,
            collation: Oid(0),
            location: None,
        };
        contains_volatile(self.session(), &Expr::SubLink(Box::new(link)))
    }

    fn inline_cte(&mut self, name: &str, definition: &Query) -> Result<()> {
        fn in_query(query: &mut Query, level: u32, name: &str, definition: &Query) -> Result<()> {
            for i in 0..query.range_table.len() {
                match &mut query.range_table[i].kind {
                    RangeTableKind::Cte { name: n, levels_up, self_reference: false, .. }
                        if n == name && *levels_up == level =>
                    {
                        let mut copy = definition.clone();
                        // The definition stands one level below the query that has the WITH list; so does the copy,
                        // relative to the query that refers to it, with `level` levels in between.
                        shift_query_levels(&mut copy, level as i32, 1)?;
                        query.range_table[i].kind = RangeTableKind::Subquery {
                            query: Box::new(copy),
                            security_barrier: false,
                            view: None,
                            permission: 0,
                        };
                    }
                    RangeTableKind::Subquery { query, .. } => in_query(query, level + 1, name, definition)?,
                    _ => {}
                }
            }
            for cte in &mut query.ctes {
                in_query(&mut cte.query, level + 1, name, definition)?;
            }
            // The walk reaches sublinks at every depth; each gives the depth its query stands at.
            let mut links: Vec<Result<()>> = Vec::new();
            own_sublinks(query, &mut |link| {
                links.push(in_query(&mut link.query, level + 1, name, definition))
            })?;
            links.into_iter().collect()
        }
        in_query(&mut self.query, 0, name, definition)
    }

    /// Sublinks in WHERE and ON become semi and anti joins where they can.
    pub fn pull_up_sublinks(&mut self) -> Result<()> {
        let mut from = std::mem::take(&mut self.query.join_tree);
        let mut items = Vec::new();
        for item in from.items {
            items.push(self.pull_up_sublinks_node(item)?);
        }
        from.items = items;
        if let Some(quals) = from.quals.take() {
            let available = from_relids(&from);
            let mut tree = JoinNode::From(Box::new(FromExpr { items: from.items, quals: None }));
            let kept = self.pull_up_sublinks_quals(*quals, &available, &mut tree)?;
            let quals = (!kept.is_empty()).then(|| Box::new(make_and(kept)));
            from = match tree {
                JoinNode::From(mut inner) => {
                    inner.quals = quals;
                    *inner
                }
                tree => FromExpr { items: vec![tree], quals },
            };
        }
        self.query.join_tree = from;
        Ok(())
    }

    fn pull_up_sublinks_node(&mut self, node: JoinNode) -> Result<JoinNode> {
        match node {
            JoinNode::Relation(_) => Ok(node),
            JoinNode::From(mut from) => {
                let mut items = Vec::new();
                for item in from.items {
                    items.push(self.pull_up_sublinks_node(item)?);
                }
                let quals = from.quals.take();
                let mut tree = JoinNode::From(Box::new(FromExpr { items, quals: None }));
                let available = node_relids(&tree);
                let kept = match quals {
                    Some(quals) => self.pull_up_sublinks_quals(*quals, &available, &mut tree)?,
                    None => return Ok(tree),
                };
                let quals = (!kept.is_empty()).then(|| Box::new(make_and(kept)));
                Ok(JoinNode::From(Box::new(FromExpr { items: vec![tree], quals })))
            }
            JoinNode::Join(mut join) => {
                join.left = self.pull_up_sublinks_node(join.left)?;
                join.right = self.pull_up_sublinks_node(join.right)?;
                let Some(quals) = join.quals.take() else { return Ok(JoinNode::Join(join)) };
                match join.kind {
                    JoinKind::Inner => {
                        let available = node_relids(&join.left).union(&node_relids(&join.right));
                        let mut tree = JoinNode::Join(join);
                        let kept = self.pull_up_sublinks_quals(*quals, &available, &mut tree)?;
                        let quals = (!kept.is_empty()).then(|| Box::new(make_and(kept)));
                        Ok(match tree {
                            JoinNode::Join(mut join) if join.kind == JoinKind::Inner => {
                                join.quals = quals;
                                JoinNode::Join(join)
                            }
                            tree => JoinNode::From(Box::new(FromExpr { items: vec![tree], quals })),
                        })
                    }
                    JoinKind::Left => {
                        let available = node_relids(&join.right);
                        let kept = self.pull_up_sublinks_quals(*quals, &available, &mut join.right)?;
                        join.quals = (!kept.is_empty()).then(|| Box::new(make_and(kept)));
                        Ok(JoinNode::Join(join))
                    }
                    _ => {
                        join.quals = Some(quals);
                        Ok(JoinNode::Join(join))
                    }
                }
            }
        }
    }

    /// The conditions that remain; `tree` gets the joins.
    fn pull_up_sublinks_quals(
        &mut self,
        quals: Expr,
        available: &RelSet,
        tree: &mut JoinNode,
    ) -> Result<Vec<Expr>> {
        let mut kept = Vec::new();
        let mut pending: Vec<Expr> = ands(quals);
        pending.reverse();
        while let Some(clause) = pending.pop() {
            let join = match &clause {
                Expr::SubLink(link) if link.kind == SubLinkKind::Any => self.any_to_join(link, available)?,
                Expr::SubLink(link) if link.kind == SubLinkKind::Exists => {
                    self.exists_to_join(link, available, false)?
                }
                Expr::Bool { op: BoolOp::Not, args, .. } => match &args[0] {
                    Expr::SubLink(link) if link.kind == SubLinkKind::Exists => {
                        self.exists_to_join(link, available, true)?
                    }
                    _ => None,
                },
                _ => None,
            };
            match join {
                Some((kind, right, quals)) => {
                    let left = std::mem::replace(tree, JoinNode::Relation(0));
                    let left = match left {
                        JoinNode::From(mut from) if from.items.len() == 1 && from.quals.is_none() => {
                            from.items.remove(0)
                        }
                        left => left,
                    };
                    *tree = JoinNode::Join(Box::new(JoinExpr {
                        kind,
                        natural: false,
                        left,
                        right,
                        using: Vec::new(),
                        using_alias: None,
                        quals: quals.map(Box::new),
                        alias: None,
                        range_table_index: 0,
                    }));
                }
                None => kept.push(clause),
            }
        }
        Ok(kept)
    }

    fn add_subquery(&mut self, query: Query, name: &str, lateral: bool) -> usize {
        let columns =
            ir::visible_targets(&query.target_list).map(|t| t.name.clone().unwrap_or_default()).collect();
        self.query.range_table.push(RangeTableEntry {
            kind: RangeTableKind::Subquery {
                query: Box::new(query),
                security_barrier: false,
                view: None,
                permission: 0,
            },
            alias: Some(Alias { name: name.into(), columns: Vec::new() }),
            eref: Alias { name: name.into(), columns },
            lateral,
            in_from: false,
            security_quals: Vec::new(),
        });
        self.query.range_table.len()
    }

    fn any_to_join(
        &mut self,
        link: &SubLink,
        available: &RelSet,
    ) -> Result<Option<(JoinKind, JoinNode, Option<Expr>)>> {
        let Some(test) = &link.test else { return Ok(None) };
        let lateral = query_reaches_up(&link.query, 1);
        let outer = relids(test);
        if outer.is_empty() || !outer.is_subset(available) || contains_volatile(self.session(), test)? {
            return Ok(None);
        }
        if lateral && !crate::pull_up::lateral_relids(&link.query).is_subset(available) {
            return Ok(None);
        }
        let query = (*link.query).clone();
        let columns: Vec<Expr> = ir::visible_targets(&query.target_list).map(|t| t.expr.clone()).collect();
        let rti = self.add_subquery(query, "ANY_subquery", lateral);
        let mut quals = (**test).clone();
        replace_sublink_params(&mut quals, &mut |n| {
            let e = columns.get(n - 1)?;
            Some(Expr::Var(var(rti, n as i16, ir::expr_type(e), ir::expr_typmod(e), ir::expr_collation(e))))
        })?;
        Ok(Some((JoinKind::Semi, JoinNode::Relation(rti), Some(quals))))
    }

    fn exists_to_join(
        &mut self,
        link: &SubLink,
        available: &RelSet,
        negated: bool,
    ) -> Result<Option<(JoinKind, JoinNode, Option<Expr>)>> {
        let mut query = (*link.query).clone();
        self.fold_limit(&mut query)?;
        if !query.ctes.is_empty() || !simplify_exists(&mut query) || query.join_tree.items.is_empty() {
            return Ok(None);
        }
        let mut inner = Root::new(&self.g, query, self.ctes.clone());
        inner.level = self.level + 1;
        inner.flatten_for_pull_up()?;
        let mut query = inner.query;
        let Some(condition) = query.join_tree.quals.take() else { return Ok(None) };
        // Only the condition may refer to the query around.
        if query_reaches_up(&query, 1) {
            return Ok(None);
        }
        let mut condition = *condition;
        if contains_volatile(self.session(), &condition)? {
            return Ok(None);
        }
        let offset = self.query.range_table.len();
        crate::clause::deep(&mut condition, 0, &mut |e, level| {
            if let Expr::Var(v) = e
                && v.levels_up == level
                && let VarSource::Relation(rti) = &mut v.source
            {
                *rti += offset;
            }
            Ok(false)
        })?;
        shift_levels(&mut condition, -1, 1)?;
        let reads = relids(&condition);
        let own: RelSet = (offset + 1..=offset + query.range_table.len()).collect();
        let outer = reads.difference(&own);
        if outer.is_empty() || !outer.is_subset(available) || !reads.overlaps(&own) {
            return Ok(None);
        }
        let permissions = self.query.permissions.len();
        let right = crate::pull_up::append_range_table(self, query, permissions)?;
        let kind = if negated { JoinKind::Anti } else { JoinKind::Semi };
        Ok(Some((kind, right, Some(condition))))
    }

    fn fold_limit(&self, query: &mut Query) -> Result<()> {
        if let Some(limit) = query.limit_count.take() {
            query.limit_count = Some(Box::new(self.fold(*limit)?));
        }
        Ok(())
    }

    /// Plans the sublinks in an expression. `top`: it is a condition, so that NULL counts as false.
    pub fn plan_sublinks(&mut self, expr: Expr, top: bool) -> Result<Expr> {
        match expr {
            Expr::SubLink(mut link) => {
                if let Some(test) = link.test.take() {
                    link.test = Some(Box::new(self.plan_sublinks(*test, false)?));
                }
                self.plan_sublink(*link, top)
            }
            Expr::Bool { op: op @ (BoolOp::And | BoolOp::Or), args, location } => {
                let args = args.into_iter().map(|a| self.plan_sublinks(a, top)).collect::<Result<_>>()?;
                Ok(Expr::Bool { op, args, location })
            }
            // Aggregates of an outer level, with their arguments, belong there.
            Expr::Aggref(a) if a.levels_up > 0 => Ok(Expr::Aggref(a)),
            mut other => {
                children_mut(&mut other, &mut |child| {
                    let taken = std::mem::replace(child, bool_const(None));
                    *child = self.plan_sublinks(taken, false)?;
                    Ok(())
                })?;
                Ok(other)
            }
        }
    }

    fn plan_sublink(&mut self, link: SubLink, top: bool) -> Result<Expr> {
        let SubLink { kind, id, test, query, result_type, typmod, collation, .. } = link;
        let mut query = *query;
        if kind == SubLinkKind::Exists {
            self.fold_limit(&mut query)?;
            simplify_exists(&mut query);
        }
        let fraction = match kind {
            SubLinkKind::Exists => 1.0,
            SubLinkKind::All | SubLinkKind::Any => 0.5,
            _ => 0.0,
        };
        let columns: Vec<(Oid, i32, Oid)> = ir::visible_targets(&query.target_list)
            .map(|t| (ir::expr_type(&t.expr), ir::expr_typmod(&t.expr), ir::expr_collation(&t.expr)))
            .collect();
        let mut child = Root::new(&self.g, query, self.ctes.clone());
        child.plan_query(fraction)?;
        let path = child.cheapest_final(fraction);
        let plan = child.create_top_plan(&path)?;
        let level = self.level;
        let passed = std::mem::take(&mut self.g.levels.borrow_mut()[level]);
        let mut parameter_params = Vec::new();
        let mut args = Vec::new();
        for (expr, param) in passed {
            parameter_params.push(param);
            args.push(self.preprocess_expr(expr, false)?);
        }
        let uncorrelated = parameter_params.is_empty();
        let number = self.g.subplans.borrow().len();
        let mut sub = SubPlan {
            kind,
            test: None,
            param_ids: Vec::new(),
            plan: number,
            name: format!("SubPlan {}", number + 1),
            result_type,
            typmod,
            collation,
            use_hash_table: false,
            unknown_equals_false: top,
            set_params: Vec::new(),
            parameter_params,
            args,
            startup_cost: 0.0,
            per_call_cost: 0.0,
        };
        let new_params = |g: &crate::types::Global<'a>| -> Vec<usize> {
            columns.iter().map(|c| g.new_param(c.0)).collect()
        };
        let result = match kind {
            SubLinkKind::Exists | SubLinkKind::Expr | SubLinkKind::Array if uncorrelated => {
                let param = self.g.new_param(result_type);
                sub.set_params = vec![param];
                Some(exec_param(param, result_type, typmod, collation))
            }
            SubLinkKind::RowCompare if uncorrelated => {
                sub.set_params = new_params(&self.g);
                let mut test = test.map_or_else(|| bool_const(None), |t| *t);
                replace_with_params(&mut test, &sub.set_params, &columns)?;
                Some(test)
            }
            SubLinkKind::MultiExpr => {
                sub.set_params = new_params(&self.g);
                self.multi_params.insert(id, sub.set_params.clone());
                if uncorrelated { Some(null_const(self.session(), Oid(2249), -1, Oid(0))?) } else { None }
            }
            _ => {
                if let Some(test) = test {
                    sub.param_ids = new_params(&self.g);
                    let mut test = *test;
                    replace_with_params(&mut test, &sub.param_ids, &columns)?;
                    sub.test = Some(Box::new(test));
                }
                None
            }
        };
        let mut plan = plan;
        if result.is_some() {
            sub.name = format!("InitPlan {}", number + 1);
            (sub.startup_cost, sub.per_call_cost) = (plan.total_cost, 0.0);
        } else if uncorrelated
            && kind == SubLinkKind::Any
            && self.is_hashable(&plan, sub.test.as_deref(), &sub.param_ids)?
        {
            sub.use_hash_table = true;
        } else if uncorrelated {
            self.g.rewind.borrow_mut().insert(number);
            if self.costs().enable_material && !materializes_output(&plan) {
                plan = materialize(self, plan);
            }
        }
        if result.is_none() {
            self.cost_subplan(&mut sub, &plan)?;
        }
        self.g.subplans.borrow_mut().push(SubPlanEntry { plan: Some(plan), root: child });
        Ok(match result {
            Some(result) => {
                sub.set_params.iter().for_each(|p| self.g.init_params.borrow_mut().insert(*p));
                self.init_plans.push(Expr::SubPlan(Box::new(sub)));
                result
            }
            None => Expr::SubPlan(Box::new(sub)),
        })
    }

    /// Whether `x IN (subquery)` can look its values up in a hash table that fits into memory.
    fn is_hashable(&self, plan: &Plan, test: Option<&Expr>, params: &[usize]) -> Result<bool> {
        let Some(test) = test else { return Ok(false) };
        let width = crate::cost::hash_tuple_size(plan.width as f64);
        if plan.rows * width > self.costs().hash_memory() {
            return Ok(false);
        }
        for clause in ands(test.clone()) {
            let Expr::Op(op) = &clause else { return Ok(false) };
            let row = self.session().operator(op.operator)?;
            let function = self.session().function(row.oprcode)?;
            if !row.oprcanhash || !function.proisstrict || op.args.len() != 2 {
                return Ok(false);
            }
            let reads = |e: &Expr| {
                ir::any(
                    e,
                    &mut |e| matches!(e, Expr::Param(p) if p.kind == ParamKind::Exec && params.contains(&p.id)),
                )
            };
            if reads(&op.args[0]) || !reads(&op.args[1]) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn cost_subplan(&self, sub: &mut SubPlan, plan: &Plan) -> Result<()> {
        let operator = self.costs().cpu_operator;
        let mut cost = QualCost::default();
        if let Some(test) = &sub.test {
            cost = self.qual_cost(test)?;
        }
        if sub.use_hash_table {
            cost.startup += plan.total_cost + operator * plan.rows;
        } else {
            let run = plan.total_cost - plan.startup_cost;
            cost.per_tuple += match sub.kind {
                SubLinkKind::Exists => run / crate::cost::clamp_rows(plan.rows),
                SubLinkKind::All | SubLinkKind::Any => 0.5 * run + 0.5 * plan.rows * operator,
                _ => run,
            };
            if sub.parameter_params.is_empty() && materializes_output(plan) {
                cost.startup += plan.startup_cost;
            } else {
                cost.per_tuple += plan.startup_cost;
            }
        }
        (sub.startup_cost, sub.per_call_cost) = (cost.startup, cost.per_tuple);
        Ok(())
    }
}

/// Calls `visit` for each sublink in the query's own expressions, those within other sublinks left out.
fn own_sublinks(query: &mut Query, visit: &mut dyn FnMut(&mut SubLink)) -> Result<()> {
    let mut subqueries: Vec<Option<Box<Query>>> = Vec::new();
    // Queries below this one are not this walk's business.
    for rte in &mut query.range_table {
        subqueries.push(match &mut rte.kind {
            RangeTableKind::Subquery { query, .. } => Some(std::mem::take(query)),
            _ => None,
        });
    }
    let ctes = std::mem::take(&mut query.ctes);
    let walked = deep_query(query, 0, &mut |e, level| {
        if let Expr::SubLink(link) = e
            && level == 0
        {
            visit(link);
        }
        Ok(level > 0)
    });
    query.ctes = ctes;
    for (rte, subquery) in query.range_table.iter_mut().zip(subqueries) {
        if let (RangeTableKind::Subquery { query, .. }, Some(subquery)) = (&mut rte.kind, subquery) {
            *query = subquery;
        }
    }
    walked
}

fn replace_sublink_params(expr: &mut Expr, column: &mut dyn FnMut(usize) -> Option<Expr>) -> Result<()> {
    if let Expr::Param(p) = expr
        && p.kind == ParamKind::SubLink
    {
        *expr = column(p.id).ok_or_else(|| Error::internal("unexpected PARAM_SUBLINK ID"))?;
        return Ok(());
    }
    // Columns in the comparison of a subquery further in are that subquery's.
    if let Expr::SubLink(_) = expr {
        return Ok(());
    }
    children_mut(expr, &mut |child| replace_sublink_params(child, column))
}

fn replace_with_params(expr: &mut Expr, params: &[usize], columns: &[(Oid, i32, Oid)]) -> Result<()> {
    replace_sublink_params(expr, &mut |n| {
        let (type_oid, typmod, collation) = *columns.get(n - 1)?;
        Some(exec_param(*params.get(n - 1)?, type_oid, typmod, collation))
    })
}

/// Drops what does not matter when only the existence of rows is asked for. `false`: it does not apply.
fn simplify_exists(query: &mut Query) -> bool {
    if query.command != CommandType::Select
        || query.set_operations.is_some()
        || query.has_aggregates
        || !query.grouping_sets.is_empty()
        || query.has_window_functions
        || query.has_target_srfs
        || query.has_modifying_cte
        || query.having.is_some()
        || query.limit_offset.is_some()
        || !query.row_marks.is_empty()
    {
        return false;
    }
    if let Some(limit) = &query.limit_count {
        let Expr::Const(c) = &**limit else { return false };
        match c.value {
            None => {}
            Some(datum::OwnedDatum::Int8(n)) if n > 0 => {}
            _ => return false,
        }
        query.limit_count = None;
    }
    query.target_list.clear();
    query.group_clause.clear();
    query.windows.clear();
    query.distinct_clause.clear();
    query.sort_clause.clear();
    query.has_distinct_on = false;
    true
}
