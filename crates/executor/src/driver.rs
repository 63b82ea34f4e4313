//! Starting, running and ending the execution of a plan.

use crate::context::{Execution, ParamValue};
use crate::expr::finish_cte;
use crate::foreign_key;
use crate::hooks::Hooks;
use crate::instrument::Instruments;
use crate::memory::{Budget, Memory};
use crate::node::{self, Node};
use crate::permission::check_permissions;
use crate::prepare::Prepared;
use base::{Error, Result};
use catalog::Session;
use datum::{Attribute, Batch, Column, MAX_BATCH_ROWS, OwnedDatum, Row, TupleDesc};
use ir::{CommandType, Expr, Plan, PlanNode, SubLinkKind};
use std::sync::Arc;
use txn::Snapshot;

/// How a plan is to be run.
#[derive(Clone)]
pub struct Options {
    pub budget: Arc<Budget>,
    pub hooks: Hooks,
    /// EXPLAIN ANALYZE: whether nodes count, and whether they take times.
    pub instrument: Option<bool>,
    /// Skips the check of privileges, for statements that the system itself makes.
    pub trusted: bool,
}

/// A plan in execution.
pub struct Running {
    execution: Execution,
    node: Box<dyn Node>,
    done: bool,
    finished: bool,
}

/// Work memory is kept below this by each node, as a column holds less than 4 GB.
const MAX_WORK_BYTES: usize = 1 << 30;

impl Execution {
    /// An execution without nodes, to evaluate expressions in.
    ///
    /// # Errors
    /// `XX000` outside of a transaction.
    pub fn new(
        session: &Arc<Session>,
        prepared: Arc<Prepared>,
        params: &[ParamValue],
        snapshot: Snapshot,
        options: &Options,
    ) -> Result<Execution> {
        let (work_mem, multiplier) = {
            let settings = session.settings();
            (settings.get(settings::WORK_MEM), settings.get(settings::HASH_MEM_MULTIPLIER))
        };
        let work_bytes = ((work_mem.max(64) as usize) << 10).min(MAX_WORK_BYTES);
        let hash_bytes = ((work_bytes as f64 * multiplier.max(1.0)) as usize).min(MAX_WORK_BYTES);
        let params = params.iter().map(|p| {
            let value = p.value.as_ref().map(OwnedDatum::as_datum);
            Arc::new(Column::constant(p.layout.repr, value))
        });
        let subplans = prepared.plan.subplans.len();
        let mut execution = Execution {
            session: session.clone(),
            context: session.context()?,
            snapshot,
            params: params.collect(),
            exec_params: Vec::new(),
            exec_param_versions: Vec::new(),
            subplans: (0..subplans).map(|_| None).collect(),
            init_plans: Vec::new(),
            hashed_subplans: (0..subplans).map(|_| None).collect(),
            ctes: (0..subplans).map(|_| None).collect(),
            work_tables: Vec::new(),
            memory: Memory::new(options.budget.clone(), work_bytes, hash_bytes),
            hooks: options.hooks.clone(),
            instruments: options.instrument.map(Instruments::new),
            processed: 0,
            recheck: None,
            depth: 0,
            decoded: None,
            statement: 0,
            key_routers: Default::default(),
            has_queued: false,
            team: None,
            prepared,
        };
        if let Some(last) = execution.prepared.exec_params.checked_sub(1) {
            execution.reserve_param(last);
        }
        Ok(execution)
    }
}

/// Begins a plan.
///
/// # Errors
/// `42501` for missing privileges, `25006` for changes in a read-only transaction, `0A000` for what is not built yet.
pub fn start(
    session: &Arc<Session>,
    prepared: &Arc<Prepared>,
    params: &[ParamValue],
    snapshot: Snapshot,
    options: &Options,
) -> Result<Running> {
    let plan = prepared.plan.clone();
    if !options.trusted {
        check_permissions(session, &plan.permissions)?;
    }
    if session.is_read_only()
        && let Some(command) = writing_command(session, &plan)?
    {
        session.require_writable(command)?;
    }
    check_populated(session, &plan)?;
    let mut execution = Execution::new(session, prepared.clone(), params, snapshot, options)?;
    let node = node::build(&mut execution, &plan.plan)?;
    if !plan.result_relations.is_empty() {
        execution.statement = foreign_key::enter(session);
    }
    Ok(Running { execution, node, done: false, finished: false })
}

/// Materialized views must have been filled.
fn check_populated(session: &Session, plan: &ir::PlannedStmt) -> Result<()> {
    for entry in &plan.range_table {
        if let ir::RangeTableKind::Relation { oid, relkind: b'm', .. } = &entry.kind
            && let Some(view) = session.relation(*oid)?
            && !view.class.relispopulated
        {
            return Err(base::err!(
                OBJECT_NOT_IN_PREREQUISITE_STATE,
                "materialized view \"{}\" has not been populated",
                view.name()
            )
            .hint("Use the REFRESH MATERIALIZED VIEW command."));
        }
    }
    Ok(())
}

/// What the plan changes, as messages call it; temporary tables do not count.
fn writing_command(session: &Session, plan: &ir::PlannedStmt) -> Result<Option<&'static str>> {
    for relation in &plan.result_relations {
        let entry = plan.range_table.get(relation.wrapping_sub(1));
        if let Some(ir::RangeTableKind::Relation { oid, .. }) = entry.map(|e| &e.kind)
            && let Some(entry) = session.relation(*oid)?
            && entry.class.relpersistence as u8 == b't'
        {
            continue;
        }
        return Ok(Some(match plan.command {
            CommandType::Insert => "INSERT",
            CommandType::Update => "UPDATE",
            CommandType::Delete => "DELETE",
            CommandType::Merge => "MERGE",
            _ => "SELECT",
        }));
    }
    if plan.row_marks.iter().any(|m| m.strength.is_some()) {
        return Ok(Some("SELECT FOR UPDATE"));
    }
    Ok(None)
}

impl Running {
    /// Up to `want` more rows; `None` at the end.
    ///
    /// # Errors
    /// What the plan fails with.
    pub fn next(&mut self, want: usize) -> Result<Option<Batch>> {
        if self.done {
            return Ok(None);
        }
        self.execution.check()?;
        let batch = self.node.next(&mut self.execution, want.clamp(1, MAX_BATCH_ROWS))?;
        self.done = batch.is_none();
        Ok(batch)
    }

    /// From the first row again.
    ///
    /// # Errors
    /// What the plan fails with.
    pub fn rescan(&mut self) -> Result<()> {
        self.done = false;
        self.node.rescan(&mut self.execution)
    }

    /// Ends the execution: data-modifying CTEs run to their end, foreign keys that are not deferred are checked, and
    /// triggers for the statement's end fire. Returns the rows processed by INSERT, UPDATE, DELETE or MERGE.
    ///
    /// # Errors
    /// `23503` and whatever else those fail with.
    pub fn finish(&mut self) -> Result<u64> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(self.execution.processed);
        }
        let plan = self.execution.prepared.plan.clone();
        if plan.has_modifying_cte {
            let mut modifying = Vec::new();
            collect_modifying(&plan.plan, &plan.subplans, &mut modifying);
            for subplan in modifying {
                let kept = self.execution.processed;
                finish_cte(&mut self.execution, subplan)?;
                self.execution.processed = kept;
            }
        }
        if !plan.result_relations.is_empty() {
            self.execution.session.command_counter_increment()?;
            foreign_key::check_immediate(&mut self.execution)?;
        }
        if self.execution.instruments.is_some() {
            // Workers that are still there hand over what they have counted when their Gather goes.
            self.node = Box::new(Ended);
        }
        if let Some(instruments) = &mut self.execution.instruments {
            instruments.collect();
        }
        Ok(self.execution.processed)
    }

    pub fn processed(&self) -> u64 {
        self.execution.processed
    }

    pub fn instruments(&self) -> Option<&Instruments> {
        self.execution.instruments.as_ref()
    }

    pub fn execution(&mut self) -> &mut Execution {
        &mut self.execution
    }
}

/// Stands for the nodes of an execution that has been finished.
struct Ended;

impl Node for Ended {
    fn next(&mut self, _: &mut Execution, _: usize) -> Result<Option<Batch>> {
        Ok(None)
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        Err(Error::internal("an execution that is finished"))
    }
}

/// The subplans with ModifyTable at their top that init plans of kind CTE name.
fn collect_modifying(plan: &Plan, subplans: &[Plan], found: &mut Vec<usize>) {
    for init in &plan.init_plans {
        if let Expr::SubPlan(subplan) = init
            && subplan.kind == SubLinkKind::Cte
            && subplans.get(subplan.plan).is_some_and(|p| matches!(p.node, PlanNode::ModifyTable(_)))
        {
            found.push(subplan.plan);
        }
    }
    crate::prepare::children(plan).into_iter().for_each(|child| collect_modifying(child, subplans, found));
}

impl Drop for Running {
    fn drop(&mut self) {
        // Checks queued by a statement that did not come to its end must not meet the next one.
        foreign_key::forget_immediate(&mut self.execution);
        if self.execution.statement != 0 {
            foreign_key::leave(&self.execution.session);
        }
    }
}

/// A plan of only an expression list, for evaluating what has no plan.
pub fn bare(plan: Plan) -> Result<Arc<Prepared>> {
    if !matches!(plan.node, PlanNode::Result { .. } | PlanNode::EmptyResult) {
        return Err(Error::internal("not a bare plan"));
    }
    Ok(Prepared::new(Arc::new(statement(plan, Vec::new()))))
}

/// A plan that yields rows that are there already: what a command such as EXPLAIN answers, read as a query.
pub fn of_rows(desc: &TupleDesc, rows: Vec<Row>) -> Arc<Prepared> {
    let attributes = desc.attributes();
    let constant = |(attribute, value): (&Attribute, Option<OwnedDatum>)| {
        Expr::Const(ir::Const {
            type_oid: attribute.type_oid,
            typmod: attribute.typmod,
            collation: attribute.collation,
            layout: attribute.layout,
            value,
            location: None,
        })
    };
    let lists: Vec<Vec<Expr>> =
        rows.into_iter().map(|row| attributes.iter().zip(row).map(constant).collect()).collect();
    let kind = ir::RangeTableKind::Values {
        lists,
        types: attributes.iter().map(|a| a.type_oid).collect(),
        typmods: attributes.iter().map(|a| a.typmod).collect(),
        collations: attributes.iter().map(|a| a.collation).collect(),
    };
    let columns: Vec<String> = attributes.iter().map(|a| a.name.clone()).collect();
    let entry = ir::RangeTableEntry {
        kind,
        alias: None,
        eref: ir::Alias { name: "*VALUES*".to_owned(), columns },
        lateral: false,
        in_from: true,
        security_quals: Vec::new(),
    };
    let target = |(at, attribute): (usize, &Attribute)| {
        let var = ir::Var {
            source: ir::VarSource::Relation(1),
            attribute: at as i16 + 1,
            type_oid: attribute.type_oid,
            typmod: attribute.typmod,
            collation: attribute.collation,
            nulling: ir::RelSet::new(),
            levels_up: 0,
            returning: ir::Returning::Default,
            syntactic: (0, 0),
            location: None,
        };
        ir::TargetEntry::new(Expr::Var(var), at as i16 + 1, Some(attribute.name.clone()))
    };
    let plan = Plan {
        node: PlanNode::ValuesScan { relation: 1 },
        target_list: attributes.iter().enumerate().map(target).collect(),
        ..Plan::default()
    };
    Prepared::new(Arc::new(ir::PlannedStmt { can_set_tag: true, ..statement(plan, vec![entry]) }))
}

fn statement(plan: Plan, range_table: Vec<ir::RangeTableEntry>) -> ir::PlannedStmt {
    ir::PlannedStmt {
        command: CommandType::Select,
        has_returning: false,
        has_modifying_cte: false,
        can_set_tag: false,
        depends_on_role: false,
        parallel_needed: false,
        plan,
        range_table,
        permissions: Vec::new(),
        result_relations: Vec::new(),
        append_relations: Vec::new(),
        subplans: Vec::new(),
        rewind_subplans: ir::RelSet::new(),
        row_marks: Vec::new(),
        relation_dependencies: Vec::new(),
        invalidation_items: Vec::new(),
        exec_params: Vec::new(),
    }
}
