//! SQL/JSON and SQL/XML expressions and table functions.

use super::{Expr, FunctionArg, Over, SelectStatement, SortBy, TypeName};

/// A SQL/JSON expression.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonExpr {
    pub kind: JsonKind,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum JsonKind {
    /// `JSON_OBJECT(k: v, ...)`
    Object {
        pairs: Vec<JsonKeyValue>,
        absent_on_null: bool,
        unique_keys: bool,
        returning: Option<JsonReturning>,
    },
    /// `JSON_ARRAY(a, b)`
    Array {
        elements: Vec<JsonValue>,
        absent_on_null: bool,
        returning: Option<JsonReturning>,
    },
    /// `JSON_ARRAY(SELECT ...)`
    ArrayQuery {
        query: Box<SelectStatement>,
        format: Option<JsonFormat>,
        absent_on_null: bool,
        returning: Option<JsonReturning>,
    },
    ObjectAgg {
        pair: JsonKeyValue,
        absent_on_null: bool,
        unique_keys: bool,
        aggregate: JsonAggregate,
    },
    ArrayAgg {
        element: JsonValue,
        absent_on_null: bool,
        order_by: Vec<SortBy>,
        aggregate: JsonAggregate,
    },
    /// `JSON(x)`
    Parse {
        value: JsonValue,
        unique_keys: bool,
    },
    /// `JSON_SCALAR(x)`
    Scalar {
        value: Expr,
    },
    Serialize {
        value: JsonValue,
        returning: Option<JsonReturning>,
    },
    /// `x IS JSON ...`; `IS NOT JSON` is wrapped in a NOT.
    Predicate {
        arg: Expr,
        item: JsonItemType,
        unique_keys: bool,
    },
    Query(Box<JsonFunction>),
    Exists(Box<JsonFunction>),
    Value(Box<JsonFunction>),
}

/// What both JSON aggregates share.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonAggregate {
    pub returning: Option<JsonReturning>,
    pub filter: Option<Expr>,
    pub over: Option<Over>,
}

/// JSON_QUERY, JSON_EXISTS and JSON_VALUE.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonFunction {
    pub context: JsonValue,
    pub path: Expr,
    pub passing: Vec<JsonArgument>,
    pub returning: Option<JsonReturning>,
    pub wrapper: JsonWrapper,
    pub quotes: JsonQuotes,
    pub on_empty: Option<JsonBehavior>,
    pub on_error: Option<JsonBehavior>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct JsonKeyValue {
    pub key: Expr,
    pub value: JsonValue,
}

/// An expression with an optional FORMAT clause.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonValue {
    pub expr: Expr,
    pub format: Option<JsonFormat>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct JsonArgument {
    pub value: JsonValue,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonFormat {
    pub encoding: Option<JsonEncoding>,
    pub location: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonEncoding {
    Utf8,
    Utf16,
    Utf32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct JsonReturning {
    pub type_name: TypeName,
    pub format: Option<JsonFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonItemType {
    Any,
    Object,
    Array,
    Scalar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JsonWrapper {
    #[default]
    Unspecified,
    None,
    Conditional,
    Unconditional,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JsonQuotes {
    #[default]
    Unspecified,
    Keep,
    Omit,
}

#[derive(Clone, Debug, PartialEq)]
pub struct JsonBehavior {
    pub kind: JsonBehaviorKind,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum JsonBehaviorKind {
    Null,
    Error,
    Empty,
    True,
    False,
    Unknown,
    EmptyArray,
    EmptyObject,
    Default(Expr),
}

/// `JSON_TABLE(...)` in FROM.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonTable {
    pub context: JsonValue,
    pub path: String,
    pub path_location: usize,
    pub path_name: Option<String>,
    pub passing: Vec<JsonArgument>,
    pub columns: Vec<JsonTableColumn>,
    pub on_error: Option<JsonBehavior>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct JsonTableColumn {
    /// Empty for NESTED.
    pub name: String,
    pub kind: JsonTableColumnKind,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum JsonTableColumnKind {
    ForOrdinality,
    Regular(Box<JsonTableRegular>),
    Exists { type_name: TypeName, path: Option<JsonTablePath>, on_error: Option<JsonBehavior> },
    Nested { path: JsonTablePath, path_name: Option<String>, columns: Vec<JsonTableColumn> },
}

#[derive(Clone, Debug, PartialEq)]
pub struct JsonTableRegular {
    pub type_name: TypeName,
    pub format: Option<JsonFormat>,
    pub path: Option<JsonTablePath>,
    pub wrapper: JsonWrapper,
    pub quotes: JsonQuotes,
    pub on_empty: Option<JsonBehavior>,
    pub on_error: Option<JsonBehavior>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct JsonTablePath {
    pub path: String,
    pub location: usize,
}

/// A SQL/XML expression.
#[derive(Clone, Debug, PartialEq)]
pub enum XmlExpr {
    Concat {
        args: Vec<Expr>,
        location: usize,
    },
    Element {
        name: String,
        attributes: Vec<XmlAttribute>,
        content: Vec<Expr>,
        location: usize,
    },
    Forest {
        items: Vec<XmlAttribute>,
        location: usize,
    },
    Parse {
        arg: Expr,
        document: bool,
        preserve_whitespace: bool,
        location: usize,
    },
    Pi {
        name: String,
        content: Option<Expr>,
        location: usize,
    },
    Root {
        arg: Expr,
        version: Option<Expr>,
        standalone: XmlStandalone,
        location: usize,
    },
    Serialize {
        arg: Expr,
        document: bool,
        type_name: TypeName,
        indent: bool,
        location: usize,
    },
    /// `x IS DOCUMENT`
    IsDocument {
        arg: Expr,
        location: usize,
    },
}

impl XmlExpr {
    pub fn location(&self) -> usize {
        match self {
            XmlExpr::Concat { location, .. }
            | XmlExpr::Element { location, .. }
            | XmlExpr::Forest { location, .. }
            | XmlExpr::Parse { location, .. }
            | XmlExpr::Pi { location, .. }
            | XmlExpr::Root { location, .. }
            | XmlExpr::Serialize { location, .. }
            | XmlExpr::IsDocument { location, .. } => *location,
        }
    }
}

/// `value [AS name]`
#[derive(Clone, Debug, PartialEq)]
pub struct XmlAttribute {
    pub value: Expr,
    pub name: Option<String>,
    pub location: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XmlStandalone {
    Omitted,
    Yes,
    No,
    NoValue,
}

/// `XMLTABLE(...)` in FROM.
#[derive(Clone, Debug, PartialEq)]
pub struct XmlTable {
    pub namespaces: Vec<XmlNamespace>,
    pub row_path: Expr,
    pub document: Expr,
    pub columns: Vec<XmlTableColumn>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct XmlNamespace {
    /// None: DEFAULT.
    pub name: Option<String>,
    pub uri: Expr,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct XmlTableColumn {
    pub name: String,
    /// None: FOR ORDINALITY.
    pub type_name: Option<TypeName>,
    pub path: Option<Expr>,
    pub default: Option<Expr>,
    pub not_null: bool,
    pub location: usize,
}

/// Arguments without names, for the calls that special syntax becomes.
impl From<Expr> for FunctionArg {
    fn from(value: Expr) -> FunctionArg {
        let location = value.location();
        FunctionArg { name: None, value, location }
    }
}
