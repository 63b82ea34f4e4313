//! ALTER TABLE and its relatives: one command of the statement after the other, under the strongest lock that any
//! needs.

mod column;
mod constraint;
mod dependents;
mod generated;
mod inherit;
mod options;
mod rewrite;
pub(crate) mod validate;

pub(crate) use rewrite::new_files;
pub(crate) use validate::check_rows;

use crate::invocation::{Invocation, Outcome};
use crate::name;
use crate::notice::notice;
use crate::{owner, privilege};
use base::{Error, Oid, Result, bail, err};
use catalog::{RelationEntry, Session};
use lock::LockMode;
use std::sync::Arc;
use syntax::{AlterTable, AlterTableCommand, ObjectType, Statement};

/// One ALTER TABLE while it runs.
pub(super) struct Alteration<'a> {
    pub session: &'a Arc<Session>,
    pub table: Oid,
    /// Children are altered too.
    pub recurse: bool,
    /// The statement names another table, which this one inherits from.
    pub recursing: bool,
    /// What is made again once all columns have their types.
    pub put_off: &'a dependents::PutOff,
}

impl Alteration<'_> {
    /// The relation as it is now.
    pub fn entry(&self) -> Result<Arc<RelationEntry>> {
        self.session.require_relation(self.table)
    }

    /// A column's number; `42703` if there is none.
    pub fn column(&self, entry: &RelationEntry, name: &str) -> Result<i16> {
        match entry.desc().position(name) {
            Some(position) => Ok(position as i16 + 1),
            None => {
                if catalog::template::SYSTEM_COLUMNS.iter().any(|system| system.0 == name) {
                    bail!(FEATURE_NOT_SUPPORTED, "cannot alter system column \"{name}\"");
                }
                bail!(UNDEFINED_COLUMN, "column \"{name}\" of relation \"{}\" does not exist", entry.name())
            }
        }
    }
}

fn lock_of(command: &AlterTableCommand) -> LockMode {
    use AlterTableCommand as C;
    match command {
        C::SetStatistics { .. }
        | C::SetColumnOptions { .. }
        | C::ResetColumnOptions { .. }
        | C::ValidateConstraint { .. }
        | C::ClusterOn { .. }
        | C::SetWithoutCluster
        | C::SetOptions(_)
        | C::ResetOptions(_) => LockMode::ShareUpdateExclusive,
        C::Trigger { .. } => LockMode::ShareRowExclusive,
        C::AddConstraint(constraint) if matches!(constraint.kind, syntax::ConstraintKind::Foreign(_)) => {
            LockMode::ShareRowExclusive
        }
        _ => LockMode::AccessExclusive,
    }
}

const TYPES: u8 = 1;

/// The pass in which a command runs: drops first, then types, columns, constraints, the rest.
fn pass(command: &AlterTableCommand) -> u8 {
    use AlterTableCommand as C;
    use syntax::ConstraintKind as K;
    match command {
        C::DropColumn { .. } | C::DropConstraint { .. } => 0,
        C::AlterColumnType { .. } => TYPES,
        C::DropExpression { .. } => 4,
        C::AddColumn { .. } => 2,
        C::SetExpression { .. } => 3,
        C::DropNotNull { .. } => 3,
        C::SetNotNull { .. } | C::ColumnDefault { .. } => 4,
        C::AddConstraint(c) => match c.kind {
            K::Foreign(_) => 7,
            K::Check(_) | K::NotNull { .. } => 6,
            _ => 5,
        },
        _ => 8,
    }
}

/// ALTER TABLE, INDEX, SEQUENCE, VIEW and MATERIALIZED VIEW.
///
/// # Errors
/// PostgreSQL's; `0A000` for what is not built.
pub(crate) fn alter(invocation: &mut Invocation<'_>, statement: &AlterTable) -> Result<Outcome> {
    let tag = Statement::AlterTable(Box::new(statement.clone())).tag().to_owned();
    if matches!(statement.object_type, ObjectType::Type | ObjectType::ForeignTable) {
        return Err(Error::unsupported(tag));
    }
    let session = invocation.session;
    let mode = statement.commands.iter().map(lock_of).max().unwrap_or(LockMode::AccessExclusive);
    let Some(entry) = name::find_relation(session, &statement.relation, mode)? else {
        if statement.if_exists {
            let text = format!("relation \"{}\" does not exist, skipping", statement.relation.name);
            session.notice(notice(text));
            return Ok(Outcome::Tag(tag));
        }
        name::open_relation(session, &statement.relation, mode)?;
        return Err(Error::internal("a relation that is and is not"));
    };
    check_kind(statement.object_type, &entry)?;
    let only_owner = statement.commands.iter().all(|c| matches!(c, AlterTableCommand::OwnerTo(_)));
    if !only_owner {
        privilege::require_relation_owner(session, &entry)?;
    }
    if matches!(entry.kind(), b'r' | b'p' | b'm') {
        privilege::require_not_in_use(session, &entry.class, "ALTER TABLE")?;
    }
    let recurse = statement.relation.inherit;
    let put_off = dependents::PutOff::default();
    let table = entry.oid();
    let alteration = Alteration { session, table, recurse, recursing: false, put_off: &put_off };
    let mut ordered: Vec<&AlterTableCommand> = statement.commands.iter().collect();
    ordered.sort_by_key(|command| pass(command));
    for command in ordered {
        if pass(command) > TYPES {
            put_off.carry_out(session)?;
        }
        run(&alteration, command)?;
        session.command_counter_increment()?;
    }
    put_off.carry_out(session)?;
    Ok(Outcome::Tag(tag))
}

fn check_kind(wanted: ObjectType, entry: &RelationEntry) -> Result<()> {
    let (fits, word) = match wanted {
        ObjectType::Index => (matches!(entry.kind(), b'i' | b'I'), "an index"),
        ObjectType::Sequence => (entry.kind() == b'S', "a sequence"),
        ObjectType::View => (entry.kind() == b'v', "a view"),
        ObjectType::MaterializedView => (entry.kind() == b'm', "a materialized view"),
        _ => (true, ""),
    };
    if !fits {
        bail!(WRONG_OBJECT_TYPE, "\"{}\" is not {word}", entry.name());
    }
    if entry.kind() == b'c' {
        return Err(err!(WRONG_OBJECT_TYPE, "\"{}\" is a composite type", entry.name())
            .hint("Use ALTER TYPE instead."));
    }
    Ok(())
}

/// What needs a table.
fn require_table(entry: &RelationEntry, action: &str) -> Result<()> {
    let plural = match entry.kind() {
        b'r' | b'p' => return Ok(()),
        b'v' => "views",
        b'm' => "materialized views",
        b'S' => "sequences",
        b'i' | b'I' => "indexes",
        b't' => "TOAST tables",
        _ => "foreign tables",
    };
    Err(err!(WRONG_OBJECT_TYPE, "ALTER action {action} cannot be performed on relation \"{}\"", entry.name())
        .detail(format!("This operation is not supported for {plural}.")))
}

fn run(alteration: &Alteration<'_>, command: &AlterTableCommand) -> Result<()> {
    use AlterTableCommand as C;
    let session = alteration.session;
    let entry = alteration.entry()?;
    match command {
        C::AddColumn { column, if_not_exists } => {
            require_table(&entry, "ADD COLUMN")?;
            column::add(alteration, column, *if_not_exists)
        }
        C::DropColumn { name, if_exists, behavior } => {
            require_table(&entry, "DROP COLUMN")?;
            column::drop(alteration, name, *if_exists, *behavior)
        }
        C::ColumnDefault { column, default } => {
            column::set_default(alteration, column, default.as_ref())?;
            inherit::simply(alteration, command)
        }
        C::SetNotNull { column } => {
            require_table(&entry, "ALTER COLUMN ... SET NOT NULL")?;
            column::set_not_null(alteration, column)
        }
        C::DropNotNull { column } => {
            require_table(&entry, "ALTER COLUMN ... DROP NOT NULL")?;
            column::drop_not_null(alteration, column)
        }
        C::AlterColumnType { column, type_name, collation, using, location, .. } => {
            require_table(&entry, "ALTER COLUMN ... SET DATA TYPE")?;
            let (collation, using) = (collation.as_ref(), using.as_ref());
            rewrite::alter_type(alteration, column, type_name, collation, using, *location)
        }
        C::SetExpression { column, expr } => {
            require_table(&entry, "ALTER COLUMN ... SET EXPRESSION")?;
            generated::set_expression(alteration, column, expr)?;
            inherit::simply(alteration, command)
        }
        C::DropExpression { column, if_exists } => {
            require_table(&entry, "ALTER COLUMN ... DROP EXPRESSION")?;
            generated::drop_expression(alteration, column, *if_exists)?;
            inherit::simply(alteration, command)
        }
        C::SetStatistics { column, target } => {
            options::set_statistics(alteration, column, *target)?;
            inherit::simply(alteration, command)
        }
        C::SetStorage { column, storage } => {
            options::set_storage(alteration, column, storage)?;
            inherit::simply(alteration, command)
        }
        C::SetCompression { column, compression } => {
            options::set_compression(alteration, column, compression)?;
            inherit::simply(alteration, command)
        }
        C::SetOptions(items) => options::set_options(alteration, items, false),
        C::ResetOptions(items) => options::set_options(alteration, items, true),
        C::AddIdentity { column, always, options: items, .. } => {
            require_table(&entry, "ALTER COLUMN ... ADD IDENTITY")?;
            options::add_identity(alteration, column, *always, items)
        }
        C::SetIdentity { column, options: items } => options::set_identity(alteration, column, items),
        C::DropIdentity { column, if_exists } => options::drop_identity(alteration, column, *if_exists),
        C::AddConstraint(constraint) => {
            require_table(&entry, "ADD CONSTRAINT")?;
            constraint::add(alteration, constraint)
        }
        C::DropConstraint { name, if_exists, behavior } => {
            constraint::drop(alteration, name, *if_exists, *behavior)
        }
        C::AlterConstraint(wanted) => {
            require_table(&entry, "ALTER CONSTRAINT")?;
            constraint::alter(alteration, wanted)
        }
        C::ValidateConstraint { name } => constraint::validate(alteration, name),
        C::OwnerTo(role) => owner::change_relation(session, &entry, privilege::required_role(session, role)?),
        C::RowSecurity { enable } => {
            require_table(&entry, "ENABLE ROW SECURITY")?;
            crate::relation::update_class(session, entry.oid(), |class| class.relrowsecurity = *enable)
        }
        C::ForceRowSecurity { force } => {
            require_table(&entry, "FORCE ROW SECURITY")?;
            crate::relation::update_class(session, entry.oid(), |class| class.relforcerowsecurity = *force)
        }
        C::ReplicaIdentity(identity) => options::replica_identity(alteration, identity),
        C::Inherit(parent) => {
            require_table(&entry, "INHERIT")?;
            crate::inherit::add_parent(session, &entry, parent)
        }
        C::NoInherit(parent) => {
            require_table(&entry, "NO INHERIT")?;
            crate::inherit::drop_parent(session, &entry, parent)
        }
        C::AttachPartition { partition, bound: None } => {
            crate::partition::attach_index(session, entry.oid(), partition)
        }
        C::AttachPartition { partition, bound } => {
            crate::partition::attach(session, &entry, partition, bound.as_ref())
        }
        C::DetachPartition { partition, concurrently, finalize } => {
            crate::partition::detach(session, &entry, partition, *concurrently, *finalize)
        }
        C::Trigger { target, firing } => {
            crate::trigger::switch(session, &entry, target, *firing, alteration.recurse)
        }
        C::SetWithoutOids => Ok(()),
        _ => Err(Error::unsupported("this form of ALTER TABLE")),
    }
}
