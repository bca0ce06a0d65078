//! Text in blocks of 64 bytes: which bytes are of a class, as a bit each, and numbers of up to sixteen
//! digits. Code that is generic over [`Lanes`] is compiled once for each level ([`run`]).
//!
//! Knows bytes, not what they mean.

use super::SimdLevel;

/// Bytes of a block.
pub const BLOCK: usize = 64;

/// Most digits of a number.
pub const DIGITS: u32 = 16;

/// What one level can do with text. All levels have the same results. A value of an implementing type is
/// the proof that the processor has the level.
pub trait Lanes: Copy {
    /// Returns a bit for each byte of `block` that equals `byte`.
    fn equal(self, block: &[u8; BLOCK], byte: u8) -> u64;

    /// Returns a bit for each byte of `block` that is one of the `count` bytes from `first` on. `count` is
    /// at least 1.
    fn among(self, block: &[u8; BLOCK], first: u8, count: u8) -> u64;

    /// Returns a bit for each byte of `block` that is a hexadecimal digit of either case.
    fn hex_digits(self, block: &[u8; BLOCK]) -> u64;

    /// Returns the value of the first `count` bytes of `text` as a decimal number. `count` is up to
    /// [`DIGITS`], and the bytes must be digits: else the result is any number.
    fn decimal(self, text: &[u8; 16], count: u32) -> u64;

    /// Like [`Lanes::decimal`], of a hexadecimal number of either case.
    fn hex(self, text: &[u8; 16], count: u32) -> u64;
}

/// A piece of code that reads text. Its `run` must be `#[inline(always)]`, and so must every function
/// that it calls and that is to gain.
pub trait Work {
    /// The type of the result.
    type Output;
    /// Does the work with the instructions of one level.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// Does the work as compiled for `level`.
///
/// # Panics
/// If the processor does not have the level.
#[inline]
pub fn run<W: Work>(level: SimdLevel, work: W) -> W::Output {
    assert!(level <= SimdLevel::best(), "{level:?} on this processor");
    #[cfg(target_arch = "x86_64")]
    match level {
        // SAFETY: the processor has the features of its level.
        SimdLevel::Avx512 | SimdLevel::Avx512Vbmi => return unsafe { x86::run_512(work) },
        SimdLevel::Avx2 => return unsafe { x86::run_256(work) },
        SimdLevel::Portable => {}
    }
    work.run(Portable)
}

/// The portable form: eight bytes at a time.
#[derive(Clone, Copy)]
pub struct Portable;

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x80 * ONES;

/// Returns a bit for each byte whose top bit is set in the words that `tops` makes of eight bytes each.
#[inline(always)]
fn each_word(block: &[u8; BLOCK], tops: impl Fn(u64) -> u64) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    let mut bits = 0;
    for (i, word) in words.iter().enumerate() {
        let tops = tops(u64::from_le_bytes(*word)) & TOPS;
        // The eight top bits, moved together into the topmost byte.
        bits |= ((tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
    }
    bits
}

/// Sets the top bit of each byte that is below `count` (1 to 128). The sums do not carry from byte to
/// byte.
#[inline(always)]
fn below(word: u64, count: u8) -> u64 {
    !(((word & !TOPS) + u64::from(128 - count) * ONES) | word)
}

impl Lanes for Portable {
    #[inline(always)]
    fn equal(self, block: &[u8; BLOCK], byte: u8) -> u64 {
        each_word(block, |word| below(word ^ (u64::from(byte) * ONES), 1))
    }

    #[inline(always)]
    fn among(self, block: &[u8; BLOCK], first: u8, count: u8) -> u64 {
        each_word(block, |word| is_among(word, first, count))
    }

    #[inline(always)]
    fn hex_digits(self, block: &[u8; BLOCK]) -> u64 {
        each_word(block, |word| {
            is_among(word, b'0', 10) | is_among(word | (0x20 * ONES), b'a', 6)
        })
    }

    #[inline(always)]
    fn decimal(self, text: &[u8; 16], count: u32) -> u64 {
        let (high, low, low_count) = halves(text, count);
        let value = |word: u64| {
            let digits = word & (0x0f * ONES);
            let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
            let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
            (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
        };
        value(high) * TENS[low_count as usize] + value(low)
    }

    #[inline(always)]
    fn hex(self, text: &[u8; 16], count: u32) -> u64 {
        let (high, low, low_count) = halves(text, count);
        let value = |word: u64| {
            let digits = (word & (0x0f * ONES)) + ((word >> 6) & ONES) * 9;
            let pairs = ((digits << 4) | (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
            let fours = ((pairs << 8) | (pairs >> 16)) & 0x0000_ffff_0000_ffff;
            ((fours << 16) | (fours >> 32)) & 0xffff_ffff
        };
        value(high) << (4 * low_count) | value(low)
    }
}

/// Sets the top bit of each byte that is one of the `count` bytes from `first` on. These are ASCII and
/// not 0.
#[inline(always)]
fn is_among(word: u64, first: u8, count: u8) -> u64 {
    let from = |least: u8| (word & !TOPS) + u64::from(128 - least) * ONES;
    from(first) & !from(first + count) & !word
}

/// Returns the first eight of `count` bytes, if there are more than eight, then the rest and its number.
/// Each part is at the end of its word, after zeros.
#[inline(always)]
fn halves(text: &[u8; 16], count: u32) -> (u64, u64, u32) {
    let (words, _) = text.as_chunks::<8>();
    let [first, second] = [words[0], words[1]].map(u64::from_le_bytes);
    // In two steps, because the shift may be by all 64 bits.
    let to_the_end = |word: u64, count: u32| word << 8 << (56 - 8 * count);
    match count {
        0 => (0, 0, 0),
        1..8 => (0, to_the_end(first, count), count),
        8 => (0, first, 8),
        9..16 => (first, to_the_end(second, count - 8), count - 8),
        _ => (first, second, 8),
    }
}

/// Powers of ten up to the value of a ninth digit.
const TENS: [u64; 9] = {
    let mut tens = [1; 9];
    let mut i = 1;
    while i < tens.len() {
        tens[i] = 10 * tens[i - 1];
        i += 1;
    }
    tens
};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{BLOCK, Lanes, Work};
    use std::arch::x86_64::*;

    /// AVX2. Made by [`run_256`] only.
    #[derive(Clone, Copy)]
    pub struct Avx2(());

    /// AVX-512. Made by [`run_512`] only.
    #[derive(Clone, Copy)]
    pub struct Avx512(());

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    pub fn run_256<W: Work>(work: W) -> W::Output {
        work.run(Avx2(()))
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
    pub fn run_512<W: Work>(work: W) -> W::Output {
        work.run(Avx512(()))
    }

    /// Implements [`Lanes`] for a level by its functions of blocks. Numbers have one form for both.
    macro_rules! lanes {
        ($level:ty, $equal:ident, $among:ident, $hex_digits:ident) => {
            impl Lanes for $level {
                #[inline(always)]
                fn equal(self, block: &[u8; BLOCK], byte: u8) -> u64 {
                    // SAFETY: the value proves that the processor has the level; so below.
                    unsafe { $equal(block, byte) }
                }

                #[inline(always)]
                fn among(self, block: &[u8; BLOCK], first: u8, count: u8) -> u64 {
                    // SAFETY: see above.
                    unsafe { $among(block, first, count) }
                }

                #[inline(always)]
                fn hex_digits(self, block: &[u8; BLOCK]) -> u64 {
                    // SAFETY: see above.
                    unsafe { $hex_digits(block) }
                }

                #[inline(always)]
                fn decimal(self, text: &[u8; 16], count: u32) -> u64 {
                    // SAFETY: see above.
                    unsafe { decimal(text, count) }
                }

                #[inline(always)]
                fn hex(self, text: &[u8; 16], count: u32) -> u64 {
                    // SAFETY: see above.
                    unsafe { hex(text, count) }
                }
            }
        };
    }

    lanes!(Avx2, equal_256, among_256, hex_digits_256);
    lanes!(Avx512, equal_512, among_512, hex_digits_512);

    /// Returns a bit for each byte of `block` for which `test` sets all bits of its byte.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn each_256(block: &[u8; BLOCK], test: impl Fn(__m256i) -> __m256i) -> u64 {
        let half = |at: usize| {
            // SAFETY: 32 bytes are there from 0 and from 32 on.
            let bytes = unsafe { _mm256_loadu_si256(block.as_ptr().add(at).cast()) };
            u64::from(movemask(test(bytes)))
        };
        half(0) | half(32) << 32
    }

    /// Returns the top bit of each byte. In assembler, because the compiler would move the bit operations
    /// of a caller in front of the intrinsic, and then make 64 bits of two vectors byte by byte.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn movemask(bytes: __m256i) -> u32 {
        let bits: u32;
        // SAFETY: the instruction is part of AVX2 and changes the one register only.
        unsafe {
            std::arch::asm!(
                "vpmovmskb {bits:e}, {bytes}",
                bits = lateout(reg) bits,
                bytes = in(ymm_reg) bytes,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        bits
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn equal_256(block: &[u8; BLOCK], byte: u8) -> u64 {
        let byte = _mm256_set1_epi8(byte as i8);
        each_256(block, |bytes| _mm256_cmpeq_epi8(bytes, byte))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn is_among_256(bytes: __m256i, first: u8, count: u8) -> __m256i {
        let place = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first as i8));
        let last = _mm256_set1_epi8((count - 1) as i8);
        _mm256_cmpeq_epi8(_mm256_min_epu8(place, last), place)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn among_256(block: &[u8; BLOCK], first: u8, count: u8) -> u64 {
        each_256(block, |bytes| is_among_256(bytes, first, count))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn hex_digits_256(block: &[u8; BLOCK]) -> u64 {
        each_256(block, |bytes| {
            let lower = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
            _mm256_or_si256(is_among_256(bytes, b'0', 10), is_among_256(lower, b'a', 6))
        })
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load_512(block: &[u8; BLOCK]) -> __m512i {
        // SAFETY: 64 bytes are there.
        unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn equal_512(block: &[u8; BLOCK], byte: u8) -> u64 {
        _mm512_cmpeq_epi8_mask(load_512(block), _mm512_set1_epi8(byte as i8))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn is_among_512(bytes: __m512i, first: u8, count: u8) -> u64 {
        let place = _mm512_sub_epi8(bytes, _mm512_set1_epi8(first as i8));
        _mm512_cmplt_epu8_mask(place, _mm512_set1_epi8(count as i8))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn among_512(block: &[u8; BLOCK], first: u8, count: u8) -> u64 {
        is_among_512(load_512(block), first, count)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn hex_digits_512(block: &[u8; BLOCK]) -> u64 {
        let bytes = load_512(block);
        let lower = _mm512_or_si512(bytes, _mm512_set1_epi8(0x20));
        is_among_512(bytes, b'0', 10) | is_among_512(lower, b'a', 6)
    }

    /// For each `count` from its index on: where the bytes of sixteen come from that move to the end, and
    /// marks of zeros before them.
    static TO_THE_END: [u8; 32] = {
        let mut from = [0x80; 32];
        let mut i = 16;
        while i < 32 {
            from[i] = i as u8 - 16;
            i += 1;
        }
        from
    };

    /// Moves the first `count` bytes to the end; zeros come before them.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn to_the_end(bytes: __m128i, count: u32) -> __m128i {
        let at = (count as usize).min(16);
        // SAFETY: sixteen bytes are there from 0 to 16 on.
        let from = unsafe { _mm_loadu_si128(TO_THE_END.as_ptr().add(at).cast()) };
        _mm_shuffle_epi8(bytes, from)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_128(text: &[u8; 16]) -> __m128i {
        // SAFETY: sixteen bytes are there.
        unsafe { _mm_loadu_si128(text.as_ptr().cast()) }
    }

    /// See [`Lanes::decimal`].
    #[inline]
    #[target_feature(enable = "avx2")]
    fn decimal(text: &[u8; 16], count: u32) -> u64 {
        let digits = _mm_sub_epi8(load_128(text), _mm_set1_epi8(b'0' as i8));
        let digits = to_the_end(digits, count);
        let pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010a));
        let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x0001_0064));
        let fours = _mm_packus_epi32(fours, fours);
        let eights = _mm_madd_epi16(fours, _mm_set1_epi32(0x0001_2710));
        let eights = _mm_cvtsi128_si64(eights) as u64;
        (eights & 0xffff_ffff) * 100_000_000 + (eights >> 32)
    }

    /// See [`Lanes::hex`].
    #[inline]
    #[target_feature(enable = "avx2")]
    fn hex(text: &[u8; 16], count: u32) -> u64 {
        let text = load_128(text);
        let letter = _mm_cmpgt_epi8(text, _mm_set1_epi8(b'9' as i8));
        let nine = _mm_and_si128(letter, _mm_set1_epi8(9));
        let digits = _mm_add_epi8(_mm_and_si128(text, _mm_set1_epi8(15)), nine);
        let pairs = _mm_maddubs_epi16(to_the_end(digits, count), _mm_set1_epi16(0x0110));
        let bytes = _mm_packus_epi16(pairs, pairs);
        (_mm_cvtsi128_si64(bytes) as u64).swap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::lcg::Lcg;

    /// What a level makes of a block and of the numbers at its beginning.
    struct All<'a>(&'a [u8; BLOCK], [u8; 3]);

    /// Bits of classes, then numbers.
    type Result = ([u64; 4], Vec<u64>);

    impl Work for All<'_> {
        type Output = Result;

        fn run<L: Lanes>(self, lanes: L) -> Result {
            let All(block, [byte, first, count]) = self;
            let bits = [
                lanes.equal(block, byte),
                lanes.among(block, first, count),
                lanes.among(block, b'0', 10),
                lanes.hex_digits(block),
            ];
            let text = block.first_chunk().unwrap();
            let digits = |digit: fn(&u8) -> bool| {
                let digits = text.iter().take_while(|byte| digit(byte)).count();
                0..=digits as u32
            };
            let decimals = digits(u8::is_ascii_digit).map(|count| lanes.decimal(text, count));
            let hexes = digits(u8::is_ascii_hexdigit).map(|count| lanes.hex(text, count));
            (bits, decimals.chain(hexes).collect())
        }
    }

    /// The same, as the standard library has it.
    fn naive(block: &[u8; BLOCK], [byte, first, count]: [u8; 3]) -> Result {
        let bits = |is: &dyn Fn(u8) -> bool| {
            let each = block.iter().enumerate();
            each.fold(0, |bits, (i, &byte)| bits | u64::from(is(byte)) << i)
        };
        let among = |byte: u8| (first..first + count).contains(&byte);
        let bits = [
            bits(&|b| b == byte),
            bits(&among),
            bits(&|b| b.is_ascii_digit()),
            bits(&|b| b.is_ascii_hexdigit()),
        ];
        let mut numbers = Vec::new();
        for radix in [10, 16] {
            let digit = |byte: &&u8| char::from(**byte).is_digit(radix);
            let digits = block[..16].iter().take_while(digit).count();
            for count in 0..=digits {
                let text = str::from_utf8(&block[..count]).unwrap();
                numbers.push(u64::from_str_radix(text, radix).unwrap_or(0));
            }
        }
        (bits, numbers)
    }

    #[test]
    fn all_levels_agree_with_the_standard_library() {
        let mut random = Lcg::new(3);
        let glyphs = b"0123456789abcdefABCDEF /:@G`g\x01\x7f\x80\xb0\xff\n\r\t\0";
        for round in 0..20_000 {
            let odd = [10, 16, 22, glyphs.len() as u64][round % 4];
            let mut block = [0; BLOCK];
            block.fill_with(|| glyphs[random.below(odd) as usize]);
            block[random.below(16) as usize] = random.next() as u8;
            let first = 1 + random.below(100) as u8;
            let count = 1 + random.below(u64::from(128 - first)) as u8;
            let classes = [random.next() as u8, first, count];
            let expected = naive(&block, classes);
            for level in SimdLevel::available() {
                let got = run(level, All(&block, classes));
                assert_eq!(got, expected, "{level:?} {}", block.escape_ascii());
            }
        }
    }

    #[test]
    fn numbers_that_are_none_do_no_harm() {
        let mut random = Lcg::new(9);
        for _ in 0..20_000 {
            let mut text = [0; 16];
            text.fill_with(|| (random.next() >> 40) as u8);
            struct Any([u8; 16], u32);
            impl Work for Any {
                type Output = ();
                fn run<L: Lanes>(self, lanes: L) {
                    lanes.decimal(&self.0, self.1);
                    lanes.hex(&self.0, self.1);
                }
            }
            for level in SimdLevel::available() {
                run(level, Any(text, random.below(17) as u32));
            }
        }
    }
}
