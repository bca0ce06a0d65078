//! FreeBSD's page daemon: an active, an inactive and a laundry queue, and an activity count of each
//! page.

use crate::policy::prelude::*;
use crate::policy::support::lists::Lists;

/// The active queue. Pages enter a queue at the front of its list and are scanned from the back.
const ACTIVE: usize = 0;
/// The inactive queue.
const INACTIVE: usize = 1;
/// The laundry queue.
const LAUNDRY: usize = 2;

/// The activity of a page that was just loaded.
const ACT_INIT: u8 = 5;
/// What a scan that finds a page referenced adds to its activity.
const ACT_ADVANCE: u8 = 4;
/// The highest activity.
const ACT_MAX: u8 = 64;

/// Counters, by the names of Linux.
#[derive(Default)]
struct Counts {
    scan: u64,
    steal: u64,
    refill: u64,
    activate: u64,
    deactivate: u64,
}

/// Active, inactive and laundry queue.
pub struct FreeBsd {
    /// The queue of the last victim.
    victim_queue: usize,
    /// Frames by queue.
    queues: Lists,
    /// The activity of each frame.
    activity: Vec<u8>,
    /// The target for the length of the inactive and laundry queues together.
    target: u32,
    counts: Counts,
}

impl FreeBsd {
    /// Returns whether the inactive and laundry queues together are below their target. A page that
    /// must be spared does not count.
    #[inline(always)]
    fn is_short(&self, spare: Option<FrameId>) -> bool {
        let is_spare = |frame| !self.queues.is_in(ACTIVE, frame);
        let spared = u32::from(spare.is_some_and(is_spare));
        self.queues.len(INACTIVE) + self.queues.len(LAUNDRY) - spared < self.target
    }

    /// Makes a page active that was found referenced.
    fn reward(&mut self, frames: &mut Frames, frame: FrameId) {
        frames.clear_referenced(frame);
        let activity = &mut self.activity[frame as usize];
        *activity = (*activity + ACT_ADVANCE).min(ACT_MAX);
        self.queues.move_front(ACTIVE, frame);
    }

    /// Scans the active queue once, as long as the other queues are short.
    #[inline(always)]
    fn scan_active(&mut self, frames: &mut Frames, spare: Option<FrameId>) {
        for _ in 0..self.queues.len(ACTIVE) {
            if !self.is_short(spare) {
                return;
            }
            let frame = self.queues.back(ACTIVE).expect("as many as at the start");
            self.counts.refill += 1;
            if frames.referenced(frame) {
                self.reward(frames, frame);
                continue;
            }
            let activity = &mut self.activity[frame as usize];
            *activity = activity.saturating_sub(1);
            if *activity == 0 {
                self.counts.deactivate += 1;
                self.queues.move_front(INACTIVE, frame);
            } else {
                self.queues.move_front(ACTIVE, frame);
            }
        }
    }

    /// Scans `queue` until it finds a victim: an unreferenced page, in the inactive queue a clean
    /// one. Moves the pages before it to other queues.
    #[inline(always)]
    fn scan(
        &mut self,
        frames: &mut Frames,
        queue: usize,
        spare: Option<FrameId>,
    ) -> Option<FrameId> {
        while let Some(frame) = self.queues.back_but(queue, spare) {
            self.counts.scan += 1;
            if frames.referenced(frame) {
                let activity = &mut self.activity[frame as usize];
                *activity = (*activity).max(ACT_INIT);
                self.reward(frames, frame);
                self.counts.activate += 1;
            } else if queue == INACTIVE && frames.dirty(frame) {
                self.queues.move_front(LAUNDRY, frame);
            } else {
                self.queues.remove(frame);
                self.victim_queue = queue;
                self.counts.steal += 1;
                return Some(frame);
            }
        }
        None
    }

    /// Takes a page other than that in `spare` out of its queue. Compiled apart for a request that
    /// spares nothing: most do.
    #[inline(always)]
    fn choose(&mut self, frames: &mut Frames, spare: Option<FrameId>) -> FrameId {
        loop {
            self.scan_active(frames, spare);
            let clean = self.scan(frames, INACTIVE, spare);
            if let Some(frame) = clean.or_else(|| self.scan(frames, LAUNDRY, spare)) {
                return frame;
            }
        }
    }
}

impl<'t> PolicyType<'t> for FreeBsd {
    const SPEC: Spec = Spec {
        name: "freebsd",
        aliases: &["page-daemon"],
        family: Family::Kernel,
        about: "active, inactive and laundry queue of FreeBSD, with activity counts",
        cite: "FreeBSD 14, sys/vm/vm_pageout.c (vm_pageout_scan_active, vm_pageout_scan_inactive, vm_pageout_launder); M. K. McKusick, G. V. Neville-Neil, R. N. M. Watson, \"The Design and Implementation of the FreeBSD Operating System\", 2nd ed., Addison-Wesley, 2014",
        choices: "inactive is the part of the frames that the inactive and laundry queues together should have. A page comes in active with a count of 5; a look at the active queue that finds it referenced adds 4 (up to 64), another takes 1; a page found referenced in the inactive or laundry queue has at least 5 and 4 more. Reclaim is direct, one page a fault; dirty pages leave, and are written, only when the inactive queue has no page left. Not modelled: the page daemon's own pace and its controller, the timed scan of the active queue, launder thread and clustering, superpages, domains, the unswappable queue, and madvise.",
        sees: Sees::Bits,
        complexity: "hit sets a bit; fault O(1) amortised by activity counts, O(c) at worst",
        bytes: "10 bytes a frame",
        repeats: HitSensitivity::Twice,
        bursts: HitDelivery::SetBits,
        params: &[Param::fraction(
            "inactive",
            Some(100_000),
            0..=1_000_000,
            "target of the inactive and laundry queues, part of the frames",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> FreeBsd {
        let target = setup.fraction_of("inactive", setup.capacity);
        FreeBsd {
            victim_queue: INACTIVE,
            queues: Lists::new(3, setup.frames),
            activity: vec![0; setup.frames as usize],
            target: target.max(1),
            counts: Counts::default(),
        }
    }
}

impl Policy for FreeBsd {
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        match request.spare {
            None => self.choose(frames, None),
            spare => self.choose(frames, spare),
        }
    }

    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        self.activity[at.frame as usize] = ACT_INIT;
        self.queues.push_front(ACTIVE, at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.queues.remove(frame);
    }

    fn event_counts(&self) -> Vec<EventCount> {
        let counts = &self.counts;
        vec![
            ("pgscan", counts.scan),
            ("pgsteal", counts.steal),
            ("pgrefill", counts.refill),
            ("pgactivate", counts.activate),
            ("pgdeactivate", counts.deactivate),
        ]
    }
}

impl Explain for FreeBsd {
    fn why(&self, evicted: &Evicted) -> String {
        let queue = match self.victim_queue {
            INACTIVE => "clean, the first such page of the inactive queue",
            _ => "first page of the laundry queue: no clean page was inactive",
        };
        format!("reference bit 0, {queue}{}", evicted.looks())
    }

    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let queue = |queue, name: &'static str| {
            let bit = |frame| u8::from(frames.referenced(frame));
            let count = |frame: FrameId| self.activity[frame as usize];
            let word = move |frame| {
                let (bit, count) = (bit(frame), count(frame));
                (frame, format!("{name}, bit {bit}, count {count}"))
            };
            self.queues.iter(queue).map(word)
        };
        Some(FrameOrder {
            title: "active, inactive, laundry queue, newest first".into(),
            frames: queue(ACTIVE, "active")
                .chain(queue(INACTIVE, "inactive"))
                .chain(queue(LAUNDRY, "laundry"))
                .collect(),
        })
    }
}
