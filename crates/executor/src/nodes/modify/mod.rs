//! ModifyTable: INSERT, UPDATE, DELETE, MERGE.

mod conflict;
mod delete;
mod insert;
mod merge;
mod route;
mod target;
mod update;

use crate::context::Execution;
use crate::foreign_key;
use crate::hooks::RowEvent;
use crate::node::{self, Node};
use crate::nodes::scan::relation_of;
use crate::recheck::{self, Marked, Substitutes};
use crate::rows::{Leftover, RowBuffer};
use base::{Error, Result, Tid};
use conflict::ConflictSpec;
use datum::{Batch, MAX_BATCH_ROWS, OwnedDatum};
use heap::{BulkInsert, LockWait, RowLock};
use ir::{CommandType, ModifyTable, Plan};
use merge::MergeSpec;
use route::Routes;
use std::sync::Arc;
pub use target::Target;
use target::{ReturnedRows, image, read_row};
use update::{Attempt, Update};

pub struct Spec {
    operation: CommandType,
    targets: Vec<Target>,
    /// The child's column with the row's tid, from 0.
    tid_column: Option<usize>,
    tableoid_column: Option<usize>,
    conflict: Option<ConflictSpec>,
    /// As planned, for partitions.
    on_conflict: Option<(Box<ir::OnConflict>, Vec<base::Oid>)>,
    /// The partitioned table that the statement names.
    root: Option<Arc<catalog::RelationEntry>>,
    merge: Option<MergeSpec>,
    can_set_tag: bool,
    id: usize,
    /// Rows of other relations that took part, for EvalPlanQual.
    row_marks: Vec<ir::PlanRowMark>,
    output: Arc<[datum::Repr]>,
}

pub fn build(execution: &mut Execution, plan: &Plan, modify: &ModifyTable) -> Result<Box<dyn Node>> {
    let child = node::build_child(execution, plan.left.as_deref())?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || Spec::new(execution, plan, modify))?;
    Ok(Box::new(ModifyNode {
        bulk: BulkInsert::default(),
        output: RowBuffer::new(spec.output.clone()),
        spec,
        child,
        routes: None,
        started: false,
        done: false,
        leftover: Leftover::default(),
    }))
}

impl Spec {
    fn new(execution: &Execution, plan: &Plan, modify: &ModifyTable) -> Result<Spec> {
        let outer = plan.left.as_deref().map_or(&[][..], |c| &c.target_list);
        let targets = (0..modify.result_relations.len())
            .map(|place| Target::new(execution, modify, place, outer))
            .collect::<Result<Vec<_>>>()?;
        if targets.is_empty() {
            return Err(Error::internal("a change of no relation"));
        }
        let conflict = match &modify.on_conflict {
            Some(conflict) => {
                Some(ConflictSpec::new(execution, &targets[0], conflict, &modify.arbiter_indexes)?)
            }
            None => None,
        };
        let merge = match modify.operation {
            CommandType::Merge => Some(MergeSpec::new(execution, modify, &targets, outer)?),
            _ => None,
        };
        let column = |number: i16| usize::try_from(number - 1).ok();
        let nominal = relation_of(execution, modify.nominal_relation)?;
        Ok(Spec {
            on_conflict: modify.on_conflict.clone().map(|c| (c, modify.arbiter_indexes.clone())),
            root: (nominal.kind() == b'p').then_some(nominal),
            operation: modify.operation,
            tid_column: column(modify.tid_column),
            tableoid_column: column(modify.tableoid_column),
            conflict,
            merge,
            can_set_tag: modify.can_set_tag,
            id: plan.id,
            row_marks: modify.row_marks.clone(),
            output: match modify.returning.first() {
                Some(list) => {
                    let reprs =
                        list.iter().map(|t| Ok(execution.session.type_layout(ir::expr_type(&t.expr))?.repr));
                    reprs.collect::<Result<Vec<_>>>()?.into()
                }
                None => [].into(),
            },
            targets,
        })
    }

    /// The events that the statement may cause, for statement triggers.
    fn events(&self) -> Vec<RowEvent> {
        match self.operation {
            CommandType::Insert => match &self.conflict {
                Some(conflict) if conflict.updates() => vec![RowEvent::Insert, RowEvent::Update],
                _ => vec![RowEvent::Insert],
            },
            CommandType::Update => vec![RowEvent::Update],
            CommandType::Delete => vec![RowEvent::Delete],
            _ => self.merge.as_ref().map_or_else(Vec::new, MergeSpec::events),
        }
    }

    /// The target of a row of the child.
    fn target_of(&self, batch: &Batch, row: usize) -> Result<usize> {
        let Some(column) = self.tableoid_column.filter(|_| self.targets.len() > 1) else { return Ok(0) };
        let oid = batch.value(column, row).map(|v| v.oid());
        if oid.is_none() && self.merge.is_some() {
            return Ok(0);
        }
        let found = self.targets.iter().position(|t| Some(t.entry.oid()) == oid);
        found.ok_or_else(|| Error::internal("a row of a relation that the statement does not change"))
    }
}

/// EvalPlanQual for a row of the child whose target row has a newer version from `newest` on: the row locked, and the
/// child's row recomputed with it. `None` if it is gone or does not qualify any more.
fn recheck_row(
    execution: &mut Execution,
    spec: &Spec,
    target: &Target,
    batch: &Batch,
    row: usize,
    newest: Tid,
) -> Result<Option<(Tid, Batch)>> {
    let mode = match spec.operation {
        CommandType::Delete => RowLock::ForUpdate,
        _ => RowLock::ForNoKeyUpdate,
    };
    let relation = &target.entry.relation;
    let Some(tuple) = recheck::lock_newest(execution, relation, newest, mode, LockWait::Block)? else {
        return Ok(None);
    };
    let tid = tuple.tid;
    let mut substitutes = Substitutes::default();
    for mark in &spec.row_marks {
        let Some(marked) = Marked::new(execution, mark)? else { continue };
        let found = match marked.row(batch, row)? {
            Some(place) => {
                let relation = &marked.relation(place.member).relation;
                heap::fetch_any(&execution.context, relation, place.tid)?.map(|tuple| (place.member, tuple))
            }
            None => None,
        };
        marked.substitute(&mut substitutes, found);
    }
    for other in &spec.targets {
        substitutes.set(other.relation, None);
    }
    substitutes.set(target.relation, Some(tuple));
    let prepared = execution.prepared.clone();
    let stmt = &prepared.plan;
    let roots = std::iter::once(&stmt.plan).chain(&stmt.subplans);
    let plan = roots.filter_map(|root| recheck::find_plan(root, spec.id)).next();
    let Some(child) = plan.and_then(|p| p.left.as_deref()) else {
        return Err(Error::internal("a change of tables without its plan"));
    };
    Ok(recheck::run(execution, child, substitutes)?.map(|batch| (tid, batch)))
}

/// Deletes a row on behalf of a foreign key.
///
/// # Errors
/// As DELETE.
pub fn delete_one(execution: &mut Execution, target: &Target, tid: Tid) -> Result<()> {
    let mut tid = tid;
    loop {
        let Some(tuple) = heap::fetch_any(&execution.context, &target.entry.relation, tid)? else {
            return Ok(());
        };
        let old = image(tid, read_row(execution, &target.entry, &tuple)?);
        match delete::delete_row(execution, target, tid, Some(&old))? {
            Attempt::Done(_) => {
                return delete::after(execution, target, Some(old), 0, &mut ReturnedRows::default(), false);
            }
            Attempt::Skipped | Attempt::Leaves(_) => return Ok(()),
            Attempt::Again(newest) => {
                let relation = &target.entry.relation;
                match recheck::lock_newest(execution, relation, newest, RowLock::ForUpdate, LockWait::Block)?
                {
                    Some(tuple) => tid = tuple.tid,
                    None => return Ok(()),
                }
            }
        }
    }
}

/// Sets attributes of a row on behalf of a foreign key.
///
/// # Errors
/// As UPDATE.
pub fn update_one(
    execution: &mut Execution,
    target: &Target,
    tid: Tid,
    values: &[(usize, Option<OwnedDatum>)],
    routing: &mut Routing<'_>,
) -> Result<()> {
    let mut tid = tid;
    loop {
        let Some(tuple) = heap::fetch_any(&execution.context, &target.entry.relation, tid)? else {
            return Ok(());
        };
        let old = image(tid, read_row(execution, &target.entry, &tuple)?);
        let mut row = old.values.clone();
        values.iter().for_each(|(attribute, value)| row[*attribute] = value.clone());
        let newest = match update::update_row(execution, target, &old, row, routing.is_open())? {
            Attempt::Done(new) => {
                return Update { target, old, new }.after(execution, 0, &mut ReturnedRows::default());
            }
            Attempt::Skipped => return Ok(()),
            Attempt::Leaves(values) => match update::move_row(execution, target, &old, &values, routing)? {
                update::Moved::Again(newest) => newest,
                _ => return Ok(()),
            },
            Attempt::Again(newest) => newest,
        };
        let relation = &target.entry.relation;
        match recheck::lock_newest(execution, relation, newest, RowLock::ForNoKeyUpdate, LockWait::Block)? {
            Some(tuple) => tid = tuple.tid,
            None => return Ok(()),
        }
    }
}

/// Where rows that leave their partition go.
pub struct Routing<'r> {
    /// The partitioned table, if it is one, and the statement's plan, if there is one.
    root: Option<&'r Arc<catalog::RelationEntry>>,
    spec: Option<&'r Spec>,
    routes: &'r mut Option<Routes>,
}

impl<'r> Routing<'r> {
    fn of(spec: &'r Spec, routes: &'r mut Option<Routes>) -> Routing<'r> {
        Routing { root: spec.root.as_ref(), spec: Some(spec), routes }
    }

    /// For changes that no plan makes.
    pub fn unplanned(
        root: Option<&'r Arc<catalog::RelationEntry>>,
        routes: &'r mut Option<Routes>,
    ) -> Routing<'r> {
        Routing { root, spec: None, routes }
    }

    /// Inserts a row where it belongs; its new version as a row of `from`, and its new table.
    pub fn insert(
        &mut self,
        execution: &mut Execution,
        from: &Arc<catalog::RelationEntry>,
        values: &datum::Row,
    ) -> Result<Option<(crate::hooks::RowImage, base::Oid)>> {
        let Some(root) = self.root else {
            return Err(Error::internal("a row leaves a table that is no partition of the one named"));
        };
        let routes = match self.routes {
            Some(routes) => routes,
            None => self.routes.insert(Routes::new(execution, root)?),
        };
        routes.insert_row(execution, self.spec, from, values)
    }

    /// Rows may leave their partition.
    pub fn is_open(&self) -> bool {
        self.root.is_some()
    }
}

pub struct ModifyNode {
    spec: Arc<Spec>,
    child: Box<dyn Node>,
    routes: Option<Routes>,
    bulk: BulkInsert,
    output: RowBuffer,
    started: bool,
    done: bool,
    leftover: Leftover,
}

impl ModifyNode {
    fn start(&mut self, execution: &mut Execution) -> Result<()> {
        self.started = true;
        let hooks = execution.hooks.rows.clone();
        for event in self.spec.events() {
            for target in self.spec.targets.iter().filter(|t| t.before_statement(event)) {
                hooks.before_statement(&execution.session, &target.entry, event)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, execution: &mut Execution) -> Result<()> {
        self.done = true;
        let spec = self.spec.clone();
        let events = spec.events();
        let has_triggers = events.iter().any(|e| spec.targets.iter().any(|t| t.after_statement(*e)));
        if !has_triggers {
            return Ok(());
        }
        // What the triggers do and see comes after what the statement did.
        execution.session.command_counter_increment()?;
        foreign_key::check_immediate(execution)?;
        let hooks = execution.hooks.rows.clone();
        for event in events {
            for target in spec.targets.iter().filter(|t| t.after_statement(event)) {
                hooks.after_statement(&execution.session, &target.entry, event)?;
            }
        }
        Ok(())
    }

    /// Carries out what a batch of the child asks for.
    fn apply(&mut self, execution: &mut Execution, batch: &Batch) -> Result<()> {
        let spec = self.spec.clone();
        let mut processed = 0;
        match spec.operation {
            CommandType::Insert => {
                let target = &spec.targets[0];
                let mut returned = ReturnedRows { source: Some(batch.clone()), ..ReturnedRows::default() };
                if let Some(root) = &spec.root {
                    processed += self.insert_routed(execution, &spec, root, batch, &mut returned)?;
                } else {
                    let conflict = spec.conflict.as_ref();
                    processed +=
                        insert::run(execution, conflict, target, batch, &mut self.bulk, &mut returned)?;
                    self.emit(execution, target, &returned)?;
                }
            }
            CommandType::Update | CommandType::Delete | CommandType::Merge => {
                for row in 0..batch.rows() {
                    let place = spec.target_of(batch, row)?;
                    let target = &spec.targets[place];
                    let mut returned =
                        ReturnedRows { source: Some(batch.clone()), ..ReturnedRows::default() };
                    let changed = match spec.operation {
                        CommandType::Update => {
                            let routes = Routing::of(&spec, &mut self.routes);
                            update::run(execution, &spec, target, batch, row, &mut returned, routes)?
                        }
                        CommandType::Delete => {
                            delete::run(execution, &spec, target, batch, row, &mut returned)?
                        }
                        _ => {
                            let routes = Routing::of(&spec, &mut self.routes);
                            merge::run(execution, &spec, place, batch, row, &mut returned, routes)?
                        }
                    };
                    processed += u64::from(changed);
                    self.emit(execution, target, &returned)?;
                }
            }
            _ => return Err(Error::internal("a change that is none")),
        }
        if spec.can_set_tag {
            execution.processed += processed;
        }
        Ok(())
    }

    fn insert_routed(
        &mut self,
        execution: &mut Execution,
        spec: &Arc<Spec>,
        root: &Arc<catalog::RelationEntry>,
        batch: &Batch,
        returned: &mut ReturnedRows,
    ) -> Result<u64> {
        let target = &spec.targets[0];
        let rows = insert::whole_rows(target, batch);
        if !target.view_checks.is_empty() {
            for row in 0..rows.rows() {
                let values = rows.row(row);
                target.check_views(execution, &target::datums(&values))?;
            }
        }
        let mut routes = match self.routes.take() {
            Some(routes) => routes,
            None => Routes::new(execution, root)?,
        };
        let output = &mut self.output;
        let mut emit = |execution: &mut Execution, rows: &mut ReturnedRows| -> Result<()> {
            if let Some(list) = &target.returning {
                let batch = list.project(execution, rows)?;
                output.append(&batch, 0, batch.rows());
            }
            (rows.new, rows.old, rows.source_rows) = (Vec::new(), Vec::new(), Vec::new());
            Ok(())
        };
        let count = routes.insert(execution, spec, &rows, returned, &mut emit);
        self.routes = Some(routes);
        count
    }

    fn emit(&mut self, execution: &mut Execution, target: &Target, rows: &ReturnedRows) -> Result<()> {
        if let Some(list) = &target.returning
            && !rows.source_rows.is_empty()
        {
            let batch = list.project(execution, rows)?;
            self.output.append(&batch, 0, batch.rows());
        }
        Ok(())
    }
}

impl Node for ModifyNode {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        if !self.started {
            self.start(execution)?;
        }
        let returns = self.spec.targets.iter().any(|t| t.returning.is_some());
        while !self.done {
            execution.check()?;
            let ask = if returns { want } else { MAX_BATCH_ROWS };
            match self.child.next(execution, ask)? {
                Some(batch) => self.apply(execution, &batch)?,
                None => self.end(execution)?,
            }
            if self.output.rows() > 0 {
                let batch = self.output.take();
                return Ok(Some(self.leftover.put(batch, want)));
            }
        }
        Ok(None)
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        if self.started {
            return Err(Error::internal("a change of tables cannot be run twice"));
        }
        Ok(())
    }
}
