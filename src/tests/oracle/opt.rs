//! OPT: at a fault with all frames in use, the page whose next reference is farthest away leaves.
//! Among pages that are never referenced again, the one with the lowest id leaves; ids number the
//! pages in order of first reference.
//!
//! L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
//! Journal 5(2), 1966; R. L. Mattson et al., IBM Systems Journal 9(2), 1970.

use super::{Page, Ref, Run};

struct Resident {
    id: usize,
    dirty: bool,
    /// Position of the next reference, `usize::MAX` if there is none.
    next: usize,
}

/// Replays `refs` in `frames` frames.
pub fn opt(refs: &[Ref], frames: usize) -> Run {
    assert!(frames > 0);
    // The page of each id, and the id of each reference.
    let mut pages: Vec<Page> = Vec::new();
    let mut ids = Vec::new();
    for r in refs {
        ids.push(
            pages
                .iter()
                .position(|page| *page == r.key())
                .unwrap_or(pages.len()),
        );
        if ids.last() == Some(&pages.len()) {
            pages.push(r.key());
        }
    }
    // For each reference, the position of the next one to the same page.
    let mut next = vec![usize::MAX; refs.len()];
    let mut later = vec![usize::MAX; pages.len()];
    for at in (0..refs.len()).rev() {
        next[at] = later[ids[at]];
        later[ids[at]] = at;
    }

    let mut run = Run::default();
    let mut resident: Vec<Resident> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        if let Some(page) = resident.iter_mut().find(|page| page.id == ids[at]) {
            page.next = next[at];
            page.dirty |= r.write;
        } else {
            let mut victim = None;
            if resident.len() == frames {
                let farthest = resident.iter().map(|page| page.next).max();
                let candidates = resident.iter().filter(|page| Some(page.next) == farthest);
                let lowest = candidates.map(|page| page.id).min();
                let index = resident.iter().position(|page| Some(page.id) == lowest);
                let left = resident.remove(index.expect("a full memory has a victim"));
                victim = Some((pages[left.id], left.dirty));
            }
            run.fault(at, r.key(), victim);
            resident.push(Resident {
                id: ids[at],
                dirty: r.write,
                next: next[at],
            });
        }
        run.count_resident(resident.len());
    }
    run.end(
        resident
            .into_iter()
            .map(|page| (pages[page.id], page.dirty)),
    )
}
