//! The rows of a table on their way into an index: what the index keeps of each.

use crate::expression::RowEvaluator;
use access_api::{Context, Relation};
use base::{BlockNumber, Result, Tid};
use btree::{Build, Input};
use catalog::PgIndex;
use datum::{Batch, ColumnBuilder, Datum, TupleView, Varlena, fixed_datum, read_varlena};
use heap::{BuildScan, Rows, Tuple};
use std::sync::Arc;

/// Reads rows with a scan and adds entries for them.
pub(super) struct Source<'s> {
    pub context: &'s Context,
    pub relation: &'s Relation,
    pub index: &'s PgIndex,
    /// The attributes (from 0, ascending) that keys, included columns, expressions and predicate read.
    pub needed: &'s [usize],
    /// For indexes with expressions or a predicate.
    pub evaluator: Option<RowEvaluator>,
}

/// Where an integer lies in rows without nulls.
#[derive(Clone, Copy)]
struct IntegerPlace {
    attribute: usize,
    start: usize,
    size: usize,
}

impl Source<'_> {
    /// Adds the entries of the scan's next page, or of a page out of turn. False at the scan's end.
    ///
    /// # Errors
    /// `54000` for long keys; what reading and expressions fail with.
    pub fn add_page(
        &mut self,
        scan: &mut BuildScan,
        sampled: Option<BlockNumber>,
        build: &Build,
        input: &mut Input,
    ) -> Result<bool> {
        if self.evaluator.is_some() {
            return self.add_computed(scan, sampled, build, input);
        }
        let place = build.takes_integers().then(|| self.integer_place()).flatten();
        let mut each = |tid: Tid, view: TupleView<'_>| -> Result<()> {
            if let Some(raw) = place.and_then(|place| place.read(view)) {
                return build.add_integer(input, raw, tid);
            }
            self.add_row(view, tid, build, input)
        };
        match sampled {
            Some(block) => scan.page(block, &mut each).map(|()| true),
            None => scan.next_page(&mut each),
        }
    }

    fn integer_place(&self) -> Option<IntegerPlace> {
        let attribute = *self.needed.first()?;
        let start = *self.relation.desc.fixed_offsets().get(attribute)? as usize;
        let size = usize::try_from(self.relation.desc.attributes()[attribute].layout.len).ok()?;
        Some(IntegerPlace { attribute, start, size })
    }

    /// The entry of a row as it is stored; values that are compressed or elsewhere are fetched.
    fn add_row(&self, view: TupleView<'_>, tid: Tid, build: &Build, input: &mut Input) -> Result<()> {
        let mut values: [Option<Datum<'_>>; super::MAX_COLUMNS] = [None; super::MAX_COLUMNS];
        let values = &mut values[..self.index.indkey.len()];
        if self.plain_values(view, values)? {
            return build.add(input, values, tid);
        }
        let tuple = Tuple { tid, bytes: view.bytes().to_vec() };
        let row = heap::deform(self.context, self.relation, &tuple, self.needed)?;
        for (number, value) in self.index.indkey.iter().zip(values.iter_mut()) {
            let at = self.needed.binary_search(&(*number as usize - 1)).unwrap_or_default();
            *value = row[at].as_ref().map(|value| value.as_datum());
        }
        build.add(input, values, tid)
    }

    /// The values of the index's columns. False if one of them does not stand in the row as it is.
    fn plain_values<'t>(&self, view: TupleView<'t>, values: &mut [Option<Datum<'t>>]) -> Result<bool> {
        let Some(&last) = self.needed.last() else { return Ok(true) };
        let desc = &self.relation.desc;
        if last >= view.attribute_count() {
            return Ok(false);
        }
        let mut plain = true;
        let mut keep = |attribute: usize, bytes: Option<&'t [u8]>| -> Result<()> {
            if self.needed.binary_search(&attribute).is_err() {
                return Ok(());
            }
            let layout = desc.attributes()[attribute].layout;
            let value = match (bytes, layout.len) {
                (None, _) => None,
                (Some(bytes), -1) => match read_varlena(bytes)?.0 {
                    Varlena::Plain(payload) => Some(Datum::Bytes(payload)),
                    _ => {
                        plain = false;
                        None
                    }
                },
                (Some(bytes), -2) => Some(Datum::Bytes(bytes.strip_suffix(&[0]).unwrap_or(bytes))),
                (Some(bytes), _) => Some(fixed_datum(bytes, layout.repr)),
            };
            for (number, slot) in self.index.indkey.iter().zip(values.iter_mut()) {
                if *number as usize == attribute + 1 {
                    *slot = value;
                }
            }
            Ok(())
        };
        view.for_each_attribute(desc, last, &mut keep)?;
        Ok(plain)
    }

    fn add_computed(
        &mut self,
        scan: &mut BuildScan,
        sampled: Option<BlockNumber>,
        build: &Build,
        input: &mut Input,
    ) -> Result<bool> {
        let mut rows = Rows::new(&self.relation.desc, self.needed, false);
        if !scan.rows(sampled, self.needed, &mut rows)? {
            return Ok(false);
        }
        let Rows { columns, tids, .. } = rows;
        let columns = columns.into_iter().map(|column| Arc::new(ColumnBuilder::finish(column))).collect();
        let batch = Batch::new(columns, tids.len());
        let Some(evaluator) = &mut self.evaluator else { return Ok(false) };
        let outputs = evaluator.evaluate(&batch)?;
        let mut values = Vec::with_capacity(self.index.indkey.len());
        for (row, tid) in tids.iter().enumerate().filter(|(row, _)| outputs.kept.contains(row)) {
            let mut computed = outputs.columns.iter();
            values.clear();
            for number in &self.index.indkey {
                values.push(match usize::try_from(*number - 1) {
                    Ok(attribute) => {
                        batch.value(self.needed.binary_search(&attribute).unwrap_or_default(), row)
                    }
                    Err(_) => computed.next().and_then(|column| column.get(row)),
                });
            }
            build.add(input, &values, *tid)?;
        }
        Ok(true)
    }
}

impl IntegerPlace {
    /// The value's bytes, zeros above.
    #[inline]
    fn read(self, view: TupleView<'_>) -> Option<u64> {
        if view.has_nulls() || self.attribute >= view.attribute_count() {
            return None;
        }
        let bytes = view.data().get(self.start..self.start + self.size)?;
        let mut raw = [0; 8];
        raw[..self.size].copy_from_slice(bytes);
        Some(u64::from_le_bytes(raw))
    }
}
