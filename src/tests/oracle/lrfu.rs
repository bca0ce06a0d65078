//! LRFU: each reference to a page counts for (1/2)^(lambda * age); a page's value is the sum over
//! its references since it was loaded. At a fault with all frames in use, the page of least value
//! leaves, among equals the one that was referenced longest ago. lambda = 0 counts references,
//! lambda = 1 is LRU.
//!
//! Values are compared by their logarithms, so that those of old pages do not all round to zero.
//!
//! D. Lee et al., "LRFU: a spectrum of policies that subsumes the least recently used and least
//! frequently used policies", IEEE Transactions on Computers 50(12), 2001.

use super::{Page, Ref, Run};

struct Resident {
    page: Page,
    dirty: bool,
    /// Positions of its references since it was loaded, the last one last.
    times: Vec<usize>,
}

impl Resident {
    fn last(&self) -> usize {
        *self.times.last().expect("the load is a reference")
    }

    /// Logarithm to base 2 of the value at `now`: that of the value at the last reference, less
    /// lambda for each reference of the trace since.
    fn value(&self, now: usize, lambda: f64) -> f64 {
        let weight = |time: &usize| (-lambda * (self.last() - time) as f64).exp2();
        let at_last: f64 = self.times.iter().map(weight).sum();
        at_last.log2() - lambda * (now - self.last()) as f64
    }
}

/// Replays `refs` in `frames` frames; `lambda` in millionths.
pub fn lrfu(refs: &[Ref], frames: usize, lambda: u64) -> Run {
    assert!(frames > 0 && lambda <= 1_000_000);
    let lambda = lambda as f64 / 1e6;
    let mut run = Run::default();
    let mut resident: Vec<Resident> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        if let Some(page) = resident.iter_mut().find(|page| page.page == r.key()) {
            page.times.push(at);
            page.dirty |= r.write;
        } else {
            let mut victim = None;
            if resident.len() == frames {
                // Longest ago first: the sort keeps that order among equal values.
                resident.sort_by_key(Resident::last);
                resident.sort_by(|a, b| a.value(at, lambda).total_cmp(&b.value(at, lambda)));
                let left = resident.remove(0);
                victim = Some((left.page, left.dirty));
            }
            run.fault(at, r.key(), victim);
            resident.push(Resident {
                page: r.key(),
                dirty: r.write,
                times: vec![at],
            });
        }
        run.count_resident(resident.len());
    }
    run.end(resident.into_iter().map(|page| (page.page, page.dirty)))
}
