//! Analysed statements: PostgreSQL's Query tree.

use crate::{Expr, RelSet, TargetEntry};
use base::Oid;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CommandType {
    #[default]
    Select,
    Update,
    Insert,
    Delete,
    Merge,
    /// Everything that is not planned; the statement stays a syntax tree beside the query.
    Utility,
}

/// An analysed, and later rewritten, statement that can be planned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub command: CommandType,
    pub can_set_tag: bool,
    /// Range table index (from 1) of the target of INSERT, UPDATE, DELETE, MERGE; 0 for SELECT.
    pub result_relation: usize,
    pub has_aggregates: bool,
    pub has_window_functions: bool,
    pub has_target_srfs: bool,
    pub has_sublinks: bool,
    pub has_distinct_on: bool,
    pub has_recursive: bool,
    pub has_modifying_cte: bool,
    pub has_for_update: bool,
    pub has_row_security: bool,
    /// `RETURN expression` of an SQL function.
    pub is_return: bool,
    pub ctes: Vec<CommonTableExpr>,
    pub range_table: Vec<RangeTableEntry>,
    pub permissions: Vec<Permission>,
    pub join_tree: FromExpr,
    pub merge_actions: Vec<MergeAction>,
    pub merge_target_relation: usize,
    pub merge_join_condition: Option<Box<Expr>>,
    pub target_list: Vec<TargetEntry>,
    pub overriding: Overriding,
    pub on_conflict: Option<Box<OnConflict>>,
    /// Of the views that stood where the target is now, innermost first. Comes and goes with rewriting.
    pub check_options: Vec<CheckOption>,
    /// Names given to OLD and NEW in RETURNING WITH (...).
    pub returning_old_alias: Option<String>,
    pub returning_new_alias: Option<String>,
    pub returning: Vec<TargetEntry>,
    pub group_clause: Vec<SortGroupClause>,
    pub group_distinct: bool,
    pub grouping_sets: Vec<GroupingSet>,
    pub having: Option<Box<Expr>>,
    pub windows: Vec<WindowClause>,
    pub distinct_clause: Vec<SortGroupClause>,
    pub sort_clause: Vec<SortGroupClause>,
    pub limit_offset: Option<Box<Expr>>,
    pub limit_count: Option<Box<Expr>>,
    /// FETCH FIRST ... WITH TIES.
    pub limit_with_ties: bool,
    pub row_marks: Vec<RowMarkClause>,
    pub set_operations: Option<Box<SetOperationTree>>,
    /// Constraints that functional dependency relied on.
    pub constraint_dependencies: Vec<Oid>,
}

impl Query {
    /// Whether it is `SELECT expression` and nothing else, so that the expression can be evaluated in its place.
    pub fn is_one_expression(&self) -> bool {
        self.command == CommandType::Select
            && self.range_table.iter().all(|e| matches!(e.kind, RangeTableKind::Result))
            && self.target_list.len() == 1
            && !self.has_aggregates
            && !self.has_window_functions
            && !self.has_target_srfs
            && !self.has_sublinks
            && self.ctes.is_empty()
            && self.join_tree.items.is_empty()
            && self.join_tree.quals.is_none()
            && self.group_clause.is_empty()
            && self.grouping_sets.is_empty()
            && self.having.is_none()
            && self.windows.is_empty()
            && self.distinct_clause.is_empty()
            && self.sort_clause.is_empty()
            && self.limit_offset.is_none()
            && self.limit_count.is_none()
            && self.set_operations.is_none()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overriding {
    #[default]
    NotSet,
    User,
    System,
}

/// A name and column names given by the user or made up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alias {
    pub name: String,
    pub columns: Vec<String>,
}

/// A member of FROM, or the target of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeTableEntry {
    pub kind: RangeTableKind,
    /// As written by the user.
    pub alias: Option<Alias>,
    /// As used: names of all columns, dropped ones as empty strings.
    pub eref: Alias,
    pub lateral: bool,
    /// Came from FROM, as opposed to being the target of a command or made by a rule.
    pub in_from: bool,
    pub security_quals: Vec<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RangeTableKind {
    Relation {
        oid: Oid,
        /// pg_class.relkind.
        relkind: u8,
        /// Lock mode taken, PostgreSQL's number 1 to 8.
        lock_mode: u8,
        /// ONLY was not given.
        inherit: bool,
        /// Index (from 1) into [`Query::permissions`]; 0 for none.
        permission: usize,
        sample: Option<Box<TableSample>>,
    },
    Subquery {
        query: Box<Query>,
        security_barrier: bool,
        /// The view it was expanded from, for locking and permissions.
        view: Option<Oid>,
        permission: usize,
    },
    Join {
        kind: JoinKind,
        /// Columns merged by USING or NATURAL, at the front.
        merged: usize,
        /// What each join column stands for.
        alias_vars: Vec<Expr>,
        left_columns: Vec<i16>,
        right_columns: Vec<i16>,
        using_alias: Option<Alias>,
    },
    Function {
        functions: Vec<RangeTableFunction>,
        ordinality: bool,
    },
    Values {
        lists: Vec<Vec<Expr>>,
        types: Vec<Oid>,
        typmods: Vec<i32>,
        collations: Vec<Oid>,
    },
    Cte {
        name: String,
        levels_up: u32,
        self_reference: bool,
        types: Vec<Oid>,
        typmods: Vec<i32>,
        collations: Vec<Oid>,
    },
    /// A transition table of a trigger.
    NamedTuplestore {
        name: String,
        relation: Oid,
        types: Vec<Oid>,
        typmods: Vec<i32>,
        collations: Vec<Oid>,
    },
    /// No FROM at all.
    Result,
    /// The grouping step's output columns.
    Group {
        exprs: Vec<Expr>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct RangeTableFunction {
    pub expr: Expr,
    pub column_count: usize,
    /// From a column definition list.
    pub column_names: Vec<String>,
    pub column_types: Vec<Oid>,
    pub column_typmods: Vec<i32>,
    pub column_collations: Vec<Oid>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableSample {
    pub handler: Oid,
    pub args: Vec<Expr>,
    pub repeatable: Option<Expr>,
}

/// What must be allowed on a relation: checked at execution start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Permission {
    pub relation: Oid,
    pub inherit: bool,
    /// ACL_SELECT and so on: PostgreSQL's bits.
    pub required: u64,
    /// The user to check as; 0 for the current one.
    pub check_as: Oid,
    /// Attribute numbers, offset by 7 as PostgreSQL stores them (FirstLowInvalidHeapAttributeNumber).
    pub selected: RelSet,
    pub inserted: RelSet,
    pub updated: RelSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    Inner,
    Left,
    Full,
    Right,
    Semi,
    Anti,
    RightSemi,
    RightAnti,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FromExpr {
    pub items: Vec<JoinNode>,
    pub quals: Option<Box<Expr>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum JoinNode {
    /// A range table index.
    Relation(usize),
    Join(Box<JoinExpr>),
    From(Box<FromExpr>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct JoinExpr {
    pub kind: JoinKind,
    pub natural: bool,
    pub left: JoinNode,
    pub right: JoinNode,
    pub using: Vec<String>,
    pub using_alias: Option<Alias>,
    pub quals: Option<Box<Expr>>,
    pub alias: Option<Alias>,
    /// Its own range table entry; 0 if it has none.
    pub range_table_index: usize,
}

/// A member of ORDER BY, GROUP BY, DISTINCT, PARTITION BY or a set operation.
#[derive(Clone, Debug, PartialEq)]
pub struct SortGroupClause {
    /// The target entry's `sort_group_ref`.
    pub target: usize,
    pub equality_operator: Oid,
    /// `<` or `>`; 0 if it can only be hashed.
    pub sort_operator: Oid,
    pub reverse_sort: bool,
    pub nulls_first: bool,
    pub hashable: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum GroupingSet {
    Empty,
    Simple(Vec<usize>),
    Rollup(Vec<GroupingSet>),
    Cube(Vec<GroupingSet>),
    Sets(Vec<GroupingSet>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct WindowClause {
    pub name: Option<String>,
    pub reference_name: Option<String>,
    pub partition: Vec<SortGroupClause>,
    pub order: Vec<SortGroupClause>,
    /// FRAMEOPTION_* bits of PostgreSQL's parsenodes.h.
    pub frame_options: u32,
    pub start_offset: Option<Box<Expr>>,
    pub end_offset: Option<Box<Expr>>,
    pub start_in_range: Oid,
    pub end_in_range: Oid,
    pub in_range_collation: Oid,
    pub in_range_ascending: bool,
    pub in_range_nulls_first: bool,
    /// Number from 1 that window functions refer to.
    pub number: usize,
    pub copied_order: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LockStrength {
    ForKeyShare,
    ForShare,
    ForNoKeyUpdate,
    ForUpdate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockWait {
    Block,
    Skip,
    Error,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RowMarkClause {
    pub relation: usize,
    pub strength: LockStrength,
    pub wait: LockWait,
    /// Pushed down from an outer level.
    pub pushed_down: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOperationKind {
    Union,
    Intersect,
    Except,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SetOperationTree {
    Relation(usize),
    Operation(SetOperation),
}

#[derive(Clone, Debug, PartialEq)]
pub struct SetOperation {
    pub kind: SetOperationKind,
    pub all: bool,
    pub left: Box<SetOperationTree>,
    pub right: Box<SetOperationTree>,
    pub types: Vec<Oid>,
    pub typmods: Vec<i32>,
    pub collations: Vec<Oid>,
    pub groups: Vec<SortGroupClause>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Materialized {
    Default,
    Always,
    Never,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CommonTableExpr {
    pub name: String,
    pub alias_columns: Vec<String>,
    pub materialized: Materialized,
    pub query: Box<Query>,
    pub location: Option<usize>,
    pub recursive: bool,
    pub references: usize,
    pub column_names: Vec<String>,
    pub types: Vec<Oid>,
    pub typmods: Vec<i32>,
    pub collations: Vec<Oid>,
    pub search: Option<Box<CteSearch>>,
    pub cycle: Option<Box<CteCycle>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CteSearch {
    pub columns: Vec<String>,
    pub breadth_first: bool,
    pub sequence_column: String,
    pub location: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CteCycle {
    pub columns: Vec<String>,
    pub mark_column: String,
    pub mark_value: Expr,
    pub mark_default: Expr,
    pub path_column: String,
    pub mark_type: Oid,
    pub mark_typmod: i32,
    pub mark_collation: Oid,
    pub mark_not_equal: Oid,
    pub location: Option<usize>,
}

/// WITH CHECK OPTION of a view that is changed: rows written must satisfy its condition.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckOption {
    pub view: String,
    /// Over the target's row; `None` for a cascaded option of a view without a condition of its own.
    pub condition: Option<Expr>,
    pub cascaded: bool,
}

/// ON CONFLICT.
#[derive(Clone, Debug, PartialEq)]
pub struct OnConflict {
    /// DO UPDATE, else DO NOTHING.
    pub update: bool,
    /// The arbiter: inferred from columns and expressions, or named.
    pub arbiter: Vec<InferenceElement>,
    pub arbiter_where: Option<Expr>,
    pub constraint: Oid,
    pub set: Vec<TargetEntry>,
    pub set_where: Option<Expr>,
    /// Range table index of EXCLUDED.
    pub excluded_relation: usize,
    pub excluded_targets: Vec<TargetEntry>,
}

/// What a column of an arbiter index must be.
#[derive(Clone, Debug, PartialEq)]
pub struct InferenceElement {
    pub expr: Expr,
    /// 0 for any.
    pub collation: Oid,
    /// 0 for any.
    pub operator_class: Oid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MergeMatch {
    Matched,
    NotMatchedBySource,
    NotMatchedByTarget,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MergeAction {
    pub matched: MergeMatch,
    /// Insert, Update, Delete; Select for DO NOTHING.
    pub command: CommandType,
    pub overriding: Overriding,
    pub condition: Option<Expr>,
    pub targets: Vec<TargetEntry>,
    pub update_columns: Vec<i16>,
}

/// A query shared between a cache and its users.
pub type SharedQuery = Arc<Query>;
