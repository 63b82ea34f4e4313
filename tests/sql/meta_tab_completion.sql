-- Queries of the kind psql sends for its meta commands and for tab completion.
CREATE TABLE alpha (id int PRIMARY KEY, beta text);
CREATE VIEW alpha_view AS SELECT * FROM alpha;
CREATE SEQUENCE alpha_seq;
SELECT pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'S', 'v', 'm', 'f', 'p') AND (c.relname) LIKE 'al%' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1 LIMIT 1000;
SELECT DISTINCT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'S', 'v', 'm', 'f', 'p') AND (c.relname) LIKE 'alph%' AND pg_catalog.pg_table_is_visible(c.oid) AND c.relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog') UNION ALL SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'alph%' AND n.nspname NOT LIKE E'pg\\_%' ORDER BY 1 LIMIT 1000;
SELECT a.attname FROM pg_catalog.pg_attribute a, pg_catalog.pg_class c WHERE c.oid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped AND (a.attname) LIKE '%' AND c.relname = 'alpha' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1 LIMIT 1000;
SELECT pg_catalog.lower(name) FROM pg_catalog.pg_settings WHERE context IN ('user', 'superuser') AND pg_catalog.lower(name) LIKE 'enable_h%' ORDER BY 1;
SELECT pg_catalog.quote_ident(nspname) FROM pg_catalog.pg_namespace WHERE nspname LIKE 'inf%' ORDER BY 1;
SELECT pg_catalog.quote_ident(rolname) FROM pg_catalog.pg_roles WHERE rolname LIKE 'pg_read%' ORDER BY 1;
SELECT pg_catalog.format_type(t.oid, NULL) FROM pg_catalog.pg_type t WHERE (t.typrelid = 0 OR (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid)) AND t.typname !~ '^_' AND pg_catalog.format_type(t.oid, NULL) LIKE 'times%' AND pg_catalog.pg_type_is_visible(t.oid) ORDER BY 1;
SELECT pg_catalog.quote_ident(extname) FROM pg_catalog.pg_extension WHERE extname LIKE 'pl%';
SELECT name FROM (VALUES ('DEFAULT')) v(name) WHERE name LIKE 'D%' UNION ALL SELECT pg_catalog.quote_ident(name) FROM pg_catalog.pg_available_extensions WHERE name = 'plpgsql' ORDER BY 1;
SELECT n.nspname as "Schema",
  c.relname as "Name",
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' END as "Type",
  pg_catalog.pg_get_userbyid(c.relowner) as "Owner"
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
WHERE c.relkind IN ('r','v','i','S')
      AND n.nspname <> 'pg_catalog'
      AND n.nspname !~ '^pg_toast'
      AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 1,2;
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
  (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d
   WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef) AS dflt, a.attnotnull
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = 'alpha'::regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;
