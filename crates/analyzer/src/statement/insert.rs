//! INSERT.

use crate::context::ExprKind;
use crate::name::ATTRIBUTE_OFFSET;
use crate::state::{Analyzer, NamespaceItem, Target};
use crate::types::*;
use base::{Oid, Result, err};
use catalog::{LockMode, PgConstraint, index};
use ir::{
    Alias, CommandType, Expr, InferenceElement, JoinNode, Query, RangeTableKind, TargetEntry, Var, VarSource,
    expr_location, expr_type, expr_typmod,
};
use syntax::{
    ColumnTarget, ConflictTarget, Expr as Ast, Indirection, InsertStatement, OnConflict, Overriding,
    SelectBody, SelectStatement,
};

/// A column that INSERT fills, with its attribute number.
pub(crate) struct InsertColumn {
    pub target: ColumnTarget,
    pub attribute: i16,
}

impl Analyzer<'_> {
    pub(super) fn insert(&mut self, insert: &InsertStatement) -> Result<Query> {
        let mut query = Query { command: CommandType::Insert, ..Query::default() };
        if let Some(with) = &insert.with {
            query.has_recursive = with.recursive;
            self.with_clause(with)?;
        }
        query.overriding = overriding(insert.overriding);
        let updates = insert.on_conflict.as_ref().is_some_and(|c| c.update.is_some());
        let required = acl::INSERT | if updates { acl::UPDATE } else { 0 };
        let item = self.open_target(&insert.relation, insert.alias.as_deref(), false, required)?;
        query.result_relation = item.index;
        let columns = self.insert_columns(&insert.columns)?;
        let values = match &insert.source {
            None => Vec::new(),
            Some(source) => match &source.body {
                SelectBody::Values(lists) if is_bare(source) => {
                    if lists.len() == 1 {
                        self.single_row(&lists[0])?
                    } else {
                        self.many_rows(lists, insert, &columns)?
                    }
                }
                _ => self.select_rows(source)?,
            },
        };
        let values = self.insert_row(values, &insert.columns, &columns, false)?;
        let permission = item.permission;
        let mut list = Vec::with_capacity(values.len());
        for (expr, column) in values.into_iter().zip(&columns) {
            let attribute = (column.attribute + ATTRIBUTE_OFFSET) as usize;
            self.level().permissions[permission - 1].inserted.insert(attribute);
            list.push(TargetEntry::new(expr, column.attribute, Some(column.target.name.clone())));
        }
        query.target_list = list;
        if self.current().range_table.len() > 1 {
            query.join_tree.items = self.insert_source_node(item.index);
        }
        // From here on the target can be named.
        self.level().namespace.clear();
        if insert.on_conflict.is_some() || insert.returning.is_some() {
            self.level().namespace.push(item.clone());
        }
        if let Some(conflict) = &insert.on_conflict {
            query.on_conflict = Some(Box::new(self.on_conflict(conflict, &item)?));
        }
        if let Some(returning) = &insert.returning {
            self.returning(returning, &mut query, ExprKind::Returning)?;
        }
        self.finish_query(&mut query)?;
        Ok(query)
    }

    fn insert_source_node(&self, target: usize) -> Vec<JoinNode> {
        let table = &self.current().range_table;
        (1..=table.len())
            .filter(|i| {
                *i != target
                    && matches!(
                        table[i - 1].kind,
                        RangeTableKind::Subquery { .. } | RangeTableKind::Values { .. }
                    )
            })
            .map(JoinNode::Relation)
            .collect()
    }

    /// Opens the table a statement changes and makes its entry, which no name sees yet.
    pub(crate) fn open_target(
        &mut self,
        name: &syntax::RelationName,
        alias: Option<&str>,
        inherit: bool,
        required: u64,
    ) -> Result<NamespaceItem> {
        let relation = self.open_relation(name, LockMode::RowExclusive)?;
        self.check_readable(&relation, name.location)?;
        let alias = alias.map(|name| Alias { name: name.to_owned(), columns: Vec::new() });
        let item = self.add_relation(&relation, LockMode::RowExclusive, alias, inherit, false)?;
        let level = self.level();
        level.permissions[item.permission - 1].required = required;
        level.target = Some(Target { relation, index: item.index });
        Ok(item)
    }

    /// The columns to fill: those named, else all.
    pub(crate) fn insert_columns(&mut self, named: &[ColumnTarget]) -> Result<Vec<InsertColumn>> {
        let Some(target) = self.current().target.clone() else {
            return Err(base::Error::internal("INSERT without target"));
        };
        let desc = &target.relation.relation.desc;
        if named.is_empty() {
            let live = desc.attributes().iter().enumerate().filter(|(_, a)| !a.dropped);
            return Ok(live
                .map(|(i, a)| InsertColumn {
                    target: ColumnTarget { name: a.name.clone(), indirection: Vec::new(), location: 0 },
                    attribute: i as i16 + 1,
                })
                .collect());
        }
        let mut columns: Vec<InsertColumn> = Vec::with_capacity(named.len());
        for column in named {
            let attribute = self.target_attribute(column, false)?;
            // A column may come again only as other parts of itself.
            let whole = column.indirection.is_empty();
            let again = columns
                .iter()
                .any(|c| c.attribute == attribute && (whole || c.target.indirection.is_empty()));
            if again {
                return Err(err!(DUPLICATE_COLUMN, "column \"{}\" specified more than once", column.name)
                    .at(column.location));
            }
            columns.push(InsertColumn { target: column.clone(), attribute });
        }
        Ok(columns)
    }

    /// The attribute number of a column of the target table. `system`: those of the system are known, and refused.
    pub(crate) fn target_attribute(&self, column: &ColumnTarget, system: bool) -> Result<i16> {
        let Some(target) = &self.current().target else {
            return Err(base::Error::internal("assignment without target"));
        };
        if let Some(at) = target.relation.relation.desc.position(&column.name) {
            return Ok(at as i16 + 1);
        }
        if system && crate::name::system_column(&column.name).is_some() {
            return Err(err!(FEATURE_NOT_SUPPORTED, "cannot assign to system column \"{}\"", column.name)
                .at(column.location));
        }
        let table = &target.relation.class.relname;
        let error =
            err!(UNDEFINED_COLUMN, "column \"{}\" of relation \"{table}\" does not exist", column.name)
                .at(column.location);
        let entry = &self.current().range_table[target.index - 1];
        let qualified = column.name == entry.eref.name
            && matches!(column.indirection.first(), Some(Indirection::Field { .. }));
        Err(if qualified {
            error.hint("SET target columns cannot be qualified with the relation name.")
        } else {
            error
        })
    }

    fn value(&mut self, written: &Ast, kind: ExprKind, list: &mut Vec<Expr>) -> Result<()> {
        match written {
            Ast::Default { location } => list.push(self.set_to_default(*location)),
            other => {
                let saved = std::mem::replace(&mut self.level().kind, kind);
                let found = self.expand_row_items(std::slice::from_ref(other));
                self.level().kind = saved;
                list.extend(found?);
            }
        }
        Ok(())
    }

    pub(crate) fn single_row(&mut self, row: &[Ast]) -> Result<Vec<Expr>> {
        let mut values = Vec::with_capacity(row.len());
        for value in row {
            self.value(value, ExprKind::ValuesSingle, &mut values)?;
        }
        Ok(values)
    }

    fn many_rows(
        &mut self,
        lists: &[Vec<Ast>],
        insert: &InsertStatement,
        columns: &[InsertColumn],
    ) -> Result<Vec<Expr>> {
        let mut rows: Vec<Vec<Expr>> = Vec::with_capacity(lists.len());
        for list in lists {
            let mut row = Vec::with_capacity(list.len());
            for value in list {
                self.value(value, ExprKind::Values, &mut row)?;
            }
            if rows.first().is_some_and(|first| first.len() != row.len()) {
                return Err(err!(SYNTAX_ERROR, "VALUES lists must all be the same length")
                    .or_at(row.first().and_then(expr_location)));
            }
            let mut row = self.insert_row(row, &insert.columns, columns, true)?;
            for value in &mut row {
                self.assign_collations(value)?;
            }
            rows.push(row);
        }
        let first = rows.first().map(Vec::as_slice).unwrap_or_default();
        let types: Vec<Oid> = first.iter().map(expr_type).collect();
        let typmods = first.iter().map(expr_typmod).collect();
        let collations = vec![Oid::INVALID; types.len()];
        let item = self.add_values(rows, types, typmods, collations, false);
        Ok(self.expand_item(&item, 0, None)?.into_iter().map(|(_, e)| e).collect())
    }

    fn select_rows(&mut self, source: &SelectStatement) -> Result<Vec<Expr>> {
        let query = self.subselect(source, None, false, true)?;
        let list: Vec<TargetEntry> = ir::visible_targets(&query.target_list).cloned().collect();
        let alias = Alias { name: "*SELECT*".to_owned(), columns: Vec::new() };
        let item = self.add_subquery(query, Some(alias), false, false)?;
        let mut values = Vec::with_capacity(list.len());
        for (i, target) in list.into_iter().enumerate() {
            let literal = matches!(target.expr, Expr::Const(_) | Expr::Param(_));
            values.push(if literal && expr_type(&target.expr) == UNKNOWN {
                target.expr
            } else {
                let location = expr_location(&target.expr);
                self.column_var(&item, i, 0, location)
            });
        }
        Ok(values)
    }

    /// Values against columns: as many, and each fitted to its column. With `plain`, parts of columns are left for the
    /// second pass, over all rows.
    pub(crate) fn insert_row(
        &mut self,
        values: Vec<Expr>,
        written: &[ColumnTarget],
        columns: &[InsertColumn],
        plain: bool,
    ) -> Result<Vec<Expr>> {
        if values.len() > columns.len() {
            return Err(err!(SYNTAX_ERROR, "INSERT has more expressions than target columns")
                .or_at(expr_location(&values[columns.len()])));
        }
        if !written.is_empty() && values.len() < columns.len() {
            let error = err!(SYNTAX_ERROR, "INSERT has more target columns than expressions");
            let is_row = match &values[..] {
                [Expr::Row { args, .. }] => args.len() == columns.len(),
                _ => false,
            };
            let error = if is_row {
                error.hint(
                    "The insertion source is a row expression containing the same number of columns expected by the \
                     INSERT. Did you accidentally use extra parentheses?",
                )
            } else {
                error
            };
            return Err(error.at(columns[values.len()].target.location));
        }
        let mut fitted = Vec::with_capacity(values.len());
        for (value, column) in values.into_iter().zip(columns) {
            if plain && !column.target.indirection.is_empty() {
                fitted.push(value);
                continue;
            }
            let steps: &[Indirection] = &column.target.indirection;
            let at = column.target.location;
            fitted.push(self.in_kind(ExprKind::InsertTarget, |a| {
                a.assigned_expr(value, &column.target.name, column.attribute, steps, at, true)
            })?);
        }
        Ok(fitted)
    }

    fn on_conflict(&mut self, conflict: &OnConflict, item: &NamespaceItem) -> Result<ir::OnConflict> {
        let mut result = ir::OnConflict {
            update: conflict.update.is_some(),
            arbiter: Vec::new(),
            arbiter_where: None,
            constraint: Oid::INVALID,
            set: Vec::new(),
            set_where: None,
            excluded_relation: 0,
            excluded_targets: Vec::new(),
        };
        if conflict.target.is_none() && conflict.update.is_some() {
            return Err(err!(
                SYNTAX_ERROR,
                "ON CONFLICT DO UPDATE requires inference specification or constraint name"
            )
            .hint("For example, ON CONFLICT (column_name).")
            .at(conflict.location));
        }
        let relation = self.current().target.as_ref().map(|t| t.relation.clone());
        let relation = relation.ok_or_else(|| base::Error::internal("INSERT without target"))?;
        if relation.class.oid.0 < 16384 && relation.class.relnamespace == PG_CATALOG {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "ON CONFLICT is not supported with system catalog tables"
            )
            .at(conflict.location));
        }
        match &conflict.target {
            None => {}
            Some(ConflictTarget::Constraint { name, .. }) => {
                let rows = self.session.rows::<PgConstraint>(
                    index::PG_CONSTRAINT_CONRELID_CONTYPID_CONNAME,
                    &[relation.class.oid.into()],
                )?;
                let found = rows.iter().find(|r| r.conname == *name);
                let found = found.ok_or_else(|| {
                    err!(
                        UNDEFINED_OBJECT,
                        "constraint \"{name}\" for table \"{}\" does not exist",
                        relation.class.relname
                    )
                })?;
                result.constraint = found.oid;
                // The key's columns are read to find the conflict.
                for key in found.conkey.iter().flatten() {
                    self.mark_selected(item.index, *key, 0);
                }
            }
            Some(ConflictTarget::Index { elements, where_clause, .. }) => {
                for element in elements {
                    result.arbiter.push(self.inference_element(element)?);
                }
                let quals = self.condition(where_clause.as_ref(), ExprKind::IndexPredicate, "WHERE")?;
                result.arbiter_where = quals.map(|q| *q);
            }
        }
        let Some(update) = &conflict.update else { return Ok(result) };
        let alias = Alias { name: "excluded".to_owned(), columns: Vec::new() };
        let mut excluded = self.add_relation(&relation, LockMode::RowExclusive, Some(alias), false, false)?;
        // No permissions are needed on the proposed row.
        self.level().permissions.pop();
        let at = excluded.index - 1;
        if let RangeTableKind::Relation { relkind, permission, .. } = &mut self.level().range_table[at].kind {
            *relkind = b'c';
            *permission = 0;
        }
        excluded.permission = 0;
        result.excluded_relation = excluded.index;
        result.excluded_targets = self.excluded_targets(&excluded, &relation)?;
        self.level().namespace = vec![item.clone(), excluded];
        result.set = self.update_targets(&update.assignments)?;
        self.add_multi_assignment_sources(&mut result.set);
        let quals = self.condition(update.where_clause.as_ref(), ExprKind::Where, "WHERE")?;
        result.set_where = quals.map(|q| *q);
        self.level().namespace.pop();
        let mut exprs: Vec<&mut Expr> = result.set.iter_mut().map(|t| &mut t.expr).collect();
        exprs.extend(result.set_where.as_mut());
        for expr in exprs {
            self.assign_collations(expr)?;
        }
        Ok(result)
    }

    /// EXCLUDED's columns, NULL for dropped ones, and its whole row.
    fn excluded_targets(
        &mut self,
        excluded: &NamespaceItem,
        relation: &catalog::RelationEntry,
    ) -> Result<Vec<TargetEntry>> {
        let mut list = Vec::new();
        for (i, attribute) in relation.relation.desc.attributes().iter().enumerate() {
            let expr = if attribute.dropped {
                self.null_of(INT4, -1)?
            } else {
                self.column_var(excluded, i, 0, None)
            };
            list.push(TargetEntry::new(expr, i as i16 + 1, Some(attribute.name.clone())));
        }
        let whole = Expr::Var(Var {
            source: VarSource::Relation(excluded.index),
            attribute: 0,
            type_oid: relation.class.reltype,
            typmod: -1,
            collation: Oid::INVALID,
            nulling: ir::RelSet::new(),
            levels_up: 0,
            returning: ir::Returning::Default,
            syntactic: (excluded.index, 0),
            location: None,
        });
        list.push(TargetEntry { junk: true, ..TargetEntry::new(whole, 0, None) });
        Ok(list)
    }

    fn inference_element(&mut self, element: &syntax::IndexElement) -> Result<InferenceElement> {
        const BTREE: Oid = Oid(403);
        if element.descending.is_some() {
            return Err(err!(INVALID_COLUMN_REFERENCE, "ASC/DESC is not allowed in ON CONFLICT clause")
                .at(element.location));
        }
        if element.nulls_first.is_some() {
            return Err(err!(
                INVALID_COLUMN_REFERENCE,
                "NULLS FIRST/LAST is not allowed in ON CONFLICT clause"
            )
            .at(element.location));
        }
        let expr = match &element.key {
            syntax::ColumnOrExpr::Column(name) => {
                let column =
                    syntax::ColumnRef { names: vec![name.clone()], star: false, location: element.location };
                self.expr_in(&Ast::Column(column), ExprKind::IndexExpression)?
            }
            syntax::ColumnOrExpr::Expr(expr) => self.expr_in(expr, ExprKind::IndexExpression)?,
        };
        let collation = match &element.collation {
            Some(collation) => self.resolve_collation(collation)?,
            None => Oid::INVALID,
        };
        let operator_class = match &element.operator_class {
            Some(named) => {
                let (schema, name) = match &named.parts[..] {
                    [name] => (None, name),
                    [.., schema, name] => (Some(schema.as_str()), name),
                    [] => return Err(base::Error::internal("an operator class without a name")),
                };
                let Some(class) = self.session.named_opclass(schema, name, BTREE)? else {
                    return Err(err!(
                        UNDEFINED_OBJECT,
                        "operator class \"{}\" does not exist for access method \"btree\"",
                        named.parts.join(".")
                    ));
                };
                class.oid
            }
            None => Oid::INVALID,
        };
        Ok(InferenceElement { expr, collation, operator_class })
    }
}

fn is_bare(select: &SelectStatement) -> bool {
    select.order_by.is_empty()
        && select.limit.is_none()
        && select.offset.is_none()
        && select.locking.is_empty()
        && select.with.is_none()
}

pub(crate) fn overriding(written: Option<Overriding>) -> ir::Overriding {
    match written {
        None => ir::Overriding::NotSet,
        Some(Overriding::UserValue) => ir::Overriding::User,
        Some(Overriding::SystemValue) => ir::Overriding::System,
    }
}
