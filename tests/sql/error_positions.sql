-- Errors with positions, hints and details.
CREATE TABLE products (id int, unit_price int, "Name" text);
SELEC 1;
SELECT FROM WHERE;
SELECT * FORM products;
SELECT (1 + 2 \g
SELECT 1 +;
SELECT 'unterminated;
';
SELECT "unterminated;
";
SELECT 1 FROM products WHERE;
INSERT products VALUES (1);
UPDATE products unit_price = 1;
DELETE products;
CREATE TABLE x (a int b int);
CREATE TABEL x ();
SELECT unitprice FROM products;
SELECT name FROM products;
SELECT p.unit_pric FROM products p;
SELECT products.id FROM products p;
SELECT nosuch.id FROM products;
SELECT * FROM product;
SELECT * FROM nosuch.products;
SELECT * FROM a.b.c.d;
SELECT nosuchfunc(1);
SELECT upper(1, 2);
SELECT round('x', 'y');
SELECT 1 + 'a';
SELECT 1 + true;
SELECT 'a' || 1 + 2;
SELECT now() + 1;
SELECT id = 'x' FROM products;
SELECT * FROM products WHERE id;
SELECT * FROM products WHERE id = '5' AND "Name" = 5;
SELECT id FROM products ORDER BY 2;
SELECT id FROM products GROUP BY 5;
SELECT CASE WHEN 1 THEN 2 END;
SELECT CASE WHEN true THEN 1 ELSE 'x' END;
SELECT coalesce(1, 'x');
SELECT 1 IN ('a');
SELECT generate_series(1, 2) FROM products WHERE generate_series(1, 2) > 1;
SELECT (id).x FROM products;
SELECT ROW(1, 2) = ROW(1);
SELECT ARRAY[1] + 1;
SELECT 'x' COLLATE "nosuch";
SELECT 1::nosuch;
SELECT interval '1 day' * interval '1 day';
SELECT -'x';
SELECT !1;
SELECT $1;
SELECT 1 LIMIT -1;
SELECT 1 LIMIT 'x';
SELECT
  1,
  2,
  nosuch,
  4;
SELECT 123abc;
SELECT 0x;
SELECT E'\u12';
SELECT lower(1);
SELECT sum(1, 2);
SELECT * FROM generate_series(1, 2) AS t(a, b);
SELECT * FROM (VALUES (1, 2)) t(a, b, c);
SELECT pg_catalog.nosuch();
SELECT count(*) FROM products FOR UPDATE;
SET nosuch = 1;
DROP TABLE nosuch;
DROP FUNCTION nosuch();
\set VERBOSITY sqlstate
SELECT 1/0;
SELECT nosuch;
\set VERBOSITY terse
SELECT nosuch;
