//! Identifiers of the storage: xid, xid8, cid, tid, pg_lsn.

use crate::call::{Call, Function};
use crate::table::{comparisons, functions};
use crate::wire;
use adt::hash;
use adt::integer::{parse_oid, parse_uint8};
use adt::numeric::Numeric;
use base::{BlockNumber, Lsn, OffsetNumber, Result, Tid, bail, err};

const XID: &[Function] = functions! {
    "xidin" (text: str) -> u32 = parse_oid(text, "xid");
    "xidout" (value: u32) -> String = Ok(value.to_string());
    "xidrecv" (bytes: [u8]) -> u32 = wire::u32(bytes);
    "xidsend" (value: u32) -> Vec<u8> = Ok(value.to_be_bytes().to_vec());
    "xideq" (a: u32, b: u32) -> bool = Ok(a == b);
    "xidneq" (a: u32, b: u32) -> bool = Ok(a != b);
    "xid_age" [call] (xid: u32) -> i32 = xid_age(call, xid);
    "hashxid" (value: u32) -> i32 = Ok(hash::hash_uint32(value) as i32);
    "hashxidextended" (value: u32, seed: i64) -> i64 = Ok(hash::hash_uint32_extended(value, seed as u64) as i64);
    "cidin" (text: str) -> u32 = parse_oid(text, "cid");
    "cidout" (value: u32) -> String = Ok(value.to_string());
    "cidrecv" (bytes: [u8]) -> u32 = wire::u32(bytes);
    "cidsend" (value: u32) -> Vec<u8> = Ok(value.to_be_bytes().to_vec());
    "cideq" (a: u32, b: u32) -> bool = Ok(a == b);
    "hashcid" (value: u32) -> i32 = Ok(hash::hash_uint32(value) as i32);
    "hashcidextended" (value: u32, seed: i64) -> i64 = Ok(hash::hash_uint32_extended(value, seed as u64) as i64);
    "xid8in" (text: str) -> u64 = parse_uint8(text, "xid8");
    "xid8out" (value: u64) -> String = Ok(value.to_string());
    "xid8recv" (bytes: [u8]) -> u64 = wire::u64(bytes);
    "xid8send" (value: u64) -> Vec<u8> = Ok(value.to_be_bytes().to_vec());
    "xid8toxid" (value: u64) -> u32 = Ok(value as u32);
    "xid8cmp" (a: u64, b: u64) -> i32 = Ok(a.cmp(&b) as i32);
    "xid8_larger" (a: u64, b: u64) -> u64 = Ok(a.max(b));
    "xid8_smaller" (a: u64, b: u64) -> u64 = Ok(a.min(b));
    "hashxid8" (value: i64) -> i32 = Ok(hash::hash_int8(value) as i32);
    "hashxid8extended" (value: i64, seed: i64) -> i64 = Ok(hash::hash_int8_extended(value, seed as u64) as i64);
};

/// How many transactions ago; permanent ids are infinitely old.
fn xid_age(call: &Call<'_>, xid: u32) -> Result<i32> {
    if xid < base::Xid::FIRST_NORMAL.low() {
        return Ok(i32::MAX);
    }
    let now = match call.session.current_transaction().and_then(|t| t.top_xid_if_assigned()) {
        Some(own) => own,
        None => call.session.instance().transactions.next_xid(),
    };
    Ok(now.low().wrapping_sub(xid) as i32)
}

fn parse_tid(text: &str) -> Result<Tid> {
    let refuse = || err!(INVALID_TEXT_REPRESENTATION, "invalid input syntax for type tid: \"{text}\"");
    let (_, inner) = text.split_once('(').ok_or_else(refuse)?;
    let (block, rest) = inner.split_once(',').ok_or_else(refuse)?;
    let (offset, _) = rest.split_once(')').ok_or_else(refuse)?;
    // Negative block numbers stand for large ones, as strtoul has it.
    let block = match block.trim_start().strip_prefix('-') {
        Some(digits) => digits.parse::<u32>().map(u32::wrapping_neg),
        None => block.trim_start().trim_start_matches('+').parse(),
    };
    let offset = offset.trim_start().trim_start_matches('+').parse();
    match (block, offset) {
        (Ok(block), Ok(offset)) => Ok(Tid { block: BlockNumber(block), offset: OffsetNumber(offset) }),
        _ => Err(refuse()),
    }
}

const TID: &[Function] = functions! {
    "tidin" (text: str) -> Tid = parse_tid(text);
    "tidout" (value: Tid) -> String = Ok(value.to_string());
    "tidrecv" (bytes: [u8]) -> Tid = {
        let mut message = wire::Message::new(bytes);
        let tid = Tid::new(message.u32()?, message.u16()?);
        message.end()?;
        Ok(tid)
    };
    "tidsend" (value: Tid) -> Vec<u8> = Ok([&value.block.0.to_be_bytes()[..], &value.offset.0.to_be_bytes()].concat());
    "bttidcmp" (a: Tid, b: Tid) -> i32 = Ok(a.cmp(&b) as i32);
    "tidlarger" (a: Tid, b: Tid) -> Tid = Ok(a.max(b));
    "tidsmaller" (a: Tid, b: Tid) -> Tid = Ok(a.min(b));
    "hashtid" (value: Tid) -> i32 = Ok(hash::hash_bytes(&value.to_bytes()) as i32);
    "hashtidextended" (value: Tid, seed: i64) -> i64 =
        Ok(hash::hash_bytes_extended(&value.to_bytes(), seed as u64) as i64);
};

/// A WAL position in PostgreSQL's notation.
///
/// # Errors
/// `22P02`
pub fn parse_lsn(text: &str) -> Result<u64> {
    let half = |digits: &str| {
        let valid = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        valid.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
    };
    match text.split_once('/').and_then(|(high, low)| Some(half(high)? << 32 | half(low)?)) {
        Some(lsn) => Ok(lsn),
        None => bail!(INVALID_TEXT_REPRESENTATION, "invalid input syntax for type pg_lsn: \"{text}\""),
    }
}

pub fn lsn_from_numeric(value: &Numeric) -> Result<u64> {
    if value.is_nan() {
        bail!(FEATURE_NOT_SUPPORTED, "cannot convert NaN to pg_lsn");
    }
    if value.is_infinite() {
        bail!(FEATURE_NOT_SUPPORTED, "cannot convert infinity to pg_lsn");
    }
    match value.to_i128().and_then(|value| u64::try_from(value).ok()) {
        Some(lsn) => Ok(lsn),
        None => bail!(NUMERIC_VALUE_OUT_OF_RANGE, "pg_lsn out of range"),
    }
}

fn lsn_numeric(lsn: u64) -> Numeric {
    Numeric::from(i128::from(lsn))
}

fn lsn_offset(lsn: u64, bytes: &Numeric, subtract: bool) -> Result<u64> {
    if bytes.is_nan() {
        let preposition = if subtract { "from" } else { "to" };
        let verb = if subtract { "subtract" } else { "add" };
        bail!(INVALID_PARAMETER_VALUE, "cannot {verb} NaN {preposition} pg_lsn");
    }
    let lsn = lsn_numeric(lsn);
    lsn_from_numeric(&if subtract { lsn.sub(bytes)? } else { lsn.add(bytes)? })
}

const LSN: &[Function] = functions! {
    "pg_lsn_in" (text: str) -> u64 = parse_lsn(text);
    "pg_lsn_out" (value: u64) -> String = Ok(Lsn(value).to_string());
    "pg_lsn_recv" (bytes: [u8]) -> u64 = wire::u64(bytes);
    "pg_lsn_send" (value: u64) -> Vec<u8> = Ok(value.to_be_bytes().to_vec());
    "pg_lsn_cmp" (a: u64, b: u64) -> i32 = Ok(a.cmp(&b) as i32);
    "pg_lsn_larger" (a: u64, b: u64) -> u64 = Ok(a.max(b));
    "pg_lsn_smaller" (a: u64, b: u64) -> u64 = Ok(a.min(b));
    "pg_lsn_hash" (value: i64) -> i32 = Ok(hash::hash_int8(value) as i32);
    "pg_lsn_hash_extended" (value: i64, seed: i64) -> i64 = Ok(hash::hash_int8_extended(value, seed as u64) as i64);
    "pg_lsn_mi" (a: u64, b: u64) -> Numeric = Ok(Numeric::from(i128::from(a) - i128::from(b)));
    "pg_wal_lsn_diff" (a: u64, b: u64) -> Numeric = Ok(Numeric::from(i128::from(a) - i128::from(b)));
    "pg_lsn_pli" (a: u64, bytes: Numeric) -> u64 = lsn_offset(a, &bytes, false);
    "pg_lsn_mii" (a: u64, bytes: Numeric) -> u64 = lsn_offset(a, &bytes, true);
    "numeric_pg_lsn" (value: Numeric) -> u64 = lsn_from_numeric(&value);
};

pub const FUNCTIONS: &[&[Function]] = &[
    XID,
    comparisons!("xid8", "", u64, u64, |_, a, b| a.cmp(&b)),
    TID,
    comparisons!("tid", "", Tid, Tid, |_, a, b| a.cmp(&b)),
    LSN,
    comparisons!("pg_lsn_", "", u64, u64, |_, a, b| a.cmp(&b)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        assert_eq!(parse_tid("(0,1)").unwrap(), Tid::new(0, 1));
        assert_eq!(parse_tid("(-1,0)").unwrap(), Tid::new(u32::MAX, 0));
        assert!(
            parse_tid("(4294967296,1)").is_err()
                && parse_tid("(1,65536)").is_err()
                && parse_tid("x").is_err()
        );
        assert_eq!(parse_lsn("FFFFFFFF/FFFFFFFF").unwrap(), u64::MAX);
        for bad in ["G/0", "-1/0", " 0/1", "ABCD/", "/ABCD", "0/123456789"] {
            assert!(parse_lsn(bad).is_err(), "{bad}");
        }
    }
}
