//! pg_dump writes of our database what it writes of PostgreSQL's, and what it wrote can be restored.

use crate::Outcome;
use crate::lab::Lab;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const DATABASE: &str = "interop_dump";
const RESTORED: &str = "interop_restored";

pub fn run(lab: &Lab, root: &Path, port: u16) -> Outcome {
    let script =
        fs::read(root.join("tests/dump/shop.sql")).map_err(|e| format!("tests/dump/shop.sql: {e}"))?;
    let mut dumps = Vec::new();
    for port in [lab.oracle_port(), port] {
        create(lab, port, DATABASE)?;
        load(lab, port, DATABASE, &script)?;
        dumps.push(dump(lab, port, DATABASE)?);
    }
    same(&dumps[0], &dumps[1], "pg_dump writes something else than of PostgreSQL's database")?;
    create(lab, port, RESTORED)?;
    let plain = output(lab.client("pg_dump").args(connection(port)).arg(DATABASE))?;
    load(lab, port, RESTORED, &plain)?;
    same(&dumps[1], &dump(lab, port, RESTORED)?, "a dump restored by psql is another database")?;
    let custom = output(lab.client("pg_dump").args(connection(port)).args(["-Fc", DATABASE]))?;
    create(lab, port, RESTORED)?;
    fed(lab.client("pg_restore").args(connection(port)).args(["-d", RESTORED]), &custom)?;
    same(&dumps[1], &dump(lab, port, RESTORED)?, "a dump restored by pg_restore is another database")
}

fn connection(port: u16) -> [String; 6] {
    ["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "postgres"].map(str::to_owned)
}

fn create(lab: &Lab, port: u16, database: &str) -> Outcome {
    for sql in [
        format!("DROP DATABASE IF EXISTS {database}"),
        format!("CREATE DATABASE {database} TEMPLATE template0"),
    ] {
        output(lab.client("psql").args(connection(port)).args(["-d", "postgres", "-XqAt", "-c", &sql]))?;
    }
    Ok(())
}

fn load(lab: &Lab, port: u16, database: &str, sql: &[u8]) -> Outcome {
    let mut psql = lab.client("psql");
    fed(psql.args(connection(port)).args(["-d", database, "-Xq", "-v", "ON_ERROR_STOP=1"]), sql)
}

/// The dump as text, without what names the server and the run.
fn dump(lab: &Lab, port: u16, database: &str) -> Result<String, String> {
    let text = output(lab.client("pg_dump").args(connection(port)).arg(database))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let varies = |line: &&str| line.starts_with("-- Dumped from") || line.contains("restrict ");
    Ok(text.lines().filter(|line| !varies(line)).map(|line| format!("{line}\n")).collect())
}

fn same(expected: &str, actual: &str, complaint: &str) -> Outcome {
    let differing = expected.lines().zip(actual.lines()).find(|(a, b)| a != b);
    match differing {
        None if expected.lines().count() == actual.lines().count() => Ok(()),
        None => Err(format!("{complaint}: one is longer")),
        Some((a, b)) => Err(format!("{complaint}:\n- {a}\n+ {b}")),
    }
}

fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.output().map_err(|e| e.to_string())?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn fed(command: &mut Command, input: &[u8]) -> Outcome {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|e| e.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input).map_err(|e| e.to_string())?;
    }
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
