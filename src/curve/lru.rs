//! LRU at every number of frames in one pass: faults and write-backs.
//!
//! LRU is a stack algorithm: with C frames the C pages used last are resident (Mattson, Gecsei, Slutz
//! and Traiger, "Evaluation techniques for storage hierarchies", IBM Systems Journal 9(2), 1970). A
//! reference at distance d (1 is the top of the stack) hits with d frames or more. A page is dirty
//! with C frames if it was written and was not at a distance above C since. So if the largest
//! distance since its last write is m, and its next reference is at distance d, its eviction before
//! that reference is a write-back with m to d - 1 frames.
//!
//! The top 16 of the stack are an order of sixteen 4-bit numbers in one word. One reference in twenty
//! of a program goes beyond them, to [`Recency`], which holds the other pages. The counts are exact.
//!
//! Deliberately absent: which sizes are wanted, traces, files.

use super::stack_distance::Recency;
use crate::simd::SimdLevel;
use crate::simd::compile_wide;
use crate::simd::compile_wide::Work;
use crate::simd::prefetch::prefetch;
use crate::trace::bursts::reuse_distances::{ByDistance, Within};
use crate::trace::model::refs::{Ref, page_of};
use crate::units::PageId;

/// Pages in the word.
const FRONT: usize = 16;
/// Sixteen 4-bit numbers, each 1. Multiplied by n, each is n.
const ONES: u64 = 0x1111_1111_1111_1111;
/// The highest bit of every 4-bit number.
const UPPER: u64 = ONES << 3;
/// The numbers 0 to 15 in order, 0 in the lowest place.
const IN_ORDER: u64 = 0xfedc_ba98_7654_3210;

/// [`Place::slot`] of a page in the front: this plus its number there.
const IN_FRONT: u32 = 0xffff_ffe0;
/// [`Place::slot`] of a page that was not referenced yet.
pub(super) const UNSEEN: u32 = u32::MAX;
/// References per piece: few enough for tallies of 32 bits.
const PIECE: usize = 1 << 31;
/// With more pages than this their places outgrow the second-level cache, and are prefetched.
const FAR_PAGES: usize = 1 << 16;
/// How many references ahead the window of a page is prefetched; its place, twice as many.
const PREFETCH_DISTANCE: usize = 12;
/// [`Place::farthest`] of a page that was not written.
pub(super) const CLEAN: u32 = u32::MAX;

/// The state of a page.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Its slot in [`Recency`], [`IN_FRONT`] plus a number, or [`UNSEEN`].
    pub slot: u32,
    /// The largest distance since its last write, at least 1; [`CLEAN`] if it was not written.
    pub farthest: u32,
}

/// The LRU stack and its tallies.
struct Stack {
    places: Vec<Place>,
    /// The numbers of the pages in the front, that of the most recent page in the lowest place.
    order: u64,
    /// The page of each number; `None` while there are fewer than sixteen pages.
    front: [Option<PageId>; FRONT],
    rest: Recency,
    /// By distance. At most 2^32 - 1 references are tallied here before they go to `totals`.
    tallies: Vec<DistanceTally>,
    totals: Totals,
    first_uses: Vec<u64>,
}

/// The tallies of one distance, side by side since most references change both.
#[derive(Clone, Copy, Default)]
pub(super) struct DistanceTally {
    /// References at this distance.
    pub at: u32,
    /// Interval starts. A reference at distance d wrote its page back with m ≤ frames < d. This counts
    /// the m's (m = d: never), `at` counts the d's. See [`Totals::curve`].
    pub dirty_from: u32,
}

/// The tallies of a whole trace by distance: `at` and `dirty_from` of [`DistanceTally`].
pub(super) struct Totals(Vec<(u64, u64)>);

/// The counts of LRU at every number of frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LruCurve {
    /// The counts are valid from `least` frames on, and with as many frames as there are pages.
    pub least: usize,
    /// `faults[n]`: faults with `n` frames, from 0 to the number of pages.
    pub faults: Vec<u64>,
    /// `write_backs[n]`: dirty victims with `n` frames; 0 with no frame, where no page is loaded.
    pub write_backs: Vec<u64>,
    /// The positions of the first references of pages, ascending.
    pub first_uses: Vec<u64>,
}

/// Counts the faults and write-backs of references to pages below `pages`.
pub fn lru(refs: &[Ref], pages: usize) -> LruCurve {
    lru_at(SimdLevel::best(), refs, pages)
}

/// [`lru`] as compiled for a level of the processor.
fn lru_at(level: SimdLevel, refs: &[Ref], pages: usize) -> LruCurve {
    let mut stack = Stack::new(pages);
    for (refs, start) in refs.chunks(PIECE).zip((0..).step_by(PIECE)) {
        let stack = &mut stack;
        compile_wide::run(level, Piece { stack, refs, start });
    }
    stack.curve()
}

/// At most [`PIECE`] references, the first of which is at position `start`.
struct Piece<'a> {
    stack: &'a mut Stack,
    refs: &'a [Ref],
    start: u64,
}

impl Work for Piece<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        // Prefetching costs a tenth where everything is in a near cache.
        if self.stack.places.len() > FAR_PAGES {
            self.stack.run::<true>(self.refs, self.start)
        } else {
            self.stack.run::<false>(self.refs, self.start)
        }
    }
}

impl Stack {
    fn new(pages: usize) -> Stack {
        let unseen = Place {
            slot: UNSEEN,
            farthest: CLEAN,
        };
        Stack {
            places: vec![unseen; pages],
            order: IN_ORDER,
            front: [None; FRONT],
            rest: Recency::new(pages, 1),
            tallies: vec![DistanceTally::default(); pages + 1],
            totals: Totals::new(pages),
            first_uses: Vec::new(),
        }
    }

    /// See [`Piece`].
    #[inline(always)]
    fn run<const PREFETCH: bool>(&mut self, refs: &[Ref], start: u64) {
        // Tallies of the front by distance less one: local, so that they stay in the nearest cache.
        let (mut near, mut near_from) = ([0u64; FRONT], [0u64; FRONT]);
        // The compiler keeps a local word in a register.
        let mut order = self.order;
        for (time, &reference) in refs.iter().enumerate() {
            if PREFETCH {
                self.prefetch(refs, time);
            }
            let page = page_of(reference);
            let place = &mut self.places[page as usize];
            let farthest = place.farthest;
            let wrote = reference & 1 != 0;
            let number = place.slot ^ IN_FRONT;
            if (number as usize) < FRONT {
                let above = to_top(&mut order, number);
                let distance = above + 1;
                near[above as usize % FRONT] += 1;
                near_from[(farthest.min(distance) - 1) as usize % FRONT] += 1;
                place.farthest = if wrote { 1 } else { farthest.max(distance) };
            } else {
                self.order = order;
                let distance = self.bring_to_front(page, start + time as u64);
                order = self.order;
                if let Some(distance) = distance {
                    self.tallies[distance as usize].at += 1;
                    self.tallies[farthest.min(distance) as usize].dirty_from += 1;
                }
                let longest = farthest.max(distance.unwrap_or(CLEAN));
                self.places[page as usize].farthest = if wrote { 1 } else { longest };
            }
        }
        self.order = order;
        let front = self.totals.0.iter_mut().skip(1);
        for (total, count) in front.zip(near.into_iter().zip(near_from)) {
            *total = (total.0 + count.0, total.1 + count.1);
        }
        self.totals.add(&mut self.tallies);
    }

    /// Prefetches the place of a later page and the window of a sooner one, whose place is loaded by
    /// now.
    #[inline(always)]
    fn prefetch(&self, refs: &[Ref], time: usize) {
        if let Some(&later) = refs.get(time + 2 * PREFETCH_DISTANCE) {
            prefetch(&self.places, page_of(later) as usize);
        }
        if let Some(&soon) = refs.get(time + PREFETCH_DISTANCE) {
            let slot = self.places[page_of(soon) as usize].slot;
            if slot < IN_FRONT {
                self.rest.prefetch(slot);
            }
        }
    }

    /// Makes `page`, which is not in the front, the most recent one. Returns its distance; `None` at
    /// its first reference.
    #[inline(always)]
    fn bring_to_front(&mut self, page: PageId, time: u64) -> Option<u32> {
        let slot = self.places[page as usize].slot;
        let distance = if slot == UNSEEN {
            self.first_uses.push(time);
            None
        } else {
            Some(FRONT as u32 + self.rest.take(slot) + 1)
        };
        let number = (self.order >> 60) as u32;
        self.order = self.order << 4 | u64::from(number);
        let fell_out = self.front[number as usize].replace(page);
        self.places[page as usize].slot = IN_FRONT | number;
        if let Some(other) = fell_out {
            if !self.rest.has_room(1) {
                let places = &mut self.places;
                self.rest
                    .renumber(|page, slot| places[page as usize].slot = slot);
            }
            self.places[other as usize].slot = self.rest.push(other);
        }
        distance
    }

    /// Returns the curve of the references so far.
    fn curve(self) -> LruCurve {
        let farthest = self.stack().map(|page| self.places[page as usize].farthest);
        let farthest: Vec<u32> = farthest.collect();
        self.totals.curve(1, self.first_uses, farthest.into_iter())
    }

    /// Returns the pages, the most recent first.
    fn stack(&self) -> impl Iterator<Item = PageId> + '_ {
        let numbers = (0..FRONT).map(|place| (self.order >> (4 * place)) as usize % FRONT);
        let front = numbers.filter_map(|number| self.front[number]);
        front.chain(self.rest.pages())
    }
}

impl Totals {
    /// Returns empty tallies for distances up to the number of pages.
    pub fn new(pages: usize) -> Totals {
        Totals(vec![(0, 0); pages + 1])
    }

    /// Adds `tallies` and clears them.
    pub fn add(&mut self, tallies: &mut [DistanceTally]) {
        for (total, tally) in self.0.iter_mut().zip(tallies) {
            let tally = std::mem::take(tally);
            *total = (
                total.0 + u64::from(tally.at),
                total.1 + u64::from(tally.dirty_from),
            );
        }
    }

    /// Adds the references within bursts. `replaced` counts those whose start of an interval was
    /// already tallied, at a lesser distance.
    pub fn add_within(&mut self, within: &Within, replaced: &ByDistance) {
        // No distance is greater than the number of pages.
        for (distance, total) in self.0.iter_mut().enumerate().take(replaced.len()).skip(1) {
            let at = within.distances[distance];
            total.0 += at;
            total.1 += at - within.rewrites[distance] - replaced[distance];
        }
        if let Some(least) = self.0.get_mut(1) {
            least.1 += within.rewrites[1..].iter().sum::<u64>();
        }
    }

    /// Returns the curve, valid from `least` frames on. `farthest` gives [`Place::farthest`] of each
    /// page at the end of the trace, the page used last first.
    pub fn curve(
        self,
        least: usize,
        first_uses: Vec<u64>,
        farthest: impl Iterator<Item = u32>,
    ) -> LruCurve {
        let Totals(mut totals) = self;
        let pages = first_uses.len();
        let mut left = pages as u64 + totals.iter().map(|total| total.0).sum::<u64>();
        let faults = totals[..=pages].iter().map(|total| {
            left -= total.0;
            left
        });
        let faults = faults.collect();
        // A reference at distance d is an interval of write-backs, from m to d - 1 frames. With C
        // frames count those that began at C or below and have not ended. Pages at the end of the
        // trace open an interval that ends at their distance: with more frames they stay.
        for (farthest, distance) in farthest.zip(1u32..) {
            totals[farthest.min(distance) as usize].1 += 1;
            totals[distance as usize].0 += 1;
        }
        let mut open = 0;
        let write_backs = totals[..=pages].iter().map(|&(end, begin)| {
            open = open + begin - end;
            open
        });
        LruCurve {
            least,
            faults,
            write_backs: write_backs.collect(),
            first_uses,
        }
    }
}

/// Moves `number` to the lowest place of an order of sixteen. Returns how many numbers were below it.
#[inline(always)]
fn to_top(order: &mut u64, number: u32) -> u32 {
    // The place of `number` is 0 in `other`. Subtracting 1 from every place sets the upper bit of
    // that place, and perhaps of higher ones, but of no lower one.
    let other = *order ^ (u64::from(number).wrapping_mul(ONES));
    let found = other.wrapping_sub(ONES) & !other & UPPER;
    let up_to = found ^ found.wrapping_sub(1);
    let moved = *order << 4 | u64::from(number);
    *order ^= (*order ^ moved) & up_to;
    found.trailing_zeros() / 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::lcg::Lcg;

    #[test]
    fn an_order_in_a_word_is_a_list() {
        let mut order = IN_ORDER;
        let mut list: Vec<u32> = (0..16).collect();
        let mut numbers = Lcg::new(1);
        for _ in 0..10_000 {
            let number = (numbers.next() >> 60) as u32;
            let place = list.iter().position(|n| *n == number).unwrap();
            assert_eq!(to_top(&mut order, number), place as u32);
            list.remove(place);
            list.insert(0, number);
        }
    }

    #[test]
    fn every_level_of_the_processor_counts_the_same() {
        let mut numbers = Lcg::new(5);
        // Few pages, and enough for prefetching.
        for pages in [40, 3000, FAR_PAGES as u64 + 2] {
            let mut next = |below: u64| numbers.below(below);
            let refs: Vec<Ref> = (0..300_000)
                .map(|_| ((next(pages).min(next(pages)) as u32) << 1) | next(2) as u32)
                .collect();
            let plain = lru_at(SimdLevel::Portable, &refs, pages as usize);
            for level in SimdLevel::available() {
                assert_eq!(lru_at(level, &refs, pages as usize), plain, "{level:?}");
            }
        }
    }
}
