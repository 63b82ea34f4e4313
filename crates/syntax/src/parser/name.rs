//! Names of every kind, roles, constants, options.

use super::*;
use crate::keyword::Category;
use std::borrow::Cow;

/// Bytes of an identifier that are kept (NAMEDATALEN - 1).
const MAX_IDENTIFIER: usize = 63;

impl Parser<'_> {
    /// Whether the token `ahead` may be a name that admits key words of these categories.
    fn is_name(&self, ahead: usize, categories: &[Category]) -> bool {
        match self.kind_at(ahead) {
            Kind::Identifier | Kind::QuotedIdentifier => true,
            Kind::Keyword(keyword) => {
                categories.contains(&keyword.category()) && !self.is_joined(ahead, keyword)
            }
            _ => false,
        }
    }

    /// Whether the next token makes this key word part of a clause, so that it is no name.
    fn is_joined(&self, ahead: usize, keyword: K) -> bool {
        match keyword {
            K::Nulls => matches!(self.kind_at(ahead + 1), Kind::Keyword(K::First | K::Last)),
            K::Format => self.at_next(ahead + 1, K::Json),
            K::Without => self.at_next(ahead + 1, K::Time),
            _ => false,
        }
    }

    pub(super) fn is_column_id(&self, ahead: usize) -> bool {
        self.is_name(ahead, &[Category::Unreserved, Category::ColumnName])
    }

    pub(super) fn is_type_function_name(&self, ahead: usize) -> bool {
        self.is_name(ahead, &[Category::Unreserved, Category::TypeFunctionName])
    }

    pub(super) fn is_plain_identifier(&self) -> bool {
        matches!(self.kind(), Kind::Identifier | Kind::QuotedIdentifier)
    }

    fn is_non_reserved(&self) -> bool {
        self.is_name(0, &[Category::Unreserved, Category::ColumnName, Category::TypeFunctionName])
    }

    pub(super) fn is_label(&self, ahead: usize) -> bool {
        matches!(self.kind_at(ahead), Kind::Identifier | Kind::QuotedIdentifier | Kind::Keyword(_))
    }

    /// Takes the current token, which is a word, as a name.
    pub(super) fn take_name(&mut self) -> String {
        let token = self.token();
        let text = self.text();
        let name: Cow<str> = match token.kind {
            Kind::Keyword(keyword) => Cow::Borrowed(keyword.name()),
            _ if token.value > 0 => Cow::Borrowed(self.tokens.values[token.value as usize - 1].as_str()),
            Kind::QuotedIdentifier => Cow::Borrowed(&text[1..text.len() - 1]),
            _ if text.bytes().any(|byte| byte.is_ascii_uppercase()) => Cow::Owned(text.to_ascii_lowercase()),
            _ => Cow::Borrowed(text),
        };
        let name = match name.len() > MAX_IDENTIFIER {
            true => {
                let short = name[..name.floor_char_boundary(MAX_IDENTIFIER)].to_owned();
                let notice = Error::with_severity(
                    base::Severity::Notice,
                    base::SqlState::NAME_TOO_LONG,
                    format!("identifier \"{name}\" will be truncated to \"{short}\""),
                );
                self.notices.push(notice);
                short
            }
            false => name.into_owned(),
        };
        self.advance();
        name
    }

    fn name_if(&mut self, here: bool) -> Result<String> {
        if here { Ok(self.take_name()) } else { Err(self.unexpected()) }
    }

    /// A column, table or object name (`ColId`).
    pub(super) fn column_id(&mut self) -> Result<String> {
        self.name_if(self.is_column_id(0))
    }

    pub(super) fn optional_column_id(&mut self) -> Option<String> {
        self.is_column_id(0).then(|| self.take_name())
    }

    pub(super) fn type_function_name(&mut self) -> Result<String> {
        self.name_if(self.is_type_function_name(0))
    }

    pub(super) fn non_reserved_word(&mut self) -> Result<String> {
        self.name_if(self.is_non_reserved())
    }

    /// Any word (`ColLabel`).
    pub(super) fn label(&mut self) -> Result<String> {
        self.name_if(self.is_label(0))
    }

    /// A label without AS, if one stands here.
    pub(super) fn bare_label(&mut self) -> Option<String> {
        let here = match self.kind() {
            Kind::Identifier | Kind::QuotedIdentifier => true,
            Kind::Keyword(keyword) => keyword.entry().bare_label,
            _ => false,
        };
        here.then(|| self.take_name())
    }

    /// The rest of a dotted name.
    pub(super) fn dotted(&mut self, first: String, location: usize) -> Result<ObjectName> {
        let mut parts = vec![first];
        while self.eat_char(b'.') {
            parts.push(self.label()?);
        }
        Ok(ObjectName { parts, location })
    }

    /// `any_name`
    pub(super) fn object_name(&mut self) -> Result<ObjectName> {
        let location = self.location();
        let first = self.column_id()?;
        self.dotted(first, location)
    }

    pub(super) fn object_names(&mut self) -> Result<Vec<ObjectName>> {
        self.list(Self::object_name)
    }

    /// `func_name`
    pub(super) fn function_name(&mut self) -> Result<ObjectName> {
        let location = self.location();
        let qualified = self.is_column_id(0) && self.char_at(1, b'.');
        let first = if qualified { self.column_id()? } else { self.type_function_name()? };
        if qualified { self.dotted(first, location) } else { Ok(ObjectName { parts: vec![first], location }) }
    }

    /// `handler_name`
    pub(super) fn handler_name(&mut self) -> Result<ObjectName> {
        self.object_name()
    }

    pub(super) fn names(&mut self) -> Result<Vec<String>> {
        self.list(Self::column_id)
    }

    /// `( name, ... )` or nothing
    pub(super) fn optional_columns(&mut self) -> Result<Vec<String>> {
        self.optional_paren_list(Self::column_id)
    }

    /// `qualified_name`
    pub(super) fn relation_name(&mut self) -> Result<RelationName> {
        let name = self.object_name()?;
        self.relation_from(name)
    }

    pub(super) fn relation_names(&mut self) -> Result<Vec<RelationName>> {
        self.list(Self::relation_name)
    }

    pub(super) fn relation_from(&self, name: ObjectName) -> Result<RelationName> {
        let location = name.location;
        if name.parts.len() > 3 {
            let text = name.parts.join(".");
            return Err(
                err!(SYNTAX_ERROR, "improper qualified name (too many dotted names): {text}").at(location)
            );
        }
        let mut parts = name.parts.into_iter().rev();
        Ok(RelationName {
            name: parts.next().unwrap_or_default(),
            schema: parts.next(),
            catalog: parts.next(),
            inherit: true,
            location,
        })
    }

    /// `relation_expr`: `name`, `name *`, `ONLY name`, `ONLY (name)`
    pub(super) fn relation_expr(&mut self) -> Result<RelationName> {
        if self.eat(K::Only) {
            let mut relation =
                if self.at_char(b'(') { self.parens(Self::relation_name)? } else { self.relation_name()? };
            relation.inherit = false;
            return Ok(relation);
        }
        let relation = self.relation_name()?;
        self.eat_char(b'*');
        Ok(relation)
    }

    pub(super) fn is_string(&self) -> bool {
        self.kind() == Kind::String
    }

    /// A string literal.
    pub(super) fn string(&mut self) -> Result<String> {
        if !self.is_string() {
            return Err(self.unexpected());
        }
        Ok(self.take_string())
    }

    /// Takes the current token, a string or bit string.
    pub(super) fn take_string(&mut self) -> String {
        let token = self.token();
        let text = self.text();
        let value = match token.value {
            0 => {
                let inside = &text[1..text.len() - 1];
                if inside.contains('\'') { inside.replace("''", "'") } else { inside.to_owned() }
            }
            index => std::mem::take(&mut self.tokens.values[index as usize - 1]),
        };
        self.advance();
        value
    }

    pub(super) fn optional_string(&mut self) -> Option<String> {
        self.is_string().then(|| self.take_string())
    }

    /// An integer of 32 bits without sign (`Iconst`).
    pub(super) fn integer(&mut self) -> Result<i32> {
        match self.number_literal() {
            Some(Literal::Integer(value)) => {
                self.advance();
                Ok(value)
            }
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn is_integer(&self) -> bool {
        matches!(self.number_literal(), Some(Literal::Integer(_)))
    }

    /// The value of the current token, if it is a number.
    pub(super) fn number_literal(&self) -> Option<Literal> {
        let kind = self.kind();
        if !matches!(kind, Kind::Integer | Kind::Numeric) {
            return None;
        }
        let text = self.text();
        let digits: Cow<str> = if text.contains('_') { text.replace('_', "").into() } else { text.into() };
        if kind == Kind::Integer {
            let value = match digits.as_bytes() {
                [b'0', b'x' | b'X', ..] => i32::from_str_radix(&digits[2..], 16),
                [b'0', b'o' | b'O', ..] => i32::from_str_radix(&digits[2..], 8),
                [b'0', b'b' | b'B', ..] => i32::from_str_radix(&digits[2..], 2),
                _ => digits.parse(),
            };
            if let Ok(value) = value {
                return Some(Literal::Integer(value));
            }
        }
        Some(Literal::Numeric(digits.into_owned()))
    }

    /// Whether a number, possibly with sign, stands here.
    pub(super) fn is_signed_number(&self) -> bool {
        let sign = self.at_char(b'+') || self.at_char(b'-');
        matches!(self.kind_at(usize::from(sign)), Kind::Integer | Kind::Numeric)
    }

    /// Whether only a number may stand here: a digit or a sign.
    pub(super) fn is_number_start(&self) -> bool {
        matches!(self.kind(), Kind::Integer | Kind::Numeric | Kind::Char(b'+' | b'-'))
    }

    /// `NumericOnly`
    pub(super) fn signed_number(&mut self) -> Result<SignedNumber> {
        let negative = self.at_char(b'-');
        if negative || self.at_char(b'+') {
            self.advance();
        }
        let Some(value) = self.number_literal() else { return Err(self.unexpected()) };
        self.advance();
        Ok(if negative { negate(value) } else { value })
    }

    /// `SignedIconst`
    pub(super) fn signed_integer(&mut self) -> Result<i32> {
        let negative = self.at_char(b'-');
        if negative || self.at_char(b'+') {
            self.advance();
        }
        let value = self.integer()?;
        Ok(if negative { -value } else { value })
    }

    pub(super) fn word_or_string(&mut self) -> Result<String> {
        if self.is_string() { self.string() } else { self.non_reserved_word() }
    }

    /// `opt_boolean_or_string`: TRUE, FALSE, ON, a word or a string
    pub(super) fn boolean_or_string(&mut self) -> Result<String> {
        if self.at_any(&[K::True, K::False, K::On]) { Ok(self.take_name()) } else { self.word_or_string() }
    }

    /// `RoleSpec`
    pub(super) fn role(&mut self) -> Result<Role> {
        let location = self.location();
        let kind = match self.keyword() {
            Some(K::CurrentRole) => RoleKind::CurrentRole,
            Some(K::CurrentUser) => RoleKind::CurrentUser,
            Some(K::SessionUser) => RoleKind::SessionUser,
            _ => {
                let name = self.non_reserved_word()?;
                let kind = match name.as_str() {
                    "public" => RoleKind::Public,
                    "none" => {
                        return Err(err!(RESERVED_NAME, "role name \"none\" is reserved").at(location));
                    }
                    _ => RoleKind::Name(name),
                };
                return Ok(Role { kind, location });
            }
        };
        self.advance();
        Ok(Role { kind, location })
    }

    pub(super) fn roles(&mut self) -> Result<Vec<Role>> {
        self.list(Self::role)
    }

    /// `RoleId`: a role by name.
    pub(super) fn role_id(&mut self) -> Result<String> {
        let role = self.role()?;
        let word = match role.kind {
            RoleKind::Name(name) => return Ok(name),
            RoleKind::Public => {
                return Err(err!(RESERVED_NAME, "role name \"public\" is reserved").at(role.location));
            }
            RoleKind::SessionUser => "SESSION_USER",
            RoleKind::CurrentUser => "CURRENT_USER",
            RoleKind::CurrentRole => "CURRENT_ROLE",
        };
        Err(err!(RESERVED_NAME, "{word} cannot be used as a role name here").at(role.location))
    }

    /// An operator, any kind (`all_Op`).
    pub(super) fn operator_symbol(&mut self) -> Result<String> {
        match self.is_operator_symbol() {
            true => {
                let name = if self.kind() == Kind::NotEquals { "<>" } else { self.text() }.to_owned();
                self.advance();
                Ok(name)
            }
            false => Err(self.unexpected()),
        }
    }

    pub(super) fn is_operator_symbol(&self) -> bool {
        match self.kind() {
            Kind::Operator | Kind::LessEquals | Kind::GreaterEquals | Kind::NotEquals => true,
            Kind::Char(byte) => b"+-*/%^<>=".contains(&byte),
            _ => false,
        }
    }

    /// `any_operator`: `schema.op`
    pub(super) fn any_operator(&mut self) -> Result<OperatorName> {
        let mut schema = Vec::new();
        while !self.is_operator_symbol() {
            schema.push(self.column_id()?);
            self.expect_char(b'.')?;
        }
        Ok(OperatorName { schema, name: self.operator_symbol()? })
    }

    /// `qual_all_Op`: an operator or `OPERATOR(...)`
    pub(super) fn qualified_operator(&mut self) -> Result<OperatorName> {
        if self.eat(K::Operator) {
            return self.parens(Self::any_operator);
        }
        Ok(OperatorName { schema: Vec::new(), name: self.operator_symbol()? })
    }

    pub(super) fn drop_behavior(&mut self) -> DropBehavior {
        match self.eat_any(&[K::Cascade, K::Restrict]) {
            Some(K::Cascade) => DropBehavior::Cascade,
            _ => DropBehavior::Restrict,
        }
    }

    /// `( name = value, ... )` (`definition`)
    pub(super) fn definition(&mut self) -> Result<Vec<OptionItem>> {
        self.paren_list(Self::definition_item)
    }

    /// `WITH ( ... )` or nothing
    pub(super) fn optional_with_definition(&mut self) -> Result<Vec<OptionItem>> {
        if self.eat(K::With) { self.definition() } else { Ok(Vec::new()) }
    }

    fn definition_item(&mut self) -> Result<OptionItem> {
        let location = self.location();
        let name = self.label()?;
        let value = if self.eat_char(b'=') { Some(self.definition_value()?) } else { None };
        Ok(OptionItem { namespace: None, name, value, action: OptionAction::Unspecified, location })
    }

    /// `def_arg`
    pub(super) fn definition_value(&mut self) -> Result<OptionValue> {
        if self.is_string() {
            return Ok(OptionValue::String(self.take_string()));
        }
        if self.is_signed_number() {
            return Ok(self.signed_number()?.into());
        }
        if self.is_operator_symbol() || (self.at(K::Operator) && self.char_at(1, b'(')) {
            return Ok(OptionValue::Operator(self.qualified_operator()?));
        }
        match self.keyword() {
            Some(K::None) => Ok(OptionValue::String(self.take_name())),
            Some(keyword) if keyword.category() == Category::Reserved => {
                Ok(OptionValue::String(self.take_name()))
            }
            _ => Ok(OptionValue::Type(self.function_type()?)),
        }
    }

    /// `reloptions`
    pub(super) fn relation_options(&mut self) -> Result<Vec<OptionItem>> {
        self.paren_list(|parser| {
            let location = parser.location();
            let mut name = parser.label()?;
            let mut namespace = None;
            if parser.eat_char(b'.') {
                namespace = Some(std::mem::replace(&mut name, parser.label()?));
            }
            let value = if parser.eat_char(b'=') { Some(parser.definition_value()?) } else { None };
            Ok(OptionItem { namespace, name, value, action: OptionAction::Unspecified, location })
        })
    }

    /// `WITH ( ... )` or nothing
    pub(super) fn optional_relation_options(&mut self) -> Result<Vec<OptionItem>> {
        if self.at(K::With) && self.char_at(1, b'(') {
            self.advance();
            return self.relation_options();
        }
        Ok(Vec::new())
    }
}

impl From<Literal> for OptionValue {
    fn from(literal: Literal) -> OptionValue {
        match literal {
            Literal::Integer(value) => OptionValue::Integer(value),
            Literal::Numeric(text) => OptionValue::Numeric(text),
            Literal::Bool(value) => OptionValue::Bool(value),
            Literal::String(text) | Literal::BitString(text) => OptionValue::String(text),
            Literal::Null => OptionValue::String(String::new()),
        }
    }
}

/// The option `name`.
pub(super) fn option(name: &str, value: Option<OptionValue>, location: usize) -> OptionItem {
    OptionItem { namespace: None, name: name.to_owned(), value, action: OptionAction::Unspecified, location }
}

/// The number with its sign changed.
pub(super) fn negate(value: Literal) -> Literal {
    match value {
        Literal::Integer(value) => Literal::Integer(value.wrapping_neg()),
        Literal::Numeric(text) => Literal::Numeric(match text.strip_prefix('-') {
            Some(digits) => digits.to_owned(),
            None => format!("-{text}"),
        }),
        other => other,
    }
}
