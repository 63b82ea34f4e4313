//! Values of one side of a foreign key as values of the other side's type, where the two differ.

use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs};
use base::{Error, Oid, Result};
use catalog::Session;
use datum::{Batch, Column, ColumnBuilder, Datum, OwnedDatum, Repr, Selection};
use ir::{CoercionForm, Const, Expr, FuncExpr, RelSet, Returning, Var, VarSource};
use std::sync::Arc;

const INT4: Oid = Oid(23);
const BOOL: Oid = Oid(16);
const IMPLICIT: u8 = b'i';

/// A cast, compiled.
pub struct Conversion {
    eval: Eval,
    from: Repr,
}

impl Conversion {
    /// The implicit cast between two base types, if there is one.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn implicit(session: &Session, from: Oid, to: Oid) -> Result<Option<Conversion>> {
        match session.cast(from, to)? {
            Some(cast) if cast.castcontext as u8 == IMPLICIT => {}
            _ => return Ok(None),
        }
        cast_between(session, input(from), from, to)?
            .map(|expr| Conversion::compile(session, from, &expr))
            .transpose()
    }

    /// What an assignment of a value of type `from` to a column does; `None` when it takes the value as it is.
    ///
    /// # Errors
    /// `0A000` when no cast is known.
    pub fn assigning(session: &Session, from: Oid, to: &datum::Attribute) -> Result<Option<Conversion>> {
        let from = session.base_type(from)?.0;
        let (base, domain_typmod) = session.base_type(to.type_oid)?;
        let is_domain = base != to.type_oid;
        let typmod = if is_domain { domain_typmod } else { to.typmod };
        if from == base && !is_domain && typmod < 0 {
            return Ok(None);
        }
        let Some(mut expr) = cast_between(session, input(from), from, base)? else {
            return Err(Error::unsupported("a foreign key between these types"));
        };
        if typmod >= 0
            && let Some(cast) = session.cast(base, base)?
            && cast.castfunc != Oid::INVALID
        {
            expr = call(session, cast.castfunc, expr, base, typmod)?;
        }
        if is_domain {
            expr = Expr::CoerceToDomain {
                arg: Box::new(expr),
                result_type: to.type_oid,
                typmod: to.typmod,
                collation: to.collation,
                form: CoercionForm::ImplicitCast,
                location: None,
            };
        }
        Conversion::compile(session, from, &expr).map(Some)
    }

    fn compile(session: &Session, from: Oid, expr: &Expr) -> Result<Conversion> {
        let eval = Compiler::new(session, Inputs::Outer).compile(expr)?;
        Ok(Conversion { eval, from: session.type_layout(from)?.repr })
    }

    /// # Errors
    /// What the cast fails with.
    pub fn column(&self, execution: &mut Execution, values: Arc<Column>, rows: usize) -> Result<Arc<Column>> {
        self.eval.evaluate(execution, &Batch::new(vec![values], rows), &Selection::All(rows))
    }

    /// # Errors
    /// What the cast fails with.
    pub fn value(&self, execution: &mut Execution, value: Option<&OwnedDatum>) -> Result<Option<OwnedDatum>> {
        let mut builder = ColumnBuilder::new(self.from, 1);
        builder.push(value.map(OwnedDatum::as_datum));
        let converted = self.column(execution, Arc::new(builder.finish()), 1)?;
        Ok(converted.get(0).map(Datum::to_owned))
    }
}

/// The only input column.
fn input(type_oid: Oid) -> Expr {
    Expr::Var(Var {
        source: VarSource::Outer,
        attribute: 1,
        type_oid,
        typmod: -1,
        collation: Oid::INVALID,
        nulling: RelSet::new(),
        levels_up: 0,
        returning: Returning::Default,
        syntactic: (0, 0),
        location: None,
    })
}

fn cast_between(session: &Session, arg: Expr, from: Oid, to: Oid) -> Result<Option<Expr>> {
    if from == to {
        return Ok(Some(arg));
    }
    let Some(cast) = session.cast(from, to)? else { return Ok(None) };
    let (collation, form) = (session.type_collation(to)?, CoercionForm::ImplicitCast);
    Ok(Some(match cast.castmethod as u8 {
        b'f' => call(session, cast.castfunc, arg, to, -1)?,
        b'i' => Expr::CoerceViaIo { arg: Box::new(arg), result_type: to, collation, form, location: None },
        _ => {
            Expr::Relabel { arg: Box::new(arg), result_type: to, typmod: -1, collation, form, location: None }
        }
    }))
}

/// A cast function's call: some take the typmod, and whether the cast is explicit, besides the value.
fn call(session: &Session, function: Oid, arg: Expr, result_type: Oid, typmod: i32) -> Result<Expr> {
    let count = session.function(function)?.pronargs;
    let mut args = vec![arg];
    if count > 1 {
        args.push(constant(session, INT4, OwnedDatum::Int4(typmod))?);
    }
    if count > 2 {
        args.push(constant(session, BOOL, OwnedDatum::Bool(false))?);
    }
    let collation = session.type_collation(result_type)?;
    Ok(Expr::Func(FuncExpr {
        function,
        result_type,
        returns_set: false,
        variadic: false,
        form: CoercionForm::ImplicitCast,
        collation,
        input_collation: collation,
        args,
        location: None,
    }))
}

fn constant(session: &Session, type_oid: Oid, value: OwnedDatum) -> Result<Expr> {
    let layout = session.type_layout(type_oid)?;
    let value = Some(value);
    Ok(Expr::Const(Const { type_oid, typmod: -1, collation: Oid::INVALID, layout, value, location: None }))
}
