//! Parallel plans: the part of a plan below a Gather, run by several threads at once.
//!
//! Every participant has an [`Execution`] and nodes of its own; what they must agree upon (which blocks of a table are
//! taken, a hash table that all of them built) lies in the [`Team`] under the number of the plan node.

use crate::context::Execution;
use crate::expr::exec_param;
use crate::instrument::Instruments;
use crate::memory::Memory;
use crate::node;
use crate::prepare::Prepared;
use base::{Error, Result};
use datum::{Batch, MAX_BATCH_ROWS};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use sys::workers::Places;

/// Those who run one Gather's child together.
pub(crate) struct Team {
    stopped: AtomicBool,
    /// The first error of a worker: it ends all the others' work, too.
    failure: Mutex<Option<Error>>,
    participants: usize,
    shares: Mutex<HashMap<usize, Arc<dyn Any + Send + Sync>>>,
}

impl Team {
    fn new(participants: usize) -> Arc<Team> {
        Arc::new(Team {
            stopped: AtomicBool::new(false),
            failure: Mutex::default(),
            participants,
            shares: Mutex::default(),
        })
    }

    /// How many run the plan, the leader included if it does.
    pub fn participants(&self) -> usize {
        self.participants
    }

    /// What the participants share at plan node `id`; the first to ask makes it.
    pub fn share<T: Send + Sync + 'static>(
        &self,
        id: usize,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        let mut shares = self.shares.lock();
        if let Some(found) = shares.get(&id) {
            let found = found.clone().downcast();
            return found.map_err(|_| Error::internal("participants disagree on what they share"));
        }
        let made = Arc::new(make()?);
        shares.insert(id, made.clone());
        Ok(made)
    }

    fn fail(&self, error: Error) {
        self.failure.lock().get_or_insert(error);
        self.stopped.store(true, Ordering::Release);
    }

    /// # Errors
    /// That of a worker; and when nobody wants the rows any more, one that nobody will see.
    pub fn check(&self) -> Result<()> {
        if !self.stopped.load(Ordering::Acquire) {
            return Ok(());
        }
        let unwanted = || Error::internal("a parallel worker that is no longer needed");
        Err(self.failure.lock().clone().unwrap_or_else(unwanted))
    }
}

/// Batches that a worker may be ahead of the leader.
const AHEAD: usize = 4;
/// How often a leader that waits for one worker looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(5);
/// As long as a leader waits for one worker before it looks at the others.
const GLANCE: Duration = Duration::from_micros(500);
/// As much as a session's own thread has.
const STACK_BYTES: usize = 8 << 20;

enum Message {
    Rows(Batch),
    Done,
}

/// A running worker as the leader sees it.
struct Worker {
    receiver: Receiver<Message>,
    thread: Option<JoinHandle<()>>,
    done: bool,
}

/// A leader's workers. Dropping this stops them and waits for them.
pub(crate) struct Crew {
    team: Arc<Team>,
    workers: Vec<Worker>,
    /// The worker to look at first next time.
    next: usize,
    _places: Places,
}

/// What a look at the workers finds.
pub(crate) enum Found {
    Rows(Batch),
    /// Nothing yet.
    Nothing,
    /// All have ended.
    End,
}

impl Crew {
    /// Starts the workers; with none to be had, the leader is alone.
    ///
    /// # Errors
    /// What evaluating the parameters fails with.
    pub fn start(execution: &mut Execution, task: Task) -> Result<Crew> {
        let prepared = execution.prepared.clone();
        for param in prepared.params_of(prepared.child_of(task.gather)?) {
            if execution.init_plans.get(*param).is_some_and(Option::is_some) {
                exec_param(execution, *param)?;
            }
        }
        let limit = execution.session.settings().get(settings::MAX_PARALLEL_WORKERS).max(0) as usize;
        let places = execution.session.instance().system.workers.reserve(task.workers, limit);
        let team = Team::new(places.count() + 1);
        let mut workers = Vec::with_capacity(places.count());
        for _ in 0..places.count() {
            let (sender, receiver) = sync_channel(AHEAD);
            let own = execution.for_worker(&team);
            let started = std::thread::Builder::new()
                .name("parallel worker".to_owned())
                .stack_size(STACK_BYTES)
                .spawn(move || work(own, task, &sender));
            // A system without threads to spare has the leader do the work.
            let Ok(thread) = started else { break };
            workers.push(Worker { receiver, thread: Some(thread), done: false });
        }
        Ok(Crew { team, workers, next: 0, _places: places })
    }

    pub fn launched(&self) -> usize {
        self.workers.len()
    }

    /// Runs `work` as a member of the team.
    pub fn lead<T>(
        &self,
        execution: &mut Execution,
        work: impl FnOnce(&mut Execution) -> Result<T>,
    ) -> Result<T> {
        let outer = execution.team.replace(self.team.clone());
        let result = work(execution);
        execution.team = outer;
        result
    }

    /// Rows of any worker, without waiting.
    ///
    /// # Errors
    /// What a worker failed with.
    pub fn look(&mut self) -> Result<Found> {
        let count = self.workers.len();
        for step in 0..count {
            let index = (self.next + step) % count;
            if let Found::Rows(batch) = self.workers[index].poll(&self.team, None)? {
                self.next = index;
                return Ok(Found::Rows(batch));
            }
        }
        Ok(if self.workers.iter().all(|w| w.done) { Found::End } else { Found::Nothing })
    }

    /// Waits a moment for rows of some worker.
    ///
    /// # Errors
    /// What a worker failed with; `57014` when the leader was cancelled.
    pub fn wait(&mut self, execution: &Execution) -> Result<Found> {
        execution.check()?;
        match self.workers.iter_mut().find(|w| !w.done) {
            // Whoever else has rows meanwhile is found by the next look; that this one has ended does not end the others.
            Some(worker) => match worker.poll(&self.team, Some(GLANCE))? {
                Found::End => Ok(Found::Nothing),
                found => Ok(found),
            },
            None => Ok(Found::End),
        }
    }

    /// All rows of worker `index`, in its order.
    ///
    /// # Errors
    /// What the worker failed with; `57014` when the leader was cancelled.
    pub fn rows_of(&mut self, execution: &Execution, index: usize) -> Result<Option<Batch>> {
        loop {
            match self.workers[index].poll(&self.team, Some(LOOK))? {
                Found::Rows(batch) => return Ok(Some(batch)),
                Found::End => return Ok(None),
                Found::Nothing => execution.check()?,
            }
        }
    }
}

impl Worker {
    fn poll(&mut self, team: &Team, wait: Option<Duration>) -> Result<Found> {
        if self.done {
            return Ok(Found::End);
        }
        let message = match wait {
            None => self.receiver.try_recv().map_err(|e| e == TryRecvError::Disconnected),
            Some(wait) => self.receiver.recv_timeout(wait).map_err(|e| e == RecvTimeoutError::Disconnected),
        };
        match message {
            Ok(Message::Rows(batch)) => return Ok(Found::Rows(batch)),
            Ok(Message::Done) => {
                self.done = true;
                team.check()?;
            }
            Err(false) => return Ok(Found::Nothing),
            Err(true) => {
                // It ended without a last word: it panicked, and its panic becomes the leader's.
                self.done = true;
                if let Some(thread) = self.thread.take()
                    && let Err(panic) = thread.join()
                {
                    std::panic::resume_unwind(panic);
                }
            }
        }
        Ok(Found::End)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.team.stopped.store(true, Ordering::Relaxed);
        for worker in &mut self.workers {
            // Without a receiver, whoever waits for room to send goes on and finds that it is over.
            worker.receiver = sync_channel(1).1;
        }
        for worker in &mut self.workers {
            if let Some(thread) = worker.thread.take() {
                // A panic of a worker whose rows nobody wanted has been reported where it happened.
                let _ = thread.join();
            }
        }
    }
}

impl Execution {
    /// The state of a worker that runs a part of this plan: the same statement, parameters and snapshot, but nodes,
    /// memory account and counters of its own.
    fn for_worker(&self, team: &Arc<Team>) -> Execution {
        let subplans = self.prepared.plan.subplans.len();
        let memory = &self.memory;
        Execution {
            session: self.session.clone(),
            prepared: self.prepared.clone(),
            context: self.context.clone(),
            snapshot: self.snapshot.clone(),
            params: self.params.clone(),
            exec_params: self.exec_params.clone(),
            exec_param_versions: self.exec_param_versions.clone(),
            subplans: (0..subplans).map(|_| None).collect(),
            init_plans: self.exec_params.iter().map(|_| None).collect(),
            hashed_subplans: (0..subplans).map(|_| None).collect(),
            ctes: (0..subplans).map(|_| None).collect(),
            work_tables: self.exec_params.iter().map(|_| None).collect(),
            memory: Memory::new(memory.budget().clone(), memory.work_mem_bytes, memory.hash_mem_bytes),
            hooks: self.hooks.clone(),
            instruments: self.instruments.as_ref().map(Instruments::of_worker),
            processed: 0,
            recheck: None,
            depth: self.depth,
            decoded: None,
            statement: 0,
            key_routers: Default::default(),
            has_queued: false,
            team: Some(team.clone()),
        }
    }
}

/// What a worker is told.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    /// The Gather whose child it runs.
    pub gather: usize,
    pub workers: usize,
    /// No more rows than this are asked for in all.
    pub bound: Option<u64>,
}

/// Tells the others when a worker panics: some of them may wait for it.
struct Alarm(Option<Arc<Team>>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(team) = &self.0
            && std::thread::panicking()
        {
            team.fail(Error::internal("a parallel worker panicked"));
        }
    }
}

/// A worker's life.
fn work(mut execution: Execution, task: Task, sender: &SyncSender<Message>) {
    let prepared = execution.prepared.clone();
    let _alarm = Alarm(execution.team.clone());
    if let Err(error) = run(&mut execution, &prepared, task, sender)
        && let Some(team) = &execution.team
    {
        team.fail(error.context("parallel worker"));
    }
    if let Some(instruments) = execution.instruments.take() {
        instruments.hand_over();
    }
    // Nobody listens any more if the leader has ended.
    let _ = sender.send(Message::Done);
}

fn run(
    execution: &mut Execution,
    prepared: &Prepared,
    task: Task,
    sender: &SyncSender<Message>,
) -> Result<()> {
    let mut node = node::build(execution, prepared.child_of(task.gather)?)?;
    if let Some(bound) = task.bound {
        node.set_bound(bound);
    }
    while let Some(batch) = node.next(execution, MAX_BATCH_ROWS)? {
        execution.check()?;
        if sender.send(Message::Rows(batch)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}
