//! Any policy behind one type, called through a table of functions. It is for replays whose speed
//! is bound by something else (TLBs looked up at every reference, frames allotted by process,
//! explanations): their loops are compiled once and not once per policy.

use super::local::boxed;
use super::prelude::*;
use super::reasons::Departure;
use super::registry::make_registered;
use super::table::{Visitor, dispatch};
use super::witness::Witness;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;

/// Any policy of the table or the registry; with quotas one instance of a fixed-space policy for each process.
pub struct AnyPolicy<'t>(Box<dyn Policy + 't>);

impl<'t> PolicyType<'t> for AnyPolicy<'t> {
    /// What holds for all of them: pages may leave by themselves, every hit may matter, ticks may
    /// come.
    const SPEC: Spec = Spec {
        name: "any policy",
        about: "any policy of the table",
        space: MemoryBy::Variable,
        ticks: true,
        ..Spec::BASE
    };

    /// Sets up the policy that the setup names.
    fn new(setup: &Setup<'t>) -> AnyPolicy<'t> {
        AnyPolicy(match make_registered(setup) {
            Some(own) => own,
            None => dispatch(setup.policy, Make(setup)),
        })
    }
}

#[deny(clippy::missing_trait_methods)]
impl Policy for AnyPolicy<'_> {
    fn hit(&mut self, at: PageAccess) {
        self.0.hit(at)
    }

    fn is_settled(&self, frame: FrameId) -> bool {
        self.0.is_settled(frame)
    }

    fn is_full(&self, process: u32) -> bool {
        self.0.is_full(process)
    }

    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        self.0.victim(frames, request)
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        self.0.loaded(frames, at)
    }

    fn prefetched(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.0.prefetched(frames, at, next_use)
    }

    fn file_hit(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.0.file_hit(frames, at, next_use);
    }

    fn file_loaded(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.0.file_loaded(frames, at, next_use);
    }

    fn dirtied(&mut self, frames: &Frames, at: PageAccess, next_use: u32) {
        self.0.dirtied(frames, at, next_use);
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        self.0.freed(frames, frame)
    }

    fn unmapped(&mut self, entry: EntryId) {
        self.0.unmapped(entry)
    }

    fn moved(&mut self, from: EntryId, to: EntryId) {
        self.0.moved(from, to)
    }

    fn next_tick(&self) -> u64 {
        self.0.next_tick()
    }

    fn tick(&mut self, frames: &mut Frames, time: u64) {
        self.0.tick(frames, time)
    }

    fn expire(&mut self, frames: &mut Frames, entry: EntryId) -> Option<FrameId> {
        self.0.expire(frames, entry)
    }

    fn event_counts(&self) -> Vec<EventCount> {
        self.0.event_counts()
    }
}

#[deny(clippy::missing_trait_methods)]
impl Explain for AnyPolicy<'_> {
    fn why(&self, evicted: &Evicted) -> String {
        self.0.why(evicted)
    }

    fn order(&self, frames: &Frames, next: u64) -> Option<FrameOrder> {
        self.0.order(frames, next)
    }
}

impl<'t> AnyPolicy<'t> {
    /// Sets up the policy that the setup names. While `watches` is true, every page that leaves is
    /// reported to `reports` as it leaves, with the policy's reason. Positions in reasons count the
    /// references at `left_out`, too.
    pub fn watched(
        setup: &Setup<'t>,
        left_out: &'t [u64],
        watches: Arc<AtomicBool>,
        reports: Sender<Departure>,
    ) -> AnyPolicy<'t> {
        let AnyPolicy(inner) = AnyPolicy::new(setup);
        AnyPolicy(Box::new(Witness::new(
            inner,
            setup.frames,
            left_out,
            watches,
            reports,
        )))
    }
}

/// Sets up a policy of the table.
struct Make<'s, 't>(&'s Setup<'t>);

impl<'t> Visitor<'t> for Make<'_, 't> {
    type Output = Box<dyn Policy + 't>;

    fn visit<P: PolicyType<'t> + 't>(self) -> Box<dyn Policy + 't> {
        boxed::<P>(self.0)
    }
}
