//! TOAST: values too long for a page are compressed, and if that does not do, cut into chunks that live as rows of
//! another table.
//!
//! A row longer than 2,032 bytes is shortened attribute by attribute, the longest first: first the extended ones are
//! compressed and, where one alone is still too long, moved out; then extended and external ones are moved out;
//! then main ones are compressed; and only when the row would not fit a page at all, main ones are moved out.

use crate::delete;
use crate::fetch::fetch_any;
use crate::header::Header;
use crate::insert::{InsertOptions, insert};
use access_api::{Context, Relation, ToastRelation};
use base::bytes::{get_u32, max_align};
use base::{Error, Oid, Result, Tid};
use datum::{
    Compression, Datum, MissingValues, StoredBytes, TUPLE_HEADER_SIZE, ToastPointer, TupleView, Varlena,
    deform_into, form_tuple, read_varlena,
};
use lock::{LockMode, LockTag};
use std::ops::Range;

/// A quarter of a page: rows beyond are shortened, down to the same size.
const TUPLE_THRESHOLD: usize = 2032;
/// A whole page, for attributes that had rather stay in the row.
const TUPLE_TARGET_MAIN: usize = 8160;
/// Payload bytes of a chunk: four chunk rows fill a page.
pub const MAX_CHUNK_SIZE: usize = 1996;
/// Shorter values are not worth a pointer.
const MIN_CANDIDATE: usize = 24;

/// Whether the row as formed is to be shortened.
pub(crate) fn is_too_long(relation: &Relation, tuple: &[u8]) -> bool {
    tuple.len() > TUPLE_THRESHOLD
        && relation.desc.attributes().iter().any(|a| a.layout.is_varlena() && a.storage != b'p')
}

/// The row with its values as they are, but for those given in stored form.
pub(crate) fn form_plain(
    relation: &Relation,
    values: &[Option<Datum<'_>>],
    stored: &[Option<StoredBytes>],
) -> Result<Vec<u8>> {
    form_tuple(&relation.desc, values, stored)
}

/// The row, shortened if need be. Chunks are inserted on the way.
pub(crate) fn form(
    context: &Context,
    relation: &Relation,
    values: &[Option<Datum<'_>>],
    stored: Vec<Option<StoredBytes>>,
) -> Result<Vec<u8>> {
    let tuple = form_plain(relation, values, &stored)?;
    if !is_too_long(relation, &tuple) {
        return Ok(tuple);
    }
    let mut shortening = Shortening::new(context, relation, values, stored);
    shortening.run(tuple)
}

struct Shortening<'a> {
    context: &'a Context,
    relation: &'a Relation,
    values: &'a [Option<Datum<'a>>],
    stored: Vec<Option<StoredBytes>>,
    incompressible: Vec<bool>,
}

impl<'a> Shortening<'a> {
    fn new(
        context: &'a Context,
        relation: &'a Relation,
        values: &'a [Option<Datum<'a>>],
        mut stored: Vec<Option<StoredBytes>>,
    ) -> Shortening<'a> {
        stored.resize(values.len(), None);
        Shortening { context, relation, values, stored, incompressible: vec![false; values.len()] }
    }

    fn run(&mut self, mut tuple: Vec<u8>) -> Result<Vec<u8>> {
        let header = usize::from(tuple[22]).max(max_align(TUPLE_HEADER_SIZE));
        let limit = TUPLE_THRESHOLD - header;
        let mut data_len = tuple.len() - header;
        while data_len > limit
            && let Some(index) = self.longest(true, false)
        {
            if self.relation.desc.attributes()[index].storage == b'x' {
                self.compress(index);
            } else {
                self.incompressible[index] = true;
            }
            if self.stored_len(index) > limit && self.relation.toast.is_some() {
                self.move_out(index)?;
            }
            (tuple, data_len) = self.formed(header)?;
        }
        while data_len > limit
            && self.relation.toast.is_some()
            && let Some(index) = self.longest(false, false)
        {
            self.move_out(index)?;
            (tuple, data_len) = self.formed(header)?;
        }
        while data_len > limit
            && let Some(index) = self.longest(true, true)
        {
            self.compress(index);
            (tuple, data_len) = self.formed(header)?;
        }
        while data_len > TUPLE_TARGET_MAIN - header
            && self.relation.toast.is_some()
            && let Some(index) = self.longest(false, true)
        {
            self.move_out(index)?;
            (tuple, data_len) = self.formed(header)?;
        }
        Ok(tuple)
    }

    fn formed(&self, header: usize) -> Result<(Vec<u8>, usize)> {
        let tuple = form_plain(self.relation, self.values, &self.stored)?;
        let len = tuple.len() - header;
        Ok((tuple, len))
    }

    /// Bytes that the attribute takes, with a long header.
    fn stored_len(&self, index: usize) -> usize {
        match &self.stored[index] {
            Some(StoredBytes::External(_)) => ToastPointer::SIZE,
            Some(StoredBytes::Compressed { data, .. }) => data.len() + 8,
            Some(StoredBytes::Plain(payload)) => payload.len() + 4,
            None => match self.values[index] {
                Some(Datum::Bytes(payload)) => payload.len() + 4,
                _ => 0,
            },
        }
    }

    fn longest(&self, to_compress: bool, main: bool) -> Option<usize> {
        let mut longest = (MIN_CANDIDATE, None);
        for (index, attribute) in self.relation.desc.attributes().iter().enumerate() {
            let storage_fits =
                if main { attribute.storage == b'm' } else { matches!(attribute.storage, b'x' | b'e') };
            if !attribute.layout.is_varlena() || !storage_fits || self.values[index].is_none() {
                continue;
            }
            let done = match &self.stored[index] {
                Some(StoredBytes::External(_)) => true,
                Some(StoredBytes::Compressed { .. }) => to_compress,
                _ => to_compress && self.incompressible[index],
            };
            let len = self.stored_len(index);
            if !done && len > longest.0 {
                longest = (len, Some(index));
            }
        }
        longest.1
    }

    fn compress(&mut self, index: usize) {
        let Some(Datum::Bytes(payload)) = self.values[index] else { return };
        let method = match self.relation.desc.attributes()[index].compression {
            b'l' => Compression::Lz4,
            _ => Compression::Pglz,
        };
        let data = match method {
            Compression::Pglz => adt::pglz::compress(payload),
            Compression::Lz4 => Some(lz4_flex::block::compress(payload)),
        };
        match data.filter(|data| data.len() + 8 < payload.len().saturating_sub(2)) {
            Some(data) => {
                let raw_size = payload.len() as u32;
                self.stored[index] = Some(StoredBytes::Compressed { method, raw_size, data });
            }
            None => self.incompressible[index] = true,
        }
    }

    fn move_out(&mut self, index: usize) -> Result<()> {
        let Some(toast) = &self.relation.toast else { return Ok(()) };
        let Some(Datum::Bytes(payload)) = self.values[index] else { return Ok(()) };
        let raw_size = payload.len() as u32 + 4;
        let (compression, bytes) = match self.stored[index].take() {
            Some(StoredBytes::Compressed { method, raw_size, data }) => {
                let mut bytes = (raw_size | (method as u32) << 30).to_le_bytes().to_vec();
                bytes.extend_from_slice(&data);
                (Some(method), bytes)
            }
            _ => (None, payload.to_vec()),
        };
        let value_id = unused_value_id(self.context, toast)?;
        store_chunks(self.context, toast, value_id, &bytes)?;
        self.stored[index] = Some(StoredBytes::External(ToastPointer {
            raw_size,
            stored_size: bytes.len() as u32,
            compression,
            value_id,
            toast_relation: toast.heap.oid,
        }));
        Ok(())
    }
}

fn unused_value_id(context: &Context, toast: &ToastRelation) -> Result<Oid> {
    loop {
        let value = context.transaction.transactions().new_oid()?;
        if context.toast.chunks(context, &toast.index, value, 0..1)?.is_empty() {
            return Ok(value);
        }
    }
}

/// The lock on the main table says nothing to a VACUUM of the TOAST table, which gives back empty pages at its end. It is kept
/// until the transaction ends.
fn lock_for_writing(context: &Context, toast: &ToastRelation) -> Result<()> {
    let tag = LockTag::Relation { database: toast.heap.database, relation: toast.heap.oid };
    context.transaction.lock(tag, LockMode::RowExclusive, &context.wait)?;
    Ok(())
}

fn store_chunks(context: &Context, toast: &ToastRelation, value: Oid, bytes: &[u8]) -> Result<()> {
    lock_for_writing(context, toast)?;
    for (number, chunk) in bytes.chunks(MAX_CHUNK_SIZE).enumerate() {
        let number = number as i32;
        let row = [Some(Datum::from(value)), Some(Datum::Int4(number)), Some(Datum::Bytes(chunk))];
        let tid = insert(context, &toast.heap, &row, &InsertOptions::default(), None)?;
        context.toast.insert(context, &toast.index, value, number, tid)?;
    }
    Ok(())
}

/// The payload of a value, wherever it is and however compressed.
///
/// # Errors
/// `XX001` when chunks are missing or damaged.
pub fn detoast(context: &Context, relation: &Relation, value: Varlena<'_>) -> Result<Vec<u8>> {
    match value {
        Varlena::Plain(payload) => Ok(payload.to_vec()),
        Varlena::Compressed { method, raw_size, data } => decompress(method, data, raw_size),
        Varlena::External(pointer) => {
            let bytes = fetch_chunks(context, relation, &pointer, 0..pointer.stored_size as usize)?;
            let Some(method) = pointer.compression else { return Ok(bytes) };
            if bytes.len() < 4 {
                return Err(Error::corrupted("compressed data is corrupted"));
            }
            decompress(method, &bytes[4..], (get_u32(&bytes, 0) & 0x3fff_ffff) as usize)
        }
    }
}

/// Bytes `range` of a value's payload, as far as there are any. Of values that are stored uncompressed, only the
/// chunks are read that it touches.
pub fn detoast_slice(
    context: &Context,
    relation: &Relation,
    value: Varlena<'_>,
    range: Range<usize>,
) -> Result<Vec<u8>> {
    if let Varlena::External(pointer) = value
        && pointer.compression.is_none()
    {
        let len = pointer.stored_size as usize;
        let range = range.start.min(len)..range.end.min(len);
        return if range.is_empty() {
            Ok(Vec::new())
        } else {
            fetch_chunks(context, relation, &pointer, range)
        };
    }
    let whole = detoast(context, relation, value)?;
    let range = range.start.min(whole.len())..range.end.min(whole.len());
    Ok(whole.get(range).unwrap_or_default().to_vec())
}

fn decompress(method: Compression, data: &[u8], raw_size: usize) -> Result<Vec<u8>> {
    match method {
        Compression::Pglz => adt::pglz::decompress(data, raw_size),
        Compression::Lz4 => match lz4_flex::block::decompress(data, raw_size) {
            Ok(raw) if raw.len() == raw_size => Ok(raw),
            _ => Err(Error::corrupted("compressed lz4 data is corrupt")),
        },
    }
}

fn fetch_chunks(
    context: &Context,
    relation: &Relation,
    pointer: &ToastPointer,
    range: Range<usize>,
) -> Result<Vec<u8>> {
    let toast = relation
        .toast
        .as_ref()
        .ok_or_else(|| Error::corrupted(format!("relation \"{}\" has no TOAST table", relation.name)))?;
    let (value, size) = (pointer.value_id, pointer.stored_size as usize);
    let total_chunks = size.div_ceil(MAX_CHUNK_SIZE);
    let first = range.start / MAX_CHUNK_SIZE;
    let last = range.end.div_ceil(MAX_CHUNK_SIZE).min(total_chunks);
    let name = &toast.heap.name;
    let mut bytes = Vec::with_capacity(range.len());
    let mut next = first;
    for (number, tid) in context.toast.chunks(context, &toast.index, value, first as i32..last as i32)? {
        let Some(tuple) = fetch_any(context, &toast.heap, tid)? else { continue };
        let header = Header::read(&tuple.bytes);
        if header.mask.xmin_invalid() || header.xmin == 0 {
            continue;
        }
        let number = number as usize;
        if number != next {
            return Err(Error::corrupted(format!(
                "unexpected chunk number {number} (expected {next}) for toast value {value} in {name}"
            )));
        }
        let chunk = chunk_data(&toast.heap, tuple.view()?)?;
        let expected = if number + 1 < total_chunks {
            MAX_CHUNK_SIZE
        } else {
            size - (total_chunks - 1) * MAX_CHUNK_SIZE
        };
        if chunk.len() != expected {
            return Err(Error::corrupted(format!(
                "unexpected chunk size {} (expected {expected}) in chunk {number} of {total_chunks} for toast value {value} in {name}",
                chunk.len()
            )));
        }
        let start = number * MAX_CHUNK_SIZE;
        let wanted = range.start.max(start) - start..range.end.min(start + chunk.len()) - start;
        bytes.extend_from_slice(&chunk[wanted]);
        next += 1;
    }
    if next != last {
        return Err(Error::corrupted(format!(
            "missing chunk number {next} for toast value {value} in {name}"
        )));
    }
    Ok(bytes)
}

fn chunk_data(heap: &Relation, view: TupleView<'_>) -> Result<Vec<u8>> {
    let mut columns = [datum::ColumnBuilder::new(datum::Repr::Bytes, 1)];
    let mut nested = |_: Varlena<'_>| Err(Error::corrupted("found toasted toast chunk"));
    deform_into(view, &heap.desc, &[2], MissingValues::Null, &mut columns, &mut nested)?;
    let [column] = columns;
    match column.finish().get(0) {
        Some(Datum::Bytes(chunk)) => Ok(chunk.to_vec()),
        _ => Err(Error::corrupted("toast chunk without data")),
    }
}

/// Deletes the chunks of a deleted version's values, but for the attributes in `keep`, which a newer version has.
pub(crate) fn delete_values(
    context: &Context,
    relation: &Relation,
    tuple: &[u8],
    keep: &[usize],
) -> Result<()> {
    let Some(toast) = &relation.toast else { return Ok(()) };
    let chunks = external_chunks(context, relation, tuple, keep)?;
    if !chunks.is_empty() {
        lock_for_writing(context, toast)?;
    }
    for tid in chunks {
        // A chunk of an aborted value with the same id is of no concern.
        delete::delete(context, &toast.heap, tid, &delete::DeleteOptions::default())?;
    }
    Ok(())
}

/// Where the chunks of a version's values are, but for the attributes in `keep`.
pub(crate) fn external_chunks(
    context: &Context,
    relation: &Relation,
    tuple: &[u8],
    keep: &[usize],
) -> Result<Vec<Tid>> {
    let mut chunks = Vec::new();
    let Some(toast) = &relation.toast else { return Ok(chunks) };
    if !Header::read(tuple).mask.has(crate::header::HAS_EXTERNAL) {
        return Ok(chunks);
    }
    let mut values = Vec::new();
    let view = TupleView::new(tuple)?;
    view.for_each_attribute(&relation.desc, relation.desc.len(), |index, bytes| {
        if let Some(bytes) = bytes
            && relation.desc.attributes()[index].layout.is_varlena()
            && !keep.contains(&index)
            && let (Varlena::External(pointer), _) = read_varlena(bytes)?
        {
            values.push(pointer.value_id);
        }
        Ok(())
    })?;
    for value in values {
        let found = context.toast.chunks(context, &toast.index, value, 0..i32::MAX)?;
        chunks.extend(found.into_iter().map(|(_, tid)| tid));
    }
    Ok(chunks)
}
