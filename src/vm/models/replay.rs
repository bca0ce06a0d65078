//! A cell of a model with segments, from its first reference to its counts: stretches whose segments are
//! all in memory are taken as a whole, every other reference by itself.

use super::choices::SwapUnit;
use super::core::{Core, Rules};
use super::counts::{Ending, SegmentCounts, SegmentOutcome, Work};
use super::holes::{Hole, Placed};
use super::idle::Idle;
use super::steps::{OF_REFERENCE, SegmentId, Segmented, Step, StepAt};
use super::units::UnitSetup;
use crate::policy::{PageKey, PolicyChoice};
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::{count_kinds, is_write, page_of};

/// A replay to be done.
#[derive(Clone, Copy)]
pub struct SegmentJob<'t> {
    /// The trace: its legal references.
    pub trace: &'t Trace,
    /// Its segments.
    pub segmented: &'t Segmented,
    /// The policy.
    pub policy: &'t PolicyChoice,
    /// The seed of randomized policies.
    pub seed: u64,
    /// Memory and how it is used.
    pub rules: Rules,
    /// References replayed before counting begins.
    pub warmup: u64,
    /// Takes every reference by itself. The counts are the same.
    pub plain: bool,
    /// The window in which what is not referenced is idle; `None` if idle bytes are not asked for.
    pub idle: Option<u64>,
}

/// A segment as it is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentState {
    /// Its length.
    pub bytes: u64,
    /// Its first byte in memory; `None` if it is not there.
    pub place: Option<u64>,
    /// Whether it has ever been in memory.
    pub known: bool,
    /// The bytes that its copy occupies on the swap device.
    pub copy: u64,
    /// Whether it differs from its copy and its file.
    pub dirty: bool,
}

/// What an observer of a replay sees after each step and each reference.
pub trait Observer {
    /// The references before `position` were replayed, with all steps that precede the next one, or some.
    /// `cause`: the step just taken; `None` after a reference.
    fn after(&mut self, view: &View<'_, '_>, position: u64, cause: Option<&StepAt>);

    /// Returns the number of references after which the replay stops, before the events that follow
    /// them; `None` for all.
    fn stops_after(&self) -> Option<u64> {
        None
    }

    /// Called once at the end, however that came about.
    fn at_end(&mut self, _view: &View<'_, '_>) {}
}

/// Memory as an observer sees it.
pub struct View<'v, 't> {
    core: &'v Core<'t>,
}

impl View<'_, '_> {
    /// Returns what is in memory, in order of places.
    pub fn placed(&self) -> impl Iterator<Item = Placed> {
        self.core.memory.placed()
    }

    /// Returns the holes, in order of places.
    pub fn holes(&self) -> impl Iterator<Item = Hole> {
        self.core.memory.holes()
    }

    /// Returns who has a segment, each with its first address there.
    pub fn owners(&self, segment: SegmentId) -> &[(u32, u64)] {
        &self.core.segment(segment).owners
    }

    /// Returns the segments of a process, by address.
    pub fn segments_of(&self, process: u32) -> impl Iterator<Item = (u64, SegmentId)> {
        let of = &self.core.processes[process as usize].segments;
        of.iter().map(|(&address, &segment)| (address, segment))
    }

    /// Returns whether a program was swapped out as a whole.
    pub fn is_out(&self, process: u32) -> bool {
        self.core.processes[process as usize].is_out
    }

    /// Returns how a segment is.
    pub fn state(&self, segment: SegmentId) -> SegmentState {
        let of = self.core.segment(segment);
        SegmentState {
            bytes: of.bytes,
            place: of.place,
            known: of.known,
            copy: of.copy,
            dirty: of.dirty,
        }
    }

    /// Returns the counts so far, except the sums over references.
    pub fn counts(&self) -> &SegmentCounts {
        &self.core.counts
    }
}

/// Replays a cell.
pub fn replay(job: &SegmentJob<'_>) -> SegmentOutcome {
    replay_with(job, None)
}

/// Replays a cell reference by reference. `observer` sees memory after each of them and after each step.
pub fn replay_observed(job: &SegmentJob<'_>, observer: &mut dyn Observer) -> SegmentOutcome {
    let job = SegmentJob {
        plain: true,
        ..*job
    };
    replay_with(&job, Some(observer))
}

fn replay_with<'o>(
    job: &'o SegmentJob<'o>,
    observer: Option<&'o mut dyn Observer>,
) -> SegmentOutcome {
    let unit = job.rules.unit;
    let units = job.segmented.units(unit) as u64;
    let keys = (0..units).map(|number| PageKey { process: 0, number });
    let keys: Vec<PageKey> = keys.collect();
    let spec = job.policy.spec();
    let future = spec
        .needs_future()
        .then(|| job.segmented.future(job.trace, unit));
    let setup = UnitSetup {
        policy: job.policy.id,
        params: &job.policy.params,
        seed: job.seed,
        entries: &keys,
        future,
    };
    let mut run = Run {
        job,
        core: Core::new(job.segmented, job.rules, setup),
        bound_to: vec![0; job.segmented.entries],
        page_of: vec![
            0;
            if job.idle.is_some() {
                job.segmented.entries
            } else {
                0
            }
        ],
        idle: job.idle.map(|tau| {
            let page_bytes = job.trace.meta.page_size.bytes();
            Idle::new(tau, page_bytes, job.segmented.processes)
        }),
        refs: 0,
        hits: 0,
        counts: job.warmup == 0,
        is_changed: false,
        observer,
    };
    run.core.counts = run.fresh_counts();
    run.go()
}

/// A replay under way.
struct Run<'j, 't> {
    job: &'j SegmentJob<'j>,
    core: Core<'t>,
    /// The use that references of each entry are of.
    bound_to: Vec<u32>,
    /// The number of the page of each entry in its segment; empty unless idle bytes are asked for.
    page_of: Vec<u64>,
    /// The windows, if idle bytes are asked for.
    idle: Option<Idle>,
    /// Counted references.
    refs: u64,
    hits: u64,
    /// Whether counting has begun.
    counts: bool,
    /// Whether memory changed since its fragmentation was last noted.
    is_changed: bool,
    observer: Option<&'j mut dyn Observer>,
}

impl Run<'_, '_> {
    fn go(mut self) -> SegmentOutcome {
        let ended = self.all().err();
        if let Some(observer) = &mut self.observer {
            observer.at_end(&View { core: &self.core });
        }
        let at = self.core.time;
        let end = ended.map(|ending| (ending, at));
        if ended.is_none() && !self.counts {
            self.begin_counting(at);
        }
        self.core.settle(at);
        let mut counts = std::mem::take(&mut self.core.counts);
        counts.swap_end = self.core.swap;
        if ended.is_none() {
            self.core.assert_laws();
        }
        counts.assert_laws(self.refs, self.job.rules.memory);
        assert_eq!(self.refs, self.hits + counts.faults(), "hits + faults");
        let by_kind = match ended {
            Some(_) => self.kinds_until(at),
            None => [0; 3],
        };
        SegmentOutcome {
            refs: self.refs,
            hits: self.hits,
            ended: end,
            by_kind,
            counts,
        }
    }

    /// Returns the counted references before `position` by kind.
    fn kinds_until(&self, position: u64) -> [u64; 3] {
        let mut by_kind = [0; 3];
        let from = self.job.warmup.min(position);
        let trace = self.job.trace;
        trace.tiles_of(from as usize..position as usize, |tile| {
            let now = count_kinds(tile.kinds);
            by_kind = std::array::from_fn(|kind| by_kind[kind] + now[kind]);
            true
        });
        by_kind
    }

    fn all(&mut self) -> Result<(), Ending> {
        let segmented = self.job.segmented;
        let mut steps = &segmented.steps[..];
        let until = self
            .observer
            .as_ref()
            .and_then(|observer| observer.stops_after());
        let until = until.unwrap_or(u64::MAX);
        // Steps at the last position belong to what is behind it.
        if until < u64::MAX {
            let taken = steps.partition_point(|at| at.position < until);
            steps = &steps[..taken];
        }
        for (index, stretch) in segmented.stretches.iter().enumerate() {
            if stretch.start >= until {
                break;
            }
            steps = self.steps(steps, stretch.start)?;
            let warms_up = self.job.warmup > stretch.start && self.job.warmup < stretch.end;
            if self.job.warmup == stretch.start {
                self.begin_counting(stretch.start);
            }
            let one_by_one = self.job.plain || self.job.idle.is_some() || warms_up;
            if one_by_one || !self.stretch(segmented.listed(index), stretch.start..stretch.end) {
                self.one_by_one(stretch.start..stretch.end.min(until))?;
            }
        }
        self.steps(steps, u64::MAX)?;
        Ok(())
    }

    /// Forgets what was counted during warm-up. What is in memory stays.
    fn begin_counting(&mut self, at: u64) {
        if self.counts {
            return;
        }
        self.core.settle(at);
        let swap_peak = self.core.counts.swap_peak;
        self.core.counts = SegmentCounts {
            swap_peak,
            fragmentation_worst: self.core.fragmentation,
            ..self.fresh_counts()
        };
        (self.refs, self.hits, self.counts) = (0, 0, true);
    }

    /// Takes the steps up to `position`. Returns those left.
    fn steps<'s>(&mut self, steps: &'s [StepAt], position: u64) -> Result<&'s [StepAt], Ending> {
        let (mut left, mut copied) = (steps, false);
        // The entry of a reference that copies: the one that is bound after the copy.
        let mut writes: Option<u32> = None;
        while let Some((at, rest)) = left.split_first().filter(|(at, _)| at.position <= position) {
            self.core.settle(at.position);
            self.core.time = self.core.time.max(at.position);
            if let Step::Bind { entry, of, page } = at.step {
                self.bound_to[entry as usize] = of;
                if let Some(slot) = self.page_of.get_mut(entry as usize) {
                    *slot = page;
                }
                writes = writes.map(|_| entry);
            }
            if let Some(idle) = &mut self.idle {
                idle.step(&at.step);
            }
            let is_reference = matches!(at.step, Step::Copy { written: true, .. });
            if is_reference && self.job.warmup == at.position {
                self.begin_counting(at.position);
            }
            self.core.step(at.step)?;
            if let (
                Some(idle),
                Step::Detach {
                    segment, process, ..
                },
            ) = (&mut self.idle, at.step)
            {
                let mut owners = self.core.segment(segment).owners.iter();
                if !owners.any(|&(owner, _)| owner == process) {
                    idle.lose(process, segment);
                }
            }
            self.refs += u64::from(is_reference);
            left = rest;
            let ends = rest
                .first()
                .is_none_or(|next| (next.position, next.cause) != (at.position, at.cause));
            if ends {
                self.core.let_lost_leave()?;
            }
            self.is_changed |= !matches!(
                at.step,
                Step::Touch { .. } | Step::Bind { .. } | Step::Renumber { .. }
            );
            copied |= is_reference;
            // What a reference changes is noted after it.
            if is_reference {
                writes = Some(u32::MAX);
            }
            if ends && (at.cause != OF_REFERENCE || copied) {
                self.note_if_changed();
                copied = false;
                if let Some(entry) = writes.take().filter(|&entry| entry != u32::MAX) {
                    self.note_idle(entry);
                }
            }
            let work = std::mem::take(&mut self.core.work);
            if work != Work::default() {
                self.core.counts.between.add(&work);
            }
            if let Some(observer) = &mut self.observer {
                observer.after(&View { core: &self.core }, at.position, Some(at));
            }
            if is_reference {
                self.core.time = at.position + 1;
            }
        }
        Ok(left)
    }

    /// Returns counts of nothing.
    fn fresh_counts(&self) -> SegmentCounts {
        SegmentCounts {
            idle_sum: self.job.idle.map(|_| 0),
            ..SegmentCounts::default()
        }
    }

    /// Notes the reference of `entry`, and what is idle after it.
    fn note_idle(&mut self, entry: u32) {
        let Some(idle) = &mut self.idle else {
            return;
        };
        let of = self.bound_to[entry as usize];
        let (process, segment) = self.job.segmented.uses[of as usize];
        idle.reference(process, (segment, self.page_of[entry as usize]));
        let bytes = u128::from(idle.bytes(self.core.memory.placed()));
        if let Some(sum) = &mut self.core.counts.idle_sum {
            *sum += bytes;
        }
    }

    fn note_if_changed(&mut self) {
        if std::mem::take(&mut self.is_changed) {
            self.core.note_fragmentation();
        }
    }

    /// Replays a stretch if all its segments are in memory. Returns whether they are.
    fn stretch(&mut self, listed: &[u32], range: std::ops::Range<u64>) -> bool {
        let core = &mut self.core;
        let uses = &self.job.segmented.uses;
        let whole = core.rules.unit == SwapUnit::Process;
        let is_there = |&of: &u32| {
            let (process, segment) = uses[(of >> 1) as usize];
            let is_out = whole && core.processes[process as usize].is_out;
            core.segments[segment as usize].place.is_some() && !is_out
        };
        if !listed.iter().all(is_there) {
            return false;
        }
        if std::mem::take(&mut self.is_changed) {
            core.note_fragmentation();
        }
        for &of in listed {
            let (process, segment) = uses[(of >> 1) as usize];
            let unit = core.unit_of(process, segment);
            core.units.hit(unit, of & 1 != 0, range.end - 1);
            if of & 1 != 0 {
                core.segments[segment as usize].dirty = true;
            }
        }
        core.time = range.end;
        self.refs += range.end - range.start;
        self.hits += range.end - range.start;
        true
    }

    /// Replays references one by one.
    fn one_by_one(&mut self, range: std::ops::Range<u64>) -> Result<(), Ending> {
        let mut result = Ok(());
        let trace = self.job.trace;
        trace.tiles_of(range.start as usize..range.end as usize, |tile| {
            for (&reference, position) in tile.refs.iter().zip(tile.start..) {
                result = self.reference(page_of(reference), is_write(reference), position);
                if result.is_err() {
                    return false;
                }
            }
            true
        });
        result
    }

    fn reference(&mut self, entry: u32, write: bool, position: u64) -> Result<(), Ending> {
        if self.job.warmup == position {
            self.begin_counting(position);
        }
        let of = self.bound_to[entry as usize];
        let (process, segment) = self.job.segmented.uses[of as usize];
        self.core.time = position;
        let hit = self.core.reference(process, segment, write)?;
        self.refs += 1;
        self.hits += u64::from(hit);
        self.note_if_changed();
        self.note_idle(entry);
        self.core.time = position + 1;
        if let Some(observer) = &mut self.observer {
            observer.after(&View { core: &self.core }, position + 1, None);
        }
        Ok(())
    }
}
