//! W-TinyLFU: pages come in through a small LRU window; behind it lies a segmented LRU of two
//! segments, probation and protected. At a fault with all frames in use, the back of the window
//! asks to be let in: it is compared with the page that the main part would give up (the back of
//! probation, else of protected), and the one that was referenced more often stays; the window's
//! page leaves if they are equal. References are counted for all pages, resident or not, up to 15,
//! and all counts are halved after every so many references (`sample` times the frames), which then
//! count half.
//!
//! G. Einziger, R. Friedman, B. Manes, "TinyLFU: a highly efficient cache admission policy", ACM
//! Transactions on Storage 13(4), 2017. (The counts are exact here, there is no sketch.)

use super::lists::{Held, share, take};
use super::{Page, Ref, Run};

/// Replays `refs` in `frames` frames. The window has `window` millionths of them, at least one;
/// `protected` millionths of the others are the most for the protected segment.
pub fn w_tinylfu(refs: &[Ref], frames: usize, window: u64, protected: u64, sample: u64) -> Run {
    assert!(frames > 0 && sample > 0);
    let most_window = share(frames, window).max(1);
    let most_protected = share(frames - most_window, protected);
    let mut run = Run::default();
    let mut counts: Vec<(Page, u64)> = Vec::new();
    let mut additions = 0;
    let mut window: Vec<Held> = Vec::new();
    let mut probation: Vec<Held> = Vec::new();
    let mut protected: Vec<Held> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        match counts.iter_mut().find(|count| count.0 == r.key()) {
            Some((_, count)) => *count = (*count + 1).min(15),
            None => counts.push((r.key(), 1)),
        }
        additions += 1;
        if additions >= sample * frames as u64 {
            counts.iter_mut().for_each(|(_, count)| *count /= 2);
            additions /= 2;
        }
        let count = |page: Page| counts.iter().find(|count| count.0 == page).unwrap().1;

        if let Some((page, dirty)) = take(&mut window, r.key()) {
            window.push((page, dirty | r.write));
        } else if let Some((page, dirty)) = take(&mut protected, r.key()) {
            protected.push((page, dirty | r.write));
        } else if let Some((page, dirty)) = take(&mut probation, r.key()) {
            protected.push((page, dirty | r.write));
            if protected.len() > most_protected {
                probation.push(protected.remove(0));
            }
        } else {
            let mut victim = None;
            if window.len() + probation.len() + protected.len() == frames {
                // The window is as long as it may be: it fills first, and gives up a page at each
                // fault from then on.
                let candidate = window.remove(0);
                let main = if probation.is_empty() {
                    &mut protected
                } else {
                    &mut probation
                };
                if main.is_empty() || count(candidate.0) <= count(main[0].0) {
                    victim = Some(candidate);
                } else {
                    victim = Some(main.remove(0));
                    probation.push(candidate);
                }
            }
            run.fault(at, r.key(), victim);
            window.push((r.key(), r.write));
            if window.len() > most_window {
                probation.push(window.remove(0));
            }
        }
        run.count_resident(window.len() + probation.len() + protected.len());
    }
    run.end(window.into_iter().chain(probation).chain(protected))
}
