//! The bodies of aggregates.
//!
//! [`Groups`] holds the states of all groups of one call in a vector; a [`Fold`] knows how to advance, merge and finish
//! one kind of state, with a loop over typed columns for the kinds that are run over many rows.

mod bits;
mod collect;
mod extreme;
mod float;
mod integer;
mod numeric;
mod ordered;
mod state;

use crate::aggregate::{Accumulator, AggregateFunction};
use crate::call::Call;
use base::{Error, Result};
use datum::{Column, ColumnBuilder, Decimals, Selection};

pub const AGGREGATES: &[&[AggregateFunction]] = &[
    bits::AGGREGATES,
    collect::AGGREGATES,
    extreme::AGGREGATES,
    float::AGGREGATES,
    integer::COUNTS,
    integer::WIDE,
    numeric::AGGREGATES,
    ordered::AGGREGATES,
    crate::json::AGGREGATES,
];

/// A kind of aggregate state.
pub trait Fold: Send + 'static {
    type State: Clone + Send + 'static;

    fn empty(&self) -> Self::State;

    /// Row r of the selection belongs to `states[groups[r]]`.
    fn update(
        &self,
        call: &Call<'_>,
        states: &mut [Self::State],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()>;

    /// As [`Fold::update`] with numbers as integers; false, and nothing done, for kinds that do not take them.
    fn update_decimals(&self, _: &mut [Self::State], _: &[u32], _: &Decimals, _: &Selection) -> bool {
        false
    }

    /// Adds what another worker has gathered. Aggregates without a combine function in pg_aggregate need none of
    /// this and the next two.
    fn merge(&self, _: &Call<'_>, _: &mut Self::State, _: Self::State) -> Result<()> {
        Err(no_halves())
    }

    /// The state as bytes.
    fn save(&self, _: &Self::State, _: &mut Vec<u8>) -> Result<()> {
        Err(no_halves())
    }

    /// What [`Fold::save`] wrote.
    fn load(&self, _: &mut &[u8]) -> Result<Self::State> {
        Err(no_halves())
    }

    fn finish(&self, call: &Call<'_>, state: &Self::State, out: &mut ColumnBuilder) -> Result<()>;

    /// Bytes that a state holds besides itself.
    fn held_bytes(_: &Self::State) -> usize {
        0
    }
}

fn no_halves() -> Error {
    Error::internal("an aggregate that cannot be computed in halves")
}

/// Saving and loading for states that are [`state::Saved`].
macro_rules! saved {
    ($state:ty) => {
        fn save(&self, state: &$state, out: &mut Vec<u8>) -> base::Result<()> {
            $crate::aggregates::state::Saved::save(state, out);
            Ok(())
        }

        fn load(&self, bytes: &mut &[u8]) -> base::Result<$state> {
            $crate::aggregates::state::Saved::load(bytes)
        }
    };
}

pub(crate) use saved;

/// The states of all groups of one aggregate call.
pub struct Groups<F: Fold> {
    fold: F,
    states: Vec<F::State>,
}

impl<F: Fold> Groups<F> {
    pub fn start(fold: F) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Groups { fold, states: Vec::new() }))
    }
}

impl<F: Fold> Accumulator for Groups<F> {
    fn resize(&mut self, groups: usize) {
        if groups > self.states.len() {
            let fold = &self.fold;
            self.states.resize_with(groups, || fold.empty());
        }
    }

    fn update(&mut self, call: &Call<'_>, groups: &[u32], args: &[&Column], rows: &Selection) -> Result<()> {
        self.fold.update(call, &mut self.states, groups, args, rows)
    }

    fn update_decimals(&mut self, groups: &[u32], decimals: &Decimals, rows: &Selection) -> bool {
        self.fold.update_decimals(&mut self.states, groups, decimals, rows)
    }

    fn combine(&mut self, call: &Call<'_>, groups: &[u32], saved: &Column, rows: &Selection) -> Result<()> {
        rows.try_for_each(|row| match saved.get(row) {
            Some(bytes) => {
                let state = self.fold.load(&mut bytes.bytes())?;
                self.fold.merge(call, &mut self.states[groups[row] as usize], state)
            }
            None => Ok(()),
        })
    }

    fn save(&mut self, group: usize, out: &mut Vec<u8>) -> Result<()> {
        match self.states.get(group) {
            Some(state) => self.fold.save(state, out),
            None => self.fold.save(&self.fold.empty(), out),
        }
    }

    fn finish(&mut self, call: &Call<'_>, group: usize, out: &mut ColumnBuilder) -> Result<()> {
        match self.states.get(group) {
            Some(state) => self.fold.finish(call, state, out),
            None => self.fold.finish(call, &self.fold.empty(), out),
        }
    }

    fn reset(&mut self) {
        // Memory that is kept would be charged to the next input before it has a single group.
        self.states = Vec::new();
    }

    fn memory_bytes(&self) -> usize {
        let held: usize = self.states.iter().map(F::held_bytes).sum();
        self.states.capacity() * size_of::<F::State>() + held
    }
}

/// Calls `f` with row and value for each selected row whose value in `column` is not NULL; `values` are the column's.
#[inline]
pub fn each<T: Copy>(values: &[T], column: &Column, rows: &Selection, mut f: impl FnMut(usize, T)) {
    if column.is_constant() {
        if !column.is_null(0) {
            rows.for_each(|row| f(row, values[0]));
        }
    } else if column.has_nulls() {
        rows.for_each(|row| {
            if !column.is_null(row) {
                f(row, values[row]);
            }
        });
    } else {
        match rows {
            Selection::All(n) => values[..*n].iter().enumerate().for_each(|(row, value)| f(row, *value)),
            Selection::Rows(rows) => rows.iter().for_each(|row| f(*row as usize, values[*row as usize])),
        }
    }
}

/// Like [`each`], for functions that fail.
#[inline]
pub fn try_each<T: Copy>(
    values: &[T],
    column: &Column,
    rows: &Selection,
    mut f: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    rows.try_for_each(|row| if column.is_null(row) { Ok(()) } else { f(row, values[column.slot(row)]) })
}

/// The typed values of a column that an aggregate's argument type promises.
macro_rules! values_of {
    ($column:expr, $variant:ident) => {
        match $column.values() {
            datum::Values::$variant(values) => values,
            other => {
                return Err(base::Error::internal(format!("unexpected column of {} values", other.len())))
            }
        }
    };
}

pub(crate) use values_of;
