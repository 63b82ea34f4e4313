//! What fills bitmaps: index scans, and AND and OR of them.

use super::bitmap::Bitmap;
use super::index_keys::{Bound, IndexKeys, btree_of};
use super::index_scan::index_of;
use crate::context::Execution;
use access_api::{Direction, IndexRelation};
use base::{Error, Result};
use btree::{Matches, Scan};
use catalog::RelationEntry;
use ir::{Plan, PlanNode};

pub enum Source {
    Index { index: IndexRelation, keys: IndexKeys, exact: bool, id: usize },
    And(Vec<Source>, usize),
    Or(Vec<Source>, usize),
}

/// Entries read at a time.
const STEP: usize = 1024;

impl Source {
    pub fn new(execution: &Execution, entry: &RelationEntry, plan: &Plan) -> Result<Source> {
        let all = |children: &[Plan]| {
            children.iter().map(|c| Source::new(execution, entry, c)).collect::<Result<_>>()
        };
        match &plan.node {
            PlanNode::BitmapIndexScan { index, quals, .. } => {
                let index = index_of(entry, *index)?;
                let (keys, inexact) = IndexKeys::new(&execution.session, &index, quals)?;
                Ok(Source::Index {
                    index: btree_of(&index)?.clone(),
                    keys,
                    exact: inexact.is_empty(),
                    id: plan.id,
                })
            }
            PlanNode::BitmapAnd { children } => Ok(Source::And(all(children)?, plan.id)),
            PlanNode::BitmapOr { children } => Ok(Source::Or(all(children)?, plan.id)),
            _ => Err(Error::internal("a bitmap from something that makes none")),
        }
    }

    /// Whether the rows found are those meant, so that they need not be asked again.
    pub fn is_exact(&self) -> bool {
        match self {
            Source::Index { exact, .. } => *exact,
            Source::And(list, _) | Source::Or(list, _) => list.iter().all(Source::is_exact),
        }
    }

    pub fn collect(&self, execution: &mut Execution) -> Result<Bitmap> {
        let memory = execution.memory.work_mem_bytes;
        let (bitmap, rows, id) = match self {
            Source::Index { index, keys, id, .. } => {
                let mut bitmap = Bitmap::new(memory);
                let mut rows = 0;
                if let Bound::Keys(keys) = keys.bind(execution)? {
                    let mut scan = Scan::new(&execution.context, index, &keys, Direction::Forward, None)?;
                    let mut matches = Matches::new(index, None);
                    while scan.next(STEP, &mut matches)? > 0 {
                        execution.check()?;
                        rows += matches.tids.len() as u64;
                        matches.tids.iter().for_each(|tid| bitmap.insert(*tid));
                        matches.clear();
                    }
                }
                (bitmap, rows, *id)
            }
            Source::And(list, id) => {
                let mut all: Option<Bitmap> = None;
                for source in list {
                    if all.as_ref().is_some_and(Bitmap::is_empty) {
                        break;
                    }
                    let next = source.collect(execution)?;
                    match &mut all {
                        Some(all) => all.intersect(&next),
                        None => all = Some(next),
                    }
                }
                (all.unwrap_or_else(|| Bitmap::new(memory)), 0, *id)
            }
            Source::Or(list, id) => {
                let mut all = Bitmap::new(memory);
                for source in list {
                    all.union(source.collect(execution)?);
                }
                (all, 0, *id)
            }
        };
        if let Some(instruments) = &mut execution.instruments {
            let counters = instruments.get_mut(id);
            counters.loops += 1;
            counters.rows += rows;
            counters.index_searches += 1;
        }
        Ok(bitmap)
    }
}
