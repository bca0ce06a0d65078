//! Serving a fault: a frame is found, the page comes in, the fault is counted. What is on the path of
//! an ordinary fault is generic over the policy and inlined; what serves copy-on-write takes any
//! policy behind a pointer, so it is compiled once for each kind of page tables and TLBs.

use super::{Machine, Paging};
use crate::policy::{PageAccess, Policy, PolicyType, VictimRequest};
use crate::space::{self, EntryId, ObjectId, Op};
use crate::trace::model::access::Kind;
use crate::trace::model::refs::KindCode;
use crate::units::FrameId;
use crate::vm::core::distribution::{FaultKind, Victim};
use crate::vm::core::{FaultAt, Full, Read};
use crate::vm::machine::page_tables::{NOT_RESIDENT, Residence, UNALLOCATED};
use crate::vm::tlb::Translation;

/// The code of a write.
const WRITE: KindCode = Kind::Write as KindCode;

/// Why a page comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// A reference faults.
    Fault,
    /// The program wants the page before it references it.
    Ahead,
}

impl<'t, P, R, T> Machine<'t, P, R, T>
where
    P: PolicyType<'t>,
    R: Residence,
    T: Translation,
{
    /// Serves a reference of the kind `kind`, a write or not, whose entry names no frame. Returns the
    /// frame that it names now. Errors
    /// if the victim cannot leave.
    #[inline(never)]
    pub(super) fn fault(
        &mut self,
        entry: EntryId,
        kind: KindCode,
        write: bool,
        time: u64,
    ) -> Result<FrameId, Full> {
        let Machine { policy, paging } = self;
        let object = paging.memory.object(entry);
        let state = paging.memory.state(object);
        if R::SHARES && state < NOT_RESIDENT {
            paging.tlb.before_fault(entry);
            paging.memory.attach(entry, state);
            let at = PageAccess {
                entry,
                frame: state,
                time,
            };
            paging.find(policy, FaultKind::Map, at, (kind, write));
            self.note_touched(entry, state, write);
            return Ok(state);
        }
        let read = paging.source(object, state);
        let (frame, victim) =
            paging.take_frame_inline(policy, Cause::Fault, entry, object, None, time)?;
        let fault_kind = if state == UNALLOCATED {
            FaultKind::Fill
        } else {
            FaultKind::Refill
        };
        paging.load_inline(policy, PageAccess { entry, frame, time }, object, write);
        if R::SHARES && read == Read::Swap {
            paging.core.note_swap_in(object);
        }
        self.note_touched(entry, frame, write);
        let paging = &mut self.paging;
        paging.flush_cleared(time);
        let at = FaultAt {
            kind,
            page: object,
            time,
        };
        paging.core.note_fault(fault_kind, at, read, victim);
        Ok(frame)
    }
}

impl<'t, R, T> Paging<'t, R, T>
where
    R: Residence,
    T: Translation,
{
    /// Returns what must be read for an object that is in no frame.
    #[inline]
    pub(super) fn source(&self, object: ObjectId, state: u32) -> Read {
        self.core.source(object, state, self.memory.class(object))
    }

    /// Serves a fault whose page is in memory already.
    #[inline]
    pub(super) fn find<P: Policy + ?Sized>(
        &mut self,
        policy: &mut P,
        fault_kind: FaultKind,
        at: PageAccess,
        (kind, write): (KindCode, bool),
    ) {
        self.core.frames.touch(at.frame, write);
        policy.hit(at);
        let at = FaultAt {
            kind,
            page: self.core.frames.page(at.frame),
            time: at.time,
        };
        self.core.note_fault(fault_kind, at, Read::Nothing, None);
    }

    /// Takes a frame for `page`, which comes in through `entry`: a free one, or one whose page
    /// leaves, but not `spare` if the policy has another. Settles the residency if there will be one page more. Errors if the victim cannot
    /// leave.
    #[inline(always)]
    pub(super) fn take_frame_inline<P: Policy + ?Sized>(
        &mut self,
        policy: &mut P,
        cause: Cause,
        entry: EntryId,
        page: ObjectId,
        spare: Option<FrameId>,
        time: u64,
    ) -> Result<(FrameId, Option<Victim>), Full> {
        let core = &mut self.core;
        let process = core.entries[entry as usize].process;
        let free = if policy.is_full(process) {
            None
        } else {
            core.free_frame()
        };
        // The victim may be a page that cannot leave: then its choice counts for nothing.
        if free.is_none() && core.swap.is_full() {
            core.events_before = policy.event_counts();
        }
        let (frame, taken) = match free {
            Some(frame) => {
                core.residency.settle(time);
                (frame, false)
            }
            None => {
                let ahead = cause == Cause::Ahead;
                let request = VictimRequest {
                    process,
                    page: Some(page),
                    time,
                    ahead,
                    spare: spare.filter(|_| core.residency.now > 1),
                };
                (policy.victim(&mut core.frames, request), true)
            }
        };
        if taken && !self.can_leave(frame) {
            return Err(Full);
        }
        if cause == Cause::Fault {
            self.tlb.before_fault(entry);
        }
        self.flush_cleared(time);
        Ok((frame, taken.then(|| self.remove(frame, time))))
    }

    /// Out-of-line copy of [`Paging::take_frame_inline`], for copy-on-write and pages that come ahead of use.
    #[inline(never)]
    pub(super) fn take_frame(
        &mut self,
        policy: &mut dyn Policy,
        cause: Cause,
        entry: EntryId,
        page: ObjectId,
        spare: Option<FrameId>,
        time: u64,
    ) -> Result<(FrameId, Option<Victim>), Full> {
        self.take_frame_inline(policy, cause, entry, page, spare, time)
    }

    /// Puts `object` into the frame of `at` because a reference through the entry of `at` faulted.
    /// The caller notes the entry for bursts and calls [`Paging::flush_cleared`] afterwards.
    #[inline(always)]
    pub(super) fn load_inline<P: Policy + ?Sized>(
        &mut self,
        policy: &mut P,
        at: PageAccess,
        object: ObjectId,
        write: bool,
    ) {
        self.memory.place(object, at.frame);
        self.memory.attach(at.entry, at.frame);
        self.core.residency.now += 1;
        self.core.frames.load(at.frame, object, write);
        policy.loaded(&mut self.core.frames, at);
    }

    /// Returns whether the write of an op needs no fault: the page was read from swap when `entry`
    /// was its only owner already, and was mapped writable.
    #[inline]
    pub(super) fn maps_writable(&self, op: Op) -> bool {
        let Op::Reuse { entry, alone_since } = op else {
            return false;
        };
        let frame = self.memory.present(entry);
        let page = self.memory.object(entry);
        frame < NOT_RESIDENT && self.core.was_swapped_in_after(alone_since, page)
    }

    /// Serves a write fault that belongs to an op of copy-on-write. Returns the frame that `entry`
    /// names then; `None` if the page need not be copied but is not in memory, so that an ordinary
    /// fault follows. Errors if swap is full.
    #[inline(never)]
    pub(super) fn serve_write(
        &mut self,
        policy: &mut dyn Policy,
        op: Op,
        entry: EntryId,
        time: u64,
    ) -> Result<Option<FrameId>, Full> {
        let present = self.memory.present(entry);
        match op {
            Op::CowCopy {
                source,
                object,
                frees,
                ..
            } => {
                let frame = self.cow_copy(policy, entry, source, object, frees, time)?;
                Ok(Some(frame))
            }
            _ if present < NOT_RESIDENT => {
                self.tlb.before_fault(entry);
                self.tlb.shoot_down(entry, time);
                let at = PageAccess {
                    entry,
                    frame: present,
                    time,
                };
                self.find(policy, FaultKind::CowReuse, at, (WRITE, true));
                self.core.note_present(entry, true);
                Ok(Some(present))
            }
            _ => Ok(None),
        }
    }

    fn cow_copy(
        &mut self,
        policy: &mut dyn Policy,
        entry: EntryId,
        source: ObjectId,
        object: ObjectId,
        frees: bool,
        time: u64,
    ) -> Result<FrameId, Full> {
        let (frame, read, victim) =
            self.part_from_source(policy, Cause::Fault, entry, (source, frees), object, time)?;
        self.load_inline(policy, PageAccess { entry, frame, time }, object, true);
        self.core.note_present(entry, true);
        self.flush_cleared(time);
        let at = FaultAt {
            kind: WRITE,
            page: object,
            time,
        };
        self.core.note_fault(FaultKind::CowCopy, at, read, victim);
        Ok(frame)
    }

    /// Takes a frame for `object`, a copy of a source that may have no owner left afterwards, and binds
    /// `entry` to it. Returns the frame, what is read for the copy, and the victim.
    pub(super) fn part_from_source(
        &mut self,
        policy: &mut dyn Policy,
        cause: Cause,
        entry: EntryId,
        (source, frees): (ObjectId, bool),
        object: ObjectId,
        time: u64,
    ) -> Result<(FrameId, Read, Option<Victim>), Full> {
        self.core.residency.settle(time);
        let found = match std::mem::take(&mut self.core.read_original) {
            true => Read::Counted,
            false => Read::Nothing,
        };
        // Whatever becomes of the source below, its content is there now or is read.
        let (read, spare) = match source {
            space::NONE => (Read::File, None),
            source => match self.memory.state(source) {
                frame if frame < NOT_RESIDENT => (found, Some(frame)),
                state => (self.source(source, state), None),
            },
        };
        let spare = spare.filter(|_| self.core.pins_source);
        let (frame, victim) = self.take_frame(policy, cause, entry, object, spare, time)?;
        if source != space::NONE {
            self.drop_entry(entry, time);
            policy.unmapped(entry);
            if frees {
                self.free(policy, source, false, time);
            }
        }
        self.memory.bind(entry, object);
        Ok((frame, read, victim))
    }

    /// Translates a reference whose fault was served and counted. It misses every TLB, so the
    /// fault is counted once more by the length of its walk.
    #[inline]
    pub(super) fn translate_fault(&mut self, entry: EntryId, ifetch: bool, time: u64) {
        self.tlb.translate(entry, ifetch, time);
        self.core.note_walk(self.tlb.walked());
    }
}
