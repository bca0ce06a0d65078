//! The inner loops that are worth the processor's wide registers: each in a portable form and in
//! forms for what the processor at hand can do, chosen when the program runs, all with one result.
//! The only `unsafe` besides that of file mappings is in this folder.
//!
//! Knows bytes and tables, not what they mean.

#![expect(
    unsafe_code,
    reason = "wide registers are loaded through pointers, and functions for them are called after asking"
)]

pub mod lacking;
pub mod later;
pub mod lines;
pub mod prefetch;
pub mod scan;
pub mod wide;

/// What the processor can do, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing is assumed.
    Portable,
    /// x86-64 with AVX2.
    Avx2,
    /// x86-64 with AVX-512 and its byte permutations (VBMI).
    Avx512,
}

impl Level {
    /// Every level that this processor has, [`Level::Portable`] first.
    pub fn available() -> impl Iterator<Item = Level> {
        [Level::Portable, Level::Avx2, Level::Avx512]
            .into_iter()
            .filter(|&level| level <= Level::best())
    }

    /// The highest one that this processor has.
    pub fn best() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2");
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vbmi");
            match (avx2, wide) {
                (true, true) => return Level::Avx512,
                (true, false) => return Level::Avx2,
                _ => {}
            }
        }
        Level::Portable
    }
}
