//! Page fault frequency: a process that faults seldom gives up the pages that it did not use.

use crate::policy::prelude::*;
use crate::policy::support::bit_set::BitSet;
use crate::policy::support::leaving::Leaving;
use crate::policy::support::rings::Rings;
use crate::trace::model::refs::PageKey;
use crate::units::counted;

/// Page fault frequency. Pages that may have been referenced since their bits were cleared are kept
/// apart, so that a fault does not touch the others. The policy needs only those hits that find the
/// reference bit clear.
pub struct PageFaultFrequency<'t> {
    entries: &'t [PageKey],
    /// The references between two faults of a process from which on faults are rare.
    tau: u64,
    /// Whether bits are cleared at every fault.
    reset: bool,
    /// Whether there is one process, whose clock is the position in the trace. Then not every hit
    /// needs to be reported.
    alone: bool,
    /// For each process its references, and their number at its last fault; 0 before the first.
    clocks: Vec<(u64, u64)>,
    /// For each process two queues of the frames that it loaded: the idle ones, and the others.
    pages: Rings,
    /// The frames in the idle queues.
    idle: BitSet,
    /// The process that loaded the page in each frame.
    owner: Vec<u32>,
    /// Pages that leave after the reference under way.
    leaving: Leaving,
}

impl<'t> PolicyType<'t> for PageFaultFrequency<'t> {
    const SPEC: Spec = Spec {
        name: "pff",
        aliases: &["page-fault-frequency"],
        family: Family::VariableSpace,
        about: "page fault frequency: gives up unused pages when faults are rare",
        cite: "W. W. Chu, H. Opderbeck, \"The page fault frequency replacement algorithm\", AFIPS Fall Joint Computer Conference, 1972; P. J. Denning, \"Working sets past and present\", IEEE Transactions on Software Engineering 6(1), 1980",
        choices: "a fault is one that loads a page: maps and cow_reuses are none. At a fault tau or more references of the process after its fault before, the pages that it loaded and that are not referenced leave, after the reference. Reference bits of its pages, but for that of the page just loaded, are cleared at every fault, so that not referenced means since the fault before (Denning); with reset=0 only where pages may leave (Stallings). A shared page belongs to the process that loaded it: when that has exited the page stays until no process maps it.",
        space: MemoryBy::Variable,
        sees: Sees::Bits,
        complexity: "hit sets a bit; fault O(1) amortised",
        bytes: "25 bytes a frame",
        repeats: HitSensitivity::All,
        bursts: HitDelivery::SetBitsAlone,
        params: &[Param::flag(
            "reset",
            true,
            "reference bits are cleared at every fault",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> PageFaultFrequency<'t> {
        let frames = setup.frames as usize;
        PageFaultFrequency {
            entries: setup.entries,
            tau: setup.tau,
            reset: setup.flag("reset"),
            alone: setup.processes <= 1,
            clocks: vec![(0, 0); setup.processes],
            pages: Rings::new(2 * setup.processes, setup.frames),
            idle: BitSet::new(frames),
            owner: vec![0; frames],
            leaving: Leaving::new(frames),
        }
    }
}

impl Policy for PageFaultFrequency<'_> {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        if !self.alone {
            let process = self.process(at.entry);
            self.clocks[process].0 += 1;
        }
        if self.idle.contains(at.frame as usize) {
            self.wake(at.frame);
        }
    }

    /// The first idle page, else the first of all. The machine has as many frames as pages and
    /// never asks.
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let processes = 0..self.clocks.len();
        let queues = processes.clone().map(idle).chain(processes.map(in_use));
        let first = queues
            .filter_map(|queue| self.pages.oldest_but(queue, request.spare))
            .next();
        let victim = first.expect("a page is resident");
        self.freed(frames, victim);
        victim
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let process = self.process(at.entry);
        let (clock, last_fault) = &mut self.clocks[process];
        *clock = if self.alone { at.time + 1 } else { *clock + 1 };
        let before = std::mem::replace(last_fault, *clock);
        let shrinks = before != 0 && *clock - before >= self.tau;
        if shrinks || self.reset {
            self.clear(frames, process, shrinks);
        }
        self.owner[at.frame as usize] = process as u32;
        self.pages.push(in_use(process), at.frame);
    }

    fn prefetched(&mut self, _frames: &mut Frames, at: PageAccess, _next_use: u32) {
        let process = self.process(at.entry);
        self.owner[at.frame as usize] = process as u32;
        self.rest(process, at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.pages.remove(frame);
        self.idle.remove(frame as usize);
    }

    #[inline(always)]
    fn expire(&mut self, _frames: &mut Frames, _entry: EntryId) -> Option<FrameId> {
        self.leaving.pop()
    }
}

impl Explain for PageFaultFrequency<'_> {
    fn why(&self, evicted: &Evicted) -> String {
        let (tau, last) = (counted(self.tau, "reference"), evicted.seen.last());
        format!(
            "the process had loaded no page for {tau} or more, and the reference bit is clear: {last}"
        )
    }

    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let queues = 0..2 * self.clocks.len();
        let mut order: Vec<FrameId> = queues.flat_map(|queue| self.pages.iter(queue)).collect();
        order.sort_by_key(|&frame| frames.referenced(frame));
        let bit = |frame| format!("bit {}", u8::from(frames.referenced(frame)));
        let title = "those that leave at the next rare fault first";
        Some(FrameOrder::with_words(title, order, bit))
    }
}

/// Returns the queue of the idle frames of `process`.
fn idle(process: usize) -> usize {
    2 * process
}

/// Returns the queue of the other frames of `process`.
fn in_use(process: usize) -> usize {
    2 * process + 1
}

impl PageFaultFrequency<'_> {
    /// Returns the process of `entry`.
    #[inline(always)]
    fn process(&self, entry: EntryId) -> usize {
        self.entries[entry as usize].process as usize
    }

    /// Records that the page in `frame` is not idle any more.
    fn wake(&mut self, frame: FrameId) {
        self.idle.remove(frame as usize);
        self.pages.remove(frame);
        let owner = self.owner[frame as usize];
        self.pages.push(in_use(owner as usize), frame);
    }

    /// Records that the page in `frame` is idle from now on.
    fn rest(&mut self, process: usize, frame: FrameId) {
        self.idle.insert(frame as usize);
        self.pages.push(idle(process), frame);
    }

    /// Clears the reference bits of the pages of `process`. If it `shrinks`, those whose bits are
    /// clear already leave.
    fn clear(&mut self, frames: &mut Frames, process: usize, shrinks: bool) {
        while shrinks && let Some(frame) = self.pages.pop(idle(process)) {
            self.idle.remove(frame as usize);
            self.leaving.push(frames.page(frame), frame);
        }
        while let Some(frame) = self.pages.pop(in_use(process)) {
            if frames.referenced(frame) {
                frames.clear_referenced(frame);
                self.rest(process, frame);
            } else if shrinks {
                self.leaving.push(frames.page(frame), frame);
            } else {
                self.rest(process, frame);
            }
        }
        self.leaving.sort();
    }
}
