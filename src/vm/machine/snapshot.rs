//! A machine observed while it runs: the page in every frame and the place of every page, at one
//! position or at many.

use super::assemble::assemble;
use super::engine::Engine;
use super::{Job, RunError};
use crate::space::{End, ObjectId};
use crate::units::FrameId;
use crate::vm::core::Core;
use crate::vm::core::counters::Counters;
use crate::vm::machine::page_tables::{NOT_RESIDENT, UNALLOCATED};

/// Where a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageState {
    /// Never loaded, or freed.
    Unallocated,
    /// In this frame.
    Resident(FrameId),
    /// In this slot of the swap device.
    Swapped(u32),
    /// Not resident and without a slot: its file or its original is read again, or it is zeros.
    Dropped,
}

/// The two bits of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameBits {
    /// The page was written since it came in.
    pub dirty: bool,
    /// The reference bit.
    pub referenced: bool,
}

/// The machine before a reference.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// For each entry, whether it names a frame.
    pub present: Vec<bool>,
    /// For each object, where it is.
    pub objects: Vec<PageState>,
    /// For each object, its swap slot, whether the object is resident or not.
    pub slots: Vec<Option<u32>>,
    /// For each frame, the bits of the page in it.
    pub bits: Vec<FrameBits>,
    /// The most slots in use so far.
    pub slots_peak: u64,
    /// The counters so far.
    pub counters: Counters,
    /// Whether full swap ended the replay before this position.
    pub swap_full: bool,
}

/// The number of pages in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct States {
    /// The number of legal references before.
    pub position: u64,
    /// Pages in frames.
    pub resident: u64,
    /// The dirty pages among these.
    pub dirty: u64,
    /// Pages on the swap device only.
    pub swapped: u64,
    /// Pages dropped.
    pub dropped: u64,
    /// Faults so far.
    pub faults: u64,
}

/// Replays up to `position`, performs the ops there up to op index `ops`, and returns the machine's
/// state.
pub fn snapshot(job: &Job<'_>, position: u64, ops: usize) -> Result<Snapshot, RunError> {
    let identity = job.identity();
    let job = &job.with_space(identity.as_ref());
    let mut engine = assemble(job, None, None, false)?;
    let position = position.min(job.trace.len() as u64);
    let end = engine.feed(job.trace.whole(), 0..position);
    if end == position && engine.perform(position, ops).is_err() {
        engine.core_mut().swap_full = true;
    }
    Ok(snapshot_of(&*engine))
}

fn snapshot_of(engine: &dyn Engine<'_>) -> Snapshot {
    let core = engine.core();
    let objects = || (0..).zip(engine.states());
    let bits = |frame| FrameBits {
        dirty: core.frames.dirty(frame),
        referenced: core.frames.referenced(frame),
    };
    Snapshot {
        present: (0..core.entries.len() as u32)
            .map(|entry| engine.present(entry) < NOT_RESIDENT)
            .collect(),
        objects: objects()
            .map(|(object, &state)| core.page_state(object, state))
            .collect(),
        slots: objects()
            .map(|(object, _)| core.swap.slot(object))
            .collect(),
        bits: (0..core.capacity).map(bits).collect(),
        slots_peak: core.swap.peak(),
        counters: core.counters,
        swap_full: core.swap_full,
    }
}

/// Replays everything and counts where pages are at each of some positions, in ascending order. If
/// full swap ends the replay after the first of them, the last states are those after the last
/// reference that was served. Returns the states and where full swap ended the replay, if it did.
pub fn states(job: &Job<'_>, positions: &[u64]) -> Result<(Vec<States>, Option<End>), RunError> {
    let identity = job.identity();
    let job = &job.with_space(identity.as_ref());
    let (states, end) = states_at(job, positions)?;
    if let (Some(end), Some(last)) = (end, states.last())
        && last.position < end.legal
    {
        // By now the ops after the last reference have happened, too: once more up to there.
        let before = positions.iter().copied().filter(|&at| at < end.legal);
        let positions: Vec<u64> = before.chain([end.legal]).collect();
        return Ok((states_at(job, &positions)?.0, Some(end)));
    }
    Ok((states, end))
}

fn states_at(job: &Job<'_>, positions: &[u64]) -> Result<(Vec<States>, Option<End>), RunError> {
    let mut engine = assemble(job, None, None, false)?;
    let length = job.trace.len() as u64;
    let (mut from, mut all) = (0, Vec::with_capacity(positions.len()));
    for &position in positions {
        let position = position.min(length);
        from = engine.feed(job.trace.whole(), from..position);
        if from < position {
            break;
        }
        all.push(count_states(&*engine, position));
        if engine.core().swap_full {
            break;
        }
    }
    // What follows the last reference of the trace may need room, too.
    if from == length && engine.perform(from, usize::MAX).is_err() {
        engine.core_mut().swap_full = true;
    }
    Ok((all, engine.core().end(from)))
}

fn count_states(engine: &dyn Engine<'_>, position: u64) -> States {
    let core = engine.core();
    let mut states = States {
        position,
        faults: core.counters.faults(),
        ..States::default()
    };
    for (&state, object) in engine.states().iter().zip(0..) {
        match state {
            UNALLOCATED => {}
            NOT_RESIDENT if core.swap.slot(object).is_some() => states.swapped += 1,
            NOT_RESIDENT => states.dropped += 1,
            frame => {
                states.resident += 1;
                states.dirty += u64::from(core.frames.dirty(frame));
            }
        }
    }
    states
}

impl Core<'_> {
    /// Returns where an object of this state is.
    pub(super) fn page_state(&self, object: ObjectId, state: u32) -> PageState {
        match (state, self.swap.slot(object)) {
            (UNALLOCATED, _) => PageState::Unallocated,
            (NOT_RESIDENT, Some(slot)) => PageState::Swapped(slot),
            (NOT_RESIDENT, None) => PageState::Dropped,
            (frame, _) => PageState::Resident(frame),
        }
    }
}
