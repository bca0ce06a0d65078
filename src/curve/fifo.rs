//! FIFO with up to 64 numbers of frames in one pass: each page has a word with a bit per number
//! of frames, set where it is resident, so that a reference which hits in all of them costs one
//! test. FIFO keeps no stack (Belady's anomaly): other sizes need other passes.

use super::rings::{AHEAD, FAR_PAGES, LANES, Rings};
use crate::simd::prefetch::prefetch;
use crate::trace::dense::{Ref, page_of};

/// The bits of a page.
#[derive(Clone, Copy, Default)]
struct Page {
    resident: u64,
    /// Written since it came in, where it is resident.
    dirty: u64,
}

/// Faults and dirty victims with each of `sizes` frames, of references to pages below `pages`.
///
/// # Panics
/// With more than [`LANES`] sizes.
pub fn fifo(refs: &[Ref], pages: usize, sizes: &[u64]) -> Vec<(u64, u64)> {
    match pages > FAR_PAGES {
        true => run::<true>(refs, pages, sizes),
        false => run::<false>(refs, pages, sizes),
    }
}

/// `ASK_AHEAD`: whether words are asked for before they are needed, which costs a little where
/// they are near.
fn run<const ASK_AHEAD: bool>(refs: &[Ref], pages: usize, sizes: &[u64]) -> Vec<(u64, u64)> {
    let mut rings = Rings::new(sizes, pages as u32);
    let mut counts = [(0, 0); LANES];
    let unseen = Page {
        // Lanes that are not there have every page.
        resident: !rings.all(),
        dirty: 0,
    };
    let mut words = vec![unseen; pages + 1];
    for (time, &reference) in refs.iter().enumerate() {
        if ASK_AHEAD && let Some(&later) = refs.get(time + AHEAD) {
            prefetch(&words, page_of(later) as usize);
        }
        let page = page_of(reference) as usize;
        let word = &mut words[page];
        let absent = !word.resident;
        if absent != 0 {
            word.resident = u64::MAX;
            word.dirty &= !absent;
            load::<ASK_AHEAD>(&mut words, &mut rings, &mut counts, page, absent);
        }
        if reference & 1 != 0 {
            words[page].dirty = u64::MAX;
        }
    }
    counts[..sizes.len()].to_vec()
}

/// Loads a page in the lanes of `absent`.
#[inline(never)]
fn load<const ASK_AHEAD: bool>(
    words: &mut [Page],
    rings: &mut Rings,
    counts: &mut [(u64, u64); LANES],
    page: usize,
    mut absent: u64,
) {
    while absent != 0 {
        let lane = absent.trailing_zeros() as usize;
        let bit = absent & absent.wrapping_neg();
        absent ^= bit;
        // The empty frames' page is never dirty.
        let victim = &mut words[rings.at_hand(lane) as usize];
        victim.resident &= !bit;
        counts[lane].0 += 1;
        counts[lane].1 += u64::from(victim.dirty & bit != 0);
        rings.replace(lane, page as u32);
        if ASK_AHEAD {
            prefetch(words, rings.at_hand(lane) as usize);
        }
    }
}
