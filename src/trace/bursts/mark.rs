//! Where a page was listed last: for replays and curves that scan bursts.

use super::K_MAX;

/// The number of a scanned burst, times [`K_MAX`], plus a place in its list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mark(u64);

impl Mark {
    /// Returns the mark of `place`, below [`K_MAX`], in the burst with this number, below 2^58.
    #[inline(always)]
    pub fn new(burst: u64, place: u8) -> Mark {
        Mark(burst * K_MAX as u64 + u64::from(place))
    }

    /// Returns the number of the burst.
    #[inline(always)]
    pub fn burst(self) -> u64 {
        self.0 / K_MAX as u64
    }

    /// Returns the place in its list.
    #[inline(always)]
    pub fn place(self) -> u8 {
        (self.0 % K_MAX as u64) as u8
    }
}
