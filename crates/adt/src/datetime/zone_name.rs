//! What a zone name in SQL may mean: an abbreviation of fixed or of varying offset, or a zone.

use super::abbreviations::{self, AbbreviationMeaning};
use super::*;
use base::{Result, bail};

/// The meaning of a time-zone name such as those that `AT TIME ZONE` takes.
#[derive(Clone, Debug)]
pub enum ZoneSpec {
    /// An abbreviation or displacement: seconds east, and whether it is daylight time.
    Fixed { east: i32, is_dst: bool },
    /// An abbreviation (upper case) whose offset in this zone depends on the moment.
    Dynamic { abbreviation: String, zone: TimeZone },
    /// A full zone.
    Zone(TimeZone),
}

impl ZoneSpec {
    /// The meaning of an abbreviation in lower case; the session's zone comes first.
    ///
    /// # Errors
    /// A zone that the table of abbreviations names is missing.
    pub(crate) fn abbreviation(name: &str, context: &DateTimeContext) -> Result<Option<ZoneSpec>, Refusal> {
        let upper = name.to_ascii_uppercase();
        match context.zone.knows_abbreviation(&upper) {
            Some(Some(local)) => {
                return Ok(Some(ZoneSpec::Fixed { east: local.offset, is_dst: local.is_dst }));
            }
            Some(None) => {
                return Ok(Some(ZoneSpec::Dynamic { abbreviation: upper, zone: context.zone.clone() }));
            }
            None => {}
        }
        Ok(match abbreviations::find(name) {
            None => None,
            Some(AbbreviationMeaning::Standard(east)) => Some(ZoneSpec::Fixed { east, is_dst: false }),
            Some(AbbreviationMeaning::Daylight(east)) => Some(ZoneSpec::Fixed { east, is_dst: true }),
            Some(AbbreviationMeaning::InZone(zone)) => match context.zones.lookup(zone) {
                Some(zone) => Some(ZoneSpec::Dynamic { abbreviation: upper, zone }),
                None => return Err(Refusal::UnknownZone(zone.to_string())),
            },
        })
    }

    /// The meaning of any zone name.
    ///
    /// # Errors
    /// `22023` when there is no such zone.
    pub fn parse(name: &str, context: &DateTimeContext) -> Result<ZoneSpec> {
        let lower = name.to_ascii_lowercase();
        match ZoneSpec::abbreviation(&lower, context) {
            Ok(Some(spec)) => return Ok(spec),
            Ok(None) => {}
            Err(refusal) => return Err(refusal.into_error(name, "")),
        }
        match context.zones.lookup(name) {
            Some(zone) => Ok(ZoneSpec::Zone(zone)),
            None => bail!(INVALID_PARAMETER_VALUE, "time zone \"{name}\" not recognized"),
        }
    }

    /// Seconds east that local fields have under this name.
    pub fn offset_of_local(&self, civil: &Civil) -> i32 {
        match self {
            ZoneSpec::Fixed { east, .. } => *east,
            ZoneSpec::Zone(zone) => zone.offset_of_local(civil),
            ZoneSpec::Dynamic { .. } if !civil.is_valid_julian() => 0,
            ZoneSpec::Dynamic { abbreviation, zone } => {
                let (local, unix_secs) = zone.resolve(civil);
                zone.abbreviation_at(abbreviation, unix_secs).unwrap_or(local).offset
            }
        }
    }

    /// Seconds east at a finite moment.
    pub fn offset_at(&self, timestamp: TimestampTz) -> i32 {
        match self {
            ZoneSpec::Fixed { east, .. } => *east,
            ZoneSpec::Zone(zone) => zone.at(timestamp).offset,
            ZoneSpec::Dynamic { abbreviation, zone } => {
                let unix_secs = timestamp.div_euclid(USECS_PER_SEC) + UNIX_EPOCH_SECS;
                zone.abbreviation_at(abbreviation, unix_secs).unwrap_or(zone.at_unix(unix_secs)).offset
            }
        }
    }
}
