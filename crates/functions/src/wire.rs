//! Reading values in the binary format of the wire: big-endian, from a parameter or from COPY.

use base::{Result, bail};

/// What is left of a received value.
pub struct Message<'a> {
    rest: &'a [u8],
}

macro_rules! numbers {
    ($($name:ident $type:ty;)*) => {
        $(
            /// # Errors
            /// `08P01` when too few bytes are left.
            pub fn $name(&mut self) -> Result<$type> {
                let bytes = self.take(size_of::<$type>())?;
                Ok(<$type>::from_be_bytes(bytes.try_into().expect("take returns the length asked for")))
            }
        )*
    };
}

impl<'a> Message<'a> {
    pub fn new(bytes: &'a [u8]) -> Message<'a> {
        Message { rest: bytes }
    }

    /// # Errors
    /// `08P01` when fewer bytes are left.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => bail!(PROTOCOL_VIOLATION, "insufficient data left in message"),
        }
    }

    numbers! { u8 u8; u16 u16; i16 i16; i32 i32; u32 u32; i64 i64; u64 u64; f32 f32; f64 f64; }

    /// # Errors
    /// `22P03` when bytes are left over.
    pub fn end(&self) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        bail!(INVALID_BINARY_REPRESENTATION, "incorrect binary data format")
    }
}

/// A value that is one number.
macro_rules! single {
    ($($name:ident $type:ty;)*) => {
        $(
            /// # Errors
            /// `08P01`, `22P03`
            pub fn $name(bytes: &[u8]) -> Result<$type> {
                let mut message = Message::new(bytes);
                let value = message.$name()?;
                message.end()?;
                Ok(value)
            }
        )*
    };
}

single! { u8 u8; i16 i16; i32 i32; u32 u32; i64 i64; u64 u64; f32 f32; f64 f64; }

/// # Errors
/// `22021` for what is not UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str> {
    adt::encoding::validate_utf8(bytes)
}
