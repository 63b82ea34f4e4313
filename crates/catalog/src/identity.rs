//! Sequences of identity columns.

use crate::{CatalogRow, ObjectAddress, PgClass, Session, index};
use base::{Error, Oid, Result};

impl Session {
    /// The sequence of an identity column (from 1). That of a partition is the topmost table's.
    ///
    /// # Errors
    /// `XX000` if there is none.
    pub fn identity_sequence(&self, table: Oid, number: i16) -> Result<Oid> {
        let missing = || Error::internal("no owned sequence found");
        let (mut table, mut number) = (table, number);
        while let Some(entry) = self.relation(table)?.filter(|entry| entry.class.relispartition) {
            let name = &entry.desc().attributes()[number as usize - 1].name;
            let parent = self.parents(table)?.first().copied().ok_or_else(missing)?;
            let at = self.require_relation(parent)?.desc().position(name).ok_or_else(missing)?;
            (table, number) = (parent, at as i16 + 1);
        }
        for (_, row) in self.dependents_of(ObjectAddress::column(table, number))? {
            if row.classid == PgClass::OID
                && row.deptype as u8 == b'i'
                && self
                    .row::<PgClass>(index::PG_CLASS_OID, &[row.objid.into()])?
                    .is_some_and(|class| class.relkind as u8 == b'S')
            {
                return Ok(row.objid);
            }
        }
        Err(missing())
    }
}
