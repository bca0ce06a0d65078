//! CLOCK-Pro: LIRS with a clock. One circle of pages: hot ones, cold resident ones, and cold ones
//! that are not resident any more but remembered. A cold page that comes in begins a test period;
//! if it is referenced again within it, it becomes hot. Three hands go round: hand cold looks for
//! the victim among the cold resident pages, hand hot turns hot pages that are not referenced into
//! cold ones and ends the test periods that it passes, hand test ends tests when more pages are
//! remembered than there are frames. New pages, and pages that change their role at hand cold, go
//! to the head of the circle: directly behind hand hot, the place that it reaches last.
//!
//! The target for cold resident pages rises by one when a page is referenced within its test
//! period, and falls by one when a test period ends without.
//!
//! S. Jiang, F. Chen, X. Zhang, "CLOCK-Pro: an effective improvement of the CLOCK replacement",
//! USENIX 2005.

use super::lists::{Held, share};
use super::{Page, Ref, Run};

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Hot,
    Cold,
    /// Cold, resident, in its test period.
    ColdInTest,
    /// Cold, in its test period, not resident.
    Remembered,
}
use Role::{Cold, ColdInTest, Hot, Remembered};

struct Node {
    page: Page,
    role: Role,
    referenced: bool,
    dirty: bool,
}

struct ClockPro {
    frames: usize,
    /// The target for cold resident pages, and whether it moves.
    target: usize,
    adaptive: bool,
    /// The circle, from anywhere on.
    circle: Vec<Node>,
    /// The pages at which the hands stand; none if the circle is empty.
    hot: Option<Page>,
    cold: Option<Page>,
    test: Option<Page>,
}

impl ClockPro {
    fn index(&self, page: Option<Page>) -> usize {
        let found = self.circle.iter().position(|n| Some(n.page) == page);
        found.expect("the page is in the circle")
    }

    fn count(&self, role: Role) -> usize {
        self.circle.iter().filter(|n| n.role == role).count()
    }

    /// The page after `page`.
    fn after(&self, page: Option<Page>) -> Option<Page> {
        Some(self.circle[(self.index(page) + 1) % self.circle.len()].page)
    }

    /// Takes a page out of the circle; hands that stand on it step on first.
    fn take_out(&mut self, page: Page) -> Node {
        let mut next = self.after(Some(page));
        if next == Some(page) {
            next = None;
        }
        for hand in [&mut self.hot, &mut self.cold, &mut self.test] {
            if *hand == Some(page) {
                *hand = next;
            }
        }
        self.circle.remove(self.index(Some(page)))
    }

    fn insert_at_head(&mut self, node: Node) {
        if self.circle.is_empty() {
            (self.hot, self.cold, self.test) = (Some(node.page), Some(node.page), Some(node.page));
            self.circle.push(node);
        } else {
            let hand = self.index(self.hot);
            self.circle.insert(hand, node);
        }
    }

    fn raise_target(&mut self) {
        if self.adaptive {
            self.target = (self.target + 1).min((self.frames - 1).max(1));
        }
    }

    fn lower_target(&mut self) {
        if self.adaptive {
            self.target = (self.target - 1).max(1);
        }
    }

    /// Ends the test period of a page; it was without a reference if the bit is clear.
    fn end_test(&mut self, page: Page) {
        let index = self.index(Some(page));
        if self.circle[index].role == Remembered || !self.circle[index].referenced {
            self.lower_target();
        }
        if self.circle[index].role == Remembered {
            self.take_out(page);
        } else {
            self.circle[index].role = Cold;
        }
    }

    /// Makes hot pages cold until there are no more than may be.
    fn limit_hot(&mut self) {
        while self.count(Hot) > self.frames - self.target {
            self.run_hot();
        }
    }

    /// Moves hand hot until one hot page has become cold.
    fn run_hot(&mut self) {
        loop {
            let page = self.hot;
            let index = self.index(page);
            let node = &mut self.circle[index];
            let done = node.role == Hot && !node.referenced;
            match node.role {
                Hot if node.referenced => node.referenced = false,
                Hot => node.role = Cold,
                Cold => {}
                ColdInTest | Remembered => self.end_test(page.expect("a hand")),
            }
            // If the page was taken out, the hand has stepped on already.
            if self.hot == page {
                self.hot = self.after(page);
            }
            if done {
                return;
            }
        }
    }

    /// Moves hand test until one test period has ended.
    fn run_test(&mut self) {
        loop {
            let page = self.test;
            let role = self.circle[self.index(page)].role;
            let in_test = matches!(role, ColdInTest | Remembered);
            if in_test {
                self.end_test(page.expect("a hand"));
            }
            if self.test == page {
                self.test = self.after(page);
            }
            if in_test {
                return;
            }
        }
    }

    /// Moves hand cold until a page has left memory.
    fn run_cold(&mut self) -> Held {
        loop {
            let at = self.cold;
            let index = self.index(at);
            let Node {
                page,
                role,
                referenced,
                dirty,
            } = self.circle[index];
            match (role, referenced) {
                (Hot | Remembered, _) => self.cold = self.after(at),
                (Cold, false) => {
                    self.take_out(page);
                    return (page, dirty);
                }
                (ColdInTest, false) => {
                    self.circle[index].role = Remembered;
                    self.cold = self.after(at);
                    while self.count(Remembered) > self.frames {
                        self.run_test();
                    }
                    return (page, dirty);
                }
                (Cold | ColdInTest, true) => {
                    let mut node = self.take_out(page);
                    node.referenced = false;
                    if role == Cold {
                        node.role = ColdInTest;
                        self.insert_at_head(node);
                    } else {
                        node.role = Hot;
                        self.raise_target();
                        self.insert_at_head(node);
                        self.limit_hot();
                    }
                }
            }
        }
    }
}

/// Replays `refs` in `frames` frames; `cold` millionths of them are the target for cold pages, at
/// least one and, if possible, not all. Without `cold` the target adapts.
pub fn clock_pro(refs: &[Ref], frames: usize, cold: Option<u64>) -> Run {
    assert!(frames > 0);
    let mut run = Run::default();
    let start = cold.map_or(frames / 100, |cold| share(frames, cold));
    let mut pro = ClockPro {
        frames,
        target: start.clamp(1, (frames - 1).max(1)),
        adaptive: cold.is_none(),
        circle: Vec::new(),
        hot: None,
        cold: None,
        test: None,
    };
    for (at, r) in refs.iter().enumerate() {
        let mut resident = pro.circle.iter_mut().filter(|n| n.role != Remembered);
        if let Some(node) = resident.find(|node| node.page == r.key()) {
            node.referenced = true;
            node.dirty |= r.write;
        } else {
            let mut victim = None;
            if pro.circle.len() - pro.count(Remembered) == frames {
                victim = Some(pro.run_cold());
            }
            run.fault(at, r.key(), victim);
            let mut node = Node {
                page: r.key(),
                role: ColdInTest,
                referenced: false,
                dirty: r.write,
            };
            if pro.circle.iter().any(|other| other.page == r.key()) {
                pro.raise_target();
                pro.take_out(r.key());
                node.role = Hot;
                pro.insert_at_head(node);
                pro.limit_hot();
            } else {
                pro.insert_at_head(node);
            }
        }
        run.count_resident(pro.circle.len() - pro.count(Remembered));
    }
    let resident = pro.circle.into_iter().filter(|n| n.role != Remembered);
    run.end(resident.map(|node| (node.page, node.dirty)))
}
