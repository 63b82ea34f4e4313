-- What the guides for the advanced learner type: covering, partial and BRIN indexes, keyset paging,
-- online migrations, batches, queues, tenant policies, monitoring queries.
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text, name text);
CREATE TABLE orders (id bigserial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, status text NOT NULL DEFAULT 'pending', total numeric(10,2), created_at timestamptz NOT NULL);
INSERT INTO users (email, name) SELECT 'u' || g || '@example.com', 'User ' || g FROM generate_series(1, 1000) g;
INSERT INTO orders (user_id, status, total, created_at) SELECT 1 + g % 1000, CASE WHEN g % 50 = 0 THEN 'pending' ELSE 'done' END, g % 90, timestamptz '2025-01-01 00:00+00' + g * interval '1 minute' FROM generate_series(1, 20000) g;
CREATE INDEX idx_orders_user_status ON orders (user_id, status);
CREATE INDEX idx_orders_created ON orders (created_at DESC);
CREATE INDEX idx_orders_pending ON orders (created_at) WHERE status IN ('pending', 'processing');
CREATE INDEX idx_orders_covering ON orders (user_id, created_at) INCLUDE (total, status);
CREATE INDEX idx_orders_brin ON orders USING brin (created_at) WITH (pages_per_range = 32);
CREATE UNIQUE INDEX CONCURRENTLY idx_users_email ON users (lower(email));
VACUUM ANALYZE users;
VACUUM ANALYZE orders;
EXPLAIN (COSTS OFF) SELECT * FROM orders WHERE user_id = 42 AND status = 'pending';
EXPLAIN (COSTS OFF) SELECT user_id, created_at, total FROM orders WHERE user_id = 42 ORDER BY created_at;
EXPLAIN (COSTS OFF) SELECT * FROM users WHERE lower(email) = 'u7@example.com';
EXPLAIN (COSTS OFF) SELECT * FROM orders ORDER BY created_at DESC LIMIT 20;
EXPLAIN (COSTS OFF) SELECT u.name, count(o.id) AS order_count FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.id ORDER BY order_count DESC, u.id LIMIT 10;
-- keyset instead of OFFSET
SELECT id, total FROM orders WHERE (created_at, id) < (timestamptz '2025-01-05 00:00+00', 5760) ORDER BY created_at DESC, id DESC LIMIT 3;
SELECT id FROM orders ORDER BY created_at DESC OFFSET 10000 LIMIT 2;
-- one round trip instead of N + 1
SELECT u.id, json_agg(json_build_object('id', o.id, 'total', o.total) ORDER BY o.id) AS orders FROM users u JOIN orders o ON o.user_id = u.id WHERE u.id <= 2 AND o.id < 2100 GROUP BY u.id ORDER BY u.id;
-- migration without a long lock
ALTER TABLE users ADD COLUMN is_active boolean DEFAULT true;
ALTER TABLE users ADD COLUMN bio text NOT NULL;
ALTER TABLE users ADD COLUMN display_name text;
UPDATE users SET display_name = name WHERE display_name IS NULL AND id BETWEEN 1 AND 500;
UPDATE users SET display_name = name WHERE display_name IS NULL AND id BETWEEN 501 AND 1000;
ALTER TABLE users ADD CONSTRAINT users_email_not_null CHECK (email IS NOT NULL) NOT VALID;
ALTER TABLE users VALIDATE CONSTRAINT users_email_not_null;
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
ALTER TABLE users DROP CONSTRAINT users_email_not_null;
CREATE FUNCTION sync_display_name() RETURNS trigger AS $$
BEGIN
  IF NEW.display_name IS NULL THEN NEW.display_name := NEW.name; END IF;
  RETURN NEW;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER sync_display_name_trigger BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION sync_display_name();
INSERT INTO users (email, name) VALUES ('new@example.com', 'New') RETURNING display_name;
ALTER TABLE users DROP COLUMN name;
-- upsert in a batch
CREATE TABLE products (sku text PRIMARY KEY, name text, price numeric);
INSERT INTO products (sku, name, price) SELECT * FROM unnest(ARRAY['a', 'b'], ARRAY['A', 'B'], ARRAY[1.5, 2]) ON CONFLICT (sku) DO UPDATE SET price = EXCLUDED.price;
INSERT INTO products (sku, name, price) VALUES ('a', 'A', 9) ON CONFLICT (sku) DO UPDATE SET price = EXCLUDED.price WHERE products.price IS DISTINCT FROM EXCLUDED.price RETURNING sku, price;
-- a queue
UPDATE orders SET status = 'processing' WHERE id = (SELECT id FROM orders WHERE status = 'pending' ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, status;
-- retention by week
WITH activity AS (SELECT user_id, date_trunc('week', created_at AT TIME ZONE 'UTC')::date AS week FROM orders GROUP BY 1, 2)
SELECT a.week, count(*) AS active, count(b.user_id) AS retained FROM activity a LEFT JOIN activity b ON b.user_id = a.user_id AND b.week = a.week + 7 GROUP BY a.week ORDER BY a.week;
-- tenants
CREATE ROLE t_app_user;
CREATE TABLE widgets (id int, tenant_id int);
INSERT INTO widgets VALUES (1, 1), (2, 2);
ALTER TABLE widgets ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON widgets USING (tenant_id = current_setting('app.tenant_id')::int);
GRANT SELECT ON widgets TO t_app_user;
SET app.tenant_id = '2';
SET ROLE t_app_user;
SELECT * FROM widgets;
RESET ROLE;
-- events move into partitions
CREATE TABLE events (id bigint, created_at timestamptz NOT NULL, event_type text) PARTITION BY RANGE (created_at);
CREATE TABLE events_2025_01 PARTITION OF events FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2025-02-01 00:00+00');
CREATE TABLE events_default PARTITION OF events DEFAULT;
INSERT INTO events VALUES (1, '2025-01-10 00:00+00', 'a'), (2, '2026-01-10 00:00+00', 'b');
EXPLAIN (COSTS OFF) SELECT * FROM events WHERE created_at >= '2025-01-05 00:00+00' AND created_at < '2025-01-20 00:00+00';
SELECT tableoid::regclass, id FROM events ORDER BY id;
-- monitoring
SELECT pg_stat_force_next_flush();
SELECT relname AS table_name, n_live_tup AS live_rows, round(n_dead_tup::numeric / nullif(n_live_tup + n_dead_tup, 0) * 100, 2) IS NOT NULL AS dead_pct, last_vacuum IS NOT NULL AS vacuumed FROM pg_stat_user_tables WHERE relname IN ('orders', 'users') ORDER BY relname;
SELECT indexrelname, idx_scan >= 0 AS counted FROM pg_stat_user_indexes WHERE relname = 'orders' ORDER BY 1;
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indexrelid = 'idx_users_email'::regclass;
SELECT tablename, attname, correlation FROM pg_stats WHERE tablename = 'orders' AND attname = 'created_at';
SELECT blocked.pid FROM pg_stat_activity blocked JOIN pg_stat_activity blocking ON blocking.pid = ANY (pg_blocking_pids(blocked.pid)) WHERE blocked.datname = current_database();
SELECT count(*) = 1 AS me FROM pg_stat_activity WHERE datname = current_database() AND state = 'active';
SELECT pg_size_pretty(pg_database_size(current_database())) IS NOT NULL, pg_size_pretty(pg_total_relation_size('orders')) IS NOT NULL;
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') > 0 AS wal, pg_last_xact_replay_timestamp() IS NULL AS primary_server;
SELECT sum(heap_blks_hit) / nullif(sum(heap_blks_hit) + sum(heap_blks_read), 0) > 0 AS hits FROM pg_statio_user_tables;
ALTER TABLE orders SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_threshold = 50);
SELECT reloptions FROM pg_class WHERE relname = 'orders';
SHOW wal_level;
SHOW checkpoint_timeout;
SHOW autovacuum_vacuum_scale_factor;
DROP OWNED BY t_app_user;
DROP ROLE t_app_user;
