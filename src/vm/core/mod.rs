//! The part of a machine that is the same for every policy, every kind of page tables and every
//! kind of TLBs: free frames, swap, counters, resident pages over time, the listener. It is not
//! generic, so it is compiled once. It knows neither the policy nor which entry names which frame.

pub(crate) mod burst_state;
pub mod choices;
pub mod counters;
pub mod distribution;
pub mod swap;

use burst_state::BurstState;

use crate::policy::{EventCount, Frames, MemoryBy as SpaceKind, Setup, Spec};
use crate::space::{Class, End, EntryId, ObjectId, Op, OpAt, PageCache, Space};
use crate::trace::model::refs::{KindCode, PageKey, kind_of};
use crate::units::{FrameId, PageId};
use crate::vm::core::choices::{Choices, CowSource, FreeFrames, SwapIn};
use crate::vm::core::counters::{Counters, FaultTables};
use crate::vm::core::distribution::{
    ExpiryEvent, FaultEvent, FaultIntervals, FaultKind, Listener, Victim,
};
use crate::vm::core::swap::Swap;
use crate::vm::hardware::tlb_shapes::LEVELS_MAX;
use crate::vm::machine::page_tables::UNALLOCATED;
use std::collections::VecDeque;

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
    /// A device, as is counted with the page that was read from it.
    Counted,
}

/// Which reference faults, and the page that it is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaultAt {
    /// The code of what the reference does.
    pub(crate) kind: KindCode,
    /// The page that is loaded, or is in memory already.
    pub(crate) page: PageId,
    /// The position of the reference.
    pub(crate) time: u64,
}

/// The cell of the table in which a fault was counted, see [`Counters::faults`].
#[derive(Debug, Clone, Copy, Default)]
struct CountedFault {
    kind: u8,
    major: bool,
    written: bool,
}

/// In place of a number of ops: no fault read the page from swap.
const NOT_READ: u32 = u32::MAX;

/// What becomes of a page of a file that no process maps any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnmappedFilePage {
    /// It leaves and is freed: mapped again it is another page.
    Freed,
    /// It leaves, and is the same page when it is mapped again. No process has it in its part of
    /// memory, or in its window.
    Leaves,
    /// It stays.
    Stays,
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
    free: FreeList,
    /// For each page the number of ops before the last fault that read it from swap, or [`NOT_READ`].
    /// Empty if nothing depends on it.
    swapped_in: Vec<u32>,
    /// Whether the source of a copy must stay.
    pub(crate) pins_source: bool,
    /// What becomes of a page of a file that no process maps any more.
    pub(crate) unmapped: UnmappedFilePage,
    /// Whether the op that was done last brought in the original of the copy that follows.
    pub(crate) read_original: bool,
    /// Whether the policy sees reads and writes of files, and a page that comes in by one stays.
    pub(crate) shows_file_io: bool,
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
    last_fault: CountedFault,
    /// References between successive faults.
    pub(crate) intervals: FaultIntervals,
    /// The listener for faults and expiries, if any.
    pub(crate) listener: Option<&'t mut dyn Listener>,
}

/// Frames that were given back, the first first, and which is taken first.
enum FreeList {
    Lifo(Vec<FrameId>),
    Fifo(VecDeque<FrameId>),
}

impl FreeList {
    fn new(order: FreeFrames, room: usize) -> FreeList {
        match order {
            FreeFrames::Lifo => FreeList::Lifo(Vec::with_capacity(room)),
            FreeFrames::Fifo => FreeList::Fifo(VecDeque::with_capacity(room)),
        }
    }
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
        space: Option<&'t Space>,
        swap_slots: Option<u64>,
        choices: Choices,
        listener: Option<&'t mut dyn Listener>,
    ) -> Core<'t> {
        let ops = space.map_or(&[][..], |space| &space.ops);
        let is_global = spec.space == SpaceKind::Fixed && setup.quotas.is_none();
        let unmapped = match space.map(|space| space.page_cache) {
            Some(PageCache::Keep) if is_global => UnmappedFilePage::Stays,
            Some(PageCache::Keep) => UnmappedFilePage::Leaves,
            Some(PageCache::Drop) | None => UnmappedFilePage::Freed,
        };
        let may_reuse = |at: &OpAt| matches!(at.op, Op::Reuse { .. });
        let notes_swap_ins = choices.swap_in == SwapIn::Writable && ops.iter().any(may_reuse);
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
            free: FreeList::new(
                choices.free_frames,
                if gives_back { setup.frames as usize } else { 0 },
            ),
            swapped_in: vec![NOT_READ; if notes_swap_ins { setup.pages } else { 0 }],
            pins_source: choices.cow_source == CowSource::Pinned,
            unmapped,
            read_original: false,
            shows_file_io: is_global,
            residency: Residency::default(),
            swap: Swap::new(setup.pages, swap_slots),
            swap_full: false,
            cannot_expire: false,
            events_before: Vec::new(),
            burst_state: None,
            counters: Counters::default(),
            walked_faults: Default::default(),
            last_fault: CountedFault::default(),
            intervals: FaultIntervals::default(),
            listener,
        }
    }

    /// Takes a frame that holds no page; `None` if every frame holds one.
    #[inline(always)]
    pub(crate) fn free_frame(&mut self) -> Option<FrameId> {
        let is_full = self.residency.now == u64::from(self.capacity);
        (!is_full).then(|| match &mut self.free {
            FreeList::Lifo(given_back) => match given_back.pop() {
                Some(frame) => frame,
                None => self.take_fresh(),
            },
            FreeList::Fifo(_) => self.take_oldest_free(),
        })
    }

    /// Takes a frame that was never used: there is one.
    fn take_fresh(&mut self) -> FrameId {
        assert!(
            self.fresh < self.capacity,
            "a frame is neither free nor taken"
        );
        self.fresh += 1;
        self.fresh - 1
    }

    /// Takes a frame that was never used, else the one that was given back first.
    #[cold]
    fn take_oldest_free(&mut self) -> FrameId {
        match &mut self.free {
            FreeList::Fifo(given_back) if self.fresh == self.capacity => {
                given_back.pop_front().expect("a frame is free")
            }
            _ => self.take_fresh(),
        }
    }

    /// Notes that a fault read `page` from swap, or what comes in as if one did.
    #[inline]
    pub(crate) fn note_swap_in(&mut self, page: ObjectId) {
        if let Some(ops) = self.swapped_in.get_mut(page as usize) {
            *ops = self.next_op as u32;
        }
    }

    /// Returns whether a fault read `page` from swap after the first `ops` ops. It may have left since.
    pub(crate) fn was_swapped_in_after(&self, ops: u32, page: ObjectId) -> bool {
        let read = self.swapped_in.get(page as usize);
        read.is_some_and(|&read| read != NOT_READ && read >= ops)
    }

    /// Gives a frame back whose page has left.
    pub(crate) fn give_back(&mut self, frame: FrameId) {
        match &mut self.free {
            FreeList::Lifo(given_back) => given_back.push(frame),
            FreeList::Fifo(given_back) => given_back.push_back(frame),
        }
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
    #[inline(always)]
    pub(crate) fn note_fault(
        &mut self,
        kind: FaultKind,
        at: FaultAt,
        read: Read,
        victim: Option<Victim>,
    ) {
        let major = read != Read::Nothing;
        let written = self.count_transfers(read, victim);
        self.last_fault = CountedFault {
            kind: kind as u8,
            major,
            written: written != 0,
        };
        self.counters.faults[kind as usize][usize::from(major)][written] += 1;
        self.intervals.fault_at(at.time);
        if self.listener.is_some() {
            self.report(kind, at, major, victim);
        }
    }

    /// Reports a counted fault to the listener, and the write-back of its victim before it.
    #[cold]
    fn report(&mut self, kind: FaultKind, at: FaultAt, major: bool, victim: Option<Victim>) {
        let FaultAt {
            kind: code,
            page,
            time,
        } = at;
        if let Some(victim) = victim.filter(|victim| victim.written) {
            self.note_write_back(victim.page);
        }
        if let Some(listener) = &mut self.listener {
            listener.fault(&FaultEvent {
                time,
                access: kind_of(code),
                page,
                kind,
                major,
                victim,
            });
        }
    }

    /// Counts what was read and the page that made room, and reports its write-back to the listener.
    /// Returns 1 if there was one, else 0.
    pub(crate) fn note_transfers(&mut self, read: Read, victim: Option<Victim>) -> usize {
        if let Some(victim) = victim.filter(|victim| victim.written) {
            self.note_write_back(victim.page);
        }
        self.count_transfers(read, victim)
    }

    /// Counts what was read and the page that made room. Returns 1 if that page had to be written
    /// back, else 0.
    #[inline(always)]
    fn count_transfers(&mut self, read: Read, victim: Option<Victim>) -> usize {
        self.counters.swap_reads += u64::from(read == Read::Swap);
        self.counters.file_reads += u64::from(read == Read::File);
        match victim {
            None => return 0,
            Some(Victim { written: false, .. }) => self.counters.evictions_clean += 1,
            Some(Victim { written: true, .. }) => self.counters.evictions_dirty += 1,
        }
        usize::from(victim.is_some_and(|victim| victim.written))
    }

    /// Reports a counted write-back to the listener.
    #[inline]
    pub(crate) fn note_write_back(&mut self, page: PageId) {
        if let Some(listener) = &mut self.listener {
            listener.written_back(page);
        }
    }

    /// Counts once more, by the length of its walk, the fault that was counted last. `walked` is
    /// the number of page-table entries that the walk read; 0 without TLBs.
    #[inline]
    pub(crate) fn note_walk(&mut self, walked: usize) {
        if let Some(height) = walked.checked_sub(1) {
            let CountedFault {
                kind,
                major,
                written,
            } = self.last_fault;
            let table = &mut self.walked_faults[height][usize::from(kind)];
            table[usize::from(major)][usize::from(written)] += 1;
        }
    }

    /// Counts a page that left because its window closed, and reports it to the listener.
    pub(crate) fn note_expiry(&mut self, page: PageId, dirty: bool, time: u64) {
        *(if dirty {
            &mut self.counters.expired_dirty
        } else {
            &mut self.counters.expired_clean
        }) += 1;
        if dirty {
            self.note_write_back(page);
        }
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
