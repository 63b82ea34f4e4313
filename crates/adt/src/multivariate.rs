//! What ANALYZE finds out about several columns together, as the types pg_ndistinct, pg_dependencies and pg_mcv_list
//! keep it in pg_statistic_ext_data.
//!
//! All three begin with a magic number, a version (1) and a count, each four bytes, and are packed without alignment:
//!
//! ```text
//! pg_ndistinct     items: distinct (f64), columns (i32), numbers (i16 each)
//! pg_dependencies  items: degree (f64), columns (i16), numbers (i16 each); the last column is the implied one
//! pg_mcv_list      columns (i16), types (oid each),
//!                  columns: values (i32), bytes (i32), aligned bytes (i32), typlen (i32), typbyval (1 of 4 bytes)
//!                  values of each column, sorted, each once; those of varying length after their length (u32)
//!                  items: nulls (1 byte each), frequency (f64), base frequency (f64), places of the values (u16 each)
//! ```
//!
//! Expressions have the negative numbers -1, -2, ...

use base::bytes::Reader;
use base::{Error, Oid, Result};
use std::fmt;

/// The most columns and expressions that one object is about.
pub const MAX_COLUMNS: usize = 8;

const DISTINCT_MAGIC: u32 = 0xA352_BFA4;
const DEPENDENCIES_MAGIC: u32 = 0xB454_9A2C;
const COMMON_MAGIC: u32 = 0xE1A6_51C2;
const VERSION: u32 = 1;
/// The most items of a list of common values.
const MAX_ITEMS: usize = 10_000;

fn start(magic: u32, count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for number in [magic, VERSION, count as u32] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out
}

fn count(reader: &mut Reader<'_>, magic: u32, name: &str) -> Result<usize> {
    let found = (reader.u32()?, reader.u32()?);
    if found != (magic, VERSION) {
        return Err(Error::corrupted(format!("value of type {name} has an unknown form")));
    }
    Ok(reader.u32()? as usize)
}

fn columns(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i16>> {
    if !(2..=MAX_COLUMNS).contains(&count) {
        return Err(Error::corrupted("statistics of several columns have an impossible number of columns"));
    }
    (0..count).map(|_| reader.i16()).collect()
}

/// How many different combinations of values columns have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distinct {
    pub items: Vec<DistinctItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DistinctItem {
    pub distinct: f64,
    pub columns: Vec<i16>,
}

impl Distinct {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = start(DISTINCT_MAGIC, self.items.len());
        for item in &self.items {
            out.extend_from_slice(&item.distinct.to_le_bytes());
            out.extend_from_slice(&(item.columns.len() as i32).to_le_bytes());
            item.columns.iter().for_each(|c| out.extend_from_slice(&c.to_le_bytes()));
        }
        out
    }

    /// # Errors
    /// `XX001` for bytes that are none.
    pub fn decode(bytes: &[u8]) -> Result<Distinct> {
        let mut reader = Reader::new(bytes);
        let items = count(&mut reader, DISTINCT_MAGIC, "pg_ndistinct")?;
        let item = |reader: &mut Reader<'_>| -> Result<DistinctItem> {
            let distinct = reader.f64()?;
            let count = reader.i32()? as usize;
            Ok(DistinctItem { distinct, columns: columns(reader, count)? })
        };
        let items: Result<Vec<_>> = (0..items).map(|_| item(&mut reader)).collect();
        Ok(Distinct { items: items? })
    }
}

impl fmt::Display for Distinct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, item) in self.items.iter().enumerate() {
            let numbers: Vec<String> = item.columns.iter().map(i16::to_string).collect();
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}\"{}\": {}", numbers.join(", "), item.distinct as i32)?;
        }
        f.write_str("}")
    }
}

/// How far some columns' values determine another's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dependencies {
    pub items: Vec<Dependency>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Dependency {
    /// The part of the rows that agree with it.
    pub degree: f64,
    /// The last one is implied by the others.
    pub columns: Vec<i16>,
}

impl Dependencies {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = start(DEPENDENCIES_MAGIC, self.items.len());
        for item in &self.items {
            out.extend_from_slice(&item.degree.to_le_bytes());
            out.extend_from_slice(&(item.columns.len() as i16).to_le_bytes());
            item.columns.iter().for_each(|c| out.extend_from_slice(&c.to_le_bytes()));
        }
        out
    }

    /// # Errors
    /// `XX001` for bytes that are none.
    pub fn decode(bytes: &[u8]) -> Result<Dependencies> {
        let mut reader = Reader::new(bytes);
        let items = count(&mut reader, DEPENDENCIES_MAGIC, "pg_dependencies")?;
        let item = |reader: &mut Reader<'_>| -> Result<Dependency> {
            let degree = reader.f64()?;
            let count = reader.i16()? as usize;
            Ok(Dependency { degree, columns: columns(reader, count)? })
        };
        let items: Result<Vec<_>> = (0..items).map(|_| item(&mut reader)).collect();
        Ok(Dependencies { items: items? })
    }
}

impl fmt::Display for Dependencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, item) in self.items.iter().enumerate() {
            let numbers: Vec<String> = item.columns.iter().map(i16::to_string).collect();
            let (implied, implying) = numbers.split_last().ok_or(fmt::Error)?;
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}\"{} => {implied}\": {:.6}", implying.join(", "), item.degree)?;
        }
        f.write_str("}")
    }
}

/// One column of a list of common values.
#[derive(Clone, Debug, PartialEq)]
pub struct CommonColumn {
    pub type_oid: Oid,
    pub type_len: i16,
    pub by_value: bool,
    /// In order, each once: the bytes of a value of fixed length, a varlena's payload, a C string without its end.
    pub values: Vec<Box<[u8]>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CommonItem {
    /// Places among the columns' values; `None` for NULL.
    pub values: Vec<Option<u16>>,
    pub frequency: f64,
    /// The frequency that the item would have if the columns had nothing to do with each other.
    pub base_frequency: f64,
}

/// The most common combinations of values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Common {
    pub columns: Vec<CommonColumn>,
    pub items: Vec<CommonItem>,
}

impl CommonColumn {
    /// Bytes of its values in the list, and in memory, aligned to eight bytes.
    fn sizes(&self) -> (usize, usize) {
        let aligned = |size: usize| size.next_multiple_of(8);
        let count = self.values.len();
        match self.type_len {
            len if self.by_value => (count * len as usize, 0),
            len if len > 0 => (count * len as usize, count * aligned(len as usize)),
            len => {
                let ends = usize::from(len == -2);
                let header = if len == -2 { 0 } else { 4 };
                let bytes = self.values.iter().map(|v| v.len() + ends);
                (bytes.clone().map(|size| size + 4).sum(), bytes.map(|size| aligned(size + header)).sum())
            }
        }
    }

    fn read_values(&mut self, reader: &mut Reader<'_>, count: usize) -> Result<()> {
        for _ in 0..count {
            let size = match self.type_len {
                len if len > 0 => len as usize,
                _ => reader.u32()? as usize,
            };
            let mut bytes = reader.take(size)?;
            if self.type_len == -2 {
                bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
            }
            self.values.push(bytes.into());
        }
        Ok(())
    }
}

impl Common {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = start(COMMON_MAGIC, self.items.len());
        out.extend_from_slice(&(self.columns.len() as i16).to_le_bytes());
        for column in &self.columns {
            out.extend_from_slice(&column.type_oid.0.to_le_bytes());
        }
        for column in &self.columns {
            let (bytes, aligned) = column.sizes();
            let len = i32::from(column.type_len);
            let by_value = i32::from(column.by_value);
            for number in [column.values.len() as i32, bytes as i32, aligned as i32, len, by_value] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        for column in &self.columns {
            let ends = usize::from(column.type_len == -2);
            for value in &column.values {
                if column.type_len < 0 {
                    out.extend_from_slice(&((value.len() + ends) as u32).to_le_bytes());
                }
                out.extend_from_slice(value);
                out.extend(std::iter::repeat_n(0, ends));
            }
        }
        for item in &self.items {
            out.extend(item.values.iter().map(|v| u8::from(v.is_none())));
            out.extend_from_slice(&item.frequency.to_le_bytes());
            out.extend_from_slice(&item.base_frequency.to_le_bytes());
            for value in &item.values {
                out.extend_from_slice(&value.unwrap_or(0).to_le_bytes());
            }
        }
        out
    }

    /// # Errors
    /// `XX001` for bytes that are none.
    pub fn decode(bytes: &[u8]) -> Result<Common> {
        let damaged = || Error::corrupted("value of type pg_mcv_list is damaged");
        let mut reader = Reader::new(bytes);
        let count = count(&mut reader, COMMON_MAGIC, "pg_mcv_list")?;
        let width = reader.i16()? as usize;
        if count > MAX_ITEMS || !(2..=MAX_COLUMNS).contains(&width) {
            return Err(damaged());
        }
        let types: Result<Vec<u32>> = (0..width).map(|_| reader.u32()).collect();
        let mut columns = Vec::new();
        let mut counts = Vec::new();
        for type_oid in types? {
            counts.push(reader.i32()?);
            reader.take(8)?;
            let type_len = i16::try_from(reader.i32()?).map_err(|_| damaged())?;
            let by_value = reader.i32()? & 0xff != 0;
            columns.push(CommonColumn { type_oid: Oid(type_oid), type_len, by_value, values: Vec::new() });
        }
        for (column, count) in columns.iter_mut().zip(counts) {
            column.read_values(&mut reader, usize::try_from(count).map_err(|_| damaged())?)?;
        }
        let mut items = Vec::new();
        for _ in 0..count {
            let nulls: Vec<bool> = reader.take(width)?.iter().map(|b| *b != 0).collect();
            let (frequency, base_frequency) = (reader.f64()?, reader.f64()?);
            let mut values = Vec::with_capacity(width);
            for (null, column) in nulls.into_iter().zip(&columns) {
                let place = reader.u16()?;
                if !null && usize::from(place) >= column.values.len() {
                    return Err(damaged());
                }
                values.push((!null).then_some(place));
            }
            items.push(CommonItem { values, frequency, base_frequency });
        }
        Ok(Common { columns, items })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_and_shown() {
        let distinct = Distinct {
            items: vec![
                DistinctItem { distinct: 11.0, columns: vec![3, 4] },
                DistinctItem { distinct: 12.0, columns: vec![3, 4, -1] },
            ],
        };
        assert_eq!(distinct.to_string(), "{\"3, 4\": 11, \"3, 4, -1\": 12}");
        assert_eq!(Distinct::decode(&distinct.encode()).unwrap(), distinct);

        let item = Dependency { degree: 0.5, columns: vec![1, 2, 3] };
        let dependencies = Dependencies { items: vec![item] };
        assert_eq!(dependencies.to_string(), "{\"1, 2 => 3\": 0.500000}");
        assert_eq!(Dependencies::decode(&dependencies.encode()).unwrap(), dependencies);

        let number = CommonColumn {
            type_oid: Oid(23),
            type_len: 4,
            by_value: true,
            values: vec![1i32.to_le_bytes().into(), 2i32.to_le_bytes().into()],
        };
        let text = CommonColumn {
            type_oid: Oid(25),
            type_len: -1,
            by_value: false,
            values: vec![b"one".as_slice().into()],
        };
        let item = |values, frequency| CommonItem { values, frequency, base_frequency: 0.25 };
        let common = Common {
            columns: vec![number, text],
            items: vec![item(vec![Some(1), Some(0)], 0.5), item(vec![Some(0), None], 0.125)],
        };
        let bytes = common.encode();
        assert_eq!(Common::decode(&bytes).unwrap(), common);
        for end in 0..bytes.len() {
            assert!(Common::decode(&bytes[..end]).is_err());
        }
    }
}
