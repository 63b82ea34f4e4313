//! What ANALYZE computes from a sample of one column: pure functions, figure for figure those of PostgreSQL.
//!
//! Distinct values are estimated after Haas and Stokes ("Sampling-Based Estimation of the Number of Distinct Values of
//! an Attribute", estimator Duj1): n d / (n - f1 + f1 n / N), with f1 the values seen exactly once.

use access_api::KeyOrder;
use datum::{Column, Datum};
use std::cmp::Ordering;

/// Values longer than this are counted, and otherwise left out.
const MAX_VALUE_BYTES: usize = 1024;

/// A column's sample.
pub struct Sampled<'a> {
    pub column: &'a Column,
    pub rows: usize,
    /// Estimated rows of the table.
    pub total_rows: f64,
    /// pg_type.typlen.
    pub type_len: i16,
    /// Values of an expression, which have the long header that stored ones may do without.
    pub computed: bool,
    /// How many common values, and histogram bins, at most.
    pub target: usize,
}

/// What is known of a column. Rows of the sample stand for values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnStatistics {
    pub null_fraction: f64,
    pub width: i32,
    /// As in pg_statistic: negative ones are fractions of the rows.
    pub distinct: f64,
    /// Rows that hold the most common values, with their frequencies.
    pub common: Vec<(usize, f64)>,
    /// Rows that hold the bounds of equally full bins of what is not common.
    pub histogram: Vec<usize>,
    pub correlation: Option<f64>,
}

/// Counts that all kinds of columns have.
struct Counted {
    nulls: usize,
    too_wide: usize,
    total_width: f64,
    /// Rows with values that can be looked at.
    rows: Vec<usize>,
}

fn count(sampled: &Sampled<'_>) -> Counted {
    let mut counted =
        Counted { nulls: 0, too_wide: 0, total_width: 0.0, rows: Vec::with_capacity(sampled.rows) };
    for row in 0..sampled.rows {
        let Some(value) = sampled.column.get(row) else {
            counted.nulls += 1;
            continue;
        };
        if let (Datum::Bytes(bytes), true) = (value, sampled.type_len < 0) {
            // A short varlena's header is one byte; a C string ends with one.
            let short = bytes.len() < 127 && !sampled.computed;
            let header = if sampled.type_len == -2 || short { 1 } else { 4 };
            counted.total_width += (bytes.len() + header) as f64;
            if bytes.len() > MAX_VALUE_BYTES {
                counted.too_wide += 1;
                continue;
            }
        }
        counted.rows.push(row);
    }
    counted
}

fn basics(sampled: &Sampled<'_>, counted: &Counted) -> ColumnStatistics {
    let not_null = sampled.rows - counted.nulls;
    let width = match sampled.type_len {
        ..0 if not_null > 0 => (counted.total_width / not_null as f64) as i32,
        ..0 => 0,
        len => i32::from(len),
    };
    ColumnStatistics {
        null_fraction: if sampled.rows > 0 { counted.nulls as f64 / sampled.rows as f64 } else { 0.0 },
        width,
        ..ColumnStatistics::default()
    }
}

/// For types that cannot even be told apart.
pub fn trivial(sampled: &Sampled<'_>) -> ColumnStatistics {
    basics(sampled, &count(sampled))
}

/// For types whose values seldom repeat and have no order of use here.
pub fn unique(sampled: &Sampled<'_>) -> ColumnStatistics {
    let mut statistics = trivial(sampled);
    statistics.distinct = -(1.0 - statistics.null_fraction);
    statistics
}

/// The number of distinct values: `once` values were seen once, `multiple` more often; `complete`: no others exist.
fn distinct(
    sampled: &Sampled<'_>,
    counted: &Counted,
    null_fraction: f64,
    once: f64,
    multiple: f64,
    complete: bool,
) -> f64 {
    let total = sampled.total_rows;
    let estimate = if multiple == 0.0 {
        -(1.0 - null_fraction)
    } else if complete {
        multiple
    } else {
        let n = (sampled.rows - counted.nulls) as f64;
        let d = once + multiple;
        let present = total * (1.0 - null_fraction);
        let estimate = if present > 0.0 { n * d / ((n - once) + once * n / present) } else { 0.0 };
        (estimate.max(d).min(present.max(d)) + 0.5).floor()
    };
    // A number that grows with the table is better told as a fraction.
    if estimate > 0.1 * total { -(estimate / total) } else { estimate }
}

/// How many of the tracked values are more common than the rest on average, for certain.
fn significant(sampled: &Sampled<'_>, counts: &[usize], distinct: f64, null_fraction: f64) -> usize {
    let (total, n) = (sampled.total_rows, sampled.rows as f64);
    if n == total || total <= 1.0 {
        return counts.len();
    }
    let in_table = if distinct < 0.0 { -distinct * total } else { distinct };
    let mut kept = counts.len();
    let mut others: f64 = counts.iter().rev().skip(1).map(|count| *count as f64).sum();
    while kept > 0 {
        let last = counts[kept - 1] as f64;
        let mut selectivity = (1.0 - others / n - null_fraction).clamp(0.0, 1.0);
        let other_values = in_table - (kept as f64 - 1.0);
        if other_values > 1.0 {
            selectivity /= other_values;
        }
        // The spread of a hypergeometric distribution.
        let k = total * last / n;
        let variance = n * k * (total - k) * (total - n) / (total * total * (total - 1.0));
        if last > selectivity * n + 2.0 * variance.max(0.0).sqrt() + 0.5 {
            break;
        }
        kept -= 1;
        if kept > 0 {
            others -= counts[kept - 1] as f64;
        }
    }
    kept
}

/// A value that was seen more than once: how often, and where its run of equals begins.
#[derive(Clone, Copy)]
struct Tracked {
    count: usize,
    first: usize,
}

/// For types with an order.
pub fn scalar(sampled: &Sampled<'_>, order: &dyn KeyOrder) -> ColumnStatistics {
    let counted = count(sampled);
    let mut statistics = basics(sampled, &counted);
    if counted.rows.is_empty() {
        if sampled.rows > counted.nulls {
            statistics.distinct = -(1.0 - statistics.null_fraction);
        }
        return statistics;
    }
    let value = |position: usize| sampled.column.get(counted.rows[position]);
    let compare = |a: usize, b: usize| match (value(a), value(b)) {
        (Some(a), Some(b)) => order.compare(a, b),
        _ => Ordering::Equal,
    };
    // Positions in physical order, brought into the order of the values.
    let mut sorted: Vec<usize> = (0..counted.rows.len()).collect();
    sorted.sort_by(|a, b| compare(*a, *b));
    let (mut values, mut multiple, mut run, mut products) = (0usize, 0usize, 0usize, 0.0);
    let mut tracked: Vec<Tracked> = Vec::with_capacity(sampled.target);
    for (place, position) in sorted.iter().enumerate() {
        products += place as f64 * *position as f64;
        run += 1;
        let ends = sorted.get(place + 1).is_none_or(|next| compare(*position, *next) != Ordering::Equal);
        if !ends {
            continue;
        }
        values += 1;
        if run > 1 {
            multiple += 1;
            track(&mut tracked, Tracked { count: run, first: place + 1 - run }, sampled.target);
        }
        run = 0;
    }
    let once = (values - multiple + counted.too_wide) as f64;
    let complete = counted.too_wide == 0 && multiple == values;
    statistics.distinct =
        distinct(sampled, &counted, statistics.null_fraction, once, multiple as f64, complete);
    let all = tracked.len() == values && counted.too_wide == 0 && statistics.distinct > 0.0;
    if !all {
        let counts: Vec<usize> = tracked.iter().map(|t| t.count).collect();
        tracked.truncate(significant(sampled, &counts, statistics.distinct, statistics.null_fraction));
    }
    let n = sampled.rows as f64;
    statistics.common = tracked.iter().map(|t| (counted.rows[sorted[t.first]], t.count as f64 / n)).collect();
    statistics.histogram = histogram(&sorted, &mut tracked, values, sampled.target)
        .into_iter()
        .map(|position| counted.rows[position])
        .collect();
    statistics.correlation = correlation(sorted.len(), products);
    statistics
}

/// Keeps the `limit` most frequent, earlier ones first among equals.
fn track(tracked: &mut Vec<Tracked>, new: Tracked, limit: usize) {
    if tracked.len() >= limit {
        match tracked.last() {
            Some(last) if new.count > last.count => {
                tracked.pop();
            }
            _ => return,
        }
    }
    let place = tracked.partition_point(|known| known.count >= new.count);
    tracked.insert(place, new);
}

/// Bounds of bins, as positions, over what is left when the common values are taken out.
fn histogram(sorted: &[usize], common: &mut [Tracked], values: usize, target: usize) -> Vec<usize> {
    let bounds = (values - common.len()).min(target + 1);
    if bounds < 2 {
        return Vec::new();
    }
    common.sort_by_key(|tracked| tracked.first);
    let mut rest = Vec::with_capacity(sorted.len());
    let mut from = 0;
    for tracked in common.iter() {
        rest.extend_from_slice(&sorted[from..tracked.first]);
        from = tracked.first + tracked.count;
    }
    rest.extend_from_slice(&sorted[from..]);
    // In whole numbers, so that the last bound is the last value exactly.
    let steps = bounds - 1;
    let (delta, fraction) = ((rest.len() - 1) / steps, (rest.len() - 1) % steps);
    let (mut at, mut over) = (0, 0);
    let mut bins = Vec::with_capacity(bounds);
    for _ in 0..bounds {
        bins.push(rest[at.min(rest.len() - 1)]);
        at += delta;
        over += fraction;
        if over >= steps {
            at += 1;
            over -= steps;
        }
    }
    bins
}

/// Of physical order and order of values: both are the numbers from 0 on, so their sums are known.
fn correlation(count: usize, products: f64) -> Option<f64> {
    if count < 2 {
        return None;
    }
    let n = count as f64;
    let sum = (n - 1.0) * n / 2.0;
    let squares = (n - 1.0) * n * (2.0 * n - 1.0) / 6.0;
    Some((n * products - sum * sum) / (n * squares - sum * sum))
}

/// For types with equality but no order.
pub fn equality(sampled: &Sampled<'_>, equal: &dyn Fn(Datum<'_>, Datum<'_>) -> bool) -> ColumnStatistics {
    let counted = count(sampled);
    let mut statistics = basics(sampled, &counted);
    let limit = (2 * sampled.target).max(10);
    let mut tracked: Vec<(usize, usize)> = Vec::with_capacity(limit);
    for row in &counted.rows {
        let found = tracked.iter().position(|(known, _)| {
            matches!((sampled.column.get(*known), sampled.column.get(*row)), (Some(a), Some(b)) if equal(a, b))
        });
        match found {
            Some(mut at) => {
                tracked[at].1 += 1;
                while at > 0 && tracked[at].1 > tracked[at - 1].1 {
                    tracked.swap(at, at - 1);
                    at -= 1;
                }
            }
            None => {
                // A new value goes before the others seen once; the oldest of these makes room.
                let first_single = tracked.iter().position(|(_, count)| *count == 1).unwrap_or(tracked.len());
                if tracked.len() == limit {
                    if first_single == limit {
                        continue;
                    }
                    tracked.pop();
                }
                tracked.insert(first_single, (*row, 1));
            }
        }
    }
    let multiple = tracked.iter().take_while(|(_, count)| *count > 1).count();
    let in_multiples: usize = tracked[..multiple].iter().map(|(_, count)| count).sum();
    let not_null = sampled.rows - counted.nulls;
    let whole = tracked.len() < limit && counted.too_wide == 0;
    if not_null > 0 {
        statistics.distinct = distinct(
            sampled,
            &counted,
            statistics.null_fraction,
            (not_null - in_multiples) as f64,
            multiple as f64,
            whole && multiple == tracked.len(),
        );
    }
    let all = whole && statistics.distinct > 0.0 && tracked.len() <= sampled.target;
    if !all {
        tracked.truncate(sampled.target);
        let counts: Vec<usize> = tracked.iter().map(|(_, count)| *count).collect();
        tracked.truncate(significant(sampled, &counts, statistics.distinct, statistics.null_fraction));
    }
    let n = sampled.rows as f64;
    statistics.common = tracked.into_iter().map(|(row, count)| (row, count as f64 / n)).collect();
    statistics
}

#[cfg(test)]
mod tests {
    use super::*;
    use datum::{ColumnBuilder, Repr};

    struct Ints;

    impl KeyOrder for Ints {
        fn compare(&self, stored: Datum<'_>, other: Datum<'_>) -> Ordering {
            stored.int4().cmp(&other.int4())
        }
    }

    fn column(values: impl Iterator<Item = Option<i32>>) -> Column {
        let mut builder = ColumnBuilder::new(Repr::Int4, 16);
        values.for_each(|value| builder.push(value.map(Datum::Int4)));
        builder.finish()
    }

    fn compute(column: &Column, total: f64) -> ColumnStatistics {
        let sampled = Sampled {
            column,
            rows: column.len(),
            total_rows: total,
            type_len: 4,
            computed: false,
            target: 100,
        };
        scalar(&sampled, &Ints)
    }

    fn value(column: &Column, row: usize) -> i32 {
        column.get(row).unwrap().int4()
    }

    /// The figures are those of PostgreSQL for the same tables.
    #[test]
    fn whole_tables_as_postgresql_has_them() {
        let ascending = column((1..=1000).map(Some));
        let found = compute(&ascending, 1000.0);
        assert_eq!((found.distinct, found.null_fraction, found.width), (-1.0, 0.0, 4));
        assert!(found.common.is_empty());
        assert_eq!(found.histogram.len(), 101);
        let bounds: Vec<i32> = found.histogram.iter().map(|row| value(&ascending, *row)).collect();
        assert_eq!((bounds[0], bounds[1], bounds[2], bounds[99], bounds[100]), (1, 10, 20, 990, 1000));
        assert_eq!(found.correlation, Some(1.0));

        let descending = column((1..=1000).rev().map(Some));
        assert_eq!(compute(&descending, 1000.0).correlation, Some(-1.0));

        let repeated = column((0..1000).map(|i| Some(i % 7)));
        let found = compute(&repeated, 1000.0);
        assert_eq!(found.distinct, 7.0);
        let common: Vec<_> =
            found.common.iter().map(|(row, share)| (value(&repeated, *row), *share)).collect();
        assert_eq!(common[0], (0, 0.143));
        assert_eq!(common[6], (6, 0.142));
        assert!(found.histogram.is_empty());
        assert_eq!(found.correlation.map(|c| c as f32), Some(0.147_147_15));

        let nulls = column((0..1000).map(|i| (i % 4 != 0).then_some(i)));
        let found = compute(&nulls, 1000.0);
        assert_eq!((found.null_fraction, found.distinct), (0.25, -0.75));
        let bounds: Vec<i32> = found.histogram.iter().map(|row| value(&nulls, *row)).collect();
        assert_eq!((&bounds[..5], &bounds[98..]), (&[1, 10, 19, 30, 39][..], &[979, 989, 999][..]));

        let empty = compute(&column([None, None].into_iter()), 2.0);
        assert_eq!((empty.null_fraction, empty.distinct, empty.width), (1.0, 0.0, 4));
    }

    #[test]
    fn samples_estimate_the_rest() {
        // Each value three times in a sample of 3 %: nearly all values have been seen.
        let thrice = column((0..30_000).map(|i| Some(i / 3)));
        let found = compute(&thrice, 1_000_000.0);
        assert_eq!(found.distinct, 10_000.0);
        // Seen once or twice: many have not.
        let seldom = column((0..30_000).map(|i| Some(if i < 10_000 { i / 2 } else { i })));
        let found = compute(&seldom, 1_000_000.0);
        let expected = 30_000.0 * 25_000.0 / (10_000.0 + 20_000.0 * 0.03);
        assert!(
            (found.distinct + (expected + 0.5f64).floor() / 1_000_000.0).abs() < 1e-9
                || found.distinct == (expected + 0.5f64).floor()
        );
        assert!(found.common.is_empty());
        assert_eq!(found.histogram.len(), 101);
    }

    #[test]
    fn one_common_value_among_many() {
        let values = column((0..30_000).map(|i| Some(if i % 2 == 0 { -1 } else { i })));
        let found = compute(&values, 300_000.0);
        assert_eq!(found.common.len(), 1);
        assert_eq!((value(&values, found.common[0].0), found.common[0].1), (-1, 0.5));
        assert!(value(&values, found.histogram[0]) > 0);
    }

    #[test]
    fn equality_alone_finds_common_values() {
        let values = column((0..1000).map(|i| Some(i % 3)));
        let sampled = Sampled {
            column: &values,
            rows: 1000,
            total_rows: 1000.0,
            type_len: 4,
            computed: false,
            target: 100,
        };
        let found = equality(&sampled, &|a, b| a == b);
        assert_eq!((found.distinct, found.common.len()), (3.0, 3));
        assert_eq!(found.common[0].1, 0.334);
    }
}
