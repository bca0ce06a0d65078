//! What a replay by bursts keeps besides the machine: for each entry, what a further reference
//! through it would not change, and where the replay is in the bursts. Knows neither the policy nor
//! page tables.

use crate::policy::{Sees, Spec};
use crate::simd::SimdLevel;
use crate::simd::missing_bits::{Lacking, Needs, PADDING, lacking};
use crate::simd::scan::{Scan, Wanted, scan};
use crate::trace::bursts::{BurstsView, Columns, Mark};
use crate::trace::model::refs::{KindCode, Ref, page_of};
use crate::units::EntryId;
use std::ops::Range;

/// The entry is present.
pub(crate) const PRESENT: u8 = 1;
/// The reference bit of its page is set.
pub(crate) const REFERENCED: u8 = 2;
/// The dirty bit of its page is set.
pub(crate) const DIRTY: u8 = 4;

/// What a replay by bursts keeps besides the machine.
pub(crate) struct BurstState {
    /// The most pages of a burst.
    pub(crate) k: usize,
    /// The position of the first reference of the view last passed to [`BurstState::burst_at`].
    base: u64,
    /// The index of its next burst.
    next: usize,
    /// What is known of each entry, followed by [`PADDING`] bytes.
    known: Vec<u8>,
    /// What must be known of a listed page for the burst not to change it.
    needs: Needs,
    lacking: Lacking,
    /// The places that the scan looks for.
    pub(crate) wanted: Wanted,
    /// The page at each place of the burst that is scanned.
    pub(crate) listed: [Ref; 64],
    /// The places that this burst writes, a bit each.
    written: u64,
    /// For each entry, the burst that was scanned with it last, and its place there.
    marks: Vec<Mark>,
    /// The number of the burst that is scanned.
    scanned: u64,
    pub(crate) scan: Scan,
    /// The window of the policy, in references.
    pub(crate) tau: u64,
    /// Room for the references of a part of a burst.
    pub(crate) part: (Vec<Ref>, Vec<KindCode>),
}

/// Returns true if the machine must watch the reference bits that the policy clears and the counts
/// of hits that it restarts, and then forget [`REFERENCED`]. A policy that reads reference bits also
/// clears them, and one that counts hits may restart a count.
pub(crate) fn watches(spec: &Spec) -> bool {
    matches!(spec.sees, Sees::Bits | Sees::Hits) && spec.bursts.by_bits()
}

impl BurstState {
    /// Returns the state before the first of bursts of at most `k` pages, with nothing known of
    /// `entries` entries.
    pub(crate) fn new(spec: &Spec, k: usize, entries: usize, tau: u64) -> BurstState {
        BurstState {
            k,
            base: 0,
            next: 0,
            known: vec![0; entries + PADDING],
            needs: Needs {
                all: PRESENT | if watches(spec) { REFERENCED } else { 0 },
                odd: DIRTY,
            },
            lacking: lacking(SimdLevel::best()),
            wanted: Wanted::default(),
            listed: [0; 64],
            written: 0,
            marks: vec![Mark::default(); entries],
            // No mark is of it before a burst is scanned.
            scanned: 1,
            scan: scan(SimdLevel::best()),
            tau,
            part: Default::default(),
        }
    }

    /// Returns the burst that holds the reference at `at`, or the next one, and where it begins
    /// and ends.
    pub(crate) fn burst_at(&mut self, view: BurstsView<'_>, at: u64) -> (usize, Range<u64>) {
        if self.base != view.base {
            (self.base, self.next) = (view.base, 0);
        }
        let starts = &view.columns.starts;
        while starts[self.next] < at {
            self.next += 1;
        }
        let begins = starts[self.next];
        let end = starts.get(self.next + 1);
        (self.next, begins..end.copied().unwrap_or(begins))
    }

    /// Decodes a part of a burst. The caller puts the two buffers back into `part`.
    pub(crate) fn decode(
        &mut self,
        view: BurstsView<'_>,
        range: Range<usize>,
    ) -> (Vec<Ref>, Vec<KindCode>) {
        let (mut refs, mut kinds) = std::mem::take(&mut self.part);
        refs.resize(range.len(), 0);
        kinds.resize(range.len(), 0);
        view.decode(range, &mut refs, &mut kinds);
        (refs, kinds)
    }

    /// Returns a bit other than 0 if a burst with these pages may change something.
    #[inline]
    pub(crate) fn lacks(&self, pages: &[Ref]) -> u8 {
        (self.lacking)(&self.known, pages, self.needs)
    }

    #[inline]
    pub(crate) fn is_known_present(&self, entry: EntryId) -> bool {
        self.known[entry as usize] & PRESENT != 0
    }

    #[inline]
    pub(crate) fn is_known_dirty(&self, entry: EntryId) -> bool {
        self.known[entry as usize] & DIRTY != 0
    }

    /// Notes that the reference bit of the page of `entry` was cleared.
    pub(crate) fn note_cleared(&mut self, entry: EntryId) {
        self.set(entry, self.known[entry as usize] & !REFERENCED);
    }

    /// Notes that `entry` is not present any more.
    pub(crate) fn forget(&mut self, entry: EntryId) {
        self.set(entry, 0);
    }

    /// Notes that `entry` is present. The reference bit of its page counts as unknown.
    pub(crate) fn note_present(&mut self, entry: EntryId, dirty: bool) {
        self.note(entry, PRESENT | (u8::from(dirty) * DIRTY));
    }

    /// Notes that these bits are set for `entry`.
    #[inline]
    pub(crate) fn note(&mut self, entry: EntryId, bits: u8) {
        self.set(entry, self.known[entry as usize] | bits);
    }

    #[inline]
    fn set(&mut self, entry: EntryId, known: u8) {
        self.known[entry as usize] = known;
        let mark = self.marks[entry as usize];
        if mark.burst() == self.scanned {
            let lacks = known & self.needs.all != self.needs.all;
            let writes = known & DIRTY == 0 && self.written >> mark.place() & 1 != 0;
            self.wanted.set(mark.place(), lacks, writes);
        }
    }

    /// Begins to scan the burst that lists these pages.
    #[inline]
    pub(crate) fn look_at(&mut self, columns: &Columns, list: Range<usize>) {
        self.scanned += 1;
        (self.wanted, self.written) = (Wanted::default(), 0);
        let places = &columns.places[list.clone()];
        for (&listed, &place) in columns.pages[list].iter().zip(places) {
            let entry = page_of(listed) as usize;
            let place = place & 63;
            let known = self.known[entry];
            self.marks[entry] = Mark::new(self.scanned, place);
            self.listed[usize::from(place)] = listed;
            let lacks = u64::from(known & self.needs.all != self.needs.all);
            let written = u64::from(listed & 1);
            self.wanted.any |= lacks << place;
            self.wanted.writes |= (written & u64::from(known & DIRTY == 0)) << place;
            self.written |= written << place;
        }
    }
}
