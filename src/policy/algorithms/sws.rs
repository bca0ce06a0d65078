//! The sampled working set: what a kernel can know of the working set, by looking at the reference
//! bits of a process's pages from time to time.

use crate::policy::prelude::*;
use crate::policy::support::bit_set::BitSet;
use crate::policy::support::leaving::Leaving;
use crate::policy::support::rings::Rings;
use crate::trace::model::refs::PageKey;
use crate::units::counted;

/// In place of a position: no sample is due.
const LATER: u64 = u64::MAX;

/// The working set, sampled. Pages that may have been referenced since the last sample are kept
/// apart, so that a sample touches only these and those that leave. The policy needs only those
/// hits that find the reference bit clear.
pub struct SampledWorkingSet<'t> {
    entries: &'t [PageKey],
    /// References of a process between two samples.
    interval: u64,
    /// The number of samples after which an idle page leaves.
    max_idle: u64,
    /// Whether there is one process, whose clock is the position in the trace. Then not every hit
    /// needs to be reported.
    alone: bool,
    /// References of each process until its next sample; unused with one process.
    until: Vec<u64>,
    /// The position of the next sample.
    next_sample: u64,
    /// The process that is sampled next.
    due_process: usize,
    /// The number of samples of each process so far.
    samples: Vec<u64>,
    /// The process that loaded the page in each frame.
    owner: Vec<u32>,
    /// For each frame the last sample that found its page referenced, or before its load.
    last: Vec<u64>,
    /// The frames that each process loaded, in the order of `last`.
    order: Rings,
    /// The frames of each process that may have been referenced since its last sample.
    awake: Rings,
    /// The frames in `awake`.
    is_awake: BitSet,
    /// Pages that leave after the reference under way.
    leaving: Leaving,
}

impl<'t> PolicyType<'t> for SampledWorkingSet<'t> {
    const SPEC: Spec = Spec {
        name: "sws",
        aliases: &["sampled-working-set"],
        family: Family::VariableSpace,
        about: "working set as a kernel sees it: reference bits sampled at intervals",
        cite: "J. Rodriguez-Rosell, J.-P. Dupuy, \"The design, implementation, and evaluation of a working set dispatcher\", Communications of the ACM 16(4), 1973",
        choices: "after every interval-th reference of a process each page that it loaded is looked at: if its reference bit is set, the bit is cleared and the page was idle for 0 looks, else for one more, and it leaves at tau / interval looks (rounded down, at least 1). With one process, and no page brought in ahead of use, interval=1 is ws. A shared page belongs to the process that loaded it, whichever process refers to it: when that has exited the page is no longer looked at, and stays until no process maps it. A page brought in ahead of use comes in unreferenced.",
        space: MemoryBy::Variable,
        sees: Sees::Bits,
        ticks: true,
        complexity: "hit sets a bit; fault O(1); look O(pages referenced since the last)",
        bytes: "37 bytes a frame",
        repeats: HitSensitivity::All,
        bursts: HitDelivery::SetBitsAlone,
        params: &[Param::count(
            "interval",
            Some(1000),
            1..=u64::MAX,
            "references of the process between two looks at its reference bits",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> SampledWorkingSet<'t> {
        let interval = setup.number("interval");
        let (frames, alone) = (setup.frames as usize, setup.processes <= 1);
        SampledWorkingSet {
            entries: setup.entries,
            interval,
            max_idle: (setup.tau / interval).max(1),
            alone,
            until: vec![interval; setup.processes],
            next_sample: if alone { interval - 1 } else { LATER },
            due_process: 0,
            samples: vec![0; setup.processes],
            owner: vec![0; frames],
            last: vec![0; frames],
            order: Rings::new(setup.processes, setup.frames),
            awake: Rings::new(setup.processes, setup.frames),
            is_awake: BitSet::new(frames),
            leaving: Leaving::new(frames),
        }
    }
}

impl Policy for SampledWorkingSet<'_> {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        if !self.alone {
            self.count(at.entry);
        }
        if !self.is_awake.contains(at.frame as usize) {
            self.wake(at.frame);
        }
    }

    /// The page that was idle for the most looks. The machine has as many frames as pages and never
    /// asks.
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let oldest = |process| self.order.oldest_but(process, request.spare);
        let oldest = (0..self.until.len()).filter_map(oldest);
        let victim = oldest.max_by_key(|&frame| self.idle(frame));
        let victim = victim.expect("a page is resident");
        self.freed(frames, victim);
        victim
    }

    #[inline(always)]
    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        self.enter(at);
        self.hit(at);
    }

    fn prefetched(&mut self, _frames: &mut Frames, at: PageAccess, _next_use: u32) {
        self.enter(at);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.order.remove(frame);
        if self.is_awake.contains(frame as usize) {
            self.is_awake.remove(frame as usize);
            self.awake.remove(frame);
        }
    }

    #[inline(always)]
    fn next_tick(&self) -> u64 {
        self.next_sample
    }

    /// Samples the pages of a process.
    fn tick(&mut self, frames: &mut Frames, _time: u64) {
        self.next_sample = match self.alone {
            true => self.next_sample.saturating_add(self.interval),
            false => LATER,
        };
        let process = self.due_process;
        self.samples[process] += 1;
        let now = self.samples[process];
        while let Some(frame) = self.awake.pop(process) {
            self.is_awake.remove(frame as usize);
            // A hit leaves the bit clear if a TLB had the translation.
            if frames.referenced(frame) {
                frames.clear_referenced(frame);
                self.last[frame as usize] = now;
                self.order.remove(frame);
                self.order.push(process, frame);
            }
        }
        while let Some(frame) = self.order.oldest(process)
            && now - self.last[frame as usize] >= self.max_idle
        {
            self.order.remove(frame);
            self.leaving.push(frames.page(frame), frame);
        }
        self.leaving.sort();
    }

    #[inline(always)]
    fn expire(&mut self, _frames: &mut Frames, _entry: EntryId) -> Option<FrameId> {
        self.leaving.pop()
    }
}

impl Explain for SampledWorkingSet<'_> {
    fn why(&self, evicted: &Evicted) -> String {
        let looks = counted(self.max_idle, "look");
        format!("idle for {looks}, {}", evicted.seen.last())
    }

    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let processes = 0..self.until.len();
        let mut order: Vec<FrameId> = processes.flat_map(|p| self.order.iter(p)).collect();
        let idle = |frame: FrameId| (!frames.referenced(frame), self.idle(frame));
        order.sort_by_key(|&frame| idle(frame));
        let words = |frame| match idle(frame) {
            (false, _) => "referenced".to_owned(),
            (true, looks) => format!("idle {looks}"),
        };
        let title = format!("looks every {} references", self.interval);
        Some(FrameOrder::with_words(title, order, words))
    }
}

impl SampledWorkingSet<'_> {
    /// Counts a reference through `entry`. The sample of its process may be due then.
    #[inline(always)]
    fn count(&mut self, entry: EntryId) {
        let process = self.entries[entry as usize].process as usize;
        let until = &mut self.until[process];
        *until -= 1;
        if *until == 0 {
            *until = self.interval;
            (self.due_process, self.next_sample) = (process, 0);
        }
    }

    /// Returns the number of samples for which the page in `frame` was idle.
    fn idle(&self, frame: FrameId) -> u64 {
        self.samples[self.owner[frame as usize] as usize] - self.last[frame as usize]
    }

    /// Records that the page in `frame` may have been referenced.
    fn wake(&mut self, frame: FrameId) {
        self.is_awake.insert(frame as usize);
        let owner = self.owner[frame as usize];
        self.awake.push(owner as usize, frame);
    }

    /// Records a page that was put into `at.frame`.
    fn enter(&mut self, at: PageAccess) {
        let process = self.entries[at.entry as usize].process as usize;
        self.owner[at.frame as usize] = process as u32;
        self.last[at.frame as usize] = self.samples[process];
        self.order.push(process, at.frame);
    }
}
