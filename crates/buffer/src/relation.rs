//! Making, cutting and removing relation files, in the log and in redo (the Storage resource manager).

use crate::pool::BufferPool;
use crate::redo::{RedoContext, ResourceManager};
use crate::{ReadAhead, Ring, RingKind, Strategy, fsm, vm};
use base::bytes::Reader;
use base::{BlockNumber, Error, Fork, Lsn, Oid, RelFileLocator, Result, Xid};
use std::sync::Arc;
use wal::{Record, RecordBuilder, RmgrId, SPECIAL_REL_UPDATE};

const CREATE: u8 = 0x10;
const TRUNCATE: u8 = 0x20;
const TRUNCATE_HEAP: u32 = 1;
const TRUNCATE_VM: u32 = 2;
const TRUNCATE_FSM: u32 = 4;

fn locator_bytes(locator: RelFileLocator) -> [u8; 12] {
    let mut bytes = [0; 12];
    for (at, id) in [locator.tablespace, locator.database, locator.number].into_iter().enumerate() {
        bytes[at * 4..at * 4 + 4].copy_from_slice(&id.0.to_le_bytes());
    }
    bytes
}

fn read_locator(reader: &mut Reader<'_>) -> Result<RelFileLocator> {
    Ok(RelFileLocator {
        tablespace: Oid(reader.u32()?),
        database: Oid(reader.u32()?),
        number: Oid(reader.u32()?),
    })
}

/// Makes a relation's fork, and logs that for permanent relations and init forks. The caller sees to it that an abort removes the file.
///
/// # Errors
/// `58P02` when it exists; the disk's; PANIC when the log cannot be written.
pub fn create_file(pool: &BufferPool, rel: RelFileLocator, fork: Fork, xid: Xid) -> Result<()> {
    pool.files().create(rel, fork, false)?;
    let permanent = pool.files().persistence(rel) == storage::Persistence::Permanent;
    if permanent || fork == Fork::Init { log_create(pool, rel, fork, xid).map(|_| ()) } else { Ok(()) }
}

/// Logs that a fork was made.
///
/// # Errors
/// PANIC when the log cannot be written.
pub fn log_create(pool: &BufferPool, rel: RelFileLocator, fork: Fork, xid: Xid) -> Result<Lsn> {
    let record = RecordBuilder::new(RmgrId::STORAGE, CREATE | SPECIAL_REL_UPDATE, xid)
        .main(&locator_bytes(rel))
        .main(&u32::from(fork as u8).to_le_bytes());
    pool.wal().insert(&record)
}

/// Cuts a relation to `blocks`, with its maps. The caller holds the relation's exclusive lock.
///
/// # Errors
/// The disk's; PANIC when the log cannot be written.
pub fn truncate(pool: &Arc<BufferPool>, rel: RelFileLocator, blocks: BlockNumber, xid: Xid) -> Result<()> {
    let fsm_blocks = fsm::prepare_truncate(pool, rel, blocks)?;
    let vm_blocks = vm::prepare_truncate(pool, rel, blocks)?;
    // A checkpoint whose redo point lies behind the record must not be complete before the files are cut.
    let _delay = pool.delay_checkpoint();
    if pool.files().persistence(rel) == storage::Persistence::Permanent {
        let flags = TRUNCATE_HEAP | TRUNCATE_VM | TRUNCATE_FSM;
        let record = RecordBuilder::new(RmgrId::STORAGE, TRUNCATE | SPECIAL_REL_UPDATE, xid)
            .main(&blocks.0.to_le_bytes())
            .main(&locator_bytes(rel))
            .main(&flags.to_le_bytes());
        let end = pool.wal().insert(&record)?;
        // Otherwise a crash could leave a cut file, and pages in the log that are beyond its end.
        pool.wal().flush(end)?;
    }
    let failed = |error: Error| pool.wal().panic(error);
    pool.truncate(rel, Fork::Main, blocks).map_err(failed)?;
    if let Some(length) = fsm_blocks {
        pool.truncate(rel, Fork::FreeSpaceMap, length).map_err(failed)?;
    }
    if let Some(length) = vm_blocks {
        pool.truncate(rel, Fork::VisibilityMap, length).map_err(failed)?;
    }
    if pool.files().exists(rel, Fork::FreeSpaceMap)? {
        fsm::vacuum_range(pool, rel, blocks, BlockNumber::INVALID)?;
    }
    Ok(())
}

/// Pages copied, and logged, at once.
const COPY_BATCH: u32 = 32;

/// Copies all forks of a relation to another that does not exist yet, page by page, logged if the copy is permanent: for CREATE DATABASE and
/// changes of tablespace. Nobody changes the source meanwhile.
///
/// # Errors
/// `58P02` when the target exists; `XX001` for an invalid page; the disk's; PANIC when the log cannot be written.
pub fn copy(pool: &Arc<BufferPool>, from: RelFileLocator, to: RelFileLocator, xid: Xid) -> Result<()> {
    let source_ring = Ring::new(RingKind::BulkRead, pool);
    let target_ring = Ring::new(RingKind::BulkWrite, pool);
    for fork in Fork::ALL {
        if !pool.files().exists(from, fork)? {
            continue;
        }
        create_file(pool, to, fork, xid)?;
        let logged = fork == Fork::Init || pool.files().persistence(to) == storage::Persistence::Permanent;
        let end = pool.block_count(from, fork)?;
        let mut ahead = ReadAhead::new();
        let mut block = 0;
        while block < end.0 {
            let batch = COPY_BATCH.min(end.0 - block);
            let targets = pool.extend_by(to, fork, batch, Strategy::Ring(&target_ring))?;
            let mut pages = Vec::with_capacity(targets.len());
            for target in &targets {
                let source =
                    ahead.pin(pool, from, fork, BlockNumber(block), end, Strategy::Ring(&source_ring))?;
                let mut page = target.write();
                let content = source.read();
                page.change_unlogged(|page| page.bytes_mut().copy_from_slice(content.bytes()));
                pages.push(page);
                block += 1;
            }
            if logged {
                pool.log_new_pages(&mut pages, fork == Fork::Main)?;
            }
        }
    }
    Ok(())
}

/// Forgets a relation's pages and removes its files: at the end of the transaction that dropped (or failed to make) it.
///
/// # Errors
/// The disk's.
pub fn drop_files(pool: &BufferPool, rels: &[RelFileLocator], in_redo: bool) -> Result<()> {
    pool.drop_relations(rels)?;
    for rel in rels {
        pool.files().unlink_relation(*rel, in_redo)?;
    }
    Ok(())
}

/// Replays records of the Storage resource manager.
pub struct StorageManager;

impl ResourceManager for StorageManager {
    fn id(&self) -> RmgrId {
        RmgrId::STORAGE
    }

    fn name(&self) -> &'static str {
        "Storage"
    }

    fn redo(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        let mut reader = record.reader();
        match record.op() {
            CREATE => {
                let rel = read_locator(&mut reader)?;
                let fork = u8::try_from(reader.u32()?).ok().and_then(Fork::from_number);
                let fork = fork.ok_or_else(|| Error::corrupted("invalid fork in smgr create record"))?;
                context.pool.files().create(rel, fork, true)
            }
            TRUNCATE => {
                let blocks = BlockNumber(reader.u32()?);
                let rel = read_locator(&mut reader)?;
                redo_truncate(context, rel, blocks, reader.u32()?)
            }
            op => Err(Error::corrupted(format!("smgr_redo: unknown op code {op}"))),
        }
    }
}

fn redo_truncate(
    context: &RedoContext<'_>,
    rel: RelFileLocator,
    blocks: BlockNumber,
    flags: u32,
) -> Result<()> {
    let pool = context.pool;
    let cut = |fork: Fork, length: BlockNumber| {
        if pool.block_count(rel, fork)? > length { pool.truncate(rel, fork, length) } else { Ok(()) }
    };
    // The relation may have been dropped later; its file is made again, and dropped again.
    if !pool.files().exists(rel, Fork::Main)? {
        pool.files().create(rel, Fork::Main, true)?;
    }
    if flags & TRUNCATE_HEAP != 0 {
        cut(Fork::Main, blocks)?;
        context.missing.forget(rel, Fork::Main, blocks);
    }
    if flags & TRUNCATE_FSM != 0
        && let Some(length) = fsm::prepare_truncate(pool, rel, blocks)?
    {
        cut(Fork::FreeSpaceMap, length)?;
    }
    if flags & TRUNCATE_VM != 0
        && let Some(length) = vm::prepare_truncate(pool, rel, blocks)?
    {
        cut(Fork::VisibilityMap, length)?;
        context.missing.forget(rel, Fork::VisibilityMap, length);
    }
    Ok(())
}
