//! Finding rows by a key: through an index where one fits, else by reading the table. Of a partitioned table, in the
//! partition that the key tells, or in all of them.

use super::convert::Conversion;
use crate::constraint::row_batch;
use crate::context::Execution;
use crate::index_entries::as_datums;
use crate::routing::Router;
use access_api::{Direction, KeyOrder, ScanKey, Strategy};
use base::{Error, Oid, Result, Tid};
use btree::Matches;
use catalog::{IndexEntry, LockMode, RelationEntry, Session};
use datum::{Column, Datum, Row};
use heap::{Blocks, Fetcher, Rows, Scan, Visibility};
use std::cmp::Ordering;
use std::sync::Arc;

const BTREE: Oid = Oid(403);

/// A key searched for: attributes (from 0) of the table, and the values they are to equal.
pub struct Search<'a> {
    pub entry: Arc<RelationEntry>,
    pub attributes: Vec<usize>,
    /// Types of the values, which may differ from the attributes'.
    pub types: Vec<Oid>,
    pub values: &'a Row,
}

/// How one attribute is compared with the value searched for.
struct Comparison {
    order: Arc<dyn KeyOrder>,
    /// What the value goes through first.
    value: Option<Conversion>,
    /// What the stored values go through first; no index has those.
    stored: Option<Conversion>,
}

/// Rows of one table.
pub struct Found {
    pub entry: Arc<RelationEntry>,
    pub tids: Vec<Tid>,
}

impl<'a> Search<'a> {
    /// A row with the key of a table whose partitions are told by the key.
    pub fn one(&self, execution: &mut Execution) -> Result<Option<(Arc<RelationEntry>, Tid)>> {
        if self.values.iter().any(Option::is_none) {
            return Ok(None);
        }
        if self.entry.kind() != b'p' {
            let found = self.rows(execution, 1)?;
            return Ok(found.first().map(|tid| (self.entry.clone(), *tid)));
        }
        let candidates = match self.route(execution)? {
            Some(leaf) => leaf.into_iter().collect(),
            None => leaves(execution, &self.entry, LockMode::RowShare)?,
        };
        for leaf in candidates {
            if let Some(tid) = self.of_leaf(&leaf)?.rows(execution, 1)?.first() {
                return Ok(Some((leaf, *tid)));
            }
        }
        Ok(None)
    }

    /// The rows with the key, of each partition if there are any, `limit` of each table at most.
    pub fn all(&self, execution: &mut Execution, limit: usize) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for entry in leaves(execution, &self.entry, LockMode::RowExclusive)? {
            let tids = self.of_leaf(&entry)?.rows(execution, limit)?;
            if !tids.is_empty() {
                found.push(Found { entry, tids });
            }
        }
        Ok(found)
    }

    /// The same in a partition.
    fn of_leaf(&self, leaf: &Arc<RelationEntry>) -> Result<Search<'a>> {
        let attributes = attributes_of(&self.entry, leaf, &self.attributes)?;
        Ok(Search { entry: leaf.clone(), attributes, types: self.types.clone(), values: self.values })
    }

    /// The only partition that can have the key, or none; `None` when that cannot be told.
    fn route(&self, execution: &mut Execution) -> Result<Option<Option<Arc<RelationEntry>>>> {
        let session = execution.session.clone();
        let mut row: Row = vec![None; self.entry.desc().len()];
        for ((attribute, value_type), value) in self.attributes.iter().zip(&self.types).zip(self.values) {
            let wanted = session.base_type(self.entry.desc().attributes()[*attribute].type_oid)?.0;
            let own = session.base_type(*value_type)?.0;
            row[*attribute] = if own == wanted || session.binary_coercible(own, wanted)? {
                value.clone()
            } else if let Some(conversion) = Conversion::implicit(&session, own, wanted)? {
                conversion.value(execution, value.as_ref())?
            } else {
                return Ok(None);
            };
        }
        let mut router = match execution.key_routers.remove(&self.entry.oid()) {
            Some(router) => router,
            None => Router::new(&session, self.entry.clone())?,
        };
        let routed = router.route(execution, &row_batch(&self.entry, &as_datums(&row)));
        let leaf = match &routed {
            Ok((places, None)) => places.first().map(|place| router.leaves[*place].entry.clone()),
            _ => None,
        };
        execution.key_routers.insert(self.entry.oid(), router);
        routed.map(|_| Some(leaf))
    }

    /// The rows with the key that are visible now, `limit` of them at most.
    fn rows(&self, execution: &mut Execution, limit: usize) -> Result<Vec<Tid>> {
        if self.values.iter().any(Option::is_none) {
            return Ok(Vec::new());
        }
        let snapshot = execution.context.transaction.latest_snapshot()?;
        let visibility = Visibility::Mvcc(snapshot);
        let session = execution.session.clone();
        let mut comparisons = Vec::with_capacity(self.attributes.len());
        let mut values = Row::with_capacity(self.attributes.len());
        for ((attribute, value_type), value) in self.attributes.iter().zip(&self.types).zip(self.values) {
            let comparison = self.comparison(&session, *attribute, session.base_type(*value_type)?.0)?;
            values.push(match &comparison.value {
                Some(conversion) => conversion.value(execution, value.as_ref())?,
                None => value.clone(),
            });
            comparisons.push(comparison);
        }
        match self.index(&comparisons) {
            Some(index) => self.by_index(execution, &index, visibility, &comparisons, &values, limit),
            None => self.by_scan(execution, visibility, &comparisons, &values, limit),
        }
    }

    /// The index with most of the attributes in front.
    fn index(&self, comparisons: &[Comparison]) -> Option<Arc<IndexEntry>> {
        let usable = self
            .entry
            .indexes
            .iter()
            .filter(|i| i.access.is_some() && i.index.indisvalid && i.index.indpred.is_none());
        let prefix = |index: &IndexEntry| {
            let keys = index.index.indnkeyatts as usize;
            let leading = index.index.indkey.iter().take(keys);
            leading.take_while(|n| self.place(**n).is_some_and(|p| comparisons[p].stored.is_none())).count()
        };
        usable.map(|i| (prefix(i), i)).filter(|(n, _)| *n > 0).max_by_key(|(n, _)| *n).map(|(_, i)| i.clone())
    }

    /// Where an attribute number stands among those searched for.
    fn place(&self, number: i16) -> Option<usize> {
        let attribute = usize::try_from(number - 1).ok()?;
        self.attributes.iter().position(|a| *a == attribute)
    }

    /// By an operator for the two types; else the value is cast to the attribute's type, or the attribute to the
    /// value's.
    fn comparison(&self, session: &Session, attribute: usize, value_type: Oid) -> Result<Comparison> {
        let described = &self.entry.desc().attributes()[attribute];
        let collation = described.collation;
        let stored_type = session.base_type(described.type_oid)?.0;
        let unsupported = || Error::unsupported("a foreign key over this type");
        let class = session.default_opclass(stored_type, BTREE)?.ok_or_else(unsupported)?;
        let (family, key_type) = (class.opcfamily, class.opcintype);
        if let Some(order) = session.family_order(family, key_type, value_type, collation)? {
            return Ok(Comparison { order, value: None, stored: None });
        }
        let value = Conversion::implicit(session, value_type, key_type)?;
        if value.is_none()
            && let Some(stored) = Conversion::implicit(session, stored_type, value_type)?
        {
            let class = session.default_opclass(value_type, BTREE)?.ok_or_else(unsupported)?;
            let order = session.family_order(class.opcfamily, class.opcintype, class.opcintype, collation)?;
            return Ok(Comparison {
                order: order.ok_or_else(unsupported)?,
                value: None,
                stored: Some(stored),
            });
        }
        // Without a cast, the two share the operator class: arrays, enums, varchar and text.
        let order = match session.family_order(family, key_type, key_type, collation)? {
            Some(order) => order,
            None => session.structured_order(stored_type, collation)?,
        };
        Ok(Comparison { order, value, stored: None })
    }

    fn by_index(
        &self,
        execution: &Execution,
        index: &IndexEntry,
        visibility: Visibility,
        comparisons: &[Comparison],
        values: &Row,
        limit: usize,
    ) -> Result<Vec<Tid>> {
        let Some(access) = &index.access else { return Ok(Vec::new()) };
        let mut keys = Vec::new();
        for (column, number) in index.index.indkey.iter().take(index.index.indnkeyatts as usize).enumerate() {
            let Some(place) = self.place(*number) else { break };
            if comparisons[place].stored.is_some() {
                break;
            }
            keys.push(ScanKey {
                column,
                strategy: Strategy::Equal,
                values: vec![values[place].clone()],
                order: comparisons[place].order.clone(),
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
            let columns = columns_of(&rows);
            let chosen: Vec<_> = places.iter().map(|p| columns[*p].clone()).collect();
            matching(&rows.tids, &chosen, comparisons, values, &mut found);
            rows.clear();
            matches.clear();
            sources.clear();
            dead.clear();
        }
        found.truncate(limit);
        Ok(found)
    }

    fn by_scan(
        &self,
        execution: &mut Execution,
        visibility: Visibility,
        comparisons: &[Comparison],
        values: &Row,
        limit: usize,
    ) -> Result<Vec<Tid>> {
        let (needed, places) = self.needed();
        let relation = &self.entry.relation;
        let mut scan = Scan::new(&execution.context, relation, visibility, Blocks::All, &needed)?;
        let mut rows = Rows::new(self.entry.desc(), &needed, false);
        let mut found = Vec::new();
        while found.len() < limit && scan.next_page(1024, &mut rows)? > 0 {
            execution.check()?;
            let columns = columns_of(&rows);
            let mut chosen = Vec::with_capacity(places.len());
            for (place, comparison) in places.iter().zip(comparisons) {
                let column = columns[*place].clone();
                chosen.push(match &comparison.stored {
                    Some(conversion) => conversion.column(execution, column, rows.len())?,
                    None => column,
                });
            }
            matching(&rows.tids, &chosen, comparisons, values, &mut found);
            rows.clear();
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
}

fn columns_of(rows: &Rows) -> Vec<Arc<Column>> {
    rows.columns.iter().map(|c| Arc::new(c.clone().finish())).collect()
}

/// Adds the rows whose attributes equal the values.
fn matching(
    tids: &[Tid],
    columns: &[Arc<Column>],
    comparisons: &[Comparison],
    values: &Row,
    found: &mut Vec<Tid>,
) {
    let values = as_datums(values);
    for (row, tid) in tids.iter().enumerate() {
        let equal =
            columns.iter().zip(&values).zip(comparisons).all(|((column, value), comparison)| {
                match (column.get(row), value) {
                    (Some(stored), Some(value)) => {
                        comparison.order.compare(stored, *value) == Ordering::Equal
                    }
                    _ => false,
                }
            });
        if equal {
            found.push(*tid);
        }
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

/// What attributes (from 0) of a table are in one of its partitions.
pub fn attributes_of(
    table: &RelationEntry,
    leaf: &RelationEntry,
    attributes: &[usize],
) -> Result<Vec<usize>> {
    let own = |attribute: &usize| {
        let name = &table.desc().attributes()[*attribute].name;
        let missing = || Error::internal(format!("partition {} has no column {name}", leaf.name()));
        leaf.desc().position(name).ok_or_else(missing)
    };
    attributes.iter().map(own).collect()
}

/// The tables that have a table's rows, locked: its partitions' partitions, or itself.
pub fn leaves(
    execution: &Execution,
    entry: &Arc<RelationEntry>,
    mode: LockMode,
) -> Result<Vec<Arc<RelationEntry>>> {
    let (mut found, mut open) = (Vec::new(), vec![entry.clone()]);
    while let Some(entry) = open.pop() {
        if entry.kind() != b'p' {
            found.push(entry);
            continue;
        }
        let session = &execution.session;
        for child in session.children(entry.oid())?.into_iter().rev() {
            session.lock_relation(child, mode)?;
            open.push(session.require_relation(child)?);
        }
    }
    Ok(found)
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
