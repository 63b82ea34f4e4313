//! What part of the rows a condition lets through, by the estimator that its operator names (oprrest, oprjoin).

use crate::clause::{array_length, commute, const_bool, relids, strip_relabel};
use crate::fold::const_value;
use crate::statistics::VariableStats;
use crate::types::{Clause, ClauseRef, Root, SpecialJoin};
use base::{Oid, Result};
use catalog::Payload;
use datum::{Datum, OwnedDatum};
use ir::{BoolOp, BooleanTest, Const, Expr, JoinKind, OpExpr};
use std::cmp::Ordering;

pub(crate) const DEFAULT_EQ: f64 = 0.005;
pub(crate) const DEFAULT_INEQ: f64 = 0.333_333_333_333_333_3;
const DEFAULT_RANGE: f64 = 0.005;
pub(crate) const DEFAULT_MATCH: f64 = 0.005;
const DEFAULT_MATCHING: f64 = 0.010;
const DEFAULT_UNKNOWN: f64 = 0.005;
const DEFAULT_NOT_UNKNOWN: f64 = 1.0 - DEFAULT_UNKNOWN;

/// How a condition is looked at: as a join's, or as a filter on one relation with values given from outside.
#[derive(Clone, Copy)]
pub(crate) struct Context<'c> {
    /// Only this relation varies; 0: any.
    pub rti: usize,
    pub kind: JoinKind,
    pub join: Option<&'c SpecialJoin>,
    /// Statistics of several columns may be used: these are the conditions of relations themselves.
    pub extended: bool,
}

impl Context<'static> {
    pub fn filter(rti: usize) -> Context<'static> {
        Context { rti, kind: JoinKind::Inner, join: None, extended: true }
    }
}

impl<'c> Context<'c> {
    pub fn of_join(kind: JoinKind, join: &'c SpecialJoin) -> Context<'c> {
        Context { rti: 0, kind, join: Some(join), extended: true }
    }

    pub fn without_extended(self) -> Context<'c> {
        Context { extended: false, ..self }
    }
}

pub(crate) fn clamp(p: f64) -> f64 {
    if p.is_nan() { 0.0 } else { p.clamp(0.0, 1.0) }
}

/// A column compared with something: its statistics, the other side, and whether the column is on the left.
pub(crate) struct Restriction {
    pub stats: VariableStats,
    pub other: Expr,
    pub var_on_left: bool,
}

/// Conditions `x > a AND x < b` found among others.
struct RangePair {
    var: Expr,
    low: Option<f64>,
    high: Option<f64>,
}

impl<'a> Root<'a> {
    /// Of conditions that must all hold.
    pub fn list_selectivity(&self, clauses: &[ClauseRef], context: Context<'_>) -> Result<f64> {
        if let [clause] = clauses {
            return self.selectivity(clause, context);
        }
        let exprs: Vec<&Expr> = clauses.iter().map(|clause| &clause.expr).collect();
        let (mut total, done) = self.extended_selectivity(&exprs, context, false)?;
        let mut ranges: Vec<RangePair> = Vec::new();
        for (at, clause) in clauses.iter().enumerate() {
            if done.get(at) == Some(&true) {
                continue;
            }
            let own = self.selectivity(clause, context)?;
            if !self.note_range(&clause.expr, own, context, &mut ranges)? {
                total *= own;
            }
        }
        self.finish_ranges(total, ranges)
    }

    pub fn exprs_selectivity(&self, exprs: &[Expr], context: Context<'_>) -> Result<f64> {
        let exprs: Vec<&Expr> = exprs.iter().collect();
        self.all_selectivity(&exprs, context)
    }

    /// As [`Root::list_selectivity`], of bare expressions.
    pub fn all_selectivity(&self, exprs: &[&Expr], context: Context<'_>) -> Result<f64> {
        if let [expr] = exprs {
            return self.expr_selectivity(expr, context);
        }
        let (mut total, done) = self.extended_selectivity(exprs, context, false)?;
        let mut ranges = Vec::new();
        for (at, expr) in exprs.iter().enumerate() {
            if done.get(at) == Some(&true) {
                continue;
            }
            let own = self.expr_selectivity(expr, context)?;
            if !self.note_range(expr, own, context, &mut ranges)? {
                total *= own;
            }
        }
        self.finish_ranges(total, ranges)
    }

    fn finish_ranges(&self, mut total: f64, ranges: Vec<RangePair>) -> Result<f64> {
        for pair in ranges {
            total *= match (pair.low, pair.high) {
                (Some(low), Some(high)) if low == DEFAULT_INEQ || high == DEFAULT_INEQ => DEFAULT_RANGE,
                (Some(low), Some(high)) => {
                    let nulls = self.examine(&pair.var)?.null_fraction();
                    match high + low - 1.0 + nulls {
                        s if s < -0.01 => DEFAULT_RANGE,
                        s if s <= 0.0 => 1.0e-10,
                        s => s,
                    }
                }
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => 1.0,
            };
        }
        Ok(total)
    }

    /// Sets a range condition aside to be paired.
    fn note_range(
        &self,
        expr: &Expr,
        own: f64,
        context: Context<'_>,
        ranges: &mut Vec<RangePair>,
    ) -> Result<bool> {
        let Expr::Op(op) = expr else { return Ok(false) };
        if op.args.len() != 2 || (context.join.is_some() && relids(expr).len() > 1) {
            return Ok(false);
        }
        let constant = |e: &Expr| {
            context.rti == 0 && relids(e).is_empty() || context.rti != 0 && !relids(e).contains(context.rti)
        };
        let (var, mut is_less) = match (constant(&op.args[1]), constant(&op.args[0])) {
            (true, _) if !relids(&op.args[0]).is_empty() => (&op.args[0], true),
            (_, true) if !relids(&op.args[1]).is_empty() => (&op.args[1], false),
            _ => return Ok(false),
        };
        match self.estimator(self.session().operator(op.operator)?.oprrest)?.as_str() {
            "scalarltsel" | "scalarlesel" => {}
            "scalargtsel" | "scalargesel" => is_less = !is_less,
            _ => return Ok(false),
        }
        let keep_least = |slot: &mut Option<f64>| {
            *slot = Some(slot.map_or(own, |s| s.min(own)));
        };
        let pair = match ranges.iter_mut().position(|p| p.var == *var) {
            Some(at) => &mut ranges[at],
            None => {
                ranges.push(RangePair { var: var.clone(), low: None, high: None });
                ranges.last_mut().expect("pushed above")
            }
        };
        keep_least(if is_less { &mut pair.high } else { &mut pair.low });
        Ok(true)
    }

    /// The name of a selectivity estimator.
    pub fn estimator(&self, function: Oid) -> Result<String> {
        if !function.is_valid() {
            return Ok(String::new());
        }
        Ok(self.session().function(function)?.proname.clone())
    }

    pub fn selectivity(&self, clause: &Clause, context: Context<'_>) -> Result<f64> {
        if clause.pseudoconstant {
            return Ok(match const_bool(&clause.expr) {
                Some(value) => f64::from(u8::from(value == Some(true))),
                None => 1.0,
            });
        }
        let cacheable = context.rti == 0 || clause.relids.len() <= 1 && clause.relids.contains(context.rti);
        let slot = if context.kind == JoinKind::Inner {
            &clause.norm_selectivity
        } else {
            &clause.outer_selectivity
        };
        if cacheable && slot.get() >= 0.0 {
            return Ok(slot.get());
        }
        let value = self.expr_selectivity(&clause.expr, context)?;
        if cacheable {
            slot.set(value);
        }
        Ok(value)
    }

    pub fn expr_selectivity(&self, expr: &Expr, context: Context<'_>) -> Result<f64> {
        let value = match expr {
            Expr::Const(_) => f64::from(u8::from(const_bool(expr) == Some(Some(true)))),
            Expr::Var(_) => self.boolean_variable(expr)?,
            Expr::Param(_) => match const_bool(&self.estimate(expr)) {
                Some(value) => f64::from(u8::from(value == Some(true))),
                None => 0.5,
            },
            Expr::Bool { op: BoolOp::Not, args, .. } => {
                1.0 - self.expr_selectivity(&args[0], context.without_extended())?
            }
            Expr::Bool { op: BoolOp::And, args, .. } => self.exprs_selectivity(args, context)?,
            Expr::Bool { op: BoolOp::Or, args, .. } => {
                let list: Vec<&Expr> = args.iter().collect();
                let (mut total, done) = self.extended_selectivity(&list, context, true)?;
                for (at, arg) in args.iter().enumerate() {
                    if done.get(at) == Some(&true) {
                        continue;
                    }
                    let own = self.expr_selectivity(arg, context)?;
                    total = total + own - total * own;
                }
                total
            }
            Expr::Op(op) => self.operator_selectivity(op, context)?,
            Expr::Distinct(op) => {
                let equal = self.operator_selectivity(op, context)?;
                1.0 - equal
            }
            Expr::Func(_) => 0.3333333,
            Expr::ScalarArrayOp(op) => self.array_selectivity(op, context)?,
            Expr::RowCompare { operators, left, right, input_collations, .. } => {
                let collation = input_collations.first().copied().unwrap_or_default();
                let first = crate::clause::make_op(
                    self.session(),
                    operators[0],
                    collation,
                    left[0].clone(),
                    right[0].clone(),
                )?;
                self.expr_selectivity(&first, context)?
            }
            Expr::NullTest { arg, is_null, .. } => self.null_selectivity(arg, *is_null)?,
            Expr::BooleanTest { arg, test, .. } => self.boolean_test(arg, *test, context)?,
            Expr::CurrentOf { relation, .. } => {
                let tuples = if self.has_base(*relation) { self.base(*relation).tuples } else { 0.0 };
                if tuples > 0.0 { 1.0 / tuples } else { 0.5 }
            }
            Expr::Relabel { arg, .. } | Expr::CoerceToDomain { arg, .. } => {
                self.expr_selectivity(arg, context)?
            }
            other => match self.estimate(other) {
                folded @ Expr::Const(_) => self.expr_selectivity(&folded, context)?,
                _ => self.boolean_variable(other)?,
            },
        };
        Ok(clamp(value))
    }

    fn boolean_variable(&self, expr: &Expr) -> Result<f64> {
        let stats = self.examine(expr)?;
        if stats.row.is_none() {
            return Ok(0.5);
        }
        self.equal_const(&stats, Some(&OwnedDatum::Bool(true)), Oid(91), Oid(0), true)
    }

    fn null_selectivity(&self, arg: &Expr, is_null: bool) -> Result<f64> {
        let stats = self.examine(arg)?;
        let nulls = match &stats.row {
            Some(row) => f64::from(row.stanullfrac),
            None if stats.attribute < 0 => 0.0,
            None => return Ok(if is_null { DEFAULT_UNKNOWN } else { DEFAULT_NOT_UNKNOWN }),
        };
        Ok(if is_null { nulls } else { 1.0 - nulls })
    }

    fn boolean_test(&self, arg: &Expr, test: BooleanTest, context: Context<'_>) -> Result<f64> {
        let stats = self.examine(arg)?;
        if stats.row.is_some() {
            let nulls = stats.null_fraction();
            let yes = self.equal_const(&stats, Some(&OwnedDatum::Bool(true)), Oid(91), Oid(0), true)?;
            return Ok(match test {
                BooleanTest::True => yes,
                BooleanTest::NotTrue => 1.0 - yes,
                BooleanTest::False => 1.0 - yes - nulls,
                BooleanTest::NotFalse => yes + nulls,
                BooleanTest::Unknown => nulls,
                BooleanTest::NotUnknown => 1.0 - nulls,
            });
        }
        Ok(match test {
            BooleanTest::Unknown => DEFAULT_UNKNOWN,
            BooleanTest::NotUnknown => DEFAULT_NOT_UNKNOWN,
            BooleanTest::True | BooleanTest::NotFalse => self.expr_selectivity(arg, context)?,
            BooleanTest::False | BooleanTest::NotTrue => 1.0 - self.expr_selectivity(arg, context)?,
        })
    }

    fn operator_selectivity(&self, op: &OpExpr, context: Context<'_>) -> Result<f64> {
        let row = self.session().operator(op.operator)?;
        let reads = op.args.iter().fold(ir::RelSet::new(), |s, e| s.union(&relids(e)));
        if context.rti == 0 && context.join.is_some() && reads.len() > 1 {
            return self.join_selectivity(op, &self.estimator(row.oprjoin)?, context);
        }
        let name = self.estimator(row.oprrest)?;
        if name.is_empty() {
            return Ok(0.5);
        }
        self.restriction_selectivity(op, &name, context)
    }

    fn restriction_variable(&self, args: &[Expr], context: Context<'_>) -> Result<Option<Restriction>> {
        if args.len() != 2 {
            return Ok(None);
        }
        let varies = |e: &Expr| {
            let reads = relids(e);
            if context.rti == 0 { !reads.is_empty() } else { reads.contains(context.rti) }
        };
        Ok(match (varies(&args[0]), varies(&args[1])) {
            (true, false) => Some(Restriction {
                stats: self.examine(&args[0])?,
                other: self.estimate(&args[1]),
                var_on_left: true,
            }),
            (false, true) => Some(Restriction {
                stats: self.examine(&args[1])?,
                other: self.estimate(&args[0]),
                var_on_left: false,
            }),
            _ => None,
        })
    }

    fn restriction_selectivity(&self, op: &OpExpr, name: &str, context: Context<'_>) -> Result<f64> {
        let found = self.restriction_variable(&op.args, context)?;
        match name {
            "eqsel" | "neqsel" => {
                let negate = name == "neqsel";
                let Some(r) = found else { return Ok(if negate { 1.0 - DEFAULT_EQ } else { DEFAULT_EQ }) };
                let equality =
                    if negate { self.session().operator(op.operator)?.oprnegate } else { op.operator };
                let nulls = r.stats.null_fraction();
                if let Expr::Const(c) = &r.other
                    && c.value.is_none()
                {
                    return Ok(0.0);
                }
                let equal = match const_value(&r.other) {
                    Some(value) => {
                        self.equal_const(&r.stats, Some(value), equality, op.input_collation, r.var_on_left)?
                    }
                    None => self.equal_unknown(&r.stats)?,
                };
                Ok(if negate { clamp(1.0 - equal - nulls) } else { equal })
            }
            "scalarltsel" | "scalarlesel" | "scalargtsel" | "scalargesel" => {
                let Some(r) = found else { return Ok(DEFAULT_INEQ) };
                let mut operator = op.operator;
                let mut greater = name.starts_with("scalarg");
                let Expr::Const(c) = &r.other else { return Ok(DEFAULT_INEQ) };
                let Some(value) = &c.value else { return Ok(0.0) };
                if !r.var_on_left {
                    let Some(swapped) = commute(self.session(), op)? else { return Ok(DEFAULT_INEQ) };
                    operator = swapped.operator;
                    greater = !greater;
                }
                self.inequality(&r.stats, operator, op.input_collation, greater, c, value)
            }
            "likesel" | "iclikesel" | "regexeqsel" | "icregexeqsel" | "prefixsel" => {
                self.pattern_selectivity(op, name, found, false)
            }
            "nlikesel" | "icnlikesel" | "regexnesel" | "icregexnesel" => {
                self.pattern_selectivity(op, name, found, true)
            }
            "matchingsel" => Ok(DEFAULT_MATCHING),
            "contsel" => Ok(0.001),
            "areasel" => Ok(0.005),
            "positionsel" => Ok(0.1),
            "tsmatchsel" => Ok(0.005),
            "networksel" => Ok(if op.operator == Oid(3552) { 0.01 } else { 0.005 }),
            "arraycontsel" | "rangesel" | "multirangesel" => Ok(match name {
                "arraycontsel" => 0.005,
                _ => 0.01,
            }),
            _ => Ok(0.5),
        }
    }

    /// `column = constant`.
    pub(crate) fn equal_const(
        &self,
        stats: &VariableStats,
        value: Option<&OwnedDatum>,
        operator: Oid,
        collation: Oid,
        var_on_left: bool,
    ) -> Result<f64> {
        let Some(value) = value else { return Ok(0.0) };
        if stats.is_unique && stats.rel_tuples >= 1.0 {
            return Ok(1.0 / stats.rel_tuples);
        }
        if stats.row.is_none() {
            return Ok(clamp(1.0 / self.distinct_values(stats).0));
        }
        let common = stats.most_common(self)?;
        let nulls = stats.null_fraction();
        let Some(common) = common else {
            let rest = 1.0 - nulls;
            return Ok(clamp(rest / self.distinct_values(stats).0));
        };
        let session = self.session();
        let row = session.operator(operator)?;
        let declared = if var_on_left { row.oprright } else { row.oprleft };
        // Operators of arrays and rows are declared over types that stand for many.
        let constant =
            if session.type_row(declared)?.typtype as u8 == b'p' { stats.type_oid } else { declared };
        let types = (stats.type_oid, session.type_layout(stats.type_oid)?);
        let constant = (constant, session.type_layout(constant)?);
        let test = self.operator_test(operator, collation, types, constant, var_on_left)?;
        if test.calls() && !session.function(row.oprcode)?.proleakproof {
            let columns = [stats.attribute];
            let columns = if stats.attribute > 0 { &columns[..] } else { &[] };
            let allowed = stats.rti.map(|rti| self.may_see_values(rti, columns)).transpose()?;
            if allowed != Some(true) {
                return Ok(clamp(1.0 / self.distinct_values(stats).0));
            }
        }
        let mut found = None;
        for (at, common) in common.values.iter().enumerate() {
            if test.holds(self, common, value)? {
                found = Some(at);
                break;
            }
        }
        if let Some(at) = found
            && let Some(frequency) = common.numbers.get(at)
        {
            return Ok(clamp(f64::from(*frequency)));
        }
        let sum: f64 = common.numbers.iter().map(|n| f64::from(*n)).sum();
        let mut rest = clamp(1.0 - sum - nulls);
        let others = self.distinct_values(stats).0 - common.numbers.len() as f64;
        if others > 1.0 {
            rest /= others;
        }
        if let Some(least) = common.numbers.last() {
            rest = rest.min(f64::from(*least));
        }
        Ok(clamp(rest))
    }

    /// `column = something not known now`.
    fn equal_unknown(&self, stats: &VariableStats) -> Result<f64> {
        if stats.is_unique && stats.rel_tuples >= 1.0 {
            return Ok(1.0 / stats.rel_tuples);
        }
        let distinct = self.distinct_values(stats).0;
        let Some(row) = &stats.row else { return Ok(clamp(1.0 / distinct)) };
        let mut value = 1.0 - f64::from(row.stanullfrac);
        if distinct > 1.0 {
            value /= distinct;
        }
        if let Some(common) = stats.most_common(self)?
            && let Some(most) = common.numbers.first()
        {
            value = value.min(f64::from(*most));
        }
        Ok(clamp(value))
    }

    /// The order of the B-tree family that an operator belongs to, between its operands.
    fn comparison(
        &self,
        operator: Oid,
        collation: Oid,
        _var_on_left: bool,
    ) -> Result<Option<std::sync::Arc<dyn access_api::KeyOrder>>> {
        for row in self.session().operator_families(operator)?.iter() {
            if row.amopmethod == crate::clause::BTREE {
                return self.session().family_order(
                    row.amopfamily,
                    row.amoplefttype,
                    row.amoprighttype,
                    collation,
                );
            }
        }
        Ok(None)
    }

    /// The part of a column's values on one side of a value.
    pub fn inequality(
        &self,
        stats: &VariableStats,
        operator: Oid,
        collation: Oid,
        greater: bool,
        constant: &Const,
        value: &OwnedDatum,
    ) -> Result<f64> {
        if stats.row.is_none() {
            return Ok(DEFAULT_INEQ);
        }
        let Some(order) = self.comparison(operator, collation, true)? else { return Ok(DEFAULT_INEQ) };
        let families = self.session().operator_families(operator)?;
        let or_equal =
            families.iter().any(|r| r.amopmethod == crate::clause::BTREE && matches!(r.amopstrategy, 2 | 4));
        let holds = |stored: &OwnedDatum| match same_repr(stored.as_datum(), value.as_datum(), order.as_ref())
        {
            Some(Ordering::Equal) => or_equal,
            Some(Ordering::Less) => !greater,
            Some(Ordering::Greater) => greater,
            None => false,
        };
        let (mut common_selectivity, mut common_total) = (0.0, 0.0);
        if let Some(common) = stats.most_common(self)? {
            for (v, frequency) in common.values.iter().zip(&common.numbers) {
                common_total += f64::from(*frequency);
                if holds(v) {
                    common_selectivity += f64::from(*frequency);
                }
            }
        }
        let mut rest = 1.0 - stats.null_fraction() - common_total;
        let histogram = stats.histogram(self)?;
        rest *= match histogram.filter(|h| h.values.len() > 1) {
            Some(h) => {
                let below = |v: &OwnedDatum| holds(v) != greater;
                histogram_fraction((&h.values, stats.type_oid), value, constant, greater, &below)
            }
            None => 0.5,
        };
        Ok(clamp(rest + common_selectivity))
    }

    fn array_selectivity(&self, op: &ir::ScalarArrayOp, context: Context<'_>) -> Result<f64> {
        let row = self.session().operator(op.operator)?;
        let name = self.estimator(row.oprrest)?;
        let join_name = self.estimator(row.oprjoin)?;
        let is_equality = name == "eqsel";
        let is_inequality = name == "neqsel";
        let array = self.estimate(&op.args[1]);
        let scalar = |element: Expr| OpExpr {
            operator: op.operator,
            function: op.function,
            result_type: Oid(16),
            returns_set: false,
            collation: Oid(0),
            input_collation: op.input_collation,
            args: vec![op.args[0].clone(), element],
            location: None,
        };
        let is_join =
            context.rti == 0 && context.join.is_some() && relids(&Expr::ScalarArrayOp(op.clone())).len() > 1;
        let elements: Option<Vec<Expr>> = match &array {
            Expr::Const(c) if c.value.is_none() => return Ok(0.0),
            Expr::Const(_) => constant_elements(self.session(), &array)?,
            Expr::Array { elements, multidimensional: false, .. } => Some(elements.clone()),
            _ => None,
        };
        let mut total = if op.use_or { 0.0 } else { 1.0 };
        let mut disjoint = total;
        let Some(elements) = elements else {
            let dummy = Expr::CaseTest {
                type_oid: ir::expr_type(&op.args[0]),
                typmod: -1,
                collation: op.input_collation,
            };
            let op_one = scalar(dummy);
            let each = if is_join {
                self.join_selectivity(&op_one, &join_name, context)?
            } else {
                self.restriction_selectivity(&op_one, &name, context)?
            };
            for _ in 0..10 {
                total = if op.use_or { total + each - total * each } else { total * each };
            }
            return Ok(clamp(total));
        };
        for element in elements {
            let one = scalar(element);
            let each = if is_join {
                self.join_selectivity(&one, &join_name, context)?
            } else {
                self.restriction_selectivity(&one, &name, context)?
            };
            if op.use_or {
                total = total + each - total * each;
                disjoint += each;
            } else {
                total *= each;
                disjoint += each - 1.0;
            }
        }
        if ((op.use_or && is_equality) || (!op.use_or && is_inequality)) && (0.0..=1.0).contains(&disjoint) {
            total = disjoint;
        }
        Ok(clamp(total))
    }

    fn join_selectivity(&self, op: &OpExpr, name: &str, context: Context<'_>) -> Result<f64> {
        match name {
            "eqjoinsel" => self.equal_join(op, context),
            "neqjoinsel" => {
                if matches!(context.kind, JoinKind::Semi | JoinKind::Anti) {
                    let nulls = self.examine(&op.args[0])?.null_fraction();
                    return Ok(1.0 - nulls);
                }
                Ok(1.0 - self.equal_join(op, context)?)
            }
            "scalarltjoinsel" | "scalarlejoinsel" | "scalargtjoinsel" | "scalargejoinsel" => Ok(DEFAULT_INEQ),
            "likejoinsel" | "iclikejoinsel" | "regexeqjoinsel" | "icregexeqjoinsel" => Ok(DEFAULT_MATCH),
            "nlikejoinsel" | "icnlikejoinsel" | "regexnejoinsel" | "icregexnejoinsel" => {
                Ok(1.0 - DEFAULT_MATCH)
            }
            "matchingjoinsel" => Ok(DEFAULT_MATCHING),
            "contjoinsel" => Ok(0.001),
            "areajoinsel" | "tsmatchjoinsel" | "arraycontjoinsel" | "networkjoinsel" => Ok(0.005),
            "positionjoinsel" => Ok(0.1),
            _ => Ok(0.5),
        }
    }

    fn equal_join(&self, op: &OpExpr, context: Context<'_>) -> Result<f64> {
        let mut left = self.examine(&op.args[0])?;
        let mut right = self.examine(&op.args[1])?;
        let Some(join) = context.join else { return Ok(DEFAULT_EQ) };
        let left_rels = relids(&op.args[0]);
        let reversed = !left_rels.is_empty() && left_rels.is_subset(&join.syn_right);
        let inner = self.equal_join_inner(op, &left, &right)?;
        if !matches!(join.kind, JoinKind::Semi | JoinKind::Anti) {
            return Ok(inner);
        }
        if reversed {
            std::mem::swap(&mut left, &mut right);
        }
        let inner_rows = self.find_rel(&join.min_right).map_or(1.0, |r| r.rows);
        let semi = self.equal_join_semi(&left, &right, inner_rows, op, reversed)?;
        // A semijoin passes no more rows than the same inner join.
        Ok(semi.min(inner_rows * inner).max(0.0))
    }

    fn equal_join_inner(&self, op: &OpExpr, left: &VariableStats, right: &VariableStats) -> Result<f64> {
        let (mut nd1, mut nd2) = (self.distinct_values(left).0, self.distinct_values(right).0);
        let (nulls1, nulls2) = (left.null_fraction(), right.null_fraction());
        let (common1, common2) = (left.most_common(self)?, right.most_common(self)?);
        let (Some(c1), Some(c2)) = (common1, common2) else {
            return Ok((1.0 - nulls1) * (1.0 - nulls2) / nd1.max(nd2));
        };
        let Some(order) = self.comparison(op.operator, op.input_collation, true)? else {
            return Ok((1.0 - nulls1) * (1.0 - nulls2) / nd1.max(nd2));
        };
        let mut taken = vec![false; c2.values.len()];
        let (mut product, mut match1, mut match2, mut matches) = (0.0, 0.0, 0.0, 0.0);
        let (mut all1, mut all2) = (0.0, 0.0);
        for f in &c2.numbers {
            all2 += f64::from(*f);
        }
        for (v1, f1) in c1.values.iter().zip(&c1.numbers) {
            all1 += f64::from(*f1);
            let hit = c2.values.iter().zip(&taken).position(|(v2, t)| {
                !t && same_repr(v1.as_datum(), v2.as_datum(), order.as_ref()) == Some(Ordering::Equal)
            });
            if let Some(at) = hit {
                taken[at] = true;
                product += f64::from(*f1) * f64::from(c2.numbers[at]);
                match1 += f64::from(*f1);
                match2 += f64::from(c2.numbers[at]);
                matches += 1.0;
            }
        }
        let (unmatched1, unmatched2) = (clamp(all1 - match1), clamp(all2 - match2));
        let (other1, other2) = (clamp(1.0 - nulls1 - all1), clamp(1.0 - nulls2 - all2));
        nd1 = nd1.max(1.0);
        nd2 = nd2.max(1.0);
        let (n1, n2) = (c1.values.len() as f64, c2.values.len() as f64);
        let mut total1 = product;
        if nd2 > n2 {
            total1 += unmatched1 * other2 / (nd2 - n2);
        }
        if nd2 > matches {
            total1 += other1 * (other2 + unmatched2) / (nd2 - matches);
        }
        let mut total2 = product;
        if nd1 > n1 {
            total2 += unmatched2 * other1 / (nd1 - n1);
        }
        if nd1 > matches {
            total2 += other2 * (other1 + unmatched1) / (nd1 - matches);
        }
        Ok(clamp(total1.min(total2)))
    }

    fn equal_join_semi(
        &self,
        left: &VariableStats,
        right: &VariableStats,
        inner_rows: f64,
        op: &OpExpr,
        reversed: bool,
    ) -> Result<f64> {
        let (nd1, default1) = self.distinct_values(left);
        let (mut nd2, mut default2) = self.distinct_values(right);
        if right.rti.is_some() && nd2 >= right.rel_rows {
            nd2 = right.rel_rows;
            default2 = false;
        }
        if nd2 >= inner_rows {
            nd2 = inner_rows;
            default2 = false;
        }
        let nulls = left.null_fraction();
        let (common1, common2) = (left.most_common(self)?, right.most_common(self)?);
        let order = self.comparison(op.operator, op.input_collation, true)?;
        if let (Some(c1), Some(c2), Some(order)) = (common1, common2, order) {
            let clamped = (c2.values.len() as f64).min(nd2) as usize;
            let (mut matched, mut matches) = (0.0, 0.0);
            for (v1, f1) in c1.values.iter().zip(&c1.numbers) {
                let hit = c2.values[..clamped].iter().any(|v2| {
                    // As the operator has its sides.
                    let (a, b) = if reversed { (v2, v1) } else { (v1, v2) };
                    same_repr(a.as_datum(), b.as_datum(), order.as_ref()) == Some(Ordering::Equal)
                });
                if hit {
                    matched += f64::from(*f1);
                    matches += 1.0;
                }
            }
            let uncertain = if !default1 && !default2 {
                let (a, b) = (nd1 - matches, nd2 - matches);
                if a <= b || b < 0.0 { 1.0 } else { b / a }
            } else {
                0.5
            };
            return Ok(clamp(matched + uncertain * clamp(1.0 - matched - nulls)));
        }
        Ok(if !default1 && !default2 {
            if nd1 <= nd2 || nd2 < 0.0 { 1.0 - nulls } else { nd2 / nd1 * (1.0 - nulls) }
        } else {
            0.5 * (1.0 - nulls)
        })
    }
}

/// Compares two values if they are represented as the comparison expects (both strings, or both the same number type;
/// cross-type comparisons know their two types).
pub(crate) fn same_repr(a: Datum<'_>, b: Datum<'_>, order: &dyn access_api::KeyOrder) -> Option<Ordering> {
    let is_bytes = |d: &Datum<'_>| matches!(d, Datum::Bytes(_));
    (is_bytes(&a) == is_bytes(&b)).then(|| order.compare(a, b))
}

/// The part of a histogram on the wanted side of a value. `below`: a bound lies before the value.
fn histogram_fraction(
    (bounds, bounds_type): (&[OwnedDatum], Oid),
    value: &OwnedDatum,
    constant: &Const,
    greater: bool,
    below: &dyn Fn(&OwnedDatum) -> bool,
) -> f64 {
    let count = bounds.len();
    let at = bounds.partition_point(below);
    let fraction = if at == 0 {
        0.0
    } else if at >= count {
        1.0
    } else {
        let bound = |at: usize| scalar(&bounds[at], bounds_type);
        let bin = match (bound(at - 1), scalar(value, constant.type_oid), bound(at)) {
            (Some(low), Some(v), Some(high)) => {
                if high <= low || v.is_nan() {
                    0.5
                } else {
                    ((v - low) / (high - low)).clamp(0.0, 1.0)
                }
            }
            _ => match (&bounds[at - 1], value, &bounds[at]) {
                (OwnedDatum::Bytes(low), OwnedDatum::Bytes(v), OwnedDatum::Bytes(high))
                    if is_text(constant) =>
                {
                    text_fraction(low, v, high)
                }
                _ => 0.5,
            },
        };
        (at as f64 - 1.0 + bin) / (count as f64 - 1.0)
    };
    let wanted = if greater { 1.0 - fraction } else { fraction };
    let cutoff = 0.01 / (count as f64 - 1.0);
    wanted.clamp(cutoff, 1.0 - cutoff)
}

fn is_text(constant: &Const) -> bool {
    matches!(constant.type_oid.0, 18 | 19 | 25 | 1042 | 1043 | 17)
}

/// A number that stands for a value within its bin. Dates and timestamps are in the same unit, as are the numbers of
/// all types.
fn scalar(value: &OwnedDatum, type_oid: Oid) -> Option<f64> {
    const DATE: Oid = Oid(1082);
    const NUMERIC: Oid = Oid(1700);
    const DAY_MICROS: f64 = 86_400_000_000.0;
    Some(match value {
        OwnedDatum::Bool(v) => f64::from(u8::from(*v)),
        OwnedDatum::Char(v) => f64::from(*v),
        OwnedDatum::Int2(v) => f64::from(*v),
        OwnedDatum::Int4(v) if type_oid == DATE => f64::from(*v) * DAY_MICROS,
        OwnedDatum::Int4(v) => f64::from(*v),
        OwnedDatum::Int8(v) => *v as f64,
        OwnedDatum::Float4(v) => f64::from(*v),
        OwnedDatum::Float8(v) => *v,
        OwnedDatum::Bytes(v) if type_oid == NUMERIC => {
            adt::numeric::Numeric::from_payload(v).ok()?.to_string().parse().ok()?
        }
        OwnedDatum::Bytes(_) => return None,
    })
}

/// Where a string lies between two others, each read as a fraction in a base spanned by the characters in use.
fn text_fraction(low: &[u8], value: &[u8], high: &[u8]) -> f64 {
    let (mut least, mut most) = (255u8, 0u8);
    for b in low.iter().chain(high) {
        least = least.min(*b);
        most = most.max(*b);
    }
    for (from, to) in [(b'A', b'Z'), (b'a', b'z'), (b'0', b'9')] {
        if least <= to && most >= from {
            least = least.min(from);
            most = most.max(to);
        }
    }
    if most.saturating_sub(least) < 9 {
        (least, most) = (b' ', 127);
    }
    let common = low.iter().zip(high).zip(value).take_while(|((a, b), c)| a == b && b == c).count();
    let number = |s: &[u8]| -> f64 {
        let base = f64::from(most - least) + 1.0;
        let mut scale = base;
        let mut total = 0.0;
        for b in s.iter().skip(common).take(12) {
            total += (f64::from((*b).clamp(least, most)) - f64::from(least)) / scale;
            scale *= base;
        }
        total
    };
    let (l, v, h) = (number(low), number(value), number(high));
    if h <= l { 0.5 } else { ((v - l) / (h - l)).clamp(0.0, 1.0) }
}

/// The fixed beginning of a LIKE pattern, the selectivity of what follows, and whether there is nothing more.
pub(crate) fn like_prefix(pattern: &str) -> (String, f64, bool) {
    let mut prefix = String::new();
    let mut chars = pattern.chars();
    let mut rest = 1.0;
    let mut exact = true;
    while let Some(c) = chars.next() {
        match c {
            '%' | '_' => {
                exact = false;
                rest = like_rest(c, chars.as_str());
                break;
            }
            '\\' => prefix.extend(chars.next()),
            c => prefix.push(c),
        }
    }
    (prefix, rest, exact)
}

fn like_rest(first: char, rest: &str) -> f64 {
    // Leading wildcards say nothing more.
    let mut value = 1.0;
    let mut chars = std::iter::once(first).chain(rest.chars()).skip_while(|c| matches!(c, '%' | '_'));
    while let Some(c) = chars.next() {
        value *= match c {
            '%' => 5.0,
            '_' => 0.9,
            '\\' => {
                chars.next();
                0.2
            }
            _ => 0.2,
        };
    }
    f64::min(value, 1.0)
}

/// As [`like_prefix`] for a regular expression, which fixes nothing unless it begins with `^`.
pub(crate) fn regex_prefix(pattern: &str) -> (String, f64, bool) {
    const OF_REST: f64 = 0.2;
    let Some(body) = pattern.strip_prefix('^') else { return (String::new(), OF_REST, false) };
    let mut prefix = String::new();
    let Some(rest) = fixed_part(body, &mut prefix, 0) else { return (String::new(), OF_REST, false) };
    let exact = rest == "$";
    (prefix, if rest.is_empty() || exact { 1.0 } else { OF_REST }, exact)
}

/// Adds what every match of a branch begins with to `prefix`; gives the rest of the branch, from where its matches may
/// differ. `None` if there are several branches.
fn fixed_part<'p>(body: &'p str, prefix: &mut String, depth: u32) -> Option<&'p str> {
    const DEEPEST: u32 = 20;
    if branches(body) {
        return None;
    }
    let mut rest = body;
    loop {
        let before = prefix.len();
        let after = match rest.chars().next() {
            None | Some(')') => return Some(rest),
            Some('(') if depth < DEEPEST => {
                let inner = &rest[1..];
                if inner.starts_with('?') {
                    return Some(rest);
                }
                match fixed_part(inner, prefix, depth + 1) {
                    Some(end) if end.starts_with(')') => &end[1..],
                    Some(_) => {
                        // What follows in the group differs; the group itself may be optional.
                        prefix.truncate(before);
                        return Some(rest);
                    }
                    None => return Some(rest),
                }
            }
            Some(c) if "\\^$.|?*+([]{}".contains(c) => return Some(rest),
            Some(c) => {
                prefix.push(c);
                &rest[c.len_utf8()..]
            }
        };
        match after.chars().next() {
            Some('*' | '?' | '{') => {
                prefix.truncate(before);
                return Some(rest);
            }
            // Once at least.
            Some('+') => return Some(after),
            _ => rest = after,
        }
    }
}

/// Whether the body of a regular expression, or of a group in it, has alternatives. Says so when in doubt.
fn branches(body: &str) -> bool {
    let mut depth = 0u32;
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '(' => depth += 1,
            ')' if depth == 0 => return false,
            ')' => depth -= 1,
            '|' if depth == 0 => return true,
            // In brackets parentheses and bars stand for themselves.
            '[' if body.contains('|') => return true,
            _ => {}
        }
    }
    false
}

/// Whether two expressions are the same up to binary-compatible casts.
pub(crate) fn same_expr(a: &Expr, b: &Expr) -> bool {
    strip_relabel(a) == strip_relabel(b)
}

/// The elements of a constant array, as constants.
pub(crate) fn constant_elements(session: &catalog::Session, array: &Expr) -> Result<Option<Vec<Expr>>> {
    let Expr::Const(c) = array else { return Ok(None) };
    let Some(OwnedDatum::Bytes(payload)) = &c.value else { return Ok(None) };
    if array_length(array) == Some(0) {
        return Ok(Some(Vec::new()));
    }
    let Some(element) = session.element_type(c.type_oid)? else { return Ok(None) };
    let layout = session.type_layout(element)?;
    let Ok(values) = crate::statistics::array_values(&Payload(payload.clone()), layout) else {
        return Ok(None);
    };
    let collation = c.collation;
    Ok(Some(
        values
            .into_iter()
            .map(|value| {
                Expr::Const(Const { type_oid: element, typmod: -1, collation, layout, value, location: None })
            })
            .collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_give_their_fixed_part() {
        let cases = [("abc%", "abc", false), ("a\\%b", "a%b", true), ("%x", "", false), ("a_c", "a", false)];
        for (pattern, prefix, exact) in cases {
            let found = like_prefix(pattern);
            assert_eq!((found.0.as_str(), found.2), (prefix, exact), "{pattern}");
        }
    }
}
