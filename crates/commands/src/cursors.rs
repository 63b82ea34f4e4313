//! Cursors that functions open. They end with the transaction; the session's FETCH and CLOSE know them by name, too.

use base::{Result, err};
use catalog::Session;
use datum::{Batch, MAX_BATCH_ROWS, Row, TupleDesc};
use executor::{CursorPlace, Prepared, Running};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use syntax::FetchDirection;
use txn::{Transaction, TransactionParticipant};

/// A query in progress with the rows read so far.
pub struct OpenCursor {
    plan: Arc<Prepared>,
    running: Running,
    /// Where it stands, once it has a name.
    place: Option<Arc<CursorPlace>>,
    columns: Arc<TupleDesc>,
    scroll: Option<bool>,
    rows: Vec<Row>,
    /// 0: before the first row; n: on row n.
    position: usize,
    complete: bool,
    /// The subtransaction that it goes with.
    subtransaction: u32,
}

impl OpenCursor {
    pub fn new(
        plan: Arc<Prepared>,
        running: Running,
        columns: Arc<TupleDesc>,
        scroll: Option<bool>,
    ) -> OpenCursor {
        OpenCursor {
            plan,
            running,
            place: None,
            columns,
            scroll,
            rows: Vec::new(),
            position: 0,
            complete: false,
            subtransaction: 1,
        }
    }

    fn read_to(&mut self, wanted: usize) -> Result<()> {
        while self.rows.len() < wanted && !self.complete {
            let want = (wanted - self.rows.len()).min(MAX_BATCH_ROWS);
            match self.running.next(want)? {
                Some(batch) => self.rows.extend((0..batch.rows()).map(|row| Batch::row(&batch, row))),
                None => self.complete = true,
            }
        }
        Ok(())
    }

    fn require_scroll(&self) -> Result<()> {
        if self.scroll == Some(false) {
            return Err(err!(OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward")
                .hint("Declare it with SCROLL option to enable backward scan."));
        }
        Ok(())
    }

    fn forward(&mut self, count: usize) -> Result<Vec<Row>> {
        let target = self.position.saturating_add(count);
        self.read_to(target)?;
        let total = self.rows.len();
        let rows = self.rows[self.position.min(total)..target.min(total)].to_vec();
        self.position = if target > total { total + 1 } else { target };
        Ok(rows)
    }

    fn backward(&mut self, count: usize) -> Result<Vec<Row>> {
        self.require_scroll()?;
        let before = self.position.saturating_sub(1).min(self.rows.len());
        let to = before.saturating_sub(count);
        self.position = if count > before { 0 } else { to + 1 };
        Ok(self.rows[to..before].iter().rev().cloned().collect())
    }

    fn at(&mut self, place: usize) -> Result<Vec<Row>> {
        if place < self.position {
            self.require_scroll()?;
        }
        self.read_to(place)?;
        self.position = place.min(self.rows.len() + 1);
        Ok(place.checked_sub(1).and_then(|at| self.rows.get(at)).cloned().into_iter().collect())
    }

    fn fetch(&mut self, direction: FetchDirection, count: Option<i64>) -> Result<Vec<Row>> {
        use FetchDirection as F;
        let size = |count: i64| usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        match (direction, count) {
            (F::Forward, None) => self.forward(usize::MAX),
            (F::Backward, None) => self.backward(usize::MAX),
            (F::Forward | F::Backward, Some(0)) => self.at(self.position),
            (F::Forward, Some(count)) if count > 0 => self.forward(size(count)),
            (F::Backward, Some(count)) if count < 0 => self.forward(size(count)),
            (F::Forward | F::Backward, Some(count)) => self.backward(size(count)),
            (F::Absolute, Some(count)) if count >= 0 => self.at(size(count)),
            (F::Absolute, Some(count)) => {
                self.require_scroll()?;
                self.read_to(usize::MAX)?;
                self.at((self.rows.len() + 1).saturating_sub(size(count)))
            }
            (F::Relative, Some(count)) if count >= 0 => self.at(self.position.saturating_add(size(count))),
            (F::Relative, Some(count)) => {
                self.require_scroll()?;
                self.at(self.position.saturating_sub(size(count)))
            }
            (F::Absolute | F::Relative, None) => self.at(self.position),
        }
    }
}

#[derive(Default)]
struct Open {
    cursors: HashMap<String, OpenCursor>,
    registered: bool,
    unnamed: u32,
}

#[derive(Default)]
struct Cursors(Arc<Mutex<Open>>);

struct EndOfTransaction(Arc<Mutex<Open>>);

impl EndOfTransaction {
    fn clear(&self) {
        let ended = std::mem::take(&mut self.0.lock().cursors);
        drop(ended);
    }
}

impl TransactionParticipant for EndOfTransaction {
    fn at_commit(&self, _: &Transaction) {
        self.clear();
    }

    fn at_abort(&self, _: &Transaction) {
        self.clear();
    }

    fn at_subcommit(&self, _: &Transaction, sub: u32, parent: u32) {
        let mut open = self.0.lock();
        for cursor in open.cursors.values_mut().filter(|cursor| cursor.subtransaction == sub) {
            cursor.subtransaction = parent;
        }
    }

    /// Before what they read is undone.
    fn at_subabort(&self, _: &Transaction, sub: u32, _: u32) {
        let mut open = self.0.lock();
        let all = std::mem::take(&mut open.cursors).into_iter();
        let (ended, kept): (HashMap<_, _>, HashMap<_, _>) =
            all.partition(|(_, cursor)| cursor.subtransaction == sub);
        open.cursors = kept;
        drop(open);
        drop(ended);
    }
}

fn of(session: &Session) -> Arc<Mutex<Open>> {
    let cursors = session.extension("open cursors", Cursors::default).0.clone();
    let mut open = cursors.lock();
    if !std::mem::replace(&mut open.registered, true) {
        session.transaction_session().register(Arc::new(EndOfTransaction(cursors.clone())));
    }
    drop(open);
    cursors
}

/// A name for a cursor that was given none.
pub fn free_name(session: &Session) -> String {
    let cursors = of(session);
    let mut open = cursors.lock();
    loop {
        open.unnamed += 1;
        let name = format!("<unnamed portal {}>", open.unnamed);
        if !open.cursors.contains_key(&name) {
            return name;
        }
    }
}

pub fn is_open(session: &Session, name: &str) -> bool {
    of(session).lock().cursors.contains_key(name)
}

/// # Errors
/// `42P03` when the name is taken.
pub fn open(session: &Session, name: &str, mut cursor: OpenCursor) -> Result<()> {
    cursor.subtransaction = session.transaction()?.sub_id();
    cursor.place = Some(CursorPlace::register(session, name, cursor.plan.plan.clone()));
    let cursors = of(session);
    let mut open = cursors.lock();
    if open.cursors.contains_key(name) {
        return Err(err!(DUPLICATE_CURSOR, "cursor \"{name}\" already in use"));
    }
    open.cursors.insert(name.to_owned(), cursor);
    Ok(())
}

/// Takes a cursor out.
pub fn take(session: &Session, name: &str) -> Option<OpenCursor> {
    of(session).lock().cursors.remove(name)
}

/// Puts a cursor back.
fn put(session: &Session, name: &str, cursor: OpenCursor) {
    of(session).lock().cursors.insert(name.to_owned(), cursor);
}

/// The columns of a cursor's rows.
pub fn columns(session: &Session, name: &str) -> Option<Arc<TupleDesc>> {
    of(session).lock().cursors.get(name).map(|cursor| cursor.columns.clone())
}

pub fn close_all(session: &Session) {
    let ended = std::mem::take(&mut of(session).lock().cursors);
    drop(ended);
}

pub fn close(session: &Session, name: &str) {
    take(session, name);
}

/// The rows that a FETCH gives, with their columns. The cursor is out of reach while its query runs.
///
/// # Errors
/// `34000` for a cursor that is not open, and what its query fails with.
pub fn fetch(
    session: &Session,
    name: &str,
    direction: FetchDirection,
    count: Option<i64>,
) -> Result<(Arc<TupleDesc>, Vec<Row>)> {
    let Some(mut cursor) = take(session, name) else {
        return Err(err!(UNDEFINED_CURSOR, "cursor \"{name}\" does not exist"));
    };
    let rows = cursor.fetch(direction, count);
    if let Some(place) = cursor.place.as_ref().filter(|place| place.tells_rows()) {
        place.stand_on(cursor.position.checked_sub(1).and_then(|at| cursor.rows.get(at)).cloned());
    }
    let columns = cursor.columns.clone();
    put(session, name, cursor);
    // Columns behind those of the query are the cursor's own.
    let mut rows = rows?;
    rows.iter_mut().for_each(|row| row.truncate(columns.len()));
    Ok((columns, rows))
}
