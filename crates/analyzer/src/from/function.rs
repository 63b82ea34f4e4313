//! Functions in FROM.

use crate::context::ExprKind;
use crate::expr::find_variable;
use crate::relation::{NewEntry, alias_of};
use crate::state::{Analyzer, NamespaceItem};
use crate::target::column_name;
use crate::types::*;
use base::{Oid, Result, err};
use ir::{
    Alias, Expr, RangeTableFunction, RangeTableKind, expr_collation, expr_location, expr_type, expr_typmod,
};
use syntax::{ColumnDefinitionItem, Expr as Ast, FunctionTable};

/// A column that a function in FROM yields.
struct ResultColumn {
    name: String,
    type_oid: Oid,
    typmod: i32,
    collation: Oid,
}

impl Analyzer<'_> {
    pub(super) fn function_item(&mut self, table: &FunctionTable) -> Result<NamespaceItem> {
        let saved = std::mem::replace(&mut self.level().lateral_active, true);
        let calls = self.table_function_calls(table);
        self.level().lateral_active = saved;
        let calls = calls?;
        if !table.columns.is_empty() {
            let at = table.columns[0].location;
            if calls.len() != 1 {
                let error = if table.rows_from {
                    err!(
                        SYNTAX_ERROR,
                        "ROWS FROM() with multiple functions cannot have a column definition list"
                    )
                    .hint("Put a separate column definition list for each function inside ROWS FROM().")
                } else {
                    err!(SYNTAX_ERROR, "UNNEST() with multiple arguments cannot have a column definition list").hint(
                        "Use separate UNNEST() calls inside ROWS FROM(), and attach a column definition list to each one.",
                    )
                };
                return Err(error.at(at));
            }
            if table.ordinality {
                return Err(err!(
                    SYNTAX_ERROR,
                    "WITH ORDINALITY cannot be used with a column definition list"
                )
                .hint("Put the column definition list inside ROWS FROM().")
                .at(at));
            }
        }
        let lateral = table.lateral || calls.iter().any(|c| find_variable(&c.0, 0).is_some());
        self.add_function_table(table, calls, lateral)
    }

    /// The calls with their names and column definition lists; `unnest(a, b)` becomes two.
    fn table_function_calls<'t>(
        &mut self,
        table: &'t FunctionTable,
    ) -> Result<Vec<(Expr, String, &'t [ColumnDefinitionItem])>> {
        let mut calls = Vec::new();
        for item in &table.functions {
            let columns: &[ColumnDefinitionItem] = if item.columns.is_empty() && table.functions.len() == 1 {
                &table.columns
            } else {
                &item.columns
            };
            if let Ast::Function(call) = &item.call {
                let plain = call.name.parts == ["unnest"]
                    && call.args.len() > 1
                    && call.order_by.is_empty()
                    && call.filter.is_none()
                    && call.over.is_none()
                    && !call.star
                    && !call.distinct
                    && !call.variadic
                    && columns.is_empty();
                if plain {
                    for arg in &call.args {
                        let mut one = (**call).clone();
                        one.name.parts = vec!["pg_catalog".to_owned(), "unnest".to_owned()];
                        one.args = vec![arg.clone()];
                        let expr = self.top_level_call(&Ast::Function(Box::new(one)))?;
                        calls.push((expr, "unnest".to_owned(), columns));
                    }
                    continue;
                }
            }
            let expr = self.top_level_call(&item.call)?;
            if !item.columns.is_empty() && !table.columns.is_empty() {
                return Err(err!(
                    SYNTAX_ERROR,
                    "multiple column definition lists are not allowed for the same function"
                )
                .at(table.columns[0].location));
            }
            calls.push((expr, column_name(&item.call).to_owned(), columns));
        }
        Ok(calls)
    }

    fn top_level_call(&mut self, call: &Ast) -> Result<Expr> {
        let mut expr = self.expr_in(call, ExprKind::FromFunction)?;
        self.assign_collations(&mut expr)?;
        // Sets may come from the call itself only, not from its arguments.
        let mut nested = None;
        ir::for_each_child(&expr, &mut |child| {
            ir::any(child, &mut |e| match e {
                Expr::Func(f) if f.returns_set => {
                    nested = Some(f.location);
                    true
                }
                _ => false,
            });
        });
        if let Some(at) = nested {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "set-returning functions must appear at top level of FROM"
            )
            .or_at(at));
        }
        Ok(expr)
    }

    fn add_function_table(
        &mut self,
        table: &FunctionTable,
        calls: Vec<(Expr, String, &[ColumnDefinitionItem])>,
        lateral: bool,
    ) -> Result<NamespaceItem> {
        let alias = table.alias.as_ref().map(alias_of);
        let name = alias.as_ref().map_or(calls[0].1.as_str(), |a| a.name.as_str()).to_owned();
        let single = calls.len() == 1;
        let mut functions = Vec::with_capacity(calls.len());
        let mut all: Vec<ResultColumn> = Vec::new();
        for (expr, function_name, definitions) in calls {
            let columns =
                self.function_columns(&expr, &function_name, definitions, alias.as_ref().filter(|_| single))?;
            let mut function = RangeTableFunction {
                expr,
                column_count: columns.len(),
                column_names: Vec::new(),
                column_types: Vec::new(),
                column_typmods: Vec::new(),
                column_collations: Vec::new(),
            };
            if !definitions.is_empty() {
                for column in &columns {
                    function.column_names.push(column.name.clone());
                    function.column_types.push(column.type_oid);
                    function.column_typmods.push(column.typmod);
                    function.column_collations.push(column.collation);
                }
            }
            functions.push(function);
            all.extend(columns);
        }
        if table.ordinality {
            let name = "ordinality".to_owned();
            all.push(ResultColumn { name, type_oid: INT8, typmod: -1, collation: Oid::INVALID });
        }
        let given = alias.as_ref().map(|a| a.columns.clone()).unwrap_or_default();
        if given.len() > all.len() {
            return Err(err!(
                INVALID_COLUMN_REFERENCE,
                "table \"{name}\" has {} columns available but {} columns specified",
                all.len(),
                given.len()
            ));
        }
        let mut names = given;
        names.extend(all.iter().skip(names.len()).map(|c| c.name.clone()).collect::<Vec<_>>());
        let columns = all.iter().map(|c| Self::column(c.type_oid, c.typmod, c.collation)).collect();
        let entry = NewEntry {
            kind: RangeTableKind::Function { functions, ordinality: table.ordinality },
            alias,
            eref: Alias { name, columns: names },
            lateral,
            in_from: true,
        };
        Ok(self.add_entry(entry, columns, 0))
    }

    fn function_columns(
        &mut self,
        expr: &Expr,
        name: &str,
        definitions: &[ColumnDefinitionItem],
        alias: Option<&Alias>,
    ) -> Result<Vec<ResultColumn>> {
        let type_oid = expr_type(expr);
        let base = self.session.base_type(type_oid)?.0;
        let composite = self.session.row_type(base)?;
        let declared = match expr {
            Expr::Func(f) => self.function_descriptor(f.function, expr)?,
            _ => None,
        };
        if let Some(first) = definitions.first() {
            let at = first.location;
            if type_oid == RECORD && declared.is_some() {
                return Err(err!(
                    SYNTAX_ERROR,
                    "a column definition list is redundant for a function with OUT parameters"
                )
                .at(at));
            }
            if composite.is_some() {
                return Err(err!(
                    SYNTAX_ERROR,
                    "a column definition list is redundant for a function returning a named composite type"
                )
                .at(at));
            }
            if type_oid != RECORD {
                return Err(err!(
                    SYNTAX_ERROR,
                    "a column definition list is only allowed for functions returning \"record\""
                )
                .at(at));
            }
            return self.defined_columns(definitions);
        }
        let desc = composite.or(if type_oid == RECORD { declared } else { None });
        if let Some(desc) = desc {
            let live = desc.attributes().iter().filter(|a| !a.dropped);
            return Ok(live
                .map(|a| ResultColumn {
                    name: a.name.clone(),
                    type_oid: a.type_oid,
                    typmod: a.typmod,
                    collation: a.collation,
                })
                .collect());
        }
        if type_oid == RECORD {
            return Err(err!(
                SYNTAX_ERROR,
                "a column definition list is required for functions returning \"record\""
            )
            .or_at(expr_location(expr)));
        }
        let pseudo = self.session.type_row(base)?.typtype as u8 == b'p' && base != VOID && base != CSTRING;
        if pseudo {
            return Err(err!(
                DATATYPE_MISMATCH,
                "function \"{name}\" in FROM has unsupported return type {}",
                self.type_name_of(type_oid)?
            )
            .or_at(expr_location(expr)));
        }
        let out = match expr {
            Expr::Func(f) => self.single_out_name(f.function)?,
            _ => None,
        };
        let column = out.or_else(|| alias.map(|a| a.name.clone())).unwrap_or_else(|| name.to_owned());
        Ok(vec![ResultColumn {
            name: column,
            type_oid,
            typmod: expr_typmod(expr),
            collation: expr_collation(expr),
        }])
    }

    /// The name of a function's only OUT parameter.
    fn single_out_name(&self, function: Oid) -> Result<Option<String>> {
        let row = self.session.function(function)?;
        let (Some(modes), Some(names)) = (&row.proargmodes, &row.proargnames) else { return Ok(None) };
        let mut outs = modes.iter().zip(names).filter(|(m, _)| matches!(**m as u8, b'o' | b'b' | b't'));
        match (outs.next(), outs.next()) {
            (Some((_, name)), None) if !name.is_empty() => Ok(Some(name.clone())),
            _ => Ok(None),
        }
    }

    fn defined_columns(&mut self, definitions: &[ColumnDefinitionItem]) -> Result<Vec<ResultColumn>> {
        let mut columns: Vec<ResultColumn> = Vec::with_capacity(definitions.len());
        for definition in definitions {
            if definition.type_name.setof {
                return Err(err!(
                    INVALID_TABLE_DEFINITION,
                    "column \"{}\" cannot be declared SETOF",
                    definition.name
                )
                .at(definition.location));
            }
            let (type_oid, typmod) = self.resolve_type_name(&definition.type_name)?;
            let collation = self.column_collation(definition.collation.as_ref(), type_oid)?;
            if columns.iter().any(|c| c.name == definition.name) {
                return Err(err!(
                    DUPLICATE_COLUMN,
                    "column name \"{}\" specified more than once",
                    definition.name
                ));
            }
            columns.push(ResultColumn { name: definition.name.clone(), type_oid, typmod, collation });
        }
        Ok(columns)
    }
}
