//! The order of arrays and of rows, which is that of what they are made of.

use crate::Session;
use crate::composite::view_composite;
use crate::element::ElementType;
use access_api::KeyOrder;
use adt::array::ArrayView;
use base::{Error, Oid, Result, bail};
use datum::{Datum, TupleDesc};
use std::cmp;
use std::sync::Arc;

const BTREE: Oid = Oid(403);

/// Nesting of arrays and rows within rows that is followed.
const MAX_DEPTH: u32 = 32;

impl Session {
    /// The order of arrays by their elements, of rows by their fields.
    ///
    /// # Errors
    /// `0A000` for types without an order here.
    pub fn structured_order(&self, type_oid: Oid, collation: Oid) -> Result<Arc<dyn KeyOrder>> {
        order_of(self, type_oid, collation, 0)
    }
}

fn order_of(session: &Session, type_oid: Oid, collation: Oid, depth: u32) -> Result<Arc<dyn KeyOrder>> {
    if depth > MAX_DEPTH {
        bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    }
    let part = |type_oid: Oid, collation: Oid| -> Result<Arc<dyn KeyOrder>> {
        let base_type = session.base_type(type_oid)?.0;
        if let Some(class) = session.default_opclass(base_type, BTREE)?
            && let Some(order) =
                session.family_order(class.opcfamily, class.opcintype, class.opcintype, collation)?
        {
            return Ok(order);
        }
        order_of(session, base_type, collation, depth + 1)
    };
    let base_type = session.base_type(type_oid)?.0;
    if let Some(element) = session.element_type(base_type)? {
        let elements = part(element, collation)?;
        return Ok(Arc::new(ArrayOrder { element: ElementType::new(session, element)?, elements }));
    }
    if let Some(desc) = session.row_type(base_type)? {
        let fields = desc.attributes().iter().map(|a| match a.dropped {
            true => Ok(None),
            false => part(a.type_oid, a.collation).map(Some),
        });
        let fields = fields.collect::<Result<_>>()?;
        return Ok(Arc::new(RowOrder { desc, fields }));
    }
    let name = session.format_type(type_oid, None)?;
    Err(Error::unsupported(format!("sorting values of type {name}")))
}

struct ArrayOrder {
    element: ElementType,
    elements: Arc<dyn KeyOrder>,
}

/// What is no array, as in a damaged page, sorts before all that are.
impl KeyOrder for ArrayOrder {
    fn compare(&self, a: Datum<'_>, b: Datum<'_>) -> cmp::Ordering {
        let (a, b) = match (ArrayView::new(a.bytes()), ArrayView::new(b.bytes())) {
            (Ok(a), Ok(b)) => (a, b),
            (a, b) => return a.is_ok().cmp(&b.is_ok()),
        };
        let compared = adt::array::compare(&a, &b, self.element.array_layout(), |x, y| {
            Ok(self.elements.compare(self.element.datum(x), self.element.datum(y)))
        });
        compared.unwrap_or(cmp::Ordering::Equal)
    }
}

struct RowOrder {
    desc: Arc<TupleDesc>,
    /// `None` for dropped ones.
    fields: Vec<Option<Arc<dyn KeyOrder>>>,
}

/// Nulls are equal to each other and above everything else.
impl KeyOrder for RowOrder {
    fn compare(&self, a: Datum<'_>, b: Datum<'_>) -> cmp::Ordering {
        let fields = |value: Datum<'_>| view_composite(value.bytes())?.fields(&self.desc);
        let (a, b) = match (fields(a), fields(b)) {
            (Ok(a), Ok(b)) => (a, b),
            (a, b) => return a.is_ok().cmp(&b.is_ok()),
        };
        for ((order, x), y) in self.fields.iter().zip(&a).zip(&b) {
            let Some(order) = order else { continue };
            let compared = match (x, y) {
                (Some(x), Some(y)) => order.compare(x.as_datum(), y.as_datum()),
                (x, y) => x.is_none().cmp(&y.is_none()),
            };
            if compared != cmp::Ordering::Equal {
                return compared;
            }
        }
        cmp::Ordering::Equal
    }
}
