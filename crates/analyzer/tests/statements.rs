//! Statements analysed over a bootstrapped catalog, printed back or refused.

use analyzer::deparse::{ConstantOutput, Style, deparse_query};
use analyzer::{Analyzed, ConstantInput, ParamTypes, analyze, rewrite};
use base::{Oid, Result, TimelineId};
use catalog::{Instance, Session, SessionStart, bootstrap};
use datum::OwnedDatum;
use std::sync::Arc;

struct Types;

impl ConstantInput for Types {
    fn input(&self, _: &Session, type_oid: Oid, _: i32, text: &str) -> Result<Option<OwnedDatum>> {
        let number = || {
            text.trim().parse::<i32>().map_err(|_| {
                base::err!(INVALID_TEXT_REPRESENTATION, "invalid input syntax for type integer: \"{text}\"")
            })
        };
        Ok(Some(match type_oid.0 {
            23 | 26 => OwnedDatum::Int4(number()?),
            16 => OwnedDatum::Bool(text.starts_with('t')),
            18 => OwnedDatum::Char(text.bytes().next().unwrap_or(0) as i8),
            _ => OwnedDatum::from(text),
        }))
    }

    fn type_modifier(&self, _: &Session, _: Oid, words: &[String]) -> Result<i32> {
        Ok(words[0].parse::<i32>().unwrap_or(0) + 4)
    }
}

impl ConstantOutput for Types {
    fn output(&self, _: &Session, _: Oid, value: &OwnedDatum) -> Result<String> {
        Ok(match value {
            OwnedDatum::Bool(v) => if *v { "t" } else { "f" }.to_owned(),
            OwnedDatum::Char(v) => char::from(*v as u8).to_string(),
            OwnedDatum::Int4(v) => v.to_string(),
            OwnedDatum::Int8(v) => v.to_string(),
            other => other.as_datum().text().to_owned(),
        })
    }
}

fn session() -> Arc<Session> {
    let (system, _) = sys::simulated::simulated(1);
    for directory in [
        "global",
        "pg_wal",
        "pg_wal/archive_status",
        "pg_xact",
        "pg_subtrans",
        "pg_multixact/members",
        "pg_multixact/offsets",
        "pg_commit_ts",
        "base/1",
    ] {
        system.disk.create_dir_all(directory).unwrap();
    }
    let files = Arc::new(storage::RelationFiles::new(system.disk.clone(), 100, true));
    let wal = wal::Wal::new(&system, wal::WalOptions::default()).unwrap();
    let pool = buffer::BufferPool::new(files, wal.clone(), buffer::BufferOptions::default()).unwrap();
    let counters = txn::Counters::initial();
    let checkpoint = recovery::control::Checkpoint {
        timeline: TimelineId(1),
        previous_timeline: TimelineId(1),
        full_page_writes: true,
        wal_level: 1,
        next_xid: counters.next_xid,
        next_oid: counters.next_oid,
        next_multi: counters.next_multi,
        next_multi_offset: counters.next_multi_offset,
        ..Default::default()
    };
    recovery::bootstrap(&system, &wal, Default::default(), checkpoint).unwrap();
    let locks = lock::LockManager::new(system.clock.clone());
    let config = || txn::Config {
        system: system.clone(),
        wal: wal.clone(),
        pool: pool.clone(),
        locks: locks.clone(),
        counters: txn::Counters::initial(),
        sync: true,
    };
    txn::Transactions::bootstrap(config()).unwrap();
    let transactions = txn::Transactions::open(config()).unwrap();
    transactions.finish_recovery().unwrap();
    let instance =
        Instance::new(system.clone(), pool, transactions.clone(), locks.clone(), Arc::new(btree::ToastBtree));
    let interrupt = Arc::new(lock::NoInterrupt);
    let session = Session::new(
        instance,
        SessionStart {
            database: bootstrap::TEMPLATE1,
            database_name: "template1".to_owned(),
            tablespace: catalog::DEFAULT_TABLESPACE,
            user: bootstrap::BOOTSTRAP_SUPERUSER,
            settings: settings::SessionSettings::new(Arc::new(settings::ServerSettings::boot())),
            transactions: transactions.session(txn::SessionOptions {
                pid: 1,
                database: bootstrap::TEMPLATE1,
                waiter: Arc::new(lock::ThreadWaiter::default()),
                interrupt: interrupt.clone(),
            }),
            interrupt,
            number: 0,
        },
    );
    let transaction = session.transaction_session().begin(txn::Options::default()).unwrap();
    session.set_transaction(Some(transaction));
    let choices = bootstrap::Choices { superuser: "me".into(), password: None, locale: "C.UTF-8".into() };
    bootstrap::run(&session, &choices).unwrap();
    session.command_counter_increment().unwrap();
    session
}

fn run(session: &Session, sql: &str) -> String {
    let printed = || -> Result<String> {
        let statements = syntax::parse(sql)?;
        let mut params = ParamTypes::variable(Vec::new());
        match analyze(session, &Types, &statements[0], sql, &mut params)? {
            Analyzed::Utility(statement) => Ok(statement.tag().to_owned()),
            Analyzed::Query(query) => {
                let text = ir::text::write_rule(std::slice::from_ref(&*query));
                let again = ir::text::read_rule(&text, &|oid| session.type_layout(oid))?;
                assert_eq!(ir::text::write_rule(&again), text, "{sql}");
                let shown = if query.command == ir::CommandType::Select {
                    deparse_query(session, &Types, &query, None, Style::DEFINITION)?
                } else {
                    format!("{:?}", query.command)
                };
                rewrite(session, *query)?;
                Ok(shown.split_whitespace().collect::<Vec<_>>().join(" "))
            }
        }
    };
    printed().unwrap_or_else(|e| {
        let data = e.data();
        let hint = data.hint.as_ref().map(|h| format!(" | {h}")).unwrap_or_default();
        let at = data.position.map(|p| format!(" @{p}")).unwrap_or_default();
        let detail = data.detail.as_ref().map(|d| format!(" | {d}")).unwrap_or_default();
        format!("{}: {}{at}{detail}{hint}", e.state().code(), e.message())
    })
}

#[test]
fn statements_print_back_or_are_refused() {
    let session = session();
    let cases = concat!(include_str!("statements.txt"), "\n\n", include_str!("errors.txt"));
    let mut failures = Vec::new();
    for case in cases.split("\n\n").filter(|c| !c.trim().is_empty()) {
        let (sql, expected) = case.trim().split_once("\n=> ").expect("a statement and what becomes of it");
        let found = run(&session, sql);
        if found != expected {
            failures.push(format!("{sql}\n=> {found}\n"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// A query as a view is shown, printed in a style.
fn view(session: &Session, sql: &str, style: Style) -> Result<String> {
    let statements = syntax::parse(sql)?;
    let mut params = ParamTypes::variable(Vec::new());
    match analyze(session, &Types, &statements[0], sql, &mut params)? {
        Analyzed::Query(query) => {
            let columns: Vec<String> =
                ir::visible_targets(&query.target_list).filter_map(|t| t.name.clone()).collect();
            deparse_query(session, &Types, &query, Some(&columns), style)
        }
        Analyzed::Utility(statement) => Ok(statement.tag().to_owned()),
    }
}

#[test]
fn views_are_laid_out_as_postgresql_does() {
    let session = session();
    let mut failures = Vec::new();
    for case in include_str!("views.txt").split("\n\n").filter(|c| !c.trim().is_empty()) {
        let (sql, rest) = case.trim_start().split_once("\n-- plain\n").expect("a query");
        let (plain, pretty) = rest.split_once("\n-- pretty\n").expect("two texts");
        for (style, expected) in [(Style::DEFINITION, plain), (Style::PRETTY, pretty)] {
            let found = view(&session, sql, style).map_or_else(|e| e.message().to_owned(), |t| t + ";");
            if found != expected.trim_end() {
                failures.push(format!("{sql}\n{found}\n-- expected\n{expected}\n"));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn definitions_of_built_in_objects() {
    let session = session();
    let definitions = analyzer::definition::Definitions { session: &session, output: &Types };
    let relation = |name: &str| session.relation_by_name(None, name).unwrap().unwrap();
    let index = relation("pg_class_relname_nsp_index");
    let constraint =
        session.relation(relation("pg_class")).unwrap().unwrap().indexes[0].constraint.clone().unwrap();
    let cases = [
        (
            definitions.index(index, None, false),
            "CREATE UNIQUE INDEX pg_class_relname_nsp_index ON pg_catalog.pg_class USING btree (relname, relnamespace)",
        ),
        (
            definitions.index(index, None, true),
            "CREATE UNIQUE INDEX pg_class_relname_nsp_index ON pg_class USING btree (relname, relnamespace)",
        ),
        (definitions.index(index, Some(2), false), "relnamespace"),
        (definitions.constraint(constraint.oid, false), "PRIMARY KEY (oid)"),
        (definitions.function_arguments(Oid(3988)), "VARIADIC \"any\" ORDER BY VARIADIC \"any\""),
        (definitions.function_result(Oid(1371)), "SETOF record"),
        (
            definitions.function_arguments(Oid(3786)),
            "slot_name name, plugin name, temporary boolean DEFAULT false, twophase boolean DEFAULT false, failover boolean DEFAULT false, OUT slot_name name, OUT lsn pg_lsn",
        ),
        (
            definitions.function(Oid(177)),
            "CREATE OR REPLACE FUNCTION pg_catalog.int4pl(integer, integer)\n RETURNS integer\n LANGUAGE internal\n IMMUTABLE PARALLEL SAFE STRICT\nAS $function$int4pl$function$\n",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found.unwrap().as_deref(), Some(expected));
    }
    assert_eq!(definitions.index(Oid(1), None, false).unwrap(), None);
}
