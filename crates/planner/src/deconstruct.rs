//! From the join tree to conditions on relations and joins: where each condition can be evaluated, which joins may
//! be reordered.

use crate::clause::{
    ands, commute, contains_leaky, contains_volatile, equality_families, nonnullable_rels, relids,
};
use crate::types::{Clause, ClauseRef, Root, SpecialJoin};
use base::{Oid, Result, bail};
use ir::{Expr, FromExpr, JoinExpr, JoinKind, JoinNode, RelSet};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The order in which joins are to be searched: relations, and lists that are searched for themselves first.
#[derive(Clone, Debug)]
pub(crate) enum JoinItem {
    Relation(usize),
    List(Vec<JoinItem>),
}

/// What a part of the join tree consists of.
struct Part {
    items: Vec<JoinItem>,
    scope: RelSet,
    inner_join_rels: RelSet,
}

/// The circumstances of a condition.
struct Place<'p> {
    below_outer_join: bool,
    kind: JoinKind,
    scope: &'p RelSet,
    /// Relations that must be there to evaluate an outer join's condition; `None` for inner joins.
    outer_scope: Option<&'p RelSet>,
    nonnullable: &'p RelSet,
    security_level: u32,
}

impl<'a> Root<'a> {
    /// Sorts all conditions of the query and returns the order of the search.
    pub fn deconstruct(&mut self) -> Result<Vec<JoinItem>> {
        let from = self.query.join_tree.clone();
        let mut postponed = Vec::new();
        let part = self.deconstruct_from(&from, false, &mut postponed)?;
        for (clause, level) in postponed {
            let nothing = RelSet::new();
            let place = Place {
                below_outer_join: false,
                kind: JoinKind::Inner,
                scope: &part.scope,
                outer_scope: None,
                nonnullable: &nothing,
                security_level: level,
            };
            self.distribute(clause, &place, &mut Vec::new())?;
        }
        Ok(part.items)
    }

    fn top_security(&self) -> u32 {
        self.query.range_table.iter().map(|r| r.security_quals.len()).max().unwrap_or(0) as u32
    }

    fn deconstruct_from(
        &mut self,
        from: &FromExpr,
        below: bool,
        postponed: &mut Vec<(Expr, u32)>,
    ) -> Result<Part> {
        let mut whole = Part { items: Vec::new(), scope: RelSet::new(), inner_join_rels: RelSet::new() };
        let mut remaining = from.items.len();
        let mut from_below = Vec::new();
        for item in &from.items {
            let part = self.deconstruct_node(item, below, &mut from_below)?;
            whole.scope.extend(&part.scope);
            whole.inner_join_rels = part.inner_join_rels;
            remaining -= 1;
            let count = part.items.len();
            if count <= 1 || whole.items.len() + count + remaining <= self.costs().from_collapse_limit {
                whole.items.extend(part.items);
            } else {
                whole.items.push(JoinItem::List(part.items));
            }
        }
        if from.items.len() > 1 {
            whole.inner_join_rels = whole.scope.clone();
        }
        let nothing = RelSet::new();
        let own = from.quals.as_ref().map(|q| ands((**q).clone())).unwrap_or_default();
        let level = self.top_security();
        let all = from_below.into_iter().chain(own.into_iter().map(|q| (q, level)));
        for (qual, security_level) in all.collect::<Vec<_>>() {
            let place = Place {
                below_outer_join: below,
                kind: JoinKind::Inner,
                scope: &whole.scope,
                outer_scope: None,
                nonnullable: &nothing,
                security_level,
            };
            self.distribute(qual, &place, postponed)?;
        }
        Ok(whole)
    }

    fn deconstruct_node(
        &mut self,
        node: &JoinNode,
        below: bool,
        postponed: &mut Vec<(Expr, u32)>,
    ) -> Result<Part> {
        match node {
            JoinNode::Relation(rti) => {
                let scope = RelSet::single(*rti);
                let nothing = RelSet::new();
                for (level, qual) in self.rte(*rti).security_quals.clone().into_iter().enumerate() {
                    for clause in ands(qual) {
                        let place = Place {
                            below_outer_join: below,
                            kind: JoinKind::Inner,
                            scope: &scope,
                            outer_scope: None,
                            nonnullable: &nothing,
                            security_level: level as u32,
                        };
                        self.distribute(clause, &place, postponed)?;
                    }
                }
                Ok(Part { items: vec![JoinItem::Relation(*rti)], scope, inner_join_rels: RelSet::new() })
            }
            JoinNode::From(from) => self.deconstruct_from(from, below, postponed),
            JoinNode::Join(join) => self.deconstruct_join(join, below, postponed),
        }
    }

    fn deconstruct_join(
        &mut self,
        join: &JoinExpr,
        below: bool,
        postponed: &mut Vec<(Expr, u32)>,
    ) -> Result<Part> {
        let kind = join.kind;
        let (left_below, right_below) = match kind {
            JoinKind::Left | JoinKind::Anti => (below, true),
            JoinKind::Full => (true, true),
            _ => (below, below),
        };
        let mut from_below = Vec::new();
        let left = self.deconstruct_node(&join.left, left_below, &mut from_below)?;
        let right = self.deconstruct_node(&join.right, right_below, &mut from_below)?;
        let scope = left.scope.union(&right.scope);
        let (inner_join_rels, nonnullable) = match kind {
            JoinKind::Inner => (scope.clone(), RelSet::new()),
            JoinKind::Full => (left.inner_join_rels.union(&right.inner_join_rels), scope.clone()),
            JoinKind::Semi => (left.inner_join_rels.union(&right.inner_join_rels), RelSet::new()),
            _ => (left.inner_join_rels.union(&right.inner_join_rels), left.scope.clone()),
        };
        match kind {
            JoinKind::Left | JoinKind::Anti => self.nullable_base.extend(&right.scope),
            JoinKind::Full => self.nullable_base.extend(&scope),
            _ => {}
        }
        let own = join.quals.as_ref().map(|q| ands((**q).clone())).unwrap_or_default();
        let level = self.top_security();
        let quals: Vec<(Expr, u32)> =
            from_below.into_iter().chain(own.into_iter().map(|q| (q, level))).collect();
        let special = if kind == JoinKind::Inner {
            None
        } else {
            Some(self.special_join(&left.scope, &right.scope, &inner_join_rels, kind, &quals)?)
        };
        let outer_scope = match (&special, kind) {
            (Some(sj), k) if k != JoinKind::Semi => Some(sj.min_left.union(&sj.min_right)),
            _ => None,
        };
        for (qual, security_level) in quals {
            let place = Place {
                below_outer_join: below,
                kind,
                scope: &scope,
                outer_scope: outer_scope.as_ref(),
                nonnullable: &nonnullable,
                security_level,
            };
            self.distribute(qual, &place, postponed)?;
        }
        self.special_joins.extend(special);
        let items = if kind == JoinKind::Full {
            vec![JoinItem::List(vec![single(left.items), single(right.items)])]
        } else if left.items.len() + right.items.len() <= self.costs().join_collapse_limit {
            left.items.into_iter().chain(right.items).collect()
        } else {
            let side =
                |items: Vec<JoinItem>| if items.len() == 1 { items } else { vec![JoinItem::List(items)] };
            side(left.items).into_iter().chain(side(right.items)).collect()
        };
        Ok(Part { items, scope, inner_join_rels })
    }

    fn special_join(
        &self,
        left: &RelSet,
        right: &RelSet,
        inner_join_rels: &RelSet,
        kind: JoinKind,
        quals: &[(Expr, u32)],
    ) -> Result<SpecialJoin> {
        for mark in &self.query.row_marks {
            if (right.contains(mark.relation) || (kind == JoinKind::Full && left.contains(mark.relation)))
                && !mark.pushed_down
                && kind != JoinKind::Semi
            {
                let word = crate::modify::lock_words(mark.strength);
                bail!(
                    FEATURE_NOT_SUPPORTED,
                    "{word} cannot be applied to the nullable side of an outer join"
                );
            }
        }
        let mut sj = SpecialJoin {
            kind,
            min_left: left.clone(),
            min_right: right.clone(),
            syn_left: left.clone(),
            syn_right: right.clone(),
            lhs_strict: false,
            delay_upper_joins: false,
            semi_can_btree: false,
            semi_can_hash: false,
            semi_operators: Vec::new(),
            semi_rhs: Vec::new(),
        };
        if kind == JoinKind::Semi {
            self.find_semijoin_columns(&mut sj, quals)?;
        }
        if kind == JoinKind::Full {
            return Ok(sj);
        }
        let (mut reads, mut strict) = (RelSet::new(), RelSet::new());
        for (qual, _) in quals {
            reads.extend(&relids(qual));
            strict.extend(&nonnullable_rels(self.session(), qual, true));
        }
        sj.lhs_strict = strict.overlaps(left);
        let mut min_left = reads.intersection(left);
        let mut min_right = reads.union(inner_join_rels).intersection(right);
        let rigid = matches!(kind, JoinKind::Semi | JoinKind::Anti);
        for other in &self.special_joins {
            let other_all = other.syn_left.union(&other.syn_right);
            if other.kind == JoinKind::Full {
                if left.overlaps(&other_all) {
                    min_left.extend(&other_all);
                }
                if right.overlaps(&other_all) {
                    min_right.extend(&other_all);
                }
                continue;
            }
            if left.overlaps(&other.syn_right)
                && reads.overlaps(&other.syn_right)
                && (rigid || !strict.overlaps(&other.min_right))
            {
                min_left.extend(&other_all);
            }
            if right.overlaps(&other.syn_right)
                && (reads.overlaps(&other.syn_right)
                    || !reads.overlaps(&other.min_left)
                    || rigid
                    || matches!(other.kind, JoinKind::Semi | JoinKind::Anti)
                    || !other.lhs_strict
                    || other.delay_upper_joins)
            {
                min_right.extend(&other_all);
            }
        }
        if !min_left.is_empty() {
            sj.min_left = min_left;
        }
        if !min_right.is_empty() {
            sj.min_right = min_right;
        }
        Ok(sj)
    }

    /// Whether a semijoin could be done by making its inner side unique on some columns.
    fn find_semijoin_columns(&self, sj: &mut SpecialJoin, quals: &[(Expr, u32)]) -> Result<()> {
        let (mut btree, mut hash) = (true, true);
        let (mut operators, mut columns) = (Vec::new(), Vec::new());
        for (qual, _) in quals {
            let reads = relids(qual);
            let one_sided = !reads.overlaps(&sj.syn_right) || reads.is_subset(&sj.syn_right);
            let Expr::Op(op) = qual else {
                if one_sided {
                    continue;
                }
                return Ok(());
            };
            if one_sided {
                continue;
            }
            if op.args.len() != 2 {
                return Ok(());
            }
            let (left, right) = (relids(&op.args[0]), relids(&op.args[1]));
            let (operator, column) = if right.is_subset(&sj.syn_right) && !left.overlaps(&sj.syn_right) {
                (op.operator, op.args[1].clone())
            } else if left.is_subset(&sj.syn_right) && !right.overlaps(&sj.syn_right) {
                match commute(self.session(), op)? {
                    Some(swapped) => (swapped.operator, op.args[0].clone()),
                    None => return Ok(()),
                }
            } else {
                return Ok(());
            };
            let merges = !equality_families(self.session(), operator)?.is_empty();
            let hashes = self.session().operator(operator)?.oprcanhash;
            if (!merges && !hashes) || contains_volatile(self.session(), &column)? {
                return Ok(());
            }
            btree &= merges;
            hash &= hashes;
            operators.push(operator);
            columns.push(column);
        }
        if columns.is_empty() || !(btree || hash) {
            return Ok(());
        }
        (sj.semi_can_btree, sj.semi_can_hash) = (btree, hash);
        (sj.semi_operators, sj.semi_rhs) = (operators, columns);
        Ok(())
    }

    /// A condition whose relations include nullable ones waits for the joins that may null them. Returns whether it had
    /// to wait, and the relations that may be null where it stands.
    fn delay(&mut self, reads: &mut RelSet, pushed_down: bool) -> (bool, RelSet) {
        let mut delayed = false;
        let mut nullable = RelSet::new();
        loop {
            let mut found = false;
            for sj in &mut self.special_joins {
                let nulls = reads.overlaps(&sj.min_right) && sj.kind != JoinKind::Semi
                    || (sj.kind == JoinKind::Full && reads.overlaps(&sj.min_left));
                if !nulls {
                    continue;
                }
                nullable.extend(&sj.min_right);
                if sj.kind == JoinKind::Full {
                    nullable.extend(&sj.min_left);
                }
                if !sj.min_left.is_subset(reads) || !sj.min_right.is_subset(reads) {
                    reads.extend(&sj.min_left);
                    reads.extend(&sj.min_right);
                    delayed = true;
                    found = true;
                }
                // A condition of a subquery on the nullable side of a join further up, which must be checked above this
                // join and below that one: the two keep their order.
                if sj.kind != JoinKind::Full && reads.overlaps(&sj.min_left) && pushed_down {
                    sj.delay_upper_joins = true;
                }
            }
            if !found {
                return (delayed, nullable);
            }
        }
    }

    /// Whether both sides of an equality could be computed before the joins above their relations: else they are not
    /// the same everywhere, and no members of a class.
    fn sides_stand_alone(&mut self, clause: &Clause) -> bool {
        [&clause.left, &clause.right].into_iter().all(|side| !self.delay(&mut side.clone(), true).0)
    }

    /// `column IS NULL` of the side that an antijoin below leaves no row of.
    fn follows_from_antijoin(&self, expr: &Expr) -> bool {
        let Expr::NullTest { arg, is_null: true, row_argument: false, .. } = expr else { return false };
        let Expr::Var(v) = &**arg else { return false };
        crate::clause::var_rti(v).is_some_and(|rti| {
            self.special_joins.iter().any(|sj| sj.kind == JoinKind::Anti && sj.syn_right.contains(rti))
        })
    }

    fn distribute(&mut self, expr: Expr, place: &Place<'_>, postponed: &mut Vec<(Expr, u32)>) -> Result<()> {
        let mut reads = relids(&expr);
        if !reads.is_subset(place.scope) {
            // A lateral reference from a merged subquery: the condition belongs to a level further up.
            postponed.push((expr, place.security_level));
            return Ok(());
        }
        let mut pseudoconstant = false;
        if reads.is_empty() {
            if let Some(scope) = place.outer_scope {
                reads = scope.clone();
            } else {
                reads = place.scope.clone();
                if !contains_volatile(self.session(), &expr)? {
                    pseudoconstant = true;
                    self.has_pseudoconstant = true;
                    if !place.below_outer_join {
                        reads = crate::clause::from_relids(&self.query.join_tree);
                    }
                }
            }
        }
        let is_outer_clause = place.outer_scope.is_some() && reads.overlaps(place.nonnullable);
        let (pushed_down, delayed, equivalence, outer_relids, nullable) = if is_outer_clause {
            let mut own = reads.clone();
            let (delayed, nullable) = self.delay(&mut own, false);
            reads = place.outer_scope.cloned().unwrap_or(own);
            (false, delayed, false, place.nonnullable.clone(), nullable)
        } else {
            let (delayed, nullable) = self.delay(&mut reads, true);
            if delayed && self.follows_from_antijoin(&expr) {
                return Ok(());
            }
            (true, delayed, !delayed, RelSet::new(), nullable)
        };
        let wanted = reads.clone();
        let mut clause = self.clause(
            expr,
            reads,
            pushed_down,
            delayed,
            pseudoconstant,
            place.security_level,
            outer_relids,
        )?;
        if let Some(clause) = Rc::get_mut(&mut clause) {
            clause.nullable = nullable;
        }
        if wanted.len() > 1 {
            let expr = clause.expr.clone();
            self.need(&expr, &wanted);
        }
        if !clause.merge_families.is_empty() {
            if equivalence && self.sides_stand_alone(&clause) {
                if self.process_equivalence(&clause, place.below_outer_join)? {
                    return Ok(());
                }
            } else if is_outer_clause && clause.can_join {
                if clause.left.is_subset(place.nonnullable) && !clause.right.overlaps(place.nonnullable) {
                    self.left_join_clauses.push(clause);
                    return Ok(());
                }
                if clause.right.is_subset(place.nonnullable) && !clause.left.overlaps(place.nonnullable) {
                    self.right_join_clauses.push(clause);
                    return Ok(());
                }
                if place.kind == JoinKind::Full {
                    self.full_join_clauses.push(clause);
                    return Ok(());
                }
            }
        }
        self.assign(clause)
    }

    /// A condition with what planning asks of it.
    pub fn clause(
        &self,
        expr: Expr,
        required: RelSet,
        pushed_down: bool,
        delayed: bool,
        pseudoconstant: bool,
        security_level: u32,
        outer_relids: RelSet,
    ) -> Result<ClauseRef> {
        let reads = relids(&expr);
        let (mut left, mut right) = (RelSet::new(), RelSet::new());
        let mut can_join = false;
        let mut merge_families = Vec::new();
        let mut hash_operator = Oid(0);
        if let Expr::Op(op) = &expr
            && op.args.len() == 2
        {
            (left, right) = (relids(&op.args[0]), relids(&op.args[1]));
            can_join = !left.is_empty() && !right.is_empty() && !left.overlaps(&right);
            let binary = !pseudoconstant && !contains_volatile(self.session(), &expr)?;
            if binary {
                let row = self.session().operator(op.operator)?;
                if row.oprcanmerge && self.mergeable_type(op.operator, &op.args[0])? {
                    merge_families = equality_families(self.session(), op.operator)?;
                }
                if row.oprcanhash && can_join && self.hashable_type(op.operator, &op.args[0])? {
                    hash_operator = op.operator;
                }
            }
        }
        let leakproof = security_level > 0 && !contains_leaky(self.session(), &expr)?;
        Ok(Rc::new(Clause {
            expr,
            required,
            relids: reads,
            left,
            right,
            outer_relids,
            nullable: RelSet::new(),
            pushed_down,
            can_join,
            pseudoconstant,
            delayed,
            leakproof,
            security_level,
            parent_ec: None,
            left_ec: Cell::new(None),
            right_ec: Cell::new(None),
            merge_families,
            hash_operator,
            norm_selectivity: Cell::new(-1.0),
            outer_selectivity: Cell::new(-1.0),
            eval_cost: Cell::new(None),
            merge_parts: RefCell::default(),
        }))
    }

    /// Equality of arrays and records can be sorted only if their elements can.
    fn mergeable_type(&self, operator: Oid, arg: &Expr) -> Result<bool> {
        const ARRAY_EQ: Oid = Oid(1070);
        const RECORD_EQ: Oid = Oid(2988);
        if !matches!(operator, ARRAY_EQ | RECORD_EQ) {
            return Ok(true);
        }
        let type_oid = ir::expr_type(arg);
        match self.session().element_type(type_oid)? {
            Some(element) => Ok(self.session().default_opclass(element, crate::clause::BTREE)?.is_some()),
            None => Ok(operator == RECORD_EQ),
        }
    }

    fn hashable_type(&self, operator: Oid, arg: &Expr) -> Result<bool> {
        const ARRAY_EQ: Oid = Oid(1070);
        const RECORD_EQ: Oid = Oid(2988);
        if !matches!(operator, ARRAY_EQ | RECORD_EQ) {
            return Ok(true);
        }
        match self.session().element_type(ir::expr_type(arg))? {
            Some(element) => Ok(self.session().default_opclass(element, crate::clause::HASH)?.is_some()),
            None => Ok(false),
        }
    }

    /// Gives a condition to the relation or the joins that check it.
    pub fn assign(&mut self, clause: ClauseRef) -> Result<()> {
        let wanted = clause.required.clone();
        if wanted.len() == 1 {
            let rti = wanted.iter().next().unwrap_or(0);
            if !self.has_base(rti) || self.is_trivially_true(&clause) {
                return Ok(());
            }
            let rel = self.base_mut(rti);
            rel.min_security = rel.min_security.min(clause.security_level);
            rel.restrictions.push(clause);
            return Ok(());
        }
        for rti in wanted.iter() {
            if self.has_base(rti) {
                self.base_mut(rti).join_clauses.push(clause.clone());
            }
        }
        Ok(())
    }

    /// `column IS NOT NULL` of a column that cannot be.
    fn is_trivially_true(&self, clause: &Clause) -> bool {
        let Expr::NullTest { arg, is_null: false, row_argument: false, .. } = &clause.expr else {
            return false;
        };
        self.never_null(arg)
    }

    /// A column declared NOT NULL of a table that no outer join can null.
    pub fn never_null(&self, expr: &Expr) -> bool {
        let Expr::Var(v) = expr else { return false };
        let Some(rti) = crate::clause::var_rti(v).filter(|rti| self.has_base(*rti)) else { return false };
        if self.nullable_base.contains(rti) {
            return false;
        }
        match (&self.base(rti).entry, v.attribute) {
            (Some(_), n) if n < 0 => true,
            (Some(entry), n) if n > 0 => entry.desc().attributes().get(n as usize - 1).is_some_and(|a| {
                a.not_null
                    && !entry.not_nulls.iter().any(|c| !c.convalidated && c.conkey.as_deref() == Some(&[n]))
            }),
            _ => false,
        }
    }
}

fn single(mut items: Vec<JoinItem>) -> JoinItem {
    if items.len() == 1 { items.remove(0) } else { JoinItem::List(items) }
}
