//! VMIN: after each reference a page stays if it is referenced again within the next `tau`
//! references of its process, until then; else it leaves before anything else is referenced. A
//! page's frame is counted at its own reference in any case.
//!
//! B. G. Prieve and R. S. Fabry, "VMIN: an optimal variable-space page replacement algorithm",
//! CACM 19(5), 1976.

use super::Ref;

/// Faults, and the resident pages after each reference, summed.
pub fn vmin(refs: &[Ref], tau: u64) -> (u64, u128) {
    let (mut faults, mut sum) = (0, 0);
    // When each page that stays is referenced next.
    let mut stays: Vec<(super::Page, usize)> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        let before = stays.len();
        stays.retain(|&(page, next)| page != r.key() || next != at);
        faults += u64::from(stays.len() == before);
        let later = refs.iter().enumerate().skip(at + 1);
        let next = later.clone().find(|(_, other)| other.key() == r.key());
        let mut resident = stays.len() + 1;
        if let Some((next, _)) = next {
            let own = later.take_while(|(other, _)| *other <= next);
            let interval = own.filter(|(_, other)| other.process == r.process).count();
            if interval as u64 <= tau {
                stays.push((r.key(), next));
                resident = stays.len();
            }
        }
        sum += resident as u128;
    }
    (faults, sum)
}
