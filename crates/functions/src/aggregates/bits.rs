//! bool_and, bool_or, bit_and, bit_or, bit_xor.

use super::{Fold, Groups, each, saved, values_of};
use crate::aggregate::AggregateFunction;
use crate::call::Call;
use base::Result;
use datum::{Column, ColumnBuilder, Datum, Selection};

macro_rules! combining {
    ($($name:ident $type:ty, $variant:ident;)*) => {
        $(
            struct $name(fn($type, $type) -> $type);

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
                        *state = Some(state.map_or(value, |so_far| (self.0)(so_far, value)));
                    });
                    Ok(())
                }

                fn merge(&self, _: &Call<'_>, into: &mut Option<$type>, from: Option<$type>) -> Result<()> {
                    *into = match (*into, from) {
                        (Some(a), Some(b)) => Some((self.0)(a, b)),
                        (a, b) => a.or(b),
                    };
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

combining! {
    Bools bool, Bool;
    Int2s i16, Int2;
    Int4s i32, Int4;
    Int8s i64, Int8;
}

macro_rules! aggregates {
    ($($transition:literal $fold:ident |$a:ident, $b:ident| $result:expr;)*) => {
        &[$(AggregateFunction {
            transition: $transition,
            finish: "",
            start: |_| Groups::start($fold(|$a, $b| $result)),
        }),*]
    };
}

pub const AGGREGATES: &[AggregateFunction] = aggregates! {
    "booland_statefunc" Bools |a, b| a && b;
    "boolor_statefunc" Bools |a, b| a || b;
    "int2and" Int2s |a, b| a & b;
    "int2or" Int2s |a, b| a | b;
    "int2xor" Int2s |a, b| a ^ b;
    "int4and" Int4s |a, b| a & b;
    "int4or" Int4s |a, b| a | b;
    "int4xor" Int4s |a, b| a ^ b;
    "int8and" Int8s |a, b| a & b;
    "int8or" Int8s |a, b| a | b;
    "int8xor" Int8s |a, b| a ^ b;
};
