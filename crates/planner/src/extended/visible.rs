//! Whether the user may read the values that statistics hold: an operator that tells of its arguments, in an error
//! message for example, is not run on others.

use super::Reads;
use crate::types::Root;
use base::{Oid, Result};
use catalog::acl::{self, privilege};
use catalog::{Payload, PgAttribute, PgClass, index};
use datum::Datum;
use ir::RangeTableKind;

const PG_READ_ALL_DATA: Oid = Oid(6181);

impl<'a> Root<'a> {
    /// Whether the user may read these columns in all rows of a relation. Of a member of an append relation, the
    /// relation that the query names decides.
    pub(super) fn may_see_all(&self, rti: usize, reads: &Reads) -> Result<bool> {
        let mut columns = reads.columns.clone();
        for expr in &reads.exprs {
            let mut vars = Vec::new();
            crate::clause::vars(expr, &mut vars);
            columns.extend(vars.iter().map(|var| var.attribute));
        }
        self.may_see_values(rti, &columns)
    }

    /// As [`Root::may_see_all`], of columns by their numbers.
    pub fn may_see_values(&self, rti: usize, columns: &[i16]) -> Result<bool> {
        let mut top = rti;
        while let Some(member) = self.append_parent(top) {
            top = member.parent;
        }
        let rte = self.rte(top);
        let RangeTableKind::Relation { oid, permission, .. } = rte.kind else { return Ok(false) };
        if !rte.security_quals.is_empty() {
            return Ok(false);
        }
        let session = self.session();
        let permission = permission.checked_sub(1).and_then(|at| self.query.permissions.get(at));
        let user = permission.and_then(|p| p.check_as.some()).unwrap_or_else(|| session.user());
        if session.is_superuser(user)? || session.has_role(user, PG_READ_ALL_DATA)? {
            return Ok(true);
        }
        let Some(class) = session.row::<PgClass>(index::PG_CLASS_OID, &[oid.into()])? else {
            return Ok(false);
        };
        let held = match &class.relacl {
            Some(payload) => self.may_select(payload, user)?,
            None => session.has_role(user, class.relowner)?,
        };
        if held {
            return Ok(true);
        }
        if top != rti || columns.is_empty() {
            return Ok(false);
        }
        for column in columns {
            let keys = [oid.into(), Datum::Int2(*column)];
            let row = session.row::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &keys)?;
            match row.as_ref().and_then(|row| row.attacl.as_ref()) {
                Some(payload) if self.may_select(payload, user)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    fn may_select(&self, payload: &Payload, user: Oid) -> Result<bool> {
        let items = acl::decode(payload)?;
        let held = acl::privileges_of(&items, &mut |grantee| {
            Ok(!grantee.is_valid() || self.session().has_role(user, grantee)?)
        })?;
        Ok(held & privilege::SELECT != 0)
    }
}
