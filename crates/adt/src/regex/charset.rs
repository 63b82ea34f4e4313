//! Sets of characters, and classes by name.

use crate::text::case::{is_alphanumeric, lower_char, upper_char};

/// A named class, of all of Unicode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Alpha,
    Alnum,
    Ascii,
    Blank,
    Cntrl,
    Digit,
    Graph,
    Lower,
    Print,
    Punct,
    Space,
    Upper,
    Xdigit,
    Word,
}

impl Class {
    pub(super) fn by_name(name: &str) -> Option<Class> {
        Some(match name {
            "alpha" => Class::Alpha,
            "alnum" => Class::Alnum,
            "ascii" => Class::Ascii,
            "blank" => Class::Blank,
            "cntrl" => Class::Cntrl,
            "digit" => Class::Digit,
            "graph" => Class::Graph,
            "lower" => Class::Lower,
            "print" => Class::Print,
            "punct" => Class::Punct,
            "space" => Class::Space,
            "upper" => Class::Upper,
            "xdigit" => Class::Xdigit,
            "word" => Class::Word,
            _ => return None,
        })
    }

    fn contains(self, c: char) -> bool {
        match self {
            Class::Alpha => c.is_alphabetic(),
            Class::Alnum => is_alphanumeric(c),
            Class::Ascii => c.is_ascii(),
            Class::Blank => matches!(c, ' ' | '\t'),
            Class::Cntrl => c.is_control(),
            Class::Digit => c.is_ascii_digit(),
            Class::Graph => !c.is_control() && !c.is_whitespace(),
            Class::Lower => c.is_lowercase(),
            Class::Print => !c.is_control(),
            Class::Punct => {
                c.is_ascii_punctuation()
                    || (!c.is_ascii() && !c.is_alphanumeric() && !c.is_control() && !c.is_whitespace())
            }
            Class::Space => c.is_whitespace(),
            Class::Upper => c.is_uppercase(),
            Class::Xdigit => c.is_ascii_hexdigit(),
            Class::Word => is_word(c),
        }
    }
}

/// What `\w` matches.
pub(super) fn is_word(c: char) -> bool {
    c == '_' || is_alphanumeric(c)
}

/// A set of characters: ranges and classes, perhaps as a complement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CharSet {
    pub(super) ranges: Vec<(char, char)>,
    /// Class, and whether its complement is meant.
    pub(super) classes: Vec<(Class, bool)>,
    pub(super) negated: bool,
    /// Newline is left out of a complement in newline-sensitive matching.
    pub(super) without_newline: bool,
    pub(super) ignore_case: bool,
}

impl CharSet {
    pub(super) fn single(c: char, ignore_case: bool) -> CharSet {
        let cased = ignore_case && (lower_char(c) != c || upper_char(c) != c);
        CharSet { ranges: vec![(c, c)], ignore_case: cased, ..CharSet::default() }
    }

    pub(super) fn class(class: Class, negated: bool) -> CharSet {
        CharSet { classes: vec![(class, negated)], ..CharSet::default() }
    }

    /// Everything (`.`).
    pub(super) fn any(without_newline: bool) -> CharSet {
        CharSet { negated: true, without_newline, ..CharSet::default() }
    }

    /// The one character of a set made by [`CharSet::single`].
    pub(super) fn as_literal(&self) -> Option<char> {
        match self.ranges[..] {
            [(low, high)] if low == high && self.classes.is_empty() && !self.negated && !self.ignore_case => {
                Some(low)
            }
            _ => None,
        }
    }

    fn listed(&self, c: char) -> bool {
        self.ranges.iter().any(|&(low, high)| low <= c && c <= high)
            || self.classes.iter().any(|&(class, negated)| class.contains(c) != negated)
    }

    pub(super) fn contains(&self, c: char) -> bool {
        if self.without_newline && c == '\n' {
            return false;
        }
        let listed = self.listed(c)
            || (self.ignore_case && (self.listed(lower_char(c)) || self.listed(upper_char(c))));
        listed != self.negated
    }
}
