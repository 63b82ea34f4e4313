-- Every kind of join.
CREATE TABLE dept (id int PRIMARY KEY, dname text);
CREATE TABLE emp (id int PRIMARY KEY, ename text, dept_id int, boss int);
INSERT INTO dept VALUES (1, 'sales'), (2, 'it'), (3, 'empty');
INSERT INTO emp VALUES (1, 'ann', 1, NULL), (2, 'bob', 1, 1), (3, 'cid', 2, 1), (4, 'dee', NULL, 3), (5, 'eve', 9, 3);
SELECT e.ename, d.dname FROM emp e JOIN dept d ON d.id = e.dept_id ORDER BY 1;
SELECT e.ename, d.dname FROM emp e LEFT JOIN dept d ON d.id = e.dept_id ORDER BY 1;
SELECT e.ename, d.dname FROM emp e RIGHT JOIN dept d ON d.id = e.dept_id ORDER BY 2, 1;
SELECT e.ename, d.dname FROM emp e FULL JOIN dept d ON d.id = e.dept_id ORDER BY 1, 2;
SELECT count(*) FROM emp CROSS JOIN dept;
SELECT id, ename, dname FROM emp JOIN dept USING (id) ORDER BY id;
SELECT * FROM emp NATURAL JOIN dept ORDER BY id;
SELECT e.ename, b.ename AS boss FROM emp e LEFT JOIN emp b ON b.id = e.boss ORDER BY e.id;
SELECT d.dname, x.ename FROM dept d LEFT JOIN LATERAL (SELECT ename FROM emp WHERE dept_id = d.id ORDER BY ename DESC LIMIT 1) x ON true ORDER BY 1;
SELECT d.dname, g FROM dept d, generate_series(1, d.id) g WHERE d.id < 3 ORDER BY 1, 2;
SELECT e.ename, d.dname FROM emp e LEFT JOIN dept d ON d.id = e.dept_id AND d.dname = 'it' ORDER BY 1;
SELECT e.ename FROM emp e LEFT JOIN dept d ON d.id = e.dept_id WHERE d.id IS NULL ORDER BY 1;
SELECT a.id, b.id FROM emp a JOIN emp b ON a.id < b.id AND a.dept_id = b.dept_id ORDER BY 1, 2;
SELECT * FROM (emp e JOIN dept d ON d.id = e.dept_id) AS j(i, n, di, b, d2, dn) ORDER BY i;
SELECT j.* FROM emp JOIN dept USING (id) AS j ORDER BY 1;
SELECT dname, count(e.id) FROM dept d LEFT JOIN emp e ON e.dept_id = d.id GROUP BY d.id ORDER BY d.id;
SELECT a.x, b.x FROM (VALUES (1), (2), (NULL)) a(x) FULL JOIN (VALUES (2), (NULL), (3)) b(x) ON a.x = b.x ORDER BY 1, 2;
SELECT * FROM emp e JOIN dept d ON e.nosuch = d.id;
SELECT id FROM emp, dept;
SELECT * FROM emp e JOIN dept e ON true;
SELECT emp.id FROM emp e;
SELECT * FROM emp JOIN dept USING (ename);
SELECT * FROM emp e, (SELECT e.id) s;
SELECT * FROM emp e FULL JOIN dept d ON e.id < d.id;
SELECT * FROM emp a RIGHT JOIN LATERAL (SELECT a.id) b ON true;

-- Conditions above an outer join are not checked below it, not even where the rows of both sides are at hand.
CREATE TABLE linked (id int PRIMARY KEY, up int, hidden bool, state "char");
INSERT INTO linked SELECT g, 0, g % 2 = 0, 'O' FROM generate_series(1, 5000) g;
INSERT INTO linked VALUES (9000, 5, true, 'D');
ANALYZE linked;
SELECT count(*) FROM linked a LEFT JOIN linked u ON u.id = a.up
  WHERE a.id BETWEEN 1 AND 4 AND ((NOT a.hidden AND a.up = 0) OR a.state <> u.state);
EXPLAIN (COSTS OFF) SELECT count(*) FROM linked a LEFT JOIN linked u ON u.id = a.up
  WHERE a.id BETWEEN 1 AND 4 AND ((NOT a.hidden AND a.up = 0) OR a.state <> u.state);
SELECT a.id, u.id FROM linked a LEFT JOIN linked u ON u.id = a.up
  WHERE a.id IN (1, 2, 9000) AND (u.id = a.up OR a.id = 1) ORDER BY 1;
SELECT a.id, u.id, v.id FROM linked a LEFT JOIN (linked u LEFT JOIN linked v ON v.id = u.up) ON u.id = a.up
  WHERE a.id IN (1, 9000) AND coalesce(v.id, a.up) >= 0 AND (v.hidden IS NULL OR u.hidden = v.hidden) ORDER BY 1;
DROP TABLE linked;
-- Merge joins whose runs of equal keys go over many batches, on either side.
SET enable_hashjoin = off;
SET enable_nestloop = off;
CREATE TABLE runs_a AS SELECT CASE WHEN i % 50 <> 0 THEN i / 700 END AS k, i, date '2024-01-01' + i % 40 AS d, (i % 3)::int8 AS l FROM generate_series(1, 6000) i;
CREATE TABLE runs_b AS SELECT CASE WHEN i % 70 <> 0 THEN i / 1500 END AS k, i, date '2024-01-01' + i % 60 AS d FROM generate_series(1, 5000) i;
ANALYZE runs_a;
ANALYZE runs_b;
SELECT count(*), sum(a.i::bigint * b.i), min(b.i), max(a.i) FROM runs_a a JOIN runs_b b ON a.k = b.k;
SELECT count(*), sum(a.i::bigint * b.i) FROM runs_a a JOIN runs_b b ON a.k = b.k AND a.i > b.i;
SELECT count(*), sum(a.i::bigint + b.i) FROM runs_a a JOIN runs_b b USING (d);
SELECT a.d, count(*), max(a.i), min(b.i) FROM runs_a a JOIN runs_b b ON a.d = b.d AND b.i < 200 GROUP BY a.d ORDER BY a.d DESC LIMIT 3;
SELECT count(*), sum(b.i) FROM runs_a a JOIN runs_b b ON a.i = b.i WHERE b.k IS NULL;
SELECT count(*), sum(b.i) FROM (SELECT DISTINCT k FROM runs_a) a JOIN runs_b b ON a.k = b.k;
SELECT count(*), sum(b.i) FROM runs_b b JOIN (SELECT DISTINCT k FROM runs_a) a ON a.k = b.k;
SELECT count(*), sum(b.i) FROM runs_a a JOIN runs_b b ON a.l = b.k WHERE a.i < 900;
SELECT count(*) FROM runs_a a JOIN runs_b b ON a.k = b.k WHERE b.i > 4990 AND a.i > 5990;
SELECT a.i, (SELECT sum(c.i) FROM runs_b b JOIN runs_a c ON b.k = c.k WHERE b.i = a.i) FROM runs_a a WHERE a.i IN (1, 699, 1400, 5999) ORDER BY 1;
RESET enable_hashjoin;
RESET enable_nestloop;
DROP TABLE runs_a, runs_b;

-- Each member of a class that equals a constant is compared with it.
create table ecx(a int primary key, b int); insert into ecx select i, i+(i%2) from generate_series(1,1000) i; analyze ecx;
explain (costs off) select * from ecx where a = b and b = 43;
select * from ecx where a = b and b = 43;
create table ecy(a int8 primary key, b int8); insert into ecy select i, i+(i%2) from generate_series(1,1000) i; analyze ecy;
explain (costs off) select * from ecy where a = b and b = 43;
select * from ecy where a = b and b = 43;
explain (costs off) select * from ecy where a = b and b = 43::int8;
select * from ecy where a = b and b = 43::int8;
explain (costs off) select * from ecx, ecy where ecx.a = ecy.a and ecy.a = 43 and ecx.b = ecy.b and ecx.b = 43;
explain (costs off) select * from ecx, ecy where ecx.a = ecy.a and ecy.a = 43 and ecx.b = ecy.a and ecx.b = ecy.b;
drop table ecx, ecy;
