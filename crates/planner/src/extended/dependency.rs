//! Estimates from functional dependencies, for conditions that ask for values of columns.
//!
//! When the part `f` of the rows agrees with "a determines b", then
//!
//! ```text
//! P(a, b) = f * min(P(a), P(b)) + (1 - f) * P(a) * P(b)
//! ```
//!
//! The widest and strongest dependencies are applied first; each explains one column, which is then no longer looked at.

use super::{ExtendedStatistics, column_of, relabelled};
use crate::clause::{contains_volatile, relids};
use crate::selectivity::{Context, clamp};
use crate::types::Root;
use adt::multivariate::Dependency;
use base::Result;
use ir::{BoolOp, Expr};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Among expressions that conditions are about: a column's number or, below zero, that of an expression.
type Key = i32;

fn expression_key(at: usize) -> Key {
    -(at as Key) - 1
}

impl<'a> Root<'a> {
    /// What part of the rows pass the conditions that dependencies tell of, which are marked.
    pub(super) fn by_dependencies(
        &self,
        rti: usize,
        exprs: &[&Expr],
        context: Context<'_>,
        estimated: &mut [bool],
    ) -> Result<f64> {
        let objects: Vec<&Rc<ExtendedStatistics>> =
            self.extended_of(rti).filter(|s| s.data.stxddependencies.is_some()).collect();
        if objects.is_empty() {
            return Ok(1.0);
        }
        let mut known: Vec<Expr> = Vec::new();
        let mut keys: Vec<Option<Key>> = Vec::with_capacity(exprs.len());
        for (expr, done) in exprs.iter().zip(estimated.iter()) {
            let asked = if *done { None } else { self.asked_for(rti, expr)? };
            keys.push(match asked {
                Some(asked) => self.key_of(rti, &asked, &objects, &mut known),
                None => None,
            });
        }
        let mut open: BTreeSet<Key> = keys.iter().flatten().copied().collect();
        if open.len() < 2 {
            return Ok(1.0);
        }
        let mut usable = Vec::new();
        for object in objects {
            usable.push(applicable(object, &open, &known)?);
        }
        let mut applied: Vec<&(f64, Vec<Key>)> = Vec::new();
        while let Some(strongest) = strongest(&usable, &open) {
            applied.push(strongest);
            if let Some(implied) = strongest.1.last() {
                open.remove(implied);
            }
        }
        if applied.is_empty() {
            return Ok(1.0);
        }
        self.apply_dependencies(exprs, &keys, &applied, context, estimated)
    }

    /// The expression whose value a condition asks for: `x = constant`, `x IN (constants)`, several of these for the
    /// same `x`, or a boolean `x`.
    fn asked_for(&self, rti: usize, expr: &Expr) -> Result<Option<Expr>> {
        let reads = relids(expr);
        if reads.len() != 1 || !reads.contains(rti) {
            return Ok(None);
        }
        let is_fixed = |expr: &Expr| -> Result<bool> {
            Ok(relids(expr).is_empty() && !contains_volatile(self.session(), expr)?)
        };
        let asks = |operator| -> Result<bool> {
            Ok(self.estimator(self.session().operator(operator)?.oprrest)? == "eqsel")
        };
        let asked = match expr {
            Expr::Op(op) => {
                let [left, right] = &op.args[..] else { return Ok(None) };
                let asked = match (is_fixed(right)?, is_fixed(left)?) {
                    (true, _) => left,
                    (_, true) => right,
                    _ => return Ok(None),
                };
                if !asks(op.operator)? {
                    return Ok(None);
                }
                asked
            }
            Expr::ScalarArrayOp(op) => {
                let [left, right] = &op.args[..] else { return Ok(None) };
                if !op.use_or || !is_fixed(right)? || !asks(op.operator)? {
                    return Ok(None);
                }
                left
            }
            Expr::Bool { op: BoolOp::Or, args, .. } => {
                let mut common: Option<Expr> = None;
                for arg in args {
                    match (self.asked_for(rti, arg)?, &common) {
                        (Some(asked), None) => common = Some(asked),
                        (Some(asked), Some(known)) if asked == *known => {}
                        _ => return Ok(None),
                    }
                }
                return Ok(common);
            }
            Expr::Bool { op: BoolOp::Not, args, .. } => &args[0],
            other => other,
        };
        Ok(Some(relabelled(asked).clone()))
    }

    fn key_of(
        &self,
        rti: usize,
        asked: &Expr,
        objects: &[&Rc<ExtendedStatistics>],
        known: &mut Vec<Expr>,
    ) -> Option<Key> {
        if let Some(column) = column_of(asked, rti) {
            return Some(Key::from(column));
        }
        if !objects.iter().any(|object| object.exprs.contains(asked)) {
            return None;
        }
        let at = known.iter().position(|expr| expr == asked).unwrap_or_else(|| {
            known.push(asked.clone());
            known.len() - 1
        });
        Some(expression_key(at))
    }

    fn apply_dependencies(
        &self,
        exprs: &[&Expr],
        keys: &[Option<Key>],
        applied: &[&(f64, Vec<Key>)],
        context: Context<'_>,
        estimated: &mut [bool],
    ) -> Result<f64> {
        let mut parts: BTreeMap<Key, f64> = BTreeMap::new();
        for key in applied.iter().flat_map(|dependency| &dependency.1) {
            if parts.contains_key(key) {
                continue;
            }
            let mut own: Vec<&Expr> = Vec::new();
            for (at, expr) in exprs.iter().enumerate().filter(|(at, _)| keys[*at] == Some(*key)) {
                own.push(expr);
                estimated[at] = true;
            }
            parts.insert(*key, self.all_selectivity(&own, context.without_extended())?);
        }
        // Of a chain a -> b -> c, the later link was found first.
        for (degree, columns) in applied.iter().rev() {
            let Some((implied, implying)) = columns.split_last() else { continue };
            let given: f64 = implying.iter().map(|key| parts[key]).product();
            let part = parts[implied];
            let conditional = if given <= part {
                degree + (1.0 - degree) * part
            } else {
                degree * part / given + (1.0 - degree) * part
            };
            parts.insert(*implied, conditional);
        }
        Ok(clamp(parts.values().product()))
    }
}

/// The dependencies of an object that are between what conditions ask for.
fn applicable(
    object: &ExtendedStatistics,
    open: &BTreeSet<Key>,
    known: &[Expr],
) -> Result<Vec<(f64, Vec<Key>)>> {
    let columns = object.columns.iter().filter(|c| open.contains(&Key::from(**c))).count();
    let exprs = known.iter().filter(|expr| object.exprs.contains(expr)).count();
    if columns + exprs < 2 {
        return Ok(Vec::new());
    }
    let translate = |column: &i16| -> Option<Key> {
        let key = match usize::try_from(-*column) {
            Ok(number) if number > 0 => {
                let expr = object.exprs.get(number - 1)?;
                expression_key(known.iter().position(|k| k == expr)?)
            }
            _ => Key::from(*column),
        };
        open.contains(&key).then_some(key)
    };
    let items = object.dependencies()?.map(|found| found.items).unwrap_or_default();
    let keep = |item: Dependency| {
        let keys: Option<Vec<Key>> = item.columns.iter().map(translate).collect();
        Some((item.degree, keys?))
    };
    Ok(items.into_iter().filter_map(keep).collect())
}

/// The dependency between the most of the open columns, of several the one of the highest degree.
fn strongest<'d>(objects: &'d [Vec<(f64, Vec<Key>)>], open: &BTreeSet<Key>) -> Option<&'d (f64, Vec<Key>)> {
    let mut best: Option<&(f64, Vec<Key>)> = None;
    for dependency in objects.iter().flatten() {
        let (degree, keys) = dependency;
        if keys.len() > open.len() || !keys.iter().all(|key| open.contains(key)) {
            continue;
        }
        let weaker = best.is_some_and(|(best_degree, best_keys)| {
            keys.len() < best_keys.len() || keys.len() == best_keys.len() && best_degree > degree
        });
        if !weaker {
            best = Some(dependency);
        }
    }
    best
}
