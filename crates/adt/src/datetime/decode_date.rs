//! Reading the date parts of a text: numeric fields by order and by what is already known, and the final checks.

use super::calendar::{days_in_month, julian_day};
use super::decode::{Decoder, Mask, leading_int};
use super::tokens::{Word, find_word};
use super::{DateOrder, Refusal};

impl Decoder<'_> {
    /// A date whose parts are joined by punctuation.
    pub(super) fn joined_date(&mut self, text: &str) -> Result<Mask, Refusal> {
        let mut parts: Vec<&str> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            rest = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
            let Some(first) = rest.chars().next() else {
                return Err(Refusal::BadFormat);
            };
            let digits = first.is_ascii_digit();
            let alike = |c: char| if digits { c.is_ascii_digit() } else { c.is_ascii_alphabetic() };
            let end = rest.find(|c| !alike(c)).unwrap_or(rest.len());
            parts.push(&rest[..end]);
            rest = rest.get(end + 1..).unwrap_or("");
        }
        let before = self.mask;
        // A word can only be the month, so it is looked for first.
        let mut text_month = false;
        for word in parts.iter().filter(|part| part.starts_with(|c: char| c.is_ascii_alphabetic())) {
            match find_word(word) {
                Some(Word::Ignored) => {}
                Some(Word::Month(month)) => {
                    self.civil.month = month;
                    text_month = true;
                    self.claim(Mask::MONTH)?;
                }
                _ => return Err(Refusal::BadFormat),
            }
        }
        for number in parts.iter().filter(|part| part.starts_with(|c: char| c.is_ascii_digit())) {
            let found = self.number(number, text_month, self.mask)?;
            self.claim(found)?;
        }
        let after = self.mask;
        self.mask = before;
        if after.without(Mask::DAY_OF_YEAR | Mask::ZONE) != Mask::DATE {
            return Err(Refusal::BadFormat);
        }
        Ok(after.without(before))
    }

    /// A number that stands for one field, which depends on what is known (`known`).
    pub(super) fn number(&mut self, text: &str, text_month: bool, known: Mask) -> Result<Mask, Refusal> {
        let (value, rest) = leading_int(text)?;
        let digits = text.len() - rest.len();
        if rest.starts_with('.') {
            if digits > 2 {
                return self.concatenated(text, known | Mask::DATE);
            }
            self.fraction_of_second(rest)?;
        } else if !rest.is_empty() {
            return Err(Refusal::BadFormat);
        }
        let len = text.len();
        let have = known & Mask::DATE;
        if len == 3 && have == Mask::YEAR && (1..=366).contains(&value) {
            self.day_of_year = value;
            return Ok(Mask::DAY_OF_YEAR | Mask::MONTH | Mask::DAY);
        }
        let ymd = self.context.date_order == DateOrder::Ymd;
        let found = if have == Mask::NONE {
            match self.context.date_order {
                _ if len >= 3 || ymd => Mask::YEAR,
                DateOrder::Dmy => Mask::DAY,
                _ => Mask::MONTH,
            }
        } else if have == Mask::YEAR || have == Mask::DAY {
            Mask::MONTH
        } else if have == Mask::MONTH {
            if text_month && (len >= 3 || ymd) { Mask::YEAR } else { Mask::DAY }
        } else if have == Mask::YEAR | Mask::MONTH {
            if text_month && len >= 3 && self.two_digit_year {
                // The number taken for the year was the day after all.
                self.civil.day = self.civil.year;
                self.civil.year = value;
                self.two_digit_year = false;
                return Ok(Mask::DAY);
            }
            Mask::DAY
        } else if have == Mask::MONTH | Mask::DAY {
            Mask::YEAR
        } else if have == Mask::DATE {
            return self.concatenated(text, known);
        } else {
            return Err(Refusal::BadFormat);
        };
        if found == Mask::YEAR {
            self.civil.year = value;
            self.two_digit_year = len <= 2;
        } else if found == Mask::MONTH {
            self.civil.month = value;
        } else {
            self.civil.day = value;
        }
        Ok(found)
    }

    /// A run of digits such as `20011225` or `040506.789`.
    pub(super) fn concatenated(&mut self, text: &str, known: Mask) -> Result<Mask, Refusal> {
        if !text.bytes().all(|c| c.is_ascii_digit() || c == b'.') {
            return Err(Refusal::BadFormat);
        }
        let digits = match text.find('.') {
            Some(at) => {
                self.fraction_of_second(&text[at..])?;
                &text[..at]
            }
            None => {
                let len = text.len();
                if !known.contains(Mask::DATE) && len >= 6 {
                    self.civil.day = wrapping_int(&text[len - 2..]);
                    self.civil.month = wrapping_int(&text[len - 4..len - 2]);
                    self.civil.year = wrapping_int(&text[..len - 4]);
                    if len - 4 == 2 {
                        self.two_digit_year = true;
                    }
                    return Ok(Mask::DATE);
                }
                text
            }
        };
        if known.contains(Mask::TIME) || !matches!(digits.len(), 4 | 6) {
            return Err(Refusal::BadFormat);
        }
        self.civil.hour = wrapping_int(&digits[..2]);
        self.civil.minute = wrapping_int(&digits[2..4]);
        self.civil.second = wrapping_int(&digits[4..]);
        Ok(Mask::TIME)
    }

    /// Brings year, month and day into their final form and checks them.
    pub(super) fn validate_date(&mut self) -> Result<(), Refusal> {
        let civil = &mut self.civil;
        if self.mask.contains(Mask::YEAR) && !self.is_julian {
            if self.bc {
                if civil.year <= 0 {
                    return Err(Refusal::FieldOverflow);
                }
                civil.year = 1 - civil.year;
            } else if self.two_digit_year {
                if civil.year < 70 {
                    civil.year += 2000;
                } else if civil.year < 100 {
                    civil.year += 1900;
                }
            } else if civil.year <= 0 {
                return Err(Refusal::FieldOverflow);
            }
        }
        if self.mask.contains(Mask::DAY_OF_YEAR) {
            civil.set_julian_day(julian_day(civil.year, 1, 1).wrapping_add(self.day_of_year - 1));
        }
        let month_wrong = self.mask.contains(Mask::MONTH) && !(1..=12).contains(&civil.month);
        let day_wrong = self.mask.contains(Mask::DAY) && !(1..=31).contains(&civil.day);
        if month_wrong || day_wrong {
            return Err(Refusal::MonthDayOverflow);
        }
        if self.mask.contains(Mask::DATE) && civil.day > days_in_month(civil.year, civil.month) {
            return Err(Refusal::FieldOverflow);
        }
        Ok(())
    }
}

/// The value of digits; more than an `i32` holds becomes its maximum, which no later check accepts.
fn wrapping_int(digits: &str) -> i32 {
    if digits.is_empty() { 0 } else { digits.parse().unwrap_or(i32::MAX) }
}
