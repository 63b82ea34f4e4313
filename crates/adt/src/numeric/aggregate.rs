//! Running sums for sum, avg, variance and stddev.

use super::{Numeric, NumericView, Sign};
use base::Result;

/// The fast part of a sum counts in units of 10000^-4.
const FAST_LOW: i32 = -4;
/// The largest weight that goes to the fast part: magnitudes below 10^16.
const FAST_WEIGHT: i32 = 3;

/// An exact sum: 128 bits for numbers of ordinary size, a `Numeric` for the others.
#[derive(Clone, Debug)]
struct ExactSum {
    fast: i128,
    /// Boxed, as most sums never need it and there may be one for each of many groups.
    slow: Option<Box<Numeric>>,
    scale: i32,
}

impl ExactSum {
    const ZERO: ExactSum = ExactSum { fast: 0, slow: None, scale: 0 };

    fn add_units(&mut self, units: i128) {
        match self.fast.checked_add(units) {
            Some(sum) => self.fast = sum,
            None => {
                self.flush();
                self.fast = units;
            }
        }
    }

    fn flush(&mut self) {
        let fast = Numeric::from_units(self.fast, FAST_LOW, 0);
        self.add_slow(&fast);
        self.fast = 0;
    }

    fn add_slow(&mut self, number: &Numeric) {
        let slow = self.slow.get_or_insert_with(|| Box::new(Numeric::ZERO));
        **slow = slow.add_finite(number);
    }

    fn add(&mut self, number: &Numeric) {
        self.scale = self.scale.max(number.scale);
        self.add_slow(number);
    }

    fn total(&self) -> Numeric {
        let mut total = Numeric::from_units(self.fast, FAST_LOW, 0);
        if let Some(slow) = &self.slow {
            total = slow.add_finite(&total);
        }
        total.scale = self.scale;
        total
    }

    /// The sum in fast units, if it is known in them.
    fn fast_total(&self) -> Option<i128> {
        self.slow.is_none().then_some(self.fast)
    }

    fn merge(&mut self, other: &ExactSum) {
        self.scale = self.scale.max(other.scale);
        self.add_units(other.fast);
        if let Some(slow) = &other.slow {
            self.add_slow(slow);
        }
    }
}

/// Powers of 10000.
const POWERS: [i128; 9] = {
    let mut powers = [1; 9];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10_000;
        at += 1;
    }
    powers
};

/// The value in fast units, when it has that size.
fn fast_units(view: &NumericView<'_>) -> Option<i128> {
    let count = view.digit_count() as i32;
    let low = view.weight + 1 - count;
    if view.sign.is_special() || view.weight > FAST_WEIGHT || low < FAST_LOW {
        return None;
    }
    let magnitude = if count <= 4 {
        i128::from(view.digits().fold(0_i64, |value, digit| value * 10_000 + i64::from(digit)))
    } else {
        view.digits().fold(0_i128, |value, digit| value * 10_000 + i128::from(digit))
    };
    let units = magnitude * POWERS[(low - FAST_LOW) as usize];
    Some(if view.sign == Sign::Negative { -units } else { units })
}

/// The value in fast units and the display scale of a payload in the short form, of up to four digits and without a
/// part below 10000^-4.
#[inline]
fn short_units(payload: &[u8]) -> Option<(i128, i32)> {
    let (negative, scale, weight) = super::payload::short_header(payload)?;
    let digits = &payload[2..];
    let count = (digits.len() / 2) as i32;
    let low = weight + 1 - count;
    if count > 4 || weight > FAST_WEIGHT || low < FAST_LOW {
        return None;
    }
    let digit = |pair: &[u8]| i64::from(u16::from_le_bytes([pair[0], pair[1]]));
    let magnitude = digits.chunks_exact(2).fold(0, |value, pair| value * 10_000 + digit(pair));
    let units = i128::from(magnitude) * POWERS[(low - FAST_LOW) as usize];
    Some((if negative { -units } else { units }, scale))
}

/// State of sum, avg, variance and stddev over numeric. Special values are counted apart, so that they can leave a
/// moving window again.
#[derive(Clone, Debug)]
pub struct NumericSum {
    count: i64,
    sum: ExactSum,
    squares: Option<Box<ExactSum>>,
    max_scale: i32,
    max_scale_count: i64,
    specials: Option<Box<Specials>>,
}

/// How many special values there were.
#[derive(Clone, Copy, Debug, Default)]
struct Specials {
    nan: i64,
    infinity: i64,
    negative_infinity: i64,
}

impl NumericSum {
    /// `with_squares` is needed for variance and stddev.
    pub fn new(with_squares: bool) -> NumericSum {
        NumericSum {
            count: 0,
            sum: ExactSum::ZERO,
            squares: with_squares.then(|| Box::new(ExactSum::ZERO)),
            max_scale: 0,
            max_scale_count: 0,
            specials: None,
        }
    }

    fn specials(&self) -> Specials {
        self.specials.as_deref().copied().unwrap_or_default()
    }

    /// Numbers added so far, special values included.
    pub fn count(&self) -> i64 {
        let specials = self.specials();
        self.count + specials.nan + specials.infinity + specials.negative_infinity
    }

    fn count_special(&mut self, sign: Sign, step: i64) {
        let specials = self.specials.get_or_insert_default();
        match sign {
            Sign::NaN => specials.nan += step,
            Sign::Infinity => specials.infinity += step,
            Sign::NegativeInfinity => specials.negative_infinity += step,
            Sign::Positive | Sign::Negative => {}
        }
    }

    /// Adds a stored number.
    ///
    /// # Errors
    /// `XX001`
    pub fn add(&mut self, view: &NumericView<'_>) -> Result<()> {
        if view.sign.is_special() {
            self.count_special(view.sign, 1);
            return Ok(());
        }
        if view.scale > self.max_scale {
            (self.max_scale, self.max_scale_count) = (view.scale, 1);
        } else if view.scale == self.max_scale {
            self.max_scale_count += 1;
        }
        self.count += 1;
        if self.squares.is_none()
            && let Some(units) = fast_units(view)
        {
            self.sum.scale = self.sum.scale.max(view.scale);
            self.sum.add_units(units);
            return Ok(());
        }
        self.add_slowly(&view.to_numeric()?);
        Ok(())
    }

    /// As [`NumericSum::add`], with a shorter way for the payloads that most numbers have.
    ///
    /// # Errors
    /// `XX001`
    #[inline]
    pub fn add_payload(&mut self, payload: &[u8]) -> Result<()> {
        if self.squares.is_none()
            && let Some((units, scale)) = short_units(payload)
            && let Some(sum) = self.sum.fast.checked_add(units)
        {
            self.sum.fast = sum;
            self.count += 1;
            if scale == self.max_scale {
                self.max_scale_count += 1;
            } else if scale > self.max_scale {
                (self.max_scale, self.max_scale_count) = (scale, 1);
                self.sum.scale = self.sum.scale.max(scale);
            }
            return Ok(());
        }
        self.add(&NumericView::new(payload)?)
    }

    /// Powers of 10000 behind the point that the units of the fast part count in.
    pub const UNIT_GROUPS: i32 = -FAST_LOW;

    /// Adds a finite number of `units` * 10000^-[`NumericSum::UNIT_GROUPS`] with this display scale; false, and nothing
    /// done, where squares are kept too.
    #[inline]
    pub fn add_units(&mut self, units: i128, scale: i32) -> bool {
        if self.squares.is_some() {
            return false;
        }
        self.sum.add_units(units);
        self.count += 1;
        if scale == self.max_scale {
            self.max_scale_count += 1;
        } else if scale > self.max_scale {
            (self.max_scale, self.max_scale_count) = (scale, 1);
            self.sum.scale = self.sum.scale.max(scale);
        }
        true
    }

    /// Adds a number from memory.
    pub fn add_numeric(&mut self, number: &Numeric) -> Result<()> {
        self.add(&NumericView::new(&number.to_payload())?)
    }

    fn add_slowly(&mut self, number: &Numeric) {
        self.sum.add(number);
        if let Some(squares) = &mut self.squares {
            squares.add(&number.mul_finite(number));
        }
    }

    /// Takes a number out again; false when the scale of the remaining sum would not be known, and the aggregate
    /// must start anew.
    ///
    /// # Errors
    /// `XX001`
    pub fn remove(&mut self, view: &NumericView<'_>) -> Result<bool> {
        if view.sign.is_special() {
            self.count_special(view.sign, -1);
            return Ok(true);
        }
        if view.scale == self.max_scale {
            if self.max_scale_count > 1 || self.max_scale == 0 {
                self.max_scale_count -= 1;
            } else if self.count == 1 {
                (self.max_scale, self.max_scale_count) = (0, 0);
            } else {
                return Ok(false);
            }
        }
        self.count -= 1;
        if self.count == 0 {
            self.sum = ExactSum::ZERO;
            if let Some(squares) = &mut self.squares {
                **squares = ExactSum::ZERO;
            }
            return Ok(true);
        }
        let number = view.to_numeric()?;
        self.sum.add(&number.negate());
        if let Some(squares) = &mut self.squares {
            squares.add(&number.mul_finite(&number).negate());
        }
        Ok(true)
    }

    /// Adds another state, from a parallel worker.
    pub fn combine(&mut self, other: &NumericSum) {
        if other.max_scale > self.max_scale {
            (self.max_scale, self.max_scale_count) = (other.max_scale, other.max_scale_count);
        } else if other.max_scale == self.max_scale {
            self.max_scale_count += other.max_scale_count;
        }
        self.count += other.count;
        if let Some(theirs) = &other.specials {
            let specials = self.specials.get_or_insert_default();
            specials.nan += theirs.nan;
            specials.infinity += theirs.infinity;
            specials.negative_infinity += theirs.negative_infinity;
        }
        self.sum.merge(&other.sum);
        if let (Some(mine), Some(theirs)) = (&mut self.squares, &other.squares) {
            mine.merge(theirs);
        }
    }

    /// Count, largest scale, how many have it, NaNs, infinities, negative infinities: with [`NumericSum::sums`], all
    /// there is to a state.
    pub fn counts(&self) -> [i64; 6] {
        let specials = self.specials();
        [
            self.count,
            i64::from(self.max_scale),
            self.max_scale_count,
            specials.nan,
            specials.infinity,
            specials.negative_infinity,
        ]
    }

    /// The finite sum in units of [`NumericSum::UNIT_GROUPS`] and its display scale, for sums that have it and keep no squares.
    pub fn plain_sum(&self) -> Option<(i128, i32)> {
        if self.squares.is_some() || self.specials.is_some() {
            return None;
        }
        self.sum.fast_total().map(|units| (units, self.sum.scale))
    }

    /// The inverse of [`NumericSum::counts`] and [`NumericSum::plain_sum`].
    pub fn from_plain(counts: [i64; 6], units: i128, scale: i32) -> NumericSum {
        let mut sum = NumericSum::from_parts(counts, Numeric::ZERO, None);
        sum.sum = ExactSum { fast: units, slow: None, scale };
        sum
    }

    /// The finite sum, and that of squares where they are kept.
    pub fn sums(&self) -> impl Iterator<Item = Numeric> {
        std::iter::once(self.sum.total()).chain(self.squares.as_ref().map(|squares| squares.total()))
    }

    /// The inverse of [`NumericSum::counts`] and [`NumericSum::sums`].
    pub fn from_parts(counts: [i64; 6], sum: Numeric, squares: Option<Numeric>) -> NumericSum {
        let exact = |number: Numeric| ExactSum { fast: 0, scale: number.scale, slow: Some(Box::new(number)) };
        let [count, max_scale, max_scale_count, nan, infinity, negative_infinity] = counts;
        let is_special = nan != 0 || infinity != 0 || negative_infinity != 0;
        NumericSum {
            count,
            sum: exact(sum),
            squares: squares.map(|squares| Box::new(exact(squares))),
            max_scale: max_scale as i32,
            max_scale_count,
            specials: is_special.then(|| Box::new(Specials { nan, infinity, negative_infinity })),
        }
    }

    fn special_sum(&self) -> Option<Numeric> {
        let specials = self.specials();
        if specials.nan > 0 || (specials.infinity > 0 && specials.negative_infinity > 0) {
            Some(Numeric::NAN)
        } else if specials.infinity > 0 {
            Some(Numeric::INFINITY)
        } else if specials.negative_infinity > 0 {
            Some(Numeric::NEGATIVE_INFINITY)
        } else {
            None
        }
    }

    /// `sum`; `None` for no input. Errors: `22003`.
    pub fn sum(&self) -> Result<Option<Numeric>> {
        if self.count() == 0 {
            return Ok(None);
        }
        match self.special_sum() {
            Some(special) => Ok(Some(special)),
            None => self.sum.total().checked().map(Some),
        }
    }

    /// `avg`; `None` for no input. Errors: `22003`.
    pub fn avg(&self) -> Result<Option<Numeric>> {
        if self.count() == 0 {
            return Ok(None);
        }
        match self.special_sum() {
            Some(special) => Ok(Some(special)),
            None => self.sum.total().div(&Numeric::from(self.count)).map(Some),
        }
    }

    /// `var_samp` or `var_pop`; `None` where undefined. Errors: `22003`.
    pub fn variance(&self, sample: bool) -> Result<Option<Numeric>> {
        self.spread(sample, true)
    }

    /// `stddev_samp` or `stddev_pop`; `None` where undefined. Errors: `22003`.
    pub fn stddev(&self, sample: bool) -> Result<Option<Numeric>> {
        self.spread(sample, false)
    }

    fn spread(&self, sample: bool, variance: bool) -> Result<Option<Numeric>> {
        let count = self.count();
        if count == 0 || (sample && count <= 1) {
            return Ok(None);
        }
        if self.special_sum().is_some() {
            return Ok(Some(Numeric::NAN));
        }
        let squares = self.squares.as_ref().map_or(Numeric::ZERO, |squares| squares.total());
        spread(self.count, &self.sum.total(), &squares, sample, variance).map(Some)
    }
}

/// (N * sum of squares - square of sum) / (N * N) or / (N * (N - 1)).
fn spread(count: i64, sum: &Numeric, squares: &Numeric, sample: bool, variance: bool) -> Result<Numeric> {
    let n = Numeric::from(count);
    let scale = sum.scale * 2;
    let numerator = n.mul_rounded(squares, scale).sub_finite(&sum.mul_rounded(sum, scale));
    if numerator.is_zero() || numerator.is_negative() {
        return Ok(Numeric::ZERO);
    }
    let divisor = n.mul_finite(&if sample { Numeric::from(count - 1) } else { n.clone() });
    let scale = numerator.division_scale(&divisor);
    let quotient = numerator.div_finite(&divisor, scale, true);
    if variance { quotient } else { quotient.sqrt_finite(scale) }.checked()
}

/// State of sum, avg, variance and stddev over integers: 128-bit sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Int128Sum {
    pub count: i64,
    pub sum: i128,
    /// Sum of squares of integers up to 32 bits; wider ones go through [`NumericSum`].
    pub squares: i128,
}

impl Int128Sum {
    #[inline]
    pub fn add(&mut self, value: i64) {
        self.count += 1;
        self.sum += i128::from(value);
    }

    #[inline]
    pub fn add_with_square(&mut self, value: i64) {
        self.add(value);
        self.squares += i128::from(value) * i128::from(value);
    }

    pub fn remove(&mut self, value: i64) {
        self.count -= 1;
        self.sum -= i128::from(value);
    }

    pub fn remove_with_square(&mut self, value: i64) {
        self.remove(value);
        self.squares -= i128::from(value) * i128::from(value);
    }

    pub fn combine(&mut self, other: &Int128Sum) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// `sum` as numeric; `None` for no input.
    pub fn sum(&self) -> Option<Numeric> {
        (self.count > 0).then(|| Numeric::from(self.sum))
    }

    /// `avg`; `None` for no input. Errors: `22003`.
    pub fn avg(&self) -> Result<Option<Numeric>> {
        match self.sum() {
            Some(sum) => sum.div(&Numeric::from(self.count)).map(Some),
            None => Ok(None),
        }
    }

    /// `var_samp` or `var_pop`; `None` where undefined. Errors: `22003`.
    pub fn variance(&self, sample: bool) -> Result<Option<Numeric>> {
        self.spread(sample, true)
    }

    /// `stddev_samp` or `stddev_pop`; `None` where undefined. Errors: `22003`.
    pub fn stddev(&self, sample: bool) -> Result<Option<Numeric>> {
        self.spread(sample, false)
    }

    fn spread(&self, sample: bool, variance: bool) -> Result<Option<Numeric>> {
        if self.count == 0 || (sample && self.count <= 1) {
            return Ok(None);
        }
        spread(self.count, &Numeric::from(self.sum), &Numeric::from(self.squares), sample, variance).map(Some)
    }
}
