//! The working set: a page is resident while it was referenced in the last tau references of its
//! own process.

use super::{Family, Frames, Param, Policy, Repeats, Setup, Space, Spec, Touch};
use crate::trace::dense::PageKey;
use crate::units::FrameId;

/// No frame: the end of a list.
const NONE: u32 = u32::MAX;

/// The state of one frame: its place in the list of its process, and when it was referenced.
#[derive(Clone, Copy)]
struct Node {
    newer: FrameId,
    older: FrameId,
    process: u32,
    /// References of the process up to and including the last one of this page.
    last_virtual: u64,
    /// The position of that reference in the trace.
    last_time: u64,
}

/// One process: its clock and its resident pages by last reference.
#[derive(Clone, Copy)]
struct Process {
    virtual_time: u64,
    newest: FrameId,
    oldest: FrameId,
}

/// Denning's working set, exactly: at each reference the one page whose window closes leaves.
pub struct WorkingSet<'t> {
    pages: &'t [PageKey],
    tau: u64,
    nodes: Vec<Node>,
    processes: Vec<Process>,
}

impl WorkingSet<'_> {
    #[inline]
    fn unlink(&mut self, frame: FrameId) {
        let Node {
            newer,
            older,
            process,
            ..
        } = self.nodes[frame as usize];
        match newer {
            NONE => self.processes[process as usize].newest = older,
            newer => self.nodes[newer as usize].older = older,
        }
        match older {
            NONE => self.processes[process as usize].oldest = newer,
            older => self.nodes[older as usize].newer = newer,
        }
    }

    #[inline]
    fn link(&mut self, process: u32, at: Touch) {
        let entry = &mut self.processes[process as usize];
        let older = std::mem::replace(&mut entry.newest, at.frame);
        self.nodes[at.frame as usize] = Node {
            newer: NONE,
            older,
            process,
            last_virtual: entry.virtual_time,
            last_time: at.time,
        };
        match older {
            NONE => entry.oldest = at.frame,
            older => self.nodes[older as usize].newer = at.frame,
        }
    }
}

impl<'t> Policy<'t> for WorkingSet<'t> {
    const SPEC: Spec = Spec {
        name: "ws",
        aliases: &["working-set"],
        title: "WS",
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
        let node = Node {
            newer: NONE,
            older: NONE,
            process: 0,
            last_virtual: 0,
            last_time: 0,
        };
        let process = Process {
            virtual_time: 0,
            newest: NONE,
            oldest: NONE,
        };
        WorkingSet {
            pages: setup.pages,
            tau: setup.tau,
            nodes: vec![node; setup.frames as usize],
            processes: vec![process; setup.processes],
        }
    }

    #[inline(always)]
    fn hit(&mut self, at: Touch) {
        let process = self.nodes[at.frame as usize].process;
        let entry = &mut self.processes[process as usize];
        entry.virtual_time += 1;
        if entry.newest == at.frame {
            let now = entry.virtual_time;
            let node = &mut self.nodes[at.frame as usize];
            (node.last_virtual, node.last_time) = (now, at.time);
        } else {
            self.unlink(at.frame);
            self.link(process, at);
        }
    }

    /// Only with a limit: the least recently referenced page of all processes.
    fn victim(&mut self, _frames: &mut Frames, _time: u64) -> FrameId {
        let oldest = self
            .processes
            .iter()
            .map(|process| process.oldest)
            .filter(|&frame| frame != NONE);
        let victim = oldest.min_by_key(|&frame| self.nodes[frame as usize].last_time);
        let victim = victim.expect("every frame is taken");
        self.unlink(victim);
        victim
    }

    fn loaded(&mut self, _frames: &mut Frames, at: Touch) {
        let process = self.pages[at.page as usize].process;
        self.processes[process as usize].virtual_time += 1;
        self.link(process, at);
    }

    #[inline(always)]
    fn expire(&mut self, at: Touch) -> Option<FrameId> {
        // Only the clock of the process that runs has moved.
        let process = self.nodes[at.frame as usize].process;
        let Process {
            virtual_time,
            oldest,
            ..
        } = self.processes[process as usize];
        if oldest == NONE || virtual_time - self.nodes[oldest as usize].last_virtual < self.tau {
            return None;
        }
        self.unlink(oldest);
        Some(oldest)
    }
}
