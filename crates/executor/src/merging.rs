//! Merging sorted streams of batches: what Merge Append, Gather Merge and the last step of an external sort do.
//!
//! Streams stand in a heap by their current rows. Of each batch the first key is normalised at once; mostly that decides.
//! Which rows come next is noted down first, and the columns are copied one by one afterwards.

use crate::order::Ordering;
use crate::rows::{append, builders};
use base::Result;
use datum::{Batch, Repr};
use std::cmp;
use std::sync::Arc;

#[derive(Default)]
struct Stream {
    batch: Option<Batch>,
    /// The first key of each row, normalised: of byte strings, sixteen bytes.
    keys: Vec<(u8, u64, u64)>,
    row: usize,
    /// Where its batch stands in `Merger::held`.
    held: usize,
}

/// Rows of one held batch that follow one another in the output.
struct Piece {
    held: usize,
    start: usize,
    len: usize,
}

/// Merges streams; rows that compare equal come in the order of the streams.
pub struct Merger {
    ordering: Ordering,
    reprs: Arc<[Repr]>,
    /// Whether rows whose normalised first keys are equal need not be compared by it again.
    first_decides: bool,
    streams: Vec<Stream>,
    /// Streams with a current row.
    heap: Vec<usize>,
    is_begun: bool,
    held: Vec<Batch>,
    pieces: Vec<Piece>,
}

impl Merger {
    pub fn new(ordering: Ordering, reprs: Arc<[Repr]>, streams: usize) -> Merger {
        let first_decides = ordering.keys.first().is_some_and(|key| key.order.prefix_decides());
        let mut merger = Merger {
            ordering,
            reprs,
            first_decides,
            streams: Vec::new(),
            heap: Vec::new(),
            is_begun: false,
            held: Vec::new(),
            pieces: Vec::new(),
        };
        merger.restart(streams);
        merger
    }

    /// Forgets all rows; from now on there are `count` streams.
    pub fn restart(&mut self, count: usize) {
        self.streams.clear();
        self.streams.resize_with(count, Stream::default);
        self.heap.clear();
        self.is_begun = false;
        self.held.clear();
        self.pieces.clear();
    }

    /// Up to `want` rows in order, `None` at the end; `read` fetches more of a stream.
    ///
    /// # Errors
    /// What `read` fails with.
    pub fn next(
        &mut self,
        want: usize,
        mut read: impl FnMut(usize) -> Result<Option<Batch>>,
    ) -> Result<Option<Batch>> {
        if !self.is_begun {
            self.begin(&mut read)?;
        }
        let mut rows = 0;
        while rows < want
            && let Some(&first) = self.heap.first()
        {
            if self.streams[first].batch.is_none() {
                // Fetching more may take its time: what is there goes out before.
                if rows > 0 && 2 * rows >= want {
                    break;
                }
                self.refill(first, &mut read)?;
                continue;
            }
            let taken = self.run(first, want - rows);
            let stream = &mut self.streams[first];
            self.pieces.push(Piece { held: stream.held, start: stream.row, len: taken });
            rows += taken;
            stream.row += taken;
            if stream.row >= stream.keys.len() {
                stream.batch = None;
            } else {
                self.sift_down(0);
            }
        }
        Ok((rows > 0).then(|| self.output(rows)))
    }

    fn begin(&mut self, read: &mut impl FnMut(usize) -> Result<Option<Batch>>) -> Result<()> {
        for number in 0..self.streams.len() {
            if let Some(batch) = read(number)? {
                self.put(number, batch);
                self.heap.push(number);
            }
        }
        self.is_begun = true;
        (0..self.heap.len() / 2).rev().for_each(|at| self.sift_down(at));
        Ok(())
    }

    /// Gives the stream at the top of the heap its next batch.
    fn refill(&mut self, number: usize, read: &mut impl FnMut(usize) -> Result<Option<Batch>>) -> Result<()> {
        match read(number)? {
            Some(batch) => self.put(number, batch),
            None => {
                self.heap.swap_remove(0);
            }
        }
        self.sift_down(0);
        Ok(())
    }

    fn put(&mut self, number: usize, batch: Batch) {
        let stream = &mut self.streams[number];
        stream.keys.clear();
        match self.ordering.keys.first() {
            Some(key) => {
                let column = batch.column(key.column);
                stream.keys.extend((0..batch.rows()).map(|row| key.normalised_far(column.get(row))));
            }
            None => stream.keys.resize(batch.rows(), (0, 0, 0)),
        }
        stream.row = 0;
        stream.held = self.held.len();
        self.held.push(batch.clone());
        stream.batch = Some(batch);
    }

    /// How many rows of the stream at the top come before all other streams', `most` at most.
    fn run(&self, first: usize, most: usize) -> usize {
        let others = self.heap.iter().skip(1).take(2).copied();
        let second = others.reduce(|a, b| match self.less(b, self.streams[b].row, a) {
            true => b,
            false => a,
        });
        let stream = &self.streams[first];
        let most = most.min(stream.keys.len() - stream.row);
        let Some(second) = second else { return most };
        (1..most).find(|ahead| !self.less(first, stream.row + ahead, second)).unwrap_or(most)
    }

    /// Whether a row of stream `a` comes before the current one of stream `b`.
    fn less(&self, a: usize, row: usize, b: usize) -> bool {
        let (x, y) = (&self.streams[a], &self.streams[b]);
        let order = x.keys[row].cmp(&y.keys[y.row]).then_with(|| match (&x.batch, &y.batch) {
            (Some(p), Some(q)) => {
                let from = usize::from(self.first_decides);
                self.ordering.compare_from(from, p, row, q, y.row)
            }
            _ => cmp::Ordering::Equal,
        });
        order.then(a.cmp(&b)) == cmp::Ordering::Less
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.heap.len() {
                    let (number, best) = (self.heap[child], self.heap[least]);
                    if self.less(number, self.streams[number].row, best) {
                        least = child;
                    }
                }
            }
            if least == at {
                return;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }

    /// The rows that were noted down.
    fn output(&mut self, rows: usize) -> Batch {
        let columns = builders(&self.reprs).into_iter().enumerate().map(|(index, mut builder)| {
            for piece in &self.pieces {
                append(&mut builder, self.held[piece.held].column(index), piece.start, piece.len);
            }
            Arc::new(builder.finish())
        });
        let batch = Batch::new(columns.collect(), rows);
        self.pieces.clear();
        self.held.clear();
        for stream in &mut self.streams {
            if let Some(batch) = &stream.batch {
                stream.held = self.held.len();
                self.held.push(batch.clone());
            }
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::SortKey;
    use access_api::KeyOrder;
    use datum::{ColumnBuilder, Datum};

    struct Integers;

    impl KeyOrder for Integers {
        fn compare(&self, a: Datum<'_>, b: Datum<'_>) -> cmp::Ordering {
            a.int4().cmp(&b.int4())
        }
    }

    fn batch(values: &[Option<i32>]) -> Batch {
        let mut builder = ColumnBuilder::new(Repr::Int4, values.len());
        values.iter().for_each(|v| builder.push(v.map(Datum::Int4)));
        Batch::new(vec![Arc::new(builder.finish())], values.len())
    }

    #[test]
    fn merges_streams_of_any_length() {
        let key = SortKey { column: 0, order: Arc::new(Integers), descending: false, nulls_first: false };
        let ordering = Ordering { keys: [key].into() };
        let streams: [&[&[Option<i32>]]; 4] = [
            &[&[Some(1), Some(5)], &[Some(7), None]],
            &[],
            &[&[Some(2)], &[Some(3)], &[Some(9)]],
            &[&[Some(5), None]],
        ];
        for want in [1, 2, 100] {
            let mut at = [0; 4];
            let mut merger = Merger::new(ordering.clone(), [Repr::Int4].into(), 4);
            let mut out = Vec::new();
            let mut read = |stream: usize| {
                at[stream] += 1;
                Ok(streams[stream].get(at[stream] - 1).map(|values| batch(values)))
            };
            while let Some(batch) = merger.next(want, &mut read).unwrap() {
                assert!(batch.rows() <= want);
                out.extend((0..batch.rows()).map(|row| batch.value(0, row).map(Datum::int4)));
            }
            let expected = [Some(1), Some(2), Some(3), Some(5), Some(5), Some(7), Some(9), None, None];
            assert_eq!(out, expected, "{want} at a time");
        }
    }
}
