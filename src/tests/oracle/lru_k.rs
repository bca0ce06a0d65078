//! LRU-K: at a fault with all frames in use, the page whose `k`-th last reference is farthest back
//! leaves; one without so many references comes before all others; among equals, the one that was
//! referenced longest ago.
//!
//! References at most `crp` (correlated reference period) after the one before them do not count as
//! new ones: only the first of such a burst is noted, and when the next burst begins, the earlier
//! ones are moved forward by the length of the burst that ended. A page inside its burst leaves
//! only if all are. What is known of a page outlives its stay in memory, for `retain` references
//! after its last one, or for ever.
//!
//! E. J. O'Neil, P. E. O'Neil, G. Weikum, "The LRU-K page replacement algorithm for database disk
//! buffering", SIGMOD 1993, Fig. 2.1.

use super::{Page, Ref, Run};

struct Known {
    page: Page,
    resident: bool,
    dirty: bool,
    /// Times of the last `k` references that count, the latest first; 0 = never.
    hist: Vec<u64>,
    /// Time of the last reference of all.
    last: u64,
}

/// Replays `refs` in `frames` frames.
pub fn lru_k(refs: &[Ref], frames: usize, k: usize, crp: u64, retain: Option<u64>) -> Run {
    assert!(frames > 0 && k > 0);
    let mut run = Run::default();
    // All pages ever loaded.
    let mut known: Vec<Known> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        let now = at as u64 + 1;
        let index = known.iter().position(|page| page.page == r.key());
        if let Some(index) = index.filter(|&index| known[index].resident) {
            let page = &mut known[index];
            page.dirty |= r.write;
            if now - page.last > crp {
                let burst = page.last - page.hist[0];
                for i in (1..k).rev() {
                    page.hist[i] = match page.hist[i - 1] {
                        0 => 0,
                        earlier => earlier + burst,
                    };
                }
                page.hist[0] = now;
            }
            page.last = now;
        } else {
            let mut victim = None;
            if known.iter().filter(|page| page.resident).count() == frames {
                // False sorts first: pages whose burst is over come before the others.
                let left = known
                    .iter_mut()
                    .filter(|page| page.resident)
                    .min_by_key(|page| (now - page.last <= crp, page.hist[k - 1], page.last))
                    .expect("a full memory has a victim");
                left.resident = false;
                victim = Some((left.page, left.dirty));
            }
            run.fault(at, r.key(), victim);
            let mut loaded = Known {
                page: r.key(),
                resident: true,
                dirty: r.write,
                hist: vec![0; k],
                last: now,
            };
            if let Some(index) = index {
                let old = known.remove(index);
                if retain.is_none_or(|retain| now - old.last <= retain) {
                    loaded.hist[1..].copy_from_slice(&old.hist[..k - 1]);
                }
            }
            loaded.hist[0] = now;
            known.push(loaded);
        }
        run.count_resident(known.iter().filter(|page| page.resident).count());
    }
    let resident = known.into_iter().filter(|page| page.resident);
    run.end(resident.map(|page| (page.page, page.dirty)))
}
