//! VMIN, as [`super::vmin`], with all that happens: a page whose next reference is at most `tau`
//! references of its process ahead stays until then. Another leaves after the next reference of the
//! trace, whichever process makes it; at the end of the trace it stays.
//!
//! B. G. Prieve and R. S. Fabry, "VMIN: an optimal variable-space page replacement algorithm", CACM
//! 19(5), 1976.

use super::{Expiry, Page, Ref, Run};

/// Replays `refs` with a look ahead of `tau` references.
pub fn vmin_run(refs: &[Ref], tau: u64) -> Run {
    assert!(tau > 0);
    let mut run = Run::default();
    let mut resident: Vec<(Page, bool)> = Vec::new();
    // The page of the last reference, if it is to leave.
    let mut leaving: Option<Page> = None;
    for (at, r) in refs.iter().enumerate() {
        match resident.iter_mut().find(|(page, _)| *page == r.key()) {
            Some((_, dirty)) => *dirty |= r.write,
            None => {
                run.fault(at, r.key(), None);
                resident.push((r.key(), r.write));
            }
        }
        if let Some(index) = resident.iter().position(|(page, _)| Some(*page) == leaving) {
            let (page, dirty) = resident.remove(index);
            run.expired.push(Expiry { at, page, dirty });
        }
        // The next `tau` references of the process.
        let own = refs[at + 1..].iter().filter(|o| o.process == r.process);
        let stays = own.zip(0..tau).any(|(ahead, _)| ahead.key() == r.key());
        leaving = if stays { None } else { Some(r.key()) };
        run.count_resident(resident.len());
    }
    run.end(resident.into_iter())
}
