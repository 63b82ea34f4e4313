//! What scans of a relation have in common: which attributes they read, their filter and their output.

use crate::composite::form_composite;
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::rows::{Projection, null_column};
use base::{Error, Result};
use catalog::{RelationEntry, Session};
use datum::{Batch, Column, ColumnBuilder, Datum, Repr, Selection};
use heap::{Rows, SystemColumns};
use ir::{Expr, Plan, RangeTableKind, VarSource};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The shared part of a scan of one relation.
pub struct ScanSpec {
    pub entry: Arc<RelationEntry>,
    /// Its range table index.
    pub relation: usize,
    /// Attributes from 0, ascending, that are read from tuples: the batch's first columns.
    pub needed: Vec<usize>,
    /// Of `needed`, the places of those that the quals read, and of the others.
    pub asked: Vec<usize>,
    pub other: Vec<usize>,
    /// System attributes, which follow.
    pub system: Vec<i16>,
    /// Whether the whole row comes last.
    pub whole_row: bool,
    pub quals: Vec<Eval>,
    /// Conditions that an index answers inexactly, or that must be asked again after a row has changed.
    pub recheck: Vec<Eval>,
    pub projection: Projection,
}

/// The relation at a range table index.
pub fn relation_of(execution: &Execution, relation: usize) -> Result<Arc<RelationEntry>> {
    let entry = relation.checked_sub(1).and_then(|r| execution.prepared.plan.range_table.get(r));
    match entry.map(|e| &e.kind) {
        Some(RangeTableKind::Relation { oid, .. }) => execution.session.require_relation(*oid),
        _ => Err(Error::internal(format!("range table entry {relation} is no relation"))),
    }
}

/// Adds the attributes of `relation` that the expression reads.
pub fn collect_attributes(expr: &Expr, relation: usize, found: &mut BTreeSet<i16>) {
    ir::any(expr, &mut |e| {
        if let Expr::Var(var) = e
            && var.source == VarSource::Relation(relation)
        {
            found.insert(var.attribute);
        }
        false
    });
}

impl ScanSpec {
    /// `recheck`: conditions beyond the plan's quals.
    pub fn new(
        session: &Session,
        entry: Arc<RelationEntry>,
        plan: &Plan,
        relation: usize,
        recheck: &[&Expr],
    ) -> Result<ScanSpec> {
        let mut found = BTreeSet::new();
        let targets = plan.target_list.iter().map(|t| &t.expr);
        targets.chain(&plan.qual).for_each(|e| collect_attributes(e, relation, &mut found));
        recheck.iter().for_each(|e| collect_attributes(e, relation, &mut found));
        let whole_row = found.contains(&0);
        let count = entry.desc().len();
        let needed: Vec<usize> = match whole_row {
            true => (0..count).collect(),
            false => {
                found.iter().filter(|a| **a > 0 && **a as usize <= count).map(|a| *a as usize - 1).collect()
            }
        };
        let system: Vec<i16> = found.iter().filter(|a| **a < 0).copied().collect();
        let mut attributes: Vec<i16> = needed.iter().map(|a| *a as i16 + 1).collect();
        attributes.extend(&system);
        if whole_row {
            attributes.push(0);
        }
        let mut compiler = Compiler::new(session, Inputs::Scan { relation, attributes: &attributes });
        let quals = compiler.compile_all(&plan.qual)?;
        let recheck = compiler.compile_all(recheck.iter().copied())?;
        let projection = Projection::new(compiler.compile_all(plan.target_list.iter().map(|t| &t.expr))?);
        let mut read = BTreeSet::new();
        plan.qual.iter().for_each(|e| collect_attributes(e, relation, &mut read));
        let (asked, other) = (0..needed.len()).partition(|place| read.contains(&(needed[*place] as i16 + 1)));
        Ok(ScanSpec { entry, relation, needed, asked, other, system, whole_row, quals, recheck, projection })
    }

    /// Whether it can pay to read what the quals need first, and the rest of what passes.
    pub fn is_divisible(&self) -> bool {
        !self.quals.is_empty() && !self.other.is_empty() && self.system.is_empty() && !self.whole_row
    }

    /// The attributes at these places of `needed`.
    pub fn attributes(&self, places: &[usize]) -> Vec<usize> {
        places.iter().map(|place| self.needed[*place]).collect()
    }

    /// Room for the attributes at these places of `needed`.
    pub fn builders_of(&self, places: &[usize]) -> Vec<ColumnBuilder> {
        let attributes = self.entry.desc().attributes();
        let reprs = places.iter().map(|place| attributes[self.needed[*place]].layout.repr);
        reprs.map(|repr| ColumnBuilder::new(repr, 1)).collect()
    }

    /// A batch of the scan's inputs of columns for the places `asked`; what the quals do not read is NULL.
    pub fn asked_batch(&self, rows: &mut Rows) -> Batch {
        let count = rows.tids.len();
        let next = rows.columns.iter().map(ColumnBuilder::like).collect();
        let mut built = std::mem::replace(&mut rows.columns, next).into_iter();
        let attributes = self.entry.desc().attributes();
        let columns = self.needed.iter().enumerate().map(|(place, attribute)| {
            let found = if self.asked.contains(&place) { built.next() } else { None };
            match found {
                Some(builder) => Arc::new(builder.finish()),
                None => null_column(attributes[*attribute].layout.repr),
            }
        });
        Batch::new(columns.collect(), count)
    }

    /// `batch`, some rows of one that `asked_batch` made, with the columns that were missing.
    pub fn completed(&self, batch: &Batch, later: Vec<ColumnBuilder>) -> Batch {
        let mut columns = batch.columns().to_vec();
        for (place, builder) in self.other.iter().zip(later) {
            columns[*place] = Arc::new(builder.finish());
        }
        Batch::new(columns, batch.rows())
    }

    /// The rows of `batch` that pass the quals.
    pub fn passing(&self, execution: &mut Execution, batch: &Batch, id: usize) -> Result<Selection> {
        let rows = filter(&self.quals, execution, batch, Selection::All(batch.rows()))?;
        if let Some(instruments) = &mut execution.instruments {
            instruments.get_mut(id).removed_by_filter += (batch.rows() - rows.len()) as u64;
        }
        Ok(rows)
    }

    /// Room for rows of this scan.
    pub fn rows(&self) -> Rows {
        let needs_headers = self.system.iter().any(|a| (-5..=-2).contains(a));
        Rows {
            columns: self.builders(1),
            tids: Vec::new(),
            system: needs_headers.then(SystemColumns::default),
        }
    }

    fn builders(&self, capacity: usize) -> Vec<ColumnBuilder> {
        let attributes = self.entry.desc().attributes();
        self.needed.iter().map(|a| ColumnBuilder::new(attributes[*a].layout.repr, capacity)).collect()
    }

    /// The rows read so far as a batch of the scan's inputs; `rows` is empty afterwards.
    pub fn batch(&self, rows: &mut Rows) -> Result<Batch> {
        let count = rows.tids.len();
        let next = rows.columns.iter().map(ColumnBuilder::like).collect();
        let built = std::mem::replace(&mut rows.columns, next);
        let mut columns: Vec<Arc<Column>> = built.into_iter().map(|b| Arc::new(b.finish())).collect();
        for attribute in &self.system {
            columns.push(Arc::new(self.system_column(*attribute, rows)));
        }
        if self.whole_row {
            let mut out = ColumnBuilder::new(Repr::Bytes, count);
            let mut values = Vec::with_capacity(self.needed.len());
            for row in 0..count {
                values.clear();
                values.extend(columns[..self.needed.len()].iter().map(|c| c.get(row)));
                out.push(Some(Datum::Bytes(&form_composite(self.entry.desc(), -1, &values)?)));
            }
            columns.push(Arc::new(out.finish()));
        }
        rows.tids.clear();
        if let Some(system) = &mut rows.system {
            *system = SystemColumns::default();
        }
        Ok(Batch::new(columns, count))
    }

    fn system_column(&self, attribute: i16, rows: &Rows) -> Column {
        const CTID: i16 = -1;
        const TABLEOID: i16 = -6;
        if attribute == TABLEOID {
            return Column::constant(Repr::Int4, Some(self.entry.oid().into()));
        }
        if attribute == CTID {
            let mut out = ColumnBuilder::new(Repr::Bytes, rows.tids.len());
            rows.tids.iter().for_each(|tid| out.push(Some(Datum::Bytes(&tid.to_bytes()))));
            return out.finish();
        }
        let mut out = ColumnBuilder::new(Repr::Int4, rows.tids.len());
        if let Some(system) = &rows.system {
            let values = match attribute {
                -2 => &system.xmin,
                -3 => &system.cmin,
                -4 => &system.xmax,
                _ => &system.cmax,
            };
            values.iter().for_each(|v| out.push(Some(Datum::Int4(*v as i32))));
        }
        out.finish()
    }

    /// The rows of `batch` that pass the quals, and the recheck conditions if `recheck`.
    pub fn filter(&self, execution: &mut Execution, batch: Batch, recheck: bool, id: usize) -> Result<Batch> {
        let mut rows = Selection::All(batch.rows());
        if recheck && !self.recheck.is_empty() {
            let before = rows.len();
            rows = filter(&self.recheck, execution, &batch, rows)?;
            if let Some(instruments) = &mut execution.instruments {
                instruments.get_mut(id).removed_by_recheck += (before - rows.len()) as u64;
            }
        }
        if self.quals.is_empty() {
            return Ok(batch.select(&rows));
        }
        let before = rows.len();
        rows = filter(&self.quals, execution, &batch, rows)?;
        if let Some(instruments) = &mut execution.instruments {
            instruments.get_mut(id).removed_by_filter += (before - rows.len()) as u64;
        }
        Ok(batch.select(&rows))
    }

    /// In EvalPlanQual: the row that stands for this relation, if there is one and it passes. The outer `None`: the
    /// relation is scanned as ever.
    pub fn substitute(
        &self,
        execution: &mut Execution,
        done: &mut bool,
        id: usize,
    ) -> Result<Option<Option<Batch>>> {
        let Some(recheck) = execution.recheck.clone() else { return Ok(None) };
        let Some(tuple) = recheck.get(self.relation) else { return Ok(None) };
        if std::mem::replace(done, true) {
            return Ok(Some(None));
        }
        let Some(tuple) = tuple else { return Ok(Some(None)) };
        let mut rows = self.rows();
        self.push_tuple(execution, tuple, &mut rows)?;
        let batch = self.batch(&mut rows)?;
        let batch = self.filter(execution, batch, true, id)?;
        if batch.is_empty() {
            return Ok(Some(None));
        }
        Ok(Some(Some(self.projection.apply(execution, &batch)?)))
    }

    /// Appends a version that was read elsewhere.
    pub fn push_tuple(&self, execution: &Execution, tuple: &heap::Tuple, rows: &mut Rows) -> Result<()> {
        let relation = &self.entry.relation;
        let values = heap::deform(&execution.context, relation, tuple, &self.needed)?;
        for (builder, value) in rows.columns.iter_mut().zip(&values) {
            builder.push(value.as_ref().map(|v| v.as_datum()));
        }
        rows.tids.push(tuple.tid);
        if let Some(system) = &mut rows.system {
            let view = tuple.view()?;
            system.xmin.push(view.xmin());
            system.xmax.push(view.xmax());
            system.cmin.push(view.raw_command_id());
            system.cmax.push(view.raw_command_id());
        }
        Ok(())
    }
}
