//! `generate_series` over timestamps.

use super::*;
use base::{Result, bail};

/// The moments from `start` to `finish` in steps of an interval.
#[derive(Clone, Debug)]
pub struct TimestampSeries {
    next: Option<Timestamp>,
    finish: Timestamp,
    step: Interval,
    ascending: bool,
    /// The calendar on which a timestamptz is stepped.
    zone: Option<TimeZone>,
}

impl TimestampSeries {
    /// # Errors
    /// `22023` for a step that is zero or infinite.
    pub fn new(
        start: Timestamp,
        finish: Timestamp,
        step: Interval,
        zone: Option<TimeZone>,
    ) -> Result<TimestampSeries> {
        if !step.is_finite() {
            bail!(INVALID_PARAMETER_VALUE, "step size cannot be infinite");
        }
        let span = step.span();
        if span == 0 {
            bail!(INVALID_PARAMETER_VALUE, "step size cannot equal zero");
        }
        Ok(TimestampSeries { next: Some(start), finish, step, ascending: span > 0, zone })
    }
}

impl Iterator for TimestampSeries {
    type Item = Result<Timestamp>;

    fn next(&mut self) -> Option<Result<Timestamp>> {
        let current = self.next?;
        let past = if self.ascending { current > self.finish } else { current < self.finish };
        if past {
            self.next = None;
            return None;
        }
        let following = match &self.zone {
            Some(zone) => timestamptz_add(current, &self.step, zone),
            None => timestamp_add(current, &self.step),
        };
        match following {
            Ok(following) => {
                self.next = Some(following);
                Some(Ok(current))
            }
            Err(error) => {
                self.next = None;
                Some(Err(error))
            }
        }
    }
}
