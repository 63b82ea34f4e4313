//! Concurrent transactions on a disk that fails.
//!
//! Several sessions take turns on one thread, in an order drawn from the seed; none ever waits, what would block is given up. The
//! disk fails or stops at a place drawn from the seed. A [`State`] keeps what must be there. After each life the
//! server is started anew, and what it holds is compared: see `verify`.

mod life;
mod session;
mod upkeep;
mod verify;

use crate::cluster::{self, Cluster, FirstIds};
use crate::table::{Table, Value};
use base::{Error, Lsn, MultiXactId, Result, SqlState, Xid};
use session::Seat;
use std::collections::BTreeMap;
use std::sync::Arc;
use sys::simulated::SimulatedDisk;
use sys::{Random, System};

/// Table and key.
type Key = (u8, i32);

/// What a snapshot sees of all tables.
type State = BTreeMap<Key, Value>;

/// One row as it became; `None`: deleted.
type Change = (Key, Option<Value>);

fn apply(state: &mut State, changes: &[Change]) {
    for (key, value) in changes {
        match value {
            Some(value) => state.insert(*key, value.clone()),
            None => state.remove(key),
        };
    }
}

/// A transaction of this life whose commit was begun.
struct Commit {
    xid: Xid,
    changes: Vec<Change>,
    /// The client has been told, and it asked for durability.
    acknowledged: bool,
    /// No byte of its record is behind this.
    end: Lsn,
}

/// What a seed did; equal for every run of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub commits: u64,
    /// Commits that were lost rightly: unacknowledged, or asynchronous.
    pub lost: u64,
    pub aborts: u64,
    pub refused: u64,
    pub vacuums: u64,
    pub checkpoints: u64,
    pub crashes: u64,
    pub recoveries: u64,
    pub errors: u64,
    pub writes: u64,
    pub syncs: u64,
}

impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, other: Summary) {
        self.commits += other.commits;
        self.lost += other.lost;
        self.aborts += other.aborts;
        self.refused += other.refused;
        self.vacuums += other.vacuums;
        self.checkpoints += other.checkpoints;
        self.crashes += other.crashes;
        self.recoveries += other.recoveries;
        self.errors += other.errors;
        self.writes += other.writes;
        self.syncs += other.syncs;
    }
}

struct Simulation {
    system: System,
    random: Arc<dyn Random>,
    disk: Arc<SimulatedDisk>,
    tables: Arc<[Table]>,
    first: FirstIds,
    keys: u64,
    cluster: Cluster,
    seats: Vec<Seat>,
    /// After everything that was committed.
    state: State,
    /// When this life began.
    base: State,
    commits: Vec<Commit>,
    aborted: Vec<Xid>,
    /// The disk may refuse an operation and go on.
    faulty: bool,
    summary: Summary,
}

impl Simulation {
    fn new(seed: u64) -> Simulation {
        let (system, disk) = sys::simulated::simulated(seed);
        let random = system.random.clone();
        let fillfactor = if random.below(2) == 0 { 100 } else { 60 };
        let tables: Arc<[Table]> = (0..2).map(|number| Table::describe(number, fillfactor)).collect();
        // Near the ends of commit log, subtransaction and multixact pages.
        let first = FirstIds {
            xid: Xid(32_768 - random.below(400)),
            multi: MultiXactId(2_048 - random.below(40) as u32),
            multi_offset: 1_636 - random.below(60) as u32,
        };
        cluster::initialise(&system, cluster::wal_options(), first).expect("initialises");
        let (cluster, _) = Cluster::open(&system, cluster::wal_options(), 64).expect("opens");
        let mut simulation = Simulation {
            keys: 30 + random.below(400),
            system,
            random,
            disk,
            tables,
            first,
            cluster,
            seats: Vec::new(),
            state: State::new(),
            base: State::new(),
            commits: Vec::new(),
            aborted: Vec::new(),
            faulty: false,
            summary: Summary::default(),
        };
        simulation.create_tables().expect("creates");
        simulation
    }

    fn create_tables(&mut self) -> Result<()> {
        let seat = self.seat(1);
        let context = seat.begin(txn::Options::default())?;
        for table in self.tables.iter() {
            table.create(&self.cluster, &context)?;
        }
        context.transaction.commit()?;
        self.checkpoint(true)
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn one_in(&self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    /// The machine has stopped, or the server must.
    fn is_over(&self) -> bool {
        self.disk.crashed() || self.cluster.wal.check().is_err()
    }

    /// An error is right only if the disk was told to fail.
    fn expect_fault(&mut self, error: &Error) {
        self.summary.errors += 1;
        if self.is_over() {
            return;
        }
        let of_disk = matches!(error.state(), SqlState::IO_ERROR | SqlState::DISK_FULL);
        assert!(self.faulty && of_disk, "without a fault: {error:?}");
    }

    fn value(&self) -> Value {
        let length = match self.below(40) {
            0 => 2_500 + self.below(9_000),
            1 => 700 + self.below(1_500),
            _ => 5 + self.below(150),
        };
        let mut bytes = vec![b'x'; length as usize];
        // Some compress.
        if !self.one_in(4) {
            self.random.fill(&mut bytes);
        }
        Value { b: self.below(15) as i32, c: bytes.into() }
    }
}

/// Runs one seed through several lives of the server.
///
/// # Panics
/// When something is wrong.
pub fn run(seed: u64) -> Summary {
    let mut simulation = Simulation::new(seed);
    let lives = 2 + simulation.below(3);
    for _ in 0..lives {
        simulation.live();
        simulation.end_of_life();
    }
    simulation.summary.writes = simulation.disk.writes();
    simulation.summary.syncs = simulation.disk.syncs();
    simulation.summary
}
