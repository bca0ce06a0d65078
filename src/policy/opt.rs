//! OPT: the victim is the page whose next reference is farthest away. No policy that loads pages
//! on demand has fewer faults.

use super::support::bits::BitSet;
use super::{Bursts, Family, Frames, Future, Policy, Repeats, Setup, Space, Spec, Touch, Want};
use crate::trace::dense::{NEVER, page_of};
use crate::units::FrameId;

/// Belady's MIN. The positions at which resident pages are referenced next form a set of bits;
/// the farthest is its greatest. Positions already passed stay in the set: every resident page
/// has its next reference later, so they are never the greatest.
pub struct Opt<'t> {
    future: Future<'t>,
    /// Positions of next references.
    upcoming: BitSet,
    /// Resident pages that are not referenced again.
    finished: BitSet,
    /// The frame of each resident page.
    frame_of: Vec<FrameId>,
}

impl Opt<'_> {
    #[inline(always)]
    fn note(&mut self, at: Touch) {
        let time = at.time as usize;
        let page = || page_of(self.future.refs[time]);
        match self.future.next_use[time] {
            NEVER => self.finished.insert(page() as usize),
            next => self.upcoming.insert(next as usize),
        }
    }
}

impl<'t> Policy<'t> for Opt<'t> {
    const SPEC: Spec = Spec {
        name: "opt",
        aliases: &["min", "belady", "optimal"],
        family: Family::Offline,
        about: "evicts the page whose next reference is farthest away: the fewest faults",
        cite: "L. A. Belady, \"A study of replacement algorithms for a virtual-storage computer\", IBM Systems Journal 5(2), 1966",
        choices: "among pages that are never referenced again the one with the lowest id (order of first reference) goes; the number of faults does not depend on it, that of write-backs does.",
        space: Space::Fixed,
        needs_future: true,
        repeats: Repeats::LastTime,
        bursts: Bursts::Never,
        params: &[],
    };

    fn new(setup: &Setup<'t>) -> Opt<'t> {
        Opt {
            future: setup.future,
            upcoming: BitSet::new(setup.future.refs.len()),
            finished: BitSet::new(setup.pages),
            frame_of: vec![0; setup.pages],
        }
    }

    #[inline(always)]
    fn hit(&mut self, at: Touch) {
        self.note(at);
    }

    fn victim(&mut self, _frames: &mut Frames, _want: Want) -> FrameId {
        if let Some(page) = self.finished.min() {
            self.finished.remove(page);
            return self.frame_of[page];
        }
        let position = self
            .upcoming
            .max()
            .expect("every resident page is referenced again");
        self.upcoming.remove(position);
        self.frame_of[page_of(self.future.refs[position]) as usize]
    }

    fn loaded(&mut self, frames: &mut Frames, at: Touch) {
        self.frame_of[frames.page(at.frame) as usize] = at.frame;
        self.note(at);
    }
    fn prefetched(&mut self, frames: &mut Frames, at: Touch, next_use: u32) {
        let page = frames.page(at.frame) as usize;
        self.frame_of[page] = at.frame;
        match next_use {
            NEVER => self.finished.insert(page),
            next => self.upcoming.insert(next as usize),
        }
    }

    /// A page without owners is never referenced again.
    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        self.finished.remove(frames.page(frame) as usize);
    }
}
