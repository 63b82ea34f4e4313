//! What planning works on: the planner's view of one query level, its relations, clauses, paths and orders.

use crate::cost::Costs;
use crate::cost_merge::Scanned;
use crate::extended::ExtendedStatistics;
use crate::grouping_sets::{Rollup, Sets};
use crate::min_max::MinMax;
use crate::parallel::Hazard;
use crate::windows::RunCondition;
use base::{Oid, Result};
use catalog::{IndexEntry, RelationEntry, Session};
use datum::OwnedDatum;
use ir::{
    CommandType, Const, Expr, JoinKind, OnConflict, Plan, PlanRowMark, Query, RangeTableEntry,
    RangeTableKind, RelSet, ScanDirection, SetOperationKind, SortGroupClause, TargetEntry,
};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// The value of an external parameter, for a custom plan.
#[derive(Clone, Debug)]
pub struct BoundParameter {
    pub type_oid: Oid,
    pub value: Option<OwnedDatum>,
}

/// What the planner asks of the layers above it.
pub trait PlannerHooks {
    /// The value of an expression without variables, aggregates or subqueries; `None` if it is better left for
    /// execution (an error in it is left for execution too when it may never be evaluated).
    ///
    /// # Errors
    /// What evaluating fails with.
    fn fold(&self, session: &Session, expr: &Expr) -> Result<Option<Const>>;

    /// Reads an expression (or a list of them) from its stored text. Relation columns are of range table entry 1.
    ///
    /// # Errors
    /// `XX000` for text that is no expression.
    fn read_expressions(&self, session: &Session, text: &str) -> Result<Vec<Expr>>;

    /// The body of an SQL function that is a single expression over its arguments, which are external parameters in it.
    ///
    /// # Errors
    /// Those of analysing the body.
    fn function_body(&self, _: &Session, _: &ir::FuncExpr) -> Result<Option<Expr>> {
        Ok(None)
    }

    /// The query, rewritten, that yields what an SQL function in FROM does.
    ///
    /// # Errors
    /// Those of analysing the body.
    fn function_query(
        &self,
        _: &Session,
        _: &ir::FuncExpr,
        _: &ir::RangeTableFunction,
    ) -> Result<Option<Query>> {
        Ok(None)
    }

    /// Blocks in the main fork of a relation.
    ///
    /// # Errors
    /// What asking the file system fails with.
    fn block_count(&self, session: &Session, relation: &access_api::Relation) -> Result<u32>;
}

/// How a query is to be planned.
pub struct PlanOptions<'a> {
    pub hooks: &'a dyn PlannerHooks,
    /// Values of `$1`, ...: present for custom plans.
    pub params: Option<&'a [BoundParameter]>,
    /// The plan must be able to run backward.
    pub scrollable: bool,
    /// A cursor's: prefer plans whose first rows come fast.
    pub fast_start: bool,
    /// The part of the rows expected to be fetched, with `fast_start`.
    pub cursor_tuple_fraction: f64,
    /// The plan may have a Gather: it is run once, to its end.
    pub parallel: bool,
    /// A cursor's: rows of a single table come with their places, for WHERE CURRENT OF.
    pub places: bool,
}

impl<'a> PlanOptions<'a> {
    pub fn new(hooks: &'a dyn PlannerHooks) -> PlanOptions<'a> {
        PlanOptions {
            hooks,
            params: None,
            scrollable: false,
            fast_start: false,
            cursor_tuple_fraction: 0.1,
            parallel: false,
            places: false,
        }
    }
}

/// A planned subquery that expressions or CTE scans refer to by number.
pub(crate) struct SubPlanEntry<'a> {
    pub plan: Option<Plan>,
    pub root: Root<'a>,
}

/// Shared by all levels of one statement.
pub(crate) struct Global<'a> {
    pub session: &'a Session,
    pub options: &'a PlanOptions<'a>,
    pub costs: Costs,
    /// Types of exec params.
    pub exec_params: RefCell<Vec<Oid>>,
    pub subplans: RefCell<Vec<SubPlanEntry<'a>>>,
    pub rewind: RefCell<RelSet>,
    pub invalidation_items: RefCell<Vec<(Oid, Oid)>>,
    /// By query level: expressions of that level that lower levels being planned ask for, with their params.
    pub levels: RefCell<Vec<Vec<(Expr, usize)>>>,
    /// What the statement's expressions say about running it in parallel.
    pub hazard: Cell<Hazard>,
    /// Exec params that init plans set before anything else runs.
    pub init_params: RefCell<RelSet>,
    /// The plan has a Gather.
    pub parallel_needed: Cell<bool>,
}

impl<'a> Global<'a> {
    pub fn new(session: &'a Session, options: &'a PlanOptions<'a>) -> Rc<Global<'a>> {
        Rc::new(Global {
            session,
            options,
            costs: Costs::new(&session.settings()),
            exec_params: RefCell::default(),
            subplans: RefCell::default(),
            rewind: RefCell::default(),
            invalidation_items: RefCell::default(),
            levels: RefCell::default(),
            hazard: Cell::new(Hazard::Unsafe),
            init_params: RefCell::default(),
            parallel_needed: Cell::new(false),
        })
    }

    /// A new exec param of this type.
    pub fn new_param(&self, type_oid: Oid) -> usize {
        let mut params = self.exec_params.borrow_mut();
        params.push(type_oid);
        params.len() - 1
    }
}

/// Cost of evaluating an expression: once, and for each row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct QualCost {
    pub startup: f64,
    pub per_tuple: f64,
}

impl std::ops::AddAssign for QualCost {
    fn add_assign(&mut self, other: QualCost) {
        self.startup += other.startup;
        self.per_tuple += other.per_tuple;
    }
}

/// Columns that a path yields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    pub exprs: Vec<Expr>,
    /// `sort_group_ref` of each, 0 for none.
    pub refs: Vec<usize>,
    pub cost: QualCost,
    pub width: i32,
}

/// A condition with what planning knows of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Clause {
    pub expr: Expr,
    /// Relations that must be joined before it can be evaluated.
    pub required: RelSet,
    /// Relations it mentions.
    pub relids: RelSet,
    /// Relations on each side of a binary operator.
    pub left: RelSet,
    pub right: RelSet,
    /// For an outer join's own condition: the relations of its non-nullable side.
    pub outer_relids: RelSet,
    /// Those that outer joins below the condition may null: it must not be checked before these joins.
    pub nullable: RelSet,
    pub pushed_down: bool,
    pub can_join: bool,
    pub pseudoconstant: bool,
    pub delayed: bool,
    pub leakproof: bool,
    pub security_level: u32,
    pub parent_ec: Option<usize>,
    pub left_ec: Cell<Option<usize>>,
    pub right_ec: Cell<Option<usize>>,
    /// B-tree families in which it is equality.
    pub merge_families: Vec<Oid>,
    /// The operator if it can be hashed, else 0.
    pub hash_operator: Oid,
    pub norm_selectivity: Cell<f64>,
    pub outer_selectivity: Cell<f64>,
    pub eval_cost: Cell<Option<QualCost>>,
    /// For merge joins on it, by order: what is read of its two sides.
    pub merge_parts: RefCell<Vec<(PathKey, (Scanned, Scanned))>>,
}

pub(crate) type ClauseRef = Rc<Clause>;

/// A member of an equivalence class.
#[derive(Clone, Debug)]
pub(crate) struct EcMember {
    pub expr: Expr,
    pub relids: RelSet,
    /// Of these, the relations that an outer join below the equality may null: what the equality implies must not be
    /// checked in their scans.
    pub nullable: RelSet,
    pub is_const: bool,
    pub type_oid: Oid,
}

/// Expressions known to be equal, in some families' sense.
#[derive(Debug)]
pub(crate) struct EquivalenceClass {
    pub families: Vec<Oid>,
    pub collation: Oid,
    pub members: Vec<EcMember>,
    pub sources: Vec<ClauseRef>,
    pub derived: RefCell<Vec<(usize, usize, Option<usize>, ClauseRef)>>,
    pub relids: RelSet,
    pub has_const: bool,
    pub has_volatile: bool,
    pub below_outer_join: bool,
    /// A needed equality operator is missing: clauses are used as written.
    pub broken: bool,
    /// The same columns of members of append relations, by member.
    pub child_members: HashMap<usize, Vec<EcMember>>,
    pub sort_ref: usize,
    pub merged: Option<usize>,
}

/// How the columns of an append relation are had from one of its members.
#[derive(Clone, Debug)]
pub(crate) struct AppendMember {
    pub parent: usize,
    pub child: usize,
    /// Over the member, by the parent's column; `None` for dropped ones.
    pub columns: Vec<Option<Expr>>,
    /// Of an inheritance child.
    pub row_type: Option<Oid>,
    /// Names of the columns of a query.
    pub names: Vec<String>,
}

/// One column of an order: the class of expressions sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PathKey {
    pub ec: usize,
    pub family: Oid,
    pub descending: bool,
    pub nulls_first: bool,
}

/// A non-inner join and what may be reordered around it.
#[derive(Clone, Debug)]
pub(crate) struct SpecialJoin {
    pub kind: JoinKind,
    pub min_left: RelSet,
    pub min_right: RelSet,
    pub syn_left: RelSet,
    pub syn_right: RelSet,
    pub lhs_strict: bool,
    pub delay_upper_joins: bool,
    /// For semijoins: whether the inner side could be made unique, and how.
    pub semi_can_btree: bool,
    pub semi_can_hash: bool,
    pub semi_operators: Vec<Oid>,
    pub semi_rhs: Vec<Expr>,
}

/// An index as path generation sees it.
#[derive(Clone)]
pub(crate) struct IndexInfo {
    pub entry: Arc<IndexEntry>,
    pub rti: usize,
    pub pages: f64,
    pub tuples: f64,
    /// -1 where unknown.
    pub tree_height: i32,
    /// Attribute or 0 for an expression, by column (key columns first).
    pub keys: Vec<i16>,
    pub key_columns: usize,
    /// Expression of each column, over the relation.
    pub columns: Vec<Expr>,
    pub predicate: Vec<Expr>,
    /// The predicate follows from the query's conditions.
    pub predicate_ok: bool,
    pub unique: bool,
    pub immediate: bool,
    pub is_btree: bool,
}

impl IndexInfo {
    pub fn collation(&self, column: usize) -> Oid {
        self.entry.index.indcollation.get(column).copied().unwrap_or_default()
    }
    pub fn descending(&self, column: usize) -> bool {
        self.entry.index.indoption.get(column).is_some_and(|o| o & 1 != 0)
    }
    pub fn nulls_first(&self, column: usize) -> bool {
        self.entry.index.indoption.get(column).is_some_and(|o| o & 2 != 0)
    }
}

/// A base relation or a join.
pub(crate) struct Rel<'a> {
    pub relids: RelSet,
    pub rti: usize,
    pub rows: f64,
    pub target: Target,
    pub paths: Vec<Rc<Path>>,
    /// Paths of which each participant of a parallel plan yields a part, the cheapest first.
    pub partial_paths: Vec<Rc<Path>>,
    /// Its conditions and columns may be computed below Gather.
    pub consider_parallel: bool,
    pub cheapest_startup: Option<Rc<Path>>,
    pub cheapest_total: Option<Rc<Path>>,
    pub cheapest_parameterized: Vec<Rc<Path>>,
    pub unique_path: Option<Rc<Path>>,
    pub direct_lateral: RelSet,
    pub lateral: RelSet,
    pub entry: Option<Arc<RelationEntry>>,
    /// Query levels' number of attributes needed elsewhere: where each attribute is needed (0: the final output).
    pub needed: HashMap<i16, RelSet>,
    pub attr_widths: RefCell<HashMap<i16, i32>>,
    pub indexes: Vec<Rc<IndexInfo>>,
    /// Of several columns together and of expressions.
    pub statistics: Vec<Rc<ExtendedStatistics>>,
    pub pages: f64,
    pub tuples: f64,
    pub all_visible_fraction: f64,
    pub subroot: Option<Box<Root<'a>>>,
    pub restrictions: Vec<ClauseRef>,
    pub restriction_cost: QualCost,
    pub min_security: u32,
    pub join_clauses: Vec<ClauseRef>,
    pub has_ec_joins: bool,
    pub consider_startup: bool,
    pub consider_param_startup: bool,
    pub param_paths: RefCell<Vec<Rc<ParamInfo>>>,
    pub dummy: bool,
    /// It stands for others, its members.
    pub is_append: bool,
    pub members: Vec<usize>,
    /// Of a member: its place in [`Root::append_members`].
    pub append_member: Option<usize>,
    /// Its conditions or constraints say that it has no rows.
    pub excluded: bool,
    /// Lateral references of a subquery, with the params that pass them.
    pub subplan_params: Vec<(Expr, usize)>,
}

/// What a parameterised path of a base relation enforces.
#[derive(Debug, PartialEq)]
pub(crate) struct ParamInfo {
    pub outer: RelSet,
    pub rows: f64,
    pub clauses: Vec<ClauseRef>,
}

/// An index condition: the clause as it stands and its form over the index.
#[derive(Clone, Debug)]
pub(crate) struct IndexClause {
    pub clause: ClauseRef,
    pub quals: Vec<Expr>,
    pub lossy: bool,
    pub column: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct JoinPath {
    pub kind: JoinKind,
    pub outer: Rc<Path>,
    pub inner: Rc<Path>,
    pub clauses: Vec<ClauseRef>,
    pub inner_unique: bool,
}

#[derive(Clone)]
pub(crate) struct AggPath {
    pub strategy: ir::AggStrategy,
    pub split: ir::AggSplit,
    pub groups: Vec<SortGroupClause>,
    pub estimated_groups: f64,
    pub presorted: Vec<usize>,
    pub having: Vec<Expr>,
}

#[derive(Clone)]
pub(crate) struct ModifyPath {
    pub operation: CommandType,
    pub can_set_tag: bool,
    pub relation: usize,
    /// Those actually changed, and for each what is changed and returned.
    pub relations: Vec<usize>,
    pub update_columns: Vec<Vec<i16>>,
    pub returning: Vec<Vec<TargetEntry>>,
    pub check_options: Vec<Vec<ir::CheckOption>>,
    pub on_conflict: Option<Box<OnConflict>>,
    pub arbiters: Vec<Oid>,
    pub row_marks: Vec<PlanRowMark>,
    pub recheck_param: usize,
    pub merge_actions: Vec<Vec<ir::MergeAction>>,
    pub merge_join_conditions: Vec<Option<Expr>>,
}

#[derive(Clone)]
pub(crate) enum PathKind {
    SeqScan,
    SampleScan,
    Index {
        info: Rc<IndexInfo>,
        clauses: Vec<IndexClause>,
        direction: ScanDirection,
        index_only: bool,
        index_total: f64,
        selectivity: f64,
    },
    BitmapAnd {
        children: Vec<Rc<Path>>,
        selectivity: f64,
    },
    BitmapOr {
        children: Vec<Rc<Path>>,
        selectivity: f64,
        /// The condition whose arms these are.
        clause: ClauseRef,
    },
    /// `index`: what fills the bitmap.
    BitmapHeap {
        index: Rc<Path>,
    },
    Tid {
        quals: Vec<ClauseRef>,
    },
    TidRange {
        quals: Vec<ClauseRef>,
    },
    SubqueryScan {
        child: Rc<Path>,
    },
    FunctionScan,
    ValuesScan,
    CteScan {
        plan: usize,
        param: usize,
    },
    WorkTableScan {
        param: usize,
    },
    NamedTuplestoreScan,
    /// No rows at all, or one from nothing.
    Result {
        quals: Vec<Expr>,
        child: Option<Rc<Path>>,
    },
    NestLoop(JoinPath),
    MergeJoin {
        join: JoinPath,
        clauses: Vec<ClauseRef>,
        skip_mark_restore: bool,
        materialize: bool,
    },
    HashJoin {
        join: JoinPath,
        clauses: Vec<ClauseRef>,
        batches: u32,
        /// The participants of a parallel plan build one table together.
        shared: bool,
    },
    Material {
        child: Rc<Path>,
    },
    Memoize {
        child: Rc<Path>,
        keys: Vec<Expr>,
        operators: Vec<Oid>,
        single_row: bool,
        binary_mode: bool,
        calls: f64,
        entries: u32,
    },
    /// The rows of a semijoin's inner side made unique.
    UniqueInner {
        child: Rc<Path>,
        hashed: bool,
        exprs: Vec<Expr>,
        operators: Vec<Oid>,
    },
    Projection {
        child: Rc<Path>,
        dummy: bool,
    },
    ProjectSet {
        child: Rc<Path>,
    },
    Sort {
        child: Rc<Path>,
    },
    /// Sorts rows that are in order by the first `presorted` keys.
    IncrementalSort {
        child: Rc<Path>,
        presorted: usize,
    },
    Group {
        child: Rc<Path>,
        groups: Vec<SortGroupClause>,
        having: Vec<Expr>,
    },
    Aggregate {
        child: Rc<Path>,
        agg: AggPath,
    },
    GroupingSets {
        child: Rc<Path>,
        strategy: ir::AggStrategy,
        rollups: Rc<Vec<Rollup>>,
        having: Vec<Expr>,
    },
    /// The first rows by index, of `Root::min_max`.
    MinMax {
        quals: Vec<Expr>,
    },
    Window {
        child: Rc<Path>,
        clause: ir::WindowClause,
        top: bool,
        run: Vec<Expr>,
        filter: Vec<Expr>,
    },
    Unique {
        child: Rc<Path>,
        columns: usize,
    },
    SetOp {
        left: Rc<Path>,
        right: Rc<Path>,
        kind: SetOperationKind,
        all: bool,
        hashed: bool,
        groups: Vec<SortGroupClause>,
    },
    Append {
        children: Vec<Rc<Path>>,
    },
    MergeAppend {
        children: Vec<Rc<Path>>,
    },
    Gather {
        child: Rc<Path>,
    },
    GatherMerge {
        child: Rc<Path>,
    },
    RecursiveUnion {
        left: Rc<Path>,
        right: Rc<Path>,
        groups: Vec<SortGroupClause>,
        param: usize,
    },
    LockRows {
        child: Rc<Path>,
    },
    Limit {
        child: Rc<Path>,
        offset: Option<Expr>,
        count: Option<Expr>,
        with_ties: bool,
    },
    Modify {
        child: Rc<Path>,
        modify: Box<ModifyPath>,
    },
}

/// A way to compute a relation.
pub(crate) struct Path {
    pub kind: PathKind,
    pub relids: RelSet,
    /// Range table index for scans.
    pub rti: usize,
    pub target: Rc<Target>,
    pub rows: f64,
    pub startup: f64,
    pub total: f64,
    pub disabled: u32,
    pub keys: Vec<PathKey>,
    pub param: Option<Rc<ParamInfo>>,
    pub parallel: Parallel,
}

/// How a path takes part in parallel execution.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parallel {
    /// The participants share its rows out among them, rather than each reading all.
    pub aware: bool,
    /// It may run below Gather.
    pub safe: bool,
    /// Workers planned for; 0 if the path is no partial one.
    pub workers: usize,
}

impl Parallel {
    pub fn safe(safe: bool) -> Parallel {
        Parallel { safe, ..Parallel::default() }
    }
}

impl std::fmt::Debug for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Path({:?} {}..{} rows={})", self.relids, self.startup, self.total, self.rows)
    }
}

impl Path {
    /// Relations whose rows must be given for this path to be evaluated.
    pub fn required_outer(&self) -> RelSet {
        self.param.as_ref().map_or_else(RelSet::new, |p| p.outer.clone())
    }
}

/// Planning of one query level.
pub(crate) struct Root<'a> {
    pub g: Rc<Global<'a>>,
    pub query: Query,
    /// Depth from 0, as the index into `Global::levels`.
    pub level: usize,
    /// See [`PlanOptions::places`].
    pub tells_places: bool,
    pub rels: Vec<Option<Rel<'a>>>,
    pub join_rels: HashMap<RelSet, usize>,
    pub joins: Vec<Rel<'a>>,
    pub append_members: Vec<AppendMember>,
    pub all_base: RelSet,
    pub nullable_base: RelSet,
    pub ecs: Vec<EquivalenceClass>,
    pub left_join_clauses: Vec<ClauseRef>,
    pub right_join_clauses: Vec<ClauseRef>,
    pub full_join_clauses: Vec<ClauseRef>,
    pub special_joins: Vec<SpecialJoin>,
    pub lateral_refs: Vec<(usize, Vec<Expr>)>,
    pub having: Vec<Expr>,
    /// The query's final target list after preprocessing.
    pub targets: Vec<TargetEntry>,
    pub update_columns: Vec<i16>,
    pub tuple_fraction: f64,
    pub limit_tuples: f64,
    pub total_table_pages: f64,
    /// The output columns, where some of them are computed after sorting only.
    pub after_sort: Option<Vec<(Expr, usize)>>,
    pub query_keys: Vec<PathKey>,
    pub group_keys: Vec<PathKey>,
    /// How many of them are of GROUP BY; the others are what `presorted` asks for.
    pub group_by_keys: usize,
    /// Numbers of the aggregates that sorted grouping feeds in the order of their ORDER BY or DISTINCT.
    pub presorted: Vec<usize>,
    pub window_keys: Vec<PathKey>,
    pub distinct_keys: Vec<PathKey>,
    pub sort_keys: Vec<PathKey>,
    pub final_paths: Vec<Rc<Path>>,
    pub final_partial_paths: Vec<Rc<Path>>,
    /// The steps above the join, as far as they have been planned, may run below Gather.
    pub upper_parallel: bool,
    pub init_plans: Vec<Expr>,
    pub init_plan_cost: f64,
    /// The query's aggregates by index, if all of them can be had so.
    pub min_max: Vec<MinMax<'a>>,
    pub grouping_sets: Option<Sets>,
    /// Of a member of a set operation: the order that is of use there (targets are column numbers), and its keys.
    pub set_clauses: Vec<SortGroupClause>,
    pub set_keys: Vec<PathKey>,
    /// Conditions above that tell window functions when to stop.
    pub run_conditions: Vec<RunCondition>,
    pub row_marks: Vec<PlanRowMark>,
    /// CTEs in scope: of this level and the enclosing ones, innermost level last.
    pub ctes: Vec<Vec<CteState>>,
    pub multi_params: HashMap<usize, Vec<usize>>,
    /// The relations whose columns are params while the inner side of a nested loop is made into a plan.
    pub outer_params: RelSet,
    pub current_params: Vec<(Expr, usize)>,
    pub ec_done: bool,
    pub has_recursion: bool,
    /// For the recursive term of WITH RECURSIVE: param of the work table, and the non-recursive term's rows.
    pub work_table: Option<(usize, f64)>,
    pub has_having_qual: bool,
    pub has_pseudoconstant: bool,
}

/// A CTE's plan, once made.
#[derive(Clone, Debug)]
pub(crate) struct CteState {
    pub name: String,
    /// Subplan number and exec param; `None` when inlined or unreferenced.
    pub plan: Option<(usize, usize)>,
    pub rows: f64,
    pub startup: f64,
    pub total: f64,
    pub width: i32,
    /// Being planned: the param its work table is passed by.
    pub work_table: Option<(usize, f64)>,
}

impl<'a> Root<'a> {
    pub fn new(g: &Rc<Global<'a>>, query: Query, ctes: Vec<Vec<CteState>>) -> Root<'a> {
        Root {
            g: g.clone(),
            query,
            level: 0,
            tells_places: false,
            rels: Vec::new(),
            join_rels: HashMap::new(),
            joins: Vec::new(),
            append_members: Vec::new(),
            all_base: RelSet::new(),
            nullable_base: RelSet::new(),
            ecs: Vec::new(),
            left_join_clauses: Vec::new(),
            right_join_clauses: Vec::new(),
            full_join_clauses: Vec::new(),
            special_joins: Vec::new(),
            lateral_refs: Vec::new(),
            having: Vec::new(),
            targets: Vec::new(),
            update_columns: Vec::new(),
            tuple_fraction: 0.0,
            limit_tuples: -1.0,
            total_table_pages: 0.0,
            after_sort: None,
            query_keys: Vec::new(),
            group_keys: Vec::new(),
            group_by_keys: 0,
            presorted: Vec::new(),
            window_keys: Vec::new(),
            distinct_keys: Vec::new(),
            sort_keys: Vec::new(),
            final_paths: Vec::new(),
            final_partial_paths: Vec::new(),
            upper_parallel: false,
            init_plans: Vec::new(),
            init_plan_cost: 0.0,
            min_max: Vec::new(),
            grouping_sets: None,
            set_clauses: Vec::new(),
            set_keys: Vec::new(),
            run_conditions: Vec::new(),
            row_marks: Vec::new(),
            ctes,
            multi_params: HashMap::new(),
            outer_params: RelSet::new(),
            current_params: Vec::new(),
            ec_done: false,
            has_recursion: false,
            work_table: None,
            has_having_qual: false,
            has_pseudoconstant: false,
        }
    }

    pub fn session(&self) -> &'a Session {
        self.g.session
    }

    pub fn hooks(&self) -> &'a dyn PlannerHooks {
        self.g.options.hooks
    }

    pub fn costs(&self) -> &Costs {
        &self.g.costs
    }

    pub fn rte(&self, rti: usize) -> &RangeTableEntry {
        &self.query.range_table[rti - 1]
    }

    pub fn relation_oid(&self, rti: usize) -> Option<Oid> {
        match self.rte(rti).kind {
            RangeTableKind::Relation { oid, .. } => Some(oid),
            _ => None,
        }
    }

    pub fn base(&self, rti: usize) -> &Rel<'a> {
        self.rels[rti].as_ref().expect("every member of the join tree has a base relation")
    }

    pub fn base_mut(&mut self, rti: usize) -> &mut Rel<'a> {
        self.rels[rti].as_mut().expect("every member of the join tree has a base relation")
    }

    pub fn has_base(&self, rti: usize) -> bool {
        self.rels.get(rti).is_some_and(Option::is_some)
    }

    /// The relation of a set of base relations, if it has been built.
    pub fn find_rel(&self, relids: &RelSet) -> Option<&Rel<'a>> {
        if relids.len() == 1 {
            return relids.iter().next().and_then(|rti| self.rels.get(rti)?.as_ref());
        }
        self.join_rels.get(relids).map(|i| &self.joins[*i])
    }

    pub fn find_rel_mut(&mut self, relids: &RelSet) -> Option<&mut Rel<'a>> {
        if relids.len() == 1 {
            return relids.iter().next().and_then(|rti| self.rels.get_mut(rti)?.as_mut());
        }
        match self.join_rels.get(relids) {
            Some(i) => Some(&mut self.joins[*i]),
            None => None,
        }
    }
}
