//! One relation that a statement changes: its constraints, indexes, triggers and RETURNING list, compiled.

use crate::composite::form_composite;
use crate::constraint::{RowConstraints, all_attributes, describe_row, row_batch};
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs};
use crate::hooks::{RowEvent, RowImage};
use crate::index_entries::IndexWriter;
use crate::nodes::scan::relation_of;
use crate::rows::{Projection, builders, null_column};
use base::{Error, Result, Tid, bail, err};
use catalog::{RelationEntry, Session};
use datum::{Batch, Column, ColumnBuilder, Datum, OwnedDatum, Repr, Row, Selection};
use ir::{CommandType, Expr, ModifyTable, Returning, TargetEntry, Var, VarSource};
use std::sync::Arc;

pub struct Target {
    pub entry: Arc<RelationEntry>,
    /// Its range table index.
    pub relation: usize,
    pub constraints: RowConstraints,
    pub indexes: IndexWriter,
    /// UPDATE: attributes (from 0) set, in the order of the child's columns.
    pub assigned: Vec<usize>,
    /// The same as attribute numbers, for triggers.
    pub assigned_numbers: Vec<i16>,
    pub returning: Option<ReturningList>,
    /// Of views WITH CHECK OPTION: name and condition over the row.
    pub view_checks: Vec<(String, Eval)>,
    pub has_foreign_keys: bool,
    pub is_referenced: bool,
    /// Somebody asks for changed rows, although there is no RETURNING list here.
    pub wants_rows: bool,
    triggers: i16,
}

/// pg_trigger.tgtype.
const FOR_EACH_ROW: i16 = 1;
const BEFORE: i16 = 2;

fn event_bit(event: RowEvent) -> i16 {
    match event {
        RowEvent::Insert => 4,
        RowEvent::Delete => 8,
        RowEvent::Update => 16,
    }
}

impl Target {
    pub fn new(
        execution: &Execution,
        modify: &ModifyTable,
        place: usize,
        outer: &[TargetEntry],
    ) -> Result<Target> {
        let relation = modify.result_relations[place];
        let entry = relation_of(execution, relation)?;
        check_kind(&entry)?;
        let numbers: Vec<i16> = match (&modify.on_conflict, modify.operation) {
            (Some(conflict), _) => conflict.set.iter().filter(|t| !t.junk).map(|t| t.number).collect(),
            // Which action updates a row is not known before.
            (_, CommandType::Merge) => (1..=entry.desc().len() as i16).collect(),
            _ => modify.update_columns.get(place).cloned().unwrap_or_default(),
        };
        let assigned = numbers.iter().filter_map(|n| usize::try_from(*n - 1).ok()).collect();
        let mut target = Target::bare(&execution.session, entry, assigned)?;
        target.relation = relation;
        let attributes = all_attributes(&target.entry);
        let mut compiler =
            Compiler::new(&execution.session, Inputs::Scan { relation, attributes: &attributes });
        for option in modify.check_options.get(place).into_iter().flatten() {
            if let Some(condition) = &option.condition {
                let mut condition = condition.clone();
                crate::stored::over_rows_of(&execution.session, &target.entry, relation, &mut condition)?;
                target.view_checks.push((option.view.clone(), compiler.compile(&condition)?));
            }
        }
        target.returning = match modify.returning.get(place) {
            Some(list) if !list.is_empty() => {
                let entry = &target.entry;
                Some(ReturningList::new(execution, entry, relation, list, modify.operation, outer)?)
            }
            _ => None,
        };
        Ok(target)
    }

    /// A relation to change outside of any plan. `assigned`: attributes (from 0) that updates set.
    pub fn bare(session: &Session, entry: Arc<RelationEntry>, assigned: Vec<usize>) -> Result<Target> {
        let user_triggers = entry.triggers.iter().filter(|t| !t.tgisinternal && t.tgenabled as u8 != b'D');
        Ok(Target {
            constraints: RowConstraints::new(session, &entry)?,
            indexes: IndexWriter::new(session, &entry)?,
            assigned_numbers: assigned.iter().map(|a| *a as i16 + 1).collect(),
            assigned,
            returning: None,
            view_checks: Vec::new(),
            relation: 0,
            has_foreign_keys: !entry.foreign_keys.is_empty(),
            is_referenced: !entry.referenced_by.is_empty(),
            wants_rows: false,
            // Each trigger sets the bits of its combinations of level, time and events: see `has`.
            triggers: user_triggers.fold(0, |all, t| all | combination_bits(t.tgtype)),
            entry,
        })
    }

    /// Changed rows are to be handed out.
    pub fn returns(&self) -> bool {
        self.returning.is_some() || self.wants_rows
    }

    fn has(&self, event: RowEvent, level: i16, time: i16) -> bool {
        self.triggers & combination(event, level, time) != 0
    }

    /// Whether a row written may be seen through the views that it was written through.
    ///
    /// # Errors
    /// `44000`.
    pub fn check_views(&self, execution: &mut Execution, values: &[Option<Datum<'_>>]) -> Result<()> {
        if self.view_checks.is_empty() {
            return Ok(());
        }
        let row = row_batch(&self.entry, values);
        for (view, condition) in &self.view_checks {
            let holds = condition.evaluate(execution, &row, &Selection::All(1))?;
            if holds.get(0).is_none_or(|holds| !holds.bool()) {
                let error =
                    err!(WITH_CHECK_OPTION_VIOLATION, "new row violates check option for view \"{view}\"");
                return Err(match describe_row(&execution.session, &self.entry, values) {
                    Ok(row) => error.detail(format!("Failing row contains {row}.")),
                    Err(_) => error,
                });
            }
        }
        Ok(())
    }

    pub fn before_row(&self, event: RowEvent) -> bool {
        self.has(event, FOR_EACH_ROW, BEFORE)
    }

    pub fn after_row(&self, event: RowEvent) -> bool {
        self.has(event, FOR_EACH_ROW, 0)
    }

    pub fn before_statement(&self, event: RowEvent) -> bool {
        self.has(event, 0, BEFORE)
    }

    /// Whether something is to be done at the statement's end.
    pub fn after_statement(&self, event: RowEvent) -> bool {
        self.has(event, 0, 0) || self.after_row(event)
    }

    /// The attributes that an update leaves as they are, ascending.
    pub fn unassigned(&self) -> Vec<usize> {
        let generated = |i: &usize| self.constraints.generated.iter().any(|(g, _)| g == i);
        (0..self.entry.desc().len()).filter(|i| !self.assigned.contains(i) && !generated(i)).collect()
    }
}

/// Each combination of event, level and time has a bit of its own.
fn combination(event: RowEvent, level: i16, time: i16) -> i16 {
    let event = match event {
        RowEvent::Insert => 0,
        RowEvent::Update => 1,
        RowEvent::Delete => 2,
    };
    1 << (event * 4 + i16::from(level != 0) * 2 + i16::from(time != 0))
}

fn combination_bits(tgtype: i16) -> i16 {
    let events = [RowEvent::Insert, RowEvent::Update, RowEvent::Delete];
    let of = events.into_iter().filter(|e| tgtype & event_bit(*e) != 0);
    of.fold(0, |bits, event| bits | combination(event, tgtype & FOR_EACH_ROW, tgtype & BEFORE))
}

fn check_kind(entry: &RelationEntry) -> Result<()> {
    let name = entry.name();
    match entry.kind() {
        b'r' => Ok(()),
        b'p' => Ok(()),
        b'S' => bail!(WRONG_OBJECT_TYPE, "cannot change sequence \"{name}\""),
        b't' => bail!(WRONG_OBJECT_TYPE, "cannot change TOAST relation \"{name}\""),
        b'm' => bail!(WRONG_OBJECT_TYPE, "cannot change materialized view \"{name}\""),
        b'v' => Err(Error::unsupported(format!("changing view \"{name}\" through INSTEAD OF triggers"))),
        b'f' => Err(Error::unsupported("changing a foreign table")),
        _ => bail!(WRONG_OBJECT_TYPE, "cannot change relation \"{name}\""),
    }
}

/// In RETURNING of MERGE: the action's name and, for a column of neither OLD nor NEW, the old value after DELETE and
/// else the new one. Which action it was is seen from the rows there are.
fn by_action(execution: &Execution, relation: usize, expr: &mut Expr) -> Result<()> {
    const TEXT: base::Oid = base::Oid(25);
    const TID: base::Oid = base::Oid(27);
    let of = |var: &Var, returning: Returning| Expr::Var(Var { returning, ..var.clone() });
    let is_missing = |returning: Returning, result: Expr| {
        let tid = Expr::Var(Var {
            source: VarSource::Relation(relation),
            attribute: -1,
            type_oid: TID,
            typmod: -1,
            collation: base::Oid::INVALID,
            nulling: ir::RelSet::new(),
            levels_up: 0,
            returning,
            syntactic: (0, 0),
            location: None,
        });
        let condition =
            Expr::NullTest { arg: Box::new(tid), is_null: true, row_argument: false, location: None };
        ir::CaseWhen { condition, result, location: None }
    };
    let case = |whens: Vec<ir::CaseWhen>, default: Expr| Expr::Case {
        result_type: ir::expr_type(&default),
        collation: ir::expr_collation(&default),
        arg: None,
        whens,
        default: Some(Box::new(default)),
        location: None,
    };
    match expr {
        Expr::Var(var)
            if var.source == VarSource::Relation(relation)
                && var.returning == Returning::Default
                && var.attribute > -6 =>
        {
            let missing = is_missing(Returning::New, of(var, Returning::Old));
            *expr = case(vec![missing], of(var, Returning::New));
        }
        Expr::MergeAction { .. } => {
            let layout = execution.session.type_layout(TEXT)?;
            let word = |word: &str| {
                Expr::Const(ir::Const {
                    type_oid: TEXT,
                    typmod: -1,
                    collation: base::Oid(100),
                    layout,
                    value: Some(OwnedDatum::from(word)),
                    location: None,
                })
            };
            let whens =
                vec![is_missing(Returning::Old, word("INSERT")), is_missing(Returning::New, word("DELETE"))];
            *expr = case(whens, word("UPDATE"));
        }
        other => ir::for_each_child_mut(other, &mut |child| by_action(execution, relation, child))?,
    }
    Ok(())
}

/// RETURNING: over the new row, the old row and the child's columns, side by side.
pub struct ReturningList {
    projection: Projection,
    attributes: Arc<[Repr]>,
    desc: Arc<datum::TupleDesc>,
    table: base::Oid,
    whole_rows: bool,
}

impl ReturningList {
    fn new(
        execution: &Execution,
        entry: &RelationEntry,
        relation: usize,
        list: &[TargetEntry],
        operation: CommandType,
        outer: &[TargetEntry],
    ) -> Result<ReturningList> {
        let count = entry.desc().len();
        let mut whole_rows = false;
        for target in list {
            whole_rows |= ir::any(&target.expr, &mut |e| matches!(e, Expr::Var(v) if v.attribute == 0));
        }
        // Columns: new attributes, new ctid, new row | old attributes, old ctid, old row | tableoid | the child's.
        let half = count + 2;
        let resolve = |var: &Var| {
            let old = match var.returning {
                Returning::Old => true,
                Returning::New => false,
                Returning::Default => operation == CommandType::Delete,
            };
            let base = if old { half } else { 0 };
            match (var.source, var.attribute) {
                (VarSource::Relation(r), attribute) if r == relation => match attribute {
                    1.. => Some(base + attribute as usize - 1).filter(|_| attribute as usize <= count),
                    0 => Some(base + count + 1),
                    -1 => Some(base + count),
                    -6 => Some(2 * half),
                    _ => None,
                },
                (VarSource::Outer, attribute) => {
                    let column = usize::try_from(attribute - 1).ok().filter(|c| *c < outer.len())?;
                    Some(2 * half + 1 + column)
                }
                _ => None,
            }
        };
        let mut exprs: Vec<Expr> = list.iter().map(|t| t.expr.clone()).collect();
        if operation == CommandType::Merge {
            exprs.iter_mut().try_for_each(|e| by_action(execution, relation, e))?;
        }
        let mut compiler = Compiler::new(&execution.session, Inputs::Resolve(&resolve));
        Ok(ReturningList {
            projection: Projection::new(compiler.compile_all(&exprs)?),
            attributes: entry.desc().attributes().iter().map(|a| a.layout.repr).collect(),
            desc: entry.desc().clone(),
            table: entry.oid(),
            whole_rows,
        })
    }

    pub fn project(&self, execution: &mut Execution, rows: &ReturnedRows) -> Result<Batch> {
        let count = rows.source_rows.len();
        let mut columns = Vec::new();
        for side in [&rows.new, &rows.old] {
            self.side(side, &mut columns)?;
        }
        let table = rows.table.unwrap_or(self.table);
        columns.push(Arc::new(Column::constant(Repr::Int4, Some(table.into()))));
        if let Some(source) = &rows.source {
            columns.extend(source.columns().iter().map(|c| Arc::new(c.take(&rows.source_rows))));
        }
        self.projection.apply(execution, &Batch::new(columns, count))
    }

    fn side(&self, images: &[Option<RowImage>], columns: &mut Vec<Arc<Column>>) -> Result<()> {
        if images.iter().all(Option::is_none) {
            columns.extend(self.attributes.iter().map(|r| null_column(*r)));
            columns.push(null_column(Repr::Bytes));
            columns.push(null_column(Repr::Bytes));
            return Ok(());
        }
        let mut out = builders(&self.attributes);
        let mut tids = ColumnBuilder::new(Repr::Bytes, images.len());
        let mut whole = ColumnBuilder::new(Repr::Bytes, images.len());
        for image in images {
            let Some(image) = image else {
                out.iter_mut().for_each(ColumnBuilder::push_null);
                tids.push_null();
                whole.push_null();
                continue;
            };
            let values: Vec<Option<Datum<'_>>> = datums(&image.values);
            out.iter_mut().zip(&values).for_each(|(b, v)| b.push(*v));
            tids.push(Some(Datum::Bytes(&image.tid.to_bytes())));
            match self.whole_rows {
                true => whole.push(Some(Datum::Bytes(&form_composite(&self.desc, -1, &values)?))),
                false => whole.push_null(),
            }
        }
        columns.extend(out.into_iter().map(|b| Arc::new(b.finish())));
        columns.push(Arc::new(tids.finish()));
        columns.push(Arc::new(whole.finish()));
        Ok(())
    }
}

/// Rows changed, to be returned.
#[derive(Default)]
pub struct ReturnedRows {
    pub new: Vec<Option<RowImage>>,
    pub old: Vec<Option<RowImage>>,
    /// The table they are in, if it is not the target.
    pub table: Option<base::Oid>,
    /// The child's batch, and which of its rows each is from.
    pub source: Option<Batch>,
    pub source_rows: Vec<u32>,
}

impl ReturnedRows {
    pub fn push(&mut self, old: Option<RowImage>, new: Option<RowImage>, row: usize) {
        self.old.push(old);
        self.new.push(new);
        self.source_rows.push(row as u32);
    }
}

pub fn datums(row: &Row) -> Vec<Option<Datum<'_>>> {
    row.iter().map(|v| v.as_ref().map(OwnedDatum::as_datum)).collect()
}

pub fn owned(values: &[Option<Datum<'_>>]) -> Row {
    values.iter().map(|v| v.map(Datum::to_owned)).collect()
}

/// All attributes of a stored version.
pub fn read_row(execution: &Execution, entry: &RelationEntry, tuple: &heap::Tuple) -> Result<Row> {
    let needed: Vec<usize> = (0..entry.desc().len()).collect();
    let mut row = heap::deform(&execution.context, &entry.relation, tuple, &needed)?;
    for (value, attribute) in row.iter_mut().zip(entry.desc().attributes()) {
        if attribute.dropped {
            *value = None;
        }
    }
    Ok(row)
}

/// A row's place and values.
pub fn image(tid: Tid, values: Row) -> RowImage {
    RowImage { tid, values }
}
