//! The command line: one program that is `ferrodon`, `initdb`, `postgres`, `pg_ctl`, `pg_isready` and
//! `pg_controldata`, by the name it is called by or by its first argument.

mod arguments;
mod controldata;
mod initdb;
mod isready;
mod pg_ctl;
mod postgres;

use crate::session::engine_api::Installation;
use std::path::Path;

/// The tools, by the names of PostgreSQL's programs.
const TOOLS: &[&str] = &["initdb", "postgres", "postmaster", "pg_ctl", "pg_isready", "pg_controldata"];

/// What a tool ends with.
type Exit = u8;

/// Runs the program; `arguments` begin with its name. Returns the exit status.
pub fn main(arguments: &[String], installation: &dyn Installation) -> u8 {
    let called = arguments.first().map_or("ferrodon", |name| name.as_str());
    let called = Path::new(called).file_name().and_then(|name| name.to_str()).unwrap_or("ferrodon");
    let rest = arguments.get(1..).unwrap_or_default();
    if TOOLS.contains(&called) {
        return tool(called, rest, installation);
    }
    match rest.split_first() {
        None => postgres::serve_here(installation),
        Some((name, rest)) if TOOLS.contains(&name.as_str()) => tool(name, rest, installation),
        Some((flag, _)) if flag == "--version" || flag == "-V" => version("ferrodon"),
        Some((flag, _)) if flag == "--help" || flag == "-?" || flag == "help" => {
            print!("{HELP}");
            0
        }
        Some((other, _)) => {
            eprintln!(
                "ferrodon: unrecognized command \"{other}\"\nTry \"ferrodon --help\" for more information."
            );
            1
        }
    }
}

fn tool(name: &str, rest: &[String], installation: &dyn Installation) -> Exit {
    if let [flag] = rest
        && (flag == "--version" || flag == "-V")
    {
        return version(name);
    }
    match name {
        "initdb" => initdb::run(rest, installation),
        "pg_ctl" => pg_ctl::run(rest, installation),
        "pg_isready" => isready::run(rest),
        "pg_controldata" => controldata::run(rest),
        _ => postgres::run(rest, installation),
    }
}

fn version(name: &str) -> Exit {
    println!("{name} (PostgreSQL) {} (Ferrodon {})", crate::VERSION, env!("CARGO_PKG_VERSION"));
    0
}

const HELP: &str = "\
ferrodon is PostgreSQL 18 in one program.

  ferrodon                     make ./pgdata if it is not there, and serve it on 127.0.0.1:5432
  ferrodon initdb ...          make a data directory
  ferrodon postgres ...        serve one
  ferrodon pg_ctl ...          start, stop, restart, reload, status
  ferrodon pg_isready ...      ask whether a server accepts connections
  ferrodon pg_controldata ...  show what global/pg_control says

Each takes the options of PostgreSQL's program of that name (--help lists them), and is also chosen by the name that
this program is called by, so that links named initdb, postgres, ... work.
";
