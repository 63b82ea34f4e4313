//! sum, avg, variance and stddev over numeric; sum and avg over interval; sum over money.

use super::state::Saved;
use super::{Fold, Groups, saved, try_each, values_of};
use crate::aggregate::AggregateFunction;
use crate::call::Call;
use crate::kernel::{interval_from_bytes, interval_to_bytes};
use adt::datetime::Interval;
use adt::numeric::{Numeric, NumericSum, NumericView};
use base::{Result, bail, err};
use datum::{Column, ColumnBuilder, Datum, Decimals, Selection};

type Finish = fn(&NumericSum) -> Result<Option<Numeric>>;

struct Sum {
    squares: bool,
    finish: Finish,
}

impl Saved for NumericSum {
    fn save(&self, out: &mut Vec<u8>) {
        let counts = self.counts();
        let plain = self.plain_sum();
        plain.is_some().save(out);
        if let Some((units, scale)) = plain {
            [counts[0], counts[2]].save(out);
            [counts[1] as i32, scale].save(out);
            units.save(out);
            return;
        }
        counts.save(out);
        self.sums().for_each(|sum| sum.to_payload().save(out));
    }

    fn load(bytes: &mut &[u8]) -> Result<NumericSum> {
        if bool::load(bytes)? {
            let [count, largest_count] = Saved::load(bytes)?;
            let [largest, scale]: [i32; 2] = Saved::load(bytes)?;
            let counts = [count, i64::from(largest), largest_count, 0, 0, 0];
            return Ok(NumericSum::from_plain(counts, Saved::load(bytes)?, scale));
        }
        let counts = Saved::load(bytes)?;
        let sum = Vec::load(bytes)?;
        let squares = if bytes.is_empty() { None } else { Some(Vec::load(bytes)?) };
        let number = |payload: Vec<u8>| NumericView::new(&payload)?.to_numeric();
        Ok(NumericSum::from_parts(counts, number(sum)?, squares.map(number).transpose()?))
    }
}

impl Fold for Sum {
    type State = NumericSum;

    fn empty(&self) -> NumericSum {
        NumericSum::new(self.squares)
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [NumericSum],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        let values = values_of!(args[0], Bytes);
        if args[0].is_constant() || args[0].has_nulls() {
            return rows.try_for_each(|row| match args[0].get(row) {
                Some(datum) => states[groups[row] as usize].add_payload(datum.bytes()),
                None => Ok(()),
            });
        }
        rows.try_for_each(|row| states[groups[row] as usize].add_payload(values.get(row)))
    }

    fn update_decimals(
        &self,
        states: &mut [NumericSum],
        groups: &[u32],
        decimals: &Decimals,
        rows: &Selection,
    ) -> bool {
        let missing = NumericSum::UNIT_GROUPS - decimals.groups();
        if self.squares || missing < 0 {
            return false;
        }
        let factor = 10_000_i64.pow(missing as u32);
        let scale = decimals.scale();
        let mut add = |row: usize, units: i64| {
            states[groups[row] as usize].add_units(i128::from(units) * i128::from(factor), scale);
        };
        match (decimals.plain(), rows) {
            (Some(units), Selection::All(count)) => {
                units[..*count].iter().enumerate().for_each(|(row, units)| add(row, *units));
            }
            _ => rows.for_each(|row| {
                if let Some(units) = decimals.get(row) {
                    add(row, units);
                }
            }),
        }
        true
    }

    fn merge(&self, _: &Call<'_>, into: &mut NumericSum, from: NumericSum) -> Result<()> {
        into.combine(&from);
        Ok(())
    }

    saved!(NumericSum);

    fn finish(&self, _: &Call<'_>, state: &NumericSum, out: &mut ColumnBuilder) -> Result<()> {
        match (self.finish)(state)? {
            Some(result) => out.push(Some(Datum::Bytes(&result.to_payload()))),
            None => out.push_null(),
        }
        Ok(())
    }
}

/// Infinite intervals are counted apart: their sum is not known before both kinds are.
struct IntervalSum {
    average: bool,
}

#[derive(Clone, Copy, Default)]
struct IntervalState {
    count: i64,
    sum: Interval,
    positive: i64,
    negative: i64,
}

impl Fold for IntervalSum {
    type State = IntervalState;

    fn empty(&self) -> IntervalState {
        IntervalState::default()
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [IntervalState],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        rows.try_for_each(|row| {
            let Some(datum) = args[0].get(row) else { return Ok(()) };
            let interval = interval_from_bytes(datum.bytes())?;
            let state = &mut states[groups[row] as usize];
            match interval {
                Interval::NOEND => state.positive += 1,
                Interval::NOBEGIN => state.negative += 1,
                finite => {
                    state.sum = state.sum.add(&finite)?;
                    state.count += 1;
                }
            }
            Ok(())
        })
    }

    fn merge(&self, _: &Call<'_>, into: &mut IntervalState, from: IntervalState) -> Result<()> {
        into.sum = into.sum.add(&from.sum)?;
        into.count += from.count;
        into.positive += from.positive;
        into.negative += from.negative;
        Ok(())
    }

    saved!(IntervalState);

    fn finish(&self, _: &Call<'_>, state: &IntervalState, out: &mut ColumnBuilder) -> Result<()> {
        if state.count + state.positive + state.negative == 0 {
            out.push_null();
            return Ok(());
        }
        let result = match (state.positive > 0, state.negative > 0) {
            (true, true) => bail!(DATETIME_VALUE_OUT_OF_RANGE, "interval out of range"),
            (true, false) => Interval::NOEND,
            (false, true) => Interval::NOBEGIN,
            (false, false) if self.average => state.sum.divide(state.count as f64)?,
            (false, false) => state.sum,
        };
        out.push(Some(Datum::Bytes(&interval_to_bytes(&result))));
        Ok(())
    }
}

impl Saved for IntervalState {
    fn save(&self, out: &mut Vec<u8>) {
        [self.count, self.positive, self.negative].save(out);
        out.extend_from_slice(&interval_to_bytes(&self.sum));
    }

    fn load(bytes: &mut &[u8]) -> Result<IntervalState> {
        let [count, positive, negative] = Saved::load(bytes)?;
        let sum: [u8; 16] = Saved::load(bytes)?;
        Ok(IntervalState { count, sum: interval_from_bytes(&sum)?, positive, negative })
    }
}

struct MoneySum;

impl Fold for MoneySum {
    type State = Option<i64>;

    fn empty(&self) -> Option<i64> {
        None
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [Option<i64>],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        try_each(values_of!(args[0], Int8), args[0], rows, |row, value| {
            add_money(&mut states[groups[row] as usize], value)
        })
    }

    fn merge(&self, _: &Call<'_>, into: &mut Option<i64>, from: Option<i64>) -> Result<()> {
        from.map_or(Ok(()), |value| add_money(into, value))
    }

    saved!(Option<i64>);

    fn finish(&self, _: &Call<'_>, state: &Option<i64>, out: &mut ColumnBuilder) -> Result<()> {
        out.push(state.map(Datum::Int8));
        Ok(())
    }
}

fn add_money(sum: &mut Option<i64>, value: i64) -> Result<()> {
    let total = sum.unwrap_or(0).checked_add(value);
    *sum = Some(total.ok_or_else(|| err!(NUMERIC_VALUE_OUT_OF_RANGE, "money out of range"))?);
    Ok(())
}

macro_rules! sums {
    ($($transition:literal $finish:literal $squares:literal |$state:ident| $result:expr;)*) => {
        &[
            $(AggregateFunction {
                transition: $transition,
                finish: $finish,
                start: |_| Groups::start(Sum { squares: $squares, finish: |$state| $result }),
            },)*
            AggregateFunction {
                transition: "interval_avg_accum",
                finish: "interval_avg",
                start: |_| Groups::start(IntervalSum { average: true }),
            },
            AggregateFunction {
                transition: "interval_avg_accum",
                finish: "interval_sum",
                start: |_| Groups::start(IntervalSum { average: false }),
            },
            AggregateFunction { transition: "cash_pl", finish: "", start: |_| Groups::start(MoneySum) },
        ]
    };
}

pub const AGGREGATES: &[AggregateFunction] = sums! {
    "numeric_avg_accum" "numeric_avg" false |s| s.avg();
    "numeric_avg_accum" "numeric_sum" false |s| s.sum();
    "numeric_accum" "numeric_stddev_pop" true |s| s.stddev(false);
    "numeric_accum" "numeric_stddev_samp" true |s| s.stddev(true);
    "numeric_accum" "numeric_var_pop" true |s| s.variance(false);
    "numeric_accum" "numeric_var_samp" true |s| s.variance(true);
};
