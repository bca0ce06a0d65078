//! The part of a machine that is the same for every policy, every kind of page tables and every
//! kind of TLBs: free frames, swap, counters, resident pages over time, the listener. It is not
//! generic, so it is compiled once. It knows neither the policy nor which entry names which frame.

pub(crate) mod burst_state;
pub mod counters;
pub mod distribution;
pub mod swap;

use burst_state::BurstState;

use crate::policy::{EventCount, Frames, MemoryBy as SpaceKind, Setup, Spec};
use crate::space::{Class, End, EntryId, ObjectId, OpAt};
use crate::trace::model::refs::PageKey;
use crate::units::{FrameId, PageId};
use crate::vm::core::counters::{Counters, FaultTables};
use crate::vm::core::distribution::{
    ExpiryEvent, FaultEvent, FaultIntervals, FaultKind, Listener, Victim,
};
use crate::vm::core::swap::Swap;
use crate::vm::hardware::tlb_shapes::LEVELS_MAX;
use crate::vm::machine::page_tables::UNALLOCATED;

/// A dirty page must leave memory and swap has no slot for it: the replay ends before the
/// reference or the op that is the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// What must be read for a page to come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// Nothing: the page begins as zeros, or as a cold fill.
    Nothing,
    /// Its slot of the swap device.
    Swap,
    /// Its file.
    File,
    /// Its original backing store, which the trace does not name.
    Original,
}

/// The state of a machine besides its policy, its page tables and its TLBs.
pub(crate) struct Core<'t> {
    /// The name of the policy, for messages.
    pub(crate) policy_name: &'static str,
    /// The page of each entry.
    pub(crate) entries: &'t [PageKey],
    /// What happens between references, by position.
    pub(crate) ops: &'t [OpAt],
    /// For each op that brings a page in ahead of use, when that is used next; empty unless the policy needs the
    /// future.
    pub(crate) after_op: &'t [u32],
    /// The index of the first op that has not been done.
    pub(crate) next_op: usize,
    /// The page in each frame, with its reference bit and its dirty bit.
    pub(crate) frames: Frames,
    /// The number of frames.
    pub(crate) capacity: u32,
    /// The frames from this one on were never used.
    fresh: u32,
    /// Frames that were given back.
    free: Vec<FrameId>,
    /// The number of resident pages over time.
    pub(crate) residency: Residency,
    /// The slots of the swap device.
    pub(crate) swap: Swap,
    /// Full swap ended the replay, see [`Full`].
    pub(crate) swap_full: bool,
    /// Full swap ended the replay because an expired page could not leave after a reference.
    pub(crate) cannot_expire: bool,
    /// The policy's event counts before it chose a victim while swap was full.
    pub(crate) events_before: Vec<EventCount>,
    /// What a replay by bursts keeps; `None` if references are replayed one by one.
    pub(crate) burst_state: Option<BurstState>,
    /// The counters since counting began.
    pub(crate) counters: Counters,
    /// Faults by the length of their walks, as in
    /// [`TlbCounters::faults`](crate::vm::TlbCounters::faults).
    pub(crate) walked_faults: [FaultTables; LEVELS_MAX as usize],
    /// The cell of its table in which the latest fault was counted: kind, major, written.
    pub(crate) last_fault: [usize; 3],
    /// References between successive faults.
    pub(crate) intervals: FaultIntervals,
    /// The listener for faults and expiries, if any.
    pub(crate) listener: Option<&'t mut dyn Listener>,
}

/// The number of resident pages over time.
#[derive(Default)]
pub(crate) struct Residency {
    /// Resident pages now.
    pub(crate) now: u64,
    /// Resident pages after each reference, summed up to `until`.
    pub(crate) sum: u128,
    /// The most resident pages after any reference before `until`.
    pub(crate) peak: u64,
    /// The number of references that `sum` and `peak` account for.
    pub(crate) until: u64,
}

impl Residency {
    /// Accounts for the references before `time` with the present number of pages.
    #[inline]
    pub(crate) fn settle(&mut self, time: u64) {
        if time > self.until {
            self.sum += u128::from(self.now) * u128::from(time - self.until);
            self.peak = self.peak.max(self.now);
            self.until = time;
        }
    }
}

impl<'t> Core<'t> {
    /// Returns the state before the first reference, with empty memory.
    pub(crate) fn new(
        spec: &Spec,
        setup: &Setup<'t>,
        ops: &'t [OpAt],
        swap_slots: Option<u64>,
        listener: Option<&'t mut dyn Listener>,
    ) -> Core<'t> {
        let gives_back = spec.space == SpaceKind::Variable || setup.shares;
        Core {
            policy_name: spec.name,
            entries: setup.entries,
            ops,
            after_op: setup.future.after_op,
            next_op: 0,
            frames: Frames::new(setup.frames),
            capacity: setup.frames,
            fresh: 0,
            free: Vec::with_capacity(if gives_back { setup.frames as usize } else { 0 }),
            residency: Residency::default(),
            swap: Swap::new(setup.pages, swap_slots),
            swap_full: false,
            cannot_expire: false,
            events_before: Vec::new(),
            burst_state: None,
            counters: Counters::default(),
            walked_faults: Default::default(),
            last_fault: [0; 3],
            intervals: FaultIntervals::default(),
            listener,
        }
    }

    /// Takes a frame that holds no page; `None` if every frame holds one.
    #[inline]
    pub(crate) fn free_frame(&mut self) -> Option<FrameId> {
        if let Some(frame) = self.free.pop() {
            return Some(frame);
        }
        (self.fresh < self.capacity).then(|| {
            self.fresh += 1;
            self.fresh - 1
        })
    }

    /// Gives a frame back whose page has left.
    pub(crate) fn give_back(&mut self, frame: FrameId) {
        self.free.push(frame);
    }

    /// Returns what must be read for an object that is in no frame.
    #[inline]
    pub(crate) fn source(&self, object: ObjectId, state: u32, class: Class) -> Read {
        let first = state == UNALLOCATED;
        match class {
            Class::File => Read::File,
            _ if first => Read::Nothing,
            _ if self.swap.slot(object).is_some() => Read::Swap,
            Class::Original => Read::Original,
            Class::Zero => Read::Nothing,
        }
    }

    /// Counts a fault and reports it to the listener.
    #[inline]
    pub(crate) fn note_fault(
        &mut self,
        kind: FaultKind,
        page: PageId,
        read: Read,
        victim: Option<Victim>,
        time: u64,
    ) {
        let major = read != Read::Nothing;
        let written = self.count_moves(read, victim);
        self.last_fault = [kind as usize, usize::from(major), written];
        let [kind_index, major_index, written] = self.last_fault;
        self.counters.faults[kind_index][major_index][written] += 1;
        self.intervals.fault_at(time);
        if let Some(listener) = &mut self.listener {
            listener.fault(&FaultEvent {
                time,
                page,
                kind,
                major,
                victim,
            });
        }
    }

    /// Counts what was read and the page that made room. Returns 1 if that page had to be written
    /// back, else 0.
    #[inline]
    pub(crate) fn count_moves(&mut self, read: Read, victim: Option<Victim>) -> usize {
        self.counters.swap_reads += u64::from(read == Read::Swap);
        self.counters.file_reads += u64::from(read == Read::File);
        match victim {
            None => 0,
            Some(Victim { written: false, .. }) => {
                self.counters.evictions_clean += 1;
                0
            }
            Some(Victim { written: true, .. }) => {
                self.counters.evictions_dirty += 1;
                1
            }
        }
    }

    /// Counts once more, by the length of its walk, the fault that was counted last. `walked` is
    /// the number of page-table entries that the walk read; 0 without TLBs.
    #[inline]
    pub(crate) fn note_walk(&mut self, walked: usize) {
        if let Some(height) = walked.checked_sub(1) {
            let [kind, major, written] = self.last_fault;
            self.walked_faults[height][kind][major][written] += 1;
        }
    }

    /// Counts a page that left because its window closed, and reports it to the listener.
    pub(crate) fn note_expiry(&mut self, page: PageId, dirty: bool, time: u64) {
        *(if dirty {
            &mut self.counters.expired_dirty
        } else {
            &mut self.counters.expired_clean
        }) += 1;
        if let Some(listener) = &mut self.listener {
            listener.expired(&ExpiryEvent { time, page, dirty });
        }
    }

    /// Notes for a replay by bursts that `entry` is present. Its reference bit counts as unknown.
    pub(crate) fn note_present(&mut self, entry: EntryId, dirty: bool) {
        if let Some(state) = &mut self.burst_state {
            state.note_present(entry, dirty);
        }
    }

    /// Notes for a replay by bursts that `entry` is not present.
    pub(crate) fn note_absent(&mut self, entry: EntryId) {
        if let Some(state) = &mut self.burst_state {
            state.forget(entry);
        }
    }

    /// Returns where the replay ended, if full swap ended it after `legal` references.
    pub(crate) fn end(&self, legal: u64) -> Option<End> {
        let ops = (!self.cannot_expire).then_some(self.next_op as u64);
        self.swap_full.then_some(End { legal, ops })
    }
}
