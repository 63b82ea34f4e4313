//! Equivalence classes: expressions that `=` conditions make equal, from which new conditions follow.

use crate::clause::{contains_nonstrict, contains_volatile, make_op, relids};
use crate::types::{Clause, ClauseRef, EcMember, EquivalenceClass, Root};
use base::{Oid, Result};
use ir::{Expr, RelSet};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Members of append relations' members are numbered from here on, by range table index.
const CHILD: usize = 1 << 32;

impl EquivalenceClass {
    fn child_number(rti: usize, at: usize) -> usize {
        rti * CHILD + at
    }

    fn member(&self, number: usize) -> &EcMember {
        match number / CHILD {
            0 => &self.members[number],
            rti => &self.child_members[&rti][number % CHILD],
        }
    }
}

impl<'a> Root<'a> {
    /// The class that a class was merged into.
    pub fn ec_root(&self, mut ec: usize) -> usize {
        while let Some(next) = self.ecs[ec].merged {
            ec = next;
        }
        ec
    }

    pub fn live_ecs(&self) -> impl Iterator<Item = (usize, &EquivalenceClass)> {
        self.ecs.iter().enumerate().filter(|(_, ec)| ec.merged.is_none())
    }

    /// Makes an equality part of the classes. `false`: it must be treated as any other condition.
    pub fn process_equivalence(&mut self, clause: &ClauseRef, below_outer_join: bool) -> Result<bool> {
        if clause.security_level > 0 && !clause.leakproof {
            return Ok(false);
        }
        let Expr::Op(op) = &clause.expr else { return Ok(false) };
        let (item1, item2) = (op.args[0].clone(), op.args[1].clone());
        let row = self.session().operator(op.operator)?;
        if item1 == item2 {
            // `x = x` says that x is not null, which is cheaper to check.
            if self.session().function(row.oprcode)?.proisstrict
                && !contains_volatile(self.session(), &item1)?
            {
                let test = Expr::NullTest {
                    arg: Box::new(item1),
                    is_null: false,
                    row_argument: false,
                    location: None,
                };
                let replaced = self.clause(
                    test,
                    clause.required.clone(),
                    clause.pushed_down,
                    clause.delayed,
                    false,
                    clause.security_level,
                    RelSet::new(),
                )?;
                self.assign(replaced)?;
                return Ok(true);
            }
            return Ok(false);
        }
        let (collation, families) = (op.input_collation, clause.merge_families.clone());
        let (type1, type2) = (row.oprleft, row.oprright);
        let found1 = self.find_member(&item1, type1, collation, &families, below_outer_join);
        let found2 = self.find_member(&item2, type2, collation, &families, below_outer_join);
        let member = |e: Expr, type_oid: Oid, relids: RelSet| EcMember {
            is_const: relids.is_empty(),
            expr: e,
            nullable: clause.nullable.intersection(&relids),
            relids,
            type_oid,
        };
        let ec = match (found1, found2) {
            (Some(a), Some(b)) if a == b => a,
            (Some(a), Some(b)) => {
                self.merge_ecs(a, b);
                a
            }
            (Some(a), None) => {
                self.ecs[a].members.push(member(item2, type2, clause.right.clone()));
                a
            }
            (None, Some(b)) => {
                self.ecs[b].members.push(member(item1, type1, clause.left.clone()));
                b
            }
            (None, None) => {
                self.ecs.push(EquivalenceClass {
                    families,
                    collation,
                    members: vec![
                        member(item1, type1, clause.left.clone()),
                        member(item2, type2, clause.right.clone()),
                    ],
                    sources: Vec::new(),
                    derived: RefCell::default(),
                    relids: RelSet::new(),
                    has_const: false,
                    has_volatile: false,
                    below_outer_join: false,
                    broken: false,
                    child_members: HashMap::new(),
                    sort_ref: 0,
                    merged: None,
                });
                self.ecs.len() - 1
            }
        };
        let class = &mut self.ecs[ec];
        class.below_outer_join |= below_outer_join;
        class.sources.push(clause.clone());
        class.has_const = class.members.iter().any(|m| m.is_const);
        class.relids = class.members.iter().fold(RelSet::new(), |s, m| s.union(&m.relids));
        clause.left_ec.set(Some(ec));
        clause.right_ec.set(Some(ec));
        Ok(true)
    }

    fn find_member(
        &self,
        expr: &Expr,
        type_oid: Oid,
        collation: Oid,
        families: &[Oid],
        below: bool,
    ) -> Option<usize> {
        self.live_ecs().find_map(|(i, ec)| {
            if ec.has_volatile || ec.collation != collation || ec.families != families {
                return None;
            }
            let same = |m: &EcMember| {
                !(m.is_const && (below || ec.below_outer_join)) && m.type_oid == type_oid && m.expr == *expr
            };
            ec.members.iter().any(same).then_some(i)
        })
    }

    fn merge_ecs(&mut self, into: usize, from: usize) {
        let members = std::mem::take(&mut self.ecs[from].members);
        let sources = std::mem::take(&mut self.ecs[from].sources);
        let (below, sort_ref) = (self.ecs[from].below_outer_join, self.ecs[from].sort_ref);
        self.ecs[from].merged = Some(into);
        let target = &mut self.ecs[into];
        target.members.extend(members);
        target.sources.extend(sources);
        target.below_outer_join |= below;
        if target.sort_ref == 0 {
            target.sort_ref = sort_ref;
        }
    }

    /// The class of an expression that is sorted or grouped by, made if need be.
    pub fn ec_for_sort(
        &mut self,
        expr: &Expr,
        families: &[Oid],
        type_oid: Oid,
        collation: Oid,
        sort_ref: usize,
        create: bool,
    ) -> Result<Option<usize>> {
        let expr = self.canonical_sort_expr(expr, type_oid, collation);
        // A column of a member of an append relation.
        let member = match (create, &expr) {
            (false, _) if !self.append_members.is_empty() => {
                relids(&expr).iter().find(|rti| self.append_parent(*rti).is_some())
            }
            _ => None,
        };
        let found = self.live_ecs().find_map(|(i, ec)| {
            if ec.collation != collation || ec.families != families {
                return None;
            }
            if ec.has_volatile && (sort_ref == 0 || sort_ref != ec.sort_ref) {
                return None;
            }
            let known = match member {
                Some(child) => ec.child_members.get(&child).map_or(&[][..], |m| m),
                None => &ec.members,
            };
            known
                .iter()
                .any(|m| !(ec.below_outer_join && m.is_const) && m.type_oid == type_oid && m.expr == expr)
                .then_some(i)
        });
        if found.is_some() || !create {
            return Ok(found);
        }
        let has_volatile = contains_volatile(self.session(), &expr)?;
        let reads = relids(&expr);
        let is_const = reads.is_empty()
            && !has_volatile
            && !ir::any(&expr, &mut |e| {
                matches!(
                    e,
                    Expr::Aggref(_) | Expr::WindowFunc(_) | Expr::Grouping { .. } | Expr::PlaceHolder(_)
                )
            })
            && !crate::clause::returns_set(&expr);
        self.ecs.push(EquivalenceClass {
            families: families.to_vec(),
            collation,
            relids: reads.clone(),
            members: vec![EcMember { expr, relids: reads, nullable: RelSet::new(), is_const, type_oid }],
            sources: Vec::new(),
            derived: RefCell::default(),
            has_const: is_const,
            has_volatile,
            below_outer_join: false,
            broken: false,
            child_members: HashMap::new(),
            sort_ref,
            merged: None,
        });
        Ok(Some(self.ecs.len() - 1))
    }

    /// An expression as the operator family sees it: relabelled to its input type.
    fn canonical_sort_expr(&self, expr: &Expr, type_oid: Oid, collation: Oid) -> Expr {
        let own = ir::expr_type(expr);
        let generic = matches!(type_oid.0, 2276 | 2277 | 2283 | 2249 | 3500 | 3831 | 4537);
        if own == type_oid || generic || ir::expr_collation(expr) != collation && collation.is_valid() {
            return expr.clone();
        }
        Expr::Relabel {
            arg: Box::new(crate::clause::strip_relabel(expr).clone()),
            result_type: type_oid,
            typmod: ir::expr_typmod(expr),
            collation,
            form: ir::CoercionForm::ImplicitCast,
            location: None,
        }
    }

    fn equality_operator(&self, ec: &EquivalenceClass, left: Oid, right: Oid) -> Result<Option<Oid>> {
        for family in &ec.families {
            if let Some(operator) = self.session().family_operator(*family, left, right, 3)? {
                return Ok(Some(operator));
            }
        }
        Ok(None)
    }

    /// Conditions on single relations that follow from the classes; columns of the classes are marked as needed.
    pub fn generate_base_equalities(&mut self) -> Result<()> {
        self.ec_done = true;
        for i in 0..self.ecs.len() {
            if self.ecs[i].merged.is_some()
                || (self.ecs[i].members.len() <= 1 && self.ecs[i].sources.is_empty())
            {
                continue;
            }
            let done = if self.ecs[i].has_const {
                self.equate_to_const(i)?
            } else {
                self.equate_within_relation(i)?
            };
            if !done {
                self.ecs[i].broken = true;
                let sources = self.ecs[i].sources.clone();
                for source in sources {
                    if self.ecs[i].has_const || source.required.len() <= 1 {
                        self.assign(source)?;
                    }
                }
            }
            let wanted = self.ecs[i].relids.clone();
            if wanted.len() > 1 {
                for member in self.ecs[i].members.clone() {
                    self.need(&member.expr, &wanted);
                }
            }
        }
        Ok(())
    }

    fn equate_to_const(&mut self, ec: usize) -> Result<bool> {
        let class = &self.ecs[ec];
        if class.members.len() == 2 && class.sources.len() == 1 && class.sources[0].required.len() <= 1 {
            let source = class.sources[0].clone();
            self.assign(source)?;
            return Ok(true);
        }
        let constants: Vec<&EcMember> = class.members.iter().filter(|m| m.is_const).collect();
        let Some(constant) =
            constants.iter().find(|m| matches!(m.expr, Expr::Const(_))).or(constants.first())
        else {
            return Ok(true);
        };
        let constant = (*constant).clone();
        let members = class.members.clone();
        let collation = class.collation;
        let below = class.below_outer_join;
        let mut clauses = Vec::new();
        for member in members {
            if member.expr == constant.expr && member.type_oid == constant.type_oid {
                continue;
            }
            let Some(operator) = self.equality_operator(&self.ecs[ec], member.type_oid, constant.type_oid)?
            else {
                return Ok(false);
            };
            clauses.push((
                make_op(self.session(), operator, collation, member.expr, constant.expr.clone())?,
                member.relids,
                member.nullable,
            ));
        }
        for (expr, relids, nullable) in clauses {
            self.imply(ec, expr, relids, nullable, below)?;
        }
        Ok(true)
    }

    fn equate_within_relation(&mut self, ec: usize) -> Result<bool> {
        let mut previous: Vec<(usize, EcMember)> = Vec::new();
        let mut clauses = Vec::new();
        let collation = self.ecs[ec].collation;
        let below = self.ecs[ec].below_outer_join;
        for member in self.ecs[ec].members.clone() {
            if member.relids.len() != 1 {
                continue;
            }
            let rti = member.relids.iter().next().unwrap_or(0);
            if let Some(slot) = previous.iter_mut().find(|p| p.0 == rti) {
                let before = slot.1.clone();
                let Some(operator) =
                    self.equality_operator(&self.ecs[ec], before.type_oid, member.type_oid)?
                else {
                    return Ok(false);
                };
                let expr = make_op(self.session(), operator, collation, before.expr, member.expr.clone())?;
                clauses.push((expr, member.relids.clone(), before.nullable.union(&member.nullable)));
                slot.1 = member;
            } else {
                previous.push((rti, member));
            }
        }
        for (expr, relids, nullable) in clauses {
            self.imply(ec, expr, relids, nullable, below)?;
        }
        Ok(true)
    }

    /// Adds a condition that a class implies.
    fn imply(
        &mut self,
        ec: usize,
        expr: Expr,
        relids: RelSet,
        nullable: RelSet,
        below_outer_join: bool,
    ) -> Result<()> {
        let expr = self.fold(expr)?;
        let mut pseudoconstant = false;
        let mut required = relids;
        if crate::clause::relids(&expr).is_empty() {
            if crate::clause::const_bool(&expr) == Some(Some(true)) {
                return Ok(());
            }
            pseudoconstant = true;
            self.has_pseudoconstant = true;
            required = if below_outer_join { self.ecs[ec].relids.clone() } else { self.all_base.clone() };
        }
        let level = self.ecs[ec].sources.iter().map(|s| s.security_level).max().unwrap_or(0);
        let mut clause =
            self.clause(expr, required.clone(), true, false, pseudoconstant, level, RelSet::new())?;
        if let Some(clause) = Rc::get_mut(&mut clause) {
            clause.nullable = nullable;
        }
        clause.left_ec.set(Some(ec));
        clause.right_ec.set(Some(ec));
        if required.len() > 1 {
            let expr = clause.expr.clone();
            self.need(&expr, &required);
        }
        self.assign(clause)
    }

    /// Conditions between two sides of a join that the classes imply.
    pub fn join_equalities(&self, join: &RelSet, outer: &RelSet, inner: &RelSet) -> Result<Vec<ClauseRef>> {
        let mut found = Vec::new();
        for (i, ec) in self.live_ecs() {
            if ec.has_const
                || ec.members.len() <= 1
                || !ec.relids.overlaps(outer)
                || !ec.relids.overlaps(inner)
            {
                continue;
            }
            if ec.broken || !self.ec_join_clauses(i, ec, join, outer, inner, &mut found)? {
                let usable = |c: &&ClauseRef| {
                    c.required.is_subset(join) && !c.required.is_subset(outer) && !c.required.is_subset(inner)
                };
                found.extend(ec.sources.iter().filter(usable).cloned());
            }
        }
        Ok(found)
    }

    fn ec_join_clauses(
        &self,
        index: usize,
        ec: &EquivalenceClass,
        join: &RelSet,
        outer: &RelSet,
        inner: &RelSet,
        found: &mut Vec<ClauseRef>,
    ) -> Result<bool> {
        let (mut outers, mut inners, mut news) = (Vec::new(), Vec::new(), Vec::new());
        for (i, m) in ec.members.iter().enumerate() {
            if m.relids.is_empty() || !m.relids.is_subset(join) {
                continue;
            }
            if m.relids.is_subset(outer) {
                outers.push(i);
            } else if m.relids.is_subset(inner) {
                inners.push(i);
            } else {
                news.push(i);
            }
        }
        if !outers.is_empty() && !inners.is_empty() {
            let mut best: Option<(u32, usize, usize, Oid)> = None;
            for o in &outers {
                for i in &inners {
                    let (a, b) = (&ec.members[*o], &ec.members[*i]);
                    let Some(operator) = self.equality_operator(ec, a.type_oid, b.type_oid)? else {
                        continue;
                    };
                    let plain = |e: &Expr| u32::from(matches!(crate::clause::strip_relabel(e), Expr::Var(_)));
                    let hashes = u32::from(self.session().operator(operator)?.oprcanhash);
                    let score = plain(&a.expr) + plain(&b.expr) + hashes;
                    if best.is_none_or(|b| score > b.0) {
                        best = Some((score, *o, *i, operator));
                    }
                }
            }
            let Some((_, o, i, operator)) = best else { return Ok(false) };
            found.push(self.ec_clause(index, ec, operator, o, i, Some(index))?);
        }
        if !news.is_empty() {
            let old = if outers.is_empty() { inners.first() } else { outers.first() };
            let mut previous = old.copied();
            for n in news {
                if let Some(p) = previous {
                    let types = (ec.members[p].type_oid, ec.members[n].type_oid);
                    let Some(operator) = self.equality_operator(ec, types.0, types.1)? else {
                        return Ok(false);
                    };
                    found.push(self.ec_clause(index, ec, operator, p, n, None)?);
                }
                previous = Some(n);
            }
        }
        Ok(true)
    }

    /// The clause `member = member`, the same one whenever it is asked for.
    fn ec_clause(
        &self,
        index: usize,
        ec: &EquivalenceClass,
        operator: Oid,
        left: usize,
        right: usize,
        parent: Option<usize>,
    ) -> Result<ClauseRef> {
        let (a, b) = (ec.member(left), ec.member(right));
        for source in &ec.sources {
            if let Expr::Op(op) = &source.expr
                && op.operator == operator
                && op.args[0] == a.expr
                && op.args[1] == b.expr
                && parent.is_none()
            {
                return Ok(source.clone());
            }
        }
        if let Some(known) = ec.derived.borrow().iter().find(|d| (d.0, d.1, d.2) == (left, right, parent)) {
            return Ok(known.3.clone());
        }
        let expr = make_op(self.session(), operator, ec.collation, a.expr.clone(), b.expr.clone())?;
        let level = ec.sources.iter().map(|s| s.security_level).max().unwrap_or(0);
        let made = self.clause(expr, a.relids.union(&b.relids), true, false, false, level, RelSet::new())?;
        let mut made = Rc::try_unwrap(made).expect("just made");
        made.parent_ec = parent;
        made.nullable = a.nullable.union(&b.nullable);
        made.left_ec = Cell::new(Some(index));
        made.right_ec = Cell::new(Some(index));
        let made: Rc<Clause> = Rc::new(made);
        ec.derived.borrow_mut().push((left, right, parent, made.clone()));
        Ok(made)
    }

    /// Equalities between an expression of one relation (as `matches` tells) and other relations: what an index scan
    /// could be parameterised by.
    pub fn equalities_for_column(
        &self,
        rti: usize,
        matches: &dyn Fn(&EquivalenceClass, &EcMember) -> bool,
    ) -> Result<Vec<ClauseRef>> {
        let own = RelSet::single(rti);
        let top = self.top_parent(rti);
        let mut found = Vec::new();
        for (i, ec) in self.live_ecs() {
            if ec.has_const || ec.members.len() <= 1 || !ec.relids.contains(top) {
                continue;
            }
            let mine = if top == rti {
                ec.members.iter().position(|m| m.relids == own && matches(ec, m))
            } else {
                let known = ec.child_members.get(&rti).map_or(&[][..], |m| m);
                known
                    .iter()
                    .position(|m| m.relids == own && matches(ec, m))
                    .map(|at| EquivalenceClass::child_number(rti, at))
            };
            let Some(mine) = mine else { continue };
            for (o, other) in ec.members.iter().enumerate() {
                if o == mine || other.relids.is_empty() || other.relids.contains(top) {
                    continue;
                }
                let types = (ec.member(mine).type_oid, other.type_oid);
                if let Some(operator) = self.equality_operator(ec, types.0, types.1)? {
                    found.push(self.ec_clause(i, ec, operator, mine, o, Some(i))?);
                }
            }
            if !found.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    pub fn have_ec_join(&self, a: &RelSet, b: &RelSet) -> bool {
        self.live_ecs().any(|(_, ec)| {
            ec.members.len() > 1 && !ec.has_const && ec.relids.overlaps(a) && ec.relids.overlaps(b)
        })
    }

    pub fn has_ec_joins(&self, rel: &RelSet) -> bool {
        self.live_ecs()
            .any(|(_, ec)| ec.members.len() > 1 && ec.relids.overlaps(rel) && !ec.relids.is_subset(rel))
    }

    /// Outer joins' equalities: constants on the outer side are handed to the inner one; what remains is an ordinary
    /// join condition.
    pub fn reconsider_outer_joins(&mut self) -> Result<()> {
        for (list, outer_left) in [
            (std::mem::take(&mut self.left_join_clauses), true),
            (std::mem::take(&mut self.right_join_clauses), false),
        ] {
            for clause in list {
                self.push_constant_inward(&clause, outer_left)?;
                self.assign(clause)?;
            }
        }
        for clause in std::mem::take(&mut self.full_join_clauses) {
            self.assign(clause)?;
        }
        Ok(())
    }

    fn push_constant_inward(&mut self, clause: &ClauseRef, outer_left: bool) -> Result<()> {
        let Expr::Op(op) = &clause.expr else { return Ok(()) };
        let (outer, inner) = if outer_left { (&op.args[0], &op.args[1]) } else { (&op.args[1], &op.args[0]) };
        let row = self.session().operator(op.operator)?;
        if !self.session().function(row.oprcode)?.proisstrict || contains_nonstrict(self.session(), inner)? {
            return Ok(());
        }
        let inner_type = if outer_left { row.oprright } else { row.oprleft };
        let inner_relids = if outer_left { clause.right.clone() } else { clause.left.clone() };
        let mut implied = Vec::new();
        for (_, ec) in self.live_ecs() {
            if !ec.has_const
                || ec.has_volatile
                || ec.collation != op.input_collation
                || ec.families != clause.merge_families
                || !ec.members.iter().any(|m| m.expr == *outer)
            {
                continue;
            }
            for constant in ec.members.iter().filter(|m| m.is_const) {
                if let Some(operator) = self.equality_operator(ec, inner_type, constant.type_oid)? {
                    implied.push(make_op(
                        self.session(),
                        operator,
                        op.input_collation,
                        inner.clone(),
                        constant.expr.clone(),
                    )?);
                }
            }
        }
        for expr in implied {
            let mut derived = self.clause(
                expr,
                inner_relids.clone(),
                true,
                false,
                false,
                clause.security_level,
                RelSet::new(),
            )?;
            if let Some(derived) = Rc::get_mut(&mut derived) {
                derived.nullable = clause.nullable.intersection(&inner_relids);
            }
            if !self.process_equivalence(&derived, true)? {
                self.assign(derived)?;
            }
        }
        Ok(())
    }
}
