//! The replay loop: every reference of a trace, one after the other, through the state of its
//! page, and between them what happens to address spaces. It owns frames, residency, dirty bits
//! and every counter.
//!
//! This is the plain engine: the twin that `bursts`, which looks at what happens only, is held equal
//! to.

mod assemble;
pub(super) mod bursts;
mod events;
pub mod explain;
mod fault;
pub mod observe;
mod replay;

use assemble::{Goal, with_machine};
pub use assemble::{begin, run, run_with};
pub use replay::Replay;

use super::counters::{Counters, FaultTables, Outcome, SwapFull, TlbCounters};
use super::geometry::LEVELS_MAX;
use super::listen::{ExpiryEvent, FaultEvent, FaultKind, Intervals, Listener};
use super::residence::{AWAY, Residence, Spaces, UNALLOCATED};
use super::swap::Swap;
use super::tlb::{Geometry, MissLog, Translation};
use crate::policy::{
    AnyPolicy, EventCount, Explain, Frames, Params, PolicyId, PolicyType, Setup,
    Space as SpaceKind, Touch, VictimRequest,
};
use crate::simd::scan::{Scan, scan};
use crate::space::{Class, End, EntryId, ObjectId, Op, Space};
use crate::trace::bursts::View;
use crate::trace::dense::{KIND_MASK, KindCode, PageKey, Ref, Tile, Trace, page_of};
use crate::trace::record::Kind;
use crate::units::{FrameId, PageId};
use replay::Running;
use std::ops::Range;

/// With more pages than this their states do not stay in the caches of a core: they are asked for
/// ahead of use, those of so many references at once.
const WIDE: usize = 1 << 16;
const AHEAD: usize = 32;

/// When the reference bit of a page is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Accessed {
    /// At every reference.
    #[default]
    Every,
    /// When its entry is walked to: a page that stays in a TLB looks idle.
    Walk,
    /// The same, and clearing the bit drops the page's translations.
    WalkFlush,
}

impl Accessed {
    /// Every way, with its name on the command line and in results.
    pub const ALL: [(Accessed, &'static str); 3] = [
        (Accessed::Every, "every"),
        (Accessed::Walk, "walk"),
        (Accessed::WalkFlush, "walk-flush"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        Accessed::ALL[self as usize].1
    }
}

/// One replay to be done.
#[derive(Clone, Copy)]
pub struct Job<'t> {
    /// The trace: its legal references.
    pub trace: &'t Trace,
    /// Its entries, objects and ops, if it has any besides references.
    pub space: Option<&'t Space>,
    /// The policy.
    pub policy: PolicyId,
    /// The policy's parameters.
    pub params: &'t Params,
    /// The seed of randomised policies.
    pub seed: u64,
    /// Frames of memory; `None` for as many as pages. At least 1.
    pub frames: Option<u32>,
    /// Frames of each process, if each has its own; they add up to `frames` at most.
    pub quotas: Option<&'t [u32]>,
    /// The window of a variable-space policy, in references; at least 1.
    pub tau: u64,
    /// References replayed before counting begins.
    pub warmup: u64,
    /// The trace as bursts, to replay by them where the policy and the model let that be; the
    /// counts are the same.
    pub bursts: Option<View<'t>>,
    /// The TLBs, if they are modelled.
    pub tlb: Option<&'t Geometry>,
    /// The misses of undisturbed TLBs of the trace ([`MissLog::of`]), so that the TLBs need not look at
    /// references that hit; the counts are the same. Not used where it is of other TLBs, or where
    /// reference bits are set by walks.
    pub misses: Option<&'t MissLog>,
    /// When reference bits are set; without TLBs at every reference.
    pub accessed: Accessed,
    /// Slots of the swap device; `None` for as many as needed.
    pub swap_slots: Option<u64>,
}

/// Why a replay cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The next-use links need 32-bit positions.
    #[error("{0} knows the future and takes traces of at most 2^32 - 2 references")]
    TooLong(&'static str),
    /// The future of a trace is known where all of it is in memory.
    #[error("{0} knows the future: the whole trace must be in memory (raise --mem-limit)")]
    NotInMemory(&'static str),
}

/// Who hears of faults and expiries, if anybody does.
type Hears<'t> = Option<&'t mut dyn Listener>;

/// A dirty page must leave memory and swap has no slot for it: the replay ends before the
/// reference or the event that is the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Full;

struct Machine<'t, P, R, T> {
    policy: P,
    memory: R,
    tlb: T,
    intervals: Intervals,
    listener: Hears<'t>,
    frames: Frames,
    by_bursts: Option<bursts::ByBursts>,
    entries: &'t [PageKey],
    after_op: &'t [u32],
    /// The first op that has not been done.
    next_op: usize,
    swap: Swap,
    /// The replay has ended early, see [`Full`].
    swap_full: bool,
    /// It ended because a page could not leave after a reference.
    cannot_expire: bool,
    /// What the policy had counted before it named the victim that could not leave.
    events_before: Vec<EventCount>,
    /// Frames never used yet are those from here on; `free` are frames that were given back.
    fresh: u32,
    free: Vec<FrameId>,
    capacity: u32,
    counters: Counters,
    /// Faults by the length of their walks, as in [`TlbCounters::faults`], and the place in its
    /// table of the fault counted last: kind, whether a device was read, whether a victim was
    /// written.
    walked_faults: [FaultTables; LEVELS_MAX as usize],
    last_fault: [usize; 3],
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

impl<'t, P, R, T> Machine<'t, P, R, T>
where
    P: PolicyType<'t>,
    R: Residence<'t>,
    T: Translation,
{
    fn new(
        policy: P,
        setup: &Setup<'t>,
        memory: R,
        swap_slots: Option<u64>,
        tlb: T,
        listener: Hears<'t>,
    ) -> Self {
        let gives_back = P::SPEC.space == SpaceKind::Variable || R::SHARES;
        Machine {
            policy,
            memory,
            tlb,
            intervals: Intervals::default(),
            listener,
            frames: Frames::new(setup.frames),
            by_bursts: None,
            entries: setup.entries,
            after_op: setup.future.after_op,
            next_op: 0,
            swap: Swap::new(setup.pages, swap_slots),
            swap_full: false,
            cannot_expire: false,
            events_before: Vec::new(),
            fresh: 0,
            free: Vec::with_capacity(if gives_back { setup.frames as usize } else { 0 }),
            capacity: setup.frames,
            counters: Counters::default(),
            walked_faults: Default::default(),
            last_fault: [0; 3],
            residency: Residency::default(),
        }
    }

    /// Replays a stretch of the trace and the ops before each of its references; it may be called
    /// for one stretch after the other. Returns where it ended: at the end of the stretch, or
    /// before the reference that full swap denies. The tile has bursts
    /// just where the machine takes them.
    fn feed(&mut self, tile: Tile<'_>, range: Range<usize>) -> usize {
        let mut from = range.start;
        while from < range.end {
            let Ok((op, until)) = self.perform(from as u64, usize::MAX) else {
                self.swap_full = true;
                break;
            };
            let (to, goal) = match op {
                Some(op) => {
                    let entry = match tile.bursts {
                        Some(view) => view.page(from),
                        None => page_of(tile.refs[tile.index(from as u64)]),
                    };
                    let done = self.access_by(op, entry, from as u64);
                    (from + usize::from(done.is_ok()), from + 1)
                }
                None => {
                    let goal = range.end.min(until);
                    let end = match tile.bursts {
                        Some(view) => self.burst_stretch(view, from..goal),
                        None => self.stretch(tile, from..goal),
                    };
                    (end, goal)
                }
            };
            from = to;
            if to < goal {
                self.swap_full = true;
                break;
            }
        }
        self.counters.refs += (from - range.start) as u64;
        from
    }

    /// Replays references between which nothing else happens.
    fn stretch(&mut self, tile: Tile<'_>, range: Range<usize>) -> usize {
        let inside = tile.index(range.start as u64)..tile.index(range.end as u64);
        let (refs, kinds) = (&tile.refs[inside.clone()], &tile.kinds[inside]);
        let wide = self.entries.len() > WIDE;
        let mut soon = refs.chunks(AHEAD).skip(1);
        let (mut hits, mut at) = (0, range.start);
        for (refs, kinds) in refs.chunks(AHEAD).zip(kinds.chunks(AHEAD)) {
            let soon = soon.next().filter(|_| wide).unwrap_or_default();
            for &reference in soon {
                self.memory.prefetch(page_of(reference));
            }
            for (&reference, &kind) in refs.iter().zip(kinds) {
                let Ok(hit) = self.access(reference, kind, at as u64) else {
                    self.counters.hits += hits;
                    return at;
                };
                hits += u64::from(hit);
                at += 1;
            }
        }
        self.counters.hits += hits;
        at
    }

    /// Whether a page that had to leave could not, so that there is no further reference.
    #[inline(always)]
    fn is_denied(&self) -> bool {
        P::SPEC.space == SpaceKind::Variable && self.swap_full
    }

    /// One reference; true if its entry was present.
    #[inline(always)]
    fn access(&mut self, reference: Ref, kind: KindCode, time: u64) -> Result<bool, Full> {
        if self.is_denied() {
            return Err(Full);
        }
        let (entry, write) = (page_of(reference), reference & 1 != 0);
        let ifetch = kind & KIND_MASK == Kind::Ifetch as KindCode;
        let present = self.memory.present(entry);
        let hit = present < AWAY;
        let frame = if hit {
            let walked = T::WALKS_SET_BITS && self.tlb.translate(entry, ifetch, time);
            if T::WALKS_SET_BITS && !walked {
                self.frames.touch_translated(present, write);
            } else {
                self.frames.touch(present, write);
            }
            self.policy.hit(Touch {
                entry,
                frame: present,
                time,
            });
            present
        } else {
            self.fault(entry, write, time)?
        };
        if !hit {
            self.translate_fault(entry, ifetch, time);
            self.flush_unreferenced(entry, frame, time);
        } else if T::EVERY && !T::WALKS_SET_BITS {
            self.tlb.translate(entry, ifetch, time);
        }
        self.close_windows(Touch { entry, frame, time });
        Ok(hit)
    }

    /// Translates a reference whose fault was served and counted. It misses every TLB: the fault
    /// is counted once more by the length of its walk.
    #[inline]
    fn translate_fault(&mut self, entry: EntryId, ifetch: bool, time: u64) {
        self.tlb.translate(entry, ifetch, time);
        if let Some(height) = self.tlb.walked().checked_sub(1) {
            let [kind, major, written] = self.last_fault;
            self.walked_faults[height][kind][major][written] += 1;
        }
    }

    /// The counters of the TLBs before the reference at a position; `None` if they are not modelled.
    fn tlb_counters(&mut self, before: u64) -> Option<TlbCounters> {
        let counters = self.tlb.counters(before)?;
        Some(TlbCounters {
            faults: self.walked_faults,
            ..counters
        })
    }

    /// Where the replay ended early, if it did, with `legal` references replayed.
    fn end(&self, legal: u64) -> Option<End> {
        let ops = (!self.cannot_expire).then_some(self.next_op as u64);
        self.swap_full.then_some(End { legal, ops })
    }

    /// What the policy has counted of its own doings: without those of a victim that could not leave.
    fn policy_events(&self) -> Vec<EventCount> {
        match self.swap_full && !self.cannot_expire {
            true => self.events_before.clone(),
            false => self.policy.event_counts(),
        }
    }

    /// After a reference: a tick, if it is time for one, and the pages leave whose windows close.
    #[inline(always)]
    fn close_windows(&mut self, at: Touch) {
        if P::SPEC.ticks && at.time >= self.policy.next_tick() {
            self.tick(at.time);
        }
        if P::SPEC.space == SpaceKind::Variable {
            while let Some(expired) = self.policy.expire(&mut self.frames, at.entry) {
                self.expire(expired, at.time);
            }
        }
        if T::WALKS_SET_BITS {
            self.assert_flushed(at.entry);
        }
    }

    /// The policy looks at all pages after the reference at a position.
    #[inline(never)]
    fn tick(&mut self, time: u64) {
        self.policy.tick(&mut self.frames, time);
        self.flush_cleared(time + 1);
    }
}

/// With [`Accessed::WalkFlush`]: after each reference a page whose bit is clear has no translation.
impl<'t, P, R, T> Machine<'t, P, R, T>
where
    P: PolicyType<'t>,
    R: Residence<'t>,
    T: Translation,
{
    /// A reference that faulted was translated, and put its entry into the TLBs, though the policy
    /// cleared the bit of its page at the load. The entry is dropped, so that the next reference
    /// walks and sets the bit.
    #[inline(always)]
    fn flush_unreferenced(&mut self, entry: EntryId, frame: FrameId, time: u64) {
        if T::WALKS_SET_BITS && self.frames.watches_clearing() && !self.frames.referenced(frame) {
            self.tlb.shoot_down(entry, time + 1);
        }
    }

    /// # Panics
    /// If the TLBs hold an entry whose page has its bit clear, or is not in memory.
    fn assert_flushed(&self, entry: EntryId) {
        let frame = self.memory.present(entry);
        let idle = frame >= AWAY || !self.frames.referenced(frame);
        assert!(
            !(self.frames.watches_clearing() && idle && self.tlb.holds(entry)),
            "a translation outlived the reference bit of its page"
        );
    }

    /// The same of all entries, at the end. A search for a victim that full swap does not let leave
    /// is the last thing that happens: what it cleared is not looked at again.
    fn assert_all_flushed(&self) {
        if T::WALKS_SET_BITS && !self.swap_full {
            (0..self.entries.len() as EntryId).for_each(|entry| self.assert_flushed(entry));
        }
    }
}

#[cfg(test)]
mod tests;
