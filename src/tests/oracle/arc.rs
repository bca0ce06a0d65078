//! ARC: T1 holds the pages referenced once since they came in, T2 those referenced again; B1 and B2
//! remember the pages that left T1 and T2. A fault on a page of B1 says that T1 is too small and
//! raises its target p; one on a page of B2 lowers it. The victim is the back of T1 if T1 is over
//! its target, else the back of T2. All four are LRU lists; T1 and B1 together have at most as many
//! pages as there are frames, all four at most twice as many.
//!
//! N. Megiddo and D. S. Modha, "ARC: a self-tuning, low overhead replacement cache", FAST 2003,
//! Fig. 4.

use super::lists::{Held, forget, take};
use super::{Page, Ref, Run};

#[derive(Default)]
struct Arc {
    p: f64,
    t1: Vec<Held>,
    t2: Vec<Held>,
    b1: Vec<Page>,
    b2: Vec<Page>,
}

impl Arc {
    /// Subroutine REPLACE of the figure.
    fn replace(&mut self, in_b2: bool) -> Held {
        let length = self.t1.len() as f64;
        let over = length > self.p || (in_b2 && length == self.p);
        if (!self.t1.is_empty() && over) || self.t2.is_empty() {
            let left = self.t1.remove(0);
            self.b1.push(left.0);
            left
        } else {
            let left = self.t2.remove(0);
            self.b2.push(left.0);
            left
        }
    }

    /// Case IV: makes room for a page that is in none of the lists.
    fn make_room(&mut self, frames: usize) -> Held {
        let l1 = self.t1.len() + self.b1.len();
        let total = l1 + self.t2.len() + self.b2.len();
        if l1 == frames && self.t1.len() == frames {
            return self.t1.remove(0);
        }
        if l1 == frames {
            self.b1.remove(0);
        } else if total == 2 * frames {
            self.b2.remove(0);
        }
        self.replace(false)
    }
}

/// Replays `refs` in `frames` frames.
pub fn arc(refs: &[Ref], frames: usize) -> Run {
    assert!(frames > 0);
    let c = frames as f64;
    let mut run = Run::default();
    let mut arc = Arc::default();
    for (at, r) in refs.iter().enumerate() {
        let (b1, b2) = (arc.b1.len() as f64, arc.b2.len() as f64);
        let hit = take(&mut arc.t1, r.key()).or_else(|| take(&mut arc.t2, r.key()));
        if let Some((page, dirty)) = hit {
            arc.t2.push((page, dirty | r.write));
        } else if arc.t1.len() + arc.t2.len() < frames {
            run.fault(at, r.key(), None);
            arc.t1.push((r.key(), r.write));
        } else if arc.b1.contains(&r.key()) {
            arc.p = c.min(arc.p + (b2 / b1).max(1.0));
            let victim = arc.replace(false);
            run.fault(at, r.key(), Some(victim));
            forget(&mut arc.b1, r.key());
            arc.t2.push((r.key(), r.write));
        } else if arc.b2.contains(&r.key()) {
            arc.p = (arc.p - (b1 / b2).max(1.0)).max(0.0);
            let victim = arc.replace(true);
            run.fault(at, r.key(), Some(victim));
            forget(&mut arc.b2, r.key());
            arc.t2.push((r.key(), r.write));
        } else {
            let victim = arc.make_room(frames);
            run.fault(at, r.key(), Some(victim));
            arc.t1.push((r.key(), r.write));
        }
        run.count_resident(arc.t1.len() + arc.t2.len());
    }
    run.end(arc.t1.into_iter().chain(arc.t2))
}
