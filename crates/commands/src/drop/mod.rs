//! DROP: which objects are meant, what goes with them, and removing each.

mod remove;
mod target;

pub(crate) use remove::{remove_all, remove_quietly};
pub(crate) use target::{find_type, named_type};

use crate::invocation::{Invocation, Outcome};
use base::{Result, bail};
use catalog::ObjectAddress;
use syntax::{Drop, DropBehavior, Statement};

/// DROP of everything but databases and roles.
///
/// # Errors
/// PostgreSQL's: `42P01`, `42704`, `42809`, `2BP01`, `42501`.
pub(crate) fn drop(invocation: &mut Invocation<'_>, statement: &Drop) -> Result<Outcome> {
    let tag = Statement::Drop(Box::new(statement.clone())).tag().to_owned();
    let session = invocation.session;
    if statement.concurrently {
        invocation.prevent_in_block("DROP INDEX CONCURRENTLY")?;
        if statement.objects.len() > 1 {
            bail!(
                FEATURE_NOT_SUPPORTED,
                "DROP INDEX CONCURRENTLY does not support dropping multiple objects"
            );
        }
        if statement.behavior == DropBehavior::Cascade {
            bail!(FEATURE_NOT_SUPPORTED, "DROP INDEX CONCURRENTLY does not support CASCADE");
        }
    }
    let mut targets: Vec<ObjectAddress> = Vec::new();
    for object in &statement.objects {
        if let Some(found) = target::find(session, statement, object)?
            && !targets.contains(&found)
        {
            targets.push(found);
        }
    }
    if let (true, [index]) = (statement.concurrently, &targets[..]) {
        crate::index::drop_concurrently(session, *index)?;
        return Ok(Outcome::Tag(tag));
    }
    remove_all(session, &targets, statement.behavior == DropBehavior::Cascade)?;
    Ok(Outcome::Tag(tag))
}
