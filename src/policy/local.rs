//! Local replacement: every process has frames of its own, and a page that it brings in takes one
//! of them or replaces one of its own pages. Each process has a policy for itself, which sees only
//! what that process loaded; a page that others use too stays charged to the process that loaded
//! it. Knows nothing of how the frames were divided.

use super::{AnyPolicy, Event, Frames, Left, Policy, Setup, Spec, State, Touch, Want};
use crate::trace::dense::PageKey;
use crate::units::FrameId;

/// A fixed-space policy, once per process.
pub(super) struct Local<'t> {
    entries: &'t [PageKey],
    /// Frames of each process, and how many of them are taken.
    quotas: &'t [u32],
    taken: Vec<u32>,
    /// The process whose page is in each frame.
    owner: Vec<u32>,
    policies: Vec<AnyPolicy<'t>>,
}

impl<'t> Policy<'t> for Local<'t> {
    const SPEC: Spec = AnyPolicy::SPEC;
    const TICKS: bool = true;

    /// # Panics
    /// Without quotas.
    fn new(setup: &Setup<'t>) -> Local<'t> {
        let quotas = setup.quotas.expect("local replacement has quotas");
        Local {
            entries: setup.entries,
            quotas,
            taken: vec![0; quotas.len()],
            owner: vec![0; setup.frames as usize],
            policies: quotas.iter().map(|_| AnyPolicy::alone(setup)).collect(),
        }
    }

    #[inline(always)]
    fn hit(&mut self, at: Touch) {
        self.policies[self.owner[at.frame as usize] as usize].hit(at);
    }

    fn is_full(&self, process: u32) -> bool {
        self.taken[process as usize] >= self.quotas[process as usize]
    }

    fn victim(&mut self, frames: &mut Frames, want: Want) -> FrameId {
        self.taken[want.process as usize] -= 1;
        self.policies[want.process as usize].victim(frames, want)
    }

    fn loaded(&mut self, frames: &mut Frames, at: Touch) {
        let process = self.charge(at);
        self.policies[process].loaded(frames, at);
    }

    fn prefetched(&mut self, frames: &mut Frames, at: Touch, next_use: u32) {
        let process = self.charge(at);
        self.policies[process].prefetched(frames, at, next_use);
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        let process = self.owner[frame as usize] as usize;
        self.taken[process] -= 1;
        self.policies[process].freed(frames, frame);
    }

    fn next_tick(&self) -> u64 {
        let ticks = self.policies.iter().map(Policy::next_tick);
        ticks.min().unwrap_or(u64::MAX)
    }

    /// All tick at the same time: each counts references of all processes.
    fn tick(&mut self, frames: &mut Frames) {
        for policy in &mut self.policies {
            policy.tick(frames);
        }
    }

    fn events(&self) -> Vec<Event> {
        let mut all: Vec<Event> = Vec::new();
        for (name, count) in self.policies.iter().flat_map(Policy::events) {
            match all.iter_mut().find(|event| event.0 == name) {
                Some(event) => event.1 += count,
                None => all.push((name, count)),
            }
        }
        all
    }

    fn why(&self, left: &Left) -> Option<String> {
        // Its frame has a page of the same process now: that is what local means.
        self.policies[self.owner[left.frame as usize] as usize].why(left)
    }

    /// One process after the other.
    fn state(&self, frames: &Frames, next: u64) -> Option<State> {
        let states = self
            .policies
            .iter()
            .map(|policy| policy.state(frames, next));
        let mut all: Vec<State> = states.collect::<Option<_>>()?;
        let title = all.first()?.title.clone();
        let frames = all.iter_mut().flat_map(|state| state.frames.drain(..));
        Some(State {
            title: format!("{title}, by process"),
            frames: frames.collect(),
        })
    }
}

impl Local<'_> {
    /// A page comes in for the process of its entry.
    fn charge(&mut self, at: Touch) -> usize {
        let process = self.entries[at.entry as usize].process;
        self.owner[at.frame as usize] = process;
        self.taken[process as usize] += 1;
        process as usize
    }
}
