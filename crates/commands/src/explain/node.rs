//! One plan node: its headline, its lines, its properties.

use super::detail;
use super::names::{Names, Scope, outer};
use super::options::ExplainOptions;
use super::render::{Described, Value};
use base::{Oid, Result};
use catalog::{PgClass, Session, index};
use executor::{Counters, Instruments};
use ir::{
    AggSplit, AggStrategy, CommandType, Expr, JoinKind, Plan, PlanNode, PlannedStmt, RangeTableKind,
    ScanDirection, SetOperationKind,
};
use std::time::Duration;

/// A statement being described.
pub struct Describer<'a> {
    pub session: &'a Session,
    pub statement: &'a PlannedStmt,
    pub names: Names<'a>,
    pub options: &'a ExplainOptions,
    pub instruments: Option<&'a Instruments>,
}

/// How a node is called.
struct Kind {
    /// In the text format.
    name: String,
    /// `Node Type` of the structured formats.
    node_type: &'static str,
    properties: Vec<(&'static str, Value)>,
}

fn kind(name: &'static str) -> Kind {
    Kind { name: name.to_owned(), node_type: name, properties: Vec::new() }
}

fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

fn join_word(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "Inner",
        JoinKind::Left => "Left",
        JoinKind::Full => "Full",
        JoinKind::Right => "Right",
        JoinKind::Semi => "Semi",
        JoinKind::Anti => "Anti",
        JoinKind::RightAnti => "Right Anti",
        JoinKind::RightSemi => "Right Semi",
    }
}

fn join(name: &'static str, node_type: &'static str, join: JoinKind) -> Kind {
    let shown = match join {
        JoinKind::Inner => name.to_owned(),
        other if node_type == "Nested Loop" => format!("{name} {} Join", join_word(other)),
        other => format!("{} {} Join", name.trim_end_matches(" Join"), join_word(other)),
    };
    Kind { name: shown, node_type, properties: vec![("Join Type", text(join_word(join)))] }
}

pub fn operation(command: CommandType) -> &'static str {
    match command {
        CommandType::Insert => "Insert",
        CommandType::Update => "Update",
        CommandType::Delete => "Delete",
        CommandType::Merge => "Merge",
        _ => "???",
    }
}

fn aggregate(aggregate: &ir::Aggregate) -> Kind {
    let (name, strategy) = match aggregate.strategy {
        AggStrategy::Plain => ("Aggregate", "Plain"),
        AggStrategy::Sorted => ("GroupAggregate", "Sorted"),
        AggStrategy::Hashed => ("HashAggregate", "Hashed"),
        AggStrategy::Mixed => ("MixedAggregate", "Mixed"),
    };
    let (prefix, mode) = match aggregate.split {
        AggSplit::Simple => ("", "Simple"),
        AggSplit::Initial => ("Partial ", "Partial"),
        AggSplit::Final => ("Finalize ", "Finalize"),
    };
    Kind {
        name: format!("{prefix}{name}"),
        node_type: "Aggregate",
        properties: vec![("Strategy", text(strategy)), ("Partial Mode", text(mode))],
    }
}

fn set_operation(kind: SetOperationKind, all: bool, hashed: bool) -> Kind {
    let command = match (kind, all) {
        (SetOperationKind::Intersect, false) => "Intersect",
        (SetOperationKind::Intersect, true) => "Intersect All",
        (SetOperationKind::Except, false) => "Except",
        (_, _) => "Except All",
    };
    let (name, strategy) = if hashed { ("HashSetOp", "Hashed") } else { ("SetOp", "Sorted") };
    Kind {
        name: format!("{name} {command}"),
        node_type: "SetOp",
        properties: vec![("Strategy", text(strategy)), ("Command", text(command))],
    }
}

fn node_kind(plan: &Plan) -> Kind {
    match &plan.node {
        PlanNode::EmptyResult | PlanNode::Result { .. } => kind("Result"),
        PlanNode::ProjectSet => kind("ProjectSet"),
        PlanNode::ModifyTable(modify) => Kind {
            name: operation(modify.operation).to_owned(),
            node_type: "ModifyTable",
            properties: vec![("Operation", text(operation(modify.operation)))],
        },
        PlanNode::Append { .. } => kind("Append"),
        PlanNode::MergeAppend { .. } => kind("Merge Append"),
        PlanNode::RecursiveUnion { .. } => kind("Recursive Union"),
        PlanNode::BitmapAnd { .. } => kind("BitmapAnd"),
        PlanNode::BitmapOr { .. } => kind("BitmapOr"),
        PlanNode::SeqScan { .. } => kind("Seq Scan"),
        PlanNode::SampleScan { .. } => kind("Sample Scan"),
        PlanNode::IndexScan { .. } => kind("Index Scan"),
        PlanNode::IndexOnlyScan { .. } => kind("Index Only Scan"),
        PlanNode::BitmapIndexScan { .. } => kind("Bitmap Index Scan"),
        PlanNode::BitmapHeapScan { .. } => kind("Bitmap Heap Scan"),
        PlanNode::TidScan { .. } => kind("Tid Scan"),
        PlanNode::TidRangeScan { .. } => kind("Tid Range Scan"),
        PlanNode::SubqueryScan { .. } => kind("Subquery Scan"),
        PlanNode::FunctionScan { .. } => kind("Function Scan"),
        PlanNode::ValuesScan { .. } => kind("Values Scan"),
        PlanNode::CteScan { .. } => kind("CTE Scan"),
        PlanNode::WorkTableScan { .. } => kind("WorkTable Scan"),
        PlanNode::NamedTuplestoreScan { .. } => kind("Named Tuplestore Scan"),
        PlanNode::NestLoop { join: j, .. } => join("Nested Loop", "Nested Loop", j.kind),
        PlanNode::MergeJoin { join: j, .. } => join("Merge Join", "Merge Join", j.kind),
        PlanNode::HashJoin { join: j, .. } => join("Hash Join", "Hash Join", j.kind),
        PlanNode::Hash { .. } => kind("Hash"),
        PlanNode::Materialize => kind("Materialize"),
        PlanNode::Memoize { .. } => kind("Memoize"),
        PlanNode::Sort { .. } => kind("Sort"),
        PlanNode::IncrementalSort { .. } => kind("Incremental Sort"),
        PlanNode::Group { .. } => kind("Group"),
        PlanNode::Aggregate(a) => aggregate(a),
        PlanNode::WindowAgg(_) => kind("WindowAgg"),
        PlanNode::Unique { .. } => kind("Unique"),
        PlanNode::SetOp { kind, all, hashed, .. } => set_operation(*kind, *all, *hashed),
        PlanNode::LockRows { .. } => kind("LockRows"),
        PlanNode::Limit { .. } => kind("Limit"),
        PlanNode::Gather { .. } => kind("Gather"),
        PlanNode::GatherMerge { .. } => kind("Gather Merge"),
    }
}

/// What a scan reads: its range table entry, and its index.
fn scanned(plan: &Plan) -> (Option<usize>, Option<(Oid, Option<ScanDirection>)>) {
    match &plan.node {
        PlanNode::IndexScan { relation, index, direction, .. }
        | PlanNode::IndexOnlyScan { relation, index, direction, .. } => {
            (Some(*relation), Some((*index, Some(*direction))))
        }
        PlanNode::BitmapIndexScan { index, .. } => (None, Some((*index, None))),
        PlanNode::SeqScan { relation }
        | PlanNode::SampleScan { relation, .. }
        | PlanNode::BitmapHeapScan { relation, .. }
        | PlanNode::TidScan { relation, .. }
        | PlanNode::TidRangeScan { relation, .. }
        | PlanNode::SubqueryScan { relation, .. }
        | PlanNode::FunctionScan { relation }
        | PlanNode::ValuesScan { relation }
        | PlanNode::CteScan { relation, .. }
        | PlanNode::WorkTableScan { relation, .. }
        | PlanNode::NamedTuplestoreScan { relation } => (Some(*relation), None),
        PlanNode::ModifyTable(modify) => (Some(modify.nominal_relation), None),
        _ => (None, None),
    }
}

fn ms(time: Duration, loops: u64) -> f64 {
    time.as_secs_f64() * 1000.0 / loops.max(1) as f64
}

impl Describer<'_> {
    /// # Errors
    /// What deparsing fails with.
    pub fn node(
        &self,
        scope: Scope<'_>,
        relationship: Option<&'static str>,
        label: Option<&str>,
    ) -> Result<Described> {
        let plan = scope.plan;
        let kind = node_kind(plan);
        let mut described = Described { label: label.map(str::to_owned), ..Described::default() };
        let mut title = if plan.parallel_aware { "Parallel ".to_owned() } else { String::new() };
        title.push_str(&kind.name);
        let mut properties: Vec<(String, Value)> = vec![("Node Type".to_owned(), text(kind.node_type))];
        let early = ["Strategy", "Partial Mode", "Operation"];
        let (early, late): (Vec<_>, Vec<_>) =
            kind.properties.into_iter().partition(|(l, _)| early.contains(l));
        properties.extend(early.into_iter().map(|(l, v)| (l.to_owned(), v)));
        if let Some(relationship) = relationship {
            properties.push(("Parent Relationship".to_owned(), text(relationship)));
        }
        if let Some(label) = label {
            properties.push(("Subplan Name".to_owned(), text(label)));
        }
        properties.push(("Parallel Aware".to_owned(), Value::Bool(plan.parallel_aware)));
        properties.push(("Async Capable".to_owned(), Value::Bool(false)));
        self.target(plan, &mut title, &mut properties)?;
        properties.extend(late.into_iter().map(|(l, v)| (l.to_owned(), v)));
        let counters = self.instruments.and_then(|i| i.get(plan.id));
        self.figures(plan, counters, &mut title, &mut properties);
        described.title = title;
        described.properties = properties;
        detail::add(self, scope, counters.filter(|c| c.loops > 0), &mut described)?;
        self.children(scope, &mut described)?;
        Ok(described)
    }

    /// `using i on t`, and the like.
    fn target(&self, plan: &Plan, title: &mut String, properties: &mut Vec<(String, Value)>) -> Result<()> {
        let (relation, index) = scanned(plan);
        if let Some((oid, direction)) = index {
            let class = self.session.row::<PgClass>(index::PG_CLASS_OID, &[oid.into()])?;
            let name = class.map_or_else(|| oid.to_string(), |class| class.relname.clone());
            let quoted = syntax::quote_identifier(&name);
            match direction {
                Some(direction) => {
                    if direction == ScanDirection::Backward {
                        title.push_str(" Backward");
                    }
                    title.push_str(&format!(" using {quoted}"));
                    let word = if direction == ScanDirection::Backward { "Backward" } else { "Forward" };
                    properties.push(("Scan Direction".to_owned(), text(word)));
                }
                None => title.push_str(&format!(" on {quoted}")),
            }
            properties.push(("Index Name".to_owned(), text(name)));
        }
        match relation {
            Some(relation) => self.relation(relation, title, properties),
            None => Ok(()),
        }
    }

    /// ` on t`: a range table entry.
    pub fn relation(
        &self,
        relation: usize,
        title: &mut String,
        properties: &mut Vec<(String, Value)>,
    ) -> Result<()> {
        let alias = self.names.relation(relation).to_owned();
        let (mut object, mut schema, mut label) = (None, None, "Relation Name");
        match relation.checked_sub(1).and_then(|i| self.statement.range_table.get(i)).map(|e| &e.kind) {
            Some(RangeTableKind::Relation { oid, .. }) => {
                if let Some(class) = self.session.row::<PgClass>(index::PG_CLASS_OID, &[(*oid).into()])? {
                    object = Some(class.relname.clone());
                    if self.options.verbose {
                        schema = Some(match Some(class.relnamespace) == self.session.temporary_namespace() {
                            true => "pg_temp".to_owned(),
                            false => self.session.namespace_name(class.relnamespace)?,
                        });
                    }
                }
            }
            Some(RangeTableKind::Function { functions, .. }) => {
                label = "Function Name";
                if let [function] = functions.as_slice()
                    && let Expr::Func(call) = &function.expr
                {
                    let row = self.session.function(call.function)?;
                    object = Some(row.proname.clone());
                    if self.options.verbose {
                        schema = Some(self.session.namespace_name(row.pronamespace)?);
                    }
                }
            }
            Some(RangeTableKind::Cte { name, .. }) => {
                label = "CTE Name";
                object = Some(name.clone());
            }
            Some(RangeTableKind::NamedTuplestore { name, .. }) => {
                label = "Tuplestore Name";
                object = Some(name.clone());
            }
            _ => {}
        }
        title.push_str(" on");
        match (&schema, &object) {
            (Some(schema), Some(object)) => title.push_str(&format!(
                " {}.{}",
                syntax::quote_identifier(schema),
                syntax::quote_identifier(object)
            )),
            (None, Some(object)) => title.push_str(&format!(" {}", syntax::quote_identifier(object))),
            _ => {}
        }
        if object.as_ref() != Some(&alias) {
            title.push_str(&format!(" {}", syntax::quote_identifier(&alias)));
        }
        if let Some(object) = object {
            properties.push((label.to_owned(), text(object)));
        }
        if let Some(schema) = schema {
            properties.push(("Schema".to_owned(), text(schema)));
        }
        properties.push(("Alias".to_owned(), text(alias)));
        Ok(())
    }

    /// Costs and actual figures.
    fn figures(
        &self,
        plan: &Plan,
        counters: Option<&Counters>,
        title: &mut String,
        properties: &mut Vec<(String, Value)>,
    ) {
        let mut number =
            |label: &str, value: String| properties.push((label.to_owned(), Value::Number(value)));
        if self.options.costs {
            let Plan { startup_cost, total_cost, rows, width, .. } = plan;
            title.push_str(&format!(
                "  (cost={startup_cost:.2}..{total_cost:.2} rows={rows:.0} width={width})"
            ));
            number("Startup Cost", format!("{startup_cost:.2}"));
            number("Total Cost", format!("{total_cost:.2}"));
            number("Plan Rows", format!("{rows:.0}"));
            number("Plan Width", width.to_string());
        }
        if let Some(instruments) = self.instruments {
            match counters.filter(|c| c.loops > 0) {
                Some(c) => {
                    let rows = c.rows as f64 / c.loops as f64;
                    if instruments.timing {
                        let (first, all) = (ms(c.startup, c.loops), ms(c.total, c.loops));
                        title.push_str(&format!(
                            " (actual time={first:.3}..{all:.3} rows={rows:.2} loops={})",
                            c.loops
                        ));
                        number("Actual Startup Time", format!("{first:.3}"));
                        number("Actual Total Time", format!("{all:.3}"));
                    } else {
                        title.push_str(&format!(" (actual rows={rows:.2} loops={})", c.loops));
                    }
                    number("Actual Rows", format!("{rows:.2}"));
                    number("Actual Loops", c.loops.to_string());
                }
                None => {
                    title.push_str(" (never executed)");
                    if instruments.timing {
                        number("Actual Startup Time", "0.000".to_owned());
                        number("Actual Total Time", "0.000".to_owned());
                    }
                    number("Actual Rows", "0.00".to_owned());
                    number("Actual Loops", "0".to_owned());
                }
            }
        }
        properties.push(("Disabled".to_owned(), Value::Bool(self.is_disabled(plan))));
    }

    /// Whether the node itself, not one below it, was chosen although its kind is switched off.
    pub fn is_disabled(&self, plan: &Plan) -> bool {
        let below: u32 = match &plan.node {
            PlanNode::Append { children, .. } | PlanNode::MergeAppend { children, .. } => {
                children.iter().map(|c| c.disabled_nodes).sum()
            }
            PlanNode::SubqueryScan { child, .. } => child.disabled_nodes,
            _ => [&plan.left, &plan.right].into_iter().flatten().map(|c| c.disabled_nodes).sum(),
        };
        plan.disabled_nodes > below
    }

    fn children(&self, scope: Scope<'_>, described: &mut Described) -> Result<()> {
        let plan = scope.plan;
        for init in &plan.init_plans {
            self.subplan(scope, init, "InitPlan", described)?;
        }
        let mut child = |plan: &Plan, relationship: &'static str| -> Result<()> {
            let below = Scope { plan, above: Some(&scope), subplan: None };
            described.children.push(self.node(below, Some(relationship), None)?);
            Ok(())
        };
        match &plan.node {
            PlanNode::Append { children, .. }
            | PlanNode::MergeAppend { children, .. }
            | PlanNode::BitmapAnd { children }
            | PlanNode::BitmapOr { children } => children.iter().try_for_each(|c| child(c, "Member"))?,
            PlanNode::SubqueryScan { child: c, .. } => child(c, "Subquery")?,
            _ => {
                if let Some(left) = outer(plan) {
                    child(left, "Outer")?;
                }
                if let Some(right) = plan.right.as_deref() {
                    child(right, "Inner")?;
                }
            }
        }
        let mut subplans = Vec::new();
        detail::for_each_expr(plan, &mut |expr| collect_subplans(expr, &mut subplans));
        for subplan in &subplans {
            self.subplan(scope, subplan, "SubPlan", described)?;
        }
        Ok(())
    }

    fn subplan(
        &self,
        scope: Scope<'_>,
        expr: &Expr,
        relationship: &'static str,
        described: &mut Described,
    ) -> Result<()> {
        let Expr::SubPlan(subplan) = expr else { return Ok(()) };
        let Some(plan) = self.statement.subplans.get(subplan.plan) else { return Ok(()) };
        let below = Scope { plan, above: Some(&scope), subplan: Some(subplan) };
        described.children.push(self.node(below, Some(relationship), Some(&subplan.name))?);
        Ok(())
    }
}

fn collect_subplans(expr: &Expr, found: &mut Vec<Expr>) {
    ir::any(expr, &mut |e| {
        if let Expr::SubPlan(subplan) = e {
            let known = |f: &Expr| matches!(f, Expr::SubPlan(other) if other.plan == subplan.plan);
            if !found.iter().any(known) {
                found.push(e.clone());
            }
        }
        false
    });
}
