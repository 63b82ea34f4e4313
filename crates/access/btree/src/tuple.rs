//! Index tuples.
//!
//! ```text
//!   0      6        8                16 with nulls, else 8
//!   | tid  | info   | [null bitmap]  | attributes ...          | [tids]
//! ```
//! - plain: tid of the heap row;
//! - posting list (leaf pages): several rows with the same key; the tid field holds where the list of tids starts
//!   and how many there are;
//! - pivot (inner pages and high keys): the tid field holds a block below, and how many attributes are left: those
//!   behind are cut off and count as minus infinity. A pivot may end with a tid as a last attribute.

use base::bytes::{align_up, get_u16, max_align, put_u16};
use base::{BlockNumber, Error, OffsetNumber, Result, SqlState, Tid};
use datum::{
    Attribute, Compression, Datum, INFOMASK_HAS_VARWIDTH, Repr, StoredBytes, TupleDesc, Varlena, form_data,
    read_varlena,
};

const SIZE_MASK: u16 = 0x1fff;
const ALT_TID: u16 = 0x2000;
const HAS_VAR: u16 = 0x4000;
const HAS_NULL: u16 = 0x8000;
const COUNT_MASK: u16 = 0x0fff;
const PIVOT_HAS_TID: u16 = 0x1000;
const IS_POSTING: u16 = 0x2000;
const HEADER: usize = 8;
const HEADER_WITH_NULLS: usize = 16;
pub const TID_SIZE: usize = 6;
/// Values longer than this are worth compressing in an index.
const COMPRESS_THRESHOLD: usize = 510;

/// An index tuple as it stands on a page.
#[derive(Clone, Copy, Debug)]
pub struct IndexTuple<'a>(pub &'a [u8]);

impl<'a> IndexTuple<'a> {
    pub fn info(self) -> u16 {
        get_u16(self.0, 6)
    }

    /// Bytes it takes, aligned.
    pub fn size(self) -> usize {
        usize::from(self.info() & SIZE_MASK)
    }

    fn tid_field(self) -> Tid {
        Tid::from_bytes(self.0[..6].try_into().expect("six bytes"))
    }

    pub fn is_pivot(self) -> bool {
        self.info() & ALT_TID != 0 && self.tid_field().offset.0 & IS_POSTING == 0
    }

    pub fn is_posting(self) -> bool {
        self.info() & ALT_TID != 0 && self.tid_field().offset.0 & IS_POSTING != 0
    }

    /// Attributes that are not cut off, of `all`.
    pub fn attribute_count(self, all: usize) -> usize {
        if self.is_pivot() { usize::from(self.tid_field().offset.0 & COUNT_MASK) } else { all }
    }

    /// The block below a pivot; for a half-dead page's high key, the top of the subtree to delete.
    pub fn downlink(self) -> BlockNumber {
        self.tid_field().block
    }

    /// How many rows it stands for.
    pub fn tid_count(self) -> usize {
        if self.is_posting() { usize::from(self.tid_field().offset.0 & COUNT_MASK) } else { 1 }
    }

    pub fn posting_offset(self) -> usize {
        self.tid_field().block.0 as usize
    }

    /// The row number `index` of those it stands for; for leaf tuples.
    #[inline]
    pub fn tid(self, index: usize) -> Tid {
        if self.is_posting() {
            let start = self.posting_offset() + index * TID_SIZE;
            return Tid::from_bytes(self.0[start..start + TID_SIZE].try_into().expect("six bytes"));
        }
        self.tid_field()
    }

    pub fn tids(self) -> impl Iterator<Item = Tid> + 'a {
        (0..self.tid_count()).map(move |index| self.tid(index))
    }

    /// The tie-breaking tid: the first row's, or what a pivot kept; `None` when that was cut off.
    pub fn heap_tid(self) -> Option<Tid> {
        if self.is_pivot() {
            if self.tid_field().offset.0 & PIVOT_HAS_TID == 0 {
                return None;
            }
            let end = self.size();
            return Some(Tid::from_bytes(self.0[end - TID_SIZE..end].try_into().expect("six bytes")));
        }
        Some(self.tid(0))
    }

    pub fn max_tid(self) -> Tid {
        self.tid(self.tid_count() - 1)
    }

    /// The tuple without its tids: the key's bytes and those of included attributes, aligned.
    pub fn key_size(self) -> usize {
        if self.is_posting() { self.posting_offset() } else { self.size() }
    }

    fn data_offset(self) -> usize {
        if self.info() & HAS_NULL != 0 { HEADER_WITH_NULLS } else { HEADER }
    }

    fn is_null(self, attribute: usize) -> bool {
        self.info() & HAS_NULL != 0 && self.0[HEADER + attribute / 8] & (1 << (attribute % 8)) == 0
    }

    /// Attribute `index` alone.
    #[inline]
    pub fn attribute(self, desc: &TupleDesc, index: usize) -> Result<Value<'a>> {
        let fixed = desc.fixed_offsets();
        if self.info() & HAS_NULL == 0 && index < fixed.len() {
            let layout = desc.attributes()[index].layout;
            let start = HEADER + fixed[index] as usize;
            let bytes = self.0.get(start..start + layout.len as usize).ok_or_else(damaged)?;
            return Ok(Value::Datum(fixed_datum(bytes, layout.repr)));
        }
        let mut walk = Walk::new(self);
        for attribute in &desc.attributes()[..index] {
            walk.skip(attribute)?;
        }
        walk.value(&desc.attributes()[index])
    }

    /// The first attribute where it is a short varlena that nothing is to be done about.
    #[inline]
    pub fn short_first(self) -> Option<&'a [u8]> {
        let first = *self.0.get(HEADER)?;
        if self.info() & HAS_NULL != 0 || first & 1 == 0 || first == 1 {
            return None;
        }
        self.0.get(HEADER + 1..HEADER + usize::from(first >> 1))
    }

    /// The first attribute where it is an integer of four bytes, or eight, and there.
    #[inline]
    pub fn first_integer(self, is_long: bool) -> Option<i64> {
        if self.info() & HAS_NULL != 0 || self.is_pivot() && self.attribute_count(1) == 0 {
            return None;
        }
        let bytes = self.0.get(HEADER..)?;
        match is_long {
            true => bytes.first_chunk().map(|b| i64::from_le_bytes(*b)),
            false => bytes.first_chunk().map(|b| i64::from(i32::from_le_bytes(*b))),
        }
    }

    pub fn walk(self) -> Walk<'a> {
        Walk::new(self)
    }
}

fn damaged() -> Error {
    Error::new(SqlState::INDEX_CORRUPTED, "index tuple shorter than its attributes")
}

/// A value of an index tuple: compressed ones are owned.
pub enum Value<'a> {
    Null,
    Datum(Datum<'a>),
    Owned(Vec<u8>),
}

impl Value<'_> {
    #[inline]
    pub fn get(&self) -> Option<Datum<'_>> {
        match self {
            Value::Null => None,
            Value::Datum(datum) => Some(*datum),
            Value::Owned(bytes) => Some(Datum::Bytes(bytes)),
        }
    }
}

/// Goes through the attributes in order.
pub struct Walk<'a> {
    tuple: IndexTuple<'a>,
    data: &'a [u8],
    index: usize,
    offset: usize,
}

impl<'a> Walk<'a> {
    fn new(tuple: IndexTuple<'a>) -> Walk<'a> {
        Walk { tuple, data: tuple.0.get(tuple.data_offset()..).unwrap_or_default(), index: 0, offset: 0 }
    }

    /// The stored bytes of the next attribute; `None` when null.
    pub fn bytes(&mut self, attribute: &Attribute) -> Result<Option<&'a [u8]>> {
        let index = self.index;
        self.index += 1;
        if self.tuple.is_null(index) {
            return Ok(None);
        }
        let layout = attribute.layout;
        let align = usize::from(layout.align);
        let (start, size) = match layout.len {
            -1 => {
                let start = match self.data.get(self.offset) {
                    Some(0) => align_up(self.offset, align),
                    Some(_) => self.offset,
                    None => return Err(damaged()),
                };
                (start, read_varlena(self.data.get(start..).ok_or_else(damaged)?)?.1)
            }
            -2 => {
                let rest = self.data.get(self.offset..).ok_or_else(damaged)?;
                (self.offset, rest.iter().position(|byte| *byte == 0).ok_or_else(damaged)? + 1)
            }
            len => (align_up(self.offset, align), len as usize),
        };
        self.offset = start + size;
        self.data.get(start..start + size).map(Some).ok_or_else(damaged)
    }

    fn skip(&mut self, attribute: &Attribute) -> Result<()> {
        self.bytes(attribute).map(|_| ())
    }

    pub fn value(&mut self, attribute: &Attribute) -> Result<Value<'a>> {
        let Some(bytes) = self.bytes(attribute)? else { return Ok(Value::Null) };
        if attribute.layout.len == -1 {
            return Ok(match read_varlena(bytes)?.0 {
                Varlena::Plain(payload) => Value::Datum(Datum::Bytes(payload)),
                Varlena::Compressed { method: Compression::Pglz, raw_size, data } => {
                    Value::Owned(adt::pglz::decompress(data, raw_size)?)
                }
                Varlena::Compressed { method: Compression::Lz4, raw_size, data } => Value::Owned(
                    lz4_flex::block::decompress(data, raw_size)
                        .map_err(|_| Error::corrupted("compressed lz4 data is corrupt"))?,
                ),
                Varlena::External(_) => return Err(damaged()),
            });
        }
        if attribute.layout.len == -2 {
            return Ok(Value::Datum(Datum::Bytes(&bytes[..bytes.len() - 1])));
        }
        Ok(Value::Datum(fixed_datum(bytes, attribute.layout.repr)))
    }
}

#[inline]
fn fixed_datum(bytes: &[u8], repr: Repr) -> Datum<'_> {
    macro_rules! number {
        ($type:ty) => {
            <$type>::from_le_bytes(bytes.try_into().expect("located by the type's length"))
        };
    }
    match repr {
        Repr::Bool => Datum::Bool(bytes[0] != 0),
        Repr::Char => Datum::Char(bytes[0] as i8),
        Repr::Int2 => Datum::Int2(number!(i16)),
        Repr::Int4 => Datum::Int4(number!(i32)),
        Repr::Int8 => Datum::Int8(number!(i64)),
        Repr::Float4 => Datum::Float4(number!(f32)),
        Repr::Float8 => Datum::Float8(number!(f64)),
        Repr::Name => {
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            Datum::Bytes(&bytes[..end])
        }
        Repr::Bytes => Datum::Bytes(bytes),
    }
}

/// A plain leaf tuple for the row at `tid`.
///
/// # Errors
/// `54000` when it would be too long for any index tuple.
pub fn form(desc: &TupleDesc, values: &[Option<Datum<'_>>], tid: Tid, out: &mut Vec<u8>) -> Result<()> {
    let start = out.len();
    let has_nulls = values.iter().any(Option::is_none);
    let header = if has_nulls { HEADER_WITH_NULLS } else { HEADER };
    out.resize(start + header, 0);
    out[start..start + 6].copy_from_slice(&tid.to_bytes());
    if has_nulls {
        for (index, value) in values.iter().enumerate() {
            if value.is_some() {
                out[start + HEADER + index / 8] |= 1 << (index % 8);
            }
        }
    }
    let stored = compressed(desc, values);
    let mask = form_data(desc, values, &stored, out)?;
    let size = max_align(out.len() - start);
    out.resize(start + size, 0);
    if size > usize::from(SIZE_MASK) {
        return Err(Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("index row requires {size} bytes, maximum size is {SIZE_MASK}"),
        ));
    }
    let mut info = size as u16;
    if has_nulls {
        info |= HAS_NULL;
    }
    if mask & INFOMASK_HAS_VARWIDTH != 0 {
        info |= HAS_VAR;
    }
    put_u16(&mut out[start..], 6, info);
    Ok(())
}

fn compressed(desc: &TupleDesc, values: &[Option<Datum<'_>>]) -> Vec<Option<StoredBytes>> {
    let mut stored = Vec::new();
    for (index, (value, attribute)) in values.iter().zip(desc.attributes()).enumerate() {
        if let Some(Datum::Bytes(payload)) = value
            && payload.len() + 4 > COMPRESS_THRESHOLD
            && attribute.layout.len == -1
            && matches!(attribute.storage, b'x' | b'm')
            && let Some(data) = adt::pglz::compress(payload)
            && data.len() + 8 < payload.len() - 2
        {
            stored.resize(values.len(), None);
            let raw_size = payload.len() as u32;
            stored[index] = Some(StoredBytes::Compressed { method: Compression::Pglz, raw_size, data });
        }
    }
    stored
}

fn put_tid(tuple: &mut [u8], tid: Tid) {
    tuple[..6].copy_from_slice(&tid.to_bytes());
}

fn put_size(tuple: &mut [u8], size: usize) {
    let info = get_u16(tuple, 6) & !SIZE_MASK | size as u16;
    put_u16(tuple, 6, info);
}

/// A posting list tuple with the key of `base` (plain or posting), or a plain one for a single tid.
pub fn form_posting(base: IndexTuple<'_>, tids: &[Tid]) -> Vec<u8> {
    let key_size = base.key_size();
    let mut tuple = base.0[..key_size].to_vec();
    if let [tid] = tids {
        put_tid(&mut tuple, *tid);
        let info = get_u16(&tuple, 6) & !(ALT_TID | SIZE_MASK) | key_size as u16;
        put_u16(&mut tuple, 6, info);
        return tuple;
    }
    let stored: Vec<u8> = tids.iter().flat_map(|tid| tid.to_bytes()).collect();
    close_posting(&mut tuple, &stored);
    tuple
}

/// Makes a posting list tuple of a plain one, `tids` being the rows' tids as stored.
pub fn close_posting(tuple: &mut Vec<u8>, tids: &[u8]) {
    let key_size = tuple.len();
    tuple.extend_from_slice(tids);
    let size = max_align(tuple.len());
    tuple.resize(size, 0);
    put_size(tuple, size);
    let info = get_u16(tuple, 6) | ALT_TID;
    put_u16(tuple, 6, info);
    let offset = OffsetNumber((tids.len() / TID_SIZE) as u16 | IS_POSTING);
    put_tid(tuple, Tid { block: BlockNumber(key_size as u32), offset });
}

/// Appends a posting list without the tids with these numbers (ascending) to `out`: a plain tuple if one is left.
pub fn shorten_posting(old: IndexTuple<'_>, gone: &[u16], out: &mut Vec<u8>) {
    let start = out.len();
    let key_size = old.key_size();
    out.extend_from_slice(&old.0[..key_size]);
    let stored = &old.0[key_size..key_size + old.tid_count() * TID_SIZE];
    let mut gone = gone.iter().peekable();
    for (number, tid) in stored.chunks_exact(TID_SIZE).enumerate() {
        if gone.next_if(|next| usize::from(**next) == number).is_none() {
            out.extend_from_slice(tid);
        }
    }
    let count = (out.len() - start - key_size) / TID_SIZE;
    let tuple = &mut out[start..];
    if count == 1 {
        tuple.copy_within(key_size..key_size + TID_SIZE, 0);
        let info = get_u16(tuple, 6) & !(ALT_TID | SIZE_MASK) | key_size as u16;
        put_u16(tuple, 6, info);
        out.truncate(start + key_size);
        return;
    }
    let offset = OffsetNumber(count as u16 | IS_POSTING);
    put_tid(tuple, Tid { block: BlockNumber(key_size as u32), offset });
    let size = max_align(tuple.len());
    put_size(tuple, size);
    out.resize(start + size, 0);
}

/// Puts the tid of `new` into the middle of a posting list, which loses its last one to `new`: (list, new tuple).
pub fn swap_posting(new: &[u8], posting: &[u8], at: usize) -> (Vec<u8>, Vec<u8>) {
    let old = IndexTuple(posting);
    let mut tids: Vec<Tid> = old.tids().collect();
    let last = tids.pop().unwrap_or_default();
    tids.insert(at.min(tids.len()), IndexTuple(new).tid(0));
    let mut new = new.to_vec();
    put_tid(&mut new, last);
    (form_posting(old, &tids), new)
}

/// A pivot with the first `keep` attributes of `tuple`, and its tie-breaking tid when `tid` is given.
pub fn form_pivot(tuple: IndexTuple<'_>, desc: &TupleDesc, keep: usize, tid: Option<Tid>) -> Result<Vec<u8>> {
    let stored = tuple.attribute_count(desc.len());
    let mut pivot = if keep < stored {
        let mut walk = tuple.walk();
        let mut has_nulls = false;
        for (index, attribute) in desc.attributes()[..keep].iter().enumerate() {
            has_nulls |= tuple.is_null(index);
            walk.skip(attribute)?;
        }
        let data_len = walk.offset;
        let header = if has_nulls { HEADER_WITH_NULLS } else { HEADER };
        let mut pivot = vec![0; header];
        put_u16(&mut pivot, 6, tuple.info() & HAS_VAR | if has_nulls { HAS_NULL } else { 0 });
        if has_nulls {
            pivot[HEADER..HEADER + 4].copy_from_slice(&tuple.0[HEADER..HEADER + 4]);
        }
        pivot.extend_from_slice(&tuple.data()[..data_len]);
        pivot
    } else {
        let end = if tuple.is_pivot() && tuple.heap_tid().is_some() {
            tuple.size() - max_align(TID_SIZE)
        } else {
            tuple.key_size()
        };
        tuple.0[..end].to_vec()
    };
    let mut size = max_align(pivot.len());
    pivot.resize(size, 0);
    let mut count = keep as u16;
    if let Some(tid) = tid {
        size += max_align(TID_SIZE);
        pivot.resize(size, 0);
        pivot[size - TID_SIZE..].copy_from_slice(&tid.to_bytes());
        count |= PIVOT_HAS_TID;
    }
    put_size(&mut pivot, size);
    let info = get_u16(&pivot, 6) | ALT_TID;
    put_u16(&mut pivot, 6, info);
    put_tid(&mut pivot, Tid { block: BlockNumber(0), offset: OffsetNumber(count) });
    Ok(pivot)
}

impl<'a> IndexTuple<'a> {
    fn data(self) -> &'a [u8] {
        &self.0[self.data_offset()..]
    }
}

/// The plain leaf tuple of an index on one column of at most eight bytes; `raw` is null or the value's bytes.
#[inline]
pub fn integer_tuple(tid: Tid, raw: Option<u64>) -> [u8; 16] {
    let mut tuple = [0; 16];
    tuple[..6].copy_from_slice(&tid.to_bytes());
    let null = if raw.is_none() { HAS_NULL } else { 0 };
    tuple[6..8].copy_from_slice(&(16 | null).to_le_bytes());
    tuple[8..].copy_from_slice(&raw.unwrap_or(0).to_le_bytes());
    tuple
}

/// Where a pivot leads.
pub fn set_downlink(pivot: &mut [u8], block: BlockNumber) {
    let offset = IndexTuple(pivot).tid_field().offset;
    put_tid(pivot, Tid { block, offset });
}

/// The first item of an inner page: a downlink with no attributes, which is less than everything.
pub fn minus_infinity(block: BlockNumber) -> Vec<u8> {
    let mut pivot = vec![0; HEADER];
    put_u16(&mut pivot, 6, HEADER as u16 | ALT_TID);
    put_tid(&mut pivot, Tid { block, offset: OffsetNumber(0) });
    pivot
}

/// The size of the tuple at the start of raw bytes, for walking items end to end.
pub fn size_at(bytes: &[u8]) -> Option<usize> {
    (bytes.len() >= HEADER).then(|| max_align(usize::from(get_u16(bytes, 6) & SIZE_MASK)))
}
