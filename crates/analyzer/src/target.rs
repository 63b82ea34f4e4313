//! Target lists: entries, names, stars.

use crate::context::ExprKind;
use crate::state::{Analyzer, NamespaceItem};
use crate::types::*;
use base::{Result, err};
use ir::{CoercionForm, Expr, RangeTableKind, TargetEntry, Var, VarSource, expr_type};
use syntax::{ColumnRef, Expr as Ast, Indirection, JsonKind, SubqueryKind, Target};

/// The most columns a target list has.
const MAX_TARGETS: usize = 1664;

impl Analyzer<'_> {
    /// A SELECT or RETURNING list.
    pub(crate) fn target_list(&mut self, targets: &[Target], kind: ExprKind) -> Result<Vec<TargetEntry>> {
        let mut list: Vec<TargetEntry> = Vec::with_capacity(targets.len());
        for target in targets {
            match &target.expr {
                Ast::Column(column) if column.star => {
                    let fields = self.in_kind(kind, |a| a.expand_star(column))?;
                    self.push_fields(&mut list, fields);
                }
                Ast::Indirection { arg, steps } if matches!(steps.last(), Some(Indirection::Star { .. })) => {
                    let fields = self.in_kind(kind, |a| a.expand_row_star(arg, steps))?;
                    self.push_fields(&mut list, fields);
                }
                written => {
                    let expr = self.expr_in(written, kind)?;
                    let name = target.alias.clone().unwrap_or_else(|| column_name(written).to_owned());
                    let number = self.take_number();
                    list.push(TargetEntry::new(expr, number, Some(name)));
                }
            }
            if list.len() > MAX_TARGETS {
                return Err(err!(TOO_MANY_COLUMNS, "target lists can have at most {MAX_TARGETS} entries"));
            }
        }
        Ok(list)
    }

    fn push_fields(&mut self, list: &mut Vec<TargetEntry>, fields: Vec<(String, Expr)>) {
        for (name, expr) in fields {
            let number = self.take_number();
            list.push(TargetEntry::new(expr, number, Some(name)));
        }
    }

    pub(crate) fn take_number(&mut self) -> i16 {
        let level = self.level();
        let number = level.next_number.max(1);
        level.next_number = number.saturating_add(1);
        number
    }

    /// `*` or `t.*`: the columns with their names.
    pub(crate) fn expand_star(&mut self, column: &ColumnRef) -> Result<Vec<(String, Expr)>> {
        let location = column.location;
        let (schema, table) = match &column.names[..] {
            [] => return self.expand_all(location),
            [table] => (None, table),
            [schema, table] => (Some(schema.as_str()), table),
            [database, schema, table] => {
                if database != self.session.database_name() {
                    return Err(err!(
                        FEATURE_NOT_SUPPORTED,
                        "cross-database references are not implemented: {}.*",
                        column.names.join(".")
                    )
                    .at(location));
                }
                (Some(schema.as_str()), table)
            }
            names => {
                return Err(err!(
                    SYNTAX_ERROR,
                    "improper qualified name (too many dotted names): {}.*",
                    names.join(".")
                )
                .at(location));
            }
        };
        match self.find_item(schema, table, location)? {
            Some((item, up)) => self.expand_item(&item, up, Some(location)),
            None => {
                let missing = self.missing_table(schema, table, location);
                self.star_of_name(&column.names, location, missing)
            }
        }
    }

    fn expand_all(&mut self, location: usize) -> Result<Vec<(String, Expr)>> {
        let items: Vec<NamespaceItem> =
            self.level().namespace.iter().filter(|i| i.columns_visible && !i.lateral_only).cloned().collect();
        if items.is_empty() {
            return Err(err!(SYNTAX_ERROR, "SELECT * with no tables specified is not valid").at(location));
        }
        let mut list = Vec::new();
        for item in &items {
            list.extend(self.expand_item(item, 0, Some(location))?);
        }
        Ok(list)
    }

    /// Outputs whose type stayed unknown are text.
    pub(crate) fn settle_unknown_targets(&mut self, list: &mut [TargetEntry]) -> Result<()> {
        for target in list {
            if expr_type(&target.expr) == UNKNOWN {
                let taken = std::mem::replace(&mut target.expr, Expr::MergeAction { location: None });
                target.expr = self.coerce_type(
                    taken,
                    UNKNOWN,
                    TEXT,
                    -1,
                    crate::CoercionContext::Implicit,
                    CoercionForm::ImplicitCast,
                    None,
                )?;
            }
        }
        Ok(())
    }

    /// Notes for plain columns which table column they come from.
    pub(crate) fn mark_origins(&self, list: &mut [TargetEntry]) {
        for target in list {
            target.origin = match &target.expr {
                Expr::Var(var) => self.origin(var),
                _ => None,
            };
        }
    }

    fn origin(&self, var: &Var) -> Option<(base::Oid, i16)> {
        let VarSource::Relation(index) = var.source else { return None };
        let at = self.levels.len().checked_sub(1 + var.levels_up as usize)?;
        let entry = self.levels[at].range_table.get(index.checked_sub(1)?)?;
        match &entry.kind {
            RangeTableKind::Relation { oid, .. } => Some((*oid, var.attribute)),
            RangeTableKind::Subquery { query, .. } if var.attribute > 0 => {
                ir::visible_targets(&query.target_list).nth(var.attribute as usize - 1)?.origin
            }
            RangeTableKind::Join { alias_vars, .. } if var.attribute > 0 => {
                match alias_vars.get(var.attribute as usize - 1)? {
                    Expr::Var(inner) => {
                        let inner = Var { levels_up: inner.levels_up + var.levels_up, ..inner.clone() };
                        self.origin(&inner)
                    }
                    _ => None,
                }
            }
            RangeTableKind::Cte { name, levels_up, self_reference: false, .. } if var.attribute > 0 => {
                let owner = &self.levels[at.checked_sub(*levels_up as usize)?];
                let cte = owner.ctes.iter().find(|c| c.name == *name)?;
                let list = if cte.query.command == ir::CommandType::Select {
                    &cte.query.target_list
                } else {
                    &cte.query.returning
                };
                ir::visible_targets(list).nth(var.attribute as usize - 1)?.origin
            }
            _ => None,
        }
    }
}

/// The name of an output column without alias.
pub(crate) fn column_name(expr: &Ast) -> &str {
    name_with_strength(expr).0.unwrap_or("?column?")
}

/// The name, and how good it is: 2 real, 1 weak (a type or construct), 0 none.
fn name_with_strength(expr: &Ast) -> (Option<&str>, u8) {
    match expr {
        Ast::Column(column) => match column.names.last() {
            Some(name) => (Some(name), 2),
            None => (None, 0),
        },
        Ast::Indirection { arg, steps } => {
            let field = steps.iter().rev().find_map(|s| match s {
                Indirection::Field { name, .. } => Some(name.as_str()),
                _ => None,
            });
            match field {
                Some(name) => (Some(name), 2),
                None => name_with_strength(arg),
            }
        }
        Ast::Function(call) => (Some(call.name.name()), 2),
        Ast::NullIf(_) => (Some("nullif"), 2),
        Ast::TypeCast(cast) => {
            let inner = name_with_strength(&cast.arg);
            if inner.1 <= 1
                && let Some(name) = cast.type_name.names.last()
            {
                return (Some(name), 1);
            }
            inner
        }
        Ast::Collate(collate) => name_with_strength(&collate.arg),
        Ast::Grouping { .. } => (Some("grouping"), 2),
        Ast::MergeAction { .. } => (Some("merge_action"), 2),
        Ast::Subquery(subquery) => match &subquery.kind {
            SubqueryKind::Exists => (Some("exists"), 2),
            SubqueryKind::Array => (Some("array"), 2),
            SubqueryKind::Scalar => match first_target(&subquery.query) {
                Some(target) => match &target.alias {
                    Some(alias) => (Some(alias), 2),
                    None => name_with_strength(&target.expr),
                },
                None => (None, 0),
            },
            _ => (None, 0),
        },
        Ast::Case(case) => {
            let inner = case.default.as_ref().map_or((None, 0), name_with_strength);
            if inner.1 <= 1 { (Some("case"), 1) } else { inner }
        }
        Ast::Array { .. } => (Some("array"), 2),
        Ast::Row { .. } => (Some("row"), 2),
        Ast::Coalesce { .. } => (Some("coalesce"), 2),
        Ast::Greatest { .. } => (Some("greatest"), 2),
        Ast::Least { .. } => (Some("least"), 2),
        Ast::SqlValue { function, .. } => (Some(sql_value_name(*function)), 2),
        Ast::Json(json) => match json_name(&json.kind) {
            Some(name) => (Some(name), 2),
            None => (None, 0),
        },
        Ast::Xml(xml) => match xml_name(xml) {
            Some(name) => (Some(name), 2),
            None => (None, 0),
        },
        _ => (None, 0),
    }
}

fn first_target(query: &syntax::SelectStatement) -> Option<&Target> {
    match &query.body {
        syntax::SelectBody::Select(select) => select.targets.first(),
        syntax::SelectBody::SetOperation(set) => first_target(&set.left),
        syntax::SelectBody::Values(_) => None,
    }
}

fn sql_value_name(function: syntax::SqlValueFunction) -> &'static str {
    use syntax::SqlValueFunction as F;
    match function {
        F::CurrentDate => "current_date",
        F::CurrentTime => "current_time",
        F::CurrentTimestamp => "current_timestamp",
        F::LocalTime => "localtime",
        F::LocalTimestamp => "localtimestamp",
        F::CurrentRole => "current_role",
        F::CurrentUser => "current_user",
        F::User => "user",
        F::SessionUser => "session_user",
        F::CurrentCatalog => "current_catalog",
        F::CurrentSchema => "current_schema",
    }
}

fn json_name(kind: &JsonKind) -> Option<&'static str> {
    Some(match kind {
        JsonKind::Object { .. } => "json_object",
        JsonKind::Array { .. } | JsonKind::ArrayQuery { .. } => "json_array",
        JsonKind::ObjectAgg { .. } => "json_objectagg",
        JsonKind::ArrayAgg { .. } => "json_arrayagg",
        JsonKind::Parse { .. } => "json",
        JsonKind::Scalar { .. } => "json_scalar",
        JsonKind::Serialize { .. } => "json_serialize",
        JsonKind::Query(_) => "json_query",
        JsonKind::Exists(_) => "json_exists",
        JsonKind::Value(_) => "json_value",
        JsonKind::Predicate { .. } => return None,
    })
}

fn xml_name(xml: &syntax::XmlExpr) -> Option<&'static str> {
    use syntax::XmlExpr as X;
    Some(match xml {
        X::Concat { .. } => "xmlconcat",
        X::Element { .. } => "xmlelement",
        X::Forest { .. } => "xmlforest",
        X::Parse { .. } => "xmlparse",
        X::Pi { .. } => "xmlpi",
        X::Root { .. } => "xmlroot",
        X::Serialize { .. } => "xmlserialize",
        X::IsDocument { .. } => return None,
    })
}
