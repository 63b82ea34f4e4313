//! Checkpoints and VACUUM, with sessions at work in between.

use super::Simulation;
use crate::cluster::{self, DATABASE};
use crate::table::VacuumIndexes;
use access_api::{Context, IndexRelation, Relation};
use base::{MultiXactId, Result, Xid};
use btree::IndexStats;
use heap::{Cutoffs, VacuumOptions};
use lock::{LockMode, LockTag, WaitPolicy};
use recovery::CheckpointKind;
use std::sync::Arc;
use txn::{Options, Scope};

impl Simulation {
    /// Sessions go on while something long is under way.
    fn interlude(&mut self) {
        for _ in 0..self.below(5) {
            if self.seats.is_empty() || self.is_over() {
                return;
            }
            self.session_step();
        }
    }

    pub(super) fn checkpoint(&mut self, force: bool) -> Result<()> {
        let checkpointer = self.cluster.checkpointer.clone();
        let kind = CheckpointKind::Online { force };
        checkpointer.run(kind, &cluster::retention(), &mut |_| self.interlude())?;
        self.summary.checkpoints += 1;
        self.cluster.transactions.truncate_subtrans()
    }

    pub(super) fn vacuum(&mut self) {
        let tables = self.tables.clone();
        let table = &tables[self.below(tables.len() as u64) as usize];
        self.summary.vacuums += 1;
        let main = self.vacuum_one(&table.heap, &[&table.unique, &table.second]);
        let toast = table.toast();
        let done = main.and_then(|()| self.vacuum_one(&toast.heap, &[&toast.index]));
        if let Err(error) = done {
            self.expect_fault(&error);
        }
    }

    fn vacuum_one(&mut self, heap: &Relation, indexes: &[&IndexRelation]) -> Result<()> {
        let seat = self.seat(90);
        let context = seat.begin(Options::default())?;
        let tag = LockTag::Relation { database: DATABASE, relation: heap.oid };
        context.transaction.lock(tag, LockMode::ShareUpdateExclusive, &WaitPolicy::default())?;
        seat.session().set_in_vacuum(true);
        let done = self.vacuum_in(&context, heap, indexes);
        if done.is_ok() { context.transaction.commit() } else { context.transaction.abort().and(done) }
    }

    fn vacuum_in(&mut self, context: &Context, heap: &Relation, indexes: &[&IndexRelation]) -> Result<()> {
        let transactions = self.cluster.transactions.clone();
        let oldest_xmin = transactions.horizon(Scope::Data(DATABASE));
        for xid in self.running() {
            assert!(oldest_xmin <= xid, "the horizon {oldest_xmin} is past {xid}, which is running");
        }
        let oldest_multi = transactions.oldest_multi_needed();
        let freezes = self.one_in(2);
        let cutoffs = Cutoffs {
            relfrozenxid: Xid(3),
            relminmxid: self.first.multi,
            oldest_xmin,
            oldest_multi,
            freeze_limit: if freezes { oldest_xmin } else { Xid(3) },
            multi_cutoff: if freezes { oldest_multi } else { MultiXactId(1) },
        };
        let options = VacuumOptions {
            aggressive: self.one_in(2),
            skip_nothing: self.one_in(4),
            truncate: true,
            index_cleanup: !self.one_in(8),
            memory_bytes: if self.one_in(4) { 200 } else { 1 << 20 },
            places: Arc::new(sys::Places::none()),
            ring_frames: 256,
            known: heap::KnownSize { pages: 0, tuples: -1.0 },
            delay: Arc::new(|| Ok(())),
        };
        let stats = indexes.iter().map(|_| IndexStats::default()).collect();
        let mut vacuum = VacuumIndexes { context, indexes, stats, between: &mut || self.interlude() };
        heap::vacuum(context, heap, &mut vacuum, &cutoffs, &options).map(|_| ())
    }
}
