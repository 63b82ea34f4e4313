-- Text search: vectors, queries, ranking, headlines, configuration.
SELECT to_tsvector('english', 'The quick brown foxes were jumping over the lazy dogs');
SELECT to_tsquery('english', 'jump & (fox | cat) & !bird'), plainto_tsquery('english', 'The Fat Rats'), phraseto_tsquery('english', 'fat rats'), websearch_to_tsquery('english', '"fat rat" or cat -dog');
SELECT to_tsvector('english', 'fat cats ate rats') @@ to_tsquery('english', 'cat & rat'), to_tsvector('simple', 'fat cats') @@ 'cat'::tsquery, 'fat:1 rat:2'::tsvector @@ 'fat <-> rat'::tsquery;
SELECT setweight(to_tsvector('english', 'title words'), 'A') || setweight(to_tsvector('english', 'body words'), 'D');
SELECT ts_rank(to_tsvector('english', 'cat cat dog'), to_tsquery('english', 'cat')), ts_rank_cd('cat:1 dog:2'::tsvector, 'cat & dog'::tsquery);
SELECT ts_headline('english', 'The most common type of search is to find all documents', to_tsquery('english', 'search & document'));
SELECT strip('a:1 b:2'::tsvector), length('a:1 b:2'::tsvector), numnode('a & b'::tsquery), querytree('a & !b'::tsquery), tsvector_to_array('b:1 a:2'::tsvector);
SELECT ts_lexize('english_stem', 'running'), to_tsvector('german', 'Die Häuser waren schön'), to_tsvector('simple', 'The The');
CREATE TABLE article (id int PRIMARY KEY, title text, body text, tsv tsvector GENERATED ALWAYS AS (to_tsvector('english', title || ' ' || body)) STORED);
INSERT INTO article VALUES (1, 'Cats', 'Cats sleep all day'), (2, 'Dogs', 'Dogs chase cats'), (3, 'Birds', 'Birds sing');
CREATE INDEX ON article USING gin (tsv);
SELECT id, title FROM article WHERE tsv @@ websearch_to_tsquery('english', 'cat') ORDER BY ts_rank(tsv, websearch_to_tsquery('english', 'cat')) DESC, id;
SET enable_seqscan = off;
SELECT id FROM article WHERE tsv @@ to_tsquery('english', 'cat & !chase');
EXPLAIN (COSTS OFF) SELECT id FROM article WHERE tsv @@ to_tsquery('english', 'sing');
SHOW default_text_search_config;
SELECT to_tsquery('english', 'bad &');
SELECT to_tsvector('nosuch', 'x');
SELECT '''unterminated'::tsvector;
\dF
\dFd english_stem
