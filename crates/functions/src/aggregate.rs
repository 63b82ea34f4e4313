//! Aggregate functions: states of many groups side by side, advanced a batch at a time.

use crate::call::Call;
use base::Result;
use datum::{Column, ColumnBuilder, Decimals, Selection};
use std::any::Any;

/// The transition states of one aggregate call, one for each group.
pub trait Accumulator: Send + Any {
    /// Makes room for groups up to `groups`; new ones start empty.
    fn resize(&mut self, groups: usize);

    /// Advances the states: the selected row r belongs to group `groups[r]`.
    ///
    /// # Errors
    /// What the transition fails with.
    fn update(&mut self, call: &Call<'_>, groups: &[u32], args: &[&Column], rows: &Selection) -> Result<()>;

    /// As [`Accumulator::update`] with one argument of type numeric, if the aggregate can make use of this form; false,
    /// and nothing done, if it cannot.
    fn update_decimals(&mut self, groups: &[u32], decimals: &Decimals, rows: &Selection) -> bool;

    /// Adds states that [`Accumulator::save`] made: the selected row r into group `groups[r]`.
    ///
    /// # Errors
    /// What combining fails with.
    fn combine(&mut self, call: &Call<'_>, groups: &[u32], saved: &Column, rows: &Selection) -> Result<()>;

    /// Appends the state of one group as bytes.
    ///
    /// # Errors
    /// `XX000` for an aggregate without a combine function.
    fn save(&mut self, group: usize, out: &mut Vec<u8>) -> Result<()>;

    /// Appends the result of one group. The state stays as it is: window functions ask again.
    ///
    /// # Errors
    /// What the final function fails with.
    fn finish(&mut self, call: &Call<'_>, group: usize, out: &mut ColumnBuilder) -> Result<()>;

    /// Empties all groups.
    fn reset(&mut self);

    /// Bytes of memory held.
    fn memory_bytes(&self) -> usize;
}

/// The body of an aggregate: pg_aggregate rows with these transition and final functions (by source name).
#[derive(Clone, Copy)]
pub struct AggregateFunction {
    /// prosrc of aggtransfn.
    pub transition: &'static str,
    /// prosrc of aggfinalfn; empty if there is none.
    pub finish: &'static str,
    pub start: fn(&Call<'_>) -> Result<Box<dyn Accumulator>>,
}
