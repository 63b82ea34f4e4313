//! uuid.

use crate::call::{Call, Function};
use crate::table::{comparisons, functions};
use crate::wire;
use adt::datetime::Interval;
use adt::hash;
use adt::uuid::{self, Uuid};
use base::{Result, err};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

fn random<const N: usize>(call: &Call<'_>) -> [u8; N] {
    let mut bytes = [0; N];
    call.session.instance().system.random.fill(&mut bytes);
    bytes
}

/// Seconds from 1970 to 2000, PostgreSQL's epoch.
const EPOCH_MICROS: i64 = adt::datetime::UNIX_EPOCH_SECS * adt::datetime::USECS_PER_SEC;

fn v7(call: &Call<'_>, shift: Option<&Interval>) -> Result<Uuid> {
    let unix_ns = ascending_clock(call);
    let mut micros = i128::from(unix_ns / 1000);
    if let Some(shift) = shift {
        if !shift.is_finite() {
            return Err(err!(DATETIME_VALUE_OUT_OF_RANGE, "interval out of range for UUID version 7")
                .detail("UUID version 7 does not support infinite intervals."));
        }
        let now = (unix_ns / 1000) as i64 - EPOCH_MICROS;
        let shifted = adt::datetime::timestamptz_add(now, shift, &call.zone())?;
        micros = i128::from(shifted) + i128::from(EPOCH_MICROS);
        if !(0..LAST_MICROS).contains(&micros) {
            return Err(err!(DATETIME_VALUE_OUT_OF_RANGE, "timestamp out of range for UUID version 7")
                .detail("UUID version 7 supports timestamps from 1970-01-01 to approximately year 10889."));
        }
    }
    let nanos = (micros % 1000) as u32 * 1000 + (unix_ns % 1000) as u32;
    Ok(uuid::v7((micros / 1000) as u64, nanos, random(call)))
}

/// Microseconds since 1970 that no longer fit 48 bits of milliseconds.
const LAST_MICROS: i128 = (1 << 48) * 1000;

/// What 12 bits tell apart of a millisecond.
const STEP_NS: u64 = 1_000_000 / 4096 + 1;

/// Nanoseconds since 1970 that are greater each time, so that a session's UUIDs are in the order of their making.
fn ascending_clock(call: &Call<'_>) -> u64 {
    let micros = call.session.instance().system.clock.timestamp() + EPOCH_MICROS;
    let now = u64::try_from(micros).unwrap_or(0) * 1000;
    let last = call.session.extension("uuidv7 clock", || AtomicU64::new(0));
    let next = |last: u64| now.max(last + STEP_NS);
    // Threads of one session take their turns.
    last.fetch_update(Relaxed, Relaxed, |last| Some(next(last))).map_or(now, next)
}

pub const FUNCTIONS: &[&[Function]] = &[
    comparisons!("uuid_", "", Uuid, Uuid, |_, a, b| a.cmp(&b)),
    functions! {
        "uuid_in" (text: str) -> Uuid = uuid::parse(text);
        "uuid_out" (value: Uuid) -> String = Ok(uuid::format(&value));
        "uuid_recv" (bytes: [u8]) -> Uuid = {
            let mut message = wire::Message::new(bytes);
            let taken = message.take(16)?;
            message.end()?;
            Ok(taken.try_into().expect("sixteen bytes were taken"))
        };
        "uuid_send" (value: Uuid) -> Vec<u8> = Ok(value.to_vec());
        "uuid_cmp" (a: Uuid, b: Uuid) -> i32 = Ok(a.cmp(&b) as i32);
        "uuid_hash" (value: Uuid) -> i32 = Ok(hash::hash_bytes(&value) as i32);
        "uuid_hash_extended" (value: Uuid, seed: i64) -> i64 = Ok(hash::hash_bytes_extended(&value, seed as u64) as i64);
        "uuid_extract_version" (value: Uuid) -> Option<i16> = Ok(uuid::version(&value));
        "uuid_extract_timestamp" (value: Uuid) -> Option<i64> = Ok(uuid::timestamp(&value));
        "gen_random_uuid" [call] () -> Uuid = Ok(uuid::v4(random(call)));
        "uuidv7" [call] () -> Uuid = v7(call, None);
        "uuidv7_interval" [call] (shift: Interval) -> Uuid = v7(call, Some(&shift));
    },
];
