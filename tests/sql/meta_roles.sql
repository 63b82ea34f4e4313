-- \du, \dg, \drg, \dp and what GRANT leaves in the ACLs.
SET timezone = 'UTC';
CREATE ROLE views_reader NOLOGIN;
CREATE ROLE views_writer LOGIN PASSWORD 'secret' VALID UNTIL '2099-01-01 00:00:00+00' CONNECTION LIMIT 3;
GRANT views_reader TO views_writer WITH ADMIN OPTION;
ALTER ROLE views_writer SET work_mem = '1MB';
CREATE TABLE t (a int, b text);
GRANT SELECT ON t TO views_reader;
GRANT INSERT, UPDATE (b) ON t TO views_writer WITH GRANT OPTION;
\du views_*
\du+ views_*
\drg views_*
\dp t
\drds views_*
SELECT rolname, rolcanlogin, rolpassword, rolconfig FROM pg_roles WHERE rolname LIKE 'views%' ORDER BY 1;
SELECT usename, passwd FROM pg_user WHERE usename LIKE 'views%';
DROP TABLE t;
DROP ROLE views_reader, views_writer;
