//! COPY.

use super::name::option;
use super::*;

impl Parser<'_> {
    pub(super) fn copy(&mut self) -> Result<Statement> {
        self.expect(K::Copy)?;
        if self.at_char(b'(') {
            return self.copy_query();
        }
        let mut options = Vec::new();
        let at = self.location();
        if self.eat(K::Binary) {
            options.push(option("format", Some(OptionValue::String("binary".into())), at));
        }
        let relation = self.relation_name()?;
        let columns = self.optional_columns()?;
        let from = self.expect_any(&[K::From, K::To])? == K::From;
        let target = self.copy_target()?;
        let at = self.location();
        if self.at(K::Delimiters) || self.at_all(&[K::Using, K::Delimiters]) {
            self.eat(K::Using);
            self.advance();
            options.push(option("delimiter", Some(OptionValue::String(self.string()?)), at));
        }
        self.copy_options(&mut options)?;
        let where_at = self.location();
        let where_clause = self.optional_where()?;
        if !from && where_clause.is_some() {
            return Err(err!(SYNTAX_ERROR, "WHERE clause not allowed with COPY TO")
                .hint("Try the COPY (SELECT ... WHERE ...) TO variant.")
                .at(where_at));
        }
        let source = CopySource::Relation { relation, columns };
        Ok(Statement::Copy(Box::new(Copy { source, from, target, options, where_clause })))
    }

    fn copy_query(&mut self) -> Result<Statement> {
        self.expect_char(b'(')?;
        let location = self.location();
        let query = Box::new(self.preparable_statement()?);
        self.expect_char(b')')?;
        self.expect(K::To)?;
        let target = self.copy_target()?;
        let mut options = Vec::new();
        self.copy_options(&mut options)?;
        let source = CopySource::Query { query, location };
        Ok(Statement::Copy(Box::new(Copy { source, from: false, target, options, where_clause: None })))
    }

    fn copy_target(&mut self) -> Result<CopyTarget> {
        let program = self.eat(K::Program);
        let at = self.location();
        if self.eat_any(&[K::Stdin, K::Stdout]).is_some() {
            if program {
                return Err(err!(SYNTAX_ERROR, "STDIN/STDOUT not allowed with PROGRAM").at(at));
            }
            return Ok(CopyTarget::Client);
        }
        let name = self.string()?;
        Ok(if program { CopyTarget::Program(name) } else { CopyTarget::File(name) })
    }

    fn copy_options(&mut self, options: &mut Vec<OptionItem>) -> Result<()> {
        self.eat(K::With);
        if self.at_char(b'(') {
            options.extend(self.paren_list(|parser| {
                let location = parser.location();
                let name = parser.label()?;
                Ok(option(&name, parser.copy_option_value()?, location))
            })?);
            return Ok(());
        }
        while let Some(item) = self.old_copy_option()? {
            options.push(item);
        }
        Ok(())
    }

    fn copy_option_value(&mut self) -> Result<Option<OptionValue>> {
        Ok(Some(match self.kind() {
            Kind::Char(b',' | b')') => return Ok(None),
            Kind::Char(b'*') => {
                self.advance();
                OptionValue::Star
            }
            Kind::Char(b'(') => OptionValue::List(
                self.paren_list(|parser| parser.boolean_or_string().map(OptionValue::String))?,
            ),
            Kind::Keyword(K::Default) => OptionValue::String(self.take_name()),
            _ if self.is_number_start() => self.signed_number()?.into(),
            _ => OptionValue::String(self.boolean_or_string()?),
        }))
    }

    /// One option in the syntax before version 9.0.
    fn old_copy_option(&mut self) -> Result<Option<OptionItem>> {
        let location = self.location();
        let words = &[
            K::Binary,
            K::Freeze,
            K::Delimiter,
            K::Null,
            K::Csv,
            K::Header,
            K::Quote,
            K::Escape,
            K::Force,
            K::Encoding,
        ];
        let Some(keyword) = self.eat_any(words) else { return Ok(None) };
        let name = keyword.name();
        let value = match keyword {
            K::Binary | K::Csv => {
                return Ok(Some(option("format", Some(OptionValue::String(name.to_owned())), location)));
            }
            K::Freeze | K::Header => OptionValue::Bool(true),
            K::Encoding => OptionValue::String(self.string()?),
            K::Force => {
                let name = match self.expect_any(&[K::Quote, K::Not, K::Null])? {
                    K::Quote => "force_quote",
                    K::Null => "force_null",
                    _ => {
                        self.expect(K::Null)?;
                        "force_not_null"
                    }
                };
                let value = match self.eat_char(b'*') {
                    true => OptionValue::Star,
                    false => OptionValue::List(self.names()?.into_iter().map(OptionValue::String).collect()),
                };
                return Ok(Some(option(name, Some(value), location)));
            }
            _ => {
                self.eat(K::As);
                OptionValue::String(self.string()?)
            }
        };
        Ok(Some(option(name, Some(value), location)))
    }
}
