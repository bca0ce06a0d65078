//! The working set and VMIN by bursts. From one burst to the next an interval begins with the last
//! reference of a page in a burst and ends with the first of one in a later burst; those within a
//! burst are [`gaps`]. With windows as long as the longest burst nothing within one is ever cut or
//! faults: how many gaps there are and how long they last together is then all that matters, and
//! follows from the offsets.

use super::gaps::{Edges, Gaps, gaps};
use crate::curve::TooLong;
use crate::curve::intervals::{Intervals, Open, Processes, Tally, clocks_fit, lasting};
use crate::trace::bursts::{Bursts, Columns, K_MAX};
use crate::trace::dense::{Trace, page_of};

/// Runs over the bursts of a trace for windows of at least `least` references.
pub fn intervals(trace: &Trace, bursts: &Bursts, least: u64) -> Result<Intervals, TooLong> {
    clocks_fit(trace)?;
    let view = bursts.of(K_MAX);
    let columns = view.columns;
    let longest = columns.starts.windows(2).map(|pair| pair[1] - pair[0]);
    let within = match least < longest.max().unwrap_or(0) {
        true => Some(gaps(view)),
        false => None,
    };
    let mut pass = Pass {
        trace,
        columns,
        within: within.as_ref(),
        clocks: vec![0; trace.dictionary.pids.len()],
        open: Open::new(trace.distinct()),
    };
    let processes = match trace.dictionary.pids.len() {
        0 | 1 => {
            pass.one_process();
            None
        }
        _ => Some(pass.several()),
    };
    let Pass { mut open, .. } = pass;
    let within = match within {
        Some(gaps) => {
            open.add_rewrites(&gaps.rewrites);
            Tally::of_lengths(&gaps.lengths)
        }
        None => sums(columns),
    };
    Ok(open.finish(trace.len(), within, processes))
}

/// All gaps as if they were of the shortest length.
fn sums(columns: &Columns) -> Tally {
    let offsets = columns.first.iter().zip(&columns.last);
    let lasts = offsets.map(|(&first, &last)| u64::from(last - first)).sum();
    let refs = columns.starts.last().copied().unwrap_or(0);
    Tally::of_short(refs - columns.pages.len() as u64, lasts)
}

/// One pass over the bursts.
struct Pass<'t> {
    trace: &'t Trace,
    columns: &'t Columns,
    within: Option<&'t Gaps>,
    /// How many references of each process have passed.
    clocks: Vec<u32>,
    open: Open,
}

impl Pass<'_> {
    fn process(&self, page: u32) -> usize {
        self.trace.dictionary.pages[page as usize].process as usize
    }

    fn one_process(&mut self) {
        let lasts = |from: u32, to: u32| u64::from(to - from);
        for burst in 0..self.columns.len() {
            let start = self.columns.starts[burst] as u32;
            self.burst(burst, start, lasts, |_, _| ());
        }
        for page in self.open.seen() {
            self.open.end(page, self.trace.len() as u32 + 1, lasts);
        }
    }

    fn several(&mut self) -> Processes {
        let (positions, starts) = self.positions();
        let mut spans = Vec::new();
        for burst in 0..self.columns.len() {
            let process = self.process(page_of(self.columns.pages[self.columns.offsets[burst]]));
            let clock = self.clocks[process];
            let from = starts[process];
            let lasts = lasting(&positions[from..]);
            self.burst(burst, clock, lasts, |before, length| {
                spans.push((from as u32 + before - 1, length));
            });
            let length = self.columns.starts[burst + 1] - self.columns.starts[burst];
            self.clocks[process] += length as u32;
        }
        for page in self.open.seen() {
            let process = self.process(page);
            let end = self.clocks[process] + 1;
            let begin = self.open.last_use(page);
            spans.push((starts[process] as u32 + begin - 1, end - begin));
            self.open
                .end(page, end, lasting(&positions[starts[process]..]));
        }
        Processes::new(positions, spans)
    }

    /// A burst whose process's clock stood at `clock` before it; `note` hears of intervals longer
    /// than one tick: the clock at their beginning and their length.
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
            let longest = (u32::from(edges.before), u32::from(edges.behind));
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

    /// The positions of the references of each process, and the trace's end; and where those of
    /// each process begin.
    fn positions(&self) -> (Vec<u32>, Vec<usize>) {
        let columns = self.columns;
        let runs = || {
            columns.starts.windows(2).enumerate().map(|(burst, pair)| {
                let page = page_of(columns.pages[columns.offsets[burst]]);
                (self.process(page), pair[0] as u32..pair[1] as u32)
            })
        };
        let mut counts = vec![0usize; self.clocks.len()];
        runs().for_each(|(process, run)| counts[process] += run.len());
        let mut starts = Vec::with_capacity(counts.len());
        let mut total = 0;
        for count in &counts {
            starts.push(total);
            total += count + 1;
        }
        let mut positions = vec![self.trace.len() as u32; total];
        let mut next = starts.clone();
        for (process, run) in runs() {
            let from = next[process];
            next[process] += run.len();
            let run = positions[from..next[process]].iter_mut().zip(run);
            run.for_each(|(slot, position)| *slot = position);
        }
        (positions, starts)
    }
}
