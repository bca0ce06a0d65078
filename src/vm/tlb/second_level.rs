//! What follows a miss of a first level: the second level, shared, split or absent, and the walk.
//! Keeps the counters. Does not know why the first level missed.

use super::walk::Walker;
use super::{Geometry, Pair, Second, Shape, Side};
use crate::trace::model::refs::PageKey;
use crate::units::PageId;
use crate::vm::core::counters::TlbCounters;

/// The second levels and the walker.
pub(super) struct Deeper<'t> {
    pages: &'t [PageKey],
    /// The second levels; one that is absent is empty. A shared one is that of instructions.
    second: Pair,
    /// The second level after each first level, if there is one.
    after: [Option<Side>; 2],
    pub(super) walker: Walker,
    pub(super) counters: TlbCounters,
    /// Page-table entries that the latest walk read.
    pub(super) walked: usize,
}

impl<'t> Deeper<'t> {
    /// Empty, for a trace with these pages.
    pub(super) fn new(geometry: &Geometry, pages: &'t [PageKey], shifts: &[u32]) -> Deeper<'t> {
        let (shapes, after) = match geometry.l2 {
            Second::Absent => ([None, None], [None, None]),
            Second::Shared(shape) => ([Some(shape), None], [Some(Side::Instructions); 2]),
            Second::Split { instructions, data } => (
                [instructions, data],
                [
                    instructions.map(|_| Side::Instructions),
                    data.map(|_| Side::Data),
                ],
            ),
        };
        let shapes = shapes.map(|shape| shape.unwrap_or(Shape::new(0, 1)));
        Deeper {
            pages,
            second: Pair::new(shapes, pages.len()),
            after,
            walker: Walker::new(geometry, shifts),
            counters: TlbCounters::default(),
            walked: 0,
        }
    }

    /// Returns whether the level after a first level holds the page; `None` if there is no such
    /// level.
    pub(super) fn holds(&self, page: PageId, side: Side) -> Option<bool> {
        let second = self.after[side as usize]?;
        Some(self.second.holds(second, page))
    }

    /// Puts an entry into the level after a first level.
    pub(super) fn preload(&mut self, page: PageId, side: Side, now: u64) {
        if let Some(second) = self.after[side as usize]
            && !self.second.holds(second, page)
        {
            let number = self.pages[page as usize].number;
            self.second.insert(second, page, number, now);
        }
    }

    /// Translates a reference that a first level misses. Returns true if the page's entry was
    /// walked to.
    #[inline]
    pub(super) fn translate(&mut self, page: PageId, side: Side, now: u64) -> bool {
        let second = self.after[side as usize];
        if let Some(second) = second
            && self.second.hit(second, page, now)
        {
            self.counters.l2_hits += 1;
            return false;
        }
        self.counters.misses += 1;
        let key = self.pages[page as usize];
        let read = self.walker.walk(key, now);
        self.counters.walk_refs += read;
        self.counters.walks[read as usize - 1] += 1;
        self.walked = read as usize;
        if let Some(second) = second {
            self.second.insert(second, page, key.number, now);
        }
        true
    }

    /// Drops the page.
    pub(super) fn shoot_down(&mut self, page: PageId) {
        self.counters.shootdowns += self.second.shoot_down(page);
    }

    /// Drops the entries of the page-walk caches of the page's process.
    pub(super) fn tables_change(&mut self, page: PageId) {
        self.walker.forget(self.pages[page as usize].process);
    }

    /// Drops everything, and counts that.
    pub(super) fn flush(&mut self) {
        self.counters.flushes += 1;
        self.walker.flush();
        self.second.flush();
    }
}
