-- COPY from and to the client, text and csv, with its error contexts.
CREATE TABLE t (a int, b text, c numeric DEFAULT 1.5);
COPY t (a, b) FROM stdin;
1	one
2	tab\there
3	\N
4	back\\slash\nline
\.
COPY t FROM stdin (FORMAT csv);
5,"quoted, comma",2.5
6,"with ""quotes""",
7,,3
\.
COPY t FROM stdin WITH (FORMAT csv, HEADER true, DELIMITER ';', NULL 'nil', QUOTE '''');
a;b;c
8;'semi;colon';nil
\.
SELECT a, b, b IS NULL AS bnull, c FROM t ORDER BY a;
COPY t TO stdout;
COPY t (b, a) TO stdout (FORMAT csv, HEADER, FORCE_QUOTE (b));
COPY (SELECT a, b FROM t WHERE a < 3 ORDER BY a DESC) TO stdout (DELIMITER '|', NULL 'none');
COPY t FROM stdin;
9	bad	number
\.
COPY t FROM stdin;
x	bad	1
\.
COPY t FROM stdin;
9	few
\.
COPY t FROM stdin;
9	many	1	2
\.
COPY t FROM stdin (FORMAT csv);
9,"unterminated
\.
COPY t FROM stdin (ON_ERROR ignore);
10	ten	10
y	why	1
\.
COPY t FROM stdin WHERE a > 11;
11	skipped	1
12	kept	1
\.
SELECT count(*) FROM t;
COPY nosuch TO stdout;
COPY t (nosuch) TO stdout;
COPY t TO stdout (FORMAT nosuch);
COPY t TO stdout (DELIMITER 'ab');
COPY t TO stdout (HEADER 5);
COPY (DELETE FROM t) TO stdout;
\copy (SELECT 1 AS x, 'y' AS z) TO stdout CSV HEADER
ALTER TABLE t ADD CONSTRAINT small CHECK (a < 100);
COPY t FROM stdin;
1000	big	1
\.
COPY t (a, c) TO stdout (FORMAT csv, NULL 'NULL');
