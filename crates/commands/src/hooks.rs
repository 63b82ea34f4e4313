//! What the executor asks of the layers above it, answered.

use crate::routine::RoutineCalls;
use crate::trigger::TriggerHooks;
use base::{Oid, Result};
use catalog::Session;
use executor::Hooks;
use functions::hooks::Sequences;
use std::sync::Arc;

/// The hooks that every execution gets.
pub fn hooks() -> Hooks {
    Hooks { rows: Arc::new(TriggerHooks), calls: Arc::new(RoutineCalls) }
}

/// nextval and its kin, for functions.
pub struct SequenceFunctions;

impl Sequences for SequenceFunctions {
    fn next(&self, session: &Session, sequence: Oid) -> Result<i64> {
        crate::sequence::next_value(session, sequence, true)
    }

    fn current(&self, session: &Session, sequence: Oid) -> Result<i64> {
        crate::sequence::current_value(session, sequence)
    }

    fn set(&self, session: &Session, sequence: Oid, value: i64, called: bool) -> Result<i64> {
        crate::sequence::set_value(session, sequence, value, called).map(|()| value)
    }

    fn last(&self, session: &Session) -> Result<i64> {
        crate::sequence::last_value(session)
    }

    fn last_value(&self, session: &Session, sequence: Oid) -> Result<Option<i64>> {
        crate::sequence::stored_value(session, sequence)
    }

    fn state(&self, session: &Session, sequence: Oid) -> Result<Option<(i64, bool)>> {
        crate::sequence::stored_state(session, sequence)
    }
}
