//! Aging: LRU in coarse steps, from a counter of each page into which its reference bit is shifted
//! at every tick.

use crate::policy::prelude::*;
use crate::policy::support::queue::Queue;

/// In place of a place in the order: present at the last tick, not sorted yet.
const UNSORTED: u32 = u32::MAX;
/// In place of a place in the order: loaded since the last tick.
const FRESH: u32 = u32::MAX - 1;
/// In place of a place in the order: brought in ahead of use since the last tick.
const AHEAD: u32 = u32::MAX - 2;
/// In place of a place in the order: no page.
const EMPTY: u32 = u32::MAX - 3;

/// Aging. Between ticks bits are only set and counters do not change. So the pages of the last tick
/// are sorted once and walked twice: for those not referenced since, then for all. Pages loaded
/// since have a counter of 0 and were loaded after all others with that counter.
pub struct Aging {
    /// Bits of a counter.
    bits: u32,
    /// References between ticks.
    tick: u64,
    /// The position of the reference after which the next tick comes.
    next_tick: u64,
    /// The counter of each frame.
    counter: Vec<u16>,
    /// All taken frames in order of load.
    loads: Queue,
    /// The frames loaded since the last tick.
    fresh: Queue,
    /// The frames of `fresh` that were brought in ahead of use.
    ahead: Queue,
    /// The frames of the last tick by counter, then load; valid if `sorted`.
    order: Vec<FrameId>,
    sorted: bool,
    /// The place of each frame in `order`, or one of the constants above.
    place: Vec<u32>,
    /// Walks for idle pages: over those with a counter of 0, and over the others.
    idle: [Walk; 2],
    /// Walks for any page, over the same two parts.
    any: [Walk; 2],
    /// Scratch space for sorting.
    room: Vec<FrameId>,
}

/// A walk over a part of the order: the places from `at` to `end` are ahead.
#[derive(Clone, Copy, Default)]
struct Walk {
    at: usize,
    end: usize,
}

impl<'t> PolicyType<'t> for Aging {
    const SPEC: Spec = Spec {
        name: "aging",
        aliases: &["nfu-aging"],
        family: Family::Textbook,
        about: "evicts the page whose bits of the last ticks make the least number",
        cite: "A. S. Tanenbaum, \"Modern Operating Systems\", section \"Simulating LRU in software\"",
        choices: "after every tick-th reference of the trace (with frames by process: of the process, for its pages) the counter of every resident page is shifted right and its reference bit comes in at the left. The bit of the running interval counts as one more bit in front: a page referenced since the last tick leaves after all others. Of equal pages the one that came in first leaves; a page comes in with a counter of 0.",
        sees: Sees::Bits,
        ticks: true,
        complexity: "hit sets a bit; fault O(1) amortised; tick O(c)",
        bytes: "38 to 74 bytes a frame",
        repeats: HitSensitivity::All,
        bursts: HitDelivery::SetBits,
        params: &[
            Param::count("bits", Some(8), 1..=16, "bits of a counter"),
            Param::count(
                "tick",
                Some(10_000),
                1..=u64::MAX,
                "references between two ticks",
            ),
        ],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Aging {
        let frames = setup.frames as usize;
        let tick = setup.number("tick");
        Aging {
            bits: setup.number("bits") as u32,
            tick,
            next_tick: tick - 1,
            counter: vec![0; frames],
            loads: Queue::new(setup.frames),
            fresh: Queue::new(setup.frames),
            ahead: Queue::new(setup.frames),
            order: Vec::with_capacity(frames),
            sorted: true,
            place: vec![EMPTY; frames],
            idle: Default::default(),
            any: Default::default(),
            room: Vec::with_capacity(frames),
        }
    }
}

impl Policy for Aging {
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        if !self.sorted {
            self.sort();
        }
        let victim = match request.spare {
            None => self.choose(frames, None, |_| true),
            Some(spare) => {
                let victim = self.choose(frames, Some(spare), |frame| frame != spare);
                self.look_again_at(spare);
                victim
            }
        };
        self.forget(victim);
        victim
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let frame = at.frame;
        self.counter[frame as usize] = 0;
        self.loads.push(frame);
        self.fresh.push(frame);
        self.place[frame as usize] = match frames.referenced(frame) {
            true => FRESH,
            false => AHEAD,
        };
        if self.place[frame as usize] == AHEAD {
            self.ahead.push(frame);
        }
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.forget(frame);
    }

    #[inline(always)]
    fn next_tick(&self) -> u64 {
        self.next_tick
    }

    fn tick(&mut self, frames: &mut Frames, _time: u64) {
        self.next_tick = self.next_tick.saturating_add(self.tick);
        for frame in self.loads.iter() {
            let referenced = frames.referenced(frame);
            let counter = &mut self.counter[frame as usize];
            *counter = *counter >> 1 | u16::from(referenced) << (self.bits - 1);
            self.place[frame as usize] = UNSORTED;
            if referenced {
                frames.clear_referenced(frame);
            }
        }
        while self.fresh.pop().is_some() {}
        while self.ahead.pop().is_some() {}
        self.sorted = false;
    }
}

impl Explain for Aging {
    fn why(&self, evicted: &Evicted) -> String {
        match evicted.referenced {
            false => "the least counter of the pages not referenced since the last tick".into(),
            true => "all were referenced since the last tick; the least counter".into(),
        }
    }

    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let mut order: Vec<FrameId> = self.loads.iter().collect();
        let number = |frame| (frames.referenced(frame), self.counter[frame as usize]);
        order.sort_by_key(|&frame| number(frame));
        let width = self.bits as usize;
        let words = |frame| {
            let (bit, counter) = number(frame);
            format!("{}.{counter:0width$b}", u8::from(bit))
        };
        let title = "reference bit and counter, the least first";
        Some(FrameOrder::with_words(title, order, words))
    }
}

impl Aging {
    /// Returns the frame to give up, for which `may_leave` is true: that is every one but `spare`.
    fn choose(
        &mut self,
        frames: &Frames,
        spare: Option<FrameId>,
        may_leave: impl Fn(FrameId) -> bool + Copy,
    ) -> FrameId {
        let idle = self.next_idle(frames, spare, may_leave);
        let victim = idle.or_else(|| self.next_of_any(may_leave));
        victim.expect("every frame is taken")
    }

    /// Returns the frame with the least counter of the pages not referenced since the last tick.
    fn next_idle(
        &mut self,
        frames: &Frames,
        spare: Option<FrameId>,
        may_leave: impl Fn(FrameId) -> bool,
    ) -> Option<FrameId> {
        let (order, place) = (&self.order, &self.place);
        let [zero, more] = &mut self.idle;
        let is_idle = |frame| !frames.referenced(frame) && may_leave(frame);
        if let Some(frame) = zero.next(order, place, is_idle) {
            return Some(frame);
        }
        while let Some(frame) = self.ahead.pop_but(spare) {
            self.place[frame as usize] = FRESH;
            if is_idle(frame) {
                return Some(frame);
            }
        }
        more.next(order, &self.place, is_idle)
    }

    /// Returns the frame with the least counter of all pages.
    fn next_of_any(&mut self, may_leave: impl Fn(FrameId) -> bool + Copy) -> Option<FrameId> {
        let (order, place) = (&self.order, &self.place);
        let [zero, more] = &mut self.any;
        zero.next(order, place, may_leave)
            .or_else(|| self.fresh.iter().find(|&frame| may_leave(frame)))
            .or_else(|| more.next(order, place, may_leave))
    }

    /// Lets the walks begin at `spare` again, which they may have passed. The pages behind it that
    /// they passed, too, are gone or still referenced.
    fn look_again_at(&mut self, spare: FrameId) {
        let place = self.place[spare as usize] as usize;
        for walks in [&mut self.idle, &mut self.any] {
            let zeros = walks[0].end;
            let walk = &mut walks[usize::from(place >= zeros)];
            walk.at = walk.at.min(place);
        }
    }

    fn forget(&mut self, frame: FrameId) {
        self.loads.remove(frame);
        let place = std::mem::replace(&mut self.place[frame as usize], EMPTY);
        if place == FRESH || place == AHEAD {
            self.fresh.remove(frame);
        }
        if place == AHEAD {
            self.ahead.remove(frame);
        }
    }

    /// Sorts the pages of the last tick, which are in order of load, by counter.
    #[inline(never)]
    fn sort(&mut self) {
        let at_tick = |frame: &FrameId| self.place[*frame as usize] == UNSORTED;
        self.order.clear();
        self.order.extend(self.loads.iter().filter(at_tick));
        for shift in (0..self.bits).step_by(8) {
            self.room.resize(self.order.len(), 0);
            let digit = |frame: FrameId| usize::from(self.counter[frame as usize] >> shift & 0xff);
            sort_by_digit(&self.order, &mut self.room, digit);
            std::mem::swap(&mut self.order, &mut self.room);
        }
        for (&frame, place) in self.order.iter().zip(0..) {
            self.place[frame as usize] = place;
        }
        let is_zero = |&frame: &FrameId| self.counter[frame as usize] == 0;
        let zeros = self.order.partition_point(is_zero);
        let parts = [(0, zeros), (zeros, self.order.len())];
        self.idle = parts.map(|(at, end)| Walk { at, end });
        self.any = self.idle;
        self.sorted = true;
    }
}

impl Walk {
    /// Returns the next frame whose page is still there and is `wanted`.
    fn next(
        &mut self,
        order: &[FrameId],
        place: &[u32],
        wanted: impl Fn(FrameId) -> bool,
    ) -> Option<FrameId> {
        while self.at < self.end {
            let frame = order[self.at];
            self.at += 1;
            if place[frame as usize] as usize == self.at - 1 && wanted(frame) {
                return Some(frame);
            }
        }
        None
    }
}

/// Copies `from` to `to`, sorted by `digit`; the sort is stable.
fn sort_by_digit(from: &[FrameId], to: &mut [FrameId], digit: impl Fn(FrameId) -> usize) {
    let mut starts = [0; 257];
    for &frame in from {
        starts[digit(frame) + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    for &frame in from {
        let start = &mut starts[digit(frame)];
        to[*start] = frame;
        *start += 1;
    }
}
