//! Sessions, transactions, cursors, COPY, EXPLAIN, maintenance.

use super::*;

/// SET and RESET in all their forms.
#[derive(Clone, Debug, PartialEq)]
pub struct SetStatement {
    pub local: bool,
    pub action: SetAction,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SetAction {
    /// Values are constants, or a cast of one to interval for SET TIME ZONE INTERVAL.
    Value {
        name: String,
        values: Vec<Expr>,
    },
    Default {
        name: String,
    },
    /// `SET name FROM CURRENT`
    FromCurrent {
        name: String,
    },
    Reset {
        name: String,
    },
    ResetAll,
    /// SET TRANSACTION
    Transaction(Vec<TransactionMode>),
    /// SET SESSION CHARACTERISTICS AS TRANSACTION
    SessionCharacteristics(Vec<TransactionMode>),
    TransactionSnapshot(String),
}

#[derive(Clone, Debug, PartialEq)]
pub enum ShowStatement {
    Name(String),
    All,
}

/// SET CONSTRAINTS; no names: ALL.
#[derive(Clone, Debug, PartialEq)]
pub struct SetConstraints {
    pub constraints: Vec<RelationName>,
    pub deferred: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TransactionMode {
    Isolation { level: IsolationLevel, location: usize },
    ReadOnly { read_only: bool, location: usize },
    Deferrable { deferrable: bool, location: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsolationLevel {
    ReadUncommitted,
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TransactionStatement {
    Begin(Vec<TransactionMode>),
    /// START TRANSACTION
    Start(Vec<TransactionMode>),
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    Savepoint {
        name: String,
        location: usize,
    },
    Release {
        name: String,
        location: usize,
    },
    RollbackTo {
        name: String,
        location: usize,
    },
    Prepare {
        gid: String,
        location: usize,
    },
    CommitPrepared {
        gid: String,
        location: usize,
    },
    RollbackPrepared {
        gid: String,
        location: usize,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeclareCursor {
    pub name: String,
    pub binary: bool,
    /// None: not said.
    pub scroll: Option<bool>,
    /// Both words written together are refused later, as in PostgreSQL.
    pub no_scroll_and_scroll: bool,
    pub insensitive: bool,
    pub asensitive: bool,
    pub hold: bool,
    pub query: SelectStatement,
}

/// FETCH and MOVE.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    pub cursor: String,
    pub direction: FetchDirection,
    /// None: ALL.
    pub count: Option<i64>,
    pub move_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchDirection {
    Forward,
    Backward,
    Absolute,
    Relative,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ClosePortal {
    Name(String),
    All,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Prepare {
    pub name: String,
    pub types: Vec<TypeName>,
    pub query: Box<Statement>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Execute {
    pub name: String,
    pub params: Vec<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Deallocate {
    Name { name: String, location: usize },
    All,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    pub source: CopySource,
    pub from: bool,
    pub target: CopyTarget,
    /// Old and new syntax alike, with the new one's names; FORCE_* take lists or `*`.
    pub options: Vec<OptionItem>,
    pub where_clause: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CopySource {
    Relation { relation: RelationName, columns: Vec<String> },
    Query { query: Box<Statement>, location: usize },
}

#[derive(Clone, Debug, PartialEq)]
pub enum CopyTarget {
    /// STDIN or STDOUT
    Client,
    File(String),
    Program(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Explain {
    pub query: Box<Statement>,
    pub options: Vec<OptionItem>,
}

/// VACUUM and ANALYZE.
#[derive(Clone, Debug, PartialEq)]
pub struct Vacuum {
    pub analyze_only: bool,
    pub options: Vec<OptionItem>,
    /// Empty: the whole database.
    pub relations: Vec<VacuumRelation>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct VacuumRelation {
    pub relation: RelationName,
    pub columns: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    pub relation: Option<RelationName>,
    pub index: Option<String>,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Reindex {
    pub target: ReindexTarget,
    /// CONCURRENTLY is the option `concurrently`.
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ReindexTarget {
    Index(RelationName),
    Table(RelationName),
    Schema(String),
    System(Option<String>),
    Database(Option<String>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct LockTable {
    pub relations: Vec<RelationName>,
    pub mode: LockMode,
    pub nowait: bool,
}

/// Table locks in ascending order, numbered as in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    AccessShare = 1,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Truncate {
    pub relations: Vec<RelationName>,
    pub restart_identity: bool,
    pub behavior: DropBehavior,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Notify {
    pub channel: String,
    pub payload: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discard {
    All,
    Plans,
    Sequences,
    Temp,
}

/// DO: `as` (the code) and `language`, in the order written.
#[derive(Clone, Debug, PartialEq)]
pub struct Do {
    pub options: Vec<OptionItem>,
}
