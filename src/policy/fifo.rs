//! FIFO: the victim is the page that came in first.

use super::support::queue::Queue;
use super::{
    Bursts, Family, Frames, Left, Policy, Repeats, Seen, Sees, Setup, Space, Spec, State, Touch,
    Want, explain,
};
use crate::units::FrameId;

/// First in, first out.
pub struct Fifo {
    /// Frames by time of load, the oldest first.
    order: Queue,
}

impl<'t> Policy<'t> for Fifo {
    const SPEC: Spec = Spec {
        name: "fifo",
        aliases: &["first-in-first-out"],
        family: Family::Textbook,
        about: "first in, first out: evicts the page that came in first",
        cite: "L. A. Belady, R. A. Nelson, G. S. Shedler, \"An anomaly in space-time characteristics of certain programs running in a paging machine\", Communications of the ACM 12(6), 1969",
        choices: "",
        space: Space::Fixed,
        sees: Sees::Loads,
        draws: false,
        complexity: "hit nothing, fault O(1)",
        state: "8 to 20 bytes a frame",
        repeats: Repeats::Once,
        bursts: Bursts::SetBits,
        params: &[],
    };

    fn new(setup: &Setup<'t>) -> Fifo {
        Fifo {
            order: Queue::new(setup.frames),
        }
    }

    fn victim(&mut self, _frames: &mut Frames, _want: Want) -> FrameId {
        self.order.pop().expect("every frame is taken")
    }

    fn loaded(&mut self, _frames: &mut Frames, at: Touch) {
        self.order.push(at.frame);
    }
    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.order.remove(frame);
    }

    fn why(&self, left: &Left) -> Option<String> {
        let Seen { loaded, ahead, .. } = left.seen;
        Some(match ahead {
            false => format!("loaded first, at {}", explain::reference(loaded)),
            true => format!("first to come in, {}", left.seen.arrival()),
        })
    }

    fn state(&self, _frames: &Frames, _next: u64) -> Option<State> {
        Some(State::order("oldest first", self.order.iter()))
    }
}
