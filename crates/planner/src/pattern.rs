//! What part of a column's values match a pattern (LIKE, regular expressions): the values that the statistics hold are
//! matched, and where they are few, the pattern's fixed beginning and the rest of it are guessed from.

use crate::clause::strip_relabel;
use crate::selectivity::{DEFAULT_MATCH, Restriction, clamp, like_prefix, regex_prefix};
use crate::statistics::{VariableStats, array_elements};
use crate::types::Root;
use base::{Oid, Result};
use catalog::Payload;
use datum::OwnedDatum;
use ir::{Const, Expr, OpExpr};

const TEXT_EQ: Oid = Oid(98);
const TEXT_GE: Oid = Oid(667);
const TEXT_LT: Oid = Oid(664);
const BOOL_ARRAY: Oid = Oid(1000);

/// Bounds of a histogram beyond which it tells enough by itself.
const ENOUGH_BOUNDS: f64 = 100.0;
/// Bounds without which it tells nothing.
const LEAST_BOUNDS: usize = 10;

impl<'a> Root<'a> {
    pub(crate) fn pattern_selectivity(
        &self,
        op: &OpExpr,
        name: &str,
        found: Option<Restriction>,
        negate: bool,
    ) -> Result<f64> {
        let default = if negate { 1.0 - DEFAULT_MATCH } else { DEFAULT_MATCH };
        let Some(r) = found.filter(|r| r.var_on_left) else { return Ok(default) };
        let Expr::Const(c) = &r.other else { return Ok(default) };
        let Some(OwnedDatum::Bytes(pattern)) = &c.value else { return Ok(0.0) };
        let nulls = r.stats.null_fraction();
        let pattern = String::from_utf8_lossy(pattern).into_owned();
        let (prefix, rest, exact) = match name {
            "likesel" | "nlikesel" => like_prefix(&pattern),
            "prefixsel" => (pattern.clone(), 1.0, false),
            "iclikesel" | "icnlikesel" => {
                let (p, rest, _) = like_prefix(&pattern);
                (String::new(), rest * 0.2f64.powi(p.chars().count() as i32), false)
            }
            _ => regex_prefix(&pattern),
        };
        let value = if exact {
            let value = OwnedDatum::from(prefix.as_str());
            self.equal_const(&r.stats, Some(&value), TEXT_EQ, op.input_collation, true)?
        } else {
            self.matching(op, &r.stats, c, &prefix, rest, negate)?
        };
        Ok(if negate { clamp(1.0 - value - nulls) } else { clamp(value) })
    }

    /// `operator`: the pattern's, or its negation.
    fn matching(
        &self,
        op: &OpExpr,
        stats: &VariableStats,
        pattern: &Const,
        prefix: &str,
        rest: f64,
        negate: bool,
    ) -> Result<f64> {
        let histogram = stats.histogram(self)?.map(|h| h.values).unwrap_or_default();
        let common = stats.most_common(self)?;
        // The first and the last bound are the extremes, which are no fair sample.
        let sample = match histogram.len() {
            0..LEAST_BOUNDS => &[],
            count => &histogram[1..count - 1],
        };
        let values = common.iter().flat_map(|c| &c.values).chain(sample);
        let tested = self.test_values(op, values, pattern)?;
        let matches: Vec<bool> = match tested {
            Some(results) => results.iter().map(|holds| *holds != negate).collect(),
            None => Vec::new(),
        };
        let common_count = common.as_ref().map_or(0, |c| c.values.len());
        let by_sample = match matches.get(common_count..) {
            Some(of_sample) if !of_sample.is_empty() => {
                Some(of_sample.iter().filter(|m| **m).count() as f64 / of_sample.len() as f64)
            }
            _ => None,
        };
        let enough = histogram.len() as f64 >= ENOUGH_BOUNDS;
        let mut value = match by_sample {
            Some(by_sample) if enough => by_sample,
            by_sample => {
                let by_prefix = match (prefix.is_empty(), stats.row.is_none()) {
                    (true, _) => 1.0,
                    (false, true) => DEFAULT_MATCH,
                    (false, false) => self.prefix_selectivity(stats, op, pattern, prefix)?,
                };
                let guess = by_prefix * rest;
                match by_sample {
                    None => guess,
                    Some(by_sample) => {
                        let weight = histogram.len() as f64 / ENOUGH_BOUNDS;
                        by_sample * weight + guess * (1.0 - weight)
                    }
                }
            }
        };
        value = value.clamp(0.0001, 0.9999);
        let Some(common) = common else { return Ok(value * (1.0 - stats.null_fraction())) };
        let total: f64 = common.numbers.iter().map(|f| f64::from(*f)).sum();
        let matched = common.numbers.iter().zip(&matches).filter(|(_, m)| **m);
        let matched: f64 = matched.map(|(f, _)| f64::from(*f)).sum();
        Ok(clamp(value * (1.0 - stats.null_fraction() - total) + matched))
    }

    /// Whether `value operator pattern` holds for each of the values; `None` if that cannot be computed now.
    fn test_values<'v>(
        &self,
        op: &OpExpr,
        values: impl Iterator<Item = &'v OwnedDatum>,
        pattern: &Const,
    ) -> Result<Option<Vec<bool>>> {
        let Expr::Var(var) = strip_relabel(&op.args[0]) else { return Ok(None) };
        let layout = self.session().type_layout(var.type_oid)?;
        let test = |value: &OwnedDatum| {
            let value = Expr::Const(Const {
                type_oid: ir::expr_type(&op.args[0]),
                typmod: -1,
                collation: op.input_collation,
                layout,
                value: Some(value.clone()),
                location: None,
            });
            Expr::Op(OpExpr { args: vec![value, Expr::Const(pattern.clone())], ..op.clone() })
        };
        let elements: Vec<Expr> = values.map(test).collect();
        if elements.is_empty() {
            return Ok(None);
        }
        let array = Expr::Array {
            array_type: BOOL_ARRAY,
            collation: Oid(0),
            element_type: crate::clause::BOOL,
            elements,
            multidimensional: false,
            location: None,
        };
        let Some(folded) = self.hooks().fold(self.session(), &array)? else { return Ok(None) };
        let Some(OwnedDatum::Bytes(payload)) = &folded.value else { return Ok(None) };
        let layout = self.session().type_layout(crate::clause::BOOL)?;
        let Ok(results) = array_elements(&Payload(payload.clone()), layout) else { return Ok(None) };
        Ok(Some(results.iter().map(|result| matches!(result, OwnedDatum::Bool(true))).collect()))
    }

    fn prefix_selectivity(&self, stats: &VariableStats, op: &OpExpr, c: &Const, prefix: &str) -> Result<f64> {
        let collation = op.input_collation;
        let low = OwnedDatum::from(prefix);
        let mut value = self.inequality(stats, TEXT_GE, collation, true, c, &low)?;
        let mut bound = prefix.as_bytes().to_vec();
        if let Some(last) = bound.last_mut() {
            *last = last.saturating_add(1);
            let high = OwnedDatum::Bytes(bound.into());
            value +=
                self.inequality(stats, TEXT_LT, collation, false, c, &high)? - 1.0 + stats.null_fraction();
        }
        let equal = self.equal_const(stats, Some(&low), TEXT_EQ, collation, true)?;
        Ok(value.max(equal))
    }
}
