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
            SetOperationTree::Relation(rti) => self.set_operand(*rti, target),
            SetOperationTree::Operation(op) if op.kind == SetOperationKind::Union => {
                let mut children = Vec::new();
                self.union_children(op, tree, target, &mut children)?;
                let append = self.append(children, target);
                if op.all { Ok(append) } else { self.make_unique(&append, op, target) }
            }
            SetOperationTree::Operation(op) => {
                let left = self.set_operation(&op.left, target)?;
                let right = self.set_operation(&op.right, target)?;
                self.intersect_or_except(op, left, right, target)
            }
        }
    }

    /// Members of nested unions of the same kind are members of one list.
    fn union_children(
        &mut self,
        top: &SetOperation,
        tree: &SetOperationTree,
        target: &Rc<Target>,
        out: &mut Vec<Rc<Path>>,
    ) -> Result<()> {
        match tree {
            SetOperationTree::Operation(op)
                if op.kind == SetOperationKind::Union
                    && (op.all == top.all || !top.all)
                    && op.types == top.types =>
            {
                self.union_children(top, &op.left, target, out)?;
                self.union_children(top, &op.right, target, out)
            }
            other => {
                out.push(self.set_operation(other, target)?);
                Ok(())
            }
        }
    }

    /// One query of a set operation, its columns cast to the common types.
    fn set_operand(&mut self, rti: usize, target: &Rc<Target>) -> Result<Rc<Path>> {
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
        let mut rel = Rel::empty(RelSet::single(rti), rti);
        (rel.rows, rel.tuples) = (best.rows, best.rows);
        rel.subroot = Some(Box::new(child));
        self.rels[rti] = Some(rel);
        let own = Rc::new(self.target_of_exprs(exprs)?);
        let trivial = own.exprs.iter().all(|e| matches!(e, Expr::Var(_)));
        let extra = if trivial { 0.0 } else { (self.costs().cpu_tuple + own.cost.per_tuple) * best.rows };
        Ok(Rc::new(Path {
            kind: PathKind::SubqueryScan { child: best.clone() },
            relids: RelSet::single(rti),
            rti,
            target: own,
            rows: best.rows,
            startup: best.startup,
            total: best.total + extra,
            disabled: best.disabled,
            keys: Vec::new(),
            param: None,
            parallel: Parallel::safe(best.parallel.safe),
        }))
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

    fn make_unique(&mut self, child: &Rc<Path>, op: &SetOperation, target: &Rc<Target>) -> Result<Rc<Path>> {
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
            let keys = sorted.keys.len();
            let kind = PathKind::Unique { child: sorted.clone(), columns: keys };
            let path = self.step(kind, &sorted, &out, groups, (sorted.startup, total));
            if best.as_ref().is_none_or(|b| (path.disabled, path.total) < (b.disabled, b.total)) {
                best = Some(Rc::new(path));
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
        left: Rc<Path>,
        right: Rc<Path>,
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
        let (mut left, mut right) = (named(&left), named(&right));
        if op.kind == SetOperationKind::Intersect && left.rows > right.rows {
            std::mem::swap(&mut left, &mut right);
        }
        let groups = match op.kind {
            SetOperationKind::Except => left.rows,
            _ => left.rows.min(right.rows),
        };
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
            let (l, r) = (self.sort_by(&left, &clauses)?, self.sort_by(&right, &clauses)?);
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
