//! The options of COPY: read, defaulted, and held against each other.

use crate::options;
use base::{Error, Result, bail, err};
use syntax::{OptionItem, OptionValue};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyFormat {
    #[default]
    Text,
    Csv,
    Binary,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    #[default]
    No,
    Yes,
    /// The names in the first line must be those of the columns.
    Match,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    Silent,
    #[default]
    Default,
    Verbose,
}

/// Columns that FORCE_* is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    #[default]
    None,
    All,
    Named(Vec<String>),
}

impl Columns {
    pub fn is_none(&self) -> bool {
        *self == Columns::None
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyOptions {
    pub format: CopyFormat,
    pub freeze: bool,
    pub delimiter: u8,
    /// What stands for NULL.
    pub null: Vec<u8>,
    /// What stands for the column's default.
    pub default: Option<Vec<u8>>,
    pub header: Header,
    pub quote: u8,
    pub escape: u8,
    pub force_quote: Columns,
    pub force_not_null: Columns,
    pub force_null: Columns,
    /// Leave out rows that the input functions reject.
    pub ignore_errors: bool,
    pub verbosity: Verbosity,
    pub reject_limit: Option<i64>,
}

/// As written, before defaults.
#[derive(Default)]
struct Given {
    format: Option<CopyFormat>,
    freeze: Option<bool>,
    delimiter: Option<String>,
    null: Option<String>,
    default: Option<String>,
    header: Option<Header>,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Option<Columns>,
    force_not_null: Option<Columns>,
    force_null: Option<Columns>,
    selective: Option<()>,
    encoding: Option<()>,
    on_error: Option<bool>,
    verbosity: Option<Verbosity>,
    reject_limit: Option<i64>,
}

impl CopyOptions {
    /// # Errors
    /// PostgreSQL's, for unknown, repeated and contradicting options.
    pub fn read(items: &[OptionItem], from: bool) -> Result<CopyOptions> {
        let mut given = Given::default();
        for item in items {
            read_one(item, from, &mut given)?;
        }
        let options = CopyOptions {
            format: given.format.unwrap_or_default(),
            freeze: given.freeze.unwrap_or(false),
            header: given.header.unwrap_or_default(),
            force_quote: given.force_quote.take().unwrap_or_default(),
            force_not_null: given.force_not_null.take().unwrap_or_default(),
            force_null: given.force_null.take().unwrap_or_default(),
            ignore_errors: given.on_error.unwrap_or(false),
            verbosity: given.verbosity.unwrap_or_default(),
            reject_limit: given.reject_limit,
            ..CopyOptions::default()
        };
        check(options, &given, from)
    }
}

fn once<T>(slot: &mut Option<T>, item: &OptionItem, value: impl FnOnce() -> Result<T>) -> Result<()> {
    if slot.is_some() {
        return Err(err!(SYNTAX_ERROR, "conflicting or redundant options").at(item.location));
    }
    *slot = Some(value()?);
    Ok(())
}

fn read_one(item: &OptionItem, from: bool, given: &mut Given) -> Result<()> {
    let text = || options::text(item);
    match item.name.as_str() {
        "format" => once(&mut given.format, item, || match text()?.as_str() {
            "text" => Ok(CopyFormat::Text),
            "csv" => Ok(CopyFormat::Csv),
            "binary" => Ok(CopyFormat::Binary),
            other => {
                Err(err!(INVALID_PARAMETER_VALUE, "COPY format \"{other}\" not recognized").at(item.location))
            }
        }),
        "freeze" => once(&mut given.freeze, item, || options::boolean(item)),
        "delimiter" => once(&mut given.delimiter, item, text),
        "null" => once(&mut given.null, item, text),
        "default" => once(&mut given.default, item, text),
        "header" => once(&mut given.header, item, || header(item, from)),
        "quote" => once(&mut given.quote, item, text),
        "escape" => once(&mut given.escape, item, text),
        "force_quote" => once(&mut given.force_quote, item, || columns(item, true)),
        "force_not_null" => once(&mut given.force_not_null, item, || columns(item, true)),
        "force_null" => once(&mut given.force_null, item, || columns(item, true)),
        "convert_selectively" => once(&mut given.selective, item, || columns(item, false).map(drop)),
        "encoding" => once(&mut given.encoding, item, || encoding(item)),
        "on_error" => once(&mut given.on_error, item, || on_error(item, from)),
        "log_verbosity" => once(&mut given.verbosity, item, || verbosity(item)),
        "reject_limit" => once(&mut given.reject_limit, item, || {
            let limit = reject_limit(item)?;
            if limit <= 0 {
                bail!(INVALID_PARAMETER_VALUE, "REJECT_LIMIT ({limit}) must be greater than zero");
            }
            Ok(limit)
        }),
        other => Err(err!(SYNTAX_ERROR, "option \"{other}\" not recognized").at(item.location)),
    }
}

/// A number, also one in quotes.
fn reject_limit(item: &OptionItem) -> Result<i64> {
    match &item.value {
        Some(OptionValue::String(text)) => {
            let value = Some(OptionValue::Numeric(text.trim().to_owned()));
            options::int64(&OptionItem { value, ..item.clone() })
        }
        _ => options::int64(item),
    }
}

fn header(item: &OptionItem, from: bool) -> Result<Header> {
    let word = match &item.value {
        None | Some(OptionValue::Integer(1) | OptionValue::Bool(true)) => return Ok(Header::Yes),
        Some(OptionValue::Integer(0) | OptionValue::Bool(false)) => return Ok(Header::No),
        Some(OptionValue::Integer(_)) => String::new(),
        Some(_) => options::text(item)?,
    };
    match word.to_ascii_lowercase().as_str() {
        "true" | "on" => Ok(Header::Yes),
        "false" | "off" => Ok(Header::No),
        "match" if from => Ok(Header::Match),
        "match" => bail!(FEATURE_NOT_SUPPORTED, "cannot use \"{word}\" with HEADER in COPY TO"),
        _ => bail!(SYNTAX_ERROR, "{} requires a Boolean value or \"match\"", item.name),
    }
}

fn columns(item: &OptionItem, star: bool) -> Result<Columns> {
    match &item.value {
        Some(OptionValue::Star) if star => Ok(Columns::All),
        Some(OptionValue::List(names)) => {
            let names = names.iter().map(|name| match name {
                OptionValue::String(name) => name.clone(),
                other => format!("{other:?}"),
            });
            Ok(Columns::Named(names.collect()))
        }
        _ => Err(err!(
            INVALID_PARAMETER_VALUE,
            "argument to option \"{}\" must be a list of column names",
            item.name
        )
        .at(item.location)),
    }
}

/// Databases are in UTF-8, and so must COPY's data be: SQL_ASCII stands for no conversion.
fn encoding(item: &OptionItem) -> Result<()> {
    let name = options::text(item)?;
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match plain.as_str() {
        "utf8" | "unicode" | "sqlascii" => Ok(()),
        _ if adt::encoding::by_name(&name).is_some() => {
            Err(Error::unsupported(format!("COPY with encoding {name}")))
        }
        _ => Err(err!(
            INVALID_PARAMETER_VALUE,
            "argument to option \"encoding\" must be a valid encoding name"
        )
        .at(item.location)),
    }
}

fn on_error(item: &OptionItem, from: bool) -> Result<bool> {
    let word = options::text(item)?;
    if !from {
        return Err(
            err!(INVALID_PARAMETER_VALUE, "COPY ON_ERROR cannot be used with COPY TO").at(item.location)
        );
    }
    match word.to_ascii_lowercase().as_str() {
        "stop" => Ok(false),
        "ignore" => Ok(true),
        _ => Err(err!(INVALID_PARAMETER_VALUE, "COPY ON_ERROR \"{word}\" not recognized").at(item.location)),
    }
}

fn verbosity(item: &OptionItem) -> Result<Verbosity> {
    let word = options::text(item)?;
    match word.to_ascii_lowercase().as_str() {
        "silent" => Ok(Verbosity::Silent),
        "default" => Ok(Verbosity::Default),
        "verbose" => Ok(Verbosity::Verbose),
        _ => {
            Err(err!(INVALID_PARAMETER_VALUE, "COPY LOG_VERBOSITY \"{word}\" not recognized")
                .at(item.location))
        }
    }
}

fn single(text: &str, what: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        _ => bail!(FEATURE_NOT_SUPPORTED, "COPY {what} must be a single one-byte character"),
    }
}

fn has_line_end(text: &str) -> bool {
    text.contains(['\r', '\n'])
}

/// Defaults, and PostgreSQL's checks in its order.
fn check(mut options: CopyOptions, given: &Given, from: bool) -> Result<CopyOptions> {
    if given.selective.is_some() {
        return Err(Error::unsupported("COPY option convert_selectively"));
    }
    let csv = options.format == CopyFormat::Csv;
    let binary = options.format == CopyFormat::Binary;
    let present = [
        (given.delimiter.is_some(), "DELIMITER"),
        (given.null.is_some(), "NULL"),
        (given.default.is_some(), "DEFAULT"),
    ];
    if let Some((_, name)) = present.iter().find(|(present, _)| binary && *present) {
        bail!(SYNTAX_ERROR, "cannot specify {name} in BINARY mode");
    }
    let delimiter = given.delimiter.as_deref().unwrap_or(if csv { "," } else { "\t" });
    let null = given.null.as_deref().unwrap_or(if csv { "" } else { "\\N" });
    options.delimiter = single(delimiter, "delimiter")?;
    options.null = null.into();
    options.default = given.default.clone().map(String::into_bytes);
    if has_line_end(delimiter) {
        bail!(INVALID_PARAMETER_VALUE, "COPY delimiter cannot be newline or carriage return");
    }
    if has_line_end(null) {
        bail!(INVALID_PARAMETER_VALUE, "COPY null representation cannot use newline or carriage return");
    }
    if given.default.as_deref().is_some_and(has_line_end) {
        bail!(INVALID_PARAMETER_VALUE, "COPY default representation cannot use newline or carriage return");
    }
    // Backslash sequences would become ambiguous, and a dot could end the data.
    if !csv && b"\\.abcdefghijklmnopqrstuvwxyz0123456789".contains(&options.delimiter) {
        bail!(INVALID_PARAMETER_VALUE, "COPY delimiter cannot be \"{delimiter}\"");
    }
    if binary && options.header != Header::No {
        bail!(FEATURE_NOT_SUPPORTED, "cannot specify HEADER in BINARY mode");
    }
    quoting(&mut options, given, csv)?;
    direction(&options, csv, from)?;
    markers(&options, csv, from)?;
    if binary && options.ignore_errors {
        bail!(SYNTAX_ERROR, "only ON_ERROR STOP is allowed in BINARY mode");
    }
    if options.reject_limit.is_some() && !options.ignore_errors {
        bail!(INVALID_PARAMETER_VALUE, "COPY REJECT_LIMIT requires ON_ERROR to be set to IGNORE");
    }
    Ok(options)
}

fn quoting(options: &mut CopyOptions, given: &Given, csv: bool) -> Result<()> {
    if !csv && given.quote.is_some() {
        bail!(FEATURE_NOT_SUPPORTED, "COPY QUOTE requires CSV mode");
    }
    if csv {
        options.quote = single(given.quote.as_deref().unwrap_or("\""), "quote")?;
        if options.quote == options.delimiter {
            bail!(INVALID_PARAMETER_VALUE, "COPY delimiter and quote must be different");
        }
    }
    if !csv && given.escape.is_some() {
        bail!(FEATURE_NOT_SUPPORTED, "COPY ESCAPE requires CSV mode");
    }
    if csv {
        options.escape = given.escape.as_deref().map_or(Ok(options.quote), |text| single(text, "escape"))?;
    }
    Ok(())
}

fn direction(options: &CopyOptions, csv: bool, from: bool) -> Result<()> {
    let lists = [
        (&options.force_quote, "FORCE_QUOTE", false),
        (&options.force_not_null, "FORCE_NOT_NULL", true),
        (&options.force_null, "FORCE_NULL", true),
    ];
    for (columns, name, for_from) in lists {
        if columns.is_none() {
            continue;
        }
        if !csv {
            bail!(FEATURE_NOT_SUPPORTED, "COPY {name} requires CSV mode");
        }
        if for_from != from {
            let direction = if from { "COPY FROM" } else { "COPY TO" };
            let state = if from {
                base::SqlState::FEATURE_NOT_SUPPORTED
            } else {
                base::SqlState::INVALID_PARAMETER_VALUE
            };
            return Err(Error::new(state, format!("COPY {name} cannot be used with {direction}")));
        }
    }
    Ok(())
}

fn markers(options: &CopyOptions, csv: bool, from: bool) -> Result<()> {
    if options.format == CopyFormat::Binary {
        if options.freeze && !from {
            bail!(INVALID_PARAMETER_VALUE, "COPY FREEZE cannot be used with COPY TO");
        }
        return Ok(());
    }
    if options.null.contains(&options.delimiter) {
        bail!(INVALID_PARAMETER_VALUE, "COPY delimiter character must not appear in the NULL specification");
    }
    if csv && options.null.contains(&options.quote) {
        bail!(INVALID_PARAMETER_VALUE, "CSV quote character must not appear in the NULL specification");
    }
    if options.freeze && !from {
        bail!(INVALID_PARAMETER_VALUE, "COPY FREEZE cannot be used with COPY TO");
    }
    let Some(default) = &options.default else { return Ok(()) };
    if !from {
        bail!(FEATURE_NOT_SUPPORTED, "COPY DEFAULT cannot be used with COPY TO");
    }
    if default.contains(&options.delimiter) {
        bail!(FEATURE_NOT_SUPPORTED, "COPY delimiter character must not appear in the DEFAULT specification");
    }
    if csv && default.contains(&options.quote) {
        bail!(FEATURE_NOT_SUPPORTED, "CSV quote character must not appear in the DEFAULT specification");
    }
    if *default == options.null {
        bail!(FEATURE_NOT_SUPPORTED, "NULL specification and DEFAULT specification cannot be the same");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Result<CopyOptions> {
        let statements = syntax::parse(sql)?;
        match &statements[0].statement {
            syntax::Statement::Copy(copy) => CopyOptions::read(&copy.options, copy.from),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn contradictions_are_told_as_postgresql_tells_them() {
        let cases = [
            ("copy t from stdin (format xml)", "COPY format \"xml\" not recognized"),
            ("copy t from stdin (delimiter 'ab')", "COPY delimiter must be a single one-byte character"),
            ("copy t from stdin (delimiter 'a')", "COPY delimiter cannot be \"a\""),
            ("copy t from stdin (format binary, delimiter ',')", "cannot specify DELIMITER in BINARY mode"),
            ("copy t from stdin (quote '\"')", "COPY QUOTE requires CSV mode"),
            ("copy t from stdin (format csv, quote ',')", "COPY delimiter and quote must be different"),
            (
                "copy t from stdin (null 'a\tb')",
                "COPY delimiter character must not appear in the NULL specification",
            ),
            ("copy t to stdout (freeze on)", "COPY FREEZE cannot be used with COPY TO"),
            (
                "copy t from stdin (format csv, force_quote *)",
                "COPY FORCE_QUOTE cannot be used with COPY FROM",
            ),
            ("copy t to stdout (format csv, force_null *)", "COPY FORCE_NULL cannot be used with COPY TO"),
            ("copy t from stdin (format text, format csv)", "conflicting or redundant options"),
            ("copy t from stdin (reject_limit 3)", "COPY REJECT_LIMIT requires ON_ERROR to be set to IGNORE"),
            ("copy t from stdin (header 2)", "header requires a Boolean value or \"match\""),
            ("copy t to stdout (header match)", "cannot use \"match\" with HEADER in COPY TO"),
            ("copy t from stdin (nonsense)", "option \"nonsense\" not recognized"),
        ];
        for (sql, message) in cases {
            assert_eq!(read(sql).unwrap_err().message(), message, "{sql}");
        }
        let csv = read("copy t from stdin (format csv, escape '\\', header match)").unwrap();
        assert_eq!((csv.delimiter, csv.quote, csv.escape, csv.header), (b',', b'"', b'\\', Header::Match));
    }
}
