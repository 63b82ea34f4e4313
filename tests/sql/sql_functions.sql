-- Functions and procedures in language SQL: definition, calls, results, what they see.
create function add(a int, b int default 5) returns int language sql as 'select a + b';
select add(1, 2), add(1), add(b => 1, a => 2);
create function upto(x int) returns setof int language sql as $$ select generate_series(1, x) $$;
select upto(3);
select * from upto(3) with ordinality;
create function pair(out a int, out b text) language sql as $$ select 1, 'x' $$;
select * from pair();
select pair();
create function listed(int) returns setof record language sql as 'select $1, $1 * 2';
select * from listed(4) as t(a int, b int);
create function wrap(anyelement) returns anyarray language sql as 'select array[$1]';
select wrap(1), wrap('x'::text);
create table noted (i int);
create function note(x int) returns void language sql as 'insert into noted values (x)';
select note(3);
create function noted_twice(x int) returns bigint language sql as
  'insert into noted values (x); insert into noted values (x); select count(*) from noted';
select noted_twice(7);
select * from noted;
create procedure both(a int, inout b int) language sql as 'insert into noted values (a); select a + b';
call both(1, 2);
create function next_one(int) returns int begin atomic; select $1 + 1; end;
select next_one(4), pg_get_function_sqlbody('next_one'::regproc);
create function twice(x int) returns int return x * 2;
select twice(8);
create function endless(x int) returns int language sql as 'select endless(x + 1)';
\set VERBOSITY terse
select endless(1);
\set VERBOSITY default
create function bad() returns int language sql as 'select nosuch';
create function bad() returns int language sql as $$ select 'x'::text, 1 $$;
create function bad(a int, out b int) returns text language sql as 'select 1';
create function fails(x int) returns int language sql as 'select 1 / x';
select fails(0);
create or replace function add(a int, c int default 5) returns int language sql as 'select a';
drop function add(int);
drop function if exists add(int);
alter function add(int, int) rename to plus;
alter function plus(int, int) strict immutable;
select plus(null, 1), pg_get_functiondef('plus'::regproc);
comment on function plus(int, int) is 'adds';
select obj_description('plus'::regproc);
drop table noted;
