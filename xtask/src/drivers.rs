//! The scripts of tests/compat: drivers of other languages against our server. What cannot be installed is skipped.

use crate::Outcome;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs every script whose driver can be installed into `scratch`.
pub fn run(root: &Path, scratch: &Path, port: u16) -> Outcome {
    let folder = root.join("tests/compat");
    let mut failed = Vec::new();
    let python = python(scratch, &["psycopg[binary]", "asyncpg"]);
    let modules = node_modules(scratch, &["pg", "pg-copy-streams", "pg-cursor"]);
    for (script, program) in [
        ("psycopg_compat.py", python.as_deref()),
        ("asyncpg_compat.py", python.as_deref()),
        ("node_postgres_compat.js", modules.as_ref().map(|_| Path::new("node"))),
    ] {
        let Some(program) = program else {
            println!("skip  {script}: its driver cannot be installed");
            continue;
        };
        let mut command = Command::new(program);
        command.arg(folder.join(script)).env("PGHOST", "127.0.0.1").env("PGPORT", port.to_string());
        command.env("PGUSER", "postgres").env("PGPASSWORD", "unused").env("PGDATABASE", "postgres");
        // The server of these runs trusts everyone, has no certificate and takes a hundred sessions.
        command.env("COMPAT_TRUST", "1").env("COMPAT_TLS", "0").env("COMPAT_CONNECTIONS", "50");
        if let Some(modules) = &modules {
            command.env("NODE_PATH", modules);
        }
        let status = command.status().map_err(|e| format!("{script}: {e}"))?;
        if !status.success() {
            failed.push(script);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join(", ")) }
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The interpreter of a virtual environment that has the packages.
fn python(scratch: &Path, packages: &[&str]) -> Option<PathBuf> {
    let folder = scratch.join("python");
    let interpreter = folder.join("bin/python");
    let made = interpreter.exists() || succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let installed =
        made && succeeds(Command::new(&interpreter).args(["-m", "pip", "install", "-q"]).args(packages));
    installed.then_some(interpreter)
}

/// The folder of modules that has the packages.
fn node_modules(scratch: &Path, packages: &[&str]) -> Option<PathBuf> {
    let folder = scratch.join("node");
    let installed = succeeds(Command::new("npm").args(["install", "--prefix"]).arg(&folder).args(packages));
    installed.then(|| folder.join("node_modules"))
}
