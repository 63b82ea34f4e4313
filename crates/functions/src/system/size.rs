//! Sizes of relations in bytes.

use crate::call::{Call, Function};
use crate::table::functions;
use base::{Fork, Oid, PAGE_SIZE, RelFileLocator, Result, bail};
use catalog::{PgClass, PgIndex, PgTablespace, index};

/// Bytes of one fork; 0 where there is none.
fn fork_size(call: &Call<'_>, locator: RelFileLocator, fork: Fork) -> Result<i64> {
    let pool = &call.session.instance().pool;
    if !pool.files().exists(locator, fork)? {
        return Ok(0);
    }
    Ok(i64::from(pool.block_count(locator, fork)?.0) * PAGE_SIZE as i64)
}

fn class(call: &Call<'_>, oid: Oid) -> Result<Option<std::sync::Arc<PgClass>>> {
    call.session.row::<PgClass>(index::PG_CLASS_OID, &[oid.into()])
}

fn has_storage(class: &PgClass) -> bool {
    matches!(class.relkind as u8, b'r' | b'i' | b't' | b'm' | b'S')
}

fn fork_named(name: &str) -> Result<Fork> {
    match name {
        "main" => Ok(Fork::Main),
        "fsm" => Ok(Fork::FreeSpaceMap),
        "vm" => Ok(Fork::VisibilityMap),
        "init" => Ok(Fork::Init),
        _ => Err(base::err!(INVALID_PARAMETER_VALUE, "invalid fork name")
            .hint("Valid fork names are \"main\", \"fsm\", \"vm\", and \"init\".")),
    }
}

/// pg_relation_size: one fork of one relation.
pub fn relation_size(call: &Call<'_>, oid: Oid, fork: &str) -> Result<Option<i64>> {
    let fork = fork_named(fork)?;
    match class(call, oid)? {
        Some(class) if has_storage(&class) => fork_size(call, call.session.locate(&class)?, fork).map(Some),
        Some(_) => Ok(Some(0)),
        None => Ok(None),
    }
}

fn all_forks(call: &Call<'_>, oid: Oid) -> Result<i64> {
    let Some(class) = class(call, oid)? else { return Ok(0) };
    if !has_storage(&class) {
        return Ok(0);
    }
    let locator = call.session.locate(&class)?;
    let mut size = 0;
    for fork in Fork::ALL {
        size += fork_size(call, locator, fork)?;
    }
    Ok(size)
}

fn index_sizes(call: &Call<'_>, oid: Oid) -> Result<i64> {
    let mut size = 0;
    for row in call.session.rows::<PgIndex>(index::PG_INDEX_INDRELID, &[oid.into()])?.iter() {
        size += all_forks(call, row.indexrelid)?;
    }
    Ok(size)
}

/// The table with its TOAST table and that one's index.
fn table_size(call: &Call<'_>, oid: Oid) -> Result<Option<i64>> {
    let Some(class) = class(call, oid)? else { return Ok(None) };
    let mut size = all_forks(call, oid)?;
    if let Some(toast) = class.reltoastrelid.some() {
        size += all_forks(call, toast)? + index_sizes(call, toast)?;
    }
    Ok(Some(size))
}

fn database_size(call: &Call<'_>, oid: Oid) -> Result<Option<i64>> {
    if oid != call.session.database() {
        return Err(base::Error::unsupported("the size of another database"));
    }
    let mut size = 0;
    for class in call.session.scan_all::<PgClass>()? {
        if has_storage(&class) && !class.relisshared {
            size += all_forks(call, class.oid)?;
        }
        call.session.interrupt_check()?;
    }
    Ok(Some(size))
}

fn database_size_by_name(call: &Call<'_>, name: &str) -> Result<Option<i64>> {
    let keys = [name.into()];
    match call.session.row::<catalog::PgDatabase>(index::PG_DATABASE_DATNAME, &keys)? {
        Some(row) => database_size(call, row.oid),
        None => bail!(UNDEFINED_DATABASE, "database \"{name}\" does not exist"),
    }
}

fn file_number(call: &Call<'_>, oid: Oid) -> Result<Option<Oid>> {
    match class(call, oid)? {
        Some(class) if has_storage(&class) => Ok(Some(call.session.locate(&class)?.number)),
        _ => Ok(None),
    }
}

fn file_path(call: &Call<'_>, oid: Oid) -> Result<Option<String>> {
    let Some(class) = class(call, oid)?.filter(|class| has_storage(class)) else { return Ok(None) };
    let locator = call.session.locate(&class)?;
    Ok(Some(match locator.tablespace {
        catalog::GLOBAL_TABLESPACE => format!("global/{}", locator.number),
        catalog::DEFAULT_TABLESPACE => format!("base/{}/{}", locator.database, locator.number),
        tablespace => {
            format!("pg_tblspc/{tablespace}/PG_18_202506291/{}/{}", locator.database, locator.number)
        }
    }))
}

/// Default and global tablespaces have no place of their own.
fn tablespace_location(call: &Call<'_>, oid: Oid) -> Result<String> {
    if matches!(oid, Oid::INVALID | catalog::DEFAULT_TABLESPACE | catalog::GLOBAL_TABLESPACE) {
        return Ok(String::new());
    }
    match call.session.row::<PgTablespace>(index::PG_TABLESPACE_OID, &[oid.into()])? {
        Some(_) => Err(base::Error::unsupported("the location of a tablespace")),
        None => Ok(String::new()),
    }
}

pub const FUNCTIONS: &[Function] = functions! {
    "pg_relation_size" [call] (oid: Oid, fork: str) -> Option<i64> = relation_size(call, oid, fork);
    "pg_table_size" [call] (oid: Oid) -> Option<i64> = table_size(call, oid);
    "pg_indexes_size" [call] (oid: Oid) -> Option<i64> = match class(call, oid)? {
        Some(_) => index_sizes(call, oid).map(Some),
        None => Ok(None),
    };
    "pg_total_relation_size" [call] (oid: Oid) -> Option<i64> = match table_size(call, oid)? {
        Some(size) => Ok(Some(size + index_sizes(call, oid)?)),
        None => Ok(None),
    };
    "pg_database_size_oid" [call] (oid: Oid) -> Option<i64> = database_size(call, oid);
    "pg_database_size_name" [call] (name: str) -> Option<i64> = database_size_by_name(call, name);
    "pg_relation_filenode" [call] (oid: Oid) -> Option<Oid> = file_number(call, oid);
    "pg_relation_filepath" [call] (oid: Oid) -> Option<String> = file_path(call, oid);
    "pg_tablespace_location" [call] (oid: Oid) -> String = tablespace_location(call, oid);
};
