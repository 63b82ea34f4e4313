//! One life of the server: steps until the disk stops it or it has been long enough, its end, and the start of the next.

use super::{Simulation, State, apply};
use crate::cluster::{self, Cluster};
use recovery::CheckpointKind;
use sys::simulated::Operation;

impl Simulation {
    pub(super) fn live(&mut self) {
        let count = 3 + self.below(4) as i32;
        self.seats = (0..count).map(|number| self.seat(number + 1)).collect();
        self.order_faults();
        let steps = 100 + self.below(1_500);
        for _ in 0..steps {
            self.step();
            if self.is_over() {
                break;
            }
        }
    }

    fn order_faults(&mut self) {
        self.faulty = false;
        match self.below(12) {
            0 => {}
            1..=4 => self.disk.crash_at_sync(self.below(300)),
            5..=7 => self.disk.crash_at_write(self.below(1_000)),
            kind => {
                self.faulty = true;
                let (operation, count, errno) = match kind {
                    8 => (Operation::Write, 700, libc::ENOSPC),
                    9 => (Operation::Write, 700, libc::EIO),
                    10 => (Operation::Read, 1_000, libc::EIO),
                    _ => (Operation::Sync, 250, libc::EIO),
                };
                // Several, so that clearing up meets them too.
                for _ in 0..1 + self.below(6) {
                    self.disk.fail_at(operation, self.below(count), errno);
                }
            }
        }
    }

    fn step(&mut self) {
        match self.below(400) {
            0 => self.vacuum(),
            1 => {
                if let Err(error) = self.checkpoint(false) {
                    self.expect_fault(&error);
                }
            }
            2..=9 => {
                let written = self.cluster.pool.background_write(5).map(|_| ());
                self.note(written);
            }
            10..=19 => {
                let flushed = self.cluster.wal.background_flush().map(|_| ());
                self.note(flushed);
            }
            20 => {
                let switched = self.cluster.wal.switch_segment().map(|_| ());
                self.note(switched);
            }
            21 => self.verify(),
            22..=30 => self.system.clock.sleep(std::time::Duration::from_millis(1)),
            _ => self.session_step(),
        }
    }

    fn note(&mut self, result: base::Result<()>) {
        if let Err(error) = result {
            self.expect_fault(&error);
        }
    }

    /// Ends the process, the machine, or the server in good order; and starts the next life.
    pub(super) fn end_of_life(&mut self) {
        let flushed = self.cluster.wal.flushed();
        let mut must = 0;
        for (number, commit) in self.commits.iter().enumerate() {
            if commit.acknowledged || commit.end <= flushed {
                must = number + 1;
            }
        }
        let mut clean = false;
        if !self.is_over() && self.one_in(4) {
            self.disk.clear_faults();
            clean = self.shut_down();
            must = self.commits.len();
        }
        let crash = self.disk.crashed() || self.one_in(2);
        if crash {
            self.disk.crash();
        } else {
            self.disk.kill_process();
        }
        self.seats.clear();
        if crash {
            self.disk.restart();
            self.summary.crashes += 1;
        }
        self.start(clean);
        self.judge_survivors(must);
        self.verify();
    }

    fn shut_down(&mut self) -> bool {
        for seat in &mut self.seats {
            if let Some(open) = seat.open.take() {
                open.context.transaction.abort().expect("aborts");
                self.aborted.extend(open.context.transaction.top_xid_if_assigned());
            }
        }
        let retention = cluster::retention();
        let done = self.cluster.checkpointer.run(CheckpointKind::Shutdown, &retention, &mut |_| ());
        done.expect("shuts down");
        true
    }

    fn start(&mut self, clean: bool) {
        let frames = 64 + self.below(33) as usize;
        for attempt in 0.. {
            // A crash during recovery, sometimes.
            match self.below(10) {
                0 if attempt < 3 => self.disk.crash_at_sync(self.below(12)),
                1 if attempt < 3 => self.disk.crash_at_write(self.below(100)),
                _ => {}
            }
            self.summary.recoveries += 1;
            match Cluster::open(&self.system, cluster::wal_options(), frames) {
                Ok((cluster, recovered)) => {
                    assert!(recovered.redone || clean || attempt > 0, "redo after a crash");
                    assert!(!(recovered.redone && clean && attempt == 0), "no redo after a shutdown");
                    self.cluster = cluster;
                    break;
                }
                Err(error) => {
                    assert!(self.disk.crashed(), "recovery fails: {error:?}");
                    self.disk.restart();
                }
            }
        }
        self.disk.clear_faults();
        self.faulty = false;
    }

    /// The commit log tells which transactions survived: at least the first `must`, in order. Contents are compared by `verify`.
    fn judge_survivors(&mut self, must: usize) {
        let transactions = &self.cluster.transactions;
        let next = transactions.next_xid();
        let committed = |xid| xid < next && transactions.outcome(xid).expect("is there").is_committed();
        let survivors: Vec<bool> = self.commits.iter().map(|commit| committed(commit.xid)).collect();
        let kept = survivors.iter().take_while(|kept| **kept).count();
        assert!(kept >= must, "commit {kept} of {} is lost, {must} were durable", survivors.len());
        assert!(
            survivors[kept..].iter().all(|kept| !kept),
            "a later commit survived commit {kept}: {survivors:?}"
        );
        for xid in &self.aborted {
            assert!(!committed(*xid), "{xid} was aborted");
        }
        let mut state: State = std::mem::take(&mut self.base);
        for commit in &self.commits[..kept] {
            apply(&mut state, &commit.changes);
        }
        self.summary.lost += (survivors.len() - kept) as u64;
        self.commits.clear();
        self.aborted.clear();
        self.base = state.clone();
        self.state = state;
    }
}
