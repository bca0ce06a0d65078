//! FIFO: the victim is the page that was loaded first.

use crate::policy::Seen;
use crate::policy::prelude::*;
use crate::policy::support::queue::Queue;

/// First in, first out.
pub struct Fifo {
    /// Frames by time of load, the oldest first.
    order: Queue,
}

impl<'t> PolicyType<'t> for Fifo {
    const SPEC: Spec = Spec {
        name: "fifo",
        aliases: &["first-in-first-out"],
        family: Family::Textbook,
        about: "first in, first out: evicts the page that came in first",
        cite: "L. A. Belady, R. A. Nelson, G. S. Shedler, \"An anomaly in space-time characteristics of certain programs running in a paging machine\", Communications of the ACM 12(6), 1969",
        choices: "the order is that of load: a frame that is freed leaves it, and the page that comes into that frame next is the last in it, as any page that comes in.",
        sees: Sees::Loads,
        complexity: "hit nothing, fault O(1)",
        bytes: "8 to 20 bytes a frame",
        repeats: HitSensitivity::Once,
        bursts: HitDelivery::SetBits,
        curve: Some(CurveKind::Fifo),
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Fifo {
        Fifo {
            order: Queue::new(setup.frames),
        }
    }
}

impl Policy for Fifo {
    #[inline(always)]
    fn victim(&mut self, _frames: &mut Frames, request: VictimRequest) -> FrameId {
        let oldest = self.order.pop_but(request.spare);
        oldest.expect("every frame is taken")
    }

    #[inline(always)]
    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        self.order.push(at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.order.remove(frame);
    }
}

impl Explain for Fifo {
    fn why(&self, evicted: &Evicted) -> String {
        let Seen { loaded, ahead, .. } = evicted.seen;
        match ahead {
            false => format!("loaded first, at {}", reference(loaded)),
            true => format!("first to come in, {}", evicted.seen.arrival()),
        }
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        Some(FrameOrder::plain("oldest first", self.order.iter()))
    }
}
