//! LFU: the victim is the page referenced least often.

use crate::policy::prelude::*;
use crate::policy::support::lazy_heap::LazyHeap;

/// The references to a page and the number of its last use.
type Use = (u64, u64);

/// Least frequently used. A hit only counts; the heap is corrected when a victim is chosen.
pub struct Lfu {
    /// The count and last use of each frame.
    uses: Vec<Use>,
    /// The number of uses of all pages so far, including arrivals ahead of use. It numbers the
    /// uses.
    made: u64,
    /// Frames by [`Use`].
    order: LazyHeap<Use>,
    /// The counts of pages that are not resident; empty if they are forgotten.
    kept: Vec<u64>,
    /// References between halvings; `u64::MAX` if counts do not age.
    age: u64,
    /// The position of the reference after which the next halving comes.
    next_tick: u64,
}

impl<'t> PolicyType<'t> for Lfu {
    const SPEC: Spec = Spec {
        name: "lfu",
        aliases: &["least-frequently-used"],
        family: Family::Textbook,
        about: "least frequently used: evicts the page with the fewest references",
        cite: "A. Silberschatz, P. B. Galvin, G. Gagne, \"Operating System Concepts\", section \"Counting-based page replacement\"",
        choices: "the reference that loads a page counts. Of pages with equal counts the least recently used leaves. Counts survive eviction (perfect LFU); keep=0 forgets them (in-cache LFU). Counts never shrink unless age is given: then those of all pages, resident or not, are halved (rounded down) after every age-th reference (with frames by process: of the process).",
        sees: Sees::Hits,
        ticks: true,
        complexity: "hit O(1); fault O(log c) amortised; halving O(pages)",
        bytes: "44 bytes a frame; with keep=1 8 a page",
        repeats: HitSensitivity::All,
        params: &[
            Param::flag("keep", true, "counts survive eviction"),
            Param::count(
                "age",
                None,
                1..=u64::MAX,
                "references between two halvings of all counts",
            ),
        ],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Lfu {
        let keeps = setup.flag("keep");
        let age = setup.optional("age").unwrap_or(u64::MAX);
        Lfu {
            uses: vec![(0, 0); setup.frames as usize],
            made: 0,
            order: LazyHeap::new(setup.frames),
            kept: vec![0; if keeps { setup.pages } else { 0 }],
            age,
            next_tick: age - 1,
        }
    }
}

impl Policy for Lfu {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        let (count, last) = &mut self.uses[at.frame as usize];
        self.made += 1;
        *count += 1;
        *last = self.made;
    }

    #[inline(always)]
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let uses = &self.uses;
        let key = |frame| uses[frame as usize];
        let least = self.order.pop_least_but(request.spare, key);
        let victim = least.expect("every frame is taken");
        self.keep(frames, victim);
        victim
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let kept = self.kept.get(frames.page(at.frame) as usize);
        self.made += 1;
        let now = (kept.copied().unwrap_or(0) + 1, self.made);
        self.uses[at.frame as usize] = now;
        self.order.push(at.frame, now);
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        self.order.remove(frame);
        self.keep(frames, frame);
    }

    #[inline(always)]
    fn next_tick(&self) -> u64 {
        self.next_tick
    }

    fn tick(&mut self, _frames: &mut Frames, _time: u64) {
        self.next_tick = self.next_tick.saturating_add(self.age);
        self.uses.iter_mut().for_each(|(count, _)| *count /= 2);
        self.kept.iter_mut().for_each(|count| *count /= 2);
        let uses = &self.uses;
        self.order.rebuild(|frame| uses[frame as usize]);
    }
}

impl Explain for Lfu {
    fn why(&self, evicted: &Evicted) -> String {
        format!("least frequently used, {}", evicted.seen.last())
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let mut order: Vec<FrameId> = self.order.iter().collect();
        order.sort_unstable_by_key(|&frame| self.uses[frame as usize]);
        let count = |frame: FrameId| format!("{} times", self.uses[frame as usize].0);
        Some(FrameOrder::with_words("least often first", order, count))
    }
}

impl Lfu {
    /// Keeps the count of the page in `frame`, which is evicted, if counts survive.
    fn keep(&mut self, frames: &Frames, frame: FrameId) {
        if let Some(kept) = self.kept.get_mut(frames.page(frame) as usize) {
            *kept = self.uses[frame as usize].0;
        }
    }
}
