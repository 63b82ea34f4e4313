//! The only door to the operating system: disk, clock, randomness, waiting, sockets' readiness, signals.
//! Each has a simulated twin where the engine's behaviour depends on it. See README.md.

pub mod clock;
pub mod disk;
pub mod memory;
pub mod poll;
pub mod process;
pub mod random;
pub mod simulated;
pub mod workers;

use std::path::Path;
use std::sync::Arc;

pub use clock::Clock;
pub use disk::{Disk, File, OpenOptions, file_error};
pub use random::Random;
pub use workers::{Halt, Places, Workers};

/// What the engine knows of the outside world; passed down from the server or from a test.
#[derive(Clone)]
pub struct System {
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub workers: Arc<Workers>,
}

impl System {
    /// The operating system's own, with `root` as the data directory.
    pub fn real(root: &Path) -> System {
        System {
            disk: Arc::new(disk::RealDisk::new(root)),
            clock: Arc::new(clock::RealClock::new()),
            random: Arc::new(random::OsRandom),
            workers: Workers::new(true),
        }
    }
}
