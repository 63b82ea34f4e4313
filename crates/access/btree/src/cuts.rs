//! Where the key space is cut: which partition an entry belongs to.

/// Cuts by eight bytes that sort like the keys, found by way of a table over equal steps between the least and the
/// greatest: for keys that are spread evenly a step holds hardly more than one cut.
#[derive(Default)]
pub struct Cuts {
    keys: Vec<u64>,
    least: u64,
    shift: u32,
    /// The number of cuts before each step, and before the end.
    before: Vec<u16>,
}

const STEPS_FOR_EACH: usize = 8;

impl Cuts {
    /// `keys` ascend; there are at most 65535.
    pub fn new(keys: Vec<u64>) -> Cuts {
        let (Some(&least), Some(&greatest)) = (keys.first(), keys.last()) else { return Cuts::default() };
        let steps = (keys.len() * STEPS_FOR_EACH).next_power_of_two();
        let width = 64 - (greatest - least).leading_zeros();
        let shift = width.saturating_sub(steps.ilog2()).min(63);
        let count = ((greatest - least) >> shift) as usize + 1;
        let before = (0..=count)
            .map(|step| keys.partition_point(|key| (((key - least) >> shift) as usize) < step) as u16)
            .collect();
        Cuts { keys, least, shift, before }
    }

    pub fn key(&self, number: usize) -> Option<u64> {
        self.keys.get(number).copied()
    }

    /// How many cuts are less than `key`.
    #[inline]
    pub fn before(&self, key: u64) -> usize {
        let Some(offset) = key.checked_sub(self.least) else { return 0 };
        let step = (offset >> self.shift) as usize;
        let Some([start, end]) = self.before.get(step..).and_then(|rest| rest.first_chunk::<2>()) else {
            return self.keys.len();
        };
        let mut number = usize::from(*start);
        let end = usize::from(*end);
        if end - number > STEPS_FOR_EACH {
            return number + self.keys[number..end].partition_point(|cut| *cut < key);
        }
        while number < end && self.keys[number] < key {
            number += 1;
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_search_finds() {
        let even: Vec<u64> = (0..100).map(|number| 1000 + number * 37).collect();
        let uneven: Vec<u64> = (0..64).map(|bit| (1_u64 << bit) - 1).collect();
        let same = vec![7; 40];
        for keys in [even, uneven, same, vec![0, u64::MAX], vec![5], vec![]] {
            let cuts = Cuts::new(keys.clone());
            let near = keys.iter().flat_map(|key| [key.saturating_sub(1), *key, key.saturating_add(1)]);
            for key in near.chain([0, u64::MAX]) {
                assert_eq!(cuts.before(key), keys.partition_point(|cut| *cut < key), "{key} in {keys:?}");
            }
        }
    }
}
