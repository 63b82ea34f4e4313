//! JOIN: its condition, its merged columns, and what becomes visible.

use super::FromItem;
use crate::coerce::{CoercionContext, common};
use crate::context::ExprKind;
use crate::expr::operator_name;
use crate::relation::{NewEntry, alias_of};
use crate::state::{Analyzer, NamespaceColumn, NamespaceItem};
use base::{Oid, Result, err};
use ir::{
    Alias, BoolOp, CoercionForm, Expr, JoinExpr, JoinKind, JoinNode, RangeTableKind, Returning, Var,
    VarSource, expr_collation, expr_type, expr_typmod,
};
use syntax::{Join, JoinCondition};

/// The columns of the join as they are put together.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    columns: Vec<NamespaceColumn>,
    vars: Vec<Expr>,
    left: Vec<i16>,
    right: Vec<i16>,
}

impl Analyzer<'_> {
    fn join_side(&mut self, side: &syntax::TableRef, nullable: bool) -> Result<FromItem> {
        let outer = self.level().no_recursion;
        if nullable {
            self.level().no_recursion = outer.or(Some("an outer join"));
        }
        let side = self.deeper(|a| a.analyze_item(side));
        self.level().no_recursion = outer;
        side
    }

    pub(super) fn join(&mut self, join: &Join) -> Result<FromItem> {
        let kind = match join.kind {
            syntax::JoinKind::Inner => JoinKind::Inner,
            syntax::JoinKind::Left => JoinKind::Left,
            syntax::JoinKind::Full => JoinKind::Full,
            syntax::JoinKind::Right => JoinKind::Right,
        };
        let left = self.join_side(&join.left, matches!(kind, JoinKind::Full | JoinKind::Right))?;
        // The right side sees the left one through LATERAL, unless the join may null the left side.
        let lateral_ok = matches!(kind, JoinKind::Inner | JoinKind::Left);
        let before = self.level().namespace.len();
        let lateral = left.namespace.iter().cloned().map(|mut item| {
            item.lateral_only = true;
            item.lateral_ok = lateral_ok;
            item
        });
        self.level().namespace.extend(lateral);
        let right = self.join_side(&join.right, matches!(kind, JoinKind::Full | JoinKind::Left));
        self.level().namespace.truncate(before);
        let right = right?;
        self.check_name_conflicts(&left.namespace, &right.namespace)?;
        let mut namespace = left.namespace;
        namespace.extend(right.namespace);
        let merged = self.merged_names(join, &left.item, &right.item)?;
        let quals = match &join.condition {
            JoinCondition::On(condition) => {
                // ON sees just the two sides.
                let inner: Vec<NamespaceItem> = namespace
                    .iter()
                    .cloned()
                    .map(|mut i| {
                        i.lateral_only = false;
                        i.lateral_ok = true;
                        i
                    })
                    .collect();
                let saved = std::mem::replace(&mut self.level().namespace, inner);
                let result = self.expr_in(condition, ExprKind::JoinOn);
                self.level().namespace = saved;
                Some(Box::new(self.coerce_to_boolean(result?, "JOIN/ON")?))
            }
            _ => self.using_condition(&merged, &left.item, &right.item)?.map(Box::new),
        };
        let index = self.level().range_table.len() + 1;
        if matches!(kind, JoinKind::Left | JoinKind::Full) {
            self.mark_nulled(&right.node, index);
        }
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            self.mark_nulled(&left.node, index);
        }
        let columns = self.join_columns(kind, &merged, &left.item, &right.item)?;
        let (item, using_item) = self.add_join(join, kind, merged.len(), columns)?;
        let node = JoinNode::Join(Box::new(JoinExpr {
            kind,
            natural: join.natural,
            left: left.node,
            right: right.node,
            using: merged.iter().map(|m| m.0.clone()).collect(),
            using_alias: using_item.as_ref().map(|i| i.names.clone()),
            quals,
            alias: join.alias.as_ref().map(alias_of),
            range_table_index: item.index,
        }));
        // An alias hides everything below; otherwise columns are found through the join only.
        if join.alias.is_some() {
            namespace.clear();
        }
        namespace.iter_mut().for_each(|i| i.columns_visible = false);
        if let Some(using_item) = using_item {
            self.check_name_conflicts(&namespace, std::slice::from_ref(&using_item))?;
            namespace.push(using_item);
        }
        namespace.push(item.clone());
        Ok(FromItem { node, item, namespace })
    }

    /// Names of the merged columns with their places on both sides.
    fn merged_names(
        &self,
        join: &Join,
        left: &NamespaceItem,
        right: &NamespaceItem,
    ) -> Result<Vec<(String, usize, usize)>> {
        let live = |item: &NamespaceItem, name: &str| -> Vec<usize> {
            (0..item.columns.len())
                .filter(|i| item.columns[*i].relation != 0 && item.names.columns[*i] == name)
                .collect()
        };
        let names: Vec<String> = if join.natural {
            let mut names = Vec::new();
            for (i, name) in left.names.columns.iter().enumerate() {
                if left.columns[i].relation != 0 && !live(right, name).is_empty() {
                    names.push(name.clone());
                }
            }
            names
        } else if let JoinCondition::Using { columns, .. } = &join.condition {
            columns.clone()
        } else {
            Vec::new()
        };
        let mut merged: Vec<(String, usize, usize)> = Vec::new();
        for name in names {
            if merged.iter().any(|m| m.0 == name) {
                if join.natural {
                    return Err(err!(
                        AMBIGUOUS_COLUMN,
                        "common column name \"{name}\" appears more than once in left table"
                    ));
                }
                return Err(err!(
                    DUPLICATE_COLUMN,
                    "column name \"{name}\" appears more than once in USING clause"
                ));
            }
            let find = |item: &NamespaceItem, side: &str| match live(item, &name)[..] {
                [one] => Ok(one),
                [] => Err(err!(
                    UNDEFINED_COLUMN,
                    "column \"{name}\" specified in USING clause does not exist in {side} table"
                )),
                _ => Err(err!(
                    AMBIGUOUS_COLUMN,
                    "common column name \"{name}\" appears more than once in {side} table"
                )),
            };
            let (l, r) = (find(left, "left")?, find(right, "right")?);
            merged.push((name, l, r));
        }
        Ok(merged)
    }

    fn using_condition(
        &mut self,
        merged: &[(String, usize, usize)],
        left: &NamespaceItem,
        right: &NamespaceItem,
    ) -> Result<Option<Expr>> {
        let mut tests = Vec::with_capacity(merged.len());
        for (_, l, r) in merged {
            let l = self.column_var(left, *l, 0, None);
            let r = self.column_var(right, *r, 0, None);
            let test = self.make_operator(&operator_name("="), Some(l), r, None)?;
            tests.push(self.coerce_to_boolean(test, "JOIN/USING")?);
        }
        Ok(match tests.len() {
            0 => None,
            1 => tests.pop(),
            _ => Some(Expr::Bool { op: BoolOp::And, args: tests, location: None }),
        })
    }

    fn mark_nulled(&mut self, node: &JoinNode, by: usize) {
        match node {
            JoinNode::Relation(index) => self.add_nulling(*index, by),
            JoinNode::Join(join) => {
                self.mark_nulled(&join.left, by);
                self.mark_nulled(&join.right, by);
                self.add_nulling(join.range_table_index, by);
            }
            JoinNode::From(from) => from.items.iter().for_each(|n| self.mark_nulled(n, by)),
        }
    }

    fn add_nulling(&mut self, index: usize, by: usize) {
        if index > 0 {
            self.level().nulling[index - 1].insert(by);
        }
    }

    fn join_columns(
        &mut self,
        kind: JoinKind,
        merged: &[(String, usize, usize)],
        left: &NamespaceItem,
        right: &NamespaceItem,
    ) -> Result<Columns> {
        let mut result = Columns::default();
        for (name, l, r) in merged {
            let l_var = self.unmarked_var(left, *l);
            let r_var = self.unmarked_var(right, *r);
            let (var, side) = self.merge_vars(kind, l_var, r_var)?;
            result.columns.push(match side {
                Some(Side::Left) => left.columns[*l].clone(),
                Some(Side::Right) => right.columns[*r].clone(),
                None => Self::column(expr_type(&var), expr_typmod(&var), expr_collation(&var)),
            });
            result.names.push(name.clone());
            result.vars.push(var);
            result.left.push(*l as i16 + 1);
            result.right.push(*r as i16 + 1);
        }
        for (item, is_left) in [(left, true), (right, false)] {
            for i in 0..item.columns.len() {
                let used = merged.iter().any(|m| if is_left { m.1 == i } else { m.2 == i });
                if used || item.columns[i].relation == 0 {
                    continue;
                }
                let var = self.unmarked_var(item, i);
                result.names.push(item.names.columns[i].clone());
                result.columns.push(item.columns[i].clone());
                result.vars.push(var);
                if is_left { result.left.push(i as i16 + 1) } else { result.right.push(i as i16 + 1) }
            }
        }
        Ok(result)
    }

    /// A column's variable, without noting it as read.
    fn unmarked_var(&self, item: &NamespaceItem, column: usize) -> Expr {
        let facts = &item.columns[column];
        Expr::Var(Var {
            source: VarSource::Relation(facts.relation),
            attribute: facts.attribute,
            type_oid: facts.type_oid,
            typmod: facts.typmod,
            collation: facts.collation,
            nulling: self.nulling_of(facts.relation, 0),
            levels_up: 0,
            returning: Returning::Default,
            syntactic: facts.syntactic,
            location: None,
        })
    }

    /// The merged column, and which side's plain column it is, if it is one.
    fn merge_vars(&mut self, kind: JoinKind, left: Expr, right: Expr) -> Result<(Expr, Option<Side>)> {
        let refs = [&left, &right];
        let type_oid = self.common_type(&refs, "JOIN/USING")?;
        let typmod = common::common_typmod(refs, type_oid);
        let mut convert = |expr: Expr| -> Result<(Expr, bool)> {
            let (source, own) = (expr_type(&expr), expr_typmod(&expr));
            if source != type_oid {
                let expr = self.coerce_type(
                    expr,
                    source,
                    type_oid,
                    typmod,
                    CoercionContext::Implicit,
                    CoercionForm::ImplicitCast,
                    None,
                )?;
                return Ok((expr, false));
            }
            if own != typmod {
                let collation = expr_collation(&expr);
                let expr = Expr::Relabel {
                    arg: Box::new(expr),
                    result_type: type_oid,
                    typmod,
                    collation,
                    form: CoercionForm::ImplicitCast,
                    location: None,
                };
                return Ok((expr, false));
            }
            Ok((expr, true))
        };
        let (left, left_plain) = convert(left)?;
        let (right, right_plain) = convert(right)?;
        let (mut merged, side) = match kind {
            JoinKind::Inner if left_plain => (left, Some(Side::Left)),
            JoinKind::Inner if right_plain => (right, Some(Side::Right)),
            JoinKind::Inner | JoinKind::Left => (left, left_plain.then_some(Side::Left)),
            JoinKind::Right => (right, right_plain.then_some(Side::Right)),
            _ => {
                let args = vec![left, right];
                let expr =
                    Expr::Coalesce { result_type: type_oid, collation: Oid::INVALID, args, location: None };
                (expr, None)
            }
        };
        self.assign_collations(&mut merged)?;
        Ok((merged, side))
    }

    fn add_join(
        &mut self,
        join: &Join,
        kind: JoinKind,
        merged: usize,
        columns: Columns,
    ) -> Result<(NamespaceItem, Option<NamespaceItem>)> {
        let alias = join.alias.as_ref().map(alias_of);
        let name = alias.as_ref().map_or("unnamed_join", |a| a.name.as_str()).to_owned();
        let given = alias.as_ref().map(|a| a.columns.clone()).unwrap_or_default();
        if given.len() > columns.names.len() {
            return Err(err!(
                INVALID_COLUMN_REFERENCE,
                "join expression \"{name}\" has {} columns available but {} columns specified",
                columns.names.len(),
                given.len()
            ));
        }
        let mut names = given.clone();
        names.extend(columns.names.iter().skip(given.len()).cloned());
        let using_name = match &join.condition {
            JoinCondition::Using { alias: Some(alias), .. } => Some(alias.clone()),
            _ => None,
        };
        let using_alias = using_name.map(|name| Alias { name, columns: columns.names[..merged].to_vec() });
        let has_alias = alias.is_some();
        let index = self.level().range_table.len() + 1;
        let mut namespace_columns = columns.columns;
        for (i, column) in namespace_columns.iter_mut().enumerate() {
            if has_alias && column.relation != usize::MAX {
                column.syntactic = (index, i as i16 + 1);
            }
        }
        let entry = NewEntry {
            kind: RangeTableKind::Join {
                kind,
                merged,
                alias_vars: columns.vars,
                left_columns: columns.left,
                right_columns: columns.right,
                using_alias: using_alias.clone(),
            },
            alias,
            eref: Alias { name, columns: names },
            lateral: false,
            in_from: true,
        };
        let mut item = self.add_entry(entry, namespace_columns, 0);
        item.relation_visible = has_alias;
        let using_item = using_alias.map(|names| NamespaceItem {
            columns: item.columns[..merged].to_vec(),
            names,
            columns_visible: false,
            relation_visible: true,
            ..item.clone()
        });
        Ok((item, using_item))
    }
}

#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}
