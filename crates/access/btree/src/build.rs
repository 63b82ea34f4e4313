//! Building an index from scratch.
//!
//! ```text
//!   rows ── Input of each thread ── partitions of the key space ── sorted one by one ── leaves ── levels above
//!                                   (memory, then a file)          (a stretch of partitions for each thread)
//! ```
//! A sample of the rows tells where to cut the key space, so that each partition fits the processor's cache and no merge
//! is needed at the end. The order is total (rows with equal keys are ordered by tid), so cuts can be made anywhere. A
//! partition that turns out larger than memory allows is sorted in runs, which are merged.

use crate::cuts::Cuts;
use crate::fill::Target;
use crate::insert::equal_image;
use crate::key::compare_keys;
use crate::leaves::{Duplicate, Leaves, Stretch};
use crate::levels::join;
use crate::page::{self, Meta};
use crate::runs::{Extent, TempFile, TempFiles, TupleReader, Tuples, merge};
use crate::search::Tree;
use crate::sort::{
    ENTRY_SIZE, IntegerKey, TupleSorter, common_len, integer_of, sort_integers, tid_bits, tid_of,
};
use crate::tuple::{self, IndexTuple, integer_tuple};
use access_api::{Context, IndexRelation, Persistence};
use base::{BlockNumber, Error, Fork, Result, SqlState, Tid};
use buffer::{BulkWrite, Strategy};
use datum::Datum;
use parking_lot::Mutex;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering as Atomic};
use sys::workers::{Halt, Places};

pub struct BuildOptions {
    /// For sorting (maintenance_work_mem).
    pub memory_bytes: usize,
    /// Where entries go that do not fit; without it, memory is used beyond the limit.
    pub temp: Option<TempFiles>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    pub tuples: u64,
    pub pages: u32,
    /// In a unique index: what was built is of no use.
    pub duplicate: Option<Duplicate>,
}

/// The cuts in full: a partition holds what is not less than the cut before it, and less than its own.
enum Bounds {
    Integers(Vec<u128>),
    /// Prefixes are of what follows `common`, with which the values of the sample begin.
    Tuples {
        common: Vec<u8>,
        tuples: Vec<Vec<u8>>,
    },
}

/// Entries of a part of the key space, in no order.
#[derive(Default)]
struct Partition {
    kept: Vec<Vec<u8>>,
    written: Vec<Extent>,
    bytes: u64,
}

/// An index that is being built, by several threads at once. The relation is empty and nobody else's yet.
pub struct Build {
    context: Context,
    index: IndexRelation,
    memory_bytes: usize,
    temp: Option<TempFile>,
    integer: Option<IntegerKey>,
    cuts: Cuts,
    bounds: Bounds,
    /// In order; entries whose first column is null have the first or the last one for themselves.
    partitions: Vec<Mutex<Partition>>,
    nulls: usize,
    /// Bytes that an input collects for a partition.
    buffer_bytes: usize,
    /// Bytes in `kept`, and how many there may be.
    kept: AtomicUsize,
    keep: usize,
    count: AtomicU64,
    inputs: AtomicUsize,
}

/// What one thread has added and not handed over yet.
pub struct Input {
    buffers: Vec<Vec<u8>>,
    scratch: Vec<u8>,
    count: u64,
    /// Which of the temporary files it writes to.
    stripe: usize,
}

const LARGEST_BUFFER: usize = 64 << 10;
/// What is sorted at once should lie in the processor's cache.
const PARTITION_BYTES: usize = 1 << 20;
const MAX_PARTITIONS: usize = 2048;
/// Entries after which interruptions are looked for.
const CHECK_EVERY: usize = 4096;

impl Build {
    pub fn new(context: &Context, index: &IndexRelation, options: BuildOptions) -> Build {
        let integer = IntegerKey::of(index);
        let bounds = match integer {
            Some(_) => Bounds::Integers(Vec::new()),
            None => Bounds::Tuples { common: Vec::new(), tuples: Vec::new() },
        };
        let memory_bytes = options.memory_bytes.max(1 << 20);
        let mut build = Build {
            context: context.clone(),
            index: index.clone(),
            memory_bytes,
            temp: options.temp.map(TempFile::new),
            integer,
            cuts: Cuts::default(),
            bounds,
            partitions: Vec::new(),
            nulls: 0,
            buffer_bytes: LARGEST_BUFFER,
            kept: AtomicUsize::new(0),
            keep: memory_bytes / 2,
            count: AtomicU64::new(0),
            inputs: AtomicUsize::new(0),
        };
        build.make_partitions(1);
        build
    }

    fn make_partitions(&mut self, count: usize) {
        self.partitions = (0..=count).map(|_| Mutex::default()).collect();
        self.nulls = if self.index.keys[0].nulls_first { 0 } else { count };
        *self.kept.get_mut() = 0;
        *self.count.get_mut() = 0;
    }

    /// Bytes that one thread may sort at once.
    fn sort_bytes(&self, threads: usize) -> usize {
        match self.temp {
            Some(_) => (self.memory_bytes / (4 * threads)).max(256 << 10),
            None => usize::MAX,
        }
    }

    /// Cuts the key space for `times` as many rows as the sample has, which will be like them. Before anything is added.
    ///
    /// # Errors
    /// `XX002` for damaged tuples.
    pub fn cut(&mut self, sample: Input, times: f64, threads: usize) -> Result<()> {
        self.close(sample)?;
        let nulls = std::mem::take(self.partitions[self.nulls].get_mut());
        let values = std::mem::take(self.partitions[usize::from(self.nulls == 0)].get_mut());
        let expected_bytes = (values.bytes + nulls.bytes) as f64 * times;
        let mut sorter = TupleSorter::default();
        self.load(&values, &mut sorter)?;
        let entries = if self.integer.is_some() { sorter.bytes.len() / ENTRY_SIZE } else { sorter.count() };
        let target = PARTITION_BYTES.min(self.sort_bytes(threads) / 2);
        let least = if threads > 1 { 8 * threads } else { 1 };
        let count =
            ((expected_bytes / target as f64) as usize).clamp(least, MAX_PARTITIONS).min(entries / 8).max(1);
        if self.integer.is_some() {
            let mut entries = Vec::new();
            self.integers(&sorter.bytes, &mut entries);
            sort_integers(&mut entries, &mut Vec::new());
            let cuts: Vec<u128> = (1..count).map(|number| entries[number * entries.len() / count]).collect();
            self.cuts = Cuts::new(cuts.iter().map(|cut| (cut >> 64) as u64).collect());
            self.bounds = Bounds::Integers(cuts);
        } else {
            sorter.sort(&self.index, false)?;
            self.cut_tuples(&sorter, count)?;
        }
        let buffers = threads * count;
        self.buffer_bytes = (self.memory_bytes / 8 / buffers).clamp(2 << 10, LARGEST_BUFFER);
        let working = buffers * self.buffer_bytes + 4 * threads * target;
        self.keep = self.memory_bytes.saturating_sub(working);
        self.make_partitions(count);
        Ok(())
    }

    fn cut_tuples(&mut self, sorter: &TupleSorter, count: usize) -> Result<()> {
        let places = &sorter.places;
        let desc = self.index.relation.desc.clone();
        let desc = &desc;
        let mut common = Vec::new();
        if self.index.keys[0].order.bytewise()
            && let (Some(first), Some(last)) = (places.first(), places.last())
        {
            let first = IndexTuple(sorter.tuple(*first)).attribute(desc, 0)?;
            let last = IndexTuple(sorter.tuple(*last)).attribute(desc, 0)?;
            if let (Some(Datum::Bytes(first)), Some(Datum::Bytes(last))) = (first.get(), last.get()) {
                common.extend_from_slice(&first[..common_len(first, last)]);
            }
        }
        let mut tuples = Vec::new();
        let mut prefixes = Vec::new();
        for number in 1..count {
            let tuple = sorter.tuple(places[number * places.len() / count]);
            let value = IndexTuple(tuple).attribute(desc, 0)?;
            prefixes.push(value.get().map_or(0, |value| self.prefix(&common, value)));
            tuples.push(tuple.to_vec());
        }
        self.cuts = Cuts::new(prefixes);
        self.bounds = Bounds::Tuples { common, tuples };
        Ok(())
    }

    /// Eight bytes that sort like the values: of what follows `common`, where a value begins with that.
    #[inline]
    fn prefix(&self, common: &[u8], value: Datum<'_>) -> u64 {
        let key = &self.index.keys[0];
        let prefix = match value {
            Datum::Bytes(bytes) if !common.is_empty() => match bytes.strip_prefix(common) {
                Some(rest) => key.order.prefix(Datum::Bytes(rest)),
                None if bytes < common => 0,
                None => u64::MAX,
            },
            value => key.order.prefix(value),
        };
        if key.descending { !prefix } else { prefix }
    }

    pub fn input(&self) -> Input {
        let buffers = self.partitions.iter().map(|_| Vec::new()).collect();
        let stripe = self.inputs.fetch_add(1, Atomic::Relaxed);
        Input { buffers, scratch: Vec::new(), count: 0, stripe }
    }

    /// Whether entries are made of an integer alone: see [`Build::add_integer`].
    pub fn takes_integers(&self) -> bool {
        self.integer.is_some()
    }

    /// The partition behind `before` cuts.
    fn number(&self, before: usize) -> usize {
        before + usize::from(self.nulls == 0)
    }

    /// An entry for the row at `tid`. `raw`: the value's bytes, little-endian, zeros above. Only if the index takes integers.
    ///
    /// # Errors
    /// What writing entries out fails with.
    #[inline]
    pub fn add_integer(&self, input: &mut Input, raw: u64, tid: Tid) -> Result<()> {
        let (Some(integer), Bounds::Integers(cuts)) = (&self.integer, &self.bounds) else {
            return Err(Error::internal("an integer for an index that is not on one"));
        };
        let entry = integer.entry(raw, tid);
        let mut before = self.cuts.before((entry >> 64) as u64);
        while cuts.get(before).is_some_and(|cut| *cut <= entry) {
            before += 1;
        }
        input.count += 1;
        self.push(input, self.number(before), &entry.to_le_bytes())
    }

    /// An entry for the row at `tid`.
    ///
    /// # Errors
    /// `54000` when the key is too long; what writing entries out fails with.
    pub fn add(&self, input: &mut Input, values: &[Option<Datum<'_>>], tid: Tid) -> Result<()> {
        match (self.integer, values) {
            (Some(_), [Some(value)]) => return self.add_integer(input, integer_of(*value), tid),
            (Some(_), _) => {
                input.count += 1;
                return self.push(input, self.nulls, &u128::from(tid_bits(tid)).to_le_bytes());
            }
            _ => {}
        }
        let mut scratch = std::mem::take(&mut input.scratch);
        scratch.clear();
        tuple::form(&self.index.relation.desc, values, tid, &mut scratch)?;
        if scratch.len() > page::MAX_ITEM_SIZE {
            return Err(self.too_long(scratch.len()));
        }
        let number = match values[0] {
            Some(value) => self.partition(value, &scratch)?,
            None => self.nulls,
        };
        input.count += 1;
        let pushed = self.push(input, number, &scratch);
        input.scratch = scratch;
        pushed
    }

    fn too_long(&self, size: usize) -> Error {
        Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!(
                "index row size {size} exceeds btree version 4 maximum {} for index \"{}\"",
                page::MAX_ITEM_SIZE,
                self.index.relation.name
            ),
        )
        .hint("Values larger than 1/3 of a buffer page cannot be indexed.\nConsider a function index of an MD5 hash of the value, or use full text indexing.")
    }

    /// Which partition an entry belongs to.
    fn partition(&self, value: Datum<'_>, entry: &[u8]) -> Result<usize> {
        let Bounds::Tuples { common, tuples } = &self.bounds else { return Ok(self.number(0)) };
        if tuples.is_empty() {
            return Ok(self.number(0));
        }
        let prefix = self.prefix(common, value);
        let mut before = self.cuts.before(prefix);
        while self.cuts.key(before) == Some(prefix) {
            let (cut, entry) = (IndexTuple(&tuples[before]), IndexTuple(entry));
            let order = compare_keys(&self.index, cut, entry)?.0;
            if order.then_with(|| cut.tid(0).cmp(&entry.tid(0))) == Ordering::Greater {
                break;
            }
            before += 1;
        }
        Ok(self.number(before))
    }

    #[inline]
    fn push(&self, input: &mut Input, number: usize, entry: &[u8]) -> Result<()> {
        let buffer = &mut input.buffers[number];
        if buffer.len() + entry.len() > self.buffer_bytes {
            self.hand_over(buffer, number, input.stripe)?;
        }
        buffer.extend_from_slice(entry);
        Ok(())
    }

    /// Gives a full buffer to its partition: as it is while there is memory, else by way of the file.
    fn hand_over(&self, buffer: &mut Vec<u8>, number: usize, stripe: usize) -> Result<()> {
        let bytes = buffer.len();
        if let Some(temp) = &self.temp
            && self.kept.fetch_add(bytes, Atomic::Relaxed) + bytes > self.keep
        {
            self.kept.fetch_sub(bytes, Atomic::Relaxed);
            let extent = temp.append(stripe, buffer)?;
            buffer.clear();
            let mut partition = self.partitions[number].lock();
            partition.written.push(extent);
            partition.bytes += bytes as u64;
            return Ok(());
        }
        let capacity = (2 * buffer.capacity()).min(self.buffer_bytes);
        let full = std::mem::replace(buffer, Vec::with_capacity(capacity));
        let mut partition = self.partitions[number].lock();
        partition.kept.push(full);
        partition.bytes += bytes as u64;
        Ok(())
    }

    /// A thread has nothing more to add.
    ///
    /// # Errors
    /// What writing entries out fails with.
    pub fn close(&self, mut input: Input) -> Result<()> {
        for (number, buffer) in input.buffers.iter_mut().enumerate() {
            if !buffer.is_empty() {
                self.hand_over(buffer, number, input.stripe)?;
            }
        }
        self.count.fetch_add(input.count, Atomic::Relaxed);
        Ok(())
    }

    /// Sorts entries and writes the index.
    ///
    /// # Errors
    /// What writing pages fails with, `57014` when cancelled.
    pub fn finish(self, places: &Places) -> Result<Built> {
        let tuples = self.count.load(Atomic::Relaxed);
        let tree = Tree::new(&self.context, &self.index);
        if tree.block_count()? != 0 {
            return Err(Error::internal(format!("index \"{}\" already contains data", tree.name())));
        }
        let relation = &self.index.relation;
        let logged = relation.persistence == Persistence::Permanent;
        let bulk = BulkWrite::new(&self.context.pool, relation.locator, Fork::Main, logged);
        let target = Target::new(tree, bulk, self.temp.as_ref());
        let threads = if tuples < CHECK_EVERY as u64 { 1 } else { places.count() + 1 };
        let ranges = self.ranges(if threads > 1 { 4 * threads } else { 1 });
        let first = target.take(ranges.len() as u32).start;
        let next = AtomicUsize::new(0);
        let stretches: Vec<Mutex<Option<Stretch>>> = ranges.iter().map(|_| Mutex::default()).collect();
        let duplicate = Mutex::new(None);
        let work = |_: usize, halt: &Halt| -> Result<()> {
            let mut sorter = TupleSorter::default();
            loop {
                let number = next.fetch_add(1, Atomic::Relaxed);
                let Some(range) = ranges.get(number).filter(|_| duplicate.lock().is_none()) else {
                    return Ok(());
                };
                let mut leaves = Leaves::new(&target, BlockNumber(first + number as u32));
                self.write_leaves(range.clone(), &mut leaves, &mut sorter, halt, threads)?;
                if let Some(found) = leaves.duplicate.take() {
                    *duplicate.lock() = Some(found);
                    return Ok(());
                }
                *stretches[number].lock() = leaves.finish()?;
            }
        };
        if threads > 1 {
            places.run(&work)?
        } else {
            work(0, &Halt::default())?
        }
        let mut built = Built { tuples, pages: 0, duplicate: duplicate.into_inner() };
        if built.duplicate.is_none() {
            let stretches = stretches.into_iter().filter_map(Mutex::into_inner).collect();
            built.duplicate = join(&target, stretches)?;
            built.pages = target.finish()?;
        }
        Ok(built)
    }

    /// Partitions in stretches of about the same size, none of them empty.
    fn ranges(&self, wanted: usize) -> Vec<Range<usize>> {
        let bytes: Vec<u64> = self.partitions.iter().map(|partition| partition.lock().bytes).collect();
        let share = (bytes.iter().sum::<u64>() / wanted as u64).max(1);
        let mut ranges = Vec::new();
        let (mut start, mut sum) = (0, 0);
        for (number, bytes) in bytes.iter().enumerate() {
            sum += bytes;
            if sum >= share && ranges.len() + 1 < wanted {
                ranges.push(start..number + 1);
                (start, sum) = (number + 1, 0);
            }
        }
        if sum > 0 {
            ranges.push(start..bytes.len());
        }
        ranges
    }

    fn write_leaves(
        &self,
        range: Range<usize>,
        leaves: &mut Leaves<'_, '_>,
        sorter: &mut TupleSorter,
        halt: &Halt,
        threads: usize,
    ) -> Result<()> {
        let check = || {
            halt.check()?;
            self.context.transaction.session().locks().check_interrupts()
        };
        leaves.expected_bytes = range.clone().map(|number| self.partitions[number].lock().bytes).sum();
        for number in range {
            let partition = std::mem::take(&mut *self.partitions[number].lock());
            leaves.expected_bytes -= partition.bytes;
            let nulls = number == self.nulls;
            let mut added = 0;
            let mut add = |tuple: &[u8]| -> Result<()> {
                if added % CHECK_EVERY == 0 {
                    check()?;
                }
                added += 1;
                leaves.add(tuple)
            };
            if partition.bytes as usize <= self.sort_bytes(threads) {
                self.load(&partition, sorter)?;
                drop(partition);
                self.sorted(sorter, nulls, &mut add)?;
            } else if let Some(temp) = &self.temp {
                let runs = self.sorted_runs(partition, sorter, nulls, temp, threads, &check)?;
                let runs = runs.into_iter().map(|run| TupleReader::new(run, Some(temp)));
                merge(&self.index, runs.collect::<Result<_>>()?, &mut add)?;
            }
            if leaves.duplicate.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Brings a partition's entries together in the sorter's bytes.
    fn load(&self, partition: &Partition, sorter: &mut TupleSorter) -> Result<()> {
        sorter.clear();
        for bytes in &partition.kept {
            sorter.bytes.extend_from_slice(bytes);
        }
        if let Some(temp) = &self.temp {
            for extent in &partition.written {
                temp.read(extent, &mut sorter.bytes)?;
            }
        }
        Ok(())
    }

    fn integers(&self, bytes: &[u8], entries: &mut Vec<u128>) {
        let (chunks, _) = bytes.as_chunks::<ENTRY_SIZE>();
        entries.extend(chunks.iter().map(|entry| u128::from_le_bytes(*entry)));
    }

    /// Sorts what is loaded and hands it on as index tuples.
    fn sorted(
        &self,
        sorter: &mut TupleSorter,
        nulls: bool,
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let Some(integer) = &self.integer else {
            sorter.sort(&self.index, nulls)?;
            return sorter.places.iter().try_for_each(|place| each(sorter.tuple(*place)));
        };
        let mut entries = std::mem::take(&mut sorter.integers);
        entries.clear();
        self.integers(&sorter.bytes, &mut entries);
        sort_integers(&mut entries, &mut sorter.integer_scratch);
        for entry in &entries {
            let raw = (!nulls).then(|| integer.raw(*entry));
            each(&integer_tuple(tid_of(*entry), raw))?;
        }
        sorter.integers = entries;
        Ok(())
    }

    /// Sorts a partition that is too large in parts, which are written out.
    fn sorted_runs(
        &self,
        partition: Partition,
        sorter: &mut TupleSorter,
        nulls: bool,
        temp: &TempFile,
        threads: usize,
        check: &dyn Fn() -> Result<()>,
    ) -> Result<Vec<Tuples>> {
        let limit = self.sort_bytes(threads) as u64;
        let mut runs = Vec::new();
        let mut part = Partition::default();
        let kept = partition.kept.into_iter().map(Ok);
        let mut pieces = kept.chain(partition.written.into_iter().map(Err)).peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Ok(bytes) => {
                    part.bytes += bytes.len() as u64;
                    part.kept.push(bytes);
                }
                Err(extent) => {
                    part.bytes += extent.range.end - extent.range.start;
                    part.written.push(extent);
                }
            }
            if part.bytes >= limit || pieces.peek().is_none() {
                check()?;
                self.load(&std::mem::take(&mut part), sorter)?;
                let mut run = Tuples::default();
                self.sorted(sorter, nulls, &mut |tuple| run.push(tuple, Some(temp), LARGEST_BUFFER))?;
                run.flush(temp)?;
                runs.push(run);
            }
        }
        Ok(runs)
    }
}

/// A build by one thread, of rows that come without being asked for.
pub struct Builder {
    build: Build,
    input: Input,
}

impl Builder {
    pub fn new(context: &Context, index: &IndexRelation, options: BuildOptions) -> Builder {
        let build = Build::new(context, index, options);
        let input = build.input();
        Builder { build, input }
    }

    /// # Errors
    /// As [`Build::add`].
    pub fn add(&mut self, values: &[Option<Datum<'_>>], tid: Tid) -> Result<()> {
        self.build.add(&mut self.input, values, tid)
    }

    /// # Errors
    /// As [`Build::finish`].
    pub fn finish(self) -> Result<Built> {
        self.build.close(self.input)?;
        self.build.finish(&Places::none())
    }
}

/// An index without entries: a metapage.
///
/// # Errors
/// What writing the page fails with.
pub fn create_empty(context: &Context, index: &IndexRelation) -> Result<()> {
    Builder::new(context, index, BuildOptions { memory_bytes: 0, temp: None }).finish().map(|_| ())
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
