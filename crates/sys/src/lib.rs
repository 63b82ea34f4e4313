//! The only door to the operating system: disk, clock, randomness, waiting, sockets' readiness, signals.
//! Each has a simulated twin where the engine's behaviour depends on it. See README.md.

pub mod clock;
pub mod disk;
pub mod memory;
pub mod poll;
pub mod process;
pub mod random;
pub mod simulated;
