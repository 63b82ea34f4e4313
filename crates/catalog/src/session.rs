//! What a server's sessions share, and what is one session's own.

use crate::access::CatalogAccess;
use crate::cache::{CatalogCache, Changes, Epoch};
use crate::relmap::RelationMaps;
use access_api::{Context, ToastIndex};
use base::{Error, Oid, Result, bail};
use buffer::BufferPool;
use hashbrown::HashMap;
use lock::{Interrupt, LockManager, WaitPolicy};
use parking_lot::{Mutex, MutexGuard, RwLock};
use settings::SessionSettings;
use std::sync::Arc;
use std::time::Duration;
use txn::{Transaction, TransactionParticipant, Transactions};

/// What all sessions of a server share.
pub struct Instance {
    pub system: sys::System,
    pub pool: Arc<BufferPool>,
    pub transactions: Arc<Transactions>,
    pub locks: Arc<LockManager>,
    pub cache: CatalogCache,
    pub maps: RelationMaps,
    /// Row types of anonymous records.
    pub records: crate::record_types::RecordTypes,
    pub enum_orders: crate::EnumOrders,
    pub toast: Arc<dyn ToastIndex>,
    /// How each catalog is read and written, by database (0 for shared ones) and catalog.
    pub(crate) tables: std::sync::OnceLock<Arc<[Arc<crate::facts::Table>]>>,
    pub(crate) access: RwLock<HashMap<(Oid, Oid), Arc<CatalogAccess>>>,
}

impl Instance {
    pub fn new(
        system: sys::System,
        pool: Arc<BufferPool>,
        transactions: Arc<Transactions>,
        locks: Arc<LockManager>,
        toast: Arc<dyn ToastIndex>,
    ) -> Arc<Instance> {
        Arc::new(Instance {
            maps: RelationMaps::new(system.clone()),
            system,
            pool,
            transactions,
            locks,
            cache: CatalogCache::default(),
            records: Default::default(),
            enum_orders: Default::default(),
            toast,
            tables: std::sync::OnceLock::new(),
            access: RwLock::default(),
        })
    }
}

/// Who a session acts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Users {
    /// As logged in.
    pub authenticated: Oid,
    /// SET SESSION AUTHORIZATION.
    pub session: Oid,
    /// SET ROLE, SECURITY DEFINER.
    pub current: Oid,
}

/// See [`Session::catalog_version`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogVersion {
    shared: u64,
    own: u64,
}

/// What the current transaction has done to the catalogs.
#[derive(Default)]
struct CatalogState {
    changes: Changes,
    /// The changes of the running command: what was read of them so far is read anew after it.
    unseen: Changes,
    /// Present once there are changes.
    cache: Option<PrivateCache>,
    /// Counts what may have changed the meaning of the private cache.
    steps: u64,
}

/// The cache of a transaction that has changed catalogs. Commits of others reach the shared cache only, so this one
/// starts over when that one's epoch has moved.
struct PrivateCache {
    cache: Arc<CatalogCache>,
    shared: Epoch,
}

/// One client's view of a database.
pub struct Session {
    instance: Arc<Instance>,
    database: Oid,
    database_name: String,
    tablespace: Oid,
    users: Mutex<Users>,
    settings: Mutex<SessionSettings>,
    transactions: Arc<txn::Session>,
    transaction: Mutex<Option<Arc<Transaction>>>,
    interrupt: Arc<dyn Interrupt>,
    notices: Mutex<Vec<Error>>,
    state: Arc<Mutex<CatalogState>>,
    pub(crate) path: Mutex<Option<crate::names::CachedPath>>,
    pub(crate) temporary_namespace: Mutex<Option<Oid>>,
    /// Number of the session among the server's; names its temporary schema.
    pub number: u32,
    extensions: Mutex<HashMap<&'static str, Arc<dyn std::any::Any + Send + Sync>>>,
}

/// What a session starts from.
pub struct SessionStart {
    pub database: Oid,
    pub database_name: String,
    /// The database's default tablespace.
    pub tablespace: Oid,
    pub user: Oid,
    pub settings: SessionSettings,
    pub transactions: Arc<txn::Session>,
    pub interrupt: Arc<dyn Interrupt>,
    pub number: u32,
}

/// Sends a transaction's invalidations when it commits.
struct Invalidator {
    instance: Arc<Instance>,
    state: Arc<Mutex<CatalogState>>,
}

impl TransactionParticipant for Invalidator {
    fn at_commit(&self, _: &Transaction) {
        let state = self.state.lock().restart();
        if !state.changes.is_empty() {
            self.instance.forget_access(&state.changes);
            self.instance.cache.invalidate(&state.changes);
        }
    }

    fn at_abort(&self, _: &Transaction) {
        let state = self.state.lock().restart();
        self.instance.forget_access(&state.changes);
    }

    fn at_subabort(&self, _: &Transaction, _: u32, _: u32) {
        // What the subtransaction changed reads differently again; what else is cached privately is read anew.
        let mut state = self.state.lock();
        state.steps += 1;
        if let Some(private) = &state.cache {
            private.cache.clear();
        }
    }
}

impl CatalogState {
    /// Starts over for the next transaction, and returns what this one has done.
    fn restart(&mut self) -> CatalogState {
        let fresh = CatalogState { steps: self.steps + 1, ..CatalogState::default() };
        std::mem::replace(self, fresh)
    }
}

impl Instance {
    fn forget_access(&self, changes: &Changes) {
        if !changes.relations.is_empty() {
            self.access.write().retain(|_, access| !access.mentions(&changes.relations));
        }
    }
}

impl Session {
    pub fn new(instance: Arc<Instance>, start: SessionStart) -> Arc<Session> {
        let state = Arc::new(Mutex::new(CatalogState::default()));
        start
            .transactions
            .register(Arc::new(Invalidator { instance: instance.clone(), state: state.clone() }));
        Arc::new(Session {
            instance,
            database: start.database,
            database_name: start.database_name,
            tablespace: start.tablespace,
            users: Mutex::new(Users { authenticated: start.user, session: start.user, current: start.user }),
            settings: Mutex::new(start.settings),
            transactions: start.transactions,
            transaction: Mutex::new(None),
            interrupt: start.interrupt,
            notices: Mutex::new(Vec::new()),
            state,
            path: Mutex::new(None),
            temporary_namespace: Mutex::new(None),
            number: start.number,
            extensions: Mutex::default(),
        })
    }

    pub fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    pub fn database(&self) -> Oid {
        self.database
    }

    pub fn database_name(&self) -> &str {
        &self.database_name
    }

    /// The tablespace of this database's catalogs, and of what is made without naming another.
    pub fn database_tablespace(&self) -> Oid {
        self.tablespace
    }

    /// current_user.
    pub fn user(&self) -> Oid {
        self.users.lock().current
    }

    pub fn session_user(&self) -> Oid {
        self.users.lock().session
    }

    pub fn users(&self) -> Users {
        *self.users.lock()
    }

    pub fn set_users(&self, users: Users) {
        *self.users.lock() = users;
        *self.path.lock() = None;
    }

    pub fn settings(&self) -> MutexGuard<'_, SessionSettings> {
        self.settings.lock()
    }

    pub fn transaction_session(&self) -> &Arc<txn::Session> {
        &self.transactions
    }

    /// The running transaction.
    ///
    /// # Errors
    /// `XX000` outside of one: a defect of the caller.
    pub fn transaction(&self) -> Result<Arc<Transaction>> {
        self.transaction.lock().clone().ok_or_else(|| Error::internal("no transaction is running"))
    }

    pub fn current_transaction(&self) -> Option<Arc<Transaction>> {
        self.transaction.lock().clone()
    }

    pub fn set_transaction(&self, transaction: Option<Arc<Transaction>>) {
        *self.transaction.lock() = transaction;
    }

    /// What access methods need, for the running transaction.
    ///
    /// # Errors
    /// As [`Session::transaction`].
    pub fn context(&self) -> Result<Context> {
        Ok(Context {
            pool: self.instance.pool.clone(),
            transaction: self.transaction()?,
            wait: self.wait_policy(),
            toast: self.instance.toast.clone(),
        })
    }

    /// How long locks are waited for: lock_timeout and deadlock_timeout.
    pub fn wait_policy(&self) -> WaitPolicy {
        let settings = self.settings();
        let lock_timeout = settings.get(settings::LOCK_TIMEOUT);
        let deadlock_timeout = settings.get(settings::DEADLOCK_TIMEOUT);
        WaitPolicy {
            no_wait: false,
            lock_timeout: (lock_timeout > 0).then(|| Duration::from_millis(lock_timeout as u64)),
            deadlock_timeout: Duration::from_millis(deadlock_timeout as u64),
        }
    }

    /// Something to tell the client, below ERROR.
    pub fn notice(&self, notice: Error) {
        self.notices.lock().push(notice);
    }

    pub fn take_notices(&self) -> Vec<Error> {
        std::mem::take(&mut *self.notices.lock())
    }

    /// # Errors
    /// `57014` when the statement was cancelled or timed out, `57P01` when the session is to end.
    pub fn interrupt_check(&self) -> Result<()> {
        self.interrupt.check()
    }

    pub fn interrupt(&self) -> &Arc<dyn Interrupt> {
        &self.interrupt
    }

    /// A value that an upper layer keeps with the session, by its name; made by `make` at first use.
    ///
    /// # Panics
    /// When one name is used with two types.
    pub fn extension<T: Send + Sync + 'static>(
        &self,
        name: &'static str,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let mut extensions = self.extensions.lock();
        let value = extensions.entry(name).or_insert_with(|| Arc::new(make())).clone();
        value.downcast().expect("a session extension's name belongs to one type")
    }

    /// The cache to read catalogs through: the shared one unless this transaction has changed catalogs.
    pub(crate) fn with_cache<R>(&self, f: impl FnOnce(&CatalogCache) -> R) -> R {
        let private = {
            let mut state = self.state.lock();
            state.cache.as_mut().map(|private| {
                let shared = self.instance.cache.epoch();
                if private.shared != shared {
                    private.shared = shared;
                    private.cache.clear();
                }
                private.cache.clone()
            })
        };
        match private {
            Some(cache) => f(&cache),
            None => f(&self.instance.cache),
        }
    }

    /// Notes that this transaction has changed a catalog, and relations described in it.
    pub(crate) fn catalog_changed(&self, catalog: Oid, relations: impl IntoIterator<Item = Oid>) {
        let mut change = Changes::default();
        change.catalogs.insert(catalog);
        change.relations.extend(relations);
        let shared = self.instance.cache.epoch();
        let mut state = self.state.lock();
        state.changes.extend(&change);
        state.unseen.extend(&change);
        state.steps += 1;
        match &state.cache {
            Some(private) => private.cache.invalidate(&change),
            None => state.cache = Some(PrivateCache { cache: Arc::default(), shared }),
        }
    }

    /// Other sessions forget what they know of a relation when this transaction commits; this one does at once.
    pub fn invalidate_relation(&self, oid: Oid) {
        self.catalog_changed(Oid::INVALID, [oid]);
    }

    /// Makes what this transaction has done so far visible to its next command.
    ///
    /// # Errors
    /// `54000` when a transaction has had 2^32 commands.
    pub fn command_counter_increment(&self) -> Result<()> {
        self.transaction()?.command_counter_increment()?;
        let mut state = self.state.lock();
        let unseen = std::mem::take(&mut state.unseen);
        if unseen.is_empty() {
            return Ok(());
        }
        state.steps += 1;
        if let Some(private) = &state.cache {
            private.cache.invalidate(&unseen);
        }
        Ok(())
    }

    /// A number for the catalogs as this session sees them now: what it derived from them at an equal one is still true.
    pub fn catalog_version(&self) -> CatalogVersion {
        let own = {
            let state = self.state.lock();
            if state.cache.is_some() { state.steps } else { 0 }
        };
        CatalogVersion { shared: self.instance.cache.invalidations(), own }
    }

    /// Whether this transaction has changed catalogs: cached plans are not shared then.
    pub fn has_catalog_changes(&self) -> bool {
        self.state.lock().cache.is_some()
    }

    pub fn is_read_only(&self) -> bool {
        self.current_transaction().is_some_and(|t| t.is_read_only())
    }

    /// # Errors
    /// `25006` when the transaction is read-only.
    pub fn require_writable(&self, command: &str) -> Result<()> {
        if self.is_read_only() {
            bail!(READ_ONLY_SQL_TRANSACTION, "cannot execute {command} in a read-only transaction");
        }
        Ok(())
    }
}
