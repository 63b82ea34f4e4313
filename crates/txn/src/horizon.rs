//! Horizons: which dead tuples nobody can see any more.

use crate::Transactions;
use base::{Oid, Xid};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Whose snapshots count for a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Shared relations: the sessions of all databases.
    Shared,
    /// Catalogs of a database.
    Catalog(Oid),
    /// Other relations of a database.
    Data(Oid),
    /// A session's own temporary relations; with its xid if it has one.
    Temporary(Option<Xid>),
}

/// How long a cached horizon serves while transactions go on finishing.
const CACHE_TIME: Duration = Duration::from_micros(500);

/// The same while none finishes: then only the end of an old snapshot moves the horizon.
const QUIET_CACHE_TIME: Duration = Duration::from_millis(50);

struct Cached {
    horizon: Xid,
    version: u64,
    at: Duration,
}

/// By database; 0 for shared relations.
#[derive(Default)]
pub(crate) struct HorizonCache(RwLock<HashMap<Oid, Cached>>);

impl Transactions {
    /// Tuples deleted by a transaction before this xid are dead to everyone in `scope`.
    pub fn horizon(&self, scope: Scope) -> Xid {
        match scope {
            Scope::Shared => self.oldest_needed(None, true),
            Scope::Catalog(database) | Scope::Data(database) => self.oldest_needed(Some(database), true),
            Scope::Temporary(own) => own.unwrap_or_else(|| self.latest_completed().next()),
        }
    }

    /// As [`Transactions::horizon`], perhaps a little older, and cheap enough to ask for every page.
    pub fn prune_horizon(&self, scope: Scope) -> Xid {
        let database = match scope {
            Scope::Shared => Oid::INVALID,
            Scope::Catalog(database) | Scope::Data(database) => database,
            Scope::Temporary(_) => return self.horizon(scope),
        };
        let version = self.version();
        let now = self.system().clock.monotonic();
        if let Some(cached) = self.horizons.0.read().get(&database)
            && now.saturating_sub(cached.at)
                < if cached.version == version { QUIET_CACHE_TIME } else { CACHE_TIME }
        {
            return cached.horizon;
        }
        let horizon = self.horizon(scope);
        self.horizons.0.write().insert(database, Cached { horizon, version, at: now });
        horizon
    }

    /// The oldest xid that any snapshot, even of a vacuum, may still take for running. pg_subtrans is needed from here on.
    pub fn oldest_considered_running(&self) -> Xid {
        self.oldest_needed(None, false)
    }

    /// The running transactions are looked at first: a snapshot validated before one of them finished was advertised
    /// before we look at the sessions.
    fn oldest_needed(&self, database: Option<Oid>, skip_vacuum: bool) -> Xid {
        let mut oldest = self.oldest_running_in(database);
        for slot in self.slots().iter().flatten() {
            if skip_vacuum && slot.in_vacuum.load(Ordering::SeqCst) {
                continue;
            }
            let there = Oid(slot.database.load(Ordering::SeqCst));
            if database.is_some_and(|database| there != database && there.is_valid()) {
                continue;
            }
            let xmin = Xid(slot.xmin.load(Ordering::SeqCst));
            if xmin.is_valid() {
                oldest = oldest.min(xmin);
            }
        }
        oldest
    }
}
