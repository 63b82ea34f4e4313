//! The bodies held against the rows of pg_proc.

use crate::registry::Registry;
use catalog::facts::{INITIAL_ROWS, split_line};
use std::collections::{HashMap, HashSet};

/// Rows in language internal, aggregates and window functions apart, that have a body. May only rise.
const BODIES: usize = 1749;

struct Row {
    name: String,
    source: String,
    arguments: usize,
    strict: bool,
    set: bool,
    language: u32,
    kind: String,
    /// Name and argument types.
    key: String,
}

fn rows() -> Vec<Row> {
    let (_, text) = INITIAL_ROWS.iter().find(|(name, _)| *name == "pg_proc").unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields = split_line(line).unwrap();
            let field = |i: usize| fields[i].clone().unwrap_or_default();
            Row {
                name: field(1),
                source: field(25),
                arguments: field(16).parse().unwrap(),
                strict: field(12) == "t",
                set: field(13) == "t",
                language: field(4).parse().unwrap(),
                kind: field(9),
                key: format!("{}({})", field(1), field(19).replace(' ', ",")),
            }
        })
        .collect()
}

#[test]
fn bodies_agree_with_their_rows() {
    let registry = Registry::get();
    let rows = rows();
    let mut by_source: HashMap<&str, Vec<&Row>> = HashMap::new();
    for row in rows.iter().filter(|row| row.language == 12) {
        by_source.entry(&row.source).or_default().push(row);
    }
    let mut wrong = Vec::new();
    for function in registry.functions() {
        match by_source.get(function.source) {
            None => wrong.push(format!("{}: no row has this source", function.source)),
            Some(rows) => {
                for row in rows {
                    if row.arguments != function.arity
                        || (row.arguments > 0 && row.strict != function.strict)
                        || row.set
                    {
                        wrong.push(format!(
                            "{}: the row of {} has {} arguments, strict {}, set {}",
                            function.source, row.name, row.arguments, row.strict, row.set
                        ));
                    }
                }
            }
        }
    }
    for function in registry.sql_bodies() {
        let row = rows.iter().find(|row| row.language == 14 && row.key == function.source);
        match row {
            Some(row) if row.arguments == function.arity && row.strict == function.strict => {}
            Some(row) => {
                wrong.push(format!("{}: {} arguments, strict {}", row.key, row.arguments, row.strict))
            }
            None => wrong.push(format!("{}: no row in language sql", function.source)),
        }
    }
    for set in registry.sets() {
        match by_source.get(set.source) {
            Some(rows) if rows.iter().all(|row| row.set) => {}
            _ => wrong.push(format!("{}: no row of a set-returning function", set.source)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_source_has_two_bodies() {
    let mut seen = HashSet::new();
    let twice: Vec<_> = Registry::listed().filter(|source| !seen.insert(*source)).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn number_of_bodies_only_rises() {
    let registry = Registry::get();
    let plain = |row: &&Row| row.language == 12 && row.kind == "f";
    let rows = rows();
    let with_body = rows.iter().filter(plain).filter(|row| registry.has_body(&row.source)).count();
    println!(
        "{with_body} of {} functions in language internal have a body",
        rows.iter().filter(plain).count()
    );
    assert!(with_body >= BODIES, "{with_body} bodies, of {BODIES} before");
}
