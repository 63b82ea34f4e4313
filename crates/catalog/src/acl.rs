//! Access control lists: arrays of aclitem (grantee, grantor, privilege bits; 16 bytes each).

use crate::field::Payload;
use base::bytes::Reader;
use base::{Error, Oid, Result};

/// Privilege bits, as in aclitem's low half; the high half holds the same bits as grant options.
pub mod privilege {
    pub const INSERT: u64 = 1 << 0;
    pub const SELECT: u64 = 1 << 1;
    pub const UPDATE: u64 = 1 << 2;
    pub const DELETE: u64 = 1 << 3;
    pub const TRUNCATE: u64 = 1 << 4;
    pub const REFERENCES: u64 = 1 << 5;
    pub const TRIGGER: u64 = 1 << 6;
    pub const EXECUTE: u64 = 1 << 7;
    pub const USAGE: u64 = 1 << 8;
    pub const CREATE: u64 = 1 << 9;
    pub const CREATE_TEMP: u64 = 1 << 10;
    pub const CONNECT: u64 = 1 << 11;
    pub const SET: u64 = 1 << 12;
    pub const ALTER_SYSTEM: u64 = 1 << 13;
    pub const MAINTAIN: u64 = 1 << 14;
    /// Letters as aclitem's text shows them, by bit.
    pub const LETTERS: &[u8] = b"arwdDxtXUCTcsAm";
    /// Everything a table's owner has.
    pub const ALL_TABLE: u64 = INSERT | SELECT | UPDATE | DELETE | TRUNCATE | REFERENCES | TRIGGER | MAINTAIN;
}

/// One grant. Grantee 0 is PUBLIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AclItem {
    pub grantee: Oid,
    pub grantor: Oid,
    pub privileges: u64,
    /// Of these, which may be granted on.
    pub grant_options: u64,
}

/// The array's payload.
pub fn encode(items: &[AclItem]) -> Payload {
    let mut out = Vec::with_capacity(20 + 16 * items.len());
    for word in [1, 0, 1033, items.len() as u32, 1] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for item in items {
        out.extend_from_slice(&item.grantee.0.to_le_bytes());
        out.extend_from_slice(&item.grantor.0.to_le_bytes());
        out.extend_from_slice(&(item.privileges | item.grant_options << 32).to_le_bytes());
    }
    Payload(out.into())
}

/// # Errors
/// `XX001` when the bytes are no array of aclitem.
pub fn decode(payload: &Payload) -> Result<Vec<AclItem>> {
    let mut reader = Reader::new(&payload.0);
    let dimensions = reader.i32()?;
    let has_nulls = reader.i32()? != 0;
    reader.u32()?;
    if dimensions == 0 {
        return Ok(Vec::new());
    }
    if dimensions != 1 || has_nulls {
        return Err(Error::corrupted("access control list is not a plain array"));
    }
    let count = reader.u32()?;
    reader.u32()?;
    (0..count)
        .map(|_| {
            let (grantee, grantor, bits) = (Oid(reader.u32()?), Oid(reader.u32()?), reader.u64()?);
            Ok(AclItem { grantee, grantor, privileges: bits & 0xffff_ffff, grant_options: bits >> 32 })
        })
        .collect()
}

/// What `covers` roles hold together. `covers` tells whether a grantee (0: PUBLIC) counts.
pub fn privileges_of(items: &[AclItem], covers: &mut dyn FnMut(Oid) -> Result<bool>) -> Result<u64> {
    let mut held = 0;
    for item in items {
        if covers(item.grantee)? {
            held |= item.privileges;
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let items = [
            AclItem { grantee: Oid(0), grantor: Oid(10), privileges: privilege::SELECT, grant_options: 0 },
            AclItem {
                grantee: Oid(10),
                grantor: Oid(10),
                privileges: privilege::ALL_TABLE,
                grant_options: privilege::SELECT,
            },
        ];
        assert_eq!(decode(&encode(&items)).unwrap(), items);
        assert!(decode(&Payload(vec![1, 2].into())).is_err());
    }
}
