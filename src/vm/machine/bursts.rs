//! The replay by bursts: looks at the list of a burst's pages first, and at single references only
//! where something can happen. Every count and every event is that of the plain replay.
//!
//! For each entry a byte says what a further reference through it would not change: it is present,
//! its page's reference bit is set, its dirty bit is set. The bytes are behind the truth, never
//! ahead of it: what another entry of a shared page did they need not know. A burst for whose
//! pages all is set changes nothing. Else, by what the policy needs (see [`Bursts`]):
//!
//! - `SetBits`: the bytes of the references are scanned for the next one that finds something unset;
//! - `Order`, `Windows`: faults are taken in the order of first references, which are in the list;
//!   no reference is looked at.

use super::*;
use crate::policy::{Bursts, Repeats, Spec};
use crate::simd::Level;
use crate::simd::lacking::{Lacking, Needs, PADDING, lacking};
use crate::simd::scan::Wanted;
use crate::trace::bursts::{Columns, SIZES};
use crate::trace::dense::count_kinds;

/// The entry is present.
const PRESENT: u8 = 1;
/// The reference bit of its page is set.
const REFERENCED: u8 = 2;
/// The dirty bit of its page is set.
const DIRTY: u8 = 4;

/// What a replay by bursts knows besides the machine.
pub(super) struct ByBursts<'t> {
    raw: &'t [u8],
    columns: &'t Columns,
    /// The next burst.
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

impl ByBursts<'_> {
    fn view(&self) -> View<'_> {
        View {
            raw: self.raw,
            columns: self.columns,
        }
    }

    /// The page of the reference at a position.
    pub(super) fn page(&self, position: usize) -> EntryId {
        self.view().page(position)
    }

    /// References of a range by kind.
    pub(super) fn count_kinds(&self, range: Range<usize>) -> [u64; 3] {
        // The bits above are those of places.
        count_kinds(&self.raw[range])
    }

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
    fn look_at(&mut self, list: Range<usize>) {
        self.scanned += 1;
        (self.wanted, self.written) = (Wanted::default(), 0);
        let places = &self.columns.places[list.clone()];
        for (&listed, &place) in self.columns.pages[list].iter().zip(places) {
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
    let frames = frames.map_or(usize::MAX, |frames| frames as usize);
    // Small bursts are looked at often, large ones have a fault nearly always.
    let k = match spec.bursts {
        Bursts::Never => return None,
        Bursts::SetBits if frames < 150 => 16,
        Bursts::SetBits if frames < 600 => 32,
        Bursts::SetBits => 64,
        Bursts::Order => *SIZES.iter().rfind(|&&k| k <= frames)?,
        Bursts::Windows => {
            // Bursts longer than the window are replayed by references.
            let short = |k| k == SIZES[0] || bursts.of(k).columns.mean_length() * 4 <= tau;
            *SIZES.iter().rfind(|&&k| k <= frames && short(k))?
        }
    };
    Some(bursts.of(k))
}

/// One page of a burst.
#[derive(Clone, Copy)]
struct Listed {
    entry: EntryId,
    written: bool,
    /// The first reference, from the burst's start.
    first: usize,
}

impl<'t, P, R, T, L> Machine<'t, P, R, T, L>
where
    P: Policy<'t>,
    R: Residence<'t>,
    T: Translation,
    L: Listener,
{
    /// From now on by bursts, if the job has them and they are no less exact for it.
    pub(super) fn take_bursts(&mut self, job: &Job<'t>) {
        let Some(View { raw, columns }) = job.bursts else {
            return;
        };
        let enough = self.capacity as usize >= columns.k.min(self.memory.objects().count());
        let exact = match P::SPEC.bursts {
            Bursts::Never => false,
            Bursts::SetBits => true,
            Bursts::Order | Bursts::Windows => enough,
        };
        if T::EVERY || job.quotas.is_some() || !exact {
            return;
        }
        assert_eq!(raw.len(), job.trace.len(), "bursts of another trace");
        let watches = P::SPEC.repeats == Repeats::Twice;
        if watches {
            self.frames.watch_clearing();
        }
        self.by_bursts = Some(ByBursts {
            raw,
            columns,
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

    /// An entry is present, and its page referenced and, it may be, written.
    #[inline]
    pub(super) fn knows(&mut self, entry: EntryId, write: bool) {
        if let Some(bursts) = &mut self.by_bursts {
            bursts.learn(entry, PRESENT | REFERENCED | (u8::from(write) * DIRTY));
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

    fn bursts(&mut self) -> &mut ByBursts<'t> {
        self.by_bursts.as_mut().expect("a replay by bursts")
    }

    /// Replays references between which nothing else happens, as [`Machine::stretch`] does.
    pub(super) fn burst_stretch(&mut self, range: Range<usize>) -> usize {
        let columns = self.bursts().columns;
        let starts = &columns.starts;
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
                    let end = self.burst(next, at..ends);
                    if end < ends {
                        return end;
                    }
                    at = ends;
                    continue;
                }
            };
            at = parts.end;
            let end = self.part(parts);
            if end < at {
                return end;
            }
        }
        at
    }

    /// Replays references of a burst one by one.
    fn part(&mut self, range: Range<usize>) -> usize {
        let (mut refs, mut kinds) = std::mem::take(&mut self.bursts().part);
        refs.resize(range.len(), 0);
        kinds.resize(range.len(), 0);
        let view = self.bursts().view();
        view.decode(range.clone(), &mut refs, &mut kinds);
        let tile = Tile {
            start: range.start as u64,
            refs: &refs,
            kinds: &kinds,
        };
        let end = self.stretch(tile, range);
        self.bursts().part = (refs, kinds);
        end
    }

    /// Replays a burst; returns where it ended.
    #[inline]
    fn burst(&mut self, burst: usize, range: Range<usize>) -> usize {
        let columns = self.bursts().columns;
        let list = columns.offsets[burst]..columns.offsets[burst + 1];
        let bursts = self.bursts();
        let pages = &columns.pages[list.clone()];
        let lacks = (bursts.lacking)(&bursts.known, pages, bursts.needs);
        match P::SPEC.bursts {
            Bursts::SetBits if lacks == 0 => self.counters.hits += range.len() as u64,
            Bursts::SetBits => return self.scan_burst(list, range),
            Bursts::Order if lacks == 0 => {
                self.note_order(list);
                self.counters.hits += range.len() as u64;
            }
            Bursts::Order => return self.fault_in_order(list, range),
            Bursts::Windows => return self.pass_windows(list, range, lacks),
            Bursts::Never => unreachable!("replayed by references"),
        }
        range.end
    }

    /// Goes from one reference that finds something unset to the next.
    #[inline(never)]
    fn scan_burst(&mut self, list: Range<usize>, range: Range<usize>) -> usize {
        let bursts = self.bursts();
        let scan = bursts.scan;
        let raw = &bursts.raw[range.clone()];
        bursts.look_at(list);
        let (mut at, mut faults) = (0, 0);
        while let Some(found) = scan(raw, at, &self.bursts().wanted) {
            let entry = page_of(self.bursts().listed[usize::from(raw[found] >> 2)]);
            let kind = raw[found] & KIND_MASK;
            let write = kind == Kind::Write as KindCode;
            let time = (range.start + found) as u64;
            at = found + 1;
            match self.access(entry << 1 | u32::from(write), kind, time) {
                Ok(true) => self.knows(entry, write),
                Ok(false) => faults += 1,
                Err(Full) => {
                    self.counters.hits += found as u64 - faults;
                    return range.start + found;
                }
            }
        }
        self.counters.hits += range.len() as u64 - faults;
        range.end
    }

    fn listed(&mut self, at: usize) -> Listed {
        let columns = self.bursts().columns;
        let page = columns.pages[at];
        Listed {
            entry: page_of(page),
            written: page & 1 != 0,
            first: usize::from(columns.first[at]),
        }
    }

    fn has(&self, entry: EntryId) -> bool {
        let known = &self.by_bursts.as_ref().expect("a replay by bursts").known;
        known[entry as usize] & PRESENT != 0
    }

    fn knows_dirty(&mut self, entry: EntryId) -> bool {
        self.bursts().known[entry as usize] & DIRTY != 0
    }

    /// Tells the policy in which order the pages of a burst were referenced last. All are present
    /// and dirty where they are written.
    #[inline]
    fn note_order(&mut self, list: Range<usize>) {
        let columns = self.bursts().columns;
        let pages = &columns.pages[list.clone()];
        let memory = &self.memory;
        let frames = columns.by_last[list].iter();
        self.policy
            .hits(frames.map(|&index| memory.present(page_of(pages[usize::from(index)]))));
    }

    /// Takes the faults of a burst in the order of first references, then the order of the last
    /// ones. Victims are pages that the burst has not referenced so far: what was written in it
    /// needs to be known at its end only.
    #[inline(never)]
    fn fault_in_order(&mut self, list: Range<usize>, range: Range<usize>) -> usize {
        let mut faults = 0;
        for at in list.clone() {
            let page = self.listed(at);
            let time = (range.start + page.first) as u64;
            let entry = page.entry;
            if self.has(entry) {
                let frame = self.memory.present(entry);
                self.policy.hit(Touch { entry, frame, time });
                continue;
            }
            if self.fault_at(entry, time).is_err() {
                return self.end_within(list.start..at, &range, page.first, faults);
            }
            faults += 1;
        }
        self.write_listed(list.clone());
        self.note_order(list);
        self.counters.hits += range.len() as u64 - faults;
        range.end
    }

    /// Serves the fault of an entry that the reference at a position finds missing.
    fn fault_at(&mut self, entry: EntryId, time: u64) -> Result<FrameId, Full> {
        let kind = self.bursts().raw[time as usize] & KIND_MASK;
        let frame = self.fault(entry, kind == Kind::Write as KindCode, time)?;
        self.tlb
            .translate(entry, kind == Kind::Ifetch as KindCode, time);
        Ok(frame)
    }

    fn writes(&mut self, position: usize) -> bool {
        self.bursts().raw[position] & KIND_MASK == Kind::Write as KindCode
    }

    /// Sets the dirty bits of the pages that a burst writes.
    fn write_listed(&mut self, list: Range<usize>) {
        for at in list {
            let page = self.listed(at);
            // What is known to be dirty is.
            if page.written && !self.knows_dirty(page.entry) {
                let frame = self.memory.present(page.entry);
                self.frames.touch(frame, true);
                self.knows(page.entry, true);
            }
        }
    }

    /// The replay ends `within` references into a burst, of whose pages those of `list` have been
    /// referenced and are present: those written so far are dirty.
    fn end_within(
        &mut self,
        list: Range<usize>,
        range: &Range<usize>,
        within: usize,
        faults: u64,
    ) -> usize {
        let columns = self.bursts().columns;
        let end = range.start + within;
        for position in range.start..end {
            if self.writes(position) {
                let place = self.bursts().raw[position] >> 2;
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
    fn pass_windows(&mut self, list: Range<usize>, range: Range<usize>, lacks: u8) -> usize {
        let columns = self.bursts().columns;
        let pages = &columns.pages[list.clone()];
        let one = page_of(pages[0]);
        let idle = self.policy.idle(one);
        let long = range.len() as u64;
        if self.swap_full {
            return range.start;
        }
        if idle == 0 || long > self.bursts().tau {
            return self.part(range);
        }
        let in_windows = || {
            pages
                .iter()
                .all(|&page| self.policy.in_window(page_of(page)))
        };
        if lacks != 0 || long >= idle || !in_windows() {
            return self.pass_and_fault(list, range);
        }
        self.policy.pass(one, long);
        self.note_times(list, range.len());
        self.counters.hits += long;
        range.end
    }

    #[inline(never)]
    fn pass_and_fault(&mut self, list: Range<usize>, range: Range<usize>) -> usize {
        let (mut faults, mut passed) = (0, 0);
        for at in list.clone() {
            let page = self.listed(at);
            let (entry, time) = (page.entry, (range.start + page.first) as u64);
            if let Err(within) = self.pass(entry, range.start, passed..page.first) {
                return self.end_within(list.start..at, &range, within, faults);
            }
            let frame = if self.has(entry) {
                let frame = self.memory.present(entry);
                self.policy.hit(Touch { entry, frame, time });
                frame
            } else {
                let Ok(frame) = self.fault_at(entry, time) else {
                    return self.end_within(list.start..at, &range, page.first, faults);
                };
                faults += 1;
                frame
            };
            passed = page.first + 1;
            self.close_windows(Touch { entry, frame, time });
            if self.swap_full {
                return self.end_within(list.start..at + 1, &range, passed, faults);
            }
        }
        let one = self.listed(list.start).entry;
        if let Err(within) = self.pass(one, range.start, passed..range.len()) {
            return self.end_within(list, &range, within, faults);
        }
        self.write_listed(list.clone());
        self.note_times(list, range.len());
        self.counters.hits += range.len() as u64 - faults;
        range.end
    }

    /// References pass, all hits of pages that the burst has referenced before; windows close
    /// among them. An error is the first reference that full swap denies.
    fn pass(&mut self, entry: EntryId, start: usize, mut refs: Range<usize>) -> Result<(), usize> {
        while !refs.is_empty() {
            let idle = self.policy.idle(entry);
            if (refs.len() as u64) < idle {
                self.policy.pass(entry, refs.len() as u64);
                break;
            }
            let step = idle.max(1);
            self.policy.pass(entry, step);
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
    fn note_times(&mut self, list: Range<usize>, length: usize) {
        let columns = self.bursts().columns;
        for &index in &columns.by_last[list.clone()] {
            let at = list.start + usize::from(index);
            let entry = page_of(columns.pages[at]);
            let frame = self.memory.present(entry);
            let ago = length - 1 - usize::from(columns.last[at]);
            self.policy.referenced(entry, frame, ago as u64);
        }
    }
}
