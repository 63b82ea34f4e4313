//! From pattern text to a tree.

use super::Flags;
use super::charset::{CharSet, Class};
use base::{Error, Result, err};

/// The largest repetition count.
const MAX_REPEAT: u32 = 255;
/// Parentheses nested deeper than this are too complex.
const MAX_DEPTH: usize = 200;

/// A zero-width condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assertion {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordStart,
    WordEnd,
    WordBoundary,
    NotWordBoundary,
}

#[derive(Clone, Debug)]
pub(super) enum Ast {
    Empty,
    Set(CharSet),
    Assertion(Assertion),
    /// Lookaround: looks ahead or behind for a match, or for its absence.
    Look {
        ahead: bool,
        negated: bool,
        inner: Box<Ast>,
    },
    Capture(usize, Box<Ast>),
    Concat(Vec<Ast>),
    Alternate(Vec<Ast>),
    /// `max` of `None` is unbounded; `greedy` of `None` leaves the preference to what is repeated.
    Repeat {
        inner: Box<Ast>,
        min: u32,
        max: Option<u32>,
        greedy: Option<bool>,
    },
    Backref(usize),
}

#[track_caller]
pub(super) fn invalid(reason: &str) -> Error {
    err!(INVALID_REGULAR_EXPRESSION, "invalid regular expression: {reason}")
}

const BALANCE: &str = "parentheses () not balanced";
const BRACKETS: &str = "brackets [] not balanced";
const ESCAPE: &str = "invalid escape \\ sequence";
const OPERAND: &str = "quantifier operand invalid";
const COUNTS: &str = "invalid repetition count(s)";
const RANGE: &str = "invalid character range";

pub(super) struct Parser<'a> {
    pattern: &'a str,
    at: usize,
    flags: Flags,
    /// Capturing groups opened so far.
    pub(super) groups: usize,
    closed: Vec<bool>,
    depth: usize,
    in_look: bool,
    /// Whether the bound read last had a comma: then it has a preference of its own.
    ranged: bool,
}

/// What an escape stands for.
enum Escape {
    Char(char),
    Class(Class, bool),
    Assertion(Assertion),
    Backref(usize),
}

/// Parses a pattern into a tree, and tells the flags that its own directives leave and the number of groups.
pub(super) fn parse(pattern: &str, flags: Flags) -> Result<(Ast, Flags, usize)> {
    let mut parser = Parser {
        pattern,
        at: 0,
        flags,
        groups: 0,
        closed: vec![true],
        depth: 0,
        in_look: false,
        ranged: true,
    };
    parser.directives()?;
    if parser.flags.literal {
        let ignore_case = parser.flags.ignore_case;
        let rest = &pattern[parser.at..];
        let parts = rest.chars().map(|c| Ast::Set(CharSet::single(c, ignore_case))).collect();
        return Ok((Ast::Concat(parts), parser.flags, 0));
    }
    let ast = parser.alternatives()?;
    if parser.at < pattern.len() {
        return Err(invalid(BALANCE));
    }
    Ok((ast, parser.flags, parser.groups))
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.pattern[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    /// `***` directors and embedded options.
    fn directives(&mut self) -> Result<()> {
        if self.flags.literal {
            return Ok(());
        }
        if self.eat("***=") {
            self.flags.literal = true;
            return Ok(());
        }
        if self.eat("***:") {
            self.flags.advanced = true;
        } else if self.rest().starts_with("***") {
            return Err(invalid(OPERAND));
        }
        let rest = self.rest();
        if self.flags.advanced
            && rest.starts_with("(?")
            && rest[2..].starts_with(|c: char| c.is_ascii_alphabetic())
        {
            let end = rest.find(')').ok_or_else(|| invalid("invalid embedded option"))?;
            for c in rest[2..end].chars() {
                self.flags.apply_embedded(c)?;
            }
            self.at += end + 1;
        }
        Ok(())
    }

    fn skip_expanded(&mut self) -> Result<()> {
        loop {
            if self.flags.expanded {
                let rest = self.rest();
                let trimmed = rest.trim_start();
                self.at += rest.len() - trimmed.len();
                if trimmed.starts_with('#') {
                    self.at += trimmed.find('\n').unwrap_or(trimmed.len());
                    continue;
                }
            }
            if self.flags.advanced && self.rest().starts_with("(?#") {
                let end = self.rest().find(')').ok_or_else(|| invalid(BALANCE))?;
                self.at += end + 1;
                continue;
            }
            return Ok(());
        }
    }

    fn alternatives(&mut self) -> Result<Ast> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(invalid("regular expression is too complex"));
        }
        let mut branches = vec![self.branch()?];
        while self.eat("|") {
            branches.push(self.branch()?);
        }
        self.depth -= 1;
        Ok(if branches.len() == 1 { branches.remove(0) } else { Ast::Alternate(branches) })
    }

    fn branch(&mut self) -> Result<Ast> {
        let mut parts = Vec::new();
        loop {
            self.skip_expanded()?;
            match self.peek() {
                None | Some('|') => break,
                Some(')') if self.depth > 1 || self.flags.advanced => break,
                _ => {}
            }
            let (atom, quantifiable) = self.atom()?;
            self.skip_expanded()?;
            parts.push(self.quantified(atom, quantifiable)?);
        }
        Ok(match parts.len() {
            0 => Ast::Empty,
            1 => parts.remove(0),
            _ => Ast::Concat(parts),
        })
    }

    /// Whether a bound such as `{2,3}` starts here; a brace before anything but a digit is a plain character.
    fn at_bound(&self) -> bool {
        self.rest().starts_with('{') && self.rest()[1..].starts_with(|c: char| c.is_ascii_digit())
    }

    fn quantified(&mut self, atom: Ast, quantifiable: bool) -> Result<Ast> {
        self.ranged = true;
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') if self.at_bound() => {
                self.at += 1;
                self.bound()?
            }
            _ => return Ok(atom),
        };
        if !quantifiable {
            return Err(invalid(OPERAND));
        }
        self.at += 1;
        let ranged = self.ranged;
        let greedy = !(self.flags.advanced && self.eat("?"));
        self.skip_expanded()?;
        if matches!(self.peek(), Some('*' | '+' | '?')) || self.at_bound() {
            return Err(invalid(OPERAND));
        }
        if max == Some(0) {
            return Ok(Ast::Empty);
        }
        let greedy = ranged.then_some(greedy);
        Ok(Ast::Repeat { inner: Box::new(atom), min, max, greedy })
    }

    fn repeat_count(&mut self) -> Result<Option<u32>> {
        let mut count = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            let value = count.unwrap_or(0) * 10 + digit;
            if value > MAX_REPEAT {
                return Err(invalid(COUNTS));
            }
            count = Some(value);
            self.at += 1;
        }
        Ok(count)
    }

    /// The numbers of a bound, up to its closing brace.
    fn bound(&mut self) -> Result<(u32, Option<u32>)> {
        let min = self.repeat_count()?.unwrap_or(0);
        self.ranged = self.eat(",");
        let max = if self.ranged { self.repeat_count()? } else { Some(min) };
        match self.peek() {
            None => Err(invalid("braces {} not balanced")),
            Some('}') if max.is_none_or(|max| min <= max) => Ok((min, max)),
            Some(_) => Err(invalid(COUNTS)),
        }
    }

    /// An atom, and whether a quantifier may follow.
    fn atom(&mut self) -> Result<(Ast, bool)> {
        let newline = self.flags.newline_anchors;
        if self.at_bound() {
            return Err(invalid(OPERAND));
        }
        let Some(c) = self.next() else { return Ok((Ast::Empty, false)) };
        Ok(match c {
            '(' => return self.group(),
            ')' if self.flags.advanced => return Err(invalid(BALANCE)),
            '[' => {
                for (marker, assertion) in [("[:<:]]", Assertion::WordStart), ("[:>:]]", Assertion::WordEnd)]
                {
                    if self.eat(marker) {
                        return Ok((Ast::Assertion(assertion), false));
                    }
                }
                (Ast::Set(self.bracket()?), true)
            }
            '.' => (Ast::Set(CharSet::any(self.flags.newline_stops)), true),
            '^' => {
                let start = if newline { Assertion::LineStart } else { Assertion::TextStart };
                (Ast::Assertion(start), false)
            }
            '$' => {
                let end = if newline { Assertion::LineEnd } else { Assertion::TextEnd };
                (Ast::Assertion(end), false)
            }
            '*' | '+' | '?' => return Err(invalid(OPERAND)),
            '\\' => match self.escape()? {
                Escape::Char(c) => (Ast::Set(CharSet::single(c, self.flags.ignore_case)), true),
                Escape::Class(class, negated) => (Ast::Set(self.class_set(class, negated)), true),
                Escape::Assertion(assertion) => (Ast::Assertion(assertion), false),
                Escape::Backref(group) => {
                    if self.in_look || !self.closed.get(group).copied().unwrap_or(false) {
                        return Err(invalid("invalid backreference number"));
                    }
                    (Ast::Backref(group), true)
                }
            },
            c => (Ast::Set(CharSet::single(c, self.flags.ignore_case)), true),
        })
    }

    /// Complemented class escapes do not match a newline where complements stop there.
    fn class_set(&self, class: Class, negated: bool) -> CharSet {
        let stops = negated && self.flags.newline_stops;
        CharSet { without_newline: stops, ..CharSet::class(class, negated) }
    }

    fn group(&mut self) -> Result<(Ast, bool)> {
        let mut look = None;
        let mut capture = None;
        if self.flags.advanced && self.rest().starts_with('?') {
            look = match () {
                () if self.eat("?:") => None,
                () if self.eat("?=") => Some((true, false)),
                () if self.eat("?!") => Some((true, true)),
                () if self.eat("?<=") => Some((false, false)),
                () if self.eat("?<!") => Some((false, true)),
                () => return Err(invalid(OPERAND)),
            };
        } else if !self.in_look {
            self.groups += 1;
            self.closed.push(false);
            capture = Some(self.groups);
        }
        let outer = self.in_look;
        self.in_look |= look.is_some();
        let inner = self.alternatives()?;
        self.in_look = outer;
        if !self.eat(")") {
            return Err(invalid(BALANCE));
        }
        if let Some(group) = capture {
            self.closed[group] = true;
            return Ok((Ast::Capture(group, Box::new(inner)), true));
        }
        Ok(match look {
            Some((ahead, negated)) => (Ast::Look { ahead, negated, inner: Box::new(inner) }, false),
            None => (inner, true),
        })
    }

    fn hex(&mut self, count: usize) -> Result<char> {
        let digits = self.rest().get(..count).ok_or_else(|| invalid(ESCAPE))?;
        let value = u32::from_str_radix(digits, 16).map_err(|_| invalid(ESCAPE))?;
        self.at += count;
        char::from_u32(value).ok_or_else(|| invalid(ESCAPE))
    }

    /// The escape behind a backslash.
    fn escape(&mut self) -> Result<Escape> {
        let Some(c) = self.next() else { return Err(invalid(ESCAPE)) };
        if !self.flags.advanced || !c.is_alphanumeric() {
            return Ok(Escape::Char(c));
        }
        Ok(match c {
            'a' => Escape::Char('\x07'),
            'b' => Escape::Char('\x08'),
            'B' => Escape::Char('\\'),
            'c' => {
                let control = self.next().ok_or_else(|| invalid(ESCAPE))?;
                Escape::Char(char::from_u32(control as u32 & 0x1f).unwrap_or('\0'))
            }
            'e' => Escape::Char('\x1b'),
            'f' => Escape::Char('\x0c'),
            'n' => Escape::Char('\n'),
            'r' => Escape::Char('\r'),
            't' => Escape::Char('\t'),
            'v' => Escape::Char('\x0b'),
            'u' => Escape::Char(self.hex(4)?),
            'U' => Escape::Char(self.hex(8)?),
            'x' => {
                let count = self.rest().bytes().take_while(u8::is_ascii_hexdigit).count();
                if count == 0 {
                    return Err(invalid(ESCAPE));
                }
                Escape::Char(self.hex(count)?)
            }
            'd' => Escape::Class(Class::Digit, false),
            'D' => Escape::Class(Class::Digit, true),
            's' => Escape::Class(Class::Space, false),
            'S' => Escape::Class(Class::Space, true),
            'w' => Escape::Class(Class::Word, false),
            'W' => Escape::Class(Class::Word, true),
            'A' => Escape::Assertion(Assertion::TextStart),
            'Z' => Escape::Assertion(Assertion::TextEnd),
            'm' => Escape::Assertion(Assertion::WordStart),
            'M' => Escape::Assertion(Assertion::WordEnd),
            'y' => Escape::Assertion(Assertion::WordBoundary),
            'Y' => Escape::Assertion(Assertion::NotWordBoundary),
            '0'..='9' => self.numeric_escape(c),
            _ => return Err(invalid(ESCAPE)),
        })
    }

    /// One digit is a back reference; more are one when there are so many groups, else octal.
    fn numeric_escape(&mut self, first: char) -> Escape {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let whole = &self.pattern[self.at - 1..self.at + digits];
        if first != '0' {
            let number = whole.parse::<usize>().unwrap_or(usize::MAX);
            if digits == 0 || number <= self.groups {
                self.at += digits;
                return Escape::Backref(number);
            }
        }
        let octal = whole.bytes().take(3).take_while(|c| (b'0'..=b'7').contains(c)).count().max(1);
        let value = u32::from_str_radix(&whole[..octal], 8).unwrap_or(0);
        self.at += octal - 1;
        Escape::Char(char::from_u32(value).unwrap_or('\0'))
    }

    /// A bracket expression, behind its opening bracket.
    fn bracket(&mut self) -> Result<CharSet> {
        let negated = self.eat("^");
        let mut set = CharSet {
            negated,
            without_newline: negated && self.flags.newline_stops,
            ignore_case: self.flags.ignore_case,
            ..CharSet::default()
        };
        let mut first = true;
        loop {
            if self.rest().is_empty() {
                return Err(invalid(BRACKETS));
            }
            if !first && self.eat("]") {
                return Ok(set);
            }
            first = false;
            let Some(low) = self.bracket_item(&mut set)? else {
                continue;
            };
            let rest = self.rest();
            if rest.starts_with('-') && !rest[1..].starts_with(']') {
                self.at += 1;
                let high = self.bracket_item(&mut set)?.ok_or_else(|| invalid(RANGE))?;
                if high < low {
                    return Err(invalid(RANGE));
                }
                set.ranges.push((low, high));
            } else {
                set.ranges.push((low, low));
            }
        }
    }

    /// A single character of a bracket expression, or `None` for a class, which is added.
    fn bracket_item(&mut self, set: &mut CharSet) -> Result<Option<char>> {
        for (open, close) in [("[:", ":]"), ("[.", ".]"), ("[=", "=]")] {
            if !self.eat(open) {
                continue;
            }
            let end = self.rest().find(close).ok_or_else(|| invalid(BRACKETS))?;
            let name = &self.rest()[..end];
            self.at += end + close.len();
            if open == "[:" {
                let class = Class::by_name(name).ok_or_else(|| invalid("invalid character class"))?;
                set.classes.push((class, false));
                return Ok(None);
            }
            let c = collating_element(name).ok_or_else(|| invalid("invalid collating element"))?;
            if open == "[=" {
                set.ranges.push((c, c));
                return Ok(None);
            }
            return Ok(Some(c));
        }
        let Some(c) = self.next() else { return Err(invalid(BRACKETS)) };
        if c != '\\' || !self.flags.advanced {
            return Ok(Some(c));
        }
        match self.escape()? {
            Escape::Char(c) => Ok(Some(c)),
            Escape::Class(class, negated) => {
                set.classes.push((class, negated));
                Ok(None)
            }
            Escape::Assertion(_) | Escape::Backref(_) => Err(invalid(ESCAPE)),
        }
    }
}

/// A character by itself or by its POSIX name.
fn collating_element(name: &str) -> Option<char> {
    let mut chars = name.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return Some(c);
    }
    Some(match name {
        "NUL" => '\0',
        "tab" => '\t',
        "newline" => '\n',
        "vertical-tab" => '\x0b',
        "form-feed" => '\x0c',
        "carriage-return" => '\r',
        "space" => ' ',
        "hyphen" | "hyphen-minus" => '-',
        "period" | "full-stop" => '.',
        "comma" => ',',
        "colon" => ':',
        "semicolon" => ';',
        "slash" | "solidus" => '/',
        "backslash" | "reverse-solidus" => '\\',
        "left-square-bracket" => '[',
        "right-square-bracket" => ']',
        "circumflex" | "circumflex-accent" => '^',
        "underscore" | "low-line" => '_',
        "zero" => '0',
        "one" => '1',
        "two" => '2',
        "three" => '3',
        "four" => '4',
        "five" => '5',
        "six" => '6',
        "seven" => '7',
        "eight" => '8',
        "nine" => '9',
        _ => return None,
    })
}
