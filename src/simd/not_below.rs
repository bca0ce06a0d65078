//! Compares 64 numbers at a time with a bound.

use super::SimdLevel;

/// Returns a bit for each of the first 64 numbers that is not below the bound.
pub type NotBelow = fn(&[u32], u32) -> u64;

/// Returns the form of [`portable`] for `level`.
///
/// # Panics
/// If the processor does not have it.
pub fn not_below(level: SimdLevel) -> NotBelow {
    assert!(level <= SimdLevel::best(), "{level:?} on this processor");
    match level {
        #[cfg(target_arch = "x86_64")]
        SimdLevel::Avx512 | SimdLevel::Avx512Vbmi => x86::avx512,
        #[cfg(target_arch = "x86_64")]
        SimdLevel::Avx2 => x86::avx2,
        _ => portable,
    }
}

/// The portable form.
pub fn portable(numbers: &[u32], bound: u32) -> u64 {
    let numbers = numbers.iter().take(64).enumerate();
    numbers.fold(0, |bits, (at, &number)| {
        bits | u64::from(number >= bound) << at
    })
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::portable;
    use std::arch::x86_64::*;

    /// Returned by [`super::not_below`] only, if the processor has the features.
    pub fn avx512(numbers: &[u32], bound: u32) -> u64 {
        // SAFETY: the processor has the features, as said above.
        unsafe { avx512_inner(numbers, bound) }
    }

    #[target_feature(enable = "avx512f")]
    fn avx512_inner(numbers: &[u32], bound: u32) -> u64 {
        let bound = _mm512_set1_epi32(bound as i32);
        let (mut bits, mut at) = (0, 0);
        for chunk in numbers.chunks(16).take(4) {
            let there = ((1u32 << chunk.len()) - 1) as u16;
            // SAFETY: only numbers of the chunk are read, which has 16 at most.
            let chunk = unsafe { _mm512_maskz_loadu_epi32(there, chunk.as_ptr().cast()) };
            bits |= u64::from(_mm512_mask_cmpge_epu32_mask(there, chunk, bound)) << at;
            at += 16;
        }
        bits
    }

    /// Returned by [`super::not_below`] only, if the processor has the features.
    pub fn avx2(numbers: &[u32], bound: u32) -> u64 {
        // SAFETY: the processor has the feature, as said above.
        unsafe { avx2_inner(numbers, bound) }
    }

    #[target_feature(enable = "avx2")]
    fn avx2_inner(numbers: &[u32], bound: u32) -> u64 {
        let numbers = &numbers[..numbers.len().min(64)];
        let least = _mm256_set1_epi32(bound as i32);
        let (mut bits, mut at) = (0, 0);
        let mut chunks = numbers.chunks_exact(8);
        for chunk in &mut chunks {
            // SAFETY: 8 numbers are read from a chunk of 8.
            let chunk = unsafe { _mm256_loadu_si256(chunk.as_ptr().cast()) };
            let is = _mm256_cmpeq_epi32(_mm256_max_epu32(chunk, least), chunk);
            bits |= u64::from(_mm256_movemask_ps(_mm256_castsi256_ps(is)) as u8) << at;
            at += 8;
        }
        match chunks.remainder() {
            [] => bits,
            rest => bits | portable(rest, bound) << at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::lcg::Lcg;

    /// Every form gives the same bits for strings of any length and any bound.
    #[test]
    fn all_forms_agree() {
        let mut numbers = Lcg::new(1);
        for length in 0..100 {
            let mut next = || (numbers.next() >> 32) as u32;
            let numbers: Vec<u32> = (0..length)
                .map(|_| match next() & 3 {
                    0 => u32::MAX,
                    1 => 1 << 31,
                    _ => next(),
                })
                .collect();
            for bound in [0, 1, 1 << 30, 1 << 31, (1 << 31) + 1, u32::MAX] {
                let is = |at: usize| numbers.get(at).is_some_and(|&number| number >= bound);
                let expected = (0..64).fold(0, |bits, at| bits | u64::from(is(at)) << at);
                for level in SimdLevel::available() {
                    assert_eq!(not_below(level)(&numbers, bound), expected, "{level:?}");
                }
            }
        }
    }
}
