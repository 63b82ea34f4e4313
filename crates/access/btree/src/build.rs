//! Building an index from scratch: sort the entries, then write pages from left to right, level by level at once.
//!
//! Entries are kept end to end in one buffer, and sorted by eight bytes of their first column, which settles nearly
//! every comparison in the processor's cache. When the buffer is full it is sorted and written out as a run; runs are
//! merged at the end.

use crate::dedup::MAX_POSTING_SIZE;
use crate::insert::{deduplicates, equal_image};
use crate::key::{compare_keys, same_image, truncate};
use crate::page::{self, HIGH_KEY, LEAF, META_BLOCK, Meta, NONE, Opaque, ROOT, SPECIAL_SIZE};
use crate::records::add_item;
use crate::runs::{Runs, TempFiles};
use crate::search::Tree;
use crate::tuple::{self, IndexTuple, TID_SIZE, form_posting, set_downlink};
use access_api::{Context, IndexRelation, Persistence};
use base::bytes::max_align;
use base::{BlockNumber, Error, Fork, OffsetNumber, Result, SqlState, Tid};
use buffer::{PageWrite, Pin, Ring, RingKind, Strategy};
use datum::Datum;
use std::cmp::Ordering;
use storage::Page;

pub struct BuildOptions {
    /// For sorting (maintenance_work_mem).
    pub memory_bytes: usize,
    /// Where runs go that do not fit; without it, memory is used beyond the limit.
    pub temp: Option<TempFiles>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Built {
    pub tuples: u64,
    pub pages: u32,
    /// Two rows with the same key in a unique index: what was built is of no use.
    pub duplicate: Option<(Tid, Tid)>,
}

/// Sorts entries and writes an index of them. The relation is empty and nobody else's yet.
pub struct Builder {
    context: Context,
    index: IndexRelation,
    options: BuildOptions,
    tuples: Vec<u8>,
    /// Entries whose first column is not null, with its prefix.
    entries: Vec<(u64, u32)>,
    nulls: Vec<u32>,
    runs: Runs,
    duplicate: Option<(Tid, Tid)>,
    count: u64,
}

/// The buffer is addressed in units of eight bytes, as all entries are aligned: up to 32 GB.
const UNIT: usize = 8;

impl Builder {
    pub fn new(context: &Context, index: &IndexRelation, options: BuildOptions) -> Builder {
        Builder {
            context: context.clone(),
            index: index.clone(),
            options,
            tuples: Vec::new(),
            entries: Vec::new(),
            nulls: Vec::new(),
            runs: Runs::default(),
            duplicate: None,
            count: 0,
        }
    }

    /// An entry for the row at `tid`.
    ///
    /// # Errors
    /// `54000` when the key is too long; what writing a run fails with.
    pub fn add(&mut self, values: &[Option<Datum<'_>>], tid: Tid) -> Result<()> {
        let start = self.tuples.len();
        tuple::form(&self.index.relation.desc, values, tid, &mut self.tuples)?;
        let size = self.tuples.len() - start;
        if size > page::MAX_ITEM_SIZE {
            return Err(Error::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!(
                    "index row size {size} exceeds btree version 4 maximum {} for index \"{}\"",
                    page::MAX_ITEM_SIZE,
                    self.index.relation.name
                ),
            )
            .hint("Values larger than 1/3 of a buffer page cannot be indexed.\nConsider a function index of an MD5 hash of the value, or use full text indexing."));
        }
        let at = (start / UNIT) as u32;
        let key = &self.index.keys[0];
        match values[0] {
            Some(value) => {
                let prefix = key.order.prefix(value);
                self.entries.push((if key.descending { !prefix } else { prefix }, at));
            }
            None => self.nulls.push(at),
        }
        self.count += 1;
        let used = self.tuples.len() + self.entries.len() * 16 + self.nulls.len() * 4;
        if used > self.options.memory_bytes.max(1 << 20) && self.options.temp.is_some() {
            self.spill()?;
        }
        Ok(())
    }

    /// Makes prefixes of what follows the bytes that all values begin with: else keys like `user-000123` would all tie.
    fn skip_common(&mut self) -> Result<()> {
        let key = &self.index.keys[0];
        let (Some(&(first, at)), true) = (self.entries.first(), key.order.bytewise()) else { return Ok(()) };
        if self.entries.iter().fold(0, |differ, entry| differ | (entry.0 ^ first)).leading_zeros() < 8 {
            return Ok(());
        }
        let (desc, tuples) = (&self.index.relation.desc, &self.tuples);
        let value = |at: u32| IndexTuple(&tuples[at as usize * UNIT..]).attribute(desc, 0);
        let first = value(at)?;
        let Some(Datum::Bytes(mut common)) = first.get() else { return Ok(()) };
        for (_, at) in &self.entries {
            if let Some(Datum::Bytes(bytes)) = value(*at)?.get() {
                let same = common.iter().zip(bytes).take_while(|(a, b)| a == b).count();
                common = &common[..same];
            }
        }
        let skip = common.len();
        for (prefix, at) in &mut self.entries {
            if let Some(Datum::Bytes(bytes)) = value(*at)?.get() {
                let rest = key.order.prefix(Datum::Bytes(&bytes[skip..]));
                *prefix = if key.descending { !rest } else { rest };
            }
        }
        Ok(())
    }

    /// Sorts what is in memory: positions in the order of the index.
    fn sorted(&mut self) -> Result<Vec<u32>> {
        self.skip_common()?;
        let mut failed = None;
        let (index, tuples) = (&self.index, &self.tuples);
        let decides = index.keys.len() == 1 && index.keys[0].order.prefix_decides();
        let tuple = |at: u32| IndexTuple(&tuples[at as usize * UNIT..]);
        let mut equal = None;
        let mut compare = |a: u32, b: u32| {
            let (left, right) = (tuple(a), tuple(b));
            let keys = if decides { Ok((Ordering::Equal, false)) } else { compare_keys(index, left, right) };
            match keys {
                Ok((Ordering::Equal, has_null)) => {
                    if index.unique && a != b && (!has_null || index.nulls_not_distinct) {
                        equal = Some((left.tid(0).min(right.tid(0)), left.tid(0).max(right.tid(0))));
                    }
                    left.tid(0).cmp(&right.tid(0))
                }
                Ok((order, _)) => order,
                Err(error) => {
                    failed = Some(error);
                    Ordering::Equal
                }
            }
        };
        self.entries.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| compare(a.1, b.1)));
        self.nulls.sort_unstable_by(|a, b| {
            // With one column only, nulls are all the same, however equal prefixes decide.
            match compare_keys(index, tuple(*a), tuple(*b)) {
                Ok((Ordering::Equal, _)) => tuple(*a).tid(0).cmp(&tuple(*b).tid(0)),
                Ok((order, _)) => order,
                Err(_) => Ordering::Equal,
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        if index.nulls_not_distinct && index.unique {
            for pair in self.nulls.windows(2) {
                let (left, right) = (tuple(pair[0]), tuple(pair[1]));
                if compare_keys(index, left, right)?.0 == Ordering::Equal {
                    equal = Some((left.tid(0), right.tid(0)));
                }
            }
        }
        self.duplicate = self.duplicate.or(equal);
        let nulls_first = index.keys[0].nulls_first;
        let values = self.entries.iter().map(|(_, at)| *at);
        let nulls = self.nulls.iter().copied();
        Ok(if nulls_first { nulls.chain(values).collect() } else { values.chain(nulls).collect() })
    }

    fn spill(&mut self) -> Result<()> {
        let order = self.sorted()?;
        if let Some(temp) = &self.options.temp {
            let tuples = order.iter().map(|at| {
                let tuple = &self.tuples[*at as usize * UNIT..];
                &tuple[..IndexTuple(tuple).size()]
            });
            self.runs.write(temp, tuples)?;
        }
        self.tuples.clear();
        self.entries.clear();
        self.nulls.clear();
        Ok(())
    }

    /// Writes the index.
    ///
    /// # Errors
    /// What writing pages fails with.
    pub fn finish(mut self) -> Result<Built> {
        let mut built = Built { tuples: self.count, pages: 0, duplicate: None };
        let (context, index) = (self.context.clone(), self.index.clone());
        let mut writer = Writer::new(&context, &index)?;
        if self.runs.is_empty() {
            let order = self.sorted()?;
            for at in order {
                let tuple = &self.tuples[at as usize * UNIT..];
                writer.add(&tuple[..IndexTuple(tuple).size()])?;
            }
        } else {
            self.spill()?;
            let mut duplicate = None;
            self.runs.merge(&index, &mut duplicate, &mut |tuple| writer.add(tuple))?;
            self.duplicate = self.duplicate.or(duplicate);
        }
        built.pages = writer.finish()?;
        built.duplicate = self.duplicate;
        Ok(built)
    }
}

/// A level under construction: its rightmost page.
struct Level {
    page: Box<Page>,
    block: BlockNumber,
    opaque: Opaque,
    /// The low key of the page, for its downlink.
    low_key: Vec<u8>,
    /// Free bytes at which the page counts as full.
    full: usize,
    items: u16,
}

struct Writer<'a> {
    tree: Tree<'a>,
    levels: Vec<Level>,
    next_block: u32,
    ring: Ring,
    deduplicate: bool,
    /// Equal entries that are being collected into a posting list.
    pending: Option<(Vec<u8>, Vec<Tid>)>,
    /// Finished pages that have not been logged yet.
    finished: Vec<(BlockNumber, Box<Page>)>,
}

/// Pages written and logged at once.
const BATCH: usize = 32;

impl<'a> Writer<'a> {
    fn new(context: &'a Context, index: &'a IndexRelation) -> Result<Writer<'a>> {
        Ok(Writer {
            tree: Tree::new(context, index),
            levels: Vec::new(),
            next_block: 1,
            ring: Ring::new(RingKind::BulkWrite, &context.pool),
            deduplicate: deduplicates(index) && !index.unique,
            pending: None,
            finished: Vec::new(),
        })
    }

    /// The next entry in order.
    fn add(&mut self, item: &[u8]) -> Result<()> {
        if !self.deduplicate {
            return self.add_to_level(0, item);
        }
        let tuple = IndexTuple(item);
        if let Some((base, tids)) = &mut self.pending {
            let fits = max_align(IndexTuple(base).key_size() + (tids.len() + 1) * TID_SIZE)
                <= MAX_POSTING_SIZE * 3 / 5;
            if fits && same_image(self.tree.index, IndexTuple(base), tuple)? {
                tids.push(tuple.tid(0));
                return Ok(());
            }
        }
        self.flush_pending()?;
        self.pending = Some((item.to_vec(), vec![tuple.tid(0)]));
        Ok(())
    }

    fn flush_pending(&mut self) -> Result<()> {
        let Some((base, tids)) = self.pending.take() else { return Ok(()) };
        if tids.len() == 1 {
            return self.add_to_level(0, &base);
        }
        let list = form_posting(IndexTuple(&base), &tids);
        self.add_to_level(0, &list)
    }

    fn new_level(&mut self, number: usize, low_key: Vec<u8>) {
        let block = self.take_block();
        let fillfactor =
            if number == 0 { usize::from(self.tree.index.relation.fillfactor.clamp(10, 100)) } else { 70 };
        let opaque = Opaque {
            previous: NONE,
            next: NONE,
            level: number as u32,
            flags: if number == 0 { LEAF } else { 0 },
            cycle: 0,
        };
        let full = base::PAGE_SIZE * (100 - fillfactor) / 100;
        self.levels.push(Level { page: fresh_page(), block, opaque, low_key, full, items: 0 });
    }

    fn take_block(&mut self) -> BlockNumber {
        self.next_block += 1;
        BlockNumber(self.next_block - 1)
    }

    fn add_to_level(&mut self, number: usize, item: &[u8]) -> Result<()> {
        if number == self.levels.len() {
            let low_key = if number == 0 { Vec::new() } else { tuple::minus_infinity(NONE) };
            self.new_level(number, low_key);
        }
        let level = &self.levels[number];
        let free = level.page.free_space();
        // A leaf's high key may need room for a tid beyond what its first right item takes.
        let reserve = if number == 0 { max_align(TID_SIZE) } else { 0 };
        let must = free < item.len() + reserve;
        let enough = level.items > 1 && free < level.full + item.len();
        if (must || enough) && level.items > 1 {
            self.finish_page(number)?;
        }
        let level = &mut self.levels[number];
        level.items += 1;
        let cut;
        let item = if number > 0 && level.items == 1 {
            cut = tuple::minus_infinity(IndexTuple(item).downlink());
            &cut[..]
        } else {
            item
        };
        // Room is left for the high key, which comes first.
        add_item(&mut level.page, item, OffsetNumber(level.items));
        Ok(())
    }

    /// The page is full: its last item moves to the next page, and the bound between the two becomes its high key.
    fn finish_page(&mut self, number: usize) -> Result<()> {
        let new_block = self.take_block();
        let (block, page, low_key) = {
            let index = self.tree.index;
            let level = &mut self.levels[number];
            let last = OffsetNumber(level.items);
            let moved = level.page.item(last).to_vec();
            let previous = level.page.item(OffsetNumber(last.0 - 1)).to_vec();
            let high_key = if number == 0 {
                truncate(index, IndexTuple(&previous), IndexTuple(&moved))?
            } else {
                moved.clone()
            };
            let mut page = fresh_page();
            add_item(&mut page, &high_key, HIGH_KEY);
            for item in 1..last.0 {
                add_item(&mut page, level.page.item(OffsetNumber(item)), OffsetNumber(item + 1));
            }
            Opaque { next: new_block, ..level.opaque }.write(&mut page);
            let low_key = std::mem::replace(&mut level.low_key, high_key);
            let block = std::mem::replace(&mut level.block, new_block);
            level.opaque.previous = block;
            level.page = fresh_page();
            level.items = 1;
            let first =
                if number == 0 { moved } else { tuple::minus_infinity(IndexTuple(&moved).downlink()) };
            add_item(&mut level.page, &first, OffsetNumber(1));
            (block, page, low_key)
        };
        self.write(block, page)?;
        self.add_downlink(number, block, low_key)
    }

    fn add_downlink(&mut self, number: usize, block: BlockNumber, low_key: Vec<u8>) -> Result<()> {
        let mut downlink = if low_key.is_empty() { tuple::minus_infinity(block) } else { low_key };
        set_downlink(&mut downlink, block);
        self.add_to_level(number + 1, &downlink)
    }

    /// Closes all levels and writes the metapage. Returns the pages of the index.
    fn finish(mut self) -> Result<u32> {
        self.flush_pending()?;
        let mut meta = Meta::empty(equal_image(self.tree.index));
        let mut number = 0;
        while number < self.levels.len() {
            let top = number + 1 == self.levels.len();
            let level = &mut self.levels[number];
            let mut page = std::mem::replace(&mut level.page, fresh_page());
            let mut opaque = level.opaque;
            if top {
                opaque.flags |= ROOT;
            }
            opaque.write(&mut page);
            let (block, low_key) = (level.block, std::mem::take(&mut level.low_key));
            self.write(block, page)?;
            if top {
                meta = Meta {
                    root: block,
                    level: number as u32,
                    fast_root: block,
                    fast_level: number as u32,
                    ..meta
                };
            } else {
                self.add_downlink(number, block, low_key)?;
            }
            number += 1;
        }
        let mut page = Page::zeroed();
        meta.write(&mut page);
        self.write(META_BLOCK, page)?;
        self.flush()?;
        Ok(self.next_block)
    }

    fn write(&mut self, block: BlockNumber, page: Box<Page>) -> Result<()> {
        self.finished.push((block, page));
        let batch = BATCH.min(self.tree.context.pool.frames() / 8).max(1);
        if self.finished.len() >= batch { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let pool = &self.tree.context.pool;
        let locator = self.tree.index.relation.locator;
        // The pool may add fewer pages at once than are asked for.
        loop {
            let missing = self.next_block.saturating_sub(self.tree.block_count()?);
            if missing == 0 {
                break;
            }
            pool.extend_by(locator, Fork::Main, missing, Strategy::Ring(&self.ring))?;
        }
        let pins: Vec<Pin> = self
            .finished
            .iter()
            .map(|(block, _)| pool.pin(locator, Fork::Main, *block, Strategy::Ring(&self.ring)))
            .collect::<Result<_>>()?;
        let mut pages: Vec<PageWrite<'_>> = pins.iter().map(Pin::write).collect();
        for ((_, built), page) in self.finished.iter().zip(&mut pages) {
            page.change_unlogged(|page| page.bytes_mut().copy_from_slice(built.bytes()));
        }
        if self.tree.index.relation.persistence == Persistence::Permanent && !pages.is_empty() {
            pool.log_new_pages(&mut pages, true)?;
        }
        drop(pages);
        self.finished.clear();
        Ok(())
    }
}

fn fresh_page() -> Box<Page> {
    let mut page = Page::zeroed();
    page.init(SPECIAL_SIZE);
    page
}

/// An index without entries: a metapage.
///
/// # Errors
/// What writing the page fails with.
pub fn create_empty(context: &Context, index: &IndexRelation) -> Result<()> {
    Writer::new(context, index)?.finish().map(|_| ())
}

/// The init fork of an unlogged index, from which it starts anew after a crash.
///
/// # Errors
/// What writing the page fails with.
pub fn write_init_meta(context: &Context, index: &IndexRelation) -> Result<()> {
    let pin = context.pool.extend(index.relation.locator, Fork::Init, Strategy::Normal)?;
    let mut page = pin.write();
    let meta = Meta::empty(equal_image(index));
    page.change_unlogged(|page| meta.write(page));
    // Logged although the index is not: the file must be there after a crash.
    context.pool.log_new_page(&mut page, true)?;
    Ok(())
}
