\set VERBOSITY default
CREATE TABLE pk (a int, b int, c text, PRIMARY KEY (a, b)) PARTITION BY RANGE (a);
CREATE TABLE pk1 PARTITION OF pk FOR VALUES FROM (0) TO (10);
CREATE TABLE pk2 (c text, b int NOT NULL, a int NOT NULL);
ALTER TABLE pk ATTACH PARTITION pk2 FOR VALUES FROM (10) TO (20);
CREATE TABLE fk (x int, y int, z text DEFAULT 'z', FOREIGN KEY (x, y) REFERENCES pk ON UPDATE CASCADE ON DELETE CASCADE) PARTITION BY LIST (y);
CREATE TABLE fk1 PARTITION OF fk FOR VALUES IN (1, 2);
CREATE TABLE fk2 (z text, y int, q int, x int);
ALTER TABLE fk2 DROP COLUMN q;
ALTER TABLE fk ATTACH PARTITION fk2 FOR VALUES IN (3, 4);
\d fk
\d fk1
\d pk1
\d pk
SELECT conname, conrelid::regclass, confrelid::regclass, conparentid = 0 AS top, conkey, confkey, conislocal, coninhcount, connoinherit, convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY 2, 3, 1;
SELECT tgrelid::regclass, tgfoid::regproc, tgparentid = 0 AS top, tgdeferrable FROM pg_trigger ORDER BY 1, 2, 3;
INSERT INTO pk SELECT i, j FROM generate_series(0, 19) i, generate_series(1, 4) j;
INSERT INTO fk VALUES (1, 1), (11, 2), (12, 3), (5, 4);
INSERT INTO fk VALUES (1, 7);
INSERT INTO fk VALUES (1, 1), (25, 1);
INSERT INTO fk VALUES (8, 3), (NULL, 1), (20, 3);
UPDATE fk SET x = 30 WHERE x = 12;
SELECT tableoid::regclass, * FROM fk ORDER BY 2, 3;
-- update of key, in the partition and across
UPDATE pk SET b = 9 WHERE a = 1 AND b = 1;
UPDATE pk SET b = 5 WHERE a = 1 AND b = 2;
DELETE FROM pk WHERE a = 5 AND b = 3;
DELETE FROM pk WHERE a = 5 AND b = 2;
DELETE FROM pk WHERE a = 1 AND b = 3;
UPDATE pk SET a = 13, b = 44 WHERE a = 11 AND b = 3;
DELETE FROM pk WHERE a = 11 AND b = 3;
UPDATE pk SET a = 99 WHERE a = 2 AND b = 1;
DELETE FROM pk WHERE a = 13 AND b = 3;
UPDATE pk SET a = 3, b = 44 WHERE a = 12 AND b = 4;
DELETE FROM pk WHERE a = 3 AND b = 3;
UPDATE pk SET b = 3 WHERE a = 3 AND b = 44;
UPDATE pk SET a = 13, b = 3 WHERE a = 11 AND b = 2;
SELECT tableoid::regclass, * FROM fk ORDER BY 2, 3;
DELETE FROM pk WHERE a = 5;
SELECT tableoid::regclass, * FROM fk ORDER BY 2, 3;
ALTER TABLE pk DETACH PARTITION pk2;
ALTER TABLE fk DETACH PARTITION fk2;
\d fk2
\d pk2
ALTER TABLE fk ATTACH PARTITION fk2 FOR VALUES IN (3, 4);
\d fk2
SELECT conname, conrelid::regclass, confrelid::regclass, conparentid = 0 AS top, conkey, confkey, conislocal, coninhcount, connoinherit, convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY 2, 3, 1;
DROP TABLE pk1;
TRUNCATE pk1;
TRUNCATE pk;
ALTER TABLE fk1 DROP CONSTRAINT fk_x_y_fkey;
ALTER TABLE fk1 ALTER CONSTRAINT fk_x_y_fkey DEFERRABLE;
ALTER TABLE fk ALTER CONSTRAINT fk_x_y_fkey DEFERRABLE INITIALLY DEFERRED;
SELECT conname, conrelid::regclass, confrelid::regclass, condeferrable, condeferred FROM pg_constraint WHERE contype = 'f' ORDER BY 2, 3, 1;
BEGIN;
INSERT INTO fk VALUES (77, 1);
COMMIT;
BEGIN;
INSERT INTO fk VALUES (77, 1);
SET CONSTRAINTS fk_x_y_fkey IMMEDIATE;
ROLLBACK;
ALTER TABLE fk ALTER CONSTRAINT fk_x_y_fkey NOT ENFORCED;
INSERT INTO fk VALUES (77, 1);
SELECT conname, conrelid::regclass, confrelid::regclass, conenforced, convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY 2, 3, 1;
SELECT count(*) FROM pg_trigger;
ALTER TABLE fk ALTER CONSTRAINT fk_x_y_fkey ENFORCED;
DELETE FROM fk WHERE x = 77;
ALTER TABLE fk ALTER CONSTRAINT fk_x_y_fkey ENFORCED;
SELECT tgrelid::regclass, tgfoid::regproc, tgparentid = 0 AS top, tgdeferrable FROM pg_trigger ORDER BY 1, 2, 3;
ALTER TABLE ONLY fk ADD FOREIGN KEY (x, y) REFERENCES pk;
ALTER TABLE fk ADD CONSTRAINT again FOREIGN KEY (x, y) REFERENCES pk NOT VALID;
SELECT conname, conrelid::regclass, confrelid::regclass, conenforced, convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY 2, 3, 1;
ALTER TABLE fk VALIDATE CONSTRAINT again;
SELECT conname, conrelid::regclass, confrelid::regclass, conenforced, convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY 2, 3, 1;
ALTER TABLE fk DROP CONSTRAINT again;
DELETE FROM fk; INSERT INTO fk SELECT a, b FROM pk;
TRUNCATE pk CASCADE;
DROP TABLE pk CASCADE;
\d fk1
-- self-referencing
CREATE TABLE tree (id int, up int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
ALTER TABLE tree ADD FOREIGN KEY (up) REFERENCES tree ON DELETE SET NULL;
CREATE TABLE tree1 PARTITION OF tree FOR VALUES FROM (0) TO (10);
CREATE TABLE tree2 (up int, id int NOT NULL);
ALTER TABLE tree ATTACH PARTITION tree2 FOR VALUES FROM (10) TO (20);
INSERT INTO tree VALUES (1, NULL), (11, 1), (2, 11), (12, 2);
INSERT INTO tree VALUES (3, 4);
DELETE FROM tree WHERE id = 1;
SELECT * FROM tree ORDER BY id;
UPDATE tree SET id = 15 WHERE id = 2;
UPDATE tree SET id = 5 WHERE id = 12;
SELECT conname, conrelid::regclass, confrelid::regclass, conparentid = 0 AS top FROM pg_constraint WHERE contype = 'f' ORDER BY 2, 3, 1;
\d tree1
ALTER TABLE tree DETACH PARTITION tree2;
DELETE FROM tree;
ALTER TABLE tree DETACH PARTITION tree2;
SELECT conname, conrelid::regclass, confrelid::regclass, conparentid = 0 AS top FROM pg_constraint WHERE contype = 'f' ORDER BY 2, 3, 1;
DROP TABLE tree, tree2;
-- a level between
CREATE TABLE r (a int PRIMARY KEY) PARTITION BY RANGE (a);
CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (a);
CREATE TABLE r11 PARTITION OF r1 FOR VALUES FROM (0) TO (50);
CREATE TABLE r12 PARTITION OF r1 FOR VALUES FROM (50) TO (100);
CREATE TABLE s (a int REFERENCES r1);
INSERT INTO r VALUES (1), (60);
INSERT INTO s VALUES (1), (60);
INSERT INTO s VALUES (2);
UPDATE r SET a = 61 WHERE a = 1;
UPDATE r1 SET a = 61 WHERE a = 1;
DELETE FROM r WHERE a = 1;
CREATE TABLE t (a bigint REFERENCES r);
INSERT INTO t VALUES (60), (61);
INSERT INTO t VALUES (60);
DROP TABLE r12;
ALTER TABLE r1 DETACH PARTITION r12;
ALTER TABLE r DETACH PARTITION r1;
DROP TABLE r, s, t CASCADE;
