//! Up to 64 memories of different sizes side by side: each a ring of frames with a hand, all in
//! one array. Knows neither policies nor what a lane's bit means.

use crate::units::PageId;

/// Memories per pass: the bits of a word.
pub const LANES: usize = 64;

/// One memory: its part of the array.
#[derive(Clone, Copy)]
struct Lane {
    from: usize,
    end: usize,
    hand: usize,
}

/// The rings. An empty frame holds the page `nobody`, which is never referenced.
pub struct Rings {
    frames: Vec<PageId>,
    lanes: Vec<Lane>,
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
        let lanes = sizes.iter().map(lane).collect();
        Rings {
            frames: vec![nobody; end],
            lanes,
        }
    }

    /// A bit for each lane.
    pub fn all(&self) -> u64 {
        match self.lanes.len() {
            0 => 0,
            lanes => u64::MAX >> (LANES - lanes),
        }
    }

    /// The page at the hand.
    #[inline(always)]
    pub fn at_hand(&self, lane: usize) -> PageId {
        self.frames[self.lanes[lane].hand]
    }

    /// The hand goes on.
    #[inline(always)]
    pub fn advance(&mut self, lane: usize) {
        let lane = &mut self.lanes[lane];
        lane.hand += 1;
        if lane.hand == lane.end {
            lane.hand = lane.from;
        }
    }

    /// The page at the hand is replaced, and the hand goes on.
    #[inline(always)]
    pub fn replace(&mut self, lane: usize, page: PageId) {
        self.frames[self.lanes[lane].hand] = page;
        self.advance(lane);
    }
}
