//! Ferrodon and PostgreSQL 18 in turns on one machine: ratios of wall time and of server CPU.

use crate::bench_queries;
use crate::bench_tables::{self, Target};
use crate::interop::{scratch, target};
use crate::lab::{self, Lab, Server};
use crate::{Outcome, cargo};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

const PORT: u16 = 25472;
const ROUNDS: usize = 3;

/// What is measured of one workload on one server.
#[derive(Clone, Copy)]
struct Figures {
    per_second: f64,
    /// Microseconds of the server's processes for each unit of work.
    cpu_us: f64,
}

/// One workload: its name, and how it is run against a port for a pid's family.
struct Workload {
    name: &'static str,
    /// pgbench's arguments.
    args: &'static [&'static str],
}

const WORKLOADS: &[Workload] = &[
    Workload { name: "select-only, 8 clients, simple", args: &["-S", "-M", "simple", "-c", "8", "-j", "2"] },
    Workload {
        name: "select-only, 8 clients, prepared",
        args: &["-S", "-M", "prepared", "-c", "8", "-j", "2"],
    },
    Workload { name: "tpcb, 8 clients, simple", args: &["-M", "simple", "-c", "8", "-j", "2"] },
    Workload { name: "tpcb, 8 clients, prepared", args: &["-M", "prepared", "-c", "8", "-j", "2"] },
    Workload { name: "connect", args: &["-C", "-c", "8", "-j", "2", "-f", "/tmp/ferrodon/connect.sql"] },
    Workload {
        name: "one row, 16 clients",
        args: &["-M", "prepared", "-c", "16", "-j", "2", "-f", "/tmp/ferrodon/hot.sql"],
    },
];

/// Runs the workloads whose names hold one of `names`; `--binary PATH` before them takes a server that is there already
/// instead of building one.
pub fn run(root: &Path, names: &[String]) -> Outcome {
    let (binary, names) = match names {
        [flag, path, rest @ ..] if flag == "--binary" => (PathBuf::from(path), rest),
        _ => {
            cargo(&["build", "--release", "--package", "server", "--bin", "ferrodon"])?;
            (target(root).join("release/ferrodon"), names)
        }
    };
    let lab = Lab::open(root)?;
    let scratch = scratch()?;
    fs::write(scratch.join("connect.sql"), "select 1;\n").map_err(|e| e.to_string())?;
    fs::write(
        scratch.join("hot.sql"),
        "update pgbench_branches set bbalance = bbalance + 1 where bid = 1;\n",
    )
    .map_err(|e| e.to_string())?;
    let settings = ["shared_buffers=2GB", "max_wal_size=8GB", "max_connections=500"];
    let server = Server::start(&binary, &scratch, PORT, &settings)?;
    let oracle_pid = oracle_pid(&lab)?;
    let chosen = |w: &&Workload| names.is_empty() || names.iter().any(|n| w.name.contains(n.as_str()));
    if WORKLOADS.iter().any(|w| chosen(&w)) {
        for port in [PORT, lab.oracle_port()] {
            let start = Instant::now();
            pgbench(&lab, port, &["-i", "-s", "50", "-q"])?;
            println!("init -s 50 on port {port}: {:.2} s", start.elapsed().as_secs_f64());
        }
        println!(
            "{:36}{:>10}{:>10}{:>8}{:>10}{:>10}{:>8}",
            "workload", "ours/s", "theirs/s", "ratio", "ours us", "theirs us", "ratio"
        );
    }
    for workload in WORKLOADS.iter().filter(chosen) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(measure(&lab, workload, PORT, server.pid())?);
            theirs.push(measure(&lab, workload, lab.oracle_port(), oracle_pid)?);
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "{:36}{:>10.0}{:>10.0}{:>8.2}{:>10.1}{:>10.1}{:>8.2}",
            workload.name,
            ours.per_second,
            theirs.per_second,
            ours.per_second / theirs.per_second,
            ours.cpu_us,
            theirs.cpu_us,
            ours.cpu_us / theirs.cpu_us
        );
    }
    let own = Target { port: PORT, pid: server.pid() };
    let rival = Target { port: lab.oracle_port(), pid: oracle_pid };
    bench_queries::run(&lab, own, rival, names)?;
    bench_tables::run(&lab, &scratch, own, rival, names)
}

fn oracle_pid(lab: &Lab) -> Result<u32, String> {
    let output = lab.script("oracle").arg("pid").output().map_err(|e| e.to_string())?;
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .map_err(|_| "the oracle's pid is unknown".to_owned())
}

fn pgbench(lab: &Lab, port: u16, args: &[&str]) -> Outcome {
    let mut command = lab.client("pgbench");
    command.args(["-p", &port.to_string(), "-n"]).args(args).arg("postgres");
    lab::run(command.stdout(Stdio::null()).stderr(Stdio::null()))
}

fn measure(lab: &Lab, workload: &Workload, port: u16, pid: u32) -> Result<Figures, String> {
    let before = cpu_ticks(pid);
    let mut command = lab.client("pgbench");
    command.args(["-p", &port.to_string(), "-n", "-T", "8"]).args(workload.args).arg("postgres");
    let output = command.output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |key: &str| -> Option<f64> {
        let line = text.lines().find(|l| l.starts_with(key))?;
        line[key.len()..].split_whitespace().next()?.split('/').next()?.parse().ok()
    };
    let failed = || format!("{}: {text}{}", workload.name, String::from_utf8_lossy(&output.stderr));
    let per_second = number("tps = ").ok_or_else(failed)?;
    let done = number("number of transactions actually processed: ").ok_or_else(failed)?;
    // A tick is 10 ms.
    let cpu_us = (cpu_ticks(pid) - before) as f64 * 10_000.0 / done;
    Ok(Figures { per_second, cpu_us })
}

/// CPU time of a process with all its descendants, ended ones included.
pub fn cpu_ticks(pid: u32) -> u64 {
    let own = |pid: u32, fields: &[usize]| -> u64 {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0 };
        let rest: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        fields.iter().filter_map(|f| rest.get(*f)?.parse::<u64>().ok()).sum()
    };
    // utime, stime, and those of children waited for.
    let mut total = own(pid, &[11, 12, 13, 14]);
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(child) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{child}/stat")) else { continue };
        let parent =
            stat.rsplit(") ").next().and_then(|r| r.split(' ').nth(1)).and_then(|p| p.parse::<u32>().ok());
        if parent == Some(pid) {
            total += own(child, &[11, 12]);
        }
    }
    total
}

fn median(mut figures: Vec<Figures>) -> Figures {
    figures.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    figures[figures.len() / 2]
}
