-- Keys whose two sides have different types: by cross-type operators, or by casts either way.
CREATE TABLE exact (id numeric PRIMARY KEY);
INSERT INTO exact VALUES (42), (7.5);
CREATE TABLE whole (id int REFERENCES exact ON UPDATE CASCADE ON DELETE CASCADE, label text);
INSERT INTO whole VALUES (42, 'a'), (NULL, 'b');
INSERT INTO whole VALUES (43, 'c');
DELETE FROM exact WHERE id = 7.5;
UPDATE exact SET id = 44 WHERE id = 42;
SELECT * FROM whole ORDER BY label;
UPDATE exact SET id = 44.4 WHERE id = 44;
SELECT * FROM whole ORDER BY label;
SELECT * FROM exact;
INSERT INTO exact VALUES (44);
DELETE FROM exact WHERE id = 44;
SELECT * FROM whole ORDER BY label;
DROP TABLE whole, exact;

CREATE TABLE wide (id bigint PRIMARY KEY);
INSERT INTO wide VALUES (1), (2), (5000000000);
CREATE TABLE narrow (id int REFERENCES wide ON UPDATE CASCADE, n int);
CREATE INDEX ON narrow (id);
INSERT INTO narrow VALUES (1, 1), (2, 2);
UPDATE wide SET id = 3 WHERE id = 1;
UPDATE wide SET id = 6000000000 WHERE id = 2;
SELECT * FROM narrow ORDER BY n;
DELETE FROM wide WHERE id = 3;
DROP TABLE narrow, wide;

CREATE TABLE named (name varchar(10) PRIMARY KEY);
INSERT INTO named VALUES ('abc'), ('x');
CREATE DOMAIN short AS varchar(4) CHECK (VALUE <> 'nope');
CREATE TABLE uses (name short REFERENCES named ON UPDATE CASCADE, other text REFERENCES named);
INSERT INTO uses VALUES ('abc', 'x');
UPDATE named SET name = 'nope' WHERE name = 'abc';
UPDATE named SET name = 'longer' WHERE name = 'abc';
UPDATE named SET name = 'four' WHERE name = 'abc';
DELETE FROM named WHERE name = 'x';
SELECT * FROM uses;
DROP TABLE uses, named;
DROP DOMAIN short;

-- Rows of composite values in FROM and in the target list.
CREATE TYPE pair AS (a integer, b text);
SELECT *, row_to_json(u) FROM unnest(ARRAY[(1, 'foo')::pair, NULL::pair]) u;
SELECT unnest(ARRAY[(1, 'foo')::pair, NULL::pair]);
SELECT (unnest(ARRAY[(1, 'foo')::pair])).b;
SELECT * FROM unnest(ARRAY[(1, 'foo')::pair]) WITH ORDINALITY;
SELECT q.a, q.b = ROW(2), q.c = ARRAY[ROW(3)], q.d = ROW(ROW(4)) FROM
    unnest(ARRAY[ROW(1, ROW(2), ARRAY[ROW(3)], ROW(ROW(4))),
                 ROW(2, ROW(3), ARRAY[ROW(4)], ROW(ROW(5)))])
      AS q(a int, b record, c record[], d record);
SELECT * FROM unnest(ARRAY[ROW(1, 2)]) AS q(a int, b text);
SELECT * FROM unnest(ARRAY[ROW(1, 2)]) AS q(a int);
DROP TYPE pair;
