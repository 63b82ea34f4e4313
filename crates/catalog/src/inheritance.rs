//! Inheritance: which relations are children of which (pg_inherits).

use crate::index;
use crate::rows::PgInherits;
use crate::session::Session;
use base::{Oid, Result};

impl Session {
    /// The direct children of a relation, by OID; partitions that are being detached are none any more.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn children(&self, parent: Oid) -> Result<Vec<Oid>> {
        let rows = self.rows::<PgInherits>(index::PG_INHERITS_PARENT, &[parent.into()])?;
        let mut children: Vec<Oid> =
            rows.iter().filter(|r| !r.inhdetachpending).map(|r| r.inhrelid).collect();
        children.sort_unstable();
        Ok(children)
    }

    /// The direct parents of a relation, in the order of its inhseqno.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn parents(&self, child: Oid) -> Result<Vec<Oid>> {
        let rows = self.rows::<PgInherits>(index::PG_INHERITS_RELID_SEQNO, &[child.into()])?;
        let mut parents: Vec<(i32, Oid)> = rows.iter().map(|r| (r.inhseqno, r.inhparent)).collect();
        parents.sort_unstable();
        Ok(parents.into_iter().map(|p| p.1).collect())
    }

    /// A relation with all that descend from it, each once, level by level; and by how many ways each is reached.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn descendants(&self, root: Oid) -> Result<Vec<(Oid, usize)>> {
        let mut found = vec![(root, 0)];
        let mut at = 0;
        while at < found.len() {
            for child in self.children(found[at].0)? {
                match found.iter_mut().find(|f| f.0 == child) {
                    Some(known) => known.1 += 1,
                    None => found.push((child, 1)),
                }
            }
            at += 1;
        }
        Ok(found)
    }

    /// Whether `ancestor` is the relation itself or one that it descends from.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn descends_from(&self, relation: Oid, ancestor: Oid) -> Result<bool> {
        let mut found = vec![relation];
        let mut at = 0;
        while at < found.len() {
            if found[at] == ancestor {
                return Ok(true);
            }
            for parent in self.parents(found[at])? {
                if !found.contains(&parent) {
                    found.push(parent);
                }
            }
            at += 1;
        }
        Ok(false)
    }
}
