//! CASE, COALESCE, GREATEST, LEAST, NULLIF: the conditional expressions.

use super::operator_name;
use crate::coerce::returns_set;
use crate::state::Analyzer;
use crate::types::*;
use base::{Error, Oid, Result, err};
use ir::{CaseWhen, Expr, OpExpr, expr_type, expr_typmod};
use syntax::{Case, Expr as Ast, NullIf};

impl Analyzer<'_> {
    pub(super) fn case(&mut self, case: &Case) -> Result<Expr> {
        let saved_srf = std::mem::take(&mut self.level().last_srf);
        let arg = match &case.arg {
            Some(arg) => {
                let mut arg = self.expr(arg)?;
                // The test value must have a type of its own.
                if expr_type(&arg) == UNKNOWN {
                    arg = self.coerce_to_common(arg, TEXT, "CASE")?;
                }
                self.assign_collations(&mut arg)?;
                Some(arg)
            }
            None => None,
        };
        let mut whens = Vec::with_capacity(case.whens.len());
        let mut results = Vec::with_capacity(case.whens.len());
        for when in &case.whens {
            let condition = self.expr(&when.condition)?;
            let condition = match &arg {
                Some(arg) => {
                    let test = Expr::CaseTest {
                        type_oid: expr_type(arg),
                        typmod: expr_typmod(arg),
                        collation: ir::expr_collation(arg),
                    };
                    self.make_operator(&operator_name("="), Some(test), condition, Some(when.location))?
                }
                None => condition,
            };
            whens.push((self.coerce_to_boolean(condition, "CASE/WHEN")?, when.location));
            results.push(self.expr(&when.result)?);
        }
        let default = match &case.default {
            Some(default) => self.expr(default)?,
            None => self.literal(&syntax::Literal::Null, None)?,
        };
        // The default's type goes first: it decides ties.
        let result_type = {
            let all: Vec<&Expr> = std::iter::once(&default).chain(&results).collect();
            self.common_type(&all, "CASE")?
        };
        let default = self.coerce_to_common(default, result_type, "CASE/ELSE")?;
        let mut branches = Vec::with_capacity(whens.len());
        for ((condition, location), result) in whens.into_iter().zip(results) {
            let result = self.coerce_to_common(result, result_type, "CASE/WHEN")?;
            branches.push(CaseWhen { condition, result, location: Some(location) });
        }
        let case = Expr::Case {
            result_type,
            collation: Oid::INVALID,
            arg: arg.map(Box::new),
            whens: branches,
            default: Some(Box::new(default)),
            location: Some(case.location),
        };
        self.refuse_sets(&case, saved_srf, "CASE")?;
        Ok(case)
    }

    /// Set-returning functions cannot stand where only some branches are evaluated.
    fn refuse_sets(&mut self, expr: &Expr, saved: bool, construct: &str) -> Result<()> {
        let seen = std::mem::replace(&mut self.level().last_srf, saved);
        if !seen {
            return Ok(());
        }
        let mut at = None;
        ir::any(expr, &mut |e| {
            let own = match e {
                Expr::Func(f) if f.returns_set => f.location,
                Expr::Op(op) if op.returns_set => op.location,
                _ => return false,
            };
            at = own;
            true
        });
        if !returns_set(expr) {
            return Ok(());
        }
        Err(err!(FEATURE_NOT_SUPPORTED, "set-returning functions are not allowed in {construct}")
            .hint("You might be able to move the set-returning function into a LATERAL FROM item.")
            .or_at(at))
    }

    fn common_args(&mut self, args: &[Ast], context: &str) -> Result<(Vec<Expr>, Oid)> {
        let args = self.expr_list(args)?;
        let refs: Vec<&Expr> = args.iter().collect();
        let result_type = self.common_type(&refs, context)?;
        let mut coerced = Vec::with_capacity(args.len());
        for arg in args {
            coerced.push(self.coerce_to_common(arg, result_type, context)?);
        }
        Ok((coerced, result_type))
    }

    pub(super) fn coalesce(&mut self, args: &[Ast], location: usize) -> Result<Expr> {
        let saved = std::mem::take(&mut self.level().last_srf);
        let (args, result_type) = self.common_args(args, "COALESCE")?;
        let expr = Expr::Coalesce { result_type, collation: Oid::INVALID, args, location: Some(location) };
        self.refuse_sets(&expr, saved, "COALESCE")?;
        Ok(expr)
    }

    pub(super) fn min_max(&mut self, args: &[Ast], greatest: bool, location: usize) -> Result<Expr> {
        let name = if greatest { "GREATEST" } else { "LEAST" };
        let (args, result_type) = self.common_args(args, name)?;
        Ok(Expr::MinMax {
            greatest,
            result_type,
            collation: Oid::INVALID,
            input_collation: Oid::INVALID,
            args,
            location: Some(location),
        })
    }

    pub(super) fn nullif(&mut self, nullif: &NullIf) -> Result<Expr> {
        let left = self.expr(&nullif.left)?;
        let right = self.expr(&nullif.right)?;
        let location = Some(nullif.location);
        let Expr::Op(op) = self.make_operator(&operator_name("="), Some(left), right, location)? else {
            return Err(Error::internal("operator call expected"));
        };
        if op.result_type != BOOL {
            return Err(
                err!(DATATYPE_MISMATCH, "NULLIF requires = operator to yield boolean").or_at(location)
            );
        }
        if op.returns_set {
            return Err(err!(DATATYPE_MISMATCH, "NULLIF must not return a set").or_at(location));
        }
        // It yields its first argument, as coerced.
        let result_type = expr_type(&op.args[0]);
        Ok(Expr::NullIf(OpExpr { result_type, ..op }))
    }
}
