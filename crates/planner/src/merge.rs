//! MERGE: the join of its target and its source, and the columns that its actions read.

use crate::clause::{and_with, node_relids, nonnullable_rels, var, var_rti, vars};
use crate::types::Root;
use base::{Error, Oid, Result};
use ir::{CommandType, Expr, FromExpr, JoinExpr, JoinKind, JoinNode, MergeMatch, Var};

impl<'a> Root<'a> {
    /// Makes FROM of target and source. Rows of which side are wanted without a partner depends on the actions.
    pub fn transform_merge(&mut self) -> Result<()> {
        if self.query.command != CommandType::Merge {
            return Ok(());
        }
        let has = |kind: MergeMatch| self.query.merge_actions.iter().any(|a| a.matched == kind);
        let (target_alone, source_alone) =
            (has(MergeMatch::NotMatchedBySource), has(MergeMatch::NotMatchedByTarget));
        let kind = match (target_alone, source_alone) {
            (true, true) => JoinKind::Full,
            (true, false) => JoinKind::Left,
            (false, true) => JoinKind::Right,
            (false, false) => JoinKind::Inner,
        };
        let mut from = std::mem::take(&mut self.query.join_tree);
        // Conditions of views in whose place the target is.
        let target = match from.quals.take() {
            None => JoinNode::Relation(self.query.merge_target_relation),
            quals => {
                let items = vec![JoinNode::Relation(self.query.merge_target_relation)];
                JoinNode::From(Box::new(FromExpr { items, quals }))
            }
        };
        let source = match from.items.len() {
            1 => from.items.into_iter().next(),
            _ => Some(JoinNode::From(Box::new(from))),
        };
        let Some(source) = source else { return Err(Error::internal("MERGE without a source")) };
        let condition = self.query.merge_join_condition.take();
        if target_alone && let Some(condition) = &condition {
            // Where the condition holds, there was a partner. One that could hold for NULLs needs to be told.
            let sources = node_relids(&source);
            let mut test = (**condition).clone();
            if !nonnullable_rels(self.session(), &test, true).overlaps(&sources) {
                let Some(rti) = sources.iter().next() else {
                    return Err(Error::unsupported("a MERGE whose source has no row of its own"));
                };
                let row = Expr::Var(var(rti, 0, Oid(2249), -1, Oid(0)));
                let there = Expr::NullTest {
                    arg: Box::new(row),
                    is_null: false,
                    row_argument: false,
                    location: None,
                };
                test = and_with(there, test);
            }
            self.query.merge_join_condition = Some(Box::new(test));
        }
        let join = JoinExpr {
            kind,
            natural: false,
            left: target,
            right: source,
            using: Vec::new(),
            using_alias: None,
            quals: condition,
            alias: None,
            range_table_index: 0,
        };
        self.query.join_tree = FromExpr { items: vec![JoinNode::Join(Box::new(join))], quals: None };
        Ok(())
    }

    /// The columns of the source that the actions read; the target's are read from its row.
    pub fn merge_columns(&mut self) -> Result<Vec<Var>> {
        let target = self.query.result_relation;
        let mut actions = std::mem::take(&mut self.query.merge_actions);
        let mut wanted = Vec::new();
        for action in &mut actions {
            self.resolve_multi_params(&mut action.targets)?;
            if action.targets.iter().any(|t| t.junk && !matches!(t.expr, Expr::Const(_))) {
                return Err(Error::unsupported("a correlated assignment of several columns in MERGE"));
            }
            action
                .targets
                .iter()
                .map(|t| &t.expr)
                .chain(&action.condition)
                .for_each(|e| vars(e, &mut wanted));
        }
        self.query.merge_actions = actions;
        self.query.merge_join_condition.iter().for_each(|e| vars(e, &mut wanted));
        // Except for whole rows and system columns other than the place.
        wanted.retain(|v| var_rti(v) != Some(target) || v.attribute == 0 || v.attribute < -1);
        Ok(wanted)
    }
}
