//! LRU-K: the victim is the page whose K-th last reference is farthest back. References that follow
//! one another closely count as one.

use crate::policy::prelude::*;
use crate::policy::support::lazy_heap::LazyHeap;
use crate::units::counted;

/// In place of a time: never. Times are counted from 1.
const NO_TIME: u64 = 0;

/// The order in which pages are evicted: by the time of the K-th last uncorrelated reference, by
/// that of the last reference, then by the number of the last reference.
type Key = (u64, u64, u64);

/// LRU-K as in the paper's figure 2.1, with heaps in place of its search.
///
/// A page's key only grows while it is resident. So heaps with stale keys are enough, and a hit
/// only records times.
pub struct LruK {
    /// The times of resident pages, by frame.
    times: Times,
    /// The number of the last reference to each frame.
    number: Vec<u64>,
    /// The references so far, including arrivals ahead of use.
    made: u64,
    /// The times of pages that are not resident, by page.
    gone: Times,
    /// The correlated reference period.
    correlated: u64,
    /// The references for which an evicted page is remembered.
    retain: u64,
    /// Frames of pages outside their correlated period when they were last looked at.
    settled: LazyHeap<Key>,
    /// Frames of pages found within their correlated period. One of them is evicted only if all
    /// pages are.
    bursting: LazyHeap<Key>,
    /// The same frames, by the last reference.
    ending: LazyHeap<u64>,
    /// The key of the last victim, whether every page was within its correlated period, and the
    /// time of the eviction.
    last_victim: (Key, bool, u64),
}

/// For each frame or page the time of its last reference, then those of its last K uncorrelated
/// references, the latest first.
struct Times {
    k: usize,
    times: Vec<u64>,
}

impl Times {
    fn new(k: usize, n: usize) -> Times {
        Times {
            k,
            times: vec![NO_TIME; n * (k + 1)],
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

/// Returns the key of the page in `frame`.
#[inline(always)]
fn key(times: &Times, number: &[u64], frame: FrameId) -> Key {
    let last = times.of(frame);
    (last[times.k], last[0], number[frame as usize])
}

/// Records an uncorrelated reference at `now`. Shifts the history by one place and adds `burst`,
/// the length of the correlated period that just ended, to every older time.
#[inline(always)]
fn count(times: &mut [u64], now: u64, burst: u64) {
    for i in (2..times.len()).rev() {
        times[i] = match times[i - 1] {
            NO_TIME => NO_TIME,
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
        repeats: HitSensitivity::All,
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
        let k = setup.number("k") as usize;
        LruK {
            times: Times::new(k, setup.frames as usize),
            number: vec![0; setup.frames as usize],
            made: 0,
            gone: Times::new(k, setup.pages),
            correlated: setup.number("crp"),
            retain: setup.optional("retain").unwrap_or(u64::MAX),
            settled: LazyHeap::new(setup.frames),
            bursting: LazyHeap::new(setup.frames),
            ending: LazyHeap::new(setup.frames),
            last_victim: ((NO_TIME, NO_TIME, 0), false, 0),
        }
    }
}

impl Policy for LruK {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
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

    #[inline(always)]
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        let spared = request.spare.map(|spare| self.hide(spare));
        let frame = self.choose(request.time + 1);
        if let Some((spare, in_burst)) = request.spare.zip(spared) {
            self.show(spare, in_burst);
        }
        let in_burst = self.bursting.contains(frame);
        let key = key(&self.times, &self.number, frame);
        self.last_victim = (key, in_burst, request.time + 1);
        self.forget(frame, frames.page(frame));
        frame
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let now = at.time + 1;
        let known = self.gone.of(frames.page(at.frame));
        let times = self.times.of_mut(at.frame);
        match now - known[0] <= self.retain {
            true => times.copy_from_slice(known),
            false => times.fill(NO_TIME),
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
        let ((earliest, _, _), in_burst, now) = self.last_victim;
        let (k, crp, last) = (self.times.k, self.correlated, evicted.seen.last());
        let among = match (crp, in_burst) {
            (0, _) => String::new(),
            (_, false) => format!("of the pages not referenced for more than {crp}: "),
            (_, true) => format!("every page was referenced within {crp}: "),
        };
        let chosen = match (k, earliest) {
            (1, _) => format!("least recently used, {last}"),
            (_, NO_TIME) => format!("fewer than {k} references that count, {last}"),
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
                NO_TIME => format!("fewer than {k}"),
                earliest => format!("at {}", earliest - 1),
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
    /// Chooses the victim at time `now`. A page moves to `bursting` only if it was referenced since
    /// it settled, so that references pay for the work.
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

    /// Forgets `frame` and keeps the times of its `page`.
    fn forget(&mut self, frame: FrameId, page: PageId) {
        self.gone.of_mut(page).copy_from_slice(self.times.of(frame));
        self.hide(frame);
    }

    /// Takes `frame` out of the heaps. Returns whether it was among those within their correlated
    /// period.
    fn hide(&mut self, frame: FrameId) -> bool {
        let settled = self.settled.contains(frame);
        if settled {
            self.settled.remove(frame);
        } else {
            self.bursting.remove(frame);
            self.ending.remove(frame);
        }
        !settled
    }

    /// Puts `frame` back where [`LruK::hide`] took it from.
    fn show(&mut self, frame: FrameId, in_burst: bool) {
        let key = key(&self.times, &self.number, frame);
        if in_burst {
            self.bursting.push(frame, key);
            self.ending.push(frame, self.times.last(frame));
        } else {
            self.settled.push(frame, key);
        }
    }
}
