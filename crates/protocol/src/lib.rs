//! PostgreSQL's wire protocol, versions 3.0 and 3.2: a codec without sockets or state.
//! See README.md.
#![forbid(unsafe_code)]

pub mod backend;
mod error_fields;
pub mod frontend;
mod reader;
pub mod startup;

pub use error_fields::{error_response, notice_response};
pub use reader::utf8;

/// The version a client asks for: major in the upper half, minor in the lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProtocolVersion(pub u32);

impl ProtocolVersion {
    pub const V3_0: ProtocolVersion = ProtocolVersion(3 << 16);
    /// The newest one: cancel keys may be up to 256 bytes long.
    pub const V3_2: ProtocolVersion = ProtocolVersion(3 << 16 | 2);

    pub fn major(self) -> u32 {
        self.0 >> 16
    }

    pub fn minor(self) -> u32 {
        self.0 & 0xffff
    }

    /// Bytes in the cancel keys that sessions of this version get.
    pub fn cancel_key_bytes(self) -> usize {
        if self >= ProtocolVersion::V3_2 { 32 } else { 4 }
    }
}

#[cfg(test)]
mod tests;
