//! Evaluating an operator between values that statistics hold and a constant: by the order of a B-tree family where it
//! has one, else by calling its function.

use crate::clause::{self, BTREE};
use crate::selectivity::same_repr;
use crate::types::Root;
use base::{Oid, Result};
use datum::{Datum, OwnedDatum, TypeLayout};
use ir::{Const, Expr};
use std::cmp::Ordering;

/// An operator between values of a column and constants.
pub(crate) struct OperatorTest {
    by: By,
    on_left: bool,
}

enum By {
    Order { order: std::sync::Arc<dyn access_api::KeyOrder>, strategy: i16, negate: bool },
    Call { operator: Oid, collation: Oid, value_type: (Oid, TypeLayout), constant_type: (Oid, TypeLayout) },
}

impl OperatorTest {
    /// Whether it calls the operator's function, which may tell of its arguments.
    pub fn calls(&self) -> bool {
        matches!(self.by, By::Call { .. })
    }

    /// # Errors
    /// What the operator's function fails with.
    pub fn holds(&self, root: &Root<'_>, value: &OwnedDatum, constant: &OwnedDatum) -> Result<bool> {
        match &self.by {
            By::Order { order, strategy, negate } => {
                let (left, right): (Datum<'_>, Datum<'_>) = match self.on_left {
                    true => (value.as_datum(), constant.as_datum()),
                    false => (constant.as_datum(), value.as_datum()),
                };
                let holds = match (same_repr(left, right, order.as_ref()), strategy) {
                    (None, _) => return Ok(false),
                    (Some(found), 1) => found == Ordering::Less,
                    (Some(found), 2) => found != Ordering::Greater,
                    (Some(found), 3) => found == Ordering::Equal,
                    (Some(found), 4) => found != Ordering::Less,
                    (Some(found), _) => found == Ordering::Greater,
                };
                Ok(holds != *negate)
            }
            By::Call { operator, collation, value_type, constant_type } => {
                let as_const = |(type_oid, layout): (Oid, TypeLayout), value: &OwnedDatum| {
                    Expr::Const(Const {
                        type_oid,
                        typmod: -1,
                        collation: *collation,
                        layout,
                        value: Some(value.clone()),
                        location: None,
                    })
                };
                let (value, constant) = (as_const(*value_type, value), as_const(*constant_type, constant));
                let (left, right) = if self.on_left { (value, constant) } else { (constant, value) };
                let call = clause::make_op(root.session(), *operator, *collation, left, right)?;
                let folded = root.hooks().fold(root.session(), &call)?;
                Ok(folded.is_some_and(|c| c.value == Some(OwnedDatum::Bool(true))))
            }
        }
    }
}

impl<'a> Root<'a> {
    /// How an operator is evaluated between known values and constants.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn operator_test(
        &self,
        operator: Oid,
        collation: Oid,
        value_type: (Oid, TypeLayout),
        constant_type: (Oid, TypeLayout),
        on_left: bool,
    ) -> Result<OperatorTest> {
        let session = self.session();
        let row = session.operator(operator)?;
        for (operator, negate) in [(operator, false), (row.oprnegate, true)] {
            for family in session.operator_families(operator)?.iter().filter(|f| f.amopmethod == BTREE) {
                let order = session.family_order(
                    family.amopfamily,
                    family.amoplefttype,
                    family.amoprighttype,
                    collation,
                )?;
                if let (Some(order), 1..=5) = (order, family.amopstrategy) {
                    return Ok(OperatorTest {
                        by: By::Order { order, strategy: family.amopstrategy, negate },
                        on_left,
                    });
                }
            }
            if !row.oprnegate.is_valid() {
                break;
            }
        }
        let by = By::Call { operator, collation, value_type, constant_type };
        Ok(OperatorTest { by, on_left })
    }
}
