//! Random queries.

use super::expression::{Column, Filling, Scope};
use super::generator::Generator;
use super::schema::Table;
use super::tree::{Piece, Tree};
use super::types::{self, Type};

/// A query, and whether it says the order of all its rows.
pub struct Query {
    pub tree: Tree,
    pub ordered: bool,
}

/// One item of FROM, or several joined.
struct Item {
    tree: Tree,
    columns: Vec<Column>,
    key: Option<Vec<String>>,
}

impl Item {
    fn join(&mut self, other: Item) {
        self.columns.extend(other.columns);
        self.key = match (self.key.take(), other.key) {
            (Some(mut own), Some(theirs)) => {
                own.extend(theirs);
                Some(own)
            }
            _ => None,
        };
    }
}

/// The targets' scope after grouping and windows, and the clauses between WHERE and ORDER BY.
struct Body {
    from: Tree,
    clauses: Vec<Piece>,
    scope: Scope,
    grouped: bool,
}

fn text(text: impl Into<String>) -> Piece {
    Piece::Text(text.into())
}

fn sort_of_rows(types: &[Type]) -> u64 {
    types.iter().fold(1000, |sort, ty| sort * 31 + *ty as u64)
}

impl Generator {
    /// A query whose columns have the types. `outer` is the scope that it stands in.
    pub fn select(&mut self, types: &[Type], depth: usize, outer: &Scope) -> Query {
        let names = self.common.len();
        let mut with = Vec::new();
        if depth > 0 && self.random.chance(12) {
            for _ in 0..1 + self.random.below(2) {
                let tree = self.common_table(depth - 1, outer);
                with.push(tree);
            }
        }
        let mut query = if depth > 0 && self.random.chance(12) {
            self.set_operation(types, depth - 1, outer)
        } else {
            self.simple_select(types, depth, outer)
        };
        self.common.truncate(names);
        query.tree.sort = sort_of_rows(types);
        if !with.is_empty() {
            let clause = Tree::new(vec![
                text("WITH RECURSIVE "),
                Piece::List { separator: ", ", least: 1, items: with },
                text(" "),
            ]);
            let tree = Tree::new(vec![Piece::Tree(clause.optional()), Piece::Tree(query.tree)]);
            query.tree = Tree { sort: sort_of_rows(types), ..tree };
        }
        query
    }

    /// A common table expression; later queries may name it.
    fn common_table(&mut self, depth: usize, outer: &Scope) -> Tree {
        let name = format!("w{}", self.alias());
        if self.random.chance(30) {
            let step = self.random.pick(&["n + 1", "n * 2 + 1", "n + 1 + t.id % 2"]);
            let union = self.random.pick(&["UNION ALL", "UNION"]);
            let source = self.keyed_table();
            let columns = vec![("n".to_owned(), Type::Int4), ("v".to_owned(), Type::Int4)];
            self.common.push(Table {
                name: name.clone(),
                columns,
                keyed: false,
                arbiter: false,
                writable: 0,
                rows: 30,
            });
            return Tree::text(match source {
                Some(source) => format!(
                    "{name}(n, v) AS (SELECT id, id FROM {source} WHERE id < 6 {union} SELECT ({step})::int4, t.id FROM {name} JOIN {source} t ON t.id = n + 1 WHERE n < 9)"
                ),
                None => format!(
                    "{name}(n, v) AS (SELECT 1, 0 {union} SELECT n + 1, v + n FROM {name} WHERE n < 9)"
                ),
            });
        }
        let types: Vec<Type> = (0..1 + self.random.below(3)).map(|_| Type::any(&mut self.random)).collect();
        let query = self.select(&types, depth, outer);
        let columns: Vec<(String, Type)> =
            types.iter().enumerate().map(|(at, ty)| (format!("x{at}"), *ty)).collect();
        let names: Vec<&str> = columns.iter().map(|(n, _)| n.as_str()).collect();
        let how = self.random.pick(&["", "", "MATERIALIZED ", "NOT MATERIALIZED "]);
        let tree = query.tree.within(&format!("{name}({}) AS {how}(", names.join(", ")), ")");
        self.common.push(Table { name, columns, keyed: false, arbiter: false, writable: 0, rows: 30 });
        tree
    }

    fn keyed_table(&mut self) -> Option<String> {
        let keyed: Vec<&Table> = self.tables.iter().filter(|t| t.keyed).collect();
        (!keyed.is_empty()).then(|| keyed[self.random.below(keyed.len())].name.clone())
    }

    fn set_operation(&mut self, types: &[Type], depth: usize, outer: &Scope) -> Query {
        let mut pieces = Vec::new();
        let count = 2 + self.random.below(2) * self.random.below(2);
        for at in 0..count {
            if at > 0 {
                let operator = self.random.pick(&[
                    " UNION ALL ",
                    " UNION ALL ",
                    " UNION ",
                    " INTERSECT ",
                    " EXCEPT ",
                    " EXCEPT ALL ",
                    " INTERSECT ALL ",
                ]);
                self.loose |= operator != " UNION ALL ";
                pieces.push(text(operator));
            }
            let side = self.select(types, depth, outer);
            pieces.push(Piece::Tree(Tree { sort: sort_of_rows(types), ..side.tree.within("(", ")") }));
        }
        let (order, ordered) = self.order_by_columns(types.len(), 30);
        pieces.push(Piece::Tree(order));
        Query { tree: Tree::new(pieces), ordered }
    }

    fn simple_select(&mut self, types: &[Type], depth: usize, outer: &Scope) -> Query {
        let body = self.body(depth, outer);
        let mut targets = Vec::new();
        let mut sets = false;
        for ty in types {
            sets |= matches!(ty, Type::Int4) && self.random.chance(4);
            targets.push(if matches!(ty, Type::Int4) && self.random.chance(3) && !body.grouped {
                sets = true;
                let filling = Filling { scope: &Scope { subqueries: 0, ..body.scope.clone() }, depth: 0 };
                let template = self.random.pick(&[
                    "generate_series(1, {i4} % 4)",
                    "unnest({ia})",
                    "generate_series(0, 2)",
                ]);
                self.fill(template, *ty, &filling)
            } else {
                let levels = self.random.below(3);
                self.expression(*ty, levels, &body.scope)
            });
        }
        let mut pieces = vec![text("SELECT ")];
        let mut order = None;
        match self.random.below(100) {
            0..10 => {
                pieces.push(Piece::Tree(Tree::text("DISTINCT ").optional()));
                self.loose = true;
            }
            10..16 if !sets => {
                if let Some(key) = body.scope.key.clone() {
                    let inner = Scope { subqueries: 0, ..body.scope.clone() };
                    let ty = self.likely(&inner);
                    let on = self.expression(ty, 0, &inner).print();
                    if !on.starts_with(|c: char| c.is_ascii_digit()) {
                        pieces.push(text(format!("DISTINCT ON ({on}) ")));
                        order = Some(Tree::text(format!(" ORDER BY {on}, {}", key.join(", "))));
                        self.loose = true;
                    }
                }
            }
            _ => {}
        }
        pieces.push(Piece::List { separator: ", ", least: 1, items: targets });
        pieces.push(Piece::Tree(body.from.optional()));
        pieces.extend(body.clauses);
        let mut ordered = false;
        let order = match order {
            Some(order) => order,
            None => {
                let (order, total) = self.order_by_columns(types.len(), if depth > 1 { 35 } else { 15 });
                ordered = total;
                order
            }
        };
        pieces.push(Piece::Tree(order));
        Query { tree: Tree::new(pieces), ordered }
    }

    /// ORDER BY over all columns by their numbers in `percent` of the cases, perhaps with a limit.
    fn order_by_columns(&mut self, count: usize, percent: usize) -> (Tree, bool) {
        if !self.random.chance(percent) {
            return (Tree::default(), false);
        }
        let mut columns: Vec<usize> = (1..=count).collect();
        for at in (1..count).rev() {
            columns.swap(at, self.random.below(at + 1));
        }
        let items: Vec<String> = columns
            .iter()
            .map(|at| {
                format!("{at}{}", self.random.pick(&["", "", " DESC", " NULLS FIRST", " DESC NULLS LAST"]))
            })
            .collect();
        if self.random.chance(8) {
            self.loose = true;
            let limit = 1 + self.random.below(5);
            let some = &items[..1 + self.random.below(count)];
            let clause = format!(" ORDER BY {} FETCH FIRST {limit} ROWS WITH TIES", some.join(", "));
            return (Tree::text(clause).optional(), false);
        }
        let mut clause = format!(" ORDER BY {}", items.join(", "));
        if self.random.chance(50) {
            self.loose = true;
            if self.random.chance(80) {
                clause += &format!(" LIMIT {}", [0, 1, 2, 3, 10, 100][self.random.below(6)]);
            }
            if self.random.chance(30) {
                clause += &format!(" OFFSET {}", self.random.below(5));
            }
        }
        (Tree::text(clause).optional(), true)
    }

    /// FROM, WHERE, GROUP BY, HAVING, and what targets may use.
    fn body(&mut self, depth: usize, outer: &Scope) -> Body {
        let visible: Vec<Column> = if outer.columns.is_empty() || self.random.chance(35) {
            outer.outer.clone()
        } else {
            outer.columns.iter().chain(&outer.outer).cloned().collect()
        };
        let levels = outer.subqueries.min(depth);
        let mut scope =
            Scope { columns: Vec::new(), outer: visible, key: Some(Vec::new()), subqueries: levels };
        let mut clauses = Vec::new();
        let from = if self.random.chance(4) {
            Tree::default()
        } else {
            let item = self.from(depth, &scope);
            scope.columns = item.columns;
            scope.key = item.key;
            item.tree.within(" FROM ", "")
        };
        if self.random.chance(60) {
            let levels = 1 + self.random.below(2);
            let condition = self.expression(Type::Bool, levels, &scope);
            clauses.push(Piece::Tree(condition.within(" WHERE ", "").optional()));
        }
        let grouped = self.random.chance(25);
        if grouped {
            scope = self.grouping(scope, &mut clauses);
        }
        if scope.key.is_some() && self.random.chance(20) {
            self.windows(&mut scope);
        }
        Body { from, clauses, scope, grouped }
    }

    fn grouping(&mut self, scope: Scope, clauses: &mut Vec<Piece>) -> Scope {
        self.loose = true;
        let bare = Scope { subqueries: 0, ..scope.clone() };
        let mut columns = Vec::new();
        let mut keys = Vec::new();
        let mut plain = true;
        for _ in 0..self.random.below(4) {
            let ty = self.likely(&scope);
            let levels = usize::from(self.random.chance(25));
            let key = self.expression(ty, levels, &bare).print();
            // PostgreSQL does not take the value of a constant key from the grouping step everywhere.
            if !bare.columns.iter().any(|column| key.contains(&column.tree.print())) {
                continue;
            }
            plain &= !key.contains(['(', '\'']);
            columns.push(Column::named(key.clone(), ty));
            keys.push(key);
        }
        let mut key = Some(keys.clone());
        let list = keys.join(", ");
        let clause = match self.random.below(12) {
            _ if keys.is_empty() => ["", "", " GROUP BY ()"][self.random.below(3)].to_owned(),
            0 => format!(" GROUP BY ROLLUP ({list})"),
            1 => format!(" GROUP BY CUBE ({list})"),
            2 => format!(" GROUP BY GROUPING SETS (({list}), ())"),
            3 => format!(" GROUP BY GROUPING SETS (({list}), ({}), ({}))", keys[0], keys[keys.len() - 1]),
            4 => format!(" GROUP BY DISTINCT {}, ROLLUP ({list})", keys[0]),
            _ => format!(" GROUP BY {list}"),
        };
        if clause.contains("ROLLUP") || clause.contains("CUBE") || clause.contains("SETS") {
            key = None;
            columns.push(Column::named(format!("grouping({list})"), Type::Int4));
        }
        clauses.push(text(clause));
        for _ in 0..1 + self.random.below(3) {
            let aggregate = self.aggregate(&bare);
            columns.push(aggregate);
        }
        let scope =
            Scope { columns, outer: scope.outer, key, subqueries: if plain { scope.subqueries } else { 0 } };
        if self.random.chance(25) {
            let inner = Scope { subqueries: 0, ..scope.clone() };
            let condition = self.expression(Type::Bool, 1, &inner);
            clauses.push(Piece::Tree(condition.within(" HAVING ", "").optional()));
        }
        scope
    }

    /// An aggregate over the scope's rows, perhaps with a filter.
    pub fn aggregate(&mut self, scope: &Scope) -> Column {
        let filling = Filling { scope, depth: usize::from(self.random.chance(30)) };
        let (ty, template) = match self.random.below(10) {
            0..3 => {
                let ty = self.likely(scope);
                let ty = if ty.has_extremes() { ty } else { Type::Int4 };
                (ty, self.random.pick(types::EXTREMES))
            }
            3 => (self.likely(scope), self.random.pick(types::ORDERED_AGGREGATES)),
            _ => {
                let (ty, template) = types::AGGREGATES[self.random.below(types::AGGREGATES.len())];
                (ty, template)
            }
        };
        let mut tree = self.fill(template, ty, &filling);
        if !template.contains("FILTER") && self.random.chance(20) {
            let filter = self.expression(Type::Bool, 1, scope);
            tree = Tree::new(vec![
                Piece::Tree(tree),
                Piece::Tree(filter.within(" FILTER (WHERE ", ")").optional()),
            ]);
        }
        Column { tree, ty }
    }

    /// Adds window functions to what targets may use.
    fn windows(&mut self, scope: &mut Scope) {
        let bare = Scope { subqueries: 0, ..scope.clone() };
        for _ in 0..1 + self.random.below(3) {
            let filling = Filling { scope: &bare, depth: 0 };
            let (ty, template) = if self.random.chance(35) {
                (self.likely(&bare), self.random.pick(types::GENERAL_WINDOWS))
            } else {
                types::WINDOWS[self.random.below(types::WINDOWS.len())]
            };
            let tree = self.fill(template, ty, &filling);
            scope.columns.push(Column { tree, ty });
        }
        // Equal values may be spelled differently, and a window takes the first.
        self.loose = true;
    }

    fn from(&mut self, depth: usize, scope: &Scope) -> Item {
        let mut left = self.item(depth, &[], scope);
        let more = [0, 0, 1, 1, 1, 2, 2, 3][self.random.below(if depth > 1 { 8 } else { 5 })];
        for _ in 0..more {
            let kind = self.random.below(100);
            let may_see = kind < 70;
            let lateral = if may_see { left.columns.clone() } else { Vec::new() };
            let right = self.item(depth, &lateral, scope);
            let words = match kind {
                0..34 => " JOIN ",
                34..62 => " LEFT JOIN ",
                62..70 => " CROSS JOIN ",
                70..85 => " RIGHT JOIN ",
                _ => " FULL JOIN ",
            };
            let mut pieces = vec![
                Piece::Tree(std::mem::take(&mut left.tree)),
                text(words),
                Piece::Tree(right.tree.clone()),
            ];
            if words != " CROSS JOIN " {
                let condition =
                    self.join_condition(&left.columns, &right.columns, words == " FULL JOIN ", scope);
                pieces.push(Piece::Tree(condition.within(" ON ", "")));
            }
            left.join(right);
            // Taken from the tree, a join leaves its left side.
            left.tree = Tree { sort: 900, ..Tree::new(pieces) };
        }
        left
    }

    fn join_condition(&mut self, left: &[Column], right: &[Column], full: bool, scope: &Scope) -> Tree {
        let mut items = Vec::new();
        let pairs: Vec<(&Column, &Column)> =
            left.iter().flat_map(|l| right.iter().filter(|r| r.ty == l.ty).map(move |r| (l, r))).collect();
        if pairs.is_empty() || (!full && self.random.chance(8)) {
            let columns = left.iter().chain(right).cloned().collect();
            let scope = Scope { columns, key: None, ..scope.clone() };
            if full {
                return Tree::text("true");
            }
            items.push(self.expression(Type::Bool, 1, &scope));
        } else {
            for _ in 0..1 + usize::from(self.random.chance(25)) {
                let (l, r) = pairs[self.random.below(pairs.len())];
                let operator = if !full && self.random.chance(6) { " < " } else { " = " };
                items.push(Tree::new(vec![
                    Piece::Tree(l.tree.clone()),
                    text(operator),
                    Piece::Tree(r.tree.clone()),
                ]));
            }
            if !full && self.random.chance(20) {
                let columns = left.iter().chain(right).cloned().collect();
                let scope = Scope { columns, key: None, ..scope.clone() };
                items.push(self.expression(Type::Bool, 1, &scope));
            }
        }
        Tree::new(vec![Piece::List { separator: " AND ", least: 1, items }])
    }

    /// One item of FROM; `left` are the columns that a lateral one may name.
    fn item(&mut self, depth: usize, left: &[Column], scope: &Scope) -> Item {
        let alias = self.alias();
        match self.random.below(100) {
            0..14 if depth > 0 => self.subquery_item(&alias, depth, left, scope),
            14..20 => self.function_item(&alias, left, scope),
            20..24 => {
                let types: Vec<Type> =
                    (0..1 + self.random.below(3)).map(|_| Type::any(&mut self.random)).collect();
                let rows = 1 + self.random.below(4);
                let mut items = Vec::new();
                for _ in 0..rows {
                    let row: Vec<String> = types.iter().map(|ty| ty.constant(&mut self.random)).collect();
                    items.push(Tree::text(format!("({})", row.join(", "))));
                }
                let names: Vec<String> = (0..types.len()).map(|at| format!("x{at}")).collect();
                let tree = Tree::new(vec![
                    text("(VALUES "),
                    Piece::List { separator: ", ", least: 1, items },
                    text(format!(") AS {alias}({})", names.join(", "))),
                ]);
                let columns = names
                    .iter()
                    .zip(&types)
                    .map(|(n, ty)| Column::named(format!("{alias}.{n}"), *ty))
                    .collect();
                Item { tree: Tree { sort: 900, ..tree }, columns, key: None }
            }
            _ => {
                let from = if !self.common.is_empty() && self.random.chance(60) {
                    &self.common
                } else {
                    &self.tables
                };
                let table = from[self.random.below(from.len())].clone();
                let only = if table.writable > 0 && self.random.chance(3) { "ONLY " } else { "" };
                let columns = Generator::columns_of(&table, &alias);
                let key = table.keyed.then(|| vec![format!("{alias}.id")]);
                let tree = Tree { sort: 900, ..Tree::text(format!("{only}{} AS {alias}", table.name)) };
                Item { tree, columns, key }
            }
        }
    }

    fn subquery_item(&mut self, alias: &str, depth: usize, left: &[Column], scope: &Scope) -> Item {
        let types: Vec<Type> = (0..1 + self.random.below(3)).map(|_| Type::any(&mut self.random)).collect();
        let lateral = !left.is_empty() && self.random.chance(50);
        let around = Scope {
            columns: if lateral { left.to_vec() } else { Vec::new() },
            outer: scope.outer.clone(),
            key: None,
            subqueries: scope.subqueries,
        };
        let query = self.select(&types, depth - 1, &around);
        let names: Vec<String> = (0..types.len()).map(|at| format!("x{at}")).collect();
        let word = if lateral { "LATERAL " } else { "" };
        let tree = query.tree.within(&format!("{word}("), &format!(") AS {alias}({})", names.join(", ")));
        let columns =
            names.iter().zip(&types).map(|(n, ty)| Column::named(format!("{alias}.{n}"), *ty)).collect();
        Item { tree: Tree { sort: 900, ..tree }, columns, key: None }
    }

    fn function_item(&mut self, alias: &str, left: &[Column], scope: &Scope) -> Item {
        let around = Scope { columns: left.to_vec(), outer: scope.outer.clone(), key: None, subqueries: 0 };
        let filling = Filling { scope: &around, depth: 0 };
        const FUNCTIONS: &[(&str, &str, Type)] = &[
            ("generate_series(1, abs({i4} % 6))", "n", Type::Int4),
            ("generate_series(10, 2, -3)", "n", Type::Int4),
            ("unnest({ia})", "n", Type::Int4),
            ("unnest({ta})", "n", Type::Text),
            (
                "jsonb_object_keys(CASE WHEN jsonb_typeof({json#1}) = 'object' THEN {json#1} END)",
                "n",
                Type::Text,
            ),
            (
                "jsonb_array_elements(CASE WHEN jsonb_typeof({json#1}) = 'array' THEN {json#1} END)",
                "n",
                Type::Jsonb,
            ),
            ("regexp_split_to_table({text}, '[ab]')", "n", Type::Text),
            ("string_to_table({text}, 'a')", "n", Type::Text),
            ("generate_series(timestamp '2024-01-01', '2024-01-03', '7 hours')", "n", Type::Timestamp),
            ("generate_subscripts({ia}, 1)", "n", Type::Int4),
        ];
        let (template, name, ty) = FUNCTIONS[self.random.below(FUNCTIONS.len())];
        let call = self.fill(template, ty, &filling);
        let (before, columns) = match self.random.below(10) {
            0..3 => (
                " WITH ORDINALITY",
                vec![
                    Column::named(format!("{alias}.{name}"), ty),
                    Column::named(format!("{alias}.o"), Type::Int8),
                ],
            ),
            3 => {
                let pair = vec![
                    Column::named(format!("{alias}.{name}"), ty),
                    Column::named(format!("{alias}.o"), Type::Int4),
                ];
                let tree =
                    call.within("ROWS FROM (", &format!(", generate_series(1, 3)) AS {alias}({name}, o)"));
                return Item { tree: Tree { sort: 900, ..tree }, columns: pair, key: None };
            }
            _ => ("", vec![Column::named(format!("{alias}.{name}"), ty)]),
        };
        let names = if columns.len() > 1 { format!("{name}, o") } else { name.to_owned() };
        let tree = call.within("", &format!("{before} AS {alias}({names})"));
        Item { tree: Tree { sort: 900, ..tree }, columns, key: None }
    }

    /// An expression with a subquery in it.
    pub fn subquery_expression(&mut self, ty: Type, depth: usize, scope: &Scope) -> Tree {
        let around = Scope { subqueries: scope.subqueries - 1, ..scope.clone() };
        if ty == Type::Bool {
            return self.subquery_condition(depth, scope, &around);
        }
        match (ty, self.random.below(4)) {
            (Type::Int8, 0..3) => {
                let any = Type::any(&mut self.random);
                let query = self.select(&[any], depth, &around);
                query.tree.within("(SELECT count(*) FROM (", ") AS s)")
            }
            (Type::Int4Array, 0..3) => {
                let query = self.select(&[Type::Int4], depth, &around);
                query.tree.within("ARRAY(SELECT x FROM (", ") AS s(x) ORDER BY 1)")
            }
            (_, 0) if ty.has_extremes() => {
                let query = self.select(&[ty], depth, &around);
                self.loose = true;
                query.tree.within("(SELECT max(x) FROM (", ") AS s(x))")
            }
            _ => {
                let query = self.select(&[ty], depth, &around);
                self.loose = true;
                query.tree.within("(SELECT x FROM (", ") AS s(x) ORDER BY 1 LIMIT 1)")
            }
        }
    }

    fn subquery_condition(&mut self, depth: usize, scope: &Scope, around: &Scope) -> Tree {
        let (a, b) = (self.likely(scope), self.likely(scope));
        match self.random.below(8) {
            0..3 => {
                let query = self.select(&[a], depth, around);
                let word = self.random.pick(&["EXISTS (", "NOT EXISTS ("]);
                query.tree.within(word, ")")
            }
            3..6 => {
                let query = self.select(&[a], depth, around);
                let operator = self.random.pick(&[
                    " IN (",
                    " IN (",
                    " NOT IN (",
                    " = ANY (",
                    " <> ALL (",
                    " < ANY (",
                    " >= ALL (",
                ]);
                let left = self.expression(a, depth.min(1), around);
                Tree::new(vec![text("("), Piece::Tree(left), Piece::Tree(query.tree.within(operator, "))"))])
            }
            6 => {
                let query = self.select(&[a, b], depth, around);
                let operator = self.random.pick(&[" IN (", " NOT IN ("]);
                let (left, right) = (self.expression(a, 0, around), self.expression(b, 0, around));
                Tree::new(vec![
                    text("(("),
                    Piece::Tree(left),
                    text(", "),
                    Piece::Tree(right),
                    text(")"),
                    Piece::Tree(query.tree.within(operator, "))")),
                ])
            }
            _ => {
                let query = self.select(&[a], depth, around);
                self.loose = true;
                let left = self.expression(a, 0, around);
                let operator = self.random.pick(&[" = ", " < ", " IS DISTINCT FROM "]);
                Tree::new(vec![
                    text("("),
                    Piece::Tree(left),
                    Piece::Tree(
                        query
                            .tree
                            .within(&format!("{operator}(SELECT x FROM ("), ") AS s(x) ORDER BY 1 LIMIT 1))"),
                    ),
                ])
            }
        }
    }

    /// What a statement of its own selects: its columns' types are drawn.
    pub fn top_query(&mut self) -> Query {
        self.loose = false;
        let types: Vec<Type> = (0..1 + self.random.below(5)).map(|_| Type::any(&mut self.random)).collect();
        let depth = 1 + self.random.below(2);
        self.select(&types, depth, &Scope { subqueries: 2, ..Scope::default() })
    }

    /// A list of expressions over one table, without a condition: whether they fail does not depend on the plan.
    pub fn scalar_query(&mut self) -> Query {
        self.loose = false;
        let written: Vec<Table> = self.tables.iter().filter(|t| t.writable > 0).cloned().collect();
        let table = written[self.random.below(written.len())].clone();
        let scope = Scope { columns: Generator::columns_of(&table, "a"), ..Scope::default() };
        let ty = Type::any(&mut self.random);
        let tree = self.expression(ty, 2, &scope);
        let limit = if table.rows > 100 { " WHERE a.id < 200" } else { "" };
        Query { tree: tree.within("SELECT ", &format!(" FROM {} AS a{limit}", table.name)), ordered: false }
    }

    /// A query without its condition, and a condition for it: what the three parts of ternary logic are made of.
    pub fn partitioned_query(&mut self) -> (Vec<Tree>, Tree, Tree, Column) {
        self.loose = true;
        let scope = Scope { subqueries: 1, key: Some(Vec::new()), ..Scope::default() };
        let item = self.from(1, &scope);
        let scope = Scope { columns: item.columns, key: item.key, ..scope };
        let condition = self.expression(Type::Bool, 2, &scope);
        let types: Vec<Type> = (0..1 + self.random.below(3)).map(|_| self.likely(&scope)).collect();
        let targets = types.iter().map(|ty| self.expression(*ty, 1, &scope)).collect();
        let ty = self.likely(&scope);
        let ty = if ty.has_extremes() { ty } else { Type::Int4 };
        let measured = Column { tree: self.expression(ty, 0, &scope), ty };
        (targets, item.tree.within(" FROM ", ""), condition, measured)
    }
}
