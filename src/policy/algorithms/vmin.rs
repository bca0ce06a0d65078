//! VMIN: knows whether a page will be used again within the window, and keeps it only then. The
//! least space with the faults of the working set.

use crate::policy::prelude::*;
use crate::policy::support::bit_set::BitSet;
use crate::trace::model::refs::{NEVER, PageKey, page_of};
use std::collections::VecDeque;

/// VMIN.
pub struct Vmin<'t> {
    future: Future<'t>,
    entries: &'t [PageKey],
    tau: u64,
    /// The references that each process has made; not counted with one process.
    clocks: Vec<u64>,
    /// Reference `i` is the `own[i]`-th of its process, from 1. Empty with one process.
    own: Vec<u32>,
    /// Frames whose pages leave after the next reference.
    marked: VecDeque<FrameId>,
    /// How many frames at the front of `marked` leave after the reference under way.
    due: usize,
    /// The taken frames.
    taken: BitSet,
}

impl<'t> PolicyType<'t> for Vmin<'t> {
    const SPEC: Spec = Spec {
        name: "vmin",
        aliases: &["variable-min"],
        family: Family::VariableSpace,
        about: "keeps a page only if it is used again within the window: least space",
        cite: "B. G. Prieve, R. S. Fabry, \"VMIN: an optimal variable-space page replacement algorithm\", Communications of the ACM 19(5), 1976",
        choices: "a page whose next reference is at most tau references of the process that makes it ahead stays; another leaves after the next reference of the trace, whichever process makes that, and stays if there is none. It is resident during its own reference, so that memory is never empty.",
        space: MemoryBy::Variable,
        sees: Sees::Future,
        complexity: "hit and fault O(1)",
        bytes: "4 bytes a reference (shared by all windows; with several processes 4 more), 4 a page",
        repeats: HitSensitivity::LastTime,
        curve: Some(CurveKind::Vmin),
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Vmin<'t> {
        let mut clocks = vec![0u32; setup.processes];
        let several = setup.processes > 1;
        let refs = setup.future.entries.iter().filter(|_| several);
        let own = refs.map(|&reference| {
            let clock = &mut clocks[setup.entries[page_of(reference) as usize].process as usize];
            *clock += 1;
            *clock
        });
        Vmin {
            own: own.collect(),
            future: setup.future,
            entries: setup.entries,
            tau: setup.tau,
            clocks: vec![0; setup.processes],
            marked: VecDeque::with_capacity(setup.frames as usize),
            due: 0,
            taken: BitSet::new(setup.frames as usize),
        }
    }
}

impl Policy for Vmin<'_> {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        self.count(at);
        self.due = self.marked.len();
        let next = self.future.next_use[at.time as usize];
        if !self.stays(next, at.time + 1) {
            self.marked.push_back(at.frame);
        }
    }

    /// The first marked page, else the one that is used next last. The machine has as many frames
    /// as pages and never asks.
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let may_leave = |frame: &FrameId| !request.spares(*frame);
        let mut marked = self.marked.iter().copied();
        let frame = marked.find(may_leave).unwrap_or_else(|| {
            let taken = self.taken.iter().map(|frame| frame as FrameId);
            let taken = taken.filter(may_leave);
            let order = self.future.by_next_use(frames, taken, request.time);
            order.last().expect("a page is resident").0
        });
        self.freed(frames, frame);
        frame
    }

    #[inline(always)]
    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        self.taken.insert(at.frame as usize);
        self.hit(at);
    }

    fn prefetched(&mut self, _frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.taken.insert(at.frame as usize);
        if !self.stays(next_use, at.time) {
            self.marked.push_back(at.frame);
        }
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.taken.remove(frame as usize);
        self.marked.retain(|&marked| marked != frame);
    }

    #[inline(always)]
    fn expire(&mut self, _frames: &mut Frames, _entry: EntryId) -> Option<FrameId> {
        self.due = self.due.checked_sub(1)?;
        let frame = self.marked.pop_front()?;
        self.taken.remove(frame as usize);
        Some(frame)
    }
}

impl Explain for Vmin<'_> {
    fn why(&self, evicted: &Evicted) -> String {
        let (tau, last) = (self.tau, evicted.seen.last());
        format!("not used again within {tau}, {last}")
    }

    fn order(&self, frames: &Frames, next: u64) -> Option<FrameOrder> {
        let taken = self.taken.iter().map(|frame| frame as FrameId);
        Some(FrameOrder::by_next_use(
            self.future.by_next_use(frames, taken, next),
        ))
    }
}

impl Vmin<'_> {
    /// Counts a reference of the process of `at.entry`.
    #[inline(always)]
    fn count(&mut self, at: PageAccess) {
        if !self.own.is_empty() {
            self.clocks[self.entries[at.entry as usize].process as usize] += 1;
        }
    }

    /// Returns whether a page whose next use is at position `next` stays until then, after `made`
    /// references of the trace.
    #[inline(always)]
    fn stays(&self, next: u32, made: u64) -> bool {
        if next == NEVER {
            return false;
        }
        let ahead = match self.own.get(next as usize) {
            None => u64::from(next) + 1 - made,
            Some(&own) => {
                let entry = page_of(self.future.entries[next as usize]);
                let user = self.entries[entry as usize].process;
                u64::from(own) - self.clocks[user as usize]
            }
        };
        ahead <= self.tau
    }
}
