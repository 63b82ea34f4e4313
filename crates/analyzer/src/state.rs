//! What is known while a statement is analysed: the stack of query levels, the names visible at each.

use crate::ConstantInput;
use crate::context::ExprKind;
use crate::params::ParamTypes;
use base::{Oid, Result, bail};
use catalog::{RelationEntry, Session};
use ir::{Alias, CommonTableExpr, Expr, Permission, RangeTableEntry, Returning};
use std::sync::Arc;
use syntax::{RelationName, WindowSpec};

/// How deep subqueries may nest before analysis answers 54001.
const MAX_LEVELS: usize = 400;
/// How deep analysed expressions may nest; the parser bounds the text, operators expand little.
const MAX_DEPTH: usize = 3000;

/// One column as a namespace item offers it.
#[derive(Clone, Debug)]
pub(crate) struct NamespaceColumn {
    /// Range table index and attribute of the Var to make; 0 for a dropped column.
    pub relation: usize,
    pub attribute: i16,
    pub type_oid: Oid,
    pub typmod: i32,
    pub collation: Oid,
    pub returning: Returning,
    /// The column as named: what deparsing shows.
    pub syntactic: (usize, i16),
    /// Hidden from `*` (merged into an unnamed USING column already).
    pub hidden: bool,
}

/// A FROM item as names see it.
#[derive(Clone, Debug)]
pub(crate) struct NamespaceItem {
    pub names: Alias,
    pub index: usize,
    pub columns: Vec<NamespaceColumn>,
    /// Index from 1 into the level's permissions; 0 for none.
    pub permission: usize,
    /// Whether its name, and its columns without it, can be referenced.
    pub relation_visible: bool,
    pub columns_visible: bool,
    /// Only through LATERAL, and whether that is legal.
    pub lateral_only: bool,
    pub lateral_ok: bool,
    pub returning: Returning,
}

/// The target of INSERT, UPDATE, DELETE and MERGE.
#[derive(Clone)]
pub(crate) struct Target {
    pub relation: Arc<RelationEntry>,
    pub index: usize,
}

/// One query level.
#[derive(Default)]
pub(crate) struct Level {
    pub range_table: Vec<RangeTableEntry>,
    pub permissions: Vec<Permission>,
    /// For each range table entry, its namespace item, visible or not.
    pub items: Vec<NamespaceItem>,
    pub namespace: Vec<NamespaceItem>,
    pub ctes: Vec<CommonTableExpr>,
    /// CTE names of the same WITH that are not analysed yet.
    pub future_ctes: Vec<String>,
    /// Name of the recursive CTE whose definition this level is, by index in the parent's `ctes`.
    pub parent_cte: Option<usize>,
    pub target: Option<Target>,
    pub kind: ExprKind,
    pub lateral_active: bool,
    /// CTEs of this level that are not analysed yet, by index; they are when first referenced.
    pub pending_ctes: Vec<Option<syntax::CommonTableExpr>>,
    /// CTEs whose definition is being analysed, and those analysed, in the order they were completed.
    pub open_ctes: Vec<usize>,
    pub done_ctes: Vec<usize>,
    /// The level is that of a subquery in an expression.
    pub in_expression: bool,
    /// What of this level must not hold a recursive reference is being analysed: "an outer join", "EXCEPT".
    pub no_recursion: Option<&'static str>,
    /// The level is (within) the non-recursive term of its parent CTE.
    pub non_recursive_term: bool,
    pub windows: Vec<WindowSpec>,
    /// Sources of multi-column assignments, in order.
    pub multi_assignments: Vec<Expr>,
    pub has_aggregates: bool,
    pub has_window_functions: bool,
    pub has_target_srfs: bool,
    pub has_sublinks: bool,
    pub has_modifying_cte: bool,
    /// A set-returning function seen since this was last cleared.
    pub last_srf: bool,
    /// Leaves unknown-typed outputs alone (INSERT ... SELECT decides them).
    pub keep_unknown: bool,
    pub next_number: i16,
    /// Names in each FOR UPDATE clause; empty for all relations.
    pub locking: Vec<Vec<String>>,
    /// A FOR UPDATE of the enclosing query reaches into this one.
    pub locked_from_parent: bool,
    /// Where outer joins null a range table entry: RT indexes of joins.
    pub nulling: Vec<ir::RelSet>,
    /// Names resolved before anything else: VALUE of a domain, function parameters.
    pub variables: Vec<Variable>,
}

/// A name that stands for a ready-made expression.
#[derive(Clone, Debug)]
pub struct Variable {
    pub name: String,
    pub expr: Expr,
}

/// The analyzer of one statement.
pub(crate) struct Analyzer<'a> {
    pub session: &'a Session,
    pub input: &'a dyn ConstantInput,
    pub sql: &'a str,
    pub params: &'a mut ParamTypes,
    /// Inside functions: what names mean besides columns.
    pub names: Option<&'a dyn crate::routine::ParameterNames>,
    pub levels: Vec<Level>,
    pub depth: usize,
}

impl<'a> Analyzer<'a> {
    pub fn new(
        session: &'a Session,
        input: &'a dyn ConstantInput,
        sql: &'a str,
        params: &'a mut ParamTypes,
    ) -> Analyzer<'a> {
        Analyzer { session, input, sql, params, names: None, levels: vec![Level::default()], depth: 0 }
    }

    pub fn level(&mut self) -> &mut Level {
        self.levels.last_mut().expect("an analyzer always has a level")
    }

    pub fn current(&self) -> &Level {
        self.levels.last().expect("an analyzer always has a level")
    }

    /// The level `up` levels above the current one.
    pub fn level_up(&mut self, up: u32) -> &mut Level {
        let at = self.levels.len() - 1 - up as usize;
        &mut self.levels[at]
    }

    /// Runs `f` in a new, inner query level.
    pub fn in_level<T>(&mut self, level: Level, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.levels.len() >= MAX_LEVELS {
            bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        }
        self.levels.push(level);
        let result = f(self);
        self.levels.pop();
        result
    }

    /// Runs `f` with the expression kind set to `kind`.
    pub fn in_kind<T>(&mut self, kind: ExprKind, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let saved = std::mem::replace(&mut self.level().kind, kind);
        let result = f(self);
        self.level().kind = saved;
        result
    }

    /// Counts one step of recursion over an expression.
    pub fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    /// A relation's name for error messages, qualified if it was written so.
    pub fn display_relation(name: &RelationName) -> String {
        match (&name.catalog, &name.schema) {
            (Some(catalog), Some(schema)) => format!("{catalog}.{schema}.{}", name.name),
            (_, Some(schema)) => format!("{schema}.{}", name.name),
            _ => name.name.clone(),
        }
    }
}
