//! The indexes of a table that is vacuumed: several threads remove dead entries at once, from different indexes or from
//! different parts of one.

use super::options::VacuumParams;
use access_api::{Context, IndexRelation, Persistence};
use base::{Error, Fork, Result, SqlState, Tid};
use btree::{BulkDelete, IndexStats, Manner};
use buffer::{Ring, Strategy};
use catalog::{IndexEntry, RelationEntry, Session};
use heap::{DeadTids, IndexVacuum};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use sys::{Halt, Places};

/// Called before each page.
pub type Delay = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// What the heap's VACUUM drives.
pub struct Indexes<'a> {
    session: &'a Session,
    context: &'a Context,
    entry: &'a RelationEntry,
    indexes: Vec<&'a Arc<IndexEntry>>,
    pub stats: Vec<Option<IndexStats>>,
    params: &'a VacuumParams,
    ring: Option<Ring>,
    delay: Delay,
    /// Threads that help, for as long as VACUUM runs.
    places: Arc<Places>,
    /// What VERBOSE is to say.
    pub notes: Vec<Error>,
}

/// An index of so many pages gets one thread, and one more for each time as many.
const PAGES_FOR_EACH: u32 = 2048;

impl<'a> Indexes<'a> {
    pub fn new(
        session: &'a Session,
        context: &'a Context,
        entry: &'a RelationEntry,
        params: &'a VacuumParams,
        delay: Delay,
    ) -> Indexes<'a> {
        let indexes: Vec<_> = entry.indexes.iter().filter(|i| i.index.indisready).collect();
        let mut stats = Vec::new();
        stats.resize_with(indexes.len(), || None);
        let ring = heap::vacuum_ring(context, params.ring_frames(session));
        let (places, notes) = (Arc::new(Places::none()), Vec::new());
        Indexes { session, context, entry, indexes, stats, params, ring, delay, places, notes }
    }

    /// Reserves threads, for the indexes as PostgreSQL would start workers, for the table by its size.
    ///
    /// # Errors
    /// `0A000` for an index whose access method is not built yet.
    pub fn reserve(&mut self) -> Result<Arc<Places>> {
        let settings = self.session.settings();
        let smallest = settings.get(settings::MIN_PARALLEL_TABLE_SCAN_SIZE);
        let everybody = settings.get(settings::MAX_PARALLEL_WORKERS).max(0) as usize;
        drop(settings);
        let pages = heap::block_count(self.context, &self.entry.relation)?;
        let wanted = sys::workers::worth(f64::from(pages), smallest as f64);
        let wanted = self.plan(&self.access()?)?.1.max(wanted).min(self.limit());
        self.places = Arc::new(self.session.instance().system.workers.reserve(wanted, everybody));
        Ok(self.places.clone())
    }

    /// How many threads may help.
    fn limit(&self) -> usize {
        let limit = self.session.settings().get(settings::MAX_PARALLEL_MAINTENANCE_WORKERS).max(0);
        let alone = self.params.automatic
            || self.params.parallel == Some(0)
            || self.entry.relation.persistence == Persistence::Temporary;
        if alone { 0 } else { limit.min(self.params.parallel.unwrap_or(limit)) as usize }
    }

    /// Says that PARALLEL cannot be had, where that is so.
    pub fn check_parallel(&mut self) {
        let wanted = self.params.parallel.is_some_and(|workers| workers > 0);
        if wanted && self.entry.relation.persistence == Persistence::Temporary && self.indexes.len() > 1 {
            let text = format!(
                "disabling parallel option of vacuum on \"{}\" --- cannot vacuum temporary tables in parallel",
                self.entry.name()
            );
            self.notes.push(super::warning(SqlState::WARNING, text));
        }
    }

    /// The access method's view of each index.
    fn access(&self) -> Result<Vec<&'a IndexRelation>> {
        let of = |index: &&'a Arc<IndexEntry>| {
            index.access.as_ref().ok_or_else(|| {
                Error::unsupported(format!(
                    "VACUUM of table \"{}\" with index \"{}\"",
                    self.entry.name(),
                    index.class.relname
                ))
            })
        };
        self.indexes.iter().map(of).collect()
    }

    /// How many parts an index is worth, and how many threads may help in all.
    fn plan(&self, indexes: &[&IndexRelation]) -> Result<(Vec<usize>, usize)> {
        let smallest = self.session.settings().get(settings::MIN_PARALLEL_INDEX_SCAN_SIZE);
        let limit = self.limit();
        let mut parts = Vec::new();
        let mut useful = 0;
        for index in indexes {
            let pages = self.context.pool.block_count(index.relation.locator, Fork::Main)?.0;
            let large = i64::from(pages) >= smallest;
            useful += if large { 1 + (pages / PAGES_FOR_EACH) as usize } else { 0 };
            parts.push((1 + (pages / PAGES_FOR_EACH) as usize).min(4 * (limit + 1)));
        }
        Ok((if limit > 0 { parts } else { vec![1; indexes.len()] }, limit.min(useful.saturating_sub(1))))
    }

    /// What VERBOSE says of helping threads.
    fn note(&mut self, planned: usize) {
        if self.params.verbose && planned > 0 {
            let count = self.places.count().min(planned);
            let plural = if count == 1 { "" } else { "s" };
            self.notes.push(super::info(format!(
                "launched {count} parallel vacuum worker{plural} for index vacuuming (planned: {planned})"
            )));
        }
    }
}

impl IndexVacuum for Indexes<'_> {
    fn count(&self) -> usize {
        self.indexes.len()
    }

    fn bulk_delete(&mut self, dead: &DeadTids) -> Result<()> {
        let indexes = self.access()?;
        let (parts, planned) = self.plan(&indexes)?;
        self.note(planned);
        let places = self.places.clone();
        let work: Vec<BulkDelete<'_>> = indexes
            .iter()
            .zip(parts)
            .map(|(index, parts)| BulkDelete::new(self.context, index, parts))
            .collect::<Result<_>>()?;
        let tasks: Vec<(usize, usize)> = work
            .iter()
            .enumerate()
            .flat_map(|(index, work)| (0..work.parts()).map(move |part| (index, part)))
            .collect();
        let next = AtomicUsize::new(0);
        let (delay, ring) = (&self.delay, &self.ring);
        let each = |_: usize, halt: &Halt| -> Result<()> {
            let delay = || {
                halt.check()?;
                delay()
            };
            let strategy = ring.as_ref().map_or(Strategy::Normal, Strategy::Ring);
            let manner = Manner { strategy, delay: &delay };
            while let Some((index, part)) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                work[*index].run(*part, &|tid: Tid| dead.contains(tid), &manner)?;
            }
            Ok(())
        };
        places.run(&each)?;
        for (work, stats) in work.into_iter().zip(&mut self.stats) {
            work.finish(stats.get_or_insert_default())?;
        }
        Ok(())
    }

    fn cleanup(&mut self, heap_tuples: f64, estimated: bool) -> Result<()> {
        for (index, stats) in self.access()?.into_iter().zip(&mut self.stats) {
            let stats = stats.get_or_insert_default();
            btree::vacuum_cleanup(self.context, index, stats, heap_tuples, estimated)?;
        }
        Ok(())
    }
}
