//! VACUUM and ANALYZE: each table in a transaction of its own. See README.md.

mod cutoffs;
mod database;
mod indexes;
mod options;
mod report;
mod table;
mod targets;

pub use database::update_frozen_ids;
pub use options::{Choice, VacuumParams};
pub(crate) use report::info;
pub use targets::Target;
pub(crate) use targets::{is_other_temporary, lock_or_skip, may_process, warning};

use crate::analyze;
use crate::{Invocation, Outcome};
use base::{Error, Oid, Result, bail};
use catalog::Session;
use std::sync::Arc;
use syntax::Vacuum;
use table::Vacuumed;

/// VACUUM and ANALYZE.
///
/// # Errors
/// `25001` in a transaction block (VACUUM), and what the tables fail with.
pub fn run(invocation: &mut Invocation<'_>, statement: &Vacuum) -> Result<Outcome> {
    let params = VacuumParams::read(statement)?;
    if params.vacuum {
        invocation.prevent_in_block("VACUUM")?;
    }
    let session = invocation.session.clone();
    let mut notices = Vec::new();
    let targets = if params.only_database_stats {
        Vec::new()
    } else {
        targets::expand(&session, &statement.relations, &params, &mut notices)?
    };
    for notice in notices {
        invocation.client.notice(&notice);
    }
    let own_transactions = params.vacuum || !invocation.in_block && invocation.top_level && targets.len() > 1;
    let client = &mut *invocation.client;
    process(&session, &targets, &params, own_transactions, &mut |notice| client.notice(&notice))?;
    Ok(Outcome::Tag(if statement.analyze_only { "ANALYZE" } else { "VACUUM" }.to_owned()))
}

/// Vacuums and analyzes tables. With `own_transactions` the running transaction is committed first, each table has its
/// own, and at the end a new one runs.
///
/// # Errors
/// What the tables fail with; a transaction runs then, too.
pub fn process(
    session: &Arc<Session>,
    targets: &[Target],
    params: &VacuumParams,
    own_transactions: bool,
    say: &mut dyn FnMut(Error),
) -> Result<()> {
    let busy = session.extension("vacuum", || parking_lot::Mutex::new(false));
    if std::mem::replace(&mut *busy.lock(), true) {
        let command = if params.vacuum { "VACUUM" } else { "ANALYZE" };
        bail!(FEATURE_NOT_SUPPORTED, "{command} cannot be executed from VACUUM or ANALYZE");
    }
    let done = each(session, targets, params, own_transactions, say);
    *busy.lock() = false;
    done
}

fn each(
    session: &Arc<Session>,
    targets: &[Target],
    params: &VacuumParams,
    own_transactions: bool,
    say: &mut dyn FnMut(Error),
) -> Result<()> {
    for target in targets {
        if params.vacuum {
            vacuum_with_toast(session, target, params, say)?;
        }
        if params.analyze {
            if own_transactions {
                next_transaction(session)?;
            }
            analyze::table(session, target, params, say)?;
            session.command_counter_increment()?;
        }
    }
    if own_transactions {
        next_transaction(session)?;
    }
    if params.vacuum && !params.skip_database_stats {
        database::update_frozen_ids(session)?;
    }
    Ok(())
}

/// A table and then its TOAST table. Should the table be dropped in between, there is nothing left to do.
fn vacuum_with_toast(
    session: &Arc<Session>,
    target: &Target,
    params: &VacuumParams,
    say: &mut dyn FnMut(Error),
) -> Result<()> {
    next_transaction(session)?;
    session.transaction_session().set_in_vacuum(true);
    let vacuumed = table::vacuum(session, target, params, say);
    session.transaction_session().set_in_vacuum(false);
    let Vacuumed::Done { toast: Some(toast) } = vacuumed? else { return Ok(()) };
    vacuum_toast(session, toast, params, say)
}

fn vacuum_toast(
    session: &Arc<Session>,
    toast: Oid,
    params: &VacuumParams,
    say: &mut dyn FnMut(Error),
) -> Result<()> {
    next_transaction(session)?;
    session.transaction_session().set_in_vacuum(true);
    let name = session.relation(toast)?.map_or_else(String::new, |entry| entry.name().to_owned());
    let target = Target { relation: toast, name, columns: Vec::new() };
    let params = VacuumParams { process_main: true, process_toast: false, analyze: false, ..params.clone() };
    let vacuumed = table::vacuum(session, &target, &params, say);
    session.transaction_session().set_in_vacuum(false);
    vacuumed.map(|_| ())
}

/// Commits the running transaction and begins another one like it.
pub(crate) fn next_transaction(session: &Arc<Session>) -> Result<()> {
    let old = session.transaction()?;
    let options = old.options();
    old.commit()?;
    session.set_transaction(None);
    let new = session.transaction_session().begin(options)?;
    session.set_transaction(Some(new));
    Ok(())
}
