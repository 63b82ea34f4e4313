//! ORDER BY, GROUP BY, DISTINCT, LIMIT: clauses that refer to the target list.

use crate::context::ExprKind;
use crate::state::Analyzer;
use crate::types::*;
use base::{Result, err};
use ir::{Expr, SortGroupClause, TargetEntry, equal, expr_location, expr_type};
use syntax::{Expr as Ast, Literal, SortBy, SortDirection};

/// The next free ressortgroupref, given to the entry if it has none.
pub(crate) fn assign_sort_ref(list: &mut [TargetEntry], at: usize) -> usize {
    if list[at].sort_group_ref == 0 {
        let max = list.iter().map(|t| t.sort_group_ref).max().unwrap_or(0);
        list[at].sort_group_ref = max + 1;
    }
    list[at].sort_group_ref
}

impl Analyzer<'_> {
    /// A condition, `WHERE` and its kin.
    pub(crate) fn condition(
        &mut self,
        condition: Option<&Ast>,
        kind: ExprKind,
        name: &str,
    ) -> Result<Option<Box<Expr>>> {
        let Some(condition) = condition else { return Ok(None) };
        let expr = self.expr_in(condition, kind)?;
        Ok(Some(Box::new(self.coerce_to_boolean(expr, name)?)))
    }

    /// LIMIT and OFFSET: a bigint without variables.
    pub(crate) fn limit_clause(
        &mut self,
        clause: Option<&Ast>,
        kind: ExprKind,
        with_ties: bool,
    ) -> Result<Option<Box<Expr>>> {
        let Some(clause) = clause else { return Ok(None) };
        let name = kind.name();
        let expr = self.expr_in(clause, kind)?;
        let expr = self.coerce_to_specific(expr, INT8, -1, name)?;
        self.refuse_variables(&expr, name)?;
        if with_ties && kind == ExprKind::Limit && matches!(clause, Ast::Const { value: Literal::Null, .. }) {
            return Err(err!(
                INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
                "row count cannot be null in FETCH FIRST ... WITH TIES clause"
            ));
        }
        Ok(Some(Box::new(expr)))
    }

    /// A target entry for an ORDER BY, GROUP BY or DISTINCT ON item by SQL:1992's rules: an output column's name or
    /// number, else an expression.
    fn find_target_92(&mut self, item: &Ast, list: &mut Vec<TargetEntry>, kind: ExprKind) -> Result<usize> {
        if let Ast::Column(column) = item
            && let ([name], false) = (&column.names[..], column.star)
        {
            // GROUP BY prefers an input column of that name.
            let input = kind == ExprKind::GroupBy
                && self.in_kind(kind, |a| a.find_column(name, column.location))?.is_some();
            if !input {
                let mut found: Option<usize> = None;
                for (at, target) in list.iter().enumerate() {
                    if target.junk || target.name.as_ref() != Some(name) {
                        continue;
                    }
                    match found {
                        Some(known) if !equal(&list[known].expr, &target.expr) => {
                            return Err(err!(AMBIGUOUS_COLUMN, "{} \"{name}\" is ambiguous", kind.name())
                                .at(column.location));
                        }
                        Some(_) => {}
                        None => found = Some(at),
                    }
                }
                if let Some(at) = found {
                    self.check_target_kind(&list[at].expr, kind)?;
                    return Ok(at);
                }
            }
        }
        if let Ast::Const { value, location } = item {
            let Literal::Integer(position) = value else {
                return Err(err!(SYNTAX_ERROR, "non-integer constant in {}", kind.name()).at(*location));
            };
            let found = list
                .iter()
                .enumerate()
                .filter(|(_, t)| !t.junk)
                .nth((*position as usize).wrapping_sub(1))
                .filter(|_| *position > 0)
                .map(|(at, _)| at);
            return match found {
                Some(at) => {
                    self.check_target_kind(&list[at].expr, kind)?;
                    Ok(at)
                }
                None => Err(err!(
                    INVALID_COLUMN_REFERENCE,
                    "{} position {position} is not in select list",
                    kind.name()
                )
                .at(*location)),
            };
        }
        self.find_target_99(item, list, kind)
    }

    /// GROUP BY of an output column that holds what GROUP BY may not.
    fn check_target_kind(&self, expr: &Expr, kind: ExprKind) -> Result<()> {
        if kind != ExprKind::GroupBy {
            return Ok(());
        }
        let mut failure = None;
        ir::any(expr, &mut |e| {
            let (state, at) = match e {
                Expr::Aggref(a) if a.levels_up == 0 => ("aggregate functions", a.location),
                Expr::WindowFunc(w) => ("window functions", w.location),
                _ => return false,
            };
            let error = if state == "aggregate functions" {
                err!(GROUPING_ERROR, "{state} are not allowed in {}", kind.name())
            } else {
                err!(WINDOWING_ERROR, "{state} are not allowed in {}", kind.name())
            };
            failure = Some(error.or_at(at));
            true
        });
        failure.map_or(Ok(()), Err)
    }

    /// By SQL:1999's rules: an expression, matched with the target list or added to it as junk.
    fn find_target_99(&mut self, item: &Ast, list: &mut Vec<TargetEntry>, kind: ExprKind) -> Result<usize> {
        let expr = self.expr_in(item, kind)?;
        if let Some(at) = list.iter().position(|t| equal(&t.expr, &expr)) {
            return Ok(at);
        }
        let number = self.take_number();
        list.push(TargetEntry { junk: true, ..TargetEntry::new(expr, number, None) });
        Ok(list.len() - 1)
    }

    pub(crate) fn sort_clause(
        &mut self,
        items: &[SortBy],
        list: &mut Vec<TargetEntry>,
        kind: ExprKind,
        sql99: bool,
    ) -> Result<Vec<SortGroupClause>> {
        let mut clauses = Vec::with_capacity(items.len());
        for item in items {
            let at = if sql99 {
                self.find_target_99(&item.expr, list, kind)?
            } else {
                self.find_target_92(&item.expr, list, kind)?
            };
            self.add_to_sort_list(at, list, &mut clauses, item)?;
        }
        Ok(clauses)
    }

    pub(crate) fn add_to_sort_list(
        &mut self,
        at: usize,
        list: &mut [TargetEntry],
        clauses: &mut Vec<SortGroupClause>,
        item: &SortBy,
    ) -> Result<()> {
        self.settle_unknown_target(&mut list[at])?;
        let type_oid = expr_type(&list[at].expr);
        let place = item.expr.start();
        let (equality, sort, hashable, reverse) = match &item.direction {
            SortDirection::Default | SortDirection::Asc => {
                let found = self.require_sort_operators(type_oid, true, true).map_err(|e| e.at(place))?;
                (found.equal, found.less, found.hashable, false)
            }
            SortDirection::Desc => {
                let found = self.require_sort_operators(type_oid, true, true).map_err(|e| e.at(place))?;
                (found.equal, found.greater, found.hashable, true)
            }
            SortDirection::Using(name) => {
                let at = Some(item.location);
                let operator = self.binary_operator(name, type_oid, type_oid, at)?;
                let meaning = self.btree_meanings(operator.oid)?.into_iter().find(|m| m.1 == 1 || m.1 == 5);
                let Some((family, strategy)) = meaning else {
                    return Err(err!(
                        WRONG_OBJECT_TYPE,
                        "operator {} is not a valid ordering operator",
                        name.name
                    )
                    .hint("Ordering operators must be \"<\" or \">\" members of btree operator families.")
                    .or_at(at));
                };
                let (left, right) = (operator.oprleft, operator.oprright);
                let equality = self.session.family_operator(family, left, right, 3)?.unwrap_or_default();
                let hashable = self.sort_operators(type_oid)?.hashable;
                (equality, operator.oid, hashable, strategy == 5)
            }
        };
        let target = list[at].sort_group_ref;
        // The same column again adds nothing.
        if target != 0 && clauses.iter().any(|c| c.target == target) {
            return Ok(());
        }
        clauses.push(SortGroupClause {
            target: assign_sort_ref(list, at),
            equality_operator: equality,
            sort_operator: sort,
            reverse_sort: reverse,
            nulls_first: item.nulls_first.unwrap_or(reverse),
            hashable,
        });
        Ok(())
    }

    fn settle_unknown_target(&mut self, target: &mut TargetEntry) -> Result<()> {
        self.settle_unknown_targets(std::slice::from_mut(target))
    }

    /// A grouping clause for a target, with default operators.
    fn group_clause_of(
        &mut self,
        at: usize,
        list: &mut [TargetEntry],
        location: Option<usize>,
    ) -> Result<SortGroupClause> {
        self.settle_unknown_target(&mut list[at])?;
        let type_oid = expr_type(&list[at].expr);
        let found = self.require_sort_operators(type_oid, false, true).map_err(|e| e.or_at(location))?;
        Ok(SortGroupClause {
            target: assign_sort_ref(list, at),
            equality_operator: found.equal,
            sort_operator: found.less,
            reverse_sort: false,
            nulls_first: false,
            hashable: found.hashable,
        })
    }

    /// One GROUP BY or PARTITION BY expression: its sort_group_ref, noted in `clauses`. `sort` lends its order.
    pub(crate) fn group_item(
        &mut self,
        item: &Ast,
        list: &mut Vec<TargetEntry>,
        clauses: &mut Vec<SortGroupClause>,
        sort: &[SortGroupClause],
        kind: ExprKind,
        sql99: bool,
    ) -> Result<usize> {
        let at = if sql99 {
            self.find_target_99(item, list, kind)?
        } else {
            self.find_target_92(item, list, kind)?
        };
        let target = list[at].sort_group_ref;
        if target != 0 {
            if clauses.iter().any(|c| c.target == target) {
                return Ok(target);
            }
            if let Some(same) = sort.iter().find(|s| s.target == target) {
                clauses.push(same.clone());
                return Ok(target);
            }
        }
        let clause = self.group_clause_of(at, list, Some(item.start()))?;
        let target = clause.target;
        clauses.push(clause);
        Ok(target)
    }

    /// DISTINCT: all visible targets, ORDER BY's first.
    pub(crate) fn distinct_clause(
        &mut self,
        list: &mut [TargetEntry],
        sort: &[SortGroupClause],
        aggregate: bool,
    ) -> Result<Vec<SortGroupClause>> {
        let mut clauses = Vec::new();
        for clause in sort {
            let target = list.iter().find(|t| t.sort_group_ref == clause.target);
            if let Some(target) = target.filter(|t| t.junk) {
                let message = if aggregate {
                    "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list"
                } else {
                    "for SELECT DISTINCT, ORDER BY expressions must appear in select list"
                };
                return Err(err!(INVALID_COLUMN_REFERENCE, "{message}").or_at(expr_location(&target.expr)));
            }
            clauses.push(clause.clone());
        }
        for at in 0..list.len() {
            let target = &list[at];
            let known =
                target.sort_group_ref != 0 && clauses.iter().any(|c| c.target == target.sort_group_ref);
            if target.junk || known {
                continue;
            }
            let location = expr_location(&target.expr);
            clauses.push(self.group_clause_of(at, list, location)?);
        }
        if clauses.is_empty() {
            let message = if aggregate {
                "an aggregate with DISTINCT must have at least one argument"
            } else {
                "SELECT DISTINCT must have at least one column"
            };
            return Err(err!(SYNTAX_ERROR, "{message}"));
        }
        Ok(clauses)
    }

    /// DISTINCT ON: its expressions must be the first of ORDER BY.
    pub(crate) fn distinct_on_clause(
        &mut self,
        items: &[Ast],
        list: &mut Vec<TargetEntry>,
        sort: &[SortGroupClause],
    ) -> Result<Vec<SortGroupClause>> {
        let mut refs = Vec::with_capacity(items.len());
        for item in items {
            let at = self.find_target_92(item, list, ExprKind::DistinctOn)?;
            refs.push((assign_sort_ref(list, at), item.start()));
        }
        let mut clauses: Vec<SortGroupClause> = Vec::new();
        let mut skipped = false;
        for clause in sort {
            if refs.iter().any(|r| r.0 == clause.target) {
                if skipped {
                    let target = list.iter().find(|t| t.sort_group_ref == clause.target);
                    return Err(distinct_on_mismatch().or_at(target.and_then(|t| expr_location(&t.expr))));
                }
                clauses.push(clause.clone());
            } else {
                skipped = true;
            }
        }
        for (target, location) in refs {
            if clauses.iter().any(|c| c.target == target) {
                continue;
            }
            if skipped {
                return Err(distinct_on_mismatch().at(location));
            }
            let at = list.iter().position(|t| t.sort_group_ref == target).unwrap_or(0);
            clauses.push(self.group_clause_of(at, list, Some(location))?);
        }
        Ok(clauses)
    }
}

fn distinct_on_mismatch() -> base::Error {
    err!(INVALID_COLUMN_REFERENCE, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
}
