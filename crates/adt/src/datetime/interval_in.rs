//! Reading intervals: verbose, SQL standard and ISO 8601 forms, and the restriction to fields.

use super::decode::leading_int;
use super::decode_time::{clock, fraction};
use super::input::round_micros;
use super::split::{Field, FieldKind, INTERVAL_TEXT_BYTES, split};
use super::tokens::{Reserved, Unit, Word, find_unit, find_word};
use super::*;
use base::{Result, bail};

const YEAR: i32 = 1 << 2;
const MONTH: i32 = 1 << 1;
const DAY: i32 = 1 << 3;
const HOUR: i32 = 1 << 10;
const MINUTE: i32 = 1 << 11;
const SECOND: i32 = 1 << 12;
const FULL_RANGE: i32 = 0x7FFF;
const FULL_PRECISION: i32 = 0xFFFF;

/// The fields that a typmod allows, and its precision (-1 for none).
fn split_typmod(typmod: i32) -> (i32, i32) {
    if typmod < 0 {
        return (FULL_RANGE, -1);
    }
    let precision = typmod & FULL_PRECISION;
    (typmod >> 16 & FULL_RANGE, if precision == FULL_PRECISION { -1 } else { precision })
}

/// Years and months apart, as each is bounded on its own.
#[derive(Default)]
struct Sum {
    micros: i64,
    days: i32,
    months: i32,
    years: i32,
}

type Checked = std::result::Result<(), Refusal>;

fn narrow(value: i64) -> std::result::Result<i32, Refusal> {
    i32::try_from(value).map_err(|_| Refusal::FieldOverflow)
}

fn fits<T>(sum: Option<T>) -> std::result::Result<T, Refusal> {
    sum.ok_or(Refusal::FieldOverflow)
}

impl Sum {
    fn fraction_micros(&mut self, fraction: f64, scale: i64) -> Checked {
        // Half a microsecond alone does not count.
        let exact = fraction * scale as f64;
        let mut whole = exact as i64;
        let rest = exact - whole as f64;
        if rest > 0.5 {
            whole += 1;
        } else if rest < -0.5 {
            whole -= 1;
        }
        self.micros = fits(self.micros.checked_add(whole))?;
        Ok(())
    }

    fn micros(&mut self, value: i64, fraction: f64, scale: i64) -> Checked {
        let whole = value.checked_mul(scale).and_then(|whole| self.micros.checked_add(whole));
        self.micros = fits(whole)?;
        self.fraction_micros(fraction, scale)
    }

    fn days(&mut self, value: i64, scale: i32) -> Checked {
        let days = narrow(value)?.checked_mul(scale).and_then(|days| self.days.checked_add(days));
        self.days = fits(days)?;
        Ok(())
    }

    fn fraction_days(&mut self, fraction: f64, scale: i32) -> Checked {
        let exact = fraction * f64::from(scale);
        let whole = exact as i32;
        self.days = fits(self.days.checked_add(whole))?;
        self.fraction_micros(exact - f64::from(whole), USECS_PER_DAY)
    }

    fn months(&mut self, value: i64) -> Checked {
        let months = self.months.checked_add(narrow(value)?);
        self.months = fits(months)?;
        Ok(())
    }

    fn years(&mut self, value: i64, fraction: f64, scale: i32) -> Checked {
        let years = narrow(value)?.checked_mul(scale).and_then(|years| self.years.checked_add(years));
        self.years = fits(years)?;
        let months = (fraction * f64::from(scale) * f64::from(MONTHS_PER_YEAR)).round_ties_even();
        self.months = fits(self.months.checked_add(months as i32))?;
        Ok(())
    }

    /// Adds `value` and `fraction` units.
    fn unit(&mut self, unit: Unit, value: i64, fraction: f64) -> Checked {
        match unit {
            Unit::Microsecond => self.micros(value, fraction, 1),
            Unit::Millisecond => self.micros(value, fraction, 1000),
            Unit::Second => self.micros(value, fraction, USECS_PER_SEC),
            Unit::Minute => self.micros(value, fraction, USECS_PER_MINUTE),
            Unit::Hour => self.micros(value, fraction, USECS_PER_HOUR),
            Unit::Day => {
                self.days(value, 1)?;
                self.fraction_micros(fraction, USECS_PER_DAY)
            }
            Unit::Week => {
                self.days(value, 7)?;
                self.fraction_days(fraction, 7)
            }
            Unit::Month => {
                self.months(value)?;
                self.fraction_days(fraction, DAYS_PER_MONTH)
            }
            Unit::Year => self.years(value, fraction, 1),
            Unit::Decade => self.years(value, fraction, 10),
            Unit::Century => self.years(value, fraction, 100),
            Unit::Millennium => self.years(value, fraction, 1000),
            _ => Err(Refusal::BadFormat),
        }
    }

    fn negate(&mut self) -> Checked {
        self.micros = fits(self.micros.checked_neg())?;
        self.days = fits(self.days.checked_neg())?;
        self.months = fits(self.months.checked_neg())?;
        self.years = fits(self.years.checked_neg())?;
        Ok(())
    }

    fn finish(&self) -> Result<Interval> {
        let months = i64::from(self.years) * i64::from(MONTHS_PER_YEAR) + i64::from(self.months);
        let months = i32::try_from(months).map_err(|_| interval_out_of_range())?;
        Ok(Interval { micros: self.micros, days: self.days, months })
    }
}

enum Reading {
    Finite(Sum),
    Late,
    Early,
}

/// The unit of a bare number under a field restriction.
fn default_unit(range: i32) -> Unit {
    const YEAR_TO_MONTH: i32 = YEAR | MONTH;
    const DAY_TO_HOUR: i32 = DAY | HOUR;
    const HOUR_TO_MINUTE: i32 = HOUR | MINUTE;
    const DAY_TO_MINUTE: i32 = DAY | HOUR | MINUTE;
    match range {
        YEAR => Unit::Year,
        MONTH | YEAR_TO_MONTH => Unit::Month,
        DAY => Unit::Day,
        HOUR | DAY_TO_HOUR => Unit::Hour,
        MINUTE | HOUR_TO_MINUTE | DAY_TO_MINUTE => Unit::Minute,
        _ => Unit::Second,
    }
}

/// What a field has claimed, so that no unit comes twice. The second is one with its fractions.
fn claim_of(unit: Unit, has_fraction: bool) -> u32 {
    match unit {
        Unit::Second if has_fraction => {
            claim_of(Unit::Second, false)
                | claim_of(Unit::Millisecond, false)
                | claim_of(Unit::Microsecond, false)
        }
        _ => 1 << unit as u32,
    }
}

fn claim_of_clock() -> u32 {
    claim_of(Unit::Hour, false) | claim_of(Unit::Minute, false) | claim_of(Unit::Second, true)
}

/// A signed number with what follows its digits: a fraction, or `-months`.
fn signed_number(text: &str) -> std::result::Result<(bool, i64, &str), Refusal> {
    let negative = text.starts_with('-');
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = digits.split_at(end);
    let value: i128 =
        if number.is_empty() { 0 } else { number.parse().map_err(|_| Refusal::FieldOverflow)? };
    let value = if negative { -value } else { value };
    Ok((negative, i64::try_from(value).map_err(|_| Refusal::FieldOverflow)?, rest))
}

struct IntervalDecoder {
    range: i32,
    /// In the SQL standard's form a leading minus holds for all fields.
    force_negative: bool,
    sum: Sum,
    claimed: u32,
    unit: Option<Unit>,
    /// A unit was read whose number has yet to come (fields are read from the end).
    awaits_number: bool,
}

impl IntervalDecoder {
    fn clock(&mut self, text: &str) -> std::result::Result<u32, Refusal> {
        let negative = text.starts_with('-');
        let fields = clock(text.trim_start_matches(['+', '-']), self.range == MINUTE | SECOND)?;
        let micros = fields.micros_total().ok_or(Refusal::FieldOverflow)?;
        self.sum.micros = if negative || self.force_negative { -micros } else { micros };
        // A number before a time is days.
        self.unit = Some(Unit::Day);
        self.awaits_number = false;
        Ok(claim_of_clock())
    }

    fn number(&mut self, text: &str) -> std::result::Result<u32, Refusal> {
        let mut unit = self.unit.unwrap_or_else(|| default_unit(self.range));
        let (negative, mut value, rest) = signed_number(text)?;
        let mut part = 0.0;
        if let Some(months) = rest.strip_prefix('-') {
            let (months, rest) = if months.is_empty() { (0, "") } else { leading_int(months)? };
            if months >= MONTHS_PER_YEAR {
                return Err(Refusal::FieldOverflow);
            }
            if !rest.is_empty() {
                return Err(Refusal::BadFormat);
            }
            unit = Unit::Month;
            let months = i64::from(if negative { -months } else { months });
            value =
                value.checked_mul(12).and_then(|v| v.checked_add(months)).ok_or(Refusal::FieldOverflow)?;
        } else if rest.starts_with('.') {
            part = fraction(rest)?;
            if negative {
                part = -part;
            }
        } else if !rest.is_empty() {
            return Err(Refusal::BadFormat);
        }
        if self.force_negative {
            value = -value.abs();
            part = -part.abs();
        }
        self.sum.unit(unit, value, part)?;
        // A number before hours is days.
        self.unit = Some(if unit == Unit::Hour { Unit::Day } else { unit });
        self.awaits_number = false;
        Ok(claim_of(unit, part != 0.0))
    }
}

fn decode(fields: &[Field], range: i32, style: IntervalStyle) -> std::result::Result<Reading, Refusal> {
    let signed = |field: &Field| field.text.starts_with(['+', '-']);
    let force_negative = style == IntervalStyle::SqlStandard
        && fields.first().is_some_and(|field| field.text.starts_with('-'))
        && !fields[1..].iter().any(signed);
    let mut decoder = IntervalDecoder {
        range,
        force_negative,
        sum: Sum::default(),
        claimed: 0,
        unit: None,
        awaits_number: false,
    };
    let (mut ago, mut infinite) = (false, None);
    for (at, field) in fields.iter().enumerate().rev() {
        let text = field.text.as_str();
        let is_last = at == fields.len() - 1;
        let claimed = match field.kind {
            FieldKind::Time => decoder.clock(text)?,
            FieldKind::Signed if text.contains(':') => match decoder.clock(text) {
                Ok(claimed) => claimed,
                Err(_) => decoder.number(text)?,
            },
            FieldKind::Signed | FieldKind::Date | FieldKind::Number => decoder.number(text)?,
            FieldKind::Word | FieldKind::SignedWord => {
                if decoder.awaits_number {
                    return Err(Refusal::BadFormat);
                }
                if let Some(unit) = find_unit(text) {
                    decoder.unit = Some(unit);
                    decoder.awaits_number = true;
                    0
                } else if text == "ago" && is_last {
                    ago = true;
                    0
                } else {
                    match find_word(text) {
                        Some(Word::Ignored) => continue,
                        Some(Word::Reserved(Reserved::Late)) if is_last => infinite = Some(Reading::Late),
                        Some(Word::Reserved(Reserved::Early)) if is_last => infinite = Some(Reading::Early),
                        _ => return Err(Refusal::BadFormat),
                    }
                    u32::MAX
                }
            }
        };
        if decoder.claimed & claimed != 0 {
            return Err(Refusal::BadFormat);
        }
        decoder.claimed |= claimed;
    }
    if decoder.claimed == 0 || decoder.awaits_number {
        return Err(Refusal::BadFormat);
    }
    if let Some(infinite) = infinite {
        return Ok(infinite);
    }
    if ago {
        decoder.sum.negate()?;
    }
    Ok(Reading::Finite(decoder.sum))
}

struct IsoText<'a>(&'a str);

impl IsoText<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.0.chars();
        let c = chars.next();
        self.0 = chars.as_str();
        c
    }

    /// A number as the C library reads it, as whole part and fraction, with the count of its leading digits.
    fn number(&mut self) -> std::result::Result<(i64, f64, usize), Refusal> {
        let text = self.0.as_bytes();
        if !text.first().is_some_and(|c| c.is_ascii_digit() || matches!(c, b'-' | b'.')) {
            return Err(Refusal::BadFormat);
        }
        let digits_from = |from: usize| text[from..].iter().take_while(|c| c.is_ascii_digit()).count();
        let sign = usize::from(text[0] == b'-');
        let whole = digits_from(sign);
        let mut end = sign + whole;
        if text.get(end) == Some(&b'.') {
            end += 1 + digits_from(end + 1);
        }
        if matches!(text.get(end), Some(b'e' | b'E')) {
            let from = end + 1 + usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
            let exponent = if from <= text.len() { digits_from(from) } else { 0 };
            if exponent > 0 {
                end = from + exponent;
            }
        }
        let value: f64 = self.0[..end].parse().map_err(|_| Refusal::BadFormat)?;
        if !(-1e15..=1e15).contains(&value) {
            return Err(Refusal::FieldOverflow);
        }
        self.0 = &self.0[end..];
        Ok((value.trunc() as i64, value.fract(), whole))
    }

    /// The date part; returns whether a time part follows.
    fn date(&mut self, sum: &mut Sum) -> std::result::Result<bool, Refusal> {
        let mut have_field = false;
        loop {
            if self.0.is_empty() {
                return Ok(false);
            }
            if self.0.starts_with('T') {
                self.next();
                return Ok(true);
            }
            let (value, part, digits) = self.number()?;
            match self.next() {
                Some('Y') => sum.unit(Unit::Year, value, part)?,
                Some('M') => sum.unit(Unit::Month, value, part)?,
                Some('W') => sum.unit(Unit::Week, value, part)?,
                Some('D') => sum.unit(Unit::Day, value, part)?,
                end @ (Some('T') | None) if digits == 8 && !have_field => {
                    sum.years(value / 10_000, 0.0, 1)?;
                    sum.months(value / 100 % 100)?;
                    sum.unit(Unit::Day, value % 100, part)?;
                    return Ok(end.is_some());
                }
                end @ (Some('T') | Some('-') | None) if !have_field => {
                    sum.unit(Unit::Year, value, part)?;
                    return if end == Some('-') { self.months_and_days(sum) } else { Ok(end.is_some()) };
                }
                _ => return Err(Refusal::BadFormat),
            }
            have_field = true;
        }
    }

    /// The rest of `years-months-days`.
    fn months_and_days(&mut self, sum: &mut Sum) -> std::result::Result<bool, Refusal> {
        for unit in [Unit::Month, Unit::Day] {
            let (value, part, _) = self.number()?;
            sum.unit(unit, value, part)?;
            match self.next() {
                None => return Ok(false),
                Some('T') => return Ok(true),
                Some('-') if unit == Unit::Month => {}
                _ => return Err(Refusal::BadFormat),
            }
        }
        Err(Refusal::BadFormat)
    }

    fn time(&mut self, sum: &mut Sum) -> Checked {
        let mut have_field = false;
        while !self.0.is_empty() {
            if self.0.starts_with('T') {
                self.next();
                have_field = false;
                continue;
            }
            let (value, part, digits) = self.number()?;
            match self.next() {
                Some('H') => sum.unit(Unit::Hour, value, part)?,
                Some('M') => sum.unit(Unit::Minute, value, part)?,
                Some('S') => sum.unit(Unit::Second, value, part)?,
                None if digits == 6 && !have_field => {
                    sum.unit(Unit::Hour, value / 10_000, 0.0)?;
                    sum.unit(Unit::Minute, value / 100 % 100, 0.0)?;
                    sum.unit(Unit::Second, value % 100, 0.0)?;
                    return sum.fraction_micros(part, 1);
                }
                end @ (None | Some(':')) if !have_field => {
                    sum.unit(Unit::Hour, value, part)?;
                    return if end.is_some() { self.minutes_and_seconds(sum) } else { Ok(()) };
                }
                _ => return Err(Refusal::BadFormat),
            }
            have_field = true;
        }
        Ok(())
    }

    /// The rest of `hours:minutes:seconds`.
    fn minutes_and_seconds(&mut self, sum: &mut Sum) -> Checked {
        for unit in [Unit::Minute, Unit::Second] {
            let (value, part, _) = self.number()?;
            sum.unit(unit, value, part)?;
            match self.next() {
                None => return Ok(()),
                Some(':') if unit == Unit::Minute => {}
                _ => return Err(Refusal::BadFormat),
            }
        }
        Err(Refusal::BadFormat)
    }
}

/// `P...`, in either of ISO 8601's forms.
fn decode_iso(text: &str) -> std::result::Result<Reading, Refusal> {
    let mut sum = Sum::default();
    match text.strip_prefix('P') {
        Some(rest) if !rest.is_empty() => {
            let mut text = IsoText(rest);
            if text.date(&mut sum)? {
                text.time(&mut sum)?;
            }
            Ok(Reading::Finite(sum))
        }
        _ => Err(Refusal::BadFormat),
    }
}

/// Reads an interval; `typmod` holds its fields and precision, or is -1.
///
/// # Errors
/// `22007`, `22008`, `22015`
pub fn interval_in(text: &str, typmod: i32, style: IntervalStyle) -> Result<Interval> {
    let (range, _) = split_typmod(typmod);
    let reading = split(text, INTERVAL_TEXT_BYTES).and_then(|fields| decode(&fields, range, style));
    let reading = match reading {
        Err(Refusal::BadFormat) => decode_iso(text),
        other => other,
    };
    match reading.map_err(|refusal| refusal.into_error(text, "interval"))? {
        Reading::Late => Ok(Interval::NOEND),
        Reading::Early => Ok(Interval::NOBEGIN),
        Reading::Finite(sum) => adjust_interval(sum.finish()?, typmod),
    }
}

/// An interval cut to the fields and rounded to the precision of `typmod`.
///
/// # Errors
/// `22008`, `22023`
pub fn adjust_interval(mut interval: Interval, typmod: i32) -> Result<Interval> {
    if typmod < 0 || !interval.is_finite() {
        return Ok(interval);
    }
    let (range, precision) = split_typmod(typmod);
    let lowest = range & range.wrapping_neg();
    let cut = |interval: &mut Interval, unit: i64| interval.micros = interval.micros / unit * unit;
    if range != FULL_RANGE {
        // Fields above the highest allowed one are kept: `interval '1 day 2 hours' hour` is what it says.
        match range {
            YEAR => interval = Interval::new(interval.months / MONTHS_PER_YEAR * MONTHS_PER_YEAR, 0, 0),
            _ if lowest == MONTH => interval = Interval::new(interval.months, 0, 0),
            DAY => interval.micros = 0,
            _ if range & SECOND != 0 => {}
            _ if range & MINUTE != 0 => cut(&mut interval, USECS_PER_MINUTE),
            _ if range & HOUR != 0 => cut(&mut interval, USECS_PER_HOUR),
            _ => return Err(Error::internal(format!("unrecognized interval typmod: {typmod}"))),
        }
    }
    if precision >= 0 {
        if precision > 6 {
            bail!(INVALID_PARAMETER_VALUE, "interval({precision}) precision must be between 0 and 6");
        }
        interval.micros = round_micros(interval.micros, precision).ok_or_else(interval_out_of_range)?;
    }
    Ok(interval)
}

/// The fields and precision of a typmod as they follow the type's name: ` day to second(3)`.
pub fn interval_typmod_text(typmod: i32) -> String {
    let (range, precision) = split_typmod(typmod);
    const FIELDS: [(i32, &str); 6] = [
        (YEAR, "year"),
        (MONTH, "month"),
        (DAY, "day"),
        (HOUR, "hour"),
        (MINUTE, "minute"),
        (SECOND, "second"),
    ];
    let mut text = String::new();
    if range != FULL_RANGE {
        let mut named = FIELDS.iter().filter(|field| range & field.0 != 0);
        if let Some((_, first)) = named.next() {
            text += &format!(" {first}");
            if let Some((_, last)) = named.next_back() {
                text += &format!(" to {last}");
            }
        }
    }
    if precision >= 0 {
        text += &format!("({precision})");
    }
    text
}
