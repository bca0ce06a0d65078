//! A mapping: a range of bytes with a protection and a backing. Knows nothing of processes and events.

use crate::trace::model::event::{Backing, Mapping, Protection};
use crate::units::PageSize;
use std::ops::Range;
use std::sync::Arc;

/// One mapping, or what later events left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vma {
    /// The first byte.
    pub start: u64,
    /// The first byte behind it.
    pub end: u64,
    /// The first byte of the mapping when it was made or moved: offsets count from here.
    pub origin: u64,
    /// The offset of the byte at `origin` in the file, or in the shared memory. Below 0 for a part of a
    /// stack that grew beyond the first byte of its file, and moved then.
    pub base: i128,
    /// The kinds of access that it allows.
    pub protection: Protection,
    /// Whether writes are seen by all processes that map the same.
    pub shared: bool,
    /// Whether it is a stack.
    pub grows_down: bool,
    /// The initial content of its pages. The length of a file is the present one.
    pub backing: Backing,
    /// Whether its file is memory, so that its dirty pages go to swap.
    pub swap_backed: bool,
    /// Identifies shared anonymous memory; every map event has its own.
    pub region: u32,
    /// The page size that the program asked for.
    pub page_size: Option<PageSize>,
    /// Whether its bytes count against the commit limit.
    pub charged: bool,
    /// Whether any page of it was private memory of its process, or of one that it was forked from: a
    /// copy of a page of its file, or of what lies beyond the end of that. False of anonymous memory.
    pub has_copies: bool,
    /// Its name.
    pub name: Arc<str>,
}

impl Vma {
    /// Creates the mapping of an event over `range`.
    pub fn of(mapping: &Mapping, range: Range<u64>, region: u32) -> Vma {
        let mut vma = Vma {
            start: range.start,
            end: range.end,
            origin: range.start,
            base: match mapping.backing {
                Backing::Anonymous => 0,
                Backing::File { offset, .. } => offset.into(),
            },
            protection: mapping.protection,
            shared: mapping.shared,
            grows_down: mapping.grows_down,
            backing: mapping.backing,
            swap_backed: mapping.swap_backed,
            region,
            page_size: mapping.page_size,
            charged: false,
            has_copies: false,
            name: mapping.name.as_str().into(),
        };
        vma.charged = vma.chargeable();
        vma
    }

    /// Returns `part`, a part of its range, as a mapping.
    pub(super) fn part(&self, part: Range<u64>) -> Vma {
        Vma {
            start: part.start,
            end: part.end,
            ..self.clone()
        }
    }

    /// Returns its length in bytes.
    pub fn bytes(&self) -> u64 {
        self.end - self.start
    }

    /// Returns the offset of `address` as [`Vma::offset_of`] does, without wrapping around.
    pub fn exact_offset_of(&self, address: u64) -> i128 {
        i128::from(address) - i128::from(self.origin) + self.base
    }

    /// Returns whether `address` is of a file, and beyond its end.
    pub fn is_beyond_eof(&self, address: u64) -> bool {
        match self.backing {
            Backing::Anonymous => false,
            // A page may begin before its mapping, and offsets may be as large as 2^64 - 1.
            Backing::File { length, .. } => self.exact_offset_of(address) >= i128::from(length),
        }
    }

    /// Returns what lies in `part`, a part of its range, as it is at `start` after a move.
    pub fn moved(&self, part: Range<u64>, start: u64) -> Vma {
        Vma {
            start,
            end: start + (part.end - part.start),
            origin: start,
            base: self.exact_offset_of(part.start),
            ..self.clone()
        }
    }

    /// Returns whether it goes on where `before` ends and allows the same, so that a kernel has one mapping
    /// for both.
    pub(super) fn continues(&self, before: &Vma) -> bool {
        let kind = |vma: &Vma| (vma.protection, vma.shared, vma.grows_down, vma.swap_backed);
        let is_next = before.end == self.start && kind(self) == kind(before);
        let goes_on = self.exact_offset_of(self.start) == before.exact_offset_of(self.start);
        let same_bytes = match (self.backing, before.backing) {
            (Backing::Anonymous, Backing::Anonymous) => {
                !self.shared || self.region == before.region && goes_on
            }
            (Backing::File { file, .. }, Backing::File { file: other, .. }) => {
                file == other && goes_on
            }
            _ => false,
        };
        is_next && same_bytes
    }

    /// Returns whether it counts against the commit limit: private and writable, or shared without
    /// a file.
    pub(super) fn chargeable(&self) -> bool {
        match self.shared {
            true => self.backing == Backing::Anonymous,
            false => self.protection.write,
        }
    }

    /// Returns whether a fault fills each of its page-table entries again: it is shared, or of a file and
    /// without private memory.
    pub fn can_be_filled(&self) -> bool {
        self.shared || self.backing != Backing::Anonymous && !self.has_copies
    }

    /// Returns the offset of `address` in the mapping, or in its file. An address shortly before
    /// the mapping, as on its first page, wraps around.
    pub fn offset_of(&self, address: u64) -> u64 {
        self.exact_offset_of(address) as u64
    }
}

/// Returns the number of pages of `1 << shift` bytes of each of `vmas`, which are in order and without
/// overlap. A page that several share counts with the lowest.
pub fn pages_of_each(vmas: &[Vma], shift: u32) -> impl Iterator<Item = u64> {
    // The first page of which no lower mapping has a part.
    let mut free = 0;
    vmas.iter().map(move |vma| {
        let behind = ((vma.end - 1) >> shift) + 1;
        let first = (vma.start >> shift).max(std::mem::replace(&mut free, behind));
        behind - first.min(behind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_several_mappings_counts_with_the_lowest() {
        let map = |(start, length): (u64, u64)| {
            let mapping = Mapping::anonymous(start, length, Protection::RW);
            Vma::of(&mapping, start..start + length, 0)
        };
        let ranges = [0x1000, 0x3000, 0xf000, 0x1_2000].map(|start| (start, 0x1000));
        let vmas: Vec<Vma> = ranges
            .into_iter()
            .chain([(0x2_f000, 0x2000)])
            .map(map)
            .collect();
        let each = |shift| pages_of_each(&vmas, shift).collect::<Vec<u64>>();
        assert_eq!(each(12), [1, 1, 1, 1, 2]);
        assert_eq!(each(16), [1, 0, 0, 1, 2]);
        assert_eq!(each(21), [1, 0, 0, 0, 0]);
    }
}
