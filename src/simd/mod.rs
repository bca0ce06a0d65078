//! The inner loops that are worth the processor's wide registers: each in a portable form and in
//! forms for what the processor at hand can do, chosen when the program runs, all with one result.
//! The only `unsafe` besides that of file mappings is in this folder.
//!
//! Knows bytes and tables, not what they mean.

#![expect(
    unsafe_code,
    reason = "wide registers are loaded through pointers, and functions for them are called after asking"
)]

pub mod burst;
pub mod lacking;
pub mod later;
pub mod lines;
pub mod pages;
pub mod prefetch;
pub mod scan;
pub mod wide;

/// The bytes of these numbers where the processor stores them little end first; `None` where it
/// does not, and they must be turned one by one.
pub fn little_endian(words: &[u32]) -> Option<&[u8]> {
    if cfg!(target_endian = "big") {
        return None;
    }
    // SAFETY: the same memory, which any bytes may be read from.
    Some(unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) })
}

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
