//! Ordered-set aggregates: percentiles and mode.
//!
//! The rows of a group come in the order of WITHIN GROUP (ORDER BY ...). The aggregated column is the last argument,
//! the direct argument, the same in all rows of a group, comes before it.

use super::{Fold, Groups};
use crate::aggregate::{Accumulator, AggregateFunction};
use crate::array::{Array, ElementType};
use crate::call::Call;
use crate::kernel::{interval_from_bytes, interval_to_bytes};
use crate::order::TypeEquality;
use base::{Oid, Result, bail};
use datum::{Column, ColumnBuilder, Datum, OwnedDatum, Selection};

#[derive(Clone, Default)]
struct OrderedState {
    values: Vec<OwnedDatum>,
    direct: Option<OwnedDatum>,
}

#[derive(Clone, Copy)]
enum Kind {
    Discrete,
    Float,
    Interval,
    Mode,
}

struct Ordered {
    kind: Kind,
    /// The direct argument is an array of fractions, and so is the result.
    many: bool,
}

impl Fold for Ordered {
    type State = OrderedState;

    fn empty(&self) -> OrderedState {
        OrderedState::default()
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [OrderedState],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        let (direct, sorted) = match args {
            [sorted] => (None, sorted),
            [direct, sorted] => (Some(direct), sorted),
            _ => return Err(base::Error::internal("an ordered-set aggregate of so many arguments")),
        };
        rows.for_each(|row| {
            let state = &mut states[groups[row] as usize];
            if state.direct.is_none() {
                state.direct = direct.and_then(|column| column.get(row)).map(Datum::to_owned);
            }
            state.values.extend(sorted.get(row).map(Datum::to_owned));
        });
        Ok(())
    }

    fn finish(&self, call: &Call<'_>, state: &OrderedState, out: &mut ColumnBuilder) -> Result<()> {
        let result = match self.kind {
            Kind::Mode => mode(call, &state.values)?,
            _ if state.values.is_empty() => None,
            _ => match &state.direct {
                None => None,
                Some(direct) if self.many => self.percentiles(call, &state.values, direct)?,
                Some(direct) => Some(self.percentile(&state.values, direct.as_datum().float8())?),
            },
        };
        out.push(result.as_ref().map(OwnedDatum::as_datum));
        Ok(())
    }

    fn held_bytes(state: &OrderedState) -> usize {
        let bytes = |value: &OwnedDatum| match value {
            OwnedDatum::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        state.values.capacity() * size_of::<OwnedDatum>() + state.values.iter().map(bytes).sum::<usize>()
    }
}

impl Ordered {
    fn percentile(&self, values: &[OwnedDatum], fraction: f64) -> Result<OwnedDatum> {
        if fraction.is_nan() || !(0.0..=1.0).contains(&fraction) {
            bail!(NUMERIC_VALUE_OUT_OF_RANGE, "percentile value {fraction} is not between 0 and 1");
        }
        if let Kind::Discrete | Kind::Mode = self.kind {
            let rank = (fraction * values.len() as f64).ceil() as usize;
            return Ok(values[rank.max(1) - 1].clone());
        }
        let place = fraction * (values.len() - 1) as f64;
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        let (first, second) = (values[low].as_datum(), values[high].as_datum());
        if low == high {
            return Ok(first.to_owned());
        }
        let share = place - low as f64;
        Ok(match self.kind {
            Kind::Interval => {
                let (first, second) =
                    (interval_from_bytes(first.bytes())?, interval_from_bytes(second.bytes())?);
                let between = second.subtract(&first)?.multiply(share)?.add(&first)?;
                OwnedDatum::Bytes(Box::new(interval_to_bytes(&between)))
            }
            _ => {
                let (first, second) = (first.float8(), second.float8());
                OwnedDatum::Float8(first + share * (second - first))
            }
        })
    }

    fn percentiles(
        &self,
        call: &Call<'_>,
        values: &[OwnedDatum],
        fractions: &OwnedDatum,
    ) -> Result<Option<OwnedDatum>> {
        let fractions = Array::read(call.session, fractions.as_datum().bytes())?;
        let element_type = match self.kind {
            Kind::Float => Oid(701),
            Kind::Interval => Oid(1186),
            _ => call.argument_type(1),
        };
        let element = ElementType::of(call.session, element_type)?;
        let mut results = Vec::with_capacity(fractions.view.len());
        for fraction in fractions.iter() {
            results.push(fraction?.map(|f| self.percentile(values, f.float8())).transpose()?);
        }
        let results = results.iter().map(|value| value.as_ref().map(OwnedDatum::as_datum));
        let array = element.shaped(results, &fractions.view.shape())?;
        Ok(Some(OwnedDatum::Bytes(array.into())))
    }
}

/// The value that comes most often, the first such.
fn mode(call: &Call<'_>, values: &[OwnedDatum]) -> Result<Option<OwnedDatum>> {
    let Some(mut current) = values.first() else { return Ok(None) };
    let equality = TypeEquality::of(call.session, call.argument_type(0))?;
    let (mut best, mut best_count, mut count) = (current, 0, 0);
    for value in values {
        if equality.equal(call.session, current.as_datum(), value.as_datum())? {
            count += 1;
        } else {
            (current, count) = (value, 1);
        }
        if count > best_count {
            (best, best_count) = (current, count);
        }
    }
    Ok(Some(best.clone()))
}

const fn of(finish: &'static str, start: fn(&Call<'_>) -> Result<Box<dyn Accumulator>>) -> AggregateFunction {
    AggregateFunction { transition: "ordered_set_transition", finish, start }
}

pub const AGGREGATES: &[AggregateFunction] = &[
    of("mode_final", |_| Groups::start(Ordered { kind: Kind::Mode, many: false })),
    of("percentile_disc_final", |_| Groups::start(Ordered { kind: Kind::Discrete, many: false })),
    of("percentile_disc_multi_final", |_| Groups::start(Ordered { kind: Kind::Discrete, many: true })),
    of("percentile_cont_float8_final", |_| Groups::start(Ordered { kind: Kind::Float, many: false })),
    of("percentile_cont_float8_multi_final", |_| Groups::start(Ordered { kind: Kind::Float, many: true })),
    of("percentile_cont_interval_final", |_| Groups::start(Ordered { kind: Kind::Interval, many: false })),
    of("percentile_cont_interval_multi_final", |_| {
        Groups::start(Ordered { kind: Kind::Interval, many: true })
    }),
];
