//! Reading times of day, fractions, and zone displacements.

use super::decode::leading_int;
use super::{Refusal, Time, USECS_PER_DAY, USECS_PER_HOUR, USECS_PER_MINUTE, USECS_PER_SEC};

/// Largest hour of a zone displacement.
const MAX_DISPLACEMENT_HOUR: i32 = 15;

/// `hh:mm[:ss[.fff]]` or `mm:ss.fff` in fields.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ClockFields {
    pub hour: i64,
    pub minute: i32,
    pub second: i32,
    pub micros: i32,
}

impl ClockFields {
    /// Microseconds; `None` on overflow.
    pub fn micros_total(&self) -> Option<i64> {
        let rest = i64::from(self.minute) * USECS_PER_MINUTE
            + i64::from(self.second) * USECS_PER_SEC
            + i64::from(self.micros);
        self.hour.checked_mul(USECS_PER_HOUR)?.checked_add(rest)
    }
}

/// A fraction with its point: `.`, `.5`; less than 1.
pub(super) fn fraction(text: &str) -> Result<f64, Refusal> {
    let digits = text.strip_prefix('.').ok_or(Refusal::BadFormat)?;
    if !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err(Refusal::BadFormat);
    }
    if digits.is_empty() { Ok(0.0) } else { text.parse().map_err(|_| Refusal::BadFormat) }
}

/// A fraction of a second in microseconds, up to 1,000,000.
pub(super) fn micros_fraction(text: &str) -> Result<i32, Refusal> {
    Ok((fraction(text)? * 1_000_000.0).round_ties_even() as i32)
}

/// A clock text. With `minutes_first` (an interval of minutes to seconds), `a:b` is minutes and seconds.
pub(super) fn clock(text: &str, minutes_first: bool) -> Result<ClockFields, Refusal> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (hour, rest) = text.split_at(end);
    let hour: i64 = hour
        .parse()
        .map_err(|_| if hour.is_empty() { Refusal::BadFormat } else { Refusal::FieldOverflow })?;
    let rest = rest.strip_prefix(':').ok_or(Refusal::BadFormat)?;
    let (minute, rest) = int_or_zero(rest)?;
    let mut fields = ClockFields { hour, minute, second: 0, micros: 0 };
    if rest.is_empty() && !minutes_first {
        return checked(fields);
    }
    if rest.is_empty() || rest.starts_with('.') {
        if !rest.is_empty() {
            fields.micros = micros_fraction(rest)?;
        }
        fields.second = minute;
        fields.minute = i32::try_from(hour).map_err(|_| Refusal::FieldOverflow)?;
        fields.hour = 0;
        return checked(fields);
    }
    let rest = rest.strip_prefix(':').ok_or(Refusal::BadFormat)?;
    let (second, rest) = int_or_zero(rest)?;
    fields.second = second;
    if !rest.is_empty() {
        fields.micros = micros_fraction(rest)?;
    }
    checked(fields)
}

/// A number that may be missing, as in `12:`.
fn int_or_zero(text: &str) -> Result<(i32, &str), Refusal> {
    if text.starts_with(|c: char| c.is_ascii_digit()) { leading_int(text) } else { Ok((0, text)) }
}

fn checked(fields: ClockFields) -> Result<ClockFields, Refusal> {
    if fields.minute > 59 || fields.second > 60 { Err(Refusal::FieldOverflow) } else { Ok(fields) }
}

/// Whether the fields exceed a day (24:00:00 and a 60th second are accepted).
pub(super) fn time_overflows(hour: i32, minute: i32, second: i32, micros: i32) -> bool {
    let in_range = (0..=24).contains(&hour)
        && (0..=59).contains(&minute)
        && (0..=60).contains(&second)
        && (0..=1_000_000).contains(&micros);
    let total: Time = (i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)) * USECS_PER_SEC
        + i64::from(micros);
    !in_range || total > USECS_PER_DAY
}

/// A displacement such as `+02`, `-0330` or `+01:02:03`, in seconds east.
pub(crate) fn displacement(text: &str) -> Result<i32, Refusal> {
    let negative = text.starts_with('-');
    let digits = text.strip_prefix(['+', '-']).ok_or(Refusal::BadFormat)?;
    let overflow = |refusal| match refusal {
        Refusal::FieldOverflow => Refusal::ZoneOverflow,
        other => other,
    };
    let (mut hour, mut rest) = int_or_zero(digits).map_err(overflow)?;
    let (mut minute, mut second) = (0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        (minute, rest) = int_or_zero(after).map_err(overflow)?;
        if let Some(after) = rest.strip_prefix(':') {
            (second, rest) = int_or_zero(after).map_err(overflow)?;
        }
    } else if rest.is_empty() && text.len() > 3 {
        minute = hour % 100;
        hour /= 100;
    }
    if hour > MAX_DISPLACEMENT_HOUR || minute > 59 || second > 59 {
        return Err(Refusal::ZoneOverflow);
    }
    if !rest.is_empty() {
        return Err(Refusal::BadFormat);
    }
    let secs = hour * 3600 + minute * 60 + second;
    Ok(if negative { -secs } else { secs })
}
