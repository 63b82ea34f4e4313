//! Ferrodon held against PostgreSQL 18: the scripts of tests/sql run on both through psql and their outputs are
//! compared; then PostgreSQL's own tools read our data directory.

use crate::lab::{self, Lab, Server};
use crate::{Outcome, cargo};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PORT: u16 = 25471;
const DATABASE: &str = "interop";
const ISOLATION_TESTER: &str = "/usr/lib/postgresql/18/lib/pgxs/src/test/isolation/isolationtester";

pub fn run(root: &Path, names: &[String]) -> Outcome {
    cargo(&["build", "--release", "--package", "server", "--bin", "ferrodon"])?;
    let lab = Lab::open(root)?;
    let scratch = scratch()?;
    let binary = target(root).join("release/ferrodon");
    let mut server =
        Server::start(&binary, &scratch, PORT, &["shared_buffers=128MB", "wal_consistency_checking=all"])?;
    let known = known_differences(root)?;
    let (mut passed, mut failed) = (0, 0);
    for (folder, extension) in [("tests/sql", "sql"), ("tests/isolation", "spec")] {
        for script in scripts(root, folder, extension, names)? {
            let name = script.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let allowed = known.get(&name).copied().unwrap_or(0);
            let difference = compare(&lab, &script, &scratch, server.port)?;
            let lines = difference.lines().filter(|l| l.starts_with(['+', '-'])).count().saturating_sub(2);
            let word = match lines {
                0 => "same",
                n if n <= allowed => "known",
                _ => "FAIL",
            };
            println!("{word:6}{name:32}{lines:5} lines differ, {allowed} known");
            if word == "FAIL" {
                failed += 1;
                println!("{}", difference.lines().take(60).collect::<Vec<_>>().join("\n"));
            } else {
                passed += 1;
            }
        }
    }
    if names.is_empty() {
        for (name, outcome) in [
            ("drivers of other languages", crate::drivers::run(root, &scratch, PORT)),
            ("pg_dump and pg_restore", crate::dumps::run(&lab, root, PORT)),
            (
                "twenty seconds of the fuzzer",
                crate::fuzz::short_run(PORT, lab.oracle_port(), target(root).join("fuzz-sql")),
            ),
            ("pgbench, also after kill -9", pgbench(&lab, &mut server, &binary)),
            ("PostgreSQL's tools on our data directory", tools(&lab, server)),
        ] {
            match outcome {
                Ok(()) => passed += 1,
                Err(_) => failed += 1,
            }
            println!(
                "{}  {name}{}",
                if outcome.is_ok() { "ok  " } else { "FAIL" },
                outcome.err().map_or_else(String::new, |e| format!("\n{e}"))
            );
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { Ok(()) } else { Err("interop: outputs differ".to_owned()) }
}

/// The folder that builds go to.
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// A folder that both the host and the lab's root see.
pub fn scratch() -> Result<PathBuf, String> {
    let folder = PathBuf::from("/opt/forky/tmp/ferrodon");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(folder)
}

/// How many lines of a script's output may differ: a ratchet that only goes down. What they are about stands beside the
/// number; docs/compatibility.md has the reasons.
fn known_differences(root: &Path) -> Result<BTreeMap<String, usize>, String> {
    let path = root.join("tests/known_differences.txt");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next().unwrap_or_default().to_owned();
            let count = words.next().and_then(|w| w.parse().ok());
            count.map(|count| (name, count)).ok_or_else(|| format!("{}: {line}", path.display()))
        })
        .collect()
}

fn scripts(root: &Path, folder: &str, extension: &str, names: &[String]) -> Result<Vec<PathBuf>, String> {
    let folder = root.join(folder);
    let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut scripts: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    scripts.retain(|path| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        path.extension().is_some_and(|e| e == extension)
            && (names.is_empty() || names.iter().any(|n| *n == stem))
    });
    scripts.sort();
    Ok(scripts)
}

/// Runs a script on both servers, in a new database each: what differs, as a unified diff, empty if nothing does.
fn compare(lab: &Lab, script: &Path, scratch: &Path, port: u16) -> Result<String, String> {
    let theirs = output_of(lab, script, lab.oracle_port())?;
    let ours = output_of(lab, script, port)?;
    if ours == theirs {
        return Ok(String::new());
    }
    let name = script.file_stem().unwrap_or_default().to_string_lossy();
    let (expected, actual) =
        (scratch.join(format!("{name}.postgresql")), scratch.join(format!("{name}.ferrodon")));
    fs::write(&expected, &theirs).map_err(|e| e.to_string())?;
    fs::write(&actual, &ours).map_err(|e| e.to_string())?;
    let diff =
        Command::new("diff").arg("-u").arg(&expected).arg(&actual).output().map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&diff.stdout).into_owned())
}

fn output_of(lab: &Lab, script: &Path, port: u16) -> Result<String, String> {
    let port = port.to_string();
    for sql in [
        format!("DROP DATABASE IF EXISTS {DATABASE}"),
        format!("CREATE DATABASE {DATABASE} TEMPLATE template0"),
    ] {
        let made = lab.client("psql").args(["-p", &port, "-d", "postgres", "-XqAt", "-c", &sql]).output();
        let made = made.map_err(|e| e.to_string())?;
        if !made.status.success() {
            return Err(format!("{sql}: {}", String::from_utf8_lossy(&made.stderr)));
        }
    }
    let input = fs::File::open(script).map_err(|e| format!("{}: {e}", script.display()))?;
    let mut command = if script.extension().is_some_and(|e| e == "spec") {
        let mut tester = lab.client("timeout");
        tester.args([
            "60",
            "env",
            &format!("PGPORT={port}"),
            ISOLATION_TESTER,
            &format!("dbname={DATABASE}"),
        ]);
        tester
    } else {
        let mut psql = lab.client("timeout");
        psql.args(["60", "psql", "-p", &port, "-d", DATABASE, "-X", "-a"]);
        psql
    };
    let output = command.stdin(Stdio::from(input)).output().map_err(|e| e.to_string())?;
    let text = [output.stdout, output.stderr].concat();
    Ok(normalised(&String::from_utf8_lossy(&text)))
}

/// What differs from run to run, in PostgreSQL too, is masked: times, and whether it was a worker or the leader that
/// met the row an error is about.
fn normalised(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines().filter(|line| *line != "CONTEXT:  parallel worker") {
        let line = mask_after(line, "Planning Time: ");
        let line = mask_after(&line, "Execution Time: ");
        let line = mask_after(&line, "actual time=");
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// Replaces digits and dots right after `key` by one `N`.
fn mask_after(line: &str, key: &str) -> String {
    match line.split_once(key) {
        Some((before, after)) => {
            let rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            format!("{before}{key}N{rest}")
        }
        None => line.to_owned(),
    }
}

/// pgbench at scale 1 in every protocol, with a crash between; the four sums of TPC-B must agree.
fn pgbench(lab: &Lab, server: &mut Server, binary: &Path) -> Outcome {
    let port = server.port.to_string();
    let bench = |args: &[&str]| {
        lab::run(
            lab.client("pgbench")
                .args(["-p", &port, "-n"])
                .args(args)
                .arg("postgres")
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )
    };
    bench(&["-i", "-s", "1"])?;
    for protocol in ["simple", "extended", "prepared"] {
        bench(&["-M", protocol, "-c", "8", "-j", "2", "-t", "100"])?;
        bench(&["-M", protocol, "-S", "-c", "8", "-j", "2", "-t", "200"])?;
    }
    sums_agree(lab, &port)?;
    server.crash_and_restart(binary, &["shared_buffers=128MB"])?;
    sums_agree(lab, &port)
}

pub fn sums_agree(lab: &Lab, port: &str) -> Outcome {
    let sql = "select (select sum(abalance) from pgbench_accounts), (select sum(tbalance) from pgbench_tellers), \
               (select sum(bbalance) from pgbench_branches), (select coalesce(sum(delta), 0) from pgbench_history)";
    let output = lab.client("psql").args(["-p", port, "-d", "postgres", "-XAt", "-c", sql]).output();
    let output = output.map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let sums: Vec<&str> = text.split('|').collect();
    let agree = sums.len() == 4 && sums.iter().all(|s| *s == sums[0]);
    if agree {
        Ok(())
    } else {
        Err(format!("the sums differ: {text} {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// pg_controldata, pg_checksums and pg_waldump read a directory that was shut down properly.
fn tools(lab: &Lab, server: Server) -> Outcome {
    let pid = server.pid().to_string();
    lab::run(Command::new("kill").args(["-INT", &pid]))?;
    while Path::new(&format!("/proc/{pid}/stat")).exists() && !is_zombie(&pid) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let data = server.data.clone();
    drop(server);
    lab::run(Command::new("chown").args(["-R", "--reference=/opt/forky/var/lib/postgresql"]).arg(&data))?;
    let inside = format!("/{}", data.strip_prefix("/opt/forky").unwrap_or(&data).display());
    let quiet = |command: &mut Command| {
        let output = command.output().map_err(|e| e.to_string())?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(format!(
            "{command:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ))
    };
    let control = quiet(lab.client("pg_controldata").args(["-D", &inside]))?;
    quiet(lab.client("pg_checksums").args(["--check", "-D", &inside]))?;
    let field = |name: &str| {
        control.lines().find_map(|l| l.strip_prefix(name)).map(str::trim).unwrap_or_default().to_owned()
    };
    let start = field("Latest checkpoint's REDO location:");
    quiet(lab.client("pg_waldump").args(["-p", &format!("{inside}/pg_wal"), "-s", &start, "-n", "1"]))?;
    served_by_postgresql(lab, &inside, &quiet)
}

/// PostgreSQL 18 itself serves the directory, and its amcheck finds heaps and B-trees sound.
fn served_by_postgresql(
    lab: &Lab,
    inside: &str,
    quiet: &dyn Fn(&mut Command) -> Result<String, String>,
) -> Outcome {
    const PORT: &str = "25473";
    let log = "/tmp/ferrodon-served.log".to_owned();
    let options = format!("-p {PORT} -k /tmp -c shared_buffers=64MB");
    lab::run(
        lab.client("pg_ctl")
            .args(["-D", inside, "-w", "-l", &log, "-o", &options, "start"])
            .stdout(Stdio::null()),
    )?;
    let psql = |sql: &str| quiet(lab.client("psql").args(["-p", PORT, "-d", "postgres", "-XAtqc", sql]));
    let checked = psql("create extension amcheck")
        .and_then(|_| {
            psql(
                "select bt_index_check(c.oid, true) from pg_class c join pg_am a on a.oid = c.relam \
                 where amname = 'btree' and c.relkind = 'i'",
            )
        })
        .and_then(|_| {
            psql(
                "select c.relname, v.* from pg_class c, lateral verify_heapam(c.oid) v \
                 where c.relkind in ('r', 't')",
            )
        });
    quiet(lab.client("pg_ctl").args(["-D", inside, "-w", "-m", "fast", "stop"]))?;
    match checked?.trim() {
        "" => Ok(()),
        damage => Err(format!("verify_heapam: {damage}")),
    }
}

fn is_zombie(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}
