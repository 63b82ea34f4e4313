//! global/pg_control: what a server must know before it can read anything else, in PostgreSQL 18's layout.

use base::bytes::{get_i32, get_i64, get_u32, get_u64, put_i32, put_i64, put_u32, put_u64};
use base::{Lsn, MultiXactId, Oid, Result, TimelineId, Xid, bail};

/// Bytes of the file; what follows the structure is zero.
pub const CONTROL_FILE_BYTES: usize = 8192;
/// Bytes of the structure with its checksum.
pub const CONTROL_DATA_BYTES: usize = 296;
const CHECKSUM_OFFSET: usize = 292;

pub const CONTROL_VERSION: u32 = 1800;
pub const CATALOG_VERSION: u32 = 202506291;
const FLOAT_FORMAT: f64 = 1234567.0;

/// What the cluster was doing when the file was last written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ClusterState {
    StartUp = 0,
    ShutDown = 1,
    ShutDownInRecovery = 2,
    ShuttingDown = 3,
    InCrashRecovery = 4,
    InArchiveRecovery = 5,
    InProduction = 6,
}

impl ClusterState {
    pub fn from_number(number: u32) -> Option<ClusterState> {
        use ClusterState::*;
        [
            StartUp,
            ShutDown,
            ShutDownInRecovery,
            ShuttingDown,
            InCrashRecovery,
            InArchiveRecovery,
            InProduction,
        ]
        .get(number as usize)
        .copied()
    }

    /// The words of pg_controldata.
    pub fn words(self) -> &'static str {
        match self {
            ClusterState::StartUp => "starting up",
            ClusterState::ShutDown => "shut down",
            ClusterState::ShutDownInRecovery => "shut down in recovery",
            ClusterState::ShuttingDown => "shutting down",
            ClusterState::InCrashRecovery => "in crash recovery",
            ClusterState::InArchiveRecovery => "in archive recovery",
            ClusterState::InProduction => "in production",
        }
    }
}

/// The body of a checkpoint record; times are seconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    pub redo: Lsn,
    pub timeline: TimelineId,
    pub previous_timeline: TimelineId,
    pub full_page_writes: bool,
    pub wal_level: i32,
    pub next_xid: Xid,
    pub next_oid: Oid,
    pub next_multi: MultiXactId,
    pub next_multi_offset: u32,
    /// 32 bits, as stored.
    pub oldest_xid: u32,
    pub oldest_xid_database: Oid,
    pub oldest_multi: MultiXactId,
    pub oldest_multi_database: Oid,
    pub time: i64,
    pub oldest_commit_ts_xid: u32,
    pub newest_commit_ts_xid: u32,
    /// 0 unless the checkpoint ran while the server did.
    pub oldest_active_xid: u32,
}

impl Checkpoint {
    /// Bytes of the encoded form, as in WAL records and in pg_control.
    pub const BYTES: usize = 88;

    pub fn encode(&self, out: &mut [u8]) {
        put_u64(out, 0, self.redo.0);
        put_u32(out, 8, self.timeline.0);
        put_u32(out, 12, self.previous_timeline.0);
        out[16] = u8::from(self.full_page_writes);
        put_i32(out, 20, self.wal_level);
        put_u64(out, 24, self.next_xid.0);
        put_u32(out, 32, self.next_oid.0);
        put_u32(out, 36, self.next_multi.0);
        put_u32(out, 40, self.next_multi_offset);
        put_u32(out, 44, self.oldest_xid);
        put_u32(out, 48, self.oldest_xid_database.0);
        put_u32(out, 52, self.oldest_multi.0);
        put_u32(out, 56, self.oldest_multi_database.0);
        put_i64(out, 64, self.time);
        put_u32(out, 72, self.oldest_commit_ts_xid);
        put_u32(out, 76, self.newest_commit_ts_xid);
        put_u32(out, 80, self.oldest_active_xid);
    }

    /// # Errors
    /// `XX001` when `bytes` are too few.
    pub fn decode(bytes: &[u8]) -> Result<Checkpoint> {
        if bytes.len() < Checkpoint::BYTES {
            bail!(DATA_CORRUPTED, "checkpoint record is {} bytes long", bytes.len());
        }
        Ok(Checkpoint {
            redo: Lsn(get_u64(bytes, 0)),
            timeline: TimelineId(get_u32(bytes, 8)),
            previous_timeline: TimelineId(get_u32(bytes, 12)),
            full_page_writes: bytes[16] != 0,
            wal_level: get_i32(bytes, 20),
            next_xid: Xid(get_u64(bytes, 24)),
            next_oid: Oid(get_u32(bytes, 32)),
            next_multi: MultiXactId(get_u32(bytes, 36)),
            next_multi_offset: get_u32(bytes, 40),
            oldest_xid: get_u32(bytes, 44),
            oldest_xid_database: Oid(get_u32(bytes, 48)),
            oldest_multi: MultiXactId(get_u32(bytes, 52)),
            oldest_multi_database: Oid(get_u32(bytes, 56)),
            time: get_i64(bytes, 64),
            oldest_commit_ts_xid: get_u32(bytes, 72),
            newest_commit_ts_xid: get_u32(bytes, 76),
            oldest_active_xid: get_u32(bytes, 80),
        })
    }
}

/// The contents of pg_control. [`Default`] has the constants of this build and zeros otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlFile {
    pub system_identifier: u64,
    pub control_version: u32,
    pub catalog_version: u32,
    pub state: ClusterState,
    /// Seconds since 1970 of the last write.
    pub time: i64,
    pub checkpoint: Lsn,
    pub checkpoint_copy: Checkpoint,
    pub unlogged_lsn: Lsn,
    pub min_recovery_point: Lsn,
    pub min_recovery_timeline: TimelineId,
    pub backup_start: Lsn,
    pub backup_end: Lsn,
    pub backup_end_required: bool,
    /// 0 minimal, 1 replica, 2 logical.
    pub wal_level: i32,
    pub wal_log_hints: bool,
    pub max_connections: i32,
    pub max_worker_processes: i32,
    pub max_wal_senders: i32,
    pub max_prepared_transactions: i32,
    pub max_locks_per_transaction: i32,
    pub track_commit_timestamp: bool,
    pub max_align: u32,
    pub block_bytes: u32,
    pub segment_blocks: u32,
    pub wal_block_bytes: u32,
    pub wal_segment_bytes: u32,
    pub name_bytes: u32,
    pub index_max_keys: u32,
    pub toast_chunk_bytes: u32,
    pub large_object_chunk_bytes: u32,
    pub float8_by_value: bool,
    /// 0 without page checksums.
    pub checksum_version: u32,
    pub char_signed: bool,
    pub mock_authentication_nonce: [u8; 32],
}

impl Default for ControlFile {
    fn default() -> ControlFile {
        ControlFile {
            system_identifier: 0,
            control_version: CONTROL_VERSION,
            catalog_version: CATALOG_VERSION,
            state: ClusterState::ShutDown,
            time: 0,
            checkpoint: Lsn::INVALID,
            checkpoint_copy: Checkpoint::default(),
            unlogged_lsn: Lsn(1000),
            min_recovery_point: Lsn::INVALID,
            min_recovery_timeline: TimelineId(0),
            backup_start: Lsn::INVALID,
            backup_end: Lsn::INVALID,
            backup_end_required: false,
            wal_level: 1,
            wal_log_hints: false,
            max_connections: 100,
            max_worker_processes: 8,
            max_wal_senders: 10,
            max_prepared_transactions: 0,
            max_locks_per_transaction: 64,
            track_commit_timestamp: false,
            max_align: 8,
            block_bytes: 8192,
            segment_blocks: 131072,
            wal_block_bytes: 8192,
            wal_segment_bytes: 16 << 20,
            name_bytes: 64,
            index_max_keys: 32,
            toast_chunk_bytes: 1996,
            large_object_chunk_bytes: 2048,
            float8_by_value: true,
            checksum_version: 1,
            char_signed: true,
            mock_authentication_nonce: [0; 32],
        }
    }
}

impl ControlFile {
    /// The whole file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; CONTROL_FILE_BYTES];
        let b = &mut out[..];
        put_u64(b, 0, self.system_identifier);
        put_u32(b, 8, self.control_version);
        put_u32(b, 12, self.catalog_version);
        put_u32(b, 16, self.state as u32);
        put_i64(b, 24, self.time);
        put_u64(b, 32, self.checkpoint.0);
        self.checkpoint_copy.encode(&mut b[40..128]);
        put_u64(b, 128, self.unlogged_lsn.0);
        put_u64(b, 136, self.min_recovery_point.0);
        put_u32(b, 144, self.min_recovery_timeline.0);
        put_u64(b, 152, self.backup_start.0);
        put_u64(b, 160, self.backup_end.0);
        b[168] = u8::from(self.backup_end_required);
        put_i32(b, 172, self.wal_level);
        b[176] = u8::from(self.wal_log_hints);
        put_i32(b, 180, self.max_connections);
        put_i32(b, 184, self.max_worker_processes);
        put_i32(b, 188, self.max_wal_senders);
        put_i32(b, 192, self.max_prepared_transactions);
        put_i32(b, 196, self.max_locks_per_transaction);
        b[200] = u8::from(self.track_commit_timestamp);
        put_u32(b, 204, self.max_align);
        put_u64(b, 208, FLOAT_FORMAT.to_bits());
        put_u32(b, 216, self.block_bytes);
        put_u32(b, 220, self.segment_blocks);
        put_u32(b, 224, self.wal_block_bytes);
        put_u32(b, 228, self.wal_segment_bytes);
        put_u32(b, 232, self.name_bytes);
        put_u32(b, 236, self.index_max_keys);
        put_u32(b, 240, self.toast_chunk_bytes);
        put_u32(b, 244, self.large_object_chunk_bytes);
        b[248] = u8::from(self.float8_by_value);
        put_u32(b, 252, self.checksum_version);
        b[256] = u8::from(self.char_signed);
        b[257..289].copy_from_slice(&self.mock_authentication_nonce);
        let checksum = crc32c::crc32c(&b[..CHECKSUM_OFFSET]);
        put_u32(b, CHECKSUM_OFFSET, checksum);
        out
    }

    /// Reads the file's bytes; the second value tells whether the checksum is right.
    ///
    /// # Errors
    /// `XX001` when the file is too short or its version is another.
    pub fn decode(bytes: &[u8]) -> Result<(ControlFile, bool)> {
        if bytes.len() < CONTROL_DATA_BYTES {
            bail!(DATA_CORRUPTED, "control file has {} of {CONTROL_DATA_BYTES} bytes", bytes.len());
        }
        let b = bytes;
        let control_version = get_u32(b, 8);
        if control_version != CONTROL_VERSION {
            return Err(base::err!(DATA_CORRUPTED, "database files are incompatible with server").detail(format!(
                "The database cluster was initialized with PG_CONTROL_VERSION {control_version}, but the server was compiled with PG_CONTROL_VERSION {CONTROL_VERSION}."
            )));
        }
        let Some(state) = ClusterState::from_number(get_u32(b, 16)) else {
            bail!(DATA_CORRUPTED, "unrecognized status code {} in control file", get_u32(b, 16));
        };
        let control = ControlFile {
            system_identifier: get_u64(b, 0),
            control_version,
            catalog_version: get_u32(b, 12),
            state,
            time: get_i64(b, 24),
            checkpoint: Lsn(get_u64(b, 32)),
            checkpoint_copy: Checkpoint::decode(&b[40..128])?,
            unlogged_lsn: Lsn(get_u64(b, 128)),
            min_recovery_point: Lsn(get_u64(b, 136)),
            min_recovery_timeline: TimelineId(get_u32(b, 144)),
            backup_start: Lsn(get_u64(b, 152)),
            backup_end: Lsn(get_u64(b, 160)),
            backup_end_required: b[168] != 0,
            wal_level: get_i32(b, 172),
            wal_log_hints: b[176] != 0,
            max_connections: get_i32(b, 180),
            max_worker_processes: get_i32(b, 184),
            max_wal_senders: get_i32(b, 188),
            max_prepared_transactions: get_i32(b, 192),
            max_locks_per_transaction: get_i32(b, 196),
            track_commit_timestamp: b[200] != 0,
            max_align: get_u32(b, 204),
            block_bytes: get_u32(b, 216),
            segment_blocks: get_u32(b, 220),
            wal_block_bytes: get_u32(b, 224),
            wal_segment_bytes: get_u32(b, 228),
            name_bytes: get_u32(b, 232),
            index_max_keys: get_u32(b, 236),
            toast_chunk_bytes: get_u32(b, 240),
            large_object_chunk_bytes: get_u32(b, 244),
            float8_by_value: b[248] != 0,
            checksum_version: get_u32(b, 252),
            char_signed: b[256] != 0,
            mock_authentication_nonce: b[257..289].try_into().expect("32 bytes"),
        };
        Ok((control, crc32c::crc32c(&b[..CHECKSUM_OFFSET]) == get_u32(b, CHECKSUM_OFFSET)))
    }

    /// The name of the WAL file that the latest checkpoint's redo starts in.
    pub fn redo_wal_file(&self) -> String {
        let segment_bytes = u64::from(self.wal_segment_bytes.max(1));
        let segment = self.checkpoint_copy.redo.0 / segment_bytes;
        let per_id = (1u64 << 32) / segment_bytes;
        format!(
            "{:08X}{:08X}{:08X}",
            self.checkpoint_copy.timeline.0,
            segment / per_id.max(1),
            segment % per_id.max(1)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample was written by PostgreSQL 18.6.
    #[test]
    fn postgresqls_own_file_round_trips() {
        let sample = include_bytes!("control_sample.bin");
        let (control, sound) = ControlFile::decode(sample).unwrap();
        assert!(sound);
        assert_eq!(control.encode()[..CONTROL_DATA_BYTES], sample[..]);
        assert_eq!(control.catalog_version, CATALOG_VERSION);
        assert_eq!((control.max_connections, control.unlogged_lsn), (500, Lsn(1000)));
        assert_eq!(control.redo_wal_file(), "000000010000000000000001");
        let mut torn = *sample;
        torn[100] ^= 1;
        assert!(!ControlFile::decode(&torn).unwrap().1);
        assert!(ControlFile::decode(&sample[..200]).is_err());
    }
}
