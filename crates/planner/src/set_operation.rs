//! UNION, INTERSECT, EXCEPT and WITH RECURSIVE.

use crate::clause::var;
use crate::cost::{AggCosts, AggInput, agg_cost, clamp_rows};
use crate::types::{AggPath, Parallel, Path, PathKind, Rel, Root, Target};
use base::{Error, Oid, Result};
use ir::{
    AggSplit, AggStrategy, CoercionForm, Expr, FuncExpr, RangeTableKind, RelSet, SetOperation,
    SetOperationKind, SetOperationTree,
};
use std::rc::Rc;

/// One query of a set operation.
struct Operand {
    cheapest: Rc<Path>,
    /// In the order of the operation's columns.
    sorted: Option<Rc<Path>>,
    groups: f64,
}

impl<'a> Root<'a> {
    pub fn plan_set_operations(&mut self) -> Result<Vec<Rc<Path>>> {
        self.targets = self.query.target_list.clone();
        self.rels.resize_with(self.query.range_table.len() + 1, || None);
        let tree = self.query.set_operations.clone().ok_or_else(|| Error::internal("no set operation"))?;
        let exprs: Vec<(Expr, usize)> =
            self.targets.iter().map(|t| (t.expr.clone(), t.sort_group_ref)).collect();
        let target = Rc::new(self.target_of_exprs(exprs)?);
        self.upper_parallel = true;
        let path = match &*tree {
            SetOperationTree::Operation(op) if self.has_recursion => self.recursive_union(op, &target)?,
            tree => self.set_operation(tree, &target)?,
        };
        self.ec_done = true;
        self.prepare_query_keys()?;
        self.upper_parallel = path.parallel.safe;
        Ok(vec![path])
    }

    fn set_operation(&mut self, tree: &SetOperationTree, target: &Rc<Target>) -> Result<Rc<Path>> {
        match tree {
            SetOperationTree::Relation(rti) => Ok(self.set_operand(*rti, target, &[])?.cheapest),
            SetOperationTree::Operation(op) if op.kind == SetOperationKind::Union => {
                let order = if op.all { Vec::new() } else { self.numbered(&op.groups) };
                let mut children = Vec::new();
                self.union_children(op, tree, target, &order, &mut children)?;
                let append = self.append(children.iter().map(|c| c.cheapest.clone()).collect(), target);
                if op.all {
                    return Ok(append);
                }
                let sorted: Option<Vec<Rc<Path>>> = children.into_iter().map(|c| c.sorted).collect();
                self.make_unique(&append, sorted, op, target)
            }
            SetOperationTree::Operation(op) => {
                let order = self.numbered(&op.groups);
                let left = self.operand(&op.left, target, &order)?;
                let right = self.operand(&op.right, target, &order)?;
                self.intersect_or_except(op, left, right, target)
            }
        }
    }

    /// One side of a set operation, also in an order if that is of use.
    fn operand(
        &mut self,
        tree: &SetOperationTree,
        target: &Rc<Target>,
        order: &[ir::SortGroupClause],
    ) -> Result<Operand> {
        match tree {
            SetOperationTree::Relation(rti) => self.set_operand(*rti, target, order),
            other => {
                let cheapest = self.set_operation(other, target)?;
                Ok(Operand { groups: cheapest.rows, cheapest, sorted: None })
            }
        }
    }

    /// Members of nested unions of the same kind are members of one list.
    fn union_children(
        &mut self,
        top: &SetOperation,
        tree: &SetOperationTree,
        target: &Rc<Target>,
        order: &[ir::SortGroupClause],
        out: &mut Vec<Operand>,
    ) -> Result<()> {
        match tree {
            SetOperationTree::Operation(op)
                if op.kind == SetOperationKind::Union
                    && (op.all == top.all || !top.all)
                    && op.types == top.types =>
            {
                self.union_children(top, &op.left, target, order, out)?;
                self.union_children(top, &op.right, target, order, out)
            }
            other => {
                out.push(self.operand(other, target, order)?);
                Ok(())
            }
        }
    }

    /// One query of a set operation, its columns cast to the common types.
    fn set_operand(
        &mut self,
        rti: usize,
        target: &Rc<Target>,
        order: &[ir::SortGroupClause],
    ) -> Result<Operand> {
        let RangeTableKind::Subquery { query, .. } = self.rte(rti).kind.clone() else {
            return Err(Error::internal("a member of a set operation is not a subquery"));
        };
        let mut child = Root::new(&self.g, *query, self.ctes.clone());
        if let Some(work) = self.work_table {
            // The work table belongs to the CTE being defined, one level above this one.
            if let Some(states) = self.level.checked_sub(1).and_then(|l| child.ctes.get_mut(l))
                && let Some(state) = states.last_mut()
            {
                state.work_table = Some(work);
            }
        }
        child.set_clauses = order.to_vec();
        child.plan_query(self.tuple_fraction)?;
        let best = child.cheapest_final(0.0);
        let mut exprs = Vec::new();
        for (i, (t, wanted)) in child.targets.iter().filter(|t| !t.junk).zip(&target.exprs).enumerate() {
            let (type_oid, typmod) = (ir::expr_type(&t.expr), ir::expr_typmod(&t.expr));
            let column = Expr::Var(var(rti, i as i16 + 1, type_oid, typmod, ir::expr_collation(&t.expr)));
            exprs.push((
                self.coerce(column, ir::expr_type(wanted), ir::expr_collation(wanted))?,
                target.refs[i],
            ));
        }
        let own = Rc::new(self.target_of_exprs(exprs)?);
        let trivial = own.exprs.iter().all(|e| matches!(e, Expr::Var(_)));
        let groups = child.distinct_outputs(best.rows)?;
        let ordered = if trivial { child.in_set_order(&best)? } else { None };
        let mut rel = Rel::empty(RelSet::single(rti), rti);
        (rel.rows, rel.tuples) = (best.rows, best.rows);
        rel.subroot = Some(Box::new(child));
        self.rels[rti] = Some(rel);
        let cpu = self.costs().cpu_tuple;
        let scan = |path: &Rc<Path>| {
            let extra = if trivial { 0.0 } else { (cpu + own.cost.per_tuple) * path.rows };
            Rc::new(Path {
                kind: PathKind::SubqueryScan { child: path.clone() },
                relids: RelSet::single(rti),
                rti,
                target: own.clone(),
                rows: path.rows,
                startup: path.startup,
                total: path.total + extra,
                disabled: path.disabled,
                keys: Vec::new(),
                param: None,
                parallel: Parallel::safe(path.parallel.safe),
            })
        };
        Ok(Operand { cheapest: scan(&best), sorted: ordered.as_ref().map(scan), groups })
    }

    /// How many different rows come out.
    fn distinct_outputs(&self, rows: f64) -> Result<f64> {
        let query = &self.query;
        if query.set_operations.is_some()
            || !query.group_clause.is_empty()
            || !query.grouping_sets.is_empty()
            || !query.distinct_clause.is_empty()
            || query.has_aggregates
            || self.has_having_qual
        {
            return Ok(rows);
        }
        let exprs: Vec<Expr> = self.targets.iter().filter(|t| !t.junk).map(|t| t.expr.clone()).collect();
        self.group_count(&exprs, rows)
    }

    /// The cheapest way to have the rows in the order that the set operation above can use.
    fn in_set_order(&self, cheapest: &Rc<Path>) -> Result<Option<Rc<Path>>> {
        if self.set_keys.is_empty() {
            return Ok(None);
        }
        let mut best: Option<Rc<Path>> = None;
        for path in &self.final_paths {
            let Some(sorted) = self.sort_for(path, cheapest, &self.set_keys, -1.0)? else { continue };
            if best.as_ref().is_none_or(|b| (sorted.disabled, sorted.total) < (b.disabled, b.total)) {
                best = Some(sorted);
            }
        }
        Ok(best)
    }

    /// The keys of the order that a set operation above asks for; none if it cannot be had so.
    pub fn keys_for_set_operation(&mut self) -> Result<Vec<crate::types::PathKey>> {
        let mut keys = Vec::new();
        let outputs: Vec<ir::TargetEntry> = self.targets.iter().filter(|t| !t.junk).cloned().collect();
        for clause in self.set_clauses.clone() {
            let Some(target) = clause.target.checked_sub(1).and_then(|i| outputs.get(i)) else {
                return Ok(Vec::new());
            };
            if !clause.sort_operator.is_valid() || crate::clause::returns_set(&target.expr) {
                return Ok(Vec::new());
            }
            let operand = self.session().operator(clause.sort_operator)?.oprleft;
            let own = ir::expr_type(&target.expr);
            if own != operand && !self.session().binary_coercible(own, operand)? {
                return Ok(Vec::new());
            }
            let (operator, nulls_first) = (clause.sort_operator, clause.nulls_first);
            let reference = target.sort_group_ref;
            if let Some(key) = self.sort_key(&target.expr, operator, nulls_first, reference, true)?
                && !self.key_is_redundant(&key, &keys)
            {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    /// Casts a column to the common type of a set operation.
    fn coerce(&self, expr: Expr, result_type: Oid, collation: Oid) -> Result<Expr> {
        let source = ir::expr_type(&expr);
        if source == result_type {
            return Ok(expr);
        }
        let form = CoercionForm::ImplicitCast;
        let cast = self.session().cast(self.session().base_type(source)?.0, result_type)?;
        if let Some(function) = cast.as_ref().and_then(|c| c.castfunc.some()) {
            return Ok(Expr::Func(FuncExpr {
                function,
                result_type,
                returns_set: false,
                variadic: false,
                form,
                collation,
                input_collation: ir::expr_collation(&expr),
                args: vec![expr],
                location: None,
            }));
        }
        if self.session().binary_coercible(source, result_type)?
            || cast.is_some_and(|c| c.castmethod as u8 == b'b')
        {
            let arg = Box::new(expr);
            return Ok(Expr::Relabel { arg, result_type, typmod: -1, collation, form, location: None });
        }
        Ok(Expr::CoerceViaIo { arg: Box::new(expr), result_type, collation, form, location: None })
    }

    fn append(&self, children: Vec<Rc<Path>>, target: &Rc<Target>) -> Rc<Path> {
        let cpu = self.costs().cpu_tuple;
        let rows: f64 = children.iter().map(|c| c.rows).sum();
        let startup = children.first().map_or(0.0, |c| c.startup);
        // Half of a tuple's cost for handing each one on.
        let total: f64 = children.iter().map(|c| c.total).sum::<f64>() + 0.5 * cpu * rows;
        let widths: f64 = children.iter().map(|c| f64::from(c.target.width) * c.rows).sum();
        let mut target = (**target).clone();
        if rows > 0.0 {
            target.width = (widths / rows).round_ties_even() as i32;
        }
        let relids = children.iter().fold(RelSet::new(), |s, c| s.union(&c.relids));
        let disabled = children.iter().map(|c| c.disabled).sum();
        let safe = children.iter().all(|c| c.parallel.safe);
        Rc::new(Path {
            kind: PathKind::Append { children },
            relids,
            rti: 0,
            target: Rc::new(target),
            rows,
            startup,
            total,
            disabled,
            keys: Vec::new(),
            param: None,
            parallel: Parallel::safe(safe),
        })
    }

    fn make_unique(
        &mut self,
        child: &Rc<Path>,
        sorted_children: Option<Vec<Rc<Path>>>,
        op: &SetOperation,
        target: &Rc<Target>,
    ) -> Result<Rc<Path>> {
        let columns = op.groups.len();
        let groups = child.rows;
        let hashable = op.groups.iter().all(|g| g.hashable);
        let sortable = op.groups.iter().all(|g| g.sort_operator.is_valid());
        let clauses = self.numbered(&op.groups);
        let mut numbered = (*child.target).clone();
        numbered.refs = (1..=numbered.exprs.len()).collect();
        let numbered = Rc::new(numbered);
        let mut renamed = crate::upper::clone_path(child);
        renamed.target = numbered.clone();
        let child = Rc::new(renamed);
        let mut out = (*numbered).clone();
        out.refs.clone_from(&target.refs);
        let out = Rc::new(out);
        let mut best: Option<Rc<Path>> = None;
        if hashable {
            let input = AggInput {
                startup: child.startup,
                total: child.total,
                tuples: child.rows,
                width: child.target.width,
            };
            let cost =
                agg_cost(self.costs(), AggStrategy::Hashed, &AggCosts::default(), columns, groups, &input);
            let agg = AggPath {
                strategy: AggStrategy::Hashed,
                split: AggSplit::Simple,
                groups: clauses.clone(),
                estimated_groups: groups,
                presorted: Vec::new(),
                having: Vec::new(),
            };
            let mut path =
                self.step(PathKind::Aggregate { child: child.clone(), agg }, &child, &out, groups, cost);
            path.disabled += u32::from(!self.costs().enable_hashagg);
            best = Some(Rc::new(path));
        }
        if sortable {
            let sorted = self.sort_by(&child, &clauses)?;
            let total = sorted.total + self.costs().cpu_operator * sorted.rows * columns as f64;
            let keys = sorted.keys.clone();
            let kind = PathKind::Unique { child: sorted.clone(), columns: keys.len() };
            let path = self.step(kind, &sorted, &out, groups, (sorted.startup, total));
            if best.as_ref().is_none_or(|b| (path.disabled, path.total) < (b.disabled, b.total)) {
                best = Some(Rc::new(path));
            }
            if let Some(children) = sorted_children.filter(|_| !keys.is_empty()) {
                let ordered = |path: Rc<Path>| {
                    let mut copy = crate::upper::clone_path(&path);
                    copy.keys.clone_from(&keys);
                    Rc::new(copy)
                };
                let children = children.into_iter().map(ordered).collect();
                let merged = Rc::new(self.merged(children, keys.clone(), &numbered, -1.0)?);
                let total = merged.total + self.costs().cpu_operator * merged.rows * columns as f64;
                let kind = PathKind::Unique { child: merged.clone(), columns: keys.len() };
                let path = self.step(kind, &merged, &out, groups, (merged.startup, total));
                if best.as_ref().is_none_or(|b| (path.disabled, path.total) < (b.disabled, b.total)) {
                    best = Some(Rc::new(path));
                }
            }
        }
        best.ok_or_else(|| could_not("UNION"))
    }

    /// The operation's grouping columns, named by position.
    fn numbered(&self, groups: &[ir::SortGroupClause]) -> Vec<ir::SortGroupClause> {
        groups.iter().enumerate().map(|(i, g)| ir::SortGroupClause { target: i + 1, ..g.clone() }).collect()
    }

    fn sort_by(&mut self, child: &Rc<Path>, clauses: &[ir::SortGroupClause]) -> Result<Rc<Path>> {
        let entries: Vec<ir::TargetEntry> = child
            .target
            .exprs
            .iter()
            .enumerate()
            .map(|(i, e)| ir::TargetEntry {
                sort_group_ref: i + 1,
                ..ir::TargetEntry::new(e.clone(), i as i16 + 1, None)
            })
            .collect();
        let (keys, _) = self.keys_for(clauses, &entries)?;
        Ok(self.sort_path(child, keys, -1.0))
    }

    fn intersect_or_except(
        &mut self,
        op: &SetOperation,
        left: Operand,
        right: Operand,
        target: &Rc<Target>,
    ) -> Result<Rc<Path>> {
        let columns = op.groups.len() as f64;
        let clauses = self.numbered(&op.groups);
        let named = |p: &Rc<Path>| {
            let mut copy = crate::upper::clone_path(p);
            let mut t = (*copy.target).clone();
            t.refs = (1..=t.exprs.len()).collect();
            copy.target = Rc::new(t);
            Rc::new(copy)
        };
        let (mut first, mut second) = (left, right);
        if op.kind == SetOperationKind::Intersect && first.groups > second.groups {
            std::mem::swap(&mut first, &mut second);
        }
        let groups = first.groups;
        let (left, right) = (named(&first.cheapest), named(&second.cheapest));
        let rows = if op.all {
            left.rows.min(if op.kind == SetOperationKind::Except { left.rows } else { right.rows })
        } else {
            groups
        };
        let costs = self.costs();
        let mut out = (*left.target).clone();
        out.exprs.clone_from(&target.exprs);
        out.refs.clone_from(&target.refs);
        let out = Rc::new(out);
        let mut best: Option<Rc<Path>> = None;
        if op.groups.iter().all(|g| g.hashable) {
            let startup = left.total + right.total + costs.cpu_operator * columns * (left.rows + right.rows);
            let total = startup + costs.cpu_tuple * rows;
            let kind = PathKind::SetOp {
                left: left.clone(),
                right: right.clone(),
                kind: op.kind,
                all: op.all,
                hashed: true,
                groups: clauses.clone(),
            };
            let mut path = self.step(kind, &left, &out, clamp_rows(rows), (startup, total));
            path.keys.clear();
            path.disabled = left.disabled + right.disabled + u32::from(!costs.enable_hashagg);
            path.parallel.safe &= right.parallel.safe;
            best = Some(Rc::new(path));
        }
        if op.groups.iter().all(|g| g.sort_operator.is_valid()) {
            let mut in_order = |operand: &Operand, cheapest: &Rc<Path>| match &operand.sorted {
                Some(sorted) => Ok(named(sorted)),
                None => self.sort_by(cheapest, &clauses),
            };
            let (l, r) = (in_order(&first, &left)?, in_order(&second, &right)?);
            let costs = self.costs();
            let startup = l.startup + r.startup;
            let total =
                l.total + r.total + costs.cpu_operator * columns * (l.rows + r.rows) + costs.cpu_tuple * rows;
            let disabled = l.disabled + r.disabled;
            let safe = l.parallel.safe && r.parallel.safe;
            let kind = PathKind::SetOp {
                left: l.clone(),
                right: r,
                kind: op.kind,
                all: op.all,
                hashed: false,
                groups: clauses,
            };
            let mut path = self.step(kind, &l, &out, clamp_rows(rows), (startup, total));
            path.disabled = disabled;
            path.keys.clear();
            path.parallel.safe = safe;
            if best.as_ref().is_none_or(|b| (path.disabled, path.total) < (b.disabled, b.total)) {
                best = Some(Rc::new(path));
            }
        }
        let name = if op.kind == SetOperationKind::Except { "EXCEPT" } else { "INTERSECT" };
        best.ok_or_else(|| could_not(name))
    }

    fn recursive_union(&mut self, op: &SetOperation, target: &Rc<Target>) -> Result<Rc<Path>> {
        let Some((param, _)) = self.work_table.take() else {
            return Err(Error::internal("a recursive query has no work table"));
        };
        let left = self.set_operation(&op.left, target)?;
        self.work_table = Some((param, left.rows));
        let right = self.set_operation(&op.right, target)?;
        if !op.all && !op.groups.iter().all(|g| g.hashable) {
            return Err(Error::new(
                base::SqlState::FEATURE_NOT_SUPPORTED,
                "could not implement recursive UNION",
            )
            .detail("All column datatypes must be hashable."));
        }
        let rows = left.rows + 10.0 * right.rows;
        let total = left.total + 10.0 * right.total + self.costs().cpu_tuple * rows;
        let startup = left.startup;
        let groups = if op.all { Vec::new() } else { self.numbered(&op.groups) };
        let relids = left.relids.union(&right.relids);
        let disabled = left.disabled + right.disabled;
        let width = left.target.width.max(right.target.width);
        let mut out = (**target).clone();
        out.width = width;
        Ok(Rc::new(Path {
            kind: PathKind::RecursiveUnion { left, right, groups, param },
            relids,
            rti: 0,
            target: Rc::new(out),
            rows,
            startup,
            total,
            disabled,
            keys: Vec::new(),
            param: None,
            parallel: Parallel::default(),
        }))
    }
}

fn could_not(name: &str) -> Error {
    Error::new(base::SqlState::FEATURE_NOT_SUPPORTED, format!("could not implement {name}"))
        .detail("Some of the datatypes only support hashing, while others only support sorting.")
}
