//! Random INSERT, UPDATE, DELETE and MERGE whose effect does not depend on the order in which rows are met.

use super::expression::{Column, Scope};
use super::generator::Generator;
use super::schema::Table;
use super::tree::{Piece, Tree};
use super::types::Type;

fn text(text: impl Into<String>) -> Piece {
    Piece::Text(text.into())
}

fn list(items: Vec<Tree>) -> Piece {
    Piece::List { separator: ", ", least: 1, items }
}

impl Generator {
    /// A statement that changes a table, and the table's name.
    pub fn modification(&mut self) -> (Tree, String) {
        self.loose = false;
        let written: Vec<Table> = self.tables.iter().filter(|t| t.writable > 0).cloned().collect();
        let table = written[self.random.below(written.len())].clone();
        let tree = match self.random.below(10) {
            0..3 => self.insert(&table),
            3..6 => self.update(&table),
            6..8 => self.delete(&table),
            _ => self.merge(&table),
        };
        (tree, table.name)
    }

    /// Columns that can be set and are not the key, at least one.
    fn some_columns(&mut self, table: &Table) -> Vec<(String, Type)> {
        let all = &table.columns[1..table.writable];
        let some: Vec<(String, Type)> = all.iter().filter(|_| self.random.chance(40)).cloned().collect();
        if some.is_empty() { vec![all[self.random.below(all.len())].clone()] } else { some }
    }

    fn returning(&mut self, table: &Table, alias: &str, old_and_new: bool) -> Tree {
        if !self.random.chance(60) {
            return Tree::default();
        }
        let columns = if old_and_new && self.random.chance(40) {
            let mut columns = Generator::columns_of(table, "old");
            columns.extend(Generator::columns_of(table, "new"));
            columns
        } else {
            Generator::columns_of(table, alias)
        };
        let scope = Scope { columns, ..Scope::default() };
        let mut items = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let ty = self.likely(&scope);
            let levels = self.random.below(2);
            items.push(self.expression(ty, levels, &scope));
        }
        if self.random.chance(20) {
            items.push(Tree::text("*"));
        }
        Tree::new(vec![text(" RETURNING "), list(items)]).optional()
    }

    /// Key values for new rows: some taken, some free.
    fn new_key(&mut self) -> i64 {
        if self.random.chance(40) { self.random.between(1, 12) } else { self.random.between(13, 90) }
    }

    fn insert(&mut self, table: &Table) -> Tree {
        let columns = self.some_columns(table);
        let mut names = vec!["id".to_owned()];
        names.extend(columns.iter().map(|(n, _)| n.clone()));
        let into = format!("INSERT INTO {} AS a ({}) ", table.name, names.join(", "));
        let mut pieces = vec![text(into)];
        let source = if self.random.chance(25) { self.source() } else { None };
        let scope = Scope::default();
        if let Some((source, keys)) = source {
            let scope = Scope { columns: keys, ..Scope::default() };
            let mut items = vec![Tree::text(format!("s.id + {}", [0, 20, 5000][self.random.below(3)]))];
            for (name, ty) in &columns {
                items.push(if name == "r" { Tree::text("NULL") } else { self.expression(*ty, 1, &scope) });
            }
            pieces.extend([text("SELECT "), list(items), text(format!(" FROM {source} AS s ORDER BY s.id"))]);
        } else {
            let mut rows = Vec::new();
            for _ in 0..1 + self.random.below(4) {
                let mut row = vec![Tree::text(self.new_key().to_string())];
                for (name, ty) in &columns {
                    row.push(match name.as_str() {
                        "r" => Tree::text(["NULL", "1", "2", "DEFAULT"][self.random.below(4)]),
                        _ if self.random.chance(10) => Tree::text("DEFAULT"),
                        _ => self.expression(*ty, 1, &scope),
                    });
                }
                rows.push(Tree::new(vec![text("("), list(row), text(")")]));
            }
            pieces.extend([text("VALUES "), list(rows)]);
        }
        if self.random.chance(45) {
            pieces.push(Piece::Tree(self.on_conflict(table)));
        }
        pieces.push(Piece::Tree(self.returning(table, "a", false)));
        Tree::new(pieces)
    }

    fn on_conflict(&mut self, table: &Table) -> Tree {
        if !table.arbiter || self.random.chance(25) {
            return Tree::text(" ON CONFLICT DO NOTHING").optional();
        }
        if self.random.chance(25) {
            return Tree::text(" ON CONFLICT (id) DO NOTHING").optional();
        }
        let mut columns = Generator::columns_of(table, "a");
        columns.extend(Generator::columns_of(table, "excluded"));
        let scope = Scope { columns, subqueries: 1, ..Scope::default() };
        let items = self.assignments(table, &scope);
        let mut pieces = vec![text(" ON CONFLICT (id) DO UPDATE SET "), list(items)];
        if self.random.chance(30) {
            let condition = self.expression(Type::Bool, 1, &scope);
            pieces.push(Piece::Tree(condition.within(" WHERE ", "").optional()));
        }
        Tree::new(pieces).optional()
    }

    fn assignments(&mut self, table: &Table, scope: &Scope) -> Vec<Tree> {
        let columns = self.some_columns(table);
        let mut items = Vec::new();
        if columns.len() == 2 && self.random.chance(30) {
            let query = self.expression(columns[0].1, 1, scope);
            let other = self.expression(columns[1].1, 0, scope);
            let form = self.random.pick(&["(SELECT ", "ROW("]);
            return vec![Tree::new(vec![
                text(format!("({}, {}) = {form}", columns[0].0, columns[1].0)),
                Piece::Tree(query),
                text(", "),
                Piece::Tree(other),
                text(")"),
            ])];
        }
        for (name, ty) in &columns {
            let value = match name.as_str() {
                "r" => Tree::text(["NULL", "1", "2"][self.random.below(3)]),
                _ if self.random.chance(5) => Tree::text("DEFAULT"),
                _ => self.expression(*ty, 1, scope),
            };
            items.push(value.within(&format!("{name} = "), ""));
        }
        items
    }

    /// A table or query whose `id` differs in every row, and its columns under the alias `s`.
    fn source(&mut self) -> Option<(String, Vec<Column>)> {
        let keyed: Vec<&Table> = self.tables.iter().filter(|t| t.keyed && t.rows < 200).collect();
        if keyed.is_empty() {
            return None;
        }
        let table = keyed[self.random.below(keyed.len())];
        Some((table.name.clone(), Generator::columns_of(table, "s")))
    }

    fn update(&mut self, table: &Table) -> Tree {
        let mut columns = Generator::columns_of(table, "a");
        let source = if self.random.chance(35) { self.source() } else { None };
        if let Some((_, more)) = &source {
            columns.extend(more.iter().cloned());
        }
        let scope = Scope { columns, subqueries: 1, ..Scope::default() };
        let mut items = self.assignments(table, &scope);
        if self.random.chance(10) && source.is_none() {
            // Every such change moves keys to where no other one does: which row fails would depend on their order.
            let alias = self.alias();
            items.push(Tree::text(format!("id = a.id + 10000 * {}", &alias[1..])));
        }
        let mut pieces = vec![text(format!("UPDATE {} AS a SET ", table.name)), list(items)];
        let condition = self.expression(Type::Bool, 2, &scope);
        if let Some((source, _)) = &source {
            let of = self.random.pick(&["a.id", "a.id + 1", "a.id % 7", "a.id / 2"]);
            pieces.push(text(format!(" FROM {source} AS s WHERE s.id = {of}")));
            pieces.push(Piece::Tree(condition.within(" AND ", "").optional()));
        } else {
            pieces.push(Piece::Tree(condition.within(" WHERE ", "").optional()));
        }
        pieces.push(Piece::Tree(self.returning(table, "a", true)));
        Tree::new(pieces)
    }

    fn delete(&mut self, table: &Table) -> Tree {
        let mut columns = Generator::columns_of(table, "a");
        let source = if self.random.chance(35) { self.source() } else { None };
        if let Some((_, more)) = &source {
            columns.extend(more.iter().cloned());
        }
        let scope = Scope { columns, subqueries: 1, ..Scope::default() };
        let condition = self.expression(Type::Bool, 2, &scope);
        let few = format!("a.id % {} = 0", 2 + self.random.below(9));
        let mut pieces = vec![text(format!("DELETE FROM {} AS a", table.name))];
        match &source {
            Some((source, _)) => {
                pieces.push(text(format!(" USING {source} AS s WHERE s.id = a.id AND {few}")))
            }
            None => pieces.push(text(format!(" WHERE {few}"))),
        }
        pieces.push(Piece::Tree(condition.within(" AND ", "").optional()));
        pieces.push(Piece::Tree(self.returning(table, "a", false)));
        Tree::new(pieces)
    }

    fn merge(&mut self, table: &Table) -> Tree {
        let Some((source, keys)) = self.source() else { return self.update(table) };
        let mut both = Generator::columns_of(table, "a");
        both.extend(keys.iter().cloned());
        let matched = Scope { columns: both, ..Scope::default() };
        let unmatched = Scope { columns: keys, ..Scope::default() };
        let target = Scope { columns: Generator::columns_of(table, "a"), ..Scope::default() };
        let mut clauses = Vec::new();
        for _ in 0..1 + self.random.below(4) {
            let (words, scope) = match self.random.below(5) {
                0..2 => (" WHEN MATCHED", &matched),
                2 => (" WHEN NOT MATCHED BY SOURCE", &target),
                _ => (" WHEN NOT MATCHED", &unmatched),
            };
            let mut pieces = vec![text(words)];
            let condition = self.expression(Type::Bool, 1, scope);
            pieces.push(Piece::Tree(condition.within(" AND ", "").optional()));
            pieces.push(text(" THEN "));
            match self.random.below(6) {
                0 => pieces.push(text("DO NOTHING")),
                1 if words != " WHEN NOT MATCHED" => pieces.push(text("DELETE")),
                _ if words == " WHEN NOT MATCHED" => {
                    let columns = self.some_columns(table);
                    let mut row = vec![Tree::text("s.id + 2000")];
                    for (name, ty) in &columns {
                        row.push(if name == "r" {
                            Tree::text("NULL")
                        } else {
                            self.expression(*ty, 1, scope)
                        });
                    }
                    let names: Vec<String> = columns.iter().map(|(n, _)| n.clone()).collect();
                    pieces.extend([
                        text(format!("INSERT (id, {}) VALUES (", names.join(", "))),
                        list(row),
                        text(")"),
                    ]);
                }
                _ => {
                    let items = self.assignments(table, scope);
                    pieces.extend([text("UPDATE SET "), list(items)]);
                }
            }
            clauses.push(Tree::new(pieces));
        }
        let on = self.random.pick(&["a.id = s.id", "a.id = s.id + 3", "a.id = s.id AND a.id % 2 = 0"]);
        let mut pieces = vec![
            text(format!("MERGE INTO {} AS a USING {source} AS s ON {on}", table.name)),
            Piece::List { separator: "", least: 1, items: clauses },
        ];
        if self.random.chance(50) {
            let action = if self.random.chance(60) { "merge_action(), " } else { "" };
            pieces.push(Piece::Tree(Tree::text(format!(" RETURNING {action}a.*")).optional()));
        }
        Tree::new(pieces)
    }
}
