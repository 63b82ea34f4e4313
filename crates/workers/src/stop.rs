//! How loops end and are woken.

use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::Duration;

#[derive(Default)]
struct State {
    stopped: bool,
    woken: bool,
}

/// Shared by whoever starts a loop and the loop.
#[derive(Default)]
pub struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

impl Stop {
    pub fn new() -> Arc<Stop> {
        Arc::new(Stop::default())
    }

    /// The loop ends after what it is doing.
    pub fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    pub fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }

    /// Cuts the present or next wait short: settings have changed, or there is work.
    pub fn wake(&self) {
        self.state.lock().woken = true;
        self.changed.notify_all();
    }

    /// Waits until woken or stopped, at most `limit`. True when stopped.
    pub fn wait(&self, limit: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.stopped && !state.woken {
            self.changed.wait_for(&mut state, limit);
        }
        state.woken = false;
        state.stopped
    }
}
