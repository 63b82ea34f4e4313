//! min and max; any_value.

use super::{Fold, Groups, each, saved, values_of};
use crate::aggregate::{Accumulator, AggregateFunction};
use crate::call::Call;
use crate::order::TypeOrder;
use adt::float::{float4_compare, float8_compare};
use base::Result;
use datum::{Column, ColumnBuilder, Datum, OwnedDatum, Selection};
use std::cmp::Ordering;

macro_rules! numbers {
    ($($name:ident $type:ty, $variant:ident;)*) => {
        $(
            /// Keeps the first value for which the function says that it comes before the one so far.
            struct $name(fn($type, $type) -> bool);

            impl Fold for $name {
                type State = Option<$type>;

                fn empty(&self) -> Option<$type> {
                    None
                }

                fn update(
                    &self,
                    _: &Call<'_>,
                    states: &mut [Option<$type>],
                    groups: &[u32],
                    args: &[&Column],
                    rows: &Selection,
                ) -> Result<()> {
                    each(values_of!(args[0], $variant), args[0], rows, |row, value| {
                        let state = &mut states[groups[row] as usize];
                        if state.is_none_or(|so_far| (self.0)(value, so_far)) {
                            *state = Some(value);
                        }
                    });
                    Ok(())
                }

                fn merge(&self, _: &Call<'_>, into: &mut Option<$type>, from: Option<$type>) -> Result<()> {
                    if let Some(value) = from
                        && into.is_none_or(|so_far| (self.0)(value, so_far))
                    {
                        *into = Some(value);
                    }
                    Ok(())
                }

                saved!(Option<$type>);

                fn finish(&self, _: &Call<'_>, state: &Option<$type>, out: &mut ColumnBuilder) -> Result<()> {
                    out.push(state.map(Datum::$variant));
                    Ok(())
                }
            }
        )*
    };
}

numbers! {
    Int2s i16, Int2;
    Int4s i32, Int4;
    Int8s i64, Int8;
    Float4s f32, Float4;
    Float8s f64, Float8;
}

/// Values compared by their type's order.
struct Ordered {
    order: TypeOrder,
    wanted: Ordering,
}

impl Ordered {
    fn offer(&self, call: &Call<'_>, state: &mut Option<OwnedDatum>, value: Datum<'_>) -> Result<()> {
        let better = match state {
            Some(so_far) => self.order.compare(call.session, value, so_far.as_datum())? == self.wanted,
            None => true,
        };
        if better {
            *state = Some(value.to_owned());
        }
        Ok(())
    }
}

impl Fold for Ordered {
    type State = Option<OwnedDatum>;

    fn empty(&self) -> Option<OwnedDatum> {
        None
    }

    fn update(
        &self,
        call: &Call<'_>,
        states: &mut [Option<OwnedDatum>],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        rows.try_for_each(|row| match args[0].get(row) {
            Some(value) => self.offer(call, &mut states[groups[row] as usize], value),
            None => Ok(()),
        })
    }

    fn merge(&self, call: &Call<'_>, into: &mut Option<OwnedDatum>, from: Option<OwnedDatum>) -> Result<()> {
        from.map_or(Ok(()), |value| self.offer(call, into, value.as_datum()))
    }

    saved!(Option<OwnedDatum>);

    fn finish(&self, _: &Call<'_>, state: &Option<OwnedDatum>, out: &mut ColumnBuilder) -> Result<()> {
        out.push(state.as_ref().map(OwnedDatum::as_datum));
        Ok(())
    }

    fn held_bytes(state: &Option<OwnedDatum>) -> usize {
        match state {
            Some(OwnedDatum::Bytes(bytes)) => bytes.len(),
            _ => 0,
        }
    }
}

fn ordered(call: &Call<'_>, wanted: Ordering) -> Result<Box<dyn Accumulator>> {
    let order = TypeOrder::of(call.session, call.argument_type(0))?;
    Groups::start(Ordered { order, wanted })
}

/// Keeps the first value.
struct First;

impl Fold for First {
    type State = Option<OwnedDatum>;

    fn empty(&self) -> Option<OwnedDatum> {
        None
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [Option<OwnedDatum>],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        rows.for_each(|row| {
            let state = &mut states[groups[row] as usize];
            if state.is_none() {
                *state = args[0].get(row).map(Datum::to_owned);
            }
        });
        Ok(())
    }

    fn merge(&self, _: &Call<'_>, into: &mut Option<OwnedDatum>, from: Option<OwnedDatum>) -> Result<()> {
        if into.is_none() {
            *into = from;
        }
        Ok(())
    }

    saved!(Option<OwnedDatum>);

    fn finish(&self, _: &Call<'_>, state: &Option<OwnedDatum>, out: &mut ColumnBuilder) -> Result<()> {
        out.push(state.as_ref().map(OwnedDatum::as_datum));
        Ok(())
    }
}

macro_rules! aggregates {
    (
        typed: $($larger:literal $smaller:literal $fold:ident |$a:ident, $b:ident| $before:expr;)*
        ordered: $($max:literal $min:literal)*
    ) => {
        &[
            $(
                AggregateFunction {
                    transition: $larger,
                    finish: "",
                    start: |_| Groups::start($fold(|$b, $a| $before)),
                },
                AggregateFunction {
                    transition: $smaller,
                    finish: "",
                    start: |_| Groups::start($fold(|$a, $b| $before)),
                },
            )*
            $(
                AggregateFunction { transition: $max, finish: "", start: |call| ordered(call, Ordering::Greater) },
                AggregateFunction { transition: $min, finish: "", start: |call| ordered(call, Ordering::Less) },
            )*
            AggregateFunction { transition: "any_value_transfn", finish: "", start: |_| Groups::start(First) },
        ]
    };
}

pub const AGGREGATES: &[AggregateFunction] = aggregates! {
    typed:
    "int2larger" "int2smaller" Int2s |a, b| a < b;
    "int4larger" "int4smaller" Int4s |a, b| a < b;
    "int8larger" "int8smaller" Int8s |a, b| a < b;
    "date_larger" "date_smaller" Int4s |a, b| a < b;
    "time_larger" "time_smaller" Int8s |a, b| a < b;
    "timestamp_larger" "timestamp_smaller" Int8s |a, b| a < b;
    "cashlarger" "cashsmaller" Int8s |a, b| a < b;
    "oidlarger" "oidsmaller" Int4s |a, b| (a as u32) < (b as u32);
    "xid8_larger" "xid8_smaller" Int8s |a, b| (a as u64) < (b as u64);
    "pg_lsn_larger" "pg_lsn_smaller" Int8s |a, b| (a as u64) < (b as u64);
    "float4larger" "float4smaller" Float4s |a, b| float4_compare(a, b).is_lt();
    "float8larger" "float8smaller" Float8s |a, b| float8_compare(a, b).is_lt();
    ordered:
    "text_larger" "text_smaller"
    "bpchar_larger" "bpchar_smaller"
    "bytea_larger" "bytea_smaller"
    "numeric_larger" "numeric_smaller"
    "interval_larger" "interval_smaller"
    "timetz_larger" "timetz_smaller"
    "tidlarger" "tidsmaller"
    "array_larger" "array_smaller"
    "record_larger" "record_smaller"
    "enum_larger" "enum_smaller"
    "network_larger" "network_smaller"
};
