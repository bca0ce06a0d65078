//! 2Q, simplified version: a page comes into the FIFO queue A1; a hit there moves it to the LRU
//! queue Am. At a fault with all frames in use, the back of A1 leaves if A1 is longer than its
//! share Kin (or Am is empty), else the back of Am.
//!
//! T. Johnson and D. Shasha, "2Q: a low overhead high performance buffer management replacement
//! algorithm", VLDB 1994.

use super::lists::{Held, share, take};
use super::{Ref, Run};

/// Replays `refs` in `frames` frames; Kin in millionths of `frames`, at least one page.
pub fn two_q_simple(refs: &[Ref], frames: usize, kin: u64) -> Run {
    assert!(frames > 0);
    let kin = share(frames, kin).max(1);
    let mut run = Run::default();
    let mut a1: Vec<Held> = Vec::new();
    let mut am: Vec<Held> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        let hit = take(&mut am, r.key()).or_else(|| take(&mut a1, r.key()));
        if let Some((page, dirty)) = hit {
            am.push((page, dirty | r.write));
        } else {
            let mut victim = None;
            if a1.len() + am.len() == frames {
                victim = if a1.len() > kin || am.is_empty() {
                    Some(a1.remove(0))
                } else {
                    Some(am.remove(0))
                };
            }
            run.fault(at, r.key(), victim);
            a1.push((r.key(), r.write));
        }
        run.count_resident(a1.len() + am.len());
    }
    run.end(a1.into_iter().chain(am))
}
