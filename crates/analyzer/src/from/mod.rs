//! The FROM clause.

mod function;
mod join;
mod sample;

use crate::context::ExprKind;
use crate::relation::alias_of;
use crate::state::{Analyzer, NamespaceItem};
use base::{Error, Result, err};
use catalog::LockMode;
use ir::{JoinNode, RangeTableKind};
use syntax::{RelationName, TableRef};

/// A FROM item: its join tree, its own namespace item and all items that it makes visible.
pub(crate) struct FromItem {
    pub node: JoinNode,
    pub item: NamespaceItem,
    pub namespace: Vec<NamespaceItem>,
}

impl Analyzer<'_> {
    /// Analyses a FROM list and makes its items visible.
    pub(crate) fn analyze_from(&mut self, list: &[TableRef]) -> Result<Vec<JoinNode>> {
        let mut nodes = Vec::with_capacity(list.len());
        for table in list {
            let mut found = self.deeper(|a| a.analyze_item(table))?;
            self.check_name_conflicts(&self.current().namespace, &found.namespace)?;
            // Until the list is complete, other members see this one through LATERAL only.
            for item in &mut found.namespace {
                item.lateral_only = true;
                item.lateral_ok = true;
            }
            self.level().namespace.append(&mut found.namespace);
            nodes.push(found.node);
        }
        for item in &mut self.level().namespace {
            item.lateral_only = false;
            item.lateral_ok = true;
        }
        Ok(nodes)
    }

    pub(crate) fn check_name_conflicts(&self, known: &[NamespaceItem], new: &[NamespaceItem]) -> Result<()> {
        for a in known.iter().filter(|i| i.relation_visible) {
            for b in new.iter().filter(|i| i.relation_visible) {
                if a.names.name != b.names.name {
                    continue;
                }
                if let (Some(x), Some(y)) = (self.plain_relation(a), self.plain_relation(b)) {
                    // Tables of one name in two schemas can be told apart by qualified names.
                    if x != y {
                        continue;
                    }
                }
                return Err(err!(
                    DUPLICATE_ALIAS,
                    "table name \"{}\" specified more than once",
                    a.names.name
                ));
            }
        }
        Ok(())
    }

    fn plain_relation(&self, item: &NamespaceItem) -> Option<base::Oid> {
        let entry = &self.current().range_table[item.index - 1];
        match &entry.kind {
            RangeTableKind::Relation { oid, .. } if entry.alias.is_none() => Some(*oid),
            _ => None,
        }
    }

    pub(crate) fn analyze_item(&mut self, table: &TableRef) -> Result<FromItem> {
        match table {
            TableRef::Relation { relation, alias, sample } => {
                let item = self.relation_item(relation, alias.as_ref())?;
                if let Some(sample) = sample {
                    self.table_sample(&item, sample, relation.location)?;
                }
                Ok(single(item))
            }
            TableRef::Subquery { query, lateral, alias, .. } => {
                let level = self.level();
                let saved = (level.kind, level.lateral_active);
                level.kind = ExprKind::FromSubselect;
                level.lateral_active = *lateral;
                let locked = self.is_locked(alias.as_ref().map(|a| a.name.as_str()));
                let analysed = self.subselect(query, None, locked, false);
                let level = self.level();
                (level.kind, level.lateral_active) = saved;
                let item = self.add_subquery(analysed?, alias.as_ref().map(alias_of), *lateral, true)?;
                let mut item = single(item);
                // Without an alias the subquery cannot be named.
                if alias.is_none() {
                    item.namespace.iter_mut().for_each(|i| i.relation_visible = false);
                    item.item.relation_visible = false;
                }
                Ok(item)
            }
            TableRef::Function(function) => Ok(single(self.function_item(function)?)),
            TableRef::XmlTable { table, .. } => Err(Error::unsupported("XMLTABLE").at(table.location)),
            TableRef::JsonTable { table, .. } => Err(Error::unsupported("JSON_TABLE").at(table.location)),
            TableRef::Join(join) => self.join(join),
        }
    }

    /// Whether FOR UPDATE of this level names the item.
    fn is_locked(&self, name: Option<&str>) -> bool {
        let level = self.current();
        level.locked_from_parent
            || level.locking.iter().any(|l| l.is_empty() || name.is_some_and(|n| l.iter().any(|r| r == n)))
    }

    fn relation_item(&mut self, name: &RelationName, alias: Option<&syntax::Alias>) -> Result<NamespaceItem> {
        let alias = alias.map(alias_of);
        if name.schema.is_none()
            && let Some((at, up)) = self.find_cte(&name.name)
        {
            self.prepare_cte_reference(at, up, name.location)?;
            return self.add_cte(at, up, alias, name.location);
        }
        let locked = self.is_locked(Some(alias.as_ref().map_or(name.name.as_str(), |a| a.name.as_str())));
        let mode = if locked { LockMode::RowShare } else { LockMode::AccessShare };
        let relation = self.open_relation(name, mode)?;
        self.check_readable(&relation, name.location)?;
        self.add_relation(&relation, mode, alias, name.inherit, true)
    }

    /// A CTE of the name: its place in its level, and how many levels up that is.
    fn find_cte(&self, name: &str) -> Option<(usize, u32)> {
        self.levels
            .iter()
            .rev()
            .enumerate()
            .find_map(|(up, level)| level.ctes.iter().position(|c| c.name == name).map(|at| (at, up as u32)))
    }
}

pub(crate) fn single(item: NamespaceItem) -> FromItem {
    FromItem { node: JoinNode::Relation(item.index), namespace: vec![item.clone()], item }
}
