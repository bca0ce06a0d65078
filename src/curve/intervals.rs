//! The working set and VMIN at every window in one pass, from the intervals between references
//! of the same page in references of its process (Slutz and Traiger, "A note on the calculation
//! of average working set size", Communications of the ACM 17(10), 1974).
//!
//! With window tau a reference faults if more than tau references of its process passed since the
//! last reference of its page. After a reference the page stays for tau references of its process,
//! or until its next reference if that is sooner. Under VMIN the page stays until its next reference
//! if that is within tau, and leaves before the next reference of any process if not (Prieve and
//! Fabry, "VMIN: an optimal variable-space page replacement algorithm", Communications of the ACM
//! 19(5), 1976). A page's last interval ends with the trace.
//!
//! The length of an interval is counted in references of its process. If several processes take
//! turns, the interval *lasts* as many references as all of them make in the meantime.
//!
//! Deliberately absent: which windows are wanted.

use super::{Point, TooLong};
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::{Ref, page_of};
use std::ops::{Range, RangeInclusive};

/// Intervals shorter than this are counted in an array; longer ones are listed.
const SHORT: usize = 1 << 16;
/// [`Stamp::longest`] of a page that was not written.
const CLEAN: u32 = u32::MAX;

/// The intervals of a trace: enough to compute the counts at any window.
#[derive(Debug)]
pub struct UseIntervals {
    refs: u64,
    pages: u64,
    /// Between two references of a page.
    inner: IntervalTally,
    /// Like `inner`, for intervals in which only the page's own process runs.
    within: IntervalTally,
    /// From the last reference of each page to one tick after the process's last.
    last: IntervalTally,
    /// Pages that are written.
    written: u64,
    /// For each write of a page but its first, the longest interval since the write before. With a
    /// shorter window the page left since, and the write makes it dirty again.
    rewrites: IntervalTally,
    /// For each written page, the longest interval since its last write. With a window of that
    /// length or more the page is dirty at the end.
    stays: IntervalTally,
    processes: Option<Processes>,
}

/// Intervals by length: how many there are, and how long they last in references of all processes.
#[derive(Debug)]
pub(super) struct IntervalTally {
    /// By length: the number of intervals up to it, and how long these last together.
    short: Vec<(u64, u128)>,
    /// Each longer interval in order of length, with the sums up to it, short ones included.
    long: Vec<(u32, u64, u128)>,
}

/// The intervals of several processes. A window may cut an interval at any reference, so how long
/// the kept part lasts depends on when the other processes ran.
#[derive(Debug)]
pub(super) struct Processes {
    /// One process after the other: the positions of its references, and the end of the trace.
    positions: Vec<u32>,
    /// The intervals, last ones included: the index in `positions` at which each begins, and its
    /// length; the longest first. Intervals of length 1, which no window cuts, are left out.
    spans: Vec<(u32, u32)>,
}

/// A [`IntervalTally`] that is being filled.
pub(super) struct Growing {
    short: Vec<(u64, u64)>,
    long: Vec<(u32, u64)>,
}

impl Growing {
    fn new() -> Growing {
        Growing {
            short: vec![(0, 0); SHORT],
            long: Vec::new(),
        }
    }

    #[inline(always)]
    fn note(&mut self, interval: u32, lasts: u64) {
        match self.short.get_mut(interval as usize) {
            Some(entry) => {
                entry.0 += 1;
                entry.1 += lasts;
            }
            None => self.long.push((interval, lasts)),
        }
    }

    fn finish(mut self) -> IntervalTally {
        let (mut count, mut sum) = (0, 0);
        let mut add = |more: u64, lasts: u64| {
            count += more;
            sum += u128::from(lasts);
            (count, sum)
        };
        let short = self.short.iter().map(|&(more, lasts)| add(more, lasts));
        let short = short.collect();
        self.long.sort_unstable_by_key(|&(interval, _)| interval);
        let long = self.long.iter().map(|&(interval, lasts)| {
            let (count, sum) = add(1, lasts);
            (interval, count, sum)
        });
        let long = long.collect();
        IntervalTally { short, long }
    }
}

impl IntervalTally {
    /// Returns a tally of `counts[length]` intervals of each `length` below [`SHORT`], which last as
    /// long as they are.
    pub fn of_lengths(counts: &[u64]) -> IntervalTally {
        let mut growing = Growing::new();
        for ((length, &count), entry) in counts.iter().enumerate().zip(&mut growing.short) {
            *entry = (count, count * length as u64);
        }
        growing.finish()
    }

    /// Returns a tally of `count` intervals that no window cuts and that last `lasts` references
    /// together.
    pub fn of_short(count: u64, lasts: u64) -> IntervalTally {
        let mut growing = Growing::new();
        growing.short[1] = (count, lasts);
        growing.finish()
    }

    /// Returns the number of intervals.
    fn count(&self) -> u64 {
        self.up_to(u64::MAX).0
    }

    /// Returns the number of intervals of at most `interval`, and how long these last together.
    fn up_to(&self, interval: u64) -> (u64, u128) {
        if let Some(&entry) = self.short.get(usize::try_from(interval).unwrap_or(SHORT)) {
            return entry;
        }
        let long = self
            .long
            .partition_point(|&(length, ..)| u64::from(length) <= interval);
        match long.checked_sub(1) {
            Some(last) => (self.long[last].1, self.long[last].2),
            None => self.short[SHORT - 1],
        }
    }
}

/// The state of a page during the pass.
#[derive(Clone, Copy)]
struct Stamp {
    /// The process's clock at the last reference; 0 before the first, as clocks begin at 1.
    last: u32,
    /// The longest interval since it was last written.
    longest: u32,
}

/// Collects the intervals of a trace from its references.
pub fn intervals(trace: &Trace) -> Result<UseIntervals, TooLong> {
    clocks_fit(trace)?;
    let mut open = Open::new(trace.distinct());
    let processes = match trace.dictionary.pids.len() {
        0 | 1 => {
            one_process(trace, &mut open);
            None
        }
        _ => Some(several(trace, &mut open)),
    };
    Ok(open.finish(trace.len(), IntervalTally::of_short(0, 0), processes))
}

/// Errors if a clock could overflow its 32 bits.
pub(super) fn clocks_fit(trace: &Trace) -> Result<(), TooLong> {
    // Each process has one position more than references.
    if trace.len() + trace.dictionary.pids.len() < u32::MAX as usize {
        Ok(())
    } else {
        Err(TooLong("the working set"))
    }
}

/// Intervals being collected.
pub(super) struct Open {
    stamps: Vec<Stamp>,
    inner: Growing,
    last: Growing,
    written: u64,
    rewrites: Growing,
    stays: Growing,
    pages: u64,
}

impl Open {
    /// Starts before the first reference; pages are below `pages`.
    pub fn new(pages: usize) -> Open {
        let unseen = Stamp {
            last: 0,
            longest: CLEAN,
        };
        Open {
            stamps: vec![unseen; pages],
            inner: Growing::new(),
            last: Growing::new(),
            written: 0,
            rewrites: Growing::new(),
            stays: Growing::new(),
            pages: 0,
        }
    }

    /// Notes a reference at clock `now` of its process. `lasts` returns how long an interval lasts.
    /// Returns the clock at the page's reference before, if there was one.
    #[inline(always)]
    fn touch(
        &mut self,
        page: u32,
        write: bool,
        now: u32,
        lasts: impl Fn(u32, u32) -> u64,
    ) -> Option<u32> {
        self.pass(page, write, now..=now, (0, 0), lasts)
    }

    /// Notes several references of a page, the first and the last of them at `clocks`. `longest` has
    /// the longest interval between them up to their first write (without a write, of all) and that
    /// after their last write; writes between these two are not counted here. `lasts` returns how
    /// long an interval lasts. Returns the clock at the page's reference before, if there was one.
    #[inline(always)]
    pub fn pass(
        &mut self,
        page: u32,
        write: bool,
        clocks: RangeInclusive<u32>,
        longest: (u32, u32),
        lasts: impl Fn(u32, u32) -> u64,
    ) -> Option<u32> {
        let stamp = &mut self.stamps[page as usize];
        let before = std::mem::replace(&mut stamp.last, *clocks.end());
        let mut since = stamp.longest.max(longest.0);
        if before == 0 {
            self.pages += 1;
        } else {
            let interval = clocks.start() - before;
            self.inner.note(interval, lasts(before, *clocks.start()));
            since = since.max(interval);
        }
        if write {
            match since {
                CLEAN => self.written += 1,
                since => self.rewrites.note(since, 0),
            }
            since = longest.1;
        }
        stamp.longest = since;
        (before > 0).then_some(before)
    }

    /// Adds writes that [`Open::pass`] did not count: `counts[interval]` have `interval`, below
    /// [`SHORT`], as their longest interval since the write before.
    pub fn add_rewrites(&mut self, counts: &[u64]) {
        for (entry, count) in self.rewrites.short.iter_mut().zip(counts) {
            entry.0 += count;
        }
    }

    /// Ends a trace of one process after `refs` references.
    pub fn close(&mut self, refs: usize) {
        for page in self.seen() {
            self.close_page(page, refs as u32 + 1, ticks);
        }
    }

    /// Closes the last interval of `page`: the clock of its process stands at `end`, one tick after
    /// its last reference. `lasts` returns how long an interval lasts. Returns the clock at the last
    /// reference of `page`.
    fn close_page(&mut self, page: u32, end: u32, lasts: impl Fn(u32, u32) -> u64) -> u32 {
        let stamp = self.stamps[page as usize];
        let interval = end - stamp.last;
        self.last.note(interval, lasts(stamp.last, end));
        if stamp.longest != CLEAN {
            self.stays.note(stamp.longest.max(interval), 0);
        }
        stamp.last
    }

    /// Returns the intervals of a trace of `refs` references; `within` holds those that
    /// [`Open::pass`] did not count.
    pub fn finish(
        self,
        refs: usize,
        within: IntervalTally,
        processes: Option<Processes>,
    ) -> UseIntervals {
        UseIntervals {
            refs: refs as u64,
            pages: self.pages,
            inner: self.inner.finish(),
            within,
            last: self.last.finish(),
            written: self.written,
            rewrites: self.rewrites.finish(),
            stays: self.stays.finish(),
            processes,
        }
    }

    /// Returns the pages that were referenced.
    fn seen(&self) -> Vec<u32> {
        let pages = self.stamps.iter().zip(0..);
        pages
            .filter(|(stamp, _)| stamp.last > 0)
            .map(|(_, page)| page)
            .collect()
    }
}

/// How long an interval of the only process lasts, from one clock to another.
#[inline(always)]
pub(super) fn ticks(from: u32, to: u32) -> u64 {
    u64::from(to - from)
}

fn one_process(trace: &Trace, open: &mut Open) {
    for (&reference, now) in trace.refs().iter().zip(1..) {
        open.touch(page_of(reference), reference & 1 != 0, now, ticks);
    }
    open.close(trace.len());
}

fn several(trace: &Trace, open: &mut Open) -> Processes {
    let process_of = |page: u32| process_of(trace, page);
    let runs = || {
        let (refs, mut end) = (trace.refs(), 0);
        std::iter::from_fn(move || {
            let start = end;
            let process = process_of(page_of(*refs.get(start)?));
            let same = |&&reference: &&Ref| process_of(page_of(reference)) == process;
            end += refs[start..].iter().take_while(same).count();
            Some((process, start as u32..end as u32))
        })
    };
    let mut turns = Turns::new(trace, runs);
    for &reference in trace.refs() {
        let page = page_of(reference);
        let process = process_of(page);
        turns.clocks[process] += 1;
        let now = turns.clocks[process];
        let from = turns.starts[process];
        let lasts = lasting(&turns.positions[from..]);
        if let Some(before) = open.touch(page, reference & 1 != 0, now, lasts)
            && now - before > 1
        {
            turns.spans.push((from as u32 + before - 1, now - before));
        }
    }
    turns.close(trace, open)
}

/// Returns the index of the process that `page` belongs to.
#[inline(always)]
pub(super) fn process_of(trace: &Trace, page: u32) -> usize {
    trace.dictionary.pages[page as usize].process as usize
}

/// Several processes that take turns.
pub(super) struct Turns {
    /// References of each process so far.
    pub clocks: Vec<u32>,
    /// See [`Processes`]. The positions of process `p` begin at `starts[p]`.
    pub positions: Vec<u32>,
    pub starts: Vec<usize>,
    /// See [`Processes`]; in any order.
    pub spans: Vec<(u32, u32)>,
}

impl Turns {
    /// Starts before the first reference. `runs` returns stretches of the trace, in order, each of
    /// one process: its index and its positions.
    pub fn new<I>(trace: &Trace, runs: impl Fn() -> I) -> Turns
    where
        I: Iterator<Item = (usize, Range<u32>)>,
    {
        let processes = trace.dictionary.pids.len();
        let mut counts = vec![0usize; processes];
        runs().for_each(|(process, run)| counts[process] += run.len());
        let mut starts = Vec::with_capacity(processes);
        let mut total = 0;
        for count in &counts {
            starts.push(total);
            total += count + 1;
        }
        let mut positions = vec![trace.len() as u32; total];
        let mut next = starts.clone();
        for (process, run) in runs() {
            let from = next[process];
            next[process] += run.len();
            let slots = positions[from..next[process]].iter_mut().zip(run);
            slots.for_each(|(slot, position)| *slot = position);
        }
        Turns {
            clocks: vec![0; processes],
            positions,
            starts,
            spans: Vec::new(),
        }
    }

    /// Ends the trace.
    pub fn close(mut self, trace: &Trace, open: &mut Open) -> Processes {
        for page in open.seen() {
            let process = process_of(trace, page);
            let from = self.starts[process];
            let end = self.clocks[process] + 1;
            let begin = open.close_page(page, end, lasting(&self.positions[from..]));
            self.spans.push((from as u32 + begin - 1, end - begin));
        }
        // Only spans that a window cuts are looked at again.
        self.spans
            .sort_unstable_by_key(|&(_, length)| std::cmp::Reverse(length));
        Processes {
            positions: self.positions,
            spans: self.spans,
        }
    }
}

/// Returns how many references of all processes pass from one clock to another of the process with
/// these positions.
pub(super) fn lasting(positions: &[u32]) -> impl Fn(u32, u32) -> u64 + '_ {
    |from, to| u64::from(positions[to as usize - 1] - positions[from as usize - 1])
}

impl UseIntervals {
    /// Returns the counts of the working set with a window of `tau` references, at least 1.
    pub fn working_set(&self, tau: u64) -> Point {
        let (kept, kept_sum) = self.inner.up_to(tau);
        let (near, near_sum) = self.within.up_to(tau);
        let (ended, ended_sum) = self.last.up_to(tau);
        let cut = self.inner.count() - kept + self.pages - ended;
        let cut_sum = match &self.processes {
            None => u128::from(cut) * u128::from(tau),
            Some(processes) => processes.cut(tau, cut as usize),
        };
        let near_cut = u128::from(self.within.count() - near) * u128::from(tau);
        // A page that became dirty was written back when it left, unless it stays to the end.
        let became_dirty = self.written + self.rewrites.count() - self.rewrites.up_to(tau).0;
        Point {
            memory: tau,
            faults: self.refs - kept - near,
            write_backs: Some(became_dirty - self.stays.up_to(tau).0),
            resident_sum: kept_sum + near_sum + ended_sum + cut_sum + near_cut,
        }
    }

    /// Returns the counts of VMIN with a window of `tau` references, at least 1, without write-backs.
    pub fn vmin(&self, tau: u64) -> Point {
        let (kept, kept_sum) = self.inner.up_to(tau);
        let (near, near_sum) = self.within.up_to(tau);
        let faults = self.refs - kept - near;
        Point {
            memory: tau,
            faults,
            write_backs: None,
            // Every other page is resident at its reference only.
            resident_sum: kept_sum + near_sum + u128::from(faults),
        }
    }

    /// Returns the longest interval. With this window only first references fault and no page leaves.
    pub fn longest(&self) -> u64 {
        let longest = |tally: &IntervalTally| match tally.long.last() {
            Some(&(length, ..)) => u64::from(length),
            None => {
                let all = tally.short[SHORT - 1].0;
                tally.short.partition_point(|&(count, _)| count < all) as u64
            }
        };
        longest(&self.inner)
            .max(longest(&self.within))
            .max(longest(&self.last))
            .max(1)
    }
}

impl Processes {
    /// Returns how long the `count` longest intervals last together if windows of `tau` cut them.
    fn cut(&self, tau: u64, count: usize) -> u128 {
        let one = |&(from, _): &(u32, u32)| {
            let from = from as usize;
            u128::from(self.positions[from + tau as usize] - self.positions[from])
        };
        self.spans[..count].iter().map(one).sum()
    }
}
