//! S3-FIFO: new pages enter the small FIFO queue S, pages that have proved themselves are in the
//! main FIFO queue M. A hit raises the page's frequency, up to 3. At a fault with all frames in
//! use: if S has its share of the frames, its tail leaves and is remembered in a ghost FIFO queue,
//! but a tail with frequency `threshold` or more moves to the head of M with frequency 0, and the
//! next tail of S is looked at. If S has less than its share, or is emptied so, the tail of M
//! leaves, but a tail with frequency above 0 goes to M's head with one less. A page that is
//! remembered when it comes in goes to the head of M, any other to the head of S, with frequency 0.
//! With `fill_main` another one goes to M, too, as long as no page has left and S has its share.
//!
//! J. Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023.

use super::lists::{forget, share};
use super::{Page, Ref, Run};

struct Resident {
    page: Page,
    dirty: bool,
    frequency: u64,
}

/// Replays `refs` in `frames` frames; `small` (at least a page) and `ghost` in millionths of them.
pub fn s3_fifo(
    refs: &[Ref],
    frames: usize,
    (small, ghost): (u64, u64),
    threshold: u64,
    fill_main: bool,
) -> Run {
    assert!(frames > 0 && small <= 1_000_000);
    let small = share(frames, small).max(1);
    let ghost = share(frames, ghost);
    let mut run = Run::default();
    // Tail, the next to leave, first.
    let (mut s, mut m): (Vec<Resident>, Vec<Resident>) = Default::default();
    let mut ghosts: Vec<Page> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        let mut resident = s.iter_mut().chain(&mut m);
        if let Some(page) = resident.find(|page| page.page == r.key()) {
            page.frequency = (page.frequency + 1).min(3);
            page.dirty |= r.write;
        } else {
            let remembered = forget(&mut ghosts, r.key());
            let mut victim = None;
            if s.len() + m.len() == frames {
                if s.len() >= small {
                    while victim.is_none() && !s.is_empty() {
                        let mut tail = s.remove(0);
                        if tail.frequency >= threshold {
                            tail.frequency = 0;
                            m.push(tail);
                        } else {
                            ghosts.push(tail.page);
                            if ghosts.len() > ghost {
                                ghosts.remove(0);
                            }
                            victim = Some((tail.page, tail.dirty));
                        }
                    }
                }
                // S had less than its share, or is empty now: M is not.
                while victim.is_none() {
                    let mut tail = m.remove(0);
                    if tail.frequency > 0 {
                        tail.frequency -= 1;
                        m.push(tail);
                    } else {
                        victim = Some((tail.page, tail.dirty));
                    }
                }
            }
            run.fault(at, r.key(), victim);
            let filling = fill_main && run.faults.iter().all(|fault| fault.victim.is_none());
            let to_main = remembered || (filling && s.len() >= small);
            let head = if to_main { &mut m } else { &mut s };
            head.push(Resident {
                page: r.key(),
                dirty: r.write,
                frequency: 0,
            });
        }
        run.count_resident(s.len() + m.len());
    }
    let resident = s.into_iter().chain(m);
    run.end(resident.map(|page| (page.page, page.dirty)))
}
