-- PL/pgSQL: declarations, control flow, queries, exceptions, cursors, transactions.
create table t (i int, s text);
create function fib(n int) returns int language plpgsql as $$
declare a int := 0; b int := 1; t int;
begin
  for i in 1..n loop t := a + b; a := b; b := t; end loop;
  return a;
end $$;
select fib(20);
create function sign_of(x int) returns text language plpgsql as $$
begin
  if x > 0 then return 'pos'; elsif x < 0 then return 'neg'; else return 'zero'; end if;
end $$;
select sign_of(1), sign_of(-1), sign_of(0);
create function rows_of() returns setof t language plpgsql as $$
declare r t;
begin
  insert into t values (1, 'a'), (2, 'b');
  for r in select * from t loop r.i := r.i * 10; return next r; end loop;
  return query select 99, 'q'::text;
end $$;
select * from rows_of();
create function guarded(x int) returns text language plpgsql as $$
begin
  insert into t values (7, 'undone');
  perform 1 / x;
  return 'ok';
exception when division_by_zero then return sqlstate || ': ' || sqlerrm;
end $$;
select guarded(0);
select count(*) from t;
create function raising(x int) returns int language plpgsql as $$
begin
  raise notice 'x is %', x;
  raise exception 'bad %', x using hint = 'none', errcode = '22012';
end $$;
select raising(3);
create function arrays() returns int[] language plpgsql as $$
declare a int[] := '{1,2,3}'; x int; s int := 0;
begin
  a[2] := 20;
  foreach x in array a loop s := s + x; end loop;
  return a || s;
end $$;
select arrays();
create function cursors() returns int language plpgsql as $$
declare c cursor(n int) for select i from t where i >= n; v int; s int := 0;
begin
  open c(1);
  loop fetch c into v; exit when not found; s := s + v; end loop;
  close c;
  return s;
end $$;
select cursors();
create function counted(name text) returns bigint language plpgsql as $$
declare n bigint;
begin
  execute 'select count(*) from ' || quote_ident(name) || ' where i > $1' into n using 1;
  return n;
end $$;
select counted('t');
create function case_of(x int) returns text language plpgsql as $$
begin
  case x when 1, 2 then return 'few'; when 3 then return 'three'; end case;
end $$;
select case_of(2), case_of(3);
select case_of(4);
create procedure stepping(inout x int) language plpgsql as $$
begin x := x + 1; insert into t values (x, 'kept'); commit; insert into t values (x, 'lost'); rollback; end $$;
call stepping(5);
do $$ declare y int := 1; begin call stepping(y); raise notice 'y = %', y; end $$;
select * from t order by i, s;
begin;
call stepping(5);
rollback;
create function bad() returns int language plpgsql as $$ begin x := 1; end $$;
create function bad() returns int language plpgsql as $$ begin return 1 end $$;
create function no_return() returns int language plpgsql as $$ begin end $$;
select no_return();
create function deep(n int) returns int language plpgsql as $$ begin return deep(n + 1); end $$;
\set VERBOSITY terse
select deep(1);
drop table t cascade;
