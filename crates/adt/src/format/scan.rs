//! `to_date` and `to_timestamp` of texts by template.

use crate::datetime::{Date, DateTimeContext, TimestampTz};
use base::{Error, Result};

/// `to_timestamp(text, template)`
///
/// # Errors
/// `0A000`
pub fn to_timestamp(_text: &str, _template: &str, _context: &DateTimeContext) -> Result<TimestampTz> {
    Err(Error::unsupported("to_timestamp with a template"))
}

/// `to_date(text, template)`
///
/// # Errors
/// `0A000`
pub fn to_date(_text: &str, _template: &str) -> Result<Date> {
    Err(Error::unsupported("to_date"))
}
