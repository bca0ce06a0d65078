//! Multi-queue: LRU queues by the logarithm of how often their pages were referenced; a page that
//! is not referenced for some time sinks to the queue below.

use crate::policy::prelude::*;
use crate::policy::support::ghosts::Ghosts;
use crate::policy::support::lists::Lists;

/// The state of the page in a frame.
#[derive(Clone, Copy, Default)]
struct FrameInfo {
    /// The time after which it may sink: that of its last reference or sinking, plus its life time.
    expire: u64,
    /// Its references, including those of earlier stays if it was remembered.
    count: u32,
}

/// The multi-queue algorithm.
pub struct Mq {
    /// Frames by queue.
    queues: Lists,
    /// The highest queue.
    top: usize,
    /// The references after which an idle page sinks.
    life: u64,
    /// The state of each frame's page.
    info: Vec<FrameInfo>,
    /// Qout: pages that were evicted.
    out: Ghosts,
    /// For each page in Qout its count at its eviction.
    counts: Vec<u32>,
    /// For each queue a time before which none of its pages expires. Pages of the lowest queue do
    /// not sink.
    due: Vec<u64>,
    /// The least of `due`.
    soonest: u64,
    /// The queue and the count of the last victim.
    last_victim: (usize, u32),
}

impl<'t> PolicyType<'t> for Mq {
    const SPEC: Spec = Spec {
        name: "mq",
        aliases: &["multi-queue"],
        family: Family::Research,
        about: "LRU queues by the logarithm of the count; idle pages sink, ghosts keep theirs",
        cite: "Y. Zhou, J. F. Philbin, K. Li, \"The multi-queue replacement algorithm for second level buffer caches\", Proceedings of the USENIX Annual Technical Conference, 2001",
        choices: "the paper derives the life time from the access pattern, here it is given. A page that comes in and is remembered in Qout is taken out of it before the victim enters. After every reference (with frames by process: of the process) each queue but the lowest, from the low ones up, lets at most one page sink, which gets a new life. A page that leaves because no process maps it any more is not remembered.",
        sees: Sees::Hits,
        ticks: true,
        complexity: "hit and fault O(1), and O(queues) where a page may sink",
        bytes: "25 bytes a frame, 8 a page, 8 to 16 a remembered page",
        repeats: HitSensitivity::All,
        params: &[
            Param::count("queues", Some(8), 1..=16, "LRU queues"),
            Param::count(
                "life",
                Some(10_000),
                0..=u64::MAX,
                "references after which an idle page sinks",
            ),
            Param::count(
                "out",
                Some(4),
                0..=64,
                "most remembered pages, times the frames",
            ),
        ],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Mq {
        let of = |name| setup.number(name);
        let queues = of("queues") as usize;
        let out = setup.capacity.saturating_mul(of("out") as u32);
        Mq {
            queues: Lists::new(queues, setup.frames),
            top: queues - 1,
            life: of("life"),
            info: vec![FrameInfo::default(); setup.frames as usize],
            out: Ghosts::new(setup.pages, out),
            counts: vec![0; setup.pages],
            due: vec![u64::MAX; queues],
            soonest: u64::MAX,
            last_victim: (0, 0),
        }
    }
}

impl Policy for Mq {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        let info = &mut self.info[at.frame as usize];
        info.count = info.count.saturating_add(1);
        info.expire = at.time.saturating_add(self.life);
        let FrameInfo { expire, count } = *info;
        let queue = self.queue_of(count);
        self.queues.move_front(queue, at.frame);
        self.expires(queue, expire);
    }

    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        self.out.recall(request.page);
        let of = |queue| Some((queue, self.queues.back_but(queue, request.spare)?));
        let lowest = (0..=self.top).find_map(of);
        let (queue, frame) = lowest.expect("every frame is taken");
        self.queues.remove(frame);
        let (page, count) = (frames.page(frame), self.info[frame as usize].count);
        self.counts[page as usize] = count;
        self.out.push(page);
        self.last_victim = (queue, count);
        frame
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let page = frames.page(at.frame);
        let count = match self.out.take(page) {
            true => self.counts[page as usize].saturating_add(1),
            false => 1,
        };
        let expire = at.time.saturating_add(self.life);
        self.info[at.frame as usize] = FrameInfo { expire, count };
        let queue = self.queue_of(count);
        self.queues.push_front(queue, at.frame);
        self.expires(queue, expire);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.queues.remove(frame);
    }

    #[inline(always)]
    fn next_tick(&self) -> u64 {
        self.soonest
    }

    /// Lets the oldest page of each queue sink if its time is over. The pages of a queue are in the
    /// order in which they expire.
    #[inline(never)]
    fn tick(&mut self, _frames: &mut Frames, time: u64) {
        let now = time + 1;
        for queue in 1..=self.top {
            // Pages are read only if one may sink: most are not in the processor's cache.
            if self.due[queue] < now {
                self.sink_oldest(queue, now);
            }
        }
        self.soonest = self.due.iter().copied().min().unwrap_or(u64::MAX);
    }
}

impl Explain for Mq {
    fn why(&self, _evicted: &Evicted) -> String {
        let (queue, count) = self.last_victim;
        format!("at the end of queue {queue}, the lowest that is not empty; its count is {count}")
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let of_queue = |queue| self.queues.iter(queue).map(move |frame| (queue, frame));
        let all = (0..=self.top).rev().flat_map(of_queue);
        let word = |(queue, frame): (usize, FrameId)| {
            let count = self.info[frame as usize].count;
            (frame, format!("queue {queue}, count {count}"))
        };
        Some(FrameOrder {
            title: "by queue, the last to enter it first".into(),
            frames: all.map(word).collect(),
        })
    }
}

impl Mq {
    /// Returns the queue of pages with `count` references.
    #[inline(always)]
    fn queue_of(&self, count: u32) -> usize {
        (count.ilog2() as usize).min(self.top)
    }

    /// Records that a page that expires at `expire` has entered `queue`.
    #[inline(always)]
    fn expires(&mut self, queue: usize, expire: u64) {
        if queue > 0 {
            self.due[queue] = self.due[queue].min(expire);
            self.soonest = self.soonest.min(expire);
        }
    }

    /// Lets the oldest page of `queue` sink, if its time is over. Then finds when the next one is
    /// due.
    fn sink_oldest(&mut self, queue: usize, now: u64) {
        if let Some(oldest) = self.queues.back(queue)
            && self.info[oldest as usize].expire < now
        {
            let expire = now.saturating_add(self.life);
            self.info[oldest as usize].expire = expire;
            self.queues.move_front(queue - 1, oldest);
            self.expires(queue - 1, expire);
        }
        let oldest = self.queues.back(queue);
        self.due[queue] = oldest.map_or(u64::MAX, |frame| self.info[frame as usize].expire);
    }
}
