//! What an SQL function returns, and how its last statement's rows become that.

use analyzer::Returned;
use base::{Oid, Result};
use catalog::{PgProc, Session};
use datum::{Attribute, Batch, ColumnBuilder, Datum, OwnedDatum, TupleDesc};
use executor::{form_composite, view_composite};
use ir::{Query, TargetEntry, expr_collation, expr_type, expr_typmod};
use std::sync::Arc;

const RECORD: Oid = Oid(2249);

/// The result of one call.
#[derive(Clone)]
pub(super) struct Shape {
    pub type_oid: Oid,
    /// The columns of a row, where they are known: those of the row type, of OUT parameters, or of the query's list.
    pub desc: Option<Arc<TupleDesc>>,
    procedure: bool,
}

impl Shape {
    /// # Errors
    /// What reading the catalogs fails with.
    pub(super) fn new(
        session: &Session,
        row: &PgProc,
        type_oid: Oid,
        arguments: &[Oid],
        listed: Option<&Arc<TupleDesc>>,
    ) -> Result<Shape> {
        let desc = match type_oid {
            RECORD => match session.result_columns(row, arguments)? {
                Some(desc) => Some(Arc::new(desc)),
                None => listed.cloned(),
            },
            other => session.row_type(other)?,
        };
        Ok(Shape { type_oid, desc, procedure: row.prokind as u8 == b'p' })
    }

    pub(super) fn returned(&self) -> Returned<'_> {
        Returned {
            type_oid: self.type_oid,
            desc: self.desc.as_ref(),
            procedure: self.procedure,
            with_dropped: true,
        }
    }
}

/// Turns the rows of a last statement into results.
pub(super) struct Rows {
    as_row: bool,
    /// What a row is made of; of values that are rows already, what they are taken apart into.
    desc: Option<(Arc<TupleDesc>, i32)>,
    /// Results of sets go to a builder for each field.
    fields: bool,
}

impl Rows {
    /// # Errors
    /// What reading the types fails with.
    pub(super) fn new(session: &Session, shape: &Shape, query: &Query, as_row: bool) -> Result<Rows> {
        let desc = match (&shape.desc, as_row) {
            (Some(desc), _) => Some(desc.clone()),
            (None, true) => {
                let list = match query.command {
                    ir::CommandType::Select => &query.target_list,
                    _ => &query.returning,
                };
                Some(Arc::new(TupleDesc::new(attributes(session, list)?)))
            }
            (None, false) => None,
        };
        let desc = desc.map(|desc| {
            let anonymous = desc.type_oid == TupleDesc::RECORD_TYPE;
            let typmod = if anonymous { session.instance().records.typmod_of(&desc) } else { -1 };
            (desc, typmod)
        });
        Ok(Rows { as_row, desc, fields: shape.desc.is_some() })
    }

    /// A row as one value.
    ///
    /// # Errors
    /// `54000` when a field is too long.
    pub(super) fn value(&self, batch: &Batch, row: usize) -> Result<Option<OwnedDatum>> {
        match &self.desc {
            Some((desc, typmod)) if self.as_row => {
                let values: Vec<_> = (0..desc.len()).map(|column| batch.value(column, row)).collect();
                let payload = form_composite(desc, *typmod, &values)?;
                Ok(Some(Datum::Bytes(&payload).to_owned()))
            }
            _ => Ok(batch.value(0, row).map(Datum::to_owned)),
        }
    }

    /// Appends a row of a set.
    ///
    /// # Errors
    /// `54000`, `XX001`.
    pub(super) fn push(
        &self,
        session: &Session,
        batch: &Batch,
        row: usize,
        out: &mut [ColumnBuilder],
    ) -> Result<()> {
        if !self.fields {
            let value = self.value(batch, row)?;
            out[0].push(value.as_ref().map(OwnedDatum::as_datum));
            return Ok(());
        }
        if self.as_row {
            out.iter_mut().enumerate().for_each(|(column, builder)| builder.push(batch.value(column, row)));
            return Ok(());
        }
        let Some(value) = batch.value(0, row) else {
            out.iter_mut().for_each(ColumnBuilder::push_null);
            return Ok(());
        };
        let composite = view_composite(value.bytes())?;
        let desc = composite.desc(session)?;
        let fields = composite.fields(&desc)?;
        if fields.len() != out.len() {
            return Err(base::err!(
                DATATYPE_MISMATCH,
                "function return row and query-specified return row do not match"
            )
            .detail(format!(
                "Returned row contains {} attributes, but query expects {}.",
                fields.len(),
                out.len()
            )));
        }
        for (builder, field) in out.iter_mut().zip(&fields) {
            builder.push(field.as_ref().map(OwnedDatum::as_datum));
        }
        Ok(())
    }
}

fn attributes(session: &Session, list: &[TargetEntry]) -> Result<Vec<Attribute>> {
    let live = list.iter().filter(|t| !t.junk).map(|target| {
        let type_oid = expr_type(&target.expr);
        let name = target.name.clone().unwrap_or_else(|| "?column?".to_owned());
        let layout = session.type_layout(type_oid)?;
        Ok(Attribute::result(name, type_oid, expr_typmod(&target.expr), layout, expr_collation(&target.expr)))
    });
    live.collect()
}
