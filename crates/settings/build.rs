//! Turns the names in `tables/` into constants and enums, so that a parameter is read by array index.

use std::collections::HashMap;
use std::fmt::Write;
use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=tables");
    let parameters = fs::read_to_string("tables/parameters.tsv").expect("tables/parameters.tsv");
    let enums = fs::read_to_string("tables/enums.tsv").expect("tables/enums.tsv");
    let mut out = String::new();
    write_enums(&enums, &mut out);
    write_parameters(&parameters, &mut out);
    let path = Path::new(&env::var("OUT_DIR").expect("set by cargo")).join("parameters.rs");
    fs::write(path, out).expect("the build directory can be written");
}

fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    table.lines().filter(|line| !line.starts_with("# ")).map(|line| line.split('\t').collect())
}

fn write_enums(table: &str, out: &mut String) {
    let mut order: Vec<&str> = Vec::new();
    let mut values: HashMap<&str, Vec<&str>> = HashMap::new();
    for row in rows(table) {
        let [name, value, meaning] = row[..] else { panic!("three columns: {row:?}") };
        if !values.contains_key(name) {
            order.push(name);
        }
        let list = values.entry(name).or_default();
        if !meaning.contains('=') {
            list.push(value);
        }
    }
    for name in order {
        let list = &values[name];
        let variants: Vec<String> = list.iter().map(|value| variant(value)).collect();
        writeln!(
            out,
            "/// The values of the enum parameters of this type, in the order of their table.\n\
             #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n\
             pub enum {name} {{ {} }}\n\
             impl Choice for {name} {{\n    fn from_index(index: u16) -> {name} {{\n        match index {{",
            variants.join(", ")
        )
        .unwrap();
        for (index, variant) in variants.iter().enumerate().skip(1) {
            writeln!(out, "            {index} => {name}::{variant},").unwrap();
        }
        writeln!(out, "            _ => {name}::{},\n        }}\n    }}\n}}", variants[0]).unwrap();
    }
}

/// `read committed` becomes `ReadCommitted`.
fn variant(value: &str) -> String {
    if value.is_empty() {
        return "Unset".to_string();
    }
    value
        .split(|c: char| !c.is_ascii_alphanumeric())
        .map(|word| word[..1].to_ascii_uppercase() + &word[1..])
        .collect()
}

fn write_parameters(table: &str, out: &mut String) {
    for (index, row) in rows(table).enumerate() {
        let kind = match row[1] {
            "bool" => "bool",
            "int" => "i64",
            "real" => "f64",
            "string" => "String",
            "enum" => row[6],
            other => panic!("unknown type {other}"),
        };
        writeln!(
            out,
            "/// `{}`\npub const {}: Parameter<{kind}> = Parameter::at({index});",
            row[0],
            row[0].to_ascii_uppercase()
        )
        .unwrap();
    }
}
