//! The order of enum values.
//!
//! Labels of a new type get even OIDs in their order, so most values are compared as numbers. A label added later
//! between others has an odd OID: then the place of each label of its type is looked up. The places are kept for a
//! whole database, since comparing must neither read catalogs nor fail. They are complete: those of labels that were
//! there are read before the first comparison, others are entered before a value with the new label can be made.

use crate::{PgEnum, Session};
use access_api::KeyOrder;
use base::{Oid, Result};
use datum::Datum;
use parking_lot::RwLock;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

/// The orders of all databases.
#[derive(Default)]
pub struct EnumOrders(RwLock<HashMap<Oid, Arc<EnumOrder>>>);

/// The order of one database's enum values.
#[derive(Default)]
pub struct EnumOrder {
    places: RwLock<HashMap<Oid, f32>>,
}

impl EnumOrder {
    /// Enters a type's labels, all of them at once: their places may have been renumbered.
    pub fn enter<'a>(&self, labels: impl IntoIterator<Item = &'a PgEnum>) {
        let labels = labels.into_iter().map(|label| (label.oid, label.enumsortorder));
        self.places.write().extend(labels);
    }
}

impl KeyOrder for EnumOrder {
    fn compare(&self, stored: Datum<'_>, other: Datum<'_>) -> Ordering {
        let (a, b) = (stored.oid(), other.oid());
        if a == b || (a.0.is_multiple_of(2) && b.0.is_multiple_of(2)) {
            return a.cmp(&b);
        }
        let places = self.places.read();
        match (places.get(&a), places.get(&b)) {
            (Some(a), Some(b)) => a.total_cmp(b),
            _ => a.cmp(&b),
        }
    }

    fn equal_image(&self) -> bool {
        true
    }
}

impl Session {
    /// The order of the current database's enum values.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn enum_order(&self) -> Result<Arc<EnumOrder>> {
        let orders = &self.instance().enum_orders.0;
        if let Some(order) = orders.read().get(&self.database()) {
            return Ok(order.clone());
        }
        let order = EnumOrder::default();
        let labels = self.find_all::<PgEnum>()?;
        order.enter(labels.iter().map(|(_, label)| label));
        Ok(orders.write().entry(self.database()).or_insert_with(|| Arc::new(order)).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_labels_stand_where_they_were_put() {
        let label = |oid, enumsortorder| PgEnum {
            oid: Oid(oid),
            enumtypid: Oid(100),
            enumsortorder,
            enumlabel: String::new(),
        };
        let order = EnumOrder::default();
        order.enter(&[label(10, 1.0), label(12, 2.0), label(15, 1.5)]);
        let compare = |a: u32, b: u32| order.compare(Datum::from(Oid(a)), Datum::from(Oid(b)));
        assert_eq!(compare(10, 12), Ordering::Less);
        assert_eq!(compare(10, 15), Ordering::Less);
        assert_eq!(compare(15, 12), Ordering::Less);
        assert_eq!(compare(12, 15), Ordering::Greater);
    }
}
