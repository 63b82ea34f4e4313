//! Calls of functions that are not built in: who may call them, in whose name and with which settings they run.

use super::create::SQL_LANGUAGE;
use super::language;
use super::stack;
use crate::{privilege, settings, sql_function};
use ::settings::Scope;
use base::{Oid, Result, bail};
use catalog::acl::privilege as bits;
use catalog::{PgProc, Session, Users};
use datum::{Datum, OwnedDatum};
use executor::{Calls, Execution};
use functions::{Call, SetRows};
use std::sync::Arc;

/// What executions are given for calls that leave them.
pub(crate) struct RoutineCalls;

impl Calls for RoutineCalls {
    fn require_execute(&self, session: &Session, function: &PgProc) -> Result<()> {
        require_execute(session, function)
    }

    fn call(
        &self,
        execution: &Execution,
        call: &Call<'_>,
        args: &[Option<Datum<'_>>],
    ) -> Result<Option<OwnedDatum>> {
        let session = &execution.session;
        let row = session.function(call.function)?;
        require_execute(session, &row)?;
        let _depth = stack::enter(session)?;
        within(session, &row, || match row.prolang {
            SQL_LANGUAGE => sql_function::call(execution, call, &row, args),
            other => language::of(session, other)?.call(execution, call, &row, args),
        })
    }

    fn call_set(
        &self,
        execution: &Execution,
        call: &Call<'_>,
        args: &[Option<Datum<'_>>],
        eager: bool,
    ) -> Result<Box<dyn SetRows>> {
        let session = &execution.session;
        let row = session.function(call.function)?;
        require_execute(session, &row)?;
        let _depth = stack::enter(session)?;
        // Users and settings are the function's only while it runs.
        let eager = eager || row.prosecdef || row.proconfig.is_some();
        within(session, &row, || match row.prolang {
            SQL_LANGUAGE => sql_function::call_set(execution, call, &row, args, eager),
            other => language::of(session, other)?.call_set(execution, call, &row, args),
        })
    }

    fn next_value(&self, session: &Arc<Session>, sequence: Oid) -> Result<i64> {
        crate::sequence::next_value(session, sequence, false)
    }
}

/// # Errors
/// `42501` `permission denied for function f`.
pub(super) fn require_execute(session: &Session, row: &PgProc) -> Result<()> {
    let Some(stored) = &row.proacl else { return Ok(()) };
    let held = privilege::held(session, session.user(), Some(stored), row.proowner, privilege::FUNCTION)?;
    if held & bits::EXECUTE == 0 {
        let word = if row.prokind as u8 == b'p' { "procedure" } else { "function" };
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied for {word} {}", row.proname);
    }
    Ok(())
}

/// Gives users and settings back however the call ends.
struct Environment<'s> {
    session: &'s Arc<Session>,
    users: Option<Users>,
    level: Option<u32>,
}

impl Environment<'_> {
    fn configure(&mut self, row: &PgProc) -> Result<()> {
        let Some(list) = &row.proconfig else { return Ok(()) };
        self.level = Some(self.session.settings().begin_level());
        for entry in list {
            if let Some((name, value)) = entry.split_once('=') {
                settings::assign(self.session, name, Some(value), Scope::Function)?;
            }
        }
        Ok(())
    }
}

impl Drop for Environment<'_> {
    fn drop(&mut self) {
        if let Some(users) = self.users {
            self.session.set_users(users);
        }
        if let Some(level) = self.level {
            self.session.settings().end_level(level, true);
        }
    }
}

/// Runs `body` with the settings of the function's SET clauses.
pub(super) fn within_settings<R>(
    session: &Arc<Session>,
    row: &PgProc,
    body: impl FnOnce() -> Result<R>,
) -> Result<R> {
    let mut environment = Environment { session, users: None, level: None };
    environment.configure(row)?;
    body()
}

/// Runs `body` as the function's owner if it is SECURITY DEFINER, and with the settings of its SET clauses.
pub(super) fn within<R>(session: &Arc<Session>, row: &PgProc, body: impl FnOnce() -> Result<R>) -> Result<R> {
    if !row.prosecdef && row.proconfig.is_none() {
        return body();
    }
    let mut environment = Environment { session, users: None, level: None };
    environment.configure(row)?;
    if row.prosecdef {
        let users = session.users();
        environment.users = Some(users);
        session.set_users(Users { current: row.proowner, ..users });
    }
    body()
}
