//! The window functions proper, and aggregates over frames.

use super::frame::{Frames, Peers, RangeBounds, option, without_excluded};
use crate::context::Execution;
use crate::expr::{CallInfo, Compiler, Eval, filter};
use base::{Error, Result, bail};
use datum::{Batch, Column, ColumnBuilder, Datum, Repr, Selection};
use functions::{AggregateFunction, Registry};
use ir::{WindowFunc, expr_type};
use std::ops::Range;
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile,
    /// lead, else lag.
    Shift {
        lead: bool,
    },
    First,
    Last,
    Nth,
}

enum Body {
    Window(Kind),
    Aggregate(AggregateFunction),
}

/// A window function call, compiled.
pub struct WindowCall {
    body: Body,
    info: CallInfo,
    args: Vec<Eval>,
    filter: Option<Eval>,
    pub repr: Repr,
}

impl WindowCall {
    pub fn compile(compiler: &mut Compiler<'_>, call: &WindowFunc) -> Result<WindowCall> {
        let session = compiler.session;
        let row = session.function(call.function)?;
        let body = if row.prokind as u8 == b'a' {
            let aggregate = session.aggregate(call.function)?;
            let transition = session.function(aggregate.aggtransfn)?;
            let finish = match aggregate.aggfinalfn.some() {
                Some(function) => session.function(function)?.prosrc.clone(),
                None => String::new(),
            };
            Body::Aggregate(Registry::get().aggregate(&row.proname, &transition.prosrc, &finish)?)
        } else {
            Body::Window(match row.prosrc.as_str() {
                "window_row_number" => Kind::RowNumber,
                "window_rank" => Kind::Rank,
                "window_dense_rank" => Kind::DenseRank,
                "window_percent_rank" => Kind::PercentRank,
                "window_cume_dist" => Kind::CumeDist,
                "window_ntile" => Kind::Ntile,
                "window_first_value" => Kind::First,
                "window_last_value" => Kind::Last,
                "window_nth_value" => Kind::Nth,
                source if source.starts_with("window_lag") => Kind::Shift { lead: false },
                source if source.starts_with("window_lead") => Kind::Shift { lead: true },
                _ => return Err(Error::unsupported(format!("window function {}", row.proname))),
            })
        };
        Ok(WindowCall {
            body,
            info: CallInfo {
                function: call.function,
                collation: call.input_collation,
                argument_types: call.args.iter().map(expr_type).collect(),
                result_type: call.result_type,
                variadic: false,
                columns: None,
            },
            args: compiler.compile_all(&call.args)?,
            filter: call.filter.as_deref().map(|f| compiler.compile(f)).transpose()?,
            repr: compiler.repr(call.result_type)?,
        })
    }

    /// The values for all rows of a partition. `frames` begins at its first row.
    pub fn evaluate(
        &self,
        execution: &mut Execution,
        partition: &Batch,
        mut frames: Frames<'_>,
        range: &mut dyn RangeBounds,
    ) -> Result<Column> {
        let all = Selection::All(partition.rows());
        let mut args = Vec::with_capacity(self.args.len());
        for arg in &self.args {
            args.push(arg.evaluate(execution, partition, &all)?);
        }
        match &self.body {
            Body::Window(kind) => {
                let mut out = ColumnBuilder::new(self.repr, partition.rows());
                if matches!(kind, Kind::Ntile) {
                    ntile(&args[0], partition.rows(), &mut out)?;
                    return Ok(out.finish());
                }
                for row in 0..partition.rows() {
                    let peers = frames.peers;
                    match kind {
                        Kind::First | Kind::Last | Kind::Nth => {
                            let frame = frames.of(row, range)?;
                            self.of_frame(*kind, &args, &frame, frames.options, row, peers, &mut out)?;
                        }
                        _ => ranking(*kind, &args, row, peers, &mut out)?,
                    }
                }
                Ok(out.finish())
            }
            Body::Aggregate(body) => self.aggregate(execution, body, partition, &args, frames, range),
        }
    }

    fn of_frame(
        &self,
        kind: Kind,
        args: &[Arc<Column>],
        frame: &Range<usize>,
        options: u32,
        row: usize,
        peers: &Peers,
        out: &mut ColumnBuilder,
    ) -> Result<()> {
        let parts = without_excluded(frame, options, row, peers);
        let place = match kind {
            Kind::First => parts.into_iter().flatten().next(),
            Kind::Last => parts.into_iter().flatten().next_back(),
            _ => {
                let Some(nth) = args[1].get(row) else {
                    out.push_null();
                    return Ok(());
                };
                let nth = nth.int4();
                if nth <= 0 {
                    bail!(INVALID_ARGUMENT_FOR_NTH_VALUE, "argument of nth_value must be greater than zero");
                }
                parts.into_iter().flatten().nth(nth as usize - 1)
            }
        };
        out.push(place.and_then(|place| args[0].get(place)));
        Ok(())
    }

    fn aggregate(
        &self,
        execution: &mut Execution,
        body: &AggregateFunction,
        partition: &Batch,
        args: &[Arc<Column>],
        mut frames: Frames<'_>,
        range: &mut dyn RangeBounds,
    ) -> Result<Column> {
        let all = Selection::All(partition.rows());
        let counted = match &self.filter {
            Some(condition) => filter(std::slice::from_ref(condition), execution, partition, all)?,
            None => all,
        };
        let session = execution.session.clone();
        let call = self.info.call(&session);
        let mut state = (body.start)(&call)?;
        state.resize(1);
        let arguments: Vec<&Column> = args.iter().map(|c| &**c).collect();
        let groups = vec![0; partition.rows()];
        let options = frames.options;
        let mut done: [Range<usize>; 3] = [0..0, 0..0, 0..0];
        let mut out = ColumnBuilder::new(self.repr, partition.rows());
        let mut result: Option<Column> = None;
        for row in 0..partition.rows() {
            if row % 1024 == 0 {
                execution.check()?;
            }
            let frame = frames.of(row, range)?;
            let parts = without_excluded(&frame, options, row, frames.peers);
            if parts != done || result.is_none() {
                // A frame that only grows at its end goes on where it was; any other is computed anew.
                let grows = done[0].start == parts[0].start
                    && done[0].end <= parts[0].end
                    && [&done[1], &done[2], &parts[1], &parts[2]].iter().all(|r| r.is_empty());
                let fresh = if grows {
                    [done[0].end..parts[0].end, 0..0, 0..0]
                } else {
                    state.reset();
                    state.resize(1);
                    parts.clone()
                };
                for part in fresh.into_iter().filter(|p| !p.is_empty()) {
                    let rows = within(&counted, part);
                    if !rows.is_empty() {
                        state.update(&call, &groups, &arguments, &rows)?;
                    }
                }
                done = parts;
                let mut value = ColumnBuilder::new(self.repr, 1);
                state.finish(&call, 0, &mut value)?;
                result = Some(value.finish());
            }
            out.push(result.as_ref().and_then(|r| r.get(0)));
        }
        Ok(out.finish())
    }
}

/// The selected rows that lie in a range.
fn within(rows: &Selection, range: Range<usize>) -> Selection {
    Selection::Rows(match rows {
        Selection::All(_) => (range.start as u32..range.end as u32).collect(),
        Selection::Rows(rows) => {
            let from = rows.partition_point(|r| (*r as usize) < range.start);
            let to = rows.partition_point(|r| (*r as usize) < range.end);
            rows[from..to].to_vec()
        }
    })
}

/// Numbers a partition's rows by buckets of even size. The first argument that is not NULL counts for all rows from its
/// own on; those before it have none.
fn ntile(counts: &Column, total: usize, out: &mut ColumnBuilder) -> Result<()> {
    let first = (0..total).find(|row| !counts.is_null(*row)).unwrap_or(total);
    (0..first).for_each(|_| out.push_null());
    let Some(buckets) = (first < total).then(|| counts.get(first)).flatten() else { return Ok(()) };
    let buckets = i64::from(buckets.int4());
    if buckets <= 0 {
        bail!(INVALID_ARGUMENT_FOR_NTILE, "argument of ntile must be greater than zero");
    }
    let (size, larger) = (total as i64 / buckets, total as i64 % buckets);
    let in_larger = larger * (size + 1);
    for row in 0..(total - first) as i64 {
        let bucket =
            if row < in_larger { row / (size + 1) } else { larger + (row - in_larger) / size.max(1) };
        out.push(Some(Datum::Int4(bucket as i32 + 1)));
    }
    Ok(())
}

/// Functions of the row's place in its partition.
fn ranking(
    kind: Kind,
    args: &[Arc<Column>],
    row: usize,
    peers: &Peers,
    out: &mut ColumnBuilder,
) -> Result<()> {
    let total = peers.group.len();
    let own = peers.of(row);
    let value = match kind {
        Kind::RowNumber => Datum::Int8(row as i64 + 1),
        Kind::Rank => Datum::Int8(own.start as i64 + 1),
        Kind::DenseRank => Datum::Int8(i64::from(peers.group[row]) + 1),
        Kind::PercentRank if total <= 1 => Datum::Float8(0.0),
        Kind::PercentRank => Datum::Float8(own.start as f64 / (total - 1) as f64),
        Kind::CumeDist => Datum::Float8(own.end as f64 / total as f64),
        Kind::Shift { lead } => {
            let offset = match args.get(1) {
                Some(column) => column.get(row).map(Datum::int4),
                None => Some(1),
            };
            let Some(offset) = offset else {
                out.push_null();
                return Ok(());
            };
            let signed = if lead { i64::from(offset) } else { -i64::from(offset) };
            let place = usize::try_from(row as i64 + signed).ok().filter(|p| *p < total);
            out.push(match place {
                Some(place) => args[0].get(place),
                None => args.get(2).and_then(|default| default.get(row)),
            });
            return Ok(());
        }
        Kind::First | Kind::Last | Kind::Nth | Kind::Ntile => {
            return Err(Error::internal("a function of more than the row's place"));
        }
    };
    out.push(Some(value));
    Ok(())
}

/// Whether the frame's bounds matter to `options` at all beyond the whole partition.
pub fn needs_range(options: u32) -> bool {
    options & option::RANGE != 0 && options & (option::START_OFFSET | option::END_OFFSET) != 0
}
