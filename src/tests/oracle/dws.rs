//! Damped working set: as the working set, and after each reference that faults, once the pages
//! outside the window of `tau` references have left, the process's page that was referenced longest
//! ago leaves too if that was `alpha` * `tau` or more references of the process ago (rounded down,
//! at least 1).
//!
//! A. J. Smith, "A modified working set paging algorithm", IEEE Transactions on Computers C-25(9),
//! 1976.

use super::{Expiry, Page, Ref, Run};

struct Resident {
    page: Page,
    dirty: bool,
    /// Its last reference, counted in references of its process.
    time: u64,
}

/// Replays `refs` with a window of `tau` references; `alpha_ppm` is alpha in millionths.
pub fn dws(refs: &[Ref], tau: u64, alpha_ppm: u64) -> Run {
    assert!(tau > 0 && (1..=1_000_000).contains(&alpha_ppm));
    let damped = (u128::from(tau) * u128::from(alpha_ppm) / 1_000_000).max(1);
    let mut run = Run::default();
    let mut resident: Vec<Resident> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        let own = refs[..=at]
            .iter()
            .filter(|earlier| earlier.process == r.process);
        let now = own.count() as u64;
        let mut faulted = false;
        if let Some(page) = resident.iter_mut().find(|page| page.page == r.key()) {
            page.time = now;
            page.dirty |= r.write;
        } else {
            faulted = true;
            run.fault(at, r.key(), None);
            resident.push(Resident {
                page: r.key(),
                dirty: r.write,
                time: now,
            });
        }
        // No two pages of a process have the same last reference: at most one closes its window.
        let oldest = |resident: &[Resident]| {
            let own = (0..resident.len()).filter(|&i| resident[i].page.0 == r.process);
            own.min_by_key(|&i| resident[i].time)
                .expect("the page referenced is resident")
        };
        let mut leave = |resident: &mut Vec<Resident>, index: usize| {
            let left = resident.remove(index);
            run.expired.push(Expiry {
                at,
                page: left.page,
                dirty: left.dirty,
            });
        };
        let index = oldest(&resident);
        if now - resident[index].time >= tau {
            leave(&mut resident, index);
        }
        let index = oldest(&resident);
        if faulted && u128::from(now - resident[index].time) >= damped {
            leave(&mut resident, index);
        }
        run.count_resident(resident.len());
    }
    run.end(resident.into_iter().map(|page| (page.page, page.dirty)))
}
