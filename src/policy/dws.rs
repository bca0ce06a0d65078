//! The damped working set: the working set that grows less where a program moves from one locality
//! to the next.

use super::params::MILLION;
use super::ws::WorkingSet;
use super::{
    Bursts, Event, Family, Frames, Left, Param, Policy, Repeats, Sees, Setup, Space, Spec, State,
    Touch, Want,
};
use crate::units::{EntryId, FrameId};

/// The working set, and at every fault a page less.
pub struct Damped<'t> {
    windows: WorkingSet<'t>,
    /// References of its process ago after which a page may leave at a fault.
    damped: u64,
    /// The reference under way loaded a page.
    faulted: bool,
    /// Whether the last page that left was outside the window.
    left_outside: bool,
}

#[deny(clippy::missing_trait_methods)]
impl<'t> Policy<'t> for Damped<'t> {
    const SPEC: Spec = Spec {
        name: "dws",
        aliases: &["damped-working-set"],
        family: Family::VariableSpace,
        about: "damped working set: each fault gives up the oldest page, if old enough",
        cite: "A. J. Smith, \"A modified working set paging algorithm\", IEEE Transactions on Computers C-25(9), 1976",
        choices: "as ws; and after a reference that loads a page, once the windows are closed, the page that the process referenced longest ago leaves if that was alpha tau or more references of the process ago (rounded down, at least 1). One page a fault. alpha=1 is ws. A shared page stays while it is in the window of another process.",
        space: Space::Variable,
        sees: Sees::Hits,
        draws: false,
        complexity: "hit O(1); fault and expiry O(log p) amortised, p pages in the window",
        state: "16 bytes a page of a process, 24 a page, 16 in the window",
        repeats: Repeats::LastTime,
        bursts: Bursts::Never,
        params: &[Param::fraction(
            "alpha",
            Some(MILLION / 2),
            1..=MILLION,
            "part of the window after which a page may leave at a fault",
        )],
    };

    fn new(setup: &Setup<'t>) -> Damped<'t> {
        let damped = setup.params.part(&Self::SPEC, "alpha", setup.tau);
        Damped {
            windows: WorkingSet::new(setup),
            damped: damped.max(1),
            faulted: false,
            left_outside: true,
        }
    }

    #[inline(always)]
    fn hit(&mut self, at: Touch) {
        self.windows.hit(at);
    }

    fn is_settled(&self, frame: FrameId) -> bool {
        self.windows.is_settled(frame)
    }

    fn hits(&mut self, frames: impl ExactSizeIterator<Item = FrameId>) {
        self.windows.hits(frames);
    }

    fn is_full(&self, process: u32) -> bool {
        self.windows.is_full(process)
    }

    fn victim(&mut self, frames: &mut Frames, want: Want) -> FrameId {
        self.windows.victim(frames, want)
    }

    fn loaded(&mut self, frames: &mut Frames, at: Touch) {
        self.faulted = true;
        self.windows.loaded(frames, at);
    }

    fn prefetched(&mut self, frames: &mut Frames, at: Touch, next_use: u32) {
        self.windows.prefetched(frames, at, next_use);
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        self.windows.freed(frames, frame);
    }

    fn unbound(&mut self, entry: EntryId) {
        self.windows.unbound(entry);
    }

    fn next_tick(&self) -> u64 {
        self.windows.next_tick()
    }

    fn tick(&mut self, frames: &mut Frames, time: u64) {
        self.windows.tick(frames, time);
    }

    #[inline(always)]
    fn expire(&mut self, frames: &mut Frames, at: Touch) -> Option<FrameId> {
        self.left_outside = true;
        let left = self.windows.expire(frames, at);
        if left.is_some() || !self.faulted {
            return left;
        }
        self.faulted = false;
        self.left_outside = false;
        self.windows.drop_oldest(at.entry, self.damped);
        self.windows.expire(frames, at)
    }

    fn idle(&self, entry: EntryId) -> u64 {
        self.windows.idle(entry)
    }

    fn pass(&mut self, entry: EntryId, refs: u64) {
        self.windows.pass(entry, refs);
    }

    fn in_window(&self, entry: EntryId) -> bool {
        self.windows.in_window(entry)
    }

    fn referenced(&mut self, entry: EntryId, frame: FrameId, ago: u64) {
        self.windows.referenced(entry, frame, ago);
    }

    fn events(&self) -> Vec<Event> {
        self.windows.events()
    }

    fn why(&self, left: &Left) -> Option<String> {
        let (last, damped) = (left.seen.last(), self.damped);
        Some(match self.left_outside {
            true => format!("outside the window, {last}"),
            false => {
                format!("the oldest of its window at a fault, unused for {damped} or more, {last}")
            }
        })
    }

    fn state(&self, frames: &Frames, next: u64) -> Option<State> {
        self.windows.state(frames, next)
    }
}
