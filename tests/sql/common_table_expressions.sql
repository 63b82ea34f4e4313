-- WITH: plain, recursive, data-modifying, SEARCH and CYCLE.
CREATE TABLE tree (id int PRIMARY KEY, parent int, name text);
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'a'), (3, 1, 'b'), (4, 2, 'aa'), (5, 4, 'aaa');
WITH t AS (SELECT 1 AS x), u(y) AS (SELECT x + 1 FROM t) SELECT * FROM t, u;
WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT sum(i), count(*) FROM n;
WITH RECURSIVE down AS (
  SELECT id, name, 0 AS depth, name AS path FROM tree WHERE parent IS NULL
  UNION ALL
  SELECT t.id, t.name, d.depth + 1, d.path || '/' || t.name FROM tree t JOIN down d ON t.parent = d.id)
SELECT * FROM down ORDER BY path;
WITH RECURSIVE fib(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM fib WHERE b < 50) SELECT a FROM fib;
WITH RECURSIVE r(x) AS (SELECT 1 UNION SELECT (x + 1) % 4 FROM r) SELECT x FROM r ORDER BY x;
WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g) SELECT i FROM g LIMIT 3;
WITH RECURSIVE s AS (SELECT id, parent, name FROM tree WHERE id = 1 UNION ALL SELECT t.id, t.parent, t.name FROM tree t, s WHERE t.parent = s.id)
SEARCH DEPTH FIRST BY id SET ord SELECT id, name FROM s ORDER BY ord;
WITH RECURSIVE s AS (SELECT id, parent FROM tree WHERE id = 1 UNION ALL SELECT t.id, t.parent FROM tree t, s WHERE t.parent = s.id)
SEARCH BREADTH FIRST BY id SET ord SELECT id FROM s ORDER BY ord;
WITH RECURSIVE c(f, t) AS (SELECT 1, 2 UNION ALL SELECT t, CASE t WHEN 2 THEN 3 ELSE 1 END FROM c)
CYCLE f SET is_cycle USING path SELECT f, t, is_cycle, path FROM c;
WITH moved AS (DELETE FROM tree WHERE id = 5 RETURNING *) SELECT name FROM moved;
WITH ins AS (INSERT INTO tree VALUES (6, 3, 'bb') RETURNING id) SELECT (SELECT id FROM ins), count(*) FROM tree;
SELECT count(*) FROM tree;
WITH up AS (UPDATE tree SET name = upper(name) WHERE parent = 1 RETURNING id, name) INSERT INTO tree SELECT id + 100, NULL, name FROM up RETURNING id, name;
WITH a AS MATERIALIZED (SELECT 1 AS x) SELECT * FROM a;
WITH a AS NOT MATERIALIZED (SELECT id FROM tree) SELECT max(id) FROM a JOIN a b USING (id);
WITH t AS (SELECT 1) SELECT * FROM (WITH t AS (SELECT 2) SELECT * FROM t) x, t;
WITH x AS (SELECT 1), x AS (SELECT 2) SELECT * FROM x;
WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a;
WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT 'a'::text FROM r) SELECT * FROM r;
WITH RECURSIVE r AS (SELECT * FROM r) SELECT * FROM r;
WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT count(x)::int FROM r) SELECT * FROM r;
WITH a(x, y) AS (SELECT 1) SELECT * FROM a;
EXPLAIN (COSTS OFF) WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n;
