-- Indexes are the same however they are built: by one thread or several, in memory or by way of files.
set client_min_messages = warning;
create table built (id int, k int, t text, n numeric, f float8);
insert into built
select i, (i * 7919) % 5000 - 2500, 'user-' || lpad(((i * 7919) % 9001)::text, 6, '0') || ' and some text', (i % 777) / 8.0,
       case when i % 1000 = 0 then 'NaN'::float8 when i % 1000 = 1 then '-0'::float8 else (i % 313) - 150 end
from generate_series(1, 60000) i;
update built set k = null where id % 101 = 0;
update built set t = repeat(t, 60) where id % 6007 = 0;
delete from built where id % 97 = 0;
analyze built;

set enable_seqscan = off;
set enable_bitmapscan = off;
set enable_sort = off;
set enable_incremental_sort = off;
set max_parallel_workers_per_gather = 0;
\set walk 'select count(*), md5(string_agg(id::text, \',\')) from (select id from built order by '

set max_parallel_maintenance_workers = 0;
create index built_k on built (k, id);
:walk k, id) s; -- one thread
drop index built_k;
set max_parallel_maintenance_workers = 2;
set min_parallel_table_scan_size = 0;
alter table built set (parallel_workers = 2);
set maintenance_work_mem = '96MB';
create index built_k on built (k, id);
:walk k, id) s; -- three threads
drop index built_k;
set maintenance_work_mem = '1MB';
create index built_k on built (k, id);
:walk k, id) s; -- through files
drop index built_k;
create index built_k on built (k desc nulls last, id desc);
:walk k desc nulls last, id desc) s; -- descending
drop index built_k;
reset maintenance_work_mem;
create index built_t on built (t, id);
:walk t, id) s; -- text
select count(*), min(id), max(id) from built where t >= 'user-004' and t < 'user-005';
drop index built_t;
create index built_t on built (t collate "C" desc) include (id);
select count(*), min(id), max(id) from built where t collate "C" between 'user-0071' and 'user-0083';
drop index built_t;
create index built_n on built (n, id);
:walk n, id) s; -- numeric
create index built_f on built (f, id);
:walk f, id) s; -- floats
create index built_e on built (lower(t), id) where k > 0;
select count(*), sum(id) from built where k > 0 and lower(t) like 'user-0001%';
select count(*), sum(id) from built where k > 0 and lower(t) >= 'user-0001' and lower(t) < 'user-0002';

-- violations
set max_parallel_maintenance_workers = 0;
create unique index built_u on built (id);
drop index built_u;
insert into built values (59999, 1, 'again');
create unique index built_u on built (id);
create unique index built_u on built ((id + 1), (k is null)) where id > 59990;
create unique index built_e1 on built ((id + 1)) where id = 59999;
delete from built where t = 'again';
create unique index built_u on built (id);
update built set k = 1 where id < 3;
create unique index built_u2 on built (id) include (k);
create unique index built_u3 on built (k) nulls not distinct where k is null;
insert into built values (70000, null, 'x'), (70001, null, 'y');
create unique index built_u4 on built (k) where k is null;
select indexrelid::regclass, indisunique, indisvalid from pg_index where indrelid = 'built'::regclass order by 1::text;
select relname, relpages > 0 as has_pages, reltuples from pg_class where relname like 'built\_%' order by 1;
create index too_long on built ((repeat(md5(t), 200) || repeat(md5(id::text), 200)));

set max_parallel_maintenance_workers = 2;
-- VACUUM with several indexes and its options
delete from built where id % 5 = 0;
vacuum (parallel 2) built;
select count(*), sum(id) from built;
select count(*) from built where id between 100 and 40000;
:walk n, id) s; -- after vacuum
delete from built where id % 5 = 1;
vacuum (parallel 0, buffer_usage_limit '256 kB') built;
:walk f, id) s; -- after another
set vacuum_buffer_usage_limit = 0;
delete from built where id % 5 = 2;
vacuum (buffer_usage_limit 0, verbose false) built;
:walk n, id) s; -- and a third
vacuum (parallel) built;
vacuum (parallel 1025) built;
vacuum (parallel -1) built;
vacuum (buffer_usage_limit '100 kB') built;
vacuum (full, parallel 1) built;
create temp table own (a int primary key, b int unique);
vacuum (parallel 2) own;
reindex table built;
:walk n, id) s; -- reindexed
drop table built;
