//! Page fault frequency: at a fault, the process looks at how many of its references lie since its
//! fault before. If `tau` or more, its pages whose reference bit is clear leave. Else, and at its first fault,
//! nothing leaves. Then the bits of its pages are cleared, except that of the page just loaded: at
//! every fault with `reset`, else only where pages may have left. Every reference sets the bit of its
//! page.
//!
//! W. W. Chu, H. Opderbeck, "The page fault frequency replacement algorithm", AFIPS FJCC 1972.

use super::{Expiry, Page, Ref, Run};

struct Resident {
    page: Page,
    dirty: bool,
    referenced: bool,
}

/// Replays `refs` with a critical interval of `tau` references between faults.
pub fn pff(refs: &[Ref], tau: u64, reset: bool) -> Run {
    assert!(tau > 0);
    let mut run = Run::default();
    let mut resident: Vec<Resident> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        if let Some(page) = resident.iter_mut().find(|page| page.page == r.key()) {
            page.referenced = true;
            page.dirty |= r.write;
        } else {
            let mut faults = run.faults.iter().rev();
            let before = faults.find(|fault| fault.page.0 == r.process);
            // References of the process after the fault before, up to this one.
            let since = before.map(|fault| {
                let own = refs[fault.at + 1..=at]
                    .iter()
                    .filter(|o| o.process == r.process);
                own.count() as u64
            });
            run.fault(at, r.key(), None);
            let shrinks = since.is_some_and(|since| since >= tau);
            if shrinks {
                let unused = |page: &Resident| page.page.0 == r.process && !page.referenced;
                let (mut left, stay): (Vec<_>, Vec<_>) = resident.into_iter().partition(unused);
                resident = stay;
                // Pages leave in order of first reference.
                left.sort_by_key(|page| refs.iter().position(|r| r.key() == page.page));
                run.expired.extend(left.iter().map(|page| Expiry {
                    at,
                    page: page.page,
                    dirty: page.dirty,
                }));
            }
            if shrinks || reset {
                for page in resident.iter_mut().filter(|page| page.page.0 == r.process) {
                    page.referenced = false;
                }
            }
            resident.push(Resident {
                page: r.key(),
                dirty: r.write,
                referenced: true,
            });
        }
        run.count_resident(resident.len());
    }
    run.end(resident.into_iter().map(|page| (page.page, page.dirty)))
}
