//! Whether anything is lacking in a table of bytes for the elements of a list: looks up many at a
//! time.

use super::Level;

/// Bytes behind the last one that can be named: elements are looked up four bytes wide.
pub const PADDING: usize = 3;

/// What every element must have, and what those that are odd must have besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// All.
    pub all: u8,
    /// Odd ones.
    pub odd: u8,
}

/// Gives the bits that some element needs and its byte in the table lacks. An element names the
/// byte of its half. The table has [`PADDING`] bytes more than can be named.
///
/// Panics if an element names a byte that the table does not have.
pub type Lacking = fn(&[u8], &[u32], Needs) -> u8;

/// The form of [`portable`] for a level that the processor has.
///
/// # Panics
/// If the processor does not have it.
pub fn lacking(level: Level) -> Lacking {
    assert!(level <= Level::best(), "{level:?} on this processor");
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => x86::avx512,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => x86::avx2,
        _ => portable,
    }
}

/// The plain form.
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

    /// How many elements can be looked up four bytes wide.
    fn limit(table: &[u8]) -> u32 {
        u32::try_from(table.len().saturating_sub(PADDING)).unwrap_or(1 << 31)
    }

    /// Only handed out by [`super::lacking`], which looks at the processor first.
    pub fn avx512(table: &[u8], list: &[u32], needs: Needs) -> u8 {
        // SAFETY: the processor has the features, see above.
        match unsafe { avx512_inner(table, list, needs) } {
            Some(lacks) => lacks,
            None => portable(table, list, needs),
        }
    }

    /// `None` if an element is too large to be looked up.
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
            // SAFETY: elements below the limit are followed by what is read with them, the others
            // are not read; as they are below 2^31, none is taken for negative.
            let bytes = unsafe {
                _mm512_mask_i32gather_epi32::<1>(full, inside, at, table.as_ptr().cast())
            };
            let need = _mm512_mask_mov_epi32(all, _mm512_test_epi32_mask(elements, one), odd);
            lacks = _mm512_or_si512(lacks, _mm512_andnot_si512(bytes, need));
        }
        (outside == 0).then(|| _mm512_reduce_or_epi32(lacks) as u8)
    }

    /// Only handed out by [`super::lacking`], which looks at the processor first.
    pub fn avx2(table: &[u8], list: &[u32], needs: Needs) -> u8 {
        let (wide, rest) = list.split_at(list.len() & !7);
        // SAFETY: the processor has the feature, see above.
        match unsafe { avx2_inner(table, wide, needs) } {
            Some(lacks) => lacks | portable(table, rest, needs),
            None => portable(table, list, needs),
        }
    }

    /// `None` if an element is too large to be looked up.
    #[target_feature(enable = "avx2")]
    fn avx2_inner(table: &[u8], list: &[u32], needs: Needs) -> Option<u8> {
        // Numbers are below 2^31 here: the comparison of signed ones will do.
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
            // SAFETY: elements below the limit are followed by what is read with them, the others
            // are not read.
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

    /// Every form gives the same bits for lists of any length in tables of any size.
    #[test]
    fn all_forms_agree() {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u32
        };
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
            for level in Level::available() {
                assert_eq!(lacking(level)(&table, &list, needs), expected, "{level:?}");
            }
        }
    }

    /// An element outside of the table is not looked up.
    #[test]
    fn elements_outside_stop_the_program() {
        for level in Level::available() {
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
