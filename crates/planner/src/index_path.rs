//! Index scans: which conditions an index can check, in which order it yields rows, and what that costs.

use crate::clause::{BTREE, bool_const, commute, relids};
use crate::cost::clamp_rows;
use crate::selectivity::{Context, same_expr};
use crate::types::{ClauseRef, IndexClause, IndexInfo, Parallel, ParamInfo, Path, PathKey, PathKind, Root};
use base::{Oid, Result};
use ir::{BoolOp, BooleanTest, Expr, RelSet, ScanDirection};
use std::rc::Rc;

/// What an index costs to search.
struct IndexCost {
    startup: f64,
    total: f64,
    selectivity: f64,
    correlation: f64,
    pages: f64,
}

/// Pages of a table fetched by random visits, given a cache shared with other tables (Mackert and Lohman 1989).
pub(crate) fn pages_fetched(tuples: f64, pages: f64, index_pages: f64, table_pages: f64, cache: f64) -> f64 {
    let pages = pages.max(1.0);
    let total = (table_pages.max(pages) + index_pages).max(1.0);
    let cache = (cache * pages / total).ceil().max(1.0);
    let fetched = if pages <= cache {
        (2.0 * pages * tuples / (2.0 * pages + tuples)).min(pages)
    } else {
        let limit = 2.0 * pages * cache / (2.0 * pages - cache);
        if tuples <= limit {
            2.0 * pages * tuples / (2.0 * pages + tuples)
        } else {
            cache + (tuples - limit) * (pages - cache) / pages
        }
    };
    fetched.ceil()
}

impl<'a> Root<'a> {
    /// All paths through indexes of a base relation.
    pub fn add_index_paths(&mut self, rti: usize) -> Result<()> {
        let infos = self.base(rti).indexes.clone();
        let mut bitmaps: Vec<Rc<Path>> = Vec::new();
        let mut param_bitmaps: Vec<Rc<Path>> = Vec::new();
        for info in infos {
            if !info.is_btree || (!info.predicate.is_empty() && !info.predicate_ok) {
                continue;
            }
            let own = self.base(rti).restrictions.clone();
            let mut clauses = Vec::new();
            for clause in &own {
                clauses.extend(self.match_clause(&info, clause)?);
            }
            self.build_index_paths(rti, &info, &clauses, &RelSet::new(), &mut bitmaps)?;
            self.parameterized_index_paths(rti, &info, &clauses, &mut param_bitmaps)?;
        }
        let own = self.base(rti).restrictions.clone();
        bitmaps.extend(self.or_bitmaps(rti, &own)?);
        if let Some(path) = self.choose_bitmap(rti, bitmaps)? {
            let rel = self.base(rti);
            if let PathKind::BitmapHeap { index } = &path.kind
                && rel.consider_parallel
                && rel.lateral.is_empty()
            {
                let (pages, _) = self.bitmap_pages(rti, index, None)?;
                let workers = self.scan_workers(rel, Some(pages), None);
                if workers > 0 {
                    let partial = self.bitmap_heap_path(rti, index.clone(), None, workers)?;
                    self.base_mut(rti).add_partial_path(partial);
                }
            }
            self.base_mut(rti).add_path(path);
        }
        for bitmap in param_bitmaps {
            let param = bitmap.param.clone();
            let path = self.bitmap_heap_path(rti, bitmap, param, 0)?;
            self.base_mut(rti).add_path(path);
        }
        Ok(())
    }

    /// Conditions on other relations that the index could check once their rows are given.
    fn parameterized_index_paths(
        &mut self,
        rti: usize,
        info: &Rc<IndexInfo>,
        own: &[IndexClause],
        bitmaps: &mut Vec<Rc<Path>>,
    ) -> Result<()> {
        let mut joining: Vec<IndexClause> = Vec::new();
        for clause in self.base(rti).join_clauses.clone() {
            if clause.delayed || clause.outer_relids.contains(rti) || clause.nullable.contains(rti) {
                continue;
            }
            joining.extend(self.match_clause(info, &clause)?);
        }
        for column in 0..info.key_columns {
            let expr = info.columns[column].clone();
            let family = info.entry.families[column];
            let collation = info.collation(column);
            let matches = |ec: &crate::types::EquivalenceClass, m: &crate::types::EcMember| {
                ec.families.contains(&family)
                    && (ec.collation == collation || !collation.is_valid())
                    && same_expr(&m.expr, &expr)
            };
            for clause in self.equalities_for_column(rti, &matches)? {
                joining.extend(self.match_clause(info, &clause)?);
            }
        }
        let mut sets: Vec<RelSet> = Vec::new();
        for clause in &joining {
            let mut set = clause.clause.relids.clone();
            set.remove(rti);
            if !set.is_empty() && !sets.contains(&set) {
                sets.push(set);
            }
        }
        for i in 0..sets.len().min(10) {
            for j in 0..i {
                let both = sets[i].union(&sets[j]);
                if !sets.contains(&both) && sets.len() < 16 {
                    sets.push(both);
                }
            }
        }
        for outer in sets {
            let mut clauses = own.to_vec();
            let usable = |c: &&IndexClause| {
                let mut needs = c.clause.relids.clone();
                needs.remove(rti);
                needs.is_subset(&outer)
            };
            let mut classes: Vec<(usize, usize)> = Vec::new();
            for clause in joining.iter().filter(usable) {
                if let Some(ec) = clause.clause.parent_ec {
                    if classes.contains(&(ec, clause.column)) {
                        continue;
                    }
                    classes.push((ec, clause.column));
                }
                clauses.push(clause.clone());
            }
            if clauses.len() > own.len() {
                self.build_index_paths(rti, info, &clauses, &outer, bitmaps)?;
            }
        }
        Ok(())
    }

    /// The form in which an index can check a condition, for the first of its columns that fits.
    pub fn match_clause(&self, info: &IndexInfo, clause: &ClauseRef) -> Result<Option<IndexClause>> {
        if clause.pseudoconstant {
            return Ok(None);
        }
        for column in 0..info.key_columns {
            if let Some((quals, lossy)) = self.match_column(info, column, clause)? {
                return Ok(Some(IndexClause { clause: clause.clone(), quals, lossy, column }));
            }
        }
        Ok(None)
    }

    fn match_column(
        &self,
        info: &IndexInfo,
        column: usize,
        clause: &ClauseRef,
    ) -> Result<Option<(Vec<Expr>, bool)>> {
        let key = &info.columns[column];
        let collation = info.collation(column);
        let is_key = |e: &Expr| same_expr(e, key);
        let foreign = |e: &Expr| {
            !relids(e).contains(info.rti)
                && !crate::clause::contains_volatile(self.session(), e).unwrap_or(true)
        };
        let in_family = |operator: Oid| -> Result<bool> {
            let rows = self.session().operator_families(operator)?;
            Ok(rows.iter().any(|r| {
                r.amopfamily == info.entry.families[column]
                    && r.amopmethod == BTREE
                    && (1..=5).contains(&r.amopstrategy)
            }))
        };
        let collates = |c: Oid| !collation.is_valid() || c == collation;
        let is_bool = ir::expr_type(key) == crate::clause::BOOL;
        let boolean = |value: bool| -> Result<Option<(Vec<Expr>, bool)>> {
            let expr = crate::clause::make_op(
                self.session(),
                Oid(91),
                Oid(0),
                key.clone(),
                bool_const(Some(value)),
            )?;
            Ok(Some((vec![expr], false)))
        };
        match &clause.expr {
            e if is_bool && is_key(e) => boolean(true),
            Expr::Bool { op: BoolOp::Not, args, .. } if is_bool && is_key(&args[0]) => boolean(false),
            Expr::BooleanTest { arg, test: BooleanTest::True, .. } if is_bool && is_key(arg) => boolean(true),
            Expr::BooleanTest { arg, test: BooleanTest::False, .. } if is_bool && is_key(arg) => {
                boolean(false)
            }
            Expr::NullTest { arg, row_argument: false, .. } if is_key(arg) => {
                Ok(Some((vec![clause.expr.clone()], false)))
            }
            Expr::Op(op) if op.args.len() == 2 => {
                if is_key(&op.args[0]) && foreign(&op.args[1]) && collates(op.input_collation) {
                    if in_family(op.operator)? {
                        return Ok(Some((vec![clause.expr.clone()], false)));
                    }
                    return self.prefix_range(info, column, op);
                }
                if is_key(&op.args[1])
                    && foreign(&op.args[0])
                    && collates(op.input_collation)
                    && let Some(swapped) = commute(self.session(), op)?
                    && in_family(swapped.operator)?
                {
                    return Ok(Some((vec![Expr::Op(swapped)], false)));
                }
                Ok(None)
            }
            Expr::ScalarArrayOp(op)
                if op.use_or
                    && is_key(&op.args[0])
                    && foreign(&op.args[1])
                    && collates(op.input_collation) =>
            {
                Ok(in_family(op.operator)?.then(|| (vec![clause.expr.clone()], false)))
            }
            Expr::Bool { op: BoolOp::Or, args, .. } => {
                self.any_of(info, column, args, &|operator| in_family(operator), &foreign)
            }
            Expr::RowCompare { left, right, operators, input_collations, .. } => {
                let fits = is_key(&left[0])
                    && foreign(&right[0])
                    && collates(input_collations[0])
                    && in_family(operators[0])?;
                if !fits || operators.len() > 1 {
                    return Ok(None);
                }
                Ok(Some((vec![clause.expr.clone()], false)))
            }
            _ => Ok(None),
        }
    }

    /// `column = a OR column = b` as `column = ANY (ARRAY[a, b])`.
    fn any_of(
        &self,
        info: &IndexInfo,
        column: usize,
        arms: &[Expr],
        in_family: &dyn Fn(Oid) -> Result<bool>,
        foreign: &dyn Fn(&Expr) -> bool,
    ) -> Result<Option<(Vec<Expr>, bool)>> {
        let key = &info.columns[column];
        let mut common: Option<ir::OpExpr> = None;
        let mut elements = Vec::new();
        for arm in arms {
            let Expr::Op(op) = arm else { return Ok(None) };
            let [left, right] = op.args.as_slice() else { return Ok(None) };
            let op = match (same_expr(left, key), same_expr(right, key)) {
                (true, false) => op.clone(),
                (false, true) => match commute(self.session(), op)? {
                    Some(swapped) => swapped,
                    None => return Ok(None),
                },
                _ => return Ok(None),
            };
            let other = op.args[1].clone();
            let same = |c: &ir::OpExpr| {
                c.operator == op.operator
                    && c.input_collation == op.input_collation
                    && ir::expr_type(&c.args[1]) == ir::expr_type(&other)
            };
            if !foreign(&other)
                || crate::clause::contains_subplan(&other)
                || common.as_ref().is_some_and(|c| !same(c))
            {
                return Ok(None);
            }
            elements.push(other);
            common.get_or_insert(op);
        }
        let Some(op) = common else { return Ok(None) };
        let collation = info.collation(column);
        if !in_family(op.operator)? || collation.is_valid() && collation != op.input_collation {
            return Ok(None);
        }
        let element_type = ir::expr_type(&op.args[1]);
        let Some(array_type) = self.session().array_type(element_type)? else { return Ok(None) };
        let array = self.fold(Expr::Array {
            array_type,
            collation: ir::expr_collation(&op.args[1]),
            element_type,
            elements,
            multidimensional: false,
            location: None,
        })?;
        let any = ir::ScalarArrayOp {
            operator: op.operator,
            function: crate::clause::function_of(self.session(), &op)?,
            use_or: true,
            input_collation: op.input_collation,
            args: Box::new([op.args[0].clone(), array]),
            location: None,
        };
        Ok(Some((vec![Expr::ScalarArrayOp(any)], false)))
    }

    /// `column LIKE 'abc%'`, `column ~ '^abc'` and `column ^@ 'abc'` as a range, where the index orders by bytes; as an
    /// equality where nothing but the prefix matches.
    fn prefix_range(
        &self,
        info: &IndexInfo,
        column: usize,
        op: &ir::OpExpr,
    ) -> Result<Option<(Vec<Expr>, bool)>> {
        let Some(order) = PrefixOrder::of(info.entry.families[column], ir::expr_type(&op.args[0])) else {
            return Ok(None);
        };
        let Expr::Const(c) = &op.args[1] else { return Ok(None) };
        let Some(datum::OwnedDatum::Bytes(pattern)) = &c.value else { return Ok(None) };
        let pattern = String::from_utf8_lossy(pattern);
        let (prefix, exact) = match op.operator.0 {
            // ~~ of text, bpchar and name; ~ of the same; ^@.
            1209 | 1211 | 1207 => {
                let (prefix, _, exact) = crate::selectivity::like_prefix(&pattern);
                (prefix, exact)
            }
            641 | 1055 | 639 => {
                let (prefix, _, exact) = crate::selectivity::regex_prefix(&pattern);
                (prefix, exact)
            }
            3877 => (pattern.into_owned(), false),
            _ => return Ok(None),
        };
        if prefix.is_empty() {
            return Ok(None);
        }
        let collation = info.collation(column);
        let layout = self.session().type_layout(order.constant)?;
        let text = |s: &[u8]| {
            Expr::Const(ir::Const {
                type_oid: order.constant,
                layout,
                value: Some(datum::OwnedDatum::Bytes(s.into())),
                ..c.clone()
            })
        };
        let make = |operator: Oid, bound: &[u8]| {
            crate::clause::make_op(self.session(), operator, collation, op.args[0].clone(), text(bound))
        };
        if exact {
            // Equal under one collation may differ under another.
            let comparable = collation == op.input_collation || !order.by_collation;
            return Ok(if comparable {
                Some((vec![make(order.eq, prefix.as_bytes())?], true))
            } else {
                None
            });
        }
        // C and POSIX order by bytes.
        if order.by_collation && !matches!(collation.0, 950 | 951) {
            return Ok(None);
        }
        let mut quals = vec![make(order.ge, prefix.as_bytes())?];
        let mut high = prefix.into_bytes();
        // Only an ASCII end can be counted up without leaving the encoding.
        while let Some(last) = high.last_mut() {
            if *last < 126 {
                *last += 1;
                quals.push(make(order.lt, &high)?);
                break;
            }
            high.pop();
        }
        Ok(Some((quals, true)))
    }

    fn build_index_paths(
        &mut self,
        rti: usize,
        info: &Rc<IndexInfo>,
        clauses: &[IndexClause],
        outer: &RelSet,
        bitmaps: &mut Vec<Rc<Path>>,
    ) -> Result<()> {
        let mut ordered: Vec<IndexClause> = clauses.to_vec();
        ordered.sort_by_key(|c| c.column);
        // Without a condition on the first column only the order of the rows can be of use (skip scans apart).
        let lateral = self.base(rti).lateral.clone();
        let param = self.base_param(rti, &outer.union(&lateral))?;
        let forward = if param.is_none() || outer.is_empty() {
            self.index_keys(info, ScanDirection::Forward)?
        } else {
            Vec::new()
        };
        let useful = if self.has_useful_keys(rti) {
            self.useful_keys(&RelSet::single(rti), forward.clone())
        } else {
            Vec::new()
        };
        let only = self.can_index_only(rti, info);
        let relevant_predicate = !info.predicate.is_empty();
        if !ordered.is_empty() || !useful.is_empty() || relevant_predicate || only {
            let (path, partial) =
                self.index_path(rti, info, &ordered, useful, ScanDirection::Forward, only, param.clone())?;
            if !ordered.is_empty() || relevant_predicate {
                bitmaps.push(path.clone());
            }
            self.add_index_path(rti, path, partial);
        }
        if outer.is_empty() && !forward.is_empty() {
            let backward = self.index_keys(info, ScanDirection::Backward)?;
            let useful = self.useful_keys(&RelSet::single(rti), backward);
            if !useful.is_empty() {
                let (path, partial) =
                    self.index_path(rti, info, &ordered, useful, ScanDirection::Backward, only, param)?;
                self.add_index_path(rti, path, partial);
            }
        }
        Ok(())
    }

    fn add_index_path(&mut self, rti: usize, path: Rc<Path>, partial: Option<Rc<Path>>) {
        let rel = self.base_mut(rti);
        rel.add_path(path);
        partial.into_iter().for_each(|p| rel.add_partial_path(p));
    }

    /// Whether the index holds every column that the query needs.
    fn can_index_only(&self, rti: usize, info: &IndexInfo) -> bool {
        if !self.costs().enable_indexonlyscan {
            return false;
        }
        let rel = self.base(rti);
        let mut needed: Vec<i16> =
            rel.needed.iter().filter(|(_, n)| !n.is_empty()).map(|(a, _)| *a).collect();
        for clause in &rel.restrictions {
            let mut vars = Vec::new();
            crate::clause::vars(&clause.expr, &mut vars);
            needed.extend(vars.iter().map(|v| v.attribute));
        }
        needed.iter().all(|a| *a > 0 && info.keys.contains(a))
    }

    /// The path of one process, and that of several which share the index's pages out if there is enough to do.
    pub fn index_path(
        &self,
        rti: usize,
        info: &Rc<IndexInfo>,
        clauses: &[IndexClause],
        keys: Vec<PathKey>,
        direction: ScanDirection,
        index_only: bool,
        param: Option<Rc<ParamInfo>>,
    ) -> Result<(Rc<Path>, Option<Rc<Path>>)> {
        let costs = self.costs();
        let rel = self.base(rti);
        let rows = param.as_ref().map_or(rel.rows, |p| p.rows);
        let loops = self.loop_count(rti, param.as_deref());
        let index = self.btree_cost(info, clauses, loops)?;
        let tuples = clamp_rows(index.selectivity * rel.tuples);
        let pages = rel.pages.max(1.0);
        let fetched = |n: f64, t: f64| {
            let fetched =
                pages_fetched(n, t, info.pages, self.total_table_pages, costs.effective_cache_pages);
            if index_only { (fetched * (1.0 - rel.all_visible_fraction)).ceil() } else { fetched }
        };
        let visible = |n: f64| if index_only { (n * (1.0 - rel.all_visible_fraction)).ceil() } else { n };
        // Pages visited if the table's order has nothing to do with the index's.
        let scattered = fetched(tuples * loops, pages);
        let (max_io, min_io) = if loops > 1.0 {
            let most = scattered * costs.random_page / loops;
            let least = (index.selectivity * pages).ceil();
            let least = fetched(least * loops, pages) * costs.random_page / loops;
            (most, least)
        } else {
            let most = scattered * costs.random_page;
            let least = visible((index.selectivity * pages).ceil());
            let cost = if least > 0.0 { costs.random_page + (least - 1.0) * costs.seq_page } else { 0.0 };
            (most, cost)
        };
        let run = index.total - index.startup + max_io + index.correlation.powi(2) * (min_io - max_io);
        // Conditions that the index does not check for certain.
        let mut rest: Vec<ClauseRef> = Vec::new();
        for clause in rel.restrictions.iter().chain(param.iter().flat_map(|p| &p.clauses)) {
            let by_index = clauses.iter().any(|i| {
                !i.lossy && (Rc::ptr_eq(&i.clause, clause) || crate::join_path::same_class(&i.clause, clause))
            });
            let implied = info.predicate_ok && info.predicate.contains(&clause.expr);
            if !by_index && !implied {
                rest.push(clause.clone());
            }
        }
        let qual = self.clauses_cost(&rest)?;
        let cpu = (costs.cpu_tuple + qual.per_tuple) * tuples + rel.target.cost.per_tuple * rows;
        let startup = index.startup + qual.startup + rel.target.cost.startup;
        let enabled = if index_only {
            costs.enable_indexscan && costs.enable_indexonlyscan
        } else {
            costs.enable_indexscan
        };
        let path = Path {
            kind: PathKind::Index {
                info: info.clone(),
                clauses: clauses.to_vec(),
                direction,
                index_only,
                index_total: index.total,
                selectivity: index.selectivity,
            },
            relids: RelSet::single(rti),
            rti,
            target: Rc::new(rel.target.clone()),
            rows,
            startup,
            total: startup + run + cpu,
            disabled: u32::from(!enabled),
            keys,
            param,
            parallel: Parallel::safe(rel.consider_parallel),
        };
        let workers = if rel.consider_parallel && path.param.is_none() {
            self.scan_workers(rel, (!index_only).then_some(scattered), Some(index.pages))
        } else {
            0
        };
        let partial = (workers > 0).then(|| {
            let divisor = self.parallel_divisor(workers);
            let mut partial = crate::upper::clone_path(&path);
            partial.rows = clamp_rows(rows / divisor);
            partial.total = startup + run + cpu / divisor;
            partial.parallel = Parallel { aware: true, safe: true, workers };
            Rc::new(partial)
        });
        Ok((Rc::new(path), partial))
    }

    /// How often a parameterised scan will run: once for each row of the smallest relation it depends on.
    pub fn loop_count(&self, rti: usize, param: Option<&ParamInfo>) -> f64 {
        let Some(param) = param else { return 1.0 };
        let mut least = 0.0;
        for outer in param.outer.iter().filter(|o| *o != rti && self.has_base(*o)) {
            let rows = self.base(outer).rows;
            if rows > 0.0 && (least == 0.0 || rows < least) {
                least = rows;
            }
        }
        if least > 0.0 { least } else { 1.0 }
    }

    /// Cost of searching a B-tree: descents, leaf pages, comparisons.
    fn btree_cost(&self, info: &IndexInfo, clauses: &[IndexClause], loops: f64) -> Result<IndexCost> {
        let costs = self.costs();
        let rel = self.base(info.rti);
        let mut bounding: Vec<Expr> = Vec::new();
        let mut scans = 1.0;
        let (mut column, mut has_equality, mut found_array, mut found_null) = (0, false, false, false);
        for clause in clauses {
            if clause.column != column {
                if !has_equality || clause.column != column + 1 {
                    break;
                }
                column += 1;
                has_equality = false;
            }
            for qual in &clause.quals {
                match qual {
                    Expr::Op(op) => {
                        has_equality |= self.is_equality(op.operator, info.entry.families[clause.column])?
                    }
                    Expr::ScalarArrayOp(op) => {
                        has_equality |= self.is_equality(op.operator, info.entry.families[clause.column])?;
                        let length = self.array_length(&self.estimate(&op.args[1]));
                        scans *= length.max(1.0);
                        found_array = true;
                    }
                    Expr::NullTest { is_null: true, .. } => {
                        has_equality = true;
                        found_null = true;
                    }
                    _ => {}
                }
                bounding.push(qual.clone());
            }
        }
        let mut all: Vec<Expr> = clauses.iter().map(|c| c.clause.expr.clone()).collect();
        let with_predicate = |list: &mut Vec<Expr>| {
            for p in &info.predicate {
                if !list.contains(p) {
                    list.push(p.clone());
                }
            }
        };
        with_predicate(&mut all);
        let selectivity = self.exprs_selectivity(&all, Context::filter(info.rti))?;
        let exact =
            info.unique && column + 1 == info.key_columns && has_equality && !found_array && !found_null;
        let tuples = if exact {
            1.0
        } else {
            let mut bound: Vec<Expr> = clauses
                .iter()
                .filter(|c| c.quals.iter().all(|q| bounding.contains(q)))
                .map(|c| c.clause.expr.clone())
                .collect();
            with_predicate(&mut bound);
            let fraction = self.exprs_selectivity(&bound, Context::filter(info.rti))?;
            let each = (fraction * rel.tuples / scans).round_ties_even();
            let descents = scans.min((info.pages * 0.3333333).ceil()).max(1.0);
            scans = descents;
            (each.max(1.0) * 1.0).max(1.0)
        };
        let per_scan = tuples.min(info.tuples.max(1.0)).max(1.0);
        let pages = if info.pages > 1.0 && info.tuples > 1.0 {
            (per_scan * info.pages / info.tuples).ceil()
        } else {
            1.0
        };
        let mut total = if scans * loops > 1.0 {
            let visits = pages * scans * loops;
            let fetched = pages_fetched(
                visits,
                info.pages,
                info.pages,
                self.total_table_pages,
                costs.effective_cache_pages,
            );
            fetched * costs.random_page / loops
        } else {
            pages * costs.random_page
        };
        let quals: usize = clauses.iter().map(|c| c.quals.len()).sum();
        let mut arguments = 0.0;
        for clause in clauses {
            for qual in &clause.quals {
                if let Expr::Op(op) = qual {
                    let cost = self.qual_cost(&op.args[1])?;
                    arguments += cost.startup + cost.per_tuple;
                }
            }
        }
        let mut startup = arguments;
        total += arguments + per_scan * scans * (costs.cpu_index_tuple + costs.cpu_operator * quals as f64);
        if info.tuples > 1.0 {
            let descent = (info.tuples.ln() / std::f64::consts::LN_2).ceil() * costs.cpu_operator;
            startup += descent;
            total += scans * descent;
        }
        let descent = f64::from(info.tree_height + 1) * 50.0 * costs.cpu_operator;
        startup += descent;
        total += scans * descent;
        let correlation = self.index_correlation(info)?;
        Ok(IndexCost { startup, total, selectivity, correlation, pages })
            .inspect(|c| debug_assert!(c.pages >= 1.0))
    }

    fn is_equality(&self, operator: Oid, family: Oid) -> Result<bool> {
        let rows = self.session().operator_families(operator)?;
        Ok(rows.iter().any(|r| r.amopfamily == family && r.amopstrategy == 3))
    }

    fn index_correlation(&self, info: &IndexInfo) -> Result<f64> {
        let stats = self.examine(&info.columns[0])?;
        let (family, type_oid) = (info.entry.families[0], info.entry.input_types[0]);
        let less = self.session().family_operator(family, type_oid, type_oid, 1)?;
        let Some(mut value) = stats.correlation(self, less)? else { return Ok(0.0) };
        if info.descending(0) {
            value = -value;
        }
        Ok(if info.key_columns > 1 { value * 0.75 } else { value })
    }

    /// Marks the partial indexes whose predicate the query's conditions imply.
    pub fn check_predicates(&mut self, rti: usize) -> Result<()> {
        let clauses: Vec<Expr> = self.base(rti).restrictions.iter().map(|c| c.expr.clone()).collect();
        for i in 0..self.base(rti).indexes.len() {
            if self.base(rti).indexes[i].predicate.is_empty() {
                continue;
            }
            let implied =
                crate::predicate::implied_by(self.session(), &self.base(rti).indexes[i].predicate, &clauses)?;
            let info = Rc::make_mut(&mut self.base_mut(rti).indexes[i]);
            info.predicate_ok = implied;
        }
        Ok(())
    }
}

/// How an index orders strings that begin alike.
struct PrefixOrder {
    eq: Oid,
    lt: Oid,
    ge: Oid,
    /// The type of the values compared with.
    constant: Oid,
    /// By the column's collation, rather than always by bytes.
    by_collation: bool,
}

impl PrefixOrder {
    fn of(family: Oid, column_type: Oid) -> Option<PrefixOrder> {
        const TEXT: Oid = Oid(25);
        const BPCHAR: Oid = Oid(1042);
        const NAME: Oid = Oid(19);
        let order = |eq, lt, ge, constant, by_collation| {
            Some(PrefixOrder { eq: Oid(eq), lt: Oid(lt), ge: Oid(ge), constant, by_collation })
        };
        match family.0 {
            1994 if column_type == NAME => order(254, 255, 257, TEXT, true),
            1994 => order(98, 664, 667, TEXT, true),
            2095 => order(98, 2314, 2317, TEXT, false),
            426 => order(1054, 1058, 1061, BPCHAR, true),
            2097 => order(1054, 2326, 2329, BPCHAR, false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::pages_fetched;

    #[test]
    fn fetches_follow_mackert_and_lohman() {
        assert_eq!(pages_fetched(1.0, 345.0, 30.0, 345.0, 524_288.0), 1.0);
        assert_eq!(pages_fetched(100.0, 345.0, 30.0, 345.0, 524_288.0), 88.0);
        assert_eq!(pages_fetched(1e6, 345.0, 30.0, 345.0, 524_288.0), 345.0);
    }
}
