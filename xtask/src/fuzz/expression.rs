//! Typed expressions: templates filled with columns, constants and other expressions.

use super::generator::Generator;
use super::tree::{Piece, Sort, Tree};
use super::types::{self, Type};

/// Something an expression can be built on: a column, a grouping key, an aggregate.
#[derive(Clone)]
pub struct Column {
    pub tree: Tree,
    pub ty: Type,
}

impl Column {
    pub fn named(name: String, ty: Type) -> Column {
        Column { tree: Tree::text(name), ty }
    }
}

/// What may be named at some place.
#[derive(Clone, Default)]
pub struct Scope {
    pub columns: Vec<Column>,
    /// Columns of the queries around this one, and of items to the left of a lateral one.
    pub outer: Vec<Column>,
    /// Expressions that differ in every row, if there are any.
    pub key: Option<Vec<String>>,
    /// How many more levels of subqueries expressions may have.
    pub subqueries: usize,
}

pub fn sort_of(ty: Type) -> Sort {
    ty as Sort + 1
}

/// Where a template's expressions come from.
pub struct Filling<'s> {
    pub scope: &'s Scope,
    pub depth: usize,
}

impl Generator {
    /// An expression of a type.
    pub fn expression(&mut self, ty: Type, depth: usize, scope: &Scope) -> Tree {
        let tree = if depth == 0 || self.random.chance(15) {
            self.leaf(ty, depth, scope)
        } else if scope.subqueries > 0 && self.random.chance(7) {
            self.subquery_expression(ty, depth - 1, scope)
        } else {
            let special = types::templates(ty);
            let general = if ty == Type::Bool { 8 } else { 22 };
            let template = if self.random.chance(general) {
                self.random.pick(types::GENERAL)
            } else {
                self.random.pick(special)
            };
            let mut tree = self.fill(template, ty, &Filling { scope, depth: depth - 1 });
            tree.pieces.insert(0, Piece::Text("(".to_owned()));
            tree.pieces.push(Piece::Text(")".to_owned()));
            tree
        };
        let mut tree = Tree { sort: sort_of(ty), ..tree };
        if tree.substitutes.is_empty() {
            tree.substitutes = vec![ty.null()];
            if ty == Type::Bool {
                tree.substitutes = vec!["true".to_owned(), "NULL::bool".to_owned()];
            }
        }
        tree
    }

    fn leaf(&mut self, ty: Type, depth: usize, scope: &Scope) -> Tree {
        let of = |columns: &[Column]| -> Vec<Tree> {
            columns.iter().filter(|c| c.ty == ty).map(|c| c.tree.clone()).collect()
        };
        let (own, outer) = (of(&scope.columns), of(&scope.outer));
        if !outer.is_empty() && self.random.chance(if own.is_empty() { 80 } else { 25 }) {
            return outer[self.random.below(outer.len())].clone();
        }
        if !own.is_empty() && self.random.chance(85) {
            return own[self.random.below(own.len())].clone();
        }
        if depth == 0 && !scope.columns.is_empty() && self.random.chance(35) {
            // No column of the type: one of another type is made into it.
            let made = types::templates(ty);
            let template = self.random.pick(made);
            if !template.contains("{same}") {
                let mut tree = self.fill(
                    template,
                    ty,
                    &Filling { scope: &Scope { subqueries: 0, ..scope.clone() }, depth: 0 },
                );
                tree.pieces.insert(0, Piece::Text("(".to_owned()));
                tree.pieces.push(Piece::Text(")".to_owned()));
                return tree;
            }
        }
        Tree::text(ty.constant(&mut self.random))
    }

    /// Fills a template for a result of `ty`.
    pub fn fill(&mut self, template: &str, ty: Type, filling: &Filling<'_>) -> Tree {
        let (a, b) = (self.likely(filling.scope), self.likely(filling.scope));
        let mut labelled: Vec<(String, Tree)> = Vec::new();
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            pieces.push(Piece::Text(rest[..open].to_owned()));
            let close = rest[open..].find('}').map_or(rest.len(), |c| open + c + 1);
            let place = &rest[open..close];
            let inner = place.trim_matches(['{', '}']);
            let word = inner.split('#').next().unwrap_or_default();
            let of = match word {
                "same" => Some(ty),
                "a" => Some(a),
                "b" => Some(b),
                _ => Type::of_word(word),
            };
            let piece = match (of, word) {
                (_, "over" | "total" | "frame") => self.window(word, filling.scope),
                (None, _) => Tree::text(place),
                (Some(of), _) if inner.contains('#') => match labelled.iter().find(|(l, _)| l == inner) {
                    Some((_, tree)) => tree.clone(),
                    None => {
                        let tree =
                            Tree::text(self.expression(of, filling.depth.min(1), filling.scope).print());
                        labelled.push((inner.to_owned(), tree.clone()));
                        tree
                    }
                },
                (Some(of), _) => self.expression(of, filling.depth, filling.scope),
            };
            pieces.push(Piece::Tree(piece));
            rest = &rest[close..];
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Tree::new(pieces)
    }

    /// A type, most often one that a column has.
    pub fn likely(&mut self, scope: &Scope) -> Type {
        if !scope.columns.is_empty() && self.random.chance(75) {
            scope.columns[self.random.below(scope.columns.len())].ty
        } else {
            Type::any(&mut self.random)
        }
    }

    fn window(&mut self, kind: &str, scope: &Scope) -> Tree {
        let inner = Scope { subqueries: 0, ..scope.clone() };
        let mut pieces = vec![Piece::Text("(".to_owned())];
        if self.random.chance(50) {
            let ty = self.likely(scope);
            let by = self.expression(ty, 0, &inner);
            pieces.push(Piece::Tree(by.within("PARTITION BY ", " ").optional()));
        }
        let total = kind == "total" || kind == "frame";
        let mut order = Vec::new();
        if kind != "over" || self.random.chance(80) {
            for _ in 0..1 + self.random.below(2) {
                order.push(self.sort_item(&inner));
            }
        }
        if total {
            let key = scope.key.clone().unwrap_or_default();
            order.extend(key.iter().map(|k| Tree::text(k.as_str())));
        }
        if !order.is_empty() {
            let least = if total { 1 } else { 0 };
            pieces.push(Piece::Text("ORDER BY ".to_owned()));
            pieces.push(Piece::List { separator: ", ", least, items: order });
        }
        if kind == "frame" {
            const FRAMES: &[&str] = &[
                "",
                " ROWS UNBOUNDED PRECEDING",
                " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
                " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW",
                " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
                " GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
                " GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE GROUP",
                " ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING",
                " ROWS BETWEEN 1 FOLLOWING AND 3 FOLLOWING EXCLUDE TIES",
                " RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
                " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING EXCLUDE TIES",
            ];
            pieces.push(Piece::Tree(Tree::text(self.random.pick(FRAMES)).optional()));
        }
        pieces.push(Piece::Text(")".to_owned()));
        Tree::new(pieces)
    }

    /// An expression to sort by, with a direction.
    pub fn sort_item(&mut self, scope: &Scope) -> Tree {
        let ty = self.likely(scope);
        let direction = self.random.pick(&["", "", " DESC", " NULLS FIRST", " DESC NULLS LAST"]);
        // A bare constant would be the number of a column.
        let item = match self.expression(ty, 0, scope) {
            tree if tree.print().starts_with(|c: char| c.is_ascii_digit()) => Tree::text(ty.null()),
            tree => tree,
        };
        item.within("", direction)
    }
}
