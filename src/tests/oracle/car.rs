//! CAR, ARC with clocks: T1 and T2 are clocks, each written here as a queue from its hand on; a hit
//! only sets the page's reference bit. While T1 has its target of pages, its hand looks: a page
//! without the bit leaves and is remembered in B1, one with the bit goes to the end of T2 without
//! it. Else T2's hand looks: a page without the bit leaves and is remembered in B2, one with the
//! bit goes to the end of T2 without it. Target p and the bounds on the remembered pages are ARC's.
//!
//! S. Bansal and D. S. Modha, "CAR: clock with adaptive replacement", FAST 2004, Fig. 2.

use super::lists::forget;
use super::{Page, Ref, Run};

struct Resident {
    page: Page,
    dirty: bool,
    referenced: bool,
}

/// Replays `refs` in `frames` frames.
pub fn car(refs: &[Ref], frames: usize) -> Run {
    assert!(frames > 0);
    let c = frames as f64;
    let mut run = Run::default();
    let mut p = 0.0_f64;
    // Head, where the hand is, first.
    let (mut t1, mut t2): (Vec<Resident>, Vec<Resident>) = Default::default();
    // Least recent first.
    let (mut b1, mut b2): (Vec<Page>, Vec<Page>) = Default::default();
    for (at, r) in refs.iter().enumerate() {
        let mut resident = t1.iter_mut().chain(&mut t2);
        if let Some(page) = resident.find(|page| page.page == r.key()) {
            page.referenced = true;
            page.dirty |= r.write;
        } else {
            let (in_b1, in_b2) = (b1.contains(&r.key()), b2.contains(&r.key()));
            let mut victim = None;
            if t1.len() + t2.len() == frames {
                while victim.is_none() {
                    let from_t1 = t1.len() as f64 >= p.max(1.0) || t2.is_empty();
                    let mut head = if from_t1 { t1.remove(0) } else { t2.remove(0) };
                    if head.referenced {
                        head.referenced = false;
                        t2.push(head);
                    } else {
                        let ghosts = if from_t1 { &mut b1 } else { &mut b2 };
                        ghosts.push(head.page);
                        victim = Some((head.page, head.dirty));
                    }
                }
                if !in_b1 && !in_b2 {
                    if t1.len() + b1.len() == frames {
                        b1.remove(0);
                    } else if t1.len() + t2.len() + b1.len() + b2.len() == 2 * frames {
                        b2.remove(0);
                    }
                }
            }
            run.fault(at, r.key(), victim);
            let loaded = Resident {
                page: r.key(),
                dirty: r.write,
                referenced: false,
            };
            let (n1, n2) = (b1.len() as f64, b2.len() as f64);
            if in_b1 {
                p = (p + (n2 / n1).max(1.0)).min(c);
                forget(&mut b1, r.key());
                t2.push(loaded);
            } else if in_b2 {
                p = (p - (n1 / n2).max(1.0)).max(0.0);
                forget(&mut b2, r.key());
                t2.push(loaded);
            } else {
                t1.push(loaded);
            }
        }
        run.count_resident(t1.len() + t2.len());
    }
    let resident = t1.into_iter().chain(t2);
    run.end(resident.map(|page| (page.page, page.dirty)))
}
