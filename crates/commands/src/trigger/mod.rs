//! Triggers that users write: making and changing them, and firing them.

mod change;
mod create;
mod fire;
mod partitions;

pub(crate) use change::{drop_target, rename, switch};
pub(crate) use create::create;
pub use fire::TriggerCall;
pub(crate) use fire::{TriggerHooks, truncated};
pub(crate) use partitions::{clone_to_partition, detach};

/// pg_trigger.tgtype's bits.
pub(crate) mod bits {
    pub(crate) const ROW: i16 = 1;
    pub(crate) const BEFORE: i16 = 2;
    pub(crate) const INSERT: i16 = 4;
    pub(crate) const DELETE: i16 = 8;
    pub(crate) const UPDATE: i16 = 16;
    pub(crate) const TRUNCATE: i16 = 32;
    pub(crate) const INSTEAD: i16 = 64;
}
