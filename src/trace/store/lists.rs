//! The optional columns of a block: offsets of the first and last reference of each listed page,
//! whether the burst writes it, and the distances within bursts.
//!
//! They follow from the references, and a reader compares them: those of [`List::at_unpacking`] when it
//! unpacks a block, the others where they are read (see `Trace::within`), since they take a pass over
//! every reference. Knows nothing of where the columns are in the file.

use super::{TAG_EDGES, TAG_FIRST, TAG_LAST, TAG_WITHIN, TAG_WRITTEN};
use crate::trace::bursts::encode;
use crate::trace::bursts::reuse_distances::{ByDistance, Edges, Within};
use crate::trace::bursts::{Block, BurstsView, Columns, K_MAX};
use crate::trace::model::refs::is_write;

/// A column that follows from the references. A new one is compared as soon as it is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Within,
    Edges,
    First,
    Last,
    Written,
}

impl List {
    /// Every list, in the order of the file.
    pub const ALL: [List; 5] = [
        List::Within,
        List::Edges,
        List::First,
        List::Last,
        List::Written,
    ];

    /// Returns the tag of the column.
    pub const fn tag(self) -> u16 {
        match self {
            List::Within => TAG_WITHIN,
            List::Edges => TAG_EDGES,
            List::First => TAG_FIRST,
            List::Last => TAG_LAST,
            List::Written => TAG_WRITTEN,
        }
    }

    /// Returns whether it is compared when its block is unpacked; if not, where it is read.
    fn at_unpacking(self) -> bool {
        match self {
            List::First | List::Last | List::Written => true,
            List::Within | List::Edges => false,
        }
    }

    /// Returns the bytes of the column of a block.
    fn bytes(self, columns: &Columns, within: &Within) -> Vec<u8> {
        let offsets = |column: &[u16]| column.iter().flat_map(|n| n.to_le_bytes()).collect();
        match self {
            List::Within => {
                let counts = within.distances[1..].iter().chain(&within.rewrites[1..]);
                // A block has less than 2^32 references.
                counts.flat_map(|&n| (n as u32).to_le_bytes()).collect()
            }
            List::Edges => {
                let before = within.edges.iter().map(|edges| edges.before);
                let behind = within.edges.iter().map(|edges| edges.behind);
                before.chain(behind).collect()
            }
            List::First => offsets(&columns.first),
            List::Last => offsets(&columns.last),
            List::Written => {
                let pages = columns.pages.iter();
                pages.map(|&page| u8::from(is_write(page))).collect()
            }
        }
    }

    /// Returns whether `stored` is the column of a block with these `columns`. Always true of a list
    /// that is compared later.
    fn is_of(self, stored: &[u8], columns: &Columns) -> bool {
        match self {
            List::First => is_offsets(stored, &columns.first),
            List::Last => is_offsets(stored, &columns.last),
            List::Written => {
                // Looks at all, so that the compiler vectorizes it.
                let pairs = stored.iter().zip(&columns.pages);
                let differ = |differ: u32, (&a, &b): (&u8, &u32)| differ | (u32::from(a) ^ (b & 1));
                stored.len() == columns.pages.len() && pairs.fold(0, differ) == 0
            }
            List::Within | List::Edges => true,
        }
    }
}

/// Returns whether `stored` has these offsets.
fn is_offsets(stored: &[u8], offsets: &[u16]) -> bool {
    let (stored, rest) = stored.as_chunks();
    // Looks at all, so that the compiler vectorizes it.
    let pairs = stored.iter().zip(offsets);
    let differ = |differ: u16, (&a, &b): (&[u8; 2], &u16)| differ | (u16::from_le_bytes(a) ^ b);
    rest.is_empty() && stored.len() == offsets.len() && pairs.fold(0, differ) == 0
}

/// The columns of [`List::ALL`], unpacked; all empty if the block has none.
#[derive(Default)]
pub(super) struct StoredLists([Vec<u8>; List::ALL.len()]);

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
        Ok(StoredLists(
            List::ALL.map(|list| list.bytes(&columns, &within)),
        ))
    }

    /// Returns the lists of a block; `column` returns the bytes of a list, empty if it is absent.
    pub fn read(column: impl FnMut(List) -> Vec<u8>) -> StoredLists {
        StoredLists(List::ALL.map(column))
    }

    /// Returns the columns with their tags, in the order of the file.
    pub fn columns(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let columns = self.0.iter().map(|column| &column[..]);
        List::ALL.map(List::tag).into_iter().zip(columns)
    }

    fn bytes(&self, list: List) -> &[u8] {
        &self.0[list as usize]
    }

    /// Holds the lists of a block against its `columns`, which were made from its references. Returns
    /// the distances that the block states, still to be compared; `None` if it has no lists.
    ///
    /// # Errors
    /// Errors if a list is not that of the references; the message names the tag.
    pub fn check(&self, columns: &Columns) -> Result<Option<Within>, String> {
        if self.0.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let mut lists = List::ALL.into_iter().filter(|list| list.at_unpacking());
        if let Some(wrong) = lists.find(|&list| !list.is_of(self.bytes(list), columns)) {
            let tag = wrong.tag();
            return Err(format!("its column {tag} is not that of its references"));
        }
        self.stated(columns.pages.len()).map(Some)
    }

    /// Returns the distances within the bursts of a block that lists `listed` pages, as the columns
    /// state them.
    fn stated(&self, listed: usize) -> Result<Within, String> {
        let (counts, rest) = self.bytes(List::Within).as_chunks();
        let edges = self.bytes(List::Edges);
        if counts.len() != 2 * K_MAX || !rest.is_empty() || edges.len() != 2 * listed {
            return Err("its distance columns do not fit its references".into());
        }
        let (distances, rewrites) = counts.split_at(K_MAX);
        let by_distance = |counts: &[[u8; 4]]| {
            let mut all: ByDistance = [0; K_MAX + 1];
            for (into, count) in all[1..].iter_mut().zip(counts) {
                *into = u32::from_le_bytes(*count).into();
            }
            all
        };
        let (before, behind) = edges.split_at(listed);
        let pairs = before.iter().zip(behind);
        Ok(Within {
            distances: by_distance(distances),
            rewrites: by_distance(rewrites),
            edges: pairs
                .map(|(&before, &behind)| Edges { before, behind })
                .collect(),
        })
    }
}
