//! LRU: the victim is the page not referenced for the longest time.

use super::support::recency::Recency;
use super::{Bursts, Family, Frames, Policy, Repeats, Setup, Space, Spec, Touch, Want};
use crate::units::FrameId;

/// Least recently used.
pub struct Lru {
    /// Frames by last reference.
    order: Recency,
}

impl<'t> Policy<'t> for Lru {
    const SPEC: Spec = Spec {
        name: "lru",
        aliases: &["least-recently-used"],
        family: Family::Textbook,
        about: "least recently used: evicts the page not referenced for the longest time",
        cite: "R. L. Mattson, J. Gecsei, D. R. Slutz, I. L. Traiger, \"Evaluation techniques for storage hierarchies\", IBM Systems Journal 9(2), 1970",
        choices: "",
        space: Space::Fixed,
        needs_future: false,
        repeats: Repeats::Once,
        bursts: Bursts::Order,
        params: &[],
    };

    fn new(setup: &Setup<'t>) -> Lru {
        Lru {
            order: Recency::new(setup.frames),
        }
    }

    #[inline(always)]
    fn hit(&mut self, at: Touch) {
        self.order.touch(at.frame);
    }

    #[inline(always)]
    fn hits(&mut self, frames: impl ExactSizeIterator<Item = FrameId>) {
        self.order.touch_all(frames);
    }

    fn victim(&mut self, _frames: &mut Frames, _want: Want) -> FrameId {
        self.order.pop_oldest().expect("every frame is taken")
    }

    fn loaded(&mut self, _frames: &mut Frames, at: Touch) {
        self.order.touch(at.frame);
    }
    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.order.remove(frame);
    }
}
