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
-- Plain spellings and others of the same types in one file, at the edges of what each type holds.
CREATE TABLE spelled (i2 int2, i4 int4, i8 int8, n numeric, np numeric(8,3), d date, ts timestamp, tz timestamptz, v varchar(5), c char(4));
SET timezone TO 'Europe/Berlin';
COPY spelled FROM stdin;
1	-2	3	4.50	5.25	2024-02-29	2024-02-29 23:59:59.25	2024-07-01 12:00:00	abc	xy
-32768	-2147483648	-9223372036854775808	-0.00	99999.999	0001-01-01	1999-12-31 00:00:00	2024-07-01 12:00:00-03:30	äöüß!	é
0x10	1_000	 7 	1e3	.5	2024-6-1	May 3 2024 10:00	2024-03-31 02:30:00	a	\N
\N	\N	\N	NaN	\N	infinity	epoch	2024-10-27 02:30:00+01	\N	    
0	0000000000000000000012	12345678901234567	0.00012	00012.5	9999-12-31	1583-01-01 24:00:00	2024-07-01 12:00:00 UTC	ab   	ab
\.
SELECT * FROM spelled;
COPY spelled TO stdout;
COPY spelled TO stdout (FORMAT csv);
COPY spelled (i2) FROM stdin;
32768
\.
COPY spelled (v) FROM stdin;
abcdef
\.
COPY spelled (d) FROM stdin;
2024-02-30
\.
-- What is wrong is told in the order of the rows, whatever is wrong with them.
CREATE TABLE keyed (a int PRIMARY KEY, b int NOT NULL, c text UNIQUE);
COPY keyed FROM stdin;
5	1	five
3	1	three
5	1	again
1	1	three
\.
COPY keyed FROM stdin;
9	1	same
2	1	two
8	1	same
2	1	other
\.
COPY keyed FROM stdin (ON_ERROR ignore, LOG_VERBOSITY verbose);
1	1	a
2	\N	b
x	1	c
\.
COPY keyed FROM stdin (ON_ERROR ignore, LOG_VERBOSITY verbose);
1	1	a
y
x	1	c
2	2	b
\.
COPY keyed FROM stdin WHERE random() >= 0;
1	1	again
x	1	c
\.
COPY keyed FROM stdin WHERE random() >= 0;
1	1	again
3	\N	null
\.
SELECT * FROM keyed ORDER BY a;
INSERT INTO keyed SELECT g % 5 + 10, 1, NULL FROM generate_series(1, 7) g;
INSERT INTO keyed SELECT 30 - g, 1, 'n' || g FROM generate_series(1, 9) g;
SET enable_seqscan TO off;
SELECT a FROM keyed WHERE a > 10 ORDER BY a;
SELECT a FROM keyed WHERE c >= 'n5' ORDER BY c;
