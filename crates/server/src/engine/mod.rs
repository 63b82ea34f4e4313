//! The engine behind the sessions: opens a data directory and serves it. See README.md.

mod background;
pub mod cluster;
mod control;
mod database;
mod info;
mod initialize;
mod literals;
mod plans;
mod session;

use crate::session::engine_api::{Engine, EngineStart, InitOptions, Installation};
use base::Result;
use buffer::BufferOptions;
use cluster::{Cluster, ClusterOptions};
use database::{Database, EngineHandle};
use executor::Budget;
use settings::ServerSettings;
use std::sync::Arc;
use sys::System;

/// What the binary is made with.
pub struct Ferrodon;

impl Installation for Ferrodon {
    fn initialize(&self, options: &InitOptions) -> Result<()> {
        initialize::initialize(options)
    }

    fn start(&self, start: EngineStart) -> Result<Arc<dyn Engine>> {
        let system = System::real(&start.paths.data_directory);
        let options = cluster_options(&start.settings);
        let logger = start.logger.clone();
        let log = |line: &str| logger.log(line);
        let (cluster, recovered) = Cluster::open(&system, &options, &log)?;
        let statistics = commands::statistics::Statistics::new(&system);
        statistics.load();
        let now = system.clock.timestamp();
        let database = Arc::new(Database {
            cluster,
            plans: plans::PlanCache::default(),
            budget: Budget::new(memory_budget(&start.settings)?),
            hooks: commands::hooks(),
            settings: arc_swap::ArcSwap::new(start.settings),
            logger: start.logger,
            connected: parking_lot::Mutex::default(),
            stop: workers::Stop::new(),
            checkpoint_requests: workers::CheckpointRequests::new(),
            auto_conf: parking_lot::Mutex::new(()),
            statistics,
            started: now,
            configured: parking_lot::Mutex::new(now),
            workers: parking_lot::Mutex::default(),
        });
        background::start(&database)?;
        if recovered.redone {
            // Nobody waits for it: until it is done, a crash would replay the same log again.
            database.checkpoint_requests.request(true, true, false, &database.stop)?;
        }
        Ok(Arc::new(EngineHandle(database)))
    }
}

/// Bytes that all queries may hold together: the parameter `ferrodon.query_memory`, written as work_mem is. Without it, a
/// quarter of the machine's memory is left to everything that is not a query.
fn memory_budget(settings: &ServerSettings) -> Result<usize> {
    const NAME: &str = "ferrodon.query_memory";
    let given = settings.custom().iter().find(|(name, _)| name.eq_ignore_ascii_case(NAME));
    let Some((_, text)) = given else { return Ok(sys::memory::physical_bytes().unwrap_or(4 << 30) / 4 * 3) };
    let definition = settings::Definition {
        kind: settings::Kind::Int { min: 64, max: i64::from(i32::MAX) },
        unit: Some(settings::Unit::Kilobyte),
        ..settings::Definition::custom(NAME)
    };
    match definition.parse(text)? {
        settings::Value::Int(kilobytes) => Ok(usize::try_from(kilobytes).unwrap_or(0) << 10),
        _ => Err(definition.invalid(text)),
    }
}

/// The storage options that the settings say.
fn cluster_options(settings: &ServerSettings) -> ClusterOptions {
    let fsync = settings.get(settings::FSYNC);
    ClusterOptions {
        buffers: BufferOptions {
            frames: settings.get(settings::SHARED_BUFFERS) as usize,
            checksums: true,
            ignore_checksum_failure: settings.get(settings::IGNORE_CHECKSUM_FAILURE),
            zero_damaged_pages: settings.get(settings::ZERO_DAMAGED_PAGES),
        },
        wal: wal::WalOptions {
            full_page_writes: settings.get(settings::FULL_PAGE_WRITES),
            fsync,
            on_panic: Arc::new(|error| {
                // The log cannot be trusted any more: what is in memory must not reach the disk.
                eprintln!("PANIC:  {}", error.message());
                std::process::abort();
            }),
            ..wal::WalOptions::default()
        },
        fsync,
        open_files: settings.get(settings::MAX_FILES_PER_PROCESS) as usize,
    }
}
