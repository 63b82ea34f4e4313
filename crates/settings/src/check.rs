//! Checks of single parameters beyond their type and range, and the canonical spellings they lead to.

use crate::list::{split_identifiers, split_words};
use crate::registry::Definition;
use crate::value::Value;
use base::{Error, Result, err};

/// Checks that need more than this crate knows (time zones, roles, text search configurations): a layer above
/// gives them. The answer is the value to store.
pub trait Checks {
    /// # Errors
    /// What the client is to see; usually `22023` made by [`Definition::invalid`] with a detail.
    fn check(&self, definition: &Definition, value: Value) -> Result<Value>;
}

/// Accepts everything.
pub struct NoChecks;

impl Checks for NoChecks {
    fn check(&self, _: &Definition, value: Value) -> Result<Value> {
        Ok(value)
    }
}

/// The names of encodings, as normalised by [`encoding_name`] and as shown.
const ENCODINGS: &[(&str, &str)] = &[
    ("sqlascii", "SQL_ASCII"),
    ("eucjp", "EUC_JP"),
    ("euccn", "EUC_CN"),
    ("euckr", "EUC_KR"),
    ("euctw", "EUC_TW"),
    ("eucjis2004", "EUC_JIS_2004"),
    ("utf8", "UTF8"),
    ("unicode", "UTF8"),
    ("muleinternal", "MULE_INTERNAL"),
    ("latin1", "LATIN1"),
    ("iso88591", "LATIN1"),
    ("latin2", "LATIN2"),
    ("iso88592", "LATIN2"),
    ("latin3", "LATIN3"),
    ("iso88593", "LATIN3"),
    ("latin4", "LATIN4"),
    ("iso88594", "LATIN4"),
    ("latin5", "LATIN5"),
    ("iso88599", "LATIN5"),
    ("latin6", "LATIN6"),
    ("iso885910", "LATIN6"),
    ("latin7", "LATIN7"),
    ("iso885913", "LATIN7"),
    ("latin8", "LATIN8"),
    ("iso885914", "LATIN8"),
    ("latin9", "LATIN9"),
    ("iso885915", "LATIN9"),
    ("latin10", "LATIN10"),
    ("iso885916", "LATIN10"),
    ("win1256", "WIN1256"),
    ("windows1256", "WIN1256"),
    ("win1258", "WIN1258"),
    ("windows1258", "WIN1258"),
    ("win866", "WIN866"),
    ("windows866", "WIN866"),
    ("win874", "WIN874"),
    ("windows874", "WIN874"),
    ("koi8", "KOI8R"),
    ("koi8r", "KOI8R"),
    ("koi8u", "KOI8U"),
    ("win", "WIN1251"),
    ("win1251", "WIN1251"),
    ("windows1251", "WIN1251"),
    ("win1252", "WIN1252"),
    ("windows1252", "WIN1252"),
    ("iso88595", "ISO_8859_5"),
    ("iso88596", "ISO_8859_6"),
    ("iso88597", "ISO_8859_7"),
    ("iso88598", "ISO_8859_8"),
    ("win1250", "WIN1250"),
    ("windows1250", "WIN1250"),
    ("win1253", "WIN1253"),
    ("windows1253", "WIN1253"),
    ("win1254", "WIN1254"),
    ("windows1254", "WIN1254"),
    ("win1255", "WIN1255"),
    ("windows1255", "WIN1255"),
    ("win1257", "WIN1257"),
    ("windows1257", "WIN1257"),
    ("sjis", "SJIS"),
    ("mskanji", "SJIS"),
    ("shiftjis", "SJIS"),
    ("win932", "SJIS"),
    ("windows932", "SJIS"),
    ("big5", "BIG5"),
    ("win950", "BIG5"),
    ("windows950", "BIG5"),
    ("gbk", "GBK"),
    ("win936", "GBK"),
    ("windows936", "GBK"),
    ("uhc", "UHC"),
    ("win949", "UHC"),
    ("windows949", "UHC"),
    ("gb18030", "GB18030"),
    ("johab", "JOHAB"),
    ("shiftjis2004", "SHIFT_JIS_2004"),
];

fn encoding_name(text: &str) -> Option<&'static str> {
    let key: String =
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    ENCODINGS.iter().find(|(name, _)| *name == key).map(|(_, shown)| *shown)
}

/// What every layer checks, whoever sets the value.
pub(crate) fn builtin(definition: &Definition, value: Value) -> Result<Value> {
    let Value::String(text) = &value else {
        if &*definition.name == "ssl_min_protocol_version" && value == Value::Enum(0) {
            return Err(definition.invalid("").hint("Available values: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3."));
        }
        return Ok(value);
    };
    let checked = match &*definition.name {
        "DateStyle" => {
            date_style(text, "ISO, MDY").map_err(|detail| definition.invalid(text).detail(detail))?
        }
        "client_encoding" => encoding_name(text).ok_or_else(|| definition.invalid(text))?.to_string(),
        "search_path" | "temp_tablespaces" => {
            split_identifiers(text).ok_or_else(|| list_syntax(definition, text))?;
            return Ok(value);
        }
        "log_destination" => known_words(definition, text, &["stderr", "csvlog", "jsonlog", "syslog"])?,
        "log_connections" => log_connections(definition, text)?,
        "restrict_nonsystem_relation_kind" => known_words(definition, text, &["view", "foreign-table"])?,
        "createrole_self_grant" => known_words(definition, text, &["set", "inherit"])?,
        "debug_io_direct" => known_words(definition, text, &["data", "wal", "wal_init"])?,
        "application_name" | "cluster_name" => printable_ascii(text),
        "synchronous_standby_names" | "listen_addresses" => return Ok(value),
        _ if definition.flags.has(crate::Flags::NAME) && text.len() > 63 => truncate(text, 63).to_string(),
        _ => return Ok(value),
    };
    if checked == **text { Ok(value) } else { Ok(Value::String(checked.into())) }
}

fn list_syntax(definition: &Definition, text: &str) -> Error {
    definition.invalid(text).detail("List syntax is invalid.")
}

fn truncate(text: &str, at_most: usize) -> &str {
    let end = (0..=at_most.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    &text[..end]
}

fn printable_ascii(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for b in truncate(text, 63).bytes() {
        if (32..127).contains(&b) {
            clean.push(char::from(b));
        } else {
            clean.push_str(&format!("\\x{b:02x}"));
        }
    }
    clean
}

fn known_words(definition: &Definition, text: &str, known: &[&str]) -> Result<String> {
    let words = split_identifiers(text).ok_or_else(|| list_syntax(definition, text))?;
    match words.iter().find(|word| !known.contains(&word.as_str())) {
        Some(word) if &*definition.name == "debug_io_direct" => {
            Err(definition.invalid(text).detail(format!("Invalid option \"{word}\".")))
        }
        Some(word) => Err(definition.invalid(text).detail(format!("Unrecognized key word: \"{word}\"."))),
        None => Ok(text.to_string()),
    }
}

/// Boolean spellings of older versions become the option lists that they stand for when read.
fn log_connections(definition: &Definition, text: &str) -> Result<String> {
    const OPTIONS: &[&str] = &["receipt", "authentication", "authorization", "setup_durations", "all"];
    let words = split_words(text).ok_or_else(|| list_syntax(definition, text))?;
    if let [word] = &words[..]
        && ["on", "off", "true", "false", "yes", "no", "1", "0"].iter().any(|w| w.eq_ignore_ascii_case(word))
    {
        return Ok(text.to_string());
    }
    match words.iter().find(|word| !OPTIONS.iter().any(|o| o.eq_ignore_ascii_case(word))) {
        Some(word) => Err(definition.invalid(text).detail(format!("Invalid option \"{word}\"."))),
        None => Ok(text.to_string()),
    }
}

/// The canonical spelling of a DateStyle, as in `ISO, MDY`; what `text` leaves open is taken from `current`.
///
/// # Errors
/// The detail of the message.
pub fn date_style(text: &str, current: &str) -> std::result::Result<String, String> {
    let words = split_identifiers(text).ok_or("List syntax is invalid.")?;
    let (mut style, mut order) = match current.split_once(", ") {
        Some((style, order)) => (style.to_string(), order.to_string()),
        None => ("ISO".to_string(), "MDY".to_string()),
    };
    let (mut have_style, mut have_order, mut conflict) = (false, false, false);
    for word in &words {
        let word = word.as_str();
        let named = match word {
            "iso" => Some("ISO"),
            "sql" => Some("SQL"),
            _ if word.starts_with("postgres") => Some("Postgres"),
            _ if word.starts_with("german") => Some("German"),
            _ => None,
        };
        let ordered = match word {
            "ymd" => Some("YMD"),
            "dmy" => Some("DMY"),
            "mdy" => Some("MDY"),
            _ if word.starts_with("euro") => Some("DMY"),
            "us" | "noneuro" | "noneuropean" => Some("MDY"),
            _ if word.starts_with("noneuro") => Some("MDY"),
            _ => None,
        };
        if let Some(named) = named {
            conflict |= have_style && style != named;
            style = named.to_string();
            have_style = true;
            if named == "German" && !have_order {
                order = "DMY".to_string();
            }
        } else if let Some(ordered) = ordered {
            conflict |= have_order && order != ordered;
            order = ordered.to_string();
            have_order = true;
        } else if word == "default" {
            return Ok("ISO, MDY".to_string());
        } else {
            return Err(format!("Unrecognized key word: \"{word}\"."));
        }
    }
    if conflict {
        return Err("Conflicting \"DateStyle\" specifications.".to_string());
    }
    Ok(format!("{style}, {order}"))
}

/// Whether `name` may be a placeholder: two or more identifiers joined by dots.
pub(crate) fn check_custom_name(name: &str) -> Result<()> {
    let identifier = |word: &str| {
        let mut bytes = word.bytes();
        bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b >= 0x80)
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80)
    };
    if name.contains('.') && name.split('.').all(identifier) {
        return Ok(());
    }
    if name.contains('.') {
        return Err(err!(INVALID_NAME, "invalid configuration parameter name \"{name}\"")
            .detail("Custom parameter names must be two or more simple identifiers separated by dots."));
    }
    Err(err!(UNDEFINED_OBJECT, "unrecognized configuration parameter \"{name}\""))
}
