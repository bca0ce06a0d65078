//! Random: the victim is drawn among the resident pages, each as likely as the other.

use crate::policy::prelude::*;
use crate::units::splitmix64;

/// What SplitMix64 adds to its state at each draw.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Returns the `n`-th number, from 1, of SplitMix64 started with `seed`.
pub(in crate::policy) fn nth_output(seed: u64, n: u64) -> u64 {
    splitmix64(seed.wrapping_add(STEP.wrapping_mul(n - 1)))
}

/// Random replacement.
pub struct Random {
    /// The state of SplitMix64.
    state: u64,
    /// The taken frames. A load appends; the last frame takes the place of one that is evicted.
    taken: Vec<FrameId>,
    /// The place of each frame in `taken`.
    place: Vec<u32>,
}

impl<'t> PolicyType<'t> for Random {
    const SPEC: Spec = Spec {
        name: "random",
        aliases: &["rand"],
        family: Family::Textbook,
        about: "evicts a resident page drawn at random",
        cite: "L. A. Belady, \"A study of replacement algorithms for a virtual-storage computer\", IBM Systems Journal 5(2), 1966; G. L. Steele, D. Lea, C. H. Flood, \"Fast splittable pseudorandom number generators\", OOPSLA 2014",
        choices: "one draw of 64 bits from SplitMix64 a victim, scaled to the number of resident pages by multiplication; the pages stand in order of load, the last one taking the place of a page that leaves. The same seed gives the same victims on every machine. With frames by process each process draws for itself: the first from the seed, the n-th after it from the n-th number of SplitMix64 begun with the seed.",
        sees: Sees::Loads,
        randomized: true,
        complexity: "hit nothing, fault O(1)",
        bytes: "8 bytes a frame",
        repeats: HitSensitivity::Once,
        bursts: HitDelivery::SetBits,
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Random {
        Random {
            state: setup.seed,
            taken: Vec::with_capacity(setup.frames as usize),
            place: vec![0; setup.frames as usize],
        }
    }
}

impl Policy for Random {
    fn victim(&mut self, _frames: &mut Frames, request: VictimRequest) -> FrameId {
        let drawn = u128::from(self.draw());
        let spared = usize::from(request.spare.is_some());
        let at = ((drawn * (self.taken.len() - spared) as u128) >> 64) as usize;
        // The place of a page that stays is not drawn.
        let is_passed = |spare: FrameId| at >= self.place[spare as usize] as usize;
        let victim = self.taken[at + usize::from(request.spare.is_some_and(is_passed))];
        self.forget(victim);
        victim
    }

    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        self.place[at.frame as usize] = self.taken.len() as u32;
        self.taken.push(at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.forget(frame);
    }
}

impl Explain for Random {
    fn why(&self, _evicted: &Evicted) -> String {
        "drawn at random".into()
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let order = self.taken.iter().copied();
        Some(FrameOrder::plain("in the order that is drawn from", order))
    }
}

impl Random {
    /// Returns the next number of SplitMix64.
    fn draw(&mut self) -> u64 {
        let drawn = splitmix64(self.state);
        self.state = self.state.wrapping_add(STEP);
        drawn
    }

    fn forget(&mut self, frame: FrameId) {
        let place = self.place[frame as usize];
        self.taken.swap_remove(place as usize);
        if let Some(&moved) = self.taken.get(place as usize) {
            self.place[moved as usize] = place;
        }
    }
}
