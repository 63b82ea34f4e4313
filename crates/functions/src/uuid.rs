//! uuid.

use crate::call::{Call, Function};
use crate::table::{comparisons, functions};
use crate::wire;
use adt::datetime::Interval;
use adt::hash;
use adt::uuid::{self, Uuid};
use base::{Result, err};

fn random<const N: usize>(call: &Call<'_>) -> [u8; N] {
    let mut bytes = [0; N];
    call.session.instance().system.random.fill(&mut bytes);
    bytes
}

/// Seconds from 1970 to 2000, PostgreSQL's epoch.
const EPOCH_MICROS: i64 = adt::datetime::UNIX_EPOCH_SECS * adt::datetime::USECS_PER_SEC;

fn v7(call: &Call<'_>, shift: Option<&Interval>) -> Result<Uuid> {
    let clock = &call.session.instance().system.clock;
    let mut now = clock.timestamp();
    if let Some(shift) = shift {
        now = adt::datetime::timestamptz_add(now, shift, &call.zone())?;
    }
    let unix_ns = (i128::from(now) + i128::from(EPOCH_MICROS)) * 1000;
    let unix_ns = u64::try_from(unix_ns)
        .map_err(|_| err!(DATETIME_VALUE_OUT_OF_RANGE, "timestamp out of range for UUID version 7"))?;
    Ok(uuid::v7(unix_ns, random(call)))
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
