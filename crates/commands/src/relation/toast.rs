//! TOAST tables: when a table needs one, and making it.

use super::{create_storage, insert_attributes, relation_number};
use crate::{index as indexes, temporary};
use base::{Oid, Result};
use catalog::{DependencyKind, ObjectAddress, PgClass, PgIndex, Session};
use datum::{Attribute, TypeLayout};

const PG_TOAST: Oid = Oid(99);
/// Tuples longer than this are toasted: a quarter of a page.
const THRESHOLD: usize = 2032;
const TUPLE_HEADER: usize = 23;

fn max_align(length: usize) -> usize {
    length.next_multiple_of(8)
}

/// Whether rows of these columns may grow so long that values have to move out.
pub(crate) fn is_needed(columns: &[Attribute]) -> bool {
    let mut length = 0usize;
    let (mut toastable, mut unbounded) = (false, false);
    for column in columns.iter().filter(|c| !c.dropped && c.generated != b'v') {
        length = length.next_multiple_of(usize::from(column.layout.align.max(1)));
        if column.layout.len > 0 {
            length += column.layout.len as usize;
            continue;
        }
        match maximum_size(column) {
            Some(size) => length += size,
            None => unbounded = true,
        }
        toastable |= column.storage != b'p';
    }
    if !toastable {
        return false;
    }
    unbounded || max_align(TUPLE_HEADER + columns.len().div_ceil(8)) + max_align(length) > THRESHOLD
}

/// The longest stored value of a column, where type and typmod bound it.
fn maximum_size(column: &Attribute) -> Option<usize> {
    let typmod = usize::try_from(column.typmod).ok()?;
    Some(match column.type_oid.0 {
        // UTF-8 takes up to four bytes a character.
        1042 | 1043 => typmod.saturating_sub(4) * 4 + 4,
        1560 | 1562 => typmod.div_ceil(8) + 8,
        1700 => {
            let precision = (typmod.saturating_sub(4) >> 16) & 0xffff;
            8 + (precision + 6) / 4 * 2
        }
        _ => return None,
    })
}

fn attribute(name: &str, type_oid: u32, len: i16, by_value: bool) -> Attribute {
    let layout = TypeLayout::new(Oid(type_oid), len, by_value, b'i');
    let mut attribute = Attribute::result(name, Oid(type_oid), -1, layout, Oid(0));
    attribute.storage = b'p';
    attribute
}

/// Makes the TOAST table of a table and its index; gives its OID.
///
/// # Errors
/// What making files and writing the catalogs fail with.
pub(crate) fn create_for(session: &Session, table: &PgClass, options: Option<Vec<String>>) -> Result<Oid> {
    let columns = [
        attribute("chunk_id", 26, 4, true),
        attribute("chunk_seq", 23, 4, true),
        attribute("chunk_data", 17, -1, false),
    ];
    let namespace =
        if table.relpersistence as u8 == b't' { temporary::toast_namespace(session)? } else { PG_TOAST };
    let name = format!("pg_toast_{}", table.oid);
    let oid = relation_number(session, table.reltablespace)?;
    let mut class = PgClass::new(oid, &name, namespace, b't', table.relowner);
    class.relfilenode = oid;
    class.relpersistence = table.relpersistence;
    class.reltablespace = table.reltablespace;
    class.relnatts = columns.len() as i16;
    class.relhasindex = true;
    class.reloptions = options;
    class.relfrozenxid = table.relfrozenxid;
    class.relminmxid = table.relminmxid;
    create_storage(session, &class)?;
    session.insert(&class)?;
    insert_attributes(session, oid, b't', &columns)?;
    let object = ObjectAddress::new::<PgClass>(oid);
    let owner = ObjectAddress::new::<PgClass>(table.oid);
    session.record_dependencies(object, [owner], DependencyKind::Internal)?;

    let index = relation_number(session, table.reltablespace)?;
    let mut index_class = PgClass::new(index, &format!("{name}_index"), namespace, b'i', table.relowner);
    index_class.relfilenode = index;
    index_class.relpersistence = table.relpersistence;
    index_class.reltablespace = table.reltablespace;
    index_class.relnatts = 2;
    create_storage(session, &index_class)?;
    session.insert(&index_class)?;
    insert_attributes(session, index, b'i', &columns[..2])?;
    let mut row = PgIndex::new(index, oid, vec![1, 2], vec![Oid(1981), Oid(1978)], vec![Oid(0); 2]);
    row.indisunique = true;
    row.indisprimary = true;
    session.insert(&row)?;
    let on = [ObjectAddress::column(oid, 1), ObjectAddress::column(oid, 2)];
    session.record_dependencies(ObjectAddress::new::<PgClass>(index), on, DependencyKind::Auto)?;
    indexes::create_empty_toast_index(session, &class, &index_class)?;
    Ok(oid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toast_is_for_rows_that_may_be_long() {
        let text = Attribute::result("t", Oid(25), -1, TypeLayout::new(Oid(25), -1, false, b'i'), Oid(100));
        let int = attribute("i", 23, 4, true);
        let varchar = |n| Attribute { typmod: n + 4, type_oid: Oid(1043), ..text.clone() };
        assert!(is_needed(std::slice::from_ref(&text)));
        assert!(!is_needed(std::slice::from_ref(&int)));
        assert!(!is_needed(&[int.clone(), varchar(100)]));
        assert!(is_needed(&[int, varchar(600)]));
        assert!(!is_needed(&[Attribute { storage: b'p', ..text }]));
    }
}
