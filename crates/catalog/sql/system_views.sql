-- The system views, run statement by statement while initdb fills template1.
-- Columns and meaning are those of PostgreSQL 18's manual, chapters "System Views" and
-- "The Cumulative Statistics System". Every statement ends with a line that holds "--" alone,
-- and no statement has a semicolon inside. What clients ask for first stands first.
-- initdb grants SELECT to PUBLIC on every relation of pg_catalog that has no ACL afterwards.

CREATE VIEW pg_catalog.pg_roles AS
SELECT a.rolname, a.rolsuper, a.rolinherit, a.rolcreaterole, a.rolcreatedb, a.rolcanlogin,
       a.rolreplication, a.rolconnlimit, '********'::text AS rolpassword, a.rolvaliduntil,
       a.rolbypassrls, s.setconfig AS rolconfig, a.oid
FROM pg_authid a
LEFT JOIN pg_db_role_setting s ON s.setrole = a.oid AND s.setdatabase = 0;
--

CREATE VIEW pg_catalog.pg_shadow AS
SELECT a.rolname AS usename, a.oid AS usesysid, a.rolcreatedb AS usecreatedb, a.rolsuper AS usesuper,
       a.rolreplication AS userepl, a.rolbypassrls AS usebypassrls, a.rolpassword AS passwd,
       a.rolvaliduntil AS valuntil, s.setconfig AS useconfig
FROM pg_authid a
LEFT JOIN pg_db_role_setting s ON s.setrole = a.oid AND s.setdatabase = 0
WHERE a.rolcanlogin;
--

REVOKE ALL ON pg_catalog.pg_shadow FROM PUBLIC;
--

CREATE VIEW pg_catalog.pg_user AS
SELECT usename, usesysid, usecreatedb, usesuper, userepl, usebypassrls,
       '********'::text AS passwd, valuntil, useconfig
FROM pg_shadow;
--

CREATE VIEW pg_catalog.pg_group AS
SELECT g.rolname AS groname, g.oid AS grosysid,
       ARRAY(SELECT m.member FROM pg_auth_members m WHERE m.roleid = g.oid) AS grolist
FROM pg_authid g
WHERE NOT g.rolcanlogin;
--

CREATE VIEW pg_catalog.pg_tables AS
SELECT n.nspname AS schemaname, c.relname AS tablename, pg_get_userbyid(c.relowner) AS tableowner,
       t.spcname AS tablespace, c.relhasindex AS hasindexes, c.relhasrules AS hasrules,
       c.relhastriggers AS hastriggers, c.relrowsecurity AS rowsecurity
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
WHERE c.relkind IN ('r', 'p');
--

CREATE VIEW pg_catalog.pg_views AS
SELECT n.nspname AS schemaname, c.relname AS viewname, pg_get_userbyid(c.relowner) AS viewowner,
       pg_get_viewdef(c.oid) AS definition
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'v';
--

CREATE VIEW pg_catalog.pg_indexes AS
SELECT n.nspname AS schemaname, r.relname AS tablename, i.relname AS indexname,
       t.spcname AS tablespace, pg_get_indexdef(i.oid) AS indexdef
FROM pg_index x
JOIN pg_class r ON r.oid = x.indrelid
JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_namespace n ON n.oid = r.relnamespace
LEFT JOIN pg_tablespace t ON t.oid = i.reltablespace
WHERE r.relkind IN ('r', 'm', 'p') AND i.relkind IN ('i', 'I');
--

CREATE VIEW pg_catalog.pg_matviews AS
SELECT n.nspname AS schemaname, c.relname AS matviewname, pg_get_userbyid(c.relowner) AS matviewowner,
       t.spcname AS tablespace, c.relhasindex AS hasindexes, c.relispopulated AS ispopulated,
       pg_get_viewdef(c.oid) AS definition
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
WHERE c.relkind = 'm';
--

CREATE VIEW pg_catalog.pg_sequences AS
SELECT n.nspname AS schemaname, c.relname AS sequencename, pg_get_userbyid(c.relowner) AS sequenceowner,
       s.seqtypid::regtype AS data_type, s.seqstart AS start_value, s.seqmin AS min_value,
       s.seqmax AS max_value, s.seqincrement AS increment_by, s.seqcycle AS cycle,
       s.seqcache AS cache_size, pg_sequence_last_value(c.oid) AS last_value
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND NOT pg_is_other_temp_schema(n.oid);
--

CREATE VIEW pg_catalog.pg_rules AS
SELECT n.nspname AS schemaname, c.relname AS tablename, r.rulename, pg_get_ruledef(r.oid) AS definition
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.rulename <> '_RETURN';
--

CREATE VIEW pg_catalog.pg_policies AS
SELECT n.nspname AS schemaname, c.relname AS tablename, p.polname AS policyname,
       CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END AS permissive,
       CASE WHEN p.polroles = '{0}' THEN '{public}'::name[]
            ELSE ARRAY(SELECT a.rolname FROM pg_authid a WHERE a.oid = ANY (p.polroles) ORDER BY a.rolname)
       END AS roles,
       CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                     WHEN 'd' THEN 'DELETE' WHEN '*' THEN 'ALL' END AS cmd,
       pg_get_expr(p.polqual, p.polrelid) AS qual,
       pg_get_expr(p.polwithcheck, p.polrelid) AS with_check
FROM pg_policy p
JOIN pg_class c ON c.oid = p.polrelid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace;
--

CREATE VIEW pg_catalog.pg_settings AS
SELECT * FROM pg_show_all_settings();
--

GRANT SELECT, UPDATE ON pg_catalog.pg_settings TO PUBLIC;
--

CREATE VIEW pg_catalog.pg_stats WITH (security_barrier) AS
SELECT n.nspname AS schemaname, c.relname AS tablename, a.attname, s.stainherit AS inherited,
       s.stanullfrac AS null_frac, s.stawidth AS avg_width, s.stadistinct AS n_distinct,
       CASE 1 WHEN s.stakind1 THEN s.stavalues1 WHEN s.stakind2 THEN s.stavalues2 WHEN s.stakind3 THEN s.stavalues3 WHEN s.stakind4 THEN s.stavalues4 WHEN s.stakind5 THEN s.stavalues5 END AS most_common_vals,
       CASE 1 WHEN s.stakind1 THEN s.stanumbers1 WHEN s.stakind2 THEN s.stanumbers2 WHEN s.stakind3 THEN s.stanumbers3 WHEN s.stakind4 THEN s.stanumbers4 WHEN s.stakind5 THEN s.stanumbers5 END AS most_common_freqs,
       CASE 2 WHEN s.stakind1 THEN s.stavalues1 WHEN s.stakind2 THEN s.stavalues2 WHEN s.stakind3 THEN s.stavalues3 WHEN s.stakind4 THEN s.stavalues4 WHEN s.stakind5 THEN s.stavalues5 END AS histogram_bounds,
       CASE 3 WHEN s.stakind1 THEN s.stanumbers1[1] WHEN s.stakind2 THEN s.stanumbers2[1] WHEN s.stakind3 THEN s.stanumbers3[1] WHEN s.stakind4 THEN s.stanumbers4[1] WHEN s.stakind5 THEN s.stanumbers5[1] END AS correlation,
       CASE 4 WHEN s.stakind1 THEN s.stavalues1 WHEN s.stakind2 THEN s.stavalues2 WHEN s.stakind3 THEN s.stavalues3 WHEN s.stakind4 THEN s.stavalues4 WHEN s.stakind5 THEN s.stavalues5 END AS most_common_elems,
       CASE 4 WHEN s.stakind1 THEN s.stanumbers1 WHEN s.stakind2 THEN s.stanumbers2 WHEN s.stakind3 THEN s.stanumbers3 WHEN s.stakind4 THEN s.stanumbers4 WHEN s.stakind5 THEN s.stanumbers5 END AS most_common_elem_freqs,
       CASE 5 WHEN s.stakind1 THEN s.stanumbers1 WHEN s.stakind2 THEN s.stanumbers2 WHEN s.stakind3 THEN s.stanumbers3 WHEN s.stakind4 THEN s.stanumbers4 WHEN s.stakind5 THEN s.stanumbers5 END AS elem_count_histogram,
       CASE 6 WHEN s.stakind1 THEN s.stavalues1 WHEN s.stakind2 THEN s.stavalues2 WHEN s.stakind3 THEN s.stavalues3 WHEN s.stakind4 THEN s.stavalues4 WHEN s.stakind5 THEN s.stavalues5 END AS range_length_histogram,
       CASE 6 WHEN s.stakind1 THEN s.stanumbers1[1] WHEN s.stakind2 THEN s.stanumbers2[1] WHEN s.stakind3 THEN s.stanumbers3[1] WHEN s.stakind4 THEN s.stanumbers4[1] WHEN s.stakind5 THEN s.stanumbers5[1] END AS range_empty_frac,
       CASE 7 WHEN s.stakind1 THEN s.stavalues1 WHEN s.stakind2 THEN s.stavalues2 WHEN s.stakind3 THEN s.stavalues3 WHEN s.stakind4 THEN s.stavalues4 WHEN s.stakind5 THEN s.stavalues5 END AS range_bounds_histogram
FROM pg_statistic s
JOIN pg_class c ON c.oid = s.starelid
JOIN pg_attribute a ON a.attrelid = s.starelid AND a.attnum = s.staattnum
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT a.attisdropped
  AND has_column_privilege(c.oid, a.attnum, 'select')
  AND (NOT c.relrowsecurity OR NOT row_security_active(c.oid));
--

CREATE VIEW pg_catalog.pg_locks AS
SELECT * FROM pg_lock_status();
--

CREATE VIEW pg_catalog.pg_stat_activity AS
SELECT s.datid, d.datname, s.pid, s.leader_pid, s.usesysid, u.rolname AS usename, s.application_name,
       s.client_addr, s.client_hostname, s.client_port, s.backend_start, s.xact_start, s.query_start,
       s.state_change, s.wait_event_type, s.wait_event, s.state, s.backend_xid, s.backend_xmin,
       s.query_id, s.query, s.backend_type
FROM pg_stat_get_activity(NULL) s
LEFT JOIN pg_database d ON d.oid = s.datid
LEFT JOIN pg_authid u ON u.oid = s.usesysid;
--

CREATE VIEW pg_catalog.pg_stat_database AS
SELECT d.oid AS datid, d.datname,
       CASE WHEN d.oid = 0 THEN 0 ELSE pg_stat_get_db_numbackends(d.oid) END AS numbackends,
       pg_stat_get_db_xact_commit(d.oid) AS xact_commit,
       pg_stat_get_db_xact_rollback(d.oid) AS xact_rollback,
       pg_stat_get_db_blocks_fetched(d.oid) - pg_stat_get_db_blocks_hit(d.oid) AS blks_read,
       pg_stat_get_db_blocks_hit(d.oid) AS blks_hit,
       pg_stat_get_db_tuples_returned(d.oid) AS tup_returned,
       pg_stat_get_db_tuples_fetched(d.oid) AS tup_fetched,
       pg_stat_get_db_tuples_inserted(d.oid) AS tup_inserted,
       pg_stat_get_db_tuples_updated(d.oid) AS tup_updated,
       pg_stat_get_db_tuples_deleted(d.oid) AS tup_deleted,
       pg_stat_get_db_conflict_all(d.oid) AS conflicts,
       pg_stat_get_db_temp_files(d.oid) AS temp_files,
       pg_stat_get_db_temp_bytes(d.oid) AS temp_bytes,
       pg_stat_get_db_deadlocks(d.oid) AS deadlocks,
       pg_stat_get_db_checksum_failures(d.oid) AS checksum_failures,
       pg_stat_get_db_checksum_last_failure(d.oid) AS checksum_last_failure,
       pg_stat_get_db_blk_read_time(d.oid) AS blk_read_time,
       pg_stat_get_db_blk_write_time(d.oid) AS blk_write_time,
       pg_stat_get_db_session_time(d.oid) AS session_time,
       pg_stat_get_db_active_time(d.oid) AS active_time,
       pg_stat_get_db_idle_in_transaction_time(d.oid) AS idle_in_transaction_time,
       pg_stat_get_db_sessions(d.oid) AS sessions,
       pg_stat_get_db_sessions_abandoned(d.oid) AS sessions_abandoned,
       pg_stat_get_db_sessions_fatal(d.oid) AS sessions_fatal,
       pg_stat_get_db_sessions_killed(d.oid) AS sessions_killed,
       pg_stat_get_db_parallel_workers_to_launch(d.oid) AS parallel_workers_to_launch,
       pg_stat_get_db_parallel_workers_launched(d.oid) AS parallel_workers_launched,
       pg_stat_get_db_stat_reset_time(d.oid) AS stats_reset
FROM (SELECT 0::oid AS oid, NULL::name AS datname UNION ALL SELECT oid, datname FROM pg_database) d;
--

CREATE VIEW pg_catalog.pg_stat_database_conflicts AS
SELECT oid AS datid, datname,
       pg_stat_get_db_conflict_tablespace(oid) AS confl_tablespace,
       pg_stat_get_db_conflict_lock(oid) AS confl_lock,
       pg_stat_get_db_conflict_snapshot(oid) AS confl_snapshot,
       pg_stat_get_db_conflict_bufferpin(oid) AS confl_bufferpin,
       pg_stat_get_db_conflict_startup_deadlock(oid) AS confl_deadlock,
       pg_stat_get_db_conflict_logicalslot(oid) AS confl_active_logicalslot
FROM pg_database;
--

CREATE VIEW pg_catalog.pg_stat_all_tables AS
SELECT c.oid AS relid, n.nspname AS schemaname, c.relname,
       pg_stat_get_numscans(c.oid) AS seq_scan,
       pg_stat_get_lastscan(c.oid) AS last_seq_scan,
       pg_stat_get_tuples_returned(c.oid) AS seq_tup_read,
       i.scans AS idx_scan,
       i.last_scan AS last_idx_scan,
       i.fetched + pg_stat_get_tuples_fetched(c.oid) AS idx_tup_fetch,
       pg_stat_get_tuples_inserted(c.oid) AS n_tup_ins,
       pg_stat_get_tuples_updated(c.oid) AS n_tup_upd,
       pg_stat_get_tuples_deleted(c.oid) AS n_tup_del,
       pg_stat_get_tuples_hot_updated(c.oid) AS n_tup_hot_upd,
       pg_stat_get_tuples_newpage_updated(c.oid) AS n_tup_newpage_upd,
       pg_stat_get_live_tuples(c.oid) AS n_live_tup,
       pg_stat_get_dead_tuples(c.oid) AS n_dead_tup,
       pg_stat_get_mod_since_analyze(c.oid) AS n_mod_since_analyze,
       pg_stat_get_ins_since_vacuum(c.oid) AS n_ins_since_vacuum,
       pg_stat_get_last_vacuum_time(c.oid) AS last_vacuum,
       pg_stat_get_last_autovacuum_time(c.oid) AS last_autovacuum,
       pg_stat_get_last_analyze_time(c.oid) AS last_analyze,
       pg_stat_get_last_autoanalyze_time(c.oid) AS last_autoanalyze,
       pg_stat_get_vacuum_count(c.oid) AS vacuum_count,
       pg_stat_get_autovacuum_count(c.oid) AS autovacuum_count,
       pg_stat_get_analyze_count(c.oid) AS analyze_count,
       pg_stat_get_autoanalyze_count(c.oid) AS autoanalyze_count,
       pg_stat_get_total_vacuum_time(c.oid) AS total_vacuum_time,
       pg_stat_get_total_autovacuum_time(c.oid) AS total_autovacuum_time,
       pg_stat_get_total_analyze_time(c.oid) AS total_analyze_time,
       pg_stat_get_total_autoanalyze_time(c.oid) AS total_autoanalyze_time
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT sum(pg_stat_get_numscans(x.indexrelid))::bigint AS scans,
         max(pg_stat_get_lastscan(x.indexrelid)) AS last_scan,
         sum(pg_stat_get_tuples_fetched(x.indexrelid))::bigint AS fetched
  FROM pg_index x WHERE x.indrelid = c.oid) i
WHERE c.relkind IN ('r', 't', 'm', 'p');
--

CREATE VIEW pg_catalog.pg_stat_user_tables AS
SELECT * FROM pg_stat_all_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast';
--

CREATE VIEW pg_catalog.pg_stat_sys_tables AS
SELECT * FROM pg_stat_all_tables
WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast';
--

CREATE VIEW pg_catalog.pg_stat_all_indexes AS
SELECT c.oid AS relid, i.oid AS indexrelid, n.nspname AS schemaname, c.relname, i.relname AS indexrelname,
       pg_stat_get_numscans(i.oid) AS idx_scan,
       pg_stat_get_lastscan(i.oid) AS last_idx_scan,
       pg_stat_get_tuples_returned(i.oid) AS idx_tup_read,
       pg_stat_get_tuples_fetched(i.oid) AS idx_tup_fetch
FROM pg_index x
JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 't', 'm');
--

CREATE VIEW pg_catalog.pg_stat_user_indexes AS
SELECT * FROM pg_stat_all_indexes
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast';
--

CREATE VIEW pg_catalog.pg_stat_sys_indexes AS
SELECT * FROM pg_stat_all_indexes
WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast';
--

CREATE VIEW pg_catalog.pg_statio_all_tables AS
SELECT c.oid AS relid, n.nspname AS schemaname, c.relname,
       pg_stat_get_blocks_fetched(c.oid) - pg_stat_get_blocks_hit(c.oid) AS heap_blks_read,
       pg_stat_get_blocks_hit(c.oid) AS heap_blks_hit,
       i.read AS idx_blks_read, i.hit AS idx_blks_hit,
       pg_stat_get_blocks_fetched(t.oid) - pg_stat_get_blocks_hit(t.oid) AS toast_blks_read,
       pg_stat_get_blocks_hit(t.oid) AS toast_blks_hit,
       ti.read AS tidx_blks_read, ti.hit AS tidx_blks_hit
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
CROSS JOIN LATERAL (
  SELECT sum(pg_stat_get_blocks_fetched(x.indexrelid) - pg_stat_get_blocks_hit(x.indexrelid))::bigint AS read,
         sum(pg_stat_get_blocks_hit(x.indexrelid))::bigint AS hit
  FROM pg_index x WHERE x.indrelid = c.oid) i
CROSS JOIN LATERAL (
  SELECT sum(pg_stat_get_blocks_fetched(x.indexrelid) - pg_stat_get_blocks_hit(x.indexrelid))::bigint AS read,
         sum(pg_stat_get_blocks_hit(x.indexrelid))::bigint AS hit
  FROM pg_index x WHERE x.indrelid = t.oid) ti
WHERE c.relkind IN ('r', 't', 'm');
--

CREATE VIEW pg_catalog.pg_statio_user_tables AS
SELECT * FROM pg_statio_all_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast';
--

CREATE VIEW pg_catalog.pg_statio_sys_tables AS
SELECT * FROM pg_statio_all_tables
WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast';
--

CREATE VIEW pg_catalog.pg_statio_all_indexes AS
SELECT c.oid AS relid, i.oid AS indexrelid, n.nspname AS schemaname, c.relname, i.relname AS indexrelname,
       pg_stat_get_blocks_fetched(i.oid) - pg_stat_get_blocks_hit(i.oid) AS idx_blks_read,
       pg_stat_get_blocks_hit(i.oid) AS idx_blks_hit
FROM pg_index x
JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 't', 'm');
--

CREATE VIEW pg_catalog.pg_statio_user_indexes AS
SELECT * FROM pg_statio_all_indexes
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast';
--

CREATE VIEW pg_catalog.pg_statio_sys_indexes AS
SELECT * FROM pg_statio_all_indexes
WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast';
--

CREATE VIEW pg_catalog.pg_statio_all_sequences AS
SELECT c.oid AS relid, n.nspname AS schemaname, c.relname,
       pg_stat_get_blocks_fetched(c.oid) - pg_stat_get_blocks_hit(c.oid) AS blks_read,
       pg_stat_get_blocks_hit(c.oid) AS blks_hit
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S';
--

CREATE VIEW pg_catalog.pg_statio_user_sequences AS
SELECT * FROM pg_statio_all_sequences
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast';
--

CREATE VIEW pg_catalog.pg_statio_sys_sequences AS
SELECT * FROM pg_statio_all_sequences
WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast';
--

CREATE VIEW pg_catalog.pg_cursors AS
SELECT * FROM pg_cursor();
--

CREATE VIEW pg_catalog.pg_prepared_statements AS
SELECT * FROM pg_prepared_statement();
--

CREATE VIEW pg_catalog.pg_available_extensions AS
SELECT a.name, a.default_version, e.extversion AS installed_version, a.comment
FROM pg_available_extensions() a
LEFT JOIN pg_extension e ON e.extname = a.name;
--

CREATE VIEW pg_catalog.pg_available_extension_versions AS
SELECT a.name, a.version, e.extname IS NOT NULL AS installed, a.superuser, a.trusted, a.relocatable,
       a.schema, a.requires, a.comment
FROM pg_available_extension_versions() a
LEFT JOIN pg_extension e ON e.extname = a.name AND e.extversion = a.version;
--

CREATE VIEW pg_catalog.pg_timezone_names AS
SELECT * FROM pg_timezone_names();
--

CREATE VIEW pg_catalog.pg_timezone_abbrevs AS
SELECT z.abbrev, z.utc_offset, z.is_dst FROM pg_timezone_abbrevs_zone() z
UNION ALL
SELECT a.abbrev, a.utc_offset, a.is_dst FROM pg_timezone_abbrevs_abbrevs() a
WHERE a.abbrev NOT IN (SELECT z.abbrev FROM pg_timezone_abbrevs_zone() z)
ORDER BY 1;
--

CREATE VIEW pg_catalog.pg_prepared_xacts AS
SELECT p.transaction, p.gid, p.prepared, u.rolname AS owner, d.datname AS database
FROM pg_prepared_xact() p
LEFT JOIN pg_authid u ON u.oid = p.ownerid
LEFT JOIN pg_database d ON d.oid = p.dbid;
--

CREATE VIEW pg_catalog.pg_config AS
SELECT * FROM pg_config();
--

REVOKE ALL ON pg_catalog.pg_config FROM PUBLIC;
--

CREATE VIEW pg_catalog.pg_file_settings AS
SELECT * FROM pg_show_all_file_settings();
--

REVOKE ALL ON pg_catalog.pg_file_settings FROM PUBLIC;
--

CREATE VIEW pg_catalog.pg_hba_file_rules AS
SELECT * FROM pg_hba_file_rules();
--

REVOKE ALL ON pg_catalog.pg_hba_file_rules FROM PUBLIC;
--

CREATE VIEW pg_catalog.pg_ident_file_mappings AS
SELECT * FROM pg_ident_file_mappings();
--

REVOKE ALL ON pg_catalog.pg_ident_file_mappings FROM PUBLIC;
--

CREATE VIEW pg_catalog.pg_publication_tables AS
SELECT p.pubname, n.nspname AS schemaname, c.relname AS tablename,
       ARRAY(SELECT a.attname FROM pg_attribute a
             WHERE a.attrelid = t.relid AND a.attnum = ANY (t.attrs) ORDER BY a.attnum) AS attnames,
       pg_get_expr(t.qual, t.relid) AS rowfilter
FROM pg_publication p
CROSS JOIN LATERAL pg_get_publication_tables(p.pubname) t
JOIN pg_class c ON c.oid = t.relid
JOIN pg_namespace n ON n.oid = c.relnamespace;
--

CREATE VIEW pg_catalog.pg_user_mappings AS
SELECT m.oid AS umid, s.oid AS srvid, s.srvname, m.umuser,
       CASE WHEN m.umuser = 0 THEN 'public' ELSE u.rolname END AS usename,
       CASE WHEN current_setting('is_superuser') = 'on'
              OR pg_has_role(s.srvowner, 'USAGE') AND (m.umuser = 0 OR u.rolname = current_user)
              OR u.rolname = current_user AND has_server_privilege(s.oid, 'USAGE')
            THEN m.umoptions END AS umoptions
FROM pg_user_mapping m
JOIN pg_foreign_server s ON s.oid = m.umserver
LEFT JOIN pg_authid u ON u.oid = m.umuser;
--

CREATE VIEW pg_catalog.pg_stats_ext WITH (security_barrier) AS
SELECT cn.nspname AS schemaname, c.relname AS tablename, en.nspname AS statistics_schemaname,
       e.stxname AS statistics_name, pg_get_userbyid(e.stxowner) AS statistics_owner,
       (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = e.stxrelid AND a.attnum = ANY (e.stxkeys)) AS attnames,
       pg_get_statisticsobjdef_expressions(e.oid) AS exprs, e.stxkind AS kinds,
       s.stxdinherit AS inherited, s.stxdndistinct AS n_distinct, s.stxddependencies AS dependencies,
       m.vals AS most_common_vals, m.nulls AS most_common_val_nulls,
       m.freqs AS most_common_freqs, m.base_freqs AS most_common_base_freqs
FROM pg_statistic_ext e
JOIN pg_statistic_ext_data s ON s.stxoid = e.oid
JOIN pg_class c ON c.oid = e.stxrelid
LEFT JOIN pg_namespace cn ON cn.oid = c.relnamespace
LEFT JOIN pg_namespace en ON en.oid = e.stxnamespace
LEFT JOIN LATERAL (
  SELECT array_agg(i.values) AS vals, array_agg(i.nulls) AS nulls,
         array_agg(i.frequency) AS freqs, array_agg(i.base_frequency) AS base_freqs
  FROM pg_mcv_list_items(s.stxdmcv) i) m ON s.stxdmcv IS NOT NULL
WHERE pg_has_role(c.relowner, 'USAGE') AND (NOT c.relrowsecurity OR NOT row_security_active(c.oid));
--

CREATE VIEW pg_catalog.pg_stats_ext_exprs WITH (security_barrier) AS
SELECT cn.nspname AS schemaname, c.relname AS tablename, en.nspname AS statistics_schemaname,
       e.stxname AS statistics_name, pg_get_userbyid(e.stxowner) AS statistics_owner,
       x.expr, s.stxdinherit AS inherited, (x.a).stanullfrac AS null_frac, (x.a).stawidth AS avg_width,
       (x.a).stadistinct AS n_distinct,
       CASE 1 WHEN (x.a).stakind1 THEN (x.a).stavalues1 WHEN (x.a).stakind2 THEN (x.a).stavalues2 WHEN (x.a).stakind3 THEN (x.a).stavalues3 WHEN (x.a).stakind4 THEN (x.a).stavalues4 WHEN (x.a).stakind5 THEN (x.a).stavalues5 END AS most_common_vals,
       CASE 1 WHEN (x.a).stakind1 THEN (x.a).stanumbers1 WHEN (x.a).stakind2 THEN (x.a).stanumbers2 WHEN (x.a).stakind3 THEN (x.a).stanumbers3 WHEN (x.a).stakind4 THEN (x.a).stanumbers4 WHEN (x.a).stakind5 THEN (x.a).stanumbers5 END AS most_common_freqs,
       CASE 2 WHEN (x.a).stakind1 THEN (x.a).stavalues1 WHEN (x.a).stakind2 THEN (x.a).stavalues2 WHEN (x.a).stakind3 THEN (x.a).stavalues3 WHEN (x.a).stakind4 THEN (x.a).stavalues4 WHEN (x.a).stakind5 THEN (x.a).stavalues5 END AS histogram_bounds,
       CASE 3 WHEN (x.a).stakind1 THEN (x.a).stanumbers1[1] WHEN (x.a).stakind2 THEN (x.a).stanumbers2[1] WHEN (x.a).stakind3 THEN (x.a).stanumbers3[1] WHEN (x.a).stakind4 THEN (x.a).stanumbers4[1] WHEN (x.a).stakind5 THEN (x.a).stanumbers5[1] END AS correlation,
       CASE 4 WHEN (x.a).stakind1 THEN (x.a).stavalues1 WHEN (x.a).stakind2 THEN (x.a).stavalues2 WHEN (x.a).stakind3 THEN (x.a).stavalues3 WHEN (x.a).stakind4 THEN (x.a).stavalues4 WHEN (x.a).stakind5 THEN (x.a).stavalues5 END AS most_common_elems,
       CASE 4 WHEN (x.a).stakind1 THEN (x.a).stanumbers1 WHEN (x.a).stakind2 THEN (x.a).stanumbers2 WHEN (x.a).stakind3 THEN (x.a).stanumbers3 WHEN (x.a).stakind4 THEN (x.a).stanumbers4 WHEN (x.a).stakind5 THEN (x.a).stanumbers5 END AS most_common_elem_freqs,
       CASE 5 WHEN (x.a).stakind1 THEN (x.a).stanumbers1 WHEN (x.a).stakind2 THEN (x.a).stanumbers2 WHEN (x.a).stakind3 THEN (x.a).stanumbers3 WHEN (x.a).stakind4 THEN (x.a).stanumbers4 WHEN (x.a).stakind5 THEN (x.a).stanumbers5 END AS elem_count_histogram
FROM pg_statistic_ext e
JOIN pg_statistic_ext_data s ON s.stxoid = e.oid
JOIN pg_class c ON c.oid = e.stxrelid
LEFT JOIN pg_namespace cn ON cn.oid = c.relnamespace
LEFT JOIN pg_namespace en ON en.oid = e.stxnamespace
CROSS JOIN LATERAL (
  SELECT unnest(pg_get_statisticsobjdef_expressions(e.oid)) AS expr, unnest(s.stxdexpr) AS a) x
WHERE pg_has_role(c.relowner, 'USAGE') AND (NOT c.relrowsecurity OR NOT row_security_active(c.oid));
--

CREATE VIEW pg_catalog.pg_seclabels AS
SELECT l.objoid, l.classoid, l.objsubid,
       CASE WHEN l.objsubid <> 0 THEN 'column' WHEN t.typtype = 'd' THEN 'domain' ELSE i.type END AS objtype,
       coalesce(c.relnamespace, p.pronamespace, t.typnamespace, n.oid) AS objnamespace,
       CASE WHEN l.objsubid <> 0 THEN c.oid::regclass::text || '.' || quote_ident(a.attname)
            ELSE coalesce(c.oid::regclass::text, p.oid::regprocedure::text, t.oid::regtype::text, i.identity)
       END AS objname,
       l.provider, l.label
FROM (SELECT objoid, classoid, objsubid, provider, label FROM pg_seclabel
      UNION ALL
      SELECT objoid, classoid, 0, provider, label FROM pg_shseclabel) l
CROSS JOIN LATERAL pg_identify_object(l.classoid, l.objoid, l.objsubid) i
LEFT JOIN pg_class c ON l.classoid = 'pg_class'::regclass AND c.oid = l.objoid
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = l.objsubid AND l.objsubid <> 0
LEFT JOIN pg_proc p ON l.classoid = 'pg_proc'::regclass AND p.oid = l.objoid
LEFT JOIN pg_type t ON l.classoid = 'pg_type'::regclass AND t.oid = l.objoid
LEFT JOIN pg_namespace n ON l.classoid = 'pg_namespace'::regclass AND n.oid = l.objoid;
--

CREATE VIEW pg_catalog.pg_stat_xact_all_tables AS
SELECT c.oid AS relid, n.nspname AS schemaname, c.relname,
       pg_stat_get_xact_numscans(c.oid) AS seq_scan,
       pg_stat_get_xact_tuples_returned(c.oid) AS seq_tup_read,
       i.scans AS idx_scan,
       i.fetched + pg_stat_get_xact_tuples_fetched(c.oid) AS idx_tup_fetch,
       pg_stat_get_xact_tuples_inserted(c.oid) AS n_tup_ins,
       pg_stat_get_xact_tuples_updated(c.oid) AS n_tup_upd,
       pg_stat_get_xact_tuples_deleted(c.oid) AS n_tup_del,
       pg_stat_get_xact_tuples_hot_updated(c.oid) AS n_tup_hot_upd,
       pg_stat_get_xact_tuples_newpage_updated(c.oid) AS n_tup_newpage_upd
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT sum(pg_stat_get_xact_numscans(x.indexrelid))::bigint AS scans,
         sum(pg_stat_get_xact_tuples_fetched(x.indexrelid))::bigint AS fetched
  FROM pg_index x WHERE x.indrelid = c.oid) i
WHERE c.relkind IN ('r', 't', 'm', 'p');
--

CREATE VIEW pg_catalog.pg_stat_xact_user_tables AS
SELECT * FROM pg_stat_xact_all_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast';
--

CREATE VIEW pg_catalog.pg_stat_xact_sys_tables AS
SELECT * FROM pg_stat_xact_all_tables
WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast';
--

CREATE VIEW pg_catalog.pg_stat_user_functions AS
SELECT p.oid AS funcid, n.nspname AS schemaname, p.proname AS funcname,
       pg_stat_get_function_calls(p.oid) AS calls,
       pg_stat_get_function_total_time(p.oid) AS total_time,
       pg_stat_get_function_self_time(p.oid) AS self_time
FROM pg_proc p
LEFT JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prolang <> 12 AND pg_stat_get_function_calls(p.oid) IS NOT NULL;
--

CREATE VIEW pg_catalog.pg_stat_xact_user_functions AS
SELECT p.oid AS funcid, n.nspname AS schemaname, p.proname AS funcname,
       pg_stat_get_xact_function_calls(p.oid) AS calls,
       pg_stat_get_xact_function_total_time(p.oid) AS total_time,
       pg_stat_get_xact_function_self_time(p.oid) AS self_time
FROM pg_proc p
LEFT JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prolang <> 12 AND pg_stat_get_xact_function_calls(p.oid) IS NOT NULL;
--

CREATE VIEW pg_catalog.pg_stat_archiver AS
SELECT * FROM pg_stat_get_archiver();
--

CREATE VIEW pg_catalog.pg_stat_wal AS
SELECT * FROM pg_stat_get_wal();
--

CREATE VIEW pg_catalog.pg_stat_io AS
SELECT * FROM pg_stat_get_io();
--

CREATE VIEW pg_catalog.pg_stat_slru AS
SELECT * FROM pg_stat_get_slru();
--

CREATE VIEW pg_catalog.pg_stat_recovery_prefetch AS
SELECT * FROM pg_stat_get_recovery_prefetch();
--

CREATE VIEW pg_catalog.pg_stat_bgwriter AS
SELECT pg_stat_get_bgwriter_buf_written_clean() AS buffers_clean,
       pg_stat_get_bgwriter_maxwritten_clean() AS maxwritten_clean,
       pg_stat_get_buf_alloc() AS buffers_alloc,
       pg_stat_get_bgwriter_stat_reset_time() AS stats_reset;
--

CREATE VIEW pg_catalog.pg_stat_checkpointer AS
SELECT pg_stat_get_checkpointer_num_timed() AS num_timed,
       pg_stat_get_checkpointer_num_requested() AS num_requested,
       pg_stat_get_checkpointer_num_performed() AS num_done,
       pg_stat_get_checkpointer_restartpoints_timed() AS restartpoints_timed,
       pg_stat_get_checkpointer_restartpoints_requested() AS restartpoints_req,
       pg_stat_get_checkpointer_restartpoints_performed() AS restartpoints_done,
       pg_stat_get_checkpointer_write_time() AS write_time,
       pg_stat_get_checkpointer_sync_time() AS sync_time,
       pg_stat_get_checkpointer_buffers_written() AS buffers_written,
       pg_stat_get_checkpointer_slru_written() AS slru_written,
       pg_stat_get_checkpointer_stat_reset_time() AS stats_reset;
--

CREATE VIEW pg_catalog.pg_stat_replication AS
SELECT s.pid, s.usesysid, u.rolname AS usename, s.application_name, s.client_addr, s.client_hostname,
       s.client_port, s.backend_start, s.backend_xmin, w.state, w.sent_lsn, w.write_lsn, w.flush_lsn,
       w.replay_lsn, w.write_lag, w.flush_lag, w.replay_lag, w.sync_priority, w.sync_state, w.reply_time
FROM pg_stat_get_wal_senders() w
JOIN pg_stat_get_activity(NULL) s ON s.pid = w.pid
LEFT JOIN pg_authid u ON u.oid = s.usesysid;
--

CREATE VIEW pg_catalog.pg_replication_slots AS
SELECT s.slot_name, s.plugin, s.slot_type, s.datoid, d.datname AS database, s.temporary, s.active,
       s.active_pid, s.xmin, s.catalog_xmin, s.restart_lsn, s.confirmed_flush_lsn, s.wal_status,
       s.safe_wal_size, s.two_phase, s.two_phase_at, s.inactive_since, s.conflicting,
       s.invalidation_reason, s.failover, s.synced
FROM pg_get_replication_slots() s
LEFT JOIN pg_database d ON d.oid = s.datoid;
--

CREATE VIEW pg_catalog.pg_stat_replication_slots AS
SELECT t.slot_name, t.spill_txns, t.spill_count, t.spill_bytes, t.stream_txns, t.stream_count,
       t.stream_bytes, t.total_txns, t.total_bytes, t.stats_reset
FROM pg_get_replication_slots() s
CROSS JOIN LATERAL pg_stat_get_replication_slot(s.slot_name::text) t
WHERE s.datoid IS NOT NULL;
--

CREATE VIEW pg_catalog.pg_stat_wal_receiver AS
SELECT * FROM pg_stat_get_wal_receiver() WHERE pid IS NOT NULL;
--

CREATE VIEW pg_catalog.pg_stat_subscription AS
SELECT u.oid AS subid, u.subname, s.worker_type, s.pid, s.leader_pid, s.relid, s.received_lsn,
       s.last_msg_send_time, s.last_msg_receipt_time, s.latest_end_lsn, s.latest_end_time
FROM pg_subscription u
LEFT JOIN pg_stat_get_subscription(NULL) s ON s.subid = u.oid;
--

CREATE VIEW pg_catalog.pg_stat_subscription_stats AS
SELECT s.subid, u.subname, s.apply_error_count, s.sync_error_count, s.confl_insert_exists,
       s.confl_update_origin_differs, s.confl_update_exists, s.confl_update_missing,
       s.confl_delete_origin_differs, s.confl_delete_missing, s.confl_multiple_unique_conflicts,
       s.stats_reset
FROM pg_subscription u
CROSS JOIN LATERAL pg_stat_get_subscription_stats(u.oid) s;
--

CREATE VIEW pg_catalog.pg_stat_ssl AS
SELECT pid, ssl, sslversion AS version, sslcipher AS cipher, sslbits AS bits,
       ssl_client_dn AS client_dn, ssl_client_serial AS client_serial, ssl_issuer_dn AS issuer_dn
FROM pg_stat_get_activity(NULL)
WHERE client_port IS NOT NULL;
--

CREATE VIEW pg_catalog.pg_stat_gssapi AS
SELECT pid, gss_auth AS gss_authenticated, gss_princ AS principal, gss_enc AS encrypted,
       gss_delegation AS credentials_delegated
FROM pg_stat_get_activity(NULL)
WHERE client_port IS NOT NULL;
--

CREATE VIEW pg_catalog.pg_stat_progress_vacuum AS
SELECT p.pid, p.datid, d.datname, p.relid,
       CASE p.param1 WHEN 0 THEN 'initializing' WHEN 1 THEN 'scanning heap' WHEN 2 THEN 'vacuuming indexes' WHEN 3 THEN 'vacuuming heap' WHEN 4 THEN 'cleaning up indexes' WHEN 5 THEN 'truncating heap' WHEN 6 THEN 'performing final cleanup' END AS phase,
       p.param2 AS heap_blks_total,
       p.param3 AS heap_blks_scanned,
       p.param4 AS heap_blks_vacuumed,
       p.param5 AS index_vacuum_count,
       p.param6 AS max_dead_tuple_bytes,
       p.param7 AS dead_tuple_bytes,
       p.param8 AS num_dead_item_ids,
       p.param9 AS indexes_total,
       p.param10 AS indexes_processed,
       p.param11 / 1000000::double precision AS delay_time
FROM pg_stat_get_progress_info('VACUUM') p
LEFT JOIN pg_database d ON d.oid = p.datid;
--

CREATE VIEW pg_catalog.pg_stat_progress_analyze AS
SELECT p.pid, p.datid, d.datname, p.relid,
       CASE p.param1 WHEN 0 THEN 'initializing' WHEN 1 THEN 'acquiring sample rows' WHEN 2 THEN 'acquiring inherited sample rows' WHEN 3 THEN 'computing statistics' WHEN 4 THEN 'computing extended statistics' WHEN 5 THEN 'finalizing analyze' END AS phase,
       p.param2 AS sample_blks_total,
       p.param3 AS sample_blks_scanned,
       p.param4 AS ext_stats_total,
       p.param5 AS ext_stats_computed,
       p.param6 AS child_tables_total,
       p.param7 AS child_tables_done,
       p.param8::oid AS current_child_table_relid,
       p.param9 / 1000000::double precision AS delay_time
FROM pg_stat_get_progress_info('ANALYZE') p
LEFT JOIN pg_database d ON d.oid = p.datid;
--

CREATE VIEW pg_catalog.pg_stat_progress_create_index AS
SELECT p.pid, p.datid, d.datname, p.relid,
       p.param7::oid AS index_relid,
       CASE p.param1 WHEN 1 THEN 'CREATE INDEX' WHEN 2 THEN 'CREATE INDEX CONCURRENTLY' WHEN 3 THEN 'REINDEX' WHEN 4 THEN 'REINDEX CONCURRENTLY' END AS command,
       CASE p.param10 WHEN 0 THEN 'initializing' WHEN 1 THEN 'waiting for writers before build' WHEN 2 THEN ('building index' || coalesce(': ' || pg_indexam_progress_phasename(p.param9::oid, p.param11), '')) WHEN 3 THEN 'waiting for writers before validation' WHEN 4 THEN 'index validation: scanning index' WHEN 5 THEN 'index validation: sorting tuples' WHEN 6 THEN 'index validation: scanning table' WHEN 7 THEN 'waiting for old snapshots' WHEN 8 THEN 'waiting for readers before marking dead' WHEN 9 THEN 'waiting for readers before dropping' END AS phase,
       p.param4 AS lockers_total,
       p.param5 AS lockers_done,
       p.param6 AS current_locker_pid,
       p.param16 AS blocks_total,
       p.param17 AS blocks_done,
       p.param12 AS tuples_total,
       p.param13 AS tuples_done,
       p.param14 AS partitions_total,
       p.param15 AS partitions_done
FROM pg_stat_get_progress_info('CREATE INDEX') p
LEFT JOIN pg_database d ON d.oid = p.datid;
--

CREATE VIEW pg_catalog.pg_stat_progress_cluster AS
SELECT p.pid, p.datid, d.datname, p.relid,
       CASE p.param1 WHEN 1 THEN 'CLUSTER' WHEN 2 THEN 'VACUUM FULL' END AS command,
       CASE p.param2 WHEN 0 THEN 'initializing' WHEN 1 THEN 'seq scanning heap' WHEN 2 THEN 'index scanning heap' WHEN 3 THEN 'sorting tuples' WHEN 4 THEN 'writing new heap' WHEN 5 THEN 'swapping relation files' WHEN 6 THEN 'rebuilding index' WHEN 7 THEN 'performing final cleanup' END AS phase,
       p.param3::oid AS cluster_index_relid,
       p.param4 AS heap_tuples_scanned,
       p.param5 AS heap_tuples_written,
       p.param6 AS heap_blks_total,
       p.param7 AS heap_blks_scanned,
       p.param8 AS index_rebuild_count
FROM pg_stat_get_progress_info('CLUSTER') p
LEFT JOIN pg_database d ON d.oid = p.datid;
--

CREATE VIEW pg_catalog.pg_stat_progress_copy AS
SELECT p.pid, p.datid, d.datname, p.relid,
       CASE p.param5 WHEN 1 THEN 'COPY FROM' WHEN 2 THEN 'COPY TO' END AS command,
       CASE p.param6 WHEN 1 THEN 'FILE' WHEN 2 THEN 'PROGRAM' WHEN 3 THEN 'PIPE' WHEN 4 THEN 'CALLBACK' END AS type,
       p.param1 AS bytes_processed,
       p.param2 AS bytes_total,
       p.param3 AS tuples_processed,
       p.param4 AS tuples_excluded,
       p.param7 AS tuples_skipped
FROM pg_stat_get_progress_info('COPY') p
LEFT JOIN pg_database d ON d.oid = p.datid;
--

CREATE VIEW pg_catalog.pg_stat_progress_basebackup AS
SELECT p.pid,
       CASE p.param1 WHEN 0 THEN 'initializing' WHEN 1 THEN 'waiting for checkpoint to finish' WHEN 2 THEN 'estimating backup size' WHEN 3 THEN 'streaming database files' WHEN 4 THEN 'waiting for wal archiving to finish' WHEN 5 THEN 'transferring wal files' END AS phase,
       nullif(p.param2, -1) AS backup_total,
       p.param3 AS backup_streamed,
       p.param4 AS tablespaces_total,
       p.param5 AS tablespaces_streamed
FROM pg_stat_get_progress_info('BASEBACKUP') p;
--

CREATE VIEW pg_catalog.pg_wait_events AS
SELECT * FROM pg_get_wait_events();
--

CREATE VIEW pg_catalog.pg_replication_origin_status AS
SELECT * FROM pg_show_replication_origin_status();
--

REVOKE ALL ON pg_catalog.pg_replication_origin_status FROM PUBLIC;
--

CREATE VIEW pg_catalog.pg_backend_memory_contexts AS
SELECT * FROM pg_get_backend_memory_contexts();
--

REVOKE ALL ON pg_catalog.pg_backend_memory_contexts FROM PUBLIC;
--

GRANT SELECT ON pg_catalog.pg_backend_memory_contexts TO pg_read_all_stats;
--

CREATE VIEW pg_catalog.pg_shmem_allocations AS
SELECT * FROM pg_get_shmem_allocations();
--

REVOKE ALL ON pg_catalog.pg_shmem_allocations FROM PUBLIC;
--

GRANT SELECT ON pg_catalog.pg_shmem_allocations TO pg_read_all_stats;
--

CREATE VIEW pg_catalog.pg_shmem_allocations_numa AS
SELECT * FROM pg_get_shmem_allocations_numa();
--

REVOKE ALL ON pg_catalog.pg_shmem_allocations_numa FROM PUBLIC;
--

GRANT SELECT ON pg_catalog.pg_shmem_allocations_numa TO pg_read_all_stats;
--

CREATE VIEW pg_catalog.pg_aios AS
SELECT * FROM pg_get_aios();
--

REVOKE ALL ON pg_catalog.pg_aios FROM PUBLIC;
--

GRANT SELECT ON pg_catalog.pg_aios TO pg_read_all_stats;
--

REVOKE ALL ON pg_catalog.pg_authid FROM PUBLIC;
--

REVOKE ALL ON pg_catalog.pg_statistic FROM PUBLIC;
--

REVOKE ALL ON pg_catalog.pg_statistic_ext_data FROM PUBLIC;
--

REVOKE ALL ON pg_catalog.pg_user_mapping FROM PUBLIC;
--

REVOKE ALL ON pg_catalog.pg_largeobject FROM PUBLIC;
--

REVOKE ALL ON pg_catalog.pg_subscription FROM PUBLIC;
--

GRANT SELECT (oid, subdbid, subskiplsn, subname, subowner, subenabled, subbinary, substream,
              subtwophasestate, subdisableonerr, subpasswordrequired, subrunasowner, subfailover,
              subslotname, subsynccommit, subpublications, suborigin)
ON pg_catalog.pg_subscription TO PUBLIC;
--
