//! LRU at every number of frames by bursts of at most K pages.
//!
//! The distance of a burst's first reference of a page is what it is for single references: the
//! pages used since, those before the burst and those of the burst so far. The distances of the
//! others are at most K: hits with K frames or more, which may be all that is asked.
//!
//! A page is dirty with C frames if it was written and has not been at a distance above C since.
//! With C of at least K, distances within the burst never are. So the largest distance since the
//! last write is needed only up to a difference among numbers not above K: first references tell
//! it, and a burst that writes the page sets it back, wherever in the burst it does so.
//!
//! With fewer frames than K it is needed what happens within the bursts ([`Within`]). A reference at
//! distance d of a page whose largest distance since its last write is m is tallied as dirty from
//! the lesser of both on. Between two writes m only grows: each d above m is the next m, so all
//! but two of these numbers cancel: what is left is as if the least m had been tallied in place of
//! the largest d. Hence the largest distances before the first write of a page in a burst, behind
//! its last and between the others say everything.
//!
//! At the end of a burst its pages are the most recent ones, in order of last reference. While it
//! lasts, only how many they are matters: they enter the window together, at its end.

use crate::curve::lru::{CLEAN, LruCurve, Place, Tally, Totals, UNSEEN};
use crate::curve::recency::Recency;
use crate::simd::Level;
use crate::simd::wide::{self, Work};
use crate::trace::bursts::{Columns, K_MAX};
use crate::trace::dense::page_of;
use crate::trace::within::{ByDistance, Edges, Within};

/// Listed pages that are tallied in 32 bits, each up to three times.
const PIECE: usize = 1 << 30;

/// Runs over bursts of pages below `pages`. The curve holds from as many frames on as a burst has
/// pages; from one frame on if it is told what happens within them.
pub fn lru(columns: &Columns, within: Option<&Within>, pages: usize) -> LruCurve {
    lru_at(Level::best(), columns, within, pages)
}

/// The same as compiled for a level of the processor.
fn lru_at(level: Level, columns: &Columns, within: Option<&Within>, pages: usize) -> LruCurve {
    let unseen = Place {
        slot: UNSEEN,
        farthest: CLEAN,
    };
    let mut stack = Stack {
        places: vec![unseen; pages],
        recency: Recency::new(pages, K_MAX),
        tallies: vec![Tally::default(); pages + 1],
        totals: Totals::new(pages),
        first_uses: Vec::new(),
        replaced: [0; K_MAX + 1],
    };
    wide::run(
        level,
        Pass {
            stack: &mut stack,
            columns,
            edges: within.map(|within| &within.edges[..]),
        },
    );
    stack.totals.add(&mut stack.tallies);
    let Stack {
        places,
        recency,
        mut totals,
        first_uses,
        replaced,
        ..
    } = stack;
    if let Some(within) = within {
        totals.add_within(within, &replaced);
    }
    let farthest = recency.pages().map(|page| places[page as usize].farthest);
    let least = if within.is_some() { 1 } else { columns.k };
    totals.curve(least, first_uses, farthest)
}

/// The LRU stack and what it tallies.
struct Stack {
    places: Vec<Place>,
    recency: Recency,
    /// By distance; go to `totals` before they overflow.
    tallies: Vec<Tally>,
    totals: Totals,
    first_uses: Vec<u64>,
    /// Distances within bursts in place of which lesser ones were tallied as dirty from.
    replaced: ByDistance,
}

/// Every burst.
struct Pass<'a> {
    stack: &'a mut Stack,
    columns: &'a Columns,
    edges: Option<&'a [Edges]>,
}

impl Work for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Pass {
            stack,
            columns,
            edges,
        } = self;
        let mut tallied = 0;
        for burst in 0..columns.len() {
            let list = columns.list(burst);
            tallied += list.len();
            if tallied > PIECE {
                stack.totals.add(&mut stack.tallies);
                tallied = list.len();
            }
            stack.burst(columns, burst, edges);
        }
    }
}

impl Stack {
    #[inline(always)]
    fn burst(&mut self, columns: &Columns, burst: usize, edges: Option<&[Edges]>) {
        let list = columns.list(burst);
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
            let written = listed & 1 != 0;
            match edges.map(|edges| edges[list.start + index]) {
                Some(edges) => {
                    let before = u32::from(edges.before);
                    if before > place.farthest {
                        self.replaced[before as usize] += 1;
                        self.tallies[place.farthest as usize].dirty_from += 1;
                        place.farthest = before;
                    }
                    if written {
                        let behind = u32::from(edges.behind);
                        place.farthest = behind.max(1);
                        self.replaced[behind as usize] += 1;
                        self.tallies[1].dirty_from += u32::from(behind > 0);
                    }
                }
                None if written => place.farthest = 1,
                None => {}
            }
        }
        for &index in &columns.by_last[list] {
            let page = page_of(pages[usize::from(index)]);
            self.places[page as usize].slot = self.recency.push(page);
        }
    }
}
