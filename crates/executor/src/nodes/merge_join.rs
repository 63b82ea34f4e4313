//! Merge join: both sides come sorted by the keys. The inner rows of one key are kept together while outer rows with
//! that key come, so that nothing has to be read twice. Plain joins by one key that eight bytes tell all about go through
//! `merge_runs.rs`.

use super::join::{self, JoinSpec};
use super::merge_runs;
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs};
use crate::node::{self, Node};
use crate::rows::{Leftover, NO_ROW, RowBuffer};
use access_api::KeyOrder;
use base::{Error, Result};
use datum::{Batch, Column, Datum, MAX_BATCH_ROWS, OwnedDatum, Repr, Selection};
use ir::{Expr, Join, JoinKind, MergeClause, Plan, expr_type};
use std::cmp::Ordering;
use std::sync::Arc;

pub(super) struct Clause {
    pub outer: Eval,
    pub inner: Eval,
    /// Outer against inner value.
    pub order: Arc<dyn KeyOrder>,
    /// Inner against inner value.
    inner_order: Arc<dyn KeyOrder>,
    pub reversed: bool,
    /// Whether the prefixes of values of both sides compare as the values do.
    by_prefix: bool,
}

pub(super) struct Spec {
    pub join: JoinSpec,
    pub clauses: Vec<Clause>,
    pairs: Arc<[Repr]>,
}

pub fn build(
    execution: &mut Execution,
    plan: &Plan,
    join: &Join,
    clauses: &[MergeClause],
) -> Result<Box<dyn Node>> {
    let (left, right) = join::children(plan)?;
    let outer = node::build(execution, left)?;
    let inner = node::build(execution, right)?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let session = execution.session.clone();
        let join = JoinSpec::new(&session, plan, join)?;
        let mut compiled = Vec::new();
        for clause in clauses {
            let Expr::Op(op) = &clause.condition else {
                return Err(Error::internal("a merge clause that is no operator"));
            };
            let [left, right] = &op.args[..] else {
                return Err(Error::internal("a merge clause with one side"));
            };
            let operator = session.operator(op.operator)?;
            let order = |a, b, of: &Expr| -> Result<Arc<dyn KeyOrder>> {
                match session.family_order(clause.family, a, b, clause.collation)? {
                    Some(order) => Ok(order),
                    None => session.structured_order(expr_type(of), clause.collation),
                }
            };
            let both = order(operator.oprleft, operator.oprright, left)?;
            compiled.push(Clause {
                by_prefix: operator.oprleft == operator.oprright && both.prefix_decides(),
                outer: Compiler::new(&session, Inputs::Outer).compile(left)?,
                inner: Compiler::new(&session, Inputs::OuterInner { outer: 0 }).compile(right)?,
                order: both,
                inner_order: order(operator.oprright, operator.oprright, right)?,
                reversed: clause.reversed,
            });
        }
        let pairs = join.outer.iter().chain(join.inner.iter()).copied().collect();
        Ok(Spec { join, clauses: compiled, pairs })
    })?;
    let plain = spec.join.kind == JoinKind::Inner && spec.join.join_quals.is_empty();
    if let [clause] = &spec.clauses[..]
        && plain
        && clause.by_prefix
    {
        return Ok(merge_runs::build(plan.id, spec, outer, inner));
    }
    Ok(Box::new(MergeJoin {
        group: Group::new(&spec),
        pairs: RowBuffer::new(spec.pairs.clone()),
        spec,
        outer: Side::new(outer),
        inner: Side::new(inner),
        id: plan.id,
        leftover: Leftover::default(),
        done: false,
    }))
}

/// One input with its key columns.
struct Side {
    node: Box<dyn Node>,
    batch: Option<Batch>,
    keys: Vec<Arc<Column>>,
    row: usize,
    end: bool,
}

impl Side {
    fn new(node: Box<dyn Node>) -> Side {
        Side { node, batch: None, keys: Vec::new(), row: 0, end: false }
    }

    /// Makes sure that there is a current row; `false` at the end.
    fn ready<'e>(&mut self, execution: &mut Execution, keys: impl Iterator<Item = &'e Eval>) -> Result<bool> {
        if self.batch.as_ref().is_some_and(|b| self.row < b.rows()) {
            return Ok(true);
        }
        if self.end {
            return Ok(false);
        }
        execution.check()?;
        self.batch = self.node.next(execution, MAX_BATCH_ROWS)?;
        self.row = 0;
        self.keys.clear();
        match &self.batch {
            Some(batch) => {
                for key in keys {
                    self.keys.push(key.evaluate(execution, batch, &Selection::All(batch.rows()))?);
                }
            }
            None => self.end = true,
        }
        Ok(!self.end)
    }

    fn has_null_key(&self) -> bool {
        self.keys.iter().any(|k| k.is_null(self.row))
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.batch = None;
        self.row = 0;
        self.end = false;
        self.node.rescan(execution)
    }
}

/// The inner rows of one key.
struct Group {
    buffer: RowBuffer,
    rows: Option<Batch>,
    key: Vec<OwnedDatum>,
    matched: Vec<bool>,
    /// How many of the rows the current outer row has been joined with, and whether one of them matched.
    joined: usize,
    found: bool,
}

impl Group {
    fn new(spec: &Spec) -> Group {
        Group {
            buffer: RowBuffer::new(spec.join.inner.clone()),
            rows: None,
            key: Vec::new(),
            matched: Vec::new(),
            joined: 0,
            found: false,
        }
    }
}

struct MergeJoin {
    spec: Arc<Spec>,
    outer: Side,
    inner: Side,
    group: Group,
    pairs: RowBuffer,
    id: usize,
    leftover: Leftover,
    done: bool,
}

impl MergeJoin {
    /// Adds unmatched rows of one side, beside NULLs.
    fn keep_alone(&mut self, outer: Option<(&Batch, usize)>, inner: Option<(&Batch, &[u32])>) {
        let spec = &self.spec.join;
        let none = Batch::new(Vec::new(), 0);
        let pairs = match (outer, inner) {
            (Some((batch, row)), _) => spec.pair(batch, &[row as u32], &none, &[NO_ROW]),
            (None, Some((batch, rows))) => spec.pair(&none, &vec![NO_ROW; rows.len()], batch, rows),
            (None, None) => return,
        };
        self.pairs.append(&pairs, 0, pairs.rows());
    }

    /// Reads the inner rows of the next key into the group; `false` at the end.
    fn next_group(&mut self, execution: &mut Execution) -> Result<bool> {
        self.close_group();
        let spec = self.spec.clone();
        loop {
            if !self.inner.ready(execution, spec.clauses.iter().map(|c| &c.inner))? {
                break;
            }
            let Some(batch) = self.inner.batch.clone() else { break };
            let row = self.inner.row;
            if self.inner.has_null_key() {
                if spec.join.keeps_inner() {
                    self.keep_alone(None, Some((&batch, &[row as u32])));
                }
                self.inner.row += 1;
                continue;
            }
            let keys = &self.inner.keys;
            if self.group.key.is_empty() && self.group.buffer.rows() == 0 {
                self.group.key = keys.iter().filter_map(|k| k.get(row).map(Datum::to_owned)).collect();
            } else {
                let same =
                    spec.clauses.iter().zip(keys).zip(&self.group.key).all(|((clause, key), known)| {
                        key.get(row).is_some_and(|v| {
                            clause.inner_order.compare(v, known.as_datum()) == Ordering::Equal
                        })
                    });
                if !same {
                    break;
                }
            }
            self.group.buffer.append(&batch, row, 1);
            self.inner.row += 1;
        }
        if self.group.buffer.rows() == 0 {
            return Ok(false);
        }
        let rows = self.group.buffer.take();
        self.group.matched = vec![false; rows.rows()];
        self.group.rows = Some(rows);
        Ok(true)
    }

    /// The group is over: its rows that found no partner, as far as the join returns them.
    fn close_group(&mut self) {
        self.group.key.clear();
        let Some(rows) = self.group.rows.take() else { return };
        if self.spec.join.keeps_inner() {
            let alone: Vec<u32> =
                (0..rows.rows() as u32).filter(|r| !self.group.matched[*r as usize]).collect();
            if !alone.is_empty() {
                self.keep_alone(None, Some((&rows, &alone)));
            }
        }
    }

    /// The current outer key against the group's.
    fn compare(&self) -> Ordering {
        for ((clause, key), known) in self.spec.clauses.iter().zip(&self.outer.keys).zip(&self.group.key) {
            if let Some(value) = key.get(self.outer.row) {
                let order = clause.order.compare(value, known.as_datum());
                if order != Ordering::Equal {
                    return if clause.reversed { order.reverse() } else { order };
                }
            }
        }
        Ordering::Equal
    }

    /// Joins the current outer row with the next rows of the group; true when it has met them all, or enough.
    fn join_group(&mut self, execution: &mut Execution) -> Result<bool> {
        execution.check()?;
        let spec = self.spec.clone();
        let (Some(outer), Some(rows)) = (self.outer.batch.clone(), self.group.rows.clone()) else {
            return Ok(true);
        };
        let start = self.group.joined;
        let end = (start + MAX_BATCH_ROWS).min(rows.rows());
        let inner_rows: Vec<u32> = (start as u32..end as u32).collect();
        let outer_rows = vec![self.outer.row as u32; inner_rows.len()];
        let pairs = spec.join.pair(&outer, &outer_rows, &rows, &inner_rows);
        let mut stands = match spec.join.matching(execution, &pairs, self.id)? {
            Selection::All(n) => (0..n as u32).collect(),
            Selection::Rows(rows) => rows,
        };
        self.group.found |= !stands.is_empty();
        if spec.join.first_match_suffices() {
            stands.truncate(1);
        }
        let matched = &mut self.group.matched[start..end];
        if spec.join.kind == JoinKind::RightSemi {
            stands.retain(|r| !matched[*r as usize]);
        }
        stands.iter().for_each(|r| matched[*r as usize] = true);
        if !matches!(spec.join.kind, JoinKind::Anti | JoinKind::RightAnti) && !stands.is_empty() {
            let pairs = pairs.select(&Selection::Rows(stands));
            self.pairs.append(&pairs, 0, pairs.rows());
        }
        let found = self.group.found;
        if end < rows.rows() && !(found && spec.join.first_match_suffices()) {
            self.group.joined = end;
            return Ok(false);
        }
        (self.group.joined, self.group.found) = (0, false);
        if !found && spec.join.keeps_outer() {
            self.keep_alone(Some((&outer, self.outer.row)), None);
        }
        Ok(true)
    }

    /// Deals with one outer row as far as a batch of pairs goes, or with one group of inner rows.
    fn step(&mut self, execution: &mut Execution) -> Result<()> {
        let spec = self.spec.clone();
        if !self.outer.ready(execution, spec.clauses.iter().map(|c| &c.outer))? {
            // What is left of the inner side matters only if it is returned alone.
            if !spec.join.keeps_inner() || !self.next_group(execution)? {
                self.close_group();
                self.done = true;
            }
            return Ok(());
        }
        let Some(batch) = self.outer.batch.clone() else { return Ok(()) };
        let has_null = self.outer.has_null_key();
        if !has_null && self.group.rows.is_none() && !self.next_group(execution)? && !spec.join.keeps_outer()
        {
            self.done = true;
            return Ok(());
        }
        let order = match has_null || self.group.rows.is_none() {
            true => Ordering::Less,
            false => self.compare(),
        };
        match order {
            Ordering::Less => {
                if spec.join.keeps_outer() {
                    self.keep_alone(Some((&batch, self.outer.row)), None);
                }
                self.outer.row += 1;
            }
            Ordering::Equal => {
                if self.join_group(execution)? {
                    self.outer.row += 1;
                }
            }
            Ordering::Greater => {
                self.next_group(execution)?;
            }
        }
        Ok(())
    }
}

impl Node for MergeJoin {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        loop {
            while self.pairs.rows() < want && !self.done {
                self.step(execution)?;
            }
            if self.pairs.rows() == 0 {
                return Ok(None);
            }
            let pairs = self.pairs.take();
            if let Some(batch) = self.spec.join.output(execution, &pairs, self.id)? {
                return Ok(Some(self.leftover.put(batch, want)));
            }
        }
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.group = Group::new(&self.spec);
        self.pairs.take();
        self.leftover.clear();
        self.done = false;
        self.outer.rescan(execution)?;
        self.inner.rescan(execution)
    }
}
