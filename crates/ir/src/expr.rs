//! Typed expressions, as the analyzer makes them and as they are stored in catalogs. The variants are those of
//! PostgreSQL's primnodes.h, because stored trees, plans and EXPLAIN show them; `location` is a byte offset into the
//! statement, `None` where unknown.

use crate::{Query, SortGroupClause};
use base::Oid;
use datum::{OwnedDatum, TypeLayout};
use std::sync::Arc;

/// Members of a range table, by index from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelSet(Vec<u64>);

impl RelSet {
    pub fn new() -> RelSet {
        RelSet::default()
    }
    pub fn single(member: usize) -> RelSet {
        let mut set = RelSet::new();
        set.insert(member);
        set
    }
    pub fn insert(&mut self, member: usize) {
        let word = member / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (member % 64);
    }
    pub fn remove(&mut self, member: usize) {
        if let Some(word) = self.0.get_mut(member / 64) {
            *word &= !(1 << (member % 64));
        }
        self.trim();
    }
    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
    pub fn contains(&self, member: usize) -> bool {
        self.0.get(member / 64).is_some_and(|word| word & (1 << (member % 64)) != 0)
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0
            .iter()
            .enumerate()
            .flat_map(|(w, bits)| (0..64).filter(move |b| bits & (1 << b) != 0).map(move |b| w * 64 + b))
    }
    pub fn union(&self, other: &RelSet) -> RelSet {
        let mut union = self.clone();
        union.extend(other);
        union
    }
    pub fn extend(&mut self, other: &RelSet) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }
    pub fn intersection(&self, other: &RelSet) -> RelSet {
        let mut set = RelSet(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect());
        set.trim();
        set
    }
    pub fn difference(&self, other: &RelSet) -> RelSet {
        let word = |i: usize| other.0.get(i).copied().unwrap_or(0);
        let mut set = RelSet(self.0.iter().enumerate().map(|(i, a)| a & !word(i)).collect());
        set.trim();
        set
    }
    pub fn is_subset(&self, other: &RelSet) -> bool {
        self.difference(other).is_empty()
    }
    pub fn overlaps(&self, other: &RelSet) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }
}

impl FromIterator<usize> for RelSet {
    fn from_iter<T: IntoIterator<Item = usize>>(members: T) -> RelSet {
        let mut set = RelSet::new();
        members.into_iter().for_each(|m| set.insert(m));
        set
    }
}

/// Which row a [`Var`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VarSource {
    /// A range table entry, from 1.
    Relation(usize),
    /// In plans: the outer (left) child's output column.
    Outer,
    /// In plans: the inner (right) child's output column.
    Inner,
    /// In plans: a column of the index tuple.
    Index,
}

/// RETURNING OLD/NEW.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Returning {
    #[default]
    Default,
    Old,
    New,
}

/// A column reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Var {
    pub source: VarSource,
    /// Attribute number from 1; 0 is the whole row, negative are system columns (ctid -1, xmin -2, cmin -3, xmax -4, cmax -5, tableoid -6).
    pub attribute: i16,
    pub type_oid: Oid,
    pub typmod: i32,
    pub collation: Oid,
    /// Outer joins that may null it.
    pub nulling: RelSet,
    /// 0: this query's range table; n: that of the n-th enclosing query.
    pub levels_up: u32,
    pub returning: Returning,
    /// The column as the user named it, before join aliases were resolved: (range table index, attribute). 0 where unknown.
    pub syntactic: (usize, i16),
    pub location: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Const {
    pub type_oid: Oid,
    pub typmod: i32,
    pub collation: Oid,
    pub layout: TypeLayout,
    pub value: Option<OwnedDatum>,
    pub location: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParamKind {
    /// $n of a prepared statement or a function.
    External,
    /// Passed between plan nodes: correlated subplans and nested-loop inner sides.
    Exec,
    /// Column n of a sublink's row, inside its test expression.
    SubLink,
    /// Column n of a multi-assignment's source; high half the sublink's number.
    MultiExpr,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    pub kind: ParamKind,
    /// From 1 for external ones.
    pub id: usize,
    pub type_oid: Oid,
    pub typmod: i32,
    pub collation: Oid,
    pub location: Option<usize>,
}

/// How a call was written, for deparsing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CoercionForm {
    #[default]
    ExplicitCall,
    ExplicitCast,
    ImplicitCast,
    /// Special SQL syntax such as EXTRACT(... FROM ...).
    SqlSyntax,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FuncExpr {
    pub function: Oid,
    pub result_type: Oid,
    pub returns_set: bool,
    /// The last argument is an array made of VARIADIC arguments.
    pub variadic: bool,
    pub form: CoercionForm,
    pub collation: Oid,
    pub input_collation: Oid,
    pub args: Vec<Expr>,
    pub location: Option<usize>,
}

/// Operator call: also `IS DISTINCT FROM` and NULLIF, which share its fields.
#[derive(Clone, Debug, PartialEq)]
pub struct OpExpr {
    pub operator: Oid,
    /// The operator's function.
    pub function: Oid,
    pub result_type: Oid,
    pub returns_set: bool,
    pub collation: Oid,
    pub input_collation: Oid,
    pub args: Vec<Expr>,
    pub location: Option<usize>,
}

/// `scalar OP ANY/ALL (array)`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalarArrayOp {
    pub operator: Oid,
    pub function: Oid,
    /// ANY, else ALL.
    pub use_or: bool,
    pub input_collation: Oid,
    /// Scalar, array.
    pub args: Box<[Expr; 2]>,
    pub location: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BoolOp {
    And,
    Or,
    Not,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Aggref {
    pub function: Oid,
    pub result_type: Oid,
    pub collation: Oid,
    pub input_collation: Oid,
    /// pg_aggregate.aggtranstype, polymorphism resolved; 0 until the planner fills it in.
    pub transition_type: Oid,
    pub argument_types: Vec<Oid>,
    pub direct_args: Vec<Expr>,
    pub args: Vec<TargetEntry>,
    pub order_by: Vec<SortGroupClause>,
    pub distinct: Vec<SortGroupClause>,
    pub filter: Option<Box<Expr>>,
    /// count(*).
    pub star: bool,
    pub variadic: bool,
    /// aggkind: n, o or h.
    pub kind: u8,
    pub levels_up: u32,
    pub split: AggSplit,
    /// Place among the node's aggregates, and of its transition state; set by the planner.
    pub number: usize,
    pub transition_number: usize,
    pub location: Option<usize>,
}

/// Which half of an aggregate a plan node computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AggSplit {
    #[default]
    Simple,
    /// Transition and serialise, no final function.
    Initial,
    /// Combine and finish.
    Final,
}

#[derive(Clone, Debug, PartialEq)]
pub struct WindowFunc {
    pub function: Oid,
    pub result_type: Oid,
    pub collation: Oid,
    pub input_collation: Oid,
    pub args: Vec<Expr>,
    pub filter: Option<Box<Expr>>,
    /// Index (from 1) of the window clause.
    pub window: usize,
    pub star: bool,
    /// A plain aggregate used as a window function.
    pub aggregate: bool,
    pub location: Option<usize>,
}

/// Fetch or assignment of an array element or slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscript {
    pub container_type: Oid,
    pub element_type: Oid,
    pub result_type: Oid,
    pub typmod: i32,
    pub collation: Oid,
    pub upper: Vec<Option<Expr>>,
    /// Empty unless slices.
    pub lower: Vec<Option<Expr>>,
    pub container: Box<Expr>,
    /// The assigned value, in UPDATE ... SET a[i] = value.
    pub assign: Option<Box<Expr>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubLinkKind {
    Exists,
    All,
    Any,
    RowCompare,
    /// A scalar subquery.
    Expr,
    MultiExpr,
    Array,
    Cte,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SubLink {
    pub kind: SubLinkKind,
    /// For MultiExpr.
    pub id: usize,
    /// ANY/ALL/row comparison over `ParamKind::SubLink` params.
    pub test: Option<Box<Expr>>,
    /// The operator's name, for deparsing.
    pub operator_name: Vec<String>,
    pub query: Box<Query>,
    /// Of the whole expression: boolean for tests, the column's for Expr, its array type for Array, record for MultiExpr.
    pub result_type: Oid,
    pub typmod: i32,
    pub collation: Oid,
    pub location: Option<usize>,
}

/// A planned sublink.
#[derive(Clone, Debug, PartialEq)]
pub struct SubPlan {
    pub kind: SubLinkKind,
    pub test: Option<Box<Expr>>,
    /// Exec params that the test expression reads the subplan's columns from.
    pub param_ids: Vec<usize>,
    /// Index (from 0) into [`crate::PlannedStmt::subplans`].
    pub plan: usize,
    pub name: String,
    /// As in [`SubLink`].
    pub result_type: Oid,
    pub typmod: i32,
    pub collation: Oid,
    /// Hash its output for ANY.
    pub use_hash_table: bool,
    /// NULLs in the test count as false: no difference to the caller.
    pub unknown_equals_false: bool,
    /// For init plans: exec params it sets.
    pub set_params: Vec<usize>,
    /// For correlated ones: exec params passed in, and their values.
    pub parameter_params: Vec<usize>,
    pub args: Vec<Expr>,
    pub startup_cost: f64,
    pub per_call_cost: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CaseWhen {
    pub condition: Expr,
    pub result: Expr,
    pub location: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowCompareOp {
    Less,
    LessEqual,
    GreaterEqual,
    Greater,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SqlValueFunction {
    CurrentDate,
    CurrentTime,
    CurrentTimestamp,
    LocalTime,
    LocalTimestamp,
    CurrentRole,
    CurrentUser,
    User,
    SessionUser,
    CurrentCatalog,
    CurrentSchema,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BooleanTest {
    True,
    NotTrue,
    False,
    NotFalse,
    Unknown,
    NotUnknown,
}

/// A typed expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Var(Var),
    Const(Const),
    Param(Param),
    Aggref(Box<Aggref>),
    Grouping {
        args: Vec<Expr>,
        refs: Vec<usize>,
        columns: Vec<usize>,
        levels_up: u32,
        location: Option<usize>,
    },
    WindowFunc(Box<WindowFunc>),
    Subscript(Box<Subscript>),
    Func(FuncExpr),
    /// `name => value` in a call; gone after analysis except in stored trees.
    NamedArg {
        arg: Box<Expr>,
        name: String,
        number: i32,
        location: Option<usize>,
    },
    Op(OpExpr),
    /// `IS DISTINCT FROM`.
    Distinct(OpExpr),
    NullIf(OpExpr),
    ScalarArrayOp(ScalarArrayOp),
    Bool {
        op: BoolOp,
        args: Vec<Expr>,
        location: Option<usize>,
    },
    SubLink(Box<SubLink>),
    SubPlan(Box<SubPlan>),
    FieldSelect {
        arg: Box<Expr>,
        field: i16,
        result_type: Oid,
        typmod: i32,
        collation: Oid,
    },
    FieldStore {
        arg: Box<Expr>,
        values: Vec<Expr>,
        fields: Vec<i16>,
        result_type: Oid,
    },
    /// Binary-compatible cast.
    Relabel {
        arg: Box<Expr>,
        result_type: Oid,
        typmod: i32,
        collation: Oid,
        form: CoercionForm,
        location: Option<usize>,
    },
    /// Cast through the output and input functions.
    CoerceViaIo {
        arg: Box<Expr>,
        result_type: Oid,
        collation: Oid,
        form: CoercionForm,
        location: Option<usize>,
    },
    /// Cast of each element; `element` reads [`Expr::CaseTest`].
    ArrayCoerce {
        arg: Box<Expr>,
        element: Box<Expr>,
        result_type: Oid,
        typmod: i32,
        collation: Oid,
        form: CoercionForm,
        location: Option<usize>,
    },
    ConvertRowtype {
        arg: Box<Expr>,
        result_type: Oid,
        form: CoercionForm,
        location: Option<usize>,
    },
    Collate {
        arg: Box<Expr>,
        collation: Oid,
        location: Option<usize>,
    },
    Case {
        result_type: Oid,
        collation: Oid,
        arg: Option<Box<Expr>>,
        whens: Vec<CaseWhen>,
        default: Option<Box<Expr>>,
        location: Option<usize>,
    },
    /// The value under test in CASE x WHEN, in array coercions and in assignments.
    CaseTest {
        type_oid: Oid,
        typmod: i32,
        collation: Oid,
    },
    Array {
        array_type: Oid,
        collation: Oid,
        element_type: Oid,
        elements: Vec<Expr>,
        multidimensional: bool,
        location: Option<usize>,
    },
    Row {
        args: Vec<Expr>,
        row_type: Oid,
        form: CoercionForm,
        column_names: Vec<String>,
        location: Option<usize>,
    },
    RowCompare {
        op: RowCompareOp,
        operators: Vec<Oid>,
        families: Vec<Oid>,
        input_collations: Vec<Oid>,
        left: Vec<Expr>,
        right: Vec<Expr>,
    },
    Coalesce {
        result_type: Oid,
        collation: Oid,
        args: Vec<Expr>,
        location: Option<usize>,
    },
    MinMax {
        greatest: bool,
        result_type: Oid,
        collation: Oid,
        input_collation: Oid,
        args: Vec<Expr>,
        location: Option<usize>,
    },
    SqlValue {
        function: SqlValueFunction,
        type_oid: Oid,
        typmod: i32,
        location: Option<usize>,
    },
    /// `row_argument`: test the fields of a row.
    NullTest {
        arg: Box<Expr>,
        is_null: bool,
        row_argument: bool,
        location: Option<usize>,
    },
    BooleanTest {
        arg: Box<Expr>,
        test: BooleanTest,
        location: Option<usize>,
    },
    CoerceToDomain {
        arg: Box<Expr>,
        result_type: Oid,
        typmod: i32,
        collation: Oid,
        form: CoercionForm,
        location: Option<usize>,
    },
    CoerceToDomainValue {
        type_oid: Oid,
        typmod: i32,
        collation: Oid,
        location: Option<usize>,
    },
    SetToDefault {
        type_oid: Oid,
        typmod: i32,
        collation: Oid,
        location: Option<usize>,
    },
    CurrentOf {
        relation: usize,
        cursor: Option<String>,
        param: usize,
    },
    /// nextval of an identity column's sequence, without permission checks.
    NextValue {
        sequence: Oid,
        type_oid: Oid,
    },
    /// merge_action().
    MergeAction {
        location: Option<usize>,
    },
    /// RETURNING OLD/NEW.*: NULL if the row does not exist.
    Returning {
        levels_up: u32,
        old: bool,
        arg: Box<Expr>,
    },
    /// In planning: an expression that stays whole while it is computed below.
    PlaceHolder(Arc<PlaceHolder>),
}

/// An expression that must be evaluated at or below an outer join that may null it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceHolder {
    pub expr: Expr,
    pub relations: RelSet,
    pub nulling: RelSet,
    pub id: usize,
    pub levels_up: u32,
}

/// A column of a target list.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetEntry {
    pub expr: Expr,
    /// From 1; the attribute assigned to in INSERT and UPDATE.
    pub number: i16,
    pub name: Option<String>,
    /// Referenced by ORDER BY, GROUP BY, DISTINCT; 0 if not.
    pub sort_group_ref: usize,
    /// The table column it comes straight from: for RowDescription.
    pub origin: Option<(Oid, i16)>,
    /// Not part of the result.
    pub junk: bool,
}

impl TargetEntry {
    pub fn new(expr: Expr, number: i16, name: Option<String>) -> TargetEntry {
        TargetEntry { expr, number, name, sort_group_ref: 0, origin: None, junk: false }
    }
}
