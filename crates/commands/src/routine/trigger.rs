//! Calls of trigger functions.

use super::create::INTERNAL_LANGUAGE;
use super::{calls, language, stack};
use crate::trigger::TriggerCall;
use base::{Error, Result};
use catalog::Session;
use datum::Row;
use functions::hooks::TriggerDepth;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Counts a trigger as running.
struct Nested(Arc<TriggerDepth>);

impl Nested {
    fn enter(session: &Session) -> Nested {
        let depth = TriggerDepth::of(session);
        depth.0.fetch_add(1, Ordering::Relaxed);
        Nested(depth)
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Calls the trigger's function: the row that it returns, or `None` for NULL.
///
/// # Errors
/// What the function raises; `54001` when triggers fire triggers too deeply.
pub(crate) fn call_trigger(session: &Arc<Session>, call: &TriggerCall<'_>) -> Result<Option<Row>> {
    let row = session.function(call.trigger.tgfoid)?;
    let _depth = stack::enter(session)?;
    let _nested = Nested::enter(session);
    calls::within(session, &row, || match (row.prolang, row.prosrc.as_str()) {
        (INTERNAL_LANGUAGE, "suppress_redundant_updates_trigger") => {
            Ok(call.new.filter(|new| call.old != Some(new)).cloned())
        }
        (INTERNAL_LANGUAGE, _) => Err(Error::unsupported(format!("trigger function {}", row.proname))),
        (other, _) => language::of(session, other)?.call_trigger(session, &row, call),
    })
}
