//! SIEVE: FIFO with a hand that does not move the pages which it spares.

use crate::policy::prelude::*;
use crate::policy::support::lists::Lists;

/// The one list.
const QUEUE: usize = 0;

/// SIEVE.
pub struct Sieve {
    /// Frames by time of load, the newest at the front.
    queue: Lists,
    /// The frame at which the next search begins; the oldest one if `None`.
    hand: Option<FrameId>,
}

impl<'t> PolicyType<'t> for Sieve {
    const SPEC: Spec = Spec {
        name: "sieve",
        aliases: &[],
        family: Family::Research,
        about: "a hand sweeps a FIFO queue from old to new; pages that it spares stay in place",
        cite: "Y. Zhang, J. Yang, Y. Yue, Y. Vigfusson, K. V. Rashmi, \"SIEVE is simpler than LRU: an efficient turn-key eviction algorithm for web caches\", USENIX Symposium on Networked Systems Design and Implementation (NSDI), 2024",
        choices: "the visited bit is the reference bit, clear after the load. When the newest page leaves, the hand starts again at the oldest one.",
        sees: Sees::Bits,
        complexity: "hit sets a bit; fault O(1) amortised, O(c) at worst",
        bytes: "9 bytes a frame",
        repeats: HitSensitivity::Twice,
        bursts: HitDelivery::SetBits,
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Sieve {
        Sieve {
            queue: Lists::new(1, setup.frames),
            hand: None,
        }
    }
}

impl Policy for Sieve {
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        loop {
            let at = self.hand.or(self.queue.back(QUEUE));
            let frame = at.expect("every frame is taken");
            self.hand = self.queue.newer(frame);
            if request.spares(frame) {
                continue;
            }
            if !frames.referenced(frame) {
                self.queue.remove(frame);
                return frame;
            }
            frames.clear_referenced(frame);
        }
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        frames.clear_referenced(at.frame);
        self.queue.push_front(QUEUE, at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        if self.hand == Some(frame) {
            self.hand = self.queue.newer(frame);
        }
        self.queue.remove(frame);
    }
}

impl Explain for Sieve {
    fn why(&self, _evicted: &Evicted) -> String {
        "reference bit 0 at the hand: not referenced since it came in or the hand last passed"
            .into()
    }

    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let word = |frame| {
            let hand = if self.hand == Some(frame) {
                ", the hand"
            } else {
                ""
            };
            format!("bit {}{hand}", u8::from(frames.referenced(frame)))
        };
        let newest_first = self.queue.iter(QUEUE);
        Some(FrameOrder::with_words("newest first", newest_first, word))
    }
}
