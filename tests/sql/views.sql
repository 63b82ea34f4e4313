-- Views: definition text, updatable views, check option, dependencies.
CREATE TABLE base (id int PRIMARY KEY, grp text, v numeric);
INSERT INTO base VALUES (1, 'a', 1.5), (2, 'a', 2), (3, 'b', 3);
CREATE VIEW plain AS SELECT id, grp, v FROM base WHERE v > 1 ORDER BY id;
CREATE VIEW agg (g, total) AS SELECT grp, sum(v) FROM base GROUP BY grp HAVING count(*) > 0;
CREATE VIEW joined AS SELECT b.id, a.total, CASE WHEN b.v > 2 THEN 'big' ELSE 'small' END AS size FROM base b LEFT JOIN agg a ON a.g = b.grp;
CREATE VIEW nested AS WITH x AS (SELECT * FROM plain) SELECT x.*, row_number() OVER (PARTITION BY grp ORDER BY id) AS n FROM x WHERE id IN (SELECT id FROM base) OR EXISTS (SELECT 1 FROM base WHERE grp LIKE 'z%');
SELECT * FROM plain;
SELECT * FROM agg ORDER BY g;
SELECT * FROM joined ORDER BY id;
SELECT * FROM nested ORDER BY id;
SELECT pg_get_viewdef('plain');
SELECT pg_get_viewdef('agg', true);
SELECT pg_get_viewdef('joined', true);
SELECT pg_get_viewdef('nested', true);
CREATE VIEW upd AS SELECT id, grp FROM base WHERE grp = 'a' WITH CHECK OPTION;
INSERT INTO upd VALUES (10, 'a');
INSERT INTO upd VALUES (11, 'b');
UPDATE upd SET grp = 'b' WHERE id = 10;
UPDATE upd SET id = 12 WHERE id = 10;
DELETE FROM upd WHERE id = 12;
INSERT INTO agg VALUES ('x', 1);
DELETE FROM joined;
SELECT table_name, is_updatable, is_insertable_into FROM information_schema.views WHERE table_schema = 'public' ORDER BY 1;
CREATE OR REPLACE VIEW upd AS SELECT id, grp, v FROM base;
CREATE OR REPLACE VIEW upd AS SELECT id FROM base;
CREATE VIEW upd AS SELECT 1;
CREATE VIEW bad AS SELECT nosuch FROM base;
CREATE VIEW bad AS SELECT 1, 1;
CREATE VIEW bad (a, b) AS SELECT 1;
DROP VIEW agg;
DROP TABLE base;
DROP VIEW agg CASCADE;
DROP TABLE plain;
DROP VIEW base;
ALTER VIEW plain RENAME TO simple;
SELECT * FROM simple;
CREATE MATERIALIZED VIEW mat AS SELECT grp, count(*) AS n FROM base GROUP BY grp;
INSERT INTO base VALUES (20, 'z', 0);
SELECT * FROM mat ORDER BY grp;
REFRESH MATERIALIZED VIEW mat;
SELECT * FROM mat ORDER BY grp;
CREATE MATERIALIZED VIEW empty AS SELECT 1 AS x WITH NO DATA;
SELECT * FROM empty;
\d+ mat
\dv
\dm
