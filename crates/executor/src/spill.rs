//! Temporary files: batches written one after another, and read back in that order.
//!
//! ```text
//! frame: u32 bytes that follow | u32 rows | u16 columns | each column
//! column: u8 representation | u8 constant | u8 has nulls | [null flags, one byte each] | values
//! ```
//! Values are little-endian; byte strings are u32 lengths, then the bytes end to end.

use crate::context::Execution;
use base::bytes::Reader;
use base::{Error, Result};
use datum::{Batch, ByteValues, Column, Nulls, Repr, Selection, Values};
use std::sync::Arc;
use sys::{Disk, File, OpenOptions, file_error};

const DIRECTORY: &str = "base/pgsql_tmp";
/// Frames are put together to writes of about this size.
const WRITE_BYTES: usize = 256 << 10;
/// No frame that was written by us is longer.
const MAX_FRAME: usize = 2 << 30;

/// A file that is removed when dropped.
struct TemporaryFile {
    disk: Arc<dyn Disk>,
    path: String,
    file: Arc<dyn File>,
}

impl TemporaryFile {
    fn create(execution: &Execution) -> Result<TemporaryFile> {
        let system = &execution.session.instance().system;
        let disk = system.disk.clone();
        let pid = execution.session.transaction_session().locks().pid();
        let path = format!("{DIRECTORY}/pgsql_tmp{pid}.{}", system.random.next_u64());
        let open = || disk.open(&path, OpenOptions::CREATE_NEW);
        let file = match open() {
            Ok(file) => file,
            Err(_) => {
                disk.create_dir_all(DIRECTORY).map_err(|e| {
                    file_error(&e, format!("could not create temporary directory \"{DIRECTORY}\""))
                })?;
                open().map_err(|e| file_error(&e, format!("could not create temporary file \"{path}\"")))?
            }
        };
        Ok(TemporaryFile { disk, path, file })
    }

    fn write(&self, bytes: &[u8], at: u64) -> Result<()> {
        let written = self.file.write_all_at(bytes, at);
        written.map_err(|e| file_error(&e, format!("could not write to file \"{}\"", self.path)))
    }

    fn read(&self, bytes: &mut [u8], at: u64) -> Result<()> {
        let mut filled = 0;
        while filled < bytes.len() {
            let n = self.file.read_at(&mut bytes[filled..], at + filled as u64);
            match n.map_err(|e| {
                file_error(&e, format!("could not read from temporary file \"{}\"", self.path))
            })? {
                0 => return Err(Error::corrupted("temporary file is too short")),
                n => filled += n,
            }
        }
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // A file left behind is removed at the next start.
        let _ = self.disk.remove_file(&self.path);
    }
}

/// Appends rows of a batch with their length before them.
fn push_frame(batch: &Batch, rows: &Selection, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    encode(batch, rows, out);
    let len = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&len.to_le_bytes());
}

/// A temporary file of batches.
pub struct SpillFile {
    file: TemporaryFile,
    buffer: Vec<u8>,
    written: u64,
    read: u64,
}

impl SpillFile {
    /// # Errors
    /// What the file system fails with.
    pub fn create(execution: &Execution) -> Result<SpillFile> {
        let file = TemporaryFile::create(execution)?;
        Ok(SpillFile { file, buffer: Vec::new(), written: 0, read: 0 })
    }

    pub fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// # Errors
    /// What writing fails with.
    pub fn write(&mut self, batch: &Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        push_frame(batch, &Selection::All(batch.rows()), &mut self.buffer);
        if self.buffer.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Reads from the start.
    ///
    /// # Errors
    /// What writing the rest fails with.
    pub fn rewind(&mut self) -> Result<()> {
        self.flush()?;
        self.read = 0;
        Ok(())
    }

    /// The next batch; `None` at the end. The file must have been rewound after the last write.
    ///
    /// # Errors
    /// `XX001` when the file is not what was written.
    pub fn next(&mut self) -> Result<Option<Batch>> {
        if self.read >= self.written {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.file.read(&mut length, self.read)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_FRAME {
            return Err(Error::corrupted("temporary file is damaged"));
        }
        let mut frame = vec![0; length];
        self.file.read(&mut frame, self.read + 4)?;
        self.read += 4 + length as u64;
        decode(&frame).map(Some)
    }
}

/// Rows divided among parts that are read one after another later. All lie in one file, in chunks:
///
/// ```text
/// file  [ chunk of part 3 | chunk of part 0 | chunk of part 3 | ... ]     a chunk: frames
/// ```
pub struct Division {
    file: Arc<TemporaryFile>,
    written: u64,
    parts: Vec<Part>,
}

#[derive(Default)]
struct Part {
    buffer: Vec<u8>,
    /// Where its chunks are, and their lengths.
    chunks: Vec<(u64, usize)>,
    rows: u64,
}

/// Chunks of all parts together take about this much memory before they are written.
const DIVISION_BYTES: usize = 4 << 20;

impl Division {
    /// # Errors
    /// What the file system fails with.
    pub fn create(execution: &Execution, parts: usize) -> Result<Division> {
        let file = Arc::new(TemporaryFile::create(execution)?);
        Ok(Division { file, written: 0, parts: (0..parts).map(|_| Part::default()).collect() })
    }

    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Writes these rows of the batch.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn write(&mut self, part: usize, batch: &Batch, rows: &Selection) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let enough = (DIVISION_BYTES / self.parts.len().max(1)).clamp(8 << 10, WRITE_BYTES);
        let Some(into) = self.parts.get_mut(part) else {
            return Err(Error::internal("rows for a division that has been closed"));
        };
        push_frame(batch, rows, &mut into.buffer);
        into.rows += rows.len() as u64;
        if into.buffer.len() >= enough { self.flush(part) } else { Ok(()) }
    }

    fn flush(&mut self, part: usize) -> Result<()> {
        let part = &mut self.parts[part];
        if part.buffer.is_empty() {
            return Ok(());
        }
        self.file.write(&part.buffer, self.written)?;
        part.chunks.push((self.written, part.buffer.len()));
        self.written += part.buffer.len() as u64;
        part.buffer.clear();
        Ok(())
    }

    /// All rows are in: the parts, to be read. Nothing is left of the division.
    ///
    /// # Errors
    /// What writing the rest fails with.
    pub fn finish(&mut self) -> Result<Vec<PartReader>> {
        (0..self.parts.len()).try_for_each(|part| self.flush(part))?;
        let reader = |part: Part| PartReader {
            file: self.file.clone(),
            bytes: part.chunks.iter().map(|(_, length)| *length as u64).sum(),
            chunks: part.chunks.into_iter(),
            chunk: Vec::new(),
            at: 0,
            rows: part.rows,
        };
        Ok(std::mem::take(&mut self.parts).into_iter().map(reader).collect())
    }
}

/// One part of what was divided.
pub struct PartReader {
    file: Arc<TemporaryFile>,
    chunks: std::vec::IntoIter<(u64, usize)>,
    /// The chunk in work, and where its next frame begins.
    chunk: Vec<u8>,
    at: usize,
    rows: u64,
    bytes: u64,
}

impl PartReader {
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next batch; `None` at the end.
    ///
    /// # Errors
    /// `XX001` when the file is not what was written.
    pub fn next(&mut self) -> Result<Option<Batch>> {
        if self.at >= self.chunk.len() {
            let Some((start, length)) = self.chunks.next() else { return Ok(None) };
            self.chunk.resize(length, 0);
            self.file.read(&mut self.chunk, start)?;
            self.at = 0;
        }
        let mut reader = Reader::new(&self.chunk[self.at..]);
        let length = reader.u32()? as usize;
        let batch = decode(reader.take(length)?)?;
        self.at += 4 + length;
        Ok(Some(batch))
    }
}

fn encode(batch: &Batch, rows: &Selection, out: &mut Vec<u8>) {
    out.extend_from_slice(&(rows.len() as u32).to_le_bytes());
    out.extend_from_slice(&(batch.columns().len() as u16).to_le_bytes());
    for column in batch.columns() {
        let one = Selection::All(1);
        let rows = if column.is_constant() { &one } else { rows };
        out.push(tag(column.repr()));
        out.push(u8::from(column.is_constant()));
        out.push(u8::from(column.has_nulls()));
        if column.has_nulls() {
            rows.for_each(|row| out.push(u8::from(column.is_null(row))));
        }
        macro_rules! numbers {
            ($values:expr) => {
                rows.for_each(|row| out.extend_from_slice(&$values[row].to_le_bytes()))
            };
        }
        match column.values() {
            Values::Bool(v) => rows.for_each(|row| out.push(u8::from(v[row]))),
            Values::Char(v) => numbers!(v),
            Values::Int2(v) => numbers!(v),
            Values::Int4(v) => numbers!(v),
            Values::Int8(v) => numbers!(v),
            Values::Float4(v) => numbers!(v),
            Values::Float8(v) => numbers!(v),
            Values::Bytes(v) => {
                rows.for_each(|row| out.extend_from_slice(&(v.get(row).len() as u32).to_le_bytes()));
                match rows {
                    Selection::All(count) if *count == v.len() => out.extend_from_slice(v.bytes()),
                    _ => rows.for_each(|row| out.extend_from_slice(v.get(row))),
                }
            }
        }
    }
}

fn tag(repr: Repr) -> u8 {
    match repr {
        Repr::Bool => 0,
        Repr::Char => 1,
        Repr::Int2 => 2,
        Repr::Int4 => 3,
        Repr::Int8 => 4,
        Repr::Float4 => 5,
        Repr::Float8 => 6,
        Repr::Name | Repr::Bytes => 7,
    }
}

fn decode(bytes: &[u8]) -> Result<Batch> {
    let damaged = || Error::corrupted("temporary file is damaged");
    let mut reader = Reader::new(bytes);
    let rows = reader.u32()? as usize;
    let columns = reader.u16()?;
    let mut decoded = Vec::with_capacity(usize::from(columns));
    for _ in 0..columns {
        let (tag, constant, has_nulls) =
            (reader.take(1)?[0], reader.take(1)?[0] != 0, reader.take(1)?[0] != 0);
        let stored = if constant { 1 } else { rows };
        let mut nulls = Nulls::default();
        if has_nulls {
            let flags = reader.take(stored)?;
            flags.iter().enumerate().filter(|(_, f)| **f != 0).for_each(|(row, _)| nulls.set(row));
        }
        macro_rules! numbers {
            ($variant:ident, $type:ty) => {{
                let width = std::mem::size_of::<$type>();
                let bytes = reader.take(stored.checked_mul(width).ok_or_else(damaged)?)?;
                let chunks = bytes.chunks_exact(width);
                Values::$variant(
                    chunks.map(|c| <$type>::from_le_bytes(c.try_into().expect("exact chunks"))).collect(),
                )
            }};
        }
        let values = match tag {
            0 => Values::Bool(reader.take(stored)?.iter().map(|b| *b != 0).collect()),
            1 => numbers!(Char, i8),
            2 => numbers!(Int2, i16),
            3 => numbers!(Int4, i32),
            4 => numbers!(Int8, i64),
            5 => numbers!(Float4, f32),
            6 => numbers!(Float8, f64),
            7 => {
                let lengths = reader.take(stored.checked_mul(4).ok_or_else(damaged)?)?;
                let lengths = lengths
                    .chunks_exact(4)
                    .map(|length| u32::from_le_bytes(length.try_into().expect("exact chunks")));
                let total: u64 = lengths.clone().map(u64::from).sum();
                let data = reader.take(usize::try_from(total).map_err(|_| damaged())?)?;
                Values::Bytes(ByteValues::from_lengths(data, lengths).ok_or_else(damaged)?)
            }
            _ => return Err(damaged()),
        };
        let column = Column::new(values, nulls);
        decoded.push(Arc::new(if constant {
            Column::constant(column.repr(), column.get(0))
        } else {
            column
        }));
    }
    Ok(Batch::new(decoded, rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datum::{ColumnBuilder, Datum};

    #[test]
    fn round_trip() {
        let mut texts = ColumnBuilder::new(Repr::Bytes, 3);
        [Some("a"), None, Some("")].iter().for_each(|v| texts.push(v.map(Datum::from)));
        let mut floats = ColumnBuilder::new(Repr::Float8, 3);
        [1.5, -0.0, f64::INFINITY].iter().for_each(|v| floats.push(Some(Datum::Float8(*v))));
        let constant = Column::constant(Repr::Int4, Some(Datum::Int4(9)));
        let columns = vec![Arc::new(texts.finish()), Arc::new(floats.finish()), Arc::new(constant)];
        let batch = Batch::new(columns, 3);
        let mut bytes = Vec::new();
        encode(&batch, &Selection::All(3), &mut bytes);
        let decoded = decode(&bytes).unwrap();
        (0..3).for_each(|row| assert_eq!(decoded.row(row), batch.row(row)));
        (0..bytes.len()).for_each(|len| assert!(decode(&bytes[..len]).is_err()));
    }
}
