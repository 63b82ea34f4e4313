-- Plans that several threads run, against the same plans of PostgreSQL and against their own serial twins.
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 2;
CREATE TABLE sales (id int, shop int, amount numeric(12,2), price float8, note text, sold date);
INSERT INTO sales
SELECT i, i % 97, (i * 37 % 10007) / 100.0, i / 8.0,
       CASE WHEN i % 11 = 0 THEN NULL ELSE 'note ' || i % 501 END, date '2024-01-01' + i % 366
FROM generate_series(1, 30000) AS i;
CREATE INDEX sales_shop ON sales (shop);
CREATE INDEX sales_id ON sales (id);
VACUUM ANALYZE sales;

EXPLAIN (COSTS OFF) SELECT count(*), sum(amount), avg(shop), min(note), max(sold) FROM sales;
SELECT count(*), sum(amount), avg(shop), min(note), max(sold) FROM sales;
SELECT count(note), sum(price), avg(price), round(stddev(amount), 6), bool_and(id > 0), bit_or(shop) FROM sales;
SELECT round(corr(price, id)::numeric, 9), round(var_pop(price)::numeric, 3), regr_count(price, id) FROM sales;
SELECT count(*), max(length(s)) FROM (SELECT shop, string_agg(note, ',') AS s FROM sales GROUP BY shop) AS x;
SELECT shop, count(*), sum(amount), max(note) FROM sales WHERE id % 3 = 0 GROUP BY shop ORDER BY shop LIMIT 7;
SELECT id, note FROM sales WHERE note LIKE '%77%' ORDER BY id DESC LIMIT 5;
SELECT id, amount FROM sales ORDER BY amount DESC, id LIMIT 5;
SELECT count(*) FROM sales WHERE id BETWEEN 100 AND 20000;
SELECT count(*), sum(id) FROM sales WHERE shop IN (3, 5, 7) AND price > 100;
SELECT count(*) FROM sales a JOIN sales b ON a.id = b.id WHERE a.shop = 5;
SELECT count(*), sum(a.amount) FROM sales a JOIN sales b USING (id) WHERE b.note IS NULL;
SELECT shop, (SELECT max(id) FROM sales s WHERE s.shop = o.shop) FROM sales o WHERE id < 4 ORDER BY shop;
SELECT count(*) FROM sales WHERE amount > (SELECT avg(amount) FROM sales);
SELECT sum(amount) FROM sales HAVING count(*) > 1000000;
-- A worker finds it, not the leader.
SET parallel_leader_participation = off;
SELECT sum(1 / (id - 15000)) FROM sales;
RESET parallel_leader_participation;
SET enable_seqscan = off;
SET enable_indexscan = off;
SELECT count(*), sum(amount) FROM sales WHERE shop < 40;
SELECT count(*) FROM sales WHERE shop = 4 OR id < 500;
RESET enable_seqscan;
RESET enable_indexscan;
BEGIN;
UPDATE sales SET amount = amount + 1 WHERE id <= 10;
INSERT INTO sales (id, shop, amount) VALUES (0, 0, 1000000);
SELECT count(*), sum(amount), max(amount) FROM sales;
ROLLBACK;
SELECT count(*), sum(amount), max(amount) FROM sales;
PREPARE by_shop (int) AS SELECT count(*), sum(amount) FROM sales WHERE shop = $1 OR price < 10;
EXECUTE by_shop(3);
EXECUTE by_shop(4);
DECLARE c CURSOR FOR SELECT 1;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM sales WHERE id % 1000 = 0 ORDER BY id;
FETCH 3 FROM c;
FETCH 2 FROM c;
COMMIT;
CREATE TABLE shops (id int PRIMARY KEY, name text);
INSERT INTO shops SELECT i, 'shop ' || i FROM generate_series(1, 20000) AS i;
ANALYZE shops;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(*), max(name) FROM shops WHERE id = 77;
SELECT name FROM shops WHERE id = 78;
RESET enable_seqscan;
RESET enable_bitmapscan;
DROP TABLE shops;
SET max_parallel_workers = 0;
SELECT count(*), sum(amount), avg(shop), min(note), max(sold) FROM sales;
RESET max_parallel_workers;
SET parallel_leader_participation = off;
SELECT count(*), sum(amount), avg(shop), min(note), max(sold) FROM sales;
SELECT id, amount FROM sales ORDER BY amount DESC, id LIMIT 5;
RESET parallel_leader_participation;
-- Hash tables that all participants share, and that hold more than was expected and fits.
SET work_mem = '64kB';
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT count(*), sum(a.amount), count(b.note) FROM sales a JOIN (SELECT * FROM sales WHERE id % 1 = 0) b USING (id);
SELECT count(*), sum(a.amount), count(b.note) FROM sales a JOIN (SELECT * FROM sales WHERE id % 1 = 0) b ON a.id = b.id + 1;
SELECT count(*), sum(a.amount), count(b.note)
FROM sales a LEFT JOIN (SELECT * FROM sales WHERE id % 2 = id % 4) b ON a.id = b.id AND b.shop <> 3;
SELECT count(*), sum(a.amount), count(b.note), max(b.id)
FROM (SELECT * FROM sales WHERE shop <> 5) a RIGHT JOIN (SELECT * FROM sales WHERE id % 1 = 0) b ON a.id = b.id;
SELECT count(*), sum(a.amount), count(b.note), max(b.id)
FROM (SELECT * FROM sales WHERE shop <> 5) a FULL JOIN (SELECT * FROM sales WHERE id % 1 = 0) b ON a.id = b.id + 10;
SELECT count(*), sum(amount) FROM sales WHERE id IN (SELECT id * 2 FROM sales WHERE id % 1 = 0);
SELECT count(*), sum(amount) FROM sales a
WHERE NOT EXISTS (SELECT 1 FROM sales b WHERE b.id = a.id * 2 AND b.id % 1 = 0);
SELECT count(*), sum(s), sum(c) FROM (SELECT id % 20000 AS g, sum(amount) AS s, count(note) AS c FROM sales GROUP BY 1) x;
SELECT count(*), max(n) FROM (SELECT note, count(*) AS n FROM sales GROUP BY note, id % 9000) x;
SELECT id, shop, note FROM sales ORDER BY note DESC NULLS LAST, id OFFSET 12345 LIMIT 3;
RESET work_mem;
RESET enable_mergejoin;
RESET enable_nestloop;
DROP TABLE sales;
