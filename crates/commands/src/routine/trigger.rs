//! Calls of trigger functions.

use super::create::INTERNAL_LANGUAGE;
use super::{calls, language, stack};
use crate::trigger::TriggerCall;
use base::{Error, Result};
use catalog::Session;
use datum::Row;
use std::sync::Arc;

/// Calls the trigger's function: the row that it returns, or `None` for NULL.
///
/// # Errors
/// What the function raises; `54001` when triggers fire triggers too deeply.
pub(crate) fn call_trigger(session: &Arc<Session>, call: &TriggerCall<'_>) -> Result<Option<Row>> {
    let row = session.function(call.trigger.tgfoid)?;
    let _depth = stack::enter(session)?;
    calls::within(session, &row, || match (row.prolang, row.prosrc.as_str()) {
        (INTERNAL_LANGUAGE, "suppress_redundant_updates_trigger") => {
            Ok(call.new.filter(|new| call.old != Some(new)).cloned())
        }
        (INTERNAL_LANGUAGE, _) => Err(Error::unsupported(format!("trigger function {}", row.proname))),
        (other, _) => language::of(session, other)?.call_trigger(session, &row, call),
    })
}
