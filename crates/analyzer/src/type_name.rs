//! Type names and collation names to OIDs.

use crate::state::Analyzer;
use base::{Oid, Result, err};
use syntax::{Expr as Ast, IntervalFields, Literal, ObjectName, TypeName};

impl Analyzer<'_> {
    /// A type name with its typmod.
    ///
    /// # Errors
    /// `42704` `type "x" does not exist`.
    pub(crate) fn resolve_type_name(&mut self, name: &TypeName) -> Result<(Oid, i32)> {
        let at = name.location;
        let found = if name.percent_type {
            Some(self.percent_type(name)?)
        } else {
            let (schema, last) = self.split_name(&name.names).map_err(|e| e.or_at(Some(at)))?;
            self.session.type_by_name(schema, last).map_err(|e| e.or_at(Some(at)))?
        };
        let display = || {
            let mut text = name.names.join(".");
            if name.percent_type {
                text.push_str("%TYPE");
            }
            if !name.array_bounds.is_empty() {
                text.push_str("[]");
            }
            text
        };
        let Some(element) = found else {
            return Err(err!(UNDEFINED_OBJECT, "type \"{}\" does not exist", display()).at(at));
        };
        let row = self.session.type_row(element)?;
        if !row.typisdefined {
            return Err(err!(UNDEFINED_OBJECT, "type \"{}\" is only a shell", display()).at(at));
        }
        let typmod = self.type_modifier(name, element, &row)?;
        if name.array_bounds.is_empty() {
            return Ok((element, typmod));
        }
        match self.session.array_type(element)? {
            Some(array) => Ok((array, typmod)),
            None => Err(err!(UNDEFINED_OBJECT, "type \"{}\" does not exist", display()).at(at)),
        }
    }

    fn percent_type(&mut self, name: &TypeName) -> Result<Oid> {
        let at = name.location;
        let (schema, table, column) = match &name.names[..] {
            [table, column] => (None, table, column),
            [schema, table, column] => (Some(schema.as_str()), table, column),
            [_] => {
                return Err(err!(
                    SYNTAX_ERROR,
                    "improper %TYPE reference (too few dotted names): {}",
                    name.names.join(".")
                )
                .at(at));
            }
            _ => {
                return Err(err!(
                    SYNTAX_ERROR,
                    "improper %TYPE reference (too many dotted names): {}",
                    name.names.join(".")
                )
                .at(at));
            }
        };
        let oid = self.session.relation_by_name(schema, table)?;
        let entry = match oid {
            Some(oid) => self.session.relation(oid)?,
            None => None,
        };
        let entry =
            entry.ok_or_else(|| err!(UNDEFINED_TABLE, "relation \"{table}\" does not exist").at(at))?;
        let desc = &entry.relation.desc;
        let position = desc.position(column).ok_or_else(|| {
            err!(UNDEFINED_COLUMN, "column \"{column}\" of relation \"{table}\" does not exist").at(at)
        })?;
        let type_oid = desc.attributes()[position].type_oid;
        self.session.notice(
            err!(
                SUCCESSFUL_COMPLETION,
                "type reference {}%TYPE converted to {}",
                name.names.join("."),
                self.type_name_of(type_oid)?
            )
            .severity(base::Severity::Notice),
        );
        Ok(type_oid)
    }

    fn type_modifier(&mut self, name: &TypeName, type_oid: Oid, row: &catalog::PgType) -> Result<i32> {
        if name.modifiers.is_empty() && name.interval.is_none() {
            return Ok(-1);
        }
        let at = name.location;
        if !row.typmodin.is_valid() {
            return Err(err!(
                SYNTAX_ERROR,
                "type modifier is not allowed for type \"{}\"",
                name.names.join(".")
            )
            .at(at));
        }
        let mut words = Vec::new();
        if let Some(fields) = name.interval {
            words.push(interval_mask(fields).to_string());
        }
        for modifier in &name.modifiers {
            words.push(match modifier {
                Ast::Const { value: Literal::Integer(i), .. } => i.to_string(),
                Ast::Const { value: Literal::Numeric(text) | Literal::String(text), .. } => text.clone(),
                Ast::Column(column) if column.names.len() == 1 && !column.star => column.names[0].clone(),
                _ => {
                    return Err(
                        err!(SYNTAX_ERROR, "type modifiers must be simple constants or identifiers").at(at)
                    );
                }
            });
        }
        self.input.type_modifier(self.session, type_oid, &words).map_err(|e| e.or_at(Some(at)))
    }

    /// # Errors
    /// `42704` `collation "x" for encoding "UTF8" does not exist`.
    pub(crate) fn resolve_collation(&self, name: &ObjectName) -> Result<Oid> {
        let (schema, last) = self.split_name(&name.parts)?;
        self.session.collation_by_name(schema, last)?.ok_or_else(|| {
            err!(
                UNDEFINED_OBJECT,
                "collation \"{}\" for encoding \"UTF8\" does not exist",
                name.parts.join(".")
            )
            .at(name.location)
        })
    }

    /// The collation of a column: as given, else its type's.
    pub(crate) fn column_collation(&self, given: Option<&ObjectName>, type_oid: Oid) -> Result<Oid> {
        let own = self.session.type_collation(type_oid)?;
        let Some(given) = given else { return Ok(own) };
        let collation = self.resolve_collation(given)?;
        if !own.is_valid() {
            return Err(err!(
                DATATYPE_MISMATCH,
                "collations are not supported by type {}",
                self.type_name_of(type_oid)?
            )
            .at(given.location));
        }
        Ok(collation)
    }
}

/// interval's typmod mask of fields, as its typmod input function takes it.
fn interval_mask(fields: IntervalFields) -> i32 {
    const MONTH: i32 = 1 << 1;
    const YEAR: i32 = 1 << 2;
    const DAY: i32 = 1 << 3;
    const HOUR: i32 = 1 << 10;
    const MINUTE: i32 = 1 << 11;
    const SECOND: i32 = 1 << 12;
    match fields {
        IntervalFields::Full => 0x7fff,
        IntervalFields::Year => YEAR,
        IntervalFields::Month => MONTH,
        IntervalFields::Day => DAY,
        IntervalFields::Hour => HOUR,
        IntervalFields::Minute => MINUTE,
        IntervalFields::Second => SECOND,
        IntervalFields::YearToMonth => YEAR | MONTH,
        IntervalFields::DayToHour => DAY | HOUR,
        IntervalFields::DayToMinute => DAY | HOUR | MINUTE,
        IntervalFields::DayToSecond => DAY | HOUR | MINUTE | SECOND,
        IntervalFields::HourToMinute => HOUR | MINUTE,
        IntervalFields::HourToSecond => HOUR | MINUTE | SECOND,
        IntervalFields::MinuteToSecond => MINUTE | SECOND,
    }
}
