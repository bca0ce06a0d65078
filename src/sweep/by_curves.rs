//! Cells from curves: if a curve has all facts that the requested columns need, one pass over a trace
//! gives every size of a policy. A point becomes an [`Outcome`] like that of a replay; counters that
//! the curve does not have are 0.
//!
//! Deliberately absent: which column of a table is which fact, and how curves are computed.

use super::plan::CurveNeeds;
use super::{Allocation, Cell, CellResult, Engine, Plan, caught};
use crate::curve::{Amounts, CurveInputs, CurveKind, Point, Wanted};
use crate::space::Resolved;
use crate::vm::{AccessedBitMode, Counters, FaultKind, Outcome};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// The cells of one trace and one policy that one curve gives.
pub struct Pass {
    /// The index of the trace.
    trace: usize,
    kind: CurveKind,
    /// The indices of the cells.
    pub cells: Vec<usize>,
}

/// Returns the passes of a plan, ordered by trace and kind. Cells that are in no pass are replayed.
pub fn passes(plan: &Plan<'_>) -> Vec<Pass> {
    let Some(facts) = plan.settings.curves else {
        return Vec::new();
    };
    let plain = |trace| is_plain(plan, trace);
    let plain: Vec<bool> = (0..plan.traces.len()).map(plain).collect();
    let mut passes: BTreeMap<(usize, CurveKind), Vec<usize>> = BTreeMap::new();
    for (index, cell) in plan.cells.iter().enumerate() {
        if let Some(kind) = kind_of(cell, facts).filter(|_| plain[cell.trace]) {
            passes.entry((cell.trace, kind)).or_default().push(index);
        }
    }
    passes.retain(|(_, kind), cells| cells.len() >= kind.pays_from());
    let pass = |((trace, kind), cells)| Pass { trace, kind, cells };
    passes.into_iter().map(pass).collect()
}

/// Returns true if nothing but references happens in a trace, all of them are counted, and no setting
/// concerns more than the size of memory.
fn is_plain(plan: &Plan<'_>, trace: usize) -> bool {
    let (settings, resolved) = (&plan.settings, plan.traces[trace]);
    settings.engine == Engine::Auto
        && settings.allocation == Allocation::Global
        && settings.accessed == AccessedBitMode::Every
        && settings.swap_bytes.is_none()
        && plan.facts[trace].warmup_refs == 0
        && resolved.trace.store().is_none()
        // Times of curves have 32 bits.
        && resolved.trace.len() < u32::MAX as usize
        && resolved.space.as_ref().is_none_or(|space| space.is_identity())
}

/// Returns the kind of curve that gives a cell with these facts, if there is one.
fn kind_of(cell: &Cell, facts: CurveNeeds) -> Option<CurveKind> {
    if !cell.model().has_frames() {
        return None;
    }
    // VMIN's curve does not count the pages that leave.
    let kind = CurveKind::of(&cell.choice).filter(|&kind| kind != CurveKind::Vmin)?;
    let suffices = !facts.write_backs || kind.has_write_backs();
    let fits = if kind.has_windows() {
        !facts.frames && cell.frames.is_none() && cell.tau > Some(0)
    } else {
        cell.tau.is_none() && cell.frames > Some(0)
    };
    (suffices && fits && cell.seed.is_none()).then_some(kind)
}

/// Returns the frames or the window of a cell.
fn memory(cell: &Cell) -> u64 {
    cell.tau.or(cell.frames.map(u64::from)).unwrap_or(0)
}

/// Does the passes side by side and gives the result of each of their cells to `keep`. No pass begins
/// after `stop` became true. A pass that panics fails alone.
pub fn run(
    plan: &Plan<'_>,
    passes: &[Pass],
    stop: &AtomicBool,
    keep: &(dyn Fn(usize, CellResult) + Sync),
) {
    let sources: Vec<Option<CurveInputs<'_>>> = (0..plan.traces.len())
        .map(|trace| prepared(plan, passes, trace, stop))
        .collect();
    passes.par_iter().with_max_len(1).for_each(|pass| {
        let Some(source) = sources[pass.trace].as_ref() else {
            return;
        };
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let points = caught(|| {
            let points = pass.kind.points(source, &pass.wanted(plan));
            points.map_err(|e| e.to_string())
        });
        for &cell in &pass.cells {
            let memory = memory(&plan.cells[cell]);
            let point = points.as_ref().map_err(Clone::clone).map(|points| {
                let place = points.binary_search_by_key(&memory, |point| point.memory);
                &points[place.expect("the curve has a point for every size")]
            });
            let outcome = point.map(|point| outcome(point, plan, &plan.cells[cell]));
            keep(
                cell,
                CellResult {
                    outcome,
                    wall: None,
                },
            );
        }
    });
}

/// Computes what the passes over a trace share. To be called for one trace after the other: each call
/// uses all cores, and a thread that waited for another call could wait for itself. Returns `None` if
/// the trace has no pass or `stop` is true.
fn prepared<'t>(
    plan: &Plan<'t>,
    passes: &[Pass],
    trace: usize,
    stop: &AtomicBool,
) -> Option<CurveInputs<'t>> {
    let here = || passes.iter().filter(|pass| pass.trace == trace);
    here().next().filter(|_| !stop.load(Ordering::Relaxed))?;
    let resolved: &'t Resolved = plan.traces[trace];
    let source = CurveInputs::new(&resolved.trace);
    let kinds: Vec<CurveKind> = here().map(|pass| pass.kind).collect();
    let cells = here().flat_map(|pass| pass.cells.iter().copied());
    let all = wanted(plan, cells);
    // An error here is not reported: the passes that need the input fail with the same error.
    let _ = caught(|| source.prepare(&kinds, &all).map_err(|e| e.to_string()));
    Some(source)
}

impl Pass {
    fn wanted(&self, plan: &Plan<'_>) -> Wanted {
        wanted(plan, self.cells.iter().copied())
    }
}

/// Returns the memory of the cells, rising.
fn wanted(plan: &Plan<'_>, cells: impl Iterator<Item = usize>) -> Wanted {
    let (mut frames, mut taus) = (Vec::new(), Vec::new());
    for cell in cells.map(|cell| &plan.cells[cell]) {
        match cell.tau {
            Some(tau) => taus.push(tau),
            None => frames.push(memory(cell)),
        }
    }
    for all in [&mut frames, &mut taus] {
        all.sort_unstable();
        all.dedup();
    }
    Wanted {
        frames: Amounts::only(frames),
        taus: Amounts::only(taus),
        all_sizes: false,
    }
}

/// Returns the outcome of a cell from a point of its curve. Pages come in on demand. If memory is a
/// number of frames, a page leaves only for another one.
fn outcome(point: &Point, plan: &Plan<'_>, cell: &Cell) -> Outcome {
    let refs = plan.traces[cell.trace].trace.len() as u64;
    let pages = plan.facts[cell.trace].distinct;
    let dirty = point.write_backs.unwrap_or(0);
    let mut counters = Counters {
        refs,
        hits: refs - point.faults,
        ..Counters::default()
    };
    counters.faults[FaultKind::Fill as usize][1][0] = pages;
    counters.faults[FaultKind::Refill as usize][1][0] = point.faults - pages;
    let mut resident = 0;
    match cell.frames {
        None => counters.expired_dirty = dirty,
        Some(frames) => {
            resident = u64::from(frames).min(pages);
            counters.evictions_dirty = dirty;
            counters.evictions_clean = point.faults - resident - dirty;
        }
    }
    Outcome {
        model: None,
        policy_events: Vec::new(),
        counters,
        swap_full: None,
        frames: cell.frames.map_or(pages, u64::from),
        resident_start: 0,
        resident_end: resident,
        resident_peak: resident,
        resident_sum: point.resident_sum,
        dirty_end: 0,
        swapped_end: 0,
        dropped_end: 0,
        swap_slots: 0,
        swap_slots_peak: 0,
        tlb: None,
        intervals: Default::default(),
    }
}
