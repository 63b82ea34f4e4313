//! Aggregates over floats. Sums add in the order of the rows; squares of differences from the mean are kept by the
//! method of Youngs and Cramer (1971), which loses less than the difference of sums.

use super::state::Saved;
use super::{Fold, Groups, each, saved, try_each, values_of};
use crate::aggregate::AggregateFunction;
use crate::call::Call;
use adt::float::{float4_add, float8_add, overflow};
use base::Result;
use datum::{Column, ColumnBuilder, Datum, Selection, Values};

macro_rules! plain_sum {
    ($name:ident $type:ty, $variant:ident, $add:ident) => {
        struct $name;

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
                try_each(values_of!(args[0], $variant), args[0], rows, |row, value| {
                    let state = &mut states[groups[row] as usize];
                    *state = Some(match *state {
                        Some(sum) => $add(sum, value)?,
                        None => value,
                    });
                    Ok(())
                })
            }

            fn merge(&self, _: &Call<'_>, into: &mut Option<$type>, from: Option<$type>) -> Result<()> {
                *into = match (*into, from) {
                    (Some(a), Some(b)) => Some($add(a, b)?),
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
    };
}

plain_sum!(Sum4 f32, Float4, float4_add);
plain_sum!(Sum8 f64, Float8, float8_add);

/// Count, sum, and sum of squared differences from the mean.
#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    #[inline]
    fn add(&mut self, value: f64) -> Result<()> {
        let (before, sum_before) = (self.n, self.sum);
        self.n += 1.0;
        self.sum += value;
        if before > 0.0 {
            let difference = value * self.n - self.sum;
            self.squares += difference * difference / (self.n * before);
            if self.sum.is_infinite() || self.squares.is_infinite() {
                if !sum_before.is_infinite() && !value.is_infinite() {
                    return Err(overflow());
                }
                self.squares = f64::NAN;
            }
        } else if value.is_nan() || value.is_infinite() {
            self.squares = f64::NAN;
        }
        Ok(())
    }

    fn merge(&mut self, other: Moments) -> Result<()> {
        if self.n == 0.0 {
            *self = other;
        } else if other.n > 0.0 {
            let n = self.n + other.n;
            let sum = float8_add(self.sum, other.sum)?;
            let difference = self.sum / self.n - other.sum / other.n;
            let squares = self.squares + other.squares + self.n * other.n * difference * difference / n;
            if squares.is_infinite() && !self.squares.is_infinite() && !other.squares.is_infinite() {
                return Err(overflow());
            }
            *self = Moments { n, sum, squares };
        }
        Ok(())
    }
}

struct Spread(fn(&Moments) -> Option<f64>);

impl Saved for Moments {
    fn save(&self, out: &mut Vec<u8>) {
        self.n.save(out);
        self.sum.save(out);
        self.squares.save(out);
    }

    fn load(bytes: &mut &[u8]) -> Result<Moments> {
        Ok(Moments { n: Saved::load(bytes)?, sum: Saved::load(bytes)?, squares: Saved::load(bytes)? })
    }
}

impl Fold for Spread {
    type State = Moments;

    fn empty(&self) -> Moments {
        Moments::default()
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [Moments],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        match args[0].values() {
            Values::Float8(values) => {
                try_each(values, args[0], rows, |row, v| states[groups[row] as usize].add(v))
            }
            _ => try_each(values_of!(args[0], Float4), args[0], rows, |row, v| {
                states[groups[row] as usize].add(f64::from(v))
            }),
        }
    }

    fn merge(&self, _: &Call<'_>, into: &mut Moments, from: Moments) -> Result<()> {
        into.merge(from)
    }

    saved!(Moments);

    fn finish(&self, _: &Call<'_>, state: &Moments, out: &mut ColumnBuilder) -> Result<()> {
        out.push((self.0)(state).map(Datum::Float8));
        Ok(())
    }
}

/// Moments of pairs: y is the first argument, x the second.
#[derive(Clone, Copy, Default)]
struct Pairs {
    n: f64,
    x: f64,
    xx: f64,
    y: f64,
    yy: f64,
    xy: f64,
}

impl Pairs {
    fn add(&mut self, y: f64, x: f64) -> Result<()> {
        let old = *self;
        self.n += 1.0;
        self.x += x;
        self.y += y;
        if old.n > 0.0 {
            let dx = x * self.n - self.x;
            let dy = y * self.n - self.y;
            let scale = 1.0 / (self.n * old.n);
            self.xx += dx * dx * scale;
            self.yy += dy * dy * scale;
            self.xy += dx * dy * scale;
            if [self.x, self.xx, self.y, self.yy, self.xy].iter().any(|v| v.is_infinite()) {
                let x_finite = !old.x.is_infinite() && !x.is_infinite();
                let y_finite = !old.y.is_infinite() && !y.is_infinite();
                let overflowed = ((self.x.is_infinite() || self.xx.is_infinite()) && x_finite)
                    || ((self.y.is_infinite() || self.yy.is_infinite()) && y_finite)
                    || (self.xy.is_infinite() && x_finite && y_finite);
                if overflowed {
                    return Err(overflow());
                }
                for square in [&mut self.xx, &mut self.yy, &mut self.xy] {
                    if square.is_infinite() {
                        *square = f64::NAN;
                    }
                }
            }
        } else {
            let (bad_x, bad_y) = (!x.is_finite(), !y.is_finite());
            if bad_x {
                (self.xx, self.xy) = (f64::NAN, f64::NAN);
            }
            if bad_y {
                (self.yy, self.xy) = (f64::NAN, f64::NAN);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Pairs) -> Result<()> {
        if self.n == 0.0 {
            *self = other;
        } else if other.n > 0.0 {
            let n = self.n + other.n;
            let dx = self.x / self.n - other.x / other.n;
            let dy = self.y / self.n - other.y / other.n;
            let weight = self.n * other.n / n;
            let merged = Pairs {
                n,
                x: float8_add(self.x, other.x)?,
                xx: self.xx + other.xx + weight * dx * dx,
                y: float8_add(self.y, other.y)?,
                yy: self.yy + other.yy + weight * dy * dy,
                xy: self.xy + other.xy + weight * dx * dy,
            };
            if [merged.xx, merged.yy, merged.xy].iter().any(|v| v.is_infinite()) {
                return Err(overflow());
            }
            *self = merged;
        }
        Ok(())
    }
}

struct Regression(fn(&Pairs) -> Option<f64>);

impl Saved for Pairs {
    fn save(&self, out: &mut Vec<u8>) {
        self.n.save(out);
        self.x.save(out);
        self.xx.save(out);
        self.y.save(out);
        self.yy.save(out);
        self.xy.save(out);
    }

    fn load(bytes: &mut &[u8]) -> Result<Pairs> {
        Ok(Pairs {
            n: Saved::load(bytes)?,
            x: Saved::load(bytes)?,
            xx: Saved::load(bytes)?,
            y: Saved::load(bytes)?,
            yy: Saved::load(bytes)?,
            xy: Saved::load(bytes)?,
        })
    }
}

impl Fold for Regression {
    type State = Pairs;

    fn empty(&self) -> Pairs {
        Pairs::default()
    }

    fn update(
        &self,
        _: &Call<'_>,
        states: &mut [Pairs],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        let (ys, xs) = (values_of!(args[0], Float8), values_of!(args[1], Float8));
        let mut failure = None;
        each(ys, args[0], rows, |row, y| {
            if !args[1].is_null(row) && failure.is_none() {
                failure = states[groups[row] as usize].add(y, xs[args[1].slot(row)]).err();
            }
        });
        failure.map_or(Ok(()), Err)
    }

    fn merge(&self, _: &Call<'_>, into: &mut Pairs, from: Pairs) -> Result<()> {
        into.merge(from)
    }

    saved!(Pairs);

    fn finish(&self, _: &Call<'_>, state: &Pairs, out: &mut ColumnBuilder) -> Result<()> {
        out.push((self.0)(state).map(Datum::Float8));
        Ok(())
    }
}

fn correlation(p: &Pairs) -> Option<f64> {
    // A constant variable correlates with nothing.
    if p.n < 1.0 || p.xx == 0.0 || p.yy == 0.0 {
        return None;
    }
    // The roots are taken apart so that the product does not overflow; rounding may lead out of -1..1.
    let product = p.xx * p.yy;
    let result = if product == 0.0 || product.is_infinite() {
        p.xy / (p.xx.sqrt() * p.yy.sqrt())
    } else {
        p.xy / product.sqrt()
    };
    Some(if result.is_nan() { result } else { result.clamp(-1.0, 1.0) })
}

macro_rules! floats {
    (
        spread: $($transition:literal $finish:literal |$m:ident| $spread:expr;)*
        regression: $($final:literal |$p:ident| $regression:expr;)*
    ) => {
        &[
            AggregateFunction { transition: "float4pl", finish: "", start: |_| Groups::start(Sum4) },
            AggregateFunction { transition: "float8pl", finish: "", start: |_| Groups::start(Sum8) },
            $(AggregateFunction {
                transition: $transition,
                finish: $finish,
                start: |_| Groups::start(Spread(|$m| $spread)),
            },)*
            $(AggregateFunction {
                transition: "float8_regr_accum",
                finish: $final,
                start: |_| Groups::start(Regression(|$p| $regression)),
            },)*
        ]
    };
}

pub const AGGREGATES: &[AggregateFunction] = floats! {
    spread:
    "float4_accum" "float8_avg" |m| (m.n > 0.0).then(|| m.sum / m.n);
    "float4_accum" "float8_var_pop" |m| (m.n > 0.0).then(|| m.squares / m.n);
    "float4_accum" "float8_var_samp" |m| (m.n > 1.0).then(|| m.squares / (m.n - 1.0));
    "float4_accum" "float8_stddev_pop" |m| (m.n > 0.0).then(|| (m.squares / m.n).sqrt());
    "float4_accum" "float8_stddev_samp" |m| (m.n > 1.0).then(|| (m.squares / (m.n - 1.0)).sqrt());
    "float8_accum" "float8_avg" |m| (m.n > 0.0).then(|| m.sum / m.n);
    "float8_accum" "float8_var_pop" |m| (m.n > 0.0).then(|| m.squares / m.n);
    "float8_accum" "float8_var_samp" |m| (m.n > 1.0).then(|| m.squares / (m.n - 1.0));
    "float8_accum" "float8_stddev_pop" |m| (m.n > 0.0).then(|| (m.squares / m.n).sqrt());
    "float8_accum" "float8_stddev_samp" |m| (m.n > 1.0).then(|| (m.squares / (m.n - 1.0)).sqrt());
    regression:
    "float8_regr_sxx" |p| (p.n > 0.0).then_some(p.xx);
    "float8_regr_syy" |p| (p.n > 0.0).then_some(p.yy);
    "float8_regr_sxy" |p| (p.n > 0.0).then_some(p.xy);
    "float8_regr_avgx" |p| (p.n > 0.0).then(|| p.x / p.n);
    "float8_regr_avgy" |p| (p.n > 0.0).then(|| p.y / p.n);
    "float8_covar_pop" |p| (p.n > 0.0).then(|| p.xy / p.n);
    "float8_covar_samp" |p| (p.n > 1.0).then(|| p.xy / (p.n - 1.0));
    "float8_corr" |p| correlation(p);
    "float8_regr_r2" |p| {
        if p.n < 1.0 || p.xx == 0.0 {
            None
        } else if p.yy == 0.0 {
            Some(1.0)
        } else {
            Some((p.xy * p.xy) / (p.xx * p.yy))
        }
    };
    "float8_regr_slope" |p| (p.n >= 1.0 && p.xx != 0.0).then(|| p.xy / p.xx);
    "float8_regr_intercept" |p| (p.n >= 1.0 && p.xx != 0.0).then(|| (p.y - p.x * p.xy / p.xx) / p.n);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_as_postgresql_keeps_them() {
        let mut m = Moments::default();
        [1.0, 2.0, 3.0, 4.0].iter().for_each(|v| m.add(*v).unwrap());
        assert_eq!((m.n, m.sum, m.squares), (4.0, 10.0, 5.0));
        let mut halves = [Moments::default(); 2];
        [1.0, 2.0].iter().for_each(|v| halves[0].add(*v).unwrap());
        [3.0, 4.0].iter().for_each(|v| halves[1].add(*v).unwrap());
        let [mut a, b] = halves;
        a.merge(b).unwrap();
        assert_eq!((a.n, a.sum, a.squares), (4.0, 10.0, 5.0));
        let mut m = Moments::default();
        m.add(f64::INFINITY).unwrap();
        assert!(m.squares.is_nan());
    }
}
