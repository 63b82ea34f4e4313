//! Arithmetic and comparisons of numeric over batches, on 64-bit integers where the values allow it ([`Decimals`]): an
//! expression such as `price * (1 - discount)` becomes bytes only where somebody wants bytes. Where a batch is not
//! plain, the ordinary functions run on it.

use super::{CallInfo, Eval, Frames};
use crate::context::Execution;
use base::Result;
use datum::{Batch, Column, ColumnBuilder, Decimals, Repr, Selection};
use functions::Function;
use std::cmp::Ordering;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Add,
    Sub,
    Mul,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Kind {
    /// By the operator function's source name.
    pub fn by_source(source: &str) -> Option<Kind> {
        Some(match source {
            "numeric_add" => Kind::Add,
            "numeric_sub" => Kind::Sub,
            "numeric_mul" => Kind::Mul,
            "numeric_eq" => Kind::Eq,
            "numeric_ne" => Kind::Ne,
            "numeric_lt" => Kind::Lt,
            "numeric_le" => Kind::Le,
            "numeric_gt" => Kind::Gt,
            "numeric_ge" => Kind::Ge,
            _ => return None,
        })
    }

    fn is_arithmetic(self) -> bool {
        matches!(self, Kind::Add | Kind::Sub | Kind::Mul)
    }
}

/// For fewer rows, taking the values apart does not pay.
const LEAST_ROWS: usize = 8;

/// Columns that were read as decimals while one batch is in work, for several expressions that use the same ones.
pub type Decoded = Vec<(Arc<Column>, Option<Arc<Decimals>>)>;

/// A value of type numeric in whichever forms there are.
pub struct Operand {
    column: Option<Arc<Column>>,
    pub decimals: Option<Arc<Decimals>>,
}

impl Operand {
    fn of_column(column: Column) -> Operand {
        Operand { column: Some(Arc::new(column)), decimals: None }
    }

    pub fn into_column(self, rows: &Selection) -> Arc<Column> {
        match (self.column, self.decimals) {
            (Some(column), _) => column,
            (None, Some(decimals)) => Arc::new(decimals.to_column(rows)),
            (None, None) => Arc::new(Column::constant(Repr::Bytes, None)),
        }
    }
}

/// An operator on two numbers of type numeric.
pub struct DecimalOp {
    pub kind: Kind,
    pub args: [Eval; 2],
    pub fallback: Function,
    pub info: CallInfo,
}

impl DecimalOp {
    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        Ok(self.compute(execution, input, rows, frames)?.into_column(rows))
    }

    fn compute(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Operand> {
        let left = operand(&self.args[0], execution, input, rows, frames)?;
        let right = operand(&self.args[1], execution, input, rows, frames)?;
        if let (Some(a), Some(b)) = (&left.decimals, &right.decimals)
            && let Some(result) = self.plain(a, b)
        {
            return Ok(result);
        }
        let (left, right) = (left.into_column(rows), right.into_column(rows));
        let repr = if self.kind.is_arithmetic() { Repr::Bytes } else { Repr::Bool };
        let mut out = ColumnBuilder::new(repr, rows.bound());
        (self.fallback.kernel)(&self.info.call(&execution.session), &[&left, &right], rows, &mut out)?;
        Ok(Operand::of_column(out.finish()))
    }

    fn plain(&self, a: &Decimals, b: &Decimals) -> Option<Operand> {
        let computed = match self.kind {
            Kind::Add => a.add(b),
            Kind::Sub => a.sub(b),
            Kind::Mul => a.mul(b),
            comparison => {
                let column = match comparison {
                    Kind::Eq => a.compare(b, Ordering::is_eq),
                    Kind::Ne => a.compare(b, Ordering::is_ne),
                    Kind::Lt => a.compare(b, Ordering::is_lt),
                    Kind::Le => a.compare(b, Ordering::is_le),
                    Kind::Gt => a.compare(b, Ordering::is_gt),
                    _ => a.compare(b, Ordering::is_ge),
                };
                return column.map(Operand::of_column);
            }
        };
        computed.map(|decimals| Operand { column: None, decimals: Some(Arc::new(decimals)) })
    }
}

/// The values of an expression of type numeric, as decimals if they are plain.
///
/// # Errors
/// What functions fail with.
pub fn operand(
    eval: &Eval,
    execution: &mut Execution,
    input: &Batch,
    rows: &Selection,
    frames: &mut Frames,
) -> Result<Operand> {
    if let Eval::Decimal(op) = eval
        && op.kind.is_arithmetic()
    {
        return op.compute(execution, input, rows, frames);
    }
    let column = eval.evaluate_in(execution, input, rows, frames)?;
    if rows.len() < LEAST_ROWS {
        return Ok(Operand { column: Some(column), decimals: None });
    }
    let decimals = match &execution.decoded {
        Some(known) if !column.is_constant() => match known.iter().find(|(c, _)| Arc::ptr_eq(c, &column)) {
            Some((_, decimals)) => decimals.clone(),
            None => {
                let decimals = Decimals::read(&column, rows).map(Arc::new);
                // What was read for some of the rows says nothing about the others.
                if let (Selection::All(_), Some(known)) = (rows, &mut execution.decoded) {
                    known.push((column.clone(), decimals.clone()));
                }
                decimals
            }
        },
        _ => Decimals::read(&column, rows).map(Arc::new),
    };
    Ok(Operand { column: Some(column), decimals })
}
