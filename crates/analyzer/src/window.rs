//! WINDOW clauses and the windows of OVER (...).

use crate::context::ExprKind;
use crate::state::Analyzer;
use crate::types::*;
use base::{Oid, Result, err};
use catalog::{PgAmproc, index};
use ir::{Expr, SortGroupClause, TargetEntry, WindowClause, expr_location, expr_type};
use syntax::{Frame, FrameBound, FrameExclusion, FrameMode, WindowSpec};

/// Bits of [`WindowClause::frame_options`].
mod frame {
    pub(super) const NONDEFAULT: u32 = 0x1;
    pub(super) const RANGE: u32 = 0x2;
    pub(super) const ROWS: u32 = 0x4;
    pub(super) const GROUPS: u32 = 0x8;
    pub(super) const BETWEEN: u32 = 0x10;
    pub(super) const START_UNBOUNDED_PRECEDING: u32 = 0x20;
    pub(super) const END_UNBOUNDED_FOLLOWING: u32 = 0x100;
    pub(super) const START_CURRENT_ROW: u32 = 0x200;
    pub(super) const END_CURRENT_ROW: u32 = 0x400;
    pub(super) const START_OFFSET_PRECEDING: u32 = 0x800;
    pub(super) const END_OFFSET_PRECEDING: u32 = 0x1000;
    pub(super) const START_OFFSET_FOLLOWING: u32 = 0x2000;
    pub(super) const END_OFFSET_FOLLOWING: u32 = 0x4000;
    pub(super) const EXCLUDE_CURRENT_ROW: u32 = 0x8000;
    pub(super) const EXCLUDE_GROUP: u32 = 0x10000;
    pub(super) const EXCLUDE_TIES: u32 = 0x20000;
    pub(super) const DEFAULTS: u32 = RANGE | START_UNBOUNDED_PRECEDING | END_CURRENT_ROW;
}

fn frame_bits(written: &Frame) -> u32 {
    let mut bits = frame::NONDEFAULT;
    bits |= match written.mode {
        FrameMode::Range => frame::RANGE,
        FrameMode::Rows => frame::ROWS,
        FrameMode::Groups => frame::GROUPS,
    };
    bits |= match &written.start {
        FrameBound::UnboundedPreceding => frame::START_UNBOUNDED_PRECEDING,
        FrameBound::Preceding(_) => frame::START_OFFSET_PRECEDING,
        FrameBound::CurrentRow => frame::START_CURRENT_ROW,
        FrameBound::Following(_) => frame::START_OFFSET_FOLLOWING,
        FrameBound::UnboundedFollowing => 0x80,
    };
    bits |= match &written.end {
        None => frame::END_CURRENT_ROW,
        Some(end) => {
            frame::BETWEEN
                | match end {
                    FrameBound::UnboundedPreceding => 0x40,
                    FrameBound::Preceding(_) => frame::END_OFFSET_PRECEDING,
                    FrameBound::CurrentRow => frame::END_CURRENT_ROW,
                    FrameBound::Following(_) => frame::END_OFFSET_FOLLOWING,
                    FrameBound::UnboundedFollowing => frame::END_UNBOUNDED_FOLLOWING,
                }
        }
    };
    bits | match written.exclusion {
        FrameExclusion::NoOthers => 0,
        FrameExclusion::CurrentRow => frame::EXCLUDE_CURRENT_ROW,
        FrameExclusion::Group => frame::EXCLUDE_GROUP,
        FrameExclusion::Ties => frame::EXCLUDE_TIES,
    }
}

impl Analyzer<'_> {
    pub(crate) fn window_clauses(&mut self, list: &mut Vec<TargetEntry>) -> Result<Vec<WindowClause>> {
        let specs = std::mem::take(&mut self.level().windows);
        let mut clauses: Vec<WindowClause> = Vec::with_capacity(specs.len());
        for spec in &specs {
            let clause = self.window_clause(spec, &clauses, list)?;
            clauses.push(clause);
        }
        self.level().windows = specs;
        Ok(clauses)
    }

    fn window_clause(
        &mut self,
        spec: &WindowSpec,
        known: &[WindowClause],
        list: &mut Vec<TargetEntry>,
    ) -> Result<WindowClause> {
        let at = spec.location;
        if let Some(name) = &spec.name
            && known.iter().any(|k| k.name.as_ref() == Some(name))
        {
            return Err(err!(WINDOWING_ERROR, "window \"{name}\" is already defined").at(at));
        }
        let base = match &spec.base {
            Some(base) => match known.iter().find(|k| k.name.as_ref() == Some(base)) {
                Some(found) => Some(found),
                None => return Err(err!(UNDEFINED_OBJECT, "window \"{base}\" does not exist").at(at)),
            },
            None => None,
        };
        let order = self.sort_clause(&spec.order_by, list, ExprKind::WindowOrder, true)?;
        let mut partition = Vec::new();
        for item in &spec.partition_by {
            self.group_item(item, list, &mut partition, &order, ExprKind::WindowPartition, true)?;
        }
        let mut clause = WindowClause {
            name: spec.name.clone(),
            reference_name: spec.base.clone(),
            partition,
            order,
            frame_options: spec.frame.as_ref().map_or(frame::DEFAULTS, frame_bits),
            start_offset: None,
            end_offset: None,
            start_in_range: Oid::INVALID,
            end_in_range: Oid::INVALID,
            in_range_collation: Oid::INVALID,
            in_range_ascending: false,
            in_range_nulls_first: false,
            number: known.len() + 1,
            copied_order: false,
        };
        if let Some(base) = base {
            inherit_window(&mut clause, base, spec)?;
        }
        if let Some(frame) = &spec.frame {
            self.frame_offsets(&mut clause, frame, list, at)?;
        }
        Ok(clause)
    }

    fn frame_offsets(
        &mut self,
        clause: &mut WindowClause,
        written: &Frame,
        list: &[TargetEntry],
        at: usize,
    ) -> Result<()> {
        let offset =
            |bound: &FrameBound| matches!(bound, FrameBound::Preceding(_) | FrameBound::Following(_));
        let has_offset = offset(&written.start) || written.end.as_ref().is_some_and(offset);
        let mut range = None;
        if written.mode == FrameMode::Range && has_offset {
            let [sort] = &clause.order[..] else {
                return Err(err!(
                    WINDOWING_ERROR,
                    "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column"
                )
                .at(at));
            };
            let target = list.iter().find(|t| t.sort_group_ref == sort.target);
            let target = target.ok_or_else(|| base::Error::internal("ORDER BY column not found"))?;
            let mut key = target.expr.clone();
            self.assign_collations(&mut key)?;
            clause.in_range_collation = ir::expr_collation(&key);
            clause.in_range_ascending = !sort.reverse_sort;
            clause.in_range_nulls_first = sort.nulls_first;
            range = Some((sort.clone(), expr_type(&key)));
        }
        if written.mode == FrameMode::Groups && clause.order.is_empty() {
            return Err(err!(WINDOWING_ERROR, "GROUPS mode requires an ORDER BY clause").at(at));
        }
        for (bound, is_start) in [(Some(&written.start), true), (written.end.as_ref(), false)] {
            let Some(FrameBound::Preceding(expr) | FrameBound::Following(expr)) = bound else { continue };
            let kind = match written.mode {
                FrameMode::Range => ExprKind::WindowFrameRange,
                FrameMode::Rows => ExprKind::WindowFrameRows,
                FrameMode::Groups => ExprKind::WindowFrameGroups,
            };
            let value = self.expr_in(expr, kind)?;
            let (value, function, name) = match &range {
                None => {
                    let name = if written.mode == FrameMode::Rows { "ROWS" } else { "GROUPS" };
                    (self.coerce_to_specific(value, INT8, -1, name)?, Oid::INVALID, name)
                }
                Some((sort, type_oid)) => {
                    let (value, function) = self.in_range_offset(value, sort, *type_oid)?;
                    (value, function, "RANGE")
                }
            };
            self.refuse_variables(&value, name)?;
            let slot = Some(Box::new(value));
            if is_start {
                (clause.start_offset, clause.start_in_range) = (slot, function);
            } else {
                (clause.end_offset, clause.end_in_range) = (slot, function);
            }
        }
        Ok(())
    }

    /// The offset coerced to a type that the sort column's operator family can add, with its in_range function.
    fn in_range_offset(&mut self, value: Expr, sort: &SortGroupClause, column: Oid) -> Result<(Expr, Oid)> {
        const IN_RANGE: i16 = 3;
        let column_name = self.type_name_of(column)?;
        let Some((family, _)) =
            self.btree_meanings(sort.sort_operator)?.into_iter().find(|m| m.1 == 1 || m.1 == 5)
        else {
            return Err(base::Error::internal("sort operator without operator family"));
        };
        let input = self.session.operator(sort.sort_operator)?.oprleft;
        let given = expr_type(&value);
        let at = expr_location(&value);
        let wanted_at_first =
            if given == UNKNOWN && self.session.family_function(family, input, input, IN_RANGE)?.is_some() {
                Some(input)
            } else {
                None
            };
        let rows = self.session.rows::<PgAmproc>(index::PG_AMPROC_FAM_PROC, &[family.into()])?;
        let mut found: Option<(Oid, Oid)> = None;
        let (mut available, mut fitting) = (0, 0);
        for row in rows.iter().filter(|r| r.amprocnum == IN_RANGE && r.amproclefttype == input) {
            available += 1;
            let offset = row.amprocrighttype;
            if wanted_at_first.is_some_and(|w| w != offset) {
                continue;
            }
            if !crate::coerce::pathway::can_coerce(
                self.session,
                &[given],
                &[offset],
                crate::CoercionContext::Implicit,
            )? {
                continue;
            }
            fitting += 1;
            found = Some((offset, row.amproc));
            if offset == given || wanted_at_first.is_some() {
                fitting = 1;
                break;
            }
        }
        let Some((offset, function)) = found else {
            if available == 0 {
                return Err(err!(
                    FEATURE_NOT_SUPPORTED,
                    "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {column_name}"
                )
                .or_at(at));
            }
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {column_name} and offset type {}",
                self.type_name_of(given)?
            )
            .hint("Cast the offset value to an appropriate type.")
            .or_at(at));
        };
        if fitting > 1 {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "RANGE with offset PRECEDING/FOLLOWING has multiple interpretations for column type {column_name} and \
                 offset type {}",
                self.type_name_of(given)?
            )
            .hint("Cast the offset value to the exact intended type.")
            .or_at(at));
        }
        Ok((self.coerce_to_specific(value, offset, -1, "RANGE")?, function))
    }
}

/// Takes over from the window that this one is built on.
fn inherit_window(clause: &mut WindowClause, base: &WindowClause, spec: &WindowSpec) -> Result<()> {
    let at = spec.location;
    let name = base.name.as_deref().unwrap_or_default();
    if !clause.partition.is_empty() {
        return Err(err!(WINDOWING_ERROR, "cannot override PARTITION BY clause of window \"{name}\"").at(at));
    }
    clause.partition = base.partition.clone();
    if !base.order.is_empty() {
        if !clause.order.is_empty() {
            return Err(err!(WINDOWING_ERROR, "cannot override ORDER BY clause of window \"{name}\"").at(at));
        }
        clause.order = base.order.clone();
        clause.copied_order = true;
    }
    if base.frame_options != frame::DEFAULTS {
        let error =
            err!(WINDOWING_ERROR, "cannot copy window \"{name}\" because it has a frame clause").at(at);
        // A bare reference could have been written without parentheses.
        let bare = spec.name.is_none() && spec.order_by.is_empty() && spec.frame.is_none();
        return Err(if bare { error.hint("Omit the parentheses in this OVER clause.") } else { error });
    }
    Ok(())
}
