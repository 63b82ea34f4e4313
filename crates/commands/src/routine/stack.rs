//! Functions that call functions: how deep the thread's stack has become.

use base::{Result, err};
use catalog::Session;
use parking_lot::Mutex;
use std::sync::Arc;
use std::thread::ThreadId;

/// What calls within calls may take of the 8 MB that every thread has. What runs below the first call, and what a
/// call needs before it makes another, has the rest.
const MAX_BYTES: usize = 4 << 20;

/// Where the stack of each thread that runs calls for the session was at its outermost one.
#[derive(Default)]
struct Bases(Mutex<Vec<(ThreadId, usize, u32)>>);

/// Held for the time of one call.
pub(super) struct Depth(Arc<Bases>);

fn address() -> usize {
    let marker = 0u8;
    std::ptr::from_ref(std::hint::black_box(&marker)).addr()
}

fn bases(session: &Session) -> Arc<Bases> {
    session.extension("stack of calls", Bases::default)
}

/// Enters a call.
///
/// # Errors
/// `54001` when calls have nested too deeply.
pub(super) fn enter(session: &Session) -> Result<Depth> {
    let bases = bases(session);
    let (thread, here) = (std::thread::current().id(), address());
    let mut known = bases.0.lock();
    let too_deep = match known.iter_mut().find(|(id, _, _)| *id == thread) {
        Some((_, base, depth)) => {
            *depth += 1;
            base.abs_diff(here) > MAX_BYTES
        }
        None => {
            known.push((thread, here, 1));
            false
        }
    };
    drop(known);
    let depth = Depth(bases);
    if too_deep { Err(exceeded(session)) } else { Ok(depth) }
}

/// # Errors
/// `54001` when calls have nested too deeply.
pub(crate) fn check(session: &Session) -> Result<()> {
    let (thread, here) = (std::thread::current().id(), address());
    let known = bases(session);
    let known = known.0.lock();
    match known.iter().find(|(id, _, _)| *id == thread) {
        Some((_, base, _)) if base.abs_diff(here) > MAX_BYTES => Err(exceeded(session)),
        _ => Ok(()),
    }
}

fn exceeded(session: &Session) -> base::Error {
    let limit = session.settings().show("max_stack_depth").unwrap_or_default();
    err!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded").hint(format!(
        "Increase the configuration parameter \"max_stack_depth\" (currently {limit}), after ensuring the platform's stack depth limit is adequate."
    ))
}

impl Drop for Depth {
    fn drop(&mut self) {
        let thread = std::thread::current().id();
        let mut known = self.0.0.lock();
        if let Some(at) = known.iter().position(|(id, _, _)| *id == thread) {
            known[at].2 -= 1;
            if known[at].2 == 0 {
                known.swap_remove(at);
            }
        }
    }
}
