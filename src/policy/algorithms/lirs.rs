//! LIRS: pages with a short distance between their last two references (LIR) stay, the others (HIR)
//! share few frames. A HIR page referenced again before the LIR page referenced longest ago takes
//! the place of that page.

use crate::policy::prelude::*;
use crate::policy::support::lists::Lists;

/// The one list of the stack.
const STACK: usize = 0;
/// The one list of the queue.
const QUEUE: usize = 0;

/// Low inter-reference recency set.
///
/// The stack S holds all LIR pages and the HIR pages referenced after the lowest of them, the most
/// recent at the front. Resident pages are in it by frame; evicted pages follow these numbers, by
/// page. The queue Q holds the frames of resident HIR pages, the next victim at the back. So a
/// resident page is LIR if it is not in the queue.
pub struct Lirs {
    /// S.
    stack: Lists,
    /// Q.
    queue: Lists,
    frames: u32,
    /// The number of LIR pages.
    lirs: u32,
    /// The most LIR pages.
    max_lirs: u32,
    /// Whether the last victim was a LIR page.
    victim_was_lir: bool,
}

impl Lirs {
    /// Returns the number that stands in the stack for the evicted page `page`.
    fn ghost(&self, page: PageId) -> u32 {
        self.frames + page
    }

    fn is_lir(&self, number: u32) -> bool {
        number < self.frames && !self.queue.is_in(QUEUE, number)
    }

    /// Removes HIR pages from the bottom of the stack.
    #[inline]
    fn prune(&mut self) {
        while let Some(bottom) = self.stack.back(STACK)
            && !self.is_lir(bottom)
        {
            self.stack.remove(bottom);
        }
    }

    /// Puts a page that is in neither list on top of the stack, as LIR. If that is one too many,
    /// the lowest LIR page becomes HIR.
    fn becomes_lir(&mut self, frame: FrameId) {
        self.stack.push_front(STACK, frame);
        self.lirs += 1;
        self.prune();
        if self.lirs > self.max_lirs {
            let lowest = self.stack.pop_back(STACK).expect("it has LIR pages");
            self.queue.push_front(QUEUE, lowest);
            self.lirs -= 1;
            self.prune();
        }
    }

    /// Takes the lowest LIR page other than `spare` out of the stack and returns it.
    fn take_lowest_lir(&mut self, spare: Option<FrameId>) -> FrameId {
        self.prune();
        let bottom = self.stack.back(STACK);
        let mut upwards = std::iter::successors(bottom, |&number| self.stack.newer(number));
        let lowest = upwards.find(|&number| self.is_lir(number) && Some(number) != spare);
        let lowest = lowest.expect("every frame is taken");
        self.stack.remove(lowest);
        self.lirs -= 1;
        self.prune();
        lowest
    }

    /// Records a hit of a resident HIR page.
    fn hit_hir(&mut self, frame: FrameId) {
        self.queue.remove(frame);
        if self.stack.is_in(STACK, frame) {
            self.stack.remove(frame);
            self.becomes_lir(frame);
        } else {
            self.stack.push_front(STACK, frame);
            self.queue.push_front(QUEUE, frame);
        }
    }
}

impl<'t> PolicyType<'t> for Lirs {
    const SPEC: Spec = Spec {
        name: "lirs",
        aliases: &["low-inter-reference-recency-set"],
        family: Family::Research,
        about: "keeps the pages with the shortest distance between their last two references",
        cite: "S. Jiang, X. Zhang, \"LIRS: an efficient low inter-reference recency set replacement policy to improve buffer cache performance\", ACM SIGMETRICS, 2002",
        choices: "HIR pages have a hundredth of the frames, at least one. Until the LIR pages have their share, every page that comes in is one. Pages that have left stay in the stack until it is pruned: it has no bound, as in the paper. With one frame, or hir=1, it is LRU. libCacheSim 0.3.5 throws a page out at a hit of a resident HIR page that is not in S, and may keep more pages than there are frames: 1 2 1 2 3 1 2 with 2 frames gives 3 misses there, 4 here and under OPT.",
        sees: Sees::Hits,
        complexity: "hit and fault O(1) amortised",
        bytes: "18 bytes a frame, 9 bytes a page",
        repeats: HitSensitivity::Twice,
        params: &[Param::fraction(
            "hir",
            Some(10_000),
            0..=1_000_000,
            "frames for HIR pages, part of all",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Lirs {
        let hirs = setup.fraction_of("hir", setup.capacity).max(1);
        Lirs {
            stack: Lists::new(1, setup.frames + setup.pages as u32),
            queue: Lists::new(1, setup.frames),
            frames: setup.frames,
            lirs: 0,
            max_lirs: setup.capacity - hirs,
            victim_was_lir: false,
        }
    }
}

impl Policy for Lirs {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        if !self.is_lir(at.frame) {
            self.hit_hir(at.frame);
            return;
        }
        let was_lowest = self.stack.back(STACK) == Some(at.frame);
        self.stack.move_front(STACK, at.frame);
        if was_lowest {
            self.prune();
        }
    }

    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let hir = self.queue.back_but(QUEUE, request.spare);
        self.victim_was_lir = hir.is_none();
        let Some(frame) = hir else {
            // All are LIR: a process that has fewer frames than there are.
            return self.take_lowest_lir(request.spare);
        };
        self.queue.remove(frame);
        if self.stack.is_in(STACK, frame) {
            let ghost = self.ghost(frames.page(frame));
            self.stack.replace(frame, ghost);
        }
        frame
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let ghost = self.ghost(frames.page(at.frame));
        if self.stack.is_in(STACK, ghost) {
            self.stack.remove(ghost);
            self.becomes_lir(at.frame);
            return;
        }
        self.stack.push_front(STACK, at.frame);
        if self.lirs < self.max_lirs {
            self.lirs += 1;
        } else {
            self.queue.push_front(QUEUE, at.frame);
        }
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        let was_lir = self.is_lir(frame);
        if self.stack.is_in(STACK, frame) {
            self.stack.remove(frame);
        }
        if was_lir {
            self.lirs -= 1;
            self.prune();
        } else {
            self.queue.remove(frame);
        }
    }
}

impl Explain for Lirs {
    fn why(&self, _evicted: &Evicted) -> String {
        match self.victim_was_lir {
            true => "the lowest of the stack: there is no HIR page".into(),
            false => "the HIR page that is longest in the queue".into(),
        }
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let lirs = self.stack.iter(STACK).filter(|&number| self.is_lir(number));
        let lirs = lirs.map(|frame| (frame, "LIR".to_owned()));
        let word = |frame| match self.stack.is_in(STACK, frame) {
            true => "HIR, in the stack".to_owned(),
            false => "HIR".to_owned(),
        };
        let hirs = self.queue.iter(QUEUE).map(|frame| (frame, word(frame)));
        Some(FrameOrder {
            title: "LIR pages, most recent first, then the queue of HIR pages, newest first".into(),
            frames: lirs.chain(hirs).collect(),
        })
    }
}
