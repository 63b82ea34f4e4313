//! Roles, privileges, databases, tablespaces, foreign data, publications and subscriptions.

use super::*;

/// CREATE ROLE, USER and GROUP.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateRole {
    pub kind: RoleStatementKind,
    pub name: String,
    /// superuser, inherit, createrole, createdb, canlogin, isreplication, bypassrls, connectionlimit, password,
    /// validUntil, rolemembers, adminmembers, addroleto, sysid.
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleStatementKind {
    Role,
    User,
    Group,
}

/// ALTER ROLE and USER, and ALTER GROUP ... ADD/DROP USER (`members`).
#[derive(Clone, Debug, PartialEq)]
pub struct AlterRole {
    pub role: Role,
    pub options: Vec<OptionItem>,
    /// ALTER GROUP: (ADD instead of DROP, the members).
    pub members: Option<(bool, Vec<Role>)>,
}

/// ALTER ROLE ... SET; without a role: ALL.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterRoleSet {
    pub role: Option<Role>,
    pub database: Option<String>,
    pub setting: SetStatement,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DropRole {
    pub roles: Vec<Role>,
    pub if_exists: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DropOwned {
    pub roles: Vec<Role>,
    pub behavior: DropBehavior,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReassignOwned {
    pub roles: Vec<Role>,
    pub new_owner: Role,
}

/// GRANT and REVOKE of privileges on objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    pub revoke: bool,
    /// Empty: ALL PRIVILEGES.
    pub privileges: Vec<Privilege>,
    pub target: GrantTarget,
    pub object_type: ObjectType,
    pub grantees: Vec<Role>,
    /// WITH GRANT OPTION, or REVOKE GRANT OPTION FOR.
    pub grant_option: bool,
    pub grantor: Option<Role>,
    pub behavior: DropBehavior,
}

#[derive(Clone, Debug, PartialEq)]
pub enum GrantTarget {
    Objects(Vec<ObjectRef>),
    AllInSchemas(Vec<String>),
    /// ALTER DEFAULT PRIVILEGES
    Defaults,
}

/// A privilege, or the role in GRANT role TO role. The name is lower case; None: ALL (with columns).
#[derive(Clone, Debug, PartialEq)]
pub struct Privilege {
    pub name: Option<String>,
    pub columns: Vec<String>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GrantRole {
    pub revoke: bool,
    pub roles: Vec<Privilege>,
    pub grantees: Vec<Role>,
    /// admin, inherit, set: booleans.
    pub options: Vec<OptionItem>,
    pub grantor: Option<Role>,
    pub behavior: DropBehavior,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterDefaultPrivileges {
    pub schemas: Option<Vec<String>>,
    pub roles: Option<Vec<Role>>,
    pub action: Grant,
}

/// CREATE DATABASE.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateDatabase {
    pub name: String,
    /// A DEFAULT has no value.
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterDatabase {
    pub name: String,
    pub change: AlterDatabaseChange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AlterDatabaseChange {
    Options(Vec<OptionItem>),
    Set(SetStatement),
    RefreshCollationVersion,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DropDatabase {
    pub name: String,
    pub if_exists: bool,
    /// force
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTablespace {
    pub name: String,
    pub owner: Option<Role>,
    pub location: String,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DropTablespace {
    pub name: String,
    pub if_exists: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterTablespace {
    pub name: String,
    pub options: Vec<OptionItem>,
    pub reset: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateForeignDataWrapper {
    pub name: String,
    pub functions: Vec<ForeignDataWrapperFunction>,
    pub options: Vec<OptionItem>,
}

/// HANDLER or VALIDATOR; without function: NO HANDLER, NO VALIDATOR.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignDataWrapperFunction {
    pub validator: bool,
    pub function: Option<ObjectName>,
    pub location: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterForeignDataWrapper {
    pub name: String,
    pub functions: Vec<ForeignDataWrapperFunction>,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateServer {
    pub name: String,
    pub if_not_exists: bool,
    pub server_type: Option<String>,
    pub version: Option<String>,
    pub wrapper: String,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterServer {
    pub name: String,
    /// Outer None: unchanged; inner None: NULL.
    pub version: Option<Option<String>>,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ImportForeignSchema {
    pub server: String,
    pub remote_schema: String,
    pub local_schema: String,
    pub filter: Option<ImportFilter>,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ImportFilter {
    LimitTo(Vec<RelationName>),
    Except(Vec<RelationName>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateUserMapping {
    pub user: Role,
    pub server: String,
    pub if_not_exists: bool,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterUserMapping {
    pub user: Role,
    pub server: String,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DropUserMapping {
    pub user: Role,
    pub server: String,
    pub if_exists: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatePublication {
    pub name: String,
    pub all_tables: bool,
    pub objects: Vec<PublicationObject>,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPublication {
    pub name: String,
    pub change: AlterPublicationChange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AlterPublicationChange {
    Options(Vec<OptionItem>),
    Add(Vec<PublicationObject>),
    Set(Vec<PublicationObject>),
    Drop(Vec<PublicationObject>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum PublicationObject {
    Table { relation: RelationName, columns: Vec<String>, where_clause: Option<Expr>, location: usize },
    Schema { name: String, location: usize },
    CurrentSchema { location: usize },
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateSubscription {
    pub name: String,
    pub connection: String,
    pub publications: Vec<String>,
    pub options: Vec<OptionItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterSubscription {
    pub name: String,
    pub change: AlterSubscriptionChange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AlterSubscriptionChange {
    Options(Vec<OptionItem>),
    Connection(String),
    Refresh(Vec<OptionItem>),
    AddPublications { publications: Vec<String>, options: Vec<OptionItem> },
    DropPublications { publications: Vec<String>, options: Vec<OptionItem> },
    SetPublications { publications: Vec<String>, options: Vec<OptionItem> },
    Enable(bool),
    Skip(Vec<OptionItem>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct DropSubscription {
    pub name: String,
    pub if_exists: bool,
    pub behavior: DropBehavior,
}
