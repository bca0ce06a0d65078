//! FIFO and Clock with up to 64 numbers of frames in one pass, by bursts. A *lane* is one number of
//! frames.
//!
//! A reference changes nothing if its page is resident in every lane (Clock: and referenced), and
//! dirty in every lane if it writes. A burst whose pages are all so changes nothing and is skipped.
//! Of the others the bytes are scanned for the next reference that changes something.

use crate::curve::rings::{LANES, Rings};
use crate::simd::SimdLevel;
use crate::simd::scan::{Scan, Wanted, scan};
use crate::trace::bursts::{BurstsView, Mark};
use crate::trace::model::access::Kind;
use crate::trace::model::refs::{KIND_MASK, Ref, page_of};

/// The bits of a page, one per lane.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
struct Page {
    resident: u64,
    /// The reference bits of Clock; all set for FIFO.
    referenced: u64,
    /// Written since it came in; valid where it is resident.
    dirty: u64,
    /// The last scanned burst that lists the page, and its place there.
    mark: Mark,
}

/// What differs between FIFO and Clock.
trait LanePolicy {
    /// Pages have reference bits.
    const REFERENCED: bool;
    /// They are set when a page comes in.
    const LOAD_BIT: bool;
}

struct Fifo;
struct Clock;
struct ClockClear;

impl LanePolicy for Fifo {
    const REFERENCED: bool = false;
    const LOAD_BIT: bool = true;
}
impl LanePolicy for Clock {
    const REFERENCED: bool = true;
    const LOAD_BIT: bool = true;
}
impl LanePolicy for ClockClear {
    const REFERENCED: bool = true;
    const LOAD_BIT: bool = false;
}

/// Returns what [`crate::curve::fifo`] returns for the same references.
///
/// # Panics
/// With more than [`LANES`] sizes.
pub fn fifo(view: BurstsView<'_>, pages: usize, sizes: &[u64]) -> Vec<(u64, u64)> {
    Lanes::<Fifo>::new(SimdLevel::best(), view, pages, sizes).run()
}

/// Returns what [`crate::curve::clock`] returns for the same references.
///
/// # Panics
/// With more than [`LANES`] sizes.
pub fn clock(view: BurstsView<'_>, pages: usize, sizes: &[u64], load_bit: bool) -> Vec<(u64, u64)> {
    let level = SimdLevel::best();
    if load_bit {
        Lanes::<Clock>::new(level, view, pages, sizes).run()
    } else {
        Lanes::<ClockClear>::new(level, view, pages, sizes).run()
    }
}

/// A bit of [`Lanes::known`]: resident and referenced in every lane.
const HERE: u8 = 1;
/// A bit of [`Lanes::known`]: dirty in every lane.
const DIRTY: u8 = 2;

/// The memories.
struct Lanes<'t, P> {
    view: BurstsView<'t>,
    /// [`HERE`] and [`DIRTY`] of each page. May lag behind its words, but never runs ahead.
    known: Vec<u8>,
    pages: Vec<Page>,
    rings: Rings,
    counts: [(u64, u64); LANES],
    sizes: usize,
    /// The places that the scan looks for.
    wanted: Wanted,
    /// The number of the burst being scanned.
    scanned: u64,
    scan: Scan,
    policy: std::marker::PhantomData<P>,
}

impl<'t, P: LanePolicy> Lanes<'t, P> {
    fn new(level: SimdLevel, view: BurstsView<'t>, pages: usize, sizes: &[u64]) -> Self {
        let rings = Rings::new(sizes, pages as u32);
        let unseen = Page {
            // Lanes that do not exist have every page: they never fault.
            resident: !rings.all(),
            referenced: if P::REFERENCED { 0 } else { u64::MAX },
            ..Page::default()
        };
        Lanes {
            view,
            known: vec![0; pages + 1],
            pages: vec![unseen; pages + 1],
            rings,
            counts: [(0, 0); LANES],
            sizes: sizes.len(),
            wanted: Wanted::default(),
            scanned: 0,
            scan: scan(level),
            policy: std::marker::PhantomData,
        }
    }

    fn run(mut self) -> Vec<(u64, u64)> {
        let columns = self.view.columns;
        for burst in 0..columns.len() {
            let list = &columns.pages[columns.list(burst)];
            let missing = |missing, &listed: &Ref| {
                missing | (needs(listed) & !self.known[page_of(listed) as usize])
            };
            if list.iter().fold(0, missing) != 0 {
                self.scan_burst(burst);
            }
        }
        self.counts[..self.sizes].to_vec()
    }

    /// Goes from one reference that changes something to the next.
    fn scan_burst(&mut self, burst: usize) {
        let (view, columns) = (self.view, self.view.columns);
        let raw = view.raw(columns.range(burst));
        let list = columns.list(burst);
        let mut page_at = [0; 64];
        self.scanned += 1;
        for (&listed, &place) in columns.pages[list.clone()]
            .iter()
            .zip(&columns.places[list])
        {
            let page = page_of(listed) as usize;
            page_at[usize::from(place)] = page;
            self.pages[page].mark = Mark::new(self.scanned, place);
            want(&mut self.wanted, place, self.known[page]);
        }
        let mut at = 0;
        while let Some(found) = (self.scan)(raw, at, &self.wanted) {
            let place = usize::from(raw[found] >> 2);
            let write = raw[found] & KIND_MASK == Kind::Write as u8;
            self.access(page_at[place], write);
            want(&mut self.wanted, place as u8, self.known[page_at[place]]);
            at = found + 1;
        }
    }

    /// Does a reference that may change something.
    #[inline(always)]
    fn access(&mut self, page: usize, write: bool) {
        let word = &mut self.pages[page];
        let absent = !word.resident;
        if P::REFERENCED {
            word.referenced = u64::MAX;
        }
        if absent != 0 {
            word.resident = u64::MAX;
            word.dirty &= !absent;
            self.load(page, absent);
        }
        let word = &mut self.pages[page];
        if !P::LOAD_BIT && absent != 0 {
            word.referenced = !absent;
        }
        if write {
            word.dirty = u64::MAX;
        }
        let here = u8::from(word.referenced == u64::MAX) * HERE;
        self.known[page] = here | (u8::from(word.dirty == u64::MAX) * DIRTY);
    }

    /// Loads `page` in the lanes of `absent`.
    #[inline(always)]
    fn load(&mut self, page: usize, mut absent: u64) {
        while absent != 0 {
            let lane = absent.trailing_zeros() as usize;
            let bit = absent & absent.wrapping_neg();
            absent ^= bit;
            // The page of empty frames is neither referenced nor dirty.
            let victim = loop {
                let victim = self.rings.at_hand(lane) as usize;
                self.forget(victim);
                let word = &mut self.pages[victim];
                if !P::REFERENCED || word.referenced & bit == 0 {
                    break word;
                }
                word.referenced &= !bit;
                self.rings.advance(lane);
            };
            victim.resident &= !bit;
            self.counts[lane].0 += 1;
            self.counts[lane].1 += u64::from(victim.dirty & bit != 0);
            self.rings.replace(lane, page as u32);
        }
    }

    /// Forgets what is known of `page`, which loses a bit: its next reference changes something.
    #[inline(always)]
    fn forget(&mut self, page: usize) {
        self.known[page] = 0;
        let mark = self.pages[page].mark;
        if mark.burst() == self.scanned {
            self.wanted.set(mark.place(), true, true);
        }
    }
}

/// Returns the bits of [`Lanes::known`] with which the burst does not change a listed page.
#[inline(always)]
fn needs(listed: Ref) -> u8 {
    HERE | ((listed as u8 & 1) * DIRTY)
}

/// Looks for the references at `place` that change something; `known` are the bits of its page.
#[inline(always)]
fn want(wanted: &mut Wanted, place: u8, known: u8) {
    wanted.set(place, known & HERE == 0, known & DIRTY == 0);
}
