//! string_agg and array_agg.

use super::state::Saved;
use super::{Fold, Groups, saved};
use crate::aggregate::{Accumulator, AggregateFunction};
use crate::array::ElementType;
use crate::call::Call;
use adt::array::{ArrayBuilder, ArrayStack, ArrayView};
use base::{Result, bail};
use datum::{Column, ColumnBuilder, Datum, Selection};

/// Values with the delimiter of each before it; the first delimiter does not show.
struct Strings;

#[derive(Clone, Default)]
struct StringState {
    bytes: Vec<u8>,
    /// Length of the first delimiter; `None` before the first value.
    skip: Option<usize>,
}

impl Saved for StringState {
    fn save(&self, out: &mut Vec<u8>) {
        self.bytes.save(out);
        self.skip.map(|length| length as i64).save(out);
    }

    fn load(bytes: &mut &[u8]) -> Result<StringState> {
        Ok(StringState {
            bytes: Saved::load(bytes)?,
            skip: Option::<i64>::load(bytes)?.map(|length| length as usize),
        })
    }
}

impl Fold for Strings {
    type State = StringState;

    fn empty(&self) -> StringState {
        StringState::default()
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [StringState],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        rows.try_for_each(|row| {
            let Some(value) = args[0].get(row) else { return Ok(()) };
            let delimiter = args[1].get(row).map_or(&b""[..], Datum::bytes);
            let state = &mut states[groups[row] as usize];
            state.skip.get_or_insert(delimiter.len());
            state.bytes.extend_from_slice(delimiter);
            state.bytes.extend_from_slice(value.bytes());
            check_size(state.bytes.len())
        })
    }

    fn merge(&self, _: &Call<'_>, into: &mut StringState, from: StringState) -> Result<()> {
        if into.skip.is_none() {
            *into = from;
        } else {
            into.bytes.extend_from_slice(&from.bytes);
        }
        check_size(into.bytes.len())
    }

    saved!(StringState);

    fn finish(&self, _: &Call<'_>, state: &StringState, out: &mut ColumnBuilder) -> Result<()> {
        out.push(state.skip.map(|skip| Datum::Bytes(&state.bytes[skip..])));
        Ok(())
    }

    fn held_bytes(state: &StringState) -> usize {
        state.bytes.capacity()
    }
}

fn check_size(size: usize) -> Result<()> {
    let limit = adt::text::MAX_SIZE;
    if size > limit {
        return Err(base::err!(
            PROGRAM_LIMIT_EXCEEDED,
            "string buffer exceeds maximum allowed length ({limit} bytes)"
        )
        .detail(format!(
            "Cannot enlarge string buffer containing {limit} bytes by {} more bytes.",
            size - limit
        )));
    }
    Ok(())
}

struct Elements {
    element: ElementType,
}

impl Fold for Elements {
    type State = Vec<ArrayBuilder>;

    fn empty(&self) -> Vec<ArrayBuilder> {
        Vec::new()
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [Vec<ArrayBuilder>],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        rows.try_for_each(|row| {
            let state = &mut states[groups[row] as usize];
            if state.is_empty() {
                state.push(self.element.builder());
            }
            self.element.push(&mut state[0], args[0].get(row))
        })
    }

    fn merge(&self, _: &Call<'_>, into: &mut Vec<ArrayBuilder>, from: Vec<ArrayBuilder>) -> Result<()> {
        let Some(from) = from.into_iter().next() else { return Ok(()) };
        let Some(into) = into.first_mut() else {
            into.push(from);
            return Ok(());
        };
        let payload = from.finish()?;
        for element in ArrayView::new(&payload)?.iter(self.element.stored()) {
            into.push(element?)?;
        }
        Ok(())
    }

    fn save(&self, state: &Vec<ArrayBuilder>, out: &mut Vec<u8>) -> Result<()> {
        let payload = state.first().map(|builder| builder.clone().finish()).transpose()?;
        payload.save(out);
        Ok(())
    }

    fn load(&self, bytes: &mut &[u8]) -> Result<Vec<ArrayBuilder>> {
        let Some(payload) = Option::<Vec<u8>>::load(bytes)? else { return Ok(Vec::new()) };
        let mut builder = self.element.builder();
        for element in ArrayView::new(&payload)?.iter(self.element.stored()) {
            builder.push(element?)?;
        }
        Ok(vec![builder])
    }

    fn finish(&self, _: &Call<'_>, state: &Vec<ArrayBuilder>, out: &mut ColumnBuilder) -> Result<()> {
        match state.first() {
            Some(builder) => out.push(Some(Datum::Bytes(&builder.clone().finish()?))),
            None => out.push_null(),
        }
        Ok(())
    }

    fn held_bytes(state: &Vec<ArrayBuilder>) -> usize {
        // Elements are not seen from here; sixteen bytes is what one takes with its bookkeeping.
        state.first().map_or(0, |builder| builder.len() * 16 + size_of::<ArrayBuilder>())
    }
}

/// Arrays of one shape, put together into one of another dimension.
struct Arrays {
    element: ElementType,
}

impl Fold for Arrays {
    type State = ArrayStack;

    fn empty(&self) -> ArrayStack {
        ArrayStack::default()
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [ArrayStack],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        rows.try_for_each(|row| {
            states[groups[row] as usize].push(args[0].get(row).map(|value| value.bytes()))
        })
    }

    fn merge(&self, _: &Call<'_>, into: &mut ArrayStack, from: ArrayStack) -> Result<()> {
        into.append(from)
    }

    fn save(&self, state: &ArrayStack, out: &mut Vec<u8>) -> Result<()> {
        state.payloads().iter().for_each(|payload| payload.to_vec().save(out));
        Ok(())
    }

    fn load(&self, bytes: &mut &[u8]) -> Result<ArrayStack> {
        let mut state = ArrayStack::default();
        while !bytes.is_empty() {
            state.push(Some(&Vec::load(bytes)?))?;
        }
        Ok(state)
    }

    fn finish(&self, _: &Call<'_>, state: &ArrayStack, out: &mut ColumnBuilder) -> Result<()> {
        match state.finish(self.element.oid, self.element.stored())? {
            Some(payload) => out.push(Some(Datum::Bytes(&payload))),
            None => out.push_null(),
        }
        Ok(())
    }

    fn held_bytes(state: &ArrayStack) -> usize {
        state.payloads().iter().map(|payload| payload.len() + size_of::<Box<[u8]>>()).sum()
    }
}

fn elements(call: &Call<'_>) -> Result<Box<dyn Accumulator>> {
    let element = ElementType::of(call.session, call.argument_type(0))?;
    Groups::start(Elements { element })
}

fn arrays(call: &Call<'_>) -> Result<Box<dyn Accumulator>> {
    let array = call.session.base_type(call.argument_type(0))?.0;
    match call.session.element_type(array)? {
        Some(element) => Groups::start(Arrays { element: ElementType::of(call.session, element)? }),
        None => bail!(DATATYPE_MISMATCH, "could not determine input data type"),
    }
}

pub const AGGREGATES: &[AggregateFunction] = &[
    AggregateFunction {
        transition: "string_agg_transfn",
        finish: "string_agg_finalfn",
        start: |_| Groups::start(Strings),
    },
    AggregateFunction {
        transition: "bytea_string_agg_transfn",
        finish: "bytea_string_agg_finalfn",
        start: |_| Groups::start(Strings),
    },
    AggregateFunction { transition: "array_agg_transfn", finish: "array_agg_finalfn", start: elements },
    AggregateFunction {
        transition: "array_agg_array_transfn",
        finish: "array_agg_array_finalfn",
        start: arrays,
    },
];
