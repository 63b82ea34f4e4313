//! From scan keys to where a scan starts and ends.
//!
//! Equality keys on leading columns, several values each perhaps, make up the prefix: the scan goes through their
//! combinations in index order. On the column after them, at most one lower and one upper bound limit what is read.
//! All other keys are checked entry by entry.

use crate::key::KeyPart;
use access_api::{Direction, IndexRelation, KeyOrder, ScanKey, Strategy};
use datum::{Datum, OwnedDatum, Repr};
use std::cmp::Ordering;
use std::sync::Arc;

/// A value that a column is compared with; `None` is NULL.
#[derive(Clone)]
pub struct Operand {
    pub value: Option<OwnedDatum>,
    pub order: Arc<dyn KeyOrder>,
}

#[derive(Clone)]
pub struct Bound {
    pub operand: Operand,
    pub inclusive: bool,
}

/// The limits on the column after the prefix, in the order of the index.
#[derive(Clone, Default)]
pub struct Range {
    pub lower: Option<Bound>,
    pub upper: Option<Bound>,
    pub not_null: bool,
}

#[derive(Clone, Default)]
pub struct Bounds {
    /// Per leading column the values it may equal, in index order.
    pub prefix: Vec<Vec<Operand>>,
    pub range: Range,
    pub filters: Vec<ScanKey>,
    /// No entry can match.
    pub nothing: bool,
}

impl Bounds {
    pub fn new(index: &IndexRelation, keys: &[ScanKey]) -> Bounds {
        let mut bounds = Bounds::default();
        let mut rest: Vec<&ScanKey> = keys.iter().collect();
        for column in 0..index.keys.len() {
            let equality = rest.iter().position(|key| {
                key.column == column && matches!(key.strategy, Strategy::Equal | Strategy::IsNull)
            });
            let Some(position) = equality else {
                bounds.take_range(index, column, &mut rest);
                break;
            };
            let key = rest[position];
            match choices(index, key) {
                Some(choices) if choices.is_empty() => {
                    bounds.nothing = true;
                    return bounds;
                }
                Some(choices) => {
                    rest.remove(position);
                    bounds.prefix.push(choices);
                }
                None => break,
            }
        }
        bounds.nothing |= keys.iter().any(never_matches);
        bounds.filters = rest.into_iter().cloned().collect();
        bounds
    }

    fn take_range(&mut self, index: &IndexRelation, column: usize, rest: &mut Vec<&ScanKey>) {
        let descending = index.keys[column].descending;
        let range = &mut self.range;
        rest.retain(|key| {
            if key.column != column {
                return true;
            }
            let strategy = if descending { mirrored(key.strategy) } else { key.strategy };
            let bound = |inclusive| {
                let value = key.values.first().cloned().flatten();
                Some(Bound { operand: Operand { value, order: key.order.clone() }, inclusive })
            };
            match strategy {
                Strategy::GreaterEqual | Strategy::Greater if range.lower.is_none() => {
                    range.lower = bound(strategy == Strategy::GreaterEqual);
                }
                Strategy::LessEqual | Strategy::Less if range.upper.is_none() => {
                    range.upper = bound(strategy == Strategy::LessEqual);
                }
                Strategy::IsNotNull => {}
                _ => return true,
            }
            range.not_null = true;
            false
        });
    }

    /// How many combinations the prefix has.
    pub fn combinations(&self) -> usize {
        self.prefix.iter().map(Vec::len).product()
    }

    /// The values of combination `number`, in index order.
    pub fn combination(&self, mut number: usize) -> Vec<&Operand> {
        let mut chosen = Vec::with_capacity(self.prefix.len());
        for choices in self.prefix.iter().rev() {
            chosen.push(&choices[number % choices.len()]);
            number /= choices.len();
        }
        chosen.reverse();
        chosen
    }

    /// Where the scan of one combination starts: the parts of the key, and whether it is after those that equal it.
    pub fn start<'a>(
        &'a self,
        index: &'a IndexRelation,
        combination: &[&'a Operand],
        direction: Direction,
    ) -> (smallvec::SmallVec<[KeyPart<'a>; 4]>, bool) {
        let mut parts: smallvec::SmallVec<[KeyPart<'a>; 4]> =
            combination.iter().enumerate().map(|(column, operand)| part(index, column, operand)).collect();
        let column = combination.len();
        let forward = direction == Direction::Forward;
        let bound = if forward { &self.range.lower } else { &self.range.upper };
        if let Some(bound) = bound {
            parts.push(part(index, column, &bound.operand));
            return (parts, bound.inclusive != forward);
        }
        if self.range.not_null && index.keys[column].nulls_first == forward {
            parts.push(KeyPart::new(None, &index.keys[column]));
            return (parts, forward);
        }
        (parts, !forward)
    }
}

/// An operand in its column's place.
pub fn part<'a>(index: &'a IndexRelation, column: usize, operand: &'a Operand) -> KeyPart<'a> {
    let key = &index.keys[column];
    KeyPart {
        value: operand.value.as_ref().map(OwnedDatum::as_datum),
        order: &*operand.order,
        descending: key.descending,
        nulls_first: key.nulls_first,
    }
}

fn mirrored(strategy: Strategy) -> Strategy {
    match strategy {
        Strategy::Less => Strategy::Greater,
        Strategy::LessEqual => Strategy::GreaterEqual,
        Strategy::GreaterEqual => Strategy::LessEqual,
        Strategy::Greater => Strategy::Less,
        other => other,
    }
}

/// A comparison with NULL only.
fn never_matches(key: &ScanKey) -> bool {
    !matches!(key.strategy, Strategy::IsNull | Strategy::IsNotNull) && key.values.iter().all(Option::is_none)
}

/// The values that a column may equal, sorted and without duplicates; `None` when they cannot be brought in order.
fn choices(index: &IndexRelation, key: &ScanKey) -> Option<Vec<Operand>> {
    let operand = |value: Option<OwnedDatum>| Operand { value, order: key.order.clone() };
    if key.strategy == Strategy::IsNull {
        return Some(vec![operand(None)]);
    }
    let mut values: Vec<OwnedDatum> = key.values.iter().flatten().cloned().collect();
    if values.len() > 1 {
        let column = &index.keys[key.column];
        let repr = index.attributes()[key.column].layout.repr;
        let same_type = values.iter().all(|value| has_repr(value.as_datum(), repr));
        if same_type {
            values.sort_by(|a, b| column.order.compare(a.as_datum(), b.as_datum()));
            values.dedup_by(|a, b| column.order.compare(a.as_datum(), b.as_datum()) == Ordering::Equal);
        } else if values.iter().all(|value| integer(value.as_datum()).is_some()) {
            values.sort_by_key(|value| integer(value.as_datum()));
            values.dedup();
        } else {
            return None;
        }
        if column.descending {
            values.reverse();
        }
    }
    Some(values.into_iter().map(|value| operand(Some(value))).collect())
}

fn has_repr(value: Datum<'_>, repr: Repr) -> bool {
    matches!(
        (value, repr),
        (Datum::Bool(_), Repr::Bool)
            | (Datum::Char(_), Repr::Char)
            | (Datum::Int2(_), Repr::Int2)
            | (Datum::Int4(_), Repr::Int4)
            | (Datum::Int8(_), Repr::Int8)
            | (Datum::Float4(_), Repr::Float4)
            | (Datum::Float8(_), Repr::Float8)
            | (Datum::Bytes(_), Repr::Bytes | Repr::Name)
    )
}

fn integer(value: Datum<'_>) -> Option<i64> {
    match value {
        Datum::Int2(value) => Some(value.into()),
        Datum::Int4(value) => Some(value.into()),
        Datum::Int8(value) => Some(value),
        _ => None,
    }
}

/// Whether a stored value passes a key that neither starts nor ends the scan.
pub fn passes(key: &ScanKey, stored: Option<Datum<'_>>) -> bool {
    let Some(stored) = stored else { return key.strategy == Strategy::IsNull };
    let compare = |value: &OwnedDatum| key.order.compare(stored, value.as_datum());
    let test = |wanted: fn(Ordering) -> bool| key.values.iter().flatten().any(|value| wanted(compare(value)));
    match key.strategy {
        Strategy::IsNull => false,
        Strategy::IsNotNull => true,
        Strategy::Less => test(Ordering::is_lt),
        Strategy::LessEqual => test(Ordering::is_le),
        Strategy::Equal => test(Ordering::is_eq),
        Strategy::GreaterEqual => test(Ordering::is_ge),
        Strategy::Greater => test(Ordering::is_gt),
    }
}
