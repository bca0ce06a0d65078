//! OPT with an eye on write-backs: a dirty page is evicted only if its next reference is farther
//! away than that of a clean page by a given factor. A heuristic, not an optimum.

use crate::policy::prelude::*;
use crate::policy::support::bit_set::BitSet;
use crate::simd::SimdLevel;
use crate::simd::not_below::{NotBelow, not_below};
use crate::trace::model::refs::{NEVER, page_of};

/// In place of a frame: not resident.
const NOWHERE: FrameId = FrameId::MAX;

/// The clean resident pages, or the dirty ones.
struct Pages {
    /// The positions of their next references. Positions already passed stay: that of a resident
    /// page is later.
    upcoming: BitSet,
    /// The pages that are never referenced again.
    finished: BitSet,
}

impl Pages {
    fn new(positions: usize, pages: usize) -> Pages {
        Pages {
            upcoming: BitSet::new(positions),
            finished: BitSet::new(pages),
        }
    }

    /// Returns the farthest position of a next reference, if it is not before `time`.
    fn farthest(&self, time: usize) -> Option<usize> {
        self.upcoming.max().filter(|&position| position >= time)
    }
}

/// Writeback-aware OPT. As in OPT, next references are noted when a victim is requested, and only
/// those of pages not referenced again in the meantime. A page noted as clean is clean until then.
pub struct OptWb<'t> {
    future: Future<'t>,
    /// References before this position are noted.
    noted: usize,
    not_below: NotBelow,
    clean: Pages,
    dirty: Pages,
    /// The frame of each resident page, or [`NOWHERE`].
    frame_of: Vec<FrameId>,
    /// The factor by which the distance to the next use of a clean page is multiplied.
    weight: u64,
    /// Whether the last victim was dirty.
    victim_dirty: bool,
}

impl OptWb<'_> {
    /// Notes the next use of each page referenced in `noted..time`.
    fn note_before(&mut self, frames: &Frames, time: usize) {
        let (future, not_below) = (self.future, self.not_below);
        let from = self.noted;
        self.noted = from.max(time);
        let note = |page, next| self.note(frames, page, next);
        future.last_before(from, time, not_below, note);
    }

    /// Notes that the next use of `page` is at `next`, if the page is resident.
    #[inline]
    fn note(&mut self, frames: &Frames, page: PageId, next: u32) {
        let frame = self.frame_of[page as usize];
        if frame == NOWHERE {
            return;
        }
        let pages = match frames.dirty(frame) {
            true => &mut self.dirty,
            false => &mut self.clean,
        };
        match next {
            NEVER => pages.finished.insert(page as usize),
            next => pages.upcoming.insert(next as usize),
        }
    }

    /// Returns the resident page with the lowest number and whether it is dirty: where no page is
    /// noted, because the reference under way has loaded them all.
    #[cold]
    fn lowest_resident(&self, frames: &Frames, spare: Option<FrameId>) -> (PageId, bool) {
        let mut resident = self.frame_of.iter().zip(0..);
        let lowest = resident.find(|(frame, _)| **frame != NOWHERE && Some(**frame) != spare);
        let (&frame, page) = lowest.expect("a page is resident");
        (page, frames.dirty(frame))
    }

    /// Returns the page to evict and whether it is dirty, and forgets its next use. Also returns
    /// that position, [`NEVER`] for a page that is not referenced again.
    #[inline(always)]
    fn choose(
        &mut self,
        frames: &Frames,
        time: usize,
        spare: Option<FrameId>,
    ) -> (PageId, bool, u32) {
        loop {
            let choice = self.choose_noted(frames, time, spare);
            // A page that was freed may be referenced again: its next use stays noted.
            if self.frame_of[choice.0 as usize] != NOWHERE {
                return choice;
            }
        }
    }

    #[inline(always)]
    fn choose_noted(
        &mut self,
        frames: &Frames,
        time: usize,
        spare: Option<FrameId>,
    ) -> (PageId, bool, u32) {
        if let Some(page) = self.clean.finished.min() {
            self.clean.finished.remove(page);
            return (page as PageId, false, NEVER);
        }
        let clean = self.clean.farthest(time);
        let dirty_finished = self.dirty.finished.min();
        let end = self.future.refs.len();
        let dirty = match dirty_finished {
            Some(_) => Some(end),
            None => self.dirty.farthest(time),
        };
        let score = |position: usize, weight| (position - time) as u64 * weight;
        let clean_score = clean.map(|position| score(position, self.weight));
        if clean.is_none() && dirty.is_none() {
            let (page, is_dirty) = self.lowest_resident(frames, spare);
            return (page, is_dirty, NEVER);
        }
        let (pages, position) = if clean_score >= dirty.map(|position| score(position, 1)) {
            (&mut self.clean, clean.expect("it scores"))
        } else if let Some(page) = dirty_finished {
            self.dirty.finished.remove(page);
            return (page as PageId, true, NEVER);
        } else {
            (&mut self.dirty, dirty.expect("it scores"))
        };
        pages.upcoming.remove(position);
        let is_dirty = Some(position) != clean;
        let page = page_of(self.future.refs[position]);
        (page, is_dirty, position as u32)
    }
}

impl<'t> PolicyType<'t> for OptWb<'t> {
    const SPEC: Spec = Spec {
        name: "opt-wb",
        aliases: &["writeback-aware-opt"],
        family: Family::Offline,
        about: "as OPT, but spares dirty pages: a heuristic that knows the future, no bound",
        cite: "the problem: N. Beckmann, P. B. Gibbons, B. Haeupler, C. McGuffey, \"Writeback-aware caching\", SIAM Symposium on Algorithmic Principles of Computer Systems (APOCS), 2020",
        choices: "a heuristic of this program, not an algorithm of the paper, which poses the problem. It is no optimum and no bound: it can cost more than OPT, and have as many write-backs. The page with the greatest distance to its next reference leaves, that of a dirty page divided by 1 + write-cost; write-cost is the cost of a write-back in those of a fault. A clean page not referenced again leaves first; for a dirty one the end of the trace stands in for the next reference. Among equals a clean page leaves, then the one with the lower id (order of first reference). With write-cost=0 it has as many faults as OPT. Distances are counted in references of the trace, those of all processes, with frames by process, too.",
        sees: Sees::Future,
        complexity: "hit O(1) amortised, 1/64 of a vector step; fault O(log n)",
        bytes: "4 bytes a reference (shared by all sizes), 2 bits a reference, 4 bytes a page",
        repeats: HitSensitivity::All,
        bursts: HitDelivery::SetBits,
        params: &[Param::count(
            "write-cost",
            Some(1),
            0..=1000,
            "cost of writing a page back, in faults",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> OptWb<'t> {
        let pages = || Pages::new(setup.future.refs.len(), setup.pages);
        OptWb {
            future: setup.future,
            noted: 0,
            not_below: not_below(SimdLevel::best()),
            clean: pages(),
            dirty: pages(),
            frame_of: vec![NOWHERE; setup.pages],
            weight: 1 + setup.number("write-cost"),
            victim_dirty: false,
        }
    }
}

impl Policy for OptWb<'_> {
    #[inline(always)]
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let time = request.time as usize;
        self.note_before(frames, time);
        let (mut page, mut is_dirty, next) = self.choose(frames, time, request.spare);
        if request.spares(self.frame_of[page as usize]) {
            let spared = (page, is_dirty, next);
            (page, is_dirty, _) = self.choose(frames, time, request.spare);
            // It was noted, so it was not the lowest of those that are not.
            let (spared, was_dirty, next) = spared;
            let pages = match was_dirty {
                true => &mut self.dirty,
                false => &mut self.clean,
            };
            match next {
                NEVER => pages.finished.insert(spared as usize),
                next => pages.upcoming.insert(next as usize),
            }
        }
        self.victim_dirty = is_dirty;
        std::mem::replace(&mut self.frame_of[page as usize], NOWHERE)
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        self.frame_of[frames.page(at.frame) as usize] = at.frame;
    }

    fn prefetched(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        let page = frames.page(at.frame);
        self.frame_of[page as usize] = at.frame;
        self.note(frames, page, next_use);
    }

    fn file_hit(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        if frames.dirty(at.frame) {
            self.dirtied(frames, at, next_use);
        }
    }

    /// The page may have been noted as clean.
    fn dirtied(&mut self, frames: &Frames, at: PageAccess, next_use: u32) {
        let page = frames.page(at.frame) as usize;
        if next_use == NEVER {
            if self.clean.finished.contains(page) {
                self.clean.finished.remove(page);
                self.dirty.finished.insert(page);
            }
        } else if self.clean.upcoming.contains(next_use as usize) {
            self.clean.upcoming.remove(next_use as usize);
            self.dirty.upcoming.insert(next_use as usize);
        }
    }

    fn file_loaded(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.prefetched(frames, at, next_use);
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        let page = frames.page(frame) as usize;
        self.frame_of[page] = NOWHERE;
        self.clean.finished.remove(page);
        self.dirty.finished.remove(page);
    }
}

impl Explain for OptWb<'_> {
    fn why(&self, evicted: &Evicted) -> String {
        let next = match self.future.next_of(evicted.page, evicted.time) {
            None => "never used again".into(),
            Some(next) => format!("next used at {}", reference(next)),
        };
        match self.victim_dirty {
            true => format!("{next}: far enough to be worth a write-back"),
            false => format!("clean, {next}"),
        }
    }

    fn order(&self, frames: &Frames, next: u64) -> Option<FrameOrder> {
        let resident = self.frame_of.iter().copied();
        let resident = resident.filter(|&frame| frame != NOWHERE);
        let order = self.future.by_next_use(frames, resident, next);
        let mut state = FrameOrder::by_next_use(order);
        for (frame, word) in &mut state.frames {
            *word += if frames.dirty(*frame) {
                ", dirty"
            } else {
                ", clean"
            };
        }
        Some(state)
    }
}
