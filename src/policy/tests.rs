//! Every policy of the table against a small machine that asks for victims whenever it likes: while
//! frames are free, without a page, and several times before the next load.

use super::prelude::*;
use super::table::{Visitor, dispatch};
use super::{AnyPolicy, Params, PolicyChoice, PolicyId};
use crate::trace::model::refs::{NEVER, PageKey, Ref, pack, page_of};

const PAGES: u32 = 24;
const FRAMES: u32 = 10;
/// The policy holds fewer pages than there are frames.
const CAPACITY: u32 = 7;

/// A generator of numbers that are the same in each run.
struct Random(u32);

impl Random {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % n
    }
}

/// A trace of two processes that share nothing: even pages belong to process 0.
struct Trace {
    entries: Vec<PageKey>,
    refs: Vec<Ref>,
    next_use: Vec<u32>,
}

impl Trace {
    fn new(random: &mut Random, length: u32, processes: u32) -> Trace {
        let key = |page| PageKey {
            process: page % processes,
            number: u64::from(page),
        };
        let page = |at: u32, random: &mut Random| match random.below(3) {
            0 => random.below(PAGES),
            _ => (at / 40 * 3 + random.below(5)) % PAGES,
        };
        let pages: Vec<u32> = (0..length).map(|at| page(at, random)).collect();
        let mut next = [NEVER; PAGES as usize];
        let mut next_use = vec![NEVER; pages.len()];
        for (at, &page) in pages.iter().enumerate().rev() {
            next_use[at] = std::mem::replace(&mut next[page as usize], at as u32);
        }
        Trace {
            entries: (0..PAGES).map(key).collect(),
            refs: pages
                .iter()
                .map(|&page| pack(page, random.below(3) == 0))
                .collect(),
            next_use,
        }
    }

    /// The position from `from` on at which `page` is referenced.
    fn next_of(&self, page: PageId, from: usize) -> u32 {
        let later = self.refs[from..].iter().zip(from as u32..);
        let mut later = later.filter(|(at, _)| page_of(**at) == page);
        later.next().map_or(NEVER, |(_, at)| at)
    }

    fn setup<'t>(&'t self, policy: PolicyId, params: &'t Params) -> Setup<'t> {
        let future = match policy.spec().needs_future() {
            true => Future {
                refs: &self.refs,
                entries: &self.refs,
                next_use: &self.next_use,
                after_op: &[],
                left_out: &[],
            },
            false => Future::default(),
        };
        let processes = self.entries.iter().map(|key| key.process as usize + 1);
        let processes = processes.max().unwrap_or(1);
        Setup {
            policy,
            frames: FRAMES,
            capacity: CAPACITY,
            entries: &self.entries,
            pages: PAGES as usize,
            // Pages come ahead of use in traces with events only, which may share.
            shares: processes > 1,
            processes,
            quotas: None,
            bursts: false,
            tau: 30,
            params,
            seed: 5,
            future,
        }
    }
}

/// The frames, and the page that each has.
struct Memory<P> {
    policy: P,
    frames: Frames,
    held: Vec<Option<PageId>>,
    name: &'static str,
}

impl<'t, P: PolicyType<'t>> Memory<P> {
    fn new(setup: &Setup<'t>) -> Memory<P> {
        Memory {
            policy: P::new(setup),
            frames: Frames::new(FRAMES),
            held: vec![None; FRAMES as usize],
            name: setup.policy.spec().name,
        }
    }

    fn count(&self) -> usize {
        self.held.iter().flatten().count()
    }

    fn frame_of(&self, page: PageId) -> Option<FrameId> {
        let place = self.held.iter().position(|held| *held == Some(page));
        place.map(|frame| frame as FrameId)
    }

    fn is_gone(&mut self, frame: FrameId) {
        let page = self.held[frame as usize].take();
        assert!(page.is_some(), "{} named the free frame {frame}", self.name);
    }

    fn ask(&mut self, request: VictimRequest) {
        let frame = self.policy.victim(&mut self.frames, request);
        assert!(!request.spares(frame), "{} named what must stay", self.name);
        self.is_gone(frame);
    }

    /// One of the taken frames, if there are several.
    fn any_taken(&self, random: &mut Random) -> Option<FrameId> {
        let taken: Vec<usize> = (0..self.held.len())
            .filter(|&frame| self.held[frame].is_some())
            .collect();
        let any = taken.get(random.below(taken.len().max(1) as u32) as usize);
        any.filter(|_| taken.len() > 1)
            .map(|&frame| frame as FrameId)
    }

    fn take_frame(&mut self, request: VictimRequest) -> FrameId {
        if self.count() == CAPACITY as usize {
            self.ask(request);
        }
        let free = self.held.iter().position(Option::is_none);
        let free = free.expect("there are more frames than the policy may hold");
        self.held[free] = request.page;
        free as FrameId
    }

    fn refer(&mut self, reference: Ref, process: u32, time: u64) {
        let (page, write) = (page_of(reference), reference & 1 != 0);
        if let Some(frame) = self.frame_of(page) {
            self.frames.touch(frame, write);
            self.policy.hit(PageAccess {
                entry: page,
                frame,
                time,
            });
        } else {
            let frame = self.take_frame(VictimRequest {
                process,
                page: Some(page),
                time,
                ahead: false,
                spare: None,
            });
            self.frames.load(frame, page, write);
            let at = PageAccess {
                entry: page,
                frame,
                time,
            };
            self.policy.loaded(&mut self.frames, at);
        }
        if P::SPEC.ticks && time >= self.policy.next_tick() {
            self.policy.tick(&mut self.frames, time);
        }
        while let Some(frame) = self.policy.expire(&mut self.frames, page) {
            self.is_gone(frame);
        }
    }
}

/// Replays a trace with requests for victims in between.
struct AsksAnyTime<'t> {
    setup: Setup<'t>,
    trace: &'t Trace,
    random: Random,
}

impl<'t> Visitor<'t> for AsksAnyTime<'t> {
    type Output = ();
    fn visit<P: PolicyType<'t>>(mut self) {
        let mut memory: Memory<P> = Memory::new(&self.setup);
        let (random, spares) = (&mut self.random, self.setup.shares);
        for (at, &reference) in self.trace.refs.iter().enumerate() {
            let (page, time) = (page_of(reference), at as u64);
            let process = self.trace.entries[page as usize].process;
            let asks = match random.below(6) {
                0 => 1 + random.below(4),
                _ => 0,
            };
            // Some for the page that is referenced next, some for others, some for none.
            for _ in 0..asks {
                let wanted = [None, Some(page), Some(random.below(PAGES))];
                let wanted = wanted[random.below(3) as usize];
                if memory.count() > 0 && wanted.is_none_or(|page| memory.frame_of(page).is_none()) {
                    // Pages are copied in traces with events only, which may share.
                    let spare = memory.any_taken(random).filter(|_| spares);
                    memory.ask(VictimRequest {
                        process,
                        page: wanted,
                        time,
                        ahead: wanted != Some(page) || random.below(2) == 0,
                        spare,
                    });
                }
            }
            if random.below(8) == 0 {
                let early = random.below(PAGES);
                if memory.frame_of(early).is_none() {
                    let frame = memory.take_frame(VictimRequest {
                        process: self.trace.entries[early as usize].process,
                        page: Some(early),
                        time,
                        ahead: true,
                        spare: None,
                    });
                    memory.frames.load_ahead(frame, early);
                    let next_use = self.trace.next_of(early, at);
                    let at = PageAccess {
                        entry: early,
                        frame,
                        time,
                    };
                    memory.policy.prefetched(&mut memory.frames, at, next_use);
                }
            }
            memory.refer(reference, process, time);
            // A page without owners is never referenced again.
            let freed = random.below(PAGES);
            if let Some(frame) = memory.frame_of(freed)
                && self.trace.next_of(freed, at + 1) == NEVER
            {
                memory.policy.unmapped(freed);
                memory.policy.freed(&mut memory.frames, frame);
                memory.is_gone(frame);
            }
        }
        // In the end one request after the other gives every frame.
        while memory.count() > 0 {
            memory.ask(VictimRequest {
                process: 0,
                page: None,
                time: self.trace.refs.len() as u64,
                ahead: true,
                spare: None,
            });
        }
    }
}

#[test]
fn every_policy_names_a_victim_whenever_it_is_asked() {
    for policy in PolicyId::all() {
        for seed in 0..40 {
            let mut random = Random(seed * 7919 + 1);
            let trace = Trace::new(&mut random, 400, 1 + seed % 2);
            let params = Params::default();
            let setup = trace.setup(policy, &params);
            dispatch(
                policy,
                AsksAnyTime {
                    setup,
                    trace: &trace,
                    random,
                },
            );
        }
    }
}

/// A page that left is asked a victim for twice, and once more for no page, before it is loaded: it
/// is remembered as if a victim had been asked for once.
#[test]
fn a_page_is_recalled_once_however_often_a_victim_is_asked_for() {
    for (text, word) in [
        ("arc", "T2"),
        ("2q:kin=0.1", "Am"),
        ("mq:queues=2", "queue 1, count 2"),
        ("s3-fifo:small=0.1", "main, 0"),
        ("w-tinylfu", "window, count 2"),
    ] {
        let choice: PolicyChoice = text.parse().unwrap();
        let mut random = Random(1);
        let trace = Trace::new(&mut random, 1, 1);
        let setup = trace.setup(choice.id, &choice.params);
        let mut memory: Memory<AnyPolicy<'_>> = Memory::new(&setup);
        // One more page than the policy holds. The hit makes room in B1 of ARC.
        for at in 0..=CAPACITY {
            memory.refer(pack(at, false), 0, 2 * u64::from(at));
            if at == 0 {
                memory.refer(pack(at, false), 0, 1);
            }
        }
        let mut left = (0..CAPACITY).filter(|&page| memory.frame_of(page).is_none());
        let page = left.next().expect("a page made room");
        let time = 100;
        for wanted in [Some(page), Some(page), None] {
            memory.ask(VictimRequest {
                process: 0,
                page: wanted,
                time,
                ahead: false,
                spare: None,
            });
        }
        memory.refer(pack(page, false), 0, time);
        let frame = memory.frame_of(page).unwrap();
        let order = memory.policy.order(&memory.frames, time + 1).unwrap();
        let place = order.frames.iter().find(|at| at.0 == frame).unwrap();
        assert_eq!(place.1, word, "{text}: {order:?}");
    }
}
