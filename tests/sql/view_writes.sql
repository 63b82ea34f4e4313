-- Views that are written through: WITH CHECK OPTION, ON CONFLICT, MERGE, and what tells of them.
CREATE TABLE goods (id int PRIMARY KEY, name text DEFAULT 'none', price int, hidden bool DEFAULT false);
CREATE VIEW cheap AS SELECT id, name, price FROM goods WHERE price < 100 WITH LOCAL CHECK OPTION;
CREATE VIEW even AS SELECT id AS number, price AS cost, name FROM cheap WHERE id % 2 = 0 WITH CASCADED CHECK OPTION;
CREATE VIEW loose AS SELECT * FROM cheap WHERE price > 10;
CREATE VIEW strict AS SELECT * FROM loose WITH CASCADED CHECK OPTION;
\d+ even
INSERT INTO cheap VALUES (1, 'a', 50);
INSERT INTO cheap VALUES (2, 'b', 500);
INSERT INTO even VALUES (2, 20, 'b'), (3, 30, 'c');
INSERT INTO even VALUES (2, 20, 'b');
INSERT INTO even VALUES (4, 200, 'd');
UPDATE even SET number = 5 WHERE number = 2;
UPDATE even SET cost = 2000 WHERE number = 2;
UPDATE even SET cost = 25 WHERE number = 2 RETURNING *, old.cost;
INSERT INTO loose VALUES (6, 'f', 5);
INSERT INTO strict VALUES (7, 'g', 5);
INSERT INTO strict VALUES (7, 'g', NULL);
INSERT INTO strict VALUES (8, 'h', 15);
CREATE VIEW sums AS SELECT name, sum(price) FROM goods GROUP BY name WITH CHECK OPTION;
CREATE VIEW bad AS SELECT 1 AS x WITH CHECK OPTION;
ALTER VIEW cheap SET (check_option = cascaded);
ALTER VIEW cheap SET (check_option = nothing);
ALTER VIEW cheap RESET (check_option);
INSERT INTO cheap VALUES (9, 'i', 900);
SELECT * FROM goods ORDER BY id;
CREATE VIEW listed AS SELECT * FROM goods g WHERE EXISTS (SELECT FROM goods o WHERE o.id = g.price) WITH CHECK OPTION;
INSERT INTO listed VALUES (10, 'j', 1);
INSERT INTO listed VALUES (11, 'k', 77);

-- ON CONFLICT
CREATE VIEW renamed AS SELECT name AS label, id AS number, price + 0 AS computed, price FROM goods WHERE price IS NOT NULL;
INSERT INTO renamed (number, label, price) VALUES (1, 'new', 51) ON CONFLICT (number) DO NOTHING;
INSERT INTO renamed (number, label, price) VALUES (1, 'new', 51)
  ON CONFLICT (number) DO UPDATE SET label = excluded.label || '/' || renamed.label, price = excluded.price RETURNING *;
INSERT INTO renamed (number, label, price) VALUES (1, 'x', 52)
  ON CONFLICT (number) DO UPDATE SET price = excluded.computed + 1 WHERE excluded.label <> renamed.label RETURNING *;
INSERT INTO renamed (number, label, price) VALUES (1, 'x', 52) ON CONFLICT (number) DO UPDATE SET computed = 1;
INSERT INTO even VALUES (2, 30, 'z') ON CONFLICT (number) DO UPDATE SET cost = excluded.cost + 1000;
INSERT INTO renamed (number, label, price) VALUES (1, 'x', 52)
  ON CONFLICT (number) DO UPDATE SET label = excluded::text WHERE excluded <> renamed RETURNING *;
INSERT INTO goods AS g VALUES (1, 'whole', 1) ON CONFLICT (id) DO UPDATE SET name = excluded::text
  WHERE g.* <> excluded.* RETURNING *;
EXPLAIN (COSTS OFF) INSERT INTO renamed (number, price) VALUES (1, 2)
  ON CONFLICT (number) DO UPDATE SET price = 3 WHERE excluded.computed > renamed.price;

-- MERGE
MERGE INTO even e USING (VALUES (2, 33), (12, 44), (14, 5000)) v(n, c) ON e.number = v.n
  WHEN MATCHED THEN UPDATE SET cost = v.c
  WHEN NOT MATCHED AND v.c < 1000 THEN INSERT VALUES (v.n, v.c, 'merged')
  RETURNING merge_action(), e.*;
MERGE INTO even e USING (VALUES (13, 44)) v(n, c) ON e.number = v.n
  WHEN NOT MATCHED THEN INSERT VALUES (v.n, v.c, 'merged');
MERGE INTO even e USING (VALUES (12)) v(n) ON e.number = v.n
  WHEN NOT MATCHED BY SOURCE THEN DELETE
  WHEN MATCHED THEN UPDATE SET name = 'kept';
MERGE INTO renamed r USING (VALUES (1)) v(n) ON r.number = v.n WHEN MATCHED THEN UPDATE SET computed = 1;
MERGE INTO sums USING goods ON false WHEN NOT MATCHED THEN INSERT VALUES ('x', 1);
CREATE VIEW sums AS SELECT name, sum(price) FROM goods GROUP BY name;
MERGE INTO sums USING goods ON false WHEN NOT MATCHED THEN INSERT VALUES ('x', 1);
MERGE INTO sums USING goods ON true WHEN MATCHED THEN DELETE;
SELECT * FROM goods ORDER BY id;
EXPLAIN (COSTS OFF) MERGE INTO even e USING (VALUES (12), (13)) v(n) ON e.number = v.n
  WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN DO NOTHING;

SELECT table_name, is_updatable, is_insertable_into, check_option FROM information_schema.views
  WHERE table_schema = 'public' ORDER BY 1;
SELECT table_name, column_name, is_updatable FROM information_schema.columns
  WHERE table_schema = 'public' ORDER BY 1, ordinal_position;
SELECT relname, pg_relation_is_updatable(oid, false), pg_column_is_updatable(oid, 3::int2, false)
  FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1;
SELECT pg_relation_is_updatable(0, true), pg_column_is_updatable('goods'::regclass, (-1)::int2, true);

-- Samples whose share comes from a neighbour.
SELECT pct, count(id) FROM (VALUES (0), (100)) v(pct), LATERAL (SELECT * FROM goods TABLESAMPLE bernoulli (pct)) s GROUP BY pct;
SELECT pct, count(id) FROM (VALUES (0), (100)) v(pct), LATERAL (SELECT * FROM goods TABLESAMPLE system (pct)) s GROUP BY pct;
DROP TABLE goods CASCADE;
