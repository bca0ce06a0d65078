//! The replay loop: every reference of a trace, one after the other, through the state of its
//! page. It owns frames, residency, dirty bits and every counter.
//!
//! This is the plain engine: the twin that faster ones are held equal to.

use super::counters::{Counters, Outcome, SwapFull};
use super::listen::{ExpiryEvent, FaultEvent, FaultKind, Intervals, Listener, Silent};
use super::swap::Swap;
use super::tlb::{Geometry, Tlbs, Translation};
use crate::policy::{Frames, Future, Params, Policy, Setup, Space, Touch, Visitor, dispatch};
use crate::trace::dense::{KIND_MASK, KindCode, Ref, Trace, page_of};
use crate::trace::record::Kind;
use crate::units::{FrameId, PageId};
use std::ops::Range;

/// One replay to be done.
#[derive(Clone, Copy)]
pub struct Job<'t> {
    /// The trace.
    pub trace: &'t Trace,
    /// The index of the policy in its table.
    pub policy: usize,
    /// The policy's parameters.
    pub params: &'t Params,
    /// The seed of randomised policies.
    pub seed: u64,
    /// Frames of memory; `None` for as many as pages. At least 1.
    pub frames: Option<u32>,
    /// The window of a variable-space policy, in references; at least 1.
    pub tau: u64,
    /// References replayed before counting begins.
    pub warmup: u64,
    /// The TLBs, if they are modelled.
    pub tlb: Option<&'t Geometry>,
    /// Slots of the swap device; `None` for as many as needed.
    pub swap_slots: Option<u64>,
}

/// Why a replay cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The next-use links need 32-bit positions.
    #[error("{0} knows the future and takes traces of at most 2^32 - 2 references")]
    TooLong(&'static str),
}

/// Where a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageState {
    /// Never touched.
    Unallocated,
    /// In this frame.
    Resident(FrameId),
    /// In this slot of the swap device.
    Swapped(u32),
    /// It left memory clean and without a slot: its original is read again.
    Dropped,
}

/// Replays a trace.
pub fn run(job: &Job<'_>) -> Result<Outcome, RunError> {
    run_with(job, &mut Silent)
}

/// Replays a trace while `listener` hears of every fault and expiry.
pub fn run_with<L: Listener>(job: &Job<'_>, listener: &mut L) -> Result<Outcome, RunError> {
    dispatch(job.policy, Replay { job, listener })
}

/// A job on its way to the loop of its policy.
struct Replay<'a, 't, L> {
    job: &'a Job<'t>,
    listener: &'a mut L,
}

impl<'t, L: Listener> Visitor<'t> for Replay<'_, 't, L> {
    type Output = Result<Outcome, RunError>;

    fn visit<P: Policy<'t>>(self) -> Self::Output {
        let job = self.job;
        let future = match (P::SPEC.needs_future, job.trace.next_use()) {
            (false, _) => Future::default(),
            (true, Some(next_use)) => Future {
                refs: &job.trace.refs,
                next_use,
            },
            (true, None) => return Err(RunError::TooLong(P::SPEC.name)),
        };
        let pages = &job.trace.dictionary.pages[..];
        // More frames than pages are never used.
        let frames = job
            .frames
            .unwrap_or(u32::MAX)
            .min(pages.len() as u32)
            .max(1);
        let setup = Setup {
            frames,
            pages,
            processes: job.trace.dictionary.pids.len(),
            tau: job.tau,
            params: job.params,
            seed: job.seed,
            future,
        };
        let policy = P::new(&setup);
        let slots = job.swap_slots;
        let mut outcome = match job.tlb {
            Some(geometry) => {
                let tlbs = Tlbs::new(geometry, pages, job.trace.meta.page_size);
                Machine::new(policy, &setup, slots, tlbs, self.listener).replay(job)
            }
            None => Machine::new(policy, &setup, slots, (), self.listener).replay(job),
        };
        outcome.frames = job.frames.map_or(u64::from(frames), u64::from);
        outcome.assert_laws();
        Ok(outcome)
    }
}

/// In the page table: not resident, and no frame number.
const UNALLOCATED: u32 = u32::MAX;
/// In the page table: it was resident and has left.
const AWAY: u32 = u32::MAX - 1;

struct Machine<'a, P, T, L> {
    policy: P,
    tlb: T,
    listener: (Intervals, &'a mut L),
    frames: Frames,
    /// For each page its frame, [`UNALLOCATED`] or [`AWAY`].
    table: Vec<u32>,
    swap: Swap,
    /// A dirty page had to leave and there was no slot for it: the replay ends.
    swap_full: bool,
    /// Frames never used yet are those from here on; `free` are frames that were given back.
    fresh: u32,
    free: Vec<FrameId>,
    capacity: u32,
    counters: Counters,
    residency: Residency,
}

/// Resident pages over time.
#[derive(Default)]
struct Residency {
    now: u64,
    sum: u128,
    peak: u64,
    /// References accounted for in `sum`.
    until: u64,
}

impl Residency {
    /// Accounts for the references before `time` with the present number of pages.
    #[inline]
    fn settle(&mut self, time: u64) {
        if time > self.until {
            self.sum += u128::from(self.now) * u128::from(time - self.until);
            self.peak = self.peak.max(self.now);
            self.until = time;
        }
    }
}

impl<'a, 't, P: Policy<'t>, T: Translation, L: Listener> Machine<'a, P, T, L> {
    fn new(
        policy: P,
        setup: &Setup<'t>,
        swap_slots: Option<u64>,
        tlb: T,
        listener: &'a mut L,
    ) -> Machine<'a, P, T, L> {
        Machine {
            policy,
            tlb,
            listener: (Intervals::default(), listener),
            frames: Frames::new(setup.frames),
            table: vec![UNALLOCATED; setup.pages.len()],
            swap: Swap::new(setup.pages.len(), swap_slots),
            swap_full: false,
            fresh: 0,
            free: Vec::with_capacity(if P::SPEC.space == Space::Variable {
                setup.frames as usize
            } else {
                0
            }),
            capacity: setup.frames,
            counters: Counters::default(),
            residency: Residency::default(),
        }
    }

    fn replay(mut self, job: &Job<'t>) -> Outcome {
        let length = job.trace.len();
        let warmup = usize::try_from(job.warmup).unwrap_or(length).min(length);
        let mut end = self.feed(job.trace, 0..warmup);
        let start = self.counters;
        let tlb_start = self.tlb.counters().unwrap_or_default();
        let resident_start = self.residency.now;
        self.residency = Residency {
            now: resident_start,
            until: warmup as u64,
            ..Residency::default()
        };
        self.listener.start_counting();
        if end == warmup {
            end = self.feed(job.trace, warmup..length);
        }
        self.residency.settle(end as u64);
        self.swap.assert_owned();
        let resident = self.table.iter().copied().filter(|&entry| entry < AWAY);
        Outcome {
            frames: 0,
            swap_full: self
                .swap_full
                .then(|| SwapFull::at(end, &job.trace.kinds[warmup.min(end)..end])),
            resident_start,
            resident_end: self.residency.now,
            dirty_end: self.frames.count_dirty(resident),
            resident_sum: self.residency.sum,
            resident_peak: self.residency.peak,
            swap_slots: self.swap.used(),
            counters: self.counters.since(&start),
            tlb: self.tlb.counters().map(|now| now.since(&tlb_start)),
            intervals: self.listener.0.gathered.finish(),
        }
    }

    /// Replays a stretch of the trace; it may be called for one stretch after the other. Returns
    /// where it ended: at the end of the stretch, or before the reference that full swap denies.
    fn feed(&mut self, trace: &Trace, range: Range<usize>) -> usize {
        let (refs, kinds) = (&trace.refs[range.clone()], &trace.kinds[range.clone()]);
        let (mut hits, mut end) = (0, range.end);
        for (offset, (&reference, &kind)) in refs.iter().zip(kinds).enumerate() {
            let position = range.start + offset;
            match self.access(reference, kind, position as u64) {
                Some(hit) => hits += u64::from(hit),
                None => {
                    end = position;
                    break;
                }
            }
        }
        self.counters.hits += hits;
        self.counters.refs += (end - range.start) as u64;
        end
    }

    /// One reference; true if its page was resident, `None` if swap is full and it cannot be.
    #[inline(always)]
    fn access(&mut self, reference: Ref, kind: KindCode, time: u64) -> Option<bool> {
        if P::SPEC.space == Space::Variable && self.swap_full {
            return None;
        }
        let (page, write) = (page_of(reference), reference & 1 != 0);
        let entry = self.table[page as usize];
        let hit = entry < AWAY;
        let frame = if hit {
            self.frames.touch(entry, write);
            self.policy.hit(Touch {
                page,
                frame: entry,
                time,
            });
            entry
        } else {
            self.fault(page, write, time)?
        };
        self.tlb
            .translate(page, kind & KIND_MASK == Kind::Ifetch as KindCode, time);
        if P::SPEC.space == Space::Variable {
            while let Some(expired) = self.policy.expire(Touch { page, frame, time }) {
                self.expire(expired, time);
            }
        }
        Some(hit)
    }

    /// Brings a page in; returns its frame, or `None` if its victim cannot be written.
    #[inline(never)]
    fn fault(&mut self, page: PageId, write: bool, time: u64) -> Option<FrameId> {
        self.residency.settle(time);
        let (frame, taken) = match self.free_frame() {
            Some(frame) => (frame, false),
            None => (self.policy.victim(&mut self.frames, time), true),
        };
        if taken && !self.can_leave(frame) {
            self.swap_full = true;
            return None;
        }
        self.tlb.faults(page);
        let victim = taken.then(|| self.remove(frame));
        match victim {
            None => {}
            Some((_, false)) => self.counters.evictions_clean += 1,
            Some((_, true)) => self.counters.evictions_dirty += 1,
        }
        let written = usize::from(matches!(victim, Some((_, true))));
        let kind = if self.table[page as usize] == UNALLOCATED {
            self.counters.fills[written] += 1;
            FaultKind::Fill
        } else {
            self.counters.refills[written] += 1;
            self.counters.swap_reads += u64::from(self.swap.slot(page).is_some());
            FaultKind::Refill
        };
        self.table[page as usize] = frame;
        self.residency.now += 1;
        self.frames.load(frame, page, write);
        self.policy
            .loaded(&mut self.frames, Touch { page, frame, time });
        self.listener.fault(&FaultEvent {
            time,
            page,
            kind,
            victim,
        });
        Some(frame)
    }

    fn free_frame(&mut self) -> Option<FrameId> {
        if let Some(frame) = self.free.pop() {
            return Some(frame);
        }
        (self.fresh < self.capacity).then(|| {
            self.fresh += 1;
            self.fresh - 1
        })
    }

    /// Whether the page of a frame is clean, or can be written.
    fn can_leave(&self, frame: FrameId) -> bool {
        !self.frames.dirty(frame) || self.swap.has_room(self.frames.page(frame))
    }

    /// Takes the page out of a frame, writing it if it is dirty. Returns the page and whether it
    /// was written.
    fn remove(&mut self, frame: FrameId) -> (PageId, bool) {
        let page = self.frames.page(frame);
        assert_eq!(
            self.table[page as usize],
            frame,
            "{} named a frame it does not hold",
            P::SPEC.name
        );
        let dirty = self.frames.dirty(frame);
        if dirty {
            self.swap.write(page);
        }
        self.table[page as usize] = AWAY;
        self.residency.now -= 1;
        self.tlb.shoot_down(page);
        (page, dirty)
    }

    #[inline(never)]
    fn expire(&mut self, frame: FrameId, time: u64) {
        self.swap_full |= !self.can_leave(frame);
        if self.swap_full {
            return;
        }
        self.residency.settle(time);
        let (page, dirty) = self.remove(frame);
        *(if dirty {
            &mut self.counters.expired_dirty
        } else {
            &mut self.counters.expired_clean
        }) += 1;
        self.free.push(frame);
        self.listener.expired(&ExpiryEvent { time, page, dirty });
    }

    /// Where a page is.
    #[cfg(test)]
    fn state(&self, page: PageId) -> PageState {
        match (self.table[page as usize], self.swap.slot(page)) {
            (UNALLOCATED, _) => PageState::Unallocated,
            (AWAY, Some(slot)) => PageState::Swapped(slot),
            (AWAY, None) => PageState::Dropped,
            (frame, _) => PageState::Resident(frame),
        }
    }
}

#[cfg(test)]
mod tests;
