//! Looks for the next byte that matters in a string of burst references: each byte names a place
//! (its upper six bits) and a kind (its lower two, of which the upper one says that it writes).

use super::Level;

/// What is looked for: a bit for each place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Every reference of the place.
    pub any: u64,
    /// References of the place that write.
    pub writes: u64,
}

impl Wanted {
    /// Sets what is looked for at a place.
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

/// A byte that writes has this bit.
const WRITES: u8 = 2;
/// A bit that no byte is asked for: stands for every byte.
const ANY: u8 = 1;

/// Finds the first byte from an index on that is wanted.
pub type Scan = fn(&[u8], usize, &Wanted) -> Option<usize>;
/// Finds the last byte before an index that is wanted.
pub type ScanBack = fn(&[u8], usize, &Wanted) -> Option<usize>;

/// The form of [`portable`] for a level that the processor has.
///
/// # Panics
/// If the processor does not have it.
pub fn scan(level: Level) -> Scan {
    assert!(level <= Level::best(), "{level:?} on this processor");
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => x86::avx512,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => x86::avx2,
        _ => portable,
    }
}

/// The form of [`portable_back`] for a level that the processor has.
///
/// # Panics
/// If the processor does not have it.
pub fn scan_back(level: Level) -> ScanBack {
    assert!(level <= Level::best(), "{level:?} on this processor");
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => x86::avx512_back,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => x86::avx2_back,
        _ => portable_back,
    }
}

/// The plain form.
pub fn portable(raw: &[u8], from: usize, wanted: &Wanted) -> Option<usize> {
    let found = raw[from..].iter().position(|&byte| wanted.wants(byte));
    Some(from + found?)
}

/// The plain form of the way back.
pub fn portable_back(raw: &[u8], before: usize, wanted: &Wanted) -> Option<usize> {
    raw[..before].iter().rposition(|&byte| wanted.wants(byte))
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{ANY, WRITES, Wanted};
    use std::arch::x86_64::*;

    /// Only handed out by [`super::scan`], which looks at the processor first.
    pub fn avx512(raw: &[u8], from: usize, wanted: &Wanted) -> Option<usize> {
        // SAFETY: the processor has the features, see above.
        Some(from + unsafe { avx512_inner::<false>(&raw[from..], wanted) }?)
    }

    /// Only handed out by [`super::scan_back`], which looks at the processor first.
    pub fn avx512_back(raw: &[u8], before: usize, wanted: &Wanted) -> Option<usize> {
        // SAFETY: the processor has the features, see above.
        unsafe { avx512_inner::<true>(&raw[..before], wanted) }
    }

    /// The first or the last.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn avx512_inner<const BACK: bool>(raw: &[u8], wanted: &Wanted) -> Option<usize> {
        let (any, writes) = (_mm512_set1_epi8(ANY as i8), _mm512_set1_epi8(WRITES as i8));
        let table = _mm512_or_si512(
            _mm512_maskz_mov_epi8(wanted.any, any),
            _mm512_maskz_mov_epi8(wanted.writes, writes),
        );
        let places = _mm512_set1_epi8(63);
        let find = |bytes| {
            let place = _mm512_and_si512(_mm512_srli_epi16::<2>(bytes), places);
            let wants = _mm512_permutexvar_epi8(place, table);
            let is = _mm512_or_si512(_mm512_and_si512(bytes, writes), any);
            _mm512_test_epi8_mask(wants, is)
        };
        if BACK {
            let mut chunks = raw.rchunks_exact(64);
            let mut end = raw.len();
            for chunk in &mut chunks {
                end -= 64;
                // SAFETY: 64 bytes are read from a chunk of 64.
                let found = find(unsafe { _mm512_loadu_si512(chunk.as_ptr().cast()) });
                if found != 0 {
                    return Some(end + found.ilog2() as usize);
                }
            }
            let rest = chunks.remainder();
            let there = (1 << rest.len()) - 1;
            // SAFETY: only bytes of the remainder are read, which has fewer than 64.
            let bytes = unsafe { _mm512_maskz_loadu_epi8(there, rest.as_ptr().cast()) };
            return Some((find(bytes) & there).checked_ilog2()? as usize);
        }
        let mut chunks = raw.chunks_exact(64);
        let mut at = 0;
        for chunk in &mut chunks {
            // SAFETY: 64 bytes are read from a chunk of 64.
            let found = find(unsafe { _mm512_loadu_si512(chunk.as_ptr().cast()) });
            if found != 0 {
                return Some(at + found.trailing_zeros() as usize);
            }
            at += 64;
        }
        let rest = chunks.remainder();
        let there = (1 << rest.len()) - 1;
        // SAFETY: only bytes of the remainder are read, which has fewer than 64.
        let found = find(unsafe { _mm512_maskz_loadu_epi8(there, rest.as_ptr().cast()) }) & there;
        (found != 0).then(|| at + found.trailing_zeros() as usize)
    }

    /// Only handed out by [`super::scan`], which looks at the processor first.
    pub fn avx2(raw: &[u8], from: usize, wanted: &Wanted) -> Option<usize> {
        // SAFETY: the processor has the feature, see above.
        Some(from + unsafe { avx2_inner::<false>(&raw[from..], wanted) }?)
    }

    /// Only handed out by [`super::scan_back`], which looks at the processor first.
    pub fn avx2_back(raw: &[u8], before: usize, wanted: &Wanted) -> Option<usize> {
        // SAFETY: the processor has the feature, see above.
        unsafe { avx2_inner::<true>(&raw[..before], wanted) }
    }

    /// The first or the last.
    #[target_feature(enable = "avx2")]
    fn avx2_inner<const BACK: bool>(raw: &[u8], wanted: &Wanted) -> Option<usize> {
        // A register looks up 16 places: four of them, each for the bytes whose upper two bits
        // name it. A bit becomes a byte where it is alone left of the eight of its byte.
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
        let tables = [part(0), part(1), part(2), part(3)];
        let parts = [0, 64, 128, 192].map(|top: u8| _mm256_set1_epi8(top as i8));
        let (top, low) = (_mm256_set1_epi8(192u8 as i8), _mm256_set1_epi8(15));
        let zero = _mm256_setzero_si256();
        let find = |bytes| {
            let place = _mm256_and_si256(_mm256_srli_epi16::<2>(bytes), low);
            let upper = _mm256_and_si256(bytes, top);
            let mut wants = zero;
            for (table, part) in tables.iter().zip(parts) {
                let here = _mm256_cmpeq_epi8(upper, part);
                let found = _mm256_shuffle_epi8(*table, place);
                wants = _mm256_or_si256(wants, _mm256_and_si256(found, here));
            }
            let is = _mm256_or_si256(_mm256_and_si256(bytes, writes), any);
            let none = _mm256_cmpeq_epi8(_mm256_and_si256(wants, is), zero);
            !(_mm256_movemask_epi8(none) as u32)
        };
        let rest = |rest: &[u8]| {
            let mut last = [0; 32];
            last[..rest.len()].copy_from_slice(rest);
            // SAFETY: 32 bytes are read from an array of 32.
            let found = find(unsafe { _mm256_loadu_si256(last.as_ptr().cast()) });
            found & ((1 << rest.len()) - 1)
        };
        if BACK {
            let mut chunks = raw.rchunks_exact(32);
            let mut end = raw.len();
            for chunk in &mut chunks {
                end -= 32;
                // SAFETY: 32 bytes are read from a chunk of 32.
                let found = find(unsafe { _mm256_loadu_si256(chunk.as_ptr().cast()) });
                if found != 0 {
                    return Some(end + found.ilog2() as usize);
                }
            }
            return Some(rest(chunks.remainder()).checked_ilog2()? as usize);
        }
        let mut chunks = raw.chunks_exact(32);
        let mut at = 0;
        for chunk in &mut chunks {
            // SAFETY: 32 bytes are read from a chunk of 32.
            let found = find(unsafe { _mm256_loadu_si256(chunk.as_ptr().cast()) });
            if found != 0 {
                return Some(at + found.trailing_zeros() as usize);
            }
            at += 32;
        }
        let found = rest(chunks.remainder());
        (found != 0).then(|| at + found.trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every form finds the same bytes, from every index, in strings of any length, however rare
    /// what is wanted.
    #[test]
    fn all_forms_agree() {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u32
        };
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
            for level in Level::available() {
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
