//! 2Q, full version: new pages wait in a FIFO queue. A page that is loaded again soon after it left
//! that queue goes into an LRU queue.

use crate::policy::params::MILLION;
use crate::policy::prelude::*;
use crate::policy::support::ghosts::Ghosts;
use crate::policy::support::lists::Lists;

/// The list of new pages, by load: A1in of the paper.
const A1_IN: usize = 0;
/// The list of pages that were loaded again, by last reference.
const AM: usize = 1;

/// 2Q with three queues: A1in, Am, and A1out of pages that are not resident.
pub struct TwoQ {
    /// A1in and Am, by frame.
    lists: Lists,
    /// A1out: pages evicted from A1in.
    a1_out: Ghosts,
    /// The victim comes from A1in while it is longer than this.
    k_in: u32,
    /// The list of the last victim.
    victim_list: usize,
}

impl<'t> PolicyType<'t> for TwoQ {
    const SPEC: Spec = Spec {
        name: "2q",
        aliases: &["two-q", "2q-full"],
        family: Family::Research,
        about: "new pages wait in a FIFO; only those wanted again after it enter the LRU",
        cite: "T. Johnson, D. Shasha, \"2Q: a low overhead high performance buffer management replacement algorithm\", Proceedings of the 20th International Conference on Very Large Data Bases (VLDB), 1994",
        choices: "the full version. Kin and Kout are these fractions of the frames, rounded down, and at least 1. A page that comes in and is remembered in A1out is taken out of it before the victim, which may enter it, is chosen. When Am is empty A1in gives up its oldest page however short it is. Pages that leave Am are not remembered, nor are those that leave because no process maps them any more. libCacheSim 0.3.5 keeps no page at all where a queue would have no room, here with fewer than 4 frames: 1 1 gives 2 misses there, 1 here.",
        sees: Sees::Hits,
        complexity: "hit and fault O(1)",
        bytes: "9 bytes a frame, 4 a page, 8 to 16 a remembered page",
        repeats: HitSensitivity::Once,
        bursts: HitDelivery::OrderOfHits,
        params: &[
            Param::fraction(
                "kin",
                Some(MILLION / 4),
                0..=MILLION,
                "share of the frames that A1in may fill before it must give way",
            ),
            Param::fraction(
                "kout",
                Some(MILLION / 2),
                0..=100 * MILLION,
                "most pages remembered in A1out, in parts of the frames",
            ),
        ],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> TwoQ {
        let share = |name| setup.fraction_of(name, setup.capacity).max(1);
        TwoQ {
            lists: Lists::new(2, setup.frames),
            a1_out: Ghosts::new(setup.pages, share("kout")),
            k_in: share("kin"),
            victim_list: A1_IN,
        }
    }
}

impl Policy for TwoQ {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        if self.lists.is_in(AM, at.frame) {
            self.lists.move_front(AM, at.frame);
        }
    }

    #[inline]
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        self.a1_out.recall(request.page);
        let long = self.lists.len(A1_IN) > self.k_in || self.lists.is_empty(AM);
        let list = if long { A1_IN } else { AM };
        let (list, frame) = self.lists.back_of(list, request.spare);
        self.victim_list = list;
        self.lists.remove(frame);
        if list == A1_IN {
            self.a1_out.push(frames.page(frame));
        }
        frame
    }

    #[inline]
    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let known = self.a1_out.take(frames.page(at.frame));
        self.lists
            .push_front(if known { AM } else { A1_IN }, at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.lists.remove(frame);
    }
}

impl Explain for TwoQ {
    fn why(&self, evicted: &Evicted) -> String {
        match self.victim_list {
            A1_IN => format!("the oldest of A1in, {}", evicted.seen.arrival()),
            _ => format!("least recently used of Am, {}", evicted.seen.last()),
        }
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let names = [(AM, "Am"), (A1_IN, "A1in")];
        Some(FrameOrder::lists(
            "Am and A1in, newest first",
            &self.lists,
            names,
        ))
    }
}
