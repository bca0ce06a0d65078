//! Lists of bursts as columns, made from the bytes of references. Knows nothing of where bursts are cut.

use super::{K_MAX, LENGTH_MAX};
use crate::simd::SimdLevel;
use crate::simd::scan::{Scan, ScanBack, Wanted, scan, scan_back};
use crate::trace::model::access::Kind;
use crate::trace::model::refs::{KIND_MASK, Ref, pack, page_of};
use crate::units::PageId;
use std::ops::Range;

/// The bursts of one size. Burst `i` lists its pages in order of first reference, from `offsets[i]`
/// to `offsets[i + 1]`; every column below `offsets` has one entry for each listed page.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Upper limit of the distinct pages of a burst.
    pub k: usize,
    /// Position of the first reference of each burst, then the position after the last reference.
    pub starts: Vec<u64>,
    /// Index of the first listed page of each burst, then the number of listed pages.
    pub offsets: Vec<usize>,
    /// Page id times two, plus one if the burst writes the page.
    pub pages: Vec<Ref>,
    /// Offset of the page's first reference from the start of the burst.
    pub first: Vec<u16>,
    /// Offset of the page's last reference from the start of the burst.
    pub last: Vec<u16>,
    /// Place of the page in the bytes of [`BurstsView::raw`](super::BurstsView::raw).
    pub places: Vec<u8>,
    /// The list of each burst in order of last reference, as indices into the list.
    pub by_last: Vec<u8>,
}

/// The list of one burst, read from its bytes: the places in order of first reference, the offsets of
/// the first and last reference of each, the order of last references, and the places written.
pub(super) struct Listing {
    scan: Scan,
    scan_back: ScanBack,
    pub(super) count: usize,
    pub(super) places: [u8; K_MAX],
    first: [u16; K_MAX],
    last: [u16; K_MAX],
    by_last: [u8; K_MAX],
    written: u64,
}

impl Listing {
    /// Returns an empty listing that scans with the loops of `level`.
    pub(super) fn new(level: SimdLevel) -> Listing {
        Listing {
            scan: scan(level),
            scan_back: scan_back(level),
            count: 0,
            places: [0; K_MAX],
            first: [0; K_MAX],
            last: [0; K_MAX],
            by_last: [0; K_MAX],
            written: 0,
        }
    }

    /// Lists the longest prefix of `raw` that uses at most `k` places and returns its length. Visits
    /// only the first reference, the first write and the last reference of each place.
    ///
    /// # Panics
    /// Panics if `raw` is longer than [`LENGTH_MAX`].
    pub(super) fn list(&mut self, raw: &[u8], k: usize) -> usize {
        assert!(raw.len() <= LENGTH_MAX);
        let mut index_of = [0u8; K_MAX];
        let (mut at, mut end) = (0, raw.len());
        let mut unseen = Wanted {
            any: u64::MAX,
            writes: u64::MAX,
        };
        self.count = 0;
        while let Some(found) = (self.scan)(raw, at, &unseen) {
            let place = raw[found] >> 2;
            let bit = 1u64 << place;
            if unseen.any & bit != 0 {
                if self.count == k {
                    end = found;
                    break;
                }
                unseen.any &= !bit;
                index_of[usize::from(place)] = self.count as u8;
                self.places[self.count] = place;
                self.first[self.count] = found as u16;
                self.count += 1;
            }
            if raw[found] & KIND_MASK == Kind::Write as u8 {
                unseen.writes &= !bit;
            }
            at = found + 1;
        }
        self.written = !unseen.writes;
        let mut open = Wanted {
            any: !unseen.any,
            writes: 0,
        };
        let mut before = end;
        for rank in (0..self.count).rev() {
            before = (self.scan_back)(raw, before, &open).expect("each place is there");
            let place = raw[before] >> 2;
            let index = index_of[usize::from(place)];
            open.any &= !(1 << place);
            self.last[usize::from(index)] = before as u16;
            self.by_last[rank] = index;
        }
        end
    }
}

impl Columns {
    /// Returns the burst that contains `position`.
    pub(super) fn burst_at(&self, position: usize) -> usize {
        let begun = |&start: &u64| start <= position as u64;
        self.starts.partition_point(begun).saturating_sub(1)
    }

    /// Returns the number of bursts.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Returns the positions of the references of `burst`.
    #[inline]
    pub fn range(&self, burst: usize) -> Range<usize> {
        self.starts[burst] as usize..self.starts[burst + 1] as usize
    }

    /// Returns the indices of the listed pages of `burst`.
    #[inline]
    pub fn list(&self, burst: usize) -> Range<usize> {
        self.offsets[burst]..self.offsets[burst + 1]
    }

    /// Returns true if there is no burst.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the mean number of references of a burst, rounded down; 0 if there is no burst.
    pub fn mean_length(&self) -> u64 {
        let [first, end] =
            [self.starts.first(), self.starts.last()].map(|at| at.map_or(0, |at| *at));
        (end - first) / self.len().max(1) as u64
    }

    /// Appends the burst `listing`, whose first reference has position `start`; `page` maps a place to
    /// its page. The last burst must be closed with [`Columns::finish`].
    pub(super) fn push(&mut self, start: usize, listing: &Listing, page: impl Fn(u8) -> PageId) {
        self.starts.push(start as u64);
        self.offsets.push(self.pages.len());
        let list = 0..listing.count;
        let places = &listing.places[list.clone()];
        let listed = |&place: &u8| pack(page(place), listing.written >> place & 1 != 0);
        self.pages.extend(places.iter().map(listed));
        self.first.extend_from_slice(&listing.first[list.clone()]);
        self.last.extend_from_slice(&listing.last[list.clone()]);
        self.places.extend_from_slice(places);
        self.by_last.extend_from_slice(&listing.by_last[list]);
    }

    /// Returns whether no burst lists a page twice. A replay by bursts takes that for granted.
    pub(super) fn lists_are_sets(&self) -> bool {
        let most = self.pages.iter().fold(0, |most, &page| most.max(page));
        let mut listed = vec![0u64; page_of(most) as usize / 64 + 1];
        (0..self.len()).all(|burst| {
            let pages = &self.pages[self.list(burst)];
            let mut twice = 0;
            for &page in pages {
                let (word, bit) = (page_of(page) as usize / 64, page_of(page) % 64);
                twice |= listed[word] >> bit & 1;
                listed[word] |= 1 << bit;
            }
            for &page in pages {
                listed[page_of(page) as usize / 64] = 0;
            }
            twice == 0
        })
    }

    /// Ends the last burst before position `end`.
    pub(super) fn finish(&mut self, end: u64) {
        self.starts.push(end);
        self.offsets.push(self.pages.len());
    }

    /// Returns columns without a burst, for bursts of at most `k` pages.
    pub(super) fn of_size(k: usize) -> Columns {
        Columns {
            k,
            ..Columns::default()
        }
    }

    /// Joins columns that follow each other; `end` is the position after the last reference.
    pub(super) fn join(k: usize, end: u64, parts: Vec<Columns>) -> Columns {
        let mut all = Columns::of_size(k);
        let lists = parts.iter().map(|part| part.pages.len()).sum();
        let bursts = parts.iter().map(Columns::len).sum::<usize>() + 1;
        all.starts.reserve_exact(bursts);
        all.offsets.reserve_exact(bursts);
        all.pages.reserve_exact(lists);
        all.first.reserve_exact(lists);
        all.last.reserve_exact(lists);
        all.places.reserve_exact(lists);
        all.by_last.reserve_exact(lists);
        for part in parts {
            // Without its end, which is the start of the next part.
            let bursts = part.len();
            let before = all.pages.len();
            let offsets = part.offsets[..bursts].iter();
            all.offsets.extend(offsets.map(|offset| offset + before));
            all.starts.extend_from_slice(&part.starts[..bursts]);
            all.pages.extend_from_slice(&part.pages);
            all.first.extend_from_slice(&part.first);
            all.last.extend_from_slice(&part.last);
            all.places.extend_from_slice(&part.places);
            all.by_last.extend_from_slice(&part.by_last);
        }
        all.finish(end);
        all
    }

    /// Returns the page of each place of `burst`, `u32::MAX` for an unused place.
    pub(super) fn table(&self, burst: usize) -> [PageId; K_MAX] {
        let mut table = [u32::MAX; K_MAX];
        let list = self.list(burst);
        for (&place, &page) in self.places[list.clone()].iter().zip(&self.pages[list]) {
            table[usize::from(place)] = page_of(page);
        }
        table
    }
}
