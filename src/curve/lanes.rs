//! FIFO and Clock with up to 64 numbers of frames in one pass. A *lane* is one number of frames;
//! each page has words with a bit per lane: resident, dirty and, for Clock, referenced. So a
//! reference that hits in every lane costs one test, and one store for Clock.
//!
//! Neither policy is a stack algorithm (FIFO shows Belady's anomaly), so other sizes need other
//! passes. Clock is the circle of the textbooks: a new page takes the place of the victim, and the
//! hand moves past it.

use super::rings::{FAR_PAGES, LANES, PREFETCH_DISTANCE, Rings};
use crate::simd::prefetch::prefetch;
use crate::trace::model::refs::{Ref, page_of};

/// The bits of a page, and what differs between FIFO and Clock.
trait Page: Copy {
    /// Returns a page that was never referenced. `resident` has the bits of lanes that do not
    /// exist: these never fault.
    fn unseen(resident: u64) -> Self;
    /// The lanes in which the page is resident.
    fn resident(&mut self) -> &mut u64;
    /// The lanes in which the page was written since it came in; valid where it is resident.
    fn dirty(&mut self) -> &mut u64;
    /// Sets the reference bits.
    fn reference(&mut self);
    /// The page came in with its reference in the lanes of `absent`.
    fn loaded(&mut self, absent: u64);
    /// Clears the reference bit in the lane of `bit`. Returns true if it was set: the page stays.
    fn second_chance(&mut self, bit: u64) -> bool;
}

/// A page of FIFO, which has no reference bits.
#[derive(Clone, Copy)]
struct Fifo {
    resident: u64,
    dirty: u64,
}

impl Page for Fifo {
    fn unseen(resident: u64) -> Fifo {
        Fifo { resident, dirty: 0 }
    }

    #[inline(always)]
    fn resident(&mut self) -> &mut u64 {
        &mut self.resident
    }

    #[inline(always)]
    fn dirty(&mut self) -> &mut u64 {
        &mut self.dirty
    }

    #[inline(always)]
    fn reference(&mut self) {}

    #[inline(always)]
    fn loaded(&mut self, _absent: u64) {}

    #[inline(always)]
    fn second_chance(&mut self, _bit: u64) -> bool {
        false
    }
}

/// A page of Clock. `LOAD_BIT`: the reference bit of a page that comes in is set.
#[derive(Clone, Copy)]
struct Clock<const LOAD_BIT: bool> {
    resident: u64,
    referenced: u64,
    dirty: u64,
}

impl<const LOAD_BIT: bool> Page for Clock<LOAD_BIT> {
    fn unseen(resident: u64) -> Clock<LOAD_BIT> {
        Clock {
            resident,
            referenced: 0,
            dirty: 0,
        }
    }

    #[inline(always)]
    fn resident(&mut self) -> &mut u64 {
        &mut self.resident
    }

    #[inline(always)]
    fn dirty(&mut self) -> &mut u64 {
        &mut self.dirty
    }

    #[inline(always)]
    fn reference(&mut self) {
        self.referenced = u64::MAX;
    }

    #[inline(always)]
    fn loaded(&mut self, absent: u64) {
        if !LOAD_BIT {
            self.referenced = !absent;
        }
    }

    #[inline(always)]
    fn second_chance(&mut self, bit: u64) -> bool {
        let referenced = self.referenced & bit != 0;
        // Stored only where it was set, so that passing over a page does not make its line dirty.
        if referenced {
            self.referenced &= !bit;
        }
        referenced
    }
}

/// Returns the faults and dirty victims of FIFO with each of `sizes` frames; pages of `refs` are
/// below `pages`.
///
/// # Panics
/// With more than [`LANES`] sizes.
pub fn fifo(refs: &[Ref], pages: usize, sizes: &[u64]) -> Vec<(u64, u64)> {
    run::<Fifo>(refs, pages, sizes)
}

/// Returns the faults and dirty victims of Clock with each of `sizes` frames; pages of `refs` are
/// below `pages`. With `load_bit` the reference bit of a page that comes in is set.
///
/// # Panics
/// With more than [`LANES`] sizes.
pub fn clock(refs: &[Ref], pages: usize, sizes: &[u64], load_bit: bool) -> Vec<(u64, u64)> {
    if load_bit {
        run::<Clock<true>>(refs, pages, sizes)
    } else {
        run::<Clock<false>>(refs, pages, sizes)
    }
}

fn run<P: Page>(refs: &[Ref], pages: usize, sizes: &[u64]) -> Vec<(u64, u64)> {
    // Prefetching costs a little where the words are in a near cache anyway.
    if pages > FAR_PAGES {
        pass::<P, true>(refs, pages, sizes)
    } else {
        pass::<P, false>(refs, pages, sizes)
    }
}

/// The loop over the references. Not inlined: four loops in one function spill each other's registers.
#[inline(never)]
fn pass<P: Page, const PREFETCH: bool>(
    refs: &[Ref],
    pages: usize,
    sizes: &[u64],
) -> Vec<(u64, u64)> {
    let mut rings = Rings::new(sizes, pages as u32);
    let mut counts = [(0, 0); LANES];
    let mut words = vec![P::unseen(!rings.all()); pages + 1];
    for (time, &reference) in refs.iter().enumerate() {
        if PREFETCH && let Some(&later) = refs.get(time + PREFETCH_DISTANCE) {
            prefetch(&words, page_of(later) as usize);
        }
        let page = page_of(reference) as usize;
        let word = &mut words[page];
        let absent = !*word.resident();
        word.reference();
        if absent != 0 {
            *word.resident() = u64::MAX;
            *word.dirty() &= !absent;
            load::<P, PREFETCH>(&mut words, &mut rings, &mut counts, page, absent);
            words[page].loaded(absent);
        }
        if reference & 1 != 0 {
            *words[page].dirty() = u64::MAX;
        }
    }
    counts[..sizes.len()].to_vec()
}

/// Loads `page` in the lanes of `absent`.
#[inline(never)]
fn load<P: Page, const PREFETCH: bool>(
    words: &mut [P],
    rings: &mut Rings,
    counts: &mut [(u64, u64); LANES],
    page: usize,
    mut absent: u64,
) {
    while absent != 0 {
        let lane = absent.trailing_zeros() as usize;
        let bit = absent & absent.wrapping_neg();
        absent ^= bit;
        // The page of empty frames is neither referenced nor dirty, so it is taken at once.
        let victim = loop {
            let victim = &mut words[rings.at_hand(lane) as usize];
            if !victim.second_chance(bit) {
                break victim;
            }
            rings.advance(lane);
        };
        *victim.resident() &= !bit;
        counts[lane].0 += 1;
        counts[lane].1 += u64::from(*victim.dirty() & bit != 0);
        rings.replace(lane, page as u32);
        if PREFETCH {
            prefetch(words, rings.at_hand(lane) as usize);
        }
    }
}
