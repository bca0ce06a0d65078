//! CLOCK-Pro: LIRS with a clock. Hot pages and cold pages are on one circle, with cold pages that
//! have left: one that comes back while it is remembered is hot. Three hands go round.

use crate::policy::prelude::*;

/// Stands for no page.
const NO_PAGE: PageId = PageId::MAX;

/// The role of a page on the circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Not on the circle.
    Absent,
    Hot,
    Cold,
    /// Cold, in its test period: if it is referenced again within it, it becomes hot.
    ColdInTest,
    /// Cold, in its test period, and not resident any more.
    Remembered,
}
use Role::{Absent, Cold, ColdInTest, Hot, Remembered};

/// A page and its place on the circle.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// The page before it on the circle.
    before: PageId,
    /// The page after it, to which hands move on.
    after: PageId,
    /// Its frame, if it is resident.
    frame: FrameId,
    role: Role,
}

/// The page at each hand; [`NO_PAGE`] if the circle is empty.
#[derive(Debug, Clone, Copy)]
struct Hands {
    hot: PageId,
    cold: PageId,
    test: PageId,
}

/// CLOCK-Pro.
pub struct ClockPro {
    /// The circle, by page.
    nodes: Vec<Node>,
    hands: Hands,
    /// The most resident pages.
    capacity: u32,
    /// The target for the number of cold resident pages.
    target: u32,
    /// Whether the target moves.
    adaptive: bool,
    /// The number of pages in each role.
    counts: [u32; 5],
    /// Whether the last victim was in its test period.
    victim_in_test: bool,
}

impl ClockPro {
    fn node(&mut self, page: PageId) -> &mut Node {
        &mut self.nodes[page as usize]
    }

    fn count(&self, role: Role) -> u32 {
        self.counts[role as usize]
    }

    fn set_role(&mut self, page: PageId, role: Role) {
        let before = std::mem::replace(&mut self.node(page).role, role);
        self.counts[before as usize] -= 1;
        self.counts[role as usize] += 1;
    }

    /// Removes `page` from the circle, after moving on the hands that stand on it.
    fn take_out(&mut self, page: PageId) {
        let Node { before, after, .. } = self.nodes[page as usize];
        let next = if after == page { NO_PAGE } else { after };
        let Hands { hot, cold, test } = &mut self.hands;
        for hand in [hot, cold, test] {
            if *hand == page {
                *hand = next;
            }
        }
        self.node(before).after = after;
        self.node(after).before = before;
        self.set_role(page, Absent);
    }

    /// Inserts `page` behind hand hot, where that hand comes last.
    fn insert_at_head(&mut self, page: PageId, role: Role) {
        let after = self.hands.hot;
        if after == NO_PAGE {
            (self.node(page).before, self.node(page).after) = (page, page);
            self.hands = Hands {
                hot: page,
                cold: page,
                test: page,
            };
        } else {
            let before = std::mem::replace(&mut self.node(after).before, page);
            self.node(before).after = page;
            (self.node(page).before, self.node(page).after) = (before, after);
        }
        self.set_role(page, role);
    }

    /// Raises the target: a page was referenced within its test period.
    fn raise_target(&mut self) {
        if self.adaptive {
            self.target = (self.target + 1).min((self.capacity - 1).max(1));
        }
    }

    /// Ends the test period of `page`. Lowers the target if it was not referenced within.
    fn end_test(&mut self, frames: &Frames, page: PageId) {
        let Node { role, frame, .. } = self.nodes[page as usize];
        let was_used = role == ColdInTest && frames.referenced(frame);
        if self.adaptive && !was_used {
            self.target = (self.target - 1).max(1);
        }
        match role {
            Remembered => self.take_out(page),
            _ => self.set_role(page, Cold),
        }
    }

    /// Makes hot pages cold until there are no more than the target for cold ones leaves.
    fn limit_hot(&mut self, frames: &mut Frames) {
        while self.count(Hot) > self.capacity - self.target {
            self.run_hot(frames);
        }
    }

    /// Moves hand hot until a hot page has become cold. Ends the test periods that it passes.
    fn run_hot(&mut self, frames: &mut Frames) {
        loop {
            let page = self.hands.hot;
            let Node {
                after, frame, role, ..
            } = self.nodes[page as usize];
            match role {
                Hot if !frames.referenced(frame) => {
                    self.set_role(page, Cold);
                    self.hands.hot = after;
                    return;
                }
                Hot => frames.clear_referenced(frame),
                ColdInTest | Remembered => self.end_test(frames, page),
                Cold | Absent => {}
            }
            // If the page was taken out, the hand has stepped on already.
            if self.hands.hot == page {
                self.hands.hot = after;
            }
        }
    }

    /// Moves hand test until a test period has ended.
    fn run_test(&mut self, frames: &Frames) {
        loop {
            let page = self.hands.test;
            let Node { after, role, .. } = self.nodes[page as usize];
            let is_in_test = matches!(role, ColdInTest | Remembered);
            if is_in_test {
                self.end_test(frames, page);
            }
            if self.hands.test == page {
                self.hands.test = after;
            }
            if is_in_test {
                return;
            }
        }
    }

    /// Moves hand cold to the next cold resident page that may leave and returns that.
    #[inline(always)]
    fn next_cold(&mut self, frames: &mut Frames, spare: Option<PageId>) -> PageId {
        let is_cold = |role| matches!(role, Cold | ColdInTest);
        let spared =
            |this: &ClockPro| spare.is_some_and(|page| is_cold(this.nodes[page as usize].role));
        while self.count(Cold) + self.count(ColdInTest) == u32::from(spared(self)) {
            self.run_hot(frames);
        }
        loop {
            let page = self.hands.cold;
            let Node { after, role, .. } = self.nodes[page as usize];
            if is_cold(role) && Some(page) != spare {
                return page;
            }
            self.hands.cold = after;
        }
    }

    /// Moves a cold page that was referenced to the head.
    fn spare(&mut self, frames: &mut Frames, page: PageId) {
        let Node { frame, role, .. } = self.nodes[page as usize];
        frames.clear_referenced(frame);
        self.take_out(page);
        if role == ColdInTest {
            self.raise_target();
            self.insert_at_head(page, Hot);
            self.limit_hot(frames);
        } else {
            self.insert_at_head(page, ColdInTest);
        }
    }
}

impl<'t> PolicyType<'t> for ClockPro {
    const SPEC: Spec = Spec {
        name: "clock-pro",
        aliases: &["clockpro"],
        family: Family::Research,
        about: "hot and cold pages on one clock; pages soon back after they left become hot",
        cite: "S. Jiang, F. Chen, X. Zhang, \"CLOCK-Pro: an effective improvement of the CLOCK replacement\", USENIX Annual Technical Conference, 2005",
        choices: "new pages, and pages that hand cold spares, go directly behind hand hot, where it comes last. The reference bit is clear after the load. The target for cold pages begins with a hundredth of the frames and stays between 1 and all frames but one; it rises when a page is referenced in its test period and falls when one ends without. A hand whose page is taken out or moved stands on the next one. As many pages are remembered as there are frames. cold=... fixes the target.",
        sees: Sees::Bits,
        complexity: "hit sets a bit; fault O(1) amortised, O(c) at worst",
        bytes: "16 bytes a page",
        repeats: HitSensitivity::Twice,
        bursts: HitDelivery::SetBits,
        params: &[Param::fraction(
            "cold",
            None,
            0..=1_000_000,
            "fixed target for cold pages, part of the frames",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> ClockPro {
        let fixed = setup.optional("cold");
        let target = match fixed {
            Some(_) => setup.fraction_of("cold", setup.capacity),
            None => setup.capacity / 100,
        };
        let absent = Node {
            before: NO_PAGE,
            after: NO_PAGE,
            frame: FrameId::MAX,
            role: Absent,
        };
        ClockPro {
            nodes: vec![absent; setup.pages],
            hands: Hands {
                hot: NO_PAGE,
                cold: NO_PAGE,
                test: NO_PAGE,
            },
            capacity: setup.capacity,
            target: target.clamp(1, (setup.capacity - 1).max(1)),
            adaptive: fixed.is_none(),
            counts: [setup.pages as u32, 0, 0, 0, 0],
            victim_in_test: false,
        }
    }
}

impl Policy for ClockPro {
    #[inline(always)]
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let spare = request.spare.map(|frame| frames.page(frame));
        loop {
            let page = self.next_cold(frames, spare);
            let Node {
                after, frame, role, ..
            } = self.nodes[page as usize];
            if frames.referenced(frame) {
                self.spare(frames, page);
                continue;
            }
            self.victim_in_test = role == ColdInTest;
            if role == Cold {
                self.take_out(page);
                return frame;
            }
            self.set_role(page, Remembered);
            self.hands.cold = after;
            while self.count(Remembered) > self.capacity {
                self.run_test(frames);
            }
            return frame;
        }
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        frames.clear_referenced(at.frame);
        let page = frames.page(at.frame);
        let was_remembered = self.node(page).role == Remembered;
        self.node(page).frame = at.frame;
        if was_remembered {
            self.raise_target();
            self.take_out(page);
            self.insert_at_head(page, Hot);
            self.limit_hot(frames);
        } else {
            self.insert_at_head(page, ColdInTest);
        }
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        self.take_out(frames.page(frame));
    }
}

impl Explain for ClockPro {
    fn why(&self, _evicted: &Evicted) -> String {
        match self.victim_in_test {
            true => "cold, reference bit 0 under hand cold; remembered while its test lasts".into(),
            false => "cold, reference bit 0 under hand cold; in no test period, so it is forgotten"
                .into(),
        }
    }

    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let first = self.hands.hot;
        let after = |page: PageId| {
            let after = self.nodes[page as usize].after;
            (after != first).then_some(after)
        };
        let word = |role, frame| {
            let role = match role {
                Hot => "hot",
                ColdInTest => "cold in test",
                Cold => "cold",
                Remembered | Absent => return None,
            };
            let bit = u8::from(frames.referenced(frame));
            Some((frame, format!("{role}, bit {bit}")))
        };
        let circle = std::iter::successors((first != NO_PAGE).then_some(first), |&at| after(at));
        let nodes = circle.map(|page| self.nodes[page as usize]);
        Some(FrameOrder {
            title: "from hand hot on".into(),
            frames: nodes
                .filter_map(|node| word(node.role, node.frame))
                .collect(),
        })
    }
}
