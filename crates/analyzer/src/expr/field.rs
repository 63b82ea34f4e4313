//! Indirection: fields, subscripts and stars behind an expression.

use crate::coerce::pathway::is_row_type;
use crate::state::Analyzer;
use crate::types::*;
use base::{Error, Result, err};
use datum::TupleDesc;
use ir::{Expr, RangeTableKind, Var, expr_location, expr_type, expr_typmod};
use std::sync::Arc;
use syntax::{Expr as Ast, Indirection};

impl Analyzer<'_> {
    pub(super) fn indirection(&mut self, arg: &Ast, steps: &[Indirection]) -> Result<Expr> {
        let arg = self.expr(arg)?;
        self.apply_indirection(arg, steps)
    }

    fn apply_indirection(&mut self, arg: Expr, steps: &[Indirection]) -> Result<Expr> {
        let start = expr_location(&arg);
        let mut result = arg;
        let mut at = 0;
        while at < steps.len() {
            match &steps[at] {
                Indirection::Star { location } => {
                    return Err(err!(FEATURE_NOT_SUPPORTED, "row expansion via \"*\" is not supported here")
                        .at(*location));
                }
                Indirection::Field { name, location } => {
                    result = self.field(result, name, start.unwrap_or(*location))?;
                    at += 1;
                }
                _ => {
                    let rest = &steps[at..];
                    let is_subscript = |s: &Indirection| {
                        matches!(s, Indirection::Subscript { .. } | Indirection::Slice { .. })
                    };
                    let count = rest.iter().take_while(|s| is_subscript(s)).count();
                    let (type_oid, typmod) = (expr_type(&result), expr_typmod(&result));
                    let subscript = self.subscript(result, type_oid, typmod, &rest[..count], false)?;
                    result = Expr::Subscript(Box::new(subscript));
                    at += count;
                }
            }
        }
        Ok(result)
    }

    /// `(arg).name`: a field, or a function applied to it.
    pub(crate) fn field(&mut self, arg: Expr, name: &str, location: usize) -> Result<Expr> {
        if let Some(field) = self.field_select(&arg, name, Some(location))? {
            return Ok(field);
        }
        let type_oid = expr_type(&arg);
        let at = expr_location(&arg);
        match self.field_as_call(arg.clone(), name, Some(location)) {
            Err(error) if error.state() == base::SqlState::UNDEFINED_FUNCTION => {
                Err(self.unknown_attribute(&arg, name, type_oid)?.at(location).or_at(at))
            }
            other => other,
        }
    }

    fn unknown_attribute(&self, arg: &Expr, name: &str, type_oid: base::Oid) -> Result<Error> {
        if let Expr::Var(var) = arg
            && var.attribute == 0
            && let ir::VarSource::Relation(index) = var.source
        {
            let level = &self.levels[self.levels.len() - 1 - var.levels_up as usize];
            let table = &level.range_table[index - 1].eref.name;
            return Ok(err!(UNDEFINED_COLUMN, "column {table}.{name} does not exist"));
        }
        if type_oid == RECORD {
            return Ok(err!(UNDEFINED_COLUMN, "could not identify column \"{name}\" in record data type"));
        }
        let type_name = self.type_name_of(type_oid)?;
        Ok(if is_row_type(self.session, type_oid)? {
            err!(UNDEFINED_COLUMN, "column \"{name}\" not found in data type {type_name}")
        } else {
            err!(
                WRONG_OBJECT_TYPE,
                "column notation .{name} applied to type {type_name}, which is not a composite type"
            )
        })
    }

    /// A field of a row expression, `None` if it has no such field.
    pub(crate) fn field_select(
        &mut self,
        arg: &Expr,
        name: &str,
        location: Option<usize>,
    ) -> Result<Option<Expr>> {
        // A whole-row reference: the column itself.
        if let Expr::Var(var) = arg
            && var.attribute == 0
            && let ir::VarSource::Relation(index) = var.source
        {
            let at = self.levels.len() - 1 - var.levels_up as usize;
            let item = self.levels[at].items.get(index - 1).cloned();
            if let Some(mut item) = item {
                item.returning = var.returning;
                item.columns.iter_mut().for_each(|c| c.returning = var.returning);
                return self.column_of_item(&item, var.levels_up, name, location);
            }
        }
        let Some(desc) = self.row_descriptor(arg)? else { return Ok(None) };
        let Some(at) = desc.position(name) else { return Ok(None) };
        let attribute = &desc.attributes()[at];
        Ok(Some(Expr::FieldSelect {
            arg: Box::new(arg.clone()),
            field: at as i16 + 1,
            result_type: attribute.type_oid,
            typmod: attribute.typmod,
            collation: attribute.collation,
        }))
    }

    /// The columns of a row-valued expression, as far as they can be known before execution.
    pub(crate) fn row_descriptor(&self, expr: &Expr) -> Result<Option<Arc<TupleDesc>>> {
        let type_oid = expr_type(expr);
        if type_oid != RECORD {
            return self.session.row_type(self.session.base_type(type_oid)?.0);
        }
        match expr {
            Expr::Row { args, column_names, .. } => {
                let mut attributes = Vec::with_capacity(args.len());
                for (i, arg) in args.iter().enumerate() {
                    let name = column_names.get(i).cloned().unwrap_or_else(|| format!("f{}", i + 1));
                    attributes.push(self.result_attribute(name, arg)?);
                }
                Ok(Some(Arc::new(TupleDesc::new(attributes))))
            }
            Expr::Var(var) => self.record_var_descriptor(var, 0),
            Expr::Func(f) => self.function_descriptor(f.function, expr),
            // A record variable tells by its typmod what it holds now.
            Expr::Param(param) => Ok(self.session.instance().records.get(param.typmod)),
            _ => Ok(None),
        }
    }

    pub(crate) fn result_attribute(&self, name: String, expr: &Expr) -> Result<datum::Attribute> {
        let type_oid = expr_type(expr);
        let layout = self.session.type_layout(type_oid)?;
        Ok(datum::Attribute::result(name, type_oid, expr_typmod(expr), layout, ir::expr_collation(expr)))
    }

    /// What a record-valued variable is made of: looks through subqueries, joins and CTEs.
    fn record_var_descriptor(&self, var: &Var, extra: usize) -> Result<Option<Arc<TupleDesc>>> {
        let ir::VarSource::Relation(index) = var.source else { return Ok(None) };
        let Some(at) = self.levels.len().checked_sub(1 + var.levels_up as usize + extra) else {
            return Ok(None);
        };
        let level = &self.levels[at];
        let Some(entry) = level.range_table.get(index - 1) else { return Ok(None) };
        if var.attribute == 0 {
            let Some(item) = level.items.get(index - 1) else { return Ok(None) };
            let mut attributes = Vec::new();
            for (column, name) in item.columns.iter().zip(&item.names.columns) {
                let type_oid = if column.relation == 0 { INT4 } else { column.type_oid };
                let layout = self.session.type_layout(type_oid)?;
                attributes.push(datum::Attribute::result(
                    name.clone(),
                    type_oid,
                    column.typmod,
                    layout,
                    column.collation,
                ));
            }
            return Ok(Some(Arc::new(TupleDesc::new(attributes))));
        }
        match &entry.kind {
            RangeTableKind::Subquery { query, .. } => {
                let target = query.target_list.get(var.attribute as usize - 1);
                match target.map(|t| &t.expr) {
                    Some(Expr::Var(_)) | None => Ok(None),
                    Some(inner) => self.row_descriptor(inner),
                }
            }
            RangeTableKind::Join { alias_vars, .. } => match alias_vars.get(var.attribute as usize - 1) {
                Some(Expr::Var(inner)) => self.record_var_descriptor(inner, var.levels_up as usize + extra),
                Some(inner) => self.row_descriptor(inner),
                None => Ok(None),
            },
            RangeTableKind::Function { functions, .. } => match functions.first() {
                Some(function) => self.row_descriptor(&function.expr),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// `(row).*`: each field with its name.
    pub(crate) fn expand_row_star(
        &mut self,
        arg: &Ast,
        steps: &[Indirection],
    ) -> Result<Vec<(String, Expr)>> {
        let arg = self.expr(arg)?;
        let row = self.apply_indirection(arg, &steps[..steps.len() - 1])?;
        self.expand_row(row)
    }

    pub(crate) fn expand_row(&mut self, row: Expr) -> Result<Vec<(String, Expr)>> {
        if let Expr::Var(var) = &row
            && var.attribute == 0
            && let ir::VarSource::Relation(index) = var.source
        {
            let at = self.levels.len() - 1 - var.levels_up as usize;
            if let Some(mut item) = self.levels[at].items.get(index - 1).cloned() {
                item.columns.iter_mut().for_each(|c| c.returning = var.returning);
                return self.expand_item(&item, var.levels_up, var.location);
            }
        }
        let at = expr_location(&row);
        let type_oid = expr_type(&row);
        let Some(desc) = self.row_descriptor(&row)? else {
            let error = if type_oid == RECORD {
                err!(WRONG_OBJECT_TYPE, "record type has not been registered")
            } else {
                err!(WRONG_OBJECT_TYPE, "type {} is not composite", self.type_name_of(type_oid)?)
            };
            return Err(error.or_at(at));
        };
        let mut list = Vec::with_capacity(desc.len());
        for (i, attribute) in desc.attributes().iter().enumerate().filter(|(_, a)| !a.dropped) {
            list.push((
                attribute.name.clone(),
                Expr::FieldSelect {
                    arg: Box::new(row.clone()),
                    field: i as i16 + 1,
                    result_type: attribute.type_oid,
                    typmod: attribute.typmod,
                    collation: attribute.collation,
                },
            ));
        }
        Ok(list)
    }

    /// The columns behind a whole-row variable, dropped ones left out.
    pub(crate) fn expand_whole_row_var(&mut self, var: &Var) -> Result<Vec<Expr>> {
        let fields = self.expand_row(Expr::Var(var.clone()))?;
        Ok(fields.into_iter().map(|(_, e)| e).collect())
    }
}
