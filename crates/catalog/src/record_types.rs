//! Row types without a catalog entry: values of type record carry a number under which their descriptor is kept here.

use datum::TupleDesc;
use parking_lot::RwLock;
use std::sync::Arc;

/// The anonymous row types that have come up since the server started.
#[derive(Default)]
pub struct RecordTypes(RwLock<Vec<Arc<TupleDesc>>>);

impl RecordTypes {
    /// The typmod that values of this row type carry; one for equal descriptors.
    pub fn typmod_of(&self, desc: &Arc<TupleDesc>) -> i32 {
        if let Some(found) = self.0.read().iter().position(|known| known == desc) {
            return found as i32;
        }
        let mut known = self.0.write();
        known.push(desc.clone());
        known.len() as i32 - 1
    }

    pub fn get(&self, typmod: i32) -> Option<Arc<TupleDesc>> {
        self.0.read().get(usize::try_from(typmod).ok()?).cloned()
    }
}
