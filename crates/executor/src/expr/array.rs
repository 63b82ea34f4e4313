//! Arrays: `= ANY/ALL`, ARRAY[], subscripts and slices, casts of elements.

use super::fast::Fast;
use super::{CallInfo, Compiler, Eval, Frames, boolean, conditional};
use crate::context::Execution;
use crate::element::ElementType;
use crate::keys::{Encoder, KeyColumn};
use adt::array::{ArrayBuilder, ArrayView, Shape};
use base::{Error, Oid, Result, bail};
use datum::{Batch, Column, ColumnBuilder, Datum, Repr, Selection};
use functions::{Function, Registry};
use hashbrown::HashSet;
use ir::{Expr, ScalarArrayOp, Subscript, expr_type};
use std::sync::Arc;

const NAME: Oid = Oid(19);
const NAME_BYTES: usize = 64;
const JSONB: Oid = Oid(3802);

/// `scalar OP ANY/ALL (array)`.
pub struct ArrayOp {
    scalar: Eval,
    array: Eval,
    use_or: bool,
    function: Function,
    /// The operator's own loop, if it has one.
    fast: Option<Fast>,
    info: CallInfo,
    strict: bool,
    element: ElementType,
    /// For long lists of constants compared by equality.
    set: Option<ConstantSet>,
}

struct ConstantSet {
    encoder: Encoder,
    keys: HashSet<Box<[u8]>>,
    has_null: bool,
}

/// From this many elements on a hash table pays.
const MIN_HASHED: usize = 9;

impl ArrayOp {
    pub fn compile(compiler: &mut Compiler<'_>, op: &ScalarArrayOp) -> Result<ArrayOp> {
        let session = compiler.session;
        let array_type = session.base_type(expr_type(&op.args[1]))?.0;
        let element = session
            .element_type(array_type)?
            .ok_or_else(|| Error::internal("the right side of ANY or ALL is no array"))?;
        let element = ElementType::new(session, element)?;
        let row = session.function(op.function)?;
        let scalar_type = expr_type(&op.args[0]);
        let array = compiler.compile(&op.args[1])?;
        let set = match &array {
            Eval::Constant(column) if op.use_or => constant_set(compiler, op, column, element)?,
            _ => None,
        };
        Ok(ArrayOp {
            scalar: compiler.compile(&op.args[0])?,
            array,
            use_or: op.use_or,
            function: Registry::get().function(&row)?,
            fast: Fast::by_source(&row.prosrc),
            strict: row.proisstrict,
            info: CallInfo {
                function: op.function,
                collation: op.input_collation,
                argument_types: [scalar_type, element.oid].into(),
                result_type: Oid(16),
                variadic: false,
                columns: None,
            },
            element,
            set,
        })
    }

    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        let scalar = self.scalar.evaluate_in(execution, input, rows, frames)?;
        if let Some(set) = &self.set {
            return set.probe(&scalar, rows);
        }
        let array = self.array.evaluate_in(execution, input, rows, frames)?;
        if array.is_constant() {
            return self.with_constant(execution, &scalar, &array, rows);
        }
        let mut results = vec![None; rows.bound()];
        rows.try_for_each(|row| -> Result<()> {
            let Some(value) = array.get(row) else { return Ok(()) };
            let view = ArrayView::new(value.bytes())?;
            if view.is_empty() {
                results[row] = Some(!self.use_or);
                return Ok(());
            }
            if self.strict && scalar.is_null(row) {
                return Ok(());
            }
            let mut elements = ColumnBuilder::new(self.element.repr(), view.len());
            for element in view.iter(self.element.array_layout()) {
                elements.push(element?.map(|e| self.element.datum(e)));
            }
            let repeated = Column::constant(scalar.repr(), scalar.get(row));
            let mut out = ColumnBuilder::new(Repr::Bool, view.len());
            let call = self.info.call(&execution.session);
            let all = Selection::All(view.len());
            (self.function.kernel)(&call, &[&repeated, &elements.finish()], &all, &mut out)?;
            let out = out.finish();
            results[row] = fold(self.use_or, (0..view.len()).map(|i| boolean::truth(&out, i)));
            Ok(())
        })?;
        Ok(Arc::new(boolean::map(rows, |row| results[row])))
    }

    /// One pass over the batch for each element, over the rows not yet decided.
    fn with_constant(
        &self,
        execution: &Execution,
        scalar: &Column,
        array: &Column,
        rows: &Selection,
    ) -> Result<Arc<Column>> {
        let Some(value) = array.get(0) else {
            return Ok(Arc::new(Column::constant(Repr::Bool, None)));
        };
        let view = ArrayView::new(value.bytes())?;
        let mut results = vec![Some(!self.use_or); rows.bound()];
        let mut open = rows.clone();
        let call = self.info.call(&execution.session);
        for element in view.iter(self.element.array_layout()) {
            if open.is_empty() {
                break;
            }
            let element = Column::constant(self.element.repr(), element?.map(|e| self.element.datum(e)));
            let out = match self.fast.and_then(|fast| fast.run(scalar, &element, &open)) {
                Some(out) => out,
                None => {
                    let mut out = ColumnBuilder::new(Repr::Bool, open.bound());
                    (self.function.kernel)(&call, &[scalar, &element], &open, &mut out)?;
                    out.finish()
                }
            };
            open = open.filter(|row| match boolean::truth(&out, row) {
                Some(value) if value == self.use_or => {
                    results[row] = Some(value);
                    false
                }
                Some(_) => true,
                None => {
                    results[row] = None;
                    true
                }
            });
        }
        Ok(Arc::new(boolean::map(rows, |row| results[row])))
    }
}

/// OR (`use_or`) or AND of three-valued results.
fn fold(use_or: bool, results: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut folded = Some(!use_or);
    for result in results {
        match result {
            Some(value) if value == use_or => return Some(value),
            Some(_) => {}
            None => folded = None,
        }
    }
    folded
}

fn constant_set(
    compiler: &Compiler<'_>,
    op: &ScalarArrayOp,
    array: &Column,
    element: ElementType,
) -> Result<Option<ConstantSet>> {
    let Some(value) = array.get(0) else { return Ok(None) };
    let view = ArrayView::new(value.bytes())?;
    let operator = compiler.session.operator(op.operator)?;
    if view.len() < MIN_HASHED || !operator.oprcanhash {
        return Ok(None);
    }
    let columns = KeyColumn::of_type(compiler.session, element.oid)?;
    let mut set = ConstantSet { encoder: Encoder::new(vec![columns]), keys: HashSet::new(), has_null: false };
    let mut key = Vec::new();
    for element_bytes in view.iter(element.array_layout()) {
        let Some(bytes) = element_bytes? else {
            set.has_null = true;
            continue;
        };
        key.clear();
        set.encoder.encode_value(0, element.datum(bytes), &mut key)?;
        set.keys.insert(key.as_slice().into());
    }
    Ok(Some(set))
}

impl ConstantSet {
    fn probe(&self, scalar: &Column, rows: &Selection) -> Result<Arc<Column>> {
        let mut results = vec![None; rows.bound()];
        let mut key = Vec::new();
        rows.try_for_each(|row| -> Result<()> {
            let Some(value) = scalar.get(row) else { return Ok(()) };
            key.clear();
            self.encoder.encode_value(0, value, &mut key)?;
            results[row] = match self.keys.contains(key.as_slice()) {
                true => Some(true),
                false if self.has_null => None,
                false => Some(false),
            };
            Ok(())
        })?;
        Ok(Arc::new(boolean::map(rows, |row| results[row])))
    }
}

/// ARRAY[...].
pub struct ArrayBuild {
    elements: Vec<Eval>,
    element: ElementType,
    /// The elements are arrays themselves.
    nested: bool,
}

impl ArrayBuild {
    pub fn compile(compiler: &mut Compiler<'_>, expr: &Expr) -> Result<ArrayBuild> {
        let Expr::Array { element_type, elements, multidimensional, .. } = expr else {
            return Err(Error::internal("not an array expression"));
        };
        Ok(ArrayBuild {
            elements: compiler.compile_all(elements)?,
            element: ElementType::new(compiler.session, *element_type)?,
            nested: *multidimensional,
        })
    }

    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        let mut columns = Vec::with_capacity(self.elements.len());
        for element in &self.elements {
            columns.push(element.evaluate_in(execution, input, rows, frames)?);
        }
        let mut out = ColumnBuilder::new(Repr::Bytes, rows.bound());
        let mut buffer = Vec::new();
        rows.try_for_each(|row| -> Result<()> {
            out.pad_to(row);
            let mut builder = ArrayBuilder::new(self.element.oid, self.element.array_layout());
            let payload = if self.nested {
                let arrays: Vec<_> = columns.iter().map(|c| c.get(row)).collect();
                nest(&arrays, self.element, builder)?
            } else {
                for column in &columns {
                    builder.push(column.get(row).map(|v| self.element.bytes(v, &mut buffer)))?;
                }
                builder.finish()?
            };
            out.push(Some(Datum::Bytes(&payload)));
            Ok(())
        })?;
        Ok(Arc::new(out.finish()))
    }
}

/// An array of arrays that all have the same shape.
fn nest(arrays: &[Option<Datum<'_>>], element: ElementType, mut builder: ArrayBuilder) -> Result<Vec<u8>> {
    let mismatch = || {
        base::err!(
            ARRAY_SUBSCRIPT_ERROR,
            "multidimensional arrays must have array expressions with matching dimensions"
        )
    };
    let mut shape: Option<Shape> = None;
    let mut empty = 0;
    for array in arrays {
        let Some(array) = array else {
            empty += 1;
            continue;
        };
        let view = ArrayView::new(array.bytes())?;
        if view.dimensions() == 0 {
            empty += 1;
            continue;
        }
        match &shape {
            Some(shape) if *shape != view.shape() => return Err(mismatch()),
            Some(_) => {}
            None => shape = Some(view.shape()),
        }
        for element in view.iter(element.array_layout()) {
            builder.push(element?)?;
        }
    }
    let Some(mut shape) = shape else { return builder.finish() };
    if empty > 0 {
        return Err(mismatch());
    }
    if shape.lengths.len() >= adt::array::MAX_DIMENSIONS {
        bail!(
            PROGRAM_LIMIT_EXCEEDED,
            "number of array dimensions ({}) exceeds the maximum allowed ({})",
            shape.lengths.len() + 1,
            adt::array::MAX_DIMENSIONS
        );
    }
    shape.lengths.insert(0, arrays.len() as i32);
    shape.lower_bounds.insert(0, 1);
    builder.finish_shaped(&shape)
}

/// What is subscripted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subscripted {
    Array,
    /// Its characters, from 0.
    Name,
    /// By keys and places of elements.
    Jsonb,
}

/// array[i], array[l:u], and assignments to them.
pub struct SubscriptEval {
    subscripted: Subscripted,
    container: Eval,
    upper: Vec<Option<Eval>>,
    lower: Vec<Option<Eval>>,
    slice: bool,
    assign: Option<Eval>,
    /// Where a nested assignment finds the old element.
    frame: usize,
    element: ElementType,
    result: Repr,
}

impl SubscriptEval {
    pub fn compile(compiler: &mut Compiler<'_>, subscript: &Subscript) -> Result<SubscriptEval> {
        let session = compiler.session;
        let container = session.base_type(subscript.container_type)?.0;
        let subscripted = match container {
            NAME => Subscripted::Name,
            JSONB => Subscripted::Jsonb,
            _ if session.element_type(container)?.is_some() => Subscripted::Array,
            _ => {
                let name = session.format_type(container, None)?;
                return Err(Error::unsupported(format!("subscripting a value of type {name}")));
            }
        };
        if subscripted != Subscripted::Array && subscript.assign.is_some() {
            let name = session.format_type(container, None)?;
            return Err(Error::unsupported(format!("assigning to a part of a value of type {name}")));
        }
        if subscripted == Subscripted::Name && !subscript.lower.is_empty() {
            bail!(FEATURE_NOT_SUPPORTED, "slices of fixed-length arrays not implemented");
        }
        let frame = compiler.new_frame();
        let mut list = |list: &[Option<Expr>]| -> Result<Vec<Option<Eval>>> {
            list.iter().map(|e| e.as_ref().map(|e| compiler.compile(e)).transpose()).collect()
        };
        let (upper, lower) = (list(&subscript.upper)?, list(&subscript.lower)?);
        let assign = subscript.assign.as_deref().map(|e| compiler.with_case_frame(frame, e)).transpose()?;
        let element = match subscripted {
            Subscripted::Jsonb => JSONB,
            _ => subscript.element_type,
        };
        Ok(SubscriptEval {
            subscripted,
            container: compiler.compile(&subscript.container)?,
            slice: !lower.is_empty(),
            upper,
            lower,
            assign,
            frame,
            element: ElementType::new(session, element)?,
            result: compiler.repr(subscript.result_type)?,
        })
    }

    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        let container = self.container.evaluate_in(execution, input, rows, frames)?;
        let mut bounds = |list: &[Option<Eval>]| -> Result<Vec<Option<Arc<Column>>>> {
            let mut columns = Vec::with_capacity(list.len());
            for bound in list {
                columns.push(match bound {
                    Some(bound) => Some(bound.evaluate_in(execution, input, rows, frames)?),
                    None => None,
                });
            }
            Ok(columns)
        };
        let (upper, lower) = (bounds(&self.upper)?, bounds(&self.lower)?);
        let Some(assign) = &self.assign else {
            let mut out = ColumnBuilder::new(self.result, rows.bound());
            rows.try_for_each(|row| -> Result<()> {
                out.pad_to(row);
                self.fetch(&container, &upper, &lower, row, &mut out)
            })?;
            return Ok(Arc::new(out.finish()));
        };
        if !self.slice {
            // The value assigned may itself change a part of the old element.
            let mut old = ColumnBuilder::new(self.element.repr(), rows.bound());
            rows.try_for_each(|row| -> Result<()> {
                old.pad_to(row);
                self.fetch(&container, &upper, &lower, row, &mut old)
            })?;
            conditional::set_frame(frames, self.frame, Arc::new(old.finish()));
        }
        let value = assign.evaluate_in(execution, input, rows, frames)?;
        let mut out = ColumnBuilder::new(Repr::Bytes, rows.bound());
        rows.try_for_each(|row| -> Result<()> {
            out.pad_to(row);
            let payload = self.assign(&container, &upper, &lower, &value, row)?;
            out.push(payload.as_deref().map(Datum::Bytes));
            Ok(())
        })?;
        Ok(Arc::new(out.finish()))
    }

    fn fetch(
        &self,
        container: &Column,
        upper: &[Option<Arc<Column>>],
        lower: &[Option<Arc<Column>>],
        row: usize,
        out: &mut ColumnBuilder,
    ) -> Result<()> {
        let null_bound = |list: &[Option<Arc<Column>>]| list.iter().flatten().any(|c| c.is_null(row));
        let Some(array) = container.get(row).filter(|_| !null_bound(upper) && !null_bound(lower)) else {
            out.push_null();
            return Ok(());
        };
        match self.subscripted {
            Subscripted::Array => {}
            Subscripted::Name => {
                let place = upper.first().and_then(|c| c.as_ref()?.get(row)).map(Datum::int4);
                let character = |at| array.bytes().get(at).map_or(0, |byte| *byte as i8);
                let place = place.and_then(|at| usize::try_from(at).ok()).filter(|at| *at < NAME_BYTES);
                out.push(place.map(|at| Datum::Char(character(at))));
                return Ok(());
            }
            Subscripted::Jsonb => {
                let found = jsonb_part(array.bytes(), upper, row)?;
                out.push(found.as_deref().map(Datum::Bytes));
                return Ok(());
            }
        }
        let view = ArrayView::new(array.bytes())?;
        let layout = self.element.array_layout();
        let bound = |c: &Option<Arc<Column>>| c.as_ref().and_then(|c| c.get(row)).map(Datum::int4);
        if self.slice {
            let bounds: Vec<_> = lower.iter().zip(upper).map(|(l, u)| (bound(l), bound(u))).collect();
            out.push(Some(Datum::Bytes(&adt::array::slice(&view, layout, &bounds)?)));
            return Ok(());
        }
        let subscripts: Vec<i32> = upper.iter().filter_map(bound).collect();
        let element = adt::array::element(&view, layout, &subscripts)?;
        out.push(element.map(|e| self.element.datum(e)));
        Ok(())
    }

    fn assign(
        &self,
        container: &Column,
        upper: &[Option<Arc<Column>>],
        lower: &[Option<Arc<Column>>],
        value: &Column,
        row: usize,
    ) -> Result<Option<Vec<u8>>> {
        let layout = self.element.array_layout();
        let empty;
        let old = match container.get(row) {
            Some(array) => array.bytes(),
            None => {
                empty = ArrayBuilder::new(self.element.oid, layout).finish()?;
                &empty
            }
        };
        let view = ArrayView::new(old)?;
        let bound = |c: &Option<Arc<Column>>| -> Result<Option<i32>> {
            let Some(column) = c else { return Ok(None) };
            match column.get(row) {
                Some(value) => Ok(Some(value.int4())),
                None => bail!(NULL_VALUE_NOT_ALLOWED, "array subscript in assignment must not be null"),
            }
        };
        if self.slice {
            let Some(source) = value.get(row) else { return Ok(container.get(row).map(|_| old.to_vec())) };
            let mut bounds = Vec::with_capacity(lower.len());
            for (l, u) in lower.iter().zip(upper) {
                bounds.push((bound(l)?, bound(u)?));
            }
            let source = ArrayView::new(source.bytes())?;
            return Ok(Some(adt::array::set_slice(&view, layout, &bounds, &source)?));
        }
        let mut subscripts = Vec::with_capacity(upper.len());
        for subscript in upper {
            subscripts.extend(bound(subscript)?);
        }
        let mut buffer = Vec::new();
        let element = value.get(row).map(|v| self.element.bytes(v, &mut buffer));
        Ok(Some(adt::array::set_element(&view, layout, &subscripts, element)?))
    }
}

/// The part of a document that keys and places lead to.
fn jsonb_part(document: &[u8], steps: &[Option<Arc<Column>>], row: usize) -> Result<Option<Vec<u8>>> {
    let mut path = Vec::with_capacity(steps.len());
    for step in steps.iter().flatten() {
        path.push(match step.get(row) {
            Some(Datum::Int4(place)) => place.to_string(),
            Some(key) => String::from_utf8_lossy(key.bytes()).into_owned(),
            None => return Ok(None),
        });
    }
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let found = adt::json::jsonb::Container::new(document)?.get_path(&path)?;
    found.map(|item| item.to_jsonb()).transpose()
}

/// A cast applied to each element.
pub struct ArrayCoerce {
    arg: Eval,
    element: Eval,
    frame: usize,
    source: ElementType,
    target: ElementType,
}

impl ArrayCoerce {
    pub fn compile(compiler: &mut Compiler<'_>, expr: &Expr) -> Result<ArrayCoerce> {
        let Expr::ArrayCoerce { arg, element, result_type, .. } = expr else {
            return Err(Error::internal("not an array cast"));
        };
        let session = compiler.session;
        let element_of = |array: Oid| -> Result<ElementType> {
            let element = session.element_type(session.base_type(array)?.0)?;
            ElementType::new(session, element.ok_or_else(|| Error::internal("an array cast of no array"))?)
        };
        let (source, target) = (element_of(expr_type(arg))?, element_of(*result_type)?);
        let frame = compiler.new_frame();
        Ok(ArrayCoerce {
            element: compiler.with_case_frame(frame, element)?,
            arg: compiler.compile(arg)?,
            frame,
            source,
            target,
        })
    }

    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        let arrays = self.arg.evaluate_in(execution, input, rows, frames)?;
        let mut out = ColumnBuilder::new(Repr::Bytes, rows.bound());
        let mut buffer = Vec::new();
        rows.try_for_each(|row| -> Result<()> {
            out.pad_to(row);
            let Some(array) = arrays.get(row) else {
                out.push_null();
                return Ok(());
            };
            let view = ArrayView::new(array.bytes())?;
            let mut elements = ColumnBuilder::new(self.source.repr(), view.len());
            for element in view.iter(self.source.array_layout()) {
                elements.push(element?.map(|e| self.source.datum(e)));
            }
            conditional::set_frame(frames, self.frame, Arc::new(elements.finish()));
            let none = Batch::new(Vec::new(), view.len());
            let converted =
                self.element.evaluate_in(execution, &none, &Selection::All(view.len()), frames)?;
            let mut builder = ArrayBuilder::new(self.target.oid, self.target.array_layout());
            for index in 0..view.len() {
                builder.push(converted.get(index).map(|v| self.target.bytes(v, &mut buffer)))?;
            }
            let payload = builder.finish_shaped(&view.shape())?;
            out.push(Some(Datum::Bytes(&payload)));
            Ok(())
        })?;
        Ok(Arc::new(out.finish()))
    }
}
