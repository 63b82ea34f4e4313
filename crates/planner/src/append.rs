//! Append relations: a member of FROM whose rows are those of several others. Inheritance makes one of a table with
//! children, a partitioned table is one, and UNION ALL in FROM is one of its queries.
//!
//! ```text
//! parent    range table entry that the query names: its conditions, columns and joins
//!   member  an entry of its own, added while planning: the parent's conditions and columns, translated
//! ```
//! The join search sees the parent alone. Members get conditions of their own, so that each is read in its best way;
//! what a member's conditions exclude is left out. Equivalence classes hold the members' columns apart from the others
//! (`child_members`), so that orders of members are known as orders of the parent.

use crate::clause::{BOOL, ands, const_bool, deep, is_never, relids, var, var_rti};
use crate::types::{AppendMember, Clause, ClauseRef, EcMember, Root};
use base::{Error, Oid, Result};
use catalog::{LockMode, RelationEntry};
use ir::{Alias, Expr, RangeTableEntry, RangeTableKind, RelSet, TargetEntry};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Levels of append relations within one another beyond which planning gives up.
const MAX_DEPTH: usize = 100;

/// The set with the parent replaced by its member.
fn replaced(set: &RelSet, parent: usize, child: usize) -> RelSet {
    if !set.contains(parent) {
        return set.clone();
    }
    let mut set = set.clone();
    set.remove(parent);
    set.insert(child);
    set
}

/// An expression over an append relation as one over its member.
pub(crate) fn translate(member: &AppendMember, expr: &mut Expr) -> Result<()> {
    deep(expr, 0, &mut |e, level| {
        match e {
            Expr::Var(v) if v.levels_up == level && level == 0 && var_rti(v) == Some(member.parent) => {
                let (returning, location) = (v.returning, v.location);
                let mut own = match v.attribute {
                    0 => member.whole_row(v)?,
                    n if n < 0 => {
                        Expr::Var(ir::Var { source: ir::VarSource::Relation(member.child), ..v.clone() })
                    }
                    n => member.column(n)?.clone(),
                };
                if let Expr::Var(own) = &mut own {
                    (own.returning, own.location) = (returning, location);
                }
                *e = own;
                return Ok(true);
            }
            Expr::CurrentOf { relation, .. } if *relation == member.parent => *relation = member.child,
            _ => {}
        }
        Ok(false)
    })
}

impl AppendMember {
    /// What stands for a column of the parent.
    pub fn column(&self, attribute: i16) -> Result<&Expr> {
        let found = self.columns.get((attribute as usize).wrapping_sub(1)).and_then(Option::as_ref);
        found.ok_or_else(|| Error::internal("attribute of an append relation has no counterpart in a member"))
    }

    fn whole_row(&self, v: &ir::Var) -> Result<Expr> {
        let Some(row_type) = self.row_type else {
            return Ok(Expr::Row {
                args: self.columns.iter().flatten().cloned().collect(),
                row_type: v.type_oid,
                form: ir::CoercionForm::ImplicitCast,
                column_names: self.names.clone(),
                location: None,
            });
        };
        let own = Expr::Var(var(self.child, 0, row_type, -1, Oid(0)));
        if row_type == v.type_oid {
            return Ok(own);
        }
        Ok(Expr::ConvertRowtype {
            arg: Box::new(own),
            result_type: v.type_oid,
            form: ir::CoercionForm::ImplicitCast,
            location: None,
        })
    }
}

impl<'a> Root<'a> {
    /// The append relation that a range table entry is a member of.
    pub fn append_parent(&self, rti: usize) -> Option<&AppendMember> {
        let at = self.rels.get(rti)?.as_ref()?.append_member?;
        self.append_members.get(at)
    }

    /// The member of the join tree that a relation stands for.
    pub fn top_parent(&self, mut rti: usize) -> usize {
        while let Some(member) = self.append_parent(rti) {
            rti = member.parent;
        }
        rti
    }

    /// Adds the members of all append relations, each with its conditions and columns.
    pub fn expand_append_relations(&mut self) -> Result<()> {
        for rti in self.all_base.clone().iter() {
            self.expand_append_relation(rti, 0)?;
        }
        Ok(())
    }

    fn expand_append_relation(&mut self, rti: usize, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            base::bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        }
        let members: Vec<usize> =
            (0..self.append_members.len()).filter(|i| self.append_members[*i].parent == rti).collect();
        if members.is_empty() {
            return self.expand_inheritance(rti, depth);
        }
        self.base_mut(rti).is_append = true;
        for at in members {
            self.expand_member(rti, at, depth)?;
        }
        Ok(())
    }

    fn expand_member(&mut self, rti: usize, at: usize, depth: usize) -> Result<()> {
        let child = self.append_members[at].child;
        self.add_member(at)?;
        self.base_mut(rti).members.push(child);
        self.expand_append_relation(child, depth + 1)
    }

    /// Entries for the tables that inherit from a table; itself is the first.
    fn expand_inheritance(&mut self, rti: usize, depth: usize) -> Result<()> {
        let RangeTableKind::Relation { oid, relkind, inherit: true, lock_mode, .. } = self.rte(rti).kind
        else {
            return Ok(());
        };
        let Some(parent) = self.base(rti).entry.clone() else { return Ok(()) };
        if !parent.class.relhassubclass && relkind != b'p' {
            return Ok(());
        }
        let tables: Vec<Oid> = match relkind {
            b'p' => self.live_partitions(rti)?,
            _ => {
                let all: Vec<Oid> = self.session().descendants(oid)?.into_iter().map(|d| d.0).collect();
                if all.len() < 2 {
                    return Ok(());
                }
                all
            }
        };
        let mode = lock_mode_of(lock_mode);
        self.base_mut(rti).is_append = true;
        for table in tables {
            if table != oid {
                self.session().lock_relation(table, mode)?;
            }
            // One that was dropped before the lock was had is no member any more.
            let Some(entry) = self.session().relation(table)? else { continue };
            let at = self.inheritance_member(rti, &parent, &entry, table == oid)?;
            self.expand_member(rti, at, depth)?;
        }
        Ok(())
    }

    fn inheritance_member(
        &mut self,
        rti: usize,
        parent: &RelationEntry,
        entry: &RelationEntry,
        itself: bool,
    ) -> Result<usize> {
        let of = self.rte(rti);
        let RangeTableKind::Relation { lock_mode, sample, .. } = &of.kind else {
            return Err(Error::internal("an inheritance parent is no relation"));
        };
        let kind = RangeTableKind::Relation {
            oid: entry.oid(),
            relkind: entry.kind(),
            lock_mode: *lock_mode,
            inherit: !itself && entry.kind() == b'p',
            permission: 0,
            sample: sample.clone(),
        };
        let name = of.alias.as_ref().unwrap_or(&of.eref).name.clone();
        let columns: Vec<String> = entry
            .desc()
            .attributes()
            .iter()
            .map(|a| if a.dropped { String::new() } else { a.name.clone() })
            .collect();
        let eref = Alias { name: name.clone(), columns };
        let rte = RangeTableEntry {
            kind,
            alias: Some(Alias { name, columns: Vec::new() }),
            eref,
            lateral: false,
            in_from: of.in_from,
            security_quals: Vec::new(),
        };
        self.query.range_table.push(rte);
        let child = self.query.range_table.len();
        let mut columns = Vec::with_capacity(parent.desc().len());
        for (i, a) in parent.desc().attributes().iter().enumerate() {
            if a.dropped {
                columns.push(None);
                continue;
            }
            let own = entry.desc().attributes();
            // Mostly it stands at the same place.
            let same = own.get(i).is_some_and(|c| !c.dropped && c.name == a.name);
            let at = if same { Some(i) } else { own.iter().position(|c| !c.dropped && c.name == a.name) };
            let Some(at) = at else {
                return Err(Error::internal(format!(
                    "could not find inherited attribute \"{}\" of relation \"{}\"",
                    a.name,
                    entry.name()
                )));
            };
            let c = &own[at];
            columns.push(Some(Expr::Var(var(child, at as i16 + 1, c.type_oid, c.typmod, c.collation))));
        }
        self.append_members.push(AppendMember {
            parent: rti,
            child,
            columns,
            row_type: Some(entry.class.reltype),
            names: Vec::new(),
        });
        Ok(self.append_members.len() - 1)
    }

    /// Makes the relation of a member: what its parent needs and checks, in terms of its own columns.
    fn add_member(&mut self, at: usize) -> Result<()> {
        let member = self.append_members[at].clone();
        let (parent, child) = (member.parent, member.child);
        let in_tree = self.all_base.clone();
        self.add_base_relation(child)?;
        self.all_base = in_tree;
        let of = self.base(parent);
        let (restrictions, joins) = (of.restrictions.clone(), of.join_clauses.clone());
        let (mut target, needed) = (of.target.clone(), of.needed.clone());
        let (lateral, direct) = (of.lateral.clone(), of.direct_lateral.clone());
        let (startup, ec_joins) = (of.consider_startup, of.has_ec_joins);
        for expr in &mut target.exprs {
            translate(&member, expr)?;
        }
        let mut own_needed = std::collections::HashMap::new();
        for (attribute, by) in &needed {
            let mut vars = Vec::new();
            match attribute {
                n if *n > 0 => crate::clause::vars(member.column(*n)?, &mut vars),
                n => vars.push(var(child, *n, Oid(0), -1, Oid(0))),
            }
            for v in vars.iter().filter(|v| var_rti(v) == Some(child)) {
                own_needed.entry(v.attribute).or_insert_with(RelSet::new).extend(by);
            }
        }
        let mut joined = Vec::with_capacity(joins.len());
        for clause in &joins {
            joined.push(self.translated(clause, &member)?);
        }
        let rel = self.base_mut(child);
        rel.append_member = Some(at);
        (rel.target, rel.needed) = (target, own_needed);
        (rel.lateral, rel.direct_lateral) = (lateral, direct);
        rel.consider_startup = startup;
        rel.has_ec_joins = ec_joins;
        rel.join_clauses = joined;
        self.member_restrictions(&member, &restrictions)?;
        self.member_classes(&member)
    }

    /// A clause of the parent as one of the member.
    pub fn translated(&self, clause: &ClauseRef, member: &AppendMember) -> Result<ClauseRef> {
        let (parent, child) = (member.parent, member.child);
        let mut expr = clause.expr.clone();
        translate(member, &mut expr)?;
        Ok(Rc::new(Clause {
            relids: relids(&expr),
            required: replaced(&clause.required, parent, child),
            left: replaced(&clause.left, parent, child),
            right: replaced(&clause.right, parent, child),
            outer_relids: replaced(&clause.outer_relids, parent, child),
            nullable: replaced(&clause.nullable, parent, child),
            expr,
            pushed_down: clause.pushed_down,
            can_join: clause.can_join,
            pseudoconstant: clause.pseudoconstant,
            delayed: clause.delayed,
            leakproof: clause.leakproof,
            security_level: clause.security_level,
            parent_ec: clause.parent_ec,
            left_ec: Cell::new(clause.left_ec.get()),
            right_ec: Cell::new(clause.right_ec.get()),
            merge_families: clause.merge_families.clone(),
            hash_operator: clause.hash_operator,
            norm_selectivity: Cell::new(-1.0),
            outer_selectivity: Cell::new(-1.0),
            eval_cost: Cell::new(None),
            merge_parts: RefCell::default(),
        }))
    }

    /// The parent's conditions on the member: simplified anew, because constants may stand for columns now.
    fn member_restrictions(&mut self, member: &AppendMember, restrictions: &[ClauseRef]) -> Result<()> {
        let own = RelSet::single(member.child);
        for clause in restrictions {
            let plain = member.columns.iter().flatten().all(|c| matches!(c, Expr::Var(_)));
            if plain && !matches!(clause.expr, Expr::NullTest { .. } | Expr::Const(_)) {
                let made = self.translated(clause, member)?;
                let rel = self.base_mut(member.child);
                rel.min_security = rel.min_security.min(made.security_level);
                rel.restrictions.push(made);
                continue;
            }
            let mut expr = clause.expr.clone();
            translate(member, &mut expr)?;
            for part in ands(self.fold(expr)?) {
                if is_never(&part) || self.never_holds(&part) {
                    self.base_mut(member.child).excluded = true;
                    return Ok(());
                }
                if const_bool(&part) == Some(Some(true)) || self.always_holds(&part) {
                    continue;
                }
                let pseudoconstant =
                    relids(&part).is_empty() && !crate::clause::contains_volatile(self.session(), &part)?;
                self.has_pseudoconstant |= pseudoconstant;
                let made = self.clause(
                    part,
                    own.clone(),
                    clause.pushed_down,
                    clause.delayed,
                    pseudoconstant,
                    clause.security_level,
                    RelSet::new(),
                )?;
                let rel = self.base_mut(member.child);
                rel.min_security = rel.min_security.min(made.security_level);
                rel.restrictions.push(made);
            }
        }
        if self.constraints_exclude(member.child)? {
            self.base_mut(member.child).excluded = true;
        }
        Ok(())
    }

    /// Whether a member's constraints, or its conditions among themselves, leave no rows.
    fn constraints_exclude(&self, rti: usize) -> Result<bool> {
        if !self.costs().constraint_exclusion {
            return Ok(false);
        }
        let rel = self.base(rti);
        let mut clauses = Vec::new();
        for clause in &rel.restrictions {
            if !crate::clause::contains_volatile(self.session(), &clause.expr)? {
                clauses.push(clause.expr.clone());
            }
        }
        if clauses.is_empty() {
            return Ok(false);
        }
        if crate::predicate::refuted_by(self.session(), &clauses, &clauses)? {
            return Ok(true);
        }
        let Some(entry) = &rel.entry else { return Ok(false) };
        let mut constraints = Vec::new();
        for check in entry.checks.iter().filter(|c| c.convalidated && c.conenforced) {
            let Some(text) = &check.conbin else { continue };
            for mut expr in self.hooks().read_expressions(self.session(), text)? {
                crate::preprocess::renumber(&mut expr, 1, rti)?;
                constraints.extend(ands(crate::fold::canonicalize(self.fold(expr)?)));
            }
        }
        crate::predicate::refuted_by(self.session(), &constraints, &clauses)
    }

    fn always_holds(&self, part: &Expr) -> bool {
        matches!(part, Expr::NullTest { arg, is_null: false, row_argument: false, .. } if self.never_null(arg))
    }

    fn never_holds(&self, part: &Expr) -> bool {
        matches!(part, Expr::NullTest { arg, is_null: true, row_argument: false, .. } if self.never_null(arg))
    }

    /// Adds the member's columns to the classes that its parent's are in.
    fn member_classes(&mut self, member: &AppendMember) -> Result<()> {
        let top = self.top_parent(member.parent);
        for i in 0..self.ecs.len() {
            let ec = &self.ecs[i];
            if ec.merged.is_some() || ec.has_volatile || !ec.relids.contains(top) {
                continue;
            }
            let of_parent: Vec<EcMember> = if top == member.parent {
                ec.members.iter().filter(|m| m.relids.contains(top) && !m.is_const).cloned().collect()
            } else {
                ec.child_members.get(&member.parent).cloned().unwrap_or_default()
            };
            let mut own = Vec::new();
            for m in of_parent {
                let mut expr = m.expr.clone();
                translate(member, &mut expr)?;
                let reads = relids(&expr);
                if reads.contains(member.child) {
                    let nullable = replaced(&m.nullable, member.parent, member.child);
                    own.push(EcMember {
                        relids: reads,
                        nullable,
                        is_const: false,
                        type_oid: m.type_oid,
                        expr,
                    });
                }
            }
            if !own.is_empty() {
                self.ecs[i].child_members.insert(member.child, own);
            }
        }
        Ok(())
    }

    /// Rows and width of an append relation: those of its members together.
    pub fn set_append_size(&mut self, rti: usize) -> Result<()> {
        let members = self.base(rti).members.clone();
        let mut parallel = self.base(rti).consider_parallel;
        let (mut rows, mut tuples, mut width) = (0.0, 0.0, 0.0);
        let mut widths: Vec<(i16, f64)> = Vec::new();
        let columns: Vec<Option<i16>> = self
            .base(rti)
            .target
            .exprs
            .iter()
            .map(|e| if let Expr::Var(v) = e { Some(v.attribute) } else { None })
            .collect();
        let mut live = false;
        for child in members {
            if self.base(child).excluded {
                self.mark_dummy(&RelSet::single(child))?;
                continue;
            }
            self.set_relation_size(child)?;
            self.base_mut(child).consider_parallel &= parallel;
            if self.base(child).dummy {
                continue;
            }
            live = true;
            parallel &= self.base(child).consider_parallel;
            let rel = self.base(child);
            rows += rel.rows;
            tuples += rel.tuples;
            width += f64::from(rel.target.width) * rel.rows;
            for (column, expr) in columns.iter().zip(&rel.target.exprs) {
                let Some(column) = column else { continue };
                let own = f64::from(self.expr_width(expr)?) * rel.rows;
                match widths.iter_mut().find(|w| w.0 == *column) {
                    Some(known) => known.1 += own,
                    None => widths.push((*column, own)),
                }
            }
        }
        if !live {
            return self.mark_dummy(&RelSet::single(rti));
        }
        let rel = self.base_mut(rti);
        rel.consider_parallel = parallel;
        rel.rows = rows;
        rel.tuples = tuples.max(rows);
        rel.target.width = (width / rows.max(1.0)).round_ties_even() as i32;
        let mut known = rel.attr_widths.borrow_mut();
        for (column, total) in widths {
            known.insert(column, (total / rows.max(1.0)).round_ties_even() as i32);
        }
        drop(known);
        Ok(())
    }

    /// The relations that a change of an append relation changes: its leaves that can have rows, with their ways to
    /// translate.
    pub fn changed_relations(&self, rti: usize) -> Vec<usize> {
        let rel = self.base(rti);
        if !rel.is_append {
            return vec![rti];
        }
        if rel.dummy {
            return Vec::new();
        }
        let live = |c: &&usize| !self.base(**c).dummy;
        rel.members.iter().filter(live).flat_map(|c| self.changed_relations(*c)).collect()
    }

    /// An expression over a relation of the join tree as one over a member at any depth.
    pub fn for_member(&self, child: usize, top: usize, expr: &mut Expr) -> Result<()> {
        let mut chain = Vec::new();
        let mut at = child;
        while at != top {
            let Some(member) = self.append_parent(at) else {
                return Err(Error::internal("a relation to change is no member of the one named"));
            };
            chain.push(member);
            at = member.parent;
        }
        chain.into_iter().rev().try_for_each(|member| translate(member, expr))
    }

    /// As [`Root::for_member`], for a list of output columns.
    pub fn list_for_member(
        &self,
        child: usize,
        top: usize,
        list: &[TargetEntry],
    ) -> Result<Vec<TargetEntry>> {
        let mut list = list.to_vec();
        list.iter_mut().try_for_each(|t| self.for_member(child, top, &mut t.expr))?;
        Ok(list)
    }

    /// The attribute of a member that stands for one of the relation named.
    pub fn attribute_of_member(&self, child: usize, top: usize, attribute: i16) -> Result<i16> {
        if child == top {
            return Ok(attribute);
        }
        let mut expr = Expr::Var(var(top, attribute, BOOL, -1, Oid(0)));
        self.for_member(child, top, &mut expr)?;
        match expr {
            Expr::Var(v) => Ok(v.attribute),
            _ => Err(Error::internal("a column to update is no column of a member")),
        }
    }
}

/// PostgreSQL's number of a lock mode.
fn lock_mode_of(number: u8) -> LockMode {
    match number {
        2 => LockMode::RowShare,
        3 => LockMode::RowExclusive,
        4 => LockMode::ShareUpdateExclusive,
        5 => LockMode::Share,
        6 => LockMode::ShareRowExclusive,
        7 => LockMode::Exclusive,
        8 => LockMode::AccessExclusive,
        _ => LockMode::AccessShare,
    }
}
