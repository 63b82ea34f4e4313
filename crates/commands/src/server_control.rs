//! Commands that act on the whole server: CHECKPOINT and ALTER SYSTEM. What they ask for is done by the layer above,
//! which gives itself to the session as [`SERVER_CONTROL`].

use crate::invocation::{Invocation, Outcome};
use crate::{role, settings as session_settings};
use base::{Error, Oid, Result, bail, err};
use catalog::Session;
use std::sync::Arc;
use syntax::{SetAction, SetStatement};

/// Name of the session extension that holds the [`Control`] of its server.
pub const SERVER_CONTROL: &str = "server control";

/// What a server does for its sessions' commands.
pub trait ServerControl: Send + Sync {
    /// Returns when a checkpoint that began after the call has ended.
    ///
    /// # Errors
    /// `XX000` when it failed.
    fn checkpoint(&self) -> Result<()>;

    /// Rewrites postgresql.auto.conf durably; arguments as of [`settings::edit_auto_conf`].
    ///
    /// # Errors
    /// Those of the arguments, and the disk's.
    fn edit_auto_conf(&self, name: Option<&str>, value: Option<&str>) -> Result<()>;
}

/// The session's server; `None` where there is none, as in initdb.
pub type Control = Option<Arc<dyn ServerControl>>;

fn control(session: &Session, command: &str) -> Result<Arc<dyn ServerControl>> {
    let control: Arc<Control> = session.extension(SERVER_CONTROL, || None);
    (*control).clone().ok_or_else(|| Error::unsupported(format!("{command} without a server")))
}

/// CHECKPOINT.
///
/// # Errors
/// `42501`, `XX000` when the checkpoint fails.
pub(crate) fn checkpoint(session: &Session) -> Result<Outcome> {
    const PG_CHECKPOINT: Oid = Oid(4544);
    if !session.has_role(session.user(), PG_CHECKPOINT)? {
        return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to execute CHECKPOINT command")
            .detail("Only roles with privileges of the \"pg_checkpoint\" role may execute this command."));
    }
    control(session, "CHECKPOINT")?.checkpoint()?;
    Ok(Outcome::Tag("CHECKPOINT".to_owned()))
}

/// ALTER SYSTEM SET and RESET. Takes effect at the server's next reload or start.
///
/// # Errors
/// `25001`, `42501`, `42704`, `22023`, `55P02`, `0A000` where `allow_alter_system` is off.
pub(crate) fn alter_system(invocation: &mut Invocation<'_>, statement: &SetStatement) -> Result<Outcome> {
    invocation.prevent_in_block("ALTER SYSTEM")?;
    let session = invocation.session;
    if !session.settings().get(settings::ALLOW_ALTER_SYSTEM) {
        bail!(FEATURE_NOT_SUPPORTED, "ALTER SYSTEM is not allowed in this environment");
    }
    let (name, values) = match &statement.action {
        SetAction::Value { name, values } => (Some(name), Some(values)),
        SetAction::Default { name } | SetAction::Reset { name } => (Some(name), None),
        SetAction::ResetAll => (None, None),
        _ => return Err(Error::internal("ALTER SYSTEM of something that is no parameter")),
    };
    if !role::current(session)?.rolsuper {
        match name {
            Some(name) => bail!(INSUFFICIENT_PRIVILEGE, "permission denied to set parameter \"{name}\""),
            None => bail!(INSUFFICIENT_PRIVILEGE, "permission denied to perform ALTER SYSTEM RESET ALL"),
        }
    }
    let value = match (name, values) {
        (Some(name), Some(values)) => Some(session_settings::value_text(session, name, values)?),
        _ => None,
    };
    control(session, "ALTER SYSTEM")?.edit_auto_conf(name.map(String::as_str), value.as_deref())?;
    Ok(Outcome::Tag("ALTER SYSTEM".to_owned()))
}
