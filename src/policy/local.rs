//! Local replacement: every process has frames of its own, and a page that it loads takes one of
//! them or replaces one of its own pages. Each process has its own policy, which sees only what
//! that process loaded. A shared page stays charged to the process that loaded it. Knows nothing of
//! how the frames were divided.
//!
//! The time of a policy is the clock of its process: the number of references that the process has
//! made, to pages of any owner. A hit by another process has the present time of the page's owner.
//! So a process that shares nothing has the faults that it would have alone. Policies that use the
//! future are the exception: their times are positions of the trace.

use super::algorithms::random::nth_output;
use super::prelude::*;
use crate::trace::model::refs::PageKey;

/// In place of a place in `shares`: the process has no frames and loads nothing.
const NONE: u32 = u32::MAX;

/// One instance of a fixed-space policy for each process that has frames.
struct Local<'t, P> {
    entries: &'t [PageKey],
    /// The place of each process in `shares`, or [`NONE`].
    place: Vec<u32>,
    /// The processes that have frames.
    shares: Vec<Share<P>>,
    /// For each frame the place of the process that loaded its page.
    owner: Vec<u32>,
    /// The place of the process that made the last reference, if its policy must tick now.
    due: Option<usize>,
}

/// Sets up the policy `P`; with quotas, if it is a fixed-space policy, one for each process.
pub(super) fn boxed<'t, P: PolicyType<'t> + 't>(setup: &Setup<'t>) -> Box<dyn Policy + 't> {
    match setup.quotas.is_some() && P::SPEC.space == MemoryBy::Fixed {
        true => Box::new(Local::<P>::new(setup)),
        false => Box::new(P::new(setup)),
    }
}

/// A process with its frames.
struct Share<P> {
    policy: P,
    /// The most frames.
    quota: u32,
    /// The number of frames that are taken.
    taken: u32,
    /// The references that the process has made.
    clock: u64,
}

impl<'t, P: PolicyType<'t>> Share<P> {
    /// Returns the time of its policy at `position` of the trace.
    #[inline(always)]
    fn time(&self, position: u64) -> u64 {
        match P::SPEC.needs_future() {
            true => position,
            false => self.clock,
        }
    }
}

impl<'t, P: PolicyType<'t>> Local<'t, P> {
    /// Sets up one policy for each process that has frames.
    ///
    /// # Panics
    /// If the setup has no quotas.
    fn new(setup: &Setup<'t>) -> Local<'t, P> {
        let quotas = setup.quotas.expect("local replacement has quotas");
        let mut place = vec![NONE; quotas.len()];
        let mut shares = Vec::new();
        for (place, &quota) in place
            .iter_mut()
            .zip(quotas)
            .filter(|(_, quota)| **quota > 0)
        {
            *place = shares.len() as u32;
            let own = Setup {
                capacity: quota,
                processes: 1,
                quotas: None,
                seed: match shares.len() as u64 {
                    0 => setup.seed,
                    nth => nth_output(setup.seed, nth),
                },
                ..*setup
            };
            shares.push(Share {
                policy: P::new(&own),
                quota,
                taken: 0,
                clock: 0,
            });
        }
        Local {
            entries: setup.entries,
            place,
            shares,
            owner: vec![0; setup.frames as usize],
            due: None,
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl<'t, P: PolicyType<'t>> Policy for Local<'t, P> {
    fn hit(&mut self, at: PageAccess) {
        let owner = self.owner_of(at.frame);
        let time = owner.time(at.time);
        owner.policy.hit(PageAccess { time, ..at });
        self.passed(at.entry);
    }

    fn is_settled(&self, frame: FrameId) -> bool {
        let owner = self.owner[frame as usize] as usize;
        self.shares[owner].policy.is_settled(frame)
    }

    fn is_full(&self, process: u32) -> bool {
        let share = &self.shares[self.place_of(process)];
        share.taken >= share.quota || share.policy.is_full(process)
    }

    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let place = self.place_of(request.process);
        let share = &mut self.shares[place];
        // The page of another process is not named anyway, and an only page must be.
        let is_own = |&frame: &FrameId| self.owner[frame as usize] as usize == place;
        let spare = request.spare.filter(is_own).filter(|_| share.taken > 1);
        share.taken -= 1;
        let request = VictimRequest {
            time: share.time(request.time),
            spare,
            ..request
        };
        share.policy.victim(frames, request)
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let share = self.charge(at);
        let time = share.time(at.time);
        share.policy.loaded(frames, PageAccess { time, ..at });
        self.passed(at.entry);
    }

    fn prefetched(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        let share = self.charge(at);
        let time = share.time(at.time);
        let at = PageAccess { time, ..at };
        share.policy.prefetched(frames, at, next_use);
    }

    /// The machine shows reads and writes of files to policies of all processes only.
    fn file_hit(&mut self, _frames: &mut Frames, _at: PageAccess, _next_use: u32) {
        unreachable!("frames by process hold mapped pages only");
    }

    fn file_loaded(&mut self, _frames: &mut Frames, _at: PageAccess, _next_use: u32) {
        unreachable!("frames by process hold mapped pages only");
    }

    fn dirtied(&mut self, frames: &Frames, at: PageAccess, next_use: u32) {
        let owner = self.owner_of(at.frame);
        let time = owner.time(at.time);
        owner
            .policy
            .dirtied(frames, PageAccess { time, ..at }, next_use);
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        let owner = self.owner_of(frame);
        owner.taken -= 1;
        owner.policy.freed(frames, frame);
    }

    /// A policy knows an entry only if the page was loaded through it, for the process of the
    /// entry.
    fn unmapped(&mut self, entry: EntryId) {
        let process = self.entries[entry as usize].process;
        if let Some(share) = self.shares.get_mut(self.place[process as usize] as usize) {
            share.policy.unmapped(entry);
        }
    }

    fn moved(&mut self, from: EntryId, to: EntryId) {
        let process = self.entries[from as usize].process;
        if let Some(share) = self.shares.get_mut(self.place[process as usize] as usize) {
            share.policy.moved(from, to);
        }
    }

    /// Returns 0 if the policy of the process that runs must tick: the clocks of the others do not
    /// advance.
    fn next_tick(&self) -> u64 {
        self.due.map_or(u64::MAX, |_| 0)
    }

    fn tick(&mut self, frames: &mut Frames, time: u64) {
        if let Some(place) = self.due.take() {
            let share = &mut self.shares[place];
            // The clock has advanced past the reference.
            let last = share.clock - 1;
            let time = if P::SPEC.needs_future() { time } else { last };
            share.policy.tick(frames, time);
        }
    }

    fn expire(&mut self, frames: &mut Frames, entry: EntryId) -> Option<FrameId> {
        let place = self.place_of(self.entries[entry as usize].process);
        let share = &mut self.shares[place];
        let frame = share.policy.expire(frames, entry)?;
        share.taken -= 1;
        Some(frame)
    }

    fn event_counts(&self) -> Vec<EventCount> {
        let mut all: Vec<EventCount> = Vec::new();
        let each = self.shares.iter().map(|share| &share.policy);
        for (name, count) in each.flat_map(Policy::event_counts) {
            match all.iter_mut().find(|event| event.0 == name) {
                Some(event) => event.1 += count,
                None => all.push((name, count)),
            }
        }
        all
    }
}

#[deny(clippy::missing_trait_methods)]
impl<'t, P: PolicyType<'t>> Explain for Local<'t, P> {
    fn why(&self, evicted: &Evicted) -> String {
        // The new page in its frame is of the same process.
        let owner = self.owner[evicted.frame as usize] as usize;
        self.shares[owner].policy.why(evicted)
    }

    /// The orders of all processes, one after the other.
    fn order(&self, frames: &Frames, next: u64) -> Option<FrameOrder> {
        let of = |share: &Share<P>| share.policy.order(frames, share.time(next));
        let mut all: Vec<FrameOrder> = self.shares.iter().map(of).collect::<Option<_>>()?;
        let title = all.first()?.title.clone();
        let frames = all.iter_mut().flat_map(|order| order.frames.drain(..));
        Some(FrameOrder {
            title: format!("{title}, by process; times are references of the process"),
            frames: frames.collect(),
        })
    }
}

impl<'t, P: PolicyType<'t>> Local<'t, P> {
    /// Returns the place of `process`, which has frames.
    #[inline(always)]
    fn place_of(&self, process: u32) -> usize {
        self.place[process as usize] as usize
    }

    /// Returns the process that loaded the page in `frame`.
    #[inline(always)]
    fn owner_of(&mut self, frame: FrameId) -> &mut Share<P> {
        &mut self.shares[self.owner[frame as usize] as usize]
    }

    /// Charges the frame of a new page to the process of its entry and returns that.
    fn charge(&mut self, at: PageAccess) -> &mut Share<P> {
        let place = self.place_of(self.entries[at.entry as usize].process);
        self.owner[at.frame as usize] = place as u32;
        let share = &mut self.shares[place];
        share.taken += 1;
        share
    }

    /// Advances the clock of the process of `entry` after a reference.
    #[inline(always)]
    fn passed(&mut self, entry: EntryId) {
        let place = self.place_of(self.entries[entry as usize].process);
        let share = &mut self.shares[place];
        if P::SPEC.ticks && share.clock >= share.policy.next_tick() {
            self.due = Some(place);
        }
        share.clock += 1;
    }
}
