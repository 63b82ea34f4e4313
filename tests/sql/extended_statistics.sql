-- Statistics of several columns and of expressions: definitions, what ANALYZE stores, what the planner makes of it.
CREATE FUNCTION estimate(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
    RETURN (regexp_match(line, 'rows=(\d+)'))[1]::int;
  END LOOP;
END $$;
CREATE TABLE orders (country int, city int, street text, amount numeric, tags int[]) WITH (autovacuum_enabled = off);
INSERT INTO orders SELECT i % 10, i % 50, CASE WHEN i % 50 < 40 THEN 'street ' || i % 50 END, i % 7, ARRAY[i % 3, 1] FROM generate_series(1, 5000) i;
ANALYZE orders;
SELECT estimate('SELECT * FROM orders WHERE country = 3 AND city = 13');
SELECT estimate('SELECT count(*) FROM orders GROUP BY country, city');
CREATE STATISTICS orders_distinct (ndistinct) ON country, city, street FROM orders;
CREATE STATISTICS orders_depends (dependencies) ON city, country FROM orders;
CREATE STATISTICS IF NOT EXISTS orders_depends ON city, country FROM orders;
CREATE STATISTICS ON amount, (amount * 2), upper(street) FROM orders;
CREATE STATISTICS orders_upper ON lower(street) FROM orders;
CREATE STATISTICS orders_one ON country FROM orders;
CREATE STATISTICS orders_twice ON country, country FROM orders;
CREATE STATISTICS orders_kind (histogram) ON country, city FROM orders;
CREATE STATISTICS orders_system ON ctid, city FROM orders;
CREATE STATISTICS orders_none ON country, city FROM missing;
ANALYZE orders;
SELECT stxname, stxkeys, stxkind, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext ORDER BY stxname;
SELECT pg_get_statisticsobjdef_columns(oid), pg_get_statisticsobjdef_expressions(oid) FROM pg_statistic_ext ORDER BY stxname;
SELECT stxname, stxdinherit, stxdndistinct, stxddependencies, stxdmcv IS NOT NULL AS mcv, stxdexpr IS NOT NULL AS expr
  FROM pg_statistic_ext JOIN pg_statistic_ext_data ON stxoid = oid ORDER BY stxname;
SELECT estimate('SELECT * FROM orders WHERE country = 3 AND city = 13');
SELECT estimate('SELECT * FROM orders WHERE country = 3 AND city IN (13, 23)');
SELECT estimate('SELECT * FROM orders WHERE country = 3 AND (city = 13 OR city = 23)');
SELECT estimate('SELECT count(*) FROM orders GROUP BY country, city');
SELECT estimate('SELECT count(*) FROM orders GROUP BY country, city, street');
SELECT estimate('SELECT * FROM orders WHERE lower(street) = ''street 7''');
DROP STATISTICS orders_depends, orders_distinct;
CREATE STATISTICS orders_common (mcv) ON country, city, street, tags FROM orders;
ANALYZE orders;
SELECT count(*), sum(frequency)::numeric(6, 4), sum(base_frequency)::numeric(6, 4) FROM pg_statistic_ext JOIN pg_statistic_ext_data ON stxoid = oid, pg_mcv_list_items(stxdmcv) WHERE stxname = 'orders_common';
SELECT i.values, i.nulls, i.frequency, i.base_frequency FROM pg_statistic_ext JOIN pg_statistic_ext_data ON stxoid = oid, pg_mcv_list_items(stxdmcv) i WHERE stxname = 'orders_common' ORDER BY i.values LIMIT 4;
SELECT estimate('SELECT * FROM orders WHERE country = 3 AND city = 13');
SELECT estimate('SELECT * FROM orders WHERE country = 3 AND city = 14');
SELECT estimate('SELECT * FROM orders WHERE country < 3 AND city < 13');
SELECT estimate('SELECT * FROM orders WHERE country <> 3 AND city <> 13');
SELECT estimate('SELECT * FROM orders WHERE country = 3 OR city = 13');
SELECT estimate('SELECT * FROM orders WHERE (country = 3 AND city = 13) OR street IS NULL');
SELECT estimate('SELECT * FROM orders WHERE NOT (country = 3) AND street IS NULL');
SELECT estimate('SELECT * FROM orders WHERE country = ANY (ARRAY[1, NULL, 2]) AND street > ALL (ARRAY[''s'', ''street 2''])');
SELECT estimate('SELECT * FROM orders WHERE tags = ARRAY[1, 1] AND country = 1');
\dX
\d orders
SELECT statistics_name, attnames, exprs, kinds, inherited, n_distinct, dependencies, most_common_vals[1:2] FROM pg_stats_ext ORDER BY statistics_name;
SELECT statistics_name, expr, null_frac, avg_width, n_distinct, most_common_freqs[1:3], correlation FROM pg_stats_ext_exprs ORDER BY statistics_name, expr;
-- Targets, names, comments, schemas.
ALTER STATISTICS orders_common SET STATISTICS 5;
ANALYZE orders;
SELECT count(*) FROM pg_statistic_ext JOIN pg_statistic_ext_data ON stxoid = oid, pg_mcv_list_items(stxdmcv) WHERE stxname = 'orders_common';
ALTER STATISTICS orders_common SET STATISTICS -7;
ALTER STATISTICS orders_common SET STATISTICS DEFAULT;
ALTER STATISTICS IF EXISTS nothing SET STATISTICS 3;
ALTER STATISTICS nothing RENAME TO something;
COMMENT ON STATISTICS orders_common IS 'of places';
ALTER STATISTICS orders_common RENAME TO orders_places;
CREATE SCHEMA archive;
ALTER STATISTICS orders_places SET SCHEMA archive;
SELECT obj_description(oid), pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxname = 'orders_places';
SELECT pg_describe_object('pg_statistic_ext'::regclass, oid, 0), pg_statistics_obj_is_visible(oid) FROM pg_statistic_ext ORDER BY stxname;
CREATE TABLE copied (LIKE orders INCLUDING STATISTICS INCLUDING COMMENTS);
SELECT stxname, stxkind, obj_description(oid) FROM pg_statistic_ext WHERE stxrelid = 'copied'::regclass ORDER BY stxname;
ALTER TABLE orders ALTER COLUMN country TYPE bigint;
SELECT stxname, stxnamespace::regnamespace, obj_description(oid), d.stxoid IS NULL AS reset FROM pg_statistic_ext LEFT JOIN pg_statistic_ext_data d ON d.stxoid = oid WHERE stxrelid = 'orders'::regclass ORDER BY stxname;
ALTER TABLE orders DROP COLUMN street;
SELECT stxname FROM pg_statistic_ext WHERE stxrelid = 'orders'::regclass;
DROP STATISTICS orders_upper;
DROP STATISTICS IF EXISTS orders_upper, nowhere.nothing;
DROP SCHEMA archive CASCADE;
DROP TABLE copied;
SELECT count(*) FROM pg_statistic_ext;
-- Inheritance trees and partitioned tables.
CREATE TABLE base (a int, b int);
CREATE TABLE child () INHERITS (base);
INSERT INTO base SELECT i % 20, i % 40 FROM generate_series(1, 800) i;
INSERT INTO child SELECT i % 20, i % 20 FROM generate_series(1, 400) i;
CREATE STATISTICS base_stats ON a, b FROM base;
ANALYZE base, child;
SELECT attname, inherited, n_distinct, null_frac, most_common_freqs[1] FROM pg_stats WHERE tablename IN ('base', 'child') ORDER BY tablename, attname, inherited;
SELECT stxdinherit, stxdndistinct, stxddependencies FROM pg_statistic_ext_data ORDER BY stxdinherit;
SELECT estimate('SELECT a, b FROM base GROUP BY a, b'), estimate('SELECT a, b FROM ONLY base GROUP BY a, b');
CREATE TABLE parts (k int, a int, b int) PARTITION BY LIST (k);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts2 (b int, k int, a int);
ALTER TABLE parts ATTACH PARTITION parts2 FOR VALUES IN (2);
INSERT INTO parts SELECT i % 2 + 1, i % 30, i % 15 FROM generate_series(1, 900) i;
CREATE STATISTICS parts_stats ON a, b, (a + b) FROM parts;
ANALYZE parts;
SELECT relname, relpages >= 0 AS pages, reltuples FROM pg_class WHERE relname LIKE 'parts_' OR relname = 'parts' ORDER BY relname;
SELECT stxdinherit, stxdndistinct, stxddependencies FROM pg_statistic_ext JOIN pg_statistic_ext_data ON stxoid = oid WHERE stxname = 'parts_stats';
SELECT estimate('SELECT a, b FROM parts GROUP BY a, b'), estimate('SELECT a + b FROM parts GROUP BY a + b');
SELECT * FROM ONLY parts;
EXPLAIN (COSTS OFF) SELECT * FROM ONLY parts;
