-- GROUPING SETS, ROLLUP and CUBE.
create table sales (region text, product text, year int, amount numeric);
insert into sales values
  ('north', 'apple', 2023, 10), ('north', 'pear', 2023, 20), ('north', 'apple', 2024, 15),
  ('south', 'apple', 2023, 7), ('south', 'pear', 2024, 30), ('south', null, 2024, 1);
analyze sales;
select region, product, sum(amount), grouping(region, product) from sales
  group by rollup (region, product) order by region, product, 4;
select region, year, count(*) from sales group by cube (region, year) order by 1, 2, 3;
select region, product, year, sum(amount) from sales
  group by grouping sets ((region, product), (year), ()) order by 1, 2, 3, 4;
select region, year, sum(amount) from sales group by region, rollup (year) order by 1, 2;
select region, product, count(*) from sales
  group by distinct rollup (region), rollup (region, product) order by 1, 2, 3;
select region, sum(amount) from sales group by rollup (region) having grouping(region) = 1;
select region, sum(amount) from sales where region = 'north' group by rollup (region) order by region;
select upper(region) as u, count(*) from sales group by rollup (upper(region)) order by u;
select 1 as one, year, count(*) from sales group by grouping sets (1, 2) order by 1, 2;
select region as a, region as b, count(*) from sales group by region, rollup (b) order by 1, 2, 3;
select count(*), sum(amount) from sales where false group by ();
select region, count(*) from sales where false group by rollup (region);
select count(*) from sales group by grouping sets ((), (), ());
select region, sum(amount), rank() over (order by sum(amount)) from sales group by rollup (region) order by 3;
select region, count(distinct product), string_agg(product, ',' order by product) from sales
  group by rollup (region) order by region;
explain (costs off) select region, product, sum(amount) from sales group by rollup (region, product);
set enable_hashagg = off;
explain (costs off) select region, product, sum(amount) from sales group by rollup (region, product);
explain (costs off) select region, year, sum(amount) from sales group by cube (region, year);
reset enable_hashagg;
select region, grouping(year) from sales group by region;
select generate_series(1, 2) as g, count(*) from sales group by g order by g;
drop table sales;
