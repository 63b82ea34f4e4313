//! Tables, indexes, views, sequences, constraints and ALTER TABLE.

use super::*;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnCommit {
    #[default]
    Noop,
    PreserveRows,
    DeleteRows,
    Drop,
}

/// CREATE TABLE and CREATE FOREIGN TABLE.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    pub relation: RelationName,
    pub persistence: Persistence,
    pub if_not_exists: bool,
    pub elements: Vec<TableElement>,
    pub inherits: Vec<RelationName>,
    /// `OF type`
    pub of_type: Option<TypeName>,
    pub partition_of: Option<(RelationName, PartitionBound)>,
    pub partition_by: Option<PartitionBy>,
    pub access_method: Option<String>,
    pub options: Vec<OptionItem>,
    pub on_commit: OnCommit,
    pub tablespace: Option<String>,
    /// Set for CREATE FOREIGN TABLE.
    pub foreign: Option<ForeignTable>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ForeignTable {
    pub server: String,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TableElement {
    Column(Box<ColumnDefinition>),
    Like(LikeClause),
    Constraint(Box<Constraint>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefinition {
    pub name: String,
    /// None for the columns of typed tables and partitions.
    pub type_name: Option<TypeName>,
    /// `default` comes as written.
    pub storage: Option<String>,
    pub compression: Option<String>,
    pub foreign_options: Vec<OptionItem>,
    pub collation: Option<(ObjectName, usize)>,
    /// In the order written; the attributes DEFERRABLE, ENFORCED, ... are already merged into the one before.
    pub constraints: Vec<Constraint>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LikeClause {
    pub relation: RelationName,
    /// In the order written: (INCLUDING?, what).
    pub options: Vec<(bool, LikeOption)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikeOption {
    Comments,
    Compression,
    Constraints,
    Defaults,
    Identity,
    Generated,
    Indexes,
    Statistics,
    Storage,
    All,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    pub name: Option<String>,
    pub kind: ConstraintKind,
    pub deferrable: bool,
    pub initially_deferred: bool,
    pub no_inherit: bool,
    /// NOT VALID: existing rows are not checked.
    pub not_valid: bool,
    pub not_enforced: bool,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ConstraintKind {
    Null,
    /// With a column only as a table constraint.
    NotNull {
        column: Option<String>,
    },
    Default(Expr),
    Check(Expr),
    Identity {
        always: bool,
        options: Vec<OptionItem>,
    },
    /// `always` is always true: the parser has refused the other.
    Generated {
        expr: Expr,
        stored: bool,
    },
    Unique(Box<IndexConstraint>),
    Primary(Box<IndexConstraint>),
    Exclude(Box<ExcludeConstraint>),
    Foreign(Box<ForeignKey>),
}

/// What UNIQUE and PRIMARY KEY share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexConstraint {
    /// Empty as a column constraint or with USING INDEX.
    pub columns: Vec<String>,
    pub without_overlaps: bool,
    pub nulls_not_distinct: bool,
    pub include: Vec<String>,
    pub options: Vec<OptionItem>,
    pub tablespace: Option<String>,
    /// `USING INDEX name`
    pub existing_index: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ExcludeConstraint {
    pub access_method: Option<String>,
    pub elements: Vec<(IndexElement, OperatorName)>,
    pub include: Vec<String>,
    pub options: Vec<OptionItem>,
    pub tablespace: Option<String>,
    pub where_clause: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKey {
    /// Empty as a column constraint.
    pub columns: Vec<String>,
    /// The last of `columns` is a PERIOD.
    pub with_period: bool,
    pub relation: RelationName,
    pub referenced: Vec<String>,
    pub referenced_period: bool,
    pub match_full: bool,
    pub on_update: ForeignKeyAction,
    pub on_delete: ForeignKeyAction,
    /// `ON DELETE SET NULL (columns)`
    pub on_delete_columns: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForeignKeyAction {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionBy {
    /// As written; the parser does not judge it.
    pub strategy: String,
    pub elements: Vec<PartitionElement>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionElement {
    pub key: ColumnOrExpr,
    pub collation: Option<ObjectName>,
    pub operator_class: Option<ObjectName>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ColumnOrExpr {
    Column(String),
    Expr(Expr),
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionBound {
    pub kind: PartitionBoundKind,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PartitionBoundKind {
    Default,
    Hash {
        modulus: i32,
        remainder: i32,
    },
    List(Vec<Expr>),
    /// MINVALUE and MAXVALUE come as column references of that name.
    Range {
        from: Vec<Expr>,
        to: Vec<Expr>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTableAs {
    pub into: IntoClause,
    pub materialized_view: bool,
    pub if_not_exists: bool,
    /// A SELECT or an EXECUTE.
    pub query: Box<Statement>,
    pub with_data: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RefreshMaterializedView {
    pub relation: RelationName,
    pub concurrently: bool,
    pub with_data: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateView {
    pub relation: RelationName,
    pub persistence: Persistence,
    pub or_replace: bool,
    pub columns: Vec<String>,
    pub options: Vec<OptionItem>,
    /// CREATE RECURSIVE VIEW arrives already written out as WITH RECURSIVE.
    pub query: SelectStatement,
    pub check_option: Option<CheckOption>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOption {
    Local,
    Cascaded,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateIndex {
    pub name: Option<String>,
    pub relation: RelationName,
    pub unique: bool,
    pub concurrently: bool,
    pub if_not_exists: bool,
    pub access_method: Option<String>,
    pub elements: Vec<IndexElement>,
    pub include: Vec<IndexElement>,
    pub nulls_not_distinct: bool,
    pub options: Vec<OptionItem>,
    pub tablespace: Option<String>,
    pub where_clause: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IndexElement {
    pub key: ColumnOrExpr,
    pub collation: Option<ObjectName>,
    pub operator_class: Option<ObjectName>,
    pub operator_class_options: Vec<OptionItem>,
    pub descending: Option<bool>,
    pub nulls_first: Option<bool>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateSequence {
    pub relation: RelationName,
    pub persistence: Persistence,
    pub if_not_exists: bool,
    /// Named as in `pg_dump`'s words: as, cache, cycle, increment, maxvalue, minvalue, owned_by, start, restart, ...
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterSequence {
    pub relation: RelationName,
    pub if_exists: bool,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateStatistics {
    pub name: Option<ObjectName>,
    pub if_not_exists: bool,
    pub kinds: Vec<String>,
    pub elements: Vec<ColumnOrExpr>,
    pub from: Vec<TableRef>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterStatistics {
    pub name: ObjectName,
    pub if_exists: bool,
    /// None: DEFAULT.
    pub target: Option<i32>,
}

/// ALTER TABLE, INDEX, SEQUENCE, VIEW, MATERIALIZED VIEW, FOREIGN TABLE and TYPE (attributes).
#[derive(Clone, Debug, PartialEq)]
pub struct AlterTable {
    pub object_type: ObjectType,
    pub relation: RelationName,
    pub if_exists: bool,
    pub commands: Vec<AlterTableCommand>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AlterTableCommand {
    AddColumn {
        column: Box<ColumnDefinition>,
        if_not_exists: bool,
    },
    DropColumn {
        name: String,
        if_exists: bool,
        behavior: DropBehavior,
    },
    /// SET DEFAULT; None: DROP DEFAULT.
    ColumnDefault {
        column: String,
        default: Option<Expr>,
    },
    SetNotNull {
        column: String,
    },
    DropNotNull {
        column: String,
    },
    SetExpression {
        column: String,
        expr: Expr,
    },
    DropExpression {
        column: String,
        if_exists: bool,
    },
    /// None: DEFAULT.
    SetStatistics {
        column: ColumnId,
        target: Option<i32>,
    },
    SetColumnOptions {
        column: String,
        options: Vec<OptionItem>,
    },
    ResetColumnOptions {
        column: String,
        options: Vec<OptionItem>,
    },
    SetStorage {
        column: String,
        storage: String,
    },
    SetCompression {
        column: String,
        compression: String,
    },
    AddIdentity {
        column: String,
        always: bool,
        options: Vec<OptionItem>,
        location: usize,
    },
    /// Options are restart, generated (`a` or `d` as text) and those of sequences.
    SetIdentity {
        column: String,
        options: Vec<OptionItem>,
    },
    DropIdentity {
        column: String,
        if_exists: bool,
    },
    AlterColumnType {
        column: String,
        type_name: TypeName,
        collation: Option<ObjectName>,
        using: Option<Expr>,
        behavior: DropBehavior,
        location: usize,
    },
    ColumnForeignOptions {
        column: String,
        options: Vec<OptionItem>,
    },
    AddConstraint(Box<Constraint>),
    AlterConstraint(AlterConstraint),
    ValidateConstraint {
        name: String,
    },
    DropConstraint {
        name: String,
        if_exists: bool,
        behavior: DropBehavior,
    },
    SetWithoutOids,
    ClusterOn {
        index: String,
    },
    SetWithoutCluster,
    SetLogged,
    SetUnlogged,
    Trigger {
        target: TriggerTarget,
        firing: TriggerFiring,
    },
    Rule {
        name: String,
        firing: TriggerFiring,
    },
    Inherit(RelationName),
    NoInherit(RelationName),
    OfType(TypeName),
    NotOf,
    OwnerTo(Role),
    /// None: DEFAULT.
    SetAccessMethod(Option<String>),
    SetTablespace(String),
    SetOptions(Vec<OptionItem>),
    ResetOptions(Vec<OptionItem>),
    ReplicaIdentity(ReplicaIdentity),
    RowSecurity {
        enable: bool,
    },
    ForceRowSecurity {
        force: bool,
    },
    ForeignOptions(Vec<OptionItem>),
    AttachPartition {
        partition: RelationName,
        bound: Option<PartitionBound>,
    },
    DetachPartition {
        partition: RelationName,
        concurrently: bool,
        finalize: bool,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum ColumnId {
    Name(String),
    Number(i16),
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterConstraint {
    pub name: String,
    /// (deferrable, initially deferred), when mentioned.
    pub deferrability: Option<(bool, bool)>,
    pub enforced: Option<bool>,
    /// `Some(true)`: NO INHERIT; `Some(false)`: INHERIT.
    pub no_inherit: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TriggerTarget {
    Name(String),
    All,
    User,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerFiring {
    Enable,
    EnableAlways,
    EnableReplica,
    Disable,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ReplicaIdentity {
    Nothing,
    Full,
    Default,
    Index(String),
}

/// `ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b`
#[derive(Clone, Debug, PartialEq)]
pub struct AlterTableMoveAll {
    pub object_type: ObjectType,
    pub from: String,
    pub owned_by: Vec<Role>,
    pub to: String,
    pub nowait: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTrigger {
    pub name: String,
    pub or_replace: bool,
    pub constraint: bool,
    pub relation: RelationName,
    pub timing: TriggerTiming,
    pub events: TriggerEvents,
    /// UPDATE OF columns
    pub columns: Vec<String>,
    pub transitions: Vec<TransitionTable>,
    pub for_each_row: bool,
    pub when: Option<Expr>,
    pub function: ObjectName,
    pub args: Vec<String>,
    pub constraint_from: Option<RelationName>,
    pub deferrable: bool,
    pub initially_deferred: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerTiming {
    Before,
    After,
    InsteadOf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TriggerEvents {
    pub insert: bool,
    pub update: bool,
    pub delete: bool,
    pub truncate: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TransitionTable {
    pub name: String,
    pub new: bool,
    pub table: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateRule {
    pub name: String,
    pub or_replace: bool,
    pub event: RuleEvent,
    pub relation: RelationName,
    pub where_clause: Option<Expr>,
    pub instead: bool,
    /// Empty: NOTHING.
    pub actions: Vec<Statement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleEvent {
    Select,
    Update,
    Delete,
    Insert,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatePolicy {
    pub name: String,
    pub relation: RelationName,
    pub permissive: bool,
    pub command: PolicyCommand,
    pub roles: Vec<Role>,
    pub using: Option<Expr>,
    pub with_check: Option<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyCommand {
    All,
    Select,
    Insert,
    Update,
    Delete,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPolicy {
    pub name: String,
    pub relation: RelationName,
    /// None: unchanged.
    pub roles: Option<Vec<Role>>,
    pub using: Option<Expr>,
    pub with_check: Option<Expr>,
}
