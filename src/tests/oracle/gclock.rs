//! Generalized clock: as clock, with a counter of `bits` bits in place of the reference bit. A load
//! sets it to `load`, a reference to a resident page adds one up to the largest value. At a fault
//! with all frames in use, the hand takes one off each counter that is above zero and goes on; the
//! first page whose counter is zero leaves, the new page takes its frame, and the hand moves past.
//!
//! A. J. Smith, "Sequentiality and prefetching in database systems", ACM TODS 3(3), 1978; V. F.
//! Nicola, A. Dan, D. M. Dias, "Analysis of the generalized clock buffer replacement scheme for
//! database transaction processing", SIGMETRICS 1992.

use super::{Page, Ref, Run};

struct Frame {
    page: Page,
    dirty: bool,
    counter: u32,
}

/// Replays `refs` in `frames` frames. Empty frames are filled in order of arrival.
pub fn gclock(refs: &[Ref], frames: usize, bits: u32, load: u32) -> Run {
    let largest = (1 << bits) - 1;
    assert!(frames > 0 && (1..=8).contains(&bits) && load <= largest);
    let mut run = Run::default();
    let mut circle: Vec<Frame> = Vec::new();
    let mut hand = 0;
    for (at, r) in refs.iter().enumerate() {
        if let Some(frame) = circle.iter_mut().find(|frame| frame.page == r.key()) {
            frame.counter = largest.min(frame.counter + 1);
            frame.dirty |= r.write;
        } else {
            let loaded = Frame {
                page: r.key(),
                dirty: r.write,
                counter: load,
            };
            if circle.len() < frames {
                run.fault(at, r.key(), None);
                circle.push(loaded);
            } else {
                while circle[hand].counter > 0 {
                    circle[hand].counter -= 1;
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
