//! When two answers to one statement count as the same.

use super::session::Answer;

/// How exactly answers are compared.
#[derive(Clone, Copy)]
pub struct Exactness {
    /// The order of rows counts.
    pub ordered: bool,
    /// Equal numbers may be spelled differently (1.0, 1.00), and the last digits do not count.
    pub loose: bool,
}

/// What is wrong between two answers.
#[derive(Clone, PartialEq, Debug)]
pub enum Difference {
    /// Rows, counts or names of columns.
    Rows,
    /// The SQLSTATEs of both; none is success.
    Errors(Option<String>, Option<String>),
    /// A bug by its own admission: XX000, a lost connection, a time-out where the other was quick.
    Broken(String),
    /// Ours is not built (0A000): its message.
    NotBuilt(String),
    /// One failed on some value that the other did not look at: both are right, since the order in which conditions are
    /// checked is nobody's promise.
    Order,
}

impl Difference {
    /// The difference without what varies between findings of one cause.
    pub fn signature(&self) -> String {
        format!("{self:?}")
    }
}

/// An error that depends on a row's values: whether it comes up may depend on the plan.
fn is_of_data(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("22") || code == "21000" || code == "23514")
}

/// Compares our answer with the other's. `scalar`: every expression is evaluated for every row on both sides.
pub fn compare(ours: &Answer, theirs: &Answer, exactness: Exactness, scalar: bool) -> Option<Difference> {
    match ours {
        Answer::Lost(message) => return Some(Difference::Broken(format!("connection lost: {message}"))),
        Answer::Error { code, message } if code.starts_with("XX") => {
            return Some(Difference::Broken(format!("{code}: {}", shape_of(message))));
        }
        Answer::Error { code, message } if code == "0A000" && theirs.code() != Some("0A000") => {
            return Some(Difference::NotBuilt(message.clone()));
        }
        Answer::Error { code, message } if code == "57014" && theirs.code() != Some("57014") => {
            return Some(Difference::Broken(format!("{code}: {message}")));
        }
        _ => {}
    }
    let (a, b) = (ours.code(), theirs.code());
    if a.is_some() || b.is_some() {
        if a == b || (is_of_data(a) && is_of_data(b)) {
            return None;
        }
        let of_constraints = a.is_some_and(|a| a.starts_with("23")) && b.is_some_and(|b| b.starts_with("23"));
        // A function's own refusal of some values.
        let refused = a.is_none() && b == Some("0A000");
        if !scalar && (refused || is_of_data(a) || is_of_data(b) || of_constraints) {
            return Some(Difference::Order);
        }
        return Some(Difference::Errors(a.map(str::to_owned), b.map(str::to_owned)));
    }
    let (
        Answer::Rows { names: our_names, rows: our_rows, count: our_count },
        Answer::Rows { names: their_names, rows: their_rows, count: their_count },
    ) = (ours, theirs)
    else {
        return Some(Difference::Rows);
    };
    let same =
        our_names == their_names && our_count == their_count && same_rows(our_rows, their_rows, exactness);
    (!same).then_some(Difference::Rows)
}

/// Whether two lists of rows are the same list, or the same multiset.
pub fn same_rows(a: &[String], b: &[String], exactness: Exactness) -> bool {
    if a == b {
        return true;
    }
    if a.len() != b.len() {
        return false;
    }
    let sorted = |mut rows: Vec<String>| {
        rows.sort_unstable();
        rows
    };
    let canonical_rows = |rows: &[String]| rows.iter().map(|r| canonical(r)).collect::<Vec<_>>();
    // Rows that are equal in the order may be spelled differently, and then stand either way.
    let in_order = !exactness.ordered || canonical_rows(a) == canonical_rows(b);
    in_order
        && (sorted(a.to_vec()) == sorted(b.to_vec())
            || exactness.loose && sorted(canonical_rows(a)) == sorted(canonical_rows(b)))
}

/// A row with its numbers in one spelling, rounded to ten digits.
fn canonical(row: &str) -> String {
    let mut out = String::with_capacity(row.len());
    let bytes = row.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        while at < bytes.len() && (bytes[at].is_ascii_digit() || bytes[at] == b'.') {
            at += 1;
        }
        if at == start {
            let next = row[at..].chars().next().map_or(1, char::len_utf8);
            out.push_str(&row[at..at + next]);
            at += next;
            continue;
        }
        let number = &row[start..at];
        if !number.contains('.') || number.matches('.').count() > 1 {
            out.push_str(number);
            continue;
        }
        let exponent = exponent_at(&bytes[at..]);
        let whole = &row[start..at + exponent];
        at += exponent;
        match whole.parse::<f64>() {
            Ok(0.0) => {
                if out.ends_with('-') {
                    out.pop();
                }
                out.push('0');
            }
            Ok(value) => {
                let digits = format!("{value:.9e}");
                let (digits, power) = digits.split_once('e').unwrap_or((&digits, "0"));
                let digits = digits.trim_end_matches('0').trim_end_matches('.');
                // Numbers that came out whole are spelled as such.
                if value.fract() == 0.0 && value.abs() < 1e9 {
                    out.push_str(&format!("{}", value as i64));
                } else {
                    out.push_str(&format!("{digits}e{power}"));
                }
            }
            Err(_) => out.push_str(whole),
        }
    }
    out
}

/// How many bytes an exponent takes up at the start.
fn exponent_at(bytes: &[u8]) -> usize {
    if bytes.first() != Some(&b'e') {
        return 0;
    }
    let sign = usize::from(matches!(bytes.get(1), Some(b'+' | b'-')));
    let digits = bytes[1 + sign..].iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 { 0 } else { 1 + sign + digits }
}

/// A message without the numbers and names in it.
pub fn shape_of(message: &str) -> String {
    let mut out = String::new();
    for c in message.chars().take(160) {
        if c.is_ascii_digit() {
            if !out.ends_with('#') {
                out.push('#');
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_number_are_one() {
        assert_eq!(canonical("1.50 x 1.5"), "1.5e0 x 1.5e0");
        assert_eq!(canonical("{-0.00,2.000}"), "{0,2}");
        assert_eq!(canonical("2024-02-29 v1.2.3 1.0000000000001e-7"), "2024-02-29 v1.2.3 1e-7");
    }

    #[test]
    fn rows_are_a_multiset_unless_ordered() {
        let rows = |list: &[&str]| list.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>();
        let (a, b) = (rows(&["1", "2"]), rows(&["2", "1"]));
        assert!(same_rows(&a, &b, Exactness { ordered: false, loose: false }));
        assert!(!same_rows(&a, &b, Exactness { ordered: true, loose: false }));
    }
}
