//! The list of all statements, and their command tags.

use super::*;

/// A statement with its place in the query string.
#[derive(Clone, Debug, PartialEq)]
pub struct RawStatement {
    pub statement: Statement,
    /// Byte offset of the statement's first token.
    pub location: usize,
    /// In bytes, up to the semicolon (or the end of the text), white space before it included.
    pub length: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    Select(Box<SelectStatement>),
    Insert(Box<InsertStatement>),
    Update(Box<UpdateStatement>),
    Delete(Box<DeleteStatement>),
    Merge(Box<MergeStatement>),
    /// `RETURN expr`, only inside BEGIN ATOMIC.
    Return(Box<Expr>),
    /// PL/pgSQL's assignment.
    Assign(Box<AssignStatement>),

    CreateTable(Box<CreateTable>),
    CreateTableAs(Box<CreateTableAs>),
    RefreshMaterializedView(Box<RefreshMaterializedView>),
    CreateView(Box<CreateView>),
    CreateIndex(Box<CreateIndex>),
    CreateSequence(Box<CreateSequence>),
    AlterSequence(Box<AlterSequence>),
    CreateStatistics(Box<CreateStatistics>),
    AlterStatistics(Box<AlterStatistics>),
    AlterTable(Box<AlterTable>),
    AlterTableMoveAll(Box<AlterTableMoveAll>),
    CreateTrigger(Box<CreateTrigger>),
    CreateRule(Box<CreateRule>),
    CreatePolicy(Box<CreatePolicy>),
    AlterPolicy(Box<AlterPolicy>),

    Drop(Box<Drop>),
    Comment(Box<Comment>),
    SecurityLabel(Box<SecurityLabel>),
    Rename(Box<Rename>),
    AlterOwner(Box<AlterOwner>),
    AlterObjectSchema(Box<AlterObjectSchema>),
    AlterObjectDepends(Box<AlterObjectDepends>),
    CreateSchema(Box<CreateSchema>),
    CreateExtension(Box<CreateExtension>),
    AlterExtension(Box<AlterExtension>),
    AlterExtensionContents(Box<AlterExtensionContents>),

    CreateFunction(Box<CreateFunction>),
    AlterFunction(Box<AlterFunction>),
    Define(Box<Define>),
    CreateCompositeType(Box<CreateCompositeType>),
    CreateEnum(Box<CreateEnum>),
    CreateRange(Box<CreateRange>),
    AlterEnum(Box<AlterEnum>),
    AlterType(Box<AlterType>),
    CreateDomain(Box<CreateDomain>),
    AlterDomain(Box<AlterDomain>),
    AlterOperator(Box<AlterOperator>),
    CreateOperatorClass(Box<CreateOperatorClass>),
    CreateOperatorFamily(Box<CreateOperatorFamily>),
    AlterOperatorFamily(Box<AlterOperatorFamily>),
    CreateCast(Box<CreateCast>),
    CreateTransform(Box<CreateTransform>),
    CreateLanguage(Box<CreateLanguage>),
    CreateConversion(Box<CreateConversion>),
    CreateAccessMethod(Box<CreateAccessMethod>),
    CreateEventTrigger(Box<CreateEventTrigger>),
    AlterEventTrigger(Box<AlterEventTrigger>),
    AlterTextSearchDictionary(Box<AlterTextSearchDictionary>),
    AlterTextSearchConfiguration(Box<AlterTextSearchConfiguration>),
    /// ALTER COLLATION ... REFRESH VERSION
    AlterCollation(Box<ObjectName>),

    CreateRole(Box<CreateRole>),
    AlterRole(Box<AlterRole>),
    AlterRoleSet(Box<AlterRoleSet>),
    DropRole(Box<DropRole>),
    DropOwned(Box<DropOwned>),
    ReassignOwned(Box<ReassignOwned>),
    Grant(Box<Grant>),
    GrantRole(Box<GrantRole>),
    AlterDefaultPrivileges(Box<AlterDefaultPrivileges>),
    CreateDatabase(Box<CreateDatabase>),
    AlterDatabase(Box<AlterDatabase>),
    DropDatabase(Box<DropDatabase>),
    CreateTablespace(Box<CreateTablespace>),
    AlterTablespace(Box<AlterTablespace>),
    DropTablespace(Box<DropTablespace>),
    /// ALTER SYSTEM SET and RESET
    AlterSystem(Box<SetStatement>),
    CreateForeignDataWrapper(Box<CreateForeignDataWrapper>),
    AlterForeignDataWrapper(Box<AlterForeignDataWrapper>),
    CreateServer(Box<CreateServer>),
    AlterServer(Box<AlterServer>),
    ImportForeignSchema(Box<ImportForeignSchema>),
    CreateUserMapping(Box<CreateUserMapping>),
    AlterUserMapping(Box<AlterUserMapping>),
    DropUserMapping(Box<DropUserMapping>),
    CreatePublication(Box<CreatePublication>),
    AlterPublication(Box<AlterPublication>),
    CreateSubscription(Box<CreateSubscription>),
    AlterSubscription(Box<AlterSubscription>),
    DropSubscription(Box<DropSubscription>),

    /// SET and RESET
    Set(Box<SetStatement>),
    Show(Box<ShowStatement>),
    SetConstraints(Box<SetConstraints>),
    Transaction(Box<TransactionStatement>),
    DeclareCursor(Box<DeclareCursor>),
    Fetch(Box<Fetch>),
    ClosePortal(Box<ClosePortal>),
    Prepare(Box<Prepare>),
    Execute(Box<Execute>),
    Deallocate(Box<Deallocate>),
    Copy(Box<Copy>),
    Explain(Box<Explain>),
    Vacuum(Box<Vacuum>),
    Cluster(Box<Cluster>),
    Reindex(Box<Reindex>),
    LockTable(Box<LockTable>),
    Truncate(Box<Truncate>),
    Listen {
        channel: String,
    },
    /// None: `*`
    Unlisten {
        channel: Option<String>,
    },
    Notify(Box<Notify>),
    Load {
        file: String,
    },
    Checkpoint,
    Discard(Discard),
    Do(Box<Do>),
    /// The call, as a function call expression.
    Call(Box<FunctionCall>),
}

impl Statement {
    /// The EXECUTE whose rows EXPLAIN or CREATE TABLE AS are about.
    pub fn inner_execute(&self) -> Option<&Execute> {
        match self {
            Statement::Explain(explain) => match &*explain.query {
                Statement::Execute(execute) => Some(execute),
                inner @ Statement::CreateTableAs(_) => inner.inner_execute(),
                _ => None,
            },
            Statement::CreateTableAs(create) => match &*create.query {
                Statement::Execute(execute) => Some(execute),
                _ => None,
            },
            _ => None,
        }
    }

    /// The command tag without row counts (`SELECT`, `CREATE TABLE`), as PostgreSQL names it.
    pub fn tag(&self) -> &'static str {
        match self {
            Statement::Select(select) => select.tag(),
            Statement::Insert(_) => "INSERT",
            Statement::Update(_) => "UPDATE",
            Statement::Delete(_) => "DELETE",
            Statement::Merge(_) => "MERGE",
            Statement::Return(_) | Statement::Assign(_) => "SELECT",
            Statement::Transaction(transaction) => transaction.tag(),
            Statement::Drop(drop) => drop_tag(drop.object_type),
            Statement::Rename(rename) => alter_tag(rename.relation_type.unwrap_or(rename.object_type)),
            Statement::AlterOwner(alter) => alter_tag(alter.object_type),
            Statement::AlterObjectSchema(alter) => alter_tag(alter.object_type),
            Statement::AlterObjectDepends(alter) => alter_tag(alter.object_type),
            Statement::AlterTable(alter) => alter_tag(alter.object_type),
            Statement::AlterTableMoveAll(alter) => alter_tag(alter.object_type),
            Statement::AlterFunction(alter) => alter_tag(alter.object_type),
            Statement::Define(define) => define_tag(define.object_type),
            _ => self.relation_tag().or_else(|| self.definition_tag()).unwrap_or_else(|| self.utility_tag()),
        }
    }

    fn relation_tag(&self) -> Option<&'static str> {
        Some(match self {
            Statement::CreateTable(create) if create.foreign.is_some() => "CREATE FOREIGN TABLE",
            Statement::CreateTable(_) => "CREATE TABLE",
            Statement::CreateTableAs(create) if create.materialized_view => "CREATE MATERIALIZED VIEW",
            Statement::CreateTableAs(_) => "CREATE TABLE AS",
            Statement::RefreshMaterializedView(_) => "REFRESH MATERIALIZED VIEW",
            Statement::CreateView(_) => "CREATE VIEW",
            Statement::CreateIndex(_) => "CREATE INDEX",
            Statement::CreateSequence(_) => "CREATE SEQUENCE",
            Statement::AlterSequence(_) => "ALTER SEQUENCE",
            Statement::CreateStatistics(_) => "CREATE STATISTICS",
            Statement::AlterStatistics(_) => "ALTER STATISTICS",
            Statement::CreateTrigger(_) => "CREATE TRIGGER",
            Statement::CreateRule(_) => "CREATE RULE",
            Statement::CreatePolicy(_) => "CREATE POLICY",
            Statement::AlterPolicy(_) => "ALTER POLICY",
            Statement::Comment(_) => "COMMENT",
            Statement::SecurityLabel(_) => "SECURITY LABEL",
            Statement::CreateSchema(_) => "CREATE SCHEMA",
            Statement::CreateExtension(_) => "CREATE EXTENSION",
            Statement::AlterExtension(_) | Statement::AlterExtensionContents(_) => "ALTER EXTENSION",
            _ => return None,
        })
    }

    fn definition_tag(&self) -> Option<&'static str> {
        Some(match self {
            Statement::CreateFunction(create) if create.procedure => "CREATE PROCEDURE",
            Statement::CreateFunction(_) => "CREATE FUNCTION",
            Statement::CreateCompositeType(_) | Statement::CreateEnum(_) | Statement::CreateRange(_) => {
                "CREATE TYPE"
            }
            Statement::AlterEnum(_) | Statement::AlterType(_) => "ALTER TYPE",
            Statement::CreateDomain(_) => "CREATE DOMAIN",
            Statement::AlterDomain(_) => "ALTER DOMAIN",
            Statement::AlterOperator(_) => "ALTER OPERATOR",
            Statement::CreateOperatorClass(_) => "CREATE OPERATOR CLASS",
            Statement::CreateOperatorFamily(_) => "CREATE OPERATOR FAMILY",
            Statement::AlterOperatorFamily(_) => "ALTER OPERATOR FAMILY",
            Statement::CreateCast(_) => "CREATE CAST",
            Statement::CreateTransform(_) => "CREATE TRANSFORM",
            Statement::CreateLanguage(_) => "CREATE LANGUAGE",
            Statement::CreateConversion(_) => "CREATE CONVERSION",
            Statement::CreateAccessMethod(_) => "CREATE ACCESS METHOD",
            Statement::CreateEventTrigger(_) => "CREATE EVENT TRIGGER",
            Statement::AlterEventTrigger(_) => "ALTER EVENT TRIGGER",
            Statement::AlterTextSearchDictionary(_) => "ALTER TEXT SEARCH DICTIONARY",
            Statement::AlterTextSearchConfiguration(_) => "ALTER TEXT SEARCH CONFIGURATION",
            Statement::AlterCollation(_) => "ALTER COLLATION",
            Statement::CreateRole(_) => "CREATE ROLE",
            Statement::AlterRole(_) | Statement::AlterRoleSet(_) => "ALTER ROLE",
            Statement::DropRole(_) => "DROP ROLE",
            Statement::DropOwned(_) => "DROP OWNED",
            Statement::ReassignOwned(_) => "REASSIGN OWNED",
            Statement::Grant(grant) if grant.revoke => "REVOKE",
            Statement::Grant(_) => "GRANT",
            Statement::GrantRole(grant) if grant.revoke => "REVOKE ROLE",
            Statement::GrantRole(_) => "GRANT ROLE",
            Statement::AlterDefaultPrivileges(_) => "ALTER DEFAULT PRIVILEGES",
            Statement::CreateDatabase(_) => "CREATE DATABASE",
            Statement::AlterDatabase(_) => "ALTER DATABASE",
            Statement::DropDatabase(_) => "DROP DATABASE",
            Statement::CreateTablespace(_) => "CREATE TABLESPACE",
            Statement::AlterTablespace(_) => "ALTER TABLESPACE",
            Statement::DropTablespace(_) => "DROP TABLESPACE",
            Statement::AlterSystem(_) => "ALTER SYSTEM",
            Statement::CreateForeignDataWrapper(_) => "CREATE FOREIGN DATA WRAPPER",
            Statement::AlterForeignDataWrapper(_) => "ALTER FOREIGN DATA WRAPPER",
            Statement::CreateServer(_) => "CREATE SERVER",
            Statement::AlterServer(_) => "ALTER SERVER",
            Statement::ImportForeignSchema(_) => "IMPORT FOREIGN SCHEMA",
            Statement::CreateUserMapping(_) => "CREATE USER MAPPING",
            Statement::AlterUserMapping(_) => "ALTER USER MAPPING",
            Statement::DropUserMapping(_) => "DROP USER MAPPING",
            Statement::CreatePublication(_) => "CREATE PUBLICATION",
            Statement::AlterPublication(_) => "ALTER PUBLICATION",
            Statement::CreateSubscription(_) => "CREATE SUBSCRIPTION",
            Statement::AlterSubscription(_) => "ALTER SUBSCRIPTION",
            Statement::DropSubscription(_) => "DROP SUBSCRIPTION",
            _ => return None,
        })
    }

    fn utility_tag(&self) -> &'static str {
        match self {
            Statement::Set(set) => match set.action {
                SetAction::Reset { .. } | SetAction::ResetAll => "RESET",
                _ => "SET",
            },
            Statement::Show(_) => "SHOW",
            Statement::SetConstraints(_) => "SET CONSTRAINTS",
            Statement::DeclareCursor(_) => "DECLARE CURSOR",
            Statement::Fetch(fetch) if fetch.move_only => "MOVE",
            Statement::Fetch(_) => "FETCH",
            Statement::ClosePortal(close) => match **close {
                ClosePortal::Name(_) => "CLOSE CURSOR",
                ClosePortal::All => "CLOSE CURSOR ALL",
            },
            Statement::Prepare(_) => "PREPARE",
            Statement::Execute(_) => "EXECUTE",
            Statement::Deallocate(deallocate) => match **deallocate {
                Deallocate::Name { .. } => "DEALLOCATE",
                Deallocate::All => "DEALLOCATE ALL",
            },
            Statement::Copy(_) => "COPY",
            Statement::Explain(_) => "EXPLAIN",
            Statement::Vacuum(vacuum) if vacuum.analyze_only => "ANALYZE",
            Statement::Vacuum(_) => "VACUUM",
            Statement::Cluster(_) => "CLUSTER",
            Statement::Reindex(_) => "REINDEX",
            Statement::LockTable(_) => "LOCK TABLE",
            Statement::Truncate(_) => "TRUNCATE TABLE",
            Statement::Listen { .. } => "LISTEN",
            Statement::Unlisten { .. } => "UNLISTEN",
            Statement::Notify(_) => "NOTIFY",
            Statement::Load { .. } => "LOAD",
            Statement::Checkpoint => "CHECKPOINT",
            Statement::Discard(Discard::All) => "DISCARD ALL",
            Statement::Discard(Discard::Plans) => "DISCARD PLANS",
            Statement::Discard(Discard::Sequences) => "DISCARD SEQUENCES",
            Statement::Discard(Discard::Temp) => "DISCARD TEMP",
            Statement::Do(_) => "DO",
            Statement::Call(_) => "CALL",
            _ => "???",
        }
    }
}

impl SelectStatement {
    fn tag(&self) -> &'static str {
        if matches!(&self.body, SelectBody::Select(select) if select.into.is_some()) {
            return "SELECT INTO";
        }
        match self.locking.iter().map(|locking| locking.strength).max() {
            None => "SELECT",
            Some(LockStrength::KeyShare) => "SELECT FOR KEY SHARE",
            Some(LockStrength::Share) => "SELECT FOR SHARE",
            Some(LockStrength::NoKeyUpdate) => "SELECT FOR NO KEY UPDATE",
            Some(LockStrength::Update) => "SELECT FOR UPDATE",
        }
    }
}

impl TransactionStatement {
    fn tag(&self) -> &'static str {
        match self {
            TransactionStatement::Begin(_) => "BEGIN",
            TransactionStatement::Start(_) => "START TRANSACTION",
            TransactionStatement::Commit { .. } => "COMMIT",
            TransactionStatement::Rollback { .. } | TransactionStatement::RollbackTo { .. } => "ROLLBACK",
            TransactionStatement::Savepoint { .. } => "SAVEPOINT",
            TransactionStatement::Release { .. } => "RELEASE",
            TransactionStatement::Prepare { .. } => "PREPARE TRANSACTION",
            TransactionStatement::CommitPrepared { .. } => "COMMIT PREPARED",
            TransactionStatement::RollbackPrepared { .. } => "ROLLBACK PREPARED",
        }
    }
}

macro_rules! tags {
    ($function:ident, $verb:literal) => {
        fn $function(object_type: ObjectType) -> &'static str {
            match object_type {
                ObjectType::AccessMethod => concat!($verb, " ACCESS METHOD"),
                ObjectType::Aggregate => concat!($verb, " AGGREGATE"),
                ObjectType::Attribute | ObjectType::Type => concat!($verb, " TYPE"),
                ObjectType::Cast => concat!($verb, " CAST"),
                ObjectType::Collation => concat!($verb, " COLLATION"),
                ObjectType::Column | ObjectType::Table | ObjectType::TableConstraint => {
                    concat!($verb, " TABLE")
                }
                ObjectType::Conversion => concat!($verb, " CONVERSION"),
                ObjectType::Database => concat!($verb, " DATABASE"),
                ObjectType::Domain | ObjectType::DomainConstraint => concat!($verb, " DOMAIN"),
                ObjectType::EventTrigger => concat!($verb, " EVENT TRIGGER"),
                ObjectType::Extension => concat!($verb, " EXTENSION"),
                ObjectType::ForeignDataWrapper => concat!($verb, " FOREIGN DATA WRAPPER"),
                ObjectType::ForeignServer => concat!($verb, " SERVER"),
                ObjectType::ForeignTable => concat!($verb, " FOREIGN TABLE"),
                ObjectType::Function => concat!($verb, " FUNCTION"),
                ObjectType::Index => concat!($verb, " INDEX"),
                ObjectType::Language => concat!($verb, " LANGUAGE"),
                ObjectType::LargeObject => concat!($verb, " LARGE OBJECT"),
                ObjectType::MaterializedView => concat!($verb, " MATERIALIZED VIEW"),
                ObjectType::OperatorClass => concat!($verb, " OPERATOR CLASS"),
                ObjectType::Operator => concat!($verb, " OPERATOR"),
                ObjectType::OperatorFamily => concat!($verb, " OPERATOR FAMILY"),
                ObjectType::Parameter => concat!($verb, " PARAMETER"),
                ObjectType::Policy => concat!($verb, " POLICY"),
                ObjectType::Procedure => concat!($verb, " PROCEDURE"),
                ObjectType::Publication => concat!($verb, " PUBLICATION"),
                ObjectType::Role => concat!($verb, " ROLE"),
                ObjectType::Routine => concat!($verb, " ROUTINE"),
                ObjectType::Rule => concat!($verb, " RULE"),
                ObjectType::Schema => concat!($verb, " SCHEMA"),
                ObjectType::Sequence => concat!($verb, " SEQUENCE"),
                ObjectType::Statistics => concat!($verb, " STATISTICS"),
                ObjectType::Subscription => concat!($verb, " SUBSCRIPTION"),
                ObjectType::Tablespace => concat!($verb, " TABLESPACE"),
                ObjectType::Transform => concat!($verb, " TRANSFORM"),
                ObjectType::Trigger => concat!($verb, " TRIGGER"),
                ObjectType::TextSearchConfiguration => concat!($verb, " TEXT SEARCH CONFIGURATION"),
                ObjectType::TextSearchDictionary => concat!($verb, " TEXT SEARCH DICTIONARY"),
                ObjectType::TextSearchParser => concat!($verb, " TEXT SEARCH PARSER"),
                ObjectType::TextSearchTemplate => concat!($verb, " TEXT SEARCH TEMPLATE"),
                ObjectType::View => concat!($verb, " VIEW"),
            }
        }
    };
}

tags!(drop_tag, "DROP");
tags!(alter_tag, "ALTER");
tags!(define_tag, "CREATE");
