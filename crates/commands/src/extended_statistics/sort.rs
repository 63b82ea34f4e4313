//! The order of groups that are equally common, which decides which of them are kept.
//!
//! It is that of the quicksort of Bentley and McIlroy ("Engineering a Sort Function", 1993), so that the same table has
//! the same list of common values as in PostgreSQL. The sort is not stable, and leaves what is sorted as it is.

use std::cmp::Ordering;

/// A row that stands for a group, and the group's size.
type Group = (u32, usize);

/// Shorter slices are sorted by insertion.
const SHORT: usize = 7;
/// Longer ones have the median of nine as pivot.
const LONG: usize = 40;

fn compare(a: Group, b: Group) -> Ordering {
    b.1.cmp(&a.1)
}

/// Sorts by descending size.
pub(super) fn by_count(mut groups: &mut [Group]) {
    loop {
        let n = groups.len();
        if n < SHORT {
            // A stable sort is what insertion gives.
            groups.sort_by(|a, b| compare(*a, *b));
            return;
        }
        if groups.is_sorted_by(|a, b| a.1 >= b.1) {
            return;
        }
        let chosen = pivot(groups);
        groups.swap(0, chosen);
        let (low, high) = partition(groups);
        // The smaller side by recursion, so that the stack stays shallow.
        let (first, last) = (low <= high, n - high);
        let (left, right) = groups.split_at_mut(last);
        let left = &mut left[..low];
        if first {
            by_count(left);
            groups = right;
        } else {
            by_count(right);
            groups = left;
        }
    }
}

/// Where the value is that the others are compared with.
fn pivot(groups: &[Group]) -> usize {
    let n = groups.len();
    let middle = n / 2;
    if n == SHORT {
        return middle;
    }
    let median = |a: usize, b: usize, c: usize| {
        let less = |x: usize, y: usize| compare(groups[x], groups[y]).is_lt();
        match (less(a, b), less(b, c), less(c, b)) {
            (true, true, _) | (false, _, true) => b,
            (true, false, _) => {
                if less(a, c) {
                    c
                } else {
                    a
                }
            }
            (false, _, false) => {
                if less(a, c) {
                    a
                } else {
                    c
                }
            }
        }
    };
    if n <= LONG {
        return median(0, middle, n - 1);
    }
    let step = n / 8;
    let low = median(0, step, 2 * step);
    let middle = median(middle - step, middle, middle + step);
    let high = median(n - 1 - 2 * step, n - 1 - step, n - 1);
    median(low, middle, high)
}

/// Brings what comes before the first element to the front, what comes after it to the end and its equals between;
/// gives the lengths of both sides.
fn partition(groups: &mut [Group]) -> (usize, usize) {
    let n = groups.len();
    // Equals are collected at both ends: up to `equal_low` and from `equal_high + 1`.
    let (mut equal_low, mut low, mut high, mut equal_high) = (1, 1, n - 1, n - 1);
    loop {
        while low <= high {
            match compare(groups[low], groups[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    groups.swap(equal_low, low);
                    equal_low += 1;
                }
                Ordering::Less => {}
            }
            low += 1;
        }
        while low <= high {
            match compare(groups[high], groups[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    groups.swap(high, equal_high);
                    equal_high -= 1;
                }
                Ordering::Greater => {}
            }
            high -= 1;
        }
        if low > high {
            break;
        }
        groups.swap(low, high);
        low += 1;
        high -= 1;
    }
    let moved = equal_low.min(low - equal_low);
    (0..moved).for_each(|i| groups.swap(i, low - moved + i));
    let moved = (equal_high - high).min(n - equal_high - 1);
    (0..moved).for_each(|i| groups.swap(low + i, n - moved + i));
    (low - equal_low, equal_high - high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_every_shape() {
        for n in 0..200usize {
            for modulus in [1, 2, 3, 7, 50, 1000] {
                let mut groups: Vec<Group> = (0..n).map(|i| (i as u32, i * 7919 % modulus)).collect();
                let mut rows: Vec<u32> = groups.iter().map(|g| g.0).collect();
                by_count(&mut groups);
                assert!(groups.is_sorted_by(|a, b| a.1 >= b.1));
                let mut found: Vec<u32> = groups.iter().map(|g| g.0).collect();
                found.sort_unstable();
                rows.sort_unstable();
                assert_eq!(found, rows);
            }
        }
    }
}
