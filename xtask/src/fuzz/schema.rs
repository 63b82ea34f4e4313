//! Random schemas with their data: tables of all kinds, constraints, indexes, views.

use super::expression::{Column, Scope};
use super::generator::Generator;
use super::tree::{Piece, Tree};
use super::types::Type;

/// A table or view that statements can name.
#[derive(Clone)]
pub struct Table {
    pub name: String,
    pub columns: Vec<(String, Type)>,
    /// Whether its `id` differs in every row and is never NULL.
    pub keyed: bool,
    /// Whether a unique index on `id` alone can settle conflicts.
    pub arbiter: bool,
    /// How many of the columns, from the first, can be written to; none of a view.
    pub writable: usize,
    pub rows: usize,
}

/// What every schema begins with.
const PREAMBLE: &[&str] = &[
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    "CREATE DOMAIN small AS integer CHECK (VALUE < 1000)",
];

/// Expressions for generated columns over a column of the type.
fn generated(of: Type) -> Option<(Type, &'static str)> {
    Some(match of {
        Type::Int4 => (Type::Int4, "{c} % 10"),
        Type::Int8 => (Type::Int8, "{c} / 2"),
        Type::Text => (Type::Text, "upper({c})"),
        Type::Numeric => (Type::Numeric, "round({c}, 1)"),
        Type::Bool => (Type::Bool, "NOT {c}"),
        Type::Jsonb => (Type::Text, "{c} ->> 'a'"),
        Type::Int4Array => (Type::Int4, "{c}[1]"),
        Type::Date => (Type::Date, "{c} + 7"),
        Type::Timestamp => (Type::Date, "{c}::date"),
        _ => return None,
    })
}

impl Generator {
    /// Statements that make a schema with data; the tables are kept for later statements.
    pub fn schema(&mut self) -> Vec<Tree> {
        let mut statements: Vec<Tree> = PREAMBLE.iter().map(|s| Tree::text(*s)).collect();
        let count = 3 + self.random.below(3);
        for at in 0..count {
            self.table(&format!("t{at}"), &mut statements);
        }
        for at in 0..self.random.below(3) {
            self.view(&format!("v{at}"), &mut statements);
        }
        if self.random.chance(60) {
            let verb = self.random.pick(&["ANALYZE", "ANALYZE", "VACUUM ANALYZE", "VACUUM"]);
            statements.push(Tree::text(verb));
        }
        statements
    }

    fn table(&mut self, name: &str, statements: &mut Vec<Tree>) {
        let mut table = Table {
            name: name.to_owned(),
            columns: vec![("id".to_owned(), Type::Int4)],
            keyed: true,
            arbiter: true,
            writable: 0,
            rows: 0,
        };
        let mut lines = Vec::new();
        let partitioned = self.random.chance(25);
        let child = !partitioned && self.random.chance(12);
        let key = match self.random.below(10) {
            _ if child => {
                table.keyed = false;
                table.arbiter = false;
                "id integer NOT NULL"
            }
            0 => {
                table.keyed = false;
                table.arbiter = false;
                "id integer"
            }
            1 => "id integer NOT NULL UNIQUE",
            _ => "id integer PRIMARY KEY",
        };
        lines.push(Tree::text(key));
        for at in 0..3 + self.random.below(5) {
            let ty = Type::any(&mut self.random);
            let name = format!("c{at}");
            let mut line = format!("{name} {}", ty.declared());
            if self.random.chance(15) {
                let value = ty.value(&mut self.random).replace('\'', "''");
                line += &format!(" NOT NULL DEFAULT '{value}'");
            } else if self.random.chance(10) {
                line += &format!(" DEFAULT {}", ty.constant(&mut self.random));
            }
            lines.push(Tree::text(line));
            table.columns.push((name, ty));
        }
        let referenced = self.tables.iter().filter(|t| t.arbiter).map(|t| t.name.clone()).next_back();
        if let Some(other) = referenced.filter(|_| self.random.chance(30)) {
            let action =
                self.random.pick(&["", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON UPDATE CASCADE"]);
            lines.push(Tree::text(format!("r integer REFERENCES {other}{action}")));
            table.columns.push(("r".to_owned(), Type::Int4));
        }
        table.writable = table.columns.len();
        if self.random.chance(25) {
            let (column, ty) = table.columns[self.random.below(table.writable)].clone();
            if let Some((result, text)) = generated(ty) {
                let how = self.random.pick(&["STORED", "VIRTUAL", "STORED"]);
                let text = text.replace("{c}", &column);
                lines.push(Tree::text(format!("g {} GENERATED ALWAYS AS ({text}) {how}", result.declared())));
                table.columns.push(("g".to_owned(), result));
            }
        }
        let kind = if self.random.chance(8) { "UNLOGGED " } else { "" };
        let parts = if partitioned { self.partitions(name) } else { (String::new(), Vec::new()) };
        statements.push(Tree::new(vec![
            Piece::Text(format!("CREATE {kind}TABLE {name} (")),
            Piece::List { separator: ", ", least: 1, items: lines },
            Piece::Text(format!("){}", parts.0)),
        ]));
        statements.extend(parts.1.into_iter().map(Tree::text));
        let mut first_rows = name.to_owned();
        if child {
            let heir = format!("{name}_child");
            statements
                .push(Tree::text(format!("CREATE TABLE {heir} (x text DEFAULT 'x') INHERITS ({name})")));
            first_rows = heir;
        }
        let early = self.random.chance(50);
        if early {
            self.indexes(&table, statements);
        }
        self.rows(&mut table, &first_rows, statements);
        if !early {
            self.indexes(&table, statements);
        }
        self.tables.push(table);
    }

    /// How a table is partitioned, and the statements that make its partitions.
    fn partitions(&mut self, name: &str) -> (String, Vec<String>) {
        match self.random.below(3) {
            0 => {
                let bounds = ["MINVALUE", "0", "10", "25", "1000", "MAXVALUE"];
                let parts = bounds.windows(2).enumerate().map(|(at, pair)| {
                    format!(
                        "CREATE TABLE {name}_p{at} PARTITION OF {name} FOR VALUES FROM ({}) TO ({})",
                        pair[0], pair[1]
                    )
                });
                (" PARTITION BY RANGE (id)".to_owned(), parts.collect())
            }
            1 => {
                let parts = (0..3).map(|at| {
                    format!("CREATE TABLE {name}_p{at} PARTITION OF {name} FOR VALUES WITH (MODULUS 3, REMAINDER {at})")
                });
                (" PARTITION BY HASH (id)".to_owned(), parts.collect())
            }
            _ => {
                let lists = ["(1, 2, 3)", "(4, 5, NULL, 17)", "(6, 7, 8, 9, 10, 11, 12)"];
                let mut parts: Vec<String> = lists
                    .iter()
                    .enumerate()
                    .map(|(at, list)| {
                        format!("CREATE TABLE {name}_p{at} PARTITION OF {name} FOR VALUES IN {list}")
                    })
                    .collect();
                parts.push(format!("CREATE TABLE {name}_rest PARTITION OF {name} DEFAULT"));
                (" PARTITION BY LIST (id)".to_owned(), parts)
            }
        }
    }

    fn indexes(&mut self, table: &Table, statements: &mut Vec<Tree>) {
        for _ in 0..self.random.below(4) {
            let mut items = Vec::new();
            let mut columns: Vec<&(String, Type)> = Vec::new();
            for _ in 0..1 + self.random.below(3) {
                let column = &table.columns[self.random.below(table.columns.len())];
                if !columns.contains(&column) || self.random.chance(5) {
                    columns.push(column);
                }
            }
            for (column, ty) in columns {
                let mut item = column.clone();
                if self.random.chance(20) {
                    item = match ty {
                        Type::Text => format!("lower({column})"),
                        Type::Int4 => format!("({column} % 5)"),
                        Type::Jsonb => format!("({column} ->> 'a')"),
                        Type::Numeric => format!("round({column})"),
                        _ => item,
                    };
                }
                item += self.random.pick(&["", "", "", " DESC", " NULLS FIRST", " DESC NULLS LAST"]);
                items.push(Tree::text(item));
            }
            let unique = if self.random.chance(6) { "UNIQUE " } else { "" };
            let (column, ty) = table.columns[self.random.below(table.columns.len())].clone();
            let partial = match self.random.below(10) {
                0 => format!(" WHERE {column} IS NOT NULL"),
                1 => format!(" WHERE {column} > {}", ty.constant(&mut self.random)),
                2 => format!(" INCLUDE ({column})"),
                _ => String::new(),
            };
            statements.push(Tree::new(vec![
                Piece::Text(format!("CREATE {unique}INDEX ON {} (", table.name)),
                Piece::List { separator: ", ", least: 1, items },
                Piece::Text(")".to_owned()),
                Piece::Tree(Tree::text(partial).optional()),
            ]));
        }
    }

    fn rows(&mut self, table: &mut Table, first_rows: &str, statements: &mut Vec<Tree>) {
        let names: Vec<&str> = table.columns[..table.writable].iter().map(|(n, _)| n.as_str()).collect();
        let names = names.join(", ");
        let own_keys = table.keyed;
        if self.bulky && self.random.chance(40) {
            let count = [200, 500, 1500][self.random.below(3)];
            let values: Vec<String> = table.columns[..table.writable]
                .iter()
                .map(|(name, ty)| match name.as_str() {
                    "id" => "g".to_owned(),
                    "r" => "NULL".to_owned(),
                    _ if self.random.chance(30) => {
                        format!("CASE WHEN g % {} > 0 THEN {} END", 2 + self.random.below(9), ty.of_series())
                    }
                    _ => ty.of_series().to_owned(),
                })
                .collect();
            statements.push(Tree::text(format!(
                "INSERT INTO {} ({names}) SELECT {} FROM generate_series(101, {}) g",
                table.name,
                values.join(", "),
                100 + count
            )));
            table.rows += count;
        }
        let count = [0, 1, 3, 8, 20, 40][self.random.below(6)].max(self.random.below(12));
        let nulls = [0, 5, 10, 40][self.random.below(4)];
        let mut items = Vec::new();
        for at in 0..count {
            let mut values = vec![match own_keys {
                true => (at + 1).to_string(),
                false if self.random.chance(5) => "NULL".to_owned(),
                false => self.random.between(0, 9).to_string(),
            }];
            for (name, ty) in &table.columns[1..table.writable] {
                values.push(match name.as_str() {
                    "r" if self.random.chance(70) => "NULL".to_owned(),
                    "r" => self.random.between(1, 5).to_string(),
                    _ if self.random.chance(nulls) => "DEFAULT".to_owned(),
                    _ => format!("'{}'", ty.value(&mut self.random).replace('\'', "''")),
                });
            }
            items.push(Tree::text(format!("({})", values.join(", "))));
        }
        for (at, chunk) in items.chunks(10).enumerate() {
            // The rows of an heir come first, then those of its parent.
            let into = if at == 0 { first_rows } else { &table.name };
            statements.push(Tree::new(vec![
                Piece::Text(format!("INSERT INTO {into} ({names}) VALUES ")),
                Piece::List { separator: ", ", least: 1, items: chunk.to_vec() },
            ]));
        }
        table.rows += count;
    }

    fn view(&mut self, name: &str, statements: &mut Vec<Tree>) {
        let width = 2 + self.random.below(3);
        let types: Vec<Type> = (0..width).map(|_| Type::any(&mut self.random)).collect();
        let query = self.select(&types, 1, &Scope::default());
        let columns: Vec<(String, Type)> =
            types.iter().enumerate().map(|(at, ty)| (format!("c{at}"), *ty)).collect();
        let names: Vec<&str> = columns.iter().map(|(n, _)| n.as_str()).collect();
        let kind = if self.random.chance(20) { "MATERIALIZED VIEW" } else { "VIEW" };
        statements.push(query.tree.within(&format!("CREATE {kind} {name} ({}) AS ", names.join(", ")), ""));
        let name = name.to_owned();
        self.tables.push(Table { name, columns, keyed: false, arbiter: false, writable: 0, rows: 50 });
    }

    /// The columns of a table under an alias.
    pub fn columns_of(table: &Table, alias: &str) -> Vec<Column> {
        table.columns.iter().map(|(name, ty)| Column::named(format!("{alias}.{name}"), *ty)).collect()
    }
}
