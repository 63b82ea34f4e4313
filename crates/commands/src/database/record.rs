//! The records of the Database and RelMap resource managers, and what they do to directories.

use base::bytes::Reader;
use base::{Error, Oid, Result};
use buffer::{BufferPool, RedoContext, ResourceManager};
use std::sync::Arc;
use storage::database_directory;
use sys::Disk;
use sys::disk::{OpenOptions, file_error};
use wal::{Record, RecordBuilder, RmgrId, SPECIAL_REL_UPDATE};

const CREATE_FILE_COPY: u8 = 0x00;
const CREATE_WAL_LOG: u8 = 0x10;
const DROP: u8 = 0x20;
const RELATION_MAP_UPDATE: u8 = 0x00;
const MAP_FILE: &str = "pg_filenode.map";
const VERSION_FILE: &str = "PG_VERSION";

fn failed(error: &std::io::Error, what: &str, path: &str) -> Error {
    file_error(error, format!("could not {what} \"{path}\""))
}

/// Makes a database's directory with its version file.
///
/// # Errors
/// `58P02` when it is there already, and the disk's.
pub(super) fn make_directory(disk: &dyn Disk, path: &str, may_exist: bool) -> Result<()> {
    let exists = disk.exists(path).map_err(|e| failed(&e, "access directory", path))?;
    if exists && !may_exist {
        return Err(base::err!(DUPLICATE_FILE, "could not create directory \"{path}\": File exists"));
    }
    disk.create_dir_all(path).map_err(|e| failed(&e, "create directory", path))?;
    let version = format!("{path}/{VERSION_FILE}");
    disk.replace(&version, b"18\n").map_err(|e| failed(&e, "write to file", &version))?;
    disk.sync_dir(sys::disk::parent(path)).map_err(|e| failed(&e, "fsync file", path))
}

/// Logs that a database's directory was made.
///
/// # Errors
/// PANIC when the log cannot be written.
pub(super) fn log_create(pool: &BufferPool, database: Oid, tablespace: Oid, xid: base::Xid) -> Result<()> {
    let record = RecordBuilder::new(RmgrId::DATABASE, CREATE_WAL_LOG, xid)
        .main(&database.0.to_le_bytes())
        .main(&tablespace.0.to_le_bytes());
    pool.wal().insert(&record)?;
    Ok(())
}

/// Logs a relation map's content.
///
/// # Errors
/// PANIC when the log cannot be written.
pub(super) fn log_map(
    pool: &BufferPool,
    database: Oid,
    tablespace: Oid,
    bytes: &[u8],
    xid: base::Xid,
) -> Result<()> {
    let record = RecordBuilder::new(RmgrId::RELMAP, RELATION_MAP_UPDATE, xid)
        .main(&database.0.to_le_bytes())
        .main(&tablespace.0.to_le_bytes())
        .main(&(bytes.len() as i32).to_le_bytes())
        .main(bytes);
    let end = pool.wal().insert(&record)?;
    pool.wal().flush(end)
}

/// Logs that a database's directories go.
///
/// # Errors
/// PANIC when the log cannot be written.
pub(super) fn log_drop(pool: &BufferPool, database: Oid, tablespace: Oid, xid: base::Xid) -> Result<()> {
    let record = RecordBuilder::new(RmgrId::DATABASE, DROP | SPECIAL_REL_UPDATE, xid)
        .main(&database.0.to_le_bytes())
        .main(&1i32.to_le_bytes())
        .main(&tablespace.0.to_le_bytes());
    let end = pool.wal().insert(&record)?;
    pool.wal().flush(end)
}

/// Removes a database's directory.
///
/// # Errors
/// The disk's.
pub(super) fn remove_directory(disk: &dyn Disk, path: &str) -> Result<()> {
    if disk.exists(path).map_err(|e| failed(&e, "access directory", path))? {
        disk.remove_dir_all(path).map_err(|e| failed(&e, "remove directory", path))?;
        disk.sync_dir(sys::disk::parent(path)).map_err(|e| failed(&e, "fsync file", path))?;
    }
    Ok(())
}

/// Replays records of the Database resource manager.
pub struct DatabaseManager;

impl ResourceManager for DatabaseManager {
    fn id(&self) -> RmgrId {
        RmgrId::DATABASE
    }

    fn name(&self) -> &'static str {
        "Database"
    }

    fn redo(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        let mut reader = record.reader();
        let disk: Arc<dyn Disk> = context.pool.files().disk().clone();
        match record.op() {
            CREATE_WAL_LOG => {
                let (database, tablespace) = (Oid(reader.u32()?), Oid(reader.u32()?));
                make_directory(&*disk, &database_directory(tablespace, database), true)
            }
            CREATE_FILE_COPY => redo_copy(context, &*disk, &mut reader),
            DROP => {
                let database = Oid(reader.u32()?);
                let count = reader.i32()?;
                context.pool.drop_database(database)?;
                context.missing.forget_database(database);
                for _ in 0..count {
                    remove_directory(&*disk, &database_directory(Oid(reader.u32()?), database))?;
                }
                Ok(())
            }
            op => Err(Error::corrupted(format!("dbase_redo: unknown op code {op}"))),
        }
    }
}

/// A whole directory was copied, as PostgreSQL does on request.
fn redo_copy(context: &RedoContext<'_>, disk: &dyn Disk, reader: &mut Reader<'_>) -> Result<()> {
    let to = (Oid(reader.u32()?), Oid(reader.u32()?));
    let from = (Oid(reader.u32()?), Oid(reader.u32()?));
    let (source, target) = (database_directory(from.1, from.0), database_directory(to.1, to.0));
    context.pool.drop_database(to.0)?;
    context.pool.flush_database(from.0)?;
    remove_directory(disk, &target)?;
    disk.create_dir_all(&target).map_err(|e| failed(&e, "create directory", &target))?;
    for name in disk.list(&source).map_err(|e| failed(&e, "open directory", &source))? {
        copy_file(disk, &format!("{source}/{name}"), &format!("{target}/{name}"))?;
    }
    disk.sync_dir(&target).map_err(|e| failed(&e, "fsync file", &target))
}

fn copy_file(disk: &dyn Disk, from: &str, to: &str) -> Result<()> {
    const CHUNK: usize = 1 << 20;
    let open = |path: &str, options: OpenOptions| {
        disk.open(path, options).map_err(|e| failed(&e, "open file", path))
    };
    let source = open(from, OpenOptions::default())?;
    let target = open(to, OpenOptions { create: true, ..OpenOptions::default() })?;
    let mut chunk = vec![0; CHUNK];
    let mut offset = 0;
    loop {
        let read = source.read_at(&mut chunk, offset).map_err(|e| failed(&e, "read file", from))?;
        if read == 0 {
            break;
        }
        target.write_all_at(&chunk[..read], offset).map_err(|e| failed(&e, "write to file", to))?;
        offset += read as u64;
    }
    target.sync_all().map_err(|e| failed(&e, "fsync file", to))
}

/// Replays records of the RelMap resource manager: a whole map each.
pub struct RelationMapManager;

impl ResourceManager for RelationMapManager {
    fn id(&self) -> RmgrId {
        RmgrId::RELMAP
    }

    fn name(&self) -> &'static str {
        "RelMap"
    }

    fn redo(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        if record.op() != RELATION_MAP_UPDATE {
            return Err(Error::corrupted(format!("relmap_redo: unknown op code {}", record.op())));
        }
        let mut reader = record.reader();
        let (database, tablespace) = (Oid(reader.u32()?), Oid(reader.u32()?));
        let size = reader.i32()?;
        let bytes = reader.rest();
        if usize::try_from(size) != Ok(bytes.len()) {
            return Err(Error::corrupted(format!("relmap_redo: wrong size {size} in relmap update record")));
        }
        catalog::relmap::decode(bytes, MAP_FILE)?;
        let directory =
            if database.is_valid() { database_directory(tablespace, database) } else { "global".into() };
        let path = format!("{directory}/{MAP_FILE}");
        context.pool.files().disk().replace(&path, bytes).map_err(|e| failed(&e, "write file", &path))
    }
}
