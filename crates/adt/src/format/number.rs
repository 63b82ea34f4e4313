//! `to_char` and `to_number` of numbers.

use super::ordinal;
use crate::numeric::Numeric;
use base::{Error, Result, bail, err};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Nine,
    Zero,
    Point,
    Comma,
    Group,
    Currency,
    Blank,
    Exponent,
    Fill,
    Minus,
    Plus,
    Sign,
    Bracket,
    Roman { lower: bool },
    Locale,
    Ordinal { lower: bool },
    Shift,
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Node {
    Key(Key),
    Literal(char),
}

const KEYS: &[(&str, Key)] = &[
    (",", Key::Comma),
    (".", Key::Point),
    ("0", Key::Zero),
    ("9", Key::Nine),
    ("B", Key::Blank),
    ("C", Key::Ignored),
    ("D", Key::Point),
    ("EEEE", Key::Exponent),
    ("FM", Key::Fill),
    ("G", Key::Group),
    ("L", Key::Currency),
    ("MI", Key::Minus),
    ("PL", Key::Plus),
    ("PR", Key::Bracket),
    ("RN", Key::Roman { lower: false }),
    ("rn", Key::Roman { lower: true }),
    ("SG", Key::Sign),
    ("SP", Key::Ignored),
    ("S", Key::Locale),
    ("TH", Key::Ordinal { lower: false }),
    ("th", Key::Ordinal { lower: true }),
    ("V", Key::Shift),
];

/// Where an `S` puts the sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignPlace {
    None,
    Before,
    After,
}

/// A template that has been checked.
#[derive(Clone, Debug)]
pub struct NumberTemplate {
    nodes: Vec<Node>,
    /// Digits before and after the point.
    before: usize,
    after: usize,
    /// Digits after `V`.
    shift: usize,
    /// Position (from 0) of the first `0`, and count of digits up to the last one.
    zero_start: Option<usize>,
    zero_end: usize,
    sign: SignPlace,
    digits_before_sign: usize,
    decimal: bool,
    shifted: bool,
    fill: bool,
    bracket: bool,
    minus: bool,
    plus: bool,
    roman: bool,
    exponent: bool,
    blank: bool,
}

fn syntax_error(message: &str) -> Error {
    err!(SYNTAX_ERROR, "{message}")
}

impl NumberTemplate {
    /// # Errors
    /// `42601` for patterns that do not go together.
    pub fn parse(text: &str) -> Result<NumberTemplate> {
        let mut template = NumberTemplate {
            nodes: Vec::new(),
            before: 0,
            after: 0,
            shift: 0,
            zero_start: None,
            zero_end: 0,
            sign: SignPlace::None,
            digits_before_sign: 0,
            decimal: false,
            shifted: false,
            fill: false,
            bracket: false,
            minus: false,
            plus: false,
            roman: false,
            exponent: false,
            blank: false,
        };
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let found = KEYS.iter().find(|(name, _)| {
                let lower = name.to_ascii_lowercase();
                rest.starts_with(name) || (rest.starts_with(&lower) && !KEYS.iter().any(|key| key.0 == lower))
            });
            if let Some(&(name, key)) = found {
                rest = &rest[name.len()..];
                template.add(key)?;
                template.nodes.push(Node::Key(key));
                continue;
            }
            if c == '"' {
                let mut chars = rest[1..].chars();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => template.nodes.extend(chars.next().map(Node::Literal)),
                        _ => template.nodes.push(Node::Literal(c)),
                    }
                }
                rest = chars.as_str();
                continue;
            }
            let literal = if rest.starts_with("\\\"") { '"' } else { c };
            rest = &rest[if literal != c { 2 } else { c.len_utf8() }..];
            template.nodes.push(Node::Literal(literal));
        }
        Ok(template)
    }

    fn add(&mut self, key: Key) -> Result<()> {
        if self.exponent && key != Key::Exponent {
            return Err(syntax_error("\"EEEE\" must be the last pattern used"));
        }
        match key {
            Key::Nine if self.bracket => return Err(syntax_error("\"9\" must be ahead of \"PR\"")),
            Key::Zero if self.bracket => return Err(syntax_error("\"0\" must be ahead of \"PR\"")),
            Key::Nine if self.shifted => self.shift += 1,
            Key::Nine if self.decimal => self.after += 1,
            Key::Nine => self.before += 1,
            Key::Zero => {
                if self.zero_start.is_none() && !self.decimal {
                    self.zero_start = Some(self.before);
                }
                *(if self.decimal { &mut self.after } else { &mut self.before }) += 1;
                self.zero_end = self.before + self.after;
            }
            Key::Point if self.decimal => return Err(syntax_error("multiple decimal points")),
            Key::Point if self.shifted => {
                return Err(syntax_error("cannot use \"V\" and decimal point together"));
            }
            Key::Point => self.decimal = true,
            Key::Shift if self.decimal => {
                return Err(syntax_error("cannot use \"V\" and decimal point together"));
            }
            Key::Shift => self.shifted = true,
            Key::Fill => self.fill = true,
            Key::Blank => self.blank |= self.before == 0 && self.after == 0 && self.zero_start.is_none(),
            Key::Exponent => self.add_exponent()?,
            Key::Locale | Key::Minus | Key::Plus | Key::Sign | Key::Bracket => self.add_sign(key)?,
            Key::Roman { .. } if self.roman => return Err(syntax_error("cannot use \"RN\" twice")),
            Key::Roman { .. } => self.roman = true,
            Key::Comma | Key::Group | Key::Currency | Key::Ordinal { .. } | Key::Ignored => {}
        }
        let other = self.zero_start.is_some()
            || self.decimal
            || self.shifted
            || self.bracket
            || self.minus
            || self.plus
            || self.blank
            || self.exponent
            || self.sign != SignPlace::None;
        if self.roman && other {
            return Err(syntax_error("\"RN\" is incompatible with other formats")
                .detail("\"RN\" may only be used together with \"FM\"."));
        }
        Ok(())
    }

    fn add_exponent(&mut self) -> Result<()> {
        if self.exponent {
            return Err(syntax_error("cannot use \"EEEE\" twice"));
        }
        let signs = self.sign != SignPlace::None || self.bracket || self.minus || self.plus;
        if self.fill || self.blank || self.roman || self.shifted || signs {
            return Err(syntax_error("\"EEEE\" is incompatible with other formats")
                .detail("\"EEEE\" may only be used together with digit and decimal point patterns."));
        }
        self.exponent = true;
        Ok(())
    }

    fn add_sign(&mut self, key: Key) -> Result<()> {
        let has_s = self.sign != SignPlace::None;
        match key {
            Key::Locale if has_s => return Err(syntax_error("cannot use \"S\" twice")),
            Key::Locale if self.plus || self.minus || self.bracket => {
                return Err(syntax_error("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"));
            }
            Key::Locale if self.decimal => self.sign = SignPlace::After,
            Key::Locale => {
                self.sign = SignPlace::Before;
                self.digits_before_sign = self.before;
            }
            Key::Minus if has_s => return Err(syntax_error("cannot use \"S\" and \"MI\" together")),
            Key::Plus if has_s => return Err(syntax_error("cannot use \"S\" and \"PL\" together")),
            Key::Sign if has_s => return Err(syntax_error("cannot use \"S\" and \"SG\" together")),
            Key::Bracket if has_s || self.plus || self.minus => {
                return Err(syntax_error("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
            }
            Key::Minus => self.minus = true,
            Key::Plus => self.plus = true,
            Key::Bracket => self.bracket = true,
            _ => {
                self.minus = true;
                self.plus = true;
            }
        }
        Ok(())
    }
}

/// `to_char(numeric, template)`
///
/// # Errors
/// `42601`, and what rounding raises.
pub fn numeric_to_char(value: &Numeric, template: &str) -> Result<String> {
    let template = NumberTemplate::parse(template)?;
    if template.roman {
        return Ok(roman(&template, value.to_int4().ok()));
    }
    if template.exponent {
        let mut text = String::new();
        value.push_text(&mut text);
        return Ok(scientific(&template, &text));
    }
    let mut value = value.clone();
    if template.shifted {
        let mut power = String::from("1");
        power.extend(std::iter::repeat_n('0', template.shift));
        value = value.mul(&Numeric::parse(&power)?)?;
    }
    let mut text = String::new();
    value.round(template.after as i32)?.push_text(&mut text);
    Ok(fit(template, &text))
}

/// `to_char(integer, template)`
///
/// # Errors
/// `42601`
pub fn int_to_char(value: i64, template: &str) -> Result<String> {
    numeric_to_char(&Numeric::parse(&value.to_string())?, template)
}

/// `to_char(double precision, template)`; `significant` is how many digits the type has: 15, or 6 for real.
///
/// # Errors
/// `42601`
pub fn float_to_char(value: f64, significant: usize, template: &str) -> Result<String> {
    let mut template = NumberTemplate::parse(template)?;
    if template.roman {
        let rounded = value.round_ties_even();
        let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&rounded);
        return Ok(roman(&template, fits.then_some(rounded as i32)));
    }
    let special = if value.is_nan() { Some("NaN") } else { value.is_infinite().then_some("Infinity") };
    if template.exponent {
        let text = match special {
            Some(text) => text.to_string(),
            None => format!("{value:.*e}", template.after),
        };
        return Ok(match text.split_once('e') {
            Some((mantissa, exponent)) => exponent_text(mantissa, exponent.parse().unwrap_or(0)),
            None => scientific(&template, &text),
        });
    }
    let value = if template.shifted { value * 10_f64.powi(template.shift as i32) } else { value };
    if let Some(text) = special {
        let sign = if value < 0.0 { "-" } else { "" };
        return Ok(fit(template, &format!("{sign}{text}")));
    }
    let digits = format!("{:.0}", value.abs()).len();
    if digits >= significant {
        template.after = 0;
    } else if digits + template.after > significant {
        template.after = significant - digits;
    }
    let text = format!("{value:.*}", template.after);
    Ok(fit(template, &text))
}

/// Puts a number's text into its template; `#` where it does not fit.
fn fit(mut template: NumberTemplate, text: &str) -> String {
    let (negative, mut number) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.to_string()),
        None => (false, text.to_string()),
    };
    template.before += template.shift;
    let digits = number.find('.').unwrap_or(number.len());
    if digits > template.before {
        number = "#".repeat(template.before);
        number.push('.');
        number.push_str(&"#".repeat(template.after));
    }
    let spaces = template.before.saturating_sub(digits);
    Renderer::new(&template, number, negative, spaces).render()
}

/// Scientific notation of a decimal text with the template's digits after the point.
fn scientific(template: &NumberTemplate, text: &str) -> String {
    if text.bytes().any(|c| c.is_ascii_alphabetic()) {
        // Infinities and NaN have no digits to show.
        let mut hashes = "#".repeat(template.before + template.after + 6);
        if template.before < hashes.len() {
            hashes.replace_range(template.before + 1..template.before + 2, ".");
        }
        return hashes;
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let point = digits.find('.').unwrap_or(digits.len()) as i64;
    let all: Vec<u8> = digits.bytes().filter(u8::is_ascii_digit).map(|c| c - b'0').collect();
    let first = all.iter().position(|digit| *digit != 0);
    let wanted = template.after + 1;
    let mut exponent = first.map_or(0, |first| point - 1 - first as i64);
    let mut shown: Vec<u8> = all[first.unwrap_or(all.len())..].to_vec();
    let rounds_up = shown.get(wanted).is_some_and(|digit| *digit >= 5);
    shown.resize(wanted, 0);
    if rounds_up {
        let mut at = wanted;
        while at > 0 && shown[at - 1] == 9 {
            shown[at - 1] = 0;
            at -= 1;
        }
        match at {
            0 => {
                shown.insert(0, 1);
                shown.pop();
                exponent += 1;
            }
            _ => shown[at - 1] += 1,
        }
    }
    let mut mantissa = sign.to_string();
    for (at, digit) in shown.iter().enumerate() {
        if at == 1 {
            mantissa.push('.');
        }
        mantissa.push((b'0' + digit) as char);
    }
    exponent_text(&mantissa, exponent)
}

fn exponent_text(mantissa: &str, exponent: i64) -> String {
    let space = if mantissa.starts_with('-') { "" } else { " " };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{space}{mantissa}e{sign}{:02}", exponent.abs())
}

fn roman(template: &NumberTemplate, value: Option<i32>) -> String {
    const PARTS: [(i32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let numeral = match value {
        Some(mut rest @ 1..=3999) => {
            let mut numeral = String::new();
            for (part, letters) in PARTS {
                while rest >= part {
                    numeral.push_str(letters);
                    rest -= part;
                }
            }
            numeral
        }
        _ => "#".repeat(15),
    };
    let mut out = String::new();
    for node in &template.nodes {
        match node {
            Node::Literal(c) => out.push(*c),
            Node::Key(Key::Roman { lower }) => {
                let shown = if *lower { numeral.to_lowercase() } else { numeral.clone() };
                let width = if template.fill { 0 } else { 15 };
                out.push_str(&format!("{shown:>width$}"));
            }
            Node::Key(_) => {}
        }
    }
    out
}

/// The walk over a template with a number that fits it.
struct Renderer<'t> {
    template: &'t NumberTemplate,
    number: String,
    negative: bool,
    /// Digit positions before the number's first digit.
    spaces: usize,
    sign: SignPlace,
    bracket: bool,
    sign_done: bool,
    /// Digit positions passed, and the last one.
    position: usize,
    digit_count: usize,
    /// The next character of the number.
    next: usize,
    /// In fill mode, the last character after the point that is shown.
    last_relevant: Option<usize>,
    /// Whether a digit has been written at the last position.
    in_number: bool,
    out: String,
}

impl<'t> Renderer<'t> {
    fn new(template: &'t NumberTemplate, number: String, negative: bool, spaces: usize) -> Renderer<'t> {
        let mut sign = template.sign;
        let mut bracket = template.bracket;
        let sign_done = if template.plus || template.minus {
            template.minus
        } else {
            if !negative && template.fill {
                bracket = false;
            }
            if sign == SignPlace::Before && template.before == template.digits_before_sign + template.shift {
                sign = SignPlace::After;
            }
            !negative && template.fill && sign == SignPlace::None
        };
        let mut last_relevant = None;
        if template.fill
            && template.decimal
            && let Some(point) = number.find('.')
        {
            let nonzero = number.bytes().rposition(|c| c != b'0').unwrap_or(point).max(point);
            let last_zero = (number.len() - 1).min(template.zero_end.saturating_sub(spaces));
            last_relevant = Some(if template.zero_end > spaces { nonzero.max(last_zero) } else { nonzero });
        }
        let digit_count = template.before + template.after;
        let digit_count = if !sign_done && spaces == 0 { digit_count } else { digit_count.saturating_sub(1) };
        Renderer {
            template,
            number,
            negative,
            spaces,
            sign,
            bracket,
            sign_done,
            position: 0,
            digit_count,
            next: 0,
            last_relevant,
            in_number: false,
            out: String::new(),
        }
    }

    fn render(mut self) -> String {
        for node in &self.template.nodes {
            match node {
                Node::Literal(c) => self.out.push(*c),
                Node::Key(key) => self.key(*key),
            }
        }
        self.out
    }

    fn key(&mut self, key: Key) {
        let fill = self.template.fill;
        let sign = if self.negative { '-' } else { '+' };
        match key {
            Key::Nine | Key::Zero | Key::Point => self.digit(key),
            Key::Comma | Key::Group if self.in_number => self.out.push(','),
            Key::Minus if self.negative => self.out.push('-'),
            Key::Plus if !self.negative => self.out.push('+'),
            Key::Comma | Key::Group | Key::Minus | Key::Plus if !fill => self.out.push(' '),
            Key::Currency => self.out.push(' '),
            Key::Sign => self.out.push(sign),
            Key::Ordinal { lower }
                if !self.number.starts_with('#') && !self.negative && !self.template.decimal =>
            {
                let suffix = ordinal(&self.number);
                self.out.push_str(&if lower { suffix.to_string() } else { suffix.to_uppercase() });
            }
            _ => {}
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.number.as_bytes().get(at).copied()
    }

    /// A zero before the point is not shown when no `0` asks for it.
    fn hides_zero(&self) -> bool {
        self.template.zero_start.is_none()
            && self.next == 0
            && self.byte(0) == Some(b'0')
            && self.template.after != 0
    }

    fn ends_at_point(&self) -> bool {
        self.last_relevant.is_some_and(|last| self.byte(last) == Some(b'.'))
    }

    fn start_sign(&mut self) {
        let fill = self.template.fill;
        let in_zeros = self.template.zero_start == Some(self.position);
        if self.sign_done || !(self.position >= self.spaces || in_zeros) {
            return;
        }
        if self.hides_zero() && !self.ends_at_point() {
            return;
        }
        match self.sign {
            SignPlace::Before => self.out.push(if self.negative { '-' } else { '+' }),
            SignPlace::After => return,
            SignPlace::None if self.bracket => self.out.push(if self.negative { '<' } else { ' ' }),
            SignPlace::None if self.negative => self.out.push('-'),
            SignPlace::None if !fill => self.out.push(' '),
            SignPlace::None => {}
        }
        self.sign_done = true;
    }

    fn digit(&mut self, key: Key) {
        let fill = self.template.fill;
        self.in_number = false;
        self.start_sign();
        let zeros_here = self.template.zero_start.is_some_and(|start| start <= self.position);
        if self.position < self.spaces {
            if zeros_here {
                self.out.push('0');
                self.in_number = true;
            } else if !fill {
                self.out.push(' ');
            }
        } else {
            match self.byte(self.next) {
                Some(b'.') => self.out.push('.'),
                _ if self.last_relevant.is_some_and(|last| self.next > last) && key != Key::Zero => {}
                _ if self.hides_zero() => {
                    if !fill {
                        self.out.push(' ');
                    } else if self.ends_at_point() {
                        self.out.push('0');
                    }
                }
                Some(digit) => {
                    self.out.push(digit as char);
                    self.in_number = true;
                }
                None => {}
            }
            self.next += usize::from(self.next < self.number.len());
        }
        let mut end = self.digit_count + usize::from(self.spaces > 0) + usize::from(self.template.decimal);
        if self.last_relevant == Some(self.next) {
            end = self.position;
        }
        if self.position + 1 == end {
            if self.sign_done && self.bracket {
                self.out.push(if self.negative { '>' } else { ' ' });
            } else if self.sign == SignPlace::After {
                self.out.push(if self.negative { '-' } else { '+' });
            }
        }
        self.position += 1;
    }
}

/// `to_number(text, template)`
///
/// # Errors
/// `0A000` for `EEEE` and Roman numerals; `22P02` for what is no number.
pub fn to_number(text: &str, template: &str) -> Result<Numeric> {
    let template = NumberTemplate::parse(template)?;
    if template.exponent {
        bail!(FEATURE_NOT_SUPPORTED, "\"EEEE\" not supported for input");
    }
    if template.roman {
        return Err(Error::unsupported("to_number with Roman numerals"));
    }
    let mut rest = text;
    let mut negative = false;
    let mut digits = String::new();
    let mut read_point = false;
    for node in &template.nodes {
        let Some(c) = rest.chars().next() else {
            break;
        };
        let skip_symbol = |rest: &mut &str| {
            if !c.is_ascii_digit() && !"+-.,".contains(c) {
                *rest = &rest[c.len_utf8()..];
            }
        };
        match node {
            Node::Key(Key::Nine | Key::Zero | Key::Point) => {
                rest = rest.strip_prefix(' ').unwrap_or(rest);
                let no_digit_yet = !digits.bytes().any(|c| c.is_ascii_digit());
                if no_digit_yet && rest.starts_with(['-', '+', '<']) {
                    negative |= !rest.starts_with('+');
                    rest = &rest[1..];
                }
                match rest.chars().next() {
                    Some(digit) if digit.is_ascii_digit() => {
                        digits.push(digit);
                        rest = &rest[1..];
                        // A trailing sign may come as soon as the number ends.
                        negative |= template.sign == SignPlace::After && rest.starts_with('-');
                    }
                    Some('.') if !read_point && template.decimal => {
                        digits.push('.');
                        read_point = true;
                        rest = &rest[1..];
                    }
                    _ => {}
                }
            }
            Node::Key(Key::Comma | Key::Group) => rest = rest.strip_prefix(',').unwrap_or(rest),
            Node::Key(Key::Minus | Key::Plus | Key::Sign | Key::Locale) if matches!(c, '-' | '+') => {
                negative |= c == '-';
                rest = &rest[1..];
            }
            Node::Key(Key::Currency | Key::Minus | Key::Plus | Key::Sign) => skip_symbol(&mut rest),
            Node::Key(Key::Ordinal { .. }) => {
                rest = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic())
            }
            Node::Key(_) => {}
            Node::Literal(_) => rest = &rest[c.len_utf8()..],
        }
    }
    let number = digits.trim_end_matches('.');
    let number = Numeric::parse(&format!("{}{number}", if negative { "-" } else { "" }))?;
    if !template.shifted {
        return Ok(number);
    }
    // A negative power of ten has 16 significant digits more than zeros.
    let power = format!("0.{}1{}", "0".repeat(template.shift.saturating_sub(1)), "0".repeat(16));
    number.mul(&Numeric::parse(&power)?)
}
