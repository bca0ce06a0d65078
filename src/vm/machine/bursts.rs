//! The replay by bursts: looks at the list of a burst's pages first, and at single references only
//! where something can happen. Every count and every event is that of the plain replay.
//!
//! For each entry a byte tells what a further reference through it would not change: the entry is
//! present, the reference bit of its page is set, the dirty bit is set. `known[entry]` may lag
//! behind the machine but never runs ahead: a bit can be missing when another entry of a shared
//! page set it. A burst for whose pages every bit is set changes nothing. Otherwise, by what the
//! policy needs (see [`HitDelivery`]):
//!
//! - `SetBits` and `SetBitsAlone`: the bytes of the references are scanned for the next one that
//!   finds a bit unset;
//! - `OrderOfHits`: a burst without faults is taken as a whole, any other reference by reference;
//! - `Order`, `Windows`: faults are taken in the order of first references, which are in the list;
//!   no reference is looked at.
//!
//! Functions that replay references error with the position of the first reference that full swap
//! denies.

use super::{Machine, Paging};
use crate::policy::{HitDelivery, PageAccess, PolicyType, Windows};
use crate::trace::bursts::{BurstsView, Columns};
use crate::trace::model::access::Kind;
use crate::trace::model::refs::{KIND_MASK, KindCode, page_of};
use crate::trace::model::tile::Tile;
use crate::units::{EntryId, FrameId};
use crate::vm::core::burst_state::{BurstState, DIRTY, PRESENT, REFERENCED};
use crate::vm::core::{Core, Full};
use crate::vm::machine::page_tables::Residence;
use crate::vm::tlb::Translation;
use std::ops::Range;

/// One page of a burst.
#[derive(Clone, Copy)]
struct Listed {
    entry: EntryId,
    written: bool,
    /// The first reference, from the burst's start.
    first: u64,
}

impl Listed {
    fn at(columns: &Columns, at: usize) -> Listed {
        let page = columns.pages[at];
        Listed {
            entry: page_of(page),
            written: page & 1 != 0,
            first: u64::from(columns.first[at]),
        }
    }
}

/// Positions as indices.
fn indices(range: &Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

impl Core<'_> {
    #[inline]
    fn bursts(&mut self) -> &mut BurstState {
        self.burst_state.as_mut().expect("a replay by bursts")
    }

    #[inline]
    fn known(&self) -> &BurstState {
        self.burst_state.as_ref().expect("a replay by bursts")
    }
}

/// Bits that bursts set. Policies of which this is called find nothing new in a reference bit that
/// is set: all their pages are settled.
impl<'t, R, T> Paging<'t, R, T>
where
    R: Residence,
    T: Translation,
{
    /// Sets the dirty bits of the pages that a burst writes.
    fn write_listed(&mut self, columns: &Columns, list: Range<usize>) {
        let Paging { core, memory, .. } = self;
        for at in list {
            let page = Listed::at(columns, at);
            // A page that is known to be dirty is dirty.
            if page.written && !core.known().is_known_dirty(page.entry) {
                core.frames.touch(memory.present(page.entry), true);
                core.bursts().note(page.entry, PRESENT | REFERENCED | DIRTY);
            }
        }
    }

    /// Full swap ends the replay `within` references into the burst of `range`. Sets the dirty bits
    /// of pages written before that and counts the hits. `list`: the pages referenced so far.
    /// Returns the position where the replay ends.
    fn end_within(
        &mut self,
        view: BurstsView<'_>,
        list: Range<usize>,
        range: &Range<u64>,
        within: u64,
        faults: u64,
    ) -> u64 {
        let columns = view.columns;
        let end = range.start + within;
        for byte in view.raw(indices(&(range.start..end))) {
            if byte & KIND_MASK == Kind::Write as KindCode {
                let place = byte >> 2;
                let mut listed = list.clone();
                let at = listed.find(|&at| columns.places[at] == place);
                let at = at.expect("every reference is of a listed page");
                let frame = self.memory.present(page_of(columns.pages[at]));
                self.core.frames.touch(frame, true);
            }
        }
        self.core.counters.hits += within - faults;
        end
    }
}

impl<'t, P, R, T> Machine<'t, P, R, T>
where
    P: PolicyType<'t>,
    R: Residence,
    T: Translation,
{
    /// Notes that `entry` shows the page in `frame`, which was referenced and, if `write`, written.
    #[inline]
    pub(super) fn note_touched(&mut self, entry: EntryId, frame: FrameId, write: bool) {
        if let Some(state) = &mut self.paging.core.burst_state {
            let settled = u8::from(self.policy.is_settled(frame)) * REFERENCED;
            state.note(entry, PRESENT | settled | (u8::from(write) * DIRTY));
        }
    }

    /// Replays references between which nothing else happens, as [`Machine::stretch`] does.
    pub(super) fn burst_stretch(
        &mut self,
        view: BurstsView<'_>,
        range: Range<u64>,
    ) -> Result<(), u64> {
        let mut at = range.start;
        while at < range.end {
            let (burst, Range { start, end }) = self.paging.core.bursts().burst_at(view, at);
            // Parts of bursts, where the range ends or the last range ended within one.
            let part = if start > at {
                at..start.min(range.end)
            } else if end > range.end {
                at..range.end
            } else {
                self.burst(view, burst, at..end)?;
                at = end;
                continue;
            };
            at = part.end;
            self.part(view, part)?;
        }
        Ok(())
    }

    /// Replays references of a burst one by one.
    fn part(&mut self, view: BurstsView<'_>, range: Range<u64>) -> Result<(), u64> {
        let (refs, kinds) = self.paging.core.bursts().decode(view, indices(&range));
        let tile = Tile {
            start: range.start,
            refs: &refs,
            kinds: &kinds,
            bursts: None,
        };
        let done = self.stretch(tile, range);
        self.paging.core.bursts().part = (refs, kinds);
        done
    }

    /// Replays a burst.
    #[inline]
    fn burst(&mut self, view: BurstsView<'_>, burst: usize, range: Range<u64>) -> Result<(), u64> {
        let columns = view.columns;
        let list = columns.list(burst);
        let core = &mut self.paging.core;
        let lacks = core.known().lacks(&columns.pages[list.clone()]);
        match P::SPEC.bursts {
            HitDelivery::SetBits | HitDelivery::SetBitsAlone => {
                self.scan_between_ticks(view, list, range, lacks)
            }
            HitDelivery::Order | HitDelivery::OrderOfHits if lacks == 0 => {
                core.counters.hits += range.end - range.start;
                self.note_order(view.columns, list, range.start);
                Ok(())
            }
            HitDelivery::OrderOfHits => self.order_or_part(view, list, range),
            HitDelivery::Order => self.fault_in_order(view, list, range),
            HitDelivery::Windows => self.pass_windows(view, list, range, lacks),
            HitDelivery::Never => unreachable!("replayed by references"),
        }
    }

    /// Replays a burst for a policy that sees bits: as a whole, or in parts that end with its ticks.
    #[inline]
    fn scan_between_ticks(
        &mut self,
        view: BurstsView<'_>,
        list: Range<usize>,
        range: Range<u64>,
        mut lacks: u8,
    ) -> Result<(), u64> {
        let mut at = range.start;
        while P::SPEC.ticks && self.policy.next_tick() < range.end {
            let end = (self.policy.next_tick() + 1).max(at + 1);
            self.scan_burst(view, list.clone(), at..end)?;
            // If the part's last reference went through `access`, its tick is done.
            if self.policy.next_tick() < end {
                self.close_windows(view.page(end as usize - 1), end - 1);
            }
            // The tick may have cleared bits of pages of this burst.
            lacks = 1;
            at = end;
            if self.stopped_by_full_swap() {
                return Err(at);
            }
        }
        if lacks == 0 {
            self.paging.core.counters.hits += range.end - at;
            return Ok(());
        }
        self.scan_burst(view, list, at..range.end)
    }

    /// Goes from one reference that finds a bit unset to the next.
    #[inline(never)]
    fn scan_burst(
        &mut self,
        view: BurstsView<'_>,
        list: Range<usize>,
        range: Range<u64>,
    ) -> Result<(), u64> {
        let raw = view.raw(indices(&range));
        let state = self.paging.core.bursts();
        let scan = state.scan;
        state.look_at(view.columns, list);
        let (mut at, mut faults) = (0, 0);
        while let Some(found) = scan(raw, at, &self.paging.core.bursts().wanted) {
            let place = usize::from(raw[found] >> 2);
            let entry = page_of(self.paging.core.bursts().listed[place]);
            let kind = raw[found] & KIND_MASK;
            let write = kind == Kind::Write as KindCode;
            let time = range.start + found as u64;
            at = found + 1;
            // A bit that a tick after this reference clears is not known to be set.
            let ticks = P::SPEC.ticks && time >= self.policy.next_tick();
            match self.access(entry << 1 | u32::from(write), kind, time) {
                Ok(true) if ticks => {}
                Ok(true) => {
                    let frame = self.paging.memory.present(entry);
                    self.note_touched(entry, frame, write);
                }
                Ok(false) => faults += 1,
                Err(Full) => {
                    self.paging.core.counters.hits += found as u64 - faults;
                    return Err(time);
                }
            }
            if self.stopped_by_full_swap() {
                self.paging.core.counters.hits += at as u64 - faults;
                return Err(time + 1);
            }
        }
        self.paging.core.counters.hits += raw.len() as u64 - faults;
        Ok(())
    }

    /// Reports the last hit of each page of the burst that begins at `start`, in order. All pages
    /// are present, and dirty if they are written.
    #[inline]
    fn note_order(&mut self, columns: &Columns, list: Range<usize>, start: u64) {
        let pages = &columns.pages[list.clone()];
        let last = &columns.last[list.clone()];
        let memory = &self.paging.memory;
        self.policy.hits(columns.by_last[list].iter().map(|&index| {
            let entry = page_of(pages[usize::from(index)]);
            PageAccess {
                entry,
                frame: memory.present(entry),
                time: start + u64::from(last[usize::from(index)]),
            }
        }));
    }

    /// Returns the windows of a policy that is replayed by them.
    #[inline(always)]
    fn windows(&mut self) -> &mut impl Windows {
        self.policy.windows().expect("it is replayed by windows")
    }

    /// Replays a burst without faults, of which some pages are not known to be dirty; or one with
    /// faults, reference by reference.
    #[inline(never)]
    fn order_or_part(
        &mut self,
        view: BurstsView<'_>,
        list: Range<usize>,
        range: Range<u64>,
    ) -> Result<(), u64> {
        let state = self.paging.core.known();
        let mut pages = view.columns.pages[list.clone()].iter();
        if !pages.all(|&page| state.is_known_present(page_of(page))) {
            return self.part(view, range);
        }
        self.paging.write_listed(view.columns, list.clone());
        self.note_order(view.columns, list, range.start);
        self.paging.core.counters.hits += range.end - range.start;
        Ok(())
    }

    /// Takes the faults of a burst in the order of first references, then the order of the last
    /// ones. Victims are pages that the burst has not referenced so far: what was written in it
    /// needs to be known at its end only.
    #[inline(never)]
    fn fault_in_order(
        &mut self,
        view: BurstsView<'_>,
        list: Range<usize>,
        range: Range<u64>,
    ) -> Result<(), u64> {
        let mut faults = 0;
        for at in list.clone() {
            let page = Listed::at(view.columns, at);
            let (entry, time) = (page.entry, range.start + page.first);
            if self.paging.core.known().is_known_present(entry) {
                let frame = self.paging.memory.present(entry);
                self.policy.hit(PageAccess { entry, frame, time });
                continue;
            }
            if self.fault_at(view, entry, time).is_err() {
                let list = list.start..at;
                let paging = &mut self.paging;
                return Err(paging.end_within(view, list, &range, page.first, faults));
            }
            faults += 1;
        }
        self.paging.write_listed(view.columns, list.clone());
        self.note_order(view.columns, list, range.start);
        self.paging.core.counters.hits += range.end - range.start - faults;
        Ok(())
    }

    /// Serves the fault of an entry that the reference at `time` finds missing.
    fn fault_at(
        &mut self,
        view: BurstsView<'_>,
        entry: EntryId,
        time: u64,
    ) -> Result<FrameId, Full> {
        let kind = view.byte(time as usize);
        let [write, ifetch] =
            [Kind::Write, Kind::Ifetch].map(|of| kind & KIND_MASK == of as KindCode);
        let frame = self.fault(entry, kind, write, time)?;
        self.paging.translate_fault(entry, ifetch, time);
        Ok(frame)
    }

    /// Does what [`Machine::fault_in_order`] does, for a policy of windows: pages leave between
    /// references, too, but none that the burst has referenced.
    #[inline]
    fn pass_windows(
        &mut self,
        view: BurstsView<'_>,
        list: Range<usize>,
        range: Range<u64>,
        lacks: u8,
    ) -> Result<(), u64> {
        let columns = view.columns;
        let pages = &columns.pages[list.clone()];
        let one = page_of(pages[0]);
        let idle = self.windows().refs_until_close(one);
        let long = range.end - range.start;
        if self.paging.core.swap_full {
            return Err(range.start);
        }
        if idle == 0 || long > self.paging.core.bursts().tau {
            return self.part(view, range);
        }
        let windows = self.windows();
        let mut entries = pages.iter().map(|&page| page_of(page));
        if lacks != 0 || long >= idle || !entries.all(|entry| windows.is_in_window(entry)) {
            return self.pass_and_fault(view, list, range);
        }
        windows.advance(one, long);
        self.paging.core.counters.hits += long;
        self.note_times(columns, list, long);
        Ok(())
    }

    #[inline(never)]
    fn pass_and_fault(
        &mut self,
        view: BurstsView<'_>,
        list: Range<usize>,
        range: Range<u64>,
    ) -> Result<(), u64> {
        let long = range.end - range.start;
        let (mut faults, mut passed) = (0, 0);
        for at in list.clone() {
            let page = Listed::at(view.columns, at);
            let (entry, time) = (page.entry, range.start + page.first);
            let before = list.start..at;
            if let Err(within) = self.pass(entry, range.start, passed..page.first) {
                let paging = &mut self.paging;
                return Err(paging.end_within(view, before, &range, within, faults));
            }
            if self.paging.core.known().is_known_present(entry) {
                let frame = self.paging.memory.present(entry);
                self.policy.hit(PageAccess { entry, frame, time });
            } else if self.fault_at(view, entry, time).is_ok() {
                faults += 1;
            } else {
                let paging = &mut self.paging;
                return Err(paging.end_within(view, before, &range, page.first, faults));
            }
            passed = page.first + 1;
            self.close_windows(entry, time);
            if self.paging.core.swap_full {
                let list = list.start..at + 1;
                let paging = &mut self.paging;
                return Err(paging.end_within(view, list, &range, passed, faults));
            }
        }
        let one = Listed::at(view.columns, list.start).entry;
        if let Err(within) = self.pass(one, range.start, passed..long) {
            let paging = &mut self.paging;
            return Err(paging.end_within(view, list, &range, within, faults));
        }
        self.paging.write_listed(view.columns, list.clone());
        self.note_times(view.columns, list, long);
        self.paging.core.counters.hits += long - faults;
        Ok(())
    }

    /// Lets `refs` pass, given from the start of the burst: all hit pages that the burst has
    /// referenced before, and windows close among them. Errors with the first reference that full
    /// swap denies, counted from the start of the burst.
    fn pass(&mut self, entry: EntryId, start: u64, mut refs: Range<u64>) -> Result<(), u64> {
        while !refs.is_empty() {
            let long = refs.end - refs.start;
            let idle = self.windows().refs_until_close(entry);
            if long < idle {
                self.windows().advance(entry, long);
                break;
            }
            let step = idle.max(1);
            self.windows().advance(entry, step);
            refs.start += step;
            self.close_windows(entry, start + refs.start - 1);
            if self.paging.core.swap_full {
                return Err(refs.start);
            }
        }
        Ok(())
    }

    /// Tells the policy when the pages of a burst of `length` references, which has passed, were
    /// referenced last.
    #[inline]
    fn note_times(&mut self, columns: &Columns, list: Range<usize>, length: u64) {
        for &index in &columns.by_last[list.clone()] {
            let at = list.start + usize::from(index);
            let entry = page_of(columns.pages[at]);
            let frame = self.paging.memory.present(entry);
            let ago = length - 1 - u64::from(columns.last[at]);
            self.windows().set_last_use(entry, frame, ago);
        }
    }
}
