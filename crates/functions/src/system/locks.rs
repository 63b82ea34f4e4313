//! Advisory locks, and waiting.

use crate::call::{Call, Function};
use crate::table::functions;
use base::Result;
use lock::{Level, LockMode, LockTag};
use std::time::Duration;

/// The lock that one 64-bit number or two of 32 bits name.
trait Key {
    fn tag(self, call: &Call<'_>) -> LockTag;
}

impl Key for i64 {
    fn tag(self, call: &Call<'_>) -> LockTag {
        LockTag::advisory_key(call.session.database(), self)
    }
}

impl Key for (i32, i32) {
    fn tag(self, call: &Call<'_>) -> LockTag {
        LockTag::advisory_pair(call.session.database(), self.0, self.1)
    }
}

fn acquire(call: &Call<'_>, key: impl Key, mode: LockMode, level: Level) -> Result<()> {
    let locks = call.session.transaction_session().locks();
    locks.lock(key.tag(call), mode, level, &call.session.wait_policy()).map(drop)
}

fn attempt(call: &Call<'_>, key: impl Key, mode: LockMode, level: Level) -> Result<bool> {
    call.session.transaction_session().locks().try_lock(key.tag(call), mode, level)
}

fn release(call: &Call<'_>, key: impl Key, mode: LockMode) -> Result<bool> {
    let released = call.session.transaction_session().locks().unlock(&key.tag(call), mode, Level::Session);
    if !released {
        call.session.notice(base::Error::with_severity(
            base::Severity::Warning,
            base::SqlState::WARNING,
            format!("you don't own a lock of type {}", mode.name()),
        ));
    }
    Ok(released)
}

const EXCLUSIVE: LockMode = LockMode::Exclusive;
const SHARED: LockMode = LockMode::Share;

/// The longest that is slept before looking whether the statement was cancelled.
const NAP: Duration = Duration::from_millis(20);

/// Sleeps; a cancelled statement ends it.
///
/// # Errors
/// `57014`
pub fn sleep(call: &Call<'_>, seconds: f64) -> Result<()> {
    let clock = &call.session.instance().system.clock;
    let length = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
    let end = clock.monotonic().saturating_add(length);
    loop {
        call.session.interrupt_check()?;
        let rest = end.saturating_sub(clock.monotonic());
        if rest.is_zero() {
            return Ok(());
        }
        clock.sleep(rest.min(NAP));
    }
}

pub const FUNCTIONS: &[Function] = functions! {
    "pg_advisory_lock_int8" [call] (key: i64) -> () = acquire(call, key, EXCLUSIVE, Level::Session);
    "pg_advisory_lock_shared_int8" [call] (key: i64) -> () = acquire(call, key, SHARED, Level::Session);
    "pg_advisory_xact_lock_int8" [call] (key: i64) -> () = acquire(call, key, EXCLUSIVE, Level::Transaction);
    "pg_advisory_xact_lock_shared_int8" [call] (key: i64) -> () = acquire(call, key, SHARED, Level::Transaction);
    "pg_advisory_lock_int4" [call] (a: i32, b: i32) -> () = acquire(call, (a, b), EXCLUSIVE, Level::Session);
    "pg_advisory_lock_shared_int4" [call] (a: i32, b: i32) -> () = acquire(call, (a, b), SHARED, Level::Session);
    "pg_advisory_xact_lock_int4" [call] (a: i32, b: i32) -> () = acquire(call, (a, b), EXCLUSIVE, Level::Transaction);
    "pg_advisory_xact_lock_shared_int4" [call] (a: i32, b: i32) -> () =
        acquire(call, (a, b), SHARED, Level::Transaction);
    "pg_try_advisory_lock_int8" [call] (key: i64) -> bool = attempt(call, key, EXCLUSIVE, Level::Session);
    "pg_try_advisory_lock_shared_int8" [call] (key: i64) -> bool = attempt(call, key, SHARED, Level::Session);
    "pg_try_advisory_xact_lock_int8" [call] (key: i64) -> bool = attempt(call, key, EXCLUSIVE, Level::Transaction);
    "pg_try_advisory_xact_lock_shared_int8" [call] (key: i64) -> bool = attempt(call, key, SHARED, Level::Transaction);
    "pg_try_advisory_lock_int4" [call] (a: i32, b: i32) -> bool = attempt(call, (a, b), EXCLUSIVE, Level::Session);
    "pg_try_advisory_lock_shared_int4" [call] (a: i32, b: i32) -> bool = attempt(call, (a, b), SHARED, Level::Session);
    "pg_try_advisory_xact_lock_int4" [call] (a: i32, b: i32) -> bool =
        attempt(call, (a, b), EXCLUSIVE, Level::Transaction);
    "pg_try_advisory_xact_lock_shared_int4" [call] (a: i32, b: i32) -> bool =
        attempt(call, (a, b), SHARED, Level::Transaction);
    "pg_advisory_unlock_int8" [call] (key: i64) -> bool = release(call, key, EXCLUSIVE);
    "pg_advisory_unlock_shared_int8" [call] (key: i64) -> bool = release(call, key, SHARED);
    "pg_advisory_unlock_int4" [call] (a: i32, b: i32) -> bool = release(call, (a, b), EXCLUSIVE);
    "pg_advisory_unlock_shared_int4" [call] (a: i32, b: i32) -> bool = release(call, (a, b), SHARED);
    "pg_advisory_unlock_all" [call] () -> () = {
        call.session.transaction_session().locks().release_session_advisory();
        Ok(())
    };
    "pg_sleep" [call] (seconds: f64) -> () = sleep(call, seconds);
};
