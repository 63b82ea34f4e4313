//! A call as written becomes a function, an aggregate, a window function or a cast.

use super::resolve::{CallShape, Candidate, Resolved};
use crate::coerce::pathway::CoercionContext;
use crate::coerce::polymorphic;
use crate::state::Analyzer;
use crate::types::*;
use base::{Error, Oid, Result, bail, err};
use catalog::PgAggregate;
use ir::{CoercionForm, Expr, FuncExpr, expr_location, expr_type};
use syntax::{CallForm, FunctionCall};

/// The most arguments a function takes.
pub(crate) const MAX_ARGUMENTS: usize = 100;

/// A call with its arguments analysed.
pub(crate) struct Call<'c> {
    pub name: &'c [String],
    pub args: Vec<Expr>,
    /// Names of the trailing named arguments.
    pub names: Vec<String>,
    /// The call as written; `None` for a column notation or one that syntax stands for.
    pub written: Option<&'c FunctionCall>,
    /// How many of `args` come from WITHIN GROUP (ORDER BY ...).
    pub ordered: usize,
    /// For CALL: only procedures.
    pub procedure: bool,
    pub location: Option<usize>,
}

impl Analyzer<'_> {
    /// Analyses a call as written.
    pub(crate) fn function_call(&mut self, call: &FunctionCall, procedure: bool) -> Result<Expr> {
        let mut args = Vec::with_capacity(call.args.len());
        let mut names: Vec<String> = Vec::new();
        for arg in &call.args {
            let value = self.expr(&arg.value)?;
            match &arg.name {
                Some(name) => {
                    if names.contains(name) {
                        return Err(err!(SYNTAX_ERROR, "argument name \"{name}\" used more than once")
                            .at(arg.location));
                    }
                    names.push(name.clone());
                }
                None if !names.is_empty() => {
                    return Err(err!(SYNTAX_ERROR, "positional argument cannot follow named argument")
                        .at(arg.value.start()));
                }
                None => {}
            }
            args.push(value);
        }
        let mut ordered = 0;
        if call.within_group {
            for sort in &call.order_by {
                let value = self.in_kind(crate::ExprKind::OrderBy, |a| a.expr(&sort.expr))?;
                args.push(value);
                ordered += 1;
            }
        }
        self.resolve_call(Call {
            name: &call.name.parts,
            args,
            names,
            written: Some(call),
            ordered,
            procedure,
            location: Some(call.location),
        })
    }

    /// A call of a built-in function by name, as special syntax stands for.
    pub(crate) fn system_call(
        &mut self,
        name: &str,
        args: Vec<Expr>,
        location: Option<usize>,
    ) -> Result<Expr> {
        let name = ["pg_catalog".to_owned(), name.to_owned()];
        self.resolve_call(Call {
            name: &name,
            args,
            names: Vec::new(),
            written: None,
            ordered: 0,
            procedure: false,
            location,
        })
    }

    pub(crate) fn resolve_call(&mut self, mut call: Call<'_>) -> Result<Expr> {
        if call.args.len() > MAX_ARGUMENTS {
            return Err(err!(
                TOO_MANY_ARGUMENTS,
                "cannot pass more than {MAX_ARGUMENTS} arguments to a function"
            )
            .or_at(call.location));
        }
        let types: Vec<Oid> = call.args.iter().map(expr_type).collect();
        // `f(x)` may mean column f of the row x.
        if let Some(field) = self.call_as_field(&mut call, &types)? {
            return Ok(field);
        }
        let variadic = call.written.is_some_and(|w| w.variadic);
        let shape = CallShape {
            types: &types,
            names: &call.names,
            expand_variadic: !variadic,
            expand_defaults: true,
            procedure: call.procedure,
        };
        let resolved =
            self.resolve_function(call.name, &shape, Some(&call.args)).map_err(|e| e.or_at(call.location))?;
        match resolved {
            Resolved::Coercion(target) => {
                self.check_plain(&call)?;
                let arg = call.args.pop().expect("one argument");
                let form = if call.written.is_some() {
                    CoercionForm::ExplicitCall
                } else {
                    CoercionForm::ExplicitCast
                };
                self.coerce_type(arg, types[0], target, -1, CoercionContext::Explicit, form, call.location)
            }
            Resolved::Function(candidate) => self.build_call(call, types, *candidate),
            Resolved::Ambiguous => {
                let signature = self.function_signature(call.name, &call.names, &types)?;
                let what = if call.procedure { "procedure" } else { "function" };
                Err(err!(AMBIGUOUS_FUNCTION, "{what} {signature} is not unique")
                    .hint(format!(
                        "Could not choose a best candidate {what}. You might need to add explicit type casts."
                    ))
                    .or_at(call.location))
            }
            Resolved::NotFound => Err(self.no_such_function(&call, &types)?),
        }
    }

    fn call_as_field(&mut self, call: &mut Call<'_>, types: &[Oid]) -> Result<Option<Expr>> {
        let plain = match call.written {
            Some(w) => {
                !w.star
                    && !w.distinct
                    && !w.variadic
                    && w.over.is_none()
                    && w.filter.is_none()
                    && w.order_by.is_empty()
                    && !w.within_group
                    && w.form == CallForm::Explicit
            }
            None => false,
        };
        if !plain || call.args.len() != 1 || !call.names.is_empty() || call.name.len() != 1 || call.procedure
        {
            return Ok(None);
        }
        if !crate::coerce::pathway::is_row_type(self.session, types[0])? {
            return Ok(None);
        }
        self.field_select(&call.args[0].clone(), &call.name[0], call.location)
    }

    fn no_such_function(&self, call: &Call<'_>, types: &[Oid]) -> Result<Error> {
        let signature = self.function_signature(call.name, &call.names, types)?;
        if call.procedure {
            return Ok(err!(UNDEFINED_FUNCTION, "procedure {signature} does not exist")
                .hint("No procedure matches the given name and argument types. You might need to add explicit type casts.")
                .or_at(call.location));
        }
        let error = err!(UNDEFINED_FUNCTION, "function {signature} does not exist").or_at(call.location);
        let misplaced = call.written.is_some_and(|w| w.order_by.len() > 1 && !w.within_group);
        Ok(error.hint(if misplaced {
            "No aggregate function matches the given name and argument types. Perhaps you misplaced ORDER BY; \
             ORDER BY must appear after all regular arguments of the aggregate."
        } else {
            "No function matches the given name and argument types. You might need to add explicit type casts."
        }))
    }

    /// Refuses what only aggregates and window functions take.
    fn check_plain(&self, call: &Call<'_>) -> Result<()> {
        let Some(written) = call.written else { return Ok(()) };
        let name = call.name.join(".");
        let fail = |message: String| Err(err!(WRONG_OBJECT_TYPE, "{message}").or_at(call.location));
        if written.star {
            return fail(format!("{name}(*) specified, but {name} is not an aggregate function"));
        }
        if written.distinct {
            return fail(format!("DISTINCT specified, but {name} is not an aggregate function"));
        }
        if written.within_group {
            return fail(format!("WITHIN GROUP specified, but {name} is not an aggregate function"));
        }
        if !written.order_by.is_empty() {
            return fail(format!("ORDER BY specified, but {name} is not an aggregate function"));
        }
        if written.filter.is_some() {
            return fail(format!("FILTER specified, but {name} is not an aggregate function"));
        }
        if written.over.is_some() {
            return fail(format!(
                "OVER specified, but {name} is not a window function nor an aggregate function"
            ));
        }
        Ok(())
    }

    fn build_call(&mut self, mut call: Call<'_>, mut types: Vec<Oid>, candidate: Candidate) -> Result<Expr> {
        let function = candidate.function.clone();
        let kind = function.prokind as u8;
        let signature =
            |a: &Self, call: &Call<'_>, types: &[Oid]| a.function_signature(call.name, &call.names, types);
        if call.procedure && kind != b'p' {
            return Err(err!(WRONG_OBJECT_TYPE, "{} is not a procedure", signature(self, &call, &types)?)
                .hint("To call a function, use SELECT.")
                .or_at(call.location));
        }
        if !call.procedure && kind == b'p' {
            return Err(err!(WRONG_OBJECT_TYPE, "{} is a procedure", signature(self, &call, &types)?)
                .hint("To call a procedure, use CALL.")
                .or_at(call.location));
        }
        let mut declared = candidate.args.clone();
        let aggregate = match kind {
            b'a' => Some(self.aggregate_row(function.oid)?),
            _ => None,
        };
        if kind == b'f' || kind == b'p' {
            self.check_plain(&call)?;
        }
        // Defaults are filled in for the arguments left out; by name they may be any.
        if candidate.defaults > 0 {
            if kind == b'a' {
                bail!(INTERNAL_ERROR, "aggregates cannot have default arguments");
            }
            self.append_defaults(&mut call, &mut types, &mut declared, &candidate)?;
        }
        let mut variadic = call.written.is_some_and(|w| w.variadic);
        self.check_aggregate_shape(&call, &aggregate, &candidate, &mut variadic, &types)?;
        let result_type =
            polymorphic::enforce(self.session, &types, &mut declared, function.prorettype, false)
                .map_err(|e| e.or_at(call.location))?;
        let args = std::mem::take(&mut call.args);
        let mut args = self.coerce_arguments(args, &declared)?;
        if kind == b'f' || kind == b'p' || kind == b'w' {
            args = self.reorder_named(args, &call, &candidate);
        }
        // Arguments of a VARIADIC parameter become one array, unless the function takes "any".
        if candidate.variadic_args > 0 && function.provariadic != ANY {
            args = self.gather_variadic(args, candidate.variadic_args)?;
            variadic = true;
        } else if candidate.variadic_args > 0 {
            variadic = false;
        } else if variadic && function.provariadic == ANY {
            let last = args.last().map(expr_type).unwrap_or_default();
            let base = self.session.base_type(last)?.0;
            if self.session.element_type(base)?.is_none() {
                return Err(err!(DATATYPE_MISMATCH, "VARIADIC argument must be an array")
                    .or_at(args.last().and_then(expr_location)));
            }
        }
        if declared.contains(&INTERNAL) {
            return Err(err!(
                DATATYPE_MISMATCH,
                "functions accepting type \"internal\" cannot be called explicitly"
            )
            .or_at(call.location));
        }
        if function.proretset && kind == b'f' {
            self.note_set_returning(call.location)?;
        }
        match (kind, aggregate) {
            (b'a', Some(row)) if call.written.is_none_or(|w| w.over.is_none()) => {
                self.make_aggregate(call, row, &function, args, result_type, variadic)
            }
            (b'a', _) | (b'w', _) => self.make_window_function(call, &function, args, result_type),
            _ => {
                let form = match call.written.map(|w| w.form) {
                    Some(CallForm::SqlSyntax) => CoercionForm::SqlSyntax,
                    _ => CoercionForm::ExplicitCall,
                };
                Ok(Expr::Func(FuncExpr {
                    function: function.oid,
                    result_type,
                    returns_set: function.proretset,
                    variadic: variadic && function.provariadic.is_valid(),
                    form,
                    collation: Oid::INVALID,
                    input_collation: Oid::INVALID,
                    args,
                    location: call.location,
                }))
            }
        }
    }

    pub(crate) fn aggregate_row(&self, function: Oid) -> Result<std::sync::Arc<PgAggregate>> {
        self.session
            .row::<PgAggregate>(catalog::index::PG_AGGREGATE_FNOID, &[function.into()])?
            .ok_or_else(|| Error::internal(format!("cache lookup failed for aggregate {function}")))
    }

    fn append_defaults(
        &mut self,
        call: &mut Call<'_>,
        types: &mut Vec<Oid>,
        declared: &mut Vec<Oid>,
        candidate: &Candidate,
    ) -> Result<()> {
        let function = &candidate.function;
        let text = function.proargdefaults.as_deref().unwrap_or_default();
        let session = self.session;
        let defaults = ir::text::read_expr_list(text, &|oid| session.type_layout(oid))?;
        let count = function.pronargs.max(0) as usize;
        let first = count - defaults.len().min(count);
        let filled: Vec<usize> = match &candidate.positions {
            Some(positions) => positions.clone(),
            None => (0..call.args.len()).collect(),
        };
        for (at, default) in (first..count).zip(defaults) {
            if filled.contains(&at) {
                continue;
            }
            types.push(expr_type(&default));
            declared.push(function.proargtypes[at]);
            call.args.push(default);
        }
        Ok(())
    }

    /// Puts named arguments and defaults in the parameters' order. The tree keeps NamedArg nodes only in PostgreSQL's
    /// raw form; here the call is positional at once.
    fn reorder_named(&self, args: Vec<Expr>, call: &Call<'_>, candidate: &Candidate) -> Vec<Expr> {
        let Some(positions) = &candidate.positions else { return args };
        if call.names.is_empty() {
            return args;
        }
        let count = args.len();
        let mut slots: Vec<Option<Expr>> = (0..count).map(|_| None).collect();
        let mut rest = Vec::new();
        for (i, arg) in args.into_iter().enumerate() {
            match positions.get(i) {
                Some(&at) => slots[at] = Some(arg),
                None => rest.push(arg),
            }
        }
        let mut rest = rest.into_iter();
        slots.into_iter().filter_map(|slot| slot.or_else(|| rest.next())).collect()
    }

    fn gather_variadic(&mut self, mut args: Vec<Expr>, count: usize) -> Result<Vec<Expr>> {
        let elements = args.split_off(args.len() - count);
        let element_type = expr_type(&elements[0]);
        let array_type = self.session.array_type(element_type)?.ok_or_else(|| {
            let name = self.type_name_of(element_type).unwrap_or_default();
            err!(UNDEFINED_OBJECT, "could not find array type for data type {name}")
                .or_at(expr_location(&elements[0]))
        })?;
        args.push(Expr::Array {
            array_type,
            collation: Oid::INVALID,
            element_type,
            location: expr_location(&elements[0]),
            elements,
            multidimensional: false,
        });
        Ok(args)
    }
}
