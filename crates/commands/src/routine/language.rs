//! Languages that crates above this one bring along.

use crate::invocation::Invocation;
use crate::trigger::TriggerCall;
use base::{Error, Oid, Result};
use catalog::{PgLanguage, PgProc, Session, index};
use datum::{Datum, OwnedDatum, Row};
use executor::Execution;
use functions::{Call, SetRows};
use std::collections::HashMap;
use std::sync::Arc;

/// Name of the session extension that holds [`Languages`].
pub const LANGUAGES: &str = "languages";

/// Languages by name; the server gives them to its sessions.
pub type Languages = HashMap<&'static str, Arc<dyn Language>>;

/// A language that functions can be written in.
pub trait Language: Send + Sync {
    /// Checks a function when it is made.
    ///
    /// # Errors
    /// What is wrong with it.
    fn validate(&self, session: &Arc<Session>, row: &Arc<PgProc>) -> Result<()>;

    /// Calls a function that returns one value.
    ///
    /// # Errors
    /// What the function raises.
    fn call(
        &self,
        execution: &Execution,
        call: &Call<'_>,
        row: &Arc<PgProc>,
        args: &[Option<Datum<'_>>],
    ) -> Result<Option<OwnedDatum>>;

    /// Calls a function that returns a set.
    ///
    /// # Errors
    /// What the function raises.
    fn call_set(
        &self,
        execution: &Execution,
        call: &Call<'_>,
        row: &Arc<PgProc>,
        args: &[Option<Datum<'_>>],
    ) -> Result<Box<dyn SetRows>>;

    /// Calls a trigger function: the row that it returns, or `None` for NULL.
    ///
    /// # Errors
    /// What the function raises.
    fn call_trigger(
        &self,
        session: &Arc<Session>,
        row: &Arc<PgProc>,
        call: &TriggerCall<'_>,
    ) -> Result<Option<Row>>;

    /// DO.
    ///
    /// # Errors
    /// What the block raises.
    fn run_block(&self, invocation: &mut Invocation<'_>, source: &str) -> Result<()>;
}

/// The language with this OID.
///
/// # Errors
/// `0A000` for one that nothing stands behind.
pub(super) fn of(session: &Session, oid: Oid) -> Result<Arc<dyn Language>> {
    let row = session.row::<PgLanguage>(index::PG_LANGUAGE_OID, &[oid.into()])?;
    let name = row.map(|r| r.lanname.clone()).unwrap_or_default();
    named(session, &name).ok_or_else(|| Error::unsupported(format!("language {name}")))
}

/// The language of this name, if there is one behind it.
pub(super) fn named(session: &Session, name: &str) -> Option<Arc<dyn Language>> {
    session.extension(LANGUAGES, Languages::new).get(name).cloned()
}
