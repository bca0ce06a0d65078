//! OPT with the cost of writing back in view, a heuristic: at a fault with all frames in use, the
//! page with the greatest score leaves. A clean page scores the distance to its next reference,
//! without limit if there is none; a dirty page scores that distance divided by 1 + `write_cost`,
//! where the end of the trace stands in for a next reference that never comes. Among equal scores a
//! clean page leaves before a dirty one, then the page with the lower id; ids number the pages in
//! order of first reference.
//!
//! The problem: N. Beckmann, P. B. Gibbons, B. Haeupler, C. McGuffey, "Writeback-aware caching",
//! APOCS 2020.

use super::{Page, Ref, Run};
use std::cmp::Reverse;

/// Replays `refs` in `frames` frames.
pub fn opt_wb(refs: &[Ref], frames: usize, write_cost: u64) -> Run {
    assert!(frames > 0 && write_cost <= 1000);
    let mut run = Run::default();
    let mut resident: Vec<(Page, bool)> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        if let Some((_, dirty)) = resident.iter_mut().find(|(page, _)| *page == r.key()) {
            *dirty |= r.write;
        } else {
            // Scores are multiplied by 1 + write_cost.
            let score = |&(page, dirty): &(Page, bool)| {
                let ahead = refs[at..].iter().position(|other| other.key() == page);
                match (ahead, dirty) {
                    (None, false) => u128::MAX,
                    (Some(d), false) => d as u128 * u128::from(1 + write_cost),
                    (None, true) => (refs.len() - at) as u128,
                    (Some(d), true) => d as u128,
                }
            };
            let id = |page: Page| refs.iter().position(|other| other.key() == page);
            let mut victim = None;
            if resident.len() == frames {
                resident.sort_by_key(|p| (Reverse(score(p)), p.1, id(p.0)));
                victim = Some(resident.remove(0));
            }
            run.fault(at, r.key(), victim);
            resident.push((r.key(), r.write));
        }
        run.count_resident(resident.len());
    }
    run.end(resident.into_iter())
}
