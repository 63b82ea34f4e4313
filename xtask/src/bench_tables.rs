//! Bulk loads, index builds, scans and VACUUM over five million rows.

use crate::Outcome;
use crate::bench::cpu_ticks;
use crate::lab::Lab;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

const ROWS: u32 = 5_000_000;

/// A statement that is timed, and what comes before it each time.
struct Step {
    name: &'static str,
    before: &'static str,
    statement: &'static str,
    rounds: usize,
}

const STEPS: &[Step] = &[
    Step {
        name: "create index, random ints",
        before: "drop index if exists bench_rows_k",
        statement: "create index bench_rows_k on bench_rows (k)",
        rounds: 3,
    },
    Step {
        name: "create index, texts",
        before: "drop index if exists bench_rows_t",
        statement: "create index bench_rows_t on bench_rows (t)",
        rounds: 3,
    },
    Step {
        name: "count(*)",
        before: "vacuum analyze bench_rows",
        statement: "select count(*) from bench_rows",
        rounds: 5,
    },
    Step {
        name: "sum(numeric), avg(int)",
        before: "",
        statement: "select sum(n), avg(k) from bench_rows",
        rounds: 5,
    },
    Step {
        name: "group by, 1,000 groups",
        before: "",
        statement: "select k % 1000, count(*), sum(n), max(ts) from bench_rows group by 1",
        rounds: 5,
    },
    Step {
        name: "group by, a million groups",
        before: "",
        statement: "select count(*) from (select k, sum(n) from bench_rows group by k) s",
        rounds: 5,
    },
    Step {
        name: "vacuum, a fifth dead",
        before: "create table bench_old as select id, k, n from bench_rows; \
                 create index bench_old_id on bench_old (id); delete from bench_old where id % 5 = 0",
        statement: "vacuum bench_old; drop table bench_old",
        rounds: 3,
    },
];

/// A server to measure: its port and the process whose family does the work.
#[derive(Clone, Copy)]
pub struct Target {
    pub port: u16,
    pub pid: u32,
}

pub struct Taken {
    pub ms: f64,
    pub cpu_ms: f64,
}

/// Runs the steps whose names hold one of `names`, in turns on both targets, and prints medians and ratios.
pub fn run(lab: &Lab, scratch: &Path, ours: Target, theirs: Target, names: &[String]) -> Outcome {
    let chosen = |name: &str| names.is_empty() || names.iter().any(|n| name.contains(n.as_str()));
    if !chosen("copy") && !STEPS.iter().any(|step| chosen(step.name)) {
        return Ok(());
    }
    let data = scratch.join("bench_rows.tsv");
    write_rows(&data).map_err(|e| format!("{}: {e}", data.display()))?;
    println!(
        "\n{:36}{:>10}{:>10}{:>8}{:>10}{:>10}{:>8}",
        "workload", "ours ms", "theirs ms", "ratio", "ours cpu", "theirs cpu", "ratio"
    );
    let mut copies = [Vec::new(), Vec::new()];
    for _ in 0..3 {
        for (target, taken) in [ours, theirs].into_iter().zip(&mut copies) {
            taken.push(copy(lab, target, &data)?);
        }
    }
    let [own, other] = copies;
    print("copy of 5M rows", median(own), median(other));
    for step in STEPS.iter().filter(|step| chosen(step.name)) {
        let mut all = [Vec::new(), Vec::new()];
        for _ in 0..step.rounds {
            for (target, taken) in [ours, theirs].into_iter().zip(&mut all) {
                taken.push(timed(lab, target, step)?);
            }
        }
        let [own, other] = all;
        print(step.name, median(own), median(other));
    }
    fs::remove_file(&data).map_err(|e| e.to_string())
}

fn print(name: &str, ours: Taken, theirs: Taken) {
    println!(
        "{name:36}{:>10.0}{:>10.0}{:>8.2}{:>10.0}{:>10.0}{:>8.2}",
        ours.ms,
        theirs.ms,
        ours.ms / theirs.ms,
        ours.cpu_ms,
        theirs.cpu_ms,
        ours.cpu_ms / theirs.cpu_ms
    );
}

fn median(mut taken: Vec<Taken>) -> Taken {
    taken.sort_by(|a, b| a.ms.total_cmp(&b.ms));
    let middle = taken.len() / 2;
    taken.swap_remove(middle)
}

/// The same rows every time: a linear congruential generator (Knuth's MMIX constants) draws the keys.
fn write_rows(path: &Path) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(File::create(path)?);
    let mut seed = 42_u64;
    let mut line = String::new();
    for i in 1..=ROWS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let k = (seed >> 33) % 1_000_000;
        line.clear();
        let _ = writeln!(
            line,
            "{i}\t{k}\t2024-{:02}-{:02} {:02}:{:02}:{:02}+00\tuser-{k:08} some text here {:04}\t{}.{:02}",
            1 + k % 12,
            1 + i % 28,
            i % 24,
            i % 60,
            k % 60,
            i % 10_000,
            k % 100_000,
            i % 100
        );
        file.write_all(line.as_bytes())?;
    }
    file.flush()
}

pub fn psql(lab: &Lab, target: Target) -> std::process::Command {
    let mut command = lab.client("psql");
    command.args(["-p", &target.port.to_string(), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", "postgres"]);
    command
}

fn copy(lab: &Lab, target: Target, data: &Path) -> Result<Taken, String> {
    let table = "create table bench_rows (id bigint, k int, ts timestamptz, t text, n numeric)";
    let setup = psql(lab, target).args(["-c", "drop table if exists bench_rows", "-c", table]).output();
    setup.map_err(|e| e.to_string())?;
    let before = cpu_ticks(target.pid);
    let start = Instant::now();
    let mut command = psql(lab, target);
    command.args(["-c", "copy bench_rows from stdin"]).stdin(File::open(data).map_err(|e| e.to_string())?);
    crate::lab::run(command.stdout(Stdio::null()))?;
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    // A tick is 10 ms.
    Ok(Taken { ms, cpu_ms: (cpu_ticks(target.pid) - before) as f64 * 10.0 })
}

/// Runs a step; of several statements, only the first counts.
fn timed(lab: &Lab, target: Target, step: &Step) -> Result<Taken, String> {
    for statement in step.before.split("; ").filter(|s| !s.is_empty()) {
        crate::lab::run(psql(lab, target).args(["-c", statement]).stderr(Stdio::null()))?;
    }
    let mut statements = step.statement.split("; ");
    let first = statements.next().unwrap_or_default();
    let (taken, _) =
        timed_statements(lab, target, "", first).map_err(|error| format!("{}: {error}", step.name))?;
    for statement in statements {
        crate::lab::run(psql(lab, target).args(["-c", statement]))?;
    }
    Ok(taken)
}

/// Runs a text in a session of its own, after statements that are not timed; returns what psql printed, too.
pub fn timed_statements(
    lab: &Lab,
    target: Target,
    before: &str,
    timed: &str,
) -> Result<(Taken, String), String> {
    let mut command = psql(lab, target);
    for statement in before.split("; ").filter(|s| !s.is_empty()) {
        command.args(["-c", statement]);
    }
    // Long texts do not fit into an argument.
    command.args(["-c", "\\timing on", "-f", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ticks = cpu_ticks(target.pid);
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    // psql sends what \\; joins as one message.
    let text = timed.trim().trim_end_matches(';').replace("; ", "\\; ");
    let writer = std::thread::spawn(move || stdin.write_all(format!("{text};\n").as_bytes()));
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let _ = writer.join();
    let cpu_ms = (cpu_ticks(target.pid) - ticks) as f64 * 10.0;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let time = text.lines().find_map(|line| line.strip_prefix("Time: ")?.split(' ').next()?.parse().ok());
    let ms = time.ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((Taken { ms, cpu_ms }, text))
}
