//! Up to 64 memories of different sizes side by side: each a ring of frames with a hand, all in
//! one array. Knows neither policies nor what a lane's bit means.

use crate::units::PageId;

/// The most memories of one pass: the number of bits of a word.
pub const LANES: usize = 64;

/// With more pages than this their words outgrow the second-level cache, and engines prefetch them.
pub const FAR_PAGES: usize = 1 << 16;
/// How many references ahead the word of a page is prefetched.
pub const PREFETCH_DISTANCE: usize = 24;

/// One memory: its part of the array, and its hand, an index into the array.
#[derive(Clone, Copy, Default)]
struct Lane {
    from: usize,
    end: usize,
    hand: usize,
}

/// The rings. An empty frame holds the page `no_page`, which is never referenced.
pub struct Rings {
    frames: Vec<PageId>,
    /// Always [`LANES`] of them, so that an index modulo `LANES` needs no bounds check.
    lanes: [Lane; LANES],
    count: usize,
}

impl Rings {
    /// Returns empty memories of `sizes` frames, each at least 1, for pages below `no_page`. Each
    /// gets at most `no_page` frames: more are never used.
    ///
    /// # Panics
    /// With more than [`LANES`] sizes.
    pub fn new(sizes: &[u64], no_page: PageId) -> Rings {
        assert!(sizes.len() <= LANES, "{} sizes in one pass", sizes.len());
        let mut end = 0;
        let lane = |&size: &u64| {
            let from = end;
            end += size.clamp(1, u64::from(no_page).max(1)) as usize;
            Lane {
                from,
                end,
                hand: from,
            }
        };
        let mut lanes = [Lane::default(); LANES];
        for (slot, lane) in lanes.iter_mut().zip(sizes.iter().map(lane)) {
            *slot = lane;
        }
        Rings {
            frames: vec![no_page; end],
            lanes,
            count: sizes.len(),
        }
    }

    /// Returns a word with a bit for each memory.
    pub fn all(&self) -> u64 {
        match self.count {
            0 => 0,
            lanes => u64::MAX >> (LANES - lanes),
        }
    }

    /// Returns the page in the frame at the hand.
    #[inline(always)]
    pub fn at_hand(&self, lane: usize) -> PageId {
        self.frames[self.lanes[lane % LANES].hand]
    }

    /// Moves the hand to the next frame.
    #[inline(always)]
    pub fn advance(&mut self, lane: usize) {
        let lane = &mut self.lanes[lane % LANES];
        lane.hand += 1;
        if lane.hand == lane.end {
            lane.hand = lane.from;
        }
    }

    /// Puts `page` into the frame at the hand and moves the hand to the next frame.
    #[inline(always)]
    pub fn replace(&mut self, lane: usize, page: PageId) {
        self.frames[self.lanes[lane % LANES].hand] = page;
        self.advance(lane);
    }
}
