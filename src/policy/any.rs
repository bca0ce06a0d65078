//! Any policy behind one type, called through a table of functions: for replays whose speed is bound
//! by something else (TLBs looked up at every reference, frames allotted by process, explanations),
//! so that their loops are compiled once and not once per policy. Knows nothing of what it wraps.

use super::explain::Departure;
use super::local::Local;
use super::witness::Witness;
use super::{
    Bursts, Event, Family, Frames, Left, Policy, Repeats, Sees, Setup, Space, Spec, State, Touch,
    Visitor, Want, dispatch,
};
use crate::units::{EntryId, FrameId};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;

/// What a policy can be asked: [`Policy`], without its generic methods.
pub(crate) trait Replaces<'t>: Send {
    fn hit(&mut self, at: Touch);
    fn is_settled(&self, frame: FrameId) -> bool;
    fn hits(&mut self, frames: &mut dyn ExactSizeIterator<Item = FrameId>);
    fn is_full(&self, process: u32) -> bool;
    fn victim(&mut self, frames: &mut Frames, want: Want) -> FrameId;
    fn loaded(&mut self, frames: &mut Frames, at: Touch);
    fn prefetched(&mut self, frames: &mut Frames, at: Touch, next_use: u32);
    fn freed(&mut self, frames: &mut Frames, frame: FrameId);
    fn unbound(&mut self, entry: EntryId);
    fn next_tick(&self) -> u64;
    fn tick(&mut self, frames: &mut Frames, time: u64);
    fn expire(&mut self, frames: &mut Frames, at: Touch) -> Option<FrameId>;
    fn idle(&self, entry: EntryId) -> u64;
    fn pass(&mut self, entry: EntryId, refs: u64);
    fn in_window(&self, entry: EntryId) -> bool;
    fn referenced(&mut self, entry: EntryId, frame: FrameId, ago: u64);
    fn events(&self) -> Vec<Event>;
    fn why(&self, left: &Left) -> Option<String>;
    fn state(&self, frames: &Frames, next: u64) -> Option<State>;
}

#[deny(clippy::missing_trait_methods)]
impl<'t, P: Policy<'t>> Replaces<'t> for P {
    #[inline(always)]
    fn hit(&mut self, at: Touch) {
        Policy::hit(self, at)
    }
    #[inline(always)]
    fn is_settled(&self, frame: FrameId) -> bool {
        Policy::is_settled(self, frame)
    }
    #[inline(always)]
    fn hits(&mut self, frames: &mut dyn ExactSizeIterator<Item = FrameId>) {
        Policy::hits(self, frames)
    }
    #[inline(always)]
    fn is_full(&self, process: u32) -> bool {
        Policy::is_full(self, process)
    }
    #[inline(always)]
    fn victim(&mut self, frames: &mut Frames, want: Want) -> FrameId {
        Policy::victim(self, frames, want)
    }
    #[inline(always)]
    fn loaded(&mut self, frames: &mut Frames, at: Touch) {
        Policy::loaded(self, frames, at)
    }
    #[inline(always)]
    fn prefetched(&mut self, frames: &mut Frames, at: Touch, next_use: u32) {
        Policy::prefetched(self, frames, at, next_use)
    }
    #[inline(always)]
    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        Policy::freed(self, frames, frame)
    }
    #[inline(always)]
    fn unbound(&mut self, entry: EntryId) {
        Policy::unbound(self, entry)
    }
    #[inline(always)]
    fn next_tick(&self) -> u64 {
        Policy::next_tick(self)
    }
    #[inline(always)]
    fn tick(&mut self, frames: &mut Frames, time: u64) {
        Policy::tick(self, frames, time)
    }
    #[inline(always)]
    fn expire(&mut self, frames: &mut Frames, at: Touch) -> Option<FrameId> {
        Policy::expire(self, frames, at)
    }
    #[inline(always)]
    fn idle(&self, entry: EntryId) -> u64 {
        Policy::idle(self, entry)
    }
    #[inline(always)]
    fn pass(&mut self, entry: EntryId, refs: u64) {
        Policy::pass(self, entry, refs)
    }
    #[inline(always)]
    fn in_window(&self, entry: EntryId) -> bool {
        Policy::in_window(self, entry)
    }
    #[inline(always)]
    fn referenced(&mut self, entry: EntryId, frame: FrameId, ago: u64) {
        Policy::referenced(self, entry, frame, ago)
    }
    #[inline(always)]
    fn events(&self) -> Vec<Event> {
        Policy::events(self)
    }
    #[inline(always)]
    fn why(&self, left: &Left) -> Option<String> {
        Policy::why(self, left)
    }
    #[inline(always)]
    fn state(&self, frames: &Frames, next: u64) -> Option<State> {
        Policy::state(self, frames, next)
    }
}

/// Any policy of the table; with quotas a fixed-space one for each process.
pub struct AnyPolicy<'t>(Box<dyn Replaces<'t> + 't>);

#[deny(clippy::missing_trait_methods)]
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
        dispatch(setup.policy, Make(setup))
    }

    fn hit(&mut self, at: Touch) {
        self.0.hit(at)
    }

    fn is_settled(&self, frame: FrameId) -> bool {
        self.0.is_settled(frame)
    }

    fn hits(&mut self, mut frames: impl ExactSizeIterator<Item = FrameId>) {
        self.0.hits(&mut frames)
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

    fn tick(&mut self, frames: &mut Frames, time: u64) {
        self.0.tick(frames, time)
    }

    fn expire(&mut self, frames: &mut Frames, at: Touch) -> Option<FrameId> {
        self.0.expire(frames, at)
    }

    fn idle(&self, entry: EntryId) -> u64 {
        self.0.idle(entry)
    }

    fn pass(&mut self, entry: EntryId, refs: u64) {
        self.0.pass(entry, refs)
    }

    fn in_window(&self, entry: EntryId) -> bool {
        self.0.in_window(entry)
    }

    fn referenced(&mut self, entry: EntryId, frame: FrameId, ago: u64) {
        self.0.referenced(entry, frame, ago)
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
}

/// Makes a policy of a type, with quotas one for each process.
struct Make<'s, 't>(&'s Setup<'t>);

impl<'t> Visitor<'t> for Make<'_, 't> {
    type Output = AnyPolicy<'t>;

    fn visit<P: Policy<'t> + 't>(self) -> AnyPolicy<'t> {
        let is_local = self.0.quotas.is_some() && P::SPEC.space == Space::Fixed;
        match is_local {
            true => AnyPolicy(Box::new(Local::<P>::new(self.0))),
            false => AnyPolicy(Box::new(P::new(self.0))),
        }
    }
}
