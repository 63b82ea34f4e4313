//! Statements that work on objects of any kind, and the ways to address these: DROP, COMMENT, RENAME, OWNER TO, ...

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectType {
    AccessMethod,
    Aggregate,
    Attribute,
    Cast,
    Collation,
    Column,
    Conversion,
    Database,
    Domain,
    DomainConstraint,
    EventTrigger,
    Extension,
    ForeignDataWrapper,
    ForeignServer,
    ForeignTable,
    Function,
    Index,
    Language,
    LargeObject,
    MaterializedView,
    OperatorClass,
    Operator,
    OperatorFamily,
    Parameter,
    Policy,
    Procedure,
    Publication,
    Role,
    Routine,
    Rule,
    Schema,
    Sequence,
    Statistics,
    Subscription,
    TableConstraint,
    Table,
    Tablespace,
    Transform,
    Trigger,
    TextSearchConfiguration,
    TextSearchDictionary,
    TextSearchParser,
    TextSearchTemplate,
    Type,
    View,
}

/// How one object is addressed.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectRef {
    Name(ObjectName),
    Relation(RelationName),
    /// Functions, procedures, routines and aggregates.
    Routine(RoutineSignature),
    Operator(OperatorSignature),
    /// Types and domains.
    Type(TypeName),
    Cast {
        source: TypeName,
        target: TypeName,
    },
    Transform {
        type_name: TypeName,
        language: String,
    },
    /// Policy, rule, trigger or constraint of a relation or domain.
    Child {
        name: String,
        parent: ObjectName,
    },
    /// Operator class or family.
    AccessMethodMember {
        name: ObjectName,
        access_method: String,
    },
    LargeObject(SignedNumber),
    Role(Role),
}

#[derive(Clone, Debug, PartialEq)]
pub struct RoutineSignature {
    pub name: ObjectName,
    /// None: no argument list written. Input arguments; for aggregates direct ones first.
    pub args: Option<Vec<RoutineArg>>,
    /// Aggregates with ORDER BY: how many arguments stand before it.
    pub direct_args: Option<usize>,
    /// `agg(*)`
    pub star: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RoutineArg {
    pub name: Option<String>,
    pub mode: ArgMode,
    pub type_name: TypeName,
    pub default: Option<Expr>,
    pub location: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgMode {
    /// Not written; means IN.
    Default,
    In,
    Out,
    InOut,
    Variadic,
    /// A column of RETURNS TABLE.
    Table,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OperatorSignature {
    pub name: OperatorName,
    /// None: NONE, a prefix operator.
    pub left: Option<TypeName>,
    /// None: NONE, which no operator of PostgreSQL 18 can have.
    pub right: Option<TypeName>,
    pub location: usize,
}

/// DROP of everything but databases, roles, tablespaces, subscriptions, user mappings and OWNED BY.
#[derive(Clone, Debug, PartialEq)]
pub struct Drop {
    pub object_type: ObjectType,
    pub objects: Vec<ObjectRef>,
    pub if_exists: bool,
    pub behavior: DropBehavior,
    pub concurrently: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Comment {
    pub object_type: ObjectType,
    pub object: ObjectRef,
    /// None: NULL.
    pub text: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SecurityLabel {
    pub object_type: ObjectType,
    pub object: ObjectRef,
    pub provider: Option<String>,
    pub label: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rename {
    /// What is renamed.
    pub object_type: ObjectType,
    /// The relation's kind, when a column, attribute or constraint is renamed.
    pub relation_type: Option<ObjectType>,
    /// The object, or the relation that `sub_name` is in.
    pub object: ObjectRef,
    /// Column, attribute or constraint.
    pub sub_name: Option<String>,
    pub new_name: String,
    pub if_exists: bool,
    pub behavior: DropBehavior,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterOwner {
    pub object_type: ObjectType,
    pub object: ObjectRef,
    pub owner: Role,
}

/// `ALTER ... SET SCHEMA`
#[derive(Clone, Debug, PartialEq)]
pub struct AlterObjectSchema {
    pub object_type: ObjectType,
    pub object: ObjectRef,
    pub schema: String,
    pub if_exists: bool,
}

/// `ALTER ... [NO] DEPENDS ON EXTENSION`
#[derive(Clone, Debug, PartialEq)]
pub struct AlterObjectDepends {
    pub object_type: ObjectType,
    pub object: ObjectRef,
    pub extension: String,
    pub remove: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateSchema {
    pub name: Option<String>,
    pub authorization: Option<Role>,
    pub if_not_exists: bool,
    pub elements: Vec<RawStatement>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateExtension {
    pub name: String,
    pub if_not_exists: bool,
    /// schema, new_version, cascade
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterExtension {
    pub name: String,
    /// new_version
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterExtensionContents {
    pub name: String,
    /// ADD instead of DROP.
    pub add: bool,
    pub object_type: ObjectType,
    pub object: ObjectRef,
}
