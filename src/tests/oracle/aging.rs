//! Aging: each page has a reference bit and a counter of `bits` bits, 0 at its load. After every
//! `tick`-th reference of the trace each counter is shifted right by one, the reference bit comes
//! in at the left, and the bit is cleared. At a fault with all frames in use, the page with the
//! least counter leaves, where the reference bit of the running interval counts as one more bit in
//! front; among equals, the one loaded first. A load is a reference.
//!
//! A. S. Tanenbaum, "Modern Operating Systems", section "Simulating LRU in software".

use super::{Page, Ref, Run};

struct Resident {
    page: Page,
    dirty: bool,
    referenced: bool,
    counter: u32,
}

/// Replays `refs` in `frames` frames.
pub fn aging(refs: &[Ref], frames: usize, bits: u32, tick: u64) -> Run {
    assert!(frames > 0 && (1..=16).contains(&bits) && tick > 0);
    let mut run = Run::default();
    // In order of load, oldest first.
    let mut resident: Vec<Resident> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        if let Some(page) = resident.iter_mut().find(|page| page.page == r.key()) {
            page.referenced = true;
            page.dirty |= r.write;
        } else {
            let mut victim = None;
            if resident.len() == frames {
                let age = |page: &Resident| (page.referenced, page.counter);
                let least = resident.iter().map(age).min();
                let index = resident.iter().position(|page| Some(age(page)) == least);
                let left = resident.remove(index.expect("a full memory has a victim"));
                victim = Some((left.page, left.dirty));
            }
            run.fault(at, r.key(), victim);
            resident.push(Resident {
                page: r.key(),
                dirty: r.write,
                referenced: true,
                counter: 0,
            });
        }
        if (at as u64 + 1).is_multiple_of(tick) {
            for page in &mut resident {
                page.counter = (page.counter >> 1) | (u32::from(page.referenced) << (bits - 1));
                page.referenced = false;
            }
        }
        run.count_resident(resident.len());
    }
    run.end(resident.into_iter().map(|page| (page.page, page.dirty)))
}
