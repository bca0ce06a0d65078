//! LRU: the victim is the page not referenced for the longest time.

use crate::policy::prelude::*;
use crate::policy::support::lru_log::Recency;
use crate::policy::support::rings::Rings;

/// Least recently used.
pub struct Lru {
    order: Order,
}

/// Frames by last reference. A list is faster if hits come one by one, most of them of recent
/// pages; a log is faster if they come by the dozen.
enum Order {
    /// For a replay by references: one list.
    OneByOne(Rings),
    /// For a replay by bursts.
    Together(Recency),
}

/// The one list.
const LIST: usize = 0;

impl<'t> PolicyType<'t> for Lru {
    const SPEC: Spec = Spec {
        name: "lru",
        aliases: &["least-recently-used"],
        family: Family::Textbook,
        about: "least recently used: evicts the page not referenced for the longest time",
        cite: "R. L. Mattson, J. Gecsei, D. R. Slutz, I. L. Traiger, \"Evaluation techniques for storage hierarchies\", IBM Systems Journal 9(2), 1970",
        sees: Sees::Hits,
        complexity: "hit and fault O(1)",
        bytes: "8 bytes a frame; by bursts 28",
        repeats: HitSensitivity::Once,
        bursts: HitDelivery::Order,
        curve: Some(CurveKind::Lru),
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Lru {
        let order = match setup.bursts {
            true => Order::Together(Recency::new(setup.frames)),
            false => Order::OneByOne(Rings::new(1, setup.frames)),
        };
        Lru { order }
    }

    #[inline(always)]
    fn hits(&mut self, hits: impl ExactSizeIterator<Item = PageAccess>) {
        let frames = hits.map(|at| at.frame);
        match &mut self.order {
            Order::OneByOne(list) => frames.for_each(|frame| list.renew(LIST, frame)),
            Order::Together(queue) => queue.touch_all(frames),
        }
    }
}

impl Policy for Lru {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        match &mut self.order {
            Order::OneByOne(list) => list.renew(LIST, at.frame),
            Order::Together(queue) => queue.touch(at.frame),
        }
    }

    #[inline(always)]
    fn victim(&mut self, _frames: &mut Frames, request: VictimRequest) -> FrameId {
        let oldest = match &mut self.order {
            Order::OneByOne(list) => {
                let oldest = list.oldest_but(LIST, request.spare);
                oldest.inspect(|&frame| list.remove(frame))
            }
            Order::Together(queue) => queue.pop_oldest_but(request.spare),
        };
        oldest.expect("every frame is taken")
    }

    #[inline(always)]
    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        match &mut self.order {
            Order::OneByOne(list) => list.push(LIST, at.frame),
            Order::Together(queue) => queue.touch(at.frame),
        }
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        match &mut self.order {
            Order::OneByOne(list) => list.remove(frame),
            Order::Together(queue) => queue.remove(frame),
        }
    }
}

impl Explain for Lru {
    fn why(&self, evicted: &Evicted) -> String {
        format!("least recently used, {}", evicted.seen.last())
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        match &self.order {
            Order::OneByOne(list) => Some(FrameOrder::plain(
                "most recent first",
                list.newest_first(LIST),
            )),
            Order::Together(_) => None,
        }
    }
}
