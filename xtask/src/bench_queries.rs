//! Queries of every kind over a million rows and over small tables, each with the part of PostgreSQL's time that it may
//! take.

use crate::Outcome;
use crate::bench_tables::{Taken, Target, psql, timed_statements};
use crate::lab::Lab;
use std::fmt::Write as _;
use std::process::Stdio;

/// A query that is timed, and the settings that it runs with.
struct Query {
    name: &'static str,
    /// At most this part of PostgreSQL's time.
    bar: f64,
    settings: &'static str,
    statement: String,
    /// Planning is timed, not running.
    plans: bool,
}

const ROUNDS: usize = 5;

/// A million rows, with 100,000 different `k` and 100 different `g`; their partners; and twelve small tables to join.
const TABLES: &str = "drop table if exists bench_facts, bench_dims; \
    create table bench_facts as select i as id, (i * 7919::bigint % 100003 % 100000)::int as k, \
        (i * 104729::bigint % 100)::int as g, \
        'user-' || lpad((i * 7919::bigint % 1000003)::text, 8, '0') || ' some text here ' || i % 10000 as t, \
        ((i * 7919::bigint % 10000019)::numeric / 100)::numeric(12,2) as n, \
        ((i % 11)::numeric / 100)::numeric(4,2) as d, \
        jsonb_build_object('a', i % 1000, 'b', jsonb_build_object('c', 'v' || i % 77), 'd', array[i, i + 1]) as j \
        from generate_series(1, 1000000) i; \
    create table bench_dims as select i as id, i % 1000 as v, 'dimension ' || i as name \
        from generate_series(0, 99999) i; \
    create index bench_facts_k on bench_facts (k); alter table bench_dims add primary key (id); \
    vacuum analyze bench_facts; vacuum analyze bench_dims";

fn queries() -> Vec<Query> {
    let query = |name, bar, settings, statement: &str| Query {
        name,
        bar,
        settings,
        statement: statement.to_owned(),
        plans: false,
    };
    let in_list: Vec<String> = (0..1000).map(|i| (i * 97).to_string()).collect();
    let mut all = vec![
        query(
            "hash join",
            0.4,
            "set enable_mergejoin = off; set enable_nestloop = off",
            "select count(*), sum(d.v) from bench_facts f join bench_dims d on d.id = f.k",
        ),
        query(
            "merge join",
            0.4,
            "set enable_hashjoin = off; set enable_nestloop = off",
            "select count(*), sum(d.v) from bench_facts f join bench_dims d on d.id = f.k",
        ),
        query("group by, 100 groups", 0.25, "", "select g, count(*), sum(n) from bench_facts group by g"),
        query(
            "group by, 100,000 groups",
            0.25,
            "set work_mem = '64MB'",
            "select count(*), max(s) from (select k, count(*), sum(id) s from bench_facts group by k) x",
        ),
        query(
            "sort in memory",
            0.25,
            "set work_mem = '512MB'",
            "select count(*) from (select id, t, n from bench_facts order by t, id offset 0) x",
        ),
        query(
            "sort spilled",
            0.25,
            "set work_mem = '4MB'",
            "select count(*) from (select id, t, n from bench_facts order by t, id offset 0) x",
        ),
        query("like", 0.4, "", "select count(*) from bench_facts where t like '%77 some%here 1%'"),
        query(
            "regex",
            0.2,
            "",
            "select count(*) from bench_facts where t ~ '[1-4]+7 some.*(here|there) [1-9]+0'",
        ),
        query(
            "numeric sums",
            0.4,
            "",
            "select sum(n), avg(n), sum(n * (1 - d)), sum(n * (1 - d) * (1 + d)) from bench_facts",
        ),
        query(
            "window functions",
            0.4,
            "set work_mem = '256MB'",
            "select sum(s), max(r) from (select sum(id) over (partition by g order by id) s, \
             rank() over (partition by g order by n) r from bench_facts) x",
        ),
        query(
            "jsonb extraction",
            0.4,
            "",
            "select sum((j->>'a')::int), count(*) filter (where j->'b'->>'c' = 'v7') from bench_facts",
        ),
        query("distinct", 0.4, "", "select count(*) from (select distinct k from bench_facts) x"),
        query("top-N", 0.4, "", "select id, n from bench_facts order by n desc, id limit 10"),
    ];
    all.push(query(
        "in-list of 1,000",
        0.4,
        "set enable_indexscan = off; set enable_bitmapscan = off",
        &format!("select count(*) from bench_facts where k in ({})", in_list.join(", ")),
    ));
    all.push(query("12-way join", 0.4, "", &twelve_ways("select count(*)")));
    all.push(Query {
        plans: true,
        ..query("12-way join, planning", 0.7, "", &twelve_ways("explain (summary) select count(*)"))
    });
    all.push(query("1,000 prepared statements", 0.4, "", &prepared()));
    all
}

/// Twelve joined tables, each with one before it.
fn twelve_ways(select: &str) -> String {
    let mut text = format!("{select} from bench_join1 t1");
    for i in 2..=12 {
        let _ = write!(text, " join bench_join{i} t{i} on t{i}.a = t{}.b", i - 1);
    }
    text
}

/// A thousand statements prepared and run in one message.
fn prepared() -> String {
    let mut text = String::new();
    for i in 0..1000 {
        let _ = write!(
            text,
            "prepare bench_{i}(int) as select count(*) from bench_dims where id = $1 and v >= {i} % 7; \
             execute bench_{i}({i}); "
        );
    }
    text
}

/// Runs the queries whose names hold one of `names`, in turns on both targets, and prints best times and ratios.
pub fn run(lab: &Lab, ours: Target, theirs: Target, names: &[String]) -> Outcome {
    let chosen = |name: &str| names.is_empty() || names.iter().any(|n| name.contains(n.as_str()));
    let chosen: Vec<Query> = queries().into_iter().filter(|query| chosen(query.name)).collect();
    if chosen.is_empty() {
        return Ok(());
    }
    for target in [ours, theirs] {
        prepare_tables(lab, target)?;
    }
    println!(
        "\n{:28}{:>9}{:>10}{:>7}{:>9}{:>11}{:>7}{:>6}",
        "query", "ours ms", "theirs ms", "ratio", "ours cpu", "theirs cpu", "ratio", "bar"
    );
    for query in &chosen {
        let mut all = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (target, taken) in [ours, theirs].into_iter().zip(&mut all) {
                taken.push(measure(lab, target, query)?);
            }
        }
        let [own, other] = all.map(best);
        let (ratio, cpu) = (own.ms / other.ms, own.cpu_ms / other.cpu_ms);
        println!(
            "{:28}{:>9.1}{:>10.1}{:>7.2}{:>9.0}{:>11.0}{:>7.2}{:>6.2}  {}",
            query.name,
            own.ms,
            other.ms,
            ratio,
            own.cpu_ms,
            other.cpu_ms,
            cpu,
            query.bar,
            if ratio <= query.bar { "" } else { "missed" }
        );
    }
    Ok(())
}

fn prepare_tables(lab: &Lab, target: Target) -> Outcome {
    let mut statements: Vec<String> = TABLES.split("; ").map(str::to_owned).collect();
    for i in 1..=12 {
        statements.push(format!("drop table if exists bench_join{i}"));
        statements.push(format!(
            "create table bench_join{i} as select i as a, (i * {}) % 1000 as b from generate_series(0, 999) i",
            2 * i + 1
        ));
        statements.push(format!("create index bench_join{i}_a on bench_join{i} (a)"));
        statements.push(format!("vacuum analyze bench_join{i}"));
    }
    for statement in statements {
        crate::lab::run(psql(lab, target).args(["-c", &statement]).stderr(Stdio::null()))?;
    }
    Ok(())
}

fn measure(lab: &Lab, target: Target, query: &Query) -> Result<Taken, String> {
    let (mut taken, text) = timed_statements(lab, target, query.settings, &query.statement)
        .map_err(|error| format!("{}: {error}", query.name))?;
    if query.plans {
        let planning = text
            .lines()
            .find_map(|line| line.split_once("Planning Time: ")?.1.split(' ').next()?.parse().ok());
        taken.ms = planning.ok_or_else(|| format!("{}: no planning time", query.name))?;
    }
    Ok(taken)
}

/// The least of both: what else the machine did only adds.
fn best(taken: Vec<Taken>) -> Taken {
    let least = |of: fn(&Taken) -> f64| taken.iter().map(of).fold(f64::INFINITY, f64::min);
    Taken { ms: least(|t| t.ms), cpu_ms: least(|t| t.cpu_ms) }
}
