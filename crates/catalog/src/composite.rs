//! Values of composite types: heap tuples whose transaction fields hold the row type instead.
//!
//! After the varlena length (which is no part of the payload): typmod (4 bytes), type oid (4), ctid (6), infomask2,
//! infomask, header size, null bitmap, attributes.

use crate::Session;
use base::bytes::{get_i32, get_u32};
use base::{Error, Oid, Result};
use datum::{
    ColumnBuilder, Datum, MissingValues, Row, TupleDesc, TupleView, Varlena, deform_into, form_tuple,
};
use std::sync::Arc;

/// The varlena length that stands before the payload in a tuple's layout.
const LENGTH: usize = 4;

/// The payload of a row value.
///
/// # Errors
/// `54000` when a field is too long.
pub fn form_composite(desc: &TupleDesc, typmod: i32, values: &[Option<Datum<'_>>]) -> Result<Vec<u8>> {
    let mut tuple = form_tuple(desc, values, &[])?;
    tuple[4..8].copy_from_slice(&typmod.to_le_bytes());
    tuple[8..12].copy_from_slice(&desc.type_oid.0.to_le_bytes());
    tuple.drain(..LENGTH);
    Ok(tuple)
}

/// A row value with its header in place.
pub struct Composite {
    bytes: Vec<u8>,
    pub type_oid: Oid,
    pub typmod: i32,
}

/// Reads a payload.
///
/// # Errors
/// `XX001` when the bytes are no row.
pub fn view_composite(payload: &[u8]) -> Result<Composite> {
    if payload.len() < 19 {
        return Err(Error::corrupted("row value is too short"));
    }
    let mut bytes = Vec::with_capacity(payload.len() + LENGTH);
    bytes.extend_from_slice(&[0; LENGTH]);
    bytes.extend_from_slice(payload);
    Ok(Composite { type_oid: Oid(get_u32(payload, 4)), typmod: get_i32(payload, 0), bytes })
}

impl Composite {
    /// The row type that the value names.
    ///
    /// # Errors
    /// `XX000` if it is not known.
    pub fn desc(&self, session: &Session) -> Result<Arc<TupleDesc>> {
        let found = if self.type_oid == TupleDesc::RECORD_TYPE {
            session.instance().records.get(self.typmod)
        } else {
            session.row_type(self.type_oid)?
        };
        found.ok_or_else(|| Error::internal(format!("record type {} is not known", self.type_oid)))
    }

    /// The fields `needed` (from 0, ascending), one builder each.
    ///
    /// # Errors
    /// `XX001` for a damaged value.
    pub fn deform(&self, desc: &TupleDesc, needed: &[usize], builders: &mut [ColumnBuilder]) -> Result<()> {
        let mut detoast =
            |_: Varlena<'_>| -> Result<Vec<u8>> { Err(Error::corrupted("row value with a toasted field")) };
        let view = TupleView::new(&self.bytes)?;
        deform_into(view, desc, needed, MissingValues::Null, builders, &mut detoast)
    }

    /// All fields.
    ///
    /// # Errors
    /// `XX001` for a damaged value.
    pub fn fields(&self, desc: &TupleDesc) -> Result<Row> {
        let needed: Vec<usize> = (0..desc.len()).collect();
        let mut builders: Vec<_> =
            desc.attributes().iter().map(|a| ColumnBuilder::new(a.layout.repr, 1)).collect();
        self.deform(desc, &needed, &mut builders)?;
        Ok(builders.into_iter().map(|b| b.finish().get(0).map(Datum::to_owned)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datum::{Attribute, OwnedDatum, TypeLayout};

    #[test]
    fn round_trip() {
        let attribute = |oid: u32, len, by_value, align| {
            Attribute::result("f", Oid(oid), -1, TypeLayout::new(Oid(oid), len, by_value, align), Oid(0))
        };
        let desc = TupleDesc::new(vec![attribute(23, 4, true, b'i'), attribute(25, -1, false, b'i')]);
        let payload = form_composite(&desc, 3, &[None, Some(Datum::from("abc"))]).unwrap();
        let value = view_composite(&payload).unwrap();
        assert_eq!((value.type_oid, value.typmod), (Oid(2249), 3));
        assert_eq!(value.fields(&desc).unwrap(), [None, Some(OwnedDatum::from("abc"))]);
        assert!(view_composite(&[1, 2, 3]).is_err());
    }
}
