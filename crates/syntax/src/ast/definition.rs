//! Functions, types, operators and the other things that extend the system.

use super::*;

#[derive(Clone, Debug, PartialEq)]
pub struct CreateFunction {
    pub procedure: bool,
    pub or_replace: bool,
    pub name: ObjectName,
    /// RETURNS TABLE columns included, as [`ArgMode::Table`].
    pub args: Vec<RoutineArg>,
    pub returns: Option<TypeName>,
    pub returns_table: bool,
    pub options: Vec<FunctionOption>,
    pub body: Option<RoutineBody>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunctionOption {
    pub kind: FunctionOptionKind,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FunctionOptionKind {
    /// `AS 'body'` or `AS 'library', 'symbol'`
    As(Vec<String>),
    Language(String),
    Transform(Vec<TypeName>),
    Window,
    Strict(bool),
    Volatility(Volatility),
    SecurityDefiner(bool),
    Leakproof(bool),
    Cost(SignedNumber),
    Rows(SignedNumber),
    Support(ObjectName),
    Set(SetStatement),
    Parallel(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// A SQL-standard body.
#[derive(Clone, Debug, PartialEq)]
pub enum RoutineBody {
    Return(Expr),
    /// BEGIN ATOMIC ... END; RETURN statements are [`Statement::Return`].
    Atomic(Vec<Statement>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterFunction {
    pub object_type: ObjectType,
    pub routine: RoutineSignature,
    pub options: Vec<FunctionOption>,
}

/// CREATE AGGREGATE, OPERATOR, base TYPE, TEXT SEARCH objects and COLLATION: a name and a definition list.
#[derive(Clone, Debug, PartialEq)]
pub struct Define {
    pub object_type: ObjectType,
    pub or_replace: bool,
    pub if_not_exists: bool,
    pub name: ObjectName,
    /// Arguments of an aggregate.
    pub signature: Option<RoutineSignature>,
    /// An aggregate in the style before version 8.2.
    pub old_style: bool,
    /// `CREATE COLLATION a FROM b` is the option `from`.
    pub definition: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateCompositeType {
    pub name: ObjectName,
    pub attributes: Vec<ColumnDefinitionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateEnum {
    pub name: ObjectName,
    pub values: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateRange {
    pub name: ObjectName,
    pub definition: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterEnum {
    pub name: ObjectName,
    pub change: AlterEnumChange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AlterEnumChange {
    /// `neighbor`: (AFTER instead of BEFORE, its label).
    Add {
        value: String,
        if_not_exists: bool,
        neighbor: Option<(bool, String)>,
    },
    Rename {
        from: String,
        to: String,
    },
}

/// ALTER TYPE ... SET (...)
#[derive(Clone, Debug, PartialEq)]
pub struct AlterType {
    pub name: ObjectName,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateDomain {
    pub name: ObjectName,
    pub type_name: TypeName,
    pub collation: Option<(ObjectName, usize)>,
    pub constraints: Vec<Constraint>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterDomain {
    pub name: ObjectName,
    pub change: AlterDomainChange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AlterDomainChange {
    /// None: DROP DEFAULT.
    Default(Option<Expr>),
    DropNotNull,
    SetNotNull,
    AddConstraint(Box<Constraint>),
    DropConstraint {
        name: String,
        if_exists: bool,
        behavior: DropBehavior,
    },
    ValidateConstraint {
        name: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterOperator {
    pub operator: OperatorSignature,
    /// A value of NONE is absent.
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateOperatorClass {
    pub name: ObjectName,
    pub default: bool,
    pub type_name: TypeName,
    pub access_method: String,
    pub family: Option<ObjectName>,
    pub items: Vec<OperatorClassItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateOperatorFamily {
    pub name: ObjectName,
    pub access_method: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterOperatorFamily {
    pub name: ObjectName,
    pub access_method: String,
    pub drop: bool,
    pub items: Vec<OperatorClassItem>,
}

#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a handful per statement")]
pub enum OperatorClassItem {
    /// Without `signature`, the operands are those of the class. `order_family`: FOR ORDER BY.
    Operator {
        number: i32,
        name: OperatorName,
        signature: Option<OperatorSignature>,
        order_family: Option<ObjectName>,
    },
    Function {
        number: i32,
        types: Vec<TypeName>,
        function: RoutineSignature,
    },
    Storage(TypeName),
    DropOperator {
        number: i32,
        types: Vec<TypeName>,
    },
    DropFunction {
        number: i32,
        types: Vec<TypeName>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateCast {
    pub source: TypeName,
    pub target: TypeName,
    pub method: CastMethod,
    pub context: CastContext,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CastMethod {
    Function(RoutineSignature),
    WithoutFunction,
    InOut,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CastContext {
    #[default]
    Explicit,
    Assignment,
    Implicit,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTransform {
    pub or_replace: bool,
    pub type_name: TypeName,
    pub language: String,
    pub from_sql: Option<RoutineSignature>,
    pub to_sql: Option<RoutineSignature>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateLanguage {
    pub name: String,
    pub or_replace: bool,
    pub trusted: bool,
    /// None: CREATE LANGUAGE without handler, which means CREATE EXTENSION.
    pub handler: Option<ObjectName>,
    pub inline: Option<ObjectName>,
    pub validator: Option<ObjectName>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateConversion {
    pub name: ObjectName,
    pub default: bool,
    pub source: String,
    pub target: String,
    pub function: ObjectName,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateAccessMethod {
    pub name: String,
    /// TABLE instead of INDEX.
    pub table: bool,
    pub handler: ObjectName,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateEventTrigger {
    pub name: String,
    pub event: String,
    pub when: Vec<EventTriggerFilter>,
    pub function: ObjectName,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EventTriggerFilter {
    pub name: String,
    pub values: Vec<String>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterEventTrigger {
    pub name: String,
    pub firing: TriggerFiring,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterTextSearchDictionary {
    pub name: ObjectName,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterTextSearchConfiguration {
    pub name: ObjectName,
    pub change: TextSearchMappingChange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TextSearchMappingChange {
    Add {
        tokens: Vec<String>,
        dictionaries: Vec<ObjectName>,
    },
    Alter {
        tokens: Vec<String>,
        dictionaries: Vec<ObjectName>,
    },
    /// No tokens: for all of them.
    Replace {
        tokens: Vec<String>,
        from: ObjectName,
        to: ObjectName,
    },
    Drop {
        tokens: Vec<String>,
        if_exists: bool,
    },
}
