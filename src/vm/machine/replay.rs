//! A replay from its beginning to its outcome: the machine is fed with one tile of the trace after
//! the other, counting begins where the warm-up ends, and at the end everything is summed up.

use super::Job;
use super::engine::Engine;
use crate::policy::EventCount;
use crate::trace::model::refs::count_kinds;
use crate::trace::model::tile::Tile;
use crate::vm::core::Residency;
use crate::vm::core::counters::{Counters, Outcome, SwapFull, TlbCounters};
use crate::vm::core::distribution::FaultIntervals;
use crate::vm::machine::page_tables::NOT_RESIDENT;

/// A replay that the caller feeds with its trace.
pub struct Replay<'t> {
    engine: Box<dyn Engine<'t> + 't>,
    progress: Progress,
}

impl<'t> Replay<'t> {
    pub(super) fn new(engine: Box<dyn Engine<'t> + 't>, job: &Job<'t>) -> Replay<'t> {
        Replay {
            engine,
            progress: Progress::new(job),
        }
    }

    /// Returns the size of the bursts that the replay takes; `None` if it takes references one by
    /// one.
    pub fn burst_size(&self) -> Option<usize> {
        Some(self.engine.core().burst_state.as_ref()?.k)
    }

    /// Replays the next references of the trace. Returns false if full swap ends the replay, which
    /// then takes no more.
    pub fn feed(&mut self, tile: Tile<'_>) -> bool {
        self.progress.feed(&mut *self.engine, tile)
    }

    /// Returns the outcome. Call it once the whole trace was fed, or once `feed` returned false.
    ///
    /// # Panics
    /// If a conservation law does not hold.
    pub fn finish(mut self) -> Outcome {
        self.progress.finish(&mut *self.engine)
    }
}

/// How far a replay has come.
pub(super) struct Progress {
    /// The frames of the job.
    frames: Option<u32>,
    warmup: u64,
    /// The references of the trace.
    length: u64,
    /// References replayed so far.
    at: u64,
    /// The state when counting began; `None` before.
    start: Option<Start>,
    /// Counted references by kind. Kept only if swap is limited: only then can the replay end
    /// early.
    by_kind: Option<[u64; 3]>,
}

/// What counters of TLBs and policy were when counting began.
struct Start {
    tlb: TlbCounters,
    resident: u64,
    events: Vec<EventCount>,
}

impl Progress {
    pub(super) fn new(job: &Job<'_>) -> Progress {
        let length = job.trace.len() as u64;
        Progress {
            frames: job.frames,
            warmup: job.warmup.min(length),
            length,
            at: 0,
            start: None,
            by_kind: job.swap_slots.map(|_| [0; 3]),
        }
    }

    /// Replays the next references. Returns false if full swap ends the replay.
    pub(super) fn feed(&mut self, engine: &mut dyn Engine<'_>, tile: Tile<'_>) -> bool {
        if self.start.is_none() {
            let to = self.warmup.min(tile.end());
            if !self.feed_to(engine, tile, to) {
                return false;
            }
            if self.at == self.warmup {
                self.begin_counting(engine);
            }
        }
        self.feed_to(engine, tile, tile.end())
    }

    fn feed_to(&mut self, engine: &mut dyn Engine<'_>, tile: Tile<'_>, to: u64) -> bool {
        let from = self.at;
        self.at = engine.feed(tile, from..to);
        if let Some(by_kind) = self.by_kind.as_mut().filter(|_| self.start.is_some()) {
            let now = match tile.bursts {
                // The bits above a byte's kind are those of its place.
                Some(view) => count_kinds(view.raw(from as usize..self.at as usize)),
                None => count_kinds(&tile.kinds[tile.index(from)..tile.index(self.at)]),
            };
            *by_kind = std::array::from_fn(|kind| by_kind[kind] + now[kind]);
        }
        self.at == to
    }

    fn begin_counting(&mut self, engine: &mut dyn Engine<'_>) {
        let resident = engine.core().residency.now;
        self.start = Some(Start {
            tlb: engine.tlb_counters(self.at).unwrap_or_default(),
            resident,
            events: policy_events(engine),
        });
        let core = engine.core_mut();
        core.residency = Residency {
            now: resident,
            until: self.warmup,
            ..Residency::default()
        };
        core.counters = Counters::default();
        core.walked_faults = Default::default();
        core.intervals = FaultIntervals::default();
        if let Some(listener) = &mut core.listener {
            listener.start_counting();
        }
    }

    /// Returns the outcome of a replay that was fed to its end.
    ///
    /// # Panics
    /// If a conservation law does not hold.
    pub(super) fn finish(&mut self, engine: &mut dyn Engine<'_>) -> Outcome {
        if self.start.is_none() {
            self.begin_counting(engine);
        }
        let end = self.at;
        let start = self.start.take().expect("counting has begun");
        let is_over = end == self.length && !engine.core().swap_full;
        if is_over && engine.perform(end, usize::MAX).is_err() {
            engine.core_mut().swap_full = true;
        }
        engine.core_mut().residency.settle(end);
        engine.core().swap.assert_owned();
        engine.assert_all_flushed();
        let tlb = engine.tlb_counters(end);
        let mut events = policy_events(engine);
        for (now, before) in events.iter_mut().zip(&start.events) {
            now.1 -= before.1;
        }
        let intervals = std::mem::take(&mut engine.core_mut().intervals).gathered();
        let core = engine.core();
        let states = engine.states();
        let resident = states.iter().copied().filter(|&state| state < NOT_RESIDENT);
        let away = states.iter().zip(0..).filter(|at| *at.0 == NOT_RESIDENT);
        let (mut swapped_end, mut dropped_end) = (0, 0);
        for (_, page) in away {
            *(match core.swap.slot(page) {
                Some(_) => &mut swapped_end,
                None => &mut dropped_end,
            }) += 1;
        }
        let outcome = Outcome {
            model: None,
            frames: u64::from(self.frames.unwrap_or(core.capacity)),
            swap_full: core.end(end).map(|at| SwapFull {
                after: at.legal,
                ops: at.ops,
                by_kind: self.by_kind.unwrap_or_default(),
            }),
            resident_start: start.resident,
            resident_end: core.residency.now,
            dirty_end: core.frames.count_dirty(resident),
            resident_sum: core.residency.sum,
            resident_peak: core.residency.peak,
            swapped_end,
            dropped_end,
            swap_slots: core.swap.used(),
            swap_slots_peak: core.swap.peak(),
            counters: core.counters,
            tlb: tlb.map(|now| TlbCounters {
                faults: core.walked_faults,
                ..now.since(&start.tlb)
            }),
            policy_events: events,
            intervals,
        };
        outcome.assert_laws();
        outcome
    }
}

/// Returns what the policy has counted of its own doings, without the search for a victim that
/// could not leave.
fn policy_events<'t>(engine: &dyn Engine<'t>) -> Vec<EventCount> {
    let core = engine.core();
    if core.swap_full && !core.cannot_expire {
        core.events_before.clone()
    } else {
        engine.policy_events()
    }
}
