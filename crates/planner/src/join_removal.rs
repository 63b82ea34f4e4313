//! Left joins that add no column and no row: with a relation of which nothing is read, and of which a unique index lets
//! no more than one row match.

use crate::clause::{ands, contains_volatile, relids, strip_relabel, var_rti};
use crate::types::Root;
use base::Result;
use ir::{Expr, FromExpr, JoinKind, JoinNode, RangeTableKind, VarSource};

impl<'a> Root<'a> {
    /// Drops such joins from FROM.
    pub fn remove_useless_joins(&mut self) -> Result<()> {
        let mut from = std::mem::take(&mut self.query.join_tree);
        // What is left of FROM while one of its joins is looked at is a part of what reads columns.
        let removed = self.remove_in_from(&mut from, &[]);
        self.query.join_tree = from;
        removed
    }

    fn remove_in_from(&self, from: &mut FromExpr, above: &[&Expr]) -> Result<()> {
        let quals = from.quals.take();
        for i in 0..from.items.len() {
            let mut item = std::mem::replace(&mut from.items[i], JoinNode::Relation(0));
            let mut readers: Vec<&Expr> = above.to_vec();
            readers.extend(quals.as_deref());
            for other in &from.items {
                conditions(other, &mut readers);
            }
            let result = self.remove_in_node(&mut item, &readers);
            from.items[i] = item;
            result?;
        }
        from.quals = quals;
        Ok(())
    }

    fn remove_in_node(&self, node: &mut JoinNode, above: &[&Expr]) -> Result<()> {
        match node {
            JoinNode::Relation(_) => return Ok(()),
            JoinNode::From(from) => return self.remove_in_from(from, above),
            JoinNode::Join(join) => {
                let mut readers: Vec<&Expr> = above.to_vec();
                readers.extend(join.quals.as_deref());
                let mut for_left = readers.clone();
                conditions(&join.right, &mut for_left);
                self.remove_in_node(&mut join.left, &for_left)?;
                conditions(&join.left, &mut readers);
                self.remove_in_node(&mut join.right, &readers)?;
            }
        }
        let JoinNode::Join(join) = &*node else { return Ok(()) };
        let (JoinKind::Left, JoinNode::Relation(rti), Some(quals)) = (join.kind, &join.right, &join.quals)
        else {
            return Ok(());
        };
        let mut readers: Vec<&Expr> = above.to_vec();
        conditions(&join.left, &mut readers);
        let useless = !self.is_read(*rti, &readers) && self.matches_once(*rti, quals)?;
        if useless && let JoinNode::Join(join) = std::mem::replace(node, JoinNode::Relation(0)) {
            *node = join.left;
        }
        Ok(())
    }

    /// Whether anything but the condition of its own join reads a relation.
    fn is_read(&self, rti: usize, conditions: &[&Expr]) -> bool {
        let reads = |e: &Expr| {
            let mut found = false;
            ir::walk_levels(e, 0, &mut |e, depth| {
                found |=
                    matches!(e, Expr::Var(v) if v.levels_up == depth && v.source == VarSource::Relation(rti));
                !found
            });
            found
        };
        let q = &self.query;
        let targets = q.target_list.iter().chain(&q.returning).map(|t| &t.expr);
        let limits = q.limit_offset.iter().chain(&q.limit_count).map(|e| &**e);
        let offsets = q.windows.iter().flat_map(|w| w.start_offset.iter().chain(&w.end_offset)).map(|e| &**e);
        if targets
            .chain(limits)
            .chain(offsets)
            .chain(&self.having)
            .chain(conditions.iter().copied())
            .any(reads)
            || self.row_marks.iter().any(|m| m.relation == rti)
        {
            return true;
        }
        q.range_table.iter().any(|entry| {
            let mut found = false;
            match &entry.kind {
                // Joins' columns have been replaced by what they stand for.
                RangeTableKind::Join { .. } | RangeTableKind::Group { .. } => {}
                RangeTableKind::Subquery { query, .. } => ir::walk_query_levels(query, 1, &mut |e, depth| {
                    found |=
                        matches!(e, Expr::Var(v) if v.levels_up == depth && v.source == VarSource::Relation(rti));
                    !found
                }),
                RangeTableKind::Function { functions, .. } => found = functions.iter().any(|f| reads(&f.expr)),
                RangeTableKind::Values { lists, .. } => found = lists.iter().flatten().any(reads),
                RangeTableKind::Relation { sample: Some(sample), .. } => {
                    found = sample.args.iter().chain(&sample.repeatable).any(reads);
                }
                _ => {}
            }
            found
        })
    }

    /// Whether the condition equates all columns of a unique index with values from elsewhere.
    fn matches_once(&self, rti: usize, quals: &Expr) -> Result<bool> {
        let RangeTableKind::Relation { oid, sample: None, .. } = &self.rte(rti).kind else {
            return Ok(false);
        };
        if !self.rte(rti).security_quals.is_empty() {
            return Ok(false);
        }
        let mut equal: Vec<(i16, base::Oid)> = Vec::new();
        for clause in ands(quals.clone()) {
            let Expr::Op(op) = &clause else { continue };
            let [left, right] = op.args.as_slice() else { continue };
            let column = |e: &Expr| match strip_relabel(e) {
                Expr::Var(v) if var_rti(v) == Some(rti) => Some(v.attribute),
                _ => None,
            };
            let (attribute, other) = match (column(left), column(right)) {
                (Some(attribute), None) => (attribute, right),
                (None, Some(attribute)) => (attribute, left),
                _ => continue,
            };
            if relids(other).contains(rti) || contains_volatile(self.session(), &clause)? {
                continue;
            }
            for row in self.session().operator_families(op.operator)?.iter() {
                if row.amopmethod == crate::clause::BTREE && row.amopstrategy == 3 {
                    equal.push((attribute, row.amopfamily));
                }
            }
        }
        if equal.is_empty() {
            return Ok(false);
        }
        let entry = self.session().require_relation(*oid)?;
        Ok(entry.indexes.iter().any(|index| {
            let row = &index.index;
            let keys = row.indnkeyatts.max(0) as usize;
            row.indisunique
                && row.indimmediate
                && row.indisvalid
                && row.indpred.is_none()
                && keys > 0
                && row
                    .indkey
                    .iter()
                    .take(keys)
                    .zip(&index.families)
                    .all(|k| *k.0 > 0 && equal.contains(&(*k.0, *k.1)))
        }))
    }
}

/// The conditions of a part of FROM.
fn conditions<'e>(node: &'e JoinNode, out: &mut Vec<&'e Expr>) {
    match node {
        JoinNode::Relation(_) => {}
        JoinNode::From(from) => {
            out.extend(from.quals.as_deref());
            from.items.iter().for_each(|item| conditions(item, out));
        }
        JoinNode::Join(join) => {
            out.extend(join.quals.as_deref());
            conditions(&join.left, out);
            conditions(&join.right, out);
        }
    }
}
