//! The damped working set: the working set that grows less where a program moves from one locality
//! to the next.

use super::ws::WorkingSet;
use crate::policy::params::MILLION;
use crate::policy::prelude::*;

/// The working set, and at every fault a page less.
pub struct DampedWorkingSet<'t> {
    windows: WorkingSet<'t>,
    /// The references of its process since its last use from which on a page may leave at a fault.
    damped: u64,
    /// Whether the reference under way loaded a page.
    faulted: bool,
    /// Whether the last page that left was outside the window.
    was_outside: bool,
}

impl<'t> PolicyType<'t> for DampedWorkingSet<'t> {
    const SPEC: Spec = Spec {
        name: "dws",
        aliases: &["damped-working-set"],
        family: Family::VariableSpace,
        about: "damped working set: each fault gives up the oldest page, if old enough",
        cite: "A. J. Smith, \"A modified working set paging algorithm\", IEEE Transactions on Computers C-25(9), 1976",
        choices: "as ws; and after a reference that loads a page, once the windows are closed, the page that the process referenced longest ago leaves if that was alpha tau or more references of the process ago (rounded down, at least 1). One page a fault. alpha=1 is ws. A shared page stays while it is in the window of another process.",
        space: MemoryBy::Variable,
        sees: Sees::Hits,
        complexity: "hit O(1); fault and expiry O(log p) amortised, p pages in the window",
        bytes: "16 bytes a page of a process, 24 a page, 16 in the window",
        repeats: HitSensitivity::LastTime,
        params: &[Param::fraction(
            "alpha",
            Some(MILLION / 2),
            1..=MILLION,
            "part of the window after which a page may leave at a fault",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> DampedWorkingSet<'t> {
        let damped = setup.params.part(&Self::SPEC, "alpha", setup.tau);
        DampedWorkingSet {
            windows: WorkingSet::new(setup),
            damped: damped.max(1),
            faulted: false,
            was_outside: true,
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl Policy for DampedWorkingSet<'_> {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        self.windows.hit(at);
    }

    fn is_settled(&self, frame: FrameId) -> bool {
        self.windows.is_settled(frame)
    }

    fn is_full(&self, process: u32) -> bool {
        self.windows.is_full(process)
    }

    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        self.windows.victim(frames, request)
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        self.faulted = true;
        self.windows.loaded(frames, at);
    }

    fn prefetched(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.windows.prefetched(frames, at, next_use);
    }

    fn file_hit(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.windows.file_hit(frames, at, next_use);
    }

    fn file_loaded(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.windows.file_loaded(frames, at, next_use);
    }

    fn dirtied(&mut self, frames: &Frames, at: PageAccess, next_use: u32) {
        self.windows.dirtied(frames, at, next_use);
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        self.windows.freed(frames, frame);
    }

    fn unmapped(&mut self, entry: EntryId) {
        self.windows.unmapped(entry);
    }

    fn moved(&mut self, from: EntryId, to: EntryId) {
        self.windows.moved(from, to);
    }

    fn next_tick(&self) -> u64 {
        self.windows.next_tick()
    }

    fn tick(&mut self, frames: &mut Frames, time: u64) {
        self.windows.tick(frames, time);
    }

    #[inline(always)]
    fn expire(&mut self, frames: &mut Frames, entry: EntryId) -> Option<FrameId> {
        self.was_outside = true;
        let expired = self.windows.expire(frames, entry);
        if expired.is_some() || !self.faulted {
            return expired;
        }
        self.faulted = false;
        self.was_outside = false;
        self.windows.drop_oldest(entry, self.damped);
        self.windows.expire(frames, entry)
    }

    fn event_counts(&self) -> Vec<EventCount> {
        self.windows.event_counts()
    }
}

#[deny(clippy::missing_trait_methods)]
impl Explain for DampedWorkingSet<'_> {
    fn why(&self, evicted: &Evicted) -> String {
        let (last, damped) = (evicted.seen.last(), self.damped);
        match self.was_outside {
            true => format!("outside the window, {last}"),
            false => {
                format!("the oldest of its window at a fault, unused for {damped} or more, {last}")
            }
        }
    }

    fn order(&self, frames: &Frames, next: u64) -> Option<FrameOrder> {
        self.windows.order(frames, next)
    }
}
