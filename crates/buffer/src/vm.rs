//! The visibility map over the pool. Bits are set and cleared by the heap's own logged changes, with the functions of [`storage::vm`].

use crate::frame::Tag;
use crate::pin::Pin;
use crate::pool::{BufferPool, ReadMode};
use base::{BlockNumber, Fork, RelFileLocator, Result};
use std::sync::Arc;
use storage::Page;
pub use storage::vm::{ALL_FROZEN, ALL_VISIBLE, HEAP_BLOCKS_PER_PAGE, bits, clear_bits, map_block, set_bits};

fn pin_map(pool: &Arc<BufferPool>, rel: RelFileLocator, block: BlockNumber) -> Result<Pin> {
    let pin = pool.pin_mode(Tag { locator: rel, fork: Fork::VisibilityMap, block }, ReadMode::ZeroOnError)?;
    let fresh = pin.read().is_new();
    if fresh {
        let mut page = pin.write();
        if page.is_new() {
            page.hint(|page| page.init(0));
        }
    }
    Ok(pin)
}

/// Pins the map page that describes a heap block, making it when it is not there. Do this before latching the heap page: it may read or extend.
///
/// # Errors
/// `53100` when the disk is full, and the disk's.
pub fn pin(pool: &Arc<BufferPool>, rel: RelFileLocator, heap_block: BlockNumber) -> Result<Pin> {
    let block = map_block(heap_block);
    pool.extend_to(rel, Fork::VisibilityMap, block.0 + 1, true)?;
    pin_map(pool, rel, block)
}

/// Pins the map page that describes a heap block, if there is one.
///
/// # Errors
/// The disk's.
pub fn try_pin(pool: &Arc<BufferPool>, rel: RelFileLocator, heap_block: BlockNumber) -> Result<Option<Pin>> {
    let block = map_block(heap_block);
    if !pool.files().exists(rel, Fork::VisibilityMap)?
        || block >= pool.block_count(rel, Fork::VisibilityMap)?
    {
        return Ok(None);
    }
    pin_map(pool, rel, block).map(Some)
}

/// True when `pin` is on the map page of the heap block.
pub fn covers(pin: &Pin, heap_block: BlockNumber) -> bool {
    pin.fork() == Fork::VisibilityMap && pin.block() == map_block(heap_block)
}

/// The bits of a heap block; 0 where there is no map. `cached` keeps the map page between calls.
///
/// # Errors
/// The disk's.
pub fn get(
    pool: &Arc<BufferPool>,
    rel: RelFileLocator,
    heap_block: BlockNumber,
    cached: &mut Option<Pin>,
) -> Result<u8> {
    if !cached.as_ref().is_some_and(|pin| covers(pin, heap_block) && pin.locator() == rel) {
        *cached = try_pin(pool, rel, heap_block)?;
    }
    Ok(cached.as_ref().map_or(0, |pin| bits(&pin.read(), heap_block)))
}

/// Calls `found` with the bits of each heap block, named by its row. Blocks of one map page that come one after the
/// other are looked up under one latch; `cached` keeps the map page between calls.
///
/// # Errors
/// The disk's.
pub fn get_all(
    pool: &Arc<BufferPool>,
    rel: RelFileLocator,
    blocks: impl Iterator<Item = (usize, BlockNumber)>,
    cached: &mut Option<Pin>,
    mut found: impl FnMut(usize, u8),
) -> Result<()> {
    let mut blocks = blocks.peekable();
    while let Some((_, first)) = blocks.peek() {
        let map = map_block(*first);
        if !cached.as_ref().is_some_and(|pin| covers(pin, *first) && pin.locator() == rel) {
            *cached = try_pin(pool, rel, *first)?;
        }
        let page = cached.as_ref().map(Pin::read);
        while let Some((row, block)) = blocks.next_if(|(_, block)| map_block(*block) == map) {
            found(row, page.as_ref().map_or(0, |page| bits(page, block)));
        }
    }
    Ok(())
}

/// How many heap blocks are all-visible, and how many all-frozen.
///
/// # Errors
/// The disk's.
pub fn count(pool: &Arc<BufferPool>, rel: RelFileLocator) -> Result<(u64, u64)> {
    let mut total = (0, 0);
    if !pool.files().exists(rel, Fork::VisibilityMap)? {
        return Ok(total);
    }
    for block in 0..pool.block_count(rel, Fork::VisibilityMap)?.0 {
        let (visible, frozen) = storage::vm::count(&pin_map(pool, rel, BlockNumber(block))?.read());
        total.0 += u64::from(visible);
        total.1 += u64::from(frozen);
    }
    Ok(total)
}

/// Clears what the map says of heap blocks from `heap_blocks` on; returns the length to cut the map to, or `None` when it is no longer than that.
///
/// # Errors
/// The disk's, and PANIC when the log cannot be written.
pub fn prepare_truncate(
    pool: &Arc<BufferPool>,
    rel: RelFileLocator,
    heap_blocks: BlockNumber,
) -> Result<Option<BlockNumber>> {
    if !pool.files().exists(rel, Fork::VisibilityMap)? {
        return Ok(None);
    }
    let current = pool.block_count(rel, Fork::VisibilityMap)?;
    let mut keep = map_block(heap_blocks);
    if !heap_blocks.0.is_multiple_of(HEAP_BLOCKS_PER_PAGE) {
        if keep < current {
            let pin = pin_map(pool, rel, keep)?;
            let mut page = pin.write();
            page.change_unlogged(|page: &mut Page| storage::vm::truncate(page, heap_blocks));
            if pool.logs_hints(rel) {
                pool.log_new_page(&mut page, false)?;
            }
        }
        keep = keep.next();
    }
    Ok((keep < current).then_some(keep))
}
