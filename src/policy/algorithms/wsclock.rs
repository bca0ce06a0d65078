//! WSClock: Clock that takes a page outside the working set of its process, a clean one if it can.

use crate::policy::prelude::*;
use crate::policy::support::bit_set::BitSet;
use crate::policy::support::classes::{Classes, spans};
use crate::policy::support::rings::Rings;
use crate::trace::model::refs::PageKey;

/// The class of clean pages outside the window, as far as known.
const OLD_CLEAN: usize = 0;
/// The class of dirty pages outside the window.
const OLD_DIRTY: usize = 1;
/// The class of pages used within the window.
const YOUNG: usize = 2;

/// Why a page is chosen.
#[derive(Clone, Copy)]
enum Chosen {
    /// It is clean and outside the window.
    OldClean,
    /// It is dirty and outside the window; no clean page is outside.
    OldDirty,
    /// Every page is inside the window; it is clean.
    YoungClean,
    /// Every page is inside the window and dirty.
    AtHand,
}

/// WSClock. The hand of the paper visits page after page. Here it leaps to the next one that
/// matters: a page that may have been referenced since its bit was cleared, or an old one. The
/// policy needs only those hits that find the reference bit clear.
pub struct WsClock<'t> {
    /// Why the last victim was chosen.
    victim_reason: Chosen,
    entries: &'t [PageKey],
    /// The window.
    tau: u64,
    /// Whether there is one process, whose clock is the position in the trace. Then not every hit
    /// needs to be reported.
    alone: bool,
    /// The references that each process has made; one clock if `alone`.
    clocks: Vec<u64>,
    /// Whether the reference under way was counted when a victim was chosen.
    counted: bool,
    /// The clock of the process that loaded the page in each frame.
    owner: Vec<u32>,
    /// For each frame the time at which its page counts as last used, by the clock of its owner.
    last: Vec<u64>,
    hand: FrameId,
    /// Frames by class.
    classes: Classes<3>,
    /// The young frames of each owner, by `last`.
    young: Rings,
    /// Frames whose reference bit may be set. That of all others is clear.
    touched: BitSet,
    /// Frames that may be clean. All others are dirty.
    clean: BitSet,
}

impl<'t> PolicyType<'t> for WsClock<'t> {
    const SPEC: Spec = Spec {
        name: "wsclock",
        aliases: &["working-set-clock"],
        family: Family::VariableSpace,
        about: "Clock that takes pages outside the working set, clean ones first",
        cite: "R. W. Carr, J. L. Hennessy, \"WSClock: a simple and effective algorithm for virtual memory management\", SOSP 1981",
        choices: "frames in a circle with one hand. A page that the hand finds referenced loses its bit and counts as used now; one that it finds unreferenced and more than tau references of its process after that leaves at once if clean; the first such dirty one leaves after a full circle, else the first clean page from the hand, else the page at the hand. The hand moves past the victim. Time is counted in references of the process that loaded the page, the faulting one included; a page that comes in ahead of use counts as used at the present time, and the search for its frame as no reference. When that process has exited its time stands still, and its pages grow no older. Not modelled: write-backs are not queued while the hand goes on, so that a dirty page stays dirty until it leaves, and there is no load control.",
        sees: Sees::Bits,
        complexity: "hit sets a bit; fault O(1) amortised and a step for each process",
        bytes: "23 bytes a frame",
        repeats: HitSensitivity::All,
        bursts: HitDelivery::SetBitsAlone,
        params: &[Param::count(
            "tau",
            Some(10_000),
            0..=u64::MAX,
            "window, in references of the process that loaded the page",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> WsClock<'t> {
        let frames = setup.frames as usize;
        WsClock {
            victim_reason: Chosen::AtHand,
            entries: setup.entries,
            tau: setup.number("tau"),
            alone: setup.processes <= 1,
            clocks: vec![0; setup.processes.max(1)],
            counted: false,
            owner: vec![0; frames],
            last: vec![0; frames],
            hand: 0,
            classes: Classes::new(setup.frames),
            young: Rings::new(setup.processes.max(1), setup.frames),
            touched: BitSet::new(frames),
            clean: BitSet::new(frames),
        }
    }
}

impl Policy for WsClock<'_> {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        if !self.alone {
            self.clocks[self.entries[at.entry as usize].process as usize] += 1;
        }
        if !self.touched.contains(at.frame as usize) {
            self.touched.insert(at.frame as usize);
        }
    }

    #[inline(always)]
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        // The reference that needs the page counts already, but once.
        let counts = !request.ahead && (self.alone || !self.counted);
        self.count(request.process, request.time, counts);
        self.counted |= !request.ahead;
        self.grow_old(frames);
        let clean = self.first_old_clean(frames, request.spare);
        self.pass(frames, clean);
        let (victim, why) = match clean {
            Some(clean) => (clean, Chosen::OldClean),
            None => self.after_a_circle(frames, request.spare),
        };
        self.victim_reason = why;
        self.forget(victim);
        self.hand = victim + 1;
        victim
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let process = self.entries[at.entry as usize].process;
        let counts = !std::mem::take(&mut self.counted) || self.alone;
        self.count(process, at.time, counts);
        self.enter(frames, at.frame, process);
    }

    fn prefetched(&mut self, frames: &mut Frames, at: PageAccess, _next_use: u32) {
        let process = self.entries[at.entry as usize].process;
        self.count(process, at.time, false);
        self.enter(frames, at.frame, process);
    }

    fn file_hit(&mut self, _frames: &mut Frames, at: PageAccess, _next_use: u32) {
        self.touched.insert(at.frame as usize);
    }

    fn file_loaded(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.prefetched(frames, at, next_use);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.forget(frame);
    }
}

impl Explain for WsClock<'_> {
    fn why(&self, evicted: &Evicted) -> String {
        let tau = self.tau;
        let chosen = match self.victim_reason {
            Chosen::OldClean => format!("clean and not used for more than {tau}"),
            Chosen::OldDirty => {
                format!(
                    "dirty and not used for more than {tau}: no clean page was unused for so long"
                )
            }
            Chosen::YoungClean => format!("clean: every page was used within {tau}"),
            Chosen::AtHand => format!("at the hand: every page was used within {tau} and is dirty"),
        };
        format!("{chosen}{}", evicted.looks())
    }

    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let words = |frame: FrameId| {
            let (r, m) = (frames.referenced(frame), frames.dirty(frame));
            let last = self.last[frame as usize];
            format!("R {}, M {}, used at {last}", u8::from(r), u8::from(m))
        };
        let order = self.classes.around(self.hand);
        Some(FrameOrder::with_words("from the hand on", order, words))
    }
}

impl WsClock<'_> {
    /// Returns the clock of `process`.
    fn clock_of(&self, process: u32) -> usize {
        if self.alone { 0 } else { process as usize }
    }

    /// Updates the clock of `process` at `time`. `refers`: a reference is under way that has not
    /// been counted.
    fn count(&mut self, process: u32, time: u64, refers: bool) {
        let at = self.clock_of(process);
        let clock = &mut self.clocks[at];
        *clock = match self.alone {
            // It may have been counted already, for a victim.
            true => (*clock).max(time + u64::from(refers)),
            false => *clock + u64::from(refers),
        };
    }

    /// Records that a page was loaded into `frame` for `process` and counts as used now.
    fn enter(&mut self, frames: &Frames, frame: FrameId, process: u32) {
        let owner = self.clock_of(process);
        self.owner[frame as usize] = owner as u32;
        self.last[frame as usize] = self.clocks[owner];
        self.young.push(owner, frame);
        self.classes.put(frame, YOUNG);
        if frames.referenced(frame) {
            self.touched.insert(frame as usize);
        }
        if !frames.dirty(frame) {
            self.clean.insert(frame as usize);
        }
    }

    /// Forgets `frame`.
    fn forget(&mut self, frame: FrameId) {
        if self.classes.of(frame) == Some(YOUNG) {
            self.young.remove(frame);
        }
        self.classes.remove(frame);
        self.touched.remove(frame as usize);
        self.clean.remove(frame as usize);
    }

    /// Makes young pages old that are outside the window by the present clocks.
    fn grow_old(&mut self, frames: &Frames) {
        for (process, &clock) in self.clocks.iter().enumerate() {
            while let Some(frame) = self.young.oldest(process) {
                if clock - self.last[frame as usize] <= self.tau {
                    break;
                }
                self.young.remove(frame);
                self.classes.put(frame, usize::from(frames.dirty(frame)));
            }
        }
    }

    /// Clears the bit of a referenced page that the hand passes; the page counts as used now.
    fn refresh(&mut self, frames: &mut Frames, frame: FrameId) {
        frames.clear_referenced(frame);
        self.touched.remove(frame as usize);
        if self.classes.of(frame) == Some(YOUNG) {
            self.young.remove(frame);
        }
        let owner = self.owner[frame as usize] as usize;
        self.last[frame as usize] = self.clocks[owner];
        self.young.push(owner, frame);
        self.classes.put(frame, YOUNG);
    }

    /// Returns the first page from the hand on that is old, clean and not referenced. Refreshes the
    /// referenced ones found before it.
    #[inline(always)]
    fn first_old_clean(&mut self, frames: &mut Frames, spare: Option<FrameId>) -> Option<FrameId> {
        loop {
            let frame = self.classes.next_around_but(OLD_CLEAN, self.hand, spare)?;
            match (frames.referenced(frame), frames.dirty(frame)) {
                (true, _) => self.refresh(frames, frame),
                (false, true) => self.classes.put(frame, OLD_DIRTY),
                (false, false) => return Some(frame),
            }
        }
    }

    /// Moves the hand on to `page`, or once around if there is none.
    fn pass(&mut self, frames: &mut Frames, page: Option<FrameId>) {
        for range in spans(self.hand, page, self.last.len()) {
            while let Some(at) = self.touched.within(&range) {
                let frame = at as FrameId;
                self.touched.remove(at);
                if frames.referenced(frame) {
                    self.refresh(frames, frame);
                }
            }
        }
    }

    /// Chooses a victim after the hand came round without an old clean page. No page is referenced
    /// any more.
    fn after_a_circle(&mut self, frames: &Frames, spare: Option<FrameId>) -> (FrameId, Chosen) {
        let (classes, hand) = (&self.classes, self.hand);
        if let Some(dirty) = classes.next_around_but(OLD_DIRTY, hand, spare) {
            return (dirty, Chosen::OldDirty);
        }
        let spared = spare.filter(|&spare| self.clean.contains(spare as usize));
        spared.inspect(|&spare| self.clean.remove(spare as usize));
        let mut clean = self.clean.next_around(hand as usize);
        while let Some(at) = clean.filter(|&at| frames.dirty(at as FrameId)) {
            self.clean.remove(at);
            clean = self.clean.next_around(hand as usize);
        }
        spared.inspect(|&spare| self.clean.insert(spare as usize));
        if let Some(at) = clean {
            return (at as FrameId, Chosen::YoungClean);
        }
        let young = classes.next_around_but(YOUNG, hand, spare);
        (young.expect("every frame is taken"), Chosen::AtHand)
    }
}
