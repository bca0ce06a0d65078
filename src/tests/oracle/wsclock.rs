//! WSClock: the frames form a circle with one hand, and each page has a time of last use as far as
//! known. At a fault with all frames in use, the hand goes round once. A page with its reference
//! bit set loses the bit and its time becomes now; a page without it whose time lies more than
//! `tau` back leaves at once if it is clean, and is remembered if it is dirty. After a round
//! without a victim the first such dirty page leaves, or else the first clean page from the hand,
//! or else the page at the hand. The new page takes its frame, and the hand moves past. Times are
//! counted in references of the page's own process, the faulting reference included.
//!
//! R. W. Carr, J. L. Hennessy, "WSClock: a simple and effective algorithm for virtual memory
//! management", SOSP 1981.

use super::{Page, Ref, Run};

struct Frame {
    page: Page,
    dirty: bool,
    referenced: bool,
    last: u64,
}

/// Replays `refs` in `frames` frames. Empty frames are filled in order of arrival.
pub fn wsclock(refs: &[Ref], frames: usize, tau: u64) -> Run {
    assert!(frames > 0);
    let mut run = Run::default();
    let mut circle: Vec<Frame> = Vec::new();
    let mut hand = 0;
    for (at, r) in refs.iter().enumerate() {
        let now = |process: u32| {
            let own = refs[..=at].iter().filter(|o| o.process == process);
            own.count() as u64
        };
        if let Some(frame) = circle.iter_mut().find(|frame| frame.page == r.key()) {
            frame.referenced = true;
            frame.dirty |= r.write;
        } else {
            let loaded = Frame {
                page: r.key(),
                dirty: r.write,
                referenced: true,
                last: now(r.process),
            };
            if circle.len() < frames {
                run.fault(at, r.key(), None);
                circle.push(loaded);
            } else {
                let slot = search(&mut circle, hand, tau, now);
                run.fault(at, r.key(), Some((circle[slot].page, circle[slot].dirty)));
                circle[slot] = loaded;
                hand = (slot + 1) % frames;
            }
        }
        run.count_resident(circle.len());
    }
    run.end(circle.into_iter().map(|frame| (frame.page, frame.dirty)))
}

fn search(circle: &mut [Frame], hand: usize, tau: u64, now: impl Fn(u32) -> u64) -> usize {
    let round = (0..circle.len()).map(|step| (hand + step) % circle.len());
    let round: Vec<usize> = round.collect();
    let mut old_dirty = None;
    for &slot in &round {
        let frame = &mut circle[slot];
        let now = now(frame.page.0);
        if frame.referenced {
            frame.referenced = false;
            frame.last = now;
        } else if now - frame.last > tau {
            if !frame.dirty {
                return slot;
            }
            old_dirty = old_dirty.or(Some(slot));
        }
    }
    let clean = round.into_iter().find(|&slot| !circle[slot].dirty);
    old_dirty.or(clean).unwrap_or(hand)
}
