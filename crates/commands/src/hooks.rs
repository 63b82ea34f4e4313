//! What the executor asks of the layers above it, answered.

use base::{Error, Oid, Result};
use catalog::Session;
use datum::{Datum, OwnedDatum};
use executor::{Calls, Hooks, NoHooks};
use functions::hooks::Sequences;
use functions::{Call, SetRows};
use std::sync::Arc;

/// The hooks that every execution gets.
pub fn hooks() -> Hooks {
    Hooks { rows: Arc::new(NoHooks), calls: Arc::new(CommandCalls) }
}

/// Sequences are kept here; functions in other languages are not built yet.
struct CommandCalls;

impl Calls for CommandCalls {
    fn call(
        &self,
        session: &Arc<Session>,
        call: &Call<'_>,
        _: &[Option<Datum<'_>>],
    ) -> Result<Option<OwnedDatum>> {
        Err(unsupported_language(session, call)?)
    }

    fn call_set(
        &self,
        session: &Arc<Session>,
        call: &Call<'_>,
        _: &[Option<Datum<'_>>],
    ) -> Result<Box<dyn SetRows>> {
        Err(unsupported_language(session, call)?)
    }

    fn next_value(&self, session: &Arc<Session>, sequence: Oid) -> Result<i64> {
        crate::sequence::next_value(session, sequence, false)
    }
}

fn unsupported_language(session: &Session, call: &Call<'_>) -> Result<Error> {
    let name = session.display_function(call.function)?;
    Ok(Error::unsupported(format!("function {name} in its language")))
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
}
