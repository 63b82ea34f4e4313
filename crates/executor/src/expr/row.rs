//! Row values: ROW(), fields, comparison, IS NULL.

use super::{Compiler, Eval, Frames, boolean};
use crate::composite::{form_composite, view_composite};
use crate::context::Execution;
use access_api::KeyOrder;
use base::{Error, Result, bail};
use datum::{Attribute, Batch, Column, ColumnBuilder, Datum, OwnedDatum, Repr, Selection, TupleDesc};
use ir::{Expr, RowCompareOp, expr_collation, expr_type, expr_typmod};
use std::cmp::Ordering;
use std::sync::Arc;

/// ROW(...).
pub struct RowBuild {
    args: Vec<Eval>,
    desc: Arc<TupleDesc>,
    typmod: i32,
}

impl RowBuild {
    pub fn compile(compiler: &mut Compiler<'_>, expr: &Expr) -> Result<RowBuild> {
        let Expr::Row { args, row_type, column_names, .. } = expr else {
            return Err(Error::internal("not a row expression"));
        };
        let session = compiler.session;
        let (desc, typmod) = match session.row_type(*row_type)? {
            Some(desc) => (desc, -1),
            None => {
                let mut attributes = Vec::with_capacity(args.len());
                for (index, arg) in args.iter().enumerate() {
                    let name = column_names.get(index).filter(|n| !n.is_empty()).cloned();
                    attributes.push(Attribute::result(
                        name.unwrap_or_else(|| format!("f{}", index + 1)),
                        expr_type(arg),
                        expr_typmod(arg),
                        session.type_layout(expr_type(arg))?,
                        expr_collation(arg),
                    ));
                }
                let desc = Arc::new(TupleDesc::new(attributes));
                (desc.clone(), session.instance().records.typmod_of(&desc))
            }
        };
        Ok(RowBuild { args: compiler.compile_all(args)?, desc, typmod })
    }

    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        let mut columns = Vec::with_capacity(self.args.len());
        for arg in &self.args {
            columns.push(arg.evaluate_in(execution, input, rows, frames)?);
        }
        let mut out = ColumnBuilder::new(Repr::Bytes, rows.bound());
        let mut values = vec![None; self.desc.len()];
        rows.try_for_each(|row| -> Result<()> {
            out.pad_to(row);
            values.iter_mut().zip(&columns).for_each(|(v, c)| *v = c.get(row));
            out.push(Some(Datum::Bytes(&form_composite(&self.desc, self.typmod, &values)?)));
            Ok(())
        })?;
        Ok(Arc::new(out.finish()))
    }
}

/// row.field
pub struct FieldSelect {
    arg: Eval,
    field: usize,
    /// Known unless the argument is an anonymous record.
    desc: Option<Arc<TupleDesc>>,
    repr: Repr,
}

impl FieldSelect {
    pub fn compile(compiler: &mut Compiler<'_>, expr: &Expr) -> Result<FieldSelect> {
        let Expr::FieldSelect { arg, field, result_type, .. } = expr else {
            return Err(Error::internal("not a field selection"));
        };
        Ok(FieldSelect {
            desc: compiler.session.row_type(expr_type(arg))?,
            field: usize::try_from(*field - 1).map_err(|_| Error::internal("unsupported field of a row"))?,
            repr: compiler.repr(*result_type)?,
            arg: compiler.compile(arg)?,
        })
    }

    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        let column = self.arg.evaluate_in(execution, input, rows, frames)?;
        let mut out = [ColumnBuilder::new(self.repr, rows.bound())];
        rows.try_for_each(|row| -> Result<()> {
            out[0].pad_to(row);
            let Some(value) = column.get(row) else {
                out[0].push_null();
                return Ok(());
            };
            let value = view_composite(value.bytes())?;
            let desc = match &self.desc {
                Some(desc) => desc.clone(),
                None => value.desc(&execution.session)?,
            };
            match desc.attributes().get(self.field) {
                Some(attribute) if attribute.dropped => out[0].push_null(),
                Some(_) => value.deform(&desc, &[self.field], &mut out)?,
                None => {
                    return Err(Error::internal(format!(
                        "attribute {} of a row does not exist",
                        self.field + 1
                    )));
                }
            }
            Ok(())
        })?;
        let [out] = out;
        Ok(Arc::new(out.finish()))
    }
}

/// A row with some fields replaced.
pub struct FieldStore {
    arg: Eval,
    values: Vec<(usize, Eval)>,
    /// The frame in which assignments to parts of a field find its old value.
    frame: usize,
    desc: Arc<TupleDesc>,
}

impl FieldStore {
    pub fn compile(compiler: &mut Compiler<'_>, expr: &Expr) -> Result<FieldStore> {
        let Expr::FieldStore { arg, values, fields, result_type } = expr else {
            return Err(Error::internal("not a field assignment"));
        };
        let Some(desc) = compiler.session.row_type(*result_type)? else {
            bail!(DATATYPE_MISMATCH, "assigning to a field of an anonymous record");
        };
        let frame = compiler.new_frame();
        let mut compiled = Vec::new();
        for (value, field) in values.iter().zip(fields) {
            let field =
                usize::try_from(*field - 1).map_err(|_| Error::internal("unsupported field of a row"))?;
            compiled.push((field, compiler.with_case_frame(frame, value)?));
        }
        Ok(FieldStore { arg: compiler.compile(arg)?, values: compiled, frame, desc })
    }

    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        let old = self.arg.evaluate_in(execution, input, rows, frames)?;
        let mut fields: Vec<_> =
            self.desc.attributes().iter().map(|a| ColumnBuilder::new(a.layout.repr, rows.bound())).collect();
        let all: Vec<usize> = (0..self.desc.len()).collect();
        rows.try_for_each(|row| -> Result<()> {
            fields.iter_mut().for_each(|f| f.pad_to(row));
            match old.get(row) {
                Some(value) => view_composite(value.bytes())?.deform(&self.desc, &all, &mut fields),
                None => {
                    fields.iter_mut().for_each(ColumnBuilder::push_null);
                    Ok(())
                }
            }
        })?;
        let mut fields: Vec<_> = fields.into_iter().map(|f| Arc::new(f.finish())).collect();
        for (field, value) in &self.values {
            super::conditional::set_frame(frames, self.frame, fields[*field].clone());
            fields[*field] = value.evaluate_in(execution, input, rows, frames)?;
        }
        let mut out = ColumnBuilder::new(Repr::Bytes, rows.bound());
        let mut values = vec![None; fields.len()];
        rows.try_for_each(|row| -> Result<()> {
            out.pad_to(row);
            values.iter_mut().zip(&fields).for_each(|(v, f)| *v = f.get(row));
            out.push(Some(Datum::Bytes(&form_composite(&self.desc, -1, &values)?)));
            Ok(())
        })?;
        Ok(Arc::new(out.finish()))
    }
}

/// (a, b) < (c, d), column by column.
pub struct RowCompareEval {
    op: RowCompareOp,
    pairs: Vec<(Eval, Eval, Arc<dyn KeyOrder>)>,
}

impl RowCompareEval {
    pub fn compile(compiler: &mut Compiler<'_>, expr: &Expr) -> Result<RowCompareEval> {
        let Expr::RowCompare { op, operators, families, input_collations, left, right } = expr else {
            return Err(Error::internal("not a row comparison"));
        };
        let session = compiler.session;
        let mut pairs = Vec::new();
        for (index, (left, right)) in left.iter().zip(right).enumerate() {
            let (Some(operator), Some(family)) = (operators.get(index), families.get(index)) else {
                return Err(Error::internal("row comparison without operators"));
            };
            let operator = session.operator(*operator)?;
            let collation = input_collations.get(index).copied().unwrap_or_default();
            let order = session.family_order(*family, operator.oprleft, operator.oprright, collation)?;
            let order = match order {
                Some(order) => order,
                None => session.structured_order(ir::expr_type(left), collation)?,
            };
            pairs.push((compiler.compile(left)?, compiler.compile(right)?, order));
        }
        Ok(RowCompareEval { op: *op, pairs })
    }

    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        let mut decided: Vec<Option<Ordering>> = vec![Some(Ordering::Equal); rows.bound()];
        let mut open = rows.clone();
        for (left, right, order) in &self.pairs {
            if open.is_empty() {
                break;
            }
            let left = left.evaluate_in(execution, input, &open, frames)?;
            let right = right.evaluate_in(execution, input, &open, frames)?;
            open = open.filter(|row| {
                decided[row] = match (left.get(row), right.get(row)) {
                    (Some(left), Some(right)) => Some(order.compare(left, right)),
                    _ => None,
                };
                decided[row] == Some(Ordering::Equal)
            });
        }
        let holds = |order: Ordering| match self.op {
            RowCompareOp::Less => order == Ordering::Less,
            RowCompareOp::LessEqual => order != Ordering::Greater,
            RowCompareOp::GreaterEqual => order != Ordering::Less,
            RowCompareOp::Greater => order == Ordering::Greater,
        };
        Ok(Arc::new(boolean::map(rows, |row| decided[row].map(holds))))
    }
}

/// IS [NOT] NULL of a row: whether all of its fields are (not) null.
pub fn null_test(
    arg: &Eval,
    is_null: bool,
    execution: &mut Execution,
    input: &Batch,
    rows: &Selection,
    frames: &mut Frames,
) -> Result<Arc<Column>> {
    let column = arg.evaluate_in(execution, input, rows, frames)?;
    let mut results = vec![None; rows.bound()];
    rows.try_for_each(|row| -> Result<()> {
        results[row] = Some(match column.get(row) {
            None => is_null,
            Some(value) => {
                let value = view_composite(value.bytes())?;
                let desc = value.desc(&execution.session)?;
                let fields: Vec<Option<OwnedDatum>> = value.fields(&desc)?;
                let live = desc.attributes().iter().zip(&fields).filter(|(a, _)| !a.dropped);
                live.map(|(_, f)| f.is_none()).all(|null| null == is_null)
            }
        });
        Ok(())
    })?;
    Ok(Arc::new(boolean::map(rows, |row| results[row])))
}
