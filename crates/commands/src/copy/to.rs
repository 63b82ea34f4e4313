//! COPY TO: a table's rows, or a query's.

use super::columns;
use super::files::Output;
use super::options::{CopyFormat, CopyOptions, Header};
use super::read::named_columns;
use super::write::Writer;
use crate::output::{Format, RowOutput};
use crate::pipeline::Purpose;
use crate::{Client, Invocation, execution, pipeline};
use base::{Error, Oid, Result, bail, err};
use catalog::acl::privilege;
use catalog::{RelationEntry, Session};
use datum::{Batch, MAX_BATCH_ROWS};
use ir::PlanNode;
use lock::LockMode;
use std::sync::Arc;
use syntax::{Copy, CopyTarget, RelationName, Statement};

/// Where rows go.
enum Sink<'a> {
    Client(&'a mut dyn Client),
    File(Output),
}

impl Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Sink::Client(client) => client.copy_data(bytes),
            Sink::File(output) => output.write(bytes),
        }
    }
}

/// Bytes that gather before a file is written to.
const FILE_BYTES: usize = 1 << 16;

/// Rows on their way out.
struct Outflow<'a> {
    session: &'a Session,
    sink: Sink<'a>,
    writer: Writer<'a>,
    rows: RowOutput,
    buffer: Vec<u8>,
    count: u64,
}

impl<'a> Outflow<'a> {
    fn begin(
        session: &'a Session,
        client: &'a mut dyn Client,
        target: &CopyTarget,
        options: &'a CopyOptions,
        names: &[String],
        types: &[Oid],
        relation: Option<&RelationEntry>,
    ) -> Result<Outflow<'a>> {
        let exists = |name: &str| match relation {
            Some(entry) => columns::require(entry, name).map(|_| ()),
            None if names.iter().any(|n| n == name) => Ok(()),
            None => bail!(UNDEFINED_COLUMN, "column \"{name}\" does not exist"),
        };
        let force_quote = named_columns("FORCE_QUOTE", &options.force_quote, names, &exists)?;
        let binary = options.format == CopyFormat::Binary;
        let format = if binary { Format::Binary } else { Format::Text };
        let rows = RowOutput::new(session, types, &[format])?;
        let sink = match target {
            CopyTarget::Client => {
                client.copy_out_begin(binary, names.len());
                Sink::Client(client)
            }
            CopyTarget::File(path) => Sink::File(Output::open(path)?),
            CopyTarget::Program(command) => Sink::File(Output::start(command)?),
        };
        let mut outflow = Outflow {
            session,
            sink,
            writer: Writer::new(options, force_quote),
            rows,
            buffer: Vec::new(),
            count: 0,
        };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        outflow.writer.begin(&names, &mut outflow.buffer);
        if !binary && options.header != Header::No {
            outflow.send()?;
        }
        Ok(outflow)
    }

    /// To the client, what stands in the buffer is one message.
    fn send(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.sink.write(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn batch(&mut self, batch: &Batch) -> Result<()> {
        let Outflow { sink, writer, buffer, .. } = self;
        let to_client = matches!(sink, Sink::Client(_));
        self.rows.write(self.session, batch, &mut |rows, row| {
            writer.row(rows, row, buffer);
            if to_client || buffer.len() >= FILE_BYTES {
                sink.write(buffer)?;
                buffer.clear();
            }
            Ok(())
        })?;
        self.count += batch.rows() as u64;
        Ok(())
    }

    fn finish(mut self) -> Result<u64> {
        self.writer.end(&mut self.buffer);
        self.send()?;
        match &mut self.sink {
            Sink::Client(client) => client.copy_done(),
            Sink::File(output) => output.close()?,
        }
        Ok(self.count)
    }
}

/// A table's rows, in physical order. Returns their number.
///
/// # Errors
/// `42P01`, `42501`, `42809` for relations without rows of their own.
pub fn relation(
    invocation: &mut Invocation<'_>,
    copy: &Copy,
    name: &RelationName,
    names: &[String],
) -> Result<u64> {
    let session = invocation.session.clone();
    let entry = crate::name::open_relation(&session, name, LockMode::AccessShare)?;
    let listed = columns::listed(&entry, names)?;
    executor::check_permissions(&session, &[columns::permission(&entry, &listed, privilege::SELECT)])?;
    let attributes = entry.desc().attributes();
    if columns::row_security_applies(&session, &entry)? {
        let columns: Vec<_> = listed.iter().map(|i| syntax::quote_identifier(&attributes[*i].name)).collect();
        let schema = session.namespace_name(entry.class.relnamespace)?;
        let sql = format!(
            "SELECT {} FROM ONLY {}.{}",
            columns.join(", "),
            syntax::quote_identifier(&schema),
            syntax::quote_identifier(entry.name())
        );
        let mut statements = syntax::parse(&sql)?;
        let Some(raw) = statements.pop() else { return Err(Error::internal("no statement")) };
        return query(invocation, copy, &raw.statement, &sql);
    }
    let options = CopyOptions::read(&copy.options, false)?;
    check_kind(&entry)?;
    let names: Vec<String> = listed.iter().map(|i| attributes[*i].name.clone()).collect();
    let types: Vec<Oid> = listed.iter().map(|i| attributes[*i].type_oid).collect();
    let client = &mut *invocation.client;
    let mut outflow = Outflow::begin(&session, client, &copy.target, &options, &names, &types, Some(&entry))?;
    let context = session.context()?;
    let visibility = heap::Visibility::Mvcc(context.transaction.snapshot()?);
    // The heap wants attributes in ascending order; the columns may be listed in any.
    let mut needed = listed.clone();
    needed.sort_unstable();
    let mut scan = heap::Scan::new(&context, &entry.relation, visibility, heap::Blocks::All, &needed)?;
    let mut rows = heap::Rows::new(entry.desc(), &needed, false);
    loop {
        let mut more = true;
        while rows.len() < MAX_BATCH_ROWS && more {
            more = scan.next_page(MAX_BATCH_ROWS - rows.len(), &mut rows)? > 0;
        }
        let fresh = heap::Rows::new(entry.desc(), &needed, false);
        let read = std::mem::replace(&mut rows, fresh);
        let count = read.len();
        let read: Vec<_> = read.columns.into_iter().map(|column| Arc::new(column.finish())).collect();
        let place = |attribute: &usize| needed.binary_search(attribute).unwrap_or(0);
        let columns = listed.iter().map(|attribute| read[place(attribute)].clone()).collect();
        outflow.batch(&Batch::new(columns, count))?;
        if !more {
            return outflow.finish();
        }
        session.interrupt_check()?;
    }
}

fn check_kind(entry: &RelationEntry) -> Result<()> {
    const HINT: &str = "Try the COPY (SELECT ...) TO variant.";
    let name = entry.name();
    let with_hint = |message: String| Err(Error::new(base::SqlState::WRONG_OBJECT_TYPE, message).hint(HINT));
    match entry.kind() {
        b'r' => Ok(()),
        b'm' if entry.class.relispopulated => Ok(()),
        b'm' => Err(err!(
            OBJECT_NOT_IN_PREREQUISITE_STATE,
            "cannot copy from unpopulated materialized view \"{name}\""
        )
        .hint("Use the REFRESH MATERIALIZED VIEW command.")),
        b'v' => with_hint(format!("cannot copy from view \"{name}\"")),
        b'f' => with_hint(format!("cannot copy from foreign table \"{name}\"")),
        b'p' => with_hint(format!("cannot copy from partitioned table \"{name}\"")),
        b'S' => bail!(WRONG_OBJECT_TYPE, "cannot copy from sequence \"{name}\""),
        _ => bail!(WRONG_OBJECT_TYPE, "cannot copy from non-table relation \"{name}\""),
    }
}

/// A query's rows. Returns their number.
///
/// # Errors
/// `0A000` for statements that give no rows; what planning and running fail with.
pub fn query(invocation: &mut Invocation<'_>, copy: &Copy, statement: &Statement, sql: &str) -> Result<u64> {
    let session = invocation.session.clone();
    let options = CopyOptions::read(&copy.options, false)?;
    check_query(statement)?;
    let mut plans = pipeline::analyze_and_plan(&session, statement, sql, &invocation.params, Purpose::Once)?;
    let (Some(prepared), true) = (plans.pop(), plans.is_empty()) else {
        bail!(FEATURE_NOT_SUPPORTED, "multi-statement DO INSTEAD rules are not supported for COPY");
    };
    let plan = prepared.plan.clone();
    let columns = match &plan.plan.node {
        PlanNode::ModifyTable(modify) => modify.returning.first().map_or(&[][..], Vec::as_slice),
        _ => &plan.plan.target_list,
    };
    let targets: Vec<_> = columns.iter().filter(|target| !target.junk).collect();
    let names: Vec<String> =
        targets.iter().map(|t| t.name.clone().unwrap_or_else(|| "?column?".to_owned())).collect();
    let types: Vec<Oid> = targets.iter().map(|t| ir::expr_type(&t.expr)).collect();
    let snapshot = session.transaction()?.snapshot()?;
    let width = targets.len();
    let run_options = execution::options(&session);
    let params = invocation.params.clone();
    let mut running = executor::start(&session, &prepared, &params, snapshot, &run_options)?;
    let client = &mut *invocation.client;
    let mut outflow = Outflow::begin(&session, client, &copy.target, &options, &names, &types, None)?;
    while let Some(batch) = running.next(MAX_BATCH_ROWS)? {
        outflow.batch(&Batch::new(batch.columns()[..width].to_vec(), batch.rows()))?;
    }
    running.finish()?;
    outflow.finish()
}

/// COPY takes queries, and changes that return rows.
fn check_query(statement: &Statement) -> Result<()> {
    let returning = match statement {
        Statement::Select(_) => return Ok(()),
        Statement::Insert(insert) => &insert.returning,
        Statement::Update(update) => &update.returning,
        Statement::Delete(delete) => &delete.returning,
        Statement::Merge(merge) => &merge.returning,
        _ => bail!(FEATURE_NOT_SUPPORTED, "COPY query must not be a utility command"),
    };
    if returning.is_none() {
        bail!(FEATURE_NOT_SUPPORTED, "COPY query must have a RETURNING clause");
    }
    Ok(())
}
