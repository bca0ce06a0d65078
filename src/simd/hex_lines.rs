//! Lines of one fixed shape, eight at a time: three bytes of prefix, 8 to 12 hexadecimal digits, a
//! comma, one or two decimal digits, LF. Each becomes a [packed](super::packed) word. The portable
//! twin is the parser of the format, which takes every line that is left over here.
//!
//! Pass one turns some kilobytes into positions of line ends, without a branch per line. Pass two
//! gathers prefix, digits and size of eight lines into vectors. No branch depends on the length or
//! the prefix of a line: both change from line to line and would be mispredicted.
//!
//! Knows no format: the caller gives the prefixes.

use super::SimdLevel;

/// The most lines of one call.
pub const LINES: usize = 512;

/// Bytes that must come before the first line, as vectors are read backwards from line ends.
pub const BEFORE: usize = 24;

/// Prefixes of three bytes. The place of each is the sum of its first two bytes modulo 8; the topmost
/// byte there is the number that stands for it, the kind in the packed word.
pub type Prefixes = [u32; 8];

/// Returns the table of the prefixes in `list`, each with its number.
///
/// # Panics
/// If two of them have the same place: this module cannot read such lines.
pub const fn prefixes(list: [([u8; 3], u8); 4]) -> Prefixes {
    let mut table = [0; 8];
    let mut i = 0;
    // Empty places hold a prefix whose place is another: it is never found.
    while i < table.len() {
        table[i] = (i as u32 + 1) & 7;
        i += 1;
    }
    let mut taken = 0u8;
    let mut i = 0;
    while i < list.len() {
        let ([a, b, c], number) = list[i];
        let place = a.wrapping_add(b) & 7;
        assert!(taken & 1 << place == 0, "two prefixes with one place");
        taken |= 1 << place;
        table[place as usize] = u32::from_le_bytes([a, b, c, number]);
        i += 1;
    }
    table
}

/// Positions of line ends, with room for those that are written before they are counted.
pub type Ends = [u32; LINES + 1 + ROOM];

/// No line end yet.
pub const NO_ENDS: Ends = [0; LINES + 1 + ROOM];

/// Line ends written at once, whether found or not.
const ROOM: usize = 16;

/// The most line ends in 64 bytes: with more the lines are shorter than this shape.
const ENDS: usize = 6;

/// Finds line ends from `start` on and writes them to `ends[1..]`; `ends[0]` becomes `start - 1`.
/// Stops after about `most`, when fewer than 72 bytes are left, and at a 64-byte block with more than
/// six. So at least eight bytes follow each line end. Returns how many it found; 0 if `start` is 0 or
/// without AVX2.
pub fn line_ends(bytes: &[u8], start: usize, most: usize, ends: &mut Ends) -> usize {
    #[cfg(target_arch = "x86_64")]
    if start > 0 && bytes.len() <= i32::MAX as usize && SimdLevel::best() >= SimdLevel::Avx2 {
        ends[0] = start as u32 - 1;
        // SAFETY: the processor has the instructions of its level.
        return unsafe { x86::line_ends_256(bytes, start, most.min(LINES), ends) };
    }
    let _ = (bytes, start, most, ends);
    0
}

/// Reads lines from `start` on, at most `most` and [`LINES`], until one has another shape or only a
/// few bytes are left. Each becomes a packed word: the hexadecimal number is its address, the decimal
/// one its size, the number of the prefix its kind. Returns how many lines it read and where the next
/// one begins. Reads none without AVX-512 VBMI, or if `start` is below [`BEFORE`].
pub fn read(
    bytes: &[u8],
    start: usize,
    most: usize,
    prefixes: &Prefixes,
    out: &mut [u64; LINES],
) -> (usize, usize) {
    #[cfg(target_arch = "x86_64")]
    if start >= BEFORE
        && bytes.len() <= i32::MAX as usize
        && SimdLevel::best() >= SimdLevel::Avx512Vbmi
    {
        // SAFETY: the processor has the instructions of its level.
        return unsafe { x86::read(bytes, start, most, prefixes, out) };
    }
    let _ = (bytes, most, prefixes, out);
    (0, start)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{BEFORE, ENDS, Ends, LINES, NO_ENDS, Prefixes, ROOM};
    use crate::simd::packed::{SIZE_MASK, SIZE_SHIFT};
    use std::arch::x86_64::*;

    /// See [`super::read`].
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,popcnt")]
    pub fn read(
        bytes: &[u8],
        start: usize,
        most: usize,
        prefixes: &Prefixes,
        out: &mut [u64; LINES],
    ) -> (usize, usize) {
        assert!(start >= BEFORE && bytes.len() <= i32::MAX as usize);
        let mut ends = NO_ENDS;
        ends[0] = start as u32 - 1;
        let found = line_ends(bytes, start, most.min(LINES), &mut ends);
        let lines = found.min(most) & !7;
        for line in (0..lines).step_by(8) {
            let taken = eight(bytes, &ends, line, prefixes, out);
            if taken < 8 {
                return (line + taken, ends[line + taken] as usize + 1);
            }
        }
        (lines, ends[lines] as usize + 1)
    }

    /// See [`super::line_ends`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
    fn line_ends(bytes: &[u8], start: usize, most: usize, ends: &mut Ends) -> usize {
        let feed = _mm512_set1_epi8(b'\n' as i8);
        let places: [u8; 64] = std::array::from_fn(|place| place as u8);
        // SAFETY: 64 bytes are there.
        let places = unsafe { _mm512_loadu_si512(places.as_ptr().cast()) };
        let mut found = 0;
        let mut at = start;
        while found < most
            && found <= LINES - ROOM
            && let Some(chunk) = bytes.get(at..at + 64 + 8)
        {
            // SAFETY: 64 bytes are there.
            let chunk = unsafe { _mm512_loadu_si512(chunk.as_ptr().cast()) };
            let mask = _mm512_cmpeq_epi8_mask(chunk, feed);
            let count = mask.count_ones() as usize;
            if count > ENDS {
                break;
            }
            // Always writes sixteen, so that no branch depends on `count`; later writes overwrite
            // the surplus.
            let here = _mm512_castsi512_si128(_mm512_maskz_compress_epi8(mask, places));
            let here = _mm512_add_epi32(_mm512_cvtepu8_epi32(here), _mm512_set1_epi32(at as i32));
            let into: &mut [u32; ROOM] = ends[1 + found..]
                .first_chunk_mut()
                .expect("room after the last");
            // SAFETY: sixteen numbers are there.
            unsafe { _mm512_storeu_si512(into.as_mut_ptr().cast(), here) };
            found += count;
            at += 64;
        }
        found
    }

    /// See [`super::line_ends`].
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    pub fn line_ends_256(bytes: &[u8], start: usize, most: usize, ends: &mut Ends) -> usize {
        let feed = _mm256_set1_epi8(b'\n' as i8);
        let mut found = 0;
        let mut at = start;
        while found < most
            && found <= LINES - ENDS
            && let Some(chunk) = bytes.get(at..at + 64 + 8)
        {
            let mut mask = 0;
            for half in [0, 32] {
                // SAFETY: 64 bytes are there.
                let bytes = unsafe { _mm256_loadu_si256(chunk.as_ptr().add(half).cast()) };
                let ends = _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, feed)) as u32;
                mask |= u64::from(ends) << half;
            }
            let Some(count) = note(mask, at, found, ends) else {
                break;
            };
            found += count;
            at += 64;
        }
        found
    }

    /// Writes the line ends of the 64 bytes at `at`, a bit each in `mask`, after the first `found`.
    /// Returns how many there are; `None` for more than [`ENDS`].
    #[inline]
    #[target_feature(enable = "bmi1,popcnt")]
    fn note(mut mask: u64, at: usize, found: usize, ends: &mut Ends) -> Option<usize> {
        let count = mask.count_ones() as usize;
        if count > ENDS {
            return None;
        }
        // Always writes six, so that no branch depends on `count`; later writes overwrite the
        // surplus.
        for end in &mut ends[1 + found..1 + found + ENDS] {
            *end = at as u32 + mask.trailing_zeros();
            mask &= mask.wrapping_sub(1);
        }
        Some(count)
    }

    /// Reads the eight lines after the line end at `ends[line]`. Returns how many of them, from the
    /// first on, have the shape.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi")]
    fn eight(
        bytes: &[u8],
        ends: &Ends,
        line: usize,
        prefixes: &Prefixes,
        out: &mut [u64; LINES],
    ) -> usize {
        let ends: &[u32; 9] = ends[line..].first_chunk().expect("a whole group");
        let (kinds, length, good_heads) = heads(bytes, ends, prefixes);
        let (numbers, good_numbers) = numbers(bytes, ends, length);
        let word = _mm512_or_si512(numbers, kinds);
        // No size is 0.
        let size = _mm512_set1_epi64((SIZE_MASK << SIZE_SHIFT) as i64);
        let good = good_heads & good_numbers & _mm512_test_epi64_mask(word, size);
        let words: &mut [u64; 8] = out[line..].first_chunk_mut().expect("a whole group");
        // SAFETY: 64 bytes are there.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), word) };
        good.trailing_ones() as usize
    }

    /// Looks up the prefixes of eight lines. Returns the number of each prefix, in the place of its
    /// word, the length of each line with its end, and which lines have a known prefix and a possible
    /// length.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    fn heads(bytes: &[u8], ends: &[u32; 9], prefixes: &Prefixes) -> (__m512i, __m256i, u8) {
        let set = |n: u32| _mm256_set1_epi32(n as i32);
        // SAFETY: nine numbers are there, and eight prefixes.
        let (before, end, prefixes) = unsafe {
            (
                _mm256_loadu_si256(ends.as_ptr().cast()),
                _mm256_loadu_si256(ends.as_ptr().add(1).cast()),
                _mm256_loadu_si256(prefixes.as_ptr().cast()),
            )
        };
        let start = _mm256_add_epi32(before, set(1));
        // SAFETY: at least eight bytes follow each line end, so four bytes from the beginning of a
        // line are inside.
        let head = unsafe { _mm256_i32gather_epi32::<1>(bytes.as_ptr().cast(), start) };
        // Only the lowest three bits of each place count.
        let place = _mm256_add_epi32(head, _mm256_srli_epi32::<8>(head));
        let prefix = _mm256_permutevar8x32_epi32(prefixes, place);
        let text = set(0xff_ffff);
        let length = _mm256_sub_epi32(end, before);
        let good = _mm256_testn_epi32_mask(_mm256_xor_si256(head, prefix), text)
            & _mm256_cmple_epu32_mask(length, set(LENGTH_MAX));
        // The number is the topmost byte of 32 bits here, and of 64 in the word.
        let number = _mm512_cvtepu32_epi64(_mm256_andnot_si256(text, prefix));
        (_mm512_slli_epi64::<32>(number), length, good)
    }

    /// Reads the numbers of eight lines of these lengths. Returns the words without the kind, and
    /// which lines have the shape behind their prefix.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn numbers(bytes: &[u8], ends: &[u32; 9], length: __m256i) -> (__m512i, u8) {
        // Where the digits of each line begin in its window, if its size has one digit only.
        let from = _mm512_zextsi256_si512(_mm256_sub_epi32(_mm256_set1_epi32(20), length));
        let (first, first_good) = four(
            bytes,
            &ends[1..5],
            _mm512_permutexvar_epi8(number_of(0), from),
        );
        let (last, last_good) = four(
            bytes,
            &ends[5..9],
            _mm512_permutexvar_epi8(number_of(16), from),
        );
        let words = _mm512_permutex2var_epi8(first, words_of(), last);
        (words, lanes(first_good) | lanes(last_good) << 4)
    }

    /// The most bytes of a line with its end.
    const LENGTH_MAX: u32 = 3 + 12 + 1 + 2 + 1;

    /// Returns for each byte of four windows the index of the number of its line, from byte `at` on.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn number_of(at: u8) -> __m512i {
        const OF: [[u8; 64]; 2] = {
            let mut of = [[0; 64]; 2];
            let mut i = 0;
            while i < 64 {
                of[0][i] = i as u8 / 16 * 4;
                of[1][i] = i as u8 / 16 * 4 + 16;
                i += 1;
            }
            of
        };
        // SAFETY: 64 bytes are there.
        unsafe { _mm512_loadu_si512(OF[usize::from(at / 16)].as_ptr().cast()) }
    }

    /// Returns for each byte of eight words its index in two times four windows: six bytes of the
    /// address, the last pair of digits first, then the size, then a zero.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn words_of() -> __m512i {
        const OF: [u8; 64] = {
            let mut of = [0; 64];
            let mut i = 0;
            while i < 64 {
                of[i] = i as u8 / 8 * 16 + [12, 10, 8, 6, 4, 2, 14, 1][i % 8];
                i += 1;
            }
            of
        };
        // SAFETY: 64 bytes are there.
        unsafe { _mm512_loadu_si512(OF.as_ptr().cast()) }
    }

    /// Reads four lines from the sixteen bytes before the end of each, its window. Returns in the
    /// even bytes 2 to 12 of a window the pairs of digits of the address, in byte 14 the size, and
    /// zeros else; and a mask of the bytes that have the shape. Every byte of `from` is the index at
    /// which the digits of its window begin, if the size has one digit only.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn four(bytes: &[u8], ends: &[u32], from: __m512i) -> (__m512i, u64) {
        const COMMA: u64 = 0x4000_4000_4000_4000;
        const DIGITS: u64 = 0x3ffc_3ffc_3ffc_3ffc;
        const LAST: u64 = 0x8000_8000_8000_8000;
        let set = |n: u8| _mm512_set1_epi8(n as i8);
        // SAFETY: line ends are at `BEFORE` or later, and inside.
        let [a, b, c, d] = [0, 1, 2, 3].map(|line| unsafe {
            let window = bytes.as_ptr().add(ends[line] as usize - 16);
            _mm_loadu_si128(window.cast())
        });
        let window = _mm512_castsi128_si512(a);
        let window = _mm512_inserti32x4::<1>(window, b);
        let window = _mm512_inserti32x4::<2>(window, c);
        let window = _mm512_inserti32x4::<3>(window, d);

        // Where the size has two digits, all is moved up by one, so that the comma is in one place.
        let comma = set(b',');
        let one = _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(window, set(14)), comma);
        let text = _mm512_mask_blend_epi8(one, _mm512_bslli_epi128::<1>(window), window);
        let from = _mm512_mask_add_epi8(from, !one, from, set(1));
        let place = _mm512_set4_epi32(0x0f0e_0d0c, 0x0b0a_0908, 0x0706_0504, 0x0302_0100);
        let valid = _mm512_cmpge_epu8_mask(place, from) & DIGITS;
        let enough = _mm512_cmple_epu8_mask(_mm512_sub_epi8(from, set(2)), set(4));

        let digit = _mm512_sub_epi8(text, set(b'0'));
        let is_digit = _mm512_cmple_epu8_mask(digit, set(9));
        let letter = _mm512_sub_epi8(_mm512_or_si512(text, set(0x20)), set(b'a'));
        let is_letter = _mm512_cmple_epu8_mask(letter, set(5));
        let value = _mm512_mask_mov_epi8(_mm512_add_epi8(letter, set(10)), is_digit, digit);
        let value = _mm512_maskz_mov_epi8(valid, value);

        let size = LAST | (COMMA & !one);
        let figure = _mm512_sub_epi8(window, set(b'0'));
        let is_figure = _mm512_cmple_epu8_mask(figure, set(9));
        let value = _mm512_mask_mov_epi8(value, size, figure);

        // 16 a + b of neighbours, and of the last two 10 a + b.
        let (hex, dec) = (0x0110_0110, 0x010a_0110);
        let pairs = _mm512_maddubs_epi16(value, _mm512_set4_epi32(dec, hex, hex, hex));
        let good = (is_digit | is_letter | !valid)
            & (_mm512_cmpeq_epi8_mask(text, comma) | !COMMA)
            & (is_figure | !size)
            & enough;
        (pairs, good)
    }

    /// Returns a bit for each sixteen bits of `bytes` that are all set.
    #[inline]
    fn lanes(bytes: u64) -> u8 {
        if bytes == u64::MAX {
            return 0xf;
        }
        let lane = |lane: u32| u8::from((bytes >> (16 * lane)) as u16 == u16::MAX) << lane;
        lane(0) | lane(1) | lane(2) | lane(3)
    }
}
