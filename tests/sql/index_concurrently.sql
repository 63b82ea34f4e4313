-- CREATE, DROP and REINDEX ... CONCURRENTLY in one session: what they refuse, and what they leave in the catalogs.
CREATE TABLE c (id int PRIMARY KEY, k int, t text);
INSERT INTO c SELECT i, i % 100, 'x' || i FROM generate_series(1, 10000) i;
INSERT INTO c VALUES (10001, 7, 'x');
CREATE INDEX CONCURRENTLY c_k ON c (k);
DELETE FROM c WHERE k <> 7 AND id <= 1000;
CREATE UNIQUE INDEX CONCURRENTLY c_u ON c (k) WHERE id IN (7, 10001);
SELECT indexrelid::regclass, indisvalid, indisready, indislive FROM pg_index WHERE indrelid = 'c'::regclass ORDER BY 1::text;
\d c
-- an invalid index is not used; REINDEX makes it valid when it can
REINDEX INDEX CONCURRENTLY c_u;
REINDEX TABLE CONCURRENTLY c;
DELETE FROM c WHERE id = 10001;
DROP INDEX CONCURRENTLY c_u, c_k;
DROP INDEX CONCURRENTLY c_u CASCADE;
DROP INDEX CONCURRENTLY c_u;
DROP INDEX CONCURRENTLY c_pkey;
DROP INDEX CONCURRENTLY nosuch;
DROP INDEX CONCURRENTLY IF EXISTS nosuch;
BEGIN;
CREATE INDEX CONCURRENTLY c_t ON c (t);
ROLLBACK;
BEGIN;
DROP INDEX CONCURRENTLY c_k;
ROLLBACK;
BEGIN;
REINDEX INDEX CONCURRENTLY c_k;
ROLLBACK;
CREATE INDEX CONCURRENTLY c_t ON c (lower(t)) WHERE k > 5;
CREATE INDEX CONCURRENTLY IF NOT EXISTS c_t ON c (t);
COMMENT ON INDEX c_t IS 'kept';
ANALYZE c;
-- everything that knows the index knows the new one
ALTER TABLE c ADD CONSTRAINT c_id_k UNIQUE (id, k) DEFERRABLE;
CREATE TABLE r (id int, k int, c_id int REFERENCES c);
INSERT INTO r VALUES (1, 8, 8);
SELECT indexrelid AS pkey_before FROM pg_index WHERE indexrelid = 'c_pkey'::regclass \gset
REINDEX TABLE CONCURRENTLY c;
SELECT indexrelid <> :pkey_before AS replaced, indisprimary, indisunique, indisvalid FROM pg_index WHERE indexrelid = 'c_pkey'::regclass;
SELECT conname, conindid::regclass FROM pg_constraint WHERE conrelid IN ('c'::regclass, 'r'::regclass) AND contype <> 'n' ORDER BY 1;
SELECT obj_description('c_t'::regclass, 'pg_class');
SELECT relname, relkind FROM pg_class WHERE relname LIKE '%cc_new%' OR relname LIKE '%ccold%' OR relname LIKE '%ccnew%';
SELECT count(*) FROM pg_index WHERE indrelid = 'c'::regclass;
\d c
INSERT INTO c VALUES (8, 1, 'again');
INSERT INTO r VALUES (2, 9, 9999999);
DELETE FROM c WHERE id = 8;
DROP INDEX c_pkey;
DROP INDEX c_id_k;
SET enable_seqscan = off;
SELECT id, k FROM c WHERE id = 5000;
SELECT count(*) FROM c WHERE k = 7;
SELECT count(*) FROM c WHERE lower(t) = 'x5006' AND k > 5;
RESET enable_seqscan;
REINDEX INDEX CONCURRENTLY c_t;
REINDEX (CONCURRENTLY, VERBOSE off) INDEX c_k;
REINDEX INDEX CONCURRENTLY c;
REINDEX TABLE CONCURRENTLY c_k;
REINDEX TABLE CONCURRENTLY nosuch;
REINDEX TABLE CONCURRENTLY pg_class;
REINDEX SYSTEM CONCURRENTLY postgres;
CREATE TABLE plain (a int);
REINDEX TABLE CONCURRENTLY plain;
ALTER TABLE c DROP CONSTRAINT c_id_k;
ALTER TABLE r DROP CONSTRAINT r_c_id_fkey;
ALTER TABLE c DROP CONSTRAINT c_pkey;
DROP INDEX CONCURRENTLY c_k;
\d c
CREATE TEMP TABLE own (a int);
CREATE INDEX CONCURRENTLY own_a ON own (a);
REINDEX TABLE CONCURRENTLY own;
DROP INDEX CONCURRENTLY own_a;
DROP TABLE c, r, plain;
