//! pg_get_partkeydef, pg_get_statisticsobjdef.

use super::{Definitions, column};
use crate::deparse::{Style, looks_like_function};
use base::{Error, Oid, Result};
use catalog::{PgPartitionedTable, PgStatisticExt};

impl Definitions<'_> {
    /// pg_get_partkeydef: `RANGE (a, lower(b))`.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn partition_key(&self, table: Oid) -> Result<Option<String>> {
        let row = self
            .session
            .row::<PgPartitionedTable>(catalog::index::PG_PARTITIONED_TABLE_PARTRELID, &[table.into()])?;
        let Some(row) = row else { return Ok(None) };
        let relation = self.relation(table)?;
        let exprs = row.partexprs.as_deref().map_or(Ok(Vec::new()), |text| self.read_list(text))?;
        let mut exprs = exprs.iter();
        let mut columns = Vec::new();
        for (at, number) in row.partattrs.iter().enumerate() {
            let (mut text, type_oid, collation) = if *number != 0 {
                let attribute = &relation.desc().attributes().get((*number as usize).wrapping_sub(1));
                let (type_oid, collation) = attribute.map(|a| (a.type_oid, a.collation)).unwrap_or_default();
                (column(&relation, *number)?, type_oid, collation)
            } else {
                let expr =
                    exprs.next().ok_or_else(|| Error::internal("too few entries in partexprs list"))?;
                let text = self.print(expr, Some(&relation), Style::DEFINITION)?;
                let text = if looks_like_function(expr) { text } else { format!("({text})") };
                (text, ir::expr_type(expr), ir::expr_collation(expr))
            };
            text.push_str(&self.collation(row.partcollation[at], collation)?);
            text.push_str(&self.opclass(row.partclass[at], type_oid)?);
            columns.push(text);
        }
        let strategy = match row.partstrat as u8 {
            b'h' => "HASH",
            b'l' => "LIST",
            _ => "RANGE",
        };
        Ok(Some(format!("{strategy} ({})", columns.join(", "))))
    }

    /// pg_get_partition_constraintdef: what rows of a partition fulfil.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn partition_constraint(&self, table: Oid) -> Result<Option<String>> {
        match self.session.relation(table)? {
            Some(relation) if relation.class.relispartition => {
                let mut conditions = partition::own_conditions(self.session, &relation)?;
                let whole = match conditions.len() {
                    0 => return Ok(None),
                    1 => conditions.remove(0),
                    _ => ir::Expr::Bool { op: ir::BoolOp::And, args: conditions, location: None },
                };
                self.print(&whole, Some(&relation), Style::DEFINITION).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// pg_get_statisticsobjdef: the CREATE STATISTICS command.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn statistics(&self, oid: Oid) -> Result<Option<String>> {
        let Some(row) = self.statistics_row(oid)? else { return Ok(None) };
        let exprs = row.stxexprs.as_deref().map_or(Ok(Vec::new()), |text| self.read_list(text))?;
        let mut text = format!("CREATE STATISTICS {}", self.qualified(row.stxnamespace, &row.stxname)?);
        let known = [(b'd', "ndistinct"), (b'f', "dependencies"), (b'm', "mcv")];
        let kinds: Vec<&str> =
            known.iter().filter(|(k, _)| row.stxkind.contains(&(*k as i8))).map(|(_, name)| *name).collect();
        if kinds.len() < known.len() && row.stxkeys.len() + exprs.len() > 1 {
            text.push_str(&format!(" ({})", kinds.join(", ")));
        }
        let columns = self.statistics_columns(oid)?.unwrap_or_default();
        text.push_str(&format!(" ON {columns} FROM {}", self.relation_name(row.stxrelid, false)?));
        Ok(Some(text))
    }

    /// pg_get_statisticsobjdef_columns: columns and expressions.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn statistics_columns(&self, oid: Oid) -> Result<Option<String>> {
        let Some(row) = self.statistics_row(oid)? else { return Ok(None) };
        let relation = self.relation(row.stxrelid)?;
        let mut columns = self.columns(&relation, &row.stxkeys)?;
        let exprs = row.stxexprs.as_deref().map_or(Ok(Vec::new()), |text| self.read_list(text))?;
        for expr in &exprs {
            let style = Style { pretty: true, ..Style::LINE };
            let text = self.print(expr, Some(&relation), style)?;
            columns.push(if looks_like_function(expr) { text } else { format!("({text})") });
        }
        Ok(Some(columns.join(", ")))
    }

    /// pg_get_statisticsobjdef_expressions: the expressions alone.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn statistics_expressions(&self, oid: Oid) -> Result<Option<Vec<String>>> {
        let Some(row) = self.statistics_row(oid)? else { return Ok(None) };
        let Some(exprs) = row.stxexprs.as_deref() else { return Ok(None) };
        let relation = self.relation(row.stxrelid)?;
        let style = Style::DEFINITION;
        let texts: Result<_> =
            self.read_list(exprs)?.iter().map(|e| self.print(e, Some(&relation), style)).collect();
        texts.map(Some)
    }

    fn statistics_row(&self, oid: Oid) -> Result<Option<std::sync::Arc<PgStatisticExt>>> {
        self.session.row::<PgStatisticExt>(catalog::index::PG_STATISTIC_EXT_OID, &[oid.into()])
    }
}
