//! Reading date/time templates.

/// A pattern of a date/time template, without regard to case except where that shows in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// `A.D.`, `B.C.` and `AD`, `BC`: with points or without.
    Era {
        points: bool,
    },
    Meridian {
        points: bool,
    },
    Century,
    DayName,
    DayAbbreviation,
    DayOfYear,
    DayOfMonth,
    DayOfWeek,
    Fraction(u32),
    FixedFormat,
    Hour24,
    Hour12,
    IsoDayOfYear,
    IsoDayOfWeek,
    IsoWeek,
    /// The last so many digits of the ISO year.
    IsoYear(u32),
    Julian,
    Minute,
    Month,
    MonthName,
    MonthAbbreviation,
    Millisecond,
    Microsecond,
    Offset,
    Quarter,
    RomanMonth,
    SecondOfDay,
    Second,
    ZoneHour,
    ZoneMinute,
    ZoneName,
    WeekOfYear,
    WeekOfMonth,
    YearWithComma,
    /// The last so many digits of the year.
    Year(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LetterCase {
    Upper,
    Lower,
    Capitalized,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Field(Field),
    /// A character to be copied.
    Literal(char),
    Separator(char),
    Space(char),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Field {
    pub pattern: Pattern,
    pub case: LetterCase,
    /// `FM`
    pub fill: bool,
    /// `TM`
    pub translate: bool,
    /// `TH` or `th`
    pub ordinal: Option<LetterCase>,
    /// As written in the template.
    pub name: &'static str,
}

use Pattern::*;

/// Names in the order in which they are tried.
const PATTERNS: &[(&str, Pattern)] = &[
    ("A.D.", Era { points: true }),
    ("A.M.", Meridian { points: true }),
    ("AD", Era { points: false }),
    ("AM", Meridian { points: false }),
    ("B.C.", Era { points: true }),
    ("BC", Era { points: false }),
    ("CC", Century),
    ("DAY", DayName),
    ("DDD", DayOfYear),
    ("DD", DayOfMonth),
    ("DY", DayAbbreviation),
    ("Day", DayName),
    ("Dy", DayAbbreviation),
    ("D", DayOfWeek),
    ("FF1", Fraction(1)),
    ("FF2", Fraction(2)),
    ("FF3", Fraction(3)),
    ("FF4", Fraction(4)),
    ("FF5", Fraction(5)),
    ("FF6", Fraction(6)),
    ("FX", FixedFormat),
    ("HH24", Hour24),
    ("HH12", Hour12),
    ("HH", Hour12),
    ("IDDD", IsoDayOfYear),
    ("ID", IsoDayOfWeek),
    ("IW", IsoWeek),
    ("IYYY", IsoYear(4)),
    ("IYY", IsoYear(3)),
    ("IY", IsoYear(2)),
    ("I", IsoYear(1)),
    ("J", Julian),
    ("MI", Minute),
    ("MM", Month),
    ("MONTH", MonthName),
    ("MON", MonthAbbreviation),
    ("MS", Millisecond),
    ("Month", MonthName),
    ("Mon", MonthAbbreviation),
    ("OF", Offset),
    ("P.M.", Meridian { points: true }),
    ("PM", Meridian { points: false }),
    ("Q", Quarter),
    ("RM", RomanMonth),
    ("SSSSS", SecondOfDay),
    ("SSSS", SecondOfDay),
    ("SS", Second),
    ("TZH", ZoneHour),
    ("TZM", ZoneMinute),
    ("TZ", ZoneName),
    ("US", Microsecond),
    ("WW", WeekOfYear),
    ("W", WeekOfMonth),
    ("Y,YYY", YearWithComma),
    ("YYYY", Year(4)),
    ("YYY", Year(3)),
    ("YY", Year(2)),
    ("Y", Year(1)),
];

/// The pattern that `text` starts with: all upper, all lower, or capitalized where the table has it so.
fn find_pattern(text: &str) -> Option<(&'static str, Pattern, LetterCase)> {
    PATTERNS.iter().find_map(|&(name, pattern)| {
        let head = text.get(..name.len())?;
        if head == name {
            let capitalized = name.bytes().any(|c| c.is_ascii_lowercase());
            let case = if capitalized { LetterCase::Capitalized } else { LetterCase::Upper };
            return Some((name, pattern, case));
        }
        let lower = head.bytes().zip(name.bytes()).all(|(a, b)| a == b.to_ascii_lowercase());
        lower.then_some((name, pattern, LetterCase::Lower))
    })
}

pub(super) fn is_separator(c: char) -> bool {
    c.is_ascii_punctuation()
}

/// Cuts a template into its nodes.
pub(super) fn parse(template: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut rest = template;
    while let Some(c) = rest.chars().next() {
        let (mut fill, mut translate) = (false, false);
        let mut after_prefix = rest;
        while let Some(prefix) = after_prefix.get(..2) {
            match prefix {
                "FM" | "fm" => fill = true,
                "TM" | "tm" => translate = true,
                _ => break,
            }
            after_prefix = &after_prefix[2..];
        }
        if let Some((name, pattern, case)) = find_pattern(after_prefix) {
            rest = &after_prefix[name.len()..];
            let mut ordinal = None;
            while let Some(suffix) = rest.get(..2) {
                match suffix {
                    "TH" => ordinal = Some(LetterCase::Upper),
                    "th" => ordinal = Some(LetterCase::Lower),
                    "SP" => {}
                    _ => break,
                }
                rest = &rest[2..];
            }
            nodes.push(Node::Field(Field { pattern, case, fill, translate, ordinal, name }));
            continue;
        }
        if after_prefix.len() < rest.len() {
            // A modifier of nothing is dropped.
            rest = after_prefix;
            continue;
        }
        if c == '"' {
            rest = quoted(&rest[1..], &mut nodes);
            continue;
        }
        // Outside of quotes a backslash only protects a quote.
        let literal = if rest.starts_with("\\\"") { '"' } else { c };
        rest = &rest[if literal != c { 2 } else { c.len_utf8() }..];
        nodes.push(match literal {
            _ if literal != c => Node::Literal(literal),
            _ if is_separator(c) => Node::Separator(c),
            _ if c.is_ascii_whitespace() => Node::Space(c),
            _ => Node::Literal(c),
        });
    }
    nodes
}

/// Takes the text up to the closing quote, in which a backslash protects the next character.
fn quoted<'t>(text: &'t str, nodes: &mut Vec<Node>) -> &'t str {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => nodes.extend(chars.next().map(Node::Literal)),
            _ => nodes.push(Node::Literal(c)),
        }
    }
    chars.as_str()
}
