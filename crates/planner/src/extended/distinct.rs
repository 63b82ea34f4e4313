//! Numbers of groups: of columns that statistics objects know the combinations of, and of all others.

use super::{ExtendedStatistics, column_of};
use crate::clause::{self, strip_relabel};
use crate::cost::clamp_rows;
use crate::types::{ClauseRef, Root};
use adt::multivariate::Distinct;
use base::{Error, Result};
use ir::{Expr, RelSet};
use std::rc::Rc;

/// What rows are grouped by: a column, or an expression of which statistics know.
struct Variable {
    expr: Expr,
    /// The relation it is of, if it is one of this level.
    rti: Option<usize>,
    distinct: f64,
}

impl<'a> Root<'a> {
    /// The number of groups that rows fall into by some expressions.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn group_count(&self, exprs: &[Expr], rows: f64) -> Result<f64> {
        let rows = clamp_rows(rows);
        let mut variables: Vec<Variable> = Vec::new();
        let mut total = 1.0;
        for expr in exprs {
            if ir::expr_type(expr) == clause::BOOL {
                total *= 2.0;
                continue;
            }
            let stats = self.examine(expr)?;
            if stats.row.is_some() || stats.is_unique {
                self.add_variable(&mut variables, strip_relabel(expr))?;
                continue;
            }
            let mut vars = Vec::new();
            clause::vars(expr, &mut vars);
            if vars.is_empty() && clause::contains_volatile(self.session(), expr)? {
                return Ok(rows);
            }
            for var in vars {
                self.add_variable(&mut variables, &Expr::Var(var))?;
            }
        }
        while let Some(first) = variables.first() {
            let Some(rti) = first.rti else {
                total *= variables.remove(0).distinct;
                continue;
            };
            let (own, others) = variables.into_iter().partition(|v| v.rti == Some(rti));
            variables = others;
            total *= self.groups_of_relation(rti, own)?;
        }
        Ok(total.ceil().min(rows).max(1.0))
    }

    fn add_variable(&self, variables: &mut Vec<Variable>, expr: &Expr) -> Result<()> {
        let mut expr = expr.clone();
        clear_nulling(&mut expr)?;
        if variables.iter().any(|known| known.expr == expr) {
            return Ok(());
        }
        let stats = self.examine(&expr)?;
        let distinct = self.distinct_values(&stats).0;
        // Of columns of different relations that are known to be equal, the one with fewer values counts.
        for at in 0..variables.len() {
            let known = &variables[at];
            if known.rti != stats.rti && self.known_equal(&known.expr, &expr) {
                if known.distinct <= distinct {
                    return Ok(());
                }
                variables.remove(at);
                break;
            }
        }
        variables.push(Variable { expr, rti: stats.rti, distinct });
        Ok(())
    }

    /// Whether both are members of one equivalence class.
    fn known_equal(&self, a: &Expr, b: &Expr) -> bool {
        self.ecs.iter().filter(|ec| ec.merged.is_none() && !ec.has_volatile).any(|ec| {
            let member = |expr: &Expr| ec.members.iter().any(|m| m.expr == *expr);
            member(a) && member(b)
        })
    }

    fn groups_of_relation(&self, rti: usize, mut variables: Vec<Variable>) -> Result<f64> {
        let (mut distinct, mut most, mut count) = (1.0, 1.0f64, 0);
        while !variables.is_empty() {
            let exprs: Vec<&Expr> = variables.iter().map(|v| &v.expr).collect();
            let Some((together, taken)) = self.distinct_together(rti, &exprs)? else { break };
            distinct *= together;
            most = most.max(together);
            count += 1;
            let mut flags = taken.into_iter();
            variables.retain(|_| !flags.next().unwrap_or(false));
        }
        for variable in &variables {
            distinct *= variable.distinct;
            most = most.max(variable.distinct);
            count += 1;
        }
        let (tuples, after) = (self.base(rti).tuples, self.base(rti).rows);
        if tuples <= 0.0 {
            return Ok(distinct);
        }
        let limit = if count > 1 { (tuples * 0.1).max(most.min(tuples)) } else { tuples };
        distinct = distinct.min(limit);
        if distinct > 0.0 && after < tuples {
            // Yao, "Approximating block accesses in database organizations", in Dell'Era's form.
            distinct *= 1.0 - ((tuples - after) / tuples).powf(tuples / distinct);
        }
        Ok(clamp_rows(distinct))
    }

    /// How many combinations of values those expressions have that the best statistics object knows together, and
    /// which these are.
    fn distinct_together(&self, rti: usize, exprs: &[&Expr]) -> Result<Option<(f64, Vec<bool>)>> {
        if self.base(rti).statistics.is_empty() {
            return Ok(None);
        }
        // Matched expressions count before matched columns.
        let mut best: Option<(&Rc<ExtendedStatistics>, (usize, usize))> = None;
        for object in self.extended_of(rti).filter(|s| s.data.stxdndistinct.is_some()) {
            let columns = exprs.iter().filter_map(|e| column_of(e, rti));
            let columns = columns.filter(|c| object.columns.contains(c)).count();
            let complex = exprs.iter().filter(|e| object.exprs.contains(e)).count();
            if columns + complex >= 2 && best.as_ref().is_none_or(|b| (complex, columns) > b.1) {
                best = Some((object, (complex, columns)));
            }
        }
        let Some((object, _)) = best else { return Ok(None) };
        let Some(known) = object.distinct()? else { return Ok(None) };
        let mut numbers: Vec<i16> = Vec::new();
        let mut taken = Vec::with_capacity(exprs.len());
        for expr in exprs {
            let number = match column_of(expr, rti) {
                Some(column) => object.columns.contains(&column).then_some(column),
                None => object.exprs.iter().position(|e| e == *expr).map(|at| -(at as i16) - 1),
            };
            taken.push(number.is_some());
            numbers.extend(number);
        }
        let count = of_combination(&known, &numbers)?;
        Ok(Some((count, taken)))
    }

    /// The part of the rows in an average bucket of a hash table, as far as statistics objects of the inner relations
    /// know the combinations of its keys; and the conditions whose keys they do not know.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn bucket_fraction(&self, inner: &RelSet, hash: &[ClauseRef]) -> Result<(f64, Vec<ClauseRef>)> {
        if hash.len() < 2 || self.rels.iter().flatten().all(|rel| rel.statistics.is_empty()) {
            return Ok((1.0, hash.to_vec()));
        }
        let mut others: Vec<ClauseRef> = Vec::new();
        // By relation, in the order of the conditions.
        let mut groups: Vec<(usize, Vec<(Expr, ClauseRef)>)> = Vec::new();
        for clause in hash {
            let Expr::Op(op) = &clause.expr else { continue };
            let (side, reads) = match clause.right.is_subset(inner) {
                true => (&op.args[1], &clause.right),
                false => (&op.args[0], &clause.left),
            };
            let single = reads.iter().next().filter(|rti| {
                reads.len() == 1 && self.has_base(*rti) && !self.base(*rti).statistics.is_empty()
            });
            let Some(rti) = single else {
                others.push(clause.clone());
                continue;
            };
            let mut expr = side.clone();
            clear_nulling(&mut expr)?;
            match groups.iter_mut().find(|group| group.0 == rti) {
                Some((_, keys)) if keys.iter().any(|(known, _)| *known == expr) => {}
                Some((_, keys)) => keys.push((expr, clause.clone())),
                None => groups.push((rti, vec![(expr, clause.clone())])),
            }
        }
        let mut distinct = 1.0f64;
        for (rti, mut keys) in groups {
            while keys.len() >= 2 {
                let exprs: Vec<&Expr> = keys.iter().map(|(expr, _)| expr).collect();
                let Some((together, taken)) = self.distinct_together(rti, &exprs)? else { break };
                distinct = distinct.max(together);
                let mut flags = taken.into_iter();
                keys.retain(|_| !flags.next().unwrap_or(false));
            }
            others.extend(keys.into_iter().map(|(_, clause)| clause));
        }
        Ok((1.0 / distinct, others))
    }
}

fn clear_nulling(expr: &mut Expr) -> Result<()> {
    if let Expr::Var(var) = expr {
        var.nulling = RelSet::new();
    }
    clause::children_mut(expr, &mut clear_nulling)
}

fn of_combination(known: &Distinct, numbers: &[i16]) -> Result<f64> {
    let is = |columns: &[i16]| columns.len() == numbers.len() && columns.iter().all(|c| numbers.contains(c));
    let item = known.items.iter().find(|item| is(&item.columns));
    item.map(|item| item.distinct).ok_or_else(|| Error::corrupted("corrupt MVNDistinct entry"))
}
