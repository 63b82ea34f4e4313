//! What the session layer asks of commands at the ends of transactions and sessions, and before a command runs.

use crate::drop;
use crate::settings;
use crate::temporary;
use crate::{routine, sequence, truncate};
use base::{Oid, Result};
use catalog::{ObjectAddress, PgClass, Session};
use datum::{Attribute, Repr, TupleDesc, TypeLayout};
use parking_lot::Mutex;
use std::sync::Arc;
use syntax::{OnCommit, Statement};

/// Temporary tables with ON COMMIT clauses.
#[derive(Default)]
struct OnCommits {
    tables: Mutex<Vec<(Oid, bool)>>,
}

fn on_commits(session: &Session) -> Arc<OnCommits> {
    session.extension("on commit", OnCommits::default)
}

/// Remembers what a new temporary table wants at each commit.
pub(crate) fn remember_on_commit(session: &Session, table: Oid, action: OnCommit) {
    let drops = match action {
        OnCommit::Drop => true,
        OnCommit::DeleteRows => false,
        OnCommit::Noop | OnCommit::PreserveRows => return,
    };
    on_commits(session).tables.lock().push((table, drops));
}

/// ON COMMIT DROP and ON COMMIT DELETE ROWS, as the last thing before a commit.
///
/// # Errors
/// What dropping and emptying fail with.
pub fn on_commit_actions(session: &Arc<Session>) -> Result<()> {
    let registered = on_commits(session);
    let tables = registered.tables.lock().clone();
    if tables.is_empty() || session.is_read_only() {
        return Ok(());
    }
    let mut present = Vec::new();
    for (table, drops) in tables {
        // Those whose making was undone are gone.
        if session.relation(table)?.is_some() {
            present.push((table, drops));
        }
    }
    let (dropped, emptied): (Vec<_>, Vec<_>) = present.iter().copied().partition(|(_, drops)| *drops);
    for (table, _) in &emptied {
        let entry = session.require_relation(*table)?;
        // A partitioned table has no rows of its own, and its partitions their own clauses.
        let stores = entry.class.relkind as u8 == b'r';
        if stores && heap::block_count(&session.context()?, &entry.relation)? > 0 {
            truncate::empty(session, *table)?;
        }
    }
    let targets: Vec<_> = dropped.iter().map(|(table, _)| ObjectAddress::new::<PgClass>(*table)).collect();
    drop::remove_quietly(session, &targets)?;
    // An abort after this leaves tables that the next commit looks at in vain.
    *registered.tables.lock() = present;
    session.command_counter_increment()
}

/// The session is over: its temporary relations go. Failing at it leaves them to the next session of its number.
pub fn end_session(session: &Arc<Session>) {
    if session.temporary_namespace().is_none() {
        return;
    }
    if let Ok(transaction) = session.transaction_session().begin(txn::Options::default()) {
        session.set_transaction(Some(transaction.clone()));
        let ended = match temporary::drop_temporary_relations(session) {
            Ok(()) => transaction.commit(),
            Err(error) => transaction.abort().and(Err(error)),
        };
        session.set_transaction(None);
        if let Err(error) = ended {
            session.notice(error.severity(base::Severity::Warning));
        }
    }
}

/// DISCARD TEMP.
///
/// # Errors
/// What dropping fails with.
pub fn discard_temporary(session: &Arc<Session>) -> Result<()> {
    temporary::drop_temporary_relations(session)
}

/// DISCARD SEQUENCES.
pub fn discard_sequences(session: &Session) {
    sequence::discard(session);
}

/// The columns of what a command will answer with, by name and type; `None` for those that only have a tag.
///
/// # Errors
/// `42704` for SHOW of an unknown parameter.
pub fn result_columns(session: &Arc<Session>, statement: &Statement) -> Result<Option<TupleDesc>> {
    let columns = match statement {
        Statement::Call(call) => return routine::call_columns(session, call),
        Statement::Show(show) => settings::show_columns(session, show)?,
        Statement::Explain(explain) => {
            let format = explain.options.iter().rev().find(|o| o.name == "format");
            let word = format.and_then(|o| crate::options::text(o).ok()).unwrap_or_default();
            let type_oid = match word.as_str() {
                "xml" => Oid(142),
                "json" => Oid(114),
                _ => Oid(25),
            };
            vec![("QUERY PLAN".to_owned(), type_oid)]
        }
        _ => return Ok(None),
    };
    // All of them are texts of some kind.
    const DEFAULT_COLLATION: Oid = Oid(100);
    let layout = TypeLayout { len: -1, by_value: false, align: 4, repr: Repr::Bytes };
    let attribute =
        |(name, type_oid): (String, Oid)| Attribute::result(name, type_oid, -1, layout, DEFAULT_COLLATION);
    Ok(Some(TupleDesc::new(columns.into_iter().map(attribute).collect())))
}
