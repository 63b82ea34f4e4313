//! Resource managers: which part of the system a record belongs to.

/// The number of a resource manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RmgrId(pub u8);

macro_rules! rmgrs {
    ($($constant:ident = $id:literal $name:literal;)*) => {
        impl RmgrId {
            $(pub const $constant: RmgrId = RmgrId($id);)*

            /// The name pg_waldump shows, for PostgreSQL's own managers.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($id => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

rmgrs! {
    XLOG = 0 "XLOG";
    TRANSACTION = 1 "Transaction";
    STORAGE = 2 "Storage";
    CLOG = 3 "CLOG";
    DATABASE = 4 "Database";
    TABLESPACE = 5 "Tablespace";
    MULTIXACT = 6 "MultiXact";
    RELMAP = 7 "RelMap";
    STANDBY = 8 "Standby";
    HEAP2 = 9 "Heap2";
    HEAP = 10 "Heap";
    BTREE = 11 "Btree";
    HASH = 12 "Hash";
    GIN = 13 "Gin";
    GIST = 14 "Gist";
    SEQUENCE = 15 "Sequence";
    SPGIST = 16 "SPGist";
    BRIN = 17 "BRIN";
    COMMIT_TS = 18 "CommitTs";
    REPLICATION_ORIGIN = 19 "ReplicationOrigin";
    GENERIC = 20 "Generic";
    LOGICAL_MESSAGE = 21 "LogicalMessage";
}

impl RmgrId {
    /// Ids from here on belong to extensions.
    pub const FIRST_CUSTOM: RmgrId = RmgrId(128);

    pub fn is_valid(self) -> bool {
        self.name().is_some() || self >= Self::FIRST_CUSTOM
    }
}
