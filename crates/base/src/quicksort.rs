//! PostgreSQL's sort: the quicksort of Bentley and McIlroy ("Engineering a Sort Function", 1993), and for the first few of
//! many a heap. Neither is stable, but both leave equals in an order that the input alone decides, so that results
//! without a complete order, and lists of equally common values, come out as PostgreSQL's do.

use std::cmp::Ordering;

/// Shorter slices are sorted by insertion.
const SHORT: usize = 7;
/// Longer ones have the median of nine as pivot.
const LONG: usize = 40;

/// Sorts; what is in order already stays as it is.
pub fn quicksort<T: Copy>(mut items: &mut [T], compare: &mut impl FnMut(T, T) -> Ordering) {
    loop {
        let n = items.len();
        if n < SHORT {
            // A stable sort is what insertion gives.
            items.sort_by(|a, b| compare(*a, *b));
            return;
        }
        if items.windows(2).all(|pair| compare(pair[0], pair[1]).is_le()) {
            return;
        }
        let chosen = pivot(items, compare);
        items.swap(0, chosen);
        let (low, high) = partition(items, compare);
        let (left, right) = items.split_at_mut(n - high);
        let left = &mut left[..low];
        // The smaller side by recursion, so that the stack stays shallow.
        if low <= high {
            quicksort(left, compare);
            items = right;
        } else {
            quicksort(right, compare);
            items = left;
        }
    }
}

/// Where the value is that the others are compared with.
fn pivot<T: Copy>(items: &[T], compare: &mut impl FnMut(T, T) -> Ordering) -> usize {
    let n = items.len();
    let middle = n / 2;
    if n == SHORT {
        return middle;
    }
    let mut median = |a: usize, b: usize, c: usize| {
        let mut order = |x: usize, y: usize| compare(items[x], items[y]);
        if order(a, b).is_lt() {
            if order(b, c).is_lt() {
                b
            } else if order(a, c).is_lt() {
                c
            } else {
                a
            }
        } else if order(b, c).is_gt() {
            b
        } else if order(a, c).is_lt() {
            a
        } else {
            c
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
fn partition<T: Copy>(items: &mut [T], compare: &mut impl FnMut(T, T) -> Ordering) -> (usize, usize) {
    let n = items.len();
    // Equals are collected at both ends: up to `equal_low` and from `equal_high + 1`.
    let (mut equal_low, mut low, mut high, mut equal_high) = (1, 1, n - 1, n - 1);
    loop {
        while low <= high {
            match compare(items[low], items[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    items.swap(equal_low, low);
                    equal_low += 1;
                }
                Ordering::Less => {}
            }
            low += 1;
        }
        while low <= high {
            match compare(items[high], items[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    items.swap(high, equal_high);
                    equal_high -= 1;
                }
                Ordering::Greater => {}
            }
            high -= 1;
        }
        if low > high {
            break;
        }
        items.swap(low, high);
        low += 1;
        high -= 1;
    }
    let moved = equal_low.min(low - equal_low);
    (0..moved).for_each(|i| items.swap(i, low - moved + i));
    let moved = (equal_high - high).min(n - equal_high - 1);
    (0..moved).for_each(|i| items.swap(low + i, n - moved + i));
    (low - equal_low, equal_high - high)
}

/// The first `bound` of many items, in order: a heap holds the best so far, the worst of them on top.
pub fn first_in_order<T: Copy>(
    items: &[T],
    bound: usize,
    compare: &mut impl FnMut(T, T) -> Ordering,
) -> Vec<T> {
    let mut worse = |a: T, b: T| compare(b, a);
    let mut heap: Vec<T> = Vec::with_capacity(bound);
    for item in items {
        if heap.len() < bound {
            let mut at = heap.len();
            heap.push(*item);
            while at > 0 && worse(*item, heap[(at - 1) / 2]).is_lt() {
                heap[at] = heap[(at - 1) / 2];
                at = (at - 1) / 2;
            }
            heap[at] = *item;
        } else if bound > 0 && worse(*item, heap[0]).is_gt() {
            replace_top(&mut heap, *item, &mut worse);
        }
    }
    let mut left = heap.len();
    while left > 1 {
        let top = heap[0];
        left -= 1;
        let last = heap[left];
        replace_top(&mut heap[..left], last, &mut worse);
        heap[left] = top;
    }
    heap
}

fn replace_top<T: Copy>(heap: &mut [T], item: T, order: &mut impl FnMut(T, T) -> Ordering) {
    let mut at = 0;
    loop {
        let mut child = 2 * at + 1;
        if child >= heap.len() {
            break;
        }
        if child + 1 < heap.len() && order(heap[child], heap[child + 1]).is_gt() {
            child += 1;
        }
        if order(item, heap[child]).is_le() {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = item;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_every_shape() {
        for n in 0..200usize {
            for modulus in [1, 2, 3, 7, 50, 1000] {
                let mut items: Vec<(usize, usize)> = (0..n).map(|i| (i, i * 7919 % modulus)).collect();
                let mut expected = items.clone();
                expected.sort();
                let first = first_in_order(&items, n / 3, &mut |a, b| a.1.cmp(&b.1));
                quicksort(&mut items, &mut |a, b| a.1.cmp(&b.1));
                assert!(items.is_sorted_by(|a, b| a.1 <= b.1));
                let keys = |list: &[(usize, usize)]| list.iter().map(|i| i.1).collect::<Vec<_>>();
                assert_eq!(keys(&first), keys(&items[..n / 3]));
                items.sort();
                assert_eq!(items, expected);
            }
        }
    }
}
