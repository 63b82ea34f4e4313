//! Index scans, a page at a time: all matching entries of a leaf are copied out under its latch, and handed on
//! without it.

use crate::bounds::{Bounds, Operand, part, passes};
use crate::insert::equal_on_page;
use crate::key::SearchKey;
use crate::page::{self, NONE, Opaque};
use crate::search::Tree;
use crate::tuple::IndexTuple;
use crate::vacuum::leftmost_leaf;
use access_api::{Context, Direction, IndexRelation, ScanKey};
use base::{BlockNumber, Lsn, OffsetNumber, Result, Tid};
use buffer::Pin;
use datum::{ColumnBuilder, Datum};
use parking_lot::Mutex;
use std::cmp::Ordering;
use std::sync::Arc;
use storage::Page;

/// What a scan returns.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    pub tids: Vec<Tid>,
    /// One for each index column that the scan was asked for.
    pub columns: Vec<ColumnBuilder>,
}

impl Matches {
    /// For a scan with the same `columns`.
    pub fn new(index: &IndexRelation, columns: Option<&[usize]>) -> Matches {
        let attributes = index.attributes();
        let columns = columns.unwrap_or_default().iter();
        Matches {
            tids: Vec::new(),
            columns: columns.map(|c| ColumnBuilder::new(attributes[*c].layout.repr, 64)).collect(),
        }
    }

    pub fn clear(&mut self) {
        self.tids.clear();
        self.columns.iter_mut().for_each(ColumnBuilder::clear);
    }
}

#[derive(Clone)]
pub struct Scan {
    context: Context,
    index: IndexRelation,
    bounds: Bounds,
    direction: Direction,
    /// The columns (from 0, ascending) that are returned with the entries, in an index-only scan.
    columns: Option<Arc<[usize]>>,
    shared: Option<Arc<SharedScan>>,
    state: State,
    mark: Option<Box<State>>,
}

/// How far scans that divide an index's pages among themselves have come together.
#[derive(Debug, Default)]
pub struct SharedScan {
    place: Mutex<Place>,
}

#[derive(Debug, Default)]
struct Place {
    /// As in [`State`]: which combination is read, and whether its last page is taken.
    combination: Option<usize>,
    exhausted: bool,
    /// The page taken last, and the one that follows it.
    block: BlockNumber,
    next: BlockNumber,
}

/// Where the scan is.
#[derive(Clone, Default)]
struct State {
    /// The combination of prefix values that is being read; `None` before the first.
    combination: Option<usize>,
    /// The combination has no more pages.
    exhausted: bool,
    /// The scan has run out, so that turning returns the last entry again.
    at_end: bool,
    block: BlockNumber,
    /// The next page to the left or right, as the page said when it was read.
    next: BlockNumber,
    lsn: Lsn,
    items: Vec<Item>,
    done: usize,
    tuples: Vec<u8>,
    killed: Vec<(OffsetNumber, Tid)>,
    /// Index-only scans keep the page from VACUUM: an entry's row must still be what the visibility map tells of.
    pin: Option<Pin>,
}

#[derive(Clone, Copy)]
struct Item {
    tid: Tid,
    offset: OffsetNumber,
    /// Where its tuple is copied to.
    tuple: u32,
}

impl Scan {
    /// `keys` are ANDed. `columns` (from 0, ascending): an index-only scan that returns these columns, too.
    pub fn new(
        context: &Context,
        index: &IndexRelation,
        keys: &[ScanKey],
        direction: Direction,
        columns: Option<&[usize]>,
    ) -> Result<Scan> {
        Ok(Scan {
            context: context.clone(),
            index: index.clone(),
            bounds: Bounds::new(index, keys),
            direction,
            columns: columns.map(Arc::from),
            shared: None,
            state: State::default(),
            mark: None,
        })
    }

    /// Reads only the pages that no other scan with the same `shared` reads. All have the same keys and direction; none
    /// turns, marks or restores.
    pub fn sharing(mut self, shared: Arc<SharedScan>) -> Scan {
        self.shared = Some(shared);
        self
    }

    /// From the start, with other keys; a shared scan reads on where the others are.
    pub fn rescan(&mut self, keys: &[ScanKey]) -> Result<()> {
        self.apply_kills()?;
        self.bounds = Bounds::new(&self.index, keys);
        self.state = State::default();
        self.mark = None;
        Ok(())
    }

    /// Reads on the other way. What was read of the current page and not returned yet is dropped: the caller turns
    /// between entries by asking for one at a time.
    pub fn set_direction(&mut self, direction: Direction) {
        if self.direction == direction {
            return;
        }
        self.direction = direction;
        let state = &mut self.state;
        state.items.reverse();
        // The last entry returned is returned first by the one that turns: skip it.
        state.done = if std::mem::take(&mut state.at_end) {
            0
        } else {
            (state.items.len() + 1).saturating_sub(state.done).min(state.items.len())
        };
        state.exhausted = state.combination.is_none();
        state.next = BlockNumber::INVALID;
    }

    /// Remembers the place behind the last entry returned.
    pub fn mark(&mut self) {
        self.mark = Some(Box::new(State { killed: Vec::new(), ..self.state.clone() }));
    }

    /// Goes back to the place remembered.
    pub fn restore(&mut self) -> Result<()> {
        self.apply_kills()?;
        if let Some(mark) = &self.mark {
            self.state = (**mark).clone();
        }
        Ok(())
    }

    /// Entries of the current page whose rows are dead to everyone: later scans pass them over.
    pub fn kill(&mut self, dead: &[Tid]) {
        let state = &mut self.state;
        for item in &state.items[..state.done] {
            if dead.contains(&item.tid) {
                state.killed.push((item.offset, item.tid));
            }
        }
    }

    /// Appends 1 to `limit` entries; 0 at the end.
    pub fn next(&mut self, limit: usize, matches: &mut Matches) -> Result<usize> {
        while self.state.done == self.state.items.len() {
            self.apply_kills()?;
            if !self.read_more()? {
                self.state.at_end = true;
                return Ok(0);
            }
        }
        let state = &mut self.state;
        let count = limit.min(state.items.len() - state.done);
        let items = &state.items[state.done..state.done + count];
        matches.tids.extend(items.iter().map(|item| item.tid));
        if let Some(wanted) = self.columns.as_deref().filter(|wanted| !wanted.is_empty()) {
            let attributes = &self.index.attributes()[..=wanted[wanted.len() - 1]];
            // Entries of one tuple have the same values.
            for run in items.chunk_by(|a, b| a.tuple == b.tuple) {
                let mut walk = IndexTuple(&state.tuples[run[0].tuple as usize..]).walk();
                let mut columns = matches.columns.iter_mut();
                for (number, attribute) in attributes.iter().enumerate() {
                    if wanted.binary_search(&number).is_err() {
                        walk.bytes(attribute)?;
                        continue;
                    }
                    let value = walk.value(attribute)?;
                    if let Some(column) = columns.next() {
                        run.iter().for_each(|_| column.push(value.get()));
                    }
                }
            }
        }
        state.done += count;
        Ok(count)
    }

    /// Reads the next page that has matching entries, or at least the next page. False at the end.
    fn read_more(&mut self) -> Result<bool> {
        if self.bounds.nothing {
            return Ok(false);
        }
        self.context.transaction.session().locks().check_interrupts()?;
        if let Some(shared) = self.shared.clone() {
            return self.read_more_of(&shared);
        }
        if self.state.combination.is_none() || self.state.exhausted {
            let Some(next) = self.next_combination(self.state.combination) else { return Ok(false) };
            let mut state = State { combination: Some(next), ..State::default() };
            let found = self.first_page(&mut state, next);
            self.state = state;
            return found.map(|()| true);
        }
        let mut state = std::mem::take(&mut self.state);
        let found = self.sibling(&mut state);
        self.state = state;
        found.map(|()| true)
    }

    fn next_combination(&self, current: Option<usize>) -> Option<usize> {
        let count = self.bounds.combinations();
        match (current, self.direction) {
            (None, Direction::Forward) => (count > 0).then_some(0),
            (None, Direction::Backward) => count.checked_sub(1),
            (Some(at), Direction::Forward) => (at + 1 < count).then_some(at + 1),
            (Some(at), Direction::Backward) => at.checked_sub(1),
        }
    }

    /// As [`Scan::read_more`], taking turns with the other scans.
    fn read_more_of(&mut self, shared: &SharedScan) -> Result<bool> {
        let mut place = shared.place.lock();
        if place.combination.is_none() || place.exhausted {
            let Some(next) = self.next_combination(place.combination) else { return Ok(false) };
            let mut state = State { combination: Some(next), ..State::default() };
            self.first_page(&mut state, next)?;
            *place = Place {
                combination: Some(next),
                exhausted: state.exhausted,
                block: state.block,
                next: state.next,
            };
            self.state = state;
            return Ok(true);
        }
        let mut state = std::mem::take(&mut self.state);
        state.pin = None;
        state.combination = place.combination;
        state.exhausted = false;
        (state.block, state.next) = (place.block, place.next);
        let Some(pin) = self.next_page(&mut state)? else {
            place.exhausted = true;
            self.state = state;
            return Ok(true);
        };
        // The others go on from here while this one reads its page.
        let (previous, next) = {
            let tree = Tree::new(&self.context, &self.index);
            let opaque = tree.opaque(&pin.read(), pin.block())?;
            (opaque.previous, opaque.next)
        };
        place.block = pin.block();
        place.next = if self.direction == Direction::Forward { next } else { previous };
        place.exhausted = place.next == NONE;
        drop(place);
        self.read_page(&mut state, pin)?;
        if state.exhausted {
            let mut place = shared.place.lock();
            if place.combination == state.combination {
                place.exhausted = true;
            }
        }
        self.state = state;
        Ok(true)
    }

    /// Finds where a combination's entries begin, and reads that page.
    fn first_page(&self, state: &mut State, combination: usize) -> Result<()> {
        let index = &self.index;
        let tree = Tree::new(&self.context, index);
        let chosen = self.bounds.combination(combination);
        let (parts, after) = self.bounds.start(index, &chosen, self.direction);
        let backward = self.direction == Direction::Backward;
        let key = SearchKey { parts, tid: None, after, backward, key_count: index.keys.len() };
        let mut pin = if key.parts.is_empty() && !backward {
            match leftmost_leaf(tree)? {
                NONE => None,
                block => Some(tree.pin(block)?),
            }
        } else {
            tree.descend(&key)?.map(|(pin, _)| pin)
        };
        let Some(mut at) = pin.take() else {
            state.exhausted = true;
            return Ok(());
        };
        loop {
            let next = {
                let page = at.read();
                let opaque = tree.opaque(&page, at.block())?;
                let beyond = opaque.is_ignored() && !opaque.is_rightmost()
                    || !key.parts.is_empty() && key.is_beyond(index, &page, opaque)?
                    || key.parts.is_empty() && backward && !opaque.is_rightmost();
                if !beyond {
                    let start = if key.parts.is_empty() {
                        if backward { page.max_offset().0 + 1 } else { opaque.first_item().0 }
                    } else {
                        key.binary_search(index, &page, opaque)?.0
                    };
                    self.collect(state, &chosen, &at, &page, opaque, start)?;
                    break;
                }
                opaque.next
            };
            at = tree.pin(next)?;
        }
        state.pin = self.columns.is_some().then_some(at);
        Ok(())
    }

    /// Copies the matching entries out: from `start` on, or from the one before `start` backwards.
    fn collect(
        &self,
        state: &mut State,
        chosen: &[&Operand],
        pin: &Pin,
        page: &Page,
        opaque: Opaque,
        start: u16,
    ) -> Result<()> {
        state.items.clear();
        state.tuples.clear();
        state.done = 0;
        state.block = pin.block();
        state.lsn = page.lsn();
        let (first, last) = (opaque.first_item().0, page.max_offset().0);
        let forward = self.direction == Direction::Forward;
        state.next = if forward { opaque.next } else { opaque.previous };
        let copies = self.columns.as_ref().is_some_and(|columns| !columns.is_empty());
        let offsets: Box<dyn Iterator<Item = u16>> =
            if forward { Box::new(start..=last) } else { Box::new((first..start.min(last + 1)).rev()) };
        for number in offsets {
            let offset = OffsetNumber(number);
            let tuple = IndexTuple(page.item(offset));
            match judge(&self.index, &self.bounds, chosen, self.direction, tuple)? {
                Verdict::End => {
                    state.exhausted = true;
                    break;
                }
                Verdict::Skip => continue,
                Verdict::Match if page.item_id(offset).is_dead() => continue,
                Verdict::Match => {}
            }
            let copied = state.tuples.len() as u32;
            if copies {
                state.tuples.extend_from_slice(tuple.0);
            }
            let count = tuple.tid_count();
            for index in 0..count {
                let tid = tuple.tid(if forward { index } else { count - 1 - index });
                state.items.push(Item { tid, offset, tuple: copied });
            }
        }
        state.exhausted |= state.next == NONE;
        Ok(())
    }

    /// Reads the page next to the current one.
    fn sibling(&self, state: &mut State) -> Result<()> {
        state.pin = None;
        match self.next_page(state)? {
            Some(pin) => self.read_page(state, pin),
            None => Ok(()),
        }
    }

    /// The page next to the current one; at the end, notes that.
    fn next_page(&self, state: &mut State) -> Result<Option<Pin>> {
        let tree = Tree::new(&self.context, &self.index);
        let forward = self.direction == Direction::Forward;
        if state.next == BlockNumber::INVALID {
            // The direction has changed: the page itself knows its neighbours.
            let pin = tree.pin(state.block)?;
            let opaque = tree.opaque(&pin.read(), state.block)?;
            state.next = if forward { opaque.next } else { opaque.previous };
        }
        let pin = if forward { right_of(tree, state.next)? } else { left_of(tree, state.block, state.next)? };
        if pin.is_none() {
            state.items.clear();
            state.done = 0;
            state.exhausted = true;
        }
        Ok(pin)
    }

    fn read_page(&self, state: &mut State, pin: Pin) -> Result<()> {
        let tree = Tree::new(&self.context, &self.index);
        let chosen = self.bounds.combination(state.combination.unwrap_or(0));
        let forward = self.direction == Direction::Forward;
        {
            let page = pin.read();
            let opaque = tree.opaque(&page, pin.block())?;
            let start = if forward { opaque.first_item().0 } else { page.max_offset().0 + 1 };
            self.collect(state, &chosen, &pin, &page, opaque, start)?;
        }
        state.pin = self.columns.is_some().then_some(pin);
        Ok(())
    }

    /// Marks killed entries, if the page has not changed since they were read.
    fn apply_kills(&mut self) -> Result<()> {
        let killed = std::mem::take(&mut self.state.killed);
        if killed.is_empty() {
            return Ok(());
        }
        let tree = Tree::new(&self.context, &self.index);
        let pin = tree.pin(self.state.block)?;
        let Some(mut latch) = pin.try_write() else { return Ok(()) };
        if latch.lsn() != self.state.lsn {
            return Ok(());
        }
        let mut offsets: Vec<OffsetNumber> = killed.iter().map(|(offset, _)| *offset).collect();
        offsets.dedup();
        offsets.retain(|offset| {
            *offset <= latch.max_offset()
                && !latch.item_id(*offset).is_dead()
                && IndexTuple(latch.item(*offset)).tids().all(|tid| killed.contains(&(*offset, tid)))
        });
        if !offsets.is_empty() {
            latch.hint(|page| {
                for offset in &offsets {
                    let dead = page.item_id(*offset).marked_dead();
                    page.set_item_id(*offset, dead);
                }
                let mut opaque = Opaque::read(page);
                opaque.flags |= page::HAS_GARBAGE;
                opaque.write(page);
            });
        }
        Ok(())
    }
}

enum Verdict {
    Match,
    Skip,
    /// Neither this nor any entry after it in the scan's direction matches.
    End,
}

fn judge(
    index: &IndexRelation,
    bounds: &Bounds,
    chosen: &[&Operand],
    direction: Direction,
    tuple: IndexTuple<'_>,
) -> Result<Verdict> {
    let desc = &index.relation.desc;
    for (column, operand) in chosen.iter().enumerate() {
        let stored = tuple.attribute(desc, column)?;
        if part(index, column, operand).stored_cmp(stored.get()) != Ordering::Equal {
            return Ok(Verdict::End);
        }
    }
    let column = chosen.len();
    if bounds.range.not_null {
        let stored = tuple.attribute(desc, column)?;
        let forward = direction == Direction::Forward;
        if stored.get().is_none() {
            let at_the_end = index.keys[column].nulls_first != forward;
            return Ok(if at_the_end { Verdict::End } else { Verdict::Skip });
        }
        let outside = |bound: &Option<crate::bounds::Bound>, beyond: Ordering| {
            bound.as_ref().is_some_and(|bound| {
                let order = part(index, column, &bound.operand).stored_cmp(stored.get());
                order == beyond || order == Ordering::Equal && !bound.inclusive
            })
        };
        let (below, above) =
            (outside(&bounds.range.lower, Ordering::Less), outside(&bounds.range.upper, Ordering::Greater));
        if below || above {
            let end = if forward { above } else { below };
            return Ok(if end { Verdict::End } else { Verdict::Skip });
        }
    }
    for key in &bounds.filters {
        if !passes(key, tuple.attribute(desc, key.column)?.get()) {
            return Ok(Verdict::Skip);
        }
    }
    Ok(Verdict::Match)
}

/// The first page from `block` on that is in use.
fn right_of(tree: Tree<'_>, mut block: BlockNumber) -> Result<Option<Pin>> {
    while block != NONE {
        let pin = tree.pin(block)?;
        let opaque = tree.opaque(&pin.read(), block)?;
        if !opaque.is_ignored() {
            return Ok(Some(pin));
        }
        block = opaque.next;
    }
    Ok(None)
}

/// The page left of `block`, which said that it is `left`. Since then `left` may have been split, or deleted.
fn left_of(tree: Tree<'_>, mut block: BlockNumber, mut left: BlockNumber) -> Result<Option<Pin>> {
    /// Right links followed before looking again at where we came from.
    const HOPS: usize = 4;
    'again: while left != NONE {
        let mut candidate = left;
        for _ in 0..HOPS {
            let pin = tree.pin(candidate)?;
            let opaque = tree.opaque(&pin.read(), candidate)?;
            if opaque.next == block && !opaque.is(page::DELETED) {
                if !opaque.is_ignored() {
                    return Ok(Some(pin));
                }
                (block, left) = (candidate, opaque.previous);
                continue 'again;
            }
            if opaque.is_rightmost() {
                break;
            }
            candidate = opaque.next;
        }
        loop {
            let pin = tree.pin(block)?;
            let opaque = tree.opaque(&pin.read(), block)?;
            if !opaque.is(page::DELETED) {
                left = opaque.previous;
                break;
            }
            if opaque.is_rightmost() {
                return Err(tree.damaged(format!("fell off the end of index at block {block}")));
            }
            block = opaque.next;
        }
    }
    Ok(None)
}

/// The rows of all live entries whose key columns equal `values`.
pub fn equal_tids(
    context: &Context,
    index: &IndexRelation,
    values: &[Option<Datum<'_>>],
    tids: &mut Vec<Tid>,
) -> Result<()> {
    let tree = Tree::new(context, index);
    let key = SearchKey::of_values(index, values, None);
    let Some((mut pin, _)) = tree.descend(&key)? else { return Ok(()) };
    let mut first = true;
    loop {
        let next = {
            let page = pin.read();
            let opaque = tree.opaque(&page, pin.block())?;
            if opaque.is_ignored() || first && key.is_beyond(index, &page, opaque)? {
                opaque.next
            } else {
                let start =
                    if first { key.binary_search(index, &page, opaque)? } else { opaque.first_item() };
                first = false;
                if equal_on_page(index, &page, opaque, start, &key, tids)? {
                    return Ok(());
                }
                opaque.next
            }
        };
        if next == NONE {
            return Ok(());
        }
        pin = tree.pin(next)?;
    }
}

/// Looks up the entries that equal `values` (all key columns, none null) without the ceremony of a [`Scan`].
///
/// # Errors
/// `XX002` for a damaged index.
pub fn lookup(
    context: &Context,
    index: &IndexRelation,
    values: &[Datum<'_>],
    tids: &mut Vec<Tid>,
) -> Result<()> {
    let values: smallvec::SmallVec<[Option<Datum<'_>>; 4]> = values.iter().copied().map(Some).collect();
    equal_tids(context, index, &values, tids)
}
