//! Inserting entries: uniqueness, the way to the page, splits up to the root.

use crate::delete;
use crate::key::{SearchKey, truncate};
use crate::page::{self, INCOMPLETE_SPLIT, META_BLOCK, Meta, NONE, Opaque};
use crate::records::{Dedup, Insert, NewRoot};
use crate::search::{NewPage, Tree};
use crate::split::{Split, halves};
use crate::split_point;
use crate::tuple::{self, IndexTuple, set_downlink};
use access_api::{Context, DirtyView, HeapView, IndexRelation, Relation};
use base::{BlockNumber, Error, OffsetNumber, Result, SqlState, Tid, Xid};
use buffer::{Logging, PageWrite, Pin, Registered};
use datum::Datum;
use lock::WaitPolicy;
use std::borrow::Cow;
use std::cmp::Ordering;

/// Whether the key must not be there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueCheck {
    No,
    Yes,
    /// For deferrable constraints and ON CONFLICT: insert anyway, and say whether there may be a conflict.
    Partial,
    /// The entry is there already: look for another live one.
    Existing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    Done,
    /// Inserted, but another row may have the same key: to be checked again later.
    MaybeConflict,
    /// Not inserted: this row has the same key.
    Conflict(Tid),
}

/// Adds an entry for the row at `tid`. Waits for transactions that are about to insert or delete the same key.
///
/// # Errors
/// `54000` when the key is too long; what waiting fails with.
pub fn insert(
    context: &Context,
    index: &IndexRelation,
    heap: &Relation,
    view: &dyn HeapView,
    values: &[Option<Datum<'_>>],
    tid: Tid,
    check: UniqueCheck,
    unchanged: bool,
) -> Result<Inserted> {
    Series { unchanged, ..Series::new(context, index, heap, view) }.insert(values, tid, check)
}

/// Insertions of many entries into one index. Each search starts where the one before ended, if its key may be there, or with the page
/// above: entries in the order of their keys find their page without a way down the tree.
pub struct Series<'a> {
    tree: Tree<'a>,
    heap: &'a Relation,
    view: &'a dyn HeapView,
    unchanged: bool,
    near: Near,
    /// The entry before.
    item: Vec<u8>,
}

/// Where the search before ended. Both pages are on the way of any greater key, or left of that; as this transaction has written into
/// the index, neither can have become another part of it.
#[derive(Default)]
struct Near {
    leaf: Option<Pin>,
    parent: Option<BlockNumber>,
}

impl<'a> Series<'a> {
    pub fn new(
        context: &'a Context,
        index: &'a IndexRelation,
        heap: &'a Relation,
        view: &'a dyn HeapView,
    ) -> Series<'a> {
        let tree = Tree::new(context, index);
        Series { tree, heap, view, unchanged: false, near: Near::default(), item: Vec::with_capacity(32) }
    }

    /// As [`insert`].
    ///
    /// # Errors
    /// As [`insert`].
    pub fn insert(&mut self, values: &[Option<Datum<'_>>], tid: Tid, check: UniqueCheck) -> Result<Inserted> {
        let index = self.tree.index;
        let row_key = SearchKey::of_values(index, values, Some(tid));
        let nulls = values[..index.keys.len()].iter().any(Option::is_none);
        let checks = check != UniqueCheck::No && (!nulls || index.nulls_not_distinct);
        let key = if checks { SearchKey::of_values(index, values, None) } else { row_key.clone() };
        // Whatever equals a greater key is to the right of the entry before.
        if !self.item.is_empty() && key.compare_tuple(index, IndexTuple(&self.item))? != Ordering::Greater {
            self.near = Near::default();
        }
        self.item.clear();
        tuple::form(&index.relation.desc, values, tid, &mut self.item)?;
        if self.item.len() > page::MAX_ITEM_SIZE {
            return Err(too_long(index, self.heap, self.item.len(), tid));
        }
        let inserter =
            Inserter { tree: self.tree, heap: self.heap, view: self.view, unchanged: self.unchanged };
        if checks {
            return inserter.insert_checked(&mut self.near, &key, &row_key, &self.item, tid, check);
        }
        let pin = inserter.leaf_near(&mut self.near, &row_key)?;
        self.near.leaf = Some(inserter.insert_from(pin, &row_key, &self.item)?);
        Ok(Inserted::Done)
    }
}

fn wait(context: &Context, xid: Xid, token: Option<u32>) -> Result<()> {
    let policy = WaitPolicy { no_wait: false, ..context.wait };
    match token {
        Some(token) => {
            let tag = lock::LockTag::SpeculativeToken { xid, token };
            context.transaction.lock(tag, lock::LockMode::Share, &policy)?;
            context.transaction.unlock(&tag, lock::LockMode::Share);
        }
        None => {
            context.transaction.wait_for_xid(xid, &policy)?;
        }
    }
    Ok(())
}

fn too_long(index: &IndexRelation, heap: &Relation, size: usize, tid: Tid) -> Error {
    Error::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!(
            "index row size {size} exceeds btree version 4 maximum {} for index \"{}\"",
            page::MAX_ITEM_SIZE,
            index.relation.name
        ),
    )
    .detail(format!("Index row references tuple {tid} in relation \"{}\".", heap.name))
    .hint(
        "Values larger than 1/3 of a buffer page cannot be indexed.\nConsider a function index of an MD5 hash of the value, or use full text indexing.",
    )
    .table("", heap.name.to_string())
}

/// Looks for a row with the key of `values`, without inserting: the first live or in-doubt one but for `except`.
///
/// # Errors
/// `XX002` for a damaged index.
pub fn find_conflict(
    context: &Context,
    index: &IndexRelation,
    heap: &Relation,
    view: &dyn HeapView,
    values: &[Option<Datum<'_>>],
    except: Option<Tid>,
) -> Result<DirtyView> {
    let nothing = DirtyView::Dead { all_dead: false };
    if values[..index.keys.len()].iter().any(Option::is_none) && !index.nulls_not_distinct {
        return Ok(nothing);
    }
    let mut tids = Vec::new();
    crate::scan::equal_tids(context, index, values, &mut tids)?;
    for tid in tids {
        let seen = view.dirty(context, heap, tid)?;
        let found = match seen {
            DirtyView::Dead { .. } => continue,
            DirtyView::Live { tid } | DirtyView::InDoubt { tid, .. } => tid,
        };
        if except != Some(found) && except != Some(tid) {
            return Ok(seen);
        }
    }
    Ok(nothing)
}

enum Duplicate {
    None,
    Live(Tid),
    Wait(Xid, Option<u32>),
}

/// One insertion under way.
struct Inserter<'a> {
    tree: Tree<'a>,
    heap: &'a Relation,
    view: &'a dyn HeapView,
    unchanged: bool,
}

/// An item and where it goes.
struct Place {
    offset: OffsetNumber,
    /// The number of the tid in the posting list before, which must be split; 0 for none.
    posting_split: u16,
}

impl<'a> Inserter<'a> {
    /// The first leaf that the key can be on. `near` is where the search for a smaller key ended.
    fn leaf_near(&self, near: &mut Near, key: &SearchKey<'_>) -> Result<Pin> {
        let (tree, index) = (self.tree, self.tree.index);
        if let Some(pin) = near.leaf.take() {
            let page = pin.read();
            let opaque = tree.opaque(&page, pin.block())?;
            if opaque.is_leaf() && !opaque.is_ignored() && !key.is_beyond(index, &page, opaque)? {
                drop(page);
                return Ok(pin);
            }
        }
        if let Some(block) = near.parent {
            let pin = tree.pin(block)?;
            let page = pin.read();
            let opaque = tree.opaque(&page, pin.block())?;
            if opaque.level == 1 && !opaque.is_ignored() && !key.is_beyond(index, &page, opaque)? {
                let offset = key.binary_search(index, &page, opaque)?;
                let leaf = IndexTuple(page.item(offset)).downlink();
                drop(page);
                return tree.move_right(tree.pin(leaf)?, key);
            }
        }
        let (leaf, parent) = self.first_leaf(key)?;
        near.parent = parent;
        Ok(leaf)
    }

    /// Inserts unless there is a live row with the key.
    fn insert_checked(
        &self,
        near: &mut Near,
        key: &SearchKey<'_>,
        row_key: &SearchKey<'_>,
        item: &[u8],
        tid: Tid,
        check: UniqueCheck,
    ) -> Result<Inserted> {
        let index = self.tree.index;
        let mut result = Inserted::Done;
        // The check and the insertion happen under one latch of the first page that the key can be on: two that
        // insert the same key meet there.
        loop {
            let pin = self.leaf_near(near, key)?;
            let latch = pin.write();
            let opaque = self.tree.opaque(&latch, pin.block())?;
            if opaque.is(INCOMPLETE_SPLIT) {
                finish_split(self.tree, latch)?;
                continue;
            }
            if opaque.is_ignored() || key.is_beyond(index, &latch, opaque)? {
                continue;
            }
            match self.find_duplicate(&latch, key, tid, check)? {
                Duplicate::None => {}
                Duplicate::Live(_) if check == UniqueCheck::Partial => result = Inserted::MaybeConflict,
                Duplicate::Live(other) => return Ok(Inserted::Conflict(other)),
                Duplicate::Wait(xid, token) => {
                    drop(latch);
                    wait(self.tree.context, xid, token)?;
                    continue;
                }
            }
            if check == UniqueCheck::Existing {
                return Ok(result);
            }
            if row_key.is_beyond(index, &latch, opaque)? {
                // Dead duplicates fill this page. It stays latched while the entry goes further right.
                let next = self.tree.pin(opaque.next)?;
                self.insert_from(next, row_key, item)?;
                drop(latch);
            } else {
                self.insert_here(latch, row_key, item)?;
            }
            near.leaf = Some(pin);
            return Ok(result);
        }
    }

    fn logging(&self) -> Result<Logging> {
        logging(self.tree.context, self.tree.index)
    }

    /// The first leaf that the key can be on, and the page above; makes the index's first page if there is none.
    fn first_leaf(&self, key: &SearchKey<'_>) -> Result<(Pin, Option<BlockNumber>)> {
        loop {
            if let Some((pin, path)) = self.tree.descend(key)? {
                let parent = path.last().map(|(block, _)| *block);
                return Ok((self.tree.move_right(pin, key)?, parent));
            }
            self.make_root()?;
        }
    }

    fn make_root(&self) -> Result<()> {
        let tree = self.tree;
        let meta_pin = tree.pin(META_BLOCK)?;
        let new_page = NewPage::default();
        let mut meta_page = meta_pin.write();
        let mut meta = Meta::read(&meta_page, tree.name())?;
        if meta.root != NONE {
            // Someone was faster.
            return Ok(());
        }
        let mut root = new_page.latch(tree)?;
        let block = root.pin().block();
        meta.root = block;
        meta.level = 0;
        meta.fast_root = block;
        meta.fast_level = 0;
        let change = NewRoot { root: block, level: 0, items: Cow::Borrowed(&[]), meta };
        let pages = &mut [
            Registered::new(&mut root).will_init(),
            Registered::new(&mut meta_page).id(2).will_init().standard(),
        ];
        tree.context.pool.change(&change, self.logging()?, pages)?;
        Ok(())
    }

    /// Looks at all entries with the key, from the latched page on to the right.
    fn find_duplicate(
        &self,
        first: &PageWrite<'_>,
        key: &SearchKey<'_>,
        own: Tid,
        check: UniqueCheck,
    ) -> Result<Duplicate> {
        let (tree, index) = (self.tree, self.tree.index);
        let opaque = Opaque::read(first);
        let start = key.binary_search(index, first, opaque)?;
        let mut tids = Vec::new();
        let done = equal_on_page(index, first, opaque, start, key, &mut tids)?;
        let mut next = if done { NONE } else { opaque.next };
        while next != NONE {
            let pin = tree.pin(next)?;
            let page = pin.read();
            let opaque = tree.opaque(&page, next)?;
            next = opaque.next;
            if !opaque.is_ignored()
                && equal_on_page(index, &page, opaque, opaque.first_item(), key, &mut tids)?
            {
                break;
            }
        }
        for tid in tids {
            if tid == own {
                continue;
            }
            match self.view.dirty(tree.context, self.heap, tid)? {
                DirtyView::Dead { .. } => {}
                // A HOT chain of our own: the entry is there already.
                DirtyView::Live { tid: live } if live == own => {}
                DirtyView::Live { tid: live } => return Ok(Duplicate::Live(live)),
                DirtyView::InDoubt { tid: live, .. } if live == own => {}
                DirtyView::InDoubt { tid: live, .. } if check == UniqueCheck::Partial => {
                    return Ok(Duplicate::Live(live));
                }
                DirtyView::InDoubt { xid, speculative_token, .. } => {
                    return Ok(Duplicate::Wait(xid, speculative_token));
                }
            }
        }
        Ok(Duplicate::None)
    }

    /// Inserts on `pin`'s page or on one to its right; returns that page.
    fn insert_from(&self, mut pin: Pin, key: &SearchKey<'_>, item: &[u8]) -> Result<Pin> {
        let tree = self.tree;
        loop {
            let next = {
                let latch = pin.write();
                let opaque = tree.opaque(&latch, pin.block())?;
                if opaque.is(INCOMPLETE_SPLIT) {
                    finish_split(tree, latch)?;
                    continue;
                }
                if !key.is_beyond(tree.index, &latch, opaque)? {
                    self.insert_here(latch, key, item)?;
                    return Ok(pin);
                }
                opaque.next
            };
            pin = tree.pin(next)?;
        }
    }

    /// The key belongs on this leaf.
    fn insert_here(&self, mut latch: PageWrite<'_>, key: &SearchKey<'_>, item: &[u8]) -> Result<()> {
        let tree = self.tree;
        let mut place = self.place(&latch, key)?;
        if latch.free_space() < item.len() {
            if delete::make_room(tree, &mut latch, self.heap, self.view, self.unchanged)? {
                place = self.place(&latch, key)?;
            }
            if latch.free_space() < item.len() && deduplicates(tree.index) {
                let (intervals, saved) = crate::dedup::plan(tree.index, &latch)?;
                if !intervals.is_empty() && latch.free_space() + saved >= item.len() {
                    let change = Dedup { intervals };
                    let pages = &mut [Registered::new(&mut latch).standard()];
                    tree.context.pool.change(&change, self.logging()?, pages)?;
                    place = self.place(&latch, key)?;
                }
            }
        }
        if latch.free_space() < item.len() {
            return split(tree, latch, &place, item, None);
        }
        let change = Insert {
            offset: place.offset,
            item: Cow::Borrowed(item),
            posting_split: place.posting_split,
            inner: false,
            meta: None,
        };
        tree.context.pool.change(&change, self.logging()?, &mut [Registered::new(&mut latch).standard()])?;
        Ok(())
    }

    fn place(&self, page: &PageWrite<'_>, key: &SearchKey<'_>) -> Result<Place> {
        let index = self.tree.index;
        let opaque = Opaque::read(page);
        let offset = key.binary_search(index, page, opaque)?;
        if offset > page.max_offset() {
            return Ok(Place { offset, posting_split: 0 });
        }
        let found = IndexTuple(page.item(offset));
        if key.compare_tuple(index, found)? != Ordering::Equal {
            return Ok(Place { offset, posting_split: 0 });
        }
        let tid = key.tid.unwrap_or_default();
        let after = found.tids().take_while(|listed| *listed < tid).count();
        if !found.is_posting() || found.tid(after) == tid {
            return Err(self.tree.damaged(format!("table tid {tid} is in the index already")));
        }
        Ok(Place { offset: OffsetNumber(offset.0 + 1), posting_split: after as u16 })
    }
}

/// Whether equal keys of this index become posting lists.
pub(crate) fn deduplicates(index: &IndexRelation) -> bool {
    index.deduplicate && equal_image(index)
}

/// Equal keys have equal bytes, and there is nothing besides keys.
pub(crate) fn equal_image(index: &IndexRelation) -> bool {
    index.keys.iter().all(|key| key.order.equal_image()) && index.keys.len() == index.relation.desc.len()
}

pub(crate) fn logging(context: &Context, index: &IndexRelation) -> Result<Logging> {
    Ok(match index.relation.persistence {
        access_api::Persistence::Permanent => {
            Logging::Logged { xid: context.transaction.xid_if_assigned().unwrap_or_default() }
        }
        _ => Logging::Unlogged,
    })
}

/// Collects the rows of items equal to the key from `start` on; true when a greater item ends the search.
pub(crate) fn equal_on_page(
    index: &IndexRelation,
    page: &storage::Page,
    opaque: Opaque,
    start: OffsetNumber,
    key: &SearchKey<'_>,
    tids: &mut Vec<Tid>,
) -> Result<bool> {
    for number in start.0..=page.max_offset().0 {
        let offset = OffsetNumber(number);
        let tuple = IndexTuple(page.item(offset));
        if key.compare_tuple(index, tuple)? != Ordering::Equal {
            return Ok(true);
        }
        if !page.item_id(offset).is_dead() {
            tids.extend(tuple.tids());
        }
    }
    if opaque.is_rightmost() {
        return Ok(true);
    }
    // Equal keys go on to the right only if the high key does not say otherwise.
    Ok(key.compare_tuple(index, IndexTuple(page.item(page::HIGH_KEY)))? == Ordering::Less)
}

/// Splits the page, the new item in its place, and tells the parent. `child`: the page whose own split the item
/// completes.
fn split(
    tree: Tree<'_>,
    left: PageWrite<'_>,
    place: &Place,
    item: &[u8],
    child: Option<PageWrite<'_>>,
) -> Result<()> {
    let opaque = Opaque::read(&left);
    let swapped = (place.posting_split > 0).then(|| {
        let list = left.item(OffsetNumber(place.offset.0 - 1));
        tuple::swap_posting(item, list, usize::from(place.posting_split))
    });
    let (list, final_item) = match &swapped {
        Some((list, item)) => (Some(list.as_slice()), item.as_slice()),
        None => (None, item),
    };
    let point = split_point::choose(tree.index, &left, place.offset, final_item)?;
    let halves = halves(&left, point.first_right, place.offset, point.new_on_left, final_item, list);
    let left_high_key = if opaque.is_leaf() {
        truncate(tree.index, IndexTuple(&halves.last_left), IndexTuple(&halves.first_right))?
    } else {
        halves.first_right.clone()
    };
    let new_page = NewPage::default();
    let old_right_pin = if opaque.is_rightmost() { None } else { Some(tree.pin(opaque.next)?) };
    // From here on all latches live as long as the pins above.
    let (mut left, mut child) = (left, child);
    let mut right = new_page.latch(tree)?;
    let mut old_right = old_right_pin.as_ref().map(Pin::write);
    let right_block = right.pin().block();
    let change = Split {
        level: opaque.level,
        left: left.pin().block(),
        right: right_block,
        old_right: opaque.next,
        first_right: point.first_right,
        new_offset: place.offset,
        new_on_left: point.new_on_left,
        posting_split: place.posting_split,
        item: Cow::Borrowed(item),
        left_high_key: Cow::Owned(left_high_key),
        right_items: Cow::Owned(halves.right_items),
    };
    let mut pages =
        vec![Registered::new(&mut left).standard(), Registered::new(&mut right).will_init().standard()];
    if let Some(page) = &mut old_right {
        pages.push(Registered::new(page).id(2).standard());
    }
    if let Some(page) = &mut child {
        pages.push(Registered::new(page).id(3).standard());
    }
    tree.context.pool.change(&change, logging(tree.context, tree.index)?, &mut pages)?;
    drop(pages);
    drop(child);
    drop(old_right);
    drop(right);
    let was_only = opaque.is_leftmost() && opaque.is_rightmost();
    insert_parent(tree, left, right_block, opaque.level, opaque.is(page::ROOT), was_only)
}

/// Completes a split that was interrupted.
pub(crate) fn finish_split(tree: Tree<'_>, left: PageWrite<'_>) -> Result<()> {
    let opaque = Opaque::read(&left);
    if !opaque.is(INCOMPLETE_SPLIT) {
        return Ok(());
    }
    let right = tree.pin(opaque.next)?;
    let right_is_last = Opaque::read(&right.read()).is_rightmost();
    let was_root = tree.meta()?.root == left.pin().block();
    let was_only = opaque.is_leftmost() && right_is_last;
    insert_parent(tree, left, opaque.next, opaque.level, was_root, was_only)
}

/// The parent learns of the right half. `left` stays latched until it has.
fn insert_parent(
    tree: Tree<'_>,
    left: PageWrite<'_>,
    right: BlockNumber,
    level: u32,
    was_root: bool,
    was_only: bool,
) -> Result<()> {
    let mut pivot = left.item(page::HIGH_KEY).to_vec();
    set_downlink(&mut pivot, right);
    if was_root {
        return new_level(tree, left, &pivot, level + 1);
    }
    let left_block = left.pin().block();
    let mut pin = parent_of(tree, &pivot, level + 1)?;
    loop {
        let next = {
            let latch = pin.write();
            let opaque = tree.opaque(&latch, pin.block())?;
            if opaque.is(INCOMPLETE_SPLIT) {
                finish_split(tree, latch)?;
                continue;
            }
            let downlink = if opaque.is_ignored() { None } else { find_downlink(&latch, opaque, left_block) };
            if let Some(at) = downlink {
                return insert_downlink(tree, latch, OffsetNumber(at.0 + 1), &pivot, left, was_only);
            }
            if opaque.is_rightmost() {
                return Err(tree
                    .damaged(format!("failed to re-find parent key for split pages {left_block}/{right}")));
            }
            opaque.next
        };
        pin = tree.pin(next)?;
    }
}

/// The page of `level` whose range the pivot's key is in.
pub(crate) fn parent_of(tree: Tree<'_>, pivot: &[u8], level: u32) -> Result<Pin> {
    let index = tree.index;
    let tuple = IndexTuple(pivot);
    let count = tuple.attribute_count(index.relation.desc.len());
    let mut walk = tuple.walk();
    let values: Vec<_> = index.attributes()[..count.min(index.keys.len())]
        .iter()
        .map(|attribute| walk.value(attribute))
        .collect::<Result<_>>()?;
    let values: Vec<_> = values.iter().map(|value| value.get()).collect();
    let key = SearchKey { backward: true, ..SearchKey::of_values(index, &values, tuple.heap_tid()) };
    match tree.descend_to(&key, level)? {
        Some((pin, _)) => Ok(pin),
        None => Err(tree.damaged("a page without a root above")),
    }
}

pub(crate) fn find_downlink(
    page: &storage::Page,
    opaque: Opaque,
    child: BlockNumber,
) -> Option<OffsetNumber> {
    (opaque.first_item().0..=page.max_offset().0)
        .map(OffsetNumber)
        .find(|offset| IndexTuple(page.item(*offset)).downlink() == child)
}

fn insert_downlink(
    tree: Tree<'_>,
    parent: PageWrite<'_>,
    at: OffsetNumber,
    pivot: &[u8],
    child: PageWrite<'_>,
    child_was_only: bool,
) -> Result<()> {
    let place = Place { offset: at, posting_split: 0 };
    if parent.free_space() < pivot.len() {
        return split(tree, parent, &place, pivot, Some(child));
    }
    let level = Opaque::read(&parent).level;
    let meta_pin = if child_was_only { Some(tree.pin(META_BLOCK)?) } else { None };
    let (mut parent, mut child) = (parent, child);
    let mut meta_page = meta_pin.as_ref().map(Pin::write);
    let mut meta = None;
    if let Some(page) = &meta_page {
        let old = Meta::read(page, tree.name())?;
        if old.fast_level < level {
            meta = Some(Meta { fast_root: parent.pin().block(), fast_level: level, ..old });
        }
    }
    let has_meta = meta.is_some();
    let change = Insert { offset: at, item: Cow::Borrowed(pivot), posting_split: 0, inner: true, meta };
    let mut pages =
        vec![Registered::new(&mut parent).standard(), Registered::new(&mut child).id(1).standard()];
    if let Some(page) = meta_page.as_mut().filter(|_| has_meta) {
        pages.push(Registered::new(page).id(2).will_init().standard());
    }
    tree.context.pool.change(&change, logging(tree.context, tree.index)?, &mut pages)?;
    Ok(())
}

/// A root above what was the root and its new right half.
fn new_level(tree: Tree<'_>, left: PageWrite<'_>, pivot: &[u8], level: u32) -> Result<()> {
    let new_page = NewPage::default();
    let meta_pin = tree.pin(META_BLOCK)?;
    let mut left = left;
    let mut root = new_page.latch(tree)?;
    let mut meta_page = meta_pin.write();
    let block = root.pin().block();
    let old = Meta::read(&meta_page, tree.name())?;
    let meta = Meta { root: block, level, fast_root: block, fast_level: level, ..old };
    let mut items = pivot.to_vec();
    items.extend_from_slice(&tuple::minus_infinity(left.pin().block()));
    let change = NewRoot { root: block, level, items: Cow::Owned(items), meta };
    let pages = &mut [
        Registered::new(&mut root).will_init().standard(),
        Registered::new(&mut left).id(1).standard(),
        Registered::new(&mut meta_page).id(2).will_init().standard(),
    ];
    tree.context.pool.change(&change, logging(tree.context, tree.index)?, pages)?;
    Ok(())
}
