//! Partition keys: pg_partitioned_table.

use access_api::KeyOrder;
use base::{Error, Oid, Result};
use catalog::{PgOpclass, PgPartitionedTable, RelationEntry, Session, index};
use ir::{Expr, Var, VarSource};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    Hash,
    List,
    Range,
}

pub struct KeyColumn {
    /// 0 for an expression.
    pub attribute: i16,
    /// Over range table entry 1.
    pub expr: Expr,
    pub type_oid: Oid,
    pub typmod: i32,
    pub collation: Oid,
    pub family: Oid,
    /// What the operator class works on.
    pub input_type: Oid,
    /// How values compare; hash keys need no order.
    pub order: Option<Arc<dyn KeyOrder>>,
    /// Of a hash key: its function with a seed.
    pub hash_function: Oid,
}

pub struct PartitionKey {
    pub strategy: Strategy,
    pub columns: Vec<KeyColumn>,
}

/// A column of the table whose rows stored expressions are about.
pub(crate) fn column(attribute: i16, type_oid: Oid, typmod: i32, collation: Oid) -> Expr {
    Expr::Var(Var {
        source: VarSource::Relation(1),
        attribute,
        type_oid,
        typmod,
        collation,
        nulling: ir::RelSet::new(),
        levels_up: 0,
        returning: ir::Returning::Default,
        syntactic: (1, attribute),
        location: None,
    })
}

impl PartitionKey {
    /// The key of a partitioned table; `None` for other relations.
    ///
    /// # Errors
    /// `XX000` for a broken catalog.
    pub fn load(session: &Session, entry: &RelationEntry) -> Result<Option<PartitionKey>> {
        let keys = [entry.oid().into()];
        let Some(row) = session.row::<PgPartitionedTable>(index::PG_PARTITIONED_TABLE_PARTRELID, &keys)?
        else {
            return Ok(None);
        };
        let mut exprs = match &row.partexprs {
            Some(text) => ir::text::read_expr_list(text, &|oid| session.type_layout(oid))?,
            None => Vec::new(),
        }
        .into_iter();
        let strategy = match row.partstrat as u8 {
            b'h' => Strategy::Hash,
            b'l' => Strategy::List,
            _ => Strategy::Range,
        };
        let mut columns = Vec::with_capacity(row.partattrs.len());
        for (at, attribute) in row.partattrs.iter().enumerate() {
            let expr = if *attribute == 0 {
                exprs.next().ok_or_else(|| Error::internal("too few entries in partexprs list"))?
            } else {
                let a = entry
                    .desc()
                    .attributes()
                    .get(*attribute as usize - 1)
                    .ok_or_else(|| Error::internal("partition key names a column that is not there"))?;
                column(*attribute, a.type_oid, a.typmod, a.collation)
            };
            let class = session
                .row::<PgOpclass>(index::PG_OPCLASS_OID, &[row.partclass[at].into()])?
                .ok_or_else(|| Error::internal("cache lookup failed for an operator class"))?;
            let (family, input_type) = (class.opcfamily, class.opcintype);
            let collation = row.partcollation[at];
            let (order, hash_function) = match strategy {
                Strategy::Hash => {
                    let function = session.family_function(family, input_type, input_type, 2)?;
                    (None, function.unwrap_or_default())
                }
                _ => (session.family_order(family, input_type, input_type, collation)?, Oid(0)),
            };
            columns.push(KeyColumn {
                attribute: *attribute,
                type_oid: ir::expr_type(&expr),
                typmod: ir::expr_typmod(&expr),
                expr,
                collation,
                family,
                input_type,
                order,
                hash_function,
            });
        }
        Ok(Some(PartitionKey { strategy, columns }))
    }

    /// The letter of pg_partitioned_table.partstrat.
    pub fn letter(&self) -> u8 {
        match self.strategy {
            Strategy::Hash => b'h',
            Strategy::List => b'l',
            Strategy::Range => b'r',
        }
    }
}
