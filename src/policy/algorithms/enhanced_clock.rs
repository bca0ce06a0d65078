//! Enhanced second chance: Clock that looks for a clean page first.

use crate::policy::prelude::*;
use crate::policy::support::classes::{Classes, spans};

/// The class of pages neither referenced nor dirty.
const IDLE_CLEAN: usize = 0;
/// The class of pages dirty but not referenced.
const IDLE_DIRTY: usize = 1;
/// The class of referenced pages.
const REFERENCED: usize = 2;

/// Enhanced second chance. A page becomes idle only when this policy clears its bit. References and
/// writes since are noticed when a victim is looked for.
pub struct EnhancedSecondChance {
    /// The class of the last victim when it was chosen.
    victim_class: usize,
    /// Whether every page was referenced when the hand began to look for it.
    all_referenced: bool,
    /// Frames by class; a class may lag behind the bits.
    classes: Classes<3>,
    hand: FrameId,
    /// Whether the reference bit stays set on load.
    load_bit: bool,
}

impl<'t> PolicyType<'t> for EnhancedSecondChance {
    const SPEC: Spec = Spec {
        name: "esc",
        aliases: &["enhanced-second-chance"],
        family: Family::Textbook,
        about: "Clock that prefers pages that need no write-back",
        cite: "W. Stallings, \"Operating Systems: Internals and Design Principles\", section \"Replacement policy\" (the scheme of the Macintosh)",
        choices: "one circle from the hand looks for a page neither referenced nor dirty and clears nothing; if there is none, one looks for a page dirty but not referenced and clears the reference bit of every page that it passes; then both again. The hand moves when the victim is found, past it. The reference bit is set on load; load-bit=0 leaves it clear.",
        sees: Sees::Bits,
        complexity: "hit sets a bit; fault O(1) amortised, O(c) at worst",
        bytes: "2 bytes a frame",
        repeats: HitSensitivity::Twice,
        bursts: HitDelivery::SetBits,
        params: &[Param::flag(
            "load-bit",
            true,
            "reference bit of a page that has just come in",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> EnhancedSecondChance {
        EnhancedSecondChance {
            victim_class: IDLE_CLEAN,
            all_referenced: false,
            classes: Classes::new(setup.frames),
            hand: 0,
            load_bit: setup.flag("load-bit"),
        }
    }
}

impl Policy for EnhancedSecondChance {
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        self.all_referenced = false;
        let victim = loop {
            if let Some(clean) = self.first(frames, IDLE_CLEAN, request) {
                self.victim_class = IDLE_CLEAN;
                break clean;
            }
            let dirty = self.first(frames, IDLE_DIRTY, request);
            self.clear_up_to(frames, dirty);
            if let Some(dirty) = dirty {
                self.victim_class = IDLE_DIRTY;
                break dirty;
            }
            self.all_referenced = true;
        };
        self.classes.remove(victim);
        self.hand = victim + 1;
        victim
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        if !self.load_bit {
            frames.clear_referenced(at.frame);
        }
        self.classes.put(at.frame, class_of(frames, at.frame));
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.classes.remove(frame);
    }
}

impl Explain for EnhancedSecondChance {
    fn why(&self, evicted: &Evicted) -> String {
        match (self.all_referenced, self.victim_class) {
            (false, IDLE_CLEAN) => {
                "the first page from the hand on that was neither referenced nor dirty".into()
            }
            (false, _) => format!(
                "every clean page was referenced: the first from the hand on that was dirty but not referenced{}",
                evicted.looks()
            ),
            (true, IDLE_CLEAN) => {
                "every page was referenced, and the hand cleared all bits: then the first clean page from the hand on".into()
            }
            (true, _) => {
                "every page was referenced and dirty, and the hand cleared all bits: then the first page from the hand on".into()
            }
        }
    }

    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let bits = |frame| {
            let (r, m) = (frames.referenced(frame), frames.dirty(frame));
            format!("R {}, M {}", u8::from(r), u8::from(m))
        };
        let order = self.classes.around(self.hand);
        Some(FrameOrder::with_words("from the hand on", order, bits))
    }
}

impl EnhancedSecondChance {
    /// Returns the first page from the hand on that may leave and is in `class` by its present bits.
    fn first(&mut self, frames: &Frames, class: usize, request: VictimRequest) -> Option<FrameId> {
        loop {
            let frame = self
                .classes
                .next_around_but(class, self.hand, request.spare)?;
            let now = class_of(frames, frame);
            if now == class {
                return Some(frame);
            }
            self.classes.put(frame, now);
        }
    }

    /// Moves the hand on to `page`, or once around if there is none, and clears every bit on its
    /// way. No page on the way is idle.
    fn clear_up_to(&mut self, frames: &mut Frames, page: Option<FrameId>) {
        for mut range in spans(self.hand, page, self.classes.numbers()) {
            while let Some(frame) = self.classes.within(REFERENCED, &range) {
                range.start = frame as usize + 1;
                frames.clear_referenced(frame);
                self.classes.put(frame, class_of(frames, frame));
            }
        }
    }
}

/// Returns the class of the page in `frame` by its present bits.
#[inline]
fn class_of(frames: &Frames, frame: FrameId) -> usize {
    match (frames.referenced(frame), frames.dirty(frame)) {
        (true, _) => REFERENCED,
        (false, true) => IDLE_DIRTY,
        (false, false) => IDLE_CLEAN,
    }
}
