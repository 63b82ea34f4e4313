//! New object identifiers.

use crate::rows::CatalogRow;
use crate::session::Session;
use base::{Oid, Result};

impl Session {
    /// An OID that no row of the catalog has yet, by its unique index on oid.
    ///
    /// # Errors
    /// What reading the catalog fails with.
    pub fn new_oid<T: CatalogRow>(&self, oid_index: Oid) -> Result<Oid> {
        loop {
            self.interrupt_check()?;
            let oid = self.instance().transactions.new_oid()?;
            if self.find::<T>(oid_index, &[oid.into()])?.is_empty() {
                return Ok(oid);
            }
        }
    }

    /// A file number for a relation: free in pg_class's oid and on disk.
    ///
    /// # Errors
    /// What reading the catalog fails with.
    pub fn new_file_number(&self, tablespace: Oid) -> Result<Oid> {
        loop {
            self.interrupt_check()?;
            let number = self.instance().transactions.new_oid()?;
            let locator = base::RelFileLocator { tablespace, database: self.database(), number };
            if !self.instance().pool.files().exists(locator, base::Fork::Main)? {
                return Ok(number);
            }
        }
    }
}
