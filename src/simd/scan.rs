//! Looks for the next byte that matters in a string of burst references: each byte names a place
//! (its upper six bits) and a kind (its lower two, of which the upper one says that it writes).

use super::Level;

/// What is looked for, by place: 0 nothing, [`ANY`] any reference, [`WRITES`] one that writes.
pub type Wanted = [u8; 64];

/// In [`Wanted`]: every reference of the place.
pub const ANY: u8 = 1;
/// In [`Wanted`]: references of the place that write.
pub const WRITES: u8 = 2;

/// Finds the first byte from an index on that is wanted.
pub type Scan = fn(&[u8], usize, &Wanted) -> Option<usize>;

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

/// The plain form.
pub fn portable(raw: &[u8], from: usize, wanted: &Wanted) -> Option<usize> {
    let matters = |&byte: &u8| wanted[usize::from(byte >> 2)] & (ANY | byte & WRITES) != 0;
    Some(from + raw[from..].iter().position(matters)?)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{ANY, WRITES, Wanted, portable};
    use std::arch::x86_64::*;

    /// Only handed out by [`super::scan`], which looks at the processor first.
    pub fn avx512(raw: &[u8], from: usize, wanted: &Wanted) -> Option<usize> {
        // SAFETY: the processor has the features, see above.
        unsafe { avx512_inner(raw, from, wanted) }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn avx512_inner(raw: &[u8], from: usize, wanted: &Wanted) -> Option<usize> {
        // SAFETY: 64 bytes are read from an array of 64.
        let table = unsafe { _mm512_loadu_si512(wanted.as_ptr().cast()) };
        let places = _mm512_set1_epi8(63);
        let (any, writes) = (_mm512_set1_epi8(ANY as i8), _mm512_set1_epi8(WRITES as i8));
        let mut chunks = raw[from..].chunks_exact(64);
        let mut at = from;
        for chunk in &mut chunks {
            // SAFETY: 64 bytes are read from a chunk of 64.
            let bytes = unsafe { _mm512_loadu_si512(chunk.as_ptr().cast()) };
            let place = _mm512_and_si512(_mm512_srli_epi16::<2>(bytes), places);
            let wants = _mm512_permutexvar_epi8(place, table);
            let is = _mm512_or_si512(_mm512_and_si512(bytes, writes), any);
            let found = _mm512_test_epi8_mask(wants, is);
            if found != 0 {
                return Some(at + found.trailing_zeros() as usize);
            }
            at += 64;
        }
        portable(raw, at, wanted)
    }

    /// Only handed out by [`super::scan`], which looks at the processor first.
    pub fn avx2(raw: &[u8], from: usize, wanted: &Wanted) -> Option<usize> {
        // SAFETY: the processor has the feature, see above.
        unsafe { avx2_inner(raw, from, wanted) }
    }

    #[target_feature(enable = "avx2")]
    fn avx2_inner(raw: &[u8], from: usize, wanted: &Wanted) -> Option<usize> {
        // A register looks up 16 places: four of them, each for the bytes whose upper two bits
        // name it.
        let part = |index: usize| {
            let part: [u8; 16] = wanted[index * 16..][..16].try_into().expect("16 bytes");
            // SAFETY: 16 bytes are read from an array of 16.
            _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(part.as_ptr().cast()) })
        };
        let tables = [part(0), part(1), part(2), part(3)];
        let parts = [0, 64, 128, 192].map(|top: u8| _mm256_set1_epi8(top as i8));
        let (top, low) = (_mm256_set1_epi8(192u8 as i8), _mm256_set1_epi8(15));
        let (any, writes) = (_mm256_set1_epi8(ANY as i8), _mm256_set1_epi8(WRITES as i8));
        let zero = _mm256_setzero_si256();
        let mut chunks = raw[from..].chunks_exact(32);
        let mut at = from;
        for chunk in &mut chunks {
            // SAFETY: 32 bytes are read from a chunk of 32.
            let bytes = unsafe { _mm256_loadu_si256(chunk.as_ptr().cast()) };
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
            let found = !(_mm256_movemask_epi8(none) as u32);
            if found != 0 {
                return Some(at + found.trailing_zeros() as usize);
            }
            at += 32;
        }
        portable(raw, at, wanted)
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
            let wanted: Wanted = std::array::from_fn(|_| match next() % rarity {
                0 => (next() % 4) as u8,
                _ => 0,
            });
            for level in Level::available() {
                for from in 0..=length {
                    let expected = (from..length).find(|&at| {
                        let wants = wanted[usize::from(raw[at] >> 2)];
                        wants & ANY != 0 || wants & WRITES != 0 && raw[at] & 2 != 0
                    });
                    assert_eq!(scan(level)(&raw, from, &wanted), expected, "{level:?}");
                }
            }
        }
    }
}
