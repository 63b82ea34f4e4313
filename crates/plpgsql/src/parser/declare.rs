//! DECLARE, types and targets.

use super::Parser;
use crate::ast::*;
use crate::scanner::Kind;
use base::{Error, Oid, Result, err};
use commands::pipeline::Literals;
use std::sync::Arc;

const REFCURSOR: Oid = Oid(1790);
const RECORD: Oid = Oid(2249);

impl Parser<'_> {
    /// A type by OID with its usual collation.
    pub fn type_of(&self, oid: Oid) -> Result<Type> {
        Ok(Type { oid, typmod: -1, collation: self.session.type_collation(oid)? })
    }

    /// What a variable of a type is.
    pub fn kind_of(&self, name: &str, of: Type) -> Result<VariableKind> {
        if of.oid == RECORD {
            return Ok(VariableKind::Record(None));
        }
        let row = self.session.type_row(of.oid)?;
        let base = self.session.base_type(of.oid)?.0;
        match row.typtype as u8 {
            b'p' => {
                let shown = self.session.format_type(of.oid, None)?;
                Err(err!(FEATURE_NOT_SUPPORTED, "variable \"{name}\" has pseudo-type {shown}"))
            }
            _ if self.session.row_type(base)?.is_some() => Ok(VariableKind::Record(Some(of.oid))),
            _ => Ok(VariableKind::Scalar(of)),
        }
    }

    pub(super) fn declarations(&mut self) -> Result<Vec<Slot>> {
        let mut declared = Vec::new();
        while !self.is_word("begin") {
            if self.is_word("declare") {
                self.next();
                continue;
            }
            if self.is_symbol("<<") {
                return Err(self.fail("block label must be placed before DECLARE, not after"));
            }
            declared.extend(self.declaration()?);
        }
        Ok(declared)
    }

    fn check_new(&self, name: &str) -> Result<()> {
        let mut at = self.top;
        while let Some(index) = at {
            let known = &self.names[index];
            match known.meaning {
                Meaning::Label { .. } => return Ok(()),
                _ if known.text == name => {
                    return Err(err!(SYNTAX_ERROR, "duplicate declaration").at(self.token().start));
                }
                _ => at = known.parent,
            }
        }
        Ok(())
    }

    fn declaration(&mut self) -> Result<Option<Slot>> {
        let line = self.line();
        let at = self.token().start;
        let name = self.identifier().map_err(|e| e.or_at(Some(at)))?;
        self.at -= 1;
        self.check_new(&name)?;
        self.at += 1;
        if self.is_word("alias") && self.is_word_at(1, "for") {
            self.at += 2;
            let token = self.next();
            let found = self.find_words(std::slice::from_ref(&token.text));
            let Some(meaning) = found else {
                self.at -= 1;
                return Err(self.fail(format!("variable \"{}\" does not exist", token.text)));
            };
            self.expect_symbol(";")?;
            self.push_name(name, meaning);
            return Ok(None);
        }
        if self.is_cursor() {
            return self.cursor_declaration(name, line).map(Some);
        }
        let constant = self.eat("constant");
        let mut of = self.datatype()?;
        if self.eat("collate") {
            let mut parts = vec![self.identifier()?];
            while self.eat_symbol(".") {
                parts.push(self.identifier()?);
            }
            let named = syntax::ObjectName { parts, location: 0 };
            of.collation = analyzer::resolve_collation(self.session, &Literals, &named)?;
            if !self.session.type_collation(of.oid)?.is_valid() {
                let shown = self.session.format_type(of.oid, None)?;
                return Err(err!(DATATYPE_MISMATCH, "collations are not supported by type {shown}"));
            }
        }
        let not_null = self.is_word("not");
        if not_null {
            self.next();
            self.expect("null")?;
        }
        let default = if self.eat("default") || self.eat_symbol(":=") || self.eat_symbol("=") {
            Some(self.expression_until(";")?)
        } else {
            self.expect_symbol(";")?;
            None
        };
        if not_null && default.is_none() {
            return Err(err!(
                NULL_VALUE_NOT_ALLOWED,
                "variable \"{name}\" must have a default value, since it's declared NOT NULL"
            )
            .at(at));
        }
        let kind = self.kind_of(&name, of)?;
        let slot = self.add_variable(&name, kind, line);
        let variable = &mut self.variables[slot];
        (variable.constant, variable.not_null, variable.default) = (constant, not_null, default);
        Ok(Some(slot))
    }

    fn is_cursor(&self) -> bool {
        let scroll = usize::from(self.is_word("scroll"))
            + 2 * usize::from(self.is_word("no") && self.is_word_at(1, "scroll"));
        self.is_word_at(scroll, "cursor")
    }

    fn cursor_declaration(&mut self, name: String, line: u32) -> Result<Slot> {
        let scroll = match (self.eat("no"), self.eat("scroll")) {
            (true, _) => Some(false),
            (false, true) => Some(true),
            _ => None,
        };
        self.expect("cursor")?;
        let of = self.type_of(REFCURSOR)?;
        let (query, parameters) = self.nested(|p| {
            p.push_label(None, false);
            let mut parameters = Vec::new();
            if p.eat_symbol("(") {
                loop {
                    let line = p.line();
                    let name = p.identifier()?;
                    let of = p.datatype()?;
                    let kind = p.kind_of(&name, of)?;
                    let slot = p.add_variable(&name, kind, line);
                    parameters.push((name, slot));
                    if !p.eat_symbol(",") {
                        break;
                    }
                }
                p.expect_symbol(")")?;
            }
            if !p.eat("is") {
                p.expect("for")?;
            }
            Ok((p.statement_until(";")?, parameters))
        })?;
        let slot = self.add_variable(&name, VariableKind::Scalar(of), line);
        self.cursors.push((slot, Arc::new(Cursor { query, scroll, parameters })));
        Ok(slot)
    }

    /// A type, up to what may follow it in a declaration.
    pub(super) fn datatype(&mut self) -> Result<Type> {
        const ENDS: [&str; 11] = [";", ":=", "=", "default", "not", "collate", ",", ")", "loop", "is", "for"];
        if let Some(found) = self.copied_type()? {
            return Ok(found);
        }
        let start = self.token().start;
        let mut end = start;
        let mut depth = 0usize;
        loop {
            let token = self.token().clone();
            let plain = matches!(token.kind, Kind::Word | Kind::Symbol);
            if token.kind == Kind::End {
                return Err(if depth > 0 {
                    self.fail("mismatched parentheses")
                } else {
                    self.fail("incomplete data type declaration")
                });
            }
            if depth == 0 && plain && ENDS.contains(&token.text.as_str()) {
                break;
            }
            match token.text.as_str() {
                "(" | "[" if plain => depth += 1,
                ")" | "]" if plain => depth = depth.saturating_sub(1),
                _ => {}
            }
            end = token.end;
            self.next();
        }
        if end == start {
            return Err(self.fail("missing data type declaration"));
        }
        self.named_type(&self.source[start..end], start)
    }

    fn named_type(&self, text: &str, start: usize) -> Result<Type> {
        let shifted = |mut error: Error| {
            let data = error.data_mut();
            data.position = data.position.map(|p| p + start);
            error
        };
        let name = syntax::parse_type_name(text).map_err(shifted)?;
        if name.setof {
            return Err(err!(SYNTAX_ERROR, "syntax error at or near \"setof\"").at(start));
        }
        let (oid, typmod) = analyzer::resolve_type(self.session, &Literals, &name).map_err(shifted)?;
        Ok(Type { typmod, ..self.type_of(oid)? })
    }

    /// `name%TYPE` and `name%ROWTYPE`, with array bounds behind.
    fn copied_type(&mut self) -> Result<Option<Type>> {
        let mut words = 0;
        let mut ahead = 0;
        while matches!(self.peek(ahead).kind, Kind::Word | Kind::Quoted) {
            words += 1;
            ahead += 1;
            if !self.is_symbol_at(ahead, ".") {
                break;
            }
            ahead += 1;
        }
        if words == 0 || !self.is_symbol_at(ahead, "%") {
            return Ok(None);
        }
        let whole = self.is_word_at(ahead + 1, "rowtype");
        if !whole && !self.is_word_at(ahead + 1, "type") {
            return Ok(None);
        }
        let start = self.token().start;
        let parts: Vec<String> = (0..words).map(|w| self.peek(2 * w).text.clone()).collect();
        self.at += ahead + 2;
        let mut found = if whole { self.row_type_named(&parts)? } else { self.type_like(&parts)? };
        let mut array = self.eat("array");
        while self.eat_symbol("[") {
            array = true;
            if self.kind() == Kind::Number {
                self.next();
            }
            self.expect_symbol("]")?;
        }
        if array && self.session.element_type(found.oid)?.is_none() {
            let Some(oid) = self.session.array_type(found.oid)? else {
                let shown = self.session.format_type(found.oid, None)?;
                return Err(
                    err!(UNDEFINED_OBJECT, "could not find array type for data type {shown}").at(start)
                );
            };
            found.oid = oid;
        }
        Ok(Some(found))
    }

    fn type_like(&self, parts: &[String]) -> Result<Type> {
        match self.find_words(parts) {
            Some(Meaning::Scalar(slot)) => {
                if let VariableKind::Scalar(of) = self.variables[slot].kind {
                    return Ok(of);
                }
            }
            Some(Meaning::Record(slot)) => {
                if let VariableKind::Record(of) = self.variables[slot].kind {
                    return self.type_of(of.unwrap_or(RECORD));
                }
            }
            _ => {}
        }
        if let [name] = parts {
            return Err(err!(UNDEFINED_OBJECT, "variable \"{name}\" does not exist"));
        }
        let (schema, table, column) = match parts {
            [table, column] => (None, table, column),
            [schema, table, column] => (Some(schema.as_str()), table, column),
            _ => return Err(err!(SYNTAX_ERROR, "improper %TYPE reference")),
        };
        let entry = match self.session.relation_by_name(schema, table)? {
            Some(oid) => self.session.relation(oid)?,
            None => None,
        };
        let shown = parts[..parts.len() - 1].join(".");
        let entry = entry.ok_or_else(|| err!(UNDEFINED_TABLE, "relation \"{shown}\" does not exist"))?;
        let Some(at) = entry.desc().position(column) else {
            return Err(err!(
                UNDEFINED_COLUMN,
                "column \"{column}\" of relation \"{}\" does not exist",
                entry.name()
            ));
        };
        let attribute = &entry.desc().attributes()[at];
        Ok(Type { oid: attribute.type_oid, typmod: attribute.typmod, collation: attribute.collation })
    }

    fn row_type_named(&self, parts: &[String]) -> Result<Type> {
        let (schema, name) = match parts {
            [name] => (None, name),
            [schema, name] => (Some(schema.as_str()), name),
            _ => return Err(err!(SYNTAX_ERROR, "improper qualified name (too many dotted names)")),
        };
        let entry = match self.session.relation_by_name(schema, name)? {
            Some(oid) => self.session.relation(oid)?,
            None => None,
        };
        let shown = parts.join(".");
        let entry = entry.ok_or_else(|| err!(UNDEFINED_TABLE, "relation \"{shown}\" does not exist"))?;
        match entry.class.reltype.some() {
            Some(oid) => self.type_of(oid),
            None => Err(err!(WRONG_OBJECT_TYPE, "relation \"{name}\" does not have a composite type")),
        }
    }

    /// What the start of a dotted name means, if it is a variable or field as a whole.
    pub(super) fn find_words(&self, parts: &[String]) -> Option<Meaning> {
        let (meaning, used) = crate::names::find(&self.names, self.top, parts)?;
        (used == parts.len()).then_some(meaning)
    }

    /// A dotted name as a place to store into; `None` if it is no variable's.
    pub(super) fn target_here(&mut self) -> Result<Option<Target>> {
        if !matches!(self.kind(), Kind::Word | Kind::Quoted | Kind::Param) {
            return Ok(None);
        }
        if self.kind() == Kind::Word && super::RESERVED.contains(&self.token().text.as_str()) {
            return Ok(None);
        }
        let mut parts = vec![self.token().text.clone()];
        let mut ahead = 1;
        while self.is_symbol_at(ahead, ".") && matches!(self.peek(ahead + 1).kind, Kind::Word | Kind::Quoted)
        {
            parts.push(self.peek(ahead + 1).text.clone());
            ahead += 2;
        }
        let Some((meaning, used)) = crate::names::find(&self.names, self.top, &parts) else {
            return Ok(None);
        };
        let target = match (meaning, parts.len() - used) {
            (Meaning::Scalar(slot) | Meaning::Record(slot), 0) => Target::Variable(slot),
            (Meaning::Record(slot), _) => Target::Field(slot, parts[used].clone()),
            _ => return Ok(None),
        };
        self.at += 2 * (used + usize::from(matches!(target, Target::Field(..)))) - 1;
        Ok(Some(target))
    }

    pub(super) fn check_assignable(&self, target: &Target) -> Result<()> {
        let (Target::Variable(slot) | Target::Field(slot, _)) = target;
        let variable = &self.variables[*slot];
        if variable.constant {
            return Err(err!(ERROR_IN_ASSIGNMENT, "variable \"{}\" is declared CONSTANT", variable.name)
                .at(self.peek(0).start));
        }
        if let VariableKind::Row(targets) = &variable.kind {
            for target in targets {
                self.check_assignable(target)?;
            }
        }
        Ok(())
    }

    /// A target, or several with commas between, which become a row.
    pub(super) fn target_list(&mut self) -> Result<Target> {
        let first = self.required_target()?;
        if !self.is_symbol(",") {
            return Ok(first);
        }
        if let Target::Variable(slot) = &first
            && !matches!(self.variables[*slot].kind, VariableKind::Scalar(_))
        {
            return Err(self.fail("record variable cannot be part of multiple-item INTO list"));
        }
        let line = self.line();
        let mut targets = vec![first];
        while self.eat_symbol(",") {
            let target = self.required_target()?;
            if let Target::Variable(slot) = &target
                && !matches!(self.variables[*slot].kind, VariableKind::Scalar(_))
            {
                return Err(self.fail("record variable cannot be part of multiple-item INTO list"));
            }
            targets.push(target);
        }
        let slot = self.add_hidden("(unnamed row)", VariableKind::Row(targets), line);
        Ok(Target::Variable(slot))
    }

    pub(super) fn required_target(&mut self) -> Result<Target> {
        let at = self.at;
        match self.target_here()? {
            Some(target) => {
                let after = std::mem::replace(&mut self.at, at);
                self.check_assignable(&target)?;
                self.at = after;
                Ok(target)
            }
            None if matches!(self.kind(), Kind::Word | Kind::Quoted) => {
                let text = &self.token().text;
                Err(self.fail(format!("\"{text}\" is not a known variable")))
            }
            None => Err(self.unexpected()),
        }
    }

    /// The row that a single scalar target makes up, so that a query's columns go into its members.
    pub(super) fn as_row(&mut self, target: Target) -> Target {
        let scalar = match &target {
            Target::Field(..) => true,
            Target::Variable(slot) => matches!(self.variables[*slot].kind, VariableKind::Scalar(_)),
        };
        if !scalar {
            return target;
        }
        let line = self.line();
        Target::Variable(self.add_hidden("(unnamed row)", VariableKind::Row(vec![target]), line))
    }
}
