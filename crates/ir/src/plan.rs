//! Plans. Nodes, their names and fields are PostgreSQL's (plannodes.h), because EXPLAIN shows them; what happens inside
//! a node is the executor's. After planning, a `Var` in a plan reads an input column by position:
//! `VarSource::Outer`/`Inner` attribute n is column n of the child's target list, `VarSource::Relation` an attribute of
//! the scanned relation, `VarSource::Index` column n of the index.

use crate::{
    AggSplit, CheckOption, CommandType, Expr, JoinKind, LockStrength, LockWait, MergeAction, OnConflict,
    Permission, RangeTableEntry, RelSet, SetOperationKind, TargetEntry,
};
use base::Oid;

/// A planned statement, shared between sessions: nothing in it changes while it runs.
#[derive(Clone, Debug)]
pub struct PlannedStmt {
    pub command: CommandType,
    pub has_returning: bool,
    pub has_modifying_cte: bool,
    pub can_set_tag: bool,
    /// Must be planned anew when RLS role or settings change.
    pub depends_on_role: bool,
    pub parallel_needed: bool,
    pub plan: Plan,
    pub range_table: Vec<RangeTableEntry>,
    pub permissions: Vec<Permission>,
    /// Range table indexes of the target relations.
    pub result_relations: Vec<usize>,
    pub append_relations: Vec<AppendRelation>,
    pub subplans: Vec<Plan>,
    /// Subplans (from 0) that must support rewinding.
    pub rewind_subplans: RelSet,
    pub row_marks: Vec<PlanRowMark>,
    /// Relations and functions whose change invalidates the plan.
    pub relation_dependencies: Vec<Oid>,
    pub invalidation_items: Vec<(Oid, Oid)>,
    /// Types of the exec params, by id.
    pub exec_params: Vec<Oid>,
}

/// A range table entry that is a member of another: for EXPLAIN, which names columns as the query does.
#[derive(Clone, Debug, PartialEq)]
pub struct AppendRelation {
    pub parent: usize,
    pub child: usize,
    /// By the parent's column: the member's, 0 for what is no plain column.
    pub columns: Vec<i16>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlanRowMark {
    pub relation: usize,
    pub strength: Option<LockStrength>,
    pub wait: LockWait,
    /// Position (from 1) of the junk column with its tid (or whole row) in the LockRows child's output.
    pub tid_column: Option<i16>,
    /// Where rows are of one of several `members`: the column (from 1) that says of which.
    pub tableoid_column: Option<i16>,
    /// Children and partitions, as range table indexes.
    pub members: Vec<usize>,
    pub whole_row_column: Option<i16>,
}

impl PlanRowMark {
    /// Its range table comes behind `offset` other entries.
    pub fn shift(&mut self, offset: usize) {
        self.relation += offset;
        self.members.iter_mut().for_each(|member| *member += offset);
    }
}

/// What every node has.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub startup_cost: f64,
    pub total_cost: f64,
    pub rows: f64,
    /// Average bytes of an output row.
    pub width: u32,
    pub disabled_nodes: u32,
    pub parallel_aware: bool,
    pub parallel_safe: bool,
    /// Number within the statement, for instrumentation.
    pub id: usize,
    /// Each expression of the output.
    pub target_list: Vec<TargetEntry>,
    /// Implicitly ANDed conditions on output rows ("Filter").
    pub qual: Vec<Expr>,
    /// Outer (left) and inner (right) child.
    pub left: Option<Box<Plan>>,
    pub right: Option<Box<Plan>>,
    /// Uncorrelated subplans evaluated at this level, and their place in `subplans`.
    pub init_plans: Vec<Expr>,
    /// Exec params that this subtree depends on.
    pub external_params: RelSet,
    pub all_params: RelSet,
    pub node: PlanNode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanDirection {
    Backward,
    Forward,
}

/// `index column OP expression`.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexQual {
    /// The condition with `VarSource::Index` on the left.
    pub condition: Expr,
    /// The same over the table's columns, for EXPLAIN and rechecks.
    pub original: Expr,
    /// Key column from 0.
    pub column: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SortColumn {
    /// Column (from 1) of the child's output.
    pub column: i16,
    /// `<` or `>` operator.
    pub operator: Oid,
    pub collation: Oid,
    pub nulls_first: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GroupColumn {
    pub column: i16,
    pub equality_operator: Oid,
    pub collation: Oid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggStrategy {
    Plain,
    Sorted,
    Hashed,
    Mixed,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NestParam {
    pub id: usize,
    /// Over the outer child's output.
    pub value: Expr,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MergeClause {
    /// Outer = inner.
    pub condition: Expr,
    pub family: Oid,
    pub collation: Oid,
    pub reversed: bool,
    pub nulls_first: bool,
}

// A plan has few nodes; the rare large ones are not worth an indirection.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, Default)]
pub enum PlanNode {
    /// Its target list once, or its child's rows under a one-time filter.
    #[default]
    EmptyResult,
    Result {
        constant_qual: Vec<Expr>,
    },
    ProjectSet,
    ModifyTable(Box<ModifyTable>),
    Append {
        children: Vec<Plan>,
        apprelids: RelSet,
        first_partial: usize,
    },
    MergeAppend {
        children: Vec<Plan>,
        keys: Vec<SortColumn>,
        apprelids: RelSet,
    },
    RecursiveUnion {
        work_table_param: usize,
        groups: Vec<GroupColumn>,
    },
    BitmapAnd {
        children: Vec<Plan>,
    },
    BitmapOr {
        children: Vec<Plan>,
    },
    SeqScan {
        relation: usize,
    },
    SampleScan {
        relation: usize,
        sample: Box<crate::TableSample>,
    },
    IndexScan {
        relation: usize,
        index: Oid,
        quals: Vec<IndexQual>,
        order_by: Vec<Expr>,
        direction: ScanDirection,
    },
    IndexOnlyScan {
        relation: usize,
        index: Oid,
        quals: Vec<IndexQual>,
        direction: ScanDirection,
        index_targets: Vec<TargetEntry>,
    },
    BitmapIndexScan {
        relation: usize,
        index: Oid,
        quals: Vec<IndexQual>,
    },
    BitmapHeapScan {
        relation: usize,
        recheck: Vec<Expr>,
    },
    TidScan {
        relation: usize,
        quals: Vec<Expr>,
    },
    TidRangeScan {
        relation: usize,
        quals: Vec<Expr>,
    },
    SubqueryScan {
        relation: usize,
        child: Box<Plan>,
    },
    FunctionScan {
        relation: usize,
    },
    ValuesScan {
        relation: usize,
    },
    /// `plan`: subplan (from 0) that computes the CTE; `param` its exec param.
    CteScan {
        relation: usize,
        plan: usize,
        param: usize,
    },
    WorkTableScan {
        relation: usize,
        param: usize,
    },
    NamedTuplestoreScan {
        relation: usize,
    },
    NestLoop {
        join: Join,
        params: Vec<NestParam>,
    },
    MergeJoin {
        join: Join,
        clauses: Vec<MergeClause>,
        skip_mark_restore: bool,
    },
    /// `clauses` are `outer = inner` operators; the right child is a Hash.
    HashJoin {
        join: Join,
        clauses: Vec<Expr>,
    },
    Hash {
        keys: Vec<Expr>,
    },
    Materialize,
    Memoize {
        keys: Vec<Expr>,
        operators: Vec<Oid>,
        collations: Vec<Oid>,
        single_row: bool,
        binary_mode: bool,
        estimated_entries: u32,
    },
    Sort {
        keys: Vec<SortColumn>,
    },
    IncrementalSort {
        keys: Vec<SortColumn>,
        presorted: usize,
    },
    Group {
        groups: Vec<GroupColumn>,
    },
    Aggregate(Box<Aggregate>),
    WindowAgg(Box<WindowAgg>),
    Unique {
        groups: Vec<GroupColumn>,
    },
    SetOp {
        kind: SetOperationKind,
        all: bool,
        hashed: bool,
        groups: Vec<GroupColumn>,
        sort_operators: Vec<Oid>,
        nulls_first: Vec<bool>,
    },
    LockRows {
        marks: Vec<PlanRowMark>,
    },
    Limit {
        offset: Option<Expr>,
        count: Option<Expr>,
        with_ties: bool,
        tie_columns: Vec<GroupColumn>,
    },
    Gather {
        workers: usize,
        single_copy: bool,
        invisible: bool,
    },
    GatherMerge {
        workers: usize,
        keys: Vec<SortColumn>,
    },
}

#[derive(Clone, Debug)]
pub struct Join {
    pub kind: JoinKind,
    /// At most one inner row matches an outer one.
    pub inner_unique: bool,
    /// Conditions of the JOIN itself ("Join Filter"), as opposed to `Plan::qual`.
    pub quals: Vec<Expr>,
}

#[derive(Clone, Debug)]
pub struct Aggregate {
    pub strategy: AggStrategy,
    pub split: AggSplit,
    /// Columns of the child's output grouped by.
    pub groups: Vec<GroupColumn>,
    pub estimated_groups: f64,
    /// Numbers of the aggregates whose rows come in the order of their ORDER BY or DISTINCT.
    pub presorted: Vec<usize>,
    /// Sets over `groups`' columns; empty unless GROUPING SETS.
    pub grouping_sets: Vec<Vec<i16>>,
    /// Further phases for grouping sets: each with its own sort.
    pub chain: Vec<Plan>,
}

#[derive(Clone, Debug)]
pub struct WindowAgg {
    pub name: String,
    pub window: usize,
    pub partition: Vec<GroupColumn>,
    pub order: Vec<GroupColumn>,
    pub frame_options: u32,
    pub start_offset: Option<Expr>,
    pub end_offset: Option<Expr>,
    pub start_in_range: Oid,
    pub end_in_range: Oid,
    pub in_range_collation: Oid,
    pub in_range_ascending: bool,
    pub in_range_nulls_first: bool,
    pub run_condition: Vec<Expr>,
    pub top: bool,
}

/// INSERT, UPDATE, DELETE, MERGE. The child's output (left): for INSERT the new row's columns in attribute order; for
/// UPDATE the new values of `update_columns` in their order, then junk `ctid`; for DELETE junk `ctid`.
#[derive(Clone, Debug)]
pub struct ModifyTable {
    pub operation: CommandType,
    pub can_set_tag: bool,
    /// Range table index of the named target.
    pub nominal_relation: usize,
    /// Those actually changed (partitions, children).
    pub result_relations: Vec<usize>,
    /// Attribute numbers set, per result relation.
    pub update_columns: Vec<Vec<i16>>,
    /// Column (from 1) of the child's output that holds the row's tid; 0 for INSERT.
    pub tid_column: i16,
    /// Column with the tableoid when there are several result relations; 0 otherwise.
    pub tableoid_column: i16,
    /// Over the target's new (and old) row: `VarSource::Relation(target)`; other relations' columns as `VarSource::Outer`.
    pub returning: Vec<Vec<TargetEntry>>,
    /// Conditions of views WITH CHECK OPTION, per result relation.
    pub check_options: Vec<Vec<CheckOption>>,
    pub on_conflict: Option<Box<OnConflict>>,
    /// Arbiter indexes of ON CONFLICT.
    pub arbiter_indexes: Vec<Oid>,
    pub row_marks: Vec<PlanRowMark>,
    pub merge_actions: Vec<Vec<MergeAction>>,
    pub merge_join_conditions: Vec<Option<Expr>>,
    /// Exec param for EvalPlanQual.
    pub recheck_param: usize,
}
