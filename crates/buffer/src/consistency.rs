//! wal_consistency_checking: what redo has made is compared with the image that the forward path logged.

use crate::frame::Tag;
use crate::pool::ReadMode;
use crate::redo::{RedoContext, ResourceManager};
use base::{Error, Result, Severity, SqlState};
use storage::Page;
use wal::{CHECK_CONSISTENCY, Record};

/// Compares the blocks of a record just replayed with its images, if it has them for that.
///
/// # Errors
/// FATAL `XX000` naming the block and the record when a page differs.
pub fn check_consistency(
    context: &RedoContext<'_>,
    manager: &dyn ResourceManager,
    record: &Record<'_>,
) -> Result<()> {
    if record.info & CHECK_CONSISTENCY == 0 {
        return Ok(());
    }
    for block in &record.blocks {
        let Some(image) = block.image else { continue };
        // Dropped or cut by a later record that was replayed in an earlier life.
        if !context.pool.files().exists(block.locator, block.fork)?
            || block.block >= context.pool.block_count(block.locator, block.fork)?
        {
            continue;
        }
        let tag = Tag { locator: block.locator, fork: block.fork, block: block.block };
        let pin = context.pool.pin_mode(tag, ReadMode::Normal)?;
        let mut replayed: Box<Page> = Box::new(pin.read().clone());
        // Changed by later records in an earlier life: nothing to compare with.
        if replayed.lsn() > record.end {
            continue;
        }
        let mut expected = Page::zeroed();
        image.restore(&mut expected)?;
        for page in [&mut replayed, &mut expected] {
            page.set_lsn(base::Lsn(0));
            page.set_checksum(0);
            manager.mask(page, block.block, block.fork);
        }
        if replayed.bytes() != expected.bytes() {
            let offset = replayed.bytes().iter().zip(expected.bytes()).position(|(a, b)| a != b);
            return Err(Error::new(
                SqlState::INTERNAL_ERROR,
                format!(
                    "inconsistent page found, rel {}, forknum {}, blkno {}",
                    block.locator, block.fork as u8, block.block
                ),
            )
            .detail(format!(
                "WAL record at {} for {}, info {:02X}; the first difference is at byte {}.",
                record.lsn,
                manager.name(),
                record.info,
                offset.unwrap_or(0)
            ))
            .severity(Severity::Fatal));
        }
    }
    Ok(())
}
