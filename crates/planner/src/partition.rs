//! Partitioned tables: which partitions a query's conditions leave, and in which order their rows come.

use crate::clause::{BOOL, BTREE, HASH, ands, bool_const, commute, const_bool, is_never, relids};
use crate::selectivity::same_expr;
use crate::types::{PathKey, Root};
use base::{Oid, Result};
use datum::OwnedDatum;
use ir::{BoolOp, BooleanTest, Expr, PruneStep};
use partition::{Bounds, Partitions, Strategy};
use std::sync::Arc;

/// An order by the partition key, and whether it holds for a part of the key only.
pub(crate) type PartitionOrder = Option<(Vec<PathKey>, bool)>;

const EQUAL: i16 = 3;
const SEED: u64 = 0x7A5B_2236_7996_DCFD;

/// What conditions say of the key's columns.
#[derive(Default)]
struct Known {
    /// By key column: strategy and value.
    compared: Vec<Vec<(i16, Expr)>>,
    different: Vec<Expr>,
    null: Vec<usize>,
    not_null: Vec<usize>,
    /// Alternatives, and conditions that come to nothing.
    steps: Vec<PruneStep>,
}

impl<'a> Root<'a> {
    /// The partitions of a partitioned table that can have rows for the query, in the order of their bounds.
    pub fn live_partitions(&mut self, rti: usize) -> Result<Vec<Oid>> {
        let Some(entry) = self.base(rti).entry.clone() else { return Ok(Vec::new()) };
        let Some(partitions) = partition::partitions_of(self.session(), &entry)? else {
            return Ok(Vec::new());
        };
        if !self.costs().enable_partition_pruning || self.base(rti).restrictions.is_empty() {
            return Ok(partitions.oids.clone());
        }
        let mut clauses: Vec<Expr> = self.base(rti).restrictions.iter().map(|c| c.expr.clone()).collect();
        let own = self.own_conditions(rti, &entry)?;
        if crate::predicate::refuted_by(self.session(), &own, &clauses)? {
            return Ok(Vec::new());
        }
        if partitions.default.is_some() {
            // What the table itself takes is known of its default partition's rows too.
            clauses.extend(own.iter().cloned());
        }
        let step = self.prune_step(rti, &partitions, &clauses, &own)?;
        if step == PruneStep::Any {
            return Ok(partitions.oids.clone());
        }
        let mut value_of = |expr: &Expr| -> Result<Option<Option<OwnedDatum>>> {
            Ok(match expr {
                Expr::Const(c) => Some(c.value.clone()),
                _ => None,
            })
        };
        let mut hash_of = |values: &[Option<OwnedDatum>]| self.hash_of(&partitions, values);
        let left = partitions.pruned(self.session(), &step, &mut value_of, &mut hash_of)?;
        Ok(left.iter().map(|at| partitions.oids[at]).collect())
    }

    /// What the bounds of a table that is a partition itself say of its rows.
    fn own_conditions(&self, rti: usize, entry: &catalog::RelationEntry) -> Result<Vec<Expr>> {
        let mut own = Vec::new();
        for mut expr in partition::own_conditions(self.session(), entry)? {
            crate::preprocess::renumber(&mut expr, 1, rti)?;
            crate::clause::deep(&mut expr, 0, &mut |e, _| {
                crate::clause::strip_locations(e);
                Ok(false)
            })?;
            own.extend(ands(crate::fold::canonicalize(self.fold(expr)?)));
        }
        Ok(own)
    }

    fn hash_of(&self, partitions: &Partitions, values: &[Option<OwnedDatum>]) -> Result<Option<u64>> {
        let mut hash = 0u64;
        for (column, value) in partitions.key.columns.iter().zip(values) {
            let Some(value) = value else { continue };
            let constant = |type_oid: Oid, value: OwnedDatum| -> Result<Expr> {
                Ok(Expr::Const(ir::Const {
                    type_oid,
                    typmod: -1,
                    collation: Oid(0),
                    layout: self.session().type_layout(type_oid)?,
                    value: Some(value),
                    location: None,
                }))
            };
            let call = Expr::Func(ir::FuncExpr {
                function: column.hash_function,
                result_type: Oid(20),
                returns_set: false,
                variadic: false,
                form: ir::CoercionForm::ExplicitCall,
                collation: Oid(0),
                input_collation: column.collation,
                args: vec![
                    constant(column.type_oid, value.clone())?,
                    constant(Oid(20), OwnedDatum::Int8(SEED as i64))?,
                ],
                location: None,
            });
            match self.fold(call)? {
                Expr::Const(ir::Const { value: Some(OwnedDatum::Int8(one)), .. }) => {
                    let mixed = (one as u64)
                        .wrapping_add(0x49A0_F4DD_15E5_A8E3)
                        .wrapping_add(hash << 54)
                        .wrapping_add(hash >> 7);
                    hash ^= mixed;
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(hash))
    }

    /// What conditions that hold together come to.
    fn prune_step(
        &self,
        rti: usize,
        partitions: &Partitions,
        clauses: &[Expr],
        own: &[Expr],
    ) -> Result<PruneStep> {
        let count = partitions.key.columns.len();
        let mut known = Known { compared: vec![Vec::new(); count], ..Known::default() };
        let mut keys = Vec::with_capacity(count);
        for column in &partitions.key.columns {
            let mut expr = column.expr.clone();
            crate::preprocess::renumber(&mut expr, 1, rti)?;
            crate::clause::deep(&mut expr, 0, &mut |e, _| {
                crate::clause::strip_locations(e);
                Ok(false)
            })?;
            keys.push(expr);
        }
        for clause in clauses {
            if is_never(clause) {
                return Ok(PruneStep::Never);
            }
            self.note(rti, partitions, &keys, clause, own, &mut known)?;
        }
        if known.null.iter().any(|k| known.not_null.contains(k) || !known.compared[*k].is_empty()) {
            return Ok(PruneStep::Never);
        }
        let mut steps = std::mem::take(&mut known.steps);
        steps.extend(combined(partitions, &known));
        Ok(match steps.len() {
            0 => PruneStep::Any,
            1 => steps.remove(0),
            _ => PruneStep::And(steps),
        })
    }

    fn note(
        &self,
        rti: usize,
        partitions: &Partitions,
        keys: &[Expr],
        clause: &Expr,
        own: &[Expr],
        known: &mut Known,
    ) -> Result<()> {
        let place = |e: &Expr| keys.iter().position(|k| same_expr(k, e));
        match clause {
            Expr::Bool { op: BoolOp::And, args, .. } => {
                for arg in args {
                    self.note(rti, partitions, keys, arg, own, known)?;
                }
            }
            Expr::Bool { op: BoolOp::Or, args, .. } => {
                let mut arms = Vec::with_capacity(args.len());
                for arg in args {
                    let parts = ands(arg.clone());
                    if crate::predicate::refuted_by(self.session(), own, &parts)? {
                        continue;
                    }
                    let step = self.prune_step(rti, partitions, &parts, own)?;
                    if step == PruneStep::Any {
                        return Ok(());
                    }
                    arms.push(step);
                }
                known.steps.push(PruneStep::Or(arms));
            }
            Expr::NullTest { arg, is_null, row_argument: false, .. } => {
                if let Some(at) = place(arg) {
                    if *is_null { known.null.push(at) } else { known.not_null.push(at) }
                }
            }
            Expr::Op(op) if op.args.len() == 2 => {
                let (op, at) = match (place(&op.args[0]), place(&op.args[1])) {
                    (Some(at), _) => (op.clone(), at),
                    (None, Some(at)) => match commute(self.session(), op)? {
                        Some(swapped) => (swapped, at),
                        None => return Ok(()),
                    },
                    _ => return Ok(()),
                };
                let value = op.args[1].clone();
                let fits = self.comparable(rti, partitions, at, op.input_collation, &value)?;
                if !fits {
                    return self.note_boolean(keys, clause, known);
                }
                match self.strategy(partitions, at, op.operator)? {
                    Some(strategy) => known.compared[at].push((strategy, value)),
                    None if self.is_inequality(partitions, at, op.operator)? => known.different.push(value),
                    None => {}
                }
            }
            Expr::ScalarArrayOp(op) => {
                let Some(at) = place(&op.args[0]) else { return Ok(()) };
                let Some(elements) = crate::selectivity::constant_elements(self.session(), &op.args[1])?
                else {
                    return Ok(());
                };
                let equal = self.strategy(partitions, at, op.operator)?;
                let mut arms = Vec::with_capacity(elements.len());
                for element in elements {
                    if !self.comparable(rti, partitions, at, op.input_collation, &element)? {
                        return Ok(());
                    }
                    let mut own = Known { compared: vec![Vec::new(); keys.len()], ..Known::default() };
                    match equal {
                        Some(strategy) => own.compared[at].push((strategy, element)),
                        None if self.is_inequality(partitions, at, op.operator)? => {
                            own.different.push(element)
                        }
                        None => return Ok(()),
                    }
                    // The other columns' conditions are known of each element alike.
                    if op.use_or {
                        for (column, list) in known.compared.iter().enumerate().filter(|(c, _)| *c != at) {
                            own.compared[column].extend(list.iter().cloned());
                        }
                    }
                    let steps = combined(partitions, &own);
                    if steps.is_empty() {
                        return Ok(());
                    }
                    arms.push(PruneStep::And(steps));
                }
                known.steps.push(if op.use_or { PruneStep::Or(arms) } else { PruneStep::And(arms) });
            }
            other => self.note_boolean(keys, other, known)?,
        }
        Ok(())
    }

    /// A boolean key column as a condition.
    fn note_boolean(&self, keys: &[Expr], clause: &Expr, known: &mut Known) -> Result<()> {
        let place = |e: &Expr| keys.iter().position(|k| ir::expr_type(k) == BOOL && same_expr(k, e));
        let value = |v: bool| bool_const(Some(v));
        let negated = |e: &Expr| {
            keys.iter()
                .position(|k| matches!(k, Expr::Bool { op: BoolOp::Not, args, .. } if same_expr(&args[0], e)))
        };
        if const_bool(clause).is_some() {
            return Ok(());
        }
        if let Some(at) = place(clause) {
            known.compared[at].push((EQUAL, value(true)));
            return Ok(());
        }
        if let Some(at) = negated(clause) {
            known.compared[at].push((EQUAL, value(false)));
            return Ok(());
        }
        match clause {
            Expr::Bool { op: BoolOp::Not, args, .. } => {
                if let Some(at) = place(&args[0]) {
                    known.compared[at].push((EQUAL, value(false)));
                }
            }
            Expr::BooleanTest { arg, test, .. } => {
                if let Some(at) = place(arg) {
                    match test {
                        BooleanTest::True => known.compared[at].push((EQUAL, value(true))),
                        BooleanTest::False => known.compared[at].push((EQUAL, value(false))),
                        BooleanTest::Unknown => known.null.push(at),
                        BooleanTest::NotUnknown => known.not_null.push(at),
                        BooleanTest::NotTrue | BooleanTest::NotFalse if keys.len() == 1 => {
                            let other = value(*test == BooleanTest::NotFalse);
                            let equal = PruneStep::Compare {
                                strategy: EQUAL,
                                values: vec![other],
                                nulls: Vec::new(),
                            };
                            let null =
                                PruneStep::Compare { strategy: EQUAL, values: Vec::new(), nulls: vec![0] };
                            known.steps.push(PruneStep::Or(vec![equal, null]));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn comparable(
        &self,
        rti: usize,
        partitions: &Partitions,
        at: usize,
        collation: Oid,
        value: &Expr,
    ) -> Result<bool> {
        let key = &partitions.key.columns[at];
        Ok((!key.collation.is_valid() || key.collation == collation)
            && !relids(value).contains(rti)
            && !crate::clause::contains_volatile(self.session(), value)?)
    }

    /// How an operator of the key's family compares; of a hash family, equality alone.
    fn strategy(&self, partitions: &Partitions, at: usize, operator: Oid) -> Result<Option<i16>> {
        let key = &partitions.key.columns[at];
        let hash = partitions.key.strategy == Strategy::Hash;
        let rows = self.session().operator_families(operator)?;
        let found = rows
            .iter()
            .find(|r| r.amopfamily == key.family && r.amopmethod == if hash { HASH } else { BTREE });
        Ok(found.map(|r| if hash { EQUAL } else { r.amopstrategy }))
    }

    /// `<>` in terms of the key's equality, which list keys alone can make use of.
    fn is_inequality(&self, partitions: &Partitions, at: usize, operator: Oid) -> Result<bool> {
        if partitions.key.strategy != Strategy::List {
            return Ok(false);
        }
        let negator = self.session().operator(operator)?.oprnegate;
        Ok(negator.is_valid() && self.strategy(partitions, at, negator)? == Some(EQUAL))
    }

    /// The order that partitions' rows have one after another, forward and backward.
    pub fn partition_order(&mut self, rti: usize) -> Result<(PartitionOrder, PartitionOrder)> {
        let none = Ok((None, None));
        let Some(entry) = self.base(rti).entry.clone().filter(|e| e.kind() == b'p') else { return none };
        let Some(partitions) = partition::partitions_of(self.session(), &entry)? else { return none };
        if !self.is_ordered(rti, &partitions) {
            return none;
        }
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        let mut partial = false;
        for column in &partitions.key.columns {
            let mut expr = column.expr.clone();
            crate::preprocess::renumber(&mut expr, 1, rti)?;
            crate::clause::deep(&mut expr, 0, &mut |e, _| {
                crate::clause::strip_locations(e);
                Ok(false)
            })?;
            let (family, type_oid, collation) = (column.family, column.input_type, column.collation);
            let up = self.family_key(&expr, family, type_oid, collation, false, false, 0, false)?;
            let down = self.family_key(&expr, family, type_oid, collation, true, true, 0, false)?;
            let (Some(up), Some(down)) = (up, down) else {
                partial = true;
                break;
            };
            if !self.key_is_redundant(&up, &forward) {
                forward.push(up);
                backward.push(down);
            }
        }
        Ok((Some((forward, partial)), Some((backward, partial))))
    }

    /// Each partition's rows come before the next one's.
    fn is_ordered(&self, rti: usize, partitions: &Arc<Partitions>) -> bool {
        let live = |at: usize| {
            let oid = partitions.oids[at];
            let members = &self.base(rti).members;
            members.iter().any(|c| self.relation_oid(*c) == Some(oid) && !self.base(*c).dummy)
        };
        if partitions.default.is_some_and(live) {
            return false;
        }
        match &partitions.bounds {
            Bounds::Range { .. } => true,
            Bounds::Hash { .. } => false,
            Bounds::List { values, null } => {
                // A partition's values must not lie among another's.
                let mut seen: Vec<usize> = Vec::new();
                for (_, at) in values.iter().filter(|(_, at)| live(*at)) {
                    if seen.last() != Some(at) {
                        if seen.contains(at) {
                            return false;
                        }
                        seen.push(*at);
                    }
                }
                // NULL comes last, so its partition must.
                null.is_none_or(|at| !live(at) || seen.last() == Some(&at) || !seen.contains(&at))
            }
        }
    }
}

/// The steps that comparisons of the key's columns come to.
fn combined(partitions: &Partitions, known: &Known) -> Vec<PruneStep> {
    let count = partitions.key.columns.len();
    let compare =
        |strategy: i16, values: Vec<Expr>| PruneStep::Compare { strategy, values, nulls: Vec::new() };
    let mut steps: Vec<PruneStep> = known.different.iter().cloned().map(PruneStep::NotEqual).collect();
    let equal =
        |column: usize| known.compared[column].iter().find(|(s, _)| *s == EQUAL).map(|(_, v)| v.clone());
    match partitions.key.strategy {
        Strategy::Hash => {
            let mut values = Vec::new();
            for column in 0..count {
                match equal(column) {
                    Some(value) => values.push(value),
                    None if known.null.contains(&column) => {}
                    None => return steps,
                }
            }
            steps.push(PruneStep::Compare { strategy: EQUAL, values, nulls: known.null.clone() });
        }
        Strategy::List | Strategy::Range => {
            if !known.null.is_empty() {
                steps.push(PruneStep::Compare {
                    strategy: EQUAL,
                    values: Vec::new(),
                    nulls: known.null.clone(),
                });
                return steps;
            }
            let mut prefix: Vec<Expr> = Vec::new();
            for column in 0..count {
                for (strategy, value) in known.compared[column].iter().filter(|(s, _)| *s != EQUAL) {
                    let mut values = prefix.clone();
                    values.push(value.clone());
                    steps.push(compare(*strategy, values));
                }
                let mut others = known.compared[column].iter().filter(|(s, _)| *s == EQUAL).skip(1);
                for (_, value) in &mut others {
                    let mut values = prefix.clone();
                    values.push(value.clone());
                    steps.push(compare(EQUAL, values));
                }
                match equal(column) {
                    Some(value) => prefix.push(value),
                    None => break,
                }
            }
            if !prefix.is_empty() {
                steps.push(compare(EQUAL, prefix));
            }
            if steps.is_empty() && known.not_null.len() >= count {
                steps.push(PruneStep::NotNull);
            }
        }
    }
    steps
}
