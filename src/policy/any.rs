//! Any policy behind one type, called through a table of functions: for replays whose speed is bound
//! by something else (TLBs looked up at every reference, frames allotted by process, explanations),
//! so that their loops are compiled once and not once per policy. Knows nothing of what it wraps.

use super::explain::Departure;
use super::local::Local;
use super::witness::Witness;
use super::{
    Bursts, Event, Family, Frames, Left, Policy, Repeats, Sees, Setup, Space, Spec, State, TABLE,
    Touch, Visitor, Want, dispatch,
};
use crate::units::{EntryId, FrameId};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;

/// What a policy can be asked that is replayed reference by reference.
pub(super) trait Replaces<'t>: Send {
    fn hit(&mut self, at: Touch);
    fn is_full(&self, process: u32) -> bool;
    fn victim(&mut self, frames: &mut Frames, want: Want) -> FrameId;
    fn loaded(&mut self, frames: &mut Frames, at: Touch);
    fn prefetched(&mut self, frames: &mut Frames, at: Touch, next_use: u32);
    fn freed(&mut self, frames: &mut Frames, frame: FrameId);
    fn unbound(&mut self, entry: EntryId);
    fn next_tick(&self) -> u64;
    fn tick(&mut self, frames: &mut Frames);
    fn expire(&mut self, frames: &mut Frames, at: Touch) -> Option<FrameId>;
    fn events(&self) -> Vec<Event>;
    fn why(&self, left: &Left) -> Option<String>;
    fn state(&self, frames: &Frames, next: u64) -> Option<State>;
}

impl<'t, P: Policy<'t>> Replaces<'t> for P {
    fn hit(&mut self, at: Touch) {
        Policy::hit(self, at)
    }
    fn is_full(&self, process: u32) -> bool {
        Policy::is_full(self, process)
    }
    fn victim(&mut self, frames: &mut Frames, want: Want) -> FrameId {
        Policy::victim(self, frames, want)
    }
    fn loaded(&mut self, frames: &mut Frames, at: Touch) {
        Policy::loaded(self, frames, at)
    }
    fn prefetched(&mut self, frames: &mut Frames, at: Touch, next_use: u32) {
        Policy::prefetched(self, frames, at, next_use)
    }
    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        Policy::freed(self, frames, frame)
    }
    fn unbound(&mut self, entry: EntryId) {
        Policy::unbound(self, entry)
    }
    fn next_tick(&self) -> u64 {
        Policy::next_tick(self)
    }
    fn tick(&mut self, frames: &mut Frames) {
        Policy::tick(self, frames)
    }
    fn expire(&mut self, frames: &mut Frames, at: Touch) -> Option<FrameId> {
        Policy::expire(self, frames, at)
    }
    fn events(&self) -> Vec<Event> {
        Policy::events(self)
    }
    fn why(&self, left: &Left) -> Option<String> {
        Policy::why(self, left)
    }
    fn state(&self, frames: &Frames, next: u64) -> Option<State> {
        Policy::state(self, frames, next)
    }
}

/// Any policy of the table; with quotas a fixed-space one for each process.
pub struct AnyPolicy<'t>(Box<dyn Replaces<'t> + 't>);

impl<'t> Policy<'t> for AnyPolicy<'t> {
    /// What holds of all of them: pages may leave by themselves, every hit may matter.
    const SPEC: Spec = Spec {
        name: "any policy",
        aliases: &[],
        family: Family::Textbook,
        about: "any policy of the table",
        cite: "",
        choices: "",
        space: Space::Variable,
        sees: Sees::Hits,
        draws: false,
        complexity: "",
        state: "",
        repeats: Repeats::All,
        bursts: Bursts::Never,
        params: &[],
    };
    const TICKS: bool = true;

    /// The policy that the setup names.
    fn new(setup: &Setup<'t>) -> AnyPolicy<'t> {
        let is_local = setup.quotas.is_some() && TABLE[setup.policy].space == Space::Fixed;
        match is_local {
            true => AnyPolicy(Box::new(Local::new(setup))),
            false => AnyPolicy::alone(setup),
        }
    }

    fn hit(&mut self, at: Touch) {
        self.0.hit(at)
    }

    fn is_full(&self, process: u32) -> bool {
        self.0.is_full(process)
    }

    fn victim(&mut self, frames: &mut Frames, want: Want) -> FrameId {
        self.0.victim(frames, want)
    }

    fn loaded(&mut self, frames: &mut Frames, at: Touch) {
        self.0.loaded(frames, at)
    }

    fn prefetched(&mut self, frames: &mut Frames, at: Touch, next_use: u32) {
        self.0.prefetched(frames, at, next_use)
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        self.0.freed(frames, frame)
    }

    fn unbound(&mut self, entry: EntryId) {
        self.0.unbound(entry)
    }

    fn next_tick(&self) -> u64 {
        self.0.next_tick()
    }

    fn tick(&mut self, frames: &mut Frames) {
        self.0.tick(frames)
    }

    fn expire(&mut self, frames: &mut Frames, at: Touch) -> Option<FrameId> {
        self.0.expire(frames, at)
    }

    fn events(&self) -> Vec<Event> {
        self.0.events()
    }

    fn why(&self, left: &Left) -> Option<String> {
        self.0.why(left)
    }

    fn state(&self, frames: &Frames, next: u64) -> Option<State> {
        self.0.state(frames, next)
    }
}

impl<'t> AnyPolicy<'t> {
    /// The policy that [`new`](Policy::new) makes. Every page that leaves while `watches` is true is
    /// reported as it leaves, with the policy's reason.
    pub fn watched(
        setup: &Setup<'t>,
        watches: Arc<AtomicBool>,
        reports: Sender<Departure>,
    ) -> AnyPolicy<'t> {
        let AnyPolicy(inner) = AnyPolicy::new(setup);
        AnyPolicy(Box::new(Witness::new(
            inner,
            setup.frames,
            watches,
            reports,
        )))
    }

    /// The policy that the setup names, for all processes or for one.
    pub(super) fn alone(setup: &Setup<'t>) -> AnyPolicy<'t> {
        dispatch(setup.policy, Make(setup))
    }
}

/// Makes a policy of a type.
struct Make<'s, 't>(&'s Setup<'t>);

impl<'t> Visitor<'t> for Make<'_, 't> {
    type Output = AnyPolicy<'t>;

    fn visit<P: Policy<'t> + 't>(self) -> AnyPolicy<'t> {
        AnyPolicy(Box::new(P::new(self.0)))
    }
}
