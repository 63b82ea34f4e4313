//! generate_series over integers and numeric.

use crate::call::Call;
use crate::set::{ReadyRows, SetFunction, SetRows};
use adt::integer::{check_series_step, series_next};
use adt::numeric::Numeric;
use base::Result;
use datum::{ColumnBuilder, Datum, Values};

struct Integers {
    next: Option<i64>,
    stop: i64,
    step: i64,
    /// int4 rather than int8.
    narrow: bool,
}

impl SetRows for Integers {
    fn next(&mut self, _: &Call<'_>, limit: usize, out: &mut [ColumnBuilder]) -> Result<usize> {
        let mut produced = 0;
        let (values, _) = out[0].parts();
        while produced < limit
            && let Some(current) = self.next
        {
            match values {
                Values::Int4(values) => values.push(current as i32),
                Values::Int8(values) => values.push(current),
                _ => return Err(base::Error::internal("generate_series gives integers")),
            }
            self.next = series_next(current, self.step, self.stop);
            if self.narrow && self.next.is_some_and(|next| i32::try_from(next).is_err()) {
                self.next = None;
            }
            produced += 1;
        }
        Ok(produced)
    }
}

fn integers(args: &[Option<Datum<'_>>]) -> Result<Box<dyn SetRows>> {
    let mut narrow = false;
    let mut numbers = [0, 0, 1];
    for (number, arg) in numbers.iter_mut().zip(args) {
        *number = match arg {
            Some(Datum::Int4(v)) => {
                narrow = true;
                i64::from(*v)
            }
            Some(Datum::Int8(v)) => *v,
            _ => return Ok(ReadyRows::new(Vec::new())),
        };
    }
    let [start, stop, step] = numbers;
    check_series_step(step)?;
    let any = if step > 0 { start <= stop } else { start >= stop };
    Ok(Box::new(Integers { next: any.then_some(start), stop, step, narrow }))
}

struct Numerics {
    current: Numeric,
    stop: Numeric,
    step: Numeric,
}

impl SetRows for Numerics {
    fn next(&mut self, _: &Call<'_>, limit: usize, out: &mut [ColumnBuilder]) -> Result<usize> {
        let mut produced = 0;
        while produced < limit && self.current.series_includes(&self.stop, &self.step) {
            out[0].push(Some(Datum::Bytes(&self.current.to_payload())));
            self.current = self.current.add(&self.step)?;
            produced += 1;
        }
        Ok(produced)
    }
}

fn numerics(args: &[Option<Datum<'_>>]) -> Result<Box<dyn SetRows>> {
    let mut numbers = [Numeric::ZERO, Numeric::ZERO, Numeric::from(1)];
    for (number, arg) in numbers.iter_mut().zip(args) {
        match arg {
            Some(datum) => *number = Numeric::from_payload(datum.bytes())?,
            None => return Ok(ReadyRows::new(Vec::new())),
        }
    }
    let [current, stop, step] = numbers;
    Numeric::check_series(&current, &stop, &step)?;
    Ok(Box::new(Numerics { current, stop, step }))
}

pub const SETS: &[SetFunction] = &[
    SetFunction { source: "generate_series_int4", start: |_, args| integers(args) },
    SetFunction { source: "generate_series_step_int4", start: |_, args| integers(args) },
    SetFunction { source: "generate_series_int8", start: |_, args| integers(args) },
    SetFunction { source: "generate_series_step_int8", start: |_, args| integers(args) },
    SetFunction { source: "generate_series_numeric", start: |_, args| numerics(args) },
    SetFunction { source: "generate_series_step_numeric", start: |_, args| numerics(args) },
];
