//! Encodes references as bytes and decodes them, sixteen at a time: the inner loops of bursts. A byte
//! names a place in a list of at most 64 pages, and a kind. The caller does every reference that is
//! left over here; its loop over single references is the portable twin.
//!
//! A reference is a page id times two, plus one if it writes. A kind has its code in bits 0 and 1, of
//! which bit 1 says that it writes, and bit 2 says whether it continues the access before. A byte is
//! the place times four plus the code, or plus 3 if it continues. Knows nothing of where bursts end.

#[cfg(target_arch = "x86_64")]
use super::SimdLevel;

/// The most pages of a list.
pub const PAGES: usize = 64;

/// Writes the bytes of references to `raw`, in whole groups of sixteen, up to a group with a page that
/// is not marked with `burst`. A mark is the burst times 64 plus the place. Returns the number of
/// references encoded; 0 without AVX-512.
///
/// # Panics
/// If there are fewer kinds or bytes than references.
#[inline]
pub fn encode(refs: &[u32], kinds: &[u8], marks: &[u32], burst: u32, raw: &mut [u8]) -> usize {
    assert!(kinds.len() >= refs.len() && raw.len() >= refs.len());
    #[cfg(target_arch = "x86_64")]
    if refs.len() >= 16
        && marks.len() <= i32::MAX as usize
        && SimdLevel::best() >= SimdLevel::Avx512
    {
        // SAFETY: the processor has the features of its level.
        return unsafe { x86::encode(refs, kinds, marks, burst, raw) };
    }
    let _ = (marks, burst);
    0
}

/// Writes the references and kinds of `raw`, in whole groups of sixteen, up to a group with a byte that
/// continues an access or names a place of `u32::MAX` in `pages`. Returns the number of references
/// decoded; 0 without AVX-512.
///
/// # Panics
/// If there are fewer references or kinds than bytes.
#[inline]
pub fn decode(raw: &[u8], pages: &[u32; PAGES], refs: &mut [u32], kinds: &mut [u8]) -> usize {
    assert!(kinds.len() >= raw.len() && refs.len() >= raw.len());
    #[cfg(target_arch = "x86_64")]
    if raw.len() >= 16 && SimdLevel::best() >= SimdLevel::Avx512 {
        // SAFETY: the processor has the features of its level.
        return unsafe { x86::decode(raw, pages, refs, kinds) };
    }
    let _ = pages;
    0
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::PAGES;
    use std::arch::x86_64::*;

    /// See [`super::encode`].
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub fn encode(refs: &[u32], kinds: &[u8], marks: &[u32], burst: u32, raw: &mut [u8]) -> usize {
        let set = |n: u32| _mm512_set1_epi32(n as i32);
        let codes = kinds.chunks_exact(16).zip(raw.chunks_exact_mut(16));
        let mut done = 0;
        for (refs, (kinds, raw)) in refs.chunks_exact(16).zip(codes) {
            // SAFETY: 64 and 16 bytes are there.
            let (refs, kinds) = unsafe {
                (
                    _mm512_loadu_si512(refs.as_ptr().cast()),
                    _mm_loadu_si128(kinds.as_ptr().cast()),
                )
            };
            let page = _mm512_srli_epi32::<1>(refs);
            let inside = _mm512_cmplt_epu32_mask(page, set(marks.len() as u32));
            // SAFETY: only marks inside are read, and their indices are not negative.
            let mark = unsafe {
                _mm512_mask_i32gather_epi32::<4>(set(0), inside, page, marks.as_ptr().cast())
            };
            let same = _mm512_cmpeq_epi32_mask(_mm512_srli_epi32::<6>(mark), set(burst));
            if inside & same != u16::MAX {
                break;
            }
            let place =
                _mm512_cvtepi32_epi8(_mm512_slli_epi32::<2>(_mm512_and_si512(mark, set(63))));
            // Bit 2 of a kind sets both bits of the code.
            let more = _mm_and_si128(_mm_srli_epi16::<1>(kinds), _mm_set1_epi8(2));
            let more = _mm_or_si128(
                more,
                _mm_and_si128(_mm_srli_epi16::<2>(kinds), _mm_set1_epi8(1)),
            );
            let code = _mm_or_si128(_mm_and_si128(kinds, _mm_set1_epi8(3)), more);
            // SAFETY: 16 bytes are there.
            unsafe { _mm_storeu_si128(raw.as_mut_ptr().cast(), _mm_or_si128(place, code)) };
            done += 16;
        }
        done
    }

    /// See [`super::decode`].
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub fn decode(raw: &[u8], pages: &[u32; PAGES], refs: &mut [u32], kinds: &mut [u8]) -> usize {
        let three = _mm_set1_epi8(3);
        // SAFETY: each loads sixteen of 64 numbers.
        let [a, b, c, d] =
            [0, 16, 32, 48].map(|at| unsafe { _mm512_loadu_si512(pages.as_ptr().add(at).cast()) });
        let places = refs.chunks_exact_mut(16).zip(kinds.chunks_exact_mut(16));
        let mut done = 0;
        for (raw, (refs, kinds)) in raw.chunks_exact(16).zip(places) {
            // SAFETY: 16 bytes are there.
            let bytes = unsafe { _mm_loadu_si128(raw.as_ptr().cast()) };
            let code = _mm_and_si128(bytes, three);
            let wide = _mm512_cvtepu8_epi32(bytes);
            // Five bits of the place select in two registers, and the sixth selects the pair.
            let place = _mm512_srli_epi32::<2>(wide);
            let low = _mm512_permutex2var_epi32(a, place, b);
            let high = _mm512_permutex2var_epi32(c, place, d);
            let upper = _mm512_test_epi32_mask(place, _mm512_set1_epi32(32));
            let page = _mm512_mask_mov_epi32(low, upper, high);
            let foreign = _mm512_cmpeq_epi32_mask(page, _mm512_set1_epi32(-1));
            if foreign | _mm_cmpeq_epi8_mask(code, three) != 0 {
                break;
            }
            let writes = _mm512_and_si512(_mm512_srli_epi32::<1>(wide), _mm512_set1_epi32(1));
            let reference = _mm512_or_si512(_mm512_slli_epi32::<1>(page), writes);
            // SAFETY: 64 and 16 bytes are there.
            unsafe {
                _mm512_storeu_si512(refs.as_mut_ptr().cast(), reference);
                _mm_storeu_si128(kinds.as_mut_ptr().cast(), code);
            }
            done += 16;
        }
        done
    }
}
