//! Encodings: names and numbers, validation of UTF-8, conversion to and from LATIN1.

use base::{Error, Result, SqlState, err};

/// Names by number, as pg_encoding_to_char() has them.
const NAMES: [&str; 42] = [
    "SQL_ASCII",
    "EUC_JP",
    "EUC_CN",
    "EUC_KR",
    "EUC_TW",
    "EUC_JIS_2004",
    "UTF8",
    "MULE_INTERNAL",
    "LATIN1",
    "LATIN2",
    "LATIN3",
    "LATIN4",
    "LATIN5",
    "LATIN6",
    "LATIN7",
    "LATIN8",
    "LATIN9",
    "LATIN10",
    "WIN1256",
    "WIN1258",
    "WIN866",
    "WIN874",
    "KOI8R",
    "WIN1251",
    "WIN1252",
    "ISO_8859_5",
    "ISO_8859_6",
    "ISO_8859_7",
    "ISO_8859_8",
    "WIN1250",
    "WIN1253",
    "WIN1254",
    "WIN1255",
    "WIN1257",
    "KOI8U",
    "SJIS",
    "BIG5",
    "GBK",
    "UHC",
    "GB18030",
    "JOHAB",
    "SHIFT_JIS_2004",
];

/// Other names, without punctuation and in lower case.
const ALIASES: [(&str, &str); 39] = [
    ("abc", "WIN1258"),
    ("alt", "WIN866"),
    ("iso88591", "LATIN1"),
    ("iso885910", "LATIN6"),
    ("iso885913", "LATIN7"),
    ("iso885914", "LATIN8"),
    ("iso885915", "LATIN9"),
    ("iso885916", "LATIN10"),
    ("iso88592", "LATIN2"),
    ("iso88593", "LATIN3"),
    ("iso88594", "LATIN4"),
    ("iso88599", "LATIN5"),
    ("koi8", "KOI8R"),
    ("mskanji", "SJIS"),
    ("shiftjis", "SJIS"),
    ("tcvn", "WIN1258"),
    ("tcvn5712", "WIN1258"),
    ("unicode", "UTF8"),
    ("vscii", "WIN1258"),
    ("win", "WIN1251"),
    ("win932", "SJIS"),
    ("win936", "GBK"),
    ("win949", "UHC"),
    ("win950", "BIG5"),
    ("windows1250", "WIN1250"),
    ("windows1251", "WIN1251"),
    ("windows1252", "WIN1252"),
    ("windows1253", "WIN1253"),
    ("windows1254", "WIN1254"),
    ("windows1255", "WIN1255"),
    ("windows1256", "WIN1256"),
    ("windows1257", "WIN1257"),
    ("windows1258", "WIN1258"),
    ("windows866", "WIN866"),
    ("windows874", "WIN874"),
    ("windows932", "SJIS"),
    ("windows936", "GBK"),
    ("windows949", "UHC"),
    ("windows950", "BIG5"),
];

/// Number of UTF8.
pub const UTF8: i32 = 6;
/// Number of SQL_ASCII.
pub const SQL_ASCII: i32 = 0;
/// Number of LATIN1.
pub const LATIN1: i32 = 8;
/// Encodings from this one on are for clients only.
pub const FIRST_CLIENT_ONLY: i32 = 35;

/// The name of an encoding; `None` for an unknown number.
pub fn name(encoding: i32) -> Option<&'static str> {
    NAMES.get(usize::try_from(encoding).ok()?).copied()
}

/// The number of an encoding; case and punctuation do not count.
pub fn by_name(name: &str) -> Option<i32> {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let same = |candidate: &str| {
        candidate.bytes().filter(u8::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).eq(plain.bytes())
    };
    let canonical = ALIASES.iter().find(|(alias, _)| *alias == plain).map(|(_, name)| *name);
    let index = match canonical {
        Some(name) => NAMES.iter().position(|candidate| *candidate == name)?,
        None => NAMES.iter().position(|candidate| same(candidate))?,
    };
    Some(index as i32)
}

/// The most bytes a character takes in an encoding.
pub fn max_length(encoding: i32) -> i32 {
    match encoding {
        1 | 2 | 3 | 5 => 3,
        4 | UTF8 | 7 | 39 => 4,
        40 => 3,
        35..=38 | 41 => 2,
        _ => 1,
    }
}

fn push_bytes(message: &mut String, bytes: &[u8]) {
    for (i, byte) in bytes.iter().enumerate() {
        if i > 0 {
            message.push(' ');
        }
        message.push_str(&format!("0x{byte:02x}"));
    }
}

/// Bytes that the first byte of a UTF-8 sequence announces.
fn announced_length(first: u8) -> usize {
    match first {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => 1,
    }
}

#[track_caller]
fn invalid_utf8(bytes: &[u8]) -> Error {
    let length = bytes.first().map_or(0, |&first| announced_length(first)).min(bytes.len());
    let mut message = String::from("invalid byte sequence for encoding \"UTF8\": ");
    push_bytes(&mut message, &bytes[..length]);
    Error::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, message)
}

/// Checks text that comes from outside: UTF-8 without zero bytes. Errors: `22021`.
pub fn validate_utf8(bytes: &[u8]) -> Result<&str> {
    let zero = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    match std::str::from_utf8(&bytes[..zero]) {
        Err(error) => Err(invalid_utf8(&bytes[error.valid_up_to()..])),
        Ok(_) if zero < bytes.len() => Err(invalid_utf8(&bytes[zero..])),
        Ok(text) => Ok(text),
    }
}

/// LATIN1 to UTF-8. Errors: `22021` for a zero byte.
pub fn latin1_to_utf8(bytes: &[u8]) -> Result<String> {
    if memchr::memchr(0, bytes).is_some() {
        return Err(err!(CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"LATIN1\": 0x00"));
    }
    Ok(bytes.iter().map(|&byte| char::from(byte)).collect())
}

/// UTF-8 to LATIN1. Errors: `22P05`.
pub fn utf8_to_latin1(text: &str) -> Result<Vec<u8>> {
    text.chars()
        .map(|c| {
            u8::try_from(c as u32).map_err(|_| {
                let mut message = String::from("character with byte sequence ");
                push_bytes(&mut message, c.encode_utf8(&mut [0; 4]).as_bytes());
                message.push_str(" in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"");
                Error::new(SqlState::UNTRANSLATABLE_CHARACTER, message)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(by_name("utf-8"), Some(UTF8));
        assert_eq!(by_name("Unicode"), Some(UTF8));
        assert_eq!(by_name("ISO-8859-1"), Some(LATIN1));
        assert_eq!(by_name("nonsense"), None);
        assert_eq!(name(25), Some("ISO_8859_5"));
    }

    #[test]
    fn validation() {
        for (bytes, message) in [
            (&b"a\xff"[..], "invalid byte sequence for encoding \"UTF8\": 0xff"),
            (b"\xe2\x82", "invalid byte sequence for encoding \"UTF8\": 0xe2 0x82"),
            (b"a\0", "invalid byte sequence for encoding \"UTF8\": 0x00"),
        ] {
            assert_eq!(validate_utf8(bytes).unwrap_err().message(), message);
        }
        assert_eq!(
            utf8_to_latin1("€").unwrap_err().message(),
            "character with byte sequence 0xe2 0x82 0xac in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\""
        );
    }
}
