//! EXPLAIN: plans as PostgreSQL shows them. See README.md.

mod detail;
mod names;
mod node;
mod options;
mod render;

use crate::create_table_as::{self, Created, Filler, Source};
use crate::invocation::Executed;
use crate::pipeline::Purpose;
use crate::{Invocation, Outcome, execution, pipeline};
use base::{Error, Oid, Result};
use catalog::Session;
use datum::{Attribute, MAX_BATCH_ROWS, OwnedDatum, TupleDesc};
use executor::{Instruments, ParamValue, Prepared};
pub(crate) use names::Constants;
use names::{Names, Scope};
use node::Describer;
use options::{ExplainOptions, Format};
use render::{Described, Value};
use std::sync::Arc;
use std::time::Duration;
use syntax::{CreateTableAs, Explain, Statement};

const TEXT: Oid = Oid(25);
const JSON: Oid = Oid(114);
const XML: Oid = Oid(142);

/// # Errors
/// What planning the statement fails with, and running it with ANALYZE; `0A000` for statements without a plan of
/// their own.
pub fn run(invocation: &mut Invocation<'_>, explain: &Explain) -> Result<Outcome> {
    let options = ExplainOptions::read(&explain.options)?;
    let session = invocation.session.clone();
    let clock = session.instance().system.clock.clone();
    let start = clock.monotonic();
    let Some(subject) = Subject::new(invocation, &explain.query, &options)? else {
        return Output { options: &options, lines: Vec::new(), queries: Vec::new() }.outcome(&session);
    };
    let Subject { plans, params, table } = subject;
    let planning = clock.monotonic().saturating_sub(start);
    let mut output = Output { options: &options, lines: Vec::new(), queries: Vec::new() };
    if plans.is_empty() && options.format == Format::Text {
        output.lines.push("Query rewrites to nothing".to_owned());
    }
    for (number, prepared) in plans.iter().enumerate() {
        if number > 0 {
            output.lines.push(String::new());
        }
        output.statement(&session, prepared, &params, planning, table)?;
    }
    output.outcome(&session)
}

/// What is explained.
struct Subject {
    plans: Arc<[Arc<Prepared>]>,
    params: Arc<[ParamValue]>,
    /// The new relation that takes the rows, and whether it is given any.
    table: Option<(Oid, bool)>,
}

impl Subject {
    /// `None` for what has no plan, and for a relation that exists already and may.
    fn new(
        invocation: &Invocation<'_>,
        statement: &Statement,
        options: &ExplainOptions,
    ) -> Result<Option<Subject>> {
        let session = invocation.session;
        let create = match statement {
            Statement::Select(select) => create_table_as::as_create(select),
            Statement::CreateTableAs(create) => Some((**create).clone()),
            _ => None,
        };
        if let Some(create) = create {
            return Subject::of_create(invocation, &create, options);
        }
        let inner;
        let mut purpose = Purpose::Once;
        let query = match statement {
            Statement::Select(_)
            | Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Merge(_) => statement,
            Statement::DeclareCursor(declare) => {
                inner = Statement::Select(Box::new(declare.query.clone()));
                purpose = Purpose::Cursor;
                &inner
            }
            Statement::Execute(_) => {
                let executed = invocation.executed.clone();
                let executed = executed.ok_or_else(|| Error::unsupported("EXPLAIN EXECUTE here"))?;
                let Executed { plan, params, .. } = executed;
                return Ok(Some(Subject { plans: plan()?, params, table: None }));
            }
            _ => return Err(Error::unsupported("EXPLAIN of this statement")),
        };
        let params: &[ParamValue] = if options.generic_plan { &[] } else { &invocation.params };
        let plans = pipeline::analyze_and_plan(session, query, invocation.sql, params, purpose)?.into();
        Ok(Some(Subject { plans, params: invocation.params.clone(), table: None }))
    }

    /// The relation is made only if the query is run.
    fn of_create(
        invocation: &Invocation<'_>,
        create: &CreateTableAs,
        options: &ExplainOptions,
    ) -> Result<Option<Subject>> {
        let session = invocation.session;
        let source = if options.analyze {
            let Some(created) = Created::new(invocation, create)? else { return Ok(None) };
            let plans = created.source.plans(session)?;
            let table = Some((created.table, create.with_data));
            return Ok(Some(Subject { plans, params: created.source.params, table }));
        } else if create_table_as::place_for(session, create)?.is_none() {
            return Ok(None);
        } else {
            Source::new(invocation, &create.query)?
        };
        let plans = source.plans(session)?;
        Ok(Some(Subject { plans, params: source.params, table: None }))
    }
}

struct Output<'a> {
    options: &'a ExplainOptions,
    lines: Vec<String>,
    queries: Vec<Value>,
}

/// What ANALYZE took.
struct Ran {
    instruments: Instruments,
    took: Duration,
    hits: u64,
    reads: u64,
    writes: u64,
}

fn execute(
    session: &Arc<Session>,
    prepared: &Arc<Prepared>,
    params: &[ParamValue],
    options: &ExplainOptions,
    table: Option<(Oid, bool)>,
) -> Result<Ran> {
    let entry = table.map(|(table, _)| session.require_relation(table)).transpose()?;
    let mut filler = entry.as_ref().map(|entry| Filler::new(session, entry)).transpose()?;
    let instance = session.instance();
    let before = instance.pool.counters();
    let start = instance.system.clock.monotonic();
    let run_options = executor::Options { instrument: Some(options.timing), ..execution::options(session) };
    let snapshot = session.transaction()?.snapshot()?;
    let mut running = executor::start(session, prepared, params, snapshot, &run_options)?;
    let with_data = table.is_none_or(|(_, with_data)| with_data);
    while with_data && let Some(batch) = running.next(MAX_BATCH_ROWS)? {
        if let Some(filler) = &mut filler {
            filler.add(&batch)?;
        }
    }
    running.finish()?;
    let instruments = running.instruments().cloned().unwrap_or_else(|| Instruments::new(options.timing));
    session.command_counter_increment()?;
    let after = instance.pool.counters();
    Ok(Ran {
        instruments,
        took: instance.system.clock.monotonic().saturating_sub(start),
        hits: after.hits.saturating_sub(before.hits),
        reads: after.reads.saturating_sub(before.reads),
        writes: after.writes.saturating_sub(before.writes),
    })
}

impl Output<'_> {
    fn statement(
        &mut self,
        session: &Arc<Session>,
        prepared: &Arc<Prepared>,
        params: &[ParamValue],
        planning: Duration,
        table: Option<(Oid, bool)>,
    ) -> Result<()> {
        let options = self.options;
        let ran = match options.analyze {
            true => Some(execute(session, prepared, params, options, table)?),
            false => None,
        };
        let statement = prepared.plan.clone();
        let describer = Describer {
            session,
            statement: &statement,
            names: Names::new(session, &statement, options.verbose),
            options,
            instruments: ran.as_ref().map(|ran| &ran.instruments),
        };
        // Tests with debug_parallel_query expect the plans they would get without it.
        let plan = match &statement.plan {
            ir::Plan { node: ir::PlanNode::Gather { invisible: true, .. }, left: Some(child), .. } => child,
            plan => plan,
        };
        let scope = Scope { plan, above: None, subplan: None };
        let mut described = describer.node(scope, None, None)?;
        if let Some(ran) = ran.as_ref().filter(|_| options.buffers) {
            add_buffers(ran, &mut described);
        }
        let settings = if options.settings { changed_settings(session) } else { Vec::new() };
        let mut query = Vec::new();
        render::text(&described, 0, &mut self.lines);
        query.push(("Plan".to_owned(), render::structured(&described)));
        if options.settings {
            if !settings.is_empty() {
                let shown: Vec<String> = settings.iter().map(|(n, v)| format!("{n} = '{v}'")).collect();
                self.lines.push(format!("Settings: {}", shown.join(", ")));
            }
            let group = settings.into_iter().map(|(n, v)| (n, Value::Text(v))).collect();
            query.push(("Settings".to_owned(), Value::Group(group)));
        }
        if options.summary {
            self.time("Planning Time", planning, &mut query);
        }
        if options.analyze {
            query.push(("Triggers".to_owned(), Value::Groups(Vec::new())));
        }
        if let Some(ran) = ran.filter(|_| options.summary) {
            self.time("Execution Time", ran.took, &mut query);
        }
        self.queries.push(Value::Group(query));
        Ok(())
    }

    fn time(&mut self, label: &str, time: Duration, query: &mut Vec<(String, Value)>) {
        let ms = format!("{:.3}", time.as_secs_f64() * 1000.0);
        self.lines.push(format!("{label}: {ms} ms"));
        query.push((label.to_owned(), Value::Number(ms)));
    }

    fn outcome(self, session: &Session) -> Result<Outcome> {
        let (type_oid, rows) = match self.options.format {
            Format::Text => (TEXT, self.lines),
            Format::Json => (JSON, vec![render::json(&self.queries)]),
            Format::Xml => (XML, vec![render::xml(&self.queries)]),
            Format::Yaml => (TEXT, vec![render::yaml(&self.queries)]),
        };
        let layout = session.type_layout(type_oid)?;
        let collation = session.type_collation(type_oid)?;
        let desc = TupleDesc::new(vec![Attribute::result("QUERY PLAN", type_oid, -1, layout, collation)]);
        let rows = rows.into_iter().map(|line| vec![Some(OwnedDatum::from(line))]).collect();
        Ok(Outcome::Rows { desc, rows, tag: "EXPLAIN".to_owned() })
    }
}

/// At the top node, which stands for all of them: the pool does not count by node. Other sessions' work of the same
/// time is in the figures, too.
fn add_buffers(ran: &Ran, described: &mut Described) {
    let mut line = String::from("Buffers: shared");
    for (label, count) in [("hit", ran.hits), ("read", ran.reads), ("written", ran.writes)] {
        if count > 0 {
            line.push_str(&format!(" {label}={count}"));
        }
    }
    if ran.hits + ran.reads + ran.writes > 0 {
        described.details.push(line);
    }
    for (label, count) in [
        ("Shared Hit Blocks", ran.hits),
        ("Shared Read Blocks", ran.reads),
        ("Shared Written Blocks", ran.writes),
    ] {
        described.properties.push((label.to_owned(), Value::Number(count.to_string())));
    }
}

/// Planner settings that differ from their built-in values.
fn changed_settings(session: &Session) -> Vec<(String, String)> {
    let settings = session.settings();
    let mut changed = Vec::new();
    for id in settings.ids() {
        let definition = settings.definition(id);
        if definition.flags.has(settings::Flags::EXPLAIN) && *settings.value(id) != definition.boot {
            changed.push((definition.name.to_string(), settings.show_id(id)));
        }
    }
    changed
}
