//! A sweep: replays the cells of a plan (trace x policy x parameters x frames or tau) in parallel.
//! Results are in the plan's order, whatever the number of threads. Where a curve has every column
//! that is wanted ([`Settings::curves`]), one pass over the trace gives all sizes of a policy
//! instead.
//!
//! Deliberately absent: files, formats, charts.

mod allocation;
mod auto_sizes;
mod burst_sizes;
mod by_curves;
mod exclude;
mod forecast;
mod identity;
mod miss_stream;
mod models;
mod occasions;
mod page_states;
mod partition;
mod plan;
mod segment_settings;
mod streamed;
mod working_sets;

pub use self::auto_sizes::tau_ladder;
pub use self::page_states::{CellStates, WINDOWS_MAX, windows};
pub use allocation::Allocation;
pub use burst_sizes::choose_bursts;
pub use exclude::{Comparison, EXCLUDES_MAX, Exclude};
pub use identity::{
    IN_A_RUN, Identity, LATER, Labels, MEMORY_MODEL, MODEL, POLICY, Part, by_setting,
};
pub use miss_stream::{MissOutput, OpenMisses};
pub use partition::Partition;
pub use plan::{Axes, Cell, CurveNeeds, Engine, Plan, PlanError, Settings, TraceFacts, Warmup};
pub use segment_settings::SegmentSettings;

use crate::policy::HitDelivery;
use crate::trace::bursts::BurstsView;
use crate::vm::machine::RunError;
use crate::vm::tlb::MissLog;
use crate::vm::{self, AccessedBitMode, Job, Listener, Outcome};
use miss_stream::MissStream;
use rayon::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The result of one cell.
#[derive(Debug)]
pub struct CellResult {
    /// The counts, or why there are none.
    pub outcome: Result<Outcome, String>,
    /// How long its replay took; `None` if the cell comes from a curve, whose pass gives many cells.
    pub wall: Option<Duration>,
}

impl CellResult {
    /// Returns the number of references replayed; `refs` is the length of the trace.
    pub fn replayed(&self, refs: usize) -> u64 {
        match &self.outcome {
            Ok(outcome) => match (&outcome.swap_full, &outcome.model) {
                (Some(full), _) => full.after,
                (None, Some(model)) => model.ended().map_or(refs as u64, |(_, after)| after),
                (None, None) => refs as u64,
            },
            Err(_) => 0,
        }
    }
}

/// Computes every cell of the plan on `threads` threads: by curves where they suffice, else by
/// replays, the longest first. Calls `finished` after each cell with its index and result. No cell
/// begins after `stop` became true; the results of cells that did not begin are `None`. A cell that
/// panics fails alone.
pub fn run(
    plan: &Plan<'_>,
    threads: usize,
    stop: &AtomicBool,
    finished: &(dyn Fn(usize, &CellResult) + Sync),
) -> Vec<Option<CellResult>> {
    run_with_misses(plan, threads, stop, None, finished)
}

/// Like [`run`]; writes the miss stream of each cell to what `misses` opens for it, if it is given.
/// Then every cell is replayed, and `finished` is called once its stream is written.
pub fn run_with_misses(
    plan: &Plan<'_>,
    threads: usize,
    stop: &AtomicBool,
    misses_to: Option<&OpenMisses<'_>>,
    finished: &(dyn Fn(usize, &CellResult) + Sync),
) -> Vec<Option<CellResult>> {
    let store_of = |cell: usize| plan.traces[plan.cells[cell].trace].trace.store();
    // A curve has no single faults.
    let passes = match misses_to {
        None => by_curves::passes(plan),
        Some(_) => Vec::new(),
    };
    let mut by_curve = vec![false; plan.cells.len()];
    for &cell in passes.iter().flat_map(|pass| &pass.cells) {
        by_curve[cell] = true;
    }
    let all = (0..plan.cells.len()).filter(|&cell| !by_curve[cell]);
    let mut order: Vec<usize> = all.filter(|&cell| store_of(cell).is_none()).collect();
    order.sort_by_key(|&cell| (std::cmp::Reverse(plan.effort(cell)), cell));
    let next = AtomicUsize::new(0);
    let slots: Vec<Mutex<Option<CellResult>>> =
        plan.cells.iter().map(|_| Mutex::new(None)).collect();
    let keep = |index: usize, result: CellResult| {
        finished(index, &result);
        *slots[index].lock().expect("no holder panics") = Some(result);
    };
    let work = |misses: &[Option<MissLog>]| {
        while !stop.load(Ordering::Relaxed) {
            let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) else {
                return;
            };
            let log = misses[plan.cells[index].trace].as_ref();
            keep(index, run_cell(plan, index, log, misses_to));
        }
    };
    match crate::threads::pool(threads) {
        Some(pool) => {
            pool.install(|| by_curves::run(plan, &passes, stop, &keep));
            let misses = pool.install(|| prepare(plan, &order));
            pool.broadcast(|_| work(&misses));
            pool.install(|| replay_long(plan, stop, misses_to, &keep));
        }
        // Without new threads this one does all the work.
        None => {
            by_curves::run(plan, &passes, stop, &keep);
            work(&prepare(plan, &order));
            replay_long(plan, stop, misses_to, &keep);
        }
    }
    slots
        .into_iter()
        .map(|slot| slot.into_inner().expect("no holder panics"))
        .collect()
}

/// Replays the cells of traces that stay in their files, one trace after the other.
fn replay_long(
    plan: &Plan<'_>,
    stop: &AtomicBool,
    misses_to: Option<&OpenMisses<'_>>,
    keep: &(dyn Fn(usize, CellResult) + Sync),
) {
    for (trace, resolved) in plan.traces.iter().enumerate() {
        let Some(store) = resolved.trace.store() else {
            continue;
        };
        let cells: Vec<usize> = (0..plan.cells.len())
            .filter(|&cell| plan.cells[cell].trace == trace)
            .collect();
        crate::sweep::streamed::run(plan, store, &cells, stop, misses_to, keep);
    }
}

/// Computes what the cells of each trace share, on all cores and before any cell is timed: the
/// trace's bursts and the misses of undisturbed TLBs.
fn prepare(plan: &Plan<'_>, cells: &[usize]) -> Vec<Option<MissLog>> {
    // One trace after the other: encoding bursts uses all cores inside a lock, and a thread that
    // waited for a second such lock could wait for itself.
    for &cell in cells {
        let cell = &plan.cells[cell];
        match cell.model().has_frames() {
            true => _ = bursts_of(plan, cell),
            false => plan.prepare_model(cell),
        }
    }
    let traces: Vec<usize> = (0..plan.traces.len()).collect();
    let logs = traces.into_par_iter().map(|trace| misses_of(plan, trace));
    logs.collect()
}

/// Returns the misses of undisturbed TLBs, if the replays of the trace can follow them.
fn misses_of(plan: &Plan<'_>, trace: usize) -> Option<MissLog> {
    let settings = &plan.settings;
    let in_memory = plan.traces[trace].trace.store().is_none();
    if settings.engine == Engine::Plain || settings.accessed != AccessedBitMode::Every || !in_memory
    {
        return None;
    }
    let mut cells = plan.cells.iter();
    let cell = cells.find(|cell| cell.trace == trace && cell.model().has_frames())?;
    let resolved = plan.traces[trace];
    MissLog::of(
        &plan.tlb_of(cell)?,
        &resolved.trace,
        resolved.space.as_ref(),
    )
}

/// Returns the bursts to replay a cell by; `None` if single references are faster.
fn bursts_of<'t>(plan: &Plan<'t>, cell: &Cell) -> Option<BurstsView<'t>> {
    let spec = cell.choice.spec();
    if plan.settings.engine == Engine::Plain || spec.bursts == HitDelivery::Never {
        return None;
    }
    let tau = cell.tau.unwrap_or(1);
    choose_bursts(spec, cell.frames, tau, plan.traces[cell.trace].bursts()?)
}

/// Replays the cell at `index`, whose trace is in memory, and passes every fault and expiry to
/// `listener`.
pub fn listen(
    plan: &Plan<'_>,
    index: usize,
    listener: &mut dyn Listener,
) -> Result<Outcome, String> {
    with_job(plan, index, None, |job| vm::run_with(job, listener))
}

fn run_cell(
    plan: &Plan<'_>,
    index: usize,
    misses: Option<&MissLog>,
    misses_to: Option<&OpenMisses<'_>>,
) -> CellResult {
    let start = Instant::now();
    let outcome = match misses_to {
        None => with_job(plan, index, misses, vm::run),
        Some(open) => MissStream::open(plan, index, open).and_then(|mut stream| {
            let outcome = with_job(plan, index, misses, |job| vm::run_with(job, &mut stream))?;
            caught(|| stream.finish(&outcome))?;
            Ok(outcome)
        }),
    };
    CellResult {
        outcome,
        wall: Some(start.elapsed()),
    }
}

/// Replays one cell by `replay`, by bursts where that is faster. A replay that panics is an error.
fn with_job(
    plan: &Plan<'_>,
    index: usize,
    misses: Option<&MissLog>,
    replay: impl FnOnce(&Job<'_>) -> Result<Outcome, RunError>,
) -> Result<Outcome, String> {
    let cell = &plan.cells[index];
    if !cell.model().has_frames() {
        return caught(|| plan.run_model(cell));
    }
    let inputs = plan.inputs(cell)?;
    let job = Job {
        bursts: bursts_of(plan, cell),
        misses,
        ..inputs.job()
    };
    caught(|| replay(&job).map_err(|e| e.to_string()))
}

/// Does `work`; a panic becomes an error, so that one cell fails alone.
fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("internal error: {}", text.unwrap_or_default()))
    })
}
