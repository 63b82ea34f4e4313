//! The planner's view of the members of FROM: their size, the width of their columns, their indexes.

use crate::clause::{BTREE, var, var_rti};
use crate::cost::clamp_rows;
use crate::selectivity::Context;
use crate::types::{IndexInfo, QualCost, Rel, Root, Target};
use base::{Error, Oid, Result};
use catalog::{IndexEntry, RelationEntry};
use datum::OwnedDatum;
use ir::{Expr, RangeTableKind, RelSet};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Room for tuples on a page.
const PAGE_ROOM: f64 = 8192.0 - 24.0;

impl<'a> Rel<'a> {
    pub fn empty(relids: RelSet, rti: usize) -> Rel<'a> {
        Rel {
            relids,
            rti,
            rows: 0.0,
            target: Target::default(),
            paths: Vec::new(),
            partial_paths: Vec::new(),
            consider_parallel: false,
            cheapest_startup: None,
            cheapest_total: None,
            cheapest_parameterized: Vec::new(),
            unique_path: None,
            direct_lateral: RelSet::new(),
            lateral: RelSet::new(),
            entry: None,
            needed: HashMap::new(),
            attr_widths: RefCell::default(),
            indexes: Vec::new(),
            statistics: Vec::new(),
            pages: 0.0,
            tuples: 0.0,
            all_visible_fraction: 0.0,
            subroot: None,
            restrictions: Vec::new(),
            restriction_cost: QualCost::default(),
            min_security: u32::MAX,
            join_clauses: Vec::new(),
            has_ec_joins: false,
            consider_startup: false,
            consider_param_startup: false,
            param_paths: RefCell::default(),
            dummy: false,
            is_append: false,
            members: Vec::new(),
            append_member: None,
            excluded: false,
            subplan_params: Vec::new(),
        }
    }
}

impl<'a> Root<'a> {
    /// Makes the entry for a member of the join tree.
    pub fn add_base_relation(&mut self, rti: usize) -> Result<()> {
        let mut rel = Rel::empty(RelSet::single(rti), rti);
        rel.consider_startup = self.tuple_fraction > 0.0;
        if let RangeTableKind::Relation { oid, .. } = self.rte(rti).kind {
            let entry = self.session().require_relation(oid)?;
            self.estimate_size(&entry, &mut rel)?;
            if rti != self.query.result_relation || self.query.command != ir::CommandType::Insert {
                self.load_indexes(&entry, rti, &mut rel)?;
            }
            self.load_extended_statistics(&entry, rti, &mut rel)?;
            rel.entry = Some(entry);
        }
        if self.rels.len() <= self.query.range_table.len() {
            self.rels.resize_with(self.query.range_table.len() + 1, || None);
        }
        self.rels[rti] = Some(rel);
        self.all_base.insert(rti);
        Ok(())
    }

    /// Pages and tuples: the true number of blocks, and the density as of the last VACUUM or ANALYZE.
    fn estimate_size(&self, entry: &RelationEntry, rel: &mut Rel<'a>) -> Result<()> {
        if !matches!(entry.kind(), b'r' | b't' | b'm' | b'S') {
            return Ok(());
        }
        let class = &entry.class;
        let mut pages = f64::from(self.hooks().block_count(self.session(), &entry.relation)?);
        if pages < 10.0 && class.reltuples < 0.0 && !class.relhassubclass {
            pages = 10.0;
        }
        rel.pages = pages;
        if pages == 0.0 {
            return Ok(());
        }
        let density = if class.reltuples >= 0.0 && class.relpages > 0 {
            f64::from(class.reltuples) / f64::from(class.relpages)
        } else {
            let width = f64::from(self.data_width(entry)?) + 28.0;
            let room = (PAGE_ROOM * f64::from(entry.relation.fillfactor) / 100.0).floor();
            clamp_rows((room / width).floor())
        };
        rel.tuples = (density * pages).round_ties_even();
        rel.all_visible_fraction = match class.relallvisible {
            0 => 0.0,
            n if f64::from(n) >= pages => 1.0,
            n => f64::from(n) / pages,
        };
        Ok(())
    }

    /// Bytes of data in a row: all columns.
    fn data_width(&self, entry: &RelationEntry) -> Result<i32> {
        let mut total = 0i64;
        for (i, attribute) in entry.desc().attributes().iter().enumerate() {
            if attribute.dropped {
                continue;
            }
            let known = self.statistic_width(entry.oid(), i as i16 + 1)?;
            total += i64::from(match known {
                Some(width) => width,
                None => self.average_width(attribute.type_oid, attribute.typmod)?,
            });
        }
        Ok(total.min(i64::from(i32::MAX)) as i32)
    }

    fn load_indexes(&self, entry: &Arc<RelationEntry>, rti: usize, rel: &mut Rel<'a>) -> Result<()> {
        for index in entry.indexes.iter().rev() {
            if !index.index.indisvalid {
                continue;
            }
            if let Some(info) = self.index_info(entry, index, rti, rel)? {
                rel.indexes.push(Rc::new(info));
            }
        }
        rel.indexes.sort_by_key(|i| i.entry.oid);
        Ok(())
    }

    /// An index as plans may use it; `None` for access methods without scans here.
    pub fn index_info(
        &self,
        entry: &RelationEntry,
        index: &Arc<IndexEntry>,
        rti: usize,
        rel: &Rel<'a>,
    ) -> Result<Option<IndexInfo>> {
        let mut columns = Vec::new();
        let mut expressions = match &index.index.indexprs {
            Some(text) => self.hooks().read_expressions(self.session(), text)?,
            None => Vec::new(),
        }
        .into_iter();
        for key in &index.index.indkey {
            let expr = if *key == 0 {
                let mut e =
                    expressions.next().ok_or_else(|| Error::internal("wrong number of index expressions"))?;
                crate::preprocess::renumber(&mut e, 1, rti)?;
                self.fold(e)?
            } else {
                let Some(a) = entry.desc().attributes().get((*key as usize).wrapping_sub(1)) else {
                    return Err(Error::corrupted("an index has a column that its table lacks"));
                };
                Expr::Var(var(rti, *key, a.type_oid, a.typmod, a.collation))
            };
            columns.push(expr);
        }
        let mut predicate = Vec::new();
        if let Some(text) = &index.index.indpred {
            for mut e in self.hooks().read_expressions(self.session(), text)? {
                crate::preprocess::renumber(&mut e, 1, rti)?;
                predicate.extend(crate::clause::ands(crate::fold::canonicalize(self.fold(e)?)));
            }
        }
        let is_btree = index.class.relam == BTREE && index.access.is_some();
        let (pages, tuples) = match &index.access {
            Some(access) => self.index_size(index, access, rel.tuples, predicate.is_empty())?,
            None => (1.0, rel.tuples),
        };
        Ok(Some(IndexInfo {
            entry: index.clone(),
            rti,
            pages,
            tuples,
            tree_height: tree_height(pages),
            keys: index.index.indkey.clone(),
            key_columns: index.index.indnkeyatts.max(0) as usize,
            columns,
            predicate_ok: false,
            predicate,
            unique: index.index.indisunique,
            immediate: index.index.indimmediate,
            is_btree,
        }))
    }

    fn index_size(
        &self,
        index: &IndexEntry,
        access: &access_api::IndexRelation,
        table_tuples: f64,
        whole: bool,
    ) -> Result<(f64, f64)> {
        let pages = f64::from(self.hooks().block_count(self.session(), &access.relation)?);
        if whole {
            return Ok((pages, table_tuples));
        }
        // The metapage holds no tuples.
        let (data_pages, known_pages) = ((pages - 1.0).max(0.0), f64::from(index.class.relpages) - 1.0);
        let density = if index.class.reltuples >= 0.0 && known_pages > 0.0 {
            f64::from(index.class.reltuples) / known_pages
        } else {
            let mut width = 12.0;
            for a in access.attributes() {
                width += f64::from(self.average_width(a.type_oid, a.typmod)?);
            }
            (PAGE_ROOM / width).floor()
        };
        Ok((pages, (density * data_pages).round_ties_even().min(table_tuples)))
    }

    /// The average width of a type's values, where nothing is known of the column.
    pub fn average_width(&self, type_oid: Oid, typmod: i32) -> Result<i32> {
        let row = self.session().type_row(type_oid)?;
        if row.typlen > 0 {
            return Ok(i32::from(row.typlen));
        }
        let most = match type_oid.0 {
            1042 | 1043 if typmod >= 4 => (typmod - 4).saturating_mul(4).saturating_add(4),
            1700 if typmod >= 4 => {
                let precision = ((typmod - 4) >> 16) & 0xffff;
                8 + (precision + 6) / 4 * 2
            }
            1560 | 1562 if typmod >= 0 => (typmod + 7) / 8 + 8,
            _ => return Ok(32),
        };
        Ok(match (type_oid.0, most) {
            (1042, most) => most,
            (_, most) if most <= 32 => most,
            (_, most) if most < 1000 => 32 + (most - 32) / 2,
            _ => 32 + (1000 - 32) / 2,
        })
    }

    /// The width of an expression's values.
    pub fn expr_width(&self, expr: &Expr) -> Result<i32> {
        let Expr::Var(v) = expr else {
            // A state is estimated by its own width, although all are passed on as bytea.
            return match expr {
                Expr::Aggref(a) if a.split == ir::AggSplit::Initial && a.transition_type != Oid(2281) => {
                    self.average_width(a.transition_type, -1)
                }
                _ => self.average_width(ir::expr_type(expr), ir::expr_typmod(expr)),
            };
        };
        let Some(rti) = var_rti(v).filter(|rti| self.has_base(*rti)) else {
            return self.average_width(v.type_oid, v.typmod);
        };
        let rel = self.base(rti);
        if let Some(width) = rel.attr_widths.borrow().get(&v.attribute) {
            return Ok(*width);
        }
        let known = match (&rel.entry, v.attribute) {
            (Some(entry), 0) => Some(self.data_width(entry)?),
            (Some(entry), n) if n > 0 => self.statistic_width(entry.oid(), n)?,
            (None, 0) => Some(32),
            (_, n) => match &rel.subroot {
                Some(sub) => sub
                    .targets
                    .iter()
                    .find(|t| t.number == n && !t.junk)
                    .map(|t| sub.expr_width(&t.expr))
                    .transpose()?,
                None => None,
            },
        };
        let width = match known {
            Some(width) => width,
            None => self.average_width(v.type_oid, v.typmod)?,
        };
        rel.attr_widths.borrow_mut().insert(v.attribute, width);
        Ok(width)
    }

    /// Columns that are needed above the scans are noted with the joins (0: the final output) that need them.
    pub fn need(&mut self, expr: &Expr, wanted_by: &RelSet) {
        let mut vars = Vec::new();
        crate::clause::vars(expr, &mut vars);
        for v in vars {
            let Some(rti) = var_rti(&v).filter(|rti| self.has_base(*rti)) else { continue };
            if wanted_by.is_subset(&RelSet::single(rti)) && !wanted_by.contains(0) {
                continue;
            }
            let rel = self.base_mut(rti);
            let seen = rel.needed.entry(v.attribute).or_default();
            if seen.is_empty() {
                let mut plain = v.clone();
                plain.nulling = RelSet::new();
                rel.target.exprs.push(Expr::Var(plain));
                rel.target.refs.push(0);
            }
            seen.extend(wanted_by);
        }
    }

    /// Rows of a base relation that pass its own conditions; the width and cost of its output.
    pub fn set_base_size(&mut self, rti: usize) -> Result<()> {
        let tuples = self.base_tuples(rti)?;
        self.base_mut(rti).tuples = tuples;
        let selectivity = self.list_selectivity(&self.base(rti).restrictions, Context::filter(0))?;
        let cost = self.clauses_cost(&self.base(rti).restrictions)?;
        let mut target = self.base(rti).target.clone();
        self.set_target_cost(&mut target)?;
        let rel = self.base_mut(rti);
        rel.rows = clamp_rows(tuples * selectivity);
        rel.restriction_cost = cost;
        rel.target = target;
        Ok(())
    }

    fn base_tuples(&self, rti: usize) -> Result<f64> {
        let rel = self.base(rti);
        Ok(match &self.rte(rti).kind {
            RangeTableKind::Function { functions, .. } => {
                let mut most = 0.0;
                for f in functions {
                    most = f64::max(most, self.set_rows(&f.expr)?);
                }
                clamp_rows(most)
            }
            RangeTableKind::Values { lists, .. } => lists.len() as f64,
            RangeTableKind::Cte { name, levels_up, self_reference, .. } => {
                let state = self.cte_state(name, *levels_up)?;
                match (self_reference, state.work_table) {
                    (true, Some((_, rows))) => clamp_rows(rows * self.costs().recursive_worktable_factor),
                    _ => clamp_rows(state.rows),
                }
            }
            RangeTableKind::NamedTuplestore { .. } => 1000.0,
            RangeTableKind::Result => 1.0,
            RangeTableKind::Relation { sample: Some(sample), .. } => {
                // A percentage, for the methods that come with the server.
                let percent = sample.args.first().map(|e| self.estimate(e));
                let fraction = match percent.as_ref().and_then(crate::fold::const_value) {
                    Some(OwnedDatum::Float4(p)) if (0.0..=100.0).contains(p) => f64::from(*p) / 100.0,
                    _ => 0.1,
                };
                clamp_rows(rel.tuples * fraction)
            }
            _ => rel.tuples,
        })
    }

    pub fn cte_state(&self, name: &str, levels_up: u32) -> Result<crate::types::CteState> {
        let level = self.level.checked_sub(levels_up as usize);
        let state = level.and_then(|l| self.ctes.get(l)?.iter().find(|c| c.name == name));
        state.cloned().ok_or_else(|| Error::internal(format!("could not find CTE \"{name}\"")))
    }

    /// Rows that an expression yields, as a set-returning one.
    pub fn set_rows(&self, expr: &Expr) -> Result<f64> {
        let function = match expr {
            Expr::Func(f) if f.returns_set => f.function,
            Expr::Op(op) if op.returns_set => op.function,
            _ => return Ok(1.0),
        };
        if let Expr::Func(f) = expr
            && let Some(rows) = self.known_set_rows(f)
        {
            return Ok(clamp_rows(rows));
        }
        Ok(clamp_rows(f64::from(self.session().function(function)?.prorows)))
    }

    /// Series of integers with known bounds, and arrays.
    fn known_set_rows(&self, f: &ir::FuncExpr) -> Option<f64> {
        match f.function.0 {
            1066..=1069 => {
                let number = |i: usize| match crate::fold::const_value(&self.estimate(f.args.get(i)?))? {
                    OwnedDatum::Int4(v) => Some(f64::from(*v)),
                    OwnedDatum::Int8(v) => Some(*v as f64),
                    _ => None,
                };
                let (start, stop) = (number(0)?, number(1)?);
                let step = if f.args.len() > 2 { number(2)? } else { 1.0 };
                (step != 0.0).then(|| ((stop - start + step) / step).floor().max(0.0))
            }
            2331 => Some(self.array_length(f.args.first()?)),
            _ => None,
        }
    }
}

/// Levels of a B-tree above its leaves, guessed from its size with 250 children a page.
fn tree_height(pages: f64) -> i32 {
    let leaves = (pages - 1.0).max(1.0);
    let mut height = 0;
    let mut reach = 1.0;
    while reach < leaves && height < 10 {
        reach *= 250.0;
        height += 1;
    }
    height
}

#[cfg(test)]
mod tests {
    use super::tree_height;

    #[test]
    fn a_root_page_is_enough_for_small_indexes() {
        for (pages, height) in [(2.0, 0), (5.0, 1), (276.0, 2), (240.0, 1)] {
            assert_eq!(tree_height(pages), height, "{pages}");
        }
    }
}
