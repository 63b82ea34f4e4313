//! A running database system: what its sessions share, and who they are.

use super::cluster::Cluster;
use super::control::Control;
use super::info::{Activity, Info};
use super::plans::PlanCache;
use super::session::{ClientSession, Deadlines};
use crate::log::Logger;
use crate::session::engine_api::{Engine, EngineSession, RoleLogin, ShutdownMode, Startup};
use arc_swap::ArcSwap;
use base::{Error, Oid, Result, Severity, bail, err};
use catalog::acl::{self, privilege};
use catalog::{PgAuthid, PgDatabase, PgDbRoleSetting, Session, SessionStart, index};
use commands::statistics::{self, Statistics};
use datum::Datum;
use executor::Budget;
use parking_lot::Mutex;
use settings::{Assigner, Checks, Scope, ServerSettings, Source};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use workers::{CheckpointRequests, Stop};

/// A connected session, for pg_stat_activity and for counting.
pub struct Connected {
    pub number: u32,
    pub database: Oid,
    pub role: Oid,
    pub session: Arc<Session>,
    pub interrupt: Arc<crate::interrupt::Interrupt>,
    pub activity: Arc<Mutex<Activity>>,
    pub client: Option<std::net::SocketAddr>,
    pub server: Option<std::net::SocketAddr>,
    pub tls: bool,
    /// Microseconds since 2000.
    pub started: i64,
}

/// What the sessions of a server share.
pub struct Database {
    pub cluster: Cluster,
    pub plans: PlanCache,
    pub budget: Arc<Budget>,
    pub hooks: executor::Hooks,
    pub settings: ArcSwap<ServerSettings>,
    pub logger: Arc<Logger>,
    /// By process id.
    pub connected: Mutex<BTreeMap<u32, Connected>>,
    pub stop: Arc<Stop>,
    pub checkpoint_requests: Arc<CheckpointRequests>,
    /// Held while postgresql.auto.conf is edited.
    pub auto_conf: Mutex<()>,
    pub statistics: Arc<Statistics>,
    /// Microseconds since 2000.
    pub started: i64,
    pub configured: Mutex<i64>,
    pub workers: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

impl Database {
    /// A session is gone.
    pub fn disconnected(&self, process_id: u32) {
        self.connected.lock().remove(&process_id);
    }

    /// How plans are run.
    pub fn execution_options(&self) -> executor::Options {
        executor::Options {
            budget: self.budget.clone(),
            hooks: self.hooks.clone(),
            instrument: None,
            trusted: false,
        }
    }

    /// Runs `f` in a transaction of a session of the server's own.
    ///
    /// # Errors
    /// What `f` and the commit fail with.
    pub fn internally<R>(&self, database: Oid, f: impl FnOnce(&Arc<Session>) -> Result<R>) -> Result<R> {
        let session = self.cluster.maintenance_session(database, "", &self.settings.load_full());
        let transaction = session.transaction_session().begin(txn::Options::default())?;
        session.set_transaction(Some(transaction.clone()));
        let result = f(&session);
        session.set_transaction(None);
        match result {
            Ok(value) => transaction.commit().map(|()| value),
            Err(error) => {
                transaction.abort()?;
                Err(error)
            }
        }
    }
}

/// Engine seen by the session layer: a handle that sessions can clone.
pub struct EngineHandle(pub Arc<Database>);

fn fatal(error: Error) -> Error {
    error.severity(Severity::Fatal)
}

impl Engine for EngineHandle {
    fn role(&self, name: &str) -> Result<Option<RoleLogin>> {
        self.0.internally(Oid::INVALID, |session| {
            let role = session.row::<PgAuthid>(index::PG_AUTHID_ROLNAME, &[Datum::from(name)])?;
            Ok(role.map(|role| RoleLogin {
                oid: role.oid,
                password: role.rolpassword.clone(),
                can_login: role.rolcanlogin,
                superuser: role.rolsuper,
                replication: role.rolreplication,
                connection_limit: role.rolconnlimit,
                valid_until: role.rolvaliduntil.map(moment),
            }))
        })
    }

    fn is_member(&self, role: &str, group: &str) -> bool {
        let found = self.0.internally(Oid::INVALID, |session| {
            let (Some(role), Some(group)) = (session.role_by_name(role)?, session.role_by_name(group)?)
            else {
                return Ok(false);
            };
            session.is_member(role.oid, group.oid)
        });
        found.unwrap_or(false)
    }

    fn regex_captures(&self, pattern: &str, text: &str) -> Result<Option<Vec<Option<String>>>> {
        let (flags, _) = adt::regex::Flags::parse("")?;
        let regex = adt::regex::Regex::compile(pattern, flags)?;
        let Some(found) = regex.find_at(text, 0)? else { return Ok(None) };
        let groups =
            (1..=regex.groups()).map(|i| found.get(i).map(|range| text[range.0..range.1].to_owned()));
        Ok(Some(groups.collect()))
    }

    fn checks(&self) -> &dyn Checks {
        &commands::SettingChecks
    }

    fn mock_authentication_nonce(&self) -> [u8; 32] {
        self.0.cluster.control.get().mock_authentication_nonce
    }

    fn connect(&self, startup: Startup) -> Result<Box<dyn EngineSession>> {
        connect(&self.0, startup).map_err(fatal)
    }

    fn reload(&self, settings: &Arc<ServerSettings>) {
        self.0.settings.store(settings.clone());
        *self.0.configured.lock() = self.0.cluster.instance.system.clock.timestamp();
        self.0.stop.wake();
    }

    fn shutdown(&self, mode: ShutdownMode) -> Result<()> {
        self.0.stop.stop();
        self.0.cluster.wal.wake_writer();
        for worker in self.0.workers.lock().drain(..) {
            if worker.join().is_err() {
                return Err(Error::internal("a background worker ended with a panic"));
            }
        }
        match mode {
            ShutdownMode::Immediate => Ok(()),
            ShutdownMode::Smart | ShutdownMode::Fast => {
                self.0.statistics.save()?;
                self.0.cluster.shut_down()
            }
        }
    }
}

/// A timestamp of the catalogs as the system's time.
fn moment(micros_since_2000: i64) -> SystemTime {
    const Y2000: u64 = 946_684_800;
    let base = SystemTime::UNIX_EPOCH + Duration::from_secs(Y2000);
    let distance = Duration::from_micros(micros_since_2000.unsigned_abs());
    let moved = if micros_since_2000 >= 0 { base.checked_add(distance) } else { base.checked_sub(distance) };
    moved.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The cancellation flag as locks see it.
struct SessionInterrupt(Arc<crate::interrupt::Interrupt>);

impl lock::Interrupt for SessionInterrupt {
    fn check(&self) -> Result<()> {
        self.0.check()
    }
}

fn connect(database: &Arc<Database>, startup: Startup) -> Result<Box<dyn EngineSession>> {
    let row = database.internally(Oid::INVALID, |session| {
        let key = [Datum::from(startup.database.as_str())];
        let row = session.row::<PgDatabase>(index::PG_DATABASE_DATNAME, &key)?;
        let Some(row) = row else {
            bail!(INVALID_CATALOG_NAME, "database \"{}\" does not exist", startup.database);
        };
        check_access(session, &row, &startup)?;
        Ok(row)
    })?;
    let number = admit(database, &row, &startup)?;
    let waiter = Arc::new(lock::ThreadWaiter::default());
    let waker: Arc<dyn lock::Waiter> = waiter.clone();
    let nudge = startup.nudge.clone();
    startup.interrupt.on_raise(Some(Arc::new(move || {
        waker.wake();
        // A parked session learns in this way that it is to end.
        nudge.nudge();
    })));
    let interrupt: Arc<dyn lock::Interrupt> = Arc::new(SessionInterrupt(startup.interrupt.clone()));
    let transactions = database.cluster.transactions.session(txn::SessionOptions {
        pid: startup.process_id as i32,
        database: row.oid,
        waiter,
        interrupt: interrupt.clone(),
    });
    let session = Session::new(
        database.cluster.instance.clone(),
        SessionStart {
            database: row.oid,
            database_name: row.datname.clone(),
            tablespace: row.dattablespace,
            user: startup.role.oid,
            settings: startup.settings,
            transactions,
            interrupt,
            number,
        },
    );
    let hooks = functions::hooks::Hooks::of(&session);
    hooks.deparser.get_or_init(|| Arc::new(commands::StoredDefinitions));
    let activity = Arc::new(Mutex::new(Activity { state: "idle", ..Activity::default() }));
    let connected = Connected {
        number,
        database: row.oid,
        role: startup.role.oid,
        session: session.clone(),
        interrupt: startup.interrupt.clone(),
        activity: activity.clone(),
        client: startup.client,
        server: startup.server,
        tls: startup.tls,
        started: database.cluster.instance.system.clock.timestamp(),
    };
    database.connected.lock().insert(startup.process_id, connected);
    equip(database, &session);
    let client = ClientSession::new(
        database.clone(),
        session.clone(),
        startup.process_id,
        activity,
        Deadlines::new(startup.timers, startup.interrupt),
    );
    client_encoding_default(&session, &row)?;
    apply_stored_settings(&session, startup.role.superuser)?;
    Ok(Box::new(client))
}

/// Gives the session what functions and commands ask of the layers above them.
fn equip(database: &Arc<Database>, session: &Arc<Session>) {
    let hooks = functions::hooks::Hooks::of(session);
    // A session is equipped once, so nothing is there yet.
    let _ = hooks.deparser.set(Arc::new(commands::StoredDefinitions));
    let _ = hooks.sequences.set(Arc::new(commands::SequenceFunctions));
    let _ = hooks.domains.set(Arc::new(commands::DomainChecks(Arc::downgrade(session))));
    let _ = hooks.server.set(Arc::new(Info(Arc::downgrade(database))));
    session.extension(commands::EXECUTION_OPTIONS, || database.execution_options());
    let control: Arc<dyn commands::ServerControl> = Arc::new(Control(Arc::downgrade(database)));
    session.extension::<commands::Control>(commands::SERVER_CONTROL, || Some(control));
    session.extension(commands::LANGUAGES, || {
        let plpgsql: Arc<dyn commands::Language> = Arc::new(plpgsql::PlPgSql);
        commands::Languages::from([(plpgsql::NAME, plpgsql)])
    });
    statistics::attach(session, &database.statistics);
}

fn check_access(session: &Arc<Session>, row: &PgDatabase, startup: &Startup) -> Result<()> {
    if !row.datallowconn {
        bail!(
            OBJECT_NOT_IN_PREREQUISITE_STATE,
            "database \"{}\" is not currently accepting connections",
            row.datname
        );
    }
    if let Some(list) = &row.datacl {
        let items = acl::decode(list)?;
        let role = startup.role.oid;
        let mut covers = |grantee: Oid| Ok(!grantee.is_valid() || session.has_role(role, grantee)?);
        if !startup.role.superuser
            && acl::privileges_of(&items, &mut covers)? & privilege::CONNECT == 0
            && !session.has_role(role, row.datdba)?
        {
            return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied for database \"{}\"", row.datname)
                .detail("User does not have CONNECT privilege."));
        }
    }
    Ok(())
}

/// Counts the session against the limits of its database and role. Returns its number: the lowest free one.
fn admit(database: &Database, row: &PgDatabase, startup: &Startup) -> Result<u32> {
    let connected = database.connected.lock();
    let count = |test: &dyn Fn(&Connected) -> bool| connected.values().filter(|c| test(c)).count();
    if !startup.role.superuser {
        let in_database = count(&|c| c.database == row.oid);
        if row.datconnlimit >= 0 && in_database >= row.datconnlimit as usize {
            bail!(TOO_MANY_CONNECTIONS, "too many connections for database \"{}\"", row.datname);
        }
        let of_role = count(&|c| c.role == startup.role.oid);
        if startup.role.connection_limit >= 0 && of_role >= startup.role.connection_limit as usize {
            bail!(TOO_MANY_CONNECTIONS, "too many connections for role \"{}\"", startup.user);
        }
    }
    let mut numbers: Vec<u32> = connected.values().map(|c| c.number).collect();
    numbers.sort_unstable();
    let free = numbers.iter().zip(1..).find(|(taken, expected)| **taken != *expected);
    Ok(free.map_or(numbers.len() as u32 + 1, |(_, expected)| expected))
}

/// Clients that say nothing else speak the database's encoding.
fn client_encoding_default(session: &Arc<Session>, row: &PgDatabase) -> Result<()> {
    let who = Assigner {
        source: Source::DynamicDefault,
        superuser: true,
        granted: &|_| false,
        checks: &commands::SettingChecks,
        restricted: false,
    };
    session.settings().set("client_encoding", adt::encoding::name(row.encoding), Scope::Session, &who)
}

/// ALTER DATABASE SET and ALTER ROLE SET: what names more goes over what names less.
fn apply_stored_settings(session: &Arc<Session>, superuser: bool) -> Result<()> {
    let transaction = session.transaction_session().begin(txn::Options::default())?;
    session.set_transaction(Some(transaction.clone()));
    let user = session.user();
    let read = [
        (Oid(0), Oid(0), Source::Global),
        (session.database(), Oid(0), Source::Database),
        (Oid(0), user, Source::Role),
        (session.database(), user, Source::DatabaseRole),
    ]
    .into_iter()
    .map(|(in_database, of_role, source)| {
        let keys = [in_database.into(), of_role.into()];
        Ok((session.row::<PgDbRoleSetting>(index::PG_DB_ROLE_SETTING_DATABASEID_ROL, &keys)?, source))
    })
    .collect::<Result<Vec<_>>>();
    session.set_transaction(None);
    transaction.commit()?;
    for (row, source) in read? {
        for entry in row.iter().flat_map(|r| r.setconfig.iter().flatten()) {
            let Some((name, value)) = entry.split_once('=') else { continue };
            let who = Assigner {
                source,
                superuser,
                granted: &|_| false,
                checks: &commands::SettingChecks,
                restricted: false,
            };
            let set = session.settings().set(name, Some(value), Scope::Session, &who);
            if let Err(error) = set {
                session.notice(error.severity(Severity::Warning));
            }
        }
    }
    Ok(())
}
