//! Clock: FIFO with a second chance for pages whose reference bit is set.

use crate::policy::prelude::*;
use crate::policy::support::bit_set::BitSet;
use crate::policy::support::queue::Queue;

/// Clock.
pub struct Clock {
    circle: Circle,
    /// Whether the reference bit stays set on load.
    load_bit: bool,
}

/// The circle and its hand. As long as no frame is freed both kinds have the same victims: frames
/// fill in the order of their numbers, and the page that comes in takes the frame of the victim.
enum Circle {
    /// Pages in order of load, kept as a queue: the hand stands at its front, and a page that the
    /// hand passes moves to the back. That is the circle of the textbooks, cut where the hand
    /// stands.
    Loads(Queue),
    /// Frames in the order of their numbers.
    Frames(NumberCircle),
}

/// What a hand goes round.
trait Hand {
    /// Takes out the page that the hand stands at, whose frame is returned, and moves the hand on.
    fn pop(&mut self) -> FrameId;
    /// Puts in a page: one that the hand has just passed, or that comes in.
    fn insert(&mut self, frame: FrameId);
}

impl Hand for Queue {
    #[inline(always)]
    fn pop(&mut self) -> FrameId {
        Queue::pop(self).expect("every frame is taken")
    }

    #[inline(always)]
    fn insert(&mut self, frame: FrameId) {
        self.push(frame);
    }
}

struct NumberCircle {
    taken: BitSet,
    /// The frame at which the next search begins.
    hand: usize,
}

impl Hand for NumberCircle {
    fn pop(&mut self) -> FrameId {
        let frame = self.taken.next_around(self.hand);
        let frame = frame.expect("every frame is taken");
        self.hand = frame + 1;
        self.taken.remove(frame);
        frame as FrameId
    }

    fn insert(&mut self, frame: FrameId) {
        self.taken.insert(frame as usize);
    }
}

/// Turns the hand up to a page whose reference bit is clear, which is taken out. It clears the bits
/// of the pages that it passes, but for that in `spare`, which must stay.
#[inline(always)]
fn turn(circle: &mut impl Hand, frames: &mut Frames, spare: Option<FrameId>) -> FrameId {
    let spare = spare.unwrap_or(FrameId::MAX);
    loop {
        let frame = circle.pop();
        if frame != spare {
            if !frames.referenced(frame) {
                return frame;
            }
            frames.clear_referenced(frame);
        }
        circle.insert(frame);
    }
}

impl Circle {
    /// Puts in a page that comes in.
    #[inline(always)]
    fn insert(&mut self, frame: FrameId) {
        match self {
            Circle::Loads(queue) => queue.push(frame),
            Circle::Frames(circle) => circle.insert(frame),
        }
    }

    fn remove(&mut self, frame: FrameId) {
        match self {
            Circle::Loads(queue) => queue.remove(frame),
            Circle::Frames(circle) => circle.taken.remove(frame as usize),
        }
    }

    /// Returns the frames from the hand on.
    fn order(&self) -> Vec<FrameId> {
        match self {
            Circle::Loads(queue) => queue.iter().collect(),
            Circle::Frames(NumberCircle { taken, hand }) => {
                let (behind, ahead): (Vec<usize>, Vec<usize>) =
                    taken.iter().partition(|frame| frame < hand);
                let order = ahead.into_iter().chain(behind);
                order.map(|frame| frame as FrameId).collect()
            }
        }
    }
}

impl<'t> PolicyType<'t> for Clock {
    const SPEC: Spec = Spec {
        name: "clock",
        aliases: &["second-chance"],
        family: Family::Textbook,
        about: "FIFO order, but a referenced page loses its bit instead of its frame",
        cite: "F. J. Corbato, \"A paging experiment with the Multics system\", MIT Project MAC report MAC-M-384, 1968",
        choices: "the reference bit is set on load (most textbooks); load-bit=0 is the other published family, in which only a later reference sets it. The hand moves past the page that it loads. A frame that is freed leaves the circle; with order=load the page that comes into it next is the last that the hand reaches, as any page that comes in; with order=frame the circle is that of the frame numbers, and the page stands where its frame does. Both are published; as long as no frame is freed they have the same victims.",
        sees: Sees::Bits,
        complexity: "hit sets a bit; fault O(1) amortised, O(c) at worst",
        bytes: "8 to 20 bytes a frame",
        repeats: HitSensitivity::Twice,
        bursts: HitDelivery::SetBits,
        curve: Some(CurveKind::Clock { load_bit: true }),
        params: &[
            Param::flag(
                "load-bit",
                true,
                "reference bit of a page that has just come in",
            ),
            Param::words(
                "order",
                &["load", "frame"],
                "order of the circle: of load, or of frame numbers",
            ),
        ],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Clock {
        Clock {
            circle: match setup.number("order") {
                0 => Circle::Loads(Queue::new(setup.frames)),
                _ => Circle::Frames(NumberCircle {
                    taken: BitSet::new(setup.frames as usize),
                    hand: 0,
                }),
            },
            load_bit: setup.flag("load-bit"),
        }
    }
}

impl Policy for Clock {
    #[inline(always)]
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        match &mut self.circle {
            Circle::Loads(queue) => turn(queue, frames, request.spare),
            Circle::Frames(circle) => turn(circle, frames, request.spare),
        }
    }

    #[inline(always)]
    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        if !self.load_bit {
            frames.clear_referenced(at.frame);
        }
        self.circle.insert(at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.circle.remove(frame);
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
        let order = self.circle.order();
        Some(FrameOrder::with_words("from the hand on", order, bit))
    }
}
