//! The replay loop: every reference of a trace, one after the other, through the state of its
//! page, and between them what happens to address spaces. It owns frames, residency, dirty bits
//! and every counter.
//!
//! This is the plain engine: the twin that `bursts`, which looks at what happens only, is held equal
//! to.

pub(super) mod bursts;
mod events;
pub mod explain;
mod fault;
pub mod observe;
mod replay;

pub use replay::Replay;

use super::counters::{Counters, Outcome, SwapFull};
use super::listen::{ExpiryEvent, FaultEvent, FaultKind, Intervals, Listener};
use super::residence::{AWAY, Flat, Residence, Spaces, UNALLOCATED};
use super::swap::Swap;
use super::tlb::{ByWalk, FollowTlbs, Geometry, MissLog, Tlbs, Translation};
use crate::policy::{
    AnyPolicy, Frames, Future, Params, Policy, Setup, Space as SpaceKind, Spec, TABLE, Touch,
    Visitor, Want, dispatch,
};
use crate::simd::scan::{Scan, scan};
use crate::space::{Class, EntryId, ObjectId, Op, Space};
use crate::trace::bursts::View;
use crate::trace::dense::{KIND_MASK, KindCode, PageKey, Ref, Tile, Trace, page_of};
use crate::trace::record::Kind;
use crate::units::{FrameId, PageId};
use replay::Running;
use std::ops::Range;

/// With more pages than this their states do not stay in the caches of a core: they are asked for
/// ahead of use, those of so many references at once.
const WIDE: usize = 1 << 16;
const AHEAD: usize = 32;

/// When the reference bit of a page is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Accessed {
    /// At every reference.
    #[default]
    Every,
    /// When its entry is walked to: a page that stays in a TLB looks idle.
    Walk,
    /// The same, and clearing the bit drops the page's translations.
    WalkFlush,
}

impl Accessed {
    /// Every way, with its name on the command line and in results.
    pub const ALL: [(Accessed, &'static str); 3] = [
        (Accessed::Every, "every"),
        (Accessed::Walk, "walk"),
        (Accessed::WalkFlush, "walk-flush"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        Accessed::ALL[self as usize].1
    }
}

/// One replay to be done.
#[derive(Clone, Copy)]
pub struct Job<'t> {
    /// The trace: its legal references.
    pub trace: &'t Trace,
    /// Its entries, objects and ops, if it has any besides references.
    pub space: Option<&'t Space>,
    /// The index of the policy in its table.
    pub policy: usize,
    /// The policy's parameters.
    pub params: &'t Params,
    /// The seed of randomised policies.
    pub seed: u64,
    /// Frames of memory; `None` for as many as pages. At least 1.
    pub frames: Option<u32>,
    /// Frames of each process, if each has its own; they add up to `frames` at most.
    pub quotas: Option<&'t [u32]>,
    /// The window of a variable-space policy, in references; at least 1.
    pub tau: u64,
    /// References replayed before counting begins.
    pub warmup: u64,
    /// The trace as bursts, to replay by them where the policy and the model let that be; the
    /// counts are the same.
    pub bursts: Option<View<'t>>,
    /// The TLBs, if they are modelled.
    pub tlb: Option<&'t Geometry>,
    /// The misses of undisturbed TLBs of the trace ([`MissLog::of`]), so that the TLBs need not look at
    /// references that hit; the counts are the same. Not used where it is of other TLBs, or where
    /// reference bits are set by walks.
    pub misses: Option<&'t MissLog>,
    /// When reference bits are set; without TLBs at every reference.
    pub accessed: Accessed,
    /// Slots of the swap device; `None` for as many as needed.
    pub swap_slots: Option<u64>,
}

/// Why a replay cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The next-use links need 32-bit positions.
    #[error("{0} knows the future and takes traces of at most 2^32 - 2 references")]
    TooLong(&'static str),
    /// The future of a trace is known where all of it is in memory.
    #[error("{0} knows the future: the whole trace must be in memory (raise --mem-limit)")]
    NotInMemory(&'static str),
}

/// Who hears of faults and expiries, if anybody does.
type Hears<'t> = Option<&'t mut dyn Listener>;

/// Replays a trace in memory.
pub fn run(job: &Job<'_>) -> Result<Outcome, RunError> {
    run_by(job, None)
}

/// Replays a trace in memory while `listener` hears of every fault and expiry.
pub fn run_with(job: &Job<'_>, listener: &mut dyn Listener) -> Result<Outcome, RunError> {
    run_by(job, Some(listener))
}

fn run_by(job: &Job<'_>, listener: Hears<'_>) -> Result<Outcome, RunError> {
    let identity = job.identity();
    let job = &job.with_space(identity.as_ref());
    let burst_size = job.bursts.map(|view| view.columns.k);
    let listener = listener.map(|listener| listener as &mut dyn Listener);
    with_machine(job, burst_size, listener, Count { job })
}

/// Sets up a replay that takes its trace tile by tile: as bursts of at most `burst_size` pages, if
/// it can be replayed by them (see [`Replay::burst_size`]). The job's own bursts and misses are not
/// used. A policy that needs the future needs the trace in memory; quotas and reference bits set by
/// walks need a space.
pub fn begin<'t>(
    job: &Job<'t>,
    burst_size: Option<usize>,
) -> Result<Box<dyn Replay + 't>, RunError> {
    let job = &Job {
        bursts: None,
        misses: None,
        ..*job
    };
    with_machine(job, burst_size, None, Begin { job })
}

impl<'t> Job<'t> {
    /// Page tables for a job that needs them though nothing is shared: what few jobs ask for runs
    /// over these only, so that there are fewer loops to compile.
    fn identity(&self) -> Option<Space> {
        let dynamic = self.quotas.is_some() || self.accessed != Accessed::Every;
        (dynamic && self.space.is_none()).then(|| Space::identity(&self.trace.dictionary))
    }

    fn with_space<'s>(&self, identity: Option<&'s Space>) -> Job<'s>
    where
        't: 's,
    {
        Job {
            space: self.space.or(identity),
            ..*self
        }
    }

    fn spec(&self) -> &'static Spec {
        &TABLE[self.policy]
    }

    /// Whether each process replaces its own pages only.
    fn is_local(&self) -> bool {
        self.quotas.is_some() && self.spec().space == SpaceKind::Fixed
    }

    /// The pages of all processes.
    fn entries(&self) -> &'t [PageKey] {
        match self.space {
            Some(space) => &space.entries,
            None => &self.trace.dictionary.pages,
        }
    }

    /// What a policy is told when it is set up.
    fn setup(&self, by_bursts: bool) -> Result<Setup<'t>, RunError> {
        let spec = self.spec();
        let future = match spec.needs_future() {
            false => Future::default(),
            true if self.trace.store().is_some() => {
                return Err(RunError::NotInMemory(spec.name));
            }
            true => self.future().ok_or(RunError::TooLong(spec.name))?,
        };
        let pages = self
            .space
            .map_or(self.trace.distinct(), |space| space.classes.len());
        // More frames than pages are never used.
        let frames = match self.quotas {
            Some(quotas) => quotas.iter().sum::<u32>(),
            None => self.frames.unwrap_or(u32::MAX).min(pages as u32),
        };
        Ok(Setup {
            policy: self.policy,
            frames: frames.max(1),
            entries: self.entries(),
            pages,
            shares: self.space.is_some(),
            processes: self.trace.dictionary.pids.len(),
            quotas: self.quotas,
            bursts: by_bursts,
            tau: self.tau,
            params: self.params,
            seed: self.seed,
            future,
        })
    }

    fn future(&self) -> Option<Future<'t>> {
        let refs = self.trace.refs();
        match self.space.filter(|space| !space.is_identity()) {
            None => self.trace.next_use().map(|next_use| Future {
                refs,
                entries: refs,
                next_use,
                after_op: &[],
            }),
            Some(space) => space.future(refs).map(|future| Future {
                refs: &future.refs,
                entries: refs,
                next_use: &future.next_use,
                after_op: &future.after_op,
            }),
        }
    }
}

/// What is done with a machine that is ready to run.
trait Goal<'t> {
    type Output;
    fn reach<P: Policy<'t> + 't, R: Residence<'t> + 't, T: Translation + 't>(
        self,
        machine: Machine<'t, P, R, T>,
    ) -> Self::Output;
}

/// Replays everything and counts.
struct Count<'a, 't> {
    job: &'a Job<'t>,
}

impl<'t> Goal<'t> for Count<'_, 't> {
    type Output = Outcome;

    fn reach<P: Policy<'t> + 't, R: Residence<'t> + 't, T: Translation + 't>(
        self,
        machine: Machine<'t, P, R, T>,
    ) -> Outcome {
        let mut running = Running::new(machine, self.job);
        match self.job.bursts.filter(|_| running.burst_size().is_some()) {
            Some(view) => _ = running.take(Tile::of_bursts(view)),
            None => self
                .job
                .trace
                .tiles_of(0..self.job.trace.len(), |tile| running.take(tile)),
        }
        running.outcome()
    }
}

/// Hands out a replay that is to be fed.
struct Begin<'a, 't> {
    job: &'a Job<'t>,
}

impl<'t> Goal<'t> for Begin<'_, 't> {
    type Output = Box<dyn Replay + 't>;

    fn reach<P: Policy<'t> + 't, R: Residence<'t> + 't, T: Translation + 't>(
        self,
        machine: Machine<'t, P, R, T>,
    ) -> Self::Output {
        Box::new(Running::new(machine, self.job))
    }
}

/// Sets up the machine that a job asks for and hands it over: statically dispatched by policy,
/// sharing and translation, or with [`AnyPolicy`] where something else bounds the speed, so that
/// there are fewer loops to compile.
fn with_machine<'t, G: Goal<'t>>(
    job: &Job<'t>,
    burst_size: Option<usize>,
    listener: Hears<'t>,
    goal: G,
) -> Result<G::Output, RunError> {
    let setup = job.setup(burst_size.is_some())?;
    let log = job.tlb.zip(job.misses).filter(|(geometry, log)| {
        job.accessed == Accessed::Every && log.is_of(geometry, job.trace)
    });
    let ready = Ready {
        job,
        setup,
        burst_size,
        listener,
        goal,
    };
    let shape = |geometry| Tlbs::new(geometry, job.entries(), job.trace.meta.page_size);
    Ok(match (job.tlb, log, job.space) {
        (Some(geometry), None, None) => ready.any(Flat::new(setup.pages), shape(geometry)),
        (Some(geometry), None, Some(space)) if job.accessed == Accessed::Every => {
            ready.any(Spaces::new(space), shape(geometry))
        }
        (Some(geometry), None, Some(space)) => {
            ready.any(Spaces::new(space), ByWalk(shape(geometry)))
        }
        (_, Some((geometry, log)), Some(space)) if job.is_local() => {
            let tlbs = FollowTlbs::new(geometry, job.entries(), job.trace, log);
            ready.any(Spaces::new(space), tlbs)
        }
        (None, None, Some(space)) if job.is_local() => ready.any(Spaces::new(space), ()),
        (_, log, _) => dispatch(job.policy, Fast { ready, log }),
    })
}

/// All that a machine is made of, but its policy, memory and translation.
struct Ready<'a, 't, G> {
    job: &'a Job<'t>,
    setup: Setup<'t>,
    burst_size: Option<usize>,
    listener: Hears<'t>,
    goal: G,
}

impl<'t, G: Goal<'t>> Ready<'_, 't, G> {
    /// With any policy.
    fn any<R, T>(self, memory: R, tlb: T) -> G::Output
    where
        R: Residence<'t> + 't,
        T: Translation + 't,
    {
        let policy = AnyPolicy::new(&self.setup);
        self.start(policy, memory, tlb)
    }

    fn start<P, R, T>(self, policy: P, memory: R, tlb: T) -> G::Output
    where
        P: Policy<'t> + 't,
        R: Residence<'t> + 't,
        T: Translation + 't,
    {
        let (job, setup) = (self.job, &self.setup);
        let swap_slots = job.swap_slots;
        let mut machine = Machine::new(policy, setup, memory, swap_slots, tlb, self.listener);
        if job.accessed == Accessed::WalkFlush {
            machine.frames.watch_clearing();
        }
        machine.take_bursts(self.burst_size, job);
        self.goal.reach(machine)
    }
}

/// A job on its way to the loop of its policy: without TLBs, or with some that follow a log.
struct Fast<'a, 't, G> {
    ready: Ready<'a, 't, G>,
    log: Option<(&'t Geometry, &'t MissLog)>,
}

impl<'t, G: Goal<'t>> Visitor<'t> for Fast<'_, 't, G> {
    type Output = G::Output;

    fn visit<P: Policy<'t> + 't>(self) -> Self::Output {
        let policy = P::new(&self.ready.setup);
        match self.ready.job.space {
            None => {
                let pages = self.ready.setup.pages;
                self.translated(policy, Flat::new(pages))
            }
            Some(space) => self.translated(policy, Spaces::new(space)),
        }
    }
}

impl<'t, G: Goal<'t>> Fast<'_, 't, G> {
    fn translated<P, R>(self, policy: P, memory: R) -> G::Output
    where
        P: Policy<'t> + 't,
        R: Residence<'t> + 't,
    {
        let job = self.ready.job;
        match self.log {
            None => self.ready.start(policy, memory, ()),
            Some((geometry, log)) => {
                let tlbs = FollowTlbs::new(geometry, job.entries(), job.trace, log);
                self.ready.start(policy, memory, tlbs)
            }
        }
    }
}

/// A dirty page must leave memory and swap has no slot for it: the replay ends before the
/// reference or the event that is the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Full;

struct Machine<'t, P, R, T> {
    policy: P,
    memory: R,
    tlb: T,
    intervals: Intervals,
    listener: Hears<'t>,
    frames: Frames,
    by_bursts: Option<bursts::ByBursts>,
    entries: &'t [PageKey],
    after_op: &'t [u32],
    /// The first op that has not been done.
    next_op: usize,
    swap: Swap,
    /// The replay has ended early, see [`Full`].
    swap_full: bool,
    /// Frames never used yet are those from here on; `free` are frames that were given back.
    fresh: u32,
    free: Vec<FrameId>,
    capacity: u32,
    counters: Counters,
    residency: Residency,
}

/// Resident pages over time.
#[derive(Default)]
struct Residency {
    now: u64,
    sum: u128,
    peak: u64,
    /// References accounted for in `sum`.
    until: u64,
}

impl Residency {
    /// Accounts for the references before `time` with the present number of pages.
    #[inline]
    fn settle(&mut self, time: u64) {
        if time > self.until {
            self.sum += u128::from(self.now) * u128::from(time - self.until);
            self.peak = self.peak.max(self.now);
            self.until = time;
        }
    }
}

impl<'t, P, R, T> Machine<'t, P, R, T>
where
    P: Policy<'t>,
    R: Residence<'t>,
    T: Translation,
{
    fn new(
        policy: P,
        setup: &Setup<'t>,
        memory: R,
        swap_slots: Option<u64>,
        tlb: T,
        listener: Hears<'t>,
    ) -> Self {
        let gives_back = P::SPEC.space == SpaceKind::Variable || R::SHARES;
        Machine {
            policy,
            memory,
            tlb,
            intervals: Intervals::default(),
            listener,
            frames: Frames::new(setup.frames),
            by_bursts: None,
            entries: setup.entries,
            after_op: setup.future.after_op,
            next_op: 0,
            swap: Swap::new(setup.pages, swap_slots),
            swap_full: false,
            fresh: 0,
            free: Vec::with_capacity(if gives_back { setup.frames as usize } else { 0 }),
            capacity: setup.frames,
            counters: Counters::default(),
            residency: Residency::default(),
        }
    }

    /// Replays a stretch of the trace and the ops before each of its references; it may be called
    /// for one stretch after the other. Returns where it ended: at the end of the stretch, or
    /// before the reference that full swap denies. The tile has bursts
    /// just where the machine takes them.
    fn feed(&mut self, tile: Tile<'_>, range: Range<usize>) -> usize {
        let mut from = range.start;
        while from < range.end {
            let Ok((op, until)) = self.perform(from as u64, usize::MAX) else {
                self.swap_full = true;
                break;
            };
            let (to, goal) = match op {
                Some(op) => {
                    let entry = match tile.bursts {
                        Some(view) => view.page(from),
                        None => page_of(tile.refs[tile.index(from as u64)]),
                    };
                    let done = self.access_by(op, entry, from as u64);
                    (from + usize::from(done.is_ok()), from + 1)
                }
                None => {
                    let goal = range.end.min(until);
                    let end = match tile.bursts {
                        Some(view) => self.burst_stretch(view, from..goal),
                        None => self.stretch(tile, from..goal),
                    };
                    (end, goal)
                }
            };
            from = to;
            if to < goal {
                self.swap_full = true;
                break;
            }
        }
        self.counters.refs += (from - range.start) as u64;
        from
    }

    /// Replays references between which nothing else happens.
    fn stretch(&mut self, tile: Tile<'_>, range: Range<usize>) -> usize {
        let inside = tile.index(range.start as u64)..tile.index(range.end as u64);
        let (refs, kinds) = (&tile.refs[inside.clone()], &tile.kinds[inside]);
        let wide = self.entries.len() > WIDE;
        let mut soon = refs.chunks(AHEAD).skip(1);
        let (mut hits, mut at) = (0, range.start);
        for (refs, kinds) in refs.chunks(AHEAD).zip(kinds.chunks(AHEAD)) {
            let soon = soon.next().filter(|_| wide).unwrap_or_default();
            for &reference in soon {
                self.memory.prefetch(page_of(reference));
            }
            for (&reference, &kind) in refs.iter().zip(kinds) {
                let Ok(hit) = self.access(reference, kind, at as u64) else {
                    self.counters.hits += hits;
                    return at;
                };
                hits += u64::from(hit);
                at += 1;
            }
        }
        self.counters.hits += hits;
        at
    }

    /// Whether a page that had to leave could not, so that there is no further reference.
    #[inline(always)]
    fn is_denied(&self) -> bool {
        P::SPEC.space == SpaceKind::Variable && self.swap_full
    }

    /// One reference; true if its entry was present.
    #[inline(always)]
    fn access(&mut self, reference: Ref, kind: KindCode, time: u64) -> Result<bool, Full> {
        if self.is_denied() {
            return Err(Full);
        }
        let (entry, write) = (page_of(reference), reference & 1 != 0);
        let ifetch = kind & KIND_MASK == Kind::Ifetch as KindCode;
        let present = self.memory.present(entry);
        let hit = present < AWAY;
        let frame = if hit {
            let walked = T::WALKS_SET_BITS && self.tlb.translate(entry, ifetch, time);
            if T::WALKS_SET_BITS && !walked {
                self.frames.touch_translated(present, write);
            } else {
                self.frames.touch(present, write);
            }
            self.policy.hit(Touch {
                entry,
                frame: present,
                time,
            });
            present
        } else {
            self.fault(entry, write, time)?
        };
        if !hit || (T::EVERY && !T::WALKS_SET_BITS) {
            self.tlb.translate(entry, ifetch, time);
        }
        self.close_windows(Touch { entry, frame, time });
        Ok(hit)
    }

    /// After a reference: a tick, if it is time for one, and the pages leave whose windows close.
    #[inline(always)]
    fn close_windows(&mut self, at: Touch) {
        if P::TICKS && at.time >= self.policy.next_tick() {
            self.tick(at.time);
        }
        if P::SPEC.space == SpaceKind::Variable {
            while let Some(expired) = self.policy.expire(&mut self.frames, at) {
                self.expire(expired, at.time);
            }
        }
    }

    /// The policy looks at all pages after the reference at a position.
    #[inline(never)]
    fn tick(&mut self, time: u64) {
        self.policy.tick(&mut self.frames);
        self.flush_cleared(time + 1);
    }
}

#[cfg(test)]
mod tests;
