//! Which partitions conditions leave: the steps that conditions come to, and what they come to for given values.
//!
//! Steps yield sets of *places*: of a range key the intervals between its bounds, of a list key its values, of a hash key
//! its remainders; and whether NULL and what is in no place may be among the rows. Places that no partition takes are the
//! default partition's.

use crate::bounds::{Bounds, Partitions};
use access_api::KeyOrder;
use base::{Oid, Result};
use catalog::Session;
use datum::OwnedDatum;
use ir::{Expr, PruneStep, RangeDatum, RelSet};
use std::cmp::Ordering;
use std::sync::Arc;

#[derive(Clone, Debug)]
struct Places {
    set: RelSet,
    null: bool,
    default: bool,
}

/// Values of expressions: `None` if it is not known yet, `Some(None)` for NULL.
pub type ValueOf<'v> = dyn FnMut(&Expr) -> Result<Option<Option<OwnedDatum>>> + 'v;
/// The hash of a row's key, for values and NULLs of all its columns.
pub type HashOf<'v> = dyn FnMut(&[Option<OwnedDatum>]) -> Result<Option<u64>> + 'v;

const LESS: i16 = 1;
const LESS_EQUAL: i16 = 2;
const EQUAL: i16 = 3;
const GREATER_EQUAL: i16 = 4;

/// An integer of another width as one of the key's type, as their hashes agree; `None` if it is out of the type's range.
fn as_key(value: &OwnedDatum, input_type: Oid) -> Option<OwnedDatum> {
    let wide = match value {
        OwnedDatum::Int2(v) => i64::from(*v),
        OwnedDatum::Int4(v) => i64::from(*v),
        OwnedDatum::Int8(v) => *v,
        _ => return Some(value.clone()),
    };
    match input_type.0 {
        20 => Some(OwnedDatum::Int8(wide)),
        21 => i16::try_from(wide).ok().map(OwnedDatum::Int2),
        23 => i32::try_from(wide).ok().map(OwnedDatum::Int4),
        _ => Some(value.clone()),
    }
}

impl Partitions {
    fn count(&self) -> usize {
        match &self.bounds {
            Bounds::Hash { takes, .. } | Bounds::Range { takes, .. } => takes.len(),
            Bounds::List { values, .. } => values.len(),
        }
    }

    fn all(&self) -> Places {
        Places { set: (0..self.count()).collect(), null: true, default: true }
    }

    fn nothing(&self) -> Places {
        Places { set: RelSet::new(), null: false, default: false }
    }

    /// The partitions (by their place in [`Partitions::oids`]) that may have rows.
    ///
    /// # Errors
    /// What evaluating the values fails with.
    pub fn pruned(
        &self,
        session: &Session,
        step: &PruneStep,
        value_of: &mut ValueOf<'_>,
        hash_of: &mut HashOf<'_>,
    ) -> Result<RelSet> {
        let places = self.places(session, step, value_of, hash_of)?;
        let mut found = RelSet::new();
        let mut default = places.default;
        let mut take = |taken: Option<usize>| match taken {
            Some(at) => found.insert(at),
            None => default = true,
        };
        match &self.bounds {
            // There is no default partition of a hash key.
            Bounds::Hash { takes, .. } => places.set.iter().for_each(|p| take(takes[p])),
            Bounds::Range { takes, .. } => places.set.iter().for_each(|p| take(takes[p])),
            Bounds::List { values, null } => {
                places.set.iter().for_each(|p| take(Some(values[p].1)));
                if places.null {
                    take(*null);
                }
            }
        }
        if default && let Some(at) = self.default {
            found.insert(at);
        }
        Ok(found)
    }

    fn places(
        &self,
        session: &Session,
        step: &PruneStep,
        value_of: &mut ValueOf<'_>,
        hash_of: &mut HashOf<'_>,
    ) -> Result<Places> {
        match step {
            PruneStep::Any => Ok(self.all()),
            PruneStep::Never => Ok(self.nothing()),
            PruneStep::NotNull => {
                // NULL is in the default partition of a range key, as is what has no place.
                Ok(Places { null: false, ..self.all() })
            }
            PruneStep::And(steps) => {
                let mut all = self.all();
                for step in steps {
                    let one = self.places(session, step, value_of, hash_of)?;
                    all.set = all.set.intersection(&one.set);
                    all.null &= one.null;
                    all.default &= one.default;
                }
                Ok(all)
            }
            PruneStep::Or(steps) => {
                let mut any = self.nothing();
                for step in steps {
                    let one = self.places(session, step, value_of, hash_of)?;
                    any.set.extend(&one.set);
                    any.null |= one.null;
                    any.default |= one.default;
                }
                Ok(any)
            }
            PruneStep::NotEqual(expr) => {
                let Some(value) = value_of(expr)? else { return Ok(self.all()) };
                let Some(value) = value else { return Ok(self.nothing()) };
                let mut all = Places { null: false, ..self.all() };
                let order = self.order(session, 0, expr)?;
                if let (Some(order), Bounds::List { values, .. }) = (order, &self.bounds) {
                    let same =
                        |v: &OwnedDatum| order.compare(v.as_datum(), value.as_datum()) == Ordering::Equal;
                    if let Some(at) = values.iter().position(|(v, _)| same(v)) {
                        all.set.remove(at);
                    }
                }
                Ok(all)
            }
            PruneStep::Compare { strategy, values, nulls } => {
                let mut known = Vec::with_capacity(values.len());
                for expr in values {
                    match value_of(expr)? {
                        None => return Ok(self.all()),
                        // Operators of partition keys are strict.
                        Some(None) => return Ok(self.nothing()),
                        Some(Some(value)) => known.push(value),
                    }
                }
                match &self.bounds {
                    Bounds::Hash { modulus, .. } => self.hash_places(*modulus, &known, nulls, hash_of),
                    _ if !nulls.is_empty() => Ok(self.null_places()),
                    Bounds::List { .. } => self.list_places(session, *strategy, &values[0], &known[0]),
                    Bounds::Range { bounds, .. } => {
                        let mut orders = Vec::with_capacity(values.len());
                        for (column, expr) in values.iter().enumerate() {
                            match self.order(session, column, expr)? {
                                Some(order) => orders.push(order),
                                None => return Ok(self.all()),
                            }
                        }
                        Ok(self.range_places(bounds, *strategy, &known, &orders))
                    }
                }
            }
        }
    }

    /// How the key's values compare with those of an expression.
    fn order(&self, session: &Session, column: usize, expr: &Expr) -> Result<Option<Arc<dyn KeyOrder>>> {
        let key = &self.key.columns[column];
        let mut type_oid: Oid = session.base_type(ir::expr_type(expr))?.0;
        if session.family_function(key.family, key.input_type, type_oid, 1)?.is_none() {
            type_oid = key.input_type;
        }
        session.family_order(key.family, key.input_type, type_oid, key.collation)
    }

    fn null_places(&self) -> Places {
        match &self.bounds {
            Bounds::List { null: Some(_), .. } => Places { null: true, ..self.nothing() },
            _ => Places { default: true, ..self.nothing() },
        }
    }

    fn hash_places(
        &self,
        modulus: i32,
        values: &[OwnedDatum],
        nulls: &[usize],
        hash_of: &mut HashOf<'_>,
    ) -> Result<Places> {
        if values.len() + nulls.len() < self.key.columns.len() || modulus <= 0 {
            return Ok(self.all());
        }
        let mut given = values.iter();
        let mut keys: Vec<Option<OwnedDatum>> = Vec::with_capacity(self.key.columns.len());
        for (at, column) in self.key.columns.iter().enumerate() {
            let value = if nulls.contains(&at) { None } else { given.next() };
            keys.push(match value.map(|value| as_key(value, column.input_type)) {
                None => None,
                Some(Some(value)) => Some(value),
                // No row of the table has it.
                Some(None) => return Ok(self.nothing()),
            });
        }
        let Some(hash) = hash_of(&keys)? else { return Ok(self.all()) };
        Ok(Places { set: RelSet::single((hash % modulus as u64) as usize), null: true, default: false })
    }

    fn list_places(
        &self,
        session: &Session,
        strategy: i16,
        expr: &Expr,
        value: &OwnedDatum,
    ) -> Result<Places> {
        let Bounds::List { values, .. } = &self.bounds else { return Ok(self.all()) };
        let Some(order) = self.order(session, 0, expr)? else { return Ok(self.all()) };
        let compared = |v: &OwnedDatum| order.compare(v.as_datum(), value.as_datum());
        let below = values.partition_point(|(v, _)| compared(v) == Ordering::Less);
        let until = values.partition_point(|(v, _)| compared(v) != Ordering::Greater);
        let range = match strategy {
            LESS => 0..below,
            LESS_EQUAL => 0..until,
            EQUAL => below..until,
            GREATER_EQUAL => below..values.len(),
            _ => until..values.len(),
        };
        // Other values may be the default partition's, unless the one asked for is listed.
        let default = strategy != EQUAL || range.is_empty();
        Ok(Places { set: range.collect(), null: false, default })
    }

    fn range_places(
        &self,
        bounds: &[Vec<RangeDatum>],
        strategy: i16,
        values: &[OwnedDatum],
        orders: &[Arc<dyn KeyOrder>],
    ) -> Places {
        let compare = |bound: &[RangeDatum]| -> Ordering {
            for ((datum, value), order) in bound.iter().zip(values).zip(orders) {
                let ordering = match datum {
                    RangeDatum::MinValue => return Ordering::Less,
                    RangeDatum::MaxValue => return Ordering::Greater,
                    RangeDatum::Value(c) => match &c.value {
                        Some(own) => order.compare(own.as_datum(), value.as_datum()),
                        None => Ordering::Equal,
                    },
                };
                if ordering != Ordering::Equal {
                    return ordering;
                }
            }
            Ordering::Equal
        };
        let whole = values.len() == self.key.columns.len();
        let below = bounds.partition_point(|b| compare(b) == Ordering::Less);
        let until = bounds.partition_point(|b| compare(b) != Ordering::Greater);
        let last = bounds.len();
        // Keys that begin with the values lie between the bounds that do, if those do not go on without limit.
        let (first_equal, last_equal) = match whole {
            true => (until, until),
            false => {
                let next = values.len();
                let before = |b: &Vec<RangeDatum>| match compare(b) {
                    Ordering::Equal => matches!(b[next], RangeDatum::MinValue),
                    ordering => ordering == Ordering::Less,
                };
                let not_after = |b: &Vec<RangeDatum>| match compare(b) {
                    Ordering::Equal => !matches!(b[next], RangeDatum::MaxValue),
                    ordering => ordering == Ordering::Less,
                };
                (bounds.partition_point(before), bounds.partition_point(not_after))
            }
        };
        let (mut from, mut to) = match strategy {
            LESS => (0, below),
            LESS_EQUAL => (0, last_equal),
            EQUAL => (first_equal, last_equal),
            GREATER_EQUAL => (first_equal, last),
            _ => (until, last),
        };
        let at = values.len() - 1;
        // Beyond an infinite bound there is nothing, not even for the default partition.
        let Bounds::Range { takes, .. } = &self.bounds else { return self.all() };
        if from < last && takes[from].is_none() && matches!(bounds[from][at], RangeDatum::MinValue) {
            from += 1;
        }
        if to >= 1 && takes[to].is_none() && matches!(bounds[to - 1][at], RangeDatum::MaxValue) {
            to -= 1;
        }
        // The key's other columns may be NULL.
        Places { set: (from..=to).collect(), null: false, default: !whole }
    }
}
