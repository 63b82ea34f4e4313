//! Expressions.

use super::{JsonExpr, ObjectName, OperatorName, SelectStatement, TypeName, XmlExpr};

/// An expression. Its height is bounded by the parser, so recursion over it is bounded too.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Column(ColumnRef),
    /// `$1`
    Param {
        number: i32,
        location: usize,
    },
    Const {
        value: Literal,
        location: usize,
    },
    TypeCast(Box<TypeCast>),
    Collate(Box<Collate>),
    /// A prefix operator.
    Unary(Box<UnaryExpr>),
    Binary(Box<BinaryExpr>),
    /// `a AND b AND c`, flattened; at least two members. Location of the first AND.
    And {
        args: Vec<Expr>,
        location: usize,
    },
    Or {
        args: Vec<Expr>,
        location: usize,
    },
    Not {
        arg: Box<Expr>,
        location: usize,
    },
    IsNull {
        arg: Box<Expr>,
        negated: bool,
        location: usize,
    },
    BooleanTest {
        arg: Box<Expr>,
        test: BooleanTest,
        location: usize,
    },
    Distinct(Box<Distinct>),
    /// `x IN (a, b)`; `x IN (SELECT ...)` is a [`Subquery`].
    In(Box<In>),
    Like(Box<Like>),
    Between(Box<Between>),
    Case(Box<Case>),
    Function(Box<FunctionCall>),
    SqlValue {
        function: SqlValueFunction,
        precision: Option<i32>,
        location: usize,
    },
    Coalesce {
        args: Vec<Expr>,
        location: usize,
    },
    Greatest {
        args: Vec<Expr>,
        location: usize,
    },
    Least {
        args: Vec<Expr>,
        location: usize,
    },
    NullIf(Box<NullIf>),
    /// `explicit`: written `ROW(...)`.
    Row {
        args: Vec<Expr>,
        explicit: bool,
        location: usize,
    },
    Array {
        elements: Vec<Expr>,
        location: usize,
    },
    Subquery(Box<Subquery>),
    /// `x op ANY (array)`, `x op ALL (array)`.
    ArrayComparison(Box<ArrayComparison>),
    Indirection {
        arg: Box<Expr>,
        steps: Vec<Indirection>,
    },
    /// The word DEFAULT, legal only in INSERT and UPDATE.
    Default {
        location: usize,
    },
    Grouping {
        args: Vec<Expr>,
        location: usize,
    },
    /// `WHERE CURRENT OF cursor`, as the whole of a WHERE clause.
    CurrentOf {
        cursor: String,
        location: usize,
    },
    /// `MERGE_ACTION()`
    MergeAction {
        location: usize,
    },
    Json(Box<JsonExpr>),
    Xml(Box<XmlExpr>),
}

/// `a.b.c`, `a.*` or, with no names, `*`.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnRef {
    pub names: Vec<String>,
    pub star: bool,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Integer(i32),
    /// Digits as written (separators removed), possibly with a leading minus; also integers beyond 32 bits,
    /// decimal or `0x`, `0o`, `0b`.
    Numeric(String),
    String(String),
    /// Leading `b` or `x`, then the digits.
    BitString(String),
    Bool(bool),
    Null,
}

/// `CAST(x AS t)`, `x::t`, `t 'literal'`.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeCast {
    pub arg: Expr,
    pub type_name: TypeName,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Collate {
    pub arg: Expr,
    pub collation: ObjectName,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct UnaryExpr {
    pub operator: OperatorName,
    pub arg: Expr,
    /// Of the operator.
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BinaryExpr {
    pub operator: OperatorName,
    pub left: Expr,
    pub right: Expr,
    /// Of the operator.
    pub location: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BooleanTest {
    True,
    NotTrue,
    False,
    NotFalse,
    Unknown,
    NotUnknown,
}

/// `left IS [NOT] DISTINCT FROM right`
#[derive(Clone, Debug, PartialEq)]
pub struct Distinct {
    pub left: Expr,
    pub right: Expr,
    pub negated: bool,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct In {
    pub arg: Expr,
    pub list: Vec<Expr>,
    pub negated: bool,
    /// Of IN, or of NOT.
    pub location: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikeKind {
    Like,
    ILike,
    SimilarTo,
}

/// Means the operator `~~` (`!~~`, `~~*`, `!~~*`, `~`, `!~`); an ESCAPE goes through `pg_catalog.like_escape`,
/// a SIMILAR TO pattern always through `pg_catalog.similar_to_escape`.
#[derive(Clone, Debug, PartialEq)]
pub struct Like {
    pub kind: LikeKind,
    pub negated: bool,
    pub arg: Expr,
    pub pattern: Expr,
    pub escape: Option<Expr>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Between {
    pub arg: Expr,
    pub low: Expr,
    pub high: Expr,
    pub negated: bool,
    pub symmetric: bool,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub arg: Option<Expr>,
    pub whens: Vec<CaseWhen>,
    pub default: Option<Expr>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CaseWhen {
    pub condition: Expr,
    pub result: Expr,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NullIf {
    pub left: Expr,
    pub right: Expr,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCall {
    pub name: ObjectName,
    pub args: Vec<FunctionArg>,
    /// `f(*)`
    pub star: bool,
    pub distinct: bool,
    /// The last argument is marked VARIADIC.
    pub variadic: bool,
    /// Inside the parentheses, or that of WITHIN GROUP.
    pub order_by: Vec<SortBy>,
    pub within_group: bool,
    pub filter: Option<Expr>,
    pub over: Option<Over>,
    pub form: CallForm,
    pub location: usize,
}

/// Whether the call was written as a call or with SQL's own syntax (`EXTRACT(x FROM y)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallForm {
    #[default]
    Explicit,
    SqlSyntax,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunctionArg {
    /// `name => value`
    pub name: Option<String>,
    pub value: Expr,
    pub location: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A subquery in an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    pub kind: SubqueryKind,
    pub query: SelectStatement,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SubqueryKind {
    Scalar,
    Exists,
    /// `ARRAY(SELECT ...)`
    Array,
    /// `arg op ANY (SELECT ...)`; without operator: `arg [NOT] IN (SELECT ...)`.
    Any {
        arg: Expr,
        operator: Option<OperatorName>,
        negated: bool,
    },
    All {
        arg: Expr,
        operator: OperatorName,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct ArrayComparison {
    pub arg: Expr,
    pub operator: OperatorName,
    /// ALL instead of ANY.
    pub all: bool,
    pub array: Expr,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Indirection {
    Field { name: String, location: usize },
    Star { location: usize },
    Subscript { index: Expr, location: usize },
    Slice { lower: Option<Expr>, upper: Option<Expr>, location: usize },
}

/// One ORDER BY item.
#[derive(Clone, Debug, PartialEq)]
pub struct SortBy {
    pub expr: Expr,
    pub direction: SortDirection,
    /// None: default for the direction.
    pub nulls_first: Option<bool>,
    /// Of the USING operator, if there is one.
    pub location: usize,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum SortDirection {
    #[default]
    Default,
    Asc,
    Desc,
    Using(OperatorName),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Over {
    Name { name: String, location: usize },
    Window(WindowSpec),
}

#[derive(Clone, Debug, PartialEq)]
pub struct WindowSpec {
    /// The window's own name, in a WINDOW clause.
    pub name: Option<String>,
    /// An existing window that this one is built on.
    pub base: Option<String>,
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<SortBy>,
    pub frame: Option<Frame>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub mode: FrameMode,
    pub start: FrameBound,
    /// None: not written, so CURRENT ROW.
    pub end: Option<FrameBound>,
    pub exclusion: FrameExclusion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameMode {
    Range,
    Rows,
    Groups,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(Expr),
    CurrentRow,
    Following(Expr),
    UnboundedFollowing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameExclusion {
    #[default]
    NoOthers,
    CurrentRow,
    Group,
    Ties,
}

impl Expr {
    /// The offset that PostgreSQL keeps in the node itself (an operator's own place, for example).
    pub fn location(&self) -> usize {
        match self {
            Expr::Column(column) => column.location,
            Expr::Param { location, .. }
            | Expr::Const { location, .. }
            | Expr::And { location, .. }
            | Expr::Or { location, .. }
            | Expr::Not { location, .. }
            | Expr::IsNull { location, .. }
            | Expr::BooleanTest { location, .. }
            | Expr::SqlValue { location, .. }
            | Expr::Coalesce { location, .. }
            | Expr::Greatest { location, .. }
            | Expr::Least { location, .. }
            | Expr::Row { location, .. }
            | Expr::Array { location, .. }
            | Expr::Default { location }
            | Expr::Grouping { location, .. }
            | Expr::CurrentOf { location, .. }
            | Expr::MergeAction { location } => *location,
            Expr::TypeCast(cast) => cast.location,
            Expr::Collate(collate) => collate.location,
            Expr::Unary(unary) => unary.location,
            Expr::Binary(binary) => binary.location,
            Expr::Distinct(distinct) => distinct.location,
            Expr::In(list) => list.location,
            Expr::Like(like) => like.location,
            Expr::Between(between) => between.location,
            Expr::Case(case) => case.location,
            Expr::Function(call) => call.location,
            Expr::NullIf(nullif) => nullif.location,
            Expr::Subquery(subquery) => subquery.location,
            Expr::ArrayComparison(comparison) => comparison.location,
            Expr::Indirection { arg, .. } => arg.location(),
            Expr::Json(json) => json.location,
            Expr::Xml(xml) => xml.location(),
        }
    }

    /// Where the expression's text begins: the leftmost location in it. This is what most error messages point at
    /// (PostgreSQL's exprLocation).
    pub fn start(&self) -> usize {
        let own = self.location();
        let leftmost = match self {
            Expr::TypeCast(cast) => cast.arg.start().min(cast.type_name.location),
            Expr::Collate(collate) => collate.arg.start(),
            Expr::Binary(binary) => binary.left.start(),
            Expr::And { args, .. } | Expr::Or { args, .. } => args.first().map_or(own, Expr::start),
            Expr::IsNull { arg, .. } | Expr::BooleanTest { arg, .. } | Expr::Indirection { arg, .. } => {
                arg.start()
            }
            Expr::Distinct(distinct) => distinct.left.start(),
            Expr::In(list) => list.arg.start(),
            Expr::Like(like) => like.arg.start(),
            Expr::Between(between) => between.arg.start(),
            Expr::ArrayComparison(comparison) => comparison.arg.start(),
            Expr::Subquery(subquery) => match &subquery.kind {
                SubqueryKind::Any { arg, .. } | SubqueryKind::All { arg, .. } => arg.start(),
                _ => own,
            },
            _ => own,
        };
        leftmost.min(own)
    }
}
