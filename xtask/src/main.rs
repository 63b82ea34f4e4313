//! The repeatable work of the project: `cargo xtask tidy|test|interop|bench|fuzz`. See README.md at the root.

mod bench;
mod bench_queries;
mod bench_tables;
mod drivers;
mod dumps;
mod fuzz;
mod interop;
mod lab;
mod tidy;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Ends with a message; nothing to recover in a build tool.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.first().map(String::as_str) {
        Some("tidy") => tidy::run(&root()),
        Some("test") => test(&args[1..]),
        Some("interop") => interop::run(&root(), &args[1..]),
        Some("bench") => bench::run(&root(), &args[1..]),
        Some("fuzz") => fuzz::run(&root(), &args[1..]),
        _ => Err("usage: cargo xtask tidy | test [ARGS] | interop [NAME...] | bench [NAME...] | fuzz sql"
            .to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the checkout.
fn root() -> PathBuf {
    // As `cargo run` says it: a build kept outside the checkout may have been made in another one.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(own).parent().expect("xtask lies in the checkout").to_owned()
}

/// Formatting, lints, all tests.
fn test(args: &[String]) -> Outcome {
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    let mut command = vec!["test", "--workspace"];
    command.extend(args.iter().map(String::as_str));
    cargo(&command)
}

/// Runs cargo in the checkout.
fn cargo(args: &[&str]) -> Outcome {
    let status = Command::new(env!("CARGO")).args(args).current_dir(root()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cargo {} failed: {status}", args.join(" "))),
        Err(error) => Err(format!("cargo {}: {error}", args.join(" "))),
    }
}
