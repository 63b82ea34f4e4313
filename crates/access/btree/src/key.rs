//! Comparing: search keys with index tuples, and index tuples with one another.

use crate::page::Opaque;
use crate::tuple::{IndexTuple, Value};
use access_api::{IndexKey, IndexRelation, IntegerOrder, KeyOrder};
use base::{OffsetNumber, Result, Tid};
use datum::{Datum, Repr};
use smallvec::SmallVec;
use std::cmp::Ordering;
use storage::Page;

/// What a search looks for in one column.
#[derive(Clone, Copy)]
pub struct KeyPart<'a> {
    pub value: Option<Datum<'a>>,
    pub order: &'a dyn KeyOrder,
    pub descending: bool,
    pub nulls_first: bool,
}

impl<'a> KeyPart<'a> {
    pub fn new(value: Option<Datum<'a>>, key: &'a IndexKey) -> KeyPart<'a> {
        KeyPart { value, order: &*key.order, descending: key.descending, nulls_first: key.nulls_first }
    }

    /// The stored value against this one, in the index's order.
    #[inline]
    pub fn stored_cmp(&self, stored: Option<Datum<'_>>) -> Ordering {
        match (stored, self.value) {
            (Some(stored), Some(value)) => {
                let order = self.order.compare(stored, value);
                if self.descending { order.reverse() } else { order }
            }
            (None, None) => Ordering::Equal,
            (None, Some(_)) => {
                if self.nulls_first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (Some(_), None) => {
                if self.nulls_first {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
        }
    }
}

/// A place in the order of index tuples.
#[derive(Clone)]
pub struct SearchKey<'a> {
    /// For the leading key columns.
    pub parts: SmallVec<[KeyPart<'a>; 4]>,
    /// Tells apart rows with equal keys.
    pub tid: Option<Tid>,
    /// Look for the first item greater than the key, not for the first that is not less.
    pub after: bool,
    pub backward: bool,
    pub key_count: usize,
}

impl<'a> SearchKey<'a> {
    /// The key of a row that is inserted or looked up.
    pub fn of_values(
        index: &'a IndexRelation,
        values: &[Option<Datum<'a>>],
        tid: Option<Tid>,
    ) -> SearchKey<'a> {
        let parts = index.keys.iter().zip(values).map(|(key, value)| KeyPart::new(*value, key)).collect();
        SearchKey { parts, tid, after: false, backward: false, key_count: index.keys.len() }
    }

    /// The key against an item of a page.
    #[inline]
    pub fn compare(
        &self,
        index: &IndexRelation,
        page: &Page,
        opaque: Opaque,
        offset: OffsetNumber,
    ) -> Result<Ordering> {
        if !opaque.is_leaf() && offset == opaque.first_item() {
            return Ok(Ordering::Greater);
        }
        self.compare_tuple(index, IndexTuple(page.item(offset)))
    }

    pub fn compare_tuple(&self, index: &IndexRelation, tuple: IndexTuple<'_>) -> Result<Ordering> {
        let desc = &index.relation.desc;
        let count = tuple.attribute_count(desc.len());
        let parts = self.parts.len().min(count);
        if let [part, ..] = &self.parts[..parts] {
            let order = part.stored_cmp(tuple.attribute(desc, 0)?.get()).reverse();
            if order != Ordering::Equal {
                return Ok(order);
            }
        }
        if parts > 1 {
            let mut walk = tuple.walk();
            for (number, part) in self.parts[..parts].iter().enumerate() {
                let value = walk.value(&desc.attributes()[number])?;
                let order = part.stored_cmp(value.get()).reverse();
                if number > 0 && order != Ordering::Equal {
                    return Ok(order);
                }
            }
        }
        // What was cut off a pivot is minus infinity.
        if self.parts.len() > count {
            return Ok(Ordering::Greater);
        }
        let tuple_tid = tuple.heap_tid();
        let Some(tid) = self.tid else {
            let cut = tuple_tid.is_none() && !self.backward && self.parts.len() == count;
            return Ok(if cut && count == self.key_count { Ordering::Greater } else { Ordering::Equal });
        };
        let Some(tuple_tid) = tuple_tid else { return Ok(Ordering::Greater) };
        if tid <= tuple_tid || !tuple.is_posting() {
            return Ok(tid.cmp(&tuple_tid));
        }
        Ok(if tid <= tuple.max_tid() { Ordering::Equal } else { Ordering::Greater })
    }

    /// On a leaf: the first item that is not before the key. On an inner page: the last item that is before it.
    pub fn binary_search(&self, index: &IndexRelation, page: &Page, opaque: Opaque) -> Result<OffsetNumber> {
        let first = opaque.first_item().0;
        let mut low = first;
        let mut high = page.max_offset().0 + 1;
        if high <= low {
            return Ok(OffsetNumber(low));
        }
        let passes = if self.after { Ordering::Equal } else { Ordering::Greater };
        // Growing keys go behind everything that is there.
        if opaque.is_leaf()
            && opaque.is_rightmost()
            && self.compare(index, page, opaque, OffsetNumber(high - 1))? >= passes
        {
            return Ok(OffsetNumber(high));
        }
        let wanted = self.first_integer(index);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.compare_from(wanted, index, page, opaque, OffsetNumber(middle))? >= passes {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(OffsetNumber(if opaque.is_leaf() { low } else { (low - 1).max(first) }))
    }

    /// The first value, and whether it has eight bytes, when the first column's values compare as integers do.
    pub fn first_integer(&self, index: &IndexRelation) -> Option<(i64, bool)> {
        let part = self.parts.first()?;
        let wanted = match (index.attributes()[0].layout.repr, part.value) {
            (Repr::Int4, Some(Datum::Int4(value))) => (i64::from(value), false),
            (Repr::Int8, Some(Datum::Int8(value))) => (value, true),
            _ => return None,
        };
        (!part.descending && part.order.integer() == Some(IntegerOrder::Signed)).then_some(wanted)
    }

    /// As [`SearchKey::compare`]; `wanted` is what [`SearchKey::first_integer`] says, which mostly decides.
    #[inline]
    pub fn compare_from(
        &self,
        wanted: Option<(i64, bool)>,
        index: &IndexRelation,
        page: &Page,
        opaque: Opaque,
        offset: OffsetNumber,
    ) -> Result<Ordering> {
        if let Some((wanted, is_long)) = wanted
            && (opaque.is_leaf() || offset != opaque.first_item())
            && let Some(stored) = IndexTuple(page.item(offset)).first_integer(is_long)
            && wanted != stored
        {
            return Ok(wanted.cmp(&stored));
        }
        self.compare(index, page, opaque, offset)
    }

    /// What is looked for is right of this page, as its high key tells.
    pub fn is_beyond(&self, index: &IndexRelation, page: &Page, opaque: Opaque) -> Result<bool> {
        if opaque.is_rightmost() {
            return Ok(false);
        }
        if opaque.is_ignored() {
            return Ok(true);
        }
        let order = self.compare_tuple(index, IndexTuple(page.item(crate::page::HIGH_KEY)))?;
        Ok(order >= if self.after { Ordering::Equal } else { Ordering::Greater })
    }
}

fn compare_values(key: &IndexKey, left: Option<Datum<'_>>, right: Option<Datum<'_>>) -> Ordering {
    KeyPart::new(right, key).stored_cmp(left)
}

/// Two leaf tuples by their key columns, and whether one of the equal keys' columns is null.
pub fn compare_keys(
    index: &IndexRelation,
    left: IndexTuple<'_>,
    right: IndexTuple<'_>,
) -> Result<(Ordering, bool)> {
    let (mut a, mut b) = (left.walk(), right.walk());
    let mut has_null = false;
    for (key, attribute) in index.keys.iter().zip(index.attributes()) {
        let (left, right) = (a.value(attribute)?, b.value(attribute)?);
        has_null |= matches!(left, Value::Null);
        let order = compare_values(key, left.get(), right.get());
        if order != Ordering::Equal {
            return Ok((order, has_null));
        }
    }
    Ok((Ordering::Equal, has_null))
}

/// How many attributes tell two neighbours apart: 1 when they differ in the first; one more than there are key
/// attributes when only their tids differ.
pub fn attributes_to_tell_apart(
    index: &IndexRelation,
    left: IndexTuple<'_>,
    right: IndexTuple<'_>,
) -> Result<usize> {
    let all = index.relation.desc.len();
    let (mut a, mut b) = (left.walk(), right.walk());
    for (number, (key, attribute)) in index.keys.iter().zip(index.attributes()).enumerate() {
        if number >= left.attribute_count(all) || number >= right.attribute_count(all) {
            return Ok(number + 1);
        }
        let (left, right) = (a.value(attribute)?, b.value(attribute)?);
        if compare_values(key, left.get(), right.get()) != Ordering::Equal {
            return Ok(number + 1);
        }
    }
    Ok(index.keys.len() + 1)
}

/// The same by stored bytes, which is cheaper and may take equal values for different.
pub fn attributes_to_tell_apart_fast(
    index: &IndexRelation,
    left: IndexTuple<'_>,
    right: IndexTuple<'_>,
) -> Result<usize> {
    let all = index.relation.desc.len();
    let (mut a, mut b) = (left.walk(), right.walk());
    for (number, attribute) in index.attributes()[..index.keys.len()].iter().enumerate() {
        let cut = number >= left.attribute_count(all) || number >= right.attribute_count(all);
        if cut || a.bytes(attribute)? != b.bytes(attribute)? {
            return Ok(number + 1);
        }
    }
    Ok(index.keys.len() + 1)
}

/// Whether a posting list may stand for both: all attributes have the same bytes.
pub fn same_image(index: &IndexRelation, left: IndexTuple<'_>, right: IndexTuple<'_>) -> Result<bool> {
    Ok(attributes_to_tell_apart_fast(index, left, right)? > index.keys.len())
}

/// The upper bound between two neighbouring leaf tuples: as few attributes of the right one as tell them apart; when
/// there are none, all of them with the left one's last tid.
pub fn truncate(index: &IndexRelation, left: IndexTuple<'_>, right: IndexTuple<'_>) -> Result<Vec<u8>> {
    let keep = attributes_to_tell_apart(index, left, right)?;
    let desc = &index.relation.desc;
    if keep <= index.keys.len() {
        return crate::tuple::form_pivot(right, desc, keep, None);
    }
    crate::tuple::form_pivot(right, desc, index.keys.len(), Some(left.max_tid()))
}
