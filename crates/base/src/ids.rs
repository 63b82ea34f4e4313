//! Identifiers, each a type of its own.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
    (decimal $(#[$doc:meta])* $name:ident($inner:ty)) => {
        id!($(#[$doc])* $name($inner));
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

id!(decimal /** An object identifier; 0 is no object. */ Oid(u32));
id!(decimal
    /** A transaction id with its epoch: 64 bits that never wrap. At a page's edge it shrinks to 32 bits
    ([`Xid::low`]) and grows back relative to a newer one ([`Xid::widen`]). */
    Xid(u64));
id!(decimal /** A multixact id, 32 bits as stored; wraps. 0 is invalid. */ MultiXactId(u32));
id!(decimal /** The number of a command within its transaction. */ CommandId(u32));
id!(decimal /** The number of an 8 kB block within a fork. */ BlockNumber(u32));
id!(decimal /** The number of a line pointer within a page, from 1. */ OffsetNumber(u16));
id!(decimal /** A WAL timeline, from 1. */ TimelineId(u32));
id!(/** A byte position in the WAL. */ Lsn(u64));

/// Bytes in a page, and so in a block on disk.
pub const PAGE_SIZE: usize = 8192;

impl Oid {
    pub const INVALID: Oid = Oid(0);

    pub fn is_valid(self) -> bool {
        self.0 != 0
    }

    /// `None` for 0, which catalogs store for "no object".
    pub fn some(self) -> Option<Oid> {
        self.is_valid().then_some(self)
    }
}

impl Xid {
    pub const INVALID: Xid = Xid(0);
    /// Initial catalog rows may carry this xid: committed before everything.
    pub const BOOTSTRAP: Xid = Xid(1);
    /// Older than every other transaction and committed.
    pub const FROZEN: Xid = Xid(2);
    pub const FIRST_NORMAL: Xid = Xid(3);

    /// The 32 bits that a page stores.
    pub fn low(self) -> u32 {
        self.0 as u32
    }

    /// 3 and up: handed out to a transaction, subject to visibility rules.
    pub fn is_normal(self) -> bool {
        self.0 >= Self::FIRST_NORMAL.0
    }

    pub fn is_valid(self) -> bool {
        self.0 != 0
    }

    /// The full xid whose low 32 bits are `low` and that lies within 2^31 of `near`.
    /// The special ids 0, 1 and 2 stay themselves.
    pub fn widen(low: u32, near: Xid) -> Xid {
        if low < Self::FIRST_NORMAL.low() {
            return Xid(u64::from(low));
        }
        let distance = low.wrapping_sub(near.low()) as i32;
        Xid(near.0.wrapping_add_signed(i64::from(distance)))
    }

    /// The next id, skipping those whose low half is special.
    pub fn next(self) -> Xid {
        let next = self.0 + 1;
        if (next as u32) < Self::FIRST_NORMAL.low() { Xid((next & !0xffff_ffff) + 3) } else { Xid(next) }
    }

    /// The id before, skipping those whose low half is special.
    pub fn previous(self) -> Xid {
        let previous = self.0 - 1;
        if (previous as u32) < Self::FIRST_NORMAL.low() {
            Xid((previous & !0xffff_ffff).saturating_sub(1))
        } else {
            Xid(previous)
        }
    }
}

impl MultiXactId {
    pub const INVALID: MultiXactId = MultiXactId(0);
    pub const FIRST: MultiXactId = MultiXactId(1);

    /// Modular order: `self` was handed out before `other`.
    pub fn precedes(self, other: MultiXactId) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }
}

impl BlockNumber {
    /// No block, or "a new one at the end".
    pub const INVALID: BlockNumber = BlockNumber(u32::MAX);

    pub fn next(self) -> BlockNumber {
        BlockNumber(self.0 + 1)
    }
}

impl OffsetNumber {
    pub const INVALID: OffsetNumber = OffsetNumber(0);
    pub const FIRST: OffsetNumber = OffsetNumber(1);
}

impl Lsn {
    pub const INVALID: Lsn = Lsn(0);

    pub fn is_valid(self) -> bool {
        self.0 != 0
    }
}

impl fmt::Display for Lsn {
    /// PostgreSQL's notation: two hexadecimal halves, as in `0/16B3748`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 as u32)
    }
}

/// The place of a tuple within a relation: block and line pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid {
    pub block: BlockNumber,
    pub offset: OffsetNumber,
}

impl Tid {
    pub const INVALID: Tid = Tid { block: BlockNumber::INVALID, offset: OffsetNumber::INVALID };

    pub fn new(block: u32, offset: u16) -> Tid {
        Tid { block: BlockNumber(block), offset: OffsetNumber(offset) }
    }

    /// Six bytes as PostgreSQL stores them: block high half, block low half, offset, each little-endian.
    pub fn to_bytes(self) -> [u8; 6] {
        let [a, b, c, d] = self.block.0.to_le_bytes();
        let [e, f] = self.offset.0.to_le_bytes();
        [c, d, a, b, e, f]
    }

    pub fn from_bytes(bytes: [u8; 6]) -> Tid {
        let [c, d, a, b, e, f] = bytes;
        Tid::new(u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f]))
    }
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.block, self.offset)
    }
}

/// Which files a relation's data is in: tablespace, database (0 for shared relations), file number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelFileLocator {
    pub tablespace: Oid,
    pub database: Oid,
    pub number: Oid,
}

impl fmt::Display for RelFileLocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tablespace, self.database, self.number)
    }
}

/// The files of one relation, numbered as in WAL records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Fork {
    Main = 0,
    FreeSpaceMap = 1,
    VisibilityMap = 2,
    Init = 3,
}

impl Fork {
    pub const ALL: [Fork; 4] = [Fork::Main, Fork::FreeSpaceMap, Fork::VisibilityMap, Fork::Init];

    /// The suffix of the file name, after an underscore; none for the main fork.
    pub fn suffix(self) -> Option<&'static str> {
        match self {
            Fork::Main => None,
            Fork::FreeSpaceMap => Some("fsm"),
            Fork::VisibilityMap => Some("vm"),
            Fork::Init => Some("init"),
        }
    }

    pub fn from_number(number: u8) -> Option<Fork> {
        Fork::ALL.get(usize::from(number)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widen_stays_within_half_the_ring() {
        let near = Xid((5 << 32) | 10);
        assert_eq!(Xid::widen(9, near), Xid((5 << 32) | 9));
        assert_eq!(Xid::widen(0xffff_fff0, near), Xid((4 << 32) | 0xffff_fff0));
        assert_eq!(Xid::widen(2, near), Xid::FROZEN);
    }

    #[test]
    fn next_and_previous_skip_special_ids() {
        assert_eq!(Xid(0xffff_ffff).next(), Xid((1 << 32) | 3));
        assert_eq!(Xid((1 << 32) | 3).previous(), Xid(0xffff_ffff));
    }

    #[test]
    fn tid_round_trip() {
        let tid = Tid::new(0x0102_0304, 0x0506);
        assert_eq!(tid.to_bytes(), [0x02, 0x01, 0x04, 0x03, 0x06, 0x05]);
        assert_eq!(Tid::from_bytes(tid.to_bytes()), tid);
    }
}
