//! FIFO: at a fault with all frames in use, the page that was loaded longest ago leaves.
//!
//! L. A. Belady, R. A. Nelson, G. S. Shedler, "An anomaly in space-time characteristics of certain
//! programs running in a paging machine", CACM 12(6), 1969.

use super::{Page, Ref, Run};

/// Replays `refs` in `frames` frames.
pub fn fifo(refs: &[Ref], frames: usize) -> Run {
    assert!(frames > 0);
    let mut run = Run::default();
    // Page and dirty bit, in order of load, oldest first.
    let mut queue: Vec<(Page, bool)> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        match queue.iter_mut().find(|(page, _)| *page == r.key()) {
            Some((_, dirty)) => *dirty |= r.write,
            None => {
                let victim = if queue.len() == frames {
                    Some(queue.remove(0))
                } else {
                    None
                };
                run.fault(at, r.key(), victim);
                queue.push((r.key(), r.write));
            }
        }
        run.count_resident(queue.len());
    }
    run.end(queue.into_iter())
}
