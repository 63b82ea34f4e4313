//! pg_get_indexdef.

use super::{Definitions, column, option_list, options};
use crate::deparse::{Style, looks_like_function, quote_identifier};
use crate::types::BTREE;
use base::{Error, Oid, Result, err};
use catalog::{PgAm, PgAttribute, PgClass, PgIndex, RelationEntry};
use datum::Datum;
use ir::Expr;

/// indoption bits.
const DESCENDING: i16 = 1;
const NULLS_FIRST: i16 = 2;

/// An index's catalog rows, read.
struct Parts {
    index: PgIndex,
    class: PgClass,
    table: std::sync::Arc<RelationEntry>,
    expressions: Vec<Expr>,
}

impl Definitions<'_> {
    /// pg_get_indexdef: the command, or with `number` from 1 the text of one column. Pretty leaves out the schema of
    /// a visible table.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn index(&self, oid: Oid, number: Option<usize>, pretty: bool) -> Result<Option<String>> {
        let Some(parts) = self.index_parts(oid)? else { return Ok(None) };
        let style = Style::definition(pretty);
        if let Some(number) = number {
            let wanted = (1..=parts.index.indkey.len()).contains(&number);
            return match wanted {
                true => self.index_column(&parts, number - 1, true, style, None).map(Some),
                false => Ok(Some(String::new())),
            };
        }
        let PgIndex { indisunique, indrelid, .. } = parts.index;
        let mut text = format!(
            "CREATE {}INDEX {} ON {}{} USING {} (",
            if indisunique { "UNIQUE " } else { "" },
            quote_identifier(&parts.class.relname),
            if parts.class.relkind as u8 == b'I' { "ONLY " } else { "" },
            self.relation_name(indrelid, !pretty)?,
            self.method_name(parts.class.relam)?,
        );
        text.push_str(&self.index_body(&parts, style, None)?);
        Ok(Some(text))
    }

    /// `EXCLUDE USING method (column WITH operator, ...)`.
    pub(super) fn exclusion(&self, index: Oid, operators: &[Oid], style: Style) -> Result<String> {
        let parts = self
            .index_parts(index)?
            .ok_or_else(|| err!(INTERNAL_ERROR, "cache lookup failed for index {index}"))?;
        let method = self.method_name(parts.class.relam)?;
        Ok(format!("EXCLUDE USING {method} ({}", self.index_body(&parts, style, Some(operators))?))
    }

    fn method_name(&self, method: Oid) -> Result<String> {
        self.session
            .row::<PgAm>(catalog::index::PG_AM_OID, &[method.into()])?
            .map(|am| quote_identifier(&am.amname))
            .ok_or_else(|| err!(INTERNAL_ERROR, "cache lookup failed for access method {method}"))
    }

    fn index_parts(&self, oid: Oid) -> Result<Option<Parts>> {
        let Some(index) = self.session.row::<PgIndex>(catalog::index::PG_INDEX_INDEXRELID, &[oid.into()])?
        else {
            return Ok(None);
        };
        let class = self
            .session
            .row::<PgClass>(catalog::index::PG_CLASS_OID, &[oid.into()])?
            .ok_or_else(|| err!(INTERNAL_ERROR, "cache lookup failed for relation {oid}"))?;
        let table = self.relation(index.indrelid)?;
        let expressions = match &index.indexprs {
            Some(text) => self.read_list(text)?,
            None => Vec::new(),
        };
        Ok(Some(Parts { index: (*index).clone(), class: (*class).clone(), table, expressions }))
    }

    /// From the columns to the predicate.
    fn index_body(&self, parts: &Parts, style: Style, operators: Option<&[Oid]>) -> Result<String> {
        let index = &parts.index;
        let mut text = String::new();
        for at in 0..index.indkey.len() {
            if at == index.indnkeyatts as usize {
                text.push_str(") INCLUDE (");
            } else if at > 0 {
                text.push_str(", ");
            }
            text.push_str(&self.index_column(parts, at, false, style, operators)?);
        }
        text.push(')');
        if index.indnullsnotdistinct {
            text.push_str(" NULLS NOT DISTINCT");
        }
        if let Some(options) = options(&parts.class) {
            text.push_str(&format!(" WITH ({options})"));
        }
        if let Some(predicate) = &index.indpred {
            let layouts = |oid| self.session.type_layout(oid);
            let predicate = ir::text::read_expr(predicate, &layouts)?;
            let predicate = self.print(&predicate, Some(&parts.table), style)?;
            match operators {
                Some(_) => text.push_str(&format!(" WHERE ({predicate})")),
                None => text.push_str(&format!(" WHERE {predicate}")),
            }
        }
        Ok(text)
    }

    /// One column (from 0): only what is indexed, or also how.
    fn index_column(
        &self,
        parts: &Parts,
        at: usize,
        bare: bool,
        style: Style,
        operators: Option<&[Oid]>,
    ) -> Result<String> {
        let index = &parts.index;
        let number = index.indkey[at];
        let (mut text, type_oid, collation) = if number != 0 {
            let name = column(&parts.table, number)?;
            let attribute = parts.table.desc().attributes().get((number as usize).wrapping_sub(1));
            let (type_oid, collation) = attribute.map(|a| (a.type_oid, a.collation)).unwrap_or_default();
            (name, type_oid, collation)
        } else {
            let before = index.indkey[..at].iter().filter(|n| **n == 0).count();
            let expr = parts
                .expressions
                .get(before)
                .ok_or_else(|| Error::internal("too few entries in indexprs list"))?;
            let text = self.print(expr, Some(&parts.table), style)?;
            let text = if looks_like_function(expr) { text } else { format!("({text})") };
            (text, ir::expr_type(expr), ir::expr_collation(expr))
        };
        if bare || at >= index.indnkeyatts as usize {
            return Ok(text);
        }
        text.push_str(&self.collation(index.indcollation[at], collation)?);
        let options = self.opclass_options(parts.class.oid, at)?;
        text.push_str(&self.opclass(index.indclass[at], if options.is_some() { Oid(0) } else { type_oid })?);
        if let Some(options) = options {
            text.push_str(&format!(" ({options})"));
        }
        if parts.class.relam == BTREE {
            let bits = index.indoption[at];
            text.push_str(match (bits & DESCENDING != 0, bits & NULLS_FIRST != 0) {
                (true, true) => " DESC",
                (true, false) => " DESC NULLS LAST",
                (false, true) => " NULLS FIRST",
                (false, false) => "",
            });
        }
        if let Some(operator) = operators.and_then(|o| o.get(at)) {
            text.push_str(&format!(" WITH {}", self.printer().operator_name(*operator)?));
        }
        Ok(text)
    }

    fn opclass_options(&self, index: Oid, at: usize) -> Result<Option<String>> {
        let row = self.session.row::<PgAttribute>(
            catalog::index::PG_ATTRIBUTE_RELID_ATTNUM,
            &[index.into(), Datum::Int2(at as i16 + 1)],
        )?;
        let options = row.and_then(|r| r.attoptions.clone()).filter(|o| !o.is_empty());
        Ok(options.map(|o| option_list(&o)))
    }
}
