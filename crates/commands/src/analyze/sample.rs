//! The rows that ANALYZE looks at: of one table, or of a table with all that descend from it.

use crate::name::lock_relation;
use base::Result;
use catalog::{RelationEntry, Session};
use datum::{Batch, Column, ColumnBuilder};
use lock::LockMode;
use std::sync::Arc;

fn seed(session: &Session) -> u64 {
    let mut bytes = [0; 8];
    session.instance().system.random.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

fn live_attributes(entry: &RelationEntry) -> Vec<usize> {
    (0..entry.desc().len()).filter(|i| !entry.desc().attributes()[*i].dropped).collect()
}

/// Columns of the attributes that are there, with NULLs where columns were dropped.
fn whole_rows(entry: &RelationEntry, columns: Vec<Arc<Column>>, rows: usize) -> Batch {
    let mut taken = columns.into_iter();
    let mut whole: Vec<Arc<Column>> = Vec::with_capacity(entry.desc().len());
    for attribute in entry.desc().attributes() {
        let column = if attribute.dropped { None } else { taken.next() };
        whole.push(column.unwrap_or_else(|| Arc::new(Column::constant(attribute.layout.repr, None))));
    }
    Batch::new(whole, rows)
}

/// Up to `wanted` random rows, in physical order.
fn sample(
    session: &Session,
    entry: &RelationEntry,
    wanted: usize,
    frames: usize,
) -> Result<(heap::Sample, Vec<Column>, usize)> {
    let context = session.context()?;
    let all = live_attributes(entry);
    let mut rows = heap::Rows::new(entry.desc(), &all, false);
    let ring = heap::vacuum_ring(&context, frames);
    let strategy = ring.as_ref().map_or(buffer::Strategy::Normal, buffer::Strategy::Ring);
    let found =
        heap::sample_rows(&context, &entry.relation, wanted, seed(session), &all, strategy, &mut rows)?;
    let count = rows.len();
    Ok((found, rows.columns.into_iter().map(ColumnBuilder::finish).collect(), count))
}

/// Rows of the table itself.
///
/// # Errors
/// `XX001` for damaged pages.
pub(super) fn own(
    session: &Session,
    entry: &RelationEntry,
    wanted: usize,
    frames: usize,
) -> Result<(heap::Sample, Batch)> {
    let (found, columns, count) = sample(session, entry, wanted, frames)?;
    Ok((found, whole_rows(entry, columns.into_iter().map(Arc::new).collect(), count)))
}

/// Rows of the table and all that descend from it, of each as many as its size asks for, in the table's columns; and
/// how many there are. `None` without children.
///
/// # Errors
/// `XX001` for damaged pages.
pub(super) fn inherited(
    session: &Session,
    entry: &RelationEntry,
    wanted: usize,
    frames: usize,
) -> Result<Option<(f64, Batch)>> {
    let context = session.context()?;
    let mut members = Vec::new();
    let mut total_blocks = 0.0;
    for (oid, _) in session.descendants(entry.oid())? {
        if oid != entry.oid() {
            lock_relation(session, oid, LockMode::AccessShare)?;
        }
        let Some(member) = session.relation(oid)? else { continue };
        if !matches!(member.kind(), b'r' | b'm') || crate::vacuum::is_other_temporary(session, &member.class)?
        {
            continue;
        }
        let blocks = f64::from(heap::block_count(&context, &member.relation)?);
        total_blocks += blocks;
        members.push((member, blocks));
    }
    if !members.iter().any(|(member, _)| member.oid() != entry.oid()) {
        return Ok(None);
    }
    let live = live_attributes(entry);
    let mut builders: Vec<ColumnBuilder> = live
        .iter()
        .map(|at| ColumnBuilder::new(entry.desc().attributes()[*at].layout.repr, wanted.min(1024)))
        .collect();
    let (mut count, mut total_rows) = (0, 0.0);
    for (member, blocks) in members {
        if blocks == 0.0 {
            continue;
        }
        let share = (wanted as f64 * blocks / total_blocks).round_ties_even() as usize;
        let share = share.min(wanted - count);
        if share == 0 {
            continue;
        }
        let (found, columns, rows) = sample(session, &member, share, frames)?;
        total_rows += found.live;
        count += rows;
        let places = live_attributes(&member);
        for (builder, at) in builders.iter_mut().zip(&live) {
            let name = &entry.desc().attributes()[*at].name;
            let column = member
                .desc()
                .position(name)
                .and_then(|position| places.iter().position(|place| *place == position))
                .map(|place| &columns[place]);
            for row in 0..rows {
                builder.push(column.and_then(|column| column.get(row)));
            }
        }
    }
    let columns = builders.into_iter().map(|builder| Arc::new(builder.finish())).collect();
    Ok(Some((total_rows, whole_rows(entry, columns, count))))
}
