//! Looks up many elements of a list at a time in a table of bytes: which bits do their bytes lack?

use super::SimdLevel;

/// Bytes of a table after the last one that an element may select: a lookup loads four bytes.
pub const PADDING: usize = 3;

/// Bits required of every element (`all`), and additional bits required of odd ones (`odd`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Bits required of every element.
    pub all: u8,
    /// Additional bits required of odd elements.
    pub odd: u8,
}

/// Returns every bit that some element needs and its table byte lacks. Element `e` selects
/// `table[e / 2]`. The last [`PADDING`] bytes of the table must not be selected.
///
/// Panics if an element selects a byte that the table does not have.
pub type Lacking = fn(&[u8], &[u32], Needs) -> u8;

/// Returns the form of [`portable`] for `level`.
///
/// # Panics
/// If the processor does not have it.
pub fn lacking(level: SimdLevel) -> Lacking {
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
pub fn portable(table: &[u8], list: &[u32], needs: Needs) -> u8 {
    list.iter().fold(0, |lacks, &element| {
        let need = needs.all | ((element as u8 & 1) * needs.odd);
        lacks | need & !table[(element >> 1) as usize]
    })
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Needs, PADDING, portable};
    use std::arch::x86_64::*;

    /// Returns the number of bytes that a lookup of four bytes can select.
    fn limit(table: &[u8]) -> u32 {
        u32::try_from(table.len().saturating_sub(PADDING)).unwrap_or(1 << 31)
    }

    /// Returned by [`super::lacking`] only, if the processor has the features.
    pub fn avx512(table: &[u8], list: &[u32], needs: Needs) -> u8 {
        // SAFETY: the processor has the features, as said above.
        match unsafe { avx512_inner(table, list, needs) } {
            Some(lacks) => lacks,
            None => portable(table, list, needs),
        }
    }

    /// Returns `None` if an element selects a byte at or above the limit.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn avx512_inner(table: &[u8], list: &[u32], needs: Needs) -> Option<u8> {
        let limit = _mm512_set1_epi32(limit(table) as i32);
        let all = _mm512_set1_epi32(i32::from(needs.all));
        let odd = _mm512_set1_epi32(i32::from(needs.all | needs.odd));
        let one = _mm512_set1_epi32(1);
        let (mut lacks, mut outside) = (_mm512_setzero_si512(), 0);
        for chunk in list.chunks(16) {
            let there = ((1u32 << chunk.len()) - 1) as u16;
            // SAFETY: only elements of the chunk are read, which has 16 at most.
            let elements = unsafe { _mm512_maskz_loadu_epi32(there, chunk.as_ptr().cast()) };
            let at = _mm512_srli_epi32::<1>(elements);
            let inside = _mm512_mask_cmplt_epu32_mask(there, at, limit);
            outside |= there & !inside;
            let full = _mm512_set1_epi32(-1);
            // SAFETY: only bytes below the limit are loaded, and the table has the three bytes after
            // each of them; indices are below 2^31, so none is negative.
            let bytes = unsafe {
                _mm512_mask_i32gather_epi32::<1>(full, inside, at, table.as_ptr().cast())
            };
            let need = _mm512_mask_mov_epi32(all, _mm512_test_epi32_mask(elements, one), odd);
            lacks = _mm512_or_si512(lacks, _mm512_andnot_si512(bytes, need));
        }
        (outside == 0).then(|| _mm512_reduce_or_epi32(lacks) as u8)
    }

    /// Returned by [`super::lacking`] only, if the processor has the features.
    pub fn avx2(table: &[u8], list: &[u32], needs: Needs) -> u8 {
        let (wide, rest) = list.split_at(list.len() & !7);
        // SAFETY: the processor has the feature, as said above.
        match unsafe { avx2_inner(table, wide, needs) } {
            Some(lacks) => lacks | portable(table, rest, needs),
            None => portable(table, list, needs),
        }
    }

    /// Returns `None` if an element selects a byte at or above the limit.
    #[target_feature(enable = "avx2")]
    fn avx2_inner(table: &[u8], list: &[u32], needs: Needs) -> Option<u8> {
        // Indices are below 2^31, so a signed comparison works.
        let last = _mm256_set1_epi32(limit(table).wrapping_sub(1) as i32);
        let all = _mm256_set1_epi32(i32::from(needs.all));
        let odd = _mm256_set1_epi32(i32::from(needs.odd));
        let (one, zero) = (_mm256_set1_epi32(1), _mm256_setzero_si256());
        let (mut lacks, mut outside) = (zero, zero);
        for chunk in list.chunks_exact(8) {
            // SAFETY: 8 elements are read from a chunk of 8.
            let elements = unsafe { _mm256_loadu_si256(chunk.as_ptr().cast()) };
            let at = _mm256_srli_epi32::<1>(elements);
            let out = _mm256_cmpgt_epi32(at, last);
            outside = _mm256_or_si256(outside, out);
            let inside = _mm256_cmpeq_epi32(out, zero);
            // SAFETY: only bytes below the limit are loaded, and the table has the three bytes after
            // each of them.
            let bytes = unsafe {
                _mm256_mask_i32gather_epi32::<1>(zero, table.as_ptr().cast(), at, inside)
            };
            let is_odd = _mm256_cmpeq_epi32(_mm256_and_si256(elements, one), one);
            let need = _mm256_or_si256(all, _mm256_and_si256(is_odd, odd));
            lacks = _mm256_or_si256(lacks, _mm256_andnot_si256(bytes, need));
        }
        if _mm256_testz_si256(outside, outside) == 0 {
            return None;
        }
        let halves = _mm_or_si128(
            _mm256_castsi256_si128(lacks),
            _mm256_extracti128_si256::<1>(lacks),
        );
        let quarters = _mm_or_si128(halves, _mm_srli_si128::<8>(halves));
        let eighths = _mm_or_si128(quarters, _mm_srli_si128::<4>(quarters));
        Some(_mm_cvtsi128_si32(eighths) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::lcg::Lcg;

    /// Every form gives the same bits for lists of any length in tables of any size.
    #[test]
    fn all_forms_agree() {
        let mut numbers = Lcg::new(1);
        let mut next = || (numbers.next() >> 33) as u32;
        for round in 0..3000 {
            let entries = 1 + next() % 200;
            let rarity = 1 + round % 60;
            let length = entries as usize + PADDING;
            let table: Vec<u8> = (0..length)
                .map(|_| match next() % rarity {
                    0 => next() as u8,
                    _ => 7,
                })
                .collect();
            let list: Vec<u32> = (0..next() % 65).map(|_| next() % (2 * entries)).collect();
            let needs = Needs { all: 3, odd: 4 };
            let expected = portable(&table, &list, needs);
            for level in SimdLevel::available() {
                assert_eq!(lacking(level)(&table, &list, needs), expected, "{level:?}");
            }
        }
    }

    /// An element outside of the table panics.
    #[test]
    fn elements_outside_stop_the_program() {
        for level in SimdLevel::available() {
            for element in [20, 21, u32::MAX] {
                let look = || {
                    lacking(level)(
                        &[7; 10],
                        &[0, element, 2, 3, 4, 5, 6, 7],
                        Needs { all: 1, odd: 0 },
                    )
                };
                assert!(
                    std::panic::catch_unwind(look).is_err(),
                    "{level:?} {element}"
                );
            }
            assert_eq!(lacking(level)(&[], &[], Needs { all: 1, odd: 0 }), 0);
        }
    }
}
