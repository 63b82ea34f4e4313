//! Deadlock detection.
//!
//! Sessions and what they wait for make a graph. An edge is *hard* when the blocker holds a conflicting lock,
//! *soft* when it only waits before us in the same queue for a conflicting mode. A cycle with a soft edge is undone by
//! letting the one wait behind the other: so each soft edge of a cycle is tried as a constraint on the order of its
//! queue, until an order is found that leaves no cycle. A cycle without one is a deadlock.
//!
//! The check runs in the session whose wait has lasted `deadlock_timeout`, with all shards latched. It looks only for cycles through
//! that session: whichever session completes a cycle checks after that, so none is missed.

use crate::hash::TagMap;
use crate::manager::{LockManager, SessionShared};
use crate::table::{Entry, Shard};
use crate::{LockMode, LockTag};
use base::{Error, Result, err};
use parking_lot::MutexGuard;
use std::collections::HashSet;
use std::sync::Arc;

/// One line of the report.
pub(crate) struct Party {
    pub pid: i32,
    pub tag: LockTag,
    pub mode: LockMode,
}

/// `parties` in the order of the cycle: each is blocked by the next, the last by the first.
pub(crate) fn report(parties: &[Party]) -> Error {
    let lines: Vec<String> = parties
        .iter()
        .zip(parties.iter().cycle().skip(1))
        .map(|(party, next)| {
            format!(
                "Process {} waits for {} on {}; blocked by process {}.",
                party.pid,
                party.mode.name(),
                party.tag,
                next.pid
            )
        })
        .collect();
    err!(T_R_DEADLOCK_DETECTED, "deadlock detected")
        .detail(lines.join("\n"))
        .hint("See server log for query details.")
}

/// In the queue of `tag`, `first` has to come before `second` (both backend numbers).
#[derive(Clone, Copy, PartialEq, Eq)]
struct Constraint {
    tag: LockTag,
    first: u32,
    second: u32,
}

struct Wait<'a> {
    tag: LockTag,
    mode: LockMode,
    pid: i32,
    entry: &'a Entry,
}

/// Orders of queues that differ from what they are: backend numbers.
type Orders = TagMap<LockTag, Vec<u32>>;

struct Graph<'a> {
    waits: TagMap<u32, Wait<'a>>,
}

/// Bounds the search for an order of the queues; beyond it the cycle is reported as a deadlock.
const MOST_CONSTRAINTS: usize = 16;

/// Looks for a deadlock through `session`; undoes it by reordering queues if that is possible.
///
/// # Errors
/// `40P01`.
pub(crate) fn check(manager: &LockManager, session: &Arc<SessionShared>) -> Result<()> {
    let mut shards = manager.table.all();
    let graph = Graph::new(&shards);
    let Some(tag) = graph.waits.get(&session.backend).map(|wait| wait.tag) else { return Ok(()) };
    let orders = match graph.resolve(session.backend, &mut Vec::new()) {
        Ok(orders) => orders,
        Err(error) => {
            // Out of the queue before the latches are given up: another session of the cycle that checks at this
            // moment must find it broken, or both would end.
            for entry in shards.iter_mut().filter_map(|shard| shard.get_mut(&tag)) {
                entry.queue.retain(|waiting| !Arc::ptr_eq(&waiting.session, session));
                entry.wake();
            }
            return Err(error);
        }
    };
    for shard in &mut shards {
        for (tag, order) in &orders {
            if let Some(entry) = shard.get_mut(tag) {
                let place =
                    |backend: u32| order.iter().position(|other| *other == backend).unwrap_or(usize::MAX);
                entry.queue.sort_by_key(|waiting| place(waiting.session.backend));
                entry.wake();
            }
        }
    }
    Ok(())
}

impl<'a> Graph<'a> {
    fn new(shards: &'a [MutexGuard<'_, Shard>]) -> Graph<'a> {
        let mut waits = TagMap::default();
        for (&tag, entry) in shards.iter().flat_map(|shard| shard.iter()) {
            for waiting in &entry.queue {
                let wait = Wait { tag, mode: waiting.mode, pid: waiting.session.pid, entry };
                waits.insert(waiting.session.backend, wait);
            }
        }
        Graph { waits }
    }

    /// The orders of queues under which no cycle goes through `start` or through a session whose queue was reordered.
    fn resolve(&self, start: u32, constraints: &mut Vec<Constraint>) -> Result<Orders> {
        let orders = self.orders(constraints).ok_or_else(|| self.report_of(start, &Orders::default()))?;
        let moved = constraints.iter().flat_map(|c| [c.first, c.second]);
        let Some(cycle) = moved.chain([start]).find_map(|from| self.cycle(from, &orders)) else {
            return Ok(orders);
        };
        let soft: Vec<Constraint> = cycle
            .iter()
            .filter(|step| step.soft)
            .filter_map(|step| {
                let tag = self.waits.get(&step.waiter)?.tag;
                Some(Constraint { tag, first: step.waiter, second: step.blocker })
            })
            .collect();
        if constraints.len() < MOST_CONSTRAINTS {
            for constraint in soft {
                if constraints.contains(&constraint) {
                    continue;
                }
                constraints.push(constraint);
                let found = self.resolve(start, constraints);
                constraints.pop();
                if found.is_ok() {
                    return found;
                }
            }
        }
        Err(self.report_of(start, &Orders::default()))
    }

    /// Queues reordered as little as the constraints allow; `None` when they contradict each other.
    fn orders(&self, constraints: &[Constraint]) -> Option<Orders> {
        let mut orders = Orders::default();
        for constraint in constraints {
            if orders.contains_key(&constraint.tag) {
                continue;
            }
            let entry = self.waits.get(&constraint.first)?.entry;
            let mut rest: Vec<u32> = entry.queue.iter().map(|waiting| waiting.session.backend).collect();
            let mut order = Vec::with_capacity(rest.len());
            while !rest.is_empty() {
                let free = rest.iter().position(|backend| {
                    !constraints
                        .iter()
                        .any(|c| c.tag == constraint.tag && c.second == *backend && rest.contains(&c.first))
                })?;
                order.push(rest.remove(free));
            }
            orders.insert(constraint.tag, order);
        }
        Some(orders)
    }

    /// Whom `backend` waits for: backend numbers, and whether the edge is soft.
    fn blockers(&self, backend: u32, orders: &Orders) -> Vec<(u32, bool)> {
        let Some(wait) = self.waits.get(&backend) else { return Vec::new() };
        let against = wait.mode.conflicts();
        let mut edges: Vec<(u32, bool)> = wait
            .entry
            .holders
            .iter()
            .filter(|holder| holder.session.backend != backend && holder.modes & against != 0)
            .map(|holder| (holder.session.backend, false))
            .collect();
        let stands: Vec<u32>;
        let queue: &[u32] = match orders.get(&wait.tag) {
            Some(order) => order,
            None => {
                stands = wait.entry.queue.iter().map(|waiting| waiting.session.backend).collect();
                &stands
            }
        };
        for &ahead in queue.iter().take_while(|ahead| **ahead != backend) {
            if self.waits.get(&ahead).is_some_and(|other| other.mode.bit() & against != 0) {
                edges.push((ahead, true));
            }
        }
        edges
    }

    /// A cycle through `start`, as the chain of edges from it back to it.
    fn cycle(&self, start: u32, orders: &Orders) -> Option<Vec<Step>> {
        let mut visited = HashSet::from([start]);
        let mut path: Vec<Step> = Vec::new();
        let mut open = vec![self.blockers(start, orders).into_iter()];
        loop {
            let waiter = path.last().map_or(start, |step| step.blocker);
            match open.last_mut()?.next() {
                Some((blocker, soft)) if blocker == start => {
                    path.push(Step { waiter, blocker, soft });
                    return Some(path);
                }
                Some((blocker, soft)) => {
                    if visited.insert(blocker) {
                        path.push(Step { waiter, blocker, soft });
                        open.push(self.blockers(blocker, orders).into_iter());
                    }
                }
                None => {
                    open.pop();
                    path.pop();
                }
            }
        }
    }

    fn report_of(&self, start: u32, orders: &Orders) -> Error {
        let cycle = self.cycle(start, orders).unwrap_or_default();
        let parties: Vec<Party> = cycle
            .iter()
            .filter_map(|step| self.waits.get(&step.waiter))
            .map(|wait| Party { pid: wait.pid, tag: wait.tag, mode: wait.mode })
            .collect();
        report(&parties)
    }
}

struct Step {
    waiter: u32,
    blocker: u32,
    soft: bool,
}
