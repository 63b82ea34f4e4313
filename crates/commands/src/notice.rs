//! What a command tells the client besides its tag.

use base::{Error, Severity, SqlState};

/// A NOTICE.
pub(crate) fn notice(text: impl Into<String>) -> Error {
    Error::with_severity(Severity::Notice, SqlState::SUCCESSFUL_COMPLETION, text)
}

/// A NOTICE with the SQLSTATE that the error it stands for would have.
pub(crate) fn notice_of(state: SqlState, text: impl Into<String>) -> Error {
    Error::with_severity(Severity::Notice, state, text)
}

/// A WARNING.
pub(crate) fn warning(state: SqlState, text: impl Into<String>) -> Error {
    Error::with_severity(Severity::Warning, state, text)
}
