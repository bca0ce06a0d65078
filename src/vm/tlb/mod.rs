//! Translation look-aside buffers: a first level split for instructions and data, a second level
//! that is shared, split or absent, LRU or FIFO replacement within each set, any number of entries
//! and ways; after them the page walk. Knows nothing of frames, faults and policies: the machine calls
//! it with the page that is referenced and with the page that leaves memory.
//!
//! [`Tlbs`] looks at every reference and is the plain twin of [`FollowTlbs`], which goes from miss
//! to miss of the log of a trace ([`MissLog`]).
//!
//! Entries are tagged by process: a dense page id is one page of one process. Without tags a
//! reference by another process than that of the reference before flushes every level. Such a
//! reference cannot hit (every entry is of the process before), so hits need not look for it.

mod follow;
mod miss_log;
mod second_level;
#[cfg(test)]
mod tests;
pub mod walk;

pub use self::miss_log::MissLog;
use self::second_level::Deeper;
use super::core::counters::TlbCounters;
pub use super::hardware::Hardware;
pub use super::hardware::tlb_shapes::{Geometry, Replacement, Second, Shape};
use crate::trace::model::refs::PageKey;
use crate::units::{PageId, PageSize};
pub use follow::FollowTlbs;
use walk::{radix_shifts, replaced_way};

/// What the replay needs of translation: [`Tlbs`], [`FollowTlbs`], or `()` for none, which compiles
/// away. Positions never go back from one call to the next.
pub trait Translation: Send {
    /// True: walks alone set the reference bit of a page. False: every reference sets it.
    const WALKS_SET_BITS: bool = false;
    /// True: `translate` must be called for every reference. False: only for references that fault
    /// or rebind; extra calls are harmless.
    const EVERY: bool = true;

    /// Translates the reference of `page` at position `now`, which grows with every call. Returns
    /// true if the page's entry was walked to, as far as reference bits depend on it.
    fn translate(&mut self, page: PageId, ifetch: bool, now: u64) -> bool;
    /// A reference of `page` faults. Called before its victim leaves and before it is translated.
    fn before_fault(&mut self, page: PageId);
    /// Returns how many page-table entries the latest walk read; 0 if nothing is modelled. Right
    /// after [`Translation::translate`] of a reference that faults, the walk is that reference's.
    fn walked(&self) -> usize;
    /// Drops the entries for `page` before the reference at position `before` is translated.
    fn shoot_down(&mut self, page: PageId, before: u64);
    /// An event changes the page tables of `page`'s process before the reference at position `before`
    /// is translated: its entries of the page-walk caches are dropped.
    fn tables_change(&mut self, page: PageId, before: u64);
    /// With [`WALKS_SET_BITS`](Translation::WALKS_SET_BITS): returns true if any level holds an
    /// entry for `page`.
    fn holds(&self, _page: PageId) -> bool {
        false
    }
    /// `page` lost its TLB entries but may stay resident. Its next reference, at position `before`
    /// or later, need not fault, so [`FollowTlbs`] looks it up in the log.
    fn may_stay_resident(&mut self, page: PageId, before: u64);
    /// Returns the counters before the reference at position `before`, without the table of
    /// faults; `None` if nothing is modelled.
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
    fn tables_change(&mut self, _page: PageId, _before: u64) {}
    #[inline(always)]
    fn may_stay_resident(&mut self, _page: PageId, _before: u64) {}
    fn counters(&mut self, _before: u64) -> Option<TlbCounters> {
        None
    }
}

/// No entry, or an empty entry.
const NONE: u32 = u32::MAX;

/// One set-associative buffer. [`Pair`] keeps which entry holds a page, so a hit is a load and a
/// store whatever the number of ways; sets are searched at misses only.
struct TlbLevel {
    sets: u64,
    ways: usize,
    /// The page of each entry.
    page: Vec<PageId>,
    /// When each entry was last used. With FIFO hits set it too, so that the path of a hit is one,
    /// but nothing reads it.
    used: Vec<u64>,
    /// When each entry came in, if the first in goes first; `None` with LRU.
    came: Option<Vec<u64>>,
}

impl TlbLevel {
    fn new(shape: Shape) -> TlbLevel {
        let fifo = shape.replacement == Replacement::Fifo;
        TlbLevel {
            sets: u64::from(shape.sets()),
            ways: shape.ways as usize,
            page: vec![NONE; shape.entries as usize],
            used: vec![0; shape.entries as usize],
            came: fifo.then(|| vec![0; shape.entries as usize]),
        }
    }

    /// Puts a page in its set, into an empty entry or the one that the level replaces. Returns the
    /// entry and the page that was there.
    fn insert(&mut self, page: PageId, number: u64, now: u64) -> (u32, PageId) {
        let first = (number % self.sets) as usize * self.ways;
        let set = first..first + self.ways;
        let times = self.came.as_ref().unwrap_or(&self.used);
        let chosen = replaced_way(set, times, |entry| self.page[entry] == NONE);
        self.used[chosen] = now;
        if let Some(came) = &mut self.came {
            came[chosen] = now;
        }
        (
            chosen as u32,
            std::mem::replace(&mut self.page[chosen], page),
        )
    }

    /// Empties the buffer. Calls `each` with the pages that it held.
    fn flush(&mut self, mut each: impl FnMut(PageId)) {
        for page in self.page.iter_mut().filter(|page| **page != NONE) {
            each(std::mem::replace(page, NONE));
        }
    }
}

/// What a part of a split level serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Instruction fetches. A shared second level counts as this side, too.
    Instructions,
    /// Reads and writes.
    Data,
}

impl Side {
    const BOTH: [Side; 2] = [Side::Instructions, Side::Data];

    #[inline(always)]
    fn of(ifetch: bool) -> Side {
        if ifetch {
            Side::Instructions
        } else {
            Side::Data
        }
    }
}

/// One buffer for each side, and the entry of each page in them.
struct Pair {
    levels: [TlbLevel; 2],
    /// For each page, its entry in each buffer, or [`NONE`].
    at: Vec<[u32; 2]>,
}

impl Pair {
    /// Empty buffers of these shapes for `pages` pages.
    fn new(shapes: [Shape; 2], pages: usize) -> Pair {
        Pair {
            levels: shapes.map(TlbLevel::new),
            at: vec![[NONE; 2]; pages],
        }
    }

    #[inline(always)]
    fn holds(&self, side: Side, page: PageId) -> bool {
        self.at[page as usize][side as usize] != NONE
    }

    /// Returns true if the buffer holds the page, and makes that entry the most recent one.
    #[inline(always)]
    fn hit(&mut self, side: Side, page: PageId, now: u64) -> bool {
        let entry = self.at[page as usize][side as usize];
        if entry == NONE {
            return false;
        }
        self.levels[side as usize].used[entry as usize] = now;
        true
    }

    /// Puts a page that the buffer does not hold into its set; `number` is its page number.
    fn insert(&mut self, side: Side, page: PageId, number: u64, now: u64) {
        let (entry, dropped) = self.levels[side as usize].insert(page, number, now);
        if dropped != NONE {
            self.at[dropped as usize][side as usize] = NONE;
        }
        self.at[page as usize][side as usize] = entry;
    }

    /// Drops a page from both buffers. Returns the number of entries dropped.
    fn shoot_down(&mut self, page: PageId) -> u64 {
        let mut dropped = 0;
        for (at, level) in self.at[page as usize].iter_mut().zip(&mut self.levels) {
            let entry = std::mem::replace(at, NONE);
            if entry != NONE {
                level.page[entry as usize] = NONE;
                dropped += 1;
            }
        }
        dropped
    }

    /// Empties both buffers.
    fn flush(&mut self) {
        for (side, level) in self.levels.iter_mut().enumerate() {
            level.flush(|page| self.at[page as usize][side] = NONE);
        }
    }
}

/// Stands for the process of the reference before, if there was none.
const NO_PROCESS: u32 = u32::MAX;

/// The result of a look-up that changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Whether a reference by this process flushes first.
    pub flushes: bool,
    /// Whether the first level holds the page.
    pub first: bool,
    /// Whether the second level holds the page; `None` if there is no second level.
    pub second: Option<bool>,
    /// The number of page-table levels that a walk would skip.
    pub skips: usize,
}

/// The hierarchy of TLBs and the walk. With `WALKS_SET_BITS` walks alone set reference bits.
pub struct Tlbs<'t, const WALKS_SET_BITS: bool = false> {
    pages: &'t [PageKey],
    /// The first levels.
    first: Pair,
    /// What follows a miss of the first level, and the counters.
    deeper: Deeper<'t>,
    tags: bool,
    /// The process of the entries, without tags.
    process: u32,
}

impl<'t, const WALKS_SET_BITS: bool> Tlbs<'t, WALKS_SET_BITS> {
    /// Returns empty TLBs for a trace with these pages, over tables of 512 entries.
    pub fn new(geometry: &Geometry, pages: &'t [PageKey], size: PageSize) -> Self {
        Tlbs::with_tables(geometry, pages, &radix_shifts(geometry, size))
    }

    /// Returns empty TLBs over tables of any shape: `shifts` as [`radix_shifts`] gives them.
    pub fn with_tables(geometry: &Geometry, pages: &'t [PageKey], shifts: &[u32]) -> Self {
        Tlbs {
            pages,
            first: Pair::new([geometry.l1i, geometry.l1d], pages.len()),
            deeper: Deeper::new(geometry, pages, shifts),
            tags: geometry.tags,
            process: NO_PROCESS,
        }
    }

    /// Returns what a reference would find.
    pub fn probe(&self, page: PageId, ifetch: bool) -> Probe {
        let key = self.pages[page as usize];
        let side = Side::of(ifetch);
        let flushes = !self.tags && self.process != NO_PROCESS && self.process != key.process;
        Probe {
            flushes,
            first: self.first.holds(side, page),
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
        for side in Side::BOTH {
            if !self.first.holds(side, page) {
                self.insert(side, page, now);
            }
            self.deeper.preload(page, side, now);
        }
    }

    fn insert(&mut self, side: Side, page: PageId, now: u64) {
        let number = self.pages[page as usize].number;
        self.first.insert(side, page, number, now);
    }

    /// Translates a reference that the first level misses.
    #[inline(never)]
    fn miss(&mut self, page: PageId, side: Side, now: u64) -> bool {
        self.before_fault(page);
        let walks = self.deeper.translate(page, side, now);
        self.insert(side, page, now);
        walks
    }

    /// Without tags: flushes the entries of another process than `process`.
    fn switch(&mut self, process: u32) {
        let before = std::mem::replace(&mut self.process, process);
        if before == process || before == NO_PROCESS {
            return;
        }
        self.deeper.flush();
        self.first.flush();
    }
}

impl<const WALKS_SET_BITS: bool> Translation for Tlbs<'_, WALKS_SET_BITS> {
    const WALKS_SET_BITS: bool = WALKS_SET_BITS;

    #[inline(always)]
    fn translate(&mut self, page: PageId, ifetch: bool, now: u64) -> bool {
        let side = Side::of(ifetch);
        if self.first.hit(side, page, now) {
            self.deeper.counters.l1i_hits += u64::from(ifetch);
            self.deeper.counters.l1d_hits += u64::from(!ifetch);
            false
        } else {
            self.miss(page, side, now)
        }
    }

    /// The process may have changed, and the flush comes before all else. Called at every miss; a
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
        self.deeper.counters.shootdowns += self.first.shoot_down(page);
        self.deeper.shoot_down(page);
    }

    fn tables_change(&mut self, page: PageId, _before: u64) {
        self.deeper.tables_change(page);
    }

    fn holds(&self, page: PageId) -> bool {
        let of_side =
            |side| self.first.holds(side, page) || self.deeper.holds(page, side) == Some(true);
        Side::BOTH.into_iter().any(of_side)
    }

    fn may_stay_resident(&mut self, _page: PageId, _before: u64) {}

    fn counters(&mut self, _before: u64) -> Option<TlbCounters> {
        Some(self.deeper.counters)
    }
}
