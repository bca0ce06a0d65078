//! LRU-K: the victim is the page whose K-th last reference is farthest back. References that follow
//! one another closely count as one.

use crate::policy::prelude::*;
use crate::policy::support::lazy_heap::LazyHeap;
use crate::units::counted;

/// Time is counted from 1; this is never.
const NEVER: u64 = 0;

/// By what pages leave: the time of the K-th last reference that counts, that of the last, and the
/// number of the last, which tells apart what has one time.
type Key = (u64, u64, u64);

/// LRU-K as in the paper's figure 2.1, with heaps in place of its search.
///
/// A page's key only grows while it is resident: heaps that lag behind will do, and a hit only
/// notes times.
pub struct LruK {
    times: Times,
    /// For each frame the number of its last reference, and how many there were so far, arrivals
    /// ahead of use included.
    number: Vec<u64>,
    made: u64,
    /// The times of pages that are not resident, by page.
    gone: Times,
    correlated: u64,
    retain: u64,
    /// Pages that can leave, or have been referenced since they could.
    settled: LazyHeap<Key>,
    /// Pages found to be in a burst of correlated references: they can leave only if all are. By
    /// what they leave then, and by when their burst may be over.
    bursting: LazyHeap<Key>,
    ending: LazyHeap<u64>,
    /// The key of the last victim, whether every page was in a burst, and when it left.
    left: (Key, bool, u64),
}

/// For each of some frames or pages: its last reference, and the last K that count, the latest
/// first.
struct Times {
    k: usize,
    times: Vec<u64>,
}

impl Times {
    fn new(k: usize, n: usize) -> Times {
        Times {
            k,
            times: vec![NEVER; n * (k + 1)],
        }
    }

    #[inline(always)]
    fn of(&self, number: u32) -> &[u64] {
        let start = number as usize * (self.k + 1);
        &self.times[start..=start + self.k]
    }

    #[inline(always)]
    fn of_mut(&mut self, number: u32) -> &mut [u64] {
        let start = number as usize * (self.k + 1);
        &mut self.times[start..=start + self.k]
    }

    #[inline(always)]
    fn last(&self, number: u32) -> u64 {
        self.of(number)[0]
    }
}

/// The key of the page in a frame.
#[inline(always)]
fn key(times: &Times, number: &[u64], frame: FrameId) -> Key {
    let last = times.of(frame);
    (last[times.k], last[0], number[frame as usize])
}

/// A new reference counts: the earlier ones move back by one, and forward by the length of the burst
/// that the last of them began.
#[inline(always)]
fn count(times: &mut [u64], now: u64, burst: u64) {
    for i in (2..times.len()).rev() {
        times[i] = match times[i - 1] {
            NEVER => NEVER,
            earlier => earlier + burst,
        };
    }
    times[0] = now;
    times[1] = now;
}

impl<'t> PolicyType<'t> for LruK {
    const SPEC: Spec = Spec {
        name: "lru-k",
        aliases: &["lru-2", "lruk"],
        family: Family::Research,
        about: "evicts the page whose K-th last reference is farthest back",
        cite: "E. J. O'Neil, P. E. O'Neil, G. Weikum, \"The LRU-K page replacement algorithm for database disk buffering\", Proceedings of the ACM SIGMOD International Conference on Management of Data, 1993",
        choices: "figure 2.1 of the paper, time counted in references. Of pages without K references, and of others whose K-th last ones are equal, the least recently used leaves. If all resident pages are within their correlated reference period, one of them leaves by the same order. What is known of a page is kept for ever unless retain is given, and is looked at when the page comes back: the paper's background process, which saves memory, is not modelled. crp=0, the default, counts every reference, but only one of those at one time: of the arrival of a page ahead of use and the reference that follows, and, with frames by process, of hits by other processes while its own stands still. libCacheSim 0.3.5 forgets the history of a page that leaves: 1 1 2 3 2 3 1 with 2 frames gives 5 misses there, 6 here; lru-k:retain=0 gives 5. Of pages with fewer than k references it evicts the first to come in: lru-k:k=3:retain=0 on 1 2 1 3 1 with 2 frames gives 4 misses there, 3 here.",
        sees: Sees::Hits,
        complexity: "hit O(k); fault O(k + log c) amortised",
        bytes: "8k + 108 bytes a frame, 8k + 8 a page",
        repeats: Repeats::All,
        params: &[
            Param::count("k", Some(2), 1..=8, "references that are remembered"),
            Param::count(
                "crp",
                Some(0),
                0..=u64::MAX,
                "correlated reference period: references within it count as one",
            ),
            Param::count(
                "retain",
                None,
                0..=u64::MAX,
                "references for which a page that has left is remembered",
            ),
        ],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> LruK {
        let get = |name| setup.params.get(&Self::SPEC, name);
        let k = get("k").expect("it is never off") as usize;
        LruK {
            times: Times::new(k, setup.frames as usize),
            number: vec![0; setup.frames as usize],
            made: 0,
            gone: Times::new(k, setup.pages),
            correlated: get("crp").expect("it is never off"),
            retain: get("retain").unwrap_or(u64::MAX),
            settled: LazyHeap::new(setup.frames),
            bursting: LazyHeap::new(setup.frames),
            ending: LazyHeap::new(setup.frames),
            left: ((NEVER, NEVER, 0), false, 0),
        }
    }
}

impl Policy for LruK {
    #[inline(always)]
    fn hit(&mut self, at: Touch) {
        let now = at.time + 1;
        self.made += 1;
        self.number[at.frame as usize] = self.made;
        let times = self.times.of_mut(at.frame);
        let last = times[0];
        match now - last > self.correlated {
            true => count(times, now, last - times[1]),
            false => times[0] = now,
        }
    }

    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let frame = self.choose(request.time + 1);
        let in_burst = self.bursting.contains(frame);
        let key = key(&self.times, &self.number, frame);
        self.left = (key, in_burst, request.time + 1);
        self.forget(frame, frames.page(frame));
        frame
    }

    fn loaded(&mut self, frames: &mut Frames, at: Touch) {
        let now = at.time + 1;
        let known = self.gone.of(frames.page(at.frame));
        let times = self.times.of_mut(at.frame);
        match now - known[0] <= self.retain {
            true => times.copy_from_slice(known),
            false => times.fill(NEVER),
        }
        count(times, now, 0);
        self.made += 1;
        self.number[at.frame as usize] = self.made;
        let key = key(&self.times, &self.number, at.frame);
        self.settled.push(at.frame, key);
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        self.forget(frame, frames.page(frame));
    }
}

impl Explain for LruK {
    fn why(&self, evicted: &Evicted) -> String {
        let ((earliest, _, _), in_burst, now) = self.left;
        let (k, crp, last) = (self.times.k, self.correlated, evicted.seen.last());
        let among = match (crp, in_burst) {
            (0, _) => String::new(),
            (_, false) => format!("of the pages not referenced for more than {crp}: "),
            (_, true) => format!("every page was referenced within {crp}: "),
        };
        let chosen = match (k, earliest) {
            (1, _) => format!("least recently used, {last}"),
            (_, NEVER) => format!("fewer than {k} references that count, {last}"),
            (_, earliest) => {
                // Each burst between moves an earlier reference forward by its length.
                let counts = if crp > 0 { "counted as " } else { "" };
                let ago = counted(now - earliest, "reference");
                format!("its reference {k} times back, {counts}{ago} ago, is the oldest; {last}")
            }
        };
        format!("{among}{chosen}")
    }

    fn order(&self, _frames: &Frames, next: u64) -> Option<FrameOrder> {
        let now = next + 1;
        let by = |&frame: &FrameId| {
            let correlated = now - self.times.last(frame) <= self.correlated;
            (correlated, key(&self.times, &self.number, frame))
        };
        let mut order: Vec<FrameId> = self.settled.iter().chain(self.bursting.iter()).collect();
        order.sort_unstable_by_key(by);
        let word = |frame| {
            let ((correlated, (earliest, ..)), k) = (by(&frame), self.times.k);
            let word = match earliest {
                NEVER => format!("fewer than {k}"),
                earliest => format!("at {earliest}"),
            };
            let burst = if correlated { ", in a burst" } else { "" };
            (frame, format!("{word}{burst}"))
        };
        Some(FrameOrder {
            title: format!("reference {} times back, next to leave first", self.times.k),
            frames: order.into_iter().map(word).collect(),
        })
    }
}

impl LruK {
    /// The page that leaves for a reference at a time. A page is sorted out as bursting only if it was
    /// referenced since it settled, so that the work is paid for by references.
    fn choose(&mut self, now: u64) -> FrameId {
        let times = &self.times;
        let key = |frame| key(times, &self.number, frame);
        let is_over = |frame: FrameId| now - times.last(frame) > self.correlated;
        while let Some(frame) = self.ending.least(|frame| times.last(frame)) {
            if !is_over(frame) {
                break;
            }
            self.ending.remove(frame);
            self.bursting.remove(frame);
            self.settled.push(frame, key(frame));
        }
        while let Some(frame) = self.settled.least(key) {
            if is_over(frame) {
                return frame;
            }
            self.settled.remove(frame);
            self.bursting.push(frame, key(frame));
            self.ending.push(frame, times.last(frame));
        }
        let least = self.bursting.least(key);
        least.expect("every frame is taken")
    }

    /// A page leaves; its times are kept.
    fn forget(&mut self, frame: FrameId, page: PageId) {
        self.gone.of_mut(page).copy_from_slice(self.times.of(frame));
        if self.settled.contains(frame) {
            self.settled.remove(frame);
        } else {
            self.bursting.remove(frame);
            self.ending.remove(frame);
        }
    }
}
