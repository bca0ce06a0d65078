//! LRU at every number of frames by bursts of at most K pages.
//!
//! The distance of a page's first reference in a burst is the same as for single references: it
//! counts the pages used since, both before the burst and in the burst so far. The distances of the
//! page's other references in the burst are at most K. These hit with K frames or more, which may be
//! all sizes that are wanted.
//!
//! A page is dirty with C frames if it was written and was not at a distance above C since. With C at
//! least K, no distance within the burst is above C. So the largest distance since the last write
//! matters only where it is above K. First references give it, and a burst that writes the page
//! resets it, wherever in the burst the write is.
//!
//! With fewer frames than K, the distances within bursts matter too ([`Within`]). A reference at
//! distance d of a page whose largest distance since its last write is m is tallied at d, and as
//! dirty from the lesser of d and m on. Between two writes m only grows, and each d above m becomes
//! the next m. So in the difference of both tallies all but two of these numbers cancel: the rest is
//! as if the least m had been tallied in place of the largest d. Hence it suffices to know the largest
//! distances before the first write of a page in a burst, after its last write, and between writes.
//!
//! At the end of a burst its pages are the most recent ones, in order of last reference. During the
//! burst only their number matters, so they enter the window together, at its end.

use crate::curve::lru::{CLEAN, DistanceTally, LruCurve, Place, Totals, UNSEEN};
use crate::curve::stack_distance::Recency;
use crate::simd::SimdLevel;
use crate::simd::compile_wide;
use crate::simd::compile_wide::Work;
use crate::trace::bursts::reuse_distances::{ByDistance, Edges, Within};
use crate::trace::bursts::{Columns, K_MAX};
use crate::trace::model::refs::page_of;

/// Listed pages per piece: few enough for tallies of 32 bits, as each page adds up to three.
const PIECE: usize = 1 << 30;

/// Counts the faults and write-backs of bursts of pages below `pages`. The curve is valid from K
/// frames on; with `within`, the distances within bursts, from one frame on.
pub fn lru(columns: &Columns, within: Option<&Within>, pages: usize) -> LruCurve {
    lru_at(SimdLevel::best(), columns, within, pages)
}

/// [`lru`] as compiled for a level of the processor.
fn lru_at(level: SimdLevel, columns: &Columns, within: Option<&Within>, pages: usize) -> LruCurve {
    let unseen = Place {
        slot: UNSEEN,
        farthest: CLEAN,
    };
    let mut stack = Stack {
        places: vec![unseen; pages],
        recency: Recency::new(pages, K_MAX),
        tallies: vec![DistanceTally::default(); pages + 1],
        totals: Totals::new(pages),
        first_uses: Vec::new(),
        replaced: [0; K_MAX + 1],
    };
    compile_wide::run(
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

/// The LRU stack and its tallies.
struct Stack {
    places: Vec<Place>,
    recency: Recency,
    /// By distance; moved to `totals` before they overflow.
    tallies: Vec<DistanceTally>,
    totals: Totals,
    first_uses: Vec<u64>,
    /// Distances within bursts whose interval start was tallied at a lesser distance.
    replaced: ByDistance,
}

/// The pass over all bursts.
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
                        let after = u32::from(edges.behind);
                        place.farthest = after.max(1);
                        self.replaced[after as usize] += 1;
                        self.tallies[1].dirty_from += u32::from(after > 0);
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
