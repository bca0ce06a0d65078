//! Working set: a page is resident while it is among the last `tau` references of its own process.
//! A reference is a hit if its page is among the `tau` references of the process before it. After a
//! reference, a page whose last reference lies `tau` or more references of its process back leaves:
//! what stays is the set of distinct pages in the last `tau` references, this one included. The
//! window of a process that does not run stands still.
//!
//! With a frame limit over all processes, a fault that finds the pool full takes the frame of the
//! resident page that was referenced longest ago, whoever owns it, even inside its window.
//!
//! P. J. Denning, "The working set model for program behavior", CACM 11(5), 1968; P. J. Denning and
//! S. C. Schwartz, "Properties of the working-set model", CACM 15(3), 1972.

use super::{Expiry, Page, Ref, Run};

struct Resident {
    page: Page,
    dirty: bool,
    /// Position of its last reference in the trace.
    at: usize,
    /// The same, counted in references of its process.
    time: u64,
}

/// Replays `refs` with a window of `tau` references, in at most `frames` frames.
pub fn ws(refs: &[Ref], tau: u64, frames: Option<usize>) -> Run {
    assert!(tau > 0 && frames != Some(0));
    let mut run = Run::default();
    let mut resident: Vec<Resident> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        let own = refs[..=at]
            .iter()
            .filter(|earlier| earlier.process == r.process);
        let now = own.count() as u64;
        if let Some(page) = resident.iter_mut().find(|page| page.page == r.key()) {
            (page.at, page.time) = (at, now);
            page.dirty |= r.write;
        } else {
            let mut victim = None;
            if Some(resident.len()) == frames {
                resident.sort_by_key(|page| page.at);
                let left = resident.remove(0);
                victim = Some((left.page, left.dirty));
            }
            run.fault(at, r.key(), victim);
            resident.push(Resident {
                page: r.key(),
                dirty: r.write,
                at,
                time: now,
            });
        }
        let old = |page: &Resident| page.page.0 == r.process && now - page.time >= tau;
        for page in resident.iter().filter(|page| old(page)) {
            run.expired.push(Expiry {
                at,
                page: page.page,
                dirty: page.dirty,
            });
        }
        resident.retain(|page| !old(page));
        run.count_resident(resident.len());
    }
    run.end(resident.into_iter().map(|page| (page.page, page.dirty)))
}
