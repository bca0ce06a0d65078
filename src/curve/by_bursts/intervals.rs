//! The working set and VMIN by bursts. An interval between bursts begins with the last reference of
//! a page in one burst and ends with its first reference in a later burst; an interval within a burst
//! is a [gap](gaps). With windows as long as the longest burst no gap is cut and no reference within
//! a burst faults. Then only the number of gaps and their total length matter, and both follow from
//! the offsets.

use super::gaps::{Edges, Gaps, gaps};
use crate::curve::TooLong;
use crate::curve::intervals::{
    IntervalTally, Open, Processes, Turns, UseIntervals, clocks_fit, lasting, process_of, ticks,
};
use crate::trace::bursts::{Bursts, Columns, K_MAX};
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::page_of;

/// Collects the intervals of a trace from its bursts, for windows of at least `least` references.
pub fn intervals(trace: &Trace, bursts: &Bursts, least: u64) -> Result<UseIntervals, TooLong> {
    clocks_fit(trace)?;
    let view = bursts.of(K_MAX);
    let columns = view.columns;
    let longest = columns.starts.windows(2).map(|pair| pair[1] - pair[0]);
    let within = if least < longest.max().unwrap_or(0) {
        Some(gaps(view))
    } else {
        None
    };
    let mut pass = Pass {
        columns,
        within: within.as_ref(),
        open: Open::new(trace.distinct()),
    };
    let processes = match trace.dictionary.pids.len() {
        0 | 1 => {
            pass.one_process(trace);
            None
        }
        _ => Some(pass.several(trace)),
    };
    let Pass { mut open, .. } = pass;
    let within = match within {
        Some(gaps) => {
            open.add_rewrites(&gaps.rewrites);
            IntervalTally::of_lengths(&gaps.lengths)
        }
        None => sums(columns),
    };
    Ok(open.finish(trace.len(), within, processes))
}

/// Returns a tally of all gaps as if each had the shortest length.
fn sums(columns: &Columns) -> IntervalTally {
    let offsets = columns.first.iter().zip(&columns.last);
    let lasts = offsets.map(|(&first, &last)| u64::from(last - first)).sum();
    let refs = columns.starts.last().copied().unwrap_or(0);
    IntervalTally::of_short(refs - columns.pages.len() as u64, lasts)
}

/// One pass over the bursts.
struct Pass<'t> {
    columns: &'t Columns,
    within: Option<&'t Gaps>,
    open: Open,
}

impl Pass<'_> {
    fn one_process(&mut self, trace: &Trace) {
        for burst in 0..self.columns.len() {
            let start = self.columns.starts[burst] as u32;
            self.burst(burst, start, ticks, |_, _| ());
        }
        self.open.close(trace.len());
    }

    fn several(&mut self, trace: &Trace) -> Processes {
        let columns = self.columns;
        // A burst is of one process: that of its first page.
        let run = |burst: usize| {
            let page = page_of(columns.pages[columns.offsets[burst]]);
            let range = columns.range(burst);
            (
                process_of(trace, page),
                range.start as u32..range.end as u32,
            )
        };
        let mut turns = Turns::new(trace, || (0..columns.len()).map(run));
        for burst in 0..columns.len() {
            let (process, run) = run(burst);
            let Turns {
                clocks,
                positions,
                starts,
                spans,
            } = &mut turns;
            let from = starts[process];
            let lasts = lasting(&positions[from..]);
            self.burst(burst, clocks[process], lasts, |before, length| {
                spans.push((from as u32 + before - 1, length));
            });
            clocks[process] += run.len() as u32;
        }
        turns.close(trace, &mut self.open)
    }

    /// Notes the references of burst `burst`; its process's clock stood at `clock` before it. `lasts`
    /// returns how long an interval lasts. Calls `note` with the clock at the beginning and the length
    /// of each interval longer than one tick.
    #[inline(always)]
    fn burst(
        &mut self,
        burst: usize,
        clock: u32,
        lasts: impl Fn(u32, u32) -> u64,
        mut note: impl FnMut(u32, u32),
    ) {
        let columns = self.columns;
        for at in columns.list(burst) {
            let listed = columns.pages[at];
            let edges = match self.within {
                Some(gaps) => gaps.edges[at],
                None => Edges::default(),
            };
            let first = clock + u32::from(columns.first[at]) + 1;
            let last = clock + u32::from(columns.last[at]) + 1;
            let longest = (
                u32::from(edges.to_first_write),
                u32::from(edges.after_last_write),
            );
            let write = listed & 1 != 0;
            let touched = self
                .open
                .pass(page_of(listed), write, first..=last, longest, &lasts);
            if let Some(before) = touched
                && first - before > 1
            {
                note(before, first - before);
            }
        }
    }
}
