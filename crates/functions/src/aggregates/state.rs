//! How states of aggregates travel as bytes, from the processes' halves of a parallel aggregate to where they are
//! combined. The bytes never leave the server and need not look like PostgreSQL's.

use base::{Error, Result};
use datum::OwnedDatum;

/// A part of a state.
pub trait Saved: Sized {
    fn save(&self, out: &mut Vec<u8>);

    /// Takes itself off the front of `bytes`.
    ///
    /// # Errors
    /// `XX001` when they do not hold one.
    fn load(bytes: &mut &[u8]) -> Result<Self>;
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let (taken, rest) =
        bytes.split_at_checked(count).ok_or_else(|| Error::corrupted("aggregate state is too short"))?;
    *bytes = rest;
    Ok(taken)
}

macro_rules! numbers {
    ($($type:ty)*) => {
        $(
            impl Saved for $type {
                fn save(&self, out: &mut Vec<u8>) {
                    out.extend_from_slice(&self.to_le_bytes());
                }

                fn load(bytes: &mut &[u8]) -> Result<$type> {
                    let mut raw = [0; size_of::<$type>()];
                    raw.copy_from_slice(take(bytes, size_of::<$type>())?);
                    Ok(<$type>::from_le_bytes(raw))
                }
            }
        )*
    };
}

numbers! { u8 i16 i32 i64 i128 f32 f64 }

impl Saved for bool {
    fn save(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn load(bytes: &mut &[u8]) -> Result<bool> {
        Ok(u8::load(bytes)? != 0)
    }
}

impl<T: Saved> Saved for Option<T> {
    fn save(&self, out: &mut Vec<u8>) {
        self.is_some().save(out);
        if let Some(value) = self {
            value.save(out);
        }
    }

    fn load(bytes: &mut &[u8]) -> Result<Option<T>> {
        if bool::load(bytes)? { T::load(bytes).map(Some) } else { Ok(None) }
    }
}

impl<T: Saved, const N: usize> Saved for [T; N] {
    fn save(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|value| value.save(out));
    }

    fn load(bytes: &mut &[u8]) -> Result<[T; N]> {
        let values = (0..N).map(|_| T::load(bytes)).collect::<Result<Vec<T>>>()?;
        values.try_into().map_err(|_| Error::internal("an array of another length"))
    }
}

impl Saved for Vec<u8> {
    fn save(&self, out: &mut Vec<u8>) {
        (self.len() as i64).save(out);
        out.extend_from_slice(self);
    }

    fn load(bytes: &mut &[u8]) -> Result<Vec<u8>> {
        let length = i64::load(bytes)?;
        Ok(take(bytes, length as usize)?.to_vec())
    }
}

impl Saved for OwnedDatum {
    fn save(&self, out: &mut Vec<u8>) {
        match self {
            OwnedDatum::Bool(v) => [0, u8::from(*v)].save(out),
            OwnedDatum::Char(v) => [1, *v as u8].save(out),
            OwnedDatum::Int2(v) => (2_u8.save(out), v.save(out)).1,
            OwnedDatum::Int4(v) => (3_u8.save(out), v.save(out)).1,
            OwnedDatum::Int8(v) => (4_u8.save(out), v.save(out)).1,
            OwnedDatum::Float4(v) => (5_u8.save(out), v.save(out)).1,
            OwnedDatum::Float8(v) => (6_u8.save(out), v.save(out)).1,
            OwnedDatum::Bytes(v) => {
                7_u8.save(out);
                (v.len() as i64).save(out);
                out.extend_from_slice(v);
            }
        }
    }

    fn load(bytes: &mut &[u8]) -> Result<OwnedDatum> {
        Ok(match u8::load(bytes)? {
            0 => OwnedDatum::Bool(bool::load(bytes)?),
            1 => OwnedDatum::Char(u8::load(bytes)? as i8),
            2 => OwnedDatum::Int2(i16::load(bytes)?),
            3 => OwnedDatum::Int4(i32::load(bytes)?),
            4 => OwnedDatum::Int8(i64::load(bytes)?),
            5 => OwnedDatum::Float4(f32::load(bytes)?),
            6 => OwnedDatum::Float8(f64::load(bytes)?),
            7 => OwnedDatum::Bytes(Vec::load(bytes)?.into()),
            other => return Err(Error::corrupted(format!("aggregate state with a value of kind {other}"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded() {
        let mut bytes = Vec::new();
        let saved = (Some(-7_i64), [1.5_f64, f64::NAN], OwnedDatum::Bytes((*b"text").into()), None::<i128>);
        saved.0.save(&mut bytes);
        saved.1.save(&mut bytes);
        saved.2.save(&mut bytes);
        saved.3.save(&mut bytes);
        let mut rest = &bytes[..];
        assert_eq!(Option::<i64>::load(&mut rest).unwrap(), saved.0);
        assert!(<[f64; 2]>::load(&mut rest).unwrap()[1].is_nan());
        assert_eq!(OwnedDatum::load(&mut rest).unwrap(), saved.2);
        assert_eq!(Option::<i128>::load(&mut rest).unwrap(), saved.3);
        assert!(rest.is_empty() && i64::load(&mut rest).is_err());
    }

    #[test]
    fn damaged_bytes_are_errors() {
        assert!(Vec::<u8>::load(&mut &[255; 8][..]).is_err());
        assert!(OwnedDatum::load(&mut &[9][..]).is_err());
    }
}
