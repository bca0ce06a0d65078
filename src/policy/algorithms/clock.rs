//! Clock: FIFO with a second chance for pages whose reference bit is set.

use crate::policy::prelude::*;
use crate::policy::support::queue::Queue;

/// Clock, kept as a queue: the hand stands at its front, and a page that the hand passes moves to
/// the back. That is the circle of the textbooks, cut where the hand stands.
pub struct Clock {
    /// Frames from the hand on.
    order: Queue,
    /// Whether the reference bit stays set on load.
    load_bit: bool,
}

impl<'t> PolicyType<'t> for Clock {
    const SPEC: Spec = Spec {
        name: "clock",
        aliases: &["second-chance"],
        family: Family::Textbook,
        about: "FIFO order, but a referenced page loses its bit instead of its frame",
        cite: "F. J. Corbato, \"A paging experiment with the Multics system\", MIT Project MAC report MAC-M-384, 1968",
        choices: "the reference bit is set on load (most textbooks); load-bit=0 is the other published family, in which only a later reference sets it. The hand moves past the page that it loads.",
        sees: Sees::Bits,
        complexity: "hit sets a bit; fault O(1) amortised, O(c) at worst",
        bytes: "8 to 20 bytes a frame",
        repeats: HitSensitivity::Twice,
        bursts: HitDelivery::SetBits,
        curve: Some(CurveKind::Clock { load_bit: true }),
        params: &[Param::flag(
            "load-bit",
            true,
            "reference bit of a page that has just come in",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Clock {
        let load_bit = setup.flag("load-bit");
        Clock {
            order: Queue::new(setup.frames),
            load_bit,
        }
    }
}

impl Policy for Clock {
    fn victim(&mut self, frames: &mut Frames, _request: VictimRequest) -> FrameId {
        loop {
            let frame = self.order.pop().expect("every frame is taken");
            if !frames.referenced(frame) {
                return frame;
            }
            frames.clear_referenced(frame);
            self.order.push(frame);
        }
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        if !self.load_bit {
            frames.clear_referenced(at.frame);
        }
        self.order.push(at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.order.remove(frame);
    }
}

impl Explain for Clock {
    fn why(&self, evicted: &Evicted) -> String {
        match (evicted.referenced, evicted.cleared) {
            (true, _) => {
                "every reference bit was set: the hand cleared them all and came round to it".into()
            }
            (false, _) => format!("reference bit 0 at the hand{}", evicted.looks()),
        }
    }

    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let bit = |frame| format!("bit {}", u8::from(frames.referenced(frame)));
        let order = self.order.iter();
        Some(FrameOrder::with_words("from the hand on", order, bit))
    }
}
