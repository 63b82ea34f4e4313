-- GROUP BY, HAVING, FILTER, DISTINCT, grouping sets, ordered-set aggregates and their errors.
CREATE TABLE sales (id int, region text, product text, amount numeric, day date);
INSERT INTO sales VALUES (1, 'north', 'tea', 10, '2024-01-01'), (2, 'north', 'coffee', 20.5, '2024-01-02'),
  (3, 'south', 'tea', 5, '2024-01-02'), (4, 'south', 'tea', 7.25, '2024-02-01'), (5, 'south', NULL, NULL, '2024-02-03');
SELECT count(*), count(amount), count(DISTINCT product), sum(amount), avg(amount), min(day), max(product) FROM sales;
SELECT region, count(*), sum(amount) FROM sales GROUP BY region ORDER BY region;
SELECT region, product, sum(amount) AS total FROM sales GROUP BY 1, 2 ORDER BY 1, 2;
SELECT region FROM sales GROUP BY region HAVING sum(amount) > 15;
SELECT date_trunc('month', day)::date AS m, count(*) FROM sales GROUP BY m ORDER BY m;
SELECT region, count(*) FILTER (WHERE product = 'tea') AS tea, sum(amount) FILTER (WHERE amount > 100) AS big FROM sales GROUP BY region ORDER BY 1;
SELECT string_agg(product, ',' ORDER BY id), string_agg(DISTINCT product, ',' ORDER BY product), array_agg(amount ORDER BY amount DESC NULLS LAST) FROM sales;
SELECT region, product, sum(amount), grouping(region, product) FROM sales GROUP BY ROLLUP (region, product) ORDER BY region, product, 4;
SELECT region, product, count(*) FROM sales GROUP BY CUBE (region, product) ORDER BY 1, 2, 3;
SELECT region, product, count(*) FROM sales GROUP BY GROUPING SETS ((region), (product), ()) ORDER BY 1, 2, 3;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY amount), percentile_disc(0.5) WITHIN GROUP (ORDER BY amount), mode() WITHIN GROUP (ORDER BY product) FROM sales;
SELECT rank(7) WITHIN GROUP (ORDER BY amount) FROM sales;
SELECT bool_and(amount > 1), bool_or(amount > 20), bit_and(id), bit_or(id), bit_xor(id), every(id > 0) FROM sales;
SELECT corr(id, amount) IS NOT NULL, regr_count(id, amount), round(stddev(amount), 4), var_pop(id), covar_pop(id, id) FROM sales;
SELECT any_value(region) FROM sales WHERE region = 'north';
SELECT sum(id) FROM sales WHERE id > 100;
SELECT region, sum(id) FROM sales WHERE id > 100 GROUP BY region;
SELECT count(*) FROM sales HAVING count(*) > 100;
SELECT DISTINCT region FROM sales ORDER BY region DESC;
SELECT DISTINCT ON (region) region, id, amount FROM sales ORDER BY region, amount DESC NULLS LAST;
SELECT sum(sum(amount)) OVER (ORDER BY region) FROM sales GROUP BY region ORDER BY region;
SELECT region, product FROM sales GROUP BY region;
SELECT region FROM sales WHERE sum(amount) > 1;
SELECT sum(sum(amount)) FROM sales;
SELECT count(*) FROM sales GROUP BY sum(id);
SELECT max(DISTINCT id, 2) FROM sales;
SELECT DISTINCT region FROM sales ORDER BY id;
SELECT DISTINCT ON (region) id FROM sales ORDER BY id;
SELECT sum(region) FROM sales;
SELECT nosuchagg(id) FROM sales;
SELECT lower(DISTINCT region) FROM sales;
-- Aggregates with DISTINCT or ORDER BY over input that is sorted for them.
EXPLAIN (COSTS OFF) SELECT region, count(DISTINCT product) FROM sales GROUP BY region;
SELECT region, count(DISTINCT product), count(DISTINCT amount) FROM sales GROUP BY region ORDER BY region;
EXPLAIN (COSTS OFF) SELECT string_agg(product, ',' ORDER BY product, id), array_agg(id ORDER BY product) FROM sales;
SELECT string_agg(product, ',' ORDER BY product, id), sum(DISTINCT amount), array_agg(id ORDER BY id DESC) FROM sales;
EXPLAIN (COSTS OFF)
SELECT region, sum(DISTINCT amount), count(DISTINCT amount), count(DISTINCT product) FROM sales GROUP BY region;
SELECT region, sum(DISTINCT amount), count(DISTINCT amount), count(DISTINCT product) FROM sales GROUP BY region ORDER BY 1;
SELECT count(DISTINCT product) FILTER (WHERE amount > 5), count(DISTINCT product) FROM sales;
EXPLAIN (COSTS OFF) SELECT count(DISTINCT product) FILTER (WHERE amount > 5) FROM sales;
EXPLAIN (COSTS OFF) SELECT count(DISTINCT upper(product)) FILTER (WHERE amount > 5) FROM sales;
SELECT g, count(DISTINCT i % 7), string_agg(DISTINCT (i % 3)::text, '' ORDER BY (i % 3)::text DESC)
FROM generate_series(1, 5000) i, LATERAL (SELECT i % 4 AS g) x GROUP BY g ORDER BY g;
SELECT count(*), sum(c) FROM (SELECT i / 3 AS g, count(DISTINCT i % 2) AS c FROM generate_series(1, 9000) i GROUP BY 1) x;
SELECT count(DISTINCT random() > 2) FROM sales;
SET enable_presorted_aggregate = off;
EXPLAIN (COSTS OFF) SELECT region, count(DISTINCT product) FROM sales GROUP BY region;
RESET enable_presorted_aggregate;
