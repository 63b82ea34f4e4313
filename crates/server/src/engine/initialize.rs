//! initdb: a new cluster.

use super::cluster::{Cluster, ClusterOptions};
use crate::session::engine_api::InitOptions;
use base::{Error, Result, Severity, bail};
use buffer::BufferOptions;
use catalog::Session;
use catalog::bootstrap::{self, Choices};
use commands::pipeline::{self, Purpose};
use commands::{Client, Invocation};
use settings::ServerSettings;
use std::sync::Arc;
use syntax::Statement;
use sys::System;

/// Fills an empty data directory.
///
/// # Errors
/// `0A000` for locale providers that are not built; the disk's.
pub fn initialize(options: &InitOptions) -> Result<()> {
    let locale = match options.locale_provider.as_str() {
        "builtin" => options.locale.clone().unwrap_or_else(|| options.lc_ctype.clone()),
        // The C locales of libc are the builtin ones by another name.
        "libc" if matches!(options.lc_collate.as_str(), "C" | "POSIX" | "C.UTF-8" | "C.utf8") => {
            "C.UTF-8".to_owned()
        }
        provider => {
            return Err(
                Error::unsupported(format!("the locale provider {provider}")).severity(Severity::Fatal)
            );
        }
    };
    if !matches!(locale.as_str(), "C" | "C.UTF-8" | "C.utf8") {
        bail!(INVALID_PARAMETER_VALUE, "invalid locale name \"{locale}\" for builtin provider");
    }
    let system = System::real(&options.data_directory);
    let cluster = ClusterOptions {
        buffers: BufferOptions {
            frames: 4096,
            checksums: options.data_checksums,
            ..BufferOptions::default()
        },
        wal: wal::WalOptions {
            segment_size: options.wal_segment_bytes,
            fsync: options.sync,
            log_hints: options.data_checksums,
            ..wal::WalOptions::default()
        },
        fsync: options.sync,
        open_files: 1000,
    };
    let choices = Choices {
        superuser: options.superuser.clone(),
        password: options.superuser_password.clone(),
        locale: if locale == "C" { "C".to_owned() } else { "C.UTF-8".to_owned() },
    };
    Cluster::create(&system, &cluster, &choices, &mut |cluster| make_views(cluster))
}

/// What is written in SQL: the system views and information_schema, through the same commands as any client's.
fn make_views(cluster: &Cluster) -> Result<()> {
    let mut server = ServerSettings::boot();
    server.set("allow_system_table_mods", "on", settings::Source::Override)?;
    let settings = Arc::new(server);
    let session = cluster.maintenance_session(bootstrap::TEMPLATE1, "template1", &settings);
    let scripts: [(&str, &str, bool); 2] = [
        ("system_views.sql", bootstrap::SYSTEM_VIEWS, true),
        ("information_schema.sql", bootstrap::INFORMATION_SCHEMA, false),
    ];
    for (name, sql, grants) in scripts {
        let transaction = session.transaction_session().begin(txn::Options::default())?;
        session.set_transaction(Some(transaction.clone()));
        let mut made = run_script(&session, sql);
        if grants && made.is_ok() {
            made = commands::grant_catalogs_to_public(&session);
        }
        session.set_transaction(None);
        match made {
            Ok(()) => transaction.commit()?,
            Err(error) => {
                transaction.abort()?;
                return Err(error.context(format!("initial script {name}")));
            }
        }
    }
    let transaction = session.transaction_session().begin(txn::Options::default())?;
    session.set_transaction(Some(transaction.clone()));
    let made = commands::install_plpgsql(&session)
        .and_then(|()| run_script(&session, bootstrap::INITIAL_PRIVILEGES));
    session.set_transaction(None);
    match made {
        Ok(()) => transaction.commit(),
        Err(error) => transaction.abort().and(Err(error)),
    }
}

fn run_script(session: &Arc<Session>, sql: &str) -> Result<()> {
    for raw in syntax::parse(sql)? {
        let text = &sql[raw.location..raw.location + raw.length];
        run_statement(session, sql, &raw.statement).map_err(|error| error.context(text.trim().to_owned()))?;
        session.command_counter_increment()?;
    }
    Ok(())
}

fn run_statement(session: &Arc<Session>, sql: &str, statement: &Statement) -> Result<()> {
    if let Statement::Insert(_) = statement {
        let options = executor::Options {
            budget: executor::Budget::new(usize::MAX),
            hooks: commands::hooks(),
            instrument: None,
            trusted: true,
        };
        for plan in pipeline::analyze_and_plan(session, statement, sql, &[], Purpose::Once)? {
            let snapshot = session.transaction()?.snapshot()?;
            let mut running = executor::start(session, &plan, &[], snapshot, &options)?;
            while running.next(datum::MAX_BATCH_ROWS)?.is_some() {}
            running.finish()?;
        }
        return Ok(());
    }
    let mut invocation = Invocation {
        session,
        sql,
        client: &mut NoClient,
        top_level: true,
        in_block: true,
        params: Arc::new([]),
        names: None,
        executed: None,
    };
    commands::execute(&mut invocation, statement)?;
    Ok(())
}

/// Nobody is at the other end.
struct NoClient;

impl Client for NoClient {
    fn notice(&mut self, _: &Error) {}
    fn copy_in_begin(&mut self, _: bool, _: usize) -> Result<()> {
        Err(Error::internal("initial scripts do not COPY"))
    }
    fn copy_read(&mut self) -> Result<Option<&[u8]>> {
        Ok(None)
    }
    fn copy_out_begin(&mut self, _: bool, _: usize) {}
    fn copy_data(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
    fn copy_done(&mut self) {}
}
