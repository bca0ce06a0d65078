//! NRU, not recently used: a page of the lowest of four classes, by reference and dirty bit.

use crate::policy::prelude::*;
use crate::policy::support::classes::Classes;

/// The number of classes.
const CLASSES: usize = 4;

/// Not recently used. Bits only rise between ticks, and with them the class of a page: a frame that
/// is found in a class below its own is moved when a victim is looked for.
pub struct Nru {
    /// Frames by class; a class may be below that of the bits.
    classes: Classes<CLASSES>,
    hand: FrameId,
    /// References between ticks.
    tick: u64,
    /// The position of the reference after which the next tick comes.
    next_tick: u64,
}

impl<'t> PolicyType<'t> for Nru {
    const SPEC: Spec = Spec {
        name: "nru",
        aliases: &["not-recently-used"],
        family: Family::Textbook,
        about: "not recently used: a page of the lowest class by reference and dirty bit",
        cite: "A. S. Tanenbaum, \"Modern Operating Systems\", section \"The not recently used page replacement algorithm\"",
        choices: "the classes, lowest first: neither referenced nor dirty, dirty, referenced, both. Of the lowest class that has a page the first from the hand on leaves, in the circle of frames, and the hand moves past it (Tanenbaum: at random). All reference bits are cleared after every tick-th reference of the trace (with frames by process: of the process, those of its pages), that of a page that this very reference loads too; a load is a reference.",
        sees: Sees::Bits,
        ticks: true,
        complexity: "hit sets a bit; fault O(1) amortised; tick O(c)",
        bytes: "2 bytes a frame",
        repeats: HitSensitivity::All,
        bursts: HitDelivery::SetBits,
        params: &[Param::count(
            "tick",
            Some(10_000),
            1..=u64::MAX,
            "references between two clearings of all reference bits",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Nru {
        let tick = setup.number("tick");
        Nru {
            classes: Classes::new(setup.frames),
            hand: 0,
            tick,
            next_tick: tick - 1,
        }
    }
}

impl Policy for Nru {
    #[inline(always)]
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let (spare, hand) = (request.spare, self.hand);
        for class in 0..CLASSES {
            while let Some(frame) = self.classes.next_around_but(class, hand, spare) {
                let now = class_of(frames, frame);
                if now == class {
                    self.classes.remove(frame);
                    self.hand = frame + 1;
                    return frame;
                }
                self.classes.put(frame, now);
            }
        }
        unreachable!("every frame is taken")
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        self.classes.put(at.frame, class_of(frames, at.frame));
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.classes.remove(frame);
    }

    #[inline(always)]
    fn next_tick(&self) -> u64 {
        self.next_tick
    }

    fn tick(&mut self, frames: &mut Frames, _time: u64) {
        self.next_tick = self.next_tick.saturating_add(self.tick);
        for frame in 0..self.classes.numbers() as FrameId {
            if frames.referenced(frame) && self.classes.of(frame).is_some() {
                frames.clear_referenced(frame);
                self.classes.put(frame, class_of(frames, frame));
            }
        }
    }
}

impl Explain for Nru {
    fn why(&self, evicted: &Evicted) -> String {
        match evicted.referenced {
            false => "not referenced since the last tick; first of its class from the hand".into(),
            true => "all were referenced since the last tick; first of its class".into(),
        }
    }

    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let class = |frame| format!("class {}", class_of(frames, frame));
        let order = self.classes.around(self.hand);
        Some(FrameOrder::with_words("from the hand on", order, class))
    }
}

/// Returns the class of the page in `frame` by its present bits.
#[inline]
fn class_of(frames: &Frames, frame: FrameId) -> usize {
    2 * usize::from(frames.referenced(frame)) + usize::from(frames.dirty(frame))
}
