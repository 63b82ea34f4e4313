//! Function scan: the rows of functions in FROM, side by side for ROWS FROM, numbered WITH ORDINALITY.

use super::subquery_scan::RowsSpec;
use crate::composite::view_composite;
use crate::context::Execution;
use crate::expr::{CallInfo, Compiler, Eval, Inputs, evaluate_once, is_built_in};
use crate::node::Node;
use crate::rows::{builders, null_column};
use base::{Error, Oid, Result};
use catalog::{PgProc, Session};
use datum::{Attribute, Batch, Column, ColumnBuilder, Datum, MAX_BATCH_ROWS, Repr, TupleDesc};
use functions::{Registry, SetFunction, SetRows};
use ir::{Expr, Plan, RangeTableFunction, RangeTableKind, expr_collation, expr_type, expr_typmod};
use std::sync::Arc;

/// What a call in FROM or in a target list returns rows from.
pub enum SetSource {
    BuiltIn {
        function: SetFunction,
        /// Set for those that are not for everybody.
        restricted: Option<Arc<PgProc>>,
        strict: bool,
        info: CallInfo,
        args: Vec<Eval>,
    },
    Foreign {
        strict: bool,
        info: CallInfo,
        args: Vec<Eval>,
    },
    /// An expression that yields one row.
    Single(Eval),
}

impl SetSource {
    pub fn compile(compiler: &mut Compiler<'_>, expr: &Expr) -> Result<SetSource> {
        let (function, collation, result_type, returns_set, variadic, args) = match expr {
            Expr::Func(f) => {
                (f.function, f.input_collation, f.result_type, f.returns_set, f.variadic, &f.args)
            }
            Expr::Op(o) => (o.function, o.input_collation, o.result_type, o.returns_set, false, &o.args),
            _ => return Ok(SetSource::Single(compiler.compile(expr)?)),
        };
        if !returns_set {
            return Ok(SetSource::Single(compiler.compile(expr)?));
        }
        let row = compiler.session.function(function)?;
        let argument_types = args.iter().map(expr_type).collect();
        let info = CallInfo { function, collation, argument_types, result_type, variadic, columns: None };
        let args = compiler.compile_all(args)?;
        let strict = row.proisstrict;
        Ok(if is_built_in(&row) {
            let function = Registry::get().set_function(&row)?;
            let restricted = row.proacl.is_some().then_some(row);
            SetSource::BuiltIn { function, restricted, strict, info, args }
        } else {
            SetSource::Foreign { strict, info, args }
        })
    }

    /// Tells the function the columns that the query lists.
    fn list_columns(&mut self, columns: &Arc<TupleDesc>) {
        match self {
            SetSource::BuiltIn { info, .. }
            | SetSource::Foreign { info, .. }
            | SetSource::Single(Eval::Call { info, .. }) => info.columns = Some(columns.clone()),
            SetSource::Single(_) => {}
        }
    }

    pub fn info(&self) -> Option<&CallInfo> {
        match self {
            SetSource::BuiltIn { info, .. } | SetSource::Foreign { info, .. } => Some(info),
            SetSource::Single(_) => None,
        }
    }

    pub fn args(&self) -> &[Eval] {
        match self {
            SetSource::BuiltIn { args, .. } | SetSource::Foreign { args, .. } => args,
            SetSource::Single(_) => &[],
        }
    }

    /// Begins the call with these arguments; `None` when it returns no row because one is NULL. `eager`: functions in
    /// other languages run to their end now.
    pub fn start(
        &self,
        execution: &Execution,
        values: &[Option<Datum<'_>>],
        eager: bool,
    ) -> Result<Option<Box<dyn SetRows>>> {
        let session = &execution.session;
        let null = values.iter().any(Option::is_none);
        match self {
            SetSource::Single(_) => Ok(None),
            SetSource::BuiltIn { strict: true, .. } | SetSource::Foreign { strict: true, .. } if null => {
                Ok(None)
            }
            SetSource::BuiltIn { function, restricted, info, .. } => {
                if let Some(row) = restricted {
                    execution.hooks.calls.clone().require_execute(session, row)?;
                }
                (function.start)(&info.call(session), values).map(Some)
            }
            SetSource::Foreign { info, .. } => {
                let calls = execution.hooks.calls.clone();
                calls.call_set(execution, &info.call(session), values, eager).map(Some)
            }
        }
    }
}

/// One function of the scan.
struct Member {
    source: SetSource,
    /// The columns it contributes.
    reprs: Arc<[Repr]>,
    types: Vec<Oid>,
    /// The row type of a composite result that comes as one value.
    composite: bool,
}

struct Spec {
    members: Vec<Member>,
    ordinality: bool,
    rows: RowsSpec,
}

pub fn build(execution: &mut Execution, plan: &Plan, relation: usize) -> Result<Box<dyn Node>> {
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let entry = relation.checked_sub(1).and_then(|r| prepared.plan.range_table.get(r));
        let Some(RangeTableKind::Function { functions, ordinality }) = entry.map(|e| &e.kind) else {
            return Err(Error::internal("a function scan over something else"));
        };
        let session = execution.session.clone();
        let mut members = Vec::new();
        let mut attributes = Vec::new();
        for function in functions {
            let mut compiler = Compiler::new(&session, Inputs::None);
            let mut source = SetSource::compile(&mut compiler, &function.expr)?;
            let columns = columns_of(&session, function)?;
            if !function.column_types.is_empty() {
                source.list_columns(&Arc::new(TupleDesc::new(columns.0.clone())));
            }
            members.push(Member {
                source,
                reprs: columns.0.iter().map(|a| a.layout.repr).collect(),
                types: columns.0.iter().map(|a| a.type_oid).collect(),
                composite: columns.1,
            });
            attributes.extend(columns.0);
        }
        if *ordinality {
            let layout = session.type_layout(Oid(20))?;
            attributes.push(Attribute::result("ordinality", Oid(20), -1, layout, Oid::INVALID));
        }
        // Fields of the whole row are called what the query calls the columns.
        let names = entry.map(|e| e.eref.columns.as_slice()).unwrap_or_default();
        for (attribute, name) in attributes.iter_mut().zip(names) {
            attribute.name.clone_from(name);
        }
        Ok(Spec {
            members,
            ordinality: *ordinality,
            rows: RowsSpec::new(execution, plan, relation, attributes)?,
        })
    })?;
    let params = prepared.params_of(plan).to_vec();
    let version = execution.params_version(&params);
    Ok(Box::new(FunctionScan {
        spec,
        calls: Vec::new(),
        ended: Vec::new(),
        number: 0,
        started: false,
        id: plan.id,
        params,
        version,
    }))
}

/// The columns of a function in FROM, and whether they are fields of a composite result.
fn columns_of(session: &Session, function: &RangeTableFunction) -> Result<(Vec<Attribute>, bool)> {
    let type_oid = expr_type(&function.expr);
    if !function.column_types.is_empty() {
        let columns = function.column_types.iter().enumerate().map(|(index, type_oid)| {
            let name = function.column_names.get(index).cloned().unwrap_or_default();
            let typmod = function.column_typmods.get(index).copied().unwrap_or(-1);
            let collation = function.column_collations.get(index).copied().unwrap_or_default();
            Ok(Attribute::result(name, *type_oid, typmod, session.type_layout(*type_oid)?, collation))
        });
        return Ok((columns.collect::<Result<_>>()?, true));
    }
    if let Some(desc) = session.row_type(type_oid)? {
        return Ok((desc.attributes().to_vec(), true));
    }
    if type_oid == TupleDesc::RECORD_TYPE
        && let Some(columns) = out_columns(session, &function.expr)?
    {
        return Ok((columns.attributes().to_vec(), true));
    }
    let (typmod, collation) = (expr_typmod(&function.expr), expr_collation(&function.expr));
    let layout = session.type_layout(type_oid)?;
    Ok((vec![Attribute::result("column", type_oid, typmod, layout, collation)], false))
}

/// The OUT, INOUT and TABLE parameters of a function that returns record, if it has such.
pub fn out_columns(session: &Session, call: &Expr) -> Result<Option<TupleDesc>> {
    let Expr::Func(call) = call else { return Ok(None) };
    let actual: Vec<Oid> = call.args.iter().map(expr_type).collect();
    session.result_columns(&*session.function(call.function)?, &actual)
}

enum Rows {
    Set(Box<dyn SetRows>),
    Single(Option<Arc<Column>>),
    End,
}

struct FunctionScan {
    spec: Arc<Spec>,
    calls: Vec<Rows>,
    /// Which of them have given all their rows.
    ended: Vec<bool>,
    number: i64,
    started: bool,
    id: usize,
    /// The exec params that arguments depend on, and their version when the functions were called.
    params: Vec<usize>,
    version: u64,
}

impl FunctionScan {
    fn start(&mut self, execution: &mut Execution) -> Result<()> {
        let spec = self.spec.clone();
        self.calls.clear();
        for member in &spec.members {
            if let SetSource::Single(eval) = &member.source {
                self.calls.push(Rows::Single(Some(evaluate_once(execution, eval)?)));
                continue;
            }
            let mut columns = Vec::new();
            for arg in member.source.args() {
                columns.push(evaluate_once(execution, arg)?);
            }
            let values: Vec<_> = columns.iter().map(|c| c.get(0)).collect();
            let rows = member.source.start(execution, &values, true)?;
            self.calls.push(rows.map_or(Rows::End, Rows::Set));
        }
        self.ended = vec![false; self.calls.len()];
        self.number = 0;
        self.started = true;
        Ok(())
    }

    /// The next rows of one function, with their number.
    fn advance(
        &mut self,
        execution: &Execution,
        member: usize,
        want: usize,
    ) -> Result<(Vec<ColumnBuilder>, usize)> {
        let described = &self.spec.members[member];
        let mut out = builders(&described.reprs);
        let rows = match &mut self.calls[member] {
            _ if self.ended[member] => 0,
            Rows::End => 0,
            Rows::Single(value) => match value.take() {
                None => 0,
                Some(value) if described.composite => {
                    explode(execution, value.get(0), &described.types, &mut out)?;
                    1
                }
                Some(value) => {
                    out[0].push(value.get(0));
                    1
                }
            },
            Rows::Set(rows) => {
                let Some(info) = described.source.info() else { return Ok((out, 0)) };
                let call = info.call(&execution.session);
                if described.composite && rows.whole_rows() {
                    let mut values = builders(&[Repr::Bytes]);
                    let count = rows.next(&call, want, &mut values)?;
                    for value in values.drain(..).map(ColumnBuilder::finish) {
                        (0..count).try_for_each(|row| {
                            explode(execution, value.get(row), &described.types, &mut out)
                        })?;
                    }
                    count
                } else {
                    rows.next(&call, want, &mut out)?
                }
            }
        };
        self.ended[member] = rows == 0;
        Ok((out, rows))
    }
}

/// The fields of a composite value, or NULLs for NULL.
fn explode(
    execution: &Execution,
    value: Option<Datum<'_>>,
    types: &[Oid],
    out: &mut [ColumnBuilder],
) -> Result<()> {
    let Some(value) = value else {
        out.iter_mut().for_each(ColumnBuilder::push_null);
        return Ok(());
    };
    let value = view_composite(value.bytes())?;
    let desc = value.desc(&execution.session)?;
    if desc.len() != out.len() {
        let returned =
            format!("Returned row contains {} attributes, but query expects {}.", desc.len(), out.len());
        return Err(base::err!(
            DATATYPE_MISMATCH,
            "function return row and query-specified return row do not match"
        )
        .detail(returned));
    }
    let differing = desc.attributes().iter().zip(types).position(|(has, wants)| has.type_oid != *wants);
    if let Some(place) = differing {
        let name = |oid| execution.session.format_type(oid, None);
        return Err(base::err!(
            DATATYPE_MISMATCH,
            "function return row and query-specified return row do not match"
        )
        .detail(format!(
            "Returned type {} at ordinal position {}, but query expects {}.",
            name(desc.attributes()[place].type_oid)?,
            place + 1,
            name(types[place])?
        )));
    }
    for (builder, field) in out.iter_mut().zip(value.fields(&desc)?) {
        builder.push(field.as_ref().map(|f| f.as_datum()));
    }
    Ok(())
}

impl Node for FunctionScan {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if !self.started {
            self.start(execution)?;
        }
        let spec = self.spec.clone();
        // Functions side by side keep step row by row; a single one may run ahead.
        let want = if spec.members.len() > 1 { 1 } else { want.min(MAX_BATCH_ROWS) };
        loop {
            execution.check()?;
            let mut parts = Vec::with_capacity(spec.members.len());
            for member in 0..spec.members.len() {
                parts.push(self.advance(execution, member, want)?);
            }
            let rows = parts.iter().map(|(_, rows)| *rows).max().unwrap_or(0);
            if rows == 0 {
                return Ok(None);
            }
            let mut columns = Vec::new();
            for (index, (out, produced)) in parts.into_iter().enumerate() {
                match produced {
                    0 => columns.extend(spec.members[index].reprs.iter().map(|r| null_column(*r))),
                    _ => columns.extend(out.into_iter().map(|b| Arc::new(b.finish()))),
                }
            }
            if spec.ordinality {
                let mut numbers = ColumnBuilder::new(Repr::Int8, rows);
                (1..=rows as i64).for_each(|n| numbers.push(Some(Datum::Int8(self.number + n))));
                columns.push(Arc::new(numbers.finish()));
            }
            self.number += rows as i64;
            let batch = Batch::new(columns, rows);
            if let Some(batch) = spec.rows.output(execution, batch, self.id)? {
                return Ok(Some(batch));
            }
        }
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        let version = execution.params_version(&self.params);
        let mut kept = self.started && version == self.version;
        self.version = version;
        for rows in &mut self.calls {
            // A set whose rows are kept is read again as long as its arguments are the same.
            kept = kept
                && match rows {
                    Rows::Set(rows) => rows.rewind()?,
                    Rows::Single(_) | Rows::End => false,
                };
        }
        if kept {
            self.number = 0;
            self.ended.fill(false);
        } else {
            self.started = false;
        }
        Ok(())
    }
}
