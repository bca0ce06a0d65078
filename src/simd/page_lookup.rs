//! Turns [packed](super::packed) words into page references, many at a time: looks up each page in a
//! direct-mapped table of pages seen lately. Knows nothing of pages that the table does not have.

#[cfg(target_arch = "x86_64")]
use super::SimdLevel;
use super::packed::{ADDR_BITS, ADDR_MASK, KIND_SHIFT, SIZE_MASK, SIZE_SHIFT};

/// The lowest bits of a page number are its place in the table. The table has 256 KiB, a part of a
/// second-level cache; of it only what is in use is in the first level.
const PLACE_BITS: u32 = 15;

/// The shift of the smallest page size: page numbers are short enough to share a word with an id.
pub const SHIFT_MIN: u32 = 6;

/// Pages seen lately and their ids. The upper half of an element is the page number without its
/// lowest bits, which are the place; the lower half is the id.
pub struct Pages(Box<[u64; 1 << PLACE_BITS]>);

/// No page: its upper half is greater than that of any page.
const NONE: u64 = u64::MAX;

impl Default for Pages {
    fn default() -> Pages {
        Pages::new()
    }
}

impl Pages {
    /// Returns an empty table.
    pub fn new() -> Pages {
        let pages = vec![NONE; 1 << PLACE_BITS].into_boxed_slice();
        Pages(pages.try_into().expect("as many as there are places"))
    }

    /// Enters a page, in place of the page that has its place. Does nothing for page numbers of more
    /// than 42 bits, which no word has.
    pub fn insert(&mut self, number: u64, id: u32) {
        if number >> (ADDR_BITS - SHIFT_MIN) == 0 {
            self.0[place(number)] = number >> PLACE_BITS << 32 | u64::from(id);
        }
    }
}

#[inline]
fn place(number: u64) -> usize {
    number as usize & ((1 << PLACE_BITS) - 1)
}

/// Writes the references (id times two, plus one if it writes) and the kinds of `words`, up to the
/// first word that touches two pages or a page that the table does not have. Returns how many. Pages
/// have `1 << shift` bytes; `shift` is from [`SHIFT_MIN`] to 63.
///
/// # Panics
/// If `refs` or `kinds` is shorter than `words`, or `shift` is out of range.
pub fn refs(words: &[u64], shift: u32, pages: &Pages, refs: &mut [u32], kinds: &mut [u8]) -> usize {
    assert!(refs.len() >= words.len() && kinds.len() >= words.len());
    assert!((SHIFT_MIN..64).contains(&shift));
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if words.len() >= 8 && SimdLevel::best() >= SimdLevel::Avx512 {
        // SAFETY: the processor has the features of its level.
        done = unsafe { x86::refs(words, shift, pages, refs, kinds) };
        // With eight and more left, the next word is the first that cannot be done.
        if words.len() - done >= 8 {
            return done;
        }
    }
    done + portable(
        &words[done..],
        shift,
        pages,
        &mut refs[done..],
        &mut kinds[done..],
    )
}

/// The portable form of [`refs`].
fn portable(words: &[u64], shift: u32, pages: &Pages, refs: &mut [u32], kinds: &mut [u8]) -> usize {
    let places = refs.iter_mut().zip(kinds);
    let mut done = 0;
    for (&word, (reference, kind)) in words.iter().zip(places) {
        let addr = word & ADDR_MASK;
        let number = addr >> shift;
        let end = (addr + (word >> SIZE_SHIFT & SIZE_MASK)).wrapping_sub(1);
        let page = pages.0[place(number)];
        if page >> 32 != number >> PLACE_BITS || end >> shift != number {
            break;
        }
        *kind = (word >> KIND_SHIFT) as u8;
        *reference = (page as u32) << 1 | u32::from(*kind >> 1 & 1);
        done += 1;
    }
    done
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{ADDR_MASK, KIND_SHIFT, PLACE_BITS, Pages, SIZE_MASK, SIZE_SHIFT};
    use std::arch::x86_64::*;

    /// See [`super::refs`]. Does whole groups of eight; of the last one only the words before the
    /// first that cannot be done.
    #[target_feature(enable = "avx512f,avx512vl")]
    pub fn refs(
        words: &[u64],
        shift: u32,
        pages: &Pages,
        refs: &mut [u32],
        kinds: &mut [u8],
    ) -> usize {
        let groups = words.chunks_exact(8);
        let places = refs.chunks_exact_mut(8).zip(kinds.chunks_exact_mut(8));
        let shift = _mm_cvtsi32_si128(shift as i32);
        let set = |n: u64| _mm512_set1_epi64(n as i64);
        let mut done = 0;
        for (group, (refs, kinds)) in groups.zip(places) {
            // SAFETY: 64 bytes are there.
            let word = unsafe { _mm512_loadu_si512(group.as_ptr().cast()) };
            let addr = _mm512_and_si512(word, set(ADDR_MASK));
            let number = _mm512_srl_epi64(addr, shift);
            let size = _mm512_and_si512(_mm512_srli_epi64::<SIZE_SHIFT>(word), set(SIZE_MASK));
            let end = _mm512_sub_epi64(_mm512_add_epi64(addr, size), set(1));
            let place = _mm512_and_si512(number, set((1 << PLACE_BITS) - 1));
            // SAFETY: places are below the length of the table.
            let page = unsafe { _mm512_i64gather_epi64::<8>(place, pages.0.as_ptr().cast()) };
            let good = _mm512_cmpeq_epi64_mask(_mm512_srl_epi64(end, shift), number)
                & _mm512_cmpeq_epi64_mask(
                    _mm512_srli_epi64::<32>(page),
                    _mm512_srli_epi64::<PLACE_BITS>(number),
                );
            let writes = _mm512_and_si512(_mm512_srli_epi64::<{ KIND_SHIFT + 1 }>(word), set(1));
            let reference = _mm512_or_si512(_mm512_slli_epi64::<1>(page), writes);
            let kind = _mm512_cvtepi64_epi8(_mm512_srli_epi64::<KIND_SHIFT>(word));
            // SAFETY: eight numbers are there. The caller ignores those after the last good one.
            unsafe {
                _mm256_storeu_si256(refs.as_mut_ptr().cast(), _mm512_cvtepi64_epi32(reference));
            }
            kinds.copy_from_slice(&_mm_cvtsi128_si64(kind).to_le_bytes());
            if good != u8::MAX {
                return done + good.trailing_ones() as usize;
            }
            done += 8;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_at_a_time_are_what_each_is() {
        let mut state = 7u64;
        let mut next = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for round in 0..4000 {
            let shift = [6, 7, 12, 21, 30, 47, 63][round % 7];
            let spread = [1 << 14, 1 << 20, 1 << 30, 1 << 48][round / 7 % 4];
            let base = next((1 << 48) - spread + 1);
            let words: Vec<u64> = (0..next(80))
                .map(|_| (base + next(spread)) | (1 + next(99)) << 48 | next(3) << 56)
                .collect();
            let mut pages = Pages::new();
            for &word in &words {
                let number = (word & ((1 << 48) - 1)) >> shift;
                if next(200) > 0 {
                    pages.insert(number, next(1 << 31) as u32);
                }
            }
            // As if there were no boundaries in the way, in some rounds.
            let words: Vec<u64> = match round % 3 {
                0 => words,
                _ => words
                    .iter()
                    .map(|w| w & !(0x3f | 0xff << 48) | 1 << 48)
                    .collect(),
            };
            let (mut fast, mut plain) = (vec![0; words.len()], vec![0; words.len()]);
            let (mut fast_kinds, mut plain_kinds) = (vec![0; words.len()], vec![0; words.len()]);
            let done = refs(&words, shift, &pages, &mut fast, &mut fast_kinds);
            let each = portable(&words, shift, &pages, &mut plain, &mut plain_kinds);
            assert_eq!(done, each);
            assert_eq!(fast[..done], plain[..done]);
            assert_eq!(fast_kinds[..done], plain_kinds[..done]);
        }
    }

    #[test]
    fn an_empty_table_knows_nothing() {
        let pages = Pages::new();
        for word in [0, u64::MAX >> 16, 1 << 48, ((1 << 48) - 1) | 99 << 48] {
            for shift in [6, 12, 63] {
                assert_eq!(refs(&[word; 9], shift, &pages, &mut [0; 9], &mut [0; 9]), 0);
            }
        }
    }
}
