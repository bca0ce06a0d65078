//! Translation look-aside buffers: a first level split for instructions and data, a second level
//! that is shared, split or absent, LRU replacement within each set, any number of entries and
//! ways; behind them the page walk. Knows nothing of frames, faults and policies: it is told which
//! page is referenced and which page leaves memory.
//!
//! [`Tlbs`] looks at every reference and is the plain twin of [`FollowTlbs`], which goes from miss
//! to miss of the log of a trace ([`MissLog`]).
//!
//! Entries are tagged by process: a dense page id is one page of one process. Without tags a
//! reference by another process than that of the reference before flushes every level. Such a
//! reference cannot hit (every entry is of the process before), so hits need not look for it.

mod deeper;
mod follow;
mod log;
#[cfg(test)]
mod tests;

use super::counters::TlbCounters;
pub use super::geometry::{Geometry, GeometryError, Hardware, Second, Shape};
use super::walk::radix_shifts;
use crate::trace::dense::PageKey;
use crate::units::{PageId, PageSize};
use deeper::Deeper;
pub use follow::FollowTlbs;
pub use log::{Logger, MissLog};

/// What the replay needs of translation: [`Tlbs`], [`FollowTlbs`], or `()` for none, which compiles
/// away. Positions never go back from one call to the next.
pub trait Translation: Send {
    /// The reference bit of a page is set by walks only; else by every reference.
    const WALKS_SET_BITS: bool = false;
    /// It must be told of every reference; else of those that fault or change what the page is
    /// bound to, and it may be told of others.
    const EVERY: bool = true;

    /// The page is referenced at position `now`, which grows with every call. True if its entry
    /// was walked to, as far as reference bits depend on it.
    fn translate(&mut self, page: PageId, ifetch: bool, now: u64) -> bool;
    /// A reference of the page faults; told before its victim leaves and before it is translated.
    fn before_fault(&mut self, page: PageId);
    /// Returns how many page-table entries the latest walk read; 0 if nothing is modelled. Right
    /// after [`Translation::translate`] of a reference that faults, the walk is that reference's.
    fn walked(&self) -> usize;
    /// Entries for the page are dropped, before the reference at a position is translated.
    fn shoot_down(&mut self, page: PageId, before: u64);
    /// With [`WALKS_SET_BITS`](Translation::WALKS_SET_BITS): whether any level holds an entry for the
    /// page.
    fn holds(&self, _page: PageId) -> bool {
        false
    }
    /// The page may be in memory before the reference at a position though its entries were
    /// dropped by now: no fault will tell of its next reference.
    fn may_stay_resident(&mut self, page: PageId, before: u64);
    /// The counters before the reference at a position; `None` if nothing is modelled.
    fn counters(&mut self, before: u64) -> Option<TlbCounters>;
}

impl Translation for () {
    const EVERY: bool = false;

    #[inline(always)]
    fn translate(&mut self, _page: PageId, _ifetch: bool, _now: u64) -> bool {
        false
    }
    #[inline(always)]
    fn before_fault(&mut self, _page: PageId) {}
    #[inline(always)]
    fn walked(&self) -> usize {
        0
    }
    #[inline(always)]
    fn shoot_down(&mut self, _page: PageId, _before: u64) {}
    #[inline(always)]
    fn may_stay_resident(&mut self, _page: PageId, _before: u64) {}
    fn counters(&mut self, _before: u64) -> Option<TlbCounters> {
        None
    }
}

/// TLBs whose walks alone set reference bits.
pub struct ByWalk<T>(pub T);

#[deny(clippy::missing_trait_methods)]
impl<T: Translation> Translation for ByWalk<T> {
    const WALKS_SET_BITS: bool = true;

    #[inline(always)]
    fn translate(&mut self, page: PageId, ifetch: bool, now: u64) -> bool {
        self.0.translate(page, ifetch, now)
    }
    #[inline(always)]
    fn before_fault(&mut self, page: PageId) {
        self.0.before_fault(page);
    }
    #[inline(always)]
    fn walked(&self) -> usize {
        self.0.walked()
    }
    fn shoot_down(&mut self, page: PageId, before: u64) {
        self.0.shoot_down(page, before);
    }
    fn holds(&self, page: PageId) -> bool {
        self.0.holds(page)
    }
    fn may_stay_resident(&mut self, page: PageId, before: u64) {
        self.0.may_stay_resident(page, before);
    }
    fn counters(&mut self, before: u64) -> Option<TlbCounters> {
        self.0.counters(before)
    }
}

/// No entry, or an empty entry.
const NONE: u32 = u32::MAX;

/// One set-associative buffer. Who owns it keeps where a page has its entry, so a hit is a load
/// and a store whatever the number of ways; sets are searched at misses only.
struct Level {
    sets: u64,
    ways: usize,
    /// The page of each entry.
    page: Vec<PageId>,
    /// When each entry was last used.
    used: Vec<u64>,
}

impl Level {
    fn new(shape: Shape) -> Level {
        Level {
            sets: u64::from(shape.sets()),
            ways: shape.ways as usize,
            page: vec![NONE; shape.entries as usize],
            used: vec![0; shape.entries as usize],
        }
    }

    /// Puts a page in its set, into an empty entry or the least recently used one. Returns the
    /// entry and the page that was there.
    fn insert(&mut self, page: PageId, number: u64, now: u64) -> (u32, PageId) {
        let first = (number % self.sets) as usize * self.ways;
        let mut chosen = first;
        for entry in first..first + self.ways {
            if self.page[entry] == NONE {
                chosen = entry;
                break;
            }
            if self.used[entry] < self.used[chosen] {
                chosen = entry;
            }
        }
        self.used[chosen] = now;
        (
            chosen as u32,
            std::mem::replace(&mut self.page[chosen], page),
        )
    }

    /// Empties it; `each` learns which pages it held.
    fn flush(&mut self, mut each: impl FnMut(PageId)) {
        for page in self.page.iter_mut().filter(|page| **page != NONE) {
            each(std::mem::replace(page, NONE));
        }
    }
}

/// The first level that serves a reference.
#[inline(always)]
fn side_of(ifetch: bool) -> usize {
    usize::from(!ifetch)
}

/// The first level of instructions; behind it the second one, also the shared one.
const INSTRUCTIONS: usize = 0;
/// The first level of data; behind it the second one, if that is split.
const DATA: usize = 1;

/// No process was seen yet.
const NOBODY: u32 = u32::MAX;

/// What a look-up would find, without any change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// A reference by this process flushes first.
    pub flushes: bool,
    /// The first level holds the page.
    pub first: bool,
    /// The second level holds it; `None` if there is none.
    pub second: Option<bool>,
    /// Levels of the page table that a walk would skip.
    pub skips: usize,
}

/// The hierarchy of TLBs and the walk.
pub struct Tlbs<'t> {
    pages: &'t [PageKey],
    /// The first levels, [`INSTRUCTIONS`] and [`DATA`].
    first: [Level; 2],
    /// For each page, its entry in each of them.
    at: Vec<[u32; 2]>,
    /// What is behind them, and the counters.
    deeper: Deeper<'t>,
    tags: bool,
    /// The process of the entries, without tags.
    process: u32,
}

impl<'t> Tlbs<'t> {
    /// Empty TLBs for a trace with these pages; tables of 512 entries.
    pub fn new(geometry: &Geometry, pages: &'t [PageKey], size: PageSize) -> Tlbs<'t> {
        Tlbs::with_tables(geometry, pages, &radix_shifts(geometry, size))
    }

    /// Empty TLBs over tables of any shape: `shifts` as [`radix_shifts`] gives them.
    pub fn with_tables(geometry: &Geometry, pages: &'t [PageKey], shifts: &[u32]) -> Tlbs<'t> {
        Tlbs {
            pages,
            first: [geometry.l1i, geometry.l1d].map(Level::new),
            at: vec![[NONE; 2]; pages.len()],
            deeper: Deeper::new(geometry, pages, shifts),
            tags: geometry.tags,
            process: NOBODY,
        }
    }

    /// What a reference would find.
    pub fn probe(&self, page: PageId, ifetch: bool) -> Probe {
        let key = self.pages[page as usize];
        let side = side_of(ifetch);
        let flushes = !self.tags && self.process != NOBODY && self.process != key.process;
        Probe {
            flushes,
            first: self.at[page as usize][side] != NONE,
            second: self.deeper.holds(page, side),
            skips: if flushes {
                0
            } else {
                self.deeper.walker.skips(key)
            },
        }
    }

    /// Puts an entry into both first levels and the second ones, as if it had been there all along.
    pub fn preload(&mut self, page: PageId, now: u64) {
        self.process = self.pages[page as usize].process;
        for side in [INSTRUCTIONS, DATA] {
            if self.at[page as usize][side] == NONE {
                self.insert(side, page, now);
            }
            self.deeper.preload(page, side, now);
        }
    }

    fn insert(&mut self, side: usize, page: PageId, now: u64) {
        let number = self.pages[page as usize].number;
        let (entry, dropped) = self.first[side].insert(page, number, now);
        if dropped != NONE {
            self.at[dropped as usize][side] = NONE;
        }
        self.at[page as usize][side] = entry;
    }

    /// The first level missed.
    #[inline(never)]
    fn miss(&mut self, page: PageId, side: usize, now: u64) -> bool {
        self.before_fault(page);
        let walks = self.deeper.translate(page, side, now);
        self.insert(side, page, now);
        walks
    }

    /// Without tags: entries of another process than `process` are flushed.
    fn switch(&mut self, process: u32) {
        let before = std::mem::replace(&mut self.process, process);
        if before == process || before == NOBODY {
            return;
        }
        self.deeper.flush();
        for (side, level) in self.first.iter_mut().enumerate() {
            level.flush(|page| self.at[page as usize][side] = NONE);
        }
    }
}

impl Translation for Tlbs<'_> {
    #[inline(always)]
    fn translate(&mut self, page: PageId, ifetch: bool, now: u64) -> bool {
        let side = side_of(ifetch);
        let entry = self.at[page as usize][side];
        if entry != NONE {
            self.first[side].used[entry as usize] = now;
            self.deeper.counters.l1i_hits += u64::from(ifetch);
            self.deeper.counters.l1d_hits += u64::from(!ifetch);
            false
        } else {
            self.miss(page, side, now)
        }
    }

    /// The process may have changed, and the flush comes before all else. Told at every miss; a
    /// hit is of the process before.
    #[inline]
    fn before_fault(&mut self, page: PageId) {
        if !self.tags {
            self.switch(self.pages[page as usize].process);
        }
    }

    #[inline]
    fn walked(&self) -> usize {
        self.deeper.walked
    }

    fn shoot_down(&mut self, page: PageId, _before: u64) {
        for side in [INSTRUCTIONS, DATA] {
            let entry = std::mem::replace(&mut self.at[page as usize][side], NONE);
            if entry != NONE {
                self.first[side].page[entry as usize] = NONE;
                self.deeper.counters.shootdowns += 1;
            }
        }
        self.deeper.shoot_down(page);
    }

    fn holds(&self, page: PageId) -> bool {
        [INSTRUCTIONS, DATA].into_iter().any(|side| {
            self.at[page as usize][side] != NONE || self.deeper.holds(page, side) == Some(true)
        })
    }

    fn may_stay_resident(&mut self, _page: PageId, _before: u64) {}

    fn counters(&mut self, _before: u64) -> Option<TlbCounters> {
        Some(self.deeper.counters)
    }
}
