-- Bodies of the functions of pg_catalog whose language is SQL (pg_proc.prolang = 14), to be run after
-- the views: the rows are there already and keep their OIDs, CREATE OR REPLACE gives them a body.
-- quote_literal(anyelement), quote_nullable(anyelement), textanycat and anytextcat are not here:
-- theirs is the text in prosrc. Every statement ends with a line that holds "--" alone; the two
-- ts_debug bodies hold a semicolon inside, so split on that line, not on the semicolon.
-- The helper functions of information_schema, which drivers call by name, come last.

CREATE OR REPLACE FUNCTION pg_catalog.lpad(text, integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN lpad($1, $2, ' ');
--

CREATE OR REPLACE FUNCTION pg_catalog.rpad(text, integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN rpad($1, $2, ' ');
--

CREATE OR REPLACE FUNCTION pg_catalog.round(numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN round($1, 0);
--

CREATE OR REPLACE FUNCTION pg_catalog.trunc(numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN trunc($1, 0);
--

CREATE OR REPLACE FUNCTION pg_catalog.log(numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN log(10, $1);
--

CREATE OR REPLACE FUNCTION pg_catalog.log10(numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN log(10, $1);
--

CREATE OR REPLACE FUNCTION pg_catalog.bit_length(bytea) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN 8 * octet_length($1);
--

CREATE OR REPLACE FUNCTION pg_catalog.bit_length(text) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN 8 * octet_length($1);
--

CREATE OR REPLACE FUNCTION pg_catalog.bit_length(bit) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN length($1);
--

CREATE OR REPLACE FUNCTION pg_catalog."substring"(text, text, text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN substring($1, similar_to_escape($2, $3));
--

CREATE OR REPLACE FUNCTION pg_catalog.polygon(circle) RETURNS polygon
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN polygon(12, $1);
--

CREATE OR REPLACE FUNCTION pg_catalog.path_contain_pt(path, point) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN on_ppath($2, $1);
--

CREATE OR REPLACE FUNCTION pg_catalog.timestamptz(date, time without time zone) RETURNS timestamp with time zone
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 1
RETURN ($1 + $2)::timestamp with time zone;
--

CREATE OR REPLACE FUNCTION pg_catalog.timedate_pl(time without time zone, date) RETURNS timestamp without time zone
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN $2 + $1;
--

CREATE OR REPLACE FUNCTION pg_catalog.timetzdate_pl(time with time zone, date) RETURNS timestamp with time zone
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN $2 + $1;
--

CREATE OR REPLACE FUNCTION pg_catalog.interval_pl_time(interval, time without time zone) RETURNS time without time zone
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN $2 + $1;
--

CREATE OR REPLACE FUNCTION pg_catalog.interval_pl_timetz(interval, time with time zone) RETURNS time with time zone
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN $2 + $1;
--

CREATE OR REPLACE FUNCTION pg_catalog.interval_pl_date(interval, date) RETURNS timestamp without time zone
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN $2 + $1;
--

CREATE OR REPLACE FUNCTION pg_catalog.interval_pl_timestamp(interval, timestamp without time zone) RETURNS timestamp without time zone
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN $2 + $1;
--

CREATE OR REPLACE FUNCTION pg_catalog.interval_pl_timestamptz(interval, timestamp with time zone) RETURNS timestamp with time zone
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 1
RETURN $2 + $1;
--

CREATE OR REPLACE FUNCTION pg_catalog.integer_pl_date(integer, date) RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN $2 + $1;
--

CREATE OR REPLACE FUNCTION pg_catalog.int8pl_inet(bigint, inet) RETURNS inet
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN $2 + $1;
--

CREATE OR REPLACE FUNCTION pg_catalog.numeric_pl_pg_lsn(numeric, pg_lsn) RETURNS pg_lsn
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN $2 + $1;
--

CREATE OR REPLACE FUNCTION pg_catalog."overlaps"(timestamp with time zone, interval, timestamp with time zone, interval) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE COST 1
RETURN ($1, $1 + $2) OVERLAPS ($3, $3 + $4);
--

CREATE OR REPLACE FUNCTION pg_catalog."overlaps"(timestamp with time zone, timestamp with time zone, timestamp with time zone, interval) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE COST 1
RETURN ($1, $2) OVERLAPS ($3, $3 + $4);
--

CREATE OR REPLACE FUNCTION pg_catalog."overlaps"(timestamp with time zone, interval, timestamp with time zone, timestamp with time zone) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE COST 1
RETURN ($1, $1 + $2) OVERLAPS ($3, $4);
--

CREATE OR REPLACE FUNCTION pg_catalog."overlaps"(timestamp without time zone, interval, timestamp without time zone, interval) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1
RETURN ($1, $1 + $2) OVERLAPS ($3, $3 + $4);
--

CREATE OR REPLACE FUNCTION pg_catalog."overlaps"(timestamp without time zone, timestamp without time zone, timestamp without time zone, interval) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1
RETURN ($1, $2) OVERLAPS ($3, $3 + $4);
--

CREATE OR REPLACE FUNCTION pg_catalog."overlaps"(timestamp without time zone, interval, timestamp without time zone, timestamp without time zone) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1
RETURN ($1, $1 + $2) OVERLAPS ($3, $4);
--

CREATE OR REPLACE FUNCTION pg_catalog."overlaps"(time without time zone, interval, time without time zone, interval) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1
RETURN ($1, $1 + $2) OVERLAPS ($3, $3 + $4);
--

CREATE OR REPLACE FUNCTION pg_catalog."overlaps"(time without time zone, time without time zone, time without time zone, interval) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1
RETURN ($1, $2) OVERLAPS ($3, $3 + $4);
--

CREATE OR REPLACE FUNCTION pg_catalog."overlaps"(time without time zone, interval, time without time zone, time without time zone) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1
RETURN ($1, $1 + $2) OVERLAPS ($3, $4);
--

CREATE OR REPLACE FUNCTION pg_catalog.date_part(text, date) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN date_part($1, $2::timestamp without time zone);
--

CREATE OR REPLACE FUNCTION pg_catalog.age(timestamp without time zone) RETURNS interval
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 1
RETURN age(current_date::timestamp without time zone, $1);
--

CREATE OR REPLACE FUNCTION pg_catalog.age(timestamp with time zone) RETURNS interval
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 1
RETURN age(current_date::timestamp with time zone, $1);
--

CREATE OR REPLACE FUNCTION pg_catalog.pg_sleep_for(interval) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE COST 1
RETURN pg_sleep(extract(epoch FROM clock_timestamp() + $1) - extract(epoch FROM clock_timestamp()));
--

CREATE OR REPLACE FUNCTION pg_catalog.pg_sleep_until(timestamp with time zone) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE COST 1
RETURN pg_sleep(extract(epoch FROM $1) - extract(epoch FROM clock_timestamp()));
--

CREATE OR REPLACE FUNCTION pg_catalog.pg_relation_size(regclass) RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE COST 1
RETURN pg_relation_size($1, 'main');
--

CREATE OR REPLACE FUNCTION pg_catalog.obj_description(oid, name) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 100
RETURN (SELECT description FROM pg_description
        WHERE objoid = $1 AND objsubid = 0
          AND classoid = (SELECT oid FROM pg_class WHERE relname = $2 AND relnamespace = 'pg_catalog'::regnamespace));
--

CREATE OR REPLACE FUNCTION pg_catalog.obj_description(oid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 100
RETURN (SELECT description FROM pg_description WHERE objoid = $1 AND objsubid = 0);
--

CREATE OR REPLACE FUNCTION pg_catalog.col_description(oid, integer) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 100
RETURN (SELECT description FROM pg_description
        WHERE classoid = 'pg_class'::regclass AND objoid = $1 AND objsubid = $2);
--

CREATE OR REPLACE FUNCTION pg_catalog.shobj_description(oid, name) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 100
RETURN (SELECT description FROM pg_shdescription
        WHERE objoid = $1
          AND classoid = (SELECT oid FROM pg_class WHERE relname = $2 AND relnamespace = 'pg_catalog'::regnamespace));
--

CREATE OR REPLACE FUNCTION pg_catalog.xpath(text, xml) RETURNS xml[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN xpath($1, $2, '{}');
--

CREATE OR REPLACE FUNCTION pg_catalog.xpath_exists(text, xml) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN xpath_exists($1, $2, '{}');
--

CREATE OR REPLACE FUNCTION pg_catalog.ts_debug(config regconfig, document text,
  OUT alias text, OUT description text, OUT token text,
  OUT dictionaries regdictionary[], OUT dictionary regdictionary, OUT lexemes text[]) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 100 ROWS 1000
BEGIN ATOMIC
  SELECT y.alias, y.description, p.token,
         ARRAY(SELECT m.mapdict::regdictionary FROM pg_ts_config_map m
               WHERE m.mapcfg = c.oid AND m.maptokentype = p.tokid ORDER BY m.mapseqno),
         d.dict, d.lexemes
  FROM pg_ts_config c
  CROSS JOIN LATERAL ts_parse(c.cfgparser, $2) p
  JOIN LATERAL ts_token_type(c.cfgparser) y ON y.tokid = p.tokid
  LEFT JOIN LATERAL (
    SELECT m.mapdict::regdictionary AS dict, ts_lexize(m.mapdict, p.token) AS lexemes FROM pg_ts_config_map m
    WHERE m.mapcfg = c.oid AND m.maptokentype = p.tokid AND ts_lexize(m.mapdict, p.token) IS NOT NULL
    ORDER BY m.mapseqno LIMIT 1) d ON true
  WHERE c.oid = $1;
END;
--

CREATE OR REPLACE FUNCTION pg_catalog.ts_debug(document text,
  OUT alias text, OUT description text, OUT token text,
  OUT dictionaries regdictionary[], OUT dictionary regdictionary, OUT lexemes text[]) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 100 ROWS 1000
BEGIN ATOMIC
  SELECT y.alias, y.description, p.token,
         ARRAY(SELECT m.mapdict::regdictionary FROM pg_ts_config_map m
               WHERE m.mapcfg = c.oid AND m.maptokentype = p.tokid ORDER BY m.mapseqno),
         d.dict, d.lexemes
  FROM pg_ts_config c
  CROSS JOIN LATERAL ts_parse(c.cfgparser, $1) p
  JOIN LATERAL ts_token_type(c.cfgparser) y ON y.tokid = p.tokid
  LEFT JOIN LATERAL (
    SELECT m.mapdict::regdictionary AS dict, ts_lexize(m.mapdict, p.token) AS lexemes FROM pg_ts_config_map m
    WHERE m.mapcfg = c.oid AND m.maptokentype = p.tokid AND ts_lexize(m.mapdict, p.token) IS NOT NULL
    ORDER BY m.mapseqno LIMIT 1) d ON true
  WHERE c.oid = get_current_ts_config();
END;
--

CREATE OR REPLACE FUNCTION information_schema._pg_expandarray(anyarray, OUT x anyelement, OUT n integer) RETURNS SETOF record
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 100
AS 'SELECT $1[i], i - array_lower($1, 1) + 1 FROM generate_subscripts($1, 1) i';
--

CREATE OR REPLACE FUNCTION information_schema._pg_index_position(oid, smallint) RETURNS integer
LANGUAGE sql STABLE STRICT
RETURN (SELECT array_position(indkey::int2[], $2) + 1 FROM pg_index WHERE indexrelid = $1);
--

CREATE OR REPLACE FUNCTION information_schema._pg_truetypid(pg_attribute, pg_type) RETURNS oid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE ($2).typtype WHEN 'd' THEN ($2).typbasetype ELSE ($1).atttypid END;
--

CREATE OR REPLACE FUNCTION information_schema._pg_truetypmod(pg_attribute, pg_type) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE ($2).typtype WHEN 'd' THEN ($2).typtypmod ELSE ($1).atttypmod END;
--

CREATE OR REPLACE FUNCTION information_schema._pg_char_max_length(typid oid, typmod integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN typmod = -1 THEN NULL WHEN typid IN (1042, 1043) THEN typmod - 4
            WHEN typid IN (1560, 1562) THEN typmod END;
--

CREATE OR REPLACE FUNCTION information_schema._pg_char_octet_length(typid oid, typmod integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN typid NOT IN (25, 1042, 1043) THEN NULL WHEN typmod = -1 THEN 1073741824
            ELSE information_schema._pg_char_max_length(typid, typmod)
                 * pg_encoding_max_length((SELECT encoding FROM pg_database WHERE datname = current_database())) END;
--

CREATE OR REPLACE FUNCTION information_schema._pg_numeric_precision(typid oid, typmod integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE typid WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53
            WHEN 1700 THEN CASE WHEN typmod <> -1 THEN (typmod - 4) >> 16 & 65535 END END;
--

CREATE OR REPLACE FUNCTION information_schema._pg_numeric_precision_radix(typid oid, typmod integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN typid IN (20, 21, 23, 700, 701) THEN 2 WHEN typid = 1700 THEN 10 END;
--

CREATE OR REPLACE FUNCTION information_schema._pg_numeric_scale(typid oid, typmod integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN typid IN (20, 21, 23) THEN 0
            WHEN typid = 1700 AND typmod <> -1 THEN (typmod - 4) & 65535 END;
--

CREATE OR REPLACE FUNCTION information_schema._pg_datetime_precision(typid oid, typmod integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN typid = 1082 THEN 0
            WHEN typid IN (1083, 1114, 1184, 1266) THEN CASE WHEN typmod < 0 THEN 6 ELSE typmod END
            WHEN typid = 1186 THEN CASE WHEN typmod < 0 OR typmod & 65535 = 65535 THEN 6 ELSE typmod & 65535 END END;
--

CREATE OR REPLACE FUNCTION information_schema._pg_interval_type(typid oid, mod integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE typid WHEN 1186 THEN upper(substring(format_type(typid, mod) FROM 'interval[()0-9]* (.+)')) END;
--
