//! What commands run plans and expressions with.

use base::Result;
use catalog::Session;
use executor::{Budget, Execution, Hooks, Options};
use ir::Plan;
use std::sync::Arc;

/// Name of the session extension that holds [`Options`]; the session puts its own there when it starts.
pub const OPTIONS: &str = "execution options";

/// The session's options for running plans.
pub fn options(session: &Session) -> Options {
    let options = session.extension(OPTIONS, || Options {
        budget: Budget::new(usize::MAX),
        hooks: Hooks::default(),
        instrument: None,
        trusted: false,
    });
    (*options).clone()
}

/// An execution without a plan, to evaluate expressions in.
///
/// # Errors
/// `XX000` outside of a transaction.
pub fn bare(session: &Arc<Session>) -> Result<Execution> {
    let prepared = executor::bare(Plan::default())?;
    let snapshot = session.transaction()?.snapshot()?;
    Execution::new(session, prepared, &[], snapshot, &Options { trusted: true, ..options(session) })
}
