//! What a client sends before it is let in: startup packets have a length but no type byte.

use crate::ProtocolVersion;
use crate::reader::Fields;
use base::{Error, Result, Severity, SqlState};

/// The longest startup packet, in bytes after its length word.
pub const MAX_STARTUP_BYTES: usize = 10_000;
/// The longest cancel key a request may carry.
pub const MAX_CANCEL_KEY_BYTES: usize = 256;

const CANCEL: u32 = 1234 << 16 | 5678;
const SSL: u32 = 1234 << 16 | 5679;
const GSSENC: u32 = 1234 << 16 | 5680;

/// A packet before authentication.
#[derive(Debug, PartialEq, Eq)]
pub enum Startup<'a> {
    SslRequest,
    GssEncRequest,
    Cancel { process_id: u32, key: &'a [u8] },
    Start { version: ProtocolVersion, parameters: Vec<(&'a [u8], &'a [u8])> },
}

#[track_caller]
fn fatal(message: impl Into<String>) -> Error {
    Error::with_severity(Severity::Fatal, SqlState::PROTOCOL_VIOLATION, message)
}

/// The number of bytes after the length word that `first` (the packet's first four bytes) announces.
///
/// # Errors
/// `08P01` when it is out of bounds.
pub fn body_length(first: [u8; 4]) -> Result<usize> {
    let length = u32::from_be_bytes(first) as usize;
    match length.checked_sub(4) {
        Some(body) if (4..=MAX_STARTUP_BYTES).contains(&body) => Ok(body),
        _ => Err(fatal("invalid length of startup packet")),
    }
}

/// Decodes a startup packet without its length word.
///
/// # Errors
/// `08P01`, FATAL; `0A000` for a major version other than 3.
pub fn decode(body: &[u8]) -> Result<Startup<'_>> {
    let mut fields = Fields::new(body);
    let code = fields.i32().map_err(|_| fatal("invalid length of startup packet"))? as u32;
    match code {
        SSL | GSSENC if body.len() != 4 => Err(fatal("invalid length of startup packet")),
        SSL => Ok(Startup::SslRequest),
        GSSENC => Ok(Startup::GssEncRequest),
        CANCEL => {
            let process_id =
                fields.i32().map_err(|_| fatal("invalid length of cancel request packet"))? as u32;
            let key = fields.rest();
            if key.is_empty() || key.len() > MAX_CANCEL_KEY_BYTES {
                return Err(fatal("invalid length of cancel key in cancel request packet"));
            }
            Ok(Startup::Cancel { process_id, key })
        }
        version => decode_parameters(ProtocolVersion(version), fields),
    }
}

fn decode_parameters<'a>(version: ProtocolVersion, mut fields: Fields<'a>) -> Result<Startup<'a>> {
    if version.major() != 3 {
        return Err(Error::with_severity(
            Severity::Fatal,
            SqlState::FEATURE_NOT_SUPPORTED,
            format!(
                "unsupported frontend protocol {}.{}: server supports 3.0 to 3.2",
                version.major(),
                version.minor()
            ),
        ));
    }
    let layout = || fatal("invalid startup packet layout: expected terminator as last byte");
    let mut parameters = Vec::new();
    loop {
        let name = fields.string().map_err(|_| layout())?;
        if name.is_empty() {
            return match fields.end() {
                Ok(()) => Ok(Startup::Start { version, parameters }),
                Err(_) => Err(layout()),
            };
        }
        let value = fields.string().map_err(|_| layout())?;
        parameters.push((name, value));
    }
}
