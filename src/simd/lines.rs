//! Lines of one fixed shape, eight at a time: three bytes of prefix, 8 to 12 hexadecimal digits, a
//! comma, one or two decimal digits, LF. Each becomes one word. The plain twin is the parser of the
//! format, which takes whatever is left over here.
//!
//! Pass one turns some kilobytes into places of line ends, without a branch per line; pass two
//! gathers prefix, digits and size of eight lines into vectors. No branch depends on the length
//! of a line or its prefix, which change from line to line and would be mispredicted.
//!
//! Knows no format: the prefixes are the caller's.

/// The most lines of one call.
pub const LINES: usize = 512;

/// Bytes that must stand before the first line, as vectors are read backwards from line ends.
pub const BEFORE: usize = 24;

/// Where in a word the decimal number begins, 1 to 99 in eight bits. Below it is the hexadecimal
/// one.
pub const SIZE_SHIFT: u32 = 48;

/// Where in a word the number of the prefix begins, in eight bits.
pub const PREFIX_SHIFT: u32 = 56;

/// Prefixes of three bytes, each with the number that stands for it in the topmost byte, at the sum
/// of the first two bytes modulo 8.
pub type Prefixes = [u32; 8];

/// The table of prefixes with their numbers.
///
/// # Panics
/// If two of them have the same place: the lines are then not for this module.
pub const fn prefixes(list: [([u8; 3], u8); 4]) -> Prefixes {
    let mut table = [0; 8];
    let mut i = 0;
    // A prefix that belongs elsewhere is never found.
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

/// Places of line ends, with room for those that are found before they are counted.
pub type Ends = [u32; LINES + 1 + ROOM];

/// No line end yet.
pub const NO_ENDS: Ends = [0; LINES + 1 + ROOM];

/// Line ends written at once, found or not.
const ROOM: usize = 16;

/// Line ends looked for in 64 bytes: more would be shorter lines than ours.
const ENDS: usize = 6;

/// What the machine at hand can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Whole lines, eight at a time ([`read`]).
    Avx512,
    /// Line ends, 64 bytes at a time ([`line_ends`]).
    Avx2,
    /// Nothing of it.
    Plain,
}

impl Level {
    /// The best that this machine can do.
    pub fn best() -> Level {
        let levels = [Level::Avx512, Level::Avx2];
        let best = levels.into_iter().find(|level| level.available());
        best.unwrap_or(Level::Plain)
    }

    /// Whether this machine can do it.
    pub fn available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vbmi")
                    && is_x86_feature_detected!("avx512vbmi2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("popcnt")
            }
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("popcnt")
            }
            level => level == Level::Plain,
        }
    }
}

/// The places of line ends from `start` on, at most about `most`, go behind the first of `ends`,
/// which becomes the end of the line before `start`; says how many. At least eight bytes follow
/// each. None are found where lines are much shorter than ours, at 0 and in the last bytes.
pub fn line_ends(bytes: &[u8], start: usize, most: usize, ends: &mut Ends) -> usize {
    #[cfg(target_arch = "x86_64")]
    if start > 0 && bytes.len() <= i32::MAX as usize && Level::Avx2.available() {
        ends[0] = start as u32 - 1;
        // SAFETY: the machine has the instructions.
        return unsafe { x86::line_ends_256(bytes, start, most.min(LINES), ends) };
    }
    let _ = (bytes, start, most, ends);
    0
}

/// Reads lines from `start` on, at most `most` and [`LINES`], until one is of another shape or
/// only a few bytes are left. Each becomes a word: the hexadecimal number, from [`SIZE_SHIFT`] on
/// the decimal one, from [`PREFIX_SHIFT`] on the number of the prefix. Returns how many lines, and
/// where the next one begins. No lines are read on a machine that cannot do many at a time, or
/// before [`BEFORE`].
pub fn read(
    bytes: &[u8],
    start: usize,
    most: usize,
    prefixes: &Prefixes,
    out: &mut [u64; LINES],
) -> (usize, usize) {
    #[cfg(target_arch = "x86_64")]
    if start >= BEFORE && bytes.len() <= i32::MAX as usize && Level::Avx512.available() {
        // SAFETY: the machine has the instructions.
        return unsafe { x86::read(bytes, start, most, prefixes, out) };
    }
    let _ = (bytes, most, prefixes, out);
    (0, start)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{BEFORE, ENDS, Ends, LINES, NO_ENDS, Prefixes, ROOM};
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
            // Always as many, so that nothing is to be predicted; what is too much is overwritten.
            let here = _mm512_castsi512_si128(_mm512_maskz_compress_epi8(mask, places));
            let here = _mm512_add_epi32(_mm512_cvtepu8_epi32(here), _mm512_set1_epi32(at as i32));
            let into: &mut [u32; ROOM] = ends[1 + found..]
                .first_chunk_mut()
                .expect("room behind the last");
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

    /// Notes the line ends that `mask` has of the 64 bytes at `at`, and says how many; `None` for
    /// more than there can be.
    #[inline]
    #[target_feature(enable = "bmi1,popcnt")]
    fn note(mut mask: u64, at: usize, found: usize, ends: &mut Ends) -> Option<usize> {
        let count = mask.count_ones() as usize;
        if count > ENDS {
            return None;
        }
        // Always as many, so that nothing is to be predicted; what is too much is overwritten.
        for end in &mut ends[1 + found..1 + found + ENDS] {
            *end = at as u32 + mask.trailing_zeros();
            mask &= mask.wrapping_sub(1);
        }
        Some(count)
    }

    /// The eight lines behind the line end at `ends[line]`; says how many of them, from the
    /// first, are of the shape.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi")]
    fn eight(
        bytes: &[u8],
        ends: &Ends,
        line: usize,
        prefixes: &Prefixes,
        out: &mut [u64; LINES],
    ) -> usize {
        let set = |n: u32| _mm256_set1_epi32(n as i32);
        let ends: &[u32; 9] = ends[line..].first_chunk().expect("a whole group");
        // SAFETY: nine numbers are there, and eight prefixes.
        let (before, end, prefixes) = unsafe {
            (
                _mm256_loadu_si256(ends.as_ptr().cast()),
                _mm256_loadu_si256(ends.as_ptr().add(1).cast()),
                _mm256_loadu_si256(prefixes.as_ptr().cast()),
            )
        };
        let start = _mm256_add_epi32(before, set(1));
        // SAFETY: eight bytes and more follow a line end, so that four bytes from a beginning on
        // are inside.
        let head = unsafe { _mm256_i32gather_epi32::<1>(bytes.as_ptr().cast(), start) };
        // Only the lowest three bits of each place count.
        let place = _mm256_add_epi32(head, _mm256_srli_epi32::<8>(head));
        let prefix = _mm256_permutevar8x32_epi32(prefixes, place);
        let text = set(0xff_ffff);
        let length = _mm256_sub_epi32(end, before);
        let mut good = _mm256_testn_epi32_mask(_mm256_xor_si256(head, prefix), text)
            & _mm256_cmple_epu32_mask(length, set(LENGTH_MAX));

        // Where the digits of each line begin in its window, if its size has one digit only.
        let from = _mm512_zextsi256_si512(_mm256_sub_epi32(set(20), length));
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
        let low = _mm512_permutex2var_epi8(first, words_of(), last);
        let upper = _mm512_cvtepu32_epi64(_mm256_andnot_si256(text, prefix));
        let word = _mm512_or_si512(low, _mm512_slli_epi64::<32>(upper));
        // No size is 0.
        good &= _mm512_test_epi64_mask(word, _mm512_set1_epi64(0xff << 48));
        good &= lanes(first_good) | lanes(last_good) << 4;

        let words: &mut [u64; 8] = out[line..].first_chunk_mut().expect("a whole group");
        // SAFETY: 64 bytes are there.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), word) };
        good.trailing_ones() as usize
    }

    /// The most bytes of a line with its end.
    const LENGTH_MAX: u32 = 3 + 12 + 1 + 2 + 1;

    /// For each byte of four windows, where the number of the window's line is, from byte `at` on.
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

    /// For each byte of eight words, which byte of two times four windows it is: six of the
    /// address, its last pair of digits first, then the size, then a zero.
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

    /// Of four lines, from the sixteen bytes before the end of each: in the even bytes 2 to 12 the
    /// pairs of digits of the address, in byte 14 the size, else zeros; and which bytes are as they
    /// should be. `from` says in every byte where the digits begin, if the size has one digit only.
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

    /// Of a mask of bytes, the mask of the lanes of sixteen bytes that are all set.
    #[inline]
    fn lanes(bytes: u64) -> u8 {
        if bytes == u64::MAX {
            return 0xf;
        }
        let lane = |lane: u32| u8::from((bytes >> (16 * lane)) as u16 == u16::MAX) << lane;
        lane(0) | lane(1) | lane(2) | lane(3)
    }
}
