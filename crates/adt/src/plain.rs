//! The plainest spellings of the commonest types, read fast for bulk loads. Whatever is spelled otherwise, or is out
//! of range, is `None` here and left to the input functions proper; what is read here they would read the same.
//!
//! A value is a range of a larger buffer, so that eight bytes can be loaded at once where fewer belong to the value.

use crate::datetime::{
    Civil, Date, EPOCH_JULIAN, TimeZone, Timestamp, TimestampTz, days_in_month, timestamp_from_civil,
};
use crate::numeric::{Typmod, push_decimal};
use std::ops::Range;

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The number that up to eight decimal digits before `end` spell; at least one.
#[inline]
fn eight(buffer: &[u8], start: usize, end: usize) -> Option<u64> {
    let count = end - start;
    let word = match end.checked_sub(8).and_then(|from| buffer.get(from..end)) {
        // What stands before the digits becomes zeros, which are the first bytes of a little-endian word.
        Some(bytes) => {
            let before = u64::MAX.checked_shr(8 * count as u32).unwrap_or(0);
            (u64::from_le_bytes(bytes.try_into().ok()?) & !before) | (ZEROS & before)
        }
        None => {
            let mut bytes = [b'0'; 8];
            bytes[8 - count..].copy_from_slice(buffer.get(start..end)?);
            u64::from_le_bytes(bytes)
        }
    };
    let digits = word ^ ZEROS;
    // No digit is above 9: neither it nor it plus six reaches the upper half of its byte.
    if (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & 0xf0f0_f0f0_f0f0_f0f0 != 0 {
        return None;
    }
    // Neighbours are joined to numbers of two, four and eight digits.
    let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff)
}

/// One to sixteen decimal digits.
#[inline]
fn digits(buffer: &[u8], start: usize, end: usize) -> Option<u64> {
    match end.checked_sub(start)? {
        1..=8 => eight(buffer, start, end),
        9..=16 => Some(eight(buffer, start, end - 8)? * 100_000_000 + eight(buffer, end - 8, end)?),
        _ => None,
    }
}

/// Decimal digits, perhaps behind a minus sign.
#[inline]
pub fn integer(buffer: &[u8], field: Range<usize>) -> Option<i64> {
    let Range { start, end } = field;
    if buffer.get(start) == Some(&b'-') {
        return Some(-(digits(buffer, start + 1, end)? as i64));
    }
    Some(digits(buffer, start, end)? as i64)
}

/// Decimal digits with at most one point between them: the stored payload to the end of `out`, which is as it was
/// when the answer is `None`.
#[inline]
pub fn numeric(buffer: &[u8], field: Range<usize>, typmod: Option<Typmod>, out: &mut Vec<u8>) -> Option<()> {
    let Range { mut start, end } = field;
    let negative = buffer.get(start) == Some(&b'-');
    start += usize::from(negative);
    let text = buffer.get(start..end)?;
    let (whole, fraction, scale) = match text.iter().rposition(|byte| *byte == b'.') {
        None => (digits(buffer, start, end)?, 0, 0),
        Some(point) => {
            let point = start + point;
            (digits(buffer, start, point)?, digits(buffer, point + 1, end)?, end - point - 1)
        }
    };
    let mut shown = scale as i32;
    if let Some(Typmod { precision, scale }) = typmod {
        let whole_digits = precision - scale;
        if shown > scale || !(0..=16).contains(&whole_digits) || whole >= 10_u64.pow(whole_digits as u32) {
            return None;
        }
        shown = scale;
    }
    push_decimal(negative, whole, fraction, scale, shown, out)
}

/// Two digits at `at`; beyond 99 when they are none.
#[inline]
fn two(text: &[u8; 19], at: usize) -> i32 {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    if tens > 9 || ones > 9 { 1000 } else { i32::from(tens) * 10 + i32::from(ones) }
}

/// `YYYY-MM-DD`, in the first ten bytes.
#[inline]
fn day(text: &[u8; 19]) -> Option<Civil> {
    let (century, year, month, day) = (two(text, 0), two(text, 2), two(text, 5), two(text, 8));
    let year = century * 100 + year;
    let is_date = text[4] == b'-' && text[7] == b'-' && (1..=9999).contains(&year);
    // Day and month first: a month that is none has no days.
    if !is_date || !(1..=12).contains(&month) || day < 1 || (day > 28 && day > days_in_month(year, month)) {
        return None;
    }
    Some(Civil { year, month, day, ..Civil::default() })
}

/// `YYYY-MM-DD`
#[inline]
pub fn date(buffer: &[u8], field: Range<usize>) -> Option<Date> {
    let mut text = [b'0'; 19];
    text[..10].copy_from_slice(buffer.get(field).filter(|text| text.len() == 10)?);
    Some(day(&text)?.julian_day() - EPOCH_JULIAN)
}

/// `YYYY-MM-DD HH:MM:SS` with up to six decimals; and what follows.
#[inline]
fn moment(buffer: &[u8], field: Range<usize>) -> Option<(Civil, &[u8])> {
    let (text, mut rest) = buffer.get(field)?.split_first_chunk::<19>()?;
    let mut civil = day(text)?;
    (civil.hour, civil.minute, civil.second) = (two(text, 11), two(text, 14), two(text, 17));
    let marks = text[10] == b' ' && text[13] == b':' && text[16] == b':';
    if !marks || civil.hour > 23 || civil.minute > 59 || civil.second > 59 {
        return None;
    }
    if let [b'.', fraction @ ..] = rest {
        let count = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=6).contains(&count) {
            return None;
        }
        let value = digits(fraction, 0, count)? as i32;
        civil.micros = value * 10_i32.pow(6 - count as u32);
        rest = &fraction[count..];
    }
    Some((civil, rest))
}

/// A moment without a zone.
#[inline]
pub fn timestamp(buffer: &[u8], field: Range<usize>) -> Option<Timestamp> {
    match moment(buffer, field)? {
        (civil, []) => timestamp_from_civil(&civil, 0),
        _ => None,
    }
}

/// A moment with an offset of whole hours, perhaps with minutes after a colon, or none: then it is one of `zone`.
#[inline]
pub fn timestamptz(buffer: &[u8], field: Range<usize>, zone: &TimeZone) -> Option<TimestampTz> {
    let (civil, rest) = moment(buffer, field)?;
    let pair = |tens: u8, ones: u8| {
        let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
        (tens <= 9 && ones <= 9).then(|| i32::from(tens) * 10 + i32::from(ones))
    };
    let east = match *rest {
        [] => zone.offset_of_local(&civil),
        [sign @ (b'+' | b'-'), a, b] => signed(sign, pair(a, b)?, 0)?,
        [sign @ (b'+' | b'-'), a, b, b':', c, d] => signed(sign, pair(a, b)?, pair(c, d)?)?,
        _ => return None,
    };
    timestamp_from_civil(&civil, east)
}

/// Seconds of a displacement; `None` for one out of range.
#[inline]
fn signed(sign: u8, hours: i32, minutes: i32) -> Option<i32> {
    if hours > 15 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    Some(if sign == b'-' { -seconds } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datetime::*;
    use crate::numeric::Numeric;

    /// Each text as it stands alone and within others.
    fn places(text: &str, check: impl Fn(&[u8], Range<usize>)) {
        check(text.as_bytes(), 0..text.len());
        let around = format!("98765432{text}12345678");
        check(around.as_bytes(), 8..8 + text.len());
    }

    #[test]
    fn integers() {
        let texts = [
            "0",
            "7",
            "-7",
            "12345678",
            "-00123456789",
            "1234567890123456",
            "12345678901234567",
            "",
            "-",
            "+1",
            " 1",
            "1 ",
            "1_0",
            "0x1",
            "1.0",
            "a",
            "1234567a",
            "12:4",
            "1/",
            "99999999",
            "-9999999999999999",
        ];
        for text in texts {
            places(text, |buffer, field| {
                if let Some(value) = integer(buffer, field) {
                    assert_eq!(crate::integer::parse_int8(text).ok(), Some(value), "{text}");
                } else {
                    assert!(
                        !text.bytes().all(|b| b.is_ascii_digit()) || !(1..=16).contains(&text.len()),
                        "{text}"
                    );
                }
            });
        }
    }

    #[test]
    fn numerics() {
        let typmods =
            [None, Some(Typmod { precision: 10, scale: 2 }), Some(Typmod { precision: 5, scale: 5 })];
        let texts = [
            "0",
            "0.00",
            "-0.0",
            "1",
            "-1",
            "10000",
            "10000.0001",
            "0.0001",
            "0.00012",
            "123456789.5",
            "33469.01",
            "00012.50",
            "9999999999999999.9999999999999999",
            "100000000",
            "1e5",
            "1.",
            ".5",
            "1.2.3",
            "NaN",
            "--1",
            "0.5",
            "99999999",
            "123456789",
            "5000",
            "0.1234567",
        ];
        for (text, typmod) in texts.iter().flat_map(|text| typmods.map(|typmod| (text, typmod))) {
            places(text, |buffer, field| {
                let mut payload = vec![1, 2];
                if numeric(buffer, field, typmod, &mut payload).is_none() {
                    assert_eq!(payload, [1, 2]);
                    return;
                }
                let value = Numeric::parse(text).unwrap();
                let value = typmod.map_or(Ok(value.clone()), |typmod| value.apply_typmod(typmod)).unwrap();
                assert_eq!(payload[2..], value.to_payload(), "{text} {typmod:?}");
            });
        }
        assert!(numeric(b"33469.01", 0..8, None, &mut Vec::new()).is_some());
    }

    #[test]
    fn moments() {
        let zones = ZoneCache::default();
        let zone = zones.lookup("Europe/Berlin").unwrap();
        let context = DateTimeContext {
            date_style: DateStyle::Iso,
            date_order: DateOrder::Dmy,
            interval_style: IntervalStyle::Postgres,
            zone: &zone,
            zones: &zones,
            now: 0,
        };
        let texts = [
            "2024-02-29",
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-01-00",
            "0000-01-01",
            "0001-01-01",
            "9999-12-31",
            "2024-02-02 01:01:49+00",
            "2024-02-02 01:01:49",
            "2024-07-02 23:59:59.999999-03:30",
            "2024-07-02 24:00:00",
            "2024-07-02 10:00:60",
            "2024-07-02 10:00:00.1234567",
            "2024-07-02 10:00:00.5+16",
            "2024-07-02 10:00:00.5+15:59",
            "2024-07-02 10:00:00 BC",
            "2024-07-02T10:00:00",
            "2024-7-2",
            "2024-03-31 02:30:00",
            "2024-10-27 02:30:00",
            "1800-01-01 00:00:00",
            "2024-07-02 1a:00:00",
            "2024-07-02 10:00:00.+01",
            "2024-07-02 10:00:00Z",
        ];
        for text in texts {
            places(text, |buffer, field| {
                if let Some(value) = date(buffer, field.clone()) {
                    assert_eq!(date_in(text, &context).ok(), Some(value), "{text}");
                }
                if let Some(value) = timestamp(buffer, field.clone()) {
                    assert_eq!(timestamp_in(text, -1, &context).ok(), Some(value), "{text}");
                }
                if let Some(value) = timestamptz(buffer, field, &zone) {
                    assert_eq!(timestamptz_in(text, -1, &context).ok(), Some(value), "{text}");
                }
            });
        }
        assert!(timestamptz(b"2024-02-02 01:01:49+00", 0..22, &zone).is_some());
        assert!(date(b"2024-02-29", 0..10).is_some());
    }
}
