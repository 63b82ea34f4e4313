//! SELECT, INSERT, UPDATE, DELETE, MERGE and their clauses.

use super::*;

/// A query: one SELECT, VALUES or set operation, with what stands around it.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectStatement {
    pub with: Option<With>,
    pub body: SelectBody,
    pub order_by: Vec<SortBy>,
    /// None also for LIMIT ALL, which means the same.
    pub limit: Option<Expr>,
    pub with_ties: bool,
    pub offset: Option<Expr>,
    /// Empty for FOR READ ONLY.
    pub locking: Vec<Locking>,
    /// Of the first token of the body.
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SelectBody {
    Select(Box<SimpleSelect>),
    Values(Vec<Vec<Expr>>),
    SetOperation(Box<SetOperation>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct SimpleSelect {
    pub distinct: Option<DistinctClause>,
    pub targets: Vec<Target>,
    pub into: Option<IntoClause>,
    pub from: Vec<TableRef>,
    pub where_clause: Option<Expr>,
    pub group_by: Vec<GroupItem>,
    pub group_distinct: bool,
    pub having: Option<Expr>,
    pub windows: Vec<WindowSpec>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SetOperation {
    pub operator: SetOperator,
    pub all: bool,
    pub left: SelectStatement,
    pub right: SelectStatement,
    /// Of the operator.
    pub location: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOperator {
    Union,
    Intersect,
    Except,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DistinctClause {
    All,
    On(Vec<Expr>),
}

/// One entry of a select list or RETURNING list; `*` and `t.*` are columns with `star`.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub expr: Expr,
    pub alias: Option<String>,
    pub location: usize,
}

/// `SELECT ... INTO` and the target of CREATE TABLE AS and CREATE MATERIALIZED VIEW.
#[derive(Clone, Debug, PartialEq)]
pub struct IntoClause {
    pub relation: RelationName,
    pub persistence: Persistence,
    pub columns: Vec<String>,
    pub access_method: Option<String>,
    pub options: Vec<OptionItem>,
    pub on_commit: OnCommit,
    pub tablespace: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum GroupItem {
    Expr(Expr),
    Empty { location: usize },
    Rollup { items: Vec<Expr>, location: usize },
    Cube { items: Vec<Expr>, location: usize },
    Sets { items: Vec<GroupItem>, location: usize },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Locking {
    pub strength: LockStrength,
    /// OF names; empty means all.
    pub relations: Vec<RelationName>,
    pub wait: LockWait,
}

/// In ascending order of strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockStrength {
    KeyShare,
    Share,
    NoKeyUpdate,
    Update,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockWait {
    #[default]
    Block,
    SkipLocked,
    NoWait,
}

#[derive(Clone, Debug, PartialEq)]
pub struct With {
    pub recursive: bool,
    pub ctes: Vec<CommonTableExpr>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CommonTableExpr {
    pub name: String,
    pub columns: Vec<String>,
    pub materialized: Option<bool>,
    /// SELECT, INSERT, UPDATE, DELETE or MERGE.
    pub query: Box<Statement>,
    pub search: Option<SearchClause>,
    pub cycle: Option<Box<CycleClause>>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SearchClause {
    pub breadth_first: bool,
    pub columns: Vec<String>,
    pub sequence_column: String,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CycleClause {
    pub columns: Vec<String>,
    pub mark_column: String,
    /// TRUE unless written.
    pub mark_value: Expr,
    /// FALSE unless written.
    pub mark_default: Expr,
    pub path_column: String,
    pub location: usize,
}

/// A FROM item.
#[derive(Clone, Debug, PartialEq)]
pub enum TableRef {
    Relation { relation: RelationName, alias: Option<Alias>, sample: Option<Box<TableSample>> },
    Subquery { query: Box<SelectStatement>, lateral: bool, alias: Option<Alias>, location: usize },
    Function(Box<FunctionTable>),
    XmlTable { table: Box<XmlTable>, lateral: bool, alias: Option<Alias> },
    JsonTable { table: Box<JsonTable>, lateral: bool, alias: Option<Alias> },
    Join(Box<Join>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableSample {
    pub method: ObjectName,
    pub args: Vec<Expr>,
    pub repeatable: Option<Expr>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunctionTable {
    pub functions: Vec<FunctionTableItem>,
    pub rows_from: bool,
    pub lateral: bool,
    pub ordinality: bool,
    pub alias: Option<Alias>,
    /// `AS t(a int, b text)` after the whole.
    pub columns: Vec<ColumnDefinitionItem>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunctionTableItem {
    pub call: Expr,
    pub columns: Vec<ColumnDefinitionItem>,
}

/// `name type [COLLATE c]`: a column of a record function or an attribute of a composite type.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefinitionItem {
    pub name: String,
    pub type_name: TypeName,
    pub collation: Option<ObjectName>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    pub kind: JoinKind,
    pub natural: bool,
    pub left: TableRef,
    pub right: TableRef,
    pub condition: JoinCondition,
    /// Alias of the whole parenthesised join.
    pub alias: Option<Alias>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// Also CROSS JOIN, which has no condition.
    Inner,
    Left,
    Full,
    Right,
}

#[derive(Clone, Debug, PartialEq)]
pub enum JoinCondition {
    /// CROSS and NATURAL joins.
    None,
    On(Expr),
    Using {
        columns: Vec<String>,
        alias: Option<String>,
    },
}

/// RETURNING, with the names given to the old and new row.
#[derive(Clone, Debug, PartialEq)]
pub struct Returning {
    pub options: Vec<ReturningOption>,
    pub targets: Vec<Target>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReturningOption {
    /// NEW instead of OLD.
    pub new: bool,
    pub name: String,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct InsertStatement {
    pub with: Option<With>,
    pub relation: RelationName,
    pub alias: Option<String>,
    pub columns: Vec<ColumnTarget>,
    pub overriding: Option<Overriding>,
    /// None: DEFAULT VALUES.
    pub source: Option<SelectStatement>,
    pub on_conflict: Option<Box<OnConflict>>,
    pub returning: Option<Returning>,
}

/// A column that is assigned to, possibly a part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnTarget {
    pub name: String,
    pub indirection: Vec<Indirection>,
    pub location: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overriding {
    UserValue,
    SystemValue,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OnConflict {
    pub target: Option<ConflictTarget>,
    /// None: DO NOTHING.
    pub update: Option<ConflictUpdate>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ConflictTarget {
    Index { elements: Vec<IndexElement>, where_clause: Option<Expr>, location: usize },
    Constraint { name: String, location: usize },
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConflictUpdate {
    pub assignments: Vec<Assignment>,
    pub where_clause: Option<Expr>,
}

/// One item of SET.
#[derive(Clone, Debug, PartialEq)]
pub enum Assignment {
    Single {
        target: ColumnTarget,
        value: Expr,
    },
    /// `(a, b) = source`
    Multiple {
        targets: Vec<ColumnTarget>,
        source: Expr,
        location: usize,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct UpdateStatement {
    pub with: Option<With>,
    pub relation: RelationName,
    pub alias: Option<String>,
    pub assignments: Vec<Assignment>,
    pub from: Vec<TableRef>,
    pub where_clause: Option<Expr>,
    pub returning: Option<Returning>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeleteStatement {
    pub with: Option<With>,
    pub relation: RelationName,
    pub alias: Option<String>,
    pub using: Vec<TableRef>,
    pub where_clause: Option<Expr>,
    pub returning: Option<Returning>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MergeStatement {
    pub with: Option<With>,
    pub relation: RelationName,
    pub alias: Option<String>,
    pub source: TableRef,
    pub condition: Expr,
    pub whens: Vec<MergeWhen>,
    pub returning: Option<Returning>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MergeWhen {
    pub matched: MergeMatch,
    pub condition: Option<Expr>,
    pub action: MergeAction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeMatch {
    Matched,
    NotMatchedBySource,
    NotMatchedByTarget,
}

#[derive(Clone, Debug, PartialEq)]
pub enum MergeAction {
    Update(Vec<Assignment>),
    Delete,
    /// No values: DEFAULT VALUES.
    Insert {
        columns: Vec<ColumnTarget>,
        overriding: Option<Overriding>,
        values: Vec<Expr>,
    },
    Nothing,
}

/// `target := expression` of PL/pgSQL.
#[derive(Clone, Debug, PartialEq)]
pub struct AssignStatement {
    /// A variable's first name, or `$n`.
    pub name: String,
    pub indirection: Vec<Indirection>,
    pub value: SelectStatement,
    pub location: usize,
}
