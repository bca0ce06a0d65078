//! LIRS: pages with a short distance between their last two references are LIR and stay; the others
//! are HIR, few of them are resident, in the queue Q, and leave in its order. The stack S holds the
//! LIR pages and the HIR pages, resident or not, that were referenced after the lowest LIR page: a
//! HIR page referenced while it is in S has a shorter distance than that LIR page, and they change
//! roles. After anything that may take the lowest LIR page from the bottom of S, S is pruned: HIR
//! pages at the bottom are taken off, and are forgotten if not resident.
//!
//! S. Jiang and X. Zhang, "LIRS: an efficient low inter-reference recency set replacement policy to
//! improve buffer cache performance", SIGMETRICS 2002.

use super::lists::{Held, forget, share, take};
use super::{Page, Ref, Run};

struct Lirs {
    /// Most LIR pages.
    most: usize,
    lir: Vec<Page>,
    /// The stack S, bottom first.
    stack: Vec<Page>,
    /// The queue Q of resident HIR pages, the next to leave first.
    queue: Vec<Page>,
}

impl Lirs {
    fn put_on_top(&mut self, page: Page) {
        forget(&mut self.stack, page);
        self.stack.push(page);
    }

    fn put_at_end(&mut self, page: Page) {
        forget(&mut self.queue, page);
        self.queue.push(page);
    }

    fn prune(&mut self) {
        while self.stack.first().is_some_and(|p| !self.lir.contains(p)) {
            self.stack.remove(0);
        }
    }

    /// A HIR page that was in the stack when it was referenced, resident or not.
    fn becomes_lir(&mut self, page: Page) {
        forget(&mut self.queue, page);
        self.put_on_top(page);
        self.lir.push(page);
        if self.lir.len() > self.most {
            let lowest = self.lowest_lir();
            forget(&mut self.lir, lowest);
            forget(&mut self.stack, lowest);
            self.put_at_end(lowest);
        }
        self.prune();
    }

    fn lowest_lir(&self) -> Page {
        let mut from_bottom = self.stack.iter();
        let lowest = from_bottom.find(|page| self.lir.contains(page));
        *lowest.expect("all LIR pages are in the stack")
    }
}

/// Replays `refs` in `frames` frames; `hir` millionths of them, at least one, are for HIR pages.
pub fn lirs(refs: &[Ref], frames: usize, hir: u64) -> Run {
    assert!(frames > 0);
    let mut run = Run::default();
    let mut lirs = Lirs {
        most: frames - share(frames, hir).max(1),
        lir: Vec::new(),
        stack: Vec::new(),
        queue: Vec::new(),
    };
    let mut resident: Vec<Held> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        let page = r.key();
        let in_stack = lirs.stack.contains(&page);
        if let Some((_, dirty)) = resident.iter_mut().find(|held| held.0 == page) {
            *dirty |= r.write;
            if lirs.lir.contains(&page) {
                lirs.put_on_top(page);
                lirs.prune();
            } else if in_stack {
                lirs.becomes_lir(page);
            } else {
                lirs.put_on_top(page);
                lirs.put_at_end(page);
            }
        } else {
            let mut victim = None;
            if resident.len() == frames {
                // Never more than `most` LIR pages: the queue has one. If it is in the stack, it
                // stays there.
                let left = lirs.queue.remove(0);
                victim = take(&mut resident, left);
            }
            run.fault(at, page, victim);
            resident.push((page, r.write));
            if in_stack {
                lirs.becomes_lir(page);
            } else if lirs.lir.len() < lirs.most {
                lirs.put_on_top(page);
                lirs.lir.push(page);
            } else {
                lirs.put_on_top(page);
                lirs.put_at_end(page);
            }
        }
        run.count_resident(resident.len());
    }
    run.end(resident.into_iter())
}
