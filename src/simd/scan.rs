//! Finds the next or the last wanted byte among the references of a burst. The upper six bits of a
//! byte are a place; the lower two are a kind, of which bit 1 says that it writes.

use super::SimdLevel;

/// The bytes to find: a bit for each place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Every reference of the place.
    pub any: u64,
    /// References of the place that write.
    pub writes: u64,
}

impl Wanted {
    /// Sets the references to find at `place`: `any` of them, or those that write.
    #[inline]
    pub fn set(&mut self, place: u8, any: bool, writes: bool) {
        self.any = self.any & !(1 << place) | u64::from(any) << place;
        self.writes = self.writes & !(1 << place) | u64::from(writes) << place;
    }
}

impl Wanted {
    #[inline]
    fn wants(&self, byte: u8) -> bool {
        let wants = match byte & WRITES {
            0 => self.any,
            _ => self.any | self.writes,
        };
        wants >> (byte >> 2) & 1 != 0
    }
}

/// A byte that writes has this bit; also the table bit for "bytes of this place that write".
const WRITES: u8 = 2;
/// Table bit for "every byte of this place". The search sets it in each byte, so the byte's own bit 0
/// does not matter.
const ANY: u8 = 1;

/// Returns the index of the first wanted byte from an index on.
pub type Scan = fn(&[u8], usize, &Wanted) -> Option<usize>;
/// Returns the index of the last wanted byte before an index.
pub type ScanBack = fn(&[u8], usize, &Wanted) -> Option<usize>;

/// Returns the form of [`portable`] for `level`.
///
/// # Panics
/// If the processor does not have it.
pub fn scan(level: SimdLevel) -> Scan {
    assert!(level <= SimdLevel::best(), "{level:?} on this processor");
    match level {
        #[cfg(target_arch = "x86_64")]
        SimdLevel::Avx512Vbmi => x86::avx512,
        #[cfg(target_arch = "x86_64")]
        SimdLevel::Avx512 | SimdLevel::Avx2 => x86::avx2,
        _ => portable,
    }
}

/// Returns the form of [`portable_back`] for `level`.
///
/// # Panics
/// If the processor does not have it.
pub fn scan_back(level: SimdLevel) -> ScanBack {
    assert!(level <= SimdLevel::best(), "{level:?} on this processor");
    match level {
        #[cfg(target_arch = "x86_64")]
        SimdLevel::Avx512Vbmi => x86::avx512_back,
        #[cfg(target_arch = "x86_64")]
        SimdLevel::Avx512 | SimdLevel::Avx2 => x86::avx2_back,
        _ => portable_back,
    }
}

/// The portable form.
pub fn portable(raw: &[u8], from: usize, wanted: &Wanted) -> Option<usize> {
    let found = raw[from..].iter().position(|&byte| wanted.wants(byte));
    Some(from + found?)
}

/// The portable form of the search from the end.
pub fn portable_back(raw: &[u8], before: usize, wanted: &Wanted) -> Option<usize> {
    raw[..before].iter().rposition(|&byte| wanted.wants(byte))
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{ANY, WRITES, Wanted};
    use std::arch::x86_64::*;

    /// Returned by [`super::scan`] only, if the processor has the features.
    pub fn avx512(raw: &[u8], from: usize, wanted: &Wanted) -> Option<usize> {
        // SAFETY: the processor has the features, as said above.
        Some(from + unsafe { avx512_inner::<false>(&raw[from..], wanted) }?)
    }

    /// Returned by [`super::scan_back`] only, if the processor has the features.
    pub fn avx512_back(raw: &[u8], before: usize, wanted: &Wanted) -> Option<usize> {
        // SAFETY: the processor has the features, as said above.
        unsafe { avx512_inner::<true>(&raw[..before], wanted) }
    }

    /// Returned by [`super::scan`] only, if the processor has the features.
    pub fn avx2(raw: &[u8], from: usize, wanted: &Wanted) -> Option<usize> {
        // SAFETY: the processor has the feature, as said above.
        Some(from + unsafe { avx2_inner::<false>(&raw[from..], wanted) }?)
    }

    /// Returned by [`super::scan_back`] only, if the processor has the features.
    pub fn avx2_back(raw: &[u8], before: usize, wanted: &Wanted) -> Option<usize> {
        // SAFETY: the processor has the feature, as said above.
        unsafe { avx2_inner::<true>(&raw[..before], wanted) }
    }

    /// Returns the index of the first wanted byte of `raw`; with `BACK`, of the last. `find` returns
    /// a bit for each byte of a block that is wanted, and `find_part` for each of fewer than `N`
    /// bytes. Inlined, so that both are compiled for the caller's registers.
    #[inline(always)]
    fn search<const BACK: bool, const N: usize>(
        raw: &[u8],
        find: impl Fn(&[u8; N]) -> u64,
        find_part: impl Fn(&[u8]) -> u64,
    ) -> Option<usize> {
        if BACK {
            let (part, blocks) = raw.as_rchunks::<N>();
            let mut end = raw.len();
            for block in blocks.iter().rev() {
                end -= N;
                let found = find(block);
                if found != 0 {
                    return Some(end + found.ilog2() as usize);
                }
            }
            return Some(find_part(part).checked_ilog2()? as usize);
        }
        let (blocks, part) = raw.as_chunks::<N>();
        let mut at = 0;
        for block in blocks {
            let found = find(block);
            if found != 0 {
                return Some(at + found.trailing_zeros() as usize);
            }
            at += N;
        }
        let found = find_part(part);
        (found != 0).then(|| at + found.trailing_zeros() as usize)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn avx512_inner<const BACK: bool>(raw: &[u8], wanted: &Wanted) -> Option<usize> {
        let (any, writes) = (_mm512_set1_epi8(ANY as i8), _mm512_set1_epi8(WRITES as i8));
        let table = _mm512_or_si512(
            _mm512_maskz_mov_epi8(wanted.any, any),
            _mm512_maskz_mov_epi8(wanted.writes, writes),
        );
        let places = _mm512_set1_epi8(63);
        let test = |bytes| {
            let place = _mm512_and_si512(_mm512_srli_epi16::<2>(bytes), places);
            let wants = _mm512_permutexvar_epi8(place, table);
            let is = _mm512_or_si512(_mm512_and_si512(bytes, writes), any);
            _mm512_test_epi8_mask(wants, is)
        };
        // SAFETY: 64 bytes are read from a block of 64.
        let find = |block: &[u8; 64]| test(unsafe { _mm512_loadu_si512(block.as_ptr().cast()) });
        let find_part = |part: &[u8]| {
            let there = (1 << part.len()) - 1;
            // SAFETY: only bytes of the part are read, which has fewer than 64.
            test(unsafe { _mm512_maskz_loadu_epi8(there, part.as_ptr().cast()) }) & there
        };
        search::<BACK, 64>(raw, find, find_part)
    }

    #[target_feature(enable = "avx2")]
    fn avx2_inner<const BACK: bool>(raw: &[u8], wanted: &Wanted) -> Option<usize> {
        let tables = tables(wanted);
        let (any, writes) = (_mm256_set1_epi8(ANY as i8), _mm256_set1_epi8(WRITES as i8));
        let tops = [0, 64, 128, 192].map(|top: u8| _mm256_set1_epi8(top as i8));
        let (top, low) = (_mm256_set1_epi8(192u8 as i8), _mm256_set1_epi8(15));
        let zero = _mm256_setzero_si256();
        let test = |bytes| {
            let place = _mm256_and_si256(_mm256_srli_epi16::<2>(bytes), low);
            let upper = _mm256_and_si256(bytes, top);
            let mut wants = zero;
            for (table, top) in tables.iter().zip(tops) {
                let here = _mm256_cmpeq_epi8(upper, top);
                let found = _mm256_shuffle_epi8(*table, place);
                wants = _mm256_or_si256(wants, _mm256_and_si256(found, here));
            }
            let is = _mm256_or_si256(_mm256_and_si256(bytes, writes), any);
            let none = _mm256_cmpeq_epi8(_mm256_and_si256(wants, is), zero);
            u64::from(!(_mm256_movemask_epi8(none) as u32))
        };
        // SAFETY: 32 bytes are read from a block of 32.
        let find = |block: &[u8; 32]| test(unsafe { _mm256_loadu_si256(block.as_ptr().cast()) });
        let find_part = |part: &[u8]| {
            let mut block = [0; 32];
            block[..part.len()].copy_from_slice(part);
            find(&block) & ((1 << part.len()) - 1)
        };
        search::<BACK, 32>(raw, find, find_part)
    }

    /// Returns the table bytes of the 64 places, 16 in each register: an instruction looks up 16
    /// places, and the upper two bits of a byte select the register.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn tables(wanted: &Wanted) -> [__m256i; 4] {
        // A bit becomes a byte: spread eight bits over eight bytes, and keep one bit in each.
        let bits = _mm256_set1_epi64x(0x8040_2010_0804_0201u64 as i64);
        let spread = _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0101_0101_0101_0101, 0));
        let bytes = |bits16: u16, value| {
            let there = _mm256_shuffle_epi8(_mm256_set1_epi16(bits16 as i16), spread);
            let there = _mm256_cmpeq_epi8(_mm256_and_si256(there, bits), bits);
            _mm256_and_si256(there, value)
        };
        let (any, writes) = (_mm256_set1_epi8(ANY as i8), _mm256_set1_epi8(WRITES as i8));
        let part = |index: usize| {
            let of = |bits: u64| (bits >> (index * 16)) as u16;
            _mm256_or_si256(bytes(of(wanted.any), any), bytes(of(wanted.writes), writes))
        };
        [part(0), part(1), part(2), part(3)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::lcg::Lcg;

    /// Every form finds the same bytes, from every index, in strings of any length, however rare
    /// what is wanted.
    #[test]
    fn all_forms_agree() {
        let mut numbers = Lcg::new(1);
        let mut next = || (numbers.next() >> 33) as u32;
        for round in 0..400 {
            let length = next() as usize % 300;
            let raw: Vec<u8> = (0..length).map(|_| next() as u8).collect();
            let rarity = 1 + round % 40;
            let mut bits =
                || (0..64).fold(0, |bits, _| bits << 1 | u64::from(next() % rarity == 0));
            let wanted = Wanted {
                any: bits(),
                writes: bits(),
            };
            let is_wanted = |&at: &usize| {
                let bit = 1 << (raw[at] >> 2);
                wanted.any & bit != 0 || wanted.writes & bit != 0 && raw[at] & 2 != 0
            };
            for level in SimdLevel::available() {
                for from in 0..=length {
                    let expected = (from..length).find(is_wanted);
                    assert_eq!(scan(level)(&raw, from, &wanted), expected, "{level:?}");
                    let expected = (0..from).rfind(is_wanted);
                    assert_eq!(scan_back(level)(&raw, from, &wanted), expected, "{level:?}");
                }
            }
        }
    }
}
