//! The machine: replays every reference of a trace, one after the other, through the state of its
//! page. Between references it performs what happens to address spaces. It owns frames, page
//! tables, dirty bits and every counter.
//!
//! # What is compiled how often
//!
//! `Machine` is generic over the policy, the page tables and the TLBs: the loop over references
//! (`stretch`, or those of `bursts` where references come as bursts) and the path of a fault are
//! compiled for each combination that runs fast. All else is compiled less often:
//!
//! - `Paging`, a machine without its policy, is compiled for each kind of page tables and TLBs;
//! - `crate::vm::core::Core`, a machine without these, and everything that drives a machine through
//!   `engine::Engine`, one call for each tile of the trace, are compiled once.
//!
//! The plain loop here and the one of `bursts` are twins: tests hold their counts equal.

mod assemble;
pub(super) mod bursts;
mod engine;
mod evict;
mod fault;
mod file_io;
mod ops;
pub mod page_tables;
mod populate;
mod replay;
pub mod snapshot;
pub mod stepper;

pub use assemble::{begin, run, run_as, run_with};
pub use replay::Replay;

use super::core::choices::Choices;
use super::core::{Core, Full};
use super::tlb::{Geometry, MissLog, Translation};
use crate::policy::{
    MemoryBy as SpaceKind, PageAccess, Params, PolicyChoice, PolicyId, PolicyType,
};
use crate::space::{EntryId, Op, Space};
use crate::trace::bursts::BurstsView;
use crate::trace::model::access::Kind;
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::{KIND_MASK, KindCode, Ref, page_of};
use crate::trace::model::tile::Tile;
use crate::units::FrameId;
use page_tables::{NOT_RESIDENT, Residence};
use std::ops::Range;

/// With more entries than this, page states outgrow the cache of a core, and
/// [`Machine::stretch`] prefetches them.
const FAR_PAGES: usize = 1 << 16;
/// The number of references in a prefetch batch.
const PREFETCH_BATCH: usize = 32;

/// When the reference bit of a page is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AccessedBitMode {
    /// At every reference.
    #[default]
    Every,
    /// When a walk reads the page's entry: a page that stays in a TLB looks idle.
    Walk,
    /// As with `Walk`; besides, clearing the bit drops the page's translations.
    WalkFlush,
}

impl AccessedBitMode {
    /// Every mode, with its name on the command line and in results.
    pub const ALL: [(AccessedBitMode, &'static str); 3] = [
        (AccessedBitMode::Every, "every"),
        (AccessedBitMode::Walk, "walk"),
        (AccessedBitMode::WalkFlush, "walk-flush"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        AccessedBitMode::ALL[self as usize].1
    }
}

/// A replay to be done.
#[derive(Clone, Copy)]
pub struct Job<'t> {
    /// The trace: its legal references.
    pub trace: &'t Trace,
    /// The entries, objects and ops of the trace, if it has any besides references.
    pub space: Option<&'t Space>,
    /// The policy.
    pub policy: PolicyId,
    /// The policy's parameters.
    pub params: &'t Params,
    /// The seed of randomised policies.
    pub seed: u64,
    /// Frames of memory, at least 1; `None` for one frame per page.
    pub frames: Option<u32>,
    /// Frames of each process, if each has its own. Their sum is at most `frames`.
    pub quotas: Option<&'t [u32]>,
    /// The window of a variable-space policy, in references; at least 1.
    pub tau: u64,
    /// References replayed before counting begins.
    pub warmup: u64,
    /// The trace as bursts. The replay uses them where the policy and the model allow it; the
    /// counts are the same.
    pub bursts: Option<BurstsView<'t>>,
    /// The TLBs, if they are modelled.
    pub tlb: Option<&'t Geometry>,
    /// The misses of undisturbed TLBs of the trace ([`MissLog::of`]), so that the TLBs need not look
    /// at references that hit; the counts are the same. Ignored if the log is of other TLBs, or if
    /// walks set the reference bits.
    pub misses: Option<&'t MissLog>,
    /// When reference bits are set. Without TLBs every reference sets them.
    pub accessed: AccessedBitMode,
    /// Slots of the swap device; `None` for no limit.
    pub swap_slots: Option<u64>,
    /// How frames are mapped and chosen where systems differ.
    pub choices: Choices,
}

impl<'t> Job<'t> {
    /// Returns a replay of the whole trace, without a space: with a frame per page, a window of one
    /// reference and seed 0, without warm-up, bursts and TLBs, and with unlimited swap.
    pub fn new(trace: &'t Trace, policy: &'t PolicyChoice) -> Job<'t> {
        Job {
            trace,
            space: None,
            policy: policy.id,
            params: &policy.params,
            seed: 0,
            frames: None,
            quotas: None,
            tau: 1,
            warmup: 0,
            bursts: None,
            tlb: None,
            misses: None,
            accessed: AccessedBitMode::Every,
            swap_slots: None,
            choices: Choices::default(),
        }
    }
}

/// Why a replay cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The next-use links need 32-bit positions.
    #[error("{0} needs the future, which takes traces of at most 2^32 - 2 references; use --limit")]
    TooLong(&'static str),
    /// The future is known only of a trace in memory.
    #[error("{0} needs the future: the whole trace must be in memory (raise --mem-limit)")]
    NotInMemory(&'static str),
}

/// A machine without its policy: frames, page tables and TLBs.
struct Paging<'t, R, T> {
    core: Core<'t>,
    memory: R,
    tlb: T,
}

/// A machine.
struct Machine<'t, P, R, T> {
    policy: P,
    paging: Paging<'t, R, T>,
}

impl<'t, P, R, T> Machine<'t, P, R, T>
where
    P: PolicyType<'t>,
    R: Residence,
    T: Translation,
{
    /// Replays a range of the trace, with the ops before each of its references. Ranges follow
    /// each other from call to call. `tile` has the references of the range: as bursts exactly if
    /// the machine takes bursts. Returns the end of the range, or the position of the first
    /// reference that full swap denies.
    fn feed(&mut self, tile: Tile<'_>, range: Range<u64>) -> u64 {
        let mut at = range.start;
        while at < range.end {
            let Ok((op, until)) = self.paging.perform(&mut self.policy, at, usize::MAX) else {
                self.paging.core.swap_full = true;
                break;
            };
            let goal = match op {
                Some(_) => at + 1,
                None => range.end.min(until),
            };
            // A write to a page that is mapped writable already is a reference as any other.
            let op = op.filter(|op| !self.paging.maps_writable(*op));
            let done = match (op, tile.bursts) {
                (Some(op), Some(view)) => self.write_shared(op, view.page(at as usize), at),
                (Some(op), None) => self.write_shared(op, page_of(tile.refs[tile.index(at)]), at),
                (None, Some(view)) => self.burst_stretch(view, at..goal),
                (None, None) => self.stretch(tile, at..goal),
            };
            if let Err(denied) = done {
                self.paging.core.swap_full = true;
                at = denied;
                break;
            }
            at = goal;
        }
        self.paging.core.counters.refs += at - range.start;
        at
    }

    /// Replays references between which nothing else happens. Errors with the position of the
    /// first reference that full swap denies.
    fn stretch(&mut self, tile: Tile<'_>, range: Range<u64>) -> Result<(), u64> {
        let inside = tile.index(range.start)..tile.index(range.end);
        let (refs, kinds) = (&tile.refs[inside.clone()], &tile.kinds[inside]);
        let far = self.paging.core.entries.len() > FAR_PAGES;
        let mut soon = refs.chunks(PREFETCH_BATCH).skip(1);
        let (mut hits, mut at) = (0, range.start);
        for (refs, kinds) in refs
            .chunks(PREFETCH_BATCH)
            .zip(kinds.chunks(PREFETCH_BATCH))
        {
            let soon = soon.next().filter(|_| far).unwrap_or_default();
            for &reference in soon {
                self.paging.memory.prefetch(page_of(reference));
            }
            for (&reference, &kind) in refs.iter().zip(kinds) {
                let Ok(hit) = self.access(reference, kind, at) else {
                    self.paging.core.counters.hits += hits;
                    return Err(at);
                };
                hits += u64::from(hit);
                at += 1;
            }
        }
        self.paging.core.counters.hits += hits;
        Ok(())
    }

    /// Returns true once an expired page could not be written. Always false for fixed-space
    /// policies, whose faults return `Err(Full)`.
    #[inline(always)]
    fn stopped_by_full_swap(&self) -> bool {
        P::SPEC.space == SpaceKind::Variable && self.paging.core.swap_full
    }

    /// Replays one reference. Returns true if its entry was present. Errors if full swap denies
    /// the reference.
    #[inline(always)]
    fn access(&mut self, reference: Ref, kind: KindCode, time: u64) -> Result<bool, Full> {
        if self.stopped_by_full_swap() {
            return Err(Full);
        }
        let (entry, write) = (page_of(reference), reference & 1 != 0);
        let ifetch = kind & KIND_MASK == Kind::Ifetch as KindCode;
        let present = self.paging.memory.present(entry);
        let hit = present < NOT_RESIDENT;
        let frame = if hit {
            let Paging { core, tlb, .. } = &mut self.paging;
            let walked = T::WALKS_SET_BITS && tlb.translate(entry, ifetch, time);
            if T::WALKS_SET_BITS && !walked {
                core.frames.touch_translated(present, write);
            } else {
                core.frames.touch(present, write);
            }
            self.policy.hit(PageAccess {
                entry,
                frame: present,
                time,
            });
            present
        } else {
            self.fault(entry, kind, write, time)?
        };
        if !hit {
            self.paging.translate_fault(entry, ifetch, time);
            self.paging.flush_unreferenced(entry, frame, time);
        } else if T::EVERY && !T::WALKS_SET_BITS {
            self.paging.tlb.translate(entry, ifetch, time);
        }
        self.close_windows(entry, time);
        Ok(hit)
    }

    /// Replays a write that copies its page, or finds that the page need not be copied. Errors
    /// with its position if full swap denies it.
    #[inline(never)]
    fn write_shared(&mut self, op: Op, entry: EntryId, time: u64) -> Result<(), u64> {
        let served = self.paging.serve_write(&mut self.policy, op, entry, time);
        let frame = match served {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => self.fault(entry, Kind::Write as KindCode, true, time),
            Err(Full) => Err(Full),
        };
        let frame: FrameId = frame.map_err(|Full| time)?;
        // It is a write.
        self.paging.translate_fault(entry, false, time);
        self.paging.flush_unreferenced(entry, frame, time);
        self.close_windows(entry, time);
        Ok(())
    }

    /// Does what follows the reference of `entry` at `time`: a tick, if it is time for one, and
    /// pages leave whose windows close.
    #[inline(always)]
    fn close_windows(&mut self, entry: EntryId, time: u64) {
        if P::SPEC.ticks && time >= self.policy.next_tick() {
            self.tick(time);
        }
        if P::SPEC.space == SpaceKind::Variable {
            while let Some(expired) = self.policy.expire(&mut self.paging.core.frames, entry) {
                self.paging.expire(expired, time);
            }
        }
        if T::WALKS_SET_BITS {
            self.paging.assert_flushed(entry);
        }
    }

    /// Lets the policy look at all pages after the reference at `time`.
    #[inline(never)]
    fn tick(&mut self, time: u64) {
        self.policy.tick(&mut self.paging.core.frames, time);
        self.paging.flush_cleared(time + 1);
    }
}

#[cfg(test)]
mod tests;
