//! count, and sum, avg, variance and stddev over integers.

use super::state::Saved;
use super::{Fold, Groups, each, saved, values_of};
use crate::aggregate::AggregateFunction;
use crate::call::Call;
use adt::numeric::{Int128Sum, Numeric};
use base::Result;
use datum::{Column, ColumnBuilder, Datum, Selection, Values};

/// Counts rows in which no argument is NULL; all rows for `count(*)`.
struct Count;

impl Fold for Count {
    type State = i64;

    fn empty(&self) -> i64 {
        0
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [i64],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        let nullable = args.iter().any(|column| column.has_nulls());
        if !nullable && let [only] = states {
            *only += rows.len() as i64;
            return Ok(());
        }
        rows.for_each(|row| {
            if !nullable || !args.iter().any(|column| column.is_null(row)) {
                states[groups[row] as usize] += 1;
            }
        });
        Ok(())
    }

    fn merge(&self, _: &Call<'_>, into: &mut i64, from: i64) -> Result<()> {
        *into += from;
        Ok(())
    }

    saved!(i64);

    fn finish(&self, _: &Call<'_>, state: &i64, out: &mut ColumnBuilder) -> Result<()> {
        out.push(Some(Datum::Int8(*state)));
        Ok(())
    }
}

/// sum over smallint and integer, which fits bigint for as many rows as there can be.
struct SmallSum;

#[derive(Clone, Copy, Default)]
struct SmallState {
    sum: i64,
    any: bool,
}

impl Saved for SmallState {
    fn save(&self, out: &mut Vec<u8>) {
        self.sum.save(out);
        self.any.save(out);
    }

    fn load(bytes: &mut &[u8]) -> Result<SmallState> {
        Ok(SmallState { sum: Saved::load(bytes)?, any: Saved::load(bytes)? })
    }
}

impl Fold for SmallSum {
    type State = SmallState;

    fn empty(&self) -> SmallState {
        SmallState::default()
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [SmallState],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        let mut add = |row: usize, value: i64| {
            let state = &mut states[groups[row] as usize];
            state.sum = state.sum.wrapping_add(value);
            state.any = true;
        };
        match args[0].values() {
            Values::Int4(values) => each(values, args[0], rows, |row, v| add(row, v.into())),
            _ => each(values_of!(args[0], Int2), args[0], rows, |row, v| add(row, v.into())),
        }
        Ok(())
    }

    fn merge(&self, _: &Call<'_>, into: &mut SmallState, from: SmallState) -> Result<()> {
        into.sum = into.sum.wrapping_add(from.sum);
        into.any |= from.any;
        Ok(())
    }

    saved!(SmallState);

    fn finish(&self, _: &Call<'_>, state: &SmallState, out: &mut ColumnBuilder) -> Result<()> {
        out.push(state.any.then_some(Datum::Int8(state.sum)));
        Ok(())
    }
}

/// What is made of a [`Int128Sum`].
type Finish = fn(&Int128Sum) -> Result<Option<Numeric>>;

/// Sums in 128 bits, with squares where the result needs them.
struct WideSum {
    squares: bool,
    finish: Finish,
}

impl Saved for Int128Sum {
    fn save(&self, out: &mut Vec<u8>) {
        self.count.save(out);
        self.sum.save(out);
        self.squares.save(out);
    }

    fn load(bytes: &mut &[u8]) -> Result<Int128Sum> {
        Ok(Int128Sum { count: Saved::load(bytes)?, sum: Saved::load(bytes)?, squares: Saved::load(bytes)? })
    }
}

impl Fold for WideSum {
    type State = Int128Sum;

    fn empty(&self) -> Int128Sum {
        Int128Sum::default()
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [Int128Sum],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        let squares = self.squares;
        let mut add = |row: usize, value: i64| {
            let state = &mut states[groups[row] as usize];
            if squares { state.add_with_square(value) } else { state.add(value) }
        };
        match args[0].values() {
            Values::Int8(values) => each(values, args[0], rows, add),
            Values::Int4(values) => each(values, args[0], rows, |row, v| add(row, v.into())),
            _ => each(values_of!(args[0], Int2), args[0], rows, |row, v| add(row, v.into())),
        }
        Ok(())
    }

    fn merge(&self, _: &Call<'_>, into: &mut Int128Sum, from: Int128Sum) -> Result<()> {
        into.combine(&from);
        Ok(())
    }

    saved!(Int128Sum);

    fn finish(&self, _: &Call<'_>, state: &Int128Sum, out: &mut ColumnBuilder) -> Result<()> {
        match (self.finish)(state)? {
            Some(result) => out.push(Some(Datum::Bytes(&result.to_payload()))),
            None => out.push_null(),
        }
        Ok(())
    }
}

macro_rules! wide {
    ($($transition:literal $finish:literal $squares:literal |$state:ident| $result:expr;)*) => {
        &[$(AggregateFunction {
            transition: $transition,
            finish: $finish,
            start: |_| Groups::start(WideSum { squares: $squares, finish: |$state| $result }),
        }),*]
    };
}

pub const COUNTS: &[AggregateFunction] = &[
    AggregateFunction { transition: "int8inc", finish: "", start: |_| Groups::start(Count) },
    AggregateFunction { transition: "int8inc_any", finish: "", start: |_| Groups::start(Count) },
    AggregateFunction { transition: "int8inc_float8_float8", finish: "", start: |_| Groups::start(Count) },
    AggregateFunction { transition: "int2_sum", finish: "", start: |_| Groups::start(SmallSum) },
    AggregateFunction { transition: "int4_sum", finish: "", start: |_| Groups::start(SmallSum) },
];

pub const WIDE: &[AggregateFunction] = wide! {
    "int2_avg_accum" "int8_avg" false |s| s.avg();
    "int4_avg_accum" "int8_avg" false |s| s.avg();
    "int8_avg_accum" "numeric_poly_avg" false |s| s.avg();
    "int8_avg_accum" "numeric_poly_sum" false |s| Ok(s.sum());
    "int2_accum" "numeric_poly_stddev_pop" true |s| s.stddev(false);
    "int2_accum" "numeric_poly_stddev_samp" true |s| s.stddev(true);
    "int2_accum" "numeric_poly_var_pop" true |s| s.variance(false);
    "int2_accum" "numeric_poly_var_samp" true |s| s.variance(true);
    "int4_accum" "numeric_poly_stddev_pop" true |s| s.stddev(false);
    "int4_accum" "numeric_poly_stddev_samp" true |s| s.stddev(true);
    "int4_accum" "numeric_poly_var_pop" true |s| s.variance(false);
    "int4_accum" "numeric_poly_var_samp" true |s| s.variance(true);
    "int8_accum" "numeric_stddev_pop" true |s| s.stddev(false);
    "int8_accum" "numeric_stddev_samp" true |s| s.stddev(true);
    "int8_accum" "numeric_var_pop" true |s| s.variance(false);
    "int8_accum" "numeric_var_samp" true |s| s.variance(true);
};
