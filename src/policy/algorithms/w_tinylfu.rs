//! W-TinyLFU: pages come into a small LRU window, and pass on into a segmented LRU only if they
//! were referenced more often than the page that would leave there.

use crate::policy::params::MILLION;
use crate::policy::prelude::*;
use crate::policy::support::lists::Lists;

/// The list of pages since their load.
const WINDOW: usize = 0;
/// The list of admitted pages not referenced since, or not protected any more.
const PROBATION: usize = 1;
/// The list of those referenced again.
const PROTECTED: usize = 2;

/// A count of references. The high bits are the age, in halvings, of its last change; the low four
/// bits are its value then. Later halvings are applied when it is read.
#[derive(Clone, Copy, Default)]
struct Count(u32);

/// The highest count.
const MAX_COUNT: u32 = 15;
/// The last age before ages begin at 0 again.
const LAST_AGE: u32 = u32::MAX >> 4;

impl Count {
    /// Returns its value at `age`.
    #[inline(always)]
    fn at(self, age: u32) -> u32 {
        // Four halvings make every count 0.
        (self.0 & MAX_COUNT) >> (age - (self.0 >> 4)).min(4)
    }

    /// Adds a reference at `age`.
    #[inline(always)]
    fn add(&mut self, age: u32) {
        *self = Count::of((self.at(age) + 1).min(MAX_COUNT), age);
    }

    fn of(value: u32, age: u32) -> Count {
        Count(age << 4 | value)
    }
}

/// The window, and behind it the segmented LRU with its admission by counts.
pub struct WTinyLfu {
    /// Frames by list.
    lists: Lists,
    /// The most pages of the window.
    window: u32,
    /// The most pages of the protected segment.
    protected: u32,
    /// The count of the page in each frame.
    resident: Vec<Count>,
    /// The count of each page that is not resident.
    counts: Vec<Count>,
    /// Halvings so far.
    age: u32,
    /// References counted; halved with the counts.
    additions: u64,
    /// The value of `additions` at which counts are halved.
    sample: u64,
    /// Pages counted when a victim was chosen for them, that have not been loaded yet.
    counted: Vec<PageId>,
    /// The list and the count of the last victim, and the count of the page that it was compared
    /// with.
    last_victim: (usize, u32, Option<u32>),
}

impl<'t> PolicyType<'t> for WTinyLfu {
    const SPEC: Spec = Spec {
        name: "w-tinylfu",
        aliases: &["tinylfu", "window-tinylfu"],
        family: Family::Research,
        about: "a page passes from a window into the SLRU only if it is the more frequent one",
        cite: "G. Einziger, R. Friedman, B. Manes, \"TinyLFU: a highly efficient cache admission policy\", ACM Transactions on Storage 13(4), 2017",
        choices: "counts are exact, one for each page, not estimated by a sketch with a doorkeeper; none goes beyond 15. They are halved, as is the number of references counted, when that reaches sample times the frames. The window has a fixed size, which Caffeine adapts, and at least one page. Of equal counts the page of the window leaves. If nothing is on probation the page is held against the oldest protected one. libCacheSim 0.3.5 does not count hits in the window, fills memory otherwise and estimates counts by a sketch that depends on the pages' numbers: w-tinylfu:window=0.2 on 1 2 3 4 5 6 1 7 1 with 6 frames gives 8 misses there, 7 here.",
        sees: Sees::Hits,
        complexity: "hit and fault O(1)",
        bytes: "13 bytes a frame, 4 a page",
        repeats: HitSensitivity::All,
        params: &[
            Param::fraction(
                "window",
                Some(MILLION / 100),
                0..=MILLION,
                "share of the frames for the window",
            ),
            Param::fraction(
                "protected",
                Some(MILLION / 5 * 4),
                0..=MILLION,
                "share of the frames behind the window for the protected segment",
            ),
            Param::count(
                "sample",
                Some(10),
                1..=1_000_000,
                "references until counts are halved, times the frames",
            ),
        ],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> WTinyLfu {
        let share = |name, frames| setup.fraction_of(name, frames);
        let window = share("window", setup.capacity).max(1);
        WTinyLfu {
            lists: Lists::new(3, setup.frames),
            window,
            protected: share("protected", setup.capacity - window),
            resident: vec![Count::default(); setup.frames as usize],
            counts: vec![Count::default(); setup.pages],
            age: 0,
            additions: 0,
            sample: setup.number("sample") * u64::from(setup.capacity),
            counted: Vec::with_capacity(1),
            last_victim: (WINDOW, 0, None),
        }
    }
}

impl Policy for WTinyLfu {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        self.resident[at.frame as usize].add(self.age);
        self.added();
        if self.lists.is_in(WINDOW, at.frame) {
            return self.lists.move_front(WINDOW, at.frame);
        }
        self.lists.move_front(PROTECTED, at.frame);
        if self.lists.len(PROTECTED) > self.protected {
            let oldest = self.lists.back(PROTECTED).expect("it is overfull");
            self.lists.move_front(PROBATION, oldest);
        }
    }

    #[inline(always)]
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        if let Some(page) = request.page.filter(|page| !self.counted.contains(page)) {
            self.counts[page as usize].add(self.age);
            self.added();
            self.counted.push(page);
        }
        let frame = self.choose(request.spare);
        self.lists.remove(frame);
        self.keep_count(frames, frame);
        frame
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let page = frames.page(at.frame);
        match self.counted.iter().position(|&counted| counted == page) {
            Some(place) => _ = self.counted.swap_remove(place),
            None => {
                self.counts[page as usize].add(self.age);
                self.added();
            }
        }
        self.resident[at.frame as usize] = self.counts[page as usize];
        self.lists.push_front(WINDOW, at.frame);
        if self.lists.len(WINDOW) > self.window {
            let oldest = self.lists.back(WINDOW).expect("it is overfull");
            self.lists.move_front(PROBATION, oldest);
        }
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        self.lists.remove(frame);
        self.keep_count(frames, frame);
    }
}

impl Explain for WTinyLfu {
    fn why(&self, _evicted: &Evicted) -> String {
        let (list, own, other) = self.last_victim;
        match (list, other) {
            (WINDOW, None) => "the oldest of the window, behind which there is nothing".into(),
            (WINDOW, Some(other)) => {
                format!("the oldest of the window; its count of {own} is not above {other}")
            }
            (_, Some(other)) => {
                format!("its count of {own} is below the {other} of the oldest window page")
            }
            (_, None) => "next to leave, and the window is not full".into(),
        }
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let names = ["window", "probation", "protected"];
        let of_list = |list| self.lists.iter(list).map(move |frame| (list, frame));
        let word = |(list, frame): (usize, FrameId)| {
            let count = self.resident[frame as usize].at(self.age);
            (frame, format!("{}, count {count}", names[list]))
        };
        let all = [WINDOW, PROTECTED, PROBATION].into_iter().flat_map(of_list);
        Some(FrameOrder {
            title: "window, protected, probation; most recent first".into(),
            frames: all.map(word).collect(),
        })
    }
}

impl WTinyLfu {
    /// Chooses the victim. Moves the page that it was compared with to where that belongs.
    #[inline(always)]
    fn choose(&mut self, spare: Option<FrameId>) -> FrameId {
        let main = self.lists.back_but(PROBATION, spare);
        let main = main.or_else(|| self.lists.back_but(PROTECTED, spare));
        let newcomer = self.lists.back_but(WINDOW, spare);
        let full = self.lists.len(WINDOW) >= self.window;
        let count = |frame: FrameId| self.resident[frame as usize].at(self.age);
        let (frame, left) = match (newcomer.filter(|_| full), main) {
            (Some(newcomer), Some(main)) if count(newcomer) > count(main) => {
                let left = (PROBATION, count(main), Some(count(newcomer)));
                self.lists.move_front(PROBATION, newcomer);
                (main, left)
            }
            (Some(newcomer), main) => (newcomer, (WINDOW, count(newcomer), main.map(count))),
            (None, Some(main)) => (main, (PROBATION, count(main), None)),
            (None, None) => {
                let newcomer = newcomer.expect("every frame is taken");
                (newcomer, (WINDOW, count(newcomer), None))
            }
        };
        self.last_victim = left;
        frame
    }

    /// Keeps the count of the page in `frame`, which is evicted.
    fn keep_count(&mut self, frames: &Frames, frame: FrameId) {
        self.counts[frames.page(frame) as usize] = self.resident[frame as usize];
    }

    /// Records that a reference was counted.
    #[inline(always)]
    fn added(&mut self) {
        self.additions += 1;
        if self.additions >= self.sample {
            self.halve();
        }
    }

    #[inline(never)]
    fn halve(&mut self) {
        self.additions /= 2;
        self.age += 1;
        if self.age == LAST_AGE {
            for count in self.resident.iter_mut().chain(&mut self.counts) {
                *count = Count::of(count.at(LAST_AGE), 0);
            }
            self.age = 0;
        }
    }
}
