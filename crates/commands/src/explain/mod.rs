//! EXPLAIN: plans as PostgreSQL shows them. See README.md.

mod detail;
mod names;
mod node;
mod options;
mod render;

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
use syntax::{Explain, Statement};

const TEXT: Oid = Oid(25);
const JSON: Oid = Oid(114);
const XML: Oid = Oid(142);

/// # Errors
/// What planning the statement fails with, and running it with ANALYZE; `0A000` for statements without a plan of
/// their own.
pub fn run(invocation: &mut Invocation<'_>, explain: &Explain) -> Result<Outcome> {
    let options = ExplainOptions::read(&explain.options)?;
    let session = invocation.session.clone();
    match &*explain.query {
        Statement::Select(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_) => {}
        _ => return Err(Error::unsupported("EXPLAIN of this statement")),
    }
    let clock = session.instance().system.clock.clone();
    let start = clock.monotonic();
    let params: &[ParamValue] = if options.generic_plan { &[] } else { &invocation.params };
    let plans = pipeline::analyze_and_plan(&session, &explain.query, invocation.sql, params)?;
    let planning = clock.monotonic().saturating_sub(start);
    let mut output = Output { options: &options, lines: Vec::new(), queries: Vec::new() };
    if plans.is_empty() && options.format == Format::Text {
        output.lines.push("Query rewrites to nothing".to_owned());
    }
    for (number, prepared) in plans.iter().enumerate() {
        if number > 0 {
            output.lines.push(String::new());
        }
        output.statement(&session, prepared, &invocation.params, planning)?;
    }
    output.outcome(&session)
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
) -> Result<Ran> {
    let instance = session.instance();
    let before = instance.pool.counters();
    let start = instance.system.clock.monotonic();
    let run_options = executor::Options { instrument: Some(options.timing), ..execution::options(session) };
    let snapshot = session.transaction()?.snapshot()?;
    let mut running = executor::start(session, prepared, params, snapshot, &run_options)?;
    while running.next(MAX_BATCH_ROWS)?.is_some() {}
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
    ) -> Result<()> {
        let options = self.options;
        let ran = if options.analyze { Some(execute(session, prepared, params, options)?) } else { None };
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
