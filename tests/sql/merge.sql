-- MERGE: actions by match, conditions, RETURNING, errors.
create table stock (item int primary key, amount int, note text default 'new');
create table moves (item int, delta int);
insert into stock values (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c');
insert into moves values (1, 5), (2, -20), (4, 40), (5, null);
merge into stock s using moves m on s.item = m.item
  when matched and s.amount + m.delta = 0 then delete
  when matched then update set amount = s.amount + m.delta
  when not matched and m.delta is not null then insert (item, amount) values (m.item, m.delta)
  when not matched then do nothing;
select * from stock order by item;
with r as (
  merge into stock s using (values (1, 100), (7, 70)) v(item, amount) on s.item = v.item
  when matched then update set amount = v.amount, note = 'set'
  when not matched by source and s.item = 4 then delete
  when not matched by source then update set note = 'alone'
  when not matched by target then insert values (v.item, v.amount, default)
  returning merge_action(), s.item, s.amount, s.note, v.amount as given, old.amount as before)
select * from r order by item;
select * from stock order by item;
merge into stock s using moves m on s.item = m.item
  when not matched by source and s.item > 3 then delete
  when not matched by source then do nothing;
select * from stock order by item;
merge into stock s using moves m on true and s.item = coalesce(m.item, s.item) and m.delta > 30
  when matched then update set (amount, note) = (m.delta, 'many');
select * from stock order by item;
insert into moves values (1, 1);
merge into stock s using moves m on s.item = m.item
  when matched then update set amount = s.amount + 1;
merge into stock s using moves m on s.item = m.item when matched then delete when matched then do nothing;
merge into stock s using moves s on s.item = s.item when matched then delete;
merge into stock s using (select item, sum(delta) d from moves group by item) m on s.item = m.item
  when matched then update set amount = (select max(delta) from moves where item = m.item)
  when not matched and m.d > 0 then insert values (m.item, m.d, 'sum');
select * from stock order by item;
with w as (select 9 as item) merge into stock s using w on s.item = w.item
  when not matched then insert values (w.item, 9, 'cte') returning s.*;
explain (costs off) merge into stock s using moves m on s.item = m.item
  when matched then delete when not matched then insert values (m.item, m.delta);
explain (costs off) merge into stock s using moves m on s.item = m.item
  when not matched by source then delete when not matched then insert values (m.item, m.delta);
merge into stock s using generate_series(1, 3) g on s.item < g when not matched by source then delete
  when not matched then insert values (g, g);
drop table stock, moves;
