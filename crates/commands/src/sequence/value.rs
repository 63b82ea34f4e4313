//! nextval, currval, lastval, setval.
//!
//! nextval takes `cache` values at a time out of the sequence for its session. The WAL runs 32 values ahead: most calls
//! only change the page. Sequences are not transactional: what was handed out stays so.

use super::page::{self, State};
use crate::name::lock_relation;
use crate::privilege;
use base::{Error, Oid, Result, Xid, bail};
use catalog::acl::privilege as bits;
use catalog::{PgSequence, RelationEntry, Session, index};
use lock::LockMode;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// How many values one record lets be handed out.
const LOG_AHEAD: i64 = 32;

/// What a session has of a sequence.
#[derive(Clone, Copy, Debug)]
struct Cached {
    /// Tells whether the sequence was rewritten meanwhile.
    file: Oid,
    /// currval, once there is one.
    current: Option<i64>,
    last: i64,
    /// The last of the values taken out; equal to `last` when none are left.
    cached: i64,
    increment: i64,
}

#[derive(Default)]
struct SessionValues {
    sequences: HashMap<Oid, Cached>,
    /// The sequence of the last nextval.
    last_used: Option<Oid>,
}

fn values(session: &Session) -> Arc<Mutex<SessionValues>> {
    session.extension("sequence values", Mutex::<SessionValues>::default)
}

/// DISCARD SEQUENCES.
pub fn discard(session: &Session) {
    *values(session).lock() = SessionValues::default();
}

fn open(session: &Session, sequence: Oid) -> Result<Arc<RelationEntry>> {
    lock_relation(session, sequence, LockMode::RowExclusive)?;
    let Some(entry) = session.relation(sequence)? else {
        bail!(UNDEFINED_TABLE, "could not open relation with OID {sequence}");
    };
    if entry.kind() != b'S' {
        bail!(WRONG_OBJECT_TYPE, "\"{}\" is not a sequence", entry.name());
    }
    Ok(entry)
}

fn parameters(session: &Session, sequence: Oid) -> Result<Arc<PgSequence>> {
    session
        .row::<PgSequence>(index::PG_SEQUENCE_SEQRELID, &[sequence.into()])?
        .ok_or_else(|| Error::internal(format!("cache lookup failed for sequence {sequence}")))
}

fn is_logged(entry: &RelationEntry) -> bool {
    entry.relation.persistence == access_api::Persistence::Permanent
}

fn require_writable(session: &Session, entry: &RelationEntry, function: &str) -> Result<()> {
    match entry.relation.persistence {
        access_api::Persistence::Temporary => Ok(()),
        _ => session.require_writable(function),
    }
}

/// nextval. `check`: the caller needs USAGE or UPDATE (identity columns do not).
///
/// # Errors
/// `2200H` when it is exhausted, `42501`, `25006`, `42809`.
pub fn next_value(session: &Session, sequence: Oid, check: bool) -> Result<i64> {
    let entry = open(session, sequence)?;
    if check {
        privilege::require_on_relation(session, &entry, bits::USAGE | bits::UPDATE)?;
    }
    require_writable(session, &entry, "nextval()")?;
    let values = values(session);
    let mut values = values.lock();
    let file = entry.class.relfilenode;
    if let Some(known) = values.sequences.get_mut(&sequence)
        && known.file == file
        && known.last != known.cached
    {
        known.last += known.increment;
        known.current = Some(known.last);
        let next = known.last;
        values.last_used = Some(sequence);
        return Ok(next);
    }
    let row = parameters(session, sequence)?;
    let taken = advance(session, &entry, &row)?;
    let cached = Cached {
        file,
        current: Some(taken.first),
        last: taken.first,
        cached: taken.last,
        increment: row.seqincrement,
    };
    values.sequences.insert(sequence, cached);
    values.last_used = Some(sequence);
    Ok(taken.first)
}

struct Taken {
    first: i64,
    last: i64,
}

/// The value after `value`; `None` at the end of a sequence that does not cycle.
fn successor(value: i64, row: &PgSequence) -> Option<i64> {
    let next = value.checked_add(row.seqincrement).filter(|next| (row.seqmin..=row.seqmax).contains(next));
    match next {
        Some(next) => Some(next),
        None if row.seqcycle => Some(if row.seqincrement > 0 { row.seqmin } else { row.seqmax }),
        None => None,
    }
}

/// What nextval takes out: the values, the page afterwards, and what the log says if it has to say anything.
fn plan(state: State, row: &PgSequence, must_log: bool, name: &str) -> Result<(Taken, State, Option<State>)> {
    let mut fetch = row.seqcache;
    let mut log = fetch;
    let mut next = state.last_value;
    let mut taken: Option<Taken> = None;
    let mut count = 0;
    if !state.is_called {
        // The value on the page is itself the next one.
        taken = Some(Taken { first: next, last: next });
        count = 1;
        fetch -= 1;
    }
    let logs = state.log_count < fetch || !state.is_called || must_log;
    if logs {
        fetch = fetch.saturating_add(LOG_AHEAD);
        log = fetch;
    } else {
        log = state.log_count.max(log.min(fetch));
    }
    while fetch > 0 {
        let Some(following) = successor(next, row) else {
            if taken.is_some() {
                break;
            }
            let (word, bound) =
                if row.seqincrement > 0 { ("maximum", row.seqmax) } else { ("minimum", row.seqmin) };
            bail!(
                SEQUENCE_GENERATOR_LIMIT_EXCEEDED,
                "nextval: reached {word} value of sequence \"{name}\" ({bound})"
            );
        };
        next = following;
        fetch -= 1;
        if count < row.seqcache {
            log -= 1;
            count += 1;
            match &mut taken {
                Some(taken) => taken.last = next,
                None => taken = Some(Taken { first: next, last: next }),
            }
        }
        if !logs && count >= row.seqcache {
            break;
        }
    }
    let log_count = if logs { log - fetch } else { log };
    let taken = taken.ok_or_else(|| Error::internal("nextval took no value"))?;
    let after = State { last_value: taken.last, log_count, is_called: true };
    let ahead = State { last_value: next, log_count: 0, is_called: true };
    Ok((taken, after, logs.then_some(ahead)))
}

fn advance(session: &Session, entry: &RelationEntry, row: &PgSequence) -> Result<Taken> {
    let pool = &session.instance().pool;
    let locator = entry.relation.locator;
    // The commit of whoever got a value waits for the record that made it final.
    let xid = if is_logged(entry) { session.transaction()?.top_xid()? } else { Xid::INVALID };
    let pin = page::pin(pool, locator)?;
    let mut page = pin.write();
    let state = page::read(&page, entry.name())?;
    // After a checkpoint the first change logs the page, as a torn write would otherwise be lost.
    let must_log = is_logged(entry) && page.lsn() <= pool.wal().redo_lsn();
    let (taken, after, ahead) = plan(state, row, must_log, entry.name())?;
    let logged = ahead.filter(|_| is_logged(entry)).map(|ahead| (ahead, xid));
    page::write(pool, locator, &mut page, after, logged)?;
    Ok(taken)
}

/// The last value as pg_sequences shows it; `None` before the first one.
///
/// # Errors
/// `42809` when the relation is no sequence.
pub fn stored_value(session: &Session, sequence: Oid) -> Result<Option<i64>> {
    let entry = open(session, sequence)?;
    let pin = super::page::pin(&session.instance().pool, entry.relation.locator)?;
    let state = super::page::read(&pin.read(), entry.name())?;
    Ok(state.is_called.then_some(state.last_value))
}

/// The stored value and whether it has been handed out; `None` where the user may not read it.
///
/// # Errors
/// `42809` when the relation is no sequence.
pub fn stored_state(session: &Session, sequence: Oid) -> Result<Option<(i64, bool)>> {
    let entry = open(session, sequence)?;
    if privilege::require_on_relation(session, &entry, bits::SELECT).is_err() {
        return Ok(None);
    }
    let pin = super::page::pin(&session.instance().pool, entry.relation.locator)?;
    let state = super::page::read(&pin.read(), entry.name())?;
    Ok(Some((state.last_value, state.is_called)))
}

/// currval.
///
/// # Errors
/// `55000` before the first nextval of the session.
pub fn current_value(session: &Session, sequence: Oid) -> Result<i64> {
    let entry = open(session, sequence)?;
    privilege::require_on_relation(session, &entry, bits::SELECT | bits::USAGE)?;
    let values = values(session);
    let known = values.lock().sequences.get(&sequence).and_then(|known| known.current);
    match known {
        Some(value) => Ok(value),
        None => bail!(
            OBJECT_NOT_IN_PREREQUISITE_STATE,
            "currval of sequence \"{}\" is not yet defined in this session",
            entry.name()
        ),
    }
}

/// lastval.
///
/// # Errors
/// `55000` before the first nextval of the session, or when its sequence is gone.
pub fn last_value(session: &Session) -> Result<i64> {
    let values = values(session);
    let known = {
        let values = values.lock();
        values
            .last_used
            .and_then(|oid| values.sequences.get(&oid).and_then(|s| s.current.map(|value| (oid, value))))
    };
    let Some((sequence, value)) = known else {
        bail!(OBJECT_NOT_IN_PREREQUISITE_STATE, "lastval is not yet defined in this session");
    };
    if session.relation(sequence)?.is_none() {
        bail!(OBJECT_NOT_IN_PREREQUISITE_STATE, "lastval is not yet defined in this session");
    }
    let entry = open(session, sequence)?;
    privilege::require_on_relation(session, &entry, bits::SELECT | bits::USAGE)?;
    Ok(value)
}

/// setval.
///
/// # Errors
/// `22003` outside the sequence's bounds, `42501`, `25006`.
pub fn set_value(session: &Session, sequence: Oid, value: i64, is_called: bool) -> Result<()> {
    let entry = open(session, sequence)?;
    privilege::require_on_relation(session, &entry, bits::UPDATE)?;
    require_writable(session, &entry, "setval()")?;
    let row = parameters(session, sequence)?;
    if !(row.seqmin..=row.seqmax).contains(&value) {
        bail!(
            NUMERIC_VALUE_OUT_OF_RANGE,
            "setval: value {value} is out of bounds for sequence \"{}\" ({}..{})",
            entry.name(),
            row.seqmin,
            row.seqmax
        );
    }
    let pool = &session.instance().pool;
    let locator = entry.relation.locator;
    let xid = if is_logged(&entry) { session.transaction()?.top_xid()? } else { Xid::INVALID };
    let pin = page::pin(pool, locator)?;
    let mut page = pin.write();
    page::read(&page, entry.name())?;
    let state = State { last_value: value, log_count: 0, is_called };
    page::write(pool, locator, &mut page, state, is_logged(&entry).then_some((state, xid)))?;
    drop(page);
    let values = values(session);
    let mut values = values.lock();
    let known = values.sequences.entry(sequence).or_insert(Cached {
        file: entry.class.relfilenode,
        current: None,
        last: value,
        cached: value,
        increment: row.seqincrement,
    });
    if is_called {
        known.current = Some(value);
    }
    // Values taken out before are forgotten.
    (known.file, known.last, known.cached) = (entry.class.relfilenode, value, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cache: i64, max: i64, cycle: bool) -> PgSequence {
        PgSequence {
            seqrelid: Oid(1),
            seqtypid: Oid(20),
            seqstart: 1,
            seqincrement: 1,
            seqmax: max,
            seqmin: 1,
            seqcache: cache,
            seqcycle: cycle,
        }
    }

    #[test]
    fn first_call_logs_ahead() {
        let new = State { last_value: 1, log_count: 0, is_called: false };
        let (taken, after, ahead) = plan(new, &row(1, i64::MAX, false), false, "s").unwrap();
        assert_eq!((taken.first, taken.last), (1, 1));
        assert_eq!(after, State { last_value: 1, log_count: 32, is_called: true });
        assert_eq!(ahead, Some(State { last_value: 33, log_count: 0, is_called: true }));
        let (taken, after, ahead) = plan(after, &row(1, i64::MAX, false), false, "s").unwrap();
        assert_eq!((taken.first, ahead), (2, None));
        assert_eq!(after, State { last_value: 2, log_count: 31, is_called: true });
    }

    #[test]
    fn end_and_cycle() {
        let last = State { last_value: 3, log_count: 0, is_called: true };
        let error = plan(last, &row(1, 3, false), false, "s").err().unwrap();
        assert_eq!(error.message(), "nextval: reached maximum value of sequence \"s\" (3)");
        let (taken, ..) = plan(last, &row(1, 3, true), false, "s").unwrap();
        assert_eq!(taken.first, 1);
        let fresh = State { last_value: 1, log_count: 0, is_called: false };
        let (taken, ..) = plan(fresh, &row(10, 3, false), false, "s").unwrap();
        assert_eq!((taken.first, taken.last), (1, 3));
    }
}
