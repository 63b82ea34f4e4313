-- pgvector: the type, its operators, exact and approximate search.
CREATE EXTENSION IF NOT EXISTS vector;
SELECT '[1,2,3]'::vector, '[1,2,3]'::vector(3), ARRAY[1,2]::vector, vector_dims('[1,2,3]'::vector), '[3,4]'::vector::float4[];
SELECT '[1,2]'::vector(3);
SELECT '[1,a]'::vector;
SELECT '[]'::vector;
SELECT '[3,4]'::vector <-> '[0,0]', '[1,2]'::vector <#> '[3,4]', '[1,0]'::vector <=> '[0,1]', '[1,5]'::vector <+> '[2,2]';
SELECT '[1,2]'::vector <-> '[1,2,3]';
SELECT '[1,2]'::vector + '[3,4]', '[1,2]'::vector - '[3,4]', '[1,2]'::vector * '[3,4]', vector_norm('[3,4]'::vector), l2_normalize('[3,4]'::vector), '[1,2]'::vector || '[3]', subvector('[1,2,3]'::vector, 2, 2);
CREATE TABLE item (id int PRIMARY KEY, name text, embedding vector(3));
INSERT INTO item SELECT g, 'item ' || g, ARRAY[g, g % 7, g % 11]::vector FROM generate_series(1, 200) g;
INSERT INTO item VALUES (0, 'short', '[1,2]');
INSERT INTO item VALUES (0, 'none', NULL);
SELECT id FROM item ORDER BY embedding <-> '[50,1,6]', id LIMIT 3;
SELECT avg(embedding), count(embedding) FROM item;
CREATE INDEX item_hnsw ON item USING hnsw (embedding vector_l2_ops);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id, name FROM item ORDER BY embedding <-> '[50,1,6]' LIMIT 1;
SELECT id, name FROM item ORDER BY embedding <-> (SELECT embedding FROM item WHERE id = 50) LIMIT 1;
INSERT INTO item VALUES (500, 'far', '[500,500,500]');
SELECT name FROM item ORDER BY embedding <-> '[499,499,499]' LIMIT 1;
DELETE FROM item WHERE id = 500;
VACUUM item;
SELECT name FROM item ORDER BY embedding <-> '[499,0,0]' LIMIT 1;
DROP INDEX item_hnsw;
CREATE INDEX item_cos ON item USING hnsw (embedding vector_cosine_ops) WITH (m = 8, ef_construction = 32);
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY embedding <=> '[1,1,1]' LIMIT 1;
CREATE INDEX item_ivf ON item USING ivfflat (embedding vector_ip_ops) WITH (lists = 4);
SET ivfflat.probes = 4;
SELECT id FROM item ORDER BY embedding <#> '[1,0,0]' LIMIT 1;
CREATE INDEX bad ON item USING hnsw (embedding);
CREATE INDEX bad ON item USING hnsw (embedding vector_l2_ops) WITH (m = 1);
ALTER TABLE item ADD free vector;
CREATE INDEX bad ON item USING hnsw (free vector_l2_ops);
SELECT '[1,2,3]'::halfvec, '{1:1,3:2}/5'::sparsevec, binary_quantize('[1,-1,0]'::vector), hamming_distance(B'101', B'110');
\d item
\dx vector
