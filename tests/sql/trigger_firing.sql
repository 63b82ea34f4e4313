-- Triggers: order, levels, WHEN, columns, deferral, switching, TRUNCATE.
create table t (i int primary key, s text, n int default 0);
create table log (k serial, w text);
create function note() returns trigger language plpgsql as $$
begin
  insert into log (w) values (format('%s %s %s %s %s', tg_name, tg_when, tg_level, tg_op, tg_argv[0]));
  if tg_level = 'ROW' and tg_when = 'BEFORE' and tg_op <> 'DELETE' then
    new.n := coalesce(new.n, 0) + 1;
    return new;
  end if;
  if tg_op = 'DELETE' then return old; end if;
  return new;
end $$;
create trigger b before insert or update or delete on t for each row execute function note('x');
create trigger a after insert or update of s on t for each row when (new.i > 1) execute function note('y');
create trigger st after insert on t for each statement execute function note();
create trigger bs before delete on t for each statement execute function note();
insert into t values (1, 'a'), (2, 'b');
update t set s = 'c';
update t set n = 5;
delete from t where i = 1;
select * from t;
select w from log order by k;
create function refuse() returns trigger language plpgsql as $$
begin raise exception 'no % %', new.i, old; end $$;
create constraint trigger ct after insert on t deferrable initially deferred for each row execute function refuse();
begin;
insert into t values (9, 'z');
select 1;
commit;
alter table t disable trigger ct;
insert into t values (10, 'z');
drop trigger ct on t;
drop trigger ct on t;
drop trigger if exists ct on t;
create trigger tr after truncate on t execute function note('t');
truncate t;
select w from log order by k desc limit 1;
select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal order by 1;
create function leave_out() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger zz before insert on t for each row execute function leave_out();
insert into t values (1);
create trigger b before insert on t for each row execute function note();
create trigger c before insert on t for each row when (old.i > 1) execute function note();
drop function note();
drop table t;
