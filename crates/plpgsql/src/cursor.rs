//! OPEN, FETCH, MOVE, CLOSE and loops over cursors. Cursors belong to the session's transaction; refcursor variables
//! hold their names.

use crate::ast::*;
use crate::expression::Expression;
use crate::frame::{Frame, Started};
use crate::run::{Flow, LoopStep, loop_step};
use crate::value::{Record, Value, constant};
use base::{Result, err};
use commands::cursors::{self, OpenCursor};
use datum::{Datum, Repr};
use std::sync::Arc;
use syntax::FetchDirection;

impl Frame<'_> {
    fn cursor_name(&self, variable: Slot) -> Option<String> {
        match &self.values[variable] {
            Value::Scalar(column) => column.get(0).map(|d| d.text().to_owned()),
            _ => None,
        }
    }

    fn set_cursor_name(&mut self, variable: Slot, name: &str) {
        self.values[variable] = Value::Scalar(constant(Repr::Bytes, Some(Datum::from(name))));
    }

    /// Opens a cursor under the variable's name, or a made-up one.
    fn open_cursor(&mut self, variable: Slot, started: Started, scroll: Option<bool>) -> Result<String> {
        let name = match self.cursor_name(variable) {
            Some(name) => name,
            None if self.function.variables[variable].constant => {
                let name = &self.function.variables[variable].name;
                return Err(err!(ERROR_IN_ASSIGNMENT, "variable \"{name}\" is declared CONSTANT"));
            }
            None => cursors::free_name(&self.session),
        };
        let Started { plan, running, columns } = started;
        cursors::open(&self.session, &name, OpenCursor::new(plan, running, columns, scroll))?;
        self.set_cursor_name(variable, &name);
        Ok(name)
    }

    fn check_free(&self, variable: Slot) -> Result<()> {
        if let Some(name) = self.cursor_name(variable)
            && cursors::is_open(&self.session, &name)
        {
            return Err(err!(DUPLICATE_CURSOR, "cursor \"{name}\" already in use"));
        }
        Ok(())
    }

    pub fn open(&mut self, variable: Slot, how: &Open) -> Result<()> {
        self.check_free(variable)?;
        let (started, scroll) = match how {
            Open::Bound { arguments } => {
                let cursor = self.bound(variable)?;
                self.bind_arguments(&cursor, arguments.as_ref())?;
                let ready = self.ready(&cursor.query)?;
                (self.start_cursor(&cursor.query, &ready)?, cursor.scroll)
            }
            Open::Query { query, scroll } => {
                let ready = self.ready(query)?;
                (self.start_cursor(query, &ready)?, *scroll)
            }
            Open::Execute { query, using, scroll } => {
                let (query, params) = self.dynamic_query(query, using)?;
                (self.open_dynamic(&query, &params)?, *scroll)
            }
        };
        self.open_cursor(variable, started, scroll).map(|_| ())
    }

    fn bound(&self, variable: Slot) -> Result<Arc<Cursor>> {
        let found = self.function.cursors.iter().find(|(slot, _)| *slot == variable);
        found
            .map(|(_, cursor)| cursor.clone())
            .ok_or_else(|| base::Error::internal("a cursor that is not bound"))
    }

    fn bind_arguments(&mut self, cursor: &Cursor, arguments: Option<&Expression>) -> Result<()> {
        let Some(arguments) = arguments else { return Ok(()) };
        let ready = self.ready(arguments)?;
        let mut started = self.start(arguments, &ready)?;
        let batch = started.running.next(1)?;
        let record = match &batch {
            Some(batch) => Frame::record_at(&started.columns, batch, 0),
            None => Record::empty(started.columns.clone()),
        };
        drop(started);
        for ((_, slot), (attribute, value)) in
            cursor.parameters.iter().zip(record.desc.attributes().iter().zip(&record.values))
        {
            let of =
                Type { oid: attribute.type_oid, typmod: attribute.typmod, collation: attribute.collation };
            let column = constant(attribute.layout.repr, value.as_ref().map(datum::OwnedDatum::as_datum));
            self.assign(&Target::Variable(*slot), column, of)?;
        }
        Ok(())
    }

    fn required_name(&self, variable: Slot) -> Result<String> {
        let name = self.cursor_name(variable).ok_or_else(|| {
            err!(
                NULL_VALUE_NOT_ALLOWED,
                "cursor variable \"{}\" is null",
                self.function.variables[variable].name
            )
        })?;
        if !cursors::is_open(&self.session, &name) {
            return Err(err!(UNDEFINED_CURSOR, "cursor \"{name}\" does not exist"));
        }
        Ok(name)
    }

    pub fn fetch(
        &mut self,
        variable: Slot,
        into: Option<&Target>,
        direction: &Direction,
        is_move: bool,
    ) -> Result<()> {
        let name = self.required_name(variable)?;
        let count = match &direction.count {
            None if direction.all => None,
            None => Some(direction.literal),
            Some(count) => match self.integer(count)? {
                Some(count) => Some(i64::from(count)),
                None => {
                    return Err(err!(NULL_VALUE_NOT_ALLOWED, "relative or absolute cursor position is null"));
                }
            },
        };
        let (columns, rows) = cursors::fetch(&self.session, &name, direction.kind, count)?;
        self.rows_processed = rows.len() as u64;
        self.set_found(!rows.is_empty());
        if is_move {
            return Ok(());
        }
        let Some(target) = into else { return Ok(()) };
        let record = match rows.into_iter().next() {
            Some(values) => Record::new(columns, values),
            None => Record::empty(columns),
        };
        self.assign_record(target, Some(record))
    }

    pub fn close(&mut self, variable: Slot) -> Result<()> {
        let name = self.required_name(variable)?;
        cursors::close(&self.session, &name);
        Ok(())
    }

    pub fn for_cursor(
        &mut self,
        label: Option<&String>,
        target: &Target,
        (variable, arguments): (Slot, Option<&Expression>),
        body: &[Statement],
    ) -> Result<Flow> {
        self.check_free(variable)?;
        let unnamed = self.cursor_name(variable).is_none();
        let cursor = self.bound(variable)?;
        self.bind_arguments(&cursor, arguments)?;
        let ready = self.ready(&cursor.query)?;
        let started = self.start_cursor(&cursor.query, &ready)?;
        let columns = started.columns.clone();
        let name = self.open_cursor(variable, started, cursor.scroll)?;
        let mut found = false;
        let mut leave = Flow::Next;
        loop {
            let (columns, rows) = cursors::fetch(&self.session, &name, FetchDirection::Forward, Some(1))?;
            let Some(values) = rows.into_iter().next() else { break };
            found = true;
            self.assign_record(target, Some(Record::new(columns, values)))?;
            let flow = self.statements(body)?;
            if let LoopStep::Leave(flow) = loop_step(flow, label) {
                leave = flow;
                break;
            }
        }
        if !found {
            self.assign_record(target, Some(Record::empty(columns)))?;
        }
        cursors::close(&self.session, &name);
        if unnamed {
            self.values[variable] = Value::Scalar(constant(Repr::Bytes, None));
        }
        self.set_found(found);
        Ok(leave)
    }
}
