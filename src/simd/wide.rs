//! Runs a piece of plain code as the compiler makes it for a processor with wide registers and bit
//! counting instructions. The code is the same: so is the result.

use super::Level;

/// A piece of code. Its `run` must be `#[inline(always)]`, and what it calls, too, as far as it is
/// to profit.
pub trait Work {
    /// What comes of it.
    type Output;
    /// Does it.
    fn run(self) -> Self::Output;
}

/// Does the work as made for a level, or plainly if the processor lacks it.
pub fn run<W: Work>(level: Level, work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if level >= Level::Avx2 && x86::is_there() {
        return x86::run(work);
    }
    let _ = level;
    work.run()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    #![expect(
        unsafe_code,
        reason = "the compiler does not know the processor at hand"
    )]

    use super::Work;

    pub fn is_there() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
    }

    /// Only to be called where [`is_there`] says so.
    pub fn run<W: Work>(work: W) -> W::Output {
        // SAFETY: the processor has the features: the only caller has looked.
        unsafe { inner(work) }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn inner<W: Work>(work: W) -> W::Output {
        work.run()
    }
}
