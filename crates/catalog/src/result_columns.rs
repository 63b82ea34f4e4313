//! What a function's result is made of: its OUT, INOUT and TABLE parameters, polymorphic ones resolved by the types of
//! the arguments that it is called with.

use crate::index;
use crate::rows::{PgProc, PgRange};
use crate::session::Session;
use base::{Oid, Result};
use datum::{Attribute, TupleDesc};

const ANYARRAY: u32 = 2277;
const ANYELEMENT: u32 = 2283;
const ANYNONARRAY: u32 = 2776;
const ANYENUM: u32 = 3500;
const ANYRANGE: u32 = 3831;
const ANYMULTIRANGE: u32 = 4537;
const ANYCOMPATIBLE: u32 = 5077;
const ANYCOMPATIBLEARRAY: u32 = 5078;
const ANYCOMPATIBLENONARRAY: u32 = 5079;
const ANYCOMPATIBLERANGE: u32 = 5080;
const ANYCOMPATIBLEMULTIRANGE: u32 = 4538;

/// What stands for a polymorphic type: a value, an array, a range or a multirange of it; whether of the ANYCOMPATIBLE
/// family.
fn shape(type_oid: Oid) -> Option<(Shape, bool)> {
    Some(match type_oid.0 {
        ANYELEMENT | ANYNONARRAY | ANYENUM => (Shape::Element, false),
        ANYARRAY => (Shape::Array, false),
        ANYRANGE => (Shape::Range, false),
        ANYMULTIRANGE => (Shape::Multirange, false),
        ANYCOMPATIBLE | ANYCOMPATIBLENONARRAY => (Shape::Element, true),
        ANYCOMPATIBLEARRAY => (Shape::Array, true),
        ANYCOMPATIBLERANGE => (Shape::Range, true),
        ANYCOMPATIBLEMULTIRANGE => (Shape::Multirange, true),
        _ => return None,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Element,
    Array,
    Range,
    Multirange,
}

impl Session {
    /// The type that `wanted`, a type of the function's declaration, stands for in a call with arguments of the
    /// types `actual`. Types that are not polymorphic stand for themselves, as does what the arguments leave open.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn resolve_polymorphic(&self, declared: &[Oid], actual: &[Oid], wanted: Oid) -> Result<Oid> {
        let Some((goal, family)) = shape(wanted) else { return Ok(wanted) };
        let mut element = None;
        for (declared, actual) in declared.iter().zip(actual) {
            let Some((form, its_family)) = shape(*declared) else { continue };
            if its_family != family || shape(*actual).is_some() || !actual.is_valid() {
                continue;
            }
            let base = self.base_type(*actual)?.0;
            if form == goal {
                return Ok(if form == Shape::Element { *actual } else { base });
            }
            let found = match form {
                Shape::Element => Some(*actual),
                Shape::Array => self.element_type(base)?,
                Shape::Range => {
                    let row = self.row::<PgRange>(index::PG_RANGE_RNGTYPID, &[base.into()])?;
                    if let (Shape::Multirange, Some(row)) = (goal, &row) {
                        return Ok(row.rngmultitypid);
                    }
                    row.map(|r| r.rngsubtype)
                }
                Shape::Multirange => {
                    let row = self.row::<PgRange>(index::PG_RANGE_RNGMULTITYPID, &[base.into()])?;
                    if let (Shape::Range, Some(row)) = (goal, &row) {
                        return Ok(row.rngtypid);
                    }
                    row.map(|r| r.rngsubtype)
                }
            };
            element = element.or(found);
        }
        let Some(element) = element else { return Ok(wanted) };
        Ok(match goal {
            Shape::Element => element,
            Shape::Array => self.array_type(element)?.unwrap_or(wanted),
            Shape::Range | Shape::Multirange => wanted,
        })
    }

    /// The columns of a function's result as its parameters say, for a call with arguments of the types `actual`;
    /// `None` if it has no parameters for results, or only one that is the result itself.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn result_columns(&self, row: &PgProc, actual: &[Oid]) -> Result<Option<TupleDesc>> {
        const RECORD: Oid = Oid(2249);
        let (Some(types), Some(modes)) = (&row.proallargtypes, &row.proargmodes) else { return Ok(None) };
        let mut attributes = Vec::new();
        for (i, (type_oid, mode)) in types.iter().zip(modes).enumerate() {
            if !matches!(*mode as u8, b'o' | b'b' | b't') {
                continue;
            }
            let name = row.proargnames.as_ref().and_then(|n| n.get(i)).filter(|n| !n.is_empty());
            let name = name.cloned().unwrap_or_else(|| format!("column{}", attributes.len() + 1));
            let type_oid = self.resolve_polymorphic(&row.proargtypes, actual, *type_oid)?;
            let layout = self.type_layout(type_oid)?;
            attributes.push(Attribute::result(name, type_oid, -1, layout, self.type_collation(type_oid)?));
        }
        let columns = attributes.len() > 1 || row.prorettype == RECORD && !attributes.is_empty();
        Ok(columns.then(|| TupleDesc::new(attributes)))
    }
}
