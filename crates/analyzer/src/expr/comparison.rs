//! Comparisons: of rows, IS DISTINCT FROM, IN, BETWEEN.

use super::{find_variable, operator_name};
use crate::coerce::returns_set;
use crate::state::Analyzer;
use crate::types::*;
use base::{Error, Oid, Result, err};
use ir::{BoolOp, Expr, RowCompareOp, expr_type};
use syntax::{Between, BinaryExpr, Distinct, Expr as Ast, In, OperatorName};

impl Analyzer<'_> {
    pub(super) fn binary(&mut self, binary: &BinaryExpr) -> Result<Expr> {
        let location = Some(binary.location);
        let is_row = |e: &Ast| matches!(e, Ast::Row { .. });
        if is_row(&binary.left) && is_row(&binary.right) {
            let (left, right) = (self.expr(&binary.left)?, self.expr(&binary.right)?);
            let (left, right) = (row_args(left), row_args(right));
            return self.row_comparison(&binary.operator, left, right, location);
        }
        // `(a, b) = (SELECT ...)` compares rows too.
        if let (true, Ast::Subquery(subquery)) = (is_row(&binary.left), &binary.right)
            && subquery.kind == syntax::SubqueryKind::Scalar
        {
            return self.row_compare_sublink(&binary.left, &binary.operator, subquery, binary.location);
        }
        let left = self.expr(&binary.left)?;
        let right = self.expr(&binary.right)?;
        self.make_operator(&binary.operator, Some(left), right, location)
    }

    /// Compares two rows member by member.
    pub(crate) fn row_comparison(
        &mut self,
        operator: &OperatorName,
        left: Vec<Expr>,
        right: Vec<Expr>,
        location: Option<usize>,
    ) -> Result<Expr> {
        if left.len() != right.len() {
            return Err(err!(SYNTAX_ERROR, "unequal number of entries in row expressions").or_at(location));
        }
        if left.is_empty() {
            return Err(err!(FEATURE_NOT_SUPPORTED, "cannot compare rows of zero length").or_at(location));
        }
        let mut calls = Vec::with_capacity(left.len());
        for (l, r) in left.into_iter().zip(right) {
            let Expr::Op(call) = self.make_operator(operator, Some(l), r, location)? else {
                return Err(Error::internal("operator call expected"));
            };
            if call.result_type != BOOL {
                return Err(err!(
                    DATATYPE_MISMATCH,
                    "row comparison operator must yield type boolean, not type {}",
                    self.type_name_of(call.result_type)?
                )
                .or_at(location));
            }
            if returns_set(&Expr::Op(call.clone())) {
                return Err(
                    err!(DATATYPE_MISMATCH, "row comparison operator must not return a set").or_at(location)
                );
            }
            calls.push(call);
        }
        if calls.len() == 1 {
            return Ok(Expr::Op(calls.remove(0)));
        }
        self.combine_row_comparison(operator, calls, location)
    }

    fn combine_row_comparison(
        &mut self,
        operator: &OperatorName,
        calls: Vec<ir::OpExpr>,
        location: Option<usize>,
    ) -> Result<Expr> {
        // What each operator means in the B-tree families that have it: (family, strategy); 6 is <>, known by its negator.
        let mut common: Option<Vec<i16>> = None;
        let mut meanings = Vec::with_capacity(calls.len());
        for call in &calls {
            let found = self.btree_meanings(call.operator)?;
            let strategies: Vec<i16> = found.iter().map(|m| m.1).collect();
            common = Some(match common {
                None => strategies,
                Some(known) => known.into_iter().filter(|s| strategies.contains(s)).collect(),
            });
            meanings.push(found);
        }
        let Some(strategy) = common.unwrap_or_default().into_iter().min() else {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "could not determine interpretation of row comparison operator {}",
                operator.name
            )
            .hint("Row comparison operators must be associated with btree operator families.")
            .or_at(location));
        };
        if strategy == 3 || strategy == 6 {
            let op = if strategy == 3 { BoolOp::And } else { BoolOp::Or };
            return Ok(Expr::Bool { op, args: calls.into_iter().map(Expr::Op).collect(), location });
        }
        let mut families = Vec::with_capacity(calls.len());
        for found in &meanings {
            let Some((family, _)) = found.iter().find(|m| m.1 == strategy) else {
                return Err(err!(
                    FEATURE_NOT_SUPPORTED,
                    "could not determine interpretation of row comparison operator {}",
                    operator.name
                )
                .detail("There are multiple equally-plausible candidates.")
                .or_at(location));
            };
            families.push(*family);
        }
        let mut left = Vec::with_capacity(calls.len());
        let mut right = Vec::with_capacity(calls.len());
        let mut operators = Vec::with_capacity(calls.len());
        for call in calls {
            operators.push(call.operator);
            let mut args = call.args.into_iter();
            left.extend(args.next());
            right.extend(args.next());
        }
        Ok(Expr::RowCompare {
            op: match strategy {
                1 => RowCompareOp::Less,
                2 => RowCompareOp::LessEqual,
                4 => RowCompareOp::GreaterEqual,
                _ => RowCompareOp::Greater,
            },
            input_collations: vec![Oid::INVALID; operators.len()],
            operators,
            families,
            left,
            right,
        })
    }

    /// B-tree families and strategies of an operator; strategy 6 for the negator of an equality.
    pub(crate) fn btree_meanings(&self, operator: Oid) -> Result<Vec<(Oid, i16)>> {
        let of = |oid: Oid| -> Result<Vec<(Oid, i16)>> {
            let rows = self.session.operator_families(oid)?;
            Ok(rows
                .iter()
                .filter(|r| r.amopmethod == BTREE && r.amoppurpose as u8 == b's')
                .map(|r| (r.amopfamily, r.amopstrategy))
                .collect())
        };
        let found = of(operator)?;
        if !found.is_empty() {
            return Ok(found);
        }
        let negator = self.session.operator(operator)?.oprnegate;
        if !negator.is_valid() {
            return Ok(Vec::new());
        }
        Ok(of(negator)?.into_iter().filter(|m| m.1 == 3).map(|m| (m.0, 6)).collect())
    }

    pub(super) fn distinct(&mut self, distinct: &Distinct) -> Result<Expr> {
        let location = Some(distinct.location);
        // Comparison with a written NULL is a null test.
        let is_null = |e: &Ast| matches!(e, Ast::Const { value: syntax::Literal::Null, .. });
        let null_test = |analyzer: &mut Self, arg: &Ast| -> Result<Expr> {
            let arg = analyzer.expr(arg)?;
            Ok(Expr::NullTest {
                arg: Box::new(arg),
                is_null: distinct.negated,
                row_argument: false,
                location,
            })
        };
        if is_null(&distinct.right) {
            return null_test(self, &distinct.left);
        }
        if is_null(&distinct.left) {
            return null_test(self, &distinct.right);
        }
        let left = self.expr(&distinct.left)?;
        let right = self.expr(&distinct.right)?;
        let result = match (left, right) {
            (Expr::Row { args: l, .. }, Expr::Row { args: r, .. })
                if matches!((&distinct.left, &distinct.right), (Ast::Row { .. }, Ast::Row { .. })) =>
            {
                self.row_distinct(l, r, location)?
            }
            (left, right) => self.make_distinct(left, right, location)?,
        };
        if distinct.negated {
            return Ok(Expr::Bool { op: BoolOp::Not, args: vec![result], location });
        }
        Ok(result)
    }

    fn row_distinct(&mut self, left: Vec<Expr>, right: Vec<Expr>, location: Option<usize>) -> Result<Expr> {
        if left.len() != right.len() {
            return Err(err!(SYNTAX_ERROR, "unequal number of entries in row expressions").or_at(location));
        }
        let mut args = Vec::with_capacity(left.len());
        for (l, r) in left.into_iter().zip(right) {
            args.push(self.make_distinct(l, r, location)?);
        }
        Ok(match args.len() {
            0 => crate::coerce::make_const(self, BOOL, -1, Some(datum::OwnedDatum::Bool(false)), location)?,
            1 => args.remove(0),
            _ => Expr::Bool { op: BoolOp::Or, args, location },
        })
    }

    pub(crate) fn make_distinct(&mut self, left: Expr, right: Expr, location: Option<usize>) -> Result<Expr> {
        let Expr::Op(op) = self.make_operator(&operator_name("="), Some(left), right, location)? else {
            return Err(Error::internal("operator call expected"));
        };
        if op.result_type != BOOL {
            return Err(err!(DATATYPE_MISMATCH, "IS DISTINCT FROM requires = operator to yield boolean")
                .or_at(location));
        }
        if op.returns_set {
            return Err(err!(DATATYPE_MISMATCH, "IS DISTINCT FROM must not return a set").or_at(location));
        }
        Ok(Expr::Distinct(op))
    }

    pub(super) fn in_list(&mut self, list: &In) -> Result<Expr> {
        let location = Some(list.location);
        let name = operator_name(if list.negated { "<>" } else { "=" });
        let use_or = !list.negated;
        let left = self.expr(&list.arg)?;
        let mut plain = Vec::new();
        let mut others = Vec::new();
        for item in &list.list {
            let item = self.expr(item)?;
            if find_variable(&item, 0).is_some() { others.push(item) } else { plain.push(item) }
        }
        let mut result: Option<Expr> = None;
        if plain.len() > 1 {
            match self.in_array(&left, plain, &name, use_or, location)? {
                Ok(test) => result = Some(test),
                Err(mut rejected) => {
                    rejected.append(&mut others);
                    others = rejected;
                }
            }
        } else {
            plain.append(&mut others);
            others = plain;
        }
        for item in others {
            let comparison = match (left.clone(), item) {
                (Expr::Row { args: l, .. }, Expr::Row { args: r, .. }) => {
                    self.row_comparison(&name, l, r, location)?
                }
                (left, item) => self.make_operator(&name, Some(left), item, location)?,
            };
            let comparison = self.coerce_to_boolean(comparison, "IN")?;
            result = Some(match result {
                None => comparison,
                Some(known) => {
                    let op = if use_or { BoolOp::Or } else { BoolOp::And };
                    Expr::Bool { op, args: vec![known, comparison], location }
                }
            });
        }
        result.ok_or_else(|| Error::internal("IN without members"))
    }

    /// `left = ANY (ARRAY[items])`, or the items back where they have no common array type.
    fn in_array(
        &mut self,
        left: &Expr,
        items: Vec<Expr>,
        name: &OperatorName,
        use_or: bool,
        location: Option<usize>,
    ) -> Result<Result<Expr, Vec<Expr>>> {
        let types: Vec<Oid> = std::iter::once(left).chain(&items).map(expr_type).collect();
        let mut scalar = crate::coerce::common::common_type_of(self.session, &types)?;
        if let Some(found) = scalar {
            let all: Vec<&Expr> = std::iter::once(left).chain(&items).collect();
            if found == RECORD || !self.common_type_works(found, &all)? {
                scalar = None;
            }
        }
        let array = match scalar {
            Some(scalar) => self.session.array_type(scalar)?.map(|array| (scalar, array)),
            None => None,
        };
        let Some((element_type, array_type)) = array else { return Ok(Err(items)) };
        let mut elements = Vec::with_capacity(items.len());
        for item in items {
            elements.push(self.coerce_to_common(item, element_type, "IN")?);
        }
        let array = Expr::Array {
            array_type,
            collation: Oid::INVALID,
            element_type,
            elements,
            multidimensional: false,
            location: None,
        };
        Ok(Ok(self.make_scalar_array_op(name, use_or, left.clone(), array, location)?))
    }

    pub(super) fn between(&mut self, between: &Between) -> Result<Expr> {
        let location = between.location;
        let compare = |operator: &str, right: &Ast| {
            Ast::Binary(Box::new(BinaryExpr {
                operator: operator_name(operator),
                left: between.arg.clone(),
                right: right.clone(),
                location,
            }))
        };
        let inside = |low: &Ast, high: &Ast| Ast::And {
            args: vec![compare(">=", low), compare("<=", high)],
            location,
        };
        let outside =
            |low: &Ast, high: &Ast| Ast::Or { args: vec![compare("<", low), compare(">", high)], location };
        let (low, high) = (&between.low, &between.high);
        let written = match (between.negated, between.symmetric) {
            (false, false) => inside(low, high),
            (true, false) => outside(low, high),
            (false, true) => Ast::Or { args: vec![inside(low, high), inside(high, low)], location },
            (true, true) => Ast::And { args: vec![outside(low, high), outside(high, low)], location },
        };
        self.expr(&written)
    }
}

fn row_args(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::Row { args, .. } => args,
        other => vec![other],
    }
}
