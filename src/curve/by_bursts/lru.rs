//! LRU at every number of frames from K on, by bursts of at most K pages.
//!
//! The distance of a burst's first reference of a page is what it is for single references: the
//! pages used since, those before the burst and those of the burst so far. The distances of the
//! others are at most K: hits with K frames or more, which is all that is told here of faults.
//!
//! A page is dirty with C frames if it was written and has not been at a distance above C since.
//! With C of at least K, distances within the burst never are. So the largest distance since the
//! last write is needed only up to a difference among numbers not above K: first references tell
//! it, and a burst that writes the page sets it back, wherever in the burst it does so.
//!
//! At the end of a burst its pages are the most recent ones, in order of last reference. While it
//! lasts, only how many they are matters: they enter the window together, at its end.

use crate::curve::lru::{CLEAN, LruCurve, Place, Tally, Totals, UNSEEN};
use crate::curve::recency::Recency;
use crate::simd::Level;
use crate::simd::wide::{self, Work};
use crate::trace::bursts::{Columns, K_MAX};
use crate::trace::dense::page_of;

/// Listed pages that are tallied in 32 bits.
const PIECE: usize = 1 << 31;

/// Runs over bursts of pages below `pages`. The curve holds from as many frames on as a burst has
/// pages.
pub fn lru(columns: &Columns, pages: usize) -> LruCurve {
    lru_at(Level::best(), columns, pages)
}

/// The same as compiled for a level of the processor.
fn lru_at(level: Level, columns: &Columns, pages: usize) -> LruCurve {
    let unseen = Place {
        slot: UNSEEN,
        farthest: CLEAN,
    };
    let mut stack = Stack {
        places: vec![unseen; pages],
        recency: Recency::with_room(pages, K_MAX),
        tallies: vec![Tally::default(); pages + 1],
        totals: Totals::new(pages),
        first_uses: Vec::new(),
    };
    wide::run(
        level,
        Pass {
            stack: &mut stack,
            columns,
        },
    );
    stack.totals.add(&mut stack.tallies);
    let Stack {
        places,
        recency,
        totals,
        first_uses,
        ..
    } = stack;
    let farthest = recency.pages().map(|page| places[page as usize].farthest);
    totals.curve(columns.k, first_uses, farthest)
}

/// The LRU stack and what it tallies.
struct Stack {
    places: Vec<Place>,
    recency: Recency,
    /// By distance; go to `totals` before they overflow.
    tallies: Vec<Tally>,
    totals: Totals,
    first_uses: Vec<u64>,
}

/// Every burst.
struct Pass<'a> {
    stack: &'a mut Stack,
    columns: &'a Columns,
}

impl Work for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Pass { stack, columns } = self;
        let mut tallied = 0;
        for burst in 0..columns.len() {
            let list = columns.offsets[burst]..columns.offsets[burst + 1];
            tallied += list.len();
            if tallied > PIECE {
                stack.totals.add(&mut stack.tallies);
                tallied = list.len();
            }
            stack.burst(columns, burst);
        }
    }
}

impl Stack {
    #[inline(always)]
    fn burst(&mut self, columns: &Columns, burst: usize) {
        let list = columns.offsets[burst]..columns.offsets[burst + 1];
        let pages = &columns.pages[list.clone()];
        if !self.recency.has_room(pages.len()) {
            let places = &mut self.places;
            self.recency
                .renumber(|page, slot| places[page as usize].slot = slot);
        }
        for (index, &listed) in pages.iter().enumerate() {
            let place = &mut self.places[page_of(listed) as usize];
            if place.slot == UNSEEN {
                let first = u64::from(columns.first[list.start + index]);
                self.first_uses.push(columns.starts[burst] + first);
            } else {
                let distance = self.recency.take(place.slot) + index as u32 + 1;
                let from = place.farthest.min(distance);
                self.tallies[distance as usize].at += 1;
                self.tallies[from as usize].dirty_from += 1;
                place.farthest = place.farthest.max(distance);
            }
            if listed & 1 != 0 {
                place.farthest = 1;
            }
        }
        for &index in &columns.by_last[list] {
            let page = page_of(pages[usize::from(index)]);
            self.places[page as usize].slot = self.recency.push(page);
        }
    }
}
