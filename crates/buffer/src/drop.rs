//! Forgetting pages whose blocks are gone.

use crate::frame::{Tag, VALID};
use crate::pool::BufferPool;
use crate::table;
use base::{BlockNumber, Error, Fork, Oid, RelFileLocator, Result};
use std::collections::HashSet;
use std::time::Duration;

/// Background writers hold pins for the length of a write; anybody else with a pin on a page that goes away is a bug.
const PATIENCE: Duration = Duration::from_secs(30);

impl BufferPool {
    fn discard(&self, tag: Tag) -> Result<()> {
        let hash = tag.hash();
        let partition = self.table.partition(hash);
        let mut waited = Duration::ZERO;
        loop {
            let mut entries = partition.entries.write();
            let Some(frame) = entries.find(hash, &tag) else { return Ok(()) };
            if self.frame(frame).try_discard() {
                entries.remove(hash, &tag);
                drop(entries);
                self.set_free(frame);
                return Ok(());
            }
            drop(entries);
            if waited >= PATIENCE {
                return Err(Error::internal(format!(
                    "block {} of relation {} is still pinned while it is dropped",
                    tag.block, tag.locator
                )));
            }
            let pause = Duration::from_micros(100);
            std::thread::sleep(pause);
            waited += pause;
        }
    }

    fn discard_matching(&self, wanted: impl Fn(&Tag) -> bool) -> Result<()> {
        for partition in self.table.partitions() {
            let tags: Vec<Tag> =
                partition.entries.read().iter().map(|entry| entry.tag).filter(|tag| wanted(tag)).collect();
            for tag in tags {
                self.discard(tag)?;
            }
        }
        Ok(())
    }

    /// Forgets the pages of relations, dirty or not. The caller unlinks the files.
    ///
    /// # Errors
    /// `XX000` when somebody still uses a page.
    pub fn drop_relations(&self, rels: &[RelFileLocator]) -> Result<()> {
        let mut blocks = Some(0_u64);
        let mut forks = Vec::new();
        for rel in rels {
            for fork in Fork::ALL {
                if self.files().exists(*rel, fork)? {
                    let count = self.block_count(*rel, fork)?.0;
                    blocks = blocks.map(|blocks| blocks + u64::from(count));
                    forks.push((*rel, fork, count));
                } else {
                    // Gone already: how far the cached pages reach is not known.
                    blocks = if fork == Fork::Main { None } else { blocks };
                }
            }
        }
        if blocks.is_some_and(|blocks| blocks < (self.frames() / 32) as u64) {
            for (locator, fork, count) in forks {
                for block in 0..count {
                    self.discard(Tag { locator, fork, block: BlockNumber(block) })?;
                }
            }
            return Ok(());
        }
        let gone: HashSet<RelFileLocator> = rels.iter().copied().collect();
        self.discard_matching(|tag| gone.contains(&tag.locator))
    }

    /// Forgets the pages of a database, dirty or not.
    ///
    /// # Errors
    /// `XX000` when somebody still uses a page.
    pub fn drop_database(&self, database: Oid) -> Result<()> {
        self.discard_matching(|tag| tag.locator.database == database)?;
        self.files().forget_database(database);
        Ok(())
    }

    /// Cuts a fork to `blocks`, forgetting the pages behind. Not logged: the caller has logged XLOG_SMGR_TRUNCATE and flushed that.
    ///
    /// # Errors
    /// `XX000` when somebody still uses a page, and the disk's.
    pub fn truncate(&self, rel: RelFileLocator, fork: Fork, blocks: BlockNumber) -> Result<()> {
        let _extension = self.extension_lock(rel);
        let current = self.block_count(rel, fork)?;
        if current.0.saturating_sub(blocks.0) < (self.frames() / 32) as u32 {
            for block in blocks.0..current.0 {
                self.discard(Tag { locator: rel, fork, block: BlockNumber(block) })?;
            }
        } else {
            self.discard_matching(|tag| tag.locator == rel && tag.fork == fork && tag.block >= blocks)?;
        }
        self.files().truncate(rel, fork, blocks)
    }

    /// How many of a relation's pages are in the pool.
    pub fn cached_pages(&self, rel: RelFileLocator) -> usize {
        let count = |partition: &table::Partition| {
            let entries = partition.entries.read();
            let cached =
                |entry: &table::Entry| entry.tag.locator == rel && self.frame(entry.frame).state().has(VALID);
            entries.iter().filter(cached).count()
        };
        self.table.partitions().map(count).sum()
    }
}
