//! pg_controldata.

use super::arguments::{Argument, Flag, parse, refuse};
use recovery::control::ControlFile;
use std::path::PathBuf;
use sys::process::local_time;

const PROGRAM: &str = "pg_controldata";

const HELP: &str = "\
pg_controldata shows the control information of a data directory.

Usage:
  pg_controldata [OPTION] [DATADIR]

  -D, --pgdata=DATADIR  data directory (default: the environment variable PGDATA)
  -V, --version         show the version
  -?, --help            show this text
";

pub fn run(arguments: &[String]) -> u8 {
    let flags = [Flag(Some('D'), "pgdata", true), Flag(Some('?'), "help", false)];
    let arguments = match parse(arguments, &flags) {
        Ok(arguments) => arguments,
        Err(message) => return refuse(PROGRAM, &message),
    };
    let mut directory = std::env::var("PGDATA").ok().filter(|dir| !dir.is_empty());
    for argument in arguments {
        match argument {
            Argument::Flag(name, _) if name == "help" => {
                print!("{HELP}");
                return 0;
            }
            Argument::Flag(_, value) => directory = value,
            Argument::Operand(operand) => directory = Some(operand),
        }
    }
    let Some(directory) = directory else { return refuse(PROGRAM, "error: no data directory specified") };
    let path = PathBuf::from(directory).join("global/pg_control");
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let why = crate::listener::os_words(&error);
            eprintln!("{PROGRAM}: error: could not open file \"{}\" for reading: {why}", path.display());
            return 1;
        }
    };
    match ControlFile::decode(&bytes) {
        Ok((control, sound)) => {
            if !sound {
                eprintln!(
                    "{PROGRAM}: warning: calculated CRC checksum does not match value stored in control file"
                );
                eprintln!(
                    "{PROGRAM}: detail: Either the control file is corrupt, or it has a different layout than this program is expecting.  The results below are untrustworthy."
                );
            }
            print!("{}", describe(&control));
            0
        }
        Err(error) => {
            eprintln!("{PROGRAM}: error: {}", error.message());
            1
        }
    }
}

/// The lines of pg_controldata.
fn describe(control: &ControlFile) -> String {
    let on_off = |value: bool| if value { "on" } else { "off" };
    let time = |seconds: i64| local_time(seconds, "%a %b %e %H:%M:%S %Y");
    let wal_level = match control.wal_level {
        0 => "minimal",
        1 => "replica",
        2 => "logical",
        _ => "unrecognized \"wal_level\"",
    };
    let point = &control.checkpoint_copy;
    let xid = point.next_xid;
    let nonce: String = control.mock_authentication_nonce.iter().map(|b| format!("{b:02x}")).collect();
    let lines: Vec<(&str, String)> = vec![
        ("pg_control version number:", control.control_version.to_string()),
        ("Catalog version number:", control.catalog_version.to_string()),
        ("Database system identifier:", control.system_identifier.to_string()),
        ("Database cluster state:", control.state.words().to_string()),
        ("pg_control last modified:", time(control.time)),
        ("Latest checkpoint location:", control.checkpoint.to_string()),
        ("Latest checkpoint's REDO location:", point.redo.to_string()),
        ("Latest checkpoint's REDO WAL file:", control.redo_wal_file()),
        ("Latest checkpoint's TimeLineID:", point.timeline.to_string()),
        ("Latest checkpoint's PrevTimeLineID:", point.previous_timeline.to_string()),
        ("Latest checkpoint's full_page_writes:", on_off(point.full_page_writes).to_string()),
        ("Latest checkpoint's NextXID:", format!("{}:{}", xid.0 >> 32, xid.low())),
        ("Latest checkpoint's NextOID:", point.next_oid.to_string()),
        ("Latest checkpoint's NextMultiXactId:", point.next_multi.to_string()),
        ("Latest checkpoint's NextMultiOffset:", point.next_multi_offset.to_string()),
        ("Latest checkpoint's oldestXID:", point.oldest_xid.to_string()),
        ("Latest checkpoint's oldestXID's DB:", point.oldest_xid_database.to_string()),
        ("Latest checkpoint's oldestActiveXID:", point.oldest_active_xid.to_string()),
        ("Latest checkpoint's oldestMultiXid:", point.oldest_multi.to_string()),
        ("Latest checkpoint's oldestMulti's DB:", point.oldest_multi_database.to_string()),
        ("Latest checkpoint's oldestCommitTsXid:", point.oldest_commit_ts_xid.to_string()),
        ("Latest checkpoint's newestCommitTsXid:", point.newest_commit_ts_xid.to_string()),
        ("Time of latest checkpoint:", time(point.time)),
        ("Fake LSN counter for unlogged rels:", control.unlogged_lsn.to_string()),
        ("Minimum recovery ending location:", control.min_recovery_point.to_string()),
        ("Min recovery ending loc's timeline:", control.min_recovery_timeline.to_string()),
        ("Backup start location:", control.backup_start.to_string()),
        ("Backup end location:", control.backup_end.to_string()),
        (
            "End-of-backup record required:",
            if control.backup_end_required { "yes" } else { "no" }.to_string(),
        ),
        ("wal_level setting:", wal_level.to_string()),
        ("wal_log_hints setting:", on_off(control.wal_log_hints).to_string()),
        ("max_connections setting:", control.max_connections.to_string()),
        ("max_worker_processes setting:", control.max_worker_processes.to_string()),
        ("max_wal_senders setting:", control.max_wal_senders.to_string()),
        ("max_prepared_xacts setting:", control.max_prepared_transactions.to_string()),
        ("max_locks_per_xact setting:", control.max_locks_per_transaction.to_string()),
        ("track_commit_timestamp setting:", on_off(control.track_commit_timestamp).to_string()),
        ("Maximum data alignment:", control.max_align.to_string()),
        ("Database block size:", control.block_bytes.to_string()),
        ("Blocks per segment of large relation:", control.segment_blocks.to_string()),
        ("WAL block size:", control.wal_block_bytes.to_string()),
        ("Bytes per WAL segment:", control.wal_segment_bytes.to_string()),
        ("Maximum length of identifiers:", control.name_bytes.to_string()),
        ("Maximum columns in an index:", control.index_max_keys.to_string()),
        ("Maximum size of a TOAST chunk:", control.toast_chunk_bytes.to_string()),
        ("Size of a large-object chunk:", control.large_object_chunk_bytes.to_string()),
        ("Date/time type storage:", "64-bit integers".to_string()),
        (
            "Float8 argument passing:",
            if control.float8_by_value { "by value" } else { "by reference" }.to_string(),
        ),
        ("Data page checksum version:", control.checksum_version.to_string()),
        (
            "Default char data signedness:",
            if control.char_signed { "signed" } else { "unsigned" }.to_string(),
        ),
        ("Mock authentication nonce:", nonce),
    ];
    lines.iter().map(|(label, value)| format!("{label:<38}{value}\n")).collect()
}
