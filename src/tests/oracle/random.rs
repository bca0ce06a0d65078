//! Random: at a fault with all frames in use, a resident page drawn at random leaves. The resident
//! pages form a vector: a load appends, the last page takes the place of the one that leaves. The
//! draw is one number z of 64 bits from SplitMix64; the index is z * length / 2^64, rounded down.
//!
//! L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
//! Journal 5(2), 1966; G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number
//! generators", OOPSLA 2014.

use super::{Page, Ref, Run};

/// Replays `refs` in `frames` frames; `seed` is the first state of the generator.
pub fn random(refs: &[Ref], frames: usize, seed: u64) -> Run {
    assert!(frames > 0);
    let mut run = Run::default();
    let mut state = seed;
    let mut resident: Vec<(Page, bool)> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        match resident.iter_mut().find(|(page, _)| *page == r.key()) {
            Some((_, dirty)) => *dirty |= r.write,
            None => {
                let mut victim = None;
                if resident.len() == frames {
                    let z = u128::from(split_mix(&mut state));
                    let index = (z * resident.len() as u128) >> 64;
                    victim = Some(resident.swap_remove(index as usize));
                }
                run.fault(at, r.key(), victim);
                resident.push((r.key(), r.write));
            }
        }
        run.count_resident(resident.len());
    }
    run.end(resident.into_iter())
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
