//! ARC: recency and frequency in balance. Pages referenced once and pages referenced again have a
//! list each, and pages evicted from either are remembered: a fault on one of them shows which of
//! the lists is too short.

use crate::policy::prelude::*;
use crate::policy::support::lists::Lists;

/// The list of pages referenced once since their load: T1; among the ghosts the pages evicted from
/// it: B1.
pub(in crate::policy) const ONCE: usize = 0;
/// The list of pages referenced again: T2; among the ghosts the pages evicted from it: B2.
pub(in crate::policy) const AGAIN: usize = 1;

/// The pages that ARC and CAR remember after their eviction, and what they learn from them.
pub(in crate::policy) struct ArcHistory {
    /// B1 and B2, by page.
    lists: Lists,
    /// The most pages in T1 and T2.
    capacity: u32,
    /// The target p for the number of pages in T1.
    pub(in crate::policy) target: f64,
}

impl ArcHistory {
    pub(in crate::policy) fn new(capacity: u32, pages: usize) -> ArcHistory {
        ArcHistory {
            lists: Lists::new(2, pages as u32),
            capacity,
            target: 0.0,
        }
    }

    /// Returns whether `page` is remembered.
    pub(in crate::policy) fn knows(&self, page: PageId) -> bool {
        self.lists.list_of(page).is_some()
    }

    /// Remembers `page`, which was evicted from `list`.
    pub(in crate::policy) fn remember(&mut self, list: usize, page: PageId) {
        self.lists.push_front(list, page);
    }

    /// Forgets `page`, which is to be loaded. If it was remembered, its list was too short: moves
    /// the target and returns that list.
    pub(in crate::policy) fn recall(&mut self, page: PageId) -> Option<usize> {
        let list = self.lists.list_of(page)?;
        let [once, again] = [ONCE, AGAIN].map(|list| f64::from(self.lists.len(list)));
        self.target = match list {
            ONCE => (self.target + (again / once).max(1.0)).min(f64::from(self.capacity)),
            _ => (self.target - (once / again).max(1.0)).max(0.0),
        };
        self.lists.remove(page);
        Some(list)
    }

    /// Makes room in the ghost lists for a page that is in none. `once` and `again` are the lengths
    /// of T1 and T2. Keeps T1 + B1 within the capacity, and all four lists within twice the
    /// capacity.
    pub(in crate::policy) fn make_room(&mut self, once: u32, again: u32) {
        let [b1, b2] = [ONCE, AGAIN].map(|list| u64::from(self.lists.len(list)));
        let (once, again) = (u64::from(once) + b1, u64::from(again) + b2);
        if once >= u64::from(self.capacity) {
            self.lists.pop_back(ONCE);
        } else if once + again >= 2 * u64::from(self.capacity) {
            self.lists.pop_back(AGAIN);
        }
    }
}

/// Returns the name of T1 or T2 for explanations.
pub(in crate::policy) fn list_name(list: usize) -> &'static str {
    match list {
        ONCE => "T1 (pages referenced once)",
        _ => "T2 (pages referenced again)",
    }
}

/// A page that comes in, and the list from which it was evicted, if it was remembered.
type Coming = (PageId, Option<usize>);

/// Adaptive replacement cache.
pub struct Arc {
    /// T1 and T2, by frame.
    lists: Lists,
    ghosts: ArcHistory,
    capacity: u32,
    /// The page for which a victim was chosen last, if it has not been loaded yet, with the list
    /// from which it was evicted.
    coming: Option<Coming>,
    /// Earlier such pages, if several victims were chosen before a load. Empty if `coming` is `None`.
    coming_too: Vec<Coming>,
    /// The list of the last victim, and the length of T1 before its eviction.
    last_victim: (usize, u32),
}

impl Arc {
    /// Forgets the ghost of `page`, which is to be loaded. Returns the list from which it was
    /// evicted.
    fn recall(&mut self, page: PageId) -> Option<usize> {
        let from = self.ghosts.recall(page);
        if from.is_none() {
            self.ghosts
                .make_room(self.lists.len(ONCE), self.lists.len(AGAIN));
        }
        from
    }

    /// As `recall`, for a page that is loaded later: once, however often a victim is asked for it.
    fn recall_for_victim(&mut self, page: PageId) -> Option<usize> {
        if let Some(coming) = self.coming {
            if coming.0 == page {
                return coming.1;
            }
            let known = self.coming_too.iter().position(|&(of, _)| of == page);
            self.coming = known.map(|at| self.coming_too.swap_remove(at));
            self.coming_too.push(coming);
            if let Some((_, from)) = self.coming {
                return from;
            }
        }
        let from = self.recall(page);
        self.coming = Some((page, from));
        from
    }

    /// Returns what [`recall_for_victim`](Arc::recall_for_victim) returned for `page`, if a victim was
    /// chosen for it; else as `recall`.
    fn recall_for_load(&mut self, page: PageId) -> Option<usize> {
        match self.coming {
            Some((coming, from)) if coming == page => {
                self.coming = self.coming_too.pop();
                return from;
            }
            None => return self.recall(page),
            Some(_) => {}
        }
        match self.coming_too.iter().position(|&(of, _)| of == page) {
            Some(at) => self.coming_too.swap_remove(at).1,
            None => self.recall(page),
        }
    }
}

impl<'t> PolicyType<'t> for Arc {
    const SPEC: Spec = Spec {
        name: "arc",
        aliases: &["adaptive-replacement-cache"],
        family: Family::Research,
        about: "an LRU list of pages seen once and one of others, sized by faults on ghosts",
        cite: "N. Megiddo, D. S. Modha, \"ARC: a self-tuning, low overhead replacement cache\", USENIX Conference on File and Storage Technologies (FAST), 2003",
        choices: "Figure 4 of the paper to the letter; its target p is a 64-bit floating-point number, as are the quotients of ghosts by which it moves. While frames are free no page leaves, but a page that is remembered moves the target all the same.",
        sees: Sees::Hits,
        complexity: "hit and fault O(1)",
        bytes: "9 bytes a frame, 9 bytes a page",
        repeats: HitSensitivity::Twice,
        bursts: HitDelivery::OrderOfHits,
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Arc {
        Arc {
            lists: Lists::new(2, setup.frames),
            ghosts: ArcHistory::new(setup.capacity, setup.pages),
            capacity: setup.capacity,
            coming: None,
            coming_too: Vec::new(),
            last_victim: (ONCE, 0),
        }
    }
}

impl Policy for Arc {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        self.lists.move_front(AGAIN, at.frame);
    }

    #[inline(always)]
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let from = request.page.and_then(|page| self.recall_for_victim(page));
        let once = self.lists.len(ONCE);
        // T1 with the page to come is longer than T1 and B1 may be: B1 has no room for the victim.
        let forgets = request.page.is_some() && from.is_none() && once == self.capacity;
        let (length, target) = (f64::from(once), self.ghosts.target);
        let is_over = length > target || (from == Some(AGAIN) && length == target);
        let list = match forgets || (once > 0 && is_over) || self.lists.is_empty(AGAIN) {
            true => ONCE,
            false => AGAIN,
        };
        let (list, frame) = self.lists.back_of(list, request.spare);
        self.last_victim = (list, once);
        self.lists.remove(frame);
        if !forgets {
            self.ghosts.remember(list, frames.page(frame));
        }
        frame
    }

    #[inline(always)]
    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let page = frames.page(at.frame);
        let from = self.recall_for_load(page);
        let list = if from.is_some() { AGAIN } else { ONCE };
        self.lists.push_front(list, at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.lists.remove(frame);
    }
}

impl Explain for Arc {
    fn why(&self, _evicted: &Evicted) -> String {
        let (list, once) = self.last_victim;
        format!(
            "least recent of {}; T1 had {once}, its target is {:.2}",
            list_name(list),
            self.ghosts.target
        )
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let title = "T1, then T2, most recent first";
        let names = [(ONCE, "T1"), (AGAIN, "T2")];
        Some(FrameOrder::lists(title, &self.lists, names))
    }
}
