-- What depends on a column whose type changes
CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, k int UNIQUE, v int CHECK (v > 0), t text,
    CONSTRAINT smaller CHECK (k < v OR k IS NULL));
CREATE INDEX expr ON a ((v + 1));
CREATE INDEX part ON a (t) WHERE v > 10;
CREATE UNIQUE INDEX low ON a (lower(t));
COMMENT ON CONSTRAINT smaller ON a IS 'the smaller one';
COMMENT ON INDEX part IS 'some';
CREATE TABLE b (k int REFERENCES a (k) ON DELETE CASCADE, id int CONSTRAINT nv REFERENCES a);
ALTER TABLE b ADD CONSTRAINT later FOREIGN KEY (k) REFERENCES a (k) NOT VALID;
INSERT INTO a (k, v, t) VALUES (1, 2, 'x'), (3, 40, 'Y');
INSERT INTO b VALUES (1, 1), (3, 2);
ALTER TABLE a ALTER v TYPE numeric(10, 2);
\d a
ALTER TABLE a ALTER k TYPE bigint, ALTER v TYPE bigint USING (v * 2)::bigint;
\d a
\d b
SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conname = 'smaller';
SELECT obj_description('part'::regclass, 'pg_class');
ALTER TABLE b ALTER k TYPE text;
ALTER TABLE a ALTER v TYPE text;
ALTER TABLE a ALTER id TYPE bigint;
\d a
\d a_id_seq
INSERT INTO a (k, v, t) VALUES (5, 6, 'z') RETURNING *;
INSERT INTO a (k, v, t) VALUES (5, -6, 'z');
INSERT INTO a (k, v, t) VALUES (7, 60, 'Z');
DELETE FROM a WHERE k = 3;
SELECT * FROM b;
ALTER TABLE a ALTER t TYPE varchar(10);
\d a
CREATE VIEW w AS SELECT v FROM a;
ALTER TABLE a ALTER v TYPE int;
DROP VIEW w;
CREATE TABLE g (x int, y int GENERATED ALWAYS AS (x * 2) STORED, z int GENERATED ALWAYS AS (x + 1) VIRTUAL);
INSERT INTO g VALUES (3);
ALTER TABLE g ALTER x TYPE bigint;
ALTER TABLE g ALTER y TYPE numeric;
ALTER TABLE g ALTER y TYPE bool;
ALTER TABLE g ALTER y TYPE text USING 'no';
ALTER TABLE g ALTER z TYPE bigint;
\d g
SELECT * FROM g;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tr BEFORE UPDATE OF v ON a FOR EACH ROW WHEN (NEW.v > 0) EXECUTE FUNCTION f();
ALTER TABLE a ALTER v TYPE int;
DROP TRIGGER tr ON a;
-- inheritance and partitions
CREATE TABLE par (c int CHECK (c > 0), d int);
CREATE TABLE chi (e int, CHECK (c < 100)) INHERITS (par);
CREATE INDEX chi_c ON chi ((c + 1));
INSERT INTO chi VALUES (5, 6, 7);
ALTER TABLE par ALTER c TYPE bigint;
\d par
\d chi
SELECT conname, conrelid::regclass, conislocal, coninhcount FROM pg_constraint WHERE conrelid IN ('par'::regclass, 'chi'::regclass) ORDER BY 1, 2;
CREATE TABLE pt (k int PRIMARY KEY, r int REFERENCES par2) PARTITION BY RANGE (k);
CREATE TABLE par2 (id int PRIMARY KEY);
CREATE TABLE pt (k int PRIMARY KEY, r int REFERENCES par2) PARTITION BY RANGE (k);
CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10);
INSERT INTO par2 VALUES (1);
INSERT INTO pt VALUES (1, 1);
ALTER TABLE pt ALTER r TYPE bigint;
ALTER TABLE par2 ALTER id TYPE bigint;
SELECT conname, conrelid::regclass, confrelid::regclass, conparentid <> 0 AS copy FROM pg_constraint WHERE contype = 'f' AND conrelid IN ('pt'::regclass, 'pt1'::regclass) ORDER BY 1, 2;
INSERT INTO pt VALUES (2, 2);
ALTER TABLE pt1 ALTER r TYPE int;
DROP TABLE pt, par2, chi, par, g, b, a;
DROP FUNCTION f;
