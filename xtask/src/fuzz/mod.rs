//! `cargo xtask fuzz sql`: random schemas, data and statements, compared with PostgreSQL 18 and with themselves.
//!
//! A round makes a schema with data from its seed (`schema`), then runs queries (`query`), changes (`modify`) and
//! prepared statements on both servers and compares the answers (`compare`). On Ferrodon alone it holds every tenth query
//! against itself under other plans, and queries without a condition against their three parts (where it is true, false,
//! unknown). Expressions are typed (`expression`, `types`), so most statements are valid. What differs is made smaller
//! (`tree`) and written as a script. Everything follows from the round's seed.

mod compare;
mod expression;
mod generator;
mod modify;
mod query;
mod random;
mod round;
mod schema;
mod session;
mod tree;
mod types;

use crate::lab::{Lab, Server};
use crate::{Outcome, cargo, interop};
use round::Round;
use session::{Running, Session};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const USAGE: &str = "usage: cargo xtask fuzz sql [--seconds N] [--seed S] [--rounds N] [--port OURS] \
                     [--oracle-port P] [--no-oracle] [--out FOLDER]";
const OWN_PORT: u16 = 25475;
const DATABASE: &str = "fuzz_sql";

/// What the command line says.
pub struct Options {
    pub seconds: u64,
    pub seed: u64,
    pub rounds: u64,
    /// A server that runs already; none: one is built and started.
    pub port: Option<u16>,
    pub oracle: Option<u16>,
    pub out: PathBuf,
}

pub fn run(root: &Path, args: &[String]) -> Outcome {
    if args.first().map(String::as_str) != Some("sql") {
        return Err(USAGE.to_owned());
    }
    let options = options(root, &args[1..])?;
    let (port, _server) = match options.port {
        Some(port) => (port, None),
        None => {
            cargo(&["build", "--release", "--package", "server", "--bin", "ferrodon"])?;
            let binary = interop::target(root).join("release/ferrodon");
            let server = Server::start(&binary, &interop::scratch()?, OWN_PORT, &["shared_buffers=128MB"])?;
            (OWN_PORT, Some(server))
        }
    };
    let oracle = match options.oracle {
        Some(0) => Some(Lab::open(root)?.oracle_port()),
        other => other,
    };
    fuzz(&options, port, oracle)
}

fn options(root: &Path, args: &[String]) -> Result<Options, String> {
    let mut options = Options {
        seconds: 60,
        seed: std::process::id().into(),
        rounds: u64::MAX,
        port: None,
        oracle: Some(0),
        out: interop::target(root).join("fuzz-sql"),
    };
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        if word == "--no-oracle" {
            options.oracle = None;
            continue;
        }
        let value = rest.next().ok_or(USAGE)?;
        let number = || value.parse::<u64>().map_err(|_| USAGE.to_owned());
        let port = || value.parse::<u16>().map_err(|_| USAGE.to_owned());
        match word.as_str() {
            "--seconds" => options.seconds = number()?,
            "--seed" => options.seed = number()?,
            "--rounds" => {
                options.rounds = number()?;
                options.seconds = u64::MAX / 2;
            }
            "--port" => options.port = Some(port()?),
            "--oracle-port" => options.oracle = Some(port()?),
            "--out" => options.out = PathBuf::from(value),
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(options)
}

/// A short run against a server that is up: part of `cargo xtask interop`.
pub fn short_run(port: u16, oracle: u16, out: PathBuf) -> Outcome {
    let options = Options { seconds: 20, seed: 1, rounds: 10, port: Some(port), oracle: Some(oracle), out };
    fuzz(&options, port, Some(oracle))
}

/// Counts of a run.
#[derive(Default)]
pub struct Tally {
    pub statements: u64,
    pub failed: u64,
    pub variants: u64,
    pub order: u64,
    pub slow: Vec<String>,
    pub not_built: BTreeMap<String, u64>,
    /// Errors by SQLSTATE and message.
    pub codes: BTreeMap<String, u64>,
    /// Findings by signature.
    pub findings: BTreeMap<String, u64>,
}

/// Ends the process when a statement does not come back although it has a time limit.
fn watch(running: Running) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(5));
            let running = running.lock().expect("nothing panics holding it");
            if let Some((since, sql)) = &*running
                && since.elapsed() > Duration::from_secs(90)
            {
                println!("finding: a statement hangs in spite of its time limit: {sql}");
                std::process::exit(2);
            }
        }
    });
}

/// What both servers are told in every connection.
fn session_settings(limit_seconds: u32) -> Vec<String> {
    let mut settings = vec![
        "SET timezone = 'America/New_York'".to_owned(),
        "SET client_min_messages = error".to_owned(),
        "SET search_path = fuzz, public".to_owned(),
    ];
    settings.push(format!("SET statement_timeout = '{limit_seconds}s'"));
    settings
}

fn fuzz(options: &Options, port: u16, oracle: Option<u16>) -> Outcome {
    std::fs::create_dir_all(&options.out).map_err(|e| format!("{}: {e}", options.out.display()))?;
    let mut ours = Session::open(port, DATABASE, &session_settings(20))?;
    let database = format!("{DATABASE}_{port}");
    let mut theirs = oracle.map(|port| Session::open(port, &database, &session_settings(4))).transpose()?;
    println!("fuzz sql: seed {}, port {port}, oracle {oracle:?}", options.seed);
    let start = Instant::now();
    let end = start + Duration::from_secs(options.seconds.min(1 << 30));
    watch(ours.running.clone());
    let mut tally = Tally::default();
    let mut rounds = 0;
    while rounds < options.rounds && Instant::now() < end {
        let seed = options.seed + rounds;
        Round::new(seed, &mut ours, theirs.as_mut(), &mut tally, &options.out, end).run()?;
        rounds += 1;
    }
    report(&tally, rounds, start.elapsed(), &ours, theirs.as_ref());
    ours.close();
    if let Some(theirs) = theirs {
        theirs.close();
    }
    if tally.findings.is_empty() {
        Ok(())
    } else {
        Err(format!("{} findings; scripts are in {}", tally.findings.len(), options.out.display()))
    }
}

fn report(tally: &Tally, rounds: u64, time: Duration, ours: &Session, theirs: Option<&Session>) {
    println!(
        "{rounds} rounds in {:.0} s: {} statements ({} refused by both alike), {} under other plans or in parts; \
         Ferrodon busy {:.1} s, PostgreSQL {:.1} s",
        time.as_secs_f64(),
        tally.statements,
        tally.failed,
        tally.variants,
        ours.busy.as_secs_f64(),
        theirs.map_or(0.0, |t| t.busy.as_secs_f64()),
    );
    let mut codes: Vec<(&String, &u64)> = tally.codes.iter().collect();
    codes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (code, count) in codes.iter().take(40) {
        println!("error ({count}): {code}");
    }
    println!("failed on one side alone on a value that only some plans look at: {}", tally.order);
    for (message, count) in &tally.not_built {
        println!("not built ({count}): {message}");
    }
    for line in &tally.slow {
        println!("slow: {line}");
    }
    for (signature, count) in &tally.findings {
        println!("finding ({count}): {signature}");
    }
}
