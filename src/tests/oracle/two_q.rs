//! 2Q, full version: a page that comes in for the first time goes into the FIFO queue A1in. If it
//! leaves from there, its name is kept in the FIFO queue A1out; if it comes back while its name is
//! there, it goes into the LRU queue Am. At a fault with all frames in use, the back of A1in leaves
//! if A1in is longer than its share Kin (or Am is empty), else the back of Am. A hit in A1in
//! changes nothing.
//!
//! T. Johnson and D. Shasha, "2Q: a low overhead high performance buffer management replacement
//! algorithm", VLDB 1994.

use super::lists::{Held, forget, share, take};
use super::{Page, Ref, Run};

/// Replays `refs` in `frames` frames; Kin and Kout in millionths of `frames`, at least one page.
pub fn two_q(refs: &[Ref], frames: usize, kin: u64, kout: u64) -> Run {
    assert!(frames > 0);
    let kin = share(frames, kin).max(1);
    let kout = share(frames, kout).max(1);
    let mut run = Run::default();
    let mut a1in: Vec<Held> = Vec::new();
    let mut a1out: Vec<Page> = Vec::new();
    let mut am: Vec<Held> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        if let Some((page, dirty)) = take(&mut am, r.key()) {
            am.push((page, dirty | r.write));
        } else if let Some((_, dirty)) = a1in.iter_mut().find(|held| held.0 == r.key()) {
            *dirty |= r.write;
        } else {
            let remembered = forget(&mut a1out, r.key());
            let mut victim = None;
            if a1in.len() + am.len() == frames {
                if a1in.len() > kin || am.is_empty() {
                    let left = a1in.remove(0);
                    a1out.push(left.0);
                    if a1out.len() > kout {
                        a1out.remove(0);
                    }
                    victim = Some(left);
                } else {
                    victim = Some(am.remove(0));
                }
            }
            run.fault(at, r.key(), victim);
            if remembered {
                am.push((r.key(), r.write));
            } else {
                a1in.push((r.key(), r.write));
            }
        }
        run.count_resident(a1in.len() + am.len());
    }
    run.end(a1in.into_iter().chain(am))
}
