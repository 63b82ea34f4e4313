-- The first tutorial a learner types: constraints, rejected rows, parameters, transactions,
-- proof that an index is used, foreign keys, row locks, VACUUM.
CREATE TABLE products (
id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
sku text NOT NULL UNIQUE,
name text NOT NULL,
unit_price integer NOT NULL CHECK (unit_price >= 0), -- price in cents
stock integer NOT NULL DEFAULT 0 CHECK (stock >= 0)
);
INSERT INTO products (sku, name, unit_price, stock)
VALUES ('WIDGET-1', 'Widget', 1999, 100);
-- This is rejected by the CHECK constraint:
INSERT INTO products (sku, name, unit_price) VALUES ('BAD', 'Bad', -5);
INSERT INTO products (sku, name, unit_price) VALUES ('WIDGET-1', 'Again', 5);
INSERT INTO products (sku, unit_price) VALUES ('NONAME', 5);
INSERT INTO products (id, sku, name, unit_price) VALUES (7, 'ID-7', 'Seven', 5);
\d products
PREPARE find_sku (text) AS
SELECT id, name, unit_price FROM products WHERE sku = $1;
EXECUTE find_sku('WIDGET-1');
EXECUTE find_sku('''; DROP TABLE products; --');
-- ordering, limiting, projecting only what you need
SELECT name, unit_price
FROM products
WHERE unit_price < 5000
ORDER BY unit_price ASC
LIMIT 10;
BEGIN;
UPDATE products
SET stock = stock - 1
WHERE id = 1 AND stock >= 1; -- the WHERE guards against overselling
COMMIT;
BEGIN;
UPDATE products SET stock = stock - 1 WHERE id = 1;
ROLLBACK;
SELECT id, sku, stock FROM products ORDER BY id;
-- Index, then verify
INSERT INTO products (sku, name, unit_price, stock)
SELECT 'SKU-' || g, 'Product ' || g, g % 1000, g % 3 FROM generate_series(1, 20000) g;
DEALLOCATE find_sku;
EXPLAIN (COSTS OFF) SELECT id, name FROM products WHERE name = 'Product 77';
CREATE INDEX idx_products_name ON products (name);
CREATE INDEX idx_products_sku ON products (sku);
CREATE INDEX idx_products_in_stock ON products (id) WHERE stock > 0;
VACUUM (ANALYZE) products;
EXPLAIN (COSTS OFF) SELECT id, name FROM products WHERE name = 'Product 77';
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF)
SELECT id, name FROM products WHERE name = 'Product 77';
\d products
-- JSONB
ALTER TABLE products ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}';
UPDATE products
SET attributes = '{"color":"blue","tags":["clearance","new"]}'
WHERE sku = 'WIDGET-1';
SELECT name, attributes ->> 'color' AS color FROM products ORDER BY id LIMIT 2;
SELECT name FROM products WHERE attributes @> '{"color":"blue"}';
SELECT name FROM products WHERE attributes @> '{"tags":["clearance"]}';
-- A foreign key with an explicit delete policy
CREATE TABLE orders (
id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
product_id bigint NOT NULL REFERENCES products (id) ON DELETE RESTRICT,
qty integer NOT NULL CHECK (qty > 0),
created_at timestamptz NOT NULL DEFAULT now()
);
-- Rejected: no product with id 999999 exists
INSERT INTO orders (product_id, qty) VALUES (999999, 1);
INSERT INTO orders (product_id, qty) VALUES (1, 2);
DELETE FROM products WHERE id = 1;
CREATE INDEX idx_orders_product_id ON orders (product_id);
\d orders
-- Lock the row, then decide
BEGIN;
SELECT stock FROM products WHERE id = 1 FOR UPDATE;
UPDATE products SET stock = stock - 1 WHERE id = 1 AND stock >= 1;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT sum(stock) FROM products;
UPDATE products SET stock = 0 WHERE id = 1;
COMMIT;
SELECT stock FROM products WHERE id = 1;
VACUUM (ANALYZE) orders;
SELECT relname, last_autovacuum IS NULL AS quiet FROM pg_stat_user_tables
WHERE relname = 'orders';
