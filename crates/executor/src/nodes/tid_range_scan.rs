//! Tid range scan: the pages between two ctids.

use super::scan::{ScanSpec, relation_of};
use super::tid_scan::is_ctid;
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, evaluate_once};
use crate::node::Node;
use crate::rows::Leftover;
use base::{Error, Result};
use datum::{Batch, MAX_BATCH_ROWS, Selection};
use heap::{Blocks, Rows, Scan, Visibility};
use ir::{Expr, Plan};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Lower,
    Upper,
}

struct Spec {
    scan: ScanSpec,
    /// Side, whether the bound itself is meant, and the bound.
    bounds: Vec<(Side, bool, Eval)>,
}

pub fn build(
    execution: &mut Execution,
    plan: &Plan,
    relation: usize,
    quals: &[Expr],
) -> Result<Box<dyn Node>> {
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let entry = relation_of(execution, relation)?;
        let mut compiler = Compiler::new(&execution.session, Inputs::None);
        let mut bounds = Vec::new();
        for qual in quals {
            let Expr::Op(op) = qual else { return Err(Error::internal("a ctid range that is none")) };
            let [left, right] = &op.args[..] else {
                return Err(Error::internal("a ctid range with one side"));
            };
            let name = execution.session.operator(op.operator)?.oprname.clone();
            let flipped = !is_ctid(left);
            let (side, inclusive) = match name.as_str() {
                "<" => (Side::Upper, false),
                "<=" => (Side::Upper, true),
                ">" => (Side::Lower, false),
                ">=" => (Side::Lower, true),
                _ => return Err(Error::internal("a ctid range by an unknown operator")),
            };
            let side = match (side, flipped) {
                (Side::Upper, true) => Side::Lower,
                (Side::Lower, true) => Side::Upper,
                (side, false) => side,
            };
            bounds.push((side, inclusive, compiler.compile(if flipped { left } else { right })?));
        }
        Ok(Spec { scan: ScanSpec::new(&execution.session, entry, plan, relation, &[])?, bounds })
    })?;
    let rows = spec.scan.rows();
    Ok(Box::new(TidRangeScan {
        spec,
        id: plan.id,
        rows,
        scan: None,
        range: (0, 0),
        done: false,
        leftover: Leftover::default(),
        substituted: false,
    }))
}

struct TidRangeScan {
    spec: Arc<Spec>,
    id: usize,
    rows: Rows,
    scan: Option<Scan>,
    /// First and last ctid meant, as numbers.
    range: (u64, u64),
    done: bool,
    leftover: Leftover,
    substituted: bool,
}

fn number(tid: base::Tid) -> u64 {
    u64::from(tid.block.0) << 16 | u64::from(tid.offset.0)
}

impl TidRangeScan {
    fn start(&mut self, execution: &mut Execution) -> Result<()> {
        let spec = self.spec.clone();
        let (mut low, mut high) = (0, u64::MAX);
        for (side, inclusive, eval) in &spec.bounds {
            let Some(bound) = evaluate_once(execution, eval)?.get(0).map(|v| number(v.tid())) else {
                self.done = true;
                return Ok(());
            };
            match side {
                Side::Lower => low = low.max(bound.saturating_add(u64::from(!inclusive))),
                Side::Upper if bound == 0 && !inclusive => self.done = true,
                Side::Upper => high = high.min(bound - u64::from(!inclusive)),
            }
        }
        self.range = (low, high);
        if low > high {
            self.done = true;
        }
        if self.done {
            return Ok(());
        }
        let last = u32::try_from(high >> 16).unwrap_or(u32::MAX).saturating_add(1);
        let first = u32::try_from(low >> 16).unwrap_or(u32::MAX);
        let blocks = Blocks::Range(first..last);
        let visibility = Visibility::Mvcc(execution.snapshot.clone());
        let relation = &spec.scan.entry.relation;
        self.scan = Some(Scan::new(&execution.context, relation, visibility, blocks, &spec.scan.needed)?);
        Ok(())
    }
}

impl Node for TidRangeScan {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let spec = self.spec.clone();
        if let Some(result) = spec.scan.substitute(execution, &mut self.substituted, self.id)? {
            return Ok(result);
        }
        if let Some(batch) = self.leftover.next(want) {
            return spec.scan.projection.apply(execution, &batch).map(Some);
        }
        if self.scan.is_none() && !self.done {
            self.start(execution)?;
        }
        while !self.done
            && let Some(scan) = &mut self.scan
        {
            if scan.next_page(MAX_BATCH_ROWS, &mut self.rows)? == 0 {
                self.done = true;
                break;
            }
            let (low, high) = self.range;
            let tids: Vec<u64> = self.rows.tids.iter().map(|t| number(*t)).collect();
            let batch = spec.scan.batch(&mut self.rows)?;
            let within = Selection::All(batch.rows()).filter(|row| (low..=high).contains(&tids[row]));
            let batch = spec.scan.filter(execution, batch.select(&within), false, self.id)?;
            if !batch.is_empty() {
                let batch = self.leftover.put(batch, want);
                return spec.scan.projection.apply(execution, &batch).map(Some);
            }
            execution.check()?;
        }
        Ok(None)
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        self.scan = None;
        self.done = false;
        self.rows.clear();
        self.leftover.clear();
        self.substituted = false;
        Ok(())
    }
}
