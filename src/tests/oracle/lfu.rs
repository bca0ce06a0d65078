//! LFU: at a fault with all frames in use, the page with the fewest references leaves, among equals
//! the one referenced longest ago. The load counts as a reference. With `keep`, a page's count
//! outlives its eviction; without, a load starts at 1. With `age`, after every `age`-th reference
//! of the trace the counts of all pages, resident or not, are halved, rounding down.
//!
//! E. G. Coffman, P. J. Denning, "Operating Systems Theory", 1973, chapter 6; halving: J. T.
//! Robinson, M. V. Devarakonda, "Data cache management using frequency-based replacement",
//! SIGMETRICS 1990.

use super::{Page, Ref, Run};

/// A page that has been referenced, resident or not.
struct Known {
    page: Page,
    resident: bool,
    dirty: bool,
    count: u64,
    last: usize,
}

/// Replays `refs` in `frames` frames.
pub fn lfu(refs: &[Ref], frames: usize, keep: bool, age: Option<u64>) -> Run {
    assert!(frames > 0 && age != Some(0));
    let mut run = Run::default();
    let mut pages: Vec<Known> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        if !pages.iter().any(|page| page.page == r.key()) {
            pages.push(Known {
                page: r.key(),
                resident: false,
                dirty: false,
                count: 0,
                last: at,
            });
        }
        if pages.iter().any(|p| p.page == r.key() && !p.resident) {
            let mut victim = None;
            if pages.iter().filter(|page| page.resident).count() == frames {
                let resident = pages.iter_mut().filter(|page| page.resident);
                let left = resident.min_by_key(|page| (page.count, page.last));
                let left = left.expect("a full memory has a victim");
                victim = Some((left.page, left.dirty));
                left.resident = false;
                left.dirty = false;
                if !keep {
                    left.count = 0;
                }
            }
            run.fault(at, r.key(), victim);
        }
        for page in pages.iter_mut().filter(|page| page.page == r.key()) {
            page.resident = true;
            page.dirty |= r.write;
            page.count += 1;
            page.last = at;
        }
        if age.is_some_and(|age| (at as u64 + 1).is_multiple_of(age)) {
            for page in &mut pages {
                page.count /= 2;
            }
        }
        run.count_resident(pages.iter().filter(|page| page.resident).count());
    }
    let resident = pages.into_iter().filter(|page| page.resident);
    run.end(resident.map(|page| (page.page, page.dirty)))
}
