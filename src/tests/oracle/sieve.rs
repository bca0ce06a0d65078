//! SIEVE: one queue in order of load. A hit sets the page's reference bit and moves nothing. At a
//! fault with all frames in use, a hand walks from where it stopped towards the newest page (and
//! from there to the oldest), clearing bits; the first page without the bit leaves, and the hand
//! stops at the next newer one, or nowhere if there is none; from nowhere it starts at the oldest.
//! The new page goes to the newest end, wherever the hand is.
//!
//! Y. Zhang et al., "SIEVE is simpler than LRU: an efficient turn-key eviction algorithm for web
//! caches", NSDI 2024.

use super::{Page, Ref, Run};

struct Resident {
    page: Page,
    dirty: bool,
    referenced: bool,
}

/// Replays `refs` in `frames` frames.
pub fn sieve(refs: &[Ref], frames: usize) -> Run {
    assert!(frames > 0);
    let mut run = Run::default();
    // Oldest first.
    let mut queue: Vec<Resident> = Vec::new();
    let mut hand: Option<Page> = None;
    for (at, r) in refs.iter().enumerate() {
        if let Some(page) = queue.iter_mut().find(|page| page.page == r.key()) {
            page.referenced = true;
            page.dirty |= r.write;
        } else {
            let mut victim = None;
            if queue.len() == frames {
                let stopped = queue.iter().position(|page| Some(page.page) == hand);
                let mut index = stopped.unwrap_or(0);
                while queue[index].referenced {
                    queue[index].referenced = false;
                    index = (index + 1) % frames;
                }
                hand = queue.get(index + 1).map(|page| page.page);
                let left = queue.remove(index);
                victim = Some((left.page, left.dirty));
            }
            run.fault(at, r.key(), victim);
            queue.push(Resident {
                page: r.key(),
                dirty: r.write,
                referenced: false,
            });
        }
        run.count_resident(queue.len());
    }
    run.end(queue.into_iter().map(|page| (page.page, page.dirty)))
}
