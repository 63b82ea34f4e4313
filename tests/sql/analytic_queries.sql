-- Numbers of type numeric in bulk, keys of hash tables, filters read first, rows that do not fit into memory, joins whose
-- participants share a table.
CREATE TABLE item (id int, part int, supplier int, quantity numeric(15,2), price numeric(15,2), discount numeric,
                   flag char(1), status char(10), sold date, note varchar(60));
INSERT INTO item
SELECT i, i % 4001, i % 307, (i % 50) + 0.25, (i * 7919 % 1000003) / 100.0,
       CASE WHEN i % 1000 = 7 THEN NULL WHEN i % 5000 = 3 THEN 0.125 ELSE (i % 11) / 100.0 END,
       substr('ANR', i % 3 + 1, 1), CASE WHEN i % 13 = 0 THEN NULL ELSE 'status ' || i % 4 END,
       date '1992-01-01' + i % 2500, CASE i % 5 WHEN 0 THEN 'short' WHEN 1 THEN 'rather a long note about ' || i % 70 ELSE 'n' || i % 9 END
FROM generate_series(1, 60000) AS i;
CREATE TABLE part (id int PRIMARY KEY, brand char(10), kind varchar(25), size int, retail numeric(15,2));
INSERT INTO part SELECT i, 'Brand#' || i % 25, (ARRAY['MEDIUM POLISHED TIN', 'LARGE BRUSHED BRASS', 'ECONOMY STEEL'])[i % 3 + 1], i % 50, i / 7.0
FROM generate_series(0, 4999) AS i;
ANALYZE item, part;

-- numeric arithmetic over batches
SELECT flag, sum(quantity), sum(price), sum(price * (1 - discount)), sum(price * (1 - discount) * (1 + discount)), avg(quantity), avg(discount), count(*)
FROM item GROUP BY flag ORDER BY flag;
SELECT sum(price * price * price), sum(-price), sum(price - 100000.00), min(price * quantity), max(price * quantity) FROM item;
SELECT id, price * quantity, price + discount, 1 - discount, quantity - price FROM item WHERE id IN (3, 7, 1007, 5003, 20000) ORDER BY id;
SELECT count(*) FROM item WHERE discount BETWEEN 0.05 AND 0.07 AND quantity < 24;
SELECT count(*) FROM item WHERE price * discount > quantity * 10.5;
SELECT count(*) FROM item WHERE price = 100 OR discount <> 0.125 OR quantity >= 49.25;
SELECT sum(v), avg(v) FROM (VALUES (1.5), (2.25), ('NaN'), (NULL), (7)) AS t(v);
SELECT sum(v), count(v) FROM (SELECT CASE WHEN i % 2 = 0 THEN 1.5 WHEN i % 3 = 0 THEN 1e20 ELSE 0 END AS v FROM generate_series(1, 50) AS i) AS t;
SELECT sum(v * v) FROM (SELECT 999999999999.99 + i AS v FROM generate_series(1, 20) AS i) AS t;
SELECT sum(CASE WHEN flag = 'A' THEN price * (1 - discount) ELSE 0 END) FROM item;

-- dates against timestamps
SELECT count(*) FROM item WHERE sold >= date '1994-01-01' AND sold < date '1994-01-01' + interval '1' year;
SELECT count(*) FROM item WHERE sold <> timestamp '1994-01-01' AND timestamp '1996-01-01 12:00' > sold;
SELECT d, d < timestamp 'infinity', d > timestamp '294276-12-31', d = timestamp '-infinity'
FROM (VALUES (date 'infinity'), ('-infinity'), ('5874897-12-31'), ('2000-01-01'), (NULL)) AS t(d);

-- keys: short and long ones, NULLs, numbers of several scales
SELECT flag, status, count(*), sum(id) FROM item GROUP BY flag, status ORDER BY 1, 2;
SELECT note, count(*) FROM item GROUP BY note ORDER BY count(*) DESC, note LIMIT 12;
SELECT count(*) FROM (SELECT part, note, status FROM item GROUP BY part, note, status) AS g;
SELECT count(*), sum(n) FROM (SELECT discount, count(*) AS n FROM item GROUP BY discount) AS g;
SELECT v + 0.000 AS v, n FROM (SELECT v, count(*) AS n FROM (VALUES (1.0), (1.00), (NULL), (1), (2.50), (2.5), (NULL)) AS t(v) GROUP BY v) AS g ORDER BY v;
SELECT v, count(*) FROM (VALUES (0.0::float8), ('-0'), ('NaN'), ('NaN'), (NULL)) AS t(v) GROUP BY v ORDER BY v;
SELECT v, count(*) FROM (VALUES (-9223372036854775808), (NULL), (-9223372036854775808), (0), (NULL)) AS t(v) GROUP BY v ORDER BY v;
SELECT count(*) FROM item AS a JOIN item AS b ON a.note = b.note AND a.id = b.id + 70;
SELECT count(*) FROM item AS a JOIN part AS p ON a.part = p.id AND a.price > p.retail;
SELECT count(*), count(p.id) FROM item AS a LEFT JOIN part AS p ON a.part = p.id AND p.size = 7;
SELECT count(*), count(a.id) FROM item AS a FULL JOIN part AS p ON a.part = p.id AND a.flag = 'N' AND p.size > 40;
SELECT count(*) FROM part WHERE NOT EXISTS (SELECT 1 FROM item WHERE item.part = part.id);
SELECT count(*) FROM part WHERE id IN (SELECT part FROM item WHERE flag = 'R' AND quantity > 40);

-- filters that read few columns, the rest of what passes
SELECT id, note, price FROM item WHERE sold = date '1995-06-17' AND flag = 'A' ORDER BY id LIMIT 5;
SELECT count(note), max(status), sum(price) FROM item WHERE supplier = 17;
SELECT count(note), max(status), sum(price) FROM item WHERE supplier > 1;

-- what does not fit into memory
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT count(*), sum(n), max(s), round(sum(a), 4) FROM (SELECT id % 30000 AS k, count(*) AS n, sum(price) AS s, avg(quantity) AS a FROM item GROUP BY id % 30000) AS g;
SELECT count(*), sum(n) FROM (SELECT note || id % 20000 AS k, count(*) AS n FROM item GROUP BY 1) AS g;
SELECT count(*), sum(a.price), sum(b.id::bigint) FROM item AS a JOIN item AS b ON a.id = b.id;
SELECT count(*), sum(b.id::bigint) FROM item AS a LEFT JOIN (SELECT * FROM item WHERE id % 3 = 0) AS b ON a.id = b.id AND b.price > 10;
SELECT count(*), count(a.id), count(b.id) FROM (SELECT * FROM item WHERE id > 100) AS a FULL JOIN (SELECT * FROM item WHERE id < 59000) AS b ON a.id = b.id;
RESET work_mem;
RESET hash_mem_multiplier;

-- participants that share a table
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 2;
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*), sum(price) FROM item JOIN part ON item.part = part.id WHERE size < 30;
SELECT count(*), sum(price) FROM item JOIN part ON item.part = part.id WHERE size < 30;
SELECT count(*), sum(retail) FROM item LEFT JOIN part ON item.part = part.id AND size = 3;
SELECT count(*), count(item.id), sum(retail) FROM item RIGHT JOIN part ON item.part = part.id AND flag = 'A';
SELECT count(*), count(item.id), count(part.id) FROM item FULL JOIN part ON item.part = part.id + 100;
SELECT count(*) FROM part WHERE NOT EXISTS (SELECT 1 FROM item WHERE item.part = part.id);
SELECT kind, count(*), sum(price * (1 - discount)) FROM item JOIN part ON item.part = part.id GROUP BY kind ORDER BY kind;
SELECT count(*) FROM item AS a JOIN item AS b ON a.supplier = b.part AND a.flag = b.flag JOIN part ON part.id = b.part;
SELECT sum(1 / (size - 7)) FROM item JOIN part ON item.part = part.id;
SELECT count(*) FROM item JOIN part ON item.part = part.id AND 1 / (size - 7) > 0;
SET enable_parallel_hash = off;
EXPLAIN (COSTS OFF) SELECT count(*), sum(price) FROM item JOIN part ON item.part = part.id WHERE size < 30;
SELECT count(*), sum(price) FROM item JOIN part ON item.part = part.id WHERE size < 30;
RESET ALL;

-- conditions that follow from ORs, columns that others determine
SET max_parallel_workers_per_gather = 0;
EXPLAIN (COSTS OFF) SELECT count(*) FROM item, part WHERE item.part = part.id AND (brand = 'Brand#3' AND flag = 'A' OR brand = 'Brand#4' AND flag = 'R');
SELECT count(*) FROM item, part WHERE item.part = part.id AND (brand = 'Brand#3' AND flag = 'A' OR brand = 'Brand#4' AND flag = 'R');
EXPLAIN (COSTS OFF) SELECT part.id, brand, kind, count(*) FROM item, part WHERE item.part = part.id GROUP BY part.id, brand, kind;
SELECT part.id, brand, kind, count(*) FROM item, part WHERE item.part = part.id GROUP BY part.id, brand, kind ORDER BY count(*), part.id LIMIT 4;
RESET max_parallel_workers_per_gather;

-- nested loops that look up many keys at a time
CREATE INDEX item_part ON item (part, supplier);
CREATE TABLE many AS SELECT 1 + i / 20000 AS k, i AS n, 'row ' || i AS note FROM generate_series(0, 41000) AS i;
CREATE INDEX many_k ON many (k);
CREATE TABLE outer_rows AS SELECT i AS id, CASE WHEN i % 7 = 0 THEN NULL ELSE i * 31 % 4500 END AS part, i % 5 AS k, i % 300 AS supplier FROM generate_series(1, 2000) AS i;
ANALYZE many, outer_rows, item;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_bitmapscan = off;
SET enable_seqscan = off;
SET enable_memoize = off;
SET enable_material = off;
SET max_parallel_workers_per_gather = 0;
EXPLAIN (COSTS OFF) SELECT count(*), sum(i.price) FROM outer_rows AS o JOIN item AS i ON i.part = o.part;
SELECT count(*), sum(i.price), count(DISTINCT i.id) FROM outer_rows AS o JOIN item AS i ON i.part = o.part;
SELECT count(*), sum(i.price) FROM outer_rows AS o JOIN item AS i ON i.part = o.part AND i.supplier = o.supplier;
SELECT count(*), sum(i.price) FROM outer_rows AS o JOIN item AS i ON i.part = o.part AND i.supplier <> o.supplier AND i.quantity > o.k * 10;
SELECT count(*), count(i.id), sum(o.id) FROM outer_rows AS o LEFT JOIN item AS i ON i.part = o.part AND i.quantity > 40 + o.k;
SELECT count(*), sum(o.id) FROM outer_rows AS o WHERE EXISTS (SELECT 1 FROM item AS i WHERE i.part = o.part AND i.supplier <> o.supplier);
SELECT count(*), sum(o.id) FROM outer_rows AS o WHERE NOT EXISTS (SELECT 1 FROM item AS i WHERE i.part = o.part AND i.supplier > o.supplier);
SELECT count(*), sum(m.n), max(m.note) FROM outer_rows AS o JOIN many AS m ON m.k = o.k WHERE o.id <= 40;
SELECT o.id, m.n FROM outer_rows AS o JOIN many AS m ON m.k = o.k WHERE o.id BETWEEN 30 AND 60 AND m.n % 9973 = 0 ORDER BY o.id, m.n;
SELECT count(*), sum(p.size) FROM outer_rows AS o JOIN item AS i ON i.part = o.part JOIN part AS p ON p.id = i.supplier;
SELECT count(*) FROM outer_rows AS o JOIN item AS i ON i.part = o.part AND i.price > (SELECT avg(x.price) FROM item AS x WHERE x.part = o.part);
SELECT count(*), sum(s) FROM outer_rows AS o, LATERAL (SELECT i.price + o.id AS s FROM item AS i WHERE i.part = o.part) AS l;
SELECT sum(1 / (i.supplier - o.supplier)) FROM outer_rows AS o JOIN item AS i ON i.part = o.part AND i.supplier = o.supplier;
BEGIN;
UPDATE outer_rows AS o SET k = i.supplier FROM item AS i WHERE i.part = o.part AND i.supplier = o.supplier;
DELETE FROM item AS i USING outer_rows AS o WHERE i.part = o.part AND o.id % 2 = 0;
SELECT count(*), sum(i.price) FROM outer_rows AS o JOIN item AS i ON i.part = o.part;
ROLLBACK;
SELECT count(*), sum(i.price) FROM outer_rows AS o JOIN item AS i ON i.part = o.part;
RESET ALL;
SELECT count(*) FROM item WHERE status IN ('status 1', 'status 3   ') AND flag <> 'A' AND note NOT IN ('short', 'n4');
SELECT count(*) FROM item AS a JOIN part ON part.id = a.part WHERE a.status = brand OR a.flag::text = kind;
DROP TABLE many, outer_rows;
DROP TABLE item, part;
