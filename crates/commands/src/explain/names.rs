//! Expressions of plans as text: variables that read a child's output show what the child computes there.

use crate::output;
use analyzer::deparse::{ConstantOutput, VarNames, deparse_expr};
use base::{Oid, Result};
use catalog::Session;
use datum::OwnedDatum;
use ir::{
    Expr, ParamKind, Plan, PlanNode, PlannedStmt, RangeTableKind, SubLinkKind, SubPlan, Var, VarSource,
};
use std::cell::RefCell;

/// Constants through the output functions.
pub struct Constants;

impl ConstantOutput for Constants {
    fn output(&self, session: &Session, type_oid: Oid, value: &OwnedDatum) -> Result<String> {
        output::to_text(session, type_oid, value.as_datum())
    }
}

/// A node with those above it, innermost first.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub plan: &'a Plan,
    pub above: Option<&'a Scope<'a>>,
    /// The subplan expression, of the node above, that this node is the top of.
    pub subplan: Option<&'a SubPlan>,
}

/// A statement's names.
pub struct Names<'a> {
    session: &'a Session,
    statement: &'a PlannedStmt,
    /// Of range table entries, made unique.
    relations: Vec<String>,
    verbose: bool,
    /// Whether the statement has several relations.
    several: bool,
    /// Whether columns are shown with their table.
    qualified: bool,
}

/// How columns are shown.
#[derive(Clone, Copy)]
struct Style<'p> {
    /// With their table.
    qualified: bool,
    /// Inheritance parents whose children's columns are shown as theirs.
    parents: Option<&'p ir::RelSet>,
}

impl Style<'_> {
    fn new(qualified: bool) -> Style<'static> {
        Style { qualified, parents: None }
    }
}

/// Marks a variable that stands for ready text.
const READY: usize = usize::MAX;
/// Children are followed no further; plans nest less.
const MAX_DEPTH: usize = 200;

impl<'a> Names<'a> {
    pub fn new(session: &'a Session, statement: &'a PlannedStmt, verbose: bool) -> Names<'a> {
        let mut used = ir::RelSet::new();
        statement.subplans.iter().chain([&statement.plan]).for_each(|plan| scanned(plan, &mut used));
        let mut relations: Vec<String> = Vec::new();
        for (i, entry) in statement.range_table.iter().enumerate() {
            // Entries that the plan does without take no names away.
            if !used.contains(i + 1) {
                relations.push(String::new());
                continue;
            }
            let base = entry.alias.as_ref().map_or(&entry.eref.name, |alias| &alias.name);
            let mut name = base.clone();
            let mut number = 0;
            while !name.is_empty() && relations.contains(&name) {
                number += 1;
                name = format!("{base}_{number}");
            }
            relations.push(name);
        }
        let tables =
            statement.range_table.iter().filter(|e| !matches!(e.kind, RangeTableKind::Group { .. })).count();
        Names {
            session,
            statement,
            relations,
            verbose,
            several: tables > 1,
            qualified: verbose || tables > 1,
        }
    }

    /// The name of a range table entry, from 1.
    pub fn relation(&self, index: usize) -> &str {
        index.checked_sub(1).and_then(|i| self.relations.get(i)).map_or("", String::as_str)
    }

    /// An expression of the node, with names qualified where there are several relations.
    ///
    /// # Errors
    /// What deparsing fails with.
    pub fn expr(&self, scope: Scope<'_>, expr: &Expr) -> Result<String> {
        self.text(scope, expr, 0)
    }

    /// An output column, which is not qualified for VERBOSE alone.
    ///
    /// # Errors
    /// What deparsing fails with.
    pub fn output(&self, scope: Scope<'_>, expr: &Expr) -> Result<String> {
        self.text_as(scope, expr, 0, Style::new(self.several))
    }

    /// A condition of a scan, whose own columns need no table's name.
    ///
    /// # Errors
    /// What deparsing fails with.
    pub fn scan_expr(&self, scope: Scope<'_>, expr: &Expr) -> Result<String> {
        let bare = !self.verbose && !matches!(scope.plan.node, PlanNode::SubqueryScan { .. });
        self.text_as(scope, expr, 0, Style::new(!bare))
    }

    fn text(&self, scope: Scope<'_>, expr: &Expr, depth: usize) -> Result<String> {
        self.text_as(scope, expr, depth, Style::new(self.qualified))
    }

    fn text_as(&self, scope: Scope<'_>, expr: &Expr, depth: usize, style: Style<'_>) -> Result<String> {
        let ready = RefCell::new(Vec::new());
        let expr = self.prepare(scope, expr.clone(), depth, &ready, style)?;
        let resolved = Resolved { names: self, ready: &ready, style };
        deparse_expr(self.session, &Constants, &expr, &resolved)
    }

    /// Replaces what only the plan can tell by variables that stand for its text.
    fn prepare(
        &self,
        scope: Scope<'_>,
        expr: Expr,
        depth: usize,
        ready: &RefCell<Vec<String>>,
        style: Style<'_>,
    ) -> Result<Expr> {
        let text = match &expr {
            _ if depth > MAX_DEPTH => Some("???".to_owned()),
            Expr::Var(var) if !matches!(var.source, VarSource::Relation(_)) => {
                Some(self.special_var(scope, var, depth, style)?)
            }
            Expr::Param(param) if param.kind == ParamKind::Exec => Some(self.param(scope, param.id, depth)?),
            Expr::SubPlan(subplan) => Some(self.subplan(scope, subplan, depth, style)?),
            Expr::Aggref(agg) if agg.split == ir::AggSplit::Final => {
                Some(self.combined(scope, agg, depth, style)?)
            }
            _ => None,
        };
        let Some(text) = text else {
            return ir::try_map(expr, &mut |child| self.prepare(scope, child, depth, ready, style));
        };
        let mut ready = ready.borrow_mut();
        ready.push(text);
        Ok(Expr::Var(Var {
            source: VarSource::Relation(1),
            attribute: 1,
            type_oid: ir::expr_type(&expr),
            typmod: ir::expr_typmod(&expr),
            collation: ir::expr_collation(&expr),
            nulling: ir::RelSet::new(),
            levels_up: 0,
            returning: ir::Returning::Default,
            syntactic: (READY, (ready.len() - 1).min(i16::MAX as usize) as i16),
            location: None,
        }))
    }

    fn special_var(&self, scope: Scope<'_>, var: &Var, depth: usize, style: Style<'_>) -> Result<String> {
        let column = usize::try_from(i32::from(var.attribute) - 1).unwrap_or(usize::MAX);
        if var.source == VarSource::Index
            && let PlanNode::IndexOnlyScan { index_targets, .. } = &scope.plan.node
            && let Some(target) = index_targets.get(column)
        {
            return self.child_text(scope, &target.expr, depth, style);
        }
        let child = match var.source {
            VarSource::Outer => outer(scope.plan),
            _ => inner(scope.plan),
        };
        let Some(child) = child else { return Ok(format!("${}", var.attribute)) };
        let mut parents = ir::RelSet::new();
        let style = match &scope.plan.node {
            PlanNode::Append { apprelids, .. } | PlanNode::MergeAppend { apprelids, .. }
                if !apprelids.is_empty() =>
            {
                parents.extend(apprelids);
                style.parents.into_iter().for_each(|p| parents.extend(p));
                Style { parents: Some(&parents), ..style }
            }
            _ => style,
        };
        let Some(target) = child.target_list.get(column) else { return Ok(format!("${}", var.attribute)) };
        let below = Scope { plan: child, above: Some(&scope), subplan: None };
        self.child_text(below, &target.expr, depth, style)
    }

    /// In parentheses unless it is a variable: whoever refers to it takes it for one.
    fn child_text(&self, scope: Scope<'_>, expr: &Expr, depth: usize, style: Style<'_>) -> Result<String> {
        let text = self.text_as(scope, expr, depth + 1, style)?;
        Ok(if matches!(expr, Expr::Var(_)) { text } else { format!("({text})") })
    }

    /// What a parameter stands for: a value handed down by a nested loop or to a subplan, or an init plan's result.
    fn param(&self, scope: Scope<'_>, id: usize, depth: usize) -> Result<String> {
        let mut at = Some(&scope);
        while let Some(current) = at {
            if let (Some(subplan), Some(above)) = (current.subplan, current.above)
                && let Some(place) = subplan.parameter_params.iter().position(|p| *p == id)
                && let Some(arg) = subplan.args.get(place)
            {
                return self.bare_text(*above, arg, depth);
            }
            if let Some(above) = current.above
                && let PlanNode::NestLoop { params, .. } = &above.plan.node
                && let Some(param) = params.iter().find(|p| p.id == id)
            {
                return self.bare_text(*above, &param.value, depth);
            }
            at = current.above;
        }
        let mut at = Some(&scope);
        while let Some(current) = at {
            for init in &current.plan.init_plans {
                if let Expr::SubPlan(init) = init
                    && let Some(place) = init.set_params.iter().position(|p| *p == id)
                {
                    return Ok(format!("({}).col{}", init.name, place + 1));
                }
            }
            at = current.above;
        }
        Ok(format!("${id}"))
    }

    /// A value from elsewhere, always with its table's name.
    fn bare_text(&self, scope: Scope<'_>, expr: &Expr, depth: usize) -> Result<String> {
        let text = self.text_as(scope, expr, depth + 1, Style::new(true))?;
        let simple = matches!(expr, Expr::Var(_) | Expr::Aggref(_) | Expr::Param(_));
        Ok(if simple { text } else { format!("({text})") })
    }

    /// The upper half of an aggregate, shown with what its lower half computes.
    fn combined(&self, scope: Scope<'_>, agg: &ir::Aggref, depth: usize, style: Style<'_>) -> Result<String> {
        let first = agg.args.first().map(|t| &t.expr);
        let (Some(Expr::Var(var)), Some(child)) = (first, outer(scope.plan)) else {
            return Ok("???".to_owned());
        };
        let column = usize::try_from(i32::from(var.attribute) - 1).unwrap_or(usize::MAX);
        let below = Scope { plan: child, above: Some(&scope), subplan: None };
        match child.target_list.get(column).map(|t| &t.expr) {
            Some(Expr::Aggref(lower)) => {
                let whole = ir::Aggref { split: ir::AggSplit::Simple, ..(**lower).clone() };
                self.text_as(below, &Expr::Aggref(Box::new(whole)), depth + 1, style)
            }
            Some(passed @ Expr::Var(_)) if depth < MAX_DEPTH => {
                let args = vec![ir::TargetEntry::new(passed.clone(), 1, None)];
                self.combined(below, &ir::Aggref { args, ..agg.clone() }, depth + 1, style)
            }
            _ => Ok("???".to_owned()),
        }
    }

    fn subplan(&self, scope: Scope<'_>, subplan: &SubPlan, depth: usize, style: Style<'_>) -> Result<String> {
        let name = format!("{}{}", if subplan.use_hash_table { "hashed " } else { "" }, subplan.name);
        let test = |word: &str| -> Result<String> {
            let Some(test) = &subplan.test else { return Ok(format!("({word} ({name}))")) };
            // The test's own parameters are the subplan's columns.
            let ready = RefCell::new(Vec::new());
            let marked =
                self.mark_columns(scope, (**test).clone(), subplan, &name, (depth, style), &ready)?;
            let resolved = Resolved { names: self, ready: &ready, style };
            let text = deparse_expr(self.session, &Constants, &marked, &resolved)?;
            Ok(if word.is_empty() { format!("({text})") } else { format!("({word} {text})") })
        };
        Ok(match subplan.kind {
            SubLinkKind::Exists => format!("EXISTS({name})"),
            SubLinkKind::All => test("ALL")?,
            SubLinkKind::Any => test("ANY")?,
            SubLinkKind::RowCompare => test("")?,
            SubLinkKind::Array => format!("ARRAY({name})"),
            SubLinkKind::Expr | SubLinkKind::MultiExpr => format!("({name})"),
            SubLinkKind::Cte => format!("CTE({name})"),
        })
    }

    fn mark_columns(
        &self,
        scope: Scope<'_>,
        expr: Expr,
        subplan: &SubPlan,
        name: &str,
        (depth, style): (usize, Style<'_>),
        ready: &RefCell<Vec<String>>,
    ) -> Result<Expr> {
        if let Expr::Param(param) = &expr
            && let Some(place) = subplan.param_ids.iter().position(|id| *id == param.id)
        {
            let mut list = ready.borrow_mut();
            list.push(format!("({name}).col{}", place + 1));
            let number = (list.len() - 1) as i16;
            return Ok(Expr::Var(Var {
                source: VarSource::Relation(1),
                attribute: 1,
                type_oid: param.type_oid,
                typmod: param.typmod,
                collation: param.collation,
                nulling: ir::RelSet::new(),
                levels_up: 0,
                returning: ir::Returning::Default,
                syntactic: (READY, number),
                location: None,
            }));
        }
        if matches!(expr, Expr::Var(_) | Expr::Param(_) | Expr::SubPlan(_)) {
            return self.prepare(scope, expr, depth, ready, style);
        }
        ir::try_map(expr, &mut |child| self.mark_columns(scope, child, subplan, name, (depth, style), ready))
    }

    /// A column of an inheritance child as one of its parent, above the node that puts the children together.
    fn as_parent(&self, style: Style<'_>, relation: usize, attribute: i16) -> (usize, i16) {
        let Some(parents) = style.parents else { return (relation, attribute) };
        let (mut at, mut column) = (relation, attribute);
        while let Some(member) = self.statement.append_relations.iter().find(|m| m.child == at) {
            let entry = member.parent.checked_sub(1).and_then(|i| self.statement.range_table.get(i));
            if !entry.is_some_and(|e| matches!(e.kind, RangeTableKind::Relation { .. })) {
                break;
            }
            if column > 0 {
                match member.columns.iter().position(|c| *c == column) {
                    Some(place) => column = place as i16 + 1,
                    None => break,
                }
            }
            at = member.parent;
            if parents.contains(at) {
                return (at, column);
            }
        }
        (relation, attribute)
    }

    fn column(&self, relation: usize, attribute: i16) -> Result<String> {
        let entry = relation.checked_sub(1).and_then(|i| self.statement.range_table.get(i));
        let Some(entry) = entry else { return Ok("???".to_owned()) };
        if attribute < 0 {
            return Ok(match attribute {
                -1 => "ctid",
                -2 => "xmin",
                -3 => "cmin",
                -4 => "xmax",
                -5 => "cmax",
                _ => "tableoid",
            }
            .to_owned());
        }
        let column = attribute as usize - 1;
        if let RangeTableKind::Relation { oid, .. } = &entry.kind
            && let Some(table) = self.session.relation(*oid)?
            && let Some(attribute) = table.desc().attributes().get(column)
        {
            return Ok(syntax::quote_identifier(&attribute.name).into_owned());
        }
        Ok(syntax::quote_identifier(entry.eref.columns.get(column).map_or("???", String::as_str))
            .into_owned())
    }
}

/// Names with the texts that stand ready.
struct Resolved<'n, 'a> {
    names: &'n Names<'a>,
    ready: &'n RefCell<Vec<String>>,
    style: Style<'n>,
}

impl VarNames for Resolved<'_, '_> {
    fn var(&self, var: &Var) -> Result<String> {
        if var.syntactic.0 == READY {
            let ready = self.ready.borrow();
            return Ok(ready.get(var.syntactic.1 as usize).cloned().unwrap_or_default());
        }
        let VarSource::Relation(relation) = var.source else { return Ok("???".to_owned()) };
        let (relation, attribute) = self.names.as_parent(self.style, relation, var.attribute);
        let name = syntax::quote_identifier(self.names.relation(relation));
        if attribute == 0 {
            return Ok(format!("{name}.*"));
        }
        let column = self.names.column(relation, attribute)?;
        Ok(if self.style.qualified && !name.is_empty() { format!("{name}.{column}") } else { column })
    }
}

/// The range table entries that a plan's nodes read or change.
fn scanned(plan: &Plan, used: &mut ir::RelSet) {
    match &plan.node {
        PlanNode::SeqScan { relation }
        | PlanNode::SampleScan { relation, .. }
        | PlanNode::IndexScan { relation, .. }
        | PlanNode::IndexOnlyScan { relation, .. }
        | PlanNode::BitmapHeapScan { relation, .. }
        | PlanNode::TidScan { relation, .. }
        | PlanNode::TidRangeScan { relation, .. }
        | PlanNode::FunctionScan { relation }
        | PlanNode::ValuesScan { relation }
        | PlanNode::CteScan { relation, .. }
        | PlanNode::WorkTableScan { relation, .. }
        | PlanNode::NamedTuplestoreScan { relation } => used.insert(*relation),
        PlanNode::SubqueryScan { relation, child } => {
            used.insert(*relation);
            scanned(child, used);
        }
        PlanNode::ModifyTable(modify) => {
            used.insert(modify.nominal_relation);
            if let Some(conflict) = &modify.on_conflict {
                used.insert(conflict.excluded_relation);
            }
        }
        PlanNode::Append { children, apprelids, .. } | PlanNode::MergeAppend { children, apprelids, .. } => {
            used.extend(apprelids);
            children.iter().for_each(|child| scanned(child, used));
        }
        PlanNode::BitmapAnd { children } | PlanNode::BitmapOr { children } => {
            children.iter().for_each(|child| scanned(child, used))
        }
        _ => {}
    }
    [&plan.left, &plan.right].into_iter().flatten().for_each(|child| scanned(child, used));
}

/// The child that `VarSource::Outer` reads.
pub fn outer(plan: &Plan) -> Option<&Plan> {
    match &plan.node {
        PlanNode::Append { children, .. } | PlanNode::MergeAppend { children, .. } => children.first(),
        PlanNode::SubqueryScan { child, .. } => Some(child),
        _ => plan.left.as_deref(),
    }
}

fn inner(plan: &Plan) -> Option<&Plan> {
    plan.right.as_deref()
}
