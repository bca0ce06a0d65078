//! Sampled working set: after every `interval`-th reference of a process its resident pages are
//! looked at. A page referenced since the last look has been idle for 0 looks, and its reference
//! bit is cleared; another has been idle for one look more, and leaves if that makes k looks, where
//! k is `tau` / `interval` rounded down, at least 1. With an interval of 1 this is the working set.
//!
//! J. Rodriguez-Rosell, J.-P. Dupuy, "The design, implementation, and evaluation of a working set
//! dispatcher", CACM 16(4), 1973.

use super::{Expiry, Page, Ref, Run};

struct Resident {
    page: Page,
    dirty: bool,
    referenced: bool,
    idle: u64,
}

/// Replays `refs` with a window of `tau` references, sampled every `interval` references.
pub fn sws(refs: &[Ref], tau: u64, interval: u64) -> Run {
    assert!(tau > 0 && interval > 0);
    let looks = (tau / interval).max(1);
    let mut run = Run::default();
    let mut resident: Vec<Resident> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        if let Some(page) = resident.iter_mut().find(|page| page.page == r.key()) {
            page.referenced = true;
            page.dirty |= r.write;
        } else {
            run.fault(at, r.key(), None);
            resident.push(Resident {
                page: r.key(),
                dirty: r.write,
                referenced: true,
                idle: 0,
            });
        }
        let own = refs[..=at]
            .iter()
            .filter(|earlier| earlier.process == r.process);
        if (own.count() as u64).is_multiple_of(interval) {
            for page in resident.iter_mut().filter(|page| page.page.0 == r.process) {
                page.idle = if page.referenced { 0 } else { page.idle + 1 };
                page.referenced = false;
            }
            let old = |page: &Resident| page.page.0 == r.process && page.idle >= looks;
            let (mut left, stay): (Vec<_>, Vec<_>) = resident.into_iter().partition(old);
            resident = stay;
            // Pages leave in order of first reference.
            left.sort_by_key(|page| refs.iter().position(|r| r.key() == page.page));
            run.expired.extend(left.iter().map(|page| Expiry {
                at,
                page: page.page,
                dirty: page.dirty,
            }));
        }
        run.count_resident(resident.len());
    }
    run.end(resident.into_iter().map(|page| (page.page, page.dirty)))
}
