//! INSERT into a partitioned table: each row goes to the leaf that takes it, which has constraints, indexes and triggers
//! of its own.

use super::Spec;
use super::conflict::ConflictSpec;
use super::insert;
use super::target::{ReturnedRows, Target, datums};
use crate::context::Execution;
use crate::routing::{Router, columns_by_name, converted};
use base::{Oid, Result};
use catalog::{RelationEntry, Session};
use datum::{Batch, Datum, Row};
use heap::BulkInsert;
use ir::{Expr, OnConflict, VarSource};
use std::sync::Arc;

/// Beyond this many rows those of one leaf are put together, whatever order they came in.
const RUN_BY_RUN: usize = 64;

struct Leaf {
    target: Target,
    conflict: Option<ConflictSpec>,
    bulk: BulkInsert,
    /// By the root's attributes: the leaf's.
    back: Arc<[Option<usize>]>,
}

/// The leaves of one statement's partitioned table.
pub struct Routes {
    router: Router,
    leaves: Vec<Option<Leaf>>,
}

/// The index of a partition that is part of an index of its ancestor.
fn index_of(session: &Session, entry: &RelationEntry, ancestor: Oid) -> Result<Option<Oid>> {
    for index in &entry.indexes {
        if session.descends_from(index.oid, ancestor)? {
            return Ok(Some(index.oid));
        }
    }
    Ok(None)
}

fn renumber(expr: &mut Expr, relations: [usize; 2], map: &[Option<usize>]) -> Result<()> {
    if let Expr::Var(v) = expr
        && let VarSource::Relation(relation) = v.source
        && relations.contains(&relation)
        && v.attribute > 0
    {
        if let Some(Some(at)) = map.get(v.attribute as usize - 1) {
            v.attribute = *at as i16 + 1;
        }
        return Ok(());
    }
    ir::for_each_child_mut(expr, &mut |child| renumber(child, relations, map))
}

impl Routes {
    pub fn new(execution: &Execution, root: &Arc<RelationEntry>) -> Result<Routes> {
        Ok(Routes { router: Router::new(&execution.session, root.clone())?, leaves: Vec::new() })
    }

    fn prepare(&mut self, execution: &Execution, spec: Option<&Spec>, at: usize) -> Result<()> {
        self.leaves.resize_with(self.router.leaves.len(), || None);
        if self.leaves[at].is_some() {
            return Ok(());
        }
        let session = &execution.session;
        let entry = self.router.leaves[at].entry.clone();
        let root = self.router.root();
        let back = columns_by_name(&entry, root);
        let mut target = Target::bare(session, entry.clone(), Vec::new())?;
        if !target.before_row(crate::hooks::RowEvent::Insert) {
            target.constraints.trust_routing();
        }
        let conflict = match spec.map(|spec| (spec, &spec.on_conflict, &spec.conflict)) {
            Some((spec, Some((written, arbiters)), Some(_))) => {
                let relation = spec.targets[0].relation;
                target.relation = relation;
                let mut own: OnConflict = (**written).clone();
                let both = [relation, own.excluded_relation];
                for entry in &mut own.set {
                    renumber(&mut entry.expr, both, &back)?;
                    if let Some(Some(at)) = back.get(entry.number as usize - 1) {
                        entry.number = *at as i16 + 1;
                    }
                }
                own.set_where.iter_mut().try_for_each(|e| renumber(e, both, &back))?;
                let mut found = Vec::new();
                for arbiter in arbiters {
                    found.extend(index_of(session, &entry, *arbiter)?);
                }
                let numbers = own.set.iter().filter(|t| !t.junk).map(|t| t.number);
                target.assigned = numbers.clone().filter_map(|n| usize::try_from(n - 1).ok()).collect();
                target.assigned_numbers = numbers.collect();
                Some(ConflictSpec::new(execution, &target, &own, &found)?)
            }
            _ => None,
        };
        self.leaves[at] = Some(Leaf { target, conflict, bulk: BulkInsert::default(), back });
        Ok(())
    }

    /// Inserts rows of the root; returns how many rows there were in the end.
    pub fn insert(
        &mut self,
        execution: &mut Execution,
        spec: &Spec,
        rows: &Batch,
        returned: &mut ReturnedRows,
        emit: &mut dyn FnMut(&mut Execution, &mut ReturnedRows) -> Result<()>,
    ) -> Result<u64> {
        let (leaves, error) = self.router.route(execution, rows)?;
        let by_run = spec.targets[0].returning.is_some() || rows.rows() <= RUN_BY_RUN;
        let mut runs: Vec<(usize, Vec<u32>)> = Vec::new();
        for (row, leaf) in leaves.iter().enumerate() {
            let known = match by_run {
                true => runs.last_mut().filter(|run| run.0 == *leaf),
                false => runs.iter_mut().find(|run| run.0 == *leaf),
            };
            match known {
                Some(run) => run.1.push(row as u32),
                None => runs.push((*leaf, vec![row as u32])),
            }
        }
        let mut count = 0;
        for (at, chosen) in runs {
            self.prepare(execution, Some(spec), at)?;
            let Some(leaf) = &mut self.leaves[at] else { continue };
            let way = &self.router.leaves[at];
            let taken = rows.columns().iter().map(|c| Arc::new(c.take(&chosen))).collect();
            let part = converted(&Batch::new(taken, chosen.len()), &way.entry, &way.columns);
            leaf.target.wants_rows = spec.targets[0].returning.is_some();
            let mut own = ReturnedRows::default();
            let conflict = leaf.conflict.as_ref();
            count += insert::run(execution, conflict, &leaf.target, &part, &mut leaf.bulk, &mut own)?;
            if own.source_rows.is_empty() {
                continue;
            }
            for (old, (new, row)) in own.old.into_iter().zip(own.new.into_iter().zip(own.source_rows)) {
                let as_root = |image: crate::hooks::RowImage| crate::hooks::RowImage {
                    tid: image.tid,
                    values: leaf.back.iter().map(|at| at.and_then(|at| image.values[at].clone())).collect(),
                };
                let row = chosen[row as usize] as usize;
                returned.push(old.map(as_root), new.map(as_root), row);
            }
            returned.table = Some(way.entry.oid());
            emit(execution, returned)?;
        }
        match error {
            Some(error) => Err(error),
            None => Ok(count),
        }
    }

    /// Inserts a row of `from`, which may be a leaf that the row leaves; its new version as a row of `from`.
    pub fn insert_row(
        &mut self,
        execution: &mut Execution,
        spec: Option<&Spec>,
        from: &Arc<RelationEntry>,
        values: &Row,
    ) -> Result<Option<(crate::hooks::RowImage, Oid)>> {
        let root = self.router.root().clone();
        let there = columns_by_name(from, &root);
        let one = crate::constraint::row_batch(from, &datums(values));
        let rows = converted(&one, &root, &there);
        let (leaves, error) = self.router.route(execution, &rows)?;
        if let Some(error) = error {
            return Err(error);
        }
        let at = leaves[0];
        self.prepare(execution, spec, at)?;
        let Some(leaf) = &mut self.leaves[at] else { return Ok(None) };
        let way = &self.router.leaves[at];
        let part = converted(&rows, &way.entry, &way.columns);
        leaf.target.wants_rows = true;
        let mut own = ReturnedRows::default();
        insert::run(execution, None, &leaf.target, &part, &mut leaf.bulk, &mut own)?;
        let Some(Some(new)) = own.new.pop() else { return Ok(None) };
        let back = columns_by_name(&way.entry, from);
        let values: Vec<Option<Datum<'_>>> =
            back.iter().map(|at| at.and_then(|at| new.values[at].as_ref().map(|v| v.as_datum()))).collect();
        let values = super::target::owned(&values);
        Ok(Some((crate::hooks::RowImage { tid: new.tid, values }, way.entry.oid())))
    }
}
