//! Clock with up to 64 numbers of frames in one pass: each page has words with a bit per number
//! of frames (resident, referenced, dirty), so that a reference which hits in all of them costs
//! one test and one store. The circle is that of the textbooks: a new page takes the place of
//! the victim, and the hand moves past it.

use super::rings::{AHEAD, FAR_PAGES, LANES, Rings};
use crate::simd::prefetch::prefetch;
use crate::trace::dense::{Ref, page_of};

/// The bits of a page; the last two mean something where it is resident.
#[derive(Clone, Copy, Default)]
struct Page {
    resident: u64,
    referenced: u64,
    dirty: u64,
}

/// Faults and dirty victims with each of `sizes` frames, of references to pages below `pages`.
/// `load_bit`: whether the reference bit of a page that comes in is set.
///
/// # Panics
/// With more than [`LANES`] sizes.
pub fn clock(refs: &[Ref], pages: usize, sizes: &[u64], load_bit: bool) -> Vec<(u64, u64)> {
    match pages > FAR_PAGES {
        true => run::<true>(refs, pages, sizes, load_bit),
        false => run::<false>(refs, pages, sizes, load_bit),
    }
}

/// `ASK_AHEAD`: whether words are asked for before they are needed, which costs a little where
/// they are near.
fn run<const ASK_AHEAD: bool>(
    refs: &[Ref],
    pages: usize,
    sizes: &[u64],
    load_bit: bool,
) -> Vec<(u64, u64)> {
    let mut rings = Rings::new(sizes, pages as u32);
    let mut counts = [(0, 0); LANES];
    let unseen = Page {
        // Lanes that are not there have every page.
        resident: !rings.all(),
        ..Page::default()
    };
    let mut words = vec![unseen; pages + 1];
    for (time, &reference) in refs.iter().enumerate() {
        if ASK_AHEAD && let Some(&later) = refs.get(time + AHEAD) {
            prefetch(&words, page_of(later) as usize);
        }
        let page = page_of(reference) as usize;
        let word = &mut words[page];
        let absent = !word.resident;
        word.referenced = u64::MAX;
        if absent != 0 {
            word.resident = u64::MAX;
            word.dirty &= !absent;
            load::<ASK_AHEAD>(&mut words, &mut rings, &mut counts, page, absent);
            if !load_bit {
                words[page].referenced = !absent;
            }
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
        // The empty frames' page is neither referenced nor dirty.
        let victim = loop {
            let victim = &mut words[rings.at_hand(lane) as usize];
            if victim.referenced & bit == 0 {
                break victim;
            }
            victim.referenced &= !bit;
            rings.advance(lane);
        };
        victim.resident &= !bit;
        counts[lane].0 += 1;
        counts[lane].1 += u64::from(victim.dirty & bit != 0);
        rings.replace(lane, page as u32);
        if ASK_AHEAD {
            prefetch(words, rings.at_hand(lane) as usize);
        }
    }
}
