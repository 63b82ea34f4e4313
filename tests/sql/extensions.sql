-- The contrib extensions that applications install most.
CREATE EXTENSION pgcrypto;
SELECT encode(digest('abc', 'sha256'), 'hex'), encode(hmac('data', 'key', 'md5'), 'hex'), length(gen_random_bytes(7)), crypt('pw', '$2a$04$abcdefghijklmnopqrstuu') IS NOT NULL AS bcrypt;
CREATE EXTENSION "uuid-ossp";
SELECT uuid_generate_v5(uuid_ns_dns(), 'example.org'), uuid_generate_v4() <> uuid_generate_v4() AS fresh;
SELECT gen_random_uuid() IS NOT NULL, uuid_extract_version(uuidv7()), uuid_extract_version('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
CREATE EXTENSION hstore;
SELECT 'a=>1, b=>NULL'::hstore, 'a=>1'::hstore -> 'a', 'a=>1,b=>2'::hstore ? 'b', hstore('k', 'v') || 'x=>y', akeys('a=>1,b=>2');
CREATE EXTENSION citext;
SELECT 'ABC'::citext = 'abc', 'x'::citext < 'Y'::citext;
CREATE EXTENSION pg_trgm;
SELECT similarity('hello', 'hallo'), show_trgm('cat'), 'word' % 'wrod', word_similarity('cat', 'the cats');
CREATE TABLE names (n text);
INSERT INTO names SELECT 'name number ' || g FROM generate_series(1, 500) g;
CREATE INDEX names_trgm ON names USING gin (n gin_trgm_ops);
SET enable_seqscan = off;
SELECT n FROM names WHERE n LIKE '%ber 77%' ORDER BY n;
EXPLAIN (COSTS OFF) SELECT n FROM names WHERE n ILIKE '%ber 77%';
CREATE EXTENSION btree_gist;
CREATE TABLE booking (room int, during tsrange, EXCLUDE USING gist (room WITH =, during WITH &&));
INSERT INTO booking VALUES (1, '[2024-01-01 10:00, 2024-01-01 11:00)');
INSERT INTO booking VALUES (2, '[2024-01-01 10:00, 2024-01-01 11:00)');
INSERT INTO booking VALUES (1, '[2024-01-01 10:30, 2024-01-01 12:00)');
\dx
DROP EXTENSION citext;
CREATE TABLE h (v hstore);
DROP EXTENSION hstore;
DROP EXTENSION hstore CASCADE;
SELECT '1'::hstore;
