//! Up to 64 memories of different sizes side by side: each a ring of frames with a hand, all in
//! one array. Knows neither policies nor what a lane's bit means.

use crate::units::PageId;

/// Memories per pass: the bits of a word.
pub const LANES: usize = 64;

/// From so many pages on their words leave the second-level cache.
pub const FAR_PAGES: usize = 1 << 16;
/// How many references ahead the word of a page is asked for.
pub const AHEAD: usize = 24;

/// One memory: its part of the array.
#[derive(Clone, Copy, Default)]
struct Lane {
    from: usize,
    end: usize,
    hand: usize,
}

/// The rings. An empty frame holds the page `nobody`, which is never referenced.
pub struct Rings {
    frames: Vec<PageId>,
    /// As many as a word has bits, so that none needs to be looked for.
    lanes: [Lane; LANES],
    count: usize,
}

impl Rings {
    /// Of these sizes, each at least 1, for pages below `nobody`: more frames than that are never
    /// used.
    ///
    /// # Panics
    /// With more than [`LANES`] sizes.
    pub fn new(sizes: &[u64], nobody: PageId) -> Rings {
        assert!(sizes.len() <= LANES, "{} sizes in one pass", sizes.len());
        let mut end = 0;
        let lane = |&size: &u64| {
            let from = end;
            end += size.clamp(1, u64::from(nobody).max(1)) as usize;
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
            frames: vec![nobody; end],
            lanes,
            count: sizes.len(),
        }
    }

    /// A bit for each lane.
    pub fn all(&self) -> u64 {
        match self.count {
            0 => 0,
            lanes => u64::MAX >> (LANES - lanes),
        }
    }

    /// The page at the hand.
    #[inline(always)]
    pub fn at_hand(&self, lane: usize) -> PageId {
        self.frames[self.lanes[lane % LANES].hand]
    }

    /// The hand goes on.
    #[inline(always)]
    pub fn advance(&mut self, lane: usize) {
        let lane = &mut self.lanes[lane % LANES];
        lane.hand += 1;
        if lane.hand == lane.end {
            lane.hand = lane.from;
        }
    }

    /// The page at the hand is replaced, and the hand goes on.
    #[inline(always)]
    pub fn replace(&mut self, lane: usize, page: PageId) {
        self.frames[self.lanes[lane % LANES].hand] = page;
        self.advance(lane);
    }
}
