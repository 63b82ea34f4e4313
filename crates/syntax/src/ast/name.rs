//! Names, types, roles and options: what every statement is made of.

use super::{Expr, Literal};

/// A possibly qualified name, outermost qualifier first (`any_name` of the grammar). Never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectName {
    pub parts: Vec<String>,
    /// Byte offset of the first part.
    pub location: usize,
}

impl ObjectName {
    /// The last part.
    pub fn name(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    /// The parts before the last.
    pub fn qualifiers(&self) -> &[String] {
        self.parts.split_last().map_or(&[], |(_, rest)| rest)
    }
}

/// A relation as it is named in a statement.
#[derive(Clone, Debug, PartialEq)]
pub struct RelationName {
    pub catalog: Option<String>,
    pub schema: Option<String>,
    pub name: String,
    /// False after `ONLY`: inheritance children and partitions are left out.
    pub inherit: bool,
    pub location: usize,
}

/// `[AS] name [(columns)]`
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    pub name: String,
    pub columns: Vec<String>,
}

/// How long a relation lives and how it is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persistence {
    #[default]
    Permanent,
    Unlogged,
    Temporary,
}

/// A type reference, as written.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeName {
    /// SQL's own spellings (`int`, `double precision`) come as `pg_catalog.int4`, `pg_catalog.float8`.
    pub names: Vec<String>,
    pub modifiers: Vec<Expr>,
    /// `INTERVAL YEAR TO MONTH`; the precision of seconds is then in `modifiers`.
    pub interval: Option<IntervalFields>,
    /// One entry per dimension; the bound if given.
    pub array_bounds: Vec<Option<i32>>,
    pub setof: bool,
    /// `name%TYPE`
    pub percent_type: bool,
    pub location: usize,
}

impl TypeName {
    /// A type of pg_catalog.
    pub fn system(name: &str, location: usize) -> TypeName {
        TypeName {
            names: vec!["pg_catalog".to_owned(), name.to_owned()],
            modifiers: Vec::new(),
            interval: None,
            array_bounds: Vec::new(),
            setof: false,
            percent_type: false,
            location,
        }
    }
}

/// The field restriction of an interval type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalFields {
    /// `INTERVAL(p)`: all fields, with a precision.
    Full,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    YearToMonth,
    DayToHour,
    DayToMinute,
    DayToSecond,
    HourToMinute,
    HourToSecond,
    MinuteToSecond,
}

/// An operator, possibly `OPERATOR(schema.op)`.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorName {
    pub schema: Vec<String>,
    pub name: String,
}

/// A role named in a statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    pub kind: RoleKind,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RoleKind {
    Name(String),
    Public,
    CurrentRole,
    CurrentUser,
    SessionUser,
}

/// `name [= value]` of an option list, definition or DDL clause.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionItem {
    /// `toast` in `toast.autovacuum_enabled`.
    pub namespace: Option<String>,
    pub name: String,
    pub value: Option<OptionValue>,
    pub action: OptionAction,
    pub location: usize,
}

/// The verb before an option of `ALTER ... OPTIONS (...)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OptionAction {
    #[default]
    Unspecified,
    Set,
    Add,
    Drop,
}

#[derive(Clone, Debug, PartialEq)]
pub enum OptionValue {
    Integer(i32),
    /// A number that is no 32-bit integer.
    Numeric(String),
    String(String),
    Bool(bool),
    /// A word or type name: `basetype = int4`, `alignment = double`.
    Type(TypeName),
    Operator(OperatorName),
    Name(ObjectName),
    Star,
    List(Vec<OptionValue>),
    Roles(Vec<Role>),
}

/// A number with its sign (`NumericOnly` of the grammar): an integer or numeric literal.
pub type SignedNumber = Literal;

/// What becomes of dependent objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DropBehavior {
    #[default]
    Restrict,
    Cascade,
}
