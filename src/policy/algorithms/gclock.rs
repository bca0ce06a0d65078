//! Generalized Clock: a counter of a few bits in place of the reference bit, so that a page used
//! often is passed more than once.

use crate::policy::prelude::*;
use crate::policy::support::queue::Queue;

/// Generalized Clock, kept as Clock is: the hand stands at the front of a queue, and a page that it
/// passes moves to the back.
pub struct GClock {
    /// Frames from the hand on.
    order: Queue,
    /// The counter of each frame.
    counter: Vec<u8>,
    /// The counter of a page that was just loaded.
    load: u8,
    /// The highest value of a counter.
    max: u8,
}

impl<'t> PolicyType<'t> for GClock {
    const SPEC: Spec = Spec {
        name: "gclock",
        aliases: &["n-bit-clock", "generalized-clock"],
        family: Family::Textbook,
        about: "Clock with a counter of references that the hand counts down",
        cite: "A. J. Smith, \"Sequentiality and prefetching in database systems\", ACM Transactions on Database Systems 3(3), 1978; V. F. Nicola, A. Dan, D. M. Dias, \"Analysis of the generalized clock buffer replacement scheme for database transaction processing\", SIGMETRICS 1992",
        choices: "a load sets the counter to load, a reference to a resident page adds one up to the greatest number of that many bits, the hand takes one off; a page at 0 leaves. The hand moves past the page that it loads. A load above what the bits can hold counts as that. A page brought in ahead of use comes in with its counter at 0. bits=1 is Clock. Hardware counts no references: what this policy sees, a kernel does not.",
        sees: Sees::Hits,
        complexity: "hit O(1); fault O(1) amortised, O(c 2^bits) at worst",
        bytes: "9 to 21 bytes a frame",
        repeats: HitSensitivity::All,
        bursts: HitDelivery::SetBits,
        params: &[
            Param::count("bits", Some(2), 1..=8, "bits of the counter"),
            Param::count(
                "load",
                Some(1),
                0..=255,
                "counter of a page that has just come in, at most 2^bits - 1",
            ),
        ],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> GClock {
        let max = ((1u32 << setup.number("bits")) - 1) as u8;
        let load = setup.number("load") as u8;
        GClock {
            order: Queue::new(setup.frames),
            counter: vec![0; setup.frames as usize],
            load: load.min(max),
            max,
        }
    }
}

impl Policy for GClock {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        let counter = &mut self.counter[at.frame as usize];
        // Stored only where it changes: most pages in use have the highest value.
        if *counter < self.max {
            *counter += 1;
        }
    }

    #[inline(always)]
    fn is_settled(&self, frame: FrameId) -> bool {
        self.counter[frame as usize] == self.max
    }

    #[inline(always)]
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        loop {
            let frame = self.order.pop().expect("every frame is taken");
            if request.spares(frame) {
                self.order.push(frame);
                continue;
            }
            let counter = &mut self.counter[frame as usize];
            if *counter == 0 {
                return frame;
            }
            *counter -= 1;
            frames.unsettle(frame);
            self.order.push(frame);
        }
    }

    #[inline(always)]
    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        self.counter[at.frame as usize] = self.load;
        self.order.push(at.frame);
    }

    /// Sets the counter to 0, as Clock's bit is clear then.
    fn prefetched(&mut self, _frames: &mut Frames, at: PageAccess, _next_use: u32) {
        self.counter[at.frame as usize] = 0;
        self.order.push(at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.order.remove(frame);
    }
}

impl Explain for GClock {
    fn why(&self, _evicted: &Evicted) -> String {
        "the first page that the hand found with its counter at 0".into()
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let counter = |frame: FrameId| format!("counter {}", self.counter[frame as usize]);
        let order = self.order.iter();
        Some(FrameOrder::with_words("from the hand on", order, counter))
    }
}
