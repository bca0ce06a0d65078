//! From a job to a machine that is ready for it: what a policy learns when it is set up, and which
//! of the compiled machines runs. Knows nothing of what happens in them.

use super::engine::Engine;
use super::replay::Replay;
use super::{AccessedBitMode, Job, Machine, Paging, RunError};
use crate::policy::{
    AnyPolicy, Future, HitDelivery, MemoryBy as SpaceKind, PolicyType, Setup, Spec, Visitor,
    dispatch,
};
use crate::space::Space;
use crate::trace::model::refs::PageKey;
use crate::trace::model::tile::Tile;
use crate::vm::core::Core;
use crate::vm::core::burst_state::{BurstState, watches};
use crate::vm::core::counters::Outcome;
use crate::vm::core::distribution::Listener;
use crate::vm::machine::page_tables::{Flat, Residence, Spaces};
use crate::vm::tlb::{FollowTlbs, Geometry, MissLog, Tlbs, Translation};

/// Replays a trace in memory.
pub fn run(job: &Job<'_>) -> Result<Outcome, RunError> {
    run_by(job, None)
}

/// Replays a trace in memory and reports every fault and expiry to `listener`.
pub fn run_with(job: &Job<'_>, listener: &mut dyn Listener) -> Result<Outcome, RunError> {
    run_by(job, Some(listener))
}

fn run_by(job: &Job<'_>, listener: Option<&mut dyn Listener>) -> Result<Outcome, RunError> {
    let identity = job.identity();
    let job = &job.with_space(identity.as_ref());
    let burst_size = job.bursts.map(|view| view.columns.k);
    let listener = listener.map(|listener| listener as &mut dyn Listener);
    let mut replay = Replay::new(assemble(job, burst_size, listener, true)?, job);
    match job.bursts.filter(|_| replay.burst_size().is_some()) {
        Some(view) => _ = replay.feed(Tile::of_bursts(view)),
        None => job
            .trace
            .tiles_of(0..job.trace.len(), |tile| replay.feed(tile)),
    }
    Ok(replay.finish())
}

/// Replays a trace in memory reference by reference, without TLBs and quotas, in a loop compiled
/// for the policy `P`. The job names `P`, which need not be in the table.
pub fn run_as<'t, P: PolicyType<'t> + 't>(job: &Job<'t>) -> Result<Outcome, RunError> {
    let setup = &job.setup()?;
    let core = Core::new(
        job.spec(),
        setup,
        job.space,
        job.swap_slots,
        job.choices,
        None,
    );
    let parts = Parts { job, setup, core };
    let mut replay = Replay::new(parts.any_tables(P::new(setup), ()), job);
    job.trace
        .tiles_of(0..job.trace.len(), |tile| replay.feed(tile));
    Ok(replay.finish())
}

/// Sets up a replay that takes its trace tile by tile: as bursts of at most `burst_size` pages, if
/// it can be replayed by them (see [`Replay::burst_size`]). The job's own bursts and misses are not
/// used. Errors if the policy needs the future and the trace is not in memory.
///
/// # Panics
/// If the job has quotas, or reference bits that walks set, and no space.
pub fn begin<'t>(job: &Job<'t>, burst_size: Option<usize>) -> Result<Replay<'t>, RunError> {
    let job = &Job {
        bursts: None,
        misses: None,
        ..*job
    };
    Ok(Replay::new(assemble(job, burst_size, None, true)?, job))
}

impl<'t> Job<'t> {
    /// Returns page tables for a job that needs them though nothing is shared. Rarely used options
    /// run over page tables only, so that there are fewer machines to compile.
    pub(super) fn identity(&self) -> Option<Space> {
        self.lacks_space()
            .then(|| Space::identity(&self.trace.dictionary))
    }

    /// Returns true if the job can run over page tables only, and has none.
    fn lacks_space(&self) -> bool {
        let dynamic = self.quotas.is_some() || self.accessed != AccessedBitMode::Every;
        dynamic && self.space.is_none()
    }

    /// Returns the job over `identity` if it has no space.
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

    /// Returns true if each process replaces its own pages only.
    pub(super) fn is_local(&self) -> bool {
        self.quotas.is_some() && self.spec().space == SpaceKind::Fixed
    }

    /// Returns the page of each entry.
    pub(super) fn entries(&self) -> &'t [PageKey] {
        match self.space {
            Some(space) => &space.entries,
            None => &self.trace.dictionary.pages,
        }
    }

    /// Returns what a policy learns when it is set up for a replay by references.
    pub(super) fn setup(&self) -> Result<Setup<'t>, RunError> {
        let spec = self.spec();
        let future = if !spec.needs_future() {
            Future::default()
        } else if self.trace.store().is_some() {
            return Err(RunError::NotInMemory(spec.name));
        } else {
            self.future().ok_or(RunError::TooLong(spec.name))?
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
            bursts: false,
            tau: self.tau,
            params: self.params,
            seed: self.seed,
            future,
        })
    }

    fn future(&self) -> Option<Future<'t>> {
        let refs = self.trace.refs();
        let left_out = self.space.map_or(&[][..], |space| &space.left_out_at);
        match self.space.filter(|space| !space.is_identity()) {
            None => self.trace.next_use().map(|next_use| Future {
                refs,
                entries: refs,
                next_use,
                after_op: &[],
                left_out,
            }),
            Some(space) => space.future(refs).map(|future| Future {
                refs: &future.refs,
                entries: refs,
                next_use: &future.next_use,
                after_op: &future.after_op,
                left_out,
            }),
        }
    }

    /// Returns true if the policy can be replayed by bursts of at most `k` pages with the same
    /// counts. It must have a loop of its own.
    fn takes_bursts(&self, k: usize, setup: &Setup<'t>) -> bool {
        let exact = match self.spec().bursts {
            HitDelivery::Never => false,
            HitDelivery::SetBits | HitDelivery::OrderOfHits => true,
            HitDelivery::SetBitsAlone => self.trace.dictionary.pids.len() == 1,
            HitDelivery::Order | HitDelivery::Windows => {
                setup.frames as usize >= k.min(setup.pages)
            }
        };
        exact && self.quotas.is_none()
    }
}

/// Sets up the machine that a job asks for. With `fast` it is one compiled for the policy, the page
/// tables and the TLBs, unless something else bounds the speed: TLBs that are looked up at every
/// reference, a policy for each process, or a registered policy. Then, and without `fast`, it is
/// one for [`AnyPolicy`], which calls the policy through a vtable, so that there are fewer machines
/// to compile.
///
/// # Panics
/// If the job has quotas, or reference bits that walks set, and no space.
pub(super) fn assemble<'t>(
    job: &Job<'t>,
    burst_size: Option<usize>,
    listener: Option<&'t mut dyn Listener>,
    fast: bool,
) -> Result<Box<dyn Engine<'t> + 't>, RunError> {
    assert!(!job.lacks_space(), "this job needs page tables");
    let log = job.tlb.zip(job.misses).filter(|(geometry, log)| {
        let own_tables = job.policy.is_in_table() || job.is_local();
        let follows = fast && own_tables && job.accessed == AccessedBitMode::Every;
        follows && log.is_of(geometry, job.trace)
    });
    let looks_up = job.tlb.is_some() && log.is_none();
    let own_loop = fast && !looks_up && !job.is_local() && job.policy.is_in_table();
    let mut setup = job.setup()?;
    let burst_size = burst_size.filter(|&k| own_loop && job.takes_bursts(k, &setup));
    setup.bursts = burst_size.is_some();
    let (spec, choices) = (job.spec(), job.choices);
    let mut core = Core::new(spec, &setup, job.space, job.swap_slots, choices, listener);
    if job.accessed == AccessedBitMode::WalkFlush {
        core.frames.watch_clearing();
    }
    if let Some(k) = burst_size {
        let spec = job.spec();
        if watches(spec) {
            core.frames.watch_hits();
        }
        core.burst_state = Some(BurstState::new(spec, k, core.entries.len(), job.tau));
    }
    let parts = Parts {
        job,
        setup: &setup,
        core,
    };
    if own_loop {
        return Ok(dispatch(job.policy, OwnLoop { parts, log }));
    }
    let policy = AnyPolicy::new(&setup);
    let (entries, page_size) = (job.entries(), job.trace.meta.page_size);
    Ok(match (job.tlb, log) {
        (Some(geometry), None) if job.accessed == AccessedBitMode::Every => {
            parts.any_tables(policy, Tlbs::<false>::new(geometry, entries, page_size))
        }
        (Some(geometry), None) => {
            let tables = Spaces::new(job.space.expect("page tables"));
            let tlbs = Tlbs::<true>::new(geometry, entries, page_size);
            parts.machine(policy, tables, tlbs)
        }
        (_, Some((geometry, log))) => {
            // Each process replaces its own pages only, so there are page tables.
            let tables = Spaces::new(job.space.expect("page tables"));
            let tlbs = FollowTlbs::new(geometry, job.entries(), job.trace, log);
            parts.machine(policy, tables, tlbs)
        }
        (None, None) => parts.any_tables(policy, ()),
    })
}

/// All that a machine is made of, but its policy, page tables and TLBs.
struct Parts<'a, 't> {
    job: &'a Job<'t>,
    setup: &'a Setup<'t>,
    core: Core<'t>,
}

impl<'t> Parts<'_, 't> {
    /// Puts a machine together with the page tables that the job needs.
    fn any_tables<P, T>(self, policy: P, tlb: T) -> Box<dyn Engine<'t> + 't>
    where
        P: PolicyType<'t> + 't,
        T: Translation + 't,
    {
        match self.job.space {
            None => {
                let tables = Flat::new(self.setup.pages);
                self.machine(policy, tables, tlb)
            }
            Some(space) => self.machine(policy, Spaces::new(space), tlb),
        }
    }

    fn machine<P, R, T>(self, policy: P, memory: R, tlb: T) -> Box<dyn Engine<'t> + 't>
    where
        P: PolicyType<'t> + 't,
        R: Residence + 't,
        T: Translation + 't,
    {
        let core = self.core;
        let paging = Paging { core, memory, tlb };
        Box::new(Machine { policy, paging })
    }
}

/// The parts on their way to the loop of their policy: without TLBs, or with some that follow a
/// log.
struct OwnLoop<'a, 't> {
    parts: Parts<'a, 't>,
    log: Option<(&'t Geometry, &'t MissLog)>,
}

impl<'t> Visitor<'t> for OwnLoop<'_, 't> {
    type Output = Box<dyn Engine<'t> + 't>;

    fn visit<P: PolicyType<'t> + 't>(self) -> Self::Output {
        let OwnLoop { parts, log } = self;
        let policy = P::new(parts.setup);
        match log {
            None => parts.any_tables(policy, ()),
            Some((geometry, log)) => {
                let job = parts.job;
                let tlbs = FollowTlbs::new(geometry, job.entries(), job.trace, log);
                parts.any_tables(policy, tlbs)
            }
        }
    }
}
