//! Runs plain code as the compiler translates it for a processor with wide registers and bit-counting
//! instructions. The code is the same, so the result is.

use super::SimdLevel;

/// A piece of code. Its `run` must be `#[inline(always)]`, and so must every function that it calls
/// and that is to gain.
pub trait Work {
    /// The type of the result.
    type Output;
    /// Does the work.
    fn run(self) -> Self::Output;
}

/// Does the work as compiled for `level`.
///
/// # Panics
/// If the processor does not have the level.
pub fn run<W: Work>(level: SimdLevel, work: W) -> W::Output {
    assert!(level <= SimdLevel::best(), "{level:?} on this processor");
    #[cfg(target_arch = "x86_64")]
    if level >= SimdLevel::Avx2 {
        // SAFETY: the processor has the features of its level.
        return unsafe { x86::run(work) };
    }
    work.run()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Work;

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    pub fn run<W: Work>(work: W) -> W::Output {
        work.run()
    }
}
