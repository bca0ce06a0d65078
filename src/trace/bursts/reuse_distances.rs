//! LRU distances inside bursts: what an LRU curve needs of them. They depend on the burst alone.
//!
//! The *distance* of a reference is 1 plus the number of other pages referenced since the last
//! reference of its page: the smallest number of frames with which it hits. Knows nothing of curves
//! and files.

use super::{BurstsView, K_MAX};
use crate::trace::model::access::Kind;
use crate::trace::model::refs::KIND_MASK;
use std::ops::Range;

/// A count for each distance, 1 to [`K_MAX`]; index 0 is unused.
pub type ByDistance = [u64; K_MAX + 1];

/// Distance histograms inside bursts: what an LRU curve needs of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    /// References at each distance. The first reference of a page in a burst has none and is not
    /// counted.
    pub distances: ByDistance,
    /// Writes of pages that the burst wrote before, by the largest distance since that write.
    pub rewrites: ByDistance,
    /// For each listed page of each burst, as in [`Columns::pages`](super::Columns::pages).
    pub edges: Vec<Edges>,
}

/// Largest distances of a page in a burst.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Edges {
    /// Largest distance up to and including the first write; over all references if the burst does
    /// not write the page. 0 if none of them has a distance.
    pub before: u8,
    /// Largest distance after the last write; 0 if there is no reference.
    pub behind: u8,
}

impl Default for Within {
    fn default() -> Within {
        Within {
            distances: [0; K_MAX + 1],
            rewrites: [0; K_MAX + 1],
            edges: Vec::new(),
        }
    }
}

impl Within {
    /// Returns the distances within the bursts `bursts` of `view`.
    pub fn of(view: BurstsView<'_>, bursts: Range<usize>) -> Within {
        let columns = view.columns;
        let mut within = Within::default();
        for burst in bursts {
            let raw = view.raw(columns.range(burst));
            within.burst(raw, &columns.places[columns.list(burst)]);
        }
        within
    }

    /// Appends `next`, the distances within the bursts that follow.
    pub fn append(&mut self, next: Within) {
        let add = |all: &mut ByDistance, next: ByDistance| {
            let pairs = all.iter_mut().zip(next);
            pairs.for_each(|(sum, more)| *sum += more);
        };
        add(&mut self.distances, next.distances);
        add(&mut self.rewrites, next.rewrites);
        self.edges.extend(next.edges);
    }

    /// Appends a burst: `raw` has its bytes, `places` the places that it lists.
    fn burst(&mut self, raw: &[u8], places: &[u8]) {
        let mut stack = Stack::new();
        // By place: the largest distance since the last write, and up to the first write.
        let (mut largest, mut before) = ([0u8; K_MAX], [0u8; K_MAX]);
        let mut written = 0u64;
        for &byte in raw {
            let place = usize::from(byte >> 2);
            let distance = stack.bring_to_front(byte >> 2);
            self.distances[usize::from(distance)] += u64::from(distance > 0);
            let most = largest[place].max(distance);
            largest[place] = most;
            if byte & KIND_MASK == Kind::Write as u8 {
                largest[place] = 0;
                if written >> place & 1 == 0 {
                    written |= 1 << place;
                    before[place] = most;
                } else {
                    self.rewrites[usize::from(most)] += 1;
                }
            }
        }
        self.edges.extend(places.iter().map(|&place| {
            let (before, largest) = (before[usize::from(place)], largest[usize::from(place)]);
            match written >> place & 1 {
                0 => Edges {
                    before: largest,
                    behind: 0,
                },
                _ => Edges {
                    before,
                    behind: largest,
                },
            }
        }));
    }
}

/// The places of a burst, most recently used first.
struct Stack([u8; K_MAX]);

impl Stack {
    /// Marks an unused entry.
    const NONE: u8 = u8::MAX;

    fn new() -> Stack {
        Stack([Stack::NONE; K_MAX])
    }

    /// Moves `place` to the front. Returns its distance, 0 if it was not in the stack.
    #[inline(always)]
    fn bring_to_front(&mut self, place: u8) -> u8 {
        // Half of all references are of the page used last.
        if self.0[0] == place {
            return 1;
        }
        let mut carried = place;
        for (slot, distance) in self.0.iter_mut().zip(1u8..) {
            std::mem::swap(slot, &mut carried);
            if carried == place {
                return distance;
            }
            if carried == Stack::NONE {
                break;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::bursts::Bursts;
    use crate::trace::generate::Rng;
    use crate::trace::model::refs::{Ref, pack, page_of};

    /// The distance of the reference at a position, of bytes of one burst, by its definition.
    fn distance(raw: &[u8], at: usize) -> Option<usize> {
        let page = |position: usize| raw[position] >> 2;
        let before = (0..at).rfind(|&position| page(position) == page(at))?;
        let mut between: Vec<u8> = (before + 1..at).map(page).collect();
        between.sort_unstable();
        between.dedup();
        Some(between.len() + 1)
    }

    #[test]
    fn distances_are_those_of_the_definition() {
        let mut rng = Rng::new(7);
        let mut next = |below: u32| rng.below(below.into()) as u32;
        for round in 0..100 {
            let (pages, length) = (1 + next(100), next(600) as usize);
            let hot = 1 + next(pages);
            let mut one = |_| {
                let page = if next(9) > 0 { next(hot) } else { next(pages) };
                pack(page, next(4) == 0)
            };
            let refs: Vec<Ref> = (0..length).map(&mut one).collect();
            let kinds: Vec<u8> = refs.iter().map(|r| 1 + (r & 1) as u8).collect();
            let bursts = Bursts::encode(&refs, &kinds);
            let view = bursts.of(K_MAX);
            let mut expected = Within::default();
            for burst in 0..view.columns.len() {
                let [from, to] = [0, 1].map(|i| view.columns.starts[burst + i] as usize);
                let raw = view.raw(from..to);
                let list = view.columns.list(burst);
                for listed in &view.columns.pages[list] {
                    let of_page =
                        (0..raw.len()).filter(|&at| page_of(refs[from + at]) == listed >> 1);
                    let mut edges = Edges::default();
                    let (mut most, mut written) = (0, false);
                    for at in of_page {
                        let distance = distance(raw, at).unwrap_or(0);
                        expected.distances[distance] += u64::from(distance > 0);
                        most = most.max(distance);
                        if kinds[from + at] == 2 {
                            match written {
                                false => edges.before = most as u8,
                                true => expected.rewrites[most] += 1,
                            }
                            (most, written) = (0, true);
                        }
                    }
                    *(match written {
                        true => &mut edges.behind,
                        false => &mut edges.before,
                    }) = most as u8;
                    expected.edges.push(edges);
                }
            }
            assert_eq!(*bursts.within(), expected, "round {round}");
        }
    }
}
