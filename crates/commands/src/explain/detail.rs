//! The lines under a node's headline: conditions, keys, and what ANALYZE counted.

use super::names::Scope;
use super::node::Describer;
use super::render::{Described, Value};
use base::{Oid, Result};
use catalog::Session;
use executor::Counters;
use ir::{BoolOp, Expr, GroupColumn, Plan, PlanNode, RelSet, Returning, SortColumn, Var, VarSource};

/// Calls `visit` with each expression that the node evaluates.
pub fn for_each_expr(plan: &Plan, visit: &mut dyn FnMut(&Expr)) {
    plan.target_list.iter().for_each(|target| visit(&target.expr));
    plan.qual.iter().for_each(&mut *visit);
    match &plan.node {
        PlanNode::Result { constant_qual } => constant_qual.iter().for_each(visit),
        PlanNode::IndexScan { quals, order_by, .. } => {
            quals.iter().for_each(|q| visit(&q.original));
            order_by.iter().for_each(visit);
        }
        PlanNode::IndexOnlyScan { quals, .. } | PlanNode::BitmapIndexScan { quals, .. } => {
            quals.iter().for_each(|q| visit(&q.original));
        }
        PlanNode::TidScan { quals, .. } | PlanNode::TidRangeScan { quals, .. } => {
            quals.iter().for_each(visit)
        }
        PlanNode::NestLoop { join, .. } | PlanNode::MergeJoin { join, .. } => {
            join.quals.iter().for_each(visit)
        }
        PlanNode::HashJoin { join, clauses } => {
            clauses.iter().for_each(&mut *visit);
            join.quals.iter().for_each(visit);
        }
        PlanNode::Limit { offset, count, .. } => [offset, count].into_iter().flatten().for_each(visit),
        PlanNode::ModifyTable(modify) => {
            for action in modify.merge_actions.iter().flatten() {
                action.targets.iter().map(|t| &t.expr).chain(&action.condition).for_each(&mut *visit);
            }
            modify.returning.iter().flatten().for_each(|target| visit(&target.expr));
        }
        _ => {}
    }
}

/// Writes both forms of each fact.
struct Facts<'a> {
    described: &'a mut Described,
}

impl Facts<'_> {
    fn text(&mut self, label: &str, text: String) {
        self.described.details.push(format!("{label}: {text}"));
        self.described.properties.push((label.to_owned(), Value::Text(text)));
    }

    fn list(&mut self, label: &str, items: Vec<String>) {
        if !items.is_empty() {
            self.described.details.push(format!("{label}: {}", items.join(", ")));
            self.described.properties.push((label.to_owned(), Value::List(items)));
        }
    }

    fn number(&mut self, label: &str, number: impl ToString) {
        self.described.details.push(format!("{label}: {}", number.to_string()));
        self.property(label, number);
    }

    /// Only in the structured formats.
    fn property(&mut self, label: &str, number: impl ToString) {
        self.described.properties.push((label.to_owned(), Value::Number(number.to_string())));
    }

    fn line(&mut self, line: String) {
        self.described.details.push(line);
    }

    /// Rows removed, per loop; said only when there were some.
    fn removed(&mut self, label: &str, counters: Option<&Counters>, count: impl Fn(&Counters) -> u64) {
        let Some(counters) = counters else { return };
        let per_loop = count(counters) as f64 / counters.loops.max(1) as f64;
        if per_loop > 0.0 {
            self.line(format!("{label}: {per_loop:.0}"));
        }
        self.property(label, format!("{per_loop:.0}"));
    }
}

/// Conditions as one expression.
fn conjunction(quals: &[Expr]) -> Option<Expr> {
    match quals {
        [] => None,
        [only] => Some(only.clone()),
        many => Some(Expr::Bool { op: BoolOp::And, args: many.to_vec(), location: None }),
    }
}

/// # Errors
/// What deparsing fails with.
pub fn add(
    describer: &Describer<'_>,
    scope: Scope<'_>,
    counters: Option<&Counters>,
    described: &mut Described,
) -> Result<()> {
    let plan = scope.plan;
    let mut facts = Facts { described };
    if describer.is_disabled(plan) {
        facts.line("Disabled: true".to_owned());
    }
    if describer.options.verbose && !plan.target_list.is_empty() && shows_output(plan) {
        let mut items = Vec::new();
        for target in &plan.target_list {
            items.push(describer.names.output(scope, &target.expr)?);
        }
        facts.list("Output", items);
    }
    conditions(describer, scope, counters, &mut facts)?;
    keys(describer, scope, &mut facts)?;
    filter(describer, scope, counters, &mut facts)?;
    if let Some(counters) = counters {
        counted(plan, counters, &mut facts);
    } else if describer.instruments.is_some() {
        never_executed(plan, &mut facts);
    }
    Ok(())
}

/// These pass rows along whose columns are shown below.
fn shows_output(plan: &Plan) -> bool {
    !matches!(
        plan.node,
        PlanNode::Append { .. } | PlanNode::MergeAppend { .. } | PlanNode::RecursiveUnion { .. }
    )
}

impl Describer<'_> {
    fn condition(&self, scope: Scope<'_>, label: &str, quals: &[Expr], facts: &mut Facts<'_>) -> Result<()> {
        if let Some(expr) = conjunction(quals) {
            let scan = matches!(
                scope.plan.node,
                PlanNode::SeqScan { .. }
                    | PlanNode::SampleScan { .. }
                    | PlanNode::IndexScan { .. }
                    | PlanNode::IndexOnlyScan { .. }
                    | PlanNode::BitmapIndexScan { .. }
                    | PlanNode::BitmapHeapScan { .. }
                    | PlanNode::TidScan { .. }
                    | PlanNode::TidRangeScan { .. }
                    | PlanNode::SubqueryScan { .. }
                    | PlanNode::FunctionScan { .. }
                    | PlanNode::ValuesScan { .. }
                    | PlanNode::CteScan { .. }
                    | PlanNode::WorkTableScan { .. }
                    | PlanNode::NamedTuplestoreScan { .. }
            );
            let text = match scan {
                true => self.names.scan_expr(scope, &expr)?,
                false => self.names.expr(scope, &expr)?,
            };
            facts.text(label, text);
        }
        Ok(())
    }
}

/// What the node goes by before its filter.
fn conditions(
    describer: &Describer<'_>,
    scope: Scope<'_>,
    counters: Option<&Counters>,
    facts: &mut Facts<'_>,
) -> Result<()> {
    const RECHECK: &str = "Rows Removed by Index Recheck";
    let index_quals = |quals: &[ir::IndexQual]| quals.iter().map(|q| q.original.clone()).collect::<Vec<_>>();
    match &scope.plan.node {
        PlanNode::Result { constant_qual } => {
            describer.condition(scope, "One-Time Filter", constant_qual, facts)?
        }
        PlanNode::IndexScan { quals, order_by, .. } => {
            describer.condition(scope, "Index Cond", &index_quals(quals), facts)?;
            if !quals.is_empty() {
                facts.removed(RECHECK, counters, |c| c.removed_by_recheck);
            }
            describer.condition(scope, "Order By", order_by, facts)?;
        }
        PlanNode::IndexOnlyScan { quals, .. } => {
            describer.condition(scope, "Index Cond", &index_quals(quals), facts)?;
            if !quals.is_empty() {
                facts.removed(RECHECK, counters, |c| c.removed_by_recheck);
            }
        }
        PlanNode::BitmapIndexScan { quals, .. } => {
            describer.condition(scope, "Index Cond", &index_quals(quals), facts)?;
        }
        PlanNode::BitmapHeapScan { recheck, .. } => {
            describer.condition(scope, "Recheck Cond", recheck, facts)?;
            facts.removed(RECHECK, counters, |c| c.removed_by_recheck);
        }
        PlanNode::TidScan { quals, .. } if quals.len() > 1 => {
            let any = Expr::Bool { op: BoolOp::Or, args: quals.clone(), location: None };
            describer.condition(scope, "TID Cond", &[any], facts)?;
        }
        PlanNode::TidScan { quals, .. } | PlanNode::TidRangeScan { quals, .. } => {
            describer.condition(scope, "TID Cond", quals, facts)?;
        }
        PlanNode::NestLoop { join, .. } => join_filter(describer, scope, join, counters, facts)?,
        PlanNode::MergeJoin { join, clauses, .. } => {
            let clauses: Vec<Expr> = clauses.iter().map(|c| c.condition.clone()).collect();
            describer.condition(scope, "Merge Cond", &clauses, facts)?;
            join_filter(describer, scope, join, counters, facts)?;
        }
        PlanNode::HashJoin { join, clauses } => {
            describer.condition(scope, "Hash Cond", clauses, facts)?;
            join_filter(describer, scope, join, counters, facts)?;
        }
        PlanNode::SampleScan { sample, .. } => sampling(describer, scope, sample, facts)?,
        PlanNode::FunctionScan { relation } if describer.options.verbose => {
            let entry = relation.checked_sub(1).and_then(|i| describer.statement.range_table.get(i));
            if let Some(ir::RangeTableKind::Function { functions, .. }) = entry.map(|e| &e.kind) {
                let mut calls = Vec::new();
                for function in functions {
                    calls.push(describer.names.expr(scope, &function.expr)?);
                }
                facts.text("Function Call", calls.join(", "));
            }
        }
        PlanNode::WindowAgg(window) => {
            let text = window_text(describer, scope, window)?;
            facts.text("Window", text);
            describer.condition(scope, "Run Condition", &window.run_condition, facts)?;
        }
        PlanNode::Gather { workers, .. } | PlanNode::GatherMerge { workers, .. } => {
            facts.number("Workers Planned", workers);
            if let Some(counters) = counters {
                facts.number("Workers Launched", counters.workers_launched);
            }
            if let PlanNode::Gather { single_copy, .. } = &scope.plan.node {
                if *single_copy {
                    facts.line("Single Copy: true".to_owned());
                }
                facts.described.properties.push(("Single Copy".to_owned(), Value::Bool(*single_copy)));
            }
        }
        _ => {}
    }
    Ok(())
}

/// `bernoulli ('10'::real) REPEATABLE ('2'::double precision)`.
fn sampling(
    describer: &Describer<'_>,
    scope: Scope<'_>,
    sample: &ir::TableSample,
    facts: &mut Facts<'_>,
) -> Result<()> {
    let method = describer.session.function(sample.handler)?.proname.clone();
    let mut arguments = Vec::new();
    for argument in &sample.args {
        arguments.push(describer.names.expr(scope, argument)?);
    }
    facts.described.properties.push(("Sampling Method".to_owned(), Value::Text(method.clone())));
    let mut line = format!("Sampling: {method} ({})", arguments.join(", "));
    facts.described.properties.push(("Sampling Parameters".to_owned(), Value::List(arguments)));
    if let Some(seed) = &sample.repeatable {
        let seed = describer.names.expr(scope, seed)?;
        line.push_str(&format!(" REPEATABLE ({seed})"));
        facts.described.properties.push(("Repeatable Seed".to_owned(), Value::Text(seed)));
    }
    facts.line(line);
    Ok(())
}

/// Bits of a window's frame options.
mod frame {
    pub const NOT_DEFAULT: u32 = 0x1;
    pub const RANGE: u32 = 0x2;
    pub const ROWS: u32 = 0x4;
    pub const BETWEEN: u32 = 0x10;
    /// Start, and end: unbounded preceding, unbounded following, current row, offset preceding, offset following.
    pub const STARTS: [u32; 5] = [0x20, 0x80, 0x200, 0x800, 0x2000];
    pub const ENDS: [u32; 5] = [0x40, 0x100, 0x400, 0x1000, 0x4000];
    pub const EXCLUDE: [(u32, &str); 3] =
        [(0x8000, " EXCLUDE CURRENT ROW"), (0x10000, " EXCLUDE GROUP"), (0x20000, " EXCLUDE TIES")];
}

/// `w1 AS (PARTITION BY a ORDER BY b ROWS BETWEEN ...)`.
fn window_text(describer: &Describer<'_>, scope: Scope<'_>, window: &ir::WindowAgg) -> Result<String> {
    let mut parts = Vec::new();
    let partition = group_keys(describer, scope, &window.partition)?;
    if !partition.is_empty() {
        parts.push(format!("PARTITION BY {}", partition.join(", ")));
    }
    let order = group_keys(describer, scope, &window.order)?;
    if !order.is_empty() {
        parts.push(format!("ORDER BY {}", order.join(", ")));
    }
    let options = window.frame_options;
    if options & frame::NOT_DEFAULT != 0 {
        let unit = match options {
            o if o & frame::RANGE != 0 => "RANGE",
            o if o & frame::ROWS != 0 => "ROWS",
            _ => "GROUPS",
        };
        let bound = |bits: [u32; 5], offset: &Option<Expr>| -> Result<String> {
            let offset = match offset {
                Some(expr) => describer.names.expr(scope, expr)?,
                None => String::new(),
            };
            Ok(match bits.iter().position(|bit| options & bit != 0) {
                Some(0) => "UNBOUNDED PRECEDING".to_owned(),
                Some(1) => "UNBOUNDED FOLLOWING".to_owned(),
                Some(3) => format!("{offset} PRECEDING"),
                Some(4) => format!("{offset} FOLLOWING"),
                _ => "CURRENT ROW".to_owned(),
            })
        };
        let start = bound(frame::STARTS, &window.start_offset)?;
        let mut text = if options & frame::BETWEEN != 0 {
            format!("{unit} BETWEEN {start} AND {}", bound(frame::ENDS, &window.end_offset)?)
        } else {
            format!("{unit} {start}")
        };
        frame::EXCLUDE
            .iter()
            .filter(|(bit, _)| options & bit != 0)
            .for_each(|(_, words)| text.push_str(words));
        parts.push(text);
    }
    Ok(format!("{} AS ({})", syntax::quote_identifier(&window.name), parts.join(" ")))
}

fn join_filter(
    describer: &Describer<'_>,
    scope: Scope<'_>,
    join: &ir::Join,
    counters: Option<&Counters>,
    facts: &mut Facts<'_>,
) -> Result<()> {
    if describer.options.verbose && join.inner_unique {
        facts.line("Inner Unique: true".to_owned());
    }
    facts.described.properties.push(("Inner Unique".to_owned(), Value::Bool(join.inner_unique)));
    describer.condition(scope, "Join Filter", &join.quals, facts)?;
    if !join.quals.is_empty() {
        facts.removed("Rows Removed by Join Filter", counters, |c| c.removed_by_join_filter);
    }
    Ok(())
}

fn filter(
    describer: &Describer<'_>,
    scope: Scope<'_>,
    counters: Option<&Counters>,
    facts: &mut Facts<'_>,
) -> Result<()> {
    describer.condition(scope, "Filter", &scope.plan.qual, facts)?;
    if !scope.plan.qual.is_empty() {
        facts.removed("Rows Removed by Filter", counters, |c| c.removed_by_filter);
    }
    Ok(())
}

/// A column of the child's output.
fn child_column(plan: &Plan, column: i16) -> Option<Expr> {
    let index = usize::try_from(column).ok()?.checked_sub(1)?;
    let child = super::names::outer(plan)?;
    let expr = &child.target_list.get(index)?.expr;
    Some(Expr::Var(Var {
        source: VarSource::Outer,
        attribute: column,
        type_oid: ir::expr_type(expr),
        typmod: ir::expr_typmod(expr),
        collation: ir::expr_collation(expr),
        nulling: RelSet::new(),
        levels_up: 0,
        returning: Returning::Default,
        syntactic: (0, 0),
        location: None,
    }))
}

fn keys(describer: &Describer<'_>, scope: Scope<'_>, facts: &mut Facts<'_>) -> Result<()> {
    match &scope.plan.node {
        PlanNode::Sort { keys } | PlanNode::MergeAppend { keys, .. } => {
            facts.list("Sort Key", sort_keys(describer, scope, keys)?);
        }
        PlanNode::IncrementalSort { keys, presorted } => {
            facts.list("Sort Key", sort_keys(describer, scope, keys)?);
            let plain: Vec<SortColumn> = keys.iter().take(*presorted).cloned().collect();
            let columns: Vec<i16> = plain.iter().map(|k| k.column).collect();
            facts.list("Presorted Key", columns_text(describer, scope, &columns)?);
        }
        PlanNode::Group { groups } => facts.list("Group Key", group_keys(describer, scope, groups)?),
        PlanNode::Aggregate(aggregate) if aggregate.grouping_sets.is_empty() => {
            facts.list("Group Key", group_keys(describer, scope, &aggregate.groups)?);
        }
        PlanNode::Aggregate(aggregate) => {
            grouping_sets(describer, scope, aggregate, "", facts)?;
            for pass in &aggregate.chain {
                let PlanNode::Aggregate(aggregate) = &pass.node else { continue };
                let mut indent = "";
                if let Some(PlanNode::Sort { keys }) = pass.left.as_ref().map(|sort| &sort.node) {
                    facts.list("Sort Key", sort_keys(describer, scope, keys)?);
                    indent = "  ";
                }
                grouping_sets(describer, scope, aggregate, indent, facts)?;
            }
        }
        PlanNode::Memoize { keys, binary_mode, .. } => {
            let mut texts = Vec::new();
            for key in keys {
                texts.push(describer.names.expr(scope, key)?);
            }
            facts.text("Cache Key", texts.join(", "));
            facts.text("Cache Mode", if *binary_mode { "binary" } else { "logical" }.to_owned());
        }
        PlanNode::ModifyTable(modify) => {
            describer.changed_relations(modify, facts)?;
            if let Some(conflict) = &modify.on_conflict {
                let what = if conflict.update { "UPDATE" } else { "NOTHING" };
                facts.text("Conflict Resolution", what.to_owned());
                let mut arbiters = Vec::new();
                for oid in &modify.arbiter_indexes {
                    if let Some(class) = describer
                        .session
                        .row::<catalog::PgClass>(catalog::index::PG_CLASS_OID, &[(*oid).into()])?
                    {
                        arbiters.push(class.relname.clone());
                    }
                }
                facts.list("Conflict Arbiter Indexes", arbiters);
                let filter: Vec<Expr> = conflict.set_where.iter().cloned().collect();
                describer.condition(scope, "Conflict Filter", &filter, facts)?;
            }
        }
        _ => {}
    }
    Ok(())
}

impl Describer<'_> {
    /// The relations that a statement changes, where that is not just the one it names.
    fn changed_relations(&self, modify: &ir::ModifyTable, facts: &mut Facts<'_>) -> Result<()> {
        if modify.result_relations == [modify.nominal_relation] {
            return Ok(());
        }
        let mut targets = Vec::new();
        for relation in &modify.result_relations {
            let mut title = super::node::operation(modify.operation).to_owned();
            let mut properties = Vec::new();
            self.relation(*relation, &mut title, &mut properties)?;
            facts.line(title);
            targets.push(("Target Table".to_owned(), Value::Group(properties)));
        }
        facts.described.properties.push(("Target Tables".to_owned(), Value::Groups(targets)));
        Ok(())
    }
}

/// The sets that one pass of a grouping computes.
fn grouping_sets(
    describer: &Describer<'_>,
    scope: Scope<'_>,
    aggregate: &ir::Aggregate,
    indent: &str,
    facts: &mut Facts<'_>,
) -> Result<()> {
    let hashed = matches!(aggregate.strategy, ir::AggStrategy::Hashed | ir::AggStrategy::Mixed);
    let label = if hashed { "Hash Key" } else { "Group Key" };
    for set in &aggregate.grouping_sets {
        let columns = grouped_columns(describer, scope, set)?;
        let text = if columns.is_empty() { "()".to_owned() } else { columns.join(", ") };
        facts.line(format!("{indent}{label}: {text}"));
    }
    Ok(())
}

fn columns_text(describer: &Describer<'_>, scope: Scope<'_>, columns: &[i16]) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for column in columns {
        texts.push(key_text(describer, scope, *column)?);
    }
    Ok(texts)
}

/// Append-like nodes show keys by their own output, which has their first child's columns.
fn key_text(describer: &Describer<'_>, scope: Scope<'_>, column: i16) -> Result<String> {
    match child_column(scope.plan, column) {
        Some(expr) => describer.names.expr(scope, &expr),
        None => Ok(format!("${column}")),
    }
}

fn group_keys(describer: &Describer<'_>, scope: Scope<'_>, groups: &[GroupColumn]) -> Result<Vec<String>> {
    let columns: Vec<i16> = groups.iter().map(|g| g.column).collect();
    grouped_columns(describer, scope, &columns)
}

/// Columns to group by are shown as the child computes them.
fn grouped_columns(describer: &Describer<'_>, scope: Scope<'_>, columns: &[i16]) -> Result<Vec<String>> {
    let Some(child) = super::names::outer(scope.plan) else {
        return columns_text(describer, scope, columns);
    };
    let below = Scope { plan: child, above: Some(&scope), subplan: None };
    let targets = columns.iter().map(|column| {
        let place = usize::try_from(*column - 1).ok();
        match place.and_then(|place| child.target_list.get(place)) {
            Some(target) => describer.names.expr(below, &target.expr),
            None => Ok(format!("${column}")),
        }
    });
    targets.collect()
}

/// The operators that sort a type up and down unless others are asked for.
fn usual_operators(session: &catalog::Session, type_oid: Oid) -> Result<Option<(Oid, Oid)>> {
    const BTREE: Oid = Oid(403);
    if !type_oid.is_valid() {
        return Ok(None);
    }
    let Some(class) = session.default_opclass(type_oid, BTREE)? else {
        return Ok(Some((Oid(0), Oid(0))));
    };
    let member =
        |strategy| session.family_operator(class.opcfamily, class.opcintype, class.opcintype, strategy);
    Ok(member(1)?.zip(member(5)?))
}

fn sort_keys(describer: &Describer<'_>, scope: Scope<'_>, keys: &[SortColumn]) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for key in keys {
        let mut text = key_text(describer, scope, key.column)?;
        let type_oid = child_column(scope.plan, key.column).map_or(Oid(0), |expr| ir::expr_type(&expr));
        if key.collation.is_valid()
            && type_oid.is_valid()
            && key.collation != describer.session.type_collation(type_oid)?
            && let Some(row) = describer
                .session
                .row::<catalog::PgCollation>(catalog::index::PG_COLLATION_OID, &[key.collation.into()])?
        {
            text.push_str(&format!(" COLLATE {}", syntax::quote_identifier(&row.collname)));
        }
        let usual = usual_operators(describer.session, type_oid)?;
        let known = direction(describer.session, key.operator)?;
        let descending = known.unwrap_or(false);
        // An operator other than those that the type is sorted by of itself has to be named.
        if known.is_none() || usual.is_some_and(|(less, greater)| ![less, greater].contains(&key.operator)) {
            text.push_str(&format!(" USING {}", describer.session.operator(key.operator)?.oprname));
        } else if descending {
            text.push_str(" DESC");
        }
        if key.nulls_first != descending {
            text.push_str(if key.nulls_first { " NULLS FIRST" } else { " NULLS LAST" });
        }
        texts.push(text);
    }
    Ok(texts)
}

/// Whether an operator sorts downwards; `None` if it is no B-tree's `<` or `>`.
fn direction(session: &Session, operator: Oid) -> Result<Option<bool>> {
    const BTREE: Oid = Oid(403);
    let families = session.operator_families(operator)?;
    Ok(families.iter().filter(|row| row.amopmethod == BTREE).find_map(|row| match row.amopstrategy {
        1 => Some(false),
        5 => Some(true),
        _ => None,
    }))
}

fn kb(bytes: u64) -> u64 {
    bytes.div_ceil(1024)
}

/// What is told even of a node that was never run.
fn never_executed(plan: &Plan, facts: &mut Facts<'_>) {
    if matches!(plan.node, PlanNode::IndexOnlyScan { .. }) {
        facts.number("Heap Fetches", 0);
    }
    let by_index = matches!(
        plan.node,
        PlanNode::IndexScan { .. } | PlanNode::BitmapIndexScan { .. } | PlanNode::IndexOnlyScan { .. }
    );
    if by_index {
        facts.number("Index Searches", 0);
    }
}

fn counted(plan: &Plan, counters: &Counters, facts: &mut Facts<'_>) {
    match &plan.node {
        PlanNode::Sort { .. } => {
            if let Some(method) = counters.sort_method {
                let kind = if method.starts_with("external") { "Disk" } else { "Memory" };
                let space = kb(counters.sort_space);
                facts.line(format!("Sort Method: {method}  {kind}: {space}kB"));
                facts.described.properties.push(("Sort Method".to_owned(), Value::Text(method.to_owned())));
                facts.property("Sort Space Used", space);
                facts.described.properties.push(("Sort Space Type".to_owned(), Value::Text(kind.to_owned())));
            }
        }
        PlanNode::Hash { .. } if counters.hash_buckets > 0 => {
            let (buckets, batches, memory) =
                (counters.hash_buckets, counters.hash_batches.max(1), kb(counters.hash_memory));
            facts.line(format!("Buckets: {buckets}  Batches: {batches}  Memory Usage: {memory}kB"));
            facts.property("Hash Buckets", buckets);
            facts.property("Hash Batches", batches);
            facts.property("Peak Memory Usage", memory);
        }
        PlanNode::Aggregate(aggregate)
            if matches!(aggregate.strategy, ir::AggStrategy::Hashed | ir::AggStrategy::Mixed) =>
        {
            let (batches, memory, disk) =
                (counters.hash_batches.max(1), kb(counters.hash_memory), kb(counters.disk_usage));
            let mut line = format!("Batches: {batches}  Memory Usage: {memory}kB");
            if batches > 1 {
                line.push_str(&format!("  Disk Usage: {disk}kB"));
            }
            facts.line(line);
            facts.property("HashAgg Batches", batches);
            facts.property("Peak Memory Usage", memory);
            facts.property("Disk Usage", disk);
        }
        PlanNode::IndexScan { .. } | PlanNode::BitmapIndexScan { .. } => {
            facts.number("Index Searches", counters.index_searches);
        }
        PlanNode::IndexOnlyScan { .. } => {
            facts.number("Heap Fetches", counters.heap_fetches);
            facts.number("Index Searches", counters.index_searches);
        }
        PlanNode::BitmapHeapScan { .. } => {
            let mut line = "Heap Blocks:".to_owned();
            if counters.exact_pages > 0 {
                line.push_str(&format!(" exact={}", counters.exact_pages));
            }
            if counters.lossy_pages > 0 {
                line.push_str(&format!(" lossy={}", counters.lossy_pages));
            }
            if counters.exact_pages + counters.lossy_pages > 0 {
                facts.line(line);
            }
            facts.property("Exact Heap Blocks", counters.exact_pages);
            facts.property("Lossy Heap Blocks", counters.lossy_pages);
        }
        PlanNode::Memoize { .. } if counters.cache_misses > 0 => {
            let memory = kb(counters.cache_memory);
            facts.line(format!(
                "Hits: {}  Misses: {}  Evictions: {}  Overflows: 0  Memory Usage: {memory}kB",
                counters.cache_hits, counters.cache_misses, counters.cache_evictions
            ));
            facts.property("Cache Hits", counters.cache_hits);
            facts.property("Cache Misses", counters.cache_misses);
            facts.property("Cache Evictions", counters.cache_evictions);
            facts.property("Cache Overflows", 0);
            facts.property("Peak Memory Usage", memory);
        }
        PlanNode::ModifyTable(modify) if modify.on_conflict.is_some() => {
            facts.number("Tuples Inserted", counters.tuples_inserted);
            facts.number("Conflicting Tuples", counters.conflicting_tuples);
        }
        _ => {}
    }
}
