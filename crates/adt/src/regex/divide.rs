//! Finding a match and dividing it among groups.

use super::Captures;
use super::automaton::Runner;
use super::tree::{Node, NodeKind};
use crate::text::case::lower_char;
use base::Result;

type Ranges = Vec<Option<(usize, usize)>>;

/// What is known about the expression.
pub(super) struct Search {
    pub(super) groups: usize,
    pub(super) ignore_case: bool,
    pub(super) has_backrefs: bool,
    pub(super) anchored: bool,
}

struct Divider<'r, 'a> {
    runner: &'r mut Runner<'a>,
    ignore_case: bool,
    ranges: Ranges,
}

/// The leftmost match from `start` on.
pub(super) fn find(
    runner: &mut Runner<'_>,
    root: &Node,
    start: usize,
    search: &Search,
) -> Result<Option<Captures>> {
    let length = runner.text.len();
    let Some(mut begin) =
        (if search.anchored { Some(start) } else { runner.find_start(root.program, start)? })
    else {
        return Ok(None);
    };
    let mut divider =
        Divider { runner, ignore_case: search.ignore_case, ranges: vec![None; search.groups + 1] };
    loop {
        let found = if search.has_backrefs {
            divider.find_verified(root, begin)?
        } else if root.shortest {
            divider.runner.shortest(root.program, begin, begin, length)?
        } else {
            divider.runner.longest(root.program, begin, length)?
        };
        if let Some(end) = found {
            if search.groups > 0 && !search.has_backrefs {
                divider.divide(root, begin, end)?;
            }
            divider.ranges[0] = Some((begin, end));
            return Ok(Some(Captures { ranges: divider.ranges }));
        }
        match divider.runner.char_at(begin) {
            Some(c) if !search.anchored => begin += c.len_utf8(),
            _ => return Ok(None),
        }
    }
}

impl Divider<'_, '_> {
    /// The preferred end of a match from `begin` whose back references hold.
    fn find_verified(&mut self, root: &Node, begin: usize) -> Result<Option<usize>> {
        let length = self.runner.text.len();
        let mut end = if root.shortest {
            self.runner.shortest(root.program, begin, begin, length)?
        } else {
            self.runner.longest(root.program, begin, length)?
        };
        while let Some(candidate) = end {
            self.clear(root);
            if self.divide(root, begin, candidate)? {
                return Ok(Some(candidate));
            }
            end = self.next_end(root, begin, candidate, length)?;
        }
        Ok(None)
    }

    /// The end that comes after `end` in the order a node prefers, for a match from `start`.
    fn next_end(&mut self, node: &Node, start: usize, end: usize, limit: usize) -> Result<Option<usize>> {
        if node.shortest {
            match self.after(end).filter(|&next| next <= limit) {
                Some(next) => self.runner.shortest(node.program, start, next, limit),
                None => Ok(None),
            }
        } else {
            match self.before(end).filter(|&previous| previous >= start) {
                Some(previous) => self.runner.longest(node.program, start, previous),
                None => Ok(None),
            }
        }
    }

    fn after(&self, at: usize) -> Option<usize> {
        self.runner.char_at(at).map(|c| at + c.len_utf8())
    }

    fn before(&self, at: usize) -> Option<usize> {
        self.runner.text[..at].chars().next_back().map(|c| at - c.len_utf8())
    }

    fn matches_exactly(&mut self, node: &Node, start: usize, end: usize) -> Result<bool> {
        Ok(self.runner.shortest(node.program, start, end, end)? == Some(end))
    }

    /// Forgets the groups below a node.
    fn clear(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Leaf | NodeKind::Backref { .. } => {}
            NodeKind::Capture(group, inner) => {
                self.ranges[*group] = None;
                self.clear(inner);
            }
            NodeKind::Concat(left, right) => {
                self.clear(left);
                self.clear(right);
            }
            NodeKind::Alternate(branches) => branches.iter().for_each(|branch| self.clear(branch)),
            NodeKind::Repeat { inner, .. } => self.clear(inner),
        }
    }

    /// Divides a range that a node's automaton matches; false when back references do not hold.
    fn divide(&mut self, node: &Node, start: usize, end: usize) -> Result<bool> {
        self.runner.tick()?;
        if !node.divided {
            return Ok(true);
        }
        match &node.kind {
            NodeKind::Leaf => Ok(true),
            NodeKind::Capture(group, inner) => {
                let divided = self.divide(inner, start, end)?;
                if divided {
                    self.ranges[*group] = Some((start, end));
                }
                Ok(divided)
            }
            NodeKind::Concat(left, right) => self.divide_concat(left, right, start, end),
            NodeKind::Alternate(branches) => {
                for branch in branches {
                    if self.matches_exactly(branch, start, end)? && self.divide(branch, start, end)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            NodeKind::Repeat { inner, min, max } => {
                // No repetition at all is the last resort, so that groups are set, unless the least is preferred.
                let may_skip = start == end && *min == 0;
                if may_skip && inner.shortest {
                    return Ok(true);
                }
                let most = max.unwrap_or(usize::MAX).min(end - start).max((*min).max(1));
                if self.divide_repeat(inner, (*min).max(1), most, start, end)? {
                    return Ok(true);
                }
                if may_skip {
                    self.clear(inner);
                }
                Ok(may_skip)
            }
            NodeKind::Backref { group, min, max } => Ok(self.backref(*group, *min, *max, start, end)),
        }
    }

    fn divide_concat(&mut self, left: &Node, right: &Node, start: usize, end: usize) -> Result<bool> {
        let mut middle = if left.shortest {
            self.runner.shortest(left.program, start, start, end)?
        } else {
            self.runner.longest(left.program, start, end)?
        };
        while let Some(at) = middle {
            if self.matches_exactly(right, at, end)? {
                if self.divide(left, start, at)? && self.divide(right, at, end)? {
                    return Ok(true);
                }
                self.clear(left);
                self.clear(right);
            }
            middle = self.next_end(left, start, at, end)?;
        }
        Ok(false)
    }

    /// Finds ends for `min` to `most` repetitions, each as long (or short) as it can be, the last at `end`.
    fn divide_repeat(
        &mut self,
        inner: &Node,
        min: usize,
        most: usize,
        start: usize,
        end: usize,
    ) -> Result<bool> {
        // ends[0] is the start; a candidate for the next one is tried before it is pushed.
        let mut ends = vec![start];
        let mut verified = 0;
        let mut candidate = self.first_end(inner, start, end)?;
        loop {
            self.runner.tick()?;
            let done = ends.len() - 1;
            let from = ends[done];
            // An empty repetition is taken only where the least number needs it.
            while candidate == Some(from) && from != end && done + 1 > min {
                candidate = self.next_end(inner, from, from, end)?;
            }
            match candidate {
                Some(at) if at == end && done + 1 >= min => {
                    ends.push(at);
                    if self.verify(inner, &ends, &mut verified)? {
                        return Ok(true);
                    }
                    ends.pop();
                    verified = verified.min(ends.len() - 1);
                    candidate = self.next_end(inner, from, at, end)?;
                }
                Some(at) if done + 1 < most && (at != from || done + 1 < min) => {
                    ends.push(at);
                    candidate = self.first_end(inner, at, end)?;
                }
                Some(at) => candidate = self.next_end(inner, from, at, end)?,
                None => {
                    let Some(at) = ends.pop() else { return Ok(false) };
                    verified = verified.min(ends.len().saturating_sub(1));
                    let Some(&from) = ends.last() else { return Ok(false) };
                    candidate = self.next_end(inner, from, at, end)?;
                }
            }
        }
    }

    fn first_end(&mut self, node: &Node, start: usize, limit: usize) -> Result<Option<usize>> {
        if node.shortest {
            self.runner.shortest(node.program, start, start, limit)
        } else {
            self.runner.longest(node.program, start, limit)
        }
    }

    /// Divides each repetition; groups keep what the last one gave them.
    fn verify(&mut self, inner: &Node, ends: &[usize], verified: &mut usize) -> Result<bool> {
        for i in *verified..ends.len() - 1 {
            self.clear(inner);
            if !self.divide(inner, ends[i], ends[i + 1])? {
                return Ok(false);
            }
            *verified = i + 1;
        }
        Ok(true)
    }

    fn backref(&self, group: usize, min: usize, max: Option<usize>, start: usize, end: usize) -> bool {
        let Some((from, to)) = self.ranges[group] else { return false };
        let text = self.runner.text;
        let (wanted, mut rest) = (&text[from..to], &text[start..end]);
        if wanted.is_empty() || rest.is_empty() {
            return rest.is_empty() && (min == 0 || wanted.is_empty());
        }
        let mut count = 0;
        while let Some(prefix) = rest.get(..wanted.len()) {
            let same = prefix == wanted
                || (self.ignore_case && prefix.chars().map(lower_char).eq(wanted.chars().map(lower_char)));
            if !same {
                break;
            }
            rest = &rest[wanted.len()..];
            count += 1;
        }
        rest.is_empty() && count >= min && max.is_none_or(|max| count <= max)
    }
}
