//! The orders of B-tree operator classes, by the source name (prosrc) of their comparison function: what indexes,
//! sorts and merges compare keys with.

use access_api::{IntegerOrder, KeyOrder};
use adt::datetime::date_compare_timestamp;
use adt::json::jsonb::Container;
use adt::numeric::NumericView;
use base::Oid;
use datum::Datum;
use std::cmp::Ordering;
use std::sync::Arc;

/// A comparison of two values, with what is known of its equality.
struct Comparison {
    compare: fn(Datum<'_>, Datum<'_>) -> Ordering,
    equal_image: bool,
    prefix: Option<Prefix>,
    integer: Option<IntegerOrder>,
}

/// Eight bytes that sort like the values, and whether they tell all values apart.
#[derive(Clone, Copy)]
struct Prefix {
    of: fn(Datum<'_>) -> u64,
    decides: bool,
    bytewise: bool,
}

impl KeyOrder for Comparison {
    fn compare(&self, stored: Datum<'_>, other: Datum<'_>) -> Ordering {
        (self.compare)(stored, other)
    }
    fn equal_image(&self) -> bool {
        self.equal_image
    }
    fn prefix(&self, value: Datum<'_>) -> u64 {
        self.prefix.map_or(0, |prefix| (prefix.of)(value))
    }
    fn prefix_decides(&self) -> bool {
        self.prefix.is_some_and(|prefix| prefix.decides)
    }
    fn integer(&self) -> Option<IntegerOrder> {
        self.integer
    }
    fn bytewise(&self) -> bool {
        self.prefix.is_some_and(|prefix| prefix.bytewise)
    }
}

/// By the comparison's source name; only for comparisons within one type.
fn prefix(prosrc: &str) -> Option<Prefix> {
    const SIGN: u64 = 1 << 63;
    let whole = |of| Some(Prefix { of, decides: true, bytewise: false });
    match prosrc {
        "btint2cmp" => whole(|d| i64::from(d.int2()) as u64 ^ SIGN),
        "btint4cmp" | "date_cmp" => whole(|d| i64::from(d.int4()) as u64 ^ SIGN),
        "btint8cmp" | "timestamp_cmp" | "time_cmp" | "cash_cmp" => whole(|d| d.int8() as u64 ^ SIGN),
        "btoidcmp" => whole(|d| u64::from(d.oid().0)),
        "xid8cmp" | "pg_lsn_cmp" => whole(|d| d.int8() as u64),
        "btboolcmp" => whole(|d| u64::from(d.bool())),
        "btcharcmp" => whole(|d| u64::from(d.char() as u8)),
        "btfloat8cmp" => whole(|d| float_prefix(d.float8())),
        "btfloat4cmp" => whole(|d| float_prefix(f64::from(d.float4()))),
        "bttextcmp" | "byteacmp" | "btnamecmp" | "uuid_cmp" | "bttext_pattern_cmp" => {
            Some(Prefix { of: |d| bytes_prefix(d.bytes()), decides: false, bytewise: true })
        }
        "bpcharcmp" | "btbpchar_pattern_cmp" => {
            Some(Prefix { of: |d| bytes_prefix(trim(d.bytes())), decides: false, bytewise: true })
        }
        "numeric_cmp" => Some(Prefix {
            of: |d| NumericView::new(d.bytes()).map_or(0, |view| view.prefix()),
            decides: false,
            bytewise: false,
        }),
        _ => None,
    }
}

/// By the comparison's source name; only for comparisons within one type.
fn integer(prosrc: &str) -> Option<IntegerOrder> {
    match prosrc {
        "btint2cmp" | "btint4cmp" | "date_cmp" | "btint8cmp" | "timestamp_cmp" | "time_cmp" | "cash_cmp" => {
            Some(IntegerOrder::Signed)
        }
        "btoidcmp" | "xid8cmp" | "pg_lsn_cmp" | "btboolcmp" | "btcharcmp" => Some(IntegerOrder::Unsigned),
        _ => None,
    }
}

/// The first eight bytes, zeros behind a shorter value.
fn bytes_prefix(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    let len = bytes.len().min(8);
    first[..len].copy_from_slice(&bytes[..len]);
    u64::from_be_bytes(first)
}

/// All NaNs alike and greatest, -0 as 0.
fn float_prefix(value: f64) -> u64 {
    let value = if value.is_nan() { f64::NAN.abs() } else { value + 0.0 };
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The order that the comparison function with this source name defines, or `None` if it is not one of the
/// scalar types' (arrays, records and enums need catalogs: see the session's `key_order`).
pub fn by_source(prosrc: &str, _collation: Oid) -> Option<Arc<dyn KeyOrder>> {
    let (compare, equal_image): (fn(Datum<'_>, Datum<'_>) -> Ordering, bool) = match prosrc {
        "btboolcmp" => (|a, b| a.bool().cmp(&b.bool()), true),
        "btcharcmp" => (|a, b| (a.char() as u8).cmp(&(b.char() as u8)), true),
        "btint2cmp" => (|a, b| a.int2().cmp(&b.int2()), true),
        "btint4cmp" | "date_cmp" => (|a, b| a.int4().cmp(&b.int4()), true),
        "btint8cmp" | "timestamp_cmp" | "time_cmp" | "cash_cmp" => (|a, b| a.int8().cmp(&b.int8()), true),
        "btint24cmp" => (|a, b| i32::from(a.int2()).cmp(&b.int4()), false),
        "btint42cmp" => (|a, b| a.int4().cmp(&i32::from(b.int2())), false),
        "btint28cmp" => (|a, b| i64::from(a.int2()).cmp(&b.int8()), false),
        "btint82cmp" => (|a, b| a.int8().cmp(&i64::from(b.int2())), false),
        "btint48cmp" => (|a, b| i64::from(a.int4()).cmp(&b.int8()), false),
        "btint84cmp" => (|a, b| a.int8().cmp(&i64::from(b.int4())), false),
        "btoidcmp" => (|a, b| a.oid().cmp(&b.oid()), true),
        "xid8cmp" | "pg_lsn_cmp" => (|a, b| (a.int8() as u64).cmp(&(b.int8() as u64)), true),
        "btfloat4cmp" => (|a, b| float_order(f64::from(a.float4()), f64::from(b.float4())), false),
        "btfloat8cmp" => (|a, b| float_order(a.float8(), b.float8()), false),
        "btfloat48cmp" => (|a, b| float_order(f64::from(a.float4()), b.float8()), false),
        "btfloat84cmp" => (|a, b| float_order(a.float8(), f64::from(b.float4())), false),
        // C and C.UTF-8 order by bytes, which for UTF-8 is the order of code points.
        "bttextcmp" | "byteacmp" | "btnamecmp" | "btnametextcmp" | "bttextnamecmp" | "uuid_cmp"
        | "bttext_pattern_cmp" => (|a, b| a.bytes().cmp(b.bytes()), true),
        "bpcharcmp" | "btbpchar_pattern_cmp" => (|a, b| trim(a.bytes()).cmp(trim(b.bytes())), true),
        "numeric_cmp" => (|a, b| numeric_order(a.bytes(), b.bytes()), false),
        "jsonb_cmp" => (|a, b| jsonb_order(a.bytes(), b.bytes()), false),
        "btoidvectorcmp" => (|a, b| oidvector_order(a.bytes(), b.bytes()), true),
        "bttidcmp" => (|a, b| a.tid().cmp(&b.tid()), true),
        "interval_cmp" => (|a, b| interval_span(a.bytes()).cmp(&interval_span(b.bytes())), false),
        "date_cmp_timestamp" => (|a, b| date_compare_timestamp(a.int4(), b.int8()), false),
        "timestamp_cmp_date" => (|a, b| date_compare_timestamp(b.int4(), a.int8()).reverse(), false),
        "timetz_cmp" => (|a, b| timetz_key(a.bytes()).cmp(&timetz_key(b.bytes())), false),
        _ => return None,
    };
    Some(Arc::new(Comparison { compare, equal_image, prefix: prefix(prosrc), integer: integer(prosrc) }))
}

/// PostgreSQL's order of floats: -0 equals 0, NaN equals itself and is greater than everything.
fn float_order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Bytes that are no numeric, as in a damaged page, sort before all that are.
fn numeric_order(a: &[u8], b: &[u8]) -> Ordering {
    match (NumericView::new(a), NumericView::new(b)) {
        (Ok(a), Ok(b)) => a.compare(&b),
        (a, b) => a.is_ok().cmp(&b.is_ok()),
    }
}

/// Bytes that are no document, as in a damaged page, sort before all that are.
fn jsonb_order(a: &[u8], b: &[u8]) -> Ordering {
    match (Container::new(a), Container::new(b)) {
        (Ok(a), Ok(b)) => a.compare(b).unwrap_or(Ordering::Equal),
        (a, b) => a.is_ok().cmp(&b.is_ok()),
    }
}

/// Trailing blanks of a `character` value do not count.
fn trim(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().rposition(|b| *b != b' ').map_or(0, |last| last + 1)]
}

fn oidvector_order(a: &[u8], b: &[u8]) -> Ordering {
    let elements = |bytes: &[u8]| -> Vec<u32> {
        bytes.get(20..).unwrap_or_default().chunks_exact(4).map(|c| base::bytes::get_u32(c, 0)).collect()
    };
    let (a, b) = (elements(a), elements(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(&b))
}

/// An interval's length in microseconds, a month counting 30 days and a day 24 hours.
fn interval_span(bytes: &[u8]) -> i128 {
    let micros = base::bytes::get_i64(bytes, 0);
    let days = i128::from(base::bytes::get_i32(bytes, 8)) + 30 * i128::from(base::bytes::get_i32(bytes, 12));
    i128::from(micros) + days * 86_400_000_000
}

/// timetz sorts by the moment in UTC, then by zone.
fn timetz_key(bytes: &[u8]) -> (i64, i32) {
    let zone = base::bytes::get_i32(bytes, 8);
    (base::bytes::get_i64(bytes, 0) + i64::from(zone) * 1_000_000, zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_order_as_postgresql_says() {
        let mut values = [f64::NAN, 1.0, f64::NEG_INFINITY, -0.0, f64::INFINITY];
        values.sort_by(|a, b| float_order(*a, *b));
        assert!(values[4].is_nan() && values[3] == f64::INFINITY);
        assert_eq!(float_order(f64::NAN, f64::NAN), Ordering::Equal);
        assert_eq!(float_order(-0.0, 0.0), Ordering::Equal);
    }

    #[test]
    fn prefixes_sort_like_values() {
        let values = [f64::NEG_INFINITY, -2.5, -0.0, 0.0, 1e-300, 7.0, f64::INFINITY, f64::NAN];
        for (i, a) in values.iter().enumerate() {
            for b in &values[i..] {
                assert_eq!(float_prefix(*a).cmp(&float_prefix(*b)), float_order(*a, *b), "{a} {b}");
            }
        }
        let order = by_source("bttextcmp", Oid(100)).unwrap();
        assert!(order.prefix(Datum::from("a")) < order.prefix(Datum::from("aa")));
        assert!(!order.prefix_decides());
        let order = by_source("btint4cmp", Oid(0)).unwrap();
        assert!(order.prefix(Datum::Int4(-1)) < order.prefix(Datum::Int4(0)));
    }

    #[test]
    fn orders_of_text_and_char_differ_in_trailing_blanks() {
        let text = by_source("bttextcmp", Oid(100)).unwrap();
        let bpchar = by_source("bpcharcmp", Oid(100)).unwrap();
        assert_eq!(text.compare(Datum::from("a "), Datum::from("a")), Ordering::Greater);
        assert_eq!(bpchar.compare(Datum::from("a "), Datum::from("a")), Ordering::Equal);
    }
}
