//! MERGE.

use crate::context::ExprKind;
use crate::name::ATTRIBUTE_OFFSET;
use crate::state::{Analyzer, NamespaceItem};
use crate::types::*;
use base::{Result, err};
use ir::{CommandType, FromExpr, MergeMatch, Query, RangeTableKind, TargetEntry};
use syntax::{MergeAction, MergeStatement, MergeWhen};

impl Analyzer<'_> {
    pub(super) fn merge_statement(&mut self, merge: &MergeStatement) -> Result<Query> {
        let mut query = Query { command: CommandType::Merge, ..Query::default() };
        if let Some(with) = &merge.with {
            if with.recursive {
                return Err(err!(
                    FEATURE_NOT_SUPPORTED,
                    "WITH RECURSIVE is not supported for MERGE statement"
                ));
            }
            self.with_clause(with)?;
        }
        let required = check_whens(&merge.whens)?;
        let target =
            self.open_target(&merge.relation, merge.alias.as_deref(), merge.relation.inherit, required)?;
        let relkind = self.current().target.as_ref().map_or(0, |t| t.relation.class.relkind as u8);
        if !matches!(relkind, b'r' | b'p' | b'v') {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "cannot execute MERGE on relation \"{}\"",
                merge.relation.name
            ));
        }
        query.result_relation = target.index;
        query.merge_target_relation = target.index;
        let source = self.analyze_item(&merge.source)?;
        if source.namespace.iter().any(|i| i.relation_visible && i.names.name == target.names.name) {
            return Err(err!(DUPLICATE_ALIAS, "name \"{}\" specified more than once", target.names.name)
                .detail("The name is used both as MERGE target table and data source."));
        }
        let both: Vec<NamespaceItem> = source.namespace.iter().cloned().chain([target.clone()]).collect();
        self.level().namespace = both.clone();
        let condition = self.expr_in(&merge.condition, ExprKind::JoinOn)?;
        let mut condition = self.coerce_to_boolean(condition, "JOIN/ON")?;
        self.assign_collations(&mut condition)?;
        query.merge_join_condition = Some(Box::new(condition));
        for when in &merge.whens {
            // Where no row matches on one side, only the other can be named.
            self.level().namespace = match when.matched {
                syntax::MergeMatch::Matched => both.clone(),
                syntax::MergeMatch::NotMatchedBySource => vec![target.clone()],
                syntax::MergeMatch::NotMatchedByTarget => source.namespace.clone(),
            };
            let action = self.merge_action(when, &target)?;
            query.merge_actions.push(action);
        }
        self.level().namespace = both;
        if let Some(returning) = &merge.returning {
            self.returning(returning, &mut query, ExprKind::MergeReturning)?;
        }
        // PostgreSQL keeps the source alone in FROM; the target joins it at rewriting.
        query.join_tree = FromExpr { items: vec![source.node], quals: None };
        self.finish_query(&mut query)?;
        Ok(query)
    }

    fn merge_action(&mut self, when: &MergeWhen, target: &NamespaceItem) -> Result<ir::MergeAction> {
        let condition = self.condition(when.condition.as_ref(), ExprKind::MergeWhen, "WHEN")?;
        let mut action = ir::MergeAction {
            matched: match when.matched {
                syntax::MergeMatch::Matched => MergeMatch::Matched,
                syntax::MergeMatch::NotMatchedBySource => MergeMatch::NotMatchedBySource,
                syntax::MergeMatch::NotMatchedByTarget => MergeMatch::NotMatchedByTarget,
            },
            command: CommandType::Select,
            overriding: ir::Overriding::NotSet,
            condition: condition.map(|c| *c),
            targets: Vec::new(),
            update_columns: Vec::new(),
        };
        match &when.action {
            MergeAction::Nothing => {}
            MergeAction::Delete => action.command = CommandType::Delete,
            MergeAction::Update(assignments) => {
                action.command = CommandType::Update;
                action.targets = self.update_targets(assignments)?;
                self.add_multi_assignment_sources(&mut action.targets);
            }
            MergeAction::Insert { columns, overriding, values } => {
                action.command = CommandType::Insert;
                action.overriding = super::insert::overriding(*overriding);
                let filled = self.insert_columns(columns)?;
                let row = self.single_row(values)?;
                let row = self.insert_row(row, columns, &filled, false)?;
                for (expr, column) in row.into_iter().zip(&filled) {
                    let attribute = (column.attribute + ATTRIBUTE_OFFSET) as usize;
                    let level = self.level();
                    if let RangeTableKind::Relation { permission, .. } =
                        level.range_table[target.index - 1].kind
                    {
                        level.permissions[permission - 1].inserted.insert(attribute);
                    }
                    action.targets.push(TargetEntry::new(
                        expr,
                        column.attribute,
                        Some(column.target.name.clone()),
                    ));
                }
            }
        }
        Ok(action)
    }
}

/// The privileges that the actions need together; refuses actions that can never be reached.
fn check_whens(whens: &[MergeWhen]) -> Result<u64> {
    let mut required = 0;
    let mut unconditional = Vec::new();
    for when in whens {
        required |= match &when.action {
            MergeAction::Insert { .. } => acl::INSERT,
            MergeAction::Update(_) => acl::UPDATE,
            MergeAction::Delete => acl::DELETE,
            MergeAction::Nothing => 0,
        };
        if unconditional.contains(&when.matched) {
            return Err(err!(
                SYNTAX_ERROR,
                "unreachable WHEN clause specified after unconditional WHEN clause"
            ));
        }
        if when.condition.is_none() {
            unconditional.push(when.matched);
        }
    }
    Ok(required)
}
