//! Pseudo-random numbers for unit tests.

/// A linear congruential generator with the multiplier of Knuth's MMIX.
pub struct Lcg(u64);

impl Lcg {
    /// Starts with a seed.
    pub fn new(seed: u64) -> Lcg {
        Lcg(seed)
    }

    /// Returns the next number. Its upper bits are the most random ones.
    pub fn next(&mut self) -> u64 {
        self.0 = (self.0)
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.0
    }

    /// Returns a number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 33) % bound
    }
}
