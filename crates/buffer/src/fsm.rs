//! The free space map over the pool: a tree of map pages, three levels deep, whose leaves have a category for each heap block.
//!
//! The map is a hint. It is not logged, may be wrong in either direction, and mends itself when a search meets what cannot be.
//! Upper levels are brought up to date by vacuum; a search that was led astray corrects the slot above.

use crate::frame::Tag;
use crate::pin::{PageWrite, Pin};
use crate::pool::{BufferPool, ReadMode};
use base::{BlockNumber, Fork, RelFileLocator, Result};
use std::sync::Arc;
use storage::fsm::{self, SLOTS, Search};

const ROOT_LEVEL: u32 = 2;
/// Searches that are led astray that often give up.
const MOST_RESTARTS: u32 = 10_000;

/// A map page by level (0: leaves) and number within the level.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Address {
    level: u32,
    number: u32,
}

const ROOT: Address = Address { level: ROOT_LEVEL, number: 0 };
const FANOUT: u32 = SLOTS as u32;

impl Address {
    fn of(heap_block: BlockNumber) -> (Address, usize) {
        (Address { level: 0, number: heap_block.0 / FANOUT }, (heap_block.0 % FANOUT) as usize)
    }

    fn parent(self) -> (Address, usize) {
        (Address { level: self.level + 1, number: self.number / FANOUT }, (self.number % FANOUT) as usize)
    }

    fn child(self, slot: usize) -> Address {
        Address { level: self.level - 1, number: self.number * FANOUT + slot as u32 }
    }

    /// Pages lie depth first: root, its first child, that one's children, the second child, …
    fn block(self) -> BlockNumber {
        let mut leaf = u64::from(self.number) * u64::from(FANOUT).pow(self.level);
        let mut pages = 0;
        for _ in 0..=ROOT_LEVEL {
            pages += leaf + 1;
            leaf /= u64::from(FANOUT);
        }
        BlockNumber((pages - u64::from(self.level) - 1) as u32)
    }
}

fn map_length(pool: &BufferPool, rel: RelFileLocator) -> Result<u32> {
    if !pool.files().exists(rel, Fork::FreeSpaceMap)? {
        return Ok(0);
    }
    Ok(pool.block_count(rel, Fork::FreeSpaceMap)?.0)
}

fn page(pool: &Arc<BufferPool>, rel: RelFileLocator, address: Address, make: bool) -> Result<Option<Pin>> {
    let block = address.block();
    if block.0 >= map_length(pool, rel)? {
        if !make {
            return Ok(None);
        }
        pool.extend_to(rel, Fork::FreeSpaceMap, block.0 + 1, true)?;
    }
    let pin = pool.pin_mode(Tag { locator: rel, fork: Fork::FreeSpaceMap, block }, ReadMode::ZeroOnError)?;
    let fresh = pin.read().is_new();
    if fresh {
        let mut page = pin.write();
        if page.is_new() {
            page.change_unlogged(|page| page.init(0));
        }
    }
    Ok(Some(pin))
}

/// Sets a slot; a page that does not change stays clean.
fn set(page: &mut PageWrite<'_>, slot: usize, category: u8) {
    if fsm::get(page, slot) != category || category > fsm::max(page) {
        page.hint_whole_page(|page| {
            fsm::set(page, slot, category);
        });
    }
}

fn set_slot(
    pool: &Arc<BufferPool>,
    rel: RelFileLocator,
    address: Address,
    slot: usize,
    category: u8,
) -> Result<()> {
    if let Some(pin) = page(pool, rel, address, true)? {
        set(&mut pin.write(), slot, category);
    }
    Ok(())
}

/// Searches one page; mends it when it is broken.
fn search_page(pin: &Pin, category: u8) -> Option<usize> {
    let found = fsm::search(&pin.read(), category);
    match found {
        Search::Nothing => None,
        Search::Slot(slot) => {
            // Where the next search starts is worth neither waiting for nor a write.
            if let Some(mut page) = pin.try_write() {
                fsm::set_next_slot(page.page_mut(), slot + 1);
            }
            Some(slot)
        }
        Search::Broken => {
            let mut page = pin.write();
            page.hint_whole_page(|page| {
                fsm::rebuild(page);
            });
            match fsm::search(&page, category) {
                Search::Slot(slot) => Some(slot),
                Search::Nothing | Search::Broken => None,
            }
        }
    }
}

/// A heap block that has, as far as the map knows, room for `need` bytes.
///
/// # Errors
/// The disk's.
pub fn page_with_free_space(
    pool: &Arc<BufferPool>,
    rel: RelFileLocator,
    need: usize,
) -> Result<Option<BlockNumber>> {
    search(pool, rel, fsm::needed_category(need))
}

fn search(pool: &Arc<BufferPool>, rel: RelFileLocator, category: u8) -> Result<Option<BlockNumber>> {
    let mut address = ROOT;
    let mut restarts = 0;
    loop {
        let pin = page(pool, rel, address, false)?;
        let (slot, max) = match &pin {
            Some(pin) => (search_page(pin, category), fsm::max(&pin.read())),
            None => (None, 0),
        };
        match slot {
            Some(slot) if address.level > 0 => address = address.child(slot),
            Some(slot) => {
                let block = u64::from(address.number) * u64::from(FANOUT) + slot as u64;
                let length = pool.block_count(rel, Fork::Main)?;
                if block < u64::from(length.0) {
                    return Ok(Some(BlockNumber(block as u32)));
                }
                // Beyond the end: the map has outlived a truncation or a crash.
                if let Some(pin) = &pin {
                    set(&mut pin.write(), slot, 0);
                }
                address = ROOT;
                restarts += 1;
            }
            None if address == ROOT => return Ok(None),
            None => {
                let (parent, slot) = address.parent();
                set_slot(pool, rel, parent, slot, max)?;
                address = ROOT;
                restarts += 1;
            }
        }
        if restarts > MOST_RESTARTS {
            return Ok(None);
        }
    }
}

/// Notes how much room a heap block has.
///
/// # Errors
/// `53100` when the map must grow and the disk is full, and the disk's.
pub fn record(pool: &Arc<BufferPool>, rel: RelFileLocator, block: BlockNumber, free: usize) -> Result<()> {
    let (address, slot) = Address::of(block);
    set_slot(pool, rel, address, slot, fsm::category(free))
}

/// Notes how much room a block has that turned out too small, and looks for another, near by first.
///
/// # Errors
/// As [`record`].
pub fn record_and_search(
    pool: &Arc<BufferPool>,
    rel: RelFileLocator,
    old: BlockNumber,
    old_free: usize,
    need: usize,
) -> Result<Option<BlockNumber>> {
    let (address, slot) = Address::of(old);
    let category = fsm::needed_category(need);
    if let Some(pin) = page(pool, rel, address, true)? {
        set(&mut pin.write(), slot, fsm::category(old_free));
        if let Some(slot) = search_page(&pin, category) {
            let block = address.number * FANOUT + slot as u32;
            if block < pool.block_count(rel, Fork::Main)?.0 {
                return Ok(Some(BlockNumber(block)));
            }
        }
    }
    search(pool, rel, category)
}

/// The room the map believes a block to have.
///
/// # Errors
/// The disk's.
pub fn get(pool: &Arc<BufferPool>, rel: RelFileLocator, block: BlockNumber) -> Result<usize> {
    let (address, slot) = Address::of(block);
    Ok(page(pool, rel, address, false)?.map_or(0, |pin| fsm::category_bytes(fsm::get(&pin.read(), slot))))
}

/// Brings the upper levels up to date.
///
/// # Errors
/// As [`record`].
pub fn vacuum(pool: &Arc<BufferPool>, rel: RelFileLocator) -> Result<()> {
    vacuum_range(pool, rel, BlockNumber(0), BlockNumber::INVALID)
}

/// Brings the upper levels up to date with what the leaves say of heap blocks from `start` up to `end`.
///
/// # Errors
/// As [`record`].
pub fn vacuum_range(
    pool: &Arc<BufferPool>,
    rel: RelFileLocator,
    start: BlockNumber,
    end: BlockNumber,
) -> Result<()> {
    if end > start && map_length(pool, rel)? > 0 {
        let last = end.0 - 1;
        vacuum_page(pool, rel, ROOT, (start.0 / FANOUT, last / FANOUT))?;
    }
    Ok(())
}

/// Updates a page from the leaf pages in a range (inclusive); returns its greatest category, or `None` when the map ends before it.
fn vacuum_page(
    pool: &Arc<BufferPool>,
    rel: RelFileLocator,
    address: Address,
    leaves: (u32, u32),
) -> Result<Option<u8>> {
    let Some(pin) = page(pool, rel, address, false)? else { return Ok(None) };
    if address.level > 0 {
        // Leaf pages below one slot.
        let span = FANOUT.pow(address.level - 1);
        let first_child = address.number * FANOUT;
        let from = (leaves.0 / span).max(first_child);
        let to = (leaves.1 / span).min(first_child + FANOUT - 1);
        for child in from..=to {
            let slot = (child - first_child) as usize;
            let known = vacuum_page(pool, rel, Address { level: address.level - 1, number: child }, leaves)?;
            set(&mut pin.write(), slot, known.unwrap_or(0));
            if known.is_none() {
                // Nothing behind either.
                let mut page = pin.write();
                if (slot + 1..SLOTS).any(|slot| fsm::get(&page, slot) != 0) {
                    page.hint_whole_page(|page| {
                        fsm::truncate(page, slot);
                    });
                }
                break;
            }
        }
    }
    let mut page = pin.write();
    // Inserters start from the front again.
    fsm::set_next_slot(page.page_mut(), 0);
    Ok(Some(fsm::max(&page)))
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
    let length = map_length(pool, rel)?;
    let (address, slot) = Address::of(heap_blocks);
    let mut keep = address.block();
    if slot > 0 {
        if let Some(pin) = page(pool, rel, address, false)? {
            let mut page = pin.write();
            page.change_unlogged(|page| {
                fsm::truncate(page, slot);
            });
            if pool.logs_hints(rel) {
                pool.log_new_page(&mut page, false)?;
            }
        }
        keep = keep.next();
    }
    Ok((keep.0 < length).then_some(keep))
}
