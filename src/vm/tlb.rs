//! Translation look-aside buffers: a first level split for instructions and data, a second level
//! that is shared, split or absent, LRU replacement within each set, any number of entries and
//! ways; behind them the page walk. Knows nothing of frames, faults and policies: it is told which
//! page is referenced and which page leaves memory.
//!
//! Entries are tagged by process: a dense page id is one page of one process. Without tags a
//! reference by another process than that of the reference before flushes every level. Such a
//! reference cannot hit (every entry is of the process before), so hits need not look for it.

use super::counters::TlbCounters;
pub use super::geometry::{Geometry, GeometryError, Hardware, Second, Shape};
use super::walk::{Walker, radix_shifts};
use crate::trace::dense::PageKey;
use crate::units::{PageId, PageSize};

/// What the replay needs of translation. Two implementations: [`Tlbs`], and `()` for none, which
/// compiles away.
pub trait Translation {
    /// The reference bit of a page is set by walks only; else by every reference.
    const WALKS_SET_BITS: bool = false;
    /// Every reference is to be told.
    const EVERY: bool = true;

    /// The page is referenced; `now` grows with every call. True if its entry was walked to.
    fn translate(&mut self, page: PageId, ifetch: bool, now: u64) -> bool;
    /// A reference of the page faults; told before its victim leaves and before it is translated.
    fn faults(&mut self, page: PageId);
    /// The page leaves memory: entries for it are dropped.
    fn shoot_down(&mut self, page: PageId);
    /// The counters so far; `None` if nothing is modelled.
    fn counters(&self) -> Option<TlbCounters>;
}

impl Translation for () {
    const EVERY: bool = false;

    #[inline(always)]
    fn translate(&mut self, _page: PageId, _ifetch: bool, _now: u64) -> bool {
        false
    }
    #[inline(always)]
    fn faults(&mut self, _page: PageId) {}
    #[inline(always)]
    fn shoot_down(&mut self, _page: PageId) {}
    fn counters(&self) -> Option<TlbCounters> {
        None
    }
}

/// TLBs whose walks alone set reference bits.
pub struct ByWalk<T>(pub T);

impl<T: Translation> Translation for ByWalk<T> {
    const WALKS_SET_BITS: bool = true;

    #[inline(always)]
    fn translate(&mut self, page: PageId, ifetch: bool, now: u64) -> bool {
        self.0.translate(page, ifetch, now)
    }
    #[inline(always)]
    fn faults(&mut self, page: PageId) {
        self.0.faults(page);
    }
    fn shoot_down(&mut self, page: PageId) {
        self.0.shoot_down(page);
    }
    fn counters(&self) -> Option<TlbCounters> {
        self.0.counters()
    }
}

/// No entry, or an empty entry.
const NONE: u32 = u32::MAX;

/// One set-associative buffer. Where a page has its entry is kept in [`Tlbs::at`], so a hit is a
/// load and a store whatever the number of ways; sets are searched at misses only.
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
}

const L1I: usize = 0;
const L1D: usize = 1;
const L2I: usize = 2;
const L2D: usize = 3;
/// The most levels of TLBs, both halves of a split one counted.
const LEVELS: usize = 4;
/// The second level behind a first level that has none.
const ABSENT: usize = usize::MAX;
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
    /// [`L1I`], [`L1D`], [`L2I`] (also the shared one), [`L2D`]; empty where there is none.
    levels: [Level; LEVELS],
    /// The second level behind each first one, or [`ABSENT`].
    second: [usize; 2],
    /// For each page, its entry in each level.
    at: Vec<[u32; LEVELS]>,
    walker: Walker,
    tags: bool,
    /// The process of the entries, without tags.
    process: u32,
    counters: TlbCounters,
}

impl<'t> Tlbs<'t> {
    /// Empty TLBs for a trace with these pages; tables of 512 entries.
    pub fn new(geometry: &Geometry, pages: &'t [PageKey], size: PageSize) -> Tlbs<'t> {
        Tlbs::with_tables(geometry, pages, &radix_shifts(geometry, size))
    }

    /// Empty TLBs over tables of any shape: `shifts` as [`radix_shifts`] gives them.
    pub fn with_tables(geometry: &Geometry, pages: &'t [PageKey], shifts: &[u32]) -> Tlbs<'t> {
        let (l2i, l2d, second) = match geometry.l2 {
            Second::Absent => (None, None, [ABSENT; 2]),
            Second::Shared(shape) => (Some(shape), None, [L2I; 2]),
            Second::Split { instructions, data } => {
                let at = |part: Option<Shape>, level| part.map_or(ABSENT, |_| level);
                (instructions, data, [at(instructions, L2I), at(data, L2D)])
            }
        };
        let shapes = [Some(geometry.l1i), Some(geometry.l1d), l2i, l2d];
        Tlbs {
            pages,
            levels: shapes.map(|shape| Level::new(shape.unwrap_or(Shape::new(0, 1)))),
            second,
            at: vec![[NONE; LEVELS]; pages.len()],
            walker: Walker::new(geometry, shifts),
            tags: geometry.tags,
            process: NOBODY,
            counters: TlbCounters::default(),
        }
    }

    /// What a reference would find.
    pub fn probe(&self, page: PageId, ifetch: bool) -> Probe {
        let key = self.pages[page as usize];
        let first = if ifetch { L1I } else { L1D };
        let held = |level: usize| self.at[page as usize][level] != NONE;
        let second = self.second[first];
        let flushes = !self.tags && self.process != NOBODY && self.process != key.process;
        Probe {
            flushes,
            first: held(first),
            second: (second != ABSENT).then(|| held(second)),
            skips: if flushes { 0 } else { self.walker.skips(key) },
        }
    }

    /// Puts an entry into both first levels and the second ones, as if it had been there all along.
    pub fn preload(&mut self, page: PageId, now: u64) {
        self.process = self.pages[page as usize].process;
        for level in [L1I, L1D].into_iter().chain(self.second) {
            if level != ABSENT && self.at[page as usize][level] == NONE {
                self.insert(level, page, now);
            }
        }
    }

    fn insert(&mut self, level: usize, page: PageId, now: u64) {
        let number = self.pages[page as usize].number;
        let (entry, dropped) = self.levels[level].insert(page, number, now);
        if dropped != NONE {
            self.at[dropped as usize][level] = NONE;
        }
        self.at[page as usize][level] = entry;
    }

    /// The first level missed.
    #[inline(never)]
    fn miss(&mut self, page: PageId, first: usize, now: u64) -> bool {
        self.faults(page);
        let second = self.second[first];
        let walks = second == ABSENT || self.at[page as usize][second] == NONE;
        if !walks {
            let entry = self.at[page as usize][second];
            self.levels[second].used[entry as usize] = now;
            self.counters.l2_hits += 1;
        } else {
            self.counters.misses += 1;
            let read = self.walker.walk(self.pages[page as usize], now);
            self.counters.walk_refs += read;
            self.counters.walks[read as usize - 1] += 1;
            if second != ABSENT {
                self.insert(second, page, now);
            }
        }
        self.insert(first, page, now);
        walks
    }

    /// Without tags: entries of another process than `process` are flushed.
    fn switch(&mut self, process: u32) {
        let before = std::mem::replace(&mut self.process, process);
        if before == process || before == NOBODY {
            return;
        }
        self.counters.flushes += 1;
        self.walker.flush();
        for (number, level) in self.levels.iter_mut().enumerate() {
            for page in level.page.iter_mut().filter(|page| **page != NONE) {
                self.at[std::mem::replace(page, NONE) as usize][number] = NONE;
            }
        }
    }
}

impl Translation for Tlbs<'_> {
    #[inline(always)]
    fn translate(&mut self, page: PageId, ifetch: bool, now: u64) -> bool {
        let first = if ifetch { L1I } else { L1D };
        let entry = self.at[page as usize][first];
        if entry != NONE {
            self.levels[first].used[entry as usize] = now;
            self.counters.l1i_hits += u64::from(ifetch);
            self.counters.l1d_hits += u64::from(!ifetch);
            false
        } else {
            self.miss(page, first, now)
        }
    }

    /// The process may have changed, and the flush comes before all else. Told at every miss; a
    /// hit is of the process before.
    #[inline]
    fn faults(&mut self, page: PageId) {
        if !self.tags {
            self.switch(self.pages[page as usize].process);
        }
    }

    fn shoot_down(&mut self, page: PageId) {
        for level in 0..LEVELS {
            let entry = std::mem::replace(&mut self.at[page as usize][level], NONE);
            if entry != NONE {
                self.levels[level].page[entry as usize] = NONE;
                self.counters.shootdowns += 1;
            }
        }
    }

    fn counters(&self) -> Option<TlbCounters> {
        Some(self.counters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three pages in one set of two ways, drawn step by step: the set after each reference, the
    /// most recent page first.
    #[test]
    fn the_least_recent_entry_of_a_set_goes() {
        let pages: Vec<PageKey> = (0..3)
            .map(|n| PageKey {
                process: 0,
                number: n * 2,
            })
            .collect();
        let shape = Shape {
            entries: 4,
            ways: 2,
        };
        let geometry = Geometry {
            l1i: shape,
            l1d: shape,
            l2: Second::Shared(Shape::full(1)),
            levels: 3,
            ..Geometry::default()
        };
        let mut tlbs = Tlbs::new(&geometry, &pages, PageSize::DEFAULT);
        let steps: [(PageId, u64, u64); 7] = [
            (0, 0, 1), // 0
            (1, 0, 2), // 1 0
            (0, 1, 2), // 0 1
            (2, 1, 3), // 2 0    1 leaves
            (0, 2, 3), // 0 2
            (1, 2, 4), // 1 0    2 leaves
            (1, 3, 4), // 1 0
        ];
        for (now, (page, hits, misses)) in steps.into_iter().enumerate() {
            tlbs.translate(page, false, now as u64);
            let counters = tlbs.counters().unwrap();
            assert_eq!(
                (counters.l1d_hits, counters.misses),
                (hits, misses),
                "step {now}"
            );
        }
        tlbs.shoot_down(1);
        let counters = tlbs.counters().unwrap();
        assert_eq!(
            (counters.shootdowns, counters.walk_refs),
            (2, 12),
            "in L1D and in L2"
        );
    }
}
