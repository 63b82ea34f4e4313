//! Which command does what.

use crate::invocation::{Invocation, Outcome};
use crate::{
    alter_table, base_type, comment, copy, create_table, create_table_as, database, domain, drop, explain,
    extended_statistics, grant, index, lock_table, materialized_view, operator, owned, owner, rename, role,
    routine, schema, sequence, server_control, set_constraints, settings, trigger, truncate, types, vacuum,
    view,
};
use base::{Error, Result};
use syntax::{ObjectType, Statement};

/// Runs a utility command in the session's transaction.
///
/// # Errors
/// PostgreSQL's; `0A000` naming the command for those that are not built.
pub fn execute(invocation: &mut Invocation<'_>, statement: &Statement) -> Result<Outcome> {
    if changes_data(statement) {
        invocation.session.require_writable(statement.tag())?;
    }
    let outcome = match statement {
        Statement::CreateTable(create) => create_table::create(invocation, create)?,
        Statement::CreateIndex(create) => index::define(invocation, create)?,
        Statement::CreateSequence(create) => sequence::create(invocation, create)?,
        Statement::CreateStatistics(create) => extended_statistics::create(invocation, create)?,
        Statement::AlterStatistics(alter) => extended_statistics::alter(invocation, alter)?,
        Statement::AlterSequence(alter) => sequence::alter(invocation, alter)?,
        Statement::CreateView(create) => view::create(invocation, create)?,
        Statement::CreateSchema(create) => schema::create(invocation, create)?,
        Statement::Drop(statement) => drop::drop(invocation, statement)?,
        Statement::Comment(statement) => comment::comment(invocation, statement)?,
        Statement::Reindex(statement) => index::reindex(invocation, statement)?,
        Statement::AlterTable(alter) => alter_table::alter(invocation, alter)?,
        Statement::Rename(statement) => rename::rename(invocation, statement)?,
        Statement::AlterObjectSchema(alter) => rename::set_schema(invocation, alter)?,
        Statement::CreateEnum(create) => types::create_enum(invocation, create)?,
        Statement::AlterEnum(alter) => types::alter_enum(invocation, alter)?,
        Statement::Define(define) if define.object_type == ObjectType::Operator => {
            operator::define(invocation, define)?
        }
        Statement::Define(define) if define.object_type == ObjectType::Type => {
            base_type::define(invocation, define)?
        }
        Statement::CreateCast(create) => operator::create_cast(invocation, create)?,
        Statement::AlterOperatorFamily(alter) => operator::alter_family(invocation, alter)?,
        Statement::CreateCompositeType(create) => types::create_composite(invocation, create)?,
        Statement::CreateDomain(create) => domain::create(invocation, create)?,
        Statement::AlterDomain(alter) => domain::alter(invocation, alter)?,
        Statement::CreateTrigger(create) => trigger::create(invocation, create)?,
        Statement::CreateFunction(create) => routine::create(invocation, create)?,
        Statement::AlterFunction(alter) => routine::alter(invocation, alter)?,
        Statement::Call(call) => routine::call(invocation, call)?,
        Statement::Do(block) => routine::run_block(invocation, block)?,
        Statement::CreateRole(create) => role::create(invocation, create)?,
        Statement::AlterRole(alter) => role::alter(invocation, alter)?,
        Statement::AlterRoleSet(alter) => role::alter_role_setting(invocation, alter)?,
        Statement::DropRole(statement) => role::drop(invocation, statement)?,
        Statement::GrantRole(statement) => role::grant(invocation, statement)?,
        Statement::Grant(statement) => grant::grant(invocation, statement)?,
        Statement::DropOwned(statement) => owned::drop_owned(invocation, statement)?,
        Statement::ReassignOwned(statement) => owned::reassign(invocation, statement)?,
        Statement::AlterOwner(alter) => owner::alter(invocation, alter)?,
        Statement::CreateDatabase(create) => database::create(invocation, create)?,
        Statement::AlterDatabase(alter) => database::alter(invocation, alter)?,
        Statement::DropDatabase(statement) => database::drop(invocation, statement)?,
        Statement::Truncate(statement) => truncate::truncate(invocation, statement)?,
        Statement::LockTable(statement) => lock_table::lock_table(invocation, statement)?,
        Statement::Set(statement) => settings::set(invocation, statement)?,
        Statement::Show(statement) => settings::show(invocation, statement)?,
        Statement::AlterSystem(statement) => server_control::alter_system(invocation, statement)?,
        Statement::Checkpoint => server_control::checkpoint(invocation.session)?,
        Statement::SetConstraints(statement) => set_constraints::run(invocation, statement)?,
        Statement::CreateTableAs(create) => create_table_as::create(invocation, create)?,
        Statement::Select(select) => create_table_as::select_into(invocation, select)?,
        Statement::RefreshMaterializedView(refresh) => materialized_view::refresh(invocation, refresh)?,
        Statement::Copy(statement) => copy::run(invocation, statement)?,
        Statement::Explain(statement) => explain::run(invocation, statement)?,
        // No session listens, because LISTEN is refused; so nothing is left to end. Pools send this at every return.
        Statement::Unlisten { .. } => Outcome::Tag("UNLISTEN".to_owned()),
        // Its own transactions end and begin inside.
        Statement::Vacuum(statement) => return vacuum::run(invocation, statement),
        other => return Err(Error::unsupported(other.tag())),
    };
    invocation.session.command_counter_increment()?;
    Ok(outcome)
}

/// Whether a read-only transaction refuses the command.
fn changes_data(statement: &Statement) -> bool {
    !matches!(
        statement,
        Statement::Set(_)
            | Statement::Show(_)
            | Statement::SetConstraints(_)
            | Statement::LockTable(_)
            | Statement::Checkpoint
            | Statement::Discard(_)
            | Statement::Load { .. }
            | Statement::Do(_)
            | Statement::Call(_)
            | Statement::Copy(_)
            | Statement::Explain(_)
            | Statement::Vacuum(_)
            | Statement::Transaction(_)
            | Statement::Listen { .. }
            | Statement::Unlisten { .. }
            | Statement::Notify(_)
    )
}
