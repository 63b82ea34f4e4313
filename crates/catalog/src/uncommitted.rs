//! Enum values that the current transaction has added to types that were there before. They may not be used yet: if the
//! transaction is undone, their rows in pg_enum go, but not entries that indexes may have got meanwhile.

use crate::Session;
use base::Oid;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use txn::{Transaction, TransactionParticipant};

#[derive(Default)]
struct New {
    types: HashSet<Oid>,
    values: HashSet<Oid>,
    registered: bool,
}

#[derive(Default)]
struct Uncommitted(Arc<Mutex<New>>);

struct Participant(Arc<Mutex<New>>);

impl Participant {
    fn forget(&self) {
        let mut new = self.0.lock();
        new.types.clear();
        new.values.clear();
    }
}

impl TransactionParticipant for Participant {
    fn at_commit(&self, _: &Transaction) {
        self.forget();
    }

    fn at_abort(&self, _: &Transaction) {
        self.forget();
    }
}

impl Session {
    fn uncommitted_enums<R>(&self, act: impl FnOnce(&mut New) -> R) -> R {
        let shared = self.extension("uncommitted enum values", Uncommitted::default).0.clone();
        let mut new = shared.lock();
        if !std::mem::replace(&mut new.registered, true) {
            self.transaction_session().register(Arc::new(Participant(shared.clone())));
        }
        act(&mut new)
    }

    /// The transaction has made an enum type: its values are as safe as the type itself.
    pub fn note_new_enum(&self, type_oid: Oid) {
        self.uncommitted_enums(|new| new.types.insert(type_oid));
    }

    /// The transaction has added a value to an enum type.
    pub fn note_new_enum_value(&self, type_oid: Oid, value: Oid) {
        self.uncommitted_enums(|new| {
            if !new.types.contains(&type_oid) {
                new.values.insert(value);
            }
        });
    }

    /// Whether a value of an enum must not be used before the transaction's end.
    pub fn is_unsafe_enum_value(&self, value: Oid) -> bool {
        self.uncommitted_enums(|new| new.values.contains(&value))
    }
}
