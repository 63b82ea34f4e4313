//! The counters that a checkpoint record carries.

use base::{MultiXactId, Oid, Xid};

/// Where numbering goes on, and which ids are the oldest still in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    pub next_xid: Xid,
    pub next_oid: Oid,
    pub next_multi: MultiXactId,
    pub next_multi_offset: u32,
    /// Smallest datfrozenxid of all databases, and a database that has it.
    pub oldest_xid: Xid,
    pub oldest_xid_database: Oid,
    /// Smallest datminmxid of all databases, and a database that has it.
    pub oldest_multi: MultiXactId,
    pub oldest_multi_database: Oid,
}

impl Counters {
    /// What initdb starts from.
    pub fn initial() -> Counters {
        Counters {
            next_xid: Xid::FIRST_NORMAL,
            next_oid: Oid(10_000),
            next_multi: MultiXactId::FIRST,
            next_multi_offset: 0,
            oldest_xid: Xid::FIRST_NORMAL,
            oldest_xid_database: Oid(1),
            oldest_multi: MultiXactId::FIRST,
            oldest_multi_database: Oid(1),
        }
    }
}
