//! Coercion of expressions to types.

pub(crate) mod common;
pub(crate) mod pathway;
pub(crate) mod polymorphic;

use crate::state::Analyzer;
use crate::types::*;
use base::{Error, Oid, Result, err};
use datum::OwnedDatum;
use ir::{CoercionForm, Const, Expr, FuncExpr, expr_collation, expr_location, expr_type, expr_typmod};
pub use pathway::CoercionContext;
use pathway::*;

/// A non-null or null constant of a type, its layout looked up.
pub(crate) fn make_const(
    analyzer: &Analyzer<'_>,
    type_oid: Oid,
    typmod: i32,
    value: Option<OwnedDatum>,
    location: Option<usize>,
) -> Result<Expr> {
    Ok(Expr::Const(Const {
        type_oid,
        typmod,
        collation: analyzer.session.type_collation(type_oid)?,
        layout: analyzer.session.type_layout(type_oid)?,
        value,
        location,
    }))
}

impl Analyzer<'_> {
    /// `expr`, coerced to a type with its typmod; `None` where the context does not allow it.
    pub(crate) fn coerce_to_target(
        &mut self,
        expr: Expr,
        source: Oid,
        target: Oid,
        typmod: i32,
        context: CoercionContext,
        form: CoercionForm,
        location: Option<usize>,
    ) -> Result<Option<Expr>> {
        if !can_coerce(self.session, &[source], &[target], context)? {
            return Ok(None);
        }
        // COLLATE stays on top of any coercion.
        if let Expr::Collate { arg, collation, location: at } = expr {
            let coerced = self.coerce_to_target(*arg, source, target, typmod, context, form, location)?;
            let Some(coerced) = coerced else { return Ok(None) };
            if !self.session.type_collation(target)?.is_valid() {
                return Ok(Some(coerced));
            }
            return Ok(Some(Expr::Collate { arg: Box::new(coerced), collation, location: at }));
        }
        let coerced = self.coerce_type(expr.clone(), source, target, typmod, context, form, location)?;
        // An implicit conversion below an explicit length coercion is hidden from deparsing.
        let hide = coerced != expr && !matches!(coerced, Expr::Const(_));
        Ok(Some(self.coerce_typmod(coerced, target, typmod, context, form, location, hide)?))
    }

    /// Like [`Self::coerce_to_target`] for what is known to be possible, without the typmod.
    pub(crate) fn coerce_type(
        &mut self,
        expr: Expr,
        source: Oid,
        target: Oid,
        typmod: i32,
        context: CoercionContext,
        form: CoercionForm,
        location: Option<usize>,
    ) -> Result<Expr> {
        if target == source
            || matches!(target, ANY | ANYELEMENT | ANYNONARRAY | ANYCOMPATIBLE | ANYCOMPATIBLE_NONARRAY)
        {
            return Ok(expr);
        }
        if is_polymorphic(target) {
            if source == UNKNOWN {
                return Ok(expr);
            }
            let (base, _) = self.session.base_type(source)?;
            if base == source {
                return Ok(expr);
            }
            return self.relabel(expr, base, -1, CoercionForm::ImplicitCast, location);
        }
        let expr = match expr {
            Expr::Const(constant) if source == UNKNOWN => {
                return self.coerce_literal(constant, target, typmod, context, form, location);
            }
            Expr::Param(param) => {
                if let Some(coerced) = self.coerce_param(&param, target, location)? {
                    return Ok(coerced);
                }
                Expr::Param(param)
            }
            Expr::Collate { arg, collation, location: at } => {
                let coerced = self.coerce_type(*arg, source, target, typmod, context, form, location)?;
                if !self.session.type_collation(target)?.is_valid() {
                    return Ok(coerced);
                }
                return Ok(Expr::Collate { arg: Box::new(coerced), collation, location: at });
            }
            other => other,
        };
        match find_pathway(self.session, target, source, context)? {
            Some(Pathway::Relabel) => {
                let (base, base_typmod) = self.session.base_type(target)?;
                if base != target {
                    return self.coerce_to_domain(
                        expr,
                        base,
                        base_typmod,
                        target,
                        context,
                        form,
                        location,
                        false,
                    );
                }
                self.relabel(expr, target, -1, form, location)
            }
            Some(path) => {
                let (base, base_typmod) = self.base_with_typmod(target, typmod)?;
                let result = self.build_coercion(expr, path, base, base_typmod, context, form, location)?;
                if base == target {
                    return Ok(result);
                }
                self.coerce_to_domain(result, base, base_typmod, target, context, form, location, true)
            }
            None => self.coerce_row(expr, source, target, context, form, location),
        }
    }

    /// Through domains; a typmod given for the domain's base applies only where the domain sets none.
    fn base_with_typmod(&self, target: Oid, typmod: i32) -> Result<(Oid, i32)> {
        let (base, base_typmod) = self.session.base_type(target)?;
        Ok((base, if base == target { typmod } else { base_typmod }))
    }

    fn coerce_literal(
        &mut self,
        constant: Const,
        target: Oid,
        typmod: i32,
        context: CoercionContext,
        form: CoercionForm,
        location: Option<usize>,
    ) -> Result<Expr> {
        let (base, base_typmod) = self.base_with_typmod(target, typmod)?;
        let input_typmod = if base == INTERVAL { base_typmod } else { -1 };
        let at = constant.location;
        let value = match &constant.value {
            None => None,
            Some(text) => {
                let text = text.as_datum();
                self.input
                    .input(self.session, base, input_typmod, text.text())
                    .map_err(|e: Error| e.or_at(at))?
            }
        };
        let place = match (at, location) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let result = make_const(self, base, input_typmod, value, place)?;
        if target == base {
            return Ok(result);
        }
        self.coerce_to_domain(result, base, base_typmod, target, context, form, location, false)
    }

    fn relabel(
        &mut self,
        expr: Expr,
        target: Oid,
        typmod: i32,
        form: CoercionForm,
        location: Option<usize>,
    ) -> Result<Expr> {
        Ok(Expr::Relabel {
            arg: Box::new(expr),
            result_type: target,
            typmod,
            collation: self.session.type_collation(target)?,
            form,
            location,
        })
    }

    fn coerce_row(
        &mut self,
        expr: Expr,
        source: Oid,
        target: Oid,
        context: CoercionContext,
        form: CoercionForm,
        location: Option<usize>,
    ) -> Result<Expr> {
        if source == RECORD && is_composite(self.session, target)? {
            return self.coerce_record(expr, target, context, form, location);
        }
        if target == RECORD && is_composite(self.session, source)? {
            return Ok(expr);
        }
        if target == RECORD_ARRAY && self.session.element_type(source)?.is_some() {
            return Ok(expr);
        }
        if inherits_from(self.session, source, target)? {
            let (base, _) = self.session.base_type(source)?;
            let expr = if base == source {
                expr
            } else {
                self.relabel(expr, base, -1, CoercionForm::ImplicitCast, location)?
            };
            return Ok(Expr::ConvertRowtype { arg: Box::new(expr), result_type: target, form, location });
        }
        Err(self.cannot_cast(source, target)?.or_at(location))
    }

    pub(crate) fn cannot_cast(&self, source: Oid, target: Oid) -> Result<Error> {
        Ok(err!(
            CANNOT_COERCE,
            "cannot cast type {} to {}",
            self.type_name_of(source)?,
            self.type_name_of(target)?
        ))
    }

    /// A ROW(...) or whole-row record to a named composite type, field by field.
    fn coerce_record(
        &mut self,
        expr: Expr,
        target: Oid,
        context: CoercionContext,
        form: CoercionForm,
        location: Option<usize>,
    ) -> Result<Expr> {
        let (base, base_typmod) = self.session.base_type(target)?;
        let fail = |analyzer: &Self, detail: String| -> Result<Error> {
            let error = analyzer.cannot_cast(RECORD, target)?.or_at(location);
            Ok(if detail.is_empty() { error } else { error.detail(detail) })
        };
        let args = match expr {
            Expr::Row { args, .. } => args,
            Expr::Var(var) if var.attribute == 0 => self.expand_whole_row_var(&var)?,
            _ => return Err(fail(self, String::new())?),
        };
        let desc =
            self.session.row_type(base)?.ok_or_else(|| Error::internal("composite type without row"))?;
        let mut fields = Vec::with_capacity(desc.len());
        let mut args = args.into_iter();
        let mut position = 0;
        for attribute in desc.attributes() {
            if attribute.dropped {
                fields.push(make_const(self, INT4, -1, None, None)?);
                continue;
            }
            let Some(arg) = args.next() else {
                return Err(fail(self, "Input has too few columns.".to_owned())?);
            };
            position += 1;
            let source = expr_type(&arg);
            let at = expr_location(&arg);
            let coerced = self.coerce_to_target(
                arg,
                source,
                attribute.type_oid,
                attribute.typmod,
                context,
                CoercionForm::ImplicitCast,
                None,
            )?;
            let Some(coerced) = coerced else {
                let detail = format!(
                    "Cannot cast type {} to {} in column {position}.",
                    self.type_name_of(source)?,
                    self.type_name_of(attribute.type_oid)?
                );
                return Err(self.cannot_cast(RECORD, target)?.detail(detail).or_at(at.or(location)));
            };
            fields.push(coerced);
        }
        if args.next().is_some() {
            return Err(fail(self, "Input has too many columns.".to_owned())?);
        }
        let domain = base != target;
        let row = Expr::Row {
            args: fields,
            row_type: base,
            form: if domain { CoercionForm::ImplicitCast } else { form },
            column_names: Vec::new(),
            location,
        };
        if !domain {
            return Ok(row);
        }
        self.coerce_to_domain(row, base, base_typmod, target, context, form, location, false)
    }

    pub(crate) fn coerce_to_domain(
        &mut self,
        expr: Expr,
        base: Oid,
        base_typmod: i32,
        target: Oid,
        context: CoercionContext,
        form: CoercionForm,
        location: Option<usize>,
        hide: bool,
    ) -> Result<Expr> {
        // A domain over a domain over the same base: check only the outer one; the executor knows all constraints.
        let expr = if hide { hide_coercion(expr) } else { expr };
        let source = expr_type(&expr);
        let expr = if source == base || self.session.base_type(source)?.0 == base {
            expr
        } else {
            self.coerce_type(expr, source, base, base_typmod, context, CoercionForm::ImplicitCast, location)?
        };
        let expr = self.coerce_typmod(
            expr,
            base,
            base_typmod,
            context,
            CoercionForm::ImplicitCast,
            location,
            false,
        )?;
        Ok(Expr::CoerceToDomain {
            arg: Box::new(expr),
            result_type: target,
            typmod: -1,
            collation: self.session.type_collation(target)?,
            form,
            location,
        })
    }

    /// Applies a type's length coercion function, where it has one and `typmod` says more than is known already.
    pub(crate) fn coerce_typmod(
        &mut self,
        expr: Expr,
        target: Oid,
        typmod: i32,
        context: CoercionContext,
        form: CoercionForm,
        location: Option<usize>,
        hide: bool,
    ) -> Result<Expr> {
        if typmod == expr_typmod(&expr) {
            return Ok(expr);
        }
        if typmod < 0 {
            return self.drop_typmod(expr, target, typmod);
        }
        let Some(path) = find_typmod_function(self.session, target)? else {
            return self.drop_typmod(expr, target, typmod);
        };
        let expr = if hide { hide_coercion(expr) } else { expr };
        self.build_coercion(expr, path, target, typmod, context, form, location)
    }

    /// Marks the expression with `typmod` where nothing needs to be done to the value.
    fn drop_typmod(&mut self, expr: Expr, target: Oid, typmod: i32) -> Result<Expr> {
        if typmod < 0 {
            return Ok(expr);
        }
        Ok(match expr {
            Expr::Const(constant) => Expr::Const(Const { typmod, ..constant }),
            other => Expr::Relabel {
                collation: expr_collation(&other),
                location: expr_location(&other),
                arg: Box::new(other),
                result_type: target,
                typmod,
                form: CoercionForm::ImplicitCast,
            },
        })
    }

    fn build_coercion(
        &mut self,
        expr: Expr,
        path: Pathway,
        target: Oid,
        typmod: i32,
        context: CoercionContext,
        form: CoercionForm,
        location: Option<usize>,
    ) -> Result<Expr> {
        let collation = self.session.type_collation(target)?;
        match path {
            Pathway::Function(function) => {
                let count = self.session.function(function)?.pronargs;
                let mut args = vec![expr];
                if count >= 2 {
                    let typmod = Some(OwnedDatum::Int4(typmod));
                    args.push(make_const(self, INT4, -1, typmod, None)?);
                }
                if count >= 3 {
                    let explicit = Some(OwnedDatum::Bool(context == CoercionContext::Explicit));
                    args.push(make_const(self, BOOL, -1, explicit, None)?);
                }
                Ok(Expr::Func(FuncExpr {
                    function,
                    result_type: target,
                    returns_set: false,
                    variadic: false,
                    form,
                    collation: Oid::INVALID,
                    input_collation: Oid::INVALID,
                    args,
                    location,
                }))
            }
            Pathway::Array => self.build_array_coercion(expr, target, typmod, context, form, location),
            Pathway::ThroughIo => {
                Ok(Expr::CoerceViaIo { arg: Box::new(expr), result_type: target, collation, form, location })
            }
            Pathway::Relabel => self.relabel(expr, target, typmod, form, location),
        }
    }

    fn build_array_coercion(
        &mut self,
        expr: Expr,
        target: Oid,
        typmod: i32,
        context: CoercionContext,
        form: CoercionForm,
        location: Option<usize>,
    ) -> Result<Expr> {
        let element_of = |analyzer: &Self, array: Oid| -> Result<Oid> {
            let (base, _) = analyzer.session.base_type(array)?;
            Ok(analyzer.session.element_type(base)?.unwrap_or_default())
        };
        let source = expr_type(&expr);
        let from = element_of(self, source)?;
        let to = element_of(self, target)?;
        let (_, source_typmod) = self.base_with_typmod(source, expr_typmod(&expr))?;
        let test = Expr::CaseTest {
            type_oid: from,
            typmod: source_typmod,
            collation: self.session.type_collation(from)?,
        };
        let element = self
            .coerce_to_target(test, from, to, typmod, context, CoercionForm::ImplicitCast, location)?
            .ok_or_else(|| Error::internal("array element coercion vanished"))?;
        Ok(Expr::ArrayCoerce {
            arg: Box::new(expr),
            element: Box::new(element),
            result_type: target,
            typmod,
            collation: self.session.type_collation(target)?,
            form,
            location,
        })
    }

    /// A condition: `argument of WHERE must be type boolean, not type integer`.
    pub(crate) fn coerce_to_boolean(&mut self, expr: Expr, construct: &str) -> Result<Expr> {
        self.coerce_to_specific(expr, BOOL, -1, construct)
    }

    pub(crate) fn coerce_to_specific(
        &mut self,
        expr: Expr,
        target: Oid,
        typmod: i32,
        construct: &str,
    ) -> Result<Expr> {
        let source = expr_type(&expr);
        let at = expr_location(&expr);
        let expr = if source == target {
            expr
        } else {
            let coerced = self.coerce_to_target(
                expr,
                source,
                target,
                typmod,
                CoercionContext::Assignment,
                CoercionForm::ImplicitCast,
                None,
            )?;
            match coerced {
                Some(coerced) => coerced,
                None => {
                    return Err(err!(
                        DATATYPE_MISMATCH,
                        "argument of {construct} must be type {}, not type {}",
                        self.type_name_of(target)?,
                        self.type_name_of(source)?
                    )
                    .or_at(at));
                }
            }
        };
        if returns_set(&expr) {
            return Err(err!(DATATYPE_MISMATCH, "argument of {construct} must not return a set").or_at(at));
        }
        Ok(expr)
    }
}

/// Whether evaluation yields a set: a set-returning function or operator anywhere in it.
pub(crate) fn returns_set(expr: &Expr) -> bool {
    ir::any(expr, &mut |e| match e {
        Expr::Func(f) => f.returns_set,
        Expr::Op(op) => op.returns_set,
        _ => false,
    })
}

fn hide_coercion(mut expr: Expr) -> Expr {
    match &mut expr {
        Expr::Func(FuncExpr { form, .. })
        | Expr::Relabel { form, .. }
        | Expr::CoerceViaIo { form, .. }
        | Expr::ArrayCoerce { form, .. }
        | Expr::ConvertRowtype { form, .. }
        | Expr::Row { form, .. }
        | Expr::CoerceToDomain { form, .. } => *form = CoercionForm::ImplicitCast,
        _ => {}
    }
    expr
}
