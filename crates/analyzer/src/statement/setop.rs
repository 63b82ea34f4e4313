//! UNION, INTERSECT, EXCEPT.

use crate::coerce::common::common_typmod;
use crate::context::ExprKind;
use crate::expr::find_variable;
use crate::state::Analyzer;
use crate::types::*;
use base::{Error, Oid, Result, err};
use ir::{
    CommandType, Expr, FromExpr, Query, RangeTableKind, SetOperationKind, SetOperationTree, SortGroupClause,
    TargetEntry, Var, VarSource, expr_location, expr_type, expr_typmod,
};
use syntax::{Expr as Ast, SelectBody, SelectStatement, SetOperation, SetOperator};

/// A side of a set operation: its tree and what its output looks like.
struct Side {
    tree: SetOperationTree,
    list: Vec<TargetEntry>,
}

impl Analyzer<'_> {
    pub(super) fn set_operation(&mut self, select: &SelectStatement, set: &SetOperation) -> Result<Query> {
        let mut query = Query { command: CommandType::Select, ..Query::default() };
        if let Some(with) = &select.with {
            query.has_recursive = with.recursive;
            self.with_clause(with)?;
        }
        let side = self.operation(set, true)?;
        self.check_recursive_clauses(select)?;
        if let Some(lock) = select.locking.first() {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "{} is not allowed with UNION/INTERSECT/EXCEPT",
                super::locking::strength_name(lock.strength)
            ));
        }
        let SetOperationTree::Operation(tree) = &side.tree else {
            return Err(Error::internal("set operation expected"));
        };
        let leftmost = leftmost(&side.tree);
        let names: Vec<String> = match &self.current().range_table[leftmost - 1].kind {
            RangeTableKind::Subquery { query, .. } => {
                ir::visible_targets(&query.target_list).map(|t| t.name.clone().unwrap_or_default()).collect()
            }
            _ => Vec::new(),
        };
        let mut list = Vec::with_capacity(names.len());
        for (i, name) in names.into_iter().enumerate() {
            let number = self.take_number();
            let location = side.list.get(i).and_then(|t| expr_location(&t.expr));
            let var = Var {
                source: VarSource::Relation(leftmost),
                attribute: i as i16 + 1,
                type_oid: tree.types[i],
                typmod: tree.typmods[i],
                collation: tree.collations[i],
                nulling: ir::RelSet::new(),
                levels_up: 0,
                returning: ir::Returning::Default,
                syntactic: (leftmost, i as i16 + 1),
                location,
            };
            list.push(TargetEntry::new(Expr::Var(var), number, Some(name)));
        }
        for sort in &select.order_by {
            let by_output = match &sort.expr {
                Ast::Const { .. } => true,
                Ast::Column(column) => column.names.len() == 1 && !column.star,
                _ => false,
            };
            if !by_output {
                return Err(err!(FEATURE_NOT_SUPPORTED, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
                    .detail("Only result column names can be used, not expressions or functions.")
                    .hint(
                        "Add the expression/function to every SELECT, or move the UNION into a FROM clause.",
                    )
                    .at(sort.expr.start()));
            }
        }
        query.sort_clause = self.sort_clause(&select.order_by, &mut list, ExprKind::OrderBy, false)?;
        self.limit(select, &mut query)?;
        query.target_list = list;
        query.set_operations = Some(Box::new(side.tree));
        query.join_tree = FromExpr::default();
        self.finish_query(&mut query)?;
        Ok(query)
    }

    fn operation(&mut self, set: &SetOperation, top: bool) -> Result<Side> {
        let context = match set.operator {
            SetOperator::Union => "UNION",
            SetOperator::Intersect => "INTERSECT",
            SetOperator::Except => "EXCEPT",
        };
        let is_recursion = top && set.operator == SetOperator::Union && self.current().parent_cte.is_some();
        let outer = self.level().no_recursion;
        let within = match set.operator {
            SetOperator::Union => None,
            SetOperator::Intersect => set.all.then_some("INTERSECT"),
            SetOperator::Except => Some("EXCEPT"),
        };
        self.level().no_recursion = outer.or(within.filter(|_| set.all));
        let left = self.deeper(|a| a.operand(&set.left, is_recursion))?;
        if is_recursion {
            self.set_recursive_columns(&left.list)?;
        }
        self.level().no_recursion = outer.or(within);
        let right = self.deeper(|a| a.operand(&set.right, false))?;
        self.level().no_recursion = outer;
        if left.list.len() != right.list.len() {
            return Err(err!(SYNTAX_ERROR, "each {context} query must have the same number of columns")
                .or_at(right.list.first().and_then(|t| expr_location(&t.expr))));
        }
        let mut result = ir::SetOperation {
            kind: match set.operator {
                SetOperator::Union => SetOperationKind::Union,
                SetOperator::Intersect => SetOperationKind::Intersect,
                SetOperator::Except => SetOperationKind::Except,
            },
            all: set.all,
            left: Box::new(left.tree),
            right: Box::new(right.tree),
            types: Vec::new(),
            typmods: Vec::new(),
            collations: Vec::new(),
            groups: Vec::new(),
        };
        let union_all = set.operator == SetOperator::Union && set.all;
        let mut list = Vec::with_capacity(left.list.len());
        for (i, (l, r)) in left.list.into_iter().zip(right.list).enumerate() {
            let common = self.common_type(&[&l.expr, &r.expr], context)?;
            let l_expr = self.settle_operand(&result.left, i, l.expr, common, context)?;
            let r_expr = self.settle_operand(&result.right, i, r.expr, common, context)?;
            let typmod = common_typmod([&l_expr, &r_expr], common);
            let location = expr_location(&l_expr);
            let mut pair = [l_expr, r_expr];
            let collation = self.common_collation(&mut pair, union_all)?;
            result.types.push(common);
            result.typmods.push(typmod);
            result.collations.push(collation);
            if !union_all {
                let at = if expr_type(&pair[0]) == UNKNOWN { None } else { location };
                let found = self.require_sort_operators(common, false, true).map_err(|e| e.or_at(at))?;
                result.groups.push(SortGroupClause {
                    target: 0,
                    equality_operator: found.equal,
                    sort_operator: found.less,
                    reverse_sort: false,
                    nulls_first: false,
                    hashable: found.hashable,
                });
            }
            // What the operation's own column looks like from above.
            let stand_in = Expr::SetToDefault { type_oid: common, typmod, collation, location };
            list.push(TargetEntry::new(stand_in, i as i16 + 1, l.name));
        }
        Ok(Side { tree: SetOperationTree::Operation(result), list })
    }

    /// Coerces a side's column as far as can be done here: unknown literals take the common type in the leaf itself.
    fn settle_operand(
        &mut self,
        tree: &SetOperationTree,
        column: usize,
        expr: Expr,
        common: Oid,
        context: &str,
    ) -> Result<Expr> {
        let unknown = expr_type(&expr) == UNKNOWN;
        if unknown && !matches!(expr, Expr::Const(_) | Expr::Param(_)) {
            return Ok(expr);
        }
        let coerced = self.coerce_to_common(expr, common, context)?;
        if unknown
            && let SetOperationTree::Relation(index) = tree
            && let RangeTableKind::Subquery { query, .. } = &mut self.level().range_table[index - 1].kind
        {
            let target = query.target_list.iter_mut().filter(|t| !t.junk).nth(column);
            if let Some(target) = target {
                target.expr = coerced.clone();
            }
        }
        Ok(coerced)
    }

    fn operand(&mut self, select: &SelectStatement, non_recursive_term: bool) -> Result<Side> {
        if let SelectBody::Select(simple) = &select.body
            && let Some(into) = &simple.into
        {
            return Err(err!(SYNTAX_ERROR, "INTO is only allowed on first SELECT of UNION/INTERSECT/EXCEPT")
                .at(into.relation.location));
        }
        if let Some(lock) = select.locking.first() {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "{} is not allowed with UNION/INTERSECT/EXCEPT",
                super::locking::strength_name(lock.strength)
            ));
        }
        let bare = select.with.is_none()
            && select.order_by.is_empty()
            && select.limit.is_none()
            && select.offset.is_none();
        if let (SelectBody::SetOperation(set), true) = (&select.body, bare) {
            if !non_recursive_term {
                return self.operation(set, false);
            }
            let saved = std::mem::replace(&mut self.level().non_recursive_term, true);
            let side = self.operation(set, false);
            self.level().non_recursive_term = saved;
            return side;
        }
        let level = self.set_operand_level(non_recursive_term);
        let query = self.in_level(level, |a| a.select(select))?;
        if !self.current().namespace.is_empty() {
            let mut bad = None;
            ir::walk_query_levels(&query, 0, &mut |e, depth| {
                if bad.is_none()
                    && let Expr::Var(var) = e
                    && var.levels_up == depth + 1
                {
                    bad = Some(var.location);
                }
                true
            });
            if let Some(at) = bad {
                return Err(err!(
                    INVALID_COLUMN_REFERENCE,
                    "UNION/INTERSECT/EXCEPT member statement cannot refer to other relations of same query level"
                )
                .or_at(at));
            }
        }
        let list: Vec<TargetEntry> = ir::visible_targets(&query.target_list).cloned().collect();
        let name = format!("*SELECT* {}", self.current().range_table.len() + 1);
        let alias = ir::Alias { name, columns: Vec::new() };
        let item = self.add_subquery(query, Some(alias), false, false)?;
        // As seen from here, leaf columns are columns of the leaf's entry; literals stay literals.
        let mut seen = Vec::with_capacity(list.len());
        for (i, target) in list.into_iter().enumerate() {
            let literal = matches!(target.expr, Expr::Const(_) | Expr::Param(_));
            let location = expr_location(&target.expr);
            let expr = if literal
                || find_variable(&target.expr, 0).is_none() && expr_type(&target.expr) == UNKNOWN
            {
                target.expr.clone()
            } else {
                Expr::Var(Var {
                    source: VarSource::Relation(item.index),
                    attribute: i as i16 + 1,
                    type_oid: expr_type(&target.expr),
                    typmod: expr_typmod(&target.expr),
                    collation: ir::expr_collation(&target.expr),
                    nulling: ir::RelSet::new(),
                    levels_up: 0,
                    returning: ir::Returning::Default,
                    syntactic: (item.index, i as i16 + 1),
                    location,
                })
            };
            seen.push(TargetEntry { expr, ..target });
        }
        Ok(Side { tree: SetOperationTree::Relation(item.index), list: seen })
    }
}

fn leftmost(tree: &SetOperationTree) -> usize {
    match tree {
        SetOperationTree::Relation(index) => *index,
        SetOperationTree::Operation(operation) => leftmost(&operation.left),
    }
}
