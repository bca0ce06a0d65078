//! MRU: the victim is the page referenced most recently.

use crate::policy::prelude::*;

/// In place of a stamp: the frame is empty. Stamps begin at 1.
const EMPTY: u64 = 0;

/// Most recently used: the page of the last reference. An order is needed only if that page is
/// gone.
pub struct Mru {
    /// The frame of the last reference, unless its page is gone.
    last: Option<FrameId>,
    /// For each frame the number of its last use, from `uses`; or [`EMPTY`].
    used: Vec<u64>,
    /// The number of uses so far.
    uses: u64,
}

impl<'t> PolicyType<'t> for Mru {
    const SPEC: Spec = Spec {
        name: "mru",
        aliases: &["most-recently-used"],
        family: Family::Textbook,
        about: "most recently used: evicts the page just referenced; good for loops",
        cite: "H.-T. Chou, D. J. DeWitt, \"An evaluation of buffer management strategies for relational database systems\", VLDB 1985",
        sees: Sees::Hits,
        complexity: "hit and fault O(1)",
        bytes: "8 bytes a frame",
        repeats: HitSensitivity::Once,
        bursts: HitDelivery::OrderOfHits,
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Mru {
        Mru {
            last: None,
            used: vec![EMPTY; setup.frames as usize],
            uses: 0,
        }
    }
}

impl Policy for Mru {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        self.last = Some(at.frame);
        self.uses += 1;
        self.used[at.frame as usize] = self.uses;
    }

    fn victim(&mut self, _frames: &mut Frames, request: VictimRequest) -> FrameId {
        let last = self.last.take_if(|last| !request.spares(*last));
        let last = last.or_else(|| self.latest(request.spare));
        let victim = last.expect("every frame is taken");
        self.used[victim as usize] = EMPTY;
        victim
    }

    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        self.hit(at);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.used[frame as usize] = EMPTY;
        self.last = self.last.filter(|&last| last != frame);
    }
}

impl Explain for Mru {
    fn why(&self, evicted: &Evicted) -> String {
        format!("most recently used, {}", evicted.seen.last())
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let mut order: Vec<FrameId> = self.taken().collect();
        order.sort_unstable_by_key(|&frame| std::cmp::Reverse(self.used[frame as usize]));
        Some(FrameOrder::plain("most recent first", order.into_iter()))
    }
}

impl Mru {
    /// Returns the taken frames.
    fn taken(&self) -> impl Iterator<Item = FrameId> + '_ {
        let used = self.used.iter().zip(0..);
        used.filter(|used| *used.0 != EMPTY).map(|used| used.1)
    }

    /// Returns the most recently used frame other than `spare`.
    #[cold]
    fn latest(&self, spare: Option<FrameId>) -> Option<FrameId> {
        let taken = self.taken().filter(|&frame| Some(frame) != spare);
        taken.max_by_key(|&frame| self.used[frame as usize])
    }
}
