//! Little-endian readers and writers over byte slices, for what lies on disk.

use crate::{Error, Result};

/// Reads fields from the front of a slice; what is missing is `XX001`.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

macro_rules! read_number {
    ($($name:ident -> $type:ty;)*) => {
        $(pub fn $name(&mut self) -> Result<$type> {
            let bytes = self.take(size_of::<$type>())?;
            Ok(<$type>::from_le_bytes(bytes.try_into().expect("take returns the length asked for")))
        })*
    };
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// `XX001` when fewer are left.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(n) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => {
                Err(Error::corrupted(format!("{n} bytes expected, {} left in stored data", self.rest.len())))
            }
        }
    }

    read_number! {
        u8 -> u8; u16 -> u16; u32 -> u32; u64 -> u64;
        i8 -> i8; i16 -> i16; i32 -> i32; i64 -> i64; f32 -> f32; f64 -> f64;
    }
}

macro_rules! at_number {
    ($($get:ident $put:ident $type:ty;)*) => {
        $(
            /// The little-endian number at `offset`; panics when out of bounds.
            #[inline]
            pub fn $get(bytes: &[u8], offset: usize) -> $type {
                <$type>::from_le_bytes(bytes[offset..offset + size_of::<$type>()].try_into().expect("exact length"))
            }

            /// Writes the little-endian number at `offset`; panics when out of bounds.
            #[inline]
            pub fn $put(bytes: &mut [u8], offset: usize, value: $type) {
                bytes[offset..offset + size_of::<$type>()].copy_from_slice(&value.to_le_bytes());
            }
        )*
    };
}

at_number! {
    get_u16 put_u16 u16;
    get_u32 put_u32 u32;
    get_u64 put_u64 u64;
    get_i16 put_i16 i16;
    get_i32 put_i32 i32;
    get_i64 put_i64 i64;
}

/// `n` rounded up to a multiple of `alignment`, a power of two.
#[inline]
pub const fn align_up(n: usize, alignment: usize) -> usize {
    (n + alignment - 1) & !(alignment - 1)
}

/// PostgreSQL's MAXALIGN on 64-bit machines.
#[inline]
pub const fn max_align(n: usize) -> usize {
    align_up(n, 8)
}
