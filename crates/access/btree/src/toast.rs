//! The index of a TOAST table, as the heap wants it.

use crate::insert::{Inserted, UniqueCheck, insert};
use crate::scan::{Matches, Scan};
use access_api::{
    Context, Direction, DirtyView, HeapView, IndexRelation, Relation, ScanKey, Strategy, ToastIndex,
};
use base::{Error, Oid, Result, Tid, Xid};
use datum::{Datum, OwnedDatum};
use std::ops::Range;

/// B-trees on (chunk_id, chunk_seq).
pub struct ToastBtree;

/// TOAST rows are made under ids that were found to be free, so that uniqueness is not checked.
struct NoView;

impl HeapView for NoView {
    fn dirty(&self, _: &Context, _: &Relation, _: Tid) -> Result<DirtyView> {
        Err(Error::internal("the uniqueness of TOAST rows is not checked"))
    }

    fn dead_to_all(&self, _: &Context, _: &Relation, roots: &[Tid]) -> Result<(Vec<bool>, Xid)> {
        Ok((vec![false; roots.len()], Xid::INVALID))
    }
}

impl ToastIndex for ToastBtree {
    fn insert(
        &self,
        context: &Context,
        index: &IndexRelation,
        value: Oid,
        chunk: i32,
        tid: Tid,
    ) -> Result<()> {
        let values = [Some(Datum::from(value)), Some(Datum::Int4(chunk))];
        // Of the table, only names in error messages are of interest.
        match insert(context, index, &index.relation, &NoView, &values, tid, UniqueCheck::No, false)? {
            Inserted::Done => Ok(()),
            other => Err(Error::internal(format!("unexpected outcome of a TOAST insertion: {other:?}"))),
        }
    }

    fn chunks(
        &self,
        context: &Context,
        index: &IndexRelation,
        value: Oid,
        chunks: Range<i32>,
    ) -> Result<Vec<(i32, Tid)>> {
        let key = |column: usize, strategy, value| ScanKey {
            column,
            strategy,
            values: vec![Some(value)],
            order: index.keys[column].order.clone(),
        };
        let keys = [
            key(0, Strategy::Equal, OwnedDatum::from(value)),
            key(1, Strategy::GreaterEqual, OwnedDatum::Int4(chunks.start)),
            key(1, Strategy::Less, OwnedDatum::Int4(chunks.end)),
        ];
        let mut scan = Scan::new(context, index, &keys, Direction::Forward, Some(&[1]))?;
        let mut matches = Matches::new(index, Some(&[1]));
        while scan.next(usize::MAX, &mut matches)? > 0 {}
        let Some(numbers) = matches.columns.into_iter().next() else { return Ok(Vec::new()) };
        let numbers = numbers.finish();
        Ok(matches
            .tids
            .iter()
            .enumerate()
            .filter_map(|(row, tid)| numbers.get(row).map(|number| (number.int4(), *tid)))
            .collect())
    }
}
