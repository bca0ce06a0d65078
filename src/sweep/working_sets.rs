//! Mean working sets at windows of about every length, for a trace of several processes or with
//! events. The clock of a process stands still while another runs, and a shared page is resident
//! while it is in the window of any process. Exact at the windows of [`grid`], except for pages that
//! advice brings in: good enough to choose windows, not to count faults.
//!
//! Deliberately absent: limits, frames, write-backs.

use crate::space::{NONE, Op, OpAt, Resolved};
use crate::trace::TraceError;
use crate::trace::model::refs::{PageKey, page_of};

/// Returns windows from 1 up to at least `top`. Each is longer than the one before by a sixteenth of
/// it, or by 1 if that is more.
fn grid(top: u64) -> Vec<u64> {
    let next = |window: &u64| (*window < top).then(|| window + (window / 16).max(1));
    std::iter::successors(Some(1), next).collect()
}

/// The mean number of resident pages with each window.
pub struct WorkingSets {
    windows: Vec<u64>,
    means: Vec<f64>,
    /// With a window longer than this no mean changes.
    longest: u64,
}

impl WorkingSets {
    /// Computes the means of a trace with at least one reference.
    pub fn of(resolved: &Resolved) -> Result<WorkingSets, TraceError> {
        let trace = &resolved.trace;
        let mut replay = Replay::new(resolved);
        let mut ops = resolved.space.iter().flat_map(|s| &s.ops).peekable();
        let mut position = 0;
        trace.tiles(|tile| {
            for &reference in tile.refs {
                while let Some(at) = ops.next_if(|at| at.position <= position) {
                    replay.op(at);
                }
                replay.reference(page_of(reference), position);
                position += 1;
            }
            true
        })?;
        ops.for_each(|at| replay.op(at));
        Ok(replay.finish(position))
    }

    /// Returns the window whose mean is nearest to `pages`, linear between windows of the grid. If every
    /// mean is less, returns the shortest window with the greatest mean.
    pub fn window_for(&self, pages: f64) -> u64 {
        let at = self.means.partition_point(|&mean| mean < pages);
        let Some(&high) = self.windows.get(at) else {
            return self.longest;
        };
        let Some(below) = at.checked_sub(1) else {
            return high;
        };
        let (low, means) = (self.windows[below], (self.means[below], self.means[at]));
        let share = (pages - means.0) / (means.1 - means.0);
        (low + ((high - low) as f64 * share).round() as u64).min(self.longest)
    }
}

/// References of a process that no other process interrupts.
#[derive(Clone, Copy)]
struct Run {
    /// The process's clock at the first of them, from 1.
    time: u64,
    /// The position of that reference in the trace.
    position: u64,
}

/// The state of one pass over the references.
struct Replay<'r> {
    entries: &'r [PageKey],
    windows: Vec<u64>,
    /// The residence of all pages, in references, by window: `from` adds to a window and all longer
    /// ones, `only` to that window alone.
    from: Vec<u64>,
    only: Vec<u64>,
    longest: u64,
    clocks: Vec<u64>,
    runs: Vec<Vec<Run>>,
    running: u32,
    /// For each entry: the page that it maps to, its process's clock at its last reference (0: it does
    /// not keep the page resident), and the next entry that keeps the same page resident.
    shows: Vec<u32>,
    last: Vec<u64>,
    next: Vec<u32>,
    /// For each page: an entry that keeps it resident, and the position up to which its residence is
    /// counted.
    head: Vec<u32>,
    since: Vec<u64>,
}

impl<'r> Replay<'r> {
    fn new(resolved: &'r Resolved) -> Replay<'r> {
        let entries = resolved.entries();
        let processes = resolved.trace.dictionary.pids.len();
        let windows = grid(resolved.trace.len() as u64);
        let shows: Vec<u32> = match &resolved.space {
            Some(space) => space.first_object.clone(),
            None => (0..entries.len() as u32).collect(),
        };
        let pages = resolved.objects();
        Replay {
            entries,
            from: vec![0; windows.len()],
            only: vec![0; windows.len()],
            windows,
            longest: 1,
            clocks: vec![0; processes],
            runs: vec![Vec::new(); processes],
            running: NONE,
            shows,
            last: vec![0; entries.len()],
            next: vec![NONE; entries.len()],
            head: vec![NONE; pages],
            since: vec![0; pages],
        }
    }

    fn reference(&mut self, entry: u32, position: u64) {
        let process = self.entries[entry as usize].process;
        let clock = &mut self.clocks[process as usize];
        *clock += 1;
        let time = *clock;
        if self.running != process {
            self.running = process;
            self.runs[process as usize].push(Run { time, position });
        }
        let page = self.shows[entry as usize];
        self.count(page, position, Some(entry));
        if self.last[entry as usize] == 0 {
            self.keep(entry);
        }
        self.last[entry as usize] = time;
    }

    /// Records that `entry` keeps its page resident from now on.
    fn keep(&mut self, entry: u32) {
        let page = self.shows[entry as usize];
        self.next[entry as usize] = self.head[page as usize];
        self.head[page as usize] = entry;
    }

    fn op(&mut self, at: &OpAt) {
        match at.op {
            Op::Bind { entry, object }
            | Op::CowCopy { entry, object, .. }
            | Op::PopulateCopy { entry, object, .. } => {
                self.leave(entry, at.position);
                self.shows[entry as usize] = object;
            }
            Op::Move { from, to } => {
                let last = self.last[from as usize];
                self.leave(from, at.position);
                if last != 0 {
                    self.last[to as usize] = last;
                    self.keep(to);
                }
            }
            Op::Drop { entry } | Op::Unmap { entry } => self.leave(entry, at.position),
            Op::Free { object, .. } => {
                while self.head[object as usize] != NONE {
                    self.leave(self.head[object as usize], at.position);
                }
            }
            Op::Copy { .. }
            | Op::Flush { .. }
            | Op::Prefetch { .. }
            | Op::Populate { .. }
            | Op::FileIo { .. }
            | Op::Original { .. }
            | Op::Reuse { .. } => {}
        }
    }

    /// Ends the residence of a page through `entry`.
    fn leave(&mut self, entry: u32, position: u64) {
        if self.last[entry as usize] == 0 {
            return;
        }
        let page = self.shows[entry as usize];
        self.count(page, position, None);
        self.last[entry as usize] = 0;
        let after = self.next[entry as usize];
        if self.head[page as usize] == entry {
            self.head[page as usize] = after;
            return;
        }
        let mut before = self.head[page as usize];
        while self.next[before as usize] != entry {
            before = self.next[before as usize];
        }
        self.next[before as usize] = after;
    }

    /// Counts the residence of a page up to `position`, at which entry `by` references it.
    fn count(&mut self, page: u32, position: u64, by: Option<u32>) {
        let since = std::mem::replace(&mut self.since[page as usize], position);
        if self.head[page as usize] == NONE {
            return;
        }
        // A page that is referenced when its window closes stays.
        // The shortest window with which the page was resident all the time.
        let enough = |entry: u32| {
            let clock = self.clocks[self.entries[entry as usize].process as usize];
            clock - self.last[entry as usize] + u64::from(by != Some(entry))
        };
        let enough = self.keepers(page).map(enough).min().unwrap_or(0);
        self.longest = self.longest.max(enough);
        let whole = self.windows.partition_point(|&window| window < enough);
        if let Some(from) = self.from.get_mut(whole) {
            *from += position - since;
        }
        for at in 0..whole {
            let closes = |entry| self.closes(entry, self.windows[at]);
            let end = self.keepers(page).map(closes).max().unwrap_or(since);
            self.only[at] += end.saturating_sub(since);
        }
    }

    /// Returns the entries that keep `page` resident.
    fn keepers(&self, page: u32) -> impl Iterator<Item = u32> + '_ {
        let next = |&entry: &u32| Some(self.next[entry as usize]).filter(|&e| e != NONE);
        std::iter::successors(Some(self.head[page as usize]), next)
    }

    /// Returns the position at which the window of `entry` closed.
    fn closes(&self, entry: u32, window: u64) -> u64 {
        let runs = &self.runs[self.entries[entry as usize].process as usize];
        let time = self.last[entry as usize] + window;
        let run = runs[runs.partition_point(|run| run.time <= time) - 1];
        run.position + (time - run.time)
    }

    fn finish(mut self, refs: u64) -> WorkingSets {
        for page in 0..self.head.len() as u32 {
            self.count(page, refs, None);
        }
        let mut whole = 0;
        let means = self.from.iter().zip(&self.only).map(|(from, only)| {
            whole += from;
            (whole + only) as f64 / refs.max(1) as f64
        });
        WorkingSets {
            means: means.collect(),
            windows: self.windows,
            longest: self.longest,
        }
    }
}
