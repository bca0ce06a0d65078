//! NRU, not recently used: pages fall into four classes by their bits, from "neither referenced nor
//! dirty" (0), "dirty" (1), "referenced" (2) to "both" (3). At a fault with all frames in use, a
//! page of the lowest class that has any leaves: the first in the circle of frames from the hand
//! on, which then moves past it. After every `tick`-th reference of the trace all reference bits
//! are cleared. A load is a reference.
//!
//! A. S. Tanenbaum, "Modern Operating Systems", section "The not recently used page replacement
//! algorithm".

use super::{Page, Ref, Run};

struct Frame {
    page: Page,
    dirty: bool,
    referenced: bool,
}

impl Frame {
    fn class(&self) -> u8 {
        2 * u8::from(self.referenced) + u8::from(self.dirty)
    }
}

/// Replays `refs` in `frames` frames. Empty frames are filled in order of arrival.
pub fn nru(refs: &[Ref], frames: usize, tick: u64) -> Run {
    assert!(frames > 0 && tick > 0);
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
                referenced: true,
            };
            if circle.len() < frames {
                run.fault(at, r.key(), None);
                circle.push(loaded);
            } else {
                let lowest = circle.iter().map(Frame::class).min();
                while Some(circle[hand].class()) != lowest {
                    hand = (hand + 1) % frames;
                }
                run.fault(at, r.key(), Some((circle[hand].page, circle[hand].dirty)));
                circle[hand] = loaded;
                hand = (hand + 1) % frames;
            }
        }
        if (at as u64 + 1).is_multiple_of(tick) {
            for frame in &mut circle {
                frame.referenced = false;
            }
        }
        run.count_resident(circle.len());
    }
    run.end(circle.into_iter().map(|frame| (frame.page, frame.dirty)))
}
