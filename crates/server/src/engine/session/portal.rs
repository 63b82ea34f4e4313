//! Portals: statements bound to parameters, running or about to.

use super::super::plans::{Kind, Prepared};
use base::{Oid, Result};
use catalog::Session;
use commands::output::{Format, RowOutput};
use datum::{Batch, Row, TupleDesc};
use executor::{ParamValue, Prepared as PreparedPlan, Running};
use ir::{CommandType, PlannedStmt, TargetEntry, expr_type, expr_typmod};
use protocol::backend::FieldDescription;
use std::sync::Arc;

/// A statement with its parameters, and how far it has been run.
pub struct Portal {
    pub prepared: Option<Arc<Prepared>>,
    pub params: Arc<[ParamValue]>,
    pub formats: Vec<Format>,
    pub state: State,
    /// What DECLARE said, for pg_cursors and FETCH.
    pub cursor: Option<super::cursor::CursorOptions>,
    /// The subtransaction it was made in, by depth from 1: it ends with that, before what it reads is undone. 0 for a
    /// held cursor whose transaction has committed.
    pub nesting: u32,
}

pub enum State {
    New,
    Running(Box<RunningPortal>),
    /// All rows at hand: RETURNING, SHOW, EXPLAIN, held cursors.
    Ready {
        batches: std::collections::VecDeque<Batch>,
        output: RowOutput,
        tag: String,
    },
    Done,
}

pub struct RunningPortal {
    pub running: Running,
    pub output: RowOutput,
    pub plan: Arc<PreparedPlan>,
    pub sent: u64,
}

/// The columns that a plan's rows show.
pub fn result_targets(plan: &PlannedStmt) -> Vec<&TargetEntry> {
    let list: &[TargetEntry] = match &plan.plan.node {
        ir::PlanNode::ModifyTable(modify) => modify.returning.first().map_or(&[], |list| list),
        _ => &plan.plan.target_list,
    };
    list.iter().filter(|t| !t.junk).collect()
}

/// RowDescription's fields for a target list.
///
/// # Errors
/// Those of reading the types.
pub fn describe<'a>(
    session: &Session,
    targets: impl IntoIterator<Item = &'a TargetEntry>,
    formats: &[Format],
) -> Result<Vec<FieldDescription>> {
    targets
        .into_iter()
        .filter(|t| !t.junk)
        .enumerate()
        .map(|(i, target)| {
            // A domain is described as its base type, as clients know only that.
            let (type_oid, domain_typmod) = session.base_type(expr_type(&target.expr))?;
            let typmod = expr_typmod(&target.expr);
            let (table, column) = target.origin.unwrap_or((Oid(0), 0));
            Ok(FieldDescription {
                name: target.name.clone().unwrap_or_else(|| "?column?".to_owned()),
                table,
                column,
                type_oid,
                type_size: session.type_row(type_oid)?.typlen,
                type_modifier: if typmod >= 0 { typmod } else { domain_typmod },
                format: format_code(formats, i),
            })
        })
        .collect()
}

/// RowDescription's fields for rows that a command makes up.
pub fn describe_desc(desc: &TupleDesc, formats: &[Format]) -> Vec<FieldDescription> {
    desc.attributes()
        .iter()
        .enumerate()
        .map(|(i, a)| FieldDescription {
            name: a.name.clone(),
            table: Oid(0),
            column: 0,
            type_oid: a.type_oid,
            type_size: a.layout.len,
            type_modifier: a.typmod,
            format: format_code(formats, i),
        })
        .collect()
}

fn format_code(formats: &[Format], column: usize) -> i16 {
    let format = match formats {
        [] => Format::Text,
        [all] => *all,
        each => each.get(column).copied().unwrap_or(Format::Text),
    };
    match format {
        Format::Text => 0,
        Format::Binary => 1,
    }
}

/// The tag of a statement that has processed `rows` rows.
pub fn command_tag(command: CommandType, rows: u64) -> String {
    match command {
        CommandType::Select => format!("SELECT {rows}"),
        CommandType::Insert => format!("INSERT 0 {rows}"),
        CommandType::Update => format!("UPDATE {rows}"),
        CommandType::Delete => format!("DELETE {rows}"),
        CommandType::Merge => format!("MERGE {rows}"),
        CommandType::Utility => String::new(),
    }
}

/// Rows made up by a command, as batches.
pub fn to_batches(desc: &TupleDesc, rows: &[Row]) -> Vec<Batch> {
    rows.chunks(datum::MAX_BATCH_ROWS)
        .map(|chunk| {
            let columns = desc.attributes().iter().enumerate().map(|(i, attribute)| {
                let mut builder = datum::ColumnBuilder::new(attribute.layout.repr, chunk.len());
                chunk.iter().for_each(|row| builder.push(row[i].as_ref().map(|v| v.as_datum())));
                Arc::new(builder.finish())
            });
            Batch::new(columns.collect(), chunk.len())
        })
        .collect()
}

impl Portal {
    pub fn new(prepared: Option<Arc<Prepared>>, params: Arc<[ParamValue]>, formats: Vec<Format>) -> Portal {
        Portal { prepared, params, formats, state: State::New, cursor: None, nesting: 1 }
    }

    /// Whether it runs a query, as opposed to a utility command or nothing.
    pub fn is_query(&self) -> bool {
        self.prepared.as_ref().is_some_and(|p| matches!(p.kind, Kind::Query(_)))
    }
}
