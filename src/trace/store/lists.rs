//! The optional columns of a block: offsets of the first and last reference of each listed page,
//! whether the burst writes it, and the distances within bursts. With them an LRU curve needs no
//! reference.
//!
//! They follow from the references: a reader that has the references computes the same. Knows nothing of
//! where the columns are in the file.

use crate::trace::bursts::encode;
use crate::trace::bursts::reuse_distances::{Edges, Within};
use crate::trace::bursts::{Block, BurstsView, Columns, K_MAX};
use crate::trace::model::refs::is_write;

/// The columns of [`LIST_TAGS`](super::LIST_TAGS), unpacked; all empty if the block has none.
#[derive(Default)]
pub(super) struct StoredLists {
    pub within: Vec<u8>,
    pub edges: Vec<u8>,
    pub first: Vec<u8>,
    pub last: Vec<u8>,
    pub written: Vec<u8>,
}

impl StoredLists {
    /// Computes the lists of the block `encoded`. `raw` is working memory.
    pub fn of(
        encoded: &encode::EncodedBlock,
        raw: &mut Vec<u8>,
    ) -> Result<StoredLists, &'static str> {
        raw.clone_from(&encoded.raw);
        let columns = Block::decode(0, encoded, usize::MAX, raw)?.columns;
        let view = BurstsView {
            base: 0,
            raw,
            columns: &columns,
        };
        let within = Within::of(view, 0..columns.len());
        // A block has less than 2^32 references.
        let bytes_of = |&count: &u64| (count as u32).to_le_bytes();
        let counts = within.distances[1..].iter().chain(&within.rewrites[1..]);
        let before = within.edges.iter().map(|edges| edges.before);
        let behind = within.edges.iter().map(|edges| edges.behind);
        let offsets = |column: &[u16]| column.iter().flat_map(|n| n.to_le_bytes()).collect();
        let written = columns.pages.iter().map(|&page| u8::from(is_write(page)));
        Ok(StoredLists {
            within: counts.flat_map(bytes_of).collect(),
            edges: before.chain(behind).collect(),
            first: offsets(&columns.first),
            last: offsets(&columns.last),
            written: written.collect(),
        })
    }

    /// Returns the columns in the order of [`LIST_TAGS`](super::LIST_TAGS).
    pub fn columns(&self) -> [&[u8]; 5] {
        [
            &self.within,
            &self.edges,
            &self.first,
            &self.last,
            &self.written,
        ]
    }

    /// Returns true if the block has no lists.
    pub fn is_empty(&self) -> bool {
        self.within.is_empty()
    }

    /// Decodes the lists of the block `encoded`, whose first reference has position `start`. Page ids
    /// must be below `distinct`.
    ///
    /// # Errors
    /// Errors if the columns break a rule of the format; the message names the rule.
    pub fn decode(
        &self,
        start: u64,
        encoded: &encode::EncodedBlock,
        distinct: usize,
    ) -> Result<(Columns, Within), &'static str> {
        let listed = encoded.pages.len();
        let lengths = [self.first.len(), self.last.len(), self.written.len()];
        if lengths != [2 * listed, 2 * listed, listed] {
            return Err("the first, last and written columns do not fit this block");
        }
        let offsets = [&self.first, &self.last].map(|column| {
            let (offsets, _) = column.as_chunks();
            offsets.iter().map(|n| u16::from_le_bytes(*n)).collect()
        });
        let columns = Columns::of_lists(start, encoded, offsets, &self.written, distinct)?;
        let within = self.decode_within(listed, encoded.refs())?;
        Ok((columns, within))
    }

    /// Decodes the distances within the bursts of a block of `refs` references that lists `listed`
    /// pages, at most `refs`.
    fn decode_within(&self, listed: usize, refs: usize) -> Result<Within, &'static str> {
        if self.within.len() != 2 * 4 * K_MAX || self.edges.len() != 2 * listed {
            return Err("the distance columns do not fit this block");
        }
        let mut within = Within::default();
        let (counts, _) = self.within.as_chunks();
        let (distances, rewrites) = counts.split_at(K_MAX);
        for (into, counts) in [
            (&mut within.distances, distances),
            (&mut within.rewrites, rewrites),
        ] {
            for (into, count) in into[1..].iter_mut().zip(counts) {
                *into = u32::from_le_bytes(*count).into();
            }
        }
        let (before, behind) = self.edges.split_at(listed);
        let pairs = before.iter().zip(behind);
        within.edges = pairs
            .map(|(&before, &behind)| Edges { before, behind })
            .collect();
        let repeats = within.distances.iter().sum::<u64>();
        let mut largest = within.rewrites;
        for edges in &within.edges {
            for distance in [edges.before, edges.behind] {
                let count = largest.get_mut(usize::from(distance));
                *count.ok_or("a distance within a burst is above 64")? += 1;
            }
        }
        // Each of these is the distance of a different reference.
        let mut pairs = largest[1..].iter().zip(&within.distances[1..]);
        if repeats != (refs - listed) as u64 || pairs.any(|(largest, all)| largest > all) {
            return Err("the distances within bursts do not add up");
        }
        Ok(within)
    }
}
