-- What a new cluster allows: functions that are not for everybody, and the privileges that a dump need not carry,
-- because every cluster begins with them.

REVOKE EXECUTE ON FUNCTION
    lo_export(oid, text),
    lo_import(text),
    lo_import(text, oid),
    pg_backup_start(text, boolean),
    pg_backup_stop(boolean),
    pg_create_restore_point(text),
    pg_current_logfile(),
    pg_current_logfile(text),
    pg_log_backend_memory_contexts(integer),
    pg_log_standby_snapshot(),
    pg_ls_archive_statusdir(),
    pg_ls_dir(text),
    pg_ls_dir(text, boolean, boolean),
    pg_ls_logdir(),
    pg_ls_logicalmapdir(),
    pg_ls_logicalsnapdir(),
    pg_ls_replslotdir(text),
    pg_ls_summariesdir(),
    pg_ls_tmpdir(),
    pg_ls_tmpdir(oid),
    pg_ls_waldir(),
    pg_promote(boolean, integer),
    pg_read_binary_file(text),
    pg_read_binary_file(text, bigint, bigint),
    pg_read_binary_file(text, bigint, bigint, boolean),
    pg_read_binary_file(text, boolean),
    pg_read_file(text),
    pg_read_file(text, bigint, bigint),
    pg_read_file(text, bigint, bigint, boolean),
    pg_read_file(text, boolean),
    pg_reload_conf(),
    pg_replication_origin_advance(text, pg_lsn),
    pg_replication_origin_create(text),
    pg_replication_origin_drop(text),
    pg_replication_origin_oid(text),
    pg_replication_origin_progress(text, boolean),
    pg_replication_origin_session_is_setup(),
    pg_replication_origin_session_progress(boolean),
    pg_replication_origin_session_reset(),
    pg_replication_origin_session_setup(text),
    pg_replication_origin_xact_reset(),
    pg_replication_origin_xact_setup(pg_lsn, timestamp with time zone),
    pg_rotate_logfile(),
    pg_show_replication_origin_status(),
    pg_stat_file(text),
    pg_stat_file(text, boolean),
    pg_stat_have_stats(text, oid, bigint),
    pg_stat_reset(),
    pg_stat_reset_backend_stats(integer),
    pg_stat_reset_replication_slot(text),
    pg_stat_reset_shared(text),
    pg_stat_reset_single_function_counters(oid),
    pg_stat_reset_single_table_counters(oid),
    pg_stat_reset_slru(text),
    pg_stat_reset_subscription_stats(oid),
    pg_switch_wal(),
    pg_wal_replay_pause(),
    pg_wal_replay_resume()
    FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
    pg_current_logfile(),
    pg_current_logfile(text),
    pg_ls_archive_statusdir(),
    pg_ls_logdir(),
    pg_ls_logicalmapdir(),
    pg_ls_logicalsnapdir(),
    pg_ls_replslotdir(text),
    pg_ls_summariesdir(),
    pg_ls_tmpdir(),
    pg_ls_tmpdir(oid),
    pg_ls_waldir()
    TO pg_monitor;

INSERT INTO pg_description (objoid, classoid, objsubid, description) VALUES
    ('pg_catalog'::regnamespace, 'pg_namespace'::regclass, 0, 'system catalog schema'),
    ('pg_toast'::regnamespace, 'pg_namespace'::regclass, 0, 'reserved schema for TOAST tables'),
    ('public'::regnamespace, 'pg_namespace'::regclass, 0, 'standard public schema');

INSERT INTO pg_init_privs (objoid, classoid, objsubid, initprivs, privtype)
    SELECT oid, 'pg_class'::regclass, 0, relacl, 'i' FROM pg_class WHERE relacl IS NOT NULL AND relkind IN ('r', 'v', 'm', 'S');
INSERT INTO pg_init_privs (objoid, classoid, objsubid, initprivs, privtype)
    SELECT oid, 'pg_proc'::regclass, 0, proacl, 'i' FROM pg_proc WHERE proacl IS NOT NULL;
INSERT INTO pg_init_privs (objoid, classoid, objsubid, initprivs, privtype)
    SELECT oid, 'pg_type'::regclass, 0, typacl, 'i' FROM pg_type WHERE typacl IS NOT NULL;
INSERT INTO pg_init_privs (objoid, classoid, objsubid, initprivs, privtype)
    SELECT oid, 'pg_language'::regclass, 0, lanacl, 'i' FROM pg_language WHERE lanacl IS NOT NULL;
INSERT INTO pg_init_privs (objoid, classoid, objsubid, initprivs, privtype)
    SELECT oid, 'pg_namespace'::regclass, 0, nspacl, 'i' FROM pg_namespace WHERE nspacl IS NOT NULL;
INSERT INTO pg_init_privs (objoid, classoid, objsubid, initprivs, privtype)
    SELECT a.attrelid, 'pg_class'::regclass, a.attnum, a.attacl, 'i'
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE a.attacl IS NOT NULL AND c.relkind IN ('r', 'v', 'm', 'S');
