//! random() and its kin: one generator for each session, seeded from the system or by setseed.
//!
//! The generator is xoroshiro128** (Blackman and Vigna), as PostgreSQL's is, so that a seed gives the same numbers.

use crate::call::{Call, Function};
use crate::table::functions;
use adt::numeric::Numeric;
use base::{Result, bail};
use std::sync::{Mutex, PoisonError};

#[derive(Clone, Copy)]
struct Generator {
    a: u64,
    b: u64,
}

fn split_mix(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut v = *seed;
    v = (v ^ v >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    v = (v ^ v >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    v ^ v >> 31
}

impl Generator {
    fn seeded(mut seed: u64) -> Generator {
        let generator = Generator { a: split_mix(&mut seed), b: split_mix(&mut seed) };
        // The all-zero state would stay so.
        if generator.a == 0 && generator.b == 0 {
            return Generator { a: 0x5851_f42d_4c95_7f2d, b: 0x1405_7b7e_f767_814f };
        }
        generator
    }

    /// A seed in -1..=1 stands for a whole number of 52 bits.
    fn seeded_by_float(seed: f64) -> Generator {
        Generator::seeded(((((1_u64 << 52) - 1) as f64) * seed) as i64 as u64)
    }

    fn next(&mut self) -> u64 {
        let (a, b) = (self.a, self.b ^ self.a);
        let value = a.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        self.a = a.rotate_left(24) ^ b ^ b << 16;
        self.b = b.rotate_left(37);
        value
    }

    /// In 0..1, of 52 random bits.
    fn unit(&mut self) -> f64 {
        (self.next() >> (64 - 52)) as f64 / (1_u64 << 52) as f64
    }

    /// In `low..=high`, without bias: numbers out of range are drawn again.
    fn between(&mut self, low: u64, high: u64) -> u64 {
        if low >= high {
            return low;
        }
        let range = high - low;
        let shift = range.leading_zeros();
        loop {
            let value = self.next() >> shift;
            if value <= range {
                return low + value;
            }
        }
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.unit(), 1.0 - self.unit());
        // The Box-Muller transform.
        (-2.0 * u.ln()).sqrt() * (2.0 * std::f64::consts::PI * v).sin()
    }
}

fn with_generator<R>(call: &Call<'_>, f: impl FnOnce(&mut Generator) -> R) -> R {
    let random = &call.session.instance().system.random;
    let kept =
        call.session.extension("functions.random", || Mutex::new(Generator::seeded(random.next_u64())));
    f(&mut kept.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A random number below `bound`, which is not 0.
pub fn below(call: &Call<'_>, bound: u64) -> u64 {
    with_generator(call, |g| g.between(0, bound - 1))
}

fn set_seed(call: &Call<'_>, seed: f64) -> Result<()> {
    if seed.is_nan() || !(-1.0..=1.0).contains(&seed) {
        bail!(INVALID_PARAMETER_VALUE, "setseed parameter {seed} is out of allowed range [-1,1]");
    }
    with_generator(call, |g| *g = Generator::seeded_by_float(seed));
    Ok(())
}

fn between(call: &Call<'_>, low: i64, high: i64) -> Result<i64> {
    if low > high {
        bail!(INVALID_PARAMETER_VALUE, "lower bound must be less than or equal to upper bound");
    }
    let range = (high as u64).wrapping_sub(low as u64);
    Ok(low.wrapping_add(with_generator(call, |g| g.between(0, range)) as i64))
}

fn numeric_between(call: &Call<'_>, low: &Numeric, high: &Numeric) -> Result<Numeric> {
    for (bound, which) in [(low, "lower"), (high, "upper")] {
        if bound.is_nan() {
            bail!(INVALID_PARAMETER_VALUE, "{which} bound cannot be NaN");
        }
        if bound.is_infinite() {
            bail!(INVALID_PARAMETER_VALUE, "{which} bound cannot be infinity");
        }
    }
    if low > high {
        bail!(INVALID_PARAMETER_VALUE, "lower bound must be less than or equal to upper bound");
    }
    let scale = low.display_scale().unwrap_or(0).max(high.display_scale().unwrap_or(0));
    let span = high.sub(low)?;
    // Random decimal digits below the span in units of the scale.
    let units = span.mul(&Numeric::from(10_i64).power(&Numeric::from(i64::from(scale)))?)?.round(0)?;
    let Some(units) = units.to_i128().and_then(|u| u64::try_from(u).ok()) else {
        return Err(base::Error::unsupported("random numeric over more than 19 digits"));
    };
    let drawn = with_generator(call, |g| g.between(0, units));
    let offset = Numeric::from(i128::from(drawn))
        .div(&Numeric::from(10_i64).power(&Numeric::from(i64::from(scale)))?)?;
    low.add(&offset.round(scale)?)?.round(scale)
}

pub const FUNCTIONS: &[Function] = functions! {
    "drandom" [call] () -> f64 = Ok(with_generator(call, Generator::unit));
    "drandom_normal" [call] (mean: f64, deviation: f64) -> f64 =
        Ok(deviation * with_generator(call, Generator::normal) + mean);
    "setseed" [call] (seed: f64) -> () = set_seed(call, seed);
    "int4random" [call] (low: i32, high: i32) -> i32 = Ok(between(call, low.into(), high.into())? as i32);
    "int8random" [call] (low: i64, high: i64) -> i64 = between(call, low, high);
    "numeric_random" [call] (low: Numeric, high: Numeric) -> Numeric = numeric_between(call, &low, &high);
};
