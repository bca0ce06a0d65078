//! The columns of bursts, and how the bytes of references and the lists of a file become some.
//! Knows nothing of where bursts are cut.

use super::{K_MAX, LENGTH_MAX};
use crate::simd::Level;
use crate::simd::scan::{Scan, ScanBack, Wanted, scan, scan_back};
use crate::trace::dense::{KIND_MASK, Ref, pack, page_of};
use crate::trace::record::Kind;
use crate::units::PageId;
use std::ops::Range;

/// The bursts of one size. The pages of burst `i`, in order of first reference, are those from
/// `offsets[i]` to `offsets[i + 1]`; likewise all that there is of each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The most distinct pages of a burst.
    pub k: usize,
    /// The position of the first reference of each burst, and of the trace's end.
    pub starts: Vec<u64>,
    /// Where the list of each burst begins, and the end of the last.
    pub offsets: Vec<usize>,
    /// The pages: times two, plus one if the burst writes it.
    pub pages: Vec<Ref>,
    /// How far behind the burst's start each page is referenced first.
    pub first: Vec<u16>,
    /// And last.
    pub last: Vec<u16>,
    /// The place of each page in the bytes of [`super::View::raw`].
    pub places: Vec<u8>,
    /// The burst's list in order of last reference: indices into the list.
    pub by_last: Vec<u8>,
}

/// A page of a burst, as it is stored.
pub(in crate::trace) struct Listed {
    pub(in crate::trace) page: PageId,
    pub(in crate::trace) written: bool,
    /// Where it is referenced first and last, from the burst's start.
    pub(in crate::trace) first: u16,
    pub(in crate::trace) last: u16,
}

/// What the bytes of one burst say: its places in order of first reference, where each is
/// referenced first and last, the list in order of last reference, and the places written.
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
    /// With the loops of a level.
    pub(super) fn new(level: Level) -> Listing {
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

    /// Lists bytes up to the first of a `k + 1`st place; says how many. Looks only at those that
    /// are the first, the first to write or the last of their place.
    ///
    /// # Panics
    /// If there are more than [`LENGTH_MAX`].
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
    /// The burst that has a position in it.
    pub(super) fn burst_at(&self, position: usize) -> usize {
        let begun = |&start: &u64| start <= position as u64;
        self.starts.partition_point(begun).saturating_sub(1)
    }

    /// The number of bursts.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The positions of a burst's references.
    #[inline]
    pub fn range(&self, burst: usize) -> Range<usize> {
        self.starts[burst] as usize..self.starts[burst + 1] as usize
    }

    /// Where the list of a burst stands.
    #[inline]
    pub fn list(&self, burst: usize) -> Range<usize> {
        self.offsets[burst]..self.offsets[burst + 1]
    }

    /// True without bursts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// References of a burst, on the average.
    pub fn mean_length(&self) -> u64 {
        let [first, end] =
            [self.starts.first(), self.starts.last()].map(|at| at.map_or(0, |at| *at));
        (end - first) / self.len().max(1) as u64
    }

    /// Appends the burst of a listing; `page` tells the page of a place.
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

    /// The bursts of a block that begins at a position, from what is stored of their lists. The
    /// places are those of the encoder. Errors say which rule the lists break.
    pub(in crate::trace) fn of_lists(
        start: u64,
        lengths: &[u16],
        counts: &[u8],
        listed: &[Listed],
        distinct: usize,
    ) -> Result<Columns, &'static str> {
        let mut columns = Columns::of_size(K_MAX);
        let (mut at, mut rest) = (start, listed);
        if lengths.len() != counts.len() {
            return Err("burst lengths do not add up");
        }
        for (&length, &count) in lengths.iter().zip(counts) {
            let count = usize::from(count);
            let fits = (1..=K_MAX.min(rest.len())).contains(&count);
            let list = rest.get(..count).filter(|_| fits);
            let list = list.ok_or("a burst has no references or too many pages")?;
            let in_order = list.is_sorted_by(|a, b| a.first < b.first) && list[0].first == 0;
            let inside = |page: &Listed| page.first <= page.last && page.last < length;
            if !in_order || !list.iter().all(inside) {
                return Err("a page is listed where it is not referenced");
            }
            if list.iter().any(|listed| listed.page as usize >= distinct) {
                return Err("a page id is not in the dictionary");
            }
            columns.starts.push(at);
            columns.offsets.push(columns.pages.len());
            columns
                .pages
                .extend(list.iter().map(|l| pack(l.page, l.written)));
            columns.first.extend(list.iter().map(|l| l.first));
            columns.last.extend(list.iter().map(|l| l.last));
            columns.places.extend(0..count as u8);
            let mut order: Vec<u8> = (0..count as u8).collect();
            order.sort_unstable_by_key(|&index| list[usize::from(index)].last);
            columns.by_last.extend(order);
            at += u64::from(length);
            rest = &rest[count..];
        }
        match rest.is_empty() {
            true => Ok(columns),
            false => Err("page lists do not add up"),
        }
    }

    /// Ends the last burst at a position.
    pub(super) fn finish(&mut self, end: u64) {
        self.starts.push(end);
        self.offsets.push(self.pages.len());
    }

    /// No bursts yet, of a size.
    pub(super) fn of_size(k: usize) -> Columns {
        Columns {
            k,
            ..Columns::default()
        }
    }

    /// One after the other.
    pub(super) fn join(k: usize, end: u64, parts: Vec<Columns>) -> Columns {
        let mut all = Columns::of_size(k);
        let lists = parts.iter().map(|part| part.pages.len()).sum();
        let bursts = parts.iter().map(|part| part.starts.len()).sum::<usize>() + 1;
        all.starts.reserve_exact(bursts);
        all.offsets.reserve_exact(bursts);
        all.pages.reserve_exact(lists);
        all.first.reserve_exact(lists);
        all.last.reserve_exact(lists);
        all.places.reserve_exact(lists);
        all.by_last.reserve_exact(lists);
        for part in parts {
            let lists = part.offsets.iter().map(|offset| offset + all.pages.len());
            all.offsets.extend(lists);
            all.starts.extend_from_slice(&part.starts);
            all.pages.extend_from_slice(&part.pages);
            all.first.extend_from_slice(&part.first);
            all.last.extend_from_slice(&part.last);
            all.places.extend_from_slice(&part.places);
            all.by_last.extend_from_slice(&part.by_last);
        }
        all.finish(end);
        all
    }

    /// The page of each place of a burst, `u32::MAX` where it has none.
    pub(super) fn table(&self, burst: usize) -> [PageId; K_MAX] {
        let mut table = [u32::MAX; K_MAX];
        let list = self.list(burst);
        for (&place, &page) in self.places[list.clone()].iter().zip(&self.pages[list]) {
            table[usize::from(place)] = page_of(page);
        }
        table
    }
}
