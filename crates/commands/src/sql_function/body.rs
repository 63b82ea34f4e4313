//! The statements of an SQL function: parsed, analysed when they are reached, checked when the function is made.

use super::arguments::Arguments;
use super::result::Shape;
use crate::nested::AnalysedQuery;
use crate::pipeline::Literals;
use base::{Error, Result, err};
use catalog::{CatalogVersion, PgProc, Session};
use parking_lot::Mutex;
use std::sync::Arc;
use syntax::Statement;

/// Whether a statement is analysed and planned, as opposed to carried out by a command.
pub(crate) fn is_plannable(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Select(_)
            | Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Merge(_)
            | Statement::Return(_)
    ) && !matches!(statement, Statement::Select(select) if into_of(select))
}

fn into_of(select: &syntax::SelectStatement) -> bool {
    match &select.body {
        syntax::SelectBody::Select(simple) => simple.into.is_some(),
        syntax::SelectBody::SetOperation(set) => into_of(&set.left),
        syntax::SelectBody::Values(_) => false,
    }
}

/// Where a statement comes from.
enum Source {
    /// A text.
    Written(Arc<Statement>),
    /// A parsed body: analysed when the function was made.
    Stored(Box<ir::Query>),
}

/// A statement ready to be planned or carried out.
pub(super) enum Ready {
    Query { query: Box<AnalysedQuery>, as_row: bool },
    Utility(Arc<Statement>),
}

pub(super) struct BodyStatement {
    source: Source,
    ready: Mutex<Option<Arc<Ready>>>,
}

/// The body of a function for one combination of argument types.
pub(super) struct Body {
    pub row: Arc<PgProc>,
    pub arguments: Arguments,
    pub shape: Shape,
    pub statements: Vec<BodyStatement>,
    /// The catalogs when utility statements were found not to return what the function has to.
    pub made_at: CatalogVersion,
}

impl Body {
    /// # Errors
    /// `42601` for a body that does not parse.
    pub(super) fn new(
        session: &Session,
        row: Arc<PgProc>,
        arguments: Arguments,
        shape: Shape,
    ) -> Result<Body> {
        let sources: Vec<Source> = match &row.prosqlbody {
            Some(text) => stored_queries(session, text)?
                .into_iter()
                .map(|query| Source::Stored(Box::new(query)))
                .collect(),
            None => syntax::parse(&row.prosrc)
                .map_err(|e| in_body(e, &row.prosrc))?
                .into_iter()
                .map(|raw| Source::Written(Arc::new(raw.statement)))
                .collect(),
        };
        let statements =
            sources.into_iter().map(|source| BodyStatement { source, ready: Mutex::new(None) }).collect();
        Ok(Body { row, arguments, shape, statements, made_at: session.catalog_version() })
    }

    /// The statement, analysed with the catalogs as they are. The last one returns what the function does.
    ///
    /// # Errors
    /// Those of analysis; `42P13` for a last statement that does not fit.
    pub(super) fn ready(&self, session: &Session, number: usize) -> Result<Arc<Ready>> {
        let statement = &self.statements[number];
        let known = statement.ready.lock().clone();
        if let Some(known) = known {
            let current = match &*known {
                Ready::Query { query, .. } => query.is_current(session)?,
                Ready::Utility(_) => true,
            };
            if current {
                return Ok(known);
            }
        }
        let last = number + 1 == self.statements.len();
        let made = Arc::new(self.make(session, statement, last).map_err(|e| in_body(e, &self.row.prosrc))?);
        *statement.ready.lock() = Some(made.clone());
        Ok(made)
    }

    fn make(&self, session: &Session, statement: &BodyStatement, last: bool) -> Result<Ready> {
        let query = match &statement.source {
            Source::Stored(query) => (**query).clone(),
            Source::Written(written) if is_plannable(written) => {
                self.arguments.analyze(session, written, &self.row.prosrc)?
            }
            Source::Written(written) => {
                self.check_utility(written)?;
                if last {
                    analyzer::fit_result(session, &Literals, &mut [], &self.shape.returned())?;
                }
                return Ok(Ready::Utility(written.clone()));
            }
        };
        if query.command != ir::CommandType::Select && !self.is_volatile() {
            return Err(self.not_allowed(&command_word(&query)));
        }
        let mut queries = [query];
        let as_row = last && analyzer::fit_result(session, &Literals, &mut queries, &self.shape.returned())?;
        let [query] = queries;
        Ok(Ready::Query { query: Box::new(AnalysedQuery::new(session, query)?), as_row })
    }

    pub(super) fn is_volatile(&self) -> bool {
        self.row.provolatile as u8 == b'v'
    }

    fn not_allowed(&self, what: &str) -> Error {
        err!(FEATURE_NOT_SUPPORTED, "{what} is not allowed in a non-volatile function")
    }

    fn check_utility(&self, statement: &Statement) -> Result<()> {
        let tag = statement.tag();
        if matches!(statement, Statement::Transaction(_)) {
            return Err(err!(FEATURE_NOT_SUPPORTED, "{tag} is not allowed in an SQL function"));
        }
        let reads = matches!(statement, Statement::Show(_) | Statement::Explain(_) | Statement::Set(_));
        if !self.is_volatile() && !reads {
            return Err(self.not_allowed(tag));
        }
        Ok(())
    }
}

fn command_word(query: &ir::Query) -> String {
    match query.command {
        ir::CommandType::Insert => "INSERT",
        ir::CommandType::Update => "UPDATE",
        ir::CommandType::Delete => "DELETE",
        ir::CommandType::Merge => "MERGE",
        _ => "SELECT",
    }
    .to_owned()
}

/// An error in the body points into the body.
pub(super) fn in_body(mut error: Error, source: &str) -> Error {
    let data = error.data_mut();
    if let Some(position) = data.position.take() {
        data.internal_position = Some(position);
        data.internal_query = Some(source.to_owned());
    }
    error
}

/// The queries of pg_proc.prosqlbody: one by itself, or a list in a list.
///
/// # Errors
/// `XX001` when the text is none.
pub(crate) fn stored_queries(session: &Session, text: &str) -> Result<Vec<ir::Query>> {
    let list = match text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        Some("<>") => return Ok(Vec::new()),
        Some(list) => list.to_owned(),
        None => format!("({text})"),
    };
    ir::text::read_rule(&list, &|oid| session.type_layout(oid))
}

/// How much of a body is checked when a function is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validation {
    Full,
    /// Of functions with polymorphic arguments: that it parses.
    Parse,
}

/// Checks a body, as CREATE FUNCTION does.
///
/// # Errors
/// Those of parsing and analysis; `42P13` for a result that does not fit.
pub(crate) fn validate(session: &Session, row: &Arc<PgProc>, how: Validation) -> Result<()> {
    let modes = row.proargmodes.as_deref();
    let names = row.proargnames.as_deref();
    let arguments = Arguments::new(session, &row.proname, &row.proargtypes, modes, names)?;
    let shape = Shape::new(session, row, row.prorettype, &row.proargtypes, None)?;
    let body = Body::new(session, row.clone(), arguments, shape)?;
    if how == Validation::Parse {
        return Ok(());
    }
    for number in 0..body.statements.len() {
        body.ready(session, number)?;
    }
    if body.statements.is_empty() {
        analyzer::fit_result(session, &Literals, &mut [], &body.shape.returned())?;
    }
    Ok(())
}
