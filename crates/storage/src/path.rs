//! Where relations lie below the data directory.

use base::{Fork, Oid, RelFileLocator};

/// pg_default, whose databases lie in base/.
pub const DEFAULT_TABLESPACE: Oid = Oid(1663);
/// pg_global, whose relations lie in global/.
pub const GLOBAL_TABLESPACE: Oid = Oid(1664);
/// The folder that PostgreSQL 18 makes inside a tablespace.
pub const TABLESPACE_VERSION_DIRECTORY: &str = "PG_18_202506291";
/// Blocks in a segment file: 1 GB.
pub const BLOCKS_PER_SEGMENT: u32 = 131_072;

/// The directory of a database's files within a tablespace.
pub fn database_directory(tablespace: Oid, database: Oid) -> String {
    match tablespace {
        GLOBAL_TABLESPACE => "global".to_owned(),
        DEFAULT_TABLESPACE => format!("base/{database}"),
        _ => format!("pg_tblspc/{tablespace}/{TABLESPACE_VERSION_DIRECTORY}/{database}"),
    }
}

/// The path of a fork's first segment. Temporary relations carry the number of the session that owns them.
pub fn relation_path(locator: RelFileLocator, fork: Fork, backend: Option<u32>) -> String {
    let mut path = database_directory(locator.tablespace, locator.database);
    path.push('/');
    if let Some(backend) = backend {
        path.push_str(&format!("t{backend}_"));
    }
    path.push_str(&locator.number.to_string());
    if let Some(suffix) = fork.suffix() {
        path.push('_');
        path.push_str(suffix);
    }
    path
}

/// The path of segment `segment` of a fork whose first segment is `path`.
pub fn segment_path(path: &str, segment: u32) -> String {
    if segment == 0 { path.to_owned() } else { format!("{path}.{segment}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_as_postgresql_lays_them_out() {
        let at = |tablespace, database| RelFileLocator { tablespace, database, number: Oid(16384) };
        assert_eq!(relation_path(at(DEFAULT_TABLESPACE, Oid(5)), Fork::Main, None), "base/5/16384");
        assert_eq!(
            relation_path(at(GLOBAL_TABLESPACE, Oid(0)), Fork::FreeSpaceMap, None),
            "global/16384_fsm"
        );
        assert_eq!(
            relation_path(at(Oid(20000), Oid(5)), Fork::VisibilityMap, None),
            "pg_tblspc/20000/PG_18_202506291/5/16384_vm"
        );
        assert_eq!(relation_path(at(DEFAULT_TABLESPACE, Oid(5)), Fork::Main, Some(3)), "base/5/t3_16384");
        assert_eq!(segment_path("base/5/16384", 2), "base/5/16384.2");
    }
}
