//! Faults and resident pages over time: replays cells once more and takes the states of their pages
//! at the end of each window of references. Knows nothing of how they are shown.

use super::Plan;
use crate::space::End;
use crate::vm::machine::snapshot::states;
use crate::vm::{AccessedBitMode, Job, States};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Windows of a trace, about, unless the user gives their length.
const WINDOWS: u64 = 400;

/// The most windows of a trace.
pub const WINDOWS_MAX: u64 = 10_000;

/// Returns the length of a window in references, unless the user gives it: a number of two digits that
/// makes about 400 windows.
pub fn window_for(refs: u64) -> u64 {
    super::auto_sizes::round(refs / WINDOWS)
}

/// Returns the positions between windows, from `from` (the end of the warm-up) to `to` (the end of the
/// trace), both included.
fn positions(from: u64, to: u64, window: u64) -> Vec<u64> {
    let count = (to - from).div_ceil(window);
    let end = |n: u64| to.min(from.saturating_add(n.saturating_mul(window)));
    (0..=count).map(end).collect()
}

/// The states of a cell's pages over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellStates {
    /// The states at each position between windows.
    pub states: Vec<States>,
    /// Where full swap ended the replay, if it did.
    pub end: Option<End>,
}

/// Returns for each cell the states of its pages between windows of `window` references (`None`: about
/// 400 windows). A cell has none if its replay fails, if its trace is not in memory, or if `stop` was
/// true before it began. If full swap ended its replay, its states end there too.
pub fn windows(plan: &Plan<'_>, window: Option<u64>, stop: &AtomicBool) -> Vec<Option<CellStates>> {
    let of = |cell| {
        if stop.load(Ordering::Relaxed) {
            None
        } else {
            states_of(plan, cell, window)
        }
    };
    (0..plan.cells.len()).into_par_iter().map(of).collect()
}

fn states_of(plan: &Plan<'_>, index: usize, window: Option<u64>) -> Option<CellStates> {
    let cell = &plan.cells[index];
    let trace = &plan.traces[cell.trace].trace;
    if trace.store().is_some() {
        return None;
    }
    let inputs = plan.inputs(cell).ok()?;
    let job = inputs.job();
    // Neither faults nor pages depend on TLBs unless walks set the reference bits.
    let job = Job {
        tlb: job.tlb.filter(|_| job.accessed != AccessedBitMode::Every),
        ..job
    };
    let refs = trace.len() as u64;
    let from = plan.facts[cell.trace].warmup_refs;
    let window = window.unwrap_or_else(|| window_for(refs - from));
    let (states, end) = states(&job, &positions(from, refs, window)).ok()?;
    Some(CellStates { states, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_gapless() {
        assert_eq!(positions(0, 10, 4), [0, 4, 8, 10]);
        assert_eq!(positions(5, 10, 5), [5, 10]);
        assert_eq!(positions(0, 3, 100), [0, 3]);
        assert_eq!(positions(5, 12, u64::MAX), [5, 12]);
        assert_eq!((window_for(12), window_for(8_234_537)), (1, 21_000));
    }
}
