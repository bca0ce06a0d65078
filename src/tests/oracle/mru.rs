//! MRU: at a fault with all frames in use, the page that was referenced last leaves.
//!
//! H.-T. Chou, D. J. DeWitt, "An evaluation of buffer management strategies for relational database
//! systems", VLDB 1985.

use super::{Page, Ref, Run};

/// Replays `refs` in `frames` frames.
pub fn mru(refs: &[Ref], frames: usize) -> Run {
    assert!(frames > 0);
    let mut run = Run::default();
    // Page and dirty bit, in order of last reference, oldest first.
    let mut stack: Vec<(Page, bool)> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        match stack.iter().position(|(page, _)| *page == r.key()) {
            Some(index) => {
                let (page, dirty) = stack.remove(index);
                stack.push((page, dirty | r.write));
            }
            None => {
                let victim = if stack.len() == frames {
                    stack.pop()
                } else {
                    None
                };
                run.fault(at, r.key(), victim);
                stack.push((r.key(), r.write));
            }
        }
        run.count_resident(stack.len());
    }
    run.end(stack.into_iter())
}
