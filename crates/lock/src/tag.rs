//! What can be locked.

use base::{BlockNumber, Oid, Tid, Xid};
use std::fmt;

/// Names a transaction before, and whether or not, it has an xid: the session's number and a counter of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualXid {
    pub backend: u32,
    /// From 1; 0 means that no transaction is under way.
    pub local: u32,
}

impl fmt::Display for VirtualXid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.local)
    }
}

/// A lockable thing, in PostgreSQL's kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockTag {
    /// A whole relation; database 0 for shared ones.
    Relation {
        database: Oid,
        relation: Oid,
    },
    /// The right to extend a relation.
    RelationExtend {
        database: Oid,
        relation: Oid,
    },
    /// `pg_database.datfrozenxid`.
    DatabaseFrozenIds {
        database: Oid,
    },
    Page {
        database: Oid,
        relation: Oid,
        block: BlockNumber,
    },
    Tuple {
        database: Oid,
        relation: Oid,
        tid: Tid,
    },
    /// Held by a transaction over its own xid, so that others can wait for its end.
    Transaction(Xid),
    VirtualTransaction(VirtualXid),
    SpeculativeToken {
        xid: Xid,
        token: u32,
    },
    /// A database object that is no relation.
    Object {
        database: Oid,
        class: Oid,
        object: Oid,
        sub: u16,
    },
    /// `kind` is 1 for one 64-bit key and 2 for two 32-bit keys.
    Advisory {
        database: Oid,
        high: u32,
        low: u32,
        kind: u16,
    },
    ApplyTransaction {
        database: Oid,
        subscription: Oid,
        xid: u32,
        object: u16,
    },
}

impl LockTag {
    pub fn relation(database: Oid, relation: Oid) -> LockTag {
        LockTag::Relation { database, relation }
    }

    /// The tag of `pg_advisory_lock(bigint)`.
    pub fn advisory_key(database: Oid, key: i64) -> LockTag {
        LockTag::Advisory { database, high: (key as u64 >> 32) as u32, low: key as u32, kind: 1 }
    }

    /// The tag of `pg_advisory_lock(integer, integer)`.
    pub fn advisory_pair(database: Oid, a: i32, b: i32) -> LockTag {
        LockTag::Advisory { database, high: a as u32, low: b as u32, kind: 2 }
    }

    /// As `pg_locks.locktype` spells it.
    pub fn type_name(&self) -> &'static str {
        match self {
            LockTag::Relation { .. } => "relation",
            LockTag::RelationExtend { .. } => "extend",
            LockTag::DatabaseFrozenIds { .. } => "frozenid",
            LockTag::Page { .. } => "page",
            LockTag::Tuple { .. } => "tuple",
            LockTag::Transaction(_) => "transactionid",
            LockTag::VirtualTransaction(_) => "virtualxid",
            LockTag::SpeculativeToken { .. } => "spectoken",
            LockTag::Object { .. } => "object",
            LockTag::Advisory { .. } => "advisory",
            LockTag::ApplyTransaction { .. } => "applytransaction",
        }
    }
}

impl fmt::Display for LockTag {
    /// As in the DETAIL of deadlock reports and in log_lock_waits lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockTag::Relation { database, relation } => {
                write!(f, "relation {relation} of database {database}")
            }
            LockTag::RelationExtend { database, relation } => {
                write!(f, "extension of relation {relation} of database {database}")
            }
            LockTag::DatabaseFrozenIds { database } => {
                write!(f, "pg_database.datfrozenxid of database {database}")
            }
            LockTag::Page { database, relation, block } => {
                write!(f, "page {block} of relation {relation} of database {database}")
            }
            LockTag::Tuple { database, relation, tid } => {
                write!(f, "tuple {tid} of relation {relation} of database {database}")
            }
            LockTag::Transaction(xid) => write!(f, "transaction {}", xid.low()),
            LockTag::VirtualTransaction(vxid) => write!(f, "virtual transaction {vxid}"),
            LockTag::SpeculativeToken { xid, token } => {
                write!(f, "speculative token {token} of transaction {}", xid.low())
            }
            LockTag::Object { database, class, object, .. } => {
                write!(f, "object {object} of class {class} of database {database}")
            }
            LockTag::Advisory { database, high, low, kind } => {
                write!(f, "advisory lock [{database},{high},{low},{kind}]")
            }
            LockTag::ApplyTransaction { database, subscription, xid, .. } => {
                write!(f, "remote transaction {xid} of subscription {subscription} of database {database}")
            }
        }
    }
}
