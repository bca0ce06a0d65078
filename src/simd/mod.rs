//! Inner loops that gain from wide registers. Each has a portable form and forms for what a processor
//! can do ([`SimdLevel`]); the program chooses one as it runs, and all have the same result. The only
//! `unsafe` besides that of file mappings is in this folder.
//!
//! Knows bytes and tables, not what they mean.

#![expect(
    unsafe_code,
    reason = "wide registers are loaded through pointers, and functions for a level are called after detecting it"
)]

pub mod burst_codec;
pub mod compile_wide;
pub mod hex_lines;
pub mod missing_bits;
pub mod not_below;
pub mod packed;
pub mod page_lookup;
pub mod prefetch;
pub mod scan;
pub mod text;

#[cfg(test)]
pub(crate) mod lcg;

use std::sync::OnceLock;

/// Returns the bytes of `words` if the processor is little-endian; `None` if the caller must convert
/// them one by one.
pub fn little_endian(words: &[u32]) -> Option<&[u8]> {
    if cfg!(target_endian = "big") {
        return None;
    }
    // SAFETY: the bytes are the same memory, and any byte is a valid `u8`.
    Some(unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) })
}

/// What the processor can do. Each level has the features of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SimdLevel {
    /// Nothing but what the compiler assumes anyway.
    Portable,
    /// AVX2, with the bit-counting instructions BMI1, BMI2, LZCNT and POPCNT.
    Avx2,
    /// AVX-512 with F, BW, DQ and VL.
    Avx512,
    /// AVX-512 with VBMI and VBMI2: permutations and compressions of bytes.
    Avx512Vbmi,
}

impl SimdLevel {
    /// Returns every level that this processor has, [`SimdLevel::Portable`] first.
    #[cfg(test)]
    pub fn available() -> impl Iterator<Item = SimdLevel> {
        [
            SimdLevel::Portable,
            SimdLevel::Avx2,
            SimdLevel::Avx512,
            SimdLevel::Avx512Vbmi,
        ]
        .into_iter()
        .filter(|&level| level <= SimdLevel::best())
    }

    /// Returns the highest level that this processor has. Cheap: detected once.
    #[inline]
    pub fn best() -> SimdLevel {
        static BEST: OnceLock<SimdLevel> = OnceLock::new();
        *BEST.get_or_init(SimdLevel::detect)
    }

    #[cfg(target_arch = "x86_64")]
    fn detect() -> SimdLevel {
        let avx2 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        let vbmi =
            is_x86_feature_detected!("avx512vbmi") && is_x86_feature_detected!("avx512vbmi2");
        match (avx2, avx512, vbmi) {
            (true, true, true) => SimdLevel::Avx512Vbmi,
            (true, true, false) => SimdLevel::Avx512,
            (true, false, _) => SimdLevel::Avx2,
            (false, ..) => SimdLevel::Portable,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn detect() -> SimdLevel {
        SimdLevel::Portable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stored_little_end_first() {
        let words = [0x0403_0201, u32::MAX, 7 << 24];
        let each: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        for part in 0..=words.len() {
            if let Some(bytes) = little_endian(&words[..part]) {
                assert_eq!(*bytes, each[..part * 4]);
            }
        }
    }
}
