-- What `cargo xtask fuzz sql` has found: one paragraph for each defect.

-- A scalar document is an array of one to ->.
SELECT '1'::jsonb -> 0, '1'::jsonb ->> 0, '1'::jsonb -> -1, '"a"'::jsonb -> 1, '"a"'::jsonb #> '{0}';

-- What is put behind text is cast to it.
SELECT 'x' || true, 'ab '::char(5) || true, quote_literal(true), quote_literal('ab '::char(5)), '|' || 'ab '::char(5);

-- Indexes with a column twice, also of partitions, whose names count included columns.
CREATE TABLE twice (id integer PRIMARY KEY, c2 integer, c3 text) PARTITION BY HASH (id);
CREATE TABLE twice_p PARTITION OF twice FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE INDEX ON twice (c2 DESC, c2) INCLUDE (c2, c3);
SELECT relname, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
  WHERE relname ~ '^twice.*idx' ORDER BY 1, attnum;

-- Partitioned tables have no rows of their own.
INSERT INTO twice VALUES (1, 2, 'x');
SELECT * FROM ONLY twice;
SELECT count(*) FROM ONLY twice a JOIN twice b USING (id);

-- Virtual generated columns cannot be indexed, not even in part.
CREATE TABLE virtual_column (id integer, g integer GENERATED ALWAYS AS (id % 10) VIRTUAL);
CREATE INDEX ON virtual_column (id) WHERE g > 1;
CREATE INDEX ON virtual_column ((g + 1));
CREATE INDEX ON no_such_table (id);

-- DISTINCT over grouping().
CREATE TABLE sets (g integer, h integer);
INSERT INTO sets VALUES (1, 2), (1, 3);
SELECT DISTINCT grouping(g) + 1 AS x FROM sets GROUP BY CUBE (g, h) ORDER BY 1;
SET enable_sort = off;
SELECT count(*), sum(x) FROM (SELECT DISTINCT grouping(g) + 1 AS x FROM sets GROUP BY CUBE (g, h)) s;
RESET enable_sort;

-- A grouping column in a subquery, with and without its value.
SELECT (SELECT DISTINCT a.g + n FROM generate_series(1, 1) n) FROM sets a GROUP BY GROUPING SETS ((a.g), ()) ORDER BY 1;
SELECT (SELECT a.g + n FROM generate_series(1, 1) n) FROM sets a GROUP BY GROUPING SETS ((a.g), ()) ORDER BY 1;
SELECT g, (SELECT count(*) FROM sets b WHERE b.g = a.g) FROM sets a GROUP BY ROLLUP (g) ORDER BY 1;

-- Sorting, indexing and comparing documents and arrays.
CREATE TABLE ordered (id integer, j jsonb, a integer[], t text[]);
INSERT INTO ordered VALUES (1, '{"a": 1}', '{1,2}', '{b}'), (2, '[1]', '{1}', '{a,NULL}'), (3, 'null', NULL, '{a}'),
  (4, '1', '{}', NULL), (5, NULL, '{1,NULL}', '{}'), (6, '"x"', '{{1},{2}}', '{a,a}');
SELECT id, j FROM ordered ORDER BY j, id;
SELECT id FROM ordered ORDER BY j DESC NULLS LAST, a, t;
CREATE INDEX ON ordered (j);
CREATE INDEX ON ordered (a, t);
CREATE UNIQUE INDEX ON ordered (t, j);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM ordered WHERE a >= '{1}' ORDER BY a;
SELECT id FROM ordered WHERE a >= '{1}' ORDER BY a;
SELECT id FROM ordered WHERE j = '[1]' OR j > '{}' ORDER BY j;
RESET enable_seqscan;
INSERT INTO ordered VALUES (7, '"x"', NULL, '{a,a}');
SELECT (a, j) < ('{1,2}'::integer[], '1'::jsonb) FROM ordered ORDER BY id;
ANALYZE ordered;
SELECT attname, n_distinct, null_frac FROM pg_stats WHERE tablename = 'ordered' ORDER BY 1;

-- Views with substring and a regular expression.
CREATE VIEW shown AS SELECT substring('ab' FROM '[a-z]+') AS a, substring('ab' FROM 1) AS b, substring('abc' SIMILAR 'a#"b#"c' ESCAPE '#') AS c;
SELECT pg_get_viewdef('shown');

-- A large group of equal keys in a merge join: the filter is checked in batches, the time limit between them.
CREATE TABLE skewed AS SELECT 1 AS k, g AS v FROM generate_series(1, 3000) g;
SET enable_hashjoin = off; SET enable_nestloop = off;
SELECT count(*), sum(a.v) FROM skewed a JOIN skewed b ON a.k = b.k AND a.v + b.v > 5990;
SELECT count(*), count(b.v) FROM skewed a LEFT JOIN skewed b ON a.k = b.k AND b.v > a.v + 2990;
SELECT count(*) FROM skewed a WHERE EXISTS (SELECT FROM skewed b WHERE a.k = b.k AND b.v > a.v + 1000);
SELECT count(*) FROM skewed a WHERE NOT EXISTS (SELECT FROM skewed b WHERE a.k = b.k AND b.v > a.v + 1000);
SELECT count(*), count(a.v), count(b.v) FROM skewed a FULL JOIN skewed b ON a.k = b.k AND a.v = b.v + 1;
SET statement_timeout = '200ms';
SELECT count(*) FROM skewed a JOIN skewed b ON a.k = b.k JOIN skewed c ON c.k = a.k AND a.v + b.v + c.v < 0;
RESET ALL;

-- The row as a whole, and tableoid, in checks, triggers, view checks and COPY.
CREATE TABLE whole (a integer, b text, CHECK (whole IS NOT NULL), CHECK (tableoid::regclass::text = 'whole'));
INSERT INTO whole VALUES (1, 'x');
INSERT INTO whole VALUES (NULL, NULL);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '% %', TG_NAME, NEW; RETURN NEW; END $$;
CREATE TRIGGER changed AFTER UPDATE ON whole FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION tell();
UPDATE whole SET a = a;
UPDATE whole SET a = a + 1;
CREATE VIEW whole_view AS SELECT * FROM whole WHERE whole <> '(7,y)'::whole WITH CHECK OPTION;
INSERT INTO whole_view VALUES (7, 'y');
COPY whole FROM stdin WHERE whole <> '(3,z)'::whole;
3	z
4	w
\.
SELECT * FROM whole ORDER BY a;

-- ARRAY() over arrays.
SELECT ARRAY(SELECT ARRAY[i, i * i] FROM generate_series(1, 3) i);
SELECT ARRAY(SELECT '{}'::integer[] FROM generate_series(1, 0) i);
SELECT ARRAY(SELECT ARRAY[i] || NULL::integer[] FROM generate_series(1, 2) i);
SELECT ARRAY(SELECT CASE i WHEN 1 THEN ARRAY[1] ELSE ARRAY[1, 2] END FROM generate_series(1, 2) i);

-- DEFAULT in all rows of VALUES, for a view and for generated columns below it.
CREATE TABLE below (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED, c text DEFAULT 'below');
CREATE VIEW above AS SELECT * FROM below;
INSERT INTO above VALUES (1, DEFAULT, DEFAULT), (2, DEFAULT, DEFAULT);
INSERT INTO above VALUES (3, DEFAULT, DEFAULT), (4, DEFAULT, 'given');
SELECT * FROM below ORDER BY a;

-- Partitions share the sequence of an identity column.
CREATE TABLE numbered (d date NOT NULL, n bigint GENERATED ALWAYS AS IDENTITY) PARTITION BY RANGE (d);
CREATE TABLE numbered_1 PARTITION OF numbered FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO numbered (d) VALUES ('2024-02-01');
INSERT INTO numbered_1 (d) VALUES ('2024-02-02');
COPY numbered_1 (d) FROM stdin;
2024-02-03
\.
SELECT * FROM numbered ORDER BY d;

-- A row of a function that is NULL as a whole has its columns all the same.
SELECT * FROM pg_input_error_info(NULL, 'integer');

-- ntile takes the first argument that is not NULL, from its row on.
SELECT id, ntile(n) OVER (ORDER BY id) FROM (VALUES (1, NULL), (2, 3), (3, 1), (4, NULL), (5, 2), (6, 2), (7, NULL)) v(id, n);

-- A Memoize node's keys lie outside of it.
CREATE TABLE few (n integer);
CREATE TABLE keyed (id integer PRIMARY KEY);
INSERT INTO few VALUES (1), (1), (5);
INSERT INTO keyed VALUES (2), (3), (5);
SET enable_seqscan = off;
SELECT n, id FROM few LEFT JOIN keyed ON n < id AND (n = id - 1) < true ORDER BY 1, 2;
SELECT n, id FROM few JOIN keyed ON n < id WHERE (n = id) < true ORDER BY 1, 2;
RESET enable_seqscan;

-- IN over expressions, as views show it.
CREATE VIEW members AS SELECT n FROM few WHERE n IN (1, n, n + 1) AND n NOT IN (7, n + 1, n + 2);
SELECT pg_get_viewdef('members');

-- Pruning hash partitions by an integer of another width.
CREATE TABLE hashed (id integer PRIMARY KEY) PARTITION BY HASH (id);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE hashed_2 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO hashed SELECT generate_series(0, 20);
SELECT * FROM hashed WHERE '7'::smallint = id;
SELECT * FROM hashed WHERE id = 8::bigint;
SELECT * FROM hashed WHERE id = 5000000000;
PREPARE by_width(bigint) AS SELECT * FROM hashed WHERE id = $1;
EXECUTE by_width(3);

-- min and max over UNION ALL and a CTE of the query around.
WITH w AS MATERIALIZED (SELECT 5 AS n) SELECT (SELECT max(x) FROM (SELECT 1 UNION ALL SELECT a.n + w.n FROM w) s(x)) FROM few a ORDER BY 1;

-- Estimates of semijoins whose sides have different types and stand the other way round.
CREATE TABLE small_ints AS SELECT (g % 5)::smallint AS s FROM generate_series(1, 100) g;
CREATE TABLE ints AS SELECT g % 5 AS i FROM generate_series(1, 100) g;
ANALYZE small_ints, ints;
SELECT count(*) FROM small_ints WHERE EXISTS (SELECT FROM ints WHERE i = s);
SELECT count(*) FROM small_ints WHERE NOT EXISTS (SELECT FROM ints WHERE i = s);

-- Columns named twice in one grouping set, and other small things.
CREATE VIEW grouped AS SELECT count(*) FROM few GROUP BY GROUPING SETS ((n, n), ());
SELECT pg_get_viewdef('grouped');
SELECT sign('NaN'::double precision);
CREATE UNLOGGED TABLE unlogged_parted (id integer) PARTITION BY RANGE (id);

-- An empty array compares false with NULL, too: the outer join stays one.
CREATE TABLE outer_side (a integer);
INSERT INTO outer_side VALUES (1), (2);
CREATE TABLE inner_side (id integer, b integer);
SELECT a FROM outer_side LEFT JOIN inner_side ON a = b WHERE (id = ANY ('{}'::integer[])) IS NOT UNKNOWN ORDER BY 1;
SELECT a FROM outer_side LEFT JOIN inner_side ON a = b WHERE NOT (id = ANY ('{}'::integer[])) ORDER BY 1;

-- DISTINCT over one column twice.
SET enable_sort = off;
SELECT count(*) FROM (SELECT DISTINCT s.y AS a, s.y AS b, s.x AS c FROM (SELECT a AS x, a AS y FROM outer_side LIMIT 61) s) t;
RESET enable_sort;
