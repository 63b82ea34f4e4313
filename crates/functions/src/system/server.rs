//! What the server knows: other sessions, counters, its own state.

use crate::call::{Call, Function};
use crate::hooks::{Hooks, server};
use crate::kernel::MaybeText;
use crate::set::{ReadyRows, SetFunction};
use crate::table::functions;
use base::{Oid, Result, bail};
use datum::{ColumnBuilder, OwnedDatum, Selection};

/// The microseconds since 2000-01-01 at which the server came up.
fn started(call: &Call<'_>) -> Result<i64> {
    Ok(server(call.session)?.started_at())
}

fn in_recovery(call: &Call<'_>) -> bool {
    Hooks::of(call.session).server.get().is_some_and(|server| server.is_in_recovery())
}

fn notify(call: &Call<'_>, channel: Option<&str>, payload: Option<&str>) -> Result<()> {
    let channel = channel.unwrap_or_default();
    if channel.is_empty() {
        bail!(INVALID_PARAMETER_VALUE, "channel name cannot be empty");
    }
    if channel.len() >= adt::name::LENGTH {
        bail!(INVALID_PARAMETER_VALUE, "channel name too long");
    }
    server(call.session)?.notify(call.session, channel, payload.unwrap_or_default())
}

fn blocking_pids(call: &Call<'_>, pid: i32) -> Result<Vec<u8>> {
    let pids = call.session.instance().locks.blocking_pids(pid);
    crate::array::INT4_ELEMENT.array(pids.into_iter().map(|pid| Some(datum::Datum::Int4(pid))))
}

/// Whether a session waits for one of the others: how PostgreSQL's isolation tester knows.
fn is_blocked_by(call: &Call<'_>, pid: i32, others: &[u8]) -> Result<bool> {
    let others = crate::array::integers(others)?;
    let blockers = call.session.instance().locks.blocking_pids(pid);
    Ok(blockers.iter().any(|blocker| others.contains(blocker)))
}

fn terminate(call: &Call<'_>, pid: i32, timeout_ms: i64) -> Result<bool> {
    if timeout_ms < 0 {
        bail!(NUMERIC_VALUE_OUT_OF_RANGE, "\"timeout\" must not be negative");
    }
    server(call.session)?.terminate(call.session, pid, timeout_ms)
}

/// The client's (0) or the server's (1) port.
fn port(call: &Call<'_>, side: usize) -> Option<i32> {
    let addresses = Hooks::of(call.session).server.get()?.addresses(call.session)?;
    Some(i32::from(if side == 0 { addresses.0.1 } else { addresses.1.1 }))
}

pub const FUNCTIONS: &[Function] = functions! {
    "pg_postmaster_start_time" [call] () -> i64 = started(call);
    "pg_conf_load_time" [call] () -> i64 = Ok(server(call.session)?.configuration_loaded_at());
    "pg_is_in_recovery" [call] () -> bool = Ok(in_recovery(call));
    "pg_cancel_backend" [call] (pid: i32) -> bool = server(call.session)?.cancel(call.session, pid);
    "pg_terminate_backend" [call] (pid: i32, timeout_ms: i64) -> bool = terminate(call, pid, timeout_ms);
    "pg_reload_conf" [call] () -> bool = server(call.session)?.reload_configuration(call.session);
    "pg_notify" [call] (channel: MaybeText, payload: MaybeText) -> () = notify(call, channel, payload);
    "pg_notification_queue_usage" () -> f64 = Ok(0.0);
    "pg_blocking_pids" [call] (pid: i32) -> Vec<u8> = blocking_pids(call, pid);
    "pg_isolation_test_session_is_blocked" [call] (pid: i32, others: [u8]) -> bool = is_blocked_by(call, pid, others);
    "pg_safe_snapshot_blocking_pids" (_pid: i32) -> Vec<u8> = crate::array::INT4_ELEMENT.array([]);
    "inet_client_port" [call] () -> Option<i32> = Ok(port(call, 0));
    "inet_server_port" [call] () -> Option<i32> = Ok(port(call, 1));
};

/// A counter of the server, by name and object.
fn counter(call: &Call<'_>, name: &str, object: Oid) -> Result<Option<OwnedDatum>> {
    match Hooks::of(call.session).server.get() {
        Some(server) => server.statistic(call.session, name, object),
        None => Ok(None),
    }
}

fn object_counter(
    call: &Call<'_>,
    args: &[&datum::Column],
    rows: &Selection,
    out: &mut ColumnBuilder,
    name: &str,
) -> Result<()> {
    rows.try_for_each(|row| {
        out.pad_to(row);
        let value = match args.first() {
            Some(column) => match column.get(row) {
                Some(object) => counter(call, name, object.oid())?,
                None => None,
            },
            None => counter(call, name, Oid::INVALID)?,
        };
        out.push(value.as_ref().map(OwnedDatum::as_datum));
        Ok(())
    })
}

macro_rules! counters {
    (none: $($global:literal)* object: $($name:literal)*) => {
        &[
            $(Function {
                source: concat!("pg_stat_get_", $global),
                arity: 0,
                strict: true,
                kernel: |call, args, rows, out| object_counter(call, args, rows, out, $global),
            },)*
            $(Function {
                source: concat!("pg_stat_get_", $name),
                arity: 1,
                strict: true,
                kernel: |call, args, rows, out| object_counter(call, args, rows, out, $name),
            },)*
        ]
    };
}

/// pg_stat_get_*: all ask the server by their name.
pub const COUNTERS: &[Function] = counters! {
    none:
    "bgwriter_buf_written_clean" "bgwriter_maxwritten_clean" "bgwriter_stat_reset_time" "buf_alloc"
    "checkpointer_buffers_written" "checkpointer_num_performed" "checkpointer_num_requested"
    "checkpointer_num_timed" "checkpointer_restartpoints_performed" "checkpointer_restartpoints_requested"
    "checkpointer_restartpoints_timed" "checkpointer_slru_written" "checkpointer_stat_reset_time"
    "checkpointer_sync_time" "checkpointer_write_time" "snapshot_timestamp"
    object:
    "analyze_count" "autoanalyze_count" "autovacuum_count" "backend_activity" "backend_activity_start"
    "backend_client_port" "backend_dbid" "backend_pid" "backend_start" "backend_userid" "backend_wait_event"
    "backend_wait_event_type" "backend_xact_start" "blocks_fetched" "blocks_hit" "db_active_time"
    "db_blk_read_time" "db_blk_write_time" "db_blocks_fetched" "db_blocks_hit" "db_checksum_failures"
    "db_checksum_last_failure" "db_conflict_all" "db_conflict_bufferpin" "db_conflict_lock"
    "db_conflict_logicalslot" "db_conflict_snapshot" "db_conflict_startup_deadlock" "db_conflict_tablespace"
    "db_deadlocks" "db_idle_in_transaction_time" "db_numbackends" "db_parallel_workers_launched"
    "db_parallel_workers_to_launch" "db_session_time" "db_sessions" "db_sessions_abandoned" "db_sessions_fatal"
    "db_sessions_killed" "db_stat_reset_time" "db_temp_bytes" "db_temp_files" "db_tuples_deleted"
    "db_tuples_fetched" "db_tuples_inserted" "db_tuples_returned" "db_tuples_updated" "db_xact_commit"
    "db_xact_rollback" "dead_tuples" "function_calls" "function_self_time" "function_total_time"
    "ins_since_vacuum" "last_analyze_time" "last_autoanalyze_time" "last_autovacuum_time" "last_vacuum_time"
    "lastscan" "live_tuples" "mod_since_analyze" "numscans" "total_analyze_time" "total_autoanalyze_time"
    "total_autovacuum_time" "total_vacuum_time" "tuples_deleted" "tuples_fetched" "tuples_hot_updated"
    "tuples_inserted" "tuples_newpage_updated" "tuples_returned" "tuples_updated" "vacuum_count"
    "xact_blocks_fetched" "xact_blocks_hit" "xact_function_calls" "xact_function_self_time"
    "xact_function_total_time" "xact_numscans" "xact_tuples_deleted" "xact_tuples_fetched"
    "xact_tuples_hot_updated" "xact_tuples_inserted" "xact_tuples_newpage_updated" "xact_tuples_returned"
    "xact_tuples_updated"
};

macro_rules! server_rows {
    ($($source:literal)*) => {
        &[
            SetFunction {
                source: "pg_stat_get_activity",
                start: |call, args| {
                    let pid = args.first().copied().flatten().map(datum::Datum::int4);
                    Ok(ReadyRows::new(server(call.session)?.activity(call.session, pid)?))
                },
            },
            SetFunction {
                source: "pg_listening_channels",
                start: |call, _| {
                    let channels = server(call.session)?.listening_channels(call.session);
                    let row = |channel: String| vec![Some(OwnedDatum::from(channel))];
                    Ok(ReadyRows::new(channels.into_iter().map(row).collect()))
                },
            },
            $(SetFunction {
                source: $source,
                start: |call, args| {
                    Ok(ReadyRows::new(server(call.session)?.rows(call.session, $source, args)?))
                },
            },)*
        ]
    };
}

/// Rows that the server makes.
pub const SETS: &[SetFunction] = server_rows! {
    "pg_stat_get_backend_idset" "pg_stat_get_io" "pg_stat_get_slru" "pg_stat_get_wal_senders"
    "pg_stat_get_progress_info" "pg_stat_get_subscription" "pg_get_replication_slots" "pg_prepared_statement"
    "pg_cursor" "pg_prepared_xact" "show_all_file_settings" "pg_hba_file_rules" "pg_ident_file_mappings"
    "pg_stat_get_recovery_prefetch" "pg_get_shmem_allocations" "pg_get_backend_memory_contexts"
    "pg_get_aios" "pg_get_wait_events" "pg_show_replication_origin_status" "pg_available_extensions"
    "pg_available_extension_versions" "pg_extension_update_paths" "pg_stat_get_backend_io"
};
