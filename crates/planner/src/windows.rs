//! Window functions: one node for each window, in an order in which few sorts serve them all.

use crate::cost::clamp_rows;
use crate::pathkey::contained_in;
use crate::preprocess::target_of;
use crate::types::{Path, PathKind, Root, Target};
use base::{Oid, Result, bail};
use datum::OwnedDatum;
use ir::{Expr, SortGroupClause, WindowClause};
use std::rc::Rc;

/// Bits of PostgreSQL's FRAMEOPTION_*.
mod frame {
    pub const NOT_DEFAULT: u32 = 0x1;
    pub const RANGE: u32 = 0x2;
    pub const ROWS: u32 = 0x4;
    pub const START_UNBOUNDED_PRECEDING: u32 = 0x20;
    pub const END_UNBOUNDED_FOLLOWING: u32 = 0x100;
    pub const END_CURRENT_ROW: u32 = 0x400;
    pub const END_OFFSET_FOLLOWING: u32 = 0x4000;
    pub const EXCLUDE_CURRENT_ROW: u32 = 0x8000;
    /// That, the whole group, or ties.
    pub const EXCLUSION: u32 = 0x38000;
}

/// A condition of the query around on a window function's value, which cannot hold again within a partition once it
/// does not: the node may stop computing there.
pub(crate) struct RunCondition {
    /// The output column that is the function.
    pub target: i16,
    pub operator: Oid,
    pub collation: Oid,
    pub function_on_left: bool,
    pub other: Expr,
}

/// How a function's value changes from row to row of a partition.
#[derive(Clone, Copy)]
struct Monotonic {
    increasing: bool,
    decreasing: bool,
}

/// row_number, rank, dense_rank, percent_rank, cume_dist, ntile: they do not look at the frame.
fn ignores_frame(function: Oid) -> bool {
    (3100..=3105).contains(&function.0)
}

fn monotonic(function: &ir::WindowFunc, window: &WindowClause) -> Option<Monotonic> {
    const COUNT: u32 = 2803;
    let options = window.frame_options;
    // What is left out of one row's frame may have been in that of the row before.
    let excludes_itself = options & frame::EXCLUDE_CURRENT_ROW != 0;
    let counts_rows = function.function.0 == COUNT && function.filter.is_none();
    if !ignores_frame(function.function)
        && options & frame::EXCLUSION != 0
        && !(excludes_itself && counts_rows)
    {
        return None;
    }
    match function.function.0 {
        3100..=3105 => Some(Monotonic { increasing: true, decreasing: false }),
        // count(*) and count(x).
        COUNT | 2147 => Some(match window.order.is_empty() && options & frame::RANGE != 0 {
            // All rows are peers.
            true => Monotonic { increasing: true, decreasing: true },
            false => Monotonic {
                increasing: options & frame::START_UNBOUNDED_PRECEDING != 0,
                decreasing: options & frame::END_UNBOUNDED_FOLLOWING != 0,
            },
        }),
        _ => None,
    }
}

/// Computes a window's functions in another one.
fn move_functions(expr: &mut Expr, from: usize, to: usize) -> Result<()> {
    if let Expr::WindowFunc(function) = expr
        && function.window == from
    {
        function.window = to;
    }
    ir::for_each_child_mut(expr, &mut |child| move_functions(child, from, to))
}

/// Partition and order columns, without repetitions.
fn unique_order(window: &WindowClause) -> Vec<&SortGroupClause> {
    let mut list: Vec<&SortGroupClause> = window.partition.iter().collect();
    for clause in &window.order {
        if !list.contains(&clause) {
            list.push(clause);
        }
    }
    list
}

fn in_window(function: &Expr, number: usize) -> bool {
    matches!(function, Expr::WindowFunc(w) if w.window == number)
}

impl<'a> Root<'a> {
    /// Whether a condition on a subquery's window function tells it when to stop; and whether the condition must be
    /// checked above it nevertheless.
    pub fn run_condition(
        &self,
        query: &ir::Query,
        rti: usize,
        clause: &Expr,
    ) -> Result<Option<(RunCondition, bool)>> {
        let Expr::Op(op) = clause else { return Ok(None) };
        let [left, right] = op.args.as_slice() else { return Ok(None) };
        let column = |e: &Expr| match e {
            Expr::Var(v) if crate::clause::var_rti(v) == Some(rti) => Some(v.attribute),
            _ => None,
        };
        let (number, other, function_on_left) = match (column(left), column(right)) {
            (Some(n), None) => (n, right, true),
            (None, Some(n)) => (n, left, false),
            _ => return Ok(None),
        };
        let Some(target) = query.target_list.iter().find(|t| t.number == number && !t.junk) else {
            return Ok(None);
        };
        let Expr::WindowFunc(function) = &target.expr else { return Ok(None) };
        let Some(window) = query.windows.iter().find(|w| w.number == function.window) else {
            return Ok(None);
        };
        let constant = crate::clause::relids(other).is_empty()
            && !crate::clause::contains_volatile(self.session(), other)?
            && !crate::clause::contains_subplan(other);
        let Some(kind) = monotonic(function, window).filter(|_| constant) else { return Ok(None) };
        let families = self.session().operator_families(op.operator)?;
        let Some(row) = families.iter().find(|r| r.amopmethod == crate::clause::BTREE) else {
            return Ok(None);
        };
        // `below`: the left operand grows, so that `<` ends for good; `above`: it falls, or the right one grows.
        let (below, above) = match function_on_left {
            true => (kind.increasing, kind.decreasing),
            false => (kind.decreasing, kind.increasing),
        };
        let (operator, keep) = match row.amopstrategy {
            1 | 2 if below => (op.operator, false),
            4 | 5 if above => (op.operator, false),
            3 if below && above => (op.operator, false),
            3 if below || above => {
                let strategy = if below { 2 } else { 4 };
                let found = self.session().family_operator(
                    row.amopfamily,
                    row.amoplefttype,
                    row.amoprighttype,
                    strategy,
                )?;
                match found {
                    Some(operator) => (operator, true),
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let collation = op.input_collation;
        let condition =
            RunCondition { target: number, operator, collation, function_on_left, other: other.clone() };
        Ok(Some((condition, keep)))
    }

    /// The condition over the function itself.
    fn run_expr(&self, condition: &RunCondition) -> Result<Option<Expr>> {
        let Some(target) = self.targets.iter().find(|t| t.number == condition.target) else {
            return Ok(None);
        };
        let (function, other) = (target.expr.clone(), condition.other.clone());
        let (left, right) = if condition.function_on_left { (function, other) } else { (other, function) };
        crate::clause::make_op(self.session(), condition.operator, condition.collation, left, right).map(Some)
    }

    /// Frames that none of a window's functions look at become those that are cheapest to keep. Windows that are alike
    /// then become one.
    pub fn simplify_windows(&mut self) -> Result<()> {
        for at in 0..self.query.windows.len() {
            let number = self.query.windows[at].number;
            let mut functions = 0;
            let mut frameless = true;
            for target in &self.targets {
                ir::any(&target.expr, &mut |e| {
                    if let Expr::WindowFunc(function) = e
                        && function.window == number
                    {
                        functions += 1;
                        frameless &= ignores_frame(function.function);
                    }
                    false
                });
            }
            let cheapest =
                frame::NOT_DEFAULT | frame::ROWS | frame::START_UNBOUNDED_PRECEDING | frame::END_CURRENT_ROW;
            if functions == 0 || !frameless || self.query.windows[at].frame_options == cheapest {
                continue;
            }
            let window = &mut self.query.windows[at];
            window.frame_options = cheapest;
            (window.start_offset, window.end_offset) = (None, None);
            let (partition, order) = (window.partition.clone(), window.order.clone());
            let alike = |other: &&WindowClause| {
                other.number != number
                    && other.partition == partition
                    && other.order == order
                    && other.frame_options == cheapest
            };
            if let Some(twin) = self.query.windows.iter().find(alike).map(|twin| twin.number) {
                self.targets.iter_mut().try_for_each(|t| move_functions(&mut t.expr, number, twin))?;
            }
        }
        Ok(())
    }

    /// The windows in use, those with longer orders first, so that one sort may serve the windows after it.
    fn active_windows(&self, functions: &[Expr]) -> Vec<WindowClause> {
        let used = |w: &&WindowClause| functions.iter().any(|f| in_window(f, w.number));
        let mut active: Vec<WindowClause> = self.query.windows.iter().filter(used).cloned().collect();
        active.sort_by(|a, b| {
            let (a, b) = (unique_order(a), unique_order(b));
            let key = |c: &SortGroupClause| (c.target, c.sort_operator.0, c.nulls_first);
            let common = a.iter().zip(&b).map(|(x, y)| key(y).cmp(&key(x))).find(|o| o.is_ne());
            common.unwrap_or(b.len().cmp(&a.len()))
        });
        let mut number = 0;
        for i in 0..active.len() {
            while active[i].name.is_none() {
                number += 1;
                let name = format!("w{number}");
                if !active.iter().any(|w| w.name.as_ref() == Some(&name)) {
                    active[i].name = Some(name);
                }
            }
        }
        active
    }

    /// The window whose order the input had best have.
    pub fn first_window(&self) -> Option<WindowClause> {
        if !self.query.has_window_functions {
            return None;
        }
        let mut functions = Vec::new();
        for target in &self.targets {
            ir::any(&target.expr, &mut |e| {
                if matches!(e, Expr::WindowFunc(_)) {
                    functions.push(e.clone());
                }
                false
            });
        }
        self.active_windows(&functions).into_iter().next()
    }

    /// The window nodes over each path that has a suitable order, and over the cheapest.
    pub fn windows(&mut self, paths: Vec<Rc<Path>>, final_target: &Rc<Target>) -> Result<Vec<Rc<Path>>> {
        let mut functions: Vec<Expr> = Vec::new();
        for expr in &final_target.exprs {
            ir::any(expr, &mut |e| {
                if matches!(e, Expr::WindowFunc(_)) && !functions.contains(e) {
                    functions.push(e.clone());
                }
                false
            });
        }
        let mut active = self.active_windows(&functions);
        let mut keys = Vec::new();
        let targets = self.targets.clone();
        for window in &mut active {
            // Columns with one value part nothing.
            let mut seen = Vec::new();
            let mut partition = Vec::new();
            for clause in std::mem::take(&mut window.partition) {
                let (key, _) = self.keys_for(std::slice::from_ref(&clause), &targets)?;
                let redundant = key.first().is_none_or(|k| self.key_is_redundant(k, &seen));
                if !redundant || !clause.sort_operator.is_valid() {
                    partition.push(clause);
                }
                seen.extend(key);
            }
            window.partition = partition;
            let clauses: Vec<SortGroupClause> =
                window.partition.iter().chain(&window.order).cloned().collect();
            let (own, sortable) = self.keys_for(&clauses, &targets)?;
            if !sortable {
                bail!(FEATURE_NOT_SUPPORTED, "could not implement window PARTITION BY");
            }
            keys.push(own);
        }
        let mut conditions = Vec::new();
        for condition in &self.run_conditions {
            conditions.extend(self.run_expr(condition)?);
        }
        let cheapest = crate::upper::cheapest(&paths)?;
        let mut made = Vec::new();
        for path in &paths {
            let first = keys.first().map_or(&[][..], |k| k);
            let useful = Rc::ptr_eq(path, &cheapest)
                || contained_in(first, &path.keys)
                || crate::pathkey::common_prefix(first, &path.keys) > 0;
            if !useful {
                continue;
            }
            let mut at = path.clone();
            let mut carried: Vec<(Expr, usize)> =
                at.target.exprs.iter().cloned().zip(at.target.refs.iter().copied()).collect();
            let mut below = Vec::new();
            for (i, window) in active.iter().enumerate() {
                if let Some(sorted) = self.sort_for(&at, &at, &keys[i], -1.0)? {
                    at = sorted;
                }
                let own: Vec<&Expr> = functions.iter().filter(|f| in_window(f, window.number)).collect();
                carried.extend(own.iter().map(|f| ((*f).clone(), 0)));
                let top = i + 1 == active.len();
                let target = match top {
                    true => final_target.clone(),
                    false => Rc::new(self.target_of_exprs(carried.clone())?),
                };
                let mine = |c: &&Expr| ir::any(c, &mut |e| in_window(e, window.number));
                let stops: Vec<Expr> = conditions.iter().filter(mine).cloned().collect();
                // A window that others stand on must not lose rows: the top one checks for it.
                let (run, filter) =
                    if top { (stops, std::mem::take(&mut below)) } else { (Vec::new(), Vec::new()) };
                if !top {
                    below.extend(conditions.iter().filter(mine).cloned());
                }
                at = self.window_path(&at, window, &own, &target, top, (run, filter))?;
            }
            self.keep(&mut made, at);
        }
        Ok(made)
    }

    fn window_path(
        &self,
        child: &Rc<Path>,
        window: &WindowClause,
        functions: &[&Expr],
        target: &Rc<Target>,
        top: bool,
        (run, filter): (Vec<Expr>, Vec<Expr>),
    ) -> Result<Rc<Path>> {
        let costs = self.costs();
        let rows = child.rows;
        let (mut startup, mut total) = (child.startup, child.total);
        for f in functions {
            let Expr::WindowFunc(w) = f else { continue };
            let call = f64::from(self.session().function(w.function)?.procost) * costs.cpu_operator;
            let args = self.exprs_cost(w.args.iter().chain(w.filter.as_deref()))?;
            startup += args.startup;
            total += (call + args.per_tuple) * rows;
        }
        let columns = window.partition.len() + window.order.len();
        total += (costs.cpu_operator * columns as f64 + costs.cpu_tuple) * rows;
        let before_first = self.rows_before_first(window, rows)?;
        if before_first > 1.0 {
            startup += (total - startup) / rows.max(1.0) * (before_first - 1.0);
        }
        let kind = PathKind::Window { child: child.clone(), clause: window.clone(), top, run, filter };
        let mut path = self.step(kind, child, target, rows, (startup, total));
        path.startup += target.cost.startup;
        path.total += target.cost.startup + target.cost.per_tuple * rows;
        Ok(Rc::new(path))
    }

    /// Input rows that are read before the first row comes out.
    fn rows_before_first(&self, window: &WindowClause, rows: f64) -> Result<f64> {
        let groups = |clauses: &[SortGroupClause], rows: f64| -> Result<f64> {
            let mut exprs = Vec::new();
            for clause in clauses {
                exprs.push(target_of(clause, &self.targets)?.expr.clone());
            }
            self.group_count(&exprs, rows)
        };
        let partition =
            if window.partition.is_empty() { rows } else { rows / groups(&window.partition, rows)? };
        let peers = if window.order.is_empty() { 1.0 } else { partition / groups(&window.order, partition)? };
        let options = window.frame_options;
        let read = if options & frame::END_UNBOUNDED_FOLLOWING != 0 {
            partition
        } else if options & frame::END_CURRENT_ROW != 0 {
            match options & frame::ROWS != 0 {
                true => 1.0,
                false if window.order.is_empty() => partition,
                false => peers,
            }
        } else if options & frame::END_OFFSET_FOLLOWING != 0 {
            let offset = match window.end_offset.as_deref().map(|e| self.estimate(e)) {
                Some(Expr::Const(c)) => match c.value {
                    Some(OwnedDatum::Int2(n)) => f64::from(n),
                    Some(OwnedDatum::Int4(n)) => f64::from(n),
                    Some(OwnedDatum::Int8(n)) => n as f64,
                    None => 1.0,
                    _ => partition / peers * (1.0 / 3.0),
                },
                _ => partition / peers * (1.0 / 3.0),
            };
            match options {
                o if o & frame::ROWS != 0 => offset + 1.0,
                _ => peers * (offset + 1.0),
            }
        } else {
            1.0
        };
        let read = match window.partition.is_empty() && window.order.is_empty() {
            true => read.min(partition),
            // One row more tells where the partition or the peers end.
            false => (read + 1.0).min(partition),
        };
        Ok(clamp_rows(read))
    }
}
