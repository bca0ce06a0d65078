//! The sampled working set: what a kernel can know of the working set, by looking at the reference
//! bits of a process's pages from time to time.

use super::support::rings::Rings;
use super::{
    Bursts, Family, Frames, Left, Param, Policy, Repeats, Sees, Setup, Space, Spec, State, Touch,
    Want, explain,
};
use crate::trace::dense::PageKey;
use crate::units::{EntryId, FrameId, PageId};

/// No look is due.
const LATER: u64 = u64::MAX;

/// The working set, sampled.
pub struct SampledWorkingSet<'t> {
    entries: &'t [PageKey],
    /// References of a process between looks.
    interval: u64,
    /// A page that was idle for so many looks leaves.
    looks: u64,
    /// One process: its time is the position in the trace, and hits need not be told.
    alone: bool,
    /// References of each process until its next look; not with one process.
    until: Vec<u64>,
    /// The position of the next look, and the process that is looked at.
    next_tick: u64,
    due: usize,
    /// The frames that each process loaded.
    loaded: Rings,
    /// Looks for which each page was idle.
    idle: Vec<u64>,
    /// Pages that leave after this reference, that of the lowest number last.
    leaving: Vec<(PageId, FrameId)>,
}

impl<'t> Policy<'t> for SampledWorkingSet<'t> {
    const SPEC: Spec = Spec {
        name: "sws",
        aliases: &["sampled-working-set"],
        family: Family::VariableSpace,
        about: "working set as a kernel sees it: reference bits sampled at intervals",
        cite: "J. Rodriguez-Rosell, J.-P. Dupuy, \"The design, implementation, and evaluation of a working set dispatcher\", Communications of the ACM 16(4), 1973",
        choices: "after every interval-th reference of a process each page that it loaded is looked at: if its reference bit is set, the bit is cleared and the page was idle for 0 looks, else for one more, and it leaves at tau / interval looks (rounded down, at least 1). interval=1 is ws. A shared page belongs to the process that loaded it, whoever refers to it; a page brought in ahead of use comes in unreferenced.",
        space: Space::Variable,
        sees: Sees::Bits,
        draws: false,
        complexity: "hit sets a bit; fault O(1); look O(pages of the process)",
        state: "32 bytes a frame",
        repeats: Repeats::All,
        bursts: Bursts::SetBitsAlone,
        params: &[Param::count(
            "interval",
            Some(1000),
            1..=u64::MAX,
            "references of the process between two looks at its reference bits",
        )],
    };
    const TICKS: bool = true;

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
            loaded: Rings::new(setup.processes, setup.frames),
            idle: vec![0; frames],
            leaving: Vec::with_capacity(frames),
        }
    }

    #[inline(always)]
    fn hit(&mut self, at: Touch) {
        if !self.alone {
            self.count(at.entry);
        }
    }

    fn victim(&mut self, _frames: &mut Frames, _want: Want) -> FrameId {
        unreachable!("there are as many frames as pages")
    }

    fn loaded(&mut self, _frames: &mut Frames, at: Touch) {
        self.hit(at);
        self.enter(at);
    }

    fn prefetched(&mut self, _frames: &mut Frames, at: Touch, _next_use: u32) {
        self.enter(at);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.loaded.remove(frame);
    }

    #[inline(always)]
    fn next_tick(&self) -> u64 {
        self.next_tick
    }

    /// A look at the pages of a process.
    fn tick(&mut self, frames: &mut Frames) {
        self.next_tick = match self.alone {
            true => self.next_tick.saturating_add(self.interval),
            false => LATER,
        };
        for frame in self.loaded.iter(self.due) {
            let idle = &mut self.idle[frame as usize];
            if frames.referenced(frame) {
                frames.clear_referenced(frame);
                *idle = 0;
                continue;
            }
            *idle += 1;
            if *idle >= self.looks {
                self.leaving.push((frames.page(frame), frame));
            }
        }
        self.leaving
            .sort_unstable_by_key(|page| std::cmp::Reverse(page.0));
    }

    #[inline(always)]
    fn expire(&mut self, _frames: &mut Frames, _at: Touch) -> Option<FrameId> {
        let (_, frame) = self.leaving.pop()?;
        self.loaded.remove(frame);
        Some(frame)
    }

    fn why(&self, left: &Left) -> Option<String> {
        let last = explain::reference(left.seen.last_use);
        let looks = match self.looks {
            1 => "1 look".to_owned(),
            looks => format!("{looks} looks"),
        };
        Some(format!("idle for {looks}, last used at {last}"))
    }

    fn state(&self, frames: &Frames, _next: u64) -> Option<State> {
        let processes = 0..self.until.len();
        let mut order: Vec<FrameId> = processes.flat_map(|p| self.loaded.iter(p)).collect();
        let idle = |frame: FrameId| (!frames.referenced(frame), self.idle[frame as usize]);
        order.sort_by_key(|&frame| idle(frame));
        let words = |frame| match idle(frame) {
            (false, _) => "referenced".to_owned(),
            (true, looks) => format!("idle {looks}"),
        };
        Some(State {
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

    fn enter(&mut self, at: Touch) {
        let process = self.entries[at.entry as usize].process as usize;
        self.loaded.push(process, at.frame);
        self.idle[at.frame as usize] = 0;
    }
}
