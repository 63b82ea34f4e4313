//! Column references.

use crate::state::{Analyzer, NamespaceItem};
use base::{Result, err};
use ir::{Expr, Var, VarSource};
use syntax::ColumnRef;

impl Analyzer<'_> {
    pub(super) fn column_ref(&mut self, column: &ColumnRef) -> Result<Expr> {
        let location = column.location;
        self.current().kind.check_column_reference().map_err(|e| e.at(location))?;
        self.with_names(&column.names, column.star, location, |a| a.plain_column_ref(column))
    }

    fn plain_column_ref(&mut self, column: &ColumnRef) -> Result<Expr> {
        let location = column.location;
        if column.star {
            return self.whole_row_ref(&column.names, location);
        }
        match &column.names[..] {
            [name] => self.unqualified_ref(name, location),
            [table, name] => self.qualified_ref(None, table, name, location),
            [schema, table, name] => self.qualified_ref(Some(schema), table, name, location),
            [database, schema, table, name] => {
                self.check_database(database, &column.names, location)?;
                self.qualified_ref(Some(schema), table, name, location)
            }
            names => Err(err!(
                SYNTAX_ERROR,
                "improper qualified name (too many dotted names): {}",
                names.join(".")
            )
            .at(location)),
        }
    }

    fn check_database(&self, database: &str, names: &[String], location: usize) -> Result<()> {
        if database == self.session.database_name() {
            return Ok(());
        }
        Err(err!(FEATURE_NOT_SUPPORTED, "cross-database references are not implemented: {}", names.join("."))
            .at(location))
    }

    fn unqualified_ref(&mut self, name: &str, location: usize) -> Result<Expr> {
        let variables = &self.current().variables;
        if let Some(variable) = variables.iter().find(|v| v.name == name) {
            let mut expr = variable.expr.clone();
            if let Expr::CoerceToDomainValue { location: at, .. }
            | Expr::Param(ir::Param { location: at, .. }) = &mut expr
            {
                *at = Some(location);
            }
            return Ok(expr);
        }
        if let Some(var) = self.find_column(name, location)? {
            return Ok(var);
        }
        // A table's name alone is its whole row.
        if let Some((item, up)) = self.find_item(None, name, location)? {
            return self.whole_row(&item, up, location);
        }
        Err(self.missing_column(None, name, location))
    }

    fn qualified_ref(
        &mut self,
        schema: Option<&str>,
        table: &str,
        name: &str,
        location: usize,
    ) -> Result<Expr> {
        let Some((item, up)) = self.find_item(schema, table, location)? else {
            return Err(self.missing_table(schema, table, location));
        };
        if let Some(var) = self.column_of_item(&item, up, name, Some(location))? {
            return Ok(var);
        }
        // Functional notation in reverse: f of the row.
        let row = self.whole_row(&item, up, location)?;
        match self.field_as_call(row, name, Some(location)) {
            Err(error) if error.state() == base::SqlState::UNDEFINED_FUNCTION => {
                Err(self.missing_column(Some(table), name, location))
            }
            other => other,
        }
    }

    fn whole_row_ref(&mut self, names: &[String], location: usize) -> Result<Expr> {
        let (schema, table) = match names {
            [table] => (None, table),
            [schema, table] => (Some(schema.as_str()), table),
            [database, schema, table] => {
                self.check_database(database, names, location)?;
                (Some(schema.as_str()), table)
            }
            _ => {
                return Err(
                    err!(FEATURE_NOT_SUPPORTED, "row expansion via \"*\" is not supported here").at(location)
                );
            }
        };
        match self.find_item(schema, table, location)? {
            Some((item, up)) => self.whole_row(&item, up, location),
            None => Err(self.missing_table(schema, table, location)),
        }
    }

    /// The whole row of a FROM item.
    pub(crate) fn whole_row(&mut self, item: &NamespaceItem, up: u32, location: usize) -> Result<Expr> {
        let type_oid = self.whole_row_type(item, up)?;
        // A row of a join's alias or a merged namespace is made of its columns.
        let same_entry = item.columns.iter().all(|c| c.relation == 0 || c.relation == item.index);
        let is_join = matches!(
            self.levels[self.levels.len() - 1 - up as usize].range_table[item.index - 1].kind,
            ir::RangeTableKind::Join { .. }
        );
        if is_join && (!same_entry || item.names.columns.len() != item.columns.len()) {
            let fields = self.expand_item(item, up, Some(location))?;
            let (column_names, args) = fields.into_iter().unzip();
            return Ok(Expr::Row {
                args,
                row_type: crate::types::RECORD,
                form: ir::CoercionForm::ImplicitCast,
                column_names,
                location: Some(location),
            });
        }
        self.mark_selected(item.index, 0, up);
        let entry = &self.levels[self.levels.len() - 1 - up as usize].range_table[item.index - 1];
        // The row of a function that returns plain values is its one column.
        let scalar = match &entry.kind {
            ir::RangeTableKind::Function { functions, ordinality: false } if functions.len() == 1 => {
                let is_row = crate::coerce::pathway::is_row_type(self.session, type_oid)?;
                (!is_row && item.columns.len() == 1).then(|| ir::expr_collation(&functions[0].expr))
            }
            _ => None,
        };
        Ok(Expr::Var(Var {
            source: VarSource::Relation(item.index),
            attribute: i16::from(scalar.is_some()),
            type_oid,
            typmod: -1,
            collation: scalar.unwrap_or_default(),
            nulling: self.nulling_of(item.index, up),
            levels_up: up,
            returning: item.returning,
            syntactic: (item.index, i16::from(scalar.is_some())),
            location: Some(location),
        }))
    }
}
