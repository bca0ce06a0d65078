//! S3-FIFO: new pages pass a small queue first, and only those referenced there get into the main
//! one; pages that left the small queue are remembered.

use crate::policy::prelude::*;
use crate::policy::support::ghosts::Ghosts;
use crate::policy::support::lists::Lists;

/// The small queue. Pages enter a queue at the front of its list and are evicted at the back.
const SMALL: usize = 0;
/// The main queue.
const MAIN: usize = 1;

/// The highest frequency.
const MAX_FREQUENCY: u8 = 3;

/// Simple, scalable caching with three static FIFO queues.
pub struct S3Fifo {
    /// Frames by queue.
    queues: Lists,
    /// References to the page in each frame since it was loaded or spared, up to
    /// [`MAX_FREQUENCY`].
    frequency: Vec<u8>,
    /// Pages evicted from the small queue.
    ghosts: Ghosts,
    /// The length of the small queue from which on the victim comes from it.
    small: u32,
    /// The frequency with which a page passes from the small queue into the main one.
    threshold: u8,
    /// Whether new pages go into the main queue once the small one has its share. Ends with the
    /// first victim.
    fills_main: bool,
    /// The queue of the last victim.
    victim_queue: usize,
}

impl<'t> PolicyType<'t> for S3Fifo {
    const SPEC: Spec = Spec {
        name: "s3-fifo",
        aliases: &["s3fifo"],
        family: Family::Research,
        about: "a small FIFO queue filters new pages for a main one; ghosts skip the filter",
        cite: "J. Yang, Y. Zhang, Z. Qiu, Y. Yue, K. V. Rashmi, \"FIFO queues are all you need for cache eviction\", ACM Symposium on Operating Systems Principles (SOSP), 2023",
        choices: "the small queue gives up a page when it has its share of the frames, rounded down but at least one, and then until a page leaves or it is empty. The load does not count as a reference. A page that leaves the small queue is remembered by its number in a FIFO queue of its own, out of which it is taken when it comes back, before a victim is chosen. A page needs two further references (threshold) to get from the small into the main queue. libCacheSim 0.3.5 lets new pages into the main queue while memory fills: s3-fifo:small=0.5 on 1 2 3 4 5 6 1 3 with 4 frames gives 7 misses there, 8 here; fill-main=1 gives 7.",
        sees: Sees::Hits,
        complexity: "hit counts to 3; fault O(1) amortised, O(c) at worst",
        bytes: "10 bytes a frame, 4 a page, 8 to 16 a remembered page",
        repeats: HitSensitivity::All,
        bursts: HitDelivery::SetBits,
        params: &[
            Param::fraction(
                "small",
                Some(100_000),
                0..=1_000_000,
                "size of the small queue, part of the frames",
            ),
            Param::fraction(
                "ghost",
                Some(900_000),
                0..=10_000_000,
                "pages remembered at most, part of the frames",
            ),
            Param::count(
                "threshold",
                Some(2),
                1..=MAX_FREQUENCY as u64,
                "references in the small queue that lead into the main one",
            ),
            Param::flag(
                "fill-main",
                false,
                "1: until a page has left, a small queue that has its share sends new pages into the main one, as libCacheSim does",
            ),
        ],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> S3Fifo {
        let share = |name| setup.fraction_of(name, setup.capacity);
        S3Fifo {
            queues: Lists::new(2, setup.frames),
            frequency: vec![0; setup.frames as usize],
            ghosts: Ghosts::new(setup.pages, share("ghost")),
            small: share("small").max(1),
            threshold: setup.number("threshold") as u8,
            fills_main: setup.flag("fill-main"),
            victim_queue: SMALL,
        }
    }
}

impl Policy for S3Fifo {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        let frequency = &mut self.frequency[at.frame as usize];
        // Stored only if it changes: most references are to pages that have been hit before.
        if *frequency < MAX_FREQUENCY {
            *frequency += 1;
        }
    }

    #[inline(always)]
    fn is_settled(&self, frame: FrameId) -> bool {
        self.frequency[frame as usize] == MAX_FREQUENCY
    }

    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        self.ghosts.recall(request.page);
        self.fills_main = false;
        let from_small = self.queues.len(SMALL) >= self.small;
        loop {
            let queue = if from_small { SMALL } else { MAIN };
            let (queue, frame) = self.queues.back_of(queue, request.spare);
            self.queues.remove(frame);
            let frequency = &mut self.frequency[frame as usize];
            match queue {
                SMALL if *frequency >= self.threshold => *frequency = 0,
                MAIN if *frequency > 0 => *frequency -= 1,
                _ => {
                    if queue == SMALL {
                        self.ghosts.push(frames.page(frame));
                    }
                    self.victim_queue = queue;
                    return frame;
                }
            }
            frames.unsettle(frame);
            self.queues.push_front(MAIN, frame);
        }
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let page = frames.page(at.frame);
        let returns = self.ghosts.take(page);
        let fills = self.fills_main && self.queues.len(SMALL) >= self.small;
        let queue = if returns || fills { MAIN } else { SMALL };
        self.queues.push_front(queue, at.frame);
        self.frequency[at.frame as usize] = 0;
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.queues.remove(frame);
    }
}

impl Explain for S3Fifo {
    fn why(&self, _evicted: &Evicted) -> String {
        match self.victim_queue {
            SMALL => format!(
                "at the end of the small queue with fewer than {} references there",
                self.threshold
            ),
            _ => "at the end of the main queue, all its references used up".into(),
        }
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let queue = |queue, name: &'static str| {
            let frequency = |frame| self.frequency[frame as usize];
            let word = move |frame| (frame, format!("{name}, {}", frequency(frame)));
            self.queues.iter(queue).map(word)
        };
        Some(FrameOrder {
            title: "small queue, then main queue, newest first, with frequencies".into(),
            frames: queue(SMALL, "small").chain(queue(MAIN, "main")).collect(),
        })
    }
}
