//! FROM: tables, subqueries, functions, joins, and what they and their columns are called.

use super::query::quoted_list;
use super::quote_identifier;
use super::{Columns, Printer};
use base::Result;
use ir::{
    Expr, FromExpr, JoinExpr, JoinKind, JoinNode, RangeTableEntry, RangeTableFunction, RangeTableKind,
    TableSample,
};

const STEP: isize = 8;

/// unnest(anyarray).
const UNNEST: u32 = 2331;

impl Printer<'_> {
    /// Names that tell all entries of this and the enclosing levels apart.
    pub(super) fn table_names(&self, table: &[RangeTableEntry]) -> Vec<String> {
        let mut used: Vec<String> = self.levels.iter().flat_map(|l| l.names.iter().cloned()).collect();
        let mut names = Vec::with_capacity(table.len());
        for entry in table {
            let nameless = match entry.kind {
                RangeTableKind::Group { .. } | RangeTableKind::Result => true,
                RangeTableKind::Join { .. } => entry.alias.is_none(),
                _ => false,
            };
            if nameless {
                names.push(String::new());
                continue;
            }
            let wanted = match (&entry.alias, &entry.kind) {
                (Some(alias), _) => alias.name.clone(),
                // A renamed table is called by its name of now.
                (None, RangeTableKind::Relation { oid, .. }) => match self.session.relation(*oid) {
                    Ok(Some(relation)) => relation.class.relname.clone(),
                    _ => entry.eref.name.clone(),
                },
                _ => entry.eref.name.clone(),
            };
            let mut name = wanted.clone();
            let mut number = 0;
            while used.contains(&name) {
                number += 1;
                name = format!("{wanted}_{number}");
            }
            used.push(name.clone());
            names.push(name);
        }
        names
    }

    /// What an entry's columns are called now, and whether FROM must say so.
    pub(super) fn column_names(&self, entry: &RangeTableEntry) -> Result<Columns> {
        let real: Vec<String> = match &entry.kind {
            RangeTableKind::Relation { oid, .. } => {
                let relation = self.session.require_relation(*oid)?;
                let attributes = relation.desc().attributes();
                attributes.iter().map(|a| if a.dropped { String::new() } else { a.name.clone() }).collect()
            }
            _ => entry.eref.columns.clone(),
        };
        let given = entry.alias.as_ref().map_or(&[][..], |a| &a.columns);
        // Joins without a name pass on the columns of their tables.
        if matches!(entry.kind, RangeTableKind::Join { .. }) && entry.alias.is_none() {
            return Ok(Columns { names: real, listed: false });
        }
        let mut names: Vec<String> = Vec::with_capacity(real.len());
        let mut changed = false;
        for (i, real) in real.iter().enumerate() {
            if real.is_empty() {
                names.push(String::new());
                continue;
            }
            let wanted = given.get(i).filter(|n| !n.is_empty()).unwrap_or(real);
            let mut name = wanted.clone();
            let mut number = 0;
            while names.contains(&name) {
                number += 1;
                name = format!("{wanted}_{number}");
            }
            changed |= name != *real;
            names.push(name);
        }
        let listed = match &entry.kind {
            RangeTableKind::Relation { .. } => changed,
            RangeTableKind::Function { .. } => true,
            _ => changed || !given.is_empty(),
        };
        Ok(Columns { names, listed })
    }

    pub(super) fn from(&mut self, from: &FromExpr) -> Result<()> {
        let mut first = true;
        for node in &from.items {
            if !self.is_shown(node) {
                continue;
            }
            if first {
                first = false;
                self.keyword(" FROM ", -STEP, STEP, 2);
                self.join_node(node)?;
                continue;
            }
            self.push(", ");
            let outer = std::mem::take(&mut self.text);
            let result = self.join_node(node);
            let item = std::mem::replace(&mut self.text, outer);
            result?;
            self.append_item(&item, true, false);
        }
        Ok(())
    }

    fn is_shown(&self, node: &JoinNode) -> bool {
        let JoinNode::Relation(index) = node else { return true };
        let level = self.levels.last();
        level.and_then(|l| l.table.get(index - 1)).is_some_and(|e| e.in_from)
    }

    fn join_node(&mut self, node: &JoinNode) -> Result<()> {
        match node {
            JoinNode::Relation(index) => self.table_entry(*index),
            JoinNode::From(from) => {
                for (i, node) in from.items.iter().enumerate() {
                    if i > 0 {
                        self.push(", ");
                    }
                    self.join_node(node)?;
                }
                Ok(())
            }
            JoinNode::Join(join) => self.join(join),
        }
    }

    fn join(&mut self, join: &JoinExpr) -> Result<()> {
        let parens = !self.style.pretty || join.alias.is_some();
        if parens {
            self.push("(");
        }
        self.join_node(&join.left)?;
        let word = match join.kind {
            JoinKind::Inner if join.quals.is_none() => " CROSS JOIN ",
            JoinKind::Left => " LEFT JOIN ",
            JoinKind::Full => " FULL JOIN ",
            JoinKind::Right => " RIGHT JOIN ",
            _ => " JOIN ",
        };
        self.keyword(word, -STEP, STEP, 4);
        let unnamed_join = matches!(&join.right, JoinNode::Join(right) if right.alias.is_none());
        let right_parens = self.style.pretty && (unnamed_join || matches!(join.right, JoinNode::From(_)));
        if right_parens {
            self.push("(");
        }
        self.join_node(&join.right)?;
        if right_parens {
            self.push(")");
        }
        if !join.using.is_empty() {
            self.push(&format!(" USING ({})", quoted_list(&join.using)));
            if let Some(alias) = &join.using_alias {
                self.push(&format!(" AS {}", quote_identifier(&alias.name)));
            }
        } else if let Some(quals) = &join.quals {
            self.push(" ON ");
            self.paren("(");
            self.plain(quals)?;
            self.paren(")");
        } else if join.kind != JoinKind::Inner {
            self.push(" ON TRUE");
        }
        if parens {
            self.push(")");
        }
        if join.alias.is_some() {
            let at = join.range_table_index.wrapping_sub(1);
            let name = self.levels.last().and_then(|l| l.names.get(at)).cloned();
            self.push(&format!(" {}", quote_identifier(&name.unwrap_or_default())));
            self.column_list(at);
        }
        Ok(())
    }

    /// The column aliases of the entry (from 0) where they must be given.
    fn column_list(&mut self, at: usize) {
        let Some(columns) = self.levels.last().and_then(|l| l.columns.get(at)) else { return };
        let names: Vec<String> = columns.names.iter().filter(|n| !n.is_empty()).cloned().collect();
        if columns.listed && !names.is_empty() {
            self.push(&format!("({})", quoted_list(&names)));
        }
    }

    fn table_entry(&mut self, index: usize) -> Result<()> {
        let Some(level) = self.levels.last() else { return Ok(()) };
        let entry = level.table[index - 1].clone();
        let name = level.names[index - 1].clone();
        let listed = level.columns[index - 1].listed;
        if entry.lateral {
            self.push("LATERAL ");
        }
        let mut natural = None;
        match &entry.kind {
            RangeTableKind::Relation { oid, inherit, .. } => {
                let text = self.relation_name(*oid)?;
                if !inherit {
                    self.push("ONLY ");
                }
                self.push(&text);
                natural = self.session.relation(*oid)?.map(|e| e.class.relname.clone());
            }
            RangeTableKind::Subquery { query, .. } => {
                self.push("(");
                self.query(query, None, true)?;
                self.push(")");
            }
            RangeTableKind::Function { functions, ordinality } => self.functions(functions, *ordinality)?,
            RangeTableKind::Values { lists, .. } => {
                self.push("(");
                self.values(lists)?;
                self.push(")");
            }
            RangeTableKind::Cte { name, .. } | RangeTableKind::NamedTuplestore { name, .. } => {
                self.push(&quote_identifier(name));
                natural = Some(name.clone());
            }
            _ => {}
        }
        if entry.alias.is_some() || listed || natural.as_ref() != Some(&name) {
            self.push(&format!(" {}", quote_identifier(&name)));
        }
        match &entry.kind {
            RangeTableKind::Function { functions, ordinality: false }
                if functions.len() == 1 && !functions[0].column_names.is_empty() =>
            {
                let definitions = self.definitions(&functions[0])?;
                self.push(&definitions);
            }
            _ => self.column_list(index - 1),
        }
        match &entry.kind {
            RangeTableKind::Relation { sample: Some(sample), .. } => self.sample(sample),
            _ => Ok(()),
        }
    }

    fn functions(&mut self, functions: &[RangeTableFunction], ordinality: bool) -> Result<()> {
        let plain = matches!(functions, [only] if only.column_names.is_empty() || !ordinality);
        let unnest = |f: &RangeTableFunction| {
            matches!(&f.expr, Expr::Func(call) if call.function.0 == UNNEST) && f.column_names.is_empty()
        };
        if plain {
            self.function_call(&functions[0].expr)?;
        } else if functions.iter().all(unnest) {
            self.push("UNNEST(");
            for (i, function) in functions.iter().enumerate() {
                if i > 0 {
                    self.push(", ");
                }
                if let Expr::Func(call) = &function.expr {
                    self.list(&call.args)?;
                }
            }
            self.push(")");
        } else {
            self.push("ROWS FROM(");
            for (i, function) in functions.iter().enumerate() {
                if i > 0 {
                    self.push(", ");
                }
                self.function_call(&function.expr)?;
                if !function.column_names.is_empty() {
                    let definitions = self.definitions(function)?;
                    self.push(&format!(" AS {definitions}"));
                }
            }
            self.push(")");
        }
        if ordinality {
            self.push(" WITH ORDINALITY");
        }
        Ok(())
    }

    /// What does not look like a call is made to by a cast.
    fn function_call(&mut self, expr: &Expr) -> Result<()> {
        if looks_like_function(expr) {
            return self.expr(expr);
        }
        self.push("CAST(");
        self.plain(expr)?;
        let name = self.type_text(ir::expr_type(expr), ir::expr_typmod(expr))?;
        self.push(&format!(" AS {name})"));
        Ok(())
    }

    /// A column definition list.
    fn definitions(&self, function: &RangeTableFunction) -> Result<String> {
        let mut definitions = Vec::new();
        for (i, name) in function.column_names.iter().enumerate() {
            let type_name = self.type_text(function.column_types[i], function.column_typmods[i])?;
            let mut text = format!("{} {type_name}", quote_identifier(name));
            let collation = function.column_collations.get(i).copied().unwrap_or_default();
            if collation.is_valid() && collation != self.session.type_collation(function.column_types[i])? {
                text.push_str(&format!(" COLLATE {}", self.collation_text(collation)?));
            }
            definitions.push(text);
        }
        Ok(format!("({})", definitions.join(", ")))
    }

    fn sample(&mut self, sample: &TableSample) -> Result<()> {
        let name = self.function_name(sample.handler)?;
        self.push(&format!(" TABLESAMPLE {name} ("));
        for (i, arg) in sample.args.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            self.plain(arg)?;
        }
        self.push(")");
        if let Some(seed) = &sample.repeatable {
            self.push(" REPEATABLE (");
            self.plain(seed)?;
            self.push(")");
        }
        Ok(())
    }
}

/// Whether an expression prints as a call, so that it needs no parentheses where the grammar wants one.
pub(crate) fn looks_like_function(expr: &Expr) -> bool {
    match expr {
        Expr::Func(call) => {
            matches!(call.form, ir::CoercionForm::ExplicitCall | ir::CoercionForm::SqlSyntax)
        }
        Expr::Coalesce { .. } | Expr::MinMax { .. } | Expr::NullIf(_) | Expr::SqlValue { .. } => true,
        _ => false,
    }
}
