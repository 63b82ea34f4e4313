//! The one error type. An `Error` is a single word, so `Result<T>` stays small on hot paths.

use crate::SqlState;
use std::fmt;
use std::panic::Location;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How serious a message is, in PostgreSQL's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Debug,
    Log,
    Info,
    Notice,
    Warning,
    /// Ends the statement and aborts the transaction.
    Error,
    /// Ends the session.
    Fatal,
    /// Ends the server.
    Panic,
}

impl Severity {
    /// The untranslated word that clients and the log see.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Debug => "DEBUG",
            Severity::Log => "LOG",
            Severity::Info => "INFO",
            Severity::Notice => "NOTICE",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
            Severity::Fatal => "FATAL",
            Severity::Panic => "PANIC",
        }
    }
}

/// An error or notice as the client sees it. Also used for notices and log lines, with a lower severity.
#[derive(Clone, PartialEq)]
pub struct Error(Box<ErrorData>);

/// The fields of PostgreSQL's ErrorResponse.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorData {
    pub severity: Severity,
    pub state: SqlState,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// Byte offset (from 0) into the statement text; the session turns it into a 1-based character position.
    pub position: Option<usize>,
    /// A generated query that the error is in, with its own byte offset.
    pub internal_query: Option<String>,
    pub internal_position: Option<usize>,
    /// CONTEXT lines, innermost first.
    pub context: Vec<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub column: Option<String>,
    pub data_type: Option<String>,
    pub constraint: Option<String>,
    /// PostgreSQL's name of the function that raises this error, where drivers know the error by it.
    pub routine: Option<&'static str>,
    /// Where in the source the error was made.
    pub location: &'static Location<'static>,
}

impl Error {
    /// An error of severity ERROR.
    #[track_caller]
    pub fn new(state: SqlState, message: impl Into<String>) -> Error {
        Error::with_severity(Severity::Error, state, message)
    }

    #[track_caller]
    pub fn with_severity(severity: Severity, state: SqlState, message: impl Into<String>) -> Error {
        Error(Box::new(ErrorData {
            severity,
            state,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            internal_query: None,
            internal_position: None,
            context: Vec::new(),
            schema: None,
            table: None,
            column: None,
            data_type: None,
            constraint: None,
            routine: None,
            location: Location::caller(),
        }))
    }

    /// `0A000`, naming what Ferrodon does not do yet.
    #[track_caller]
    pub fn unsupported(what: impl fmt::Display) -> Error {
        Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("{what} is not supported yet"))
    }

    /// `XX000`: a state that correct code does not reach, met while reading data that was stored earlier.
    #[track_caller]
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(SqlState::INTERNAL_ERROR, message)
    }

    /// `XX001`: stored data that cannot be right.
    #[track_caller]
    pub fn corrupted(message: impl Into<String>) -> Error {
        Error::new(SqlState::DATA_CORRUPTED, message)
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Error {
        self.0.detail = Some(detail.into());
        self
    }

    /// See [`ErrorData::routine`].
    pub fn routine(mut self, routine: &'static str) -> Error {
        self.0.routine = Some(routine);
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    /// `offset`: bytes from the start of the statement.
    pub fn at(mut self, offset: usize) -> Error {
        self.0.position = Some(offset);
        self
    }

    /// Like [`Error::at`], but keeps a position that is already there, and leaves it open for `None`.
    pub fn or_at(mut self, offset: Option<usize>) -> Error {
        if self.0.position.is_none() {
            self.0.position = offset;
        }
        self
    }

    pub fn context(mut self, line: impl Into<String>) -> Error {
        self.0.context.push(line.into());
        self
    }

    pub fn table(mut self, schema: impl Into<String>, table: impl Into<String>) -> Error {
        self.0.schema = Some(schema.into());
        self.0.table = Some(table.into());
        self
    }

    pub fn column(mut self, column: impl Into<String>) -> Error {
        self.0.column = Some(column.into());
        self
    }

    pub fn constraint(mut self, constraint: impl Into<String>) -> Error {
        self.0.constraint = Some(constraint.into());
        self
    }

    pub fn data_type(mut self, schema: impl Into<String>, name: impl Into<String>) -> Error {
        self.0.schema = Some(schema.into());
        self.0.data_type = Some(name.into());
        self
    }

    pub fn severity(mut self, severity: Severity) -> Error {
        self.0.severity = severity;
        self
    }

    pub fn state(&self) -> SqlState {
        self.0.state
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn data(&self) -> &ErrorData {
        &self.0
    }

    pub fn data_mut(&mut self) -> &mut ErrorData {
        &mut self.0
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:  {}: {}", self.0.severity.word(), self.0.state, self.0.message)
    }
}

impl std::error::Error for Error {}

/// `bail!(STATE, "format", ...)` returns an error of severity ERROR from the enclosing function;
/// `STATE` is a constant of [`SqlState`].
#[macro_export]
macro_rules! bail {
    ($state:ident, $($format:tt)*) => {
        return Err($crate::Error::new($crate::SqlState::$state, format!($($format)*)))
    };
}

/// `err!(STATE, "format", ...)` makes an error of severity ERROR.
#[macro_export]
macro_rules! err {
    ($state:ident, $($format:tt)*) => {
        $crate::Error::new($crate::SqlState::$state, format!($($format)*))
    };
}
