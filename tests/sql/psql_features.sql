-- What psql does around statements: formats, variables, \gset, \gexec, \crosstabview, \watch-free.
\set who 'O''Neil'
SELECT :'who' AS quoted, :{?who} AS known, :{?nosuch} AS unknown;
SELECT 1 AS one, 'two' AS two \gset pre_
\echo :pre_one :pre_two
SELECT 'SELECT ' || g FROM generate_series(1, 2) g \gexec
\x
SELECT 1 AS a, 'multi
line' AS b;
\x off
\pset null '(null)'
SELECT NULL AS n, '' AS e;
\pset format unaligned
SELECT 1 AS a, 2 AS b;
\pset format csv
SELECT 1 AS a, 'x,y' AS b;
\pset format html
SELECT '<b>' AS t;
\pset format aligned
\pset border 2
SELECT 1 AS a, 'text' AS b, true AS c;
\pset border 1
\t on
SELECT 5;
\t off
SELECT r, c, r * c AS v FROM generate_series(1, 2) r, generate_series(1, 3) c \crosstabview r c v
SELECT 1 AS x, now() AS y \gdesc
\if :{?who}
\echo yes
\else
\echo no
\endif
\errverbose
SELECT 1/0;
\echo :SQLSTATE :ERROR :LAST_ERROR_MESSAGE
SELECT 1 WHERE false;
\echo :ROW_COUNT :SQLSTATE
\set AUTOCOMMIT off
CREATE TABLE ac (a int);
ROLLBACK;
\set AUTOCOMMIT on
SELECT * FROM ac;
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT 1/0;
SELECT 'still alive' AS s;
COMMIT;
\sf nosuch
\encoding
SELECT '\x41'::bytea AS b, 12345.678 AS n, -1 AS m, 'right' AS r;
SELECT 1;SELECT 2;
SELECT 3 \; SELECT 4;
