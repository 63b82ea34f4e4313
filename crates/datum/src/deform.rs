//! Attributes of many tuples at once: one attribute of all tuples after the other, so that each loop knows the type
//! it reads. What this cannot read (tuples older than a column, values out of line) [`crate::deform_into`] can.

use crate::tuple::{is_absent, locate, trim_zeros};
use crate::{ColumnBuilder, INFOMASK_HAS_EXTERNAL, Nulls, Repr, TupleDesc, TupleView, Values, Varlena};
use crate::{read_varlena, tuple::damaged};
use base::Result;
use base::bytes::align_up;

/// What is done with one attribute.
#[derive(Clone, Copy, Debug)]
struct Step {
    attribute: usize,
    len: i16,
    align: usize,
    repr: Repr,
    /// The builder it goes to; none for attributes that are only passed.
    output: Option<usize>,
}

/// How the attributes `needed` of tuples of one descriptor are read.
#[derive(Clone, Debug)]
pub struct Deformer {
    /// The leading attributes that are wanted and whose place does not depend on the values.
    fixed: Vec<(Step, usize)>,
    /// Where, without nulls, the walk begins: after which attributes, and at which offset.
    walk_from: (usize, usize),
    /// All attributes up to the last one needed.
    steps: Vec<Step>,
    has_varlena: bool,
    /// Where in each tuple the next attribute may begin.
    positions: Vec<usize>,
}

impl Deformer {
    /// `needed`: attributes from 0, ascending; builder i takes `needed[i]`.
    pub fn new(desc: &TupleDesc, needed: &[usize]) -> Deformer {
        let count = needed.last().map_or(0, |last| last + 1);
        let steps: Vec<Step> = desc.attributes()[..count]
            .iter()
            .enumerate()
            .map(|(attribute, a)| Step {
                attribute,
                len: a.layout.len,
                align: usize::from(a.layout.align),
                repr: a.layout.repr,
                output: needed.binary_search(&attribute).ok(),
            })
            .collect();
        let offsets = &desc.fixed_offsets()[..desc.fixed_offsets().len().min(count)];
        let fixed = steps.iter().zip(offsets).filter(|(step, _)| step.output.is_some());
        let fixed = fixed.map(|(step, offset)| (*step, *offset as usize)).collect();
        let end = offsets.last().map_or(0, |last| *last as usize + steps[offsets.len() - 1].len as usize);
        Deformer {
            fixed,
            walk_from: (offsets.len(), end),
            has_varlena: steps.iter().any(|s| s.len == -1 && s.output.is_some()),
            steps,
            positions: Vec::new(),
        }
    }

    /// Appends a value of each needed attribute for each tuple (header first), and returns true; or leaves the
    /// builders alone and returns false, when one of the tuples is of a kind that must be read alone.
    ///
    /// # Errors
    /// `XX001` for damaged tuples; what `detoast`, which gets compressed values, fails with.
    pub fn deform(
        &mut self,
        tuples: &[&[u8]],
        builders: &mut [ColumnBuilder],
        detoast: &mut dyn FnMut(Varlena<'_>) -> Result<Vec<u8>>,
    ) -> Result<bool> {
        self.positions.clear();
        let mut any_nulls = false;
        for tuple in tuples {
            let view = TupleView::new(tuple)?;
            let mask = view.infomask();
            let plain = view.attribute_count() >= self.steps.len()
                && !(self.has_varlena && mask & INFOMASK_HAS_EXTERNAL != 0)
                && view.header_size().is_multiple_of(8);
            if !plain {
                return Ok(false);
            }
            any_nulls |= view.has_nulls();
            self.positions.push(view.header_size());
        }
        if any_nulls {
            for step in &self.steps {
                walk::<true>(*step, tuples, &mut self.positions, builders, detoast)?;
            }
            return Ok(true);
        }
        for (step, offset) in &self.fixed {
            read_at(*step, *offset, tuples, &self.positions, builders)?;
        }
        let (passed, end) = self.walk_from;
        if passed < self.steps.len() {
            self.positions.iter_mut().for_each(|position| *position += end);
            for step in &self.steps[passed..] {
                walk::<false>(*step, tuples, &mut self.positions, builders, detoast)?;
            }
        }
        Ok(true)
    }
}

/// Calls a macro with the vector, the type and the conversion that a representation has.
macro_rules! for_numbers {
    ($values:expr, $call:ident) => {
        match $values {
            Values::Bool(out) => $call!(out, 1, |b: [u8; 1]| b[0] != 0),
            Values::Char(out) => $call!(out, 1, i8::from_le_bytes),
            Values::Int2(out) => $call!(out, 2, i16::from_le_bytes),
            Values::Int4(out) => $call!(out, 4, i32::from_le_bytes),
            Values::Int8(out) => $call!(out, 8, i64::from_le_bytes),
            Values::Float4(out) => $call!(out, 4, f32::from_le_bytes),
            Values::Float8(out) => $call!(out, 8, f64::from_le_bytes),
            Values::Bytes(_) => return Err(base::Error::internal("a number's column holds bytes")),
        }
    };
}

/// Reads an attribute that lies `offset` bytes into the data of every tuple; `starts` is where the data begin.
fn read_at(
    step: Step,
    offset: usize,
    tuples: &[&[u8]],
    starts: &[usize],
    builders: &mut [ColumnBuilder],
) -> Result<()> {
    let Some(output) = step.output else { return Ok(()) };
    let (values, _) = builders[output].parts();
    let size = step.len as usize;
    if let Values::Bytes(out) = values {
        for (tuple, start) in tuples.iter().zip(starts) {
            let bytes = tuple.get(start + offset..start + offset + size).ok_or_else(damaged)?;
            out.push(if step.repr == Repr::Name { trim_zeros(bytes) } else { bytes });
        }
        return Ok(());
    }
    macro_rules! read {
        ($out:expr, $size:literal, $convert:expr) => {{
            $out.reserve(tuples.len());
            for (tuple, start) in tuples.iter().zip(starts) {
                let bytes = tuple.get(start + offset..).and_then(|rest| rest.first_chunk::<$size>());
                $out.push($convert(*bytes.ok_or_else(damaged)?));
            }
        }};
    }
    for_numbers!(values, read);
    Ok(())
}

/// Reads or passes the attribute that follows `positions`.
fn walk<const NULLS: bool>(
    step: Step,
    tuples: &[&[u8]],
    positions: &mut [usize],
    builders: &mut [ColumnBuilder],
    detoast: &mut dyn FnMut(Varlena<'_>) -> Result<Vec<u8>>,
) -> Result<()> {
    let Some(output) = step.output else { return pass::<NULLS>(step, tuples, positions) };
    let (values, nulls) = builders[output].parts();
    if step.len == -1 {
        return walk_varlena::<NULLS>(step, tuples, positions, values, nulls, detoast);
    }
    if let Values::Bytes(out) = values {
        for (tuple, position) in tuples.iter().zip(positions) {
            if NULLS && is_absent(tuple, step.attribute) {
                nulls.set(out.len());
                out.push(b"");
                continue;
            }
            let (start, size) = locate(tuple, *position, step.len, step.align as u8)?;
            let bytes = &tuple[start..start + size];
            out.push(if step.repr == Repr::Name || step.len == -2 { trim_zeros(bytes) } else { bytes });
            *position = start + size;
        }
        return Ok(());
    }
    macro_rules! read {
        ($out:expr, $size:literal, $convert:expr) => {{
            $out.reserve(tuples.len());
            for (tuple, position) in tuples.iter().zip(positions) {
                if NULLS && is_absent(tuple, step.attribute) {
                    nulls.set($out.len());
                    $out.push(Default::default());
                    continue;
                }
                let start = align_up(*position, step.align);
                let bytes = tuple.get(start..).and_then(|rest| rest.first_chunk::<$size>());
                $out.push($convert(*bytes.ok_or_else(damaged)?));
                *position = start + $size;
            }
        }};
    }
    for_numbers!(values, read);
    Ok(())
}

fn walk_varlena<const NULLS: bool>(
    step: Step,
    tuples: &[&[u8]],
    positions: &mut [usize],
    values: &mut Values,
    nulls: &mut Nulls,
    detoast: &mut dyn FnMut(Varlena<'_>) -> Result<Vec<u8>>,
) -> Result<()> {
    let Values::Bytes(out) = values else {
        return Err(base::Error::internal("a variable-length value's column holds numbers"));
    };
    for (tuple, position) in tuples.iter().zip(positions) {
        if NULLS && is_absent(tuple, step.attribute) {
            nulls.set(out.len());
            out.push(b"");
            continue;
        }
        let first = *tuple.get(*position).ok_or_else(damaged)?;
        if first & 1 == 1 && first != 1 {
            let end = *position + usize::from(first >> 1);
            let len = end - *position - 1;
            // Most tuples go on for some bytes behind a short value.
            match tuple[*position + 1..].first_chunk::<16>() {
                Some(bytes) if len <= 16 => out.push_short(bytes, len),
                _ => out.push(tuple.get(*position + 1..end).ok_or_else(damaged)?),
            }
            *position = end;
            continue;
        }
        let (start, size) = locate(tuple, *position, -1, step.align as u8)?;
        match read_varlena(&tuple[start..start + size])?.0 {
            Varlena::Plain(payload) => out.push(payload),
            toasted => out.push(&detoast(toasted)?),
        }
        *position = start + size;
    }
    Ok(())
}

/// Passes an attribute that nobody wants.
fn pass<const NULLS: bool>(step: Step, tuples: &[&[u8]], positions: &mut [usize]) -> Result<()> {
    for (tuple, position) in tuples.iter().zip(positions) {
        if NULLS && is_absent(tuple, step.attribute) {
            continue;
        }
        if step.len > 0 {
            *position = align_up(*position, step.align) + step.len as usize;
            continue;
        }
        let first = *tuple.get(*position).ok_or_else(damaged)?;
        if step.len == -1 && first & 1 == 1 && first != 1 {
            *position += usize::from(first >> 1);
            continue;
        }
        let (start, size) = locate(tuple, *position, step.len, step.align as u8)?;
        *position = start + size;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attribute, Datum, MissingValues, TypeLayout, deform_into, form_tuple};
    use base::Oid;

    fn desc() -> TupleDesc {
        let attribute = |oid: u32, len, by_value, align: u8| {
            Attribute::result("a", Oid(oid), -1, TypeLayout::new(Oid(oid), len, by_value, align), Oid(0))
        };
        TupleDesc::new(vec![
            attribute(20, 8, true, b'd'),
            attribute(16, 1, true, b'c'),
            attribute(19, 64, false, b'c'),
            attribute(25, -1, false, b'i'),
            attribute(701, 8, true, b'd'),
            attribute(2950, 16, false, b'c'),
            attribute(1700, -1, false, b'i'),
            attribute(21, 2, true, b's'),
        ])
    }

    fn tuples() -> Vec<Vec<u8>> {
        let long = vec![b'x'; 300];
        let row = |seed: i64, text: &'static [u8]| {
            [
                Some(Datum::Int8(seed)),
                Some(Datum::Bool(seed % 2 == 0)),
                Some(Datum::from("nm")),
                Some(Datum::Bytes(text)),
                Some(Datum::Float8(seed as f64)),
                Some(Datum::Bytes(b"0123456789abcdef")),
                Some(Datum::Bytes(b"\x00\x80\x01")),
                Some(Datum::Int2(seed as i16)),
            ]
        };
        let mut rows = [row(1, b"a"), row(2, b""), row(3, b"longer")];
        rows[1][3] = Some(Datum::Bytes(&long));
        let mut formed: Vec<Vec<u8>> = rows.iter().map(|r| form_tuple(&desc(), r, &[]).unwrap()).collect();
        (rows[0][0], rows[0][3], rows[0][7]) = (None, None, None);
        formed.push(form_tuple(&desc(), &rows[0], &[]).unwrap());
        formed
    }

    fn read_together(tuples: &[&[u8]], needed: &[usize]) -> Result<Option<Vec<crate::Column>>> {
        let desc = desc();
        let mut builders: Vec<_> =
            needed.iter().map(|i| ColumnBuilder::new(desc.attributes()[*i].layout.repr, 1)).collect();
        let mut detoast = |_: Varlena<'_>| -> Result<Vec<u8>> { Err(damaged()) };
        let done = Deformer::new(&desc, needed).deform(tuples, &mut builders, &mut detoast)?;
        Ok(done.then(|| builders.into_iter().map(ColumnBuilder::finish).collect()))
    }

    #[test]
    fn reads_what_reading_alone_reads() {
        let formed = tuples();
        let all: Vec<&[u8]> = formed.iter().map(Vec::as_slice).collect();
        for needed in [&[0][..], &[0, 1, 2], &[3], &[2, 4, 7], &[0, 3, 5, 6], &[0, 1, 2, 3, 4, 5, 6, 7], &[]]
        {
            for group in [&all[..3], &all[..]] {
                let together = read_together(group, needed).unwrap().unwrap();
                let desc = desc();
                let mut alone: Vec<_> =
                    needed.iter().map(|i| ColumnBuilder::new(desc.attributes()[*i].layout.repr, 1)).collect();
                for tuple in group {
                    let view = TupleView::new(tuple).unwrap();
                    let mut detoast = |_: Varlena<'_>| -> Result<Vec<u8>> { Err(damaged()) };
                    deform_into(view, &desc, needed, MissingValues::Null, &mut alone, &mut detoast).unwrap();
                }
                let alone: Vec<_> = alone.into_iter().map(ColumnBuilder::finish).collect();
                for row in 0..group.len() {
                    for (a, b) in together.iter().zip(&alone) {
                        assert_eq!(a.get(row), b.get(row), "{needed:?} row {row}");
                    }
                }
            }
        }
    }

    #[test]
    fn damaged_tuples_are_errors() {
        let formed = tuples();
        for cut in 0..formed[0].len() {
            let result = read_together(&[&formed[0][..cut]], &[0, 1, 2, 3, 4, 5, 6, 7]);
            assert!(!matches!(result, Ok(Some(_))), "{cut} bytes of a tuple are no tuple");
        }
    }

    #[test]
    fn short_tuples_are_left_alone() {
        let short =
            form_tuple(&TupleDesc::new(desc().attributes()[..2].to_vec()), &[None, None], &[]).unwrap();
        assert!(read_together(&[&short], &[0, 3]).unwrap().is_none());
        assert!(read_together(&[&short], &[0]).unwrap().is_some());
    }
}
