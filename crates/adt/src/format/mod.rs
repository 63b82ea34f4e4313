//! The template engine of `to_char`, `to_date`, `to_timestamp` and `to_number`, in the C locale.

mod datetime;
mod number;
mod scan;
mod template;

#[cfg(test)]
mod tests;

pub use datetime::{interval_to_char, timestamp_to_char, timestamptz_to_char};
pub use number::{NumberTemplate, float_to_char, int_to_char, numeric_to_char, to_number};
pub use scan::{to_date, to_timestamp};

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(crate) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
pub(crate) const ROMAN_MONTHS: [&str; 12] =
    ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// The English ordinal suffix of a number's text.
pub(crate) fn ordinal(digits: &str) -> &'static str {
    let bytes = digits.as_bytes();
    let last = bytes.last().copied().unwrap_or(b'0');
    if bytes.len() > 1 && bytes[bytes.len() - 2] == b'1' {
        return "th";
    }
    match last {
        b'1' => "st",
        b'2' => "nd",
        b'3' => "rd",
        _ => "th",
    }
}
