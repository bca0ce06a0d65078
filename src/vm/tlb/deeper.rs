//! What is asked when a first level misses: the second level, shared, split or absent, and the
//! walk. Keeps the counters. Does not know why the first level missed.

use super::super::counters::TlbCounters;
use super::super::walk::Walker;
use super::{DATA, Geometry, INSTRUCTIONS, Level, NONE, Second, Shape};
use crate::trace::dense::PageKey;
use crate::units::PageId;

/// The second level behind a first level that has none.
const ABSENT: usize = usize::MAX;

/// The second levels and the walker.
pub(super) struct Deeper<'t> {
    pages: &'t [PageKey],
    /// Of instructions (also the shared one) and of data; empty where there is none.
    levels: [Level; 2],
    /// The one behind each first level, or [`ABSENT`].
    behind: [usize; 2],
    /// For each page, its entry in each level.
    at: Vec<[u32; 2]>,
    pub(super) walker: Walker,
    pub(super) counters: TlbCounters,
    /// Page-table entries that the latest walk read.
    pub(super) walked: usize,
}

impl<'t> Deeper<'t> {
    /// Empty, for a trace with these pages.
    pub(super) fn new(geometry: &Geometry, pages: &'t [PageKey], shifts: &[u32]) -> Deeper<'t> {
        let (instructions, data, behind) = match geometry.l2 {
            Second::Absent => (None, None, [ABSENT; 2]),
            Second::Shared(shape) => (Some(shape), None, [INSTRUCTIONS; 2]),
            Second::Split { instructions, data } => {
                let at = |part: Option<Shape>, level| part.map_or(ABSENT, |_| level);
                (
                    instructions,
                    data,
                    [at(instructions, INSTRUCTIONS), at(data, DATA)],
                )
            }
        };
        let level = |shape: Option<Shape>| Level::new(shape.unwrap_or(Shape::new(0, 1)));
        Deeper {
            pages,
            levels: [instructions, data].map(level),
            behind,
            at: vec![[NONE; 2]; pages.len()],
            walker: Walker::new(geometry, shifts),
            counters: TlbCounters::default(),
            walked: 0,
        }
    }

    /// Whether the level behind a first level holds the page; `None` if there is none.
    pub(super) fn holds(&self, page: PageId, side: usize) -> Option<bool> {
        let level = self.behind[side];
        (level != ABSENT).then(|| self.at[page as usize][level] != NONE)
    }

    /// Puts an entry into the level behind a first level.
    pub(super) fn preload(&mut self, page: PageId, side: usize, now: u64) {
        if self.holds(page, side) == Some(false) {
            self.insert(self.behind[side], page, now);
        }
    }

    /// A first level missed the page. True if its entry was walked to.
    #[inline]
    pub(super) fn translate(&mut self, page: PageId, side: usize, now: u64) -> bool {
        let level = self.behind[side];
        if level != ABSENT {
            let entry = self.at[page as usize][level];
            if entry != NONE {
                self.levels[level].used[entry as usize] = now;
                self.counters.l2_hits += 1;
                return false;
            }
        }
        self.counters.misses += 1;
        let read = self.walker.walk(self.pages[page as usize], now);
        self.counters.walk_refs += read;
        self.counters.walks[read as usize - 1] += 1;
        self.walked = read as usize;
        if level != ABSENT {
            self.insert(level, page, now);
        }
        true
    }

    fn insert(&mut self, level: usize, page: PageId, now: u64) {
        let number = self.pages[page as usize].number;
        let (entry, dropped) = self.levels[level].insert(page, number, now);
        if dropped != NONE {
            self.at[dropped as usize][level] = NONE;
        }
        self.at[page as usize][level] = entry;
    }

    /// Drops the page.
    pub(super) fn shoot_down(&mut self, page: PageId) {
        for level in [INSTRUCTIONS, DATA] {
            let entry = std::mem::replace(&mut self.at[page as usize][level], NONE);
            if entry != NONE {
                self.levels[level].page[entry as usize] = NONE;
                self.counters.shootdowns += 1;
            }
        }
    }

    /// Drops everything, and counts that.
    pub(super) fn flush(&mut self) {
        self.counters.flushes += 1;
        self.walker.flush();
        for (number, level) in self.levels.iter_mut().enumerate() {
            level.flush(|page| self.at[page as usize][number] = NONE);
        }
    }
}
