//! The binary forms of the wire: big-endian integers.

use super::*;
use base::{Result, bail};

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    match bytes.split_first_chunk::<N>() {
        Some((taken, rest)) => {
            *bytes = rest;
            Ok(*taken)
        }
        None => bail!(PROTOCOL_VIOLATION, "insufficient data left in message"),
    }
}

fn finish<T>(bytes: &[u8], value: T) -> Result<T> {
    if bytes.is_empty() {
        return Ok(value);
    }
    bail!(INVALID_BINARY_REPRESENTATION, "incorrect binary data format")
}

/// # Errors
/// `08P01`, `22003`, `22008`
pub fn date_recv(mut bytes: &[u8]) -> Result<Date> {
    let date = i32::from_be_bytes(take(&mut bytes)?);
    if date_is_finite(date) && !is_valid_date(date) {
        return Err(date_out_of_range());
    }
    finish(bytes, date)
}

pub fn date_send(date: Date) -> [u8; 4] {
    date.to_be_bytes()
}

fn check_time(time: Time) -> Result<Time> {
    if !(0..=USECS_PER_DAY).contains(&time) {
        bail!(DATETIME_VALUE_OUT_OF_RANGE, "time out of range");
    }
    Ok(time)
}

/// # Errors
/// `08P01`, `22008`
pub fn time_recv(mut bytes: &[u8], typmod: i32) -> Result<Time> {
    let time = check_time(i64::from_be_bytes(take(&mut bytes)?))?;
    finish(bytes, round_time(time, typmod))
}

pub fn time_send(time: Time) -> [u8; 8] {
    time.to_be_bytes()
}

/// # Errors
/// `08P01`, `22008`, `22009`
pub fn timetz_recv(mut bytes: &[u8], typmod: i32) -> Result<TimeTz> {
    let time = check_time(i64::from_be_bytes(take(&mut bytes)?))?;
    let zone = i32::from_be_bytes(take(&mut bytes)?);
    // Sixteen hours bound every displacement.
    if zone <= -57_600 || zone >= 57_600 {
        bail!(INVALID_TIME_ZONE_DISPLACEMENT_VALUE, "time zone displacement out of range");
    }
    finish(bytes, TimeTz { time: round_time(time, typmod), zone })
}

pub fn timetz_send(value: TimeTz) -> [u8; 12] {
    let mut out = [0; 12];
    out[..8].copy_from_slice(&value.time.to_be_bytes());
    out[8..].copy_from_slice(&value.zone.to_be_bytes());
    out
}

/// Reads a timestamp of either kind.
///
/// # Errors
/// `08P01`, `22008`
pub fn timestamp_recv(mut bytes: &[u8], typmod: i32) -> Result<Timestamp> {
    let timestamp = i64::from_be_bytes(take(&mut bytes)?);
    if timestamp_is_finite(timestamp) && !is_valid_timestamp(timestamp) {
        return Err(timestamp_out_of_range());
    }
    finish(bytes, round_timestamp(timestamp, typmod)?)
}

/// Writes a timestamp of either kind.
pub fn timestamp_send(timestamp: Timestamp) -> [u8; 8] {
    timestamp.to_be_bytes()
}

/// # Errors
/// `08P01`, `22008`
pub fn interval_recv(mut bytes: &[u8], typmod: i32) -> Result<Interval> {
    let micros = i64::from_be_bytes(take(&mut bytes)?);
    let days = i32::from_be_bytes(take(&mut bytes)?);
    let months = i32::from_be_bytes(take(&mut bytes)?);
    finish(bytes, adjust_interval(Interval { micros, days, months }, typmod)?)
}

pub fn interval_send(interval: &Interval) -> [u8; 16] {
    let mut out = [0; 16];
    out[..8].copy_from_slice(&interval.micros.to_be_bytes());
    out[8..12].copy_from_slice(&interval.days.to_be_bytes());
    out[12..].copy_from_slice(&interval.months.to_be_bytes());
    out
}
