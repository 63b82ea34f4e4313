//! `name`: identifiers of at most 63 bytes, stored in 64 with zeros behind.

use base::{Result, err};

/// Bytes of a stored name, its terminating zero included.
pub const LENGTH: usize = 64;

/// The longest prefix of `text` that fits a name and does not cut a character.
pub fn truncate(text: &str) -> &str {
    &text[..text.floor_char_boundary(LENGTH - 1)]
}

/// The 64 stored bytes of a name, cut to fit.
pub fn to_bytes(text: &str) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let text = truncate(text);
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}

/// The text of a stored name: everything before the first zero byte.
///
/// # Errors
/// `XX001` when that is not UTF-8.
pub fn from_bytes(bytes: &[u8]) -> Result<&str> {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).map_err(|_| err!(DATA_CORRUPTED, "stored name is not valid text"))
}

/// `namerecv`. Errors: `42622`.
pub fn receive(text: &str) -> Result<&str> {
    if text.len() >= LENGTH {
        return Err(err!(NAME_TOO_LONG, "identifier too long")
            .detail(format!("Identifier must be less than {LENGTH} characters.")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #[test]
    fn cut_at_a_character() {
        let long = format!("{}é", "a".repeat(62));
        assert_eq!(super::truncate(&long), "a".repeat(62));
        assert_eq!(super::from_bytes(&super::to_bytes("abc")).unwrap(), "abc");
    }
}
