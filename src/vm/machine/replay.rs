//! A replay from its beginning to its outcome: the machine is fed with one tile of the trace after the
//! other, counting begins where the warm-up ends, and at the end everything is summed up.

use super::*;
use crate::trace::dense::count_kinds;

/// A replay that is fed with its trace.
pub trait Replay: Send {
    /// The size of the bursts that it takes; `None` if it takes references one by one.
    fn burst_size(&self) -> Option<usize>;
    /// Takes the next references. False if it wants no more, because swap is full.
    fn feed(&mut self, tile: Tile<'_>) -> bool;
    /// The outcome, when the whole trace was fed.
    ///
    /// # Panics
    /// If a conservation law does not hold.
    fn finish(self: Box<Self>) -> Outcome;
}

/// A machine on its way through a trace.
pub(super) struct Running<'t, P, R, T> {
    pub(super) machine: Machine<'t, P, R, T>,
    /// Frames as asked for.
    frames: Option<u32>,
    warmup: u64,
    length: u64,
    /// References so far.
    at: u64,
    /// How it stood when counting began.
    start: Option<Start>,
    /// Counted references by kind, where it may matter how far the replay came.
    by_kind: Option<[u64; 3]>,
}

/// What is subtracted from the counters.
struct Start {
    counters: Counters,
    tlb: TlbCounters,
    resident: u64,
    events: Vec<EventCount>,
}

impl<'t, P, R, T> Running<'t, P, R, T>
where
    P: PolicyType<'t>,
    R: Residence<'t>,
    T: Translation,
{
    pub(super) fn new(machine: Machine<'t, P, R, T>, job: &Job<'t>) -> Self {
        let length = job.trace.len() as u64;
        Running {
            machine,
            frames: job.frames,
            warmup: job.warmup.min(length),
            length,
            at: 0,
            start: None,
            by_kind: job.swap_slots.map(|_| [0; 3]),
        }
    }

    /// Takes the next references; false if swap is full.
    pub(super) fn take(&mut self, tile: Tile<'_>) -> bool {
        if self.start.is_none() {
            let to = self.warmup.min(tile.end());
            if !self.replay(tile, to) {
                return false;
            }
            if self.at == self.warmup {
                self.begin_counting();
            }
        }
        self.replay(tile, tile.end())
    }

    fn replay(&mut self, tile: Tile<'_>, to: u64) -> bool {
        let from = self.at;
        self.at = self.machine.feed(tile, from as usize..to as usize) as u64;
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

    fn begin_counting(&mut self) {
        let machine = &mut self.machine;
        let resident = machine.residency.now;
        self.start = Some(Start {
            counters: machine.counters,
            tlb: machine.tlb_counters(self.at).unwrap_or_default(),
            resident,
            events: machine.policy_events(),
        });
        machine.residency = Residency {
            now: resident,
            until: self.warmup,
            ..Residency::default()
        };
        machine.intervals = Intervals::default();
        if let Some(listener) = &mut machine.listener {
            listener.start_counting();
        }
    }

    pub(super) fn outcome(mut self) -> Outcome {
        if self.start.is_none() {
            self.begin_counting();
        }
        let (end, length) = (self.at, self.length);
        let start = self.start.expect("counting has begun");
        let mut machine = self.machine;
        let is_over = end == length && !machine.swap_full;
        if is_over && machine.perform(length, usize::MAX).is_err() {
            machine.swap_full = true;
        }
        machine.residency.settle(end);
        machine.swap.assert_owned();
        machine.assert_all_flushed();
        let resident = machine.memory.objects().filter(|&state| state < AWAY);
        let dirty_end = machine.frames.count_dirty(resident);
        let away = machine.memory.objects().zip(0..).filter(|at| at.0 == AWAY);
        let (mut swapped_end, mut dropped_end) = (0, 0);
        for (_, page) in away {
            *(match machine.swap.slot(page) {
                Some(_) => &mut swapped_end,
                None => &mut dropped_end,
            }) += 1;
        }
        let tlb = machine.tlb_counters(end);
        let mut events = machine.policy_events();
        for (now, before) in events.iter_mut().zip(&start.events) {
            now.1 -= before.1;
        }
        let outcome = Outcome {
            frames: u64::from(self.frames.unwrap_or(machine.capacity)),
            swap_full: machine.end(end).map(|at| SwapFull {
                after: at.legal,
                ops: at.ops,
                by_kind: self.by_kind.unwrap_or_default(),
            }),
            resident_start: start.resident,
            resident_end: machine.residency.now,
            dirty_end,
            resident_sum: machine.residency.sum,
            resident_peak: machine.residency.peak,
            swapped_end,
            dropped_end,
            swap_slots: machine.swap.used(),
            swap_slots_peak: machine.swap.peak(),
            counters: machine.counters.since(&start.counters),
            tlb: tlb.map(|now| now.since(&start.tlb)),
            policy_events: events,
            intervals: machine.intervals.gathered(),
        };
        outcome.assert_laws();
        outcome
    }
}

impl<'t, P, R, T> Replay for Running<'t, P, R, T>
where
    P: PolicyType<'t>,
    R: Residence<'t>,
    T: Translation,
{
    fn burst_size(&self) -> Option<usize> {
        Some(self.machine.by_bursts.as_ref()?.k)
    }

    fn feed(&mut self, tile: Tile<'_>) -> bool {
        self.take(tile)
    }

    fn finish(self: Box<Self>) -> Outcome {
        self.outcome()
    }
}
