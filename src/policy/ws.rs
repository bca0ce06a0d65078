//! The working set: a page is resident while it was referenced in the last tau references of its
//! own process.

use super::{Family, Frames, Param, Policy, Repeats, Setup, Space, Spec, Touch};
use crate::trace::dense::PageKey;
use crate::units::FrameId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// When the page of a frame was last referenced.
#[derive(Clone, Copy, Default)]
struct Stamp {
    process: u32,
    /// References of the process up to and including that one.
    virtual_time: u64,
    /// Its position in the trace.
    time: u64,
}

/// One process: its clock, and its resident pages by a last reference that may be out of date.
///
/// A hit only stamps its frame; the order is mended when the top of the heap is asked for. A page
/// comes to the top at most once per window, so a reference costs a store and a comparison.
struct Process {
    virtual_time: u64,
    oldest: BinaryHeap<Reverse<(u64, FrameId)>>,
    /// No page's window closes before this virtual time.
    due: u64,
}

/// Denning's working set, exactly: at each reference the one page whose window closes leaves.
pub struct WorkingSet<'t> {
    pages: &'t [PageKey],
    tau: u64,
    stamps: Vec<Stamp>,
    processes: Vec<Process>,
}

impl Process {
    /// The frame referenced longest ago, and when that was in virtual time.
    fn true_oldest(&mut self, stamps: &[Stamp]) -> Option<(u64, FrameId)> {
        loop {
            let mut top = self.oldest.peek_mut()?;
            let Reverse((noted, frame)) = *top;
            let last = stamps[frame as usize].virtual_time;
            if last == noted {
                return Some((last, frame));
            }
            *top = Reverse((last, frame));
            drop(top);
        }
    }
}

impl<'t> Policy<'t> for WorkingSet<'t> {
    const SPEC: Spec = Spec {
        name: "ws",
        aliases: &["working-set"],
        family: Family::VariableSpace,
        about: "working set: keeps the pages of a process's last tau references",
        cite: "P. J. Denning, \"The working set model for program behavior\", Communications of the ACM 11(5), 1968",
        choices: "a page referenced exactly tau references ago is still a hit, then it leaves unless it was the one referenced. The window is counted in references of the page's own process and stands still while that does not run. With a limit, an over-full pool loses its least recently referenced page.",
        space: Space::Variable,
        needs_future: false,
        repeats: Repeats::LastTime,
        params: &[Param {
            name: "limit",
            default: None,
            min: 1,
            max: crate::units::PAGE_ID_MAX as u64,
            about: "most resident pages of all processes together, in frames; off by default",
        }],
    };

    fn new(setup: &Setup<'t>) -> WorkingSet<'t> {
        let mut owned = vec![0usize; setup.processes];
        for key in setup.pages {
            owned[key.process as usize] += 1;
        }
        let process = |owned: &usize| Process {
            virtual_time: 0,
            oldest: BinaryHeap::with_capacity((*owned).min(setup.frames as usize)),
            due: u64::MAX,
        };
        WorkingSet {
            pages: setup.pages,
            tau: setup.tau,
            stamps: vec![Stamp::default(); setup.frames as usize],
            processes: owned.iter().map(process).collect(),
        }
    }

    #[inline(always)]
    fn hit(&mut self, at: Touch) {
        let stamp = &mut self.stamps[at.frame as usize];
        let process = &mut self.processes[stamp.process as usize];
        process.virtual_time += 1;
        stamp.virtual_time = process.virtual_time;
        stamp.time = at.time;
    }

    /// Only with a limit: the least recently referenced page of all processes.
    fn victim(&mut self, _frames: &mut Frames, _time: u64) -> FrameId {
        let stamps = &self.stamps;
        let oldest = self
            .processes
            .iter_mut()
            .enumerate()
            .filter_map(|(process, entry)| {
                let (_, frame) = entry.true_oldest(stamps)?;
                Some((stamps[frame as usize].time, process, frame))
            });
        let (_, process, frame) = oldest.min().expect("every frame is taken");
        self.processes[process].oldest.pop();
        frame
    }

    fn loaded(&mut self, _frames: &mut Frames, at: Touch) {
        let process = self.pages[at.page as usize].process;
        let entry = &mut self.processes[process as usize];
        entry.virtual_time += 1;
        let virtual_time = entry.virtual_time;
        self.stamps[at.frame as usize] = Stamp {
            process,
            virtual_time,
            time: at.time,
        };
        entry.oldest.push(Reverse((virtual_time, at.frame)));
        entry.due = entry.due.min(virtual_time.saturating_add(self.tau));
    }

    #[inline(always)]
    fn expire(&mut self, at: Touch) -> Option<FrameId> {
        // Only the clock of the process that runs has moved.
        let process = &mut self.processes[self.stamps[at.frame as usize].process as usize];
        if process.virtual_time < process.due {
            return None;
        }
        self.expire_due(at)
    }
}

impl WorkingSet<'_> {
    #[inline(never)]
    fn expire_due(&mut self, at: Touch) -> Option<FrameId> {
        let process = &mut self.processes[self.stamps[at.frame as usize].process as usize];
        let Some((last, frame)) = process.true_oldest(&self.stamps) else {
            process.due = u64::MAX;
            return None;
        };
        process.due = last.saturating_add(self.tau);
        if process.virtual_time < process.due {
            return None;
        }
        process.oldest.pop();
        Some(frame)
    }
}
