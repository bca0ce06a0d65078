//! Linux before the multi-generational LRU: an active and an inactive list, and refault distances
//! that say which pages come back too soon.

use crate::policy::prelude::*;
use crate::policy::support::lists::Lists;

/// The active list. Pages enter a list at the front.
const ACTIVE: usize = 0;
/// The inactive list.
const INACTIVE: usize = 1;

/// Page flag: found referenced at the last scan.
const REFERENCED: u8 = 1;
/// Page flag: was active once.
const WORKINGSET: u8 = 2;

/// In place of a shadow: none.
const NO_SHADOW: u64 = u64::MAX;

/// 4 KiB pages of a GiB, as a power of two.
const GIB: u32 = 18;

/// The counters of `/proc/vmstat`.
#[derive(Default)]
struct Counts {
    scan: u64,
    steal: u64,
    refill: u64,
    activate: u64,
    deactivate: u64,
    refault: u64,
    refault_activate: u64,
    refault_restore: u64,
}

/// Active and inactive list.
pub struct Linux {
    /// Frames by list.
    lists: Lists,
    /// The page flags of each frame.
    flags: Vec<u8>,
    /// For each evicted page its shadow: `age` at its eviction, times 2, plus 1 if it was in the
    /// workingset.
    shadows: Vec<u64>,
    /// Evictions and activations so far.
    age: u64,
    /// The most active pages per inactive page.
    ratio: u64,
    /// Pages deactivated at a time.
    batch: u64,
    counts: Counts,
}

impl Linux {
    /// Moves the oldest active pages to the inactive list, if that is too short.
    #[inline(always)]
    fn shrink_active(&mut self, frames: &mut Frames, request: VictimRequest) {
        // A page that must be spared does not count.
        let is_spare = |&frame: &FrameId| self.lists.is_in(INACTIVE, frame);
        let spared = request.spare.filter(is_spare).is_some();
        let (active, inactive) = (self.lists.len(ACTIVE), self.lists.len(INACTIVE));
        let inactive = inactive - u32::from(spared);
        let is_low = u64::from(inactive).saturating_mul(self.ratio) < u64::from(active);
        if !is_low && inactive > 0 {
            return;
        }
        for _ in 0..self.batch.min(u64::from(active)) {
            let Some(frame) = self.lists.back(ACTIVE) else {
                break;
            };
            if frames.referenced(frame) {
                frames.clear_referenced(frame);
            }
            self.flags[frame as usize] |= WORKINGSET;
            self.lists.move_front(INACTIVE, frame);
            self.counts.refill += 1;
            self.counts.deactivate += 1;
        }
    }

    /// Records the shadow of `page`, which is evicted.
    fn evict(&mut self, frame: FrameId, page: PageId) {
        let was_workingset = self.flags[frame as usize] & WORKINGSET != 0;
        self.shadows[page as usize] = self.age << 1 | u64::from(was_workingset);
        self.age += 1;
        self.counts.steal += 1;
    }

    /// Returns the flags of `page`, which is loaded, if it comes back so soon that a longer
    /// inactive list would have kept it; else `None`.
    fn refault(&mut self, page: PageId) -> Option<u8> {
        let shadow = std::mem::replace(&mut self.shadows[page as usize], NO_SHADOW);
        if shadow == NO_SHADOW {
            return None;
        }
        self.counts.refault += 1;
        let distance = self.age - (shadow >> 1);
        if distance > u64::from(self.lists.len(ACTIVE)) {
            return None;
        }
        self.age += 1;
        self.counts.refault_activate += 1;
        let was_workingset = shadow & 1 != 0;
        self.counts.refault_restore += u64::from(was_workingset);
        Some(if was_workingset { WORKINGSET } else { 0 })
    }
}

impl<'t> PolicyType<'t> for Linux {
    const SPEC: Spec = Spec {
        name: "linux",
        aliases: &["active-inactive"],
        family: Family::Kernel,
        about: "active and inactive list of Linux before MGLRU, with refault distances",
        cite: "Linux 6.x, mm/vmscan.c (shrink_active_list, shrink_inactive_list, folio_check_references, inactive_is_low) and mm/workingset.c; J. Weiner, \"Refault distance-based file cache sizing\", Linux 3.15, 2014",
        choices: "one inactive and one active list for all pages, which come in inactive; a page is activated when it is found referenced in two scans. The active list may be ratio times as long, by default the kernel's square root of 10 per GiB of 4 KiB pages. Reclaim is direct, one page a fault. Not modelled: kswapd and watermarks, separate lists for file and anonymous pages, swappiness, the pressure of slabs, cgroups, NUMA, the rule that executable mapped file pages stay active, readahead, batches that are isolated from the list, and dirty pages, which leave as clean ones do.",
        sees: Sees::Bits,
        complexity: "hit sets a bit; fault O(1) amortised, O(c) at worst",
        bytes: "10 bytes a frame, 8 bytes a page",
        repeats: HitSensitivity::Twice,
        bursts: HitDelivery::SetBits,
        params: &[
            Param::count(
                "ratio",
                None,
                1..=u64::MAX,
                "active pages per inactive page at most; as the kernel's if not given",
            ),
            Param::count(
                "batch",
                Some(32),
                1..=u64::MAX,
                "pages deactivated at a time",
            ),
        ],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Linux {
        let kernels = u64::from(10 * (setup.capacity >> GIB)).isqrt().max(1);
        Linux {
            lists: Lists::new(2, setup.frames),
            flags: vec![0; setup.frames as usize],
            shadows: vec![NO_SHADOW; setup.pages],
            age: 0,
            ratio: setup.optional("ratio").unwrap_or(kernels),
            batch: setup.number("batch"),
            counts: Counts::default(),
        }
    }
}

impl Policy for Linux {
    #[inline(always)]
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        loop {
            self.shrink_active(frames, request);
            let Some(frame) = self.lists.back_but(INACTIVE, request.spare) else {
                continue;
            };
            self.counts.scan += 1;
            if !frames.referenced(frame) {
                self.lists.remove(frame);
                self.evict(frame, frames.page(frame));
                return frame;
            }
            frames.clear_referenced(frame);
            let flags = &mut self.flags[frame as usize];
            if *flags & REFERENCED != 0 {
                self.lists.move_front(ACTIVE, frame);
                self.age += 1;
                self.counts.activate += 1;
            } else {
                self.lists.move_front(INACTIVE, frame);
            }
            *flags |= REFERENCED;
        }
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let soon = self.refault(frames.page(at.frame));
        let list = if soon.is_some() { ACTIVE } else { INACTIVE };
        self.flags[at.frame as usize] = soon.unwrap_or(0);
        self.lists.push_front(list, at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.lists.remove(frame);
    }

    fn event_counts(&self) -> Vec<EventCount> {
        let counts = &self.counts;
        vec![
            ("pgscan", counts.scan),
            ("pgsteal", counts.steal),
            ("pgrefill", counts.refill),
            ("pgactivate", counts.activate),
            ("pgdeactivate", counts.deactivate),
            ("workingset_refault", counts.refault),
            ("workingset_activate", counts.refault_activate),
            ("workingset_restore", counts.refault_restore),
        ]
    }
}

impl Explain for Linux {
    fn why(&self, evicted: &Evicted) -> String {
        match evicted.referenced {
            true => "oldest of the inactive list; its reference bit was cleared on the way".into(),
            false => "oldest of the inactive list, reference bit 0".into(),
        }
    }

    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let list = |list, name: &'static str| {
            let bit = |frame| u8::from(frames.referenced(frame));
            let flag = |frame: FrameId| self.flags[frame as usize] & REFERENCED;
            let word = move |frame| {
                let (bit, flag) = (bit(frame), flag(frame));
                (frame, format!("{name}, bit {bit}, referenced {flag}"))
            };
            self.lists.iter(list).map(word)
        };
        Some(FrameOrder {
            title: "active list, then inactive list, newest first".into(),
            frames: list(ACTIVE, "active")
                .chain(list(INACTIVE, "inactive"))
                .collect(),
        })
    }
}
