//! pg_get_viewdef, pg_get_ruledef.

use super::Definitions;
use crate::deparse::{Style, deparse_query, deparse_query_in, quote_identifier};
use base::{Error, Oid, Result};
use catalog::{PgRewrite, RelationEntry};
use ir::Query;

/// What pg_rewrite.ev_qual holds where a rule has no condition.
const NO_CONDITION: &str = "<>";

impl Definitions<'_> {
    /// pg_get_viewdef. `wrap`: 0 puts every output column on a line of its own, `None` all on one line.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn view(&self, oid: Oid, pretty: bool, wrap: Option<usize>) -> Result<Option<String>> {
        let Some(relation) = self.session.relation(oid)? else { return Ok(None) };
        let Some(rule) = relation.rules.iter().find(|r| r.rulename == "_RETURN") else { return Ok(None) };
        let queries = self.actions(rule)?;
        let [query] = &queries[..] else { return Ok(None) };
        if rule.ev_type as u8 != b'1' || !rule.is_instead || rule.ev_qual != NO_CONDITION {
            return Ok(None);
        }
        let style = Style { wrap, ..Style::definition(pretty) };
        let text = deparse_query(self.session, self.output, query, Some(&column_names(&relation)), style)?;
        Ok(Some(text + ";"))
    }

    fn actions(&self, rule: &PgRewrite) -> Result<Vec<Query>> {
        ir::text::read_rule(&rule.ev_action, &|oid| self.session.type_layout(oid))
    }

    /// pg_get_ruledef: the CREATE RULE command.
    ///
    /// # Errors
    /// What reading the catalogs fails with; `0A000` for actions that change data.
    pub fn rule(&self, oid: Oid, pretty: bool) -> Result<Option<String>> {
        let rule = self.session.row::<PgRewrite>(catalog::index::PG_REWRITE_OID, &[oid.into()])?;
        let Some(rule) = rule else { return Ok(None) };
        let relation = self.relation(rule.ev_class)?;
        let style = Style::definition(pretty);
        let event = match rule.ev_type as u8 {
            b'1' => "SELECT",
            b'2' => "UPDATE",
            b'3' => "INSERT",
            b'4' => "DELETE",
            other => {
                return Err(Error::unsupported(format!(
                    "rule \"{}\" has unsupported event type {other}",
                    rule.rulename
                )));
            }
        };
        let mut text = format!(
            "CREATE RULE {} AS\n    ON {event} TO {}",
            quote_identifier(&rule.rulename),
            self.relation_name(rule.ev_class, !pretty)?
        );
        let queries = self.actions(&rule)?;
        if rule.ev_qual != NO_CONDITION {
            let condition = ir::text::read_expr(&rule.ev_qual, &|oid| self.session.type_layout(oid))?;
            let first = queries.first().ok_or_else(|| Error::internal("invalid empty ev_action list"))?;
            let condition = deparse_query_in(self.session, self.output, &condition, first, style)?;
            text.push_str(&format!("\n   WHERE {condition}"));
        }
        text.push_str(" DO ");
        if rule.is_instead {
            text.push_str("INSTEAD ");
        }
        let columns = (rule.ev_type as u8 == b'1').then(|| column_names(&relation));
        let print =
            |query: &Query| deparse_query(self.session, self.output, query, columns.as_deref(), style);
        match &queries[..] {
            [only] => text.push_str(&(print(only)? + ";")),
            several => {
                text.push('(');
                for query in several {
                    text.push_str(&(print(query)? + ";\n"));
                }
                text.push_str(");");
            }
        }
        Ok(Some(text))
    }
}

fn column_names(relation: &RelationEntry) -> Vec<String> {
    relation.desc().attributes().iter().map(|a| a.name.clone()).collect()
}
