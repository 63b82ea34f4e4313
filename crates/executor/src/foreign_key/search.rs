//! Finding rows by a key: through an index where one fits, else by reading the table.

use crate::context::Execution;
use crate::index_entries::as_datums;
use access_api::{Direction, KeyOrder, ScanKey, Strategy};
use base::{Error, Oid, Result, Tid};
use btree::Matches;
use catalog::{IndexEntry, RelationEntry};
use datum::{Datum, Row};
use heap::{Blocks, Fetcher, Rows, Scan, Visibility};
use std::cmp::Ordering;
use std::sync::Arc;

const BTREE: Oid = Oid(403);

/// A key searched for: attributes (from 0) of the table, and the values they are to equal.
pub struct Search<'a> {
    pub entry: &'a RelationEntry,
    pub attributes: Vec<usize>,
    /// Types of the values, which may differ from the attributes'.
    pub types: Vec<Oid>,
    pub values: &'a Row,
}

impl Search<'_> {
    /// The rows with the key that are visible now, `limit` of them at most.
    pub fn rows(&self, execution: &Execution, limit: usize) -> Result<Vec<Tid>> {
        if self.values.iter().any(Option::is_none) {
            return Ok(Vec::new());
        }
        let snapshot = execution.context.transaction.latest_snapshot()?;
        let visibility = Visibility::Mvcc(snapshot);
        match self.index() {
            Some(index) => self.by_index(execution, &index, visibility, limit),
            None => self.by_scan(execution, visibility, limit),
        }
    }

    /// The index with most of the attributes in front.
    fn index(&self) -> Option<Arc<IndexEntry>> {
        let usable = self
            .entry
            .indexes
            .iter()
            .filter(|i| i.access.is_some() && i.index.indisvalid && i.index.indpred.is_none());
        let prefix = |index: &IndexEntry| {
            let keys = index.index.indnkeyatts as usize;
            let leading = index.index.indkey.iter().take(keys);
            let fits = |n: &&i16| usize::try_from(**n - 1).is_ok_and(|a| self.attributes.contains(&a));
            leading.take_while(fits).count()
        };
        usable.map(|i| (prefix(i), i)).filter(|(n, _)| *n > 0).max_by_key(|(n, _)| *n).map(|(_, i)| i.clone())
    }

    fn orders(&self, execution: &Execution) -> Result<Vec<Arc<dyn KeyOrder>>> {
        let session = &execution.session;
        let mut orders = Vec::with_capacity(self.attributes.len());
        for (attribute, value_type) in self.attributes.iter().zip(&self.types) {
            let described = &self.entry.desc().attributes()[*attribute];
            let class = session.default_opclass(described.type_oid, BTREE)?;
            let order = match class {
                Some(class) => {
                    let value_type = session.base_type(*value_type)?.0;
                    let family = class.opcfamily;
                    match session.family_order(family, class.opcintype, value_type, described.collation)? {
                        Some(order) => Some(order),
                        None => session.family_order(
                            family,
                            class.opcintype,
                            class.opcintype,
                            described.collation,
                        )?,
                    }
                }
                None => None,
            };
            orders.push(order.ok_or_else(|| Error::unsupported("a foreign key over this type"))?);
        }
        Ok(orders)
    }

    fn by_index(
        &self,
        execution: &Execution,
        index: &IndexEntry,
        visibility: Visibility,
        limit: usize,
    ) -> Result<Vec<Tid>> {
        let Some(access) = &index.access else { return Ok(Vec::new()) };
        let orders = self.orders(execution)?;
        let mut keys = Vec::new();
        for (column, number) in index.index.indkey.iter().take(index.index.indnkeyatts as usize).enumerate() {
            let place = usize::try_from(*number - 1).ok();
            let Some(place) = place.and_then(|a| self.attributes.iter().position(|x| *x == a)) else { break };
            keys.push(ScanKey {
                column,
                strategy: Strategy::Equal,
                values: vec![self.values[place].clone()],
                order: orders[place].clone(),
            });
        }
        let context = &execution.context;
        let mut scan = btree::Scan::new(context, access, &keys, Direction::Forward, None)?;
        let (needed, places) = self.needed();
        let mut fetcher = Fetcher::new(context, &self.entry.relation, visibility, &needed);
        let mut matches = Matches::new(access, None);
        let mut rows = Rows::new(self.entry.desc(), &needed, false);
        let (mut sources, mut dead) = (Vec::new(), Vec::new());
        let mut found = Vec::new();
        while found.len() < limit && scan.next(limit.clamp(1, 256), &mut matches)? > 0 {
            fetcher.fetch_many(&matches.tids, &mut rows, &mut sources, &mut dead)?;
            self.matching(&mut rows, &places, &orders, &mut found);
            matches.clear();
            sources.clear();
            dead.clear();
        }
        found.truncate(limit);
        Ok(found)
    }

    fn by_scan(&self, execution: &Execution, visibility: Visibility, limit: usize) -> Result<Vec<Tid>> {
        let orders = self.orders(execution)?;
        let (needed, places) = self.needed();
        let relation = &self.entry.relation;
        let mut scan = Scan::new(&execution.context, relation, visibility, Blocks::All, &needed)?;
        let mut rows = Rows::new(self.entry.desc(), &needed, false);
        let mut found = Vec::new();
        while found.len() < limit && scan.next_page(1024, &mut rows)? > 0 {
            execution.check()?;
            self.matching(&mut rows, &places, &orders, &mut found);
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The attributes ascending, and where each key column stands among them.
    fn needed(&self) -> (Vec<usize>, Vec<usize>) {
        let mut needed = self.attributes.clone();
        needed.sort_unstable();
        needed.dedup();
        let places = self.attributes.iter().map(|a| needed.binary_search(a).unwrap_or(0)).collect();
        (needed, places)
    }

    /// Adds the rows whose attributes equal the values; empties `rows`.
    fn matching(
        &self,
        rows: &mut Rows,
        places: &[usize],
        orders: &[Arc<dyn KeyOrder>],
        found: &mut Vec<Tid>,
    ) {
        let columns: Vec<_> = rows.columns.iter().map(|c| c.clone().finish()).collect();
        let values = as_datums(self.values);
        for (row, tid) in rows.tids.iter().enumerate() {
            let equal = places.iter().zip(&values).zip(orders).all(|((place, value), order)| {
                match (columns[*place].get(row), value) {
                    (Some(stored), Some(value)) => order.compare(stored, *value) == Ordering::Equal,
                    _ => false,
                }
            });
            if equal {
                found.push(*tid);
            }
        }
        rows.clear();
    }
}

/// Attribute numbers as places from 0.
pub fn places(numbers: &[i16]) -> Vec<usize> {
    numbers.iter().filter_map(|n| usize::try_from(*n - 1).ok()).collect()
}

/// The types of attributes.
pub fn types_of(entry: &RelationEntry, attributes: &[usize]) -> Vec<Oid> {
    attributes.iter().map(|a| entry.desc().attributes()[*a].type_oid).collect()
}

/// Calls `visit` with the key of every visible row.
pub fn for_each_row(
    execution: &mut Execution,
    entry: &RelationEntry,
    numbers: &[i16],
    visit: &mut dyn FnMut(&mut Execution, Row) -> Result<()>,
) -> Result<()> {
    let attributes = places(numbers);
    let mut needed = attributes.clone();
    needed.sort_unstable();
    needed.dedup();
    let visibility = Visibility::Mvcc(execution.context.transaction.latest_snapshot()?);
    let mut scan = Scan::new(&execution.context, &entry.relation, visibility, Blocks::All, &needed)?;
    let mut rows = Rows::new(entry.desc(), &needed, false);
    while scan.next_page(1024, &mut rows)? > 0 {
        execution.check()?;
        let columns: Vec<_> = rows.columns.iter().map(|c| c.clone().finish()).collect();
        for row in 0..rows.len() {
            let value = |attribute: &usize| {
                let place = needed.binary_search(attribute).ok()?;
                columns[place].get(row).map(Datum::to_owned)
            };
            visit(execution, attributes.iter().map(value).collect())?;
        }
        rows.clear();
    }
    Ok(())
}
