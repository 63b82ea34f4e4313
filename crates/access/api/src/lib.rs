//! What an access method is: relations as the access methods see them, keys and their order. See README.md.
#![forbid(unsafe_code)]

mod context;

pub use context::{Context, DirtyView, HeapView, ToastIndex};

use base::{Oid, RelFileLocator, Tid};
use datum::{Attribute, Datum, TupleDesc};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// Whether changes reach the WAL and who sees the relation: pg_class.relpersistence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Permanent,
    Unlogged,
    Temporary,
}

/// A relation with storage, as access methods see it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Relation {
    pub oid: Oid,
    /// The database it belongs to; 0 for shared relations.
    pub database: Oid,
    pub name: Arc<str>,
    pub locator: RelFileLocator,
    pub persistence: Persistence,
    /// A catalog: pg_class.oid below 16384 in pg_catalog. Horizons for pruning differ.
    pub is_catalog: bool,
    pub desc: Arc<TupleDesc>,
    /// Percent of a page that inserts fill: reloption fillfactor or the method's default.
    pub fillfactor: u8,
    /// Its TOAST table, if it has one.
    pub toast: Option<Arc<ToastRelation>>,
}

/// A TOAST table with its one index.
#[derive(Clone, Debug)]
pub struct ToastRelation {
    pub heap: Relation,
    pub index: IndexRelation,
}

/// Total order of the values of one key column's type, nulls apart. Cross-type orders compare a stored value on
/// the left with a search value of another type on the right.
pub trait KeyOrder: Send + Sync {
    fn compare(&self, stored: Datum<'_>, other: Datum<'_>) -> Ordering;

    /// Bytes equal exactly when values are equal, so that a B-tree may deduplicate (opclass `equalimage`).
    fn equal_image(&self) -> bool {
        false
    }

    /// Eight bytes in the same order: a < b implies `prefix(a) <= prefix(b)`. Sorting compares these first.
    fn prefix(&self, _value: Datum<'_>) -> u64 {
        0
    }

    /// Equal prefixes mean equal values.
    fn prefix_decides(&self) -> bool {
        false
    }

    /// Values are integers of fixed length, in this order.
    fn integer(&self) -> Option<IntegerOrder> {
        None
    }

    /// Values are byte strings in the order of their bytes: what all values begin with may be left out of what
    /// [`KeyOrder::prefix`] is asked for.
    fn bytewise(&self) -> bool {
        false
    }
}

/// How the little-endian bytes of a value count as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegerOrder {
    Signed,
    Unsigned,
}

/// One key column of an index.
#[derive(Clone)]
pub struct IndexKey {
    pub order: Arc<dyn KeyOrder>,
    pub collation: Oid,
    pub descending: bool,
    pub nulls_first: bool,
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IndexKey { collation, descending, nulls_first, order: _ } = self;
        write!(
            f,
            "IndexKey {{ collation: {collation}, descending: {descending}, nulls_first: {nulls_first} }}"
        )
    }
}

/// An index as its access method sees it. `relation.desc` describes the index tuple: key columns, then included ones.
#[derive(Clone, Debug)]
pub struct IndexRelation {
    pub relation: Relation,
    pub keys: Arc<[IndexKey]>,
    pub unique: bool,
    pub nulls_not_distinct: bool,
    /// Checked at insertion; false for a deferrable constraint, which is checked later.
    pub immediate: bool,
    pub deduplicate: bool,
}

impl IndexRelation {
    pub fn attributes(&self) -> &[Attribute] {
        self.relation.desc.attributes()
    }
}

/// How a scan key constrains a key column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    Less,
    LessEqual,
    Equal,
    GreaterEqual,
    Greater,
    IsNull,
    IsNotNull,
}

/// `column OP value` for one key column (counted from 0); several on one column are ANDed.
/// `values` has one element, or any number for `= ANY`; `None` elements (NULL) match nothing. `order` compares the
/// stored column with these values, whose type may differ from the column's.
#[derive(Clone)]
pub struct ScanKey {
    pub column: usize,
    pub strategy: Strategy,
    pub values: Vec<Option<datum::OwnedDatum>>,
    pub order: Arc<dyn KeyOrder>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Backward,
}

/// A row found by an index: where its heap tuple is.
pub type IndexMatch = Tid;
