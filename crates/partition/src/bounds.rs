//! The partitions of a table by their bounds, in the order that PostgreSQL keeps them in.
//!
//! ```text
//! range   bounds   b0      b1      b2          takes[i]: the partition of keys from b(i-1) to below b(i)
//!         takes  0     1       2        3
//! list    values in order, each with its partition; NULL apart
//! hash    the remainder by the greatest modulus tells the partition
//! ```

use crate::key::{PartitionKey, Strategy};
use base::Oid;
use datum::{Datum, OwnedDatum};
use ir::{Const, PartitionBound, RangeDatum};
use std::cmp::Ordering;

pub enum Bounds {
    Hash {
        modulus: i32,
        /// By remainder.
        takes: Vec<Option<usize>>,
    },
    List {
        values: Vec<(OwnedDatum, usize)>,
        null: Option<usize>,
    },
    Range {
        bounds: Vec<Vec<RangeDatum>>,
        takes: Vec<Option<usize>>,
    },
}

/// A partitioned table's partitions.
pub struct Partitions {
    pub key: PartitionKey,
    /// In the order of their bounds, the default partition last.
    pub oids: Vec<Oid>,
    pub leaf: Vec<bool>,
    pub own: Vec<PartitionBound>,
    pub bounds: Bounds,
    pub default: Option<usize>,
}

fn compare_constants(key: &PartitionKey, column: usize, a: &Const, b: &Const) -> Ordering {
    match (&a.value, &b.value, &key.columns[column].order) {
        (Some(a), Some(b), Some(order)) => order.compare(a.as_datum(), b.as_datum()),
        (None, None, _) => Ordering::Equal,
        (None, _, _) => Ordering::Greater,
        (_, None, _) => Ordering::Less,
        _ => Ordering::Equal,
    }
}

fn rank(datum: &RangeDatum) -> i8 {
    match datum {
        RangeDatum::MinValue => -1,
        RangeDatum::Value(_) => 0,
        RangeDatum::MaxValue => 1,
    }
}

/// Two bounds of a range key as points; those that are infinite are alike from there on.
pub fn compare_range(key: &PartitionKey, a: &[RangeDatum], b: &[RangeDatum]) -> Ordering {
    for (column, (x, y)) in a.iter().zip(b).enumerate() {
        let ordering = match (x, y) {
            (RangeDatum::Value(x), RangeDatum::Value(y)) => compare_constants(key, column, x, y),
            _ => rank(x).cmp(&rank(y)),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
        if rank(x) != 0 {
            return Ordering::Equal;
        }
    }
    Ordering::Equal
}

/// As [`compare_range`], where a lower bound comes after an upper one at the same point.
pub fn compare_lower(
    key: &PartitionKey,
    (a, a_lower): (&[RangeDatum], bool),
    (b, b_lower): (&[RangeDatum], bool),
) -> Ordering {
    compare_range(key, a, b).then(a_lower.cmp(&b_lower))
}

impl Partitions {
    pub fn new(key: PartitionKey, found: Vec<(Oid, bool, PartitionBound)>) -> Partitions {
        let mut found = found;
        let place = |bound: &PartitionBound| matches!(bound, PartitionBound::Default(_));
        found.sort_by(|(_, _, a), (_, _, b)| {
            place(a).cmp(&place(b)).then_with(|| match (a, b) {
                (PartitionBound::Range { upper: a, .. }, PartitionBound::Range { upper: b, .. }) => {
                    compare_range(&key, a, b)
                }
                (PartitionBound::List(a), PartitionBound::List(b)) => {
                    let least = |list: &[Const]| -> Option<Const> {
                        list.iter()
                            .filter(|c| c.value.is_some())
                            .min_by(|x, y| compare_constants(&key, 0, x, y))
                            .cloned()
                    };
                    match (least(a), least(b)) {
                        (Some(a), Some(b)) => compare_constants(&key, 0, &a, &b),
                        (None, Some(_)) => Ordering::Greater,
                        (Some(_), None) => Ordering::Less,
                        (None, None) => Ordering::Equal,
                    }
                }
                (
                    PartitionBound::Hash { modulus: a, remainder: x },
                    PartitionBound::Hash { modulus: b, remainder: y },
                ) => (a, x).cmp(&(b, y)),
                _ => Ordering::Equal,
            })
        });
        let default = found.iter().position(|(_, _, bound)| place(bound));
        let bounds = match key.strategy {
            Strategy::Hash => hash_bounds(&found),
            Strategy::List => list_bounds(&key, &found),
            Strategy::Range => range_bounds(&key, &found),
        };
        let mut made = Partitions {
            key,
            oids: Vec::with_capacity(found.len()),
            leaf: Vec::with_capacity(found.len()),
            own: Vec::with_capacity(found.len()),
            bounds,
            default,
        };
        for (oid, leaf, bound) in found {
            made.oids.push(oid);
            made.leaf.push(leaf);
            made.own.push(bound);
        }
        made
    }

    /// How many bounds of a range key are at or before these values. `values` may be the beginning of a key.
    pub fn bounds_until(&self, values: &[Datum<'_>], inclusive: bool) -> usize {
        let Bounds::Range { bounds, .. } = &self.bounds else { return 0 };
        bounds.partition_point(|bound| {
            let ordering = self.compare_bound(bound, values);
            ordering == Ordering::Less || (inclusive && ordering == Ordering::Equal)
        })
    }

    /// A bound compared with values of the key's first columns.
    pub fn compare_bound(&self, bound: &[RangeDatum], values: &[Datum<'_>]) -> Ordering {
        for (column, (datum, value)) in bound.iter().zip(values).enumerate() {
            let ordering = match datum {
                RangeDatum::MinValue => return Ordering::Less,
                RangeDatum::MaxValue => return Ordering::Greater,
                RangeDatum::Value(c) => match (&c.value, &self.key.columns[column].order) {
                    (Some(own), Some(order)) => order.compare(own.as_datum(), *value),
                    _ => Ordering::Equal,
                },
            };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        Ordering::Equal
    }

    /// Where a value stands among those of a list key.
    pub fn list_position(&self, value: Datum<'_>) -> std::result::Result<usize, usize> {
        let Bounds::List { values, .. } = &self.bounds else { return Err(0) };
        let Some(order) = &self.key.columns[0].order else { return Err(0) };
        values.binary_search_by(|(own, _)| order.compare(own.as_datum(), value))
    }

    /// The partition that takes a row with these key values; `hash`: of the values, for a hash key.
    pub fn find(&self, values: &[Option<Datum<'_>>], hash: u64) -> Option<usize> {
        let found = match &self.bounds {
            Bounds::Hash { modulus, takes } => {
                return if *modulus > 0 { takes[(hash % *modulus as u64) as usize] } else { None };
            }
            Bounds::List { values: known, null } => match values[0] {
                None => *null,
                Some(value) => self.list_position(value).ok().map(|at| known[at].1),
            },
            Bounds::Range { takes, .. } => {
                let whole: Option<Vec<Datum<'_>>> = values.iter().copied().collect();
                whole.and_then(|values| takes[self.bounds_until(&values, true)])
            }
        };
        found.or(self.default)
    }
}

fn hash_bounds(found: &[(Oid, bool, PartitionBound)]) -> Bounds {
    let of = |bound: &PartitionBound| match bound {
        PartitionBound::Hash { modulus, remainder } => Some((*modulus, *remainder)),
        _ => None,
    };
    let greatest = found.iter().filter_map(|(_, _, b)| of(b)).map(|b| b.0).max().unwrap_or(0);
    let mut takes = vec![None; greatest.max(0) as usize];
    for (at, (_, _, bound)) in found.iter().enumerate() {
        let Some((modulus, remainder)) = of(bound) else { continue };
        let mut place = remainder.max(0) as usize;
        while place < takes.len() && modulus > 0 {
            takes[place] = Some(at);
            place += modulus as usize;
        }
    }
    Bounds::Hash { modulus: greatest, takes }
}

fn list_bounds(key: &PartitionKey, found: &[(Oid, bool, PartitionBound)]) -> Bounds {
    let mut values: Vec<(OwnedDatum, usize)> = Vec::new();
    let mut null = None;
    for (at, (_, _, bound)) in found.iter().enumerate() {
        let PartitionBound::List(list) = bound else { continue };
        for constant in list {
            match &constant.value {
                Some(value) => values.push((value.clone(), at)),
                None => null = Some(at),
            }
        }
    }
    if let Some(order) = &key.columns[0].order {
        values.sort_by(|a, b| order.compare(a.0.as_datum(), b.0.as_datum()));
    }
    Bounds::List { values, null }
}

fn range_bounds(key: &PartitionKey, found: &[(Oid, bool, PartitionBound)]) -> Bounds {
    let mut bounds: Vec<Vec<RangeDatum>> = Vec::new();
    let mut takes: Vec<Option<usize>> = Vec::new();
    // Partitions come in order: each begins where another ends, or after a gap.
    for (at, (_, _, bound)) in found.iter().enumerate() {
        let PartitionBound::Range { lower, upper } = bound else { continue };
        if bounds.last().is_none_or(|last| compare_range(key, last, lower) != Ordering::Equal) {
            bounds.push(lower.clone());
            takes.push(None);
        }
        bounds.push(upper.clone());
        takes.push(Some(at));
    }
    takes.push(None);
    Bounds::Range { bounds, takes }
}
