//! The visibility map's pages: two bits for each heap block, after the page header.

use crate::page::{PAGE_HEADER, Page};
use base::{BlockNumber, PAGE_SIZE};

/// Every tuple of the heap block is visible to everyone.
pub const ALL_VISIBLE: u8 = 1;
/// Every tuple of the heap block is frozen.
pub const ALL_FROZEN: u8 = 2;
const VALID_BITS: u8 = 3;
const HEAP_BLOCKS_PER_BYTE: u32 = 4;
/// Heap blocks that one map page describes.
pub const HEAP_BLOCKS_PER_PAGE: u32 = (PAGE_SIZE - PAGE_HEADER) as u32 * HEAP_BLOCKS_PER_BYTE;

/// The map block that describes a heap block.
pub fn map_block(heap_block: BlockNumber) -> BlockNumber {
    BlockNumber(heap_block.0 / HEAP_BLOCKS_PER_PAGE)
}

fn place(heap_block: BlockNumber) -> (usize, u32) {
    let within = heap_block.0 % HEAP_BLOCKS_PER_PAGE;
    (PAGE_HEADER + (within / HEAP_BLOCKS_PER_BYTE) as usize, within % HEAP_BLOCKS_PER_BYTE * 2)
}

/// The bits of a heap block on its map page.
pub fn bits(page: &Page, heap_block: BlockNumber) -> u8 {
    let (byte, shift) = place(heap_block);
    (page.bytes()[byte] >> shift) & VALID_BITS
}

/// Adds `bits`.
pub fn set_bits(page: &mut Page, heap_block: BlockNumber, bits: u8) {
    let (byte, shift) = place(heap_block);
    page.bytes_mut()[byte] |= bits << shift;
}

/// Takes `bits` away; true when one of them was there.
pub fn clear_bits(page: &mut Page, heap_block: BlockNumber, bits: u8) -> bool {
    let (byte, shift) = place(heap_block);
    let had = page.bytes()[byte] & (bits << shift) != 0;
    page.bytes_mut()[byte] &= !(bits << shift);
    had
}

/// How many heap blocks of this map page are all-visible, and how many all-frozen.
pub fn count(page: &Page) -> (u32, u32) {
    let map = &page.bytes()[PAGE_HEADER..];
    let ones = |mask: u8| map.iter().map(|byte| (byte & mask).count_ones()).sum();
    (ones(0x55), ones(0xaa))
}

/// Clears everything from `heap_block` on.
pub fn truncate(page: &mut Page, heap_block: BlockNumber) {
    let (byte, shift) = place(heap_block);
    page.bytes_mut()[byte + 1..].fill(0);
    page.bytes_mut()[byte] &= (1 << shift) - 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_neighbours_stay() {
        let mut page = Page::zeroed();
        page.init(0);
        for block in 0..8 {
            set_bits(&mut page, BlockNumber(block), ALL_VISIBLE | ALL_FROZEN);
        }
        assert!(clear_bits(&mut page, BlockNumber(2), ALL_FROZEN));
        assert!(!clear_bits(&mut page, BlockNumber(2), ALL_FROZEN));
        assert_eq!(count(&page), (8, 7));
        truncate(&mut page, BlockNumber(3));
        assert_eq!(count(&page), (3, 2));
        assert_eq!(bits(&page, BlockNumber(2)), ALL_VISIBLE);
    }
}
