//! What a utility command gets and gives.

use base::{Error, Result};
use catalog::Session;
use datum::{Row, TupleDesc};
use executor::ParamValue;
use std::sync::Arc;

/// The client at the other end, for commands that talk to it while they run.
pub trait Client {
    /// Sends a notice at once, ahead of what the session collects.
    fn notice(&mut self, notice: &Error);

    /// Asks for COPY data; then call [`Client::copy_read`] until it gives `None`.
    ///
    /// # Errors
    /// FATAL when the client is gone.
    fn copy_in_begin(&mut self, binary: bool, columns: usize) -> Result<()>;

    /// The next piece of COPY data.
    ///
    /// # Errors
    /// `57014` when the client gives up, `08P01` for other messages.
    fn copy_read(&mut self) -> Result<Option<&[u8]>>;

    fn copy_out_begin(&mut self, binary: bool, columns: usize);

    /// One row of COPY data.
    ///
    /// # Errors
    /// FATAL when the client is gone.
    fn copy_data(&mut self, data: &[u8]) -> Result<()>;

    fn copy_done(&mut self);
}

/// One execution of a utility command.
pub struct Invocation<'a> {
    pub session: &'a Arc<Session>,
    /// The text the statement was parsed from; locations are offsets into it.
    pub sql: &'a str,
    pub client: &'a mut dyn Client,
    /// Sent by the client as a statement of its own, not run by a function or with others in one message.
    pub top_level: bool,
    /// Inside BEGIN ... COMMIT.
    pub in_block: bool,
    pub params: Arc<[ParamValue]>,
    /// Inside a function: what names mean besides columns.
    pub names: Option<&'a dyn analyzer::ParameterNames>,
    /// What the EXECUTE inside of the command runs.
    pub executed: Option<Executed>,
}

pub type PlanSource = Arc<dyn Fn() -> Result<Arc<[Arc<executor::Prepared>]>> + Send + Sync>;

/// A prepared statement with its parameters, as EXECUTE names it.
#[derive(Clone)]
pub struct Executed {
    pub query: Arc<ir::Query>,
    /// Gives the plans, which counts as a use of the statement.
    pub plan: PlanSource,
    pub params: Arc<[ParamValue]>,
}

/// What a command answers.
pub enum Outcome {
    /// The command tag.
    Tag(String),
    /// Rows in text (SHOW, EXPLAIN), then the tag.
    Rows { desc: TupleDesc, rows: Vec<Row>, tag: String },
}

impl Invocation<'_> {
    /// For commands that manage their own transactions.
    ///
    /// # Errors
    /// `25001` inside a transaction block.
    pub fn prevent_in_block(&self, command: &str) -> Result<()> {
        if self.in_block {
            return Err(base::err!(
                ACTIVE_SQL_TRANSACTION,
                "{command} cannot run inside a transaction block"
            ));
        }
        if !self.top_level {
            return Err(base::err!(ACTIVE_SQL_TRANSACTION, "{command} cannot be executed from a function"));
        }
        Ok(())
    }
}
