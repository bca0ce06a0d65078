//! From a job to a machine that is ready for it: what a policy is told when it is set up, and which
//! of the compiled loops runs. Knows nothing of what happens in them.

use super::*;
use crate::policy::{AnyPolicy, Future, Spec, Visitor, dispatch};
use crate::vm::residence::{Flat, Spaces};
use crate::vm::tlb::{ByWalk, FollowTlbs, Tlbs};

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
    pub(super) fn identity(&self) -> Option<Space> {
        let dynamic = self.quotas.is_some() || self.accessed != Accessed::Every;
        (dynamic && self.space.is_none()).then(|| Space::identity(&self.trace.dictionary))
    }

    pub(super) fn with_space<'s>(&self, identity: Option<&'s Space>) -> Job<'s>
    where
        't: 's,
    {
        Job {
            space: self.space.or(identity),
            ..*self
        }
    }

    pub(super) fn spec(&self) -> &'static Spec {
        self.policy.spec()
    }

    /// Whether each process replaces its own pages only.
    pub(super) fn is_local(&self) -> bool {
        self.quotas.is_some() && self.spec().space == SpaceKind::Fixed
    }

    /// The pages of all processes.
    pub(super) fn entries(&self) -> &'t [PageKey] {
        match self.space {
            Some(space) => &space.entries,
            None => &self.trace.dictionary.pages,
        }
    }

    /// What a policy is told when it is set up.
    pub(super) fn setup(&self, by_bursts: bool) -> Result<Setup<'t>, RunError> {
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
        let frames = frames.max(1);
        Ok(Setup {
            policy: self.policy,
            frames,
            capacity: frames,
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
pub(super) trait Goal<'t> {
    type Output;
    /// Whether it is worth a loop for each policy.
    const FAST: bool = true;
    fn reach<P: PolicyType<'t> + 't, R: Residence<'t> + 't, T: Translation + 't>(
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

    fn reach<P: PolicyType<'t> + 't, R: Residence<'t> + 't, T: Translation + 't>(
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

    fn reach<P: PolicyType<'t> + 't, R: Residence<'t> + 't, T: Translation + 't>(
        self,
        machine: Machine<'t, P, R, T>,
    ) -> Self::Output {
        Box::new(Running::new(machine, self.job))
    }
}

/// Sets up the machine that a job asks for and hands it over: statically dispatched by policy,
/// sharing and translation, or with [`AnyPolicy`] where something else bounds the speed, so that
/// there are fewer loops to compile.
pub(super) fn with_machine<'t, G: Goal<'t>>(
    job: &Job<'t>,
    burst_size: Option<usize>,
    listener: Hears<'t>,
    goal: G,
) -> Result<G::Output, RunError> {
    let setup = job.setup(burst_size.is_some())?;
    let log = job.tlb.zip(job.misses).filter(|(geometry, log)| {
        G::FAST && job.accessed == Accessed::Every && log.is_of(geometry, job.trace)
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
        (None, None, Some(space)) if job.is_local() || !G::FAST => {
            ready.any(Spaces::new(space), ())
        }
        (None, None, None) if !G::FAST => ready.any(Flat::new(setup.pages), ()),
        (_, log, _) if G::FAST => dispatch(job.policy, Fast { ready, log }),
        _ => unreachable!("without loops for each policy nothing follows a log"),
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
        P: PolicyType<'t> + 't,
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

    fn visit<P: PolicyType<'t> + 't>(self) -> Self::Output {
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
        P: PolicyType<'t> + 't,
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
