//! The extended protocol: Parse, Bind, Describe, Execute.

use super::super::plans::{Kind, Prepared};
use super::portal::{self, Portal};
use super::{Block, ClientSession, NamedStatement};
use crate::session::engine_api::Output;
use base::{Oid, Result, bail, err};
use commands::input::ValueInput;
use commands::output::Format;
use datum::OwnedDatum;
use executor::ParamValue;
use protocol::backend::FieldDescription;
use std::sync::Arc;
use syntax::Statement;

impl ClientSession {
    pub(super) fn parse_message(&mut self, name: &str, sql: &str, types: &[Oid]) -> Result<()> {
        self.query = sql.into();
        if !name.is_empty() && self.statements.contains_key(name) {
            bail!(DUPLICATE_PSTATEMENT, "prepared statement \"{name}\" already exists");
        }
        self.statements.remove(name);
        let prepared = self.prepare_text(sql, types)?;
        let statement = NamedStatement {
            prepared,
            given_types: types.to_vec(),
            from_sql: false,
            prepared_at: self.session.instance().system.clock.timestamp(),
        };
        self.statements.insert(name.to_owned(), statement);
        Ok(())
    }

    fn prepare_text(&mut self, sql: &str, types: &[Oid]) -> Result<Option<Arc<Prepared>>> {
        if self.block != Block::Failed {
            self.start_statement()?;
            if let Some(prepared) = self.database.plans.find(&self.session, sql, types, false)? {
                return Ok(Some(prepared));
            }
        }
        let mut statements = syntax::parse(sql)?;
        if statements.len() > 1 {
            bail!(SYNTAX_ERROR, "cannot insert multiple commands into a prepared statement");
        }
        let Some(statement) = statements.pop() else { return Ok(None) };
        let ends_transaction = matches!(statement.statement, Statement::Transaction(_));
        if !ends_transaction {
            self.require_sound()?;
        }
        if self.block == Block::Failed {
            return Ok(Some(Arc::new(Prepared::utility(sql.into(), Arc::new(statement)))));
        }
        let prepared = Arc::new(Prepared::new(&self.session, sql.into(), Arc::new(statement), types, true)?);
        self.database.plans.put(&self.session, types, &prepared);
        Ok(Some(prepared))
    }

    fn named(&self, name: &str) -> Result<&NamedStatement> {
        self.statements.get(name).ok_or_else(|| match name {
            "" => err!(UNDEFINED_PSTATEMENT, "unnamed prepared statement does not exist"),
            name => err!(UNDEFINED_PSTATEMENT, "prepared statement \"{name}\" does not exist"),
        })
    }

    /// The statement, analysed anew if the catalogs have changed since.
    pub(super) fn current_statement(&mut self, name: &str) -> Result<Option<Arc<Prepared>>> {
        let statement = self.named(name)?.clone();
        let Some(prepared) = statement.prepared else { return Ok(None) };
        if self.block == Block::Failed {
            return Ok(Some(prepared));
        }
        self.start_statement()?;
        if prepared.is_current(&self.session)? {
            return Ok(Some(prepared));
        }
        let types = if statement.from_sql { &prepared.param_types } else { &statement.given_types };
        let fresh = Prepared::new(
            &self.session,
            prepared.sql.clone(),
            prepared.statement.clone(),
            types,
            !statement.from_sql,
        )?;
        let fresh = Arc::new(fresh.replacing(&prepared));
        self.check_same_result(&prepared, &fresh)?;
        self.database.plans.put(&self.session, types, &fresh);
        if let Some(slot) = self.statements.get_mut(name) {
            slot.prepared = Some(fresh.clone());
        }
        Ok(Some(fresh))
    }

    /// Clients rely on the columns that they were told of.
    fn check_same_result(&self, old: &Prepared, new: &Prepared) -> Result<()> {
        let types = |prepared: &Prepared| match &prepared.kind {
            Kind::Query(query) => result_list(query).iter().map(|t| ir::expr_type(&t.expr)).collect(),
            Kind::Utility => Vec::new(),
        };
        if types(old) != types(new) {
            // asyncpg and pgJDBC prepare anew when they see this routine.
            return Err(err!(FEATURE_NOT_SUPPORTED, "cached plan must not change result type")
                .routine("RevalidateCachedQuery"));
        }
        Ok(())
    }

    pub(super) fn bind_message(
        &mut self,
        portal: &str,
        statement: &str,
        formats: &[i16],
        parameters: &[Option<&[u8]>],
        result_formats: &[i16],
    ) -> Result<()> {
        self.portals.remove("");
        if self.portals.contains_key(portal) {
            bail!(DUPLICATE_CURSOR, "cursor \"{portal}\" already exists");
        }
        let prepared = self.current_statement(statement)?;
        if let Some(prepared) = &prepared {
            self.query = prepared.sql.clone();
            if !matches!(prepared.statement.statement, Statement::Transaction(_)) {
                self.require_sound()?;
            }
        }
        let expected = prepared.as_ref().map_or(0, |p| p.param_types.len());
        if parameters.len() != expected {
            let given = parameters.len();
            bail!(
                PROTOCOL_VIOLATION,
                "bind message supplies {given} parameters, but prepared statement \"{statement}\" requires {expected}"
            );
        }
        let params = match &prepared {
            Some(prepared) => self.read_parameters(prepared, formats, parameters)?,
            None => Arc::new([]),
        };
        let formats = result_formats.iter().map(|f| Format::from_code(*f)).collect::<Result<Vec<_>>>()?;
        let made = Portal { nesting: self.nesting(), ..Portal::new(prepared, params, formats) };
        self.portals.insert(portal.to_owned(), made);
        Ok(())
    }

    fn read_parameters(
        &self,
        prepared: &Prepared,
        formats: &[i16],
        parameters: &[Option<&[u8]>],
    ) -> Result<Arc<[ParamValue]>> {
        let mut values = Vec::with_capacity(parameters.len());
        for (i, (type_oid, bytes)) in prepared.param_types.iter().zip(parameters).enumerate() {
            let format = match formats {
                [] => Format::Text,
                [all] => Format::from_code(*all)?,
                each => Format::from_code(each[i])?,
            };
            let value = match bytes {
                None => None,
                Some(bytes) => self.read_parameter(*type_oid, format, bytes).map_err(|error| {
                    let portal = "unnamed portal";
                    error.context(format!("{portal} parameter ${}", i + 1))
                })?,
            };
            values.push(ParamValue {
                type_oid: *type_oid,
                layout: self.session.type_layout(*type_oid)?,
                value,
            });
        }
        Ok(values.into())
    }

    fn read_parameter(&self, type_oid: Oid, format: Format, bytes: &[u8]) -> Result<Option<OwnedDatum>> {
        match format {
            Format::Text if plain_integer(bytes) && type_oid == INT4 => {
                adt::integer::parse_int4(&String::from_utf8_lossy(bytes)).map(|v| Some(OwnedDatum::Int4(v)))
            }
            Format::Text => {
                adt::encoding::validate_utf8(bytes)?;
                ValueInput::text(&self.session, type_oid, -1)?.read(&self.session, bytes)
            }
            Format::Binary => ValueInput::binary(&self.session, type_oid, -1)?.read(&self.session, bytes),
        }
    }

    pub(super) fn describe_statement_message(&mut self, name: &str, out: &mut dyn Output) -> Result<()> {
        let prepared = self.current_statement(name)?;
        let Some(prepared) = prepared else {
            out.parameter_description(&[]);
            out.no_data();
            return Ok(());
        };
        let fields = self.statement_fields(&prepared, &[])?;
        if self.block == Block::Failed && fields.is_some() {
            self.require_sound()?;
        }
        out.parameter_description(&prepared.param_types);
        match fields {
            Some(fields) => out.row_description(&fields),
            None => out.no_data(),
        }
        Ok(())
    }

    pub(super) fn describe_portal_message(&mut self, name: &str, out: &mut dyn Output) -> Result<()> {
        let portal = self.portals.get(name).ok_or_else(|| missing_portal(name))?;
        let fields = self.portal_fields(portal)?;
        if fields.is_some() {
            self.require_sound()?;
        }
        match fields {
            Some(fields) => out.row_description(&fields),
            None => out.no_data(),
        }
        Ok(())
    }

    pub(super) fn portal_fields(&self, portal: &Portal) -> Result<Option<Vec<FieldDescription>>> {
        match &portal.prepared {
            Some(prepared) => self.statement_fields(prepared, &portal.formats),
            None => Ok(None),
        }
    }

    /// The columns of what a statement returns, or `None` if it returns no rows.
    pub(super) fn statement_fields(
        &self,
        prepared: &Prepared,
        formats: &[Format],
    ) -> Result<Option<Vec<FieldDescription>>> {
        match &prepared.kind {
            Kind::Query(query) => {
                let list = result_list(query);
                if list.is_empty() && query.command != ir::CommandType::Select {
                    return Ok(None);
                }
                Ok(Some(portal::describe(&self.session, list, formats)?))
            }
            Kind::Utility => self.utility_fields(prepared, formats),
        }
    }

    pub(super) fn execute_message(&mut self, name: &str, max_rows: u32, out: &mut dyn Output) -> Result<()> {
        let Some(mut portal) = self.portals.remove(name) else { return Err(missing_portal(name)) };
        if let Some(prepared) = &portal.prepared {
            self.query = prepared.sql.clone();
            if let Statement::Transaction(command) = &prepared.statement.clone().statement {
                return self.run_transaction(command, out);
            }
            self.require_sound()?;
            self.start_statement()?;
        }
        if let Some(tag) = self.run_portal(&mut portal, u64::from(max_rows), false, out)? {
            out.command_complete(&tag);
        }
        if self.block != Block::Idle {
            self.portals.insert(name.to_owned(), portal);
        }
        Ok(())
    }

    /// Portals end with their transaction, except held cursors.
    pub(super) fn end_portals_at_commit(&mut self) -> Result<()> {
        self.hold_cursors()?;
        self.portals.retain(|_, portal| portal.cursor.as_ref().is_some_and(|c| c.hold));
        self.portals.values_mut().for_each(|held| held.nesting = 0);
        Ok(())
    }
}

const INT4: Oid = Oid(23);

/// What needs no look at the type's input function: digits, perhaps with a minus, few enough to fit.
fn plain_integer(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

pub(super) fn missing_portal(name: &str) -> base::Error {
    err!(UNDEFINED_CURSOR, "portal \"{name}\" does not exist")
}

/// The target list whose rows the client gets.
fn result_list(query: &ir::Query) -> &[ir::TargetEntry] {
    match query.command {
        ir::CommandType::Select => &query.target_list,
        _ => &query.returning,
    }
}
