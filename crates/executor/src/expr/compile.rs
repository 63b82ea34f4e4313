//! From `ir::Expr` to `Eval`.

use super::array::{ArrayBuild, ArrayCoerce, ArrayOp, SubscriptEval};
use super::decimal::{DecimalOp, Kind};
use super::row::{FieldSelect, FieldStore, RowBuild, RowCompareEval};
use super::subplan::SubPlanEval;
use super::values::{CoerceViaIo, DomainCheck, ForeignCall, SqlValue};
use super::{CallInfo, Eval, fast};
use base::{Error, Oid, Result};
use catalog::Session;
use datum::{Column, OwnedDatum, Repr};
use functions::Registry;
use ir::{BoolOp, Expr, Var, VarSource, expr_collation, expr_type};
use std::sync::Arc;

/// Whether the function's body is among those compiled in: languages internal and C, and what pg_catalog has in SQL.
pub fn is_built_in(row: &catalog::PgProc) -> bool {
    const SQL: Oid = Oid(14);
    const FIRST_UNPINNED: u32 = 12000;
    matches!(row.prolang.0, 12 | 13)
        || (row.prolang == SQL && row.oid.0 < FIRST_UNPINNED && Registry::get().function(row).is_ok())
}

/// How deep expressions nest before the stack may be in danger.
const MAX_DEPTH: usize = 1000;

/// Where a plan node's expressions find their columns.
pub enum Inputs<'a> {
    /// No row: VALUES, limits, init values.
    None,
    /// The child's output; `Outer` n is column n - 1.
    Outer,
    /// Two children side by side: `outer` columns of the left one, then the right one's.
    OuterInner { outer: usize },
    /// A scan: the attributes (0 the whole row, negative system columns) that the batch carries, in its order.
    Scan { relation: usize, attributes: &'a [i16] },
    /// Whatever the function says: for ModifyTable's several rows side by side.
    Resolve(&'a dyn Fn(&Var) -> Option<usize>),
}

/// Compiles the expressions of one plan node.
pub struct Compiler<'a> {
    pub session: &'a Session,
    pub inputs: Inputs<'a>,
    /// Frames in use by enclosing expressions.
    frames: usize,
    /// The frame that CaseTest reads, innermost last.
    case_frames: Vec<usize>,
    /// The frame that VALUE of a domain reads.
    domain_frames: Vec<usize>,
    depth: usize,
    /// Aggregates, window functions and GROUPING that the node computes itself: columns of the input from
    /// `resolved_base` on.
    resolved: Vec<Expr>,
    resolved_base: usize,
}

impl<'a> Compiler<'a> {
    pub fn new(session: &'a Session, inputs: Inputs<'a>) -> Compiler<'a> {
        Compiler {
            session,
            inputs,
            frames: 0,
            case_frames: Vec::new(),
            domain_frames: Vec::new(),
            depth: 0,
            resolved: Vec::new(),
            resolved_base: 0,
        }
    }

    pub fn compile_all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) -> Result<Vec<Eval>> {
        exprs.into_iter().map(|e| self.compile(e)).collect()
    }

    /// The values' representation of an expression's type.
    pub fn repr(&self, type_oid: Oid) -> Result<Repr> {
        Ok(self.session.type_layout(type_oid)?.repr)
    }

    /// Lets the expressions find the values of `exprs` in the input's columns from `base` on.
    pub fn resolving(mut self, exprs: Vec<Expr>, base: usize) -> Compiler<'a> {
        self.resolved = exprs;
        self.resolved_base = base;
        self
    }

    pub(super) fn new_frame(&mut self) -> usize {
        self.frames += 1;
        self.frames - 1
    }

    /// Compiles `inner` with CaseTest reading `frame`.
    pub(super) fn with_case_frame(&mut self, frame: usize, inner: &Expr) -> Result<Eval> {
        self.case_frames.push(frame);
        let compiled = self.compile(inner);
        self.case_frames.pop();
        compiled
    }

    /// Compiles `inner` with a domain's VALUE reading `frame`.
    pub(super) fn with_domain_frame(&mut self, frame: usize, inner: &Expr) -> Result<Eval> {
        self.domain_frames.push(frame);
        let compiled = self.compile(inner);
        self.domain_frames.pop();
        compiled
    }

    /// # Errors
    /// `0A000` for what has no body or no evaluation yet, naming it; `54001` for too deep an expression.
    pub fn compile(&mut self, expr: &Expr) -> Result<Eval> {
        if self.depth >= MAX_DEPTH {
            base::bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        }
        self.depth += 1;
        let compiled = self.compile_inner(expr);
        self.depth -= 1;
        compiled
    }

    fn compile_inner(&mut self, expr: &Expr) -> Result<Eval> {
        Ok(match expr {
            Expr::Var(var) => Eval::Input(self.column_of(var)?),
            Expr::Const(c) => {
                let value = c.value.as_ref().map(OwnedDatum::as_datum);
                Eval::Constant(Arc::new(Column::constant(c.layout.repr, value)))
            }
            Expr::Param(param) => match param.kind {
                ir::ParamKind::External => Eval::ExternalParam(param.id - 1),
                _ => Eval::ExecParam(param.id),
            },
            Expr::Func(f) => {
                if f.returns_set {
                    return Err(Error::new(
                        base::SqlState::FEATURE_NOT_SUPPORTED,
                        "set-valued function called in context that cannot accept a set",
                    ));
                }
                self.call(f.function, f.input_collation, f.result_type, f.variadic, &f.args)?
            }
            Expr::Op(op) => self.call(op.function, op.input_collation, op.result_type, false, &op.args)?,
            Expr::Distinct(op) => self.distinct(op)?,
            Expr::NullIf(op) => Eval::NullIf {
                equal: Box::new(self.call(op.function, op.input_collation, Oid(16), false, &op.args)?),
                left: Box::new(self.compile(&op.args[0])?),
                repr: self.repr(expr_type(&op.args[0]))?,
            },
            Expr::Bool { op: BoolOp::And, args, .. } => Eval::And(self.compile_all(args)?),
            Expr::Bool { op: BoolOp::Or, args, .. } => Eval::Or(self.compile_all(args)?),
            Expr::Bool { op: BoolOp::Not, args, .. } => Eval::Not(Box::new(self.compile(&args[0])?)),
            Expr::NullTest { arg, is_null, row_argument, .. } => {
                let arg = Box::new(self.compile(arg)?);
                match row_argument {
                    true => Eval::RowNullTest { arg, is_null: *is_null },
                    false => Eval::NullTest { arg, is_null: *is_null },
                }
            }
            Expr::BooleanTest { arg, test, .. } => {
                Eval::BooleanTest { arg: Box::new(self.compile(arg)?), test: *test }
            }
            Expr::Relabel { arg, .. } | Expr::Collate { arg, .. } | Expr::NamedArg { arg, .. } => {
                self.compile(arg)?
            }
            Expr::Case { result_type, arg, whens, default, .. } => {
                self.case(*result_type, arg.as_deref(), whens, default.as_deref())?
            }
            Expr::CaseTest { .. } => match self.case_frames.last() {
                Some(frame) => Eval::Frame(*frame),
                None => return Err(Error::internal("a CASE test value outside of CASE")),
            },
            Expr::CoerceToDomainValue { .. } => match self.domain_frames.last() {
                Some(frame) => Eval::Frame(*frame),
                None => return Err(Error::internal("a domain's VALUE outside of its constraints")),
            },
            Expr::Coalesce { result_type, args, .. } => {
                Eval::Coalesce { args: self.compile_all(args)?, repr: self.repr(*result_type)? }
            }
            Expr::MinMax { greatest, result_type, input_collation, args, .. } => Eval::MinMax {
                args: self.compile_all(args)?,
                greatest: *greatest,
                order: self.default_order(*result_type, *input_collation)?,
                repr: self.repr(*result_type)?,
            },
            _ => self.compile_structured(expr)?,
        })
    }

    /// Arrays, rows, conversions, subplans.
    fn compile_structured(&mut self, expr: &Expr) -> Result<Eval> {
        Ok(match expr {
            Expr::ScalarArrayOp(op) => Eval::ArrayOp(Box::new(ArrayOp::compile(self, op)?)),
            Expr::Array { .. } => Eval::ArrayBuild(Box::new(ArrayBuild::compile(self, expr)?)),
            Expr::Subscript(subscript) => Eval::Subscript(Box::new(SubscriptEval::compile(self, subscript)?)),
            Expr::ArrayCoerce { .. } => Eval::ArrayCoerce(Box::new(ArrayCoerce::compile(self, expr)?)),
            Expr::Row { .. } => Eval::RowBuild(Box::new(RowBuild::compile(self, expr)?)),
            Expr::FieldSelect { .. } => Eval::FieldSelect(Box::new(FieldSelect::compile(self, expr)?)),
            Expr::FieldStore { .. } => Eval::FieldStore(Box::new(FieldStore::compile(self, expr)?)),
            Expr::RowCompare { .. } => Eval::RowCompare(Box::new(RowCompareEval::compile(self, expr)?)),
            Expr::CoerceViaIo { arg, result_type, .. } => {
                Eval::CoerceViaIo(Box::new(CoerceViaIo::compile(self, arg, *result_type)?))
            }
            Expr::SqlValue { function, typmod, .. } => {
                Eval::SqlValue(SqlValue { function: *function, typmod: *typmod })
            }
            Expr::CoerceToDomain { arg, result_type, .. } => {
                Eval::Domain(Box::new(DomainCheck::compile(self, arg, *result_type)?))
            }
            Expr::NextValue { sequence, type_oid } => {
                Eval::NextValue { sequence: *sequence, repr: self.repr(*type_oid)? }
            }
            Expr::SubPlan(plan) => Eval::SubPlan(Box::new(SubPlanEval::compile(self, plan)?)),
            Expr::PlaceHolder(placeholder) => self.compile(&placeholder.expr)?,
            Expr::ConvertRowtype { .. } => {
                return Err(Error::unsupported("converting a row to another row type"));
            }
            Expr::CurrentOf { .. } => return Err(Error::unsupported("WHERE CURRENT OF")),
            Expr::MergeAction { .. } => return Err(Error::unsupported("merge_action()")),
            Expr::Returning { arg, .. } => self.compile(arg)?,
            Expr::Grouping { .. } | Expr::Aggref(_) | Expr::WindowFunc(_) => {
                match self.resolved.iter().position(|known| known == expr) {
                    Some(place) => Eval::Input(self.resolved_base + place),
                    None => {
                        return Err(Error::internal(
                            "an aggregate or window function outside of its plan node",
                        ));
                    }
                }
            }
            Expr::SubLink(_) => return Err(Error::internal("a subquery that was not planned")),
            Expr::SetToDefault { .. } => return Err(Error::internal("DEFAULT that was not replaced")),
            other => return Err(Error::internal(format!("unexpected expression {other:?}"))),
        })
    }

    pub(super) fn column_of(&self, var: &Var) -> Result<usize> {
        let number = usize::try_from(i32::from(var.attribute) - 1);
        let found = match (&self.inputs, var.source) {
            (Inputs::Outer | Inputs::OuterInner { .. }, VarSource::Outer) => number.ok(),
            (Inputs::OuterInner { outer }, VarSource::Inner) => number.ok().map(|n| outer + n),
            (Inputs::Scan { relation, attributes }, VarSource::Relation(r)) if r == *relation => {
                attributes.iter().position(|a| *a == var.attribute)
            }
            (Inputs::Scan { attributes, .. }, VarSource::Index) => {
                attributes.iter().position(|a| *a == var.attribute)
            }
            (Inputs::Resolve(resolve), _) => resolve(var),
            _ => None,
        };
        if found.is_none() && var.attribute < 0 {
            return Err(Error::unsupported("this system column in an expression over a new row"));
        }
        found.ok_or_else(|| Error::internal(format!("variable {var:?} not found in the plan node's input")))
    }

    /// A call of a function by OID.
    pub fn call(
        &mut self,
        function: Oid,
        collation: Oid,
        result_type: Oid,
        variadic: bool,
        args: &[Expr],
    ) -> Result<Eval> {
        let row = self.session.function(function)?;
        let info = CallInfo {
            function,
            collation,
            argument_types: args.iter().map(expr_type).collect(),
            result_type,
            variadic,
            columns: None,
        };
        if !is_built_in(&row) {
            let (strict, repr) = (row.proisstrict, self.repr(result_type)?);
            let args = self.compile_all(args)?;
            return Ok(Eval::Foreign(Box::new(ForeignCall { info, strict, args, repr })));
        }
        let restricted = row.proacl.is_some();
        let call = self.built_in(&row, info, args)?;
        Ok(match restricted {
            true => Eval::Guarded { function: row, call: Box::new(call) },
            false => call,
        })
    }

    fn built_in(&mut self, row: &catalog::PgProc, info: CallInfo, args: &[Expr]) -> Result<Eval> {
        let result_type = info.result_type;
        let body = match Registry::get().function(row) {
            Ok(body) => body,
            Err(error) if error.state() == base::SqlState::FEATURE_NOT_SUPPORTED => {
                return Ok(Eval::Unbuilt { error: Box::new(error), repr: self.repr(result_type)? });
            }
            Err(error) => return Err(error),
        };
        let mut compiled = self.compile_all(args)?;
        compiled = match <[Eval; 2]>::try_from(compiled) {
            Ok(args) => {
                if let Some(kernel) = fast::Fast::by_source(&row.prosrc) {
                    return Ok(Eval::Fast { kernel, args: Box::new(args), fallback: body, info });
                }
                if let Some(kind) = Kind::by_source(&row.prosrc) {
                    return Ok(Eval::Decimal(Box::new(DecimalOp { kind, args, fallback: body, info })));
                }
                args.into()
            }
            Err(other) => other,
        };
        Ok(Eval::Call { function: body, info, args: compiled, repr: self.repr(result_type)? })
    }

    fn distinct(&mut self, op: &ir::OpExpr) -> Result<Eval> {
        let scratch = self.new_frame();
        self.new_frame();
        let row = self.session.function(op.function)?;
        let info = CallInfo {
            function: op.function,
            collation: op.input_collation,
            argument_types: op.args.iter().map(expr_type).collect(),
            result_type: Oid(16),
            variadic: false,
            columns: None,
        };
        let equal = Eval::Call {
            function: Registry::get().function(&row)?,
            info,
            args: vec![Eval::Frame(scratch), Eval::Frame(scratch + 1)],
            repr: Repr::Bool,
        };
        Ok(Eval::Distinct {
            equal: Box::new(equal),
            left: Box::new(self.compile(&op.args[0])?),
            right: Box::new(self.compile(&op.args[1])?),
            scratch,
        })
    }

    fn case(
        &mut self,
        result_type: Oid,
        arg: Option<&Expr>,
        whens: &[ir::CaseWhen],
        default: Option<&Expr>,
    ) -> Result<Eval> {
        let frame = arg.map(|_| self.new_frame());
        let mut arms = Vec::with_capacity(whens.len());
        for when in whens {
            let condition = match frame {
                Some(frame) => self.with_case_frame(frame, &when.condition)?,
                None => self.compile(&when.condition)?,
            };
            arms.push((condition, self.compile(&when.result)?));
        }
        let default = default.map(|d| self.compile(d)).transpose()?.map(Box::new);
        let case = Eval::Case { arms, default, repr: self.repr(result_type)? };
        Ok(match (arg, frame) {
            (Some(arg), Some(frame)) => {
                Eval::Let { frame, value: Box::new(self.compile(arg)?), body: Box::new(case) }
            }
            _ => case,
        })
    }

    /// The order of a type's default B-tree operator class.
    ///
    /// # Errors
    /// `42883` if it has none.
    pub fn default_order(&self, type_oid: Oid, collation: Oid) -> Result<Arc<dyn access_api::KeyOrder>> {
        const BTREE: Oid = Oid(403);
        let missing = || -> Error {
            let name = self.session.format_type(type_oid, None).unwrap_or_default();
            base::err!(UNDEFINED_FUNCTION, "could not identify a comparison function for type {name}")
        };
        let class = self.session.default_opclass(type_oid, BTREE)?.ok_or_else(missing)?;
        match self.session.family_order(class.opcfamily, class.opcintype, class.opcintype, collation)? {
            Some(order) => Ok(order),
            None => self.session.structured_order(type_oid, collation),
        }
    }

    pub fn collation(&self, expr: &Expr) -> Oid {
        expr_collation(expr)
    }
}
