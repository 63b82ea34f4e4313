//! UPDATE, DELETE and RETURNING.

use crate::context::ExprKind;
use crate::name::ATTRIBUTE_OFFSET;
use crate::state::{Analyzer, NamespaceItem};
use crate::types::*;
use base::{Result, err};
use ir::{
    CommandType, Expr, FromExpr, JoinNode, Param, ParamKind, Query, SubLink, SubLinkKind, TargetEntry,
    expr_collation, expr_type, expr_typmod,
};
use syntax::{Assignment, DeleteStatement, Expr as Ast, Returning, SubqueryKind, UpdateStatement};

impl Analyzer<'_> {
    pub(super) fn update(&mut self, update: &UpdateStatement) -> Result<Query> {
        let mut query = Query { command: CommandType::Update, ..Query::default() };
        if let Some(with) = &update.with {
            query.has_recursive = with.recursive;
            self.with_clause(with)?;
        }
        let item = self.open_target(
            &update.relation,
            update.alias.as_deref(),
            update.relation.inherit,
            acl::UPDATE,
        )?;
        query.result_relation = item.index;
        let mut items = vec![JoinNode::Relation(item.index)];
        // FROM sees the target only to say that it may not.
        let hidden = NamespaceItem { lateral_only: true, lateral_ok: false, ..item.clone() };
        self.level().namespace.push(hidden);
        items.extend(self.analyze_from(&update.from)?);
        let mut set = self.update_targets(&update.assignments)?;
        let quals = self.condition(update.where_clause.as_ref(), ExprKind::Where, "WHERE")?;
        if let Some(returning) = &update.returning {
            self.returning(returning, &mut query, ExprKind::Returning)?;
        }
        self.add_multi_assignment_sources(&mut set);
        query.target_list = set;
        query.join_tree = FromExpr { items, quals };
        self.finish_query(&mut query)?;
        Ok(query)
    }

    pub(super) fn delete(&mut self, delete: &DeleteStatement) -> Result<Query> {
        let mut query = Query { command: CommandType::Delete, ..Query::default() };
        if let Some(with) = &delete.with {
            query.has_recursive = with.recursive;
            self.with_clause(with)?;
        }
        let item = self.open_target(
            &delete.relation,
            delete.alias.as_deref(),
            delete.relation.inherit,
            acl::DELETE,
        )?;
        query.result_relation = item.index;
        let mut items = vec![JoinNode::Relation(item.index)];
        let hidden = NamespaceItem { lateral_only: true, lateral_ok: false, ..item.clone() };
        self.level().namespace.push(hidden);
        items.extend(self.analyze_from(&delete.using)?);
        let quals = self.condition(delete.where_clause.as_ref(), ExprKind::Where, "WHERE")?;
        if let Some(returning) = &delete.returning {
            self.returning(returning, &mut query, ExprKind::Returning)?;
        }
        query.join_tree = FromExpr { items, quals };
        self.finish_query(&mut query)?;
        Ok(query)
    }

    /// SET's items as target entries for the attributes they change.
    pub(crate) fn update_targets(&mut self, assignments: &[Assignment]) -> Result<Vec<TargetEntry>> {
        let mut list = Vec::with_capacity(assignments.len());
        for assignment in assignments {
            match assignment {
                Assignment::Single { target, value } => {
                    let value = match value {
                        Ast::Default { location } => self.set_to_default(*location),
                        other => self.expr_in(other, ExprKind::UpdateSource)?,
                    };
                    self.push_assignment(&mut list, target, value)?;
                }
                Assignment::Multiple { targets, source, .. } => {
                    let values = self.multi_values(targets.len(), source)?;
                    for (target, value) in targets.iter().zip(values) {
                        self.push_assignment(&mut list, target, value)?;
                    }
                }
            }
        }
        Ok(list)
    }

    fn push_assignment(
        &mut self,
        list: &mut Vec<TargetEntry>,
        target: &syntax::ColumnTarget,
        value: Expr,
    ) -> Result<()> {
        let attribute = self.target_attribute(target, true)?;
        let value = self.in_kind(ExprKind::UpdateTarget, |a| {
            a.assigned_expr(value, &target.name, attribute, &target.indirection, target.location, false)
        })?;
        let index = self.current().target.as_ref().map_or(0, |t| t.index);
        let level = self.level();
        if let ir::RangeTableKind::Relation { permission, .. } = level.range_table[index - 1].kind {
            level.permissions[permission - 1].updated.insert((attribute + ATTRIBUTE_OFFSET) as usize);
        }
        list.push(TargetEntry::new(value, attribute, Some(target.name.clone())));
        Ok(())
    }

    /// The values of `(a, b) = source`.
    fn multi_values(&mut self, count: usize, source: &Ast) -> Result<Vec<Expr>> {
        let mismatch = |at| err!(SYNTAX_ERROR, "number of columns does not match number of values").at(at);
        match source {
            Ast::Row { args, location: at, .. } => {
                let mut values = Vec::with_capacity(args.len());
                for arg in args {
                    match arg {
                        Ast::Default { location } => values.push(self.set_to_default(*location)),
                        other => {
                            let found = self.in_kind(ExprKind::UpdateSource, |a| {
                                a.expand_row_items(std::slice::from_ref(other))
                            })?;
                            values.extend(found);
                        }
                    }
                }
                if values.len() != count {
                    return Err(mismatch(*at));
                }
                Ok(values)
            }
            Ast::Subquery(subquery) if subquery.kind == SubqueryKind::Scalar => {
                self.level().has_sublinks = true;
                let saved = std::mem::replace(&mut self.level().kind, ExprKind::UpdateSource);
                let level = crate::state::Level { in_expression: true, ..Default::default() };
                let query = self.in_level(level, |a| a.select(&subquery.query));
                self.level().kind = saved;
                let query = query?;
                let columns: Vec<(base::Oid, i32, base::Oid)> = ir::visible_targets(&query.target_list)
                    .map(|t| (expr_type(&t.expr), expr_typmod(&t.expr), expr_collation(&t.expr)))
                    .collect();
                if columns.len() != count {
                    return Err(mismatch(subquery.location));
                }
                let id = self.current().multi_assignments.len() + 1;
                self.level().multi_assignments.push(Expr::SubLink(Box::new(SubLink {
                    kind: SubLinkKind::MultiExpr,
                    id,
                    test: None,
                    operator_name: Vec::new(),
                    query: Box::new(query),
                    result_type: RECORD,
                    typmod: -1,
                    collation: base::Oid::INVALID,
                    location: Some(subquery.location),
                })));
                Ok(columns
                    .into_iter()
                    .enumerate()
                    .map(|(i, (type_oid, typmod, collation))| {
                        Expr::Param(Param {
                            kind: ParamKind::MultiExpr,
                            id: (id << 16) | (i + 1),
                            type_oid,
                            typmod,
                            collation,
                            location: Some(subquery.location),
                        })
                    })
                    .collect())
            }
            other => Err(err!(
                FEATURE_NOT_SUPPORTED,
                "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression"
            )
            .at(other.start())),
        }
    }

    /// The sub-SELECTs of multi-column assignments go at the list's end, as junk.
    pub(crate) fn add_multi_assignment_sources(&mut self, list: &mut Vec<TargetEntry>) {
        let natts = self.current().target.as_ref().map_or(0, |t| t.relation.relation.desc.len());
        let sources = std::mem::take(&mut self.level().multi_assignments);
        for (i, source) in sources.into_iter().enumerate() {
            let number = (natts + i + 1) as i16;
            list.push(TargetEntry { junk: true, ..TargetEntry::new(source, number, None) });
        }
    }

    pub(crate) fn returning(
        &mut self,
        returning: &Returning,
        query: &mut Query,
        kind: ExprKind,
    ) -> Result<()> {
        let before = self.level().namespace.len();
        for option in &returning.options {
            let (slot, word) = if option.new {
                (&mut query.returning_new_alias, "NEW")
            } else {
                (&mut query.returning_old_alias, "OLD")
            };
            if slot.is_some() {
                return Err(
                    err!(SYNTAX_ERROR, "{word} cannot be specified multiple times").at(option.location)
                );
            }
            *slot = Some(option.name.clone());
            let level = self.level();
            if level.namespace.iter().any(|i| i.relation_visible && i.names.name == option.name) {
                return Err(err!(DUPLICATE_ALIAS, "table name \"{}\" specified more than once", option.name)
                    .at(option.location));
            }
            self.add_returning_item(&option.name, option.new);
        }
        for (new, name) in [(false, "old"), (true, "new")] {
            let slot = if new { &mut query.returning_new_alias } else { &mut query.returning_old_alias };
            if slot.is_none() && self.find_item(None, name, 0).ok().flatten().is_none() {
                *slot = Some(name.to_owned());
                self.add_returning_item(name, new);
            }
        }
        let saved = std::mem::replace(&mut self.level().next_number, 1);
        let list = self.target_list(&returning.targets, kind);
        self.level().next_number = saved;
        self.level().namespace.truncate(before);
        let mut list = list?;
        if list.is_empty() {
            return Err(err!(SYNTAX_ERROR, "RETURNING must have at least one column")
                .or_at(returning.targets.first().map(|t| t.location)));
        }
        self.mark_origins(&mut list);
        self.settle_unknown_targets(&mut list)?;
        query.returning = list;
        Ok(())
    }

    /// OLD or NEW: the target under another name, which needs to be written.
    fn add_returning_item(&mut self, name: &str, new: bool) {
        let Some(index) = self.current().target.as_ref().map(|t| t.index) else { return };
        let mut item = self.current().items[index - 1].clone();
        item.names.name = name.to_owned();
        item.returning = if new { ir::Returning::New } else { ir::Returning::Old };
        item.columns_visible = false;
        item.relation_visible = true;
        self.level().namespace.push(item);
    }
}
