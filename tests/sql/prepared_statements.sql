-- PREPARE, EXECUTE, DEALLOCATE, parameter types, invalidation, psql's \bind.
CREATE TABLE t (a int, b text);
INSERT INTO t VALUES (1, 'x'), (2, 'y');
PREPARE q AS SELECT * FROM t WHERE a = $1;
EXECUTE q(1);
EXECUTE q(2.0);
EXECUTE q('2');
EXECUTE q;
EXECUTE q(1, 2);
EXECUTE q('zz');
PREPARE q AS SELECT 1;
PREPARE ins (int, text) AS INSERT INTO t VALUES ($1, $2) RETURNING *;
EXECUTE ins(3, 'z');
EXECUTE ins('4', NULL);
PREPARE two (int, int) AS SELECT $1 + $2 AS s, $1 || 'x' AS t;
EXECUTE two(1, 2);
PREPARE untyped AS SELECT $1;
EXECUTE untyped('text');
PREPARE bad AS SELECT $2::int;
PREPARE bad AS SELECT * FROM nosuch;
PREPARE bad AS CREATE TABLE x (a int);
SELECT name, parameter_types, result_types, from_sql FROM pg_prepared_statements ORDER BY name;
EXPLAIN (COSTS OFF) EXECUTE q(1);
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE q(1);
RESET plan_cache_mode;
ALTER TABLE t ADD c int;
EXECUTE q(1);
DEALLOCATE q;
EXECUTE q(1);
DEALLOCATE nosuch;
DEALLOCATE ALL;
SELECT count(*) FROM pg_prepared_statements;
SELECT $1 + 1 AS n \bind 41 \g
SELECT $1::text || $2 AS s \bind foo bar \g
SELECT a FROM t WHERE b = $1 \bind y \g
SELECT $1 \bind \g
SELECT 1 \parse st
SELECT name, statement FROM pg_prepared_statements;
\bind_named st \g
\close_prepared st
CREATE TABLE made AS EXECUTE nosuch;
