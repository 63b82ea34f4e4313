//! Partitioned tables: which partitions a query's conditions leave, and in which order their rows come.

use crate::types::{PathKey, Root};
use base::{Oid, Result};
use ir::RangeTableKind;

/// An order by the partition key, and whether it holds for a part of the key only.
pub(crate) type PartitionOrder = Option<(Vec<PathKey>, bool)>;

impl<'a> Root<'a> {
    /// The partitions of a partitioned table that can have rows for the query.
    pub fn live_partitions(&mut self, rti: usize) -> Result<Vec<Oid>> {
        let RangeTableKind::Relation { oid, .. } = self.rte(rti).kind else { return Ok(Vec::new()) };
        self.session().children(oid)
    }

    /// The order that partitions' rows have one after another, forward and backward.
    pub fn partition_order(&mut self, _rti: usize) -> Result<(PartitionOrder, PartitionOrder)> {
        Ok((None, None))
    }
}
