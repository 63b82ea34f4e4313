//! UNION ALL as an append relation: a subquery in FROM that is nothing else, or the whole query.

use crate::clause::var;
use crate::pull_up::append_range_table;
use crate::types::{AppendMember, Root};
use base::Result;
use ir::{
    CommandType, Expr, JoinNode, Query, RangeTableKind, SetOperation, SetOperationKind, SetOperationTree,
};

/// A query that is UNION ALL of queries with columns of one type, and does nothing with the rows.
pub(crate) fn is_simple_union_all(query: &Query) -> bool {
    let Some(tree) = &query.set_operations else { return false };
    let SetOperationTree::Operation(top) = &**tree else { return false };
    query.command == CommandType::Select
        && query.sort_clause.is_empty()
        && query.limit_offset.is_none()
        && query.limit_count.is_none()
        && query.row_marks.is_empty()
        && query.ctes.is_empty()
        && !query.has_recursive
        && all_of_types(query, tree, top)
}

fn all_of_types(query: &Query, tree: &SetOperationTree, top: &SetOperation) -> bool {
    match tree {
        SetOperationTree::Operation(op) => {
            op.kind == SetOperationKind::Union
                && op.all
                && all_of_types(query, &op.left, top)
                && all_of_types(query, &op.right, top)
        }
        SetOperationTree::Relation(rti) => {
            let Some(RangeTableKind::Subquery { query: leaf, .. }) =
                query.range_table.get(rti.wrapping_sub(1)).map(|r| &r.kind)
            else {
                return false;
            };
            leaf.target_list.iter().all(|t| !t.junk)
                && leaf.target_list.len() == top.types.len()
                && leaf.target_list.iter().zip(&top.types).all(|(t, o)| ir::expr_type(&t.expr) == *o)
        }
    }
}

fn leaves(tree: &SetOperationTree, out: &mut Vec<usize>) {
    match tree {
        SetOperationTree::Relation(rti) => out.push(*rti),
        SetOperationTree::Operation(op) => {
            leaves(&op.left, out);
            leaves(&op.right, out);
        }
    }
}

/// The range table index of the only thing that a query reads, if it checks nothing.
pub(crate) fn only_member(query: &Query) -> Option<usize> {
    let mut from = &query.join_tree;
    loop {
        match (from.items.as_slice(), &from.quals) {
            ([JoinNode::Relation(rti)], None) => return Some(*rti),
            ([JoinNode::From(inner)], None) => from = inner,
            _ => return None,
        }
    }
}

impl<'a> Root<'a> {
    /// Makes the queries of a UNION ALL in FROM members of the entry it stands in.
    pub fn pull_up_union_all(&mut self, rti: usize, query: Query) -> Result<()> {
        let lateral = self.rte(rti).lateral;
        let Some(tree) = query.set_operations.clone() else { return Ok(()) };
        let mut members = Vec::new();
        leaves(&tree, &mut members);
        let offset = self.query.range_table.len();
        let permissions = self.query.permissions.len();
        let query = Query { set_operations: None, target_list: Vec::new(), ..query };
        append_range_table(self, query, permissions)?;
        if let RangeTableKind::Subquery { query, .. } = &mut self.query.range_table[rti - 1].kind {
            **query = Query::default();
        }
        for leaf in members {
            let child = leaf + offset;
            self.query.range_table[child - 1].lateral |= lateral;
            self.add_union_member(rti, child)?;
        }
        Ok(())
    }

    fn add_union_member(&mut self, parent: usize, child: usize) -> Result<()> {
        let RangeTableKind::Subquery { query, .. } = &self.rte(child).kind else { return Ok(()) };
        let column = |t: &ir::TargetEntry| {
            let (type_oid, typmod) = (ir::expr_type(&t.expr), ir::expr_typmod(&t.expr));
            Some(Expr::Var(var(child, t.number, type_oid, typmod, ir::expr_collation(&t.expr))))
        };
        let columns = query.target_list.iter().filter(|t| !t.junk).map(column).collect();
        let names = self.rte(parent).eref.columns.clone();
        self.append_members.push(AppendMember { parent, child, columns, row_type: None, names });
        self.pull_up_member(self.append_members.len() - 1)
    }

    /// A query that is UNION ALL as a whole becomes one that reads an append relation.
    pub fn flatten_union_all(&mut self) -> Result<()> {
        if self.has_recursion {
            return Ok(());
        }
        let Some(tree) = self.query.set_operations.clone() else { return Ok(()) };
        let SetOperationTree::Operation(top) = &*tree else { return Ok(()) };
        if !all_of_types(&self.query, &tree, top) {
            return Ok(());
        }
        let mut members = Vec::new();
        leaves(&tree, &mut members);
        let Some(first) = members.first().copied() else { return Ok(()) };
        // The first stands for all, so a copy of it becomes the first member.
        let copy = self.rte(first).clone();
        self.query.range_table.push(copy);
        let child = self.query.range_table.len();
        members[0] = child;
        self.query.set_operations = None;
        self.query.join_tree = ir::FromExpr { items: vec![JoinNode::Relation(first)], quals: None };
        for member in members {
            self.add_union_member(first, member)?;
        }
        if let RangeTableKind::Subquery { query, .. } = &mut self.query.range_table[first - 1].kind {
            **query = Query::default();
        }
        Ok(())
    }
}
