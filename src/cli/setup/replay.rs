//! Replaying a plan with progress on standard error, and the threads that do it.

use super::failure::Failure;
use super::host::cores;
use super::progress::{Progress, note};
use super::signals::Signals;
use crate::cli::args::{SweepArgs, TerminalArgs};
use crate::exit::{self, ExitCode};
use crate::sweep::{self, Cell, CellResult, OpenMisses, Plan};
use crate::threads;
use crate::units::{counted, show_count};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// Limits all work to `threads` threads, also the reading of traces. Notes if fewer can be started.
pub fn use_threads(threads: usize) {
    let started = threads::make_global_pool(threads);
    if started < threads {
        note(&format!(
            "note: {started} of {} can be started: results are the same, but later (see ulimit -u)",
            counted(threads as u64, "thread")
        ));
    }
}

/// Uses all cores.
pub fn use_all_cores() {
    use_threads(cores());
}

/// Replays the plan. Returns the result of each cell; `None` for cells that a signal prevented.
pub fn replay(
    plan: &Plan<'_>,
    sweep: &SweepArgs,
    terminal: &TerminalArgs,
    signals: &Signals,
) -> Result<Vec<Option<CellResult>>, Failure> {
    replay_and(plan, sweep, terminal, signals, None, &|_, _| {})
}

/// Replays the plan like [`replay`], writes miss streams to what `misses` opens, if it is given, and
/// calls `finished` after each cell, with the cell's place in the plan.
pub fn replay_and(
    plan: &Plan<'_>,
    sweep: &SweepArgs,
    terminal: &TerminalArgs,
    signals: &Signals,
    misses: Option<&OpenMisses<'_>>,
    finished: &(dyn Fn(usize, &CellResult) + Sync),
) -> Result<Vec<Option<CellResult>>, Failure> {
    let threads = sweep.threads()?;
    let refs_of = |cell: &Cell| plan.traces[cell.trace].trace.len();
    let total: u64 = plan.cells.iter().map(|cell| refs_of(cell) as u64).sum();
    let progress = Progress::new(terminal, total);
    let start = Instant::now();
    let refs = AtomicU64::new(0);
    let by_curve = AtomicUsize::new(0);
    let interrupt_noted = AtomicBool::new(false);
    signals.finish_running_cells_first();
    let results = sweep::run_with_misses(plan, threads, signals.stop(), misses, &|cell, result| {
        let replayed = result.replayed(refs_of(&plan.cells[cell]));
        finished(cell, result);
        if result.wall.is_some() {
            refs.fetch_add(replayed, Ordering::Relaxed);
        } else {
            by_curve.fetch_add(1, Ordering::Relaxed);
        }
        progress.advance(replayed);
        if signals.code().is_some() && !interrupt_noted.swap(true, Ordering::Relaxed) {
            progress.note("finishing the cells under way; interrupt again to stop at once");
        }
    });
    progress.finish();
    let summary = Summary {
        cells: plan.cells.len(),
        finished: results.iter().flatten().count(),
        by_curve: by_curve.into_inner(),
        refs: refs.into_inner(),
        seconds: start.elapsed().as_secs_f64(),
        threads: threads.min(rayon::current_num_threads()),
    };
    progress.note(&summary.sentence());
    Ok(results)
}

/// Returns the exit code of a cell that failed. Some traces stay in their files, or are verified only where
/// a curve reads them: what is wrong with these shows late, and is still their fault.
pub fn code_of_failed(plan: &Plan<'_>, trace: &str) -> ExitCode {
    let mut traces = plan.traces.iter().map(|resolved| &resolved.trace);
    match traces.any(|t| t.meta.name == trace && t.is_refuted()) {
        true => exit::BAD_TRACE,
        false => exit::FAILURE,
    }
}

/// How a replay went.
struct Summary {
    /// The cells of the plan.
    cells: usize,
    /// The cells that have a result.
    finished: usize,
    /// Of these, the cells whose counts a curve gave.
    by_curve: usize,
    /// References of the cells that were replayed one by one.
    refs: u64,
    seconds: f64,
    threads: usize,
}

impl Summary {
    fn sentence(&self) -> String {
        let Summary {
            cells,
            finished,
            by_curve,
            refs,
            seconds,
            threads,
        } = *self;
        let on = counted(threads as u64, "thread");
        if by_curve > 0 && by_curve == finished {
            return format!("curves gave {by_curve} of {cells} cells in {seconds:.2} s on {on}");
        }
        let curves = match by_curve {
            0 => String::new(),
            n => format!(", and {n} by curves,"),
        };
        format!(
            "replayed {} references in {} of {cells} cells{curves} in {seconds:.2} s: {} references/s on {on}",
            show_count(refs),
            finished - by_curve,
            show_count((refs as f64 / seconds.max(1e-9)) as u64),
        )
    }
}
