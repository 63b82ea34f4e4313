-- INSERT ... ON CONFLICT.
CREATE TABLE stock (sku text PRIMARY KEY, qty int NOT NULL CHECK (qty >= 0), note text);
CREATE UNIQUE INDEX stock_note ON stock (note) WHERE note IS NOT NULL;
INSERT INTO stock VALUES ('a', 1), ('b', 2) ON CONFLICT DO NOTHING;
INSERT INTO stock VALUES ('a', 5), ('c', 3) ON CONFLICT DO NOTHING RETURNING *;
INSERT INTO stock VALUES ('a', 5) ON CONFLICT (sku) DO UPDATE SET qty = stock.qty + excluded.qty RETURNING *;
INSERT INTO stock AS s VALUES ('a', 5) ON CONFLICT (sku) DO UPDATE SET qty = excluded.qty WHERE s.qty < 3;
INSERT INTO stock AS s VALUES ('a', 9, 'n') ON CONFLICT ON CONSTRAINT stock_pkey DO UPDATE SET (qty, note) = (excluded.qty, excluded.note) RETURNING old.qty, new.qty, s.note;
INSERT INTO stock VALUES ('z', 0, 'n') ON CONFLICT (note) WHERE note IS NOT NULL DO UPDATE SET qty = stock.qty + 1 RETURNING *;
INSERT INTO stock VALUES ('z', 0, 'n') ON CONFLICT (sku) DO NOTHING;
INSERT INTO stock VALUES ('q', 1), ('q', 2) ON CONFLICT (sku) DO UPDATE SET qty = excluded.qty;
INSERT INTO stock VALUES ('q', 1), ('q', 2) ON CONFLICT (sku) DO NOTHING;
INSERT INTO stock VALUES ('a', -20) ON CONFLICT (sku) DO UPDATE SET qty = stock.qty + excluded.qty;
INSERT INTO stock VALUES ('a', 1) ON CONFLICT (qty) DO NOTHING;
INSERT INTO stock VALUES ('a', 1) ON CONFLICT DO UPDATE SET qty = 1;
INSERT INTO stock VALUES ('a', 1) ON CONFLICT ON CONSTRAINT nosuch DO NOTHING;
INSERT INTO stock VALUES ('a', 1) ON CONFLICT (sku) DO UPDATE SET qty = qty + 1;
SELECT * FROM stock ORDER BY sku;
EXPLAIN (COSTS OFF) INSERT INTO stock VALUES ('a', 1) ON CONFLICT (sku) DO UPDATE SET qty = 1 WHERE stock.qty > 2;
