//! Paths of single relations, and the search from there to a path that yields the whole join.

use crate::cost::{clamp_rows, order_clauses};
use crate::types::{ClauseRef, Parallel, Path, PathKind, Root, Target};
use base::{Error, Result};
use ir::{Expr, RangeTableKind, RelSet};
use std::rc::Rc;

impl<'a> Root<'a> {
    /// Plans FROM and WHERE; `needed`: expressions that are computed from its rows. Returns the set of all relations.
    pub fn plan_joins(&mut self, needed: &[Expr]) -> Result<RelSet> {
        self.rels.resize_with(self.query.range_table.len() + 1, || None);
        for rti in crate::clause::from_relids(&self.query.join_tree).iter() {
            self.add_base_relation(rti)?;
        }
        let output = RelSet::single(0);
        for expr in needed {
            self.need(expr, &output);
        }
        self.find_lateral_references()?;
        let items = self.deconstruct()?;
        self.reconsider_outer_joins()?;
        self.generate_base_equalities()?;
        self.extract_from_ors()?;
        self.remove_useless_group_columns()?;
        for rti in self.all_base.clone().iter() {
            let set = RelSet::single(rti);
            let has = self.has_ec_joins(&set);
            self.base_mut(rti).has_ec_joins = has;
            let ordered = order_clauses(self, self.base(rti).restrictions.clone())?;
            self.base_mut(rti).restrictions = ordered;
        }
        // Orders that merge joins could use, so that scans of subqueries and indexes are known to have them.
        for rti in self.all_base.clone().iter() {
            for clause in self.base(rti).join_clauses.clone() {
                if clause.can_join && !clause.merge_families.is_empty() {
                    self.init_merge_classes(&clause)?;
                }
            }
        }
        self.prepare_query_keys()?;
        self.expand_append_relations()?;
        for rti in self.all_base.clone().iter() {
            self.set_relation_size(rti)?;
        }
        self.total_table_pages =
            self.rels.iter().flatten().filter(|r| !r.is_append && !r.dummy).map(|r| r.pages).sum();
        for rti in self.all_base.clone().iter() {
            if !self.base(rti).dummy {
                self.add_relation_paths(rti)?;
            }
        }
        self.search_joins(&items)
    }

    /// Estimates a relation, or finds that it has no rows.
    pub fn set_relation_size(&mut self, rti: usize) -> Result<()> {
        self.set_consider_parallel(rti)?;
        let rel = self.base(rti);
        if rel.excluded || rel.restrictions.iter().any(|c| crate::clause::is_never(&c.expr)) {
            return self.mark_dummy(&RelSet::single(rti));
        }
        if rel.is_append {
            return self.set_append_size(rti);
        }
        // ONLY a partitioned table: its rows are all in the partitions.
        if matches!(self.rte(rti).kind, RangeTableKind::Relation { relkind: b'p', .. }) {
            return self.mark_dummy(&RelSet::single(rti));
        }
        if matches!(self.rte(rti).kind, RangeTableKind::Subquery { .. }) {
            return self.plan_subquery(rti);
        }
        self.check_predicates(rti)?;
        self.set_base_size(rti)
    }

    /// Finds the ways to read a relation.
    pub fn add_relation_paths(&mut self, rti: usize) -> Result<()> {
        if self.base(rti).is_append {
            self.add_append_paths(rti)?;
        } else {
            self.add_base_paths(rti)?;
        }
        if self.all_base.len() > 1 && self.append_parent(rti).is_none() {
            self.gather_rel(&RelSet::single(rti))?;
        }
        self.base_mut(rti).set_cheapest()
    }

    /// Which members of FROM read which others' rows.
    fn find_lateral_references(&mut self) -> Result<()> {
        for rti in self.all_base.clone().iter() {
            if !self.rte(rti).lateral {
                continue;
            }
            let mut exprs: Vec<Expr> = Vec::new();
            let mut own = RelSet::single(rti);
            self.lateral_exprs(rti, &mut own, &mut exprs)?;
            let mut reads = RelSet::new();
            for expr in &exprs {
                reads.extend(&crate::clause::relids(expr));
            }
            let reads = reads.difference(&own);
            if reads.is_empty() {
                continue;
            }
            let wanted = reads.union(&RelSet::single(rti));
            for expr in &exprs {
                self.need(expr, &wanted);
            }
            let rel = self.base_mut(rti);
            rel.direct_lateral = reads.clone();
            rel.lateral = reads.clone();
            self.lateral_refs.push((rti, exprs));
        }
        for _ in 0..self.lateral_refs.len() {
            for (rti, _) in self.lateral_refs.clone() {
                let mut all = self.base(rti).lateral.clone();
                for other in all.clone().iter() {
                    if self.has_base(other) {
                        all.extend(&self.base(other).lateral);
                    }
                }
                all.remove(rti);
                self.base_mut(rti).lateral = all;
            }
        }
        Ok(())
    }

    /// What a member of FROM, or a member of an append relation (`own`), reads of others.
    fn lateral_exprs(&self, rti: usize, own: &mut RelSet, exprs: &mut Vec<Expr>) -> Result<()> {
        match &self.rte(rti).kind {
            RangeTableKind::Subquery { query, .. } => {
                let mut copy = (**query).clone();
                crate::clause::deep_query(&mut copy, 1, &mut |e, level| {
                    if let Expr::Var(v) = e
                        && v.levels_up == level
                    {
                        let mut own = v.clone();
                        own.levels_up = 0;
                        own.location = None;
                        exprs.push(Expr::Var(own));
                    }
                    Ok(false)
                })?;
            }
            RangeTableKind::Function { functions, .. } => {
                exprs.extend(functions.iter().map(|f| f.expr.clone()));
            }
            RangeTableKind::Values { lists, .. } => exprs.extend(lists.iter().flatten().cloned()),
            RangeTableKind::Relation { sample: Some(sample), .. } => {
                exprs.extend(sample.args.iter().chain(&sample.repeatable).cloned());
            }
            _ => {}
        }
        for member in self.append_members.iter().filter(|m| m.parent == rti) {
            own.insert(member.child);
            exprs.extend(member.columns.iter().flatten().filter(|c| !matches!(c, Expr::Var(_))).cloned());
            self.lateral_exprs(member.child, own, exprs)?;
        }
        Ok(())
    }

    fn base_path(
        &self,
        rti: usize,
        kind: PathKind,
        startup: f64,
        run: f64,
        enabled: bool,
    ) -> Result<Rc<Path>> {
        let rel = self.base(rti);
        let param = self.base_param(rti, &rel.lateral)?;
        Ok(Rc::new(Path {
            kind,
            relids: RelSet::single(rti),
            rti,
            target: Rc::new(rel.target.clone()),
            rows: param.as_ref().map_or(rel.rows, |p| p.rows),
            startup,
            total: startup + run,
            disabled: u32::from(!enabled),
            keys: Vec::new(),
            param,
            parallel: Parallel::safe(rel.consider_parallel),
        }))
    }

    /// A sequential scan whose pages are shared out among this many workers and the leader.
    fn partial_seq_scan(&self, rti: usize, workers: usize) -> Result<Rc<Path>> {
        let (rel, costs) = (self.base(rti), self.costs());
        let divisor = self.parallel_divisor(workers);
        let startup = rel.restriction_cost.startup + rel.target.cost.startup;
        let cpu = (costs.cpu_tuple + rel.restriction_cost.per_tuple) * rel.tuples
            + rel.target.cost.per_tuple * rel.rows;
        let run = costs.seq_page * rel.pages + cpu / divisor;
        let whole = self.base_path(rti, PathKind::SeqScan, startup, run, costs.enable_seqscan)?;
        let mut path = crate::upper::clone_path(&whole);
        path.rows = clamp_rows(rel.rows / divisor);
        path.parallel = Parallel { aware: true, safe: true, workers };
        Ok(Rc::new(path))
    }

    /// A scan that evaluates conditions and columns for each tuple it reads at `per_tuple` on top of `startup` and `io`.
    fn simple_scan(
        &self,
        rti: usize,
        kind: PathKind,
        startup: f64,
        io: f64,
        per_tuple: f64,
        enabled: bool,
    ) -> Result<Rc<Path>> {
        let rel = self.base(rti);
        let param = self.base_param(rti, &rel.lateral)?;
        let clauses: &[ClauseRef] = param.as_ref().map_or(&[], |p| &p.clauses);
        let qual = self.scan_qual_cost(rel, clauses)?;
        let rows = param.as_ref().map_or(rel.rows, |p| p.rows);
        let startup = startup + qual.startup + rel.target.cost.startup;
        let run = io + (per_tuple + qual.per_tuple) * rel.tuples + rel.target.cost.per_tuple * rows;
        self.base_path(rti, kind, startup, run, enabled)
    }

    fn add_base_paths(&mut self, rti: usize) -> Result<()> {
        let (cpu, operator, seq_page) =
            (self.costs().cpu_tuple, self.costs().cpu_operator, self.costs().seq_page);
        let kind = self.rte(rti).kind.clone();
        let path = match &kind {
            RangeTableKind::Relation { sample: Some(_), .. } => {
                let io = self.costs().random_page.min(seq_page) * self.base(rti).pages;
                self.simple_scan(rti, PathKind::SampleScan, 0.0, io, cpu, true)?
            }
            // Nothing but a Tid Scan finds the row that a cursor is on.
            RangeTableKind::Relation { .. } if self.base(rti).restrictions.iter().any(is_current_of) => {
                return self.add_tid_paths(rti);
            }
            RangeTableKind::Relation { .. } => {
                let io = seq_page * self.base(rti).pages;
                let enabled = self.costs().enable_seqscan;
                let path = self.simple_scan(rti, PathKind::SeqScan, 0.0, io, cpu, enabled)?;
                self.base_mut(rti).add_path(path);
                let rel = self.base(rti);
                if rel.consider_parallel && rel.lateral.is_empty() {
                    let workers = self.scan_workers(rel, Some(rel.pages), None);
                    if workers > 0 {
                        let path = self.partial_seq_scan(rti, workers)?;
                        self.base_mut(rti).add_partial_path(path);
                    }
                }
                self.add_index_paths(rti)?;
                return self.add_tid_paths(rti);
            }
            RangeTableKind::Function { functions, .. } => {
                let mut startup = 0.0;
                for f in functions {
                    let cost = self.qual_cost(&f.expr)?;
                    startup += cost.startup + cost.per_tuple;
                }
                self.simple_scan(rti, PathKind::FunctionScan, startup, 0.0, cpu, true)?
            }
            RangeTableKind::Values { .. } => {
                self.simple_scan(rti, PathKind::ValuesScan, 0.0, 0.0, operator + cpu, true)?
            }
            RangeTableKind::Cte { name, levels_up, self_reference, .. } => {
                let state = self.cte_state(name, *levels_up)?;
                let kind = match (self_reference, state.work_table, state.plan) {
                    (true, Some((param, _)), _) => PathKind::WorkTableScan { param },
                    (false, _, Some((plan, param))) => PathKind::CteScan { plan, param },
                    _ => return Err(Error::internal(format!("no plan was made for CTE \"{name}\""))),
                };
                self.simple_scan(rti, kind, 0.0, 0.0, cpu + cpu, true)?
            }
            RangeTableKind::NamedTuplestore { .. } => {
                self.simple_scan(rti, PathKind::NamedTuplestoreScan, 0.0, 0.0, cpu + cpu, true)?
            }
            RangeTableKind::Result => self.simple_scan(
                rti,
                PathKind::Result { quals: Vec::new(), child: None },
                0.0,
                0.0,
                cpu,
                true,
            )?,
            RangeTableKind::Subquery { .. } => return self.add_subquery_paths(rti),
            _ => return Err(Error::internal("unexpected range table entry in the join tree")),
        };
        self.base_mut(rti).add_path(path);
        Ok(())
    }

    /// `ctid = ...` and `ctid < ...`.
    fn add_tid_paths(&mut self, rti: usize) -> Result<()> {
        let is_ctid = |e: &Expr| matches!(e, Expr::Var(v) if v.attribute == -1 && crate::clause::var_rti(v) == Some(rti));
        let constant = |e: &Expr| !crate::clause::relids(e).contains(rti);
        let (mut equal, mut range, mut current): (Vec<ClauseRef>, Vec<ClauseRef>, bool) =
            (Vec::new(), Vec::new(), false);
        let mut tuples = 0.0;
        for clause in &self.base(rti).restrictions {
            match &clause.expr {
                Expr::Op(op) if op.args.len() == 2 => {
                    let fits = is_ctid(&op.args[0]) && constant(&op.args[1])
                        || is_ctid(&op.args[1]) && constant(&op.args[0]);
                    match op.operator.0 {
                        402 if fits && equal.is_empty() => {
                            equal.push(clause.clone());
                            tuples = 1.0;
                        }
                        2799..=2802 if fits => range.push(clause.clone()),
                        _ => {}
                    }
                }
                Expr::ScalarArrayOp(op)
                    if op.use_or && op.operator.0 == 402 && is_ctid(&op.args[0]) && equal.is_empty() =>
                {
                    tuples = self.array_length(&op.args[1]);
                    equal.push(clause.clone());
                }
                Expr::CurrentOf { .. } => {
                    equal = vec![clause.clone()];
                    tuples = 1.0;
                    current = true;
                }
                _ => {}
            }
        }
        let costs = self.costs();
        let rel = self.base(rti);
        let enabled = costs.enable_tidscan || current;
        if !equal.is_empty() {
            let own = self.clauses_cost(&equal)?;
            let startup = rel.restriction_cost.startup + own.per_tuple + rel.target.cost.startup;
            let per_tuple = costs.cpu_tuple + rel.restriction_cost.per_tuple - own.per_tuple;
            let run = (costs.random_page + per_tuple) * tuples + rel.target.cost.per_tuple * rel.rows;
            let path = self.base_path(rti, PathKind::Tid { quals: equal }, startup, run, enabled)?;
            self.base_mut(rti).add_path(path);
        } else if !range.is_empty() {
            let selectivity = self.list_selectivity(&range, crate::selectivity::Context::filter(rti))?;
            let pages = (selectivity * rel.pages).ceil().max(1.0);
            let own = self.clauses_cost(&range)?;
            let startup = rel.restriction_cost.startup + own.per_tuple + rel.target.cost.startup;
            let per_tuple = costs.cpu_tuple + rel.restriction_cost.per_tuple - own.per_tuple;
            let io = costs.random_page + costs.seq_page * (pages - 1.0);
            let run = io + per_tuple * selectivity * rel.tuples + rel.target.cost.per_tuple * rel.rows;
            let path = self.base_path(rti, PathKind::TidRange { quals: range }, startup, run, enabled)?;
            self.base_mut(rti).add_path(path);
        }
        Ok(())
    }

    /// Plans a subquery in FROM; conditions on its output columns are checked within it where that changes nothing.
    fn plan_subquery(&mut self, rti: usize) -> Result<()> {
        let RangeTableKind::Subquery { query, security_barrier, .. } = self.rte(rti).kind.clone() else {
            return Ok(());
        };
        let mut query = *query;
        let mut run_conditions = Vec::new();
        if can_push_into(&query) {
            let mut kept = Vec::new();
            for clause in std::mem::take(&mut self.base_mut(rti).restrictions) {
                let may_leak = !clause.leakproof && clause.security_level > 0;
                let fits = !clause.pseudoconstant && (!security_barrier || !may_leak);
                if fits && self.push_into(&mut query, rti, &clause.expr)? {
                    continue;
                }
                if fits
                    && query.has_window_functions
                    && let Some((condition, keep)) = self.run_condition(&query, rti, &clause.expr)?
                {
                    run_conditions.push(condition);
                    if !keep {
                        continue;
                    }
                }
                kept.push(clause);
            }
            self.base_mut(rti).restrictions = kept;
        }
        self.remove_unused_outputs(rti, &mut query, &run_conditions)?;
        let simple = self.all_base.len() == 1
            && !self.query.has_window_functions
            && self.query.group_clause.is_empty()
            && !self.query.has_aggregates
            && self.query.distinct_clause.is_empty()
            && self.query.sort_clause.is_empty()
            && !self.query.has_target_srfs;
        let fraction = if simple { self.tuple_fraction } else { 0.0 };
        let mut child = Root::new(&self.g, query, self.ctes.clone());
        child.run_conditions = run_conditions;
        child.plan_query(fraction)?;
        let level = self.level;
        let mut passed = std::mem::take(&mut self.g.levels.borrow_mut()[level]);
        for (expr, _) in &mut passed {
            *expr = self.fold(expr.clone())?;
        }
        let rows = child.cheapest_final(0.0).rows;
        let rel = self.base_mut(rti);
        rel.subplan_params = passed;
        rel.tuples = rows;
        rel.subroot = Some(Box::new(child));
        self.set_base_size(rti)
    }

    /// Columns of a subquery that nobody reads need not be computed.
    fn remove_unused_outputs(
        &self,
        rti: usize,
        query: &mut ir::Query,
        run_conditions: &[crate::windows::RunCondition],
    ) -> Result<()> {
        if query.set_operations.is_some()
            || !query.distinct_clause.is_empty()
            || query.command != ir::CommandType::Select
        {
            return Ok(());
        }
        let rel = self.base(rti);
        let mut used: Vec<i16> =
            rel.needed.iter().filter(|(_, by)| !by.is_empty()).map(|(a, _)| *a).collect();
        used.extend(run_conditions.iter().map(|c| c.target));
        for clause in rel.restrictions.iter().chain(&rel.join_clauses) {
            let mut vars = Vec::new();
            crate::clause::vars(&clause.expr, &mut vars);
            used.extend(vars.iter().filter(|v| crate::clause::var_rti(v) == Some(rti)).map(|v| v.attribute));
        }
        if used.contains(&0) {
            return Ok(());
        }
        for target in &mut query.target_list {
            let kept = target.junk
                || target.sort_group_ref > 0
                || used.contains(&target.number)
                || crate::clause::returns_set(&target.expr)
                || crate::clause::contains_volatile(self.session(), &target.expr)?;
            if !kept {
                let (type_oid, typmod) = (ir::expr_type(&target.expr), ir::expr_typmod(&target.expr));
                let collation = ir::expr_collation(&target.expr);
                target.expr = crate::clause::null_const(self.session(), type_oid, typmod, collation)?;
            }
        }
        Ok(())
    }

    /// Pushes a condition into each query of a set operation; either into all or into none.
    fn push_into_members(&self, query: &mut ir::Query, rti: usize, clause: &Expr) -> Result<bool> {
        let Some(tree) = query.set_operations.clone() else { return Ok(false) };
        let mut leaves = Vec::new();
        let ir::SetOperationTree::Operation(top) = &*tree else { return Ok(false) };
        if !pushable_members(&tree, &mut leaves) {
            return Ok(false);
        }
        let mut vars = Vec::new();
        crate::clause::vars(clause, &mut vars);
        let mut changed = query.range_table.clone();
        for leaf in leaves {
            let Some(RangeTableKind::Subquery { query: own, .. }) =
                changed.get_mut(leaf - 1).map(|r| &mut r.kind)
            else {
                return Ok(false);
            };
            let same_type = |v: &ir::Var| {
                let target = own.target_list.iter().find(|t| t.number == v.attribute && !t.junk);
                let wanted = usize::try_from(v.attribute - 1).ok().and_then(|at| top.types.get(at));
                target.map(|t| ir::expr_type(&t.expr)).as_ref() == wanted
            };
            if !vars.iter().all(same_type)
                || !can_push_into(own)
                || own.has_window_functions
                || !self.push_into(own, rti, clause)?
            {
                return Ok(false);
            }
        }
        query.range_table = changed;
        Ok(true)
    }

    fn push_into(&self, query: &mut ir::Query, rti: usize, clause: &Expr) -> Result<bool> {
        if crate::clause::contains_volatile(self.session(), clause)?
            || crate::clause::contains_subplan(clause)
        {
            return Ok(false);
        }
        let mut vars = Vec::new();
        crate::clause::vars(clause, &mut vars);
        if ir::any(clause, &mut |e| matches!(e, Expr::Param(p) if p.kind == ir::ParamKind::Exec)) {
            return Ok(false);
        }
        if query.set_operations.is_some() {
            return if vars.is_empty() { Ok(false) } else { self.push_into_members(query, rti, clause) };
        }
        for v in &vars {
            let Some(target) = query.target_list.iter().find(|t| t.number == v.attribute && !t.junk) else {
                return Ok(false);
            };
            // Rows of the same partition must come or go together.
            let in_partition = |w: &ir::WindowClause| {
                w.partition.iter().any(|p| p.target == target.sort_group_ref && p.target > 0)
            };
            if query.has_window_functions && !query.windows.iter().all(in_partition) {
                return Ok(false);
            }
            let unsafe_column = crate::clause::returns_set(&target.expr)
                || crate::clause::contains_volatile(self.session(), &target.expr)?
                || crate::clause::contains_window_function(&target.expr)
                || (!query.distinct_clause.is_empty()
                    && !query.distinct_clause.iter().any(|d| d.target == target.sort_group_ref));
            if unsafe_column {
                return Ok(false);
            }
        }
        if vars.is_empty() {
            return Ok(false);
        }
        let mut own = clause.clone();
        crate::clause::deep(&mut own, 0, &mut |e, _| {
            if let Expr::Var(v) = e
                && crate::clause::var_rti(v) == Some(rti)
                && let Some(target) = query.target_list.iter().find(|t| t.number == v.attribute && !t.junk)
            {
                *e = target.expr.clone();
                return Ok(true);
            }
            Ok(false)
        })?;
        let grouped = query.has_aggregates || !query.group_clause.is_empty() || query.having.is_some();
        let slot = if grouped { &mut query.having } else { &mut query.join_tree.quals };
        let mut all = slot.take().map(|q| crate::clause::ands(*q)).unwrap_or_default();
        all.push(own);
        *slot = Some(Box::new(crate::clause::make_and(all)));
        Ok(true)
    }

    fn add_subquery_paths(&mut self, rti: usize) -> Result<()> {
        let Some(child) = self.base_mut(rti).subroot.take() else {
            return Err(Error::internal("a subquery has not been planned"));
        };
        let fraction = child.tuple_fraction;
        let mut best = vec![child.cheapest_final(fraction)];
        for path in &child.final_paths {
            if !path.keys.is_empty() && !best.iter().any(|b| Rc::ptr_eq(b, path)) {
                best.push(path.clone());
            }
        }
        let lateral = self.base(rti).lateral.clone();
        let param = self.base_param(rti, &lateral)?;
        let clauses: &[ClauseRef] = param.as_ref().map_or(&[], |p| &p.clauses);
        let qual = self.scan_qual_cost(self.base(rti), clauses)?;
        let trivial = self.base(rti).restrictions.is_empty()
            && clauses.is_empty()
            && self.base(rti).target.cost == Default::default();
        let cpu = self.costs().cpu_tuple;
        let consider_parallel = self.base(rti).consider_parallel;
        let partial: &[Rc<Path>] =
            if consider_parallel && lateral.is_empty() { &child.final_partial_paths } else { &[] };
        let mut paths = Vec::new();
        for path in best.iter().chain(partial) {
            let keys = self.convert_subquery_keys(rti, &child, &path.keys)?;
            let rel = self.base(rti);
            let rows = match path.parallel.workers {
                0 => param.as_ref().map_or(rel.rows, |p| p.rows),
                _ => clamp_rows(path.rows * rel.rows / rel.tuples.max(1.0)),
            };
            let (mut startup, mut total) = (path.startup, path.total);
            if !trivial {
                startup += qual.startup + rel.target.cost.startup;
                total += qual.startup
                    + rel.target.cost.startup
                    + (cpu + qual.per_tuple) * path.rows
                    + rel.target.cost.per_tuple * rows;
            }
            paths.push(Rc::new(Path {
                kind: PathKind::SubqueryScan { child: path.clone() },
                relids: RelSet::single(rti),
                rti,
                target: Rc::new(rel.target.clone()),
                rows,
                startup,
                total,
                disabled: path.disabled,
                keys,
                param: param.clone(),
                parallel: Parallel {
                    aware: false,
                    safe: consider_parallel && path.parallel.safe,
                    workers: path.parallel.workers,
                },
            }));
        }
        let rel = self.base_mut(rti);
        rel.subroot = Some(child);
        for path in paths {
            if path.parallel.workers > 0 { rel.add_partial_path(path) } else { rel.add_path(path) }
        }
        Ok(())
    }

    pub fn target_of_exprs(&self, exprs: Vec<(Expr, usize)>) -> Result<Target> {
        let (exprs, refs) = exprs.into_iter().unzip();
        let mut target = Target { exprs, refs, ..Target::default() };
        self.set_target_cost(&mut target)?;
        Ok(target)
    }
}

/// The queries of a set operation all of which may be filtered instead of it: not those of EXCEPT.
fn pushable_members(tree: &ir::SetOperationTree, out: &mut Vec<usize>) -> bool {
    match tree {
        ir::SetOperationTree::Relation(rti) => {
            out.push(*rti);
            true
        }
        ir::SetOperationTree::Operation(op) => {
            op.kind != ir::SetOperationKind::Except
                && pushable_members(&op.left, out)
                && pushable_members(&op.right, out)
        }
    }
}

/// A subquery whose rows may be filtered earlier without changing those that remain.
fn can_push_into(query: &ir::Query) -> bool {
    query.command == ir::CommandType::Select
        && query.limit_count.is_none()
        && query.limit_offset.is_none()
        && query.grouping_sets.is_empty()
        && !query.has_recursive
        && !query.has_distinct_on
        && !query.has_target_srfs
        && query.row_marks.is_empty()
        && !(query.has_aggregates && query.group_clause.is_empty())
}

fn is_current_of(clause: &ClauseRef) -> bool {
    matches!(clause.expr, Expr::CurrentOf { .. })
}
