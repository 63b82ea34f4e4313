//! Type names.

use super::*;
use crate::keyword::Category;

impl Parser<'_> {
    /// `Typename`
    pub fn type_name(&mut self) -> Result<TypeName> {
        let setof = self.eat(K::Setof);
        let mut type_name = self.simple_type_name()?;
        type_name.setof = setof;
        self.array_bounds(&mut type_name)?;
        Ok(type_name)
    }

    fn array_bounds(&mut self, type_name: &mut TypeName) -> Result<()> {
        if self.eat(K::Array) {
            let mut bound = None;
            if self.eat_char(b'[') {
                bound = Some(self.integer()?);
                self.expect_char(b']')?;
            }
            type_name.array_bounds.push(bound);
            return Ok(());
        }
        while self.eat_char(b'[') {
            let bound = if self.at_char(b']') { None } else { Some(self.integer()?) };
            self.expect_char(b']')?;
            type_name.array_bounds.push(bound);
        }
        Ok(())
    }

    /// `func_type`: also `name%TYPE`
    pub(super) fn function_type(&mut self) -> Result<TypeName> {
        let start = self.position;
        let setof = self.eat(K::Setof);
        if self.is_type_function_name(0) && self.char_at(1, b'.') {
            let location = self.location();
            let first = self.type_function_name()?;
            let name = self.dotted(first, location)?;
            if self.at_char(b'%') && self.at_next(1, K::Type) {
                self.position += 2;
                let mut type_name = TypeName::system("", location);
                type_name.names = name.parts;
                type_name.percent_type = true;
                type_name.setof = setof;
                return Ok(type_name);
            }
        }
        self.position = start;
        self.type_name()
    }

    /// Whether a type name can begin with the token `ahead`.
    pub(super) fn is_type_start(&self, ahead: usize) -> bool {
        self.is_type_function_name(ahead)
            || match self.kind_at(ahead) {
                Kind::Keyword(K::Setof) => true,
                Kind::Keyword(keyword) => is_special_type(keyword),
                _ => false,
            }
    }

    /// `SimpleTypename`
    pub(super) fn simple_type_name(&mut self) -> Result<TypeName> {
        let location = self.location();
        if let Some(keyword) = self.keyword()
            && is_special_type(keyword)
            && (keyword != K::Double || self.at_next(1, K::Precision))
        {
            self.advance();
            return self.special_type(keyword, location);
        }
        let first = self.type_function_name()?;
        let name = self.dotted(first, location)?;
        let mut type_name = TypeName::system("", location);
        type_name.names = name.parts;
        type_name.modifiers = self.type_modifiers()?;
        Ok(type_name)
    }

    fn type_modifiers(&mut self) -> Result<Vec<Expr>> {
        self.optional_paren_list(Self::expr)
    }

    /// One integer in parentheses, as a modifier.
    fn integer_modifier(&mut self) -> Result<Vec<Expr>> {
        if !self.at_char(b'(') {
            return Ok(Vec::new());
        }
        let (location, value) = self.parens(|parser| Ok((parser.location(), parser.integer()?)))?;
        Ok(vec![Expr::Const { value: Literal::Integer(value), location }])
    }

    /// The type that the key word just taken begins.
    fn special_type(&mut self, keyword: K, location: usize) -> Result<TypeName> {
        let plain = |name| Ok(TypeName::system(name, location));
        match keyword {
            K::Int | K::Integer => plain("int4"),
            K::Smallint => plain("int2"),
            K::Bigint => plain("int8"),
            K::Real => plain("float4"),
            K::Boolean => plain("bool"),
            K::Json => plain("json"),
            K::Float => self.float_type(location),
            K::Double => {
                self.expect(K::Precision)?;
                plain("float8")
            }
            K::Decimal | K::Dec | K::Numeric => {
                let mut type_name = TypeName::system("numeric", location);
                type_name.modifiers = self.type_modifiers()?;
                Ok(type_name)
            }
            K::Bit => {
                let varying = self.eat(K::Varying);
                let mut type_name = TypeName::system(if varying { "varbit" } else { "bit" }, location);
                type_name.modifiers = self.type_modifiers()?;
                if type_name.modifiers.is_empty() && !varying {
                    type_name.modifiers = vec![Expr::Const { value: Literal::Integer(1), location }];
                }
                Ok(type_name)
            }
            K::Timestamp | K::Time => {
                let modifiers = self.integer_modifier()?;
                let zone = self.time_zone_suffix();
                let name = match (keyword, zone) {
                    (K::Timestamp, true) => "timestamptz",
                    (K::Timestamp, false) => "timestamp",
                    (_, true) => "timetz",
                    (_, false) => "time",
                };
                let mut type_name = TypeName::system(name, location);
                type_name.modifiers = modifiers;
                Ok(type_name)
            }
            K::Interval => {
                let mut type_name = TypeName::system("interval", location);
                if self.at_char(b'(') {
                    type_name.modifiers = self.integer_modifier()?;
                    type_name.interval = Some(IntervalFields::Full);
                } else {
                    self.interval_fields(&mut type_name)?;
                }
                Ok(type_name)
            }
            K::National => {
                self.expect_any(&[K::Character, K::Char])?;
                self.character_type(K::Character, location)
            }
            _ => self.character_type(keyword, location),
        }
    }

    fn character_type(&mut self, keyword: K, location: usize) -> Result<TypeName> {
        let varying = keyword == K::Varchar || self.eat(K::Varying);
        let mut type_name = TypeName::system(if varying { "varchar" } else { "bpchar" }, location);
        type_name.modifiers = self.integer_modifier()?;
        if type_name.modifiers.is_empty() && !varying {
            type_name.modifiers = vec![Expr::Const { value: Literal::Integer(1), location }];
        }
        Ok(type_name)
    }

    fn float_type(&mut self, location: usize) -> Result<TypeName> {
        if !self.at_char(b'(') {
            return Ok(TypeName::system("float8", location));
        }
        let (at, bits) = self.parens(|parser| Ok((parser.location(), parser.integer()?)))?;
        let message = match bits {
            ..1 => "precision for type float must be at least 1 bit",
            1..=24 => return Ok(TypeName::system("float4", location)),
            25..=53 => return Ok(TypeName::system("float8", location)),
            _ => "precision for type float must be less than 54 bits",
        };
        Err(Error::new(base::SqlState::INVALID_PARAMETER_VALUE, message).at(at))
    }

    /// `WITH TIME ZONE` (true), `WITHOUT TIME ZONE` or nothing
    fn time_zone_suffix(&mut self) -> bool {
        let with = self.eat_all(&[K::With, K::Time, K::Zone]);
        if !with {
            self.eat_all(&[K::Without, K::Time, K::Zone]);
        }
        with
    }

    /// `opt_interval`
    pub(super) fn interval_fields(&mut self, type_name: &mut TypeName) -> Result<()> {
        const FIELDS: &[K] = &[K::Year, K::Month, K::Day, K::Hour, K::Minute, K::Second];
        let Some(first) = self.eat_any(FIELDS) else { return Ok(()) };
        let last = if first != K::Second && self.eat(K::To) { Some(self.expect_any(FIELDS)?) } else { None };
        let fields = match (first, last) {
            (K::Year, None) => IntervalFields::Year,
            (K::Month, None) => IntervalFields::Month,
            (K::Day, None) => IntervalFields::Day,
            (K::Hour, None) => IntervalFields::Hour,
            (K::Minute, None) => IntervalFields::Minute,
            (K::Second, None) => IntervalFields::Second,
            (K::Year, Some(K::Month)) => IntervalFields::YearToMonth,
            (K::Day, Some(K::Hour)) => IntervalFields::DayToHour,
            (K::Day, Some(K::Minute)) => IntervalFields::DayToMinute,
            (K::Day, Some(K::Second)) => IntervalFields::DayToSecond,
            (K::Hour, Some(K::Minute)) => IntervalFields::HourToMinute,
            (K::Hour, Some(K::Second)) => IntervalFields::HourToSecond,
            (K::Minute, Some(K::Second)) => IntervalFields::MinuteToSecond,
            _ => {
                self.position -= 1;
                return Err(self.unexpected());
            }
        };
        type_name.interval = Some(fields);
        if last.unwrap_or(first) == K::Second {
            type_name.modifiers = self.integer_modifier()?;
        }
        Ok(())
    }
}

/// Words that begin a type of SQL's own spelling.
pub(super) fn is_special_type(keyword: K) -> bool {
    match keyword {
        K::Double => true,
        _ if keyword.category() != Category::ColumnName => false,
        K::Int
        | K::Integer
        | K::Smallint
        | K::Bigint
        | K::Real
        | K::Float
        | K::Decimal
        | K::Dec
        | K::Numeric => true,
        K::Boolean | K::Bit | K::Character | K::Char | K::Varchar | K::National | K::Nchar => true,
        K::Timestamp | K::Time | K::Interval | K::Json => true,
        _ => false,
    }
}
