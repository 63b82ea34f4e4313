//! What an operation of an access method receives from its session, and what the methods ask of one another.

use crate::{IndexRelation, Relation};
use base::{Oid, Result, Tid, Xid};
use buffer::BufferPool;
use lock::WaitPolicy;
use std::ops::Range;
use std::sync::Arc;
use txn::Transaction;

/// The pool, the transaction, how long locks are waited for, and how TOAST values are found. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub pool: Arc<BufferPool>,
    pub transaction: Arc<Transaction>,
    /// `no_wait` is ignored: operations that may refuse to wait say so by an argument.
    pub wait: WaitPolicy,
    pub toast: Arc<dyn ToastIndex>,
}

/// The index of a TOAST table, on (chunk_id, chunk_seq). The heap does not know the method that keeps it.
pub trait ToastIndex: Send + Sync {
    fn insert(
        &self,
        context: &Context,
        index: &IndexRelation,
        value: Oid,
        chunk: i32,
        tid: Tid,
    ) -> Result<()>;

    /// The chunks of `value` that lie in `chunks`, in order of their number; an update of a TOAST row does not
    /// happen, but dead chunks of a deleted value may still be listed.
    fn chunks(
        &self,
        context: &Context,
        index: &IndexRelation,
        value: Oid,
        chunks: Range<i32>,
    ) -> Result<Vec<(i32, Tid)>>;
}

/// What a dirty look at the tuple behind an index entry tells: committed and uncommitted rows alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirtyView {
    /// No version is live. `all_dead`: dead to every transaction, so the index entry may be killed.
    Dead { all_dead: bool },
    /// Committed, or this transaction's own.
    Live { tid: Tid },
    /// Its inserter or deleter is still running.
    InDoubt { tid: Tid, xid: Xid, speculative_token: Option<u32> },
}

/// A heap as an index sees it.
pub trait HeapView: Send + Sync {
    /// Follows the HOT chain from `root`.
    fn dirty(&self, context: &Context, heap: &Relation, root: Tid) -> Result<DirtyView>;

    /// Which of the roots are dead to everybody (all versions of the chain), and the newest xid whose removal
    /// that implies, for the conflict horizon. `roots` comes sorted.
    fn dead_to_all(&self, context: &Context, heap: &Relation, roots: &[Tid]) -> Result<(Vec<bool>, Xid)>;
}
