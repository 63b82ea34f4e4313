//! FOR UPDATE and its weaker kin.

use crate::state::Analyzer;
use crate::types::acl;
use base::{Result, err};
use ir::{LockStrength, LockWait, Query, RangeTableKind, RowMarkClause};
use syntax::{Locking, SelectStatement};

pub(crate) fn strength_name(strength: syntax::LockStrength) -> &'static str {
    match strength {
        syntax::LockStrength::KeyShare => "FOR KEY SHARE",
        syntax::LockStrength::Share => "FOR SHARE",
        syntax::LockStrength::NoKeyUpdate => "FOR NO KEY UPDATE",
        syntax::LockStrength::Update => "FOR UPDATE",
    }
}

impl Analyzer<'_> {
    pub(super) fn row_marks(&mut self, select: &SelectStatement, query: &mut Query) -> Result<()> {
        for lock in &select.locking {
            self.check_lockable(query, lock)?;
            if lock.relations.is_empty() {
                for index in 1..=self.current().range_table.len() {
                    if self.current().range_table[index - 1].in_from {
                        self.mark_entry(query, index, lock, true)?;
                    }
                }
            }
            for name in &lock.relations {
                if name.schema.is_some() || name.catalog.is_some() {
                    return Err(err!(
                        SYNTAX_ERROR,
                        "{} must specify unqualified relation names",
                        strength_name(lock.strength)
                    )
                    .at(name.location));
                }
                let found = self.current().range_table.iter().position(|e| {
                    let hidden = matches!(e.kind, RangeTableKind::Join { .. }) && e.alias.is_none();
                    e.in_from && e.eref.name == name.name && !hidden
                });
                let Some(at) = found else {
                    return Err(err!(
                        UNDEFINED_TABLE,
                        "relation \"{}\" in {} clause not found in FROM clause",
                        name.name,
                        strength_name(lock.strength)
                    )
                    .at(name.location));
                };
                self.mark_entry(query, at + 1, lock, false).map_err(|e| e.or_at(Some(name.location)))?;
            }
        }
        Ok(())
    }

    fn check_lockable(&self, query: &Query, lock: &Locking) -> Result<()> {
        let level = self.current();
        let obstacle = if query.set_operations.is_some() {
            "UNION/INTERSECT/EXCEPT"
        } else if !query.distinct_clause.is_empty() {
            "DISTINCT clause"
        } else if !query.group_clause.is_empty() || !query.grouping_sets.is_empty() {
            "GROUP BY clause"
        } else if query.having.is_some() {
            "HAVING clause"
        } else if level.has_aggregates {
            "aggregate functions"
        } else if level.has_window_functions {
            "window functions"
        } else if level.has_target_srfs {
            "set-returning functions in the target list"
        } else {
            return Ok(());
        };
        Err(err!(FEATURE_NOT_SUPPORTED, "{} is not allowed with {obstacle}", strength_name(lock.strength)))
    }

    fn mark_entry(&mut self, query: &mut Query, index: usize, lock: &Locking, all: bool) -> Result<()> {
        let strength = match lock.strength {
            syntax::LockStrength::KeyShare => LockStrength::ForKeyShare,
            syntax::LockStrength::Share => LockStrength::ForShare,
            syntax::LockStrength::NoKeyUpdate => LockStrength::ForNoKeyUpdate,
            syntax::LockStrength::Update => LockStrength::ForUpdate,
        };
        let wait = match lock.wait {
            syntax::LockWait::Block => LockWait::Block,
            syntax::LockWait::SkipLocked => LockWait::Skip,
            syntax::LockWait::NoWait => LockWait::Error,
        };
        let level = self.level();
        let what = match &mut level.range_table[index - 1].kind {
            RangeTableKind::Relation { permission, .. } => {
                if *permission > 0 {
                    level.permissions[*permission - 1].required |= acl::UPDATE;
                }
                apply_mark(query, index, strength, wait, false);
                return Ok(());
            }
            RangeTableKind::Subquery { query: inner, .. } => {
                mark_subquery(inner, strength, wait);
                apply_mark(query, index, strength, wait, false);
                return Ok(());
            }
            _ if all => return Ok(()),
            RangeTableKind::Join { .. } => "a join",
            RangeTableKind::Function { .. } => "a function",
            RangeTableKind::Values { .. } => "VALUES",
            RangeTableKind::Cte { .. } => "a WITH query",
            RangeTableKind::NamedTuplestore { .. } => "a named tuplestore",
            RangeTableKind::Result | RangeTableKind::Group { .. } => return Ok(()),
        };
        Err(err!(FEATURE_NOT_SUPPORTED, "{} cannot be applied to {what}", strength_name(lock.strength)))
    }
}

/// Locks all relations of a subquery, as the outer FOR UPDATE reaches into it.
fn mark_subquery(query: &mut Query, strength: LockStrength, wait: LockWait) {
    for index in 1..=query.range_table.len() {
        if !query.range_table[index - 1].in_from {
            continue;
        }
        match &mut query.range_table[index - 1].kind {
            RangeTableKind::Relation { permission, .. } => {
                let permission = *permission;
                if permission > 0 {
                    query.permissions[permission - 1].required |= acl::UPDATE;
                }
            }
            RangeTableKind::Subquery { query: inner, .. } => mark_subquery(inner, strength, wait),
            _ => continue,
        }
        apply_mark(query, index, strength, wait, true);
    }
}

/// Adds a row mark, or strengthens the one that is there.
pub(crate) fn apply_mark(
    query: &mut Query,
    relation: usize,
    strength: LockStrength,
    wait: LockWait,
    pushed_down: bool,
) {
    query.has_for_update = true;
    if let Some(mark) = query.row_marks.iter_mut().find(|m| m.relation == relation) {
        mark.strength = mark.strength.max(strength);
        // NOWAIT beats SKIP LOCKED beats waiting.
        let rank = |w: LockWait| match w {
            LockWait::Block => 0,
            LockWait::Skip => 1,
            LockWait::Error => 2,
        };
        if rank(wait) > rank(mark.wait) {
            mark.wait = wait;
        }
        mark.pushed_down &= pushed_down;
        return;
    }
    query.row_marks.push(RowMarkClause { relation, strength, wait, pushed_down });
}
