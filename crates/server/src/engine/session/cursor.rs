//! SQL's cursors: DECLARE, FETCH, MOVE, CLOSE. A cursor's rows are kept as they are fetched, so that it can go back.

use super::super::plans::Prepared;
use super::portal::{Portal, State};
use super::{Block, ClientSession};
use base::{Result, bail, err};
use commands::cursors;
use commands::output::Format;
use datum::{Batch, MAX_BATCH_ROWS};
use executor::{CursorPlace, ParamValue};
use std::sync::Arc;
use syntax::{ClosePortal, DeclareCursor, Fetch, FetchDirection};

/// What DECLARE said, and where the cursor stands.
#[derive(Default)]
pub struct CursorOptions {
    pub hold: bool,
    pub binary: bool,
    pub scroll: bool,
    /// NO SCROLL was said.
    pub no_scroll: bool,
    /// Rows read so far, one batch each.
    rows: Vec<Batch>,
    /// 0: before the first row; n: on row n.
    position: usize,
    /// The query has no more rows than those in `rows`.
    complete: bool,
    pub declared_at: i64,
    place: Option<Arc<CursorPlace>>,
}

impl ClientSession {
    pub(super) fn declare(
        &mut self,
        declare: &DeclareCursor,
        query: Arc<Prepared>,
        params: Arc<[ParamValue]>,
    ) -> Result<()> {
        if self.block != Block::Explicit && !declare.hold {
            bail!(NO_ACTIVE_SQL_TRANSACTION, "DECLARE CURSOR can only be used in transaction blocks");
        }
        if declare.no_scroll_and_scroll {
            bail!(INVALID_CURSOR_DEFINITION, "cannot specify both SCROLL and NO SCROLL");
        }
        if self.portals.contains_key(&declare.name) {
            bail!(DUPLICATE_CURSOR, "cursor \"{}\" already exists", declare.name);
        }
        let format = if declare.binary { Format::Binary } else { Format::Text };
        let mut portal = Portal::new(Some(query.clone()), params, vec![format]);
        self.start_query(&mut portal, &query)?;
        let place = match &portal.state {
            State::Running(running) => {
                Some(CursorPlace::register(&self.session, &declare.name, running.plan.plan.clone()))
            }
            _ => None,
        };
        portal.cursor = Some(CursorOptions {
            hold: declare.hold,
            binary: declare.binary,
            scroll: declare.scroll == Some(true),
            no_scroll: declare.scroll == Some(false),
            declared_at: self.session.instance().system.clock.timestamp(),
            place,
            ..CursorOptions::default()
        });
        portal.nesting = self.nesting();
        self.portals.insert(declare.name.clone(), portal);
        Ok(())
    }

    /// The rows that a FETCH gives, and how many they are.
    ///
    /// # Errors
    /// `34000` unknown, `55000` backward on a cursor without SCROLL.
    pub(super) fn fetch(&mut self, fetch: &Fetch) -> Result<Vec<Batch>> {
        let missing = || err!(UNDEFINED_CURSOR, "cursor \"{}\" does not exist", fetch.cursor);
        if !self.portals.contains_key(&fetch.cursor) {
            return self.fetch_of_function(fetch);
        }
        let portal = self.portals.get_mut(&fetch.cursor).ok_or_else(missing)?;
        let Portal { state, cursor, .. } = portal;
        let cursor = cursor.get_or_insert_default();
        let all = usize::MAX;
        let count = fetch.count.map(|c| (c, usize::try_from(c.unsigned_abs()).unwrap_or(all)));
        let fetched = cursor.fetch(state, fetch.direction, count);
        cursor.tell_place();
        fetched
    }

    /// The rows of a cursor that a function has opened.
    fn fetch_of_function(&self, fetch: &Fetch) -> Result<Vec<Batch>> {
        // Without a count, FORWARD and BACKWARD mean all rows.
        let (columns, rows) = cursors::fetch(&self.session, &fetch.cursor, fetch.direction, fetch.count)?;
        Ok(super::portal::to_batches(&columns, &rows))
    }

    pub(super) fn close_cursor(&mut self, close: &ClosePortal) -> Result<&'static str> {
        match close {
            ClosePortal::All => {
                self.portals.clear();
                cursors::close_all(&self.session);
                Ok("CLOSE CURSOR ALL")
            }
            ClosePortal::Name(name) => match self.portals.remove(name) {
                Some(_) => Ok("CLOSE CURSOR"),
                None if cursors::take(&self.session, name).is_some() => Ok("CLOSE CURSOR"),
                None => bail!(UNDEFINED_CURSOR, "cursor \"{name}\" does not exist"),
            },
        }
    }

    /// Cursors WITH HOLD read all their rows before the transaction ends.
    pub(super) fn hold_cursors(&mut self) -> Result<()> {
        for portal in self.portals.values_mut() {
            let Portal { state, cursor: Some(cursor), .. } = portal else { continue };
            if cursor.hold && !cursor.complete {
                cursor.read_to(state, usize::MAX)?;
                *state = State::Done;
            }
            if let Some(place) = cursor.place.as_ref().filter(|_| cursor.hold) {
                place.hold();
            }
        }
        Ok(())
    }
}

impl CursorOptions {
    fn fetch(
        &mut self,
        state: &mut State,
        direction: FetchDirection,
        count: Option<(i64, usize)>,
    ) -> Result<Vec<Batch>> {
        let (all, here) = (usize::MAX, self.position);
        match (direction, count) {
            (FetchDirection::Forward, None) => self.forward(state, all),
            (FetchDirection::Forward, Some((0, _))) | (FetchDirection::Backward, Some((0, _))) => {
                self.at(state, here)
            }
            (FetchDirection::Forward, Some((c, n))) if c > 0 => self.forward(state, n),
            (FetchDirection::Backward, Some((c, n))) if c < 0 => self.forward(state, n),
            (FetchDirection::Forward | FetchDirection::Backward, Some((_, n))) => self.backward(n),
            (FetchDirection::Backward, None) => self.backward(all),
            (FetchDirection::Absolute, Some((c, n))) if c >= 0 => self.at(state, n),
            (FetchDirection::Absolute, Some((_, n))) => {
                self.read_to(state, all)?;
                let total = self.total();
                self.at(state, (total + 1).saturating_sub(n))
            }
            (FetchDirection::Relative, Some((c, n))) if c >= 0 => self.at(state, here.saturating_add(n)),
            (FetchDirection::Relative, Some((_, n))) => {
                self.require_scroll()?;
                self.at(state, here.saturating_sub(n))
            }
            (FetchDirection::Absolute | FetchDirection::Relative, None) => self.at(state, here),
        }
    }

    /// Tells WHERE CURRENT OF which row the cursor is on.
    fn tell_place(&self) {
        let Some(place) = self.place.as_ref().filter(|place| place.tells_rows()) else { return };
        let row = self.position.checked_sub(1).and_then(|at| {
            let batch = self.slice(at, at + 1).pop()?;
            Some(batch.row(0))
        });
        place.stand_on(row);
    }

    fn total(&self) -> usize {
        self.rows.iter().map(Batch::rows).sum()
    }

    fn require_scroll(&self) -> Result<()> {
        if self.no_scroll {
            return Err(err!(OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward")
                .hint("Declare it with SCROLL option to enable backward scan."));
        }
        Ok(())
    }

    /// Reads rows until there are `wanted`, or no more.
    fn read_to(&mut self, state: &mut State, wanted: usize) -> Result<()> {
        let mut total = self.total();
        while total < wanted && !self.complete {
            let want = (wanted - total).min(MAX_BATCH_ROWS);
            let next = match state {
                State::Running(running) => running.running.next(want)?,
                State::Ready { batches, .. } => batches.pop_front(),
                State::New | State::Done => None,
            };
            match next {
                Some(batch) => {
                    total += batch.rows();
                    self.rows.push(batch);
                }
                None => self.complete = true,
            }
        }
        Ok(())
    }

    fn forward(&mut self, state: &mut State, count: usize) -> Result<Vec<Batch>> {
        let target = self.position.saturating_add(count);
        self.read_to(state, target)?;
        let total = self.total();
        let from = self.position.min(total);
        let to = target.min(total);
        // Past the last row when it ran out.
        self.position = if target > total { total + 1 } else { target };
        Ok(self.slice(from, to))
    }

    fn backward(&mut self, count: usize) -> Result<Vec<Batch>> {
        self.require_scroll()?;
        let before = self.position.saturating_sub(1).min(self.total());
        let to = before.saturating_sub(count);
        self.position = if count > before { 0 } else { to + 1 };
        Ok((to..before).rev().flat_map(|row| self.slice(row, row + 1)).collect())
    }

    /// The single row `place` (from 1), where the cursor then stands.
    fn at(&mut self, state: &mut State, place: usize) -> Result<Vec<Batch>> {
        if place < self.position {
            self.require_scroll()?;
        }
        self.read_to(state, place)?;
        let total = self.total();
        self.position = place.min(total + 1);
        if place == 0 || place > total {
            return Ok(Vec::new());
        }
        Ok(self.slice(place - 1, place))
    }

    fn slice(&self, from: usize, to: usize) -> Vec<Batch> {
        let mut slices = Vec::new();
        let mut start = 0;
        for batch in &self.rows {
            let end = start + batch.rows();
            let (low, high) = (from.max(start), to.min(end));
            if low < high {
                slices.push(batch.slice(low - start, high - low));
            }
            start = end;
        }
        slices
    }
}
