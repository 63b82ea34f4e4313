//! What has been read from the catalogs, kept until a change to them commits.
//!
//! One cache serves all sessions and holds committed facts only. A session whose transaction has changed a catalog
//! reads through a cache of its own until the transaction ends. A reader puts an entry into the shared cache only if
//! no invalidation has come since it began to read (`Epoch`): the writer's rows become visible before its
//! invalidation is sent, so whatever was read too early meets the invalidation on its way in.

use crate::entry::RelationEntry;
use base::Oid;
use hashbrown::{Equivalent, HashMap, HashSet};
use parking_lot::RwLock;
use std::any::Any;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The state of a cache when a reader began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch(u64);

/// The catalogs and relations that a transaction has changed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub catalogs: HashSet<Oid>,
    pub relations: HashSet<Oid>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.catalogs.is_empty() && self.relations.is_empty()
    }

    pub fn extend(&mut self, other: &Changes) {
        self.catalogs.extend(&other.catalogs);
        self.relations.extend(&other.relations);
    }
}

#[derive(PartialEq, Eq, Hash)]
struct RowsKey {
    database: Oid,
    index: Oid,
    key: Box<[u8]>,
}

struct RowsKeyRef<'a>(Oid, Oid, &'a [u8]);

impl Hash for RowsKeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        self.1.hash(state);
        self.2.hash(state);
    }
}

impl Equivalent<RowsKey> for RowsKeyRef<'_> {
    fn equivalent(&self, key: &RowsKey) -> bool {
        self.0 == key.database && self.1 == key.index && *self.2 == *key.key
    }
}

type AnyRows = Arc<dyn Any + Send + Sync>;

/// Row lists by index and key, relation descriptors by OID.
#[derive(Default)]
pub struct CatalogCache {
    epoch: AtomicU64,
    /// By catalog, so that forgetting one does not pass over all.
    rows: RwLock<HashMap<Oid, HashMap<RowsKey, AnyRows>>>,
    relations: RwLock<HashMap<(Oid, Oid), Arc<RelationEntry>>>,
}

/// More entries of one catalog than this, and its part starts over: a bound on memory, far above what a schema needs.
const MAX_ROW_ENTRIES: usize = 200_000;

impl CatalogCache {
    pub fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Acquire))
    }

    /// Counts invalidations: what was derived from the catalogs at an equal count is still true.
    pub fn invalidations(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub fn rows<T: Send + Sync + 'static>(
        &self,
        database: Oid,
        catalog: Oid,
        index: Oid,
        key: &[u8],
    ) -> Option<Arc<T>> {
        let rows = self.rows.read();
        let found = rows.get(&catalog)?.get(&RowsKeyRef(database, index, key))?;
        Some(found.clone().downcast().expect("an index belongs to one catalog, whose rows have one type"))
    }

    pub fn put_rows(&self, epoch: Epoch, database: Oid, catalog: Oid, index: Oid, key: &[u8], rows: AnyRows) {
        let mut catalogs = self.rows.write();
        if self.epoch() != epoch {
            return;
        }
        let map = catalogs.entry(catalog).or_default();
        if map.len() >= MAX_ROW_ENTRIES {
            map.clear();
        }
        map.insert(RowsKey { database, index, key: key.into() }, rows);
    }

    pub fn relation(&self, database: Oid, oid: Oid) -> Option<Arc<RelationEntry>> {
        self.relations.read().get(&(database, oid)).cloned()
    }

    pub fn put_relation(&self, epoch: Epoch, database: Oid, entry: Arc<RelationEntry>) {
        let mut map = self.relations.write();
        if self.epoch() == epoch {
            map.insert((database, entry.class.oid), entry);
        }
    }

    /// Forgets what a committed transaction has changed, or for a cache of a session's own, what its transaction has.
    pub fn invalidate(&self, changes: &Changes) {
        let mut rows = self.rows.write();
        let mut relations = self.relations.write();
        self.epoch.fetch_add(1, Ordering::AcqRel);
        for catalog in &changes.catalogs {
            if let Some(map) = rows.get_mut(catalog) {
                map.clear();
            }
        }
        if !changes.relations.is_empty() {
            relations.retain(|_, entry| !entry.depends_on().any(|oid| changes.relations.contains(&oid)));
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut rows = self.rows.write();
        let mut relations = self.relations.write();
        self.epoch.fetch_add(1, Ordering::AcqRel);
        rows.clear();
        relations.clear();
    }
}
