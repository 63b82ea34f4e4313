//! Calls over a bootstrapped catalog, with the results that PostgreSQL gives: `calls.tsv` has name, arguments as
//! `type=value`, and result or `! SQLSTATE message`.

use base::{Oid, Result, TimelineId};
use catalog::{Instance, Session, SessionStart, bootstrap};
use datum::{Datum, OwnedDatum};
use functions::{Call, Registry, invoke, names, typeio};
use std::sync::Arc;

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

/// Calls the function of pg_catalog with exactly these argument types.
fn call(session: &Session, name: &str, arguments: &[&str]) -> Result<String> {
    let mut types = Vec::new();
    let mut values = Vec::new();
    for argument in arguments {
        let (type_name, text) = argument.split_once('=').expect("type=value");
        let (type_oid, typmod) = names::parse_type(session, type_name)?;
        types.push(type_oid);
        values.push(match text {
            "\\N" => None,
            text => typeio::input(session, type_oid, typmod, text)?,
        });
    }
    let rows = session.functions_by_name(name)?;
    let accepts = |declared: Oid, given: Oid| {
        declared == given || matches!(declared.0, 2277 | 2283 | 2276 | 5077 | 5078)
    };
    let row = rows
        .iter()
        .find(|row| row.proargtypes == types)
        .or_else(|| {
            rows.iter().find(|row| {
                row.proargtypes.len() == types.len()
                    && row.proargtypes.iter().zip(&types).all(|(declared, given)| accepts(*declared, *given))
            })
        })
        .ok_or_else(|| base::err!(UNDEFINED_FUNCTION, "no function {name} takes exactly these"))?;
    let body = Registry::get().function(row)?;
    let array_at = row.proargtypes.iter().position(|t| matches!(t.0, 2277 | 5078));
    let result_type = match (row.prorettype.0, array_at) {
        (2277 | 5078, Some(at)) => types[at],
        (2277 | 5078, None) => session.array_type(types[0])?.unwrap_or(types[0]),
        (2283 | 5077, _) => types[0],
        _ => row.prorettype,
    };
    let reprs: Vec<_> =
        types.iter().map(|t| session.type_layout(*t).map(|layout| layout.repr)).collect::<Result<_>>()?;
    let circumstances = Call {
        session,
        function: row.oid,
        collation: Oid(100),
        argument_types: &types,
        result_type,
        variadic: false,
    };
    let values: Vec<Option<Datum<'_>>> =
        values.iter().map(|value| value.as_ref().map(OwnedDatum::as_datum)).collect();
    let repr = session.type_layout(result_type)?.repr;
    match invoke(&circumstances, &body, &values, &reprs, repr)? {
        Some(value) => typeio::output(session, result_type, value.as_datum()),
        None => Ok("\\N".to_owned()),
    }
}

#[test]
fn calls_give_what_postgresql_gives() {
    let session = session();
    let mut wrong = Vec::new();
    for line in include_str!("calls.tsv").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, arguments @ .., expected] = &fields[..] else { panic!("{line}") };
        let got = call(&session, name, arguments)
            .unwrap_or_else(|error| format!("! {} {}", error.state(), error.message()));
        if got.replace('\n', "\\n") != *expected {
            wrong.push(format!("{name} {arguments:?}\n    {expected}\n    {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} calls:\n{}", wrong.len(), wrong.join("\n"));
}
