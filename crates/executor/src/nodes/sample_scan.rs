//! TABLESAMPLE BERNOULLI and SYSTEM: a row or page is in the sample when the hash of its place and the seed is small
//! enough, so that a seed given by REPEATABLE yields the same sample again.

use super::scan::{ScanSpec, relation_of};
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, evaluate_once};
use crate::node::Node;
use crate::rows::Leftover;
use base::{Error, Result, bail};
use datum::{Batch, Datum, MAX_BATCH_ROWS, Selection};
use heap::{Blocks, Rows, Scan, Visibility};
use ir::{Plan, TableSample};
use std::sync::Arc;

struct Spec {
    scan: ScanSpec,
    /// By row, else by page.
    bernoulli: bool,
    percent: Eval,
    repeatable: Option<Eval>,
}

pub fn build(
    execution: &mut Execution,
    plan: &Plan,
    relation: usize,
    sample: &TableSample,
) -> Result<Box<dyn Node>> {
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let entry = relation_of(execution, relation)?;
        let handler = execution.session.function(sample.handler)?;
        let bernoulli = match handler.prosrc.as_str() {
            "tsm_bernoulli_handler" => true,
            "tsm_system_handler" => false,
            _ => return Err(Error::unsupported(format!("tablesample method {}", handler.proname))),
        };
        let mut compiler = Compiler::new(&execution.session, Inputs::None);
        let percent =
            sample.args.first().ok_or_else(|| Error::internal("TABLESAMPLE without its argument"))?;
        Ok(Spec {
            bernoulli,
            percent: compiler.compile(percent)?,
            repeatable: sample.repeatable.as_ref().map(|e| compiler.compile(e)).transpose()?,
            scan: ScanSpec::new(&execution.session, entry, plan, relation, &[])?,
        })
    })?;
    let rows = spec.scan.rows();
    Ok(Box::new(SampleScan {
        spec,
        id: plan.id,
        rows,
        scan: None,
        seed: 0,
        cutoff: 0,
        leftover: Leftover::default(),
        substituted: false,
    }))
}

struct SampleScan {
    spec: Arc<Spec>,
    id: usize,
    rows: Rows,
    scan: Option<Scan>,
    seed: u32,
    /// Hashes below this are in the sample.
    cutoff: u64,
    leftover: Leftover,
    substituted: bool,
}

impl SampleScan {
    fn start(&mut self, execution: &mut Execution) -> Result<()> {
        let spec = self.spec.clone();
        let percent = match evaluate_once(execution, &spec.percent)?.get(0) {
            Some(Datum::Float4(percent)) => percent,
            Some(_) => return Err(Error::internal("a sample percentage of another type")),
            None => bail!(INVALID_TABLESAMPLE_ARGUMENT, "TABLESAMPLE parameter cannot be null"),
        };
        if !(0.0..=100.0).contains(&percent) {
            bail!(INVALID_TABLESAMPLE_ARGUMENT, "sample percentage must be between 0 and 100");
        }
        self.seed = match &spec.repeatable {
            None => execution.session.instance().system.random.next_u64() as u32,
            Some(eval) => match evaluate_once(execution, eval)?.get(0) {
                Some(seed) => adt::hash::hash_float8(seed.float8()),
                None => bail!(INVALID_TABLESAMPLE_REPEAT, "TABLESAMPLE REPEATABLE parameter cannot be null"),
            },
        };
        self.cutoff =
            ((u64::from(u32::MAX) + 1) as f64 * f64::from(percent) / 100.0).round_ties_even() as u64;
        let visibility = Visibility::Mvcc(execution.snapshot.clone());
        let relation = &spec.scan.entry.relation;
        self.scan =
            Some(Scan::new(&execution.context, relation, visibility, Blocks::All, &spec.scan.needed)?);
        Ok(())
    }

    fn is_sampled(&self, tid: base::Tid) -> bool {
        let mut bytes = Vec::with_capacity(12);
        bytes.extend_from_slice(&tid.block.0.to_le_bytes());
        if self.spec.bernoulli {
            bytes.extend_from_slice(&u32::from(tid.offset.0).to_le_bytes());
        }
        bytes.extend_from_slice(&self.seed.to_le_bytes());
        u64::from(adt::hash::hash_bytes(&bytes)) < self.cutoff
    }
}

impl Node for SampleScan {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let spec = self.spec.clone();
        if let Some(result) = spec.scan.substitute(execution, &mut self.substituted, self.id)? {
            return Ok(result);
        }
        if let Some(batch) = self.leftover.next(want) {
            return spec.scan.projection.apply(execution, &batch).map(Some);
        }
        if self.scan.is_none() {
            self.start(execution)?;
        }
        while let Some(scan) = &mut self.scan {
            if scan.next_page(MAX_BATCH_ROWS, &mut self.rows)? == 0 {
                break;
            }
            let tids = self.rows.tids.clone();
            let batch = spec.scan.batch(&mut self.rows)?;
            let sampled = Selection::All(batch.rows()).filter(|row| self.is_sampled(tids[row]));
            let batch = spec.scan.filter(execution, batch.select(&sampled), false, self.id)?;
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
        self.rows.clear();
        self.leftover.clear();
        self.substituted = false;
        Ok(())
    }
}
