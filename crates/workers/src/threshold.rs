//! When a table is due for VACUUM or ANALYZE: autovacuum's formulas.

use base::{MultiXactId, Xid};
use commands::statistics::RelationStatistics;

/// Limits in force for one table: its storage parameters, else the settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub enabled: bool,
    pub vacuum_threshold: f64,
    pub vacuum_scale: f64,
    /// Negative: none.
    pub vacuum_max_threshold: f64,
    /// Negative: insertions do not count.
    pub insert_threshold: f64,
    pub insert_scale: f64,
    pub analyze_threshold: f64,
    pub analyze_scale: f64,
    pub freeze_max_age: u64,
    pub multi_freeze_max_age: u32,
}

/// The table as pg_class has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Negative: never counted.
    pub rows: f64,
    pub pages: i32,
    pub all_frozen: i32,
    pub frozen_xid: Xid,
    pub min_multi: MultiXactId,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    pub vacuum: bool,
    pub analyze: bool,
    /// Regardless of what the table's owner switched off.
    pub for_wraparound: bool,
}

/// `next_xid`, `next_multi`: what will be handed out next.
pub fn due(
    limits: &Limits,
    size: &Size,
    counts: Option<&RelationStatistics>,
    next_xid: Xid,
    next_multi: MultiXactId,
) -> Due {
    let oldest = Xid(next_xid.0.saturating_sub(limits.freeze_max_age)).max(Xid::FIRST_NORMAL);
    let oldest_multi = MultiXactId(next_multi.0.wrapping_sub(limits.multi_freeze_max_age).max(1));
    let old_xid = size.frozen_xid.is_normal() && size.frozen_xid < oldest;
    let old_multi = size.min_multi != MultiXactId::INVALID
        && u64::from(next_multi.0) > u64::from(limits.multi_freeze_max_age)
        && size.min_multi.precedes(oldest_multi);
    let for_wraparound = old_xid || old_multi;
    let mut due = Due { vacuum: for_wraparound, analyze: false, for_wraparound };
    let (Some(counts), true) = (counts, limits.enabled) else { return due };
    let rows = size.rows.max(0.0);
    let unfrozen = if size.pages > 0 && size.all_frozen > 0 {
        1.0 - f64::from(size.all_frozen.min(size.pages)) / f64::from(size.pages)
    } else {
        1.0
    };
    let mut vacuum_at = limits.vacuum_threshold + limits.vacuum_scale * rows;
    if limits.vacuum_max_threshold >= 0.0 {
        vacuum_at = vacuum_at.min(limits.vacuum_max_threshold);
    }
    let insert_at = limits.insert_threshold + limits.insert_scale * rows * unfrozen;
    let analyze_at = limits.analyze_threshold + limits.analyze_scale * rows;
    due.vacuum |= counts.dead as f64 > vacuum_at
        || limits.insert_threshold >= 0.0 && counts.inserted_since_vacuum as f64 > insert_at;
    due.analyze = counts.changed_since_analyze as f64 > analyze_at;
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        enabled: true,
        vacuum_threshold: 50.0,
        vacuum_scale: 0.2,
        vacuum_max_threshold: 100_000_000.0,
        insert_threshold: 1000.0,
        insert_scale: 0.2,
        analyze_threshold: 50.0,
        analyze_scale: 0.1,
        freeze_max_age: 200_000_000,
        multi_freeze_max_age: 400_000_000,
    };
    const SIZE: Size =
        Size { rows: 1000.0, pages: 10, all_frozen: 0, frozen_xid: Xid(1000), min_multi: MultiXactId(1) };

    fn check(limits: Limits, size: Size, counts: RelationStatistics, next: u64) -> (bool, bool, bool) {
        let due = due(&limits, &size, Some(&counts), Xid(next), MultiXactId(2));
        (due.vacuum, due.analyze, due.for_wraparound)
    }

    #[test]
    fn thresholds() {
        let none = RelationStatistics::default();
        let dead = |dead| RelationStatistics { dead, ..none };
        let inserted = |inserted_since_vacuum| RelationStatistics { inserted_since_vacuum, ..none };
        let changed = |changed_since_analyze| RelationStatistics { changed_since_analyze, ..none };
        let off = Limits { enabled: false, ..LIMITS };
        let capped = Limits { vacuum_max_threshold: 100.0, ..LIMITS };
        let no_inserts = Limits { insert_threshold: -1.0, ..LIMITS };
        let frozen = Size { all_frozen: 10, ..SIZE };
        let cases = [
            (LIMITS, SIZE, dead(250), 2000, (false, false, false)),
            (LIMITS, SIZE, dead(251), 2000, (true, false, false)),
            (capped, SIZE, dead(101), 2000, (true, false, false)),
            (LIMITS, SIZE, inserted(1200), 2000, (false, false, false)),
            (LIMITS, SIZE, inserted(1201), 2000, (true, false, false)),
            (LIMITS, frozen, inserted(1001), 2000, (true, false, false)),
            (no_inserts, SIZE, inserted(9999), 2000, (false, false, false)),
            (LIMITS, SIZE, changed(151), 2000, (false, true, false)),
            (off, SIZE, dead(9999), 2000, (false, false, false)),
            (off, SIZE, none, 200_001_001, (true, false, true)),
        ];
        for (limits, size, counts, next, expected) in cases {
            assert_eq!(check(limits, size, counts, next), expected, "{limits:?} {size:?} {counts:?}");
        }
    }
}
