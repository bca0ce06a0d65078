//! Enhanced second chance: at a fault with all frames in use, the hand goes round the circle once
//! looking for a page neither referenced nor dirty, changing nothing. If there is none it goes
//! round once looking for a page dirty but not referenced, clearing the reference bit of each page
//! it passes. If there is none either, it does both again, which cannot fail. The page found
//! leaves, the new page takes its frame, and the hand moves past. Every reference to a resident
//! page sets its bit; the load leaves it at `load_bit`.
//!
//! W. Stallings, "Operating Systems: Internals and Design Principles", section "Replacement policy"
//! (the scheme of the Macintosh).

use super::{Page, Ref, Run};

struct Frame {
    page: Page,
    dirty: bool,
    referenced: bool,
}

/// Replays `refs` in `frames` frames. Empty frames are filled in order of arrival.
pub fn esc(refs: &[Ref], frames: usize, load_bit: bool) -> Run {
    assert!(frames > 0);
    let mut run = Run::default();
    let mut circle: Vec<Frame> = Vec::new();
    let mut hand = 0;
    for (at, r) in refs.iter().enumerate() {
        if let Some(frame) = circle.iter_mut().find(|frame| frame.page == r.key()) {
            frame.referenced = true;
            frame.dirty |= r.write;
        } else {
            let loaded = Frame {
                page: r.key(),
                dirty: r.write,
                referenced: load_bit,
            };
            if circle.len() < frames {
                run.fault(at, r.key(), None);
                circle.push(loaded);
            } else {
                let slot = search(&mut circle, hand);
                run.fault(at, r.key(), Some((circle[slot].page, circle[slot].dirty)));
                circle[slot] = loaded;
                hand = (slot + 1) % frames;
            }
        }
        run.count_resident(circle.len());
    }
    run.end(circle.into_iter().map(|frame| (frame.page, frame.dirty)))
}

fn search(circle: &mut [Frame], hand: usize) -> usize {
    let round = (0..circle.len()).map(|step| (hand + step) % circle.len());
    let round: Vec<usize> = round.collect();
    loop {
        for &slot in &round {
            if !circle[slot].referenced && !circle[slot].dirty {
                return slot;
            }
        }
        for &slot in &round {
            if !circle[slot].referenced && circle[slot].dirty {
                return slot;
            }
            circle[slot].referenced = false;
        }
    }
}
