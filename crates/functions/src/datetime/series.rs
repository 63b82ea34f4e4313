//! generate_series over timestamps.

use crate::call::Call;
use crate::kernel::interval_from_bytes;
use crate::set::{SetFunction, SetRows};
use adt::datetime::{TimeZone, TimestampSeries, ZoneSpec};
use base::Result;
use datum::{ColumnBuilder, Datum};

struct Moments(TimestampSeries);

impl SetRows for Moments {
    fn next(&mut self, _: &Call<'_>, limit: usize, out: &mut [ColumnBuilder]) -> Result<usize> {
        let mut produced = 0;
        for moment in self.0.by_ref().take(limit) {
            out[0].push(Some(Datum::Int8(moment?)));
            produced += 1;
        }
        Ok(produced)
    }
}

fn start(args: &[Option<Datum<'_>>], zone: Option<TimeZone>) -> Result<Box<dyn SetRows>> {
    match args {
        [Some(start), Some(stop), Some(step), ..] => {
            let step = interval_from_bytes(step.bytes())?;
            Ok(Box::new(Moments(TimestampSeries::new(start.int8(), stop.int8(), step, zone)?)))
        }
        _ => Ok(crate::set::ReadyRows::new(Vec::new())),
    }
}

pub const TIMESTAMP: SetFunction =
    SetFunction { source: "generate_series_timestamp", start: |_, args| start(args, None) };
pub const TIMESTAMPTZ: SetFunction =
    SetFunction { source: "generate_series_timestamptz", start: |call, args| start(args, Some(call.zone())) };
pub const TIMESTAMPTZ_AT_ZONE: SetFunction = SetFunction {
    source: "generate_series_timestamptz_at_zone",
    start: |call, args| {
        let zone = match args.get(3).copied().flatten() {
            Some(name) => match call.zone_named(name.text())? {
                ZoneSpec::Fixed { east, .. } => TimeZone::fixed(east),
                ZoneSpec::Dynamic { zone, .. } | ZoneSpec::Zone(zone) => zone,
            },
            None => call.zone(),
        };
        start(args, Some(zone))
    },
};
