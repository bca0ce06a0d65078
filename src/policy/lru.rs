//! LRU: the victim is the page not referenced for the longest time.

use super::support::list::List;
use super::support::recency::Recency;
use super::{
    Bursts, Family, Frames, Left, Policy, Repeats, Sees, Setup, Space, Spec, State, Touch, Want,
};
use crate::units::FrameId;

/// Least recently used.
pub struct Lru {
    order: Order,
}

/// Frames by last reference. A list is faster where hits come one by one, mostly of pages near its
/// front; a queue where they come by the dozen.
enum Order {
    /// The most recent frame at the front.
    OneByOne(List),
    /// By bursts.
    Together(Recency),
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
        sees: Sees::Hits,
        draws: false,
        complexity: "hit and fault O(1)",
        state: "8 bytes a frame; by bursts 28",
        repeats: Repeats::Once,
        bursts: Bursts::Order,
        params: &[],
    };

    fn new(setup: &Setup<'t>) -> Lru {
        let order = match setup.bursts {
            true => Order::Together(Recency::new(setup.frames)),
            false => Order::OneByOne(List::new(setup.frames)),
        };
        Lru { order }
    }

    #[inline(always)]
    fn hit(&mut self, at: Touch) {
        match &mut self.order {
            Order::OneByOne(list) => list.move_front(at.frame),
            Order::Together(queue) => queue.touch(at.frame),
        }
    }

    #[inline(always)]
    fn hits(&mut self, frames: impl ExactSizeIterator<Item = FrameId>) {
        match &mut self.order {
            Order::OneByOne(list) => frames.for_each(|frame| list.move_front(frame)),
            Order::Together(queue) => queue.touch_all(frames),
        }
    }

    fn victim(&mut self, _frames: &mut Frames, _want: Want) -> FrameId {
        let oldest = match &mut self.order {
            Order::OneByOne(list) => list.pop_back(),
            Order::Together(queue) => queue.pop_oldest(),
        };
        oldest.expect("every frame is taken")
    }

    fn loaded(&mut self, _frames: &mut Frames, at: Touch) {
        match &mut self.order {
            Order::OneByOne(list) => list.push_front(at.frame),
            Order::Together(queue) => queue.touch(at.frame),
        }
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        match &mut self.order {
            Order::OneByOne(list) => list.remove(frame),
            Order::Together(queue) => queue.remove(frame),
        }
    }

    fn why(&self, left: &Left) -> Option<String> {
        Some(format!("least recently used, {}", left.seen.last()))
    }

    fn state(&self, _frames: &Frames, _next: u64) -> Option<State> {
        match &self.order {
            Order::OneByOne(list) => Some(State::order("most recent first", list.iter())),
            Order::Together(_) => None,
        }
    }
}
