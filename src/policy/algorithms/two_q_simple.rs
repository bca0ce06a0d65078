//! 2Q, simplified version: new pages wait in a FIFO queue. A reference to a page there moves it to
//! an LRU queue.

use crate::policy::params::MILLION;
use crate::policy::prelude::*;
use crate::policy::support::lists::Lists;

/// The list of pages not referenced since their load, by load.
const A1: usize = 0;
/// The list of the others, by last reference.
const AM: usize = 1;

/// 2Q with two queues, both of resident pages.
pub struct TwoQSimple {
    /// A1 and Am, by frame.
    lists: Lists,
    /// The victim comes from A1 while it is longer than this.
    k_in: u32,
    /// The list of the last victim.
    victim_list: usize,
}

impl<'t> PolicyType<'t> for TwoQSimple {
    const SPEC: Spec = Spec {
        name: "2q-simple",
        aliases: &["two-q-simple", "simplified-2q"],
        family: Family::Research,
        about: "new pages wait in a FIFO; a reference there moves them to the LRU",
        cite: "T. Johnson, D. Shasha, \"2Q: a low overhead high performance buffer management replacement algorithm\", Proceedings of the 20th International Conference on Very Large Data Bases (VLDB), 1994",
        choices: "the simplified version, which remembers no pages that have left. The threshold of A1 is this fraction of the frames, rounded down, and at least 1. When Am is empty A1 gives up its oldest page however short it is.",
        sees: Sees::Hits,
        complexity: "hit and fault O(1)",
        bytes: "9 bytes a frame",
        repeats: HitSensitivity::Twice,
        bursts: HitDelivery::OrderOfHits,
        params: &[Param::fraction(
            "kin",
            Some(MILLION / 4),
            0..=MILLION,
            "share of the frames that A1 may fill before it must give way",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> TwoQSimple {
        let share = setup.fraction_of("kin", setup.capacity);
        TwoQSimple {
            lists: Lists::new(2, setup.frames),
            k_in: share.max(1),
            victim_list: A1,
        }
    }
}

impl Policy for TwoQSimple {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        self.lists.move_front(AM, at.frame);
    }

    #[inline(always)]
    fn victim(&mut self, _frames: &mut Frames, request: VictimRequest) -> FrameId {
        let long = self.lists.len(A1) > self.k_in || self.lists.is_empty(AM);
        let list = if long { A1 } else { AM };
        let (list, frame) = self.lists.back_of(list, request.spare);
        self.victim_list = list;
        self.lists.remove(frame);
        frame
    }

    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        self.lists.push_front(A1, at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.lists.remove(frame);
    }
}

impl Explain for TwoQSimple {
    fn why(&self, evicted: &Evicted) -> String {
        match self.victim_list {
            A1 => format!(
                "the oldest of A1, {}, not referenced again",
                evicted.seen.arrival()
            ),
            _ => format!("least recently used of Am, {}", evicted.seen.last()),
        }
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let names = [(AM, "Am"), (A1, "A1")];
        Some(FrameOrder::lists(
            "Am and A1, newest first",
            &self.lists,
            names,
        ))
    }
}
