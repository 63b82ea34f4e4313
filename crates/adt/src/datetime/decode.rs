//! From the fields of a text to a moment: the rules that decide which field is what.
//!
//! Each field claims the parts of the moment that it sets; a part that is claimed twice is an error. Zones that
//! depend on the moment are resolved last.

use super::decode_time::{clock, displacement, fraction, micros_fraction, time_overflows};
use super::split::{Field, FieldKind};
use super::tokens::{Reserved, Unit, Word, find_word};
use super::*;
use std::ops::{BitAnd, BitOr};

/// A set of parts of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask(u32);

impl Mask {
    pub const NONE: Mask = Mask(0);
    pub const YEAR: Mask = Mask(1);
    pub const MONTH: Mask = Mask(2);
    pub const DAY: Mask = Mask(4);
    pub const DATE: Mask = Mask(7);
    pub const TIME: Mask = Mask(8);
    pub const ZONE: Mask = Mask(16);
    pub const DAYLIGHT: Mask = Mask(32);
    pub const DAYLIGHT_MODIFIER: Mask = Mask(64);
    pub const DAY_OF_YEAR: Mask = Mask(128);
    pub const DAY_OF_WEEK: Mask = Mask(256);
    pub const MERIDIAN: Mask = Mask(512);
    pub const ERA: Mask = Mask(1024);

    pub fn contains(self, other: Mask) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn without(self, other: Mask) -> Mask {
        Mask(self.0 & !other.0)
    }
}

impl BitOr for Mask {
    type Output = Mask;
    fn bitor(self, other: Mask) -> Mask {
        Mask(self.0 | other.0)
    }
}

impl BitAnd for Mask {
    type Output = Mask;
    fn bitand(self, other: Mask) -> Mask {
        Mask(self.0 & other.0)
    }
}

/// The digits at the start of `text` and the rest.
pub(super) fn leading_int(text: &str) -> Result<(i32, &str), Refusal> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    if end == 0 {
        return Err(Refusal::BadFormat);
    }
    let value = text[..end].parse().map_err(|_| Refusal::FieldOverflow)?;
    Ok((value, &text[end..]))
}

/// What a text says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// Local fields, and the offset in seconds east.
    Civil(Civil, i32),
    Epoch,
    Late,
    Early,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Julian,
    Time,
    Other,
}

/// Which texts a decoder reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    DateTime,
    TimeOnly,
}

pub(super) struct Decoder<'a> {
    pub context: &'a DateTimeContext<'a>,
    target: Target,
    pub civil: Civil,
    pub mask: Mask,
    pub day_of_year: i32,
    pub two_digit_year: bool,
    pub is_julian: bool,
    pub bc: bool,
    text_month: bool,
    /// Whether PM.
    meridian: Option<bool>,
    label: Option<Label>,
    east: i32,
    named_zone: Option<TimeZone>,
    dynamic: Option<ZoneSpec>,
    special: Option<Moment>,
}

/// Reads the fields of a date or timestamp.
pub(super) fn decode_datetime(fields: &[Field], context: &DateTimeContext) -> Result<Moment, Refusal> {
    let mut decoder = Decoder::new(context, Target::DateTime);
    decoder.read(fields)?;
    decoder.finish_datetime()
}

/// Reads the fields of a time of day; the offset is that of the session's zone unless one is given.
pub(super) fn decode_time(fields: &[Field], context: &DateTimeContext) -> Result<(Civil, i32), Refusal> {
    let mut decoder = Decoder::new(context, Target::TimeOnly);
    decoder.read(fields)?;
    decoder.finish_time()
}

impl<'a> Decoder<'a> {
    fn new(context: &'a DateTimeContext<'a>, target: Target) -> Decoder<'a> {
        Decoder {
            context,
            target,
            civil: Civil::default(),
            mask: Mask::NONE,
            day_of_year: 0,
            two_digit_year: false,
            is_julian: false,
            bc: false,
            text_month: false,
            meridian: None,
            label: None,
            east: 0,
            named_zone: None,
            dynamic: None,
            special: None,
        }
    }

    /// Marks parts as set; no part may be set twice.
    pub(super) fn claim(&mut self, parts: Mask) -> Result<(), Refusal> {
        if self.mask & parts != Mask::NONE {
            return Err(Refusal::BadFormat);
        }
        self.mask = self.mask | parts;
        Ok(())
    }

    pub(super) fn fraction_of_second(&mut self, text: &str) -> Result<(), Refusal> {
        self.civil.micros = micros_fraction(text)?;
        Ok(())
    }

    fn read(&mut self, fields: &[Field]) -> Result<(), Refusal> {
        for (at, field) in fields.iter().enumerate() {
            let text = field.text.as_str();
            let parts = match (field.kind, self.target) {
                (FieldKind::Date, Target::DateTime) => self.date_field(text)?,
                (FieldKind::Date, Target::TimeOnly) => self.date_field_of_time(fields, at)?,
                (FieldKind::Time, _) => self.time_field(text)?,
                (FieldKind::Signed, _) => {
                    self.east = displacement(text)?;
                    Mask::ZONE
                }
                (FieldKind::Number, _) if self.label.is_some() => self.labelled_number(text)?,
                (FieldKind::Number, Target::DateTime) => self.number_field(text)?,
                (FieldKind::Number, Target::TimeOnly) => self.number_field_of_time(fields, at)?,
                (FieldKind::Word | FieldKind::SignedWord, _) => match self.word_field(text)? {
                    Some(parts) => parts,
                    None => continue,
                },
            };
            self.claim(parts)?;
        }
        // A label must be followed by what it labels.
        if self.label.is_some() { Err(Refusal::BadFormat) } else { Ok(()) }
    }

    /// A joined field: a date, a zone name, or a run-together time with a displacement.
    fn date_field(&mut self, text: &str) -> Result<Mask, Refusal> {
        if self.label == Some(Label::Julian) {
            let (day, rest) = leading_int(text)?;
            self.civil.set_julian_day(day);
            self.is_julian = true;
            self.east = displacement(rest)?;
            self.label = None;
            return Ok(Mask::DATE | Mask::TIME | Mask::ZONE);
        }
        if self.label.is_none() && !self.mask.contains(Mask::MONTH | Mask::DAY) {
            return self.joined_date(text);
        }
        if self.label.is_some() || text.starts_with(|c: char| c.is_ascii_digit()) {
            if self.label.take().is_some_and(|label| label != Label::Time) {
                return Err(Refusal::BadFormat);
            }
            return self.time_with_displacement(text, self.mask);
        }
        self.zone_name_field(text)
    }

    /// `hhmmss-zz`
    fn time_with_displacement(&mut self, text: &str, known: Mask) -> Result<Mask, Refusal> {
        if self.mask.contains(Mask::TIME) {
            return Err(Refusal::BadFormat);
        }
        let at = text.find('-').ok_or(Refusal::BadFormat)?;
        self.east = displacement(&text[at..])?;
        Ok(self.concatenated(&text[..at], known)? | Mask::ZONE)
    }

    fn zone_name_field(&mut self, text: &str) -> Result<Mask, Refusal> {
        match self.context.zones.lookup(text) {
            Some(zone) => self.named_zone = Some(zone),
            None => return Err(Refusal::UnknownZone(text.to_string())),
        }
        Ok(Mask::ZONE)
    }

    fn date_field_of_time(&mut self, fields: &[Field], at: usize) -> Result<Mask, Refusal> {
        let text = fields[at].text.as_str();
        let last_is_date = fields.last().is_some_and(|field| field.kind == FieldKind::Date);
        if at == 0 && fields.len() >= 2 && (last_is_date || fields[1].kind == FieldKind::Time) {
            return self.joined_date(text);
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return self.time_with_displacement(text, self.mask | Mask::DATE);
        }
        self.zone_name_field(text)
    }

    fn time_field(&mut self, text: &str) -> Result<Mask, Refusal> {
        if self.label.take().is_some_and(|label| label != Label::Time) {
            return Err(Refusal::BadFormat);
        }
        let fields = clock(text, false)?;
        self.civil.hour = i32::try_from(fields.hour).map_err(|_| Refusal::FieldOverflow)?;
        self.civil.minute = fields.minute;
        self.civil.second = fields.second;
        self.civil.micros = fields.micros;
        if self.target == Target::DateTime && self.clock_overflows() {
            return Err(Refusal::FieldOverflow);
        }
        Ok(Mask::TIME)
    }

    fn clock_overflows(&self) -> bool {
        let Civil { hour, minute, second, micros, .. } = self.civil;
        time_overflows(hour, minute, second, micros)
    }

    /// The number after `J` or `T`.
    fn labelled_number(&mut self, text: &str) -> Result<Mask, Refusal> {
        let (value, rest) = leading_int(text)?;
        if !rest.is_empty() && !rest.starts_with('.') {
            return Err(Refusal::BadFormat);
        }
        match self.label.take() {
            Some(Label::Julian) => {
                self.civil.set_julian_day(value);
                self.is_julian = true;
                if rest.is_empty() {
                    return Ok(Mask::DATE);
                }
                let time = fraction(rest)? * USECS_PER_DAY as f64;
                self.civil.set_time_of_day(time as i64);
                Ok(Mask::DATE | Mask::TIME)
            }
            Some(Label::Time) => {
                let found = self.concatenated(text, self.mask | Mask::DATE)?;
                if found == Mask::TIME { Ok(found) } else { Err(Refusal::BadFormat) }
            }
            _ => Err(Refusal::BadFormat),
        }
    }

    fn number_field(&mut self, text: &str) -> Result<Mask, Refusal> {
        let have_date = self.mask.contains(Mask::DATE);
        let no_date = self.mask & Mask::DATE == Mask::NONE;
        match text.find('.') {
            Some(_) if no_date => self.joined_date(text),
            Some(at) if at > 2 => self.concatenated(text, self.mask),
            // Six digits or more are a run-together date or time while one of them is open.
            _ if text.len() >= 6 && (!have_date || !self.mask.contains(Mask::TIME)) => {
                self.concatenated(text, self.mask)
            }
            _ => self.number(text, self.text_month, self.mask),
        }
    }

    fn number_field_of_time(&mut self, fields: &[Field], at: usize) -> Result<Mask, Refusal> {
        let text = fields[at].text.as_str();
        let known = self.mask | Mask::DATE;
        match text.find('.') {
            Some(point) => {
                let last_is_date = fields.last().is_some_and(|field| field.kind == FieldKind::Date);
                if at == 0 && fields.len() >= 2 && last_is_date {
                    self.joined_date(text)
                } else if point > 2 {
                    self.concatenated(text, known)
                } else {
                    Err(Refusal::BadFormat)
                }
            }
            None if text.len() > 4 => self.concatenated(text, known),
            None => self.number(text, false, known),
        }
    }

    /// A word; `None` when it is to be skipped.
    fn word_field(&mut self, text: &str) -> Result<Option<Mask>, Refusal> {
        if let Some(spec) = ZoneSpec::abbreviation(text, self.context)? {
            return Ok(Some(match spec {
                ZoneSpec::Fixed { east, is_dst } => {
                    self.east = east;
                    if is_dst { Mask::ZONE | Mask::DAYLIGHT } else { Mask::ZONE }
                }
                dynamic => {
                    self.dynamic = Some(dynamic);
                    Mask::ZONE
                }
            }));
        }
        let date_only = self.target == Target::TimeOnly;
        Ok(Some(match find_word(text) {
            None => match self.context.zones.lookup(text) {
                Some(zone) => {
                    self.named_zone = Some(zone);
                    Mask::ZONE
                }
                None => return Err(Refusal::BadFormat),
            },
            Some(Word::Ignored) => return Ok(None),
            Some(Word::Reserved(word)) => self.reserved(word)?,
            Some(Word::Month(_) | Word::Weekday(_)) if date_only => return Err(Refusal::BadFormat),
            Some(Word::Month(month)) => self.month_word(month),
            Some(Word::Weekday(_)) => Mask::DAY_OF_WEEK,
            Some(Word::DaylightModifier) => {
                self.east += 3600;
                Mask::DAYLIGHT_MODIFIER | Mask::DAYLIGHT
            }
            Some(Word::Meridian(pm)) => {
                self.meridian = Some(pm);
                Mask::MERIDIAN
            }
            Some(Word::Era(bc)) => {
                self.bc = bc;
                Mask::ERA
            }
            Some(Word::Unit(unit)) => {
                self.set_label(if unit == Unit::Julian { Label::Julian } else { Label::Other })?;
                Mask::NONE
            }
            Some(Word::IsoTime) => {
                if !date_only && !self.mask.contains(Mask::DATE) {
                    return Err(Refusal::BadFormat);
                }
                self.set_label(Label::Time)?;
                Mask::NONE
            }
        }))
    }

    fn set_label(&mut self, label: Label) -> Result<(), Refusal> {
        match self.label.replace(label) {
            Some(_) => Err(Refusal::BadFormat),
            None => Ok(()),
        }
    }

    fn month_word(&mut self, month: i32) -> Mask {
        let mut parts = Mask::MONTH;
        // A number that was taken for the month was the day.
        if self.mask.contains(Mask::MONTH)
            && !self.text_month
            && !self.mask.contains(Mask::DAY)
            && (1..=31).contains(&self.civil.month)
        {
            self.civil.day = self.civil.month;
            parts = Mask::DAY;
        }
        self.text_month = true;
        self.civil.month = month;
        parts
    }

    fn now(&self) -> Result<(Civil, i32), Refusal> {
        local_now(self.context).map_err(Refusal::Other)
    }

    fn reserved(&mut self, word: Reserved) -> Result<Mask, Refusal> {
        let everything = Mask::DATE | Mask::TIME | Mask::ZONE;
        match (word, self.target) {
            (Reserved::Zulu, _) => {
                self.civil.set_time_of_day(0);
                self.east = 0;
                return Ok(Mask::TIME | Mask::ZONE);
            }
            (Reserved::Now, Target::TimeOnly) => {
                self.civil = self.now()?.0;
                return Ok(Mask::TIME);
            }
            (_, Target::TimeOnly) => return Err(Refusal::BadFormat),
            (Reserved::Now, _) => (self.civil, self.east) = self.now()?,
            (Reserved::Epoch, _) => self.special = Some(Moment::Epoch),
            (Reserved::Late, _) => self.special = Some(Moment::Late),
            (Reserved::Early, _) => self.special = Some(Moment::Early),
            (Reserved::Today | Reserved::Tomorrow | Reserved::Yesterday, _) => {
                let shift = match word {
                    Reserved::Tomorrow => 1,
                    Reserved::Yesterday => -1,
                    _ => 0,
                };
                let today = self.now()?.0.julian_day();
                self.civil.set_julian_day(today + shift);
                return Ok(Mask::DATE);
            }
        }
        Ok(everything)
    }

    fn apply_meridian(&mut self) -> Result<(), Refusal> {
        let Some(pm) = self.meridian else {
            return Ok(());
        };
        if self.civil.hour > 12 {
            return Err(Refusal::FieldOverflow);
        }
        match (pm, self.civil.hour) {
            (false, 12) => self.civil.hour = 0,
            (true, hour) if hour != 12 => self.civil.hour += 12,
            _ => {}
        }
        Ok(())
    }

    fn finish_datetime(mut self) -> Result<Moment, Refusal> {
        if let Some(special) = self.special {
            return Ok(special);
        }
        self.validate_date()?;
        self.apply_meridian()?;
        if !self.mask.contains(Mask::DATE) {
            return Err(Refusal::BadFormat);
        }
        let modified = self.mask.contains(Mask::DAYLIGHT_MODIFIER);
        let from_moment =
            self.named_zone.is_some() || self.dynamic.is_some() || !self.mask.contains(Mask::ZONE);
        if modified && from_moment {
            return Err(Refusal::BadFormat);
        }
        if let Some(spec) = &self.dynamic {
            self.east = spec.offset_of_local(&self.civil);
        } else if let Some(zone) = &self.named_zone {
            self.east = zone.offset_of_local(&self.civil);
        } else if !self.mask.contains(Mask::ZONE) {
            self.east = self.context.zone.offset_of_local(&self.civil);
        }
        Ok(Moment::Civil(self.civil, self.east))
    }

    fn finish_time(mut self) -> Result<(Civil, i32), Refusal> {
        self.validate_date()?;
        self.apply_meridian()?;
        if self.clock_overflows() {
            return Err(Refusal::FieldOverflow);
        }
        if !self.mask.contains(Mask::TIME) {
            return Err(Refusal::BadFormat);
        }
        let modified = self.mask.contains(Mask::DAYLIGHT_MODIFIER);
        let from_moment =
            self.named_zone.is_some() || self.dynamic.is_some() || !self.mask.contains(Mask::ZONE);
        if modified && from_moment {
            return Err(Refusal::BadFormat);
        }
        let date = self.mask & Mask::DATE;
        if let Some(zone) = &self.named_zone {
            // Only a zone of one offset has a meaning without a date.
            self.east = match zone.constant_offset() {
                Some(east) => east,
                None if date == Mask::DATE => zone.offset_of_local(&self.civil),
                None => return Err(Refusal::BadFormat),
            };
            return Ok((self.civil, self.east));
        }
        if from_moment {
            let mut local = self.civil;
            if date == Mask::NONE {
                let today = self.now()?.0;
                (local.year, local.month, local.day) = (today.year, today.month, today.day);
            } else if date != Mask::DATE {
                return Err(Refusal::BadFormat);
            }
            self.east = match &self.dynamic {
                Some(spec) => spec.offset_of_local(&local),
                None => self.context.zone.offset_of_local(&local),
            };
        }
        Ok((self.civil, self.east))
    }
}
