//! A sequence's only page: one tuple (last_value, log_cnt, is_called), which is overwritten in place, and a magic
//! number in the special area. The record of the Sequence resource manager makes the whole page anew.

use base::bytes::Reader;
use base::{BlockNumber, Error, Fork, Oid, RelFileLocator, Result, Xid};
use buffer::{BufferPool, Logging, Pin, RedoContext, Registered, ResourceManager, Strategy};
use std::sync::Arc;
use storage::Page;
use wal::{Change, Record, RecordWriter, RmgrId};

const MAGIC: u32 = 0x1717;
const LOG: u8 = 0x00;
const FIRST: base::OffsetNumber = base::OffsetNumber(1);
/// Header of 24 bytes, two bigints and a boolean.
const TUPLE_SIZE: usize = 41;
const DATA: usize = 24;

/// What the tuple says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub last_value: i64,
    /// How many values may still be handed out without a record.
    pub log_count: i64,
    pub is_called: bool,
}

impl State {
    fn tuple(self) -> Vec<u8> {
        let mut tuple = vec![0; TUPLE_SIZE];
        // Frozen from the start: VACUUM does not come by.
        tuple[0..4].copy_from_slice(&2u32.to_le_bytes());
        tuple[16..18].copy_from_slice(&1u16.to_le_bytes()); // ctid (0,1)
        tuple[18..20].copy_from_slice(&3u16.to_le_bytes()); // attributes
        tuple[20..22].copy_from_slice(&0x0b00u16.to_le_bytes()); // xmin frozen, xmax invalid
        tuple[22] = DATA as u8;
        self.write(&mut tuple);
        tuple
    }

    fn write(self, tuple: &mut [u8]) {
        tuple[DATA..DATA + 8].copy_from_slice(&self.last_value.to_le_bytes());
        tuple[DATA + 8..DATA + 16].copy_from_slice(&self.log_count.to_le_bytes());
        tuple[DATA + 16] = u8::from(self.is_called);
    }

    fn read(tuple: &[u8]) -> Result<State> {
        let mut reader = Reader::new(tuple.get(DATA..).unwrap_or_default());
        Ok(State { last_value: reader.i64()?, log_count: reader.i64()?, is_called: reader.u8()? != 0 })
    }
}

/// The record: whose page, and the tuple.
struct SequenceLog {
    locator: RelFileLocator,
    tuple: Vec<u8>,
}

impl Change<'_> for SequenceLog {
    const RMGR: RmgrId = RmgrId::SEQUENCE;

    fn info(&self) -> u8 {
        LOG
    }

    fn encode(&self, out: &mut RecordWriter<'_>) {
        for id in [self.locator.tablespace, self.locator.database, self.locator.number] {
            out.main(&id.0.to_le_bytes());
        }
        out.main(&self.tuple);
    }

    fn decode(record: &Record<'_>) -> Result<Self> {
        let mut reader = record.reader();
        let locator = RelFileLocator {
            tablespace: Oid(reader.u32()?),
            database: Oid(reader.u32()?),
            number: Oid(reader.u32()?),
        };
        let tuple = reader.rest().to_vec();
        if tuple.len() < TUPLE_SIZE || tuple.len() > 1024 {
            return Err(Error::corrupted("invalid tuple in a sequence record"));
        }
        Ok(SequenceLog { locator, tuple })
    }

    fn apply(&self, _: u8, page: &mut Page) {
        page.init(4);
        page.special_mut()[..4].copy_from_slice(&MAGIC.to_le_bytes());
        page.add_item(&self.tuple, Some(FIRST), false, false);
    }
}

/// Replays records of the Sequence resource manager.
pub struct SequenceManager;

impl ResourceManager for SequenceManager {
    fn id(&self) -> RmgrId {
        RmgrId::SEQUENCE
    }

    fn name(&self) -> &'static str {
        "Sequence"
    }

    fn redo(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        if record.op() != LOG {
            return Err(Error::corrupted(format!("seq_redo: unknown op code {}", record.op())));
        }
        buffer::redo(context, record, &SequenceLog::decode(record)?)
    }

    fn mask(&self, page: &mut Page, _: BlockNumber, _: Fork) {
        page.set_prune_xid(0);
    }
}

/// Writes the first page of a new sequence.
///
/// # Errors
/// The disk's; PANIC when the log cannot be written.
pub(crate) fn write_first(
    pool: &Arc<BufferPool>,
    locator: RelFileLocator,
    fork: Fork,
    state: State,
    logging: Logging,
) -> Result<()> {
    let pin = pool.extend(locator, fork, Strategy::Normal)?;
    let change = SequenceLog { locator, tuple: state.tuple() };
    let mut page = pin.write();
    pool.change(&change, logging, &mut [Registered::new(&mut page).will_init()])?;
    Ok(())
}

/// The sequence's page.
///
/// # Errors
/// The disk's.
pub(crate) fn pin(pool: &Arc<BufferPool>, locator: RelFileLocator) -> Result<Pin> {
    pool.pin(locator, Fork::Main, BlockNumber(0), Strategy::Normal)
}

/// # Errors
/// `XX000` when the page is no sequence's.
pub(crate) fn read(page: &Page, name: &str) -> Result<State> {
    let special = page.special();
    let magic = special.get(..4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    if magic != Some(MAGIC) {
        return Err(Error::internal(format!(
            "bad magic number in sequence \"{name}\": {:08X}",
            magic.unwrap_or_default()
        )));
    }
    let tuple = page
        .item_checked(FIRST)
        .ok_or_else(|| Error::corrupted(format!("sequence \"{name}\" has no tuple")))?;
    State::read(tuple)
}

/// Puts `now` on the page. With `logged`, a record says so first (it may run ahead of the page: the values between are
/// lost in a crash, and no value comes twice).
///
/// # Errors
/// PANIC when the log cannot be written.
pub(crate) fn write(
    pool: &Arc<BufferPool>,
    locator: RelFileLocator,
    page: &mut buffer::PageWrite<'_>,
    now: State,
    logged: Option<(State, Xid)>,
) -> Result<()> {
    if let Some((ahead, xid)) = logged {
        let change = SequenceLog { locator, tuple: ahead.tuple() };
        let logging = Logging::Logged { xid };
        pool.change(&change, logging, &mut [Registered::new(page).will_init()])?;
    }
    page.change_unlogged(|page| now.write(page.item_mut(FIRST)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_as_postgresql_writes_it() {
        let state = State { last_value: 33, log_count: 0, is_called: true };
        let locator = RelFileLocator::default();
        let mut page = Page::zeroed();
        SequenceLog { locator, tuple: state.tuple() }.apply(0, &mut page);
        assert_eq!(read(&page, "s").unwrap(), state);
        assert_eq!(page.special_offset(), 8184);
        assert_eq!(page.item(FIRST).len(), 41);
        let next = State { last_value: 34, log_count: 32, ..state };
        next.write(page.item_mut(FIRST));
        assert_eq!(read(&page, "s").unwrap(), next);
        assert!(read(&Page::zeroed(), "s").is_err());
    }
}
