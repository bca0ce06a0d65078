//! Clock: the frames form a circle with one hand. At a fault with all frames in use, the hand
//! clears the reference bit of each page that has it set and goes on; the first page without it
//! leaves, the new page takes its frame, and the hand moves past it. Every reference to a resident
//! page sets its bit. The load itself leaves the bit at `load_bit`: set in the textbooks, clear in
//! the other published family.
//!
//! F. J. Corbató, "A paging experiment with the Multics system", MIT Project MAC, 1968.

use super::{Page, Ref, Run};

struct Frame {
    page: Page,
    dirty: bool,
    referenced: bool,
}

/// Replays `refs` in `frames` frames. Empty frames are filled in order of arrival.
pub fn clock(refs: &[Ref], frames: usize, load_bit: bool) -> Run {
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
                while circle[hand].referenced {
                    circle[hand].referenced = false;
                    hand = (hand + 1) % frames;
                }
                run.fault(at, r.key(), Some((circle[hand].page, circle[hand].dirty)));
                circle[hand] = loaded;
                hand = (hand + 1) % frames;
            }
        }
        run.count_resident(circle.len());
    }
    run.end(circle.into_iter().map(|frame| (frame.page, frame.dirty)))
}
