//! What a compiler does not check: layering, sizes, rooms of unsafe, names written twice, licences.

use crate::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A ratchet: these only go down.
const MAX_FILE_LINES: usize = 1500;
const MAX_FUNCTION_LINES: usize = 120;

/// Which crates may rest on which: the map of ARCHITECTURE.md. An edge that is not here is a decision of its own.
const LAYERS: &[(&str, &str)] = &[
    ("base", ""),
    ("sys", "base"),
    ("settings", "base"),
    ("syntax", "base"),
    ("protocol", "base"),
    ("adt", "base"),
    ("datum", "base adt"),
    ("ir", "base adt datum"),
    ("storage", "base sys settings"),
    ("wal", "base sys settings storage"),
    ("buffer", "base sys settings storage wal"),
    ("lock", "base sys settings"),
    ("txn", "base sys settings storage wal buffer lock"),
    ("access-api", "base sys settings storage wal buffer lock txn datum"),
    ("heap", "base sys settings storage wal buffer lock txn datum adt access-api"),
    ("btree", "base sys settings storage wal buffer lock txn datum adt access-api"),
    ("catalog", "base sys settings syntax adt datum storage wal buffer lock txn access-api heap btree"),
    ("functions", "base sys settings adt datum catalog access-api lock txn syntax buffer storage"),
    ("partition", "base datum ir catalog access-api"),
    ("analyzer", "base settings adt datum syntax ir catalog partition"),
    ("planner", "base settings adt datum ir catalog access-api sys storage buffer partition"),
    (
        "executor",
        "base sys settings adt datum ir functions access-api heap btree catalog buffer storage txn lock wal partition",
    ),
    (
        "commands",
        "base sys settings adt datum ir syntax analyzer planner executor functions catalog heap btree access-api storage wal buffer lock txn recovery partition",
    ),
    ("plpgsql", "base settings adt datum ir syntax analyzer executor functions catalog txn commands"),
    ("recovery", "base sys settings storage wal buffer txn"),
    ("workers", "base sys settings storage wal buffer lock txn catalog commands recovery access-api heap"),
    ("testkit", "*"),
    ("server", "*"),
    ("xtask", ""),
];

/// Crates that may contain unsafe code.
const UNSAFE_ROOMS: &[&str] = &["sys", "buffer"];

/// Licences that the project's own allows linking with.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unlicense",
    "Unicode-3.0",
    "CC0-1.0",
    "0BSD",
    "CDLA-Permissive-2.0",
    "MIT-0",
    "BSL-1.0",
];

struct Source {
    /// The package it belongs to.
    package: String,
    path: PathBuf,
    text: String,
}

pub fn run(root: &Path) -> Outcome {
    let packages = packages(root)?;
    let sources = sources(&packages)?;
    let mut problems = Vec::new();
    layering(&packages, &mut problems);
    sizes(root, &sources, &mut problems);
    unsafe_rooms(root, &sources, &mut problems);
    duplicate_names(&sources, &mut problems);
    readmes(&packages, &mut problems);
    licences(root, &mut problems)?;
    for problem in &problems {
        println!("{problem}");
    }
    println!("tidy: {} packages, {} files, {} problems", packages.len(), sources.len(), problems.len());
    if problems.is_empty() { Ok(()) } else { Err("tidy: not clean".to_owned()) }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Name and folder of each package of the workspace.
fn packages(root: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let manifest = read(&root.join("Cargo.toml"))?;
    let members = manifest
        .split("\nmembers = [")
        .nth(1)
        .and_then(|rest| rest.split(']').next())
        .ok_or("Cargo.toml lists no members")?;
    let folders = members.split('"').skip(1).step_by(2).map(|folder| root.join(folder));
    folders
        .map(|folder| {
            let text = read(&folder.join("Cargo.toml"))?;
            let name =
                text.lines().find_map(|l| l.strip_prefix("name = \"")).and_then(|l| l.strip_suffix('"'));
            Ok((name.unwrap_or_default().to_owned(), folder))
        })
        .collect()
}

fn sources(packages: &[(String, PathBuf)]) -> Result<Vec<Source>, String> {
    fn walk(package: &str, folder: &Path, out: &mut Vec<Source>) -> Outcome {
        let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(package, &path, out)?;
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = read(&path)?;
                out.push(Source { package: package.to_owned(), path, text });
            }
        }
        Ok(())
    }
    let mut out = Vec::new();
    for (package, folder) in packages {
        for part in ["src", "tests", "examples"] {
            if folder.join(part).is_dir() {
                walk(package, &folder.join(part), &mut out)?;
            }
        }
    }
    Ok(out)
}

fn layering(packages: &[(String, PathBuf)], problems: &mut Vec<String>) {
    let names: BTreeSet<&str> = packages.iter().map(|(name, _)| name.as_str()).collect();
    for (name, folder) in packages {
        let Some((_, allowed)) = LAYERS.iter().find(|(package, _)| package == name) else {
            problems.push(format!("layering: {name} is not in the table"));
            continue;
        };
        let Ok(text) = read(&folder.join("Cargo.toml")) else { continue };
        let mut section = "";
        for line in text.lines() {
            if line.starts_with('[') {
                section = line;
            }
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if section == "[dependencies]" && names.contains(dependency) {
                let fits = *allowed == "*" || allowed.split(' ').any(|a| a == dependency);
                if !fits {
                    problems.push(format!("layering: {name} rests on {dependency}"));
                }
            }
        }
    }
}

fn sizes(root: &Path, sources: &[Source], problems: &mut Vec<String>) {
    for source in sources {
        let path = source.path.strip_prefix(root).unwrap_or(&source.path).display();
        let lines = source.text.lines().count();
        if lines > MAX_FILE_LINES {
            problems.push(format!("{path}: {lines} lines, more than {MAX_FILE_LINES}"));
        }
        for (line, length) in long_functions(&source.text) {
            problems
                .push(format!("{path}:{line}: a function of {length} lines, more than {MAX_FUNCTION_LINES}"));
        }
    }
}

/// First line and length of the functions that are too long, by the indentation of their closing brace.
fn long_functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if !is_function(trimmed) {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(indent));
        let end = lines[start..].iter().position(|l| {
            *l == closing || l.trim_end().ends_with(";") && l.len() - l.trim_start().len() <= indent
        });
        if let Some(length) = end
            && length + 1 > MAX_FUNCTION_LINES
        {
            found.push((start + 1, length + 1));
        }
    }
    found
}

fn is_function(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words
        .by_ref()
        .find(|w| !matches!(*w, "pub" | "const" | "unsafe" | "extern" | "async") && !w.starts_with("pub("))
        == Some("fn")
}

fn unsafe_rooms(root: &Path, sources: &[Source], problems: &mut Vec<String>) {
    for source in sources {
        if UNSAFE_ROOMS.contains(&source.package.as_str()) || source.package == "xtask" {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if ["unsafe {", "unsafe fn", "unsafe impl"].iter().any(|u| code.contains(u)) {
                let path = source.path.strip_prefix(root).unwrap_or(&source.path).display();
                problems.push(format!("{path}:{}: unsafe outside of its rooms", number + 1));
            }
        }
    }
}

/// Free functions of one name in two crates are suspected copies. Short or general names are left alone.
fn duplicate_names(sources: &[Source], problems: &mut Vec<String>) {
    const GENERAL: usize = 14;
    const KNOWN: &str = include_str!("duplicate_names.txt");
    let known: BTreeSet<&str> = KNOWN.lines().filter(|l| !l.starts_with('#')).collect();
    let mut homes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources.iter().filter(|s| !s.path.components().any(|c| c.as_os_str() == "tests")) {
        for line in source.text.lines() {
            let line = line.strip_prefix("pub ").or(line.strip_prefix("pub(crate) ")).unwrap_or(line);
            let Some(rest) = line.strip_prefix("fn ") else { continue };
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            if name.len() >= GENERAL {
                homes.entry(name).or_default().insert(&source.package);
            }
        }
    }
    for (name, packages) in homes.iter().filter(|(name, p)| p.len() > 1 && !known.contains(*name)) {
        let list: Vec<_> = packages.iter().copied().collect();
        problems.push(format!("function {name} stands in {}", list.join(", ")));
    }
}

fn readmes(packages: &[(String, PathBuf)], problems: &mut Vec<String>) {
    for (name, folder) in packages {
        if name != "xtask" && !folder.join("README.md").exists() {
            problems.push(format!("crate {name} has no README.md"));
        }
    }
}

fn licences(root: &Path, problems: &mut Vec<String>) -> Outcome {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1"])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))?;
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let licence = package["license"].as_str().unwrap_or("none");
        // An expression is fine if one of its alternatives is; AND needs all.
        let alternatives = licence.replace('/', " OR ").replace(['(', ')'], "");
        let fine = alternatives
            .split(" OR ")
            .any(|alternative| alternative.split(" AND ").all(|part| LICENCES.contains(&part.trim())));
        if !fine {
            problems.push(format!("licence of {}: {licence}", package["name"].as_str().unwrap_or("?")));
        }
    }
    Ok(())
}
