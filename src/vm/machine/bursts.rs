//! The replay by bursts: looks at the list of a burst's pages first, and at single references only
//! where something can happen. Every count and every event is that of the plain replay.
//!
//! For each entry a byte says what a further reference through it would not change: it is present,
//! its page's reference bit is set, its dirty bit is set. The bytes are behind the truth, never
//! ahead of it: what another entry of a shared page did they need not know. A burst for whose
//! pages all is set changes nothing. Else, by what the policy needs (see [`Bursts`]):
//!
//! - `SetBits` and `SetBitsAlone`: the bytes of the references are scanned for the next one that finds something unset;
//! - `OrderOfHits`: a burst without faults is taken as a whole, any other reference by reference;
//! - `Order`, `Windows`: faults are taken in the order of first references, which are in the list;
//!   no reference is looked at.

use super::*;
use crate::policy::{Bursts, Sees, Spec, WorkingSet};
use crate::simd::Level;
use crate::simd::lacking::{Lacking, Needs, PADDING, lacking};
use crate::simd::scan::Wanted;
use crate::trace::bursts::{Columns, SIZES};

/// The entry is present.
const PRESENT: u8 = 1;
/// The reference bit of its page is set.
const REFERENCED: u8 = 2;
/// The dirty bit of its page is set.
const DIRTY: u8 = 4;

/// What a replay by bursts knows besides the machine.
pub(super) struct ByBursts {
    /// The most pages of a burst.
    pub(super) k: usize,
    /// Where the bursts at hand begin, and the next of them.
    base: u64,
    next: usize,
    /// What is known of each entry, and some bytes more ([`PADDING`]).
    known: Vec<u8>,
    /// What must be known of a listed page for the burst not to change it.
    needs: Needs,
    lacking: Lacking,
    /// While a burst is scanned: what is looked for, and by place which pages it lists and which of
    /// them it writes. For each entry the burst that was scanned with it last, times 64, and its
    /// place.
    wanted: Wanted,
    listed: [Ref; 64],
    written: u64,
    marks: Vec<u64>,
    scanned: u64,
    scan: Scan,
    /// The window of the policy, in references.
    tau: u64,
    /// Room for the references of a part of a burst.
    part: (Vec<Ref>, Vec<KindCode>),
}

impl ByBursts {
    /// The reference bit of the page that an entry shows was cleared.
    pub(super) fn cleared(&mut self, entry: EntryId) {
        self.set(entry, self.known[entry as usize] & !REFERENCED);
    }

    /// An entry is not present any more.
    pub(super) fn gone(&mut self, entry: EntryId) {
        self.set(entry, 0);
    }

    /// More is known of an entry.
    #[inline]
    fn learn(&mut self, entry: EntryId, bits: u8) {
        self.set(entry, self.known[entry as usize] | bits);
    }

    #[inline]
    fn set(&mut self, entry: EntryId, known: u8) {
        self.known[entry as usize] = known;
        let mark = self.marks[entry as usize];
        if mark >> 6 == self.scanned {
            let place = mark & 63;
            let lacks = u64::from(known & self.needs.all != self.needs.all);
            let clean = u64::from(known & DIRTY == 0);
            let wanted = &mut self.wanted;
            wanted.any = wanted.any & !(1 << place) | lacks << place;
            wanted.writes = wanted.writes & !(1 << place) | (clean << place) & self.written;
        }
    }

    /// Begins to scan a burst with these pages.
    #[inline]
    fn look_at(&mut self, columns: &Columns, list: Range<usize>) {
        self.scanned += 1;
        (self.wanted, self.written) = (Wanted::default(), 0);
        let places = &columns.places[list.clone()];
        for (&listed, &place) in columns.pages[list].iter().zip(places) {
            let entry = page_of(listed) as usize;
            let place = place & 63;
            let known = self.known[entry];
            self.marks[entry] = self.scanned << 6 | u64::from(place);
            self.listed[usize::from(place)] = listed;
            let lacks = u64::from(known & self.needs.all != self.needs.all);
            let written = u64::from(listed & 1);
            self.wanted.any |= lacks << place;
            self.wanted.writes |= (written & u64::from(known & DIRTY == 0)) << place;
            self.written |= written << place;
        }
    }
}

/// The bursts by which a policy with so many frames (as many as pages, if `None`) is best replayed;
/// `None` if by references. For speed only: the counts are the same.
pub fn choose<'t>(
    spec: &Spec,
    frames: Option<u32>,
    tau: u64,
    bursts: &'t crate::trace::bursts::Bursts,
) -> Option<View<'t>> {
    let mean_length = |k| bursts.of(k).columns.mean_length();
    Some(bursts.of(choose_size(spec, frames, tau, mean_length)?))
}

/// The size of these bursts; `mean_length` tells the references of a burst of a size.
pub fn choose_size(
    spec: &Spec,
    frames: Option<u32>,
    tau: u64,
    mean_length: impl Fn(usize) -> u64,
) -> Option<usize> {
    let frames = frames.map_or(usize::MAX, |frames| frames as usize);
    // Small bursts are looked at often, large ones have a fault nearly always.
    match spec.bursts {
        Bursts::Never => None,
        Bursts::SetBits | Bursts::SetBitsAlone | Bursts::OrderOfHits => Some(match frames {
            0..150 => 16,
            150..600 => 32,
            _ => 64,
        }),
        Bursts::Order => SIZES.into_iter().rfind(|&k| k <= frames),
        Bursts::Windows => {
            // Bursts longer than the window are replayed by references.
            let short = |k| k == SIZES[0] || mean_length(k) * 4 <= tau;
            SIZES.into_iter().rfind(|&k| k <= frames && short(k))
        }
    }
}

/// One page of a burst.
#[derive(Clone, Copy)]
struct Listed {
    entry: EntryId,
    written: bool,
    /// The first reference, from the burst's start.
    first: usize,
}

impl Listed {
    fn at(columns: &Columns, at: usize) -> Listed {
        let page = columns.pages[at];
        Listed {
            entry: page_of(page),
            written: page & 1 != 0,
            first: usize::from(columns.first[at]),
        }
    }
}

impl<'t, P, R, T> Machine<'t, P, R, T>
where
    P: PolicyType<'t>,
    R: Residence<'t>,
    T: Translation,
{
    /// From now on by bursts of at most `k` pages, if they are no less exact for it.
    pub(super) fn take_bursts(&mut self, k: Option<usize>, job: &Job<'t>) {
        let Some(k) = k else {
            return;
        };
        let enough = self.capacity as usize >= k.min(self.memory.objects().count());
        let exact = match P::SPEC.bursts {
            Bursts::Never => false,
            Bursts::SetBits | Bursts::OrderOfHits => true,
            Bursts::SetBitsAlone => job.trace.dictionary.pids.len() == 1,
            Bursts::Order | Bursts::Windows => enough,
        };
        if T::EVERY || job.quotas.is_some() || !exact {
            return;
        }
        // Who looks at bits clears them, and who counts hits begins anew.
        let told = matches!(P::SPEC.sees, Sees::Bits | Sees::Hits);
        let watches = told && P::SPEC.bursts.by_bits();
        if watches {
            self.frames.watch_hits();
        }
        self.by_bursts = Some(ByBursts {
            k,
            base: 0,
            next: 0,
            known: vec![0; self.entries.len() + PADDING],
            needs: Needs {
                all: PRESENT | if watches { REFERENCED } else { 0 },
                odd: DIRTY,
            },
            lacking: lacking(Level::best()),
            wanted: Wanted::default(),
            listed: [0; 64],
            written: 0,
            marks: vec![0; self.entries.len()],
            // No mark is of it before something is scanned.
            scanned: 1,
            scan: scan(Level::best()),
            tau: job.tau,
            part: Default::default(),
        });
    }

    /// An entry shows the page in a frame, which was referenced and, it may be, written.
    #[inline]
    pub(super) fn knows(&mut self, entry: EntryId, frame: FrameId, write: bool) {
        if let Some(bursts) = &mut self.by_bursts {
            let settled = u8::from(self.policy.is_settled(frame)) * REFERENCED;
            bursts.learn(entry, PRESENT | settled | (u8::from(write) * DIRTY));
        }
    }

    /// An entry is present.
    pub(super) fn is_present(&mut self, entry: EntryId) {
        if let Some(bursts) = &mut self.by_bursts {
            bursts.learn(entry, PRESENT);
        }
    }

    /// An entry is not present.
    pub(super) fn knows_nothing(&mut self, entry: EntryId) {
        if let Some(bursts) = &mut self.by_bursts {
            bursts.gone(entry);
        }
    }

    fn bursts(&mut self) -> &mut ByBursts {
        self.by_bursts.as_mut().expect("a replay by bursts")
    }

    /// Replays references between which nothing else happens, as [`Machine::stretch`] does.
    pub(super) fn burst_stretch(&mut self, view: View<'_>, range: Range<usize>) -> usize {
        let starts = &view.columns.starts;
        if self.bursts().base != view.base {
            let bursts = self.bursts();
            (bursts.base, bursts.next) = (view.base, 0);
        }
        let mut at = range.start;
        while at < range.end {
            let mut next = self.bursts().next;
            while (starts[next] as usize) < at {
                next += 1;
            }
            self.bursts().next = next;
            let begins = starts[next] as usize;
            let ends = starts.get(next + 1).map_or(begins, |&end| end as usize);
            // Parts of bursts, where somebody stops within one.
            let parts = match begins {
                begins if begins > at => at..begins.min(range.end),
                _ if ends > range.end => at..range.end,
                _ => {
                    let end = self.burst(view, next, at..ends);
                    if end < ends {
                        return end;
                    }
                    at = ends;
                    continue;
                }
            };
            at = parts.end;
            let end = self.part(view, parts);
            if end < at {
                return end;
            }
        }
        at
    }

    /// Replays references of a burst one by one.
    fn part(&mut self, view: View<'_>, range: Range<usize>) -> usize {
        let (mut refs, mut kinds) = std::mem::take(&mut self.bursts().part);
        refs.resize(range.len(), 0);
        kinds.resize(range.len(), 0);
        view.decode(range.clone(), &mut refs, &mut kinds);
        let tile = Tile {
            start: range.start as u64,
            refs: &refs,
            kinds: &kinds,
            bursts: None,
        };
        let end = self.stretch(tile, range);
        self.bursts().part = (refs, kinds);
        end
    }

    /// Replays a burst; returns where it ended.
    #[inline]
    fn burst(&mut self, view: View<'_>, burst: usize, range: Range<usize>) -> usize {
        let columns = view.columns;
        let list = columns.list(burst);
        let bursts = self.bursts();
        let pages = &columns.pages[list.clone()];
        let lacks = (bursts.lacking)(&bursts.known, pages, bursts.needs);
        match P::SPEC.bursts {
            Bursts::SetBits | Bursts::SetBitsAlone => {
                return self.scan_between_ticks(view, list, range, lacks);
            }
            Bursts::Order | Bursts::OrderOfHits if lacks == 0 => {
                self.note_order(view.columns, list, range.start);
                self.counters.hits += range.len() as u64;
            }
            Bursts::OrderOfHits => return self.order_or_part(view, list, range),
            Bursts::Order => return self.fault_in_order(view, list, range),
            Bursts::Windows => return self.pass_windows(view, list, range, lacks),
            Bursts::Never => unreachable!("replayed by references"),
        }
        range.end
    }

    /// A burst for a policy that sees bits: as a whole, or in parts that end with its ticks.
    #[inline]
    fn scan_between_ticks(
        &mut self,
        view: View<'_>,
        list: Range<usize>,
        range: Range<usize>,
        mut lacks: u8,
    ) -> usize {
        let mut at = range.start;
        while P::SPEC.ticks && self.policy.next_tick() < range.end as u64 {
            let ends = (self.policy.next_tick() as usize + 1).max(at + 1);
            let end = self.scan_burst(view, list.clone(), at..ends);
            if end < ends {
                return end;
            }
            // A fault at the last reference of a part has seen to its tick.
            if self.policy.next_tick() < ends as u64 {
                let (frame, entry, time) = (0, view.page(ends - 1), ends as u64 - 1);
                self.close_windows(Touch { entry, frame, time });
            }
            // What bits were cleared, it may be of pages of this burst.
            lacks = 1;
            at = ends;
            if self.is_denied() {
                return at;
            }
        }
        if lacks == 0 {
            self.counters.hits += (range.end - at) as u64;
            return range.end;
        }
        self.scan_burst(view, list, at..range.end)
    }

    /// Goes from one reference that finds something unset to the next.
    #[inline(never)]
    fn scan_burst(&mut self, view: View<'_>, list: Range<usize>, range: Range<usize>) -> usize {
        let bursts = self.bursts();
        let scan = bursts.scan;
        let raw = view.raw(range.clone());
        bursts.look_at(view.columns, list);
        let (mut at, mut faults) = (0, 0);
        while let Some(found) = scan(raw, at, &self.bursts().wanted) {
            let entry = page_of(self.bursts().listed[usize::from(raw[found] >> 2)]);
            let kind = raw[found] & KIND_MASK;
            let write = kind == Kind::Write as KindCode;
            let time = (range.start + found) as u64;
            at = found + 1;
            // What a tick after this reference clears is not known to be set.
            let ticks = P::SPEC.ticks && time >= self.policy.next_tick();
            match self.access(entry << 1 | u32::from(write), kind, time) {
                Ok(true) if ticks => {}
                Ok(true) => self.knows(entry, self.memory.present(entry), write),
                Ok(false) => faults += 1,
                Err(Full) => {
                    self.counters.hits += found as u64 - faults;
                    return range.start + found;
                }
            }
            if self.is_denied() {
                self.counters.hits += at as u64 - faults;
                return range.start + at;
            }
        }
        self.counters.hits += range.len() as u64 - faults;
        range.end
    }

    fn has(&self, entry: EntryId) -> bool {
        let known = &self.by_bursts.as_ref().expect("a replay by bursts").known;
        known[entry as usize] & PRESENT != 0
    }

    fn knows_dirty(&mut self, entry: EntryId) -> bool {
        self.bursts().known[entry as usize] & DIRTY != 0
    }

    /// Reports the last hit of each page of the burst that begins at `start`, in order. All pages
    /// are present, and dirty where they are written.
    #[inline]
    fn note_order(&mut self, columns: &Columns, list: Range<usize>, start: usize) {
        let pages = &columns.pages[list.clone()];
        let last = &columns.last[list.clone()];
        let memory = &self.memory;
        self.policy.hits(columns.by_last[list].iter().map(|&index| {
            let entry = page_of(pages[usize::from(index)]);
            Touch {
                entry,
                frame: memory.present(entry),
                time: (start + usize::from(last[usize::from(index)])) as u64,
            }
        }));
    }

    /// The windows of a policy that is replayed by them.
    #[inline(always)]
    fn windows(&mut self) -> &mut WorkingSet<'t> {
        self.policy.windows().expect("it is replayed by windows")
    }

    /// A burst without faults, of which some pages are not known to be dirty; or one with faults,
    /// reference by reference.
    #[inline(never)]
    fn order_or_part(&mut self, view: View<'_>, list: Range<usize>, range: Range<usize>) -> usize {
        let mut pages = view.columns.pages[list.clone()].iter();
        if !pages.all(|&page| self.has(page_of(page))) {
            return self.part(view, range);
        }
        self.write_listed(view, list.clone());
        self.note_order(view.columns, list, range.start);
        self.counters.hits += range.len() as u64;
        range.end
    }

    /// Takes the faults of a burst in the order of first references, then the order of the last
    /// ones. Victims are pages that the burst has not referenced so far: what was written in it
    /// needs to be known at its end only.
    #[inline(never)]
    fn fault_in_order(&mut self, view: View<'_>, list: Range<usize>, range: Range<usize>) -> usize {
        let mut faults = 0;
        for at in list.clone() {
            let page = Listed::at(view.columns, at);
            let time = (range.start + page.first) as u64;
            let entry = page.entry;
            if self.has(entry) {
                let frame = self.memory.present(entry);
                self.policy.hit(Touch { entry, frame, time });
                continue;
            }
            if self.fault_at(view, entry, time).is_err() {
                return self.end_within(view, list.start..at, &range, page.first, faults);
            }
            faults += 1;
        }
        self.write_listed(view, list.clone());
        self.note_order(view.columns, list, range.start);
        self.counters.hits += range.len() as u64 - faults;
        range.end
    }

    /// Serves the fault of an entry that the reference at a position finds missing.
    fn fault_at(&mut self, view: View<'_>, entry: EntryId, time: u64) -> Result<FrameId, Full> {
        let kind = view.byte(time as usize) & KIND_MASK;
        let frame = self.fault(entry, kind == Kind::Write as KindCode, time)?;
        self.translate_fault(entry, kind == Kind::Ifetch as KindCode, time);
        Ok(frame)
    }

    /// Sets the dirty bits of the pages that a burst writes.
    fn write_listed(&mut self, view: View<'_>, list: Range<usize>) {
        for at in list {
            let page = Listed::at(view.columns, at);
            // What is known to be dirty is.
            if page.written && !self.knows_dirty(page.entry) {
                let frame = self.memory.present(page.entry);
                self.frames.touch(frame, true);
                self.knows(page.entry, frame, true);
            }
        }
    }

    /// The replay ends `within` references into a burst, of whose pages those of `list` have been
    /// referenced and are present: those written so far are dirty.
    fn end_within(
        &mut self,
        view: View<'_>,
        list: Range<usize>,
        range: &Range<usize>,
        within: usize,
        faults: u64,
    ) -> usize {
        let columns = view.columns;
        let end = range.start + within;
        for byte in view.raw(range.start..end) {
            if byte & KIND_MASK == Kind::Write as KindCode {
                let place = byte >> 2;
                let mut listed = list.clone();
                let at = listed.find(|&at| columns.places[at] == place);
                let at = at.expect("every reference is of a listed page");
                let frame = self.memory.present(page_of(columns.pages[at]));
                self.frames.touch(frame, true);
            }
        }
        self.counters.hits += within as u64 - faults;
        end
    }

    /// The same as [`Machine::fault_in_order`] for a policy of windows: pages leave between
    /// references, too, but none that the burst has referenced.
    #[inline]
    fn pass_windows(
        &mut self,
        view: View<'_>,
        list: Range<usize>,
        range: Range<usize>,
        lacks: u8,
    ) -> usize {
        let columns = view.columns;
        let pages = &columns.pages[list.clone()];
        let one = page_of(pages[0]);
        let idle = self.windows().refs_until_close(one);
        let long = range.len() as u64;
        if self.swap_full {
            return range.start;
        }
        if idle == 0 || long > self.bursts().tau {
            return self.part(view, range);
        }
        let windows = self.windows();
        let mut entries = pages.iter().map(|&page| page_of(page));
        if lacks != 0 || long >= idle || !entries.all(|entry| windows.is_in_window(entry)) {
            return self.pass_and_fault(view, list, range);
        }
        windows.advance(one, long);
        self.note_times(view.columns, list, range.len());
        self.counters.hits += long;
        range.end
    }

    #[inline(never)]
    fn pass_and_fault(&mut self, view: View<'_>, list: Range<usize>, range: Range<usize>) -> usize {
        let (mut faults, mut passed) = (0, 0);
        for at in list.clone() {
            let page = Listed::at(view.columns, at);
            let (entry, time) = (page.entry, (range.start + page.first) as u64);
            if let Err(within) = self.pass(entry, range.start, passed..page.first) {
                return self.end_within(view, list.start..at, &range, within, faults);
            }
            let frame = if self.has(entry) {
                let frame = self.memory.present(entry);
                self.policy.hit(Touch { entry, frame, time });
                frame
            } else {
                let Ok(frame) = self.fault_at(view, entry, time) else {
                    return self.end_within(view, list.start..at, &range, page.first, faults);
                };
                faults += 1;
                frame
            };
            passed = page.first + 1;
            self.close_windows(Touch { entry, frame, time });
            if self.swap_full {
                return self.end_within(view, list.start..at + 1, &range, passed, faults);
            }
        }
        let one = Listed::at(view.columns, list.start).entry;
        if let Err(within) = self.pass(one, range.start, passed..range.len()) {
            return self.end_within(view, list, &range, within, faults);
        }
        self.write_listed(view, list.clone());
        self.note_times(view.columns, list, range.len());
        self.counters.hits += range.len() as u64 - faults;
        range.end
    }

    /// References pass, all hits of pages that the burst has referenced before; windows close
    /// among them. An error is the first reference that full swap denies.
    fn pass(&mut self, entry: EntryId, start: usize, mut refs: Range<usize>) -> Result<(), usize> {
        while !refs.is_empty() {
            let idle = self.windows().refs_until_close(entry);
            if (refs.len() as u64) < idle {
                self.windows().advance(entry, refs.len() as u64);
                break;
            }
            let step = idle.max(1);
            self.windows().advance(entry, step);
            refs.start += step as usize;
            let (frame, time) = (0, (start + refs.start - 1) as u64);
            self.close_windows(Touch { entry, frame, time });
            if self.swap_full {
                return Err(refs.start);
            }
        }
        Ok(())
    }

    /// Tells the policy when the pages of a burst of so many references, which has passed, were
    /// referenced last.
    #[inline]
    fn note_times(&mut self, columns: &Columns, list: Range<usize>, length: usize) {
        for &index in &columns.by_last[list.clone()] {
            let at = list.start + usize::from(index);
            let entry = page_of(columns.pages[at]);
            let frame = self.memory.present(entry);
            let ago = length - 1 - usize::from(columns.last[at]);
            self.windows().set_last_use(entry, frame, ago as u64);
        }
    }
}
