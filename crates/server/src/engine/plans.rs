//! Statements analysed and planned once for all sessions.
//!
//! The cache is keyed by what the meaning of a text depends on: database, search path, settings that literals are read
//! and plans chosen by, parameter types, the text. Texts with literals like 'now' stay out. An entry is true while no catalog change has committed since (`CatalogCache::invalidations`); then it is made anew. A
//! session that has changed catalogs itself, or has a temporary schema, keeps to statements of its own.

use analyzer::{Analyzed, ParamTypes};
use base::{Oid, Result};
use catalog::Session;
use commands::PlanChoice;
use commands::pipeline::{self, Purpose};
use executor::{ParamValue, Prepared as PreparedPlan};
use hashbrown::HashMap;
use ir::{CommandType, Query};
use parking_lot::Mutex;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use syntax::{RawStatement, Statement};

/// What a statement is once analysed.
pub enum Kind {
    Query(Box<Query>),
    Utility,
}

/// A statement with its parameters' types and what has been planned for it.
pub struct Prepared {
    pub sql: Arc<str>,
    pub statement: Arc<RawStatement>,
    pub param_types: Vec<Oid>,
    pub kind: Kind,
    /// Its parameters stand for literals of the text that the client sent.
    lifted: bool,
    /// Run in pieces, as cursors are: workers would wait for the next FETCH.
    serial: bool,
    epoch: u64,
    path: Arc<[Oid]>,
    plans: PlanChoice,
}

/// A plan for any values may stand in for literals when it costs no more than this: a few look-ups by index. PostgreSQL
/// would have planned for the literals, so what takes longer to run is worth planning for them here as well.
const LIFTED_MAX_COST: f64 = 50.0;

impl Prepared {
    /// Analyses a statement. `types`: those of the first parameters, 0 where open.
    ///
    /// # Errors
    /// PostgreSQL's, with positions into `sql`.
    pub fn new(
        session: &Session,
        sql: Arc<str>,
        statement: Arc<RawStatement>,
        types: &[Oid],
        variable: bool,
    ) -> Result<Prepared> {
        let epoch = session.instance().cache.invalidations();
        let path = session.search_path()?;
        let mut params =
            if variable { ParamTypes::variable(types.to_vec()) } else { ParamTypes::fixed(types.to_vec()) };
        let kind = match pipeline::analyze(session, &statement, &sql, &mut params)? {
            Analyzed::Query(query) => Kind::Query(query),
            Analyzed::Utility(Statement::Explain(explain)) if variable => {
                pipeline::learn_parameters(session, explain, &sql, &mut params)?;
                Kind::Utility
            }
            Analyzed::Utility(_) => Kind::Utility,
        };
        Ok(Prepared {
            sql,
            statement,
            param_types: params.types().to_vec(),
            kind,
            lifted: false,
            serial: false,
            epoch,
            path,
            plans: PlanChoice::default(),
        })
    }

    /// Marks a statement whose parameters stand for literals.
    pub fn lifted(self) -> Prepared {
        Prepared { lifted: true, plans: PlanChoice::new(Some(LIFTED_MAX_COST)), ..self }
    }

    /// Marks a statement whose rows are fetched a few at a time.
    pub fn serial(self) -> Prepared {
        Prepared { serial: true, ..self }
    }

    /// A statement that is not analysed: what ends a failed transaction.
    pub fn utility(sql: Arc<str>, statement: Arc<RawStatement>) -> Prepared {
        Prepared {
            sql,
            statement,
            param_types: Vec::new(),
            kind: Kind::Utility,
            lifted: false,
            serial: false,
            epoch: 0,
            path: Arc::new([]),
            plans: PlanChoice::default(),
        }
    }

    /// Whether the catalogs are as they were when the statement was analysed.
    pub fn is_current(&self, session: &Session) -> Result<bool> {
        Ok(matches!(self.kind, Kind::Utility)
            || (self.epoch == session.instance().cache.invalidations()
                && !session.has_catalog_changes()
                && *self.path == *session.search_path()?))
    }

    /// Takes the place of a statement that is no longer current.
    pub fn replacing(self, before: &Prepared) -> Prepared {
        self.plans.go_on_from(&before.plans);
        self
    }

    /// See [`PlanChoice::uses`].
    pub fn uses(&self) -> (u64, u64) {
        self.plans.uses()
    }

    /// The types of the rows it returns; `None` if it returns none.
    pub fn result_types(&self) -> Option<Vec<Oid>> {
        let Kind::Query(query) = &self.kind else { return None };
        let list = match query.command {
            CommandType::Select => &query.target_list,
            _ => &query.returning,
        };
        let types: Vec<Oid> = list.iter().filter(|t| !t.junk).map(|t| ir::expr_type(&t.expr)).collect();
        (!types.is_empty() || query.command == CommandType::Select).then_some(types)
    }

    /// The plans to run with these parameter values.
    ///
    /// # Errors
    /// Those of planning.
    pub fn plans(&self, session: &Arc<Session>, params: &[ParamValue]) -> Result<Arc<[Arc<PreparedPlan>]>> {
        let Kind::Query(query) = &self.kind else { return Ok(Arc::new([])) };
        let purpose = if self.serial { Purpose::Cursor } else { Purpose::Once };
        self.plans.plans(session, query, params, purpose)
    }
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    database: Oid,
    lifted: bool,
    path: Arc<[Oid]>,
    settings: u64,
    types: Vec<Oid>,
    sql: Arc<str>,
}

/// A key that is only looked for. It hashes as [`Key`] does: the same fields in the same order.
#[derive(Hash)]
struct Wanted<'a> {
    database: Oid,
    lifted: bool,
    path: &'a [Oid],
    settings: u64,
    types: &'a [Oid],
    sql: &'a str,
}

impl hashbrown::Equivalent<Key> for Wanted<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.sql == &*key.sql
            && self.types == key.types
            && self.path == &*key.path
            && (self.database, self.lifted, self.settings) == (key.database, key.lifted, key.settings)
    }
}

/// The process-wide cache.
#[derive(Default)]
pub struct PlanCache {
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    statements: HashMap<Key, Arc<Prepared>>,
    /// Of all their texts together.
    text_bytes: usize,
}

impl Entries {
    fn remove(&mut self, wanted: &Wanted<'_>) {
        if let Some((key, _)) = self.statements.remove_entry(wanted) {
            self.text_bytes -= key.sql.len();
        }
    }

    fn insert(&mut self, key: Key, prepared: Arc<Prepared>) {
        let length = key.sql.len();
        if self.statements.len() >= MAX_ENTRIES || self.text_bytes + length > MAX_TEXTS {
            *self = Entries::default();
        }
        if self.statements.insert(key, prepared).is_none() {
            self.text_bytes += length;
        }
    }
}

/// More statements than this, and the cache starts over.
const MAX_ENTRIES: usize = 5_000;
/// More text than this, and it does, too: a plan takes about a hundred times the memory of its text.
const MAX_TEXTS: usize = 2 << 20;
/// Longer texts are seldom run twice.
const MAX_TEXT: usize = 32 << 10;

impl PlanCache {
    /// The statement for this text, if the cache has it and it is current.
    ///
    /// # Errors
    /// Those of reading the search path.
    pub fn find(
        &self,
        session: &Session,
        sql: &str,
        types: &[Oid],
        lifted: bool,
    ) -> Result<Option<Arc<Prepared>>> {
        if !shares(session) || sql.len() > MAX_TEXT {
            return Ok(None);
        }
        let path = session.search_path()?;
        let settings = settings_hash(session);
        let key = Wanted { database: session.database(), lifted, path: &path, settings, types, sql };
        let found = self.entries.lock().statements.get(&key).cloned();
        match found {
            Some(prepared) if prepared.is_current(session)? => Ok(Some(prepared)),
            Some(_) => {
                self.entries.lock().remove(&key);
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Keeps a statement for others.
    pub fn put(&self, session: &Session, types: &[Oid], prepared: &Arc<Prepared>) {
        let plannable = matches!(
            prepared.statement.statement,
            Statement::Select(_) | Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_)
        );
        if !plannable || !shares(session) || prepared.sql.len() > MAX_TEXT || reads_clock(&prepared.sql) {
            return;
        }
        let key = Key {
            database: session.database(),
            lifted: prepared.lifted,
            path: prepared.path.clone(),
            settings: settings_hash(session),
            types: types.to_vec(),
            sql: prepared.sql.clone(),
        };
        self.entries.lock().insert(key, prepared.clone());
    }
}

/// Whether the session reads the same catalogs as others.
fn shares(session: &Session) -> bool {
    !session.has_catalog_changes() && session.temporary_namespace().is_none()
}

/// The settings that reading literals and planning depend on, as one number; made anew when a setting has changed.
fn settings_hash(session: &Session) -> u64 {
    const CATEGORIES: [&str; 4] = [
        "Query Tuning",
        "Client Connection Defaults / Locale and Formatting",
        "Version and Platform Compatibility",
        "Resource Usage / Memory",
    ];
    let known = session.extension("server.settings_hash", Mutex::<(u64, u64)>::default);
    let settings = session.settings();
    let mut known = known.lock();
    if known.0 != settings.generation() {
        let mut hasher = DefaultHasher::new();
        for id in settings.ids() {
            let definition = settings.definition(id);
            if &*definition.name == "row_security"
                || CATEGORIES.iter().any(|category| definition.category.starts_with(category))
            {
                settings.show_id(id).hash(&mut hasher);
            }
        }
        *known = (settings.generation(), hasher.finish());
    }
    known.1
}

/// Whether a literal may stand for a moment that passes: 'now', 'today' and so on are read when a text is analysed.
fn reads_clock(sql: &str) -> bool {
    sql.split('\'').skip(1).step_by(2).any(|literal| {
        let literal = literal.to_ascii_lowercase();
        ["now", "today", "tomorrow", "yesterday"].iter().any(|word| literal.contains(word))
    })
}
