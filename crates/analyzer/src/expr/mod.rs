//! Expressions.

mod array;
mod case;
mod column_ref;
mod comparison;
mod field;
mod sublink;

use crate::coerce::CoercionContext;
use crate::coerce::make_const;
use crate::context::ExprKind;
use crate::function::Call;
use crate::state::Analyzer;
use crate::types::*;
use base::{Error, Oid, Result, err};
use datum::OwnedDatum;
use ir::{BoolOp, CoercionForm, Expr, expr_location, expr_type};
use syntax::{Expr as Ast, Indirection, Like, LikeKind, Literal, OperatorName};

pub(crate) fn operator_name(name: &str) -> OperatorName {
    OperatorName { schema: Vec::new(), name: name.to_owned() }
}

impl Analyzer<'_> {
    /// Analyses an expression where `kind` says.
    pub(crate) fn expr_in(&mut self, expr: &Ast, kind: ExprKind) -> Result<Expr> {
        self.in_kind(kind, |a| a.expr(expr))
    }

    pub(crate) fn expr(&mut self, expr: &Ast) -> Result<Expr> {
        self.deeper(|a| a.expr_inner(expr))
    }

    fn expr_inner(&mut self, expr: &Ast) -> Result<Expr> {
        match expr {
            Ast::Column(column) => self.column_ref(column),
            Ast::Param { number, location } => self.param(*number, *location),
            Ast::Const { value, location } => self.literal(value, Some(*location)),
            Ast::TypeCast(cast) => self.type_cast(cast),
            Ast::Collate(collate) => self.collate(collate),
            Ast::Unary(unary) => {
                let arg = self.expr(&unary.arg)?;
                self.make_operator(&unary.operator, None, arg, Some(unary.location))
            }
            Ast::Binary(binary) => self.binary(binary),
            Ast::And { args, location } => self.bool_expr(BoolOp::And, args, "AND", *location),
            Ast::Or { args, location } => self.bool_expr(BoolOp::Or, args, "OR", *location),
            Ast::Not { arg, location } => {
                self.bool_expr(BoolOp::Not, std::slice::from_ref(&**arg), "NOT", *location)
            }
            Ast::IsNull { arg, negated, location } => self.null_test(arg, *negated, *location),
            Ast::BooleanTest { arg, test, location } => self.boolean_test(arg, *test, *location),
            Ast::Distinct(distinct) => self.distinct(distinct),
            Ast::In(list) => self.in_list(list),
            Ast::Like(like) => self.like(like),
            Ast::Between(between) => self.between(between),
            Ast::Case(case) => self.case(case),
            Ast::Function(call) => self.function_call(call, false),
            Ast::SqlValue { function, precision, location } => {
                self.sql_value(*function, *precision, *location)
            }
            Ast::Coalesce { args, location } => self.coalesce(args, *location),
            Ast::Greatest { args, location } => self.min_max(args, true, *location),
            Ast::Least { args, location } => self.min_max(args, false, *location),
            Ast::NullIf(nullif) => self.nullif(nullif),
            Ast::Row { args, explicit, location } => self.row(args, *explicit, *location),
            Ast::Array { elements, location } => self.array(elements, None, *location),
            Ast::Subquery(subquery) => self.sublink(subquery),
            Ast::ArrayComparison(comparison) => {
                let left = self.expr(&comparison.arg)?;
                let right = self.expr(&comparison.array)?;
                let location = Some(comparison.location);
                self.make_scalar_array_op(&comparison.operator, !comparison.all, left, right, location)
            }
            Ast::Indirection { arg, steps } => self.indirection(arg, steps),
            Ast::Default { location } => {
                Err(err!(SYNTAX_ERROR, "DEFAULT is not allowed in this context").at(*location))
            }
            Ast::Grouping { args, location } => self.grouping(args, *location),
            Ast::CurrentOf { cursor, location } => self.current_of(cursor, *location),
            Ast::MergeAction { location } => self.merge_action_function(*location),
            Ast::Json(json) => Err(Error::unsupported("SQL/JSON expression").at(json.location)),
            Ast::Xml(xml) => Err(Error::unsupported("SQL/XML expression").at(xml.location())),
        }
    }

    pub(crate) fn expr_list(&mut self, list: &[Ast]) -> Result<Vec<Expr>> {
        list.iter().map(|e| self.expr(e)).collect()
    }

    pub(crate) fn literal(&mut self, value: &Literal, location: Option<usize>) -> Result<Expr> {
        match value {
            Literal::Integer(i) => make_const(self, INT4, -1, Some(OwnedDatum::Int4(*i)), location),
            Literal::Numeric(text) => {
                let type_oid = match parse_int8(text) {
                    Some(value) if i32::try_from(value).is_ok() => {
                        return make_const(self, INT4, -1, Some(OwnedDatum::Int4(value as i32)), location);
                    }
                    Some(value) => {
                        return make_const(self, INT8, -1, Some(OwnedDatum::Int8(value)), location);
                    }
                    None => NUMERIC,
                };
                let value =
                    self.input.input(self.session, type_oid, -1, text).map_err(|e| e.or_at(location))?;
                make_const(self, type_oid, -1, value, location)
            }
            Literal::String(text) => make_const(self, UNKNOWN, -1, Some(text.as_str().into()), location),
            Literal::BitString(text) => {
                let value = self.input.input(self.session, BIT, -1, text).map_err(|e| e.or_at(location))?;
                make_const(self, BIT, -1, value, location)
            }
            Literal::Bool(b) => make_const(self, BOOL, -1, Some(OwnedDatum::Bool(*b)), location),
            Literal::Null => make_const(self, UNKNOWN, -1, None, location),
        }
    }

    fn type_cast(&mut self, cast: &syntax::TypeCast) -> Result<Expr> {
        let (target, typmod) = self.resolve_type_name(&cast.type_name)?;
        if let Ast::Array { elements, location } = &cast.arg {
            let (base, base_typmod) = self.session.base_type(target)?;
            let typmod = if base == target { typmod } else { base_typmod };
            if let Some(element) = self.session.element_type(base)? {
                let array = self.array(elements, Some((base, element, typmod)), *location)?;
                return self.explicit_cast(array, target, typmod, cast.location);
            }
        }
        let arg = self.expr(&cast.arg)?;
        self.explicit_cast(arg, target, typmod, cast.location)
    }

    fn explicit_cast(&mut self, arg: Expr, target: Oid, typmod: i32, location: usize) -> Result<Expr> {
        let source = expr_type(&arg);
        let coerced = self.coerce_to_target(
            arg,
            source,
            target,
            typmod,
            CoercionContext::Explicit,
            CoercionForm::ExplicitCast,
            Some(location),
        )?;
        match coerced {
            Some(coerced) => Ok(coerced),
            None => Err(self.cannot_cast(source, target)?.at(location)),
        }
    }

    fn collate(&mut self, collate: &syntax::Collate) -> Result<Expr> {
        let arg = self.expr(&collate.arg)?;
        let source = expr_type(&arg);
        if !self.session.type_collation(source)?.is_valid() && source != UNKNOWN {
            return Err(err!(
                DATATYPE_MISMATCH,
                "collations are not supported by type {}",
                self.type_name_of(source)?
            )
            .at(collate.location));
        }
        let collation = self.resolve_collation(&collate.collation).map_err(|e| e.at(collate.location))?;
        Ok(Expr::Collate { arg: Box::new(arg), collation, location: Some(collate.location) })
    }

    fn bool_expr(&mut self, op: BoolOp, args: &[Ast], name: &str, location: usize) -> Result<Expr> {
        let mut analysed = Vec::with_capacity(args.len());
        for arg in args {
            let arg = self.expr(arg)?;
            analysed.push(self.coerce_to_boolean(arg, name)?);
        }
        Ok(Expr::Bool { op, args: analysed, location: Some(location) })
    }

    fn null_test(&mut self, arg: &Ast, negated: bool, location: usize) -> Result<Expr> {
        let arg = self.expr(arg)?;
        let row_argument = crate::coerce::pathway::is_row_type(self.session, expr_type(&arg))?;
        Ok(Expr::NullTest { arg: Box::new(arg), is_null: !negated, row_argument, location: Some(location) })
    }

    fn boolean_test(&mut self, arg: &Ast, test: syntax::BooleanTest, location: usize) -> Result<Expr> {
        use syntax::BooleanTest as T;
        let (test, name) = match test {
            T::True => (ir::BooleanTest::True, "IS TRUE"),
            T::NotTrue => (ir::BooleanTest::NotTrue, "IS NOT TRUE"),
            T::False => (ir::BooleanTest::False, "IS FALSE"),
            T::NotFalse => (ir::BooleanTest::NotFalse, "IS NOT FALSE"),
            T::Unknown => (ir::BooleanTest::Unknown, "IS UNKNOWN"),
            T::NotUnknown => (ir::BooleanTest::NotUnknown, "IS NOT UNKNOWN"),
        };
        let arg = self.expr(arg)?;
        let arg = self.coerce_to_boolean(arg, name)?;
        Ok(Expr::BooleanTest { arg: Box::new(arg), test, location: Some(location) })
    }

    fn like(&mut self, like: &Like) -> Result<Expr> {
        let location = Some(like.location);
        let arg = self.expr(&like.arg)?;
        let mut pattern = self.expr(&like.pattern)?;
        let escape = match &like.escape {
            Some(escape) => Some(self.expr(escape)?),
            None => None,
        };
        if like.kind == LikeKind::SimilarTo {
            let args = std::iter::once(pattern).chain(escape).collect();
            pattern = self.system_call("similar_to_escape", args, location)?;
        } else if let Some(escape) = escape {
            pattern = self.system_call("like_escape", vec![pattern, escape], location)?;
        }
        let operator = match (like.kind, like.negated) {
            (LikeKind::Like, false) => "~~",
            (LikeKind::Like, true) => "!~~",
            (LikeKind::ILike, false) => "~~*",
            (LikeKind::ILike, true) => "!~~*",
            (LikeKind::SimilarTo, false) => "~",
            (LikeKind::SimilarTo, true) => "!~",
        };
        self.make_operator(&operator_name(operator), Some(arg), pattern, location)
    }

    fn sql_value(
        &mut self,
        function: syntax::SqlValueFunction,
        precision: Option<i32>,
        location: usize,
    ) -> Result<Expr> {
        use ir::SqlValueFunction as To;
        use syntax::SqlValueFunction as From;
        let (function, type_oid, timed) = match function {
            From::CurrentDate => (To::CurrentDate, DATE, false),
            From::CurrentTime => (To::CurrentTime, TIMETZ, true),
            From::CurrentTimestamp => (To::CurrentTimestamp, TIMESTAMPTZ, true),
            From::LocalTime => (To::LocalTime, TIME, true),
            From::LocalTimestamp => (To::LocalTimestamp, TIMESTAMP, true),
            From::CurrentRole => (To::CurrentRole, NAME, false),
            From::CurrentUser => (To::CurrentUser, NAME, false),
            From::User => (To::User, NAME, false),
            From::SessionUser => (To::SessionUser, NAME, false),
            From::CurrentCatalog => (To::CurrentCatalog, NAME, false),
            From::CurrentSchema => (To::CurrentSchema, NAME, false),
        };
        let typmod = match precision {
            Some(precision) if timed => precision.clamp(0, 6),
            _ => -1,
        };
        Ok(Expr::SqlValue { function, type_oid, typmod, location: Some(location) })
    }

    fn row(&mut self, args: &[Ast], explicit: bool, location: usize) -> Result<Expr> {
        let args = self.expand_row_items(args)?;
        if args.len() > 1664 {
            return Err(err!(TOO_MANY_COLUMNS, "ROW expressions can have at most 1664 entries").at(location));
        }
        Ok(Expr::Row {
            column_names: (1..=args.len()).map(|i| format!("f{i}")).collect(),
            args,
            row_type: RECORD,
            form: if explicit { CoercionForm::ExplicitCall } else { CoercionForm::ImplicitCast },
            location: Some(location),
        })
    }

    /// A list in which `t.*` stands for t's columns.
    pub(crate) fn expand_row_items(&mut self, items: &[Ast]) -> Result<Vec<Expr>> {
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Ast::Column(column) if column.star => {
                    list.extend(self.expand_star(column)?.into_iter().map(|(_, e)| e));
                }
                Ast::Indirection { arg, steps } if matches!(steps.last(), Some(Indirection::Star { .. })) => {
                    list.extend(self.expand_row_star(arg, steps)?.into_iter().map(|(_, e)| e));
                }
                item => list.push(self.expr(item)?),
            }
        }
        Ok(list)
    }

    fn current_of(&mut self, cursor: &str, location: usize) -> Result<Expr> {
        let Some(target) = &self.current().target else {
            return Err(Error::internal("CURRENT OF without target").at(location));
        };
        const REFCURSOR: base::Oid = base::Oid(1790);
        let relation = target.index;
        if target.relation.kind() == b'v' {
            return Err(err!(FEATURE_NOT_SUPPORTED, "WHERE CURRENT OF on a view is not implemented"));
        }
        // A variable of a function that holds the cursor's name goes before the name itself.
        if let Some(Expr::Param(param)) = self.named_value(&[cursor.to_owned()], false, false, location)?
            && param.type_oid == REFCURSOR
        {
            return Ok(Expr::CurrentOf { relation, cursor: None, param: param.id });
        }
        Ok(Expr::CurrentOf { relation, cursor: Some(cursor.to_owned()), param: 0 })
    }

    fn merge_action_function(&mut self, location: usize) -> Result<Expr> {
        let in_merge = self.levels.iter().rev().any(|l| l.kind == ExprKind::MergeReturning);
        if !in_merge {
            return Err(err!(
                SYNTAX_ERROR,
                "MERGE_ACTION() can only be used in the RETURNING list of a MERGE command"
            )
            .at(location));
        }
        Ok(Expr::MergeAction { location: Some(location) })
    }

    /// `f(x)` for an already analysed x, as field selection falls back to it.
    pub(crate) fn field_as_call(&mut self, arg: Expr, name: &str, location: Option<usize>) -> Result<Expr> {
        let name = [name.to_owned()];
        self.resolve_call(Call {
            name: &name,
            args: vec![arg],
            names: Vec::new(),
            written: None,
            ordered: 0,
            procedure: false,
            location,
        })
    }

    /// Errors unless the expression is free of variables of its own level: LIMIT and the like.
    pub(crate) fn refuse_variables(&self, expr: &Expr, construct: &str) -> Result<()> {
        if let Some(at) = find_variable(expr, 0) {
            return Err(err!(INVALID_COLUMN_REFERENCE, "argument of {construct} must not contain variables")
                .or_at(at.or(expr_location(expr))));
        }
        Ok(())
    }
}

/// The place of a variable of the query level `level` levels up, if the expression has one.
pub(crate) fn find_variable(expr: &Expr, level: u32) -> Option<Option<usize>> {
    let mut found = None;
    ir::walk_levels(expr, level, &mut |e, depth| {
        if let Expr::Var(var) = e
            && var.levels_up == depth
            && found.is_none()
        {
            found = Some(var.location);
        }
        found.is_none()
    });
    found
}

/// A literal as a 64-bit integer, if it is one; `0x`, `0o` and `0b` included.
fn parse_int8(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        _ => (10, digits),
    };
    let value = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}
