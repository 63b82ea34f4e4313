//! The server log on stderr, in PostgreSQL's line format.

use arc_swap::ArcSwap;
use base::{Error, Severity, SqlState};
use parking_lot::Mutex;
use settings::{ServerMessageLevel, ServerSettings, SessionSettings};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the prefix of a line can tell about a session. [`Default`] is the server itself.
#[derive(Clone, Debug, Default)]
pub struct LogContext {
    pub process_id: u32,
    pub user: Option<String>,
    pub database: Option<String>,
    pub application: String,
    /// Host, or `[local]`.
    pub remote_host: Option<String>,
    pub remote_port: Option<u16>,
    pub local_address: Option<String>,
    pub backend_type: &'static str,
    /// The tag of the command that runs, or `idle` and the like.
    pub activity: String,
    /// Seconds since 1970.
    pub started: i64,
    /// Lines written for this session so far.
    pub lines: u64,
}

/// How verbose lines are and which are written.
#[derive(Clone, Debug)]
struct Options {
    prefix: String,
    min_messages: ServerMessageLevel,
    min_error_statement: ServerMessageLevel,
    verbosity: settings::LogErrorVerbosity,
    time_zone: String,
}

/// Writes log lines; shared by all sessions.
pub struct Logger {
    options: ArcSwap<Options>,
    out: Mutex<()>,
    started: i64,
    lines: AtomicU64,
}

/// Seconds and milliseconds since 1970.
fn now() -> (i64, u32) {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (elapsed.as_secs() as i64, elapsed.subsec_millis())
}

impl Options {
    fn of(settings: &ServerSettings) -> Options {
        Options {
            prefix: settings.get(settings::LOG_LINE_PREFIX).to_string(),
            min_messages: settings.get(settings::LOG_MIN_MESSAGES),
            min_error_statement: settings.get(settings::LOG_MIN_ERROR_STATEMENT),
            verbosity: settings.get(settings::LOG_ERROR_VERBOSITY),
            time_zone: settings.get(settings::LOG_TIMEZONE).to_string(),
        }
    }
}

/// Where a severity stands among the levels of log_min_messages, in which LOG is above ERROR.
fn reaches(severity: Severity, level: ServerMessageLevel) -> bool {
    use ServerMessageLevel as Level;
    let own = match severity {
        Severity::Debug => Level::Debug1,
        Severity::Info => Level::Info,
        Severity::Notice => Level::Notice,
        Severity::Warning => Level::Warning,
        Severity::Error => Level::Error,
        Severity::Log => return level <= Level::Log,
        Severity::Fatal => Level::Fatal,
        Severity::Panic => Level::Panic,
    };
    own >= level
}

impl Logger {
    pub fn new(settings: &ServerSettings) -> Logger {
        Logger {
            options: ArcSwap::from_pointee(Options::of(settings)),
            out: Mutex::new(()),
            started: now().0,
            lines: AtomicU64::new(0),
        }
    }

    /// Follows changed settings.
    pub fn reload(&self, settings: &ServerSettings) {
        self.options.store(Arc::new(Options::of(settings)));
    }

    /// A LOG line of the server itself.
    #[track_caller]
    pub fn log(&self, message: impl Into<String>) {
        self.report(&Error::with_severity(Severity::Log, SqlState::SUCCESSFUL_COMPLETION, message));
    }

    /// A message of the server itself.
    pub fn report(&self, error: &Error) {
        let mut context = LogContext {
            process_id: std::process::id(),
            backend_type: "postmaster",
            started: self.started,
            lines: self.lines.fetch_add(1, Ordering::Relaxed),
            ..LogContext::default()
        };
        self.write(&mut context, error, None, None, None);
    }

    /// A message about a session. `settings`: the session's, once it has some. `statement`: what it was running.
    /// `position`: 1-based, in characters.
    pub fn write(
        &self,
        context: &mut LogContext,
        error: &Error,
        settings: Option<&SessionSettings>,
        statement: Option<&str>,
        position: Option<usize>,
    ) {
        let mut options = self.options.load_full();
        if let Some(settings) = settings {
            let options = Arc::make_mut(&mut options);
            options.min_messages = settings.get(settings::LOG_MIN_MESSAGES);
            options.min_error_statement = settings.get(settings::LOG_MIN_ERROR_STATEMENT);
            options.verbosity = settings.get(settings::LOG_ERROR_VERBOSITY);
        }
        let data = error.data();
        if !reaches(data.severity, options.min_messages) {
            return;
        }
        context.lines += 1;
        let (seconds, millis) = now();
        let prefix = expand_prefix(&options, context, data.state, seconds, millis);
        let mut text = String::new();
        let mut line = |label: &str, body: &str| {
            let _ = writeln!(text, "{prefix}{label}:  {}", body.replace('\n', "\n\t"));
        };
        let mut message = match options.verbosity {
            settings::LogErrorVerbosity::Verbose => format!("{}: {}", data.state, data.message),
            _ => data.message.clone(),
        };
        if let Some(position) = position {
            let _ = write!(message, " at character {position}");
        }
        line(data.severity.word(), &message);
        if options.verbosity != settings::LogErrorVerbosity::Terse {
            for (label, body) in
                [("DETAIL", &data.detail), ("HINT", &data.hint), ("QUERY", &data.internal_query)]
            {
                if let Some(body) = body {
                    line(label, body);
                }
            }
            if !data.context.is_empty() {
                line("CONTEXT", &data.context.join("\n"));
            }
        }
        if options.verbosity == settings::LogErrorVerbosity::Verbose {
            line("LOCATION", &format!("{}:{}", data.location.file(), data.location.line()));
        }
        if let Some(statement) = statement.filter(|s| !s.is_empty())
            && reaches(data.severity, options.min_error_statement)
            && data.severity != Severity::Log
        {
            line("STATEMENT", statement);
        }
        let _serial = self.out.lock();
        // A log that cannot be written must not stop the server.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// A moment in the log's time zone. Zones other than UTC are shown in the zone of the operating system.
fn timestamp(options: &Options, seconds: i64, millis: Option<u32>) -> String {
    let utc = ["GMT", "UTC", "Etc/UTC", "Etc/GMT"].contains(&options.time_zone.as_str());
    let (day, zone) = if utc {
        let name = options.time_zone.trim_start_matches("Etc/").to_string();
        (utc_time(seconds), name)
    } else {
        (sys::process::local_time(seconds, "%Y-%m-%d %H:%M:%S"), sys::process::local_time(seconds, "%Z"))
    };
    match millis {
        Some(millis) => format!("{day}.{millis:03} {zone}"),
        None => format!("{day} {zone}"),
    }
}

/// `YYYY-MM-DD HH:MM:SS` in UTC (civil calendar from days, after Howard Hinnant's algorithm).
fn utc_time(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

fn expand_prefix(
    options: &Options,
    context: &LogContext,
    state: SqlState,
    seconds: i64,
    millis: u32,
) -> String {
    let mut out = String::new();
    let mut chars = options.prefix.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let left = chars.next_if_eq(&'-').is_some();
        let mut width = 0usize;
        while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
            width = (width * 10 + digit as usize).min(1000);
            chars.next();
        }
        let Some(escape) = chars.next() else { break };
        if escape == 'q' {
            if context.user.is_none() {
                break;
            }
            continue;
        }
        let value = prefix_value(escape, options, context, state, seconds, millis);
        if left {
            let _ = write!(out, "{value:<width$}");
        } else {
            let _ = write!(out, "{value:>width$}");
        }
    }
    out
}

fn prefix_value(
    escape: char,
    options: &Options,
    context: &LogContext,
    state: SqlState,
    seconds: i64,
    millis: u32,
) -> String {
    let session = context.user.is_some();
    let known = |text: &Option<String>| match text {
        Some(text) if !text.is_empty() => text.clone(),
        _ if context.remote_host.is_some() => "[unknown]".to_string(),
        _ => String::new(),
    };
    match escape {
        'a' if session && context.application.is_empty() => "[unknown]".to_string(),
        'a' => context.application.clone(),
        'b' => context.backend_type.to_string(),
        'u' => known(&context.user),
        'd' => known(&context.database),
        'r' => match (&context.remote_host, context.remote_port) {
            (Some(host), Some(port)) => format!("{host}({port})"),
            (Some(host), None) => host.clone(),
            _ => String::new(),
        },
        'h' => context.remote_host.clone().unwrap_or_default(),
        'L' => context.local_address.clone().unwrap_or_default(),
        'p' => context.process_id.to_string(),
        'P' => String::new(),
        't' => timestamp(options, seconds, None),
        'm' => timestamp(options, seconds, Some(millis)),
        'n' => format!("{seconds}.{millis:03}"),
        's' => timestamp(options, context.started, None),
        'i' => context.activity.clone(),
        'e' => state.code().to_string(),
        'c' => format!("{:x}.{:x}", context.started, context.process_id),
        'l' => context.lines.to_string(),
        'v' | 'x' | 'Q' => "0".to_string(),
        '%' => "%".to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_expand() {
        let mut options = Options::of(&ServerSettings::boot());
        options.prefix = "%m [%5p] %-4u|%q%d %r %e %%".to_string();
        let mut context = LogContext { process_id: 42, ..LogContext::default() };
        let expand = |options: &Options, context: &LogContext| {
            expand_prefix(options, context, SqlState::SYNTAX_ERROR, 951_782_400, 7)
        };
        assert_eq!(expand(&options, &context), "2000-02-29 00:00:00.007 GMT [   42]     |");
        context.user = Some("ann".into());
        context.database = Some("db".into());
        context.remote_host = Some("::1".into());
        context.remote_port = Some(9);
        assert_eq!(expand(&options, &context), "2000-02-29 00:00:00.007 GMT [   42] ann |db ::1(9) 42601 %");
    }

    #[test]
    fn log_stands_above_error() {
        use ServerMessageLevel as Level;
        assert!(reaches(Severity::Log, Level::Error) && reaches(Severity::Log, Level::Warning));
        assert!(!reaches(Severity::Log, Level::Fatal) && !reaches(Severity::Error, Level::Log));
        assert!(reaches(Severity::Fatal, Level::Log) && !reaches(Severity::Notice, Level::Warning));
    }
}
