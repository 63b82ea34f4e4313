//! pg_get_triggerdef.

use super::Definitions;
use crate::deparse::{Level, Style, deparse_at, quote_identifier, quote_literal};
use base::{Oid, Result};
use catalog::PgTrigger;

/// tgtype bits.
const ROW: i16 = 1;
const BEFORE: i16 = 2;
const INSERT: i16 = 4;
const DELETE: i16 = 8;
const UPDATE: i16 = 16;
const TRUNCATE: i16 = 32;
const INSTEAD: i16 = 64;

impl Definitions<'_> {
    /// pg_get_triggerdef: the CREATE TRIGGER command.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn trigger(&self, oid: Oid, pretty: bool) -> Result<Option<String>> {
        let row = self.session.row::<PgTrigger>(catalog::index::PG_TRIGGER_OID, &[oid.into()])?;
        let Some(row) = row else { return Ok(None) };
        let table = self.relation(row.tgrelid)?;
        let has = |bit: i16| row.tgtype & bit != 0;
        let constraint = row.tgconstraint.is_valid();
        let mut events = Vec::new();
        if has(INSERT) {
            events.push("INSERT".to_owned());
        }
        if has(DELETE) {
            events.push("DELETE".to_owned());
        }
        if has(UPDATE) {
            events.push(match row.tgattr.is_empty() {
                true => "UPDATE".to_owned(),
                false => format!("UPDATE OF {}", self.columns(&table, &row.tgattr)?.join(", ")),
            });
        }
        if has(TRUNCATE) {
            events.push("TRUNCATE".to_owned());
        }
        let time = if has(BEFORE) {
            "BEFORE"
        } else if has(INSTEAD) {
            "INSTEAD OF"
        } else {
            "AFTER"
        };
        let mut text = format!(
            "CREATE {}TRIGGER {} {time} {} ON {} ",
            if constraint { "CONSTRAINT " } else { "" },
            quote_identifier(&row.tgname),
            events.join(" OR "),
            self.relation_name(row.tgrelid, !pretty)?
        );
        if constraint {
            if row.tgconstrrelid.is_valid() {
                text.push_str(&format!("FROM {} ", self.relation_name(row.tgconstrrelid, false)?));
            }
            text.push_str(if row.tgdeferrable { "" } else { "NOT " });
            text.push_str("DEFERRABLE INITIALLY ");
            text.push_str(if row.tginitdeferred { "DEFERRED " } else { "IMMEDIATE " });
        }
        if row.tgoldtable.is_some() || row.tgnewtable.is_some() {
            text.push_str("REFERENCING ");
            for (which, name) in [("OLD", &row.tgoldtable), ("NEW", &row.tgnewtable)] {
                if let Some(name) = name {
                    text.push_str(&format!("{which} TABLE AS {} ", quote_identifier(name)));
                }
            }
        }
        text.push_str(if has(ROW) { "FOR EACH ROW " } else { "FOR EACH STATEMENT " });
        if let Some(condition) = &row.tgqual {
            let condition = ir::text::read_expr(condition, &|oid| self.session.type_layout(oid))?;
            let level = Level::of_relations(&[("old", &table), ("new", &table)], true);
            let style = Style::definition(pretty);
            let condition = deparse_at(self.session, self.output, &condition, Some(level), style)?;
            text.push_str(&format!("WHEN ({condition}) "));
        }
        text.push_str(&format!("EXECUTE FUNCTION {}(", self.printer().function_name(row.tgfoid)?));
        // Each argument ends with a zero byte.
        let arguments = row.tgargs.0.split(|b| *b == 0).take(row.tgnargs.max(0) as usize);
        let arguments: Vec<String> = arguments.map(|a| quote_literal(&String::from_utf8_lossy(a))).collect();
        text.push_str(&arguments.join(", "));
        text.push(')');
        Ok(Some(text))
    }
}
