//! CAR: ARC with clocks. A hit only sets the reference bit; a page found referenced at the hand
//! goes to the clock of pages referenced again.

use super::arc::{AGAIN, ArcHistory, ONCE, list_name};
use crate::policy::prelude::*;
use crate::policy::support::lists::Lists;

/// Clock with adaptive replacement. Each clock is a list, cut where its hand stands: the hand's
/// page at the back.
pub struct Car {
    /// T1 and T2, by frame.
    clocks: Lists,
    ghosts: ArcHistory,
    /// The clock of the last victim.
    victim_clock: usize,
}

impl Car {
    /// Moves the hands to a page that is not referenced. Returns its clock and its frame.
    fn replace(&mut self, frames: &mut Frames, request: VictimRequest) -> (usize, FrameId) {
        loop {
            let is_over = f64::from(self.clocks.len(ONCE)) >= self.ghosts.target.max(1.0);
            let clock = match is_over || self.clocks.is_empty(AGAIN) {
                true => ONCE,
                false => AGAIN,
            };
            let (clock, frame) = self.clocks.back_of(clock, request.spare);
            self.clocks.remove(frame);
            if !frames.referenced(frame) {
                return (clock, frame);
            }
            frames.clear_referenced(frame);
            self.clocks.push_front(AGAIN, frame);
        }
    }
}

impl<'t> PolicyType<'t> for Car {
    const SPEC: Spec = Spec {
        name: "car",
        aliases: &["clock-with-adaptive-replacement"],
        family: Family::Research,
        about: "ARC with two clocks in place of its LRU lists: needs the reference bit only",
        cite: "S. Bansal, D. S. Modha, \"CAR: clock with adaptive replacement\", USENIX Conference on File and Storage Technologies (FAST), 2004",
        choices: "Figure 2 of the paper to the letter: the reference bit is clear after the load; the ghost that the victim has just become counts when the target moves and can be the one that is forgotten.",
        sees: Sees::Bits,
        complexity: "hit sets a bit; fault O(1) amortised, O(c) at worst",
        bytes: "9 bytes a frame, 9 bytes a page",
        repeats: HitSensitivity::Twice,
        bursts: HitDelivery::SetBits,
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Car {
        Car {
            clocks: Lists::new(2, setup.frames),
            ghosts: ArcHistory::new(setup.capacity, setup.pages),
            victim_clock: ONCE,
        }
    }
}

impl Policy for Car {
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let (clock, frame) = self.replace(frames, request);
        self.victim_clock = clock;
        self.ghosts.remember(clock, frames.page(frame));
        // A page that is not known yet gets room as one that is not remembered.
        if request.page.is_none_or(|page| !self.ghosts.knows(page)) {
            self.ghosts
                .make_room(self.clocks.len(ONCE), self.clocks.len(AGAIN));
        }
        frame
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        frames.clear_referenced(at.frame);
        let clock = match self.ghosts.recall(frames.page(at.frame)) {
            Some(_) => AGAIN,
            None => ONCE,
        };
        self.clocks.push_front(clock, at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.clocks.remove(frame);
    }
}

impl Explain for Car {
    fn why(&self, evicted: &Evicted) -> String {
        format!(
            "reference bit 0 at the hand of {}{}",
            list_name(self.victim_clock),
            evicted.looks()
        )
    }

    /// From the hands on.
    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let clock = |clock, name: &'static str| {
            let mut order: Vec<FrameId> = self.clocks.iter(clock).collect();
            order.reverse();
            let bit = |frame| u8::from(frames.referenced(frame));
            let word = move |frame| (frame, format!("{name}, bit {}", bit(frame)));
            order.into_iter().map(word)
        };
        Some(FrameOrder {
            title: "T1, then T2, from the hands on".into(),
            frames: clock(ONCE, "T1").chain(clock(AGAIN, "T2")).collect(),
        })
    }
}
