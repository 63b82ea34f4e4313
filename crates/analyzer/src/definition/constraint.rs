//! pg_get_constraintdef.

use super::Definitions;
use crate::deparse::Style;
use base::{Error, Oid, Result, err};
use catalog::{PgConstraint, PgIndex};

impl Definitions<'_> {
    /// pg_get_constraintdef: what stands behind `CONSTRAINT name`.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn constraint(&self, oid: Oid, pretty: bool) -> Result<Option<String>> {
        let row = self.session.row::<PgConstraint>(catalog::index::PG_CONSTRAINT_OID, &[oid.into()])?;
        let Some(row) = row else { return Ok(None) };
        let style = Style::definition(pretty);
        let mut text = match row.contype as u8 {
            b'f' => self.foreign_key(&row)?,
            b'p' | b'u' => self.unique(&row)?,
            b'c' => self.check(&row, style)?,
            b'n' => self.not_null(&row)?,
            b't' => "TRIGGER".to_owned(),
            b'x' => self.exclusion(row.conindid, row.conexclop.as_deref().unwrap_or_default(), style)?,
            other => {
                return Err(Error::internal(format!("invalid constraint type \"{}\"", char::from(other))));
            }
        };
        if row.condeferrable {
            text.push_str(" DEFERRABLE");
        }
        if row.condeferred {
            text.push_str(" INITIALLY DEFERRED");
        }
        if !row.conenforced {
            text.push_str(" NOT ENFORCED");
        } else if !row.convalidated {
            text.push_str(" NOT VALID");
        }
        Ok(Some(text))
    }

    fn check(&self, row: &PgConstraint, style: Style) -> Result<String> {
        let text = row
            .conbin
            .as_deref()
            .ok_or_else(|| err!(INTERNAL_ERROR, "null conbin for constraint {}", row.oid))?;
        let expr = ir::text::read_expr(text, &|oid| self.session.type_layout(oid))?;
        let relation = match row.conrelid.is_valid() {
            true => Some(self.relation(row.conrelid)?),
            false => None,
        };
        let text = self.print(&expr, relation.as_deref(), style)?;
        Ok(format!("CHECK ({text}){}", if row.connoinherit { " NO INHERIT" } else { "" }))
    }

    fn not_null(&self, row: &PgConstraint) -> Result<String> {
        // A domain's has no column.
        if !row.conrelid.is_valid() {
            return Ok("NOT NULL".to_owned());
        }
        let relation = self.relation(row.conrelid)?;
        let columns = self.columns(&relation, row.conkey.as_deref().unwrap_or_default())?;
        let inherit = if row.connoinherit { " NO INHERIT" } else { "" };
        Ok(format!("NOT NULL {}{inherit}", columns.join(", ")))
    }

    fn unique(&self, row: &PgConstraint) -> Result<String> {
        let index = self
            .session
            .row::<PgIndex>(catalog::index::PG_INDEX_INDEXRELID, &[row.conindid.into()])?
            .ok_or_else(|| err!(INTERNAL_ERROR, "cache lookup failed for index {}", row.conindid))?;
        let relation = self.relation(row.conrelid)?;
        let keys = row.conkey.as_deref().unwrap_or_default();
        let mut text = match row.contype as u8 {
            b'p' => "PRIMARY KEY (",
            _ if index.indnullsnotdistinct => "UNIQUE NULLS NOT DISTINCT (",
            _ => "UNIQUE (",
        }
        .to_owned();
        text.push_str(&self.columns(&relation, keys)?.join(", "));
        if row.conperiod {
            text.push_str(" WITHOUT OVERLAPS");
        }
        text.push(')');
        if let Some(included) = index.indkey.get(keys.len()..).filter(|i| !i.is_empty()) {
            text.push_str(&format!(" INCLUDE ({})", self.columns(&relation, included)?.join(", ")));
        }
        Ok(text)
    }

    fn foreign_key(&self, row: &PgConstraint) -> Result<String> {
        let (from, to) = (self.relation(row.conrelid)?, self.relation(row.confrelid)?);
        let list = |relation: &catalog::RelationEntry, numbers: &Option<Vec<i16>>| -> Result<String> {
            let mut columns = self.columns(relation, numbers.as_deref().unwrap_or_default())?;
            if let (true, Some(last)) = (row.conperiod, columns.last_mut()) {
                *last = format!("PERIOD {last}");
            }
            Ok(columns.join(", "))
        };
        let mut text = format!(
            "FOREIGN KEY ({}) REFERENCES {}({})",
            list(&from, &row.conkey)?,
            self.relation_name(row.confrelid, false)?,
            list(&to, &row.confkey)?,
        );
        text.push_str(match row.confmatchtype as u8 {
            b'f' => " MATCH FULL",
            b'p' => " MATCH PARTIAL",
            _ => "",
        });
        for (event, action) in [("UPDATE", row.confupdtype), ("DELETE", row.confdeltype)] {
            let action = match action as u8 {
                b'r' => "RESTRICT",
                b'c' => "CASCADE",
                b'n' => "SET NULL",
                b'd' => "SET DEFAULT",
                _ => continue,
            };
            text.push_str(&format!(" ON {event} {action}"));
        }
        if let Some(columns) = &row.confdelsetcols {
            text.push_str(&format!(" ({})", self.columns(&from, columns)?.join(", ")));
        }
        Ok(text)
    }
}
