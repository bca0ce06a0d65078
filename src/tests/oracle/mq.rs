//! Multi-queue: LRU queues 0, 1, ...; a page referenced f times is in queue log2 f (the highest
//! queue takes all above), at its front after each reference. A page that is not referenced for
//! `life` references sinks: after every reference, the back of each queue but the lowest, from the
//! low ones up, goes to the front of the queue below if its time is over, and gets a new time. At a
//! fault with all frames in use, the back of the lowest queue that has a page leaves; its f is
//! remembered in a FIFO queue of `out` times as many pages as there are frames.
//!
//! Y. Zhou, J. F. Philbin, K. Li, "The multi-queue replacement algorithm for second level buffer
//! caches", USENIX 2001.

use super::{Page, Ref, Run};

struct Resident {
    page: Page,
    dirty: bool,
    /// References, those before the last eviction included if they were remembered.
    count: u64,
    expire: u64,
}

/// Replays `refs` in `frames` frames.
pub fn mq(refs: &[Ref], frames: usize, queues: usize, life: u64, out: usize) -> Run {
    assert!(frames > 0 && queues > 0);
    let mut run = Run::default();
    // Back first, both.
    let mut queue: Vec<Vec<Resident>> = (0..queues).map(|_| Vec::new()).collect();
    let mut remembered: Vec<(Page, u64)> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        let now = at as u64;
        let mut referenced = None;
        for pages in &mut queue {
            if let Some(index) = pages.iter().position(|page| page.page == r.key()) {
                referenced = Some(pages.remove(index));
            }
        }
        let mut page = referenced.unwrap_or_else(|| {
            let mut count = 0;
            if let Some(index) = remembered.iter().position(|ghost| ghost.0 == r.key()) {
                count = remembered.remove(index).1;
            }
            let mut victim = None;
            if queue.iter().map(Vec::len).sum::<usize>() == frames {
                let lowest = queue.iter_mut().find(|pages| !pages.is_empty());
                let left = lowest.expect("memory is full").remove(0);
                remembered.push((left.page, left.count));
                if remembered.len() > out * frames {
                    remembered.remove(0);
                }
                victim = Some((left.page, left.dirty));
            }
            run.fault(at, r.key(), victim);
            Resident {
                page: r.key(),
                dirty: false,
                count,
                expire: 0,
            }
        });
        page.dirty |= r.write;
        page.count += 1;
        page.expire = now + life;
        let number = (page.count.ilog2() as usize).min(queues - 1);
        queue[number].push(page);

        let now = now + 1;
        for k in 1..queues {
            if queue[k].first().is_some_and(|back| back.expire < now) {
                let mut sinks = queue[k].remove(0);
                sinks.expire = now + life;
                queue[k - 1].push(sinks);
            }
        }
        run.count_resident(queue.iter().map(Vec::len).sum());
    }
    let resident = queue.into_iter().flatten();
    run.end(resident.map(|page| (page.page, page.dirty)))
}
