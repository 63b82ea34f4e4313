//! Big-endian fields from the front of a message, with PostgreSQL's words for what is missing.

use base::{Result, bail, err};

#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn new(body: &'a [u8]) -> Fields<'a> {
        Fields { rest: body }
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(n) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => bail!(PROTOCOL_VIOLATION, "insufficient data left in message"),
        }
    }

    pub fn u8(&mut self) -> Result<u8> {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                Ok(*first)
            }
            None => bail!(PROTOCOL_VIOLATION, "no data left in message"),
        }
    }

    pub fn u16(&mut self) -> Result<u16> {
        let bytes = self.bytes(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub fn i32(&mut self) -> Result<i32> {
        let bytes = self.bytes(4)?;
        Ok(i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Up to the next zero byte.
    pub fn string(&mut self) -> Result<&'a [u8]> {
        match memchr::memchr(0, self.rest) {
            Some(end) => {
                let (text, rest) = self.rest.split_at(end);
                self.rest = &rest[1..];
                Ok(text)
            }
            None => bail!(PROTOCOL_VIOLATION, "invalid string in message"),
        }
    }

    pub fn end(&self) -> Result<()> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => bail!(PROTOCOL_VIOLATION, "invalid message format"),
        }
    }
}

/// Text from the client as UTF-8.
///
/// # Errors
/// `22021` naming the first bytes that are not.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let bad = &bytes[error.valid_up_to()..];
        let expected = match bad[0] {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => 1,
        };
        let shown: Vec<String> = bad.iter().take(expected).map(|b| format!("0x{b:02x}")).collect();
        err!(CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\": {}", shown.join(" "))
    })
}
