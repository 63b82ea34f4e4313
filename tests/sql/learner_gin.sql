-- A GIN index over jsonb, as the learner's tutorial makes it.
CREATE TABLE products (id int PRIMARY KEY, name text, attributes jsonb NOT NULL DEFAULT '{}');
INSERT INTO products SELECT g, 'p' || g, jsonb_build_object('color', (ARRAY['red','blue','green'])[g % 3 + 1], 'n', g)
FROM generate_series(1, 5000) g;
INSERT INTO products VALUES (0, 'rare', '{"color": "ultramarine", "tags": ["clearance", "new"]}');
CREATE INDEX idx_products_attrs ON products USING GIN (attributes);
VACUUM ANALYZE products;
SELECT name FROM products WHERE attributes @> '{"color":"ultramarine"}';
SELECT name FROM products WHERE attributes @> '{"tags":["clearance"]}';
SELECT count(*) FROM products WHERE attributes ? 'tags';
EXPLAIN (COSTS OFF) SELECT name FROM products WHERE attributes @> '{"color":"ultramarine"}';
\d products
