-- SQL and PL/pgSQL functions, procedures, DO blocks, triggers, their errors and contexts.
CREATE FUNCTION add_tax(price numeric, rate numeric DEFAULT 0.2) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT round(price * (1 + rate), 2)';
SELECT add_tax(10), add_tax(10, 0.05), add_tax(rate => 0.5, price => 2);
CREATE FUNCTION twice(x int) RETURNS int RETURN x * 2;
SELECT twice(21);
CREATE FUNCTION evens(n int) RETURNS SETOF int LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..n LOOP
    CONTINUE WHEN i % 2 = 1;
    RETURN NEXT i;
  END LOOP;
END $$;
SELECT * FROM evens(5);
CREATE FUNCTION classify(v int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  r text := 'none';
BEGIN
  IF v < 0 THEN
    RAISE EXCEPTION 'negative: %', v USING HINT = 'be positive', ERRCODE = '22003';
  ELSIF v = 0 THEN
    RAISE NOTICE 'zero it is';
    r := 'zero';
  ELSE
    CASE WHEN v > 100 THEN r := 'big'; ELSE r := 'small'; END CASE;
  END IF;
  RETURN r;
EXCEPTION
  WHEN numeric_value_out_of_range THEN
    RETURN 'caught ' || SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT classify(5), classify(500), classify(0), classify(-1);
CREATE FUNCTION boom(d int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  RETURN 1 / d;
END $$;
SELECT boom(0);
CREATE TABLE audit (n int GENERATED ALWAYS AS IDENTITY, op text, old_v int, new_v int);
CREATE TABLE item (id int PRIMARY KEY, v int, changed boolean DEFAULT false);
CREATE FUNCTION log_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit (op, old_v, new_v) VALUES (TG_OP || ' ' || TG_WHEN, OLD.v, NEW.v);
  RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER item_audit AFTER INSERT OR UPDATE OR DELETE ON item FOR EACH ROW EXECUTE FUNCTION log_change();
CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.changed := true; RETURN NEW; END';
CREATE TRIGGER item_mark BEFORE UPDATE OF v ON item FOR EACH ROW WHEN (OLD.v IS DISTINCT FROM NEW.v) EXECUTE FUNCTION mark();
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no truncation of %'', TG_TABLE_NAME; END';
CREATE TRIGGER item_keep BEFORE TRUNCATE ON item EXECUTE FUNCTION refuse();
INSERT INTO item VALUES (1, 10), (2, 20);
UPDATE item SET v = v + 1 WHERE id = 1;
UPDATE item SET v = v WHERE id = 2;
DELETE FROM item WHERE id = 2;
TRUNCATE item;
SELECT * FROM item;
SELECT * FROM audit ORDER BY n;
ALTER TABLE item DISABLE TRIGGER item_keep;
\d item
TRUNCATE item;
CREATE PROCEDURE fill(n int, INOUT total int DEFAULT 0) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..n LOOP
    INSERT INTO item VALUES (i, i);
    IF i % 2 = 0 THEN COMMIT; END IF;
  END LOOP;
  SELECT count(*) INTO total FROM item;
END $$;
CALL fill(3);
DO $$
DECLARE r record; s int := 0;
BEGIN
  FOR r IN SELECT * FROM item ORDER BY id LOOP s := s + r.v; END LOOP;
  RAISE NOTICE 'sum %', s;
  EXECUTE format('UPDATE %I SET v = $1', 'item') USING 7;
  GET DIAGNOSTICS s = ROW_COUNT;
  RAISE INFO 'rows %', s;
END $$;
SELECT DISTINCT v FROM item;
\df add_tax
\df+ twice
\sf twice
SELECT pg_get_functiondef('add_tax'::regproc);
SELECT add_tax('x');
SELECT nosuch(1);
CREATE FUNCTION bad() RETURNS int LANGUAGE sql AS 'SELECT nosuch FROM item';
CREATE FUNCTION bad() RETURNS int LANGUAGE sql AS 'SELECT ''x''::text';
CREATE FUNCTION bad() RETURNS int LANGUAGE nosuch AS '';
CREATE FUNCTION bad() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN; END';
CREATE FUNCTION twice(x int) RETURNS int RETURN x;
CREATE OR REPLACE FUNCTION twice(x int) RETURNS text RETURN 'x';
DROP FUNCTION log_change();
DROP FUNCTION twice(text);
DROP FUNCTION twice;
