//! Expressions, compiled once per plan and evaluated over batches.
//!
//! `compile` turns an `ir::Expr` into an `Eval`: function bodies looked up, constants made columns, Vars made
//! positions in the input batch. `Eval::evaluate` yields a column whose values are meant for the selected rows only:
//! AND, OR, CASE and COALESCE narrow the selection for their later arguments, so that what must not be evaluated is not.

mod array;
mod boolean;
mod compile;
mod conditional;
mod decimal;
mod fast;
mod row;
mod subplan;
mod values;

pub use compile::{Compiler, Inputs, is_built_in};
pub use decimal::{Decoded, operand};
pub use subplan::{Contents, InitPlan, exec_param, finish_cte, subplan_node};
pub use values::{evaluate_once, filter};

use crate::context::Execution;
use crate::rows::null_column;
use base::{Oid, Result};
use datum::{Batch, Column, ColumnBuilder, Repr, Selection, TupleDesc};
use functions::{Call, Function};
use std::sync::Arc;

/// What a call needs besides its arguments.
#[derive(Debug, Clone)]
pub struct CallInfo {
    pub function: Oid,
    pub collation: Oid,
    pub argument_types: Box<[Oid]>,
    pub result_type: Oid,
    pub variadic: bool,
    /// The columns that the query lists for a function that returns record.
    pub columns: Option<Arc<TupleDesc>>,
}

impl CallInfo {
    pub fn call<'a>(&'a self, session: &'a catalog::Session) -> Call<'a> {
        Call {
            session,
            function: self.function,
            collation: self.collation,
            argument_types: &self.argument_types,
            result_type: self.result_type,
            variadic: self.variadic,
            columns: self.columns.as_ref(),
        }
    }
}

/// A compiled expression.
pub enum Eval {
    /// A column of the input batch.
    Input(usize),
    Constant(Arc<Column>),
    ExternalParam(usize),
    ExecParam(usize),
    Call {
        function: Function,
        info: CallInfo,
        args: Vec<Eval>,
        repr: Repr,
    },
    /// A call of a built-in function that is not for everybody.
    Guarded {
        function: Arc<catalog::PgProc>,
        call: Box<Eval>,
    },
    /// A function without a body: an error as soon as a row asks for it.
    Unbuilt {
        error: Box<base::Error>,
        repr: Repr,
    },
    /// A comparison or arithmetic on numbers that has a loop of its own.
    Fast {
        kernel: fast::Fast,
        args: Box<[Eval; 2]>,
        fallback: Function,
        info: CallInfo,
    },
    /// An operator on two numbers of type numeric.
    Decimal(Box<decimal::DecimalOp>),
    And(Vec<Eval>),
    Or(Vec<Eval>),
    Not(Box<Eval>),
    NullTest {
        arg: Box<Eval>,
        is_null: bool,
    },
    /// IS [NOT] NULL of a row: all fields are (not) null.
    RowNullTest {
        arg: Box<Eval>,
        is_null: bool,
    },
    BooleanTest {
        arg: Box<Eval>,
        test: ir::BooleanTest,
    },
    /// IS DISTINCT FROM, by the type's equality.
    Distinct {
        equal: Box<Eval>,
        left: Box<Eval>,
        right: Box<Eval>,
        scratch: usize,
    },
    NullIf {
        equal: Box<Eval>,
        left: Box<Eval>,
        repr: Repr,
    },
    Case {
        arms: Vec<(Eval, Eval)>,
        default: Option<Box<Eval>>,
        repr: Repr,
    },
    /// `body` with a frame set to `value`.
    Let {
        frame: usize,
        value: Box<Eval>,
        body: Box<Eval>,
    },
    Coalesce {
        args: Vec<Eval>,
        repr: Repr,
    },
    MinMax {
        args: Vec<Eval>,
        greatest: bool,
        order: Arc<dyn access_api::KeyOrder>,
        repr: Repr,
    },
    ArrayOp(Box<array::ArrayOp>),
    ArrayBuild(Box<array::ArrayBuild>),
    Subscript(Box<array::SubscriptEval>),
    ArrayCoerce(Box<array::ArrayCoerce>),
    RowBuild(Box<row::RowBuild>),
    FieldSelect(Box<row::FieldSelect>),
    FieldStore(Box<row::FieldStore>),
    RowCompare(Box<row::RowCompareEval>),
    CoerceViaIo(Box<values::CoerceViaIo>),
    SqlValue(values::SqlValue),
    Domain(Box<values::DomainCheck>),
    NextValue {
        sequence: Oid,
        repr: Repr,
    },
    SubPlan(Box<subplan::SubPlanEval>),
    /// A function in another language.
    Foreign(Box<values::ForeignCall>),
    /// The value under test, kept in the frame by an enclosing expression (CASE x WHEN, element coercion, VALUE).
    Frame(usize),
}

/// Values that enclosing expressions hand to inner ones ([`Eval::Frame`]).
pub type Frames = Vec<Option<Arc<Column>>>;

impl Eval {
    /// Whether it is the source of a multi-column assignment, whose values other expressions read as exec params.
    pub(crate) fn sets_params(&self) -> bool {
        matches!(self, Eval::SubPlan(plan) if plan.sets_params())
    }

    /// The expression's values at the selected rows.
    ///
    /// # Errors
    /// What functions fail with.
    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
    ) -> Result<Arc<Column>> {
        let mut frames = Frames::new();
        self.evaluate_in(execution, input, rows, &mut frames)
    }

    pub(crate) fn evaluate_in(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        match self {
            Eval::Input(column) => Ok(input.column(*column).clone()),
            Eval::Constant(column) => Ok(column.clone()),
            Eval::ExternalParam(id) => values::external_param(execution, *id),
            Eval::ExecParam(id) => subplan::exec_param(execution, *id),
            Eval::Call { function, info, args, repr } => {
                evaluate_call(execution, input, rows, frames, function, info, args, *repr)
            }
            Eval::Fast { kernel, args, fallback, info } => {
                let left = args[0].evaluate_in(execution, input, rows, frames)?;
                let right = args[1].evaluate_in(execution, input, rows, frames)?;
                if let Some(column) = kernel.run(&left, &right, rows) {
                    return Ok(Arc::new(column));
                }
                let call = info.call(&execution.session);
                let mut out = ColumnBuilder::new(kernel.result(), rows.bound());
                (fallback.kernel)(&call, &[&left, &right], rows, &mut out)?;
                Ok(Arc::new(out.finish()))
            }
            Eval::Decimal(op) => op.evaluate(execution, input, rows, frames),
            Eval::And(args) => boolean::connective(args, true, execution, input, rows, frames),
            Eval::Or(args) => boolean::connective(args, false, execution, input, rows, frames),
            Eval::Not(arg) => boolean::not(arg, execution, input, rows, frames),
            Eval::NullTest { arg, is_null } => {
                boolean::null_test(arg, *is_null, execution, input, rows, frames)
            }
            Eval::RowNullTest { arg, is_null } => {
                row::null_test(arg, *is_null, execution, input, rows, frames)
            }
            Eval::BooleanTest { arg, test } => {
                boolean::boolean_test(arg, *test, execution, input, rows, frames)
            }
            Eval::Distinct { equal, left, right, scratch } => {
                conditional::distinct(equal, left, right, *scratch, execution, input, rows, frames)
            }
            Eval::NullIf { equal, left, repr } => {
                conditional::null_if(equal, left, *repr, execution, input, rows, frames)
            }
            Eval::Case { arms, default, repr } => {
                conditional::case(arms, default.as_deref(), *repr, execution, input, rows, frames)
            }
            Eval::Let { frame, value, body } => {
                let value = value.evaluate_in(execution, input, rows, frames)?;
                conditional::set_frame(frames, *frame, value);
                body.evaluate_in(execution, input, rows, frames)
            }
            Eval::Coalesce { args, repr } => {
                conditional::coalesce(args, *repr, execution, input, rows, frames)
            }
            Eval::MinMax { args, greatest, order, repr } => {
                conditional::min_max(args, *greatest, order.as_ref(), *repr, execution, input, rows, frames)
            }
            Eval::ArrayOp(op) => op.evaluate(execution, input, rows, frames),
            Eval::ArrayBuild(build) => build.evaluate(execution, input, rows, frames),
            Eval::Subscript(subscript) => subscript.evaluate(execution, input, rows, frames),
            Eval::ArrayCoerce(coerce) => coerce.evaluate(execution, input, rows, frames),
            Eval::RowBuild(build) => build.evaluate(execution, input, rows, frames),
            Eval::FieldSelect(select) => select.evaluate(execution, input, rows, frames),
            Eval::FieldStore(store) => store.evaluate(execution, input, rows, frames),
            Eval::RowCompare(compare) => compare.evaluate(execution, input, rows, frames),
            Eval::CoerceViaIo(coerce) => coerce.evaluate(execution, input, rows, frames),
            Eval::SqlValue(value) => value.evaluate(execution),
            Eval::Domain(check) => check.evaluate(execution, input, rows, frames),
            Eval::NextValue { sequence, repr } => values::next_value(*sequence, *repr, execution, rows),
            Eval::SubPlan(plan) => plan.evaluate(execution, input, rows, frames),
            Eval::Guarded { function, call } => {
                if !rows.is_empty() {
                    let calls = execution.hooks.calls.clone();
                    calls.require_execute(&execution.session, function)?;
                }
                call.evaluate_in(execution, input, rows, frames)
            }
            Eval::Unbuilt { error, repr } => match rows.is_empty() {
                true => Ok(null_column(*repr)),
                false => Err((**error).clone()),
            },
            Eval::Foreign(call) => call.evaluate(execution, input, rows, frames),
            Eval::Frame(slot) => {
                Ok(frames[*slot].clone().expect("the enclosing expression has set its frame"))
            }
        }
    }
}

fn evaluate_call(
    execution: &mut Execution,
    input: &Batch,
    rows: &Selection,
    frames: &mut Frames,
    function: &Function,
    info: &CallInfo,
    args: &[Eval],
    repr: Repr,
) -> Result<Arc<Column>> {
    let mut columns: smallvec::SmallVec<[Arc<Column>; 4]> = smallvec::SmallVec::new();
    for arg in args {
        columns.push(arg.evaluate_in(execution, input, rows, frames)?);
    }
    let references: smallvec::SmallVec<[&Column; 4]> = columns.iter().map(|c| &**c).collect();
    let call = info.call(&execution.session);
    let mut out = ColumnBuilder::new(repr, rows.bound());
    (function.kernel)(&call, &references, rows, &mut out)?;
    Ok(Arc::new(out.finish()))
}
