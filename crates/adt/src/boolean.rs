//! boolean: text forms.

use crate::integer::{invalid_input, is_space};
use base::Result;

/// Reads a prefix of `true`, `false`, `yes`, `no`, `on`, `off`, or `1` or `0`, in any case, without spaces around.
/// Settings accept the same words.
pub fn parse_word(word: &str) -> Option<bool> {
    let is_prefix_of = |full: &str, at_least: usize| {
        word.len() >= at_least
            && full.get(..word.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(word))
    };
    match word.as_bytes().first()?.to_ascii_lowercase() {
        b't' if is_prefix_of("true", 1) => Some(true),
        b'f' if is_prefix_of("false", 1) => Some(false),
        b'y' if is_prefix_of("yes", 1) => Some(true),
        b'n' if is_prefix_of("no", 1) => Some(false),
        b'o' if is_prefix_of("on", 2) => Some(true),
        b'o' if is_prefix_of("off", 2) => Some(false),
        b'1' if word.len() == 1 => Some(true),
        b'0' if word.len() == 1 => Some(false),
        _ => None,
    }
}

/// `boolin`. Errors: `22P02`.
pub fn parse(text: &str) -> Result<bool> {
    let word = text.trim_matches(|c: char| c.is_ascii() && is_space(c as u8));
    parse_word(word).ok_or_else(|| invalid_input("boolean", text))
}

/// `boolout`: `t` or `f`.
pub fn format(value: bool) -> &'static str {
    if value { "t" } else { "f" }
}

/// The cast to text: `true` or `false`.
pub fn to_text(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words() {
        for (text, expected) in [(" T ", true), ("of", false), ("ON", true), ("0", false), ("ye", true)] {
            assert_eq!(super::parse(text).unwrap(), expected, "{text}");
        }
        for text in ["", "o", "tru e", "01", "truely"] {
            let message = format!("invalid input syntax for type boolean: \"{text}\"");
            assert_eq!(super::parse(text).unwrap_err().message(), message);
        }
    }
}
