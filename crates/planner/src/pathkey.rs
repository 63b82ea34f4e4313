//! Orders of paths, and which of them help: sorts, merge joins, grouping.

use crate::clause::{BTREE, strip_relabel};
use crate::types::{ClauseRef, IndexInfo, Path, PathKey, Root};
use base::{Error, Oid, Result};
use ir::{Expr, JoinKind, RelSet, ScanDirection, SortGroupClause, TargetEntry};
use std::rc::Rc;

/// Whether an order that begins with `have` satisfies `want`.
pub(crate) fn contained_in(want: &[PathKey], have: &[PathKey]) -> bool {
    have.len() >= want.len() && want.iter().zip(have).all(|(a, b)| a == b)
}

/// How many leading columns of `want` are in order.
pub(crate) fn common_prefix(want: &[PathKey], have: &[PathKey]) -> usize {
    want.iter().zip(have).take_while(|(a, b)| a == b).count()
}

/// What a sort operator sorts by: family, input type, descending.
pub(crate) fn ordering(session: &catalog::Session, operator: Oid) -> Result<Option<(Oid, Oid, bool)>> {
    let rows = session.operator_families(operator)?;
    Ok(rows
        .iter()
        .find(|r| {
            r.amopmethod == BTREE && r.amoplefttype == r.amoprighttype && matches!(r.amopstrategy, 1 | 5)
        })
        .map(|r| (r.amopfamily, r.amoplefttype, r.amopstrategy == 5)))
}

impl<'a> Root<'a> {
    /// The order column of an expression sorted by an operator.
    pub fn sort_key(
        &mut self,
        expr: &Expr,
        operator: Oid,
        nulls_first: bool,
        sort_ref: usize,
        create: bool,
    ) -> Result<Option<PathKey>> {
        let Some((family, type_oid, descending)) = ordering(self.session(), operator)? else {
            return Err(Error::internal(format!("operator {operator} is not a valid ordering operator")));
        };
        let collation = ir::expr_collation(expr);
        self.family_key(expr, family, type_oid, collation, descending, nulls_first, sort_ref, create)
    }

    pub fn family_key(
        &mut self,
        expr: &Expr,
        family: Oid,
        type_oid: Oid,
        collation: Oid,
        descending: bool,
        nulls_first: bool,
        sort_ref: usize,
        create: bool,
    ) -> Result<Option<PathKey>> {
        let Some(equality) = self.session().family_operator(family, type_oid, type_oid, 3)? else {
            return Err(Error::internal(format!(
                "missing operator 3({type_oid},{type_oid}) in opfamily {family}"
            )));
        };
        let families = crate::clause::equality_families(self.session(), equality)?;
        let ec = self.ec_for_sort(expr, &families, type_oid, collation, sort_ref, create)?;
        Ok(ec.map(|ec| PathKey { ec, family, descending, nulls_first }))
    }

    /// The order that ORDER BY, GROUP BY and the like ask for, without repetitions; and whether all of it sorts.
    pub fn keys_for(
        &mut self,
        clauses: &[SortGroupClause],
        targets: &[TargetEntry],
    ) -> Result<(Vec<PathKey>, bool)> {
        let mut keys: Vec<PathKey> = Vec::new();
        let mut sortable = true;
        for clause in clauses {
            if !clause.sort_operator.is_valid() {
                sortable = false;
                continue;
            }
            let expr = crate::preprocess::target_of(clause, targets)?.expr.clone();
            let key = self.sort_key(&expr, clause.sort_operator, clause.nulls_first, clause.target, true)?;
            if let Some(key) = key
                && !self.key_is_redundant(&key, &keys)
            {
                keys.push(key);
            }
        }
        Ok((keys, sortable))
    }

    /// A constant column, or one already sorted by, adds nothing.
    pub fn key_is_redundant(&self, key: &PathKey, before: &[PathKey]) -> bool {
        let ec = &self.ecs[key.ec];
        (ec.has_const && !ec.below_outer_join && !ec.has_volatile) || before.iter().any(|k| k.ec == key.ec)
    }

    /// The order in which an index yields its rows.
    pub fn index_keys(&mut self, info: &IndexInfo, direction: ScanDirection) -> Result<Vec<PathKey>> {
        let mut keys = Vec::new();
        if !info.is_btree {
            return Ok(keys);
        }
        for column in 0..info.key_columns {
            let backward = direction == ScanDirection::Backward;
            let descending = info.descending(column) != backward;
            let nulls_first = info.nulls_first(column) != backward;
            let (family, type_oid) = (info.entry.families[column], info.entry.input_types[column]);
            let expr = info.columns[column].clone();
            let key = self.family_key(
                &expr,
                family,
                type_oid,
                info.collation(column),
                descending,
                nulls_first,
                0,
                false,
            )?;
            match key {
                Some(key) => {
                    if !self.key_is_redundant(&key, &keys) {
                        keys.push(key);
                    }
                }
                // A boolean column fixed by a condition sorts nothing; another one ends what is of use.
                None if self.bool_column_fixed(info, column) => {}
                None => break,
            }
        }
        Ok(keys)
    }

    fn bool_column_fixed(&self, info: &IndexInfo, column: usize) -> bool {
        let expr = &info.columns[column];
        ir::expr_type(expr) == crate::clause::BOOL
            && self.base(info.rti).restrictions.iter().any(|c| match &c.expr {
                Expr::Bool { op: ir::BoolOp::Not, args, .. } => args[0] == *expr,
                e => e == expr,
            })
    }

    /// The part of a path's order that something above can use.
    pub fn useful_keys(&self, relids: &RelSet, keys: Vec<PathKey>) -> Vec<PathKey> {
        let merging = self.useful_for_merging(relids, &keys);
        let query = common_prefix(&self.query_keys, &keys);
        let grouping = keys.iter().take_while(|k| self.group_keys.contains(k)).count();
        let set = keys.iter().take_while(|k| self.distinct_keys.contains(k)).count();
        let useful = merging.max(query).max(grouping).max(set);
        keys.into_iter().take(useful).collect()
    }

    fn useful_for_merging(&self, relids: &RelSet, keys: &[PathKey]) -> usize {
        let rel = self.find_rel(relids);
        // Classes know the relation that a member belongs to.
        let own = match relids.iter().next() {
            Some(rti) if relids.len() == 1 => RelSet::single(self.top_parent(rti)),
            _ => relids.clone(),
        };
        // One direction is enough: the one that the query's order has, else ascending.
        let rightly_directed = |key: &PathKey| {
            let asked = self.query_keys.iter().find(|q| q.ec == key.ec && q.family == key.family);
            key.descending == asked.is_some_and(|q| q.descending)
        };
        let useful = |key: &PathKey| {
            if !rightly_directed(key) {
                return false;
            }
            let ec = &self.ecs[key.ec];
            let by_class = !ec.has_const
                && ec.members.len() > 1
                && !ec.relids.is_subset(&own)
                && (rel.is_some_and(|r| r.has_ec_joins) || rel.is_none());
            by_class
                || rel.is_some_and(|r| {
                    r.join_clauses.iter().any(|c| {
                        !c.merge_families.is_empty()
                            && c.can_join
                            && [c.left_ec.get(), c.right_ec.get()]
                                .into_iter()
                                .flatten()
                                .any(|e| self.ec_root(e) == key.ec)
                    })
                })
        };
        keys.iter().take_while(|k| useful(k)).count()
    }

    /// Whether any order of this relation could be of use at all.
    pub fn has_useful_keys(&self, rti: usize) -> bool {
        let rel = self.base(rti);
        !rel.join_clauses.is_empty() || rel.has_ec_joins || !self.query_keys.is_empty()
    }

    /// Gives a merge clause the classes of its two sides.
    pub fn init_merge_classes(&mut self, clause: &ClauseRef) -> Result<()> {
        if clause.merge_families.is_empty()
            || clause.left_ec.get().is_some() && clause.right_ec.get().is_some()
        {
            return Ok(());
        }
        let Expr::Op(op) = &clause.expr else { return Ok(()) };
        let row = self.session().operator(op.operator)?;
        let (left, right) = (op.args[0].clone(), op.args[1].clone());
        let collation = op.input_collation;
        let families = clause.merge_families.clone();
        let a = self.ec_for_sort(&left, &families, row.oprleft, collation, 0, true)?;
        let b = self.ec_for_sort(&right, &families, row.oprright, collation, 0, true)?;
        clause.left_ec.set(a);
        clause.right_ec.set(b);
        Ok(())
    }

    /// The class of the side of a clause that belongs to `outer`, and that of the other side.
    pub fn clause_classes(&self, clause: &ClauseRef, outer: &RelSet) -> Option<(usize, usize)> {
        let (left, right) = (self.ec_root(clause.left_ec.get()?), self.ec_root(clause.right_ec.get()?));
        Some(if clause.left.is_subset(outer) { (left, right) } else { (right, left) })
    }

    /// The clauses that a merge join can use given the order of its outer side, in that order.
    pub fn merge_clauses_for(
        &self,
        keys: &[PathKey],
        clauses: &[ClauseRef],
        outer: &RelSet,
    ) -> Vec<ClauseRef> {
        let mut found: Vec<ClauseRef> = Vec::new();
        for key in keys {
            let matching: Vec<ClauseRef> = clauses
                .iter()
                .filter(|c| self.clause_classes(c, outer).is_some_and(|(o, _)| o == key.ec))
                .cloned()
                .collect();
            if matching.is_empty() {
                break;
            }
            found.extend(matching);
        }
        found
    }

    /// A good order for the outer side of a merge join on these clauses.
    pub fn outer_keys_for_merge(&self, clauses: &[ClauseRef], outer: &RelSet, join: &RelSet) -> Vec<PathKey> {
        let mut ecs: Vec<(usize, usize, ClauseRef)> = Vec::new();
        for clause in clauses {
            let Some((ec, _)) = self.clause_classes(clause, outer) else { continue };
            if ecs.iter().any(|e| e.0 == ec) {
                continue;
            }
            let class = &self.ecs[ec];
            let score = class.members.iter().filter(|m| !m.is_const && !m.relids.overlaps(join)).count();
            ecs.push((ec, score, clause.clone()));
        }
        let mut keys: Vec<PathKey> = Vec::new();
        let wanted = &self.query_keys;
        let satisfied = !wanted.is_empty() && wanted.iter().all(|k| ecs.iter().any(|e| e.0 == k.ec));
        if satisfied {
            keys.extend(wanted.iter().copied());
        } else {
            let matched: Vec<PathKey> =
                wanted.iter().take_while(|k| ecs.iter().any(|e| e.0 == k.ec)).copied().collect();
            if matched.len() == ecs.len() {
                keys.extend(matched);
            }
        }
        ecs.retain(|e| !keys.iter().any(|k| k.ec == e.0));
        // The most popular classes first; the first of equals.
        while let Some(best) = (0..ecs.len()).max_by_key(|i| (ecs[*i].1, std::cmp::Reverse(*i))) {
            let (ec, _, clause) = ecs.remove(best);
            let key = PathKey { ec, family: clause.merge_families[0], descending: false, nulls_first: false };
            if !self.key_is_redundant(&key, &keys) {
                keys.push(key);
            }
        }
        keys
    }

    /// The order the inner side must have, for clauses in the order of the outer keys.
    pub fn inner_keys_for_merge(
        &self,
        clauses: &[ClauseRef],
        outer_keys: &[PathKey],
        outer: &RelSet,
    ) -> Vec<PathKey> {
        let mut keys: Vec<PathKey> = Vec::new();
        for clause in clauses {
            let Some((oec, iec)) = self.clause_classes(clause, outer) else { continue };
            let Some(model) = outer_keys.iter().find(|k| k.ec == oec) else { continue };
            let key = PathKey { ec: iec, ..*model };
            if !self.key_is_redundant(&key, &keys) {
                keys.push(key);
            }
        }
        keys
    }

    /// The leading clauses that an order of the inner side supports.
    pub fn trim_merge_clauses(
        &self,
        clauses: &[ClauseRef],
        keys: &[PathKey],
        outer: &RelSet,
    ) -> Vec<ClauseRef> {
        let mut found = Vec::new();
        let mut at = 0;
        let mut matched = false;
        for clause in clauses {
            let Some((_, iec)) = self.clause_classes(clause, outer) else { break };
            if keys.get(at).is_none_or(|k| k.ec != iec) {
                if !matched {
                    break;
                }
                at += 1;
                if keys.get(at).is_none_or(|k| k.ec != iec) {
                    break;
                }
            }
            matched = true;
            found.push(clause.clone());
        }
        found
    }

    /// The order that a join's output has, coming from its outer side.
    pub fn join_keys(&self, join: &RelSet, kind: JoinKind, outer_keys: &[PathKey]) -> Vec<PathKey> {
        if matches!(kind, JoinKind::Full | JoinKind::Right | JoinKind::RightAnti | JoinKind::RightSemi) {
            return Vec::new();
        }
        self.useful_keys(join, outer_keys.to_vec())
    }

    /// A subquery's order in terms of the columns that this level sees.
    pub fn convert_subquery_keys(
        &mut self,
        rti: usize,
        child: &Root<'a>,
        keys: &[PathKey],
    ) -> Result<Vec<PathKey>> {
        let mut converted = Vec::new();
        for key in keys {
            let class = &child.ecs[key.ec];
            let mut own = None;
            for target in child.targets.iter().filter(|t| !t.junk) {
                let volatile_match =
                    class.has_volatile && class.sort_ref != 0 && class.sort_ref == target.sort_group_ref;
                let stripped = strip_relabel(&target.expr);
                if !volatile_match && !class.members.iter().any(|m| strip_relabel(&m.expr) == stripped) {
                    continue;
                }
                let v = crate::clause::var(
                    rti,
                    target.number,
                    ir::expr_type(&target.expr),
                    ir::expr_typmod(&target.expr),
                    ir::expr_collation(&target.expr),
                );
                let type_oid = class.members[0].type_oid;
                let (families, collation) = (class.families.clone(), class.collation);
                if let Some(ec) = self.ec_for_sort(&Expr::Var(v), &families, type_oid, collation, 0, false)? {
                    own = Some(PathKey { ec, ..*key });
                    break;
                }
            }
            match own {
                Some(key) => {
                    if !self.key_is_redundant(&key, &converted) {
                        converted.push(key);
                    }
                }
                None => break,
            }
        }
        Ok(converted)
    }

    /// The cheapest path of a list with an order and without needing other relations' rows.
    pub fn cheapest_ordered(
        &self,
        paths: &[Rc<Path>],
        keys: &[PathKey],
        outer: &RelSet,
        startup: bool,
    ) -> Option<Rc<Path>> {
        let mut best: Option<&Rc<Path>> = None;
        for path in paths {
            if !contained_in(keys, &path.keys) || !path.required_outer().is_subset(outer) {
                continue;
            }
            let better = |b: &Rc<Path>| {
                let cost = |p: &Path| if startup { p.startup } else { p.total };
                (path.disabled, cost(path)) < (b.disabled, cost(b))
            };
            if best.is_none_or(better) {
                best = Some(path);
            }
        }
        best.cloned()
    }
}
