//! What happens between two references of a page within one burst, as far as LRU curves need it: how
//! many pages were used in between. It depends on the burst alone, so it is worked out once and
//! stored with the trace; a curve then looks at no single reference.
//!
//! The *distance* of a reference is 1 plus the number of other pages referenced since the last
//! reference of its page: what it needs of frames to be a hit. Knows nothing of curves and files.

use super::bursts::{Columns, K_MAX};
use super::dense::KIND_MASK;
use super::record::Kind;

/// A number for each distance; 0 stands for none.
pub type ByDistance = [u64; K_MAX + 1];

/// What is told of bursts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    /// References at each distance; the first of each page in each burst is none of them.
    pub distances: ByDistance,
    /// Writes of pages that were written before in the burst, by the largest distance of the
    /// references since.
    pub rewrites: ByDistance,
    /// For each listed page of each burst, as in [`Columns::pages`](super::bursts::Columns::pages).
    pub edges: Vec<Edges>,
}

/// The largest distances of a page in a burst; 0 where there is no reference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Edges {
    /// Up to its first write, that included; of all references if it is not written.
    pub before: u8,
    /// Behind its last write.
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
    /// Of all bursts of a block with these bytes; the end of the last need not be among the columns.
    pub fn of(columns: &Columns, raw: &[u8]) -> Within {
        let mut within = Within::default();
        let (starts, offsets) = (&columns.starts, &columns.offsets);
        let base = starts.first().copied().unwrap_or(0);
        for (burst, (start, list)) in starts.iter().zip(offsets).enumerate() {
            let end = starts
                .get(burst + 1)
                .map_or(raw.len(), |end| (end - base) as usize);
            let list_end = offsets
                .get(burst + 1)
                .copied()
                .unwrap_or(columns.places.len());
            within.burst(
                &raw[(start - base) as usize..end],
                &columns.places[*list..list_end],
            );
        }
        within
    }

    /// Takes what is told of the bursts that follow.
    pub fn append(&mut self, next: Within) {
        let add = |all: &mut ByDistance, next: ByDistance| {
            let pairs = all.iter_mut().zip(next);
            pairs.for_each(|(sum, more)| *sum += more);
        };
        add(&mut self.distances, next.distances);
        add(&mut self.rewrites, next.rewrites);
        self.edges.extend(next.edges);
    }

    /// Takes a burst with these bytes, which lists these places.
    pub fn burst(&mut self, raw: &[u8], places: &[u8]) {
        let mut stack = Stack::new();
        // By place: the largest distance since the last write, and up to the first.
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

/// The places of a burst, the one used last in front.
struct Stack([u8; K_MAX]);

impl Stack {
    /// No place.
    const NONE: u8 = u8::MAX;

    fn new() -> Stack {
        Stack([Stack::NONE; K_MAX])
    }

    /// Moves a place to the front; gives its distance, 0 if it was not there.
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
    use crate::trace::dense::{Dictionary, PageKey, Ref, pack, page_of};

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
        let mut state = 7u64;
        let mut next = |below: u32| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u32 % below
        };
        for round in 0..100 {
            let (pages, length) = (1 + next(100), next(600) as usize);
            let hot = 1 + next(pages);
            let mut one = |_| {
                let page = if next(9) > 0 { next(hot) } else { next(pages) };
                pack(page, next(4) == 0)
            };
            let refs: Vec<Ref> = (0..length).map(&mut one).collect();
            let kinds: Vec<u8> = refs.iter().map(|r| 1 + (r & 1) as u8).collect();
            let key = |number| PageKey { process: 0, number };
            let dictionary = Dictionary {
                pids: vec![0],
                pages: (0..u64::from(pages)).map(key).collect(),
            };
            let bursts = Bursts::new(&refs, &kinds, &dictionary, std::iter::empty());
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
