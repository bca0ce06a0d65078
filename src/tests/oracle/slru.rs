//! Segmented LRU: a page comes in at the front of the lowest segment, the probationary one. A hit
//! moves it to the front of the next higher segment (in the highest, to its front); if that segment
//! is then over its size, its back goes to the front of the segment below. At a fault with all
//! frames in use, the back of the lowest segment that has a page leaves. The lowest has no size of
//! its own.
//!
//! R. Karedla, J. S. Love, B. G. Wherry, "Caching strategies to improve disk system performance",
//! IEEE Computer 27(3), 1994.

use super::lists::{Held, share, take};
use super::{Ref, Run};

/// Replays `refs` in `frames` frames; the segments above the lowest share `protected` millionths of
/// them equally, rounded down.
pub fn slru(refs: &[Ref], frames: usize, segments: usize, protected: u64) -> Run {
    assert!(frames > 0 && segments >= 2);
    let size = share(frames, protected) / (segments - 1);
    let mut run = Run::default();
    // Lowest first.
    let mut segment: Vec<Vec<Held>> = vec![Vec::new(); segments];
    for (at, r) in refs.iter().enumerate() {
        let found = (0..segments).find(|&i| segment[i].iter().any(|held| held.0 == r.key()));
        if let Some(i) = found {
            let (page, dirty) = take(&mut segment[i], r.key()).expect("found there");
            let to = (i + 1).min(segments - 1);
            segment[to].push((page, dirty | r.write));
            if segment[to].len() > size {
                let back = segment[to].remove(0);
                segment[to - 1].push(back);
            }
        } else {
            let mut victim = None;
            if segment.iter().map(Vec::len).sum::<usize>() == frames {
                let lowest = segment.iter_mut().find(|pages| !pages.is_empty());
                victim = Some(lowest.expect("memory is full").remove(0));
            }
            run.fault(at, r.key(), victim);
            segment[0].push((r.key(), r.write));
        }
        run.count_resident(segment.iter().map(Vec::len).sum());
    }
    run.end(segment.into_iter().flatten())
}
