//! REFRESH MATERIALIZED VIEW, and what materialized views cannot be made of.

use crate::invocation::{Invocation, Outcome};
use crate::{alter_table, create_table_as, index, name, privilege, relation, view};
use base::{Error, Oid, Result, bail};
use catalog::acl::privilege as bits;
use catalog::{PgRewrite, Session, index as catalog_index};
use ir::Query;
use lock::LockMode;
use std::sync::Arc;
use syntax::{Persistence, RefreshMaterializedView};

/// # Errors
/// `0A000` for queries that cannot be kept, `42601` for unlogged ones.
pub(crate) fn check_query(session: &Session, query: &Query, persistence: Persistence) -> Result<()> {
    if persistence == Persistence::Unlogged {
        bail!(SYNTAX_ERROR, "materialized views cannot be unlogged");
    }
    if query.has_modifying_cte {
        bail!(FEATURE_NOT_SUPPORTED, "materialized views must not use data-modifying statements in WITH");
    }
    if view::uses_temporary(session, query)? {
        bail!(FEATURE_NOT_SUPPORTED, "materialized views must not use temporary tables or views");
    }
    let mut bound = false;
    ir::walk_query_levels(query, 0, &mut |e, _| {
        bound |= matches!(e, ir::Expr::Param(_));
        !bound
    });
    if bound {
        bail!(FEATURE_NOT_SUPPORTED, "materialized views may not be defined using bound parameters");
    }
    Ok(())
}

/// REFRESH MATERIALIZED VIEW: the query's rows of now into new files.
///
/// # Errors
/// `0A000` with CONCURRENTLY; what the query fails with; `23505` when its rows do not fit a unique index.
pub(crate) fn refresh(
    invocation: &mut Invocation<'_>,
    statement: &RefreshMaterializedView,
) -> Result<Outcome> {
    let session = invocation.session;
    let entry = name::open_relation(session, &statement.relation, LockMode::AccessExclusive)?;
    if entry.kind() != b'm' {
        bail!(FEATURE_NOT_SUPPORTED, "\"{}\" is not a materialized view", entry.name());
    }
    if statement.concurrently {
        if !statement.with_data {
            bail!(SYNTAX_ERROR, "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together");
        }
        return Err(Error::unsupported("REFRESH MATERIALIZED VIEW CONCURRENTLY"));
    }
    if !privilege::is_owner(session, entry.class.relowner)? {
        privilege::require_on_relation(session, &entry, bits::MAINTAIN)?;
    }
    let table = entry.oid();
    let query = stored_query(session, table)?;
    let users = session.users();
    session.set_users(catalog::Users { current: entry.class.relowner, ..users });
    let result = replace_rows(session, table, query, statement.with_data);
    session.set_users(users);
    result?;
    Ok(Outcome::Tag("REFRESH MATERIALIZED VIEW".to_owned()))
}

fn stored_query(session: &Session, table: Oid) -> Result<Query> {
    let keys = [table.into(), "_RETURN".into()];
    let rule = session
        .row::<PgRewrite>(catalog_index::PG_REWRITE_REL_RULENAME, &keys)?
        .ok_or_else(|| Error::internal(format!("materialized view {table} has no rule")))?;
    let mut queries = ir::text::read_rule(&rule.ev_action, &|oid| session.type_layout(oid))?;
    match queries.pop() {
        Some(query) if queries.is_empty() => Ok(query),
        _ => Err(Error::internal(format!("the rule of materialized view {table} is not a single query"))),
    }
}

fn replace_rows(session: &Arc<Session>, table: Oid, query: Query, with_data: bool) -> Result<()> {
    alter_table::new_files(session, table)?;
    relation::update_class(session, table, |class| class.relispopulated = with_data)?;
    session.invalidate_relation(table);
    session.command_counter_increment()?;
    let new = session.require_relation(table)?;
    if with_data {
        create_table_as::fill(session, &new, query, &[])?;
        session.command_counter_increment()?;
    }
    index::reindex_table(session, table, false)?;
    Ok(())
}
