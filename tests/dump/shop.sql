-- What pg_dump is asked to write, on Ferrodon and on PostgreSQL 18 alike.
DROP ROLE IF EXISTS dump_reader;
CREATE ROLE dump_reader;
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'ok');
ALTER TYPE shop.mood ADD VALUE 'soso' BEFORE 'ok';
CREATE DOMAIN shop.quantity AS int DEFAULT 1 CHECK (VALUE > 0);
CREATE TYPE shop.pair AS (x int, y text);
CREATE TABLE shop.products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sku text NOT NULL UNIQUE, price numeric(10,2) CHECK (price >= 0),
    mood shop.mood DEFAULT 'ok', q shop.quantity, tags text[], made timestamptz DEFAULT now(), flags bytea, doc jsonb,
    total numeric GENERATED ALWAYS AS (price * 2) STORED);
CREATE TABLE shop.orders (id serial PRIMARY KEY, product bigint REFERENCES shop.products ON DELETE CASCADE, note varchar(20) COLLATE "C");
ALTER TABLE shop.orders ALTER note SET STORAGE external, ALTER note SET STATISTICS 7, ADD CONSTRAINT later CHECK (id > 0) NOT VALID;
CREATE INDEX ON shop.orders (product DESC NULLS LAST) WHERE note IS NOT NULL;
CREATE UNIQUE INDEX ON shop.products (lower(sku)) INCLUDE (price);
CREATE VIEW shop.cheap AS SELECT * FROM shop.products WHERE price < 10 WITH CHECK OPTION;
CREATE MATERIALIZED VIEW shop.counts AS SELECT mood, count(*) FROM shop.products GROUP BY mood;
CREATE SEQUENCE shop.numbers INCREMENT 5 MAXVALUE 1000 CYCLE;
GRANT SELECT, UPDATE (note) ON shop.orders TO dump_reader;
GRANT USAGE ON SCHEMA shop TO dump_reader WITH GRANT OPTION;
COMMENT ON TABLE shop.orders IS 'orders';
COMMENT ON COLUMN shop.orders.note IS 'it''s a note';
CREATE FUNCTION shop.next(a int DEFAULT 3) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS 'SELECT a + 1';
CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS $$begin new.note := upper(new.note); return new; end$$;
CREATE TRIGGER stamp BEFORE INSERT ON shop.orders FOR EACH ROW WHEN (new.note IS NOT NULL) EXECUTE FUNCTION shop.stamp();
CREATE TABLE shop.log (a int, b date) PARTITION BY RANGE (b);
CREATE TABLE shop.log_2020 PARTITION OF shop.log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE shop.log_rest PARTITION OF shop.log DEFAULT;
CREATE INDEX ON shop.log (a);
CREATE TABLE shop.parent (a int NOT NULL);
CREATE TABLE shop.child (b int) INHERITS (shop.parent);
INSERT INTO shop.products (sku, price, tags, made, flags, doc) VALUES
    ('a', 1, '{x,"y z",NULL}', '2020-01-01', '\x00ff', '{"k": [1, 2.50, null]}'), (E'b\t\\', 20, NULL, '2020-01-02', NULL, NULL);
INSERT INTO shop.orders (product, note) VALUES (1, 'hi'), (2, NULL);
INSERT INTO shop.log VALUES (1, '2020-05-05'), (2, '2024-01-01');
INSERT INTO shop.child VALUES (1, 2);
SELECT nextval('shop.numbers'), nextval('shop.numbers');
REFRESH MATERIALIZED VIEW shop.counts;
