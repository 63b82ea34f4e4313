//! The last step: one flat range table for all levels, columns as positions in the children's output, numbers for the
//! nodes and the params each depends on.

use crate::clause::{children_mut, deep_rte, var_rti};
use crate::types::{Global, Root};
use base::{Error, Oid, Result};
use ir::{
    Expr, ParamKind, Permission, Plan, PlanNode, PlanRowMark, PlannedStmt, RangeTableEntry, RangeTableKind,
    RelSet, TargetEntry, Var, VarSource,
};
use std::rc::Rc;

/// What is collected for the finished statement.
pub(crate) struct Finish<'a> {
    g: Rc<Global<'a>>,
    pub range_table: Vec<RangeTableEntry>,
    pub permissions: Vec<Permission>,
    pub row_marks: Vec<PlanRowMark>,
    pub result_relations: Vec<usize>,
    pub append_relations: Vec<ir::AppendRelation>,
    pub dependencies: Vec<Oid>,
}

/// Where an expression's columns come from.
struct Inputs<'t> {
    outer: &'t [TargetEntry],
    inner: &'t [TargetEntry],
    /// Columns of an index.
    index: &'t [TargetEntry],
    offset: usize,
    /// Columns that no input has stay references to relations (offset); else that is a defect.
    keep: bool,
}

fn position(expr: &Expr, source: VarSource, t: &TargetEntry) -> Expr {
    Expr::Var(Var {
        source,
        attribute: t.number,
        type_oid: ir::expr_type(expr),
        typmod: ir::expr_typmod(expr),
        collation: ir::expr_collation(expr),
        nulling: RelSet::new(),
        levels_up: 0,
        returning: ir::Returning::Default,
        syntactic: match expr {
            Expr::Var(v) => (var_rti(v).unwrap_or(0), v.attribute),
            _ => (0, 0),
        },
        location: None,
    })
}

/// Within one input a column has one value, whatever joins it has passed and wherever it was written.
fn same_value(target: &Expr, wanted: &Expr) -> bool {
    match (target, wanted) {
        (Expr::Var(a), Expr::Var(b)) => {
            (a.source, a.attribute, a.levels_up, a.returning)
                == (b.source, b.attribute, b.levels_up, b.returning)
        }
        (a, b) => a == b,
    }
}

impl Inputs<'_> {
    fn fix(&self, expr: &mut Expr) -> Result<()> {
        for (list, source) in
            [(self.outer, VarSource::Outer), (self.inner, VarSource::Inner), (self.index, VarSource::Index)]
        {
            if matches!(expr, Expr::Const(_) | Expr::Param(_)) {
                return Ok(());
            }
            if let Some(t) = list.iter().find(|t| same_value(&t.expr, expr)) {
                let mut at = position(expr, source, t);
                if let Expr::Var(v) = &mut at
                    && v.syntactic.0 > 0
                {
                    v.syntactic.0 += self.offset;
                }
                *expr = at;
                return Ok(());
            }
        }
        match expr {
            Expr::Var(v) => {
                let VarSource::Relation(rti) = &mut v.source else { return Ok(()) };
                if !self.keep {
                    return Err(Error::internal("variable not found in subplan target list"));
                }
                v.syntactic = (*rti + self.offset, v.attribute);
                *rti += self.offset;
                Ok(())
            }
            Expr::CurrentOf { relation, .. } => {
                *relation += self.offset;
                Ok(())
            }
            other => children_mut(other, &mut |child| self.fix(child)),
        }
    }

    fn list(&self, exprs: &mut [Expr]) -> Result<()> {
        exprs.iter_mut().try_for_each(|e| self.fix(e))
    }

    fn targets(&self, targets: &mut [TargetEntry]) -> Result<()> {
        targets.iter_mut().try_for_each(|t| self.fix(&mut t.expr))
    }
}

impl<'a> Finish<'a> {
    pub fn new(g: &Rc<Global<'a>>) -> Finish<'a> {
        Finish {
            g: g.clone(),
            range_table: Vec::new(),
            permissions: Vec::new(),
            row_marks: Vec::new(),
            result_relations: Vec::new(),
            append_relations: Vec::new(),
            dependencies: Vec::new(),
        }
    }

    /// Finishes one query level's plan.
    pub fn query_plan(&mut self, root: &mut Root<'a>, plan: Plan) -> Result<Plan> {
        let offset = self.range_table.len();
        let permissions = self.permissions.len();
        for rte in &root.query.range_table {
            let mut rte = rte.clone();
            match &mut rte.kind {
                RangeTableKind::Relation { permission, oid, .. } => {
                    self.dependencies.push(*oid);
                    if *permission > 0 {
                        *permission += permissions;
                    }
                }
                RangeTableKind::Subquery { query, permission, view, .. } => {
                    self.dependencies.extend(*view);
                    **query = ir::Query::default();
                    if *permission > 0 {
                        *permission += permissions;
                    }
                }
                RangeTableKind::Join { alias_vars, .. } => alias_vars.clear(),
                _ => {}
            }
            let inputs = Inputs { outer: &[], inner: &[], index: &[], offset, keep: true };
            deep_rte(&mut rte.kind, 0, &mut |e, _| inputs.fix(e).map(|()| true))?;
            rte.security_quals.clear();
            self.range_table.push(rte);
        }
        for member in &root.append_members {
            let column = |e: &Option<Expr>| match e {
                Some(Expr::Var(v)) => v.attribute,
                _ => 0,
            };
            self.append_relations.push(ir::AppendRelation {
                parent: member.parent + offset,
                child: member.child + offset,
                columns: member.columns.iter().map(column).collect(),
            });
        }
        self.permissions.extend(root.query.permissions.iter().cloned());
        for mut mark in root.marks_of_members() {
            mark.shift(offset);
            self.row_marks.push(mark);
        }
        self.plan(root, plan, offset)
    }

    /// Finishes the plans of the statement's subplans.
    pub fn subplans(&mut self) -> Result<Vec<Plan>> {
        let mut done = Vec::new();
        let count = self.g.subplans.borrow().len();
        for i in 0..count {
            let taken = {
                let mut entries = self.g.subplans.borrow_mut();
                let entry = &mut entries[i];
                entry.plan.take().map(|plan| {
                    (
                        plan,
                        std::mem::replace(
                            &mut entry.root,
                            Root::new(&self.g, ir::Query::default(), Vec::new()),
                        ),
                    )
                })
            };
            let Some((plan, mut root)) = taken else { return Err(Error::internal("a subplan has no plan")) };
            done.push(self.query_plan(&mut root, plan)?);
        }
        Ok(done)
    }

    fn child(&mut self, root: &mut Root<'a>, child: &mut Option<Box<Plan>>, offset: usize) -> Result<()> {
        if let Some(plan) = child.take() {
            *child = Some(Box::new(self.plan(root, *plan, offset)?));
        }
        Ok(())
    }

    fn children(&mut self, root: &mut Root<'a>, children: &mut Vec<Plan>, offset: usize) -> Result<()> {
        let taken = std::mem::take(children);
        *children = taken.into_iter().map(|child| self.plan(root, child, offset)).collect::<Result<_>>()?;
        Ok(())
    }

    fn plan(&mut self, root: &mut Root<'a>, mut plan: Plan, offset: usize) -> Result<Plan> {
        let outer: Vec<TargetEntry> = plan.left.as_ref().map(|p| p.target_list.clone()).unwrap_or_default();
        let inner: Vec<TargetEntry> = plan.right.as_ref().map(|p| p.target_list.clone()).unwrap_or_default();
        let scan = Inputs { outer: &[], inner: &[], index: &[], offset, keep: true };
        let upper = Inputs { outer: &outer, inner: &[], index: &[], offset, keep: plan.left.is_none() };
        let join = Inputs { outer: &outer, inner: &inner, index: &[], offset, keep: false };
        let below_outer = Inputs { outer: &outer, inner: &[], index: &[], offset, keep: true };
        if members(&mut plan.node).is_some() {
            return self.member_list(root, plan, offset);
        }
        match &mut plan.node {
            PlanNode::SeqScan { relation }
            | PlanNode::FunctionScan { relation }
            | PlanNode::ValuesScan { relation }
            | PlanNode::CteScan { relation, .. }
            | PlanNode::WorkTableScan { relation, .. }
            | PlanNode::NamedTuplestoreScan { relation } => *relation += offset,
            PlanNode::SampleScan { relation, sample } => {
                *relation += offset;
                sample.args.iter_mut().chain(&mut sample.repeatable).try_for_each(|e| scan.fix(e))?;
            }
            PlanNode::TidScan { relation, quals } | PlanNode::TidRangeScan { relation, quals } => {
                *relation += offset;
                scan.list(quals)?;
            }
            PlanNode::IndexScan { relation, quals, .. } => {
                *relation += offset;
                fix_index_quals(&scan, quals)?;
            }
            PlanNode::IndexOnlyScan { relation, quals, index_targets, .. } => {
                *relation += offset;
                fix_index_quals(&scan, quals)?;
                let columns = index_targets.clone();
                scan.targets(index_targets)?;
                return self.index_only(plan, &columns, offset);
            }
            PlanNode::BitmapIndexScan { relation, quals, .. } => {
                *relation += offset;
                fix_index_quals(&scan, quals)?;
            }
            PlanNode::BitmapHeapScan { relation, recheck } => {
                *relation += offset;
                scan.list(recheck)?;
            }
            PlanNode::SubqueryScan { .. } => return self.subquery_scan(root, plan, offset),
            PlanNode::NestLoop { join: j, params } => {
                join.list(&mut j.quals)?;
                for param in params {
                    below_outer.fix(&mut param.value)?;
                }
            }
            PlanNode::MergeJoin { join: j, clauses, .. } => {
                join.list(&mut j.quals)?;
                clauses.iter_mut().try_for_each(|c| join.fix(&mut c.condition))?;
            }
            PlanNode::HashJoin { join: j, clauses } => {
                join.list(&mut j.quals)?;
                join.list(clauses)?;
            }
            PlanNode::Hash { keys } | PlanNode::Memoize { keys, .. } => below_outer.list(keys)?,
            PlanNode::Result { constant_qual } => {
                let targets = plan.target_list.iter_mut().map(|t| &mut t.expr);
                targets.chain(&mut *constant_qual).try_for_each(|e| min_max_params(root, e))?;
                scan.list(constant_qual)?;
            }
            PlanNode::Limit { offset: skip, count, .. } => {
                skip.iter_mut().chain(count).try_for_each(|e| scan.fix(e))?;
            }
            PlanNode::LockRows { marks } => marks.iter_mut().for_each(|m| m.shift(offset)),
            PlanNode::WindowAgg(window) => {
                window.start_offset.iter_mut().chain(&mut window.end_offset).try_for_each(|e| scan.fix(e))?;
                upper.list(&mut window.run_condition)?;
            }
            PlanNode::ModifyTable(modify) => self.modify(modify, &outer, offset)?,
            PlanNode::Aggregate(agg) => {
                aggregate_columns(agg, &mut plan.target_list, &mut plan.qual, &outer)?
            }
            _ => {}
        }
        match &plan.node {
            PlanNode::NestLoop { .. } | PlanNode::MergeJoin { .. } | PlanNode::HashJoin { .. } => {
                join.targets(&mut plan.target_list)?;
                join.list(&mut plan.qual)?;
            }
            PlanNode::Sort { .. }
            | PlanNode::IncrementalSort { .. }
            | PlanNode::Materialize
            | PlanNode::Memoize { .. }
            | PlanNode::Hash { .. }
            | PlanNode::Unique { .. }
            | PlanNode::Limit { .. }
            | PlanNode::LockRows { .. }
            | PlanNode::SetOp { .. }
            | PlanNode::RecursiveUnion { .. } => pass_on(&mut plan.target_list, offset),
            PlanNode::ModifyTable(modify) => {
                plan.target_list = modify.returning.first().cloned().unwrap_or_default()
            }
            PlanNode::Aggregate(_)
            | PlanNode::Gather { .. }
            | PlanNode::GatherMerge { .. }
            | PlanNode::Group { .. }
            | PlanNode::WindowAgg(_)
            | PlanNode::ProjectSet
            | PlanNode::Result { .. } => {
                upper.targets(&mut plan.target_list)?;
                upper.list(&mut plan.qual)?;
            }
            _ => {
                scan.targets(&mut plan.target_list)?;
                scan.list(&mut plan.qual)?;
            }
        }
        self.init_plans(&scan, &mut plan)?;
        self.child(root, &mut plan.left, offset)?;
        self.child(root, &mut plan.right, offset)?;
        Ok(plan)
    }

    /// A node with a list of inputs, whose columns it passes on.
    fn member_list(&mut self, root: &mut Root<'a>, mut plan: Plan, offset: usize) -> Result<Plan> {
        if let Some(children) = members(&mut plan.node) {
            self.children(root, children, offset)?;
        }
        if let Some(only) = only_member(&mut plan) {
            return Ok(only);
        }
        if let PlanNode::Append { apprelids, .. } | PlanNode::MergeAppend { apprelids, .. } = &mut plan.node {
            *apprelids = apprelids.iter().map(|r| r + offset).collect();
        }
        pass_on(&mut plan.target_list, offset);
        let scan = Inputs { outer: &[], inner: &[], index: &[], offset, keep: true };
        self.init_plans(&scan, &mut plan)?;
        Ok(plan)
    }

    /// What an index-only scan computes, it computes from the index's columns.
    fn index_only(&self, mut plan: Plan, columns: &[TargetEntry], offset: usize) -> Result<Plan> {
        let from_index = Inputs { outer: &[], inner: &[], index: columns, offset, keep: false };
        from_index.targets(&mut plan.target_list)?;
        from_index.list(&mut plan.qual)?;
        let scan = Inputs { outer: &[], inner: &[], index: &[], offset, keep: true };
        self.init_plans(&scan, &mut plan)?;
        Ok(plan)
    }

    fn init_plans(&self, scan: &Inputs<'_>, plan: &mut Plan) -> Result<()> {
        scan.list(&mut plan.init_plans)
    }

    fn modify(&mut self, modify: &mut ir::ModifyTable, outer: &[TargetEntry], offset: usize) -> Result<()> {
        let target = modify.nominal_relation;
        // Columns of the target itself are read from its rows, not from the plan below.
        let own_column = |v: &Var| var_rti(v) == Some(target) && (v.attribute > 0 || v.attribute == -1);
        let of_plan = |all: bool| -> Vec<TargetEntry> {
            let read = |t: &&TargetEntry| match &t.expr {
                Expr::Var(v) => t.junk && !own_column(v) && (all || var_rti(v) != Some(target)),
                _ => false,
            };
            outer.iter().filter(read).cloned().collect()
        };
        let (others, with_whole_rows) = (of_plan(false), of_plan(true));
        let inputs = Inputs { outer: &others, inner: &[], index: &[], offset, keep: true };
        let for_actions = Inputs { outer: &with_whole_rows, inner: &[], index: &[], offset, keep: true };
        for list in &mut modify.returning {
            inputs.targets(list)?;
        }
        for action in modify.merge_actions.iter_mut().flatten() {
            for_actions.targets(&mut action.targets)?;
            action.condition.iter_mut().try_for_each(|e| for_actions.fix(e))?;
        }
        modify.merge_join_conditions.iter_mut().flatten().try_for_each(|e| for_actions.fix(e))?;
        let own = Inputs { outer: &[], inner: &[], index: &[], offset, keep: true };
        for option in modify.check_options.iter_mut().flatten() {
            option.condition.iter_mut().try_for_each(|e| own.fix(e))?;
        }
        if let Some(conflict) = &mut modify.on_conflict {
            own.targets(&mut conflict.set)?;
            own.targets(&mut conflict.excluded_targets)?;
            conflict.arbiter.iter_mut().try_for_each(|element| own.fix(&mut element.expr))?;
            conflict.set_where.iter_mut().chain(&mut conflict.arbiter_where).try_for_each(|e| own.fix(e))?;
            if conflict.excluded_relation > 0 {
                conflict.excluded_relation += offset;
            }
        }
        modify.nominal_relation += offset;
        for relation in &mut modify.result_relations {
            *relation += offset;
            self.result_relations.push(*relation);
        }
        modify.row_marks.iter_mut().for_each(|m| m.shift(offset));
        Ok(())
    }

    /// A scan that only passes a subquery's rows on is left out.
    fn subquery_scan(&mut self, root: &mut Root<'a>, mut plan: Plan, offset: usize) -> Result<Plan> {
        let node = std::mem::take(&mut plan.node);
        let PlanNode::SubqueryScan { relation, child } = node else {
            return Err(Error::internal("not a subquery scan"));
        };
        let mut subroot = root
            .base_mut(relation)
            .subroot
            .take()
            .ok_or_else(|| Error::internal("a subquery has not been planned"))?;
        let below = self.query_plan(&mut subroot, *child)?;
        root.base_mut(relation).subroot = Some(subroot);
        let trivial = plan.qual.is_empty()
            && below.target_list.len() == plan.target_list.len()
            && plan.target_list.iter().zip(&below.target_list).all(|(mine, theirs)| mine.junk || !theirs.junk)
            && plan.target_list.iter().enumerate().all(|(i, t)| {
                matches!(&t.expr, Expr::Var(v) if var_rti(v) == Some(relation) && v.attribute == i as i16 + 1)
            });
        if trivial {
            let mut below = below;
            for (mine, theirs) in below.target_list.iter_mut().zip(plan.target_list) {
                mine.name = theirs.name.or(mine.name.take());
                mine.sort_group_ref = theirs.sort_group_ref;
                mine.junk = theirs.junk;
                mine.origin = theirs.origin.or(mine.origin);
            }
            below.init_plans.append(&mut plan.init_plans);
            return Ok(below);
        }
        let scan = Inputs { outer: &[], inner: &[], index: &[], offset, keep: true };
        scan.targets(&mut plan.target_list)?;
        scan.list(&mut plan.qual)?;
        self.init_plans(&scan, &mut plan)?;
        plan.node = PlanNode::SubqueryScan { relation: relation + offset, child: Box::new(below) };
        Ok(plan)
    }
}

/// Columns of the grouping step are those of its input that it groups by, NULL in the rows of other sets.
fn group_columns(expr: &mut Expr, outer: &[TargetEntry]) -> Result<()> {
    // A grouping step below has computed it: this one groups its rows once more, for DISTINCT.
    if outer.iter().any(|t| same_value(&t.expr, expr)) {
        return Ok(());
    }
    match expr {
        Expr::PlaceHolder(placeholder) => {
            let found = outer.iter().find(|t| t.sort_group_ref == placeholder.id);
            match found {
                Some(t) => *expr = position(&placeholder.expr, VarSource::Outer, t),
                None => return Err(Error::internal("a grouping column is missing in the input")),
            }
            Ok(())
        }
        Expr::Grouping { args, refs, columns, .. } => {
            *columns = refs
                .iter()
                .map(|r| outer.iter().find(|t| t.sort_group_ref == *r).map_or(0, |t| t.number as usize))
                .collect();
            args.iter_mut().try_for_each(|arg| group_columns(arg, outer))
        }
        Expr::Aggref(_) => Ok(()),
        other => children_mut(other, &mut |child| group_columns(child, outer)),
    }
}

/// Aggregates found by index are params that init plans set.
fn min_max_params(root: &Root<'_>, expr: &mut Expr) -> Result<()> {
    if root.min_max.is_empty() {
        return Ok(());
    }
    if let Some(found) = root.min_max.iter().find(|m| m.aggregate == *expr) {
        *expr = Expr::Param(ir::Param {
            kind: ParamKind::Exec,
            id: found.param,
            type_oid: ir::expr_type(expr),
            typmod: -1,
            collation: ir::expr_collation(expr),
            location: None,
        });
        return Ok(());
    }
    children_mut(expr, &mut |child| min_max_params(root, child))
}

fn aggregate_columns(
    aggregate: &ir::Aggregate,
    targets: &mut [TargetEntry],
    quals: &mut [Expr],
    outer: &[TargetEntry],
) -> Result<()> {
    let fix = match aggregate.split {
        ir::AggSplit::Simple => group_columns,
        ir::AggSplit::Initial => return Ok(()),
        ir::AggSplit::Final => combine_states,
    };
    targets.iter_mut().map(|t| &mut t.expr).chain(quals).try_for_each(|e| fix(e, outer))
}

/// The upper half of aggregates: each reads the column of the lower half's states.
fn combine_states(expr: &mut Expr, outer: &[TargetEntry]) -> Result<()> {
    let Expr::Aggref(agg) = expr else {
        return children_mut(expr, &mut |child| combine_states(child, outer));
    };
    let mut initial = agg.clone();
    initial.split = ir::AggSplit::Initial;
    let initial = Expr::Aggref(initial);
    let Some(t) = outer.iter().find(|t| t.expr == initial) else {
        return Err(Error::internal("an aggregate's first half is missing"));
    };
    agg.args = vec![TargetEntry::new(position(&initial, VarSource::Outer, t), 1, None)];
    agg.direct_args.clear();
    agg.filter = None;
    agg.split = ir::AggSplit::Final;
    Ok(())
}

/// The one member of an append node, which is not needed then.
fn only_member(plan: &mut Plan) -> Option<Plan> {
    let (PlanNode::Append { children, .. } | PlanNode::MergeAppend { children, .. }) = &mut plan.node else {
        return None;
    };
    if children.len() != 1 || children[0].parallel_aware != plan.parallel_aware {
        return None;
    }
    let mut only = children.pop()?;
    for (theirs, mine) in only.target_list.iter_mut().zip(&mut plan.target_list) {
        theirs.name = mine.name.take().or(theirs.name.take());
        theirs.sort_group_ref = mine.sort_group_ref;
        theirs.junk = mine.junk;
        theirs.origin = mine.origin.or(theirs.origin);
    }
    only.init_plans.append(&mut plan.init_plans);
    Some(only)
}

/// The inputs of a node that has a list of them.
fn members(node: &mut PlanNode) -> Option<&mut Vec<Plan>> {
    match node {
        PlanNode::Append { children, .. }
        | PlanNode::MergeAppend { children, .. }
        | PlanNode::BitmapAnd { children }
        | PlanNode::BitmapOr { children } => Some(children),
        _ => None,
    }
}

fn fix_index_quals(scan: &Inputs<'_>, quals: &mut [ir::IndexQual]) -> Result<()> {
    quals.iter_mut().try_for_each(|q| {
        scan.fix(&mut q.original)?;
        scan.fix(&mut q.condition)
    })
}

/// Each column is the child's column at the same place.
fn pass_on(targets: &mut [TargetEntry], offset: usize) {
    for (i, t) in targets.iter_mut().enumerate() {
        let at = TargetEntry::new(t.expr.clone(), i as i16 + 1, None);
        t.expr = position(&t.expr, VarSource::Outer, &at);
        if let Expr::Var(v) = &mut t.expr
            && v.syntactic.0 > 0
        {
            v.syntactic.0 += offset;
        }
    }
}

/// Numbers the nodes and works out which params each subtree depends on.
pub(crate) fn number_and_collect_params(statement: &mut PlannedStmt) {
    let mut next = 0;
    let mut external: Vec<RelSet> = Vec::new();
    // Subplans are made before what refers to them, so those they refer to come first.
    for plan in &mut statement.subplans {
        number(plan, &mut next);
        let needs = collect(plan, &external);
        external.push(needs);
    }
    next = 0;
    number(&mut statement.plan, &mut next);
    for plan in &mut statement.subplans {
        number(plan, &mut next);
    }
    collect(&mut statement.plan, &external);
}

fn number(plan: &mut Plan, next: &mut usize) {
    plan.id = *next;
    *next += 1;
    for_each_plan(plan, &mut |child| number(child, next));
}

fn for_each_plan(plan: &mut Plan, visit: &mut dyn FnMut(&mut Plan)) {
    plan.left.iter_mut().for_each(|p| visit(p));
    plan.right.iter_mut().for_each(|p| visit(p));
    match &mut plan.node {
        PlanNode::Append { children, .. }
        | PlanNode::MergeAppend { children, .. }
        | PlanNode::BitmapAnd { children }
        | PlanNode::BitmapOr { children } => children.iter_mut().for_each(visit),
        PlanNode::Aggregate(aggregate) => aggregate.chain.iter_mut().for_each(visit),
        PlanNode::SubqueryScan { child, .. } => visit(child),
        _ => {}
    }
}

fn params_in(expr: &Expr, external: &[RelSet], set: &mut RelSet) {
    match expr {
        Expr::Param(p) if p.kind == ParamKind::Exec => set.insert(p.id),
        Expr::SubPlan(sub) => {
            // What is passed in and the columns that the test reads are set at each call.
            let mut needs = external.get(sub.plan).cloned().unwrap_or_default();
            sub.test.iter().for_each(|test| params_in(test, external, &mut needs));
            sub.parameter_params.iter().chain(&sub.param_ids).for_each(|p| needs.remove(*p));
            sub.args.iter().for_each(|arg| params_in(arg, external, &mut needs));
            set.extend(&needs);
        }
        other => ir::for_each_child(other, &mut |child| params_in(child, external, set)),
    }
}

fn collect(plan: &mut Plan, external: &[RelSet]) -> RelSet {
    let mut own = RelSet::new();
    let mut add = |e: &Expr| params_in(e, external, &mut own);
    plan.target_list.iter().for_each(|t| add(&t.expr));
    plan.qual.iter().chain(&plan.init_plans).for_each(&mut add);
    let mut supplied: Vec<usize> = Vec::new();
    match &plan.node {
        PlanNode::Result { constant_qual } => constant_qual.iter().for_each(&mut add),
        PlanNode::IndexScan { quals, .. }
        | PlanNode::IndexOnlyScan { quals, .. }
        | PlanNode::BitmapIndexScan { quals, .. } => {
            quals.iter().for_each(|q| add(&q.condition));
        }
        PlanNode::BitmapHeapScan { recheck: quals, .. }
        | PlanNode::TidScan { quals, .. }
        | PlanNode::TidRangeScan { quals, .. }
        | PlanNode::Memoize { keys: quals, .. }
        | PlanNode::Hash { keys: quals } => quals.iter().for_each(&mut add),
        PlanNode::NestLoop { join, params } => {
            join.quals.iter().for_each(&mut add);
            supplied.extend(params.iter().map(|p| p.id));
        }
        PlanNode::MergeJoin { join, .. } => join.quals.iter().for_each(&mut add),
        PlanNode::HashJoin { join, clauses } => join.quals.iter().chain(clauses).for_each(&mut add),
        PlanNode::Limit { offset, count, .. } => offset.iter().chain(count).for_each(&mut add),
        PlanNode::CteScan { param, .. } | PlanNode::WorkTableScan { param, .. } => own.insert(*param),
        PlanNode::RecursiveUnion { work_table_param, .. } => supplied.push(*work_table_param),
        _ => {}
    }
    for_each_plan(plan, &mut |child| own.extend(&collect(child, external)));
    supplied.into_iter().for_each(|p| own.remove(p));
    plan.all_params = own.clone();
    for init in &plan.init_plans {
        if let Expr::SubPlan(sub) = init {
            sub.set_params.iter().for_each(|p| own.remove(*p));
        }
    }
    plan.external_params = own.clone();
    own
}
