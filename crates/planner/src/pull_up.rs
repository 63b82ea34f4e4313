//! Subqueries in FROM that are no more than a join are merged into the query around them.

use crate::clause::{
    contains_nonstrict, contains_subplan, contains_volatile, deep_query, node_relids, returns_set,
    shift_levels, shift_query_levels,
};
use crate::preprocess::replace_empty_from;
use crate::types::{AppendMember, Root};
use crate::union_all::{is_simple_union_all, only_member};
use base::{Error, Result};
use ir::{
    CommandType, Expr, FromExpr, JoinKind, JoinNode, Query, RangeTableKind, RelSet, RowMarkClause, VarSource,
};

/// Where in the join tree a subquery stands.
#[derive(Clone, Default)]
struct Place {
    /// Below an outer or semi join: the relations of the lowest one, which lateral references may be to.
    lowest_join: Option<RelSet>,
    /// Its columns may be nulled by a join above.
    nullable: bool,
    /// A semi or anti join's inner side, or FULL JOIN: where moving conditions up is not possible.
    below_outer: bool,
}

impl<'a> Root<'a> {
    pub fn pull_up_subqueries(&mut self) -> Result<()> {
        let mut from = std::mem::take(&mut self.query.join_tree);
        let place = Place::default();
        let mut done = Ok(());
        // Pulling up changes the whole query, join tree included: it is put back for each one.
        for i in 0..from.items.len() {
            let item = std::mem::replace(&mut from.items[i], JoinNode::Relation(0));
            let mut rest = Rest { from: &mut from, path: Vec::new() };
            match self.pull_up_node(item, &place, &mut rest) {
                Ok(item) => from.items[i] = item,
                Err(error) => {
                    done = Err(error);
                    break;
                }
            }
        }
        self.query.join_tree = from;
        done
    }

    fn pull_up_node(&mut self, node: JoinNode, place: &Place, rest: &mut Rest<'_>) -> Result<JoinNode> {
        match node {
            JoinNode::Relation(rti) => self.pull_up_relation(rti, place, rest),
            JoinNode::From(mut from) => {
                for i in 0..from.items.len() {
                    let item = std::mem::replace(&mut from.items[i], JoinNode::Relation(0));
                    rest.path.push(JoinNode::From(from));
                    let pulled = self.pull_up_node(item, place, rest);
                    let Some(JoinNode::From(back)) = rest.path.pop() else { unreachable!("pushed above") };
                    from = back;
                    from.items[i] = pulled?;
                }
                Ok(JoinNode::From(from))
            }
            JoinNode::Join(mut join) => {
                // Where conditions cannot move up: the inner side, which may be nulled too.
                let lowest = |join: &ir::JoinExpr| match join.kind {
                    JoinKind::Inner => place.lowest_join.clone(),
                    _ => Some(node_relids(&join.left).union(&node_relids(&join.right))),
                };
                let of = |join: &ir::JoinExpr, below: bool, nullable: bool| Place {
                    nullable: place.nullable || nullable,
                    below_outer: place.below_outer || below,
                    lowest_join: lowest(join),
                };
                let (left, right) = match join.kind {
                    JoinKind::Inner => ((false, false), (false, false)),
                    JoinKind::Left | JoinKind::Anti => ((false, false), (true, true)),
                    JoinKind::Semi => ((false, false), (true, false)),
                    JoinKind::Right => ((true, true), (false, false)),
                    _ => ((true, true), (true, true)),
                };
                let own = of(&join, left.0, left.1);
                let side = std::mem::replace(&mut join.left, JoinNode::Relation(0));
                rest.path.push(JoinNode::Join(join));
                let pulled = self.pull_up_node(side, &own, rest);
                let Some(JoinNode::Join(mut join)) = rest.path.pop() else { unreachable!("pushed above") };
                join.left = pulled?;
                let own = of(&join, right.0, right.1);
                let side = std::mem::replace(&mut join.right, JoinNode::Relation(0));
                rest.path.push(JoinNode::Join(join));
                let pulled = self.pull_up_node(side, &own, rest);
                let Some(JoinNode::Join(mut join)) = rest.path.pop() else { unreachable!("pushed above") };
                join.right = pulled?;
                Ok(JoinNode::Join(join))
            }
        }
    }

    fn pull_up_relation(&mut self, rti: usize, place: &Place, rest: &mut Rest<'_>) -> Result<JoinNode> {
        let lateral = self.rte(rti).lateral;
        // What looks for the least or the greatest of a column starts from a level that is pulled up.
        if self.append_members.iter().any(|m| m.parent == rti) {
            return Ok(JoinNode::Relation(rti));
        }
        match &self.rte(rti).kind {
            RangeTableKind::Subquery { query, .. }
                if self.rte(rti).security_quals.is_empty() && is_simple_union_all(query) =>
            {
                let query = (**query).clone();
                self.pull_up_union_all(rti, query)?;
                Ok(JoinNode::Relation(rti))
            }
            RangeTableKind::Subquery { query, security_barrier: false, .. } => {
                if !self.rte(rti).security_quals.is_empty()
                    || !is_simple(query)
                    || (lateral && !lateral_fits(query, place))
                {
                    return Ok(JoinNode::Relation(rti));
                }
                if !self.targets_allow(query, place)? {
                    return Ok(JoinNode::Relation(rti));
                }
                let query = (**query).clone();
                // A row made of NULLs is not the NULL that stands for a missing row.
                if place.nullable && self.reads_whole_row(rti, rest)? {
                    return Ok(JoinNode::Relation(rti));
                }
                self.pull_up_subquery(rti, query, place, rest)
            }
            RangeTableKind::Values { lists, .. } if lists.len() == 1 && !place.below_outer && !lateral => {
                let exprs = lists[0].clone();
                for e in &exprs {
                    if contains_volatile(self.session(), e)? || returns_set(e) {
                        return Ok(JoinNode::Relation(rti));
                    }
                }
                self.substitute(rti, &exprs, rest)?;
                self.query.range_table[rti - 1].kind = RangeTableKind::Result;
                Ok(JoinNode::Relation(rti))
            }
            RangeTableKind::Function { functions, ordinality: false } if functions.len() == 1 => {
                let expr = functions[0].expr.clone();
                // A NULL for a missing row could not be told from the constant.
                if place.nullable || !self.becomes_constant(&expr)? {
                    return Ok(JoinNode::Relation(rti));
                }
                let constant = self.fold(expr)?;
                if matches!(constant, Expr::Const(_)) {
                    self.substitute(rti, &[constant], rest)?;
                    self.query.range_table[rti - 1].kind = RangeTableKind::Result;
                    self.query.range_table[rti - 1].lateral = false;
                }
                Ok(JoinNode::Relation(rti))
            }
            _ => Ok(JoinNode::Relation(rti)),
        }
    }

    /// A call in FROM that gives one scalar, the same each time.
    fn becomes_constant(&self, expr: &Expr) -> Result<bool> {
        let Expr::Func(call) = expr else { return Ok(matches!(expr, Expr::Const(_))) };
        let row = self.session().function(call.function)?;
        let composite = matches!(self.session().type_row(call.result_type)?.typtype as u8, b'c' | b'p');
        Ok(!call.returns_set && !composite && row.provolatile as u8 == b'i' && call.args.iter().all(is_const))
    }

    fn reads_whole_row(&mut self, rti: usize, rest: &mut Rest<'_>) -> Result<bool> {
        let mut found = false;
        let mut look = |e: &mut Expr, level: u32| -> Result<bool> {
            let Expr::Var(v) = e else { return Ok(false) };
            found |= v.attribute == 0 && v.source == VarSource::Relation(rti) && v.levels_up == level;
            Ok(true)
        };
        deep_query(&mut self.query, 0, &mut look)?;
        rest.deep(&mut look)?;
        Ok(found)
    }

    /// Volatile columns must be computed once; columns below an outer join must become NULL with their row.
    fn targets_allow(&self, query: &Query, place: &Place) -> Result<bool> {
        if place.below_outer && query.join_tree.items.is_empty() {
            return Ok(false);
        }
        for target in &query.target_list {
            if contains_volatile(self.session(), &target.expr)? {
                return Ok(false);
            }
            if place.nullable && !matches!(&target.expr, Expr::Var(v) if v.levels_up == 0) {
                let strict =
                    !contains_nonstrict(self.session(), &target.expr)? && !contains_subplan(&target.expr);
                if !strict || crate::clause::relids(&target.expr).is_empty() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn pull_up_subquery(
        &mut self,
        rti: usize,
        query: Query,
        place: &Place,
        rest: &mut Rest<'_>,
    ) -> Result<JoinNode> {
        // Prepared as a level of its own first: its subqueries, sublinks and join columns.
        let mut inner = Root::new(&self.g, query, self.ctes.clone());
        inner.level = self.level + 1;
        inner.prepare_level()?;
        let mut query = inner.query;
        let confined = self.rte(rti).lateral && reaches_out_of(&query.join_tree, place.lowest_join.as_ref())?;
        if confined || !is_simple(&query) || !self.targets_allow(&query, place)? {
            // Members of append relations belong to the level that they were found at: it is left as it was.
            if inner.append_members.is_empty()
                && let RangeTableKind::Subquery { query: slot, .. } =
                    &mut self.query.range_table[rti - 1].kind
            {
                **slot = query;
            }
            return Ok(JoinNode::Relation(rti));
        }
        let lateral = self.rte(rti).lateral;
        let offset = self.query.range_table.len();
        let columns = output_columns(&query, offset)?;
        self.adopt_members(inner.append_members, offset)?;
        if lateral {
            for rte in &mut query.range_table {
                let computed = matches!(
                    rte.kind,
                    RangeTableKind::Subquery { .. }
                        | RangeTableKind::Function { .. }
                        | RangeTableKind::Values { .. }
                        | RangeTableKind::Relation { sample: Some(_), .. }
                );
                rte.lateral |= computed;
            }
        }
        self.query.has_sublinks |= query.has_sublinks;
        let permissions = self.query.permissions.len();
        let node = append_range_table(self, query, permissions)?;
        self.push_down_row_mark(rti, &node_relids(&node));
        self.substitute(rti, &columns, rest)?;
        if let RangeTableKind::Subquery { query, .. } = &mut self.query.range_table[rti - 1].kind {
            **query = Query::default();
        }
        Ok(node)
    }

    /// Members of append relations of a query that is merged into this one.
    fn adopt_members(&mut self, members: Vec<AppendMember>, offset: usize) -> Result<()> {
        for mut member in members {
            member.parent += offset;
            member.child += offset;
            for column in member.columns.iter_mut().flatten() {
                offset_expr(column, offset)?;
                shift_levels(column, -1, 1)?;
            }
            self.append_members.push(member);
        }
        Ok(())
    }

    /// Merges a member of an append relation into it, if it only reads one thing and projects.
    pub fn pull_up_member(&mut self, at: usize) -> Result<()> {
        let child = self.append_members[at].child;
        let (RangeTableKind::Subquery { query, security_barrier, .. }, lateral) =
            (&self.rte(child).kind, self.rte(child).lateral)
        else {
            return Ok(());
        };
        if is_simple_union_all(query) && self.rte(child).security_quals.is_empty() {
            let query = (**query).clone();
            return self.pull_up_union_all(child, query);
        }
        let simple = |q: &Query| is_simple(q) && only_member(q).is_some();
        if *security_barrier
            || lateral
            || !self.rte(child).security_quals.is_empty()
            || !is_simple(query)
            || !(query.join_tree.items.is_empty() || simple(query))
        {
            return Ok(());
        }
        let place = &Place::default();
        if !self.targets_allow(query, place)? {
            return Ok(());
        }
        let query = (**query).clone();
        let mut inner = Root::new(&self.g, query, self.ctes.clone());
        inner.level = self.level + 1;
        inner.prepare_level()?;
        let query = inner.query;
        if !simple(&query) || !self.targets_allow(&query, place)? {
            return Ok(());
        }
        let offset = self.query.range_table.len();
        let columns = output_columns(&query, offset)?;
        self.adopt_members(inner.append_members, offset)?;
        self.query.has_sublinks |= query.has_sublinks;
        let permissions = self.query.permissions.len();
        let JoinNode::Relation(own) = append_range_table(self, query, permissions)? else {
            return Err(Error::internal("a member of an append relation is more than one relation"));
        };
        self.append_members[at].child = own;
        self.append_members[at].columns = columns.into_iter().map(Some).collect();
        if let RangeTableKind::Subquery { query, .. } = &mut self.query.range_table[child - 1].kind {
            **query = Query::default();
        }
        Ok(())
    }

    fn push_down_row_mark(&mut self, rti: usize, relations: &RelSet) {
        let Some(at) = self.query.row_marks.iter().position(|m| m.relation == rti) else { return };
        let mark = self.query.row_marks.remove(at);
        for relation in relations.iter() {
            if matches!(self.rte(relation).kind, RangeTableKind::Relation { .. }) {
                self.query.row_marks.push(RowMarkClause { relation, pushed_down: true, ..mark.clone() });
            }
        }
    }

    /// Replaces the columns of a range table entry, wherever the query uses them.
    fn substitute(&mut self, rti: usize, columns: &[Expr], rest: &mut Rest<'_>) -> Result<()> {
        let names = self.rte(rti).eref.columns.clone();
        let mut replace = |e: &mut Expr, level: u32| -> Result<bool> {
            let Expr::Var(v) = e else { return Ok(false) };
            if v.source != VarSource::Relation(rti) || v.levels_up != level {
                return Ok(false);
            }
            let mut replacement = if v.attribute == 0 {
                Expr::Row {
                    args: columns.to_vec(),
                    row_type: v.type_oid,
                    form: ir::CoercionForm::ImplicitCast,
                    column_names: names.clone(),
                    location: None,
                }
            } else {
                let column = columns.get((v.attribute as usize).wrapping_sub(1));
                column
                    .cloned()
                    .ok_or_else(|| Error::internal("a subquery has fewer columns than are read"))?
            };
            shift_levels(&mut replacement, level as i32, 0)?;
            *e = replacement;
            Ok(true)
        };
        deep_query(&mut self.query, 0, &mut replace)?;
        for column in self.append_members.iter_mut().flat_map(|m| &mut m.columns).flatten() {
            crate::clause::deep(column, 0, &mut replace)?;
        }
        rest.deep(&mut replace)
    }
}

fn is_const(expr: &Expr) -> bool {
    matches!(expr, Expr::Const(_))
}

/// The parts of the join tree around the node being worked on, which is taken out of the query meanwhile.
struct Rest<'f> {
    from: &'f mut FromExpr,
    path: Vec<JoinNode>,
}

impl Rest<'_> {
    fn deep(&mut self, f: &mut dyn FnMut(&mut Expr, u32) -> Result<bool>) -> Result<()> {
        let mut whole = JoinNode::From(Box::new(std::mem::take(self.from)));
        crate::clause::deep_node(&mut whole, 0, f)?;
        if let JoinNode::From(from) = whole {
            *self.from = *from;
        }
        self.path.iter_mut().try_for_each(|node| crate::clause::deep_node(node, 0, f))
    }
}

/// A query's output columns as the level above reads them once its range table stands at `offset`.
fn output_columns(query: &Query, offset: usize) -> Result<Vec<Expr>> {
    let mut columns: Vec<Option<Expr>> = Vec::new();
    for target in query.target_list.iter().filter(|t| !t.junk) {
        let at = target.number as usize;
        columns.resize(columns.len().max(at), None);
        columns[at - 1] = Some(target.expr.clone());
    }
    let mut columns: Vec<Expr> = columns.into_iter().collect::<Option<_>>().unwrap_or_default();
    for column in &mut columns {
        offset_expr(column, offset)?;
        shift_levels(column, -1, 1)?;
    }
    Ok(columns)
}

/// Whether conditions of a join tree refer to the enclosing level where they must not: `safe` has the relations of that
/// level which may be referred to, `None` stands for all. In or below an outer join none may.
fn reaches_out_of(from: &FromExpr, safe: Option<&RelSet>) -> Result<bool> {
    fn quals(expr: Option<&Expr>, safe: Option<&RelSet>) -> Result<bool> {
        let (Some(expr), Some(safe)) = (expr, safe) else { return Ok(false) };
        let mut read = RelSet::new();
        crate::clause::deep(&mut expr.clone(), 1, &mut |e, level| {
            if let Expr::Var(v) = e
                && v.levels_up == level
                && let VarSource::Relation(rti) = v.source
            {
                read.insert(rti);
            }
            Ok(false)
        })?;
        Ok(!read.is_subset(safe))
    }
    fn node(n: &JoinNode, safe: Option<&RelSet>) -> Result<bool> {
        match n {
            JoinNode::Relation(_) => Ok(false),
            JoinNode::From(from) => reaches_out_of(from, safe),
            JoinNode::Join(join) => {
                let nothing = RelSet::new();
                let safe = if join.kind == JoinKind::Inner { safe } else { Some(&nothing) };
                Ok(node(&join.left, safe)? || node(&join.right, safe)? || quals(join.quals.as_deref(), safe)?)
            }
        }
    }
    for item in &from.items {
        if node(item, safe)? {
            return Ok(true);
        }
    }
    quals(from.quals.as_deref(), safe)
}

/// Lateral references of a subquery below an outer join must be to what that joins: its conditions cannot leave it.
fn lateral_fits(query: &Query, place: &Place) -> bool {
    match &place.lowest_join {
        Some(safe) => lateral_relids(query).is_subset(safe),
        None => true,
    }
}

/// A subquery that only joins, filters and projects.
fn is_simple(query: &Query) -> bool {
    query.command == CommandType::Select
        && query.set_operations.is_none()
        && !query.has_aggregates
        && !query.has_window_functions
        && !query.has_target_srfs
        && query.group_clause.is_empty()
        && query.grouping_sets.is_empty()
        && query.having.is_none()
        && query.sort_clause.is_empty()
        && query.distinct_clause.is_empty()
        && query.limit_offset.is_none()
        && query.limit_count.is_none()
        && !query.has_for_update
        && query.row_marks.is_empty()
        && query.ctes.is_empty()
        && (query.join_tree.items.iter().any(|item| !node_relids(item).is_empty())
            || query.join_tree.quals.is_none())
}

/// Moves the query's range table indexes up by `offset`.
fn offset_query(query: &mut Query, offset: usize) -> Result<()> {
    fn node(n: &mut JoinNode, offset: usize) {
        match n {
            JoinNode::Relation(rti) => *rti += offset,
            JoinNode::From(from) => from.items.iter_mut().for_each(|item| node(item, offset)),
            JoinNode::Join(join) => {
                if join.range_table_index > 0 {
                    join.range_table_index += offset;
                }
                node(&mut join.left, offset);
                node(&mut join.right, offset);
            }
        }
    }
    query.join_tree.items.iter_mut().for_each(|item| node(item, offset));
    deep_query(query, 0, &mut |e, level| Ok(offset_one(e, level, offset)))
}

fn offset_expr(expr: &mut Expr, offset: usize) -> Result<()> {
    crate::clause::deep(expr, 0, &mut |e, level| Ok(offset_one(e, level, offset)))
}

fn offset_one(e: &mut Expr, level: u32, offset: usize) -> bool {
    match e {
        Expr::Var(v) if v.levels_up == level => {
            if let VarSource::Relation(rti) = &mut v.source {
                *rti += offset;
            }
        }
        Expr::CurrentOf { relation, .. } if level == 0 => *relation += offset,
        _ => {}
    }
    false
}

/// Adds a subquery's range table to this level's; returns its join tree, renumbered and one level further up.
pub(crate) fn append_range_table(
    root: &mut Root<'_>,
    mut query: Query,
    permissions: usize,
) -> Result<JoinNode> {
    let offset = root.query.range_table.len();
    offset_query(&mut query, offset)?;
    shift_query_levels(&mut query, -1, 1)?;
    for rte in &mut query.range_table {
        match &mut rte.kind {
            RangeTableKind::Relation { permission, .. } | RangeTableKind::Subquery { permission, .. }
                if *permission > 0 =>
            {
                *permission += permissions;
            }
            _ => {}
        }
    }
    root.query.permissions.append(&mut query.permissions);
    root.query.has_row_security |= query.has_row_security;
    root.query.range_table.append(&mut query.range_table);
    Ok(match (query.join_tree.items.len(), &query.join_tree.quals) {
        (1, None) => query.join_tree.items.remove(0),
        _ => JoinNode::From(Box::new(query.join_tree)),
    })
}

impl<'a> Root<'a> {
    /// Brings a query into the form in which subqueries can be merged into it.
    pub fn prepare_level(&mut self) -> Result<()> {
        self.flatten_for_pull_up()?;
        replace_empty_from(&mut self.query);
        if self.query.has_sublinks {
            self.pull_up_sublinks()?;
        }
        self.pull_up_subqueries()
    }
}

/// Range table entries of the enclosing level that a lateral subquery reads.
pub(crate) fn lateral_relids(query: &Query) -> RelSet {
    let mut set = RelSet::new();
    let mut copy = query.clone();
    let walked = deep_query(&mut copy, 1, &mut |e, level| {
        if let Expr::Var(v) = e
            && v.levels_up == level
            && let VarSource::Relation(rti) = v.source
        {
            set.insert(rti);
        }
        Ok(false)
    });
    debug_assert!(walked.is_ok());
    set
}
