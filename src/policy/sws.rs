//! The sampled working set: what a kernel can know of the working set, by looking at the reference
//! bits of a process's pages from time to time.

use crate::policy::prelude::*;
use crate::policy::support::bits::BitSet;
use crate::policy::support::rings::Rings;
use crate::trace::dense::PageKey;
use crate::units::counted;

/// No look is due.
const LATER: u64 = u64::MAX;

/// The working set, sampled. Pages that may have been referenced since the last look are kept apart,
/// so that a look is at these and at those that leave: it is enough to be told of a reference that
/// finds the bit clear.
pub struct SampledWorkingSet<'t> {
    entries: &'t [PageKey],
    /// References of a process between looks.
    interval: u64,
    /// A page that was idle for so many looks leaves.
    looks: u64,
    /// One process: its time is the position in the trace, and not every hit need be told.
    alone: bool,
    /// References of each process until its next look; not with one process.
    until: Vec<u64>,
    /// The position of the next look, and the process that is looked at.
    next_tick: u64,
    due: usize,
    /// Looks at each process so far.
    looked: Vec<u64>,
    /// The process that loaded each page, and the last look that found it referenced, or after which
    /// it came in.
    owner: Vec<u32>,
    last: Vec<u64>,
    /// The frames that each process loaded, in the order of these looks.
    order: Rings,
    /// Those of them that may be referenced.
    awake: Rings,
    is_awake: BitSet,
    /// Pages that leave after this reference, that of the lowest number last.
    leaving: Vec<(PageId, FrameId)>,
}

impl<'t> PolicyType<'t> for SampledWorkingSet<'t> {
    const SPEC: Spec = Spec {
        name: "sws",
        aliases: &["sampled-working-set"],
        family: Family::VariableSpace,
        about: "working set as a kernel sees it: reference bits sampled at intervals",
        cite: "J. Rodriguez-Rosell, J.-P. Dupuy, \"The design, implementation, and evaluation of a working set dispatcher\", Communications of the ACM 16(4), 1973",
        choices: "after every interval-th reference of a process each page that it loaded is looked at: if its reference bit is set, the bit is cleared and the page was idle for 0 looks, else for one more, and it leaves at tau / interval looks (rounded down, at least 1). With one process interval=1 is ws. A shared page belongs to the process that loaded it, whoever refers to it: when that has exited nobody looks at the page, which stays until nobody maps it. A page brought in ahead of use comes in unreferenced.",
        space: Space::Variable,
        sees: Sees::Bits,
        ticks: true,
        complexity: "hit sets a bit; fault O(1); look O(pages referenced since the last)",
        bytes: "37 bytes a frame",
        repeats: Repeats::All,
        bursts: Bursts::SetBitsAlone,
        params: &[Param::count(
            "interval",
            Some(1000),
            1..=u64::MAX,
            "references of the process between two looks at its reference bits",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> SampledWorkingSet<'t> {
        let interval = setup.params.of(&Self::SPEC, "interval");
        let (frames, alone) = (setup.frames as usize, setup.processes <= 1);
        SampledWorkingSet {
            entries: setup.entries,
            interval,
            looks: (setup.tau / interval).max(1),
            alone,
            until: vec![interval; setup.processes],
            next_tick: if alone { interval - 1 } else { LATER },
            due: 0,
            looked: vec![0; setup.processes],
            owner: vec![0; frames],
            last: vec![0; frames],
            order: Rings::new(setup.processes, setup.frames),
            awake: Rings::new(setup.processes, setup.frames),
            is_awake: BitSet::new(frames),
            leaving: Vec::with_capacity(frames),
        }
    }
}

impl Policy for SampledWorkingSet<'_> {
    #[inline(always)]
    fn hit(&mut self, at: Touch) {
        if !self.alone {
            self.count(at.entry);
        }
        if !self.is_awake.contains(at.frame as usize) {
            self.wake(at.frame);
        }
    }

    /// The page that was idle for the most looks. The machine has as many frames as pages and never
    /// asks.
    fn victim(&mut self, frames: &mut Frames, _request: VictimRequest) -> FrameId {
        let oldest = (0..self.until.len()).filter_map(|process| self.order.oldest(process));
        let victim = oldest.max_by_key(|&frame| self.idle(frame));
        let victim = victim.expect("a page is resident");
        self.freed(frames, victim);
        victim
    }

    fn loaded(&mut self, _frames: &mut Frames, at: Touch) {
        self.enter(at);
        self.hit(at);
    }

    fn prefetched(&mut self, _frames: &mut Frames, at: Touch, _next_use: u32) {
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
        self.next_tick
    }

    /// A look at the pages of a process.
    fn tick(&mut self, frames: &mut Frames, _time: u64) {
        self.next_tick = match self.alone {
            true => self.next_tick.saturating_add(self.interval),
            false => LATER,
        };
        let process = self.due;
        self.looked[process] += 1;
        let now = self.looked[process];
        while let Some(frame) = self.awake.pop(process) {
            self.is_awake.remove(frame as usize);
            // A hit need not set the bit: it may find its translation in a TLB.
            if frames.referenced(frame) {
                frames.clear_referenced(frame);
                self.last[frame as usize] = now;
                self.order.remove(frame);
                self.order.push(process, frame);
            }
        }
        while let Some(frame) = self.order.oldest(process)
            && now - self.last[frame as usize] >= self.looks
        {
            self.order.remove(frame);
            self.leaving.push((frames.page(frame), frame));
        }
        self.leaving
            .sort_unstable_by_key(|page| std::cmp::Reverse(page.0));
    }

    #[inline(always)]
    fn expire(&mut self, _frames: &mut Frames, _entry: EntryId) -> Option<FrameId> {
        self.leaving.pop().map(|(_, frame)| frame)
    }
}

impl Explain for SampledWorkingSet<'_> {
    fn why(&self, evicted: &Evicted) -> String {
        let looks = counted(self.looks, "look");
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
        Some(FrameOrder {
            title: format!("looks every {} references", self.interval),
            frames: order.into_iter().map(|f| (f, words(f))).collect(),
        })
    }
}

impl SampledWorkingSet<'_> {
    /// A reference through an entry; its process may be looked at next.
    #[inline(always)]
    fn count(&mut self, entry: EntryId) {
        let process = self.entries[entry as usize].process as usize;
        let until = &mut self.until[process];
        *until -= 1;
        if *until == 0 {
            *until = self.interval;
            (self.due, self.next_tick) = (process, 0);
        }
    }

    /// Looks for which a page was idle.
    fn idle(&self, frame: FrameId) -> u64 {
        self.looked[self.owner[frame as usize] as usize] - self.last[frame as usize]
    }

    fn wake(&mut self, frame: FrameId) {
        self.is_awake.insert(frame as usize);
        let owner = self.owner[frame as usize];
        self.awake.push(owner as usize, frame);
    }

    /// A page comes in.
    fn enter(&mut self, at: Touch) {
        let process = self.entries[at.entry as usize].process as usize;
        self.owner[at.frame as usize] = process as u32;
        self.last[at.frame as usize] = self.looked[process];
        self.order.push(process, at.frame);
    }
}
