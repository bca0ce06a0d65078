//! OPT: the victim is the page whose next reference is farthest away. No policy that loads pages
//! on demand loads fewer.

use crate::policy::prelude::*;
use crate::policy::support::bit_set::BitSet;
use crate::simd::SimdLevel;
use crate::simd::compile_wide;
use crate::simd::compile_wide::Work;
use crate::simd::not_below::{NotBelow, not_below};
use crate::trace::model::refs::{NEVER, page_of};

/// In place of a frame: not resident.
const NOWHERE: FrameId = FrameId::MAX;

/// Up to this many frames, scanning all next uses beats the bit set.
const FEW: u32 = 256;

/// Belady's MIN. The positions of the next references to resident pages form a bit set; the
/// greatest is the farthest. Positions already passed stay in the set: every resident page has its
/// next reference later, so they are never the greatest.
///
/// With few frames the next position of each frame is kept instead, and all are scanned.
///
/// Both are updated when a victim is requested, from the next-use links of the references since the
/// last request. A page referenced again since then needs no update. So hits are not needed.
pub struct Opt<'t> {
    future: Future<'t>,
    /// References before this position are noted.
    noted: usize,
    level: SimdLevel,
    not_below: NotBelow,
    /// Positions of next references; unused with few frames.
    upcoming: BitSet,
    /// With few frames the position of the next reference to the page in each; 0 if there is no
    /// page or no such reference.
    next_of: Vec<u32>,
    /// Resident pages that are never referenced again.
    finished: BitSet,
    /// The frame of each resident page, or [`NOWHERE`].
    frame_of: Vec<FrameId>,
}

impl Opt<'_> {
    /// Notes the next use of each page referenced in `noted..time`.
    fn note_before(&mut self, time: usize) {
        let (future, not_below) = (self.future, self.not_below);
        let from = self.noted;
        self.noted = from.max(time);
        future.last_before(from, time, not_below, |page, next| self.note(page, next));
    }

    /// Notes that the next use of `page` is at `next`, if the page is resident.
    #[inline]
    fn note(&mut self, page: PageId, next: u32) {
        let frame = self.frame_of[page as usize];
        if frame == NOWHERE {
            return;
        }
        let next_of = self.next_of.get_mut(frame as usize);
        match (next, next_of) {
            (NEVER, next_of) => {
                next_of.into_iter().for_each(|next_of| *next_of = 0);
                self.finished.insert(page as usize);
            }
            (next, Some(next_of)) => *next_of = next,
            (next, None) => self.upcoming.insert(next as usize),
        }
    }

    /// Returns the resident page with the lowest number, but not the one in `spare`.
    #[cold]
    fn lowest_resident(&self, spare: Option<FrameId>) -> PageId {
        let mut frames = self.frame_of.iter();
        let lowest = frames.position(|&frame| frame != NOWHERE && Some(frame) != spare);
        lowest.expect("a page is resident") as PageId
    }

    /// Returns the page to evict, and forgets its next use: that position, or `None` for a page that
    /// is never referenced again or was loaded by the reference under way.
    #[inline(always)]
    fn choose(&mut self, request: VictimRequest) -> (PageId, Option<u32>) {
        loop {
            let choice = self.choose_noted(request);
            // A page that was freed may be referenced again: its next use stays noted.
            if self.frame_of[choice.0 as usize] != NOWHERE {
                return choice;
            }
        }
    }

    #[inline(always)]
    fn choose_noted(&mut self, request: VictimRequest) -> (PageId, Option<u32>) {
        if let Some(page) = self.finished.min() {
            self.finished.remove(page);
            return (page as PageId, Some(NEVER));
        }
        // The page that the reference under way has loaded is not noted yet.
        let farthest = self.farthest().filter(|&at| at as u64 >= request.time);
        match farthest {
            Some(position) => {
                let page = page_of(self.future.refs[position]);
                let frame = self.frame_of[page as usize];
                if let Some(next_of) = self.next_of.get_mut(frame as usize) {
                    *next_of = 0;
                }
                (page, Some(position as u32))
            }
            None => (self.lowest_resident(request.spare), None),
        }
    }

    /// Forgets `page`, which is resident, and returns its frame.
    fn forget(&mut self, page: PageId) -> FrameId {
        let frame = std::mem::replace(&mut self.frame_of[page as usize], NOWHERE);
        if let Some(next_of) = self.next_of.get_mut(frame as usize) {
            *next_of = 0;
        }
        frame
    }

    /// Returns the farthest position at which a resident page is referenced next; `None` if every
    /// resident page was loaded by the reference under way.
    fn farthest(&mut self) -> Option<usize> {
        let farthest = match self.next_of.is_empty() {
            true => self.upcoming.max(),
            false => compile_wide::run(self.level, Greatest(&self.next_of)),
        };
        if let (Some(position), true) = (farthest, self.next_of.is_empty()) {
            self.upcoming.remove(position);
        }
        farthest
    }
}

/// Finds the greatest of some positions; `None` if all are 0.
struct Greatest<'a>(&'a [u32]);

impl Work for Greatest<'_> {
    type Output = Option<usize>;
    #[inline(always)]
    fn run(self) -> Option<usize> {
        let greatest = self.0.iter().fold(0, |greatest, &next| greatest.max(next));
        (greatest > 0).then_some(greatest as usize)
    }
}

impl<'t> PolicyType<'t> for Opt<'t> {
    const SPEC: Spec = Spec {
        name: "opt",
        aliases: &["min", "belady", "optimal"],
        family: Family::Offline,
        about: "evicts the page whose next reference is farthest away: the fewest loads",
        cite: "L. A. Belady, \"A study of replacement algorithms for a virtual-storage computer\", IBM Systems Journal 5(2), 1966",
        choices: "among pages that are never referenced again the one with the lowest id (order of first reference) goes; the number of loads does not depend on it, that of write-backs does. The loads (fills, refills, cow_copies) are the fewest of all policies that load on demand, and so are the faults where no memory is shared. Elsewhere faults has maps, too, which OPT does not look at: another policy can have fewer.",
        sees: Sees::Future,
        complexity: "hit O(1) amortised, 1/64 of a vector step; fault O(log n), with 256 frames at most O(c)",
        bytes: "4 bytes a reference (shared by all sizes), a bit a reference, 4 bytes a page",
        repeats: HitSensitivity::LastTime,
        bursts: HitDelivery::SetBits,
        curve: Some(CurveKind::Opt),
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Opt<'t> {
        let few = setup.frames <= FEW;
        let positions = if few { 0 } else { setup.future.refs.len() };
        Opt {
            future: setup.future,
            level: SimdLevel::best(),
            noted: 0,
            not_below: not_below(SimdLevel::best()),
            upcoming: BitSet::new(positions),
            next_of: vec![0; if few { setup.frames as usize } else { 0 }],
            finished: BitSet::new(setup.pages),
            frame_of: vec![NOWHERE; setup.pages],
        }
    }
}

impl Policy for Opt<'_> {
    #[inline(always)]
    fn victim(&mut self, _frames: &mut Frames, request: VictimRequest) -> FrameId {
        self.note_before(request.time as usize);
        let (page, next) = self.choose(request);
        if !request.spares(self.frame_of[page as usize]) {
            return self.forget(page);
        }
        let (other, _) = self.choose(request);
        self.note(page, next.expect("another page than the lowest was there"));
        self.forget(other)
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        self.frame_of[frames.page(at.frame) as usize] = at.frame;
    }

    fn prefetched(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        let page = frames.page(at.frame);
        self.frame_of[page as usize] = at.frame;
        self.note(page, next_use);
    }

    fn file_loaded(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.prefetched(frames, at, next_use);
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        let page = frames.page(frame);
        self.forget(page);
        self.finished.remove(page as usize);
    }
}

impl Explain for Opt<'_> {
    fn why(&self, evicted: &Evicted) -> String {
        match self.future.next_of(evicted.page, evicted.time) {
            None => "never used again".into(),
            Some(next) => {
                let next = reference(next);
                format!("next used at {next}, the farthest")
            }
        }
    }

    fn order(&self, frames: &Frames, next: u64) -> Option<FrameOrder> {
        let resident = self.frame_of.iter().copied();
        let resident = resident.filter(|&frame| frame != NOWHERE);
        Some(FrameOrder::by_next_use(
            self.future.by_next_use(frames, resident, next),
        ))
    }
}
