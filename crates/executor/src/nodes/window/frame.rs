//! Window frames: which rows of a partition a row's functions see.

use base::Result;
use std::ops::Range;

/// FRAMEOPTION_* of PostgreSQL's parsenodes.h.
pub mod option {
    pub const RANGE: u32 = 0x2;
    pub const ROWS: u32 = 0x4;
    pub const GROUPS: u32 = 0x8;
    pub const START_UNBOUNDED_PRECEDING: u32 = 0x20;
    pub const END_UNBOUNDED_FOLLOWING: u32 = 0x100;
    pub const START_CURRENT_ROW: u32 = 0x200;
    pub const END_CURRENT_ROW: u32 = 0x400;
    pub const START_OFFSET_PRECEDING: u32 = 0x800;
    pub const END_OFFSET_PRECEDING: u32 = 0x1000;
    pub const START_OFFSET_FOLLOWING: u32 = 0x2000;
    pub const END_OFFSET_FOLLOWING: u32 = 0x4000;
    pub const EXCLUDE_CURRENT_ROW: u32 = 0x8000;
    pub const EXCLUDE_GROUP: u32 = 0x10000;
    pub const EXCLUDE_TIES: u32 = 0x20000;
    pub const START_OFFSET: u32 = START_OFFSET_PRECEDING | START_OFFSET_FOLLOWING;
    pub const END_OFFSET: u32 = END_OFFSET_PRECEDING | END_OFFSET_FOLLOWING;
}

/// The groups of peers of a partition.
pub struct Peers {
    /// The group of each row.
    pub group: Vec<u32>,
    /// Where each group starts; one more entry for the end.
    pub starts: Vec<usize>,
}

impl Peers {
    /// `begins[i]`: row i begins a group.
    pub fn new(begins: &[bool]) -> Peers {
        let mut peers = Peers { group: Vec::with_capacity(begins.len()), starts: Vec::new() };
        for (row, begins) in begins.iter().enumerate() {
            if *begins || row == 0 {
                peers.starts.push(row);
            }
            peers.group.push(peers.starts.len() as u32 - 1);
        }
        peers.starts.push(begins.len());
        peers
    }

    pub fn of(&self, row: usize) -> Range<usize> {
        let group = self.group[row] as usize;
        self.starts[group]..self.starts[group + 1]
    }

    fn start_of(&self, group: i64) -> usize {
        let last = self.starts.len() as i64 - 1;
        self.starts[group.clamp(0, last) as usize]
    }
}

/// Compares for RANGE with an offset: whether a row lies at or after the frame's start, or at or before its end.
pub trait RangeBounds {
    /// # Errors
    /// What the type's in_range function fails with.
    fn before_start(&mut self, row: usize, current: usize) -> Result<bool>;
    /// # Errors
    /// What the type's in_range function fails with.
    fn within_end(&mut self, row: usize, current: usize) -> Result<bool>;
}

/// The frame of each row in turn. Bounds of RANGE frames only move forward, so each is found from the last one.
pub struct Frames<'a> {
    pub options: u32,
    pub start_offset: i64,
    pub end_offset: i64,
    pub peers: &'a Peers,
    pub rows: usize,
    head: usize,
    tail: usize,
}

impl<'a> Frames<'a> {
    pub fn new(options: u32, start_offset: i64, end_offset: i64, peers: &'a Peers) -> Frames<'a> {
        Frames { options, start_offset, end_offset, rows: peers.group.len(), peers, head: 0, tail: 0 }
    }

    /// The rows of the frame, exclusion aside.
    ///
    /// # Errors
    /// What `range` fails with.
    pub fn of(&mut self, row: usize, range: &mut dyn RangeBounds) -> Result<Range<usize>> {
        let start = self.start(row, range)?;
        let end = self.end(row, range)?;
        Ok(start.min(self.rows)..end.clamp(start.min(self.rows), self.rows))
    }

    fn has(&self, bits: u32) -> bool {
        self.options & bits != 0
    }

    fn shifted(&self, row: usize, offset: i64) -> usize {
        (row as i64).saturating_add(offset).clamp(0, self.rows as i64) as usize
    }

    fn start(&mut self, row: usize, range: &mut dyn RangeBounds) -> Result<usize> {
        if self.has(option::START_UNBOUNDED_PRECEDING) {
            return Ok(0);
        }
        if self.has(option::START_CURRENT_ROW) {
            return Ok(if self.has(option::ROWS) { row } else { self.peers.of(row).start });
        }
        let signed = match self.has(option::START_OFFSET_PRECEDING) {
            true => self.start_offset.saturating_neg(),
            false => self.start_offset,
        };
        if self.has(option::ROWS) {
            return Ok(self.shifted(row, signed));
        }
        if self.has(option::GROUPS) {
            return Ok(self.peers.start_of(i64::from(self.peers.group[row]).saturating_add(signed)));
        }
        while self.head < self.rows && range.before_start(self.head, row)? {
            self.head += 1;
        }
        Ok(self.head)
    }

    fn end(&mut self, row: usize, range: &mut dyn RangeBounds) -> Result<usize> {
        if self.has(option::END_UNBOUNDED_FOLLOWING) {
            return Ok(self.rows);
        }
        if self.has(option::END_CURRENT_ROW) {
            return Ok(if self.has(option::ROWS) { row + 1 } else { self.peers.of(row).end });
        }
        let signed = match self.has(option::END_OFFSET_PRECEDING) {
            true => self.end_offset.saturating_neg(),
            false => self.end_offset,
        };
        if self.has(option::ROWS) {
            return Ok(self.shifted(row, signed.saturating_add(1)));
        }
        if self.has(option::GROUPS) {
            let after = i64::from(self.peers.group[row]).saturating_add(signed).saturating_add(1);
            return Ok(self.peers.start_of(after));
        }
        while self.tail < self.rows && range.within_end(self.tail, row)? {
            self.tail += 1;
        }
        Ok(self.tail)
    }
}

/// The frame with its excluded rows taken out: at most three ranges, in order.
pub fn without_excluded(frame: &Range<usize>, options: u32, row: usize, peers: &Peers) -> [Range<usize>; 3] {
    let cut = |hole: Range<usize>| {
        let first = frame.start..frame.end.min(hole.start).max(frame.start);
        let last = frame.start.max(hole.end).min(frame.end)..frame.end;
        (first, last)
    };
    if options & option::EXCLUDE_CURRENT_ROW != 0 {
        let (first, last) = cut(row..row + 1);
        return [first, 0..0, last];
    }
    if options & (option::EXCLUDE_GROUP | option::EXCLUDE_TIES) != 0 {
        let (first, last) = cut(peers.of(row));
        let keeps_row = options & option::EXCLUDE_TIES != 0 && frame.contains(&row);
        return [first, if keeps_row { row..row + 1 } else { 0..0 }, last];
    }
    [frame.clone(), 0..0, 0..0]
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NoRange;

    impl RangeBounds for NoRange {
        fn before_start(&mut self, _: usize, _: usize) -> Result<bool> {
            Ok(false)
        }
        fn within_end(&mut self, _: usize, _: usize) -> Result<bool> {
            Ok(false)
        }
    }

    fn frames(options: u32, start: i64, end: i64, begins: &[bool]) -> Vec<Range<usize>> {
        let peers = Peers::new(begins);
        let mut frames = Frames::new(options, start, end, &peers);
        (0..begins.len()).map(|row| frames.of(row, &mut NoRange).unwrap()).collect()
    }

    #[test]
    fn rows_groups_and_peers() {
        use option::*;
        let begins = [true, false, true, true];
        let default = RANGE | START_UNBOUNDED_PRECEDING | END_CURRENT_ROW;
        assert_eq!(frames(default, 0, 0, &begins), [0..2, 0..2, 0..3, 0..4]);
        let rows = ROWS | START_OFFSET_PRECEDING | END_OFFSET_FOLLOWING;
        assert_eq!(frames(rows, 1, 1, &begins), [0..2, 0..3, 1..4, 2..4]);
        let groups = GROUPS | START_OFFSET_PRECEDING | END_CURRENT_ROW;
        assert_eq!(frames(groups, 1, 0, &begins), [0..2, 0..2, 0..3, 2..4]);
        let behind = ROWS | START_OFFSET_PRECEDING | END_OFFSET_PRECEDING;
        assert_eq!(frames(behind, 3, 2, &begins), [0..0, 0..0, 0..1, 0..2]);
        let ahead = ROWS | START_OFFSET_FOLLOWING | END_UNBOUNDED_FOLLOWING;
        assert_eq!(frames(ahead, i64::MAX, 0, &begins), [4..4, 4..4, 4..4, 4..4]);
    }

    #[test]
    fn exclusion() {
        let peers = Peers::new(&[true, false, false, true]);
        let of = |options, row| {
            let parts = without_excluded(&(0..4), options, row, &peers);
            parts.into_iter().flatten().collect::<Vec<_>>()
        };
        assert_eq!(of(0, 1), [0, 1, 2, 3]);
        assert_eq!(of(option::EXCLUDE_CURRENT_ROW, 1), [0, 2, 3]);
        assert_eq!(of(option::EXCLUDE_GROUP, 1), [3]);
        assert_eq!(of(option::EXCLUDE_TIES, 1), [1, 3]);
    }
}
