//! ANALYZE's sample: random blocks (Knuth's algorithm S), then random rows of them (Vitter's reservoir algorithm Z).

use crate::header::Header;
use crate::page;
use crate::rows::{Rows, Tuple};
use crate::visibility::{Judge, VacuumVerdict};
use access_api::{Context, Relation};
use base::{BlockNumber, Fork, Result, Tid};
use buffer::Strategy;
use storage::LinePointer;

/// What the sampled blocks tell of the whole table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Estimated rows of the table.
    pub live: f64,
    pub dead: f64,
    pub pages: u32,
    pub sampled_pages: u32,
}

/// xorshift64*: sampling needs speed and no secrets.
struct Random(u64);

impl Random {
    /// In (0, 1).
    fn fraction(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        (bits as f64 + 0.5) / (1u64 << 53) as f64
    }
}

/// Appends up to `target` random visible rows in physical order.
///
/// # Errors
/// `XX001` for damaged pages.
pub fn sample_rows(
    context: &Context,
    relation: &Relation,
    target: usize,
    seed: u64,
    needed: &[usize],
    strategy: Strategy<'_>,
    rows: &mut Rows,
) -> Result<Sample> {
    let pages = page::block_count(context, relation)?;
    let mut random = Random(seed | 1);
    let mut reservoir: Vec<Tuple> = Vec::new();
    let mut vitter = Vitter::new(target, &mut random);
    let (mut live, mut dead, mut sampled, mut skip) = (0.0, 0.0, 0u32, 0.0);
    for block in sample_blocks(pages, target as u32, &mut random) {
        context.transaction.session().locks().check_interrupts()?;
        sampled += 1;
        let pin = context.pool.pin(relation.locator, Fork::Main, BlockNumber(block), strategy)?;
        let page = pin.read();
        let judge = Judge::new(&context.transaction);
        for offset in page::offsets(&page) {
            if page.item_id(offset).state() == LinePointer::Dead {
                dead += 1.0;
            }
            if !page::is_normal(&page, offset) {
                continue;
            }
            let header = Header::read(page.item(offset));
            let mine = |low: u32| context.transaction.is_current(judge.widen(low));
            let counts = match judge.vacuum(&header, &mut 0)? {
                VacuumVerdict::Live => true,
                VacuumVerdict::Dead | VacuumVerdict::RecentlyDead(_) => {
                    dead += 1.0;
                    false
                }
                VacuumVerdict::InsertInProgress => mine(header.xmin),
                // Someone else's deletion may yet be rolled back.
                VacuumVerdict::DeleteInProgress => !mine(header.xmax),
            };
            if !counts {
                continue;
            }
            let copy = || Tuple {
                tid: Tid { block: BlockNumber(block), offset },
                bytes: page.item(offset).to_vec(),
            };
            if reservoir.len() < target {
                reservoir.push(copy());
            } else {
                if skip <= 0.0 {
                    let victim = (target as f64 * random.fraction()) as usize;
                    reservoir[victim.min(target - 1)] = copy();
                    skip = vitter.next_skip(live + 1.0, &mut random) + 1.0;
                }
                skip -= 1.0;
            }
            live += 1.0;
        }
    }
    reservoir.sort_unstable_by_key(|tuple| tuple.tid);
    for tuple in &reservoir {
        rows.push(context, relation, needed, tuple.tid, &tuple.bytes)?;
    }
    let scale = |count: f64| {
        if sampled == 0 { 0.0 } else { (count / f64::from(sampled) * f64::from(pages) + 0.5).floor() }
    };
    Ok(Sample { live: scale(live), dead: scale(dead), pages, sampled_pages: sampled })
}

/// `count` of `pages` blocks, ascending.
fn sample_blocks(pages: u32, count: u32, random: &mut Random) -> Vec<u32> {
    let mut chosen = Vec::new();
    let mut wanted = count.min(pages);
    for block in 0..pages {
        if wanted == 0 {
            break;
        }
        let left = f64::from(pages - block);
        if random.fraction() * left < f64::from(wanted) {
            chosen.push(block);
            wanted -= 1;
        }
    }
    chosen
}

/// How many rows to pass over until the next one replaces another (Vitter, "Random sampling with a reservoir").
struct Vitter {
    size: f64,
    w: f64,
}

impl Vitter {
    fn new(size: usize, random: &mut Random) -> Vitter {
        let size = size.max(1) as f64;
        Vitter { size, w: (-random.fraction().ln() / size).exp() }
    }

    /// `seen`: rows so far.
    fn next_skip(&mut self, seen: f64, random: &mut Random) -> f64 {
        let n = self.size;
        if seen <= 22.0 * n {
            // Algorithm X: step through the distribution.
            let v = random.fraction();
            let (mut skip, mut t) = (0.0, seen + 1.0);
            let mut quotient = (t - n) / t;
            while quotient > v {
                skip += 1.0;
                t += 1.0;
                quotient *= (t - n) / t;
            }
            return skip;
        }
        let term = seen - n + 1.0;
        loop {
            let u = random.fraction();
            let x = seen * (self.w - 1.0);
            let skip = x.floor();
            let tmp = (seen + 1.0) / term;
            let lhs = ((u * tmp * tmp * (term + skip) / (seen + x)).ln() / n).exp();
            let rhs = ((seen + x) / (term + skip)) * term / seen;
            if lhs <= rhs {
                self.w = rhs / lhs;
                return skip;
            }
            let mut y = u * (seen + 1.0) / term * (seen + skip + 1.0) / (seen + x);
            let (mut denominator, limit) =
                if n < skip { (seen, term + skip) } else { (seen - n + skip, seen + 1.0) };
            let mut numerator = seen + skip;
            while numerator >= limit {
                y *= numerator / denominator;
                denominator -= 1.0;
                numerator -= 1.0;
            }
            self.w = (-random.fraction().ln() / n).exp();
            if (y.ln() / n).exp() <= (seen + x) / seen {
                return skip;
            }
        }
    }
}
