-- Cursors end with the savepoint they were made after, and only those; held ones outlive other transactions.
begin; savepoint s; create table sptest(a int); insert into sptest values (1),(2); declare c cursor for select * from sptest; fetch 1 from c; rollback to s; select 1; rollback;
begin; create temp table t5(a int); insert into t5 values (1),(2),(3); declare outer_c cursor for select * from t5; savepoint s; declare inner_c cursor for select * from t5; fetch 1 from outer_c; select 1/0; rollback to s; fetch 1 from outer_c; fetch 1 from inner_c; rollback;
begin; declare h cursor with hold for select * from generate_series(1,3) g; commit; begin; select 1/0; rollback; fetch 2 from h; close h;
do $$ declare c refcursor; r int; begin begin create temp table x(a int); insert into x values(1),(2); open c for select a from x; fetch c into r; raise notice '%', r; raise exception 'oops'; exception when others then raise notice 'caught %', sqlerrm; end; end $$;
do $$ declare r record; begin begin create temp table x(a int); insert into x values(1),(2); for r in select a from x loop raise exception 'oops %', r.a; end loop; exception when others then raise notice 'caught %', sqlerrm; end; end $$;
select 'done';
